//! Integrands that oscillate to infinity by a known phase.

use std::f64::consts::PI;

use coquad::{Error, Estimate, Integrator, Oscillator, Path, Reason, ThreadPool};
use num_complex::Complex;

use crate::support::boxed;
use crate::support::cluster::{Cluster, Latency};
use crate::support::families::Draw;

const SEED: u64 = 20_261_130;
const INF: f64 = f64::INFINITY;

/// From 0 to infinity, by a phase.
#[allow(clippy::result_large_err, reason = "of a value type that is known")]
fn by_phase(
    phase: impl Fn(f64) -> f64 + Clone + Send + Sync + 'static,
    f: impl Fn(f64) -> Complex<f64> + Send + Sync + 'static,
) -> Result<Estimate<Complex<f64>>, Error<Complex<f64>>> {
    let integrator = Integrator::new(boxed(f)).method(Oscillator::phase(phase)).rtol(1e-10);
    integrator.integrate_blocking(0.0, INF, 0.0)
}

#[test]
fn drawn_powers_oscillate_to_infinity() {
    // x^(m-1) exp(i w x^p): Gamma(m / p) / p w^(-m/p) exp(i pi m / (2 p)).
    let mut draw = Draw(SEED);
    let (mut right, mut evaluations) = (0, 0);
    for trial in 0..200 {
        let p = draw.within(1.0, 4.0);
        let m = draw.within(1.0, 0.9 * p.max(1.2)).min(0.97 * p);
        let w = 10f64.powf(draw.within(-2.0, 2.0));
        let exact = libm::tgamma(m / p) / p * w.powf(-m / p) * Complex::cis(PI * m / (2.0 * p));
        let f = move |x: f64| x.powf(m - 1.0) * Complex::cis(w * x.powf(p));
        match by_phase(move |x| w * x.powf(p), f) {
            Ok(e) => {
                let off = (e.value - exact).norm() / exact.norm();
                assert!(off <= 1e-9, "seed {SEED}, trial {trial}, p = {p}, m = {m}, w = {w}: {e:?} and {exact}");
                right += 1;
                evaluations += e.evaluations;
            }
            Err(error) => println!("seed {SEED}, trial {trial}, p = {p}, m = {m}, w = {w}: {error}"),
        }
    }
    println!("{right} of 200 right, none wrong, {} evaluations on the mean", evaluations / right.max(1));
    assert!(right >= 196);
}

#[test]
fn known_integrals() {
    let real = |e: Result<Estimate, Error>, exact: f64| {
        let e = e.expect("it oscillates");
        assert!((e.value - exact).abs() <= 1e-10, "{e:?} and {exact}");
    };
    let zeros = |f: fn(f64) -> f64| Integrator::new(boxed(f)).method(Oscillator::zeros(|k| (k + 0.5) * PI));
    real(zeros(|x| x.cos() / (1.0 + x * x)).integrate_blocking(0.0, INF, 1e-11), PI / 2.0 * (-1.0_f64).exp());
    // From the middle of a half-period on: a part comes before the series.
    real(zeros(|x| x.cos() / (x * x)).integrate_blocking(PI, INF, 1e-11), -1.0 / PI + 0.281_140_725_187_569_6);
    // Bessel's function: zeros need not be exact.
    let bessel = Integrator::new(boxed(libm::j0)).method(Oscillator::phase(|x| x));
    real(bessel.integrate_blocking(0.0, INF, 1e-11), 1.0);
    // The whole line, and down.
    let line = Integrator::new(boxed(|x: f64| (x * x).cos())).method(Oscillator::phase(|x| x * x));
    real(line.integrate_blocking(-INF, INF, 1e-11), (PI / 2.0).sqrt());
    real(line.integrate_blocking(1.0, -INF, 1e-11), -(PI / 8.0).sqrt() - 0.904_524_237_900_272_1);
    // A finite range is an integral like any other.
    real(line.integrate_blocking(0.0, 1.0, 1e-11), 0.904_524_237_900_272_1);
}

