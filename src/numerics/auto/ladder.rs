//! A look at all scales: where a piece shows next to nothing, points at geometric distances from each place next to
//! which a feature can hide from evenly spread ones: both limits, and zero if zero is inside.

use super::super::domain::{DIGITS, LEAST};
use super::super::method::Panel;
use super::super::value::Value;
use super::cut::tile;
use super::kind::{Kind, PLAIN, Shape, log, tail_from};

/// Distances of the rungs, in units of the side's reach: a decade apart as long as numbers next to a limit of order one
/// tell them apart, then farther and farther. Mass at some scale shows over decades: `exp(-x/s)/s` down to all smaller
/// distances, a lognormal density of width 0.1 over three of them.
const RUNGS: [f64; 33] = [
    0.3, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-18,
    1e-20, 1e-23, 1e-26, 1e-30, 1e-35, 1e-40, 1e-50, 1e-60, 1e-80, 1e-100, 1e-130, 1e-160, 1e-200, 1e-250, 1e-290,
];

/// Below this part of the most mass per e-fold, outwards and inwards: there begins another panel.
const THIN_OUTSIDE: f64 = 1e-20;
const THIN_INSIDE: f64 = 1e-10;
/// Norms within this factor of the innermost one are taken for the values of a function that is smooth there.
const FLAT: f64 = 1.5;

/// What the rungs of a side saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// The rungs between which the mass is; [`NOTHING`] if there is none on this side.
    outer: u8,
    inner: u8,
    /// Whether the integrand is nearly a constant inside the inner rung.
    is_flat: bool,
}

const NOTHING: u8 = u8::MAX;
const UNSEEN: Seen = Seen { outer: NOTHING, inner: NOTHING, is_flat: false };

/// A place, and on which side of it to look how far.
#[derive(Clone, Copy)]
struct Side {
    from: f64,
    sign: f64,
    reach: f64,
    rungs: usize,
}

impl Side {
    fn new(from: f64, to: f64, part: f64) -> Self {
        let reach = (to * part - from * part).abs();
        let least = LEAST.max(from.abs() * DIGITS);
        let rungs = RUNGS.iter().take_while(|&&rung| reach * rung >= least).count();
        Side { from, sign: if to > from { 1.0 } else { -1.0 }, reach, rungs }
    }

    fn at(&self, distance: f64) -> f64 {
        self.from + self.sign * distance
    }

    fn distance(&self, rung: usize) -> f64 {
        self.reach * RUNGS[rung]
    }
}

/// From left to right: right of the lower limit, left and right of zero, left of the upper limit; without zero the
/// first and the last. Each reaches half way to the next place.
fn sides(a: f64, b: f64) -> ([Side; 4], bool) {
    let has_zero = a < 0.0 && b > 0.0;
    let (low, high) = if has_zero { (0.0, 0.0) } else { (b, a) };
    let side = |from, to| Side::new(from, to, 0.5);
    ([side(a, low), side(low, a), side(high, b), side(b, high)], has_zero)
}

/// The sides that are looked at, with their numbers.
fn looked_at(a: f64, b: f64) -> impl Iterator<Item = (usize, Side)> {
    let (sides, has_zero) = sides(a, b);
    sides.into_iter().enumerate().filter(move |(i, _)| has_zero || *i == 0 || *i == 3)
}

pub(super) fn points(panel: &Panel<Kind>, into: &mut Vec<f64>) {
    for (_, side) in looked_at(panel.a, panel.b) {
        into.extend((0..side.rungs).map(|rung| side.at(side.distance(rung))));
    }
}

pub(super) fn count(panel: &Panel<Kind>) -> usize {
    looked_at(panel.a, panel.b).map(|(_, side)| side.rungs).sum()
}

