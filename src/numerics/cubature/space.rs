//! Where a box lies: the limits on each axis, their direction, infinite ones, breakpoints.

use super::super::focus::Focus;
use super::super::method::Panel;
use super::super::run::Run;
use super::super::run::far::Far;
use super::super::run::judge::{Judged, Trouble, unequal};
use super::super::run::reason::Look;
use super::super::space::{Lays, Placed, Space};
use super::super::value::Value;
use super::ahead::focus;
use super::{Boxes, Cell};
use crate::estimate::{Estimate, Reason};

/// The range on one axis, as a map from the integration variable `t`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Axis {
    /// `x = t`.
    Finite,
    /// `x = origin + side u` with `u = t / (1 - t)`, for `t` in [0, 1]. `side` is 1 or -1.
    Half { origin: f64, side: f64 },
    /// `x = t / (1 - t^2)` for `t` in [-1, 1].
    Line,
}

impl Axis {
    /// The map of the range between these limits, of which neither is NaN.
    pub(super) fn between(low: f64, high: f64) -> Self {
        match (low.is_finite(), high.is_finite()) {
            (true, true) => Axis::Finite,
            (true, false) => Axis::Half { origin: low, side: 1.0 },
            (false, true) => Axis::Half { origin: high, side: -1.0 },
            (false, false) => Axis::Line,
        }
    }

    pub(super) fn x(self, t: f64) -> f64 {
        match self {
            Axis::Finite => t,
            Axis::Half { origin, side } => origin + side * (t / (1.0 - t)),
            Axis::Line => t / ((1.0 - t) * (1.0 + t)),
        }
    }

    /// Where `x` is.
    fn t(self, x: f64) -> f64 {
        match self {
            Axis::Finite => x,
            Axis::Half { origin, side } => {
                let u = side * (x - origin);
                if u < f64::INFINITY { u / (1.0 + u) } else { 1.0 }
            }
            Axis::Line if x.is_infinite() => x.signum(),
            Axis::Line => 2.0 * x / (1.0 + f64::hypot(1.0, 2.0 * x)),
        }
    }

    /// The slope of `x(t)`.
    pub(super) fn slope(self, t: f64) -> f64 {
        match self {
            Axis::Finite => 1.0,
            Axis::Half { .. } => (1.0 - t).powi(-2),
            Axis::Line => (1.0 + t * t) / ((1.0 - t) * (1.0 + t)).powi(2),
        }
    }
}

/// A box.
#[derive(Clone, Debug)]
pub(crate) struct BoxSpace<const N: usize> {
    axes: [Axis; N],
    /// The limits of the pieces on each axis, in `t`, ascending; fewer than two if the range is empty.
    cuts: [Vec<f64>; N],
    /// 1, or -1 if an odd number of axes were given in descending order.
    sign: f64,
}

/// The axis whose limits or breakpoints are not numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NoNumber {
    pub(crate) axis: usize,
}

impl<const N: usize> BoxSpace<N> {
    /// The box between two corners. Breakpoints outside of it count for nothing.
    pub(crate) fn new(a: [f64; N], b: [f64; N], breakpoints: &[Vec<f64>]) -> Result<Self, NoNumber> {
        let mut space = Self { axes: [Axis::Finite; N], cuts: std::array::from_fn(|_| Vec::new()), sign: 1.0 };
        for axis in 0..N {
            let own = breakpoints.get(axis).map_or(&[][..], Vec::as_slice);
            // -0.0 and 0.0 are one limit.
            let (from, to) = (a[axis] + 0.0, b[axis] + 0.0);
            if from.is_nan() || to.is_nan() || own.iter().any(|x| x.is_nan()) {
                return Err(NoNumber { axis });
            }
            if to < from {
                space.sign = -space.sign;
            }
            let (low, high) = (from.min(to), from.max(to));
            if low >= high {
                continue;
            }
            let map = Axis::between(low, high);
            let inside = own.iter().copied().filter(|x| low < *x && *x < high);
            let mut cuts: Vec<f64> = inside.chain([low, high]).map(|x| map.t(x)).collect();
            cuts.sort_by(f64::total_cmp);
            cuts.dedup_by(|p, q| *p <= *q);
            (space.axes[axis], space.cuts[axis]) = (map, cuts);
        }
        Ok(space)
    }

    /// How many pieces there are between breakpoints; as a float, for there may be many.
    pub(crate) fn parts(&self) -> f64 {
        self.cuts.iter().map(|cuts| cuts.len().saturating_sub(1) as f64).product()
    }

