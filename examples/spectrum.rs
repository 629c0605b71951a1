//! A spectrum: the Fourier integrals of a costly signal at many frequencies, from one set of evaluations.
//!
//! The signal rings at 8 rad/s and dies away. Its Fourier integral over [0, ∞) is known: (1 + iω) / ((1 + iω)² + 64).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coquad::{Fourier, Integrator, ThreadPool};
use num_complex::Complex;

const FREQUENCIES: usize = 33;
const TOLERANCE: f64 = 1e-9;

/// What would be measured or simulated.
fn signal(t: f64) -> f64 {
    (-t).exp() * (8.0 * t).cos()
}

fn exact(omega: f64) -> Complex<f64> {
    let s = Complex::new(1.0, omega);
    s / (s * s + 64.0)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let counting = ThreadPool::new(2).evaluator(move |t| {
        counted.fetch_add(1, Ordering::Relaxed);
        signal(t)
    });
    // The signal is turned by e^(-iωt): negative frequencies.
    let omegas: Vec<f64> = (0..FREQUENCIES).map(|k| -0.5 * k as f64).collect();
    let integrator = Integrator::new(counting).method(Fourier::many(&omegas));
    // Each frequency meets the tolerance for itself.
    let each = integrator.integrate_each_blocking(0.0, f64::INFINITY, TOLERANCE)?;

    let peak = each.iter().map(|e| e.value.norm()).fold(0.0, f64::max);
    println!("  ω   |F(ω)|    error");
    for (e, omega) in each.iter().zip(&omegas) {
        let bar = "█".repeat((50.0 * e.value.norm() / peak).round() as usize);
        println!("{:>4.1}  {:.4}  {:.1e}  {bar}", -omega, e.value.norm(), e.error);
        assert!((e.value - exact(-omega)).norm() <= TOLERANCE);
    }
    let calls = calls.load(Ordering::Relaxed);
    println!("{FREQUENCIES} frequencies from {} evaluations of the signal", each[0].evaluations);
    assert!(calls <= each[0].performed);
    assert!(each[16].value.norm() >= peak, "it rings at 8 rad/s");
    Ok(())
}
