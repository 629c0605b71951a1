//! The textbook algorithm: refine the panel whose turn it is, until the tolerance is met.
//!
//! DETERMINISM: decisions are retired one after the other, from panels' estimates alone. Where an estimate comes from,
//! and when it was made, is the [`Source`]'s business and cannot be seen from here.

mod audit;
pub(crate) mod far;
pub(crate) mod finish;
mod frequency;
pub(crate) mod goal;
pub(crate) mod judge;
mod noise;
mod queue;
pub(crate) mod reason;
mod repeated;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod told;
mod tree_sum;

use std::collections::BinaryHeap;
use std::task::Poll;

use self::goal::Upto;
use self::noise::NOISE_FROM;
use self::queue::Queued;
pub(crate) use self::queue::share;
use self::reason::Look;
use super::method::{Control, Local, Method, Panel};
use super::tolerance::Allowance;
use super::value::Value;
use crate::estimate::Reason;

/// A judged panel: of the partition as it stands, or one that was replaced.
#[derive(Clone, Debug)]
pub(crate) struct Leaf<T, K, H> {
    pub(crate) panel: Panel<K>,
    pub(crate) local: Local<T>,
    /// Where its source finds it again.
    pub(crate) handle: H,
    /// Its neighbour on the right; if it was replaced, the first of those that replaced it. (More leaves than 32 bits
    /// count do not fit in memory.)
    next: u32,
    /// Bisections in a row that left the error where it was; [`REPLACED`] if it was.
    flat: u32,
}

/// The neighbour of the last leaf.
const END: u32 = u32::MAX;
const REPLACED: u32 = u32::MAX;

impl<T, K, H> Leaf<T, K, H> {
    pub(crate) fn new(panel: Panel<K>, local: Local<T>, handle: H) -> Self {
        Self { panel, local, handle, next: END, flat: 0 }
    }

    fn stands(&self) -> bool {
        self.flat != REPLACED
    }
}

/// Where judged panels come from.
pub(crate) trait Source<T, K> {
    type Handle: Copy;
    /// Why a source may have none.
    type Halt;

    /// Appends to `leaves` the judged panels that replace the one at index `leaf`, or those that cover the whole range
    /// if there is none, from left to right; nothing if the leaf cannot be refined, the budget is spent or the source
    /// has to wait.
    #[allow(clippy::type_complexity, reason = "a poll of a result is what it is")]
    fn expand(
        &mut self,
        leaf: Option<usize>,
        leaves: &mut Vec<Leaf<T, K, Self::Handle>>,
    ) -> Poll<Result<(), Stop<Self::Halt>>>;

    /// What is seen of the values when a run ends early; nothing if they are not at hand.
    fn looks(&mut self) -> Option<&mut dyn Looks<K>> {
        None
    }

    /// A value that is not finite, and was left out, where more may have been left out than is allowed.
    fn unknown(&self, allowed: f64) -> Option<Self::Halt> {
        let _ = allowed;
        None
    }

    /// A leaf that stands is to be looked at again, by the refinement of this kind.
    fn audited(&mut self, handle: Self::Handle, kind: K) {
        let _ = (handle, kind);
    }

    /// A decision was retired: the sums of the values and of the errors as they stand.
    fn retired(&mut self, value: &T, error: f64) {
        let _ = (value, error);
    }
}

/// The values of a source, to be looked at when a run ends early: seldom, so whoever looks is compiled once for all
/// sources.
pub(crate) trait Looks<K> {
    /// The run ended for this reason, perhaps: its values are to be looked at.
    fn looks_into(&mut self, reason: Reason);

    /// The values at the points of a judged panel. None if they are not at hand, or enough were looked at.
    fn samples(&mut self, panel: &Panel<K>) -> Vec<Look>;

    /// Whether `t` lies in a piece that ends at infinity.
    fn is_far(&self, t: f64) -> bool;
}

/// Why a source did not expand a leaf.
#[derive(Debug)]
pub(crate) enum Stop<E> {
    /// The run ends here, with what it has.
    Early(Reason),
    /// The integrand is infinite at `t`.
    Infinite(f64, E),
    /// Something failed.
    Failed(E),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Converged,
    Stopped(Reason),
    /// The integrand oscillates to infinity, with this frequency.
    Oscillates(f64),
}

/// What is remembered to tell noise.
#[derive(Clone, Copy, Debug)]
struct Check {
    /// After how many refinements to look next.
    at: usize,
    /// The sum of the errors at the last look.
    error: f64,
    /// By how much the values have moved since.
    moved: f64,
    /// Under local control, the level at work: in the midst of a level the refined panels say nothing of the others.
    level: u32,
}

