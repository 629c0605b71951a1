//! Points of several numbers in worker processes: the bits of evaluations on the spot, whatever the workers do.

#![allow(clippy::result_large_err, reason = "an error carries the estimate, with its boxes")]

use coquad::{BoxIntegrator, Death, Evaluator};
use futures::executor::block_on;
use rustix::process::{Pid, Signal, kill_process};

use super::python::script;
use super::*;

/// Only arithmetic and roots: the bits are those of any machine and language.
pub(super) fn plane([x, y]: [f64; 2]) -> f64 {
    1.0 / (1e-2 + (x - 0.3) * (x - 0.3) + (y - 0.8) * (y - 0.8)) + x.sqrt()
}

pub(super) fn solid([x, y, z]: [f64; 3]) -> [f64; 2] {
    [1.0 / (0.1 + x * x + y * z), x * y - z]
}

type Answer<T, const N: usize> = Result<Estimate<T, [f64; N]>, Error<T, [f64; N]>>;

fn integral<E, const N: usize>(evaluator: E) -> Answer<E::Value, N>
where
    E: Evaluator<[f64; N], Value: Value> + 'static,
{
    BoxIntegrator::new(evaluator).rtol(1e-5).integrate_blocking([0.0; N], [1.0; N], 0.0)
}

fn assert_same_boxes<T: PartialEq + std::fmt::Debug, const N: usize>(
    found: Answer<T, N>,
    expected: &Answer<T, N>,
    how: &str,
) {
    let (found, expected) = match (found, expected) {
        (Ok(found), Ok(expected)) => (found, expected),
        (found, _) => panic!("{how}: {found:?}"),
    };
    assert_eq!(found.value, expected.value, "{how}");
    assert_eq!(found.error.to_bits(), expected.error.to_bits(), "{how}");
    assert_eq!(found.evaluations, expected.evaluations, "{how}");
    assert_eq!(format!("{:?}", found.segments), format!("{:?}", expected.segments), "{how}");
}

#[test]
fn boxes_have_the_same_bits_by_worker_processes_and_inline() {
    let folder = Folder::new();
    let here = integral(Inline::over(plane));
    for (workers, script) in [(1, "plane"), (3, "plane"), (2, "plane_batch")] {
        let processes = Arc::new(folder.workers(workers, script).function("plane").over());
        assert_same_boxes(integral(processes.clone()), &here, script);
        let report = processes.report();
        assert_eq!((report.deaths, report.requeues, report.protocol_errors), (0, 0, 0), "{report:?}");
    }
    let many = folder.workers(2, "plane_batch").window(64).verify(0.1).over();
    assert_same_boxes(integral(many), &here, "a window, and some points twice");
    let there = integral(folder.workers(2, "solid").values::<[f64; 2]>().over());
    assert_same_boxes(there, &integral(Inline::over(solid)), "solid");
}

