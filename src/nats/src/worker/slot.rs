//! One slot: asks for a job, evaluates its points, stores the answer, and lets go of the job, in
//! this order.
//!
//! INVARIANT: a job says what to evaluate and nothing else. Where the answer goes is checked token by token, and whatever
//! is no job is ended, not answered.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::{AckKind, Message};
use coquad::Arithmetic;
use coquad::wire::{Answers, Failure, FailureKind, Job, MAX_FRAME, MAX_POINTS};
use futures::channel::oneshot;
use tokio::sync::watch;

use super::hand::{Means, Progress, Trouble};
use super::held::{Held, Terms};
use super::pull::Pull;
use super::{Phase, Shared};
use crate::names::{self, Space};

/// How often a slot begins anew at most, when something goes wrong with the consumer.
const ANEW: Duration = Duration::from_millis(100);
/// A job this old is evaluated only if somebody still waits for it.
const OLD: Duration = Duration::from_secs(1);
/// How far the clocks of a server and a worker may be apart. Further, and an answer may be missed that is there.
const CLOCKS: Duration = Duration::from_secs(1);
/// How long an evaluation that nobody wants may go on: most end by themselves, and starting a process anew is no gain.
const GRACE: Duration = Duration::from_secs(1);
/// How long a job that this worker cannot evaluate rests before another gets it.
const REST: Duration = Duration::from_secs(1);

pub(super) struct Slot {
    shared: Arc<Shared>,
    function: String,
    /// How many numbers a point has.
    axes: u64,
    means: Means,
}

/// How the evaluation of a job ended.
enum End {
    Done,
    TooLong(Duration),
    Cancelled,
    /// The worker leaves.
    Left,
}

impl Slot {
    pub(super) fn new(shared: Arc<Shared>, function: String, axes: u64, means: Means) -> Self {
        Self { shared, function, axes, means }
    }

    pub(super) async fn serve(mut self) {
        let mut told = self.shared.phase.clone();
        let mut resting = self.shared.resting.subscribe();
        while *told.borrow() == Phase::Serving {
            tokio::select! {
                biased;
                () = reached(&mut told, Phase::Finishing) => break,
                _ = resting.wait_for(|rests| !rests) => {}
            }
            // Whatever went wrong with the consumer: it is looked up again, or made again.
            let not_before = Instant::now() + ANEW;
            self.pull(&mut told).await;
            tokio::select! {
                biased;
                () = reached(&mut told, Phase::Finishing) => {}
                () = tokio::time::sleep_until(not_before.into()) => {}
            }
        }
    }

    /// Asks for jobs until something goes wrong, or the worker is told to stop.
    async fn pull(&mut self, told: &mut watch::Receiver<Phase>) {
        let opening = async {
            let terms = self.shared.bind(&self.function).await.ok()?;
            let Shared { server, client, context, connections, hearing, .. } = &*self.shared;
            let stream = server.space.jobs_stream();
            let next = format!("{}.CONSUMER.MSG.NEXT.{stream}.{}", server.api, self.function);
            let jobs = Pull::open(client, context, next, terms.ack_wait, connections.clone(), hearing.clone()).await?;
            Some((jobs, terms))
        };
        let mut connections = self.shared.connections.clone();
        connections.mark_unchanged();
        let opened = tokio::select! {
            biased;
            () = reached(told, Phase::Finishing) => None,
            // What was asked of a server that went away is not waited for.
            Ok(()) = connections.changed() => None,
            opened = opening => opened,
        };
        let Some((mut jobs, terms)) = opened else { return };
        let shared = self.shared.clone();
        let _reaching = shared.health.reaches();
        let mut resting = shared.resting.subscribe();
        loop {
            let connection = *self.shared.connections.borrow();
            let given = tokio::select! {
                biased;
                () = reached(told, Phase::Finishing) => return,
                _ = resting.wait_for(|rests| *rests) => return,
                given = jobs.next() => given,
            };
            let Some((message, asked)) = given else { return };
            let Ok(delivery) = message.info().map(|info| info.delivered) else { return };
            let function = self.function.clone();
            let held = Held::new(&shared, &function, &message, terms, delivery, asked, connection);
            self.handle(&message, held, delivery, terms, told).await;
        }
    }

