//! Rows B: integrals that are dropped, held, or unwound through.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use coquad::{Error, Estimate, Integrator, Method, PointCache};

use super::{Trial, by_method, trace};
use crate::support::cluster::{Clock, Latency};
use crate::support::faulty::{Calls, Faulty};
use crate::support::trials::row;

fn sound<M: Method>(trial: &Trial, seed: u64, method: M) -> (Integrator<Faulty, M>, Clock, Arc<Mutex<Calls>>) {
    let (evaluator, clock, calls) = Faulty::new(trial.case.1, |_, _| None, (trial.workers, trial.law, seed));
    (Integrator::new(evaluator).method(method), clock, calls)
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<Estimate, Error>> + Send + 'a>>;

fn start<'a, M: Method>(integrator: &'a Integrator<Faulty, M>, trial: &Trial) -> Running<'a> {
    let (_, _, a, b) = *trial.case;
    Box::pin(integrator.integrate(a, b, trial.atol))
}

fn poll(future: &mut Running<'_>) -> Poll<Result<Estimate, Error>> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Which points have a value, checked against what was evaluated.
fn known(cache: &PointCache<f64>, calls: &Mutex<Calls>) -> HashSet<u64> {
    let calls = calls.lock().unwrap();
    assert!(calls.finished.values().all(|&n| n == 1), "a known value was evaluated again");
    let known: HashSet<u64> =
        calls.finished.keys().copied().filter(|&x| cache.get(f64::from_bits(x)).is_some()).collect();
    assert_eq!(known.len(), cache.len());
    known
}

/// Drops the integral at its k-th poll; whether it was over before.
fn dropped_at(seed: u64, trial: &Trial, k: usize, method: impl Method) -> bool {
    let (integrator, clock, calls) = sound(trial, seed, method);
    let mut future = start(&integrator, trial);
    let mut over = false;
    for _ in 0..k {
        if poll(&mut future).is_ready() {
            over = true;
            break;
        }
        clock.tick();
    }
    drop(future);
    assert_eq!(clock.outstanding(), 0, "evaluations go on after the drop");
    let kept = known(integrator.cache(), &calls);
    let before = calls.lock().unwrap().started.clone();
    let e = clock.run(start(&integrator, trial)).unwrap();
    assert_eq!(trace(&e), trial.reference.trace);
    let after = &calls.lock().unwrap().started;
    assert!(kept.iter().all(|x| after[x] == before[x]), "a finished point was evaluated again");
    over
}

#[test]
fn b1_an_integral_dropped_at_any_poll_leaves_its_points_and_nothing_else() {
    row("b1", 8, |seed| {
        let trial = Trial::new(seed);
        let mut k = 0;
        while !by_method!(trial.method, m => dropped_at(seed, &trial, k, m)) {
            k += 1;
        }
    });
}

#[test]
fn b2_integrals_that_share_points_survive_those_that_are_dropped() {
    row("b2", 2_000, |seed| {
        let mut trial = Trial::new(seed);
        by_method!(trial.method, m => {
            let (integrator, clock, calls) = sound(&trial, seed, m);
            let mut running: Vec<_> = (0..2 + trial.pick(4)).map(|_| Some(start(&integrator, &trial))).collect();
            let survivor = trial.pick(running.len());
            let mut answer = None;
            while answer.is_none() {
                let i = trial.pick(running.len());
                if i != survivor && trial.pick(20) == 0 {
                    running[i] = None;
                }
                if let Some(future) = &mut running[i] {
                    if let Poll::Ready(result) = poll(future) {
                        let e = result.unwrap();
                        assert_eq!(trace(&e), trial.reference.trace);
                        running[i] = None;
                        if i == survivor {
                            answer = Some(e);
                        }
                    }
                }
                if trial.pick(running.len()) == 0 && !clock.is_idle() {
                    clock.tick();
                }
            }
            assert!(clock.most_outstanding() <= trial.workers);
            drop(running);
            assert_eq!(clock.outstanding(), 0);
            known(integrator.cache(), &calls);
        });
    });
}

/// A waker that tells whether it was woken.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn room_that_those_woken_for_it_leave_goes_to_the_others() {
    let (evaluator, _clock, _) = Faulty::new(f64::sqrt, |_, _| None, (1, Latency::Unit, 1));
    let integrator = &Integrator::new(evaluator).method(coquad::Simpson);
    let mut waiting: Vec<_> = (0..20)
        .map(|i| {
            let bell = Arc::<Bell>::default();
            let (a, b) = (f64::from(i), f64::from(i + 1));
            let mut integral: Running<'_> = Box::pin(async move { integrator.integrate(a, b, 1e-3).await });
            assert!(integral.as_mut().poll(&mut Context::from_waker(&Waker::from(bell.clone()))).is_pending());
            (integral, bell)
        })
        .collect();
    // The first has the room. Whoever is woken leaves without having been polled.
    drop(waiting.remove(0));
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|(_, bell)| !bell.0.load(Ordering::Relaxed));
        assert!(waiting.len() < before, "{before} wait for room that is there");
    }
}

#[test]
fn b3_integrals_that_are_held_and_never_polled_hold_up_nobody() {
    row("b3", 1_000, |seed| {
        let mut trial = Trial::new(seed);
        by_method!(trial.method, m => {
            let (integrator, clock, calls) = sound(&trial, seed, m);
            let polls = 1 + trial.pick(10);
            let mut held = start(&integrator, &trial);
            let mut over = false;
            for _ in 0..polls {
                over = over || poll(&mut held).is_ready();
                if over {
                    break;
                }
                clock.tick();
            }
            if !over {
                let e = clock.run(start(&integrator, &trial)).unwrap();
                assert_eq!(trace(&e), trial.reference.trace);
            }
            drop(held);
            assert_eq!(clock.outstanding(), 0);
            known(integrator.cache(), &calls);
        });
    });
}

#[test]
fn b6_an_integrator_dropped_with_its_integrals_leaves_nothing_running() {
    row("b6", 1_000, |seed| {
        let mut trial = Trial::new(seed);
        by_method!(trial.method, m => {
            let (integrator, clock, _) = sound(&trial, seed, m);
            let (_, _, a, b) = *trial.case;
            let atol = trial.atol;
            let clone = integrator.clone();
            let mut future: Running<'_> = Box::pin(async move { clone.integrate(a, b, atol).await });
            drop(integrator);
            for _ in 0..1 + trial.pick(20) {
                if poll(&mut future).is_ready() {
                    break;
                }
                clock.tick();
            }
            drop(future);
            assert_eq!(clock.outstanding(), 0);
        });
    });
}

#[test]
fn b7_a_panic_that_unwinds_through_an_integral_leaves_the_integrator_usable() {
    row("b7", 300, |seed| {
        let mut trial = Trial::new(seed);
        let polls = trial.pick(20);
        by_method!(trial.method, m => {
            let (integrator, clock, calls) = sound(&trial, seed, m);
            let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let mut future = start(&integrator, &trial);
                for _ in 0..polls {
                    if poll(&mut future).is_ready() {
                        break;
                    }
                    clock.tick();
                }
                std::panic::resume_unwind(Box::new("the caller panics"));
            }));
            assert!(unwound.is_err());
            assert_eq!(clock.outstanding(), 0);
            let e = clock.run(start(&integrator, &trial)).unwrap();
            assert_eq!(trace(&e), trial.reference.trace);
            known(integrator.cache(), &calls);
        });
    });
}