/// The state of the algorithm between two decisions.
#[derive(Debug)]
pub(crate) struct Run<T, M: Method, H> {
    method: M,
    tolerance: Allowance,
    /// All panels so far, in the order of the decisions. The partition is among them, from left to right by `next`, from
    /// index 0 on. Those that were replaced count for nothing: their errors and norms are zero.
    leaves: Vec<Leaf<T, M::Kind, H>>,
    /// The leaves whose turn may come. Of the others most are settled: accepted, or at their roundoff.
    queue: BinaryHeap<Queued>,
    /// Under global control, errors below this have not been lined up yet: when their turn comes, the run has mostly ended.
    floor: f64,
    /// Under local control, whether the pieces were lined up.
    lined_up: bool,
    /// How many panels were replaced.
    refined: usize,
    /// How many pieces the range was given in.
    pieces: usize,
    /// The sum of all leaves' errors, kept up to date, and the largest it was since it was last summed afresh.
    error: f64,
    peak: f64,
    /// Whether nothing has changed since.
    afresh: bool,
    /// The sum of all leaves' values, if it is needed on the way.
    value: T,
    sums_values: bool,
    /// The sum of their norms' integrals, if the tolerance depends on it.
    l1: f64,
    check: Check,
    /// The whole tolerance of which local control hands out shares.
    handed_out: f64,
    /// Whether a panel was replaced by parts other than two: then shares do not add up to what was handed out.
    uneven: bool,
    /// The sum of the errors of leaves that turned out not to be refinable.
    lost: f64,
    /// Places up to each of which the tolerance is to be met; none for the whole range alone.
    upto: Option<Upto>,
    /// The leaves to be looked at again before an answer, the next one last.
    due: Vec<u32>,
}

/// An integral over which the error shrinks by less than 2 % at each of this many bisections in a row does not exist
/// in floating point: x^-0.97 on [0, 1] would still be 1e-4 off at the smallest subnormal number. In several variables
/// each has as many for itself.
const DIVERGENT: u32 = 32;
const SHRINKS: f64 = 0.98;

/// Room for as many leaves once one does not suffice. (Of `f64`, a kilobyte: what allocators have at hand.)
const ROOM: usize = 16;

/// The same for large leaves: a kilobyte, too.
const fn room<L>() -> usize {
    if size_of::<L>() > 128 { 5 } else { ROOM }
}

