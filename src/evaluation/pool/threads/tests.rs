//! n means n, whatever the jobs do; a job given up never starts; threads end with the pool.
#![allow(clippy::float_cmp, reason = "values are handed on, not computed")]

use crate::evaluation::Evaluator;
use std::panic::panic_any;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;
use std::sync::{Barrier, Weak};

use futures::executor::block_on;
use futures::future::join_all;
use futures::task::noop_waker;
use futures_lite::future::block_on as wait; // It can be nested.

use super::*;

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(&noop_waker()))
}

/// Occupies every thread until the guard is dropped; returns when all are occupied.
struct Occupied {
    release: Vec<mpsc::Sender<()>>,
}

impl Occupied {
    fn new(pool: &ThreadPool) -> Self {
        let (entered, entries) = mpsc::channel();
        let mut release = Vec::new();
        for _ in 0..pool.workers() {
            let (sender, receiver) = mpsc::channel::<()>();
            release.push(sender);
            let entered = entered.clone();
            let job = pool.run(move || {
                entered.send(()).unwrap();
                let _ = receiver.recv();
            });
            let mut job = Box::pin(job);
            assert!(poll_once(&mut job).is_pending());
            entries.recv().unwrap(); // It has started, so dropping its future does not end it.
        }
        Self { release }
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.release.clear();
    }
}

#[test]
fn pool_and_futures_are_send() {
    fn check<X: Send>(_: &X) {}
    fn check_sync<X: Send + Sync>(_: &X) {}
    let pool = ThreadPool::new(1);
    check_sync(&pool);
    let evaluator = pool.evaluator(|x| x);
    check_sync(&evaluator);
    check(&evaluator.evaluate(1.0));
    check(&pool.run(|| ()));
}

#[test]
fn n_means_n() {
    for n in [1, 2, 3, 8] {
        let pool = ThreadPool::new(n);
        assert_eq!(pool.workers(), n);
        let barrier = Arc::new(Barrier::new(n));
        let running = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        let jobs = (0..4 * n).map(|_| {
            let (barrier, running, most) = (Arc::clone(&barrier), Arc::clone(&running), Arc::clone(&most));
            pool.run(move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                barrier.wait(); // Passed only if n jobs run at the same time.
                running.fetch_sub(1, Ordering::SeqCst);
            })
        });
        block_on(join_all(jobs));
        assert_eq!(most.load(Ordering::SeqCst), n);
    }
}

#[test]
fn no_workers_count_as_one() {
    let pool = ThreadPool::new(0);
    assert_eq!((pool.workers(), block_on(pool.run(|| 7))), (1, 7));
}

#[test]
fn threads_are_named() {
    let name = block_on(ThreadPool::new(1).run(|| thread::current().name().map(str::to_owned)));
    assert_eq!(name.as_deref(), Some("coquad-0"));
}

#[test]
fn the_machines_pool_is_shared() {
    assert!(Arc::ptr_eq(&ThreadPool::machine().shared, &ThreadPool::machine().shared));
}

/// A payload whose drop panics with another such payload.
struct Bomb(usize);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic_any(Bomb(self.0 + 1));
        }
    }
}

#[test]
fn pool_keeps_its_workers_after_panics() {
    let pool = ThreadPool::new(2);
    let text = pool.evaluator(|x: f64| -> f64 { panic!("no value at {x:?}") });
    let bomb = pool.evaluator(|_| -> f64 { panic_any(Bomb(0)) });
    for _ in 0..10 {
        assert_eq!(block_on(text.evaluate(0.1)).unwrap_err().to_string(), "panicked: no value at 0.1");
        assert_eq!(block_on(bomb.evaluate(0.1)).unwrap_err().to_string(), "panicked: with a payload that is not text");
        // Dropped before, while or after it runs.
        let _ = poll_once(&mut Box::pin(bomb.evaluate(0.1)));
    }
    let unheard = Occupied::new(&pool);
    drop(unheard);
    let barrier = Arc::new(Barrier::new(2));
    block_on(join_all((0..2).map(|_| {
        let barrier = Arc::clone(&barrier);
        pool.run(move || barrier.wait().is_leader())
    })));
}

