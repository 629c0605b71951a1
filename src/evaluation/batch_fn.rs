//! Evaluators from functions of many points.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;

use crate::error::EvaluationError;
use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::share::Share;
use crate::point::Point;

/// Makes an evaluator of an asynchronous function of up to `width` points at once, of which at most `limit` calls run at
/// once: a service that takes a list, a model on a GPU, a simulator with a start-up cost.
///
/// The function returns one value for each point, in their order. A `limit` or a `width` of 0 counts as 1. The futures are
/// polled by whoever polls the integral, as those of [`evaluator_fn`](crate::evaluator_fn).
///
/// # Cost
///
/// Calls hold as many points as there are to ask for, up to `width`: first those that are needed, then guesses, so an
/// integral pays for some points more than it needs ([`Speculation`](crate::Speculation)). Its value, error and count of
/// `evaluations` are the same for any width.
///
/// # Errors
///
/// If a call fails, or returns another number of values, its points are asked for again, one by one. What the function
/// says of a point by itself is the error: [`Error::Evaluation`](crate::Error::Evaluation), with that point. It is what
/// [`EvaluationError::new`] takes: a text, or any error that is `Send + Sync`.
///
/// # Panics
///
/// As [`evaluator_fn`](crate::evaluator_fn).
///
/// # Examples
///
/// ```
/// use coquad::{Integrator, batch_fn};
///
/// /// One request for all points.
/// async fn service(xs: Vec<f64>) -> std::io::Result<Vec<f64>> {
///     Ok(xs.iter().map(|x| x.exp()).collect())
/// }
///
/// let integrator = Integrator::new(batch_fn(4, 64, service));
/// let e = integrator.integrate_blocking(0.0, 1.0, 1e-10)?;
/// assert!((e.value - 1.0f64.exp_m1()).abs() < 1e-10);
/// # Ok::<(), coquad::Error>(())
/// ```
pub fn batch_fn<F, Fut, T, E>(limit: usize, width: usize, f: F) -> BatchFn<F>
where
    F: Fn(Vec<f64>) -> Fut + Share,
    Fut: Future<Output = Result<Vec<T>, E>> + Send,
{
    BatchFn { limit: limit.max(1), width: width.max(1), f }
}

/// [`batch_fn`] for a function of several variables: each call takes many points.
///
/// # Examples
///
/// ```
/// use coquad::{BoxIntegrator, batch_fn_over};
///
/// let model = |points: Vec<[f64; 2]>| async move {
///     Ok::<Vec<f64>, std::io::Error>(points.iter().map(|[x, y]| x * y).collect())
/// };
/// let e = BoxIntegrator::new(batch_fn_over(4, 256, model)).integrate_blocking([0.0, 0.0], [1.0, 1.0], 1e-8)?;
/// assert!((e.value - 0.25).abs() < 1e-8);
/// # Ok::<(), coquad::Error<f64, [f64; 2]>>(())
/// ```
pub fn batch_fn_over<P, F, Fut, T, E>(limit: usize, width: usize, f: F) -> BatchFn<F>
where
    P: Point,
    F: Fn(Vec<P>) -> Fut + Share,
    Fut: Future<Output = Result<Vec<T>, E>> + Send,
{
    BatchFn { limit: limit.max(1), width: width.max(1), f }
}

/// An asynchronous function of many points as an evaluator: see [`batch_fn`].
///
/// # Examples
///
/// ```
/// use coquad::{BatchFn, Evaluator, batch_fn};
///
/// let evaluator: BatchFn<_> = batch_fn(4, 64, |xs: Vec<f64>| async move { Ok::<_, std::io::Error>(xs) });
/// assert_eq!((evaluator.concurrency(), evaluator.batch()), (4, 64));
/// ```
#[derive(Clone)]
pub struct BatchFn<F> {
    limit: usize,
    width: usize,
    f: F,
}

impl<F> BatchFn<F> {
    async fn call<P, Fut, T, E>(&self, xs: Vec<P>) -> Result<Vec<T>, EvaluationError>
    where
        F: Fn(Vec<P>) -> Fut + Send + Sync,
        Fut: Future<Output = Result<Vec<T>, E>> + Send,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let points = xs.len();
        // The error is converted outside the await, so that `E` itself need not be `Send`.
        let values = (self.f)(xs).await.map_err(EvaluationError::new)?;
        if values.len() == points { Ok(values) } else { Err(EvaluationError::wrong_number(points, values.len())) }
    }
}

#[diagnostic::do_not_recommend]
impl<P: Point, F, Fut, T, E> Evaluator<P> for BatchFn<F>
where
    F: Fn(Vec<P>) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Vec<T>, E>> + Send,
    T: Clone + Send + Sync + 'static,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    type Value = T;

    async fn evaluate(&self, x: P) -> Result<T, EvaluationError> {
        let mut values = self.call(vec![x]).await?;
        Ok(values.pop().expect("one value for one point"))
    }

    async fn evaluate_batch(&self, xs: &[P]) -> Vec<Result<T, EvaluationError>> {
        match self.call(xs.to_vec()).await {
            Ok(values) => values.into_iter().map(Ok).collect(),
            Err(error) => xs.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn batch(&self) -> usize {
        self.width
    }

    fn concurrency(&self) -> usize {
        self.limit
    }
}

impl<F> fmt::Debug for BatchFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchFn").field("limit", &self.limit).field("width", &self.width).finish_non_exhaustive()
    }
}

#[allow(clippy::float_cmp, reason = "bits are what is promised")]
#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_call_is_one_call_and_a_point_a_call_of_one() {
        let sums = batch_fn(0, 0, |xs: Vec<f64>| async move {
            let sum: f64 = xs.iter().sum();
            Ok::<_, String>(xs.iter().map(|x| x + sum).collect())
        });
        assert_eq!((sums.concurrency(), sums.batch()), (1, 1));
        assert_eq!(block_on(sums.evaluate(2.0)).unwrap(), 4.0);
        let values: Vec<f64> = block_on(sums.evaluate_batch(&[1.0, 2.0])).into_iter().map(Result::unwrap).collect();
        assert_eq!(values, [4.0, 5.0]);
        assert!(block_on(sums.evaluate_batch(&[])).is_empty());
    }

    #[test]
    fn a_failure_is_that_of_each_point_and_so_is_a_wrong_number_of_values() {
        let fails = batch_fn(1, 8, |xs: Vec<f64>| async move { Err::<Vec<f64>, _>(format!("{} points", xs.len())) });
        let errors = block_on(fails.evaluate_batch(&[1.0, 2.0]));
        assert!(errors.len() == 2 && errors.iter().all(|e| e.as_ref().unwrap_err().to_string() == "2 points"));
        let wrong = batch_fn(1, 8, |xs: Vec<f64>| async move { Ok::<_, String>([&xs[..], &[0.0]].concat()) });
        let errors = block_on(wrong.evaluate_batch(&[1.0, 2.0]));
        let text = "a call for 2 points returned 3 values";
        assert!(errors.len() == 2 && errors.iter().all(|e| e.as_ref().unwrap_err().to_string() == text));
        assert_eq!(block_on(wrong.evaluate(1.0)).unwrap_err().to_string(), "a call for 1 point returned 2 values");
    }
}
