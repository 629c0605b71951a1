//! Integrals that share an integrator: each point once, and one that goes away harms no other.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use coquad::{
    Evaluator, EvaluatorExt, GaussKronrod, Integrator, Observer, PointCache, Progress, Simpson, Speculation,
    ThreadPool, blocking_fn,
};
use futures::executor::block_on;
use futures::future::join_all;

use crate::support::boxed;
use crate::support::cluster::{Cluster, Latency};

/// What calls pass through: the first waits until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<Passage>, Condvar)>);

#[derive(Default)]
struct Passage {
    calls: usize,
    is_open: bool,
}

impl Gate {
    fn pass(&self, x: f64) -> f64 {
        let (passage, changed) = &*self.0;
        let mut passage = passage.lock().unwrap();
        passage.calls += 1;
        changed.notify_all();
        drop(changed.wait_while(passage, |passage| !passage.is_open).unwrap());
        x.exp()
    }

    fn wait_for_a_call(&self) {
        let (passage, changed) = &*self.0;
        drop(changed.wait_while(passage.lock().unwrap(), |passage| passage.calls == 0).unwrap());
    }

    fn open(&self) {
        self.0.0.lock().unwrap().is_open = true;
        self.0.1.notify_all();
    }

    fn calls(&self) -> usize {
        self.0.0.lock().unwrap().calls
    }
}

fn peak(x: f64) -> f64 {
    1.0 / (x * x + 1e-2)
}

/// Without guesses nothing is given up when an integral ends. A guess that is given up while it runs, and that another
/// integral wants later, is started again.
const ONCE: Speculation = Speculation::Certain;

#[test]
fn fifty_integrals_at_once_evaluate_each_point_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = calls.clone();
    let pool = ThreadPool::new(8);
    let integrator = Integrator::new(pool.evaluator(move |x| {
        count.fetch_add(1, Ordering::Relaxed);
        peak(x)
    }))
    .method(Simpson)
    .speculation(ONCE);
    let all = block_on(join_all((0..50).map(|_| integrator.integrate(-1.0, 1.0, 1e-6))));
    let expected = Integrator::new(boxed(peak)).method(Simpson).integrate_blocking(-1.0, 1.0, 1e-6).unwrap();
    for e in all {
        let e = e.unwrap();
        assert_eq!((e.value.to_bits(), e.evaluations), (expected.value.to_bits(), expected.evaluations));
    }
    assert_eq!(calls.load(Ordering::Relaxed), integrator.cache().len());
}

#[test]
fn fifty_integrals_at_once_stay_within_the_concurrency() {
    let (cluster, clock) = Cluster::new(peak, 10, Latency::Scrambled, 4);
    clock.record_points();
    let integrator = Integrator::new(cluster).method(GaussKronrod::new(21)).speculation(ONCE);
    let ranges = (0..50).map(|i| integrator.integrate(-1.0, 1.0 + f64::from(i % 25), 1e-8));
    for (i, e) in clock.run(join_all(ranges)).into_iter().enumerate() {
        let b = 1.0 + (i % 25) as f64;
        let expected = Integrator::new(boxed(peak)).method(GaussKronrod::new(21)).integrate_blocking(-1.0, b, 1e-8);
        assert_eq!(e.unwrap().value.to_bits(), expected.unwrap().value.to_bits());
    }
    assert_eq!(clock.most_outstanding(), 10);
    let mut points = clock.points();
    let started = points.len();
    points.sort_unstable();
    points.dedup();
    assert_eq!(points.len(), started);
}

/// Drops one of two integrals of the same range at its k-th poll; the other finishes, the same.
fn dropped_at_poll(k: usize, method: impl coquad::Method) -> bool {
    let (cluster, clock) = Cluster::new(peak, 6, Latency::Scrambled, k as u64);
    let integrator = Integrator::new(cluster).method(method.clone());
    let mut first = Box::pin(integrator.integrate(-1.0, 1.0, 1e-4));
    let mut second = Box::pin(integrator.integrate(-1.0, 1.0, 1e-4));
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = 0;
    let finished = loop {
        if polls == k {
            break false;
        }
        polls += 1;
        if first.as_mut().poll(&mut cx).is_ready() {
            break true;
        }
        // The other is polled at every third turn only, so that either may have started a point.
        if polls % 3 == 0 && second.as_mut().poll(&mut cx).is_ready() {
            return true;
        }
        clock.tick();
    };
    drop(first);
    let e = clock.run(second).unwrap();
    let expected = Integrator::new(boxed(peak)).method(method).integrate_blocking(-1.0, 1.0, 1e-4).unwrap();
    assert_eq!((e.value.to_bits(), e.evaluations), (expected.value.to_bits(), expected.evaluations), "dropped at {k}");
    assert_eq!(clock.outstanding(), 0, "nothing is left behind");
    finished
}

