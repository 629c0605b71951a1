//! Methods with a weight: principal values and algebraic weights, over drawn cases and by every
//! evaluator.

use std::f64::consts::PI;
use std::sync::Arc;

use coquad::{
    Algebraic, Bessel, Error, Estimate, Fourier, Integrator, Method, Oscillator, PointCache, PrincipalValue, Reason,
    ThreadPool, Value, batch_fn, evaluator_fn,
};
use num_complex::Complex;

use crate::support::boxed;
use crate::support::cluster::{Cluster, Latency};
use crate::support::families::Draw;
use crate::support::poles::{Ends, Pole, ends, poles};

const SEED: u64 = 20_261_130;
const INF: f64 = f64::INFINITY;

type Integrand = Arc<dyn Fn(f64) -> f64 + Send + Sync>;

fn of<M: Method>(
    method: M,
    f: impl Fn(f64) -> f64 + Send + Sync + 'static,
) -> Integrator<impl coquad::Evaluator<Value = f64>, M> {
    Integrator::new(boxed(f)).method(method)
}

fn at(pole: &Pole) -> Result<Estimate, Error> {
    let f = pole.f.clone();
    of(PrincipalValue::at(pole.c), move |x| f(x)).rtol(1e-10).integrate_blocking(pole.a, pole.b, 0.0)
}

#[test]
fn drawn_principal_values_are_right() {
    let (mut right, mut evaluations) = (0, 0);
    let all = poles(200, SEED);
    for (i, pole) in all.iter().enumerate() {
        match at(pole) {
            Ok(e) => {
                let off = (e.value - pole.exact).abs();
                assert!(off <= 1e-9 * pole.exact.abs(), "seed {SEED}, {i}, {}: {e:?} and {}", pole.name, pole.exact);
                right += 1;
                evaluations += e.evaluations;
            }
            Err(error) => println!("seed {SEED}, {i}, {}: {error}", pole.name),
        }
    }
    println!("{right} of 200 right, none wrong, {} evaluations on the mean", evaluations / right);
    assert!(right >= 198);
}

#[test]
fn a_pole_may_be_an_ulp_from_a_limit_and_on_a_breakpoint() {
    let (a, b) = (-1.0, 2.0);
    for c in [f64::next_up(a), a + 1e-13, 0.0, 0.5, f64::next_down(b)] {
        // exp(x - c) - 1 has no pole: the rest is the logarithm.
        let exact = {
            let smooth = Integrator::new(boxed(move |x: f64| if x == c { 1.0 } else { (x - c).exp_m1() / (x - c) }));
            smooth.integrate_blocking(a, b, 1e-13).expect("smooth").value + ((b - c) / (c - a)).ln()
        };
        for cuts in [&[][..], &[c], &[0.25, c, 0.5], &[c.next_up(), c.next_down()]] {
            let integrator = of(PrincipalValue::at(c), move |x| (x - c).exp()).breakpoints(cuts);
            // Between cuts beside the pole logarithms of 5e-324 cancel.
            let atol = if cuts.len() == 2 { 1e-11 } else { 1e-12 };
            let e = integrator.integrate_blocking(a, b, atol).expect("a simple pole");
            assert!((e.value - exact).abs() <= 2.0 * atol, "{c}, {cuts:?}: {e:?} and {exact}");
            let back = integrator.integrate_blocking(b, a, atol).expect("a simple pole");
            assert_eq!(back.value, -e.value);
        }
    }
    // Beside the range, too.
    let e = of(PrincipalValue::at(1.0 + 1e-9), |x| x * x).integrate_blocking(0.0, 1.0, 1e-12).expect("no pole inside");
    let c = 1.0_f64 + 1e-9;
    let exact = 0.5 + c + c * c * ((c - 1.0) / c).ln();
    assert!((e.value - exact).abs() <= 1e-12, "{e:?} and {exact}");
}

