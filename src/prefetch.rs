//! What to evaluate ahead of the decisions, and in which order.
//!
//! A processor's out-of-order execution with in-order retirement: [`Run`](crate::numerics::run::Run) retires decisions
//! in order; here is the tree of panels as far as anyone has looked, and the next panel to ask for. Nothing here can
//! change a decision, so nothing here needs to be right: only good.
//!
//! INVARIANT: no scan over all panels. Each event costs at most logarithmic time in their number.

mod certain;
mod loose;
mod next;
mod node;
mod predict;
mod timing;

use std::collections::BinaryHeap;
use std::ops::Range;

use self::certain::Tail;
use self::loose::LooseGuesses;
use self::node::{Candidate, Node};
use self::timing::Timing;
use crate::numerics::focus::Focus;
use crate::numerics::method::{Control, Local, Method, Panel, compare};
use crate::numerics::run::judge::Trouble;
use crate::numerics::run::share;
use crate::numerics::space::Lays;
use crate::numerics::value::Value;
use crate::point::Point;

/// How far to run ahead of the decisions while workers are idle.
///
/// Values, errors, `evaluations` and segments are the same for all; only the wall time and the number of extra
/// evaluations differ.
///
/// # Cost
///
/// In virtual time, 12 integrands to 1e-10 by [`Auto`](crate::Auto) on 64 workers: `wall / limit`, where
/// `limit = ceil(evaluations / 64)`, and what is evaluated in vain at most (`cargo bench --bench virtual_time`):
///
/// | setting | mean (worst) | in vain |
/// |---|---|---|
/// | `Off` | 1.72 (3.75) | 0 % |
/// | `Certain` | 1.40 (3.50) | 0 % |
/// | `AtMost(0.1)` | 1.32 (3.00) | 10 % |
/// | `Ahead` | 1.11 (1.57) | 12 % |
/// | `AtMost(f64::INFINITY)` | 1.09 (1.57) | 30 % |
///
/// # Examples
///
/// ```
/// use coquad::{Integrator, Speculation, evaluator_fn};
///
/// let paid = evaluator_fn(64, |x: f64| async move { Ok::<f64, std::io::Error>(x.sqrt()) });
/// let integrator = Integrator::new(paid).speculation(Speculation::AtMost(0.1));
/// let e = integrator.integrate_blocking(0.0, 1.0, 1e-10)?;
/// assert!(e.performed as f64 <= 1.1 * e.evaluations as f64 + 1.0);
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Speculation {
    /// Evaluate only what the next decision needs.
    Off,
    /// Evaluate also what later decisions are bound to need: no evaluation is wasted.
    Certain,
    /// Evaluate also what later decisions will probably need, best guess first.
    ///
    /// A guess must be likely enough for what was evaluated in vain so far. That is at most 1.5 evaluations for each
    /// worker, or 15 % of those that are needed if that is more; only while a decision waits for evaluations that take
    /// much longer than others it may be more, on workers that would be idle.
    #[default]
    Ahead,
    /// As [`Ahead`](Self::Ahead), with at most this many guessed evaluations outstanding or wasted for each one
    /// needed so far: `0.1` for at most 10 % more evaluations. For people who pay per evaluation. Without a bound if it
    /// is infinite.
    AtMost(f64),
}

/// Why a point is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Required,
    Certain,
    Guessed,
}

/// What is to be asked for next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wanted<P = f64> {
    /// The next point of this panel.
    Panel(usize),
    /// A point of no panel in the tree.
    Point(P),
}

pub(crate) use self::node::{Known, State};

