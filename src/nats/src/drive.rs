//! Drives the desk: brings it what happens, and does what it wants.
//!
//! INVARIANT: nothing here decides anything. Whatever takes time is a task of its own, whose outcome is an event.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::task::unconstrained;

use crate::desk::{Action, Desk, Event, Publication, given_up};
use crate::names;
use crate::ops::{Ops, Whereabouts};

/// How often deadlines and due look-ups are seen to.
const TICK: Duration = Duration::from_millis(250);

pub(crate) struct Drive {
    pub(crate) ops: Arc<Ops>,
    pub(crate) desk: Desk,
    pub(crate) events: UnboundedSender<Event>,
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
            self.forward(dead, |message| Some(Event::Dead { sequence: given_up(&message.payload)? }));
        }
        loop {
            let event = match events.try_recv() {
                Ok(event) => event,
                Err(_) => {
                    self.desk.pause();
                    self.act().await;
                    let Some(event) = events.next().await else { break };
                    event
                }
            };
            if let Event::Close(done) = event {
                self.desk.handle(Event::Close(None), Instant::now());
                self.act().await;
                self.leave().await;
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
                Action::Setup => {
                    tokio::spawn(async move {
                        let _ = ops.setup().await;
                    });
                }
                Action::Delete { sequence, message_id } => {
                    tokio::spawn(async move {
                        if let Some(id) = message_id
                            && ops.whereabouts(sequence, &id).await != Whereabouts::There
                        {
                            return;
                        }
                        ops.delete(sequence).await;
                    });
                }
                Action::Recall { subject, serial } => {
                    tokio::spawn(async move {
                        let answer = ops.stored(&subject).await.unwrap_or(None);
                        let _ = to.unbounded_send(Event::Earlier { subject, serial, answer });
                    });
                }
                Action::Publish(publication) => {
                    tokio::spawn(async move {
                        let Publication { function, subject, serial, attempt, message_id, payload, wanted } =
                            publication;
                        let outcome = ops.publish(&function.name, &message_id, payload, &wanted).await;
                        if let Ok(Some(stored)) = outcome
                            && !wanted.load(Ordering::Relaxed)
                        {
                            ops.delete(stored.sequence).await;
                        }
                        let _ = to.unbounded_send(Event::Published { subject, serial, attempt, outcome });
                    });
                }
                Action::Look { function, subject, serial, attempt, sequence, message_id } => {
                    tokio::spawn(async move {
                        let (job, answer) = ops.look(&function.name, sequence, &message_id, &subject).await;
                        let _ = to.unbounded_send(Event::Looked { subject, serial, attempt, job, answer });
                    });
                }
            }
        }
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
            self.forward(answers, |message| Some(Event::Arrived(message)));
        }
        if let Ok(mut questions) = self.ops.client.subscribe(space.alive(run)).await {
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

    /// Takes back what nobody can ask for any more.
    async fn leave(&self) {
        let farewell = async {
            for run in self.desk.runs().filter(|run| names::ends_with_its_client(run)) {
                self.ops.purge(run).await;
            }
            let _ = self.ops.client.flush().await;
        };
        let _ = tokio::time::timeout(Duration::from_millis(500), farewell).await;
    }
}
