//! One pending point: who drives its evaluation, who waits for it, how it ends.
//!
//! INVARIANT: work belongs to the point, not to whoever began it. Every holder that is polled either drives the
//! evaluation or will be woken when there is something for it to do; a holder that is kept without being polled holds
//! up nobody.
//!
//! INVARIANT: no user code runs under the lock of a state. Futures are taken out to be polled or dropped, and wakers
//! are cloned, woken and dropped outside: dropping one may drop a whole task, and with it other holders of the same
//! point.

use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use crate::error::EvaluationError;
use crate::evaluation::panics;
use crate::evaluation::points::cell::{CallDriver, Outcome, Pending, SharedEvaluation, Stage};
use crate::evaluation::points::map::Points;
use crate::evaluation::points::sleepers::{Sleeper, Sleepers};
use crate::evaluation::slots::Slot;
use crate::evaluation::sync::Here;
use crate::point::Point;

/// What a holder that was polled is to do.
enum Turn<T> {
    Landed(Outcome<T>),
    /// It has the vacant place: the stage is as [`IfVacant`] said.
    Begin,
    Drive(SharedEvaluation<T>),
    Sleep,
}

/// What a holder makes of a vacant place.
enum IfVacant {
    /// `Led`: it evaluates by a future of its own.
    Lead,
    /// `Driven`: it puts in a shared evaluation.
    Drive,
    /// It cannot evaluate.
    Wait,
}

/// A place among the holders of a pending point. The last one to go takes the point out of the cache.
pub(crate) struct Seat<T, P: Point = f64> {
    points: Arc<Points<T, P>>,
    key: P::Key,
    pending: Arc<Pending<T, P>>,
    number: u32,
    /// Of somebody who polls and does not want the value: a holder while it drives, and at no other time.
    helps: bool,
}

impl<T, P: Point> Seat<T, P> {
    /// The first seat of a new flight, for a leader to take the lead.
    pub(crate) fn vacant(points: &Arc<Points<T, P>>, key: P::Key) -> Self {
        Self { points: Arc::clone(points), key, pending: Pending::new(Stage::Vacant), number: 0, helps: false }
    }

    /// The first seat of a new flight, to be [`launch`](Self::launch)ed.
    #[inline]
    pub(crate) fn driven(points: &Arc<Points<T, P>>, key: P::Key) -> Self {
        Self {
            points: Arc::clone(points),
            key,
            pending: Pending::new(Stage::Driven { woken: false }),
            number: 0,
            helps: false,
        }
    }

    /// A further seat, or `None` if the flight is over. Tells also whether the evaluation, if any, is its leader's.
    pub(crate) fn join(points: &Arc<Points<T, P>>, key: P::Key, pending: &Arc<Pending<T, P>>) -> Option<(Self, bool)> {
        let (number, led) = pending.hold()?;
        Some((Self { points: Arc::clone(points), key, pending: Arc::clone(pending), number, helps: false }, led))
    }

    /// The seat of somebody who [holds](Pending::hold) the point.
    pub(crate) fn held(points: Arc<Points<T, P>>, key: P::Key, pending: Arc<Pending<T, P>>, number: u32) -> Self {
        Self { points, key, pending, number, helps: false }
    }

    /// A seat for somebody who helps to end a shared evaluation; `None` if there is none, or this thread is inside.
    pub(crate) fn helping(points: &Arc<Points<T, P>>, key: P::Key, pending: &Arc<Pending<T, P>>) -> Option<Self> {
        let mut state = pending.lock();
        let is_shared = matches!(state.stage, Stage::Parked(_) | Stage::Driven { .. });
        if !is_shared || state.driver == Some(Here::new()) {
            return None;
        }
        let number = state.next_seat;
        state.next_seat += 1;
        drop(state);
        Some(Self { points: Arc::clone(points), key, pending: Arc::clone(pending), number, helps: true })
    }

    pub(crate) fn pending(&self) -> &Arc<Pending<T, P>> {
        &self.pending
    }

