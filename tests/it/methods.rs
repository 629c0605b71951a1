//! Every method on what it is for, and what no method may answer.

use std::fmt::Debug;
use std::future::ready;
use std::sync::Arc;

use coquad::{
    Auto, ClenshawCurtis, Error, Estimate, GaussKronrod, Integrator, Method, Reason, Simpson, Speculation, TanhSinh,
    ThreadPool, Value, evaluator_fn,
};
use num_complex::Complex;

use crate::support::battery::case;
use crate::support::boxed;
use crate::support::families::Draw;

/// Runs a check for every method with global control.
macro_rules! each_method {
    ($check:ident $(, $argument:expr)*) => {
        for points in [15, 21, 31, 41, 51, 61] {
            $check(GaussKronrod::new(points) $(, $argument)*);
        }
        $check(ClenshawCurtis $(, $argument)*);
        $check(TanhSinh $(, $argument)*);
    };
}

fn inline<M: Method + Debug>(
    method: M,
    f: impl Fn(f64) -> f64 + Send + Sync + 'static,
    (a, b): (f64, f64),
    (atol, rtol): (f64, f64),
) -> Result<Estimate, Error> {
    Integrator::new(boxed(f)).method(method).rtol(rtol).integrate_blocking(a, b, atol)
}

fn solves<M: Method + Debug>(method: &M, id: &str, most: usize) {
    let c = case(id);
    let e = inline(method.clone(), c.f, (c.a, c.b), (0.0, 1e-8)).unwrap_or_else(|e| panic!("{method:?} {id}: {e}"));
    let off = ((e.value - c.exact) / c.exact).abs();
    assert!(off <= 1e-7, "{id}: {off:e}");
    assert!(e.evaluations <= most, "{id}: {} evaluations", e.evaluations);
}

#[test]
fn gauss_kronrod_solves_smooth_and_peaked_integrands() {
    for (id, most) in [("K01", 21), ("K08", 21), ("K10", 21), ("K16", 500), ("K23", 500), ("D2", 21), ("A15", 150)] {
        solves(&GaussKronrod::new(21), id, most);
    }
    for (id, most) in [("K09", 500), ("A14", 200), ("Q3", 450), ("K18", 200)] {
        solves(&GaussKronrod::new(61), id, most);
    }
}

#[test]
fn clenshaw_curtis_solves_smooth_peaked_and_broken_integrands() {
    for id in ["K01", "K02", "K03", "K07", "K19", "K09", "K16", "K23", "K24", "K25", "A3", "A4", "A15", "Q8"] {
        solves(&ClenshawCurtis, id, 6_500);
    }
}

#[test]
fn tanh_sinh_solves_singular_limits() {
    for id in ["K03", "K06", "K07", "K19", "Q1", "Q1b", "Q11", "D1", "D7", "A16"] {
        solves(&TanhSinh, id, 130);
    }
    // Half-infinite ranges are two pieces.
    for id in ["Q16", "Q455", "D6"] {
        solves(&TanhSinh, id, 260);
    }
    solves(&GaussKronrod::new(21), "Q16", 5_000);
    solves(&GaussKronrod::new(21), "D6", 5_000);
}

#[test]
fn limits_that_are_not_finite_are_left_out_of_clenshaw_curtis_and_nothing_else() {
    let reciprocal = |x: f64| 1.0 / x.sqrt();
    let e = inline(ClenshawCurtis, reciprocal, (0.0, 1.0), (1e-8, 0.0)).unwrap();
    assert!((e.value - 2.0).abs() <= 1e-8);
    let inner = |x: f64| 1.0 / x.abs().sqrt();
    assert!(matches!(inline(ClenshawCurtis, inner, (-1.0, 1.0), (1e-8, 0.0)), Err(Error::NonFinite { x: 0.0, .. })));
    let integrator = Integrator::new(boxed(inner)).method(ClenshawCurtis).breakpoints(&[0.0]);
    assert!((integrator.integrate_blocking(-1.0, 1.0, 1e-8).unwrap().value - 4.0).abs() <= 1e-8);
}

fn refuses<M: Method + Debug>(method: M, name: &str, f: fn(f64) -> f64) {
    match inline(method.clone(), f, (0.0, 1.0), (0.0, 1e-8)) {
        Err(Error::NotConverged { estimate, .. }) => {
            assert!(estimate.evaluations < 20_000, "{method:?} {name}: {}", estimate.evaluations);
        }
        Err(Error::NonFinite { .. }) => {}
        other => panic!("{method:?} {name}: {other:?}"),
    }
}

