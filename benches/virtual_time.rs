//! Prints what running ahead of the decisions is worth, in virtual time: `cargo bench --bench virtual_time`.
//!
//! `-- weighted` prints the methods with a weight alone, `-- boxes [SEED]` boxes alone, and
//! `-- threads` prints how near 64 threads come to that which sleep 50 ms for each evaluation.
//!
//! Every evaluation takes a time drawn from a law, on P workers; the wall is when the integral was there. The limit is
//! what P workers need at best: evaluations / P units, rounded up.
#![allow(unreachable_pub, missing_docs, reason = "a program, not a library")]

#[path = "../tests/it/support/cluster.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod cluster;
#[path = "../tests/it/support/families.rs"]
mod families;
#[path = "../tests/it/support/genz.rs"]
#[allow(dead_code, reason = "their integrals are not asked for")]
mod genz;
#[path = "../tests/it/support/parallel.rs"]
mod parallel;

use std::time::{Duration, Instant};

use cluster::{Cluster, Latency};
use coquad::{
    Algebraic, Auto, Bessel, BoxIntegrator, Estimate, Fourier, GaussKronrod, Inline, Integrator, Method,
    PrincipalValue, Simpson, Speculation, ThreadPool,
};
use genz::{Family, Genz};
use parallel::{CASES, Case, OTHERS};

fn run(
    case: &Case,
    method: impl Method,
    workers: usize,
    law: Latency,
    speculation: Speculation,
    seed: u64,
) -> (Estimate, f64) {
    let (_, f, a, b) = *case;
    let (cluster, clock) = Cluster::new(f, workers, law, seed);
    let integrator = Integrator::new(cluster).method(method).speculation(speculation);
    let e = clock.run(integrator.integrate(a, b, 1e-10)).expect("the cases converge");
    assert!(clock.most_outstanding() <= workers, "more outstanding than there are workers");
    (e, clock.now())
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64).exp()
}

fn largest(numbers: &[f64]) -> f64 {
    numbers.iter().fold(0.0, |a: f64, b| a.max(*b))
}

/// How many evaluations nobody needed, in per cent of those that were needed.
fn in_vain(e: &Estimate) -> f64 {
    100.0 * (e.performed - e.evaluations) as f64 / e.evaluations as f64
}

/// One row of the summary: `wall / limit`, where `limit = ceil(evaluations / workers)`, and what was evaluated in vain.
fn summary(name: &str, cases: &[Case], method: &impl Method) {
    for workers in [8, 64, 1024] {
        let (mut ratios, mut extras, mut long) = (Vec::new(), Vec::new(), vec![0.0]);
        for case in cases {
            let (e, wall) = run(case, method.clone(), workers, Latency::Unit, Speculation::Ahead, 1);
            ratios.push(wall / e.evaluations.div_ceil(workers) as f64);
            extras.push(in_vain(&e));
            if e.evaluations > 10 * workers {
                long.push(in_vain(&e));
            }
        }
        let (mean, worst) = (geometric_mean(&ratios), largest(&ratios));
        println!("{name:16} {workers:10} {mean:8.3} {worst:8.2} {:8.1} % {:8.1} %", largest(&extras), largest(&long));
    }
    // The mean of 20 seeds, beside the same integral with unit latency. The second row is without the short integrals:
    // an evaluation of 10 units is longer than they are.
    let (mut all, mut long, mut extras) = (Vec::new(), Vec::new(), Vec::new());
    for case in cases {
        let (_, unit) = run(case, method.clone(), 64, Latency::Unit, Speculation::Ahead, 1);
        let runs = (1..=20).map(|seed| run(case, method.clone(), 64, Latency::HeavyTail, Speculation::Ahead, seed));
        let (wall, extra) = runs.fold((0.0, 0.0), |(wall, extra), (e, took)| (wall + took, extra + in_vain(&e)));
        extras.push(extra / 20.0);
        all.push(wall / 20.0 / unit);
        if unit >= 10.0 {
            long.push(wall / 20.0 / unit);
        }
    }
    for (what, ratios) in [("heavy tail", &all), ("the long", &long)] {
        let (mean, worst) = (geometric_mean(ratios), largest(ratios));
        println!("{name:16} {what:>10} {mean:8.3} {worst:8.2} {:8.1} %", largest(&extras));
    }
}

