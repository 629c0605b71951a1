//! Panels next to a limit where the integrand is singular: the variable is a root of the distance,
//! in which powers and logarithms are smooth. The weight oscillates little there, and is taken as
//! part of the integrand.

use super::super::method::{Local, Panel};
use super::super::product::{self, Series, TOP};
use super::super::value::Value;
use super::{Stage, no_better};

/// By how much the phase of the weight may grow over such a panel.
const TURNS: f64 = 4.0;
/// So many bisections towards a limit tell that the integrand is singular there.
const TOWARDS: u8 = 5;
/// The order that such a panel begins with.
const FIRST: u8 = 5;
/// How many roundings the point nearest to the limit has to be away from it.
const APART: f64 = 4.0;

/// The distance of the nearest point but the limit itself, of the highest order, in the variable of
/// the panel: the square of the sine of pi/128.
const NEAREST: f64 = 6.022_718_974_138_04e-4;

/// How many times the variable is squared for the distance: first, and if the integrand is not
/// smooth then.
const SQUARINGS: [u32; 2] = [3, 5];

/// The same, as far as numbers next to the limit are near enough; none if they are not.
fn squarings(limit: f64, width: f64, most: u32) -> Option<u32> {
    let mut nearest = NEAREST;
    let mut found = None;
    for times in 1..=most {
        nearest *= nearest;
        // Of a limit at zero nothing is lost.
        if width * nearest > APART * f64::EPSILON * limit.abs() && width * nearest > f64::MIN_POSITIVE {
            found = Some(times);
        }
    }
    found
}

/// The limit that is singular, and the direction from there.
fn limit(panel: &Panel<Stage>) -> Option<(f64, f64)> {
    match panel.kind.open {
        [true, false] => Some((panel.a, 1.0)),
        [false, true] => Some((panel.b, -1.0)),
        _ => None,
    }
}

/// The panel over the same range in the other variable, if its values call for it.
pub(super) fn graded(omega: f64, panel: &Panel<Stage>) -> Option<Panel<Stage>> {
    let Stage { patched, towards, graded, .. } = panel.kind;
    let (limit, _) = limit(panel)?;
    let width = panel.b - panel.a;
    if graded > 0 {
        // Once more, if that makes a difference.
        let [first, second] = SQUARINGS.map(|most| squarings(limit, width, most));
        let due = graded == 1 && second > first;
        let kind = Stage { log: FIRST, graded: 2, raise: false, ..panel.kind };
        return due.then_some(Panel { depth: panel.depth + 1, kind, ..*panel });
    }
    let due = (patched || towards >= TOWARDS) && omega.abs() * width <= TURNS;
    if !due || squarings(limit, width, SQUARINGS[0]).is_none() {
        return None;
    }
    let kind = Stage { log: FIRST, graded: 1, raise: false, ..panel.kind };
    Some(Panel { depth: panel.depth + 1, kind, ..*panel })
}

/// The points in the variable of the panel, from the limit on, without the limit.
fn variables(log: u8) -> Vec<f64> {
    let mut points = Vec::new();
    product::points(&Panel { a: 0.0, b: 1.0, depth: 0, kind: () }, usize::from(log), &mut points);
    points.remove(0);
    points
}

/// How many times the variable of this panel is squared.
fn squared(panel: &Panel<Stage>, limit: f64) -> u32 {
    let most = SQUARINGS[usize::from(panel.kind.graded.clamp(1, 2)) - 1];
    squarings(limit, panel.b - panel.a, most).unwrap_or(1)
}

/// The distance in parts of the width, and the slope.
fn stretched(s: f64, squarings: u32) -> (f64, f64) {
    let (mut distance, mut slope) = (s, 1.0);
    for _ in 0..squarings {
        slope *= 2.0 * distance;
        distance *= distance;
    }
    (distance, slope)
}

/// Appends the points, from the limit outwards; the limit itself is none.
pub(super) fn points(panel: &Panel<Stage>, into: &mut Vec<f64>) {
    let Some((limit, side)) = limit(panel) else { return };
    let width = panel.b - panel.a;
    let squarings = squared(panel, limit);
    let x = variables(panel.kind.log).into_iter().map(|s| limit + side * (width * stretched(s, squarings).0));
    into.extend(x.map(|x| x.clamp(panel.a, panel.b)));
}

pub(super) fn count(log: u8) -> usize {
    1 << log
}

/// Judges such a panel. `wave`: the weight at a place, and another one that is large where it is
/// small; the error is that of the worse.
pub(super) fn judge<T: Value>(panel: &mut Panel<Stage>, values: &[T], wave: impl Fn(f64) -> [f64; 2]) -> Local<T> {
    let mut points = Vec::with_capacity(values.len());
    self::points(panel, &mut points);
    let width = panel.b - panel.a;
    let squarings = squared(panel, limit(panel).map_or(0.0, |limit| limit.0));
    let slopes: Vec<f64> = variables(panel.kind.log).into_iter().map(|s| width * stretched(s, squarings).1).collect();
    // Times the slope, which is zero at the limit, faster than any value grows whose integral
    // exists (but for powers next to -1).
    let times = |factor: &dyn Fn(usize) -> f64| {
        let mut all = Vec::with_capacity(values.len() + 1);
        all.push(values.first().map_or_else(T::zero, |value| {
            let mut zero = value.clone();
            zero.scale(0.0);
            zero
        }));
        for (i, value) in values.iter().enumerate() {
            let mut value = value.clone();
            value.scale(slopes[i] * factor(i));
            all.push(value);
        }
        all
    };
    let waves: Vec<[f64; 2]> = points.iter().map(|x| wave(*x)).collect();
    let n = 1usize << panel.kind.log;
    let plain: Vec<f64> = (0..=n).map(|k| if k % 2 == 0 { 2.0 / (1.0 - (k * k) as f64) } else { 0.0 }).collect();
    let sizes: Vec<f64> = plain.iter().map(|moment| moment.abs()).collect();
    let (own, other) = (times(&|i| waves[i][0]), times(&|i| waves[i][1]));
    let (own, other) = (Series::new(&own), Series::new(&other));
    panel.kind.raise = usize::from(panel.kind.log) < TOP && (own.falls_fast || other.falls_fast);
    let (own, other) = (own.against(&plain, &sizes, 0.5), other.against(&plain, &sizes, 0.5));
    let without = times(&|_| 1.0);
    let l1 = Series::new(&without).l1() * 0.5;
    Local { l1, ..no_better(own, &other) }
}
