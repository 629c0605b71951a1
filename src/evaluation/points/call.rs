//! The point of an evaluation as a thread or a process sees it that evaluates, and that nobody can stop.
//!
//! INVARIANT: a call that has begun holds a seat in the flight of its point. So the point stays under way for everybody
//! while it runs, whoever leaves meanwhile, and a call that nobody wants any more never begins. Where it ends it stores
//! its value itself: an integral that is held and not polled keeps neither the value nor its room.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::evaluation::panics;
use crate::evaluation::points::cell::Pending;
use crate::evaluation::points::flight::Seat;
use crate::evaluation::points::map::Points;
use crate::evaluation::slots::Slot;
use crate::point::Point;

/// An evaluation as a thread or a process sees it that runs it and that nobody can stop: see
/// [`Evaluator::evaluate_for`](crate::Evaluator::evaluate_for).
///
/// While such a call runs, its point is under way for everybody, whoever leaves meanwhile, and its room is taken. Its end
/// stores the value for those who want it, then or later. A call that nobody wants any more does not begin.
///
/// # Examples
///
/// An evaluator that starts a thread for each evaluation.
///
/// ```
/// use coquad::{Call, EvaluationError, Evaluator, Integrator};
/// use futures::channel::oneshot;
///
/// struct Threads;
///
/// impl Evaluator for Threads {
///     type Value = f64;
///     async fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
///         self.evaluate_for(x, Call::nowhere()).await
///     }
///     const CALLS: bool = true;
///     async fn evaluate_for(&self, x: f64, call: Call<f64>) -> Result<f64, EvaluationError> {
///         let (sender, receiver) = oneshot::channel();
///         std::thread::spawn(move || sender.send(call.run(|| Ok(x.sqrt()))));
///         match receiver.await.map_err(EvaluationError::new)? {
///             Some(outcome) => outcome,
///             None => std::future::pending().await, // the value is stored, or nobody waits
///         }
///     }
///     fn concurrency(&self) -> usize {
///         4
///     }
/// }
/// let e = Integrator::new(Threads).integrate_blocking(0.0, 1.0, 1e-6)?;
/// assert!((e.value - 2.0 / 3.0).abs() < 1e-6);
/// # Ok::<(), coquad::Error>(())
/// ```
pub struct Call<T, P: Point = f64> {
    /// None if it is for nobody's cache.
    point: Option<Of<T, P>>,
    slot: Option<Slot<P>>,
}

struct Of<T, P: Point> {
    points: Weak<Points<T, P>>,
    key: P::Key,
    pending: Weak<Pending<T, P>>,
}

/// A call that has begun. It keeps the point under way, and neither the cache nor its file.
pub(crate) struct Begun<T, P: Point = f64> {
    holds: Option<Holds<T, P>>,
}

struct Holds<T, P: Point> {
    points: Weak<Points<T, P>>,
    key: P::Key,
    pending: Arc<Pending<T, P>>,
    number: u32,
}

impl<T, P: Point> Call<T, P> {
    /// Returns the call of an evaluation whose value belongs to no cache.
    #[must_use]
    pub fn nowhere() -> Self {
        Self { point: None, slot: None }
    }

    /// For the evaluation of a point that is pending.
    pub(crate) fn of(seat: &Seat<T, P>) -> Self {
        let (points, key, pending) = seat.place();
        Self { point: Some(Of { points, key, pending }), slot: None }
    }

    /// The same for an evaluation that has a slot.
    pub(crate) fn in_slot(self, slot: Slot<P>) -> Self {
        Self { slot: Some(slot), ..self }
    }

    /// Returns the call of one of several attempts at the point: the room belongs to all of them, and is free when the
    /// future of the evaluation ends.
    #[must_use]
    pub fn of_an_attempt(&self) -> Self {
        Self { slot: None, ..self.clone() }
    }

    /// Evaluates by `f` on this thread, which has the slot meanwhile. Returns what is to be told to whoever waits for
    /// this call itself; none if nobody does: the value is not wanted any more, or was stored, which ends the flight.
    ///
    /// # Errors
    ///
    /// Those of `f`.
    ///
    /// # Panics
    ///
    /// If `f` does: the point is given back first.
    pub fn run<E>(&self, f: impl FnOnce() -> Result<T, E>) -> Option<Result<T, E>>
    where
        T: Clone + Send + Sync + 'static,
    {
        let begun = self.begin()?;
        let slot = self.slot.clone().map(Slot::at_work);
        let outcome = f();
        drop(slot);
        match outcome {
            Ok(value) => begun.end(value).map(Ok),
            Err(error) => Some(Err(error)),
        }
    }

    /// The evaluation has ended elsewhere: its slot is free.
    #[cfg(feature = "process")]
    pub(crate) fn give_back(&self) {
        self.slot.iter().for_each(Slot::give_back);
    }

    /// Begins; none if nobody wants the value any more.
    pub(crate) fn begin(&self) -> Option<Begun<T, P>> {
        let Some(Of { points, key, pending }) = &self.point else { return Some(Begun { holds: None }) };
        let pending = pending.upgrade()?;
        let (number, _) = pending.hold()?;
        Some(Begun { holds: Some(Holds { points: points.clone(), key: *key, pending, number }) })
    }
}

impl<T, P: Point> Begun<T, P> {
    /// The seat, if the cache is still there.
    fn seat(&mut self) -> Option<Seat<T, P>> {
        let Holds { points, key, pending, number } = self.holds.take()?;
        match points.upgrade() {
            Some(points) => Some(Seat::held(points, key, pending, number)),
            None => {
                // All other seats went with the cache. The evaluation is the user's to drop.
                panics::dispose(pending);
                None
            }
        }
    }
}

impl<T: Clone + Send + Sync + 'static, P: Point> Begun<T, P> {
    /// Stores the value where all who want it find it; returns the value if there is no such place.
    pub(crate) fn end(mut self, value: T) -> Option<T> {
        if self.holds.is_none() {
            return Some(value);
        }
        if let Some(seat) = self.seat() {
            seat.bring(value);
        }
        None
    }
}

impl<T, P: Point> Drop for Begun<T, P> {
    fn drop(&mut self) {
        drop(self.seat());
    }
}

impl<T, P: Point> fmt::Debug for Call<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

impl<T, P: Point> Clone for Call<T, P> {
    fn clone(&self) -> Self {
        let point = self.point.as_ref().map(|Of { points, key, pending }| Of {
            points: points.clone(),
            key: *key,
            pending: pending.clone(),
        });
        Self { point, slot: self.slot.clone() }
    }
}
