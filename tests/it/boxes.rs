//! Boxes: the promises of one variable in several, and what the rules are worth on integrands that are drawn.

#![allow(clippy::result_large_err, reason = "an error carries the estimate, with its boxes")]

use std::f64::consts::PI;
use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use coquad::*;
use num_complex::Complex;

use crate::support::cluster::{Cluster, Latency};
use crate::support::genz::{Family, Genz};

type Answer<T, const N: usize> = Result<Estimate<T, [f64; N]>, Error<T, [f64; N]>>;

/// All that is promised to have the same bits.
fn bits<const N: usize>(answer: &Answer<f64, N>) -> Vec<u64> {
    let (e, reason) = match answer {
        Ok(e) => (e, 0),
        Err(Error::NotConverged { estimate, reason, .. }) => (estimate, 1 + *reason as u64),
        Err(error) => panic!("{error}"),
    };
    let whole = [e.value.to_bits(), e.error.to_bits(), e.l1.to_bits(), e.evaluations as u64, reason];
    let parts = e.segments.iter().flat_map(|part| {
        let numbers = part.a.into_iter().chain(part.b).chain([part.value, part.error, part.l1]);
        numbers.map(f64::to_bits).collect::<Vec<_>>()
    });
    whole.into_iter().chain(parts).collect()
}

/// With a line in which it is not smooth, and one variable that oscillates. Only arithmetic and roots: the bits are those of
/// any machine.
fn kinked([x, y]: [f64; 2]) -> f64 {
    (x - y / 3.0).abs().sqrt() * (1.0 - 6.0 * x * (1.0 - x))
}

fn hill([x, y]: [f64; 2]) -> f64 {
    1.0 / (1e-4 + (x - 0.3) * (x - 0.3) + (y - 0.8) * (y - 0.8))
}

fn peaked([x, y, z]: [f64; 3]) -> f64 {
    1.0 / (0.01 + (x - 0.3) * (x - 0.3) + (y - 0.8) * (y - 0.8) + z)
}

#[test]
fn answers_have_the_same_bits_on_any_evaluator_and_any_number_of_workers() {
    let limits = ([0.0, 0.0], [1.0, 1.0]);
    let told = |integrator: &dyn Fn() -> Answer<f64, 2>| bits(&integrator());
    let expected =
        told(&|| BoxIntegrator::new(Inline::over(kinked)).rtol(1e-3).integrate_blocking(limits.0, limits.1, 0.0));
    for workers in [1, 2, 3, 8, 64] {
        let pool = ThreadPool::new(workers);
        let pooled = || BoxIntegrator::new(pool.evaluator_over(kinked)).rtol(1e-3);
        assert_eq!(told(&|| pooled().integrate_blocking(limits.0, limits.1, 0.0)), expected, "{workers} threads");
    }
    for workers in [1, 7, 64, 1024] {
        for law in [Latency::Unit, Latency::HeavyTail, Latency::Scrambled] {
            let (cluster, clock) = Cluster::new(kinked, workers, law, 5);
            let integrator = BoxIntegrator::new(cluster).rtol(1e-3);
            let answer = clock.run(integrator.integrate(limits.0, limits.1, 0.0));
            assert_eq!(bits(&answer), expected, "{workers} workers, {law:?}");
            assert!(clock.most_outstanding() <= workers);
        }
    }
    for speculation in [Speculation::Off, Speculation::Certain, Speculation::AtMost(f64::INFINITY)] {
        let (cluster, clock) = Cluster::new(kinked, 16, Latency::Unit, 5);
        let integrator = BoxIntegrator::new(cluster).rtol(1e-3).speculation(speculation);
        assert_eq!(bits(&clock.run(integrator.integrate(limits.0, limits.1, 0.0))), expected, "{speculation:?}");
    }
    for width in [1, 10, 1000] {
        let calls = batch_fn_over(3, width, |points: Vec<[f64; 2]>| {
            ready(Ok::<_, String>(points.into_iter().map(kinked).collect::<Vec<f64>>()))
        });
        let answer = BoxIntegrator::new(calls).rtol(1e-3).integrate_blocking(limits.0, limits.1, 0.0);
        assert_eq!(bits(&answer), expected, "calls of {width}");
    }
    let here = |xs: &[[f64; 2]], ys: &mut [f64]| xs.iter().zip(ys).for_each(|(x, y)| *y = kinked(*x));
    let answer = BoxIntegrator::new(Inline::batch_over(here)).rtol(1e-3).integrate_blocking(limits.0, limits.1, 0.0);
    assert_eq!(bits(&answer), expected, "lists on the spot");
    let wrapped = ThreadPool::new(2).evaluator_over(kinked).timeout(Duration::from_secs(60)).retry(2).verify(0.1);
    let answer = BoxIntegrator::new(wrapped).rtol(1e-3).integrate_blocking(limits.0, limits.1, 0.0);
    assert_eq!(bits(&answer), expected, "wrapped");
}

