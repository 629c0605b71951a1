//! Algebraic and logarithmic weights at the limits: known singularities are in the weights, not in
//! the values.

use super::elementary::ln;
use super::method::{Control, Guess, Local, Method, Panel};
use super::twice::Twice;
use super::value::Value;
use super::weighted::{self, Moments, Weighed, Weight, plain};

/// Integrals with a weight that is singular at the limits: of `f(x) (x - a)^alpha (b - x)^beta`,
/// times `ln(x - a)` and `ln(b - x)` if asked for, where `f` is what is evaluated.
///
/// The integrand that an evaluator is given is `f` alone. Where the exponents are known, this is
/// much cheaper, and more exact, than to have [`Auto`](crate::Auto) find the singularity: `f` is as
/// smooth as it is, and no point has to be close to the limit.
///
/// # Numerics
///
/// In a panel with a singular limit `f`, times the rest of the weight, is interpolated at nested
/// points of Clenshaw and Curtis, 9 to 65 of them, and the Chebyshev series is integrated against
/// the weight exactly. In all other panels the weight is a factor of the values. A range with a
/// singularity at both limits is divided in the middle first. Panels are refined as by
/// [`ClenshawCurtis`](crate::ClenshawCurtis). A value of `f` at a limit that is not finite is
/// replaced by what the others say of it.
///
/// Limits with a weight are finite; the other one may be infinite, where `f` times the weight has
/// to fall faster than `1 / x`.
///
/// # Cost
///
/// 17 evaluations at least for a weight at one limit, 33 for both.
///
/// # Errors
///
/// [`Error::Unsuitable`](crate::Error::Unsuitable) from the call that integrates: if an exponent is
/// not above -1 and finite, or a limit with a weight is infinite.
/// [`Error::InvalidInterval`](crate::Error::InvalidInterval) with
/// [`offsets`](crate::Integrator::offsets).
///
/// # References
///
/// R. Piessens, M. Branders, "The evaluation and application of some modified moments", BIT 13
/// (1973) 443-450: the recurrence of the moments, as in QUADPACK's DQMOMO.
///
/// # Examples
///
/// ```
/// use coquad::{Algebraic, Inline, Integrator};
///
/// // cos(x) / sqrt(x (1 - x)) on [0, 1]: pi cos(1/2) J0(1/2).
/// let integrator = Integrator::new(Inline::new(f64::cos)).method(Algebraic::new(-0.5, -0.5));
/// let e = integrator.integrate_blocking(0.0, 1.0, 1e-13)?;
/// assert!((e.value - std::f64::consts::PI * 0.5f64.cos() * 0.938_469_807_240_812_9).abs() <= 1e-13);
/// assert_eq!(e.evaluations, 33);
/// // ln(x) exp(x) on [0, 1]: minus the entire exponential integral at 1.
/// let integrator = Integrator::new(Inline::new(f64::exp)).method(Algebraic::new(0.0, 0.0).log_left());
/// let e = integrator.integrate_blocking(0.0, 1.0, 1e-13)?;
/// assert!((e.value + 1.317_902_151_454_403_9).abs() <= 1e-13);
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Algebraic {
    /// At the lower limit and at the upper one.
    powers: [f64; 2],
    logs: [bool; 2],
    /// The limits, once they are known.
    #[cfg_attr(feature = "serde", serde(skip))]
    limits: [f64; 2],
}

impl Algebraic {
    /// Creates the method from the exponents at the lower limit and at the upper one, both above
    /// -1; 0 for a limit without a weight. Of a range from `b` down to `a` the lower limit is still
    /// `a`.
    #[must_use]
    pub const fn new(alpha: f64, beta: f64) -> Self {
        Self { powers: [alpha, beta], logs: [false, false], limits: [0.0, 0.0] }
    }

    /// The same weight times `ln(x - a)`.
    #[must_use]
    pub const fn log_left(mut self) -> Self {
        self.logs[0] = true;
        self
    }

    /// The same weight times `ln(b - x)`.
    #[must_use]
    pub const fn log_right(mut self) -> Self {
        self.logs[1] = true;
        self
    }

    /// Whether there is a weight at the lower or upper limit.
    fn weighs(&self, end: usize) -> bool {
        self.logs[end] || !is_zero(self.powers[end])
    }

    /// Whether the panel's lower or upper limit is one with a weight.
    fn is_singular(&self, panel: &Panel<Weighed>, end: usize) -> bool {
        let at = if end == 0 { panel.a <= self.limits[0] } else { panel.b >= self.limits[1] };
        at && self.weighs(end)
    }

    /// The weight of one limit at a distance from it.
    fn weight(&self, end: usize, distance: f64) -> f64 {
        let power = power(distance, self.powers[end]);
        if self.logs[end] { power * ln(distance) } else { power }
    }
}

fn is_zero(p: f64) -> bool {
    p.abs().to_bits() == 0
}

/// `x^p` with the same bits on every platform.
fn power(x: f64, p: f64) -> f64 {
    if is_zero(p) { 1.0 } else { libm::pow(x, p) }
}

