//! Ranges of a few numbers: there a value is known at nearly all of them, and no rule says more than their mean; and of
//! so few that rounding may carry a point to a limit, or beyond.

use super::elementary::ln;
use super::lanes::Lanes;
use super::method::{Local, Panel};
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

/// Where the points of a panel lie: not at its limits, unless there is nothing between.
#[derive(Clone, Copy)]
pub(super) struct Within {
    low: f64,
    high: f64,
}

impl Within {
    #[inline]
    pub(super) fn new<K: Copy>(panel: &Panel<K>) -> Self {
        let low = next_up(panel.a);
        Self { low, high: (-next_up(-panel.b)).max(low) }
    }

    #[inline]
    pub(super) fn clamp(&self, x: f64) -> f64 {
        // As `max` and `min`, for numbers.
        let x = if x < self.low { self.low } else { x };
        if x > self.high { self.high } else { x }
    }
}

/// The next larger number. (`f64::next_up` is younger than the oldest compiler supported.)
fn next_up(x: f64) -> f64 {
    let bits = x.to_bits();
    if x > 0.0 {
        f64::from_bits(bits + 1)
    } else if x < 0.0 {
        f64::from_bits(bits - 1)
    } else {
        f64::from_bits(1)
    }
}

/// In wider panels, relatively, no rounding moves the outermost node of a rule to the limit: of the 61 points that is
/// 2.6e-4 of the width away from there.
const SLIM: f64 = 16_384.0 * f64::EPSILON;

/// Where the points of a panel have to be held, if rounding may carry them to its limits or beyond.
#[inline]
pub(super) fn slim<K: Copy>(panel: &Panel<K>) -> Option<Within> {
    is_slim(panel, panel.b - panel.a).then(|| Within::new(panel))
}

/// Whether rounding may do that in a part of a panel that is so wide.
#[inline]
pub(super) fn is_slim<K>(panel: &Panel<K>, width: f64) -> bool {
    let (p, q) = (panel.a.abs(), panel.b.abs());
    width < SLIM * if p > q { p } else { q }
}

/// The growth of values is followed up to this power of one over the distance from an end.
const STEEPEST: f64 = 0.98;
/// In a panel of less relative width, 512 numbers or so, the outermost points are the last numbers, or next to them.
const NARROW: f64 = 256.0 * f64::EPSILON;

/// What may lie between the last number and a limit of a panel of not many numbers, if values grow towards that limit like
/// a power of the distance; by the norms at the outermost points. Of no growth, and of none that can be told, nothing.
pub(super) fn beyond<K>(panel: &Panel<K>, norms: [f64; 2]) -> f64 {
    let (p, q) = (panel.a.abs(), panel.b.abs());
    let (width, size) = (panel.b - panel.a, if p > q { p } else { q });
    if width >= NARROW * size {
        return 0.0;
    }
    growing(width, f64::EPSILON / 2.0 * size, norms)
}

/// The same by how far apart the numbers are.
#[cold]
fn growing(width: f64, apart: f64, [one, other]: [f64; 2]) -> f64 {
    let (least, most) = (one.least(other), one.most(other));
    let power = (ln(most / least) / ln(width / apart)).least(STEEPEST);
    if power > 0.0 && most < f64::INFINITY { most * apart * power / (1.0 - power) } else { 0.0 }
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
