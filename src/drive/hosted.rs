//! A future that its owner polls, as any future, or that the evaluator's threads poll for it: there, while evaluations
//! are short, so that neither an evaluation nor its arrival has to wake a thread; and at first, if they had nothing to spare
//! for what it would ask for, or while nobody knows how long evaluations take.
//!
//! INVARIANT: one thread at a time polls the future; a wake that comes meanwhile is kept. Whoever is woken drives.
//!
//! INVARIANT: a future whose owner waits on a thread of the pool is driven there and nowhere else: no other thread
//! might be free.
//!
//! INVARIANT: no user code runs under the lock of the status.

use std::any::Any;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::evaluation::dispatch::door::Door;
use crate::evaluation::near::Near;
use crate::evaluation::panics;
use crate::evaluation::pool::pace::Pace;
use crate::evaluation::sync::{Mutex, MutexGuard};
use crate::point::Point;

/// The owner's end.
///
/// # Cancellation
///
/// Dropping it drops the future, or has the thread that is polling it drop it when that poll ends. `given_up` is set,
/// for a poll that takes long to look at.
pub(crate) struct Hosted<F, T, P = f64>
where
    F: Future<Output: Send> + Unpin + Send + 'static,
    T: 'static,
    P: Point,
{
    host: Arc<Host<F, T, P>>,
    /// Whether it begins with an evaluation that has to wait for a thread.
    evaluates: bool,
    given_up: Arc<AtomicBool>,
}

struct Host<F: Future, T, P: Point> {
    door: Arc<dyn Door<T, P>>,
    /// Locked by whoever is `Driven` by, or finds the stage `Over`.
    future: Mutex<Option<F>>,
    status: Mutex<Status<F::Output>>,
}

struct Status<R> {
    stage: Stage,
    /// Woken while it was driven.
    woken: bool,
    owner: Option<Waker>,
    /// Whether the owner was last seen on a thread of the pool.
    owner_here: bool,
    outcome: Option<Result<R, Box<dyn Any + Send>>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    /// Nobody has polled it yet. Its owner will: then `Driven`, or `Scheduled` if the threads of the pool have enough to do.
    New,
    /// Waits to be woken, by then `Scheduled`, or polled by its owner, by then `Driven`.
    Parked,
    /// A thread of the pool will take it, if its owner does not do so first on another: `Driven`.
    Scheduled,
    /// Someone polls it. Then `Parked` or `Over`.
    Driven,
    /// It has ended, or nobody wants it. Final.
    Over,
}

impl<F, T, P> Hosted<F, T, P>
where
    F: Future<Output: Send> + Unpin + Send + 'static,
    T: 'static,
    P: Point,
{
    /// `evaluates`: whether it begins with an evaluation. If not it begins at once, in any case.
    pub(crate) fn new(door: Arc<dyn Door<T, P>>, future: F, evaluates: bool, given_up: Arc<AtomicBool>) -> Self {
        let status = Status { stage: Stage::New, woken: false, owner: None, owner_here: false, outcome: None };
        let host = Host { door, future: Mutex::new(Some(future)), status: Mutex::new(status) };
        Self { host: Arc::new(host), evaluates, given_up }
    }
}