/// The same integral on threads that sleep, three times, and in virtual time.
fn threads(name: &str, method: &impl Method) {
    let case = OTHERS.iter().find(|case| case.0 == "peak and kink").expect("it is one of them");
    let (_, f, a, b) = *case;
    let (_, wall) = run(case, method.clone(), 64, Latency::Unit, Speculation::Ahead, 1);
    let pool = ThreadPool::new(64);
    print!("{name:16} {wall:8}");
    for _ in 0..3 {
        let slow = pool.evaluator(move |x: f64| {
            std::thread::sleep(SLEEP);
            f(x)
        });
        let start = Instant::now();
        let e = Integrator::new(slow).method(method.clone()).integrate_blocking(a, b, 1e-10).expect("it converges");
        let sleeps = start.elapsed().as_secs_f64() / SLEEP.as_secs_f64();
        print!("  {sleeps:6.2} sleeps, {:4} + {:4}", e.evaluations, e.performed - e.evaluations);
    }
    println!();
}

const SLEEP: Duration = Duration::from_millis(50);

/// Integrands beside a weight.
const WEIGHTED: &[Case] = &[
    ("1/(1+x^2)", |x| 1.0 / (1.0 + x * x), 0.0, 10.0),
    ("1/(x^2+1e-4)", |x| 1.0 / (x * x + 1e-4), -1.0, 2.0),
    ("e^-x", |x| (-x).exp(), 0.0, f64::INFINITY),
    ("1/(1+x^2)", |x| 1.0 / (1.0 + x * x), 0.0, f64::INFINITY),
    ("x/(1+x^2)", |x| x / (1.0 + x * x), 0.0, f64::INFINITY),
    ("x^-1/2", |x| 1.0 / x.sqrt(), 0.0, f64::INFINITY),
];

/// The methods with a weight.
fn weighted() {
    for omega in [0.1, 1.0, 10.0, 1000.0] {
        println!("Fourier::cos({omega}), 6 integrands, 4 of them to infinity");
        summary("Fourier", WEIGHTED, &Fourier::cos(omega));
    }
    for omega in [1.0, 1000.0] {
        println!("Bessel::j(1, {omega}), 5 integrands, 4 of them to infinity");
        let of_half: Vec<Case> = WEIGHTED.iter().filter(|case| case.2 >= 0.0).copied().collect();
        summary("Bessel", &of_half, &Bessel::j(1.0, omega));
    }
    for c in [0.3, 1.9] {
        println!("PrincipalValue::at({c}), 5 integrands, 3 of them to infinity");
        summary("PrincipalValue", &WEIGHTED[..5], &PrincipalValue::at(c));
    }
    for alpha in [-0.5, 0.25] {
        println!("Algebraic::new({alpha}, 0), 4 integrands, 2 of them to infinity");
        summary("Algebraic", &WEIGHTED[..4], &Algebraic::new(alpha, 0.0));
        println!("Algebraic::new({alpha}, -0.5).log_left(), 2 integrands");
        summary("Algebraic", &WEIGHTED[..2], &Algebraic::new(alpha, -0.5).log_left());
    }
}

/// `wall / limit` of box integrals, and what was evaluated in vain, for each number of workers.
#[derive(Default)]
struct Rows {
    skipped: usize,
    of: [Vec<(f64, f64)>; 3],
}

const WORKERS: [usize; 3] = [8, 64, 1024];
/// Box integrals of more evaluations are left out.
const MOST: usize = 250_000;

impl Rows {
    fn add<const N: usize>(&mut self, name: &str, f: impl Fn([f64; N]) -> f64 + Copy + Send + Sync + 'static) {
        for rtol in [1e-3, 1e-6] {
            let here = BoxIntegrator::new(Inline::over(f)).rtol(rtol).max_evaluations(MOST);
            if here.integrate_blocking([0.0; N], [1.0; N], 0.0).is_err() {
                self.skipped += 1;
                continue;
            }
            print!("{name:12} {N} {rtol:e}:");
            for (workers, row) in WORKERS.into_iter().zip(&mut self.of) {
                let (cluster, clock) = Cluster::new(f, workers, Latency::Unit, 1);
                let integrator = BoxIntegrator::new(cluster).rtol(rtol);
                let e = clock.run(integrator.integrate([0.0; N], [1.0; N], 0.0)).expect("it converges on the spot");
                let (needed, ratio) = (e.evaluations, clock.now() / e.evaluations.div_ceil(workers) as f64);
                let extra = 100.0 * (e.performed - needed) as f64 / needed as f64;
                print!(" {needed:6} {ratio:6.3} {extra:5.1} %");
                row.push((ratio, extra));
            }
            println!();
        }
    }

    fn genz<const N: usize>(&mut self, seed: u64) {
        for family in Family::ALL {
            for member in Genz::<N>::draw(family, 2, seed) {
                self.add(&format!("{family:?}"), move |x: [f64; N]| member.at(x));
            }
        }
    }

