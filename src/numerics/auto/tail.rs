//! The rest of an interval next to a singular point: a power law, perhaps with a logarithm.

use super::super::elementary::{exp, exp_each, ln};
use super::super::method::{Local, Panel};
use super::super::value::Value;
use super::kind::{Kind, Note};
use super::{EDGE, NOISE, ROUNDOFF};

/// Distances of the points that the law is made from and first tested at, in units of the tail's width.
const TAIL: [f64; FIT] = [1.0, 0.25, 0.062_5, 0.015_625];
const FIT: usize = 4;
/// Their logarithms, to the bit as [`ln`] has them.
const LN_TAIL: [f64; FIT] = [0.0, -1.3862943611198906, -2.772588722239781, -4.1588830833596715];
/// How many points farther in it is tested at, and how many e-folds farther each is than the one before, unless
/// numbers end before: at 2^-12, 2^-24, 2^-48 and 2^-96, by doubling.
const DEEP: usize = 4;
const STEP: f64 = 12.0 * std::f64::consts::LN_2;
/// The least distance that is looked at.
#[cfg(test)]
const LEAST_DISTANCE: f64 = 1e-306;
const LN_LEAST_DISTANCE: f64 = -704.591038456178;
pub(super) const COUNT: usize = FIT + DEEP;

/// Tails whose integrals reach farther than this power less than -1 are not continued.
const LEAST: f64 = 0.005;
/// And where they grow inwards, they are not followed farther than to so many e-folds of growth.
const MOST_GROWN: f64 = 300.0;
/// How much larger than the misfit the error may be: the next term of an expansion in the distance is missed by 2.4
/// times what the points between see of it (1,728 poles, powers and logarithms 1e-1 to 1e-12 outside the range).
const MISSED: f64 = 3.0;
/// What four points miss grows towards the singular point, and counts for more the slower the integral converges there:
/// a next term `ln(d)^2` for 0.35 / q^2 times the misfit. Without, an integrand of
/// `1 / (x |ln x|^3)` was claimed 1e-9 and off by 3e-6; with all of it a singularity at 1/3, which is no float, of power
/// -0.8 was not solved (measured 2026-11-21; from 0.02 to 0.1 both are right, and the league is the same).
const REACH: f64 = 0.1;
/// The mass of a steep law, of a power above this, lies between the two outermost points, and is missed there by as
/// many times the misfit at the second one, over the power.
const STEEP: f64 = 1.0;
const HIDDEN: f64 = 1.44;

/// What a term proportional to the distance, which a smooth factor of the power law has, adds to the misfit at the last but
/// one of the inner points, times this, it takes away at the innermost one: there it is told from another law.
const LINEAR: f64 = 1.5;

/// A misfit that no tolerance tells from none.
const NEGLIGIBLE: f64 = 1e-12;
/// How much a smooth factor of the power law may vary over the tail.
const SLOPE: f64 = 0.01;
/// How much larger the error may be than what its next term leaves.
const NEXT: f64 = 1.5;

/// A tail next to a singular point, and where its points are.
pub(super) struct Tail {
    from: f64,
    far: f64,
    width: f64,
    /// How far from the singular point the points are, in units of the width.
    parts: [f64; COUNT],
    count: usize,
}

impl Tail {
    #[inline]
    pub(super) fn new(panel: &Panel<Kind>, from: f64) -> Self {
        let (width, count) = (panel.b - panel.a, count(from));
        let mut parts = [0.0; COUNT];
        parts[..FIT].copy_from_slice(&TAIL);
        if count > FIT {
            // In e-folds of the width; from the last point of the fit to where numbers end there are steps of 1, 2, 4
            // and 8.
            let room = ln(width) - LN_LEAST_DISTANCE + LN_TAIL[FIT - 1];
            let step = (room / 8.0).clamp(0.01, STEP);
            let deep = exp_each([0.5, 1.5, 3.5, 7.5].map(|steps| -steps * step));
            parts[FIT..].copy_from_slice(&deep.map(|part| TAIL[FIT - 1] * part));
        }
        Self { from, far: if from <= panel.a { panel.b } else { panel.a }, width, parts, count }
    }

    /// The points: those farther in only if the singular point is zero, since elsewhere numbers end too soon.
    #[inline]
    pub(super) fn points(&self) -> impl Iterator<Item = f64> + '_ {
        self.parts[..self.count].iter().map(|part| self.from + (self.far - self.from) * part)
    }

    /// Judges by the values at the points.
    #[inline]
    pub(super) fn judge<T: Value>(&self, panel: &mut Panel<Kind>, values: &[T]) -> Local<T> {
        // What rounding of the innermost point does to the value there, relatively.
        let noise = NOISE * f64::EPSILON * (4.0 + self.from.abs() / (self.width * TAIL[FIT - 1]));
        let (local, power) = tail(values, self.from, self.width, noise, &self.parts[FIT..self.count]);
        panel.kind.note = Note::Power(power);
        local
    }
}

pub(super) fn count(from: f64) -> usize {
    if from == 0.0 { COUNT } else { FIT }
}

