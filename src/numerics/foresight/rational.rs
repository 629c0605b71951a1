//! Rational functions that stand for an integrand of which some values are known.
//!
//! The AAA algorithm (Nakatsukasa, Sète and Trefethen 2018, SIAM J. Sci. Comput. 40, A1494, section
//! 3): a barycentric quotient that has the values at some of the points, one more where it is worst,
//! with the weights by which it is nearest to the values at the others. Departures: the weights are
//! found by inverse iteration instead of a singular value decomposition, and the degree is bounded.

/// So many points are met exactly, at most.
const MOST: usize = 14;
/// A function that is off by no more than this part of the largest value is as near as can be.
const NEAR: f64 = 1e-13;
/// So many steps of the inverse iteration.
const STEPS: usize = 3;

/// A quotient of two polynomials, by its values at some points.
#[derive(Debug)]
pub(super) struct Rational {
    nodes: Vec<f64>,
    values: Vec<f64>,
    weights: Vec<f64>,
    /// By how much it is off at the other points, at most.
    pub(super) off: f64,
}

impl Rational {
    /// Of values at distinct points. Those that are not finite are left out.
    pub(super) fn new(known: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut rest: Vec<(f64, f64)> = known.filter(|(z, f)| z.is_finite() && f.is_finite()).collect();
        let size = rest.iter().fold(0.0, |most: f64, (_, f)| most.max(f.abs()));
        let mean = rest.iter().map(|(_, f)| f).sum::<f64>() / rest.len().max(1) as f64;
        let mut found = Self { nodes: Vec::new(), values: Vec::new(), weights: Vec::new(), off: 0.0 };
        let mut at: Vec<f64> = vec![mean; rest.len()];
        loop {
            let off = |i: usize| (rest[i].1 - at[i]).abs();
            let worst = (0..rest.len()).fold(None, |worst, i| match worst {
                Some(j) if off(j) >= off(i) => Some(j),
                _ => Some(i),
            });
            let Some(worst) = worst else { return found };
            found.off = off(worst);
            let points = found.nodes.len();
            if found.off <= NEAR * size && points > 0 || points >= MOST || rest.len() < points + 3 {
                return found;
            }
            let (z, f) = rest.swap_remove(worst);
            found.nodes.push(z);
            found.values.push(f);
            found.weigh(&rest);
            at = rest.iter().map(|(z, _)| found.at(*z)).collect();
        }
    }

    /// The value at a place.
    pub(super) fn at(&self, z: f64) -> f64 {
        let (mut above, mut below) = (0.0, 0.0);
        for ((node, value), weight) in self.nodes.iter().zip(&self.values).zip(&self.weights) {
            let distance = z - node;
            if distance == 0.0 {
                return *value;
            }
            above += weight / distance * value;
            below += weight / distance;
        }
        above / below
    }

    /// Finds the weights by the values at the points that are not met exactly: the singular vector of
    /// the least singular value of the Loewner matrix.
    fn weigh(&mut self, rest: &[(f64, f64)]) {
        let count = self.nodes.len();
        let mut columns: Vec<Vec<f64>> = self
            .nodes
            .iter()
            .zip(&self.values)
            .map(|(node, value)| rest.iter().map(|(z, f)| (f - value) / (z - node)).collect())
            .collect();
        // Triangular by Gram and Schmidt.
        let mut triangle = vec![0.0; count * count];
        let dot = |p: &[f64], q: &[f64]| p.iter().zip(q).map(|(p, q)| p * q).sum::<f64>();
        let mut most: f64 = 0.0;
        for j in 0..count {
            let norm = dot(&columns[j], &columns[j]).sqrt();
            triangle[j * count + j] = norm;
            most = most.max(norm);
            if norm > 0.0 {
                columns[j].iter_mut().for_each(|entry| *entry /= norm);
            }
            let (left, right) = columns.split_at_mut(j + 1);
            for (k, column) in right.iter_mut().enumerate() {
                let along = dot(&left[j], column);
                triangle[j * count + j + 1 + k] = along;
                column.iter_mut().zip(&left[j]).for_each(|(entry, unit)| *entry -= along * unit);
            }
        }
        // A singular matrix has the vector that is wanted for its null space.
        let least = if most > 0.0 { most * f64::EPSILON } else { 1.0 };
        (0..count).for_each(|j| triangle[j * count + j] = triangle[j * count + j].max(least));
        let mut vector = vec![1.0; count];
        for _ in 0..STEPS {
            for i in 0..count {
                let sum: f64 = (0..i).map(|j| triangle[j * count + i] * vector[j]).sum();
                vector[i] = (vector[i] - sum) / triangle[i * count + i];
            }
            for i in (0..count).rev() {
                let sum: f64 = (i + 1..count).map(|j| triangle[i * count + j] * vector[j]).sum();
                vector[i] = (vector[i] - sum) / triangle[i * count + i];
            }
            let most = vector.iter().fold(0.0, |most: f64, entry| most.max(entry.abs()));
            vector.iter_mut().for_each(|entry| *entry /= most);
        }
        self.weights = vector;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_off_where_it_says() {
        let xs: Vec<f64> = (0..33).map(|i| f64::from(i) / 16.0 - 1.0).collect();
        for (f, least, most) in [
            ((|x| 3.0 + 0.0 * x) as fn(f64) -> f64, 0.0, 1e-15),
            (|x| (1.0 + x) / (x * x - 2.0), 0.0, 1e-12),
            (|x: f64| (5.0 * x).sin(), 0.0, 1e-10),
            (|x: f64| (x - 0.1).abs(), 1e-9, 1e-1),
        ] {
            let found = Rational::new(xs.iter().map(|x| (*x, f(*x))));
            let off = xs.iter().map(|x| (found.at(*x) - f(*x)).abs()).fold(0.0, f64::max);
            assert!((found.off - off).abs() <= 1e-15 && (least..=most).contains(&off), "{off:e} {:e}", found.off);
        }
        // Without values, and with such as are not finite.
        assert!(Rational::new(std::iter::empty()).at(0.0).is_nan());
        let some = Rational::new(xs.iter().map(|x| (*x, if *x < 0.0 { f64::INFINITY } else { 1.0 / (1.5 + x) })));
        assert!((some.at(-0.7) - 1.25).abs() < 1e-12);
    }
}
