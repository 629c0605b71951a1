//! What the desk hears of, and what it wants done.

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_nats::{Message, Subject};
use bytes::Bytes;
use coquad::{Arithmetic, EvaluationError, Mixed};
use futures::channel::oneshot;
use futures::task::AtomicWaker;

use crate::error::Error;

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
    Published(Publication, Result<Option<Stored>, Error>),
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
        /// How many workers to whom the job was given again have begun with it.
        begun: u32,
    },
    /// The server has given up the job of this number, after so many deliveries.
    Dead(u64, u32),
    /// What the server says of the queue of jobs.
    Queue(Queue),
    /// The client has dropped messages that came faster than they were read.
    Missed,
    /// A worker that cannot store the answer to the job of this `subject` asks whether it is
    /// needed any more.
    Asked {
        subject: String,
        reply: Subject,
    },
    /// There are more workers.
    Grown(Arc<Function>),
    /// The connection is there, or there again.
    Connected,
    /// The server has refused something.
    Refused(String),
    Tick,
    /// Nobody will ask for anything any more.
    Close(Option<oneshot::Sender<()>>),
}

/// What the desk wants done.
pub(crate) enum Action {
    /// The slots of a function are counted: [`Event::Grown`].
    Follow(Arc<Function>),
    /// The answers of a run are heard: [`Event::Arrived`]. Whoever asks whether it is waited for is told so.
    Hear(Arc<str>),
    /// Streams and consumers are made where they are missing.
    Setup,
    /// A worker is told whether its answer was heard, or is wanted by nobody.
    Release { to: Subject, is_over: bool },
    /// An answer of before is looked for: [`Event::Earlier`].
    Recall { subject: Arc<str>, serial: u64 },
    /// A job is published, until the server has it or it is not wanted any more: [`Event::Published`].
    Publish(Publication),
    /// A job and its answer are looked for, in this order: [`Event::Looked`]. Without a
    /// `sequence` the answer alone is.
    Look {
        function: Arc<Function>,
        subject: Arc<str>,
        serial: u64,
        attempt: u32,
        sequence: Option<u64>,
        message_id: String,
        /// Whether the server has given the job up.
        dead: bool,
    },
    /// A job is taken from the queue, until the server says that it is gone. Unless it is `sure`, only if it has this
    /// identity: a server that has lost its store gives its number to another.
    Delete { sequence: u64, message_id: String, sure: bool },
    /// The workers are told what is no longer wanted.
    Cancel { run: Arc<str>, message_ids: String },
}

#[derive(Clone)]
pub(crate) struct Publication {
    pub(crate) function: Arc<Function>,
    pub(crate) subject: Arc<str>,
    pub(crate) serial: u64,
    pub(crate) attempt: u32,
    pub(crate) message_id: String,
    pub(crate) payload: Bytes,
    /// Cleared when nobody waits any more.
    pub(crate) wanted: Arc<AtomicBool>,
}

/// Somebody who waits.
pub(crate) struct Waiter {
    pub(crate) ticket: u64,
    pub(crate) reply: oneshot::Sender<Result<Vec<f64>, EvaluationError>>,
    /// Wakes whoever waits without an answer, to see that there are more workers.
    pub(crate) nudge: Arc<AtomicWaker>,
}

/// What is asked of the points of an evaluator, all of which may share a job.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) function: Arc<Function>,
    pub(crate) run: Arc<str>,
    pub(crate) parameters: Arc<[u8]>,
    /// How many numbers a point has.
    pub(crate) axes: u64,
    /// How long the evaluation of a point may take, in seconds.
    pub(crate) limit: Option<f64>,
    /// How long a value is waited for.
    pub(crate) deadline: Option<Duration>,
    /// How often the job of a point may get lost.
    pub(crate) attempts: u32,
    /// How many places in the queue its run has, beside one of weight 1.
    pub(crate) weight: f64,
    /// How many jobs its run may have with the server.
    pub(crate) quota: usize,
    /// What to do with answers of another arithmetic.
    pub(crate) mixed: Mixed,
}

/// A value that is wanted.
pub(crate) struct Wish {
    pub(crate) question: Arc<Question>,
    /// The numbers of the point.
    pub(crate) x: Box<[f64]>,
    pub(crate) id: String,
    /// Where the answer to a job of this point alone goes.
    pub(crate) subject: Arc<str>,
    pub(crate) waiter: Waiter,
}

/// A function that workers serve.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Slots that were last seen, idle or busy.
    pub(crate) slots: AtomicUsize,
    /// How many points a job has at most, as the durations of the last ones say.
    pub(crate) width: AtomicUsize,
    /// The kinds of arithmetic that its workers have told, in the order of their coming.
    pub(crate) arithmetics: Mutex<Vec<Arithmetic>>,
}

impl Function {
    pub(crate) fn new(name: String, slots: usize) -> Self {
        Self { name, slots: AtomicUsize::new(slots), width: AtomicUsize::new(1), arithmetics: Mutex::default() }
    }
}

/// What has become of a published job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whereabouts {
    /// In the stream: waiting, or with a worker.
    There,
    /// In the stream, and nobody will be given it any more.
    Abandoned,
    /// Not in the stream.
    Gone,
    /// The server did not say.
    Unknown,
}

/// The queue of jobs, as the server describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    /// Which queue this is: another one has its name when the old one was deleted.
    pub(crate) created: SystemTime,
    /// The oldest job that is there has this number, or a higher one.
    pub(crate) first: u64,
    /// How many there are, and how many more there may be.
    pub(crate) jobs: u64,
    pub(crate) room: u64,
}

/// A publication as it was stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub(crate) sequence: u64,
    /// The server had it before, by the identity of the message.
    pub(crate) duplicate: bool,
}
