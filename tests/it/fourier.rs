//! Fourier integrals: right or not claimed, the same bits wherever `f` is evaluated, and a cost
//! that the frequency does not raise. `COQUAD_LONG=1` draws more.

use std::f64::consts::{FRAC_PI_2, PI};

use coquad::{Error, Estimate, Fourier, Inline, Integrator, Reason, Speculation, ThreadPool, batch_fn, evaluator_fn};
use futures::executor::block_on;
use num_complex::Complex;

use crate::support::boxed;
use crate::support::cluster::{Cluster, Latency, Random};
use crate::support::trials::row;

const INF: f64 = f64::INFINITY;

fn lorentz(x: f64) -> f64 {
    1.0 / (1.0 + x * x)
}

/// Compares values, errors, counts and segments to the last bit.
fn assert_same(found: &Estimate, expected: &Estimate, how: &str) {
    let bits = |e: &Estimate| {
        let segments = e.segments.iter().flat_map(|s| [s.a, s.b, s.value, s.error]).map(f64::to_bits);
        (e.value.to_bits(), e.error.to_bits(), e.evaluations, segments.collect::<Vec<_>>())
    };
    assert_eq!(bits(found), bits(expected), "{how}");
}

/// A frequency, a number of the integrand, and a part: drawn on logarithmic scales.
fn drawn(random: &mut Random) -> (f64, f64, bool) {
    let omega = 10f64.powf(-3.0 + 7.0 * random.uniform());
    let p = 10f64.powf(-1.0 + 2.0 * random.uniform());
    (omega, p, random.uniform() < 0.5)
}

fn part(omega: f64, sine: bool) -> Fourier {
    if sine { Fourier::sin(omega) } else { Fourier::cos(omega) }
}

#[test]
fn an_exponential_on_any_range_is_right_or_not_claimed() {
    row("fourier::exponential", 300, |seed| {
        let mut random = Random::new(seed);
        let (omega, p, sine) = drawn(&mut random);
        let b = if random.uniform() < 0.5 { INF } else { 10f64.powf(-1.0 + 2.5 * random.uniform()) };
        let z = Complex::new(-p, omega);
        let rest = if b.is_finite() { (z * b).exp() } else { Complex::new(0.0, 0.0) };
        let exact = (rest - 1.0) / z;
        let exact = if sine { exact.im } else { exact.re };
        let integrator = Integrator::new(boxed(move |x: f64| (-p * x).exp())).method(part(omega, sine));
        match integrator.rtol(1e-9).integrate_blocking(0.0, b, 0.0) {
            Ok(e) => {
                // The phase of the exact value is rounded, too.
                let off = (e.value - exact).abs();
                assert!(off <= 1e-9 * exact.abs() + 1e-15 * omega * b.min(1e3) / omega.max(p), "{seed}: {e} {exact:e}");
            }
            Err(Error::NotConverged { reason: Reason::Roundoff, .. }) => {}
            Err(error) => panic!("{seed}: {error}"),
        }
    });
}

#[test]
fn what_converges_by_the_oscillation_alone_is_right() {
    row("fourier::conditional", 200, |seed| {
        let mut random = Random::new(seed);
        let (omega, p, _) = drawn(&mut random);
        // The integral of x / (p^2 + x^2) sin(omega x), and of x^-1/2 beyond a kink of the range.
        let integrator = Integrator::new(boxed(move |x: f64| x / (p * p + x * x))).method(Fourier::sin(omega));
        let exact = FRAC_PI_2 * (-p * omega).exp();
        let e = integrator.integrate_blocking(0.0, INF, 1e-9).unwrap();
        assert!((e.value - exact).abs() <= 1e-9, "{seed}: omega {omega} p {p}: {e} {exact:e}");
    });
}

