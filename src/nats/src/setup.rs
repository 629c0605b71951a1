//! The streams and consumers that a space needs: looked up, and made where they are missing.

use std::time::Duration;

use async_nats::jetstream::consumer::{self, AckPolicy, pull};
use async_nats::jetstream::context::{ConsumerInfoErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{Context, ErrorCode};

use crate::error::Error;
use crate::server::Server;

/// Jobs that may wait in a space. Beyond, those who publish wait.
const MAX_JOBS: i64 = 100_000;
/// Results that a space keeps, in bytes. Beyond, the oldest go.
const MAX_RESULTS: i64 = 256 << 20;
/// Reports of jobs that were given up. Beyond, the oldest go.
const MAX_DEAD: i64 = 10_000;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long a stream that was there before must be gone before it is made anew. Server 2.9.10 calls it gone while it still
/// removes its files, and then those of its successor too: messages that are counted there, and given to nobody (7 of 76
/// deletions on a busy machine, 2026-11-30).
const GONE: Duration = Duration::from_millis(250);

/// Slots that one function may have. The server's own defaults (1000 outstanding, 512 waiting) are far too few.
const MAX_SLOTS: i64 = 16_384;

/// Makes what is missing of the two streams of the space; `again` if they were there before. Returns whether something was.
pub(crate) async fn streams(context: &Context, server: &Server, again: bool) -> Result<bool, Error> {
    let mut made = false;
    let space = &server.space;
    let common = stream::Config {
        storage: StorageType::File,
        max_age: 7 * DAY,
        max_message_size: coquad::wire::MAX_FRAME as i32,
        num_replicas: server.replicas,
        ..stream::Config::default()
    };
    let jobs = stream::Config {
        name: space.jobs_stream(),
        subjects: vec![space.job("*")],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_messages: MAX_JOBS,
        duplicate_window: Duration::from_secs(120),
        ..common.clone()
    };
    let results = stream::Config {
        name: space.results_stream(),
        subjects: vec![space.results()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_bytes: MAX_RESULTS,
        max_messages_per_subject: 1,
        allow_direct: true,
        ..common
    };
    // A report is lost on whoever is not connected when it is made: they are kept. The server itself publishes them.
    let dead = stream::Config {
        name: space.dead_stream(),
        subjects: vec![space.dead()],
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_messages: MAX_DEAD,
        allow_direct: true,
        storage: StorageType::File,
        max_age: 7 * DAY,
        num_replicas: server.replicas,
        ..stream::Config::default()
    };
    for config in [results, jobs] {
        let name = config.name.clone();
        if is_there(context, &name).await? {
            continue;
        }
        if again {
            tokio::time::sleep(GONE).await;
            if is_there(context, &name).await? {
                made = true;
                continue;
            }
        }
        // Made with the jobs, before them, by whoever may. Spaces that have none go on: a report that was lost is then
        // made up for only when the queue is idle.
        if name == space.jobs_stream() {
            let _ = context.create_stream(dead.clone()).await;
        }
        // Two that do this at once ask for the same, which the server grants both, or one finds what the other has made.
        if let Err(error) = context.create_stream(config).await
            && context.get_stream(&name).await.is_err()
        {
            return Err(Error::Setup { name, reason: error.to_string() });
        }
        made = true;
    }
    Ok(made)
}

/// Whether the server knows a stream of this name.
async fn is_there(context: &Context, name: &str) -> Result<bool, Error> {
    match context.get_stream(name).await {
        Ok(_) => Ok(true),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(false),
            _ => Err(Error::Setup { name: name.to_owned(), reason: error.to_string() }),
        },
    }
}

/// The consumer of a function, made if it is missing.
pub(crate) async fn consumer(context: &Context, server: &Server, function: &str) -> Result<consumer::Info, Error> {
    let failed = |reason: String| Error::Setup { name: format!("the consumer of {function}"), reason };
    let stream =
        context.get_stream_no_info(server.space.jobs_stream()).await.map_err(|error| failed(error.to_string()))?;
    // Not by the look-up that makes a consumer of what is found: that asks twice.
    match stream.consumer_info(function).await {
        Ok(info) => return Ok(info),
        Err(error) => match error.kind() {
            ConsumerInfoErrorKind::NotFound => {}
            _ => return Err(failed(error.to_string())),
        },
    }
    let config = pull::Config {
        durable_name: Some(function.to_owned()),
        filter_subject: server.space.job(function),
        ack_policy: AckPolicy::Explicit,
        ack_wait: server.ack_wait,
        max_deliver: i64::from(server.max_deliver),
        max_ack_pending: MAX_SLOTS,
        max_waiting: MAX_SLOTS,
        ..pull::Config::default()
    };
    match stream.create_consumer(config).await {
        Ok(consumer) => Ok(consumer.cached_info().clone()),
        // As above.
        Err(error) => stream.consumer_info(function).await.map_err(|_| failed(error.to_string())),
    }
}