/// Halved towards its singular faces, this takes 58,305 evaluations.
#[test]
fn cuts_are_nearer_to_singular_faces_and_the_same_everywhere() {
    let root = |[x, y]: [f64; 2]| 1.0 / (x * (1.0 - y)).sqrt();
    let here = BoxIntegrator::new(Inline::over(root)).rtol(1e-3).integrate_blocking([0.0; 2], [1.0; 2], 0.0);
    let e = here.as_ref().unwrap();
    assert!((e.value - 4.0).abs() <= 4e-3 && e.evaluations < 15_000, "{e:?}");
    let expected = bits(&here);
    for (workers, law) in [(1, Latency::Unit), (7, Latency::Scrambled), (64, Latency::HeavyTail), (1024, Latency::Unit)]
    {
        let (cluster, clock) = Cluster::new(root, workers, law, 5);
        let integrator = BoxIntegrator::new(cluster).rtol(1e-3);
        assert_eq!(bits(&clock.run(integrator.integrate([0.0; 2], [1.0; 2], 0.0))), expected, "{workers}, {law:?}");
    }
}

#[test]
fn a_run_that_ends_early_ends_at_the_same_decision_everywhere() {
    let expected = BoxIntegrator::new(Inline::over(peaked)).max_evaluations(5000);
    let expected = bits(&expected.integrate_blocking([0.0; 3], [1.0; 3], 1e-12));
    for workers in [1, 8, 300] {
        let (cluster, clock) = Cluster::new(peaked, workers, Latency::HeavyTail, 11);
        let integrator = BoxIntegrator::new(cluster).max_evaluations(5000);
        let answer = clock.run(integrator.integrate([0.0; 3], [1.0; 3], 1e-12));
        assert!(matches!(&answer, Err(Error::NotConverged { reason: Reason::Budget, .. })), "{answer:?}");
        assert_eq!(bits(&answer), expected, "{workers} workers");
    }
}

#[test]
fn each_point_is_evaluated_once_and_evaluations_are_distinct_points() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let pool = ThreadPool::new(3);
    let integrator = BoxIntegrator::new(pool.evaluator_over(move |x| {
        counted.fetch_add(1, Ordering::Relaxed);
        peaked(x)
    }));
    let first = integrator.integrate_blocking([0.0; 3], [1.0; 3], 1e-5).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), integrator.cache().len());
    assert_eq!(first.performed, integrator.cache().len());
    let again = integrator.clone().integrate_blocking([0.0; 3], [1.0; 3], 1e-5).unwrap();
    assert_eq!((again.performed, again.value.to_bits()), (0, first.value.to_bits()));
    let tighter = integrator.integrate_blocking([0.0; 3], [1.0; 3], 1e-6).unwrap();
    assert!(tighter.performed < tighter.evaluations && tighter.evaluations > first.evaluations);
}

