//! Workers, servers, networks and coordinators that are killed, stopped, cut and robbed: the answer keeps its bits.

use std::any::Any;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use coquad::{Error as Failure, Evaluator, Integrator};
use coquad_nats::{Error, Nats, Server, Worker};
use futures::executor::block_on;
use futures::future::{Either, join_all, select};

use crate::python;
use crate::support::proxy::{Fate, Proxy, Way};
use crate::support::worker::{TALLY, URL, WorkerProcess, peak, points};
use crate::support::{NatsServer, Random, Tool, runs, signal, until};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beyond {
    Coordinator,
    Worker,
}

/// Who is cut off, which way, and what becomes of what was sent.
const CUTS: [(Beyond, Way, Fate); 12] = {
    use {Beyond::*, Fate::*, Way::*};
    [
        (Coordinator, ToServer, Late),
        (Coordinator, ToServer, Lost),
        (Coordinator, FromServer, Late),
        (Coordinator, FromServer, Lost),
        (Coordinator, Both, Late),
        (Coordinator, Both, Lost),
        (Worker, ToServer, Late),
        (Worker, ToServer, Lost),
        (Worker, FromServer, Late),
        (Worker, FromServer, Lost),
        (Worker, Both, Late),
        (Worker, Both, Lost),
    ]
};

/// What no evaluation here takes: a test that fails shall end.
const AT_MOST: Duration = Duration::from_secs(60);

/// All values at `count` points, each with the bits that it must have.
async fn sweep(evaluator: &impl Evaluator<Value = f64>, count: u32) {
    let xs: Vec<f64> = (0..count).map(|i| f64::from(i) / f64::from(count)).collect();
    let values = join_all(xs.iter().map(|&x| evaluator.evaluate(x))).await;
    for (x, value) in xs.iter().zip(values) {
        assert_eq!(value.unwrap_or_else(|error| panic!("{x:?}: {error}")).to_bits(), peak(*x).to_bits());
    }
}

#[test]
fn workers_killed_and_stopped_at_random_change_no_bit() {
    let mut random = Random(7);
    let (mut trials, mut twice) = (0, 0);
    for _ in 0..runs(8, 50) {
        let server = NatsServer::start();
        let tally = server.folder.path().join("tally");
        let worker = || WorkerProcess::tallied(&server, "slow", 1, &tally);
        let mut workers: Vec<_> = (0..4).map(|_| worker()).collect();
        let nats = server.connect();
        let evaluator = nats.evaluator::<f64>("slow");
        until("the workers are there", || evaluator.slots() == 4);
        thread::scope(|scope| {
            let work = scope.spawn(|| block_on(sweep(&evaluator, 100)));
            for part in 0..2 {
                let begun = (45 * part + random.below(45)) as usize;
                until("so many are begun", || points(&tally).len() >= begun);
                let victim = random.below(4) as usize;
                if random.below(2) == 0 {
                    workers[victim].kill();
                    workers[victim] = worker();
                } else {
                    signal(workers[victim].pid(), "STOP");
                }
            }
            work.join().unwrap();
        });
        let evaluated = points(&tally).len();
        // Each of the two may have cost what its worker had: one evaluation, in which it died.
        assert!((100..=102).contains(&evaluated), "{evaluated} evaluations of 100 points");
        trials += 1;
        twice += evaluated - 100;
    }
    println!("{trials} runs, two workers killed or stopped in each, none lost, {twice} points evaluated twice");
}

#[test]
fn the_late_answer_of_a_worker_that_was_stopped_is_dropped() {
    let server = NatsServer::start();
    let tally = server.folder.path().join("tally");
    let nats = server.connect();
    let evaluator = nats.evaluator::<f64>("own").deadline(Duration::from_secs(60));
    let late = WorkerProcess::tallied(&server, "own", 1, &tally);
    until("the first worker is there", || evaluator.slots() == 1);
    thread::scope(|scope| {
        let value = scope.spawn(|| block_on(evaluator.evaluate(0.5)));
        until("it is busy", || points(&tally).len() == 1);
        signal(late.pid(), "STOP");
        let other = WorkerProcess::tallied(&server, "own", 1, &tally);
        until("the other one is busy", || points(&tally).len() == 2);
        assert_eq!(value.join().unwrap().unwrap().to_bits(), f64::from(other.pid()).to_bits());
        signal(late.pid(), "CONT");
        // Its answer and its acknowledgement arrive, and take nobody else's place.
        for x in [0.6, 0.7, 0.8, 0.9] {
            let value = block_on(evaluator.evaluate(x)).unwrap();
            assert!([late.pid(), other.pid()].map(f64::from).contains(&value), "{value}");
        }
    });
    until("nothing is left", || Tool::new(&server).jobs_waiting("default") == 0);
    assert_eq!(points(&tally).len(), 6);
}

