//! What there is to ask for at a point: of a panel, or of none in the tree, which a method may ask for later on.

use std::task::Context;
use std::time::Duration;

use super::Ahead;
use crate::drive::limit::Limit;
use crate::error::EvaluationError;
use crate::evaluation::dispatch::{Place, Request};
use crate::numerics::method::Panel;
use crate::numerics::space::{Lays, Placed, Space};
use crate::numerics::value::Value;
use crate::prefetch::{Class, RANGE, Wanted};
use crate::trace;

/// What became of a wish.
pub(super) enum Answer {
    /// The point was asked for, or there was nothing to ask for; whether an evaluation is on its way by this.
    Asked { ours: bool },
    /// A decision may be due: that comes first.
    Changed,
    /// No more can be asked for now.
    Full,
    /// No more is asked for until the task is polled again, here or on another thread.
    Wait,
}

impl<T: Value, P: Placed, M: Lays<P>> Ahead<T, M, P> {
    /// Asks for the next point of a panel, or on the spot for all of them.
    #[inline]
    pub(super) fn ask(&mut self, node: usize, class: Class, place: Place, cx: &mut Context<'_>) -> Answer {
        if place == Place::Here && self.find(node) > 0 {
            return Answer::Changed;
        }
        let x = self.domain.x(self.tree.node(node).next_point());
        match self.is_asked(node, class, x) {
            Some(true) => Answer::Changed,
            Some(false) => Answer::Asked { ours: false },
            None if place == Place::There && self.dispatch.known(x).is_none() => {
                // Woken at once, and that will be there.
                cx.waker().wake_by_ref();
                Answer::Wait
            }
            None => self.request(node, class, x, cx),
        }
    }

    /// Asks for a point of a panel that nobody of this integral has asked for.
    #[inline]
    fn request(&mut self, node: usize, class: Class, x: P, cx: &mut Context<'_>) -> Answer {
        match self.dispatch.request(x, cx) {
            Request::Full => Answer::Full,
            Request::Known => {
                self.tree.issue(node, class);
                if self.settle_point(node) { Answer::Changed } else { Answer::Asked { ours: false } }
            }
            Request::Pending { started } => {
                if started {
                    self.began(x, class == Class::Guessed);
                    self.pace.started(x);
                }
                self.wait_for(x, node, class, started);
                Answer::Asked { ours: true }
            }
            Request::Done { outcome, started } => {
                if started {
                    self.began(x, class == Class::Guessed);
                    self.ended(x, outcome.as_ref());
                }
                self.tree.issue(node, class);
                match outcome {
                    Ok(_) if self.settle_point(node) => Answer::Changed,
                    Ok(_) => Answer::Asked { ours: true },
                    Err(error) => {
                        self.fail(x, error);
                        match class {
                            _ if planted!(8) => Answer::Asked { ours: true },
                            // Others would fail likewise, for ever: wait.
                            Class::Guessed => Answer::Wait,
                            // Perhaps the end of the run.
                            Class::Required | Class::Certain => Answer::Changed,
                        }
                    }
                }
            }
        }
    }

    /// What to ask for next, and why, if there are so many workers.
    #[inline]
    pub(super) fn next(&mut self, workers: usize) -> Option<(Wanted<P>, Class)> {
        let asked = self.performed + self.gathered.len();
        let mut next = self.tree.next(workers, asked);
        let is_guess = !matches!(next, Some((_, Class::Required | Class::Certain)));
        if M::LOOKS_FAR && is_guess && !self.unseen.is_empty() && self.is_idle(workers) {
            self.look_far();
            next = self.tree.next(workers, asked);
        }
        // Ahead of the decisions nothing is asked for that the budget does not pay for.
        next.filter(|(_, class)| *class == Class::Required || !self.ledger.is_spent_by(asked))
    }

    /// Whether one of so many workers is to spare.
    fn is_idle(&self, workers: usize) -> bool {
        self.waiting.len() + self.gathered.len() < workers && self.place() == Place::Away
    }

    /// Whether there is nothing to ask for at this point of a panel, and if so whether anything changed.
    #[inline]
    pub(super) fn is_asked(&mut self, node: usize, class: Class, x: P) -> Option<bool> {
        let key = x.key();
        if !self.loose.is_empty() && self.loose.remove(&key) {
            self.tree.claim();
        }
        if !x.is_finite() {
            self.tree.issue(node, class);
            return Some(self.settle_point(node));
        }
        if let Some((_, others, _)) = self.waiting.get_mut(&key) {
            others.push(node);
            self.tree.issue(node, class);
            return Some(false);
        }
        if self.failed.contains_key(&key) {
            // No evaluation will end and tell of it: the decision has to be looked at again.
            self.tree.issue(node, class);
            return Some(true);
        }
        None
    }

