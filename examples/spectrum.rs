//! A spectrum: one integral with many complex values, for one evaluation of a costly signal serves every frequency.
//!
//! The signal rings at 8 rad/s and dies away. Its Fourier integral over [0, ∞) is known: (1 + iω) / ((1 + iω)² + 64).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coquad::{Integrator, ThreadPool};
use num_complex::Complex;

const FREQUENCIES: usize = 33;
const TOLERANCE: f64 = 1e-9;

fn frequency(k: usize) -> f64 {
    0.5 * k as f64
}

/// What would be measured or simulated.
fn signal(t: f64) -> f64 {
    (-t).exp() * (8.0 * t).cos()
}

/// The signal at `t`, turned by each frequency.
fn turned(t: f64) -> Vec<Complex<f64>> {
    let s = signal(t);
    (0..FREQUENCIES).map(|k| s * Complex::cis(-frequency(k) * t)).collect()
}

fn exact(omega: f64) -> Complex<f64> {
    let s = Complex::new(1.0, omega);
    s / (s * s + 64.0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let pool = ThreadPool::new(2);
    let integrator = Integrator::new(pool.evaluator(move |t| {
        counted.fetch_add(1, Ordering::Relaxed);
        turned(t)
    }));
    // The tolerance is for the vector, in its norm, so it holds for every frequency.
    let e = integrator.integrate_blocking(0.0, f64::INFINITY, TOLERANCE)?;

    let peak = e.value.iter().map(|z| z.norm()).fold(0.0, f64::max);
    println!("  ω   |F(ω)|");
    for (k, z) in e.value.iter().enumerate() {
        let bar = "█".repeat((50.0 * z.norm() / peak).round() as usize);
        println!("{:>4.1}  {:.4}  {bar}", frequency(k), z.norm());
        assert!((z - exact(frequency(k))).norm() <= TOLERANCE);
    }
    let calls = calls.load(Ordering::Relaxed);
    println!("{FREQUENCIES} frequencies, error {:.1e}, from {} evaluations of the signal", e.error, e.evaluations);
    assert_eq!(calls, e.performed);
    assert!(e.value[16].norm() >= peak, "it rings at 8 rad/s");
    Ok(())
}
