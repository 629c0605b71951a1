//! The worker's side: serves functions, one job at a time in each slot.

mod hand;
mod health;
mod held;
mod orders;
mod pull;
mod serve;
mod slot;
mod store;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use async_nats::jetstream::Context;
use async_nats::{Client, Event, ServerError};
use coquad::{Arithmetic, ThreadPool};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::channel::oneshot;
use futures::future::FusedFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::hand::Means;
use self::health::Health;
use self::held::Terms;
use self::slot::Slot;
use crate::error::Error;
use crate::hearing::Hearing;
use crate::names;
use crate::server::Server;
use crate::setup;

/// A program that evaluates functions for coordinators.
///
/// Only registered names travel, never code. Each slot asks for one job at a time, so that no job waits behind a long one
/// while another slot is idle, and tells the server that it is alive for as long as it evaluates. An answer is stored
/// before the job is let go of.
///
/// # Examples
///
/// ```no_run
/// fn main() -> Result<(), coquad_nats::Error> {
///     coquad_nats::Worker::new("tls://nats.lab:4222").serve("gap-v3", |x: f64| x.sin()).slots(8).run()
/// }
/// ```
pub struct Worker {
    server: Server,
    functions: Vec<(String, Served)>,
    slots: usize,
    longest: Duration,
    patience: Duration,
    wait: Duration,
    metrics: Option<SocketAddr>,
}

/// A function as it was registered.
struct Served {
    /// How many numbers a point has.
    axes: u64,
    by: By,
}

/// What evaluates it.
enum By {
    Call(hand::Call),
    Ask(hand::Ask),
    Start(hand::Start),
}

/// How far a worker has come. Each time it is told to stop it is one further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Phase {
    /// Asks for jobs.
    Serving,
    /// Finishes those it has.
    Finishing,
    /// Hands back what is not finished.
    Leaving,
}

/// How long handing back may take: the server may not be there.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the slots of a worker share.
struct Shared {
    server: Server,
    client: Client,
    context: Context,
    name: String,
    arithmetic: Arithmetic,
    longest: Duration,
    phase: watch::Receiver<Phase>,
    /// Whether no more jobs are asked for, by an operator's order.
    resting: watch::Sender<bool>,
    connected: Mutex<SystemTime>,
    /// How often the connection was made anew.
    connections: watch::Receiver<u64>,
    hearing: Hearing,
    /// Who evaluates what, by the identity of the message: to be told that it is no longer wanted.
    running: Mutex<HashMap<String, Vec<oneshot::Sender<()>>>>,
    /// What the consumers of the functions promise, on which connection that was asked, and when.
    bound: tokio::sync::Mutex<HashMap<String, (u64, Instant, Terms)>>,
    /// The runs that were waited for when they were last asked, and when that was.
    awaited: Mutex<HashMap<String, Instant>>,
    troubles: Mutex<store::Troubles>,
    health: Arc<Health>,
}

impl Worker {
    /// A worker for this server. It has as many slots as the machine has threads.
    pub fn new(server: impl Into<Server>) -> Self {
        let slots = thread::available_parallelism().map_or(1, |threads| threads.get());
        Self {
            server: server.into(),
            functions: Vec::new(),
            slots,
            longest: Duration::from_secs(24 * 3600),
            patience: Duration::from_secs(20),
            wait: Duration::MAX,
            metrics: None,
        }
    }

    /// How many jobs this worker has at once, of each function.
    #[must_use]
    pub fn slots(mut self, slots: usize) -> Self {
        self.slots = slots.max(1);
        self
    }

    /// Ends an evaluation that takes longer than this, 24 h unless called, if the job does not say less. A thread cannot be
    /// ended: the coordinator is told, and the slot is lost until the function returns.
    #[must_use]
    pub fn max_evaluation(mut self, limit: Duration) -> Self {
        self.longest = limit;
        self
    }

    /// Gives what is being evaluated this long when the worker is told to stop, 20 s unless called: Slurm and Kubernetes
    /// kill what is still there after 30. What is not finished by then is handed back.
    #[must_use]
    pub fn patience(mut self, limit: Duration) -> Self {
        self.patience = limit;
        self
    }

