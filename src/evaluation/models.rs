//! The cell of a point, the queue for room, cancellation and the pool's end, in the orders that threads can take: loom
//! and shuttle, by the commands of docs/TESTING.md. A lost wake is a model that does not end, which both report.

mod late;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use futures::channel::oneshot;

use super::dispatch::door::Shared;
use super::dispatch::{Dispatch, Request};
use super::evaluator::Evaluator;
use super::points::cache::{Claim, PointCache};
use super::points::cell::{Outcome, SharedEvaluation};
use super::points::spot::{Found, Spot};
use super::pool::threads::ThreadPool;
use super::sync::{block_on, step, thread};
use crate::error::EvaluationError;

/// Threads beside the one that the model begins with.
pub(crate) const OTHERS: usize = if cfg!(coquad_loom) { 2 } else { 5 };

/// Runs the model in all orders, or in those with so many preemptions; by shuttle in as many as it can be patient for.
pub(crate) fn explore(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    #[cfg(coquad_loom)]
    {
        let runs = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&runs);
        let mut builder = loom::model::Builder::new();
        builder.max_branches = 20_000;
        builder.preemption_bound = builder.preemption_bound.or(preemptions);
        builder.check(move || {
            count.fetch_add(1, Ordering::Relaxed);
            super::sync::begin();
            model();
        });
        let name = std::thread::current().name().unwrap_or_default().to_owned();
        let bound = preemptions.map_or("all".to_owned(), |bound| format!("up to {bound} preemptions"));
        println!("{name}: {} executions, {bound}", runs.load(Ordering::Relaxed));
    }
    #[cfg(coquad_shuttle)]
    {
        let _ = preemptions;
        shuttle::check_random(model, 100_000);
    }
}

/// Starts threads, numbered from 1.
fn others(n: usize, part: impl Fn(usize) + Send + Sync + 'static) -> Vec<thread::JoinHandle<()>> {
    let part = Arc::new(part);
    let start = |i| {
        let part = Arc::clone(&part);
        thread::spawn(move || part(i))
    };
    (1..=n).map(start).collect()
}

fn join(threads: Vec<thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("no thread of a model panics"));
}

/// What the tools must not see as an order: a count, or a mark of having been somewhere.
#[derive(Clone, Default)]
pub(crate) struct Count(pub(crate) Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// One poll by somebody who is not woken.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    step();
    future.poll_unpin(&mut Context::from_waker(Waker::noop()))
}

/// An evaluation that is pending once.
async fn slowly(outcome: Outcome<f64>) -> Outcome<f64> {
    let mut again = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut again, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    outcome
}

fn failed() -> Outcome<f64> {
    Err(EvaluationError::new("it failed"))
}

/// A point whose evaluation ends when the sender sends.
fn point(cache: &PointCache<f64>) -> (oneshot::Sender<f64>, super::points::flight::Flight<f64>) {
    let (sender, receiver) = oneshot::channel();
    let start = move |_: &_| async move { receiver.await.map_err(EvaluationError::new) }.boxed();
    match cache.claim(0.5, None, start) {
        Claim::Started(flight) => (sender, flight),
        _ => unreachable!("nobody else knows of the point"),
    }
}

fn joined(cache: &PointCache<f64>) -> Option<super::points::flight::Flight<f64>> {
    match cache.claim(0.5, None, |_| -> SharedEvaluation<f64> { unreachable!("it is under way") }) {
        Claim::Known(_) => None,
        Claim::Joined(flight) => Some(flight),
        Claim::Started(_) => unreachable!("it is under way"),
    }
}

#[test]
fn cell_one_evaluation_serves_all_who_ask() {
    explore(Some(5), || {
        let (cache, evaluations) = (PointCache::new(), Count::default());
        let threads = others(OTHERS, {
            let (cache, evaluations) = (cache.clone(), evaluations.clone());
            move |_| {
                let evaluate = || {
                    evaluations.add();
                    slowly(Ok(7.0))
                };
                assert_eq!(block_on(cache.get_or_evaluate(0.5, evaluate)).ok(), Some(7.0));
            }
        });
        join(threads);
        assert_eq!((evaluations.get(), cache.get(0.5)), (1, Some(7.0)));
    });
}