#[test]
fn an_integral_outlives_one_that_shares_its_points_and_is_dropped_at_any_poll() {
    let mut k = 0;
    while !dropped_at_poll(k, GaussKronrod::new(21)) {
        k += 1;
    }
    assert!(k > 10, "there were polls to be dropped at");
    let mut k = 0;
    while !dropped_at_poll(k, Simpson) {
        k += 1;
    }
    assert!(k > 10, "there were polls to be dropped at");
}

#[test]
fn an_integral_that_is_held_and_never_polled_again_blocks_nobody_who_shares_its_points() {
    for workers in [1, 3, 50] {
        let (cluster, clock) = Cluster::new(peak, workers, Latency::Unit, 1);
        let integrator = Integrator::new(cluster).method(GaussKronrod::new(21));
        let mut held = Box::pin(integrator.integrate(-1.0, 1.0, 1e-6));
        assert!(held.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let e = clock.run(integrator.integrate(-1.0, 1.0, 1e-6)).unwrap();
        assert!(e.evaluations > 0);
        drop(held);
        assert_eq!(clock.outstanding(), 0);
    }
}

#[test]
fn dropping_an_integral_gives_its_evaluations_up() {
    let (cluster, clock) = Cluster::new(peak, 16, Latency::Unit, 1);
    let integrator = Integrator::new(cluster).speculation(Speculation::Certain);
    let mut future = Box::pin(integrator.integrate(-1.0, 1.0, 1e-9));
    for _ in 0..3 {
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        clock.tick();
    }
    assert!(clock.outstanding() > 0 || !integrator.cache().is_empty());
    drop(future);
    assert_eq!(clock.outstanding(), 0);
    let kept = integrator.cache().len();
    let e = clock.run(integrator.integrate(-1.0, 1.0, 1e-9)).unwrap();
    assert!(kept > 0 && e.performed < e.evaluations, "finished points stay");
}

/// Integrates on one thread, which is held inside its first call; drops the integral; lets the call end. Then its value is
/// in the cache, and the same question asks for it no more.
fn leaves_its_value<E: Evaluator<Value = f64> + 'static>(make: impl FnOnce(Gate) -> E) {
    let gate = Gate::default();
    // No guess: one may be running when the integral has ended.
    let integrator = Integrator::new(make(gate.clone())).method(Simpson).speculation(Speculation::Off);
    let mut future = Box::pin(integrator.integrate(0.0, 1.0, 1e-6));
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    gate.wait_for_a_call();
    drop(future);
    assert_eq!(integrator.cache().len(), 0);
    gate.open();
    while integrator.cache().is_empty() {
        std::thread::yield_now();
    }
    let e = block_on(integrator.integrate(0.0, 1.0, 1e-6)).expect("smooth");
    assert_eq!(e.performed, e.evaluations - 1);
    assert_eq!(gate.calls(), e.evaluations);
}

#[test]
fn a_call_that_outlives_its_integral_leaves_its_value() {
    leaves_its_value(|gate| ThreadPool::new(1).evaluator(move |x| gate.pass(x)));
    leaves_its_value(|gate| ThreadPool::new(1).try_evaluator(move |x| Ok::<_, Infallible>(gate.pass(x))).retry(2));
    leaves_its_value(|gate| {
        blocking_fn(1, move |x| Ok::<_, Infallible>(gate.pass(x))).timeout(Duration::from_secs(600))
    });
}

/// The same, asked for again while the call runs: it is joined.
fn is_joined<E: Evaluator<Value = f64> + 'static>(make: impl FnOnce(Gate) -> E) {
    let gate = Gate::default();
    // No guess: one may be running when the integral has ended.
    let integrator = Integrator::new(make(gate.clone())).method(Simpson).speculation(Speculation::Off);
    let mut future = Box::pin(integrator.integrate(0.0, 1.0, 1e-6));
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    gate.wait_for_a_call();
    drop(future);
    let mut again = Box::pin(integrator.integrate(0.0, 1.0, 1e-6));
    assert!(again.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    gate.open();
    let e = block_on(again).expect("smooth");
    assert_eq!(gate.calls(), integrator.cache().len(), "a point was evaluated twice");
    assert!(e.evaluations <= gate.calls());
}