#[test]
fn pool_keeps_its_workers_when_an_unheard_result_panics_in_drop() {
    let pool = ThreadPool::new(1);
    let (entered, entries) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let mut job = Box::pin(pool.run(move || {
        entered.send(()).unwrap();
        let _ = released.recv();
        Bomb(0)
    }));
    assert!(poll_once(&mut job).is_pending());
    entries.recv().unwrap();
    drop(job);
    drop(release);
    assert_eq!(block_on(pool.run(|| 7)), 7);
}

#[test]
fn a_failure_keeps_its_cause() {
    let failing = ThreadPool::new(1).try_evaluator(|x: f64| Err::<f64, _>(format!("no value at {x:?}")));
    assert_eq!(block_on(failing.evaluate(0.1)).unwrap_err().to_string(), "no value at 0.1");
}

#[test]
#[should_panic(expected = "the job's own words")]
fn a_panic_of_a_job_goes_on_in_its_caller() {
    block_on(ThreadPool::new(1).run(|| panic!("the job's own words")));
}

#[test]
fn nested_jobs_run_on_a_pool_of_one() {
    let pool = ThreadPool::new(1);
    let inner = pool.evaluator(|x| x + 1.0);
    let worker = pool.clone();
    let outer = pool.evaluator(move |x| {
        assert_eq!(wait(worker.run(|| 1)), 1);
        // Nested twice, as a job in a job in a job.
        let (worker, inner) = (worker.clone(), inner.clone());
        wait(worker.clone().run(move || {
            let value = wait(worker.run(|| 10.0));
            value + wait(inner.evaluate(x)).unwrap()
        }))
    });
    assert_eq!(block_on(outer.evaluate(1.0)).unwrap(), 12.0);
}

#[test]
fn a_worker_runs_the_queued_job_that_it_awaits() {
    // As in a nested integral that joins a point which the outer one has queued on the same pool.
    let pool = ThreadPool::new(1);
    let (to_worker, from_main) = mpsc::channel::<Pin<Box<dyn Future<Output = i32> + Send>>>();
    let mut outer = Box::pin(pool.run(move || block_on(from_main.recv().unwrap())));
    assert!(poll_once(&mut outer).is_pending());
    let mut queued = Box::pin(pool.run(|| 7));
    assert!(poll_once(&mut queued).is_pending());
    to_worker.send(queued).unwrap();
    assert_eq!(block_on(outer), 7);
}

