//! One evaluation that somebody waits for.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use bytes::Bytes;
use coquad::Mixed;

use super::events::{Action, Function, Waiter, Wish};

/// A job this old is looked for, in case its answer was missed.
pub(super) const FIRST_LOOK: Duration = Duration::from_secs(2);
/// Then less and less often, down to this.
const RARELY: Duration = Duration::from_secs(10);

pub(super) struct Pending {
    pub(super) serial: u64,
    pub(super) function: Arc<Function>,
    pub(super) run: Arc<str>,
    pub(super) id: String,
    pub(super) payload: Bytes,
    pub(super) attempts: u32,
    pub(super) mixed: Mixed,
    /// Part of the message's identity, so that the server takes the same job again.
    pub(super) attempt: u32,
    pub(super) losses: u32,
    /// The job's number in the stream, once the server has it.
    pub(super) sequence: Option<u64>,
    /// The connection on which it was told to us.
    pub(super) connection: u64,
    /// The server had the message before: an earlier client's, or what we gave up.
    pub(super) duplicate: bool,
    /// The server has said that it gives the job to nobody any more.
    pub(super) dead: bool,
    /// Cleared when nobody waits any more.
    pub(super) wanted: Arc<AtomicBool>,
    /// When to look for it.
    pub(super) due: Instant,
    pause: Duration,
    pub(super) looking: bool,
    deadline: Option<(Instant, Duration)>,
    pub(super) waiters: Vec<Waiter>,
}

impl Pending {
    pub(super) fn new(wish: Wish, serial: u64, attempt: u32, now: Instant) -> Self {
        Self {
            serial,
            function: wish.function,
            run: wish.run,
            id: wish.id,
            payload: wish.payload,
            attempts: wish.attempts,
            mixed: wish.mixed,
            attempt,
            losses: 0,
            sequence: None,
            connection: 0,
            duplicate: false,
            dead: false,
            wanted: Arc::new(AtomicBool::new(true)),
            due: now + FIRST_LOOK,
            pause: FIRST_LOOK,
            looking: false,
            deadline: wish.deadline.and_then(|limit| Some((now.checked_add(limit)?, limit))),
            waiters: vec![wish.waiter],
        }
    }

    pub(super) fn message_id(&self) -> String {
        format!("{}.{}.{}", self.run, self.id, self.attempt)
    }

    /// Takes the job from the queue, if the server has it.
    pub(super) fn delete(&self, connection: u64) -> Option<Action> {
        let sure = self.connection == connection;
        self.sequence.map(|sequence| Action::Delete { sequence, message_id: self.message_id(), sure })
    }

    /// Looks for it after `pause`, and then anew ever less often.
    pub(super) fn wait(&mut self, now: Instant, pause: Duration) {
        self.due = now + pause;
        self.pause = FIRST_LOOK;
    }

    pub(super) fn back_off(&mut self, now: Instant) {
        self.due = now + self.pause;
        self.pause = (self.pause * 3 / 2).min(RARELY);
    }

    /// Its number and its deadline in seconds, if that has passed.
    pub(super) fn late(&self, now: Instant) -> Option<(u64, f64)> {
        let (deadline, limit) = self.deadline?;
        (deadline <= now).then_some((self.serial, limit.as_secs_f64()))
    }
}
