//! A reason that is given is the reason: infinity times zero far out, large values, divergence, oscillation, for
//! every method.

use std::sync::Arc;

use coquad::{Auto, ClenshawCurtis, Error, Estimate, GaussKronrod, Integrator, Method, Reason, TanhSinh, ThreadPool};

use crate::support::boxed;
use crate::support::families::Draw;
use crate::support::truth::kind;

type F = Arc<dyn Fn(f64) -> f64 + Send + Sync>;
type Ended = Result<Estimate, Error>;

const INF: f64 = f64::INFINITY;

const METHODS: [&str; 4] = ["Auto", "GaussKronrod(21)", "ClenshawCurtis", "TanhSinh"];

fn by<M: Method>(method: M, f: &F, [a, b]: [f64; 2]) -> Ended {
    let f = f.clone();
    let integrator = Integrator::new(boxed(move |x| f(x))).method(method).rtol(1e-8).max_evaluations(100_000);
    integrator.integrate_blocking(a, b, 0.0)
}

/// By the method of that index.
fn with(method: usize, f: &F, range: [f64; 2]) -> Ended {
    match method {
        0 => by(Auto, f, range),
        1 => by(GaussKronrod::new(21), f, range),
        2 => by(ClenshawCurtis, f, range),
        _ => by(TanhSinh, f, range),
    }
}

fn f(f: impl Fn(f64) -> f64 + Send + Sync + 'static) -> F {
    Arc::new(f)
}

fn decade(draw: &mut Draw, low: f64, high: f64) -> f64 {
    10f64.powf(draw.within(low, high))
}

fn is_right(value: f64, exact: f64) -> bool {
    (value - exact).abs() <= 1e-7 * exact.abs()
}

#[test]
fn infinity_times_zero_far_out_is_no_error() {
    // From p = 134 on, the integrand is infinite where more than 1e-8 of the integral lies: no answer can be right.
    const REPRESENTED: f64 = 133.0;
    for (method, name) in METHODS.iter().enumerate() {
        let mut right = 0;
        for (i, question) in (kind("powers times exponential").draw)(100, 7).into_iter().enumerate() {
            let ended = with(method, &question.f, [question.a, question.b]);
            let power: f64 = question.name.split("p=").nth(1).unwrap().parse().unwrap();
            let at = format!("{}, {}: {ended:?}", name, question.name);
            match &ended {
                Ok(e) if is_right(e.value, question.exact) => right += usize::from(i < 70),
                Err(Error::NonFinite { norm, .. }) if power > REPRESENTED => assert!(norm.is_infinite(), "{at}"),
                _ => panic!("{at}"),
            }
        }
        assert!(right >= 66, "{}: {right} of 70", name);
    }
}

#[test]
fn infinity_times_zero_is_no_error_beyond_breakpoints_and_on_other_ranges() {
    let exact = libm::tgamma(101.0);
    let sided = |side: f64| f(move |x| (side * x).powf(100.0) * (-side * x).exp());
    for breakpoints in [&[][..], &[50.0], &[20.0, 200.0]] {
        for side in [1.0, -1.0] {
            let f = sided(side);
            let breakpoints: Vec<f64> = breakpoints.iter().map(|x| side * x).collect();
            let by = |integrator: Integrator<_, Auto>| {
                let e = integrator.rtol(1e-8).breakpoints(&breakpoints).integrate_blocking(0.0, side * INF, 0.0);
                assert!(e.as_ref().is_ok_and(|e| is_right(side * e.value, exact)), "{side} {breakpoints:?}: {e:?}");
            };
            let g = f.clone();
            by(Integrator::new(boxed(move |x| g(x))));
            let integrator = Integrator::new(boxed(move |x| f(x))).method(GaussKronrod::new(21)).rtol(1e-8);
            let e = integrator.breakpoints(&breakpoints).integrate_blocking(0.0, side * INF, 0.0);
            assert!(e.as_ref().is_ok_and(|e| is_right(side * e.value, exact)), "{side} {breakpoints:?}: {e:?}");
        }
    }
}

