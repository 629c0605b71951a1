//! The ledger: how many points the decisions so far rest on, and the budget for them.
//!
//! DETERMINISM: charged when a decision asks for its panels, in the order of the decisions; what was evaluated ahead
//! is not charged before.

use std::collections::HashSet;

use crate::evaluation::points::key::BuildKeyHasher;
use crate::numerics::method::{Panel, fresh_count};
use crate::numerics::space::{Lays, Placed, Space};
use crate::point::Point;

/// So many values may be looked at of a run that ended early.
const LOOKS: usize = 128;

/// Counts the distinct points of panels, up to a budget.
#[derive(Debug)]
pub(crate) struct Ledger<P: Point = f64> {
    budget: usize,
    pub(crate) requests: usize,
    /// What the answer would rest on after a decision that the budget does not cover.
    pub(crate) needed: usize,
    /// At how many points values may still be looked at again, to tell why a run did not converge.
    looks: usize,
    /// The points counted, if the method may ask for one twice.
    seen: HashSet<P::Key, BuildKeyHasher>,
}

impl<P: Placed> Ledger<P> {
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, requests: 0, needed: 0, looks: 0, seen: HashSet::default() }
    }

    /// Charges the panels' points, or returns `false` if the budget does not cover them. `points` is room to work in.
    #[inline]
    pub(crate) fn charge<M: Lays<P>>(
        &mut self,
        method: &M,
        domain: &P::Space,
        panels: &[Panel<M::Kind>],
        points: &mut Vec<P>,
    ) -> bool {
        let cost = if M::REUSES_POINTS {
            points.clear();
            let others: usize = panels.iter().map(|panel| method.lay_shared(panel, points)).sum();
            // Nothing is evaluated at infinity. What is charged in vain is charged in vain: the run ends here.
            let points = points.iter().map(|&t| domain.x(t));
            others + points.filter(|x| x.is_finite() && self.seen.insert(x.key())).count()
        } else {
            panels.iter().map(|panel| fresh_count(method, panel)).sum()
        };
        let covered = self.covers(cost);
        if covered {
            self.take(cost);
        } else {
            self.needed = self.requests + cost;
        }
        covered
    }

    /// Whether so many points more are within the budget.
    #[inline]
    pub(crate) fn covers(&self, points: usize) -> bool {
        points <= self.budget - self.requests + usize::from(planted!(5))
    }

    /// Whether so many evaluations are all that the budget pays for.
    pub(crate) fn is_spent_by(&self, evaluations: usize) -> bool {
        evaluations >= self.budget
    }

    /// Charges so many points, which are within the budget.
    #[inline]
    pub(crate) fn take(&mut self, points: usize) {
        self.requests += points;
    }

    /// How many values may be looked at once a run has ended: a quarter of what it rests on, and some more unless the
    /// budget is spent. It may be that they are evaluated again.
    pub(crate) fn allow_looks(&mut self, is_spent: bool) {
        self.looks = self.requests / 4 + if is_spent { 0 } else { LOOKS };
    }

    /// Whether so many more values may be looked at.
    pub(crate) fn look(&mut self, points: usize) -> bool {
        let covered = points <= self.looks;
        self.looks = if covered { self.looks - points } else { 0 };
        covered
    }

    /// Takes back what was charged for a decision that is not taken after all. The run ends with it.
    pub(crate) fn refund(&mut self, points: usize) {
        self.requests -= points;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::domain::Domain;
    use crate::numerics::gauss_kronrod::GaussKronrod;
    use crate::numerics::method::Method;
    use crate::numerics::simpson::Simpson;

    fn charge<M: Method>(ledger: &mut Ledger, method: &M, b: f64, panels: &[(f64, f64)]) -> bool {
        let domain = Domain::new(0.0, b, &[], None).expect("they are numbers");
        let panel = |&(a, b): &(f64, f64)| Panel { a, b, depth: 0, kind: method.root() };
        let panels: Vec<_> = panels.iter().map(panel).collect();
        ledger.charge(method, &domain, &panels, &mut Vec::new())
    }

    #[test]
    fn a_budget_is_spent_to_the_last_point_and_not_beyond() {
        let mut ledger = Ledger::new(65);
        let rule = GaussKronrod::new(21);
        assert!(charge(&mut ledger, &rule, 1.0, &[(0.0, 1.0)]) && ledger.requests == 21);
        assert!(charge(&mut ledger, &rule, 1.0, &[(0.0, 0.5), (0.5, 1.0)]) && ledger.requests == 63);
        assert!(!charge(&mut ledger, &rule, 1.0, &[(0.0, 0.25)]) && ledger.requests == 63);
        ledger.refund(42);
        assert_eq!(ledger.requests, 21);
        ledger.budget = 63;
        assert!(charge(&mut ledger, &rule, 1.0, &[(0.0, 0.5), (0.5, 1.0)]) && ledger.requests == 63);
        assert!(charge(&mut ledger, &rule, 1.0, &[]) && !charge(&mut ledger, &rule, 1.0, &[(0.0, 0.25)]));
    }

    #[test]
    fn a_point_that_panels_share_is_charged_once_and_infinity_never() {
        let mut ledger = Ledger::new(9);
        assert!(charge(&mut ledger, &Simpson, 1.0, &[(0.0, 1.0)]) && ledger.requests == 5);
        assert!(charge(&mut ledger, &Simpson, 1.0, &[(0.0, 0.5), (0.5, 1.0)]) && ledger.requests == 9);
        assert!(charge(&mut ledger, &Simpson, 1.0, &[(0.0, 0.5)]) && ledger.requests == 9);
        assert!(!charge(&mut ledger, &Simpson, 1.0, &[(0.0, 0.25)]) && ledger.requests == 9);

        let mut ledger = Ledger::new(9);
        let infinite = Domain::new(0.0, f64::INFINITY, &[], None).expect("they are numbers");
        let whole = infinite.pieces().next().expect("one at least");
        assert!(charge(&mut ledger, &Simpson, f64::INFINITY, &[whole]) && ledger.requests == 4);
    }
}
