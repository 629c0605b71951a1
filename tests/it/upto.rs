//! Many upper limits in one call: each integral meets the tolerance for itself, for the price of about one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use coquad::{
    Auto, ClenshawCurtis, Error, Estimate, GaussKronrod, Integrator, Method, Reason, Simpson, TanhSinh, ThreadPool,
};

use crate::support::boxed;
use crate::support::families::Draw;

const SEED: u64 = 20_261_131;
const INF: f64 = f64::INFINITY;

/// One over the expansion rate of a universe of matter, radiation and a cosmological constant.
fn distance(z: f64) -> f64 {
    let y = 1.0 + z;
    1.0 / (0.3 * y.powi(3) + 9e-5 * y.powi(4) + 0.69991).sqrt()
}

#[test]
fn distances_to_many_redshifts_cost_one_rule_each() {
    let redshifts: Vec<f64> = (1..=200).map(|i| 0.05 * f64::from(i)).collect();
    let integrator = Integrator::new(boxed(distance)).rtol(1e-8);
    let all = integrator.integrate_upto_blocking(0.0, &redshifts, 0.0).expect("smooth");
    let mut single = 0;
    for (e, z) in all.iter().zip(&redshifts) {
        let one = integrator.integrate_blocking(0.0, *z, 0.0).expect("smooth");
        single += one.evaluations;
        assert!((e.value - one.value).abs() <= 1e-8 * one.value && e.error <= 1e-8 * e.value, "{z}: {e:?} and {one:?}");
        assert_eq!((e.segments[0].a, e.segments[e.segments.len() - 1].b), (0.0, *z));
    }
    println!("{} evaluations by one call, {single} by 200", all[0].evaluations);
    assert!(all[0].evaluations <= 4_600 && 2 * all[0].evaluations < single, "{} and {single}", all[0].evaluations);
}

/// What an estimate is, to the bit.
fn bits(e: &Estimate) -> [u64; 5] {
    let segments = e.segments.iter().fold(0_u64, |hash, s| {
        [s.a, s.b, s.value, s.error, s.l1].iter().fold(hash, |hash, x| hash.rotate_left(7) ^ x.to_bits())
    });
    [e.value.to_bits(), e.error.to_bits(), e.l1.to_bits(), e.evaluations as u64, segments]
}

type Integrand = Arc<dyn Fn(f64) -> f64 + Send + Sync>;

/// Drawn integrands that are hard in one place, over drawn limits on both sides of a drawn `a`.
fn drawn(draw: &mut Draw) -> (Integrand, f64, Vec<f64>) {
    let (at, width) = (draw.within(-1.0, 2.0), draw.within(-7.0, 0.0).exp());
    let f: Integrand = match (draw.next() * 4.0) as u32 {
        0 => Arc::new(move |x| width / (width * width + (x - at) * (x - at))),
        1 => Arc::new(move |x| (x - at).abs().sqrt() * (-x.abs()).exp()),
        2 => Arc::new(move |x| if x < at { 1.0 } else { 2.0 + x } * (-x * x).exp()),
        _ => Arc::new(move |x| (-(x / width).abs()).exp() / width + (-x * x).exp()),
    };
    let a = [0.0, draw.within(-1.0, 1.0), -INF][(draw.next() * 3.0) as usize];
    let mut limits: Vec<f64> = (0..8).map(|_| draw.within(-2.0, 3.0)).collect();
    limits.extend([a, limits[3], 0.0]);
    if draw.next() < 0.5 {
        limits.extend([INF, -INF]);
    }
    (f, a, limits)
}

