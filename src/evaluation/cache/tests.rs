//! The cases of a single flight: done, failed, panicked, cancelled while others wait, present; alone and mixed.
//! Long because every case has its own test, and they share their set-up.
#![allow(clippy::float_cmp, reason = "values are handed on, not computed")]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{BoxFuture, join, join_all, pending, poll_fn, ready};
use futures::task::noop_waker;
use futures::{FutureExt, poll};

use super::*;

type Outcome = Result<f64, EvaluationError>;

/// A waker that counts.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Bell {
    fn rings(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll_with(bell: &Arc<Bell>, future: &mut (impl Future<Output = Outcome> + Unpin)) -> Poll<Outcome> {
    future.poll_unpin(&mut Context::from_waker(&Waker::from(Arc::clone(bell))))
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(&noop_waker()))
}

/// An evaluation that ends when its sender says so.
fn on_signal() -> (oneshot::Sender<Outcome>, BoxFuture<'static, Outcome>) {
    let (sender, receiver) = oneshot::channel();
    (sender, async move { receiver.await.expect("the sender is kept") }.boxed())
}

fn started(claim: Claim<f64>) -> Flight<f64> {
    match claim {
        Claim::Started(flight) => flight,
        Claim::Known(_) | Claim::Joined(_) => panic!("not the first"),
    }
}

fn joined(claim: Claim<f64>) -> Flight<f64> {
    match claim {
        Claim::Joined(flight) => flight,
        Claim::Known(_) | Claim::Started(_) => panic!("nobody was at it"),
    }
}

fn never() -> BoxFuture<'static, Outcome> {
    unreachable!("not to be started")
}

#[test]
fn cache_and_futures_are_send() {
    fn check<X: Send>(_: &X) {}
    fn check_sync<X: Send + Sync + Unpin>(_: &X) {}
    let cache = PointCache::<f64>::new();
    check_sync(&cache);
    check(&cache.get_or_evaluate(1.0, || async { Ok(1.0) }));
    let flight = started(cache.claim(1.0, || ready(Ok(1.0)).boxed()));
    check(&flight);
}

#[test]
fn a_slot_of_a_float_is_16_bytes() {
    assert_eq!(size_of::<Slot<f64>>(), 16);
}

#[test]
fn a_value_is_evaluated_once() {
    let cache = PointCache::new();
    let evaluations = Cell::new(0);
    // Neither the closure nor the future is 'static or Send.
    let eval = || async {
        evaluations.set(evaluations.get() + 1);
        Ok(0.25)
    };
    block_on(async {
        assert_eq!(cache.get_or_evaluate(0.5, eval).await.unwrap(), 0.25);
        assert_eq!(cache.get_or_evaluate(0.5, eval).await.unwrap(), 0.25);
    });
    assert_eq!((evaluations.get(), cache.len(), cache.get(0.5)), (1, 1, Some(0.25)));
}

#[test]
fn known_value_is_returned_without_suspending() {
    let cache = PointCache::new();
    cache.insert(0.5, 0.25);
    let value = cache.get_or_evaluate(0.5, pending::<Outcome>).now_or_never();
    assert_eq!(value.unwrap().unwrap(), 0.25);
}

#[test]
fn points_are_told_apart_by_bits() {
    let cache = PointCache::new();
    let nan = f64::from_bits(0x7ff8_0000_0000_0001);
    for (i, x) in [0.0, -0.0, f64::NAN, nan, f64::INFINITY, 1.0, 1.0 + f64::EPSILON].into_iter().enumerate() {
        assert_eq!(cache.get(x), None);
        block_on(cache.get_or_evaluate(x, || async move { Ok(i as f64) })).unwrap();
        assert_eq!((cache.len(), cache.get(x)), (i + 1, Some(i as f64)));
    }
}

#[test]
fn two_clones_share() {
    let cache = PointCache::new();
    let clone = cache.clone();
    cache.insert(1.0, 2.0);
    assert_eq!((clone.get(1.0), clone.len(), clone.is_empty()), (Some(2.0), 1, false));
}

#[test]
fn first_inserted_value_wins() {
    let cache = PointCache::new();
    cache.insert(1.0, 2.0);
    cache.insert(1.0, 3.0);
    assert_eq!((cache.get(1.0), cache.len()), (Some(2.0), 1));
}