#[test]
fn a_failure_and_a_panic_are_told_with_all_numbers_of_the_point() {
    let folder = Folder::new();
    match integral(folder.workers(2, "plane_fails").over::<[f64; 2]>()) {
        Err(Error::Evaluation { x, source, .. }) => {
            assert!(x[1] > 0.9);
            assert_eq!(source.to_string(), format!("no value at {x:?}"));
        }
        other => panic!("{other:?}"),
    }
    match integral(folder.workers(2, "plane_panics").over::<[f64; 2]>()) {
        Err(Error::Panicked { x, message, .. }) => {
            assert!(x[1] > 0.9);
            assert_eq!(&*message, format!("panic at {x:?}"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn workers_of_boxes_that_die_lie_or_babble_cost_the_run_nothing() {
    let here = integral(Inline::over(plane));
    // Script, whether it is the death of the worker, and whether that broke the protocol: as in `many`.
    for (fault, deadly, protocol) in [
        ("exit:2:0", true, false),
        ("kill:2:0", true, false),
        ("stop:2:0", true, false),
        ("short:2:0", true, false),
        ("excess:2:0", true, true),
        ("beyond:2:0", false, true),
        ("foreign:2:0", true, true),
        ("within:2:0", true, true),
        ("dimension:2:0", true, true),
        ("uneven:2:0", true, true),
        ("twice:2:0", true, true),
        ("otherwise:2:0", false, true),
        ("garbage:2:1", true, true),
        ("cut:1:30", true, false),
        ("reverse:2:0", false, false),
        ("pieces:2:0", false, false),
    ] {
        let (folder, script) = (Folder::new(), format!("many:{fault}:plane"));
        let processes = folder.workers(2, &script).time_limit(Duration::from_secs(2)).window(8);
        let processes = Arc::new(processes.over());
        assert_same_boxes(integral(processes.clone()), &here, &script);
        let report = processes.report();
        assert!(report.deaths <= 2 && (!deadly || report.deaths > 0), "{script}: {report:?}");
        assert!(!protocol || report.protocol_errors > 0, "{script}: {report:?}");
    }
}

#[test]
fn workers_of_boxes_killed_at_random_cost_the_run_nothing() {
    let here = integral(Inline::over(plane));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut kills, mut requeues) = (0, 0);
    for seed in 0..trials(4, 100) {
        let folder = Folder::new();
        let processes = Arc::new(folder.workers(4, "plane:0.2").attempts(20).over());
        let found = std::thread::scope(|scope| {
            let run = scope.spawn(|| integral(processes.clone()));
            // One is killed whenever so many points more have their values.
            let mut next = 1 + random() % 200;
            while !run.is_finished() {
                let pids = folder.pids();
                if processes.report().evaluations < next || pids.is_empty() {
                    std::thread::yield_now();
                    continue;
                }
                let pid = Pid::from_raw(pids[random() as usize % pids.len()]).unwrap();
                kills += u64::from(kill_process(pid, Signal::KILL).is_ok());
                next = processes.report().evaluations + 100 + random() % 400;
            }
            run.join().unwrap()
        });
        assert_same_boxes(found, &here, &format!("run {seed}"));
        requeues += processes.report().requeues;
    }
    assert!(kills > 0 && requeues > 0, "{kills} kills, {requeues} points begun again");
}

#[test]
fn a_point_of_a_box_that_kills_three_workers_is_an_error_with_its_numbers() {
    let folder = Folder::new();
    let processes = folder.workers(2, "plane_poison:37.0").window(64).over::<[f64; 2]>();
    let points: Vec<[f64; 2]> = (0..64).map(|i| [-1.0, f64::from(i)]).collect();
    for (i, outcome) in block_on(processes.evaluate_batch(&points)).into_iter().enumerate() {
        match outcome {
            Ok(y) => assert_eq!(y.to_bits(), plane(points[i]).to_bits()),
            Err(error) => {
                assert_eq!(i, 37, "{error}");
                let cause = error.downcast_ref::<ProcessError>();
                assert!(matches!(cause, Some(ProcessError::Poison { attempts: 3, last: Death::Exited(_), .. })));
            }
        }
    }
    assert_eq!(fs::read(folder.0.join("deaths")).unwrap().len(), 3);
}

/// A worker that does not say how many numbers a point has is one of before, or of one variable: it takes one.
#[test]
fn a_worker_of_more_or_fewer_variables_is_refused_before_any_value() {
    let folder = Folder::new();
    let refusal = |error: &coquad::EvaluationError| match error.downcast_ref() {
        Some(ProcessError::Handshake { what, .. }) => what.to_string(),
        other => panic!("{other:?}"),
    };
    for (script, found) in [("peaks", 1), ("raw:nothing:0", 1), ("solid", 3)] {
        match integral(folder.workers(1, script).over::<[f64; 2]>()) {
            Err(Error::Evaluation { source, .. }) => {
                let what = format!("its points have {found} numbers each, those asked for have 2");
                assert_eq!(refusal(&source), what, "{script}");
            }
            other => panic!("{script}: {other:?}"),
        }
    }
    let error = block_on(folder.workers(1, "plane").evaluate(0.5)).unwrap_err();
    assert_eq!(refusal(&error), "its points have 2 numbers each, those asked for have 1");
}

#[test]
fn python_functions_of_several_variables_give_the_same_bits() {
    let f = "
from math import sqrt
from coquad_worker import *
def f(x, y):
    if x == 2: raise ValueError(f'no value at {x}, {y}')
    return 1.0 / (1e-2 + (x - 0.3) * (x - 0.3) + (y - 0.8) * (y - 0.8)) + sqrt(x)
";
    let here = integral(Inline::over(plane));
    let executor =
        "from concurrent.futures import ThreadPoolExecutor\nserve_executor(ThreadPoolExecutor(2), f, axes=2)";
    for serve in ["serve(f, axes=2)", "serve_batch(lambda points: [f(x, y) for x, y in points], axes=2)", executor] {
        let command = script(&format!("{f}{serve}"));
        let processes = Arc::new(Processes::new(2, command).window(8).over::<[f64; 2]>());
        assert_same_boxes(integral(processes.clone()), &here, serve);
        let error = block_on(processes.evaluate([2.0, 0.5])).unwrap_err();
        assert_eq!(error.to_string(), "ValueError: no value at 2.0, 0.5", "{serve}");
        assert_eq!(processes.report().deaths, 0, "{serve}");
    }
    // A worker of one number is refused, and no point is split into two.
    let error = block_on(Processes::new(1, script(&format!("{f}serve(lambda x: x)"))).over().evaluate([0.5, 0.25]));
    assert!(error.unwrap_err().to_string().contains("its points have 1 numbers each"));
}
