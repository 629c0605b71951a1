//! Guesses outside the tree: panels that a method may ask for later on, by its own word, and those that it would ask
//! for if the partition as it stands were to be looked at once more.
//!
//! Only their points are asked for. When a panel in the tree has such a point, its value is known or under way.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::node::State;
use super::{Speculation, Tree};
use crate::numerics::method::{Guess, Panel};
use crate::numerics::space::Lays;
use crate::point::Point;

/// No more guesses are kept than this.
const MOST: usize = 4096;
/// Guesses of a smaller chance are not kept.
const LEAST: f64 = 1e-3;

/// Why a panel may be asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Why {
    /// By what the method said before the origin was judged, and after.
    Blind,
    Seen,
    /// As the origin with this error may stand to the end, and is then looked at again.
    Stands(f64),
}

/// A panel that may be asked for.
#[derive(Debug)]
struct Loose<K, P = f64> {
    chance: f64,
    /// The older of two with equal chances comes first.
    order: usize,
    /// The panel by which it was guessed.
    origin: usize,
    why: Why,
    panel: Panel<K>,
    /// Its points that were not asked for, the next one last; none until it is the best guess.
    points: Option<Vec<P>>,
}

impl<K, P> PartialEq for Loose<K, P> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<K, P> Eq for Loose<K, P> {}

impl<K, P> PartialOrd for Loose<K, P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K, P> Ord for Loose<K, P> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.chance.total_cmp(&other.chance).then_with(|| other.order.cmp(&self.order))
    }
}

/// All guesses outside the tree.
#[derive(Debug)]
pub(super) struct LooseGuesses<K, P = f64> {
    waiting: BinaryHeap<Loose<K, P>>,
    made: usize,
    /// How many were made when old ones were last given up for new ones.
    pruned: usize,
}

impl<K, P> LooseGuesses<K, P> {
    pub(super) fn new() -> Self {
        Self { waiting: BinaryHeap::new(), made: 0, pruned: 0 }
    }
}

impl<T, P: Point, M: Lays<P>> Tree<T, M, P> {
    /// Whether guesses are made at all.
    pub(crate) fn guesses(&self) -> bool {
        match self.speculation {
            Speculation::Off | Speculation::Certain => false,
            Speculation::Ahead => true,
            Speculation::AtMost(fraction) => fraction > 0.0,
        }
    }

    /// Takes a method's guesses for a panel.
    pub(crate) fn adopt_loose(&mut self, origin: usize, guesses: &mut Vec<Guess<M::Kind>>) {
        let why = if self.is_judged(origin) { Why::Seen } else { Why::Blind };
        for Guess { panel, chance } in guesses.drain(..) {
            self.push_loose(origin, panel, chance, why);
        }
    }

    fn push_loose(&mut self, origin: usize, panel: Panel<M::Kind>, chance: f64, why: Why) {
        if self.loose.waiting.len() >= MOST {
            self.prune();
        }
        if chance >= LEAST && self.loose.waiting.len() < MOST {
            self.loose.made += 1;
            let order = self.loose.made;
            self.loose.waiting.push(Loose { chance, order, origin, why, panel, points: None });
        }
    }

    /// Makes room: gives up what lasts although a panel was judged since that replaces the origin. Seldom, as it looks
    /// at all guesses.
    fn prune(&mut self) {
        if !M::LOOKS_FAR || self.loose.made < self.loose.pruned + MOST / 2 {
            return;
        }
        self.loose.pruned = self.loose.made;
        let mut waiting = std::mem::take(&mut self.loose.waiting).into_vec();
        waiting.retain(|guess| !self.nodes[guess.origin].is_followed && !self.is_stale(guess));
        self.loose.waiting = waiting.into();
    }

    /// A judged panel may stand to the end, and is then looked at again.
    pub(super) fn foresee_audit(&mut self, node: usize) {
        if !M::AUDITS || !self.guesses() {
            return;
        }
        let n = &self.nodes[node];
        let Some(kind) = self.method.audit(&n.panel) else { return };
        let chance = if n.finished { STANDS } else { STANDS * self.allowed / (self.allowed + SMALL * n.rank) };
        let (panel, rank) = (Panel { kind, ..n.panel }, n.rank);
        self.push_loose(node, panel, chance, Why::Stands(rank));
    }

    /// The chance of the best guess outside the tree, and how many points it has that were not asked for; none if
    /// there is none.
    pub(super) fn best_loose(&mut self) -> Option<(f64, usize)> {
        loop {
            let best = self.loose.waiting.peek()?;
            if self.is_stale(best) {
                self.loose.waiting.pop();
                continue;
            }
            match &best.points {
                Some(points) if points.is_empty() => {
                    self.loose.waiting.pop();
                }
                Some(points) => return Some((best.chance, points.len())),
                None => {
                    let points = self.fresh_points(best.panel, best.why);
                    if let Some(mut best) = self.loose.waiting.peek_mut() {
                        best.points = Some(points);
                    }
                }
            }
        }
    }

    fn is_stale(&self, guess: &Loose<M::Kind, P>) -> bool {
        let n = &self.nodes[guess.origin];
        let is_other = match guess.why {
            Why::Blind => !matches!(n.state, State::Waiting),
            Why::Seen => false,
            Why::Stands(rank) => n.passed || rank.to_bits() != n.rank.to_bits(),
        };
        let lasts = M::LOOKS_FAR && guess.why == Why::Seen;
        is_other || n.is_followed && !lasts || matches!(n.state, State::Dropped | State::Bad(_))
    }

    /// The points of a guess, the first one last, but for those of the panel that it replaces.
    fn fresh_points(&self, panel: Panel<M::Kind>, why: Why) -> Vec<P> {
        let mut points = Vec::new();
        let mut panels = Vec::new();
        match why {
            Why::Stands(error) => self.method.refine(&panel, error, &mut panels),
            _ => panels.push(panel),
        }
        panels.iter().for_each(|panel| self.method.lay_fresh(panel, &mut points));
        points.reverse();
        points
    }

    /// The next point of the best guess.
    pub(super) fn loose_point(&self) -> Option<P> {
        self.loose.waiting.peek()?.points.as_ref()?.last().copied()
    }

    /// The point was asked for; whether that started an evaluation.
    pub(crate) fn issue_loose(&mut self, started: bool) {
        if let Some(points) = self.loose.waiting.peek_mut().as_mut().and_then(|best| best.points.as_mut()) {
            points.pop();
        }
        self.extra += usize::from(started);
    }

    /// A panel in the tree has a point that was asked for before.
    pub(crate) fn claim(&mut self) {
        self.extra -= 1;
    }
}

/// The chance that a panel stands whose error is nothing beside what is allowed; and at which part of what is allowed
/// it is half of that.
const STANDS: f64 = 0.95;
const SMALL: f64 = 16.0;

#[cfg(test)]
pub(super) mod tests;
