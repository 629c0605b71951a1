//! Errors of parts, and points that stay inside their panel.

use super::parts::HIDDEN;
use super::*;
use crate::numerics::auto::Auto;
use crate::numerics::clenshaw_curtis::ClenshawCurtis;
use crate::numerics::gauss_kronrod::GaussKronrod;
use crate::numerics::simpson::Simpson;
use crate::numerics::tanh_sinh::TanhSinh;

fn stays_inside<M: Method>(method: &M) {
    // Limits a few of the smallest numbers apart, whose halves are rounded.
    for (i, j) in (-20..20).flat_map(|i| (i + 1..40).map(move |j| (i, j))) {
        let [a, b] = [i, j].map(|n| f64::from(n) * 5e-324);
        let mut points = Vec::new();
        method.points(&Panel { a, b, depth: 0, kind: method.root() }, &mut points);
        assert!(points.iter().all(|&x| a <= x && x <= b), "{points:?} of [{a:?}, {b:?}]");
    }
}

fn local(value: f64, error: f64, roundoff: f64) -> Local<f64> {
    Local { value, error, l1: 1.0, roundoff }
}

/// The errors of the halves of a panel of width 1, compared with it.
fn compared_at(a: f64, whole: &Local<f64>, mut halves: [Local<f64>; 2]) -> [f64; 2] {
    let factor = lowering(false, &Panel { a, b: a + 1.0, depth: 3, kind: () }, whole, halves.iter());
    halves.iter_mut().for_each(|half| half.lower(factor));
    halves.map(|half| half.error)
}

fn compared(whole: &Local<f64>, halves: [Local<f64>; 2]) -> [f64; 2] {
    compared_at(0.0, whole, halves)
}

#[test]
fn halves_have_three_times_what_halving_moved_in_proportion_to_their_bounds() {
    let whole = local(8.0, 1024.0, 0.0);
    let halves = |left, right| [local(left, 24.0, 0.0), local(right, 8.0, 0.0)];
    assert_eq!(compared(&whole, halves(3.0, 4.0)), [2.25, 0.75]);
    assert_eq!(compared(&whole, halves(6.0, 3.0)), [2.25, 0.75]);
    // No more than their bounds.
    assert_eq!(compared(&whole, halves(30.0, 3.0)), [24.0, 8.0]);
}

#[test]
fn errors_fall_no_further_than_the_square_of_the_fall_of_their_bounds() {
    let halves = [local(4.0, 24.0, 0.0), local(4.0, 8.0, 0.0)];
    assert_eq!(compared(&local(8.0, 1024.0, 0.0), halves.clone()), [24.0 / 1024.0, 8.0 / 1024.0]);
    assert_eq!(compared(&local(8.0, 64.0, 0.0), halves.clone()), [6.0, 2.0]);
    assert_eq!(compared(&local(8.0, 16.0, 0.0), halves), [24.0, 8.0]);
}

#[test]
fn parts_that_look_exact_are_doubted_where_the_cut_moved_the_integral() {
    let least = |depth, whole: &Local<f64>, halves: [Local<f64>; 2]| {
        let panel = Panel { a: 0.0, b: 1.0, depth, kind: () };
        assert_eq!(lowering(false, &panel, whole, halves.iter()).least, 0.0);
        let lowering = lowering(true, &panel, whole, halves.iter());
        let mut part = halves[0].clone();
        part.lower(lowering);
        assert!(part.error >= lowering.least);
        lowering.least
    };
    let exact = [local(1.0, 1e-15, 1e-15), local(1.0, 1e-15, 1e-15)];
    assert_eq!(least(0, &local(1.5, 1.0, 0.0), exact.clone()), HIDDEN * (0.5 - 4e-15));
    assert_eq!(least(3, &local(1.5, 1.0, 0.0), exact.clone()), HIDDEN * (0.5 - 4e-15));
    // It moved no more than a kink does; or one part saw something.
    assert_eq!(least(0, &local(2.01, 1.0, 0.0), exact.clone()), 0.0);
    assert_eq!(least(0, &local(1.5, 1.0, 0.0), [exact[0].clone(), local(1.0, 1e-8, 1e-15)]), 0.0);
    // It moved nothing, which is strange only if the range was not cut before.
    assert_eq!(least(0, &local(2.0, 1.0, 0.0), exact.clone()), 1.0);
    assert_eq!(least(1, &local(2.0, 1.0, 0.0), exact), 0.0);
}

#[test]
fn rounding_is_neither_taken_for_a_move_nor_lowered() {
    let whole = local(8.0, 1024.0, 0.0);
    let halves = [local(4.0, 24.0, 0.25), local(4.5, 8.0, 0.0)];
    assert_eq!(compared(&whole, halves), [0.25, 8.0 / 1024.0]);
    // Nothing to be lowered, and nothing to compare with.
    assert_eq!(compared(&whole, [local(4.0, 0.0, 0.0), local(4.0, 0.0, 0.0)]), [0.0, 0.0]);
    assert_eq!(compared(&local(8.0, 0.0, 0.0), [local(4.0, 1.0, 0.0), local(4.0, 1.0, 0.0)]), [1.0, 1.0]);
    // Of a narrow panel nothing is told.
    let halves = [local(4.0, 24.0, 0.0), local(4.0, 8.0, 0.0)];
    assert_eq!(compared_at(-2e8, &whole, halves.clone()), [24.0, 8.0]);
    assert_eq!(compared_at(-0.9e8, &whole, halves), [24.0 / 1024.0, 8.0 / 1024.0]);
}

#[test]
fn no_point_lies_outside_the_smallest_panels() {
    [15, 21].into_iter().for_each(|points| stays_inside(&GaussKronrod::new(points)));
    stays_inside(&ClenshawCurtis);
    stays_inside(&TanhSinh);
    stays_inside(&Simpson);
    stays_inside(&Auto);
}
