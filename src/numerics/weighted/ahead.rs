//! What a panel with a weight may ask for later on: guesses, for running ahead; nothing is decided
//! by them.

use super::super::focus::{Focus, focus};
use super::super::method::{Guess, Panel};
use super::super::product;
use super::super::value::Value;
use super::{FIRST, Weighed, ends, flat, has_points, refine};

/// The chance that a whole piece of which nothing is known is given a higher order, or a half is;
/// and that either is cut. (Chosen by `benches/virtual_time`, with the others, 2026-11-30.)
const FIRST_RAISED: f64 = 0.6;
const RAISED: f64 = 0.4;
const CUT: f64 = 0.35;
/// The chance that a panel with a kink is cut once more, where the kink is known; and where it may
/// be on either side.
const KNOWN: f64 = 0.95;
const EITHER: f64 = 0.5;
/// A place is known if it is off by less than this part of the width of a half.
const NEAR: f64 = 0.02;
/// A half of this depth is thought to be cut towards an end of a range.
const OFTEN: u32 = 3;
/// So many cuts are followed at most, and none of a smaller chance.
const CUTS: usize = 48;
const UNLIKELY: f64 = 0.1;

/// Appends the panels that will probably replace one that is not judged: once raised, a panel is
/// raised again.
pub(in super::super) fn predict(panel: &Panel<Weighed>, into: &mut Vec<Panel<Weighed>>) {
    let log = panel.kind.log;
    let raise = log > FIRST && usize::from(log) < product::TOP;
    refine(&Panel { kind: Weighed { raise, ..panel.kind }, ..*panel }, into);
}

/// Appends what may be asked for after a panel: before it is judged, without values, and after
/// that.
pub(in super::super) fn ahead<T: Value>(panel: &Panel<Weighed>, values: &[T], into: &mut Vec<Guess<Weighed>>) {
    if !has_points(panel) {
        return;
    }
    if !values.is_empty() {
        if !panel.kind.raise {
            towards(panel, values, into);
        }
        return;
    }
    // The next order, and the halves. Of a whole piece nothing is known.
    let Weighed { log, .. } = panel.kind;
    if usize::from(log) < product::TOP {
        let is_whole = log == FIRST && panel.depth <= 1;
        refined(panel, true, if is_whole { FIRST_RAISED } else { RAISED }, into);
    }
    refined(panel, false, CUT, into);
}

/// Appends what replaces a panel: itself in the next order, or its halves.
fn refined(panel: &Panel<Weighed>, raise: bool, chance: f64, into: &mut Vec<Guess<Weighed>>) {
    let mut panels = Vec::new();
    refine(&Panel { kind: Weighed { raise, ..panel.kind }, ..*panel }, &mut panels);
    into.extend(panels.into_iter().map(|panel| Guess { panel, chance }));
}

/// Appends the halves of a panel with a kink or a singular end, those of the half where that is,
/// and so on.
fn towards<T: Value>(panel: &Panel<Weighed>, values: &[T], into: &mut Vec<Guess<Weighed>>) {
    let mut nodes = Vec::new();
    product::points(&flat(panel), panel.kind.log.into(), &mut nodes);
    if ends(panel) {
        nodes.remove(0);
    }
    let flat_of = flat(panel);
    // What was cut more than once is cut again and again.
    let is_part = panel.depth >= OFTEN && panel.kind.log < FIRST;
    let found = if ends(panel) {
        is_part.then_some((0.0, 0.0))
    } else {
        let of_focus = || match focus(flat_of.a, flat_of.b, &nodes, values) {
            Some(Focus { at, .. }) if at <= flat_of.a || at >= flat_of.b => Some((at, 0.0)),
            _ => None,
        };
        kink(&nodes, values).or_else(|| if is_part { of_focus() } else { None })
    };
    let Some((place, radius)) = found else { return };
    let (mut panel, mut chance) = (*panel, 1.0);
    for _ in 0..CUTS {
        let first = into.len();
        refined(&panel, false, chance, into);
        let halves: Vec<Panel<Weighed>> = into[first..].iter().map(|guess| guess.panel).collect();
        let holds = |half: &Panel<Weighed>| {
            let flat = flat(half);
            flat.a <= place && place <= flat.b
        };
        let Some(half) = halves.iter().find(|half| holds(half)) else { return };
        let flat = flat(half);
        let aside = (place - flat.a).min(flat.b - place);
        // The place may be in the other half, or next to where that is cut.
        chance *= if radius <= NEAR * (flat.b - flat.a) || radius < aside { KNOWN } else { EITHER };
        if chance < UNLIKELY {
            return;
        }
        panel = *half;
    }
}

