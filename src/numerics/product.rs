//! Product rules: the Chebyshev series through the values in a panel, against the moments of a
//! weight.
//!
//! A method with a weight `w` gives the moments `m_k`, the integrals over [-1, 1] of `w(t) T_k(t)`.
//! The values of the integrand alone give the coefficients. Nothing here knows the weight.
//!
//! The rule of order `log` has `2^log + 1` points, those of Clenshaw and Curtis, from left to
//! right. The points of a lower order are every second point of the next, to the last bit, so that
//! raising the order uses all values again.
//!
//! Stable interface, used by several methods:
//!
//! - [`points`]: the points of a panel;
//! - [`patch`]: replaces a value at an end that is not finite;
//! - [`Series::new`]: what the values say, once, for any number of weights;
//! - [`Series::against`]: value, error and roundoff against one list of moments.
//!
//! DETERMINISM: + - * / alone, and every sum from left to right.

use super::clenshaw_curtis::tables::COS;
use super::few::slim;
use super::method::{Local, Panel};
use super::value::Value;

/// The highest order: 65 points.
pub(super) const TOP: usize = 6;
/// The order is raised if the upper half of the coefficients has less than this of the quarter
/// before it.
const FAST: f64 = 0.1;
/// How far coefficients that fell by the ratio `r` are trusted to fall on: to `TRUST r` of
/// themselves, where geometric convergence has `r^2`; and to `TRUST r` of that if the ratio before
/// was the root of it.
const TRUST: f64 = 10.0;
/// What rounding leaves, in units of epsilon times the sum of the norms times the sizes of their
/// weights.
const ROUNDOFF: f64 = 5.0;

/// Appends the `2^log + 1` points of a panel with finite limits, `2 <= log <= TOP`, from left to
/// right. The first and the last are its limits.
pub(super) fn points<K: Copy>(panel: &Panel<K>, log: usize, into: &mut Vec<f64>) {
    let (c, h) = (panel.midpoint(), panel.reach());
    let stride = 32 >> (log - 1);
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

/// How many points the order has.
pub(super) fn count(log: usize) -> usize {
    (1 << log) + 1
}

/// `T_k` at the node `j`, from the left, of the order `log`.
fn chebyshev(log: usize, j: usize, k: usize) -> f64 {
    // cos(pi m / 64), where the node is -cos(pi j / n).
    let m = ((j * k) << (TOP - log)) & 127;
    let m = if m > 64 { 128 - m } else { m };
    let cos = if m <= 32 { COS[m] } else { -COS[64 - m] };
    if k % 2 == 0 { cos } else { -cos }
}

/// Replaces the first or the last value, if that end is `open` and its value is not finite, by the
/// one that makes the highest coefficient zero; of two ends, the two highest (Gonnet 2010, section
/// 5). Returns which were replaced.
pub(super) fn patch<T: Value>(values: &mut [T], open: [bool; 2]) -> [bool; 2] {
    let n = values.len() - 1;
    let last = [0, n];
    let out = [0, 1].map(|end: usize| open[end] && !values[last[end]].norm().is_finite());
    if out == [false, false] {
        return out;
    }
    let log = n.trailing_zeros() as usize;
    let (mut highest, mut second) = (T::zero(), T::zero());
    for (j, value) in values.iter().enumerate() {
        let is_end = j == 0 || j == n;
        if (j == 0 && out[0]) || (j == n && out[1]) {
            continue;
        }
        let factor = if is_end { 0.5 } else { 1.0 } * if j % 2 == 0 { 1.0 } else { -1.0 };
        highest.add_scaled(factor, value);
        second.add_scaled(factor * chebyshev(log, j, 1), value);
    }
    for (end, sign) in [(0, -1.0), (1, 1.0)] {
        if !out[end] {
            continue;
        }
        let mut value = highest.clone();
        if out == [true, true] {
            value.add_scaled(sign, &second);
            value.scale(-1.0);
        } else {
            value.scale(-2.0);
        }
        values[last[end]] = value;
    }
    out
}

/// The Chebyshev series through the values of a panel.
#[derive(Debug)]
pub(super) struct Series<'a, T> {
    log: usize,
    values: &'a [T],
    /// The norms of the values.
    norms: Vec<f64>,
    /// What the coefficients beyond the last are thought to sum to, in norm.
    pub(super) rest: f64,
    /// Which part of the upper half that is.
    trust: f64,
    /// What those near twice the order are thought to sum to: they are mistaken for the lowest.
    aliased: f64,
    /// Whether a higher order is worth more than two halves.
    pub(super) falls_fast: bool,
}

