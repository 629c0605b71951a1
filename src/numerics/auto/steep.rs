//! A peak between two points of a panel, of which they see no more than the feet.
//!
//! An absolute tolerance is met by values that are next to nothing. Where these rise steeply from both sides towards
//! two points of a panel that has resolved nothing, they are no estimate of what is between.

use super::super::elementary::{exp, ln};
use super::super::method::{Panel, UNKNOWN};
use super::kind::Kind;

/// A panel whose error is this part of the integral of the norm, or more, has resolved nothing.
pub(super) const UNRESOLVED: f64 = 0.1;
/// The logarithm of how many times larger than all values a peak must be that is told from its feet alone.
const HIGHER: f64 = 7.0;
/// The logarithm of the largest peak that is told.
const MOST: f64 = 690.0;

/// What a peak may have of the integral over the variable of the places; the largest value and its neighbours, between
/// which it is.
pub(super) struct Feet {
    pub(super) mass: f64,
    pub(super) between: [f64; 3],
}

#[derive(Clone, Copy)]
struct Point {
    place: f64,
    /// The place in the variable in which the logarithm of the norm is a straight line.
    at: f64,
    norm: f64,
}

/// What the values at ascending places between two ends tell. `x`: where a place is in the variable of the panels.
///
/// The logarithm of the norm is taken for concave: then it is between two points at most what the straight lines through
/// the two before and the two behind say, in whichever variable that is more: the place, `x`, or one over the distance
/// from a limit that may stand for infinity. In the last gap before an end nobody knows.
#[cold]
#[inline(never)]
pub(super) fn feet(
    panel: &Panel<Kind>,
    place: &[f64],
    norm: &[f64],
    ends: [f64; 2],
    x: impl Fn(f64) -> f64,
) -> Option<Feet> {
    let last = norm.len() - 1;
    let top = (0..=last).fold(0, |m, i| if norm[i] > norm[m] { i } else { m });
    if norm[top] <= 0.0 || !is_steep(norm, top) {
        return None;
    }
    let (of_a, of_b) = (|y: f64| -1.0 / (x(y) - panel.a), |y: f64| 1.0 / (panel.b - x(y)));
    let variables: [(bool, &dyn Fn(f64) -> f64); 4] =
        [(true, &|y| y), (true, &x), (panel.a == 0.0, &of_a), (panel.b == 0.0, &of_b)];
    let is_limit = |end: f64| panel.depth == 0 || end == 0.0;
    let mut mass: f64 = 0.0;
    for (_, variable) in variables.iter().filter(|(is_one, _)| *is_one) {
        let point = |i: usize| Point { place: place[i], at: variable(place[i]), norm: norm[i] };
        mass = mass.max(gap(top, ends, is_limit(panel.a), &|i| (i <= last).then(|| point(i))));
        let mirrored = |i: usize| last.checked_sub(i).map(|i| point(i).mirrored());
        mass = mass.max(gap(last - top, [-ends[1], -ends[0]], is_limit(panel.b), &mirrored));
    }
    (mass > 0.0).then(|| {
        let low = if top <= 1 { ends[0] } else { place[top - 1] };
        let high = if top + 1 >= last { ends[1] } else { place[top + 1] };
        Feet { mass, between: [low, place[top], high] }
    })
}

/// Whether a gap beside the largest value may have what `gap` tells, for short: values halve on both sides of it at
/// least.
fn is_steep(norm: &[f64], top: usize) -> bool {
    let last = norm.len() - 1;
    let falls = |from: usize, to: Option<usize>| match to {
        Some(to) if to <= last => norm[to] <= 0.5 * norm[from],
        _ => true,
    };
    let right = top < last && falls(top, top.checked_sub(1)) && falls(top + 1, Some(top + 2));
    let left = top > 0 && falls(top, Some(top + 1)) && falls(top - 1, top.checked_sub(2));
    right || left
}

impl Point {
    fn mirrored(self) -> Self {
        Point { place: -self.place, at: -self.at, ..self }
    }
}

/// What may be in the gap that follows the largest value. `is_limit`: whether the start is a limit of the range, towards
/// which values may grow.
fn gap(top: usize, [start, end]: [f64; 2], is_limit: bool, point: &impl Fn(usize) -> Option<Point>) -> f64 {
    let (Some(p), Some(q)) = (point(top), point(top + 1)) else { return 0.0 };
    let above = |high: f64, low: f64| if low > 0.0 { ln(high) - ln(low) } else { f64::INFINITY };
    let (width, step) = (q.place - p.place, above(p.norm, q.norm));
    let Some(foot) = top.checked_sub(1).and_then(point) else {
        if is_limit {
            return 0.0;
        }
        // At the very end: more than a power of the distance has whose integral exists, and no pole.
        let steepest = ln((q.place - start) / (p.place - start));
        let is_pole = q.norm > 0.0 && point(top + 2).is_some_and(|after| above(q.norm, after.norm) < step);
        return if step > steepest && !is_pole { p.norm * width } else { 0.0 };
    };
    let climb = above(p.norm, foot.norm);
    let rise = climb / (p.at - foot.at);
    let after = point(top + 2);
    let fall = match after {
        Some(after) if q.norm > 0.0 => above(q.norm, after.norm) / (after.at - q.at),
        // Next to the end, where the mass per e-fold of the distance from it does not grow outwards.
        None if step <= HIGHER || climb <= ln((end - foot.place) / (end - p.place)) => 0.0,
        _ => f64::INFINITY,
    };
    if fall <= 0.0 {
        return 0.0;
    }
    // From the largest value on: how high the lines meet.
    let wide = q.at - p.at;
    let height = match (rise < f64::INFINITY, fall < f64::INFINITY) {
        (true, true) => rise * ((fall * wide - step) / (rise + fall)).clamp(0.0, wide),
        (true, false) if after.is_some() => rise * wide,
        (false, true) => fall * wide - step,
        _ => f64::INFINITY,
    };
    if height <= HIGHER {
        return 0.0;
    }
    // Where the logarithm is not concave they meet too low.
    let about = ln(p.norm) + height + HIGHER;
    if about < MOST { exp(about) * width } else { UNKNOWN }
}
