//! Doubly adaptive Clenshaw-Curtis quadrature, with global control.

pub(super) mod tables;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use self::tables::{COS, WEIGHTS};
use super::few::slim;
use super::method::{Control, Local, Method, Panel};
use super::value::Value;

/// Doubly adaptive, nested Clenshaw-Curtis quadrature: the segment with the largest error is either given a rule of
/// twice the degree, in which all of its old points are used again, or bisected.
///
/// # Numerics
///
/// The degrees are 4, 8, 16, 32 and 64. With `p` the polynomial through every second point, the error of a segment is
/// the integral of `|f - p|` by the points that `p` has not seen: what the *cheaper* rule got wrong anywhere, not
/// what is left when that cancels in the sum (Gonnet 2010, section 4, compares interpolants for the same reason, in
/// the L2 norm). Where that error fell fast with the last doubling of the degree, it is trusted to fall on by part
/// of what geometric convergence has. The degree is raised as long as it falls fast; else the segment is bisected.
///
/// The limits of integration and the breakpoints are evaluated. Where the integrand is not finite *there*, the point
/// is left out: the value is that of the polynomial through the other points (Gonnet 2010, section 5). A value
/// that is not finite anywhere else is reported as [`Error::NonFinite`](crate::Error::NonFinite); give the point as a
/// breakpoint to have it left out.
///
/// # Cost
///
/// 17 evaluations for the first segment, 16 and 32 more to raise it; 14 new ones for the two halves of a bisection.
///
/// # References
///
/// C. W. Clenshaw, A. R. Curtis, "A method for numerical integration on an automatic computer", Numer. Math. 2 (1960)
/// 197-205. P. Gonnet, "Increasing the reliability of adaptive quadrature using explicit interpolants", ACM TOMS 37
/// (2010) 26.
///
/// # Examples
///
/// ```
/// use coquad::{ClenshawCurtis, Inline, Integrator};
///
/// let integrator = Integrator::new(Inline::new(|x: f64| x.sqrt().cos())).method(ClenshawCurtis);
/// let e = integrator.integrate_blocking(0.0, 1.0, 1e-10)?;
/// assert!((e.value - 2.0 * (1f64.cos() + 1f64.sin() - 1.0)).abs() <= 1e-10);
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClenshawCurtis;

/// The rule of a segment, and what its estimate noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub struct Degree {
    /// The degree is `4 << level`.
    level: u8,
    /// Whether the left and right end are those of a whole piece: where points may be left out.
    open: [bool; 2],
    /// Noted: a higher degree is worth more than two halves.
    raise: bool,
}

/// The highest level: degree 64.
const TOP: u8 = 4;
/// The level of a whole piece. A narrow feature between its points is not seen.
const FIRST: u8 = 2;
/// The level of a half: lower degrees waste less near a singularity.
const HALF: u8 = 1;
/// The degree is raised if the last doubling left less than this of the error.
const FAST: f64 = 0.1;
/// How far an error that fell by the ratio `r` is trusted to fall on: to `TRUST r` of itself, where geometric
/// convergence has `r^2`.
const TRUST: f64 = 10.0;
/// What rounding leaves of a segment's error, in units of epsilon times the integral of the norm.
const ROUNDOFF: f64 = 5.0;

impl Method for ClenshawCurtis {
    type Kind = Degree;
    const REUSES_POINTS: bool = true;

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) -> Degree {
        Degree { level: FIRST, open: [true, true], raise: false }
    }

    /// From left to right. The bits of a point do not depend on the degree.
    fn points(&self, panel: &Panel<Degree>, into: &mut Vec<f64>) {
        let (c, h) = (panel.midpoint(), panel.reach());
        let stride = 16 >> panel.kind.level;
        let first = into.len() + 1;
        into.push(panel.a);
        into.extend((1..32 / stride).map(|j| c - h * COS[j * stride]));
        into.push(c);
        into.extend((1..32 / stride).rev().map(|j| c + h * COS[j * stride]));
        if let Some(within) = slim(panel) {
            into[first..].iter_mut().for_each(|x| *x = within.clamp(*x));
        }
        into.push(panel.b);
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<Degree>, values: &[T]) -> Local<T> {
        let h = panel.b / 2.0 - panel.a / 2.0;
        let log = usize::from(panel.kind.level) + 2;
        let last = [0, values.len() - 1];
        let out = std::array::from_fn(|end| panel.kind.open[end] && !values[last[end]].norm().is_finite());

        let (mut value, l1) = quadrature(log, values, 1, out);
        let (mut cheaper, _) = quadrature(log - 1, values, 2, out);
        cheaper.add_scaled(-1.0, &value);
        let defects = defect(log, values, 1, out);
        // The difference of the rules is the less, unless a point was left out.
        let difference = cheaper.norm();
        let mut error = if difference > defects { difference } else { defects };
        let before = defect(log - 1, values, 2, out);
        let ratio = if before > 0.0 { error / before } else { 1.0 };
        panel.kind.raise = ratio < FAST && panel.kind.level < TOP;
        if TRUST * ratio < 1.0 {
            error *= TRUST * ratio;
        }

        value.scale(h);
        let l1 = l1 * h;
        let roundoff = ROUNDOFF * T::EPSILON * l1;
        // Written so that an error that is not a number stays one.
        let error = error * h;
        Local { value, error: if error < roundoff { roundoff } else { error }, l1, roundoff }
    }

    fn refine(&self, panel: &Panel<Degree>, _error: f64, into: &mut Vec<Panel<Degree>>) {
        let Degree { level, open, raise } = panel.kind;
        if raise {
            let kind = Degree { level: level + 1, open, raise: false };
            into.push(Panel { depth: panel.depth + 1, kind, ..*panel });
            return;
        }
        let first = into.len();
        panel.bisect(Degree { level: HALF, open, raise: false }, into);
        if let [left, right] = &mut into[first..] {
            left.kind.open[1] = false;
            right.kind.open[0] = false;
        }
    }

    fn predict(&self, panel: &Panel<Degree>, into: &mut Vec<Panel<Degree>>) {
        self.refine(panel, f64::NAN, into);
    }
}

