//! Which points share a job, and what becomes of each when the job ends.
//!
//! INVARIANT: a point that somebody waits for has one job or waits for one. A job of several points
//! that comes to nothing says nothing of any of them: each gets a job of its own, so that one that
//! is to blame is found and harms no other.

use super::*;

/// Losses of a job that follow each other so fast are one.
const MOMENT: Duration = Duration::from_secs(3);

impl Desk {
    /// A point has no job yet.
    pub(super) fn gather(&mut self, question: &Arc<Question>, place: Place) {
        // On a run with a name each answer is found by its point, so each point has a job of its
        // own.
        if !names::ends_with_its_client(&question.run) || width(question) == 1 {
            self.alone([place]);
        } else {
            self.gatherings.add(question, place);
        }
    }

    /// Gives jobs to the points that wait for one, as far as there are free slots or full jobs.
    pub(super) fn spread(&mut self) {
        let mut gatherings = std::mem::take(&mut self.gatherings);
        gatherings.0.iter_mut().for_each(|gathering| self.spread_one(gathering, false));
        gatherings.0.retain(|gathering| gathering.len() > 0);
        self.gatherings = gatherings;
    }

    /// Points that have waited from one tick to the next wait no longer, whatever the slots do.
    pub(super) fn gather_no_longer(&mut self) {
        let mut gatherings = std::mem::take(&mut self.gatherings);
        for gathering in &mut gatherings.0 {
            if std::mem::replace(&mut gathering.since_tick, true) {
                self.spread_one(gathering, true);
            }
        }
        gatherings.0.retain(|gathering| gathering.len() > 0);
        self.gatherings = gatherings;
    }

    fn spread_one(&mut self, gathering: &mut Gathering, all: bool) {
        let question = gathering.question.clone();
        while gathering.len() > 0 {
            let (most, slots) = (width(&question), question.function.slots.load(Ordering::Relaxed));
            let free = slots.saturating_sub(self.known.get(&question.function.name).map_or(0, |known| known.jobs));
            // A free slot is worth more than a full job: so many each that no free slot is without
            // one.
            let count = match gathering.len() {
                waiting if free > 0 => waiting.div_ceil(free).min(most),
                waiting if all || waiting >= most => most,
                _ => break,
            };
            let points = gathering.take(count, &self.points);
            if !points.is_empty() {
                self.open(&question, points);
            }
        }
    }

    /// Each of these points gets a job of its own, unless nobody wants it any more.
    fn alone(&mut self, places: impl IntoIterator<Item = Place>) -> u64 {
        let mut jobs = 0;
        for place in places {
            let point = self.points.get(&place.subject).filter(|point| point.serial == place.serial);
            if let Some((question, x)) = point.map(|point| (point.question.clone(), point.x.clone())) {
                self.open(&question, vec![(place, x)]);
                jobs += 1;
            }
        }
        jobs
    }

    /// Makes a job of points that are wanted.
    fn open(&mut self, question: &Arc<Question>, points: Vec<(Place, Box<[f64]>)>) {
        let serial = self.serial();
        let (id, subject, attempt) = match &points[..] {
            [(Place { subject, .. }, _)] => {
                let attempt = self.attempts.remove(subject).unwrap_or(0);
                (self.points[subject].id.clone(), subject.clone(), attempt)
            }
            _ => {
                let id = names::several(serial);
                let subject = self.space.result(&question.run, &id).into();
                (id, subject, 0)
            }
        };
        for (place, _) in &points {
            if let Some(point) = self.points.get_mut(&place.subject) {
                point.job = Some(subject.clone());
            }
        }
        if let Some(known) = self.known.get_mut(&question.function.name) {
            known.jobs += 1;
        }
        let named = !names::ends_with_its_client(&question.run);
        let pending = Pending::new(question.clone(), id, points, serial, attempt, self.now);
        self.order.insert(serial, subject.clone());
        self.pending.insert(subject.clone(), pending);
        if named {
            self.actions.push(Action::Recall { subject, serial });
        } else {
            self.enqueue(&subject);
        }
    }

