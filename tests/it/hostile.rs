//! Questions that take a service down: polls that do not return, memory without end, settings that are not met in
//! silence, points outside the limits.

use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use coquad::{
    Auto, ClenshawCurtis, Error, EvaluationError, GaussKronrod, Integrator, Method, PointCache, Reason, Simpson,
    Speculation, TanhSinh, ThreadPool, evaluator_fn,
};

use crate::support::boxed;
use crate::support::clock::processor_time;
use crate::support::cluster::{Cluster, Latency};
use crate::support::families::Draw;

const SEED: u64 = 20_261_201;
const INF: f64 = f64::INFINITY;

/// Where numbers are far apart most guesses ask for points that are known: they cost no worker, and must end.
#[test]
fn far_out_guesses_end() {
    for (k, at) in [1e28, 3e40, 1e120, 1e150].into_iter().enumerate() {
        for (a, b) in [(at, INF), (-INF, -at)] {
            for atol in [1e-3 / at, 1e-12 / at] {
                let f = |x: f64| 1.0 / x / x;
                let pool = ThreadPool::new(8);
                let evaluator = pool.evaluator(move |x: f64| {
                    std::thread::sleep(Duration::from_micros(100));
                    f(x)
                });
                let e = Integrator::new(evaluator).integrate_blocking(a, b, atol);
                let e = e.unwrap_or_else(|error| panic!("{a:e} to {b:e}, {atol:e}: {error}"));
                assert!((e.value - 1.0 / at).abs() <= atol + 1e-9 / at, "{k}: {e:?} for {:e}", 1.0 / at);
                let here = Integrator::new(boxed(f)).integrate_blocking(a, b, atol).expect("the same");
                assert_eq!((here.value.to_bits(), here.evaluations), (e.value.to_bits(), e.evaluations));
            }
        }
        // A scale that numbers there cannot tell.
        let pool = ThreadPool::new(8);
        let f = move |x: f64| (-((x - at) / at).powi(2)).exp();
        let e = Integrator::new(pool.evaluator(f)).scale(at, 1.0).rtol(1e-6).integrate_blocking(-INF, INF, 0.0);
        if let Ok(e) = e {
            assert!((e.value / at - std::f64::consts::PI.sqrt()).abs() < 1e-5, "{at:e}: {e:?}");
        }
    }
}

/// The longest of the polls, in processor time, of a call whose evaluations are ready at once.
fn longest_poll<F: Future>(future: F) -> (Duration, usize, F::Output) {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    let (mut longest, mut polls) = (Duration::ZERO, 0);
    loop {
        let began = processor_time();
        let poll = future.as_mut().poll(&mut cx);
        longest = longest.max(processor_time() - began);
        polls += 1;
        if let Poll::Ready(output) = poll {
            return (longest, polls, output);
        }
    }
}

/// Noise between 0 and 1: every segment is worth bisecting.
fn noise(x: f64) -> f64 {
    let mut z = x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((z ^ (z >> 29)) >> 11) as f64 / (1u64 << 53) as f64
}

/// No clock is judged, which would depend on the machine; but a long run takes many polls.
#[test]
fn a_poll_ends_though_there_is_more_to_do() {
    let at_once = |x: f64| -> Ready<Result<f64, EvaluationError>> { ready(Ok(noise(x))) };
    let cache = PointCache::new();
    let asked = || {
        let evaluator = evaluator_fn(64, at_once);
        Integrator::new(evaluator).method(GaussKronrod::new(21)).max_evaluations(400_000).with_cache(cache.clone())
    };
    for known in [false, true] {
        let integrator = asked();
        let (longest, polls, ended) = longest_poll(integrator.integrate(0.0, 1.0, 1e-12));
        assert!(matches!(ended, Err(Error::NotConverged { .. })), "{ended:?}");
        println!("known {known}: {polls} polls, the longest {longest:?}");
        assert!(polls > 10, "known {known}: {polls} polls for {:?}", ended.map(|e| e.evaluations));
    }
}

