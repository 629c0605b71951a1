//! A second look before an answer rests on a panel: points between those of its rule, where these are far apart, and
//! whether the integrand is there what the polynomial through the nodes says.

use wide::f64x2;

use super::super::elementary::SHIFT;
use super::super::few::Within;
use super::super::lanes::{Lanes, same_ref, two};
use super::super::method::{Panel, UNKNOWN};
use super::super::value::Value;
use super::kind::{Kind, Note, Shape, UNCOUNTED};
use super::map::{Base, Map};
use super::steep;
use super::tables::{BARYCENTRIC, CENTRE, NODE, NODES, PAIRS, POINTS};

/// What is off at a point counts for so many times what a feature of the size of the gap around it has: what is seen
/// of a narrow one is its foot.
const FOOT: f64 = 1e3;
/// How much more than the rule's own null rules let expect the polynomial may be off.
const ALLOWED: f64 = 4.0;
/// What rounding leaves of a difference, in units of epsilon and of the largest value.
const ROUNDING: f64 = 64.0;
/// The widest gap between nodes on [-1, 1], with a reserve for rounding.
const WIDEST: f64 = 1.000_001 * (NODE[NODES / 2 + 1] - NODE[NODES / 2]);
/// A value so many times larger than all those of the rule tells of a peak that it has not resolved.
const HIGHER: f64 = 2.0;
/// The part of the largest excess that is called unlike the panel.
const UNLIKE: f64 = 1e-3;

/// The points of a panel's rule. They ascend: those of a logarithm do, too, on both sides.
pub(super) fn of_rule(panel: &Panel<Kind>, base: Base) -> [f64; POINTS] {
    let (map, within) = (Map::new(panel, base), Within::new(panel));
    map.points().map(|x| within.clamp(x))
}

/// Whether points are the farther apart the more parts there are: numbers are not too small to tell.
fn is_told(mesh: f64) -> bool {
    mesh >= f64::MIN_POSITIVE
}

/// Into how many parts a gap is divided that is wider than the mesh.
#[inline]
fn parts(gap: f64, mesh: f64) -> i32 {
    // Rounded up: gaps are no wider than the piece, of which the mesh is a part.
    let parts = gap / mesh;
    let nearest = (parts + SHIFT).to_bits() as i32;
    nearest + i32::from(f64::from(nearest) < parts)
}

/// The gaps between a panel's points that are wider than its piece allows, from left to right: after which point, the
/// steps to divide them by and how many there are.
#[inline]
fn gaps(points: &[f64; POINTS], mesh: f64, mut each: impl FnMut(usize, f64, i32)) {
    if !is_told(mesh) {
        return;
    }
    for i in 0..POINTS - 1 {
        let gap = points[i + 1] - points[i];
        if gap > mesh {
            let parts = parts(gap, mesh);
            each(i, gap / f64::from(parts), parts);
        }
    }
}

/// The points between, from left to right, each with the distance to the next.
#[inline]
fn between(points: &[f64; POINTS], mesh: f64, mut each: impl FnMut(f64, f64)) {
    gaps(points, mesh, |i, step, parts| (1..parts).for_each(|k| each(points[i] + step * f64::from(k), step)));
}

pub(super) fn points(panel: &Panel<Kind>, base: Base, into: &mut Vec<f64>) {
    between(&of_rule(panel, base), panel.kind.mesh, |x, _| into.push(x));
}

/// How many these are at most, for short: [`UNCOUNTED`](super::kind::UNCOUNTED) if there may be any.
pub(super) fn may_have(panel: &Panel<Kind>) -> u16 {
    let Shape::Smooth(base) = panel.kind.shape else { return 0 };
    // Of most panels no two points are so far apart.
    if panel.b - panel.a <= panel.kind.mesh || is_dense(panel, base) { 0 } else { UNCOUNTED }
}

/// How many they are.
#[inline]
pub(super) fn count(points: &[f64; POINTS], mesh: f64) -> u16 {
    if !is_told(mesh) {
        return 0;
    }
    let mut further = 0;
    for i in 0..POINTS - 1 {
        let gap = points[i + 1] - points[i];
        if gap > mesh {
            further += parts(gap, mesh) - 1;
        }
    }
    further as u16
}

/// Whether the widest gap in the variable itself is narrow enough.
fn is_dense(panel: &Panel<Kind>, base: Base) -> bool {
    base == Base::Plain && (panel.b - panel.a) * (WIDEST / 2.0) < panel.kind.mesh
}

/// What the values say between the points of a panel's rule.
pub(super) struct Seen {
    /// The error that they show.
    pub(super) error: f64,
    /// Where they are unlike the panel.
    pub(super) note: Option<Note>,
    /// Zero, or no number if a value is not finite.
    pub(super) none: f64,
}

