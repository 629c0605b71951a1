//! What can fail, typed, with the numbers in it.
//!
//! INVARIANT: one failure reaches every waiter, so errors are `Clone + Send + Sync`. Floats are printed with `{:?}`,
//! the shortest digits that read back to the same bits, so that a failing point can be replayed.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::estimate::{Estimate, Reason, Segment};

/// Why an integration has no answer that may be trusted.
///
/// `T` is the integrand's value; it appears in the estimate that [`NotConverged`](Error::NotConverged) carries. `P` is a
/// point: a number, or an array of them for an integral in several variables.
///
/// # Examples
///
/// ```
/// use coquad::{Error, Integrator, ThreadPool};
///
/// let integrator = Integrator::new(ThreadPool::new(2).try_evaluator(|x: f64| if x < 0.9 { Ok(x) } else { Err("no data") }));
/// match integrator.integrate_blocking(0.0, 1.0, 1e-8) {
///     Ok(e) => println!("{e}"),
///     Err(Error::NotConverged { estimate, reason, .. }) => println!("only {estimate}: {reason}"),
///     Err(Error::Evaluation { x, source, .. }) => {
///         println!("at {x:?}: {source}"); // `x` can be typed back to the same bits
///         assert!(x >= 0.9 && source.to_string() == "no data");
///     }
///     Err(other) => println!("{other}"),
/// }
/// ```
///
/// `?` turns the error of an integral of vectors, arrays, complex numbers or `f32` into the plain
/// `Error`. The point, the cause and the reason stay. In the estimate of
/// [`NotConverged`](Error::NotConverged) each value becomes its norm:
///
/// ```
/// use coquad::{Inline, Integrator};
///
/// fn moments() -> Result<(), coquad::Error> {
///     let e = Integrator::new(Inline::new(|x: f64| vec![x, x * x])).integrate_blocking(0.0, 1.0, 1e-8)?;
///     assert!((e.value[1] - 1.0 / 3.0).abs() < 1e-8);
///     Ok(())
/// }
/// # moments().unwrap();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error<T = f64, P = f64> {
    /// The tolerance was not met. The best estimate is not lost.
    #[non_exhaustive]
    NotConverged {
        /// The best estimate when the run stopped.
        estimate: Estimate<T, P>,
        /// Why it stopped.
        reason: Reason,
        /// The error that was asked for: the largest of `atol`, `rtol` times the norm of the value, and `rtol_l1` times
        /// the integral of the norm.
        goal: f64,
        /// The value if that is a number, else its norm.
        size: f64,
        /// How many evaluations the answer would rest on after the next decision, if the budget does not cover it;
        /// else 0.
        needed: usize,
        /// The frequency `w` of a factor `sin(w x)` or `cos(w x)`, to a few per cent (hence an `f32`), if the reason is
        /// [`Oscillating`](Reason::Oscillating) and the oscillation is regular as far as it was resolved; else 0.
        frequency: f32,
    },
    /// The integrand was NaN or infinite at a point that the method cannot leave out.
    #[non_exhaustive]
    NonFinite {
        /// The point.
        x: P,
        /// The norm of the value there: NaN or infinite.
        norm: f64,
    },
    /// The integrand returned vectors of unequal lengths.
    #[non_exhaustive]
    UnequalLengths {
        /// A point where the length is another one than before.
        x: P,
        /// The length before.
        expected: usize,
        /// The length there.
        found: usize,
    },
    /// The evaluation at `x` failed or took too long, retries included: see [`EvaluationError::attempts`] and
    /// [`EvaluationError::timed_out`].
    #[non_exhaustive]
    Evaluation {
        /// The point.
        x: P,
        /// What the evaluator said.
        source: EvaluationError,
    },
    /// The integrand panicked at `x`, on a thread or in a process that is not the caller's.
    #[non_exhaustive]
    Panicked {
        /// The point.
        x: P,
        /// The panic's message.
        message: Arc<str>,
    },
    /// A limit of integration or a breakpoint is NaN; or neither limit is finite, and the integrand takes offsets from
    /// them ([`Integrator::offsets`](crate::Integrator::offsets)).
    #[non_exhaustive]
    InvalidInterval {
        /// The lower limit as given.
        a: f64,
        /// The upper limit as given.
        b: f64,
    },
    /// A limit of a box or one of its breakpoints is NaN.
    #[non_exhaustive]
    InvalidBox {
        /// The axis, from 0.
        axis: usize,
        /// The lower limit on it as given.
        a: f64,
        /// The upper limit as given.
        b: f64,
    },
    /// A scale ([`Integrator::scale`](crate::Integrator::scale)) has a centre that is not finite, or a width that is not
    /// positive and finite.
    #[non_exhaustive]
    InvalidScale {
        /// The centre as given.
        centre: f64,
        /// The width as given.
        width: f64,
    },
    /// The method is not for the range: see its documentation.
    #[non_exhaustive]
    Unsuitable {
        /// The lower limit as given.
        a: f64,
        /// The upper limit as given.
        b: f64,
        /// Why not, in a few words.
        why: &'static str,
    },
    /// A path ([`Path`](crate::Path)) has a point or a direction that is not finite, a direction of no length, an angle
    /// of more than a million turns, or goes on behind infinity.
    #[non_exhaustive]
    InvalidPath {
        /// How many points of the path come before.
        at: usize,
        /// The real part of what was given.
        re: f64,
        /// The imaginary part.
        im: f64,
    },
    /// A tolerance is negative or NaN, or nothing was asked for (all of them are 0).
    #[non_exhaustive]
    InvalidTolerance {
        /// The absolute tolerance as given.
        atol: f64,
        /// The relative tolerance as given.
        rtol: f64,
        /// The tolerance relative to the integral of the norm, as given.
        rtol_l1: f64,
    },
}

