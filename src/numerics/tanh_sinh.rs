//! Tanh-sinh (double exponential) quadrature, level by level, with global control.

mod table;
#[cfg(test)]
mod tests;

use self::table::{LAST, NODES, Node, PER_UNIT};
use super::elementary::ln;
use super::few::{by_mean, is_few};
use super::method::{Control, Local, Method, Panel};
use super::value::Value;

/// Tanh-sinh quadrature: the trapezoidal rule after a substitution that crowds the points at both ends double
/// exponentially; for integrands that are smooth inside and singular at the limits.
///
/// # Numerics
///
/// With `x = tanh(pi/2 sinh u)` on [-1, 1] the step in `u` is 1/4 and is halved up to 1/64; the points of one level are
/// among those of the next, to the bit. The points are the end plus or minus a distance that has full precision: at a
/// limit of 0 they come as near as 1e-300, at any other as near as the floating-point numbers lie. The limits are
/// never evaluated. From where the terms stop to count, later levels leave the outermost points away, but no
/// point farther than 1e-5 of the width from the limit.
///
/// The error follows from the differences `d1` and `d2` of successive levels: `d1` if they fall slowly, at
/// best `10 d1^2 / d2` where Bailey, Jeyabalan and Li (2005) would take the square of `d1`; never less than `d2 / 4`
/// unless the differences before say that convergence is fast, nor than what lies between the outermost points and the
/// limits. A segment whose levels fail to converge is bisected.
///
/// At a limit of 0 the integrand is given its exact distance, which is `x`. At `b = 1`, say, the nearest number is 1e-16
/// away, and `(1 - x)^(-1/2)` has 2e-8 of its integral there: that is reported as
/// [`Reason::Roundoff`](crate::Reason::Roundoff). [`Integrator::offsets`](crate::Integrator::offsets) gives the integrand
/// its distance from the nearer limit instead. Down to 1e-298 that leaves 1e-30 of `d^-0.9`, but a thousandth of
/// `d^-0.99`, which is reported; [`Auto`](crate::Auto) continues power laws.
///
/// # Cost
///
/// 26 to 51 evaluations for a segment, about twice as many with each of at most 4 further levels.
///
/// # Examples
///
/// ```
/// use coquad::{Inline, Integrator, TanhSinh};
///
/// let integrator = Integrator::new(Inline::new(|x: f64| 1.0 / x.sqrt())).method(TanhSinh);
/// let e = integrator.integrate_blocking(0.0, 1.0, 1e-10)?;
/// assert!((e.value - 2.0).abs() < 1e-10);
///
/// // 1 / sqrt(1 - x^2) from -1 to 1, by the distance d from the nearer limit: 1 - x^2 = d (2 - d).
/// let f = |t: f64| 1.0 / (t.abs() * (2.0 - t.abs())).sqrt();
/// let integrator = Integrator::new(Inline::new(f)).method(TanhSinh).offsets(true);
/// let e = integrator.integrate_blocking(-1.0, 1.0, 1e-10)?;
/// assert!((e.value - std::f64::consts::PI).abs() < 1e-10);
/// # Ok::<(), coquad::Error>(())
/// ```
///
/// # References
///
/// H. Takahasi, M. Mori, "Double exponential formulas for numerical integration", Publ. RIMS 9 (1974) 721-741.
/// D. H. Bailey, K. Jeyabalan, X. S. Li, "A comparison of three high-precision quadrature schemes", Exp. Math. 14
/// (2005) 317-329.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TanhSinh;

/// The level of a segment, its tails, and what its estimate noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub struct Level {
    /// Every so many points of the table.
    stride: u16,
    /// The outermost points of the table on the left and on the right.
    tails: [u16; 2],
    /// Noted: the next level is worth more than two halves.
    raise: bool,
}

