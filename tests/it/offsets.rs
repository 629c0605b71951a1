//! Integrands that are given their offset from the nearer limit.

#![allow(clippy::float_cmp, reason = "exact values on purpose")]

use std::f64::consts::PI;
use std::fmt::Debug;

use coquad::{
    Auto, ClenshawCurtis, Error, Estimate, GaussKronrod, Integrator, Method, Reason, Simpson, TanhSinh, ThreadPool,
};

use crate::support::boxed;

const INF: f64 = f64::INFINITY;

/// The distance of `t` from the lower limit, and from the upper one, of a range of length 1.
fn distances(t: f64) -> (f64, f64) {
    if t.is_sign_negative() { (1.0 + t, -t) } else { (t, 1.0 - t) }
}

/// `(x - a)^p (b - x)^q` where `b - a` is 1.
fn beta(p: f64, q: f64) -> impl Fn(f64) -> f64 + Copy + Send + Sync + 'static {
    move |t| {
        let (left, right) = distances(t);
        left.powf(p) * right.powf(q)
    }
}

fn integrate<M: Method>(
    method: M,
    f: impl Fn(f64) -> f64 + Send + Sync + 'static,
    (a, b): (f64, f64),
    rtol: f64,
) -> Result<Estimate, Error> {
    Integrator::new(boxed(f)).method(method).rtol(rtol).offsets(true).integrate_blocking(a, b, 0.0)
}

/// B(1/10, 1/10) by mpmath.
const BETA_TENTH: f64 = 19.714_639_489_050_161;

fn solves_both_ends<M: Method + Debug>(method: M, most: usize) {
    // Where the range is does not matter to the offsets, so not to the bits either.
    for (a, b) in [(0.0, 1.0), (-1.0, 0.0), (7.0, 8.0)] {
        for (p, q, exact) in [(0.0, -0.9, 10.0), (-0.9, 0.0, 10.0), (-0.9, -0.9, BETA_TENTH), (-0.5, -0.5, PI)] {
            let e = integrate(method.clone(), beta(p, q), (a, b), 1e-10).expect("converges");
            let off = (e.value - exact).abs();
            assert!(off <= e.error.max(4e-15 * exact) && e.error <= 1e-10 * exact, "{method:?} {p} {q}: {off:e}");
            assert!(e.evaluations <= most, "{method:?} {p} {q}: {} evaluations", e.evaluations);
            assert_eq!((e.segments[0].a, e.segments[e.segments.len() - 1].b), (a, b));
            assert!(e.segments.windows(2).all(|pair| pair[0].b == pair[1].a && pair[1].a <= pair[1].b));
            let reversed = integrate(method.clone(), beta(p, q), (b, a), 1e-10).expect("converges");
            assert_eq!(reversed.value.to_bits(), (-e.value).to_bits());
        }
    }
}

#[test]
fn singularities_at_both_limits_are_solved_wherever_the_limits_are() {
    solves_both_ends(TanhSinh, 500);
    solves_both_ends(Auto, 900);
}

#[test]
fn without_offsets_they_are_not() {
    let f = |x: f64| (1.0 - x).powf(-0.9);
    let e = Integrator::new(boxed(f)).method(TanhSinh).rtol(1e-10).integrate_blocking(0.0, 1.0, 0.0);
    assert!(matches!(e, Err(Error::NotConverged { reason: Reason::Roundoff, .. })), "{e:?}");
}

/// Of `d^-0.99` a thousandth lies below 1e-298: what is not seen has to be reported, or continued by a law.
#[test]
fn the_strongest_singularities_are_continued_or_reported() {
    let e = integrate(Auto, beta(0.0, -0.99), (0.0, 1.0), 1e-10).expect("a power law");
    assert!((e.value - 100.0).abs() <= 1e-8, "{}", e.value);
    for (power, exact) in [(-0.98, 50.0), (-0.99, 100.0)] {
        match integrate(TanhSinh, beta(0.0, power), (0.0, 1.0), 1e-10) {
            Err(Error::NotConverged { estimate: e, .. }) => {
                assert!((e.value - exact).abs() <= e.error && e.error < 0.01 * exact, "{power}: {e}");
            }
            other => panic!("{power}: {other:?}"),
        }
    }
}