/// The integrals over [0, 1] of `u^alpha T_k(2 u - 1)`, and of that times `ln u` if `log`, for `k`
/// from 0 to `n` (Piessens and Branders 1973; its derivative by `alpha`). With twice the digits: else
/// rounding adds up to 1.6e-15 of the largest.
pub(super) fn moments(n: usize, alpha: f64, log: bool) -> [Vec<f64>; 2] {
    let alpha = Twice::new(alpha);
    let beyond = |k: f64| alpha.plus(Twice::new(k));
    let first = Twice::ONE.over(beyond(1.0));
    let slope = alpha.over(beyond(2.0));
    let square = first.times(first);
    let turn = first.plus(first).over(beyond(2.0).times(beyond(2.0)));
    let (mut last, mut before) = (first.times(slope), turn.plus(square.times(slope).negative()));
    let (mut plain, mut logs) = (vec![first.0, last.0], vec![-square.0, before.0]);
    for k in 2..=n {
        let k = k as f64;
        let down = Twice::new(k - 1.0).times(beyond(k + 1.0)).negative();
        let factor = Twice::new(k).times(beyond(2.0 - k).negative());
        let next = Twice::ONE.plus(factor.times(last)).over(down);
        if log {
            let change = Twice::new(k - 1.0).times(next).plus(Twice::new(-k).times(last));
            before = factor.times(before).plus(change).over(down);
            logs.push(before.0);
        }
        last = next;
        plain.push(last.0);
    }
    [plain, logs]
}

impl Method for Algebraic {
    type Kind = Weighed;
    const REUSES_POINTS: bool = true;
    const IN_X: bool = true;
    const LOOKS_FAR: bool = true;

    fn over(&self, a: f64, b: f64) -> Result<Self, &'static str> {
        if self.powers.iter().any(|power| !(*power > -1.0 && power.is_finite())) {
            return Err("an exponent is not above -1");
        }
        if [a, b].iter().enumerate().any(|(end, limit)| self.weighs(end) && limit.is_infinite()) {
            return Err("a limit with a weight is infinite");
        }
        Ok(Self { limits: [a, b], ..*self })
    }

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) -> Weighed {
        if self.weighs(0) && self.weighs(1) { Weighed::UNDIVIDED } else { Weighed::ROOT }
    }

    fn points(&self, panel: &Panel<Weighed>, into: &mut Vec<f64>) {
        weighted::points(panel, into);
    }

    fn count(&self, panel: &Panel<Weighed>) -> usize {
        weighted::count(panel)
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<Weighed>, values: &[T]) -> Local<T> {
        let singular = [self.is_singular(panel, 0), self.is_singular(panel, 1)];
        let ([a, b], tail) = (self.limits, panel.kind.tail);
        let factor = |_: usize, node: f64| {
            let (x, slope) = tail.map_or((node, 1.0), |tail| (tail.x(node), tail.width.abs() / (node * node)));
            // What is in the moments is no factor.
            let of = |end: usize, distance: f64| {
                if singular[end] || !self.weighs(end) { 1.0 } else { self.weight(end, distance) }
            };
            slope * of(0, x - a) * of(1, b - x)
        };
        let flat = weighted::flat(panel);
        let width = flat.b - flat.a;
        let against = |n: usize| {
            let Some(end) = singular.iter().position(|is| *is) else {
                return Moments { moments: (0..=n).map(plain).collect(), half: width / 2.0 };
            };
            let (power, log) = (self.powers[end], self.logs[end]);
            let [mut all, logs] = moments(n, power, log);
            if log {
                let scale = ln(width);
                all.iter_mut().zip(&logs).for_each(|(moment, log)| *moment = scale * *moment + log);
            }
            if end == 1 {
                all.iter_mut().skip(1).step_by(2).for_each(|moment| *moment = -*moment);
            }
            Moments { moments: all, half: width * self::power(width, power) }
        };
        weighted::judge(panel, values, factor, against)
    }

    fn refine(&self, panel: &Panel<Weighed>, _: f64, into: &mut Vec<Panel<Weighed>>) {
        weighted::refine(self, panel, into);
    }

    fn predict(&self, panel: &Panel<Weighed>, into: &mut Vec<Panel<Weighed>>) {
        weighted::predict(self, panel, into);
    }

    fn ahead<T: Value>(&self, panel: &Panel<Weighed>, values: &[T], allowed: f64, into: &mut Vec<Guess<Weighed>>) {
        weighted::ahead(self, panel, values, allowed, into);
    }
}

impl Weight for Algebraic {
    fn divide(&self, panel: &Panel<Weighed>, into: &mut Vec<Panel<Weighed>>) {
        let is_both = self.is_singular(panel, 0) && self.is_singular(panel, 1);
        let place = match (panel.a.is_finite(), panel.b.is_finite()) {
            (true, true) if is_both => Some(panel.midpoint()),
            // The weight is exact up to one unit from the limit.
            (true, false) if self.is_singular(panel, 0) => Some(panel.a + 1.0),
            (false, true) if self.is_singular(panel, 1) => Some(panel.b - 1.0),
            _ => None,
        };
        let place = place.filter(|place| panel.a < *place && *place < panel.b);
        weighted::divide(panel, place.as_slice(), 1.0, into);
    }
}

#[cfg(test)]
mod tests;