/// The place of a kink between two of the nodes, ascending, and by how much it may be off: where
/// the cubics through the values on either side meet. None if they do not.
fn kink<T: Value>(nodes: &[f64], values: &[T]) -> Option<(f64, f64)> {
    // Between the nodes where the polynomials of both sides differ most from what is beyond them.
    let last = nodes.len().checked_sub(SIDE)?;
    let off = |i: usize| {
        let [left, right] = sides(i, SIDE);
        let beyond = |side: &[usize], at: usize| {
            let mut value = through(nodes, values, side, nodes[at]);
            value.add_scaled(-1.0, &values[at]);
            value.norm()
        };
        beyond(&left, i).min(beyond(&right, i - 1))
    };
    let offs: Vec<(usize, f64)> = (SIDE..=last).map(|i| (i, off(i))).collect();
    let (at, most) = *offs.iter().max_by(|p, q| p.1.total_cmp(&q.1).then(q.0.cmp(&p.0)))?;
    if offs.iter().any(|(i, off)| i.abs_diff(at) > 1 && *off * STANDS_OUT > most) {
        return None;
    }
    let place = |side: usize| meeting(nodes, values, at, side);
    let (best, other) = (place(SIDE)?, place(SIDE - 1)?);
    Some((best, (best - other).abs()))
}

/// A kink is off by so many times as much as all places but its neighbours.
const STANDS_OUT: f64 = 4.0;
/// So many nodes on either side tell where a kink is.
const SIDE: usize = 4;

/// The nodes before the index, and from it on.
fn sides(at: usize, count: usize) -> [Vec<usize>; 2] {
    [(at - count..at).collect(), (at..at + count).collect()]
}

/// The polynomial through the values at some nodes, at a place.
fn through<T: Value>(nodes: &[f64], values: &[T], some: &[usize], x: f64) -> T {
    let mut sum = values[some[0]].clone();
    sum.scale(0.0);
    for &i in some {
        let others = some.iter().filter(|&&j| j != i);
        sum.add_scaled(others.map(|&j| (x - nodes[j]) / (nodes[i] - nodes[j])).product(), &values[i]);
    }
    sum
}

/// Where the polynomials on both sides of the index meet, between its node and the one before.
fn meeting<T: Value>(nodes: &[f64], values: &[T], at: usize, side: usize) -> Option<f64> {
    let [left, right] = sides(at, side);
    let apart = |x: f64| {
        let mut value = through(nodes, values, &left, x);
        value.add_scaled(-1.0, &through(nodes, values, &right, x));
        value
    };
    let (mut p, mut q) = (nodes[at - 1], nodes[at]);
    let (mut u, mut v) = (apart(p), apart(q));
    let opposite = |u: &T, v: &T| {
        let mut difference = u.clone();
        difference.add_scaled(-1.0, v);
        difference.norm() > u.norm().max(v.norm())
    };
    if !opposite(&u, &v) {
        return None;
    }
    for _ in 0..MEETINGS {
        let (near, far) = (u.norm(), v.norm());
        let x = p + (q - p) * (near / (near + far));
        if !(p < x && x < q) {
            return Some(if near < far { p } else { q });
        }
        let w = apart(x);
        if opposite(&u, &w) {
            (q, v) = (x, w);
        } else {
            (p, u) = (x, w);
        }
    }
    Some(if u.norm() < v.norm() { p } else { q })
}

/// So many secants.
const MEETINGS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kink_is_found_and_nothing_else() {
        for log in [4, 5] {
            let mut nodes = Vec::new();
            product::points(&Panel { a: -1.0, b: 2.0, depth: 0, kind: () }, log, &mut nodes);
            let found = |f: &dyn Fn(f64) -> f64| kink(&nodes, &nodes.iter().map(|x| f(*x)).collect::<Vec<_>>());
            for place in [0.41, 0.7] {
                let (at, radius) = found(&|x| (x - place).abs() * (1.0 + 0.1 * x.exp())).expect("a kink");
                assert!((at - place).abs() <= 4.0 * radius + 1e-9 && radius < 0.1, "{log}, {place}: {at} +- {radius}");
            }
            assert_eq!(found(&|x| if x < 0.4 { 0.0 } else { 1.0 }), None);
        }
    }
}
