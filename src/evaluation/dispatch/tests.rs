//! Where evaluations are best done.

use std::time::Duration;

use super::door::Shared;
use super::*;
use crate::evaluation::evaluator::Evaluator;

struct Threads {
    pace: Pace,
    is_here: bool,
    is_crowded: bool,
}

impl Evaluator for Threads {
    type Value = f64;

    async fn evaluate(&self, x: f64) -> Outcome<f64> {
        Ok(x)
    }

    const NEAR: bool = true;

    fn near(&self) -> Option<&dyn Near<f64>> {
        Some(self)
    }
}

impl Near<f64> for Threads {
    fn pace(&self) -> Pace {
        self.pace
    }

    fn is_here(&self) -> bool {
        self.is_here
    }

    fn evaluate(&self, x: f64) -> Outcome<f64> {
        Ok(x)
    }

    fn record(&self, _: Duration) {}

    fn spawn(&self, _: Box<dyn FnOnce() + Send>) {}

    fn is_busy(&self) -> bool {
        self.is_crowded
    }

    fn is_crowded(&self) -> bool {
        self.is_crowded
    }

    fn enqueue(&self, _: Box<dyn FnOnce() + Send>) {}
}

/// Where evaluations are best done on a thread of the pool and on another, and whether one is found on the spot.
fn places(pace: Pace, is_crowded: bool) -> ([Place; 2], bool) {
    let mut found = false;
    let places = [true, false].map(|is_here| {
        let shared = Arc::new(Shared::new(Threads { pace, is_here, is_crowded }));
        let mut dispatch = Dispatch::new(shared, PointCache::new(), Arc::default(), false);
        found = dispatch.find(0.5).is_some();
        dispatch.place()
    });
    (places, found)
}

#[test]
fn one_thread_evaluates_what_is_short_and_where_each_has_an_integral_what_is_not_long() {
    let (one, away) = (([Place::Here, Place::There], true), ([Place::Away; 2], false));
    for (pace, expected) in [
        (Pace::Instant, [one, one]),
        (Pace::Brisk(3), [away, one]),
        (Pace::Slow, [away, away]),
        (Pace::Unknown, [away, away]),
    ] {
        assert_eq!([false, true].map(|is_crowded| places(pace, is_crowded)), expected, "{pace:?}");
    }
}
