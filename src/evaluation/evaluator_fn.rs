//! Evaluators from functions: asynchronous ones, and synchronous ones that wait.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::error::EvaluationError;
use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::letter::letter;
use crate::evaluation::panics;
use crate::evaluation::points::call::Call;
use crate::evaluation::share::Share;
use crate::point::Point;

/// Makes an evaluator of an asynchronous function, of which at most `limit` calls run at once.
///
/// The futures are polled by whoever polls the integral, inside the caller's runtime, so they may use that runtime's
/// timers and sockets. A `limit` of 0 counts as 1.
///
/// # Cancellation
///
/// Dropping the integral drops the futures that it alone was waiting for.
///
/// # Errors
///
/// The function's own, in [`Error::Evaluation`](crate::Error::Evaluation), with the point. It is what
/// [`EvaluationError::new`] takes: a text, or any error that is `Send + Sync`.
///
/// # Panics
///
/// A panic of `f` or its future is the caller's where [`evaluate`](Evaluator::evaluate) is polled directly. In an
/// integral, whose evaluations others may wait for too, it is a failure:
/// [`Error::Panicked`](crate::Error::Panicked).
///
/// # Examples
///
/// ```
/// use coquad::{Evaluator, evaluator_fn};
///
/// async fn fetch(x: f64) -> std::io::Result<f64> {
///     Ok(x + 1.0)
/// }
///
/// let evaluator = evaluator_fn(16, |x: f64| async move { fetch(x).await });
/// assert_eq!(evaluator.concurrency(), 16);
/// assert_eq!(futures::executor::block_on(evaluator.evaluate(1.0)).unwrap(), 2.0);
/// ```
pub fn evaluator_fn<F, Fut, T, E>(limit: usize, f: F) -> EvaluatorFn<F>
where
    F: Fn(f64) -> Fut + Share,
    Fut: Future<Output = Result<T, E>> + Send,
{
    EvaluatorFn { limit: limit.max(1), f }
}

/// [`evaluator_fn`] for a function of several variables.
///
/// # Examples
///
/// ```
/// use coquad::{BoxIntegrator, evaluator_fn_over};
///
/// let fetch = evaluator_fn_over(16, |[x, y]: [f64; 2]| async move { Ok::<f64, std::io::Error>(x * y) });
/// let e = BoxIntegrator::new(fetch).integrate_blocking([0.0, 0.0], [1.0, 1.0], 1e-8)?;
/// assert!((e.value - 0.25).abs() < 1e-8);
/// # Ok::<(), coquad::Error<f64, [f64; 2]>>(())
/// ```
pub fn evaluator_fn_over<P, F, Fut, T, E>(limit: usize, f: F) -> EvaluatorFn<F>
where
    P: Point,
    F: Fn(P) -> Fut + Share,
    Fut: Future<Output = Result<T, E>> + Send,
{
    EvaluatorFn { limit: limit.max(1), f }
}

/// An asynchronous function as an evaluator: see [`evaluator_fn`].
///
/// # Examples
///
/// ```
/// use coquad::{Evaluator, EvaluatorFn, evaluator_fn};
///
/// let evaluator: EvaluatorFn<_> = evaluator_fn(16, |x: f64| async move { Ok::<f64, std::io::Error>(2.0 * x) });
/// assert_eq!(evaluator.concurrency(), 16);
/// ```
#[derive(Clone)]
pub struct EvaluatorFn<F> {
    limit: usize,
    f: F,
}

#[diagnostic::do_not_recommend]
impl<P: Point, F, Fut, T, E> Evaluator<P> for EvaluatorFn<F>
where
    F: Fn(P) -> Fut + Send + Sync,
    Fut: Future<Output = Result<T, E>> + Send,
    T: Clone + Send + Sync + 'static,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    type Value = T;

    async fn evaluate(&self, x: P) -> Result<T, EvaluationError> {
        // The error is converted outside the await, so that `E` itself need not be `Send`.
        (self.f)(x).await.map_err(EvaluationError::new)
    }

    fn concurrency(&self) -> usize {
        self.limit
    }
}

impl<F> fmt::Debug for EvaluatorFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvaluatorFn").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Makes an evaluator of a synchronous function that spends its time *waiting*: for a disk, a licence server, a child
/// process. At most `limit` calls run at once; a `limit` of 0 counts as 1.
///
/// The calls run on the elastic pool of the [`blocking`] crate, which is shared by the whole process and grows to 500
/// threads at most: a higher limit queues. Its idle threads were seen to linger for seconds (`blocking` 1.7). For a
/// function that computes, and for exactly n threads, use [`ThreadPool`](crate::ThreadPool).
///
/// # Cancellation
///
/// A call that has not started when the integral is dropped never starts; one that has finishes, and its
/// value is kept in the integral's cache.
///
/// # Errors
///
/// The function's own, in [`Error::Evaluation`](crate::Error::Evaluation), with the point; a panic is
/// [`Error::Panicked`](crate::Error::Panicked). An error is what [`EvaluationError::new`] takes: a text, or any error
/// that is `Send + Sync`.
///
/// # Examples
///
/// ```
/// use coquad::{Evaluator, blocking_fn};
///
/// let evaluator = blocking_fn(100, |x: f64| {
///     std::thread::sleep(std::time::Duration::from_millis(1)); // a slow instrument
///     Ok::<f64, std::io::Error>(2.0 * x)
/// });
/// assert_eq!(futures::executor::block_on(evaluator.evaluate(1.0)).unwrap(), 2.0);
/// ```
pub fn blocking_fn<F, T, E>(limit: usize, f: F) -> BlockingFn<F>
where
    F: Fn(f64) -> Result<T, E> + Share + 'static,
{
    BlockingFn { limit: limit.max(1), f: Arc::new(f) }
}

