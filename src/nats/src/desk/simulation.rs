//! The desk, a server and workers in virtual time, over a network that loses, repeats, delays and reorders what is sent.
//!
//! The desk is the real one. Server and workers are models of what JetStream and `worker/slot.rs` do: what is stored and given
//! out again, what is asked before an evaluation, what is repeated until it is confirmed. A trial is a function of its seed.

mod asking;
mod hands;
mod looking;
mod rows;
mod server;

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use coquad::wire::{Answers, Failure, FailureKind};
use coquad::{EvaluationError, Mixed};
use futures::channel::oneshot;

use self::looking::Look;
use self::server::{Given, Server};
use super::Desk;
use super::events::{Action, Event, Function, Publication, Question, Queue, Whereabouts};
use crate::error::{Error, NatsReport};
use crate::metrics::Workers;
use crate::names::Space;
use crate::noise::Noise;
use crate::ops;

/// Microseconds.
type Time = u64;
const MILLISECOND: Time = 1000;
const SECOND: Time = 1_000_000;

/// What happens at some time.
type Happening = Box<dyn FnOnce(&mut World)>;

/// As in `ops.rs`.
const UNCONFIRMED: Time = ops::UNCONFIRMED.as_micros() as Time;
const FIRST_PAUSE: Time = 20 * MILLISECOND;

/// How long an answer is waited for, of whatever request.
const TIMEOUT: Time = 5 * SECOND;

/// Who is at the other end from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Coordinator,
    Worker(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToServer,
    FromServer,
}

/// Nothing passes between two times; what is sent meanwhile comes afterwards, or never.
#[derive(Clone, Debug)]
struct Cut {
    who: Who,
    ways: Vec<Way>,
    from: Time,
    until: Time,
    lost: bool,
}

/// What the network and everybody else may do, in percent of the messages, or of the evaluations.
#[derive(Clone, Debug, Default)]
struct Faults {
    dropped: usize,
    doubled: usize,
    /// Jobs that no worker gets which they were given to.
    undelivered: usize,
    /// Answers do not come by themselves.
    deaf: bool,
    /// By up to three seconds.
    delayed: usize,
    crashes: usize,
    /// Workers give no signs of life.
    mute: bool,
    /// The bits of an answer depend on how often the job was given out.
    fickle: bool,
    cut: Option<Cut>,
    /// Evaluations take microseconds as a rule, so that jobs have many points.
    swift: bool,
    /// Answers to jobs of many points are for one too few or too many.
    lies: usize,
    /// Whoever evaluates this point dies of it.
    poison: Option<usize>,
    /// When the server loses all that it has stored.
    losses: Vec<Time>,
}

/// An evaluation that somebody asked for.
struct Asked {
    point: usize,
    reply: oneshot::Receiver<Result<Vec<f64>, EvaluationError>>,
    at: Time,
    ended: Option<(Time, Result<u64, EvaluationError>)>,
    dropped: bool,
}

/// A slot of a worker.
#[derive(Debug, Default)]
struct Hand {
    /// One more when its process is started again: what was for the old one is nobody's.
    life: u64,
    busy: Option<Given>,
    /// One more for each job, so that what belongs to an old one is known.
    turn: u64,
    /// What was given to it while it was busy, after a request that it thought lost.
    queue: VecDeque<Given>,
}

#[derive(Clone, Debug, Default)]
struct Counts {
    /// Evaluations that were begun, and jobs that reached a worker, by point.
    evaluations: Vec<u32>,
    deliveries: Vec<u32>,
    /// Jobs that reached a worker, and the most points that one of them had.
    jobs: u32,
    widest: usize,
    /// Crashes of a worker over a point.
    crashes: u32,
    /// Answers to what was answered before, with the same bits and with others.
    duplicates: u64,
    conflicts: u64,
}

struct World {
    noise: Noise,
    now: Time,
    serial: u64,
    queue: BTreeMap<(Time, u64), Happening>,
    faults: Faults,
    epoch: Instant,
    desk: Desk,
    report: Arc<Mutex<NatsReport>>,
    server: Server,
    hands: Vec<Hand>,
    question: Arc<Question>,
    asked: Vec<Asked>,
    /// The bits that were answered: by point, and by the subject of the job.
    answered: HashMap<usize, u64>,
    taken: HashMap<String, Vec<u64>>,
    counts: Counts,
}

/// The function: a few points have no value.
fn value(point: usize) -> Option<f64> {
    (point % 16 != 15).then(|| (point as f64).sin())
}

fn id(point: usize) -> String {
    format!("p{point:x}")
}

