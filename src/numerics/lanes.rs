//! Numbers side by side, for what waits for one another otherwise: the terms of a sum in turns, and two panels at once. The
//! formulas are written once, for one number and for two, and so the bits are the same.

use std::any::Any;
use std::ops::{Add, Div, Mul, Sub};

use wide::f64x2;

use super::value::Value;

/// One number for each panel judged.
pub(super) trait Lanes:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    fn splat(x: f64) -> Self;
    fn abs(self) -> Self;
    /// The smaller; which one if `other` is not a number is not said.
    fn least(self, other: Self) -> Self;
    /// The larger; which one if `other` is not a number is not said.
    fn most(self, other: Self) -> Self;
    /// `then` in lanes where this is above `other`, else `otherwise`.
    fn choose(self, other: Self, then: Self, otherwise: Self) -> Self;
}

impl Lanes for f64 {
    #[inline]
    fn splat(x: f64) -> Self {
        x
    }

    #[inline]
    fn abs(self) -> Self {
        self.abs()
    }

    #[inline]
    fn least(self, other: Self) -> Self {
        if other < self { other } else { self }
    }

    #[inline]
    fn most(self, other: Self) -> Self {
        if other > self { other } else { self }
    }

    #[inline]
    fn choose(self, other: Self, then: Self, otherwise: Self) -> Self {
        if self > other { then } else { otherwise }
    }
}

impl Lanes for f64x2 {
    #[inline]
    fn splat(x: f64) -> Self {
        f64x2::new([x, x])
    }

    #[inline]
    fn abs(self) -> Self {
        self.abs()
    }

    #[inline]
    fn least(self, other: Self) -> Self {
        self.fast_min(other)
    }

    #[inline]
    fn most(self, other: Self) -> Self {
        self.fast_max(other)
    }

    #[inline]
    fn choose(self, other: Self, then: Self, otherwise: Self) -> Self {
        let ([x, y], [p, q]) = (self.to_array(), other.to_array());
        let ([t, u], [v, w]) = (then.to_array(), otherwise.to_array());
        f64x2::new([x.choose(p, t, v), y.choose(q, u, w)])
    }
}

/// What the rounding of the points leaves of the error of panels. A value is one of within half a unit in the last place of
/// its point, so the integral over a panel is uncertain by that times the variation of the integrand in it, of which both
/// ends and the middle of a panel tell (`at`: three points, `norms`: those of the values there). Half of it covers what the
/// errors of the points do not cancel (measured 2026-11-21 over 1,728 poles, powers and logarithms 1e-1 to 1e-12 outside the
/// range: the true error is at most 1.2 times the estimate).
#[inline]
pub(super) fn blur<N: Lanes>(at: [N; 3], norms: [N; 3]) -> N {
    let least = norms[0].least(norms[1]).least(norms[2]);
    let varied = |i: usize| at[i].abs() * (norms[i] - least);
    let blur = N::splat(f64::EPSILON / 4.0) * varied(0).most(varied(1)).most(varied(2));
    N::splat(f64::INFINITY).choose(blur, blur, N::splat(0.0))
}

/// A sum in two parts: of every other term, from the first on, and of the others.
pub(super) trait Parts<T>: Sized {
    /// The parts of a sum that has `first` as its first part.
    fn new(first: T) -> Self;
    /// Adds the sums of `a` and `b` at `2i` and `2i + 1`, times factors.
    fn add_both(&mut self, factors: f64x2, both: &Self);
    /// The sums of `a` and `b` at `2i` and `2i + 1`, as far as they reach.
    fn both(a: &[T], b: &[T], i: usize) -> Self;
    /// The differences of `a` and `b` at `2i` and `2i + 1`, as far as they reach.
    fn apart(a: &[T], b: &[T], i: usize) -> Self;
    /// The sums of the norms of `a` and `b`, each moved by `shift`, at `2i` and `2i + 1`.
    fn norms(a: &[T], b: &[T], i: usize, shift: Option<&T>) -> f64x2;
    fn total(self) -> T;
}