fn is_refused_at_infinity<M: Method + Debug>(method: M) {
    for power in [-1.0, -0.999, -0.5] {
        for (a, b) in [(1.0, f64::INFINITY), (f64::NEG_INFINITY, f64::INFINITY)] {
            let integrator = Integrator::new(boxed(move |x: f64| (1.0 + x.abs()).powf(power))).method(method.clone());
            let end = integrator.rtol(1e-8).max_evaluations(200_000).integrate_blocking(a, b, 0.0);
            assert!(end.is_err(), "{method:?} {power} {a}: {end:?}");
        }
    }
}

#[test]
fn integrals_that_do_not_exist_at_infinity_are_refused() {
    is_refused_at_infinity(Auto);
    is_refused_at_infinity(GaussKronrod::new(15));
    is_refused_at_infinity(GaussKronrod::new(21));
    is_refused_at_infinity(ClenshawCurtis);
    is_refused_at_infinity(TanhSinh);
}

#[test]
fn integrals_that_do_not_exist_are_refused_in_bounded_work() {
    each_method!(refuses, "1/x", |x| 1.0 / x);
    each_method!(refuses, "1/x^2", |x| 1.0 / (x * x));
    each_method!(refuses, "|x-c|^-1.1", |x| (x - 0.987_654_321).abs().powf(-1.1));
}

/// Noise of size 1 that is the same for the same `x`.
fn hash(x: f64) -> f64 {
    let mut h = x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    h ^= h >> 29;
    h = h.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    h ^= h >> 32;
    h as f64 / 2f64.powi(63) - 1.0
}

fn gives_up_on_noise<M: Method + Debug>(method: M, noise: f64) {
    let f = move |x: f64| x.sin() + noise * hash(x);
    match inline(method.clone(), f, (0.0, 1.0), (1e-4 * noise, 0.0)) {
        Err(Error::NotConverged { estimate, reason: Reason::Roundoff, .. }) => {
            assert!(estimate.evaluations < 20_000, "{method:?} {noise:e}: {}", estimate.evaluations);
            assert!((estimate.value - (1.0 - 1f64.cos())).abs() < 10.0 * noise);
        }
        other => panic!("{method:?} {noise:e}: {:?}", other.map(|e| e.evaluations).map_err(|e| e.to_string())),
    }
}

#[test]
fn noise_ends_with_roundoff_in_bounded_work() {
    for noise in [1e-12, 1e-8] {
        each_method!(gives_up_on_noise, noise);
        gives_up_on_noise(Simpson, noise);
    }
}

fn ends_at_zero<M: Method + Debug>(method: M) {
    let e = inline(method.clone(), f64::sin, (-5.0, 5.0), (1e-10, 1e-8)).unwrap();
    assert!(e.value.abs() <= 1e-10);
    match inline(method.clone(), f64::sin, (-5.0, 5.0), (0.0, 1e-8)) {
        Err(Error::NotConverged { estimate, .. }) => assert!(estimate.evaluations < 20_000, "{method:?}"),
        Ok(e) => assert!(e.value.abs() <= 1e-12 && e.error <= 1e-8 * e.value.abs()),
        Err(e) => panic!("{method:?} {e}"),
    }
}

#[test]
fn an_integral_of_zero_ends() {
    each_method!(ends_at_zero);
}

fn reports_nan<M: Method + Debug>(method: M) {
    let f = |x: f64| if x > 0.3 { f64::NAN } else { 1.0 };
    match inline(method.clone(), f, (0.0, 1.0), (1e-6, 0.0)) {
        Err(Error::NonFinite { x, norm, .. }) => assert!(x > 0.3 && norm.is_nan()),
        other => panic!("{method:?}: {other:?}"),
    }
}

#[test]
fn a_value_that_is_not_a_number_is_reported_with_its_point() {
    each_method!(reports_nan);
}

