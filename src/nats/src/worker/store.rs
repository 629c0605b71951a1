//! Answers and marks: stored by the worker, and looked for.
//!
//! An answer goes to the client and into the store at once. Where it cannot be stored, as the
//! stream is gone or full, the client is asked whether it has heard the answer: then the job is
//! let go of all the same, and the slot is free.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use async_nats::client::RequestErrorKind;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use coquad::wire::{Answers, FailureKind, MAX_FRAME};

use super::Shared;
use super::held::{Held, May};
use crate::names;
use crate::setup;

/// How long an answer is kept that cannot be stored.
const STORING: Duration = Duration::from_secs(600);
/// How long the server is waited for to say that it has stored an answer, before its client is
/// asked whether that matters, and before it is sent again; and how long if the answer is kept for
/// others.
const HEARD: Duration = Duration::from_millis(150);
const STORED: Duration = Duration::from_millis(500);
/// How long the server is waited for to say what is stored.
const SAID: Duration = Duration::from_secs(2);
/// How long an answer on a run with a name, which is kept for others, is let go of only when it is
/// stored.
const KEEPING: Duration = Duration::from_secs(10);
/// Between two attempts to store an answer, at first and at last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_millis(500);
/// How often an operator is told that answers cannot be stored, and a missing stream is made.
const TELL: Duration = Duration::from_secs(10);
const MEND: Duration = Duration::from_secs(1);
/// For how long a run that was waited for is not asked for again.
const AWAITED: Duration = Duration::from_millis(250);
/// How many runs are remembered.
const RUNS: usize = 1000;

/// What went wrong with storing, and what was done about it.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    told: Option<Instant>,
    mended: Option<Instant>,
}

/// Whether it is now `pause` after what happened last; then it happens now.
fn is_time(last: &mut Option<Instant>, pause: Duration) -> bool {
    let is = last.is_none_or(|last| last.elapsed() >= pause);
    if is {
        *last = Some(Instant::now());
    }
    is
}

impl Shared {
    /// Whether there is an answer already, of whatever kind. In doubt there is none.
    pub(super) async fn has_answer(&self, reply: &str) -> bool {
        self.stored(reply).await.is_some()
    }

    /// Whether a value is there already. A failure may be an earlier attempt's.
    pub(super) async fn is_answered(&self, reply: &str, id: &str) -> bool {
        let Some(answer) = self.stored(reply).await else { return false };
        let answers = Answers::decode(&answer).ok().filter(|answers| answers.id == id);
        answers.is_some_and(|answers| answers.is_counted || answers.outcomes.iter().all(|one| one.is_ok()))
    }

    async fn stored(&self, subject: &str) -> Option<Bytes> {
        let results = self.context.get_stream_no_info(self.server.space.results_stream()).await.ok()?;
        // While a stream goes or comes the server may say nothing.
        let said = tokio::time::timeout(SAID, results.direct_get_last_for_subject(subject)).await;
        let message = said.ok()?.ok()?;
        // What the server has placed there itself is nobody's answer.
        Some(message.payload).filter(|_| !names::was_placed(&message.headers))
    }

    /// Whether the client of a run is there. In doubt it is.
    pub(super) async fn is_awaited(&self, run: &str) -> bool {
        let now = Instant::now();
        let known = self.awaited.lock().unwrap_or_else(PoisonError::into_inner).get(run).copied();
        if known.is_some_and(|last| now - last < AWAITED) {
            return true;
        }
        let asked = self.client.request(self.server.space.alive(run), Bytes::new());
        match tokio::time::timeout(SAID, asked).await {
            Ok(Ok(_)) => {
                let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
                if awaited.len() >= RUNS {
                    awaited.clear();
                }
                awaited.insert(run.to_owned(), now);
                true
            }
            Ok(Err(error)) => error.kind() != RequestErrorKind::NoResponders,
            Err(_) => true,
        }
    }

