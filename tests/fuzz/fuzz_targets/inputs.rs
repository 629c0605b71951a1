//! Limits, tolerances, breakpoints of any bits: an answer or a typed error, within the budget, from points within the
//! limits.
#![no_main]

use std::cell::Cell;

use coquad::{Auto, ClenshawCurtis, Error, Estimate, GaussKronrod, Inline, Integrator, Method, Simpson, TanhSinh};
use libfuzzer_sys::fuzz_target;

const BUDGET: usize = 500;

struct Input {
    a: f64,
    b: f64,
    atol: f64,
    rtol: f64,
    breakpoints: Vec<f64>,
    integrand: u8,
}

fn integrate(method: impl Method, input: &Input) -> Result<Estimate, Error> {
    let Input { a, b, integrand, .. } = *input;
    thread_local!(static CALLS: Cell<usize> = const { Cell::new(0) });
    CALLS.set(0);
    let f = move |x: f64| {
        CALLS.set(CALLS.get() + 1);
        assert!(a.min(b) <= x && x <= a.max(b), "{x:?} lies outside");
        match integrand % 6 {
            0 => (-x * x).exp(),
            1 => x.abs().sqrt().recip(),
            2 => f64::from_bits(x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            3 => x,
            4 => {
                if x > 0.3 {
                    1.0
                } else {
                    0.0
                }
            }
            _ => (x * 1e3).sin() / x,
        }
    };
    let integrator = Integrator::new(Inline::new(f)).method(method).rtol(input.rtol).max_evaluations(BUDGET);
    let result = integrator.breakpoints(&input.breakpoints).integrate_blocking(a, b, input.atol);
    assert!(CALLS.get() <= 2 * BUDGET, "{} calls", CALLS.get());
    result
}

fuzz_target!(|data: &[u8]| {
    let Some((&[method, integrand], rest)) = data.split_first_chunk() else { return };
    let mut numbers = rest.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("eight bytes")));
    let mut next = || numbers.next().unwrap_or(0.5);
    let (a, b, atol, rtol) = (next(), next(), next(), next());
    let breakpoints: Vec<f64> = numbers.take(8).collect();
    let input = Input { a, b, atol, rtol, breakpoints, integrand };
    let result = match method % 5 {
        0 => integrate(Auto, &input),
        1 => integrate(GaussKronrod::new(15), &input),
        2 => integrate(ClenshawCurtis, &input),
        3 => integrate(TanhSinh, &input),
        _ => integrate(Simpson, &input),
    };
    match result {
        Ok(e) => {
            assert!(e.value.is_finite() && e.error >= 0.0 && e.evaluations <= BUDGET, "{e:?}");
            // Local control sums in an order of its own.
            let slack = if method % 5 == 4 { 1.000_001 } else { 1.0 };
            assert!(e.error <= atol.max(slack * rtol * e.value.abs()), "{e}");
        }
        Err(Error::NotConverged { estimate: e, .. }) => assert!(e.evaluations <= BUDGET),
        Err(Error::Evaluation { .. } | Error::Panicked { .. }) => unreachable!("the integrand does not fail"),
        Err(_) => {}
    }
});
