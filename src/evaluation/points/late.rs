//! What becomes of a value that is found when nobody waits for it any more.
//!
//! A function that runs on a thread cannot be stopped, so an integral that is dropped leaves evaluations behind that took
//! an hour, perhaps. Their values are kept where those of the integral are.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::channel::oneshot;

use crate::evaluation::points::cache::PointCache;
use crate::evaluation::points::map::Points;
use crate::evaluation::slots::Slot;
use crate::evaluation::sync::step;

/// Where the values of an integral are kept, as long as anybody else knows of that place.
pub struct Unheard<T> {
    points: Weak<Points<T>>,
    /// The slot of the evaluation, to be given back when that ends, whoever is polled then.
    slot: Option<Slot>,
}

impl<T: Clone + Send + Sync + 'static> Unheard<T> {
    /// For values that belong to no cache.
    pub(crate) fn nowhere() -> Self {
        Self { points: Weak::new(), slot: None }
    }

    pub(crate) fn of(points: Weak<Points<T>>) -> Self {
        Self { points, slot: None }
    }

    /// The same for an evaluation that has a slot.
    pub(crate) fn in_slot(self, slot: Slot) -> Self {
        Self { slot: Some(slot), ..self }
    }

    /// The same for one of several attempts: the slot belongs to all of them.
    pub(crate) fn of_an_attempt(&self) -> Self {
        Self { points: self.points.clone(), slot: None }
    }

    /// What a thread that evaluates has until it has: then the slot is free.
    pub(crate) fn slot(&self) -> Option<Slot> {
        self.slot.clone()
    }

    /// Keeps a value found at `x`. The first value wins.
    pub(crate) fn keep(&self, x: f64, value: T) {
        if let Some(points) = self.points.upgrade() {
            PointCache::of(points).insert(x, value);
        }
    }
}

impl<T> fmt::Debug for Unheard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unheard").finish_non_exhaustive()
    }
}

impl<T> Clone for Unheard<T> {
    fn clone(&self) -> Self {
        Self { points: self.points.clone(), slot: self.slot.clone() }
    }
}

/// What becomes of a message that nobody receives.
pub(crate) trait Leave<R> {
    fn leave(&self, message: R);

    /// A message is about to be sent.
    fn sent(&self) {}
}

impl<R, F: Fn(R)> Leave<R> for F {
    fn leave(&self, message: R) {
        self(message);
    }
}

/// Keeps what was found at a point.
#[cfg(feature = "process")]
#[derive(Clone)]
pub(crate) struct Late<T> {
    pub(crate) x: f64,
    pub(crate) unheard: Unheard<T>,
}

#[cfg(feature = "process")]
impl<T: Clone + Send + Sync + 'static, E> Leave<Result<T, E>> for Late<T> {
    fn leave(&self, outcome: Result<T, E>) {
        if let Ok(value) = outcome {
            self.unheard.keep(self.x, value);
        }
    }

    fn sent(&self) {
        if let Some(slot) = &self.unheard.slot {
            slot.give_back();
        }
    }
}

/// A message that is either received or handed to `leave`, whenever its receiver is dropped.
pub(crate) fn letter<R, L>(leave: L) -> (Sender<R, L>, Receiver<R, L>)
where
    L: Leave<R> + Clone,
{
    let (sender, receiver) = oneshot::channel();
    (Sender { sender, leave: leave.clone() }, Receiver { receiver, leave })
}

pub(crate) struct Sender<R, L> {
    sender: oneshot::Sender<R>,
    leave: L,
}

impl<R, L: Leave<R>> Sender<R, L> {
    /// Whether nobody waits for it any more.
    #[cfg(feature = "process")]
    pub(crate) fn is_canceled(&self) -> bool {
        self.sender.is_canceled()
    }

    pub(crate) fn send(self, message: R) {
        self.leave.sent();
        step();
        if let Err(unheard) = self.sender.send(message) {
            self.leave.leave(unheard);
        }
    }
}

pub(crate) struct Receiver<R, L: Leave<R>> {
    receiver: oneshot::Receiver<R>,
    leave: L,
}

impl<R, L: Leave<R> + Unpin> Future for Receiver<R, L> {
    /// `None` if the sender was dropped.
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        self.receiver.poll_unpin(cx).map(Result::ok)
    }
}

// CANCEL: from here on the sender finds nobody to send to; what it has sent is left here.
impl<R, L: Leave<R>> Drop for Receiver<R, L> {
    fn drop(&mut self) {
        self.receiver.close();
        step();
        if let Ok(Some(unheard)) = self.receiver.try_recv() {
            self.leave.leave(unheard);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A letter whose message, if nobody receives it, is counted.
    fn counted() -> (Sender<u32, impl Leave<u32>>, Receiver<u32, impl Leave<u32> + Unpin>, Arc<AtomicU32>) {
        let left = Arc::new(AtomicU32::new(0));
        let counter = left.clone();
        let (sender, receiver) = letter(move |message| {
            counter.fetch_add(message, Ordering::Relaxed);
        });
        (sender, receiver, left)
    }

    #[test]
    fn a_message_is_received_or_left_once() {
        let (sender, receiver, left) = counted();
        sender.send(7);
        assert_eq!((receiver.now_or_never(), left.load(Ordering::Relaxed)), (Some(Some(7)), 0));

        let (sender, receiver, left) = counted();
        drop(receiver);
        sender.send(7);
        assert_eq!(left.load(Ordering::Relaxed), 7, "nobody was there to receive it");

        let (sender, receiver, left) = counted();
        sender.send(7);
        drop(receiver);
        assert_eq!(left.load(Ordering::Relaxed), 7, "nobody looked");

        let (sender, receiver, left) = counted();
        drop(sender);
        assert_eq!((receiver.now_or_never(), left.load(Ordering::Relaxed)), (Some(None), 0));
    }

    #[cfg(feature = "process")]
    #[test]
    fn what_comes_late_is_kept_and_the_first_value_wins() {
        let cache = PointCache::new();
        let late = Late { x: 0.5, unheard: cache.unheard() };
        for (outcome, kept) in [(Err("no"), None), (Ok(1.0), Some(1.0)), (Ok(2.0), Some(1.0))] {
            let (sender, receiver) = letter(late.clone());
            assert!(!sender.is_canceled());
            drop(receiver);
            assert!(sender.is_canceled());
            sender.send(outcome);
            assert_eq!(cache.get(0.5), kept);
        }
    }
}