impl<'a, T: Value> Series<'a, T> {
    /// Of `2^log + 1` values, from left to right.
    ///
    /// With `S1` the sum of the norms of the upper half of the coefficients, `S0` that of the
    /// quarter before and `S00` that of the eighth before, `r = S1 / S0` and `q = S0 / S00`: the
    /// rest is `S1 min(1, 10 r) min(1, 10 max(r, q^2))`. A geometric series has `S1 r^2`.
    ///
    /// What is smooth and has a weak singularity falls first like the smooth part, and only at the end
    /// as slowly as it goes on. So with `L1` the sum of the last quarter and `L0` that of the quarter
    /// before it, the rest is at least `L1 min(1, 10 L1 / L0)`: less than the above, where a series is
    /// geometric (measured 2026-11-30: without this `x^1.75 exp(i w x^3.9)` was off by 28 times the
    /// error).
    pub(super) fn new(values: &'a [T]) -> Self {
        let n = values.len() - 1;
        let log = n.trailing_zeros() as usize;
        let norm = |k: usize| coefficient(log, values, k).norm();
        let sum = |from: usize, to: usize| (from + 1..=to).map(norm).sum::<f64>();
        // The last one counts half: the interpolant has half of it.
        let upper = sum(n / 2, n - 1) + norm(n) / 2.0;
        let quarter = sum(n / 4, n / 2);
        let eighth = sum(n / 8, n / 4);
        let ratio = |p: f64, q: f64| {
            if q > 0.0 {
                p / q
            } else if p > 0.0 {
                1.0
            } else {
                0.0
            }
        };
        let (r, q) = (ratio(upper, quarter), ratio(quarter, eighth));
        let trust = |r: f64| if TRUST * r < 1.0 { TRUST * r } else { 1.0 };
        let trust = trust(r) * trust(if r > q * q { r } else { q * q });
        let (late, before) = (sum(n - n / 4, n - 1) + norm(n) / 2.0, sum(n / 2, n - n / 4));
        let late = if TRUST * late < before { late * (TRUST * late / before) } else { late };
        let rest = if late > upper * trust { late } else { upper * trust };
        let aliased = rest * if r < 1.0 { r * r } else { 1.0 };
        let falls_fast = r < FAST && log < TOP;
        Self { log, values, norms: values.iter().map(Value::norm).collect(), rest, trust, aliased, falls_fast }
    }

    /// The integral against a weight, times `half`, half the width of the panel.
    ///
    /// `moments`: the integrals over [-1, 1] of the weight times `T_k`, for `k` from 0 to `2^log`
    /// at least. `sizes`: bounds of their absolute values, where those of the moments are small by
    /// the phase of the weight alone; else the absolute values. The error is `rest` times twice the
    /// largest size among the upper half; the largest size times what is mistaken for the lowest
    /// terms; and the part of the difference from the rule of half the order that the series is
    /// trusted to leave.
    pub(super) fn against(&self, moments: &[f64], sizes: &[f64], half: f64) -> Local<T> {
        let n = 1usize << self.log;
        let weights = weights_of(self.log, moments);
        let mut value = T::zero();
        let mut absolute = 0.0;
        for ((value_at, norm), weight) in self.values.iter().zip(&self.norms).zip(&weights) {
            value.add_scaled(*weight, value_at);
            absolute += weight.abs() * norm;
        }
        // Where the series falls slowly, what is beyond it is mistaken for its lowest terms: two
        // rules tell.
        let mut moved = value.clone();
        for (j, weight) in weights_of(self.log - 1, moments).into_iter().enumerate() {
            moved.add_scaled(-weight, &self.values[2 * j]);
        }
        value.scale(half);
        let largest = |of: &[f64]| of.iter().fold(0.0, |most: f64, size| if *size > most { *size } else { most });
        let unseen = 2.0 * largest(&sizes[n / 2 + 1..=n]) * self.rest + largest(&sizes[..=n]) * self.aliased;
        let roundoff = ROUNDOFF * T::EPSILON * absolute * half;
        // Written so that an error that is not a number stays one.
        let error = (unseen + moved.norm() * self.trust) * half;
        let l1 = self.l1() * half;
        Local { value, error: if error < roundoff { roundoff } else { error }, l1, roundoff }
    }

    /// The integral over [-1, 1] of the norm, without a weight.
    pub(super) fn l1(&self) -> f64 {
        let n = 1usize << self.log;
        // The integrals of `T_k`: those of odd order are zero.
        let plain: Vec<f64> = (0..=n).map(|k| if k % 2 == 0 { 2.0 / (1.0 - (k * k) as f64) } else { 0.0 }).collect();
        weights_of(self.log, &plain).iter().zip(&self.norms).map(|(weight, norm)| weight * norm).sum()
    }
}