/// What the values at the rungs say; none if all of them are zero. Values that are not finite are passed over: so
/// near a singular point they need not be a number.
pub(super) fn look<T: Value>(panel: &Panel<Kind>, values: &[T]) -> Option<[Seen; 4]> {
    let mass = |side: &Side, rung: usize, value: &T| {
        let mass = value.norm() * side.distance(rung);
        if mass.is_nan() || mass.is_infinite() { 0.0 } else { mass }
    };
    let mut all = [(0, [0.0; RUNGS.len()]); 4];
    let (mut first, mut most): (usize, f64) = (0, 0.0);
    for (i, side) in looked_at(panel.a, panel.b) {
        for rung in 0..side.rungs {
            all[i].1[rung] = mass(&side, rung, &values[first + rung]);
            most = most.max(all[i].1[rung]);
        }
        all[i].0 = side.rungs;
        first += side.rungs;
    }
    if most <= 0.0 {
        return None;
    }
    Some(all.map(|(rungs, masses)| seen(&masses[..rungs], most)))
}

fn seen(masses: &[f64], most: f64) -> Seen {
    let best = (0..masses.len()).fold(0, |k, i| if masses[i] > masses[k] { i } else { k });
    if masses.is_empty() || masses[best] <= THIN_OUTSIDE * most {
        return UNSEEN;
    }
    let outer = (0..best).rev().find(|&i| masses[i] <= THIN_OUTSIDE * most).unwrap_or(0);
    // Norms are masses over distances.
    let norm = |i: usize| masses[i] / RUNGS[i];
    let last = masses.len() - 1;
    let is_like = |i: usize| norm(i) <= FLAT * norm(last) && norm(last) <= FLAT * norm(i);
    let flat = (best..=last).rev().take_while(|&i| norm(last) > 0.0 && is_like(i)).last();
    if let Some(inner) = flat.filter(|&inner| inner < last) {
        return Seen { outer: outer as u8, inner: inner as u8, is_flat: true };
    }
    // There may be mass at several scales.
    let thick = (best..=last).rev().find(|&i| masses[i] > THIN_INSIDE * most).unwrap_or(best);
    let inner = (thick + 1).min(last);
    Seen { outer: outer as u8, inner: inner as u8, is_flat: false }
}

/// The panels that replace the piece, by what its ladder saw.
pub(super) fn cut(panel: &Panel<Kind>, seen: &[Seen; 4], into: &mut Vec<Panel<Kind>>) {
    let (mut sides, has_zero) = sides(panel.a, panel.b);
    let mut cuts = Vec::new();
    let mut shapes = Vec::new();
    let pairs: &[[usize; 2]] = if has_zero { &[[0, 1], [2, 3]] } else { &[[0, 3]] };
    for (p, &[left, right]) in pairs.iter().enumerate() {
        // Where one side saw nothing, the other goes all the way.
        let both = 2.0 * sides[left].reach;
        match (seen[left].outer == NOTHING, seen[right].outer == NOTHING) {
            (false, true) => sides[left].reach = both,
            (true, false) => sides[right].reach = both,
            _ => {}
        }
        if p > 0 {
            cuts.push(0.0);
        }
        let is_seen = [left, right].map(|i| seen[i].outer != NOTHING);
        if is_seen == [false, false] {
            shapes.push(PLAIN);
            continue;
        }
        if is_seen[0] {
            lay(&sides[left], &seen[left], both / 2.0, &mut cuts, &mut shapes);
        }
        if is_seen == [true, true] {
            cuts.push(sides[left].at(sides[left].reach));
        }
        if is_seen[1] {
            let (mut inner, mut of) = (Vec::new(), Vec::new());
            lay(&sides[right], &seen[right], both / 2.0, &mut inner, &mut of);
            cuts.extend(inner.into_iter().rev());
            shapes.extend(of.into_iter().rev());
        }
    }
    tile(panel, &cuts, &shapes, into);
}

/// The cuts of a side from its place outwards, and the shapes of the parts: one more. `reach`: what its rungs are
/// parts of.
fn lay(side: &Side, seen: &Seen, reach: f64, cuts: &mut Vec<f64>, shapes: &mut Vec<Shape>) {
    let at = |rung: u8| side.at(reach * RUNGS[usize::from(rung)]);
    shapes.push(if seen.is_flat { PLAIN } else { tail_from(side.from) });
    cuts.push(at(seen.inner));
    shapes.push(log(side.from));
    if seen.outer > 0 {
        cuts.push(at(seen.outer));
        shapes.push(log(side.from));
    }
}
