//! Cheap integrands, inline and on a thread pool: evaluated where the decisions are taken, with nothing to be seen of it but time.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use coquad::{
    Auto, ClenshawCurtis, Error, Estimate, GaussKronrod, Inline, Integrator, Method, PointCache, Simpson, Speculation,
    TanhSinh, ThreadPool,
};
use futures::executor::block_on;
use futures::future::{join_all, select_all};
use futures_lite::future::poll_once;

fn peak(x: f64) -> f64 {
    1.0 / (x * x + 1e-2)
}

fn kink(x: f64) -> f64 {
    (x - 0.3).abs()
}

/// Occupies the thread for so long.
fn occupied(micros: u64) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_micros(micros) {
        std::hint::spin_loop();
    }
}

/// The same values, at every pace.
const PACES: &[(&str, fn(f64))] = &[
    ("cheap", |_| {}),
    ("brisk", |_| occupied(15)),
    ("slow at some points", |x| occupied(if x > 0.4 { 400 } else { 0 })),
    ("slow at every eighth point", |x| occupied(if x.to_bits() % 8 == 0 { 400 } else { 0 })),
    ("slow", |_| occupied(150)),
];

fn trace(result: &Result<Estimate, Error>) -> Vec<u64> {
    let e = match result {
        Ok(e) => e,
        Err(Error::NotConverged { estimate, .. }) => estimate,
        Err(error) => panic!("{error}"),
    };
    let mut bits = vec![e.value.to_bits(), e.error.to_bits(), e.l1.to_bits(), e.evaluations as u64];
    for s in &e.segments {
        bits.extend([s.a, s.b, s.value, s.error].map(f64::to_bits));
    }
    bits
}

fn keeps_its_bits<M: Method + Debug>(method: M, atol: f64) {
    for f in [peak, kink] {
        let inline = Integrator::new(Inline::new(f)).method(method.clone()).integrate_blocking(-1.0, 1.0, atol);
        for workers in [1, 2, 8] {
            let pool = ThreadPool::new(workers);
            for (pace, wait) in PACES {
                let evaluator = pool.evaluator(move |x| {
                    wait(x);
                    f(x)
                });
                let integrator = Integrator::new(evaluator).method(method.clone());
                // The second time the pace is known from the start, and most points are too.
                for (b, expected) in [(1.0, Some(&inline)), (0.75, None), (1.0, Some(&inline))] {
                    let result = block_on(integrator.integrate(-1.0, b, atol));
                    if let Some(expected) = expected {
                        assert_eq!(trace(&result), trace(expected), "{method:?}, {workers} workers, {pace}");
                    }
                }
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_pace_under_global_control() {
    keeps_its_bits(GaussKronrod::new(21), 1e-7);
    keeps_its_bits(Auto, 1e-7);
    keeps_its_bits(ClenshawCurtis, 1e-7);
    keeps_its_bits(TanhSinh, 1e-4);
}

#[test]
fn bits_do_not_depend_on_the_pace_under_local_control() {
    keeps_its_bits(Simpson, 1e-4);
}

#[test]
fn a_cheap_panic_is_an_error_at_its_point_and_no_worker_is_lost() {
    let pool = ThreadPool::new(2);
    let integrator = Integrator::new(pool.evaluator(|x: f64| if x < 0.1 { peak(x) } else { panic!("too far") }))
        .method(GaussKronrod::new(21))
        .speculation(Speculation::Off);
    for _ in 0..3 {
        // The first point beyond, in the order of the decisions, whatever was evaluated first.
        let error = block_on(integrator.integrate(-1.0, 1.0, 1e-9)).unwrap_err();
        let Error::Panicked { x, message, .. } = &error else { panic!("{error}") };
        assert!(*x >= 0.1 && &**message == "too far", "{error}");
        assert!(block_on(integrator.integrate(-1.0, 0.0, 1e-9)).is_ok(), "the integrator works on");
    }
    let meet = Arc::new(Barrier::new(2));
    let both = (0..2).map(|_| {
        let meet = meet.clone();
        pool.run(move || meet.wait())
    });
    block_on(join_all(both));
}

#[test]
fn a_cheap_failure_is_an_error_at_its_point() {
    let pool = ThreadPool::new(2);
    let integrator = Integrator::new(
        pool.try_evaluator(|x: f64| if x < 0.1 { Ok(peak(x)) } else { Err(format!("no value at {x:?}")) }),
    )
    .method(Simpson);
    assert!(block_on(integrator.integrate(-1.0, 0.0, 1e-6)).is_ok());
    let error = block_on(integrator.integrate(-1.0, 1.0, 1e-6)).unwrap_err();
    let Error::Evaluation { x, source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.to_string(), format!("no value at {x:?}"));
}

#[test]
fn a_method_that_panics_panics_its_caller() {
    #[derive(Clone, Debug)]
    struct Broken;
    impl Method for Broken {
        type Kind = ();
        const REUSES_POINTS: bool = false;
        fn control(&self) -> coquad::Control {
            coquad::Control::Global
        }
        fn root(&self) {}
        fn points(&self, panel: &coquad::Panel<()>, into: &mut Vec<f64>) {
            into.extend((0..50).map(|i| panel.a + (panel.b - panel.a) * f64::from(i) / 49.0));
        }
        fn estimate<T: coquad::Value>(&self, _: &mut coquad::Panel<()>, _: &[T]) -> coquad::Local<T> {
            panic!("broken")
        }
    }
    let pool = ThreadPool::new(2);
    let integrator = Integrator::new(pool.evaluator(peak)).method(Broken);
    let caught = thread::spawn(move || integrator.integrate_blocking(0.0, 1.0, 1e-6)).join().unwrap_err();
    assert_eq!(caught.downcast_ref::<&str>(), Some(&"broken"));
    assert_eq!(block_on(pool.run(|| 6 * 7)), 42);
}

#[test]
fn each_point_is_evaluated_once_by_many_integrals_at_once() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = calls.clone();
    let pool = ThreadPool::new(4);
    let integrator = Integrator::new(pool.evaluator(move |x: f64| {
        seen.lock().unwrap().push(x.to_bits());
        peak(x)
    }))
    .method(GaussKronrod::new(21))
    .speculation(Speculation::Certain)
    .with_cache(PointCache::new());
    let expected = Integrator::new(Inline::new(peak)).method(GaussKronrod::new(21)).integrate_blocking(-1.0, 1.0, 1e-9);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for result in block_on(join_all((0..8).map(|_| integrator.integrate(-1.0, 1.0, 1e-9)))) {
                    assert_eq!(trace(&result), trace(&expected));
                }
            });
        }
    });
    let mut points = calls.lock().unwrap().clone();
    let calls = points.len();
    points.sort_unstable();
    points.dedup();
    assert_eq!((points.len(), integrator.cache().len()), (calls, calls));
}

