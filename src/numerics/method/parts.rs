//! What the panels that replace another one have from it: errors that are lowered by what cutting it moved, and points.

use super::super::domain::Domain;
use super::super::lanes::Lanes;
use super::super::value::Value;
use super::{Local, Method, Panel};

/// The error of what nobody knows: more than any tolerance.
pub(crate) const UNKNOWN: f64 = 1e300;

/// The errors of the parts of a panel are together at most so many times what cutting it moved.
const MOVED: f64 = 3.0;
/// In a panel of less relative width it may be the rounding of its points that moved.
const NARROW: f64 = 1e-8;

/// A jump so near to a cut that both parts' points are on its right sides is seen by neither. Both are exact then as
/// far as they can tell: their bounds fall below this part of the error of the whole, which of a smooth integrand
/// happens by no cut.
const SUDDEN: f64 = 1.0 / (1u64 << 32) as f64;
/// But the whole had points on both sides of the jump, and one at the cut: it was off by more than this part of the
/// integral of the norm, which a kink does not do.
const JUMPED: f64 = 1.0 / 128.0;
/// What is hidden there is less than this part of what the cut moved: by the distance of the outermost points from
/// the limits, and the weight of the one in the middle.
pub(super) const HIDDEN: f64 = 1.0 / 16.0;

/// What becomes of the errors of the parts of a panel: times a factor, and no less than so much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lowering {
    pub(super) factor: f64,
    pub(super) least: f64,
}

/// By which factor the errors of the parts of a panel are lower than their bounds, if it is below one: cutting it
/// moved the integral by the error that the panel had, and the parts, with more points, have less. Both values may be
/// off alike by chance, so errors fall no further than the square of how far their bounds fell below the error of the
/// whole. See docs/NUMERICS.md, "What does a bisection say of its halves?".
///
/// `doubts`: whether a jump at the cut is to be looked for.
#[inline]
pub(crate) fn lowering<'a, T: Value, K>(
    doubts: bool,
    panel: &Panel<K>,
    whole: &Local<T>,
    parts: impl Iterator<Item = &'a Local<T>>,
) -> Lowering {
    let mut moved = whole.value.clone();
    let (mut bound, mut roundoff, mut l1) = (0.0, 0.0, 0.0);
    for part in parts {
        moved.add_scaled(-1.0, &part.value);
        bound += part.error;
        roundoff += part.roundoff;
        l1 += part.l1;
    }
    let moved = moved.norm() - 2.0 * roundoff;
    let fell = bound / whole.error;
    let factor = (MOVED * moved / bound).most(fell * fell);
    let is_narrow = panel.b - panel.a < NARROW * panel.a.abs().most(panel.b.abs());
    let least = if doubts && fell < SUDDEN && !is_narrow { hidden(panel.depth, whole.error, moved, l1) } else { 0.0 };
    Lowering { factor: if is_narrow { 1.0 } else { factor }, least }
}

/// How much is hidden at the cut at most, if the integrand jumps there.
#[cold]
fn hidden(depth: u32, error: f64, moved: f64, l1: f64) -> f64 {
    if moved > JUMPED * l1 {
        HIDDEN * moved
    } else if depth == 0 && error > JUMPED * JUMPED * l1 && moved < SUDDEN * error {
        // The whole had a large error, but was right: two jumps mirror one another. (That of a part may be large
        // because the part is doubted.)
        error
    } else {
        0.0
    }
}

/// Lowers the errors of the parts of a panel by what cutting it moved, and lets the method take note of them.
#[inline]
pub(crate) fn compare<T: Value, M: Method, P>(
    method: &M,
    panel: &Panel<M::Kind>,
    whole: &Local<T>,
    parts: &mut [P],
    each: impl Fn(&mut P) -> (&mut Panel<M::Kind>, &mut Local<T>),
) {
    if M::AXES > 1 {
        parts.iter_mut().for_each(|part| method.follows(panel, each(part).0));
        return raise(whole, parts, each);
    }
    let factor = lowering(method.doubts_parts(), panel, whole, parts.iter_mut().map(|part| &*each(part).1));
    let mut all = 0.0;
    for part in &mut *parts {
        let (_, local) = each(part);
        local.lower(factor);
        all += local.error;
    }
    for part in parts {
        let (panel, local) = each(part);
        method.compared(panel, local.error, all);
    }
}

/// Raises the errors of the parts of a box by what cutting it moved: the two-level estimate of Berntsen, Espelid and Genz
/// (1991), as Cuhre has it. They are never lowered: a cut along one axis moves the integral by that axis's error only.
fn raise<T: Value, K, P>(whole: &Local<T>, parts: &mut [P], each: impl Fn(&mut P) -> (&mut Panel<K>, &mut Local<T>)) {
    let mut moved = whole.value.clone();
    let (mut all, mut roundoff) = (0.0, 0.0);
    for part in &mut *parts {
        let local = &*each(part).1;
        moved.add_scaled(-1.0, &local.value);
        all += local.error;
        roundoff += local.roundoff;
    }
    let moved = (moved.norm() - 2.0 * roundoff).most(0.0) / 4.0;
    for part in parts {
        let local = each(part).1;
        let times = if all > 0.0 { 1.0 + 2.0 * moved / all } else { 1.0 };
        local.error = times * local.error + moved;
    }
}

/// The panels that cover the domain, one to a piece.
pub(crate) fn whole<M: Method>(method: &M, domain: &Domain) -> impl Iterator<Item = Panel<M::Kind>> {
    domain.pieces().map(move |(a, b)| Panel { a, b, depth: 0, kind: method.piece(a, b, domain.beside(a, b)) })
}

/// Appends the points of a panel that are not those of the panel that it replaces.
#[inline]
pub(crate) fn fresh_points<M: Method>(method: &M, panel: &Panel<M::Kind>, into: &mut Vec<f64>) {
    let first = into.len();
    method.points(panel, into);
    if M::AUDITS {
        into.drain(first..first + method.inherited(panel));
    }
}

/// How many these are.
#[inline]
pub(crate) fn fresh_count<M: Method>(method: &M, panel: &Panel<M::Kind>) -> usize {
    method.count(panel) - if M::AUDITS { method.inherited(panel) } else { 0 }
}
