//! The tolerance: validated once, then trusted.

/// An absolute and a relative tolerance: met when the error is at most `max(atol, rtol |I|)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerance {
    pub(crate) atol: f64,
    pub(crate) rtol: f64,
}

impl Tolerance {
    /// `None` unless both are numbers, neither is negative and one is positive.
    pub(crate) fn new(atol: f64, rtol: f64) -> Option<Self> {
        (atol >= 0.0 && rtol >= 0.0 && atol + rtol > 0.0).then_some(Self { atol, rtol })
    }

    /// The error that an integral of this norm may have.
    #[inline]
    pub(crate) fn allowed(&self, norm: f64) -> f64 {
        // `max` would pass over a NaN norm, which must meet nothing; it is refused where values arrive.
        if self.rtol == 0.0 { self.atol } else { self.atol.max(self.rtol * norm) }
    }
}