/// [`blocking_fn`] for a function of several variables.
///
/// # Examples
///
/// ```
/// use coquad::{Evaluator, blocking_fn_over};
///
/// let slow = blocking_fn_over(8, |[x, y]: [f64; 2]| Ok::<f64, std::io::Error>(x + y));
/// assert_eq!(futures::executor::block_on(slow.evaluate([1.0, 2.0])).unwrap(), 3.0);
/// ```
pub fn blocking_fn_over<P, F, T, E>(limit: usize, f: F) -> BlockingFn<F>
where
    P: Point,
    F: Fn(P) -> Result<T, E> + Share + 'static,
{
    BlockingFn { limit: limit.max(1), f: Arc::new(f) }
}

/// A synchronous function that waits, as an evaluator: see [`blocking_fn`].
///
/// # Examples
///
/// ```
/// use coquad::{BlockingFn, Evaluator, blocking_fn};
///
/// let evaluator: BlockingFn<_> = blocking_fn(8, |x: f64| Ok::<f64, std::io::Error>(2.0 * x));
/// assert_eq!(evaluator.concurrency(), 8);
/// ```
pub struct BlockingFn<F> {
    limit: usize,
    f: Arc<F>,
}

#[diagnostic::do_not_recommend]
impl<P: Point, F, T, E> Evaluator<P> for BlockingFn<F>
where
    F: Fn(P) -> Result<T, E> + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    type Value = T;

    fn evaluate(&self, x: P) -> impl Future<Output = Result<T, EvaluationError>> + Send {
        self.evaluate_for(x, Call::nowhere())
    }

    async fn evaluate_for(&self, x: P, call: Call<T, P>) -> Result<T, EvaluationError> {
        let f = Arc::clone(&self.f);
        let (sender, receiver) = letter();
        // Dropped with this future, it never starts if it has not.
        let _task = blocking::unblock(move || {
            match catch_unwind(AssertUnwindSafe(|| call.run(|| f(x).map_err(EvaluationError::new)))) {
                Ok(outcome) => sender.send(outcome),
                Err(payload) => sender.send(Some(Err(EvaluationError::panicked(panics::message(payload))))),
            }
        });
        match receiver.await.expect("a call sends its outcome") {
            Some(outcome) => outcome,
            // Nobody waits for this future.
            None => std::future::pending().await,
        }
    }

    const CALLS: bool = true;

    fn concurrency(&self) -> usize {
        self.limit
    }
}

impl<F> Clone for BlockingFn<F> {
    fn clone(&self) -> Self {
        Self { limit: self.limit, f: Arc::clone(&self.f) }
    }
}

impl<F> fmt::Debug for BlockingFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingFn").field("limit", &self.limit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use futures::executor::block_on;
    use futures::future::join_all;

    use super::*;

    fn is_send<T: Send>(value: T) -> T {
        value
    }

    #[test]
    fn limit_zero_counts_as_one() {
        assert_eq!(evaluator_fn(0, |x: f64| async move { Ok::<_, String>(x) }).concurrency(), 1);
        assert_eq!(blocking_fn(0, |x: f64| Ok::<_, String>(x)).concurrency(), 1);
    }

    #[test]
    fn failures_keep_their_cause() {
        let failing = evaluator_fn(1, |x: f64| async move { Err::<f64, _>(format!("no value at {x:?}")) });
        assert_eq!(block_on(is_send(failing.evaluate(0.25))).unwrap_err().to_string(), "no value at 0.25");
        let failing = blocking_fn(1, |x: f64| Err::<f64, _>(format!("no value at {x:?}")));
        assert_eq!(block_on(is_send(failing.evaluate(0.25))).unwrap_err().to_string(), "no value at 0.25");
    }

    #[test]
    fn a_panic_of_a_blocking_function_is_an_error() {
        let panicking = blocking_fn(1, |x: f64| -> Result<f64, String> { panic!("at {x:?}") });
        assert_eq!(block_on(panicking.evaluate(0.5)).unwrap_err().to_string(), "panicked: at 0.5");
    }

    #[test]
    fn blocking_calls_run_at_the_same_time() {
        let barrier = Barrier::new(8);
        let waiting = blocking_fn(8, move |x: f64| {
            barrier.wait();
            Ok::<_, String>(x)
        });
        let values = block_on(join_all((0..8).map(|i| waiting.evaluate(f64::from(i)))));
        assert!(values.into_iter().map(Result::unwrap).eq((0..8).map(f64::from)));
    }
}
