//! Evaluations close at hand: what an evaluator with threads of its own offers while its evaluations are so short that
//! handing them over one by one would cost more than they do.

use std::time::Duration;

use crate::error::EvaluationError;
use crate::evaluation::pool::pace::Pace;
use crate::point::Point;

/// The threads of an evaluator, as places to evaluate and to drive integrals: see [`Evaluator::near`].
///
/// Those of a [`ThreadPool`](crate::ThreadPool) are such. Where an integral is driven is a matter of time alone: nothing
/// of its answer follows from what is said here.
///
/// [`Evaluator::near`]: crate::Evaluator::near
///
/// # Examples
///
/// ```
/// use coquad::{Evaluator, Pace, ThreadPool};
///
/// let evaluator = ThreadPool::new(1).evaluator(f64::sqrt);
/// let near = evaluator.near().expect("its threads");
/// assert_eq!((near.pace(), near.is_here()), (Pace::Unknown, false));
/// assert_eq!(near.evaluate(4.0)?, 2.0);
/// # Ok::<(), coquad::EvaluationError>(())
/// ```
pub trait Near<T, P: Point = f64>: Send + Sync {
    /// How long evaluations take, as far as was measured.
    fn pace(&self) -> Pace;

    /// Whether the calling thread is one of them.
    fn is_here(&self) -> bool;

    /// Evaluates at `x`, on the calling thread, which takes the time.
    ///
    /// # Errors
    ///
    /// What [`evaluate`](crate::Evaluator::evaluate) would report; a panic is a failure, and unwinds no further.
    fn evaluate(&self, x: P) -> Result<T, EvaluationError>;

    /// Takes note that evaluations on the calling thread took so long each.
    fn record(&self, each: Duration);

    /// Runs `job`, which does not panic, on one of them.
    fn spawn(&self, job: Box<dyn FnOnce() + Send>);

    /// Whether each of them has something to do for now.
    fn is_busy(&self) -> bool;

    /// Whether as many integrals as there are threads wait to be driven: to each its own.
    fn is_crowded(&self) -> bool;

    /// The same as [`spawn`](Self::spawn), at the turn of an evaluation that was asked for now. The evaluations that `job`
    /// asks for come next.
    fn enqueue(&self, job: Box<dyn FnOnce() + Send>);
}
