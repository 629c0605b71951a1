//! How many jobs of a run are in the queue at once: as many as keep the slots busy, and no more.
//!
//! The server gives out jobs in the order of their coming, whoever they are from. So a run that
//! has thousands of jobs keeps them here, and one with few jobs waits for those that are queued
//! only: runs take turns, as often as their weights say.

use std::collections::{HashMap, VecDeque};

use super::*;

/// How many jobs of a run are queued at least while it is not known how long they take, and while
/// they are short: the way to the server and back must not leave a slot without one.
const UNKNOWN: usize = 32;
const SHORT: usize = 64;
/// A job that takes longer, in seconds, is long: two of them for each slot are enough.
const LONG: f64 = 0.05;

/// The runs of a function.
#[derive(Default)]
pub(super) struct Shares(HashMap<Arc<str>, Share>);

#[derive(Default)]
struct Share {
    /// Jobs that the server has, or is being sent.
    sent: usize,
    /// Jobs that wait here: their answers' places, by serial number.
    held: VecDeque<(u64, Arc<str>)>,
    /// What the evaluator said last.
    weight: f64,
    quota: usize,
}

impl Shares {
    /// Jobs that the server has, or is being sent.
    pub(super) fn sent(&self) -> usize {
        self.0.values().map(|share| share.sent).sum()
    }

    /// A job of this run is over that was sent.
    pub(super) fn ended(&mut self, run: &str) {
        let Some(share) = self.0.get_mut(run) else { return };
        share.sent -= 1;
        if share.sent == 0 && share.held.is_empty() {
            self.0.remove(run);
        }
    }

    fn hold(&mut self, question: &Question, serial: u64, subject: Arc<str>) {
        let share = self.0.entry(question.run.clone()).or_default();
        (share.weight, share.quota) = (question.weight, question.quota);
        share.held.push_back((serial, subject));
    }

    /// The jobs that may be sent now, if a run of weight 1 may have so many in the queue, of those
    /// that are still wanted.
    fn released(&mut self, window: usize, is_wanted: impl Fn(&(u64, Arc<str>)) -> bool) -> Vec<(u64, Arc<str>)> {
        let mut released = Vec::new();
        for share in self.0.values_mut() {
            let most = ((window as f64 * share.weight).ceil() as usize).clamp(1, share.quota.max(1));
            while share.sent < most
                && let Some(job) = share.held.pop_front()
            {
                if is_wanted(&job) {
                    share.sent += 1;
                    released.push(job);
                }
            }
        }
        // The oldest first.
        released.sort_unstable_by_key(|(serial, _)| *serial);
        self.0.retain(|_, share| share.sent > 0 || !share.held.is_empty());
        released
    }
}

impl Known {
    /// How many jobs of a run of weight 1 may be in the queue.
    fn window(&self) -> usize {
        let slots = self.function.slots.load(Ordering::Relaxed).max(1);
        match self.width.pace() {
            None => (2 * slots).max(UNKNOWN),
            Some(pace) if pace < LONG => (4 * slots).max(SHORT),
            Some(_) => 2 * slots,
        }
    }
}

impl Desk {
    /// A new job waits until its run may have one more in the queue.
    pub(super) fn enqueue(&mut self, subject: &Arc<str>) {
        let Some(pending) = self.pending.get(subject) else { return };
        let Some(known) = self.known.get_mut(&pending.question.function.name) else { return };
        known.shares.hold(&pending.question, pending.serial, subject.clone());
    }

    /// Sends the jobs that may be in the queue now.
    pub(super) fn release(&mut self) {
        let pending = &self.pending;
        let is_wanted =
            |(serial, subject): &(u64, Arc<str>)| pending.get(subject).is_some_and(|pending| pending.serial == *serial);
        let mut due = Vec::new();
        for known in self.known.values_mut() {
            let window = known.window();
            due.extend(known.shares.released(window, is_wanted));
        }
        for (_, subject) in due {
            if let Some(pending) = self.pending.get_mut(&subject) {
                pending.is_sent = true;
                pending.wait(self.now, pending::FIRST_LOOK);
                self.publish(&subject);
            }
        }
    }
}
