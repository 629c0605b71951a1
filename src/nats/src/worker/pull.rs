//! Jobs for one slot, one at a time, each asked for when the slot is free.
//!
//! INVARIANT: the server holds one request of a slot at most, and none while the slot is busy, also when the connection was
//! lost in between: no job waits behind another.

use std::time::Duration;

use async_nats::jetstream::{Context, Message};
use async_nats::{Client, StatusCode, Subscriber};
use futures::StreamExt;
use tokio::sync::watch;

/// How often the server says that it still has the request.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// It waits for a job for 30 s.
const REQUEST: &[u8] = br#"{"batch":1,"expires":30000000000,"idle_heartbeat":10000000000}"#;

pub(super) struct Pull {
    client: Client,
    context: Context,
    subject: String,
    inbox: String,
    answers: Subscriber,
    connections: watch::Receiver<u64>,
}

impl Pull {
    pub(super) async fn open(
        client: &Client,
        context: &Context,
        stream: &str,
        consumer: &str,
        connections: watch::Receiver<u64>,
    ) -> Option<Self> {
        let inbox = client.new_inbox();
        Some(Self {
            answers: client.subscribe(inbox.clone()).await.ok()?,
            client: client.clone(),
            context: context.clone(),
            subject: format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"),
            inbox,
            connections,
        })
    }

    /// Asks for a job until there is one. `None` if the request was lost: then another of these must be opened.
    pub(super) async fn next(&mut self) -> Option<Message> {
        self.connections.mark_unchanged();
        self.ask().await?;
        loop {
            let answer = tokio::select! {
                biased;
                answer = tokio::time::timeout(2 * HEARTBEAT, self.answers.next()) => answer.ok()??,
                Ok(()) = self.connections.changed() => return None,
            };
            match answer.status {
                None | Some(StatusCode::OK) => {
                    return Some(Message { message: answer, context: self.context.clone() });
                }
                Some(StatusCode::IDLE_HEARTBEAT) => {}
                Some(StatusCode::TIMEOUT) => self.ask().await?,
                Some(_) => return None,
            }
        }
    }

    async fn ask(&self) -> Option<()> {
        let request = self.client.publish_with_reply(self.subject.clone(), self.inbox.clone(), REQUEST.into());
        request.await.ok()
    }
}
