//! Workers of different arithmetic in one pool: noticed, refused, left out; and points that are evaluated twice.

use coquad::{Arithmetic, Conflict, EvaluatorExt, Mixed};
use futures::executor::block_on;
use futures::future::join_all;

use super::python::{evaluate, script};
use super::*;

/// Says that it has the arithmetic that the file `next` gives this worker: a line each, in the order of their starts.
const SAYS: &str = "
import fcntl, os, sys
import coquad_worker.pipe as pipe
with open(os.environ['NEXT'], 'r+') as f:
    fcntl.flock(f, fcntl.LOCK_EX)
    first, *rest = f.read().splitlines()
    f.seek(0); f.truncate(); f.write('\\n'.join(rest or [first]))
pipe.arithmetic = lambda: first
import time
def f(x):
    time.sleep(0.002)
    return x + (1e-16 if 'b' in first else 0)
pipe.serve(f)";

fn saying(folder: &Folder, arithmetics: &[&str]) -> Command {
    let next = folder.0.join("next");
    fs::write(&next, arithmetics.join("\n")).unwrap();
    let mut command = script(SAYS);
    command.env("NEXT", next);
    command
}

fn all(processes: &Processes, count: u32) -> Vec<Result<f64, coquad::EvaluationError>> {
    let xs = (0..count).map(|i| f64::from(i) / f64::from(count));
    block_on(join_all(xs.map(|x| coquad::Evaluator::evaluate(processes, x))))
}

/// Evaluates until a worker of another kind has come.
fn until_mixed(processes: &Processes) {
    while processes.report().mixed == 0 {
        assert!(all(processes, 20).iter().all(Result::is_ok));
    }
}

#[test]
fn a_mixed_pool_is_counted_and_named() {
    let folder = Folder::new();
    let processes = Processes::new(3, saying(&folder, &["a:1 release", "b:2 release", "a:1 release", ""]));
    until_mixed(&processes);
    let report = processes.report();
    assert_eq!((report.deaths, report.starts), (0, 3), "{report:?}");
    // Unlike the first that came: one of them, or two.
    assert!((1..=2).contains(&report.mixed), "{report:?}");
    // In the order of their coming, which is that of the machine's.
    let mut kinds: Vec<_> = processes.arithmetics().iter().map(ToString::to_string).collect();
    kinds.sort();
    assert_eq!(kinds, ["a:1 release", "b:2 release"]);
}

#[test]
fn a_mixed_pool_is_refused_with_an_error_that_names_both() {
    let folder = Folder::new();
    let processes = Processes::new(2, saying(&folder, &["a:1", "b:2"])).mixed(Mixed::Refuse);
    let error = (0..).find_map(|_| all(&processes, 20).into_iter().find_map(Result::err)).expect("it is refused");
    let Some(ProcessError::Arithmetic { expected, found, .. }) = error.downcast_ref() else { panic!("{error}") };
    let mut both = [expected.as_str(), found.as_str()];
    both.sort_unstable();
    assert_eq!(both, ["a:1", "b:2"]);
    assert!(error.to_string().contains("\"a:1\"") && error.to_string().contains("\"b:2\""), "{error}");
    // And from then on.
    assert!(evaluate(&processes, 0.5).unwrap_err().downcast_ref::<ProcessError>().is_some());
}

#[test]
fn workers_of_another_kind_than_asked_for_are_left_out() {
    let folder = Folder::new();
    let kinds = ["b:2", "a:1", "b:2", "a:1"];
    let processes = Processes::new(2, saying(&folder, &kinds)).mixed(Mixed::Only("a:1".into()));
    for (i, value) in all(&processes, 200).into_iter().enumerate() {
        assert_eq!(value.unwrap().to_bits(), (i as f64 / 200.0).to_bits());
    }
    until_mixed(&processes);
    // And where there are no others, that is the error.
    let none = Processes::new(2, saying(&folder, &["b:2"])).mixed(Mixed::Only("a:1".into()));
    let error = evaluate(&none, 0.5).unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(ProcessError::Arithmetic { .. })), "{error}");
}

#[test]
fn workers_that_do_not_tell_are_taken_as_they_are() {
    let text = "
import coquad_worker._wire as wire
wire.hello = lambda function, *more: wire.message(('f', wire.text(function)))
from coquad_worker import serve
serve(lambda x: x)";
    let processes = Processes::new(2, script(text)).mixed(Mixed::Refuse);
    assert!(all(&processes, 100).iter().all(Result::is_ok));
    assert_eq!((processes.report().mixed, processes.arithmetics()), (0, Vec::new()));
}