#[test]
fn a_time_limit_holds_though_all_values_are_ready() {
    let evaluator = evaluator_fn(8, |x: f64| ready(Ok::<f64, EvaluationError>(noise(x))));
    let integrator = Integrator::new(evaluator).max_evaluations(usize::MAX).time_limit(Duration::from_millis(50));
    let ended = integrator.method(Never).integrate_blocking(0.0, 1.0, 1e-300);
    assert!(matches!(ended, Err(Error::NotConverged { reason: Reason::Deadline, .. })), "{ended:?}");
}

/// A method that never has enough.
#[derive(Clone, Copy, Debug)]
struct Never;

impl Method for Never {
    type Kind = ();
    const REUSES_POINTS: bool = false;

    fn control(&self) -> coquad::Control {
        coquad::Control::Global
    }

    fn root(&self) {}

    fn points(&self, panel: &coquad::Panel<()>, into: &mut Vec<f64>) {
        into.push(panel.midpoint());
    }

    fn estimate<T: coquad::Value>(&self, panel: &mut coquad::Panel<()>, values: &[T]) -> coquad::Local<T> {
        let width = panel.b - panel.a;
        let mut value = values[0].clone();
        value.scale(width);
        coquad::Local { value, error: width.sqrt(), l1: width, roundoff: 0.0 }
    }

    fn refine(&self, panel: &coquad::Panel<()>, _error: f64, into: &mut Vec<coquad::Panel<()>>) {
        panel.bisect((), into);
    }
}