    /// The evaluation at a point has failed.
    pub(super) fn fail(&mut self, x: P, error: EvaluationError) {
        trace::evaluation_failed(x, &error);
        self.failed.insert(x.key(), error);
    }

    /// The value at `x`, for this panel, will arrive; `ours` if its evaluation begins now.
    #[inline]
    pub(super) fn wait_for(&mut self, x: P, node: usize, class: Class, ours: bool) {
        self.tree.issue(node, class);
        self.waiting.insert(x.key(), (node, Vec::new(), ours.then(|| self.tree.time())));
    }

    /// Whether the value at a point of no panel is known or under way, or the point has failed: then it is done with.
    fn is_settled(&mut self, x: P) -> bool {
        let key = x.key();
        let is_asked = !x.is_finite() || self.waiting.contains_key(&key) || self.failed.contains_key(&key);
        let is_settled = is_asked || self.dispatch.known(x).is_some();
        if is_settled {
            self.tree.issue_loose(false);
        }
        is_settled
    }

    /// The value at a point of no panel will arrive; `ours` if its evaluation begins now.
    fn wait_for_loose(&mut self, x: P, ours: bool) {
        // The range itself stands for no panel: nothing is settled when the value arrives.
        self.waiting.insert(x.key(), (RANGE, Vec::new(), ours.then(|| self.tree.time())));
    }

    /// Takes a point of no panel into the call that is being filled, unless it is known or under way. Returns whether
    /// there is room.
    pub(super) fn gather_loose(&mut self, t: P, cx: &mut Context<'_>) -> bool {
        let x = self.domain.x(t);
        if self.is_settled(x) {
            return true;
        }
        let has_room = self.dispatch.has_room(x, cx);
        if has_room {
            self.tree.issue_loose(true);
            self.loose.insert(x.key());
            self.wait_for_loose(x, true);
            self.gathered.push((x, true));
        }
        has_room
    }

    /// Asks for a point of no panel, unless it is known or under way.
    pub(super) fn ask_loose(&mut self, t: P, cx: &mut Context<'_>) -> Answer {
        let x = self.domain.x(t);
        if self.is_settled(x) {
            return Answer::Asked { ours: false };
        }
        let request = self.dispatch.request(x, cx);
        let ours = match &request {
            Request::Full => return Answer::Full,
            Request::Known => false,
            Request::Done { started, .. } | Request::Pending { started } => *started,
        };
        self.tree.issue_loose(ours);
        if ours {
            self.loose.insert(x.key());
            self.began(x, true);
        }
        match request {
            Request::Pending { .. } => {
                self.wait_for_loose(x, ours);
                if ours {
                    self.pace.started(x);
                }
            }
            Request::Done { outcome, .. } => {
                if ours {
                    self.ended(x, outcome.as_ref());
                }
                if let Err(error) = outcome {
                    // Others would fail likewise: wait until a decision needs one.
                    self.fail(x, error);
                    return Answer::Full;
                }
            }
            Request::Known | Request::Full => {}
        }
        Answer::Asked { ours }
    }

    /// An evaluation has begun.
    #[inline]
    fn began(&mut self, x: P, is_guess: bool) {
        self.performed += 1;
        if let Some(observer) = &self.observer {
            observer.started(x, is_guess);
        }
    }

    /// An evaluation has ended.
    #[inline]
    pub(super) fn ended(&mut self, x: P, outcome: Result<&T, &EvaluationError>) {
        self.tree.arrived();
        if let Some(observer) = &self.observer {
            observer.ended(x, outcome, || self.dispatch.mixture());
        }
    }

    /// Has the task woken when guesses that were refused come into question, unless something happens before.
    pub(super) fn wait_for_late(&mut self, cx: &mut Context<'_>) {
        self.patience = self.tree.again_in().and_then(|time| Limit::new(Duration::from_secs_f64(time)));
        if let Some(patience) = &mut self.patience {
            patience.wake(cx);
        }
    }

    /// Asks the method what may come after a panel, now that its values are known, or all but a few.
    pub(super) fn look_ahead(&mut self, node: usize, panel: &Panel<M::Kind>, values: &[T]) {
        if self.tree.guesses() {
            self.guesses.clear();
            self.method.ahead(panel, values, self.tree.allowed(), &mut self.guesses);
            self.tree.adopt_loose(node, &mut self.guesses);
        }
    }
}
