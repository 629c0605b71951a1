//! The next panel to ask for.
//!
//! INVARIANT: guesses end when the tree has so many nodes, and one more for so many evaluations.

use super::node::{Candidate, State};
use super::{Class, Speculation, Tree, Wanted};
use crate::numerics::space::Lays;
use crate::point::Point;

/// Guesses stop when there are so many nodes, and one more for so many points that were paid for: some 450 bytes each, and
/// three times that while the list of them grows.
const FREE: usize = 4096;
const POINTS: usize = 2;

/// By default so much may be evaluated in vain: as many points as there are workers, and this part of what is needed;
/// no more than so many for each worker, as long as that is more than this part of what is needed. (For 10 points a
/// worker the two are the same.)
const HALF: f64 = 0.5;
const MOST: f64 = 1.5;
const MOST_OF_MANY: f64 = 0.15;
/// And no more than this for each worker, times the chance of the guess, and this part of what is needed.
const SPARED: f64 = 3.0;
const QUARTER: f64 = 0.25;
/// Before any panel is judged this part of the workers is enough for guesses.
const BLIND_PART: f64 = 0.7;
/// While a decision waits for stragglers: so many times the chance, for each worker and each point that is needed.
const HELD_UP: f64 = 10.0;
/// A guess is begun if all its points may be evaluated, or so many for each worker.
const WHOLE: f64 = 0.75;

impl<T, P: Point, M: Lays<P>> Tree<T, M, P> {
    /// What to ask for next, and why, if there are so many workers. `started`: how many evaluations were, so far.
    pub(crate) fn next(&mut self, workers: usize, started: usize) -> Option<(Wanted<P>, Class)> {
        while self.asks < self.required.end {
            if self.is_unissued(self.asks) {
                return Some((Wanted::Panel(self.asks), Class::Required));
            }
            self.asks += 1;
        }
        if self.speculation == Speculation::Off {
            return None;
        }
        while let Some(&candidate) = self.certain.peek() {
            if let Some(node) = self.unissued_child(candidate.node) {
                return Some((Wanted::Panel(node), Class::Certain));
            }
            self.certain.pop();
            self.expanded(candidate.node);
        }
        if !self.guesses() {
            return None;
        }
        // Where points are known already a guess costs no worker, and would never end.
        if self.nodes.len() > FREE + self.needed.max(started) / POINTS {
            return None;
        }
        self.best_guess(workers).map(|wanted| (wanted, Class::Guessed))
    }

    /// The best guess that is worth a worker.
    fn best_guess(&mut self, workers: usize) -> Option<Wanted<P>> {
        let (loose, points) = self.best_loose().unwrap_or((0.0, 0));
        while let Some(&candidate) = self.guesses.peek() {
            let node = &self.nodes[candidate.node];
            let stale = node.expanded || node.passed || node.rank.to_bits() != candidate.rank.to_bits();
            if !stale {
                let chance = self.chance(candidate);
                if loose > chance || !self.is_worth(candidate) && !self.is_held_up(workers) {
                    break;
                }
                if let Some(child) = self.unissued_child(candidate.node) {
                    let n = &self.nodes[child];
                    let points = n.points.len() - n.issued;
                    let is_worth = self.is_in_time(chance) && self.affords(points, chance, workers);
                    return is_worth.then_some(Wanted::Panel(child));
                }
            }
            self.guesses.pop();
            if !stale {
                self.expanded(candidate.node);
            }
        }
        if points == 0 || !self.is_in_time(loose) || !self.affords(points, loose, workers) {
            return None;
        }
        self.loose_point().map(Wanted::Point)
    }

    /// Whether so many points more may be evaluated in vain, for a guess of such a chance.
    fn affords(&mut self, points: usize, chance: f64, workers: usize) -> bool {
        if let Speculation::AtMost(fraction) = self.speculation {
            // Of a fraction that is not a number there is nothing within; of an infinite one there is no bound.
            return fraction == f64::INFINITY || (self.extra as f64) < fraction * self.needed as f64;
        }
        let (needed, wide) = (self.asked as f64, workers as f64);
        let extra = self.extra as f64 + (points as f64).min(WHOLE * wide);
        let most = (wide + HALF * needed).min(MOST * wide).max(MOST_OF_MANY * needed);
        // The fewer are needed, the more workers are idle, and the less likely a guess may be.
        let by_chance = SPARED * chance * wide * (wide / needed).max(1.0) + QUARTER * needed;
        let is_blind = self.is_blind() && self.extra as f64 >= BLIND_PART * wide;
        // Workers that would wait for stragglers cost nothing but what is evaluated.
        extra <= most.min(by_chance) && !is_blind
            || extra <= HELD_UP * chance * (needed + wide) && self.is_held_up(workers)
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
