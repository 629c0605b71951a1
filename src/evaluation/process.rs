//! Worker processes as an evaluator: what crashes there costs the time of an evaluation here.
//!
//! INVARIANT: one thread, the supervisor, owns every pipe and process. Who waits for a value holds the receiving end of
//! a channel and nothing else, so dropping a future at any moment leaves no message half written or half read.

mod error;
mod groups;
mod supervisor;
mod words;
mod worker;

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures::future::join_all;

pub use self::error::{Death, ProcessError, ProcessReport};
use self::supervisor::Handle;
use self::worker::{Job, Reply, Twin};
use super::arithmetic::{Arithmetic, Mixed};
use super::evaluator::Evaluator;
use super::letter::letter;
use super::points::call::Call;
use super::wire::Numbers;
use super::wrappers::{Beside, Conflict, is_chosen};
use crate::error::EvaluationError;
use crate::point::Point;

/// Evaluates in worker processes: a crash, a leak or a lock there is not one here.
///
/// A worker is any program that speaks the protocol of [`wire`](crate::wire) on its standard input and output: a Rust
/// program that calls [`worker::serve`](crate::worker::serve), or a script in another language. The processes are
/// started when they are first needed, by the command as given: program, arguments, environment, folder. No shell is
/// involved, and what the workers print on standard error goes where the command sends it. If one ends before it has said
/// that it serves, the next is listened to: the last lines that it prints there are in the error
/// ([`ProcessError::NoWorkers`]), and those of all later ones are passed on to this program's own standard error.
///
/// The values are `f64` unless [`values`](Self::values) says otherwise, and the points are numbers unless
/// [`over`](Self::over) says otherwise.
///
/// # What a worker may do
///
/// - *Die*, in any way, at any time: its evaluation begins again on another, and a new process takes its place. A point
///   that [`attempts`](Self::attempts) workers died of, the last one with no other point and on a fresh process, is
///   [`ProcessError::Poison`].
/// - *Hang or stop*: the same, once the [`time_limit`](Self::time_limit) is over. Without one nobody can tell it from a
///   long evaluation.
/// - *Lie or babble*: an answer to what was not asked is dropped, and the eighth costs the worker its life. So does, at
///   once, what is no message, or a value of another type. A wrong value of the right type cannot be told.
///
/// # Concurrency
///
/// Each worker has one evaluation at a time. Those that take less than half a millisecond are sent ahead, so that the pipe
/// does not limit them. Of those that take less than 50 ms on average as many as the workers finish in a millisecond
/// wait on this side, for whichever is done first. What goes to a worker at one time is one
/// message, if the worker takes that: points are spread over all workers first.
/// [`concurrency`](Evaluator::concurrency) follows what is measured. See
/// [`window`](Self::window) for workers that have many hands of their own.
///
/// # Cost
///
/// A round trip takes some 50 µs, a start what the program takes. One thread supervises all.
///
/// # Cancellation
///
/// Dropping an evaluation that has not been sent ends it. One that was sent runs to its end and leaves its value in the
/// integral's cache; its worker is free only then. Dropping the `Processes` kills the workers and everything in their process groups. If this process dies,
/// each sees the end of its input.
///
/// # Examples
///
/// ```no_run
/// use std::process::Command;
/// use coquad::{Integrator, Processes};
///
/// let integrator = Integrator::new(Processes::new(8, Command::new("my-worker")));
/// let e = integrator.integrate_blocking(0.0, 1.0, 1e-8)?;
/// # Ok::<(), coquad::Error>(())
/// ```
pub struct Processes<T = f64, P: Point = f64> {
    config: Config,
    running: OnceLock<Handle<T, P>>,
    /// Points that are being evaluated twice.
    twice: AtomicUsize,
    values: PhantomData<fn() -> T>,
}

/// What the supervisor must know.
#[derive(Clone)]
struct Config {
    workers: usize,
    command: Arc<Mutex<Command>>,
    function: Option<Arc<str>>,
    window: Option<usize>,
    attempts: u32,
    time_limit: Option<Duration>,
    start_limit: Duration,
    mixed: Mixed,
    /// The share of points that are evaluated twice.
    verify: f64,
}

