//! Prints what an integral of a cheap function costs, beside the loop one would write by hand: `cargo bench --bench cheap`.
//!
//! Both run in one process, in turns, and the least time of many is shown. By hand: a Gauss-Kronrod 10-21 heap that
//! stops at the raw |K - G|, with nothing checked and nothing reported.
#![allow(missing_docs, reason = "a program, not a library")]

use std::collections::BinaryHeap;
use std::hint::black_box;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use coquad::{GaussKronrod, Inline, Integrator};

const X: [f64; 10] = [
    0.14887433898163122,
    0.2943928627014602,
    0.4333953941292472,
    0.5627571346686047,
    0.6794095682990244,
    0.7808177265864169,
    0.8650633666889845,
    0.9301574913557082,
    0.9739065285171717,
    0.9956571630258081,
];
const K: [f64; 11] = [
    0.14773910490133849,
    0.14277593857706009,
    0.13470921731147334,
    0.12349197626206584,
    0.10938715880229764,
    0.0931254545836976,
    0.07503967481091996,
    0.054755896574351995,
    0.032558162307964725,
    0.011694638867371874,
    0.1494455540029169,
];
const G: [f64; 5] =
    [0.29552422471475287, 0.26926671930999635, 0.21908636251598204, 0.1494513491505806, 0.06667134430868814];

struct Part {
    a: f64,
    b: f64,
    value: f64,
    error: f64,
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.error == other.error
    }
}
impl Eq for Part {}
impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Part {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.error.total_cmp(&other.error)
    }
}

#[inline]
fn rule(f: &impl Fn(f64) -> f64, a: f64, b: f64) -> Part {
    let (c, h) = ((a + b) / 2.0, (b - a) / 2.0);
    let mut kronrod = K[10] * f(c);
    let mut gauss = 0.0;
    for j in 0..10 {
        let both = f(c - h * X[j]) + f(c + h * X[j]);
        kronrod += K[j] * both;
        if j % 2 == 0 {
            gauss += G[j / 2] * both;
        }
    }
    Part { a, b, value: kronrod * h, error: ((kronrod - gauss) * h).abs() }
}

fn by_hand(f: impl Fn(f64) -> f64, a: f64, b: f64, atol: f64) -> (f64, f64, usize) {
    let first = rule(&f, a, b);
    let (mut value, mut error, mut evaluations) = (first.value, first.error, 21);
    let mut heap = BinaryHeap::new();
    heap.push(first);
    while error > atol {
        let Some(worst) = heap.pop() else { break };
        let c = (worst.a + worst.b) / 2.0;
        let (left, right) = (rule(&f, worst.a, c), rule(&f, c, worst.b));
        value += left.value + right.value - worst.value;
        error += left.error + right.error - worst.error;
        evaluations += 42;
        heap.push(left);
        heap.push(right);
    }
    (value, error, evaluations)
}

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