#[test]
fn integrals_that_do_not_exist_are_refused() {
    for p in [-1.0, -1.1, -2.0] {
        assert!(integrate(Auto, beta(0.0, p), (0.0, 1.0), 1e-8).is_err(), "{p}");
        assert!(integrate(TanhSinh, beta(0.0, p), (0.0, 1.0), 1e-8).is_err(), "{p}");
        assert!(integrate(GaussKronrod::new(21), beta(0.0, p), (0.0, 1.0), 1e-8).is_err(), "{p}");
    }
}

fn gives_the_integral_over_x<M: Method + Debug>(method: M) {
    let f = |x: f64| (2.0 * x).sin() + x * x;
    for (a, b) in [(-1.0, 3.0), (2.0, 2.5), (4.0, 1.0)] {
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        let offset = move |t: f64| f(if t.is_sign_negative() { high + t } else { low + t });
        let over = |x: f64| x * x * x / 3.0 - (2.0 * x).cos() / 2.0;
        let integrator = Integrator::new(boxed(offset)).method(method.clone()).offsets(true);
        let e = integrator.breakpoints(&[2.1, 2.9]).resolution(0.75).integrate_blocking(a, b, 1e-9).expect("smooth");
        assert!((e.value - (over(b) - over(a))).abs() <= 2e-9, "{method:?} {a} {b}: {}", e.value);
        assert!(e.segments.iter().all(|s| s.b - s.a <= 0.75 + 1e-12));
        for x in [2.1, 2.9] {
            let near = |y: f64| (x - y).abs() < 1e-14;
            assert!(x < low || x > high || e.segments.iter().any(|s| near(s.a) || near(s.b)), "{x} is a limit");
        }
    }
}

#[test]
fn every_method_takes_offsets() {
    gives_the_integral_over_x(Auto);
    gives_the_integral_over_x(GaussKronrod::new(15));
    gives_the_integral_over_x(ClenshawCurtis);
    gives_the_integral_over_x(TanhSinh);
    gives_the_integral_over_x(Simpson);
}

#[test]
fn a_half_infinite_range_has_offsets_from_its_finite_limit() {
    // exp(a - x) / sqrt(x - a), and its mirror image.
    for (a, b) in [(1e6, INF), (-INF, 1e6)] {
        let side = if a.is_finite() { 1.0 } else { -1.0 };
        let f = move |t: f64| {
            assert!(t * side > 0.0);
            (-t.abs()).exp() / t.abs().sqrt()
        };
        for e in [integrate(TanhSinh, f, (a, b), 1e-10), integrate(Auto, f, (a, b), 1e-10)] {
            let e = e.expect("converges");
            assert!((e.value - PI.sqrt()).abs() <= 1e-10 * e.value, "{}", e.value);
            assert_eq!((e.segments[0].a, e.segments[e.segments.len() - 1].b), (a, b));
        }
    }
    let whole = integrate(Auto, f64::exp, (-INF, INF), 1e-8);
    assert!(matches!(whole, Err(Error::InvalidInterval { .. })), "no limit is finite");
}

#[test]
fn errors_name_the_offset_so_that_it_can_be_replayed() {
    let f = |t: f64| if t < 0.0 && t > -1e-20 { f64::NAN } else { 1.0 };
    match integrate(TanhSinh, f, (0.0, 1.0), 1e-8) {
        Err(Error::NonFinite { x, .. }) => assert!(f(x).is_nan(), "{x:e}"),
        other => panic!("{other:?}"),
    }
}

fn keeps_its_bits<M: Method + Debug>(method: M) {
    let f = beta(-0.9, -0.5);
    let inline = integrate(method.clone(), f, (1.0, 2.0), 1e-10).expect("converges");
    for workers in [1, 4] {
        let pool = ThreadPool::new(workers);
        let integrator = Integrator::new(pool.evaluator(f)).method(method.clone()).rtol(1e-10).offsets(true);
        let e = integrator.integrate_blocking(1.0, 2.0, 0.0).expect("converges");
        assert_eq!((e.value.to_bits(), e.error.to_bits()), (inline.value.to_bits(), inline.error.to_bits()));
        assert_eq!((e.evaluations, e.segments.len()), (inline.evaluations, inline.segments.len()));
        let again = integrator.integrate_blocking(1.0, 2.0, 0.0).expect("known");
        assert_eq!((again.performed, again.value.to_bits()), (0, e.value.to_bits()), "{method:?}");
    }
}

#[test]
fn offsets_keep_their_bits_on_a_pool() {
    keeps_its_bits(Auto);
    keeps_its_bits(TanhSinh);
}
