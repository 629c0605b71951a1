//! The desk: knows every evaluation that somebody waits for, and sees each to its end.
//!
//! INVARIANT: all that happens arrives as an [`Event`], with the time, and is handled one after the other; whatever must be
//! done leaves as an [`Action`], whose outcome is an event. Nothing here waits, sends or looks at a clock, so that it can be
//! driven without a server. The server may lose anything at any time: an evaluation is over when its answer is here, and
//! what is gone without one is published again.

mod answer;
pub(crate) mod events;
mod pending;
#[cfg(test)]
mod simulation;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::Message;
use bytes::Bytes;
use coquad::{Arithmetic, EvaluationError, Mixed};

use self::answer::Found;
pub(crate) use self::answer::given_up;
use self::events::{Action, Event, Function, Publication, Stored, Whereabouts, Wish};
use self::pending::Pending;
use crate::error::{Error, NatsReport};
use crate::names::{self, Space};

/// The kinds of arithmetic of a function's workers that are remembered.
const KINDS: usize = 16;
/// Look-ups under way at once, oldest evaluations first.
const LOOKING: usize = 100;
/// Names in one message of cancellation.
const CANCELLED: usize = 500;

pub(crate) struct Desk {
    space: Space,
    now: Instant,
    /// How often the connection was made.
    connections: u64,
    actions: Vec<Action>,
    /// By the subject of their answers.
    pending: HashMap<Arc<str>, Pending>,
    /// The same, oldest first.
    order: BTreeMap<u64, Arc<str>>,
    serials: u64,
    looking: usize,
    /// The next attempt at what failed or was given up before: the server drops what it thinks it has seen.
    attempts: HashMap<Arc<str>, u32>,
    /// What was answered last, by hashes of where and what: to count what comes again.
    answered: HashMap<u64, u64>,
    /// Held, so that their workers are counted while nobody happens to hold an evaluator.
    known: HashMap<String, Arc<Function>>,
    /// The numbers of the jobs that the server has given up, on this connection.
    dead: HashSet<u64>,
    runs: HashSet<Arc<str>>,
    cancelled: HashMap<Arc<str>, Vec<String>>,
    report: Arc<Mutex<NatsReport>>,
}

/// How many attempts and answers are remembered. A forgotten attempt costs a look-up: the server says that it has seen the
/// message.
const REMEMBERED: usize = 100_000;

impl Desk {
    pub(crate) fn new(space: Space, report: Arc<Mutex<NatsReport>>) -> Self {
        Self {
            space,
            now: Instant::now(),
            connections: 0,
            actions: Vec::new(),
            pending: HashMap::new(),
            order: BTreeMap::new(),
            serials: 0,
            looking: 0,
            attempts: HashMap::new(),
            answered: HashMap::new(),
            known: HashMap::new(),
            dead: HashSet::new(),
            runs: HashSet::new(),
            cancelled: HashMap::new(),
            report,
        }
    }

    /// What is to be done now, in this order.
    pub(crate) fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    pub(crate) fn runs(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().map(|run| &**run)
    }

    pub(crate) fn handle(&mut self, event: Event, now: Instant) {
        self.now = now;
        match event {
            Event::Know(function, run) => self.know(&function, &run),
            Event::Evaluate(wish) => self.evaluate(*wish),
            Event::Forget { subject, ticket } => self.forget(&subject, ticket),
            Event::Published(publication, outcome) => self.published(publication, outcome),
            Event::Arrived(message) => self.arrived(&message),
            Event::Earlier { subject, serial, answer } => self.earlier(&subject, serial, answer),
            Event::Looked { subject, serial, attempt, job, answer } => {
                self.looking -= 1;
                self.looked(&subject, serial, attempt, job, answer);
            }
            Event::Dead(sequence) => {
                if self.dead.len() >= REMEMBERED {
                    self.dead.clear();
                }
                self.dead.insert(sequence);
                if let Some(pending) = self.pending.values_mut().find(|pending| pending.sequence == Some(sequence)) {
                    pending.dead = true;
                    pending.due = now;
                    self.look_up();
                }
            }
            Event::Grown(function) => {
                let waiting = self.pending.values().filter(|pending| pending.function.name == function.name);
                waiting.flat_map(|pending| &pending.waiters).for_each(|waiter| waiter.nudge.wake());
            }
            // Answers may have come while nobody listened, and the server may be an empty one.
            Event::Connected => {
                self.connections += 1;
                self.dead.clear();
                self.actions.push(Action::Setup);
                self.pending.values_mut().for_each(|pending| pending.wait(now, Duration::ZERO));
            }
            Event::Refused(text) => self.refused(&text),
            Event::Tick => self.tick(),
            // Takes back what is left.
            Event::Close(_) => {
                let left: Vec<_> = self.order.values().cloned().collect();
                left.iter().for_each(|subject| self.give_up(subject));
                self.pause();
            }
        }
    }

