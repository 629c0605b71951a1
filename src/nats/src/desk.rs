//! The desk: one task that knows every evaluation that somebody waits for, and sees each to its end.
//!
//! INVARIANT: all that happens arrives as an [`Event`] on one channel and is handled one after the other; whatever takes
//! time is a task of its own that reports back by an event. The server may lose anything at any time: an evaluation is
//! over when its answer is here, and what is gone without one is published again.

mod answer;
mod pending;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::{Message, ServerError, Subscriber};
use bytes::Bytes;
use coquad::EvaluationError;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender};
use futures::channel::oneshot;

use self::answer::Found;
use self::pending::Pending;
pub(crate) use self::pending::{Waiter, Wish};
use crate::error::Error;
use crate::names;
use crate::ops::{Function, Ops, Stored, Whereabouts};

/// How often deadlines and due look-ups are seen to.
const TICK: Duration = Duration::from_millis(250);
/// Look-ups under way at once, oldest evaluations first.
const LOOKING: usize = 100;
/// Names in one message of cancellation.
const CANCELLED: usize = 500;

/// What the desk hears of.
pub(crate) enum Event {
    /// A function will be asked for, on this run.
    Know(Arc<Function>, Arc<str>),
    /// Somebody wants a value.
    Evaluate(Box<Wish>),
    /// Somebody no longer does.
    Forget {
        subject: Arc<str>,
        ticket: u64,
    },
    /// The server has the job, or never will.
    Published {
        subject: Arc<str>,
        serial: u64,
        attempt: u32,
        outcome: Result<Option<Stored>, Error>,
    },
    /// An answer, as it came.
    Arrived(Message),
    /// An answer of before was looked for.
    Earlier {
        subject: Arc<str>,
        serial: u64,
        answer: Option<Bytes>,
    },
    /// A job was looked for.
    Looked {
        subject: Arc<str>,
        serial: u64,
        attempt: u32,
        job: Whereabouts,
        answer: Result<Option<Bytes>, ()>,
    },
    /// The server has given a job up.
    Dead {
        sequence: u64,
    },
    /// There are more workers.
    Grown(Arc<Function>),
    /// Something happened to the connection.
    Connection(async_nats::Event),
    Tick,
    /// Nobody will ask for anything any more.
    Close(Option<oneshot::Sender<()>>),
}

pub(crate) struct Desk {
    ops: Ops,
    to_self: UnboundedSender<Event>,
    /// By the subject of their answers.
    pending: HashMap<Arc<str>, Pending>,
    /// The same, oldest first.
    order: BTreeMap<u64, Arc<str>>,
    serials: u64,
    looking: usize,
    /// The next attempt at what failed or was given up before: the server drops what it thinks it has seen.
    attempts: HashMap<Arc<str>, u32>,
    known: HashMap<String, Arc<Function>>,
    runs: HashSet<Arc<str>>,
    cancelled: HashMap<Arc<str>, Vec<String>>,
}

/// How many attempts are remembered. A forgotten one costs a look-up: the server says that it has seen the message.
const REMEMBERED: usize = 100_000;

impl Desk {
    pub(crate) fn new(ops: Ops, to_self: UnboundedSender<Event>) -> Self {
        Self {
            ops,
            to_self,
            pending: HashMap::new(),
            order: BTreeMap::new(),
            serials: 0,
            looking: 0,
            attempts: HashMap::new(),
            known: HashMap::new(),
            runs: HashSet::new(),
            cancelled: HashMap::new(),
        }
    }

    /// Serves until [`Event::Close`].
    pub(crate) async fn serve(mut self, mut events: UnboundedReceiver<Event>) {
        let ticks = self.to_self.clone();
        tokio::spawn(async move {
            while ticks.unbounded_send(Event::Tick).is_ok() {
                tokio::time::sleep(TICK).await;
            }
        });
        if let Ok(dead) = self.ops.client.subscribe(self.ops.server.space.dead()).await {
            self.forward(dead, |message| Some(Event::Dead { sequence: answer::given_up(&message.payload)? }));
        }
        loop {
            let event = match events.try_recv() {
                Ok(event) => event,
                Err(_) => {
                    // Before a pause: what was cancelled goes out together.
                    self.flush_cancelled().await;
                    let Some(event) = events.next().await else { break };
                    event
                }
            };
            if let Event::Close(done) = event {
                self.close().await;
                done.map(|done| done.send(()));
                break;
            }
            self.handle(event).await;
        }
    }

