//! Jobs of many points: whatever becomes of a job on its way, each of its points has its value, or
//! its own failure.

use std::io::Write;

use coquad::wire::{Answers, Frames, Hello, frame};
use coquad::{Death, Evaluator};
use futures::executor::block_on;
use rustix::process::{Pid, Signal, kill_process};

use super::worker::{Misconduct, junk, kill};
use super::*;

/// Points in one job, as a worker of this file takes them.
const MOST: u64 = 8;

/// The answer for all of these points.
fn answers(id: &str, first: usize, ys: &[f64]) -> Vec<u8> {
    let mut answers = Answers { first, ..Answers::new(id) };
    ys.iter().for_each(|&y| answers.outcomes.push(Ok(&[y])));
    let mut bytes = Vec::new();
    frame(&mut bytes, |into| answers.encode(into)).unwrap();
    bytes
}

/// A worker of jobs of many points. `words`: the fault, how many processes commit it, an argument, and `plane` for points of
/// two numbers. The others behave.
pub(super) fn misbehave(words: &[&str], output: std::fs::File) {
    let guilty = words[1].parse().unwrap();
    let argument: usize = words.get(2).map_or(0, |word| word.parse().unwrap());
    let fault = if Misconduct::first(guilty) { words[0] } else { "" };
    let mut worker = Misconduct { input: std::io::stdin(), output, frames: Frames::default() };
    let plane = words.get(3) == Some(&"plane");
    let axes = plane.then_some(2);
    worker.say(|into| Hello { function: "peaks", most: Some(MOST), axes, ..Hello::default() }.encode(into));
    let mut turns = 0;
    while let Some((id, numbers)) = worker.points() {
        let ys: Vec<f64> = match plane {
            true => numbers.chunks(2).map(|point| super::boxes::plane([point[0], point[1]])).collect(),
            false => numbers.iter().map(|&x| peaks(x)).collect(),
        };
        let count = ys.len();
        assert!(count as u64 <= MOST);
        // The fault is committed at jobs of many points, the second of them as a rule.
        turns += u32::from(count > 1);
        let half = count / 2;
        match if count > 1 && (turns > 1 || argument > 0) { fault } else { "" } {
            "exit" => return,
            "kill" => {
                worker.raw(&answers(&id, 0, &ys[..half]));
                kill();
            }
            "stop" => {
                worker.raw(&answers(&id, 0, &ys[..half]));
                kill_process(rustix::process::getpid(), Signal::STOP).unwrap();
            }
            "silent" => std::thread::sleep(Duration::from_secs(600)),
            // Some of the values, and no more.
            "short" => {
                worker.raw(&answers(&id, 0, &ys[..half]));
                std::thread::sleep(Duration::from_secs(600));
            }
            // More values than points.
            "excess" => worker.raw(&answers(&id, 0, &[&*ys, &[1.0; 8]].concat())),
            "beyond" => {
                worker.raw(&answers(&id, count, &ys));
                worker.raw(&answers(&id, 0, &ys));
            }
            "foreign" => (0..8).for_each(|_| worker.raw(&answers("ffff", 0, &ys))),
            // The name of a point that is no job's.
            "within" => {
                let number = u64::from_str_radix(&id, 16).unwrap();
                (0..8).for_each(|_| worker.raw(&answers(&format!("{:x}", number + 1), 0, &[0.0])));
            }
            // Two numbers for each point; and no number of values at all.
            "dimension" => worker.raw(&answers(&id, 0, &[&*ys, &*ys].concat())[..]),
            "uneven" => worker.raw(&uneven(&id, &ys)),
            "twice" => (0..8).for_each(|_| worker.raw(&answers(&id, 0, &ys))),
            "otherwise" => {
                worker.raw(&answers(&id, 0, &ys));
                worker.raw(&answers(&id, 0, &[-1.0; 8][..count]));
            }
            "garbage" => {
                worker.raw(&answers(&id, 0, &ys[..half]));
                worker.raw(&junk(argument as u64));
            }
            "cut" => {
                let bytes = answers(&id, 0, &ys);
                worker.raw(&bytes[..argument.min(bytes.len() - 1)]);
                return;
            }
            "flip" => {
                let mut bytes = answers(&id, 0, &ys);
                // The numbers come last.
                let bit = argument % (8 * (bytes.len() - 9 * ys.len()));
                bytes[bit / 8] ^= 1 << (bit % 8);
                worker.raw(&bytes);
                return;
            }
            // No faults: answers in pieces, in any order.
            "reverse" => (0..count).rev().for_each(|i| worker.raw(&answers(&id, i, &ys[i..=i]))),
            "pieces" => {
                worker.raw(&answers(&id, half, &ys[half..]));
                worker.output.flush().unwrap();
                worker.raw(&answers(&id, 0, &ys[..half]));
            }
            _ => worker.raw(&answers(&id, 0, &ys)),
        }
    }
}