    /// The job is over.
    pub(super) fn close(&mut self, subject: &Arc<str>) -> Option<Pending> {
        let pending = self.pending.remove(subject)?;
        self.order.remove(&pending.serial);
        self.urgent.remove(&pending.serial);
        self.missed.remove(&pending.serial);
        if let Some(known) = self.known.get_mut(&pending.question.function.name) {
            known.jobs -= 1;
            if pending.is_sent {
                known.shares.ended(&pending.question.run);
            }
        }
        Some(pending)
    }

    /// The job is answered.
    pub(super) fn take(&mut self, subject: &Arc<str>, heard: Heard) {
        let Some(pending) = self.close(subject) else { return };
        let (question, now) = (&pending.question, self.now);
        if let Some(known) = self.known.get_mut(&question.function.name) {
            let (count, longest) = (heard.outcomes.len(), heard.longest());
            known.width.heard(&question.function, count, heard.seconds, longest, heard.most, now);
        }
        self.credit(question, &heard);
        let differs = heard.arithmetic.and_then(|found| self.compare(question, found));
        if let Some(bits) = answer::bits_of(heard.outcomes.iter().map(|outcome| outcome.as_ref()?.as_deref().ok())) {
            if self.answered.len() >= REMEMBERED {
                self.answered.clear();
            }
            let (place, value) = self.marks(subject, &bits);
            self.answered.insert(place, value);
        }
        let mut left = Vec::new();
        for (place, outcome) in pending.points.iter().zip(heard.outcomes) {
            match outcome {
                None => left.push(place.clone()),
                Some(outcome) => {
                    let outcome = outcome.and_then(|numbers| differs.clone().map_or(Ok(numbers), Err));
                    self.finish(&pending, place, outcome);
                }
            }
        }
        let again = self.alone(left);
        self.count(|report| report.republished += again);
    }

    /// Takes note of who has answered, and how long that took.
    fn credit(&self, question: &Question, heard: &Heard) {
        // What a worker says may be anything.
        let took = Duration::try_from_secs_f64(heard.seconds.unwrap_or(0.0)).unwrap_or_default().min(LONGEST_WORK);
        self.count(|report| report.worked = report.worked.saturating_add(took));
        let Some(worker) = &heard.worker else { return };
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (question.function.name.clone(), worker.clone());
        if workers.len() >= WORKERS && !workers.contains_key(&key) {
            return;
        }
        let credit = workers.entry(key).or_default();
        credit.evaluations += heard.outcomes.len() as u64;
        credit.worked = credit.worked.saturating_add(took);
    }

    /// Takes note of the arithmetic of a worker that has answered, and returns why its values are
    /// not to be used.
    fn compare(&mut self, question: &Question, found: Arithmetic) -> Option<EvaluationError> {
        let (expected, is_new) = {
            let mut kinds = question.function.arithmetics.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = !kinds.contains(&found) && kinds.len() < KINDS;
            if is_new {
                kinds.push(found.clone());
            }
            let expected = match &question.mixed {
                Mixed::Only(expected) => expected.clone(),
                _ => kinds[0].clone(),
            };
            (expected, is_new)
        };
        if expected.agrees_with(&found) {
            return None;
        }
        self.count(|report| report.mixed += 1);
        let error = Error::Arithmetic { expected, found };
        if is_new {
            let function = &*question.function.name;
            tracing::warn!(target: "coquad", %error, function, "values may have other bits");
        }
        (question.mixed != Mixed::Count).then(|| EvaluationError::new(error))
    }