#[test]
fn waiters_get_the_leaders_value() {
    let cache = PointCache::new();
    let (sender, receiver) = oneshot::channel();
    let leader = cache.get_or_evaluate(0.5, || async { receiver.await.unwrap() });
    let waiters = join_all((0..10).map(|_| cache.get_or_evaluate(0.5, never)));
    let mut all = join(Box::pin(leader), waiters);
    assert!(poll_once(&mut all).is_pending());
    assert!(cache.is_empty());
    sender.send(Ok(0.25)).unwrap();
    let (value, values) = block_on(all);
    assert!(values.into_iter().chain([value]).all(|v| v.unwrap() == 0.25));
}

#[test]
fn a_failure_reaches_leader_and_waiters_and_is_not_stored() {
    let cache = PointCache::<f64>::new();
    let (sender, receiver) = oneshot::channel();
    let leader = cache.get_or_evaluate(0.5, || async { receiver.await.unwrap() });
    let mut all = Box::pin(join(leader, cache.get_or_evaluate(0.5, never)));
    assert!(poll_once(&mut all).is_pending());
    sender.send(Err(EvaluationError::new("no power"))).unwrap();
    let (first, second) = block_on(all);
    for result in [first, second] {
        assert!(matches!(result.unwrap_err(), Error::Evaluation { x: 0.5, .. }));
    }
    assert_eq!((cache.len(), cache.points.slots().len()), (0, 0));
    assert_eq!(block_on(cache.get_or_evaluate(0.5, || async { Ok(1.0) })).unwrap(), 1.0);
}

#[test]
fn a_panic_is_the_leaders_and_a_waiter_takes_over() {
    for panics_at_once in [true, false] {
        let cache = PointCache::new();
        let (sender, receiver) = oneshot::channel::<()>();
        let mut leader = Box::pin(cache.get_or_evaluate(0.5, || async {
            receiver.await.unwrap();
            if panics_at_once { panic!("first") } else { poll_fn(|_| -> Poll<Outcome> { panic!("first") }).await }
        }));
        let bell = Arc::new(Bell::default());
        let mut waiter = Box::pin(
            cache.get_or_evaluate(0.5, || async { Ok(2.0) }).map(|value| Ok::<f64, EvaluationError>(value.unwrap())),
        );
        assert!(poll_once(&mut leader).is_pending());
        assert!(poll_with(&bell, &mut waiter).is_pending());
        sender.send(()).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| poll_once(&mut leader))).is_err());
        assert_eq!(bell.rings(), 1);
        assert_eq!(block_on(waiter).unwrap(), 2.0);
    }
}

#[test]
fn a_panic_of_the_closure_leaves_no_entry() {
    let cache = PointCache::<f64>::new();
    let eval = || -> BoxFuture<'static, Outcome> { panic!("at once") };
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(cache.get_or_evaluate(0.5, eval)))).is_err());
    assert!(cache.points.slots().is_empty());
}

#[test]
fn dropped_leader_hands_over() {
    let cache = PointCache::new();
    let mut leader = Box::pin(cache.get_or_evaluate(0.5, pending::<Outcome>));
    let mut unpolled = Box::pin(cache.get_or_evaluate(0.5, never));
    let mut waiter = Box::pin(cache.get_or_evaluate(0.5, || async { Ok(2.0) }));
    assert!(poll_once(&mut leader).is_pending());
    assert!(poll_once(&mut unpolled).is_pending());
    assert!(poll_once(&mut waiter).is_pending());
    drop(leader);
    // The waiter before it in the queue is kept but not polled: that stops nobody.
    assert_eq!(block_on(waiter).unwrap(), 2.0);
    assert_eq!(block_on(unpolled).unwrap(), 2.0);
}

#[test]
fn dropped_leader_has_dropped_its_evaluation_before_the_next_starts() {
    struct Alive<'a>(&'a Cell<usize>);
    impl Drop for Alive<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    let alive = Cell::new(0);
    let cache = PointCache::<f64>::new();
    let eval = || {
        assert_eq!(alive.get(), 0, "one evaluation at a time");
        alive.set(1);
        let guard = Alive(&alive);
        async move {
            let _guard = guard;
            pending::<Outcome>().await
        }
    };
    let mut leader = Box::pin(cache.get_or_evaluate(0.5, eval));
    let mut waiter = Box::pin(cache.get_or_evaluate(0.5, eval));
    assert!(poll_once(&mut leader).is_pending());
    assert!(poll_once(&mut waiter).is_pending());
    drop(leader);
    assert!(poll_once(&mut waiter).is_pending());
    assert_eq!(alive.get(), 1);
    drop(waiter);
    assert_eq!(alive.get(), 0);
}

