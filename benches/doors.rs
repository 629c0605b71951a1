//! Prints what an evaluation costs on its way through each door: `cargo bench --features process --bench doors`.
//!
//! The integrand is free, so what is left is the way. The worker is this program, started again with the argument
//! `worker`. With the argument `fair`, evaluations that take 5 ms, and 200 ms one time in ten.
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

/// Round trips with one in flight, in µs, and the throughput with 1,000 in flight.
fn door<E: Evaluator>(name: &str, evaluator: E) {
    block_on(async {
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
        rate(POINTS / 4).await;
        let (median, p99) = (trips[ROUND_TRIPS / 2], trips[ROUND_TRIPS * 99 / 100]);
        println!("{name:34} {median:8.2} {p99:8.2} {:10.0}", rate(POINTS).await);
    });
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
        Some("fair") => {
            fairness("ThreadPool", ThreadPool::new(WORKERS).evaluator(skewed));
            fairness("Processes", Processes::new(WORKERS, command("skewed")));
            return;
        }
        _ => {}
    }
    println!("{:34} {:>8} {:>8} {:>10}   {WORKERS} workers", "", "median", "p99 µs", "per second");
    door("Inline", Inline::new(|x: f64| x * 0.5));
    door("ThreadPool", ThreadPool::new(WORKERS).evaluator(|x: f64| x * 0.5));
    door("Processes", Processes::new(WORKERS, command("worker")));
    door("Processes, 1 worker, window 1000", Processes::new(1, command("worker")).window(1000));
    door("Processes, window 250 each", Processes::new(WORKERS, command("worker")).window(250));
}