/// The estimate, converged or not, after a run whose cache says how many points there were.
fn counted<const N: usize>(f: impl Fn([f64; N]) -> f64 + Send + Sync + 'static, a: [f64; N], b: [f64; N]) -> usize {
    let cache = PointCache::over();
    let integrator = BoxIntegrator::new(Inline::over(f)).rtol(1e-7).max_evaluations(40_000).with_cache(cache.clone());
    let e = match integrator.integrate_blocking(a, b, 0.0) {
        Ok(e) | Err(Error::NotConverged { estimate: e, .. }) => e,
        Err(error) => panic!("{error}"),
    };
    assert_eq!((e.evaluations, e.performed), (cache.len(), cache.len()), "{e:?}");
    e.evaluations
}

#[test]
fn points_that_boxes_have_in_common_are_counted_once() {
    // The centre of a half is a point of the whole: of three boxes two points are not new.
    let e = BoxIntegrator::new(Inline::over(|[x, y]: [f64; 2]| x * y)).integrate_blocking([0.0; 2], [1.0; 2], 1e-9);
    assert_eq!(e.unwrap().evaluations, 3 * 65 - 2);
    assert!(counted(kinked, [0.0, 0.0], [1.0, 1.0]) > 10_000);
    counted(kinked, [0.1, -0.3], [1.7, 1.0]);
    // Boxes as narrow as numbers go.
    counted(|[x, y]: [f64; 2]| (x * y).powf(-0.9), [0.0; 2], [1.0; 2]);
    counted(|[x, y, z]: [f64; 3]| ((1.0 - x).max(1e-17) * y).powf(-0.7) * z, [0.0; 3], [1.0; 3]);
    counted(peaked, [0.0; 3], [1.0; 3]);
    counted(|x: [f64; 4]| (x[0] - 0.3).abs() + x[1] * x[2] * x[3], [0.0; 4], [1.0; 4]);
    // Cut towards faces.
    counted(|[x, y]: [f64; 2]| x.sqrt() - (1.0 - y).ln(), [0.0; 2], [1.0; 2]);
    counted(|x: [f64; 3]| 1.0 / (x[0] * x[1]).sqrt() + x[2], [0.0; 3], [1.0; 3]);
    counted(|x: [f64; 4]| (-x.iter().sum::<f64>()).exp(), [0.0; 4], [f64::INFINITY; 4]);
}

#[test]
fn what_fails_is_told_with_its_point() {
    let corner = ([0.0, 0.0], [1.0, 1.0]);
    let nan = BoxIntegrator::new(Inline::over(|[x, y]: [f64; 2]| if x + y > 1.9 { f64::NAN } else { 1.0 }));
    match nan.integrate_blocking(corner.0, corner.1, 1e-6) {
        Err(Error::NonFinite { x: [x, y], norm, .. }) => assert!(x + y > 1.9 && norm.is_nan()),
        other => panic!("{other:?}"),
    }
    let pool = ThreadPool::new(2);
    let fails = pool.try_evaluator_over(|[x, y]: [f64; 2]| if x < 0.9 { Ok(y) } else { Err("no data") });
    match BoxIntegrator::new(fails).integrate_blocking(corner.0, corner.1, 1e-6) {
        Err(error @ Error::Evaluation { x, .. }) => {
            assert!(x[0] >= 0.9);
            assert_eq!(error.to_string(), format!("the evaluation at x = {x:?} failed: no data"));
        }
        other => panic!("{other:?}"),
    }
    let panics = pool.evaluator_over(|[x, y]: [f64; 2]| -> f64 {
        if y > 0.9 { panic!("at {y}") } else { x }
    });
    let answer = BoxIntegrator::new(panics).integrate_blocking(corner.0, corner.1, 1e-6);
    assert!(matches!(answer, Err(Error::Panicked { x: [_, y], .. }) if y > 0.9));
    let lengths = Inline::over(|[x, _]: [f64; 2]| vec![1.0; if x > 0.7 { 2 } else { 1 }]);
    let answer = BoxIntegrator::new(lengths).integrate_blocking(corner.0, corner.1, 1e-6);
    assert!(matches!(answer, Err(Error::UnequalLengths { expected: 1, found: 2, .. })), "{answer:?}");
}