/// An integrand that stands still at its 200th point, until it has met the test twice.
fn gated() -> (Arc<Barrier>, Arc<AtomicUsize>, impl Fn(f64) -> f64 + Send + Sync + 'static) {
    let (gate, calls) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
    let (meet, count) = (gate.clone(), calls.clone());
    let f = move |x: f64| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == 200 {
            meet.wait();
            meet.wait();
        }
        peak(x)
    };
    (gate, calls, f)
}

#[test]
fn dropping_an_integral_stops_it_at_the_point_it_is_at() {
    let pool = ThreadPool::new(1);
    let (gate, calls, f) = gated();
    let integrator = Integrator::new(pool.evaluator(f)).method(GaussKronrod::new(21));
    {
        let mut future = pin!(integrator.integrate(-1.0, 1.0, 1e-13));
        // As often as it takes: an integral that is not at its gate yet may wait for its caller.
        while calls.load(Ordering::SeqCst) < 200 {
            assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            thread::yield_now();
        }
        gate.wait();
    }
    // It is dropped. The only worker, let go, has time for this job when it is done with all it was asked for.
    gate.wait();
    block_on(pool.run(|| ()));
    assert_eq!(calls.load(Ordering::SeqCst), 200);
    assert!(integrator.cache().len() >= 199, "what was found before stays");
}

#[test]
fn an_integral_that_is_never_polled_again_holds_up_nobody() {
    let pool = ThreadPool::new(2);
    let integrator = Integrator::new(pool.evaluator(peak)).method(GaussKronrod::new(21));
    let mut held = Box::pin(integrator.integrate(-1.0, 1.0, 1e-9));
    let first: Poll<_> = held.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(first.is_pending());
    let expected = Integrator::new(Inline::new(peak)).method(GaussKronrod::new(21)).integrate_blocking(-1.0, 1.0, 1e-9);
    assert_eq!(trace(&block_on(integrator.integrate(-1.0, 1.0, 1e-9))), trace(&expected));
    assert_eq!(trace(&block_on(held)), trace(&expected));
}

#[test]
fn cheap_integrals_inside_cheap_integrands_work_on_a_pool_of_one() {
    for method in [1e-3, 1e-8] {
        let pool = ThreadPool::new(1);
        let inner = Integrator::new(pool.evaluator(|y: f64| y.exp())).method(GaussKronrod::new(21));
        let outer = Integrator::new(pool.evaluator(move |x: f64| {
            // A range of its own each time, so that there is always something to evaluate.
            inner.integrate_blocking(0.0, x, 1e-10).map_or(f64::NAN, |e| e.value)
        }))
        .method(Simpson);
        let e = outer.integrate_blocking(0.0, 1.0, method).unwrap();
        assert!((e.value - (1f64.exp() - 2.0)).abs() < method);
    }
}

