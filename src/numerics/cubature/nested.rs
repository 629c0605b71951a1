//! Regions whose limits on an axis depend on the variables before it, as maps of the unit box.

use std::fmt;

use super::super::value::Value;
use super::space::Axis;

/// A region of which the limits of each variable depend on those before it: the nested integral
/// `∫ dx ∫ dy .. f(x, y, ..)`, with the limits of `y` a function of `x`, and so on.
///
/// It is a map from the unit box. [`integrand`](Self::integrand) makes of a function on the region one on the unit box,
/// for any evaluator; its integral from `[0.0; N]` to `[1.0; N]` is that over the region.
///
/// The limits are asked for by `limits(axis, x)`, from axis 0 on. Of `x` the coordinates before `axis` are known, the others
/// are NaN. Limits may be infinite, and may descend, which negates. Where they are equal the value is zero.
///
/// # Numerics
///
/// Between finite limits `x = a + t (b - a)`; infinite ones are mapped as by
/// [`BoxIntegrator::integrate`](crate::BoxIntegrator::integrate). Limits that have a kink, as that of two curves of which the
/// lower one counts, give an integrand with a kink: then integrate in two parts.
///
/// Points in caches, errors, observers and segments are those of the unit box; [`at`](Self::at) has the point of the region.
///
/// # Examples
///
/// The quarter of a disc, by a polynomial on it:
///
/// ```
/// use coquad::{BoxIntegrator, Inline, Nested};
///
/// let disc = Nested::new(|axis, [x, _]: [f64; 2]| match axis {
///     0 => (0.0, 1.0),
///     _ => (0.0, (1.0 - x * x).sqrt()),
/// });
/// let integrator = BoxIntegrator::new(Inline::over(disc.integrand(|[x, y]| x * y)));
/// let e = integrator.integrate_blocking([0.0; 2], [1.0; 2], 1e-10)?;
/// assert!((e.value - 0.125).abs() <= 1e-10);
/// # Ok::<(), coquad::Error<f64, [f64; 2]>>(())
/// ```
///
/// An integrand that may fail:
///
/// ```
/// use coquad::{BoxIntegrator, Nested, ThreadPool};
///
/// let triangle = Nested::new(|axis, [x, _]: [f64; 2]| if axis == 0 { (0.0, 1.0) } else { (0.0, x) });
/// let f = move |t: [f64; 2]| {
///     let ([x, y], volume) = triangle.at(t);
///     if y < x { Ok((x - y).sqrt() * volume) } else { Err("not below the diagonal") }
/// };
/// let integrator = BoxIntegrator::new(ThreadPool::new(2).try_evaluator_over(f));
/// let e = integrator.integrate_blocking([0.0; 2], [1.0; 2], 1e-4)?;
/// assert!((e.value - 4.0 / 15.0).abs() <= 1e-4);
/// # Ok::<(), coquad::Error<f64, [f64; 2]>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Nested<L, const N: usize>(L);

impl<L, const N: usize> Nested<L, N>
where
    L: Fn(usize, [f64; N]) -> (f64, f64),
{
    /// The region of these limits.
    pub fn new(limits: L) -> Self {
        Self(limits)
    }

    /// Returns the point of the region that a point of the unit box is mapped to, and by how much volumes grow there: NaN if
    /// a limit is, 0 where two are equal, and negative where an odd number of axes descend.
    #[must_use]
    pub fn at(&self, t: [f64; N]) -> ([f64; N], f64) {
        let (mut x, mut volume) = ([f64::NAN; N], 1.0);
        for axis in 0..N {
            let (a, b) = self.0(axis, x);
            if a.is_nan() || b.is_nan() {
                return ([f64::NAN; N], f64::NAN);
            }
            let (low, high) = (a.min(b), a.max(b));
            let map = Axis::between(low, high);
            let (from, to) = match map {
                _ if low >= high => (low, low),
                Axis::Finite => (low, high),
                Axis::Half { .. } => (0.0, 1.0),
                Axis::Line => (-1.0, 1.0),
            };
            if from >= to {
                (x[axis], volume) = (low, 0.0);
                continue;
            }
            let inner = from + t[axis] * (to - from);
            x[axis] = map.x(inner);
            volume *= map.slope(inner) * (to - from) * if b < a { -1.0 } else { 1.0 };
        }
        (x, volume)
    }

    /// Returns the function on the unit box whose integral is that of `f` over the region.
    ///
    /// `f` is not asked where the region has no width, nor at infinity: there the value is zero.
    pub fn integrand<T, F>(self, f: F) -> impl Fn([f64; N]) -> T
    where
        T: Value,
        F: Fn([f64; N]) -> T,
    {
        move |t| {
            let (x, volume) = self.at(t);
            if volume == 0.0 || x.iter().any(|x| x.is_infinite()) {
                return T::zero();
            }
            let mut value = f(x);
            value.scale(volume);
            value
        }
    }
}

impl<L, const N: usize> fmt::Debug for Nested<L, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nested").field("axes", &N).finish_non_exhaustive()
    }
}
