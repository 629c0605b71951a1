//! A second look before an answer rests on a panel: points between those of its rule, where these are far apart, and
//! whether the integrand is there what the polynomial through the nodes says.

use wide::f64x2;

use super::super::elementary::ln;
use super::super::few::Within;
use super::super::lanes::{Lanes, same_ref, two};
use super::super::method::Panel;
use super::super::value::Value;
use super::kind::{Kind, Shape};
use super::map::{Base, Map};
use super::tables::{BARYCENTRIC, NODE, NODES, POINTS};

/// What is off at a point counts for so many times what a feature of the size of the gap around it has: what is seen
/// of a narrow one is its foot.
const FOOT: f64 = 1e3;
/// How much more than the rule's own null rules let expect the polynomial may be off.
const ALLOWED: f64 = 4.0;
/// What rounding leaves of a difference, in units of epsilon and of the largest value.
const ROUNDING: f64 = 64.0;
/// The widest gap between nodes on [-1, 1], with a reserve for rounding.
const WIDEST: f64 = 1.000_001 * (NODE[NODES / 2 + 1] - NODE[NODES / 2]);
/// The part of the largest excess that is called unlike the panel.
const UNLIKE: f64 = 1e-3;

/// The points of the panel's rule, from left to right.
fn of_rule(panel: &Panel<Kind>, base: Base) -> [f64; POINTS] {
    let (map, within) = (Map::new(panel, base), Within::new(panel));
    let mut points = map.points().map(|x| within.clamp(x));
    if points[0] > points[POINTS - 1] {
        points.reverse();
    }
    points
}

/// Into how many parts the points of a panel are apart, between each and the next: one where numbers are too small to
/// tell.
fn parts(gap: f64, mesh: f64) -> usize {
    if gap > mesh && mesh >= f64::MIN_POSITIVE { (gap / mesh).ceil() as usize } else { 1 }
}

/// The points between those of a panel's rule that are farther apart than its piece allows, from left to right, each
/// with the distance to the next.
fn between(panel: &Panel<Kind>, base: Base) -> impl Iterator<Item = (f64, f64)> {
    let (points, mesh) = (of_rule(panel, base), panel.kind.mesh);
    (0..POINTS - 1).flat_map(move |i| {
        let gap = points[i + 1] - points[i];
        let parts = parts(gap, mesh);
        let step = gap / parts as f64;
        (1..parts).map(move |k| (points[i] + step * k as f64, step))
    })
}

pub(super) fn points(panel: &Panel<Kind>, base: Base, into: &mut Vec<f64>) {
    into.extend(between(panel, base).map(|(x, _)| x));
}

/// How many these are.
pub(super) fn count(panel: &Panel<Kind>) -> u16 {
    let Shape::Smooth(base) = panel.kind.shape else { return 0 };
    // Of most panels no two points are so far apart.
    if panel.b - panel.a <= panel.kind.mesh || is_dense(panel, base) {
        return 0;
    }
    let points = of_rule(panel, base);
    let further: usize = points.windows(2).map(|pair| parts(pair[1] - pair[0], panel.kind.mesh) - 1).sum();
    further as u16
}

/// Whether the widest gap in the variable itself is narrow enough.
fn is_dense(panel: &Panel<Kind>, base: Base) -> bool {
    base == Base::Plain && (panel.b - panel.a) * (WIDEST / 2.0) < panel.kind.mesh
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

/// By how much a value, times the slope, is off the polynomial through the nodes, in the second barycentric form
/// (Berrut, Trefethen 2004, equation 4.2).
fn misfit<T: Value>(nodes: &[T; NODES], u: f64, value: &T, slope: f64) -> f64 {
    if let (Some(nodes), Some(value)) = (same_ref::<_, [f64; NODES]>(nodes), same_ref::<_, f64>(value)) {
        return misfit_of_number(nodes, u, *value, slope);
    }
    let factors: [f64; NODES] = std::array::from_fn(|j| BARYCENTRIC[j] / (u - NODE[j]));
    let sum = in_lanes(|i| two(&factors, i));
    let mut off = value.clone();
    off.scale(-slope * sum);
    // In the order of two lanes, as for a number.
    for first in 0..2 {
        for j in (first..NODES).step_by(2) {
            off.add_scaled(factors[j], &nodes[j]);
        }
    }
    // A point that is a node to the last bit is not off.
    if sum.is_finite() { off.norm() / sum.abs() } else { 0.0 }
}

/// The same of a number, two terms at a time.
fn misfit_of_number(nodes: &[f64; NODES], u: f64, value: f64, slope: f64) -> f64 {
    let mut factors = [f64x2::new([0.0, 0.0]); NODES.div_ceil(2)];
    for (i, factor) in factors.iter_mut().enumerate() {
        // Of the last two the second is none: far from everything, with the weight zero.
        let node = f64x2::new([NODE[2 * i], if 2 * i + 1 < NODES { NODE[2 * i + 1] } else { 4.0 }]);
        *factor = two(&BARYCENTRIC, i) / (f64x2::new([u, u]) - node);
    }
    let sum = in_lanes(|i| factors[i]);
    let polynomial = in_lanes(|i| factors[i] * two(nodes, i));
    if sum.is_finite() { (polynomial - slope * sum * value).abs() / sum.abs() } else { 0.0 }
}

/// The sum over pairs of terms.
fn in_lanes(term: impl Fn(usize) -> f64x2) -> f64 {
    let mut sum = f64x2::new([0.0, 0.0]);
    for i in 0..NODES.div_ceil(2) {
        sum += term(i);
    }
    let [first, second] = sum.to_array();
    first + second
}