/// D5: a worker is stopped for longer than the server waits, so that another has its job. Woken, it ends its evaluation, or
/// is told to stop: it says nothing of the job that is no longer its own, and the other one's answer counts.
fn a_former_holder_is_silent(
    function: &str,
    orders: &[&str],
    start: impl Fn(&NatsServer, &Path) -> (u32, Box<dyn Any>),
) {
    let server = NatsServer::start();
    let tally = server.folder.path().join("tally");
    let nats = server.connect();
    let evaluator = nats.evaluator::<f64>(function).deadline(AT_MOST);
    let (former, _former) = start(&server, &tally);
    until("the first worker is there", || evaluator.slots() == 1);
    // Whatever is said of the first delivery, to the server or to the coordinator.
    let tool = Tool::new(&server);
    let said = tool.hear(&["$JS.ACK.COQUAD1_default_JOBS.*.1.1.>", "coquad1.default.res.>"]);
    thread::scope(|scope| {
        let value = scope.spawn(|| block_on(evaluator.evaluate(0.5)));
        until("it is busy", || points(&tally).len() == 1);
        signal(former, "STOP");
        let (_, other) = start(&server, &tally);
        until("the other one is busy", || points(&tally).len() == 2);
        let before = said.lock().unwrap().len();
        signal(former, "CONT");
        for order in orders {
            signal(former, order);
        }
        let outcome = value.join().unwrap();
        if function.ends_with("fails") {
            assert!(outcome.unwrap_err().to_string().ends_with("no value"));
        } else {
            assert_eq!(outcome.unwrap().to_bits(), peak(0.5).to_bits());
        }
        // The answer of the present holder, and nothing else, when the former one has ended or gone on to the next point.
        until("nothing is left", || tool.jobs_waiting("default") == 0);
        drop(other);
        if orders.is_empty() {
            let _ = block_on(evaluator.evaluate(0.75));
            assert_eq!(points(&tally).len(), 3);
        } else {
            until("the former one has ended", || has_ended(former));
            assert_eq!(points(&tally).len(), 2);
        }
        tool.block_on(tool.client.publish("coquad1.default.res.r-end.end", "".into())).unwrap();
        let heard = || said.lock().unwrap()[before..].to_vec();
        until("all is heard", || heard().last().is_some_and(|line| line.contains(".r-end.end")));
        let mut said = heard();
        // The mark of the other one, that it has begun, may be heard late.
        said.retain(|line| !line.contains("-begun "));
        assert_eq!(said.len(), if orders.is_empty() { 3 } else { 2 }, "{function}, {orders:?}: {said:?}");
        assert!(said.iter().all(|line| line.starts_with("coquad1.default.res.")), "{said:?}");
    });
    assert_eq!((nats.report().duplicates, nats.report().conflicts, nats.report().republished), (0, 0, 0));
}

/// Whether a process has ended that nobody has waited for.
fn has_ended(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
}

#[test]
fn a_former_holder_says_nothing_of_its_job() {
    let rust = |server: &NatsServer, function: &str, tally: &Path| -> (u32, Box<dyn Any>) {
        let worker = WorkerProcess::tallied(server, function, 1, tally);
        (worker.pid(), Box::new(worker))
    };
    for function in ["longer", "longer-fails"] {
        for orders in [&[][..], &["TERM"], &["TERM", "INT"]] {
            a_former_holder_is_silent(function, orders, |server, tally| rust(server, function, tally));
        }
    }
}

