//! The rest of an interval next to a singular point: a power law, perhaps with a logarithm.

use super::super::elementary::{exp, ln};
use super::super::method::Local;
use super::super::value::Value;
use super::ROUNDOFF;

/// Distances of the points from the singular one, in units of the tail's width.
pub(super) const TAIL: [f64; 4] = [1.0, 0.25, 0.062_5, 0.015_625];

/// Tails whose integrals reach farther than this power less than -1 are not continued.
const LEAST: f64 = 0.005;
/// How much larger than the misfit the error may be: the next term of an expansion in the distance is missed by 2.4
/// times what the points between see of it (1,728 poles, powers and logarithms 1e-1 to 1e-12 outside the range).
const MISSED: f64 = 3.0;
/// What four points miss grows towards the singular point, and counts for more the slower the integral converges there:
/// a next term `ln(d)^2` for 0.35 / q^2 times the misfit. Without, an integrand of
/// `1 / (x |ln x|^3)` was claimed 1e-9 and off by 3e-6; with all of it a singularity at 1/3, which is no float, of power
/// -0.8 was not solved (measured 2026-11-21; from 0.02 to 0.1 both are right, and the league is the same).
const REACH: f64 = 0.1;

/// What a term proportional to the distance, which a smooth factor of the power law has, adds to the misfit at the last but
/// one of the inner points, times this, it takes away at the innermost one: there it is told from another law.
const LINEAR: f64 = 1.5;

/// The integral over a tail of the given width, and the power. `noise`: what rounding of the innermost point does to the
/// value there, relatively.
pub(super) fn tail<T: Value>(values: &[T], width: f64, noise: f64) -> (Local<T>, f64) {
    let norms: [f64; 4] = std::array::from_fn(|i| values[i].norm());
    let l1 = width * norms.iter().sum::<f64>() / 4.0;
    let roundoff = ROUNDOFF * T::EPSILON * width * norms[0];
    if norms.contains(&0.0) || !l1.is_finite() {
        return (Local { value: T::zero(), error: l1 * 2.0, l1, roundoff: 0.0 }, 0.0);
    }
    // f(d) = d^p (A + B ln d), with p from the outermost values, in units of the width.
    let ratio = ln(TAIL[3]);
    let p = (ln(norms[3]) - ln(norms[0])) / ratio;
    let q = 1.0 + p;
    if q <= LEAST {
        let mut value = values[0].clone();
        value.scale(width);
        return (Local { value, error: 100.0 * width * norms[0].max(l1 / width), l1, roundoff }, p);
    }
    let powers: [f64; 4] = std::array::from_fn(|i| exp(-p * ln(TAIL[i])));
    let model = |i: usize, j: usize| {
        // A and B from two values.
        let mut a = values[i].clone();
        a.scale(powers[i]);
        let mut b = values[j].clone();
        b.scale(powers[j]);
        b.add_scaled(-1.0, &a);
        b.scale(1.0 / (ln(TAIL[j]) - ln(TAIL[i])));
        a.add_scaled(-ln(TAIL[i]), &b);
        (a, b)
    };
    let (a, b) = model(0, 2);
    let mut value = a.clone();
    value.add_scaled(-1.0 / q, &b);
    value.scale(width / q);
    let mut misfit: f64 = 0.0;
    let mut other = T::zero();
    for i in [1, 3] {
        let mut off = values[i].clone();
        off.scale(-powers[i]);
        off.add(&a);
        off.add_scaled(ln(TAIL[i]), &b);
        let size = off.norm() * exp(q * ln(TAIL[i]));
        // Not `max`, which would forget that it is no number.
        misfit = if misfit.is_nan() || size <= misfit { misfit } else { size };
        other.scale(LINEAR);
        other.add(&off);
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
    let error = (misfit * MISSED.max(REACH / (q * q))).max(inside) * width / q;
    let error = error.max(roundoff);
    (Local { value, error, l1: l1.max(norms[0] * width / q), roundoff }, p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_that_is_nearly_a_constant_is_told_from_a_singular_point_outside() {
        let claimed = |f: &dyn Fn(f64) -> f64, exact: f64| {
            let (local, _) = tail(&TAIL.map(f), 1.0, 1e-6);
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
