//! Rows A: evaluations that fail, hang, or do not give the same value twice.

use std::collections::HashSet;
use std::task::{Context, Waker};

use coquad::{Error, Estimate, Integrator, Method, Speculation};

use super::{Trial, by_method, trace};
use crate::support::cluster::Latency;
use crate::support::faulty::{Fault, Faulty, inline};
use crate::support::trials::row;

/// The bits of an answer, or the text of an error.
fn summary(result: &Result<Estimate, Error>) -> String {
    match result {
        Ok(e) => format!("{:x?}", trace(e)),
        Err(error) => error.to_string(),
    }
}

/// Whether the point is struck, by a hash of its bits.
fn struck(x: f64, seed: u64, one_in: u64) -> bool {
    (x.to_bits() ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32
        < (1 << 32) / one_in
}

/// One faulty point that the answer rests on, or a scatter of them. The outcome is that of one worker without guesses; the
/// same integrator then gives the right answer, and pays only for points without a value.
fn faulty(seed: u64, faults: &[Fault]) {
    let mut trial = Trial::new(seed);
    let fault = faults[trial.pick(faults.len())];
    let x0 = trial.needed();
    let one_in = [0, 3, 30, 300][trial.pick(4)];
    by_method!(trial.method, m => faulty_by(m, seed, &trial, fault, x0, one_in));
}

fn faulty_by(method: impl Method, seed: u64, trial: &Trial, fault: Fault, x0: f64, one_in: u64) {
    let (_, f, a, b) = *trial.case;
    let run = |workers, law, speculation| {
        let healed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let heal = healed.clone();
        let script = move |x: f64, _| {
            let hit = if one_in == 0 { x.to_bits() == x0.to_bits() } else { struck(x, seed, one_in) };
            (hit && !heal.load(std::sync::atomic::Ordering::Relaxed)).then_some(fault)
        };
        let (evaluator, clock, calls) = Faulty::new(f, script, (workers, law, seed));
        let integrator = Integrator::new(evaluator).method(method.clone()).speculation(speculation);
        let first = clock.run(integrator.integrate(a, b, trial.atol));
        assert_eq!(clock.outstanding(), 0, "evaluations are left behind");
        assert!(calls.lock().unwrap().started.values().all(|&n| n == 1), "a point was evaluated twice");
        healed.store(true, std::sync::atomic::Ordering::Relaxed);
        // A failure is not kept; a value that is not finite is a value.
        let again = clock.run(integrator.integrate(a, b, trial.atol));
        let calls = calls.lock().unwrap();
        assert!(calls.finished.values().all(|&n| n == 1), "a known value was evaluated again");
        (first, again)
    };
    let (expected, _) = run(1, Latency::Unit, Speculation::Off);
    let (outcome, again) = run(trial.workers, trial.law, Speculation::Ahead);
    assert_eq!(summary(&outcome), summary(&expected));
    if one_in == 0 {
        match (fault, &outcome) {
            (Fault::Panic, Err(Error::Panicked { x, message, .. })) => {
                assert_eq!((x.to_bits(), &**message), (x0.to_bits(), "scripted"));
            }
            (Fault::Error | Fault::ErrorAtOnce, Err(Error::Evaluation { x, source, .. })) => {
                assert_eq!((x.to_bits(), source.to_string()), (x0.to_bits(), "scripted".to_owned()));
            }
            (Fault::NotFinite(_), Err(Error::NonFinite { x, .. })) => assert_eq!(x.to_bits(), x0.to_bits()),
            // At a limit the point is left out by all methods but those that never evaluate there, and `Simpson`; an infinite
            // value elsewhere may be a singularity that was hit, and `Auto` cuts there.
            (Fault::NotFinite(bits), Ok(e))
                if trial.method >= 2 && (x0.to_bits() == a.to_bits() || x0.to_bits() == b.to_bits())
                    || trial.method == 4 && f64::from_bits(bits).is_infinite() =>
            {
                let exact = f64::from_bits(trial.reference.trace[0]);
                assert!((e.value - exact).abs() <= e.error + trial.atol, "{e} for {exact}");
            }
            other => panic!("{other:?} at {x0:?}"),
        }
    }
    if !matches!(fault, Fault::NotFinite(_)) {
        assert_eq!(trace(&again.unwrap()), trial.reference.trace, "the failure was kept");
    }
}

const NOT_FINITE: [Fault; 5] = [
    Fault::NotFinite(0x7ff8_0000_0000_0000),
    Fault::NotFinite(0xfff0_0000_0000_0001),
    Fault::NotFinite(0x7fff_ffff_dead_beef),
    Fault::NotFinite(0x7ff0_0000_0000_0000),
    Fault::NotFinite(0xfff0_0000_0000_0000),
];

#[test]
fn a1_a_panic_is_an_error_with_its_point_and_is_not_kept() {
    row("a1", 2_000, |seed| faulty(seed, &[Fault::Panic]));
}

#[test]
fn a2_a_value_that_is_not_finite_is_never_part_of_an_answer() {
    row("a2", 2_000, |seed| faulty(seed, &NOT_FINITE));
}

#[test]
fn a3_a_failed_evaluation_is_an_error_with_its_point_and_its_cause() {
    row("a3", 4_000, |seed| faulty(seed, &[Fault::Error, Fault::ErrorAtOnce]));
}

#[test]
fn a4_a_needed_evaluation_that_hangs_is_given_up_with_the_integral() {
    row("a4", 3_000, |seed| {
        let mut trial = Trial::new(seed);
        let x0 = trial.needed();
        by_method!(trial.method, m => {
            let (_, f, a, b) = *trial.case;
            let hang = move |x: f64, before| (x.to_bits() == x0.to_bits() && before == 0).then_some(Fault::Hang);
            let (evaluator, clock, calls) = Faulty::new(f, hang, (trial.workers, trial.law, seed));
            let integrator = Integrator::new(evaluator).method(m).speculation(Speculation::Certain);
            let mut future = Box::pin(integrator.integrate(a, b, trial.atol));
            let mut cx = Context::from_waker(Waker::noop());
            while future.as_mut().poll(&mut cx).is_pending() && !clock.is_idle() {
                clock.tick();
            }
            assert!(future.as_mut().poll(&mut cx).is_pending(), "an answer without a value it needs");
            drop(future);
            let e = clock.run(integrator.integrate(a, b, trial.atol)).unwrap();
            assert_eq!(trace(&e), trial.reference.trace);
            assert!(calls.lock().unwrap().finished.values().all(|&n| n == 1));
        });
    });
}

#[test]
fn a6_of_an_integrand_that_is_no_function_the_first_value_counts_everywhere() {
    row("a6", 3_000, |seed| {
        let mut trial = Trial::new(seed);
        let stop = trial.pick(40);
        by_method!(trial.method, m => {
            let (_, f, a, b) = *trial.case;
            let count = std::sync::atomic::AtomicU64::new(seed);
            let noisy = move |x: f64| {
                let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                f64::from_bits(f(x).to_bits() ^ (n & 1))
            };
            let (evaluator, clock, _) = Faulty::new(noisy, |_, _| None, (trial.workers, trial.law, seed));
            let integrator = Integrator::new(evaluator).method(m);
            let mut future = Box::pin(integrator.integrate(a, b, trial.atol));
            let mut cx = Context::from_waker(Waker::noop());
            for _ in 0..stop {
                if future.as_mut().poll(&mut cx).is_ready() {
                    break;
                }
                clock.tick();
            }
            drop(future);
            let e = clock.run(integrator.integrate(a, b, trial.atol)).unwrap();
            let again = clock.run(integrator.integrate(a, b, trial.atol)).unwrap();
            assert_eq!(trace(&again), trace(&e));
            // The answer is that of the values in the cache.
            let cache = integrator.cache().clone();
            let kept = inline(move |x| cache.get(x).expect("every value the answer rests on is kept"));
            let same = Integrator::new(kept).method(m).integrate_blocking(a, b, trial.atol).unwrap();
            assert_eq!(trace(&same), trace(&e));
        });
    });
}

#[test]
fn a7_a_fault_at_a_guess_never_shows() {
    row("a7", 2_000, |seed| {
        let mut trial = Trial::new(seed);
        let faults = [Fault::Panic, Fault::Error, Fault::ErrorAtOnce, Fault::Hang, NOT_FINITE[0], NOT_FINITE[3]];
        let fault = faults[trial.pick(6)];
        let needed: HashSet<u64> = trial.reference.points.iter().map(|x| x.to_bits()).collect();
        by_method!(trial.method, m => {
            let (_, f, a, b) = *trial.case;
            let script = move |x: f64, _| (!needed.contains(&x.to_bits())).then_some(fault);
            // A guess that hangs holds its worker, so there are more workers than guesses.
            let workers = if fault == Fault::Hang { 2_000 } else { trial.workers };
            let (evaluator, clock, _) = Faulty::new(f, script, (workers, trial.law, seed));
            let integrator = Integrator::new(evaluator).method(m);
            let outcome = clock.run(integrator.integrate(a, b, trial.atol));
            assert_eq!(clock.outstanding(), 0);
            assert_eq!(trace(&outcome.unwrap()), trial.reference.trace);
        });
    });
}
