//! How a worker is, for whoever asks by HTTP: whether it lives, whether it is ready, and its metrics.

use std::fmt::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long a request may take, and how long it may be.
const PATIENCE: Duration = Duration::from_secs(2);
const LONGEST: usize = 4096;
/// After a failure to take a request.
const PAUSE: Duration = Duration::from_millis(100);

/// What a worker has done, and does. The numbers are for people: none orders anything else.
#[derive(Debug, Default)]
pub(super) struct Health {
    pub(super) slots: AtomicUsize,
    /// Slots whose function's queue was reached.
    reaching: AtomicUsize,
    pub(super) busy: AtomicUsize,
    pub(super) points: AtomicU64,
    pub(super) failures: AtomicU64,
    unstored: AtomicU64,
    worked: Mutex<Duration>,
    client: OnceLock<Client>,
}

/// One more, until this is dropped.
pub(super) struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Health {
    /// There is a connection, and so many slots.
    pub(super) fn begin(&self, client: &Client, slots: usize) {
        self.slots.store(slots, Ordering::Relaxed);
        let _ = self.client.set(client.clone());
    }

    pub(super) fn reaches(&self) -> Counted<'_> {
        Counted::begin(&self.reaching)
    }

    pub(super) fn works(&self) -> Counted<'_> {
        Counted::begin(&self.busy)
    }

    /// A job is evaluated: so many points, of which so many have no value.
    pub(super) fn evaluated(&self, points: usize, failures: usize, took: Duration) {
        self.points.fetch_add(points as u64, Ordering::Relaxed);
        self.failures.fetch_add(failures as u64, Ordering::Relaxed);
        *self.worked.lock().unwrap_or_else(PoisonError::into_inner) += took;
    }

    /// An answer could not be stored at the first attempt.
    pub(super) fn could_not_store(&self) {
        self.unstored.fetch_add(1, Ordering::Relaxed);
    }

    /// How long all evaluations took.
    pub(super) fn worked(&self) -> Duration {
        *self.worked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_connected(&self) -> bool {
        self.client.get().is_some_and(|client| client.connection_state() == State::Connected)
    }

    /// Whether the worker is connected and a slot has reached its queue.
    fn is_ready(&self) -> bool {
        self.is_connected() && self.reaching.load(Ordering::Relaxed) > 0
    }

    /// In the text format of OpenMetrics 1.0.
    fn metrics(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, kind: &str, help: &str, value: f64| {
            let total = if kind == "counter" { "_total" } else { "" };
            let name = format!("coquad_worker_{name}");
            let _ = writeln!(text, "# TYPE {name} {kind}\n# HELP {name} {help}\n{name}{total} {value}");
        };
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
        let gauge = |count: &AtomicUsize| count.load(Ordering::Relaxed) as f64;
        let worked = self.worked().as_secs_f64();
        line("connected", "gauge", "Whether there is a connection.", f64::from(u8::from(self.is_connected())));
        line("slots", "gauge", "Jobs that it may have at once.", gauge(&self.slots));
        line("busy_slots", "gauge", "Jobs that it has.", gauge(&self.busy));
        line("points", "counter", "Points that were evaluated.", count(&self.points));
        line("failures", "counter", "Points without a value, among these.", count(&self.failures));
        line("worked_seconds", "counter", "How long that took, all slots together.", worked);
        line("unstored", "counter", "Attempts to store an answer that failed.", count(&self.unstored));
        text.push_str("# EOF\n");
        text
    }

    fn answer(&self, path: &str) -> (&'static str, String) {
        match path {
            "/live" => ("200 OK", "it lives\n".into()),
            "/ready" if self.is_ready() => ("200 OK", "it is ready\n".into()),
            "/ready" if self.is_connected() => ("503 Service Unavailable", "no slot has reached its queue\n".into()),
            "/ready" => ("503 Service Unavailable", "there is no connection\n".into()),
            "/metrics" => ("200 OK", self.metrics()),
            _ => ("404 Not Found", "there are /live, /ready and /metrics\n".into()),
        }
    }
}

/// Answers, one request after the other.
pub(super) async fn listen(listener: TcpListener, health: Arc<Health>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let _ = tokio::time::timeout(PATIENCE, serve(stream, &health)).await;
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn serve(mut stream: TcpStream, health: &Health) -> std::io::Result<()> {
    let mut request = Vec::new();
    // All of its head: a connection is reset that ends with something unread.
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < LONGEST {
        let mut part = [0; 1024];
        match stream.read(&mut part).await? {
            0 => break,
            count => request.extend_from_slice(&part[..count]),
        }
    }
    let request = String::from_utf8_lossy(&request);
    let mut words = request.split_ascii_whitespace();
    let (status, body) = match (words.next(), words.next()) {
        (Some("GET" | "HEAD"), Some(path)) => health.answer(path),
        _ => ("400 Bad Request", "GET is all\n".into()),
    };
    let kind = if body.ends_with("# EOF\n") {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    } else {
        "text/plain; charset=utf-8"
    };
    let length = body.len();
    let body = if request.starts_with("HEAD") { "" } else { &*body };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await
}
