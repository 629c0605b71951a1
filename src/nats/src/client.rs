//! The coordinator's side: a connection, and evaluators on it.

mod over;
mod share;

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use coquad::wire::{MAX_FRAME, Numbers};
use coquad::{Arithmetic, EvaluationError, Evaluator, Mixed, Point};
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::channel::oneshot;
use futures::task::AtomicWaker;
use tokio::task::JoinSet;

use crate::desk::Desk;
use crate::desk::events::{Event, Function, Question, Waiter, Wish};
use crate::drive::Drive;
use crate::error::{Error, NatsReport};
use crate::forget::Forget;
use crate::metrics::{self, WorkerReport, Workers};
use crate::names;
use crate::ops::open;
use crate::server::Server;
use crate::twice::Twice;

/// A connection to a NATS server, from which evaluators are made. Clones share it.
///
/// It has a thread of its own, which keeps the connection and everything that is under way, whatever runtime the
/// evaluations are awaited on. The connection is made anew when it is lost; evaluations wait meanwhile.
///
/// # Cancellation
///
/// When the last clone and evaluator are dropped, what the server still has of them is taken back, in the background;
/// [`close`](Self::close) waits for that.
///
/// # Examples
///
/// ```no_run
/// use coquad::Integrator;
/// use coquad_nats::Nats;
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let nats = Nats::connect("tls://nats.lab:4222").await?;
/// let integrator = Integrator::new(nats.evaluator::<f64>("gap-v3"));
/// let e = integrator.integrate(0.0, 1.0, 1e-8).await?;
/// # let _ = e; Ok(()) }
/// ```
#[derive(Clone)]
pub struct Nats {
    inner: Arc<Inner>,
}

struct Inner {
    server: Arc<Server>,
    events: UnboundedSender<Event>,
    run: Arc<str>,
    functions: Mutex<HashMap<String, Weak<Function>>>,
    tickets: AtomicU64,
    /// What workers must not know: which points are evaluated twice.
    secret: [u8; 16],
    report: Arc<Mutex<NatsReport>>,
    workers: Workers,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = self.events.unbounded_send(Event::Close(None));
    }
}