    /// What became of a point, of which the job is over.
    fn finish(&mut self, job: &Pending, place: &Place, outcome: Outcome) {
        // It may have been left, and asked for again: then it has another job.
        if self.points.get(&place.subject).is_none_or(|point| point.serial != place.serial) {
            return;
        }
        let Some(point) = self.points.remove(&place.subject) else { return };
        match &outcome {
            Ok(_) => {
                let waited = self.now.saturating_duration_since(point.asked);
                self.count(|report| {
                    report.evaluations += 1;
                    report.waited += waited;
                });
            }
            // Asked again, it is evaluated again.
            Err(_) if job.points.len() == 1 => self.remember(&place.subject, job.attempt + 1),
            Err(_) => {}
        }
        for waiter in point.waiters {
            let _ = waiter.reply.send(outcome.clone());
        }
    }

    /// None of the job's points will have a value.
    pub(super) fn fail(&mut self, subject: &Arc<str>, error: EvaluationError) {
        let Some(pending) = self.close(subject) else { return };
        for place in &pending.points {
            self.finish(&pending, place, Err(error.clone()));
        }
    }

    /// The job has no value: which of several points is to blame is found by asking for each alone.
    pub(super) fn failed(&mut self, subject: &Arc<str>, error: EvaluationError) {
        match self.pending.get(subject) {
            Some(pending) if pending.points.len() > 1 => self.scatter(subject),
            _ => self.fail(subject, error),
        }
    }

    /// Each point of the job gets a job of its own.
    fn scatter(&mut self, subject: &Arc<str>) {
        let Some(pending) = self.close(subject) else { return };
        if let Some(known) = self.known.get_mut(&pending.question.function.name) {
            known.width.failed(&pending.question.function, self.now);
        }
        let again = self.alone(pending.points);
        self.count(|report| report.republished += again);
    }

    /// The server has lost the job: it is published again, a few times. What was lost with a whole
    /// queue is published again as often as that happens.
    pub(super) fn lost(&mut self, subject: &Arc<str>, why: &str) {
        self.lost_unless(false, subject, why);
    }

    /// The same; if it is `nobodys` fault as often as that happens.
    pub(super) fn lost_unless(&mut self, nobodys: bool, subject: &Arc<str>, why: &str) {
        let Some(pending) = self.pending.get_mut(subject) else { return };
        let with_all = nobodys || pending.era != self.era;
        // Of several points one may be to blame, or a worker that knows of no such jobs: not at the
        // first time, when it is the server as a rule.
        let is_suspect = pending.losses > 0 || pending.question.attempts < 2;
        if pending.points.len() > 1 && !with_all && is_suspect {
            return self.scatter(subject);
        }
        // What an earlier client left behind was no loss of ours.
        // A server that is making a stream anew may lose a job again and again, for a moment.
        let at_once = pending.lost_at.is_some_and(|last| self.now - last < MOMENT);
        if !pending.duplicate && !with_all && !at_once {
            pending.lost_at = Some(self.now);
            pending.losses += 1;
        }
        if pending.losses >= pending.question.attempts {
            let message = format!("{why}, {} times", pending.losses);
            return self.fail(subject, EvaluationError::new(Error::WorkerLost { message }));
        }
        pending.attempt += 1;
        pending.duplicate = false;
        self.count(|report| report.republished += 1);
        self.publish(subject);
    }

    /// Somebody waits no longer.
    pub(super) fn forget(&mut self, subject: &Arc<str>, ticket: u64) {
        let Some(point) = self.points.get_mut(subject) else { return };
        point.waiters.retain(|waiter| waiter.ticket != ticket);
        if point.waiters.is_empty() {
            self.leave(subject);
        }
    }

    /// Nobody waits for the point any more. A job ends with the last of its points.
    pub(super) fn leave(&mut self, subject: &Arc<str>) {
        let Some(job) = self.points.remove(subject).and_then(|point| point.job) else { return };
        let Some(pending) = self.pending.get_mut(&job) else { return };
        pending.wanted_points -= 1;
        if pending.wanted_points == 0 {
            self.give_up(&job);
        }
    }
}

/// How many points a job of this question has at most.
fn width(question: &Question) -> usize {
    if question.parameters.len() > MAX_FRAME / 2 { 1 } else { question.function.width.load(Ordering::Relaxed).max(1) }
}