#[test]
fn questions_without_an_answer_are_refused_before_anything_is_evaluated() {
    let never = || BoxIntegrator::new(Inline::over(|_: [f64; 2]| -> f64 { panic!("not asked") }));
    match never().integrate_blocking([0.0, 0.0], [1.0, f64::NAN], 1e-6) {
        Err(error @ Error::InvalidBox { axis: 1, .. }) => {
            let text = "no integral from 0.0 to NaN on axis 1: a limit or breakpoint is not a number";
            assert_eq!(error.to_string(), text);
        }
        other => panic!("{other:?}"),
    }
    let answer = never().breakpoints(0, &[f64::NAN]).integrate_blocking([0.0; 2], [1.0; 2], 1e-6);
    assert!(matches!(answer, Err(Error::InvalidBox { axis: 0, .. })));
    for (atol, rtol) in [(0.0, 0.0), (-1.0, 1e-3), (f64::NAN, 1.0)] {
        let answer = never().rtol(rtol).integrate_blocking([0.0; 2], [1.0; 2], atol);
        assert!(matches!(answer, Err(Error::InvalidTolerance { .. })));
    }
    let answer = never().max_evaluations(64).integrate_blocking([0.0; 2], [1.0; 2], 1e-6);
    assert!(matches!(answer, Err(Error::NotConverged { reason: Reason::Budget, needed: 65, .. })));
    let empty = never().integrate_blocking([0.0, 2.0], [1.0, 2.0], 1e-6).unwrap();
    assert_eq!((empty.value, empty.error, empty.evaluations), (0.0, 0.0, 0));
}

#[test]
fn limits_may_descend_and_be_infinite() {
    let gauss = |x: [f64; 2]| (-x[0] * x[0] - x[1] * x[1]).exp();
    let integrator = BoxIntegrator::new(Inline::over(gauss));
    let inf = f64::INFINITY;
    for (a, b, exact) in [
        ([-inf, -inf], [inf, inf], PI),
        ([0.0, -inf], [inf, inf], PI / 2.0),
        ([0.0, 0.0], [-inf, inf], -PI / 4.0),
        ([inf, inf], [-inf, -inf], PI),
    ] {
        let e = integrator.integrate_blocking(a, b, 1e-7).unwrap();
        assert!((e.value - exact).abs() <= 1e-7 && e.error <= 1e-7, "{a:?} {b:?}: {e}");
        assert!(e.segments.iter().all(|part| part.a.iter().zip(part.b).all(|(low, high)| *low < high)));
    }
    let one = BoxIntegrator::new(Inline::over(peaked)).integrate_blocking([0.0; 3], [1.0; 3], 1e-4).unwrap();
    let other = BoxIntegrator::new(Inline::over(peaked));
    let other = other.integrate_blocking([1.0, 0.0, 0.0], [0.0, 1.0, 1.0], 1e-4).unwrap();
    assert_eq!(other.value.to_bits(), (-one.value).to_bits());
}

