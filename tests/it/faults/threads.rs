//! Rows on real threads and runtimes: what may end, hang or nest there. No trial depends on how long anything takes:
//! what must happen first is waited for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use coquad::{
    Error, Estimate, EvaluatorExt, EvaluatorFn, GaussKronrod, Integrator, PoolEvaluator, Simpson, Speculation,
    ThreadPool, evaluator_fn,
};
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::{BoxFuture, join_all};

use super::trace;
use crate::support::faulty::{Integrand, inline};
use crate::support::trials::row;

fn f(x: f64) -> f64 {
    1.0 / (x * x + 1e-2)
}

/// An evaluator of one type for all trials, as every type costs the compiler an engine.
fn on(pool: &ThreadPool, f: impl Fn(f64) -> f64 + Send + Sync + 'static) -> PoolEvaluator<Integrand> {
    pool.evaluator(Box::new(f))
}

/// As [`on`], of an async function.
fn from_async<Fut>(limit: usize, f: impl Fn(f64) -> Fut + Send + Sync + 'static) -> EvaluatorFn<AsyncIntegrand>
where
    Fut: Future<Output = Result<f64, String>> + Send + 'static,
{
    evaluator_fn(limit, Box::new(move |x| f(x).boxed()))
}

type AsyncIntegrand = Box<dyn Fn(f64) -> BoxFuture<'static, Result<f64, String>> + Send + Sync>;

/// Evaluations that do not return before the gate is opened, and how many have come to it.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    arrived: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        *self.arrived.lock().unwrap() += 1;
        self.changed.notify_all();
        let mut open = self.open.lock().unwrap();
        while !*open {
            open = self.changed.wait(open).unwrap();
        }
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn wait_for(&self, arrived: usize) {
        let mut there = self.arrived.lock().unwrap();
        while *there < arrived {
            there = self.changed.wait(there).unwrap();
        }
    }

    fn arrived(&self) -> usize {
        *self.arrived.lock().unwrap()
    }
}

fn expected(atol: f64) -> Vec<u64> {
    trace(&Integrator::new(inline(f)).method(Simpson).integrate_blocking(-1.0, 2.0, atol).unwrap())
}

#[test]
fn a4_pool_an_evaluation_that_hangs_on_a_thread_of_the_pool_times_out_alone() {
    let expected = expected(1e-3);
    row("a4_pool", 20, |seed| {
        let gate = Arc::new(Gate::default());
        let workers = 1 + seed as usize % 3;
        let pool = ThreadPool::new(workers);
        let hangs = gate.clone();
        let stuck = on(&pool, move |x| {
            if x == 0.5 {
                hangs.pass();
            }
            f(x)
        });
        let integrator = Integrator::new(stuck.timeout(Duration::from_millis(5))).method(Simpson);
        match integrator.integrate_blocking(-1.0, 2.0, 1e-3) {
            Err(Error::Evaluation { source, .. }) => assert!(source.timed_out().is_some()),
            other => panic!("{other:?}"),
        }
        // The thread is free when the function returns and not before; then the pool is what it was.
        gate.open();
        let integrator = Integrator::new(on(&pool, f)).method(Simpson);
        assert_eq!(trace(&integrator.integrate_blocking(-1.0, 2.0, 1e-3).unwrap()), expected);
    });
}

#[test]
fn a9_an_integrand_may_integrate_on_its_own_pool() {
    let g = |x: f64| move |y: f64| (x * y).cos() + x;
    let value = |e: Result<Estimate, Error>| e.unwrap().value;
    let nested = move |x| value(Integrator::new(inline(g(x))).method(Simpson).integrate_blocking(0.0, 1.0, 1e-4));
    let expected = trace(&Integrator::new(inline(nested)).method(Simpson).integrate_blocking(0.0, 2.0, 1e-4).unwrap());
    row("a9", 300, |seed| {
        let pool = ThreadPool::new(1 + seed as usize % 3);
        let inner = pool.clone();
        let nested =
            move |x| value(Integrator::new(on(&inner, g(x))).method(Simpson).integrate_blocking(0.0, 1.0, 1e-4));
        let outer = Integrator::new(on(&pool, nested)).method(Simpson);
        assert_eq!(trace(&outer.integrate_blocking(0.0, 2.0, 1e-4).unwrap()), expected);
    });
}

fn runtime(seed: u64) -> tokio::runtime::Runtime {
    let mut builder = if seed % 2 == 0 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2);
        builder
    };
    builder.enable_time().build().unwrap()
}

