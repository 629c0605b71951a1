//! Where a kink is, by the values on both sides.

use super::super::value::Value;

/// The place of a kink between two of the nodes, ascending, and by how much it may be off: where
/// the cubics through the values on either side meet. None if they do not.
pub(in super::super) fn kink<T: Value>(nodes: &[f64], values: &[T]) -> Option<(f64, f64)> {
    // Between the nodes where the polynomials of both sides differ most from what is beyond them.
    let side = if nodes.len() > FEW { SIDE } else { SIDE - 1 };
    let last = nodes.len().checked_sub(side)?;
    let off = |i: usize| {
        let [left, right] = sides(i, side);
        let beyond = |side: &[usize], at: usize| {
            let mut value = through(nodes, values, side, nodes[at]);
            value.add_scaled(-1.0, &values[at]);
            value.norm()
        };
        beyond(&left, i).min(beyond(&right, i - 1))
    };
    let offs: Vec<(usize, f64)> = (side..=last).map(|i| (i, off(i))).collect();
    let (at, most) = *offs.iter().max_by(|p, q| p.1.total_cmp(&q.1).then(q.0.cmp(&p.0)))?;
    if offs.iter().any(|(i, off)| i.abs_diff(at) > 1 && *off * STANDS_OUT > most) {
        return None;
    }
    let place = |side: usize| meeting(nodes, values, at, side);
    let (best, other) = (place(side)?, place(side - 1)?);
    Some((best, (best - other).abs()))
}

/// A kink is off by so many times as much as all places but its neighbours.
const STANDS_OUT: f64 = 4.0;
/// So many nodes on either side tell where a kink is; one less of so `FEW`.
const SIDE: usize = 4;
const FEW: usize = 9;

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
    use super::super::super::method::Panel;
    use super::super::super::product;
    use super::*;

    #[test]
    fn a_kink_is_found_and_nothing_else() {
        for log in [3, 4, 5] {
            let mut nodes = Vec::new();
            product::points(&Panel { a: -1.0, b: 2.0, depth: 0, kind: () }, log, &mut nodes);
            let found = |f: &dyn Fn(f64) -> f64| kink(&nodes, &nodes.iter().map(|x| f(*x)).collect::<Vec<_>>());
            // Few values tell of it where the rest varies little.
            let bend = if log == 3 { 0.01 } else { 0.1 };
            for place in [0.41, 0.7] {
                let (at, radius) = found(&|x| (x - place).abs() * (1.0 + bend * x.exp())).expect("a kink");
                assert!((at - place).abs() <= 4.0 * radius + 1e-9 && radius < 0.1, "{log}, {place}: {at} +- {radius}");
            }
            // Next to an end there are too few values on one side: no other place is named as if it were known.
            for place in [-0.95, 1.95] {
                let found = found(&|x| (x - place).abs() * (1.0 + bend * x.exp()));
                assert!(found.is_none_or(|(_, radius)| radius > 0.1), "{log}, {place}: {found:?}");
            }
            assert_eq!(found(&|x| if x < 0.4 { 0.0 } else { 1.0 }), None);
        }
    }
}
