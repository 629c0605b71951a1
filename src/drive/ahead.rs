//! Evaluation ahead of the decisions: the driver that joins the tree of panels to the dispatch of evaluations.

mod asking;
mod calls;
mod engine;
mod judging;

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use self::asking::Answer;
use self::calls::Gathered;
pub(crate) use self::engine::Engine;
use crate::drive::ledger::Ledger;
use crate::drive::limit::Limit;
use crate::error::{Error, EvaluationError};
use crate::estimate::Reason;
use crate::evaluation::dispatch::{Dispatch, Place};
use crate::evaluation::points::key::BuildKeyHasher;
use crate::evaluation::points::spot::Found;
use crate::numerics::method::{Guess, Method, Panel};
use crate::numerics::run::far::{Far, Mark};
use crate::numerics::run::judge::Lengths;
use crate::numerics::run::reason::Look;
use crate::numerics::run::{Leaf, Looks, Run, Source, Stop, Verdict};
use crate::numerics::space::{Lays, Placed, Space};
use crate::numerics::value::Value;
use crate::observer::{Progress, Watch};
use crate::prefetch::{Class, RANGE, State, Tree, Wanted};
use crate::trace;

/// The first panel that waits for a point, further ones, and since when the point is evaluated, if that is known.
type Waits = (usize, Vec<usize>, Option<f64>);

/// A source of judged panels whose values are on their way.
pub(crate) struct Ahead<T: Value, M: Method, P: Placed = f64> {
    method: M,
    domain: P::Space,
    observer: Option<Arc<Watch<T, P>>>,
    dispatch: Dispatch<T, P>,
    tree: Tree<T, M, P>,
    /// Who waits for a point: the first panel, and further ones; and since when it is evaluated, if that is known.
    waiting: HashMap<P::Key, Waits, BuildKeyHasher>,
    /// Points whose evaluation failed. A failure at a guess is reported only if the point is needed.
    failed: HashMap<P::Key, EvaluationError, BuildKeyHasher>,
    /// Points of a call that is being filled; and those that are to be asked for by themselves.
    gathered: Vec<Gathered<P>>,
    alone: VecDeque<Gathered<P>>,
    /// Points that were asked for and belong to no panel yet.
    loose: HashSet<P::Key, BuildKeyHasher>,
    /// Panels that lately came to miss no more than a value or two.
    nearly: Vec<usize>,
    /// Judged panels that a method has not looked ahead of, which looks far.
    unseen: VecDeque<usize>,
    ledger: Ledger<P>,
    limit: Option<Limit>,
    /// When guesses come into question that were refused.
    patience: Option<Limit>,
    /// The leaf whose expansion is paid for and waited for, its price, and the first child that may not be judged.
    paid: Option<(usize, usize, usize)>,
    performed: usize,
    /// Whether it was polled before, and whether this is the first time and may ask for one point only.
    begun: bool,
    tries: bool,
    /// When it was made.
    begun_at: Instant,
    /// When the poll began, and how many points it has worked on since the clock was looked at.
    since: Instant,
    work: usize,
    pace: trace::Pace<P>,
    panels: Vec<Panel<M::Kind>>,
    guesses: Vec<Guess<M::Kind>>,
    points: Vec<P>,
    values: Vec<T>,
    /// What is left out far away; and by panels that are judged.
    far: Far,
    marks: Vec<(usize, Mark)>,
    lengths: Lengths,
}

/// How long one poll may evaluate on the spot before others have their turn on the thread.
const SLICE: Duration = Duration::from_micros(200);
/// How long one poll may work at all, and after how many points to look at the clock: a decision counts for some.
const LONG: Duration = Duration::from_millis(4);
const LOOK: usize = 1024;
const DECISION: usize = 8;

