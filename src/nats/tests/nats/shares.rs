//! Runs that ask for more than the slots can do take turns, and what waits costs little.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use coquad::Evaluator;
use coquad_nats::{Nats, NatsEvaluator, Worker};
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::join_all;

use crate::support::worker::peak;
use crate::support::{NatsServer, Tool, runs, until};

/// Evaluates so many points that nobody has asked for, and returns how long that took.
fn wall(evaluator: &NatsEvaluator<f64>, first: f64, count: u32) -> Duration {
    let xs: Vec<f64> = (0..count).map(|i| first + f64::from(i) / f64::from(count)).collect();
    let begin = Instant::now();
    let values = block_on(join_all(xs.iter().map(|&x| evaluator.evaluate(x))));
    assert!(values.iter().all(Result::is_ok));
    begin.elapsed()
}

#[test]
fn a_small_run_does_not_wait_for_all_of_a_large_one() {
    let server = NatsServer::start();
    let f = |x: f64| {
        thread::sleep(Duration::from_millis(20));
        peak(x)
    };
    let _worker = Worker::new(server.server()).serve("slow", f).slots(8).start().unwrap();
    let (large, small) = (server.connect(), server.connect());
    let [large, small] = [&large, &small].map(|nats| nats.evaluator::<f64>("slow"));
    until("the slots are counted", || large.slots() == 8 && small.slots() == 8);
    let count = runs(1_000, 5_000) as u32;
    let tool = Tool::new(&server);
    for (one, other) in [(&large, &small), (&large.clone().run("large"), &small.clone().run("small"))] {
        // Each knows how long a point takes.
        let walls = [one, other].map(|evaluator| wall(evaluator, 10.0, 8));
        let alone = wall(other, 0.0, 50);
        let together = thread::scope(|scope| {
            let before = tool.jobs_ever("default");
            let busy = scope.spawn(|| wall(one, 20.0, count));
            until("the large one is under way", || tool.jobs_ever("default") > before + 16);
            let together = wall(other, 30.0, 50);
            assert!(!busy.is_finished());
            busy.join().unwrap();
            together
        });
        let ratio = together.as_secs_f64() / alone.as_secs_f64();
        println!("50 jobs beside {count}: {together:.0?}, alone {alone:.0?}, ratio {ratio:.2} ({walls:.0?})");
        assert!(ratio < 4.0, "{ratio}");
    }
}

#[test]
fn a_run_has_turns_as_its_weight_says() {
    let server = NatsServer::start();
    let nats = server.connect();
    let tool = Tool::new(&server);
    let evaluator = nats.evaluator::<f64>("nobody");
    let ask = |evaluator: NatsEvaluator<f64>, expected: u64| {
        let mut all = Box::pin(join_all((0..200).map(|i| evaluator.evaluate(f64::from(i)))));
        assert!(all.as_mut().now_or_never().is_none());
        until("as many are queued as may be", || tool.jobs_waiting("default") == expected);
        drop(all);
        until("they are taken back", || tool.jobs_waiting("default") == 0);
    };
    ask(evaluator.clone(), 32);
    ask(evaluator.clone().run("three").weight(3.0), 96);
    ask(evaluator.clone().run("quarter").weight(0.25), 8);
    ask(evaluator.clone().run("few").quota(5), 5);
    ask(evaluator.run("fewer").weight(0.05).quota(100), 2);
}

/// A run with a quota keeps no more slots busy, however many are free.
#[test]
fn a_run_has_no_more_slots_than_its_quota() {
    let server = NatsServer::start();
    let busy = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let counted = busy.clone();
    let f = move |x: f64| {
        counted[1].fetch_max(counted[0].fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(20));
        counted[0].fetch_sub(1, Ordering::SeqCst);
        peak(x)
    };
    let _worker = Worker::new(server.server()).serve("slow", f).slots(8).start().unwrap();
    let evaluator = server.connect().evaluator::<f64>("slow").quota(3);
    until("the slots are counted", || evaluator.slots() == 8);
    assert_eq!(evaluator.concurrency(), 3);
    wall(&evaluator, 0.0, 60);
    assert!(busy[1].load(Ordering::SeqCst) <= 3);
    wall(&evaluator.quota(usize::MAX), 1.0, 60);
    assert!(busy[1].load(Ordering::SeqCst) > 3);
}

const WAITING: &str = "COQUAD_TEST_WAITING";

/// Of this process, in KiB.
fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// The coordinator of the test below, in a process of its own.
#[test]
fn coordinator_process() {
    let Ok(order) = std::env::var(WAITING) else { return };
    let (count, url) = order.split_once(' ').expect("how many, and where");
    let count: u32 = count.parse().expect("a number");
    let nats = block_on(Nats::connect(url)).unwrap();
    let evaluator = nats.evaluator::<f64>("nobody");
    let before = memory("VmRSS:");
    let mut all = Box::pin(join_all((0..count).map(|i| evaluator.evaluate(f64::from(i)))));
    assert!(all.as_mut().now_or_never().is_none());
    until("all are known", || nats.report().waiting == u64::from(count));
    let each = (memory("VmHWM:") - before) as f64 * 1024.0 / f64::from(count);
    println!("each {each:.0} bytes");
}

#[test]
fn an_evaluation_that_waits_costs_two_kilobytes() {
    let server = NatsServer::start();
    let count = runs(20_000, 100_000);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["shares::coordinator_process", "--exact", "--nocapture"])
        .env(WAITING, format!("{count} {}", server.url()))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let each: f64 = said.lines().find_map(|line| line.split("each ").nth(1)?.split(' ').next()?.parse().ok()).unwrap();
    println!("{count} evaluations that wait: {each:.0} bytes each, the caller's futures included");
    assert!(each < 3000.0, "{each}");
}
