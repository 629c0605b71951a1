//! Evaluation on the spot: the loop one would write by hand.

mod on_spot;

use std::cell::Cell;
use std::task::Poll;

pub(crate) use self::on_spot::{OnSpot, here, one_by_one};
use crate::drive::ledger::Ledger;
use crate::drive::limit::Limit;
use crate::error::Error;
use crate::estimate::Reason;
use crate::evaluation::PointCache;
use crate::numerics::domain::Domain;
use crate::numerics::method::{Again, Known, Local, Method, Panel, compare, whole};
use crate::numerics::run::far::{Far, Mark};
use crate::numerics::run::judge::{Lengths, Trouble, judge};
use crate::numerics::run::reason::Look;
use crate::numerics::run::{Leaf, Looks, Source, Stop};
use crate::numerics::value::Value;
use crate::observer::{Progress, Watch};

/// A panel with its judgement: it needs not be found again.
type Judged<T, M> = Leaf<T, <M as Method>::Kind, Handle>;

/// Where the values of a panel begin among those that were kept for a second look at it, and what its method kept
/// beside them; [`UNKEPT`] if they were not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handle {
    values: u32,
    places: u32,
}
pub(crate) const UNKEPT: Handle = Handle { values: u32::MAX, places: u32::MAX };

/// A source of judged panels that evaluates what it is asked for, when it is asked.
pub(crate) struct Direct<'a, T, E: ?Sized, M: Method> {
    evaluator: &'a E,
    method: &'a M,
    domain: &'a Domain,
    /// Where values are kept, if they are.
    cache: Option<&'a PointCache<T>>,
    observer: Option<&'a Watch<T>>,
    pub(crate) ledger: Ledger,
    limit: Option<Limit>,
    /// Whether nothing is in the way of judging panels without a list of their points: values to be kept, somebody who
    /// watches.
    alone: bool,
    /// Nor a map.
    plain: bool,
    pub(crate) performed: usize,
    panels: Vec<Panel<M::Kind>>,
    points: Vec<f64>,
    mapped: Vec<f64>,
    values: Vec<T>,
    /// The points evaluated from a leaf on, the first whose points may be another's.
    kept_from: Option<usize>,
    kept: Vec<f64>,
    /// The values of panels that may be looked at again, and what their method kept beside them.
    looked: Vec<T>,
    places: Vec<f64>,
    /// Whether the panel at work is one of them.
    keeps: bool,
    /// Whether two panels are being judged at once.
    at_two: bool,
    /// What is left out far away; and by the panels of the decision at work.
    far: Far,
    marks: Vec<Mark>,
    lengths: Lengths,
}

