//! What an integrand may return: an element of a normed real vector space.

use num_complex::Complex;
use num_traits::{AsPrimitive, Float};

/// An element of a normed real vector space: what an integrand returns and an integral is.
///
/// Implemented for `f64`, `f32`, [`Complex`] of both, arrays and vectors of values. The norm of an array or a vector
/// is the largest norm among its elements, so that a tolerance holds for each of them.
///
/// An array lies on the stack, and a judgement takes up to ten of them at a time: of more than a thousand numbers, take a
/// vector.
///
/// # Duties of implementors
///
/// The operations must be deterministic, and must not skip NaN: an element that is not a number has a norm that is
/// not a number. Only then can the integrator see and report it.
///
/// # Examples
///
/// ```
/// #[derive(Clone)]
/// struct Force {
///     x: f64,
///     y: f64,
/// }
///
/// impl coquad::Value for Force {
///     fn zero() -> Self {
///         Force { x: 0.0, y: 0.0 }
///     }
///     fn add_scaled(&mut self, factor: f64, other: &Self) {
///         self.x += factor * other.x;
///         self.y += factor * other.y;
///     }
///     fn scale(&mut self, factor: f64) {
///         self.x *= factor;
///         self.y *= factor;
///     }
///     fn norm(&self) -> f64 {
///         self.x.hypot(self.y)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "an integral of `{Self}` has no meaning",
    label = "the integrand returns `{Self}`",
    note = "this function returns a `Result`? use `pool.try_evaluator(f)` or `Inline::try_new(f)`",
    note = "values are `f64`, `f32`, `Complex`, arrays and vectors of them, your own `Value`"
)]
pub trait Value: Clone + Send + Sync + 'static {
    /// The relative precision of the numbers inside: what rounding one of them can change.
    const EPSILON: f64 = f64::EPSILON;

    /// Returns the zero of the space.
    fn zero() -> Self;

    /// Adds `factor * other`.
    fn add_scaled(&mut self, factor: f64, other: &Self);

    /// Multiplies by `factor`.
    fn scale(&mut self, factor: f64);

    /// Returns the norm: not negative, and NaN if any part is NaN.
    fn norm(&self) -> f64;

    /// Returns how many numbers it holds, if values of this type may differ in that; `None` if they cannot, or if
    /// this is the zero of every length. Values of unequal lengths are reported as
    /// [`Error::UnequalLengths`](crate::Error::UnequalLengths).
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::Value;
    ///
    /// assert_eq!(vec![1.0, 2.0, 3.0].length(), Some(3));
    /// assert_eq!((1.0_f64.length(), [1.0, 2.0].length(), Vec::<f64>::zero().length()), (None, None, None));
    /// ```
    #[inline]
    fn length(&self) -> Option<usize> {
        None
    }

    /// Adds `other`.
    fn add(&mut self, other: &Self) {
        self.add_scaled(1.0, other);
    }

    /// Divides by `divisor`, to the last bit where the space can.
    fn divide(&mut self, divisor: f64) {
        self.scale(divisor.recip());
    }

    /// Whether this is a space over the complex numbers, so that values can be [turned](Self::turn). Integrals along
    /// [paths](crate::Path) are of such values.
    const COMPLEX: bool = false;

    /// Multiplies by a complex factor. In a space over the real numbers the factor must be real: the result is not a
    /// number otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::Value;
    /// use num_complex::Complex;
    ///
    /// let mut values = [Complex::<f64>::ONE, Complex::I];
    /// values.turn(Complex::I);
    /// assert_eq!(values, [Complex::I, -Complex::ONE]);
    /// let mut real = 1.0_f64;
    /// real.turn(Complex::I);
    /// assert!(real.is_nan());
    /// ```
    fn turn(&mut self, factor: Complex<f64>) {
        self.scale(if factor.im == 0.0 { factor.re } else { f64::NAN });
    }
}

macro_rules! real {
    ($float:ty) => {
        #[diagnostic::do_not_recommend]
        impl Value for $float {
            const EPSILON: f64 = <$float>::EPSILON as f64;

            #[inline]
            fn zero() -> Self {
                0.0
            }

            #[inline]
            fn add_scaled(&mut self, factor: f64, other: &Self) {
                *self = (f64::from(*self) + factor * f64::from(*other)) as $float;
            }

            #[inline]
            fn scale(&mut self, factor: f64) {
                *self = (f64::from(*self) * factor) as $float;
            }

            #[inline]
            fn norm(&self) -> f64 {
                f64::from(self.abs())
            }

            #[inline]
            fn divide(&mut self, divisor: f64) {
                *self = (f64::from(*self) / divisor) as $float;
            }
        }
    };
}