#[test]
fn a_thousand_cancels_in_a_row_hand_over() {
    let cache = PointCache::new();
    let mut callers: Vec<_> = (0..1000).map(|_| Box::pin(cache.get_or_evaluate(0.5, pending::<Outcome>))).collect();
    let last = cache.get_or_evaluate(0.5, || async { Ok(2.0) });
    for caller in &mut callers {
        assert!(poll_once(caller).is_pending());
    }
    let mut last = Box::pin(last);
    assert!(poll_once(&mut last).is_pending());
    // Each is polled once more before it goes, so that each has the lead when it is dropped.
    for mut caller in callers {
        assert!(poll_once(&mut caller).is_pending());
    }
    assert_eq!(block_on(last).unwrap(), 2.0);
}

#[test]
fn entry_goes_with_the_last_caller() {
    let cache = PointCache::<f64>::new();
    let mut leader = Box::pin(cache.get_or_evaluate(0.5, pending::<Outcome>));
    let mut waiter = Box::pin(cache.get_or_evaluate(0.5, pending::<Outcome>));
    assert!(poll_once(&mut leader).is_pending());
    assert!(poll_once(&mut waiter).is_pending());
    drop(waiter);
    assert_eq!(cache.points.slots().len(), 1);
    drop(leader);
    assert_eq!(cache.points.slots().len(), 0);
}

#[test]
fn an_evaluation_may_use_the_cache() {
    let cache = PointCache::new();
    // As deep as it likes, at other points, in the same shards.
    fn factorial(cache: &PointCache<f64>, x: f64) -> BoxFuture<'_, Outcome> {
        async move {
            if x < 1.0 {
                return Ok(1.0);
            }
            let below = cache.get_or_evaluate(x - 1.0, || factorial(cache, x - 1.0)).await;
            Ok(x * below.map_err(|e| EvaluationError::new(e.to_string()))?)
        }
        .boxed()
    }
    assert_eq!(block_on(cache.get_or_evaluate(20.0, || factorial(&cache, 20.0))).unwrap(), 2_432_902_008_176_640_000.0);
    assert_eq!(cache.len(), 21);
}

#[test]
fn an_evaluation_that_awaits_itself_fails() {
    let cache = PointCache::<f64>::new();
    let inner = || cache.get_or_evaluate(0.5, never).map(|r| r.map_err(|e| EvaluationError::new(e.to_string())));
    let error = block_on(cache.get_or_evaluate(0.5, inner)).unwrap_err();
    assert!(error.to_string().contains("waits for its own result"), "{error}");
    // The same where the closure blocks, and where the flight is shared.
    let eval = || ready(futures_lite::future::block_on(inner()));
    assert!(block_on(cache.get_or_evaluate(0.5, eval)).is_err());
    let clone = cache.clone();
    let flight = cache.claim(0.5, || {
        async move { clone.get_or_evaluate(0.5, never).await.map_err(|e| EvaluationError::new(e.to_string())) }.boxed()
    });
    assert!(block_on(started(flight)).is_err());
    assert!(cache.points.slots().is_empty());
}

#[test]
fn a_claimed_point_is_found_once() {
    let cache = PointCache::new();
    let (sender, evaluation) = on_signal();
    let first = started(cache.claim(0.5, || evaluation));
    let second = joined(cache.claim(0.5, never));
    sender.send(Ok(2.0)).unwrap();
    assert_eq!(block_on(second).unwrap(), 2.0);
    assert_eq!(cache.get(0.5), Some(2.0));
    assert_eq!(block_on(first).unwrap(), 2.0);
    assert!(matches!(cache.claim(0.5, never), Claim::Known(2.0)));
}

#[test]
fn a_starter_held_unpolled_stops_nobody() {
    let cache = PointCache::new();
    let (sender, evaluation) = on_signal();
    let mut starter = started(cache.claim(0.5, || evaluation));
    let bell = Arc::new(Bell::default());
    let mut other = joined(cache.claim(0.5, never));
    let mut third = Box::pin(cache.get_or_evaluate(0.5, never).map(|r| Ok(r.unwrap())));
    // The starter is the last to poll the evaluation; then it is only kept.
    assert!(poll_with(&bell, &mut other).is_pending());
    assert!(poll_with(&bell, &mut third).is_pending());
    assert!(poll_once(&mut starter).is_pending());
    sender.send(Ok(2.0)).unwrap();
    assert_eq!(bell.rings(), 2);
    assert_eq!(poll_with(&bell, &mut other).map(Result::unwrap), Poll::Ready(2.0));
    assert_eq!(poll_with(&bell, &mut third).map(Result::unwrap), Poll::Ready(2.0));
    drop(starter);
    assert_eq!(cache.len(), 1);
}