/// Noise below zero, which has no integral.
fn half_noise(x: f64) -> f64 {
    if x > 0.0 {
        return x;
    }
    let mut z = x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((z ^ (z >> 29)) >> 11) as f64
}

#[test]
fn a_short_integral_does_not_wait_for_the_long_ones_that_came_before() {
    let pool = ThreadPool::new(2);
    let integrator = Integrator::new(pool.evaluator(half_noise)).method(GaussKronrod::new(21));
    let long = |i: u32| Box::pin(integrator.integrate(-1.0 - f64::from(i), 0.0, 1e-9));
    let mut all: Vec<_> = (0..40).map(long).collect();
    all.push(Box::pin(integrator.integrate(0.5, 1.0, 1e-9)));
    let (first, _, rest) = block_on(select_all(all));
    assert_eq!(first.unwrap().evaluations, 21);
    assert_eq!(rest.len(), 40);
}

#[test]
fn a_slow_integrand_has_each_thread_at_work_though_its_integral_is_polled_once() {
    for workers in [1, 2, 4] {
        let pool = ThreadPool::new(workers);
        let (all, entered) = (Barrier::new(workers), AtomicUsize::new(0));
        let together = move |x: f64| {
            // The first pass only together.
            if entered.fetch_add(1, Ordering::SeqCst) < workers {
                all.wait();
            }
            peak(x)
        };
        let (seen, sight) = std::sync::mpsc::channel();
        let integrator = Integrator::new(pool.evaluator(move |x| {
            let value = together(x);
            let _ = seen.send(());
            value
        }));
        let mut integral = Box::pin(integrator.integrate(-1.0, 1.0, 1e-9));
        let _ = block_on(poll_once(&mut integral));
        (0..workers).for_each(|_| sight.recv().expect("each evaluates"));
        assert!(block_on(integral).is_ok());
    }
}

#[test]
fn an_integral_whose_values_are_known_does_not_wait_for_a_thread() {
    for pace in [PACES[0].1, PACES[4].1] {
        let pool = ThreadPool::new(1);
        let evaluator = pool.evaluator(move |x| {
            pace(x);
            peak(x)
        });
        let integrator = Integrator::new(evaluator);
        let first = integrator.integrate_blocking(0.0, 1.0, 1e-9);
        let gate = Arc::new(Mutex::new(()));
        let shut = gate.lock().expect("nobody else has it");
        let entrance = Arc::clone(&gate);
        let mut busy = Box::pin(pool.run(move || drop(entrance.lock())));
        assert!(block_on(poll_once(&mut busy)).is_none());
        let again = block_on(poll_once(Box::pin(integrator.integrate(0.0, 1.0, 1e-9)))).expect("at once");
        assert_eq!((trace(&again), again.map(|e| e.performed).ok()), (trace(&first), Some(0)));
        let spent = integrator.clone().max_evaluations(0);
        let end = block_on(poll_once(Box::pin(spent.integrate(2.0, 3.0, 1e-9)))).expect("at once");
        assert!(matches!(end, Err(Error::NotConverged { .. })), "{end:?}");
        assert!(block_on(poll_once(Box::pin(integrator.integrate(2.0, 3.0, 1e-9)))).is_none());
        drop(shut);
        block_on(busy);
    }
}

/// Far more integrals than threads, of an integrator each, at every pace, with others inside some integrands, and some
/// dropped before or after their turn.
#[test]
fn integrals_that_wait_for_their_turn_have_the_bits_of_one_alone() {
    let expected: Vec<_> = (0..20)
        .map(|i| Integrator::new(Inline::new(peak)).integrate_blocking(-1.0, 0.5 + f64::from(i), 1e-9))
        .map(|alone| trace(&alone))
        .collect();
    for workers in [1, 2, 5] {
        let pool = ThreadPool::new(workers);
        let integral = |i: usize| {
            let (inner, pace) = (pool.clone(), PACES[i % PACES.len()].1);
            let evaluator = pool.evaluator(move |x: f64| {
                pace(x);
                if i % 7 == 0 && x.to_bits() % 64 == 0 {
                    let inside = Integrator::new(inner.evaluator(kink)).integrate_blocking(0.0, 1.0, 1e-6);
                    assert!(inside.is_ok());
                }
                peak(x)
            });
            Box::pin(async move { Integrator::new(evaluator).integrate(-1.0, 0.5 + (i % 20) as f64, 1e-9).await })
        };
        let mut left: Vec<_> = (0..20).map(integral).collect();
        left.iter_mut().for_each(|integral| drop(block_on(poll_once(integral))));
        left.truncate(10);
        let ends = block_on(join_all((0..100).map(integral)));
        drop(left);
        for (i, end) in ends.iter().enumerate() {
            assert_eq!(trace(end), expected[i % 20], "{workers} workers, integral {i}");
        }
    }
}

