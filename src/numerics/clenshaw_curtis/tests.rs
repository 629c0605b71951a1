//! Clenshaw-Curtis: nested points, degrees, estimates.
#![allow(clippy::float_cmp, clippy::needless_range_loop, reason = "bits are compared, matrices indexed")]

use super::*;

fn panel(level: u8) -> Panel<Degree> {
    Panel { a: -1.0, b: 1.0, depth: 0, kind: Degree { level, open: [true, true], raise: false } }
}

fn points(panel: &Panel<Degree>) -> Vec<f64> {
    let mut points = Vec::new();
    ClenshawCurtis.points(panel, &mut points);
    points
}

/// The integral of `x^degree` over [-1, 1].
fn moment(degree: i32) -> f64 {
    if degree % 2 == 0 { 2.0 / (f64::from(degree) + 1.0) } else { 0.0 }
}

#[test]
fn points_of_lower_degrees_are_among_those_of_higher_ones() {
    for (a, b) in [(-1.0, 1.0), (0.1, 0.7), (-1e-300, 3.0), (1e300, 1.7e308)] {
        for level in 0..TOP {
            let low = points(&Panel { a, b, ..panel(level) });
            let high = points(&Panel { a, b, ..panel(level + 1) });
            assert_eq!(low.len(), (4 << level) + 1);
            assert!(low.iter().zip(high.iter().step_by(2)).all(|(x, y)| x.to_bits() == y.to_bits()));
            assert!(high.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}

#[test]
fn weights_are_positive_and_sum_to_two() {
    for (log, weights) in WEIGHTS.iter().enumerate() {
        assert_eq!(weights.len(), (1 << log) + 1);
        let centre = weights[1 << log];
        let sum = 2.0 * weights[..1 << log].iter().sum::<f64>() + centre;
        assert!((sum - 2.0).abs() <= 2.0 * f64::EPSILON);
        assert!(weights.iter().all(|w| *w > 0.0));
    }
}

#[test]
fn monomials_are_exact_to_the_degree() {
    for level in 0..=TOP {
        let xs = points(&panel(level));
        for degree in 0..=(4 << level) + 1 {
            let values: Vec<f64> = xs.iter().map(|x| x.powi(degree)).collect();
            let local = ClenshawCurtis.estimate(&mut panel(level), &values);
            let off = (local.value - moment(degree)).abs();
            assert!(off <= 2.0 * f64::EPSILON, "{level} {degree} {off:e}");
            if degree <= 2 << level {
                assert!(local.error <= 20.0 * f64::EPSILON, "{level} {degree} {:e}", local.error);
            }
        }
    }
}

#[test]
fn ends_that_are_left_out_cost_a_degree_each() {
    for level in 0..=TOP {
        let xs = points(&panel(level));
        let n = xs.len() - 1;
        for (left, right) in [(true, false), (false, true), (true, true)] {
            let lost = i32::from(left) + i32::from(right);
            for degree in 0..=n as i32 - lost {
                let mut values: Vec<f64> = xs.iter().map(|x| x.powi(degree)).collect();
                if left {
                    values[0] = f64::INFINITY;
                }
                if right {
                    values[n] = f64::NAN;
                }
                let local = ClenshawCurtis.estimate(&mut panel(level), &values);
                let off = (local.value - moment(degree)).abs();
                assert!(off <= 1e-14, "{level} {degree} {off:e}");
                assert!(local.error.is_finite() && local.l1.is_finite());
            }
        }
    }
}

#[test]
fn no_other_point_is_left_out() {
    for level in 0..=TOP {
        let n = points(&panel(level)).len();
        for j in 1..n - 1 {
            let mut values = vec![1.0; n];
            values[j] = f64::NAN;
            assert!(!ClenshawCurtis.estimate(&mut panel(level), &values).l1.is_finite());
        }
        let mut inner = panel(level);
        inner.kind.open = [false, true];
        let mut values = vec![1.0; n];
        values[0] = f64::INFINITY;
        assert!(!ClenshawCurtis.estimate(&mut inner, &values).l1.is_finite());
    }
}
