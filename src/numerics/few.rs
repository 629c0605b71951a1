//! Ranges of a few numbers: there a value is known at nearly all of them, and no rule says more than their mean.

use super::method::Local;
use super::value::Value;

/// The relative width of a panel of a few numbers.
const FEW: f64 = 8.0 * f64::EPSILON;
/// What rounding leaves of the error, in units of epsilon times the integral of the norm.
const ROUNDOFF: f64 = 5.0;

/// Whether no more than a few numbers lie between the limits.
#[inline]
pub(super) fn is_few(a: f64, b: f64) -> bool {
    let (p, q) = (a.abs(), b.abs());
    b - a <= FEW * if p > q { p } else { q }
}

/// The integral over a panel of a few numbers by the mean of the values there; its error is by how much they differ
/// from it.
#[cold]
pub(super) fn by_mean<T: Value>(width: f64, values: &[T]) -> Local<T> {
    let mut mean = T::zero();
    values.iter().for_each(|value| mean.add(value));
    mean.divide(values.len() as f64);
    let (mut spread, mut l1): (f64, f64) = (0.0, 0.0);
    for value in values {
        let mut off = value.clone();
        off.add_scaled(-1.0, &mean);
        spread = if off.norm() > spread { off.norm() } else { spread };
        // A value that is not a number makes the sum none.
        l1 += value.norm();
    }
    mean.scale(width);
    let l1 = l1 / values.len() as f64 * width;
    // Nothing is learnt from the parts.
    let error = (spread * width).max(ROUNDOFF * T::EPSILON * l1);
    Local { value: mean, error, l1, roundoff: error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_numbers_are_eight_units_in_the_last_place() {
        let above = |a: f64, ulps: u64| f64::from_bits(a.to_bits() + ulps);
        assert!(is_few(1.0, above(1.0, 8)) && !is_few(1.0, above(1.0, 9)));
        assert!(is_few(-above(1.0, 8), -1.0) && !is_few(0.0, 1e-300));
    }

    #[test]
    fn the_error_of_a_mean_is_the_spread_of_the_values() {
        let local = by_mean(0.5, &[1.0, 2.0, 6.0]);
        assert!((local.value, local.error, local.l1) == (1.5, 1.5, 1.5), "{local:?}");
        assert!(by_mean(0.5, &[1.0, f64::NAN]).l1.is_nan());
    }
}
