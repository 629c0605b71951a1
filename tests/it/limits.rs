//! What takes too long or fails now and then: time limits, timeouts, retries.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

use coquad::{
    Error, Estimate, Evaluator, EvaluatorExt, GaussKronrod, Integrator, PointCache, Reason, Simpson, ThreadPool,
    evaluator_fn,
};
use futures::executor::block_on;

use crate::support::boxed;

const SOON: Duration = Duration::from_millis(20);

/// What a call that ran out of time has.
fn out_of_time(outcome: Result<Estimate, Error>) -> Estimate {
    match outcome {
        Err(Error::NotConverged { estimate, reason: Reason::Deadline, .. }) => estimate,
        other => panic!("{other:?}"),
    }
}

/// Needs some hundred points.
fn f(x: f64) -> f64 {
    1.0 / (x * x + 1e-4)
}

#[test]
fn a_call_ends_in_time_though_all_evaluations_hang() {
    let hangs = evaluator_fn(8, |_: f64| std::future::pending::<Result<f64, String>>());
    let nothing = out_of_time(Integrator::new(hangs).time_limit(SOON).integrate_blocking(0.0, 1.0, 1e-8));
    assert_eq!((nothing.value, nothing.error, nothing.evaluations), (0.0, f64::INFINITY, 0));
}

#[test]
fn a_call_ends_in_time_though_all_threads_hang() {
    let pool = ThreadPool::new(2);
    let end = Arc::new(Barrier::new(3));
    let hangs = pool.evaluator({
        let end = end.clone();
        move |x: f64| {
            end.wait();
            x
        }
    });
    let nothing = out_of_time(Integrator::new(hangs).time_limit(SOON).integrate_blocking(0.0, 1.0, 1e-8));
    assert_eq!((nothing.error, nothing.performed), (f64::INFINITY, 2));
    end.wait();
    assert_eq!(block_on(pool.run(|| 42)), 42);
}

#[test]
fn what_was_found_in_time_is_the_estimate_and_stays_in_the_cache() {
    let whole = Integrator::new(boxed(f)).method(GaussKronrod::new(15)).integrate_blocking(-1.0, 1.0, 1e-8);
    let whole = whole.unwrap();
    // After 60 points everything hangs: four panels of 15 points, so one decision and the first panel.
    let left = Arc::new(AtomicUsize::new(60));
    let evaluator = evaluator_fn(1, {
        let left = left.clone();
        move |x: f64| {
            let runs = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            async move {
                if !runs {
                    std::future::pending::<()>().await;
                }
                Ok::<_, String>(f(x))
            }
        }
    });
    let integrator = Integrator::new(evaluator).method(GaussKronrod::new(15)).time_limit(SOON);
    let part = out_of_time(integrator.integrate_blocking(-1.0, 1.0, 1e-8));
    assert!(part.error.is_finite() && part.error > whole.error, "{part:?}");
    assert_eq!((part.evaluations, part.segments.len(), integrator.cache().len()), (45, 2, 60));
    left.store(usize::MAX, Ordering::SeqCst);
    let rest = integrator.time_limit(Duration::MAX).integrate_blocking(-1.0, 1.0, 1e-8).unwrap();
    assert_eq!(rest.value.to_bits(), whole.value.to_bits());
    assert_eq!((rest.evaluations, rest.performed), (whole.evaluations, whole.evaluations - 60));
}

#[test]
fn a_call_on_the_callers_thread_ends_after_the_evaluation_at_work() {
    let calls = AtomicUsize::new(0);
    let calls: &'static AtomicUsize = Box::leak(Box::new(calls));
    let slow = move |x: f64| {
        if calls.fetch_add(1, Ordering::SeqCst) == 30 {
            let start = Instant::now();
            while start.elapsed() <= Duration::from_millis(500) {
                std::thread::yield_now();
            }
        }
        f(x)
    };
    let integrator = Integrator::new(boxed(slow)).method(GaussKronrod::new(15));
    let part = out_of_time(integrator.time_limit(Duration::from_millis(499)).integrate_blocking(-1.0, 1.0, 1e-8));
    assert_eq!((calls.load(Ordering::SeqCst), part.performed), (31, 31));
    assert_eq!((part.evaluations, part.segments.len()), (15, 1));
}

#[test]
fn an_answer_in_time_is_the_answer_without_a_limit() {
    for method in [GaussKronrod::new(15), GaussKronrod::default()] {
        let integrator = Integrator::new(boxed(f)).method(method);
        let free = integrator.integrate_blocking(-1.0, 1.0, 1e-8).unwrap();
        let limited = integrator.time_limit(Duration::from_secs(3600));
        let here = limited.integrate_blocking(-1.0, 1.0, 1e-8).unwrap();
        let pool = Integrator::new(ThreadPool::new(2).evaluator(f)).method(method);
        let there = pool.time_limit(Duration::from_secs(3600)).integrate_blocking(-1.0, 1.0, 1e-8).unwrap();
        for e in [here, there] {
            let bits = |e: &Estimate| (e.value.to_bits(), e.error.to_bits(), e.evaluations);
            assert_eq!(bits(&e), bits(&free));
        }
    }
}