    async fn handle(
        &mut self,
        message: &Message,
        held: Held<'_>,
        delivery: i64,
        terms: Terms,
        told: &mut watch::Receiver<Phase>,
    ) {
        let Ok(published) = message.info().map(|info| info.published) else { return };
        // What the server itself has placed there was asked for by nobody who may ask for jobs.
        let Some(job) = readable(&self.shared.server.space, &self.function, &message.payload)
            .filter(|_| !names::is_placed(message.headers.as_ref()))
            .filter(|job| self.shared.server.takes(job.reply.unwrap_or_default()))
        else {
            return held.tell(AckKind::Term).await;
        };
        let reply = job.reply.unwrap_or_default();
        let (axes, ours) = (job.axes.unwrap_or(1), self.axes);
        if axes != ours {
            let why = format!("a point of {:?} has {ours} numbers here, not {axes}", self.function);
            self.answer(held, reply, &Answers::whole(job.id, FailureKind::BadRequest, why), false, told).await;
            return;
        }
        let Some((run, _)) = self.shared.server.space.parse_result(reply) else { return };
        let published = SystemTime::from(published);
        // A server that was killed may give out anew, as if for the first time, what it was told is done.
        let again = delivery > 1 || published < self.shared.connected() + CLOCKS;
        if again && held.alive(self.shared.is_answered(reply, job.id)).await {
            return held.tell(AckKind::Ack).await;
        }
        let age = SystemTime::now().duration_since(published).unwrap_or_default();
        if (delivery > 1 || age > OLD)
            && names::ends_with_its_client(run)
            && !held.alive(self.shared.is_awaited(run)).await
        {
            return held.tell(AckKind::Term).await;
        }
        if job.points() > 1 && delivery > 1 {
            // Its points may be the death of those who have it: its coordinator asks for each
            // alone.
            let why = format!("a job of {} points was given out {delivery} times", job.points());
            self.answer(held, reply, &Answers::whole(job.id, FailureKind::Crashed, why), false, told).await;
            return;
        }
        let id = message.headers.as_ref().and_then(|headers| headers.get(NATS_MESSAGE_ID)).map(|id| id.to_string());
        if let Some(id) = id.as_deref().filter(|_| delivery > 1) {
            held.alive(self.shared.mark(reply, id)).await;
        }
        let started = Instant::now();
        let shared = self.shared.clone();
        let working = shared.health.works();
        let cancelled = self.shared.enter(id.as_deref());
        let limit = job.limit.and_then(|limit| Duration::try_from_secs_f64(limit).ok());
        let limit = limit.unwrap_or(self.shared.longest).min(self.shared.longest);
        let progress = Arc::new(Progress::new());
        let points = job.points();
        let mut evaluation = self.means.evaluate(job.x.to_vec(), points, job.parameters.unwrap_or_default(), &progress);
        // The limit is that of a point.
        let stepwise = self.means.goes_point_by_point();
        let limit = if stepwise { limit } else { limit.saturating_mul(u32::try_from(points).unwrap_or(u32::MAX)) };
        let too_long = async {
            while let left = limit.saturating_sub(progress.since().elapsed())
                && !left.is_zero()
            {
                tokio::time::sleep(left).await;
            }
        };
        let can_end = self.means.can_end();
        let cancelled = async move {
            if !can_end || cancelled.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(GRACE).await;
        };
        let end = held
            .alive(async {
                tokio::select! {
                    biased;
                    () = &mut evaluation => End::Done,
                    () = too_long => End::TooLong(limit),
                    () = cancelled => End::Cancelled,
                    () = reached(told, Phase::Leaving) => End::Left,
                }
            })
            .await;
        self.shared.leave(id.as_deref());
        drop(working);
        let mut outcomes = progress.end();
        let failures = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        self.shared.health.evaluated(outcomes.len(), failures, started.elapsed());
        match end {
            End::Done => {}
            End::TooLong(limit) => {
                let failure = |kind, why: String| Err(Trouble::Answer(Failure::new(kind, why)));
                if !stepwise && points > 1 {
                    // Nobody knows which of them it was.
                    outcomes.clear();
                } else if outcomes.len() < points {
                    outcomes.push(failure(FailureKind::Timeout, format!("no value within {limit:?}")));
                }
                outcomes.resize_with(points, || failure(FailureKind::Crashed, "it was not evaluated".into()));
            }
            End::Cancelled => {
                held.tell(AckKind::Term).await;
                self.means.end(evaluation).await;
                return;
            }
            End::Left => return held.hand_back().await,
        }
        let elsewhere = outcomes.iter().find_map(|outcome| match outcome {
            Err(Trouble::Elsewhere(why)) => Some(why.clone()),
            _ => None,
        });
        if let Some(why) = &elsewhere {
            eprintln!("coquad-worker: {}", coquad::wire::printable(why));
            if terms.max_deliver < 1 || delivery < terms.max_deliver {
                held.tell(AckKind::Nak(Some(REST))).await;
                tokio::time::sleep(REST).await;
                return;
            }
        }
        let arithmetic = self.means.arithmetic(&self.shared.arithmetic);
        let mut answers = Answers {
            is_counted: points > 1,
            seconds: Some(started.elapsed().as_secs_f64()),
            worker: Some(&self.shared.name),
            delivery: u64::try_from(delivery).ok(),
            arithmetic: arithmetic.as_ref().map(Arithmetic::as_str),
            most: Some(MAX_POINTS as u64),
            ..Answers::new(job.id)
        };
        let are_values = outcomes.iter().all(Result::is_ok);
        for outcome in outcomes {
            match outcome {
                Ok(numbers) => answers.outcomes.push(Ok(&numbers)),
                Err(Trouble::Answer(failure)) => answers.outcomes.push(Err(failure)),
                Err(Trouble::Elsewhere(why)) => answers.outcomes.push(Err(Failure::new(FailureKind::Crashed, why))),
            }
        }
        self.answer(held, reply, &answers, are_values, told).await;
        if matches!(end, End::TooLong(_)) {
            self.means.end(evaluation).await;
        }
    }

