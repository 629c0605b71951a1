//! Hankel transforms: right or not claimed, the same bits wherever `f` is evaluated, and a cost that
//! neither the frequency nor the order raises. `COQUAD_LONG=1` draws more.

use std::cell::Cell;
use std::f64::consts::PI;

use coquad::{Bessel, Error, Estimate, Fourier, Integrator, PointCache, Reason, ThreadPool, batch_fn};

use crate::support::boxed;
use crate::support::cluster::{Cluster, Latency, Random};
use crate::support::trials::row;

const INF: f64 = f64::INFINITY;
const RTOL: f64 = 1e-10;

type Integrand = Box<dyn Fn(f64) -> f64 + Send + Sync>;

/// An integrand, the order, the upper limit, and the integral from 0.
struct Member {
    name: &'static str,
    f: Integrand,
    order: f64,
    omega: f64,
    b: f64,
    exact: f64,
}

fn gamma(x: f64) -> f64 {
    libm::tgamma(x)
}

/// Drawn integrals, with values from Watson 1944, chapter 13, and Erdelyi, Tables of integral
/// transforms II, 1954, chapter VIII.
fn member(random: &mut Random) -> Member {
    let mut between = |low: f64, high: f64| low + (high - low) * random.uniform();
    let (family, whole) = (between(0.0, 8.0) as usize, between(0.0, 1.0) < 0.5);
    let order = between(0.0, 8.0);
    let order = if whole { order.floor() } else { order };
    let omega = 10f64.powf(between(-3.0, 4.0));
    // A function that is zero at zero, and everywhere but next to it, is not seen.
    let omega = if family == 1 { omega.clamp(1e-2, 10.0) } else { omega };
    let p = omega * 10f64.powf(between(-0.7, 2.0));
    let p = if family == 1 { p.min(10.0) } else { p };
    let k = 10f64.powf(between(-2.0, 1.0)) / omega;
    let mut b = INF;
    let (name, f, order, exact): (_, Integrand, _, _) = match family {
        0 => {
            let r = libm::hypot(p, omega);
            let exact = (omega / (r + p)).powf(order) / r;
            ("exp(-p x)", Box::new(move |x: f64| (-p * x).exp()), order, exact)
        }
        1 => {
            let exact = omega.powf(order) / (2.0 * p * p).powf(order + 1.0) * (-omega * omega / (4.0 * p * p)).exp();
            let f = move |x: f64| x.powf(order + 1.0) * (-(p * x) * (p * x)).exp();
            ("x^(nu+1) exp(-p^2 x^2)", Box::new(f), order, exact)
        }
        2 => {
            let mu = between((-order - 1.0).max(-2.5) + 0.05, 0.45);
            let exact = 2f64.powf(mu) * omega.powf(-mu - 1.0) * gamma((1.0 + order + mu) / 2.0)
                / gamma((1.0 + order - mu) / 2.0);
            ("x^mu", Box::new(move |x: f64| x.powf(mu)), order, exact)
        }
        3 => {
            let f = move |x: f64| x / (x * x + k * k).sqrt();
            ("x (x^2 + k^2)^(-1/2)", Box::new(f), 0.0, (-k * omega).exp() / omega)
        }
        4 => {
            let order = order.min(4.0);
            let exact = (omega / 2.0).powf(order + 0.5) / k.sqrt() / gamma(order + 1.5)
                * (PI / (2.0 * k * omega)).sqrt()
                * (-k * omega).exp();
            let f = move |x: f64| x.powf(order + 1.0) * (x * x + k * k).powf(-order - 1.5);
            ("x^(nu+1) (x^2 + k^2)^(-nu-3/2)", Box::new(f), order, exact)
        }
        5 => {
            let f = move |x: f64| 1.0 / (x * x + k * k).sqrt();
            ("(x^2 + k^2)^(-1/2)", Box::new(f), 1.0, -(-k * omega).exp_m1() / (k * omega))
        }
        6 => {
            // J_1 is minus the derivative of J_0.
            b = 10f64.powf(between(-1.0, 1.0));
            let z = omega * b;
            let y = z * z / 4.0;
            // One minus J_0, without the difference.
            let rest = if z > 0.5 {
                1.0 - libm::j0(z)
            } else {
                y * (1.0 - y / 4.0 * (1.0 - y / 9.0 * (1.0 - y / 16.0 * (1.0 - y / 25.0))))
            };
            ("1", Box::new(|_| 1.0), 1.0, rest / omega)
        }
        _ => {
            // x^(nu+1) J_nu is the derivative of x^(nu+1) J_(nu+1), here with the order 1/2.
            b = 10f64.powf(between(-1.0, 1.0));
            let z = omega * b;
            let next = (2.0 / (PI * z)).sqrt()
                * if z > 0.1 {
                    z.sin() / z - z.cos()
                } else {
                    z * z / 3.0 * (1.0 - z * z / 10.0 * (1.0 - z * z / 28.0 * (1.0 - z * z / 54.0)))
                };
            ("x^(3/2)", Box::new(|x: f64| x.powf(1.5)), 0.5, b.powf(1.5) * next / omega)
        }
    };
    Member { name, f, order, omega, b, exact }
}

