//! Functions that run on the threads of a pool, as evaluators.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::EvaluationError;
use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::near::Near;
use crate::evaluation::panics;
use crate::evaluation::points::call::Call;
use crate::evaluation::pool::pace::{Pace, Stopwatch};
use crate::evaluation::pool::threads::{Outcome, ThreadPool, run_here};
use crate::evaluation::share::Share;
use crate::point::Point;

impl ThreadPool {
    /// Makes an evaluator of `f`, which runs on the pool's threads, at most [`workers`](Self::workers) calls at once.
    ///
    /// # Errors
    ///
    /// The evaluator fails only where `f` panics, with [`Error::Panicked`](crate::Error::Panicked).
    pub fn evaluator<F, T>(&self, f: F) -> PoolEvaluator<F>
    where
        F: Fn(f64) -> T + Share + 'static,
    {
        PoolEvaluator::new(self.clone(), f)
    }

    /// Makes an evaluator of a function of several variables, as [`evaluator`](Self::evaluator) does of one.
    ///
    /// # Errors
    ///
    /// As [`evaluator`](Self::evaluator).
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{BoxIntegrator, ThreadPool};
    ///
    /// let pool = ThreadPool::new(2);
    /// let integrator = BoxIntegrator::new(pool.evaluator_over(|[x, y]: [f64; 2]| 1.0 / (1.0 + x * y)));
    /// let e = integrator.integrate_blocking([0.0, 0.0], [1.0, 1.0], 1e-8)?;
    /// assert!((e.value - std::f64::consts::PI.powi(2) / 12.0).abs() < 1e-8);
    /// # Ok::<(), coquad::Error<f64, [f64; 2]>>(())
    /// ```
    pub fn evaluator_over<P, F, T>(&self, f: F) -> PoolEvaluator<F>
    where
        P: Point,
        F: Fn(P) -> T + Share + 'static,
    {
        PoolEvaluator::new(self.clone(), f)
    }

    /// Makes an evaluator of a function of several variables that may fail, as [`try_evaluator`](Self::try_evaluator)
    /// does of one.
    ///
    /// # Errors
    ///
    /// As [`try_evaluator`](Self::try_evaluator).
    pub fn try_evaluator_over<P, F, T, E>(&self, f: F) -> TryPoolEvaluator<F>
    where
        P: Point,
        F: Fn(P) -> Result<T, E> + Share + 'static,
    {
        TryPoolEvaluator::new(self.clone(), f)
    }

    /// Makes an evaluator of `f`, which may fail.
    ///
    /// # Errors
    ///
    /// The evaluator fails with what `f` returns, in [`Error::Evaluation`](crate::Error::Evaluation), and with
    /// [`Error::Panicked`](crate::Error::Panicked) where `f` panics. An error is what [`EvaluationError::new`] takes: a
    /// text, or any error that is `Send + Sync`.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Evaluator, ThreadPool};
    ///
    /// let read = ThreadPool::new(1).try_evaluator(|x: f64| format!("{x}").parse::<f64>());
    /// assert_eq!(futures::executor::block_on(read.evaluate(0.5))?, 0.5);
    /// # Ok::<(), coquad::EvaluationError>(())
    /// ```
    pub fn try_evaluator<F, T, E>(&self, f: F) -> TryPoolEvaluator<F>
    where
        F: Fn(f64) -> Result<T, E> + Share + 'static,
    {
        TryPoolEvaluator::new(self.clone(), f)
    }

    /// Evaluates on one of the threads.
    async fn evaluate<T: Clone + Send + Sync + 'static, P: Point>(
        &self,
        call: Call<T, P>,
        f: impl FnOnce() -> Result<T, EvaluationError> + Send + 'static,
    ) -> Result<T, EvaluationError> {
        match self.attempt(move || call.run(f)).await.transpose() {
            Some(outcome) => flatten(outcome),
            // Nobody waits for this future.
            None => std::future::pending().await,
        }
    }
}

/// The outcome of an evaluation, with a panic told as a failure.
fn flatten<T>(outcome: Outcome<Result<T, EvaluationError>>) -> Result<T, EvaluationError> {
    outcome.unwrap_or_else(|payload| Err(EvaluationError::panicked(panics::message(payload))))
}

/// A function that is timed whenever it is called.
struct Timed<F> {
    f: F,
    watch: Stopwatch,
}

impl<F> Timed<F> {
    fn new(f: F) -> Arc<Self> {
        Arc::new(Self { f, watch: Stopwatch::default() })
    }

    /// More than there are threads, if evaluations are so short that threads would wait for the next one.
    fn concurrency(&self, pool: &ThreadPool) -> usize {
        match self.watch.pace() {
            Pace::Brisk(each) => each * pool.workers(),
            Pace::Unknown | Pace::Slow | Pace::Instant => pool.workers(),
        }
    }

    fn call<P, T>(&self, x: P) -> T
    where
        F: Fn(P) -> T,
    {
        let start = Instant::now();
        let value = (self.f)(x);
        self.watch.record(start.elapsed());
        value
    }
}