    /// The cell, and where it belongs, for somebody who may come too late.
    #[allow(clippy::type_complexity, reason = "two places and a key are what they are")]
    pub(crate) fn place(&self) -> (Weak<Points<T, P>>, P::Key, Weak<Pending<T, P>>) {
        (Arc::downgrade(&self.points), self.key, Arc::downgrade(&self.pending))
    }
}

impl<T: Clone + Send + Sync + 'static, P: Point> Seat<T, P> {
    /// What to do now; a holder with nothing to do is registered to be woken.
    fn turn(&self, waker: &Waker, if_vacant: &IfVacant) -> Turn<T> {
        let mut fresh = None;
        loop {
            let mut state = self.pending.lock();
            let mut turned_away = false;
            let is_last = state.holders == 1;
            if state.call.as_ref().is_some_and(CallDriver::is_here) && !matches!(state.stage, Stage::Landed(_)) {
                return Turn::Landed(Err(waits_for_itself()));
            }
            match &mut state.stage {
                Stage::Landed(_) | Stage::Abandoned if self.helps => return Turn::Landed(Err(nobody_wants_it())),
                Stage::Landed(outcome) => {
                    // The last holder takes what all others had a copy of.
                    let own = if is_last { outcome.take() } else { outcome.clone() };
                    return Turn::Landed(own.expect("an outcome is kept while there are holders"));
                }
                stage @ Stage::Vacant => match if_vacant {
                    IfVacant::Lead => {
                        *stage = Stage::Led;
                        return Turn::Begin;
                    }
                    IfVacant::Drive => {
                        *stage = Stage::Driven { woken: false };
                        state.driver = Some(Here::new());
                        return Turn::Begin;
                    }
                    IfVacant::Wait => {}
                },
                stage @ Stage::Parked(_) => {
                    let Stage::Parked(evaluation) = mem::replace(stage, Stage::Driven { woken: false }) else {
                        unreachable!()
                    };
                    state.driver = Some(Here::new());
                    state.holders += usize::from(self.helps);
                    state.slot.iter().for_each(Slot::polled);
                    return Turn::Drive(evaluation);
                }
                Stage::Driven { .. } => turned_away = true,
                Stage::Led => {}
                Stage::Abandoned => unreachable!("a flight with a holder is not abandoned"),
            }
            if state.driver == Some(Here::new()) {
                // Polled from inside the evaluation that it waits for, on the same stack: it would wait for ever.
                return Turn::Landed(Err(waits_for_itself()));
            }
            match state.sleepers.get_mut(self.number) {
                Some(sleeper) if sleeper.waker.will_wake(waker) => {
                    sleeper.turned_away |= turned_away;
                    return Turn::Sleep;
                }
                _ => {}
            }
            // Wakers are cloned and dropped outside the lock, so look again after cloning.
            let Some(waker) = fresh.take() else {
                drop(state);
                fresh = Some(waker.clone());
                continue;
            };
            let old = state.sleepers.insert(self.number, Sleeper { waker, turned_away });
            drop(state);
            drop(old);
            return Turn::Sleep;
        }
    }

    /// Polls the shared evaluation, which this seat has taken out (`Driven`).
    fn drive(&self, mut evaluation: SharedEvaluation<T>, cx: &mut Context<'_>) -> Poll<Outcome<T>> {
        let waker = Waker::from(Arc::clone(&self.pending));
        let polled = catch_unwind(AssertUnwindSafe(move || {
            match evaluation.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Pending => Err(evaluation),
                // Its drop is part of the evaluation: if it panics, the evaluation did.
                Poll::Ready(outcome) => {
                    drop(evaluation);
                    Ok(outcome)
                }
            }
        }));
        match polled {
            Ok(Ok(outcome)) => self.landed(outcome),
            Ok(Err(evaluation)) => self.park(evaluation, cx.waker()),
            Err(payload) => self.landed(Err(EvaluationError::panicked(panics::message(payload)))),
        }
    }

    #[inline]
    fn landed(&self, outcome: Outcome<T>) -> Poll<Outcome<T>> {
        let outcome = self.land(outcome);
        if self.helps {
            self.pending.lock().holders -= 1;
        }
        Poll::Ready(outcome)
    }

    /// Puts the shared evaluation back, and wakes those who have something to do now.
    fn park(&self, evaluation: SharedEvaluation<T>, waker: &Waker) -> Poll<Outcome<T>> {
        let own = Sleeper { waker: waker.clone(), turned_away: false };
        let mut state = self.pending.lock();
        state.driver = None;
        state.holders -= usize::from(self.helps);
        if state.holders == 0 {
            // All who wanted it have left meanwhile.
            let ended = mem::replace(&mut state.stage, Stage::Abandoned);
            drop(state);
            self.points.forget(self.key, &self.pending);
            panics::dispose((ended, evaluation));
            return Poll::Ready(Err(nobody_wants_it()));
        }
        let woken = match &state.stage {
            Stage::Driven { woken } => *woken && !planted!(10),
            Stage::Landed(outcome) => {
                // The value came by another way: `insert`.
                let outcome = outcome.as_ref().expect("an outcome is kept while there are holders").clone();
                drop(state);
                drop(evaluation);
                return Poll::Ready(outcome);
            }
            _ => unreachable!("only the driver ends `Driven`"),
        };
        state.stage = Stage::Parked(evaluation);
        let old = state.sleepers.insert(self.number, own);
        let mut others = Vec::new();
        let awake = if woken {
            others = state.woken();
            mem::take(&mut state.sleepers)
        } else {
            // They take their turn now, once: waking everybody would let holders on several threads turn each other
            // away for ever.
            if planted!(11) { Sleepers::default() } else { state.sleepers.take_turned_away() }
        };
        drop(state);
        drop(old);
        awake.wake();
        others.into_iter().for_each(Waker::wake);
        Poll::Pending
    }

    /// Ends the flight: the map first, so that a value is stored before anyone sees it.
    fn land(&self, outcome: Outcome<T>) -> Outcome<T> {
        let outcome = match outcome {
            Ok(value) => Ok(self.points.store(self.key, &self.pending, value)),
            Err(error) => {
                self.points.forget(self.key, &self.pending);
                Err(error)
            }
        };
        if self.pending.land(|| outcome.clone(), 1) {
            return outcome;
        }
        // Landed by `insert` meanwhile: that value came first.
        self.points.known(self.key).map_or(outcome, Ok)
    }

    /// Gives a new flight (see [`driven`](Self::driven)) its evaluation; with it the slot, if others may poll it, and the
    /// call that it is a part of. `start` runs no user code: an evaluation begins when it is polled.
    #[inline]
    pub(crate) fn launch(
        self,
        slot: Option<Slot<P>>,
        call: Option<CallDriver>,
        start: impl FnOnce(&Self) -> SharedEvaluation<T>,
    ) -> Flight<T, P> {
        let evaluation = start(&self);
        let mut state = self.pending.lock();
        (state.slot, state.call) = (slot, call);
        let mut sleepers = None;
        // Not if a value came by another way meanwhile.
        if matches!(state.stage, Stage::Driven { .. }) {
            state.stage = Stage::Parked(evaluation);
            sleepers = state.sleepers.take();
        }
        drop(state);
        if let Some(sleepers) = sleepers {
            sleepers.wake();
        }
        Flight { seat: self, spare: None }
    }

    /// Ends the flight with a value that was found elsewhere, unless there was one before.
    pub(crate) fn bring(self, value: T) {
        if let Some(pending) = self.points.put(self.key, value.clone()) {
            let served = usize::from(Arc::ptr_eq(&pending, &self.pending));
            pending.land(|| Ok(value), served);
        }
    }

    /// Joins the waiters, driving a shared evaluation if there is one. `None`: the seat has the lead.
    pub(crate) fn poll_waiting(&self, cx: &mut Context<'_>) -> Poll<Option<Outcome<T>>> {
        match self.turn(cx.waker(), &IfVacant::Lead) {
            Turn::Landed(outcome) => Poll::Ready(Some(outcome)),
            Turn::Begin => Poll::Ready(None),
            Turn::Drive(evaluation) => self.drive(evaluation, cx).map(Some),
            Turn::Sleep => Poll::Pending,
        }
    }
}