#[test]
fn infinite_ranges_and_several_poles() {
    // The Hilbert transform of 1 / (1 + x^2) is -pi c / (1 + c^2).
    for c in [0.0, 0.3, -2.0, 40.0] {
        let e = of(PrincipalValue::at(c), |x| 1.0 / (1.0 + x * x))
            .integrate_blocking(-INF, INF, 1e-10)
            .expect("a simple pole");
        assert!((e.value + PI * c / (1.0 + c * c)).abs() <= 1e-10, "{c}: {e:?}");
    }
    let e = of(PrincipalValue::at(2.0), |x| 1.0 / (x * x + 1.0))
        .integrate_blocking(0.0, INF, 1e-10)
        .expect("a simple pole");
    // 1 / ((x^2 + 1) (x - c)): (-c pi / 2 - ln c) / (1 + c^2).
    assert!((e.value - (-PI - 2f64.ln()) / 5.0).abs() <= 1e-10, "{e:?}");
    let e = of(PrincipalValue::at(-2.0), |x| 1.0 / (x * x + 1.0))
        .integrate_blocking(-INF, 0.0, 1e-10)
        .expect("a simple pole");
    assert!((e.value - (PI + 2f64.ln()) / 5.0).abs() <= 1e-10, "{e:?}");
    // f falls like 1 / x only: x / (x^2 + 1) / (x - c), which is pi / (1 + c^2).
    let e =
        of(PrincipalValue::at(3.0), |x| x / (x * x + 1.0)).integrate_blocking(-INF, INF, 1e-10).expect("a simple pole");
    assert!((e.value - PI / 10.0).abs() <= 1e-10, "{e:?}");
    // Drawn products of two and three poles against sums of single ones.
    let mut draw = Draw(SEED + 2);
    for trial in 0..40 {
        let cs: Vec<f64> = (0..2 + trial % 2).map(|_| draw.within(-2.0, 2.0)).collect();
        let (a, b) = if trial % 4 == 0 { (-INF, INF) } else { (draw.within(-4.0, -2.1), draw.within(2.1, 9.0)) };
        let f = |x: f64| (-0.5 * x * x).exp() * (1.0 + x);
        let all = cs[1..].iter().fold(PrincipalValue::at(cs[0]), |method, c| method.and(*c));
        let e = of(all, f).integrate_blocking(a, b, 1e-10).expect("simple poles");
        let single = |i: usize| {
            let share: f64 =
                cs.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, other)| 1.0 / (cs[i] - other)).product();
            share * of(PrincipalValue::at(cs[i]), f).integrate_blocking(a, b, 1e-13).expect("a simple pole").value
        };
        let exact: f64 = (0..cs.len()).map(single).sum();
        assert!(
            (e.value - exact).abs() <= 1e-10 * (1.0 + exact.abs()),
            "seed {SEED}, trial {trial}, {cs:?}: {e:?} and {exact}"
        );
    }
}

#[test]
fn what_has_no_principal_value_is_reported() {
    // A double pole, a jump, and a root of either sign.
    for (kind, c) in [(0, 0.25), (1, 0.25), (2, 0.25), (0, 0.5), (1, 0.5), (2, 0.5)] {
        let f: Integrand = match kind {
            0 => Arc::new(move |x| 1.0 / (x - c)),
            1 => Arc::new(move |x| (x - c).signum()),
            _ => Arc::new(move |x| (x - c).signum() / (x - c).abs().sqrt()),
        };
        let integrator = of(PrincipalValue::at(c), move |x| f(x));
        match integrator.integrate_blocking(-1.0, 2.0, 1e-10).expect_err("it does not exist") {
            Error::NotConverged { reason: Reason::Divergent, .. } => {}
            Error::NonFinite { x, .. } => assert_eq!(x, c),
            other => panic!("{kind}: {other}"),
        }
    }
    let refused = |method: PrincipalValue| match of(method, |x| x).integrate_blocking(0.0, 1.0, 1e-9) {
        Err(Error::Unsuitable { a, b, why, .. }) => {
            assert_eq!((a, b), (0.0, 1.0));
            why
        }
        other => panic!("{other:?}"),
    };
    assert!(refused(PrincipalValue::at(0.0)).contains("limit") && refused(PrincipalValue::at(1.0)).contains("limit"));
    assert!(
        refused(PrincipalValue::at(f64::NAN)).contains("finite") && refused(PrincipalValue::at(INF)).contains("finite")
    );
    assert!(refused(PrincipalValue::at(0.5).and(0.5)).contains("simple"));
    let offsets = of(PrincipalValue::at(0.5), |x| x).offsets(true).integrate_blocking(0.0, 1.0, 1e-9);
    assert!(matches!(offsets, Err(Error::InvalidInterval { .. })));
    assert_eq!(of(PrincipalValue::at(0.5), |x| x).integrate_blocking(0.5, 0.5, 1e-9).expect("empty").evaluations, 0);
}

/// The method for drawn ends.
fn method(ends: &Ends) -> Algebraic {
    let method = Algebraic::new(ends.p, ends.q);
    match ends.log {
        None => method,
        Some(0) => method.log_left(),
        Some(_) => method.log_right(),
    }
}