    /// Whether the client of a run no longer needs the answer whose place is `reply`: it has heard
    /// it, or, on a run that ends with its client, is gone.
    async fn is_released(&self, run: &str, reply: &str) -> bool {
        let asked = self.client.request(self.server.space.alive(run), reply.to_owned().into());
        match tokio::time::timeout(STORED, asked).await {
            Ok(Ok(said)) => *said.payload == *names::RELEASED.as_bytes(),
            Ok(Err(error)) => error.kind() == RequestErrorKind::NoResponders && names::ends_with_its_client(run),
            Err(_) => false,
        }
    }

    /// Leaves a mark that a worker has begun with a job that was given out before, so that a job
    /// that was lost on its way is told from one over which workers die.
    pub(super) async fn mark(&self, reply: &str, message_id: &str) {
        let place = names::mark(reply);
        let before = self.stored(&place).await.and_then(|mark| names::parse_mark(&mark, message_id)).unwrap_or(0);
        let mark = names::mark_of(message_id, before.saturating_add(1));
        let storing = async { self.context.publish(place, mark.into()).await?.await };
        let _ = tokio::time::timeout(STORED, storing).await;
    }

    /// Publishes the answer until the server has it, or its client has heard it, for as long as the
    /// job is ours.
    pub(super) async fn store(
        self: &Arc<Self>,
        reply: &str,
        answers: &Answers<'_>,
        are_values: bool,
        held: &Held<'_>,
    ) -> bool {
        let mut connections = self.connections.clone();
        let begun = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut bytes = encoded(answers, MAX_FRAME);
        let (run, _) = self.server.space.parse_result(reply).unwrap_or_default();
        let (patience, keeping) =
            if names::ends_with_its_client(run) { (HEARD, Duration::ZERO) } else { (STORED, KEEPING) };
        while begun.elapsed() < STORING {
            match held.may_answer(are_values, reply).await {
                May::Yes => {}
                May::No => return false,
                May::Later => {
                    tokio::time::sleep(FIRST_PAUSE).await;
                    continue;
                }
            }
            connections.mark_unchanged();
            let message = PublishMessage::build().payload(bytes.clone());
            let storing = async { self.context.send_publish(reply.to_owned(), message).await?.await };
            let stored = tokio::select! {
                biased;
                stored = tokio::time::timeout(patience, storing) => stored,
                // What was under way on the old connection may be lost: it is not waited for.
                Ok(()) = connections.changed() => continue,
            };
            match stored {
                Ok(Ok(_)) => {
                    self.hearing.heard();
                    return true;
                }
                Ok(Err(error)) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                    // It never will: that is the answer then.
                    bytes = encoded(answers, self.client.server_info().max_payload);
                }
                Ok(Err(error)) => self.trouble(Some(&error)),
                Err(_) => {
                    self.hearing.unanswered();
                    self.trouble(None);
                }
            }
            if begun.elapsed() >= keeping && self.is_released(run, reply).await {
                return true;
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LAST_PAUSE);
        }
        false
    }

    /// An answer could not be stored: an operator is told why, and a stream that is missing is made.
    fn trouble(self: &Arc<Self>, error: Option<&PublishError>) {
        self.health.could_not_store();
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if is_time(&mut troubles.told, TELL) {
            let why = error.map_or_else(|| "the server does not say that it has it".to_owned(), describe);
            let why = coquad::wire::printable(&why);
            let stream = self.server.space.results_stream();
            tracing::warn!(target: "coquad", stream, why, "an answer cannot be stored");
            eprintln!("coquad-worker: an answer cannot be stored in {stream}: {why}");
        }
        if is_time(&mut troubles.mended, MEND) {
            let shared = self.clone();
            tokio::spawn(async move { setup::streams(&shared.context, &shared.server, true).await });
        }
    }
}

/// What the server said, and not only that it said something.
fn describe(error: &PublishError) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), ToString::to_string)
}

/// The answer, or a failure of the whole job that says that it is longer than `limit`.
fn encoded(answers: &Answers<'_>, limit: usize) -> Bytes {
    let mut bytes = Vec::new();
    answers.encode(&mut bytes);
    if bytes.len() > limit {
        let why = format!("a value of {} bytes is over the limit of {limit}", bytes.len());
        bytes.clear();
        Answers::whole(answers.id, FailureKind::Failed, why).encode(&mut bytes);
    }
    bytes.into()
}