fn takes_other_values<M: Method + Debug>(method: M) {
    let complex = Integrator::new(boxed(|x: f64| Complex::new(x.cos(), x.sin()))).method(method.clone());
    let e = complex.integrate_blocking(0.0, 1.0, 1e-12).unwrap();
    assert!((e.value - Complex::new(1f64.sin(), 1.0 - 1f64.cos())).norm_sqr().sqrt() <= 1e-12);

    let array = Integrator::new(boxed(|x: f64| [(-x).exp(), (-2.0 * x).exp()])).method(method.clone());
    let e = array.integrate_blocking(0.0, f64::INFINITY, 1e-8).unwrap();
    assert!((e.value[0] - 1.0).abs() <= 1e-8 && (e.value[1] - 0.5).abs() <= 1e-8);

    let vector = Integrator::new(boxed(|x: f64| vec![(-x).exp(), (-2.0 * x).exp()])).method(method.clone());
    let v = vector.integrate_blocking(0.0, f64::INFINITY, 1e-8).unwrap();
    assert_eq!(v.value, e.value);

    let single = Integrator::new(boxed(|x: f64| (x as f32).exp())).method(method);
    let e = single.integrate_blocking(0.0, 1.0, 1e-4).unwrap();
    assert!((e.value - (1f32.exp() - 1.0)).abs() <= 1e-6);
}

#[test]
fn complex_array_vector_and_single_values_are_integrated() {
    each_method!(takes_other_values);
}

/// All that may not depend on who evaluates.
fn trace<T: Value>(result: &Result<Estimate<T>, Error<T>>) -> (u64, u64, usize, Vec<[u64; 3]>) {
    let e = match result {
        Ok(e) => e,
        Err(Error::NotConverged { estimate, .. }) => estimate,
        Err(e) => panic!("{:?}", e.to_string()),
    };
    let segments = e.segments.iter().map(|s| [s.a.to_bits(), s.b.to_bits(), s.error.to_bits()]).collect();
    (e.value.norm().to_bits(), e.error.to_bits(), e.evaluations, segments)
}

/// What grows, up to where values times the slopes of the map are beyond all numbers, at some points or at all.
fn overflows_alike<M: Method + Debug>(method: M) {
    let mut draw = Draw(20_261_130);
    for _ in 0..100 {
        let (power, far, a) = (draw.within(0.2, 3.0), 10f64.powf(draw.within(5.0, 150.0)), draw.within(-2.0, 2.0));
        let f: fn(f64, f64) -> f64 = |x, power| x.abs().powf(power) - 0.3;
        let here = Integrator::new(boxed(move |x| f(x, power))).method(method.clone());
        let there = evaluator_fn(4, move |x: f64| ready(Ok::<_, std::convert::Infallible>(f(x, power))));
        let there = Integrator::new(there).method(method.clone());
        let here = here.breakpoints(&[far]).max_evaluations(500).integrate_blocking(a, f64::INFINITY, 1e-8);
        let there = there.breakpoints(&[far]).max_evaluations(500).integrate_blocking(a, f64::INFINITY, 1e-8);
        // Values that overflow by themselves are named.
        let said = |ended: &Result<Estimate, Error>| match ended {
            Ok(_) | Err(Error::NotConverged { .. }) => format!("{:?}", trace(ended)),
            Err(error) => error.to_string(),
        };
        assert_eq!(said(&there), said(&here), "{method:?}, {power:?}, {far:?}, {a:?}");
    }
}

#[test]
fn products_with_slopes_that_overflow_are_judged_alike_here_and_there() {
    overflows_alike(Auto);
    overflows_alike(Simpson);
    each_method!(overflows_alike);
}

fn keeps_its_bits<M: Method + Debug>(method: M, pools: &[ThreadPool]) {
    for id in ["K01", "K02", "K03", "K07", "K09", "K16", "K19", "K23", "K25", "A4", "D8", "Q15", "A15"] {
        let c = case(id);
        let expected = trace(&inline(method.clone(), c.f, (c.a, c.b), (1e-10, 1e-7)));
        for speculation in [Speculation::Off, Speculation::Certain, Speculation::Ahead] {
            for pool in pools {
                let integrator = Integrator::new(pool.evaluator(c.f)).method(method.clone()).rtol(1e-7);
                let e = integrator.speculation(speculation).integrate_blocking(c.a, c.b, 1e-10);
                assert_eq!(trace(&e), expected, "{method:?} {id} {speculation:?}");
                if let (Ok(e), Speculation::Off) = (&e, speculation) {
                    assert_eq!(e.performed, e.evaluations);
                }
            }
            let f = Arc::new(c.f);
            let evaluator = evaluator_fn(16, move |x: f64| {
                let f = f.clone();
                async move { Ok::<_, std::convert::Infallible>(f(x)) }
            });
            let integrator = Integrator::new(evaluator).method(method.clone()).rtol(1e-7).speculation(speculation);
            assert_eq!(trace(&integrator.integrate_blocking(c.a, c.b, 1e-10)), expected, "{method:?} {id} async");
        }
    }
}

