//! What is known of one panel, and the order of candidates.

use std::cmp::Ordering;
use std::ops::Range;

use crate::numerics::focus::Focus;
use crate::numerics::method::{Local, Panel};
use crate::numerics::run::judge::Trouble;

/// A panel is nearly known when no more than one in so many of its points is missing.
const FORESEEABLE: usize = 7;

/// A panel in the tree, judged or not.
#[derive(Debug)]
pub(crate) struct Node<T, K> {
    pub(crate) panel: Panel<K>,
    /// The kind before the estimate noted what it learnt: what the parent asked for.
    pub(crate) asked: K,
    pub(crate) parent: usize,
    pub(crate) children: Range<usize>,
    /// The first of them that may have points to ask for.
    pub(crate) asks: usize,
    /// Whether the children follow from this panel's own estimate, not from a prediction.
    pub(crate) fixed: bool,
    /// The points in `t`, until the panel is judged; how many of them were asked for, and have no value yet.
    pub(crate) points: Vec<f64>,
    pub(crate) issued: usize,
    pub(crate) missing: usize,
    /// How many evaluations had finished when the last point was asked for.
    pub(crate) asked_at: usize,
    pub(crate) state: State<T>,
    /// Ranked by most of its own values, not by its ancestors.
    pub(crate) foreseen: bool,
    /// Nothing will lower its error any more.
    pub(crate) is_final: bool,
    /// The run has it.
    pub(crate) retired: bool,
    /// Judged, and at its roundoff: never refined.
    pub(crate) finished: bool,
    /// The error, or what it will probably be; times 2^depth under local control, so that it compares with one
    /// tolerance.
    pub(crate) rank: f64,
    /// What the error was before it was lowered; zero until the panel is judged.
    pub(crate) bound: f64,
    /// The error of a judged panel, to the bit: methods may look at it when they refine.
    pub(crate) error: f64,
    /// The factor from parent to child that led to `rank`.
    pub(crate) ratio: f64,
    /// The least error on the path from the decided partition down to here.
    pub(crate) least: f64,
    /// What the error counts for in the sum by which certainty is judged: fixed when it was added, although the unit
    /// may become known only later, with a relative tolerance.
    pub(crate) units: u128,
    /// Certain to be refined, or refined already.
    pub(crate) passed: bool,
    /// All points of all children were asked for.
    pub(crate) expanded: bool,
    /// Guessed points that count as extra until someone needs them.
    pub(crate) extra: usize,
    /// Where the integrand is hardest, as far as this panel or the nearest judged one above it could tell.
    pub(crate) focus: Option<Focus>,
}

impl<T, K: Copy> Node<T, K> {
    /// A panel nobody has asked for yet.
    pub(crate) fn new(panel: Panel<K>, parent: usize, points: Vec<f64>) -> Self {
        Self {
            panel,
            asked: panel.kind,
            parent,
            children: 0..0,
            asks: 0,
            fixed: false,
            issued: 0,
            missing: points.len(),
            points,
            asked_at: 0,
            state: State::Waiting,
            foreseen: false,
            is_final: false,
            retired: false,
            finished: false,
            rank: 0.0,
            bound: 0.0,
            error: f64::NAN,
            ratio: 0.0,
            least: 0.0,
            units: 0,
            passed: false,
            expanded: false,
            extra: 0,
            focus: None,
        }
    }

    /// Whether no more than a value or two are missing.
    pub(crate) fn is_nearly_known(&self) -> bool {
        self.missing <= self.points.len() / FORESEEABLE
    }

    /// Whether the panel is judged, and its error may yet be lowered: until then nobody knows its children.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Judged(_)) && !self.is_final
    }

    /// The judgement of a panel that has one, and is kept.
    pub(crate) fn local(&self) -> &Local<T> {
        match &self.state {
            State::Judged(Some(local)) => local,
            _ => unreachable!("it was judged, and what it is compared with is kept"),
        }
    }

    /// The same, with its panel, to be changed.
    pub(crate) fn judgement(&mut self) -> (&mut Panel<K>, &mut Local<T>) {
        match &mut self.state {
            State::Judged(Some(local)) => (&mut self.panel, local),
            _ => unreachable!("it was judged, and what it is compared with is kept"),
        }
    }

    /// The panel before its estimate noted what it learnt.
    pub(crate) fn as_asked(&self) -> Panel<K> {
        Panel { kind: self.asked, ..self.panel }
    }
}

#[derive(Debug)]
pub(crate) enum State<T> {
    Waiting,
    Judged(Option<Local<T>>),
    /// It has no judgement, or not yet.
    Bad(Trouble),
    /// Replaced by other panels than predicted.
    Dropped,
}

/// An expansion: to ask for the points of a node's children.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) rank: f64,
    pub(crate) node: usize,
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
