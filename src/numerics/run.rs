//! The textbook algorithm: refine the panel whose turn it is, until the tolerance is met.
//!
//! DETERMINISM: decisions are retired one after the other, from panels' estimates alone. Where an estimate comes from,
//! and when it was made, is the [`Source`]'s business and cannot be seen from here.

mod queue;

use std::collections::BinaryHeap;
use std::task::Poll;

use self::queue::Queued;
use super::domain::Domain;
use super::method::{Control, Local, Method, Panel};
use super::sum::Sum;
use super::tolerance::Tolerance;
use super::value::Value;
use crate::estimate::{Estimate, Reason, Segment};

/// A panel of the partition as it stands, judged.
#[derive(Clone, Debug)]
pub(crate) struct Leaf<T, K, H> {
    pub(crate) panel: Panel<K>,
    pub(crate) local: Local<T>,
    /// Where its source finds it again.
    pub(crate) handle: H,
}

/// Where judged panels come from.
pub(crate) trait Source<T, K> {
    type Handle: Copy;
    /// Why a source may have none.
    type Halt;

    /// Appends the judged panels that replace `leaf`, or those that cover the whole range if there is none; nothing
    /// if `leaf` cannot be refined. `Pending` leaves `into` as it was.
    #[allow(clippy::type_complexity, reason = "a poll of a result is what it is")]
    fn expand(
        &mut self,
        leaf: Option<&Leaf<T, K, Self::Handle>>,
        into: &mut Vec<Leaf<T, K, Self::Handle>>,
    ) -> Poll<Result<(), Stop<Self::Halt>>>;

    /// A decision was retired: the sums of the values and of the errors as they stand.
    fn retired(&mut self, value: &T, error: f64) {
        let _ = (value, error);
    }
}

/// Why a source did not expand a leaf.
#[derive(Debug)]
pub(crate) enum Stop<E> {
    /// The run ends here, with what it has.
    Early(Reason),
    /// Something failed.
    Failed(E),
}

/// Judges a panel by the values `f(x(t))` at its points `t`, or returns a point where the value was not finite and
/// the norm it had.
pub(crate) fn judge<T: Value, M: Method>(
    method: &M,
    domain: &Domain,
    panel: &mut Panel<M::Kind>,
    points: &[f64],
    values: &mut [T],
) -> Result<Local<T>, (f64, f64)> {
    if !domain.is_identity() {
        for (value, &t) in values.iter_mut().zip(points) {
            let slope = domain.slope(t);
            if slope.is_finite() {
                value.scale(slope);
            } else {
                // At infinity itself: an integrand whose integral exists may be taken as zero there.
                *value = T::zero();
            }
        }
    }
    let local = method.estimate(panel, values);
    if local.l1.is_finite() && local.error.is_finite() {
        return Ok(local);
    }
    // The first that is not finite; if only their sum overflowed, the first one.
    let culprit = values.iter().position(|value| !value.norm().is_finite()).unwrap_or(0);
    Err((domain.x(points[culprit]), values[culprit].norm()))
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Converged,
    Stopped(Reason),
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
    tolerance: Tolerance,
    /// Leaves that may still be refined.
    queue: BinaryHeap<Queued<T, M::Kind, H>>,
    /// Leaves that will not: accepted, or at their roundoff.
    settled: Vec<Leaf<T, M::Kind, H>>,
    /// Panels that were replaced.
    refined: Vec<Panel<M::Kind>>,
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
    check: Check,
    /// The whole tolerance of which local control hands out shares.
    handed_out: f64,
    /// The sum of the errors of settled leaves, under global control.
    lost: f64,
    scratch: Vec<Leaf<T, M::Kind, H>>,
}

/// An integral over which the error shrinks by less than 2 % at each of this many bisections in a row does not exist
/// in floating point: x^-0.97 on [0, 1] would still be 1e-4 off at the smallest subnormal number.
const DIVERGENT: u32 = 32;
const SHRINKS: f64 = 0.98;