#[test]
fn a_worker_in_rust_says_what_this_program_says() {
    let folder = Folder::new();
    let processes = folder.workers(4, "peaks").mixed(Mixed::Refuse);
    assert!(all(&processes, 200).iter().all(Result::is_ok));
    assert_eq!((processes.arithmetics(), processes.report().mixed), (vec![Arithmetic::here()], 0));
}

/// Python's `math` and Rust's methods are one library here. numpy is not: its tanh has other bits, so a worker that has
/// imported it says so.
#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn a_worker_in_python_says_the_same_unless_numpy_is_there() {
    let here = Arithmetic::here();
    let processes = Processes::new(1, script("from coquad_worker import serve\nserve(lambda x: x)"));
    evaluate(&processes, 0.5).unwrap();
    let there = processes.arithmetics().remove(0);
    assert!(there.agrees_with(&here), "{there} and {here}");
    // What looks like numpy, with the functions of `math` but for one.
    let text = "
import math, sys, types
numpy = sys.modules['numpy'] = types.ModuleType('numpy')
for name in 'sin cos tan exp expm1 log log1p sinh'.split(): setattr(numpy, name, getattr(math, name))
numpy.arctan, numpy.arcsin, numpy.power, numpy.float64 = math.atan, math.asin, math.pow, float
numpy.full = lambda n, x: [x]
class Arrays:
    def __init__(self, f): self.f = f
    def __call__(self, x, *more): return [self(part) for part in x] if isinstance(x, list) else self.f(x, *more)
for name, f in vars(numpy).items():
    if callable(f) and name not in ('full', 'float64'): setattr(numpy, name, Arrays(f))
numpy.power = lambda x, y: [math.pow(x[0], y[0])] if isinstance(x, list) else math.pow(x, y)
numpy.tanh = Arrays(lambda x: TANH)
from coquad_worker import serve
serve(lambda x: x)";
    for (tanh, agrees) in [("math.tanh(x)", true), ("math.tanh(x) + 2e-16", false)] {
        let processes = Processes::new(1, script(&text.replace("TANH", tanh)));
        evaluate(&processes, 0.5).unwrap();
        let there = processes.arithmetics().remove(0);
        assert_eq!(there.agrees_with(&here), agrees, "{there}");
        assert_eq!(there.as_str().contains(" numpy:"), !agrees, "{there}");
    }
}

/// The process of each evaluation.
const PIDS: &str = "
from coquad_worker import serve
import os, time
def f(x):
    open(os.environ['TALLY'], 'a').write(f'{x!r} {os.getpid()}\\n')
    time.sleep(0.001)
    return x
serve(f)";

#[test]
fn points_are_verified_by_another_worker() {
    let folder = Folder::new();
    let tally = folder.0.join("tally");
    for (workers, share) in [(3, 1.0), (2, 0.3), (1, 1.0)] {
        fs::write(&tally, "").unwrap();
        let mut command = script(PIDS);
        command.env("TALLY", &tally);
        let processes = Processes::new(workers, command).verify(share);
        // Once all serve: before, there may be no other.
        all(&processes, 100);
        fs::write(&tally, "").unwrap();
        assert!(all(&processes, 200).iter().all(Result::is_ok));
        let mut seen = std::collections::HashMap::<String, Vec<String>>::new();
        for line in fs::read_to_string(&tally).unwrap().lines() {
            let (x, pid) = line.split_once(' ').unwrap();
            seen.entry(x.to_owned()).or_default().push(pid.to_owned());
        }
        let twice = seen.values().filter(|pids| pids.len() == 2).count();
        let due = if share == 1.0 { 200..=200 } else { 30..=90 };
        assert!(seen.len() == 200 && due.contains(&twice), "{workers}, {share}: {twice} of {}", seen.len());
        let apart = seen.values().filter(|pids| pids.len() == 2 && pids[0] != pids[1]).count();
        assert_eq!(apart, if workers > 1 { twice } else { 0 }, "{workers}, {share}");
    }
}

