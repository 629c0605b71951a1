//! Workers that are told to stop: what they have is finished or handed back, and no signs of life need to be missed.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use coquad::Evaluator;
use coquad_nats::{Nats, Worker};
use futures::executor::block_on;
use futures::future::join_all;

use crate::support::worker::{WorkerProcess, peak, points};
use crate::support::{NatsServer, Tool, signal, until};

/// Longer than anything here may take: what only the missing of a sign of life would bring back does not come.
const NEVER: Duration = Duration::from_secs(3600);

/// What no evaluation here takes: a test that fails shall end.
const AT_MOST: Duration = Duration::from_secs(120);

fn patient(server: &NatsServer) -> Nats {
    block_on(Nats::connect(server.server().ack_wait(NEVER))).unwrap()
}

#[test]
fn a_worker_told_to_stop_finishes_what_it_has() {
    for name in ["TERM", "INT"] {
        let server = NatsServer::start();
        let tally = server.folder.path().join("tally");
        let nats = patient(&server);
        let evaluator = nats.evaluator::<f64>("long").deadline(AT_MOST);
        let worker = WorkerProcess::tallied(&server, "long", 2, &tally);
        until("the worker is there", || evaluator.slots() == 2);
        let xs = [0.1, 0.2, 0.3, 0.4];
        let values = std::thread::scope(|scope| {
            let values = scope.spawn(|| block_on(join_all(xs.iter().map(|&x| evaluator.evaluate(x)))));
            until("both slots are busy", || points(&tally).len() >= 2);
            signal(worker.pid(), name);
            assert!(worker.wait().success());
            // Two were finished, the others never begun.
            assert_eq!(points(&tally).len(), 2);
            let _other = WorkerProcess::tallied(&server, "long", 2, &tally);
            values.join().unwrap()
        });
        for (x, value) in xs.iter().zip(values) {
            assert_eq!(value.unwrap().to_bits(), peak(*x).to_bits());
        }
        assert_eq!(points(&tally).len(), 4);
    }
}

#[test]
fn what_a_leaving_worker_cannot_finish_is_handed_back_at_once() {
    let server = NatsServer::start();
    let nats = patient(&server);
    let evaluator = nats.evaluator::<f64>("hangs").deadline(AT_MOST);
    let tally = server.folder.path().join("tally");
    // Three workers leave before the fourth: as often as the server gives a job out.
    let begun = || points(&tally).len();
    let value = std::thread::scope(|scope| {
        let value = scope.spawn(|| block_on(evaluator.evaluate(0.5)));
        for count in 1..=3 {
            let worker = WorkerProcess::tallied(&server, "hangs", 1, &tally);
            until("it is begun", || begun() == count);
            // Told twice, it does not wait for what it has.
            signal(worker.pid(), "TERM");
            if count == 1 {
                signal(worker.pid(), "INT");
            }
            assert!(worker.wait().success());
        }
        let _worker = Worker::new(server.server()).serve("hangs", peak).slots(1).start().unwrap();
        value.join().unwrap()
    });
    assert_eq!(value.unwrap().to_bits(), peak(0.5).to_bits());
}

#[test]
fn a_worker_in_the_background_is_stopped_or_dropped() {
    let server = NatsServer::start();
    let nats = patient(&server);
    let evaluator = nats.evaluator::<f64>("f").deadline(AT_MOST);
    let (begun, beginnings) = std::sync::mpsc::channel();
    let start = || {
        let begun = begun.clone();
        let f = move |x: f64| {
            begun.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(300));
            x
        };
        Worker::new(server.server()).serve("f", f).slots(1).start().unwrap()
    };
    std::thread::scope(|scope| {
        let values = scope.spawn(|| block_on(join_all([1.0, 2.0, 3.0].map(|x| evaluator.evaluate(x)))));
        let first = start();
        beginnings.recv().unwrap();
        // Finishes the first.
        first.stop();
        let second = start();
        beginnings.recv().unwrap();
        let begin = Instant::now();
        // Hands back the second, which a third begins again.
        drop(second);
        assert!(begin.elapsed() < Duration::from_secs(60));
        let _third = start();
        beginnings.recv().unwrap();
        let values: Vec<_> = values.join().unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!(values, [1.0, 2.0, 3.0]);
    });
    assert_eq!(beginnings.try_iter().count(), 1);
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_supervisor_told_to_stop_finishes_and_takes_its_processes_along() {
    let server = NatsServer::start();
    let nats = patient(&server);
    let evaluator = nats.evaluator::<f64>("gap").deadline(AT_MOST);
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python");
    let mark = server.folder.path().join("begun");
    // Half a second for a point, and for ever at 2.
    let script = format!(
        "import time\nfrom coquad_worker import serve\ndef f(x):\n    open({mark:?}, 'a').write('.')\n    \
         time.sleep(1e6 if x == 2 else 0.5)\n    return x\nserve(f)\n"
    );
    let begun = || std::fs::read(&mark).map_or(0, |marks| marks.len());
    let supervisor = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coquad-worker"));
        command
            .args(["--server", &server.url(), "--serve", "gap", "--slots", "1", "--patience", "5"])
            .args(["--", "python3", "-c", &script])
            .env("PYTHONPATH", &module)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null());
        Killed(command.spawn().unwrap())
    };
    let ends = |mut supervisor: Killed| {
        until("the supervisor ends", || supervisor.0.try_wait().unwrap().is_some());
        assert!(supervisor.0.wait().unwrap().success());
    };
    std::thread::scope(|scope| {
        let first = supervisor();
        let value = scope.spawn(|| block_on(evaluator.evaluate(1.0)));
        until("it is begun", || begun() == 1);
        signal(first.0.id(), "TERM");
        ends(first);
        assert_eq!(value.join().unwrap().unwrap().to_bits(), 1f64.to_bits());

        // The process that never ends is killed with its supervisor, and its point given to another.
        let second = supervisor();
        let value = scope.spawn(|| block_on(evaluator.evaluate(2.0)));
        until("it is begun", || begun() == 2);
        let processes = || {
            let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
            let commands = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
            commands.filter(|command| String::from_utf8_lossy(command).contains(&format!("{mark:?}"))).count()
        };
        assert!(processes() >= 2, "the supervisor and the script");
        signal(second.0.id(), "TERM");
        signal(second.0.id(), "TERM");
        ends(second);
        until("the script is gone", || processes() == 0);
        let _other = Worker::new(server.server()).serve("gap", |x: f64| x).slots(1).start().unwrap();
        assert_eq!(value.join().unwrap().unwrap().to_bits(), 2f64.to_bits());
    });
}