impl Nats {
    /// Connects to the server, and makes the streams of the space where they are missing.
    ///
    /// # Errors
    ///
    /// [`Error::Address`], [`Error::Plaintext`] and [`Error::Name`] at once; [`Error::Connect`] if the server cannot be
    /// reached or refuses the log-in; [`Error::Setup`] if there are no streams and they cannot be made.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives the connection up.
    pub async fn connect(server: impl Into<Server>) -> Result<Self, Error> {
        let server = Arc::new(server.into());
        let (run, secret): (Arc<str>, _) = (names::random_run()?.into(), names::random()?);
        let (events, inbox) = unbounded();
        let (ready, connected) = oneshot::channel();
        let (to_self, for_desk) = (events.clone(), server.clone());
        let report = Arc::<Mutex<NatsReport>>::default();
        let workers = Workers::default();
        let desk = Desk::new(server.space.clone(), report.clone(), workers.clone());
        let failed = |error: std::io::Error| Error::Connect { reason: error.to_string() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let background = move || {
            runtime.block_on(async move {
                match open(for_desk, &to_self).await {
                    Ok(ops) => {
                        let ops = Arc::new(ops);
                        // Who asked may be gone: then the close of what they never saw follows.
                        let _ = ready.send(Ok(()));
                        // A task like those that bring it what happens, so that nothing piles up before it.
                        let _ =
                            tokio::spawn(Drive { ops, desk, events: to_self, under_way: JoinSet::new() }.serve(inbox))
                                .await;
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                }
            });
        };
        thread::Builder::new().name("coquad-nats".into()).spawn(background).map_err(failed)?;
        // Dropped before it is handed out, it closes the connection.
        let (functions, tickets) = (Mutex::default(), AtomicU64::new(0));
        let inner = Arc::new(Inner { server, events, run, functions, tickets, secret, report, workers });
        connected.await.unwrap_or(Err(Error::Closed {}))?;
        Ok(Self { inner })
    }

    /// An evaluator of the function that workers serve under this name, with values of type `T`.
    ///
    /// It costs nothing until it is used; then it counts the workers that serve the function.
    #[must_use]
    pub fn evaluator<T: Numbers>(&self, function: &str) -> NatsEvaluator<T> {
        let mut functions = self.inner.functions.lock().unwrap_or_else(PoisonError::into_inner);
        let known = functions.get(function).and_then(Weak::upgrade);
        let function = known.unwrap_or_else(|| {
            let made = Arc::new(Function::new(function.to_owned(), 0));
            functions.insert(function.to_owned(), Arc::downgrade(&made));
            made
        });
        let run = self.inner.server.run_of(&function.name, &self.inner.run).into();
        let evaluator = NatsEvaluator {
            inner: self.inner.clone(),
            function,
            run,
            invalid: None,
            parameters: Arc::default(),
            time_limit: None,
            deadline: None,
            attempts: 3,
            queue_factor: 2.0,
            weight: 1.0,
            quota: usize::MAX,
            verify: 0.0,
            twice: Arc::default(),
            mixed: Mixed::Count,
            question: OnceLock::new(),
            values: PhantomData,
        };
        evaluator.begin()
    }

    /// What happened on this connection so far.
    #[must_use]
    pub fn report(&self) -> NatsReport {
        *self.inner.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each worker has done for this connection so far, by its function and name.
    #[must_use]
    pub fn workers(&self) -> Vec<WorkerReport> {
        metrics::workers(&self.inner.workers)
    }

    /// [`report`](Self::report), [`workers`](Self::workers) and the slots of each function in the text format of
    /// OpenMetrics 1.0, for a service that is asked for its metrics.
    #[must_use]
    pub fn open_metrics(&self) -> String {
        let functions = self.inner.functions.lock().unwrap_or_else(PoisonError::into_inner);
        let slots =
            |function: &Weak<Function>| function.upgrade().map(|function| function.slots.load(Ordering::Relaxed));
        let slots: Vec<_> = functions.iter().filter_map(|(name, function)| Some((&**name, slots(function)?))).collect();
        metrics::text(&self.inner.server.space, &self.report(), &self.workers(), &slots)
    }

    /// Takes back all that is under way, and ends the connection. The server is waited for up to 5 s, unless the connection
    /// is lost: then at once, and what the server has stays there.
    ///
    /// # Cancellation
    ///
    /// The connection ends all the same.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        let _ = self.inner.events.unbounded_send(Event::Close(Some(done)));
        let _ = closed.await;
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats").field("server", &self.inner.server).finish_non_exhaustive()
    }
}

/// Evaluates on all workers of a space that serve a function.
///
/// # Concurrency
///
/// Two jobs for each slot of the live workers ([`queue_factor`](Self::queue_factor)), so that the next
/// job is there when one is done. The slots are counted every second: workers that join in the middle
/// of an integral are used within two.
///
/// A job has as many points as take 5 ms together, 1 to 64, as the durations of the last evaluations
/// say. Points are spread over free slots first. If a job of several points is lost or fails as a
/// whole, each of its points gets a job of its own. On a [`run`](Self::run) with a name each point has.
///
/// # Delivery
///
/// At least once, and one answer each: a point may be evaluated twice after a fault, and the first answer counts. A job
/// that the server loses is published again.
///
/// # Cancellation
///
/// Dropping an evaluation takes it from the queue. A worker that has it is told: processes are killed and futures
/// dropped after a moment; a thread runs to its end, unheard.
///
/// # Examples
///
/// Resuming: who evaluates on a run with a name finds what was answered on it before, for a week, and evaluates the rest.
///
/// ```no_run
/// # async fn f(nats: coquad_nats::Nats) {
/// let evaluator = nats.evaluator::<f64>("gap-v3").run("sweep-7");
/// # let _ = evaluator; }
/// ```
pub struct NatsEvaluator<T = f64, P: Point = f64> {
    inner: Arc<Inner>,
    function: Arc<Function>,
    run: Arc<str>,
    /// A name that is none: every evaluation says so.
    invalid: Option<Error>,
    parameters: Arc<[u8]>,
    time_limit: Option<f64>,
    deadline: Option<Duration>,
    attempts: u32,
    queue_factor: f64,
    weight: f64,
    quota: usize,
    verify: f64,
    /// Points that are being evaluated twice.
    twice: Arc<AtomicUsize>,
    mixed: Mixed,
    /// All of this as it is told with each point; made anew when something of it changes.
    question: OnceLock<Arc<Question>>,
    values: PhantomData<fn(P) -> T>,
}

impl<T, P: Point> NatsEvaluator<T, P> {
    /// Checks the names, and has the workers counted.
    fn begin(mut self) -> Self {
        self.question = OnceLock::new();
        if let Err(error) = names::checked(&self.function.name) {
            self.invalid = Some(error);
        }
        if self.invalid.is_none() {
            let _ = self.inner.events.unbounded_send(Event::Know(self.function.clone(), self.run.clone()));
        }
        self
    }

    /// Shares answers with everyone who evaluates on a run of this name, now or within a week. Functions and parameters are
    /// kept apart. Failures are not shared.
    #[must_use]
    pub fn run(mut self, name: &str) -> Self {
        match names::checked(name) {
            Ok(()) if name.len() <= 60 => {
                self.run = self.inner.server.run_of(&self.function.name, &names::named_run(name)).into();
            }
            _ => self.invalid = Some(Error::Name { name: coquad::wire::printable(name) }),
        }
        self.begin()
    }

    /// Hands these bytes to the function with every point ([`Worker::serve_with`](crate::Worker::serve_with)).
    #[must_use]
    pub fn parameters(mut self, parameters: impl Into<Vec<u8>>) -> Self {
        self.parameters = parameters.into().into();
        self.question = OnceLock::new();
        self
    }

    /// Ends an evaluation that takes longer, on the worker: [`Error::Timeout`]. Unless called the worker's own limit holds.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit.as_secs_f64());
        self.question = OnceLock::new();
        self
    }

    /// Ends the waiting for an evaluation, queue and all: [`Error::Deadline`]. Unless called there is none.
    #[must_use]
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self.question = OnceLock::new();
        self
    }

