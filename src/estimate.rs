//! The answer: what an integral was found to be, from which segments, and why a run stopped short.
//!
//! Plain data, on the common ground below both wings: it knows neither rules nor evaluators.

mod partition;

use std::fmt;

pub use self::partition::Partition;

/// The integral over one segment of the partition that an [`Estimate`] rests on.
///
/// # Examples
///
/// ```
/// use coquad::{Inline, Integrator};
///
/// let e = Integrator::new(Inline::new(|x: f64| x.powf(-0.9))).rtol(1e-6).integrate_blocking(0.0, 1.0, 0.0)?;
/// // From left to right, without a gap.
/// assert!(e.segments.windows(2).all(|pair| pair[0].b == pair[1].a));
/// let worst = e.segments.iter().max_by(|s, t| s.error.total_cmp(&t.error)).expect("there is one");
/// println!("most of the error is in [{:?}, {:?}]", worst.a, worst.b);
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Segment<T, P = f64> {
    /// Where the segment begins; `a < b` whatever the direction of the integral. Of a box, the corner with the lower limits.
    pub a: P,
    /// Where the segment ends. Of a box, the corner with the upper limits.
    pub b: P,
    /// The integral from `a` to `b`.
    pub value: T,
    /// The estimated absolute error of `value`, in the value's norm.
    pub error: f64,
    /// The integral of the norm of the integrand from `a` to `b`, as far as it was seen.
    pub l1: f64,
}

/// The result of an integration.
///
/// # Determinism
///
/// Every field but [`performed`](Self::performed) has the same bits for any evaluator, any number of workers and any
/// order in which evaluations finish.
///
/// # Serialisation
///
/// With the feature `serde`, by the names of the fields; so are [`Segment`], [`Reason`], [`Speculation`](crate::Speculation)
/// and the methods ([`GaussKronrod`](crate::GaussKronrod) as its number of points). The bits come back if the format
/// keeps them: binary formats do; JSON has neither NaN nor infinities, and `serde_json` reads some last digits only with
/// its feature `float_roundtrip`.
///
/// # Examples
///
/// ```
/// use coquad::{Estimate, Inline, Integrator};
///
/// let e: Estimate = Integrator::new(Inline::new(f64::exp)).integrate_blocking(0.0, 1.0, 1e-10)?;
/// assert!((e.value - (1f64.exp() - 1.0)).abs() <= 1e-10 && e.error <= 1e-10);
/// let sum: f64 = e.segments.iter().map(|segment| segment.value).sum();
/// assert!((sum - e.value).abs() <= 1e-14);
/// println!("{e}; the condition is {:.1}", e.l1 / e.value.abs());
///
/// # #[cfg(feature = "serde")] {
/// // With `serde_json` and its feature `float_roundtrip`:
/// let text = serde_json::to_string(&e).expect("numbers and lists");
/// let read: Estimate = serde_json::from_str(&text).expect("it was written as this");
/// assert_eq!(read.value.to_bits(), e.value.to_bits());
/// # }
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Estimate<T = f64, P = f64> {
    /// The integral.
    pub value: T,
    /// The estimated absolute error of `value`, in the value's norm. An estimate, not a bound.
    pub error: f64,
    /// How many distinct points the answer rests on.
    pub evaluations: usize,
    /// How many evaluations were run for this call: fewer than [`evaluations`](Self::evaluations) where the cache
    /// knew values, more where points were evaluated ahead and then not needed. Also more if a run ends early and no
    /// cache keeps its values: then some are looked at again, a quarter at most and 128, to tell the [`Reason`].
    pub performed: usize,
    /// The integral of the norm of the integrand, as far as it was seen: `l1 / |value|` is the condition of the sum.
    pub l1: f64,
    /// The partition, from left to right; of a box, in the order in which it was cut.
    pub segments: Partition<T, P>,
}

impl<T, P> Estimate<T, P> {
    /// Whether points were evaluated and every value was zero, as far as the answer rests on them: then it says that nothing
    /// was seen, which an integrand that is zero almost everywhere has in common with zero itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator};
    ///
    /// // Ten units wide, on a range of 1e9, and next to nothing that could be a hint.
    /// let far = Integrator::new(Inline::new(|x: f64| (-((x - 314_159_265.0) / 10.0).powi(2)).exp()));
    /// let e = far.integrate_blocking(0.0, 1e9, 1e-6)?;
    /// assert!(e.saw_nothing() && e.value == 0.0);
    ///
    /// let e = far.breakpoints(&[314_159_265.0]).integrate_blocking(0.0, 1e9, 1e-6)?;
    /// assert!(!e.saw_nothing() && (e.value - 17.724_538_5).abs() < 1e-6);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    pub fn saw_nothing(&self) -> bool {
        self.l1 == 0.0 && self.evaluations > 0
    }
}

/// Counts the segments instead of listing them: a message that shows an estimate stays readable with a million.
impl<T: fmt::Debug, P> fmt::Debug for Estimate<T, P> {
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

impl<T: fmt::Display, P> fmt::Display for Estimate<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ± {:.1e} from {} evaluations", self.value, self.error, self.evaluations)?;
        if self.saw_nothing() { f.write_str(", all of them zero") } else { Ok(()) }
    }
}

/// Why an integration ended before its tolerance was met.
///
/// # Examples
///
/// ```
/// use coquad::{Error, GaussKronrod, Inline, Integrator, Reason};
///
/// fn why(f: fn(f64) -> f64) -> Reason {
///     let integrator = Integrator::new(Inline::new(f)).method(GaussKronrod::default());
///     match integrator.integrate_blocking(0.0, 1.0, 1e-12) {
///         Err(Error::NotConverged { reason, .. }) => reason,
///         other => panic!("{other:?}"),
///     }
/// }
/// assert_eq!(why(|x| 1.0 / x), Reason::Divergent);
/// assert_eq!(why(|x| 1e9 * x.exp()), Reason::Roundoff);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
    /// limit. Or it is larger than the largest number.
    Divergent,
    /// The integrand oscillates to infinity: there is an oscillation beyond every finite number of points. If it is a
    /// factor sin(omega x) or cos(omega x), leave that out and use [`Fourier`](crate::Fourier); the error has the omega that
    /// was seen, if the oscillation is regular. If it is a Bessel function, use [`Bessel`](crate::Bessel); if you know the
    /// phase, [`Oscillator`](crate::Oscillator). Else integrate to a finite limit with a bound on what lies beyond.
    Oscillating,
}

impl Reason {
    /// What to try first.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Reason::Deadline => "Try more time: the same call goes on from the cache, if there is one",
            Reason::Budget => "Try a breakpoint there if the error is in one place, else more evaluations",
            Reason::Roundoff => "Try a larger tolerance",
            Reason::Divergent => "Check that the integral exists: if only as a limit, subtract the singular part",
            Reason::Oscillating => {
                "If the oscillation is a factor sin(w x) or cos(w x), leave it out and use the method Fourier::sin(w)"
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Deadline => "the time limit has passed",
            Reason::Budget => "the budget of evaluations is spent",
            Reason::Roundoff => "the rest of the error is roundoff",
            Reason::Divergent => "the integral seems to diverge",
            Reason::Oscillating => "the integrand oscillates to infinity",
        })
    }
}