#[test]
fn last_holder_takes_the_evaluation_with_it() {
    let cache = PointCache::new();
    let (sender, evaluation) = on_signal();
    let first = started(cache.claim(0.5, || evaluation));
    let mut second = joined(cache.claim(0.5, never));
    drop(first);
    assert!(poll_once(&mut second).is_pending());
    assert!(!sender.is_canceled());
    drop(second);
    assert!(sender.is_canceled());
    assert!(cache.points.slots().is_empty());
    assert_eq!(block_on(started(cache.claim(0.5, || ready(Ok(3.0)).boxed()))).unwrap(), 3.0);
}

#[test]
fn a_panic_in_a_flight_is_an_error_to_all() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let evaluations: [fn() -> BoxFuture<'static, Outcome>; 4] = [
        || async { panic!("in poll") }.boxed(),
        || panic!("in start"),
        || {
            let bomb = Bomb;
            poll_fn(move |_| {
                let _ = &bomb;
                Poll::Ready(Ok(1.0))
            })
            .boxed()
        },
        || async { std::panic::panic_any(Bomb) }.boxed(),
    ];
    let messages = ["in poll", "in start", "in drop", "not text"];
    for (evaluation, message) in evaluations.into_iter().zip(messages) {
        let cache = PointCache::new();
        let starter = started(cache.claim(0.5, || ready(Ok(0.0)).boxed()));
        drop(starter);
        let starter = started(cache.claim(0.5, evaluation));
        let result = if message == "in start" {
            block_on(starter).map_err(|e| Error::<f64>::evaluation(0.5, e))
        } else {
            let waiter = cache.get_or_evaluate(0.5, never);
            let result = block_on(waiter);
            drop(starter);
            result
        };
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Panicked { x: 0.5, .. }), "{error:?}");
        assert!(error.to_string().contains(message), "{error}");
        assert!(cache.points.slots().is_empty());
    }
}

#[test]
fn a_flight_takes_over_from_a_leader_that_gives_up() {
    let cache = PointCache::new();
    let mut leader = Box::pin(cache.get_or_evaluate(0.5, pending::<Outcome>));
    assert!(poll_once(&mut leader).is_pending());
    let bell = Arc::new(Bell::default());
    let (sender, evaluation) = on_signal();
    let mut flight = joined(cache.claim(0.5, || evaluation));
    let mut other = joined(cache.claim(0.5, || ready(Ok(7.0)).boxed()));
    assert!(poll_with(&bell, &mut flight).is_pending());
    drop(leader);
    assert_eq!(bell.rings(), 1);
    assert!(poll_with(&bell, &mut flight).is_pending());
    assert!(poll_once(&mut other).is_pending());
    sender.send(Ok(2.0)).unwrap();
    assert_eq!(block_on(other).unwrap(), 2.0);
    assert_eq!(block_on(flight).unwrap(), 2.0);
}

#[test]
fn a_flight_waits_for_a_leader() {
    let cache = PointCache::new();
    let (sender, receiver) = oneshot::channel();
    let mut leader = Box::pin(cache.get_or_evaluate(0.5, || async { receiver.await.unwrap() }));
    assert!(poll_once(&mut leader).is_pending());
    let mut flight = joined(cache.claim(0.5, || pending().boxed()));
    assert!(poll_once(&mut flight).is_pending());
    sender.send(Ok(2.0)).unwrap();
    assert_eq!(block_on(leader).unwrap(), 2.0);
    assert_eq!(block_on(flight).unwrap(), 2.0);
}

#[test]
fn an_inserted_value_ends_what_is_pending() {
    let cache = PointCache::new();
    let (sender, evaluation) = on_signal();
    let mut flight = started(cache.claim(0.5, || evaluation));
    assert!(poll_once(&mut flight).is_pending());
    let mut leader = Box::pin(cache.get_or_evaluate(1.5, || async {
        futures_lite::future::yield_now().await;
        Ok(9.0)
    }));
    let mut waiter = Box::pin(cache.get_or_evaluate(1.5, never));
    assert!(poll_once(&mut leader).is_pending());
    assert!(poll_once(&mut waiter).is_pending());
    cache.insert(0.5, 2.0);
    cache.insert(1.5, 3.0);
    assert!(sender.is_canceled());
    assert_eq!(block_on(flight).unwrap(), 2.0);
    assert_eq!(block_on(waiter).unwrap(), 3.0);
    // The leader's own value came second: the first wins everywhere.
    assert_eq!(block_on(leader).unwrap(), 3.0);
    assert_eq!(cache.len(), 2);
}