#[test]
fn bits_do_not_depend_on_who_evaluates() {
    let pools = [ThreadPool::new(1), ThreadPool::new(4)];
    each_method!(keeps_its_bits, &pools);
    let narrow = ["K01", "K08", "K10"].map(case);
    for c in narrow {
        let expected = trace(&inline(Simpson, c.f, (c.a, c.b), (1e-7, 0.0)));
        for pool in &pools {
            let e = Integrator::new(pool.evaluator(c.f)).method(Simpson).integrate_blocking(c.a, c.b, 1e-7);
            assert_eq!(trace(&e), expected);
        }
    }
}

/// The needle of A2 far out on the line, and a decay a million long: missed or not solved where the range is mapped
/// about 0 on the scale of 1.
#[test]
fn a_scale_finds_what_lives_far_out() {
    const INF: f64 = f64::INFINITY;
    fn needle(x: f64) -> f64 {
        x * (-0.5 * (x - 800.0) * (x - 800.0)).exp() / std::f64::consts::TAU.sqrt()
    }
    fn mirrored(x: f64) -> f64 {
        needle(-x)
    }
    type Far = (fn(f64) -> f64, (f64, f64), (f64, f64), f64);
    let cases: [Far; 4] = [
        (needle, (-INF, INF), (800.0, 1.0), 800.0),
        (needle, (0.0, INF), (801.0, 2.0), 800.0),
        (mirrored, (-INF, 0.0), (-799.0, 2.0), 800.0),
        (|x| (-x / 1e6).exp(), (0.0, INF), (0.0, 1e6), 1e6),
    ];
    for (k, (f, (a, b), (centre, width), exact)) in cases.into_iter().enumerate() {
        let solved = Integrator::new(boxed(f)).method(GaussKronrod::new(21)).rtol(1e-8).scale(centre, width);
        let e = solved.integrate_blocking(a, b, 0.0).unwrap();
        assert!((e.value - exact).abs() <= 1e-8 * exact && e.evaluations <= 700, "{k}: {} {}", e.value, e.evaluations);
        let pool = ThreadPool::new(3);
        let pooled = Integrator::new(pool.evaluator(f)).method(GaussKronrod::new(21)).rtol(1e-8).scale(centre, width);
        assert_eq!(trace(&pooled.integrate_blocking(a, b, 0.0)), trace(&Ok(e)), "{k}");
    }
}

#[test]
fn a_scale_that_is_none_is_refused() {
    for (centre, width) in [(0.0, 0.0), (0.0, -1.0), (0.0, f64::NAN), (0.0, f64::INFINITY), (f64::NAN, 1.0)] {
        let integrator = Integrator::new(boxed(f64::exp)).scale(centre, width);
        let result = integrator.integrate_blocking(0.0, 1.0, 1e-6);
        assert!(matches!(result, Err(Error::InvalidScale { .. })), "{centre} {width}");
    }
}

/// With halves these take 651, 651, 1155, 2667 and 1323.
#[test]
fn a_singular_limit_is_approached_in_eighths() {
    let solved = |f: fn(f64) -> f64, (a, b), exact: f64| {
        let e = inline(GaussKronrod::new(21), f, (a, b), (1e-10, 0.0)).unwrap();
        assert!((e.value - exact).abs() <= e.error && e.error <= 1e-10, "{e:?}");
        e
    };
    assert_eq!(solved(f64::sqrt, (0.0, 1.0), 2.0 / 3.0).evaluations, 315);
    assert_eq!(solved(|x| (-x).sqrt(), (-1.0, 0.0), 2.0 / 3.0).evaluations, 315);
    assert_eq!(solved(f64::ln, (0.0, 1.0), -1.0).evaluations, 609);
    assert_eq!(solved(|x| 1.0 / x.sqrt(), (0.0, 1.0), 2.0).evaluations, 1365);
    let both = solved(|x| (1.0 - x * x).sqrt(), (-1.0, 1.0), std::f64::consts::FRAC_PI_2);
    assert_eq!(both.evaluations, 735);
    let widths: Vec<f64> = both.segments.iter().map(|segment| segment.b - segment.a).collect();
    assert!(widths[0] > 0.0 && (1..3).all(|i| widths[i + 1] == 8.0 * widths[i]), "{widths:?}");
}