#[test]
fn a_former_holder_in_python_says_nothing_of_its_job() {
    let program = "import struct, time, os\ndef f(x):\n    \
        open(sys.argv[2], 'a').write(struct.pack('>d', x).hex() + f' {os.getpid()} 0\\n')\n    time.sleep(2.5)\n    \
        if FAILS: raise ValueError('no value')\n    return 1.0 / (1e-3 + (x - 0.3) * (x - 0.3))\n";
    for function in ["longer", "longer-fails"] {
        let fails = if function == "longer" { "False" } else { "True" };
        let program = format!("FAILS = {fails}\n{program}serve_nats(URL, {function:?}, f, patience=2)\n");
        for orders in [&[][..], &["TERM"], &["TERM", "INT"]] {
            a_former_holder_is_silent(function, orders, |server, tally| {
                let worker = python::worker(server, &program, &[tally.to_str().unwrap()]);
                (worker.0.id(), Box::new(worker))
            });
        }
    }
}

/// D6: the server gives a job up and reports it while the coordinator is cut off, and the queue never rests.
#[test]
fn a_job_given_up_while_nobody_listened_is_recognised_on_a_busy_queue() {
    let server = NatsServer::start();
    let proxy = Proxy::to(server.port);
    let tally = server.folder.path().join("tally");
    let through = Server::new(proxy.url()).ack_wait(Duration::from_secs(1));
    let nats = block_on(Nats::connect(through)).unwrap();
    let evaluator = nats.evaluator::<f64>("kills").deadline(AT_MOST);
    let busy = server.connect();
    let others = busy.evaluator::<f64>("kills").deadline(AT_MOST);
    let tool = Tool::new(&server);
    let reports = tool.hear(&["$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"]);
    let over = AtomicBool::new(false);
    let mut workers = Vec::new();
    thread::scope(|scope| {
        let value = scope.spawn(|| block_on(evaluator.evaluate(0.5)));
        until("the job is queued", || tool.jobs_waiting("default") == 1);
        proxy.cut(Way::Both, Fate::Lost);
        // Two at a time, with room for neither to be missing.
        for half in [0.0, 0.5] {
            let (over, others) = (&over, &others);
            scope.spawn(move || {
                for i in 1.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let xs = [0.0, 0.1, 0.2].map(|part| half + (part + f64::from(i) / 1e6) / 2.0 + 1e-9);
                    assert!(block_on(join_all(xs.map(|x| others.evaluate(x)))).iter().all(Result::is_ok));
                }
            });
        }
        // Three of them die of it.
        workers.extend((0..5).map(|_| WorkerProcess::tallied(&server, "kills", 1, &tally)));
        until("the server has given it up", || reports.lock().unwrap().len() == 1);
        let mended = Instant::now();
        proxy.mend();
        let lost = value.join().unwrap().unwrap_err();
        let after = mended.elapsed();
        over.store(true, Ordering::Relaxed);
        assert!(matches!(lost.downcast_ref(), Some(Error::WorkerLost { .. })), "{lost}");
        println!("recognised {after:.2?} after the network was mended");
        assert!(after < Duration::from_secs(20), "{after:?}");
    });
    assert_eq!(points(&tally).iter().filter(|point| **point == "3fe0000000000000").count(), 3);
}

/// Four workers have 100 points, and the server is killed and comes back after a while, with its store or without.
fn server_dies(seed: u64, loses_store: bool) {
    let mut random = Random(seed);
    let (mut evaluated, mut trials) = (0, 0);
    for _ in 0..runs(2, 20) {
        let mut server = NatsServer::start();
        let tally = server.folder.path().join("tally");
        let _workers: Vec<_> = (0..4).map(|_| WorkerProcess::tallied(&server, "slow", 1, &tally)).collect();
        let nats = server.connect();
        let evaluator = nats.evaluator::<f64>("slow");
        until("the workers are there", || evaluator.slots() == 4);
        thread::scope(|scope| {
            let work = scope.spawn(|| block_on(sweep(&evaluator, 100)));
            let begun = 4 + random.below(90) as usize;
            until("so many are begun", || points(&tally).len() >= begun);
            server.kill();
            if loses_store {
                server.lose_store();
            }
            // How long it is away.
            thread::sleep(Duration::from_millis(random.below(500)));
            server.restart();
            work.join().unwrap();
        });
        let points = points(&tally).len();
        // At most what the workers had is evaluated twice where the store survives.
        assert!((100..=if loses_store { 200 } else { 104 }).contains(&points), "{points} evaluations of 100 points");
        evaluated += points;
        trials += 1;
    }
    println!("{trials} runs, none lost, {} of {} points evaluated twice", evaluated - 100 * trials, 100 * trials);
}

#[test]
fn a_server_killed_and_restarted_in_the_middle_loses_nothing() {
    server_dies(11, false);
}