impl<T, P> Error<T, P> {
    /// The same error of an integral of another type.
    ///
    /// # Panics
    ///
    /// If it carries an estimate, which has a value of this type.
    pub(crate) fn without_estimate<C>(self) -> Error<C, P> {
        match self {
            Error::NotConverged { .. } => unreachable!("it has an estimate"),
            Error::NonFinite { x, norm } => Error::NonFinite { x, norm },
            Error::UnequalLengths { x, expected, found } => Error::UnequalLengths { x, expected, found },
            Error::Evaluation { x, source } => Error::Evaluation { x, source },
            Error::Panicked { x, message } => Error::Panicked { x, message },
            Error::InvalidInterval { a, b } => Error::InvalidInterval { a, b },
            Error::InvalidBox { axis, a, b } => Error::InvalidBox { axis, a, b },
            Error::InvalidScale { centre, width } => Error::InvalidScale { centre, width },
            Error::Unsuitable { a, b, why } => Error::Unsuitable { a, b, why },
            Error::InvalidPath { at, re, im } => Error::InvalidPath { at, re, im },
            Error::InvalidTolerance { atol, rtol, rtol_l1 } => Error::InvalidTolerance { atol, rtol, rtol_l1 },
        }
    }

    /// The error of a failed evaluation at `x`.
    pub(crate) fn evaluation(x: P, source: EvaluationError) -> Self {
        match source.kind {
            Kind::Panicked(message) => Error::Panicked { x, message },
            Kind::Failed(_) | Kind::TimedOut(_) => Error::Evaluation { x, source },
        }
    }
}

