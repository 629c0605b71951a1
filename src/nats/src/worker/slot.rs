//! One slot: asks for a job, evaluates it, stores the answer, and lets go of the job, in this order.
//!
//! INVARIANT: a job says what to evaluate and nothing else. Where the answer goes is checked token by token, and whatever
//! is no job is ended, not answered.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::{AckKind, Message, message::PublishMessage};
use bytes::Bytes;
use coquad::wire::{Answer, Failure, FailureKind, Job, MAX_FRAME};
use futures::channel::oneshot;
use futures::{FutureExt, StreamExt};

use super::Shared;
use super::hand::{Means, Trouble};
use crate::names;

/// A job this old is evaluated only if somebody still waits for it.
const OLD: Duration = Duration::from_secs(60);
/// How long an evaluation that nobody wants may go on: most end by themselves, and starting a process anew is no gain.
const GRACE: Duration = Duration::from_secs(1);
/// How long a job that this worker cannot evaluate rests before another gets it.
const REST: Duration = Duration::from_secs(1);
/// How long an answer is kept that cannot be stored.
const STORING: Duration = Duration::from_secs(600);
/// How long a pull may wait for a job, and how often the server says that it still does.
const PULL: Duration = Duration::from_secs(30);
const PULL_HEARTBEAT: Duration = Duration::from_secs(10);

pub(super) struct Slot {
    shared: Arc<Shared>,
    function: String,
    means: Means,
}

/// What the consumer promises.
#[derive(Clone, Copy)]
struct Terms {
    ack_wait: Duration,
    max_deliver: i64,
}

/// How an evaluation ended.
enum End {
    Done(Result<Vec<f64>, Trouble>),
    TooLong(Duration),
    Cancelled,
}

impl Slot {
    pub(super) fn new(shared: Arc<Shared>, function: String, means: Means) -> Self {
        Self { shared, function, means }
    }