fn each_meets_its_tolerance(method: impl Method + std::fmt::Debug, members: usize) {
    let (mut draw, mut converged, mut checked, mut wrong) = (Draw(SEED), 0, 0, 0);
    for member in 0..members {
        let (f, a, limits) = drawn(&mut draw);
        let [atol, rtol] = [[1e-6, 0.0], [0.0, 1e-6], [1e-9, 1e-4]][member % 3];
        let by = f.clone();
        let integrator = Integrator::new(boxed(move |x| by(x))).method(method.clone()).rtol(rtol);
        let all = match integrator.integrate_upto_blocking(a, &limits, atol) {
            Ok(all) => all,
            // Said, not claimed: some methods cannot do all of these.
            Err(_) => continue,
        };
        converged += 1;
        let sum = |e: &Estimate| e.segments.iter().map(|s| s.value).sum::<f64>();
        for (e, b) in all.iter().zip(&limits) {
            let name = format!("{method:?}, member {member} (seed {SEED}), {a} to {b}: {e:?}");
            assert!(e.error <= f64::max(atol, rtol * e.value.abs()), "{name}");
            assert!(e.evaluations == all[0].evaluations && e.performed == all[0].performed, "{name}");
            if a == *b {
                assert!(e.value == 0.0 && e.segments.is_empty(), "{name}");
                continue;
            }
            assert!(!e.segments.is_empty(), "{name}");
            let sign = if *b > a { 1.0 } else { -1.0 };
            assert!((sign * sum(e) - e.value).abs() <= 1e-12 * e.l1, "{name}");
            assert!(e.segments.windows(2).all(|pair| pair[0].b == pair[1].a && pair[0].a < pair[0].b), "{name}");
            let ends = [e.segments[0].a, e.segments[e.segments.len() - 1].b];
            let close = |p: f64, q: f64| p == q || (p - q).abs() <= 1e-12 * q.abs().max(1.0);
            assert!(close(ends[0], a.min(*b)) && close(ends[1], a.max(*b)), "{name}: {ends:?}");
            let one = Integrator::new(boxed({
                let f = f.clone();
                move |x| f(x)
            }));
            let one = one.rtol(1e-10).breakpoints(&limits).integrate_blocking(a, *b, 1e-12).expect("an integral");
            checked += 1;
            wrong += u32::from((e.value - one.value).abs() > 10.0 * e.error + one.error + 1e-6 * e.l1);
        }
    }
    // Rules that look nowhere but at their points overlook a needle here and there, with one limit or many.
    assert!(100 * wrong <= checked, "{method:?}: {wrong} of {checked} (seed {SEED})");
    assert!(4 * converged >= 3 * members, "{method:?}: only {converged} of {members}");
}

#[test]
fn each_limit_meets_its_tolerance_by_any_method() {
    each_meets_its_tolerance(Auto, 120);
    each_meets_its_tolerance(GaussKronrod::new(21), 120);
    each_meets_its_tolerance(ClenshawCurtis, 60);
    each_meets_its_tolerance(TanhSinh, 60);
    each_meets_its_tolerance(Simpson, 12);
}

/// What is near `a` is a small part of the whole, and known to as many digits: the nearest limit decides there.
#[test]
fn the_nearest_limit_is_as_right_as_the_farthest() {
    for power in [0.5, 3.0, 9.0] {
        let limits: Vec<f64> = (1..=12).rev().map(|i| 10_f64.powi(-i / 2)).collect();
        let f = move |x: f64| x.powf(power) * (1.0 + (200.0 * x).sin());
        let integrator = Integrator::new(boxed(f)).method(GaussKronrod::new(21)).rtol(1e-9);
        let all = integrator.integrate_upto_blocking(0.0, &limits, 0.0).expect("integrals");
        for (e, b) in all.iter().zip(&limits) {
            assert!(e.error <= 1e-9 * e.value, "{power} {b}: {e:?}");
            let one = integrator.integrate_blocking(0.0, *b, 0.0).expect("an integral");
            assert!((e.value - one.value).abs() <= 1e-9 * one.value, "{power} {b}: {e:?} and {one:?}");
        }
    }
}