#[test]
fn large_values_of_32_bits_are_finite_too() {
    for scale in [1e30f32, 1e37] {
        let f = move |x: f64| scale * (1.0 / (1.0 + x * x)) as f32;
        let exact = f64::from(scale) * std::f64::consts::PI;
        let e = Integrator::new(boxed(f)).rtol(1e-4).integrate_blocking(-INF, INF, 0.0).unwrap();
        assert!((f64::from(e.value) - exact).abs() < 1e-4 * exact, "{e:?}");
    }
    let beyond = Integrator::new(boxed(|_| 3e38f32)).rtol(1e-4);
    let e = beyond.integrate_blocking(-5.0, 0.0, 0.0);
    assert!(matches!(e, Err(Error::NotConverged { reason: Reason::Divergent, .. })), "{e:?}");
}

#[test]
fn what_is_not_a_number_for_another_reason_is_named() {
    let cases: [(F, [f64; 2]); 6] = [
        (f(|x| x.powi(2) * (1.0 - x).powf(2.5)), [0.0, INF]),
        (f(|x| (10.0 - x).sqrt()), [0.0, INF]),
        (f(|x| (10.0 - x).powf(0.3) * (-x * x).exp()), [-INF, INF]),
        (f(|x| if x > 2.0 { f64::NAN } else { 1.0 / (1.0 + x * x) }), [-INF, INF]),
        (f(|_| f64::NAN), [0.0, INF]),
        (f(|x| (x - 0.3).sqrt()), [0.0, 1.0]),
    ];
    for (i, (f, range)) in cases.iter().enumerate() {
        for (method, name) in METHODS.iter().enumerate() {
            let ended = with(method, f, *range);
            let is_named = matches!(ended, Err(Error::NonFinite { x, norm, .. }) if f(x).is_nan() && norm.is_nan());
            assert!(is_named, "{} of case {i}: {ended:?}", name);
        }
    }
}

#[test]
fn large_finite_values_are_never_called_not_finite() {
    let mut draw = Draw(19);
    for i in 0..40 {
        let (s, w) = (decade(&mut draw, 150.0, 300.0), decade(&mut draw, -2.0, 2.0));
        let (k, b) = (draw.within(1.05, 3.0), decade(&mut draw, 150.0, 300.0));
        let pi = std::f64::consts::PI;
        let (f, range, exact) = match i % 8 {
            0 => (f(move |x| s * (-(x / w) * (x / w)).exp()), [-INF, INF], s * w * pi.sqrt()),
            1 => (f(move |x| s / (1.0 + (x / w) * (x / w))), [-INF, INF], s * w * pi),
            2 => (f(move |x| s * x * (-x).exp()), [0.0, INF], s),
            3 => (f(move |x| (x / b).sqrt()), [0.0, b], b / 1.5),
            4 => (f(move |x| s * (x / b)), [0.0, b], (s / 2.0) * b),
            5 => (f(move |x| s * x.powf(-k)), [1.0, INF], s / (k - 1.0)),
            6 => (
                f(move |x| s * (x + 0.1 * w).sqrt()),
                [0.0, w],
                s * (1.1f64.powf(1.5) - 0.1f64.powf(1.5)) * w.powf(1.5) / 1.5,
            ),
            _ => (f(move |x| s * (x / w).sin()), [0.0, w], s * w * (1.0 - 1f64.cos())),
        };
        for (method, name) in METHODS.iter().enumerate() {
            let ended = with(method, &f, range);
            let at = format!("{} of case {i}: s={s:?} w={w:?} k={k:?} b={b:?}: {ended:?}", name);
            match ended {
                Ok(e) => assert!(is_right(e.value, exact), "{at}"),
                Err(Error::NotConverged { reason: Reason::Divergent, .. }) if exact.is_infinite() => {}
                // A slow power: to be reported.
                Err(Error::NotConverged { .. }) if i % 8 == 5 => {}
                _ => panic!("{at}"),
            }
        }
    }
}

