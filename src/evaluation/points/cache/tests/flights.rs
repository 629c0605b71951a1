//! Claims on a point: flights with several holders, beside callers that lead.

use super::*;
use crate::evaluation::points::call::Call;
use crate::evaluation::points::spot::{Found, Spot};

#[test]
fn a_claimed_point_is_found_once() {
    let cache = PointCache::new();
    let (sender, evaluation) = on_signal();
    let first = started(cache.claim(0.5, None, |_| evaluation));
    let second = joined(cache.claim(0.5, None, |_| never()));
    sender.send(Ok(2.0)).unwrap();
    assert_eq!(block_on(second).unwrap(), 2.0);
    assert_eq!(cache.get(0.5), Some(2.0));
    assert_eq!(block_on(first).unwrap(), 2.0);
    assert!(matches!(cache.claim(0.5, None, |_| never()), Claim::Known(2.0)));
}

#[test]
fn a_starter_held_unpolled_stops_nobody() {
    let cache = PointCache::new();
    let (sender, evaluation) = on_signal();
    let mut starter = started(cache.claim(0.5, None, |_| evaluation));
    let bell = Arc::new(Bell::default());
    let mut other = joined(cache.claim(0.5, None, |_| never()));
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
    let first = started(cache.claim(0.5, None, |_| evaluation));
    let mut second = joined(cache.claim(0.5, None, |_| never()));
    drop(first);
    assert!(poll_once(&mut second).is_pending());
    assert!(!sender.is_canceled());
    drop(second);
    assert!(sender.is_canceled());
    assert!(cache.points.map().is_empty());
    assert_eq!(block_on(started(cache.claim(0.5, None, |_| ready(Ok(3.0)).boxed()))).unwrap(), 3.0);
}

#[test]
fn a_panic_in_a_flight_is_an_error_to_all() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let evaluations: [fn() -> BoxFuture<'static, Outcome>; 3] = [
        || async { panic!("in poll") }.boxed(),
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
    let messages = ["in poll", "in drop", "not text"];
    for (evaluation, message) in evaluations.into_iter().zip(messages) {
        let cache = PointCache::new();
        let starter = started(cache.claim(0.5, None, |_| ready(Ok(0.0)).boxed()));
        drop(starter);
        let starter = started(cache.claim(0.5, None, |_| evaluation()));
        let error = block_on(cache.get_or_evaluate(0.5, never)).unwrap_err();
        drop(starter);
        assert!(matches!(error, Error::Panicked { x: 0.5, .. }), "{error:?}");
        assert!(error.to_string().contains(message), "{error}");
        assert!(cache.points.map().is_empty());
    }
}

#[test]
fn a_flight_takes_over_from_a_leader_that_gives_up() {
    let cache = PointCache::new();
    let mut leader = Box::pin(cache.get_or_evaluate(0.5, pending::<Outcome>));
    assert!(poll_once(&mut leader).is_pending());
    let bell = Arc::new(Bell::default());
    let (sender, evaluation) = on_signal();
    let mut flight = joined(cache.claim(0.5, None, |_| evaluation));
    let mut other = joined(cache.claim(0.5, None, |_| ready(Ok(7.0)).boxed()));
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
    let mut flight = joined(cache.claim(0.5, None, |_| pending().boxed()));
    assert!(poll_once(&mut flight).is_pending());
    sender.send(Ok(2.0)).unwrap();
    assert_eq!(block_on(leader).unwrap(), 2.0);
    assert_eq!(block_on(flight).unwrap(), 2.0);
}

