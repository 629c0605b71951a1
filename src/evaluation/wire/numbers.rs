//! Values as lists of `f64`, which is how they travel.

use num_complex::Complex;

/// A value that can travel as a list of `f64`.
///
/// Implemented for `f64`, `f32`, `Complex`, arrays of them and vectors of those; implement it for values of your own.
///
/// # Duties of implementors
///
/// `from_numbers` gives back what `to_numbers` wrote, to the last bit, and `None` for a list that no value writes: a
/// worker may answer anything.
///
/// # Examples
///
/// ```
/// use coquad::wire::Numbers;
///
/// let mut list = Vec::new();
/// [1.0, -0.0].to_numbers(&mut list);
/// assert_eq!(<[f64; 2]>::from_numbers(&list), Some([1.0, -0.0]));
/// assert_eq!(f64::from_numbers(&list), None);
/// ```
pub trait Numbers: Sized {
    /// Appends the numbers of this value.
    fn to_numbers(&self, into: &mut Vec<f64>);

    /// Returns the value of these numbers, if there is one.
    fn from_numbers(numbers: &[f64]) -> Option<Self>;
}

/// A value that always takes the same count of numbers, so that a list can be cut into many.
///
/// # Examples
///
/// ```
/// use coquad::wire::Fixed;
///
/// assert_eq!((<f64 as Fixed>::COUNT, <[f64; 3] as Fixed>::COUNT), (1, 3));
/// ```
pub trait Fixed: Numbers {
    /// How many numbers a value takes.
    const COUNT: usize;
}

impl Numbers for f64 {
    #[inline]
    fn to_numbers(&self, into: &mut Vec<f64>) {
        into.push(*self);
    }

    #[inline]
    fn from_numbers(numbers: &[f64]) -> Option<Self> {
        let &[number] = numbers else { return None };
        Some(number)
    }
}

impl Fixed for f64 {
    const COUNT: usize = 1;
}

/// Every `f32` is an `f64`. What comes back is rounded to the nearest.
impl Numbers for f32 {
    #[inline]
    fn to_numbers(&self, into: &mut Vec<f64>) {
        into.push(f64::from(*self));
    }

    #[inline]
    fn from_numbers(numbers: &[f64]) -> Option<Self> {
        let &[number] = numbers else { return None };
        Some(number as f32)
    }
}

impl Fixed for f32 {
    const COUNT: usize = 1;
}

impl<F: Fixed> Numbers for Complex<F> {
    fn to_numbers(&self, into: &mut Vec<f64>) {
        self.re.to_numbers(into);
        self.im.to_numbers(into);
    }

    fn from_numbers(numbers: &[f64]) -> Option<Self> {
        let (re, im) = numbers.split_at_checked(F::COUNT)?;
        Some(Complex { re: F::from_numbers(re)?, im: F::from_numbers(im)? })
    }
}

impl<F: Fixed> Fixed for Complex<F> {
    const COUNT: usize = 2 * F::COUNT;
}

impl<T: Fixed, const N: usize> Numbers for [T; N] {
    fn to_numbers(&self, into: &mut Vec<f64>) {
        self.iter().for_each(|item| item.to_numbers(into));
    }

    fn from_numbers(numbers: &[f64]) -> Option<Self> {
        if numbers.len() != Self::COUNT {
            return None;
        }
        let items: Vec<T> =
            (0..N).map(|i| T::from_numbers(&numbers[i * T::COUNT..][..T::COUNT])).collect::<Option<_>>()?;
        items.try_into().ok()
    }
}

impl<T: Fixed, const N: usize> Fixed for [T; N] {
    const COUNT: usize = N * T::COUNT;
}

/// Any length will do, so a worker that answers with the wrong one is not found out here.
impl<T: Fixed> Numbers for Vec<T> {
    fn to_numbers(&self, into: &mut Vec<f64>) {
        self.iter().for_each(|item| item.to_numbers(into));
    }

    fn from_numbers(numbers: &[f64]) -> Option<Self> {
        if T::COUNT == 0 {
            return numbers.is_empty().then(Vec::new);
        }
        let items = numbers.chunks_exact(T::COUNT);
        if !items.remainder().is_empty() {
            return None;
        }
        items.map(T::from_numbers).collect()
    }
}
