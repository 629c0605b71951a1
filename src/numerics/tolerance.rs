//! The tolerance: validated once, then trusted.

/// An absolute tolerance and two relative ones: met when the error is at most `max(atol, rtol |I|, rtol_l1 L)`, where
/// `L` is the integral of the norm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerance {
    pub(crate) atol: f64,
    pub(crate) rtol: f64,
    rtol_l1: f64,
}

impl Tolerance {
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
