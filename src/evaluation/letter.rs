//! A message to somebody who may not be there to receive it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::channel::oneshot;

use crate::evaluation::panics;
use crate::evaluation::sync::step;

/// A message that is either received or disposed of, whenever its receiver is dropped.
pub(crate) fn letter<R>() -> (Sender<R>, Receiver<R>) {
    let (sender, receiver) = oneshot::channel();
    (Sender(sender), Receiver(receiver))
}

pub(crate) struct Sender<R>(oneshot::Sender<R>);

impl<R> Sender<R> {
    /// Whether nobody waits for it any more.
    #[cfg(feature = "process")]
    pub(crate) fn is_canceled(&self) -> bool {
        self.0.is_canceled()
    }

    pub(crate) fn send(self, message: R) {
        step();
        if let Err(unheard) = self.0.send(message) {
            panics::dispose(unheard);
        }
    }
}

pub(crate) struct Receiver<R>(oneshot::Receiver<R>);

impl<R> Future for Receiver<R> {
    /// `None` if the sender was dropped.
    type Output = Option<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<R>> {
        self.0.poll_unpin(cx).map(Result::ok)
    }
}

// CANCEL: from here on the sender finds nobody to send to; what it has sent is disposed of here.
impl<R> Drop for Receiver<R> {
    fn drop(&mut self) {
        self.0.close();
        step();
        if let Ok(Some(unheard)) = self.0.try_recv() {
            panics::dispose(unheard);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Counts its drops, the last of which panics.
    struct Message(Arc<AtomicU32>);

    impl Drop for Message {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic!("the drop of a message");
        }
    }

    #[test]
    fn a_message_is_received_or_disposed_of_once() {
        let dropped = Arc::new(AtomicU32::new(0));
        let count = || dropped.load(Ordering::Relaxed);

        let (sender, receiver) = letter();
        sender.send(Message(dropped.clone()));
        let received = receiver.now_or_never().flatten().expect("it was sent");
        assert_eq!(count(), 0);
        panics::dispose(received);

        let (sender, receiver) = letter();
        drop(receiver);
        sender.send(Message(dropped.clone()));
        assert_eq!(count(), 2, "nobody was there to receive it");

        let (sender, receiver) = letter();
        sender.send(Message(dropped.clone()));
        drop(receiver);
        assert_eq!(count(), 3, "nobody looked");

        let (sender, receiver) = letter::<Message>();
        drop(sender);
        assert!(receiver.now_or_never().expect("it has ended").is_none());
    }
}
