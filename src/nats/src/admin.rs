//! What the command `coquad-nats` does, for programs: looks after the streams of a space.
//!
//! It takes the rights of an admin: all of the account's.

mod workers;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::header::{HeaderMap, NATS_MESSAGE_ID};
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use async_nats::{Client, client::RequestErrorKind};
use bytes::Bytes;
use coquad::wire::Job;
use futures::StreamExt;
use futures::channel::mpsc::unbounded;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

pub use self::workers::WorkerStatus;
use crate::desk::given_up;
use crate::error::Error;
use crate::names;
use crate::server::Server;
use crate::setup;

/// How long a coordinator is waited for that may be there.
const ALIVE: Duration = Duration::from_millis(500);
/// How long a server is waited for. One of a cluster waits 4 s for what another of them says.
const SAID: Duration = Duration::from_secs(6);

/// A connection by which a space is looked after. Its methods block, and drive the connection meanwhile.
///
/// # Examples
///
/// ```no_run
/// use coquad_nats::admin::Admin;
///
/// let admin = Admin::connect("tls://nats.lab:4222")?;
/// admin.setup(&["gap-v3"])?;
/// for function in admin.status()?.functions {
///     println!("{}: {} queued, {} slots", function.name, function.queued, function.slots);
/// }
/// # Ok::<(), coquad_nats::Error>(())
/// ```
#[derive(Debug)]
pub struct Admin {
    runtime: Runtime,
    server: Server,
    client: Client,
    context: Context,
}

/// What a space has: [`Admin::status`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The space.
    pub space: String,
    /// The version of the server.
    pub version: String,
    /// Its streams: jobs, answers, and reports of jobs that were given up.
    pub streams: Vec<StreamStatus>,
    /// Its functions, by name.
    pub functions: Vec<FunctionStatus>,
    /// Its workers, by name.
    pub workers: Vec<WorkerStatus>,
    /// Its runs that have answers or queued jobs, by name; runs without a name have one nobody can guess.
    pub runs: Vec<RunStatus>,
    /// How long the oldest job is queued.
    pub oldest_job: Option<Duration>,
}

/// A stream of a space.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StreamStatus {
    /// Its name on the server.
    pub name: String,
    /// How many messages it has.
    pub messages: u64,
    /// How many there may be, if there is a limit.
    pub most_messages: Option<u64>,
    /// How many bytes it has.
    pub bytes: u64,
    /// How many there may be, if there is a limit.
    pub most_bytes: Option<u64>,
}

/// A function of a space.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FunctionStatus {
    /// Its name.
    pub name: String,
    /// Slots of its live workers, idle or busy.
    pub slots: usize,
    /// Those that have a job.
    pub busy: usize,
    /// Jobs that wait for a slot.
    pub queued: u64,
    /// Jobs that were given out more than once and are not done.
    pub again: usize,
    /// Until when nothing is given out: it was drained.
    pub drained: bool,
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunStatus {
    /// Its name, as it was given, if it has one.
    pub name: Option<String>,
    /// What it is called in subjects.
    pub token: String,
    /// How many of its answers are kept.
    pub answers: usize,
    /// Whether a coordinator is there that waits for it.
    pub is_awaited: bool,
}

/// A job that the server has given to as many workers as it may, and to nobody any more.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Dead {
    /// The function.
    pub function: String,
    /// The number of the job in its stream.
    pub sequence: u64,
    /// How often it was given out.
    pub deliveries: u32,
    /// How long ago it was given up.
    pub age: Duration,
    /// Its points; none if the job is no longer in its stream: its coordinator was there, had
    /// [`Error::WorkerLost`] and has taken it back, or sent it again.
    pub points: Option<Vec<f64>>,
}

/// What [`Admin::purge`] removes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purge {
    /// The answers of runs without a name whose coordinator is gone.
    Abandoned,
    /// The answers of the run of this name.
    Run(String),
    /// The queued jobs of a function. A coordinator that is there sends its own again.
    Jobs(String),
    /// The reports of jobs that were given up.
    Dead,
}

