//! Drives the desk: brings it what happens, and does what it wants.
//!
//! INVARIANT: nothing here decides anything. Whatever takes time is a task of its own, whose outcome is an event.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::connection::State;
use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::{JoinSet, unconstrained};

use crate::desk::events::{Action, Event, Whereabouts};
use crate::desk::{Desk, given_up};
use crate::names;
use crate::ops::Ops;
use crate::watch;

/// How often deadlines and due look-ups are seen to.
const TICK: Duration = Duration::from_millis(250);
/// How often the kept reports of jobs that were given up are read.
const REPORTS: Duration = Duration::from_secs(2);
/// A client that leaves waits as long for the server to take back what was asked for.
const FAREWELL: Duration = Duration::from_secs(5);

pub(crate) struct Drive {
    pub(crate) ops: Arc<Ops>,
    pub(crate) desk: Desk,
    pub(crate) events: UnboundedSender<Event>,
    /// What changes the queue.
    pub(crate) under_way: JoinSet<()>,
}

impl Drive {
    /// Serves until [`Event::Close`].
    pub(crate) async fn serve(mut self, mut events: UnboundedReceiver<Event>) {
        let ticks = self.events.clone();
        tokio::spawn(async move {
            while ticks.unbounded_send(Event::Tick).is_ok() {
                tokio::time::sleep(TICK).await;
            }
        });
        if let Ok(dead) = self.ops.client.subscribe(self.ops.server.space.dead()).await {
            self.forward(dead, |message| {
                given_up(&message.payload).map(|(job, deliveries)| Event::Dead(job, deliveries))
            });
        }
        self.read_reports();
        watch::streams(self.ops.clone(), self.events.clone());
        loop {
            let event = match events.try_recv() {
                Ok(event) => event,
                Err(_) => {
                    self.desk.pause();
                    self.ops.pulse.jobs.store(self.desk.jobs_sent(), Ordering::Relaxed);
                    self.act().await;
                    while self.under_way.try_join_next().is_some() {}
                    let Some(event) = events.next().await else { break };
                    event
                }
            };
            if let Event::Close(done) = event {
                self.desk.handle(Event::Close(None), Instant::now());
                self.act().await;
                if self.ops.client.connection_state() == State::Connected {
                    let _ = tokio::time::timeout(FAREWELL, self.leave(events)).await;
                }
                done.map(|done| done.send(()));
                break;
            }
            self.desk.handle(event, Instant::now());
            self.act().await;
        }
    }

    async fn act(&mut self) {
        for action in self.desk.actions() {
            let (ops, to) = (self.ops.clone(), self.events.clone());
            match action {
                Action::Follow(function) => ops.follow(&function),
                Action::Hear(run) => self.hear(&run).await,
                Action::Cancel { run, message_ids } => {
                    let _ = ops.client.publish(ops.server.space.cancel(&run), message_ids.into()).await;
                }
                Action::Release { to, is_over } => {
                    let said = if is_over { names::RELEASED } else { "" };
                    let _ = ops.client.publish(to, said.into()).await;
                }
                Action::Setup => {
                    tokio::spawn(async move {
                        let _ = ops.setup().await;
                    });
                }
                Action::Delete { sequence, message_id, sure } => {
                    self.under_way.spawn(async move { ops.delete(sequence, &message_id, sure).await });
                }
                Action::Recall { subject, serial } => {
                    tokio::spawn(async move {
                        let mut answer = ops.stored(&subject).await.unwrap_or(None);
                        if answer.is_none()
                            && let Some(place) = ops.server.space.old_place(&subject)
                        {
                            answer = ops.stored(&place).await.unwrap_or(None);
                        }
                        let _ = to.unbounded_send(Event::Earlier { subject, serial, answer });
                    });
                }
                Action::Publish(publication) => {
                    self.under_way.spawn(async move {
                        let outcome = ops.publish(&publication).await;
                        let _ = to.unbounded_send(Event::Published(publication, outcome));
                    });
                }
                Action::Look { function, subject, serial, attempt, sequence, message_id, dead } => {
                    tokio::spawn(async move {
                        let (job, mut answer) = ops.look(&function.name, sequence, &message_id, &subject).await;
                        let mut begun = 0;
                        if dead || job == Whereabouts::Abandoned {
                            match ops.begun(&message_id, &subject).await {
                                Ok(workers) => begun = workers,
                                Err(()) => answer = Err(()),
                            }
                        }
                        let _ = to.unbounded_send(Event::Looked { subject, serial, attempt, job, answer, begun });
                    });
                }
            }
        }
    }