impl<F, T, P> Host<F, T, P>
where
    F: Future<Output: Send> + Unpin + Send + 'static,
    T: 'static,
    P: Point,
{
    fn lock(&self) -> MutexGuard<'_, Status<F::Output>> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn future(&self) -> MutexGuard<'_, Option<F>> {
        self.future.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds someone to drive what was `Parked`.
    fn arouse(self: &Arc<Self>, mut status: MutexGuard<'_, Status<F::Output>>) {
        match self.door.near() {
            Some(near) if (!status.owner_here || planted!(17)) && near.pace() != Pace::Slow => {
                let in_turn = near.pace() == Pace::Unknown;
                self.schedule(status, near, in_turn);
            }
            _ => {
                let owner = status.owner.take();
                drop(status);
                owner.into_iter().for_each(Waker::wake);
            }
        }
    }

    /// Has a thread of the pool drive it, soon or at its turn among the evaluations; unless it is dropped before.
    fn schedule(self: &Arc<Self>, mut status: MutexGuard<'_, Status<F::Output>>, near: &dyn Near<T, P>, in_turn: bool) {
        status.stage = Stage::Scheduled;
        drop(status);
        let host = Arc::downgrade(self);
        let job = Box::new(move || host.upgrade().into_iter().for_each(Self::serve));
        if in_turn { near.enqueue(job) } else { near.spawn(job) }
    }

    /// The turn of a thread of the pool.
    fn serve(self: Arc<Self>) {
        let mut status = self.lock();
        if status.stage == Stage::Scheduled {
            status.stage = Stage::Driven;
            drop(status);
            self.drive();
        }
    }

    /// Polls what is `Driven` by the caller.
    fn drive(self: &Arc<Self>) {
        let waker = Waker::from(Arc::clone(self));
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let mut future = self.future();
            let future = future.as_mut().expect("it is there until it is over");
            Pin::new(future).poll(&mut Context::from_waker(&waker))
        }));
        let mut status = self.lock();
        let outcome = match polled {
            Ok(Poll::Pending) if status.stage == Stage::Over => None,
            Ok(Poll::Pending) => {
                status.stage = Stage::Parked;
                if mem::take(&mut status.woken) && !planted!(18) {
                    self.arouse(status);
                }
                return;
            }
            Ok(Poll::Ready(outcome)) => Some(Ok(outcome)),
            Err(payload) => Some(Err(payload)),
        };
        drop(status);
        // First what it holds, so that whoever sees the outcome finds nothing left behind.
        self.discard();
        let mut status = self.lock();
        if status.stage == Stage::Over {
            drop(status);
            return panics::dispose(outcome);
        }
        status.stage = Stage::Over;
        status.outcome = outcome;
        let owner = status.owner.take();
        drop(status);
        owner.into_iter().for_each(Waker::wake);
    }

    fn discard(&self) {
        let future = self.future().take();
        panics::dispose(future);
    }
}

impl<F, T, P> Wake for Host<F, T, P>
where
    F: Future<Output: Send> + Unpin + Send + 'static,
    T: 'static,
    P: Point,
{
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut status = self.lock();
        match status.stage {
            Stage::Parked => self.arouse(status),
            Stage::Driven => status.woken = true,
            Stage::New | Stage::Scheduled | Stage::Over => {}
        }
    }
}

impl<F, T, P> Future for Hosted<F, T, P>
where
    F: Future<Output: Send> + Unpin + Send + 'static,
    T: 'static,
    P: Point,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let host = &self.host;
        let near = host.door.near();
        let here = near.is_some_and(|near| near.is_here());
        let mut waker = Some(cx.waker().clone());
        let mut status = host.lock();
        status.owner_here = here;
        mem::swap(&mut status.owner, &mut waker);
        let waits = self.evaluates && status.stage == Stage::New && !here;
        if let Some(near) = near.filter(|near| waits && near.is_busy()) {
            // Nothing that it asked for now would be begun now: thousands may wait so.
            host.schedule(status, near, near.pace() != Pace::Instant);
            return Poll::Pending;
        }
        if matches!(status.stage, Stage::New | Stage::Parked) || (here && status.stage == Stage::Scheduled) {
            status.stage = Stage::Driven;
            drop(status);
            host.drive();
            status = host.lock();
        }
        let outcome = status.outcome.take();
        drop(status);
        match outcome {
            Some(Ok(outcome)) => Poll::Ready(outcome),
            Some(Err(payload)) => resume_unwind(payload),
            None => Poll::Pending,
        }
    }
}

impl<F, T, P> Drop for Hosted<F, T, P>
where
    F: Future<Output: Send> + Unpin + Send + 'static,
    T: 'static,
    P: Point,
{
    fn drop(&mut self) {
        // Relaxed: whoever polls meanwhile stops a little earlier for it, nothing more.
        self.given_up.store(true, Ordering::Relaxed);
        let mut status = self.host.lock();
        let stage = mem::replace(&mut status.stage, Stage::Over);
        let unheard = (status.owner.take(), status.outcome.take());
        drop(status);
        panics::dispose(unheard);
        // CANCEL: what is driven is dropped by its driver, who finds it over.
        if matches!(stage, Stage::New | Stage::Parked | Stage::Scheduled) {
            self.host.discard();
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(all(test, any(coquad_loom, coquad_shuttle)))]
mod models;
