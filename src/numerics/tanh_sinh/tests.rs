//! Tanh-sinh: the table, nested levels, tails.
#![allow(clippy::float_cmp, clippy::needless_range_loop, reason = "bits are compared, matrices indexed")]

use super::*;

fn panel(a: f64, b: f64) -> Panel<Level> {
    Panel { a, b, depth: 0, kind: TanhSinh.root() }
}

fn points(panel: &Panel<Level>) -> Vec<f64> {
    let mut points = Vec::new();
    TanhSinh.points(panel, &mut points);
    points
}

#[test]
fn table_has_the_digits_of_an_independent_computation() {
    // mpmath, 50 digits.
    let known: [(usize, f64, f64); 5] = [
        (0, 1.0, std::f64::consts::FRAC_PI_2),
        (16, 0.6227902618359659, 1.3896147592472563),
        (77, 0.016987208518898893, 0.09605839186518947),
        (200, 6.37487849504444e-16, 2.2834926702613956e-14),
        (389, 5.307937818877894e-298, 3.6370069739853176e-295),
    ];
    for (j, distance, weight) in known {
        assert_eq!(NODES[j].distance.to_bits(), distance.to_bits(), "{j}");
        assert_eq!(NODES[j].weight.to_bits(), weight.to_bits(), "{j}");
    }
    assert!(NODES.windows(2).all(|pair| pair[0].distance > pair[1].distance));
}

#[test]
fn points_of_one_level_are_among_those_of_the_next() {
    for (a, b) in [(0.0, 1.0), (-1.0, 1.0), (0.1, 0.3), (-1e300, 1.7e308), (0.0, 1e-300)] {
        let mut low = panel(a, b);
        while low.kind.stride > 1 {
            let mut high = low;
            high.kind.stride /= 2;
            let (xs, ys) = (points(&low), points(&high));
            assert!(xs.iter().all(|x| ys.iter().any(|y| x.to_bits() == y.to_bits())));
            assert!(ys.windows(2).all(|pair| pair[0] <= pair[1]));
            assert!(ys.iter().all(|y| a < *y && *y < b));
            low = high;
        }
    }
}

#[test]
fn polynomials_converge_to_rounding() {
    for degree in 0..20 {
        let mut panel = panel(-1.0, 1.0);
        panel.kind.stride = 4;
        let values: Vec<f64> = points(&panel).iter().map(|x| x.powi(degree)).collect();
        let local = TanhSinh.estimate(&mut panel, &values);
        let exact = if degree % 2 == 0 { 2.0 / (f64::from(degree) + 1.0) } else { 0.0 };
        assert!((local.value - exact).abs() <= 4.0 * f64::EPSILON, "{degree} {:e}", local.value - exact);
        assert!(local.error < 1e-9, "{degree} {:e}", local.error);
    }
}

#[test]
fn tails_are_cut_where_terms_stop_to_count() {
    let mut panel = panel(0.0, 1.0);
    let values: Vec<f64> = points(&panel).iter().map(|_| 1.0).collect();
    let _ = TanhSinh.estimate(&mut panel, &values);
    let mut children = Vec::new();
    TanhSinh.refine(&panel, 0.0, &mut children);
    assert!(children[0].kind.tails[0] < 260, "{children:?}");
    assert!(usize::from(children[0].kind.tails[0]) >= UNCUT);
}

#[test]
fn a_panel_without_room_has_a_point_and_no_halves() {
    let panel = panel(1.0, 1.0 + f64::EPSILON);
    assert_eq!(points(&panel), [1.0]);
    let mut children = Vec::new();
    TanhSinh.refine(&panel, 0.0, &mut children);
    assert!(children.is_empty());
}
