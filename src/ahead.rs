//! Evaluation ahead of the decisions: the driver that joins the tree of panels to the dispatch of evaluations.

use std::collections::HashMap;
use std::ops::Range;
use std::task::{Context, Poll};

use crate::error::{Error, EvaluationError};
use crate::estimate::Reason;
use crate::evaluation::Evaluator;
use crate::evaluation::dispatch::{Dispatch, Request};
use crate::evaluation::key::{BuildKeyHasher, Key};
use crate::ledger::Ledger;
use crate::limit::Limit;
use crate::numerics::domain::Domain;
use crate::numerics::focus::{complete, focus};
use crate::numerics::method::{Method, Panel};
use crate::numerics::run::{Leaf, Run, Source, Stop, Verdict, judge};
use crate::numerics::value::Value;
use crate::observer::{Observer, Progress};
use crate::prefetch::{Class, RANGE, State, Tree};

/// A source of judged panels whose values are on their way.
pub(crate) struct Ahead<'a, E: Evaluator + 'static, M: Method> {
    method: &'a M,
    domain: &'a Domain,
    observer: Option<&'a dyn Observer<E::Value>>,
    dispatch: Dispatch<E>,
    tree: Tree<E::Value, M>,
    /// Who waits for a point: the first panel, and further ones.
    waiting: HashMap<Key, (usize, Vec<usize>), BuildKeyHasher>,
    /// Points whose evaluation failed. A failure at a guess is reported only if the point is needed.
    failed: HashMap<Key, EvaluationError, BuildKeyHasher>,
    /// Panels that lately came to miss no more than a value or two.
    nearly: Vec<usize>,
    pub(crate) ledger: Ledger,
    limit: Option<Limit>,
    /// The leaf whose expansion is paid for and waited for, and its price.
    paid: Option<(usize, usize)>,
    pub(crate) performed: usize,
    panels: Vec<Panel<M::Kind>>,
    points: Vec<f64>,
    values: Vec<E::Value>,
}

