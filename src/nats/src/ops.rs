//! What the desk asks of the server, one request each. Nothing here decides anything.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{DirectGetErrorKind, RawMessageErrorKind, Stream};
use async_nats::{Client, ServerError};
use bytes::Bytes;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use tokio::sync::{Notify, watch};

use crate::desk::events::{Event, Function, Publication, Stored, Whereabouts};
use crate::desk::given_up;
use crate::error::Error;
use crate::hearing::Hearing;
use crate::names;
use crate::server::Server;
use crate::setup;

/// How often the workers of a function are counted. Those who join are used within twice this.
const COUNT: Duration = Duration::from_millis(900);

/// How long the server is asked again what it has not confirmed, though nobody waits for it: for as long as it knows a message
/// that comes again.
pub(crate) const UNCONFIRMED: Duration = Duration::from_secs(100);
/// How long the server is waited for to say what is stored.
const SAID: Duration = Duration::from_secs(1);
/// Between two attempts at the same, at first and at last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// A stored answer, if there is one; an error if the server does not say.
pub(crate) type Answer = Result<Option<Bytes>, ()>;

/// A connection and what is needed to use it; clones share it.
#[derive(Clone)]
pub(crate) struct Ops {
    pub(crate) client: Client,
    pub(crate) context: Context,
    pub(crate) server: Arc<Server>,
    connections: watch::Receiver<u64>,
    jobs: Stream<()>,
    results: Stream<()>,
    dead: Stream<()>,
    functions: Arc<Mutex<Vec<Weak<Function>>>>,
    /// Told when a stream was made.
    pub(crate) made: Arc<Notify>,
    /// When the streams were last seen or made.
    last_setup: Arc<tokio::sync::Mutex<Option<Instant>>>,
    /// What has been heard, and is waited for.
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) hearing: Hearing,
    events: UnboundedSender<Event>,
}

/// Whether answers come: where none do, it is asked sooner what is the matter.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Answers so far. Relaxed, as all here: numbers that others may see a moment later.
    pub(crate) heard: AtomicU64,
    /// Jobs that the server has.
    pub(crate) jobs: AtomicUsize,
}

/// Connects, and makes the streams where they are missing; what happens to the connection is told.
pub(crate) async fn open(server: Arc<Server>, events: &UnboundedSender<Event>) -> Result<Ops, Error> {
    let (to_forward, mut happened) = unbounded();
    let (client, context, connections) = server.connect("client", to_forward, Duration::ZERO).await?;
    let ops = Ops::new(client, context, connections, server, events.clone()).await?;
    ops.setup().await?;
    let events = events.clone();
    tokio::spawn(async move {
        while let Some(event) = happened.next().await {
            let event = match event {
                async_nats::Event::Connected => Event::Connected,
                async_nats::Event::ServerError(ServerError::Other(text)) => Event::Refused(text),
                async_nats::Event::SlowConsumer(_) => Event::Missed,
                _ => continue,
            };
            if events.unbounded_send(event).is_err() {
                break;
            }
        }
    });
    Ok(ops)
}

impl Ops {
    pub(crate) async fn new(
        client: Client,
        context: Context,
        connections: watch::Receiver<u64>,
        server: Arc<Server>,
        events: UnboundedSender<Event>,
    ) -> Result<Self, Error> {
        let bind = async |name: String| {
            let reason = |error: async_nats::jetstream::context::GetStreamError| error.to_string();
            let bound = context.get_stream_no_info(&name).await;
            bound.map_err(|error| Error::Setup { name, reason: reason(error) })
        };
        let jobs = bind(server.space.jobs_stream()).await?;
        let results = bind(server.space.results_stream()).await?;
        let dead = bind(server.space.dead_stream()).await?;
        let hearing = Hearing::new(client.clone(), connections.clone(), &server);
        Ok(Self {
            client,
            context,
            connections,
            server,
            hearing,
            jobs,
            results,
            dead,
            functions: Arc::default(),
            made: Arc::default(),
            last_setup: Arc::default(),
            pulse: Arc::default(),
            events,
        })
    }