    /// The pieces between breakpoints, the last axis first to change; none if the box is empty.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Panel<Cell<N>>> + '_ {
        let mut at = [0; N];
        let mut number = if self.parts() > 0.0 { Some(0.0) } else { None };
        std::iter::from_fn(move || {
            let here = number?;
            let low = std::array::from_fn(|axis| self.cuts[axis][at[axis]]);
            let high = std::array::from_fn(|axis| self.cuts[axis][at[axis] + 1]);
            let next = (0..N).rev().find(|&axis| at[axis] + 2 < self.cuts[axis].len());
            number = next.map(|axis| {
                at[axis] += 1;
                at[axis + 1..].fill(0);
                here + 1.0
            });
            Some(Panel { a: here, b: here + 1.0, depth: 0, kind: Cell::new(low, high) })
        })
    }

    fn is_identity(&self) -> bool {
        self.axes.iter().all(|axis| *axis == Axis::Finite)
    }

    /// The slope at `t`: by how much volumes grow there.
    fn slope(&self, t: [f64; N]) -> f64 {
        self.axes.iter().zip(t).map(|(axis, t)| axis.slope(t)).product()
    }
}

impl<const N: usize> Placed for [f64; N] {
    type Space = BoxSpace<N>;
}

impl<const N: usize> Lays<[f64; N]> for Boxes<N> {
    fn lay(&self, panel: &Panel<Cell<N>>, into: &mut Vec<[f64; N]>) {
        Self::lay(&panel.kind, into);
    }

    fn lay_fresh(&self, panel: &Panel<Cell<N>>, into: &mut Vec<[f64; N]>) {
        Self::lay(&panel.kind, into);
    }

    fn lay_shared(&self, panel: &Panel<Cell<N>>, into: &mut Vec<[f64; N]>) -> usize {
        Self::lay_shared(&panel.kind, into)
    }

    fn ends(&self, panel: &Panel<Cell<N>>) -> [[f64; N]; 2] {
        [panel.kind.low, panel.kind.high]
    }
}

impl<const N: usize> Space<[f64; N]> for BoxSpace<N> {
    #[inline]
    fn x(&self, t: [f64; N]) -> [f64; N] {
        std::array::from_fn(|axis| self.axes[axis].x(t[axis]))
    }

    fn judge<T: Value, M: Lays<[f64; N]>>(
        &self,
        method: &M,
        panel: &mut Panel<M::Kind>,
        points: &[[f64; N]],
        values: &mut [T],
        _: &Far,
    ) -> Result<Judged<T>, Trouble<[f64; N]>> {
        let asked = *panel;
        if !self.is_identity() {
            for (value, &t) in values.iter_mut().zip(points) {
                let slope = self.slope(t);
                // At infinity an integrand whose integral exists may be taken as zero.
                if slope.is_finite() { value.scale(slope) } else { *value = T::zero() }
            }
        }
        let local = method.estimate(panel, values);
        if local.is_finite() {
            return Ok(Judged { local, mark: None });
        }
        *panel = asked;
        unequal(values, |i| self.x(points[i]))?;
        match values.iter().position(|value| !value.norm().is_finite()) {
            Some(i) => Err(Trouble::NonFinite { t: f64::NAN, x: self.x(points[i]), norm: values[i].norm() }),
            None => Err(Trouble::Endless(Reason::Divergent)),
        }
    }

    const FORESEES: bool = false;

    fn complete<T: Value>(_: &[[f64; N]], _: &[Option<T>]) -> Vec<T> {
        Vec::new()
    }

    fn focus<T: Value>(ends: [[f64; N]; 2], points: &[[f64; N]], values: &[T]) -> Option<Focus<[f64; N]>> {
        focus(ends, points, values)
    }

    fn look(&self, _: [f64; N], _: f64) -> Option<Look> {
        None
    }

    fn is_far(&self, _: f64) -> bool {
        false
    }

    fn unknown(&self, _: &Far, _: f64) -> Option<([f64; N], f64)> {
        None
    }

    fn finish<T: Value, M: Lays<[f64; N]>, H: Copy>(
        &self,
        run: &mut Run<T, M, H>,
        requests: usize,
        performed: usize,
    ) -> Estimate<T, [f64; N]> {
        let ends = |method: &M, panel: &Panel<M::Kind>| {
            // Of a half-infinite range below its limit `x` descends.
            let [low, high] = method.ends(panel).map(|t| self.x(t));
            let at = |pick: fn(f64, f64) -> f64| std::array::from_fn(|axis| pick(low[axis], high[axis]));
            [at(f64::min), at(f64::max)]
        };
        run.finish_boxes(ends, self.sign, requests, performed)
    }
}
