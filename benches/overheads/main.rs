//! Prints what stands between the integrand and its integral: `cargo bench --bench overheads`.
//!
//! Nanoseconds per evaluation by each way to evaluate; integrals of cheap functions on a thread pool beside the same on
//! the calling thread; memory per integral that waits, and at the peak of many; how evenly thousands share a pool; whether
//! callers hold each other up; how soon all is idle after a drop; and what the fingerprint of arithmetic costs. What is
//! compared is measured in turns in one process, and the least (per evaluation) or the median (per integral) of many is
//! shown.
#![allow(missing_docs, reason = "a program, not a library")]

mod memory;

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use coquad::{
    Arithmetic, Evaluator, GaussKronrod, Inline, Integrator, PointCache, ThreadPool, evaluator_fn, integrate,
};
use futures::executor::block_on;
use futures::future::join_all;

fn peak(x: f64) -> f64 {
    1.0 / (x * x + 1e-4)
}

/// Computes for so many steps.
fn work(steps: u64, x: f64) -> u64 {
    (0..steps).fold(x.to_bits(), |z, _| black_box(z.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (z >> 29)))
}

/// A function that takes about `nanos` on an idle processor: the same work each time, whatever else the machine does.
fn busy(nanos: u64) -> impl Fn(f64) -> f64 + Copy + Send + Sync + 'static {
    static STEP: OnceLock<f64> = OnceLock::new();
    let step = STEP.get_or_init(|| {
        let once = || time(|| assert_ne!(work(100_000, 1.0), 1)) / 1e5;
        (0..50).map(|_| once()).fold(f64::INFINITY, f64::min)
    });
    let steps = (nanos as f64 / step) as u64;
    move |x| {
        black_box(work(steps, x));
        peak(x)
    }
}

fn time(run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_nanos() as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Times all of `runs` in turns, and returns the least of each.
#[allow(clippy::type_complexity, reason = "a table of closures")]
fn least<const N: usize>(turns: usize, mut runs: [(&str, Box<dyn FnMut() -> f64>); N]) {
    let mut best = [f64::INFINITY; N];
    for _ in 0..turns {
        for (best, (_, run)) in best.iter_mut().zip(&mut runs) {
            *best = best.min(run());
        }
    }
    for (best, (name, _)) in best.iter().zip(&runs) {
        println!("{name:44} {best:10.0}");
    }
}

const METHOD: fn() -> GaussKronrod = || GaussKronrod::new(21);

/// One integral of a cheap function by this evaluator, in nanoseconds per evaluation.
fn by<E: Evaluator<Value = f64> + 'static>(evaluator: E) -> f64 {
    let integrator = Integrator::new(evaluator).method(METHOD());
    let mut evaluations = 0;
    let nanos = time(|| evaluations = integrator.integrate_blocking(-1.0, 1.0, 1e-11).expect("a peak").performed);
    nanos / evaluations as f64
}

fn evaluations() {
    println!("ns per evaluation of 1/(x^2+1e-4)");
    let pool = ThreadPool::new(2);
    let single = pool.clone();
    let waiting = |x: f64| async move {
        yield_once().await;
        Ok::<_, Infallible>(peak(x))
    };
    least(
        100,
        [
            ("inline", Box::new(|| by(Inline::new(peak)))),
            (
                "inline, cache miss",
                Box::new(|| {
                    let integrator = Integrator::new(Inline::new(peak)).method(METHOD()).with_cache(PointCache::new());
                    let mut n = 0;
                    let nanos = time(|| n = integrator.integrate_blocking(-1.0, 1.0, 1e-11).expect("a peak").performed);
                    nanos / n as f64
                }),
            ),
            (
                "inline, cache hit",
                Box::new(|| {
                    let integrator = Integrator::new(Inline::new(peak)).method(METHOD()).with_cache(PointCache::new());
                    let n = integrator.integrate_blocking(-1.0, 1.0, 1e-11).expect("a peak").evaluations;
                    time(|| drop(black_box(integrator.integrate_blocking(-1.0, 1.0, 1e-11)))) / n as f64
                }),
            ),
            ("thread pool, on the spot", Box::new(move || by(pool.evaluator(peak)))),
            (
                "thread pool, handed over one at a time",
                Box::new(move || {
                    let evaluator = single.evaluator(peak);
                    time(|| (0..100).for_each(|i| drop(block_on(evaluator.evaluate(f64::from(i)))))) / 100.0
                }),
            ),
            (
                "evaluator_fn, ready at once",
                Box::new(|| by(evaluator_fn(64, |x: f64| async move { Ok::<_, Infallible>(peak(x)) }))),
            ),
            ("evaluator_fn, ready when polled again", Box::new(move || by(evaluator_fn(64, waiting)))),
        ],
    );
}

