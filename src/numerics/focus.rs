//! Where in a panel the integrand is hardest: a guess, for running ahead; nothing is decided by it.

use super::value::Value;
use crate::point::Point;

/// A place in a panel, and how well it is known in each variable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Focus<P = f64> {
    pub(crate) at: P,
    pub(crate) radius: P,
}

impl<P: Point> Focus<P> {
    /// Whether the place may lie in a panel with these ends.
    pub(crate) fn touches(&self, [a, b]: [P; 2]) -> bool {
        let at = self.at.numbers().iter().zip(self.radius.numbers());
        let ends = a.numbers().iter().zip(b.numbers());
        ends.zip(at).all(|((a, b), (at, radius))| *a <= at + radius && at - radius <= *b)
    }
}

/// How much of the roughness must lie how near to its centre, relative to the width, to speak of a place at all.
const CONCENTRATED: f64 = 0.1;

/// Finds the place where values depart most from the cubic through their neighbours: a kink, a jump, a singularity.
/// `None` if there is no one such place, as in an oscillation.
pub(crate) fn focus<T: Value>(a: f64, b: f64, points: &[f64], values: &[T]) -> Option<Focus> {
    let n = points.len();
    if n < 9 {
        return None;
    }
    let mut sorted: Vec<(f64, &T)> = points.iter().copied().zip(values).collect();
    sorted.sort_unstable_by(|p, q| p.0.total_cmp(&q.0));
    let x = |i: usize| sorted[i].0;

    // Divided differences of the fourth order: of the points from `i` to `i + 4`.
    let mut differences: Vec<T> = sorted.iter().map(|&(_, value)| value.clone()).collect();
    for reach in 1..=4 {
        for i in 0..n - reach {
            let (left, right) = differences.split_at_mut(i + 1);
            left[i].add_scaled(-1.0, &right[0]);
            left[i].scale((x(i) - x(i + reach)).recip());
        }
    }
    let steep: Vec<f64> = differences[..n - 4].iter().map(T::norm).collect();

    // The weight of a point is the square of its departure: one place stands out, or none does.
    let (mut weight, mut centre, mut hardest, mut most) = (0.0, 0.0, 0, 0.0);
    let mut weights = vec![0.0; n];
    for (i, slot) in weights.iter_mut().enumerate() {
        let first = i.saturating_sub(2).min(n - 5);
        let distances: f64 = (first..first + 5).filter(|&j| j != i).map(|j| x(i) - x(j)).product();
        let departure = steep[first] * distances;
        let w = departure * departure;
        *slot = w;
        weight += w;
        centre += w * x(i);
        if w > most {
            (hardest, most) = (i, w);
        }
    }
    if !(weight > 0.0 && weight.is_finite()) {
        return None;
    }
    // Hardest next to an end means at the end: what comes closest to a singularity is the last point before it.
    if hardest < 2 {
        return Some(Focus { at: a, radius: 0.0 });
    }
    if hardest + 2 >= n {
        return Some(Focus { at: b, radius: 0.0 });
    }
    let at = centre / weight;
    let spread = weights.iter().enumerate().map(|(i, w)| w * (x(i) - at) * (x(i) - at)).sum::<f64>() / weight;
    // A quarter more: near an end of the panel the spacing of the points pulls the centre to the other side.
    let radius = 1.25 * spread.sqrt();
    (radius < CONCENTRATED * (b - a)).then_some(Focus { at, radius })
}

/// Fills in missing values by the cubic through their neighbours, so that a panel can be foreseen.
pub(crate) fn complete<T: Value>(points: &[f64], values: &[Option<T>]) -> Vec<T> {
    let mut known: Vec<usize> = (0..points.len()).filter(|&i| values[i].is_some()).collect();
    known.sort_unstable_by(|&i, &j| points[i].total_cmp(&points[j]));
    let interpolated = |t: f64| {
        let right = known.partition_point(|&i| points[i] < t);
        let first = right.saturating_sub(2).min(known.len().saturating_sub(4));
        let near = &known[first..(first + 4).min(known.len())];
        let mut sum = T::zero();
        for &j in near {
            let lagrange: f64 =
                near.iter().filter(|&&k| k != j).map(|&k| (t - points[k]) / (points[j] - points[k])).product();
            if let Some(value) = &values[j] {
                sum.add_scaled(lagrange, value);
            }
        }
        sum
    };
    values.iter().zip(points).map(|(value, &t)| value.clone().unwrap_or_else(|| interpolated(t))).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "ends are handed on, not computed")]

    use super::*;
    use crate::numerics::gauss_kronrod::GaussKronrod;
    use crate::numerics::method::{Method, Panel};

    fn find(f: impl Fn(f64) -> f64, a: f64, b: f64) -> Option<Focus> {
        let mut points = Vec::new();
        GaussKronrod::new(21).points(&Panel { a, b, depth: 0, kind: GaussKronrod::new(21).root() }, &mut points);
        let values: Vec<f64> = points.iter().map(|&x| f(x)).collect();
        focus(a, b, &points, &values)
    }

    #[test]
    fn kinks_and_jumps_are_found() {
        for place in [0.2, 1.0 / 3.0, 0.5, 0.7123] {
            let kink = find(|x| (x - place).abs(), 0.0, 1.0).unwrap();
            assert!(kink.touches([place; 2]), "{kink:?} {place}");
            let jump = find(|x| if x < place { 0.0 } else { 1.0 }, 0.0, 1.0).unwrap();
            assert!(jump.touches([place; 2]), "{jump:?} {place}");
        }
    }

    #[test]
    fn singular_ends_are_found() {
        assert_eq!(find(f64::sqrt, 0.0, 1.0).unwrap().at, 0.0);
        assert_eq!(find(|x| (2.0 - x).ln(), 1.0, 2.0).unwrap().at, 2.0);
    }

    #[test]
    fn an_oscillation_has_no_focus() {
        assert_eq!(find(|x| (40.0 * x).cos(), -1.0, 1.0), None);
    }
}
