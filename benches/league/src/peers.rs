//! Crates that integrate, each asked for the same relative tolerance as far as its interface allows.

use std::cell::Cell;
use std::sync::Arc;

use crate::battery::Case;
use crate::{Answer, RTOL};

/// `quadrature`'s double exponential, which takes an absolute tolerance: it is given `rtol |I|` of the exact value, an
/// advantage. Finite ranges only; it claims what its error estimate says.
pub fn double_exponential(case: &Arc<Case>) -> Answer {
    let calls = Cell::new(0);
    if case.a.is_infinite() || case.b.is_infinite() || case.exact.is_infinite() {
        return Answer {
            value: f64::NAN,
            claims: false,
            evaluations: 0,
            note: "not offered".to_string(),
            wall: None,
            nanoseconds: None,
        };
    }
    let atol = RTOL * case.exact.abs();
    let f = |x: f64| {
        calls.set(calls.get() + 1);
        (case.f)(x)
    };
    let output = quadrature::double_exponential::integrate(f, case.a, case.b, atol);
    let claims = output.error_estimate <= atol && output.integral.is_finite();
    Answer {
        value: output.integral,
        claims,
        evaluations: calls.get(),
        note: format!("err {:.1e}", output.error_estimate),
        wall: None,
        nanoseconds: None,
    }
}

/// `quadrature`'s Clenshaw-Curtis, likewise.
pub fn clenshaw_curtis(case: &Arc<Case>) -> Answer {
    let calls = Cell::new(0);
    if case.a.is_infinite() || case.b.is_infinite() || case.exact.is_infinite() {
        return Answer {
            value: f64::NAN,
            claims: false,
            evaluations: 0,
            note: "not offered".to_string(),
            wall: None,
            nanoseconds: None,
        };
    }
    let atol = RTOL * case.exact.abs();
    let f = |x: f64| {
        calls.set(calls.get() + 1);
        (case.f)(x)
    };
    let output = quadrature::clenshaw_curtis::integrate(f, case.a, case.b, atol);
    let claims = output.error_estimate <= atol && output.integral.is_finite();
    Answer {
        value: output.integral,
        claims,
        evaluations: calls.get(),
        note: format!("err {:.1e}", output.error_estimate),
        wall: None,
        nanoseconds: None,
    }
}
