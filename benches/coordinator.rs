//! Prints what the coordinator costs per evaluation as the partition grows: `cargo bench --bench coordinator`.
//!
//! The integrand is noise, so that every segment is worth bisecting, and its evaluation is free: an async function
//! that is ready at once. What is left is the machinery: tree, ranks, dispatch, cache, decisions.
#![allow(missing_docs, reason = "a program, not a library")]

use std::convert::Infallible;
use std::time::Instant;

use coquad::{Error, GaussKronrod, Integrator, PointCache, Speculation, evaluator_fn};

/// Noise between 0 and 1: a hash of the point.
fn noise(x: f64) -> f64 {
    let mut z = x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((z ^ (z >> 29)) >> 11) as f64 / (1u64 << 53) as f64
}

fn main() {
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