#[test]
fn drawn_weights_are_right_to_twelve_digits() {
    let (mut worst, mut evaluations) = (0.0_f64, 0);
    for (trial, ends) in ends(200, SEED + 3).iter().enumerate() {
        let (method, a, k) = (method(ends), ends.a, ends.k);
        let integrator = of(method, move |x| (k * (x - a)).exp()).rtol(1e-12).rtol_l1(2e-14);
        let e = integrator.integrate_blocking(a, ends.b, 0.0);
        let e = e.unwrap_or_else(|error| panic!("seed {SEED}, trial {trial}: {method:?}: {error}"));
        let off = (e.value - ends.exact).abs() / e.l1;
        assert!(off <= 1e-12, "seed {SEED}, trial {trial}, {method:?}: {e:?} and {}", ends.exact);
        worst = worst.max(off);
        evaluations += e.evaluations;
    }
    println!("200 right, off by {worst:.1e} of the integral of the norm at most, {} evaluations", evaluations / 200);
}

#[test]
fn weights_are_right_where_auto_ends_at_roundoff() {
    // cos(x) (1 - x)^-0.9: 1 - x has too few digits for Auto.
    let plain =
        Integrator::new(boxed(|x: f64| x.cos() * (1.0 - x).powf(-0.9))).rtol(1e-12).integrate_blocking(0.0, 1.0, 0.0);
    assert!(plain.is_err(), "{plain:?}");
    let method = Algebraic::new(0.0, -0.9);
    let e = of(method, f64::cos).rtol(1e-13).integrate_blocking(0.0, 1.0, 0.0).expect("the weight is known");
    // By mpmath, with 1 - x = t^10: quad(lambda t: cos(1 - t**10) * 10, [0, 1]).
    assert!((e.value - 6.000_834_086_940_460).abs() <= 1e-11, "{:?}", e.value);
    // An infinite range with a weight at its finite limit: the gamma function.
    for x in [0.1_f64, 0.5, 2.5] {
        let e = of(Algebraic::new(x - 1.0, 0.0), |t| (-t).exp())
            .rtol(1e-12)
            .integrate_blocking(0.0, INF, 0.0)
            .expect("it falls");
        assert!((e.value / libm::tgamma(x) - 1.0).abs() <= 1e-12, "{x}: {e:?}");
    }
    // Breakpoints divide the range, not the weight.
    let cut = of(Algebraic::new(-0.5, -0.5), |x| (x - 0.3).abs())
        .breakpoints(&[0.3])
        .integrate_blocking(0.0, 1.0, 1e-12)
        .expect("two pieces");
    let exact = {
        let t = (0.4_f64).acos();
        // x = (1 - cos t) / 2.
        (0.5 - 0.3) * (PI - 2.0 * t) + t.sin()
    };
    assert!((cut.value - exact).abs() <= 1e-12, "{cut:?} and {exact}");
}

#[test]
fn weights_that_cannot_be_are_refused() {
    let refused = |method: Algebraic, a: f64, b: f64| match of(method, |x| x).integrate_blocking(a, b, 1e-9) {
        Err(Error::Unsuitable { why, .. }) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(Algebraic::new(-1.0, 0.0), 0.0, 1.0).contains("exponent"));
    assert!(refused(Algebraic::new(0.0, f64::NAN), 0.0, 1.0).contains("exponent"));
    assert!(refused(Algebraic::new(0.0, 0.5), 0.0, INF).contains("infinite"));
    assert!(refused(Algebraic::new(0.0, 0.0).log_left(), -INF, 1.0).contains("infinite"));
}

/// What an estimate is, to the bit.
fn bits<T: Value>(e: &Estimate<T>, of: impl Fn(&T) -> Vec<u64>) -> Vec<u64> {
    let mut all = vec![e.error.to_bits(), e.l1.to_bits(), e.evaluations as u64];
    all.extend(of(&e.value));
    for s in &e.segments {
        all.extend([s.a.to_bits(), s.b.to_bits(), s.error.to_bits()]);
        all.extend(of(&s.value));
    }
    all
}

