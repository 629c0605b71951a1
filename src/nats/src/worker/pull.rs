//! Jobs for one slot, one at a time, each asked for when the slot is free.
//!
//! INVARIANT: the server holds one request of a slot at most, and none while the slot is busy, also when the connection was
//! lost in between: no job waits behind another.

use std::time::{Duration, Instant};

use async_nats::jetstream::{Context, Message};
use async_nats::{Client, StatusCode, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::watch;

use crate::hearing::Hearing;

/// How long the server keeps a request at most. It may lose it without a word: when it forgets a stream, or another of its
/// cluster takes over. What was lost is asked for again after this.
const ASKING: Duration = Duration::from_secs(1);
/// How much longer the word that there was no job may take.
const LATE: Duration = Duration::from_millis(500);

pub(super) struct Pull {
    client: Client,
    context: Context,
    subject: String,
    inbox: String,
    answers: Subscriber,
    asking: Duration,
    request: Bytes,
    connections: watch::Receiver<u64>,
    hearing: Hearing,
}

impl Pull {
    pub(super) async fn open(
        client: &Client,
        context: &Context,
        subject: String,
        ack_wait: Duration,
        connections: watch::Receiver<u64>,
        hearing: Hearing,
    ) -> Option<Self> {
        let inbox = client.new_inbox();
        // A job is given out after it was asked for: the less that is, the longer is it known to be ours.
        let asking = ASKING.min(ack_wait / 4);
        Some(Self {
            answers: client.subscribe(inbox.clone()).await.ok()?,
            client: client.clone(),
            context: context.clone(),
            subject,
            inbox,
            asking,
            request: format!("{{\"batch\":1,\"expires\":{}}}", asking.as_nanos()).into(),
            connections,
            hearing,
        })
    }

    /// Asks for a job until there is one, and says when it was asked for. `None` if the request was lost: then another of
    /// these must be opened.
    pub(super) async fn next(&mut self) -> Option<(Message, Instant)> {
        self.connections.mark_unchanged();
        let mut asked = self.ask().await?;
        loop {
            let answer = tokio::select! {
                biased;
                answer = tokio::time::timeout(self.asking + LATE, self.answers.next()) => answer,
                Ok(()) = self.connections.changed() => return None,
            };
            let Ok(answer) = answer else {
                self.hearing.unanswered();
                return None;
            };
            self.hearing.heard();
            let answer = answer?;
            match answer.status {
                None | Some(StatusCode::OK) => {
                    return Some((Message { message: answer, context: self.context.clone() }, asked));
                }
                Some(StatusCode::TIMEOUT) => asked = self.ask().await?,
                Some(_) => return None,
            }
        }
    }

    async fn ask(&self) -> Option<Instant> {
        let asked = Instant::now();
        let request = self.client.publish_with_reply(self.subject.clone(), self.inbox.clone(), self.request.clone());
        request.await.ok()?;
        Some(asked)
    }
}
