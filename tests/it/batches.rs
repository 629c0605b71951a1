//! Many points in one call: the bits are those of `Inline` for any width, each point is evaluated once, and what fails
//! is told of the point that fails.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use coquad::{
    Auto, ClenshawCurtis, Error, Estimate, EvaluationError, Evaluator, EvaluatorExt, GaussKronrod, Inline, Integrator,
    Method, PointCache, Simpson, Speculation, TanhSinh, batch_fn,
};
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::join_all;

use crate::support::boxed;
use crate::support::parallel::CASES;

/// What a service of calls saw.
#[derive(Default)]
struct Seen {
    calls: AtomicUsize,
    running: AtomicUsize,
    most: AtomicUsize,
    widest: AtomicUsize,
    points: Mutex<Vec<f64>>,
    given_up: AtomicUsize,
}

/// A call under way.
struct Running(Arc<Seen>, bool);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
        self.0.given_up.fetch_add(usize::from(!self.1), Ordering::Relaxed);
    }
}

impl Seen {
    fn is_sound(&self, limit: usize, width: usize) {
        assert!(self.most.load(Ordering::Relaxed) <= limit && self.widest.load(Ordering::Relaxed) <= width);
        assert_eq!(self.running.load(Ordering::Relaxed), 0, "a call is left");
        let points = self.points.lock().unwrap();
        let distinct: HashSet<u64> = points.iter().map(|x| x.to_bits()).collect();
        assert_eq!(distinct.len(), points.len(), "a point was evaluated twice");
    }
}

