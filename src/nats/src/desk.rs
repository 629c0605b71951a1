//! The desk: knows every evaluation that somebody waits for, and sees each to its end.
//!
//! INVARIANT: all that happens arrives as an [`Event`], with the time, and is handled one after the other; whatever must be
//! done leaves as an [`Action`], whose outcome is an event. Nothing here waits, sends or looks at a clock, so that it can be
//! driven without a server. The server may lose anything at any time: an evaluation is over when its answer is here, and
//! what is gone without one is published again.

mod answer;
pub(crate) mod events;
mod jobs;
mod looks;
mod pending;
mod points;
mod shares;
#[cfg(test)]
mod simulation;
mod told;
mod width;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_nats::{Message, Subject};
use bytes::Bytes;
use coquad::wire::MAX_FRAME;
use coquad::{Arithmetic, EvaluationError, Mixed};

pub(crate) use self::answer::given_up;
use self::answer::{Found, Heard, Outcome};
use self::events::{Action, Event, Function, Publication, Question, Queue, Stored, Whereabouts, Wish};
use self::pending::Pending;
use self::points::{Gathering, Gatherings, Place, Point};
use self::shares::Shares;
use self::told::Told;
use self::width::Width;
use crate::error::{Error, NatsReport};
use crate::metrics::Workers;
use crate::names::{self, Space};

/// The kinds of arithmetic of a function's workers that are remembered.
const KINDS: usize = 16;
/// Workers of whom it is remembered what they have done, and the longest that one of their jobs is
/// believed to have taken.
const WORKERS: usize = 10_000;
const LONGEST_WORK: Duration = Duration::from_secs(366 * 24 * 3600);
/// Names in one message of cancellation.
const CANCELLED: usize = 500;

pub(crate) struct Desk {
    space: Space,
    now: Instant,
    /// How often the connection was made.
    connections: u64,
    actions: Vec<Action>,
    /// What somebody waits for, by the subjects of the points.
    points: HashMap<Arc<str>, Point>,
    /// Points without a job.
    gatherings: Gatherings,
    /// Jobs, by the subject of their answers.
    pending: HashMap<Arc<str>, Pending>,
    /// The same, oldest first.
    order: BTreeMap<u64, Arc<str>>,
    serials: u64,
    looking: usize,
    /// Jobs that are looked for before all others, as there is reason to think that they are gone.
    urgent: BTreeSet<u64>,
    /// Jobs whose answer may have been missed: it alone is looked for.
    missed: BTreeSet<u64>,
    /// Messages were dropped since the last pause.
    has_missed: bool,
    /// Which queue of jobs the server has, and how many of them there have been.
    queue: Option<SystemTime>,
    era: u64,
    /// The next attempt at what failed or was given up before: the server drops what it thinks it has seen.
    attempts: HashMap<Arc<str>, u32>,
    /// What was answered last, by hashes of where and what: to count what comes again.
    answered: HashMap<u64, u64>,
    /// The functions that were asked for.
    known: HashMap<String, Known>,
    /// The numbers of the jobs that the server has given up, on this connection, and after how
    /// many deliveries.
    dead: HashMap<u64, u32>,
    runs: HashSet<Arc<str>>,
    cancelled: HashMap<Arc<str>, Vec<String>>,
    report: Arc<Mutex<NatsReport>>,
    told: Told,
    workers: Workers,
}

/// A function, and what is known of it.
struct Known {
    /// Held, so that its workers are counted while nobody happens to hold an evaluator.
    function: Arc<Function>,
    width: Width,
    /// Its jobs that are under way.
    jobs: usize,
    shares: Shares,
}

/// How many attempts and answers are remembered. A forgotten attempt costs a look-up: the server says that it has seen the
/// message.
const REMEMBERED: usize = 100_000;