#[test]
fn a_holder_turned_away_gets_its_turn() {
    let cache = PointCache::new();
    let (entered, wait_entered) = oneshot::channel();
    let (leave, wait_leave) = oneshot::channel();
    let (entered, wait_leave) = (Mutex::new(Some(entered)), Mutex::new(Some(wait_leave)));
    let evaluation = poll_fn(move |_| {
        // The first poll blocks inside; the next, by another holder, ends.
        let Some(entered) = entered.lock().unwrap().take() else { return Poll::Ready(Ok(2.0)) };
        entered.send(()).unwrap();
        block_on(wait_leave.lock().unwrap().take().unwrap()).unwrap();
        Poll::Pending
    });
    let mut slow = started(cache.claim(0.5, || evaluation.boxed()));
    let mut turned_away = joined(cache.claim(0.5, never));
    let bell = Arc::new(Bell::default());
    thread::scope(|scope| {
        let slow = scope.spawn(move || {
            assert!(poll_once(&mut slow).is_pending());
            slow
        });
        block_on(wait_entered).unwrap();
        assert!(poll_with(&bell, &mut turned_away).is_pending());
        leave.send(()).unwrap();
        let _kept_unpolled = slow.join().unwrap();
        assert_eq!(bell.rings(), 1);
        assert_eq!(poll_with(&bell, &mut turned_away).map(Result::unwrap), Poll::Ready(2.0));
    });
}

#[test]
fn many_threads_evaluate_each_point_once() {
    let cache = PointCache::new();
    let evaluations = AtomicUsize::new(0);
    thread::scope(|scope| {
        for t in 0..8 {
            let (cache, evaluations) = (&cache, &evaluations);
            scope.spawn(move || {
                for i in 0..2000 {
                    let x = f64::from((i * 7 + t * 251) % 2000);
                    let value = if t % 2 == 0 {
                        block_on(cache.get_or_evaluate(x, || async {
                            evaluations.fetch_add(1, Ordering::SeqCst);
                            futures_lite::future::yield_now().await;
                            Ok(2.0 * x)
                        }))
                        .unwrap()
                    } else {
                        // An evaluation kept in reserve is not polled, and so counts nothing.
                        match cache.claim(x, || ready(Ok(2.0 * x)).boxed()) {
                            Claim::Known(value) => value,
                            Claim::Started(flight) => {
                                evaluations.fetch_add(1, Ordering::SeqCst);
                                block_on(flight).unwrap()
                            }
                            Claim::Joined(flight) => block_on(flight).unwrap(),
                        }
                    };
                    assert_eq!(value, 2.0 * x);
                }
            });
        }
    });
    assert_eq!((evaluations.load(Ordering::SeqCst), cache.len(), cache.points.slots().len()), (2000, 2000, 2000));
}

#[test]
fn random_cancels_on_threads_lose_nobody() {
    let cache = PointCache::new();
    thread::scope(|scope| {
        for t in 0..6_u64 {
            let cache = &cache;
            scope.spawn(move || {
                let mut random = t + 1;
                for round in 0..3000_u32 {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let x = f64::from(round / 10);
                    let eval = || async move {
                        for _ in 0..3 {
                            futures_lite::future::yield_now().await;
                        }
                        Ok::<f64, EvaluationError>(x)
                    };
                    let polls = (random >> 33) % 6;
                    let attempt = async {
                        let mut request: Pin<Box<dyn Future<Output = f64> + Send>> = if random >> 63 == 0 {
                            Box::pin(cache.get_or_evaluate(x, eval).map(Result::unwrap))
                        } else {
                            match cache.claim(x, || eval().boxed()) {
                                Claim::Known(value) => Box::pin(ready(value)),
                                Claim::Started(f) | Claim::Joined(f) => Box::pin(f.map(Result::unwrap)),
                            }
                        };
                        for _ in 0..polls {
                            if let Poll::Ready(value) = poll!(&mut request) {
                                return assert_eq!(value, x);
                            }
                        }
                        if polls == 5 {
                            assert_eq!(request.await, x);
                        }
                    };
                    block_on(attempt);
                }
            });
        }
    });
    let pending = cache.points.slots().iter().filter(|slot| matches!(slot.value(), Slot::Pending(_))).count();
    assert_eq!(pending, 0);
}
