//! Looks after the streams of a space while a coordinator is connected: what is missing is made
//! anew, what is full or paused is told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{DiscardPolicy, Info};
use futures::channel::mpsc::UnboundedSender;

use crate::desk::events::{Event, Queue};
use crate::ops::{Ops, Pulse};

/// How often the server is asked for its streams.
const ROUND: Duration = Duration::from_millis(450);
/// How long its answer is waited for.
const SAID: Duration = Duration::from_secs(1);
/// It is asked sooner when jobs are with it and no answer has come for this long, and again after
/// twice that; and how often that is looked at.
const QUIET: Duration = Duration::from_millis(100);
const GLANCE: Duration = Duration::from_millis(25);

/// Looks after the streams for as long as somebody hears of them.
pub(crate) fn streams(ops: Arc<Ops>, to: UnboundedSender<Event>) {
    let mut connections = ops.connections();
    tokio::spawn(async move {
        let names = [ops.server.space.jobs_stream(), ops.server.space.results_stream()];
        // What was told last of each, so that it is told once.
        let mut told = [const { None }; 2];
        let mut quiet = Quiet { heard: 0, since: Instant::now(), asks_at: QUIET };
        while !to.is_closed() {
            for (which, name) in names.iter().enumerate() {
                connections.mark_unchanged();
                let found = tokio::select! {
                    biased;
                    // What was asked of the old server is not waited for.
                    Ok(()) = connections.changed() => continue,
                    found = tokio::time::timeout(SAID, ops.context.get_stream(name)) => found,
                };
                // No connection, or a server that is busy: it is heard of elsewhere.
                let Ok(found) = found else {
                    ops.hearing.unanswered();
                    continue;
                };
                if !matches!(&found, Err(error) if error.kind() == GetStreamErrorKind::Request) {
                    ops.hearing.heard();
                }
                let trouble = match &found {
                    Ok(stream) => {
                        let info = stream.cached_info();
                        if which == 0 {
                            let (created, first) = (SystemTime::from(info.created), info.state.first_sequence);
                            let jobs = info.state.messages;
                            let most = u64::try_from(info.config.max_messages).ok().filter(|most| *most > 0);
                            let room = most.map_or(u64::MAX, |most| most.saturating_sub(jobs));
                            let _ = to.unbounded_send(Event::Queue(Queue { created, first, jobs, room }));
                        }
                        fullness(info)
                    }
                    Err(error) => match error.kind() {
                        GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                            let made = ops.setup().await;
                            made.err().map(|error| error.to_string())
                        }
                        GetStreamErrorKind::Request => {
                            ops.hearing.unanswered();
                            continue;
                        }
                        _ => continue,
                    },
                };
                tell(name, &trouble, &mut told[which]);
            }
            let begin = Instant::now();
            while begin.elapsed() < ROUND && !quiet.asks(&ops.pulse) {
                let glance = if ops.pulse.jobs.load(Ordering::Relaxed) > 0 { GLANCE } else { ROUND };
                tokio::select! {
                    biased;
                    Ok(()) = connections.changed() => break,
                    // It is another one, and what the old one had is gone.
                    () = ops.made.notified() => break,
                    () = tokio::time::sleep(glance) => {}
                }
            }
        }
    });
}

/// Since when no answer has come.
struct Quiet {
    heard: u64,
    since: Instant,
    asks_at: Duration,
}

impl Quiet {
    /// Whether the server is to be asked what has become of the jobs.
    fn asks(&mut self, pulse: &Pulse) -> bool {
        let (heard, jobs) = (pulse.heard.load(Ordering::Relaxed), pulse.jobs.load(Ordering::Relaxed));
        if heard != self.heard || jobs == 0 {
            *self = Self { heard, since: Instant::now(), asks_at: QUIET };
        }
        let asks = self.since.elapsed() >= self.asks_at;
        if asks {
            self.asks_at *= 2;
        }
        asks
    }
}

/// Says what is the matter with a stream, once, and once that it is over.
fn tell(stream: &str, trouble: &Option<String>, told: &mut Option<String>) {
    if trouble == told {
        return;
    }
    match trouble {
        Some(trouble) => tracing::warn!(target: "coquad", stream, trouble, "waiting for a stream"),
        None => tracing::info!(target: "coquad", stream, "the stream takes messages again"),
    }
    told.clone_from(trouble);
}

/// Why the stream takes no more messages, if so.
fn fullness(info: &Info) -> Option<String> {
    let (config, state) = (&info.config, &info.state);
    if config.discard != DiscardPolicy::New {
        return None;
    }
    let full = |now: u64, most: i64| u64::try_from(most).is_ok_and(|most| most > 0 && now >= most);
    if full(state.messages, config.max_messages) {
        Some(format!("it is full: {} messages of {}", state.messages, config.max_messages))
    } else if full(state.bytes, config.max_bytes) {
        Some(format!("it is full: {} bytes of {}", state.bytes, config.max_bytes))
    } else {
        None
    }
}