/// A resolution is met, or refused before anything is evaluated.
#[test]
fn a_resolution_that_the_budget_does_not_cover_is_refused() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let f = move |x: f64| {
        counted.fetch_add(1, Ordering::Relaxed);
        (-(x - 1234.6) * (x - 1234.6)).exp()
    };
    for (b, width) in [(1e8, 1.0), (1e8, 1e-300), (1e300, 1e-3), (f64::MAX, 1.0), (4e6, 1.0)] {
        let here = Integrator::new(boxed(f.clone())).resolution(width);
        let there = Integrator::new(ThreadPool::new(2).evaluator(f.clone())).resolution(width);
        let [here, there] =
            [here.integrate_blocking(-b, b, 1e-8), there.integrate_blocking(-b, b, 1e-8)].map(|ended| match ended {
                Err(error @ Error::NotConverged { reason: Reason::Budget, .. }) => error.to_string(),
                other => panic!("{b} {width}: {other:?}"),
            });
        assert_eq!(here, there);
        assert!(here.contains("the first segments alone take"), "{here}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    let e = Integrator::new(boxed(f)).resolution(1.0).integrate_blocking(0.0, 5e3, 1e-8).expect("it is covered");
    assert!((e.value - std::f64::consts::PI.sqrt()).abs() < 1e-8 && e.segments.len() >= 5_000, "{e:?}");
    // Limits so far apart that their distance is no number.
    let wide = Integrator::new(boxed(|_: f64| 1e-300_f64)).resolution(1e307).integrate_blocking(-1.7e308, 1.7e308, 1.0);
    let wide = wide.expect("a constant");
    assert!(wide.segments.len() == 34 && (wide.value - 3.4e8).abs() < 1.0, "{wide:?}");
}

/// Ranges of a few numbers and of many, beside powers of two: no point is outside, and none at a limit unless nothing
/// is between.
fn stays_within(method: impl Method + std::fmt::Debug, may_touch: bool) {
    let mut draw = Draw(SEED);
    for i in 0..4000 {
        let a = f64::from(2_i32.pow((draw.next() * 8.0) as u32)) * [1.0, -1.0, 0.5, 1.0 + draw.next()][i % 4];
        let ulps = (draw.within(0.0, 30.0).exp2() as u64) + 1;
        let b = (0..ulps.min(1)).fold(a, |x, _| x + ulps as f64 * f64::EPSILON * x.abs());
        if a >= b {
            continue;
        }
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = seen.clone();
        let f = boxed(move |x: f64| {
            into.lock().unwrap().push(x);
            1.0 + (x - a).abs()
        });
        let _ = Integrator::new(f).method(method.clone()).max_evaluations(500).integrate_blocking(a, b, 1e-300);
        let seen = seen.lock().unwrap();
        let name = format!("{method:?} on [{a:?}, {b:?}], seed {SEED}");
        assert!(seen.iter().all(|x| a <= *x && *x <= b), "{name}: {:?}", seen.iter().find(|x| **x < a || **x > b));
        let is_between = f64::midpoint(a, b) > a && f64::midpoint(a, b) < b;
        assert!(may_touch || !is_between || seen.iter().all(|x| a < *x && *x < b), "{name}: at a limit");
    }
}

#[test]
fn no_point_lies_outside_the_limits() {
    stays_within(Auto, false);
    for points in [15, 21, 31, 41, 51, 61] {
        stays_within(GaussKronrod::new(points), false);
    }
    stays_within(ClenshawCurtis, true);
    stays_within(Simpson, true);
    stays_within(TanhSinh, true);
}

/// A singular limit that is not zero is neared until numbers end, and never evaluated.
#[test]
fn a_limit_that_need_not_be_evaluated_is_not() {
    for method in [15, 21, 61] {
        let f = boxed(|x: f64| {
            assert!(x > 0.0 && x < 1.0, "{x:?}");
            1.0 / (1.0 - x).sqrt() + (1.0 - x).ln().powi(2)
        });
        let _ = Integrator::new(f).method(GaussKronrod::new(method)).integrate_blocking(0.0, 1.0, 1e-13);
    }
}

/// Bits and counts. That the time for each is the same however many there are, no test holds to: it is no timed test's.
#[test]
fn thousands_of_breakpoints_cost_one_rule_each_and_change_no_bit() {
    for pieces in [100, 3000] {
        let breakpoints: Vec<f64> = (1..pieces).map(|i| f64::from(i) / f64::from(pieces)).collect();
        let (cluster, clock) = Cluster::new(f64::exp, 64, Latency::Scrambled, SEED);
        let integrator = Integrator::new(cluster).method(GaussKronrod::new(15)).breakpoints(&breakpoints);
        let e = clock.run(integrator.speculation(Speculation::Certain).integrate(0.0, 1.0, 1e-8)).expect("smooth");
        let here = Integrator::new(boxed(f64::exp)).method(GaussKronrod::new(15)).breakpoints(&breakpoints);
        let here = here.integrate_blocking(0.0, 1.0, 1e-8).expect("smooth");
        assert_eq!((e.value.to_bits(), e.evaluations), (here.value.to_bits(), here.evaluations));
        assert_eq!((e.evaluations, e.performed), (15 * pieces as usize, 15 * pieces as usize));
    }
}

const WORKERS: usize = 2;

/// An integral that is held and not polled, as by `select!`, keeps no slot of an evaluation that has ended: another one of
/// the same integrator goes on.
fn held_and_overtaken<E>(make: impl Fn(Arc<[AtomicUsize; 2]>) -> E)
where
    E: coquad::Evaluator<Value = f64> + 'static,
{
    let counts = Arc::<[AtomicUsize; 2]>::default();
    let integrator = Integrator::new(make(counts.clone()));
    let [begun, ended] = &*counts;
    let mut held = Box::pin(integrator.integrate(0.0, 1.0, 1e-8));
    let mut cx = Context::from_waker(Waker::noop());
    // Until it has as many outstanding as there may be: a poll that starts no more.
    while ended.load(Ordering::SeqCst) < WORKERS {
        assert!(held.as_mut().poll(&mut cx).is_pending());
        std::thread::yield_now();
    }
    // What it has asked for ends, too, with nobody to poll it.
    while begun.load(Ordering::SeqCst) > ended.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    let (to, answer) = std::sync::mpsc::channel();
    let other = integrator.clone();
    let second = std::thread::spawn(move || {
        let _ = to.send(other.integrate_blocking(2.0, 3.0, 1e-8).map(|e| e.value.to_bits()));
    });
    let found = answer.recv_timeout(Duration::from_secs(60)).expect("the second integral hangs").expect("an integral");
    second.join().expect("it has ended");
    let here = Integrator::new(boxed(slow_sine)).integrate_blocking(2.0, 3.0, 1e-8).expect("an integral");
    assert_eq!(found, here.value.to_bits());
    drop(held);
}

fn slow_sine(x: f64) -> f64 {
    x.sin()
}

#[test]
fn an_integral_that_is_held_keeps_no_slot_of_what_has_ended() {
    let call = |[begun, ended]: &[AtomicUsize; 2], x: f64| {
        begun.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(1));
        ended.fetch_add(1, Ordering::SeqCst);
        slow_sine(x)
    };
    let pool = ThreadPool::new(WORKERS);
    held_and_overtaken(|counts| pool.evaluator(move |x| call(&counts, x)));
    held_and_overtaken(|counts| pool.try_evaluator(move |x| Ok::<f64, EvaluationError>(call(&counts, x))));
    held_and_overtaken(|counts| coquad::blocking_fn(WORKERS, move |x| Ok::<f64, EvaluationError>(call(&counts, x))));
    held_and_overtaken(|counts| {
        use coquad::EvaluatorExt;
        pool.evaluator(move |x| call(&counts, x)).timeout(Duration::from_secs(60))
    });
}

