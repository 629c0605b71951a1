//! Evaluation on the spot: the loop one would write by hand.

use std::task::Poll;

use crate::error::Error;
use crate::estimate::Reason;
use crate::evaluation::Evaluator;
use crate::evaluation::PointCache;
use crate::ledger::Ledger;
use crate::limit::Limit;
use crate::numerics::domain::Domain;
use crate::numerics::method::{Local, Method, Panel};
use crate::numerics::run::{Leaf, Source, Stop, judge};
use crate::numerics::value::Value;
use crate::observer::{Observer, Progress};

/// A source of judged panels that evaluates what it is asked for, when it is asked.
pub(crate) struct Direct<'a, E: Evaluator, M: Method> {
    evaluator: &'a E,
    method: &'a M,
    domain: &'a Domain,
    /// Where values are kept, if they are.
    cache: Option<&'a PointCache<E::Value>>,
    observer: Option<&'a dyn Observer<E::Value>>,
    pub(crate) ledger: Ledger,
    limit: Option<Limit>,
    pub(crate) performed: usize,
    panels: Vec<Panel<M::Kind>>,
    points: Vec<f64>,
    mapped: Vec<f64>,
    values: Vec<E::Value>,
}

impl<'a, E, M> Direct<'a, E, M>
where
    E: Evaluator<Value: Value>,
    M: Method,
{
    pub(crate) fn new(
        evaluator: &'a E,
        method: &'a M,
        domain: &'a Domain,
        cache: Option<&'a PointCache<E::Value>>,
        observer: Option<&'a dyn Observer<E::Value>>,
        ledger: Ledger,
        limit: Option<Limit>,
    ) -> Self {
        // Room at once for what a panel needs.
        let count = whole(method, domain).next().map_or(0, |panel| method.count(&panel));
        Self {
            evaluator,
            method,
            domain,
            cache,
            observer,
            ledger,
            limit,
            performed: 0,
            panels: Vec::new(),
            points: Vec::with_capacity(count),
            mapped: Vec::new(),
            values: Vec::with_capacity(count),
        }
    }

    /// Judges a panel without a list of its points, if there is nothing in the way of that: values to be kept, somebody
    /// who watches, a map, or a value that is not finite, to be named.
    #[inline]
    fn judge_here(&mut self, panel: &mut Panel<M::Kind>) -> Option<Local<E::Value>> {
        let plain = self.cache.is_none() && self.observer.is_none() && self.limit.is_none();
        if !E::HERE || !plain || !self.domain.is_identity() {
            return None;
        }
        let f = |x| self.evaluator.value_here(x).expect("it is here");
        let local = self.method.judge_here(panel, f)?;
        if !local.is_finite() {
            return None;
        }
        self.performed += self.method.count(panel);
        Some(local)
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
            self.performed += xs.len();
            self.evaluator.evaluate_here(xs, &mut self.values);
            return true;
        }
        for &x in xs {
            let known = if x.is_finite() { self.cache.and_then(|cache| cache.get(x)) } else { Some(E::Value::zero()) };
            if let Some(known) = known {
                self.values.push(known);
                continue;
            }
            if self.limit.as_ref().is_some_and(Limit::is_over) {
                return false;
            }
            self.performed += 1;
            if let Some(observer) = self.observer {
                observer.started(x, false);
            }
            self.evaluator.evaluate_here(&[x], &mut self.values);
            if let (Some(cache), Some(value)) = (self.cache, self.values.last()) {
                cache.insert(x, value.clone());
            }
            if let Some(observer) = self.observer {
                observer.finished(x);
            }
        }
        true
    }
}

impl<E, M> Source<E::Value, M::Kind> for Direct<'_, E, M>
where
    E: Evaluator<Value: Value>,
    M: Method,
{
    type Handle = ();
    type Halt = Error<E::Value>;

    #[inline]
    fn expand(
        &mut self,
        leaf: Option<usize>,
        leaves: &mut Vec<Leaf<E::Value, M::Kind, ()>>,
    ) -> Poll<Result<(), Stop<Self::Halt>>> {
        let mut panels = std::mem::take(&mut self.panels);
        panels.clear();
        match leaf.map(|leaf| &leaves[leaf]) {
            Some(leaf) => self.method.refine(&leaf.panel, leaf.local.error, &mut panels),
            None => panels.extend(whole(self.method, self.domain)),
        }
        let before = self.ledger.requests;
        if !self.ledger.charge(self.method, self.domain, &panels, &mut self.points) {
            return Poll::Ready(Err(Stop::Early(Reason::Budget)));
        }
        for panel in &mut panels {
            if let Some(local) = self.judge_here(panel) {
                leaves.push(Leaf::new(*panel, local, ()));
                continue;
            }
            self.points.clear();
            self.method.points(panel, &mut self.points);
            if !self.evaluate() {
                self.ledger.refund(self.ledger.requests - before);
                return Poll::Ready(Err(Stop::Early(Reason::Deadline)));
            }
            match judge(self.method, self.domain, panel, &self.points, &mut self.values) {
                Ok(local) => leaves.push(Leaf::new(*panel, local, ())),
                Err((x, norm)) => return Poll::Ready(Err(Stop::Failed(Error::NonFinite { x, norm }))),
            }
        }
        self.panels = panels;
        Poll::Ready(Ok(()))
    }

    #[inline]
    fn retired(&mut self, value: &E::Value, error: f64) {
        if let Some(observer) = self.observer {
            observer.decided(&Progress { value, error, evaluations: self.ledger.requests });
        }
    }
}

/// The panels that cover the domain, one to a piece.
pub(crate) fn whole<M: Method>(method: &M, domain: &Domain) -> impl Iterator<Item = Panel<M::Kind>> {
    let kind = method.root();
    domain.pieces().map(move |(a, b)| Panel { a, b, depth: 0, kind })
}