#[test]
fn values_that_differ_are_reported_with_their_point() {
    let folder = Folder::new();
    let processes = Processes::new(2, saying(&folder, &["a:1", "b:2"])).verify(1.0);
    let error = all(&processes, 100).into_iter().find_map(Result::err).expect("they differ");
    let conflict = error.downcast_ref::<Conflict>().unwrap_or_else(|| panic!("{error}"));
    let values: Vec<f64> = [&conflict.first, &conflict.second].map(|value| value.parse().unwrap()).into();
    assert!(values.contains(&conflict.x) && values.contains(&(conflict.x + 1e-16)), "{conflict:?}");
}

#[test]
fn any_evaluator_is_verified() {
    let pool = coquad::ThreadPool::new(2).evaluator(|x: f64| x.sqrt()).verify(0.5);
    let there = Integrator::new(pool).integrate_blocking(0.0, 1.0, 1e-8).unwrap();
    let here = Integrator::new(Inline::new(|x: f64| x.sqrt())).integrate_blocking(0.0, 1.0, 1e-8).unwrap();
    assert_same(&there, &here, "verified");
}

/// What it was told of a mixture.
#[derive(Default)]
struct Told(Mutex<Vec<[String; 2]>>);

impl Observer<f64> for Told {
    fn mixed(&self, expected: &Arithmetic, found: &Arithmetic) {
        let mut both = [expected.to_string(), found.to_string()];
        both.sort();
        self.0.lock().unwrap().push(both);
    }
}

#[test]
fn who_watches_is_told_once_of_a_mixed_pool() {
    let folder = Folder::new();
    for (kinds, mixed, due) in [
        (["a:1", "b:2", "a:1"], Mixed::Count, true),
        (["a:1", "b:2", "b:2"], Mixed::Only("a:1".into()), true),
        (["a:1", "a:1", "a:1"], Mixed::Refuse, false),
    ] {
        let told = Arc::new(Told::default());
        let processes = Arc::new(Processes::new(2, saying(&folder, &kinds)).mixed(mixed.clone()));
        // Until both have come.
        if due {
            until_mixed(&processes);
        }
        let integrator = Integrator::new(processes).observer(told.clone());
        for b in [1.0, 2.0] {
            integrator.integrate_blocking(0.0, b, 1e-3).unwrap();
        }
        let due = if due { vec![["a:1".to_owned(), "b:2".to_owned()]] } else { Vec::new() };
        assert_eq!(*told.0.lock().unwrap(), due, "{mixed:?}");
    }
}

/// Twice as many evaluations, and never more asked for than there is room.
#[test]
fn a_point_that_is_evaluated_twice_takes_the_room_of_two() {
    let processes = Processes::new(4, script("from coquad_worker import serve\nserve(lambda x: x)")).verify(1.0);
    let room = coquad::Evaluator::concurrency(&processes);
    let mut evaluation = Box::pin(coquad::Evaluator::evaluate(&processes, 0.5));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(evaluation.as_mut().poll(&mut context).is_pending());
    assert_eq!(coquad::Evaluator::concurrency(&processes), room - 1);
    assert_eq!(block_on(evaluation).unwrap().to_bits(), 0.5f64.to_bits());
}

/// Processes that are alike are never told apart, however many start.
#[test]
fn equal_workers_raise_no_alarm() {
    let folder = Folder::new();
    let here = Arithmetic::here();
    let slow = "
from coquad_worker import serve
import time
def f(x):
    time.sleep(0.05)
    return x
serve(f)";
    let rust = || folder.command("echo:50");
    let python = || script(slow);
    let kinds: [(&str, &dyn Fn() -> Command, u64); 2] =
        [("Rust", &rust, trials(80, 1_000)), ("Python", &python, trials(20, 1_000))];
    for (kind, command, starts) in kinds {
        let mut started = 0;
        while started < starts {
            // A new coordinator each time: what it compares with is the first of its own workers.
            // Few at once: other tests run beside this one.
            let processes = Processes::new(4, command()).mixed(Mixed::Refuse);
            assert!(all(&processes, 8).iter().all(Result::is_ok), "{kind}");
            let (report, told) = (processes.report(), processes.arithmetics());
            assert_eq!((report.mixed, told.len()), (0, 1), "{kind}: {told:?}");
            assert!(told[0].agrees_with(&here), "{kind}: {} and {here}", told[0]);
            started += report.starts;
        }
        println!("{started} starts of equal workers in {kind}, no alarm");
    }
}
