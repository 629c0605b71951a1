//! Points found one after the other on the spot: claimed, evaluated and stored before anything else happens.
//!
//! INVARIANT: others see such a point as led by someone, join it, and may have to evaluate it themselves if its
//! evaluation fails them; but this side never waits.

use std::sync::Arc;

use crate::evaluation::points::cache::{PointCache, There};
use crate::evaluation::points::cell::{Outcome, Pending};
use crate::point::Point;

/// The flight of whichever point is being evaluated. One serves for many points, until somebody joins it.
///
/// Of one thread and of one poll: it tells others which thread is inside an evaluation.
pub(crate) struct Spot<T, P: Point = f64> {
    pending: Option<Arc<Pending<T, P>>>,
}

/// What came of a point.
pub(crate) enum Found<T> {
    /// Known already.
    Known(T),
    /// Evaluated, by this call.
    Evaluated(Outcome<T>),
    /// Others are at it.
    UnderWay,
}

impl<T, P: Point> Default for Spot<T, P> {
    fn default() -> Self {
        Self { pending: None }
    }
}

impl<T: Clone + Send + Sync + 'static, P: Point> Spot<T, P> {
    /// Finds the value at `x`; by `evaluate`, which does not panic, if nobody else has.
    pub(crate) fn find(&mut self, cache: &PointCache<T, P>, x: P, evaluate: impl FnOnce() -> Outcome<T>) -> Found<T> {
        let key = x.key();
        let pending = self.pending.get_or_insert_with(Pending::led);
        match cache.lead(key, pending) {
            There::Known(value) => return Found::Known(value),
            There::UnderWay => return Found::UnderWay,
            There::Vacant => {}
        }
        let outcome = cache.settle(key, pending, evaluate());
        // The map has let go of it, so those who have joined are all who ever will.
        if !pending.is_unheard_of() {
            pending.land(|| outcome.clone(), 1);
            self.pending = None;
        }
        Found::Evaluated(outcome)
    }
}
