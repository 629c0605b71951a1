//! What to evaluate ahead of the decisions, and in which order.
//!
//! A processor's out-of-order execution with in-order retirement: [`Run`](crate::numerics::run::Run) retires decisions
//! in order; here is the tree of panels as far as anyone has looked, and the next panel to ask for. Nothing here can
//! change a decision, so nothing here needs to be right: only good.
//!
//! INVARIANT: no scan over all panels. Each event costs at most logarithmic time in their number.

pub(crate) mod certain;

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use self::certain::Tail;
use crate::numerics::focus::Focus;
use crate::numerics::method::{Control, Local, Method, Panel};
use crate::numerics::run::share;

/// How far to run ahead of the decisions while workers are idle.
///
/// Values, errors, `evaluations` and segments are the same for all; only the wall time and the number of extra
/// evaluations differ.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Speculation {
    /// Evaluate only what the next decision needs.
    Off,
    /// Evaluate also what later decisions are bound to need: no evaluation is wasted.
    Certain,
    /// Evaluate also what later decisions will probably need, best guess first.
    #[default]
    Ahead,
    /// As [`Ahead`](Self::Ahead), with at most this many guessed evaluations outstanding or wasted for each one
    /// needed so far: `0.1` for at most 10 % more evaluations. For people who pay per evaluation.
    AtMost(f64),
}

/// Why a point is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Required,
    Certain,
    Guessed,
}

/// A panel in the tree, judged or not.
#[derive(Debug)]
pub(crate) struct Node<T, K> {
    pub(crate) panel: Panel<K>,
    /// The kind before the estimate noted what it learnt: what the parent asked for.
    asked: K,
    parent: usize,
    children: Range<usize>,
    /// Whether the children follow from this panel's own estimate, not from a prediction.
    fixed: bool,
    /// The points in `t`, until the panel is judged; how many of them were asked for, and have no value yet.
    pub(crate) points: Vec<f64>,
    pub(crate) issued: usize,
    pub(crate) missing: usize,
    pub(crate) state: State<T>,
    /// Ranked by most of its own values, not by its ancestors.
    foreseen: bool,
    /// Judged, and at its roundoff: never refined.
    finished: bool,
    /// The error, or what it will probably be; times 2^depth under local control, so that it compares with one
    /// tolerance.
    rank: f64,
    /// The factor from parent to child that led to `rank`.
    ratio: f64,
    /// The least error on the path from the decided partition down to here.
    least: f64,
    /// Certain to be refined, or refined already.
    passed: bool,
    /// All points of all children were asked for.
    expanded: bool,
    /// Guessed points that count as extra until someone needs them.
    extra: usize,
    /// Where the integrand is hardest, as far as this panel or the nearest judged one above it could tell.
    focus: Option<Focus>,
}

impl<T, K: Copy> Node<T, K> {
    /// The panel before its estimate noted what it learnt.
    pub(crate) fn as_asked(&self) -> Panel<K> {
        Panel { kind: self.asked, ..self.panel }
    }
}

#[derive(Debug)]
pub(crate) enum State<T> {
    Waiting,
    Judged(Option<Local<T>>),
    /// A value was not finite: at which point, and its norm.
    Bad {
        x: f64,
        norm: f64,
    },
    /// Replaced by other panels than predicted.
    Dropped,
}

/// An expansion: to ask for the points of a node's children.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    rank: f64,
    node: usize,
}

/// The tree of panels, and the order in which its unasked points are wanted.
#[derive(Debug)]
pub(crate) struct Tree<T, M: Method> {
    method: M,
    speculation: Speculation,
    pub(crate) nodes: Vec<Node<T, M::Kind>>,
    /// Panels whose points the next decision needs.
    required: Range<usize>,
    /// Expansions that are bound to come, and those that may.
    certain: BinaryHeap<Candidate>,
    guesses: BinaryHeap<Candidate>,
    /// Judged panels of the cut on which certainty is founded, by their least error.
    undecided: BinaryHeap<Candidate>,
    tail: Tail,
    allowed: f64,
    pieces: usize,
    extra: usize,
    needed: usize,
    scratch: Vec<Panel<M::Kind>>,
}