#[test]
fn values_whose_sums_are_near_the_largest_number_are_evaluated_once() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let largest = move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        8.9e307
    };
    let integrator = Integrator::new(Inline::new(largest)).method(GaussKronrod::default());
    let e = integrator.integrate_blocking(0.0, 2.0, 1e300).expect("a constant");
    assert_eq!((e.performed, calls.load(Ordering::Relaxed)), (21, 21));
}

#[test]
fn an_integrator_that_was_told_nothing_answers_as_one_that_was() {
    fn same<M: Method>(method: &M, f: fn(f64) -> f64, a: f64, b: f64, atol: f64) -> bool {
        let new = || Integrator::new(Inline::new(f)).method(method.clone());
        let [plain, told] = [new(), new().max_evaluations(1_000_000)].map(|new| new.integrate_blocking(a, b, atol));
        match (&plain, &told) {
            (Err(Error::NonFinite { x: p, norm: q, .. }), Err(Error::NonFinite { x, norm, .. })) => {
                assert_eq!([p, q].map(|x| x.to_bits()), [x, norm].map(|x| x.to_bits()));
                return false;
            }
            (Err(Error::InvalidTolerance { .. }), Err(Error::InvalidTolerance { .. })) => return false,
            _ => assert_eq!(trace(&plain), trace(&told), "[{a}, {b}] to {atol}"),
        }
        let performed = |end: &Result<Estimate, Error>| end.as_ref().map_or(0, |e| e.performed);
        assert_eq!(performed(&plain), performed(&told));
        plain.is_ok_and(|e| e.segments.len() == 1)
    }
    let fs: [fn(f64) -> f64; 7] =
        [f64::exp, peak, kink, |_| -0.0, |_| 0.0, |x| 1e308 * x.signum(), |x| 1.0 / (x - 0.5)];
    let float = f64::from_bits(1f64.to_bits() + 3);
    let ranges = [(0.0, 1.0), (-0.0, 2.0), (1.0, 0.0), (-1.0, -0.0), (1.0, float), (-1e308, 1.7e308), (1.0, 1.0)];
    let mut single = 0;
    for f in fs {
        for (a, b) in ranges {
            for atol in [1e-10, 1e-3, 1e300, 0.0, -1.0] {
                single += usize::from(same(&GaussKronrod::new(21), f, a, b, atol));
                single += usize::from(same(&Auto, f, a, b, atol));
                single += usize::from(same(&Simpson, f, a, b, atol));
            }
        }
    }
    assert!(single > 100, "{single}");
}

#[test]
fn values_of_a_thousand_numbers_fit_on_the_stack_of_a_thread() {
    fn integral<M: Method>(method: M) -> [f64; 1000] {
        let roots = |x: f64| std::array::from_fn(|i| (x + i as f64).sqrt());
        let integrator = Integrator::new(Inline::new(roots)).method(method);
        let run = move || integrator.integrate_blocking(0.0, 1.0, 1e-6).expect("roots are integrable").value;
        thread::Builder::new().stack_size(2 << 20).spawn(run).expect("it starts").join().expect("it does not panic")
    }
    let values = [integral(Auto), integral(GaussKronrod::new(61)), integral(ClenshawCurtis), integral(TanhSinh)];
    for value in values.into_iter().chain([integral(Simpson)]) {
        for i in [0, 7, 999] {
            let exact = (((i + 1) as f64).powf(1.5) - (i as f64).powf(1.5)) / 1.5;
            assert!((value[i] - exact).abs() <= 2e-6, "{i}: {}", value[i] - exact);
        }
    }
}

#[test]
fn a_value_that_is_not_finite_is_found_by_asking_twice() {
    let calls = Arc::new(AtomicUsize::new(0));
    for (from, asked) in [(0.7, 2 * 21), (0.99, 21 + 2 * 42)] {
        calls.store(0, Ordering::Relaxed);
        let count = calls.clone();
        let f = move |x: f64| {
            count.fetch_add(1, Ordering::Relaxed);
            // On the whole range only the last point is beyond 0.99, and that is at 0.9978.
            if x > from && (from < 0.9 || x < 0.995) { f64::NAN } else { x.sqrt() }
        };
        let end = Integrator::new(Inline::new(f)).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, 1e-12);
        assert!(matches!(end, Err(Error::NonFinite { x, .. }) if x > from), "{end:?}");
        assert_eq!(calls.load(Ordering::Relaxed), asked, "NaN from {from}");
    }
}