impl<T: Value> Parts<T> for [T; 2] {
    #[inline]
    fn new(first: T) -> Self {
        [first, T::zero()]
    }

    #[inline]
    fn add_both(&mut self, factors: f64x2, both: &Self) {
        let factors = factors.to_array();
        self[0].add_scaled(factors[0], &both[0]);
        self[1].add_scaled(factors[1], &both[1]);
    }

    #[inline]
    fn both(a: &[T], b: &[T], i: usize) -> Self {
        let both = |i: usize| {
            let mut both = a[i].clone();
            both.add(&b[i]);
            both
        };
        [both(2 * i), if 2 * i + 1 < a.len() { both(2 * i + 1) } else { T::zero() }]
    }

    #[inline]
    fn apart(a: &[T], b: &[T], i: usize) -> Self {
        let apart = |i: usize| {
            let mut apart = a[i].clone();
            apart.add_scaled(-1.0, &b[i]);
            apart
        };
        [apart(2 * i), if 2 * i + 1 < a.len() { apart(2 * i + 1) } else { T::zero() }]
    }

    #[inline]
    fn norms(a: &[T], b: &[T], i: usize, shift: Option<&T>) -> f64x2 {
        let norm = |value: &T| match shift {
            Some(shift) => {
                let mut value = value.clone();
                value.add(shift);
                value.norm()
            }
            None => value.norm(),
        };
        let both = |i: usize| norm(&a[i]) + norm(&b[i]);
        f64x2::new([both(2 * i), if 2 * i + 1 < a.len() { both(2 * i + 1) } else { 0.0 }])
    }

    #[inline]
    fn total(self) -> T {
        let [mut first, second] = self;
        first.add(&second);
        first
    }
}

impl Parts<f64> for f64x2 {
    #[inline]
    fn new(first: f64) -> Self {
        f64x2::new([first, 0.0])
    }

    #[inline]
    fn add_both(&mut self, factors: f64x2, both: &Self) {
        *self += factors * *both;
    }

    #[inline]
    fn both(a: &[f64], b: &[f64], i: usize) -> Self {
        two(a, i) + two(b, i)
    }

    #[inline]
    fn apart(a: &[f64], b: &[f64], i: usize) -> Self {
        two(a, i) - two(b, i)
    }

    #[inline]
    fn norms(a: &[f64], b: &[f64], i: usize, shift: Option<&f64>) -> f64x2 {
        match shift {
            Some(&shift) => {
                let shift = <f64x2 as Lanes>::splat(shift);
                (two(a, i) + shift).abs() + (two(b, i) + shift).abs()
            }
            None => two(a, i).abs() + two(b, i).abs(),
        }
    }

    #[inline]
    fn total(self) -> f64 {
        let [first, second] = self.to_array();
        first + second
    }
}

/// The numbers at `2i` and `2i + 1`; zero for the last if there is none.
#[inline]
pub(super) fn two(numbers: &[f64], i: usize) -> f64x2 {
    f64x2::new([numbers[2 * i], if 2 * i + 1 < numbers.len() { numbers[2 * i + 1] } else { 0.0 }])
}

/// Whether the values of a panel may lie on the stack: arrays of thousands of numbers would not fit there.
pub(super) const fn is_small<T>() -> bool {
    size_of::<T>() <= 256
}

/// The value as one of type `B`, if that is what it is.
#[inline]
pub(super) fn same<A: 'static, B: 'static>(a: A) -> Option<B> {
    let mut a = Some(a);
    (&mut a as &mut dyn Any).downcast_mut::<Option<B>>()?.take()
}

/// What a reference refers to as a `B`, if that is what it is.
#[inline]
pub(super) fn same_ref<A: 'static, B: 'static>(a: &A) -> Option<&B> {
    (a as &dyn Any).downcast_ref()
}