/// What a worker pays once, and what an answer on NATS pays, which names it. A worker on a pipe tells it once.
fn fingerprint() {
    println!("\nns for the fingerprint of arithmetic (the least of 100, 1,000 and 1,000 times)");
    let here = Arithmetic::here();
    let text = here.as_str().to_owned();
    let reading = text.clone();
    let each = |times: u32, mut run: Box<dyn FnMut()>| time(|| (0..times).for_each(|_| run())) / f64::from(times);
    least(
        100,
        [
            ("found, by a worker, once", Box::new(move || each(1, Box::new(|| drop(black_box(Arithmetic::here())))))),
            (
                "read, in an answer on NATS",
                Box::new(move || {
                    let text = reading.clone();
                    each(1_000, Box::new(move || drop(black_box(Arithmetic::from(black_box(&*text))))))
                }),
            ),
            (
                "compared, with the first worker's",
                Box::new(move || {
                    let (here, other) = (here.clone(), Arithmetic::from(&*text));
                    each(
                        1_000,
                        Box::new(move || {
                            black_box(here.agrees_with(black_box(&other)));
                        }),
                    )
                }),
            ),
        ],
    );
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            std::task::Poll::Ready(())
        } else {
            cx.waker().wake_by_ref();
            std::task::Poll::Pending
        }
    })
    .await;
}

/// An integral of a function of so many nanoseconds to a tolerance, and what its turns took.
struct Pair {
    nanos: u64,
    atol: f64,
    /// In each round.
    turns: usize,
    evaluations: usize,
    here: f64,
    there: f64,
    halves: f64,
    here_used: f64,
    there_used: f64,
}

impl Pair {
    fn new((nanos, atol, turns): (u64, f64, usize)) -> Self {
        let (here, there, halves) = (f64::INFINITY, f64::INFINITY, f64::INFINITY);
        Self { nanos, atol, turns, evaluations: 0, here, there, halves, here_used: 0.0, there_used: 0.0 }
    }

    fn turn(&mut self, pool: &ThreadPool) {
        let (nanos, atol, mut n) = (self.nanos, self.atol, 0);
        let inline = Integrator::new(Inline::new(busy(nanos))).method(METHOD());
        let begin = processor();
        self.here = self.here.min(time(|| n = evaluations_of(inline.integrate_blocking(-1.0, 1.0, atol))));
        let middle = processor();
        let pooled = Integrator::new(pool.evaluator(busy(nanos))).method(METHOD());
        let there = time(|| assert_eq!(n, evaluations_of(pooled.integrate_blocking(-1.0, 1.0, atol))));
        self.there = self.there.min(there);
        let end = processor();
        // Of shorter ones, starting the threads would be most of it.
        if nanos >= 20_000 {
            self.halves = self.halves.min(time(|| {
                thread::scope(|scope| {
                    for half in 0..2 {
                        let f = busy(nanos);
                        scope.spawn(move || (half..n).step_by(2).for_each(|i| assert!(f(i as f64 / n as f64) > 0.0)));
                    }
                });
            }));
        }
        self.evaluations = n;
        self.here_used += middle - begin;
        self.there_used += end - middle;
    }

    fn print(&self) {
        let (here, there, halves) = (self.here / 1e3, self.there / 1e3, self.halves / 1e3);
        let f = format!("{} us", self.nanos / 1000);
        let (ratio, less, used) = (there / here, (there - 20.0) / here, self.there_used / self.here_used);
        print!("{f:>9} {:12} {here:10.1} {there:10.1} {ratio:8.3} {less:22.3} ", self.evaluations);
        if halves.is_finite() {
            println!("{halves:12.1} {:6.3} {used:10.3}", halves / there);
        } else {
            println!("{:>12} {:>6} {used:10.3}", "-", "-");
        }
    }
}

