//! Evaluation on the calling thread, for integrands cheaper than any hand-over.

use std::error::Error as StdError;
use std::fmt;
use std::marker::PhantomData;

use crate::error::EvaluationError;
use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::share::Share;
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
        F: Fn(f64) -> T + Share,
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
        F: Fn(P) -> T + Share,
    {
        Self { f }
    }

    /// Wraps a function that may fail, as
    /// [`ThreadPool::try_evaluator`](crate::ThreadPool::try_evaluator) does, but evaluates it on
    /// the thread that polls the integral.
    ///
    /// The integral has the same bits and the same number of evaluations as with [`Inline::new`].
    /// It takes longer, because each point passes through the engine that serves slow evaluators.
    /// For the cheapest integrands, return NaN instead of an error:
    /// [`Error::NonFinite`](crate::Error::NonFinite) then names the point.
    ///
    /// # Errors
    ///
    /// The integral fails with what `f` returned, in
    /// [`Error::Evaluation`](crate::Error::Evaluation), which names the point; and with
    /// [`Error::Panicked`](crate::Error::Panicked) where `f` panicked. An error is what
    /// [`EvaluationError::new`] takes: a text, or any error that is `Send + Sync`.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Error, Inline, Integrator};
    ///
    /// let table = |x: f64| if x < 2.0 { Ok(x * x) } else { Err("beyond the table") };
    /// let integrator = Integrator::new(Inline::try_new(table));
    /// let e = integrator.integrate_blocking(0.0, 1.0, 1e-10)?;
    /// assert!((e.value - 1.0 / 3.0).abs() < 1e-10);
    ///
    /// match integrator.integrate_blocking(0.0, 3.0, 1e-10) {
    ///     Err(Error::Evaluation { x, source, .. }) => {
    ///         assert!(x >= 2.0 && source.to_string() == "beyond the table");
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok::<(), coquad::Error>(())
    /// ```
    pub fn try_new<T, E>(f: F) -> TryInline<F>
    where
        F: Fn(f64) -> Result<T, E> + Share,
    {
        TryInline { f }
    }

    /// Wraps a function of several variables that may fail, as [`try_new`](Self::try_new) does of
    /// one.
    ///
    /// # Errors
    ///
    /// As [`try_new`](Self::try_new).
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{BoxIntegrator, Inline};
    ///
    /// let root = |[x, y]: [f64; 2]| if x + y >= 0.0 { Ok((x + y).sqrt()) } else { Err("no root") };
    /// let integrator = BoxIntegrator::new(Inline::try_over(root));
    /// let failed = integrator.integrate_blocking([-1.0, -1.0], [1.0, 1.0], 1e-3).unwrap_err();
    /// assert!(matches!(failed, coquad::Error::Evaluation { x: [x, y], .. } if x + y < 0.0));
    /// ```
    pub fn try_over<P: Point, T, E>(f: F) -> TryInline<F>
    where
        F: Fn(P) -> Result<T, E> + Share,
    {
        TryInline { f }
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
        F: Fn(&[f64], &mut [T]) + Share,
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
        F: Fn(&[P], &mut [T]) + Share,
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

#[diagnostic::do_not_recommend]
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

#[diagnostic::do_not_recommend]
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

/// A function that may fail and is evaluated on the thread that polls the integral: see
/// [`Inline::try_new`].
///
/// # Panics
///
/// A panic of the function is the caller's where [`evaluate`](Evaluator::evaluate) is polled
/// directly. In an integral it is a failure: [`Error::Panicked`](crate::Error::Panicked).
///
/// # Examples
///
/// ```
/// use coquad::{Evaluator, Inline, TryInline};
///
/// let parse: TryInline<_> = Inline::try_new(|x: f64| format!("{x}").parse::<f64>());
/// assert_eq!(futures::executor::block_on(parse.evaluate(0.5))?, 0.5);
/// # Ok::<(), coquad::EvaluationError>(())
/// ```
#[derive(Clone, Copy)]
pub struct TryInline<F> {
    f: F,
}

// On the spot there is no room for a failure, so this is evaluated by its futures, which are ready
// at once.
#[diagnostic::do_not_recommend]
impl<P: Point, F, T, E> Evaluator<P> for TryInline<F>
where
    F: Fn(P) -> Result<T, E> + Send + Sync,
    T: Clone + Send + Sync + 'static,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    type Value = T;

    async fn evaluate(&self, x: P) -> Result<T, EvaluationError> {
        (self.f)(x).map_err(EvaluationError::new)
    }

    async fn evaluate_batch(&self, xs: &[P]) -> Vec<Result<T, EvaluationError>> {
        xs.iter().map(|&x| (self.f)(x).map_err(EvaluationError::new)).collect()
    }
}

impl<F> fmt::Debug for TryInline<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryInline").finish_non_exhaustive()
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
    fn a_failure_has_its_cause_and_leaves_the_other_points_of_a_call_alone() {
        let root = Inline::try_new(|x: f64| if x < 0.0 { Err(format!("no root of {x:?}")) } else { Ok(x.sqrt()) });
        assert!(!root.evaluate_here(&[], &mut Vec::new()));
        assert_eq!(block_on(root.evaluate(-0.25)).unwrap_err().to_string(), "no root of -0.25");
        let outcomes = block_on(root.evaluate_batch(&[4.0, -1.0, 9.0]));
        assert_eq!(outcomes[1].as_ref().unwrap_err().to_string(), "no root of -1.0");
        assert_eq!([&outcomes[0], &outcomes[2]].map(|y| y.as_ref().unwrap().to_bits()), [2f64, 3.0].map(f64::to_bits));
    }

    #[test]
    #[should_panic(expected = "at 0.5")]
    fn a_panic_is_the_callers() {
        let _ = Inline::new(|x: f64| -> f64 { panic!("at {x:?}") }).evaluate_here(&[0.5], &mut Vec::new());
    }
}