impl<T, P: fmt::Debug> fmt::Display for Error<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotConverged { estimate, reason, needed, .. } if estimate.segments.is_empty() => {
                write!(f, "the tolerance was not met: {reason}. There is no estimate: ")?;
                match reason {
                    Reason::Budget => {
                        write!(f, "the first segments alone take {needed} evaluations. Allow as many at least")
                    }
                    Reason::Deadline => f.write_str("no segment was done in time. Allow more time"),
                    _ => write!(f, "the integral over a first segment is no number. {}", reason.remedy()),
                }
            }
            Error::NotConverged { estimate, reason, goal, size, frequency, .. } => {
                write!(
                    f,
                    "the tolerance was not met: {reason}. Asked for an error of {goal:?}, \
                     got {size:?} with an error of {:?} after {} evaluations",
                    estimate.error, estimate.evaluations
                )?;
                let worst = estimate.segments.iter().max_by(|p, q| p.error.total_cmp(&q.error));
                if let Some(Segment { a, b, error, .. }) = worst {
                    write!(f, ". The largest error, {error:?}, is in [{a:?}, {b:?}]")?;
                }
                if *frequency > 0.0 {
                    return write!(
                        f,
                        ". It oscillates like sin(w x) with w = {frequency:.3} or so. If that is a factor, leave it \
                         out and use the method Fourier::sin(w), Fourier::cos(w) or, for a Bessel function, Bessel::j(nu, w)"
                    );
                }
                write!(f, ". {}", reason.remedy())
            }
            Error::UnequalLengths { x, expected, found } => {
                write!(
                    f,
                    "the integrand has {found} components at x = {x:?}, and had {expected} before: \
                     give them all one length"
                )
            }
            Error::NonFinite { x, norm } => write!(f, "the integrand has norm {norm:?} at x = {x:?}"),
            Error::Evaluation { x, source } => write!(f, "the evaluation at x = {x:?} failed: {source}"),
            Error::Panicked { x, message } => write!(f, "the integrand panicked at x = {x:?}: {message}"),
            Error::InvalidInterval { a, b } if a.is_infinite() && b.is_infinite() => {
                write!(
                    f,
                    "no integral from {a:?} to {b:?}: a breakpoint is not a number, or there is no limit to be offset from"
                )
            }
            Error::InvalidInterval { a, b } => {
                write!(f, "no integral from {a:?} to {b:?}: a limit or breakpoint is not a number")
            }
            Error::InvalidBox { axis, a, b } => {
                write!(f, "no integral from {a:?} to {b:?} on axis {axis}: a limit or breakpoint is not a number")
            }
            Error::InvalidScale { centre, width } => {
                write!(f, "a scale has a finite centre and a positive width: centre = {centre:?}, width = {width:?}")
            }
            Error::Unsuitable { a, b, why } => {
                write!(f, "the method is not for the range from {a:?} to {b:?}: {why}")
            }
            Error::InvalidPath { at, re, im } => {
                write!(
                    f,
                    "a path has finite points and directions, and may end at infinity: \
                     re = {re:?}, im = {im:?} after {at} points"
                )
            }
            Error::InvalidTolerance { atol, rtol, rtol_l1 } => {
                write!(
                    f,
                    "tolerances must be at least 0, and one of them positive: \
                     atol = {atol:?}, rtol = {rtol:?}, rtol_l1 = {rtol_l1:?}"
                )
            }
        }
    }
}

impl<T: fmt::Debug, P: fmt::Debug> StdError for Error<T, P> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Evaluation { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Why one evaluation has no value. Clones share the cause.
///
/// # Examples
///
/// ```
/// use coquad::EvaluationError;
///
/// let failed = EvaluationError::new(std::io::Error::other("connection reset"));
/// assert_eq!((failed.to_string().as_str(), failed.attempts()), ("connection reset", 1));
/// assert!(failed.downcast_ref::<std::io::Error>().is_some());
/// assert!(failed.timed_out().is_none() && failed.panic_message().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct EvaluationError {
    kind: Kind,
    attempts: u32,
    points: u32,
}

#[derive(Clone, Debug)]
enum Kind {
    Failed(Arc<dyn StdError + Send + Sync>),
    Panicked(Arc<str>),
    TimedOut(Duration),
}

