//! What a worker is told: by coordinators which evaluations they no longer want, by operators to rest
//! and to go on; and what it answers who asks how it is.
//!
//! INVARIANT: the server lets admins alone give orders, and what it has placed itself is nobody's word.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use futures::{StreamExt, stream};
use serde_json::json;

use super::{Shared, slot};
use crate::error::Error;
use crate::names;

/// The longest question.
const LONGEST: usize = 100;

impl Shared {
    /// Hears which evaluations nobody wants any more.
    pub(super) async fn hear_of_cancellation(self: &Arc<Self>, functions: &[String]) -> Result<(), Error> {
        let mut runs: Vec<_> = functions.iter().map(|function| names::of_function(function, "*")).collect();
        if !self.server.per_function {
            runs.push("*".to_owned());
        }
        let mut heard = Vec::new();
        for run in runs {
            let subscribed = self.client.subscribe(self.server.space.cancel(&run)).await;
            heard.push(subscribed.map_err(|error| Error::Connect { reason: error.to_string() })?);
        }
        let (mut heard, shared) = (stream::select_all(heard), self.clone());
        tokio::spawn(async move {
            while let Some(message) = heard.next().await {
                if names::is_placed(message.headers.as_ref()) {
                    continue;
                }
                let mut running = shared.running.lock().unwrap_or_else(PoisonError::into_inner);
                for id in slot::cancelled(&message.subject, &message.payload) {
                    for told in running.remove(id).into_iter().flatten() {
                        let _ = told.send(());
                    }
                }
            }
        });
        Ok(())
    }

    /// Hears what is asked of all workers, and of this one.
    pub(super) async fn hear_of_orders(self: &Arc<Self>, functions: Vec<String>) -> Result<(), Error> {
        let mut heard = Vec::new();
        for which in [names::ALL_WORKERS, &*names::worker_token(&self.name)] {
            let subscribed = self.client.subscribe(self.server.space.worker(which)).await;
            heard.push(subscribed.map_err(|error| Error::Connect { reason: error.to_string() })?);
        }
        let (mut heard, shared) = (stream::select_all(heard), self.clone());
        tokio::spawn(async move {
            while let Some(message) = heard.next().await {
                let Some(reply) = message.reply else { continue };
                if names::is_placed(message.headers.as_ref()) || message.payload.len() > LONGEST {
                    continue;
                }
                match &*message.payload {
                    names::DRAIN => drop(shared.resting.send_replace(true)),
                    names::RESUME => drop(shared.resting.send_replace(false)),
                    _ => {}
                }
                let _ = shared.client.publish(reply, shared.told(&functions).into()).await;
            }
        });
        Ok(())
    }

    /// How it is, as `coquad_worker.on_nats` tells it too.
    fn told(&self, functions: &[String]) -> String {
        let health = &self.health;
        let worked = health.worked().as_secs_f64();
        json!({
            "worker": self.name,
            "functions": functions,
            "slots": health.slots.load(Ordering::Relaxed),
            "busy": health.busy.load(Ordering::Relaxed),
            "drained": *self.resting.borrow(),
            "points": health.points.load(Ordering::Relaxed),
            "failures": health.failures.load(Ordering::Relaxed),
            "worked": worked,
            "arithmetic": self.arithmetic.as_str(),
        })
        .to_string()
    }
}
