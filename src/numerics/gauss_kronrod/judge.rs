//! Evaluation at the points of a panel, and its judgement by the values there.

use wide::f64x2;

use super::super::lanes::{Lanes, Parts, blur, same};
use super::super::method::{Local, Panel};
use super::super::value::Value;
use super::grading::Place;
use super::sums::{Laid, Sums, Values, spread};

/// What rounding leaves of a panel's error, in units of epsilon times the integral of the norm: the weights, the
/// products and the sums each add up to about one; QUADPACK takes 50.
const ROUNDOFF: f64 = 5.0;

/// By how much the error is at most larger than `|K - G|`; see docs/NUMERICS.md, "How large is the
/// error of a Gauss-Kronrod panel?".
pub(in crate::numerics) const TRUST: f64 = 8.0;

/// The part of an error in the integral of `t f(t)` that the integral of `f` is taken to have at least, `t` from -1
/// to 1. The odd part of `f` has no integral, so of a smooth one nothing is left; but a rough one, jumps say, is odd
/// at the points and not between them.
const ODD: f64 = 1.0 / 64.0;

/// Whether a panel is compared with the one it comes from: then its error is a bound at first.
#[inline]
pub(super) fn is_half(panel: &Panel<Place>) -> bool {
    panel.depth > 0
}

/// The values at the points of a panel, each side where two are read at once as they are written.
#[repr(C)]
struct Around<T, const M: usize> {
    below: Side<T, M>,
    above: Side<T, M>,
    centre: T,
    c: f64,
    h: f64,
}

#[repr(align(16))]
struct Side<T, const M: usize>([T; M]);

impl<T: Value, const M: usize> Around<T, M> {
    /// Evaluates at the centre, then below it from the inside out, then above.
    #[inline]
    fn new(panel: &Panel<Place>, mut f: impl FnMut(f64) -> T) -> Self {
        let (c, h) = (panel.midpoint(), panel.reach());
        let centre = f(c);
        let mut below: [T; M] = std::array::from_fn(|_| T::zero());
        let mut above: [T; M] = std::array::from_fn(|_| T::zero());
        for (value, node) in below.iter_mut().zip(&Laid::<M>::RULE.nodes) {
            *value = f(c - h * node);
        }
        for (value, node) in above.iter_mut().zip(&Laid::<M>::RULE.nodes) {
            *value = f(c + h * node);
        }
        Self { below: Side(below), above: Side(above), centre, c, h }
    }

    #[inline]
    fn values(&self) -> Values<'_, T, M> {
        Values { centre: &self.centre, below: &self.below.0, above: &self.above.0 }
    }
}

/// The judgement of a panel by the values that `f` has at its points.
#[inline]
pub(super) fn judge_here<T: Value, const M: usize>(panel: &Panel<Place>, f: impl FnMut(f64) -> T) -> Local<T> {
    let around = Around::<T, M>::new(panel, f);
    judge(panel, around.c, around.h, around.values())
}

/// The judgements of two panels next to each other, first the left one, by the values that `f` has at their points.
#[inline]
pub(super) fn judge_two_here<T: Value, const M: usize>(
    [left, right]: [&Panel<Place>; 2],
    mut f: impl FnMut(f64) -> T,
) -> [Local<T>; 2] {
    let (first, second) = (Around::<T, M>::new(left, &mut f), Around::<T, M>::new(right, &mut f));
    judge_two([left, right], &first, &second).split()
}

/// The judgement of a panel by its centre, half its width and its values. Not inlined: that they are in memory lets both
/// this and the evaluation take two at a time.
#[inline(never)]
pub(super) fn judge<T: Value, const M: usize>(
    panel: &Panel<Place>,
    c: f64,
    h: f64,
    values: Values<'_, T, M>,
) -> Local<T> {
    let (at, alone) = ([panel.a, c, panel.b], !is_half(panel));
    if let Some(values) = values.same() {
        return same(judge_by::<f64, f64x2, M>(at, h, alone, values)).expect("that is what it is");
    }
    judge_by::<T, [T; 2], M>(at, h, alone, values)
}

