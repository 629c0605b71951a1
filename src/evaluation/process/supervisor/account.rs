//! What is told of the workers: how many there are, what waits, and how long.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Numbers, ProcessReport, Supervisor, lock};
use crate::point::Point;
use crate::trace;

/// How often the report is told to the subscribers of `tracing`, as long as it changes.
const TELL: Duration = Duration::from_secs(1);

/// What is known of the time since the last account.
pub(super) struct Account {
    /// Answers that were taken and not told yet.
    pub(super) evaluations: u64,
    /// When the numbers below began to hold.
    since: Instant,
    /// Points that wait, be it for a worker or at one.
    points: u32,
    /// Workers that have something to evaluate.
    busy: u32,
    /// The report that was told last, and when.
    told: (ProcessReport, Instant),
}

impl Account {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { evaluations: 0, since: now, points: 0, busy: 0, told: (ProcessReport::default(), now) }
    }
}

impl<T: Numbers + Clone + Send + Sync + 'static, P: Point> Supervisor<T, P> {
    /// Adds the time that has passed. All waits together are the number of those who wait, added up
    /// over time, so no point needs a clock of its own.
    pub(super) fn account(&mut self, now: Instant) {
        let Account { since, points, busy, .. } = self.account;
        if points > 0 {
            let passed = now.saturating_duration_since(since);
            self.count(|report| {
                report.waited = report.waited.saturating_add(passed.saturating_mul(points));
                report.worked = report.worked.saturating_add(passed.saturating_mul(busy));
            });
        }
        self.account.since = now;
    }

    /// Tells how things are.
    pub(super) fn publish(&mut self) {
        let capacity = self.config.workers * self.depth() + self.waiting();
        self.shared.capacity.store(capacity, Ordering::Relaxed);
        let evaluations = std::mem::take(&mut self.account.evaluations);
        let workers = self.workers.iter().flatten();
        let (mut serving, mut busy, mut running) = (0, 0, 0);
        for worker in workers.filter(|worker| worker.ready) {
            serving += 1;
            busy += u32::from(!worker.sent.is_empty());
            running += worker.sent.len();
        }
        let waiting = self.queue.len() + self.suspects.len();
        self.account.points = u32::try_from(waiting + running).unwrap_or(u32::MAX);
        self.account.busy = busy;
        let mut report = lock(&self.shared.report);
        report.evaluations += evaluations;
        report.waiting = waiting as u64;
        report.running = running as u64;
        report.workers = serving;
        report.capacity = capacity as u64;
    }

    /// Tells the report to the subscribers of `tracing` if it has changed, and it is time or the end.
    pub(super) fn tell(&mut self, now: Instant, is_end: bool) {
        if !(is_end || now >= self.account.told.1 + TELL) || !trace::is_watched() {
            return;
        }
        let report = *lock(&self.shared.report);
        if report != self.account.told.0 {
            self.account.told = (report, now);
            report.tell();
        }
    }

    /// When the report is to be told, if it has changed.
    pub(super) fn next_telling(&self) -> Option<Instant> {
        (trace::is_watched() && *lock(&self.shared.report) != self.account.told.0).then(|| self.account.told.1 + TELL)
    }

    pub(super) fn count(&self, what: impl FnOnce(&mut ProcessReport)) {
        what(&mut lock(&self.shared.report));
    }
}
