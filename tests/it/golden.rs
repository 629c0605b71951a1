//! The adaptive Simpson program this crate began as: its points, its bits.
//!
//! Integrands use only + - * / and the square root, so that no platform's library may move a bit.

use std::sync::Arc;

use coquad::{Estimate, Integrator, Simpson, Speculation, ThreadPool, blocking_fn, evaluator_fn};
use futures::executor::block_on;

use crate::support::boxed;

/// Name, integrand, limits, tolerance, bits of the value, evaluations.
type Golden = (&'static str, fn(f64) -> f64, f64, f64, f64, u64, usize);

fn cubic(x: f64) -> f64 {
    ((x - 1.0) * x + 2.0) * x - 3.0
}

fn quartic(x: f64) -> f64 {
    (x * x) * (x * x)
}

fn runge(x: f64) -> f64 {
    1.0 / (1.0 + (25.0 * x) * x)
}

fn atan(x: f64) -> f64 {
    1.0 / (1.0 + x * x)
}

fn lorentz(x: f64) -> f64 {
    1e-3 / ((x - 0.3) * (x - 0.3) + 1e-6)
}

fn sqrt(x: f64) -> f64 {
    x.sqrt()
}

fn x_sqrt(x: f64) -> f64 {
    x * x.sqrt()
}

fn sqrt_abs(x: f64) -> f64 {
    (x - 0.3).abs().sqrt()
}

fn kink(x: f64) -> f64 {
    (x - 1.0 / 3.0).abs()
}

fn kink07(x: f64) -> f64 {
    (x - 0.7).abs()
}

fn step(x: f64) -> f64 {
    if x >= 0.3 { 1.0 } else { 0.0 }
}

const GOLDEN: &[Golden] = &[
    ("cubic", cubic, -1.0, 2.0, 1e-06, 0xc015000000000000, 5),
    ("cubic", cubic, -1.0, 2.0, 1e-08, 0xc015000000000000, 5),
    ("cubic", cubic, -1.0, 2.0, 1e-10, 0xc015000000000000, 5),
    ("quartic", quartic, 0.0, 1.0, 1e-06, 0x3fc9999999999999, 33),
    ("quartic", quartic, 0.0, 1.0, 1e-08, 0x3fc9999999999999, 65),
    ("quartic", quartic, 0.0, 1.0, 1e-10, 0x3fc9999999999999, 257),
    ("runge", runge, -1.0, 1.0, 1e-06, 0x3fe1945c1093d91c, 121),
    ("runge", runge, -1.0, 1.0, 1e-08, 0x3fe1945c10e93b1f, 361),
    ("runge", runge, -1.0, 1.0, 1e-10, 0x3fe1945c10ea9e5c, 1121),
    ("atan", atan, 0.0, 1.0, 1e-06, 0x3fe921fb5c763260, 21),
    ("atan", atan, 0.0, 1.0, 1e-08, 0x3fe921fb544d2d8f, 61),
    ("atan", atan, 0.0, 1.0, 1e-10, 0x3fe921fb54442db0, 229),
    ("lorentz", lorentz, 0.0, 1.0, 1e-06, 0x4009183abda00a7a, 937),
    ("lorentz", lorentz, 0.0, 1.0, 1e-08, 0x4009183aba06baa5, 2861),
    ("lorentz", lorentz, 0.0, 1.0, 1e-10, 0x4009183aba040210, 9045),
    ("sqrt", sqrt, 0.0, 1.0, 1e-06, 0x3fe555554ad84536, 105),
    ("sqrt", sqrt, 0.0, 1.0, 1e-08, 0x3fe555555551d3a4, 317),
    ("sqrt", sqrt, 0.0, 1.0, 1e-10, 0x3fe5555555555459, 985),
    ("x_sqrt", x_sqrt, 0.0, 1.0, 1e-06, 0x3fd99999e5f129b9, 29),
    ("x_sqrt", x_sqrt, 0.0, 1.0, 1e-08, 0x3fd9999999aacd60, 89),
    ("x_sqrt", x_sqrt, 0.0, 1.0, 1e-10, 0x3fd9999999999d19, 293),
    ("sqrt_abs", sqrt_abs, 0.0, 1.0, 1e-06, 0x3fdfffc480d67c72, 173),
    ("sqrt_abs", sqrt_abs, 0.0, 1.0, 1e-08, 0x3fdfffc4ae4664e5, 561),
    ("sqrt_abs", sqrt_abs, 0.0, 1.0, 1e-10, 0x3fdfffc4ae4d626b, 1789),
    ("kink", kink, 0.0, 1.0, 1e-06, 0x3fd1c71c71c71c71, 5),
    ("kink", kink, 0.0, 1.0, 1e-08, 0x3fd1c71c71c71c71, 5),
    ("kink", kink, 0.0, 1.0, 1e-10, 0x3fd1c71c71c71c71, 5),
    ("kink07", kink07, 0.0, 1.0, 1e-06, 0x3fd28f5c28641fdb, 53),
    ("kink07", kink07, 0.0, 1.0, 1e-08, 0x3fd28f5c28f5b975, 77),
    ("kink07", kink07, 0.0, 1.0, 1e-10, 0x3fd28f5c28f5c28f, 105),
    ("step", step, 0.0, 1.0, 1e-06, 0x3fe6666666666666, 213),
    ("step", step, 0.0, 1.0, 1e-08, 0x3fe6666666666666, 213),
    ("step", step, 0.0, 1.0, 1e-10, 0x3fe6666666666666, 213),
];

fn check(case: &Golden, evaluator: &str, e: &Estimate) {
    let (name, _, _, _, atol, bits, evaluations) = case;
    assert_eq!((e.value.to_bits(), e.evaluations), (*bits, *evaluations), "{name} at {atol:e} with {evaluator}");
    assert!(e.error <= *atol);
}

#[test]
fn simpson_gives_the_bits_of_the_recursive_program_inline() {
    for case in GOLDEN {
        let (_, f, a, b, atol, ..) = *case;
        let e = Integrator::new(boxed(f)).method(Simpson).integrate_blocking(a, b, atol).unwrap();
        check(case, "Inline", &e);
        assert_eq!(e.performed, e.evaluations);
    }
}

#[test]
fn simpson_gives_the_bits_of_the_recursive_program_on_any_number_of_workers() {
    for workers in [1, 2, 8, 64] {
        let pool = ThreadPool::new(workers);
        for case in GOLDEN {
            let (_, f, a, b, atol, ..) = *case;
            for speculation in [Speculation::Off, Speculation::Certain, Speculation::Ahead, Speculation::AtMost(0.1)] {
                let integrator = Integrator::new(pool.evaluator(f)).method(Simpson).speculation(speculation);
                let e = block_on(integrator.integrate(a, b, atol)).unwrap();
                check(case, &format!("{workers} threads, {speculation:?}"), &e);
                assert!(integrator.cache().len() >= e.evaluations);
                if matches!(speculation, Speculation::Off | Speculation::Certain) {
                    assert_eq!(e.performed, e.evaluations, "{case:?} {speculation:?}");
                }
            }
        }
    }
}

#[test]
fn simpson_gives_the_bits_of_the_recursive_program_by_async_calls() {
    for case in GOLDEN {
        let (_, f, a, b, atol, ..) = *case;
        let f = Arc::new(f);
        let evaluator = evaluator_fn(16, move |x: f64| {
            let f = f.clone();
            async move { Ok::<_, std::convert::Infallible>(f(x)) }
        });
        let e = Integrator::new(evaluator).method(Simpson).integrate_blocking(a, b, atol).unwrap();
        check(case, "evaluator_fn", &e);
    }
}

#[test]
fn simpson_counts_for_the_sine_are_those_of_the_recursive_program() {
    for (atol, evaluations) in [(1e-6, 49), (1e-8, 121), (1e-10, 473), (1e-12, 1577)] {
        let integrator = Integrator::new(boxed(f64::sin)).method(Simpson);
        let e = integrator.integrate_blocking(0.0, std::f64::consts::PI, atol).unwrap();
        assert_eq!(e.evaluations, evaluations);
        assert!((e.value - 2.0).abs() <= atol);
    }
}

#[test]
fn simpson_counts_for_the_sine_are_the_same_on_any_number_of_workers() {
    for workers in [1, 2, 8, 64] {
        let pool = ThreadPool::new(workers);
        for (atol, evaluations) in [(1e-6, 49), (1e-8, 121), (1e-10, 473), (1e-12, 1577)] {
            let integrator = Integrator::new(pool.evaluator(f64::sin)).method(Simpson);
            assert_eq!(
                block_on(integrator.integrate(0.0, std::f64::consts::PI, atol)).unwrap().evaluations,
                evaluations
            );
            let waiting = blocking_fn(workers, |x: f64| Ok::<_, std::convert::Infallible>(x.sin()));
            let e =
                Integrator::new(waiting).method(Simpson).integrate_blocking(0.0, std::f64::consts::PI, atol).unwrap();
            assert_eq!(e.evaluations, evaluations);
        }
    }
}

#[test]
fn reversed_limits_negate_to_the_bit() {
    for case in GOLDEN {
        let (_, f, a, b, atol, bits, _) = *case;
        let e = Integrator::new(boxed(f)).method(Simpson).integrate_blocking(b, a, atol).unwrap();
        assert_eq!((-e.value).to_bits(), bits);
    }
}