#[test]
fn a_call_that_outlives_its_integral_is_under_way_for_the_next() {
    for workers in [1, 2, 8] {
        is_joined(|gate| ThreadPool::new(workers).evaluator(move |x| gate.pass(x)));
        is_joined(|gate| ThreadPool::new(workers).try_evaluator(move |x| Ok::<_, Infallible>(gate.pass(x))).retry(2));
        is_joined(|gate| {
            blocking_fn(workers, move |x| Ok::<_, Infallible>(gate.pass(x))).timeout(Duration::from_secs(600))
        });
    }
}

#[test]
fn a_tighter_tolerance_pays_only_for_new_points() {
    let (cluster, clock) = Cluster::new(peak, 4, Latency::Unit, 1);
    clock.record_points();
    let integrator = Integrator::new(cluster).method(Simpson);
    let loose = clock.run(integrator.integrate(-1.0, 1.0, 1e-4)).unwrap();
    let tight = clock.run(integrator.integrate(-1.0, 1.0, 1e-6)).unwrap();
    assert_eq!(loose.performed + tight.performed, clock.started());
    assert_eq!(integrator.cache().len(), clock.started());
    assert!(tight.performed < tight.evaluations);
    let again = clock.run(integrator.integrate(-1.0, 1.0, 1e-6)).unwrap();
    assert_eq!((again.performed, again.value.to_bits()), (0, tight.value.to_bits()));
}

#[test]
fn a_given_cache_is_shared_and_spares_even_inline_evaluations() {
    let cache = PointCache::new();
    let first = Integrator::new(boxed(peak)).with_cache(cache.clone());
    let e = first.integrate_blocking(-1.0, 1.0, 1e-6).unwrap();
    assert_eq!((cache.len(), e.performed), (e.evaluations, e.evaluations));
    let second = Integrator::new(boxed(|_: f64| -> f64 { panic!("all is known") })).with_cache(cache);
    let again = second.integrate_blocking(-1.0, 1.0, 1e-6).unwrap();
    assert_eq!((again.performed, again.value.to_bits()), (0, e.value.to_bits()));
}

#[test]
fn an_integral_inside_the_integrand_works_on_a_pool_of_one() {
    let pool = ThreadPool::new(1);
    let inner = Integrator::new(pool.evaluator(|y: f64| y * y)).method(Simpson);
    let outer = Integrator::new(
        pool.evaluator(move |x: f64| x * inner.integrate_blocking(0.0, 1.0, 1e-8).map_or(f64::NAN, |e| e.value)),
    );
    let e = block_on(outer.integrate(0.0, 1.0, 1e-8)).unwrap();
    assert!((e.value - 1.0 / 6.0).abs() < 1e-8);
}

#[derive(Default)]
struct Record {
    started: AtomicUsize,
    guessed: AtomicUsize,
    finished: AtomicUsize,
    decided: std::sync::Mutex<Vec<(u64, u64, usize)>>,
}

impl Observer<f64> for Record {
    fn started(&self, _: f64, guessed: bool) {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.guessed.fetch_add(usize::from(guessed), Ordering::Relaxed);
    }

    fn finished(&self, _: f64) {
        self.finished.fetch_add(1, Ordering::Relaxed);
    }

    fn decided(&self, progress: &Progress<'_, f64>) {
        let decision = (progress.value.to_bits(), progress.error.to_bits(), progress.evaluations);
        self.decided.lock().unwrap().push(decision);
    }
}

#[test]
fn observers_see_the_same_decisions_on_any_number_of_workers() {
    let watch = |record: &Arc<Record>, workers| {
        let (cluster, clock) = Cluster::new(peak, workers, Latency::Scrambled, 2);
        let integrator = Integrator::new(cluster).method(GaussKronrod::new(21)).observer(record.clone());
        clock.run(integrator.integrate(-1.0, 1.0, 1e-9)).unwrap()
    };
    let inline = Arc::new(Record::default());
    let integrator = Integrator::new(boxed(peak)).method(GaussKronrod::new(21)).observer(inline.clone());
    let expected = integrator.integrate_blocking(-1.0, 1.0, 1e-9).unwrap();
    assert_eq!(inline.finished.load(Ordering::Relaxed), expected.performed);
    for workers in [1, 30, 300] {
        let record = Arc::new(Record::default());
        let e = watch(&record, workers);
        assert_eq!(*record.decided.lock().unwrap(), *inline.decided.lock().unwrap());
        assert_eq!(record.started.load(Ordering::Relaxed), e.performed);
        assert!(record.finished.load(Ordering::Relaxed) <= e.performed);
        assert!(record.guessed.load(Ordering::Relaxed) >= e.performed - e.evaluations);
    }
    let last = *inline.decided.lock().unwrap().last().unwrap();
    assert_eq!(last.2, expected.evaluations);
}