impl<T: Value, P: Placed, M: Lays<P>> Ahead<T, M, P> {
    pub(crate) fn new(
        method: M,
        domain: P::Space,
        observer: Option<Arc<Watch<T, P>>>,
        dispatch: Dispatch<T, P>,
        tree: Tree<T, M, P>,
        ledger: Ledger<P>,
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
            gathered: Vec::new(),
            alone: VecDeque::new(),
            loose: HashSet::default(),
            nearly: Vec::new(),
            unseen: VecDeque::new(),
            ledger,
            limit,
            patience: None,
            paid: None,
            performed: 0,
            begun: false,
            tries: false,
            begun_at: Instant::now(),
            since: Instant::now(),
            work: 0,
            pace: trace::Pace::new(),
            panels: Vec::new(),
            guesses: Vec::new(),
            points: Vec::new(),
            values: Vec::new(),
            far: Far::default(),
            marks: Vec::new(),
            lengths: Lengths::default(),
        }
    }

    /// Takes in what arrived, retires the decisions it allows, and asks for more; until the run ends or there is
    /// nothing to do but wait.
    fn poll(&mut self, run: &mut Run<T, M, usize>, cx: &mut Context<'_>) -> Poll<Result<Verdict, Error<T, P>>> {
        if let Some(limit) = &mut self.limit {
            limit.wake(cx);
        }
        let mut start = None;
        (self.since, self.work) = (Instant::now(), 0);
        self.tree.set_time((self.since - self.begun_at).as_secs_f64());
        self.tries = !std::mem::replace(&mut self.begun, true) && self.observer.is_none() && self.limit.is_none();
        self.dispatch.arrive();
        loop {
            while let Poll::Ready((x, result)) = self.dispatch.poll_arrival(cx) {
                self.arrived(x, result);
            }
            if let Poll::Ready(end) = run.advance(self) {
                return Poll::Ready(end);
            }
            if self.is_long() {
                // Others on this thread have their turn.
                self.call();
                self.dispatch.pass_on();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.tree.set_allowed(run.allowed());
            if self.dispatch.is_swift() {
                // Stragglers are late by less than it takes to foresee what they say.
                self.nearly.clear();
            } else {
                self.foresee();
            }
            if !self.fill(cx) {
                self.wait_for_late(cx);
                return Poll::Pending;
            }
            if self.place() == Place::Here && start.get_or_insert_with(Instant::now).elapsed() > SLICE {
                // On the spot no room is needed: those who wait for some take turns with this one.
                self.dispatch.pass_on();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// Whether this poll has worked for so long that others on the thread should have their turn. Stays so until the next.
    fn is_long(&mut self) -> bool {
        if self.work >= LOOK && self.since.elapsed() <= LONG {
            self.work = 0;
        }
        self.work >= LOOK
    }

    /// Where evaluations are best done. Who watches is told of evaluations from the owner's thread only; and a limit holds
    /// only if no thread that must keep it can hang in an evaluation.
    fn place(&self) -> Place {
        if self.observer.is_some() || self.limit.is_some() { Place::Away } else { self.dispatch.place() }
    }

    /// Asks for points, best first, while there is room. Returns whether anything may have changed meanwhile.
    fn fill(&mut self, cx: &mut Context<'_>) -> bool {
        let width = self.dispatch.width();
        if width > 1 && self.place() == Place::Away {
            return self.fill_calls(width, cx);
        }
        let mut started = self.ask_alone(cx);
        while let Some((wanted, class)) = self.next(self.dispatch.concurrency()) {
            // CANCEL: nothing is asked for any more.
            if self.dispatch.is_given_up() {
                return false;
            }
            if self.tries && !self.waiting.is_empty() && self.dispatch.is_unknown() {
                // One evaluation tells how long they take. Whoever comes next, to a thread that has nothing to do meanwhile,
                // asks for the others.
                cx.waker().wake_by_ref();
                return started;
            }
            let place = self.place();
            if place != Place::Away && class != Class::Required {
                // To evaluate ahead takes longer than to wait.
                break;
            }
            let answer = match wanted {
                Wanted::Panel(node) => self.ask(node, class, place, cx),
                Wanted::Point(t) => self.ask_loose(t, cx),
            };
            match answer {
                Answer::Asked { ours } => started |= ours,
                Answer::Changed => return true,
                Answer::Full => return started,
                Answer::Wait => return false,
            }
        }
        self.dispatch.pass_on();
        started
    }

    /// Finds the values of a required panel's points on the spot, as far as that goes, and judges the panel if it has
    /// all. Returns at how many points something changed.
    fn find(&mut self, node: usize) -> usize {
        let (points, first) = self.tree.node_mut(node).take_points();
        let (mut found, mut failed) = (0, 0);
        self.values.clear();
        for &t in &points[first..] {
            let x = self.domain.x(t);
            let value = if !x.is_finite() {
                T::zero()
            } else if !self.failed.is_empty() && self.failed.contains_key(&x.key()) {
                break;
            } else {
                match self.dispatch.find(x) {
                    Some(Found::Known(value)) => value,
                    Some(Found::Evaluated(Ok(value))) => {
                        self.performed += 1;
                        value
                    }
                    Some(Found::Evaluated(Err(error))) => {
                        self.performed += 1;
                        self.fail(x, error);
                        failed = 1;
                        break;
                    }
                    Some(Found::UnderWay) | None => break,
                }
            };
            self.values.push(value);
            found += 1;
        }
        let n = self.tree.node_mut(node);
        let is_known = n.found(found, failed);
        if found == points.len() {
            self.judge(node, &points, false);
        } else {
            n.put_back(points);
            if found > 0 && is_known {
                self.judge_by_known(node);
            }
        }
        found + failed
    }

    fn arrived(&mut self, x: P, result: Result<T, EvaluationError>) {
        self.ended(x, result.as_ref());
        self.pace.finished(x);
        if result.as_ref().is_err_and(|error| self.failed_together(x, error)) {
            return;
        }
        self.landed(x, result);
    }

    /// What was found at `x`, for the panels that wait for it.
    fn landed(&mut self, x: P, result: Result<T, EvaluationError>) {
        let Some((first, others, began)) = self.waiting.remove(&x.key()) else { return };
        if let Some(began) = began {
            self.tree.took_since(began);
        }
        match result {
            Err(error) => self.fail(x, error),
            Ok(_) => {
                for node in std::iter::once(first).chain(others).filter(|node| *node != RANGE) {
                    self.settle_point(node);
                }
            }
        }
    }

    /// The first failure among a panel's points, if all points before it have arrived.
    fn failure(&self, node: usize) -> Option<Error<T, P>> {
        let (points, issued) = self.tree.node(node).points();
        for &t in &points[..issued] {
            let x = self.domain.x(t);
            let key = x.key();
            if let Some(error) = self.failed.get(&key) {
                return Some(Error::evaluation(x, error.clone()));
            }
            if self.waiting.contains_key(&key) && !planted!(7) {
                return None;
            }
        }
        None
    }

    /// Pays for an expansion, unless that was done; `false` if the budget does not cover it.
    fn pay(&mut self, node: usize, children: Range<usize>) -> bool {
        if self.paid.is_some_and(|(paid, ..)| paid == node) {
            return true;
        }
        self.panels.clear();
        self.panels.reserve_exact(children.len());
        self.panels.extend(children.clone().map(|child| self.tree.node(child).as_asked()));
        let before = self.ledger.requests;
        if !self.ledger.charge(&self.method, &self.domain, &self.panels, &mut self.points) {
            return false;
        }
        self.paid = Some((node, self.ledger.requests - before, children.start));
        self.tree.require(children);
        true
    }
}

impl<T: Value, P: Placed, M: Lays<P>> Source<T, M::Kind> for Ahead<T, M, P> {
    type Handle = usize;
    type Halt = Error<T, P>;

    fn expand(
        &mut self,
        leaf: Option<usize>,
        leaves: &mut Vec<Leaf<T, M::Kind, usize>>,
    ) -> Poll<Result<(), Stop<Self::Halt>>> {
        if self.limit.as_ref().is_some_and(Limit::is_over) {
            if let Some((_, price, _)) = self.paid.take() {
                self.ledger.refund(price);
            }
            self.pace.late();
            return Poll::Ready(Err(Stop::Early(Reason::Deadline)));
        }
        self.work += DECISION;
        if self.is_long() {
            return Poll::Pending;
        }
        let node = leaf.map_or(RANGE, |leaf| leaves[leaf].handle);
        let children = self.tree.children(node);
        if !self.pay(node, children.clone()) {
            return Poll::Ready(Err(Stop::Early(Reason::Budget)));
        }
        let from = self.paid.map_or(children.start, |(.., from)| from);
        for child in from..children.end {
            if self.tree.node(child).is_known() {
                // It has no points of its own: nothing will arrive.
                self.judge_by_known(child);
            }
            match *self.tree.node(child).state() {
                State::Judged(_) => {}
                State::Bad(trouble) => {
                    if !self.judge_again(child) {
                        let stop = trouble.stop();
                        if let (Stop::Early(_) | Stop::Infinite(..), Some((_, price, _))) = (&stop, self.paid.take()) {
                            self.ledger.refund(price);
                        }
                        return Poll::Ready(Err(stop));
                    }
                }
                State::Waiting | State::Dropped => {
                    if let Some((.., from)) = &mut self.paid {
                        *from = child;
                    }
                    return match self.failure(child) {
                        Some(error) => Poll::Ready(Err(Stop::Failed(error))),
                        None => Poll::Pending,
                    };
                }
            }
        }
        self.note(children.clone());
        let first = leaves.len();
        for child in children {
            let (panel, local) = self.tree.hand_over(child);
            leaves.push(Leaf::new(panel, local, child));
        }
        if let Err(trouble) = self.lengths.compare(&self.method, &self.domain, &leaves[first..]) {
            return Poll::Ready(Err(trouble.stop()));
        }
        let (_, price, _) = self.paid.take().expect("it was paid for");
        self.tree.retire(node, price);
        Poll::Ready(Ok(()))
    }

    fn looks(&mut self) -> Option<&mut dyn Looks<M::Kind>> {
        Some(self)
    }

    fn unknown(&self, allowed: f64) -> Option<Self::Halt> {
        self.domain.unknown(&self.far, allowed).map(|(x, norm)| Error::NonFinite { x, norm })
    }

    fn audited(&mut self, node: usize, kind: M::Kind) {
        self.tree.look_again(node, kind);
    }

    fn retired(&mut self, value: &T, error: f64) {
        if let Some(observer) = &self.observer {
            observer.decided(&Progress { value, error, evaluations: self.ledger.requests });
        }
    }
}

impl<T: Value, P: Placed, M: Lays<P>> Looks<M::Kind> for Ahead<T, M, P> {
    fn looks_into(&mut self, reason: Reason) {
        self.ledger.allow_looks(reason == Reason::Budget);
    }

    fn samples(&mut self, panel: &Panel<M::Kind>) -> Vec<Look> {
        if self.ledger.look(self.method.count(panel)) { self.known_samples(panel) } else { Vec::new() }
    }

    fn is_far(&self, t: f64) -> bool {
        self.domain.is_far(t)
    }
}
