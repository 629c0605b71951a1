//! Prints what an evaluation costs on its way through each door: `cargo bench --features process --bench doors`.
//!
//! The integrand is free, so what is left is the way. The worker is this program, started again with the argument
//! `worker`. With the argument `fair`, evaluations that take 5 ms, and 200 ms one time in ten. With
//! `numpy`, a worker in Python that evaluates arrays.
#![allow(missing_docs, reason = "a program, not a library")]

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use coquad::{Evaluator, GaussKronrod, Inline, Integrator, Observer, Processes, ThreadPool, worker};
use futures::StreamExt;
use futures::executor::block_on;
use futures::stream;

const WORKERS: usize = 4;
const ROUND_TRIPS: usize = 4000;
const POINTS: usize = 400_000;

fn command(role: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    command.arg(role);
    command
}

/// The processor time of this process and of all its children that have ended, from its `stat`, in
/// seconds.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let words = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    words.skip(11).take(4).filter_map(|word| word.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Has the evaluator's processes ended, so that their time is counted, and prints what each of so
/// many evaluations took.
fn print_processor<E>(evaluator: E, before: f64, evaluations: usize) {
    drop(evaluator);
    thread::sleep(Duration::from_millis(100));
    println!("{:8.2}", (processor() - before) / evaluations as f64 * 1e6);
}

/// Round trips with one in flight, in µs, the throughput with 1,000 in flight, and the processor
/// time of each.
fn door<E: Evaluator>(name: &str, evaluator: E) {
    let before = block_on(async {
        for i in 0..200 {
            let _ = evaluator.evaluate(f64::from(i)).await;
        }
        let mut trips = Vec::with_capacity(ROUND_TRIPS);
        for i in 0..ROUND_TRIPS {
            let start = Instant::now();
            let _ = evaluator.evaluate(i as f64).await;
            trips.push(start.elapsed().as_nanos() as f64 / 1e3);
        }
        trips.sort_by(f64::total_cmp);
        let rate = async |points: usize| {
            let start = Instant::now();
            let all = stream::iter(0..points).map(|i| evaluator.evaluate(i as f64)).buffer_unordered(1000);
            all.for_each(|value| async move { assert!(value.is_ok()) }).await;
            points as f64 / start.elapsed().as_secs_f64()
        };
        let before = processor();
        rate(POINTS / 4).await;
        let (median, p99) = (trips[ROUND_TRIPS / 2], trips[ROUND_TRIPS * 99 / 100]);
        print!("{name:34} {median:8.2} {p99:8.2} {:10.0} ", rate(POINTS).await);
        before
    });
    print_processor(evaluator, before, POINTS / 4 + POINTS);
}

/// The throughput with 1,000 points in flight, asked for by calls for 100.
fn calls<E: Evaluator>(name: &str, evaluator: E) {
    let rate = async |calls: usize| {
        let points = |call: usize| (0..100).map(|i| (100 * call + i) as f64).collect::<Vec<f64>>();
        let start = Instant::now();
        let all = stream::iter(0..calls).map(|call| {
            let (xs, evaluator) = (points(call), &evaluator);
            async move { evaluator.evaluate_batch(&xs).await }
        });
        all.buffer_unordered(10).for_each(|values| async move { assert!(values.iter().all(Result::is_ok)) }).await;
        100.0 * calls as f64 / start.elapsed().as_secs_f64()
    };
    let before = processor();
    block_on(async {
        rate(POINTS / 400).await;
        print!("{name:52} {:10.0} ", rate(POINTS / 100).await);
    });
    print_processor(evaluator, before, POINTS / 4 + POINTS);
}

/// A worker in Python with numpy, of which PYTHONPATH says where it is: one evaluation at a time,
/// and as many as there are.
fn numpy() {
    let worker = || {
        let mut command = Command::new("python3");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/numpy_worker.py"));
        Processes::new(1, command)
    };
    door("numpy, 1 worker", worker());
    calls("numpy, 1 worker, calls for 100", worker());
    calls("numpy, 1 worker, window 1000, calls for 100", worker().window(1000));
}

/// 5 ms, and one time in ten 200 ms: a hash of the point says when.
fn skewed_seconds(x: f64) -> f64 {
    let hash = (x.to_bits() ^ (x.to_bits() >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    if hash % 10 == 0 { 0.2 } else { 0.005 }
}

fn skewed(x: f64) -> f64 {
    thread::sleep(Duration::from_secs_f64(skewed_seconds(x)));
    (x * 1e6).sin()
}

#[derive(Default)]
struct Work(std::sync::Mutex<f64>);

impl Observer<f64> for Work {
    fn started(&self, x: f64, _: bool) {
        *self.0.lock().expect("nobody panics with it") += skewed_seconds(x);
    }
}

/// Wall over ideal, the ideal being all evaluations that were run, spread evenly over the workers.
fn fairness(name: &str, evaluator: impl Evaluator<Value = f64> + 'static) {
    let _ = block_on(futures::future::join_all((0..64).map(|i| evaluator.evaluate(f64::from(i)))));
    let work = Arc::new(Work::default());
    let integrator =
        Integrator::new(evaluator).method(GaussKronrod::new(21)).max_evaluations(400).observer(work.clone());
    let start = Instant::now();
    let end = integrator.integrate_blocking(0.0, 1.0, 1e-12);
    let wall = start.elapsed().as_secs_f64();
    assert!(end.is_err(), "noise has no integral");
    let ideal = *work.0.lock().expect("nobody panics with it") / WORKERS as f64;
    println!("{name:34} wall {wall:6.2} s, ideal {ideal:6.2} s, ratio {:.3}", wall / ideal);
}

fn main() {
    match env::args().nth(1).as_deref() {
        Some("worker") => return worker::serve(|x: f64| x * 0.5).expect("the coordinator is there"),
        Some("skewed") => return worker::serve(skewed).expect("the coordinator is there"),
        Some("numpy") => return numpy(),
        Some("fair") => {
            fairness("ThreadPool", ThreadPool::new(WORKERS).evaluator(skewed));
            fairness("Processes", Processes::new(WORKERS, command("skewed")));
            return;
        }
        _ => {}
    }
    println!("{WORKERS} workers");
    println!("{:34} {:>8} {:>8} {:>10} {:>8}", "", "median", "p99 µs", "a second", "µs each");
    door("Inline", Inline::new(|x: f64| x * 0.5));
    door("ThreadPool", ThreadPool::new(WORKERS).evaluator(|x: f64| x * 0.5));
    door("Processes", Processes::new(WORKERS, command("worker")));
    calls("Processes, calls for 100", Processes::new(WORKERS, command("worker")));
    door("Processes, 1 worker, window 1000", Processes::new(1, command("worker")).window(1000));
    door("Processes, window 250 each", Processes::new(WORKERS, command("worker")).window(250));
}