    fn know(&mut self, function: &Arc<Function>, run: &Arc<str>) {
        if !self.known.contains_key(&function.name) {
            self.known.insert(function.name.clone(), function.clone());
            self.actions.push(Action::Follow(function.clone()));
        }
        if self.runs.insert(run.clone()) {
            self.actions.push(Action::Hear(run.clone()));
        }
    }

    fn evaluate(&mut self, wish: Wish) {
        self.know(&wish.function, &wish.run);
        if let Some(pending) = self.pending.get_mut(&wish.subject) {
            pending.waiters.push(wish.waiter);
            return;
        }
        self.serials += 1;
        let (serial, subject) = (self.serials, wish.subject.clone());
        let attempt = self.attempts.remove(&subject).unwrap_or(0);
        let named = !names::ends_with_its_client(&wish.run);
        self.order.insert(serial, subject.clone());
        self.pending.insert(subject.clone(), Pending::new(wish, serial, attempt, self.now));
        if named {
            self.actions.push(Action::Recall { subject, serial });
        } else {
            self.publish(&subject);
        }
    }

    /// The answer of an earlier client, or of this one before: taken if it is a value, else the job is published.
    fn earlier(&mut self, subject: &Arc<str>, serial: u64, answer: Option<Bytes>) {
        let Some(pending) = self.pending.get(subject).filter(|pending| pending.serial == serial) else { return };
        match answer.map(|answer| answer::read(&answer, &pending.id)) {
            Some(Found::Value(numbers, arithmetic)) => self.take(subject, numbers, arithmetic),
            _ => self.publish(subject),
        }
    }

    fn publish(&mut self, subject: &Arc<str>) {
        let Some(pending) = self.pending.get_mut(subject) else { return };
        pending.sequence = None;
        pending.dead = false;
        self.actions.push(Action::Publish(Publication {
            function: pending.function.clone(),
            subject: subject.clone(),
            serial: pending.serial,
            attempt: pending.attempt,
            message_id: pending.message_id(),
            payload: pending.payload.clone(),
            wanted: pending.wanted.clone(),
        }));
    }

    fn published(&mut self, publication: Publication, outcome: Result<Option<Stored>, Error>) {
        let Publication { subject, serial, attempt, message_id, wanted, .. } = publication;
        if !wanted.load(Ordering::Relaxed) {
            // Given up before it was known where it is.
            if let Ok(Some(Stored { sequence, .. })) = outcome {
                self.actions.push(Action::Delete { sequence, message_id, sure: false });
            }
            return;
        }
        let current = |pending: &&mut Pending| pending.serial == serial && pending.attempt == attempt;
        let Some(pending) = self.pending.get_mut(&subject).filter(current) else { return };
        match outcome {
            Ok(Some(stored)) => {
                pending.sequence = Some(stored.sequence);
                pending.connection = self.connections;
                pending.duplicate = stored.duplicate;
                // It may be an earlier client's, and given up long ago.
                pending.dead = stored.duplicate && self.dead.contains(&stored.sequence);
                pending.wait(self.now, if stored.duplicate { Duration::ZERO } else { pending::FIRST_LOOK });
                if stored.duplicate {
                    self.look_up();
                }
            }
            Ok(None) => {}
            Err(error) => self.finish(&subject, Err(EvaluationError::new(error))),
        }
    }

    /// An answer came by itself. What is no answer, or to no question of ours, is dropped.
    fn arrived(&mut self, message: &Message) {
        let Some(pending) = self.pending.get(message.subject.as_str()) else { return self.again(message) };
        let subject = self.order[&pending.serial].clone();
        match answer::read(&message.payload, &pending.id) {
            Found::Value(numbers, arithmetic) => self.take(&subject, numbers, arithmetic),
            Found::Failure(error) => self.finish(&subject, Err(error)),
            Found::Nothing => {}
        }
    }

