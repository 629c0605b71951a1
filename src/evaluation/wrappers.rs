//! Evaluators around evaluators: try again, give up after a while, look twice.
//!
//! INVARIANT: no runtime is asked for a timer: a thread of the `futures-timer` crate, started at the first use and shared
//! by the process, wakes whoever waits.

mod verify;

use std::fmt::Debug;
use std::future::Future;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::pin::pin;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use futures_timer::Delay;

use crate::error::EvaluationError;
use crate::evaluation::arithmetic::Arithmetic;
use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::points::call::Call;
use crate::evaluation::points::key::KeyHasher;
use crate::point::Point;
use crate::trace;

#[cfg(all(unix, feature = "process"))]
pub(crate) use self::verify::{Beside, is_chosen};
pub use self::verify::{Conflict, Verify};

/// What every [`Evaluator`] can be wrapped in.
///
/// The order says what is meant: `.timeout(d).retry(3)` gives each of three attempts the time `d`; `.retry(3).timeout(d)`
/// gives all three together, pauses included, the time `d`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use coquad::{EvaluatorExt, Integrator, evaluator_fn};
///
/// async fn fetch(x: f64) -> std::io::Result<f64> {
///     Ok(x * x)
/// }
///
/// let evaluator = evaluator_fn(16, fetch).timeout(Duration::from_secs(60)).retry(3);
/// let e = Integrator::new(evaluator).integrate_blocking(0.0, 1.0, 1e-8)?;
/// assert!((e.value - 1.0 / 3.0).abs() < 1e-8);
/// # Ok::<(), coquad::Error>(())
/// ```
pub trait EvaluatorExt<P: Point = f64>: Evaluator<P> + Sized {
    /// Evaluates again at a point where the evaluation failed, up to `attempts` times in all; 0 counts as 1.
    ///
    /// What fails is tried again, and so is what has timed out in a [`timeout`](Self::timeout) inside. A panic is not:
    /// it is a bug that the next attempt would meet again. Nor is a value, finite or not.
    ///
    /// Between attempts is a pause, 0.1 s at first, doubled each time, 10 s at most ([`Retry::backoff`]).
    ///
    /// # Errors
    ///
    /// That of the last attempt, which tells their number by [`EvaluationError::attempts`].
    fn retry(self, attempts: u32) -> Retry<Self> {
        Retry {
            inner: self,
            attempts: attempts.max(1),
            first: Duration::from_millis(100),
            most: Duration::from_secs(10),
        }
    }

    /// Gives an evaluation up that takes longer than `limit`.
    ///
    /// The time runs from the first poll of the evaluation, so waiting for a thread of a pool counts. Works under any
    /// runtime, or none. An evaluator on the calling thread ([`Inline`](crate::Inline)) cannot be interrupted: there the
    /// limit has no effect.
    ///
    /// # Cancellation
    ///
    /// An evaluation that is given up is dropped. That ends an asynchronous one. A function that runs on a thread cannot
    /// be stopped: it runs on, leaves its value in the integral's cache, and its thread is not free before it returns. **So on a
    /// [`ThreadPool`](crate::ThreadPool) of n threads, each function that hangs for ever takes one thread away, and after
    /// n of them every further evaluation times out, waiting for a thread.** The integral ends with an error in any case;
    /// it never hangs. The pool does not replace such threads, as their number would have no bound.
    ///
    /// # Errors
    ///
    /// [`EvaluationError::timed_out`] is the limit.
    fn timeout(self, limit: Duration) -> Timeout<Self> {
        Timeout { inner: self, limit }
    }

