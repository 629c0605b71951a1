//! Whether a server answers what it is asked. One that cannot read any more, as its disk is full, may
//! keep its connections, and says nothing on them: then another of its cluster is taken.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::Client;
use tokio::sync::watch;

use crate::server::Server;

/// How long a server may leave all questions unanswered, at first and at last: where none of a
/// cluster answers, it is of no use to try one after the other.
const PATIENCE: Duration = Duration::from_secs(3);
const LONGEST: Duration = Duration::from_secs(30);
/// How often a server is left that is the deaf one again.
const TRIES: usize = 20;

/// What is known of a connection's server; clones share it.
#[derive(Clone)]
pub(crate) struct Hearing {
    client: Client,
    connections: watch::Receiver<u64>,
    /// Whether there is more than one server.
    has_others: bool,
    patience: Arc<Mutex<Patience>>,
}

#[derive(Debug)]
struct Patience {
    /// When the server answered last, or was taken.
    since: Instant,
    limit: Duration,
}

impl Patience {
    fn new(now: Instant) -> Self {
        Self { since: now, limit: PATIENCE }
    }

    /// Whether it is over. Then the next server has its own, and it is longer.
    fn is_over(&mut self, now: Instant) -> bool {
        let is_over = now.saturating_duration_since(self.since) >= self.limit;
        if is_over {
            *self = Self { since: now, limit: (2 * self.limit).min(LONGEST) };
        }
        is_over
    }
}

impl Hearing {
    pub(crate) fn new(client: Client, connections: watch::Receiver<u64>, server: &Server) -> Self {
        let has_others = server.has_others() || client.server_info().connect_urls.len() > 1;
        Self { client, connections, has_others, patience: Arc::new(Mutex::new(Patience::new(Instant::now()))) }
    }

    /// The server has answered, whatever it said.
    pub(crate) fn heard(&self) {
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner) = Patience::new(Instant::now());
    }

    /// A question was not answered in its time. If none was for long, another server is taken.
    pub(crate) fn unanswered(&self) {
        let is_over = || self.patience.lock().unwrap_or_else(PoisonError::into_inner).is_over(Instant::now());
        if !self.has_others || !is_over() {
            return;
        }
        let deaf = self.client.server_info();
        tracing::warn!(target: "coquad", server = deaf.server_name, "the server answers nothing: another is taken");
        let (client, mut connections) = (self.client.clone(), self.connections.clone());
        tokio::spawn(async move {
            for _ in 0..TRIES {
                connections.mark_unchanged();
                if client.force_reconnect().await.is_err() || connections.changed().await.is_err() {
                    break;
                }
                // Which it is now is chance.
                if client.server_info().server_id != deaf.server_id {
                    break;
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_after_silence_and_grows_until_somebody_answers() {
        let begin = Instant::now();
        let mut patience = Patience::new(begin);
        let mut over = Vec::new();
        for tenth in 0..1200 {
            if patience.is_over(begin + Duration::from_millis(100 * tenth)) {
                over.push(tenth / 10);
            }
        }
        assert_eq!(over, [3, 9, 21, 45, 75, 105]);
        patience = Patience::new(begin);
        assert!(!patience.is_over(begin + PATIENCE / 2) && patience.is_over(begin + PATIENCE));
    }
}