impl<'a, T, E, M> Direct<'a, T, E, M>
where
    T: Value,
    E: OnSpot<T> + ?Sized,
    M: Method,
{
    pub(crate) fn new(
        evaluator: &'a E,
        method: &'a M,
        domain: &'a Domain,
        cache: Option<&'a PointCache<T>>,
        observer: Option<&'a Watch<T>>,
        ledger: Ledger,
        limit: Option<Limit>,
    ) -> Self {
        let alone = E::HERE && cache.is_none() && observer.is_none() && limit.is_none();
        let plain = alone && domain.is_identity();
        Self {
            evaluator,
            method,
            domain,
            cache,
            observer,
            ledger,
            limit,
            alone,
            plain,
            performed: 0,
            panels: Vec::new(),
            points: Vec::new(),
            mapped: Vec::new(),
            values: Vec::new(),
            kept_from: None,
            kept: Vec::new(),
            looked: Vec::new(),
            places: Vec::new(),
            keeps: false,
            at_two: false,
            far: Far::default(),
            marks: Vec::new(),
            lengths: Lengths::default(),
        }
    }

    /// From which leaf on points were kept, and they.
    pub(crate) fn kept(&self) -> Option<(usize, &[f64])> {
        self.kept_from.map(|from| (from, &self.kept[..]))
    }

    /// From here on panels are judged by lists of values: one was found that is not finite, or nearly so.
    pub(crate) fn list(&mut self) {
        (self.alone, self.plain) = (false, false);
    }

    /// Whether an evaluation for one of two panels at once has panicked.
    pub(crate) fn was_at_two(&mut self) -> bool {
        std::mem::take(&mut self.at_two)
    }

    /// A panel was judged already.
    pub(crate) fn judged(&mut self, panel: &Panel<M::Kind>) {
        self.ledger.take(self.method.count(panel));
        self.performed = self.ledger.requests;
    }

    /// Judges a panel without a list of its points, unless a value is not finite, to be named. `before`: the judgement
    /// of the panel that it replaces, and where its values are.
    #[inline]
    fn judge_here(&mut self, panel: &mut Panel<M::Kind>, before: Option<(&Local<T>, Handle)>) -> Option<Local<T>> {
        if !self.plain {
            return if self.alone { self.judge_mapped(panel) } else { None };
        }
        let count = if M::AUDITS { self.method.inherited(panel) } else { 0 };
        let again = match before {
            Some((before, from)) if count > 0 => {
                let values = &self.looked[from.values as usize..][..count];
                Again::Known(Known { before, values, places: self.places.get(from.places as usize..).unwrap_or(&[]) })
            }
            _ if self.keeps => Again::Keep(&mut self.looked, &mut self.places),
            _ => Again::Never,
        };
        let (f, kept) = (here(self.evaluator), self.kept.len());
        let local = self.method.judge_here(panel, f, self.kept_from.map(|_| &mut self.kept), again);
        self.sound(local, kept)
    }

    /// The same through a map, unless that is too steep somewhere for one number.
    #[inline(never)]
    fn judge_mapped(&mut self, panel: &mut Panel<M::Kind>) -> Option<Local<T>> {
        let (before, domain) = (self.kept.len(), self.domain);
        let (asked, steep) = (Cell::new(false), Cell::new(false));
        let mut f = here(self.evaluator);
        let (keeps, mut looked) = (self.keeps, std::mem::take(&mut self.looked));
        let mapped = |t| {
            let (x, slope) = (domain.x(t), domain.slope(t));
            asked.set(true);
            if !x.is_finite() || !slope.is_finite() {
                steep.set(true);
                return T::zero();
            }
            let mut value = f(x);
            if keeps {
                looked.push(value.clone());
            }
            value.scale(slope);
            value
        };
        let local = self.method.judge_here(panel, mapped, self.kept_from.map(|_| &mut self.kept), Again::Never);
        let local = self.sound(local, before).filter(|_| !steep.get());
        self.looked = looked;
        if local.is_none() {
            self.kept.truncate(before);
            // The next panels are like this one, unless it is of a kind that is always listed.
            self.alone = !asked.get();
            return None;
        }
        self.kept[before..].iter_mut().for_each(|t| *t = domain.x(*t));
        self.performed += self.method.count(panel);
        local
    }

    /// A judgement that may be believed; else the points kept for it are not.
    #[inline]
    fn sound(&mut self, local: Option<Local<T>>, kept: usize) -> Option<Local<T>> {
        let sound = local.filter(Local::is_sound);
        if sound.is_none() {
            self.kept.truncate(kept);
        }
        sound
    }

    /// Appends the two parts of a panel, judged at once, if nothing is in the way of that and there is budget for them.
    #[inline]
    fn judge_parts_here(&mut self, leaf: usize, leaves: &mut Vec<Judged<T, M>>) -> bool {
        let panel = &leaves[leaf].panel;
        let cost = 2 * self.method.count(panel);
        if !self.plain || !self.ledger.covers(cost) {
            return false;
        }
        self.at_two = true;
        let parts = self.method.judge_parts_here(panel, here(self.evaluator));
        self.at_two = false;
        let Some([(left, first), (right, second)]) = parts else { return false };
        if !first.is_sound() || !second.is_sound() {
            self.list();
            return false;
        }
        self.ledger.take(cost);
        self.performed = self.ledger.requests;
        leaves.push(Leaf::new(left, first, UNKEPT));
        leaves.push(Leaf::new(right, second, UNKEPT));
        if M::HAS_PARTS {
            let first = leaves.len() - 2;
            let (before, parts) = leaves.split_at_mut(first);
            let Leaf { panel, local, .. } = &before[leaf];
            compare(self.method, panel, local, parts, |part| (&mut part.panel, &mut part.local));
        }
        true
    }

    /// Judges a panel by a list of the values at its points.
    /// `inherited`: where the values are that it has from the panel that it replaces.
    fn judge_listed(&mut self, panel: &mut Panel<M::Kind>, inherited: Handle) -> Result<Local<T>, Stop<Error<T>>> {
        self.points.clear();
        self.method.points(panel, &mut self.points);
        let count = if M::AUDITS { self.method.inherited(panel) } else { 0 };
        let known: Vec<f64> = self.points.drain(..count).collect();
        if !self.evaluate() {
            return Err(Stop::Early(Reason::Deadline));
        }
        if self.kept_from.is_some() {
            self.kept.extend_from_slice(if self.domain.is_identity() { &self.points } else { &self.mapped });
        }
        if count > 0 {
            self.points.splice(..0, known);
            self.values.splice(..0, self.looked[inherited.values as usize..][..count].iter().cloned());
        }
        if self.keeps {
            self.looked.extend_from_slice(&self.values);
        }
        let judged = judge(self.method, self.domain, panel, &self.points, &mut self.values, &self.far);
        let judged = judged.map_err(Trouble::stop)?;
        self.marks.extend(judged.mark);
        Ok(judged.local)
    }

    /// Evaluates at the points `self.points`, in order; `false` if the time is over before the last.
    #[inline]
    fn evaluate(&mut self) -> bool {
        self.values.clear();
        let xs = if self.domain.is_identity() {
            &self.points
        } else {
            self.mapped.clear();
            self.mapped.extend(self.points.iter().map(|&t| self.domain.x(t)));
            &self.mapped
        };
        let plain = self.cache.is_none() && self.observer.is_none() && self.limit.is_none();
        if plain && (self.domain.is_identity() || xs.iter().all(|x| x.is_finite())) {
            if !self.plain {
                self.performed += xs.len();
            }
            self.evaluator.evaluate_here(xs, &mut self.values);
            return true;
        }
        let beside = (self.cache, self.observer, self.limit.as_ref());
        one_by_one(self.evaluator, xs, beside, &mut self.values, &mut self.performed)
    }
}

