//! Integrals along paths: straight pieces, arcs, closed paths and rays, by every method and every
//! evaluator.

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use coquad::{
    Auto, ClenshawCurtis, Error, Estimate, GaussKronrod, Integrator, Method, Path, PointCache, Simpson, TanhSinh,
    ThreadPool, Value, batch_fn, evaluator_fn,
};
use futures::executor::block_on;
use num_complex::Complex;

use crate::support::boxed;
use crate::support::families::Draw;

const SEED: u64 = 20_261_130;
const I: Complex<f64> = Complex::I;
const ONE: Complex<f64> = Complex::ONE;
const INF: f64 = f64::INFINITY;

type Integrand = Arc<dyn Fn(Complex<f64>) -> Complex<f64> + Send + Sync>;

fn z(re: f64, im: f64) -> Complex<f64> {
    Complex::new(re, im)
}

#[allow(clippy::result_large_err, reason = "of a value type that is known")]
fn along<M: Method>(
    method: M,
    f: Integrand,
    path: &Path,
    atol: f64,
) -> Result<Estimate<Complex<f64>>, Error<Complex<f64>>> {
    let on = path.clone();
    Integrator::new(boxed(move |s: f64| f(on.at(s)))).method(method).integrate_path_blocking(path, atol)
}

/// A drawn path of straight pieces and arcs, and whether it is closed.
fn drawn(draw: &mut Draw) -> Path {
    let point = |draw: &mut Draw| z(draw.within(-2.0, 2.0), draw.within(-2.0, 2.0));
    let mut path = Path::new(point(draw));
    for _ in 0..1 + (draw.next() * 4.0) as usize {
        path = match (draw.next() * 3.0) as u32 {
            0 => path.arc(point(draw), draw.within(-7.0, 7.0)),
            _ => path.line_to(point(draw)),
        };
    }
    if draw.next() < 0.3 { path.close() } else { path }
}

#[test]
fn drawn_paths_have_the_difference_of_the_antiderivative() {
    let mut draw = Draw(SEED);
    let pairs: [(Integrand, Integrand); 3] = [
        (Arc::new(|z| z.exp()), Arc::new(|z| z.exp())),
        (Arc::new(|z| z * z * z - I * z), Arc::new(|z| z * z * z * z / 4.0 - I * z * z / 2.0)),
        (Arc::new(|z| (z * 0.5).cos()), Arc::new(|z| (z * 0.5).sin() * 2.0)),
    ];
    for trial in 0..60 {
        let path = drawn(&mut draw);
        let (f, whole) = &pairs[trial % 3];
        let (a, b) = path.limits();
        let exact = whole(path.at(b)) - whole(path.at(a));
        let check = |name: &str, e: Result<Estimate<Complex<f64>>, Error<Complex<f64>>>, atol: f64| {
            let e = e.unwrap_or_else(|error| panic!("{name}, seed {SEED}, trial {trial}: {error}"));
            assert!((e.value - exact).norm() <= atol, "{name}, seed {SEED}, trial {trial}: {e:?} and {exact}");
        };
        check("Auto", along(Auto, f.clone(), &path, 1e-9), 1e-9);
        check("GaussKronrod", along(GaussKronrod::default(), f.clone(), &path, 1e-9), 1e-9);
        // These evaluate at corners.
        check("ClenshawCurtis", along(ClenshawCurtis, f.clone(), &path, 1e-9), 1e-9);
        check("Simpson", along(Simpson, f.clone(), &path, 1e-6), 1e-6);
        check("TanhSinh", along(TanhSinh, f.clone(), &path, 1e-9), 1e-9);
    }
}

#[test]
fn residues_are_what_closed_paths_give() {
    // Polygons and circles around some of the poles of 1 / (z^4 + 1), a residue of -p / 4 at each.
    let f: Integrand = Arc::new(|z| (z * z * z * z + 1.0).inv());
    let poles: Vec<Complex<f64>> = (0..4).map(|k| Complex::cis(PI / 4.0 + f64::from(k) * PI / 2.0)).collect();
    let mut draw = Draw(SEED + 1);
    for trial in 0..40 {
        let (centre, radius) = (z(draw.within(-1.0, 1.0), draw.within(-1.0, 1.0)), draw.within(0.3, 2.0));
        if poles.iter().any(|p| ((p - centre).norm() - radius).abs() < 0.05) {
            continue;
        }
        let inside: Complex<f64> = poles.iter().filter(|p| (*p - centre).norm() < radius).map(|p| -p / 4.0).sum();
        let circle = along(Auto, f.clone(), &Path::circle(centre, radius), 1e-10).expect("smooth");
        assert!((circle.value - TAU * I * inside).norm() <= 1e-10, "seed {SEED}, trial {trial}: {circle:?}");
    }
    let square = [z(2.0, 2.0), z(-2.0, 2.0), z(-2.0, -2.0), z(2.0, -2.0)];
    let closed = Path::from(square).close();
    assert!(along(Auto, f, &closed, 1e-12).expect("smooth").value.norm() <= 1e-12);
    let e = block_on(coquad::integrate_path(|z| z.inv(), &closed, 1e-12)).expect("smooth");
    assert!((e.value - TAU * I).norm() <= 1e-12);
}

