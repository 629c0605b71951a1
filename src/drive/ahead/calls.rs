//! Asking for points by calls for several.
//!
//! A call is filled best first, and made when it is full or when nothing more is worth asking for. Points are gathered
//! while there is room for a call; they are asked for, as far as the tree knows, from then on.

use std::task::Context;

use super::Ahead;
use crate::error::EvaluationError;
use crate::evaluation::dispatch::Request;
use crate::evaluation::dispatch::batch::Asked;
use crate::numerics::space::{Lays, Placed, Space};
use crate::numerics::value::Value;
use crate::prefetch::{Class, Wanted};

/// While an integral is shorter than so many rounds of full calls, calls are filled with guesses as if there were so many
/// times as many workers.
const SHORT: usize = 4;
const FULLER: usize = 3;

/// A point of the call that is being filled, and whether it is a guess.
pub(super) type Gathered<P> = (P, bool);

impl<T: Value, P: Placed, M: Lays<P>> Ahead<T, M, P> {
    /// Asks for points by calls of up to so many, while there is room. Returns whether anything may have changed meanwhile.
    pub(super) fn fill_calls(&mut self, width: usize, cx: &mut Context<'_>) -> bool {
        let mut started = self.ask_alone(cx);
        loop {
            let room = self.dispatch.concurrency().saturating_mul(width);
            // A guess in a call that is made in any case takes no worker.
            let is_short = self.ledger.requests < SHORT.saturating_mul(room);
            let workers = if is_short { FULLER.saturating_mul(room) } else { room };
            let Some((wanted, class)) = self.next(workers) else { break };
            // CANCEL: nothing is asked for any more.
            if self.dispatch.is_given_up() {
                return false;
            }
            let node = match wanted {
                Wanted::Panel(node) => node,
                Wanted::Point(t) => {
                    if !self.gather_loose(t, cx) {
                        return started;
                    }
                    if self.gathered.len() >= width {
                        started |= self.call();
                    }
                    continue;
                }
            };
            let x = self.domain.x(self.tree.node(node).next_point());
            if let Some(changed) = self.is_asked(node, class, x) {
                if changed {
                    return true;
                }
            } else if self.dispatch.known(x).is_some() {
                self.tree.issue(node, class);
                if self.settle_point(node) {
                    return true;
                }
            } else if self.dispatch.has_room(x, cx) {
                self.wait_for(x, node, class, true);
                self.gathered.push((x, class == Class::Guessed));
                if self.gathered.len() >= width {
                    started |= self.call();
                }
            } else {
                match self.dispatch.join(x) {
                    Request::Pending { .. } => self.wait_for(x, node, class, false),
                    Request::Known => {}
                    Request::Full | Request::Done { .. } => return started,
                }
                started = true;
            }
        }
        started |= self.call();
        self.dispatch.pass_on();
        started
    }

    /// Makes the call for the points that were gathered, if there are any. Returns whether anything changed.
    pub(super) fn call(&mut self) -> bool {
        if self.gathered.is_empty() {
            return false;
        }
        let gathered = std::mem::take(&mut self.gathered);
        let mut known = Vec::new();
        let mut guesses = gathered.iter().map(|&(_, guess)| guess);
        let (observer, pace, alone, performed) = (&self.observer, &mut self.pace, &mut self.alone, &mut self.performed);
        self.dispatch.call(gathered.iter().map(|&(x, _)| x), |x, asked| {
            let guess = guesses.next().expect("it is told of each");
            match asked {
                Asked::Known(value) => known.push((x, value)),
                Asked::Alone => alone.push_back((x, guess)),
                Asked::Pending { started: false } => {}
                Asked::Pending { started: true } => {
                    *performed += 1;
                    pace.started(x);
                    if let Some(observer) = observer {
                        observer.started(x, guess);
                    }
                }
            }
        });
        for (x, value) in known {
            self.landed(x, Ok(value));
        }
        true
    }

    /// Asks by themselves for points that have to be, while there is room.
    pub(super) fn ask_alone(&mut self, cx: &mut Context<'_>) -> bool {
        let mut started = false;
        while let Some(&(x, guess)) = self.alone.front() {
            let request = self.dispatch.request(x, cx);
            if matches!(request, Request::Full) {
                break;
            }
            self.alone.pop_front();
            started = true;
            if let Request::Done { started: true, .. } | Request::Pending { started: true } = &request {
                self.performed += 1;
                self.pace.started(x);
                if let Some(observer) = &self.observer {
                    observer.started(x, guess);
                }
            }
            match request {
                Request::Known => {
                    let value = self.dispatch.known(x).expect("a value that has arrived stays in the cache");
                    self.landed(x, Ok(value));
                }
                Request::Done { outcome, .. } => self.arrived(x, outcome),
                Request::Pending { .. } | Request::Full => {}
            }
        }
        started
    }

    /// The points of a call have failed together: which of them is to blame is found by asking for each alone.
    pub(super) fn failed_together(&mut self, x: P, error: &EvaluationError) -> bool {
        let together = error.points() > 1;
        if together {
            self.alone.push_back((x, false));
        }
        together
    }
}