/// What the further values say. `points` and `values`: the panel's own, the values times the slopes; `doubt`: by how
/// much the polynomial through them may be off; `f`: the values at the points between, asked for from left to right.
#[inline]
pub(super) fn look<T: Value>(
    panel: &Panel<Kind>,
    map: &Map,
    points: &[f64; POINTS],
    values: &[T; POINTS],
    doubt: f64,
    mut f: impl FnMut(f64) -> T,
) -> Seen {
    let most = values.iter().fold(0.0, |m: f64, value| m.most(value.norm()));
    let allowed = ALLOWED * doubt + ROUNDING * T::EPSILON * most;
    let mesh = panel.kind.mesh;
    if let (Some(values), true) = (same_ref::<_, [f64; POINTS]>(values), usize::from(panel.kind.further) <= MANY) {
        let model = Model::new(values);
        let (mut of, mut count) = ([0.0; MANY], 0);
        let (mut most_off, mut all_off) = (f64x2::splat(0.0), f64x2::splat(0.0));
        let mut value = |x: f64| {
            let value = *same_ref::<T, f64>(&f(x)).expect("that is what it is");
            of[count] = value;
            count += 1;
            value
        };
        gaps(points, mesh, |i, step, parts| {
            let (x, gap) = (points[i], map.gap(i, [points[i], points[i + 1]]));
            let mut compare = |x: f64x2, values: f64x2, is_left: bool| {
                let [u, slopes] = map.places(&gap, is_left, x);
                let off = (model.at(u) - slopes * values).abs();
                (most_off, all_off) = (most_off.most(off), all_off + off);
            };
            let (x, step, mut k) = (f64x2::splat(x), f64x2::splat(step), f64x2::new([1.0, 2.0]));
            for pair in 1..=parts / 2 {
                let at = x + step * k;
                let [one, other] = at.to_array();
                if 2 * pair == parts {
                    // The last one is alone.
                    compare(f64x2::splat(one), f64x2::splat(value(one)), false);
                } else {
                    let first = value(one);
                    compare(at, f64x2::new([first, value(other)]), 4 * pair <= parts + 2);
                }
                k += f64x2::splat(2.0);
            }
        });
        // What is not a number is in the sum.
        let ([first, second], [one, other]) = (most_off.to_array(), all_off.to_array());
        if first.most(second) <= allowed / 2.0 && one + other < f64::INFINITY {
            return Seen { error: 0.0, note: None, none: 0.0 };
        }
        return unlike(panel, map, points, values, allowed, of[..count].iter().copied());
    }
    let mut further = Vec::new();
    between(points, mesh, |x, _| further.push(f(x)));
    unlike(panel, map, points, values, allowed, further.into_iter())
}

/// As many points are between those of a panel at most, since gaps of a mesh are a 70th of a piece.
const MANY: usize = 70;

/// The same of values that may be unlike the polynomial.
#[cold]
#[inline(never)]
fn unlike<T: Value>(
    panel: &Panel<Kind>,
    map: &Map,
    points: &[f64; POINTS],
    values: &[T; POINTS],
    allowed: f64,
    mut further: impl Iterator<Item = T>,
) -> Seen {
    let nodes: &[T; NODES] = values[1..=NODES].try_into().expect("so many");
    let (mut error, mut largest, mut none, mut off) = (0.0, 0.0, 0.0, Vec::new());
    let mut all = Vec::new();
    between(points, panel.kind.mesh, |x, step| {
        let value = further.next().expect("a value for each point");
        all.push((x, value.norm()));
        none += 0.0 * value.norm();
        let distance = if map.is_log { map.distance(x) } else { 1.0 };
        let excess = (misfit(nodes, map.u_of(x), &value, distance) - allowed) / distance;
        if excess > 0.0 {
            error += excess * step;
            off.push((x, step, excess));
            largest = if excess > largest { excess } else { largest };
        }
    });
    let place = off.iter().filter(|(.., excess)| *excess >= UNLIKE * largest).fold(None, |place, &(x, step, _)| {
        // Not even on both sides: the point itself would be the centre of what follows.
        let (low, high) = (x - step, x + 0.9 * step);
        Some(place.map_or([low, high], |[l, h]: [f64; 2]| [l.min(low), h.max(high)]))
    });
    let note = place.map(|[low, high]| Note::Unlike { low: low.max(panel.a), high: high.min(panel.b) });
    let seen = Seen { error: FOOT * error, note, none };
    let most_further = all.iter().fold(0.0, |m: f64, (_, norm)| m.most(*norm));
    let mut most = 0.0;
    for (value, &x) in values.iter().zip(points) {
        let norm = if map.is_log { value.norm() / map.distance(x) } else { value.norm() };
        most = norm.most(most);
        all.push((x, norm));
    }
    let is_finite = none == 0.0 && most < f64::INFINITY;
    match if is_finite && most_further > HIGHER * most { by_feet(panel, all) } else { None } {
        Some((error, note)) if error > seen.error => Seen { error, note: Some(note), ..seen },
        _ => seen,
    }
}

/// What the feet of a peak tell that all points see together: its mass, and between which points it is.
fn by_feet(panel: &Panel<Kind>, mut all: Vec<(f64, f64)>) -> Option<(f64, Note)> {
    all.sort_by(|p, q| p.0.total_cmp(&q.0));
    let (place, norm): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    let feet = steep::feet(panel, &place, &norm, [panel.a, panel.b], |x| x)?;
    let [low, top, high] = feet.between;
    Some((feet.mass.least(UNKNOWN), Note::Steep { low, top, high }))
}

