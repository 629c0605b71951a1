//! Who gets what, who is started, and what follows a death.

use std::collections::VecDeque;
use std::time::Instant;

use super::{LONGEST_PAUSE, LOOK, Numbers, PAUSE, STARTS, Sent, Supervisor, Worker};
use crate::error::EvaluationError;
use crate::evaluation::process::error::{Death, ProcessError};
use crate::evaluation::process::words::Words;
use crate::point::Point;
use crate::trace;

impl<T: Numbers + Clone + Send + Sync + 'static, P: Point> Supervisor<T, P> {
    /// Hands out points, and starts the workers they need.
    pub(super) fn feed(&mut self, now: Instant) {
        if self.queue.is_empty() && self.suspects.is_empty() {
            return;
        }
        if let Some(error) = &self.forbidden {
            for job in self.suspects.drain(..).chain(self.queue.drain(..)) {
                job.to.send(Err(error.clone()));
            }
            return;
        }
        self.queue_without_the_unwanted();
        let reserved = self.feed_suspects(now);
        self.feed_queue(now, reserved);
        self.start(now);
        for slot in 0..self.workers.len() {
            self.write(slot);
        }
    }

    /// What nobody waits for any more is not evaluated.
    fn queue_without_the_unwanted(&mut self) {
        // From the front only: what is behind is looked at when its turn comes.
        for jobs in [&mut self.queue, &mut self.suspects] {
            while jobs.front().is_some_and(|job| job.to.is_canceled()) {
                jobs.pop_front();
            }
        }
    }

    /// Gives each suspect a worker that has nothing else. Returns the worker that is kept clear for the next one.
    fn feed_suspects(&mut self, now: Instant) -> Option<usize> {
        while let Some(suspect) = self.suspects.front() {
            let last = suspect.deaths + 1 >= self.config.attempts;
            let idle = |worker: &Worker<T, P>| worker.ready && worker.sent.is_empty();
            let mut fit = self
                .workers
                .iter()
                .position(|worker| worker.as_ref().is_some_and(|worker| idle(worker) && (worker.fresh || !last)));
            if fit.is_none() && last && self.workers.iter().all(Option::is_some) {
                // The last attempt is on a process that has done nothing before: one of those that rest makes room.
                fit = self.workers.iter().position(|worker| worker.as_ref().is_some_and(idle));
                if let Some(slot) = fit {
                    self.end(slot, None);
                }
                return fit.or_else(|| self.least_busy());
            }
            let Some(slot) = fit else {
                return if self.workers.iter().all(Option::is_some) { self.least_busy() } else { None };
            };
            let Some(suspect) = self.suspects.pop_front() else { break };
            if suspect.to.is_canceled() {
                continue;
            }
            if let Some(worker) = &mut self.workers[slot] {
                worker.send([suspect], self.config.function.as_deref().unwrap_or(""), now);
                worker.alone = !worker.sent.is_empty();
            }
        }
        None
    }

    fn least_busy(&self) -> Option<usize> {
        let busy =
            self.workers.iter().enumerate().filter_map(|(slot, worker)| Some((worker.as_ref()?.sent.len(), slot)));
        busy.min().map(|(_, slot)| slot)
    }

    /// Spreads the points evenly over the workers: first to those that have the fewest.
    fn feed_queue(&mut self, now: Instant, reserved: Option<usize>) {
        let depth = self.depth();
        while let Some(first) = self.queue.front() {
            // Two evaluations of a point are two workers', as long as two serve.
            let avoided = first.avoids().filter(|avoided| {
                self.workers.iter().flatten().any(|worker| worker.ready && worker.number() != *avoided)
            });
            let fits = |slot: usize, worker: &Worker<T, P>| {
                let fits = worker.ready && !worker.alone && worker.sent.len() < depth && Some(slot) != reserved;
                fits && Some(worker.number()) != avoided
            };
            let workers = self.workers.iter().enumerate();
            let has_room = workers.filter_map(|(slot, worker)| {
                let worker = worker.as_ref()?;
                fits(slot, worker).then_some((worker.sent.len(), slot))
            });
            let (mut fewest, mut held, mut free) = (None, 0, 0);
            for room in has_room {
                (held, free) = (held + room.0, free + 1);
                fewest = Some(fewest.map_or(room, |other| room.min(other)));
            }
            let Some((fewest, slot)) = fewest else { break };
            // So many each, rounded down: none has two of the last points while another has none.
            let level = ((held + self.queue.len()) / free).clamp(fewest + 1, depth);
            let plain = self.queue.iter().take(level - fewest).take_while(|job| job.twin.is_none()).count();
            let jobs = self.queue.drain(..plain.max(1)).filter(|job| !job.to.is_canceled());
            if let Some(worker) = &mut self.workers[slot] {
                worker.send(jobs, self.config.function.as_deref().unwrap_or(""), now);
            }
        }
    }

    /// Starts as many processes as there are points that no resting worker waits for.
    fn start(&mut self, now: Instant) {
        let waiting = self.queue.len() + self.suspects.len();
        if self.not_before.is_some_and(|time| time <= now) {
            self.not_before = None;
        }
        for slot in 0..self.workers.len() {
            if self.workers[slot].is_some() {
                continue;
            }
            let starting = self.workers.iter().flatten().filter(|worker| !worker.ready).count();
            // After a failure one is tried at a time, and no sooner than its time has come.
            let failing = self.failures > 0 && starting > 0;
            if starting >= waiting || failing || self.not_before.is_some() {
                return;
            }
            let command = self.config.command.clone();
            let mut command = command.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            // What the first that fails says goes where the command sends it, what the others say into the error.
            match Worker::start(&mut command, &self.shared.groups, self.failures > 0) {
                Ok(worker) => {
                    self.count(|report| report.starts += 1);
                    self.workers[slot] = Some(worker);
                }
                Err(error) => {
                    let last = error.to_string().into();
                    self.failed(now, now, ProcessError::NoWorkers { last }, false);
                }
            }
        }
    }

    /// When something is due that no pipe tells of.
    pub(super) fn next_event(&self) -> Option<Instant> {
        let waits = !self.queue.is_empty() || !self.suspects.is_empty();
        let start = self.not_before.filter(|_| waits && self.workers.iter().any(Option::is_none));
        let workers = self.workers.iter().flatten();
        let deadlines = workers.filter_map(|worker| self.deadline(worker));
        let look = self.workers.iter().flatten().any(|worker| !worker.ready || !worker.sent.is_empty());
        deadlines.chain(start).chain(look.then(|| Instant::now() + LOOK)).chain(self.next_telling()).min()
    }

    fn deadline(&self, worker: &Worker<T, P>) -> Option<Instant> {
        if !worker.ready {
            worker.since.checked_add(self.config.start_limit)
        } else if worker.sent.is_empty() {
            None
        } else {
            worker.since.checked_add(self.config.time_limit?)
        }
    }

    /// Ends the workers whose time is over, and buries those that ended without a sound.
    pub(super) fn expire(&mut self) {
        let now = Instant::now();
        let look = now >= self.looked + LOOK;
        if look {
            self.looked = now;
        }
        for slot in 0..self.workers.len() {
            let Some(worker) = &self.workers[slot] else { continue };
            if self.deadline(worker).is_some_and(|deadline| now >= deadline) {
                let limit = if worker.ready { self.config.time_limit } else { Some(self.config.start_limit) };
                self.count(|report| report.timeouts += 1);
                self.died(slot, limit.map(Death::TimeLimit));
            } else if look && worker.has_ended() {
                // What it said before is heard first.
                self.hear(slot);
                self.died(slot, None);
            }
        }
    }

    /// Ends a worker without blame.
    fn end(&mut self, slot: usize, last_words: Option<()>) -> Option<std::process::ExitStatus> {
        self.workers[slot].take()?.end(&self.shared.groups, last_words)
    }

    /// It is no worker for this function.
    pub(super) fn refused(&mut self, slot: usize, error: ProcessError, is_final: bool) {
        let since = self.workers[slot].as_ref().map_or_else(Instant::now, |worker| worker.since);
        self.count(|report| report.deaths += 1);
        self.end(slot, None);
        self.failed(Instant::now(), since, error, is_final);
    }

    /// A worker has died, or must: `death` is why, or else its own exit status.
    pub(super) fn died(&mut self, slot: usize, death: Option<Death>) {
        let Some(worker) = &mut self.workers[slot] else { return };
        let (ready, since) = (worker.ready, worker.since);
        let (partial, takes_many) = (worker.frames.is_partial(), worker.takes_many());
        let words = worker.words();
        let jobs = std::mem::take(&mut worker.sent);
        let status = self.end(slot, death.is_none().then_some(()));
        let death = match (death, status) {
            (Some(death), _) => death,
            (None, Some(status)) if !partial => Death::Exited(status),
            (None, Some(status)) => Death::protocol(format_args!("it ended within a message, {status}")),
            (None, None) => Death::protocol("it is gone"),
        };
        let requeued = jobs.len() as u64;
        trace::worker_lost(&death, requeued);
        self.count(|report| {
            report.deaths += 1;
            report.requeues += requeued;
        });
        let now = Instant::now();
        if !ready {
            let last = match words.map(Words::last) {
                Some(words) if !words.is_empty() => format!("{death}; it had said\n{words}"),
                _ => death.to_string(),
            };
            self.failed(now, since, ProcessError::NoWorkers { last: last.into() }, false);
            return;
        }
        self.fruitless += 1;
        if self.fruitless > 2 {
            self.not_before = Some(now + pause(self.fruitless - 2));
        }
        self.blame(jobs, takes_many, &death);
    }

    /// Finds the points that may have been the death of a worker.
    fn blame(&mut self, jobs: VecDeque<Sent<T, P>>, takes_many: bool, death: &Death) {
        // Points that were sent together share a fate: answers before the fatal one may be lost on
        // the way. Each is tried on its own from now on, which clears the innocent. Where a worker
        // has many hands, one point each, that would take as long as all of them one after the
        // other: the first is suspected until it is cleared.
        let many_hands = !takes_many && self.config.window.is_some_and(|window| window > 1);
        let alone = jobs.len() == 1;
        for (index, Sent { mut job, .. }) in jobs.into_iter().enumerate().rev() {
            job.to.pause();
            if many_hands && index > 0 {
                self.queue.push_front(job);
                continue;
            }
            job.deaths += 1;
            if job.deaths >= self.config.attempts && (alone || many_hands) {
                let attempts = job.deaths;
                let error = match death {
                    Death::TimeLimit(limit) => ProcessError::Timeout { attempts, limit: *limit },
                    last => ProcessError::Poison { attempts, last: last.clone() },
                };
                self.count(|report| report.requeues -= 1);
                job.to.send(Err(EvaluationError::new(error)));
            } else if many_hands && job.deaths + 1 < self.config.attempts {
                self.queue.push_front(job);
            } else {
                self.suspects.push_front(job);
            }
        }
    }

    /// A start came to nothing. Several in a row, or one that is `final`, is what those who wait are told, unless there
    /// is another worker that serves them.
    fn failed(&mut self, now: Instant, started: Instant, error: ProcessError, is_final: bool) {
        if started >= self.last_failure {
            self.failures += 1;
            self.last_failure = now;
        }
        self.not_before = Some(now + pause(self.failures));
        trace::worker_not_started(&error, self.failures);
        let served = self.workers.iter().flatten().any(|worker| worker.ready);
        if (is_final || self.failures >= STARTS) && !served {
            self.failures = 0;
            let error = EvaluationError::new(error);
            for job in self.suspects.drain(..).chain(self.queue.drain(..)) {
                job.to.send(Err(error.clone()));
            }
        }
    }
}

/// The pause after so many failures in a row: doubled each time.
fn pause(failures: u32) -> std::time::Duration {
    PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_PAUSE)
}