    /// How often the connection was made anew.
    pub(crate) fn connections(&self) -> watch::Receiver<u64> {
        self.connections.clone()
    }

    fn functions(&self) -> Vec<Arc<Function>> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        functions.retain(|function| function.strong_count() > 0);
        functions.iter().filter_map(Weak::upgrade).collect()
    }

    /// Sees to it that streams and consumers are there. Done at most five times a second, whoever asks.
    pub(crate) async fn setup(&self) -> Result<(), Error> {
        let mut last = self.last_setup.lock().await;
        if last.is_some_and(|last| last.elapsed() < Duration::from_millis(200)) {
            return Ok(());
        }
        if setup::streams(&self.context, &self.server, last.is_some()).await? {
            self.made.notify_one();
        }
        for function in self.functions() {
            setup::consumer(&self.context, &self.server, &function.name).await?;
        }
        *last = Some(Instant::now());
        Ok(())
    }

    /// Counts the function's slots from now on, for as long as anyone holds the function.
    pub(crate) fn follow(&self, function: &Arc<Function>) {
        self.functions.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(function));
        let (ops, name, function) = (self.clone(), function.name.clone(), Arc::downgrade(function));
        tokio::spawn(async move {
            let mut before = 0;
            while function.strong_count() > 0 {
                match ops.jobs.consumer_info(&name).await {
                    Ok(info) => {
                        // A slot between two jobs is neither idle nor busy: the larger of two counts misses none.
                        let now = info.num_waiting + info.num_ack_pending;
                        let slots = now.max(before);
                        before = now;
                        let Some(function) = function.upgrade() else { break };
                        if function.slots.swap(slots, Ordering::Relaxed) < slots {
                            let _ = ops.events.unbounded_send(Event::Grown(function));
                        }
                    }
                    Err(_) => {
                        let made = setup::consumer(&ops.context, &ops.server, &name).await;
                        if made.is_err() {
                            let _ = ops.setup().await;
                        } else {
                            continue;
                        }
                    }
                }
                tokio::time::sleep(COUNT).await;
            }
        });
    }

    /// Publishes a job until the server has it, or nobody wants it any more and it was not sent, or long ago.
    pub(crate) async fn publish(&self, publication: &Publication) -> Result<Option<Stored>, Error> {
        let Publication { function, message_id, payload, wanted, .. } = publication;
        let subject = self.server.space.job(&function.name);
        let mut connections = self.connections.clone();
        let mut pause = FIRST_PAUSE;
        let mut sent: Option<Instant> = None;
        while wanted.load(Ordering::Relaxed) || sent.is_some_and(|first| first.elapsed() < UNCONFIRMED) {
            let message = PublishMessage::build().message_id(message_id).payload(payload.clone());
            connections.mark_unchanged();
            sent = sent.or_else(|| Some(Instant::now()));
            let storing = async { self.context.send_publish(subject.clone(), message).await?.await };
            let stored = tokio::select! {
                biased;
                stored = storing => stored,
                // What was under way on the old connection may be lost: it is not waited for.
                Ok(()) = connections.changed() => continue,
            };
            match stored {
                Ok(ack) => return Ok(Some(Stored { sequence: ack.sequence, duplicate: ack.duplicate })),
                Err(error) => match error.kind() {
                    PublishErrorKind::MaxPayloadExceeded => {
                        return Err(Error::Message { reason: "the job is longer than the server takes".into() });
                    }
                    PublishErrorKind::StreamNotFound => {
                        let _ = self.setup().await;
                    }
                    // A full queue, a lost connection, a server that does not answer in time: the same again, later.
                    _ => {}
                },
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LAST_PAUSE);
        }
        Ok(None)
    }

    /// How many workers to whom the job was given a second time, or a third, have begun with it.
    pub(crate) async fn begun(&self, message_id: &str, subject: &str) -> Result<u32, ()> {
        let mark = self.stored(&names::mark(subject)).await?;
        Ok(mark.and_then(|mark| names::parse_mark(&mark, message_id)).unwrap_or(0))
    }

    /// The stored answer, if there is one.
    pub(crate) async fn stored(&self, subject: &str) -> Answer {
        // While a stream goes or comes the server may say nothing.
        match tokio::time::timeout(SAID, self.results.direct_get_last_for_subject(subject)).await {
            // What the server has placed there itself is nobody's answer.
            Ok(Ok(message)) => Ok(Some(message.payload).filter(|_| !names::was_placed(&message.headers))),
            Ok(Err(error)) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            _ => Err(()),
        }
    }

    /// The next report of a job that the server has given up, at `from` or later: where it is, and which job it is about.
    /// A report about the jobs of a stream that was there before this one is about none.
    pub(crate) async fn next_dead(&self, from: u64) -> Option<(u64, Option<(u64, u32)>)> {
        let report = self.dead.direct_get_next_for_subject(self.server.space.dead(), Some(from)).await.ok()?;
        let jobs = self.context.get_stream(self.server.space.jobs_stream()).await.ok()?;
        let is_of_these = SystemTime::from(report.time) >= SystemTime::from(jobs.cached_info().created);
        Some((report.sequence, given_up(&report.payload).filter(|_| is_of_these)))
    }

    /// Whether the job is still in the stream. After the server has lost its store, another's may have its number.
    pub(crate) async fn whereabouts(&self, sequence: u64, message_id: &str) -> Whereabouts {
        match self.jobs.get_raw_message(sequence).await {
            Ok(message) => match message.headers.get(NATS_MESSAGE_ID) {
                Some(id) if id.as_str() == message_id => Whereabouts::There,
                _ => Whereabouts::Gone,
            },
            Err(error) => match error.kind() {
                RawMessageErrorKind::NoMessageFound => Whereabouts::Gone,
                _ => Whereabouts::Unknown,
            },
        }
    }

    /// As [`whereabouts`](Self::whereabouts), with the answer, read after: a worker stores it before it lets go of the job.
    pub(crate) async fn look(
        &self,
        function: &str,
        job: Option<u64>,
        message_id: &str,
        subject: &str,
    ) -> (Whereabouts, Answer) {
        let Some(sequence) = job else { return (Whereabouts::Unknown, self.stored(subject).await) };
        let mut job = self.whereabouts(sequence, message_id).await;
        let answer = self.stored(subject).await;
        // Whatever the answer is: it may be the failure of an earlier attempt.
        if job == Whereabouts::There && answer.is_ok() {
            let idle = self
                .jobs
                .consumer_info(function)
                .await
                .is_ok_and(|info| info.num_pending == 0 && info.num_ack_pending == 0);
            if idle && self.whereabouts(sequence, message_id).await == Whereabouts::There {
                job = Whereabouts::Abandoned;
            }
        }
        (job, answer)
    }

    /// Takes a job from the queue, until the server says that it is gone. Unless it is `sure` that the number is this
    /// job's, the server is asked before.
    pub(crate) async fn delete(&self, sequence: u64, message_id: &str, mut sure: bool) {
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        while begun.elapsed() < UNCONFIRMED {
            let job = if sure { Whereabouts::There } else { self.whereabouts(sequence, message_id).await };
            let is_over = match job {
                Whereabouts::Gone => true,
                Whereabouts::Unknown => false,
                Whereabouts::There | Whereabouts::Abandoned => self.jobs.delete_message(sequence).await.is_ok(),
            };
            if is_over {
                break;
            }
            // The next to answer may be a server that has lost its store.
            sure = false;
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LAST_PAUSE);
        }
    }

    pub(crate) async fn purge(&self, run: &str) {
        let _ = self.results.purge().filter(self.server.space.result(run, "*")).await;
    }
}