/// The same of evaluations that end only if somebody polls: whoever waits for their room does.
#[test]
fn integrals_that_are_held_hold_up_no_other_whose_evaluations_are_async() {
    for held in [1, 2, 9] {
        for polls in 1..8 {
            let evaluator = evaluator_fn(WORKERS, |x: f64| async move {
                for _ in 0..(x.to_bits() >> 20) % 4 {
                    futures_lite::future::yield_now().await;
                }
                Ok::<f64, EvaluationError>(slow_sine(x))
            });
            let integrator = Integrator::new(evaluator);
            let mut cx = Context::from_waker(Waker::noop());
            let mut all: Vec<_> =
                (0..held).map(|i| Box::pin(integrator.integrate(0.0, 1.0 + f64::from(i), 1e-8))).collect();
            for future in &mut all {
                for _ in 0..polls {
                    if future.as_mut().poll(&mut cx).is_ready() {
                        break;
                    }
                }
            }
            let (to, answer) = std::sync::mpsc::channel();
            let other = integrator.clone();
            let second = std::thread::spawn(move || {
                let _ = to.send(other.integrate_blocking(-2.0, -1.0, 1e-8).map(|e| e.value.to_bits()));
            });
            let found = answer.recv_timeout(Duration::from_secs(60)).expect("it hangs").expect("an integral");
            second.join().expect("it has ended");
            let here = Integrator::new(boxed(slow_sine)).integrate_blocking(-2.0, -1.0, 1e-8).expect("smooth");
            assert_eq!(found, here.value.to_bits());
        }
    }
}

/// Of two panels that are judged at once the first is heard first, though the second panics.
#[test]
fn a_value_that_is_not_finite_comes_before_a_panic_in_the_next_panel() {
    let first: Arc<Mutex<Vec<u64>>> = Arc::default();
    let seen = first.clone();
    let kink = |x: f64| (x - 0.3).abs();
    let method = GaussKronrod::new(15);
    let record = move |x: f64| {
        let mut seen = seen.lock().expect("no panic");
        if seen.len() < 15 {
            seen.push(x.to_bits());
        }
        kink(x)
    };
    Integrator::new(boxed(record)).method(method).integrate_blocking(0.0, 1.0, 1e-8).expect("a kink");
    let first = first.lock().expect("no panic").clone();
    let faulty = move |x: f64| {
        if first.contains(&x.to_bits()) {
            kink(x)
        } else if x < 0.5 {
            f64::NAN
        } else {
            std::panic::resume_unwind(Box::new("scripted"))
        }
    };
    let here = Integrator::new(boxed(faulty.clone())).method(method).integrate_blocking(0.0, 1.0, 1e-8);
    let there = Integrator::new(ThreadPool::new(2).evaluator(faulty)).method(method).integrate_blocking(0.0, 1.0, 1e-8);
    match (here, there) {
        (Err(Error::NonFinite { x, .. }), Err(Error::NonFinite { x: other, .. })) => {
            assert!(x < 0.5 && x.to_bits() == other.to_bits());
        }
        other => panic!("{other:?}"),
    }
}