    /// Gives an evaluation up when the server has lost it this often, 3 unless called: [`Error::WorkerLost`].
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self.question = OnceLock::new();
        self
    }

    /// Keeps `factor` evaluations outstanding for each slot, 2 unless called; 1 to 100.
    #[must_use]
    pub fn queue_factor(mut self, factor: f64) -> Self {
        self.queue_factor = if factor.is_nan() { 2.0 } else { factor.clamp(1.0, 100.0) };
        self
    }

    /// Has this share of the points, 0 unless called, evaluated twice: [`Error::Conflict`] if the answers differ in a bit.
    ///
    /// Both jobs are queued at once, for whichever slots take them. Workers cannot tell which
    /// points are chosen. One that lies about a point is found out unless the other answer is its
    /// own or another liar's, so let there be more slots than any one worker has. A function that
    /// is not deterministic is found out too. A point that is evaluated twice takes the room of two
    /// in [`concurrency`](Evaluator::concurrency).
    #[must_use]
    pub fn verify(mut self, share: f64) -> Self {
        self.verify = share;
        self
    }

    /// Says what to do with values of workers that compute elementary functions otherwise than the first that answered:
    /// unless called they are used and counted ([`NatsReport::mixed`]). `Refuse` and `Only` fail the evaluation with
    /// [`Error::Arithmetic`]. Workers that do not tell their arithmetic are taken as they are.
    ///
    /// To have each kind of machine do integrals of its own, let the workers serve the function under a name that ends with
    /// [`Arithmetic::kind`], and ask for that name.
    #[must_use]
    pub fn mixed(mut self, mixed: Mixed) -> Self {
        self.mixed = mixed;
        self.question = OnceLock::new();
        self
    }

    /// The kinds of arithmetic that workers of this function have told so far, in the order of their coming.
    #[must_use]
    pub fn arithmetics(&self) -> Vec<Arithmetic> {
        self.function.arithmetics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many slots the live workers have, as last counted.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.function.slots.load(Ordering::Relaxed)
    }

    /// Whether the point is evaluated twice.
    fn is_verified(&self, x: P) -> bool {
        if self.verify.is_nan() || self.verify <= 0.0 {
            return false;
        }
        let number = names::id(&self.function.name, &self.inner.secret, x.numbers());
        let number = u32::from_str_radix(&number[..8], 16).expect("an identity is hexadecimal");
        (f64::from(number) + 0.5) / 2f64.powi(32) < self.verify
    }

    fn question(&self) -> Result<&Arc<Question>, Error> {
        if let Some(error) = &self.invalid {
            return Err(error.clone());
        }
        // A job of one point has these bytes, its point and some names, of which none is long.
        if self.parameters.len() > MAX_FRAME - 1024 {
            let reason = format!("a job of {} bytes is over the limit of {MAX_FRAME}", self.parameters.len() + 1024);
            return Err(Error::Message { reason });
        }
        Ok(self.question.get_or_init(|| {
            Arc::new(Question {
                function: self.function.clone(),
                run: self.run.clone(),
                axes: P::AXES as u64,
                parameters: self.parameters.clone(),
                limit: self.time_limit,
                deadline: self.deadline,
                attempts: self.attempts,
                weight: self.weight,
                quota: self.quota,
                mixed: self.mixed.clone(),
            })
        }))
    }

    /// `again`: for another answer than the first.
    fn wish(&self, x: P, again: bool, waiter: Waiter) -> Result<Wish, Error> {
        let question = self.question()?.clone();
        let name = &self.function.name;
        // No function has this name, and nobody else can tell where the second answer goes: on a run
        // with a name it cannot be there already, put there by somebody.
        let id = if again {
            let secret = [&self.inner.secret[..], &self.parameters].concat();
            names::id(&format!("{name} again"), &secret, x.numbers())
        } else {
            names::id(name, &self.parameters, x.numbers())
        };
        let subject = self.inner.server.space.result(&self.run, &id).into();
        Ok(Wish { question, x: x.numbers().into(), id, subject, waiter })
    }
}