/// Of a singular point within the range, too, once it is a limit.
#[test]
fn a_breakpoint_is_a_limit() {
    let f = |x: f64| (x - 0.3).abs().ln();
    let solve = |at: &[f64]| {
        let integrator = Integrator::new(boxed(f)).method(GaussKronrod::new(21)).breakpoints(at);
        integrator.integrate_blocking(0.0, 1.0, 1e-9).unwrap()
    };
    let exact = 0.3 * 0.3f64.ln() + 0.7 * 0.7f64.ln() - 1.0;
    let (within, told) = (solve(&[]), solve(&[0.3]));
    assert!((within.value - exact).abs() <= 1e-9 && (told.value - exact).abs() <= 1e-9);
    assert!(10 * told.evaluations < 9 * within.evaluations, "{} {}", told.evaluations, within.evaluations);
}

#[test]
fn a_pole_at_a_limit_is_found_to_diverge_before_its_points_are_rounded() {
    let poles: [(fn(f64) -> f64, f64, f64); 5] = [
        (|x| 1.0 / x, 0.0, 1.0),
        (|x| 1.0 / (1.0 - x), 0.0, 1.0),
        (|x| 1.0 / (x - 1.0), 1.0, 2.0),
        (|x| (x - 1000.0).powf(-1.5), 1000.0, 1001.0),
        (f64::tan, 0.0, std::f64::consts::FRAC_PI_2),
    ];
    for (k, (f, a, b)) in poles.into_iter().enumerate() {
        let result = inline(GaussKronrod::new(21), f, (a, b), (1e-8, 0.0));
        let Err(Error::NotConverged { reason: Reason::Divergent, estimate, .. }) = result else {
            panic!("{k}: {result:?}")
        };
        assert!(estimate.evaluations <= 650, "{k}: {}", estimate.evaluations);
    }
    // Where the integral is there, it is not.
    let e = inline(GaussKronrod::new(21), |x: f64| x.powf(-0.97), (0.0, 1.0), (0.0, 1e-8)).unwrap();
    assert!((e.value - 1.0 / 0.03).abs() < 1e-8 / 0.03 && e.evaluations < 20_000, "{e:?}");
}

/// As errors of panels alone these take 231 and 1659.
#[test]
fn errors_of_halves_are_what_halving_moved() {
    let evaluations = |f: fn(f64) -> f64, range, exact: f64| {
        let e = inline(GaussKronrod::new(21), f, range, (1e-10, 0.0)).unwrap();
        assert!((e.value - exact).abs() <= e.error && e.error <= 1e-10, "{e:?}");
        e.evaluations
    };
    let lorentzians = |x: f64| [0.2, 0.5, 0.83].iter().map(|c| 1e-3 / ((x - c) * (x - c) + 1e-6)).sum();
    let peaks = [0.2, 0.5, 0.83].iter().map(|c| ((1.0 - c) * 1e3_f64).atan() + (c * 1e3_f64).atan()).sum();
    assert_eq!(evaluations(|x| 1.0 / (1.0 + 25.0 * x * x), (-1.0, 1.0), 0.4 * 5f64.atan()), 147);
    assert_eq!(evaluations(lorentzians, (0.0, 1.0), peaks), 1785);
}

/// However much the first bisection moved: the errors of halves are no larger than their bounds. But where it moved
/// as much as a jump does, that may be hidden next to the cut, and each half is cut once more.
#[test]
fn what_is_exact_on_both_halves_ends_with_them() {
    let e = inline(GaussKronrod::new(21), f64::abs, (-1.0, 1.0), (1e-10, 0.0)).unwrap();
    assert_eq!((e.value, e.evaluations), (1.0, 63));
    let cusp = |x: f64| (-x.abs()).exp();
    let e = inline(GaussKronrod::new(21), cusp, (-10.0, 10.0), (1e-10, 0.0)).unwrap();
    assert!((e.value - 2.0 * (1.0 - (-10f64).exp())).abs() <= 1e-14, "{e:?}");
    assert_eq!(e.evaluations, 147);
    let step = |x: f64| if x > 0.0 { x.exp() } else { 0.0 };
    let e = inline(GaussKronrod::new(21), step, (-1.0, 1.0), (1e-10, 0.0)).unwrap();
    assert!((e.value - 1f64.exp_m1()).abs() <= 1e-14 && e.evaluations == 147, "{e:?}");
}
