//! The judgement of a panel by the values at its points: slopes of the map, values that are not finite, sums that
//! overflow.
//!
//! INVARIANT: a value is called not finite only if the integrand returned it so.

use super::super::domain::Domain;
use super::super::method::{Local, Method, Panel, UNKNOWN};
use super::super::space::{Lays, Placed, Space};
use super::super::value::Value;
use super::Leaf;
use super::far::{Far, Mark};
use super::reason::{Sample, grows, turns};
use crate::estimate::Reason;

/// Why a panel has no judgement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trouble<P = f64> {
    /// The integrand returned a value that is not finite: its norm, and where in `t` and in `x`.
    NonFinite { t: f64, x: P, norm: f64 },
    /// Two values of a panel differ in their length.
    Lengths { x: P, expected: usize, found: usize },
    /// All values are finite, and the integral is not.
    Endless(Reason),
}

/// The length of values so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lengths(Option<usize>);

impl Lengths {
    /// Compares the values of leaves with those before, in the order of the decisions.
    #[inline]
    pub(crate) fn compare<T: Value, P: Placed, M: Lays<P>, H>(
        &mut self,
        method: &M,
        domain: &P::Space,
        leaves: &[Leaf<T, M::Kind, H>],
    ) -> Result<(), Trouble<P>> {
        for leaf in leaves {
            let Some(found) = leaf.local.value.length() else { continue };
            let expected = *self.0.get_or_insert(found);
            if expected != found {
                let mut points = Vec::new();
                method.lay(&leaf.panel, &mut points);
                let Some(&t) = points.first() else { continue };
                return Err(Trouble::Lengths { x: domain.x(t), expected, found });
            }
        }
        Ok(())
    }
}

/// A judgement, and what it leaves out because it lies farther out than all that counts.
#[derive(Clone, Debug)]
pub(crate) struct Judged<T> {
    pub(crate) local: Local<T>,
    pub(crate) mark: Option<Mark>,
}

/// Judges a panel by the values `f(x(t))` at its points `t`. The values are multiplied by the slopes.
#[inline]
pub(crate) fn judge<T: Value, M: Method>(
    method: &M,
    domain: &Domain,
    panel: &mut Panel<M::Kind>,
    points: &[f64],
    values: &mut [T],
    far: &Far,
) -> Result<Judged<T>, Trouble> {
    let asked = *panel;
    if !domain.is_identity() {
        let overflows = |(value, &t): (&T, &f64)| {
            let norm = value.norm();
            let [first, second] = factors(domain, t);
            norm.is_finite() && norm * first * second > largest::<T>()
        };
        let before = values.iter().zip(points).any(overflows).then(|| values.to_vec());
        for (value, &t) in values.iter_mut().zip(points) {
            let slope = domain.slope(t);
            if slope.is_finite() {
                value.scale(slope);
                continue;
            }
            match domain.steep(t) {
                Some(factors) if value.norm().is_finite() => factors.into_iter().for_each(|factor| value.scale(factor)),
                // At infinity, or so near it that the integrand's own terms overflow: one whose integral exists may
                // be taken as zero there.
                _ => *value = T::zero(),
            }
        }
        if let Some(mut before) = before {
            // The judgement may do without the product that overflows; it does so on the spot.
            let local = method.estimate(panel, values);
            if local.is_sound() {
                return Ok(Judged { local, mark: None });
            }
            *panel = asked;
            let factors: Vec<_> = points.iter().map(|&t| factors(domain, t)).collect();
            return scaled_down(method, domain, panel, points, &mut before, Some(&factors));
        }
    }
    let local = method.estimate(panel, values);
    if local.is_finite() {
        return Ok(Judged { local, mark: None });
    }
    *panel = asked;
    not_finite(method, domain, panel, points, values, far)
}

/// The largest number of those inside a value.
fn largest<T: Value>() -> f64 {
    if T::EPSILON > f64::from(f32::EPSILON) / 2.0 { f64::from(f32::MAX) } else { f64::MAX }
}

/// The slope at `t` in two factors, neither of which is infinite unless `x` is.
fn factors(domain: &Domain, t: f64) -> [f64; 2] {
    let slope = domain.slope(t);
    if slope.is_finite() { [slope, 1.0] } else { domain.steep(t).unwrap_or([0.0, 0.0]) }
}

/// The same, if the judgement is not finite.
#[cold]
#[inline(never)]
fn not_finite<T: Value, M: Method>(
    method: &M,
    domain: &Domain,
    panel: &mut Panel<M::Kind>,
    points: &[f64],
    values: &mut [T],
    far: &Far,
) -> Result<Judged<T>, Trouble> {
    equal(domain, points, values)?;
    let Some(first) = values.iter().position(|value| !value.norm().is_finite()) else {
        return scaled_down(method, domain, panel, points, values, None);
    };
    let samples = samples(points, values);
    if grows(panel.a, panel.b, samples.clone()) {
        return Err(Trouble::Endless(Reason::Divergent));
    }
    if domain.is_far(points[first]) {
        if let Some(beyond) = far.beyond(domain, [panel.a, panel.b], &samples) {
            values.iter_mut().filter(|value| !value.norm().is_finite()).for_each(|value| *value = T::zero());
            let mut judged = judge_finite(method, domain, panel, points, values)?;
            let mark = beyond.into_mark(&mut judged.local);
            return Ok(Judged { mark: Some(mark), ..judged });
        }
    }
    let (t, norm) = (points[first], values[first].norm());
    Err(Trouble::NonFinite { t, x: domain.x(t), norm })
}