/// Starts the integral on a runtime, and drops the runtime when `begun` returns.
fn shut_down(seed: u64, integral: impl Future<Output: Send> + Send + 'static, begun: impl FnOnce()) {
    let runtime = runtime(seed);
    let task = runtime.spawn(integral);
    // The runtime of one thread runs its tasks in here only.
    runtime.block_on(async {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    });
    begun();
    drop(runtime);
    drop(task);
}

#[test]
fn b5_a_runtime_that_is_shut_down_waits_for_no_evaluation() {
    let expected = expected(1e-3);
    row("b5", 60, |seed| {
        let (gate, pool) = (Arc::new(Gate::default()), ThreadPool::new(2));
        let passed = gate.clone();
        // Boxed, it would not do for `spawn` (a limit of the compiler's).
        let integrator = Integrator::new(pool.evaluator(move |x| {
            passed.pass();
            f(x)
        }));
        let integrator = integrator.method(Simpson);
        let running = integrator.clone();
        // Evaluations are under way when the runtime goes, and none can end before it is gone.
        shut_down(seed, async move { running.integrate(-1.0, 2.0, 1e-3).await.map(|e| e.value) }, || gate.wait_for(2));
        gate.open();
        let e = runtime(seed + 1).block_on(integrator.integrate(-1.0, 2.0, 1e-3)).unwrap();
        assert_eq!(trace(&e), expected);
    });
}

#[test]
fn b5_async_evaluations_of_a_runtime_that_is_gone_begin_anew_on_the_next() {
    let expected = expected(1e-3);
    row("b5_async", 60, |seed| {
        let started = Arc::new(AtomicUsize::new(0));
        let count = started.clone();
        let slow = from_async(4, move |x| {
            let count = count.clone();
            async move {
                let first = count.fetch_add(1, Ordering::SeqCst) < 10;
                tokio::time::sleep(Duration::from_micros(if first { 300 } else { 1 })).await;
                Ok(f(x))
            }
        });
        let integrator = Integrator::new(slow).method(Simpson);
        let running = integrator.clone();
        shut_down(seed, async move { running.integrate(-1.0, 2.0, 1e-3).await.map(|e| e.value) }, || ());
        let e = runtime(seed + 1).block_on(integrator.integrate(-1.0, 2.0, 1e-3)).unwrap();
        assert_eq!(trace(&e), expected);
    });
}

#[test]
fn b8_a_pool_is_idle_when_the_evaluations_that_ran_at_the_drop_have_ended() {
    row("b8", 300, |seed| {
        let workers = 1 + seed as usize % 4;
        let (gate, pool) = (Arc::new(Gate::default()), ThreadPool::new(workers));
        let passed = gate.clone();
        let integrator = Integrator::new(on(&pool, move |x| {
            passed.pass();
            f(x)
        }));
        let integrator = integrator.method(Simpson);
        let mut integral = Box::pin(integrator.integrate(-1.0, 2.0, 1e-3));
        assert!(integral.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        gate.wait_for(workers);
        drop(integral);
        gate.open();
        // Jobs that need all threads at once, and nothing of the integral before them.
        let barrier = Arc::new(Barrier::new(workers));
        let all = (0..workers).map(|_| {
            let barrier = barrier.clone();
            pool.run(move || barrier.wait().is_leader())
        });
        assert_eq!(block_on(join_all(all)).into_iter().filter(|&leads| leads).count(), 1);
        assert_eq!(gate.arrived(), workers, "an evaluation began after the drop");
    });
}

#[test]
fn f10_pool_ten_thousand_integrals_at_once_on_two_threads() {
    let expected = expected(1e-3);
    row("f10_pool", 1, |_| {
        let integrator = Integrator::new(on(&ThreadPool::new(2), f)).method(Simpson);
        let all = block_on(join_all((0..10_000).map(|_| integrator.integrate(-1.0, 2.0, 1e-3))));
        assert!(all.iter().all(|e| trace(e.as_ref().unwrap()) == expected));
    });
}

#[test]
fn evaluations_that_fail_at_once_end_the_run_after_few() {
    for speculation in [Speculation::Off, Speculation::Certain, Speculation::Ahead] {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = calls.clone();
        let fails = from_async(1000, move |x| {
            count.fetch_add(1, Ordering::SeqCst);
            async move { Err(format!("nothing at {x}")) }
        });
        let integrator = Integrator::new(fails).method(GaussKronrod::new(15)).speculation(speculation);
        match integrator.integrate_blocking(0.0, 1.0, 1e-6) {
            Err(Error::Evaluation { x, source, .. }) => assert_eq!(source.to_string(), format!("nothing at {x}")),
            other => panic!("{other:?}"),
        }
        assert!(calls.load(Ordering::SeqCst) <= 15, "{speculation:?}: {calls:?}");
    }
}