/// The step 1/4.
const FIRST: u16 = 16;
/// Tails are not cut within this of the centre: 2e-5 of the width is left there.
const UNCUT: usize = 2 * PER_UNIT;
/// Terms below this, in units of epsilon times the sum of all, do not count.
const NEGLIGIBLE: f64 = 1e-4;
/// How far differences that fall by the ratio `r` are trusted to fall on: to `TRUST r` of the last, where quadratic
/// convergence leaves `r^2` and better.
const TRUST: f64 = 10.0;
/// What is left of a difference by the next level where convergence is slow.
const SLOW: f64 = 0.25;
/// And never below this of the last: noise looks like convergence until it is met.
const MOST: f64 = 0.01;
/// The next level is worth it if the last left less than this of the difference before.
const FAST: f64 = 0.25;
/// Two small differences in a row are no chance if the first is this part of the one before. (Of 800 kinks and 800
/// triangular densities 96 and 43 were claimed and far off with 1/4, 9 and 20 are with 1/8, 7 and 20 with 1/16; battery
/// and families cost 0.3 % and 0.6 % more, with 1/16 1.7 % on the families. Measured 2026-11-29.)
const REGULAR: f64 = 1.0 / 8.0;
/// The distance of the outermost point from the limit, times the value there, times this, bounds what lies between if
/// the integrand grows like `x^(-1 + 1/TAIL)` at most; or times as much as the power seen there calls for, up to `FAR`.
const TAIL: f64 = 4.0;
const FAR: f64 = 1000.0;
/// What rounding leaves of a segment's error, in units of epsilon times the integral of the norm.
const ROUNDOFF: f64 = 5.0;

/// The part of an error in the integral of `t f`, `t` from -1 to 1, that the integral of `f` is taken to have at
/// least. A symmetric rule integrates whatever is odd to zero at every level, so the levels of `f` say nothing of its
/// odd part; those of `t f` do.
const ODD: f64 = 1.0 / 64.0;

/// A point: its index in the table, negative on the left, and where it is.
struct At {
    index: i32,
    node: Node,
    x: f64,
}

/// The points of a panel from left to right, without those that round to a limit.
fn nodes(panel: &Panel<Level>) -> impl Iterator<Item = At> {
    let Panel { a, b, .. } = *panel;
    let c = panel.midpoint();
    let h = b / 2.0 - a / 2.0;
    let Level { stride, tails: [left, right], .. } = panel.kind;
    let stride = usize::from(stride);
    let whole = |tail: u16| usize::from(tail) / stride;
    let table: &'static [Node] = &NODES;
    let left = (1..=whole(left)).rev().map(move |k| {
        let node = table[k * stride];
        At { index: -((k * stride) as i32), node, x: a + h * node.distance }
    });
    let right = (1..=whole(right)).map(move |k| {
        let node = table[k * stride];
        At { index: (k * stride) as i32, node, x: b - h * node.distance }
    });
    let centre = At { index: 0, node: table[0], x: c };
    left.chain(std::iter::once(centre)).chain(right).filter(move |at| a < at.x && at.x < b)
}

/// The error of the first of four sums, each with twice the step of the one before, and by how much the last halving
/// of the step lowered the difference.
fn converged<T: Value>(sums: &[T; 4], l1: f64) -> [f64; 2] {
    let difference = |coarse: usize| {
        let mut difference = sums[coarse].clone();
        difference.add_scaled(-1.0, &sums[coarse - 1]);
        difference.norm()
    };
    let (before, coarse, mut fine) = (difference(3), difference(2), difference(1));
    // Nothing converges faster than quadratically for long: a smaller difference is an accident.
    let expected = if l1 > 0.0 { coarse * (coarse / l1) } else { 0.0 };
    if fine < expected {
        fine = expected;
    }
    let ratio = if coarse > 0.0 { fine / coarse } else { 1.0 };
    // One small difference may be chance, or noise: trust takes two in a row, the second smaller by the power 3/2 at
    // least (2 while the exponents double; between is what strips of analyticity leave). A kink leaves a quarter
    // each time, on average.
    let doubles = l1 > 0.0 && fine <= coarse * (coarse / l1).sqrt() + ROUNDOFF * T::EPSILON * l1;
    let regular = doubles && coarse <= REGULAR * before;
    let error = if !regular && fine < SLOW * coarse {
        SLOW * coarse
    } else if TRUST * ratio < 1.0 {
        fine * (TRUST * ratio).max(MOST)
    } else {
        fine
    };
    [error, ratio]
}

