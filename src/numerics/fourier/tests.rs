//! Panels of the oscillating weights, one at a time.

use super::*;

/// The panel, judged by the values of an integrand.
fn judged(method: &Fourier, mut panel: Panel<Stage>, f: impl Fn(f64) -> f64) -> (Panel<Stage>, Local<f64>) {
    let mut xs = Vec::new();
    method.points(&panel, &mut xs);
    assert_eq!(xs.len(), method.count(&panel));
    assert!(xs.iter().all(|x| panel.a <= *x && *x <= panel.b && x.is_finite()), "{xs:?}");
    let values: Vec<f64> = xs.into_iter().map(f).collect();
    let local = method.estimate(&mut panel, &values);
    (panel, local)
}

fn whole(a: f64, b: f64) -> Panel<Stage> {
    Panel { a, b, depth: 0, kind: Fourier::cos(1.0).root() }
}

#[test]
fn polynomials_are_exact_at_every_frequency() {
    // The integral of x^2 cos(omega x) on [0, 1].
    for omega in [0.5f64, 1.0, 7.0, 30.0, 1e3, 1e6] {
        let (s, c) = (omega.sin(), omega.cos());
        let exact = s / omega + 2.0 * c / (omega * omega) - 2.0 * s / (omega * omega * omega);
        // What the formula itself loses.
        let lost = 1e-15 * (1.0 + 4.0 / (omega * omega * omega));
        let (_, local) = judged(&Fourier::cos(omega), whole(0.0, 1.0), |x| x * x);
        assert!((local.value - exact).abs() <= lost, "{omega}: {local:?} for {exact}");
        assert!(local.error <= 1e-14, "{omega}: {local:?}");
    }
}

#[test]
fn the_panels_do_not_depend_on_the_frequency() {
    let f = |x: f64| 1.0 / (1.0 + x * x);
    for panel in [whole(0.0, 10.0), whole(0.0, f64::INFINITY), whole(f64::NEG_INFINITY, 3.0)] {
        let parts = |method: Fourier| {
            let (panel, local) = judged(&method, panel, f);
            let mut parts = Vec::new();
            method.refine(&panel, local.error, &mut parts);
            parts.iter().map(|part| (part.a, part.b, part.kind.width.to_bits())).collect::<Vec<_>>()
        };
        let expected = parts(Fourier::cos(1.0));
        for omega in [1e-3, 1.0, 10.0] {
            assert_eq!(parts(Fourier::cos(omega)), expected);
            assert_eq!(parts(Fourier::sin(omega)), expected);
        }
    }
}

#[test]
fn a_window_sees_the_rest_by_its_oscillation() {
    // The integral of sin(omega x) / x from 1 on, of which the window has the first unit.
    let (_, local) = judged(&Fourier::sin(100.0), whole(1.0, f64::INFINITY), |x| 1.0 / x);
    let exact = 0.008_570_859_905_840_326;
    assert!((local.value - exact).abs() <= local.error && local.error < 1e-8, "{local:?} for {exact}");
    // The mirror image.
    let (_, mirrored) = judged(&Fourier::sin(100.0), whole(f64::NEG_INFINITY, -1.0), |x| 1.0 / x);
    assert!((mirrored.value - local.value).abs() < 1e-15, "{mirrored:?} for {local:?}");
}

#[test]
fn refining_ends_where_numbers_do() {
    let method = Fourier::sin(1.0);
    let mut panel = whole(0.0, f64::INFINITY);
    for _ in 0..1100 {
        panel.kind.widen = true;
        let mut parts = Vec::new();
        tail::further(&panel, &mut parts);
        let Some(next) = parts.pop() else { return };
        panel = next;
    }
    panic!("{panel:?} of {method:?} goes on");
}