/// The polynomial through the nodes, to tell quickly that values are not off: `E(y) + u O(y)` with `y = 2 u^2 - 1`, both
/// by their coefficients. (Where these are large there is nothing to tell: then what is allowed is large, too.)
struct Model {
    even: [f64x2; PAIRS + 1],
    odd: [f64x2; PAIRS],
}

/// Pairs of nodes in the order of Leja, each as far from those before as may be: so divided differences lose no digits
/// (Reichel 1990). The centre is last.
const LEJA: [usize; PAIRS] = {
    let (mut order, mut k) = ([PAIRS - 1; PAIRS], 1);
    while k < PAIRS {
        let (mut most, mut j) = (0.0, 0);
        while j < PAIRS {
            let (mut product, mut i) = (1.0, 0);
            while i < k {
                product *= SHIFTED[j] - SHIFTED[order[i]];
                i += 1;
            }
            product = if product < 0.0 { -product } else { product };
            if product > most {
                (most, order[k]) = (product, j);
            }
            j += 1;
        }
        k += 1;
    }
    order
};

/// `2 u^2 - 1` at the pairs of nodes, from the inside out.
const SHIFTED: [f64; PAIRS] = {
    let (mut all, mut j) = ([0.0; PAIRS], 0);
    while j < PAIRS {
        all[j] = 2.0 * NODE[PAIRS + 1 + j] * NODE[PAIRS + 1 + j] - 1.0;
        j += 1;
    }
    all
};

/// The same in the order of Leja. Each number twice, for both lanes; so are those that follow.
const AT: [[f64; 2]; PAIRS] = {
    let (mut all, mut j) = ([[0.0; 2]; PAIRS], 0);
    while j < PAIRS {
        all[j] = [SHIFTED[LEJA[j]]; 2];
        j += 1;
    }
    all
};

/// One over the distances of each from the one before, from that before it, and so on; at last from the centre.
const APART: [[[f64; 2]; PAIRS]; PAIRS + 1] = {
    let (mut all, mut k) = ([[[0.0; 2]; PAIRS]; PAIRS + 1], 0);
    while k < PAIRS {
        let mut j = k + 1;
        while j < PAIRS {
            all[k][j] = [1.0 / (AT[j][0] - AT[j - k - 1][0]); 2];
            j += 1;
        }
        all[PAIRS][k] = [1.0 / (-1.0 - AT[k][0]); 2];
        k += 1;
    }
    all
};

/// What the sum of the values at a pair of nodes is multiplied by, and their difference, in the same order.
const HALVES: [[f64; 2]; PAIRS] = {
    let (mut all, mut j) = ([[0.5; 2]; PAIRS], 0);
    while j < PAIRS {
        all[j][1] = 0.5 / NODE[PAIRS + 1 + LEJA[j]];
        j += 1;
    }
    all
};

impl Model {
    #[inline]
    #[allow(clippy::needless_range_loop, reason = "loops that are compiled as what they do, with constants in it")]
    fn new(values: &[f64; POINTS]) -> Self {
        // Even and odd part side by side: divided differences (Newton), then coefficients.
        let mut all: [f64x2; PAIRS + 1] = std::array::from_fn(|k| {
            if k == PAIRS {
                return f64x2::new([values[CENTRE], 0.0]);
            }
            let (above, below) = (values[CENTRE + 1 + LEJA[k]], values[CENTRE - 1 - LEJA[k]]);
            f64x2::new([above + below, above - below]) * f64x2::new(HALVES[k])
        });
        for k in 0..PAIRS - 1 {
            for j in (k + 1..PAIRS).rev() {
                all[j] = (all[j] - all[j - 1]) * f64x2::new(APART[k][j]);
            }
        }
        // The centre is of the even part alone.
        let mut last = all[PAIRS].to_array()[0];
        for k in 0..PAIRS {
            last = (last - all[k].to_array()[0]) * APART[PAIRS][k][0];
        }
        all[PAIRS] = f64x2::new([last, 0.0]);
        for k in (0..PAIRS).rev() {
            for i in k..PAIRS {
                all[i] -= f64x2::new(AT[k]) * all[i + 1];
            }
        }
        let lane = |lane: usize| move |all: f64x2| f64x2::splat(all.to_array()[lane]);
        let odd: [f64x2; PAIRS] = std::array::from_fn(|i| lane(1)(all[i]));
        Self { even: all.map(lane(0)), odd }
    }

    /// The polynomial at two places.
    #[inline]
    fn at(&self, u: f64x2) -> f64x2 {
        let y = u * u;
        let y = y + y - f64x2::splat(1.0);
        let (mut even, mut odd) = (self.even[PAIRS], self.odd[PAIRS - 1]);
        for i in (0..PAIRS).rev() {
            even = even * y + self.even[i];
            if i + 1 < PAIRS {
                odd = odd * y + self.odd[i];
            }
        }
        even + u * odd
    }
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