#[test]
fn retries_are_not_seen_in_the_answer() {
    let reference = Integrator::new(boxed(f)).method(Simpson).integrate_blocking(-1.0, 1.0, 1e-6).unwrap();
    // Every point fails at its first attempt.
    let pool = ThreadPool::new(4);
    let tried = Mutex::new(HashSet::new());
    let calls: &'static AtomicUsize = Box::leak(Box::default());
    let flaky = pool.try_evaluator(move |x: f64| {
        calls.fetch_add(1, Ordering::SeqCst);
        if tried.lock().unwrap().insert(x.to_bits()) { Err("the first attempt") } else { Ok(f(x)) }
    });
    let moment = Duration::from_micros(10);
    let integrator = Integrator::new(flaky.retry(2).backoff(moment, moment)).method(Simpson);
    let e = integrator.integrate_blocking(-1.0, 1.0, 1e-6).unwrap();
    assert_eq!((e.value.to_bits(), e.evaluations), (reference.value.to_bits(), reference.evaluations));
    drop(integrator);
    assert!(calls.load(Ordering::SeqCst) <= 2 * e.performed);
}

#[test]
fn a_point_that_keeps_failing_is_reported_with_the_number_of_attempts() {
    let fails = evaluator_fn(4, |x: f64| async move { if x > 0.7 { Err("the mesh broke") } else { Ok(x) } });
    let retry = fails.retry(3).backoff(Duration::ZERO, Duration::ZERO);
    let error = Integrator::new(retry).integrate_blocking(0.0, 1.0, 1e-8).unwrap_err();
    let Error::Evaluation { x, source, .. } = &error else { panic!("{error}") };
    assert!(*x > 0.7 && source.attempts() == 3 && source.timed_out().is_none());
    assert_eq!(error.to_string(), format!("the evaluation at x = {x:?} failed: the mesh broke (3 attempts)"));
}

#[test]
fn a_point_that_hangs_is_reported_with_the_limit() {
    let hangs = evaluator_fn(4, |x: f64| async move {
        if x > 0.7 {
            std::future::pending::<()>().await;
        }
        Ok::<_, String>(x)
    });
    let error = Integrator::new(hangs.timeout(SOON)).integrate_blocking(0.0, 1.0, 1e-8).unwrap_err();
    let Error::Evaluation { x, source, .. } = &error else { panic!("{error}") };
    assert!(*x > 0.7 && source.timed_out() == Some(SOON));
    assert_eq!(error.to_string(), format!("the evaluation at x = {x:?} failed: no value after 20ms"));
}

#[test]
fn a_timed_out_job_is_given_up_and_others_run_on() {
    let pool = ThreadPool::new(2);
    let end = Arc::new(Barrier::new(2));
    let evaluator = pool.evaluator({
        let end = end.clone();
        move |x: f64| {
            if x > 0.4 {
                end.wait();
            }
            x
        }
    });
    let evaluator = Arc::new(evaluator.timeout(SOON));
    assert_eq!(block_on(evaluator.evaluate(0.5)).unwrap_err().timed_out(), Some(SOON));
    // One thread is left, and nothing is stored of the point.
    let cache = PointCache::new();
    let other = block_on(cache.get_or_evaluate(0.25, || evaluator.evaluate(0.25))).unwrap();
    assert_eq!((other, cache.len()), (0.25, 1));
    end.wait();
}

#[test]
fn a_search_cut_short_counts_each_point_once_and_none_that_was_not_evaluated() {
    const LIMIT: Duration = Duration::from_millis(4);
    // What the points of the first refinements come to, however many these are.
    let whole = |budget: usize| {
        let step = Integrator::new(boxed(|x: f64| f64::from(x >= 0.3))).max_evaluations(budget);
        match step.integrate_blocking(0.0, 1.0, 1e-9) {
            Ok(e) | Err(Error::NotConverged { estimate: e, .. }) => e.evaluations,
            Err(error) => panic!("{error}"),
        }
    };
    let counts: HashSet<usize> = (1..400).map(whole).collect();
    // Every search for the jump at 0.3 comes upon points of its own and of the panel that is searched.
    for last in [20, 24, 29, 31, 33, 40, 41, 42, 58, 59, 77, 100, 131] {
        let seen = Arc::new(Mutex::new((0, HashSet::new())));
        let known = seen.clone();
        let step = boxed(move |x: f64| {
            let mut seen = known.lock().unwrap();
            seen.0 += 1;
            seen.1.insert(x.to_bits());
            if seen.0 == last {
                std::thread::sleep(2 * LIMIT);
            }
            f64::from(x >= 0.3)
        });
        let part = out_of_time(Integrator::new(step).time_limit(LIMIT).integrate_blocking(0.0, 1.0, 1e-9));
        assert!(part.evaluations <= seen.lock().unwrap().1.len(), "{last}: {}", part.evaluations);
        assert!(counts.contains(&part.evaluations), "{last}: {} is none of {counts:?}", part.evaluations);
    }
}