/// Noise: while the number of refinements doubled, from this many on, the values moved altogether by less than a part
/// in 1e5 of the integral of the norm, and more than half of the error is still there. QUADPACK (Piessens et al. 1983,
/// section 3.4.1) has the idea and the 1e-5, but counts ten such bisections anywhere, however far apart. A jump too small
/// to be seen in the values halves its error every time, so it does not look like noise; an integral that does not
/// exist moves.
const NOISE_FROM: usize = 32;
const UNMOVED: f64 = 1e-5;
const KEPT: f64 = 0.5;

/// The running sum of errors is made afresh when it has shrunk by this factor, so that what rounding left of terms
/// long gone stays far below it.
const DRIFT: f64 = 1e-6;

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// `observed`: whether the source wants to know the value as it stands.
    pub(crate) fn new(method: M, tolerance: Tolerance, observed: bool) -> Self {
        Self {
            method,
            tolerance,
            queue: BinaryHeap::new(),
            settled: Vec::new(),
            refined: Vec::new(),
            pieces: 0,
            error: f64::INFINITY,
            peak: f64::INFINITY,
            afresh: false,
            value: T::zero(),
            sums_values: observed || tolerance.rtol > 0.0,
            check: Check { at: NOISE_FROM, error: f64::INFINITY, moved: 0.0, level: 0 },
            handed_out: tolerance.atol,
            lost: 0.0,
            scratch: Vec::new(),
        }
    }

    /// Retires decisions until the run ends or the source has to wait for values.
    pub(crate) fn advance<S>(&mut self, source: &mut S) -> Poll<Result<Verdict, S::Halt>>
    where
        S: Source<T, M::Kind, Handle = H>,
    {
        loop {
            let next = if self.pieces == 0 {
                None
            } else {
                match self.decide() {
                    Ok(()) => self.queue.peek(),
                    Err(verdict) => return Poll::Ready(Ok(verdict)),
                }
            };
            match source.expand(next.map(|queued| &queued.leaf), &mut self.scratch) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {
                    self.replace();
                    source.retired(&self.value, self.error);
                }
                Poll::Ready(Err(Stop::Early(reason))) => return Poll::Ready(Ok(Verdict::Stopped(reason))),
                Poll::Ready(Err(Stop::Failed(halt))) => return Poll::Ready(Err(halt)),
            }
        }
    }

    /// The error that the integral may have, as far as it is known.
    pub(crate) fn allowed(&self) -> f64 {
        match self.method.control() {
            Control::Global => self.tolerance.allowed(self.value.norm()),
            Control::Local => self.handed_out,
        }
    }

    /// Looks, whenever the number of refinements has doubled, whether they were in vain.
    fn is_noise(&mut self) -> bool {
        if self.refined.len() < self.check.at {
            return false;
        }
        let Check { at, error, moved, level } = self.check;
        self.sum_errors();
        let l1: f64 = self.leaves().map(|leaf| leaf.local.l1).sum();
        self.check = Check { at: 2 * at, error: self.error, moved: 0.0, level };
        // The first time there is nothing to compare with.
        error.is_finite() && self.error > KEPT * error && moved <= UNMOVED * l1
    }

    /// The sum of the values as it stands, made afresh.
    fn standing(&self) -> T {
        let mut value = Sum::new();
        self.leaves().for_each(|leaf| value.add(&leaf.local.value));
        value.total()
    }

    fn leaves(&self) -> impl Iterator<Item = &Leaf<T, M::Kind, H>> {
        // DETERMINISM: the heap's own order follows from the decisions alone.
        self.settled.iter().chain(self.queue.iter().map(|queued| &queued.leaf))
    }

    /// `Ok` if the head of the queue is to be refined, else how the run ended.
    fn decide(&mut self) -> Result<(), Verdict> {
        match self.method.control() {
            Control::Global => {
                let allowed = self.allowed();
                if self.error <= allowed || self.error < DRIFT * self.peak {
                    self.sum_errors();
                    if self.error <= allowed {
                        return Err(Verdict::Converged);
                    }
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
                while self.queue.is_empty() {
                    let allowed = self.tolerance.allowed(self.standing().norm());
                    self.sum_errors();
                    if self.error <= allowed {
                        return Err(Verdict::Converged);
                    }
                    if self.handed_out <= allowed || self.tolerance.rtol == 0.0 {
                        break;
                    }
                    // The first guess at rtol |I| was too generous.
                    self.handed_out = allowed;
                    for leaf in std::mem::take(&mut self.settled) {
                        self.check.level = self.check.level.max(leaf.panel.depth);
                        self.place(leaf, 0);
                    }
                }
                let level = self.queue.peek().map_or(0, |head| head.leaf.panel.depth);
                if level > self.check.level {
                    self.check.level = level;
                    if self.is_noise() && self.error > self.handed_out {
                        return Err(Verdict::Stopped(Reason::Roundoff));
                    }
                }
            }
        }
        match self.queue.peek() {
            None => Err(Verdict::Stopped(Reason::Roundoff)),
            Some(worst) if worst.flat >= DIVERGENT => Err(Verdict::Stopped(Reason::Divergent)),
            Some(_) => Ok(()),
        }
    }

    /// Puts the panels in `scratch` into the place of the head of the queue.
    fn replace(&mut self) {
        let mut children = std::mem::take(&mut self.scratch);
        self.afresh = false;
        if self.pieces == 0 {
            self.pieces = children.len();
            self.error = 0.0;
            for child in &children {
                self.error += child.local.error;
                self.value.add(&child.local.value);
            }
            self.peak = self.error;
            self.handed_out = self.tolerance.allowed(self.value.norm());
            for child in children.drain(..) {
                self.place(child, 0);
            }
        } else {
            if children.is_empty() {
                let Queued { leaf: parent, .. } = self.queue.pop().expect("the head was expanded");
                self.lost += parent.local.error;
                self.settled.push(parent);
            } else {
                let Queued { leaf: parent, flat, .. } = self.queue.peek().expect("the head was expanded");
                let (error, flat) = (parent.local.error, *flat);
                if self.refined.is_empty() {
                    self.refined.reserve(NOISE_FROM);
                }
                self.refined.push(parent.panel);
                self.error -= error;
                for child in &children {
                    self.error += child.local.error;
                }
                self.peak = self.peak.max(self.error);
                let mut moved = parent.local.value.clone();
                children.iter().for_each(|child| moved.add_scaled(-1.0, &child.local.value));
                self.check.moved += moved.norm();
                if self.sums_values {
                    self.value.add_scaled(-1.0, &parent.local.value);
                    for child in &children {
                        self.value.add(&child.local.value);
                    }
                }
                let mut in_place = true;
                for child in children.drain(..) {
                    let flat = if child.local.error > SHRINKS * error { flat + 1 } else { 0 };
                    let Some(queued) = self.judged(child, flat) else { continue };
                    if std::mem::take(&mut in_place) {
                        *self.queue.peek_mut().expect("the head was expanded") = queued;
                    } else {
                        self.queue.push(queued);
                    }
                }
                if in_place {
                    self.queue.pop();
                }
            }
        }
        self.scratch = children;
    }

    /// Queues a leaf, unless it is settled.
    fn place(&mut self, leaf: Leaf<T, M::Kind, H>, flat: u32) {
        if let Some(queued) = self.judged(leaf, flat) {
            self.queue.push(queued);
        }
    }

    /// Settles a leaf that is good enough or cannot get better; else returns its place in the queue.
    fn judged(&mut self, leaf: Leaf<T, M::Kind, H>, flat: u32) -> Option<Queued<T, M::Kind, H>> {
        let local = &leaf.local;
        let key = match self.method.control() {
            Control::Global => local.error,
            Control::Local => -f64::from(leaf.panel.depth),
        };
        let good = match self.method.control() {
            Control::Global => false,
            Control::Local => {
                let share = share(self.handed_out, self.pieces, leaf.panel.depth);
                self.method.accepts(&leaf.panel, local.error, share)
            }
        };
        // Written so that an error that is not a number is not good enough.
        if good || local.error <= local.roundoff {
            self.settled.push(leaf);
            None
        } else {
            Some(Queued { key, flat, leaf })
        }
    }

    fn sum_errors(&mut self) {
        let mut sum = Sum::new();
        self.leaves().for_each(|leaf| sum.add(&leaf.local.error));
        self.error = sum.total();
        self.peak = self.error;
        self.afresh = true;
    }

    /// The estimate, with the partition from left to right. `requests` counts the points of all panels; points in
    /// common were counted once if the method reuses points.
    pub(crate) fn finish(mut self, domain: &Domain, requests: usize, performed: usize) -> Estimate<T> {
        let control = self.method.control();
        if self.pieces > 0 && !self.afresh {
            self.sum_errors();
        }
        let evaluations = if M::REUSES_POINTS { requests } else { self.distinct(domain).unwrap_or(requests) };
        // In the room of the queue, as the segments after them.
        let mut leaves: Vec<_> = self.queue.into_vec().into_iter().map(|queued| queued.leaf).collect();
        leaves.append(&mut self.settled);
        leaves.sort_unstable_by(|p, q| p.panel.a.total_cmp(&q.panel.a));

        let mut value = match control {
            Control::Global => {
                let mut sum = Sum::new();
                leaves.iter().for_each(|leaf| sum.add(&leaf.local.value));
                sum.total()
            }
            Control::Local => sum_as_tree(&leaves),
        };
        if domain.is_reversed() {
            value.scale(-1.0);
        }
        let l1 = leaves.iter().map(|leaf| leaf.local.l1).sum();
        let segment = |leaf: Leaf<T, M::Kind, H>| {
            let (a, b) = domain.limits(leaf.panel.a, leaf.panel.b);
            Segment { a, b, value: leaf.local.value, error: leaf.local.error }
        };
        let mut segments: Vec<_> = leaves.into_iter().map(segment).collect();
        // Ascending in `t` is ascending in `x`, but for the two halves of the line.
        if !domain.is_identity() {
            segments.sort_by(|p, q| p.a.total_cmp(&q.a));
        }
        Estimate { value, error: self.error, evaluations, performed, l1, segments }
    }
}

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// How many distinct points all panels have, if any may share points with others: because its method says so, or
    /// because it is so narrow that points may coincide by rounding.
    fn distinct(&self, domain: &Domain) -> Option<usize> {
        let shared = self.refined.iter().any(|panel| self.method.may_repeat(panel));
        let shared = shared
            || self.leaves().any(|leaf| {
                let (a, b) = domain.limits(leaf.panel.a, leaf.panel.b);
                b - a < NARROW * a.abs().max(b.abs())
            });
        shared.then(|| {
            let mut points = Vec::new();
            self.refined.iter().chain(self.leaves().map(|leaf| &leaf.panel)).for_each(|panel| {
                self.method.points(panel, &mut points);
            });
            points.iter_mut().for_each(|t| *t = domain.x(*t));
            points.sort_unstable_by(f64::total_cmp);
            points.dedup_by_key(|x| x.to_bits());
            points.len()
        })
    }
}

