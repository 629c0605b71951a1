//! A coordinator that is stopped, or does not read as fast as answers come: what it has missed is
//! found as fast as the server says it.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use coquad::Evaluator;
use coquad_nats::{Nats, Server};
use futures::executor::block_on;
use futures::future::join_all;

use crate::support::worker::{WorkerProcess, peak};
use crate::support::{NatsServer, Tool, runs, signal, until};

const COORDINATOR: &str = "COQUAD_TEST_STOPPED";

/// The coordinator of the test below, in a process of its own: so many points at once, each in a job of
/// its own.
#[test]
fn coordinator_process() {
    let Ok(order) = std::env::var(COORDINATOR) else { return };
    let (count, url) = order.split_once(' ').expect("how many, and where");
    let count: u32 = count.parse().expect("a number");
    let nats = block_on(Nats::connect(Server::new(url))).unwrap();
    let evaluator = nats.evaluator::<f64>("peak").run("stopped");
    let xs: Vec<f64> = (0..count).map(|i| f64::from(i) / f64::from(count)).collect();
    for (x, value) in xs.iter().zip(block_on(join_all(xs.iter().map(|&x| evaluator.evaluate(x))))) {
        assert_eq!(value.unwrap().to_bits(), peak(*x).to_bits());
    }
    println!("{:?}", nats.report());
}

fn coordinator(server: &NatsServer, count: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["stalls::coordinator_process", "--exact", "--nocapture"])
        .env(COORDINATOR, format!("{count} {}", server.url()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// D15. Returns how long it took, and how long the coordinator was stopped.
fn evaluated(count: u64, stops: u64, pause: Duration) -> (Duration, Duration) {
    let server = NatsServer::start();
    let _workers: Vec<_> = (0..4).map(|_| WorkerProcess::start(&server, "peak", 8)).collect();
    let tool = Tool::new(&server);
    let nats = server.connect();
    until("the workers are there", || nats.evaluator::<f64>("peak").slots() == 32);
    let begin = Instant::now();
    let coordinator = coordinator(&server, count);
    let mut stopped = Duration::ZERO;
    for stop in 1..=stops {
        let some = count * stop / (2 * (stops + 1));
        until("it is under way", || tool.jobs_ever("default") >= some);
        let stop = Instant::now();
        signal(coordinator.id(), "STOP");
        thread::sleep(pause);
        signal(coordinator.id(), "CONT");
        stopped += stop.elapsed();
    }
    let output = coordinator.wait_with_output().unwrap();
    let wall = begin.elapsed();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let report = said.lines().find_map(|line| Some(&line[line.find("NatsReport")?..]));
    println!("{count} points, stopped {stopped:.2?}, wall {wall:.2?}: {}", report.unwrap());
    (wall, stopped)
}

#[test]
fn d15_a_coordinator_that_was_stopped_finds_what_it_missed() {
    let (count, stops) = (runs(3_000, 20_000), runs(1, 3));
    let (without, _) = evaluated(count, 0, Duration::ZERO);
    let (wall, stopped) = evaluated(count, stops, Duration::from_secs(runs(1, 3)));
    let ratio = (wall.as_secs_f64() - stopped.as_secs_f64()) / without.as_secs_f64();
    println!("{count} in flight, stopped {stops} times: (wall - stopped) / wall without = {ratio:.2}");
    // Today's 1.2, and as much again for a machine with other work.
    assert!(ratio < 2.4, "{ratio}");
}
