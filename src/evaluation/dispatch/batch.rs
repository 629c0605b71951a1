//! One call for several points.
//!
//! INVARIANT: single flight stays per point. The evaluation in a point's flight is the point's part of the call: whoever
//! polls one of the parts drives the call, and the last to leave takes it along.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared as Common};

use super::door::Door;
use super::{Arrival, Dispatch, Keeps, Request};
use crate::error::EvaluationError;
use crate::evaluation::letter::{Receiver, letter};
use crate::evaluation::panics;
use crate::evaluation::points::cache::Claim;
use crate::evaluation::points::cell::{CallDriver, Outcome};
use crate::evaluation::sync::Here;
use crate::point::Point;

/// What a call brings, by the places of its points.
type Brought<T> = Arc<[Outcome<T>]>;

/// One point's part of a call.
struct Part<T> {
    call: Common<BoxFuture<'static, Brought<T>>>,
    place: usize,
}

impl<T: Clone + Send + Sync + 'static> Future for Part<T> {
    type Output = Outcome<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let brought = ready!(self.call.poll_unpin(cx));
        Poll::Ready(brought[self.place].clone())
    }
}

/// A call that says which thread polls it: from inside, on the same stack, its points would wait for ever.
struct Driven<F> {
    call: F,
    driver: CallDriver,
}

impl<F: Future + Unpin> Future for Driven<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.driver.set(Some(Here::new()));
        // A panic of the user's is caught inside.
        let polled = self.call.poll_unpin(cx);
        self.driver.set(None);
        polled
    }
}

/// The call itself, for the points that it is told of.
async fn call<T: Clone, P: Point>(door: Arc<dyn Door<T, P>>, points: Receiver<Vec<P>>, slot: Keeps<P>) -> Brought<T> {
    let _slot = slot;
    let points = points.await.unwrap_or_default();
    let evaluation = AssertUnwindSafe(async { door.evaluate_batch(&points).await });
    let all = |error: EvaluationError| points.iter().map(|_| Err(error.clone())).collect();
    let outcomes: Vec<_> = match evaluation.catch_unwind().await {
        Ok(outcomes) if outcomes.len() == points.len() => outcomes,
        Ok(outcomes) => all(EvaluationError::wrong_number(points.len(), outcomes.len())),
        Err(payload) => all(EvaluationError::panicked(panics::message(payload))),
    };
    if outcomes.iter().all(Result::is_err) {
        return outcomes.into_iter().map(|outcome| outcome.map_err(|error| error.of_all(points.len()))).collect();
    }
    outcomes.into()
}

/// What became of a point of a call.
pub(crate) enum Asked<T> {
    /// Its value was there.
    Known(T),
    /// The value will arrive; whether it is this call that brings it.
    Pending { started: bool },
    /// It has to be [requested](Dispatch::request) by itself.
    Alone,
}

impl<T: Clone + Send + Sync + 'static, P: Point> Dispatch<T, P> {
    /// How many points a call takes at best.
    pub(crate) fn width(&self) -> usize {
        self.door.batch().max(1)
    }

    /// Whether there is room for a call, of which `x` is the first point: then it is kept. If not the task is woken when
    /// there may be some.
    pub(crate) fn has_room(&mut self, x: P, cx: &mut Context<'_>) -> bool {
        if self.room.is_none() {
            self.room = self.take(x, cx);
        }
        self.room.is_some()
    }

    /// Joins the evaluation that others have begun at `x`, if they have: that takes no room.
    pub(crate) fn join(&mut self, x: P) -> Request<T> {
        match self.cache.join(x) {
            None => Request::Full,
            Some(Claim::Known(_)) => Request::Known,
            Some(Claim::Started(flight) | Claim::Joined(flight)) => {
                self.flights.push(Arrival { flight, is_ours: false, _told: None });
                Request::Pending { started: false }
            }
        }
    }

    /// Makes the call that there [is room](Self::has_room) for, for those of the points that nobody else is at; `tell` is
    /// told what became of each.
    pub(crate) fn call(&mut self, points: impl Iterator<Item = P>, mut tell: impl FnMut(P, Asked<T>)) {
        let slot = self.room.take().expect("there is room");
        let (own, polled, mut told) = (slot.of(), slot.of_polled(), None);
        let kept = self.keeps(slot, &mut told);
        let (sender, receiver) = letter();
        let driver = CallDriver::default();
        let call = Box::pin(call(self.door.clone(), receiver, kept));
        let call = Driven { call, driver: driver.clone() }.boxed().shared();
        let mut ours = Vec::new();
        for x in points {
            let part = || Part { call: call.clone(), place: ours.len() }.boxed();
            let asked = match self.cache.claim_part(x, polled.clone(), driver.clone(), part) {
                None => Asked::Alone,
                Some(Claim::Known(value)) => Asked::Known(value),
                Some(Claim::Joined(flight)) => {
                    self.flights.push(Arrival { flight, is_ours: false, _told: None });
                    Asked::Pending { started: false }
                }
                Some(Claim::Started(flight)) => {
                    ours.push(x);
                    self.flights.push(Arrival { flight, is_ours: false, _told: told.clone() });
                    Asked::Pending { started: true }
                }
            };
            tell(x, asked);
        }
        own.is_for(&ours);
        // Whoever has joined meanwhile, and polls, waits for this.
        sender.send(ours);
    }
}
