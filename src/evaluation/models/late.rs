//! Values found when nobody waits for them any more.

use super::*;
use crate::evaluation::Evaluator;
use crate::evaluation::letter::letter;
use crate::evaluation::points::call::Call;

/// Counts its drop.
struct Message(Count);

impl Drop for Message {
    fn drop(&mut self) {
        self.0.add();
    }
}

#[test]
fn late_a_message_is_received_or_disposed_of_and_never_both() {
    explore(None, || {
        let dropped = Count::default();
        let (sender, mut receiver) = letter();
        let message = Message(dropped.clone());
        let sends = thread::spawn(move || sender.send(message));
        let received = poll(&mut receiver);
        drop(receiver);
        sends.join().expect("no thread of a model panics");
        let received = matches!(received, Poll::Ready(Some(_)));
        assert_eq!(usize::from(received) + dropped.get(), 1);
    });
}

/// A function on a pool of one thread, as a dispatch asks for it at 0.5.
fn evaluated(cache: &PointCache<f64>, evaluator: &Arc<impl Evaluator<Value = f64> + 'static>) -> Claim<f64> {
    let evaluator = Arc::clone(evaluator);
    cache.claim(0.5, None, move |seat| {
        let call = Call::of(seat);
        async move { evaluator.evaluate_for(0.5, call).await }.boxed()
    })
}

#[test]
fn late_a_call_that_outlives_its_integral_is_joined_and_no_point_is_evaluated_twice() {
    explore(Some(3), || {
        let (pool, cache, evaluations) = (ThreadPool::new(1), PointCache::new(), Count::default());
        let counted = evaluations.clone();
        let evaluator = Arc::new(pool.evaluator(move |x: f64| {
            counted.add();
            x
        }));
        let Claim::Started(mut integral) = evaluated(&cache, &evaluator) else { unreachable!("nobody else asks") };
        let asks = thread::spawn({
            let (cache, evaluator) = (cache.clone(), Arc::clone(&evaluator));
            move || match evaluated(&cache, &evaluator) {
                Claim::Known(value) => value,
                Claim::Started(flight) | Claim::Joined(flight) => block_on(flight).expect("it succeeds"),
            }
        });
        let _ = poll(&mut integral);
        drop(integral);
        assert_eq!(asks.join().expect("no thread of a model panics"), 0.5);
        assert_eq!((evaluations.get(), cache.get(0.5)), (1, Some(0.5)));
    });
}
