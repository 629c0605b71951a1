//! Tolerances that people need: relative to the integral of the norm, and to each component's own size.

use std::fmt::Debug;
use std::time::Duration;

use coquad::{
    Auto, BoxIntegrator, ClenshawCurtis, Error, Estimate, Fourier, GaussKronrod, Inline, Integrator, Method,
    PrincipalValue, Reason, Scales, Simpson, Speculation, TanhSinh, ThreadPool, Tolerance,
};

use crate::support::boxed;
use crate::support::families::Draw;

const SEED: u64 = 20_261_130;

/// Evenly spread in the logarithm.
fn log(draw: &mut Draw, low: f64, high: f64) -> f64 {
    draw.within(low.ln(), high.ln()).exp()
}

/// `exp(-x) - A x` on [0, 1], for 41 values of A, by a tolerance relative to the value or the norm: the integral passes
/// through zero.
fn sweep(method: impl Method, [rtol, rtol_l1]: [f64; 2]) -> Vec<Ended> {
    let zero = 2.0 * (1.0 - (-1.0_f64).exp());
    let steepness = (-20..=20).map(|i| zero * (1.0 + f64::from(i) * 1e-9));
    let ask = |steepness: f64| {
        let f = boxed(move |x: f64| (-x).exp() - steepness * x);
        let integrator = Integrator::new(f).method(method.clone()).rtol(rtol).rtol_l1(rtol_l1);
        (integrator.integrate_blocking(0.0, 1.0, 0.0), (zero - steepness) / 2.0)
    };
    steepness.map(ask).collect()
}

type Ended = (Result<Estimate<f64>, Error>, f64);

fn met(method: impl Method + std::fmt::Debug) {
    for rtol_l1 in [1e-6, 1e-10, 1e-12] {
        for (e, exact) in sweep(method.clone(), [0.0, rtol_l1]) {
            let e = e.unwrap_or_else(|error| panic!("{method:?} {rtol_l1}: {error}"));
            assert!(e.error <= rtol_l1 * e.l1 && (0.3..0.5).contains(&e.l1), "{method:?} {rtol_l1}: {e:?}");
            assert!((e.value - exact).abs() <= rtol_l1 * e.l1, "{method:?} {rtol_l1}: {e:?} for {exact:e}");
        }
    }
}

#[test]
fn an_integral_that_passes_through_zero_is_known_to_a_part_of_its_norm() {
    let of_value = sweep(Auto, [1e-10, 0.0]);
    let roundoff =
        of_value.iter().filter(|(e, _)| matches!(e, Err(Error::NotConverged { reason: Reason::Roundoff, .. })));
    assert!(roundoff.count() > 10, "the plain one asks for more than rounding leaves");
    met(Auto);
    met(GaussKronrod::new(21));
    met(ClenshawCurtis);
    met(TanhSinh);
}

#[test]
fn local_control_takes_it_too() {
    let e = Integrator::new(boxed(|x: f64| (-x * x).exp() * x)).method(Simpson).rtol_l1(1e-8);
    let e = e.integrate_blocking(-2.0, 2.0, 0.0).expect("a part of the norm");
    assert!(e.error <= 1e-8 * e.l1 && e.value.abs() <= 1e-8 * e.l1, "{e:?}");
}

/// Of an integrand that is nowhere negative both relative tolerances are one, whatever is refined on the way.
#[test]
fn of_a_positive_integrand_both_relative_tolerances_ask_for_the_same() {
    let mut draw = Draw(SEED);
    for _ in 0..300 {
        let (at, width, power) = (draw.within(0.0, 1.0), log(&mut draw, 1e-3, 1.0), draw.within(-0.7, 2.0));
        let f = move |x: f64| (x - at).abs().powf(power) + width / (width * width + (x - 0.3) * (x - 0.3));
        let rtol = log(&mut draw, 1e-10, 1e-2);
        let by_value = Integrator::new(boxed(f)).rtol(rtol).integrate_blocking(0.0, 1.0, 0.0);
        let by_norm = Integrator::new(boxed(f)).rtol_l1(rtol).integrate_blocking(0.0, 1.0, 0.0);
        match (by_value, by_norm) {
            (Ok(p), Ok(q)) => assert_eq!((p.value.to_bits(), p.evaluations), (q.value.to_bits(), q.evaluations)),
            (
                Err(Error::NotConverged { estimate: p, reason, .. }),
                Err(Error::NotConverged { estimate: q, reason: other, .. }),
            ) => assert_eq!((p.value.to_bits(), p.evaluations, reason), (q.value.to_bits(), q.evaluations, other)),
            (Err(p), Err(q)) => assert_eq!(p.to_string(), q.to_string()),
            (p, q) => panic!("{p:?} and {q:?} at {at}, {width}, {power}, {rtol}, seed {SEED}"),
        }
    }
}

