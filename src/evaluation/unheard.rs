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

use crate::evaluation::cache::{PointCache, Points};

/// Where the values of an integral are kept, as long as anybody else knows of that place.
pub struct Unheard<T> {
    points: Weak<Points<T>>,
}

impl<T: Clone + Send + Sync + 'static> Unheard<T> {
    /// For values that belong to no cache.
    pub(crate) fn nowhere() -> Self {
        Self { points: Weak::new() }
    }

    pub(crate) fn of(points: Weak<Points<T>>) -> Self {
        Self { points }
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
        Self { points: self.points.clone() }
    }
}

/// A message that is either received or handed to `leave`, whenever its receiver is dropped.
pub(crate) fn letter<R, L>(leave: L) -> (Sender<R, L>, Receiver<R, L>)
where
    L: Fn(R) + Clone,
{
    let (sender, receiver) = oneshot::channel();
    (Sender { sender, leave: leave.clone() }, Receiver { receiver, leave })
}

pub(crate) struct Sender<R, L> {
    sender: oneshot::Sender<R>,
    leave: L,
}

impl<R, L: Fn(R)> Sender<R, L> {
    pub(crate) fn send(self, message: R) {
        if let Err(unheard) = self.sender.send(message) {
            (self.leave)(unheard);
        }
    }
}

pub(crate) struct Receiver<R, L: Fn(R)> {
    receiver: oneshot::Receiver<R>,
    leave: L,
}

impl<R, L: Fn(R) + Unpin> Future for Receiver<R, L> {
    /// `None` if the sender was dropped.
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        self.receiver.poll_unpin(cx).map(Result::ok)
    }
}

// CANCEL: from here on the sender finds nobody to send to; what it has sent is left here.
impl<R, L: Fn(R)> Drop for Receiver<R, L> {
    fn drop(&mut self) {
        self.receiver.close();
        if let Ok(Some(unheard)) = self.receiver.try_recv() {
            (self.leave)(unheard);
        }
    }
}
