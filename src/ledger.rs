//! The ledger: how many points the decisions so far rest on, and the budget for them.
//!
//! DETERMINISM: charged when a decision asks for its panels, in the order of the decisions; what was evaluated ahead
//! is not charged before.

use std::collections::HashSet;

use crate::evaluation::key::{BuildKeyHasher, Key};
use crate::numerics::domain::Domain;
use crate::numerics::method::{Method, Panel};

/// Counts the distinct points of panels, up to a budget.
#[derive(Debug)]
pub(crate) struct Ledger {
    budget: usize,
    pub(crate) requests: usize,
    /// The points counted, if the method may ask for one twice.
    seen: HashSet<Key, BuildKeyHasher>,
}

impl Ledger {
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, requests: 0, seen: HashSet::default() }
    }

    /// Charges the panels' points, or returns `false` if the budget does not cover them. `points` is room to work in.
    #[inline]
    pub(crate) fn charge<M: Method>(
        &mut self,
        method: &M,
        domain: &Domain,
        panels: &[Panel<M::Kind>],
        points: &mut Vec<f64>,
    ) -> bool {
        let cost = if M::REUSES_POINTS {
            points.clear();
            panels.iter().for_each(|panel| method.points(panel, points));
            // Nothing is evaluated at infinity. What is charged in vain is charged in vain: the run ends here.
            points.iter().map(|&t| domain.x(t)).filter(|x| x.is_finite() && self.seen.insert(Key::new(*x))).count()
        } else {
            panels.iter().map(|panel| method.count(panel)).sum()
        };
        let covered = cost <= self.budget - self.requests + usize::from(planted!(5));
        if covered {
            self.requests += cost;
        }
        covered
    }

    /// Takes back what was charged for a decision that is not taken after all. The run ends with it.
    pub(crate) fn refund(&mut self, points: usize) {
        self.requests -= points;
    }
}