/// The same bits by every evaluator, and the wall time in units of an evaluation.
fn everywhere<M: Method + std::fmt::Debug>(method: M, f: fn(f64) -> [Complex<f64>; 2], a: f64, b: f64) {
    let of = |v: &[Complex<f64>; 2]| v.iter().flat_map(|z| [z.re.to_bits(), z.im.to_bits()]).collect::<Vec<_>>();
    let asked = |e: Result<Estimate<_>, Error<_>>| bits(&e.expect("it converges"), of);
    let inline = Integrator::new(boxed(f)).method(method.clone()).rtol(1e-9).integrate_blocking(a, b, 0.0);
    let evaluations = inline.as_ref().expect("it converges").evaluations;
    let inline = asked(inline);
    for workers in [1, 2, 8] {
        let pool = Integrator::new(ThreadPool::new(workers).evaluator(f)).method(method.clone()).rtol(1e-9);
        assert_eq!(asked(pool.integrate_blocking(a, b, 0.0)), inline, "{workers}");
    }
    let batches = batch_fn(2, 16, move |xs: Vec<f64>| {
        let ys: Vec<_> = xs.into_iter().map(f).collect();
        async move { Ok::<_, std::io::Error>(ys) }
    });
    assert_eq!(asked(Integrator::new(batches).method(method.clone()).rtol(1e-9).integrate_blocking(a, b, 0.0)), inline);
    let cache = PointCache::new();
    let kept = Integrator::new(evaluator_fn(4, move |x| async move { Ok::<_, std::io::Error>(f(x)) }));
    let kept = kept.method(method.clone()).rtol(1e-9).with_cache(cache);
    assert_eq!(asked(kept.integrate_blocking(a, b, 0.0)), inline);
    let again = kept.integrate_blocking(a, b, 0.0).expect("it converges");
    assert_eq!((again.performed, asked(Ok(again))), (0, inline.clone()));
    #[cfg(feature = "durable")]
    {
        let path = std::env::temp_dir().join(format!("coquad-weights-{}-{evaluations}", std::process::id()));
        for performed in [evaluations, 0] {
            let cache = PointCache::open(&path, "a resonance and a kink").expect("a file");
            let kept = Integrator::new(boxed(f)).method(method.clone()).rtol(1e-9).with_cache(cache);
            let e = kept.integrate_blocking(a, b, 0.0).expect("it converges");
            assert_eq!((e.performed, asked(Ok(e))), (performed, inline.clone()));
        }
        std::fs::remove_file(&path).expect("it is there");
    }
    for p in [8, 64] {
        let (cluster, clock) = Cluster::new(f, p, Latency::Unit, 1);
        let integrator = Integrator::new(cluster).method(method.clone()).rtol(1e-9);
        assert_eq!(asked(clock.run(integrator.integrate(a, b, 0.0))), inline, "{p}");
        println!("P = {p}: wall {} of {}, {method:?}", clock.now(), evaluations.div_ceil(p));
    }
}

#[test]
fn every_evaluator_gives_the_same_bits() {
    // A resonance and a kink.
    let f = |x: f64| {
        let z = Complex::new(x, 0.5);
        [z.inv() * (-x * x / 4.0).exp(), Complex::new((x - 0.7).abs() / (1.0 + x * x), 0.0)]
    };
    everywhere(PrincipalValue::at(0.3), f, -2.0, 3.0);
    everywhere(PrincipalValue::at(0.3).and(-1.0), f, -INF, INF);
    everywhere(Algebraic::new(-0.5, 0.25).log_left(), f, -2.0, 3.0);
    everywhere(Fourier::sin(3.0), f, -INF, INF);
    everywhere(Bessel::j(1.5, 3.0), f, 0.0, INF);
    // A wave, and one that dies away.
    let wave = |x: f64| [Complex::cis(x * x), Complex::cis(x * x) * (-0.1 * x).exp()];
    everywhere(Oscillator::phase(|x: f64| x * x), wave, 0.0, INF);
}