/// The coefficient of `T_k` of the series through `2^log + 1` values.
fn coefficient<T: Value>(log: usize, values: &[T], k: usize) -> T {
    let n = 1usize << log;
    let mut sum = T::zero();
    for (j, value) in values.iter().enumerate() {
        let end = if j == 0 || j == n { 0.5 } else { 1.0 };
        sum.add_scaled(end * chebyshev(log, j, k), value);
    }
    sum.scale(2.0 / n as f64);
    sum
}

/// The factors of the values, from left to right, by which their sum is the sum of the coefficients
/// times the moments.
pub(super) fn weights_of(log: usize, moments: &[f64]) -> Vec<f64> {
    let n = 1usize << log;
    let end = |i: usize| if i == 0 || i == n { 0.5 } else { 1.0 };
    let weight = |j: usize| {
        let sum: f64 = (0..=n).map(|k| end(k) * moments[k] * chebyshev(log, j, k)).sum();
        sum * end(j) * (2.0 / n as f64)
    };
    (0..=n).map(weight).collect()
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "places are compared")]
mod tests {
    use super::*;

    /// The integrals of `T_k` alone.
    fn plain(n: usize) -> Vec<f64> {
        (0..=n).map(|k| if k % 2 == 0 { 2.0 / (1.0 - (k * k) as f64) } else { 0.0 }).collect()
    }

    fn values(log: usize, f: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut xs = Vec::new();
        points(&Panel { a: -1.0, b: 1.0, depth: 0, kind: () }, log, &mut xs);
        xs.into_iter().map(f).collect()
    }

    #[test]
    fn points_of_all_orders_are_nested_to_the_last_bit() {
        let panel = Panel { a: 0.1, b: 7.3, depth: 0, kind: () };
        let all = |log| {
            let mut xs = Vec::new();
            points(&panel, log, &mut xs);
            xs
        };
        for log in 2..TOP {
            let (few, many) = (all(log), all(log + 1));
            assert_eq!((few.len(), few[0], few[few.len() - 1]), (count(log), 0.1, 7.3));
            assert!(few.iter().zip(many.iter().step_by(2)).all(|(x, y)| x.to_bits() == y.to_bits()));
            assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn without_a_weight_the_rule_is_clenshaw_and_curtis() {
        for log in 2..=TOP {
            let n = 1usize << log;
            for degree in 0..=n {
                let power = values(log, |x| x.powi(degree as i32));
                let local = Series::new(&power).against(&plain(n), &plain(n), 1.0);
                let exact = if degree % 2 == 0 { 2.0 / (degree as f64 + 1.0) } else { 0.0 };
                assert!((local.value - exact).abs() < 4e-15, "{log} {degree}: {}", local.value);
            }
        }
    }

    #[test]
    fn the_error_bounds_what_is_left_of_geometric_series_and_of_a_kink() {
        for log in 3..=TOP {
            for pole in [1.05, 1.2, 1.5, 2.0, 4.0] {
                let local = {
                    let values = values(log, |x| 1.0 / (pole - x));
                    Series::new(&values).against(&plain(1 << log), &plain(1 << log).map_abs(), 1.0)
                };
                let exact = ((pole + 1.0_f64) / (pole - 1.0)).ln();
                assert!((local.value - exact).abs() <= local.error, "{log} {pole} {local:?}");
            }
            let values = values(log, |x| (x - 0.3).abs());
            let local = Series::new(&values).against(&plain(1 << log), &plain(1 << log).map_abs(), 1.0);
            assert!((local.value - (0.49 + 1.69) / 2.0).abs() <= local.error, "{log} {local:?}");
        }
    }

    trait MapAbs {
        fn map_abs(self) -> Self;
    }

    impl MapAbs for Vec<f64> {
        fn map_abs(self) -> Self {
            self.into_iter().map(f64::abs).collect()
        }
    }

    #[test]
    fn an_end_that_is_not_finite_is_left_out() {
        for (end, place) in [([true, false], -1.0), ([false, true], 1.0)] {
            let mut some = values(4, |x| if x == place { f64::INFINITY } else { x * x * x - x + 2.0 });
            assert_eq!(patch(&mut some, [true, true]), end);
            let at = if end[0] { 0 } else { 16 };
            assert!((some[at] - 2.0).abs() < 1e-13, "{some:?}");
        }
        let mut both = values(4, |x| if x.abs() == 1.0 { f64::NAN } else { x.powi(5) });
        assert_eq!(patch(&mut both, [true, true]), [true, true]);
        assert!((both[0] + 1.0).abs() < 1e-13 && (both[16] - 1.0).abs() < 1e-13);
        let mut kept = [f64::INFINITY, 1.0, 1.0, 1.0, 1.0];
        assert_eq!(patch(&mut kept, [false, true]), [false, false]);
    }
}
