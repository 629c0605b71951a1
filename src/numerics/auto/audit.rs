//! A second look before an answer rests on a panel: points between those of its rule, where these are far apart, and
//! whether the integrand is there what the polynomial through the nodes says.

use super::super::elementary::ln;
use super::super::lanes::Lanes;
use super::super::method::Panel;
use super::super::value::Value;
use super::kind::Kind;
use super::map::{Base, Map, Within};
use super::tables::{BARYCENTRIC, NODE, NODES, POINTS};

/// What is off at a point counts for so many times what a feature of the size of the gap around it has: what is seen of a
/// narrow one is its foot.
const FOOT: f64 = 1e3;
/// How much more than the rule's own null rules let expect the polynomial may be off.
const ALLOWED: f64 = 4.0;
/// What rounding leaves of a difference, in units of epsilon and of the largest value.
const ROUNDING: f64 = 64.0;
/// The part of the largest excess that is called unlike the panel.
const UNLIKE: f64 = 1e-3;

/// The panel's points, from left to right, without the probes.
fn nodes(panel: &Panel<Kind>, base: Base) -> [f64; NODES] {
    let (map, within) = (Map::new(panel, base), Within::new(panel));
    let points = map.points();
    let mut nodes: [f64; NODES] = std::array::from_fn(|i| within.clamp(points[i + 1]));
    if nodes[0] > nodes[NODES - 1] {
        nodes.reverse();
    }
    nodes
}

/// Into how many parts the points of a panel are apart, between each and the next.
fn parts(gap: f64, mesh: f64) -> usize {
    if gap > mesh { (gap / mesh).ceil() as usize } else { 1 }
}

/// The points between the nodes of a panel that are farther apart than its piece allows, from left to right.
fn between(panel: &Panel<Kind>, base: Base) -> impl Iterator<Item = (f64, f64)> {
    let (nodes, mesh) = (nodes(panel, base), panel.kind.mesh);
    (0..NODES - 1).flat_map(move |i| {
        let gap = nodes[i + 1] - nodes[i];
        let parts = parts(gap, mesh);
        let step = gap / parts as f64;
        (1..parts).map(move |k| (nodes[i] + step * k as f64, step))
    })
}

pub(super) fn points(panel: &Panel<Kind>, base: Base, into: &mut Vec<f64>) {
    into.extend(between(panel, base).map(|(x, _)| x));
}

pub(super) fn count(panel: &Panel<Kind>, base: Base) -> usize {
    // Of most panels no two points are so far apart.
    if panel.b - panel.a <= panel.kind.mesh {
        return 0;
    }
    let nodes = nodes(panel, base);
    (0..NODES - 1).map(|i| parts(nodes[i + 1] - nodes[i], panel.kind.mesh) - 1).sum()
}

/// What the further values say: the error that they show, and where they are unlike the panel. `values`: those of the
/// panel's own points, times the slopes; `doubt`: by how much the polynomial through them may be off.
pub(super) fn look<T: Value>(
    panel: &Panel<Kind>,
    base: Base,
    values: &[T; POINTS],
    further: &[T],
    doubt: f64,
) -> (f64, Option<[f64; 2]>) {
    let map = Map::new(panel, base);
    let most = values.iter().fold(0.0, |m: f64, value| m.most(value.norm()));
    let allowed = ALLOWED * doubt + ROUNDING * T::EPSILON * most;
    let inner: &[T; NODES] = values[1..=NODES].try_into().expect("so many");
    let (mut error, mut largest, mut off) = (0.0, 0.0, Vec::new());
    for ((x, step), value) in between(panel, base).zip(further) {
        let distance = if map.is_log { map.distance(x) } else { 1.0 };
        let u = if map.is_log { map.u_of(ln(distance)) } else { map.u_of(x) };
        let excess = (misfit(inner, u, value, distance) - allowed) / distance;
        if excess > 0.0 {
            error += excess * step;
            off.push((x, step, excess));
            largest = if excess > largest { excess } else { largest };
        }
    }
    let place = off.iter().filter(|(.., excess)| *excess >= UNLIKE * largest).fold(None, |place, &(x, step, _)| {
        // Not even on both sides: the point itself would be the centre of what follows.
        let (low, high) = (x - step, x + 0.9 * step);
        Some(place.map_or([low, high], |[l, h]: [f64; 2]| [l.min(low), h.max(high)]))
    });
    (FOOT * error, place.map(|[low, high]| [low.max(panel.a), high.min(panel.b)]))
}

/// By how much a value, times the slope, is off the polynomial through the nodes, in the second barycentric form (Berrut,
/// Trefethen 2004, equation 4.2).
fn misfit<T: Value>(nodes: &[T; NODES], u: f64, value: &T, slope: f64) -> f64 {
    let factors: [f64; NODES] = std::array::from_fn(|j| BARYCENTRIC[j] / (u - NODE[j]));
    let sum: f64 = factors.iter().sum();
    let mut off = value.clone();
    off.scale(-slope * sum);
    for (factor, node) in factors.iter().zip(nodes) {
        off.add_scaled(*factor, node);
    }
    // A point that is a node to the last bit is not off.
    if sum.is_finite() { off.norm() / sum.abs() } else { 0.0 }
}