    /// Stores the answer, and lets go of the job.
    async fn answer(
        &self,
        held: Held<'_>,
        reply: &str,
        answers: &Answers<'_>,
        are_values: bool,
        told: &mut watch::Receiver<Phase>,
    ) {
        let storing = held.alive(self.shared.store(reply, answers, are_values, &held));
        let stored = tokio::select! {
            biased;
            stored = storing => stored,
            () = reached(told, Phase::Leaving) => false,
        };
        if stored {
            held.let_go().await;
        } else {
            held.hand_back().await;
        }
    }
}

impl Shared {
    /// When the connection was made, or made anew.
    fn connected(&self) -> SystemTime {
        *self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }

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
}

/// The job, if it is one for this function in this space.
fn readable<'a>(space: &Space, function: &str, payload: &'a [u8]) -> Option<Job<'a>> {
    if payload.len() > MAX_FRAME {
        return None;
    }
    let job = Job::decode(payload).ok()?;
    let is_place = space.is_place(job.reply?, function, job.id);
    let readable = (1..=MAX_POINTS).contains(&job.points()) && job.function == function && is_place;
    readable.then_some(job)
}

/// The evaluations that a message of cancellation on `subject` is about: a run cancels its own.
pub(super) fn cancelled<'a>(subject: &'a str, payload: &'a [u8]) -> impl Iterator<Item = &'a str> {
    let run = names::cancelling(subject);
    let ids = std::str::from_utf8(payload).unwrap_or_default().lines();
    ids.filter(move |id| id.strip_prefix(run).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Waits until the worker has come so far.
async fn reached(told: &mut watch::Receiver<Phase>, phase: Phase) {
    // Nobody tells any more: the worker has ended, and its runtime with it.
    let _ = told.wait_for(|now| *now >= phase).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::random_run;
    use crate::noise::Noise;

    #[test]
    fn whatever_arrives_as_a_job_is_one_of_ours_or_nothing() {
        let space = Space("lab".into());
        let reply = format!("coquad1.lab.res.{}.1f", random_run().unwrap());
        let mut good = Vec::new();
        let parameters = Some(&b"abc"[..]);
        let job = Job {
            id: "1f",
            function: "f",
            x: vec![0.5].into(),
            axes: None,
            parameters,
            limit: Some(1.0),
            reply: Some(&reply),
        };
        job.encode(&mut good);
        let mut noise = Noise(1);
        let mut taken = 0;
        for _ in 0..200_000 {
            let bytes = noise.garbled(&good);
            let Some(job) = readable(&space, "f", &bytes) else { continue };
            taken += 1;
            assert_eq!(job.function, "f");
            assert!((1..=MAX_POINTS).contains(&job.points()));
            // One subject below this space's answers, with the job's own name in the end: no wildcard, no other place.
            let place = job.reply.unwrap().strip_prefix("coquad1.lab.res.").unwrap();
            let (run, id) = place.rsplit_once('.').unwrap();
            let (function, own) = names::split(run);
            assert!(function.is_none_or(|its| its == "f") && names::is_token(own), "{place}");
            assert!(names::is_token(id) && id == job.id, "{place}");
        }
        // Many differ in the point only, and are as good as any.
        assert!(taken > 1000, "{taken}");
        assert_eq!(readable(&space, "f", &good).unwrap().x[0].to_bits(), 0.5f64.to_bits());
        assert!(readable(&space, "g", &good).is_none());
        assert!(readable(&Space("labs".into()), "f", &good).is_none());
    }

    #[test]
    fn a_run_cancels_its_own_and_whatever_is_no_list_cancels_nothing() {
        let list = b"r-1.1f.0\nr-2.1f.0\nr-1.2f.0\n\nr-1\nr-11.3f.0";
        let heard: Vec<_> = cancelled("coquad1.lab.cancel.r-1", list).collect();
        assert_eq!(heard, ["r-1.1f.0", "r-1.2f.0", "r-1"]);
        assert_eq!(cancelled("coquad1.lab.cancel.r-1", b"r-1.1f.0\xff").count(), 0);
        let list = b"gap.r-1.1f.0\nr-1.1f.0\ngap.r-2.1f.0\nother.r-1.1f.0";
        let heard: Vec<_> = cancelled("coquad1.lab.cancel.gap.r-1", list).collect();
        assert_eq!(heard, ["gap.r-1.1f.0"]);
        let mut noise = Noise(2);
        for _ in 0..100_000 {
            let bytes = noise.garbled(list);
            assert!(cancelled("coquad1.lab.cancel.r-1", &bytes).all(|id| id.starts_with("r-1")));
        }
    }
}
