//! A fault every second, of any kind: nothing is lost, and most of the rate is kept.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use coquad::Evaluator;
use coquad_nats::{Nats, NatsEvaluator, Server};
use futures::executor::block_on;
use futures::stream::{FuturesUnordered, StreamExt};

use crate::operators::{ANSWERS, JOBS, fill};
use crate::support::proxy::{Fate, Proxy, Way};
use crate::support::worker::{WorkerProcess, peak};
use crate::support::{NatsServer, Random, Tool, runs, signal, until};

/// How many points are under way at once.
const AT_ONCE: u64 = 2_000;

/// Evaluates for so long, and returns how many values there were. Each must be right.
fn sweep(evaluator: &NatsEvaluator<f64>, first: u64, length: Duration, done: &AtomicU64) -> u64 {
    let begin = Instant::now();
    let ask = |number: u64| {
        let x = (first + number) as f64 / 2f64.powi(40);
        async move { (x, evaluator.evaluate(x).await) }
    };
    let mut next = AT_ONCE;
    let mut values: FuturesUnordered<_> = (0..AT_ONCE).map(ask).collect();
    block_on(async {
        while let Some((x, value)) = values.next().await {
            let value = value.unwrap_or_else(|error| panic!("{x:?}: {error}"));
            assert_eq!(value.to_bits(), peak(x).to_bits());
            done.fetch_add(1, Ordering::Relaxed);
            if begin.elapsed() < length {
                values.push(ask(next));
                next += 1;
            }
        }
    });
    next
}

/// One fault, which is over within a second.
fn fault(random: &mut Random, server: &mut NatsServer, proxy: &Proxy, workers: &mut [WorkerProcess]) -> &'static str {
    let tool = Tool::new(server);
    let context = tool.context();
    let victim = random.below(workers.len() as u64) as usize;
    match random.below(9) {
        0 => {
            server.kill();
            server.restart();
            "server killed"
        }
        1 => {
            let _ = tool.block_on(context.delete_stream(ANSWERS));
            "answers deleted"
        }
        2 => {
            let _ = tool.block_on(context.delete_stream(JOBS));
            "jobs deleted"
        }
        3 => {
            let _ = tool.block_on(async { context.get_stream(JOBS).await.ok()?.delete_consumer("ms").await.ok() });
            "consumer deleted"
        }
        4 => {
            let _ = tool.block_on(async { context.get_stream(JOBS).await.ok()?.purge().await.ok() });
            "jobs purged"
        }
        5 => {
            workers[victim] = WorkerProcess::start(server, "ms", 8);
            "worker killed"
        }
        6 => {
            signal(workers[victim].pid(), "STOP");
            thread::sleep(Duration::from_millis(300));
            signal(workers[victim].pid(), "CONT");
            "worker stopped"
        }
        7 => {
            let fate = if random.below(2) == 0 { Fate::Late } else { Fate::Lost };
            proxy.cut([Way::Both, Way::ToServer, Way::FromServer][random.below(3) as usize], fate);
            thread::sleep(Duration::from_millis(300));
            proxy.mend();
            "network cut"
        }
        _ => {
            tool.block_on(async {
                if context.get_stream(ANSWERS).await.is_ok() {
                    fill(&context, true).await;
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    fill(&context, false).await;
                }
            });
            "answers full"
        }
    }
}

#[test]
fn a_fault_every_second_loses_nothing() {
    let mut server = NatsServer::start();
    let proxy = Proxy::to(server.port);
    let mut workers: Vec<_> = (0..4).map(|_| WorkerProcess::start(&server, "ms", 8)).collect();
    let nats = block_on(Nats::connect(Server::new(proxy.url()).ack_wait(Duration::from_secs(2)))).unwrap();
    let evaluator = nats.evaluator::<f64>("ms");
    until("the workers are there", || evaluator.slots() == 32);
    let length = Duration::from_secs(runs(5, 60));
    let done = AtomicU64::new(0);
    sweep(&evaluator, 0, Duration::from_secs(1), &done);
    let calm = sweep(&evaluator, 1 << 36, length / 2, &done) * 2;
    // By kind: how many faults, and values in the second in which they happened.
    let (over, mut random, mut faults) = (AtomicBool::new(false), Random(19), BTreeMap::<_, (u64, u64, u64)>::new());
    let idle = AtomicU64::new(0);
    let evaluated = thread::scope(|scope| {
        let work = scope.spawn(|| {
            let evaluated = sweep(&evaluator, 1 << 37, length, &done);
            over.store(true, Ordering::Relaxed);
            evaluated
        });
        // In how many hundredths of a second there was no value.
        scope.spawn(|| {
            let mut before = 0;
            while !over.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(10));
                let now = done.load(Ordering::Relaxed);
                idle.fetch_add(u64::from(now == before), Ordering::Relaxed);
                before = now;
            }
        });
        while !over.load(Ordering::Relaxed) && !work.is_finished() {
            let begin = Instant::now();
            let (before, rested) = (done.load(Ordering::Relaxed), idle.load(Ordering::Relaxed));
            let kind = fault(&mut random, &mut server, &proxy, &mut workers);
            thread::sleep(Duration::from_secs(1).saturating_sub(begin.elapsed()));
            let (count, values, rest) = faults.entry(kind).or_default();
            *count += 1;
            *values += done.load(Ordering::Relaxed) - before;
            *rest += idle.load(Ordering::Relaxed) - rested;
        }
        work.join().unwrap()
    });
    println!(
        "{} faults in {length:?}: {evaluated} evaluations, none lost, {:.0} % of {calm} without; {:?}",
        faults.values().map(|(count, ..)| count).sum::<u64>(),
        100.0 * evaluated as f64 / calm as f64,
        nats.report()
    );
    for (kind, (count, values, rest)) in faults {
        println!(
            "{kind}: {count} times, {} values in the second, none for {} ms of it",
            values / count,
            10 * rest / count
        );
    }
}