#[test]
fn cell_a_leader_that_leaves_or_fails_leaves_nobody_waiting() {
    explore(Some(4), || {
        let (cache, evaluations) = (PointCache::new(), Count::default());
        let threads = others(OTHERS, {
            let (cache, evaluations) = (cache.clone(), evaluations.clone());
            move |i| {
                let evaluate = || {
                    let first = evaluations.add() == 0;
                    slowly(if first { failed() } else { Ok(7.0) })
                };
                let mut call = pin!(cache.get_or_evaluate(0.5, evaluate));
                if i == 1 {
                    let _ = poll(&mut call);
                    return;
                }
                let outcome = block_on(call);
                assert!(outcome.is_err() || outcome.is_ok_and(|value| value == 7.0));
            }
        });
        join(threads);
        assert!(evaluations.get() <= OTHERS + 1);
        // Nothing is left behind: whoever asks next finds the value, or begins.
        assert!(block_on(cache.get_or_evaluate(0.5, || slowly(Ok(7.0)))).is_ok());
    });
}

#[test]
fn cell_whoever_is_polled_drives_though_others_leave() {
    explore(None, || {
        let cache = PointCache::new();
        let (sender, mut first) = point(&cache);
        let threads = others(OTHERS - 1, {
            let cache = cache.clone();
            move |_| {
                if let Some(flight) = joined(&cache) {
                    assert_eq!(block_on(flight).ok(), Some(7.0));
                }
            }
        });
        let sends = thread::spawn(move || sender.send(7.0).expect("somebody holds the flight"));
        // Polled, and then kept until all others have their value.
        let polled = poll(&mut first);
        join(threads);
        sends.join().expect("no thread of a model panics");
        let outcome = if let Poll::Ready(outcome) = polled { outcome } else { block_on(first) };
        assert_eq!(outcome.ok(), Some(7.0));
    });
}

#[test]
fn cell_the_last_to_leave_takes_the_evaluation_along() {
    explore(Some(4), || {
        let cache = PointCache::new();
        let (sender, first) = point(&cache);
        let threads = others(OTHERS, {
            let cache = cache.clone();
            move |_| {
                let start = |_: &_| async { Ok(7.0) }.boxed();
                match cache.claim(0.5, None, start) {
                    Claim::Known(_) => {}
                    Claim::Started(mut flight) | Claim::Joined(mut flight) => drop(poll(&mut flight)),
                }
            }
        });
        drop(first);
        join(threads);
        assert!(sender.is_canceled(), "the first evaluation was kept");
        assert!(block_on(cache.get_or_evaluate(0.5, || slowly(Ok(7.0)))).is_ok());
    });
}

#[test]
fn cell_a_value_found_elsewhere_ends_the_flight() {
    explore(None, || {
        let cache = PointCache::new();
        let (sender, first) = point(&cache);
        let inserts = thread::spawn({
            let cache = cache.clone();
            move || cache.insert(0.5, 8.0)
        });
        let sends = thread::spawn(move || sender.send(7.0).unwrap_or_default());
        let value = block_on(first).expect("either way there is a value");
        inserts.join().expect("no thread of a model panics");
        sends.join().expect("no thread of a model panics");
        assert_eq!(cache.get(0.5), Some(value), "the first value is not the one that counts");
    });
}