impl<T, P: Point> NatsEvaluator<T, P> {
    async fn ask(&self, x: P, again: bool) -> Result<Vec<f64>, EvaluationError> {
        let ticket = self.inner.tickets.fetch_add(1, Ordering::Relaxed);
        let nudge = Arc::new(AtomicWaker::new());
        let (reply, mut answer) = oneshot::channel();
        let wish = self.wish(x, again, Waiter { ticket, reply, nudge: nudge.clone() }).map_err(EvaluationError::new)?;
        let mut forget = Forget { events: &self.inner.events, subject: Some(wish.subject.clone()), ticket };
        if self.inner.events.unbounded_send(Event::Evaluate(Box::new(wish))).is_err() {
            return Err(EvaluationError::new(Error::Closed {}));
        }
        let outcome = poll_fn(|cx| {
            nudge.register(cx.waker());
            Pin::new(&mut answer).poll(cx)
        })
        .await;
        forget.subject = None;
        outcome.unwrap_or_else(|_| Err(EvaluationError::new(Error::Closed {})))
    }
}

impl<T: Numbers + Clone + Send + Sync + 'static, P: Point> Evaluator<P> for NatsEvaluator<T, P> {
    type Value = T;

    async fn evaluate(&self, x: P) -> Result<T, EvaluationError> {
        let numbers = if self.is_verified(x) {
            let _second = Twice::begin(&self.twice);
            let (first, second) = futures::try_join!(self.ask(x, false), self.ask(x, true))?;
            if !first.iter().map(|y| y.to_bits()).eq(second.iter().map(|y| y.to_bits())) {
                return Err(EvaluationError::new(Error::Conflict { first, second }));
            }
            first
        } else {
            self.ask(x, false).await?
        };
        T::from_numbers(&numbers).ok_or_else(|| {
            let reason = format!("an answer of {} numbers is no value of this type", numbers.len());
            EvaluationError::new(Error::Message { reason })
        })
    }

    fn concurrency(&self) -> usize {
        // Exact: slots are few enough for a float.
        let jobs = ((self.slots() as f64 * self.queue_factor).ceil() as usize).min(self.quota);
        // On a run with a name, or before durations are known, jobs have one point each.
        let width =
            if names::ends_with_its_client(&self.run) { self.function.width.load(Ordering::Relaxed) } else { 1 };
        let room = jobs.saturating_mul(width.max(1));
        // Without a slot there is no room, and a point that has begun keeps one for itself.
        let twice = self.twice.load(Ordering::Relaxed);
        room.saturating_sub(twice).max(usize::from(room > 0))
    }

    fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
        self.mixed.mixture(&self.arithmetics())
    }
}

impl<T, P: Point> Clone for NatsEvaluator<T, P> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            function: self.function.clone(),
            run: self.run.clone(),
            invalid: self.invalid.clone(),
            parameters: self.parameters.clone(),
            twice: self.twice.clone(),
            mixed: self.mixed.clone(),
            question: self.question.clone(),
            values: PhantomData,
            ..*self
        }
    }
}

impl<T, P: Point> fmt::Debug for NatsEvaluator<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsEvaluator").field("function", &self.function.name).finish_non_exhaustive()
    }
}