// CANCEL: the last holder takes the evaluation with it. The entry goes before the evaluation is dropped, so whoever
// asks next begins anew.
impl<T, P: Point> Drop for Seat<T, P> {
    fn drop(&mut self) {
        let mut state = self.pending.lock();
        let sleeper = state.sleepers.remove(self.number);
        if self.helps {
            drop(state);
            drop(sleeper);
            return;
        }
        state.holders -= 1;
        let last = state.holders == 0;
        let ended = last.then(|| mem::replace(&mut state.stage, Stage::Abandoned));
        drop(state);
        drop(sleeper);
        if let Some(ended) = ended {
            if !matches!(ended, Stage::Landed(_)) && !planted!(12) {
                self.points.forget(self.key, &self.pending);
            }
            // The drop of an evaluation is the user's: if that panics, the others are given up all the same.
            panics::dispose(ended);
        }
    }
}

#[cold]
fn waits_for_itself() -> EvaluationError {
    EvaluationError::new("the evaluation waits for its own result")
}

#[cold]
fn nobody_wants_it() -> EvaluationError {
    EvaluationError::new("nobody wants it any more")
}

/// The lead of a point: its holder evaluates, all others wait.
pub(crate) struct Lead<T: Clone + Send + Sync + 'static, P: Point = f64> {
    seat: Seat<T, P>,
}