#[test]
fn cell_points_found_on_the_spot_are_joined_or_led() {
    explore(None, || {
        let (cache, evaluations) = (PointCache::new(), Count::default());
        let threads = others(OTHERS, {
            let (cache, evaluations) = (cache.clone(), evaluations.clone());
            move |i| {
                let evaluate = || {
                    evaluations.add();
                    Ok(7.0)
                };
                if i == 1 {
                    match Spot::default().find(&cache, 0.5, evaluate) {
                        Found::Known(value) | Found::Evaluated(Ok(value)) => assert_eq!(value, 7.0),
                        Found::UnderWay => {}
                        Found::Evaluated(Err(error)) => panic!("{error}"),
                    }
                } else {
                    assert_eq!(block_on(cache.get_or_evaluate(0.5, || async { evaluate() })).ok(), Some(7.0));
                }
            }
        });
        join(threads);
        assert_eq!((evaluations.get(), cache.get(0.5)), (1, Some(7.0)));
    });
}

/// An evaluator with room for one evaluation at a time.
#[derive(Default)]
struct Narrow {
    inside: Count,
}

/// Being inside an evaluation, to its end or to its drop.
struct Inside<'a>(&'a Count);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Evaluator for Narrow {
    type Value = f64;

    async fn evaluate(&self, x: f64) -> Outcome<f64> {
        assert_eq!(self.inside.add(), 0, "two evaluations at once");
        let _inside = Inside(&self.inside);
        slowly(Ok(x)).await
    }
}

/// What an integral does that wants one point: asks until there is room, then waits.
async fn one_point<E: Evaluator<Value = f64> + 'static>(shared: Arc<Shared<E>>, cache: PointCache<f64>, x: f64) -> f64 {
    let mut dispatch = Dispatch::new(shared, cache, Arc::new(AtomicBool::new(false)), false);
    let mut asked = false;
    poll_fn(move |cx| {
        loop {
            if let Poll::Ready((_, outcome)) = dispatch.poll_arrival(cx) {
                return Poll::Ready(outcome.expect("evaluations succeed"));
            }
            if asked {
                return Poll::Pending;
            }
            match dispatch.request(x, cx) {
                Request::Full => return Poll::Pending,
                Request::Known => return Poll::Ready(x),
                Request::Done { outcome, .. } => return Poll::Ready(outcome.expect("evaluations succeed")),
                Request::Pending { .. } => asked = true,
            }
        }
    })
    .await
}

#[test]
fn queue_everybody_gets_room_in_the_end() {
    explore(Some(3), || {
        let shared = Arc::new(Shared::new(Narrow::default()));
        let cache = PointCache::new();
        let threads = others(OTHERS, {
            let (shared, cache) = (Arc::clone(&shared), cache.clone());
            move |i| {
                let x = i as f64;
                assert_eq!(block_on(one_point(Arc::clone(&shared), cache.clone(), x)), x);
            }
        });
        join(threads);
        assert_eq!(shared.evaluator.inside.get(), 0);
    });
}

#[test]
fn queue_who_waits_for_room_and_leaves_passes_it_on() {
    explore(Some(3), || {
        let shared = Arc::new(Shared::new(Narrow::default()));
        let cache = PointCache::new();
        let mut held = Box::pin(one_point(Arc::clone(&shared), cache.clone(), 0.0));
        let threads = others(OTHERS, {
            let (shared, cache) = (Arc::clone(&shared), cache.clone());
            move |i| {
                let mut integral = Box::pin(one_point(Arc::clone(&shared), cache.clone(), i as f64));
                if i == 1 {
                    let _ = poll(&mut integral);
                } else {
                    assert_eq!(block_on(integral), i as f64);
                }
            }
        });
        // It has the room or waits for it, and leaves.
        let _ = poll(&mut held);
        drop(held);
        join(threads);
        assert_eq!(shared.evaluator.inside.get(), 0);
    });
}

#[test]
fn queue_who_is_held_and_not_polled_holds_up_nobody() {
    explore(Some(3), || {
        let shared = Arc::new(Shared::new(Narrow::default()));
        let cache = PointCache::new();
        let mut held = Box::pin(one_point(Arc::clone(&shared), cache.clone(), 0.0));
        // It may have the room, and nobody polls it again.
        let _ = poll(&mut held);
        let threads = others(OTHERS, {
            let (shared, cache) = (Arc::clone(&shared), cache.clone());
            move |i| {
                let x = i as f64;
                assert_eq!(block_on(one_point(Arc::clone(&shared), cache.clone(), x)), x);
            }
        });
        join(threads);
        drop(held);
        assert_eq!(shared.evaluator.inside.get(), 0);
    });
}

