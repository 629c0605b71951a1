//! Beginning and end: nothing is left behind, whoever goes first.

use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use coquad::Evaluator;
use futures::FutureExt;
use futures::executor::block_on;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use super::*;

/// Waits until it holds, for as long as a busy machine may take.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < patience, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn children() -> usize {
    let me = std::process::id().to_string();
    let all =
        fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    // "pid (name) state parent ...", zombies included.
    all.filter(|stat| stat.rsplit(") ").next().unwrap().split(' ').nth(1) == Some(&me)).count()
}

fn entries(of: &str) -> usize {
    fs::read_dir(format!("/proc/self/{of}")).unwrap().count()
}

/// Runs in a process of its own, so that what it counts is its own.
pub(super) fn leaves_nothing() {
    let folder = Folder::new();
    let count = || (children(), entries("fd"), entries("task"));
    let baseline = count();
    survives(folder.workers(3, "peaks"), "to the end");
    eventually("all is gone after a run", || count() == baseline);

    // Dropped with work in flight, at every stage of its life.
    for polls in 0..40 {
        let processes = Arc::new(folder.workers(2, "slow:1"));
        let integrator = Integrator::new(processes);
        let mut run = Box::pin(integrator.integrate(0.0, 1.0, 1e-6));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        for _ in 0..polls {
            assert!(run.poll_unpin(&mut cx).is_pending());
            thread::sleep(Duration::from_millis(1));
        }
    }
    eventually("all is gone after drops", || count() == baseline);

    let processes = Arc::new(Processes::<f64>::new(3, Command::new("/no/such/program")));
    assert!(by(&processes).is_err());
    drop(processes);
    eventually("all is gone after failures", || count() == baseline);
    println!("left nothing");
}

/// Runs the script in a process of its own, to its end.
fn alone(script: &str, says: &str) {
    let folder = Folder::new();
    let mut command = folder.command(script);
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains(says), "{text}");
    text.lines().filter(|line| line.contains(says)).for_each(|line| println!("{line}"));
}

#[test]
fn no_process_descriptor_or_thread_is_left_behind() {
    alone("leaves_nothing", "left nothing");
}

/// How many of this process's sockets listen.
fn listening() -> usize {
    // "socket:[number]"
    let entries = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let mine: Vec<_> = entries.map(|link| link.to_string_lossy().into_owned()).collect();
    let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default());
    let lines =
        tables.iter().flat_map(|table| table.lines().skip(1)).map(|line| line.split_whitespace().collect::<Vec<_>>());
    // State 0A is LISTEN; the tenth column is the number of the socket.
    lines.filter(|words| words[3] == "0A" && mine.contains(&format!("socket:[{}]", words[9]))).count()
}

/// With fewer and fewer descriptors, in a process of its own: as many workers as can be started do the work, and where none
/// can be, that is told.
pub(super) fn exhausted() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(listening(), 1);
    drop(listener);
    let folder = Folder::new();
    let (expected, idle) = (inline(), entries("fd"));
    let (mut few, mut none) = (0, 0);
    for spare in (0..24).rev().step_by(2) {
        eventually("those of the round before are closed", || entries("fd") == idle);
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(idle as u64 + spare), ..before }).unwrap();
        let processes = Arc::new(folder.workers(4, "slow:2"));
        let found = by(&processes);
        setrlimit(Resource::Nofile, before).unwrap();
        // The workers are there still.
        assert_eq!(listening(), 0);
        match found {
            Ok(found) => {
                assert_same(&found, &expected, "few descriptors");
                few += u32::from((1..4).contains(&processes.report().starts));
            }
            Err(error) => {
                assert!(matches!(cause(&error).1, ProcessError::NoWorkers { .. }), "{error}");
                none += 1;
            }
        }
    }
    assert!(few > 0 && none > 0, "{few} {none}");
    println!("as many as there may be");
}

#[test]
fn as_many_workers_as_can_be_started_do_the_work_and_none_listens() {
    alone("exhausted", "as many as there may be");
}

