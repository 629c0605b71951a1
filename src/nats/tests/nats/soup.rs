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

/// What came of the faults of one kind: how many there were, how many values in their seconds, and in how many hundredths
/// of a second there was none.
#[derive(Default)]
struct Row {
    count: u64,
    values: u64,
    idle: u64,
}

/// A fault every second for a minute, and so on until there are two million values, each minute after some seconds without.
#[test]
fn a_fault_every_second_loses_nothing() {
    let mut server = NatsServer::start();
    let proxy = Proxy::to(server.port);
    let mut workers: Vec<_> = (0..4).map(|_| WorkerProcess::start(&server, "ms", 8)).collect();
    let nats = block_on(Nats::connect(Server::new(proxy.url()).ack_wait(Duration::from_secs(2)))).unwrap();
    let evaluator = nats.evaluator::<f64>("ms");
    until("the workers are there", || evaluator.slots() == 32);
    let (length, least) = (Duration::from_secs(runs(5, 60)), runs(1, 2_000_000));
    let done = AtomicU64::new(0);
    // Points that nobody has asked for.
    let mut first = 0;
    let mut fresh = || {
        first += 1 << 32;
        first
    };
    sweep(&evaluator, fresh(), Duration::from_secs(1), &done);
    let (mut random, mut rows, mut all) = (Random(19), BTreeMap::<_, Row>::new(), [0; 3]);
    println!("{:>6} {:>6} {:>12} {:>12} {:>5}", "minute", "faults", "without, 1/s", "with, 1/s", "kept");
    while all[1] < least {
        let calm = length / 6;
        let without = sweep(&evaluator, fresh(), calm, &done) as f64 / calm.as_secs_f64();
        let (over, idle, mut faults) = (AtomicBool::new(false), AtomicU64::new(0), 0);
        let from = fresh();
        let evaluated = thread::scope(|scope| {
            let work = scope.spawn(|| {
                let evaluated = sweep(&evaluator, from, length, &done);
                over.store(true, Ordering::Relaxed);
                evaluated
            });
            let is_over = || over.load(Ordering::Relaxed) || work.is_finished();
            scope.spawn(|| {
                let mut before = 0;
                while !over.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(10));
                    let now = done.load(Ordering::Relaxed);
                    idle.fetch_add(u64::from(now == before), Ordering::Relaxed);
                    before = now;
                }
            });
            while !is_over() {
                let begin = Instant::now();
                let (before, rested) = (done.load(Ordering::Relaxed), idle.load(Ordering::Relaxed));
                let kind = fault(&mut random, &mut server, &proxy, &mut workers);
                thread::sleep(Duration::from_secs(1).saturating_sub(begin.elapsed()));
                let row = rows.entry(kind).or_default();
                row.count += 1;
                row.values += done.load(Ordering::Relaxed) - before;
                row.idle += idle.load(Ordering::Relaxed) - rested;
                faults += 1;
            }
            // A value that is wrong, or an error, is a panic there.
            over.store(true, Ordering::Relaxed);
            work.join().unwrap()
        });
        let with = evaluated as f64 / length.as_secs_f64();
        all = [all[0] + faults, all[1] + evaluated, all[2] + 1];
        println!("{:>6} {faults:>6} {without:>12.0} {with:>12.0} {:>4.0}%", all[2], 100.0 * with / without);
    }
    println!("{} faults: {} evaluations, none lost; {:?}", all[0], all[1], nats.report());
    println!("{:>20} {:>6} {:>17} {:>18}", "fault", "times", "values, its second", "ms of it with none");
    for (kind, Row { count, values, idle }) in rows {
        println!("{kind:>20} {count:>6} {:>17} {:>18}", values / count, 10 * idle / count);
    }
}
