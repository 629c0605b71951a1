//! Workers in Python, by the package `coquad-worker` (src/python), which needs nothing but the standard library for these.

use super::*;

/// What no evaluation here takes: a test that fails shall end.
const LONG: Duration = Duration::from_secs(60);

/// `python3` with the package.
fn python() -> Command {
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/src/python")).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

pub(super) fn script(text: &str) -> Command {
    let mut command = python();
    command.args(["-c", text]);
    command
}

pub(super) fn evaluate<T: coquad::wire::Numbers + Clone + Send + Sync + 'static>(
    processes: &Processes<T>,
    x: f64,
) -> Result<T, coquad::EvaluationError> {
    futures::executor::block_on(coquad::Evaluator::evaluate(processes, x))
}

#[test]
fn a_python_worker_gives_the_same_bits() {
    let mut command = python();
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/worker.py"));
    let processes = Arc::new(Processes::new(2, command).function("sqrt-v1"));
    let there = Integrator::new(processes.clone()).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, 1e-6);
    let there = there.unwrap_or_else(|error| panic!("python3 with its standard library is needed: {error}"));
    let f = |x: f64| (1.0 - x * x).sqrt();
    let here = Integrator::new(Inline::new(f)).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, 1e-6);
    assert_same(&there, &here.unwrap(), "python");
    // 1 - x * x is an integer there: `0`, where a float is due; and its exceptions come over with their names.
    assert_eq!(evaluate(&processes, 1.0).unwrap().to_bits(), 0);
    let error = evaluate(&processes, 2.0).unwrap_err();
    assert!(error.to_string().starts_with("ValueError: "), "{error}");
    assert_eq!(processes.report().deaths, 0);
}

/// Whatever a function does at `x`, by number, and how the answer begins.
const WHIMS: &str = "
import sys
class Dumb(Exception):
    def __str__(self): raise RuntimeError('no words')
class Rude:
    def __repr__(self): raise RuntimeError('no picture')
def f(x):
    if x == 1: return None
    if x == 2: return 'three'
    if x == 3: return [1.0, None]
    if x == 4: return Rude()
    if x == 5: return 10 ** 400
    if x == 6: return [0.5] * 200000
    if x == 7: raise Dumb()
    if x == 8: sys.exit(3)
    if x == 9: raise KeyboardInterrupt('by itself')
    if x == 10: return f(x)
    if x == 11: return {}
    return [x, 0.5] if x < 0 else x
";

const ANSWERS: [(f64, &str); 10] = [
    (1.0, "TypeError: the function returned None, which is no number"),
    (2.0, "TypeError: the function returned 'three', which is no number"),
    (3.0, "TypeError: the function returned None, which is no number"),
    (4.0, "TypeError: the function returned a Rude, which is no number"),
    (5.0, "OverflowError: "),
    (6.0, "a value of 16000"),
    (7.0, "Dumb: its text cannot be had: RuntimeError"),
    (8.0, "SystemExit: 3"),
    (9.0, "KeyboardInterrupt: by itself"),
    (10.0, "RecursionError: "),
];

/// D1 and D3: what is no value is the failure of the function at that point, and the worker lives on.
#[test]
fn whatever_a_python_function_does_it_is_answered() {
    let batch = "serve_batch(lambda xs: [f(x) for x in xs])";
    for serve in ["serve(f)", batch] {
        let text = format!("{WHIMS}\nfrom coquad_worker import *\n{serve}");
        let processes = Processes::new(1, script(&text)).window(4).time_limit(LONG).values::<Vec<f64>>();
        for (x, words) in ANSWERS {
            let error = evaluate(&processes, x).unwrap_err().to_string();
            assert!(error.starts_with(words), "{serve} at {x}: {error}");
        }
        assert_eq!(evaluate(&processes, 11.0).unwrap(), [0.0; 0]);
        assert_eq!(evaluate(&processes, -1.0).unwrap(), [-1.0, 0.5]);
        assert_eq!(evaluate(&processes, 0.5).unwrap(), [0.5]);
        // All at once: a failure is nobody else's.
        let all = futures::future::join_all((1..=20).map(|x| coquad::Evaluator::evaluate(&processes, f64::from(x))));
        let all = futures::executor::block_on(all);
        assert_eq!(all.iter().filter(|value| value.is_err()).count(), ANSWERS.len(), "{serve}");
        let report = processes.report();
        assert_eq!((report.starts, report.deaths, report.protocol_errors), (1, 0, 0), "{serve}: {report:?}");
    }
}