/// In a process of its own, what it has in memory (`VmRSS`) or had at most (`VmHWM`), in KiB.
fn memory(what: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

/// Workers that write junk for as long as they live, which is not long.
pub(super) fn flooded() {
    let folder = Folder::new();
    survives(folder.workers(4, "peaks"), "no flood");
    let before = memory("VmRSS:");
    for kind in 1..=4 {
        let folder = Folder::new();
        // The first twelve, three for each place.
        let report = survives(folder.workers(4, &format!("raw:flood:12:{kind}")).attempts(20), "flood");
        assert!(report.deaths >= 4, "{report:?}");
    }
    let most = memory("VmHWM:");
    assert!(most - before < 16 << 10, "{before} KiB before, {most} KiB at most");
    println!("flooded: {before} KiB before, {most} KiB at most");
}

#[test]
fn a_flood_of_junk_costs_no_memory() {
    alone("flooded", "KiB at most");
}

/// Has workers that are busy for ever, until it is killed.
pub(super) fn coordinator() {
    let folder = std::env::var(FOLDER).unwrap();
    let folder = std::mem::ManuallyDrop::new(Folder(folder.into()));
    let processes = super::worker::shared(&folder, 2);
    let _ = block_on(futures::future::join(processes.evaluate(0.0), processes.evaluate(1.0)));
}

#[test]
fn workers_die_with_their_coordinator() {
    let folder = Folder::new();
    let mut coordinator = folder.command("coordinator").spawn().unwrap();
    eventually("both workers run", || folder.pids().len() >= 3);
    // Killed while both are busy with what takes ten minutes, or about to be.
    coordinator.kill().unwrap();
    coordinator.wait().unwrap();
    eventually("they are gone", || folder.pids().is_empty());
}

/// Leaves a child at each worker, and one of that child, and is then killed.
#[test]
fn what_workers_have_started_dies_with_the_coordinator() {
    let parents = "
from coquad_worker import serve
import os, subprocess, time
subprocess.Popen('sleep 600 & sleep 600', shell=True)
def f(x):
    time.sleep(600 * x)
    return x
serve(f)";
    for (language, busy) in [("Rust", 1), ("Rust", 0), ("Python", 1), ("Python", 0)] {
        let folder = Folder::new();
        let mut coordinator = folder.command(&format!("parents:{busy}"));
        let mut python = super::python::script(parents);
        if language == "Python" {
            // By way of the environment: that is what a worker is known by.
            let words = std::iter::once(python.get_program()).chain(python.get_args());
            let words: Vec<_> = words.map(|word| word.to_str().unwrap().to_owned()).collect();
            coordinator.env("COQUAD_TEST_PYTHON", words.join("\u{1}"));
            coordinator.envs(python.get_envs().filter_map(|(key, value)| Some((key, value?))));
        } else {
            python.env_clear();
        }
        let mut coordinator = coordinator.spawn().unwrap();
        let sleeping = || {
            let commands = folder.pids().into_iter().map(|pid| fs::read(format!("/proc/{pid}/cmdline")));
            commands.filter(|command| command.as_ref().is_ok_and(|words| words == b"sleep\x00600\x00")).count()
        };
        eventually("four workers have started two each", || sleeping() >= 8);
        coordinator.kill().unwrap();
        let killed = Instant::now();
        coordinator.wait().unwrap();
        eventually("all are gone", || folder.pids().is_empty());
        println!("{language}, busy: {busy}: 0 of 4 workers' children alive after {:.2?}", killed.elapsed());
    }
}

/// The coordinator of that: its four workers have each had a point.
pub(super) fn parents(busy: bool) {
    let folder = std::env::var(FOLDER).unwrap();
    let folder = std::mem::ManuallyDrop::new(Folder(folder.into()));
    let command = match std::env::var("COQUAD_TEST_PYTHON") {
        Ok(words) => {
            let mut words = words.split('\u{1}');
            let mut command = Command::new(words.next().unwrap());
            command.args(words);
            command
        }
        Err(_) => folder.command("parent"),
    };
    let processes = Processes::new(4, command);
    let all = |x: f64| block_on(futures::future::join_all((0..4).map(|_| processes.evaluate(x))));
    // Short ones first, so that each serves; then what takes ten minutes, or nothing.
    all(1e-3);
    if busy {
        all(1.0);
    }
    thread::sleep(Duration::from_secs(600));
}

#[test]
fn a_worker_that_died_while_others_hold_its_pipe_is_found_out() {
    let folder = Folder::new();
    let report = survives(folder.workers(2, "forks"), "forks");
    assert_eq!(report.deaths, 1);
}

#[test]
fn workers_share_no_descriptors() {
    let folder = Folder::new();
    let ask = |workers: u32| {
        let processes = folder.workers(workers as usize, "descriptors");
        let all = (0..workers).map(|i| processes.evaluate(f64::from(i)));
        block_on(futures::future::join_all(all)).into_iter().map(Result::unwrap).collect::<Vec<_>>()
    };
    let alone = ask(1)[0];
    for count in ask(4) {
        assert!(count <= alone, "{count} descriptors, alone {alone}");
    }
}

#[test]
fn a_dropped_evaluation_leaves_the_stream_whole() {
    let folder = Folder::new();
    let processes = folder.workers(1, "echo");
    let mut cx = Context::from_waker(std::task::Waker::noop());
    for round in 0..300 {
        // Some are dropped before they are sent, some when they are on their way, some when they are answered.
        let mut dropped: Vec<_> = (0..8).map(|i| Box::pin(processes.evaluate(f64::from(-i)))).collect();
        for one in &mut dropped {
            // It may be answered within its first poll: this thread was put aside for so long.
            if let Poll::Ready(value) = one.poll_unpin(&mut cx) {
                value.unwrap();
            }
        }
        if round % 3 == 0 {
            thread::sleep(Duration::from_micros(50 * (round % 7)));
        }
        drop(dropped);
        let x = round as f64 + 0.5;
        assert_eq!(block_on(processes.evaluate(x)).unwrap().to_bits(), x.to_bits());
    }
    let report = processes.report();
    assert_eq!((report.deaths, report.protocol_errors), (0, 0), "{report:?}");
}

#[test]
fn nothing_is_started_before_it_is_needed_nor_more_than_that() {
    let folder = Folder::new();
    let processes = folder.workers(8, "echo");
    assert_eq!(processes.report(), ProcessReport::default());
    drop(processes.evaluate(1.0));
    assert_eq!(processes.report().starts, 0);
    for i in 0..20 {
        block_on(processes.evaluate(f64::from(i))).unwrap();
    }
    assert_eq!(processes.report().starts, 1);
}

#[test]
fn the_report_tells_what_waits_and_how_long() {
    const LONG: Duration = Duration::from_millis(300);
    let folder = Folder::new();
    let processes = folder.workers(2, "echo:300");
    let all = || futures::future::join_all((0..6).map(|i| processes.evaluate(f64::from(i))));
    // Until both serve.
    while block_on(all()).iter().any(Result::is_err) || processes.report().workers < 2 {}
    eventually("nothing is left", || processes.report().running == 0);
    let (before, begin) = (processes.report(), Instant::now());
    let mut values = Box::pin(all());
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(values.poll_unpin(&mut cx).is_pending());
    eventually("each worker has a point", || (processes.report().running, processes.report().waiting) == (2, 4));
    assert_eq!((processes.report().workers, processes.report().capacity), (2, 2));
    assert!(block_on(values).iter().all(Result::is_ok));
    eventually("the last is told", || processes.report().running == 0);
    let (report, took) = (processes.report(), begin.elapsed());
    assert_eq!((report.evaluations - before.evaluations, report.waiting), (6, 0), "{report:?}");
    let (waited, worked) = (report.waited - before.waited, report.worked - before.worked);
    // Six evaluations, by two workers; and those that came last waited for the others.
    assert!(worked >= 5 * LONG && worked <= 2 * took, "{worked:?} of {took:?}");
    assert!(waited > worked && waited <= 6 * took, "{waited:?} of {took:?}");
}

#[test]
fn an_idle_worker_that_dies_is_replaced_when_it_is_needed() {
    let folder = Folder::new();
    let processes = folder.workers(1, "echo");
    for round in 1..=5 {
        assert_eq!(block_on(processes.evaluate(2.0)).unwrap(), 2.0);
        for pid in folder.pids() {
            let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
        }
        eventually("the death is noticed", || processes.report().deaths == round);
    }
    let report = processes.report();
    assert_eq!((report.starts, report.requeues), (5, 0), "{report:?}");
}

#[test]
fn an_answer_that_nobody_waits_for_any_more_is_kept() {
    let folder = Folder::new();
    let tally = || fs::read(folder.0.join("tally")).unwrap_or_default();
    let integrator = Integrator::new(folder.workers(1, "tallied:20")).method(Simpson);
    let mut future = Box::pin(integrator.integrate(0.0, 1.0, 1e-2));
    assert!(future.poll_unpin(&mut Context::from_waker(futures::task::noop_waker_ref())).is_pending());
    eventually("an evaluation begins", || !tally().is_empty());
    drop(future);
    eventually("its answer is kept", || integrator.cache().len() == 1);
    integrator.integrate_blocking(0.0, 1.0, 1e-2).unwrap();
    let tally = tally();
    let mut points: Vec<&[u8]> = tally.chunks(8).collect();
    let evaluations = points.len();
    points.sort_unstable();
    points.dedup();
    assert_eq!(points.len(), evaluations, "a point was evaluated twice");
}
