//! The point of an evaluation as a thread or a process sees it that evaluates, and that nobody can stop.
//!
//! INVARIANT: a call that has begun holds a seat in the flight of its point. So the point stays under way for everybody
//! while it runs, whoever leaves meanwhile, and a call that nobody wants any more never begins. Where it ends it stores its
//! value itself: an integral that is held and not polled keeps neither the value nor its room.

use std::fmt;
use std::sync::Weak;

use crate::evaluation::points::cell::Pending;
use crate::evaluation::points::flight::Seat;
use crate::evaluation::points::key::Key;
use crate::evaluation::points::map::Points;
use crate::evaluation::slots::Slot;

/// The point that an evaluation is for, and the room that it has.
pub struct Call<T> {
    /// None if it is for nobody's cache.
    point: Option<Point<T>>,
    slot: Option<Slot>,
}

struct Point<T> {
    points: Weak<Points<T>>,
    key: Key,
    pending: Weak<Pending<T>>,
}

/// A call that has begun.
pub(crate) struct Begun<T> {
    seat: Option<Seat<T>>,
}

impl<T> Call<T> {
    /// The call of an evaluation whose value belongs to no cache.
    pub(crate) fn nowhere() -> Self {
        Self { point: None, slot: None }
    }

    /// For the evaluation of a point that is pending.
    pub(crate) fn of(seat: &Seat<T>) -> Self {
        let (points, key, pending) = seat.place();
        Self { point: Some(Point { points, key, pending }), slot: None }
    }

    /// The same for an evaluation that has a slot.
    pub(crate) fn in_slot(self, slot: Slot) -> Self {
        Self { slot: Some(slot), ..self }
    }

    /// The same for one of several attempts: the slot belongs to all of them.
    pub(crate) fn of_an_attempt(&self) -> Self {
        Self { slot: None, ..self.clone() }
    }

    /// Evaluates by `f` on this thread, which has the slot meanwhile. Returns what is to be told to whoever waits for this call
    /// itself; none if nobody does: the value is not wanted any more, or was stored, which ends the flight.
    pub(crate) fn run<E>(&self, f: impl FnOnce() -> Result<T, E>) -> Option<Result<T, E>>
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
    pub(crate) fn begin(&self) -> Option<Begun<T>> {
        let Some(Point { points, key, pending }) = &self.point else { return Some(Begun { seat: None }) };
        let (points, pending) = (points.upgrade()?, pending.upgrade()?);
        let (seat, _) = Seat::join(&points, *key, &pending)?;
        Some(Begun { seat: Some(seat) })
    }
}

impl<T: Clone + Send + Sync + 'static> Begun<T> {
    /// Stores the value where all who want it find it; returns the value if there is no such place.
    pub(crate) fn end(self, value: T) -> Option<T> {
        match self.seat {
            Some(seat) => {
                seat.bring(value);
                None
            }
            None => Some(value),
        }
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

impl<T> Clone for Call<T> {
    fn clone(&self) -> Self {
        let point = self.point.as_ref().map(|Point { points, key, pending }| Point {
            points: points.clone(),
            key: *key,
            pending: pending.clone(),
        });
        Self { point, slot: self.slot.clone() }
    }
}
