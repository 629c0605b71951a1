//! The answer: what an integral was found to be, from which segments, and why a run stopped short.
//!
//! Plain data, on the common ground below both wings: it knows neither rules nor evaluators.

use std::fmt;

/// The integral over one segment of the partition that an [`Estimate`] rests on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Segment<T> {
    /// Where the segment begins; `a < b` whatever the direction of the integral.
    pub a: f64,
    /// Where the segment ends.
    pub b: f64,
    /// The integral from `a` to `b`.
    pub value: T,
    /// The estimated absolute error of `value`, in the value's norm.
    pub error: f64,
}

/// The result of an integration.
///
/// # Determinism
///
/// Every field but [`performed`](Self::performed) has the same bits for any evaluator, any number of workers and any
/// order in which evaluations finish.
#[derive(Clone)]
#[non_exhaustive]
pub struct Estimate<T = f64> {
    /// The integral.
    pub value: T,
    /// The estimated absolute error of `value`, in the value's norm. An estimate, not a bound.
    pub error: f64,
    /// How many distinct points the answer rests on.
    pub evaluations: usize,
    /// How many evaluations were run for this call: fewer than [`evaluations`](Self::evaluations) where the cache
    /// knew values, more where points were evaluated ahead and then not needed.
    pub performed: usize,
    /// The integral of the norm of the integrand, as far as it was seen: `l1 / |value|` is the condition of the sum.
    pub l1: f64,
    /// The partition, from left to right.
    pub segments: Vec<Segment<T>>,
}

/// Counts the segments instead of listing them: a message that shows an estimate stays readable with a million.
impl<T: fmt::Debug> fmt::Debug for Estimate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Estimate")
            .field("value", &self.value)
            .field("error", &self.error)
            .field("evaluations", &self.evaluations)
            .field("performed", &self.performed)
            .field("l1", &self.l1)
            .field("segments", &format_args!("[{} segments]", self.segments.len()))
            .finish()
    }
}

impl<T: fmt::Display> fmt::Display for Estimate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ± {:.1e} from {} evaluations", self.value, self.error, self.evaluations)
    }
}

/// Why an integration ended before its tolerance was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The [time limit](crate::Integrator::time_limit) has passed. The one reason that depends on the machine.
    Deadline,
    /// The next decision would have needed more than `max_evaluations` points.
    Budget,
    /// What is left of the error is rounding: no further evaluation can reduce it. The tolerance is too tight for
    /// the accuracy of the integrand's values.
    Roundoff,
    /// The error does not shrink however narrow the segments become: the integral does not exist, or only as a
    /// limit.
    Divergent,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Deadline => "the time limit has passed",
            Reason::Budget => "the budget of evaluations is spent",
            Reason::Roundoff => "the rest of the error is roundoff",
            Reason::Divergent => "the integral seems to diverge",
        })
    }
}