/// An integrand that integrates itself, elsewhere, by the same integrator on the same threads.
#[test]
fn an_integrand_may_integrate_itself_by_the_same_integrator() {
    fn inner(x: f64) -> f64 {
        x.cos()
    }
    let exact = |x: f64| (2.001 + x).sin() - (2.0 + x).sin();
    for workers in [1, 2, 8] {
        let pool = ThreadPool::new(workers);
        let own: Arc<std::sync::OnceLock<Box<dyn Fn(f64, f64) -> f64 + Send + Sync>>> = Arc::default();
        let itself = own.clone();
        let f = move |x: f64| {
            std::thread::sleep(Duration::from_micros(200));
            if x < 1.5 { itself.get().expect("it is set")(2.0 + x, 2.001 + x) } else { inner(x) }
        };
        let integrator = Integrator::new(pool.evaluator(f));
        let by = integrator.clone();
        // Two at once, which take turns with the one slot.
        let nested = move |a: f64, b: f64| {
            let c = f64::midpoint(a, b);
            let both = futures::future::join(by.integrate(a, c, 1e-12), by.integrate(c, b, 1e-12));
            let (p, q) = futures_lite::future::block_on(both);
            p.expect("an integral").value + q.expect("an integral").value
        };
        assert!(own.set(Box::new(nested)).is_ok());
        let (to, answer) = std::sync::mpsc::channel();
        std::thread::spawn(move || to.send(integrator.integrate_blocking(0.0, 1.0, 1e-9)));
        let e = answer.recv_timeout(Duration::from_secs(100)).expect("it hangs").expect("an integral");
        let whole = Integrator::new(boxed(exact)).integrate_blocking(0.0, 1.0, 1e-12).expect("smooth");
        assert!((e.value - whole.value).abs() < 1e-9, "{workers}: {e:?} for {whole:?}");
    }
}

/// An evaluation that panics when it is given up.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("given up");
    }
}

/// An evaluation whose drop panics takes no other with it: all are given up, and their points begin anew.
#[test]
fn an_evaluation_that_panics_when_given_up_is_contained() {
    let (dropped, started) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let healed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (bombs, asked, heals) = (dropped.clone(), started.clone(), healed.clone());
    let evaluator = evaluator_fn(8, move |x: f64| {
        asked.fetch_add(1, Ordering::SeqCst);
        let bomb = (!heals.load(Ordering::SeqCst)).then(|| Bomb(bombs.clone()));
        async move {
            if let Some(_bomb) = bomb {
                std::future::pending::<()>().await;
            }
            Ok::<f64, EvaluationError>(x.exp())
        }
    });
    let integrator = Integrator::new(evaluator);
    let mut first = Box::pin(integrator.integrate(0.0, 1.0, 1e-10));
    assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(first);
    assert_eq!((started.load(Ordering::SeqCst), dropped.load(Ordering::SeqCst)), (8, 8));
    healed.store(true, Ordering::SeqCst);
    let e = integrator.integrate_blocking(0.0, 1.0, 1e-10).expect("nobody is waited for");
    assert!((e.value - (1_f64.exp() - 1.0)).abs() <= 1e-10, "{e:?}");
}

/// Who watches never sees more under way than there may be.
#[test]
fn an_observer_sees_no_more_under_way_than_the_pool_has_threads() {
    #[derive(Default)]
    struct Count {
        now: AtomicUsize,
        most: AtomicUsize,
    }
    struct Watch(Arc<Count>);
    impl coquad::Observer<f64> for Watch {
        fn started(&self, _: f64, _: bool) {
            let now = self.0.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.0.most.fetch_max(now, Ordering::SeqCst);
        }
        fn finished(&self, _: f64) {
            self.0.now.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let count = Arc::new(Count::default());
    let pool = ThreadPool::new(3);
    let f = |x: f64| {
        std::thread::sleep(Duration::from_micros(300));
        (20.0 * x).sin() / (x + 0.01)
    };
    let integrator = Integrator::new(pool.evaluator(f)).observer(Watch(count.clone()));
    integrator.integrate_blocking(0.0, 1.0, 1e-8).expect("an integral");
    assert!(count.most.load(Ordering::SeqCst) <= 3, "{}", count.most.load(Ordering::SeqCst));
}
