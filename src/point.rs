//! Where an integrand is evaluated: a number, or several. What tells points apart is their bits.
//!
//! INVARIANT: bits, not values. `0.0` and `-0.0` are two points; no point is rounded to a neighbour.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};

/// A point at which an integrand is evaluated: an `f64`, or an array of them for an integrand of several variables.
///
/// Points are compared by their bits: `0.0` and `-0.0` are different, in any coordinate, and none is rounded to a
/// neighbour. The trait is sealed: there are no other points.
///
/// # Examples
///
/// An evaluator of points of any kind:
///
/// ```
/// use coquad::{EvaluationError, Evaluator, Point};
///
/// struct Shown;
///
/// impl<P: Point> Evaluator<P> for Shown {
///     type Value = f64;
///     async fn evaluate(&self, x: P) -> Result<f64, EvaluationError> {
///         Ok(format!("{x:?}").len() as f64)
///     }
/// }
/// # assert_eq!(futures::executor::block_on(Shown.evaluate(0.5)).unwrap(), 3.0);
/// # assert_eq!(futures::executor::block_on(Shown.evaluate([0.5, 0.25])).unwrap(), 11.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a point",
    label = "not a point",
    note = "an integrand takes an `f64` or, of several variables, an array of them: `|[x, y]: [f64; 2]| ..`"
)]
pub trait Point: Copy + Debug + Send + Sync + Unpin + sealed::Sealed + 'static {
    /// Its bits.
    type Key: Copy + Eq + Hash + Debug + Send + Sync + Unpin + 'static;

    /// How many numbers it has.
    const AXES: usize;

    /// Returns its bits.
    #[must_use]
    fn key(self) -> Self::Key;

    /// Returns the point of these bits.
    #[must_use]
    fn of_key(key: Self::Key) -> Self;

    /// Returns whether all its numbers are finite.
    #[must_use]
    fn is_finite(self) -> bool;

    /// Compares two points, coordinate by coordinate, by [`f64::total_cmp`].
    #[must_use]
    fn order(&self, other: &Self) -> Ordering;

    /// Returns the point itself if it is one number.
    #[must_use]
    fn number(self) -> Option<f64>;

    /// Returns its numbers.
    #[must_use]
    fn numbers(&self) -> &[f64];

    /// Returns the point that has these numbers, or `None` if a point has more or fewer.
    #[must_use]
    fn from_numbers(numbers: &[f64]) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f64 {}
    impl<const N: usize> Sealed for [f64; N] {}
}

/// A point that is one number, compared and hashed by its bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key(u64);

impl Key {
    /// The key of a point.
    pub(crate) fn new(x: f64) -> Self {
        Self(if planted!(16) { x + 0.0 } else { x }.to_bits())
    }

    /// The point.
    pub(crate) fn point(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl Point for f64 {
    type Key = Key;

    const AXES: usize = 1;

    #[inline]
    fn key(self) -> Key {
        Key::new(self)
    }

    #[inline]
    fn of_key(key: Key) -> Self {
        key.point()
    }

    #[inline]
    fn is_finite(self) -> bool {
        self.is_finite()
    }

    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }

    #[inline]
    fn number(self) -> Option<f64> {
        Some(self)
    }

    #[inline]
    fn numbers(&self) -> &[f64] {
        std::slice::from_ref(self)
    }

    #[inline]
    fn from_numbers(numbers: &[f64]) -> Option<Self> {
        if let [x] = numbers { Some(*x) } else { None }
    }
}

/// A point of several numbers, compared and hashed by their bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bits<const N: usize>([u64; N]);

impl<const N: usize> Hash for Bits<N> {
    /// As one word: a product with the golden ratio's multiple for each coordinate. The hasher does the rest.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mixed = self.0.iter().fold(0u64, |mixed, bits| (mixed.rotate_left(29) ^ bits).wrapping_mul(GOLDEN));
        state.write_u64(mixed);
    }
}

/// 2^64 over the golden ratio (Knuth 1973, section 6.4).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl<const N: usize> Point for [f64; N] {
    type Key = Bits<N>;

    const AXES: usize = N;

    #[inline]
    fn key(self) -> Bits<N> {
        Bits(self.map(f64::to_bits))
    }

    #[inline]
    fn of_key(key: Bits<N>) -> Self {
        key.0.map(f64::from_bits)
    }

    #[inline]
    fn is_finite(self) -> bool {
        self.iter().all(|x| x.is_finite())
    }

    fn order(&self, other: &Self) -> Ordering {
        let unequal = self.iter().zip(other).map(|(x, y)| x.total_cmp(y)).find(|order| order.is_ne());
        unequal.unwrap_or(Ordering::Equal)
    }

    #[inline]
    fn number(self) -> Option<f64> {
        None
    }

    #[inline]
    fn numbers(&self) -> &[f64] {
        self
    }

    #[inline]
    fn from_numbers(numbers: &[f64]) -> Option<Self> {
        numbers.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_come_back_from_their_bits_and_zeros_are_two() {
        let points = [[0.0, -0.0], [-0.0, 0.0], [f64::NAN, 1.0], [1.0, f64::INFINITY]];
        for (i, p) in points.iter().enumerate() {
            assert_eq!(<[f64; 2]>::of_key(p.key()).map(f64::to_bits), p.map(f64::to_bits));
            for q in &points[..i] {
                assert!(p.key() != q.key() && p.order(q).is_ne(), "{p:?} {q:?}");
            }
            assert_eq!(<[f64; 2]>::from_numbers(p.numbers()).map(Point::key), Some(p.key()));
            assert!(<[f64; 3]>::from_numbers(p.numbers()).is_none() && f64::from_numbers(p.numbers()).is_none());
        }
        assert!(Point::is_finite([0.0, 1.0]) && !Point::is_finite(points[2]) && !Point::is_finite(points[3]));
        assert_eq!([1.0, 2.0].order(&[1.0, 3.0]), Ordering::Less);
        assert!(0.0f64.key() != (-0.0f64).key() && 0.5f64.number() == Some(0.5) && [0.5].number().is_none());
    }
}
