//! Values whose integrals against `e^(i omega x)` have a type of their own.

use num_complex::Complex;
use num_traits::{AsPrimitive, Float};

use super::value::Value;

/// A value of an integrand that can be integrated against `e^(i omega x)`: which type the integral
/// has.
///
/// Implemented for `f64` and `f32`, whose integrals are complex; for complex numbers; and for
/// arrays and vectors of these.
///
/// # Examples
///
/// ```
/// use coquad::Spectral;
/// use num_complex::Complex;
///
/// assert_eq!(f64::from_parts(1.0, 2.0), Complex::new(1.0, 2.0));
/// // i times i is -1.
/// assert_eq!(Complex::from_parts(Complex::new(1.0, 0.0), Complex::new(0.0, 1.0)), Complex::new(0.0, 0.0));
/// assert_eq!(Vec::from_parts(vec![1.0], vec![2.0]), vec![Complex::new(1.0, 2.0)]);
/// ```
pub trait Spectral: Value {
    /// The type of the integral.
    type Complex: Value;

    /// Returns `real + i imaginary`.
    fn from_parts(real: Self, imaginary: Self) -> Self::Complex;
}

macro_rules! real {
    ($float:ty) => {
        impl Spectral for $float {
            type Complex = Complex<$float>;

            fn from_parts(real: Self, imaginary: Self) -> Complex<$float> {
                Complex::new(real, imaginary)
            }
        }
    };
}

real!(f64);
real!(f32);

impl<F> Spectral for Complex<F>
where
    F: Value + Float + AsPrimitive<f64>,
{
    type Complex = Self;

    fn from_parts(real: Self, imaginary: Self) -> Self {
        Complex::new(real.re - imaginary.im, real.im + imaginary.re)
    }
}

impl<T: Spectral, const N: usize> Spectral for [T; N] {
    type Complex = [T::Complex; N];

    fn from_parts(real: Self, imaginary: Self) -> Self::Complex {
        let mut imaginary = imaginary.into_iter();
        real.map(|real| T::from_parts(real, imaginary.next().unwrap_or_else(T::zero)))
    }
}

/// The zero of every length has no components.
impl<T: Spectral> Spectral for Vec<T> {
    type Complex = Vec<T::Complex>;

    fn from_parts(real: Self, imaginary: Self) -> Self::Complex {
        real.into_iter().zip(imaginary).map(|(real, imaginary)| T::from_parts(real, imaginary)).collect()
    }
}
