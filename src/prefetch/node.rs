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
pub(crate) struct Node<T, K, P = f64> {
    pub(super) panel: Panel<K>,
    /// The kind before the estimate noted what it learnt: what the parent asked for.
    pub(super) asked: K,
    pub(super) parent: usize,
    pub(super) children: Range<usize>,
    /// The first of them that may have points to ask for.
    pub(super) asks: usize,
    /// Whether the children follow from this panel's own estimate, not from a prediction.
    pub(super) fixed: bool,
    /// The points in `t`, until the panel is judged; how many of them were asked for, and have no value yet.
    pub(super) points: Vec<P>,
    pub(super) issued: usize,
    pub(super) missing: usize,
    /// How many evaluations had finished when the last point was asked for.
    pub(super) asked_at: usize,
    /// The same in seconds.
    pub(super) asked_time: f64,
    pub(super) state: State<T, P>,
    /// What it will probably be, if it is ranked by most of its own values and not by its ancestors.
    pub(super) foreseen: Option<K>,
    /// Nothing will lower its error any more.
    pub(super) is_final: bool,
    /// The run has it.
    pub(super) retired: bool,
    /// One of its children is judged.
    pub(super) is_followed: bool,
    /// Judged, and at its roundoff: never refined.
    pub(super) finished: bool,
    /// The error, or what it will probably be; times 2^depth under local control, so that it compares with one
    /// tolerance.
    pub(super) rank: f64,
    /// What the error was before it was lowered; zero until the panel is judged.
    pub(super) bound: f64,
    /// The error of a judged panel, to the bit: methods may look at it when they refine.
    pub(super) error: f64,
    /// The factor from parent to child that led to `rank`.
    pub(super) ratio: f64,
    /// The least error on the path from the decided partition down to here.
    pub(super) least: f64,
    /// What the error counts for in the sum by which certainty is judged: fixed when it was added, although the unit
    /// may become known only later, with a relative tolerance.
    pub(super) units: u128,
    /// Certain to be refined, or refined already.
    pub(super) passed: bool,
    /// All points of all children were asked for.
    pub(super) expanded: bool,
    /// Guessed points that count as extra until someone needs them.
    pub(super) extra: usize,
    /// Where the integrand is hardest, as far as this panel or the nearest judged one above it could tell.
    pub(super) focus: Option<Focus<P>>,
}

impl<T, K: Copy, P: Copy> Node<T, K, P> {
    /// A panel nobody has asked for yet.
    pub(crate) fn new(panel: Panel<K>, parent: usize, points: Vec<P>) -> Self {
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
            asked_time: 0.0,
            state: State::Waiting,
            foreseen: None,
            is_final: false,
            retired: false,
            is_followed: false,
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

    pub(crate) fn panel(&self) -> Panel<K> {
        self.panel
    }

    pub(crate) fn state(&self) -> &State<T, P> {
        &self.state
    }

    /// The first point that nobody has asked for.
    pub(crate) fn next_point(&self) -> P {
        self.points[self.issued]
    }

    /// The points of a panel that is not judged, and how many of them were asked for.
    pub(crate) fn points(&self) -> (&[P], usize) {
        (&self.points, self.issued.min(self.points.len()))
    }

    /// Takes the points out, to be judged or [put back](Self::put_back).
    pub(crate) fn take_points(&mut self) -> (Vec<P>, usize) {
        (std::mem::take(&mut self.points), self.issued)
    }

    pub(crate) fn put_back(&mut self, points: Vec<P>) {
        self.points = points;
    }

    /// So many points were asked for and found on the spot, and so many others failed. Returns whether none is missing.
    pub(crate) fn found(&mut self, found: usize, failed: usize) -> bool {
        self.issued += found + failed;
        self.missing -= found;
        self.missing == 0
    }

    /// A point has its value. Returns what is known of the panel now.
    pub(crate) fn arrived(&mut self) -> Known {
        self.missing -= 1;
        match self.state {
            State::Waiting if self.missing == 0 => Known::All,
            State::Waiting if self.is_nearly_known() => Known::Nearly,
            _ => Known::Little,
        }
    }

    /// Whether a panel waits for nothing: it has no points of its own, or all have their values.
    pub(crate) fn is_known(&self) -> bool {
        self.missing == 0 && matches!(self.state, State::Waiting)
    }

    /// The panel is to be judged again, by these points.
    pub(crate) fn ask_again(&mut self, points: Vec<P>) {
        (self.panel, self.points) = (self.as_asked(), points);
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

/// What is known of a panel of which some points have their values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Known {
    /// Not enough, or nobody waits for it.
    Little,
    /// All but a value or two.
    Nearly,
    All,
}

#[derive(Debug)]
pub(crate) enum State<T, P = f64> {
    Waiting,
    Judged(Option<Local<T>>),
    /// It has no judgement, or not yet.
    Bad(Trouble<P>),
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
