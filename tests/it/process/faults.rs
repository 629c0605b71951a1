//! What workers may do to us, by table: each row is a script, and what must come of it.

use std::thread;
use std::time::{Duration, Instant};

use coquad::Death;
use rustix::process::{Pid, Signal, kill_process};

use super::*;

/// The next number of a sequence that a seed begins.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn seeded(seed: u64) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1
}

/// The fault is committed by the first two processes; what they were doing is done by others.
fn forgiven(script: &str) -> ProcessReport {
    let folder = Folder::new();
    let limit = Duration::from_secs(3);
    survives(folder.workers(2, script).time_limit(limit), &format!("replay: script {script:?}"))
}

#[test]
fn workers_that_die_lie_or_babble_cost_the_run_nothing() {
    // Script, deaths, and whether they are for breaking the protocol. (C3, C4, C6, C7)
    for (script, deaths, protocol) in [
        ("raw:exit:2:0", 2, false),
        ("raw:exit:2:3", 2, false),
        ("raw:close:2", 2, false),
        ("raw:length:2:65536", 2, false),
        ("raw:length:2:1048577", 2, true),
        ("raw:length:2:16777216", 2, true),
        ("raw:length:2:2147483648", 2, true),
        ("raw:length:2:4294967295", 2, true),
        ("raw:foreign-only:2", 2, true),
        ("raw:foreign:2", 2, true),
        ("raw:dimension:2", 2, true),
        ("raw:none:2", 2, true),
        ("raw:twice:2", 2, true),
        ("raw:babble-first:1", 1, true),
        ("raw:early:2", 2, false),
    ] {
        let report = forgiven(script);
        assert!(report.deaths >= 1 && report.deaths <= deaths, "{script}: {report:?}");
        assert_eq!(report.protocol_errors > 0, protocol, "{script}: {report:?}");
        assert_eq!(report.conflicts, 0, "{script}: {report:?}");
    }
}

#[test]
fn of_two_answers_the_first_counts_and_the_other_is_counted() {
    let report = forgiven("raw:otherwise:2");
    assert!(report.conflicts >= 8 && report.deaths >= 1, "{report:?}");
}

#[test]
fn an_answer_cut_at_any_byte_is_no_answer() {
    // An answer with one number takes 4 + 21 bytes: C5.
    for cut in 1..=25 {
        let report = forgiven(&format!("raw:cut:1:{cut}"));
        assert_eq!(report.deaths, 1, "cut at {cut}: {report:?}");
    }
}

#[test]
fn random_bytes_are_no_answer() {
    for seed in 1..=trials(20, 3000) {
        let report = forgiven(&format!("raw:garbage:2:{seed}"));
        assert!(report.deaths >= 1, "seed {seed}: {report:?}");
    }
}

#[test]
fn a_flipped_bit_outside_the_number_changes_no_answer() {
    // Byte 16 is where the eight bytes of the number begin: what is in them cannot be told from a value.
    for bit in (1..8 * 16).step_by(if trials(0, 1) == 1 { 1 } else { 5 }) {
        forgiven(&format!("raw:flip:1:{bit}"));
    }
}

#[test]
fn a_worker_that_sends_one_byte_a_second_is_out_of_time() {
    let folder = Folder::new();
    let limit = Duration::from_millis(1500);
    let report = survives(folder.workers(2, "raw:drip:1:1").time_limit(limit), "drip");
    assert_eq!((report.deaths, report.timeouts), (1, 1));
}

#[test]
fn answers_in_any_order_find_their_points() {
    let folder = Folder::new();
    let report = survives(folder.workers(2, "raw:reverse:2:1").window(8), "reverse");
    assert_eq!((report.deaths, report.protocol_errors), (0, 0));
}

#[test]
fn workers_killed_and_stopped_at_random_cost_the_run_nothing() {
    let (mut kills, mut stops, mut requeues, mut twice) = (0, 0, 0, 0);
    for seed in 0..trials(20, 300) {
        let folder = Folder::new();
        // More attempts than there are faults: no point may be blamed for them.
        let processes = Arc::new(folder.workers(4, "tallied:1").attempts(6).time_limit(Duration::from_millis(500)));
        let mut state = seeded(seed);
        let found = thread::scope(|scope| {
            let run = scope.spawn(|| by(&processes));
            for _ in 0..4 {
                thread::sleep(Duration::from_micros(random(&mut state) % 40_000));
                let pids = folder.pids();
                if !pids.is_empty() {
                    let pid = Pid::from_raw(pids[random(&mut state) as usize % pids.len()]).unwrap();
                    let stop = random(&mut state) % 4 == 0;
                    let sent = kill_process(pid, if stop { Signal::STOP } else { Signal::KILL }).is_ok();
                    *(if stop { &mut stops } else { &mut kills }) += u64::from(sent);
                }
            }
            run.join().unwrap()
        });
        let report = processes.report();
        let found = found.unwrap_or_else(|error| panic!("replay: seed {seed}: {error}, {report:?}"));
        assert_same(&found, &inline(), &format!("replay: seed {seed}"));
        assert_eq!((report.protocol_errors, report.conflicts), (0, 0), "seed {seed}: {report:?}");
        // Evaluated twice is at most what was taken from the dead.
        let tally = fs::read(folder.0.join("tally")).unwrap();
        let mut points: Vec<_> = tally.chunks_exact(8).collect();
        points.sort_unstable();
        let all = points.len();
        points.dedup();
        assert!(points.len() >= found.evaluations, "seed {seed}");
        let again = (all - points.len()) as u64;
        assert!(again <= report.requeues, "seed {seed}: {again} evaluated again, {report:?}");
        requeues += report.requeues;
        twice += again;
    }
    assert!(kills > trials(20, 300), "{kills} kills only");
    println!("{kills} kills, {stops} stops, {requeues} points given to another worker, {twice} evaluated twice");
}