/// A future that is pending so many times, and wakes itself.
async fn turns(mut left: usize) {
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

type Answer = Pin<Box<dyn Future<Output = Result<Vec<f64>, String>> + Send>>;

/// A service whose calls take differently long, and are answered by `say`.
fn service(
    limit: usize,
    width: usize,
    say: impl Fn(&[f64]) -> Result<Vec<f64>, String> + Clone + Send + Sync + 'static,
) -> (impl Evaluator<Value = f64> + 'static, Arc<Seen>) {
    let seen = Arc::<Seen>::default();
    let sees = seen.clone();
    let f = move |xs: Vec<f64>| -> Answer {
        let (seen, say) = (sees.clone(), say.clone());
        Box::pin(async move {
            let call = seen.calls.fetch_add(1, Ordering::Relaxed);
            let running = seen.running.fetch_add(1, Ordering::Relaxed) + 1;
            seen.most.fetch_max(running, Ordering::Relaxed);
            seen.widest.fetch_max(xs.len(), Ordering::Relaxed);
            seen.points.lock().unwrap().extend(&xs);
            let mut running = Running(seen, false);
            turns(1 + call * 7 % 4).await;
            running.1 = true;
            say(&xs)
        })
    };
    (batch_fn(limit, width, f), seen)
}

fn bits(e: &Estimate) -> (u64, u64, usize, usize) {
    (e.value.to_bits(), e.error.to_bits(), e.evaluations, e.segments.len())
}

fn alike<M: Method>(method: &M, atol: f64) {
    for &(name, f, a, b) in CASES {
        let inline = Integrator::new(boxed(f)).method(method.clone()).max_evaluations(6_000);
        let expected = inline.integrate_blocking(a, b, atol);
        for (limit, width) in [(1, 1), (1, 2), (3, 7), (1, 64), (4, 64), (1, 1024)] {
            let (evaluator, seen) = service(limit, width, move |xs| Ok(xs.iter().map(|&x| f(x)).collect()));
            let integrator = Integrator::new(evaluator).method(method.clone()).max_evaluations(6_000);
            let ended = block_on(integrator.integrate(a, b, atol));
            match (&expected, &ended) {
                (Ok(expected), Ok(ended)) => assert_eq!(bits(ended), bits(expected), "{name}, {limit} x {width}"),
                (expected, ended) => assert_eq!(format!("{:?}", summary(ended)), format!("{:?}", summary(expected))),
            }
            drop(integrator);
            seen.is_sound(limit, width);
        }
    }
}

fn summary(ended: &Result<Estimate, Error>) -> Result<(u64, u64, usize, usize), String> {
    match ended {
        Ok(e) => Ok(bits(e)),
        Err(Error::NotConverged { estimate, reason, .. }) => Err(format!("{reason:?} {:?}", bits(estimate))),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn bits_and_counts_are_the_same_for_any_width() {
    alike(&Auto, 1e-8);
    alike(&GaussKronrod::new(21), 1e-10);
    alike(&ClenshawCurtis, 1e-8);
    alike(&Simpson, 1e-6);
    alike(&TanhSinh, 1e-6);
}

#[test]
fn no_guess_is_in_a_call_if_none_is_wanted() {
    for speculation in [Speculation::Off, Speculation::Certain] {
        for &(name, f, a, b) in CASES {
            let (evaluator, seen) = service(1, 64, move |xs| Ok(xs.iter().map(|&x| f(x)).collect()));
            let integrator = Integrator::new(evaluator).method(GaussKronrod::new(21)).speculation(speculation);
            let e = block_on(integrator.integrate(a, b, 1e-8)).unwrap();
            assert_eq!(seen.points.lock().unwrap().len(), e.evaluations, "{name}");
        }
    }
}

#[test]
fn calls_are_full_while_there_is_something_to_ask_for() {
    let mut ratios = Vec::new();
    for &(_, f, a, b) in CASES {
        let (evaluator, seen) = service(1, 64, move |xs| Ok(xs.iter().map(|&x| f(x)).collect()));
        let integrator = Integrator::new(evaluator).method(GaussKronrod::new(21));
        let e = block_on(integrator.integrate(a, b, 1e-10)).unwrap();
        ratios.push((seen.calls.load(Ordering::Relaxed) as f64 / e.evaluations.div_ceil(64) as f64).ln());
    }
    let mean = (ratios.iter().sum::<f64>() / ratios.len() as f64).exp();
    assert!(mean < 1.1, "{mean}");
}

fn peak(x: f64) -> f64 {
    1.0 / ((x - 0.3) * (x - 0.3) + 1e-4)
}

#[test]
fn what_was_asked_for_by_others_is_not_asked_for_again() {
    let (evaluator, seen) = service(2, 64, |xs| Ok(xs.iter().map(|&x| peak(x)).collect()));
    let integrator = Integrator::new(evaluator).method(GaussKronrod::new(21));
    let ranges = [(0.0, 1.0), (0.0, 1.0), (0.0, 0.5), (0.0, 1.0)];
    let all = block_on(join_all(ranges.map(|(a, b)| integrator.integrate(a, b, 1e-8))));
    let alone = Integrator::new(boxed(peak)).method(GaussKronrod::new(21));
    for ((a, b), e) in ranges.into_iter().zip(all) {
        assert_eq!(bits(&e.unwrap()), bits(&alone.integrate_blocking(a, b, 1e-8).unwrap()));
    }
    drop(integrator);
    seen.is_sound(2, 64);
}

#[test]
fn a_call_is_given_up_when_nobody_wants_any_of_its_points() {
    for polls in 1..5 {
        let (evaluator, seen) = service(3, 16, |xs| Ok(xs.iter().map(|&x| peak(x)).collect()));
        let integrator = Integrator::new(evaluator).method(GaussKronrod::new(21));
        let mut first = Box::pin(integrator.integrate(0.0, 1.0, 1e-8));
        let mut second = Box::pin(integrator.integrate(0.0, 1.0, 1e-8));
        for _ in 0..polls {
            assert!((&mut first).now_or_never().is_none());
            assert!((&mut second).now_or_never().is_none());
        }
        drop(first);
        let e = block_on(second).unwrap();
        let inline = Integrator::new(boxed(peak)).method(GaussKronrod::new(21));
        assert_eq!(bits(&e), bits(&inline.integrate_blocking(0.0, 1.0, 1e-8).unwrap()));
        assert_eq!(seen.running.load(Ordering::Relaxed), 0);
        let finished = seen.calls.load(Ordering::Relaxed) - seen.given_up.load(Ordering::Relaxed);
        assert!(finished * 16 >= e.evaluations);
        assert_eq!(bits(&block_on(integrator.integrate(0.0, 1.0, 1e-8)).unwrap()), bits(&e), "there is room again");
    }
}

#[test]
fn a_held_integral_keeps_no_room_from_others() {
    let (evaluator, seen) = service(1, 8, |xs| Ok(xs.iter().map(|&x| peak(x)).collect()));
    let integrator = Integrator::new(evaluator).method(GaussKronrod::new(21)).with_cache(PointCache::new());
    let mut held = Box::pin(integrator.integrate(0.0, 1.0, 1e-8));
    assert!((&mut held).now_or_never().is_none());
    let other = block_on(integrator.integrate(2.0, 3.0, 1e-8)).unwrap();
    assert!(other.value > 0.0);
    assert!(block_on(held).is_ok());
    seen.is_sound(1, 8);
}

/// The points that an integral needs, in the order of `Inline`.
fn needed(f: fn(f64) -> f64) -> Vec<f64> {
    let points = Arc::<Mutex<Vec<f64>>>::default();
    let sees = points.clone();
    let inline = boxed(move |x| {
        sees.lock().unwrap().push(x);
        f(x)
    });
    Integrator::new(inline).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, 1e-8).unwrap();
    points.lock().unwrap().clone()
}

#[test]
fn a_poisoned_point_fails_the_integral_if_it_is_needed_and_no_other_point_does() {
    let points = needed(peak);
    let is_needed: HashSet<u64> = points.iter().map(|x| x.to_bits()).collect();
    let clean = Integrator::new(boxed(peak)).method(GaussKronrod::new(21));
    let expected = bits(&clean.integrate_blocking(0.0, 1.0, 1e-8).unwrap());
    for width in [2, 7, 64, 1024] {
        for fault in 0..3 {
            // Faults at every so many needed points, or at all points that are not needed.
            let poisons: [Option<f64>; 4] = [Some(points[0]), Some(points[40]), Some(points[points.len() - 1]), None];
            for poison in poisons {
                let is_needed = is_needed.clone();
                let is_poisoned = move |x: f64| match poison {
                    Some(poison) => x.to_bits() == poison.to_bits(),
                    None => !is_needed.contains(&x.to_bits()),
                };
                let (evaluator, _) = service(2, width, move |xs| match xs.iter().find(|&&x| is_poisoned(x)) {
                    None => Ok(xs.iter().map(|&x| peak(x)).collect()),
                    Some(x) if fault == 0 => Err(format!("poison at {x:?}")),
                    Some(x) if fault == 1 => panic!("poison at {x:?}"),
                    Some(_) => Ok(vec![0.0; xs.len() + 1]),
                });
                let integrator = Integrator::new(evaluator).method(GaussKronrod::new(21));
                let ended = block_on(integrator.integrate(0.0, 1.0, 1e-8));
                match (poison, fault, ended) {
                    (None, _, ended) => assert_eq!(bits(&ended.unwrap()), expected, "guesses do not show"),
                    (Some(poison), 0, Err(Error::Evaluation { x, source, .. })) => {
                        assert_eq!((x, source.points()), (poison, 1));
                        assert_eq!(source.to_string(), format!("poison at {x:?}"));
                    }
                    (Some(poison), 1, Err(Error::Panicked { x, message, .. })) => {
                        assert_eq!((x, &*message), (poison, &*format!("poison at {poison:?}")));
                    }
                    (Some(poison), 2, Err(Error::Evaluation { x, source, .. })) => {
                        assert_eq!(x, poison);
                        assert_eq!(source.to_string(), "a call for 1 point returned 2 values");
                    }
                    (.., ended) => panic!("{ended:?}"),
                }
            }
        }
    }
}

/// One outcome for each point: some fail, the first time.
struct Flaky {
    calls: Mutex<Vec<Vec<f64>>>,
    always: f64,
}

impl Flaky {
    fn fails(&self, x: f64) -> bool {
        let before = self.calls.lock().unwrap().iter().flatten().filter(|&&y| y == x).count();
        x == self.always || (before == 1 && (x * 1e4) as u64 % 3 == 0)
    }
}

impl Evaluator for &'static Flaky {
    type Value = f64;

    async fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
        self.evaluate_batch(&[x]).await.pop().expect("one for one")
    }

    async fn evaluate_batch(&self, xs: &[f64]) -> Vec<Result<f64, EvaluationError>> {
        self.calls.lock().unwrap().push(xs.to_vec());
        let one = |&x: &f64| if self.fails(x) { Err(EvaluationError::new("not now")) } else { Ok(peak(x)) };
        xs.iter().map(one).collect()
    }

    fn batch(&self) -> usize {
        32
    }
}