    /// Has this share of the points evaluated twice, and fails where the two values differ in a bit.
    ///
    /// Which points is a matter of their bits, so the same in each run. It looks at the integrand itself: at machines
    /// with other elementary functions, another numpy or BLAS, a race, a seed that is missing. It sees those at the points
    /// that it looks at, of which a share of 0.05 is usually enough; 0 looks at none, 1 at all.
    ///
    /// Wrap the evaluator itself, inside of other wrappers: those that have a way of their own, as `Processes` and
    /// `NatsEvaluator`, are then asked for that.
    ///
    /// Both evaluations are asked of the same evaluator, at once where there is room, so they are
    /// of two workers where it has two that are free; [`Processes::verify`](crate::Processes) sees
    /// to that. Values are compared as `{:?}` prints them, which tells all bits of numbers but the
    /// payload of NaN.
    ///
    /// # Concurrency
    ///
    /// No more calls are outstanding than what is wrapped allows, second evaluations included. Of its
    /// [`concurrency`](Evaluator::concurrency) `n` the part that they take on average is kept for
    /// them: `n * share / (1 + share)`, rounded. Where that is taken, or none, the second begins when
    /// the first has ended.
    ///
    /// # Cost
    ///
    /// `share` more evaluations.
    ///
    /// # Errors
    ///
    /// [`Conflict`], with the point and both values, which [`EvaluationError::downcast_ref`] finds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use coquad::{Conflict, Error, EvaluatorExt, Integrator, ThreadPool};
    ///
    /// // No function: each call has another value.
    /// let calls = AtomicU64::new(0);
    /// let noise = move |x: f64| x + calls.fetch_add(1, Ordering::Relaxed) as f64 * 1e-16;
    /// let integrator = Integrator::new(ThreadPool::new(2).evaluator(noise).verify(1.0));
    /// match integrator.integrate_blocking(0.0, 1.0, 1e-8) {
    ///     Err(Error::Evaluation { source, .. }) => assert!(source.downcast_ref::<Conflict>().is_some()),
    ///     other => panic!("{other:?}"),
    /// }
    /// ```
    fn verify(self, share: f64) -> Verify<Self>
    where
        Self::Value: Debug,
    {
        Verify::new(self, share)
    }
}

impl<P: Point, E: Evaluator<P>> EvaluatorExt<P> for E {}

/// An evaluator that tries again: see [`EvaluatorExt::retry`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use coquad::{EvaluatorExt, Integrator, Retry, evaluator_fn};
///
/// let fetch = evaluator_fn(4, |x: f64| async move { Ok::<f64, std::io::Error>(x) });
/// let patient: Retry<_> = fetch.retry(5).backoff(Duration::from_millis(10), Duration::from_secs(1));
/// assert!(Integrator::new(patient).integrate_blocking(0.0, 1.0, 1e-8).is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct Retry<E> {
    inner: E,
    attempts: u32,
    first: Duration,
    most: Duration,
}

impl<E> Retry<E> {
    /// Sets the pauses between attempts: `first` after the first, twice as long each time, at most `most`.
    ///
    /// A pause lasts between half of that and all of it, as the bits of the point say: points that failed together are
    /// not tried again together. It occupies the evaluation's place among
    /// [`concurrency`](Evaluator::concurrency), so an evaluator in trouble is asked less.
    #[must_use]
    pub fn backoff(mut self, first: Duration, most: Duration) -> Self {
        (self.first, self.most) = (first, most);
        self
    }

    /// The pause after so many attempts at `x`.
    fn pause<P: Point>(&self, x: P, attempt: u32) -> Duration {
        let doubled = 2u32.saturating_pow(attempt.saturating_sub(1));
        let pause = self.first.saturating_mul(doubled).min(self.most);
        let hash = BuildHasherDefault::<KeyHasher>::default().hash_one((x.key(), attempt));
        let half = pause / 2;
        half + half.mul_f64((hash >> 11) as f64 / (1u64 << 53) as f64)
    }
}

#[diagnostic::do_not_recommend]
impl<P: Point, E: Evaluator<P>> Evaluator<P> for Retry<E> {
    type Value = E::Value;

    fn evaluate(&self, x: P) -> impl Future<Output = Result<E::Value, EvaluationError>> + Send {
        self.evaluate_for(x, Call::nowhere())
    }

    async fn evaluate_for(&self, x: P, call: Call<E::Value, P>) -> Result<E::Value, EvaluationError> {
        let mut made = 0;
        for attempt in 1.. {
            let error = match self.inner.evaluate_for(x, call.of_an_attempt()).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            made += if planted!(27) { 1 } else { error.attempts() };
            if attempt >= self.attempts + u32::from(planted!(26)) || error.panic_message().is_some() {
                return Err(error.after(made));
            }
            let pause = self.pause(x, attempt);
            trace::tried_again(x, attempt, &error, pause);
            if !pause.is_zero() {
                sleep(pause).await;
            }
        }
        unreachable!("the last attempt returns")
    }