#[test]
fn the_line_and_both_directions_are_sums_of_halves() {
    for omega in [0.1, 2.0, 30.0] {
        let integrator = Integrator::new(boxed(|x: f64| (-(x - 1.0) * (x - 1.0)).exp()));
        let integrator = integrator.method(Fourier::cos(omega));
        let whole = integrator.integrate_blocking(-INF, INF, 1e-12).unwrap();
        let exact = PI.sqrt() * (-omega * omega / 4.0).exp() * omega.cos();
        assert!((whole.value - exact).abs() <= 1e-12, "{omega}: {whole} {exact}");
        let back = integrator.integrate_blocking(INF, -INF, 1e-12).unwrap();
        assert_eq!(back.value.to_bits(), (-whole.value).to_bits());
        let sine = integrator.clone().method(Fourier::sin(-omega)).integrate_blocking(-INF, INF, 1e-12).unwrap();
        let exact = -PI.sqrt() * (-omega * omega / 4.0).exp() * omega.sin();
        assert!((sine.value - exact).abs() <= 1e-12, "{omega}: {sine} {exact}");
    }
}

#[test]
fn the_bits_are_those_of_every_evaluator() {
    let pools = [1, 3, 8].map(ThreadPool::new);
    for (omega, b) in [(0.01, INF), (3.0, INF), (50.0, 10.0), (1e5, 10.0)] {
        let method = Fourier::cos(omega);
        let expected = Integrator::new(boxed(lorentz)).method(method).integrate_blocking(0.0, b, 1e-12).unwrap();
        for pool in &pools {
            let found = Integrator::new(pool.evaluator(lorentz)).method(method).integrate_blocking(0.0, b, 1e-12);
            assert_same(&found.unwrap(), &expected, "a pool");
        }
        let found = Integrator::new(evaluator_fn(4, |x| async move { Ok::<f64, std::io::Error>(lorentz(x)) }));
        assert_same(&block_on(found.method(method).integrate(0.0, b, 1e-12)).unwrap(), &expected, "async");
        let batch = batch_fn(2, 7, |xs: Vec<f64>| async move {
            Ok::<_, std::io::Error>(xs.into_iter().map(lorentz).collect::<Vec<f64>>())
        });
        let found = Integrator::new(batch).method(method).integrate_blocking(0.0, b, 1e-12).unwrap();
        assert_same(&found, &expected, "batches");
        let inline = Inline::batch(|xs: &[f64], ys: &mut [f64]| {
            for (x, y) in xs.iter().zip(ys) {
                *y = lorentz(*x);
            }
        });
        let found = Integrator::new(inline).method(method).integrate_blocking(0.0, b, 1e-12).unwrap();
        assert_same(&found, &expected, "batches on the spot");
        for (seed, workers) in [(1, 1), (2, 8), (3, 64)] {
            for speculation in [Speculation::Off, Speculation::Ahead] {
                let (cluster, clock) = Cluster::new(lorentz, workers, Latency::Scrambled, seed);
                let integrator = Integrator::new(cluster).method(method).speculation(speculation);
                let found = clock.run(integrator.integrate(0.0, b, 1e-12)).unwrap();
                assert_same(&found, &expected, "a cluster");
            }
        }
    }
}