#[test]
fn many_poles_share_one_set_of_evaluations() {
    // Hilbert transforms of a resonance and of a kink, on a finite and on an infinite range.
    let f = |x: f64| 0.01 / ((x - 0.3) * (x - 0.3) + 0.01) + (-x * x).exp() * (x + 0.5).abs();
    let cs: Vec<f64> = (0..100).map(|i| -1.9 + 0.038 * f64::from(i)).collect();
    for (a, b) in [(-2.0, 2.0), (-INF, INF)] {
        let many = Integrator::new(boxed(f)).method(PrincipalValue::many(&cs)).rtol(1e-9);
        let each = many.integrate_each_blocking(a, b, 0.0).expect("simple poles");
        let (mut dearest, mut all) = (0, 0);
        for (e, c) in each.iter().zip(&cs) {
            let single = of(PrincipalValue::at(*c), f).rtol(1e-9).integrate_blocking(a, b, 0.0).expect("a simple pole");
            assert!((e.value - single.value).abs() <= 2e-9 * single.value.abs(), "{c}: {e:?} and {single:?}");
            assert!(e.error <= 1e-9 * e.value.abs());
            dearest = dearest.max(single.evaluations);
            all += single.evaluations;
        }
        println!(
            "100 poles: {} evaluations together, {dearest} for the dearest, {all} one by one",
            each[0].evaluations
        );
        assert!(each[0].evaluations <= 3 * dearest);
        assert_eq!(each[0].performed, each[0].evaluations);
        // The same bits on a pool, and as one value.
        let pool = Integrator::new(ThreadPool::new(4).evaluator(f)).method(PrincipalValue::many(&cs)).rtol(1e-9);
        let e = pool.integrate_blocking(a, b, 0.0).expect("simple poles");
        assert_eq!(e.value, each.iter().map(|e| e.value).collect::<Vec<_>>());
        assert_eq!(e.evaluations, each[0].evaluations);
    }
    let refused =
        Integrator::new(boxed(f)).method(PrincipalValue::many(&[0.5, 1.0])).integrate_blocking(0.0, 1.0, 1e-9);
    assert!(matches!(refused, Err(Error::Unsuitable { .. })), "{refused:?}");
    let none = Integrator::new(boxed(f)).method(PrincipalValue::many(&[])).integrate_blocking(0.0, 1.0, 1e-9);
    assert_eq!(none.expect("nothing to do").value, Vec::<f64>::new());
}

/// Wall over limit on 64 workers, the geometric mean over integrals, and what was evaluated in vain
/// over what was needed.
fn busy<M: Method>(method: &M, integrals: &[(fn(f64) -> f64, f64, f64)]) -> [f64; 2] {
    let (mut log, mut needed, mut in_vain) = (0.0, 0, 0);
    for (f, a, b) in integrals {
        let (cluster, clock) = Cluster::new(*f, 64, Latency::Unit, 1);
        let e = clock.run(Integrator::new(cluster).method(method.clone()).integrate(*a, *b, 1e-10)).expect("smooth");
        log += (clock.now() / e.evaluations.div_ceil(64) as f64).ln();
        (needed, in_vain) = (needed + e.evaluations, in_vain + e.performed - e.evaluations);
    }
    [(log / integrals.len() as f64).exp(), in_vain as f64 / needed as f64]
}

#[test]
fn sixty_four_workers_are_kept_busy() {
    // Others than those of `benches/virtual_time`.
    let near: [(fn(f64) -> f64, f64, f64); 5] = [
        (|x| (3.0 * x).cos(), 0.2, 4.0),
        (|x| (4.0 * (x - 1.0)).tanh(), 0.0, 3.0),
        (|x| (x - 0.7).abs(), 0.0, 2.0),
        (|x| 1.0 / (1.0 + 25.0 * (x - 1.0) * (x - 1.0)), 0.5, 3.0),
        (|x| (2.0 - x).sqrt(), 0.0, 2.0),
    ];
    let far: [(fn(f64) -> f64, f64, f64); 4] = [
        (|x| (-x * x / 4.0).exp(), 0.0, INF),
        (|x| (2.0 + x).powi(-3), 0.0, INF),
        (|x| (1.0 + x) * (-x / 2.0).exp() / (1.0 + x * x), 0.0, INF),
        (|x| x / (1.0 + x.powi(4)), 0.0, INF),
    ];
    let all: Vec<_> = near.into_iter().chain(far).collect();
    let rows = [
        ("sin(0.4 x)", busy(&Fourier::sin(0.4), &all)),
        ("cos(30 x)", busy(&Fourier::cos(30.0), &all)),
        ("J_2(3 x)", busy(&Bessel::j(2.0, 3.0), &all)),
        ("1 / (x - 0.9)", busy(&PrincipalValue::at(0.9), &all)),
        ("x^-0.3", busy(&Algebraic::new(-0.3, 0.0), &all)),
        ("x^0.6, far", busy(&Algebraic::new(0.6, 0.0), &far)),
        ("both ends", busy(&Algebraic::new(-0.3, 0.4).log_right(), &near)),
    ];
    for (name, [wall, in_vain]) in rows {
        println!("{name}: wall / limit {wall:.3}, in vain {:.1} %", 100.0 * in_vain);
        assert!(wall <= 1.3 && in_vain <= 0.6, "{name}: {wall}, {in_vain}");
    }
}
