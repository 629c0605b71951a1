//! Boxes: points, judgements, cuts.

#![allow(clippy::float_cmp, reason = "bits are what is promised")]

use super::*;

pub(super) fn panel<const N: usize>(low: [f64; N], high: [f64; N]) -> Panel<Cell<N>> {
    Panel { a: 0.0, b: 1.0, depth: 0, kind: Cell::new(low, high) }
}

/// Judges by a function.
pub(super) fn judged<const N: usize, T: Value>(panel: &mut Panel<Cell<N>>, f: impl Fn([f64; N]) -> T) -> Local<T> {
    let mut points = Vec::new();
    Boxes::lay(&panel.kind, &mut points);
    let values: Vec<T> = points.into_iter().map(f).collect();
    Boxes.estimate(panel, &values)
}

pub(super) fn halves<const N: usize>(panel: &Panel<Cell<N>>) -> Vec<Panel<Cell<N>>> {
    let mut halves = Vec::new();
    Boxes.refine(panel, 0.0, &mut halves);
    halves
}

#[test]
fn a_polynomial_is_found_to_rounding_and_its_error_is_rounding() {
    let mut of = panel([-1.0, 2.0, 0.0], [1.0, 5.0, 0.5]);
    let local = judged(&mut of, |[x, y, z]| x * x * y + z.powi(3) * y + 1.0);
    // 2/3 * 10.5 * 0.5 + 2 * 10.5 * 1/64 + 3
    let exact = 3.5 + 21.0 / 64.0 + 3.0;
    assert!((local.value - exact).abs() < 1e-13, "{local:?}");
    assert!(local.error < 1e-12 && local.is_settled(), "{local:?}");
    assert!((local.l1 - exact).abs() < 1e-12);
}

#[test]
fn values_of_every_kind_have_the_bits_of_their_components() {
    let f = |[x, y]: [f64; 2]| (3.0 * x - y).exp();
    let g = |[x, y]: [f64; 2]| 1.0 / (0.1 + x * y);
    let cube = || panel([0.0, 0.0], [1.0, 1.0]);
    let (one, other) = (judged(&mut cube(), f), judged(&mut cube(), g));
    let array = judged(&mut cube(), |x| [f(x), g(x)]);
    let vector = judged(&mut cube(), |x| vec![f(x), g(x)]);
    let complex = judged(&mut cube(), |x| num_complex::Complex::new(f(x), g(x)));
    for bits in [array.value, [vector.value[0], vector.value[1]], [complex.value.re, complex.value.im]] {
        assert_eq!(bits.map(f64::to_bits), [one.value, other.value].map(f64::to_bits));
    }
    assert!(array.error <= one.error.max(other.error) * 5.0 && array.error > 0.0);
    assert_eq!(array.error.to_bits(), vector.error.to_bits());
}

#[test]
fn a_box_is_cut_where_fourth_differences_are_largest() {
    for axis in 0..3 {
        let mut of = panel([0.0; 3], [1.0, 4.0, 0.5]);
        judged(&mut of, |x| (5.0 * x[axis] / of_width(axis)).exp());
        let halves = halves(&of);
        assert_eq!(of.kind.axis, Some(axis as u8));
        assert_eq!((halves[0].kind.high[axis], halves[1].kind.low[axis]), (of_width(axis) / 2.0, of_width(axis) / 2.0));
        assert_eq!((halves[0].b, halves[1].a, halves[0].depth), (0.5, 0.5, 1));
    }
}

fn of_width(axis: usize) -> f64 {
    [1.0, 4.0, 0.5][axis]
}

#[test]
fn axes_that_are_equal_take_turns_and_the_first_is_first() {
    // All fourth differences vanish: the integrand is not zero off the lines through the centre only.
    let mut of = panel([-1.0; 3], [1.0; 3]);
    let mut order = Vec::new();
    for _ in 0..6 {
        judged(&mut of, |[x, y, z]| x * y * z);
        order.extend(of.kind.axis);
        of = halves(&of)[1];
        of.kind.low = [-1.0; 3];
        of.kind.high = [1.0; 3];
    }
    assert_eq!(order, [0, 1, 2, 0, 1, 2]);
    // A symmetric integrand: differences that are equal but for rounding are equal.
    let mut of = panel([0.0; 3], [1.0; 3]);
    judged(&mut of, |[x, y, z]| (x + y + z).exp());
    assert_eq!(of.kind.axis, Some(0));
}

#[test]
fn a_box_without_room_on_an_axis_is_cut_along_another_and_one_without_any_is_not() {
    let next = f64::from_bits(1f64.to_bits() + 1);
    let mut of = panel([1.0, 0.0], [next, 1.0]);
    judged(&mut of, |[x, y]| if x > 1.0 { 1e9 } else { y });
    assert_eq!(of.kind.axis, Some(1));
    let mut of = panel([1.0, 1.0], [next, next]);
    judged(&mut of, |[x, _]| x);
    assert!(of.kind.axis.is_none() && halves(&of).is_empty());
}

#[test]
fn points_lie_inside_the_smallest_boxes() {
    for (low, high) in [(1.0, f64::from_bits(1f64.to_bits() + 1)), (0.0, 5e-324), (-5e-324, 1e-323), (-1e308, 1e308)] {
        let mut points = Vec::new();
        Boxes::lay(&Cell::new([low; 2], [high; 2]), &mut points);
        assert!(points.iter().flatten().all(|x| low <= *x && *x <= high), "{points:?}");
    }
}

#[test]
fn the_first_boxes_are_not_answered_from_and_parts_are_raised() {
    let of = panel([0.0; 2], [1.0; 2]);
    assert!(Boxes.audit(&of).is_some() && Boxes.audit(&Panel { depth: 1, ..of }).is_none());
    let local = |value, error| Local { value, error, l1: 1.0, roundoff: 0.0 };
    let raised = |whole: f64, parts: [(f64, f64); 2]| {
        let mut parts = parts.map(|(value, error)| (of, local(value, error)));
        crate::numerics::method::compare(&Boxes, &of, &local(whole, 1.0), &mut parts, |(p, l)| (p, l));
        parts.map(|(_, local)| local.error)
    };
    // Moved 0.5: an eighth to each, and the errors times 1 + 0.25 / 0.5.
    assert_eq!(raised(1.5, [(0.5, 0.375), (0.5, 0.125)]), [0.375 * 1.5 + 0.125, 0.125 * 1.5 + 0.125]);
    assert_eq!(raised(1.0, [(0.5, 0.375), (0.5, 0.125)]), [0.375, 0.125]);
    assert_eq!(raised(1.5, [(0.5, 0.0), (0.5, 0.0)]), [0.125, 0.125]);
}

#[test]
fn what_is_predicted_follows_the_differences_of_the_parent() {
    let mut of = panel([0.0; 2], [1.0; 2]);
    let mut guessed = Vec::new();
    Boxes.predict(&of, &mut guessed);
    assert!(guessed.is_empty(), "nothing is known");
    judged(&mut of, |[x, y]| (8.0 * x).exp() + (7.0 * y).exp());
    let halves = halves(&of);
    Boxes.predict(&halves[1], &mut guessed);
    // The next cut is along the other axis.
    assert_eq!(guessed[0].kind.high, [1.0, 0.5]);
}