#[cfg(feature = "durable")]
#[test]
fn a_durable_cache_serves_every_frequency() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use coquad::PointCache;

    let path = std::env::temp_dir().join(format!("coquad-fourier-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let calls = Arc::new(AtomicUsize::new(0));
    let mut expected = Vec::new();
    for open in 0..2 {
        let counted = calls.clone();
        let f = move |x: f64| {
            counted.fetch_add(1, Ordering::Relaxed);
            lorentz(x)
        };
        let cache = PointCache::open(&path, "1 / (1 + x^2)").unwrap();
        let integrator = Integrator::new(boxed(f)).with_cache(cache);
        for (i, omega) in [1.0, 2.5].into_iter().enumerate() {
            let e = integrator.clone().method(Fourier::sin(omega)).integrate_blocking(0.0, INF, 1e-10).unwrap();
            if open == 0 {
                expected.push(e);
            } else {
                assert_same(&e, &expected[i], "opened again");
                assert_eq!(e.performed, 0);
            }
        }
    }
    let all = expected.iter().map(|e| e.evaluations).max().unwrap();
    assert!(calls.load(Ordering::Relaxed) < all + all / 2);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn the_cost_does_not_grow_with_the_frequency() {
    let count = |omega: f64| {
        let integrator = Integrator::new(boxed(lorentz)).method(Fourier::cos(omega)).rtol(1e-10);
        integrator.integrate_blocking(0.0, 10.0, 0.0).unwrap().evaluations
    };
    let first = count(1.0);
    for omega in [1e1, 1e2, 1e3, 1e4, 1e5, 1e6] {
        assert!(count(omega) <= 2 * first, "{omega}: {} for {first}", count(omega));
    }
}

#[test]
fn many_frequencies_share_their_points_and_keep_their_bits() {
    let omegas: Vec<f64> = (0..100).map(|i| 10f64.powf(-3.0 + 7.0 * f64::from(i) / 99.0)).collect();
    let pool = ThreadPool::new(4);
    for (f, b) in [(lorentz as fn(f64) -> f64, 10.0), (lorentz, INF), (|x| (-x).exp(), INF)] {
        let single = |omega| {
            let one = Integrator::new(boxed(f)).method(Fourier::exp(omega)).rtol(1e-10);
            one.integrate_blocking(0.0, b, 1e-13).unwrap()
        };
        let all = Integrator::new(pool.evaluator(f)).method(Fourier::many(&omegas)).rtol(1e-10);
        let each = all.integrate_each_blocking(0.0, b, 1e-13).unwrap();
        let mut dearest = 0;
        for (e, omega) in each.iter().zip(&omegas) {
            let alone = single(*omega);
            dearest = dearest.max(alone.evaluations);
            let bits = |e: &Estimate<Complex<f64>>| [e.value.re, e.value.im, e.error].map(f64::to_bits);
            assert_eq!(bits(e), bits(&alone), "{omega}");
            assert_eq!(e.segments.len(), alone.segments.len());
        }
        println!(
            "to {b}: {} evaluations of {} frequencies, {dearest} of the dearest",
            each[0].evaluations,
            omegas.len()
        );
        assert!(each[0].evaluations <= 3 * dearest);
        let together = all.integrate_blocking(0.0, b, 1e-13).unwrap();
        assert_eq!(together.evaluations, each[0].evaluations);
        assert!(together.value.iter().zip(&each).all(|(z, e)| *z == e.value) && together.performed == 0);
    }
}

#[test]
fn the_tolerance_of_a_complex_integral_is_that_of_its_modulus() {
    // The real part is zero by symmetry.
    let odd = Integrator::new(boxed(|x: f64| x.sin())).method(Fourier::exp(1.0)).rtol(1e-10);
    let e = odd.integrate_blocking(-1.0, 1.0, 0.0).unwrap();
    assert!((e.value.im - (1.0 - 1f64.sin() * 1f64.cos())).abs() <= 1e-10 && e.value.re.abs() < 1e-10);
    // Vectors and complex values.
    let vector = Integrator::new(boxed(|x: f64| vec![(-x).exp(), (-2.0 * x).exp()])).method(Fourier::exp(2.0));
    let e = vector.integrate_blocking(0.0, INF, 1e-10).unwrap();
    assert!((e.value[1] - Complex::new(2.0, -2.0).inv()).norm() <= 1e-10, "{:?}", e.value);
    let turned = Integrator::new(boxed(|x: f64| Complex::new(0.0, (-x).exp()))).method(Fourier::exp(2.0));
    let e = turned.integrate_blocking(0.0, INF, 1e-10).unwrap();
    assert!((e.value - Complex::<f64>::i() / Complex::new(1.0, -2.0)).norm() <= 1e-10);
}

#[test]
fn what_has_no_integral_is_called_divergent() {
    let pool = ThreadPool::new(2);
    for f in [|_: f64| 1.0, |x: f64| 1.0 + 1.0 / (1.0 + x), |x: f64| x.sqrt(), |x: f64| x.ln_1p()] {
        for omega in [1e-2, 1.0, 1e3] {
            let ended =
                Integrator::new(pool.evaluator(f)).method(Fourier::sin(omega)).integrate_blocking(0.0, INF, 1e-8);
            assert!(matches!(ended, Err(Error::NotConverged { reason: Reason::Divergent, .. })), "{ended:?}");
        }
    }
}

#[test]
fn a_question_that_cannot_be_answered_is_refused() {
    let integrator = Integrator::new(boxed(lorentz)).method(Fourier::sin(1.0));
    assert!(matches!(integrator.integrate_blocking(f64::NAN, 1.0, 1e-9), Err(Error::InvalidInterval { .. })));
    assert!(matches!(integrator.integrate_blocking(0.0, 1.0, 0.0), Err(Error::InvalidTolerance { .. })));
    let offsets = integrator.clone().offsets(true).integrate_blocking(0.0, 1.0, 1e-9);
    assert!(matches!(offsets, Err(Error::InvalidInterval { .. })));
    let many = Integrator::new(boxed(lorentz)).method(Fourier::many(&[1.0, 2.0]));
    assert!(matches!(many.integrate_blocking(0.0, f64::NAN, 1e-9), Err(Error::InvalidInterval { .. })));
    assert!(matches!(many.integrate_blocking(0.0, 1.0, 0.0), Err(Error::InvalidTolerance { .. })));
    let none = Integrator::new(boxed(lorentz)).method(Fourier::many(&[])).integrate_blocking(0.0, 1.0, 1e-9);
    assert!(none.unwrap().value.is_empty());
    assert_eq!(integrator.integrate_blocking(2.0, 2.0, 1e-9).unwrap().evaluations, 0);
}

#[test]
fn a_singular_limit_costs_some_hundred_points() {
    type Singular = (&'static str, fn(f64) -> f64, Fourier, f64, f64, f64);
    // The values by mpmath, 30 digits.
    let cases: [Singular; 8] = [
        ("log", f64::ln, Fourier::sin(10.0 * PI), 0.0, 1.0, -0.128_136_848_399_167_4),
        ("root to infinity", |x| 1.0 / x.sqrt(), Fourier::cos(FRAC_PI_2), 0.0, INF, 1.0),
        ("root, slow", |x| 1.0 / x.sqrt(), Fourier::sin(1e-3), 0.0, INF, (FRAC_PI_2 / 1e-3).sqrt()),
        ("root, fast", |x| 1.0 / x.sqrt(), Fourier::sin(1e4), 0.0, INF, (FRAC_PI_2 / 1e4).sqrt()),
        ("sqrt", f64::sqrt, Fourier::cos(3.0), 0.0, 1.0, -0.124_618_722_141_889_78),
        ("power", |x| x.powf(-0.7), Fourier::cos(5.0), 0.0, 2.0, 1.585_406_614_384_099_1),
        ("the right end", |x| 1.0 / (1.0 - x).sqrt(), Fourier::cos(0.0), 0.0, 1.0, 2.0),
        ("not at zero", |x| (x - 1.0).sqrt(), Fourier::cos(0.0), 1.0, 2.0, 2.0 / 3.0),
    ];
    for (name, f, method, a, b, exact) in cases {
        let e = Integrator::new(boxed(f)).method(method).rtol(1e-10);
        // Next to a limit other than zero numbers are too far apart for more.
        let tolerance = if name == "the right end" { 1e-7 } else { 1e-10 };
        let e = e.rtol(tolerance).integrate_blocking(a, b, 0.0).unwrap_or_else(|error| panic!("{name}: {error}"));
        println!("{name}: {e}, {} evaluations", e.evaluations);
        assert!((e.value - exact).abs() <= tolerance * exact.abs(), "{name}: {e}");
        assert!(e.evaluations <= 500, "{name}: {e}, {} evaluations", e.evaluations);
    }
}
