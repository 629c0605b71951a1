//! The derivative of an integral with respect to a parameter: the integrand returns dual numbers,
//! its value and its derivative, and one run integrates both.
//!
//! A crate of dual numbers serves as well: wrap `num_dual::Dual64` like [`Dual`] here, with `re`
//! and `eps` for its parts. Here the three operations needed are written out, because that crate
//! brings a library of matrices.

use std::f64::consts::PI;
use std::ops::{Mul, Neg};

use coquad::{Integrator, ThreadPool, Value};

const TOLERANCE: f64 = 1e-11;

/// A number with its derivative with respect to the parameter.
#[derive(Clone, Copy, Debug)]
struct Dual {
    re: f64,
    eps: f64,
}

impl Dual {
    /// The parameter itself.
    fn parameter(re: f64) -> Self {
        Self { re, eps: 1.0 }
    }

    fn exp(self) -> Self {
        let exp = self.re.exp();
        Self { re: exp, eps: exp * self.eps }
    }
}

impl Neg for Dual {
    type Output = Self;
    fn neg(self) -> Self {
        Self { re: -self.re, eps: -self.eps }
    }
}

impl Mul<f64> for Dual {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self { re: self.re * factor, eps: self.eps * factor }
    }
}

impl Value for Dual {
    fn zero() -> Self {
        Self { re: 0.0, eps: 0.0 }
    }
    fn add_scaled(&mut self, factor: f64, other: &Self) {
        self.re += factor * other.re;
        self.eps += factor * other.eps;
    }
    fn scale(&mut self, factor: f64) {
        *self = *self * factor;
    }
    /// The larger part, NaN if one is: the tolerance holds for the value and for the derivative.
    fn norm(&self) -> f64 {
        let (p, q) = (self.re.abs(), self.eps.abs());
        if p > q || p.is_nan() { p } else { q }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The Gaussian exp(-k x^2) and its derivative by k, at k = 2.
    let gauss = |x: f64| (-(Dual::parameter(2.0) * (x * x))).exp();
    let integrator = Integrator::new(ThreadPool::new(2).evaluator(gauss));
    let e = integrator.integrate_blocking(0.0, f64::INFINITY, TOLERANCE)?;

    let exact = [(PI / 2.0).sqrt() / 2.0, -PI.sqrt() / 4.0 / 2f64.powf(1.5)];
    println!("integral {}, by k {}, error {:.1e}", e.value.re, e.value.eps, e.error);
    println!("{} evaluations give both", e.evaluations);
    assert!((e.value.re - exact[0]).abs() <= TOLERANCE && (e.value.eps - exact[1]).abs() <= TOLERANCE);
    Ok(())
}
