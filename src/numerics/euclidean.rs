//! The Euclidean norm in the place of the largest component.

use num_complex::Complex;

use super::value::{Value, largest};

/// An array or vector of values with the Euclidean norm, the root of the sum of squares, in the place of the largest.
///
/// The norm is the value's own: it decides which segment is refined, and in which sense the tolerance is met. Any
/// other is a type that implements [`Value`].
///
/// # Examples
///
/// ```
/// use coquad::{Euclidean, Inline, Integrator};
///
/// let integrator = Integrator::new(Inline::new(|x: f64| Euclidean([3.0 * x, 4.0 * x])));
/// let e = integrator.integrate_blocking(0.0, 2.0, 1e-9)?;
/// assert!((e.value.0[1] - 8.0).abs() < 1e-9);
/// assert!((e.l1 - 10.0).abs() < 1e-9);
/// # Ok::<(), coquad::Error<Euclidean<[f64; 2]>>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Euclidean<V>(pub V);

#[diagnostic::do_not_recommend]
impl<V, T> Value for Euclidean<V>
where
    V: Value + AsRef<[T]>,
    V: Elements<Element = T>,
    T: Value,
{
    const EPSILON: f64 = V::EPSILON;

    fn zero() -> Self {
        Self(V::zero())
    }

    fn add_scaled(&mut self, factor: f64, other: &Self) {
        self.0.add_scaled(factor, &other.0);
    }

    fn scale(&mut self, factor: f64) {
        self.0.scale(factor);
    }

    fn norm(&self) -> f64 {
        // Scaled by the largest, so that no square overflows.
        let items: &[T] = self.0.as_ref();
        let most = largest(items.iter().map(Value::norm));
        if most == 0.0 || !most.is_finite() {
            return most;
        }
        let squares = items.iter().fold(0.0, |sum, item| {
            let part = item.norm() / most;
            sum + part * part
        });
        most * squares.sqrt()
    }

    fn length(&self) -> Option<usize> {
        self.0.length()
    }

    fn divide(&mut self, divisor: f64) {
        self.0.divide(divisor);
    }

    const COMPLEX: bool = V::COMPLEX;

    fn turn(&mut self, factor: Complex<f64>) {
        self.0.turn(factor);
    }
}

/// What an array or vector is made of.
#[doc(hidden)]
pub trait Elements {
    /// The type of the elements.
    type Element;
}

impl<T, const N: usize> Elements for [T; N] {
    type Element = T;
}

impl<T> Elements for Vec<T> {
    type Element = T;
}
