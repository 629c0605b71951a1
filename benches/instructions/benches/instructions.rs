//! Instructions of whole integrals on the spot, counted by callgrind, with limits for CI to watch: the counts do not depend
//! on the load of the machine. Needs valgrind and `cargo install gungraun-runner --version 0.18.2`.
#![allow(missing_docs, reason = "what the macros make is not documented")]

use std::hint::black_box;

use coquad::{Auto, Error, GaussKronrod, Inline, Integrator};
use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};

/// The instructions of each integral at most: a tenth more than were counted.
const SMOOTH: u64 = 2_750;
const PEAKS: u64 = 76_000;
const SINGULAR: u64 = 24_200;
const INTERVALS: u64 = 2_330_000;

const RULE: GaussKronrod = GaussKronrod::new(21);

fn lorentzians(x: f64) -> f64 {
    [0.2, 0.5, 0.83].iter().map(|c| 1e-3 / ((x - c) * (x - c) + 1e-6)).sum()
}

/// Noise between 0 and 1: a hash of the point. Every segment is worth bisecting.
fn noise(x: f64) -> f64 {
    let mut z = x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((z ^ (z >> 29)) >> 11) as f64 / (1u64 << 53) as f64
}

fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(Callgrind::default().hard_limits([(EventKind::Ir, instructions)]));
    config
}

fn sin(b: f64) -> usize {
    let integrator = Integrator::new(Inline::new(f64::sin)).method(RULE);
    integrator.integrate_blocking(0.0, black_box(b), 1e-10).expect("converges").evaluations
}

fn peaks(b: f64) -> usize {
    let integrator = Integrator::new(Inline::new(lorentzians)).method(RULE);
    integrator.integrate_blocking(0.0, black_box(b), 1e-10).expect("converges").evaluations
}

fn sqrt(b: f64) -> usize {
    let integrator = Integrator::new(Inline::new(f64::sqrt)).method(Auto);
    integrator.integrate_blocking(0.0, black_box(b), 1e-10).expect("converges").evaluations
}

fn intervals(b: f64) -> usize {
    let integrator = Integrator::new(Inline::new(noise)).method(RULE).max_evaluations(42_000);
    match integrator.integrate_blocking(0.0, black_box(b), 1e-12) {
        Err(Error::NotConverged { estimate, .. }) => estimate.evaluations,
        _ => panic!("noise has no integral"),
    }
}

/// What only the first integral of a process costs is not counted.
fn warm(case: Case) -> Case {
    black_box((case.integral)(case.b));
    case
}

#[derive(Clone, Copy)]
struct Case {
    integral: fn(f64) -> usize,
    b: f64,
}

#[library_benchmark(setup = warm)]
#[bench::gauss_kronrod_sin_21_points(args = (Case { integral: sin, b: 3.0 }), config = at_most(SMOOTH))]
#[bench::gauss_kronrod_peaks_1785_points(args = (Case { integral: peaks, b: 1.0 }), config = at_most(PEAKS))]
#[bench::auto_sqrt_134_points(args = (Case { integral: sqrt, b: 1.0 }), config = at_most(SINGULAR))]
#[bench::gauss_kronrod_noise_1000_intervals(args = (Case { integral: intervals, b: 1.0 }), config = at_most(INTERVALS))]
fn integral(case: Case) -> usize {
    (case.integral)(case.b)
}

library_benchmark_group!(name = integrals, benchmarks = integral);

main!(library_benchmark_groups = integrals);