impl<'a, E, M> Ahead<'a, E, M>
where
    E: Evaluator<Value: Value> + 'static,
    M: Method,
{
    pub(crate) fn new(
        method: &'a M,
        domain: &'a Domain,
        observer: Option<&'a dyn Observer<E::Value>>,
        dispatch: Dispatch<E>,
        tree: Tree<E::Value, M>,
        ledger: Ledger,
        limit: Option<Limit>,
    ) -> Self {
        Self {
            method,
            domain,
            observer,
            dispatch,
            tree,
            waiting: HashMap::default(),
            failed: HashMap::default(),
            nearly: Vec::new(),
            ledger,
            limit,
            paid: None,
            performed: 0,
            panels: Vec::new(),
            points: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Takes in what arrived, retires the decisions it allows, and asks for more; until the run ends or there is
    /// nothing to do but wait.
    pub(crate) fn poll(
        &mut self,
        run: &mut Run<E::Value, M, usize>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Verdict, Error<E::Value>>> {
        if let Some(limit) = &mut self.limit {
            limit.wake(cx);
        }
        loop {
            while let Poll::Ready((x, result)) = self.dispatch.poll_arrival(cx) {
                self.arrived(x, result);
            }
            if let Poll::Ready(end) = run.advance(self) {
                return Poll::Ready(end);
            }
            self.tree.set_allowed(run.allowed());
            self.foresee();
            if !self.fill(cx) {
                return Poll::Pending;
            }
        }
    }

    /// Asks for points, best first, while there is room. Returns whether anything may have changed meanwhile.
    fn fill(&mut self, cx: &Context<'_>) -> bool {
        let mut started = false;
        while let Some((node, class)) = self.tree.next(self.dispatch.concurrency()) {
            let n = &self.tree.nodes[node];
            let x = self.domain.x(n.points[n.issued]);
            let key = Key::new(x);
            if !x.is_finite() {
                self.tree.issue(node, class);
                if self.settle_point(node) {
                    return true;
                }
            } else if let Some((_, others)) = self.waiting.get_mut(&key) {
                others.push(node);
                self.tree.issue(node, class);
            } else if self.failed.contains_key(&key) {
                self.tree.issue(node, class);
            } else {
                match self.dispatch.request(x, cx) {
                    Request::Full => return started,
                    Request::Known(_) => {
                        self.tree.issue(node, class);
                        if self.settle_point(node) {
                            return true;
                        }
                    }
                    Request::Pending { started: ours } => {
                        if ours {
                            self.performed += 1;
                            if let Some(observer) = self.observer {
                                observer.started(x, class == Class::Guessed);
                            }
                        }
                        started = true;
                        self.tree.issue(node, class);
                        self.waiting.insert(key, (node, Vec::new()));
                    }
                }
            }
        }
        self.dispatch.pass_on();
        started
    }

    fn arrived(&mut self, x: f64, result: Result<E::Value, EvaluationError>) {
        if let Some(observer) = self.observer {
            observer.finished(x);
        }
        self.tree.arrived();
        let key = Key::new(x);
        let Some((first, others)) = self.waiting.remove(&key) else { return };
        match result {
            Err(error) => {
                self.failed.insert(key, error);
            }
            Ok(_) => {
                self.settle_point(first);
                for node in others {
                    self.settle_point(node);
                }
            }
        }
    }

    /// A point of a panel has its value; judges the panel if it was the last. Returns whether it was.
    fn settle_point(&mut self, node: usize) -> bool {
        let n = &mut self.tree.nodes[node];
        n.missing -= 1;
        if !matches!(n.state, State::Waiting) {
            return false;
        }
        if n.missing > 0 {
            if n.is_nearly_known() {
                self.nearly.push(node);
            }
            return false;
        }
        let points = std::mem::take(&mut n.points);
        let mut panel = n.panel;
        self.values.clear();
        for &t in &points {
            let x = self.domain.x(t);
            let value = if x.is_finite() {
                self.dispatch.known(x).expect("a value that has arrived stays in the cache")
            } else {
                E::Value::zero()
            };
            self.values.push(value);
        }
        match judge(self.method, self.domain, &mut panel, &points, &mut self.values) {
            Ok(local) => {
                let focus = focus(panel.a, panel.b, &points, &self.values);
                self.tree.judged(node, panel.kind, local, focus);
            }
            Err((x, norm)) => self.tree.bad(node, x, norm),
        }
        true
    }

    /// Ranks panels that wait for stragglers by the values they have, so that the workers do not wait with them.
    fn foresee(&mut self) {
        for node in std::mem::take(&mut self.nearly) {
            let n = &self.tree.nodes[node];
            if !matches!(n.state, State::Waiting) || !n.is_nearly_known() {
                continue;
            }
            let known = |&t: &f64| {
                let x = self.domain.x(t);
                if x.is_finite() { self.dispatch.known(x) } else { Some(E::Value::zero()) }
            };
            let values: Vec<_> = n.points.iter().map(known).collect();
            let mut values = complete(&n.points, &values);
            let mut panel = n.as_asked();
            if let Ok(local) = judge(self.method, self.domain, &mut panel, &n.points, &mut values) {
                let focus = focus(panel.a, panel.b, &n.points, &values);
                self.tree.foreseen(node, local.error, focus);
            }
        }
    }

    /// The first failure among a panel's points, if all points before it have arrived.
    fn failure(&self, node: usize) -> Option<Error<E::Value>> {
        let n = &self.tree.nodes[node];
        for &t in n.points.iter().take(n.issued) {
            let x = self.domain.x(t);
            let key = Key::new(x);
            if let Some(error) = self.failed.get(&key) {
                return Some(Error::evaluation(x, error.clone()));
            }
            if self.waiting.contains_key(&key) {
                return None;
            }
        }
        None
    }

    /// Pays for an expansion, unless that was done; `false` if the budget does not cover it.
    fn pay(&mut self, node: usize, children: Range<usize>) -> bool {
        if self.paid.is_some_and(|(paid, _)| paid == node) {
            return true;
        }
        self.panels.clear();
        self.panels.extend(self.tree.nodes[children.clone()].iter().map(|child| child.as_asked()));
        let before = self.ledger.requests;
        if !self.ledger.charge(self.method, self.domain, &self.panels, &mut self.points) {
            return false;
        }
        self.paid = Some((node, self.ledger.requests - before));
        self.tree.require(children);
        true
    }
}

impl<E, M> Source<E::Value, M::Kind> for Ahead<'_, E, M>
where
    E: Evaluator<Value: Value> + 'static,
    M: Method,
{
    type Handle = usize;
    type Halt = Error<E::Value>;

    fn expand(
        &mut self,
        leaf: Option<&Leaf<E::Value, M::Kind, usize>>,
        into: &mut Vec<Leaf<E::Value, M::Kind, usize>>,
    ) -> Poll<Result<(), Stop<Self::Halt>>> {
        if self.limit.as_ref().is_some_and(Limit::is_over) {
            if let Some((_, price)) = self.paid.take() {
                self.ledger.refund(price);
            }
            return Poll::Ready(Err(Stop::Early(Reason::Deadline)));
        }
        let node = leaf.map_or(RANGE, |leaf| leaf.handle);
        let children = self.tree.children(node);
        if !self.pay(node, children.clone()) {
            return Poll::Ready(Err(Stop::Early(Reason::Budget)));
        }
        for child in children.clone() {
            match self.tree.nodes[child].state {
                State::Judged(_) => {}
                State::Bad { x, norm } => return Poll::Ready(Err(Stop::Failed(Error::NonFinite { x, norm }))),
                State::Waiting | State::Dropped => {
                    return match self.failure(child) {
                        Some(error) => Poll::Ready(Err(Stop::Failed(error))),
                        None => Poll::Pending,
                    };
                }
            }
        }
        for child in children {
            let n = &mut self.tree.nodes[child];
            let State::Judged(local) = &mut n.state else { unreachable!("all were judged") };
            let local = local.take().expect("a panel is retired once");
            into.push(Leaf { panel: n.panel, local, handle: child });
        }
        let (_, price) = self.paid.take().expect("it was paid for");
        self.tree.retire(node, price);
        Poll::Ready(Ok(()))
    }

    fn retired(&mut self, value: &E::Value, error: f64) {
        if let Some(observer) = self.observer {
            observer.decided(&Progress { value, error, evaluations: self.ledger.requests });
        }
    }
}
