//! Whatever fails is a typed error with its numbers, and nothing hangs.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use coquad::{Error, GaussKronrod, Integrator, Reason, Simpson, Speculation, ThreadPool, evaluator_fn};
use futures::executor::block_on;

use crate::support::boxed;
use crate::support::cluster::{Cluster, Latency};

#[test]
fn limits_that_are_not_numbers_are_refused_before_anything_is_evaluated() {
    let integrator = Integrator::new(boxed(|_: f64| -> f64 { panic!("evaluated") }));
    for (a, b) in [(f64::NAN, 1.0), (0.0, f64::NAN), (f64::NAN, f64::NAN)] {
        let error = integrator.integrate_blocking(a, b, 1e-8).unwrap_err();
        assert!(matches!(error, Error::InvalidInterval { .. }), "{error}");
        assert!(error.to_string().contains("NaN"), "{error}");
    }
    let broken = integrator.breakpoints(&[0.5, f64::NAN]).integrate_blocking(0.0, 1.0, 1e-8);
    assert!(matches!(broken, Err(Error::InvalidInterval { .. })));
}

#[test]
fn tolerances_that_ask_for_nothing_are_refused_before_anything_is_evaluated() {
    let integrator = Integrator::new(boxed(|_: f64| -> f64 { panic!("evaluated") }));
    for (atol, rtol) in [(0.0, 0.0), (-1e-8, 0.0), (f64::NAN, 0.0), (1e-8, -1.0), (1e-8, f64::NAN), (-0.0, 0.0)] {
        let error = integrator.clone().rtol(rtol).integrate_blocking(0.0, 1.0, atol).unwrap_err();
        assert!(matches!(error, Error::InvalidTolerance { .. }), "{atol} {rtol}: {error}");
    }
}

#[test]
fn an_empty_range_costs_nothing_even_if_the_integrand_panics() {
    let integrator = Integrator::new(boxed(|_: f64| -> f64 { panic!("evaluated") }));
    for x in [0.0, -1.5, f64::INFINITY, f64::NEG_INFINITY] {
        let e = integrator.integrate_blocking(x, x, 1e-8).unwrap();
        assert_eq!((e.value.to_bits(), e.error, e.evaluations), (0, 0.0, 0));
    }
    assert_eq!(integrator.integrate_blocking(-0.0, 0.0, 1e-8).unwrap().evaluations, 0);
}

#[test]
fn an_infinite_tolerance_ends_at_once() {
    let e = Integrator::new(boxed(f64::sqrt)).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, f64::INFINITY);
    assert_eq!(e.unwrap().evaluations, 21);
}

#[test]
fn a_value_that_is_not_finite_is_reported_with_its_point() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let f = move |x: f64| if x > 0.7 { bad } else { x };
        let here = Integrator::new(boxed(f)).integrate_blocking(0.0, 1.0, 1e-8).unwrap_err();
        let Error::NonFinite { x, .. } = here else { panic!("{here}") };
        assert!(x > 0.7);
        let printed: f64 = here.to_string().split("x = ").nth(1).unwrap().parse().unwrap();
        assert_eq!(printed.to_bits(), x.to_bits(), "{here}");
        for workers in [1, 4] {
            let pool = ThreadPool::new(workers);
            let there = block_on(Integrator::new(pool.evaluator(f)).integrate(0.0, 1.0, 1e-8)).unwrap_err();
            assert_eq!(there.to_string(), here.to_string());
        }
    }
    let everywhere = Integrator::new(boxed(|_| f64::NAN)).method(Simpson).integrate_blocking(0.0, 1.0, 1e-8);
    assert!(matches!(everywhere, Err(Error::NonFinite { x: 0.0, .. })));
}

#[test]
fn a_failing_evaluation_is_reported_with_its_point_and_its_cause() {
    let pool = ThreadPool::new(2);
    let fails = |x: f64| if x > 0.7 { Err("the mesh broke") } else { Ok(x) };
    let error = block_on(Integrator::new(pool.try_evaluator(fails)).integrate(0.0, 1.0, 1e-8)).unwrap_err();
    let Error::Evaluation { x, source, .. } = &error else { panic!("{error}") };
    assert!(*x > 0.7);
    assert_eq!(source.to_string(), "the mesh broke");
    assert!(std::error::Error::source(&error).is_some());
    let again = evaluator_fn(7, move |x: f64| async move { fails(x) });
    let same = Integrator::new(again).integrate_blocking(0.0, 1.0, 1e-8).unwrap_err();
    assert_eq!(same.to_string(), error.to_string(), "the first in the order of the decisions, whoever evaluates");
}

#[test]
fn a_panic_on_the_pool_is_an_error_and_the_pool_keeps_its_workers() {
    let pool = ThreadPool::new(3);
    for _ in 0..10 {
        let integrator = Integrator::new(pool.evaluator(|x: f64| if x > 0.7 { panic!("no {x}") } else { x }));
        let error = block_on(integrator.integrate(0.0, 1.0, 1e-8)).unwrap_err();
        let Error::Panicked { x, message, .. } = &error else { panic!("{error}") };
        assert_eq!(**message, format!("no {x}"));
    }
    // Three jobs that wait for each other need three workers.
    let barrier = Arc::new(std::sync::Barrier::new(3));
    let jobs = (0..3).map(|_| {
        let barrier = barrier.clone();
        pool.run(move || barrier.wait().is_leader())
    });
    let leaders = block_on(futures::future::join_all(jobs));
    assert_eq!(leaders.into_iter().filter(|leader| *leader).count(), 1);
}