#[test]
fn rays_go_to_infinity() {
    // The gamma function by Hankel's contour: in from -infinity, around 0, and out again.
    for x in [0.5_f64, 1.5, 3.0, -0.5] {
        let path = Path::from_infinity(-ONE, -ONE).arc(Complex::ZERO, TAU).to_infinity(-ONE);
        // On the way in the argument of z is -pi, on the way out pi.
        let on = path.clone();
        let f = move |s: f64| {
            let z = on.at(s);
            let (low, high) = (s <= 0.0, s >= 1.0);
            let angle = if low {
                -PI
            } else if high {
                PI
            } else {
                (s - 0.5) * TAU
            };
            (z - x * Complex::new(z.norm().ln(), angle)).exp()
        };
        let e = Integrator::new(boxed(f)).rtol(1e-10).integrate_path_blocking(&path, 0.0).expect("it falls");
        let exact = 1.0 / libm::tgamma(x);
        assert!((e.value / (TAU * I) - exact).norm() <= 1e-9 * exact.abs(), "{x}: {e:?} and {exact}");
    }
    // By points, one of them infinite: Fresnel's integral, turned by an eighth.
    let e = block_on(coquad::integrate_path(|z| (I * z * z).exp(), &[Complex::ZERO, z(INF, INF)], 1e-12))
        .expect("it falls");
    let exact = PI.sqrt() / 2.0 * Complex::cis(PI / 4.0);
    assert!((e.value - exact).norm() <= 1e-12, "{e:?} and {exact}");
    // From infinity to infinity.
    let e =
        block_on(coquad::integrate_path(|z| (-z * z).exp(), &[z(-INF, 0.0), I, z(INF, 0.0)], 1e-12)).expect("it falls");
    assert!((e.value - PI.sqrt()).norm() <= 1e-12, "{e:?}");
}

#[test]
fn a_corner_at_zero_may_be_a_branch_point() {
    // z^(-3/4) from i over 0 to 1, where Auto sees as near to 0 as on the real line.
    let path = Path::from([I, Complex::ZERO, ONE]);
    let f: Integrand = Arc::new(|z| z.powf(-0.75));
    let e = along(Auto, f, &path, 1e-9).expect("integrable");
    let exact = 4.0 * (ONE - Complex::cis(PI / 8.0));
    assert!((e.value - exact).norm() <= 1e-9, "{e:?} and {exact}");
}

/// What an estimate is, to the bit.
fn bits(e: &Estimate<Vec<Complex<f64>>>) -> Vec<u64> {
    let value = |v: &Vec<Complex<f64>>| v.iter().flat_map(|z| [z.re.to_bits(), z.im.to_bits()]).collect::<Vec<_>>();
    let mut all = vec![e.error.to_bits(), e.l1.to_bits(), e.evaluations as u64];
    all.extend(value(&e.value));
    e.segments.iter().for_each(|s| {
        all.extend([s.a.to_bits(), s.b.to_bits(), s.error.to_bits()]);
        all.extend(value(&s.value));
    });
    all
}

#[test]
fn every_evaluator_gives_the_same_bits() {
    let path = Path::from([z(1.0, 1.0), Complex::ZERO, z(2.0, -1.0)]).arc(ONE, 2.0).to_infinity(z(1.0, 0.1));
    let on = path.clone();
    let f = move |s: f64| {
        let z = on.at(s);
        vec![z.powf(0.5) * (-z).exp(), (-z * z).exp(), (-z).exp()]
    };
    let of =
        |integrator: Integrator<_>| bits(&integrator.rtol(1e-9).integrate_path_blocking(&path, 0.0).expect("it falls"));
    let inline = of(Integrator::new(boxed(f.clone())));
    for workers in [1, 2, 8] {
        let pool = Integrator::new(ThreadPool::new(workers).evaluator(f.clone()));
        let e = pool.rtol(1e-9).integrate_path_blocking(&path, 0.0).expect("it falls");
        assert_eq!(bits(&e), inline, "{workers}");
    }
    let g = f.clone();
    let batches = batch_fn(2, 16, move |xs: Vec<f64>| {
        let ys: Vec<_> = xs.into_iter().map(&g).collect();
        async move { Ok::<_, std::io::Error>(ys) }
    });
    let e = Integrator::new(batches).rtol(1e-9).integrate_path_blocking(&path, 0.0).expect("it falls");
    assert_eq!(bits(&e), inline);
    // A cache keeps values of f by the parameter: the second call evaluates nothing.
    let cache = PointCache::new();
    let kept = Integrator::new(evaluator_fn(4, move |x| {
        let y = f(x);
        async move { Ok::<_, std::io::Error>(y) }
    }))
    .with_cache(cache.clone())
    .rtol(1e-9);
    assert_eq!(bits(&kept.integrate_path_blocking(&path, 0.0).expect("it falls")), inline);
    let again = kept.integrate_path_blocking(&path, 0.0).expect("it falls");
    assert_eq!((bits(&again), again.performed), (inline, 0));
    assert_eq!(cache.get(0.0), None);
}

#[test]
fn what_is_no_path_is_refused_with_its_numbers() {
    let refused = |path: Path| match along(Auto, Arc::new(|z| z), &path, 1e-9) {
        Err(Error::InvalidPath { at, re, im, .. }) => (at, re, im),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(Path::from([ONE, I, z(INF, 2.0), ONE])), (2, INF, 2.0));
    assert_eq!(refused(Path::new(ONE).to_infinity(Complex::ZERO)), (1, 0.0, 0.0));
    assert!(refused(Path::from([ONE, z(f64::NAN, 0.0)])).1.is_nan());
    let error = along(Auto, Arc::new(|z| z), &Path::from([ONE, z(INF, 2.0), ONE]), 1e-9).unwrap_err();
    assert!(error.to_string().contains("re = inf, im = 2.0 after 1 points"), "{error}");
    // No length: zero at no cost.
    for path in [Path::from([ONE]), Path::from([ONE, ONE]), Path::from(&[][..])] {
        let e = along(Auto, Arc::new(|z| z), &path, 1e-9).expect("nothing to do");
        assert_eq!((e.value, e.evaluations), (Complex::ZERO, 0));
    }
    assert_eq!(Complex::<f64>::zero().norm(), 0.0);
}