/// The running sum of errors is made afresh when it has shrunk by this factor, so that what rounding left of terms
/// long gone stays far below it.
const DRIFT: f64 = 1e-6;

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// `observed`: whether the source wants to know the value as it stands.
    pub(crate) fn new(method: M, tolerance: Allowance, observed: bool) -> Self {
        Self {
            method,
            tolerance,
            leaves: Vec::new(),
            queue: BinaryHeap::new(),
            floor: f64::INFINITY,
            lined_up: false,
            refined: 0,
            pieces: 0,
            error: f64::INFINITY,
            peak: f64::INFINITY,
            afresh: false,
            value: T::zero(),
            sums_values: observed || tolerance.is_relative(),
            l1: 0.0,
            check: Check { at: NOISE_FROM, error: f64::INFINITY, moved: 0.0, level: 0 },
            handed_out: tolerance.atol,
            uneven: false,
            lost: 0.0,
            upto: None,
            due: Vec::new(),
        }
    }

    /// Begins with the one piece of the range, which was judged.
    pub(crate) fn begin_with(&mut self, leaf: Leaf<T, M::Kind, H>) {
        self.leaves.reserve_exact(room::<Leaf<T, M::Kind, H>>());
        self.leaves.push(leaf);
        self.begin();
    }

    /// Retires decisions until the run ends or the source has to wait for values.
    #[inline]
    pub(crate) fn advance<S>(&mut self, source: &mut S) -> Poll<Result<Verdict, S::Halt>>
    where
        S: Source<T, M::Kind, Handle = H>,
    {
        loop {
            let next = if self.pieces == 0 {
                None
            } else {
                match self.decide() {
                    Ok(next) => Some(next),
                    Err(Verdict::Stopped(reason)) => return Poll::Ready(self.stopped(reason, source)),
                    Err(verdict) => match self.missed() {
                        Some(Ok(leaf)) => Some(leaf),
                        Some(Err(reason)) => return Poll::Ready(self.stopped(reason, source)),
                        None => match self.audit(source) {
                            Some(leaf) => Some(leaf),
                            None => return Poll::Ready(source.unknown(self.allowed()).map_or(Ok(verdict), Err)),
                        },
                    },
                }
            };
            let first = self.leaves.len();
            match source.expand(next, &mut self.leaves) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {
                    match next {
                        None => self.begin(),
                        Some(parent) => self.replace(parent, first),
                    }
                    source.retired(&self.value, self.error);
                }
                Poll::Ready(Err(Stop::Early(reason))) => {
                    // What there is of a decision that is not taken.
                    self.leaves.truncate(first);
                    self.doubt(next);
                    return Poll::Ready(match reason {
                        Reason::Divergent | Reason::Oscillating => Ok(Verdict::Stopped(reason)),
                        _ => self.stopped(reason, source),
                    });
                }
                Poll::Ready(Err(Stop::Infinite(t, halt))) => {
                    self.leaves.truncate(first);
                    let diverges = next.is_some_and(|leaf| self.diverges(leaf, t, source.looks()));
                    let stopped = Verdict::Stopped(Reason::Divergent);
                    return Poll::Ready(if diverges { Ok(stopped) } else { Err(halt) });
                }
                Poll::Ready(Err(Stop::Failed(halt))) => return Poll::Ready(Err(halt)),
            }
        }
    }

    fn is_settled(&self) -> bool {
        self.leaves.iter().all(|leaf| !leaf.stands() || leaf.local.is_settled())
    }

    /// The leaves from left to right.
    fn in_order(&self) -> impl Iterator<Item = &Leaf<T, M::Kind, H>> {
        self.indexed().map(|(_, leaf)| leaf)
    }

    /// The same with their indices.
    fn indexed(&self) -> impl Iterator<Item = (usize, &Leaf<T, M::Kind, H>)> {
        let mut next = 0;
        std::iter::from_fn(move || {
            loop {
                let (index, leaf) = (next as usize, self.leaves.get(next as usize)?);
                next = leaf.next;
                if leaf.stands() {
                    return Some((index, leaf));
                }
            }
        })
    }

    /// The leaf to be refined, which is the head of the queue; else how the run ended.
    #[inline]
    fn decide(&mut self) -> Result<usize, Verdict> {
        // Mostly there is nothing to be looked at but whose turn it is.
        if let (Control::Global, Some(&Queued { leaf, .. })) = (self.method.control(), self.queue.peek()) {
            let allowed = self.allowed();
            let goes_on = self.error > allowed && self.error >= DRIFT * self.peak && self.lost <= allowed;
            if goes_on && self.refined < self.check.at && self.leaves[leaf].flat < DIVERGENT * M::AXES {
                return Ok(leaf);
            }
        }
        self.look()
    }

    /// The same, with all that there is to be looked at.
    #[inline(never)]
    fn look(&mut self) -> Result<usize, Verdict> {
        match self.method.control() {
            Control::Global => {
                let mut allowed = self.allowed();
                if self.error <= allowed || self.error < DRIFT * self.peak {
                    self.sum_errors();
                    if self.error <= allowed && self.tolerance.is_relative() {
                        // What was added and taken away again has left its rounding, too.
                        (self.value, self.l1) = self.standing();
                        allowed = self.allowed();
                    }
                    if self.error <= allowed {
                        return Err(Verdict::Converged);
                    }
                }
                if self.queue.is_empty() {
                    self.line_up(allowed);
                }
                if self.is_noise() {
                    return Err(Verdict::Stopped(Reason::Roundoff));
                }
                // What is settled stays: if that alone is too much, and the rest cannot move the value by as much,
                // no refinement helps.
                if self.lost > allowed && self.error - self.lost < self.lost {
                    return Err(Verdict::Stopped(Reason::Roundoff));
                }
            }
            Control::Local => {
                if !std::mem::replace(&mut self.lined_up, true) {
                    self.place_all();
                }
                while self.queue.is_empty() {
                    let (value, l1) = self.standing();
                    let allowed = self.tolerance.allowed(value.norm(), l1);
                    self.sum_errors();
                    if self.error <= allowed {
                        return Err(Verdict::Converged);
                    }
                    if self.handed_out > allowed {
                        // The first guess at rtol |I| was too generous.
                        self.handed_out = allowed;
                    } else if self.uneven && self.handed_out > 0.0 && !self.is_settled() {
                        // So was that at the number of parts; there is little left to gain, which is no noise.
                        self.handed_out /= 2.0;
                        self.check.error = f64::INFINITY;
                    } else {
                        break;
                    }
                    for leaf in self.leaves.iter_mut().filter(|leaf| leaf.stands()) {
                        leaf.flat = 0;
                        self.check.level = self.check.level.max(leaf.panel.depth);
                    }
                    self.place_all();
                }
                let level = self.queue.peek().map_or(0, |head| self.leaves[head.leaf].panel.depth);
                if level > self.check.level {
                    self.check.level = level;
                    if self.is_noise() && self.error > self.handed_out {
                        return Err(Verdict::Stopped(Reason::Roundoff));
                    }
                }
            }
        }
        // Those that were looked at again meanwhile are no more.
        while self.queue.peek().is_some_and(|head| !self.leaves[head.leaf].stands()) {
            self.queue.pop();
        }
        match self.queue.peek() {
            None => Err(Verdict::Stopped(Reason::Roundoff)),
            Some(worst) if self.leaves[worst.leaf].flat >= DIVERGENT * M::AXES => {
                Err(Verdict::Stopped(Reason::Divergent))
            }
            Some(worst) => Ok(worst.leaf),
        }
    }

    /// Takes note of the pieces.
    #[inline]
    fn begin(&mut self) {
        self.pieces = self.leaves.len();
        self.error = 0.0;
        let mut next = 0;
        for leaf in &mut self.leaves {
            next += 1;
            leaf.next = next;
            self.error += leaf.local.error;
            self.l1 += leaf.local.l1;
            self.value.add(&leaf.local.value);
        }
        if let Some(last) = self.leaves.last_mut() {
            last.next = END;
        }
        self.peak = self.error;
        self.handed_out = self.tolerance.allowed(self.value.norm(), self.l1);
    }

    /// Puts the leaves from index `first` on into the place of the head of the queue.
    #[inline]
    fn replace(&mut self, parent: usize, first: usize) {
        self.afresh = false;
        let last = self.leaves.len();
        // A leaf that is looked at again, or that a nearer limit needs, need not be the head.
        let is_head = !M::AUDITS && self.upto.is_none() || self.queue.peek().is_some_and(|head| head.leaf == parent);
        if first == last {
            if is_head {
                self.queue.pop();
            }
            let local = &mut self.leaves[parent].local;
            self.lost += local.error;
            local.roundoff = local.error;
            return;
        }
        self.refined += 1;
        self.uneven |= last - first != 2;
        let rank = self.rank();
        let (left, children) = self.leaves.split_at_mut(first);
        let parent = &mut left[parent];
        let (error, flat) = (parent.local.error, parent.flat);
        if self.tolerance.is_of_l1() {
            self.l1 += children.iter().map(|child| child.local.l1).sum::<f64>() - parent.local.l1;
        }
        let next = std::mem::replace(&mut parent.next, first as u32);
        (parent.flat, parent.local.error, parent.local.l1) = (REPLACED, 0.0, 0.0);
        self.error -= error;
        if self.sums_values {
            self.value.add_scaled(-1.0, &parent.local.value);
        }
        let mut moved = parent.local.value.clone();
        let mut in_place = is_head;
        for (i, child) in (first..).zip(children) {
            child.next = if i + 1 == last { next } else { i as u32 + 1 };
            child.flat = 0;
            // Errors that fell below a half shrank, however many halvings it was (up to 34).
            if child.local.error > error / 2.0 {
                let halvings = self.method.halvings(&child.panel);
                let shrinks = (1..halvings).fold(SHRINKS, |shrinks, _| SHRINKS * shrinks);
                child.flat = if child.local.error > shrinks * error { flat + halvings } else { 0 };
            }
            self.error += child.local.error;
            moved.add_scaled(-1.0, &child.local.value);
            if self.sums_values {
                self.value.add(&child.local.value);
            }
            let Some(queued) = rank.place(&self.method, child, i) else { continue };
            if std::mem::take(&mut in_place) {
                *self.queue.peek_mut().expect("the head was expanded") = queued;
            } else {
                self.queue.push(queued);
            }
        }
        if in_place {
            self.queue.pop();
        }
        self.peak = if self.error > self.peak { self.error } else { self.peak };
        self.check.moved += moved.norm();
    }

    fn sum_errors(&mut self) {
        // None is negative, so a plain sum loses nothing that matters.
        self.error = self.leaves.iter().map(|leaf| leaf.local.error).sum();
        self.peak = self.error;
        self.afresh = true;
    }
}
