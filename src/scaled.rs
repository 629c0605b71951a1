//! Values whose components are measured each by its own size.

use std::sync::Arc;

use num_complex::Complex;

use crate::numerics::euclidean::Elements;
use crate::numerics::value::{Value, largest};

/// The size that each component of an array or vector is measured by: an error of one of them counts as its ratio to
/// that size.
///
/// # Examples
///
/// A small component beside a large one, each to eight digits of its own:
///
/// ```
/// use coquad::{Inline, Integrator, Scales};
///
/// let scales = Scales::new(&[1.0, 1e-9]);
/// let f = move |x: f64| scales.of([x.cos(), 1e-9 / (x + 1e-4).sqrt()]);
/// let e = Integrator::new(Inline::new(f)).integrate_blocking(0.0, 1.0, 1e-8)?;
/// let exact = 2e-9 * (1.0001f64.sqrt() - 0.01);
/// assert!((e.value.value[1] - exact).abs() <= 1e-8 * 1e-9);
/// # Ok::<(), coquad::Error<coquad::Scaled<[f64; 2]>>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scales(Arc<[f64]>);

impl Scales {
    /// Takes the size of each component: that of its integral, as far as it is known, or what is small for it.
    ///
    /// # Panics
    ///
    /// If a size is not positive and finite.
    #[must_use]
    pub fn new(sizes: &[f64]) -> Self {
        for (i, size) in sizes.iter().enumerate() {
            assert!(*size > 0.0 && size.is_finite(), "a size is positive and finite: {size:?} for component {i}");
        }
        Self(sizes.into())
    }

    /// A value whose components are measured by these sizes.
    ///
    /// # Panics
    ///
    /// If it has another number of components.
    #[must_use]
    pub fn of<V, T>(&self, value: V) -> Scaled<V>
    where
        V: AsRef<[T]> + Elements<Element = T>,
    {
        let found = value.as_ref().len();
        assert!(found == self.0.len(), "{found} components, and sizes of {}", self.0.len());
        Scaled { value, scales: Some(self.clone()) }
    }
}

/// An array or vector whose norm is the largest ratio of a component's norm to its size: made by [`Scales::of`].
///
/// Tolerances, [`Estimate::error`](crate::Estimate::error) and [`Estimate::l1`](crate::Estimate::l1) are in these units:
/// with the sizes `s`, an error of `e` says that component `i` is wrong by at most `e s[i]`. So `atol` with the integrals'
/// own sizes is a relative tolerance for each component. Where these are unknown, take them from a first call.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaled<V> {
    /// The components, as the integrand returned them; of an integral, those of the integral.
    pub value: V,
    /// None of a zero.
    scales: Option<Scales>,
}

#[diagnostic::do_not_recommend]
impl<V, T> Value for Scaled<V>
where
    V: Value + AsRef<[T]> + Elements<Element = T>,
    T: Value,
{
    const EPSILON: f64 = V::EPSILON;

    fn zero() -> Self {
        Self { value: V::zero(), scales: None }
    }

    fn add_scaled(&mut self, factor: f64, other: &Self) {
        self.value.add_scaled(factor, &other.value);
        if self.scales.is_none() {
            self.scales.clone_from(&other.scales);
        }
    }

    fn scale(&mut self, factor: f64) {
        self.value.scale(factor);
    }

    fn norm(&self) -> f64 {
        let items = self.value.as_ref();
        let Some(Scales(sizes)) = &self.scales else { return largest(items.iter().map(Value::norm)) };
        largest(items.iter().zip(sizes.iter()).map(|(item, size)| item.norm() / size))
    }

    fn length(&self) -> Option<usize> {
        self.value.length()
    }

    fn divide(&mut self, divisor: f64) {
        self.value.divide(divisor);
    }

    const COMPLEX: bool = V::COMPLEX;

    fn turn(&mut self, factor: Complex<f64>) {
        self.value.turn(factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_norm_is_the_largest_ratio_and_forgets_nothing_that_is_no_number() {
        let scales = Scales::new(&[2.0, 1e-9]);
        assert_eq!((scales.of([3.0, 1e-9]).norm(), scales.of(vec![3.0, 4e-9]).norm()), (1.5, 4.0));
        assert!(scales.of([f64::NAN, 1.0]).norm().is_nan() && scales.of([1.0, f64::NAN]).norm().is_nan());
        let mut sum = Scaled::<Vec<f64>>::zero();
        assert!(sum.norm() <= 0.0);
        sum.add_scaled(2.0, &scales.of(vec![1.0, 1e-9]));
        assert_eq!((sum.norm(), &sum.value[..]), (2.0, &[2.0, 2e-9][..]));
    }
}
