//! Which panels are bound to be bisected under global control, whatever the values still unknown.
//!
//! Take any cut through the tree that the algorithm is bound to reach, and a panel `i` in it. Let `m` be the least
//! error on the path down to `i`. Until `i` is bisected some panel of that path is in the queue, so none whose error
//! is below `m` is; if those errors alone exceed the tolerance, the run cannot end before. docs/DESIGN.md has the
//! proof; it needs no assumption that errors shrink.

use super::Tree;
use super::node::Candidate;
use crate::numerics::method::Control;
use crate::numerics::run::share;
use crate::numerics::space::Lays;
use crate::point::Point;

impl<T, P: Point, M: Lays<P>> Tree<T, M, P> {
    /// A judged panel joins the cut on which certainty is founded; returns whether it passes at once.
    pub(super) fn enter(&mut self, node: usize) -> bool {
        let n = &self.nodes[node];
        let least = n.rank.min(self.nodes[n.parent].least);
        let finished = n.finished;
        self.nodes[node].least = least;
        match self.method.control() {
            Control::Global => {
                self.nodes[node].units = self.tail.insert(self.nodes[node].rank);
                if !finished {
                    self.undecided.push(Candidate { rank: least, node });
                }
                false
            }
            Control::Local => !finished && self.is_bound(node),
        }
    }

    /// Local control: whether a judged panel fails its share.
    pub(super) fn is_bound(&self, node: usize) -> bool {
        let n = &self.nodes[node];
        !self.method.accepts(&n.panel, n.error, share(self.allowed, self.pieces, n.panel.depth))
    }

    /// Calls certain what has become so.
    pub(super) fn settle(&mut self) {
        while let Some(&Candidate { rank, node }) = self.undecided.peek() {
            if !self.nodes[node].passed {
                if !self.tail.is_certain(rank) {
                    break;
                }
                self.pass(node);
            } else {
                self.undecided.pop();
            }
        }
    }

    /// A judged panel is bound to be refined, or was: its judged children take its place in the cut.
    pub(super) fn pass(&mut self, node: usize) {
        let mut passing = vec![node];
        while let Some(node) = passing.pop() {
            if self.nodes[node].passed {
                continue;
            }
            self.nodes[node].passed = true;
            if self.method.control() == Control::Global {
                self.tail.remove(self.nodes[node].rank, self.nodes[node].units);
            }
            let children = self.children(node);
            for child in children {
                self.justify(child);
                if self.is_final(child) && self.enter(child) {
                    passing.push(child);
                }
            }
            if !self.nodes[node].expanded {
                self.certain.push(Candidate { rank: self.nodes[node].rank, node });
            }
        }
    }
}

/// The sum of the errors in the cut, by magnitude.
///
/// Errors are counted in whole units of a fixed fraction of the tolerance, rounded down: the sum is then exact, the
/// same in any order, and never too large. They are binned by powers of two; a panel is called certain only if the
/// bins *below* its own exceed the tolerance, or its own error does.
#[derive(Debug)]
pub(crate) struct Tail {
    units: Vec<u128>,
    /// The first bin in which all panels are certain, and the sum of all below it.
    at: usize,
    below: u128,
    unit: f64,
    allowed: u128,
}

const BINS: usize = 2048;
/// Units to the tolerance first given.
const RESOLUTION: f64 = (1u64 << 32) as f64;

impl Tail {
    pub(crate) fn new() -> Self {
        Self { units: Vec::new(), at: 0, below: 0, unit: 0.0, allowed: 0 }
    }

    /// Sets the tolerance.
    pub(crate) fn set_allowed(&mut self, allowed: f64) {
        if self.unit == 0.0 {
            self.unit = allowed / RESOLUTION;
        }
        // Rounded up and one more: rather too few certain than one too many.
        self.allowed = if planted!(6) { self.count(allowed / 2.0) } else { self.count(allowed) + 1 };
        self.settle();
    }

    /// Adds an error, and returns the units it counts for.
    pub(crate) fn insert(&mut self, error: f64) -> u128 {
        if self.units.is_empty() {
            self.units = vec![0; BINS];
        }
        let units = self.count(error);
        self.units[bin(error)] += units;
        if bin(error) < self.at {
            self.below += units;
        }
        self.settle();
        units
    }

    /// Takes an error out that counted for so many units.
    pub(crate) fn remove(&mut self, error: f64, units: u128) {
        self.units[bin(error)] -= units;
        if bin(error) < self.at {
            self.below -= units;
        }
        self.settle();
    }

    /// Whether a panel with this least error on its path is bound to be bisected.
    pub(crate) fn is_certain(&self, least: f64) -> bool {
        bin(least) >= self.at
    }

    /// The smallest error that is certain to be bisected.
    pub(crate) fn boundary(&self) -> f64 {
        lower_end(self.at)
    }

    fn count(&self, error: f64) -> u128 {
        // A cast saturates; NaN counts nothing.
        if self.unit > 0.0 { u128::from((error / self.unit) as u64) } else { u128::from(error > 0.0) }
    }

    fn settle(&mut self) {
        if self.units.is_empty() {
            return;
        }
        while self.at > 0 && self.holds(self.at - 1, self.below - self.units[self.at - 1]) {
            self.at -= 1;
            self.below -= self.units[self.at];
        }
        while self.at < BINS && !self.holds(self.at, self.below) {
            self.below += self.units[self.at];
            self.at += 1;
        }
    }

    fn holds(&self, bin: usize, below: u128) -> bool {
        below > self.allowed || self.count(lower_end(bin)) > self.allowed
    }
}

/// Errors are not negative, so the exponent alone is a bin.
fn bin(error: f64) -> usize {
    (error.to_bits() >> 52) as usize & (BINS - 1)
}

fn lower_end(bin: usize) -> f64 {
    if bin >= BINS { f64::INFINITY } else { f64::from_bits((bin as u64) << 52) }
}

#[cfg(test)]
mod tests;