    pub(super) async fn serve(mut self) {
        loop {
            // Whatever went wrong with the consumer: it is looked up again, or made again.
            self.pull().await;
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    async fn pull(&mut self) {
        let Ok(consumer) = self.shared.bind(&self.function).await else { return };
        let config = &consumer.cached_info().config;
        let terms = Terms { ack_wait: config.ack_wait, max_deliver: config.max_deliver };
        // One message at a time, asked for when the slot is free: nothing waits here.
        let messages =
            consumer.stream().max_messages_per_batch(1).expires(PULL).heartbeat(PULL_HEARTBEAT).messages().await;
        let Ok(mut messages) = messages else { return };
        while let Some(Ok(message)) = messages.next().await {
            self.handle(&message, terms).await;
        }
    }

    async fn handle(&mut self, message: &Message, terms: Terms) {
        let Ok((delivery, published)) = message.info().map(|info| (info.delivered, info.published)) else { return };
        let Some((job, x)) = self.readable(&message.payload) else {
            let _ = message.ack_with(AckKind::Term).await;
            return;
        };
        let reply = job.reply.unwrap_or_default();
        let Some((run, _)) = self.shared.server.space.parse_result(reply) else { return };
        if delivery > 1 && self.is_answered(reply, job.id).await {
            let _ = message.ack().await;
            return;
        }
        let age = SystemTime::now().duration_since(SystemTime::from(published)).unwrap_or_default();
        if (delivery > 1 || age > OLD) && names::ends_with_its_client(run) && !self.is_awaited(run).await {
            let _ = message.ack_with(AckKind::Term).await;
            return;
        }
        let started = Instant::now();
        let id = message.headers.as_ref().and_then(|headers| headers.get(NATS_MESSAGE_ID)).map(|id| id.to_string());
        let cancelled = self.shared.enter(id.as_deref());
        let limit = job.limit.and_then(|limit| Duration::try_from_secs_f64(limit).ok());
        let limit = limit.unwrap_or(self.shared.longest).min(self.shared.longest);
        let mut evaluation = self.means.evaluate(x, job.parameters.unwrap_or_default());
        let can_end = self.means.can_end();
        let cancelled = async move {
            if !can_end || cancelled.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(GRACE).await;
        };
        let end = alive(message, terms, async {
            tokio::select! {
                biased;
                outcome = &mut evaluation => End::Done(outcome),
                () = tokio::time::sleep(limit) => End::TooLong(limit),
                () = cancelled => End::Cancelled,
            }
        })
        .await;
        self.shared.leave(id.as_deref());
        let outcome = match &end {
            End::Done(Ok(numbers)) => Ok(numbers.as_slice().into()),
            End::Done(Err(Trouble::Answer(failure))) => Err(failure.clone()),
            End::Done(Err(Trouble::Elsewhere(why))) => {
                eprintln!("coquad-worker: {}", coquad::wire::printable(why));
                if terms.max_deliver < 1 || delivery < terms.max_deliver {
                    let _ = message.ack_with(AckKind::Nak(Some(REST))).await;
                    tokio::time::sleep(REST).await;
                    return;
                }
                Err(Failure::new(FailureKind::Crashed, why.as_str()))
            }
            End::TooLong(limit) => {
                let why = format!("no value within {limit:?}");
                Err(Failure::new(FailureKind::Timeout, why))
            }
            End::Cancelled => {
                let _ = message.ack_with(AckKind::Term).await;
                self.means.end(evaluation).await;
                return;
            }
        };
        let answer = Answer {
            seconds: Some(started.elapsed().as_secs_f64()),
            worker: Some(&self.shared.name),
            delivery: u64::try_from(delivery).ok(),
            ..Answer::new(job.id, outcome)
        };
        let stored = alive(message, terms, self.shared.store(reply, encoded(answer))).await;
        let _ = match stored {
            true => message.ack().await,
            false => message.ack_with(AckKind::Nak(None)).await,
        };
        if matches!(end, End::TooLong(_)) {
            self.means.end(evaluation).await;
        }
    }

    /// The job, if it is one for this slot.
    fn readable<'a>(&self, payload: &'a [u8]) -> Option<(Job<'a>, f64)> {
        if payload.len() > MAX_FRAME {
            return None;
        }
        let job = Job::decode(payload).ok()?;
        let &[x] = &*job.x else { return None };
        let (_, id) = self.shared.server.space.parse_result(job.reply?)?;
        (job.function == self.function && job.id == id).then_some((job, x))
    }

    /// Whether a value is there already. A failure may be an earlier attempt's.
    async fn is_answered(&self, reply: &str, id: &str) -> bool {
        let Ok(results) = self.shared.context.get_stream_no_info(self.shared.server.space.results_stream()).await
        else {
            return false;
        };
        match results.direct_get_last_for_subject(reply).await {
            Ok(message) => {
                Answer::decode(&message.payload).is_ok_and(|answer| answer.id == id && answer.outcome.is_ok())
            }
            Err(_) => false,
        }
    }

    /// Whether the client of a run is there. In doubt it is.
    async fn is_awaited(&self, run: &str) -> bool {
        let asked = self.shared.client.request(self.shared.server.space.alive(run), Bytes::new()).await;
        !asked.is_err_and(|error| error.kind() == async_nats::client::RequestErrorKind::NoResponders)
    }
}

impl Shared {
    fn enter(&self, id: Option<&str>) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        if let Some(id) = id {
            self.running.lock().unwrap_or_else(PoisonError::into_inner).entry(id.to_owned()).or_default().push(tell);
        }
        told
    }

    fn leave(&self, id: Option<&str>) {
        if let Some(id) = id {
            self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        }
    }

    /// Publishes the answer until the server has it. It goes to the client and into the store at once.
    async fn store(&self, reply: &str, answer: Bytes) -> bool {
        let until = Instant::now() + STORING;
        let mut pause = Duration::from_millis(50);
        while Instant::now() < until {
            let message = PublishMessage::build().payload(answer.clone());
            let stored = match self.context.send_publish(reply.to_owned(), message).await {
                Ok(stored) => stored.await.is_ok(),
                Err(_) => false,
            };
            if stored {
                return true;
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(Duration::from_secs(5));
        }
        false
    }
}

fn encoded(answer: Answer<'_>) -> Bytes {
    let mut bytes = Vec::new();
    answer.encode(&mut bytes);
    if bytes.len() > MAX_FRAME {
        let why = format!("a value of {} bytes is over the limit of {MAX_FRAME}", bytes.len());
        bytes.clear();
        Answer::new(answer.id, Err(Failure::new(FailureKind::Failed, why))).encode(&mut bytes);
    }
    bytes.into()
}

/// Waits for `work`, and tells the server that somebody does.
async fn alive<T>(message: &Message, terms: Terms, work: impl Future<Output = T>) -> T {
    let beat = (terms.ack_wait / 3).max(Duration::from_millis(10));
    let mut work = std::pin::pin!(work.fuse());
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(beat) => {
                let _ = message.ack_with(AckKind::Progress).await;
            }
        }
    }
}