#[test]
fn divergence_is_called_so() {
    let mut draw = Draw(23);
    for i in 0..60 {
        let (c, s) = (draw.within(-10.0, 10.0), decade(&mut draw, -6.0, 6.0));
        let (p, h) = (draw.within(1.0, 2.5), draw.within(0.0, 1.0));
        let (f, range) = match i % 12 {
            0 => (f(move |_| s), [-INF, c]),
            1 => (f(move |_| s), [-INF, INF]),
            2 => (f(move |x| s * x.powf(h)), [c.abs(), INF]),
            3 => (f(move |x| s * x.powf(-h)), [c.abs() + 1.0, INF]),
            4 => (f(move |x| s / x), [c.abs() + 0.1, INF]),
            5 => (f(move |x| s * x.powf(-p)), [0.0, 1.0]),
            6 => (f(move |x| s / (1.0 - x)), [0.0, 1.0]),
            7 => (f(move |x| s * (1.0 - x).powf(-p)), [0.0, 1.0]),
            8 => (f(move |x| s / x), [0.0, c.abs() + 0.1]),
            9 => (f(move |x| s * x.ln() / x), [0.0, 0.9]),
            10 => (f(move |x| (h * x).exp()), [c, INF]),
            _ => (f(move |x| s / (x * (1.0 + x))), [0.0, INF]),
        };
        for (method, name) in METHODS.iter().enumerate() {
            let ended = with(method, &f, range);
            let is_called_so = matches!(ended, Err(Error::NotConverged { reason: Reason::Divergent, .. }));
            let at = format!("{} of case {i}: c={c:?} s={s:?} p={p:?} h={h:?}", name);
            assert!(is_called_so, "{at}: {ended:?}");
        }
    }
}

#[test]
fn an_isolated_infinity_is_named() {
    let pole = f(|x| 1.0 / (x - 0.5));
    let jump = f(|x| if x > 0.7 { INF } else { x });
    for f in [pole, jump] {
        for (method, name) in METHODS.iter().enumerate() {
            let ended = with(method, &f, [0.0, 1.0]);
            let is_named = matches!(ended, Err(Error::NonFinite { x, norm, .. }) if f(x) == INF && norm == INF);
            assert!(is_named, "{}: {ended:?}", name);
        }
    }
}

#[test]
fn an_oscillation_to_infinity_is_called_so() {
    let mut draw = Draw(29);
    let mut told = 0;
    for i in 0..12 {
        let (w, c) = (draw.within(3.0, 60.0), draw.within(0.5, 2.0));
        let (f, range) = match i % 6 {
            0 => (f(move |x| (w * x).sin().powi(2) / (c + x * x)), [-INF, INF]),
            1 => (f(move |x| (w * x).cos() / (c + x * x)), [-INF, INF]),
            2 => (f(move |x| if x == 0.0 { w } else { (w * x).sin() / x }), [0.0, INF]),
            3 => (f(move |x| (w * x).sin() / (c + x)), [0.0, INF]),
            4 => (f(move |x| (w * x).sin() / x.sqrt()), [c, INF]),
            _ => (f(move |x| 1e3 * (w * x).cos() / (c + x.abs().powf(1.5))), [-INF, c]),
        };
        for (method, name) in METHODS.iter().enumerate() {
            let ended = with(method, &f, range);
            let Err(Error::NotConverged { reason: Reason::Oscillating, frequency, .. }) = &ended else {
                panic!("{} of case {i}: w={w:?} c={c:?}: {ended:?}", name);
            };
            println!("{name} of case {i}: {w}, {frequency:?}");
            // What was seen is right; the default method sees it.
            assert!(
                *frequency == 0.0 || (f64::from(*frequency) / w - 1.0).abs() < 0.1,
                "{name} of case {i}: w={w}: {frequency:?}"
            );
            told += usize::from(*frequency > 0.0 && *name == "Auto");
            let message = ended.as_ref().map(|e| e.value).expect_err("it oscillates").to_string();
            assert!(message.contains("Fourier::sin("), "{message}");
        }
    }
    println!("Auto: the frequency of {told} of 12");
    assert!(told >= 10);
}