impl Processes {
    /// Evaluates by `workers` processes that run `command`; 0 counts as 1. Nothing is started yet.
    #[must_use]
    pub fn new(workers: usize, command: Command) -> Self {
        let config = Config {
            workers: workers.max(1),
            command: Arc::new(Mutex::new(command)),
            function: None,
            window: None,
            attempts: 3,
            time_limit: None,
            start_limit: Duration::from_secs(30),
            mixed: Mixed::Count,
            verify: 0.0,
        };
        Self::with(config)
    }
}

impl<T, P: Point> Processes<T, P> {
    fn with(config: Config) -> Self {
        Self { config, running: OnceLock::new(), twice: AtomicUsize::new(0), values: PhantomData }
    }

    /// Takes values of another type: `Processes::new(8, command).values::<Complex<f64>>()`.
    #[must_use]
    pub fn values<U: Numbers>(self) -> Processes<U, P> {
        Processes::with(self.config.clone())
    }

    /// Takes points of several numbers: `BoxIntegrator::new(Processes::new(8, command).over())`.
    ///
    /// A worker whose points have another number of numbers is refused with [`ProcessError::Handshake`]: in Rust it calls
    /// [`serve_over`](crate::worker::serve_over), in Python `serve(f, axes=2)`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::process::Command;
    /// use coquad::{BoxIntegrator, Processes};
    ///
    /// let integrator = BoxIntegrator::new(Processes::new(8, Command::new("my-worker")).over());
    /// let e = integrator.integrate_blocking([0.0, 0.0], [1.0, 1.0], 1e-8)?;
    /// # Ok::<(), coquad::Error<f64, [f64; 2]>>(())
    /// ```
    #[must_use]
    pub fn over<Q: Point>(self) -> Processes<T, Q> {
        const {
            assert!(Q::AXES > 0, "a point has a number");
        }
        Processes::with(self.config.clone())
    }

    /// Names the function: a worker that says that it serves another is refused with [`ProcessError::Handshake`].
    /// Unless called, any will do.
    ///
    /// # Panics
    ///
    /// If the name is longer than 256 bytes.
    #[must_use]
    pub fn function(mut self, name: &str) -> Self {
        assert!(name.len() <= 256, "a name of {} bytes is too long", name.len());
        self.config.function = Some(name.into());
        self
    }

    /// Kills a worker that has something to evaluate and answers nothing for `limit`. Unless called, none is killed.
    ///
    /// A worker has one evaluation at a time, so this limits each evaluation, its way there and back included.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.config.time_limit = Some(limit);
        self
    }

    /// Gives a worker `limit` from its start to its first message; 30 s unless called.
    #[must_use]
    pub fn start_limit(mut self, limit: Duration) -> Self {
        self.config.start_limit = limit;
        self
    }

    /// Keeps up to `window` evaluations at each worker, however long they take; 0 counts as 1.
    ///
    /// For a worker that has many hands of its own, a cluster say, and may answer in any order; and for one that evaluates
    /// many points at once ([`serve_batch`](crate::worker::serve_batch)). The time limit is then that between two answers.
    #[must_use]
    pub fn window(mut self, window: usize) -> Self {
        self.config.window = Some(window.max(1));
        self
    }

    /// Gives up a point that `attempts` workers died of; 3 unless called, 0 counts as 1.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.config.attempts = attempts.max(1);
        self
    }

    /// Says what to do with workers that compute elementary functions otherwise than the first does: unless called they are
    /// used and counted ([`ProcessReport::mixed`]). Workers that do not tell their [`Arithmetic`] are taken as they are.
    ///
    /// `Refuse` fails every evaluation from then on with [`ProcessError::Arithmetic`]; `Only` ends the workers that differ
    /// and goes on with the others.
    #[must_use]
    pub fn mixed(mut self, mixed: Mixed) -> Self {
        self.config.mixed = mixed;
        self
    }

    /// Has this share of the points, chosen by their bits, evaluated twice, by two workers where two serve: an evaluation
    /// whose values differ in a bit fails with [`Conflict`]. Unless called none is.
    ///
    /// It sees what no [`Arithmetic`] tells: a BLAS, a numpy, a race in one of the workers. A point
    /// that is evaluated twice takes the room of two in [`concurrency`](Evaluator::concurrency).
    #[must_use]
    pub fn verify(mut self, share: f64) -> Self {
        self.config.verify = share;
        self
    }

    /// Returns the kinds of [`Arithmetic`] that workers have told so far, in the order of their coming.
    #[must_use]
    pub fn arithmetics(&self) -> Vec<Arithmetic> {
        self.running.get().map_or_else(Vec::new, Handle::arithmetics)
    }

    /// Returns what happened to the workers so far.
    ///
    /// To ask while an integrator uses them, give it one end of an [`Arc`].
    #[must_use]
    pub fn report(&self) -> ProcessReport {
        self.running.get().map_or_else(ProcessReport::default, Handle::report)
    }
}

