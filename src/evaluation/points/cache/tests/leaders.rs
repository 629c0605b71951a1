//! Callers for a value: one leads and evaluates, the others wait, and the lead passes on.

use super::*;

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
    assert_eq!((cache.len(), cache.points.map().len()), (0, 0));
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
    assert!(cache.points.map().is_empty());
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
    let mut callers: Vec<_> = (0..if cfg!(miri) { 50 } else { 1000 })
        .map(|_| Box::pin(cache.get_or_evaluate(0.5, pending::<Outcome>)))
        .collect();
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
    assert_eq!(cache.points.map().len(), 1);
    drop(leader);
    assert_eq!(cache.points.map().len(), 0);
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
    let flight = cache.claim(0.5, None, |_| {
        async move { clone.get_or_evaluate(0.5, never).await.map_err(|e| EvaluationError::new(e.to_string())) }.boxed()
    });
    assert!(block_on(started(flight)).is_err());
    assert!(cache.points.map().is_empty());
}