#[test]
fn a_server_that_loses_its_store_in_the_middle_loses_nothing() {
    server_dies(13, true);
}

/// The network is cut in the middle of an integral, one way or both, and mended: beyond it is the coordinator, or one
/// worker of four.
#[test]
fn a_partition_of_any_kind_that_is_mended_loses_nothing() {
    let (mut random, mut trials, mut twice) = (Random(17), 0, 0);
    for _ in 0..runs(1, 25) {
        let server = NatsServer::start();
        let tally = server.folder.path().join("tally");
        let _workers: Vec<_> = (0..3).map(|_| WorkerProcess::tallied(&server, "slow", 1, &tally)).collect();
        let (near, far) = (Proxy::to(server.port), Proxy::to(server.port));
        let _fourth = WorkerProcess::with(&server, "slow", 1, |command| {
            command.env(URL, far.url()).env(TALLY, &tally);
        });
        let nats = block_on(Nats::connect(Server::new(near.url()).ack_wait(Duration::from_secs(1)))).unwrap();
        let evaluator = nats.evaluator::<f64>("slow");
        for (number, (beyond, way, fate)) in CUTS.into_iter().enumerate() {
            until("the workers are there", || evaluator.slots() == 4);
            let proxy = if beyond == Beyond::Coordinator { &near } else { &far };
            let evaluator = |half| evaluator.clone().parameters([number as u8, half]);
            let before = points(&tally).len();
            thread::scope(|scope| {
                let work = scope.spawn(|| block_on(sweep(&evaluator(0), 40)));
                until("it is under way", || points(&tally).len() >= before + 10);
                proxy.cut(way, fate);
                // Some are asked for before, some while nothing passes.
                let more = scope.spawn(|| block_on(sweep(&evaluator(1), 20)));
                // How long that lasts.
                thread::sleep(Duration::from_millis(random.below(1500)));
                proxy.mend();
                work.join().unwrap();
                more.join().unwrap();
            });
            let evaluated = points(&tally).len() - before;
            // Whoever was cut off has one evaluation at most.
            assert!(
                (60..=64).contains(&evaluated),
                "{beyond:?} {way:?} {fate:?}: {evaluated} evaluations of 60 points"
            );
            trials += 1;
            twice += evaluated - 60;
        }
    }
    println!("{trials} runs with the network cut, none lost, {twice} of {} points evaluated twice", 60 * trials);
}

#[test]
fn a_partition_that_is_not_mended_ends_at_the_deadline() {
    let server = NatsServer::start();
    let _workers = WorkerProcess::four(&server, "slow");
    for way in [Way::ToServer, Way::FromServer, Way::Both] {
        for fate in [Fate::Late, Fate::Lost] {
            let proxy = Proxy::to(server.port);
            let nats = block_on(Nats::connect(Server::new(proxy.url()).ack_wait(Duration::from_secs(1)))).unwrap();
            let evaluator = nats.evaluator::<f64>("slow").deadline(Duration::from_millis(400));
            until("the workers are there", || evaluator.slots() == 4);
            proxy.cut(way, fate);
            let late = Integrator::new(evaluator).integrate_blocking(0.0, 1.0, 1e-9).unwrap_err();
            let Failure::Evaluation { source, .. } = late else { panic!("{way:?} {fate:?}: {late}") };
            assert!(matches!(source.downcast_ref(), Some(Error::Deadline { .. })), "{way:?} {fate:?}: {source}");
        }
    }
}

/// The coordinator of the test below, in a process of its own.
#[test]
fn coordinator_process() {
    let Ok(url) = std::env::var("COQUAD_TEST_COORDINATOR") else { return };
    let nats = block_on(Nats::connect(Server::new(url).ack_wait(Duration::from_secs(1)))).unwrap();
    let integrator = Integrator::new(nats.evaluator::<f64>("slow").run("resumed"));
    let e = block_on(integrator.integrate(0.0, 1.0, 1e-9)).unwrap();
    println!("answer {:016x} {}", e.value.to_bits(), e.evaluations);
}