impl Method for TanhSinh {
    type Kind = Level;
    const REUSES_POINTS: bool = true;

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) -> Level {
        Level { stride: FIRST, tails: [LAST as u16; 2], raise: false }
    }

    fn points(&self, panel: &Panel<Level>, into: &mut Vec<f64>) {
        into.extend(nodes(panel).map(|at| at.x));
        if into.is_empty() {
            // So narrow that no float lies inside: one point, so that there is a value.
            into.push(panel.a);
        }
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<Level>, values: &[T]) -> Local<T> {
        if is_few(panel.a, panel.b) {
            return by_mean(panel.b - panel.a, values);
        }
        let h = panel.b / 2.0 - panel.a / 2.0;
        let stride = i32::from(panel.kind.stride);

        // The sums over every point, every second, fourth and eighth; one order, from left to right. The same of `t
        // f`, with `t` from -1 to 1.
        let mut sums: [T; 4] = std::array::from_fn(|_| T::zero());
        let mut moments = sums.clone();
        let mut l1 = 0.0;
        for (at, value) in nodes(panel).zip(values) {
            let t = f64::from(at.index.signum()) * (1.0 - at.node.distance);
            for (k, (sum, moment)) in sums.iter_mut().zip(&mut moments).enumerate() {
                if at.index % (stride << k) == 0 {
                    sum.add_scaled(at.node.weight, value);
                    moment.add_scaled(t * at.node.weight, value);
                }
            }
            l1 += at.node.weight * value.norm();
        }
        let terms = l1;
        let step = h * f64::from(stride) / PER_UNIT as f64;
        for sums in [&mut sums, &mut moments] {
            for (k, sum) in sums.iter_mut().enumerate() {
                sum.scale(f64::from(1 << k) * step);
            }
        }
        let l1 = l1 * step;

        // What lies outside of the outermost points; and from where on terms count.
        let mut ends = [(0, 0.0, 0.0); 2];
        let mut tails = panel.kind.tails;
        let floor = NEGLIGIBLE * T::EPSILON * terms;
        let mut outermost = [0usize; 2];
        for (i, (at, value)) in nodes(panel).zip(values).enumerate() {
            let norm = value.norm();
            let end = (at.index, at.node.distance, norm * at.node.distance);
            if i == 0 {
                ends[0] = end;
            }
            ends[1] = end;
            if at.node.weight * norm > floor {
                let side = usize::from(at.index > 0);
                let index = at.index.unsigned_abs() as usize;
                outermost[side] = outermost[side].max(index);
            }
        }
        let mut outside = TAIL * (ends[0].2 + ends[1].2);
        if h * outside > ROUNDOFF * T::EPSILON * l1 {
            outside = 0.0;
            for (index, distance, reach) in ends {
                let next = index - index.signum() * i32::from(FIRST);
                let inner = nodes(panel).zip(values).find(|(at, _)| at.index == next);
                let power = inner.map_or(1.0, |(at, value)| {
                    ln(value.norm() * at.node.distance / reach) / ln(at.node.distance / distance)
                });
                outside += reach * if TAIL * power < 1.0 { (1.0 / power.max(0.0)).min(FAR) } else { TAIL };
            }
        }
        for (tail, outermost) in tails.iter_mut().zip(outermost) {
            // One more of the coarser level.
            let keep = (outermost + 2 * stride as usize).max(UNCUT);
            *tail = (*tail).min(keep as u16);
        }

        let (even, odd) = (converged(&sums, l1), converged(&moments, l1));
        let [error, ratio] = if ODD * odd[0] > even[0] { [ODD * odd[0], odd[1]] } else { even };
        panel.kind.tails = tails;
        panel.kind.raise = stride > 1 && (stride > 4 || ratio < FAST);

        // No refinement of this method reaches what lies outside.
        let roundoff = ROUNDOFF * T::EPSILON * l1 + h * outside;
        let [value, ..] = sums;
        // Written so that an error that is not a number stays one.
        Local { value, error: if error < roundoff { roundoff } else { error }, l1, roundoff }
    }

    fn refine(&self, panel: &Panel<Level>, _error: f64, into: &mut Vec<Panel<Level>>) {
        let Level { stride, tails, raise } = panel.kind;
        if raise {
            let kind = Level { stride: stride / 2, tails, raise: false };
            into.push(Panel { depth: panel.depth + 1, kind, ..*panel });
        } else {
            panel.bisect(self.root(), into);
        }
    }

    fn predict(&self, panel: &Panel<Level>, into: &mut Vec<Panel<Level>>) {
        let raise = panel.kind.stride > 1;
        self.refine(&Panel { kind: Level { raise, ..panel.kind }, ..*panel }, f64::NAN, into);
    }
}
