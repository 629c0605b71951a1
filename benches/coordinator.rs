//! Prints what the coordinator costs per evaluation as the partition grows: `cargo bench --bench coordinator`.
//!
//! The integrand is noise, so that every segment is worth bisecting, and its evaluation is free: an async function
//! that is ready at once. What is left is the machinery: tree, ranks, dispatch, cache, decisions.
//!
//! `-- breakpoints` prints what a breakpoint costs beside thousands of others; `-- calls` how many calls are made for how
//! many points, where a call takes many.
#![allow(unreachable_pub, missing_docs, reason = "a program, not a library")]

#[path = "../tests/it/support/parallel.rs"]
#[allow(dead_code, reason = "another bench uses the rest")]
mod parallel;

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Instant;

use coquad::{
    Error, Evaluator, GaussKronrod, Inline, Integrator, PointCache, Speculation, ThreadPool, batch_fn, evaluator_fn,
};
use parallel::CASES;

/// Noise between 0 and 1: a hash of the point.
fn noise(x: f64) -> f64 {
    let mut z = x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((z ^ (z >> 29)) >> 11) as f64 / (1u64 << 53) as f64
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("breakpoints") => breakpoints(),
        Some("calls") => calls(),
        _ => intervals(),
    }
}

/// Calls of up to so many points, one at a time, over those that full ones would be.
fn calls() {
    println!(
        "{:16} {:>5} {:>11} {:>6} {:>6} {:>6}   paid: points sent over points needed",
        "integrand", "width", "evaluations", "calls", "ratio", "paid"
    );
    for width in [64, 1024] {
        let (mut logs, mut worst, mut paid) = (0.0, 0.0f64, 0.0f64);
        for &(name, f, a, b) in CASES {
            let count = Arc::new(AtomicUsize::new(0));
            let counted = count.clone();
            let service = batch_fn(1, width, move |xs: Vec<f64>| {
                counted.fetch_add(1, Ordering::Relaxed);
                let mut polled = false;
                let once = poll_fn(move |cx| {
                    if std::mem::replace(&mut polled, true) {
                        return Poll::Ready(());
                    }
                    cx.waker().wake_by_ref();
                    Poll::Pending
                });
                async move {
                    once.await;
                    Ok::<_, Infallible>(xs.into_iter().map(f).collect())
                }
            });
            let e = Integrator::new(service).method(GaussKronrod::new(21)).integrate_blocking(a, b, 1e-10);
            let e = e.expect("the cases converge");
            let (calls, each) = (count.load(Ordering::Relaxed), e.performed as f64 / e.evaluations as f64);
            let ratio = calls as f64 / e.evaluations.div_ceil(width) as f64;
            (logs, worst) = (logs + ratio.ln(), worst.max(ratio));
            if e.evaluations > 10 * width {
                paid = paid.max(each);
            }
            println!("{name:16} {width:5} {:11} {calls:6} {ratio:6.3} {each:6.3}", e.evaluations);
        }
        let mean = (logs / CASES.len() as f64).exp();
        println!("width {width}: mean {mean:.3}, worst {worst:.2}; paid at most {paid:.3} of more than ten calls");
    }
}

/// Microseconds for each of so many breakpoints, the least of some runs: on the spot, on a pool, and by an async
/// function that is ready when it is polled again.
fn breakpoints() {
    println!("{:>12} {:>8} {:>8} {:>8}   us per breakpoint", "breakpoints", "inline", "pool", "async");
    let pool = ThreadPool::new(2);
    for many in [1_000, 4_000, 16_000, 100_000] {
        let runs = if many > 16_000 { 3 } else { 10 };
        let inline = (0..runs).map(|_| by(Inline::new(f64::exp), many)).fold(f64::INFINITY, f64::min);
        let on_pool = (0..runs).map(|_| by(pool.evaluator(f64::exp), many)).fold(f64::INFINITY, f64::min);
        let again = |x: f64| async move {
            let mut polled = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut polled, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            Ok::<_, Infallible>(x.exp())
        };
        let pending = (0..runs).map(|_| by(evaluator_fn(64, again), many)).fold(f64::INFINITY, f64::min);
        println!("{many:12} {inline:8.2} {on_pool:8.2} {pending:8.2}");
    }
}

fn by<E: Evaluator<Value = f64> + 'static>(evaluator: E, breakpoints: u32) -> f64 {
    let places: Vec<f64> = (1..breakpoints).map(|i| f64::from(i) / f64::from(breakpoints)).collect();
    let integrator =
        Integrator::new(evaluator).method(GaussKronrod::new(15)).breakpoints(&places).max_evaluations(usize::MAX);
    let start = Instant::now();
    integrator.integrate_blocking(0.0, 1.0, 1e-8).expect("smooth");
    start.elapsed().as_secs_f64() * 1e6 / f64::from(breakpoints)
}

fn intervals() {
    println!(
        "{:>10} {:>12} {:>8} {:>8} {:>8}   ns per evaluation",
        "intervals", "evaluations", "off", "certain", "ahead"
    );
    for intervals in [1_000, 10_000, 100_000, 1_000_000] {
        let budget = 42 * intervals;
        print!("{intervals:10} {budget:12}");
        for speculation in [Speculation::Off, Speculation::Certain, Speculation::Ahead] {
            let evaluator = evaluator_fn(64, |x: f64| async move { Ok::<_, Infallible>(noise(x)) });
            let integrator = Integrator::new(evaluator)
                .method(GaussKronrod::new(21))
                .max_evaluations(budget)
                .speculation(speculation)
                .with_cache(PointCache::new());
            let start = Instant::now();
            let end = integrator.integrate_blocking(0.0, 1.0, 1e-12);
            let elapsed = start.elapsed();
            let Err(Error::NotConverged { estimate, .. }) = end else { panic!("noise has no integral") };
            assert!(estimate.evaluations <= budget && estimate.evaluations + 42 > budget);
            print!(" {:8.0}", elapsed.as_nanos() as f64 / estimate.performed as f64);
        }
        println!();
    }
}