impl<T, E, M> Source<T, M::Kind> for Direct<'_, T, E, M>
where
    T: Value,
    E: OnSpot<T> + ?Sized,
    M: Method,
{
    type Handle = Handle;
    type Halt = Error<T>;

    #[inline]
    fn expand(&mut self, leaf: Option<usize>, leaves: &mut Vec<Judged<T, M>>) -> Poll<Result<(), Stop<Self::Halt>>> {
        let first = leaves.len();
        if let Some(leaf) = leaf {
            if self.judge_parts_here(leaf, leaves) {
                return Poll::Ready(
                    self.lengths.compare(self.method, self.domain, &leaves[first..]).map_err(Trouble::stop),
                );
            }
        }
        let expanded = self.expand_listed(leaf, leaves);
        let mut compared = || self.lengths.compare(self.method, self.domain, &leaves[first..]).map_err(Trouble::stop);
        Poll::Ready(expanded.and_then(|()| compared()))
    }

    fn looks(&mut self) -> Option<&mut dyn Looks<M::Kind>> {
        Some(self)
    }

    fn unknown(&self, allowed: f64) -> Option<Self::Halt> {
        self.far.unknown(allowed).map(|(x, norm)| Error::NonFinite { x, norm })
    }

    #[inline]
    fn retired(&mut self, value: &T, error: f64) {
        if let Some(observer) = self.observer {
            observer.decided(&Progress { value, error, evaluations: self.ledger.requests });
        }
    }
}

impl<T, E, M> Looks<M::Kind> for Direct<'_, T, E, M>
where
    T: Value,
    E: OnSpot<T> + ?Sized,
    M: Method,
{
    fn looks_into(&mut self, reason: Reason) {
        self.ledger.allow_looks(reason == Reason::Budget);
    }

    fn samples(&mut self, panel: &Panel<M::Kind>) -> Vec<Look> {
        if !self.ledger.look(self.method.count(panel)) {
            return Vec::new();
        }
        self.points.clear();
        self.method.points(panel, &mut self.points);
        if self.plain {
            self.performed += self.points.len();
        }
        if !self.evaluate() {
            return Vec::new();
        }
        self.points.iter().zip(&self.values).map(|(&t, value)| self.domain.weighed(t, value.norm())).collect()
    }

    fn is_far(&self, t: f64) -> bool {
        self.domain.is_far(t)
    }
}

