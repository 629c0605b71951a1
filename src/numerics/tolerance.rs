//! The tolerance: as it is asked for, and validated once, then trusted.

/// How large the error of an integral may be: absolute, relative, or whichever of several is largest.
///
/// # Examples
///
/// ```
/// use coquad::{Inline, Integrator, Tolerance};
///
/// let integrator = Integrator::new(Inline::new(|x: f64| (50.0 * x).exp()));
/// let e = integrator.integrate_to_blocking(0.0, 1.0, Tolerance::relative(1e-8))?;
/// assert!(e.error <= 1e-8 * e.value);
///
/// // A millionth of the integral, or 1e-12 where the integral is smaller than 1e-6.
/// let tolerance = Tolerance::relative(1e-6).or_absolute(1e-12);
/// let e = integrator.integrate_to_blocking(0.0, 1e-9, tolerance)?;
/// assert!(e.error <= 1e-12);
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Tolerance {
    pub(crate) atol: f64,
    pub(crate) rtol: f64,
    pub(crate) rtol_l1: f64,
}

impl Tolerance {
    const NONE: Self = Self { atol: 0.0, rtol: 0.0, rtol_l1: 0.0 };

    /// The error may be `atol`.
    #[must_use]
    pub const fn absolute(atol: f64) -> Self {
        Self::NONE.or_absolute(atol)
    }

    /// The error may be `rtol |I|`, where `|I|` is the norm of the integral.
    ///
    /// If the integral is near zero, because positive and negative parts cancel, this asks for more than rounding
    /// leaves: add [`or_absolute`](Self::or_absolute), or take [`relative_to_l1`](Self::relative_to_l1).
    #[must_use]
    pub const fn relative(rtol: f64) -> Self {
        Self::NONE.or_relative(rtol)
    }

    /// The error may be `rtol_l1 L`, where `L` is the integral of the norm
    /// ([`Integrator::rtol_l1`](crate::Integrator::rtol_l1)).
    #[must_use]
    pub const fn relative_to_l1(rtol_l1: f64) -> Self {
        Self::NONE.or_relative_to_l1(rtol_l1)
    }

    /// The error may be `atol` as well.
    #[must_use]
    pub const fn or_absolute(self, atol: f64) -> Self {
        Self { atol, ..self }
    }

    /// The error may be `rtol |I|` as well.
    #[must_use]
    pub const fn or_relative(self, rtol: f64) -> Self {
        Self { rtol, ..self }
    }

    /// The error may be `rtol_l1 L` as well.
    #[must_use]
    pub const fn or_relative_to_l1(self, rtol_l1: f64) -> Self {
        Self { rtol_l1, ..self }
    }
}

/// A tolerance that was validated: met when the error is at most `max(atol, rtol |I|, rtol_l1 L)`, where `L` is the
/// integral of the norm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) atol: f64,
    pub(crate) rtol: f64,
    rtol_l1: f64,
}

impl Allowance {
    /// `None` unless both are numbers, neither is negative and one is positive.
    #[inline]
    pub(crate) fn new(atol: f64, rtol: f64) -> Option<Self> {
        Self::with_l1(atol, rtol, 0.0)
    }

    /// The same of all three.
    #[inline]
    pub(crate) fn with_l1(atol: f64, rtol: f64, rtol_l1: f64) -> Option<Self> {
        let is_valid = atol >= 0.0 && rtol >= 0.0 && rtol_l1 >= 0.0 && atol + rtol + rtol_l1 > 0.0;
        is_valid.then_some(Self { atol, rtol, rtol_l1 })
    }

    /// Whether what is allowed depends on the integral.
    #[inline]
    pub(crate) fn is_relative(&self) -> bool {
        self.rtol > 0.0 || self.rtol_l1 > 0.0
    }

    /// Whether it depends on the integral of the norm.
    #[inline]
    pub(crate) fn is_of_l1(&self) -> bool {
        self.rtol_l1 > 0.0
    }

    /// The error that an integral may have: its norm, and the integral of the norm.
    #[inline]
    pub(crate) fn allowed(&self, norm: f64, l1: f64) -> f64 {
        // `max` would pass over a NaN norm, which must meet nothing; it is refused where values arrive.
        let allowed = if self.rtol == 0.0 { self.atol } else { self.atol.max(self.rtol * norm) };
        if self.rtol_l1 == 0.0 { allowed } else { allowed.max(self.rtol_l1 * l1) }
    }
}