/// The tree of panels, and the order in which its unasked points are wanted.
#[derive(Debug)]
pub(crate) struct Tree<T, M: Method, P = f64> {
    method: M,
    speculation: Speculation,
    nodes: Vec<Node<T, M::Kind, P>>,
    /// Panels whose points the next decision needs.
    required: Range<usize>,
    /// The first of them that may have points to ask for, and the first that may not be judged.
    asks: usize,
    waits: usize,
    /// Expansions that are bound to come, and those that may.
    certain: BinaryHeap<Candidate>,
    guesses: BinaryHeap<Candidate>,
    /// Guesses of which no panel is in the tree.
    loose: LooseGuesses<M::Kind, P>,
    /// Judged panels of the cut on which certainty is founded, by their least error.
    undecided: BinaryHeap<Candidate>,
    tail: Tail,
    allowed: f64,
    pieces: usize,
    /// Points that were asked for by guesses, and that nobody needs so far; and those that were asked for and are needed.
    extra: usize,
    asked: usize,
    needed: usize,
    /// Evaluations that have finished: the clock where evaluations are short.
    arrived: usize,
    timing: Timing,
    scratch: Vec<Panel<M::Kind>>,
}

/// Guessed children are given up for better ones until more than one in so many of their points was asked for.
const MANY: usize = 4;

/// The root of the tree is not a panel, but the range as a whole: its children are the pieces.
pub(crate) const RANGE: usize = 0;