    fn looked(
        &mut self,
        subject: &Arc<str>,
        serial: u64,
        attempt: u32,
        job: Whereabouts,
        answer: Result<Option<Bytes>, ()>,
    ) {
        let current = |pending: &&mut Pending| pending.serial == serial;
        let Some(pending) = self.pending.get_mut(subject).filter(current) else { return };
        pending.looking = false;
        if pending.attempt != attempt {
            return;
        }
        pending.back_off(self.now);
        let Ok(answer) = answer else { return };
        let found = answer.map_or(Found::Nothing, |answer| answer::read(&answer, &pending.id));
        let dead = pending.dead;
        let failure_counts = !pending.duplicate;
        let delete = pending.delete(self.connections);
        match (found, job) {
            (Found::Value(numbers, arithmetic), _) => {
                if job != Whereabouts::Gone {
                    self.actions.extend(delete);
                }
                self.take(subject, numbers, arithmetic);
            }
            // The failure of an earlier attempt says nothing of this one.
            (Found::Failure(error), Whereabouts::Gone) if failure_counts => self.finish(subject, Err(error)),
            (_, Whereabouts::Gone) => self.lost(subject, "the job is gone and no answer is there"),
            (_, Whereabouts::There | Whereabouts::Abandoned) if dead => {
                self.actions.extend(delete);
                let message = "each worker that it was given to was lost".into();
                self.finish(subject, Err(EvaluationError::new(Error::WorkerLost { message })));
            }
            (_, Whereabouts::Abandoned) => {
                self.actions.extend(delete);
                self.lost(subject, "the server gives the job to nobody");
            }
            (_, Whereabouts::There | Whereabouts::Unknown) => {}
        }
    }

    /// The server has lost the job: it is published again, a few times.
    fn lost(&mut self, subject: &Arc<str>, why: &str) {
        let Some(pending) = self.pending.get_mut(subject) else { return };
        // What an earlier client left behind was no loss of ours.
        if !pending.duplicate {
            pending.losses += 1;
        }
        if pending.losses >= pending.attempts {
            let message = format!("{why}, {} times", pending.losses);
            self.finish(subject, Err(EvaluationError::new(Error::WorkerLost { message })));
            return;
        }
        pending.attempt += 1;
        pending.duplicate = false;
        self.count(|report| report.republished += 1);
        self.publish(subject);
    }

    /// A value has come, from a worker of this arithmetic if it tells.
    fn take(&mut self, subject: &Arc<str>, numbers: Vec<f64>, arithmetic: Option<Arithmetic>) {
        let Some(pending) = self.pending.get(subject) else { return };
        let mut outcome = Ok(numbers);
        if let Some(found) = arithmetic {
            let mut kinds = pending.function.arithmetics.lock().unwrap_or_else(PoisonError::into_inner);
            let is_new = !kinds.contains(&found) && kinds.len() < KINDS;
            if is_new {
                kinds.push(found.clone());
            }
            let expected = match &pending.mixed {
                Mixed::Only(expected) => expected.clone(),
                _ => kinds[0].clone(),
            };
            drop(kinds);
            if !expected.agrees_with(&found) {
                let error = Error::Arithmetic { expected, found };
                if is_new {
                    let function = &*pending.function.name;
                    tracing::warn!(target: "coquad", %error, function, "values may have other bits");
                }
                if pending.mixed != Mixed::Count {
                    outcome = Err(EvaluationError::new(error));
                }
                self.count(|report| report.mixed += 1);
            }
        }
        self.finish(subject, outcome);
    }

    fn finish(&mut self, subject: &Arc<str>, outcome: Result<Vec<f64>, EvaluationError>) {
        let Some(pending) = self.pending.remove(subject) else { return };
        self.order.remove(&pending.serial);
        match &outcome {
            Ok(numbers) => {
                if self.answered.len() >= REMEMBERED {
                    self.answered.clear();
                }
                let (place, value) = self.marks(subject, numbers);
                self.answered.insert(place, value);
                self.count(|report| report.evaluations += 1);
            }
            // Asked again, it is evaluated again.
            Err(_) => self.remember(subject, pending.attempt + 1),
        }
        for waiter in pending.waiters {
            let _ = waiter.reply.send(outcome.clone());
        }
    }