#[test]
fn queue_room_is_free_when_a_thread_has_evaluated_whoever_is_polled() {
    explore(Some(3), || {
        let pool = ThreadPool::new(1);
        let shared = Arc::new(Shared::new(pool.evaluator(|x: f64| x)));
        let cache = PointCache::new();
        let mut held = Box::pin(one_point(Arc::clone(&shared), cache.clone(), 0.0));
        let _ = poll(&mut held);
        assert_eq!(block_on(one_point(Arc::clone(&shared), cache.clone(), 1.0)), 1.0);
        drop(held);
    });
}

/// A task that is kept alive by its wakers alone, and owns an integral.
struct Owner(#[expect(dead_code, reason = "dropped")] std::sync::Mutex<Pin<Box<dyn Future<Output = f64> + Send>>>);

impl std::task::Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn queue_a_waker_may_own_an_integral_that_waits_for_the_same_room() {
    explore(Some(3), || {
        let shared = Arc::new(Shared::new(Narrow::default()));
        let cache = PointCache::new();
        let threads = others(OTHERS - 1, {
            let (shared, cache) = (Arc::clone(&shared), cache.clone());
            move |i| assert_eq!(block_on(one_point(Arc::clone(&shared), cache.clone(), i as f64)), i as f64)
        });
        let mut owned = Box::pin(one_point(Arc::clone(&shared), cache.clone(), 7.0));
        let mut waits = Box::pin(one_point(Arc::clone(&shared), cache.clone(), 8.0));
        let _ = poll(&mut owned);
        let waker = Waker::from(Arc::new(Owner(std::sync::Mutex::new(owned))));
        let waited = waits.as_mut().poll(&mut Context::from_waker(&waker));
        // From here on only those who may wake it know of it: whoever forgets it drops the other integral.
        drop(waker);
        if waited.is_pending() {
            let _ = poll(&mut waits);
        }
        drop(waits);
        join(threads);
        assert_eq!(shared.evaluator.inside.get(), 0);
    });
}

#[test]
fn cancel_a_job_is_run_or_dropped_and_never_both() {
    explore(Some(5), || {
        let pool = ThreadPool::new(OTHERS);
        let (ran, gone) = (Count::default(), Count::default());
        struct Gone(Count);
        impl Drop for Gone {
            fn drop(&mut self) {
                self.0.add();
            }
        }
        let job = {
            let (ran, gone) = (ran.clone(), Gone(gone.clone()));
            move || {
                let _gone = &gone;
                ran.add()
            }
        };
        let mut run = Box::pin(pool.run(job));
        let done = poll(&mut run).is_ready();
        drop(run);
        let before = ran.get();
        assert!(before <= 1 && (before == 1 || !done));
        // What comes after it is not held up.
        assert_eq!(block_on(pool.run(|| 7)), 7);
        assert!(ran.get() <= 1 && gone.get() <= 1);
    });
}

#[test]
fn shutdown_a_pool_ends_when_its_last_user_does() {
    // That the threads end is what the tools see: a model ends with its threads.
    explore(None, || {
        let pool = ThreadPool::new(OTHERS);
        let run = pool.run(|| 7);
        drop(pool);
        assert_eq!(block_on(run), 7);
    });
}

#[test]
fn shutdown_a_job_that_waits_for_its_own_pool_is_no_deadlock() {
    explore(None, || {
        let pool = ThreadPool::new(1);
        let inner = pool.clone();
        let outer = pool.run(move || block_on(inner.run(|| 3)) + block_on(inner.run(|| 4)));
        drop(pool);
        assert_eq!(block_on(outer), 7);
    });
}