impl<T: Clone + Send + Sync + 'static, P: Point> Lead<T, P> {
    /// The lead that `seat` was given by [`Seat::poll_waiting`].
    pub(crate) fn new(seat: Seat<T, P>) -> Self {
        Self { seat }
    }

    /// Runs a part of the leader's evaluation.
    pub(crate) fn inside<R>(&self, part: impl FnOnce() -> R) -> R {
        self.seat.pending.lock().driver = Some(Here::new());
        let result = part();
        self.seat.pending.lock().driver = None;
        result
    }

    /// Ends the flight with the leader's outcome.
    pub(crate) fn land(self, outcome: Outcome<T>) -> Outcome<T> {
        self.seat.land(outcome)
    }
}

// CANCEL: a leader that is dropped, or unwinds, hands over by leaving the place vacant and waking every waiter: the
// first that is polled takes it. Waking only one would stop the others if that one is kept without being polled.
impl<T: Clone + Send + Sync + 'static, P: Point> Drop for Lead<T, P> {
    fn drop(&mut self) {
        let mut state = self.seat.pending.lock();
        if matches!(state.stage, Stage::Led) {
            state.stage = Stage::Vacant;
            state.driver = None;
            let sleepers = mem::take(&mut state.sleepers);
            drop(state);
            sleepers.wake();
        }
    }
}

/// A pending point, as a future that many may hold. Whoever polls it drives the evaluation.
///
/// # Cancellation
///
/// Dropping one holder leaves the evaluation to the others; dropping the last drops the evaluation.
pub(crate) struct Flight<T, P: Point = f64> {
    seat: Seat<T, P>,
    /// To be put in if the caller that leads the evaluation gives up.
    spare: Option<Box<Spare<T, P>>>,
}

/// An evaluation, and its slot if others may poll it.
pub(crate) type Spare<T, P> = (SharedEvaluation<T>, Option<Slot<P>>);

impl<T, P: Point> Flight<T, P> {
    /// The point.
    pub(crate) fn x(&self) -> P {
        P::of_key(self.seat.key)
    }

    pub(crate) fn new(seat: Seat<T, P>, spare: Option<Box<Spare<T, P>>>) -> Self {
        Self { seat, spare }
    }
}

impl<T: Clone + Send + Sync + 'static, P: Point> Future for Flight<T, P> {
    type Output = Outcome<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<T>> {
        let this = self.get_mut();
        let if_vacant = if this.spare.is_some() { IfVacant::Drive } else { IfVacant::Wait };
        match this.seat.turn(cx.waker(), &if_vacant) {
            Turn::Landed(outcome) => Poll::Ready(outcome),
            Turn::Drive(evaluation) => this.seat.drive(evaluation, cx),
            Turn::Begin => {
                let (evaluation, slot) = *this.spare.take().expect("only a flight with a spare evaluation begins");
                this.seat.pending.lock().slot = slot;
                this.seat.drive(evaluation, cx)
            }
            Turn::Sleep => Poll::Pending,
        }
    }
}
