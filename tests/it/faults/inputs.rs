//! Rows F: limits, tolerances and integrands that no example has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coquad::{Error, Estimate, Integrator};
use futures::future::join_all;

use super::{SMALL, Trial, by_method, trace};
use crate::support::cluster::{Latency, Random};
use crate::support::faulty::{Faulty, inline};
use crate::support::trials::row;

/// Integrands that no method solves, or that are built to mislead it.
const ADVERSARIAL: &[fn(f64) -> f64] = &[
    |x| if x > 1.0 / 3.0 { 1.0 } else { 0.0 },
    |x| 1.0 / x,
    |x| 1.0 / (x * x),
    |x| 1.0 / (x - 0.7),
    |x| (x - 0.987_654_321).abs().powf(-1.1),
    |x| f64::from_bits(0x3ff0_0000_0000_0000 | (x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 12)),
    |x| (1e6 * x).sin(),
    |x| (1.0 / x).sin(),
    |x| (1e-3 / x).sin() / x,
    |x| (0..30).map(|k| 0.5f64.powi(k) * (7f64.powi(k) * x).cos()).sum(),
    |x| 1e300 * (x - 0.5),
    |x| 1e-300 * x.exp(),
    |x| (-1e8 * (x - 0.3).powi(2)).exp(),
    |x| (x * 1e4).floor() % 2.0,
    |x| x.tan() * 100.0,
    |x| if x == 0.5 { 1e10 } else { 0.0 },
    |x| x + 1e-9 * (x.to_bits() % 7) as f64,
    |x| f64::MAX * x,
    |x| if x < 0.5 { f64::MAX } else { -f64::MAX },
    |x| x.sqrt().ln().abs().sqrt(),
    |x| (50.0 * x).exp(),
    |x| 1.0 / (x * x + 1e-14),
    |x| x.powf(-0.999),
    |x| (1.0 - x).powf(-0.999),
    |x| (1.0 / (x - 0.5)).sin(),
    |x| 5e-324 * x,
    |x| (x * 2f64.powi(40)).fract(),
    |_| 0.0,
    |_| -0.0,
    |x| (x - 0.5).signum() / (x - 0.5).abs().sqrt(),
    |x| f64::from_bits(x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15)),
];

#[test]
fn f3_what_never_converges_ends_within_its_budget_with_a_typed_error() {
    row("f3", 3_000, |seed| {
        let mut random = Random::new(seed);
        let mut pick = |n: usize| (random.next_u64() >> 33) as usize % n;
        let f = ADVERSARIAL[seed as usize % ADVERSARIAL.len()];
        let (atol, budget) = ([1e-3, 1e-10, 1e-300f64][pick(3)], [0, 1, 30, 500, 3_000][pick(5)]);
        let (method, rtol) = (pick(5), [0.0, 0.0, 1e-6, 0.5f64][pick(4)]);
        by_method!(method, m => {
            let calls = Arc::new(AtomicUsize::new(0));
            let count = calls.clone();
            let counted = move |x: f64| {
                count.fetch_add(1, Ordering::Relaxed);
                assert!((0.0..=1.0).contains(&x), "{x:?} is outside the limits");
                f(x)
            };
            let integrator = Integrator::new(inline(counted)).method(m).rtol(rtol).max_evaluations(budget);
            let met = |e: &Estimate| e.error <= atol.max(rtol * e.value.abs());
            match integrator.integrate_blocking(0.0, 1.0, atol) {
                // The recursive program of local control sums in an order of its own.
                Ok(e) => assert!((met(&e) || method == 1 && e.error <= 1.000_001 * rtol * e.value.abs()) && e.value.is_finite() && e.evaluations <= budget, "{e}"),
                Err(Error::NotConverged { estimate: e, .. }) => {
                    assert!(e.evaluations <= budget, "{e}");
                    // Written so that NaN is not met. Under local control each segment has to meet its own share.
                    assert!(!met(&e) || method == 1, "{e}");
                }
                // A sum of the largest numbers is not finite, either.
                Err(Error::NonFinite { x, norm, .. }) => {
                    assert!(!norm.is_finite() || f(x).abs() > 1e300, "{x:?} {norm}");
                }
                Err(other) => panic!("{other}"),
            }
            assert!(calls.load(Ordering::Relaxed) <= budget.max(1) * 2, "{}", calls.load(Ordering::Relaxed));
        });
    });
}

