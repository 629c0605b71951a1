//! Prints what an integral of a cheap function costs, beside the loop one would write by hand: `cargo bench --bench cheap`.
//!
//! Both run in one process, in turns, and the least time of many is shown. By hand: a Gauss-Kronrod 10-21 heap that
//! stops at the raw |K - G|, with nothing checked and nothing reported.
#![allow(missing_docs, reason = "a program, not a library")]

#[path = "support/by_hand.rs"]
mod by_hand;

use std::hint::black_box;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use by_hand::by_hand;
use coquad::{GaussKronrod, Inline, Integrator};

fn ours(f: impl Fn(f64) -> f64 + Send + Sync + 'static, a: f64, b: f64, atol: f64) -> (f64, f64, usize) {
    let integrator = Integrator::new(Inline::new(f)).method(GaussKronrod::new(21));
    let future = std::pin::pin!(integrator.integrate(a, b, atol));
    let Poll::Ready(end) = future.poll(&mut Context::from_waker(Waker::noop())) else { panic!("not ready at once") };
    let e = end.expect("the cases converge");
    (e.value, e.error, e.evaluations)
}

fn least(mut run: impl FnMut() -> (f64, f64, usize)) -> f64 {
    let start = Instant::now();
    let mut times = 0;
    while times < 8 || start.elapsed().as_micros() < 150 {
        black_box(run());
        times += 1;
    }
    start.elapsed().as_nanos() as f64 / f64::from(times)
}

fn compare(name: &str, f: impl Fn(f64) -> f64 + Copy + Send + Sync + 'static, a: f64, b: f64) -> f64 {
    let (mut hand, mut here) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..400 {
        hand = hand.min(least(|| by_hand(f, black_box(a), b, 1e-10)));
        here = here.min(least(|| ours(f, black_box(a), b, 1e-10)));
    }
    let (_, _, by_hand_evaluations) = by_hand(f, a, b, 1e-10);
    let (_, _, our_evaluations) = ours(f, a, b, 1e-10);
    println!(
        "{name:16} {by_hand_evaluations:8} {our_evaluations:8} {hand:10.0} {here:10.0} {:8.3} {:10.2} {:10.2}",
        here / hand,
        hand / by_hand_evaluations as f64,
        here / our_evaluations as f64
    );
    here / hand
}

fn main() {
    if let Ok(case) = std::env::var("ONLY") {
        let hand = std::env::var_os("HAND").is_some();
        macro_rules! go {
            ($f:expr, $a:expr, $b:expr) => {
                for _ in 0..1000 {
                    if hand {
                        black_box(by_hand($f, black_box($a), $b, 1e-10));
                    } else {
                        black_box(ours($f, black_box($a), $b, 1e-10));
                    }
                }
            };
        }
        match case.as_str() {
            "sqrt" => go!(f64::sqrt, 0.0, 1.0),
            "exp" => go!(f64::exp, 0.0, 1.0),
            "runge" => go!(|x: f64| 1.0 / (1.0 + 25.0 * x * x), -1.0, 1.0),
            "cos" => go!(|x: f64| x * (50.0 * x).cos(), 0.0, 10.0),
            "peaks" => go!(|x: f64| [0.2, 0.5, 0.83].iter().map(|c| 1e-3 / ((x - c) * (x - c) + 1e-6)).sum(), 0.0, 1.0),
            _ => go!(|x| 1.0 / (x * x + 1e-6), -1.0, 1.0),
        }
        return;
    }
    println!(
        "{:16} {:>8} {:>8} {:>10} {:>10} {:>8} {:>10} {:>10}",
        "integrand", "n hand", "n", "ns hand", "ns", "ratio", "ns/n hand", "ns/n"
    );
    let ratios = [
        compare("sin", f64::sin, 0.0, std::f64::consts::PI),
        compare("Runge", |x| 1.0 / (1.0 + 25.0 * x * x), -1.0, 1.0),
        compare("exp", f64::exp, 0.0, 1.0),
        compare("sqrt", f64::sqrt, 0.0, 1.0),
        compare("ln", f64::ln, 0.0, 1.0),
        compare(
            "3 Lorentzians",
            |x| [0.2, 0.5, 0.83].iter().map(|c| 1e-3 / ((x - c) * (x - c) + 1e-6)).sum(),
            0.0,
            1.0,
        ),
        compare("x cos 50x", |x| x * (50.0 * x).cos(), 0.0, 10.0),
        compare("1/(x^2+1e-6)", |x| 1.0 / (x * x + 1e-6), -1.0, 1.0),
    ];
    let mean = (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let worst = ratios.iter().fold(0.0, |a: f64, b| a.max(*b));
    println!("ratio: {mean:.3} on the geometric mean, {worst:.3} at worst");
}