/// The integral over a tail of the given width, and the power. `noise`: what rounding of the innermost point does to the
/// value there, relatively. `deep`: how far from the singular point, in units of the width, the points farther in are.
fn tail<T: Value>(values: &[T], from: f64, width: f64, noise: f64, deep: &[f64]) -> (Local<T>, f64) {
    let norms: [f64; FIT] = std::array::from_fn(|i| values[i].norm());
    let l1 = width * norms.iter().sum::<f64>() / 4.0;
    let roundoff = ROUNDOFF * T::EPSILON * width * norms[0];
    if norms.contains(&0.0) || !l1.is_finite() {
        let most = values.iter().fold(0.0, |m: f64, value| m.max(value.norm()));
        let unlike = if norms[0] <= 0.0 && most > 0.0 { width * most } else { 0.0 };
        // So near to zero it may be numbers that end and not the integrand: as if it went on as it is.
        let beyond = if from == 0.0 && width < EDGE { width * norms[0] * -ln(width) } else { 0.0 };
        let unlike = unlike.max(beyond);
        return (Local { value: T::zero(), error: (l1 * 2.0).max(unlike), l1, roundoff: 0.0 }, 0.0);
    }
    // Infinite values so near to the singular point tell nothing. What is not a number is reported, but for infinity
    // times zero beyond values that are zero.
    if values[FIT..].iter().any(|value| value.norm().is_nan()) {
        return (Local { value: T::zero(), error: f64::NAN, l1: f64::NAN, roundoff: 0.0 }, 0.0);
    }
    // f(d) = d^p (A + B ln d), with p from the outermost values, in units of the width.
    let ratio = LN_TAIL[3];
    let p = (ln(norms[3]) - ln(norms[0])) / ratio;
    let q = 1.0 + p;
    if q <= LEAST {
        let mut value = values[0].clone();
        value.scale(width);
        // Farther in there is more of it, as far as the law was seen to go.
        let reach = ln(deep.last().copied().unwrap_or(TAIL[FIT - 1]));
        let grown = exp((reach * q).clamp(0.0, MOST_GROWN));
        return (Local { value, error: 100.0 * width * norms[0].max(l1 / width) * grown, l1, roundoff }, p);
    }
    let powers = exp_each(LN_TAIL.map(|y| -p * y));
    let [at_1, at_3] = exp_each([q * LN_TAIL[1], q * LN_TAIL[3]]);
    let model = |i: usize, j: usize| {
        // A and B from two values.
        let mut a = values[i].clone();
        a.scale(powers[i]);
        let mut b = values[j].clone();
        b.scale(powers[j]);
        b.add_scaled(-1.0, &a);
        b.scale(1.0 / (LN_TAIL[j] - LN_TAIL[i]));
        a.add_scaled(-LN_TAIL[i], &b);
        (a, b)
    };
    let (a, b) = model(0, 2);
    let mut value = a.clone();
    value.add_scaled(-1.0 / q, &b);
    value.scale(width / q);
    // How far a value at a distance, in units of the width, is off the law, with the power taken out.
    let off = |value: &T, power: f64, distance: f64| {
        let mut off = value.clone();
        off.scale(-power);
        off.add(&a);
        off.add_scaled(distance, &b);
        off
    };
    let mut misfit: f64 = 0.0;
    let mut other = T::zero();
    for (i, weight) in [(1, at_1), (3, at_3)] {
        let off = off(&values[i], powers[i], LN_TAIL[i]);
        let size = off.norm() * weight;
        // Not `max`, which would forget that it is no number.
        misfit = if misfit.is_nan() || size <= misfit { misfit } else { size };
        if i == 1 && p > STEEP {
            misfit = misfit.max(off.norm() * (HIDDEN / q).min(1.0));
        }
        other.scale(LINEAR);
        other.add(&off);
    }
    let (mut p, mut q) = (p, q);
    let is_off = deep.is_empty() && misfit > NEGLIGIBLE * norms[0];
    if let Some(sloped) = if is_off { sloped(values, &norms) } else { None }.filter(|sloped| sloped.misfit < misfit) {
        (p, q, misfit) = (sloped.power, 1.0 + sloped.power, sloped.misfit);
        (value, other) = (sloped.value, sloped.other);
        value.scale(width);
    }
    if misfit >= 0.1 * norms[0] || misfit.is_nan() {
        // Not a power law: a value that is at least not out of proportion.
        let mut value = values[0].clone();
        value.scale(width);
        return (Local { value, error: 4.0 * l1, l1, roundoff }, p);
    }
    // What is off by a part r at the innermost point d, and by r d / t at t from there on, is another law within r d.
    let part = (other.norm() / norms[0]).min(1.0);
    let inside = if part > noise { norms[0] * exp(q * ln(part * TAIL[3])) } else { 0.0 };
    let mut error = (misfit * MISSED.max(REACH / (q * q))).max(inside);
    // Farther in the law is a claim about places where nobody looked: it is tested there. A rival law parts from this
    // one with the third power of the distance in the logarithm, since three numbers were fitted.
    if let Ok(deep) = <&[f64; DEEP]>::try_from(deep) {
        let y = deep.map(ln);
        let (powers, weights) = (exp_each(y.map(|y| -p * y)), exp_each(y.map(|y| q * y)));
        for (i, value) in values[FIT..].iter().enumerate() {
            if value.norm().is_finite() {
                let off = off(value, powers[i], y[i]).norm() * weights[i];
                let beyond = 1.0 / (q * -y[i]);
                error = error.max(off * MISSED.max(beyond * beyond * beyond));
            }
        }
    }
    let error = (error * width / q).max(roundoff);
    (Local { value, error, l1: l1.max(norms[0] * width / q), roundoff }, p)
}

