//! Tests of paths: points, slopes and parameters.

use super::*;

fn z(re: f64, im: f64) -> Complex<f64> {
    Complex::new(re, im)
}

#[test]
fn the_slope_is_the_derivative_of_the_point() {
    let path = Path::from_infinity(z(-1.0, 2.0), z(3.0, 1.0))
        .line_to(z(0.0, 1.0))
        .arc(z(0.0, 0.0), -2.5)
        .arc(z(1.0, 0.0), 8.0)
        .line_to(z(-1.0, 0.25))
        .to_infinity(z(0.5, 0.0));
    assert_eq!(path.limits(), (f64::NEG_INFINITY, f64::INFINITY));
    let d = 1e-6;
    for i in -30..80 {
        let s = 0.05 + f64::from(i) * 0.1;
        let slope = (path.at(s + d) - path.at(s - d)) / (2.0 * d);
        assert!((slope - path.slope(s, s)).norm() < 1e-8, "{s}: {slope} {}", path.slope(s, s));
    }
    for s in path.parameters() {
        let (left, right) = (path.at(s.next_down()), path.at(s.next_up()));
        assert!((left - right).norm() < 1e-14, "{s}");
    }
}

#[test]
fn a_vertex_at_zero_has_the_parameter_zero_and_all_digits_beside_it() {
    let path = Path::from([z(1.0, 1.0), z(2.0, 0.0), Complex::ZERO, z(0.0, -1.0)]);
    assert_eq!((path.limits(), path.at(0.0)), ((-2.0, 1.0), Complex::ZERO));
    assert_eq!((path.at(-1e-200), path.at(1e-200)), (z(2e-200, 0.0), z(0.0, -1e-200)));
    // On an arc, too.
    let path = Path::new(z(2.0, 0.0)).arc(z(1.0, 0.0), std::f64::consts::PI);
    let end = path.at(1.0);
    assert!(end.norm() < 1e-15);
    assert_eq!(path.limits(), (0.0, 1.0));
    let path = Path::new(Complex::ZERO).arc(z(1.0, 0.0), 1.0);
    assert!((path.at(1e-200) / 1e-200 + Complex::I).norm() < 1e-14);
    // The first of several.
    let path = Path::from([Complex::ZERO, z(1.0, 0.0), Complex::ZERO]);
    assert_eq!(path.limits(), (0.0, 2.0));
}

#[test]
fn whole_turns_end_where_they_begin() {
    let path = Path::circle(z(0.5, 0.0), 2.0).close();
    assert_eq!((path.limits(), path.at(0.0), path.at(1.0)), ((0.0, 1.0), z(2.5, 0.0), z(2.5, 0.0)));
    let path = Path::new(z(1.0, 0.0)).arc(Complex::ZERO, -3.0 * std::f64::consts::TAU);
    assert_eq!((path.limits(), path.at(3.0)), ((0.0, 3.0), z(1.0, 0.0)));
    assert!((path.at(2.25) + Complex::I).norm() < 1e-15);
    // No piece without length.
    let path =
        Path::from([z(1.0, 0.0), z(1.0, 0.0), z(2.0, 0.0), z(2.0, 0.0)]).arc(z(2.0, 0.0), 1.0).arc(z(0.0, 1.0), 0.0);
    assert_eq!(path.limits(), (0.0, 1.0));
}

#[test]
fn infinite_ends_are_rays() {
    let (inf, one) = (f64::INFINITY, z(1.0, 0.0));
    let path = Path::from([z(0.0, -inf), one, z(2.0, 0.0), z(-inf, inf)]);
    assert_eq!(path.wrong(), None);
    assert_eq!((path.at(-2.0), path.at(0.5), path.at(3.0)), (z(1.0, -2.0), z(1.5, 0.0), z(0.0, 2.0)));
    let path = Path::from([one, z(inf, 7.0)]);
    assert_eq!((path.limits(), path.at(2.5)), ((0.0, inf), z(3.5, 0.0)));
    for wrong in [
        Path::from([z(inf, 0.0), z(inf, 0.0)]),
        Path::from([one, z(inf, 0.0), one]),
        Path::from([z(f64::NAN, 0.0), one]),
        Path::from([one, z(0.0, f64::NAN)]),
        Path::from([z(inf, 0.0)]),
        Path::new(one).arc(Complex::ZERO, inf),
        Path::new(one).to_infinity(Complex::ZERO),
        Path::new(one).to_infinity(one).line_to(one),
        Path::new(one).to_infinity(one).to_infinity(one),
        Path::from([z(1e308, 0.0), z(-1e308, 0.0)]),
    ] {
        assert!(wrong.wrong().is_some(), "{wrong:?}");
    }
    assert_eq!(Path::from([one]).limits(), (0.0, 0.0));
    assert_eq!(Path::from(&[][..]).limits(), (0.0, 0.0));
}
