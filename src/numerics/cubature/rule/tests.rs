//! What rules are exact for: the moments of the cube.

use super::*;

/// The mean of `prod x_i^(2 powers_i)` over the cube as the weights of a rule or null rule have it, and as it is.
fn moment(rule: &Rule, column: usize, powers: &[i32], dimension: usize) -> (f64, f64) {
    let mut nodes = rule.nodes.chunks_exact(dimension);
    let mut sum = 0.0;
    for orbit in &rule.orbits {
        let own = nodes.by_ref().take(orbit.points);
        let term = |node: &[f64]| node.iter().zip(powers).map(|(x, power)| x.powi(2 * power)).product::<f64>();
        sum += orbit.weights[column] * own.map(term).sum::<f64>();
    }
    (sum, powers.iter().map(|power| 1.0 / f64::from(2 * power + 1)).product())
}

/// All ways to write numbers up to `most` as sums that descend: by symmetry no other moments count.
fn partitions(most: i32, largest: i32, places: usize) -> Vec<Vec<i32>> {
    let mut all = vec![vec![]];
    if places > 0 {
        for first in 1..=largest.min(most) {
            for mut rest in partitions(most - first, first, places - 1) {
                rest.insert(0, first);
                all.push(rest);
            }
        }
    }
    all
}

/// The largest error of moments up to a degree.
fn off(dimension: usize, column: usize, degree: i32) -> f64 {
    let rule = Rule::of(dimension);
    let mut most = 0.0f64;
    for powers in partitions(degree / 2, degree / 2, dimension) {
        let (found, exact) = moment(rule, column, &powers, dimension);
        most = most.max((found - if column == 0 { exact } else { 0.0 }).abs());
    }
    most
}

#[test]
fn rules_are_exact_to_their_degree_and_no_further() {
    for dimension in AXES.take_while(|dimension| *dimension <= 10) {
        let degree = match dimension {
            2 => 13,
            3 => 11,
            _ => 9,
        };
        let (within, beyond) = (off(dimension, 0, degree), off(dimension, 0, degree + 1));
        assert!(within < 4e-13, "{dimension}: {within:e} to degree {degree}");
        assert!(beyond > 1e-5, "{dimension}: {beyond:e} to degree {}", degree + 1);
    }
}

#[test]
fn null_rules_vanish_to_their_degrees() {
    for dimension in AXES.take_while(|dimension| *dimension <= 10) {
        let degrees = match dimension {
            2 => [11, 11, 9, 7],
            3 => [9, 9, 7, 5],
            _ => [7, 7, 5, 3],
        };
        for (i, degree) in degrees.into_iter().enumerate() {
            let mass: f64 = Rule::of(dimension).orbits.iter().map(|o| o.points as f64 * o.weights[i + 1].abs()).sum();
            let (within, beyond) = (off(dimension, i + 1, degree) / mass, off(dimension, i + 1, degree + 2) / mass);
            assert!(within < 2e-14, "{dimension}, null rule {i}: {within:e} to degree {degree}");
            assert!(beyond > 1e-6, "{dimension}, null rule {i}: {beyond:e} to degree {}", degree + 2);
        }
    }
}

#[test]
fn points_are_as_many_as_is_told_and_inside_and_apart() {
    for (dimension, points) in [(2, 65), (3, 127), (4, 153), (5, 273), (6, 453), (7, 717), (8, 1105)] {
        let rule = Rule::of(dimension);
        assert_eq!((rule.points(), rule.nodes.len()), (points, points * dimension));
        let mut nodes: Vec<Vec<u64>> =
            rule.nodes.chunks_exact(dimension).map(|x| x.iter().map(|x| x.to_bits()).collect()).collect();
        nodes.sort();
        nodes.dedup();
        assert_eq!(nodes.len(), points);
        assert!(rule.nodes.iter().all(|x| x.abs() < 1.0));
    }
}

#[test]
fn orbits_on_the_axes_are_axis_by_axis() {
    let rule = Rule::of(4);
    let nodes: Vec<&[f64]> = rule.nodes.chunks_exact(4).collect();
    for axis in 0..4 {
        for (orbit, first) in [(1, 1), (2, 9)] {
            let (plus, minus) = (nodes[first + 2 * axis], nodes[first + 2 * axis + 1]);
            assert!(plus[axis] > 0.0 && (plus[axis] + minus[axis]).abs() <= 0.0, "{orbit}");
            assert_eq!(plus.iter().filter(|x| **x != 0.0).count(), 1);
        }
    }
}

#[test]
fn sums_of_null_rules_have_weights_of_norm_one_and_none_in_their_orbit() {
    for dimension in [2, 3, 4, 8] {
        let orbits = &Rule::of(dimension).orbits;
        for pair in 0..3 {
            for orbit in orbits {
                let weight = |of: &Orbit| of.weights[pair + 2] + orbit.scales[pair] * of.weights[pair + 1];
                let norm: f64 = orbits.iter().map(|of| of.points as f64 * weight(of).abs() * orbit.norms[pair]).sum();
                assert!((norm - 1.0).abs() < 1e-14, "{norm}");
                assert!(orbit.weights[pair + 1] == 0.0 || weight(orbit).abs() < 1e-15);
            }
        }
    }
}