/// An answer whose numbers are not those of its values.
fn uneven(id: &str, ys: &[f64]) -> Vec<u8> {
    let mut bytes = answers(id, 0, ys);
    // One float less, in the array and in the frame.
    let array = bytes.len() - 9 * ys.len() - 1;
    assert_eq!(bytes[array], 0x90 | u8::try_from(ys.len()).unwrap());
    bytes[array] -= 1;
    bytes.truncate(bytes.len() - 9);
    let length = u32::try_from(bytes.len() - 4).unwrap();
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// The fault is committed by the first two processes; what they were doing is done by others.
fn forgiven(script: &str) -> ProcessReport {
    let folder = Folder::new();
    let processes = folder.workers(2, script).time_limit(Duration::from_secs(2)).window(8);
    let report = survives(processes, &format!("replay: script {script:?}"));
    assert!(report.deaths <= 2, "{script}: {report:?}");
    report
}

#[test]
fn workers_that_die_lie_or_babble_within_a_job_cost_the_run_nothing() {
    // Script, whether it is the death of the worker, and whether that broke the protocol.
    for (script, deadly, protocol) in [
        ("many:exit:2", true, false),
        ("many:kill:2", true, false),
        ("many:stop:2", true, false),
        ("many:silent:2", true, false),
        ("many:short:2", true, false),
        ("many:excess:2", true, true),
        ("many:beyond:2", false, true),
        ("many:foreign:2", true, true),
        ("many:within:2", true, true),
        ("many:dimension:2", true, true),
        ("many:uneven:2", true, true),
        ("many:twice:2", true, true),
        ("many:otherwise:2", false, true),
        ("many:garbage:2:1", true, true),
        ("many:reverse:2", false, false),
        ("many:pieces:2", false, false),
    ] {
        let report = forgiven(script);
        assert!(!deadly || report.deaths > 0, "{script}: {report:?}");
        assert_eq!(report.protocol_errors > 0, protocol, "{script}: {report:?}");
        assert_eq!(report.conflicts > 0, script.contains("otherwise"), "{script}: {report:?}");
    }
}

#[test]
fn answers_for_many_points_that_are_cut_or_flipped_change_no_bit() {
    let (quick, long) = ([1, 4, 5, 12, 20, 30, 60, 90], 1..100);
    let cuts: Vec<usize> = if trials(0, 1) == 1 { long.collect() } else { quick.to_vec() };
    for cut in cuts {
        forgiven(&format!("many:cut:1:{cut}"));
    }
    let step = if trials(0, 1) == 1 { 1 } else { 11 };
    for bit in (1..8 * 24).step_by(step) {
        forgiven(&format!("many:flip:1:{bit}"));
    }
}

/// The outcomes at 0, 1, 2 and so on.
fn ask(processes: &Processes, points: u32) -> Vec<Result<f64, coquad::EvaluationError>> {
    let xs: Vec<f64> = (0..points).map(f64::from).collect();
    block_on(processes.evaluate_batch(&xs))
}

#[test]
fn a_poison_in_the_middle_of_a_job_is_found_and_harms_no_other() {
    for script in ["poison:37.0", "batch_poison:37.0"] {
        let folder = Folder::new();
        let processes = folder.workers(2, script).window(64);
        for (i, outcome) in ask(&processes, 64).into_iter().enumerate() {
            match outcome {
                Ok(y) => assert_eq!(y.to_bits(), peaks(i as f64).to_bits(), "{script}"),
                Err(error) => {
                    assert_eq!(i, 37, "{script}: {error}");
                    let cause = error.downcast_ref::<ProcessError>();
                    let Some(ProcessError::Poison { attempts: 3, last: Death::Exited(_), .. }) = cause else {
                        panic!("{error}")
                    };
                }
            }
        }
        assert_eq!(fs::read(folder.0.join("deaths")).unwrap().len(), 3, "{script}");
    }
}

#[test]
fn points_are_spread_over_free_workers_before_any_has_two() {
    let folder = Folder::new();
    let processes = folder.workers(4, "batch:20").window(64);
    let noted = |name: &str| -> Vec<u32> {
        let bytes = fs::read(folder.0.join(name)).unwrap();
        bytes.chunks(4).map(|four| u32::from_le_bytes(four.try_into().unwrap())).collect()
    };
    // Until each of the four has been called: one that has only just started takes no points yet.
    let mut called = std::collections::BTreeSet::new();
    while called.len() < 4 {
        assert!(ask(&processes, 64).iter().all(Result::is_ok));
        called.extend(noted("called"));
    }
    fs::remove_file(folder.0.join("widths")).unwrap();
    assert!(ask(&processes, 8).iter().all(Result::is_ok));
    let widths = noted("widths");
    assert_eq!(widths.iter().sum::<u32>(), 8);
    assert!(widths.iter().all(|width| *width <= 2), "{widths:?}");
}

#[test]
fn workers_killed_and_stopped_with_jobs_of_many_points_cost_the_run_nothing() {
    let (mut kills, mut stops, mut requeues) = (0, 0, 0);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for seed in 0..trials(10, 300) {
        let folder = Folder::new();
        let script = ["slow:0.2", "batch:2"][seed as usize % 2];
        // More attempts than there are faults: no point may be blamed for them.
        let processes = folder.workers(4, script).attempts(6).time_limit(Duration::from_millis(500)).window(32);
        let processes = Arc::new(processes);
        let found = std::thread::scope(|scope| {
            let run = scope.spawn(|| by(&processes));
            for _ in 0..4 {
                std::thread::sleep(Duration::from_micros(random() % 40_000));
                let pids = folder.pids();
                if !pids.is_empty() {
                    let pid = Pid::from_raw(pids[random() as usize % pids.len()]).unwrap();
                    let stop = random() % 4 == 0;
                    let sent = kill_process(pid, if stop { Signal::STOP } else { Signal::KILL }).is_ok();
                    *(if stop { &mut stops } else { &mut kills }) += u64::from(sent);
                }
            }
            run.join().unwrap()
        });
        let report = processes.report();
        let found = found.unwrap_or_else(|error| panic!("replay: trial {seed}: {error}, {report:?}"));
        assert_same(&found, &inline(), &format!("replay: trial {seed}"));
        assert_eq!((report.protocol_errors, report.conflicts), (0, 0), "trial {seed}: {report:?}");
        requeues += report.requeues;
    }
    println!("{kills} kills, {stops} stops, {requeues} points given to another worker");
}