#[test]
fn an_inserted_value_ends_what_is_pending() {
    let cache = PointCache::new();
    let (sender, evaluation) = on_signal();
    let mut flight = started(cache.claim(0.5, None, |_| evaluation));
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
fn an_evaluation_that_wakes_itself_while_it_is_polled_is_polled_again() {
    let cache = PointCache::new();
    let mut polls = 0;
    let evaluation = poll_fn(move |cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls == 3 { Poll::Ready(Ok(0.25)) } else { Poll::Pending }
    });
    let mut flight = started(cache.claim(0.5, None, |_| evaluation.boxed()));
    let bell = Arc::new(Bell::default());
    for rings in 1..3 {
        assert!(poll_with(&bell, &mut flight).is_pending());
        assert_eq!(bell.rings(), rings);
    }
    assert_eq!(poll_with(&bell, &mut flight).map(Result::ok), Poll::Ready(Some(0.25)));
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
    let mut slow = started(cache.claim(0.5, None, |_| evaluation.boxed()));
    let mut turned_away = joined(cache.claim(0.5, None, |_| never()));
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
fn what_is_under_way_is_joined_and_nothing_else_begins() {
    let cache = PointCache::new();
    assert!(cache.join(1.0).is_none() && cache.points.map().is_empty());
    let (sender, evaluation) = on_signal();
    let first = started(cache.claim(1.0, None, |_| evaluation));
    let second = joined(cache.join(1.0).expect("it is under way"));
    drop(first);
    sender.send(Ok(2.0)).unwrap();
    assert_eq!(block_on(second).unwrap(), 2.0);
    assert!(matches!(cache.join(1.0), Some(Claim::Known(value)) if value == 2.0));
    // What a caller leads may fall to whoever else is there, who would have to begin.
    let mut leader = Box::pin(cache.get_or_evaluate(3.0, pending::<Outcome>));
    assert!(poll_once(&mut leader).is_pending());
    assert!(cache.join(3.0).is_none());
}

/// A flight whose evaluation never ends by itself, and its call.
fn called(cache: &PointCache<f64>) -> (Flight<f64>, Call<f64>) {
    let mut given = None;
    let flight = started(cache.claim(0.5, None, |seat| {
        given = Some(Call::of(seat));
        pending().boxed()
    }));
    (flight, given.expect("it was started"))
}

#[test]
fn a_call_that_has_begun_is_under_way_for_everybody_to_its_end() {
    let cache = PointCache::new();
    let (flight, call) = called(&cache);
    let begun = call.begin().expect("it is wanted");
    drop(flight);
    let mut other = joined(cache.claim(0.5, None, |_| never()));
    assert!(poll_once(&mut other).is_pending());
    assert!(begun.end(2.0).is_none());
    // It was not polled meanwhile.
    assert_eq!((cache.get(0.5), cache.len()), (Some(2.0), 1));
    assert_eq!(block_on(other).unwrap(), 2.0);
    assert_eq!(format!("{call:?}"), "Call { .. }");
}

#[test]
fn a_call_that_nobody_wants_never_begins() {
    let cache = PointCache::new();
    let (flight, call) = called(&cache);
    drop(flight);
    assert!(call.begin().is_none());
    // Nor does it take the place of another.
    let (flight, _) = called(&cache);
    assert!(call.begin().is_none());
    cache.insert(0.5, 3.0);
    assert!(call.begin().is_none());
    assert_eq!(block_on(flight).unwrap(), 3.0);
    assert!(Call::<f64>::nowhere().begin().is_some_and(|begun| begun.end(7.0) == Some(7.0)));
}

#[test]
fn a_call_that_ends_without_a_value_leaves_the_point_to_whoever_asks_next() {
    let cache = PointCache::new();
    let (flight, call) = called(&cache);
    let begun = call.begin().expect("it is wanted");
    drop(flight);
    drop(begun);
    assert_eq!(block_on(started(cache.claim(0.5, None, |_| ready(Ok(3.0)).boxed()))).unwrap(), 3.0);
}

#[test]
fn a_value_is_kept_as_long_as_anybody_knows_of_the_cache() {
    let cache = PointCache::new();
    let (flight, call) = called(&cache);
    let begun = call.begin().expect("it is wanted");
    let points = Arc::downgrade(&cache.points);
    drop((flight, cache));
    assert_eq!(points.strong_count(), 0, "a call that runs keeps the cache, and its file");
    assert!(begun.end(5.0).is_none());
}

#[test]
fn whoever_polled_last_is_woken() {
    let cache = PointCache::new();
    let mut leader = Box::pin(cache.get_or_evaluate(0.5, || async {
        futures_lite::future::yield_now().await;
        Ok(2.0)
    }));
    assert!(poll_once(&mut leader).is_pending());
    let mut waiter = Box::pin(cache.get_or_evaluate(0.5, never).map(|r| Ok(r.unwrap())));
    let (first, last) = (Arc::new(Bell::default()), Arc::new(Bell::default()));
    for bell in [&first, &last, &last] {
        assert!(poll_with(bell, &mut waiter).is_pending());
    }
    assert!(poll_once(&mut leader).is_ready());
    assert_eq!((first.rings(), last.rings()), (0, 1));
}

#[test]
fn nobody_is_woken_without_need() {
    let cache = PointCache::new();
    let (_sender, evaluation) = on_signal();
    let mut flight = started(cache.claim(0.5, None, |_| evaluation));
    let bell = Arc::new(Bell::default());
    assert!(poll_with(&bell, &mut flight).is_pending());
    assert_eq!(bell.rings(), 0);
}

#[test]
fn an_evaluation_may_insert_its_own_value_and_go_on() {
    let cache = PointCache::new();
    let inside = cache.clone();
    let evaluation = poll_fn(move |_| {
        inside.insert(0.5, 2.0);
        Poll::Pending
    });
    let mut flight = started(cache.claim(0.5, None, |_| evaluation.boxed()));
    assert_eq!(poll_once(&mut flight).map(Result::unwrap), Poll::Ready(2.0));
}

#[test]
fn a_holder_who_drove_before_is_turned_away_like_any_other() {
    let cache = PointCache::new();
    let (entered, wait_entered) = oneshot::channel();
    let (leave, wait_leave) = oneshot::channel();
    let stops = Mutex::new(vec![None, Some((entered, wait_leave))].into_iter());
    let evaluation = poll_fn(move |_| {
        // The first poll pauses at once, the second blocks inside, the third ends.
        match stops.lock().unwrap().next() {
            None => return Poll::Ready(Ok(2.0)),
            Some(None) => {}
            Some(Some((entered, leave))) => {
                entered.send(()).unwrap();
                block_on(leave).unwrap();
            }
        }
        Poll::Pending
    });
    let mut before = started(cache.claim(0.5, None, |_| evaluation.boxed()));
    let mut slow = joined(cache.claim(0.5, None, |_| never()));
    let bell = Arc::new(Bell::default());
    assert!(poll_with(&bell, &mut before).is_pending());
    thread::scope(|scope| {
        let slow = scope.spawn(move || {
            assert!(poll_once(&mut slow).is_pending());
            slow
        });
        block_on(wait_entered).unwrap();
        assert!(poll_with(&bell, &mut before).is_pending());
        leave.send(()).unwrap();
        let _kept_unpolled = slow.join().unwrap();
        assert_eq!(bell.rings(), 1);
        assert_eq!(poll_with(&bell, &mut before).map(Result::unwrap), Poll::Ready(2.0));
    });
}

#[test]
fn who_joins_a_point_found_on_the_spot_is_woken() {
    let (cache, bell) = (PointCache::new(), Arc::new(Bell::default()));
    let (mut spot, mut flight) = (Spot::default(), None);
    let found = spot.find(&cache, 0.5, || {
        let mut joined = joined(cache.claim(0.5, None, |_| std::future::pending().boxed()));
        // On another thread, as this one is inside.
        thread::scope(|scope| scope.spawn(|| assert!(poll_with(&bell, &mut joined).is_pending())).join().unwrap());
        flight = Some(joined);
        Ok(2.0)
    });
    assert!(matches!(found, Found::Evaluated(Ok(2.0))));
    assert_eq!(bell.rings(), 1);
    assert_eq!(poll_with(&bell, &mut flight.unwrap()).map(Result::unwrap), Poll::Ready(2.0));
}