impl<T, P: Point, M: Lays<P>> Tree<T, M, P> {
    /// `allowed`: the error that the integral may have, as far as that is known.
    pub(crate) fn new(
        method: M,
        speculation: Speculation,
        pieces: impl Iterator<Item = Panel<M::Kind>>,
        allowed: f64,
    ) -> Self {
        // One piece, as a rule, and the range: thousands of integrals may wait for their turn with no more.
        let mut scratch = Vec::with_capacity(1);
        scratch.extend(pieces);
        let mut tree = Self {
            speculation,
            nodes: Vec::with_capacity(2),
            required: 0..0,
            asks: 0,
            waits: 0,
            certain: BinaryHeap::new(),
            guesses: BinaryHeap::new(),
            loose: LooseGuesses::new(),
            undecided: BinaryHeap::new(),
            tail: Tail::new(),
            allowed: f64::NAN,
            pieces: 0,
            extra: 0,
            asked: 0,
            needed: 0,
            arrived: 0,
            timing: Timing::new(),
            scratch,
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

    pub(crate) fn node(&self, node: usize) -> &Node<T, M::Kind, P> {
        &self.nodes[node]
    }

    pub(crate) fn node_mut(&mut self, node: usize) -> &mut Node<T, M::Kind, P> {
        &mut self.nodes[node]
    }

    /// The children of a judged node, as its estimate has them.
    pub(crate) fn children(&mut self, node: usize) -> Range<usize> {
        let n = &self.nodes[node];
        if !n.fixed {
            if self.is_final(node) {
                self.scratch.clear();
                self.method.refine(&n.panel, n.error, &mut self.scratch);
                self.change(node);
                self.nodes[node].fixed = true;
            } else if n.children.is_empty() && (matches!(n.state, State::Waiting) || n.is_open()) {
                self.guess(node);
                self.adopt(node);
            }
        }
        self.nodes[node].children.clone()
    }

    /// Puts into `scratch` the children that a node will probably have: where the integrand is hardest is all its parent's
    /// error.
    fn guess(&mut self, node: usize) {
        let n = &self.nodes[node];
        // What a panel learnt counts although its error may yet be lowered.
        let mut panel = match n.foreseen {
            _ if n.is_open() => n.panel,
            Some(kind) => Panel { kind, ..n.panel },
            None => n.as_asked(),
        };
        if n.focus.is_some_and(|focus| focus.touches(self.method.ends(&panel))) {
            self.method.compared(&mut panel, 1.0, 1.0);
        }
        self.scratch.clear();
        self.method.predict(&panel, &mut self.scratch);
    }

    /// Guesses a node's children again, now that more is known, unless many of their points were asked for.
    fn guess_again(&mut self, node: usize) {
        let n = &self.nodes[node];
        let known = &self.nodes[n.children.clone()];
        let (issued, points) = known.iter().fold((0, 0), |(i, p), n| (i + n.issued, p + n.points.len()));
        let is_early = known.iter().all(|n| matches!(n.state, State::Waiting)) && issued <= points / MANY;
        if !self.is_final(node) && !known.is_empty() && is_early {
            self.guess(node);
            self.change(node);
        }
    }

    /// A judged panel of the partition will be replaced as this kind says: what was thought to follow it does not.
    pub(crate) fn look_again(&mut self, node: usize, kind: M::Kind) {
        let n = &mut self.nodes[node];
        n.panel.kind = kind;
        (n.fixed, n.expanded) = (false, false);
        if n.passed {
            self.children(node);
            self.certain.push(Candidate { rank: f64::INFINITY, node });
        } else {
            self.pass(node);
        }
    }

    /// The points of these panels are needed now.
    pub(crate) fn require(&mut self, panels: Range<usize>) {
        for node in panels.clone() {
            self.justify(node);
        }
        (self.asks, self.waits) = (panels.start, panels.start);
        self.required = panels;
    }

    /// The panels replace their parent: a decision was retired, at the cost of so many points.
    pub(crate) fn retire(&mut self, parent: usize, points: usize) {
        self.needed += points;
        self.pass(parent);
        self.settle();
    }

    /// The error that the integral may have, as far as that is known.
    pub(crate) fn allowed(&self) -> f64 {
        self.allowed
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
                        && self.nodes[self.nodes[node].parent].passed
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

    /// An evaluation has finished.
    pub(crate) fn arrived(&mut self) {
        self.arrived += 1;
    }

    /// The next point of a panel was asked for.
    pub(crate) fn issue(&mut self, node: usize, class: Class) {
        let n = &mut self.nodes[node];
        n.issued += 1;
        n.asked_at = self.arrived;
        n.asked_time = self.timing.now;
        if class == Class::Guessed {
            n.extra += 1;
            self.extra += 1;
        } else {
            self.asked += 1;
        }
    }

    pub(crate) fn bad(&mut self, node: usize, trouble: Trouble<P>) {
        self.nodes[node].state = State::Bad(trouble);
        self.nodes[node].rank = 0.0;
    }

    /// Whether no panel is judged yet.
    fn is_blind(&self) -> bool {
        self.tail.boundary() == 0.0 && self.method.control() == Control::Global
    }

    fn is_judged(&self, node: usize) -> bool {
        matches!(self.nodes[node].state, State::Judged(_))
    }

    /// Whether a panel's error is what the run will see.
    fn is_final(&self, node: usize) -> bool {
        self.is_judged(node) && self.nodes[node].is_final
    }

    fn scale(&self, panel: &Panel<M::Kind>) -> f64 {
        match self.method.control() {
            Control::Global => 1.0,
            Control::Local => share(1.0, self.pieces, panel.depth).recip(),
        }
    }

    fn push(&mut self, panel: Panel<M::Kind>, parent: usize) {
        let mut points = Vec::new();
        if !self.nodes.is_empty() {
            points.reserve_exact(self.method.count(&panel));
            self.method.lay(&panel, &mut points);
        }
        self.nodes.push(Node::new(panel, parent, points));
        if self.nodes.len() > 1 && self.guesses() {
            let mut guesses = Vec::new();
            // Without values any kind will do.
            self.method.ahead::<f64>(&panel, &[], self.allowed, &mut guesses);
            self.adopt_loose(self.nodes.len() - 1, &mut guesses);
        }
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

    /// The same, unless the node has these children already; those it has are dropped. Those that differ by what the
    /// method keeps with them alone are told so.
    fn change(&mut self, node: usize) {
        let range = self.nodes[node].children.clone();
        let mut points = Vec::new();
        let mut has_points = |have: &Node<T, M::Kind, P>, want: &Panel<M::Kind>| {
            points.clear();
            self.method.lay(want, &mut points);
            let bits = |points: &[P]| points.iter().map(|x| x.key()).collect::<Vec<_>>();
            matches!(have.state, State::Waiting) && bits(&points) == bits(&have.points)
        };
        let known = &self.nodes[range.clone()];
        let same = known.len() == self.scratch.len()
            && known.iter().zip(&self.scratch).all(|(have, want)| have.as_asked() == *want || has_points(have, want));
        if !same {
            self.drop_below(node);
            self.adopt(node);
            return;
        }
        for (i, &want) in range.zip(&self.scratch) {
            if self.nodes[i].as_asked() != want {
                let have = &mut self.nodes[i];
                (have.panel, have.asked) = (want, want.kind);
            }
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

    /// What was guessed of this panel is needed after all.
    fn justify(&mut self, node: usize) {
        let extra = std::mem::take(&mut self.nodes[node].extra);
        self.extra -= extra;
        self.asked += extra;
    }
}

impl<T: Value, P: Point, M: Lays<P>> Tree<T, M, P> {
    /// A panel was judged; its kind now holds what the estimate noted.
    pub(crate) fn judged(&mut self, node: usize, kind: M::Kind, local: Local<T>, focus: Option<Focus<P>>) {
        let bound = local.error * self.scale(&self.nodes[node].panel);
        let n = &mut self.nodes[node];
        (n.panel.kind, n.focus, n.points, n.state) = (kind, focus, Vec::new(), State::Judged(Some(local)));
        n.bound = bound;
        let parent = n.parent;
        n.is_final = !M::HAS_PARTS || planted!(31) || !self.method.is_part(&n.panel);
        self.nodes[parent].is_followed = true;
        self.ranked(node);
        if M::HAS_PARTS {
            self.compare(parent);
            self.compare(node);
        }
        self.settle();
    }

    /// Lowers the errors of the parts of a panel, once all are judged and its own is final.
    fn compare(&mut self, whole: usize) {
        // Of most panels nobody has asked for parts.
        if whole == RANGE || self.nodes[whole].children.is_empty() || !self.is_final(whole) {
            return;
        }
        let parts = self.children(whole);
        if parts.is_empty() || !self.nodes[parts.clone()].iter().all(Node::is_open) {
            return;
        }
        if !planted!(32) {
            let (above, below) = self.nodes.split_at_mut(parts.start);
            let n = &above[whole];
            compare(&self.method, &n.panel, n.local(), &mut below[..parts.len()], Node::judgement);
        }
        if self.nodes[whole].retired {
            self.nodes[whole].state = State::Judged(None);
        }
        for n in &mut self.nodes[parts.clone()] {
            n.is_final = true;
        }
        for part in parts {
            self.ranked(part);
            self.compare(part);
        }
    }

    /// Ranks a judged panel by its error.
    fn ranked(&mut self, node: usize) {
        let n = &self.nodes[node];
        let State::Judged(Some(local)) = &n.state else { return };
        let error = local.error;
        let (rank, finished) = (error * self.scale(&n.panel), local.is_settled());
        let parent = &self.nodes[n.parent];
        // Bounds fall from panel to panel as errors do in the end.
        let ratio = if parent.bound > 0.0 { (n.bound / parent.bound).min(1.0) } else { n.ratio };
        let n = &mut self.nodes[node];
        (n.finished, n.error, n.rank, n.ratio, n.least) = (finished, error, rank, ratio, rank);
        if self.nodes[self.nodes[node].parent].passed && self.is_final(node) && self.enter(node) {
            self.pass(node);
        }
        let n = &self.nodes[node];
        if !n.finished && !n.passed {
            self.guesses.push(Candidate { rank, node });
        }
        if !n.passed {
            self.foresee_audit(node);
        }
        self.predict_below(node);
    }

    /// Hands a judged panel over, once. What its parts are compared with is kept until they were.
    pub(crate) fn hand_over(&mut self, node: usize) -> (Panel<M::Kind>, Local<T>) {
        let n = &self.nodes[node];
        let is_done = !M::HAS_PARTS || n.fixed && n.children.clone().all(|child| self.nodes[child].is_final);
        let n = &mut self.nodes[node];
        n.retired = true;
        let State::Judged(local) = &mut n.state else { unreachable!("it was judged") };
        let local = if is_done { local.take() } else { local.clone() };
        (n.panel, local.expect("a panel is retired once"))
    }
}