#[test]
fn what_is_no_oscillation_is_not_called_one() {
    let noise = |x: f64| (x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / 2f64.powi(24);
    let cases: [(F, Reason); 3] = [
        (f(move |x| (1.0 + 1e-6 * noise(x)) / (1.0 + x * x)), Reason::Roundoff),
        (f(|x| (-x).exp() * (5.0 * x).cos() + 1.0 / (x - 3.3).abs()), Reason::Divergent),
        (f(|x| 1.0 / (1.0 + x)), Reason::Divergent),
    ];
    for (f, expected) in &cases {
        for (method, name) in METHODS.iter().enumerate() {
            match with(method, f, [0.0, INF]) {
                Err(Error::NotConverged { reason, .. }) => assert_eq!(reason, *expected, "{}", name),
                Err(Error::NonFinite { x, norm, .. }) => assert!(f(x).is_infinite() && norm.is_infinite()),
                // Noise may pass for convergence.
                Ok(_) if *expected == Reason::Roundoff => {}
                other => panic!("{}: {other:?}", name),
            }
        }
    }
}

#[test]
fn the_reason_and_the_estimate_are_the_same_for_every_evaluator() {
    fn compare<M: Method + Copy>(method: M, f: &F, range: [f64; 2]) {
        let here = by(method, f, range);
        let (g, pool) = (f.clone(), ThreadPool::new(2));
        let integrator =
            Integrator::new(pool.evaluator(move |x| g(x))).method(method).rtol(1e-8).max_evaluations(100_000);
        let there = integrator.integrate_blocking(range[0], range[1], 0.0);
        match (&here, &there) {
            (Ok(p), Ok(q)) => assert_eq!((p.value.to_bits(), p.evaluations), (q.value.to_bits(), q.evaluations)),
            (
                Err(Error::NotConverged { estimate: p, reason: r, .. }),
                Err(Error::NotConverged { estimate: q, reason: s, .. }),
            ) => {
                assert_eq!((p.value.to_bits(), p.evaluations, r), (q.value.to_bits(), q.evaluations, s));
                assert_eq!(p.error.to_bits(), q.error.to_bits());
            }
            (Err(p), Err(q)) => assert_eq!(p.to_string(), q.to_string()),
            _ => panic!("{here:?}, {there:?}"),
        }
    }
    let cases: [(F, [f64; 2]); 11] = [
        (f(|x| x.powf(50.0) * (-x).exp()), [0.0, INF]),
        (f(|x| x.powf(110.0) * (-x).exp()), [0.0, INF]),
        (f(|x| x.powf(138.0) * (-x).exp()), [0.0, INF]),
        (f(|x| x.powi(70) * (-x * x).exp()), [-INF, INF]),
        (f(|x| (10.0 - x).sqrt()), [0.0, INF]),
        (f(|x| 1e290 * x.powf(-1.1)), [1.0, INF]),
        (f(|x| x), [0.0, INF]),
        (f(|x| 1.0 / x), [0.0, 1.0]),
        (f(|x| 1.0 / (x * x)), [0.0, 1.0]),
        (f(f64::exp), [0.0, INF]),
        (f(|x| x.cos() / x.sqrt()), [1.0, INF]),
    ];
    for (f, range) in &cases {
        compare(Auto, f, *range);
        compare(GaussKronrod::new(21), f, *range);
        compare(ClenshawCurtis, f, *range);
        compare(TanhSinh, f, *range);
    }
}

#[test]
fn a_range_of_a_few_numbers_has_its_value() {
    let mut draw = Draw(31);
    for _ in 0..60 {
        let (at, ulps, s) = (decade(&mut draw, -8.0, 8.0), 1 + (8.0 * draw.next()) as u64, draw.within(-2.0, 2.0));
        let (low, high) = (at, f64::from_bits(at.to_bits() + ulps.min(8)));
        let smooth = f(move |x| (s * (x / at)).exp());
        for range in [[low, high], [-high, -low], [high, low]] {
            let exact = (range[1] - range[0]) * smooth(range[0]);
            for (method, name) in METHODS.iter().enumerate() {
                let ended = with(method, &smooth, range);
                let right =
                    ended.as_ref().is_ok_and(|e| (e.value / exact - 1.0).abs() < 1e-12 && e.error < 1e-8 * exact.abs());
                assert!(right, "{} over {ulps} ulp at {at:?}: {ended:?} for {exact:?}", name);
            }
        }
    }
    // Values that differ are told by the error.
    let ended = with(0, &f(|x| if x > 1.0 + 3.0 * f64::EPSILON { 1.0 } else { 0.0 }), [1.0, 1.0 + 6.0 * f64::EPSILON]);
    let Err(Error::NotConverged { estimate, reason: Reason::Roundoff, .. }) = ended else { panic!("{ended:?}") };
    assert!((estimate.value - 3.0 * f64::EPSILON).abs() <= estimate.error);
}

#[test]
fn vectors_of_unequal_lengths_are_an_error_of_their_own() {
    fn lengths<M: Method + Copy>(method: M, breakpoints: &[f64]) {
        let f = |x: f64| vec![x; if x < 0.5 { 3 } else { 2 }];
        let here = Integrator::new(boxed(f)).method(method).breakpoints(breakpoints).integrate_blocking(0.0, 1.0, 1e-8);
        let Err(Error::UnequalLengths { x, expected, found, .. }) = here else { panic!("{here:?}") };
        assert_eq!(found, f(x).len());
        assert_eq!(expected + found, 5);
        let text = here.unwrap_err().to_string();
        assert!(
            text.contains(&format!("{found} components at x = {x:?}")) && text.contains(&expected.to_string()),
            "{text}"
        );
        let pool = ThreadPool::new(2);
        let there = Integrator::new(pool.evaluator(f))
            .method(method)
            .breakpoints(breakpoints)
            .integrate_blocking(0.0, 1.0, 1e-8);
        assert_eq!(there.unwrap_err().to_string(), text);
    }
    for breakpoints in [&[][..], &[0.5]] {
        lengths(Auto, breakpoints);
        lengths(GaussKronrod::new(21), breakpoints);
        lengths(ClenshawCurtis, breakpoints);
        lengths(TanhSinh, breakpoints);
        lengths(coquad::Simpson, breakpoints);
    }
    // The empty vector is the zero of every length.
    let f = |x: f64| if x < 0.5 { Vec::new() } else { vec![x; 2] };
    let e = Integrator::new(boxed(f)).breakpoints(&[0.5]).integrate_blocking(0.0, 1.0, 1e-8).unwrap();
    assert!((e.value[1] - 0.375).abs() < 1e-8);
}

#[test]
fn a_budget_below_the_first_segments_says_what_they_take() {
    for (budget, breakpoints, needed) in [(10, &[][..], 23), (0, &[], 23), (40, &[0.5], 48)] {
        let f = |x: f64| x.exp();
        let here = Integrator::new(boxed(f)).max_evaluations(budget).breakpoints(breakpoints);
        let text = here.integrate_blocking(0.0, 1.0, 1e-8).unwrap_err().to_string();
        assert!(text.contains(&format!("take {needed} evaluations")), "{text}");
        let there = Integrator::new(ThreadPool::new(2).evaluator(f)).max_evaluations(budget).breakpoints(breakpoints);
        assert_eq!(there.integrate_blocking(0.0, 1.0, 1e-8).unwrap_err().to_string(), text);
    }
}

#[test]
fn an_error_prints_goal_value_error_and_the_worst_segment() {
    let f = |x: f64| x.powf(-0.99);
    let error = Integrator::new(boxed(f)).method(GaussKronrod::new(21)).max_evaluations(200);
    let error = error.integrate_blocking(0.0, 1.0, 1e-9).unwrap_err();
    let text = error.to_string();
    let Error::NotConverged { estimate, reason, goal, size, needed, .. } = error else { panic!("{text}") };
    assert_eq!((reason, goal, size), (Reason::Budget, 1e-9, estimate.value));
    assert!(needed > 200 && estimate.evaluations <= 200);
    let worst = estimate.segments.iter().max_by(|p, q| p.error.total_cmp(&q.error)).unwrap();
    let numbers = [goal, estimate.value, estimate.error, worst.a, worst.b, worst.error];
    numbers.iter().for_each(|number| assert!(text.contains(&format!("{number:?}")), "{number:?}: {text}"));
    // Any value: its norm stands for it, and nothing is asked of its type.
    #[derive(Clone)]
    struct Opaque(f64);
    impl coquad::Value for Opaque {
        fn zero() -> Self {
            Opaque(0.0)
        }
        fn add_scaled(&mut self, factor: f64, other: &Self) {
            self.0 += factor * other.0;
        }
        fn scale(&mut self, factor: f64) {
            self.0 *= factor;
        }
        fn norm(&self) -> f64 {
            self.0.abs()
        }
    }
    let error = Integrator::new(boxed(|x: f64| Opaque(-1.0 / x))).integrate_blocking(0.0, 1.0, 1e-9);
    let Err(error) = error else { panic!("it diverges") };
    assert!(error.to_string().contains("seems to diverge"), "{error}");
}

#[test]
fn an_integrator_without_a_time_limit_shows_none() {
    let integrator = Integrator::new(boxed(f64::exp));
    assert!(!format!("{integrator:?}").contains("time_limit"), "{integrator:?}");
    let limited = integrator.time_limit(std::time::Duration::from_secs(2));
    assert!(format!("{limited:?}").contains("time_limit: 2s"), "{limited:?}");
}