impl<T, E, M> Direct<'_, T, E, M>
where
    T: Value,
    E: OnSpot<T> + ?Sized,
    M: Method,
{
    /// Appends the panels that replace a leaf, one after the other.
    #[inline(never)]
    fn expand_listed(&mut self, leaf: Option<usize>, leaves: &mut Vec<Judged<T, M>>) -> Result<(), Stop<Error<T>>> {
        let (mut only, mut panels, first) = (None, std::mem::take(&mut self.panels), leaves.len());
        panels.clear();
        if let Some(leaf) = leaf.map(|leaf| &leaves[leaf]) {
            self.method.refine(&leaf.panel, leaf.local.error, &mut panels);
        } else {
            // One piece needs no list.
            let mut pieces = whole(self.method, self.domain);
            only = pieces.next();
            if pieces.next().is_some() {
                only = None;
                panels.extend(whole(self.method, self.domain));
            } else {
                leaves.reserve_exact(1);
            }
        }
        let laid = only.as_mut().map_or(&mut panels[..], std::slice::from_mut);
        let before = self.ledger.requests;
        if !self.ledger.charge(self.method, self.domain, laid, &mut self.points) {
            return Err(Stop::Early(Reason::Budget));
        }
        if M::MAY_REPEAT && self.kept_from.is_none() && laid.iter().any(|panel| self.method.may_repeat(panel)) {
            self.kept_from = Some(leaves.len());
        }
        let kept = self.kept.len();
        let inherited = leaf.map_or(UNKEPT, |leaf| leaves[leaf].handle);
        for panel in laid {
            self.keeps = M::AUDITS && self.method.audit(panel).is_some();
            let [values, places] = [self.looked.len(), self.places.len()];
            let mut handle = if self.keeps { Handle { values: values as u32, places: places as u32 } } else { UNKEPT };
            let replaced = leaf.map(|leaf| (&leaves[leaf].local, inherited));
            let local = match self.judge_here(panel, replaced) {
                Some(local) => local,
                None => {
                    self.looked.truncate(values);
                    handle.places = UNKEPT.places;
                    match self.judge_listed(panel, inherited) {
                        Ok(local) => local,
                        Err(stop) => {
                            if let Stop::Early(_) | Stop::Infinite(..) = stop {
                                self.ledger.refund(self.ledger.requests - before);
                                self.kept.truncate(kept);
                            }
                            return Err(stop);
                        }
                    }
                }
            };
            leaves.push(Leaf::new(*panel, local, handle));
        }
        self.panels = panels;
        for mark in self.marks.drain(..) {
            self.far.note(mark);
        }
        if let (true, Some(leaf)) = (M::HAS_PARTS, leaf) {
            let (before, parts) = leaves.split_at_mut(first);
            if parts.iter().any(|part| self.method.is_part(&part.panel)) {
                let leaf = &before[leaf];
                compare(self.method, &leaf.panel, &leaf.local, parts, |part| (&mut part.panel, &mut part.local));
            }
        }
        if self.plain {
            self.performed = self.ledger.requests;
        }
        Ok(())
    }
}

impl<P> Trouble<P> {
    /// How an expansion ends by it.
    pub(crate) fn stop<T>(self) -> Stop<Error<T, P>> {
        match self {
            Trouble::Endless(reason) => Stop::Early(reason),
            Trouble::Lengths { x, expected, found } => Stop::Failed(Error::UnequalLengths { x, expected, found }),
            Trouble::NonFinite { t, x, norm } if norm.is_infinite() => Stop::Infinite(t, Error::NonFinite { x, norm }),
            Trouble::NonFinite { x, norm, .. } => Stop::Failed(Error::NonFinite { x, norm }),
        }
    }
}