impl EvaluationError {
    /// Wraps the cause: any error, or a text.
    ///
    /// ```
    /// let e = coquad::EvaluationError::new("the cluster is down");
    /// assert_eq!(e.to_string(), "the cluster is down");
    /// ```
    pub fn new(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::of(Kind::Failed(Arc::from(cause.into())))
    }

    /// Returns the cause, if it is an `E`.
    ///
    /// ```
    /// let parsed = "x".parse::<f64>().map_err(coquad::EvaluationError::new);
    /// assert!(parsed.unwrap_err().downcast_ref::<std::num::ParseFloatError>().is_some());
    /// ```
    #[must_use]
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        match &self.kind {
            Kind::Failed(cause) => cause.downcast_ref(),
            Kind::Panicked(_) | Kind::TimedOut(_) => None,
        }
    }

    /// The integrand panicked, and the evaluator caught it: reported as [`Error::Panicked`].
    pub fn panicked(message: impl Into<Arc<str>>) -> Self {
        Self::of(Kind::Panicked(message.into()))
    }

    /// No value came within the limit.
    pub(crate) fn timeout(limit: Duration) -> Self {
        Self::of(Kind::TimedOut(limit))
    }

    fn of(kind: Kind) -> Self {
        Self { kind, attempts: 1, points: 1 }
    }

    /// The same error as that of a call for so many points, none of which has a value.
    pub(crate) fn of_all(self, points: usize) -> Self {
        Self { points: u32::try_from(points).unwrap_or(u32::MAX), ..self }
    }

    /// Returns how many points the call was for that failed: 1 unless the points of a
    /// [`evaluate_batch`](crate::Evaluator::evaluate_batch) have failed together.
    ///
    /// An integral asks for such points again, one by one, so what an integral returns names the point that fails by
    /// itself.
    #[must_use]
    pub fn points(&self) -> usize {
        self.points as usize
    }

    /// A call did not return one value for each of its points.
    pub(crate) fn wrong_number(points: usize, values: usize) -> Self {
        let s = |n| if n == 1 { "" } else { "s" };
        Self::new(format!("a call for {points} point{} returned {values} value{}", s(points), s(values)))
    }

    /// The same error as the last of so many attempts.
    pub(crate) fn after(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// Returns how many attempts were made at the point, this last one included: 1 unless the evaluator was wrapped by
    /// [`retry`](crate::EvaluatorExt::retry).
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns the limit, if the (last) attempt was given up by [`timeout`](crate::EvaluatorExt::timeout).
    #[must_use]
    pub fn timed_out(&self) -> Option<Duration> {
        match self.kind {
            Kind::TimedOut(limit) => Some(limit),
            Kind::Failed(_) | Kind::Panicked(_) => None,
        }
    }

    /// Returns the message of the panic, if it was one.
    ///
    /// ```
    /// assert_eq!(coquad::EvaluationError::panicked("no").panic_message(), Some("no"));
    /// assert_eq!(coquad::EvaluationError::new("no").panic_message(), None);
    /// ```
    #[must_use]
    pub fn panic_message(&self) -> Option<&str> {
        match &self.kind {
            Kind::Panicked(message) => Some(message),
            Kind::Failed(_) | Kind::TimedOut(_) => None,
        }
    }
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Failed(cause) => cause.fmt(f)?,
            Kind::Panicked(message) => write!(f, "panicked: {message}")?,
            Kind::TimedOut(limit) => write!(f, "no value after {limit:?}")?,
        }
        if self.attempts > 1 {
            write!(f, " ({} attempts)", self.attempts)?;
        }
        if self.points > 1 {
            write!(f, " (one call for {} points)", self.points)?;
        }
        Ok(())
    }
}

impl StdError for EvaluationError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.kind {
            // Display already shows the cause itself, so the chain goes on behind it.
            Kind::Failed(cause) => cause.source(),
            Kind::Panicked(_) | Kind::TimedOut(_) => None,
        }
    }
}