    /// Waits this long for a server that cannot be reached at the start, for ever unless called; 0
    /// tries once. A server that refuses the log-in is not waited for.
    #[must_use]
    pub fn wait(mut self, limit: Duration) -> Self {
        self.wait = limit;
        self
    }

    /// Answers HTTP requests on this address: `/live`, as long as the process does anything; `/ready`, if it is
    /// connected and a slot has reached its queue; `/metrics`, OpenMetrics text. Unless called no socket listens. Nothing
    /// there is encrypted or asks who it is.
    #[must_use]
    pub fn metrics(mut self, address: SocketAddr) -> Self {
        self.metrics = Some(address);
        self
    }

    /// Serves until SIGTERM or SIGINT, on the calling thread and one per slot.
    ///
    /// The connection is made anew when it is lost. Told to stop, it asks for no more jobs, finishes those it has
    /// ([`patience`](Self::patience)), hands back what is left for others to evaluate at once, and returns. Told again, it
    /// hands back everything.
    ///
    /// # Errors
    ///
    /// As [`Nats::connect`](crate::Nats::connect), if there is no connection within
    /// [`wait`](Self::wait); if a name is none. [`Error::Metrics`] if it cannot listen.
    pub fn run(self) -> Result<(), Error> {
        let (ready, _) = oneshot::channel();
        self.serve_until(signals, ready)
    }

    /// Serves in the background, until it is told to stop or the handle is dropped. Signals are the program's own affair.
    ///
    /// It returns when the connection is made: a server that is not there is waited for
    /// ([`wait`](Self::wait)).
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), once the connection is made or not.
    pub fn start(self) -> Result<WorkerHandle, Error> {
        let (stop, orders) = unbounded();
        let (ready, up) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("coquad-worker".into())
            .spawn(move || self.serve_until(|| Ok(orders.boxed()), ready))
            .map_err(|error| Error::Connect { reason: error.to_string() })?;
        match futures::executor::block_on(up) {
            Ok(()) => Ok(WorkerHandle { stop, thread: Some(thread) }),
            Err(_) => Err(thread.join().unwrap_or(Ok(())).err().unwrap_or(Error::Closed {})),
        }
    }

    /// `orders` yields once for each time that the worker is told to stop.
    fn serve_until(
        self,
        orders: impl FnOnce() -> std::io::Result<BoxStream<'static, ()>>,
        ready: oneshot::Sender<()>,
    ) -> Result<(), Error> {
        for (name, _) in &self.functions {
            names::checked(name)?;
        }
        let failed = |error: std::io::Error| Error::Connect { reason: error.to_string() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let served = runtime.block_on(async move {
            let health = Arc::<Health>::default();
            if let Some(address) = self.metrics {
                let listener = tokio::net::TcpListener::bind(address).await;
                let listener = listener.map_err(|error| Error::Metrics { address, reason: error.to_string() })?;
                tokio::spawn(health::listen(listener, health.clone()));
            }
            let (events, happened) = unbounded();
            let (client, context, connections) = self.server.connect("worker", events, self.wait).await?;
            let (phase, phases) = watch::channel(Phase::Serving);
            let hearing = Hearing::new(client.clone(), connections.clone(), &self.server);
            let shared = Arc::new(Shared {
                hearing,
                server: self.server,
                client,
                context,
                name: worker_name(),
                arithmetic: Arithmetic::here(),
                longest: self.longest,
                phase: phases,
                resting: watch::Sender::new(false),
                connected: Mutex::new(SystemTime::now()),
                connections,
                running: Mutex::default(),
                bound: tokio::sync::Mutex::default(),
                awaited: Mutex::default(),
                troubles: Mutex::default(),
                health,
            });
            shared.health.begin(&shared.client, self.slots * self.functions.len());
            // The first attempt tells what is wrong; later ones wait until it is right.
            for (name, _) in &self.functions {
                shared.bind(name).await?;
            }
            let names: Vec<_> = self.functions.iter().map(|(name, _)| name.clone()).collect();
            shared.hear_of_cancellation(&names).await?;
            shared.hear_of_orders(names).await?;
            tokio::spawn(report(happened, shared.clone()));
            let mut orders = orders().map_err(failed)?;
            let mut slots = JoinSet::new();
            for (name, served) in self.functions {
                let pool = ThreadPool::new(self.slots);
                for _ in 0..self.slots {
                    let means = match &served.by {
                        By::Call(call) => Means::Call(pool.clone(), call.clone()),
                        By::Ask(ask) => Means::Ask(ask.clone()),
                        By::Start(start) => Means::Start(start.clone(), None),
                    };
                    slots.spawn(Slot::new(shared.clone(), name.clone(), served.axes, means).serve());
                }
            }
            let _ = ready.send(());
            orders.next().await;
            let _ = phase.send(Phase::Finishing);
            let mut all = std::pin::pin!(async { while slots.join_next().await.is_some() {} }.fuse());
            tokio::select! {
                biased;
                () = &mut all => {}
                _ = orders.next() => {}
                () = tokio::time::sleep(self.patience) => {}
            }
            let _ = phase.send(Phase::Leaving);
            let farewell = async {
                if !all.is_terminated() {
                    all.await;
                }
                let _ = shared.client.flush().await;
            };
            let _ = tokio::time::timeout(FAREWELL, farewell).await;
            Ok(())
        });
        // Nothing of what is left is waited for: a function may be running still.
        runtime.shutdown_background();
        served
    }
}