#[test]
fn a_fault_at_a_guess_never_shows() {
    let f = |x: f64| 1.0 / (x * x + 1e-3);
    let needed = Arc::new(Mutex::new(HashSet::new()));
    let seen = needed.clone();
    let reference = Integrator::new(boxed(move |x: f64| {
        seen.lock().unwrap().insert(x.to_bits());
        f(x)
    }))
    .method(GaussKronrod::new(21))
    .integrate_blocking(-1.0, 1.0, 1e-9)
    .unwrap();
    let needed = needed.lock().unwrap().clone();
    for (seed, fault) in (0..300).map(|seed| (seed, seed % 3)) {
        let (faults, known) = (Arc::new(AtomicUsize::new(0)), needed.clone());
        let count = faults.clone();
        let (cluster, clock) = Cluster::new(
            move |x: f64| {
                if known.contains(&x.to_bits()) {
                    return f(x);
                }
                count.fetch_add(1, Ordering::Relaxed);
                if fault == 0 {
                    std::panic::resume_unwind(Box::new("at a guess"))
                } else if fault == 1 {
                    f64::NAN
                } else {
                    f64::INFINITY
                }
            },
            200,
            Latency::Scrambled,
            seed,
        );
        let integrator = Integrator::new(cluster).method(GaussKronrod::new(21)).speculation(Speculation::Ahead);
        let e = clock.run(integrator.integrate(-1.0, 1.0, 1e-9)).unwrap();
        assert_eq!((e.value.to_bits(), e.evaluations), (reference.value.to_bits(), reference.evaluations));
        assert!(faults.load(Ordering::Relaxed) > 0, "the test must guess wrong to show anything");
    }
}

#[test]
fn a_tolerance_below_roundoff_ends_with_the_best_estimate() {
    for atol in [1e-300, 1e-18] {
        let gk = Integrator::new(boxed(f64::exp)).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, atol);
        let Err(Error::NotConverged { estimate, reason, .. }) = gk else { panic!("{gk:?}") };
        assert_eq!(reason, Reason::Roundoff);
        assert!((estimate.value - 1f64.exp_m1()).abs() < 1e-15);
        assert!(estimate.error > atol && estimate.error < 1e-14);

        let simpson = Integrator::new(boxed(f64::sin)).method(Simpson).integrate_blocking(0.0, 3.0, atol);
        let Err(Error::NotConverged { estimate, reason, .. }) = simpson else { panic!("{simpson:?}") };
        assert_eq!(reason, Reason::Roundoff);
        assert!((estimate.value - (1.0 - 3f64.cos())).abs() < 1e-14, "{estimate}");
        assert!(estimate.evaluations < 200_000);
    }
}

#[test]
fn a_spent_budget_ends_with_the_best_estimate_the_same_for_every_worker_count() {
    let f = |x: f64| 1.0 / x.sqrt();
    let limited = |n| Integrator::new(boxed(f)).method(GaussKronrod::new(21)).max_evaluations(n);
    for budget in [0, 20, 21, 62, 63, 1000] {
        let Err(Error::NotConverged { estimate, reason, .. }) = limited(budget).integrate_blocking(0.0, 1.0, 1e-12)
        else {
            panic!("converged")
        };
        assert_eq!(reason, Reason::Budget);
        let expected = if budget < 21 { 0 } else { 21 + (budget - 21) / 42 * 42 };
        assert_eq!(estimate.evaluations, expected);
        for workers in [1, 64] {
            let (cluster, clock) = Cluster::new(f, workers, Latency::Scrambled, budget as u64);
            let integrator = Integrator::new(cluster).method(GaussKronrod::new(21)).max_evaluations(budget);
            let Err(Error::NotConverged { estimate: other, .. }) = clock.run(integrator.integrate(0.0, 1.0, 1e-12))
            else {
                panic!("converged")
            };
            assert_eq!(other.value.to_bits(), estimate.value.to_bits());
            assert_eq!(other.error.to_bits(), estimate.error.to_bits());
            assert_eq!(other.evaluations, estimate.evaluations);
        }
    }
}

#[test]
fn a_divergent_integral_is_reported_in_bounded_work() {
    let cases: [fn(f64) -> f64; 3] = [|x| 1.0 / x, |x| 1.0 / (x * x), |x| (x - 0.987_654_321).abs().powf(-1.1)];
    for f in cases {
        let end = Integrator::new(boxed(f)).rtol(1e-8).integrate_blocking(0.0, 1.0, 1e-8);
        match end {
            Err(Error::NotConverged { estimate, .. }) => assert!(estimate.evaluations < 20_000, "{estimate}"),
            // A point may hit the singularity itself.
            Err(Error::NonFinite { norm, .. }) => assert!(norm.is_infinite()),
            other => panic!("{other:?}"),
        }
    }
}