#[test]
fn whoever_evaluates_the_answer_is_the_same() {
    let f = |x: f64| (30.0 * x).sin() * (x - 0.4).abs().sqrt() + 1.0 / (1e-4 + (x - 0.8) * (x - 0.8)) - 155.0;
    let here = Integrator::new(boxed(f)).rtol_l1(1e-9).integrate_blocking(0.0, 1.0, 0.0).expect("an integral");
    for workers in [1, 2, 7] {
        let pool = Integrator::new(ThreadPool::new(workers).evaluator(f)).rtol_l1(1e-9);
        let e = pool.integrate_blocking(0.0, 1.0, 0.0).expect("the same");
        assert_eq!(
            (e.value.to_bits(), e.error.to_bits(), e.evaluations),
            (here.value.to_bits(), here.error.to_bits(), here.evaluations)
        );
    }
}

#[test]
fn what_is_no_tolerance_is_refused_with_its_number_before_anything_is_evaluated() {
    for bad in [-1e-8, f64::NAN, f64::NEG_INFINITY] {
        let f = boxed(|_: f64| -> f64 { panic!("evaluated") });
        let error = Integrator::new(f).rtol_l1(bad).integrate_blocking(0.0, 1.0, 1e-8).expect_err("no tolerance");
        assert!(matches!(error, Error::InvalidTolerance { .. }), "{error}");
        assert!(error.to_string().contains(&format!("rtol_l1 = {bad:?}")), "{error}");
    }
    let any = Integrator::new(boxed(f64::exp)).rtol_l1(f64::INFINITY);
    assert_eq!(any.integrate_blocking(0.0, 1.0, 0.0).expect("any will do").evaluations, 23);
}

/// Components of sizes from 1e-12 to 1e3, the small ones narrow: with scales each is right to its own.
#[test]
fn each_component_is_right_to_its_own_size() {
    const COMPONENTS: usize = 1_000;
    let mut draw = Draw(SEED);
    let mut member = || {
        let size = log(&mut draw, 1e-12, 1e3);
        // What is small is narrow.
        (size, draw.within(0.1, 0.9), if size < 1e-3 { log(&mut draw, 1e-3, 1e-2) } else { 1.0 })
    };
    let members: Vec<(f64, f64, f64)> = (0..COMPONENTS).map(|_| member()).collect();
    let sizes: Vec<f64> = members.iter().map(|m| m.0).collect();
    let values = {
        let members = members.clone();
        move |x: f64| -> Vec<f64> {
            members.iter().map(|&(size, at, width)| size * width / (width * width + (x - at) * (x - at))).collect()
        }
    };
    let exact = |(size, at, width): (f64, f64, f64)| size * (((1.0 - at) / width).atan() + (at / width).atan());
    let worst = |value: &[f64]| {
        let off = value.iter().zip(&members).map(|(value, m)| (value - exact(*m)).abs() / m.0);
        off.fold(0.0, f64::max)
    };
    let plain = Integrator::new(boxed(values.clone())).rtol(1e-4);
    let plain = plain.integrate_blocking(0.0, 1.0, 0.0).expect("the largest is right");
    assert!(worst(&plain.value) > 1e-2, "seed {SEED}: the small ones are not: {:e}", worst(&plain.value));

    let scales = Scales::new(&sizes);
    let scaled = Integrator::new(boxed(move |x| scales.of(values(x))));
    let e = scaled.integrate_blocking(0.0, 1.0, 1e-6).expect("all are right");
    assert!(worst(&e.value.value) <= e.error && e.error <= 1e-6, "seed {SEED}: {:e}", worst(&e.value.value));
}

