//! When a guess is in time: one that ends long after the points which the decision waits for holds a worker that what
//! comes next could have.
//!
//! Only where evaluations take long: others are over before a clock tells anything. The order in which guesses are made
//! may depend on the clock; no decision does.

use super::Tree;
use super::node::State;
use crate::numerics::space::Lays;
use crate::point::Point;

/// Shorter evaluations than so many seconds are not timed.
const SHORT: f64 = 0.02;
/// Nor are any before some have ended at so many times.
const TIMES: usize = 3;
/// A point is late that takes so many times as long as others.
const LATE: f64 = 1.25;
/// A guess is in time that ends no later after the points that are waited for than by this part of an evaluation.
const EARLY: f64 = 0.125;
/// A guess as likely as this is as good as needed.
const SURE: f64 = 0.9;
/// The part of the last evaluation in how long one takes.
const LAST: f64 = 0.125;
/// Of so many panels at most that are waited for.
const LOOKED_AT: usize = 64;

/// What time it is, in seconds, and how long evaluations take.
#[derive(Debug)]
pub(super) struct Timing {
    pub(super) now: f64,
    /// How long evaluations take lately; the shortest so far; when the last one ended, and how many have ended at other
    /// times.
    typical: f64,
    least: f64,
    last: f64,
    times: usize,
    /// When guesses that were refused come into question.
    again: Option<f64>,
}

impl Timing {
    pub(super) fn new() -> Self {
        Self { now: 0.0, typical: 0.0, least: f64::INFINITY, last: 0.0, times: 0, again: None }
    }

    /// Whether evaluations are long. One pause of the whole program is not taken for an evaluation.
    fn is_long(&self) -> bool {
        self.times >= TIMES && self.least >= SHORT
    }
}

impl<T, P: Point, M: Lays<P>> Tree<T, M, P> {
    /// Sets the time, in seconds since the beginning, which is when evaluations are asked for and end from now on.
    pub(crate) fn set_time(&mut self, now: f64) {
        self.timing.now = now;
        self.timing.again = None;
    }

    /// What time it is.
    pub(crate) fn time(&self) -> f64 {
        self.timing.now
    }

    /// An evaluation has ended that began at a certain time.
    pub(crate) fn took_since(&mut self, began: f64) {
        let Timing { now, typical, least, last, times, .. } = &mut self.timing;
        let took = *now - began;
        // A straggler says little of the others.
        *typical = if *typical > 0.0 { *typical + LAST * (took.min(2.0 * *typical) - *typical) } else { took };
        *least = least.min(took);
        if *now > *last {
            (*last, *times) = (*now, *times + 1);
        }
    }

    /// In how many seconds guesses come into question that were refused now.
    pub(crate) fn again_in(&self) -> Option<f64> {
        self.timing.again.map(|again| (again - self.timing.now).max(0.0))
    }

    /// When the last point was asked for that the decision waits for; none if evaluations are short.
    fn asked_last(&self) -> Option<f64> {
        if !self.timing.is_long() {
            return None;
        }
        let waiting = self.nodes[self.waits..self.required.end.max(self.waits)].iter().take(LOOKED_AT);
        let asked = waiting.filter(|n| matches!(n.state, State::Waiting) && n.issued > 0).map(|n| n.asked_time);
        asked.reduce(f64::max)
    }

    /// Whether the decision waits for a point that takes longer than others do; none if evaluations are short.
    pub(super) fn is_late(&self) -> Option<bool> {
        Some(self.timing.now - self.asked_last()? > LATE * self.timing.typical)
    }

    /// Whether a guess that begins now ends in time.
    pub(super) fn is_in_time(&mut self, chance: f64) -> bool {
        let Some(asked) = self.asked_last() else { return true };
        let (elapsed, typical) = (self.timing.now - asked, self.timing.typical);
        if elapsed > LATE * typical || elapsed <= EARLY * typical || chance >= SURE || chance * typical > elapsed {
            return true;
        }
        self.timing.again = Some(asked + LATE * typical);
        false
    }
}

#[cfg(test)]
mod tests;