#[test]
fn a_start_that_is_not_like_the_rest_is_passed() {
    // exp(i z^2) / (1 + 4 (z - 3)^2) turned to the diagonal, less the residue at 3 + i / 2 between
    // both.
    let f = |z: Complex<f64>| (Complex::<f64>::I * z * z).exp() / ((z - 3.0) * (z - 3.0) * 4.0 + 1.0);
    let e = by_phase(|x| x * x, move |x| f(Complex::new(x, 0.0))).expect("it oscillates");
    let path = Path::new(Complex::ZERO).to_infinity(Complex::cis(PI / 4.0));
    let on = path.clone();
    let turned =
        Integrator::new(boxed(move |s: f64| f(on.at(s)))).integrate_path_blocking(&path, 1e-13).expect("it falls");
    let pole = Complex::new(3.0, 0.5);
    let residue = (Complex::<f64>::I * pole * pole).exp() / ((pole - 3.0) * 8.0);
    let exact = turned.value + Complex::<f64>::I * residue * (2.0 * PI);
    assert!((e.value - exact).norm() <= 1e-9 * exact.norm(), "{e:?} and {exact}");
}

#[test]
fn what_does_not_oscillate_so_is_told() {
    let stopped = |e: Result<Estimate<Complex<f64>>, Error<Complex<f64>>>| match e {
        Err(Error::NotConverged { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    // It grows; it does not oscillate.
    assert_eq!(stopped(by_phase(|x| x, |x| Complex::new((0.1 * x).exp() * x.sin(), 0.0))), Reason::Divergent);
    let slow =
        Integrator::new(boxed(|x: f64| 1.0 / (1.0 + x))).method(Oscillator::phase(|x| x)).max_evaluations(20_000);
    assert!(matches!(
        slow.integrate_blocking(0.0, INF, 1e-9),
        Err(Error::NotConverged { reason: Reason::Divergent | Reason::Budget, .. })
    ));
    // No phase.
    for phase in [|_: f64| 1.0, |x: f64| x.atan(), |_: f64| f64::NAN] {
        assert!(matches!(by_phase(phase, |_| Complex::ONE), Err(Error::Unsuitable { a: 0.0, b: INF, .. })));
    }
}

#[test]
fn every_evaluator_gives_the_same_bits_and_many_points_are_asked_for_at_a_time() {
    let f = |x: f64| vec![(x * x).sin(), (x * x).cos() * (-0.1 * x).exp()];
    let bits = |e: &Estimate<Vec<f64>>| {
        let mut all = vec![e.error.to_bits(), e.l1.to_bits(), e.evaluations as u64];
        all.extend(e.value.iter().map(|v| v.to_bits()));
        e.segments.iter().for_each(|s| all.extend([s.a.to_bits(), s.b.to_bits(), s.error.to_bits()]));
        all
    };
    let method = Oscillator::phase(|x: f64| x * x);
    let inline =
        Integrator::new(boxed(f)).method(method.clone()).integrate_blocking(0.0, INF, 1e-10).expect("it oscillates");
    for workers in [1, 2, 8] {
        let pool = Integrator::new(ThreadPool::new(workers).evaluator(f)).method(method.clone());
        assert_eq!(bits(&pool.integrate_blocking(0.0, INF, 1e-10).expect("it oscillates")), bits(&inline), "{workers}");
    }
    for (p, most) in [(8, 1.05), (64, 1.3)] {
        let (cluster, clock) = Cluster::new(f, p, Latency::Unit, 1);
        let e = clock.run(Integrator::new(cluster).method(method.clone()).integrate(0.0, INF, 1e-10));
        assert_eq!(bits(&e.expect("it oscillates")), bits(&inline), "{p}");
        let ratio = clock.now() / inline.evaluations.div_ceil(p) as f64;
        println!("P = {p}: wall {} for {} evaluations, ratio {ratio:.2}", clock.now(), inline.evaluations);
        assert!(ratio <= most, "{ratio}");
    }
}