/// A tail of width one by the other law.
struct Sloped<T> {
    power: f64,
    value: T,
    misfit: f64,
    /// What the law leaves of the innermost value, with the power taken out.
    other: T,
}

/// The law `f(d) = d^p (A + C d)`: a power times a smooth factor, where the digits of `x` end before that is a constant.
/// The logarithm of the norm is `p ln d + r d` and a constant, to first order.
#[cold]
fn sloped<T: Value>(values: &[T], norms: &[f64; FIT]) -> Option<Sloped<T>> {
    let [l0, l1, l2] = [0, 1, 2].map(|i| ln(norms[i]));
    let r = ((l0 - l1) - (l1 - l2)) / (TAIL[0] - 2.0 * TAIL[1] + TAIL[2]);
    let power = (l0 - l1 - r * (TAIL[0] - TAIL[1])) / -LN_TAIL[1];
    let q = 1.0 + power;
    if q.is_nan() || q <= LEAST {
        return None;
    }
    let powers = exp_each(LN_TAIL.map(|y| -power * y));
    let weights = exp_each(LN_TAIL.map(|y| q * y));
    // A and C from two values.
    let mut c = values[0].clone();
    c.add_scaled(-powers[2], &values[2]);
    c.scale(1.0 / (TAIL[0] - TAIL[2]));
    let mut a = values[0].clone();
    a.add_scaled(-1.0, &c);
    let off = |i: usize| {
        let mut off = values[i].clone();
        off.scale(-powers[i]);
        off.add(&a);
        off.add_scaled(TAIL[i], &c);
        off
    };
    let other = off(3);
    let mut misfit = (off(1).norm() * weights[1]).max(other.norm() * weights[3]);
    if power > STEEP {
        misfit = misfit.max(off(1).norm() * (HIDDEN / q).min(1.0));
    }
    // The law meets the outermost three values, so what is off at the innermost one tells of the next term.
    let next = other.norm() * next_term(q) * q;
    let misfit = misfit.max(next * NEXT / MISSED);
    let mut value = a;
    value.scale(1.0 / q);
    value.add_scaled(1.0 / (q + 1.0), &c);
    // A smooth factor is nearly a constant so near to its end; else this is no such law.
    (c.norm() <= SLOPE * norms[0]).then_some(Sloped { power, value, misfit, other })
}

/// What the law with a slope misses of the integral of `d^p d^2` over a tail, over what is off at the innermost point with
/// the power taken out. It meets `d^2` at the three outermost points by `0.1691 ln d - 0.5625 + 1.5625 d`, its sign apart.
fn next_term(q: f64) -> f64 {
    const LN: f64 = 0.234_375 / (2.0 * std::f64::consts::LN_2);
    const AT_INNERMOST: f64 = 0.164_794_921_875;
    (LN / (q * q) - 0.5625 / q + 1.5625 / (q + 1.0) - 1.0 / (q + 2.0)).abs() / AT_INNERMOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_that_are_written_down_are_those_of_the_crate() {
        assert_eq!(TAIL.map(|part| ln(part).to_bits()), LN_TAIL.map(f64::to_bits));
        assert_eq!(ln(LEAST_DISTANCE).to_bits(), LN_LEAST_DISTANCE.to_bits());
    }

    #[test]
    fn a_factor_that_is_nearly_a_constant_is_told_from_a_singular_point_outside() {
        let claimed = |f: &dyn Fn(f64) -> f64, exact: f64| {
            let (local, _) = tail(&TAIL.map(f), 1.0, 1.0, 1e-6, &[]);
            [local.error / exact, (local.value - exact).abs() / exact]
        };
        // Of d^(-1/2) (1 + r d), d^(-1/2) cos(r d) and (d + r)^(-1/2), which is another law within r of the end.
        let r = 1e-4;
        for smooth in [
            claimed(&|d| (1.0 + r * d) / d.sqrt(), 2.0 + r * 2.0 / 3.0),
            claimed(&|d| (r * d).cos() / d.sqrt(), 2.0 - r * r / 5.0),
        ] {
            assert!(smooth[1] <= smooth[0] && smooth[0] < 3.0 * r, "{smooth:?}");
        }
        let law = claimed(&|d| 1.0 / (d + r).sqrt(), 2.0 * ((1.0 + r).sqrt() - r.sqrt()));
        assert!(law[1] <= 2.0 * law[0] && law[0] > 0.5 * r.sqrt(), "{law:?}");
    }
}