#[test]
fn a_batch_is_what_has_arrived() {
    let text = "
from coquad_worker import serve_batch
import time
sizes = []
def f(xs):
    time.sleep(0.01)
    sizes.append(len(xs))
    return [(x, max(sizes)) for x in xs]
serve_batch(f, most=5)";
    let processes = Processes::new(1, script(text)).window(32).values::<[f64; 2]>();
    let all = futures::future::join_all((0..64).map(|x| coquad::Evaluator::evaluate(&processes, f64::from(x))));
    let all: Vec<[f64; 2]> = futures::executor::block_on(all).into_iter().map(Result::unwrap).collect();
    assert!(all.iter().enumerate().all(|(i, [x, _])| *x == i as f64));
    assert_eq!(all[63][1], 5.0, "the longest batch");
}

/// What `dask_bridge.py` needs of Dask, by threads: the bridge itself is run as it is shipped.
const DASK: &str = "
from concurrent.futures import ThreadPoolExecutor

class Client:
    def __init__(self, n_workers, **rest):
        self.hands = ThreadPoolExecutor(n_workers)
    def __enter__(self):
        return self
    def __exit__(self, *error):
        self.hands.shutdown()
    def submit(self, f, x, pure):
        return self.hands.submit(f, x)
";

#[test]
fn the_bridge_fans_out_and_gives_the_same_bits() {
    let folder = Folder::new();
    fs::create_dir(folder.0.join("dask")).unwrap();
    fs::write(folder.0.join("dask/__init__.py"), "").unwrap();
    fs::write(folder.0.join("dask/distributed.py"), DASK).unwrap();
    let mut command = Command::new("python3");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/dask_bridge.py"));
    let package = concat!(env!("CARGO_MANIFEST_DIR"), "/src/python").into();
    let path = std::env::join_paths([folder.0.clone(), package]).unwrap();
    command.env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
    let processes = Arc::new(Processes::new(1, command).function("sqrt-v1").window(8));
    let there = Integrator::new(processes.clone()).integrate_blocking(0.0, 1.0, 1e-6).unwrap();
    let here = Integrator::new(Inline::new(|x: f64| (1.0 - x * x).sqrt())).integrate_blocking(0.0, 1.0, 1e-6).unwrap();
    assert_same(&there, &here, "bridge");
    let report = processes.report();
    assert_eq!((report.starts, report.deaths, report.protocol_errors), (1, 0, 0), "{report:?}");
}

/// A pool that cancels, breaks, forgets, refuses and calls back twice.
const POOL: &str = "
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from coquad_worker import serve_futures
import asyncio
hands, tries = ThreadPoolExecutor(4), {}
class Twice(Future):
    def add_done_callback(self, call):
        call(self); call(self)
def submit(x):
    tries[x] = tries.get(x, 0) + 1
    future = Future()
    if x == 1 and tries[x] < 3: future.cancel(); future.set_running_or_notify_cancel(); return future
    if x == 2: future.set_exception(CancelledError()); return future
    if x == 3: return future
    if x == 4: raise RuntimeError('the pool is closed')
    if x == 5: future = Twice(); future.set_result(x); return future
    if x == 6: future.set_exception(asyncio.CancelledError()); return future
    if x == 7: future.set_result(None); return future
    if x == 8: return None
    return hands.submit(lambda: x)
serve_futures(submit, time_limit=0.5)";