    /// An answer to what nobody waits for: it may be another to what was answered.
    fn again(&mut self, message: &Message) {
        let Some(id) = message.subject.rsplit('.').next() else { return };
        let Found::Value(numbers, _) = answer::read(&message.payload, id) else { return };
        let (place, value) = self.marks(&message.subject, &numbers);
        match self.answered.get(&place) {
            Some(first) if *first == value => self.count(|report| report.duplicates += 1),
            Some(_) => self.count(|report| report.conflicts += 1),
            None => {}
        }
    }

    fn marks(&self, subject: &str, numbers: &[f64]) -> (u64, u64) {
        let hasher = self.answered.hasher();
        let bits: Vec<u64> = numbers.iter().map(|number| number.to_bits()).collect();
        (hasher.hash_one(subject), hasher.hash_one(bits))
    }

    fn count(&self, what: impl FnOnce(&mut NatsReport)) {
        what(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn remember(&mut self, subject: &Arc<str>, attempt: u32) {
        if self.attempts.len() >= REMEMBERED {
            self.attempts.clear();
        }
        self.attempts.insert(subject.clone(), attempt);
    }

    fn forget(&mut self, subject: &Arc<str>, ticket: u64) {
        let Some(pending) = self.pending.get_mut(subject) else { return };
        pending.waiters.retain(|waiter| waiter.ticket != ticket);
        if pending.waiters.is_empty() {
            self.give_up(subject);
        }
    }

    /// Takes an evaluation back: from the queue, and from the worker that has it.
    fn give_up(&mut self, subject: &Arc<str>) {
        let Some(pending) = self.pending.remove(subject) else { return };
        self.order.remove(&pending.serial);
        self.remember(subject, pending.attempt + 1);
        pending.wanted.store(false, Ordering::Relaxed);
        self.cancelled.entry(pending.run.clone()).or_default().push(pending.message_id());
        self.actions.extend(pending.delete(self.connections));
    }

    /// Before a pause: what was cancelled goes out together.
    pub(crate) fn pause(&mut self) {
        for (run, ids) in self.cancelled.drain() {
            let cancel = |ids: &[String]| Action::Cancel { run: run.clone(), message_ids: ids.join("\n") };
            self.actions.extend(ids.chunks(CANCELLED).map(cancel));
        }
    }

    fn tick(&mut self) {
        let late: Vec<_> = self.pending.values().filter_map(|pending| pending.late(self.now)).collect();
        for (serial, seconds) in late {
            let subject = self.order[&serial].clone();
            let waiters = self.pending.get_mut(&subject).map(|pending| std::mem::take(&mut pending.waiters));
            for waiter in waiters.into_iter().flatten() {
                let _ = waiter.reply.send(Err(EvaluationError::new(Error::Deadline { seconds })));
            }
            self.give_up(&subject);
        }
        self.look_up();
    }

    /// Looks for the jobs and answers that are due.
    fn look_up(&mut self) {
        for (&serial, subject) in &self.order {
            if self.looking >= LOOKING {
                break;
            }
            let pending = self.pending.get_mut(subject).expect("what is in the order is pending");
            if pending.looking || pending.due > self.now {
                continue;
            }
            pending.looking = true;
            self.looking += 1;
            self.actions.push(Action::Look {
                function: pending.function.clone(),
                subject: subject.clone(),
                serial,
                attempt: pending.attempt,
                sequence: pending.sequence,
                message_id: pending.message_id(),
            });
        }
    }

    /// A permission is missing: who waits for what it is needed for waits in vain.
    fn refused(&mut self, text: &str) {
        let lower = text.to_ascii_lowercase();
        if !lower.contains("permissions violation") {
            return;
        }
        let space = &self.space;
        let hit = |pending: &Pending| {
            text.contains(&space.job(&pending.function.name))
                || text.contains(&space.result(&pending.run, "*"))
                || text.contains("STREAM.CREATE")
        };
        let hit: Vec<_> = self.pending.values().filter(|pending| hit(pending)).map(|pending| pending.serial).collect();
        for serial in hit {
            let subject = self.order[&serial].clone();
            if let Some(pending) = self.pending.get(&subject) {
                pending.wanted.store(false, Ordering::Relaxed);
            }
            let reason = coquad::wire::printable(text);
            self.finish(&subject, Err(EvaluationError::new(Error::Refused { reason })));
        }
    }
}
