//! The workers of a space: who is there, and which of them rest.

use std::time::Duration;

use async_nats::StatusCode;
use async_nats::client::RequestErrorKind;
use bytes::Bytes;
use futures::StreamExt;
use serde_json::Value;

use super::Admin;
use crate::error::Error;
use crate::names;

/// How long after the last worker another one is waited for.
const ANOTHER: Duration = Duration::from_millis(250);
/// Workers that are listed.
const MOST: usize = 100_000;
/// The longest text of a worker that is shown.
const LONGEST: usize = 200;

/// A worker of a space, as it says itself: [`Admin::workers`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorkerStatus {
    /// What it calls itself: its machine and process.
    pub name: String,
    /// The functions that it serves.
    pub functions: Vec<String>,
    /// Jobs that it may have at once, of all its functions.
    pub slots: u64,
    /// Jobs that it has.
    pub busy: u64,
    /// Whether it asks for no more jobs, as it was [drained](Admin::drain_worker).
    pub drained: bool,
    /// Points that it has evaluated.
    pub points: u64,
    /// Points without a value, among these.
    pub failures: u64,
    /// How long that took, all slots together.
    pub worked: Duration,
    /// How it computes elementary functions ([`coquad::Arithmetic`]).
    pub arithmetic: String,
}

impl WorkerStatus {
    fn read(said: &[u8]) -> Option<Self> {
        let said: Value = serde_json::from_slice(said).ok()?;
        let number = |key: &str| said[key].as_u64().unwrap_or(0);
        let text = |value: &Value| {
            let text: String = value.as_str().unwrap_or_default().chars().take(LONGEST).collect();
            coquad::wire::printable(&text)
        };
        Some(Self {
            name: text(said.get("worker")?),
            functions: said["functions"].as_array()?.iter().take(MOST).map(text).collect(),
            slots: number("slots"),
            busy: number("busy"),
            drained: said["drained"].as_bool().unwrap_or(false),
            points: number("points"),
            failures: number("failures"),
            worked: Duration::try_from_secs_f64(said["worked"].as_f64().unwrap_or(0.0)).unwrap_or_default(),
            arithmetic: text(&said["arithmetic"]),
        })
    }
}

impl Admin {
    /// Lists the workers that are there, by name. Those of older versions do not tell.
    ///
    /// It takes a quarter of a second: nobody knows how many will answer.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] if the connection is lost.
    pub fn workers(&self) -> Result<Vec<WorkerStatus>, Error> {
        self.runtime.block_on(self.all_workers())
    }

    pub(super) async fn all_workers(&self) -> Result<Vec<WorkerStatus>, Error> {
        let lost = |error: &dyn std::fmt::Display| Error::Connect { reason: error.to_string() };
        let inbox = self.client.new_inbox();
        let mut answers = self.client.subscribe(inbox.clone()).await.map_err(|error| lost(&error))?;
        let all = self.server.space.worker(names::ALL_WORKERS);
        self.client.publish_with_reply(all, inbox, Bytes::new()).await.map_err(|error| lost(&error))?;
        let mut workers = Vec::new();
        while workers.len() < MOST
            && let Ok(Some(answer)) = tokio::time::timeout(ANOTHER, answers.next()).await
            && answer.status != Some(StatusCode::NO_RESPONDERS)
        {
            workers.extend(WorkerStatus::read(&answer.payload));
        }
        workers.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(workers)
    }

    /// Has a worker ask for no more jobs; those that it has it finishes. It stays, and says so when it is asked for its
    /// health, until it is [resumed](Self::resume_worker) or ends. Returns how it is.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if there is no such worker, or it does not answer.
    pub fn drain_worker(&self, name: &str) -> Result<WorkerStatus, Error> {
        self.order(name, names::DRAIN)
    }

    /// Has a worker ask for jobs again that was [drained](Self::drain_worker).
    ///
    /// # Errors
    ///
    /// As [`drain_worker`](Self::drain_worker).
    pub fn resume_worker(&self, name: &str) -> Result<WorkerStatus, Error> {
        self.order(name, names::RESUME)
    }

    fn order(&self, name: &str, order: &'static [u8]) -> Result<WorkerStatus, Error> {
        let named = || format!("the worker {}", coquad::wire::printable(name));
        let failed = |reason: String| Error::Setup { name: named(), reason };
        self.runtime.block_on(async {
            let to = self.server.space.worker(&names::worker_token(name));
            match self.client.request(to, order.into()).await {
                Ok(answer) => {
                    WorkerStatus::read(&answer.payload).ok_or_else(|| failed("its answer cannot be read".into()))
                }
                Err(error) if error.kind() == RequestErrorKind::NoResponders => Err(failed("it does not run".into())),
                Err(error) => Err(failed(error.to_string())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;

    #[test]
    fn whatever_a_worker_says_is_a_status_or_nothing() {
        let good = r#"{"worker":"a:1","functions":["f","g"],"slots":4,"busy":2,"drained":true,"points":9,"failures":1,
            "worked":1.5,"arithmetic":"glibc-fma:eaf47106 release"}"#;
        let status = WorkerStatus::read(good.as_bytes()).unwrap();
        assert_eq!((&*status.name, status.functions.len(), status.slots, status.busy), ("a:1", 2, 4, 2));
        assert_eq!((status.drained, status.points, status.worked), (true, 9, Duration::from_millis(1500)));
        let mut noise = Noise(3);
        for _ in 0..100_000 {
            if let Some(status) = WorkerStatus::read(&noise.garbled(good.as_bytes())) {
                assert!(!status.name.contains(char::is_control), "{status:?}");
            }
        }
        for bad in [&b""[..], b"{}", b"[]", b"null", br#"{"worker":1}"#] {
            assert_eq!(WorkerStatus::read(bad), None);
        }
    }
}