/// What evaluators of either kind leave to their pool and their watch.
macro_rules! by_the_pool {
    () => {
        fn pace(&self) -> Pace {
            self.f.watch.pace()
        }

        fn is_here(&self) -> bool {
            self.pool.is_employer()
        }

        fn record(&self, each: Duration) {
            self.f.watch.record(each);
        }

        fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
            self.pool.drive(job);
        }

        fn is_busy(&self) -> bool {
            self.pool.is_busy()
        }

        fn is_crowded(&self) -> bool {
            self.pool.is_crowded()
        }

        fn enqueue(&self, job: Box<dyn FnOnce() + Send>) {
            self.pool.open(job);
        }
    };
}

/// A function that runs on the threads of a [`ThreadPool`], as an evaluator. Clones share both.
///
/// # Examples
///
/// ```
/// use coquad::{Evaluator, Integrator, PoolEvaluator, ThreadPool};
///
/// let evaluator: PoolEvaluator<_> = ThreadPool::new(3).evaluator(f64::sqrt);
/// assert_eq!(evaluator.concurrency(), 3);
/// let e = Integrator::new(evaluator).integrate_blocking(0.0, 1.0, 1e-8)?;
/// assert!((e.value - 2.0 / 3.0).abs() <= 1e-8);
/// # Ok::<(), coquad::Error>(())
/// ```
pub struct PoolEvaluator<F> {
    pub(super) pool: ThreadPool,
    f: Arc<Timed<F>>,
}

impl<F> PoolEvaluator<F> {
    pub(crate) fn new(pool: ThreadPool, f: F) -> Self {
        Self { pool, f: Timed::new(f) }
    }
}

#[diagnostic::do_not_recommend]
impl<P: Point, F, T> Evaluator<P> for PoolEvaluator<F>
where
    F: Fn(P) -> T + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    type Value = T;

    fn evaluate(&self, x: P) -> impl Future<Output = Result<T, EvaluationError>> + Send {
        self.evaluate_for(x, Call::nowhere())
    }

    fn evaluate_for(&self, x: P, call: Call<T, P>) -> impl Future<Output = Result<T, EvaluationError>> + Send {
        let f = Arc::clone(&self.f);
        self.pool.evaluate(call, move || Ok(f.call(x)))
    }

    fn concurrency(&self) -> usize {
        self.f.concurrency(&self.pool)
    }

    const CALLS: bool = true;
    const NEAR: bool = true;

    fn near(&self) -> Option<&dyn Near<T, P>> {
        Some(self)
    }
}

impl<P: Point, F, T> Near<T, P> for PoolEvaluator<F>
where
    F: Fn(P) -> T + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    fn evaluate(&self, x: P) -> Result<T, EvaluationError> {
        flatten(run_here(|| Ok((self.f.f)(x))))
    }

    by_the_pool!();
}

/// A function that may fail and runs on the threads of a [`ThreadPool`], as an evaluator. Clones share both.
///
/// # Examples
///
/// ```
/// use coquad::{Error, Integrator, ThreadPool, TryPoolEvaluator};
///
/// let evaluator: TryPoolEvaluator<_> =
///     ThreadPool::new(3).try_evaluator(|x: f64| if x < 2.0 { Ok(x) } else { Err("beyond the table") });
/// let integrator = Integrator::new(evaluator);
/// assert!(integrator.integrate_blocking(0.0, 1.0, 1e-8).is_ok());
/// assert!(matches!(integrator.integrate_blocking(0.0, 3.0, 1e-8), Err(Error::Evaluation { x, .. }) if x >= 2.0));
/// ```
pub struct TryPoolEvaluator<F> {
    pool: ThreadPool,
    f: Arc<Timed<F>>,
}

impl<F> TryPoolEvaluator<F> {
    pub(crate) fn new(pool: ThreadPool, f: F) -> Self {
        Self { pool, f: Timed::new(f) }
    }
}

#[diagnostic::do_not_recommend]
impl<P: Point, F, T, E> Evaluator<P> for TryPoolEvaluator<F>
where
    F: Fn(P) -> Result<T, E> + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    type Value = T;

    fn evaluate(&self, x: P) -> impl Future<Output = Result<T, EvaluationError>> + Send {
        self.evaluate_for(x, Call::nowhere())
    }

    fn evaluate_for(&self, x: P, call: Call<T, P>) -> impl Future<Output = Result<T, EvaluationError>> + Send {
        let f = Arc::clone(&self.f);
        self.pool.evaluate(call, move || f.call(x).map_err(EvaluationError::new))
    }

    fn concurrency(&self) -> usize {
        self.f.concurrency(&self.pool)
    }

    const CALLS: bool = true;
    const NEAR: bool = true;

    fn near(&self) -> Option<&dyn Near<T, P>> {
        Some(self)
    }
}

impl<P: Point, F, T, E> Near<T, P> for TryPoolEvaluator<F>
where
    F: Fn(P) -> Result<T, E> + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    fn evaluate(&self, x: P) -> Result<T, EvaluationError> {
        flatten(run_here(|| (self.f.f)(x).map_err(EvaluationError::new)))
    }

    by_the_pool!();
}

impl<F> Clone for PoolEvaluator<F> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), f: Arc::clone(&self.f) }
    }
}

impl<F> Clone for TryPoolEvaluator<F> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), f: Arc::clone(&self.f) }
    }
}

impl<F> fmt::Debug for PoolEvaluator<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolEvaluator").field("pool", &self.pool).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for TryPoolEvaluator<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryPoolEvaluator").field("pool", &self.pool).finish_non_exhaustive()
    }
}