#[test]
fn drawn_transforms_are_right_or_not_claimed() {
    // Right, not claimed, evaluations.
    let counts = [Cell::new(0), Cell::new(0), Cell::new(0)];
    let count = |which: usize, by: usize| counts[which].set(counts[which].get() + by);
    row("bessel::drawn", 300, |seed| {
        let mut random = Random::new(seed);
        let Member { name, f, order, omega, b, exact } = member(&mut random);
        let integrator = Integrator::new(boxed(f)).method(Bessel::j(order, omega)).rtol(RTOL);
        let what = format!("{seed}: {name}, order {order}, omega {omega}, to {b}");
        match integrator.integrate_blocking(0.0, b, 0.0) {
            Ok(e) => {
                // On a finite range the exact value has the rounding of omega b.
                let lost = if b.is_finite() { 1e-15 * b.max(1.0) * b.sqrt() / omega.sqrt() } else { 0.0 };
                assert!((e.value - exact).abs() <= RTOL * exact.abs() + lost, "{what}: {e} for {exact:e}");
                count(0, 1);
                count(2, e.evaluations);
            }
            Err(Error::NotConverged { reason: reason @ Reason::Roundoff, estimate, .. }) => {
                println!("{what}: {reason:?} {estimate} for {exact:e}");
                count(1, 1);
            }
            Err(error) => panic!("{what}: {error} for {exact:e}"),
        }
    });
    let [right, open, evaluations] = counts.map(|count| count.get());
    println!("{right} right, none wrong, {open} open, {} evaluations on the mean", evaluations / right.max(1));
    assert!(right >= 40 * open);
}

fn lorentz(x: f64) -> f64 {
    1.0 / (1.0 + x * x)
}

/// Values, errors, counts and segments, to the last bit.
fn bits(e: &Estimate) -> Vec<u64> {
    let mut all = vec![e.value.to_bits(), e.error.to_bits(), e.l1.to_bits(), e.evaluations as u64];
    all.extend(e.segments.iter().flat_map(|s| [s.a, s.b, s.value, s.error]).map(f64::to_bits));
    all
}

#[test]
fn the_cost_grows_neither_with_the_frequency_nor_with_the_order() {
    for b in [10.0, INF] {
        let count = |order: f64, omega: f64| {
            let integrator = Integrator::new(boxed(lorentz)).method(Bessel::j(order, omega)).rtol(RTOL);
            integrator.integrate_blocking(0.0, b, 0.0).unwrap().evaluations
        };
        let first = count(0.0, 1.0);
        for order in [0.0, 1.0, 2.5, 10.0] {
            let counts = [1.0, 1e2, 1e4, 1e6].map(|omega| count(order, omega));
            println!("to {b}, order {order}: {counts:?}");
            assert!(counts.iter().all(|count| *count <= 2 * first), "{order}: {counts:?} for {first}");
        }
    }
}

#[test]
fn the_points_are_those_of_fourier_integrals() {
    let cache = PointCache::new();
    let integrator = Integrator::new(boxed(lorentz)).with_cache(cache);
    let first = integrator.clone().method(Fourier::cos(2.0)).integrate_blocking(0.0, INF, 1e-10).unwrap();
    for order in [0.0, 1.0, 7.5] {
        let e = integrator.clone().method(Bessel::j(order, 2.0)).integrate_blocking(0.0, INF, 1e-10).unwrap();
        println!(
            "order {order}: {} evaluations, {} of them new; {} before",
            e.evaluations, e.performed, first.evaluations
        );
        assert!(e.performed <= e.evaluations / 2, "{order}: {e}");
    }
}

