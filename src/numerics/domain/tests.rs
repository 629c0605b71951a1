//! Maps, pieces, offsets, and ranges in `x`.

use super::*;

/// Where on the range a piece is.
fn limits(domain: &Domain, a: f64, b: f64) -> (f64, f64) {
    let (p, q) = domain.span(a, b);
    domain.placed(p, q)
}

#[test]
fn maps_invert() {
    const INF: f64 = f64::INFINITY;
    for (a, b) in [(0.0, INF), (-INF, 2.0), (-INF, INF), (-3.0, 2.0)] {
        let scales = [None, Scale::new(1.5, 0.25), Scale::new(-2.0, 7.0)];
        for (scale, breakpoints) in scales.into_iter().flat_map(|scale| [(scale, vec![]), (scale, vec![1.5, -2.0])]) {
            let domain = Domain::new(a, b, &breakpoints, scale).unwrap();
            for x in [-2.5, -1.0, -1e-3, 0.25, 1.01, 1.78, 40.0] {
                if a <= x && x <= b {
                    let t = domain.map.t(x);
                    assert!((domain.x(t) - x).abs() <= 1e-13 * (1.0 + x.abs()), "{a} {b} {x} {t}");
                    let d = if t < 1.0 { 1e-6 * t.abs() } else { -1e-6 };
                    let slope = ((domain.x(t + d) - domain.x(t)) / d).abs();
                    assert!((slope / domain.slope(t) - 1.0).abs() < 1e-3, "{a} {b} {x}");
                }
            }
            let mut pieces: Vec<_> = domain.pieces().map(|(p, q)| limits(&domain, p, q)).collect();
            pieces.sort_by(|p, q| p.0.total_cmp(&q.0));
            assert_eq!((pieces[0].0, pieces[pieces.len() - 1].1), (a, b));
            assert!(pieces.windows(2).all(|pair| pair[0].1.to_bits() == pair[1].0.to_bits()), "{pieces:?}");
        }
    }
}

#[test]
fn both_ends_of_a_half_infinite_range_have_all_digits() {
    for (a, b, side) in [(0.0, f64::INFINITY, 1.0), (f64::NEG_INFINITY, 0.0, -1.0)] {
        let domain = Domain::new(a, b, &[], None).unwrap();
        for t in [1e-300, 1e-17] {
            assert_eq!((domain.x(t), domain.x(-t)), (side * t, side * (1.0 / t - 1.0)));
        }
        assert_eq!((domain.x(0.0), domain.x(-0.0)), (0.0, side * f64::INFINITY));
    }
    assert!(Scale::new(0.0, 0.0).is_none() && Scale::new(f64::INFINITY, 1.0).is_none());
}

#[test]
fn no_finite_piece_is_wider_than_the_resolution() {
    let domain = Domain::new(-1.0, 2.0, &[0.1], None).unwrap().resolve(0.25);
    assert!(domain.pieces().all(|(a, b)| a < b && b - a <= 0.25 * (1.0 + 1e-15)));
    assert_eq!((domain.cuts.len(), domain.cuts[0], domain.cuts[13]), (14, -1.0, 2.0));
    let domain = Domain::new(0.0, f64::INFINITY, &[10.0], None).unwrap().resolve(1.0);
    assert_eq!(domain.pieces().count(), 11);
}

#[test]
fn offsets_put_both_limits_at_zero() {
    let domain = Domain::of_offsets(3.0, 1.0, &[1.25, 2.5, 7.0], None).unwrap();
    assert!(domain.is_reversed() && !domain.is_ascending());
    let pieces: Vec<_> = domain.pieces().collect();
    assert_eq!(pieces, [(-1.0, -0.5), (-0.5, 0.0), (0.0, 0.25), (0.25, 1.0)]);
    assert!(pieces[1].1.is_sign_negative() && pieces[2].0.is_sign_positive());
    let mut placed: Vec<_> = pieces.iter().map(|(a, b)| limits(&domain, *a, *b)).collect();
    placed.sort_by(|p, q| p.0.total_cmp(&q.0));
    assert_eq!(placed, [(1.0, 1.25), (1.25, 2.0), (2.0, 2.5), (2.5, 3.0)]);

    for (a, b) in [(5.0, f64::INFINITY), (f64::NEG_INFINITY, 5.0)] {
        let plain = Domain::new(a, b, &[4.0, 7.0], Scale::new(6.0, 0.5)).unwrap().resolve(0.5);
        let offsets = Domain::of_offsets(a, b, &[4.0, 7.0], Scale::new(6.0, 0.5)).unwrap().resolve(0.5);
        let all = |domain: &Domain| domain.pieces().map(|(p, q)| limits(domain, p, q)).collect::<Vec<_>>();
        assert_eq!(all(&plain), all(&offsets));
        assert_eq!(offsets.x(0.0).is_sign_positive(), a > 0.0, "each limit has the sign of its side");
    }
    let none = |a, b, breakpoints: &[f64]| Domain::of_offsets(a, b, breakpoints, None).is_none();
    assert!(none(f64::NEG_INFINITY, f64::INFINITY, &[]) && none(f64::NAN, 0.0, &[]) && none(0.0, 1.0, &[f64::NAN]));
    assert_eq!(Domain::of_offsets(1.0, 1.0, &[], None).unwrap().pieces().count(), 0);
}

#[test]
fn breakpoints_are_sorted_and_those_outside_passed_over() {
    let domain = Domain::new(1.0, -0.0, &[0.5, 0.25, 7.0, 0.5, 0.0], None).unwrap();
    assert!(domain.is_reversed());
    assert_eq!(domain.pieces().collect::<Vec<_>>(), [(0.0, 0.25), (0.25, 0.5), (0.5, 1.0)]);
    assert!(domain.cuts[0].is_sign_positive());
    assert!(Domain::new(f64::NAN, 0.0, &[], None).is_none());
    assert_eq!(Domain::new(f64::INFINITY, f64::INFINITY, &[], None).unwrap().pieces().count(), 0);
}

#[test]
fn a_range_in_x_keeps_its_infinite_limits_and_is_cut_at_zero_if_it_has_no_finite_one() {
    const INF: f64 = f64::INFINITY;
    let pieces = |a, b, breakpoints: &[f64]| Domain::in_x(a, b, breakpoints).unwrap().pieces().collect::<Vec<_>>();
    assert_eq!(pieces(1.0, INF, &[]), [(1.0, INF)]);
    assert_eq!(pieces(INF, 1.0, &[3.0, 0.0]), [(1.0, 3.0), (3.0, INF)]);
    assert_eq!(pieces(-INF, INF, &[]), [(-INF, 0.0), (0.0, INF)]);
    assert_eq!(pieces(-INF, INF, &[2.0]), [(-INF, 2.0), (2.0, INF)]);
    assert_eq!(pieces(INF, INF, &[]), []);
    let domain = Domain::in_x(0.0, INF, &[10.0]).unwrap().resolve(1.0);
    assert_eq!((domain.pieces().count(), domain.x(1e300)), (11, 1e300));
    assert!(Domain::in_x(INF, -INF, &[]).unwrap().is_reversed() && Domain::in_x(f64::NAN, 0.0, &[]).is_none());
}