impl Admin {
    /// Connects.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`Error::Plaintext`], [`Error::Name`]; [`Error::Connect`] if the server cannot be reached or
    /// refuses the log-in.
    pub fn connect(server: impl Into<Server>) -> Result<Self, Error> {
        let server = server.into();
        let failed = |error: std::io::Error| Error::Connect { reason: error.to_string() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (events, _) = unbounded();
        let (client, mut context, _) = runtime.block_on(server.connect("admin", events, Duration::ZERO))?;
        context.set_timeout(SAID);
        Ok(Self { runtime, server, client, context })
    }

    fn failed(what: &str, error: &dyn std::fmt::Display) -> Error {
        Error::Setup { name: what.to_owned(), reason: error.to_string() }
    }

    async fn stream(&self, name: String) -> Result<Stream, Error> {
        self.context.get_stream(&name).await.map_err(|error| Self::failed(&name, &error))
    }

    /// Makes the streams of the space, and consumers of these functions, where they are missing.
    ///
    /// # Errors
    ///
    /// [`Error::Name`]; [`Error::Setup`] if they cannot be made.
    pub fn setup(&self, functions: &[&str]) -> Result<(), Error> {
        functions.iter().try_for_each(|function| names::checked(function))?;
        self.runtime.block_on(async {
            setup::streams(&self.context, &self.server, false).await?;
            for function in functions {
                setup::consumer(&self.context, &self.server, function).await?;
            }
            Ok(())
        })
    }

    /// Describes the space.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if there are no streams, or the server does not say.
    pub fn status(&self) -> Result<Status, Error> {
        self.runtime.block_on(async {
            let space = &self.server.space;
            let mut streams = Vec::new();
            for name in [space.jobs_stream(), space.results_stream(), space.dead_stream()] {
                // Spaces may have no stream of reports.
                let stream = match self.stream(name).await {
                    Ok(stream) => stream,
                    Err(_) if streams.len() == 2 => break,
                    Err(error) => return Err(error),
                };
                let info = stream.cached_info();
                let limit = |most: i64| u64::try_from(most).ok().filter(|most| *most > 0);
                streams.push(StreamStatus {
                    name: info.config.name.clone(),
                    messages: info.state.messages,
                    most_messages: limit(info.config.max_messages),
                    bytes: info.state.bytes,
                    most_bytes: limit(info.config.max_bytes),
                });
            }
            let jobs = self.stream(space.jobs_stream()).await?;
            let state = &jobs.cached_info().state;
            let first = SystemTime::from(state.first_timestamp);
            let oldest_job = (state.messages > 0).then(|| first.elapsed().unwrap_or_default());
            let functions = self.functions().await?;
            let (workers, runs) = (self.all_workers().await?, self.runs().await?);
            let version = self.client.server_info().version;
            Ok(Status { space: space.0.clone(), version, streams, functions, workers, runs, oldest_job })
        })
    }

    /// As the server describes the consumers; the client's types leave out whether they are paused.
    async fn functions(&self) -> Result<Vec<FunctionStatus>, Error> {
        let stream = self.server.space.jobs_stream();
        let mut functions = Vec::new();
        loop {
            let asked = json!({ "offset": functions.len() });
            let page: Value = self.api(&format!("CONSUMER.LIST.{stream}"), &asked).await?;
            let consumers = page["consumers"].as_array().cloned().unwrap_or_default();
            functions.extend(consumers.iter().map(|info| {
                let count = |key: &str| info[key].as_u64().unwrap_or(0);
                FunctionStatus {
                    name: info["name"].as_str().unwrap_or_default().to_owned(),
                    slots: (count("num_waiting") + count("num_ack_pending")) as usize,
                    busy: count("num_ack_pending") as usize,
                    queued: count("num_pending"),
                    again: count("num_redelivered") as usize,
                    drained: info["paused"].as_bool().unwrap_or(false),
                }
            }));
            if consumers.is_empty() || functions.len() as u64 >= page["total"].as_u64().unwrap_or(0) {
                break;
            }
        }
        functions.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(functions)
    }

    async fn api(&self, subject: &str, payload: &Value) -> Result<Value, Error> {
        let reply: Result<Value, _> = self.context.request(subject.to_owned(), payload).await;
        let reply = reply.map_err(|error| Self::failed(subject, &error))?;
        match reply["error"]["description"].as_str() {
            Some(error) => Err(Self::failed(subject, &error)),
            None => Ok(reply),
        }
    }

    async fn runs(&self) -> Result<Vec<RunStatus>, Error> {
        let space = &self.server.space;
        let results = self.stream(space.results_stream()).await?;
        let failed = |error: &dyn std::fmt::Display| Self::failed(&space.results_stream(), error);
        let mut subjects = results.info_with_subjects(space.results()).await.map_err(|error| failed(&error))?;
        let mut answers = BTreeMap::<String, usize>::new();
        while let Some(subject) = subjects.next().await {
            let (subject, _) = subject.map_err(|error| failed(&error))?;
            if let Some((run, id)) = space.parse_result(&subject)
                && !id.ends_with("-begun")
            {
                *answers.entry(run.to_owned()).or_default() += 1;
            }
        }
        let asked = answers.into_iter().map(|(token, answers)| async move {
            let name = names::split(&token).1.strip_prefix("n-").map(str::to_owned);
            RunStatus { name, is_awaited: self.is_awaited(&token).await, token, answers }
        });
        Ok(futures::future::join_all(asked).await)
    }

    /// In doubt it is.
    async fn is_awaited(&self, run: &str) -> bool {
        let asked = self.client.request(self.server.space.alive(run), Bytes::new());
        match tokio::time::timeout(ALIVE, asked).await {
            Ok(Err(error)) => error.kind() != RequestErrorKind::NoResponders,
            _ => true,
        }
    }

    /// Lists the jobs that the server gives to nobody any more, as too many workers were lost over each. Reports of a
    /// week are kept.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if there are no streams, or the server does not say.
    pub fn dead(&self) -> Result<Vec<Dead>, Error> {
        self.runtime.block_on(async {
            let space = &self.server.space;
            let (jobs, reports) = (self.stream(space.jobs_stream()).await?, self.stream(space.dead_stream()).await?);
            let created = SystemTime::from(jobs.cached_info().created);
            let state = reports.cached_info().state.clone();
            let mut dead = Vec::new();
            for sequence in state.first_sequence..=state.last_sequence {
                let Ok(report) = reports.get_raw_message(sequence).await else { continue };
                let Some((sequence, deliveries)) = given_up(&report.payload) else { continue };
                let time = SystemTime::from(report.time);
                let function = report.subject.rsplit('.').next().unwrap_or_default().to_owned();
                // A report about the jobs of a stream that was there before is about none of these.
                let job = if time >= created { jobs.get_raw_message(sequence).await.ok() } else { None };
                let points = job.and_then(|job| Some(Job::decode(&job.payload).ok()?.x.into_owned()));
                let age = time.elapsed().unwrap_or_default();
                dead.push(Dead { function, sequence, deliveries, age, points });
            }
            Ok(dead)
        })
    }

    /// Sends a job again that is [`dead`](Self::dead) and still in its stream. Returns whether it was.
    ///
    /// # Errors
    ///
    /// [`Error::Setup`] if there is no stream, or the server does not take it.
    pub fn send_again(&self, dead: &Dead) -> Result<bool, Error> {
        self.runtime.block_on(async {
            let stream = self.server.space.jobs_stream();
            let failed = |error: &dyn std::fmt::Display| Self::failed(&stream, error);
            let jobs = self.stream(stream.clone()).await?;
            let job = match jobs.get_raw_message(dead.sequence).await {
                Ok(job) => job,
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => return Ok(false),
                Err(error) => return Err(failed(&error)),
            };
            let id = job.headers.get(NATS_MESSAGE_ID).map(|id| id.to_string()).unwrap_or_default();
            let mut headers = HeaderMap::new();
            // The server drops what it thinks it has seen.
            headers.insert(NATS_MESSAGE_ID, format!("{id}.again.{}", dead.sequence));
            let sent = self.context.publish_with_headers(job.subject, headers, job.payload).await;
            sent.map_err(|error| failed(&error))?.await.map_err(|error| failed(&error))?;
            jobs.delete_message(dead.sequence).await.map_err(|error| failed(&error))
        })
    }

    /// Has the server give out no more jobs of the function, for so long; what is begun is finished. Takes a server of
    /// version 2.11 or later. A worker alone is drained by [`drain_worker`](Self::drain_worker).
    ///
    /// # Errors
    ///
    /// [`Error::Name`]; [`Error::Setup`] if there is no such function, or the server cannot.
    pub fn drain(&self, function: &str, length: Duration) -> Result<(), Error> {
        let until = SystemTime::now().checked_add(length).and_then(|until| until.duration_since(UNIX_EPOCH).ok());
        let until = until.map_or(u64::MAX, |until| until.as_secs()).min(LAST);
        self.pause(function, &json!({ "pause_until": rfc3339(until) }))
    }

    /// Has the server give out jobs of a function again that was [drained](Self::drain).
    ///
    /// # Errors
    ///
    /// As [`drain`](Self::drain).
    pub fn resume(&self, function: &str) -> Result<(), Error> {
        self.pause(function, &json!({}))
    }

    fn pause(&self, function: &str, how: &Value) -> Result<(), Error> {
        names::checked(function)?;
        let subject = format!("CONSUMER.PAUSE.{}.{function}", self.server.space.jobs_stream());
        self.runtime.block_on(async {
            let reply = self.api(&subject, how).await;
            // A server that does not know of it has nobody who answers there.
            reply.map(drop).map_err(|error| match error {
                Error::Setup { name, reason } => {
                    let version = self.client.server_info().version;
                    Error::Setup { name, reason: format!("{reason} (the server has version {version}; it takes 2.11)") }
                }
                error => error,
            })
        })
    }

    /// Removes jobs or answers, and returns how many.
    ///
    /// # Errors
    ///
    /// [`Error::Name`]; [`Error::Setup`] if there are no streams, or the server refuses.
    pub fn purge(&self, what: &Purge) -> Result<u64, Error> {
        let space = &self.server.space;
        self.runtime.block_on(async {
            let (stream, subjects) = match what {
                Purge::Abandoned => {
                    let runs = self.runs().await?.into_iter();
                    let gone = runs.filter(|run| names::ends_with_its_client(&run.token) && !run.is_awaited);
                    (space.results_stream(), gone.map(|run| space.result(&run.token, "*")).collect())
                }
                Purge::Run(name) => {
                    names::checked(name)?;
                    let run = names::named_run(name);
                    let runs = [names::of_function("*", &run), run];
                    (space.results_stream(), runs.iter().map(|run| space.result(run, "*")).collect())
                }
                Purge::Jobs(function) => {
                    names::checked(function)?;
                    (space.jobs_stream(), vec![space.job(function)])
                }
                Purge::Dead => (space.dead_stream(), vec![space.dead()]),
            };
            let bound = self.stream(stream.clone()).await?;
            let mut purged = 0;
            for subject in subjects {
                let done = bound.purge().filter(subject).await.map_err(|error| Self::failed(&stream, &error))?;
                purged += done.purged;
            }
            Ok(purged)
        })
    }
}

/// The end of the year 9999: no later time can be written.
const LAST: u64 = 253_402_300_799;

/// A time, in seconds since 1970, as RFC 3339 has it. The date by Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`.
fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months are counted from March.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + 400 * era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_others_read_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (LAST, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