#[test]
fn one_limit_is_one_integral_and_whoever_evaluates_the_bits_are_the_same() {
    let mut draw = Draw(SEED + 1);
    for _ in 0..40 {
        let (f, a, limits) = drawn(&mut draw);
        let by = f.clone();
        let here = Integrator::new(boxed(move |x| by(x))).rtol(1e-7);
        let all = here.integrate_upto_blocking(a, &limits, 1e-9).expect("integrals");
        for workers in [1, 3] {
            let calls = Arc::new(Mutex::new(HashMap::new()));
            let (by, counted) = (f.clone(), calls.clone());
            let evaluator = ThreadPool::new(workers).evaluator(move |x: f64| {
                *counted.lock().unwrap().entry(x.to_bits()).or_insert(0) += 1;
                by(x)
            });
            let pool = Integrator::new(evaluator).rtol(1e-7);
            let there = pool.integrate_upto_blocking(a, &limits, 1e-9).expect("the same");
            assert!(all.iter().zip(&there).all(|(p, q)| bits(p) == bits(q)), "{workers} (seed {SEED} + 1)");
            assert!(calls.lock().unwrap().values().all(|n| *n == 1), "a point twice");
        }
        for b in [limits[0], limits[1], limits[2]] {
            if a.is_finite() && b > a {
                let one = here.integrate_blocking(a, b, 1e-9).expect("an integral");
                let upto = here.integrate_upto_blocking(a, &[b], 1e-9).expect("the same");
                // All but the order in which errors and norms are added.
                let ([value, .., evaluations, segments], one_s) = (bits(&upto[0]), bits(&one));
                assert_eq!(
                    [value, evaluations, segments],
                    [one_s[0], one_s[3], one_s[4]],
                    "{a} to {b} (seed {SEED} + 1)"
                );
                assert!(
                    (upto[0].error - one.error).abs() <= 1e-12 * one.error
                        && (upto[0].l1 - one.l1).abs() <= 1e-12 * one.l1
                );
            }
        }
    }
}

#[test]
fn what_is_asked_in_vain_is_said() {
    let integrator = Integrator::new(boxed(|x: f64| 1.0 / (x - 1.0).abs())).rtol(1e-8);
    let error = integrator.integrate_upto_blocking(0.0, &[3.0, 0.5, 2.0], 0.0).expect_err("it diverges at 1");
    let Error::NotConverged { estimate, reason, goal, .. } = error else { panic!("{error}") };
    assert_eq!((reason, estimate.segments[estimate.segments.len() - 1].b), (Reason::Divergent, 2.0));
    assert!(estimate.error > goal);
    let fine = integrator.integrate_upto_blocking(0.0, &[0.5, -1.0], 0.0).expect("away from it");
    assert!((fine[0].value - 2_f64.ln()).abs() < 1e-8 && (fine[1].value + 2_f64.ln()).abs() < 1e-8);

    let f = || Integrator::new(boxed(|_: f64| -> f64 { panic!("evaluated") }));
    let error = f().integrate_upto_blocking(0.0, &[1.0, f64::NAN], 1e-8).expect_err("no limit");
    assert!(matches!(error, Error::InvalidInterval { .. }), "{error}");
    let error = f().integrate_upto_blocking(0.0, &[], -1.0).expect_err("no tolerance");
    assert!(matches!(error, Error::InvalidTolerance { .. }), "{error}");
    assert!(f().integrate_upto_blocking(0.0, &[], 1e-8).expect("nothing asked").is_empty());
    let zero = f().integrate_upto_blocking(2.0, &[2.0, 2.0], 1e-8).expect("nothing to do");
    assert!(zero.len() == 2 && zero.iter().all(|e| e.value == 0.0 && e.evaluations == 0));
}

/// An odd integrand from zero, to both sides: the integral over both together is zero, and nobody asked for that.
#[test]
fn limits_on_both_sides_do_not_cancel() {
    let integrator = Integrator::new(boxed(|x: f64| x * (-x * x).exp())).rtol(1e-10);
    let e = integrator.integrate_upto_blocking(0.0, &[-INF, INF, -1.0], 0.0).expect("integrals");
    assert!((e[0].value - 0.5).abs() <= 1e-10 && (e[1].value - 0.5).abs() <= 1e-10);
    assert!((e[2].value - 0.5 * (1.0 - (-1.0_f64).exp())).abs() <= 1e-10);
}

/// Ten thousand limits share one list of segments.
#[test]
fn ten_thousand_limits_are_no_burden() {
    let limits: Vec<f64> = (1..=10_000).map(|i| f64::from(i) * 1e-4).collect();
    let integrator = Integrator::new(boxed(f64::sqrt)).rtol(1e-9);
    let all = integrator.integrate_upto_blocking(0.0, &limits, 0.0).expect("integrals");
    let exact = |b: f64| 2.0 / 3.0 * b * b.sqrt();
    assert!(all.iter().zip(&limits).all(|(e, b)| (e.value - exact(*b)).abs() <= 1e-9 * exact(*b)));
}