real!(f64);
real!(f32);

#[diagnostic::do_not_recommend]
impl<F> Value for Complex<F>
where
    F: Value + Float + AsPrimitive<f64>,
{
    const EPSILON: f64 = F::EPSILON;

    fn zero() -> Self {
        Complex::new(<F as Value>::zero(), <F as Value>::zero())
    }

    fn add_scaled(&mut self, factor: f64, other: &Self) {
        self.re.add_scaled(factor, &other.re);
        self.im.add_scaled(factor, &other.im);
    }

    fn scale(&mut self, factor: f64) {
        self.re.scale(factor);
        self.im.scale(factor);
    }

    fn norm(&self) -> f64 {
        let (re, im): (f64, f64) = (self.re.as_(), self.im.as_());
        // Scaled by hand: `hypot` is the C library's, and its last bit differs between platforms.
        let (large, small) = if re.abs() >= im.abs() { (re.abs(), im.abs()) } else { (im.abs(), re.abs()) };
        if large == 0.0 || large.is_infinite() || small.is_nan() {
            return large + small;
        }
        let ratio = small / large;
        large * (1.0 + ratio * ratio).sqrt()
    }

    fn divide(&mut self, divisor: f64) {
        self.re.divide(divisor);
        self.im.divide(divisor);
    }

    const COMPLEX: bool = true;

    fn turn(&mut self, factor: Complex<f64>) {
        let [mut re, mut im] = [self.re, self.im];
        re.scale(factor.re);
        re.add_scaled(-factor.im, &self.im);
        im.scale(factor.re);
        im.add_scaled(factor.im, &self.re);
        *self = Complex::new(re, im);
    }
}

/// The largest norm, and NaN if any is NaN.
pub(crate) fn largest(norms: impl Iterator<Item = f64>) -> f64 {
    norms.fold(0.0, |most: f64, norm| if norm > most || norm.is_nan() { norm } else { most })
}

#[diagnostic::do_not_recommend]
impl<T: Value, const N: usize> Value for [T; N] {
    const EPSILON: f64 = T::EPSILON;

    fn zero() -> Self {
        std::array::from_fn(|_| T::zero())
    }

    fn add_scaled(&mut self, factor: f64, other: &Self) {
        for (item, other) in self.iter_mut().zip(other) {
            item.add_scaled(factor, other);
        }
    }

    fn scale(&mut self, factor: f64) {
        for item in self {
            item.scale(factor);
        }
    }

    fn norm(&self) -> f64 {
        largest(self.iter().map(Value::norm))
    }

    fn length(&self) -> Option<usize> {
        total(self)
    }

    fn divide(&mut self, divisor: f64) {
        for item in self {
            item.divide(divisor);
        }
    }

    const COMPLEX: bool = T::COMPLEX;

    fn turn(&mut self, factor: Complex<f64>) {
        for item in self {
            item.turn(factor);
        }
    }
}

/// The length of all items together, if any has one.
fn total<T: Value>(items: &[T]) -> Option<usize> {
    items.iter().map(|item| item.length()).fold(None, |sum, length| match (sum, length) {
        (Some(sum), Some(length)) => Some(sum + length),
        (sum, length) => sum.or(length),
    })
}

/// The empty vector is the zero of every length. An integrand must return the same length everywhere: the sum of two
/// lengths is not a number, and is reported as [`Error::UnequalLengths`](crate::Error::UnequalLengths).
#[diagnostic::do_not_recommend]
impl<T: Value> Value for Vec<T> {
    const EPSILON: f64 = T::EPSILON;

    fn zero() -> Self {
        Vec::new()
    }

    fn add_scaled(&mut self, factor: f64, other: &Self) {
        if self.is_empty() {
            self.clone_from(other);
            self.scale(factor);
        } else if self.len() == other.len() {
            for (item, other) in self.iter_mut().zip(other) {
                item.add_scaled(factor, other);
            }
        } else if !other.is_empty() {
            self.scale(f64::NAN);
        }
    }

    fn scale(&mut self, factor: f64) {
        for item in self {
            item.scale(factor);
        }
    }

    fn norm(&self) -> f64 {
        largest(self.iter().map(Value::norm))
    }

    fn length(&self) -> Option<usize> {
        (!self.is_empty()).then(|| total(self).unwrap_or(self.len()))
    }

    fn divide(&mut self, divisor: f64) {
        for item in self {
            item.divide(divisor);
        }
    }

    const COMPLEX: bool = T::COMPLEX;

    fn turn(&mut self, factor: Complex<f64>) {
        for item in self {
            item.turn(factor);
        }
    }
}