/// Fails if a value has another length than those before.
fn equal<T: Value>(domain: &Domain, points: &[f64], values: &[T]) -> Result<(), Trouble> {
    unequal(values, |i| domain.x(points[i]))
}

/// Fails if a value has another length than those before, at `x` of its place.
pub(crate) fn unequal<T: Value, P>(values: &[T], x: impl Fn(usize) -> P) -> Result<(), Trouble<P>> {
    let mut lengths = values.iter().enumerate().filter_map(|(i, value)| Some((i, value.length()?)));
    let Some((_, expected)) = lengths.next() else { return Ok(()) };
    match lengths.find(|(_, length)| *length != expected) {
        Some((i, found)) => Err(Trouble::Lengths { x: x(i), expected, found }),
        None => Ok(()),
    }
}

fn samples<T: Value>(points: &[f64], values: &[T]) -> Vec<Sample> {
    points.iter().zip(values).map(|(&t, value)| (t, value.norm())).collect()
}

/// Judges by values that are finite, times the slopes already.
fn judge_finite<T: Value, M: Method>(
    method: &M,
    domain: &Domain,
    panel: &mut Panel<M::Kind>,
    points: &[f64],
    values: &mut [T],
) -> Result<Judged<T>, Trouble> {
    let asked = *panel;
    let local = method.estimate(panel, values);
    if local.is_finite() {
        return Ok(Judged { local, mark: None });
    }
    *panel = asked;
    scaled_down(method, domain, panel, points, values, None)
}

/// Judges by values that are finite, while their products with the slopes (`factors`) or sums of those are not: all
/// are made smaller by a power of two, and the judgement larger by it.
#[cold]
#[inline(never)]
fn scaled_down<T: Value, M: Method>(
    method: &M,
    domain: &Domain,
    panel: &mut Panel<M::Kind>,
    points: &[f64],
    values: &mut [T],
    factors: Option<&[[f64; 2]]>,
) -> Result<Judged<T>, Trouble> {
    let factor = |i: usize| factors.map_or([1.0, 1.0], |factors| factors[i]);
    let size = |i: usize| {
        let [first, second] = factor(i);
        let norm = values[i].norm();
        // What is not finite here is so far out that it is taken for zero.
        if norm > 0.0 && norm.is_finite() { exponent(norm) + exponent(first) + exponent(second) } else { i32::MIN / 2 }
    };
    let most = (0..values.len()).map(size).max().unwrap_or(0);
    let down = most + exponent(panel.b - panel.a).max(0) + 1;
    for (i, value) in values.iter_mut().enumerate() {
        let [first, second] = factor(i);
        if !value.norm().is_finite() || first == 0.0 {
            *value = T::zero();
            continue;
        }
        let (p, q) = (exponent(first), exponent(second));
        shift(value, p + q - down, (first * power(-p)) * (second * power(-q)));
    }
    let mut local = method.estimate(panel, values);
    let is_unknown = local.error >= UNKNOWN && local.error < f64::INFINITY;
    shift(&mut local.value, down, 1.0);
    for number in [&mut local.error, &mut local.l1, &mut local.roundoff] {
        shift(number, down, 1.0);
    }
    if is_unknown {
        local.error = UNKNOWN;
    }
    if local.is_finite() {
        return Ok(Judged { local, mark: None });
    }
    equal(domain, points, values)?;
    let oscillates = points.iter().any(|&t| domain.is_far(t)) && turns(samples(points, values));
    Err(Trouble::Endless(if oscillates { Reason::Oscillating } else { Reason::Divergent }))
}

/// Multiplies by `factor`, which is near one, and by two to the power of `by`.
fn shift<T: Value>(value: &mut T, by: i32, factor: f64) {
    value.scale(factor);
    let mut left = by;
    while left != 0 {
        let step = left.clamp(-1000, 1000);
        value.scale(power(step));
        left -= step;
    }
}

/// The exponent of two of a number, to within one; zero of what has none.
fn exponent(x: f64) -> i32 {
    if x == 0.0 || !x.is_finite() {
        return 0;
    }
    if x.abs() < f64::MIN_POSITIVE {
        return exponent(x * power(64)) - 64;
    }
    (x.to_bits() >> 52 & 0x7ff) as i32 - 1023
}

/// Two to the power of `n`, of at most 1000 or so.
fn power(n: i32) -> f64 {
    f64::from_bits(((n.clamp(-1022, 1023) + 1023) as u64) << 52)
}