impl Desk {
    pub(crate) fn new(space: Space, report: Arc<Mutex<NatsReport>>, workers: Workers) -> Self {
        Self {
            space,
            now: Instant::now(),
            connections: 0,
            actions: Vec::new(),
            points: HashMap::new(),
            gatherings: Gatherings::default(),
            pending: HashMap::new(),
            order: BTreeMap::new(),
            serials: 0,
            looking: 0,
            urgent: BTreeSet::new(),
            missed: BTreeSet::new(),
            has_missed: false,
            queue: None,
            era: 0,
            attempts: HashMap::new(),
            answered: HashMap::new(),
            known: HashMap::new(),
            dead: HashMap::new(),
            runs: HashSet::new(),
            cancelled: HashMap::new(),
            report,
            told: Told::default(),
            workers,
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
            Event::Looked { subject, serial, attempt, job, answer, begun } => {
                self.looking -= 1;
                self.looked(&subject, serial, attempt, job, answer, begun);
                self.look_up_urgent();
            }
            Event::Dead(sequence, deliveries) => self.given_up(sequence, deliveries),
            Event::Queue(queue) => self.queue(queue),
            Event::Missed => {
                self.has_missed = true;
                self.count(|report| report.dropped += 1);
            }
            Event::Asked { subject, reply } => self.asked(&subject, reply),
            Event::Grown(function) => {
                let waiting = self.points.values().filter(|point| point.question.function.name == function.name);
                waiting.flat_map(|point| &point.waiters).for_each(|waiter| waiter.nudge.wake());
            }
            // Answers may have come while nobody listened, and the server may be an empty one.
            Event::Connected => {
                self.connections += 1;
                self.dead.clear();
                self.actions.push(Action::Setup);
                self.pending.values_mut().for_each(|pending| pending.wait(now, Duration::ZERO));
                self.mark_missed();
            }
            Event::Refused(text) => self.refused(&text),
            Event::Tick => self.tick(),
            // Takes back what is left.
            Event::Close(_) => {
                self.points.clear();
                let left: Vec<_> = self.order.values().cloned().collect();
                left.iter().for_each(|subject| self.give_up(subject));
                self.pause();
                self.tell(true);
            }
        }
    }

    fn know(&mut self, function: &Arc<Function>, run: &Arc<str>) {
        if !self.known.contains_key(&function.name) {
            let known =
                Known { function: function.clone(), width: Width::default(), jobs: 0, shares: Shares::default() };
            self.known.insert(function.name.clone(), known);
            self.actions.push(Action::Follow(function.clone()));
        }
        if !self.runs.contains(run) {
            self.runs.insert(run.clone());
            self.actions.push(Action::Hear(run.clone()));
        }
    }

    fn serial(&mut self) -> u64 {
        self.serials += 1;
        self.serials
    }

    fn evaluate(&mut self, wish: Wish) {
        self.know(&wish.question.function, &wish.question.run);
        if let Some(point) = self.points.get_mut(&wish.subject) {
            point.waiters.push(wish.waiter);
            return;
        }
        let (subject, question) = (wish.subject.clone(), wish.question.clone());
        let place = Place { subject: subject.clone(), serial: self.serial() };
        self.points.insert(subject, Point::new(wish, place.serial, self.now));
        self.gather(&question, place);
    }

    /// The answer of an earlier client, or of this one before: taken if it is a value, else the job is published.
    fn earlier(&mut self, subject: &Arc<str>, serial: u64, answer: Option<Bytes>) {
        let Some(pending) = self.pending.get(subject).filter(|pending| pending.serial == serial) else { return };
        match answer.map(|answer| answer::read(&answer, &pending.id, pending.points.len())) {
            Some(Found::Outcomes(heard)) => self.take(subject, heard),
            _ => self.enqueue(subject),
        }
    }