impl World {
    fn new(
        seed: u64,
        run: &str,
        points: usize,
        hands: usize,
        ack_wait: Time,
        deadline: Option<Duration>,
        faults: Faults,
    ) -> Self {
        let report = Arc::<Mutex<NatsReport>>::default();
        let function = Arc::new(Function::new("f".into(), hands));
        if faults.swift {
            // As was learnt before.
            function.width.store(64, Ordering::Relaxed);
        }
        let question = Arc::new(Question {
            function: function.clone(),
            axes: 1,
            run: run.into(),
            parameters: Arc::default(),
            limit: None,
            deadline,
            // A job is lost as often as the server loses its store, and no more.
            attempts: if faults.losses.is_empty() { 3 } else { faults.losses.len() as u32 + 1 },
            weight: 1.0,
            quota: usize::MAX,
            mixed: Mixed::Count,
        });
        let mut world = World {
            noise: Noise(seed),
            now: 0,
            serial: 0,
            queue: BTreeMap::new(),
            epoch: Instant::now(),
            desk: Desk::new(Space("s".into()), report.clone(), Workers::default()),
            report,
            server: Server::new(ack_wait),
            hands: (0..hands).map(|_| Hand::default()).collect(),
            question,
            asked: Vec::new(),
            answered: HashMap::new(),
            taken: HashMap::new(),
            counts: Counts { evaluations: vec![0; points], deliveries: vec![0; points], ..Counts::default() },
            faults,
        };
        for hand in 0..hands {
            world.later(0, move |world| world.request_job(hand));
        }
        for at in world.faults.losses.clone() {
            world.later(at, |world| {
                world.server.lose();
                world.later(20 * MILLISECOND, |world| world.tell(Event::Connected));
            });
        }
        if let Some(cut) = world.faults.cut.clone().filter(|cut| cut.lost && cut.until < Time::MAX) {
            // The connection is made anew.
            world.later(cut.until, move |world| match cut.who {
                Who::Coordinator => world.tell(Event::Connected),
                Who::Worker(hand) if world.hands[hand].busy.is_none() => world.request_job(hand),
                Who::Worker(_) => {}
            });
        }
        world.tick();
        world
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.noise.below(100) < percent
    }

    fn within(&mut self, end: Time) -> Time {
        self.noise.below(end as usize) as Time
    }

    fn later(&mut self, pause: Time, what: impl FnOnce(&mut World) + 'static) {
        self.serial += 1;
        self.queue.insert((self.now + pause, self.serial), Box::new(what));
    }

    /// Lets the next thing happen, and says whether there was one.
    fn step(&mut self) -> bool {
        let Some(((now, _), what)) = self.queue.pop_first() else { return false };
        self.now = now;
        what(self);
        true
    }

    /// Over the network, which may do to it what it does.
    fn send(&mut self, who: Who, way: Way, what: impl Fn(&mut World) + Clone + 'static) {
        for _ in 0..if self.chance(self.faults.doubled) { 2 } else { 1 } {
            if self.chance(self.faults.dropped) {
                continue;
            }
            let mut pause = 100 + self.within(MILLISECOND);
            if self.chance(self.faults.delayed) {
                pause += self.within(3 * SECOND);
            }
            if let Some(cut) = &self.faults.cut
                && cut.who == who
                && cut.ways.contains(&way)
                && (cut.from..cut.until).contains(&self.now)
            {
                if cut.lost || cut.until == Time::MAX {
                    continue;
                }
                pause += cut.until - self.now;
            }
            let (era, what) = (self.server.era, what.clone());
            self.later(pause, move |world| {
                // With its store the server has lost its connections.
                if world.server.era == era {
                    what(world);
                }
            });
        }
    }