/// The signals by which a worker is told to stop.
fn signals() -> std::io::Result<BoxStream<'static, ()>> {
    let heard = |kind| {
        let signal = signal(kind)?;
        std::io::Result::Ok(stream::unfold(signal, async |mut signal| signal.recv().await.map(|()| ((), signal))))
    };
    let (terminate, interrupt) = (heard(SignalKind::terminate())?, heard(SignalKind::interrupt())?);
    let told = stream::select(terminate.boxed(), interrupt.boxed());
    Ok(told.inspect(|()| eprintln!("coquad-worker: told to stop")).boxed())
}

/// Says on standard error what an operator must know: permissions that are missing, and a connection lost or back.
async fn report(mut happened: UnboundedReceiver<Event>, shared: Arc<Shared>) {
    while let Some(event) = happened.next().await {
        if matches!(event, Event::Connected) {
            *shared.connected.lock().unwrap_or_else(PoisonError::into_inner) = SystemTime::now();
        }
        match event {
            Event::ServerError(ServerError::Other(text)) => {
                eprintln!("coquad-worker: the server says: {}", coquad::wire::printable(&text));
            }
            Event::Connected | Event::Disconnected => eprintln!("coquad-worker: {event}"),
            _ => {}
        }
    }
}

fn worker_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.trim().chars().take(64).collect();
    format!("{host}:{}", std::process::id())
}

impl Shared {
    /// What the consumer of a function promises; it is made if it is missing. Asked for at most five times a second, by however many slots.
    async fn bind(&self, function: &str) -> Result<Terms, Error> {
        let mut bound = self.bound.lock().await;
        let connection = *self.connections.borrow();
        if let Some((on, when, terms)) = bound.get(function)
            && *on == connection
            && when.elapsed() < Duration::from_millis(200)
        {
            return Ok(*terms);
        }
        let consumer = match setup::consumer(&self.context, &self.server, function).await {
            Ok(consumer) => consumer,
            Err(_) => {
                self.hearing.unanswered();
                setup::streams(&self.context, &self.server, !bound.is_empty()).await?;
                setup::consumer(&self.context, &self.server, function).await?
            }
        };
        self.hearing.heard();
        let terms = Terms {
            ack_wait: consumer.config.ack_wait,
            max_deliver: consumer.config.max_deliver,
            created: consumer.created.into(),
        };
        bound.insert(function.to_owned(), (connection, Instant::now(), terms));
        Ok(terms)
    }
}

/// A worker that serves in the background. Dropped, it hands back what it evaluates, for others to begin again.
#[derive(Debug)]
pub struct WorkerHandle {
    stop: UnboundedSender<()>,
    thread: Option<thread::JoinHandle<Result<(), Error>>>,
}

impl WorkerHandle {
    /// Asks for no more jobs, finishes those it has ([`Worker::patience`]), and waits for that.
    pub fn stop(mut self) {
        let _ = self.stop.unbounded_send(());
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        for _ in 0..2 {
            let _ = self.stop.unbounded_send(());
        }
        self.join();
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let functions: Vec<_> = self.functions.iter().map(|(name, _)| name).collect();
        f.debug_struct("Worker").field("functions", &functions).field("slots", &self.slots).finish_non_exhaustive()
    }
}