    fn publish(&mut self, subject: &Arc<str>) {
        let Some(pending) = self.pending.get_mut(subject) else { return };
        pending.sequence = None;
        pending.dead = None;
        pending.era = self.era;
        self.actions.push(Action::Publish(Publication {
            function: pending.question.function.clone(),
            subject: subject.clone(),
            serial: pending.serial,
            attempt: pending.attempt,
            message_id: pending.message_id(),
            payload: pending.payload(subject),
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
                pending.dead = self.dead.get(&stored.sequence).copied().filter(|_| stored.duplicate);
                pending.wait(self.now, if stored.duplicate { Duration::ZERO } else { pending::FIRST_LOOK });
                if stored.duplicate {
                    let serial = pending.serial;
                    self.look_up_soon(serial);
                }
            }
            Ok(None) => {}
            Err(error) => self.fail(&subject, EvaluationError::new(error)),
        }
    }

    /// An answer came by itself. What is no answer, or to no question of ours, is dropped.
    fn arrived(&mut self, message: &Message) {
        if names::is_placed(message.headers.as_ref()) {
            return;
        }
        let Some(pending) = self.pending.get(message.subject.as_str()) else { return self.again(message) };
        let subject = self.order[&pending.serial].clone();
        match answer::read(&message.payload, &pending.id, pending.points.len()) {
            Found::Outcomes(heard) => self.take(&subject, heard),
            Found::Failure(error) => self.failed(&subject, error),
            Found::Nothing => {}
        }
    }

    /// An answer to what nobody waits for: it may be another to what was answered.
    fn again(&mut self, message: &Message) {
        let Some(id) = message.subject.rsplit('.').next() else { return };
        let Some(bits) = answer::bits(&message.payload, id) else { return };
        let (place, value) = self.marks(&message.subject, &bits);
        match self.answered.get(&place) {
            Some(first) if *first == value => self.count(|report| report.duplicates += 1),
            Some(_) => self.count(|report| report.conflicts += 1),
            None => {}
        }
    }

    fn marks(&self, subject: &str, bits: &[u64]) -> (u64, u64) {
        let hasher = self.answered.hasher();
        (hasher.hash_one(subject), hasher.hash_one(bits))
    }

    fn count(&self, what: impl FnOnce(&mut NatsReport)) {
        what(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Jobs that the server has, or is being sent.
    pub(crate) fn jobs_sent(&self) -> usize {
        self.known.values().map(|known| known.shares.sent()).sum()
    }

    /// How much there is to do.
    fn tell_depths(&self) {
        let sent = self.jobs_sent();
        self.count(|report| {
            report.waiting = self.points.len() as u64;
            report.jobs = self.pending.len() as u64;
            report.held = report.jobs - sent as u64;
        });
    }

    fn remember(&mut self, subject: &Arc<str>, attempt: u32) {
        if self.attempts.len() >= REMEMBERED {
            self.attempts.clear();
        }
        self.attempts.insert(subject.clone(), attempt);
    }

    /// Takes a job back: from the queue, and from the worker that has it.
    fn give_up(&mut self, subject: &Arc<str>) {
        let Some(pending) = self.close(subject) else { return };
        if pending.points.len() == 1 && (pending.is_sent || pending.attempt > 0) {
            self.remember(subject, pending.attempt + u32::from(pending.is_sent));
        }
        if !pending.is_sent {
            return;
        }
        pending.wanted.store(false, Ordering::Relaxed);
        self.cancelled.entry(pending.question.run.clone()).or_default().push(pending.message_id());
        self.actions.extend(pending.delete(self.connections));
    }

    /// Before a pause: points that may have a job get one, and what was cancelled goes out
    /// together.
    pub(crate) fn pause(&mut self) {
        self.spread();
        self.release();
        if std::mem::take(&mut self.has_missed) {
            self.mark_missed();
        }
        self.tell_depths();
        for (run, ids) in self.cancelled.drain() {
            let cancel = |ids: &[String]| Action::Cancel { run: run.clone(), message_ids: ids.join("\n") };
            self.actions.extend(ids.chunks(CANCELLED).map(cancel));
        }
    }

    fn tick(&mut self) {
        let late = self.points.iter().filter_map(|(subject, point)| Some((subject.clone(), point.late(self.now)?)));
        for (subject, seconds) in late.collect::<Vec<_>>() {
            let waiters = self.points.get_mut(&subject).map(|point| std::mem::take(&mut point.waiters));
            for waiter in waiters.into_iter().flatten() {
                let _ = waiter.reply.send(Err(EvaluationError::new(Error::Deadline { seconds })));
            }
            self.leave(&subject);
        }
        self.gather_no_longer();
        self.look_up();
        self.tell(false);
    }

    /// A permission is missing: who waits for what it is needed for waits in vain.
    fn refused(&mut self, text: &str) {
        let lower = text.to_ascii_lowercase();
        if !lower.contains("permissions violation") {
            return;
        }
        let space = &self.space;
        let hit = |pending: &Pending| {
            text.contains(&space.job(&pending.question.function.name))
                || text.contains(&space.result(&pending.question.run, "*"))
                || text.contains("STREAM.CREATE")
        };
        let hit: Vec<_> = self.pending.values().filter(|pending| hit(pending)).map(|pending| pending.serial).collect();
        for serial in hit {
            let subject = self.order[&serial].clone();
            if let Some(pending) = self.pending.get(&subject) {
                pending.wanted.store(false, Ordering::Relaxed);
            }
            let reason = coquad::wire::printable(text);
            self.fail(&subject, EvaluationError::new(Error::Refused { reason }));
        }
    }
}
