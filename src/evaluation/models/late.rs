//! Values found when nobody waits for them any more.

use super::*;
use crate::evaluation::points::late::letter;

#[test]
fn late_a_message_is_received_or_left_and_never_both() {
    explore(None, || {
        let left = Count::default();
        let leave = {
            let left = left.clone();
            move |message: f64| {
                assert_eq!(message, 7.0);
                left.add();
            }
        };
        let (sender, mut receiver) = letter(leave);
        let sends = thread::spawn(move || sender.send(7.0));
        let received = poll(&mut receiver).map(|message| assert_eq!(message, Some(7.0))).is_ready();
        drop(receiver);
        sends.join().expect("no thread of a model panics");
        assert_eq!(usize::from(received) + left.get(), 1);
    });
}

#[test]
fn late_a_value_is_kept_though_its_integral_has_left() {
    explore(Some(3), || {
        let (pool, cache, evaluations) = (ThreadPool::new(1), PointCache::new(), Count::default());
        let (unheard, counted) = (cache.unheard(), evaluations.clone());
        let job = move || {
            counted.add();
            Ok(7.0)
        };
        let mut integral = Box::pin(pool.evaluate(job, move |value| unheard.keep(0.5, value)));
        let asks = thread::spawn({
            let cache = cache.clone();
            move || block_on(cache.get_or_evaluate(0.5, || slowly(Ok(8.0)))).expect("one of the two")
        });
        let received = poll(&mut integral).is_ready();
        drop(integral);
        // The one thread of the pool comes to this when it is done with that.
        block_on(pool.run(|| ()));
        let value = cache.get(0.5);
        assert!(value.is_some() || received || evaluations.get() == 0, "a value was lost");
        let asked = asks.join().expect("no thread of a model panics");
        assert!(cache.get(0.5) == Some(asked) && value.is_none_or(|value| value == asked), "the first value counts");
    });
}