#[test]
fn dropping_the_future_cancels_a_queued_job() {
    let pool = ThreadPool::new(2);
    let occupied = Occupied::new(&pool);
    let captured = Arc::new(());
    let ran = Arc::new(AtomicUsize::new(0));
    let mut jobs = Vec::new();
    for _ in 0..10 {
        let (captured, ran) = (Arc::clone(&captured), Arc::clone(&ran));
        let mut job = Box::pin(pool.run(move || {
            let _captured = captured;
            ran.fetch_add(1, Ordering::SeqCst);
        }));
        assert!(poll_once(&mut job).is_pending());
        jobs.push(job);
    }
    drop(jobs);
    assert_eq!(Arc::strong_count(&captured), 1, "closures go at once");
    drop(occupied);
    block_on(pool.run(|| ()));
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[test]
fn nothing_starts_before_the_first_poll() {
    let pool = ThreadPool::new(1);
    let ran = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&ran);
    drop(pool.run(move || counter.fetch_add(1, Ordering::SeqCst)));
    block_on(pool.run(|| ()));
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[test]
fn threads_end_with_the_last_handle() {
    struct Leaving(mpsc::Sender<()>);
    impl Drop for Leaving {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    thread_local! {
        static LEAVING: Cell<Option<Leaving>> = const { Cell::new(None) };
    }
    let pool = ThreadPool::new(3);
    let (left, leavings) = mpsc::channel();
    let barrier = Arc::new(Barrier::new(3));
    block_on(join_all((0..3).map(|_| {
        let (left, barrier) = (left.clone(), Arc::clone(&barrier));
        pool.run(move || {
            LEAVING.set(Some(Leaving(left)));
            barrier.wait(); // One job on each thread.
        })
    })));
    drop(left);
    let executor: Weak<Executor<'_>> = Arc::downgrade(&pool.shared.executor);
    let evaluator = pool.evaluator(|x| x);
    drop(pool);
    // The evaluator keeps the threads, and a future keeps them without it.
    assert_eq!(block_on(evaluator.evaluate(1.0)).unwrap(), 1.0);
    let late = evaluator.pool.run(|| 7);
    drop(evaluator);
    assert_eq!(block_on(late), 7);
    assert_eq!(leavings.iter().count(), 3, "every thread leaves");
    assert!(executor.upgrade().is_none());
}

#[test]
fn dropping_the_pool_does_not_wait_for_its_jobs() {
    let pool = ThreadPool::new(2);
    let occupied = Occupied::new(&pool);
    drop(pool); // Would not return if it waited.
    drop(occupied);
}

#[test]
fn what_is_to_be_driven_waits_for_a_turn_of_jobs_not_for_all() {
    const JOBS: usize = 10 * TURN;
    let pool = ThreadPool::new(1);
    let occupied = Occupied::new(&pool);
    let started = Arc::new(AtomicUsize::new(0));
    let mut jobs: Vec<_> = (0..JOBS)
        .map(|_| {
            let started = Arc::clone(&started);
            Box::pin(pool.run(move || started.fetch_add(1, Ordering::Relaxed)))
        })
        .collect();
    assert!(jobs.iter_mut().all(|job| poll_once(job).is_pending()));
    let (seen, sight) = (Arc::clone(&started), mpsc::channel());
    pool.drive(Box::new(move || sight.0.send(seen.load(Ordering::Relaxed)).unwrap()));
    drop(occupied);
    assert!(sight.1.recv().unwrap() < 2 * TURN);
    assert_eq!(block_on(join_all(jobs)), (0..JOBS).collect::<Vec<_>>(), "first come, first served");
    assert_eq!(lock(&pool.shared.queue).jobs.len(), 0);
}

#[test]
fn what_an_integral_asks_for_at_its_turn_comes_before_what_came_later() {
    let pool = ThreadPool::new(1);
    let occupied = Occupied::new(&pool);
    let (says, said) = mpsc::channel();
    let job = |name| {
        let (pool, says) = (pool.clone(), says.clone());
        let mut run = Box::pin(pool.run(move || says.send(name).unwrap()));
        let _ = poll_once(&mut run);
        run
    };
    let before = job("before");
    let (opened, runs) = mpsc::channel();
    let (inner, says_inside) = (pool.clone(), says.clone());
    pool.open(Box::new(move || {
        says_inside.send("its turn").unwrap();
        for name in ["first", "second"] {
            let says = says_inside.clone();
            let mut run = Box::pin(inner.run(move || says.send(name).unwrap()));
            assert!(poll_once(&mut run).is_pending(), "handed over");
            opened.send(run).unwrap();
        }
    }));
    let after = job("after");
    drop(occupied);
    block_on(join_all([before, after]));
    block_on(join_all(runs));
    assert_eq!(said.try_iter().collect::<Vec<_>>(), ["before", "its turn", "first", "second", "after"]);
}

#[test]
fn a_pool_is_busy_with_as_many_runners_and_crowded_with_as_many_integrals_as_threads() {
    let pool = ThreadPool::new(2);
    let is = || (pool.is_busy(), pool.is_crowded());
    assert_eq!(is(), (false, false));
    let occupied = Occupied::new(&pool);
    assert_eq!(is(), (true, false), "two runners");
    pool.open(Box::new(|| ()));
    assert_eq!(is(), (true, false), "one integral waits");
    pool.drive(Box::new(|| ()));
    assert_eq!(is(), (true, true), "two wait");
    drop(occupied);
    // Or this does not end.
    while is() != (false, false) {
        thread::yield_now();
    }
}

#[test]
fn a_panic_of_whoever_drives_leaves_a_worker_that_waits_for_no_job_of_its_own() {
    let pool = ThreadPool::new(1);
    for turn in [ThreadPool::open, ThreadPool::drive] {
        turn(&pool, Box::new(|| panic_any(Bomb(0))));
        let inner = pool.clone();
        assert_eq!(block_on(pool.run(move || wait(inner.run(|| 7)))), 7);
    }
}

#[test]
fn a_waker_that_panics_ends_no_runner() {
    struct Fragile;
    impl std::task::Wake for Fragile {
        fn wake(self: Arc<Self>) {
            panic!("woken");
        }
    }
    let pool = ThreadPool::new(1);
    for _ in 0..3 {
        let occupied = Occupied::new(&pool);
        let mut job = Box::pin(pool.run(|| ()));
        let waker = std::task::Waker::from(Arc::new(Fragile));
        assert!(job.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(occupied);
        assert_eq!(block_on(pool.run(|| 7)), 7);
        assert!(poll_once(&mut job).is_ready());
    }
}