    /// Asks the server, and goes on with its answer, or without.
    fn request<R: Clone + 'static>(
        &mut self,
        who: Who,
        ask: impl Fn(&mut World) -> R + Clone + 'static,
        then: impl Fn(&mut World, Option<R>) + Clone + 'static,
    ) {
        let done = Rc::new(Cell::new(false));
        let (over, without) = (done.clone(), then.clone());
        self.later(TIMEOUT, move |world| {
            if !over.replace(true) {
                without(world, None);
            }
        });
        self.send(who, Way::ToServer, move |world| {
            let (answer, done, then) = (ask(world), done.clone(), then.clone());
            world.dispatch();
            world.send(who, Way::FromServer, move |world| {
                if !done.replace(true) {
                    then(world, Some(answer.clone()));
                }
            });
        });
    }

    // The coordinator: what `drive.rs` and `ops.rs` do.

    fn tick(&mut self) {
        self.tell(Event::Tick);
        self.describe();
        // Whoever counts the workers finds that there is no stream.
        if !self.server.there && self.chance(25) {
            self.act(Action::Setup);
        }
        self.later(250 * MILLISECOND, Self::tick);
    }

    /// What `watch.rs` asks the server for.
    fn describe(&mut self) {
        let epoch = SystemTime::UNIX_EPOCH;
        self.request(
            Who::Coordinator,
            |world| world.server.describe(),
            move |world, queue| {
                if let Some((era, first)) = queue.flatten() {
                    let created = epoch + Duration::from_secs(era);
                    world.tell(Event::Queue(Queue { created, first, jobs: 0, room: 0 }));
                }
            },
        );
    }

    fn tell(&mut self, event: Event) {
        self.tell_all([event]);
    }

    /// These happen so fast one after the other that nobody pauses between them.
    fn tell_all(&mut self, events: impl IntoIterator<Item = Event>) {
        let now = self.epoch + Duration::from_micros(self.now);
        for event in events {
            let answer = match &event {
                Event::Arrived(message) => Some((message.subject.to_string(), message.payload.clone())),
                Event::Earlier { subject, answer: Some(answer), .. }
                | Event::Looked { subject, answer: Ok(Some(answer)), .. } => {
                    Some((subject.to_string(), answer.clone()))
                }
                _ => None,
            };
            let arrived = matches!(event, Event::Arrived(_));
            let points = answer.as_ref().and_then(|(subject, _)| Some(self.desk.pending.get(&**subject)?.points.len()));
            self.desk.handle(event, now);
            if let Some((subject, payload)) = answer {
                self.heard(subject, &payload, points, arrived);
            }
        }
        self.desk.pause();
        for action in self.desk.actions() {
            self.act(action);
        }
        for asked in self.asked.iter_mut().filter(|asked| asked.ended.is_none()) {
            if let Ok(Some(outcome)) = asked.reply.try_recv() {
                let outcome = outcome.map(|numbers| numbers[0].to_bits());
                if let Ok(bits) = outcome {
                    self.answered.insert(asked.point, bits);
                }
                asked.ended = Some((self.now, outcome));
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Follow(_) | Action::Hear(_) | Action::Release { .. } => {}
            Action::Setup => self.request(Who::Coordinator, |world| world.server.set_up(), |_, _| {}),
            Action::Delete { sequence, message_id, sure } => {
                let until = self.now + UNCONFIRMED;
                self.delete(Rc::new(Deletion { sequence, message_id, until }), sure, FIRST_PAUSE);
            }
            Action::Cancel { message_ids, .. } => {
                for hand in 0..self.hands.len() {
                    let ids = message_ids.clone();
                    // By way of the server: two ways on which it may be lost.
                    self.send(Who::Coordinator, Way::ToServer, move |world| {
                        let ids = ids.clone();
                        world.send(Who::Worker(hand), Way::FromServer, move |world| world.cancelled(hand, &ids));
                    });
                }
            }
            Action::Recall { subject, serial } => {
                let place = subject.clone();
                self.request(
                    Who::Coordinator,
                    move |world| world.server.answer(&place),
                    move |world, answer| {
                        world.tell(Event::Earlier { subject: subject.clone(), serial, answer: answer.flatten() });
                    },
                );
            }
            Action::Publish(publication) => {
                let until = self.now + UNCONFIRMED;
                self.publish(publication, until, false, FIRST_PAUSE);
            }
            Action::Look { subject, serial, attempt, sequence, message_id, dead, .. } => {
                self.look(Rc::new(Look { subject, serial, attempt, sequence, message_id, dead }));
            }
        }
    }

    fn publish(&mut self, publication: Publication, until: Time, sent: bool, pause: Time) {
        if !(publication.wanted.load(Ordering::Relaxed) || sent && self.now < until) {
            return self.tell(Event::Published(publication, Ok(None)));
        }
        let job = publication.clone();
        self.request(
            Who::Coordinator,
            move |world| world.server.take(&job.message_id, &job.subject, &job.payload, world.now),
            move |world, stored| {
                let publication = publication.clone();
                if let Some(stored @ Some(_)) = stored {
                    // What happens meanwhile is heard of first.
                    let pause = world.within(MILLISECOND);
                    return world.later(pause, move |world| world.tell(Event::Published(publication, Ok(stored))));
                }
                if stored.is_some() {
                    world.act(Action::Setup);
                }
                world.later(pause, move |world| world.publish(publication, until, true, (2 * pause).min(SECOND)));
            },
        );
    }

    fn delete(&mut self, deletion: Rc<Deletion>, sure: bool, pause: Time) {
        let (job, sequence) = (deletion.clone(), deletion.sequence);
        let again = move |world: &mut World, deletion: Rc<Deletion>| {
            world.later(pause, move |world| world.delete(deletion, false, (2 * pause).min(SECOND)));
        };
        if self.now >= deletion.until {
        } else if sure {
            let then = move |world: &mut World, gone: Option<()>| {
                if gone.is_none() {
                    again(world, deletion.clone());
                }
            };
            self.request(Who::Coordinator, move |world| world.server.delete(sequence), then);
        } else {
            let then = move |world: &mut World, found| match found {
                Some(Whereabouts::Gone) => {}
                Some(Whereabouts::There | Whereabouts::Abandoned) => world.delete(deletion.clone(), true, pause),
                Some(Whereabouts::Unknown) | None => again(world, deletion.clone()),
            };
            self.request(Who::Coordinator, move |world| world.server.whereabouts(sequence, &job.message_id), then);
        }
    }
}

struct Deletion {
    sequence: u64,
    message_id: String,
    until: Time,
}