#[test]
fn every_evaluator_gives_the_same_bits_and_many_points_are_asked_for_at_a_time() {
    for (order, omega, b) in [(0.0, 1.0, INF), (1.5, 30.0, INF), (3.0, 1e5, 10.0)] {
        let method = Bessel::j(order, omega);
        let asked = Integrator::new(boxed(lorentz)).method(method.clone());
        let e = asked.integrate_blocking(0.0, b, 1e-11).unwrap();
        let expected = bits(&e);
        for workers in [1, 3, 8] {
            let pool = Integrator::new(ThreadPool::new(workers).evaluator(lorentz)).method(method.clone());
            assert_eq!(bits(&pool.integrate_blocking(0.0, b, 1e-11).unwrap()), expected, "{workers} threads");
        }
        let batches = batch_fn(2, 7, |xs: Vec<f64>| async move {
            Ok::<_, std::io::Error>(xs.into_iter().map(lorentz).collect::<Vec<f64>>())
        });
        let found = Integrator::new(batches).method(method.clone()).integrate_blocking(0.0, b, 1e-11).unwrap();
        assert_eq!(bits(&found), expected, "batches");
        #[cfg(feature = "durable")]
        {
            let path = std::env::temp_dir().join(format!("coquad-bessel-{}-{omega}", std::process::id()));
            let _ = std::fs::remove_file(&path);
            for performed in [e.evaluations, 0] {
                let cache = PointCache::open(&path, "1 / (1 + x^2)").unwrap();
                let kept = asked.clone().with_cache(cache).integrate_blocking(0.0, b, 1e-11).unwrap();
                assert_eq!((bits(&kept), kept.performed), (expected.clone(), performed), "a durable cache");
            }
            std::fs::remove_file(&path).unwrap();
        }
        for p in [8, 64] {
            for law in [Latency::Unit, Latency::Scrambled] {
                let (cluster, clock) = Cluster::new(lorentz, p, law, 1);
                let found =
                    clock.run(Integrator::new(cluster).method(method.clone()).integrate(0.0, b, 1e-11)).unwrap();
                assert_eq!(bits(&found), expected, "{p} workers");
                let limit = e.evaluations.div_ceil(p);
                println!("order {order}, omega {omega}, {p} workers, {law:?}: wall {}, limit {limit}", clock.now());
            }
        }
    }
}

#[test]
fn ranges_from_elsewhere_and_back() {
    // J_1 is minus the derivative of J_0.
    for (a, b) in [(0.5, 3.0), (2.0, 1e3), (1.0, INF), (1e-9, 1.0)] {
        let integrator = Integrator::new(boxed(|_| 1.0)).method(Bessel::j(1.0, 2.5));
        let e = integrator.integrate_blocking(a, b, 1e-11).unwrap();
        let exact = (libm::j0(2.5 * a) - if b.is_finite() { libm::j0(2.5 * b) } else { 0.0 }) / 2.5;
        assert!((e.value - exact).abs() <= 1e-11, "[{a}, {b}]: {e} for {exact}");
        let back = integrator.integrate_blocking(b, a, 1e-11).unwrap();
        assert_eq!(back.value.to_bits(), (-e.value).to_bits());
    }
}

#[test]
fn what_has_no_integral_and_what_cannot_be_asked_is_told() {
    for f in [|x: f64| x.sqrt(), |x: f64| x] {
        let ended = Integrator::new(boxed(f)).method(Bessel::j(0.0, 2.0)).integrate_blocking(0.0, INF, 1e-8);
        assert!(matches!(ended, Err(Error::NotConverged { reason: Reason::Divergent, .. })), "{ended:?}");
    }
    let refused = |method: Bessel, a: f64, b: f64| match Integrator::new(boxed(lorentz))
        .method(method)
        .integrate_blocking(a, b, 1e-9)
    {
        Err(Error::Unsuitable { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(Bessel::j(0.0, 1.0), -1.0, 1.0).contains("negative"));
    assert!(refused(Bessel::j(0.0, 1.0), -INF, INF).contains("negative"));
    assert!([-1.0, 50.5, f64::NAN].iter().all(|order| refused(Bessel::j(*order, 1.0), 0.0, 1.0).contains("order")));
    assert!([0.0, -1.0, INF].iter().all(|omega| refused(Bessel::j(0.0, *omega), 0.0, 1.0).contains("frequency")));
    let offsets = Integrator::new(boxed(lorentz)).method(Bessel::j(0.0, 1.0)).offsets(true);
    assert!(matches!(offsets.integrate_blocking(0.0, 1.0, 1e-9), Err(Error::InvalidInterval { .. })));
}