fn integrals() {
    println!(
        "\none integral, in us: on the calling thread, and by integrate-as-on-a-pool of 2 (the least of many turns, in ten rounds);\n\
         its evaluations alone on two threads, half on each, and what part of both the pool uses; processor time over inline"
    );
    println!(
        "{:>9} {:>12} {:>10} {:>10} {:>8} {:>22} {:>12} {:>6} {:>10}",
        "f", "evaluations", "inline", "pool", "ratio", "less a hand-off of 20", "two threads", "part", "processor"
    );
    let pool = ThreadPool::new(2);
    let mut pairs = [
        (0, 1.0, 30),
        (0, 1e-11, 30),
        (1_000, 1e9, 30),
        (1_000, 1.0, 30),
        (1_000, 1e-11, 20),
        (20_000, 1e-11, 4),
        (200_000, 1e-11, 1),
    ]
    .map(Pair::new);
    for _ in 0..10 {
        for pair in &mut pairs {
            (0..pair.turns).for_each(|_| pair.turn(&pool));
        }
    }
    pairs.iter().for_each(Pair::print);
}

fn evaluations_of(result: Result<coquad::Estimate, coquad::Error>) -> usize {
    match result {
        Ok(e) => e.evaluations,
        Err(coquad::Error::NotConverged { estimate, .. }) => estimate.evaluations,
        Err(error) => panic!("{error}"),
    }
}

const MANY: usize = 10_000;

/// Seconds of processor time that the process has used (Linux).
fn processor() -> f64 {
    // What a thread has used is written down when it pauses.
    thread::sleep(Duration::from_millis(1));
    let tasks = std::fs::read_dir("/proc/self/task").expect("this bench needs Linux's /proc");
    let used = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse::<f64>().ok()
    };
    tasks.flatten().filter_map(used).sum::<f64>() / 1e9
}

/// Equal integrals, all at once: how their ends are spread, and what they cost.
fn fairness() {
    println!("\n{MANY} integrals of a function of 1 us at once, by one integrator on a pool of 2");
    let pool = ThreadPool::new(2);
    for (name, atol) in [("short", 1e-2), ("long", 1e-8)] {
        let many = if name == "short" { MANY } else { MANY / 10 };
        let integrator = Integrator::new(pool.evaluator(busy(1_000))).method(METHOD());
        let start = Instant::now();
        let evaluations = AtomicUsize::new(0);
        let ends = block_on(join_all((0..many).map(|i| {
            let (integrator, evaluations) = (&integrator, &evaluations);
            async move {
                // Ranges that share no points.
                let shift = 1e-7 * i as f64;
                let e = integrator.integrate(-1.0 - shift, 1.0 + shift, atol).await.expect("a peak");
                evaluations.fetch_add(e.evaluations, Ordering::Relaxed);
                start.elapsed().as_secs_f64()
            }
        })));
        let mut ends = ends;
        ends.sort_by(f64::total_cmp);
        let last = ends[many - 1];
        println!(
            "{name}: {many} integrals, {} evaluations each; first end at {:.2}, median {:.2}, last {last:.2} s; cores used {:.2}",
            evaluations.load(Ordering::Relaxed) / many,
            ends[0],
            ends[many / 2],
            evaluations.load(Ordering::Relaxed) as f64 * 1e-6 / last,
        );
    }
}