impl<T: Numbers + Clone + Send + Sync + 'static, P: Point> Processes<T, P> {
    fn running(&self) -> Result<&Handle<T, P>, ProcessError> {
        if let Some(running) = self.running.get() {
            return Ok(running);
        }
        // Two may do this at once: one handle is dropped, and its supervisor ends.
        let started = Handle::start(self.config.clone())
            .map_err(|error| ProcessError::NoWorkers { last: error.to_string().into() })?;
        Ok(self.running.get_or_init(|| started))
    }
}

impl<T: Numbers + Clone + Send + Sync + 'static, P: Point> Evaluator<P> for Processes<T, P> {
    type Value = T;

    fn evaluate(&self, x: P) -> impl Future<Output = Result<T, EvaluationError>> + Send {
        self.evaluate_for(x, Call::nowhere())
    }

    async fn evaluate_for(&self, x: P, call: Call<T, P>) -> Result<T, EvaluationError> {
        let running = self.running().map_err(EvaluationError::new)?;
        if !is_chosen(x, self.config.verify) {
            let (to, value) = letter();
            running.submit(x, Reply::new(call, to), None);
            return told(value.await).await;
        }
        // The call, and the room that it has, ends when the two were compared: neither value is anybody's before.
        let _second = Beside::any(&self.twice);
        let twin = Twin::default();
        let values = [(); 2].map(|()| {
            let (to, value) = letter();
            running.submit(x, Reply::new(Call::nowhere(), to), Some(twin.clone()));
            value
        });
        let [first, second] = values;
        let (first, second) = (told(first.await).await, told(second.await).await);
        drop(call);
        let (first, second) = (first?, second?);
        let [one, other] = [&first, &second].map(|value| {
            let mut numbers = Vec::new();
            value.to_numbers(&mut numbers);
            numbers
        });
        if one.iter().map(|y| y.to_bits()).eq(other.iter().map(|y| y.to_bits())) {
            return Ok(first);
        }
        let [one, other] = [one, other].map(|numbers| match &*numbers {
            [number] => format!("{number:?}"),
            numbers => format!("{numbers:?}"),
        });
        Err(EvaluationError::new(Conflict::new(x, one, other)))
    }

    const CALLS: bool = true;

    async fn evaluate_batch(&self, xs: &[P]) -> Vec<Result<T, EvaluationError>> {
        if self.config.verify > 0.0 {
            return join_all(xs.iter().map(|&x| self.evaluate(x))).await;
        }
        let running = match self.running().map_err(EvaluationError::new) {
            Ok(running) => running,
            Err(error) => return xs.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut values = Vec::with_capacity(xs.len());
        let jobs = xs.iter().map(|&x| {
            let (to, value) = letter();
            values.push(value);
            Job::new(x, Reply::new(Call::nowhere(), to), None)
        });
        // Not made under the lock of the inbox.
        running.submit_all(jobs.collect::<Vec<_>>());
        let mut outcomes = Vec::with_capacity(xs.len());
        for value in values {
            outcomes.push(told(value.await).await);
        }
        outcomes
    }

    fn concurrency(&self) -> usize {
        let room = match self.running.get() {
            Some(running) => running.capacity(),
            None => self.config.workers * self.config.window.unwrap_or(1),
        };
        // Relaxed: a hint, with nothing behind it.
        room.saturating_sub(self.twice.load(Ordering::Relaxed)).max(1)
    }

    fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
        self.config.mixed.mixture(&self.arithmetics())
    }
}

/// What the supervisor has told of an evaluation.
async fn told<T>(told: Option<Option<Result<T, EvaluationError>>>) -> Result<T, EvaluationError> {
    match told {
        Some(Some(outcome)) => outcome,
        // Nobody waits for this future.
        Some(None) => std::future::pending().await,
        None => Err(EvaluationError::new(ProcessError::NoWorkers { last: "the supervising thread has ended".into() })),
    }
}

impl<T, P: Point> fmt::Debug for Processes<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processes").field("workers", &self.config.workers).finish_non_exhaustive()
    }
}
