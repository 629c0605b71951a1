//! The next panel to ask for.
//!
//! INVARIANT: guesses end when the tree has so many nodes, and one more for so many evaluations.

use super::node::{Candidate, State};
use super::{Class, Speculation, Tree};
use crate::numerics::method::Method;

/// Guesses stop when there are so many nodes, and one more for so many points that were paid for: some 450 bytes each, and
/// three times that while the list of them grows.
const FREE: usize = 4096;
const POINTS: usize = 2;

impl<T, M: Method> Tree<T, M> {
    /// The next panel with points to ask for, and why, if there are so many workers. `started`: how many evaluations
    /// were, so far.
    pub(crate) fn next(&mut self, workers: usize, started: usize) -> Option<(usize, Class)> {
        while self.asks < self.required.end {
            if self.is_unissued(self.asks) {
                return Some((self.asks, Class::Required));
            }
            self.asks += 1;
        }
        if self.speculation == Speculation::Off {
            return None;
        }
        while let Some(&candidate) = self.certain.peek() {
            if let Some(node) = self.unissued_child(candidate.node) {
                return Some((node, Class::Certain));
            }
            self.certain.pop();
            self.expanded(candidate.node);
        }
        if self.speculation == Speculation::Certain {
            return None;
        }
        if let Speculation::AtMost(fraction) = self.speculation {
            let within = (self.extra as f64) < fraction * self.needed as f64;
            // Of a fraction that is not a number there is nothing within.
            if !within {
                return None;
            }
        }
        // Where points are known already a guess costs no worker, and would never end.
        if self.nodes.len() > FREE + self.needed.max(started) / POINTS {
            return None;
        }
        while let Some(&candidate) = self.guesses.peek() {
            let node = &self.nodes[candidate.node];
            let stale = node.expanded || node.passed || node.rank.to_bits() != candidate.rank.to_bits();
            if !stale {
                if !self.is_worth(candidate) && !self.is_held_up(workers) {
                    return None;
                }
                if let Some(child) = self.unissued_child(candidate.node) {
                    return Some((child, Class::Guessed));
                }
            }
            self.guesses.pop();
            if !stale {
                self.expanded(candidate.node);
            }
        }
        None
    }

    fn is_unissued(&self, node: usize) -> bool {
        let n = &self.nodes[node];
        matches!(n.state, State::Waiting) && n.issued < n.points.len()
    }

    fn unissued_child(&mut self, node: usize) -> Option<usize> {
        let children = self.children(node);
        // A child has all its points asked for once and for all; other children are further on.
        let from = children.start.max(self.nodes[node].asks);
        let found = (from..children.end).find(|&child| self.is_unissued(child));
        self.nodes[node].asks = found.unwrap_or(children.end);
        found
    }

    /// All points of a node's children were asked for: their own children come into question.
    fn expanded(&mut self, node: usize) {
        self.nodes[node].expanded = true;
        for child in self.children(node) {
            if matches!(self.nodes[child].state, State::Waiting) {
                self.guesses.push(Candidate { rank: self.nodes[child].rank, node: child });
            }
        }
    }
}
