//! The judgement of panels whose values have arrived.

use std::ops::Range;

use super::Ahead;
use crate::numerics::method::Panel;
use crate::numerics::run::judge::Judged;
use crate::numerics::run::reason::Look;
use crate::numerics::space::{Lays, Placed, Space};
use crate::numerics::value::Value;
use crate::prefetch::{Known, State};

/// A method that looks far is asked what may come after so many panels at a time, the latest ones: some milliseconds.
const LATELY: usize = 16;

impl<T: Value, P: Placed, M: Lays<P>> Ahead<T, M, P> {
    /// A point of a panel has its value; judges the panel if it was the last. Returns whether it was.
    pub(super) fn settle_point(&mut self, node: usize) -> bool {
        let known = self.tree.node_mut(node).arrived();
        match known {
            Known::Little => {}
            Known::Nearly => self.nearly.push(node),
            Known::All => self.judge_by_known(node),
        }
        known == Known::All
    }

    /// Judges a panel all of whose values are known.
    pub(super) fn judge_by_known(&mut self, node: usize) {
        let (points, _) = self.tree.node_mut(node).take_points();
        self.values.clear();
        for &t in &points {
            let x = self.domain.x(t);
            let value = if x.is_finite() {
                self.dispatch.known(x).expect("a value that has arrived stays in the cache")
            } else {
                T::zero()
            };
            self.values.push(value);
        }
        self.judge(node, &points, true);
    }

    /// Judges a panel by `self.values`; `ahead` if others may be evaluated ahead for it.
    pub(super) fn judge(&mut self, node: usize, points: &[P], ahead: bool) {
        self.work += points.len();
        let mut panel = self.tree.node(node).panel();
        match self.domain.judge(&self.method, &mut panel, points, &mut self.values, &self.far) {
            Ok(Judged { local, mark }) => {
                self.marks.extend(mark.map(|mark| (node, mark)));
                let focus = ahead.then(|| P::Space::focus(self.method.ends(&panel), points, &self.values)).flatten();
                self.tree.judged(node, panel.kind, local, focus);
                if ahead && M::LOOKS_FAR {
                    self.leave_unseen(node);
                } else if ahead {
                    let values = std::mem::take(&mut self.values);
                    self.look_ahead(node, &panel, &values);
                    self.values = values;
                }
            }
            Err(trouble) => self.tree.bad(node, trouble),
        }
    }

    /// A method that looks far is asked later what may come after this panel.
    fn leave_unseen(&mut self, node: usize) {
        if self.tree.guesses() {
            if self.unseen.len() >= LATELY {
                self.unseen.pop_front();
            }
            self.unseen.push_back(node);
        }
    }

    /// Asks a method that looks far what may come after the panels that were judged lately.
    pub(super) fn look_far(&mut self) {
        while let Some(node) = self.unseen.pop_front() {
            let n = self.tree.node(node);
            let panel = n.panel();
            let mut points = Vec::new();
            self.method.lay(&n.as_asked(), &mut points);
            let known = |&t: &P| {
                let x = self.domain.x(t);
                if x.is_finite() { self.dispatch.known(x) } else { Some(T::zero()) }
            };
            if let Some(values) = points.iter().map(known).collect::<Option<Vec<T>>>() {
                self.look_ahead(node, &panel, &values);
            }
        }
    }

    /// Ranks panels that wait for stragglers by the values they have, so that the workers do not wait with them.
    pub(super) fn foresee(&mut self) {
        let nearly = std::mem::take(&mut self.nearly);
        if !P::Space::FORESEES {
            return;
        }
        for node in nearly {
            let n = self.tree.node(node);
            if !matches!(n.state(), State::Waiting) || !n.is_nearly_known() {
                continue;
            }
            let known = |&t: &P| {
                let x = self.domain.x(t);
                if x.is_finite() { self.dispatch.known(x) } else { Some(T::zero()) }
            };
            let (points, _) = n.points();
            let values: Vec<_> = points.iter().map(known).collect();
            let mut values = P::Space::complete(points, &values);
            let mut panel = n.as_asked();
            let judged = self.domain.judge(&self.method, &mut panel, points, &mut values, &self.far);
            if let Ok(judged) = judged {
                let focus = P::Space::focus(self.method.ends(&panel), points, &values);
                self.tree.foreseen(node, panel.kind, judged.local.error, focus);
                if !M::LOOKS_FAR {
                    self.look_ahead(node, &panel, &values);
                }
            }
        }
    }

    /// Judges a panel again that has a value which is not finite, now that it is known what is left out far away.
    /// Returns whether it has a judgement.
    pub(super) fn judge_again(&mut self, node: usize) -> bool {
        let mut points = Vec::new();
        self.method.lay(&self.tree.node(node).as_asked(), &mut points);
        self.tree.node_mut(node).ask_again(points);
        self.judge_by_known(node);
        matches!(self.tree.node(node).state(), State::Judged(_))
    }

    /// Takes note of what panels leave out that are handed over.
    pub(super) fn note(&mut self, nodes: Range<usize>) {
        if self.marks.is_empty() {
            return;
        }
        for node in nodes {
            if let Some(at) = self.marks.iter().position(|(of, _)| *of == node) {
                self.far.note(self.marks.swap_remove(at).1);
            }
        }
    }

    /// The values at the points of a judged panel.
    pub(super) fn known_samples(&mut self, panel: &Panel<M::Kind>) -> Vec<Look> {
        self.points.clear();
        self.method.lay(panel, &mut self.points);
        let norm = |&t: &P| {
            let x = self.domain.x(t);
            let norm = if x.is_finite() { self.dispatch.known(x).map(|value| value.norm()) } else { Some(0.0) };
            norm.and_then(|norm| self.domain.look(t, norm))
        };
        self.points.iter().map(norm).collect::<Option<_>>().unwrap_or_default()
    }
}
