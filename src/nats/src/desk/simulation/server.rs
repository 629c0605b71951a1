//! A model of JetStream: a queue of jobs, the last answer in each place, and whoever asks for a job.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::{SECOND, Time};
use crate::desk::events::{Stored, Whereabouts};

/// How long the identity of a message is remembered.
const WINDOW: Time = 120 * SECOND;
const MAX_DELIVER: u32 = 3;

/// A job as it is given to a worker.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) sequence: u64,
    pub(super) delivery: u32,
    pub(super) message_id: String,
    pub(super) subject: Arc<str>,
    pub(super) points: Vec<usize>,
    pub(super) era: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    /// With a worker, of whom something must be heard before this time.
    Out(Time),
    Dead,
}

#[derive(Debug)]
struct Job {
    message_id: String,
    subject: Arc<str>,
    points: Vec<usize>,
    deliveries: u32,
    state: State,
}

pub(super) enum Overdue {
    Not,
    Later,
    Again,
    Dead,
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) ack_wait: Time,
    /// Hands that have asked for a job, and the life in which they did.
    pub(super) waiting: VecDeque<(usize, u64)>,
    pub(super) there: bool,
    /// How often everything was lost.
    pub(super) era: u64,
    last: u64,
    jobs: BTreeMap<u64, Job>,
    seen: HashMap<String, (u64, Time)>,
    answers: HashMap<Arc<str>, Bytes>,
    /// The deliveries that workers have begun with, of jobs that were given out again.
    begun: HashMap<String, HashSet<u32>>,
    /// The identities of all jobs that were ever taken into the queue.
    pub(super) ever: HashSet<String>,
    /// Jobs that were given out again, and given up.
    pub(super) redelivered: u32,
    pub(super) dead: u32,
}

impl Server {
    pub(super) fn new(ack_wait: Time) -> Self {
        Self {
            ack_wait,
            waiting: VecDeque::new(),
            there: true,
            era: 0,
            last: 0,
            jobs: BTreeMap::new(),
            seen: HashMap::new(),
            answers: HashMap::new(),
            begun: HashMap::new(),
            ever: HashSet::new(),
            redelivered: 0,
            dead: 0,
        }
    }

    /// Loses everything: its numbers begin anew, and there are no streams until somebody makes them.
    pub(super) fn lose(&mut self) {
        self.there = false;
        self.era += 1;
        self.last = 0;
        self.jobs.clear();
        self.seen.clear();
        self.answers.clear();
        self.begun.clear();
    }

    pub(super) fn set_up(&mut self) {
        self.there = true;
    }

    pub(super) fn take(&mut self, message_id: &str, subject: &Arc<str>, payload: &[u8], now: Time) -> Option<Stored> {
        if !self.there {
            return None;
        }
        if let Some((sequence, when)) = self.seen.get(message_id)
            && now - when < WINDOW
        {
            return Some(Stored { sequence: *sequence, duplicate: true });
        }
        self.last += 1;
        self.ever.insert(message_id.to_owned());
        let (message_id, subject) = (message_id.to_owned(), subject.clone());
        self.seen.insert(message_id.clone(), (self.last, now));
        let job = coquad::wire::Job::decode(payload).expect("a job");
        assert_eq!(job.reply, Some(&*subject));
        let points = job.x.iter().map(|x| *x as usize).collect();
        self.jobs.insert(self.last, Job { message_id, subject, points, deliveries: 0, state: State::Waiting });
        Some(Stored { sequence: self.last, duplicate: false })
    }

    pub(super) fn give(&mut self, now: Time) -> Option<Given> {
        let (sequence, job) = self.jobs.iter_mut().find(|(_, job)| job.state == State::Waiting)?;
        job.deliveries += 1;
        job.state = State::Out(now + self.ack_wait);
        self.redelivered += u32::from(job.deliveries > 1);
        let points = job.points.clone();
        let (message_id, subject) = (job.message_id.clone(), job.subject.clone());
        Some(Given { sequence: *sequence, delivery: job.deliveries, message_id, subject, points, era: self.era })
    }

    pub(super) fn overdue(&mut self, sequence: u64, delivery: u32, now: Time) -> Overdue {
        let Some(job) = self.jobs.get_mut(&sequence) else { return Overdue::Not };
        match job.state {
            State::Out(until) if job.deliveries == delivery => {
                if until > now {
                    return Overdue::Later;
                }
                if job.deliveries < MAX_DELIVER {
                    job.state = State::Waiting;
                    return Overdue::Again;
                }
                job.state = State::Dead;
                self.dead += 1;
                Overdue::Dead
            }
            _ => Overdue::Not,
        }
    }

    pub(super) fn is_alive(&mut self, sequence: u64, delivery: u32, now: Time) {
        let until = now + self.ack_wait;
        if let Some(job) = self.jobs.get_mut(&sequence)
            && job.deliveries == delivery
            && matches!(job.state, State::Out(_))
        {
            job.state = State::Out(until);
        }
    }

    pub(super) fn delete(&mut self, sequence: u64) {
        self.jobs.remove(&sequence);
    }

    pub(super) fn whereabouts(&self, sequence: u64, message_id: &str) -> Whereabouts {
        match self.jobs.get(&sequence) {
            Some(job) if job.message_id == message_id => Whereabouts::There,
            _ if !self.there => Whereabouts::Unknown,
            _ => Whereabouts::Gone,
        }
    }

    pub(super) fn mark(&mut self, message_id: &str, delivery: u32) {
        if self.there {
            self.begun.entry(message_id.to_owned()).or_default().insert(delivery);
        }
    }

    pub(super) fn begun(&self, message_id: &str) -> u32 {
        self.begun.get(message_id).map_or(0, |deliveries| deliveries.len() as u32)
    }

    /// Which queue there is, and the oldest job in it.
    pub(super) fn describe(&self) -> Option<(u64, u64)> {
        let first = self.jobs.first_key_value().map_or(self.last + 1, |(first, _)| *first);
        self.there.then_some((self.era, first))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Whether nobody has a job and none waits.
    pub(super) fn is_idle(&self) -> bool {
        self.jobs.values().all(|job| job.state == State::Dead)
    }

    pub(super) fn store(&mut self, subject: &Arc<str>, answer: &Bytes) -> bool {
        if self.there {
            self.answers.insert(subject.clone(), answer.clone());
        }
        self.there
    }

    pub(super) fn answer(&self, subject: &str) -> Option<Bytes> {
        self.answers.get(subject).cloned()
    }
}