/// One call's tolerance does what the integrator's own does, and that of the integrator has no effect on it.
#[test]
fn the_tolerance_of_a_call_takes_the_place_of_that_of_the_integrator() {
    fn same<T: Debug, P: Debug>(to: Result<Estimate<T, P>, Error<T, P>>, by: Result<Estimate<T, P>, Error<T, P>>) {
        match (to, by) {
            (Ok(to), Ok(by)) => {
                assert_eq!(format!("{:?}", to.value), format!("{:?}", by.value));
                assert_eq!((to.error.to_bits(), to.evaluations), (by.error.to_bits(), by.evaluations));
                assert_eq!((to.l1.to_bits(), to.segments.len()), (by.l1.to_bits(), by.segments.len()));
            }
            (to, by) => assert_eq!(format!("{:?}", to.err()), format!("{:?}", by.err())),
        }
    }
    let mut draw = Draw(SEED);
    for _ in 0..20 {
        let (at, power) = (draw.within(0.0, 1.0), draw.within(-0.5, 2.0));
        let [atol, rtol, rtol_l1] = std::array::from_fn(|_| log(&mut draw, 1e-9, 1e-2));
        let f = boxed(move |x: f64| (x - at).abs().powf(power) - 0.3);
        let plain = Integrator::new(f);
        let other = plain.clone().rtol(0.5).rtol_l1(0.5);
        let ask = |asked: &Integrator<_>, atol| asked.integrate_blocking(0.0, 1.0, atol);
        let to = |tolerance| other.integrate_to_blocking(0.0, 1.0, tolerance);
        same(to(Tolerance::absolute(atol)), ask(&plain, atol));
        same(to(Tolerance::relative(rtol)), ask(&plain.clone().rtol(rtol), 0.0));
        same(to(Tolerance::relative_to_l1(rtol_l1)), ask(&plain.clone().rtol_l1(rtol_l1), 0.0));
        let all = Tolerance::relative(rtol).or_absolute(atol).or_relative_to_l1(rtol_l1);
        same(to(all), ask(&plain.clone().rtol(rtol).rtol_l1(rtol_l1), atol));
        // The integrator is as it was.
        same(ask(&other, 0.0), ask(&plain.clone().rtol(0.5).rtol_l1(0.5), 0.0));
    }

    let tolerance = Tolerance::relative(1e-6);
    let decay = Integrator::new(boxed(|x: f64| (-x).exp()));
    let (exp, many) = (decay.clone().method(Fourier::exp(3.0)), decay.clone().method(Fourier::many(&[1.0, 3.0])));
    same(exp.integrate_to_blocking(0.0, 9.0, tolerance), exp.clone().rtol(1e-6).integrate_blocking(0.0, 9.0, 0.0));
    same(many.integrate_to_blocking(0.0, 9.0, tolerance), many.clone().rtol(1e-6).integrate_blocking(0.0, 9.0, 0.0));
    let poles = decay.method(PrincipalValue::many(&[0.5, 0.25]));
    same(poles.integrate_to_blocking(0.0, 1.0, tolerance), poles.clone().rtol(1e-6).integrate_blocking(0.0, 1.0, 0.0));
    let boxes = BoxIntegrator::new(Inline::over(|[x, y]: [f64; 2]| (x * y).sqrt())).rtol_l1(0.5);
    let (a, b) = ([0.0, 0.0], [1.0, 2.0]);
    same(
        boxes.integrate_to_blocking(a, b, tolerance),
        boxes.clone().rtol(1e-6).rtol_l1(0.0).integrate_blocking(a, b, 0.0),
    );
    let pool = Integrator::new(ThreadPool::new(2).evaluator(f64::sqrt));
    let (here, there) = futures::executor::block_on(async {
        let here = Integrator::new(boxed(f64::sqrt)).integrate_to(0.0, 1.0, tolerance).await;
        (here.expect("a root"), pool.integrate_to(0.0, 1.0, tolerance).await.expect("a root"))
    });
    assert_eq!((here.value.to_bits(), here.evaluations), (there.value.to_bits(), there.evaluations));
    assert!(here.error <= 1e-6 * here.value);
}

#[test]
fn what_is_no_tolerance_is_refused_with_its_number_by_a_call_too() {
    for (tolerance, said) in [
        (Tolerance::absolute(0.0), "atol = 0.0"),
        (Tolerance::absolute(f64::NAN), "atol = NaN"),
        (Tolerance::relative(-1e-6), "rtol = -1e-6"),
        (Tolerance::relative_to_l1(f64::NAN).or_absolute(1.0), "rtol_l1 = NaN"),
    ] {
        let f = boxed(|_: f64| -> f64 { panic!("evaluated") });
        let error = Integrator::new(f).integrate_to_blocking(0.0, 1.0, tolerance).expect_err("no tolerance");
        assert!(matches!(error, Error::InvalidTolerance { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn an_integrator_shows_what_it_was_told() {
    let plain = Integrator::new(boxed(f64::exp));
    assert_eq!(format!("{plain:?}"), "Integrator { method: Auto, max_evaluations: 1000000, .. }");
    let told = plain.method(Simpson).rtol(1e-6).breakpoints(&[0.5]).scale(0.0, 2.0).resolution(0.25);
    let told = told.time_limit(Duration::from_secs(3)).speculation(Speculation::Off).offsets(true).max_evaluations(9);
    assert_eq!(
        format!("{told:?}"),
        "Integrator { method: Simpson, max_evaluations: 9, rtol: 1e-6, time_limit: 3s, breakpoints: [0.5], \
         resolution: 0.25, scale: (0.0, 2.0), offsets: true, speculation: Off, .. }"
    );
    let boxes = BoxIntegrator::new(Inline::over(|[x, y]: [f64; 2]| x * y));
    assert_eq!(format!("{boxes:?}"), "BoxIntegrator { max_evaluations: 1000000, .. }");
    let told = boxes.rtol_l1(1e-3).breakpoints(1, &[0.5]);
    assert_eq!(
        format!("{told:?}"),
        "BoxIntegrator { max_evaluations: 1000000, rtol_l1: 0.001, breakpoints: [[], [0.5]], .. }"
    );
}
