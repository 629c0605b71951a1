//! One case, so many times, for callgrind to count: `benches/instructions/run`.

use std::hint::black_box;

use coquad::{Auto, Error, GaussKronrod, Inline, Integrator};

fn lorentzians(x: f64) -> f64 {
    [0.2, 0.5, 0.83].iter().map(|c| 1e-3 / ((x - c) * (x - c) + 1e-6)).sum()
}

/// Noise between 0 and 1: a hash of the point. Every segment is worth bisecting.
fn noise(x: f64) -> f64 {
    let mut z = x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((z ^ (z >> 29)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Returns how many evaluations it took.
fn run(case: &str) -> usize {
    let gauss_kronrod = GaussKronrod::new(21);
    match case {
        "gk21_sin" => {
            let integrator = Integrator::new(Inline::new(f64::sin)).method(gauss_kronrod);
            integrator.integrate_blocking(0.0, black_box(3.0), 1e-10).expect("converges").evaluations
        }
        "gk21_lorentzians" => {
            let integrator = Integrator::new(Inline::new(lorentzians)).method(gauss_kronrod);
            integrator.integrate_blocking(0.0, black_box(1.0), 1e-10).expect("converges").evaluations
        }
        "auto_sqrt" => {
            let integrator = Integrator::new(Inline::new(f64::sqrt)).method(Auto);
            integrator.integrate_blocking(0.0, black_box(1.0), 1e-10).expect("converges").evaluations
        }
        "gk21_million_intervals" => {
            let integrator = Integrator::new(Inline::new(noise)).method(gauss_kronrod).max_evaluations(42_000_000);
            match integrator.integrate_blocking(0.0, black_box(1.0), 1e-12) {
                Err(Error::NotConverged { estimate, .. }) => estimate.evaluations,
                _ => panic!("noise has no integral"),
            }
        }
        _ => panic!("no such case: {case}"),
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let case = arguments.next().expect("a case");
    let times: usize = arguments.next().expect("a number").parse().expect("a number");
    let evaluations = (0..times).map(|_| black_box(run(&case))).last();
    println!("{}", evaluations.unwrap_or(0));
}