#[test]
fn stopped_workers_are_killed_when_their_time_is_over_and_their_late_answers_dropped() {
    for seed in 0..trials(2, 20) {
        let folder = Folder::new();
        let processes = Arc::new(folder.workers(4, "slow:1").time_limit(Duration::from_secs(1)));
        let mut state = seeded(seed);
        let mut stopped = Vec::new();
        let found = thread::scope(|scope| {
            let run = scope.spawn(|| by(&processes));
            for _ in 0..2 {
                thread::sleep(Duration::from_micros(10_000 + random(&mut state) % 30_000));
                let pids = folder.pids();
                if let Some(&pid) = pids.get(random(&mut state) as usize % pids.len().max(1)) {
                    let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP);
                    stopped.push(pid);
                }
            }
            // One of them wakes up before its time is over.
            thread::sleep(Duration::from_millis(200));
            if let Some(&pid) = stopped.first() {
                let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::CONT);
            }
            run.join().unwrap()
        });
        let report = processes.report();
        let found = found.unwrap_or_else(|error| panic!("replay: seed {seed}: {error}, {report:?}"));
        assert_same(&found, &inline(), &format!("replay: seed {seed}"));
    }
}

#[test]
fn a_point_that_kills_three_workers_is_an_error_with_its_x() {
    // The first node of the first panel, so that it is decided on; and with points sent ahead around it.
    for x in [0.5f64, 0.25] {
        let folder = Folder::new();
        let processes = Arc::new(folder.workers(3, &format!("poison:{x:?}")));
        let error = by(&processes).unwrap_err();
        let (at, cause) = cause(&error);
        assert_eq!(at.to_bits(), x.to_bits(), "{error}");
        let ProcessError::Poison { attempts: 3, last: Death::Exited(status), .. } = &cause else { panic!("{cause}") };
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(status), Some(9));
        assert_eq!(fs::read(folder.0.join("deaths")).unwrap().len(), 3);
        // The others are as good as ever.
        let evaluate = |x| futures::executor::block_on(coquad::Evaluator::evaluate(&processes, x));
        assert_eq!(evaluate(0.1).unwrap().to_bits(), peaks(0.1).to_bits());
        assert!(evaluate(x).is_err());
    }
}

#[test]
fn a_poison_among_points_sent_ahead_harms_no_other() {
    use coquad::Evaluator;
    let folder = Folder::new();
    let processes = folder.workers(1, "poison:7.0");
    let ask = |points: std::ops::Range<u32>| {
        let points = points.map(|i| processes.evaluate(f64::from(i)));
        futures::executor::block_on(futures::future::join_all(points))
    };
    // Until so many are sent ahead that the poison has company.
    for _ in 0..1000 {
        ask(100..200);
        if processes.concurrency() >= 16 {
            break;
        }
    }
    for (i, value) in ask(0..64).into_iter().enumerate() {
        assert_eq!(value.is_err(), i == 7, "point {i}: {value:?}");
    }
    assert_eq!(fs::read(folder.0.join("deaths")).unwrap().len(), 3);
}

#[test]
fn a_program_that_does_not_start_is_told_in_time() {
    let begin = Instant::now();
    let cases = [
        ("no such program", Processes::new(4, Command::new("/no/such/program"))),
        ("it ends", Processes::new(4, Command::new("true"))),
        ("it fails", Processes::new(4, Command::new("false"))),
    ];
    for (what, processes) in cases {
        let (_, cause) = cause(&by(&Arc::new(processes)).unwrap_err());
        assert!(matches!(cause, ProcessError::NoWorkers { .. }), "{what}: {cause}");
    }
    let silent = Processes::new(1, Command::new("cat")).start_limit(Duration::from_millis(50));
    let (_, cause) = cause(&by(&Arc::new(silent)).unwrap_err());
    assert!(matches!(cause, ProcessError::NoWorkers { .. }), "{cause}");
    assert!(begin.elapsed() < Duration::from_secs(60));
}

#[test]
fn what_is_no_worker_for_this_function_is_told_before_any_value() {
    let folder = Folder::new();
    let cases = [
        ("another function", folder.workers(2, "named").function("other")),
        ("no function", folder.workers(2, "peaks").function("other")),
        ("another version", folder.workers(2, "raw:version:9")),
    ];
    for (what, processes) in cases {
        let processes = Arc::new(processes);
        let (_, cause) = cause(&by(&processes).unwrap_err());
        assert!(matches!(cause, ProcessError::Handshake { .. }), "{what}: {cause}");
        assert_eq!(processes.report().evaluations, 0, "{what}");
    }
    let babble = Processes::new(2, {
        let mut echo = Command::new("echo");
        echo.arg("Hello, I am your worker");
        echo
    });
    let (_, cause) = cause(&by(&Arc::new(babble)).unwrap_err());
    assert!(matches!(cause, ProcessError::Handshake { .. }), "{cause}");
    survives(folder.workers(2, "named").function("peaks"), "the right name");
}