/// D4: a future that the pool cancels is asked for again, then fails; one that never ends runs into the time limit.
#[test]
fn a_bridge_answers_each_point_whatever_its_pool_does() {
    let processes = Processes::new(1, script(POOL)).window(8).time_limit(LONG);
    let all = futures::future::join_all((0..40).map(|x| coquad::Evaluator::evaluate(&processes, f64::from(x % 10))));
    let all: Vec<String> = futures::executor::block_on(all)
        .into_iter()
        .map(|outcome| outcome.map_or_else(|error| error.to_string(), |value| value.to_string()))
        .collect();
    for (i, outcome) in all.iter().enumerate() {
        let due = match i % 10 {
            2 | 6 => "crashed: the pool has cancelled it 3 times (CancelledError)",
            3 => "timeout: no value within 0.5 s",
            4 => "RuntimeError: the pool is closed",
            7 => "TypeError: the function returned None, which is no number",
            8 => "AttributeError: ",
            x => &x.to_string(),
        };
        assert!(outcome.starts_with(due), "{i}: {outcome}");
    }
    let report = processes.report();
    assert_eq!((report.starts, report.deaths, report.protocol_errors), (1, 0, 0), "{report:?}");
}

/// D7: a worker that cannot import what it needs says so once where its command sends that, and once in the error.
#[test]
fn a_failing_import_is_in_the_error() {
    let folder = Folder::new();
    let said = folder.0.join("said");
    let mut command = script("from coquad_worker import serve\nimport no_such_module\nserve(no_such_module.f)");
    command.stderr(fs::File::create(&said).unwrap());
    let processes = Processes::new(2, command);
    let error = evaluate(&processes, 0.5).unwrap_err();
    let Some(ProcessError::NoWorkers { last, .. }) = error.downcast_ref() else { panic!("{error}") };
    assert!(last.starts_with("exit status: 1; it had said\n"), "{last}");
    assert!(last.ends_with("\nModuleNotFoundError: No module named 'no_such_module'"), "{last}");
    assert!(last.contains("line 2, in <module>"), "{last}");
    let said = fs::read_to_string(said).unwrap();
    assert_eq!(said.matches("ModuleNotFoundError").count(), 1, "{said}");
    assert_eq!(processes.report().starts, 5);
}

/// A worker that starts at the second attempt serves as any, whatever it prints and however much.
#[test]
fn a_worker_that_is_listened_to_is_heard() {
    let folder = Folder::new();
    let mark = folder.0.join("mark");
    fs::write(&mark, "the first is to fail").unwrap();
    let text = format!(
        "import os, sys\nif os.path.exists({mark:?}): os.remove({mark:?}); sys.exit(1)\nsys.stderr.write('-' * 300000)\n\
         from coquad_worker import serve\ndef f(x):\n    sys.stderr.write('x' * 300000)\n    return x\nserve(f)"
    );
    let processes = Processes::new(1, script(&text)).time_limit(LONG);
    for x in [0.25, 0.5, 0.75] {
        assert_eq!(evaluate(&processes, x).unwrap().to_bits(), x.to_bits());
    }
    let report = processes.report();
    assert_eq!((report.starts, report.deaths, report.protocol_errors), (2, 1, 0), "{report:?}");
}

/// D23: a program that is replaced by another of its name is told from the one that was there.
#[test]
fn a_program_that_was_replaced_is_another_build() {
    let folder = Folder::new();
    let path = folder.0.join("worker.py");
    let write = |value: &str| {
        let text = format!(
            "import os\nfrom coquad_worker import serve\ndef f(x):\n    if x == 2: os._exit(1)\n    return {value}\n\
             serve(f)\n"
        );
        fs::write(&path, text).unwrap();
    };
    write("x");
    let mut command = python();
    command.arg(&path).stderr(Stdio::null());
    let processes = Processes::new(1, command).attempts(1);
    let restarted = |value: f64, other_builds: u64| {
        assert!(evaluate(&processes, 2.0).is_err());
        assert_eq!(evaluate(&processes, 1.0).unwrap().to_bits(), value.to_bits());
        assert_eq!(processes.report().other_builds, other_builds);
    };
    restarted(1.0, 0);
    write("x + 1");
    restarted(2.0, 1);
}