#[test]
fn boxes_of_an_answer_tile_the_range_and_sum_to_it() {
    let integrator = BoxIntegrator::new(Inline::over(peaked)).rtol(1e-4);
    let e = integrator.breakpoints(2, &[0.25, 7.0]).integrate_blocking([0.0; 3], [1.0, 2.0, 1.0], 0.0).unwrap();
    let volume = |part: &Segment<f64, [f64; 3]>| (0..3).map(|axis| part.b[axis] - part.a[axis]).product::<f64>();
    assert_eq!(e.segments.iter().map(volume).sum::<f64>(), 2.0);
    let sum: f64 = e.segments.iter().map(|part| part.value).sum();
    assert!((sum - e.value).abs() < 1e-13 * e.value);
    // None goes across a breakpoint, and no two overlap: their middles are in no other.
    assert!(e.segments.iter().all(|part| part.b[2] <= 0.25 || part.a[2] >= 0.25));
    for (i, part) in e.segments.iter().enumerate() {
        let middle: [f64; 3] = std::array::from_fn(|axis| (part.a[axis] + part.b[axis]) / 2.0);
        let inside = |other: &Segment<f64, [f64; 3]>| (0..3).all(|k| other.a[k] < middle[k] && middle[k] < other.b[k]);
        assert!(e.segments.iter().enumerate().all(|(j, other)| inside(other) == (i == j)));
    }
}

#[test]
fn values_may_be_complex_or_lists() {
    let f = |[x, y]: [f64; 2]| Complex::new(x * x * y, (x + y).sqrt());
    let e = BoxIntegrator::new(Inline::over(f)).integrate_blocking([0.0; 2], [1.0; 2], 1e-8).unwrap();
    // (2^(5/2) - 2) * 4 / 15
    let exact = Complex::new(1.0 / 6.0, (2f64.powf(2.5) - 2.0) * 4.0 / 15.0);
    assert!((e.value - exact).norm() <= 1e-8, "{e:?}");
    let list = BoxIntegrator::new(Inline::over(move |x| vec![f(x).re, f(x).im]));
    let list = list.integrate_blocking([0.0; 2], [1.0; 2], 1e-8).unwrap();
    assert!((list.value[0] - exact.re).abs() <= 1e-8 && (list.value[1] - exact.im).abs() <= 1e-8);
}

#[derive(Default)]
struct Seen {
    started: AtomicUsize,
    finished: AtomicUsize,
    decided: Mutex<Vec<(u64, u64, usize)>>,
}

