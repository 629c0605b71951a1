//! Numbers with twice the digits: for recurrences whose rounding adds up.
//!
//! DETERMINISM: + - * / and the fused multiplication alone, which is exact on every platform.

/// The sum of two numbers, and what rounding took from it (Knuth 1969, section 4.2.2).
pub(super) fn two_sum(p: f64, q: f64) -> (f64, f64) {
    let sum = p + q;
    let part = sum - p;
    (sum, (p - (sum - part)) + (q - part))
}

/// A number as the sum of two, the second of which is what rounding took from the first (Dekker
/// 1971).
#[derive(Clone, Copy, Debug)]
pub(super) struct Twice(pub(super) f64, f64);

impl Twice {
    pub(super) const ONE: Self = Self(1.0, 0.0);

    pub(super) fn new(x: f64) -> Self {
        Self(x, 0.0)
    }

    fn of(high: f64, low: f64) -> Self {
        let (high, low) = two_sum(high, low);
        Self(high, low)
    }

    pub(super) fn negative(self) -> Self {
        Self(-self.0, -self.1)
    }

    pub(super) fn plus(self, other: Self) -> Self {
        let (sum, rest) = two_sum(self.0, other.0);
        Self::of(sum, rest + (self.1 + other.1))
    }

    pub(super) fn times(self, other: Self) -> Self {
        let product = self.0 * other.0;
        let rest = self.0.mul_add(other.0, -product);
        Self::of(product, rest + (self.0 * other.1 + self.1 * other.0))
    }

    pub(super) fn over(self, other: Self) -> Self {
        let quotient = self.0 / other.0;
        let rest = self.plus(other.times(Self::new(-quotient)));
        Self::of(quotient, rest.0 / other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rounding_takes_is_kept() {
        let third = Twice::ONE.over(Twice::new(3.0));
        let rest = third.plus(third).plus(third).plus(Twice::ONE.negative());
        assert!(third.1 != 0.0 && rest.0.abs() < 1e-31, "{third:?}, {rest:?}");
        let square = Twice::new(1.0 + f64::EPSILON).times(Twice::new(1.0 - f64::EPSILON));
        assert!((square.0, square.1) == (1.0, -f64::EPSILON * f64::EPSILON), "{square:?}");
    }
}
