//! Where exactly a panel is hard: nine points, again and again.

use super::super::method::Local;
use super::super::value::Value;
use super::ROUNDOFF;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Feature {
    /// To be looked at more closely.
    Unclear,
    /// The value jumps between the two points.
    Jump,
    /// The slope jumps half way between the two points.
    Kink,
    /// A power of the distance, half way between the two points.
    Power,
    /// Nothing that nine points could not follow.
    Smooth,
    /// It slipped away.
    Lost,
}

/// Points of a stage, evenly spaced.
pub(super) const COUNT: usize = 9;
/// Half of the next bracket around the estimated place of a power, in spacings: the estimate takes the square root of
/// the ratio of one-sided second differences, right for a logarithm, and is off by less for powers from -0.8 to 0.4.
const MARGIN: f64 = 0.3;
/// A jump is found when it is between two points as near to each other as this, next to the panel.
pub(super) const NARROW: f64 = 1.0 / (1u64 << 30) as f64;
/// A bracket around zero, as narrow as this next to the panel, is taken for zero itself.
const NEAR_ZERO: f64 = 1e-4;

pub(super) fn points(low: f64, high: f64) -> [f64; COUNT] {
    let step = (high - low) / 8.0;
    std::array::from_fn(|i| if i == COUNT - 1 { high } else { low + step * i as f64 })
}

/// What the values say of a panel that is a bracket itself.
pub(super) fn between<T: Value>(width: f64, values: &[T]) -> Local<T> {
    let mut value = T::zero();
    let mut l1 = 0.0;
    let mut variation = 0.0;
    for (i, v) in values.iter().enumerate() {
        value.add(v);
        l1 += v.norm();
        if i > 0 {
            let mut step = v.clone();
            step.add_scaled(-1.0, &values[i - 1]);
            variation += step.norm();
        }
    }
    let part = width / COUNT as f64;
    value.scale(part);
    let l1 = l1 * part;
    let roundoff = ROUNDOFF * T::EPSILON * l1;
    Local { value, error: (variation * width).max(roundoff), l1, roundoff }
}

/// Narrows the bracket.
pub(super) fn search<T: Value>(low: f64, high: f64, a: f64, b: f64, values: &[T]) -> (Feature, f64, f64) {
    let width = b - a;
    let x = points(low, high);
    let h = (high - low) / 8.0;
    let mut most: f64 = 0.0;
    for (i, value) in values.iter().enumerate() {
        let norm = value.norm();
        if norm.is_infinite() {
            return (Feature::Power, x[i], x[i]);
        }
        most = most.max(norm);
    }
    let second = |i: usize| {
        let mut s = values[i - 1].clone();
        s.add(&values[i + 1]);
        s.add_scaled(-2.0, &values[i]);
        s
    };
    let bend: [f64; COUNT] = std::array::from_fn(|i| if i == 0 || i == COUNT - 1 { 0.0 } else { second(i).norm() });
    let peak = bend.iter().fold(0.0, |m: f64, &s| m.max(s));
    if most <= 0.0 {
        return (Feature::Lost, low, high);
    }
    if peak <= 256.0 * T::EPSILON * most {
        return (Feature::Kink, low, high);
    }
    let mut steps = [0.0; COUNT - 1];
    for (i, step) in steps.iter_mut().enumerate() {
        let mut difference = values[i + 1].clone();
        difference.add_scaled(-1.0, &values[i]);
        *step = difference.norm();
    }
    let total: f64 = steps.iter().sum();
    if let Some(k) = steps.iter().position(|&step| step > 0.9 * total) {
        let done = x[k + 1] - x[k] <= width * NARROW && total - steps[k] < 1e-3 * steps[k];
        return (if done { Feature::Jump } else { Feature::Unclear }, x[k], x[k + 1]);
    }
    let mut k = 1;
    for i in 1..COUNT - 2 {
        if bend[i] + bend[i + 1] > bend[k] + bend[k + 1] {
            k = i;
        }
    }
    let top = (1..COUNT - 1).fold(1, |m, i| if bend[i] > bend[m] { i } else { m });
    if high - low <= 64.0 * f64::EPSILON * low.abs().max(high.abs()) {
        return (Feature::Power, x[top], x[top]);
    }
    // At an edge, or beyond it: the bracket follows. It keeps its width, or two places next to each other could send
    // it back and forth, ever wider; only what is far away, where differences hardly fall off, is worth a leap.
    let inset = width * 1e-7;
    if top == 1 && bend[1] > 1.1 * bend[3] {
        let out = if bend[1] > 1.5 * bend[3] { 4.0 * h } else { 12.0 * h };
        let to = (low - out).max(a + inset);
        return (if to < low { Feature::Unclear } else { Feature::Lost }, to, low + 4.0 * h);
    }
    if top == COUNT - 2 && bend[top] > 1.1 * bend[top - 2] {
        let out = if bend[top] > 1.5 * bend[top - 2] { 4.0 * h } else { 12.0 * h };
        let to = (high + out).min(b - inset);
        return (if to > high { Feature::Unclear } else { Feature::Lost }, high - 4.0 * h, to);
    }
    let (left, right) = (bend[k - 1], if k + 2 < COUNT { bend[k + 2] } else { 0.0 });
    let pair = bend[k] + bend[k + 1];
    let sides = left.max(right);
    if sides < 0.03 * pair {
        let mut joint = second(k);
        joint.add(&second(k + 1));
        if joint.norm() < 0.3 * pair {
            return (Feature::Unclear, x[k], x[k + 1]);
        }
        // Two straight lines, or nearly: a power would show at the sides.
        let l = x[k] + h * or(bend[k + 1] / pair, 0.5);
        let clear = sides < 1e-3 * pair;
        let margin = h * if clear { 0.02 } else { MARGIN };
        let done = clear && margin <= width * 1e-5;
        return (if done { Feature::Kink } else { Feature::Unclear }, l - margin, l + margin);
    }
    let far = (1..COUNT - 1).filter(|&i| i.abs_diff(top) >= 3).fold(0.0, |m: f64, i| m.max(bend[i]));
    if peak < 4.0 * far {
        return (Feature::Smooth, low, high);
    }
    let (l, margin) = if !(3..=COUNT - 4).contains(&top) {
        (x[top], 1.5 * h)
    } else {
        let (left, right) = (bend[top - 2].sqrt(), bend[top + 2].sqrt());
        (x[top] + h * or(2.0 * (right - left) / (right + left), 0.0).clamp(-1.0, 1.0), MARGIN * h)
    };
    // Zero is where singular points are put, and no bracket gets narrow beside it.
    if l.abs() <= margin && margin <= NEAR_ZERO * width {
        return (Feature::Power, 0.0, 0.0);
    }
    let done = margin <= 4.0 * f64::EPSILON * l.abs();
    (if done { Feature::Power } else { Feature::Unclear }, l - margin, l + margin)
}

/// A ratio, or `none` where both are zero or beyond the largest number.
fn or(ratio: f64, none: f64) -> f64 {
    if ratio.is_nan() { none } else { ratio }
}
