//! One job that is under way, of one point or of several.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use bytes::Bytes;
use coquad::wire::Job;

use super::events::{Action, Question};
use super::points::Place;

/// A job this old is looked for, in case its answer was missed.
pub(super) const FIRST_LOOK: Duration = Duration::from_secs(2);
/// Then less and less often, down to this.
const RARELY: Duration = Duration::from_secs(10);
/// A job of which the server said nothing is looked for again after this.
const UNSAID: Duration = Duration::from_millis(750);

pub(super) struct Pending {
    pub(super) serial: u64,
    pub(super) question: Arc<Question>,
    pub(super) id: String,
    /// Its points, in the order of the job, and how many of them somebody still waits for.
    pub(super) points: Box<[Place]>,
    /// The numbers of all of them.
    x: Box<[f64]>,
    pub(super) wanted_points: usize,
    /// Part of the message's identity, so that the server takes the same job again.
    pub(super) attempt: u32,
    pub(super) losses: u32,
    /// When the last of them was.
    pub(super) lost_at: Option<Instant>,
    /// How often the server gave the job to nobody, and it was no loss.
    pub(super) mislaid: u32,
    /// Whether it was sent to the server, or waits here.
    pub(super) is_sent: bool,
    /// The job's number in the stream, once the server has it.
    pub(super) sequence: Option<u64>,
    /// The connection on which it was told to us.
    pub(super) connection: u64,
    /// In which queue it is, counted as they were made.
    pub(super) era: u64,
    /// The server had the message before: an earlier client's, or what we gave up.
    pub(super) duplicate: bool,
    /// The server has said that it gives the job to nobody any more, after so many deliveries.
    pub(super) dead: Option<u32>,
    /// Cleared when nobody waits any more.
    pub(super) wanted: Arc<AtomicBool>,
    /// When to look for it.
    pub(super) due: Instant,
    pause: Duration,
    pub(super) looking: bool,
}

impl Pending {
    pub(super) fn new(
        question: Arc<Question>,
        id: String,
        points: Vec<(Place, Box<[f64]>)>,
        serial: u64,
        attempt: u32,
        now: Instant,
    ) -> Self {
        let (points, x): (Vec<Place>, Vec<Box<[f64]>>) = points.into_iter().unzip();
        Self {
            serial,
            id,
            wanted_points: points.len(),
            points: points.into(),
            x: x.concat().into(),
            question,
            attempt,
            losses: 0,
            lost_at: None,
            mislaid: 0,
            is_sent: false,
            sequence: None,
            connection: 0,
            duplicate: false,
            dead: None,
            era: 0,
            wanted: Arc::new(AtomicBool::new(true)),
            due: now + FIRST_LOOK,
            pause: FIRST_LOOK,
            looking: false,
        }
    }

    /// The job as it is sent; `subject` is where the answer goes. Made when it is needed, as there may be
    /// many jobs that wait.
    pub(super) fn payload(&self, subject: &str) -> Bytes {
        let parameters = &*self.question.parameters;
        let job = Job {
            id: &self.id,
            function: &self.question.function.name,
            x: Cow::Borrowed(&self.x),
            axes: Some(self.question.axes),
            parameters: (!parameters.is_empty()).then_some(parameters),
            limit: self.question.limit,
            reply: Some(subject),
        };
        let mut payload = Vec::new();
        job.encode(&mut payload);
        payload.into()
    }

    pub(super) fn message_id(&self) -> String {
        format!("{}.{}.{}", self.question.run, self.id, self.attempt)
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

    /// The server did not say what it was asked: it is asked again soon.
    pub(super) fn look_again(&mut self, now: Instant) {
        if self.due <= now {
            self.due = now + UNSAID;
        }
    }
}