    fn print(&self, name: &str) {
        for (workers, row) in WORKERS.into_iter().zip(&self.of) {
            let (ratios, extras): (Vec<f64>, Vec<f64>) = row.iter().copied().unzip();
            let (mean, worst, most) = (geometric_mean(&ratios), largest(&ratios), largest(&extras));
            println!("{name:16} {workers:10} {mean:8.3} {worst:8.2} {most:8.1} %  of {}", ratios.len());
        }
        println!("{name:16} {} of more than {MOST} evaluations left out", self.skipped);
    }
}

/// Boxes: Genz's families in 2, 3 and 5 variables, and integrands with singular corners, ridges, kinks and jumps.
fn boxes(seed: u64) {
    println!("Boxes, rtol 1e-3 and 1e-6: evaluations, wall / limit and what was in vain for 8, 64, 1024 workers");
    let (mut drawn, mut hard) = (Rows::default(), Rows::default());
    drawn.genz::<2>(seed);
    drawn.genz::<3>(seed);
    drawn.genz::<5>(seed);
    hard.add("root", |[x, y]: [f64; 2]| 1.0 / (x * y).sqrt());
    hard.add("corner", |[x, y]: [f64; 2]| 1.0 / (1.0 - x * y));
    hard.add("powers", |[x, y]: [f64; 2]| x.sqrt() * y.cbrt());
    hard.add("newton", |x: [f64; 3]| 1.0 / x.iter().map(|x| x * x).sum::<f64>().sqrt());
    hard.add("diagonal", |[x, y]: [f64; 2]| (x - y).abs());
    hard.add("largest", |[x, y]: [f64; 2]| x.max(y));
    hard.add("disc", |[x, y]: [f64; 2]| if x * x + y * y < 1.0 { 1.0 } else { 0.0 });
    hard.add("hill", |[x, y]: [f64; 2]| 1.0 / (1e-4 + (x - 0.3).powi(2) + (y - 0.8).powi(2)));
    hard.add("ridge", |[x, y, z]: [f64; 3]| (-300.0 * (x + y - z - 0.4).powi(2)).exp());
    hard.add("waves", |[x, y]: [f64; 2]| 1.0 + (40.0 * x + 25.0 * y).sin());
    hard.add("ball", |x: [f64; 3]| (1.0 - x.iter().map(|x| x * x).sum::<f64>()).max(0.0).sqrt());
    println!("{:16} {:>10} {:>8} {:>8} {:>10}", "boxes", "workers", "mean", "worst", "in vain");
    drawn.print("Genz");
    hard.print("hard");
}