/// The integral over [-1, 1] of the polynomial through every `stride`-th value, and that of the norm; `log` is the
/// binary logarithm of its degree.
fn quadrature<T: Value>(log: usize, values: &[T], stride: usize, out: [bool; 2]) -> (T, f64) {
    let n = 1usize << log;
    let weights = WEIGHTS[log - 1];
    let ends = ends(log, values, stride, out);
    // One order: from left to right.
    let mut sum = T::zero();
    let mut l1 = 0.0;
    for j in 0..=n {
        let weight = weights[j.min(n - j)];
        if let Some(value) = end(j, n).and_then(|end| ends[end].as_ref()) {
            sum.add_scaled(weight, value);
        } else {
            let value = &values[j * stride];
            sum.add_scaled(weight, value);
            l1 += weight * value.norm();
        }
    }
    (sum, l1)
}

/// The integral over [-1, 1] of `|f - p|`, where `p` is the polynomial of half the degree.
fn defect<T: Value>(log: usize, values: &[T], stride: usize, out: [bool; 2]) -> f64 {
    let n = 1usize << log;
    let weights = WEIGHTS[log - 1];
    let ends = ends(log - 1, values, 2 * stride, out);
    let mut sum = 0.0;
    for (i, row) in INTERPOLATE[log - 1].chunks_exact(n / 2 + 1).enumerate() {
        let j = 2 * i + 1;
        let mut difference = T::zero();
        for (k, &factor) in row.iter().enumerate() {
            let patched = end(k, n / 2).and_then(|end| ends[end].as_ref());
            difference.add_scaled(factor, patched.unwrap_or(&values[2 * k * stride]));
        }
        difference.add_scaled(-1.0, &values[j * stride]);
        sum += weights[j.min(n - j)] * difference.norm();
    }
    // The points that `p` has not seen carry half of the weight.
    2.0 * sum
}

/// Which end the index is, if it is one.
fn end(j: usize, n: usize) -> Option<usize> {
    if j == 0 {
        Some(0)
    } else if j == n {
        Some(1)
    } else {
        None
    }
}

/// What the polynomial through the other points has at the ends that are left out: the value that makes the highest
/// Chebyshev coefficient zero, or the two highest.
fn ends<T: Value>(log: usize, values: &[T], stride: usize, out: [bool; 2]) -> [Option<T>; 2] {
    if out == [false, false] {
        return [None, None];
    }
    let n = 1usize << log;
    // The alternating sum, and the one weighted by the nodes: in proportion to the two highest coefficients.
    let (mut highest, mut second) = (T::zero(), T::zero());
    for j in 0..=n {
        let ended = end(j, n);
        if ended.is_some_and(|end| out[end]) {
            continue;
        }
        let factor = if ended.is_some() { 0.5 } else { 1.0 } * if j % 2 == 0 { 1.0 } else { -1.0 };
        highest.add_scaled(factor, &values[j * stride]);
        second.add_scaled(factor * node(log, j), &values[j * stride]);
    }
    // Both ends enter with a half; in the second sum with opposite signs.
    let solution = |sign: f64| {
        let mut value = highest.clone();
        if out == [true, true] {
            value.add_scaled(sign, &second);
            value.scale(-1.0);
        } else {
            value.scale(-2.0);
        }
        value
    };
    [out[0].then(|| solution(-1.0)), out[1].then(|| solution(1.0))]
}

/// The node `j`, from the left, of the rule of degree `1 << log`.
fn node(log: usize, j: usize) -> f64 {
    let n = 1usize << log;
    let step = 64 / n;
    if 2 * j <= n { -COS[j * step] } else { COS[(n - j) * step] }
}

/// By the logarithm of the lower degree: row by row the factors with which the values make the polynomial at the
/// points between its own (barycentric: Salzer 1972). From + - * / alone, so the same bits everywhere.
static INTERPOLATE: LazyLock<[Vec<f64>; 6]> = LazyLock::new(|| {
    std::array::from_fn(|log| {
        let n = 1usize << log;
        let mut matrix = Vec::new();
        for i in 0..n {
            let x = node(log + 1, 2 * i + 1);
            let mut row: Vec<f64> = (0..=n)
                .map(|j| {
                    let weight = if j % 2 == 0 { 1.0 } else { -1.0 };
                    let weight = if j == 0 || j == n { weight / 2.0 } else { weight };
                    weight / (x - node(log + 1, 2 * j))
                })
                .collect();
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|item| *item /= sum);
            matrix.extend(row);
        }
        matrix
    })
});