#[test]
fn a_coordinator_killed_and_started_again_evaluates_only_what_is_missing() {
    let expected = Integrator::new(coquad::Inline::new(peak)).integrate_blocking(0.0, 1.0, 1e-9).unwrap();
    let server = NatsServer::start();
    let tally = server.folder.path().join("tally");
    let _workers: Vec<_> = (0..4).map(|_| WorkerProcess::tallied(&server, "slow", 1, &tally)).collect();
    let coordinator = || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["faults::coordinator_process", "--exact", "--nocapture"])
            .env("COQUAD_TEST_COORDINATOR", server.url())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let lines = || points(&tally);
    let mut first = coordinator();
    until("it is under way", || lines().len() >= 50);
    first.kill().unwrap();
    first.wait().unwrap();
    let output = coordinator().wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let wanted = format!("answer {:016x} {}", expected.value.to_bits(), expected.evaluations);
    assert!(said.contains(&wanted), "{wanted} in {said}");
    let all = lines();
    let mut distinct = all.clone();
    distinct.sort();
    distinct.dedup();
    // Nothing is evaluated twice: neither what was answered nor what was waiting when the first one died.
    assert_eq!(all.len(), distinct.len());
}

#[test]
fn a_point_that_kills_its_workers_is_given_up_and_others_are_not() {
    let server = NatsServer::start();
    let mut workers = WorkerProcess::four(&server, "kills");
    let nats = server.connect();
    let evaluator = nats.evaluator::<f64>("kills");
    until("the workers are there", || evaluator.slots() == 4);
    // Amid others, for which the one that is left has work for a while: it is told of before they are through.
    let others: Vec<f64> = (1..500).map(|i| f64::from(i) / 1024.0).collect();
    let others = Box::pin(join_all(others.iter().map(|&x| evaluator.evaluate(x))));
    let first = block_on(select(Box::pin(evaluator.evaluate(0.5)), others));
    let Either::Left((Err(poison), others)) = first else { panic!("the others were sooner") };
    assert!(matches!(poison.downcast_ref(), Some(Error::WorkerLost { .. })), "{poison}");
    assert!(block_on(others).iter().all(Result::is_ok));
    workers.clear();
}

#[test]
fn an_evaluation_that_hangs_ends_at_its_time_limit() {
    let server = NatsServer::start();
    let _worker = WorkerProcess::start(&server, "hangs", 1);
    let nats = server.connect();
    let evaluator = nats.evaluator::<f64>("hangs").time_limit(Duration::from_millis(1500)).deadline(AT_MOST);
    let late = block_on(evaluator.evaluate(0.5)).unwrap_err();
    assert!(matches!(late.downcast_ref(), Some(Error::Timeout { .. })), "{late}");
    // An async one is dropped, and its slot free again.
    let _other = Worker::new(server.server())
        .serve_evaluator(
            "hangs-async",
            coquad::evaluator_fn(1, |x: f64| async move {
                if x > 0.0 {
                    std::future::pending::<()>().await
                }
                Ok::<_, String>(x)
            }),
        )
        .slots(1)
        .start()
        .unwrap();
    let evaluator = nats.evaluator::<f64>("hangs-async").time_limit(Duration::from_millis(200)).deadline(AT_MOST);
    assert!(block_on(evaluator.evaluate(1.0)).is_err());
    assert_eq!(block_on(evaluator.evaluate(-1.0)).unwrap().to_bits(), (-1f64).to_bits());
}

/// D19: three times the job is given to somebody who never has it, as when the connection breaks.
#[test]
fn d19_a_job_that_is_lost_on_its_way_is_no_dead_worker() {
    let server = NatsServer::start();
    let nats = server.connect();
    let evaluator = nats.evaluator::<f64>("peak").deadline(AT_MOST);
    let tool = Tool::new(&server);
    let reports = tool.hear(&["$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"]);
    thread::scope(|scope| {
        let value = scope.spawn(|| block_on(evaluator.evaluate(0.5)));
        until("the job is queued", || tool.stream_is_there("default") && tool.jobs_waiting("default") == 1);
        let _interest = tool.hear(&["nobody"]);
        let next = "$JS.API.CONSUMER.MSG.NEXT.COQUAD1_default_JOBS.peak";
        until("the server has given it up", || {
            let asked = tool.client.publish_with_reply(next, "nobody", r#"{"batch":1,"no_wait":true}"#.into());
            tool.block_on(asked).unwrap();
            reports.lock().unwrap().len() == 1
        });
        let _worker = WorkerProcess::start(&server, "peak", 1);
        assert_eq!(value.join().unwrap().unwrap().to_bits(), peak(0.5).to_bits());
    });
    assert_eq!(nats.report().republished, 1);
}