    /// Only the points that failed are tried again.
    async fn evaluate_batch(&self, xs: &[P]) -> Vec<Result<E::Value, EvaluationError>> {
        let mut outcomes: Vec<_> = xs.iter().map(|_| None).collect();
        let mut made = vec![0; xs.len()];
        let mut open: Vec<usize> = (0..xs.len()).collect();
        for attempt in 1.. {
            let points: Vec<P> = open.iter().map(|&i| xs[i]).collect();
            let mut brought = self.inner.evaluate_batch(&points).await;
            if brought.len() != points.len() {
                // Nobody knows which points they are about.
                let wrong = EvaluationError::wrong_number(points.len(), brought.len());
                brought = points.iter().map(|_| Err(wrong.clone())).collect();
            }
            let mut pause = Duration::ZERO;
            let tried = std::mem::take(&mut open);
            for (i, outcome) in tried.into_iter().zip(brought) {
                outcomes[i] = Some(outcome.map_err(|error| {
                    made[i] += error.attempts();
                    if attempt < self.attempts && error.panic_message().is_none() {
                        let wait = self.pause(xs[i], attempt);
                        trace::tried_again(xs[i], attempt, &error, wait);
                        pause = pause.max(wait);
                        open.push(i);
                    }
                    error.after(made[i])
                }));
            }
            if open.is_empty() {
                break;
            }
            if !pause.is_zero() {
                sleep(pause).await;
            }
        }
        outcomes.into_iter().map(|outcome| outcome.expect("each point has an outcome")).collect()
    }

    fn batch(&self) -> usize {
        self.inner.batch()
    }

    fn concurrency(&self) -> usize {
        self.inner.concurrency()
    }

    fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
        self.inner.mixture()
    }

    const CALLS: bool = E::CALLS;
    const HERE: bool = E::HERE;

    #[inline]
    fn value_here(&self, x: P) -> Option<E::Value> {
        self.inner.value_here(x)
    }

    // What is evaluated on the spot cannot fail.
    #[inline]
    fn evaluate_here(&self, xs: &[P], into: &mut Vec<E::Value>) -> bool {
        self.inner.evaluate_here(xs, into)
    }
}

/// An evaluator that gives up after a while: see [`EvaluatorExt::timeout`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use coquad::{Error, EvaluatorExt, Integrator, Timeout, evaluator_fn};
///
/// let hangs = evaluator_fn(4, |_: f64| std::future::pending::<Result<f64, std::io::Error>>());
/// let limited: Timeout<_> = hangs.timeout(Duration::from_millis(5));
/// match Integrator::new(limited).integrate_blocking(0.0, 1.0, 1e-8) {
///     Err(Error::Evaluation { source, .. }) => assert_eq!(source.timed_out(), Some(Duration::from_millis(5))),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Timeout<E> {
    inner: E,
    limit: Duration,
}

#[diagnostic::do_not_recommend]
impl<P: Point, E: Evaluator<P>> Evaluator<P> for Timeout<E> {
    type Value = E::Value;

    fn evaluate(&self, x: P) -> impl Future<Output = Result<E::Value, EvaluationError>> + Send {
        self.evaluate_for(x, Call::nowhere())
    }

    async fn evaluate_for(&self, x: P, call: Call<E::Value, P>) -> Result<E::Value, EvaluationError> {
        let evaluation = pin!(self.inner.evaluate_for(x, call));
        match select(evaluation, pin!(sleep(self.limit))).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(EvaluationError::timeout(self.limit)),
        }
    }

    /// The limit is that of the call.
    async fn evaluate_batch(&self, xs: &[P]) -> Vec<Result<E::Value, EvaluationError>> {
        let call = pin!(self.inner.evaluate_batch(xs));
        match select(call, pin!(sleep(self.limit))).await {
            Either::Left((outcomes, _)) => outcomes,
            Either::Right(_) => xs.iter().map(|_| Err(EvaluationError::timeout(self.limit))).collect(),
        }
    }

    fn batch(&self) -> usize {
        self.inner.batch()
    }

    fn concurrency(&self) -> usize {
        self.inner.concurrency()
    }

    fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
        self.inner.mixture()
    }

    const CALLS: bool = E::CALLS;
    const HERE: bool = E::HERE;

    #[inline]
    fn value_here(&self, x: P) -> Option<E::Value> {
        self.inner.value_here(x)
    }

    // What is evaluated on the spot cannot be interrupted.
    #[inline]
    fn evaluate_here(&self, xs: &[P], into: &mut Vec<E::Value>) -> bool {
        self.inner.evaluate_here(xs, into)
    }
}