/// The root of the tree is not a panel, but the range as a whole: its children are the pieces.
pub(crate) const RANGE: usize = 0;

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

impl<T, M: Method> Tree<T, M> {
    /// `allowed`: the error that the integral may have, as far as that is known.
    pub(crate) fn new(
        method: M,
        speculation: Speculation,
        pieces: impl Iterator<Item = Panel<M::Kind>>,
        allowed: f64,
    ) -> Self {
        let mut tree = Self {
            speculation,
            nodes: Vec::new(),
            required: 0..0,
            certain: BinaryHeap::new(),
            guesses: BinaryHeap::new(),
            undecided: BinaryHeap::new(),
            tail: Tail::new(),
            allowed: f64::NAN,
            pieces: 0,
            extra: 0,
            needed: 0,
            scratch: pieces.collect(),
            method,
        };
        tree.pieces = tree.scratch.len();
        tree.set_allowed(allowed);
        let kind = tree.method.root();
        let whole = Panel { a: f64::NAN, b: f64::NAN, depth: 0, kind };
        tree.push(whole, RANGE);
        let range = &mut tree.nodes[RANGE];
        (range.passed, range.fixed, range.rank, range.least) = (true, true, f64::INFINITY, f64::INFINITY);
        range.state = State::Judged(None);
        tree.adopt(RANGE);
        tree.certain.push(Candidate { rank: f64::INFINITY, node: RANGE });
        tree
    }

    /// The children of a judged node, as its estimate has them.
    pub(crate) fn children(&mut self, node: usize) -> Range<usize> {
        let n = &self.nodes[node];
        if !n.fixed {
            let judged = matches!(n.state, State::Judged(_));
            if judged {
                let error = n.rank / self.scale(&n.panel);
                self.scratch.clear();
                self.method.refine(&n.panel, error, &mut self.scratch);
                let known = &self.nodes[n.children.clone()];
                let same = known.len() == self.scratch.len()
                    && known.iter().zip(&self.scratch).all(|(have, want)| have.as_asked() == *want);
                if !same {
                    self.drop_below(node);
                    self.adopt(node);
                }
                self.nodes[node].fixed = true;
            } else if n.children.is_empty() && matches!(n.state, State::Waiting) {
                self.scratch.clear();
                self.method.predict(&n.panel, &mut self.scratch);
                self.adopt(node);
            }
        }
        self.nodes[node].children.clone()
    }

    /// A guess at what a panel will be judged, made while a last value or two are still missing.
    pub(crate) fn foreseen(&mut self, node: usize, error: f64, focus: Option<Focus>) {
        let n = &self.nodes[node];
        let (rank, expanded) = (error * self.scale(&n.panel), n.expanded);
        let parent = &self.nodes[n.parent];
        let ratio = if n.parent != RANGE && parent.rank > 0.0 { (rank / parent.rank).min(1.0) } else { n.ratio };
        let n = &mut self.nodes[node];
        (n.rank, n.ratio, n.foreseen) = (rank, ratio, true);
        n.focus = focus;
        if !expanded {
            self.guesses.push(Candidate { rank, node });
        }
        self.predict_below(node);
    }

    /// The points of these panels are needed now.
    pub(crate) fn require(&mut self, panels: Range<usize>) {
        for node in panels.clone() {
            self.justify(node);
        }
        self.required = panels;
    }

    /// The panels replace their parent: a decision was retired, at the cost of so many points.
    pub(crate) fn retire(&mut self, parent: usize, points: usize) {
        self.needed += points;
        self.pass(parent);
        self.settle();
    }

    /// Sets the error that the integral may have.
    pub(crate) fn set_allowed(&mut self, allowed: f64) {
        if allowed.to_bits() == self.allowed.to_bits() {
            return;
        }
        self.allowed = allowed;
        match self.method.control() {
            Control::Global => self.tail.set_allowed(allowed),
            Control::Local => {
                // Rare: only when a relative tolerance turns out to be tighter than was thought.
                for node in 1..self.nodes.len() {
                    if !self.nodes[node].passed
                        && !self.nodes[node].finished
                        && self.is_judged(node)
                        && self.is_bound(node)
                    {
                        self.pass(node);
                    }
                }
            }
        }
        self.settle();
    }

