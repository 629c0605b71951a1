//! Evaluation on the calling thread, for integrands cheaper than any hand-over.

use std::fmt;

use crate::error::EvaluationError;
use crate::evaluation::evaluator::Evaluator;

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
}

impl<F, T> Evaluator for Inline<F>
where
    F: Fn(f64) -> T + Send + Sync,
    T: Clone + Send + Sync + 'static,
{
    type Value = T;

    #[inline]
    async fn evaluate(&self, x: f64) -> Result<T, EvaluationError> {
        Ok((self.f)(x))
    }

    const HERE: bool = true;

    #[inline]
    fn value_here(&self, x: f64) -> Option<T> {
        Some((self.f)(x))
    }

    #[inline]
    fn evaluate_here(&self, xs: &[f64], into: &mut Vec<T>) -> bool {
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