    fn forward(&self, mut from: Subscriber, event: impl Fn(Message) -> Option<Event> + Send + 'static) {
        let to = self.to_self.clone();
        tokio::spawn(async move {
            while let Some(message) = from.next().await {
                if event(message).is_some_and(|event| to.unbounded_send(event).is_err()) {
                    break;
                }
            }
        });
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Know(function, run) => self.know(function, run).await,
            Event::Evaluate(wish) => self.evaluate(*wish).await,
            Event::Forget { subject, ticket } => self.forget(&subject, ticket),
            Event::Published { subject, serial, attempt, outcome } => {
                self.published(&subject, serial, attempt, outcome);
            }
            Event::Arrived(message) => self.arrived(&message),
            Event::Earlier { subject, serial, answer } => self.earlier(&subject, serial, answer),
            Event::Looked { subject, serial, attempt, job, answer } => {
                self.looking -= 1;
                self.looked(&subject, serial, attempt, job, answer);
            }
            Event::Dead { sequence } => {
                if let Some(pending) = self.pending.values_mut().find(|pending| pending.sequence == Some(sequence)) {
                    pending.dead = true;
                    pending.due = Instant::now();
                    self.look_up();
                }
            }
            Event::Grown(function) => {
                let waiting = self.pending.values().filter(|pending| pending.function.name == function.name);
                waiting.flat_map(|pending| &pending.waiters).for_each(|waiter| waiter.nudge.wake());
            }
            Event::Connection(event) => self.connection(&event),
            Event::Tick => self.tick(),
            Event::Close(_) => {}
        }
    }

    async fn know(&mut self, function: Arc<Function>, run: Arc<str>) {
        if !self.known.contains_key(&function.name) {
            self.ops.follow(&function);
            self.known.insert(function.name.clone(), function);
        }
        if self.runs.insert(run.clone()) {
            let space = &self.ops.server.space;
            if let Ok(answers) = self.ops.client.subscribe(space.result(&run, "*")).await {
                self.forward(answers, |message| Some(Event::Arrived(message)));
            }
            if let Ok(mut questions) = self.ops.client.subscribe(space.alive(&run)).await {
                let client = self.ops.client.clone();
                tokio::spawn(async move {
                    while let Some(question) = questions.next().await {
                        if let Some(reply) = question.reply {
                            let _ = client.publish(reply, Bytes::new()).await;
                        }
                    }
                });
            }
        }
    }

    async fn evaluate(&mut self, wish: Wish) {
        self.know(wish.function.clone(), wish.run.clone()).await;
        if let Some(pending) = self.pending.get_mut(&wish.subject) {
            pending.waiters.push(wish.waiter);
            return;
        }
        self.serials += 1;
        let (serial, subject) = (self.serials, wish.subject.clone());
        let attempt = self.attempts.remove(&subject).unwrap_or(0);
        let named = !names::ends_with_its_client(&wish.run);
        self.order.insert(serial, subject.clone());
        self.pending.insert(subject.clone(), Pending::new(wish, serial, attempt));
        if named {
            let (ops, to) = (self.ops.clone(), self.to_self.clone());
            tokio::spawn(async move {
                let answer = ops.stored(&subject).await.unwrap_or(None);
                let _ = to.unbounded_send(Event::Earlier { subject, serial, answer });
            });
        } else {
            self.publish(&subject);
        }
    }

    /// The answer of an earlier client, or of this one before: taken if it is a value, else the job is published.
    fn earlier(&mut self, subject: &Arc<str>, serial: u64, answer: Option<Bytes>) {
        let Some(pending) = self.pending.get(subject).filter(|pending| pending.serial == serial) else { return };
        match answer.map(|answer| answer::read(&answer, &pending.id)) {
            Some(Found::Value(numbers)) => self.finish(subject, Ok(numbers)),
            _ => self.publish(subject),
        }
    }

    fn publish(&mut self, subject: &Arc<str>) {
        let Some(pending) = self.pending.get_mut(subject) else { return };
        pending.sequence = None;
        pending.dead = false;
        let (serial, attempt, wanted) = (pending.serial, pending.attempt, pending.wanted.clone());
        let (function, payload, message_id) = (pending.function.clone(), pending.payload.clone(), pending.message_id());
        let (ops, to, subject) = (self.ops.clone(), self.to_self.clone(), subject.clone());
        tokio::spawn(async move {
            let outcome = ops.publish(&function.name, &message_id, payload, &wanted).await;
            if let Ok(Some(stored)) = outcome
                && !wanted.load(Ordering::Relaxed)
            {
                ops.delete(stored.sequence).await;
            }
            let _ = to.unbounded_send(Event::Published { subject, serial, attempt, outcome });
        });
    }

    fn published(&mut self, subject: &Arc<str>, serial: u64, attempt: u32, outcome: Result<Option<Stored>, Error>) {
        let current = |pending: &&mut Pending| pending.serial == serial && pending.attempt == attempt;
        let Some(pending) = self.pending.get_mut(subject).filter(current) else { return };
        match outcome {
            Ok(Some(stored)) => {
                pending.sequence = Some(stored.sequence);
                pending.duplicate = stored.duplicate;
                pending.wait(if stored.duplicate { Duration::ZERO } else { pending::FIRST_LOOK });
                if stored.duplicate {
                    self.look_up();
                }
            }
            Ok(None) => {}
            Err(error) => self.finish(subject, Err(EvaluationError::new(error))),
        }
    }

    /// An answer came by itself. What is no answer, or to no question of ours, is dropped.
    fn arrived(&mut self, message: &Message) {
        let Some(pending) = self.pending.get(message.subject.as_str()) else { return };
        let subject = self.order[&pending.serial].clone();
        match answer::read(&message.payload, &pending.id) {
            Found::Value(numbers) => self.finish(&subject, Ok(numbers)),
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
        pending.back_off();
        let Ok(answer) = answer else { return };
        let found = answer.map_or(Found::Nothing, |answer| answer::read(&answer, &pending.id));
        let sequence = pending.sequence;
        let delete = || {
            if let Some(sequence) = sequence {
                let ops = self.ops.clone();
                tokio::spawn(async move { ops.delete(sequence).await });
            }
        };
        match (found, job) {
            (Found::Value(numbers), _) => {
                if job != Whereabouts::Gone {
                    delete();
                }
                self.finish(subject, Ok(numbers));
            }
            // The failure of an earlier attempt says nothing of this one.
            (Found::Failure(error), Whereabouts::Gone) if !pending.duplicate => self.finish(subject, Err(error)),
            (_, Whereabouts::Gone) => self.lost(subject, "the job is gone and no answer is there"),
            (_, Whereabouts::There | Whereabouts::Abandoned) if pending.dead => {
                delete();
                let message = "each worker that it was given to was lost".into();
                self.finish(subject, Err(EvaluationError::new(Error::WorkerLost { message })));
            }
            (_, Whereabouts::Abandoned) => {
                delete();
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
        self.publish(subject);
    }

    fn finish(&mut self, subject: &Arc<str>, outcome: Result<Vec<f64>, EvaluationError>) {
        let Some(pending) = self.pending.remove(subject) else { return };
        self.order.remove(&pending.serial);
        if outcome.is_err() {
            // Asked again, it is evaluated again.
            self.remember(subject, pending.attempt + 1);
        }
        for waiter in pending.waiters {
            let _ = waiter.reply.send(outcome.clone());
        }
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
        if let Some(sequence) = pending.sequence {
            let ops = self.ops.clone();
            tokio::spawn(async move { ops.delete(sequence).await });
        }
    }

    async fn flush_cancelled(&mut self) {
        for (run, ids) in std::mem::take(&mut self.cancelled) {
            for ids in ids.chunks(CANCELLED) {
                let _ = self.ops.client.publish(self.ops.server.space.cancel(&run), ids.join("\n").into()).await;
            }
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        let late: Vec<_> = self.pending.values().filter_map(|pending| pending.late(now)).collect();
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
        let now = Instant::now();
        for (&serial, subject) in &self.order {
            if self.looking >= LOOKING {
                break;
            }
            let pending = self.pending.get_mut(subject).expect("what is in the order is pending");
            if pending.looking || pending.due > now {
                continue;
            }
            pending.looking = true;
            self.looking += 1;
            let (ops, to, subject) = (self.ops.clone(), self.to_self.clone(), subject.clone());
            let (function, attempt) = (pending.function.clone(), pending.attempt);
            let (sequence, message_id) = (pending.sequence, pending.message_id());
            tokio::spawn(async move {
                let (job, answer) = ops.look(&function.name, sequence, &message_id, &subject).await;
                let _ = to.unbounded_send(Event::Looked { subject, serial, attempt, job, answer });
            });
        }
    }

    fn connection(&mut self, event: &async_nats::Event) {
        match event {
            // Answers may have come while nobody listened, and the server may be an empty one.
            async_nats::Event::Connected => {
                let ops = self.ops.clone();
                tokio::spawn(async move {
                    let _ = ops.setup().await;
                });
                self.pending.values_mut().for_each(|pending| pending.wait(Duration::ZERO));
            }
            async_nats::Event::ServerError(ServerError::Other(text)) => self.refused(text),
            _ => {}
        }
    }

    /// A permission is missing: who waits for what it is needed for waits in vain.
    fn refused(&mut self, text: &str) {
        let lower = text.to_ascii_lowercase();
        if !lower.contains("permissions violation") {
            return;
        }
        let space = &self.ops.server.space;
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

    /// Takes back what is left, and what nobody can ask for any more.
    async fn close(&mut self) {
        let left: Vec<_> = self.order.values().cloned().collect();
        left.iter().for_each(|subject| self.give_up(subject));
        self.flush_cancelled().await;
        let farewell = async {
            for run in self.runs.iter().filter(|run| names::ends_with_its_client(run)) {
                self.ops.purge(run).await;
            }
            let _ = self.ops.client.flush().await;
        };
        let _ = tokio::time::timeout(Duration::from_millis(500), farewell).await;
    }
}