/// The relative width below which points of nested panels may coincide. Unless they are equal, nodes of the
/// Gauss-Kronrod rules nested by 40 bisections come no closer than 4e-7 of the narrower panel's width (computed with
/// 60 digits; a test covers what doubles resolve), and rounding moves each by less than 4 units in the last place.
const NARROW: f64 = 4e7 * f64::EPSILON;

/// The part of a tolerance that a panel may spend: an equal part for each piece, halved at every level.
pub(crate) fn share(tolerance: f64, pieces: usize, depth: u32) -> f64 {
    // Halving is exact, so one multiplication gives the bits of halving again and again.
    tolerance / pieces as f64 * 2f64.powi(-(depth.min(2000) as i32))
}

/// Left plus right at every node of the binary trees whose leaves these are, then tree by tree.
fn sum_as_tree<T: Value, K, H>(leaves: &[Leaf<T, K, H>]) -> T {
    let mut total = Sum::new();
    let mut open: Vec<(u32, T)> = Vec::new();
    for leaf in leaves {
        let (mut depth, mut value) = (leaf.panel.depth, leaf.local.value.clone());
        while depth > 0 && open.last().is_some_and(|(d, _)| *d == depth) {
            let (_, mut left) = open.pop().expect("there is a last one");
            left.add(&value);
            value = left;
            depth -= 1;
        }
        if depth == 0 {
            total.add(&value);
        } else {
            open.push((depth, value));
        }
    }
    total.total()
}
