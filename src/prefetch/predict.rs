//! Guessing: how large will the error of a panel be that is not judged yet?
//!
//! A branch predictor: errors fall from parent to child as they did one level above, on the side where the integrand
//! is hardest; they fall faster elsewhere.

use super::node::{Candidate, Node, State};
use super::{RANGE, Tree};
use crate::numerics::focus::Focus;
use crate::numerics::method::Control;
use crate::numerics::space::Lays;
use crate::point::Point;

/// How errors fall from parent to child before anything is known: halved under global control; under local control
/// the rank of a smooth integrand falls 16-fold.
const RATIO_GLOBAL: f64 = 0.5;
const RATIO_LOCAL: f64 = 1.0 / 16.0;
/// A child that is not on the side where its parent was probably does better by this factor.
const OTHER_SIDE: f64 = 0.3;
/// Below a panel of which nothing is known, and without a place to follow, guesses lose value by this factor a level:
/// the integrand may be resolved any time.
const UNSEEN: f64 = 1e-2;
/// A child that does not touch the place where its parent was hardest does better by this factor.
const OUT_OF_FOCUS: f64 = 0.02;
/// Guesses below this fraction of the smallest certain error are not worth a worker.
const CUT: f64 = 0.1;

/// The chance that a panel is cut as was predicted before it was judged.
const BLIND: f64 = 0.5;

/// A decision waits for stragglers when more evaluations than one for so many workers have finished since it asked for
/// its last value.
const PATIENCE: usize = 8;
/// Of so many panels at most, of thousands of pieces say.
const LOOKED_AT: usize = 256;

impl<T, P: Point, M: Lays<P>> Tree<T, M, P> {
    /// Whether the next decision waits for stragglers. Then any guess is worth a worker: no better one comes before.
    pub(super) fn is_held_up(&mut self, workers: usize) -> bool {
        let waits = |n: &Node<T, M::Kind, P>| matches!(n.state, State::Waiting);
        while self.waits < self.required.end && !waits(&self.nodes[self.waits]) {
            self.waits += 1;
        }
        if let Some(is_late) = self.is_late() {
            return is_late;
        }
        self.nodes[self.waits..self.required.end].iter().take(LOOKED_AT).any(|n| {
            let meanwhile = self.arrived - n.asked_at;
            waits(n)
                && n.issued == n.points.len()
                && meanwhile > 0
                && (n.is_nearly_known() || meanwhile > workers / PATIENCE)
        })
    }

    /// Whether a guess has a fair chance to be needed.
    pub(super) fn is_worth(&self, candidate: Candidate) -> bool {
        match self.method.control() {
            Control::Global => {
                let boundary = self.tail.boundary();
                !boundary.is_finite() || candidate.rank > CUT * boundary
            }
            Control::Local => candidate.rank > self.allowed,
        }
    }

    /// The chance that a guess is needed.
    pub(super) fn chance(&self, Candidate { rank, node }: Candidate) -> f64 {
        let least = match self.method.control() {
            // Zero while no error is known.
            Control::Global if (f64::MIN_POSITIVE..f64::MAX).contains(&self.tail.boundary()) => self.tail.boundary(),
            _ => self.allowed,
        };
        let n = &self.nodes[node];
        let seen = if matches!(n.state, State::Waiting) && n.foreseen.is_none() { BLIND } else { 1.0 };
        // Not a quotient of infinities: errors may be as large as that.
        seen / (1.0 + least / rank.max(f64::MIN_POSITIVE))
    }

    /// A guess at what a panel will be judged, made while a last value or two are still missing.
    pub(crate) fn foreseen(&mut self, node: usize, kind: M::Kind, error: f64, focus: Option<Focus<P>>) {
        let n = &self.nodes[node];
        let (rank, expanded) = (error * self.scale(&n.panel), n.expanded);
        let parent = &self.nodes[n.parent];
        let ratio = if n.parent != RANGE && parent.rank > 0.0 { (rank / parent.rank).min(1.0) } else { n.ratio };
        let n = &mut self.nodes[node];
        (n.rank, n.ratio, n.foreseen) = (rank, ratio, Some(kind));
        n.focus = focus;
        if !expanded {
            self.guesses.push(Candidate { rank, node });
        }
        self.predict_below(node);
    }

    /// Ranks a panel that is not judged by its ancestors.
    pub(super) fn predict(&mut self, node: usize) {
        let n = &self.nodes[node];
        let p = &self.nodes[n.parent];
        let first = match self.method.control() {
            Control::Global => RATIO_GLOBAL,
            Control::Local => RATIO_LOCAL,
        };
        let (rank, ratio) = if n.parent == RANGE {
            (self.allowed.max(f64::MIN_POSITIVE) * 1e12, first)
        } else {
            let g = &self.nodes[p.parent];
            let ratio = if p.parent == RANGE { first } else { p.ratio };
            let factor = match p.focus {
                Some(focus) => {
                    if focus.touches(self.method.ends(&n.panel)) {
                        1.0
                    } else {
                        OUT_OF_FOCUS
                    }
                }
                None => {
                    let is_left = n.panel.a.to_bits() == p.panel.a.to_bits();
                    let was_left = p.panel.a.to_bits() == g.panel.a.to_bits();
                    let side = if p.parent == RANGE || is_left == was_left { 1.0 } else { OTHER_SIDE };
                    if matches!(p.state, State::Waiting) && p.foreseen.is_none() { side * UNSEEN } else { side }
                }
            };
            (p.rank * ratio * factor, ratio)
        };
        let focus = p.focus;
        let n = &mut self.nodes[node];
        (n.rank, n.ratio, n.focus) = (rank, ratio, focus);
    }

    /// Ranks anew what is not judged below a node.
    pub(super) fn predict_below(&mut self, node: usize) {
        self.guess_again(node);
        let mut below = vec![self.nodes[node].children.clone()];
        while let Some(range) = below.pop() {
            for child in range {
                if !matches!(self.nodes[child].state, State::Waiting) || self.nodes[child].foreseen.is_some() {
                    continue;
                }
                self.predict(child);
                self.guess_again(child);
                let n = &self.nodes[child];
                if self.nodes[n.parent].expanded && !n.expanded {
                    self.guesses.push(Candidate { rank: n.rank, node: child });
                }
                below.push(n.children.clone());
            }
        }
    }
}
