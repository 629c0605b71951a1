//! Who drives an integral: its owner, or the threads of a pool.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::channel::oneshot;

use super::*;
use crate::evaluation::dispatch::door::Shared;
use crate::evaluation::models::{Count, OTHERS, explore, poll};
use crate::evaluation::points::cell::Outcome;
use crate::evaluation::sync::{block_on, thread};
use crate::evaluation::{Evaluator, ThreadPool};

/// An evaluator whose integrals are driven by the threads of a pool.
struct Hosting {
    pool: ThreadPool,
    is_busy: bool,
    pace: Pace,
}

impl Evaluator for Hosting {
    type Value = f64;

    async fn evaluate(&self, x: f64) -> Outcome<f64> {
        Ok(x)
    }

    const NEAR: bool = true;

    fn near(&self) -> Option<&dyn Near<f64>> {
        Some(self)
    }
}

impl Near<f64> for Hosting {
    fn pace(&self) -> Pace {
        self.pace
    }

    fn is_here(&self) -> bool {
        self.pool.is_employer()
    }

    fn evaluate(&self, x: f64) -> Outcome<f64> {
        Ok(x)
    }

    fn record(&self, _: Duration) {}

    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        self.pool.drive(job);
    }

    fn is_busy(&self) -> bool {
        self.is_busy
    }

    fn is_crowded(&self) -> bool {
        false
    }

    fn enqueue(&self, job: Box<dyn FnOnce() + Send>) {
        self.pool.open(job);
    }
}

/// In the place of an integral: waits for a value, and tells of its drop and of two threads in it at once.
struct Integral {
    value: oneshot::Receiver<f64>,
    inside: Count,
    dropped: Count,
    _gone: oneshot::Sender<()>,
}

impl Future for Integral {
    type Output = f64;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<f64> {
        assert_eq!(self.inside.add(), 0, "two threads poll one integral");
        let polled = Pin::new(&mut self.value).poll(cx);
        self.inside.0.fetch_sub(1, Ordering::SeqCst);
        polled.map(|value| value.expect("it was sent"))
    }
}

impl Drop for Integral {
    fn drop(&mut self) {
        self.dropped.add();
    }
}

struct Ends {
    sender: oneshot::Sender<f64>,
    dropped: Count,
    gone: oneshot::Receiver<()>,
}

fn hosted(threads: usize, is_busy: bool, pace: Pace) -> (Hosted<Integral, f64>, Ends) {
    let shared = Arc::new(Shared::new(Hosting { pool: ThreadPool::new(threads), is_busy, pace }));
    let ((sender, value), (_gone, gone)) = (oneshot::channel(), oneshot::channel());
    let dropped = Count::default();
    let integral = Integral { value, inside: Count::default(), dropped: dropped.clone(), _gone };
    (Hosted::new(shared, integral, true, Arc::new(AtomicBool::new(false))), Ends { sender, dropped, gone })
}

/// It ends wherever it is driven.
fn ends(is_busy: bool, pace: Pace) {
    let (integral, Ends { sender, dropped, .. }) = hosted(OTHERS - 1, is_busy, pace);
    let sends = thread::spawn(move || sender.send(7.0).expect("it is waited for"));
    assert_eq!(block_on(integral), 7.0);
    assert_eq!(dropped.get(), 1, "it is gone when its owner hears of its end");
    sends.join().expect("no thread of a model panics");
}

/// If it is dropped it is dropped once.
fn is_dropped(is_busy: bool, pace: Pace) {
    let (mut integral, Ends { sender, dropped, gone }) = hosted(OTHERS - 1, is_busy, pace);
    let sends = thread::spawn(move || sender.send(7.0).unwrap_or_default());
    let _ = poll(&mut integral);
    drop(integral);
    sends.join().expect("no thread of a model panics");
    // A thread of the pool may be at it, and drops it in its owner's place.
    assert!(block_on(gone).is_err());
    assert_eq!(dropped.get(), 1);
}

#[test]
fn cancel_a_hosted_integral_ends_wherever_it_is_driven() {
    explore(None, || ends(false, Pace::Instant));
}

#[test]
fn cancel_a_hosted_integral_that_is_dropped_is_dropped_once() {
    explore(None, || is_dropped(false, Pace::Instant));
}

#[test]
fn cancel_an_integral_that_waits_for_its_turn_ends_wherever_it_is_driven() {
    explore(None, || ends(true, Pace::Slow));
}

#[test]
fn cancel_an_integral_that_waits_for_its_turn_is_dropped_once() {
    explore(None, || is_dropped(true, Pace::Slow));
}

#[test]
fn cancel_an_integral_of_unknown_pace_ends_wherever_it_is_driven() {
    explore(None, || ends(false, Pace::Unknown));
}

#[test]
fn cancel_an_integral_of_unknown_pace_is_dropped_once() {
    explore(None, || is_dropped(false, Pace::Unknown));
}