#[test]
fn only_what_failed_is_tried_again_and_what_fails_for_ever_is_named() {
    let points = needed(peak);
    for always in [f64::NAN, points[25]] {
        let flaky: &'static Flaky = Box::leak(Box::new(Flaky { calls: Mutex::default(), always }));
        let patient = flaky.retry(3).backoff(Duration::ZERO, Duration::ZERO).timeout(Duration::from_secs(60));
        assert_eq!((patient.batch(), patient.concurrency()), (32, 1));
        let ended = block_on(Integrator::new(patient).method(GaussKronrod::new(21)).integrate(0.0, 1.0, 1e-8));
        let calls = flaky.calls.lock().unwrap().clone();
        let asked = |x: f64| calls.iter().flatten().filter(|&&y| y == x).count();
        if always.is_nan() {
            let inline = Integrator::new(boxed(peak)).method(GaussKronrod::new(21));
            assert_eq!(bits(&ended.unwrap()), bits(&inline.integrate_blocking(0.0, 1.0, 1e-8).unwrap()));
        } else {
            let Err(Error::Evaluation { x, source, .. }) = ended else { panic!("{ended:?}") };
            assert_eq!((x, source.attempts(), asked(x)), (always, 3, 3));
        }
        for &x in calls.iter().flatten().filter(|&&x| x != always) {
            assert_eq!(asked(x), if (x * 1e4) as u64 % 3 == 0 { 2 } else { 1 }, "{x:?}");
        }
    }
}