/// Waits; for ever, if the time is longer than clocks go.
fn sleep(time: Duration) -> impl Future<Output = ()> + Send {
    let timer = Instant::now().checked_add(time).map(|_| Delay::new(time));
    async move {
        match timer {
            Some(timer) => timer.await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::executor::block_on;

    use super::*;
    use crate::evaluation::{Inline, ThreadPool, evaluator_fn};

    const AT_ONCE: Duration = Duration::ZERO;

    /// Fails the first `failures` times.
    fn flaky(failures: u32) -> (impl Evaluator<Value = f64>, &'static AtomicU32) {
        let calls: &AtomicU32 = Box::leak(Box::default());
        let f = move |x: f64| async move {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            if call < failures { Err(format!("call {call} failed")) } else { Ok(x) }
        };
        (evaluator_fn(7, f), calls)
    }

    #[test]
    fn what_fails_is_tried_again_so_many_times_in_all() {
        for (failures, attempts, calls_made) in [(0, 3, 1), (2, 3, 3), (3, 3, 3), (9, 1, 1), (9, 0, 1)] {
            let (evaluator, calls) = flaky(failures);
            let retry = evaluator.retry(attempts).backoff(AT_ONCE, AT_ONCE);
            let outcome = block_on(retry.evaluate(0.5));
            assert_eq!(calls.load(Ordering::Relaxed), calls_made);
            assert_eq!(outcome.is_ok(), failures < attempts.max(1));
            if let Err(error) = outcome {
                assert_eq!(error.attempts(), attempts.max(1));
                let last = format!("call {} failed", calls_made - 1);
                let counted = format!("{last} ({calls_made} attempts)");
                assert_eq!(error.to_string(), if calls_made == 1 { last } else { counted });
            }
        }
    }

    #[test]
    fn nested_retries_count_all_attempts() {
        let (evaluator, calls) = flaky(99);
        let retry = evaluator.retry(2).backoff(AT_ONCE, AT_ONCE).retry(3).backoff(AT_ONCE, AT_ONCE);
        assert_eq!(block_on(retry.evaluate(0.5)).unwrap_err().attempts(), 6);
        assert_eq!(calls.load(Ordering::Relaxed), 6);
    }

    #[test]
    fn a_panic_is_not_tried_again() {
        let calls: &AtomicU32 = Box::leak(Box::default());
        let panics = move |_: f64| -> f64 { panic!("call {}", calls.fetch_add(1, Ordering::Relaxed)) };
        let error = block_on(ThreadPool::new(1).evaluator(panics).retry(5).evaluate(0.5)).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.attempts()), ("panicked: call 0", 1));
    }

    #[test]
    fn pauses_double_up_to_a_limit_and_differ_between_points() {
        let retry = Inline::new(f64::sqrt).retry(99).backoff(Duration::from_secs(1), Duration::from_secs(9));
        for (attempt, whole) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 9), (64, 9), (u32::MAX, 9)] {
            let pause = retry.pause(0.5, attempt);
            assert!(pause >= Duration::from_secs(whole) / 2 && pause <= Duration::from_secs(whole), "{pause:?}");
            assert_eq!(pause, retry.pause(0.5, attempt));
        }
        assert_ne!(retry.pause(0.5, 1), retry.pause(0.25, 1));
    }

    #[test]
    fn what_hangs_times_out_under_no_runtime_at_all() {
        let hangs = evaluator_fn(7, |_: f64| std::future::pending::<Result<f64, String>>());
        let limit = Duration::from_millis(1);
        let error = block_on(hangs.clone().timeout(limit).evaluate(0.5)).unwrap_err();
        assert_eq!((error.timed_out(), error.attempts()), (Some(limit), 1));
        assert_eq!(error.to_string(), "no value after 1ms");
        let error = block_on(hangs.timeout(limit).retry(3).backoff(AT_ONCE, AT_ONCE).evaluate(0.5)).unwrap_err();
        assert_eq!((error.timed_out(), error.attempts()), (Some(limit), 3));
    }

    #[test]
    fn an_endless_time_is_no_limit() {
        let (evaluator, _) = flaky(0);
        assert!(block_on(evaluator.timeout(Duration::MAX).evaluate(0.5)).is_ok());
    }

    #[test]
    fn wrapped_evaluators_are_as_wide_and_as_near_as_what_is_in_them() {
        let (evaluator, _) = flaky(0);
        assert_eq!(evaluator.timeout(Duration::MAX).retry(2).concurrency(), 7);
        let mut here = Vec::new();
        assert!(Inline::new(f64::sqrt).retry(2).timeout(AT_ONCE).evaluate_here(&[4.0], &mut here));
        assert_eq!(here, [2.0]);
    }
}