fn main() {
    if let Some(at) = std::env::args().position(|arg| arg == "boxes") {
        boxes(std::env::args().nth(at + 1).and_then(|seed| seed.parse().ok()).unwrap_or(77));
        return;
    }
    if std::env::args().any(|arg| arg == "weighted") {
        println!("atol 1e-10: wall / limit; heavy tail: wall / wall with unit latency, 64 workers");
        println!("{:16} {:>10} {:>8} {:>8} {:>10} {:>10}", "method", "workers", "mean", "worst", "in vain", "of long");
        weighted();
        return;
    }
    if std::env::args().any(|arg| arg == "threads") {
        println!(
            "A peak and a kink on 64 threads: units in virtual time; sleeps of 50 ms, evaluations and those in vain"
        );
        threads("Auto", &Auto);
        threads("GaussKronrod(21)", &GaussKronrod::new(21));
        return;
    }
    println!("GaussKronrod 10-21, atol 1e-10, unit latency");
    println!(
        "{:16} {:>5} {:>11} {:>7} {:>6} {:>6} {:>6} {:>6} {:>7} {:>7}",
        "integrand", "P", "evaluations", "extra", "extra%", "wall", "limit", "ratio", "off", "certain"
    );
    for workers in [8, 64, 1024] {
        let mut ratios = Vec::new();
        let mut worst_extra: f64 = 0.0;
        for case in CASES {
            let (e, wall) = run(case, GaussKronrod::new(21), workers, Latency::Unit, Speculation::Ahead, 1);
            let (_, off) = run(case, GaussKronrod::new(21), workers, Latency::Unit, Speculation::Off, 1);
            let (_, certain) = run(case, GaussKronrod::new(21), workers, Latency::Unit, Speculation::Certain, 1);
            let limit = e.evaluations.div_ceil(workers) as f64;
            let extra = e.performed - e.evaluations;
            let percent = 100.0 * extra as f64 / e.evaluations as f64;
            if e.evaluations > 10 * workers {
                worst_extra = worst_extra.max(percent);
            }
            ratios.push(wall / limit);
            println!(
                "{:16} {workers:5} {:11} {extra:7} {percent:6.1} {wall:6} {limit:6} {:6.3} {off:7} {certain:7}",
                case.0,
                e.evaluations,
                wall / limit
            );
        }
        let worst = ratios.iter().fold(0.0, |a: f64, b| a.max(*b));
        println!(
            "P = {workers}: ratio {:.3} on the geometric mean, {worst:.3} at worst; extra {worst_extra:.1} % at worst where evaluations > 10 P\n",
            geometric_mean(&ratios)
        );
    }

    println!("Wall at P = 64 by law of latency, over the unit-latency wall, and extra evaluations; seeds 1 to 20");
    println!("{:16} {:>6} {:>17} {:>17} {:>17}", "integrand", "unit", "lognormal", "heavy tail", "dying");
    let mut tails = Vec::new();
    for case in CASES {
        let (_, unit) = run(case, GaussKronrod::new(21), 64, Latency::Unit, Speculation::Ahead, 1);
        let mean = |law| {
            let runs = (1..=20).map(|seed| run(case, GaussKronrod::new(21), 64, law, Speculation::Ahead, seed));
            let (wall, extra) = runs.fold((0.0, 0.0), |(wall, extra), (e, took)| {
                (wall + took, extra + (e.performed - e.evaluations) as f64 / e.evaluations as f64)
            });
            (wall / 20.0 / unit, 5.0 * extra)
        };
        print!("{:16} {unit:6}", case.0);
        for law in [Latency::Lognormal, Latency::HeavyTail, Latency::Dying] {
            let (ratio, extra) = mean(law);
            print!(" {ratio:8.2} {extra:5.1} %");
        }
        println!();
        let (tail, _) = mean(Latency::HeavyTail);
        if unit >= 10.0 {
            tails.push(tail);
        }
    }
    println!(
        "heavy tail where the wall is 10 units or more: {:.2} on the geometric mean, {:.2} at worst\n",
        geometric_mean(&tails),
        tails.iter().fold(0.0, |a: f64, b| a.max(*b))
    );

    println!(
        "Auto, the default method, atol 1e-10, unit latency, P = 8, 64, 1024: evaluations + extra, wall / limit (off)"
    );
    for case in CASES {
        print!("{:16}", case.0);
        for workers in [8, 64, 1024] {
            let (e, wall) = run(case, Auto, workers, Latency::Unit, Speculation::Ahead, 1);
            let (_, off) = run(case, Auto, workers, Latency::Unit, Speculation::Off, 1);
            let extra = e.performed - e.evaluations;
            print!("  {:5} +{extra:4} {wall:4} / {:4} ({off:4})", e.evaluations, e.evaluations.div_ceil(workers));
        }
        println!();
    }
    println!();

    let sine: Case = ("sin", f64::sin, 0.0, std::f64::consts::PI);
    for speculation in [Speculation::Off, Speculation::Certain, Speculation::Ahead] {
        let (e, wall) = run(&sine, Simpson, 64, Latency::Unit, speculation, 1);
        println!(
            "Simpson, sin on [0, pi], 64 workers, {speculation:?}: {} evaluations, {} extra, {wall} units, speed-up {:.1}",
            e.evaluations,
            e.performed - e.evaluations,
            e.evaluations as f64 / wall
        );
    }

    println!("\nBoth methods, atol 1e-10: wall / limit; heavy tail: wall / wall with unit latency, 64 workers");
    println!("In vain: the most of all integrands, and of those with more than 10 evaluations for each worker");
    println!("{:16} {:>10} {:>8} {:>8} {:>10} {:>10}", "method", "workers", "mean", "worst", "in vain", "of long");
    for (name, cases) in [("these", CASES), ("others", OTHERS)] {
        println!("{name} 12 integrands");
        summary("Auto", cases, &Auto);
        summary("GaussKronrod(21)", cases, &GaussKronrod::new(21));
    }

    weighted();
    boxes(77);

    println!("\nThe settings of `Speculation`, Auto, 64 workers, unit latency: wall / limit, and the most in vain");
    println!("{:16} {:>8} {:>8} {:>10}", "setting", "mean", "worst", "in vain");
    for speculation in [
        Speculation::Off,
        Speculation::Certain,
        Speculation::AtMost(0.1),
        Speculation::Ahead,
        Speculation::AtMost(f64::INFINITY),
    ] {
        let runs = CASES.iter().map(|case| {
            let (e, wall) = run(case, Auto, 64, Latency::Unit, speculation, 1);
            (wall / e.evaluations.div_ceil(64) as f64, in_vain(&e))
        });
        let (ratios, extras): (Vec<_>, Vec<_>) = runs.unzip();
        let (mean, worst, most) = (geometric_mean(&ratios), largest(&ratios), largest(&extras));
        println!("{:16} {mean:8.3} {worst:8.2} {most:8.1} %", format!("{speculation:?}"));
    }
}