/// `alone`: not a part of a panel, which would tell how large its error is.
#[inline]
fn judge_by<T: Value, P: Parts<T>, const M: usize>(
    at: [f64; 3],
    h: f64,
    alone: bool,
    values: Values<'_, T, M>,
) -> Local<T> {
    let (Sums { mut kronrod, difference, l1 }, odd) = Sums::with_odd::<P, M>(values);
    let difference = difference.most(ODD * odd);
    let bound = if alone {
        bound(difference, l1, T::EPSILON, || spread::<T, P, M>(values, &kronrod))
    } else {
        TRUST * difference
    };
    let [error, l1, roundoff] = errors::<T, f64>(at, h, [bound, l1], norms(values));
    kronrod.scale(h);
    Local { value: kronrod, error, l1, roundoff }
}

/// What the values say of the integrals over two panels.
struct Locals<T> {
    value: [T; 2],
    error: [f64; 2],
    l1: [f64; 2],
    roundoff: [f64; 2],
}

impl<T> Locals<T> {
    #[inline]
    fn split(self) -> [Local<T>; 2] {
        let ([first, second], [error, l1, roundoff]) = (self.value, [self.error, self.l1, self.roundoff]);
        let local = |value, i: usize| Local { value, error: error[i], l1: l1[i], roundoff: roundoff[i] };
        [local(first, 0), local(second, 1)]
    }
}

/// The judgements of the halves of a panel, by the same instructions if the values are numbers.
#[inline(never)]
fn judge_two<T: Value, const M: usize>(
    [one, other]: [&Panel<Place>; 2],
    left: &Around<T, M>,
    right: &Around<T, M>,
) -> Locals<T> {
    let (first, second) = (left.values(), right.values());
    let (Some(first), Some(second)) = (first.same(), second.same()) else {
        let (first, second) = (judge(one, left.c, left.h, first), judge(other, right.c, right.h, second));
        return Locals {
            value: [first.value, second.value],
            error: [first.error, second.error],
            l1: [first.l1, second.l1],
            roundoff: [first.roundoff, second.roundoff],
        };
    };
    let both = |x, y| f64x2::new([x, y]);
    let (p, odd) = Sums::with_odd::<f64x2, M>(first);
    let (q, also) = Sums::with_odd::<f64x2, M>(second);
    let (at, h) = ([both(one.a, other.a), both(left.c, right.c), both(one.b, other.b)], both(left.h, right.h));
    let ([u, v, w], [x, y, z]) = (norms(first), norms(second));
    let splat = <f64x2 as Lanes>::splat;
    let difference = both(p.difference, q.difference).most(splat(ODD) * both(odd, also));
    let sums = [splat(TRUST) * difference, both(p.l1, q.l1)];
    let [error, l1, roundoff] = errors::<f64, f64x2>(at, h, sums, [both(u, x), both(v, y), both(w, z)]);
    let value = (both(p.kronrod, q.kronrod) * h).to_array();
    same(Locals { value, error: error.to_array(), l1: l1.to_array(), roundoff: roundoff.to_array() })
        .expect("that is what they are")
}

/// The norms of the first, the middle and the last value.
#[inline]
fn norms<T: Value, const M: usize>(values: Values<'_, T, M>) -> [f64; 3] {
    let last = |side: &[T; M]| side.last().map_or(0.0, T::norm);
    [last(values.below), values.centre.norm(), last(values.above)]
}

/// The error of a panel from -1 to 1 by QUADPACK, and at most `TRUST` times `|K - G|`. `spread`: the integral of
/// `|f - mean f|`, which may not be asked for.
#[inline]
fn bound(difference: f64, l1: f64, epsilon: f64, spread: impl FnOnce() -> f64) -> f64 {
    let bound = TRUST * difference;
    // The spread is at most twice the integral of the norm: that often tells which of the two is the smaller one.
    if 2.0 * TRUST * TRUST / (200.0 * 200.0 * 200.0) * l1 > difference && bound > ROUNDOFF * epsilon * l1 {
        let spread = spread();
        let ratio = if planted!(3) { 150.0 } else { 200.0 } * difference / spread;
        let smooth = spread * ratio * ratio.sqrt();
        if smooth < bound { smooth } else { bound }
    } else {
        bound
    }
}

/// The error of panels, the integral of the norm over them and the part of the error that is due to rounding. `at`: the
/// limits and between them the centre, `norms` those of the values next to them.
#[inline]
fn errors<T: Value, N: Lanes>(at: [N; 3], h: N, [error, l1]: [N; 2], norms: [N; 3]) -> [N; 3] {
    let roundoff = N::splat(ROUNDOFF * T::EPSILON) * l1;
    let (error, roundoff) = (error * h, roundoff * h);
    let blur = blur(at, norms);
    [error.most(roundoff).most(blur), l1 * h, roundoff.most(blur)]
}