#[test]
fn a_relative_tolerance_is_met_by_the_value_that_is_returned() {
    // Terms of 1e295 come and go, and the sum of those that stay is 1e270.
    let wild = |x: f64| f64::from_bits(x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let integrator = Integrator::new(inline(wild)).method(coquad::TanhSinh).rtol(0.5).max_evaluations(500);
    if let Ok(e) = integrator.integrate_blocking(4.656612875245797e-10, 0.5, 0.5) {
        assert!(e.error <= 0.5 * e.value.abs(), "{e}");
    }
}

#[test]
fn what_is_no_number_is_neither_a_point_nor_an_answer() {
    // Its second differences are beyond the largest number; those of the other are zero all around a peak.
    let wild: fn(f64) -> f64 = |x| f64::from_bits(x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let spike: fn(f64) -> f64 = |x| if (x - 0.3).abs() < 1e-3 { 1.0 } else { 0.0 };
    for f in [wild, spike] {
        let asked = move |x: f64| {
            assert!(x.is_finite(), "{x}");
            f(x)
        };
        let integrator = Integrator::new(inline(asked)).method(coquad::Auto).rtol(0.5).max_evaluations(500);
        let _ = integrator.integrate_blocking(6209.0011182427415, 0.5, 0.5);
        let _ = integrator.integrate_blocking(0.0, 1.0, 1e-9);
        // Nor is a value that is no number ever an answer.
        let narrow = integrator.integrate_blocking(-1.5650083984183126e-209, -1.5650084074834636e-209, 0.5);
        assert!(!narrow.is_ok_and(|e| !e.value.is_finite()));
    }
}

#[test]
fn f4_an_empty_range_is_zero_at_no_cost() {
    row("f4", 10_000, |seed| {
        let mut random = Random::new(seed);
        let x = f64::from_bits(random.next_u64());
        if x.is_nan() {
            return;
        }
        by_method!(seed as usize, m => {
            let f = |_: f64| -> f64 { panic!("evaluated") };
            let e = Integrator::new(inline(f)).method(m).integrate_blocking(x, x, 1e-8).unwrap();
            assert_eq!((e.value.to_bits(), e.error.to_bits(), e.evaluations), (0, 0, 0));
        });
    });
}

#[test]
fn f5_reversed_limits_negate_the_bits() {
    row("f5", 10_000, |seed| {
        let mut random = Random::new(seed);
        let (a, b) = (10.0 * random.uniform() - 5.0, 10.0 * random.uniform() - 5.0);
        by_method!(seed as usize, m => {
            let integrator = Integrator::new(inline(|x: f64| (2.0 * x).sin() + 0.3)).method(m);
            let there = integrator.integrate_blocking(a, b, 1e-6).unwrap();
            let back = integrator.integrate_blocking(b, a, 1e-6).unwrap();
            assert_eq!(back.value.to_bits(), (-there.value).to_bits(), "{a:?} {b:?}");
            assert_eq!((back.error.to_bits(), back.evaluations), (there.error.to_bits(), there.evaluations));
        });
    });
}

const SPECIAL: [f64; 20] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    f64::MIN_POSITIVE,
    -f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    f64::MAX,
    f64::MIN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    -f64::NAN,
    f64::EPSILON,
    1.0 + f64::EPSILON,
    1e308,
    -1e308,
    1e-308,
    std::f64::consts::PI,
];

/// The integral of a bounded integrand, or nothing but a typed error.
fn sane(result: Result<Estimate, Error>, what: &str) {
    match result {
        Ok(e) => assert!(e.value.is_finite() && e.error.is_finite(), "{what}: {e}"),
        Err(Error::NotConverged { .. } | Error::NonFinite { .. }) => {}
        Err(other) => panic!("{what}: {other}"),
    }
}

#[test]
fn f6_limits_that_are_not_numbers_are_refused_and_all_others_end() {
    row("f6", 2_000, |seed| {
        let (a, b) = (SPECIAL[seed as usize % 20], SPECIAL[seed as usize / 20 % 20]);
        by_method!(seed as usize / 400, m => {
            let f = move |x: f64| {
                assert!(!a.is_nan() && !b.is_nan(), "evaluated");
                (-x.abs()).exp()
            };
            let integrator = Integrator::new(inline(f)).method(m).max_evaluations(3_000);
            let result = integrator.integrate_blocking(a, b, 1e-8);
            if a.is_nan() || b.is_nan() {
                assert!(matches!(result, Err(Error::InvalidInterval { .. })));
            } else {
                sane(result, &format!("[{a:?}, {b:?}]"));
            }
        });
    });
}

#[test]
fn f7_any_two_limits_end_and_no_point_lies_outside_them() {
    row("f7", 30_000, |seed| {
        let mut random = Random::new(seed);
        let a = f64::from_bits(random.next_u64());
        // Far away, near by, or a few floats on.
        let b = match seed % 3 {
            0 => f64::from_bits(random.next_u64()),
            1 => f64::from_bits(a.to_bits().wrapping_add(random.next_u64() % 100)),
            _ => a + a * random.uniform(),
        };
        if a.is_nan() || b.is_nan() {
            return;
        }
        by_method!(seed as usize / 3, m => {
            let f = move |x: f64| {
                assert!(a.min(b) <= x && x <= a.max(b), "{x:?} is outside");
                1.0 / (1.0 + x * x)
            };
            let integrator = Integrator::new(inline(f)).method(m).max_evaluations(2_000);
            sane(integrator.integrate_blocking(a, b, 1e-6), &format!("[{a:?}, {b:?}]"));
        });
    });
}

#[test]
fn f8_every_tolerance_is_met_refused_or_reported() {
    let special = [f64::NAN, -1.0, -5e-324, -0.0, 0.0, 5e-324, 1e-300, 1e-16, 1e-8, 1.0, f64::MAX, f64::INFINITY];
    row("f8", 144 * 5, |seed| {
        let (atol, rtol) = (special[seed as usize % 12], special[seed as usize / 12 % 12]);
        by_method!(seed as usize / 144, m => {
            let integrator = Integrator::new(inline(f64::exp)).method(m).rtol(rtol).max_evaluations(3_000);
            let invalid = !(atol >= 0.0 && rtol >= 0.0 && (atol > 0.0 || rtol > 0.0));
            match integrator.integrate_blocking(0.0, 1.0, atol) {
                Ok(e) => assert!(!invalid && e.error <= atol.max(rtol * e.value.abs()), "{atol:?} {rtol:?}: {e}"),
                Err(Error::InvalidTolerance { .. }) => assert!(invalid, "{atol:?} {rtol:?}"),
                Err(Error::NotConverged { estimate: e, .. }) => {
                    assert!(!invalid && !(e.error <= atol.max(rtol * e.value.abs())), "{atol:?} {rtol:?}: {e}");
                }
                Err(other) => panic!("{atol:?} {rtol:?}: {other}"),
            }
        });
    });
}

#[test]
fn f9_zero_has_one_sign() {
    row("f9", 10_000, |seed| {
        let mut random = Random::new(seed);
        let width = 1e-3 + 10.0 * random.uniform();
        by_method!(seed as usize, m => {
            let f = |x: f64| {
                assert!(x.to_bits() != (-0.0f64).to_bits(), "a negative zero");
                x.cos()
            };
            let integrator = Integrator::new(inline(f)).method(m);
            let bits = |a, b| trace(&integrator.integrate_blocking(a, b, 1e-3).unwrap());
            assert_eq!(bits(-width, -0.0), bits(-width, 0.0));
            assert_eq!(bits(-0.0, width), bits(0.0, width));
            bits(-width, width);
        });
    });
}

#[test]
fn f10_ten_thousand_integrals_at_once_on_one_integrator() {
    row("f10", 1, |seed| {
        let (case, atol) = &SMALL[2];
        let (_, f, a, b) = *case;
        let expected = trace(&Integrator::new(inline(f)).integrate_blocking(a, b, *atol).unwrap());
        let (cluster, clock, _) = Faulty::new(f, |_, _| None, (64, Latency::Scrambled, seed));
        let integrator = Integrator::new(cluster);
        let all = clock.run(join_all((0..10_000).map(|i| integrator.integrate(a, b, *atol * f64::from(1 + i % 2)))));
        for e in all.iter().step_by(2) {
            assert_eq!(trace(e.as_ref().unwrap()), expected);
        }
        assert!(all.iter().all(Result::is_ok));
        assert!(clock.most_outstanding() <= 64);
        assert_eq!(clock.outstanding(), 0);
    });
}

#[test]
fn drawn_trials_cover_every_method_and_case() {
    let drawn: std::collections::HashSet<_> =
        (0..1_000).map(Trial::new).map(|trial| (trial.case.0, trial.method)).collect();
    assert_eq!(drawn.len(), 5 * SMALL.len());
}