/// D17: what its scripts have started goes with a supervisor that is killed.
#[test]
fn a_supervisor_that_is_killed_leaves_nothing_behind() {
    let server = NatsServer::start();
    let nats = patient(&server);
    let evaluator = nats.evaluator::<f64>("parents").deadline(AT_MOST);
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python");
    let mark = server.folder.path().join("parents");
    // Each has a child; evaluations other than of 0 never end.
    let script = format!(
        "import subprocess, sys, time\nfrom coquad_worker import serve\n\
         subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', {mark:?}])\n\
         def f(x):\n    time.sleep(600 * x)\n    return x\nserve(f)\n"
    );
    let processes = || {
        let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let commands = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        commands.filter(|command| String::from_utf8_lossy(command).contains(mark.to_str().unwrap())).count()
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_coquad-worker"));
    command.args(["--server", &server.url(), "--serve", "parents", "--slots", "4", "--", "python3", "-c", &script]);
    let mut supervisor = Killed(command.env("PYTHONPATH", &module).stdin(Stdio::null()).spawn().unwrap());
    std::thread::scope(|scope| {
        let (stop, stopped) = futures::channel::oneshot::channel::<()>();
        let busy = scope.spawn(|| {
            let all = join_all([1.0, 2.0, 3.0, 4.0].map(|x| evaluator.evaluate(x)));
            block_on(futures::future::select(Box::pin(all), stopped));
        });
        until("four scripts have a child each", || processes() >= 9);
        supervisor.0.kill().unwrap();
        let killed = Instant::now();
        supervisor.0.wait().unwrap();
        until("all are gone", || processes() == 0);
        println!("0 of 4 scripts' children alive after {:.2?}", killed.elapsed());
        drop(stop);
        busy.join().unwrap();
    });
}

const ABANDONED: &str = "COQUAD_TEST_ABANDONED";

/// The coordinator of the test below, in a process of its own.
#[test]
fn coordinator_process() {
    let Ok(url) = std::env::var(ABANDONED) else { return };
    let nats = block_on(Nats::connect(url)).unwrap();
    let evaluator = nats.evaluator::<f64>("long");
    let xs = (0..100).map(|i| f64::from(i) / 100.0);
    block_on(join_all(xs.map(|x| evaluator.evaluate(x))));
}

/// D24: what was queued by a coordinator that has died is evaluated for nobody.
#[test]
fn jobs_of_a_coordinator_that_died_are_dropped() {
    let server = NatsServer::start();
    let tally = server.folder.path().join("tally");
    let tool = Tool::new(&server);
    let mut coordinator = Command::new(std::env::current_exe().unwrap())
        .args(["leaving::coordinator_process", "--exact", "--nocapture"])
        .env(ABANDONED, server.url())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("some are queued", || tool.stream_is_there("default") && tool.jobs_waiting("default") == 32);
    // Not younger than what is evaluated unasked: a second.
    until("the last one is old", || tool.youngest_job().elapsed().unwrap_or_default() > Duration::from_millis(1200));
    let _worker = WorkerProcess::tallied(&server, "long", 4, &tally);
    until("it is under way", || points(&tally).len() >= 4);
    coordinator.kill().unwrap();
    let before = points(&tally).len();
    coordinator.wait().unwrap();
    until("the queue is empty", || tool.jobs_waiting("default") == 0);
    let after = points(&tally).len() - before;
    println!("{after} of {} jobs were evaluated for nobody", 32 - before);
    // Each of four slots has one more at most, if it ends just when the coordinator does.
    assert!(after <= 8, "{after}");
}