    /// The next panel with points to ask for, and why.
    pub(crate) fn next(&mut self) -> Option<(usize, Class)> {
        if let Some(node) = self.required.clone().find(|&node| self.is_unissued(node)) {
            return Some((node, Class::Required));
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
            // Written so that NaN allows nothing.
            if !((self.extra as f64) < fraction * self.needed as f64) {
                return None;
            }
        }
        while let Some(&candidate) = self.guesses.peek() {
            let node = &self.nodes[candidate.node];
            let stale = node.expanded || node.passed || node.rank.to_bits() != candidate.rank.to_bits();
            if !stale {
                if !self.is_worth(candidate) {
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

    /// The next point of a panel was asked for.
    pub(crate) fn issue(&mut self, node: usize, class: Class) {
        let n = &mut self.nodes[node];
        n.issued += 1;
        if class == Class::Guessed {
            n.extra += 1;
            self.extra += 1;
        }
    }

    /// A panel was judged; its kind now holds what the estimate noted.
    pub(crate) fn judged(&mut self, node: usize, kind: M::Kind, local: Local<T>, focus: Option<Focus>) {
        let n = &self.nodes[node];
        let rank = local.error * self.scale(&n.panel);
        let parent = &self.nodes[n.parent];
        let ratio = if n.parent != RANGE && parent.rank > 0.0 && matches!(parent.state, State::Judged(_)) {
            (rank / parent.rank).min(1.0)
        } else {
            n.ratio
        };
        let n = &mut self.nodes[node];
        n.panel.kind = kind;
        n.finished = local.error <= local.roundoff;
        (n.rank, n.ratio, n.least, n.focus) = (rank, ratio, rank, focus);
        n.points = Vec::new();
        n.state = State::Judged(Some(local));
        if self.nodes[self.nodes[node].parent].passed && self.enter(node) {
            self.pass(node);
        }
        let n = &self.nodes[node];
        if !n.finished && !n.passed {
            self.guesses.push(Candidate { rank, node });
        }
        self.predict_below(node);
        self.settle();
    }

    pub(crate) fn bad(&mut self, node: usize, x: f64, norm: f64) {
        self.nodes[node].state = State::Bad { x, norm };
        self.nodes[node].rank = 0.0;
    }

    fn is_judged(&self, node: usize) -> bool {
        matches!(self.nodes[node].state, State::Judged(_))
    }

    fn is_unissued(&self, node: usize) -> bool {
        let n = &self.nodes[node];
        matches!(n.state, State::Waiting) && n.issued < n.points.len()
    }

    fn unissued_child(&mut self, node: usize) -> Option<usize> {
        self.children(node).find(|&child| self.is_unissued(child))
    }

    fn scale(&self, panel: &Panel<M::Kind>) -> f64 {
        match self.method.control() {
            Control::Global => 1.0,
            Control::Local => share(1.0, self.pieces, panel.depth).recip(),
        }
    }

    /// Whether a guess has a fair chance to be needed.
    fn is_worth(&self, candidate: Candidate) -> bool {
        match self.method.control() {
            Control::Global => {
                let boundary = self.tail.boundary();
                !boundary.is_finite() || candidate.rank > CUT * boundary
            }
            Control::Local => candidate.rank > self.allowed,
        }
    }

    fn push(&mut self, panel: Panel<M::Kind>, parent: usize) {
        let mut points = Vec::new();
        if !self.nodes.is_empty() {
            self.method.points(&panel, &mut points);
        }
        self.nodes.push(Node {
            panel,
            asked: panel.kind,
            parent,
            children: 0..0,
            fixed: false,
            issued: 0,
            missing: points.len(),
            points,
            state: State::Waiting,
            foreseen: false,
            finished: false,
            rank: 0.0,
            ratio: 0.0,
            least: 0.0,
            passed: false,
            expanded: false,
            extra: 0,
            focus: None,
        });
    }

    /// Takes the panels in `scratch` as a node's children.
    fn adopt(&mut self, node: usize) {
        let first = self.nodes.len();
        let panels = std::mem::take(&mut self.scratch);
        for panel in &panels {
            self.push(*panel, node);
        }
        self.scratch = panels;
        self.nodes[node].children = first..self.nodes.len();
        for child in first..self.nodes.len() {
            self.predict(child);
        }
    }

    fn drop_below(&mut self, node: usize) {
        let mut below = vec![self.nodes[node].children.clone()];
        while let Some(range) = below.pop() {
            for child in range {
                let n = &mut self.nodes[child];
                (n.state, n.points, n.expanded) = (State::Dropped, Vec::new(), true);
                below.push(n.children.clone());
            }
        }
        self.nodes[node].children = 0..0;
        self.nodes[node].expanded = false;
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

    /// Ranks a panel that is not judged by its ancestors.
    fn predict(&mut self, node: usize) {
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
                    if focus.touches(n.panel.a, n.panel.b) {
                        1.0
                    } else {
                        OUT_OF_FOCUS
                    }
                }
                None => {
                    let is_left = n.panel.a.to_bits() == p.panel.a.to_bits();
                    let was_left = p.panel.a.to_bits() == g.panel.a.to_bits();
                    let side = if p.parent == RANGE || is_left == was_left { 1.0 } else { OTHER_SIDE };
                    if matches!(p.state, State::Waiting) && !p.foreseen { side * UNSEEN } else { side }
                }
            };
            (p.rank * ratio * factor, ratio)
        };
        let focus = p.focus;
        let n = &mut self.nodes[node];
        (n.rank, n.ratio, n.focus) = (rank, ratio, focus);
    }

    /// Ranks anew what is not judged below a node.
    fn predict_below(&mut self, node: usize) {
        let mut below = vec![self.nodes[node].children.clone()];
        while let Some(range) = below.pop() {
            for child in range {
                if !matches!(self.nodes[child].state, State::Waiting) || self.nodes[child].foreseen {
                    continue;
                }
                self.predict(child);
                let n = &self.nodes[child];
                if self.nodes[n.parent].expanded && !n.expanded {
                    self.guesses.push(Candidate { rank: n.rank, node: child });
                }
                below.push(n.children.clone());
            }
        }
    }

    /// A judged panel joins the cut on which certainty is founded; returns whether it passes at once.
    fn enter(&mut self, node: usize) -> bool {
        let n = &self.nodes[node];
        let least = n.rank.min(self.nodes[n.parent].least);
        let finished = n.finished;
        self.nodes[node].least = least;
        match self.method.control() {
            Control::Global => {
                self.tail.insert(self.nodes[node].rank);
                if !finished {
                    self.undecided.push(Candidate { rank: least, node });
                }
                false
            }
            Control::Local => !finished && self.is_bound(node),
        }
    }

    /// Local control: whether a judged panel fails its share.
    fn is_bound(&self, node: usize) -> bool {
        let n = &self.nodes[node];
        !self.method.accepts(&n.panel, n.rank / self.scale(&n.panel), share(self.allowed, self.pieces, n.panel.depth))
    }

    /// Calls certain what has become so.
    fn settle(&mut self) {
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
    fn pass(&mut self, node: usize) {
        let mut passing = vec![node];
        while let Some(node) = passing.pop() {
            if self.nodes[node].passed {
                continue;
            }
            self.nodes[node].passed = true;
            if self.method.control() == Control::Global {
                self.tail.remove(self.nodes[node].rank);
            }
            let children = self.children(node);
            for child in children {
                self.justify(child);
                if self.is_judged(child) && self.enter(child) {
                    passing.push(child);
                }
            }
            if !self.nodes[node].expanded {
                self.certain.push(Candidate { rank: self.nodes[node].rank, node });
            }
        }
    }

    /// What was guessed of this panel is needed after all.
    fn justify(&mut self, node: usize) {
        self.extra -= std::mem::take(&mut self.nodes[node].extra);
    }
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        // Among equals the older node: breadth first while nothing is known.
        self.rank.total_cmp(&other.rank).then_with(|| other.node.cmp(&self.node))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