/// Integrals per second by 1 and by 16 threads that call at the same time.
fn callers() {
    println!("\nthousand integrals of exp per second: 1 caller, 16 callers");
    let pool = ThreadPool::new(2);
    let on_pool = Integrator::new(pool.evaluator(f64::exp)).method(METHOD());
    let inline = Integrator::new(Inline::new(f64::exp)).method(METHOD());
    let rate = |callers: usize, each: usize, run: &(dyn Fn(f64) + Sync)| {
        let nanos = time(|| {
            thread::scope(|scope| {
                for caller in 0..callers {
                    // Work as equal as it can be of ranges that share no points.
                    let shift = caller as f64 * 1e-9;
                    scope.spawn(move || (0..each).for_each(|i| run(1.0 + shift + i as f64 / each as f64)));
                }
            });
        });
        (callers * each) as f64 / nanos * 1e6
    };
    let call = |b: f64| drop(black_box(inline.integrate_blocking(0.0, b, 1e-6)));
    let (mut one, mut sixteen) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        one.push(rate(1, 320_000, &call));
        sixteen.push(rate(16, 20_000, &call));
    }
    println!("{:44} {:10.1} {:10.1}", "inline, one integrator", median(one), median(sixteen));
    let call = |b: f64| drop(black_box(on_pool.integrate_blocking(0.0, b, 1e-6)));
    let (mut one, mut sixteen) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        one.push(rate(1, 1_600, &call));
        sixteen.push(rate(16, 100, &call));
    }
    println!("{:44} {:10.1} {:10.1}", "on a pool of 2, one integrator", median(one), median(sixteen));
}

/// From the drop of integrals until nothing of them is left: no future, and all threads free.
fn drops() {
    struct Alive(Arc<AtomicUsize>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    fn poll<F: Future>(integral: &mut std::pin::Pin<Box<F>>) {
        assert!(integral.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let report = |name: &str, times: Vec<f64>| {
        let most = times.iter().fold(0.0, |most: f64, &time| most.max(time)) / 1e6;
        println!("{name:44} {:10.3} {most:10.3}", median(times) / 1e6);
    };
    println!("\nms from a drop until all is idle: median, most of 100");

    let alive = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&alive);
    let never = evaluator_fn(1000, move |x: f64| {
        counted.fetch_add(1, Ordering::SeqCst);
        let alive = Alive(Arc::clone(&counted));
        async move {
            std::future::pending::<()>().await;
            drop(alive);
            Ok::<_, Infallible>(x)
        }
    });
    let integrator = Integrator::new(never).method(METHOD());
    let idle = |_| {
        let mut integral = Box::pin(integrator.integrate(-1.0, 1.0, 1e-11));
        poll(&mut integral);
        assert!(alive.load(Ordering::SeqCst) > 20);
        time(|| {
            drop(integral);
            assert_eq!(alive.load(Ordering::SeqCst), 0);
        })
    };
    report("1,000 async evaluations at most", (0..100).map(idle).collect());

    for (name, integrals) in
        [("1 integral on a pool of 2, 1 ms each", 1), ("1,000 integrals on a pool of 2, 1 ms each", 1000)]
    {
        let pool = ThreadPool::new(2);
        let slow = pool.evaluator(|x| {
            thread::sleep(Duration::from_millis(1));
            peak(x)
        });
        let integrator = Integrator::new(slow).method(METHOD());
        let idle = |i| {
            let a = -1.0 - f64::from(i);
            let mut all: Vec<_> = (0..integrals).map(|_| Box::pin(integrator.integrate(a, 1.0, 1e-11))).collect();
            all.iter_mut().for_each(poll);
            thread::sleep(Duration::from_millis(3));
            time(|| {
                drop(all);
                // Each waits for the other: both threads are free.
                let both = Arc::new(std::sync::Barrier::new(2));
                let wait = || {
                    let both = Arc::clone(&both);
                    pool.run(move || both.wait().is_leader())
                };
                block_on(join_all([wait(), wait()]));
            })
        };
        report(name, (0..100).map(idle).collect());
    }
}

fn main() {
    let only = std::env::args().nth(1).filter(|arg| !arg.starts_with('-'));
    if only.as_deref() == Some("peak") {
        return memory::peak_row();
    }
    let parts: [(&str, fn()); 8] = [
        ("evaluations", evaluations),
        ("fingerprint", fingerprint),
        ("integrals", integrals),
        ("memory", memory::waiting),
        ("peaks", memory::peaks),
        ("fairness", fairness),
        ("callers", callers),
        ("drops", drops),
    ];
    for (name, part) in parts {
        if only.as_deref().is_none_or(|only| only == name) {
            part();
        }
    }
}