/// Has only what a newtype has to have.
struct Newtype<E>(E);

impl<E: Evaluator> Evaluator for Newtype<E> {
    type Value = E::Value;

    async fn evaluate(&self, x: f64) -> Result<E::Value, EvaluationError> {
        self.0.evaluate(x).await
    }

    fn concurrency(&self) -> usize {
        self.0.concurrency()
    }
}

#[test]
fn an_evaluator_without_a_batch_of_its_own_makes_single_evaluations_and_a_default_batch_makes_all_at_once() {
    let (evaluator, seen) = service(3, 64, |xs| Ok(xs.iter().map(|&x| peak(x)).collect()));
    let single = Newtype(evaluator);
    assert_eq!(single.batch(), 1);
    let values: Vec<f64> = block_on(single.evaluate_batch(&[0.1, 0.2])).into_iter().map(Result::unwrap).collect();
    assert_eq!(values, [peak(0.1), peak(0.2)]);
    assert!(block_on(Integrator::new(single).integrate(0.0, 0.09, 1e-8)).is_ok());
    assert_eq!(seen.widest.load(Ordering::Relaxed), 1);
}

#[test]
fn a_function_of_slices_gives_the_bits_of_one_of_numbers() {
    for &(name, f, a, b) in CASES {
        let batch = Inline::batch(move |xs: &[f64], ys: &mut [f64]| {
            for (x, y) in xs.iter().zip(ys) {
                *y = f(*x);
            }
        });
        for whole in [false, true] {
            let (a, b) = if whole { (a + 1.0, f64::INFINITY) } else { (a, b) };
            let by_slices = Integrator::new(batch).max_evaluations(3_000).integrate_blocking(a, b, 1e-8);
            let by_numbers = Integrator::new(boxed(f)).max_evaluations(3_000).integrate_blocking(a, b, 1e-8);
            assert_eq!(summary(&by_slices), summary(&by_numbers), "{name}");
        }
    }
}

type Asks = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Estimate, Error>> + Send>> + Send>;

#[test]
fn an_evaluation_that_waits_for_another_point_of_its_own_call_is_told_so() {
    let asks = Arc::<Mutex<Option<Asks>>>::default();
    let again = asks.clone();
    let f = move |xs: Vec<f64>| -> Answer {
        // The same range: its first points are those of this call.
        let inside = again.lock().unwrap().as_ref().expect("it is there")();
        Box::pin(async move {
            let inside = inside.await;
            assert!(matches!(inside, Err(Error::Evaluation { .. })), "{inside:?}");
            Ok(xs)
        })
    };
    let integrator = Integrator::new(Arc::new(batch_fn(2, 64, f))).method(GaussKronrod::new(21));
    let inner = integrator.clone();
    *asks.lock().unwrap() = Some(Box::new(move || {
        let inner = inner.clone();
        Box::pin(async move { inner.integrate(0.0, 1.0, 1e-8).await })
    }));
    assert_eq!(block_on(integrator.integrate(0.0, 1.0, 1e-8)).unwrap().value, 0.5);
    *asks.lock().unwrap() = None;
}
