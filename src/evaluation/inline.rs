//! Evaluation on the calling thread, for integrands cheaper than any hand-over.

use std::fmt;
use std::marker::PhantomData;

use crate::error::EvaluationError;
use crate::evaluation::evaluator::Evaluator;
use crate::point::Point;

/// Evaluates a function on the thread that polls the integral: no hand-over, no allocation, no parallelism.
///
/// # Panics
///
/// A panic of the function is the caller's, as in a plain loop: it unwinds out of the integral's `poll`.
///
/// # Examples
///
/// ```
/// use coquad::{Evaluator, Inline};
///
/// let square = Inline::new(|x: f64| x * x);
/// let mut values = Vec::new();
/// assert!(square.evaluate_here(&[3.0, 4.0], &mut values));
/// assert_eq!(values, [9.0, 16.0]);
/// ```
#[derive(Clone, Copy)]
pub struct Inline<F> {
    f: F,
}

impl<F> Inline<F> {
    /// Wraps `f`.
    pub fn new<T>(f: F) -> Self
    where
        F: Fn(f64) -> T + Send + Sync,
    {
        Self { f }
    }

    /// Wraps a function of several variables, for a [`BoxIntegrator`](crate::BoxIntegrator).
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{BoxIntegrator, Inline};
    ///
    /// let integrator = BoxIntegrator::new(Inline::over(|[x, y]: [f64; 2]| (x + y).exp()));
    /// let e = integrator.integrate_blocking([0.0, 0.0], [1.0, 1.0], 1e-8)?;
    /// assert!((e.value - 1f64.exp_m1().powi(2)).abs() < 1e-8);
    /// # Ok::<(), coquad::Error<f64, [f64; 2]>>(())
    /// ```
    pub fn over<P: Point, T>(f: F) -> Self
    where
        F: Fn(P) -> T + Send + Sync,
    {
        Self { f }
    }
}

impl<F> Inline<F> {
    /// Wraps a function of many points, which puts the value at each of `xs` in the same place of `ys`: a loop that the
    /// compiler vectorises, a call of a library of array functions.
    ///
    /// The values must not depend on which other points a call has: an integral asks for those of a panel at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator};
    ///
    /// let runge = |xs: &[f64], ys: &mut [f64]| xs.iter().zip(ys).for_each(|(x, y)| *y = 1.0 / (1.0 + 25.0 * x * x));
    /// let e = Integrator::new(Inline::batch(runge)).integrate_blocking(-1.0, 1.0, 1e-10)?;
    /// assert!((e.value - 0.4 * 5.0f64.atan()).abs() < 1e-10);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    pub fn batch<T>(f: F) -> InlineBatch<F, T>
    where
        F: Fn(&[f64], &mut [T]) + Send + Sync,
    {
        InlineBatch { f, values: PhantomData }
    }

    /// [`batch`](Self::batch) for a function of several variables.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{BoxIntegrator, Inline};
    ///
    /// let product = |points: &[[f64; 2]], ys: &mut [f64]| points.iter().zip(ys).for_each(|([u, v], y)| *y = u * v);
    /// let integrator = BoxIntegrator::new(Inline::batch_over(product));
    /// let e = integrator.integrate_blocking([0.0, 0.0], [1.0, 1.0], 1e-10)?;
    /// assert!((e.value - 0.25).abs() < 1e-10);
    /// # Ok::<(), coquad::Error<f64, [f64; 2]>>(())
    /// ```
    pub fn batch_over<P: Point, T>(f: F) -> InlineBatch<F, T>
    where
        F: Fn(&[P], &mut [T]) + Send + Sync,
    {
        InlineBatch { f, values: PhantomData }
    }
}

/// A function of many points that is evaluated on the thread that polls the integral: see [`Inline::batch`].
///
/// # Panics
///
/// As [`Inline`].
///
/// # Examples
///
/// ```
/// use coquad::{Evaluator, Inline, InlineBatch};
///
/// let square: InlineBatch<_, f64> = Inline::batch(|xs: &[f64], ys: &mut [f64]| {
///     xs.iter().zip(ys).for_each(|(x, y)| *y = x * x);
/// });
/// let mut values = Vec::new();
/// assert!(square.evaluate_here(&[3.0, 4.0], &mut values));
/// assert_eq!(values, [9.0, 16.0]);
/// ```
pub struct InlineBatch<F, T> {
    f: F,
    values: PhantomData<fn() -> T>,
}

impl<F, T> InlineBatch<F, T> {
    #[inline]
    fn append<P>(&self, xs: &[P], into: &mut Vec<T>)
    where
        F: Fn(&[P], &mut [T]) + Send + Sync,
        T: Clone + Default,
    {
        let before = into.len();
        into.resize(before + xs.len(), T::default());
        (self.f)(xs, &mut into[before..]);
    }
}

impl<P: Point, F, T> Evaluator<P> for InlineBatch<F, T>
where
    F: Fn(&[P], &mut [T]) + Send + Sync,
    T: Clone + Default + Send + Sync + 'static,
{
    type Value = T;

    async fn evaluate(&self, x: P) -> Result<T, EvaluationError> {
        let mut value = [T::default()];
        (self.f)(&[x], &mut value);
        let [value] = value;
        Ok(value)
    }

    async fn evaluate_batch(&self, xs: &[P]) -> Vec<Result<T, EvaluationError>> {
        let mut values = Vec::new();
        self.append(xs, &mut values);
        values.into_iter().map(Ok).collect()
    }

    fn batch(&self) -> usize {
        usize::MAX
    }

    #[inline]
    fn evaluate_here(&self, xs: &[P], into: &mut Vec<T>) -> bool {
        self.append(xs, into);
        true
    }
}

impl<F, T> fmt::Debug for InlineBatch<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InlineBatch").finish_non_exhaustive()
    }
}

impl<F: Clone, T> Clone for InlineBatch<F, T> {
    fn clone(&self) -> Self {
        Self { f: self.f.clone(), values: PhantomData }
    }
}

impl<F: Copy, T> Copy for InlineBatch<F, T> {}

impl<P: Point, F, T> Evaluator<P> for Inline<F>
where
    F: Fn(P) -> T + Send + Sync,
    T: Clone + Send + Sync + 'static,
{
    type Value = T;

    #[inline]
    async fn evaluate(&self, x: P) -> Result<T, EvaluationError> {
        Ok((self.f)(x))
    }

    const HERE: bool = true;

    #[inline]
    fn value_here(&self, x: P) -> Option<T> {
        Some((self.f)(x))
    }

    #[inline]
    fn evaluate_here(&self, xs: &[P], into: &mut Vec<T>) -> bool {
        into.extend(xs.iter().map(|&x| (self.f)(x)));
        true
    }
}

impl<F> fmt::Debug for Inline<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inline").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn here_and_evaluate_give_the_same_bits() {
        let sqrt = Inline::new(f64::sqrt);
        let mut here = Vec::new();
        assert!(sqrt.evaluate_here(&[2.0], &mut here));
        assert_eq!(here[0].to_bits(), block_on(sqrt.evaluate(2.0)).unwrap().to_bits());
        assert_eq!(sqrt.concurrency(), 1);
    }

    #[test]
    #[should_panic(expected = "at 0.5")]
    fn a_panic_is_the_callers() {
        let _ = Inline::new(|x: f64| -> f64 { panic!("at {x:?}") }).evaluate_here(&[0.5], &mut Vec::new());
    }
}