impl Observer<f64, [f64; 2]> for Seen {
    fn started(&self, [x, y]: [f64; 2], _: bool) {
        assert!((0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y));
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    fn finished(&self, _: [f64; 2]) {
        self.finished.fetch_add(1, Ordering::Relaxed);
    }

    fn decided(&self, progress: &Progress<'_, f64>) {
        let decided = (progress.value.to_bits(), progress.error.to_bits(), progress.evaluations);
        self.decided.lock().unwrap().push(decided);
    }
}

#[test]
fn observers_are_told_of_all_evaluations_and_of_the_same_decisions() {
    let watched = |integrator: &dyn Fn(Arc<Seen>) -> Answer<f64, 2>| {
        let seen = Arc::new(Seen::default());
        let e = integrator(seen.clone()).unwrap();
        assert_eq!(seen.started.load(Ordering::Relaxed), e.performed);
        assert!(seen.finished.load(Ordering::Relaxed) <= e.performed);
        let decided = std::mem::take(&mut *seen.decided.lock().unwrap());
        assert_eq!(decided.last().map(|last| last.2), Some(e.evaluations));
        decided
    };
    let expected = watched(&|seen| {
        BoxIntegrator::new(Inline::over(kinked)).observer(seen).integrate_blocking([0.0; 2], [1.0; 2], 1e-4)
    });
    assert!(expected.len() > 10);
    for workers in [1, 4, 200] {
        let decided = watched(&|seen| {
            let (cluster, clock) = Cluster::new(kinked, workers, Latency::Scrambled, 3);
            clock.run(BoxIntegrator::new(cluster).observer(seen).integrate([0.0; 2], [1.0; 2], 1e-4))
        });
        assert_eq!(decided, expected, "{workers} workers");
    }
}

#[test]
fn a_dropped_integral_asks_for_nothing_more_and_lets_go() {
    let (cluster, clock) = Cluster::new(hill, 16, Latency::Unit, 5);
    let integrator = BoxIntegrator::new(cluster).rtol(1e-6);
    let mut integral = Box::pin(integrator.integrate([0.0; 2], [1.0; 2], 0.0));
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..5 {
        assert!(integral.as_mut().poll(&mut cx).is_pending());
        clock.tick();
    }
    assert!(clock.outstanding() > 0);
    drop(integral);
    assert_eq!(clock.outstanding(), 0);
    // Another one goes on from what is known.
    let e = clock.run(integrator.integrate([0.0; 2], [1.0; 2], 0.0)).unwrap();
    assert!(e.performed < e.evaluations);
    assert_eq!(clock.run(integrator.integrate([0.0; 2], [1.0; 2], 0.0)).unwrap().performed, 0);
}

/// Of integrands that are drawn none is answered wrong in two and three variables, jumps and kinks included.
#[test]
fn no_claim_is_wrong_in_two_and_three_variables() {
    fn claims<const N: usize>(budget: usize, members: usize) -> [usize; 2] {
        let (mut claimed, mut asked) = (0, 0);
        for family in Family::ALL {
            for member in Genz::<N>::draw(family, members, 20_261) {
                for rtol in [1e-3, 1e-6] {
                    let exact = member.exact();
                    let f = move |x: [f64; N]| member.at(x);
                    let integrator = BoxIntegrator::new(Inline::over(f)).rtol(rtol).max_evaluations(budget);
                    asked += 1;
                    match integrator.integrate_blocking([0.0; N], [1.0; N], 0.0) {
                        Ok(e) => {
                            claimed += 1;
                            let off = (e.value / exact - 1.0).abs();
                            assert!(off <= rtol, "{member:?} to {rtol:e}: off by {off:e}, {e:?}");
                        }
                        Err(Error::NotConverged { reason: Reason::Budget, .. }) => {}
                        Err(error) => panic!("{member:?}: {error}"),
                    }
                }
            }
        }
        [claimed, asked]
    }
    let [claimed, asked] = claims::<2>(100_000, 20);
    assert!(claimed * 10 >= asked * 8, "{claimed} of {asked}");
    let [claimed, asked] = claims::<3>(100_000, 8);
    assert!(claimed * 100 >= asked * 65, "{claimed} of {asked}");
}

/// The smooth families of many variables, and how many evaluations they take at most.
#[test]
fn smooth_integrands_are_solved_in_five_and_eight_variables() {
    fn solved<const N: usize>(family: Family, rtol: f64, most: usize) {
        for member in Genz::<N>::draw(family, 3, 7) {
            let integrator = BoxIntegrator::new(Inline::over(move |x: [f64; N]| member.at(x))).rtol(rtol);
            let e = integrator.integrate_blocking([0.0; N], [1.0; N], 0.0).unwrap();
            assert!((e.value / member.exact() - 1.0).abs() <= rtol && e.evaluations <= most, "{member:?}: {e:?}");
        }
    }
    solved::<5>(Family::Oscillating, 1e-6, 40_000);
    solved::<5>(Family::Corner, 1e-6, 40_000);
    solved::<5>(Family::Gaussian, 1e-3, 100_000);
    solved::<8>(Family::Oscillating, 1e-3, 60_000);
    solved::<8>(Family::Corner, 1e-3, 60_000);
}

/// Whoever waits for a cluster waits little longer than its evaluations take if they are shared out evenly.
#[test]
fn a_cluster_is_kept_busy() {
    for (workers, most) in [(8, 1.01), (64, 1.03), (1024, 2.0)] {
        let (cluster, clock) = Cluster::new(hill, workers, Latency::Unit, 1);
        let e = clock.run(BoxIntegrator::new(cluster).rtol(1e-6).integrate([0.0; 2], [1.0; 2], 0.0)).unwrap();
        let limit = e.evaluations.div_ceil(workers) as f64;
        assert!(clock.now() <= most * limit, "{workers} workers: {} for {limit}", clock.now());
    }
}