    /// Reads what the server has kept of such reports: one that it made while we were not connected is missed else.
    fn read_reports(&self) {
        let (ops, to) = (self.ops.clone(), self.events.clone());
        let mut connections = ops.connections();
        tokio::spawn(async move {
            let mut next = 1;
            while !to.is_closed() {
                let report = tokio::select! {
                    biased;
                    // The server may be an empty one, which counts anew. What was asked of the old one is not waited for.
                    Ok(()) = connections.changed() => {
                        next = 1;
                        continue;
                    }
                    report = ops.next_dead(next) => report,
                };
                match report {
                    Some((at, job)) => {
                        next = at + 1;
                        if let Some((job, deliveries)) = job {
                            let _ = to.unbounded_send(Event::Dead(job, deliveries));
                        }
                    }
                    None => {
                        let rest = tokio::time::sleep(REPORTS);
                        tokio::select! {
                            Ok(()) = connections.changed() => next = 1,
                            () = rest => {}
                        }
                    }
                }
            }
        });
    }

    fn forward(&self, mut from: Subscriber, event: impl Fn(Message) -> Option<Event> + Send + 'static) {
        let to = self.events.clone();
        // All that is there at once: it arrives in strokes of thousands.
        tokio::spawn(unconstrained(async move {
            while let Some(message) = from.next().await {
                if event(message).is_some_and(|event| to.unbounded_send(event).is_err()) {
                    break;
                }
            }
        }));
    }

    async fn hear(&self, run: &str) {
        let space = &self.ops.server.space;
        if let Ok(answers) = self.ops.client.subscribe(space.result(run, "*")).await {
            let pulse = self.ops.pulse.clone();
            self.forward(answers, move |message| {
                pulse.heard.fetch_add(1, Ordering::Relaxed);
                Some(Event::Arrived(message))
            });
        }
        if let Ok(mut questions) = self.ops.client.subscribe(space.alive(run)).await {
            let (client, to) = (self.ops.client.clone(), self.events.clone());
            tokio::spawn(async move {
                while let Some(Message { reply, payload, .. }) = questions.next().await {
                    let Some(reply) = reply else { continue };
                    if payload.is_empty() || payload.len() > names::LONGEST_SUBJECT {
                        let _ = client.publish(reply, Bytes::new()).await;
                    } else if let Ok(subject) = String::from_utf8(payload.into()) {
                        let _ = to.unbounded_send(Event::Asked { subject, reply });
                    }
                }
            });
        }
    }

    /// Takes back what nobody can ask for any more.
    async fn leave(&mut self, mut events: UnboundedReceiver<Event>) {
        loop {
            // Where a job is that was published last is an event, by which it is deleted.
            tokio::select! {
                biased;
                Some(event) = events.next() => {
                    self.desk.handle(event, Instant::now());
                    self.act().await;
                }
                done = self.under_way.join_next() => if done.is_none() { break },
            }
        }
        let purging = async {
            for run in self.desk.runs().filter(|run| names::ends_with_its_client(run)) {
                self.ops.purge(run).await;
            }
        };
        // What this account may not do has no other answer: it is not waited for.
        let refused = async {
            while let Some(event) = events.next().await {
                if matches!(event, Event::Refused(text) if text.contains("STREAM.PURGE")) {
                    break;
                }
            }
        };
        tokio::select! {
            () = purging => {}
            () = refused => {}
        }
        let _ = self.ops.client.flush().await;
    }
}
