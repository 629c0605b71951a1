//! Worker processes: whatever they do, the run goes on, and its answer has the bits of a run without them.
//!
//! The workers are this very program, started again: the test `worker::runs_as_a_worker` does what it is told by the
//! environment, see there.

mod bits;
mod boxes;
mod faults;
mod life;
mod many;
mod mixed;
mod python;
mod worker;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use coquad::wire::Numbers;
use coquad::{
    Algebraic, Auto, Bessel, ClenshawCurtis, Error, Estimate, Fourier, GaussKronrod, Inline, Integrator, Method,
    Observer, Oscillator, PrincipalValue, ProcessError, ProcessReport, Processes, Simpson, TanhSinh, Value,
};
use num_complex::Complex;

/// What a worker is told: `script` is the name of what it does, with arguments after colons.
const SCRIPT: &str = "COQUAD_TEST_SCRIPT";
/// A folder that the workers of one test share, and by which its processes are known.
const FOLDER: &str = "COQUAD_TEST_FOLDER";

/// A folder of its own for each test, gone in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("coquad-process-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// This program as a worker.
    fn command(&self, script: &str) -> Command {
        // The test harness prints to its standard output before a test runs, so the pipe is moved out of its way.
        let mut command = Command::new("sh");
        command.args(["-c", "exec 3>&1 1>&2; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
        command.args(["process::worker::runs_as_a_worker", "--exact", "--nocapture", "--test-threads=1"]);
        command.env(SCRIPT, script).env(FOLDER, &self.0).stderr(Stdio::null());
        command
    }

    fn workers(&self, count: usize, script: &str) -> Processes {
        Processes::new(count, self.command(script))
    }

    /// The processes that run with this folder.
    fn pids(&self) -> Vec<i32> {
        let mark = format!("{FOLDER}={}\0", self.0.display());
        let all = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        all.filter(|pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&mark)
        })
        .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How often a randomised test repeats itself: `COQUAD_LONG=1` asks for the long way.
fn trials(quick: u64, long: u64) -> u64 {
    if std::env::var_os("COQUAD_LONG").is_some() { long } else { quick }
}

/// An integrand worth some hundred evaluations.
fn peaks(x: f64) -> f64 {
    1.0 / (1e-3 + (x - 0.3) * (x - 0.3)) + (x - 0.7).abs().sqrt()
}

fn inline() -> Estimate<f64> {
    Integrator::new(Inline::new(peaks)).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, 1e-6).unwrap()
}

fn by(processes: &Arc<Processes>) -> Result<Estimate<f64>, Error> {
    Integrator::new(processes.clone()).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, 1e-6)
}

fn assert_same<T: PartialEq + std::fmt::Debug>(found: &Estimate<T>, expected: &Estimate<T>, how: &str) {
    assert_eq!(found.value, expected.value, "{how}");
    assert_eq!(found.error.to_bits(), expected.error.to_bits(), "{how}");
    assert_eq!(found.evaluations, expected.evaluations, "{how}");
}

/// Integrates [`peaks`] by these workers, and has the bits checked.
fn survives(processes: Processes, how: &str) -> ProcessReport {
    let processes = Arc::new(processes);
    let found = by(&processes).unwrap_or_else(|error| panic!("{how}: {error}\n{:?}", processes.report()));
    assert_same(&found, &inline(), how);
    processes.report()
}

/// What the processes say of the point that ended the run.
fn cause(error: &Error) -> (f64, ProcessError) {
    let Error::Evaluation { x, source, .. } = error else { panic!("{error}") };
    (*x, source.downcast_ref::<ProcessError>().unwrap_or_else(|| panic!("{error}")).clone())
}

fn same_by_method<M: Method + Clone + Send + Sync + 'static>(processes: &Arc<Processes>, method: M, name: &str) {
    let here = Integrator::new(Inline::new(peaks)).method(method.clone()).integrate_blocking(0.0, 1.0, 1e-5).unwrap();
    let there = Integrator::new(processes.clone()).method(method).integrate_blocking(0.0, 1.0, 1e-5).unwrap();
    assert_same(&there, &here, name);
}

#[test]
fn every_method_has_the_same_bits_and_evaluations_as_inline() {
    let folder = Folder::new();
    for workers in [1, 3] {
        let processes = Arc::new(folder.workers(workers, "peaks"));
        same_by_method(&processes, Auto, "Auto");
        same_by_method(&processes, GaussKronrod::new(15), "GaussKronrod");
        same_by_method(&processes, ClenshawCurtis, "ClenshawCurtis");
        same_by_method(&processes, TanhSinh, "TanhSinh");
        same_by_method(&processes, Simpson, "Simpson");
        same_by_method(&processes, Fourier::sin(50.0), "Fourier");
        same_by_method(&processes, Bessel::j(1.0, 50.0), "Bessel");
        same_by_method(&processes, Oscillator::phase(|x| x), "Oscillator");
        same_by_method(&processes, PrincipalValue::at(0.4), "PrincipalValue");
        same_by_method(&processes, Algebraic::new(-0.5, 0.5), "Algebraic");
        let report = processes.report();
        assert_eq!((report.deaths, report.requeues, report.protocol_errors), (0, 0, 0), "{report:?}");
        assert!(report.starts as usize <= workers);
    }
}

fn same_values<T>(script: &str, f: fn(f64) -> T)
where
    T: Value + Numbers + PartialEq + std::fmt::Debug,
{
    let folder = Folder::new();
    let processes = folder.workers(2, script).values::<T>();
    let there = Integrator::new(processes).integrate_blocking(0.0, 1.0, 1e-4).unwrap();
    let here = Integrator::new(Inline::new(f)).integrate_blocking(0.0, 1.0, 1e-4).unwrap();
    assert_same(&there, &here, script);
}

#[test]
fn values_of_every_type_come_over_the_pipe() {
    same_values::<f32>("f32", worker::f32_of);
    same_values::<Complex<f64>>("complex", worker::complex_of);
    same_values::<[f64; 3]>("array", worker::array_of);
    same_values::<Vec<f64>>("vector", worker::vector_of);
}

#[test]
fn every_bit_of_a_value_comes_over_the_pipe() {
    let folder = Folder::new();
    let processes = folder.workers(1, "echo");
    for bits in
        [0, 1 << 63, 1, 0x7ff0_0000_0000_0001, 0xfff8_dead_beef_cafe, 0x7ff0_0000_0000_0000, 0x3ff1_2345_6789_abcd]
    {
        let x = f64::from_bits(bits);
        let value = futures::executor::block_on(coquad::Evaluator::evaluate(&processes, x)).unwrap();
        assert_eq!(value.to_bits(), bits);
    }
}

#[test]
fn a_failure_and_a_panic_of_the_function_are_told_with_their_point() {
    let folder = Folder::new();
    let failed = by(&Arc::new(folder.workers(2, "fails"))).unwrap_err();
    let (x, cause) = cause(&failed);
    assert!(
        matches!(&cause, ProcessError::Failed { message, .. } if **message == *format!("no value at {x:?}")),
        "{cause}"
    );

    let panicked = by(&Arc::new(folder.workers(2, "panics"))).unwrap_err();
    let Error::Panicked { x, message, .. } = panicked else { panic!("{panicked}") };
    assert_eq!(*message, *format!("panic at {x:?}"));
}

#[test]
fn a_worker_of_many_points_gives_the_bits_of_inline_in_few_calls() {
    let folder = Folder::new();
    let report = survives(folder.workers(2, "batch:2").function("peaks").window(64), "batch");
    assert_eq!((report.deaths, report.protocol_errors), (0, 0));
    let widths = std::fs::read(folder.0.join("widths")).unwrap();
    let widths: Vec<u32> = widths.chunks(4).map(|four| u32::from_le_bytes(four.try_into().unwrap())).collect();
    let points: u32 = widths.iter().sum();
    assert!(u64::from(points) >= report.evaluations && widths.len() < points as usize / 4, "{widths:?}");
}

#[test]
fn a_worker_of_many_points_names_the_one_that_fails() {
    let folder = Folder::new();
    let ask = |script| by(&Arc::new(folder.workers(2, script).window(64))).unwrap_err();
    let error = ask("batch_panics");
    let Error::Panicked { x, message, .. } = error else { panic!("{error}") };
    assert_eq!(*message, *format!("panic at {x:?}"));
    for (script, said) in [("batch_fails", None), ("batch_loses", Some("a call for 1 point returned 0 values"))] {
        let (x, cause) = cause(&ask(script));
        let said = said.map_or_else(|| format!("no value at {x:?}"), str::to_owned);
        assert!(x > 0.9, "{x}");
        assert!(matches!(&cause, ProcessError::Failed { message, .. } if **message == *said), "{cause}");
    }
}

#[test]
fn what_a_worker_prints_reads_and_starts_breaks_nothing() {
    let folder = Folder::new();
    let report = survives(folder.workers(2, "prints"), "prints");
    assert_eq!((report.deaths, report.protocol_errors), (0, 0));
}

#[test]
fn long_evaluations_queue_behind_no_other_and_short_ones_are_sent_ahead() {
    use coquad::Evaluator;
    let folder = Folder::new();
    let ask = |processes: &Processes, points: u32| {
        let points = (0..points).map(|i| processes.evaluate(f64::from(i)));
        futures::executor::block_on(futures::future::join_all(points)).into_iter().for_each(|value| {
            value.unwrap();
        });
    };
    let long = folder.workers(3, "echo:60");
    ask(&long, 12);
    assert_eq!(long.concurrency(), 3);
    // What takes 2 ms is not sent ahead, but at most two more may wait for the three.
    let medium = folder.workers(3, "alone:2:2");
    ask(&medium, 30);
    assert!((4..=5).contains(&medium.concurrency()), "{}", medium.concurrency());
    assert!(!folder.0.join("ahead").exists());
    let windowed = folder.workers(3, "echo:2").window(5);
    ask(&windowed, 12);
    assert_eq!(windowed.concurrency(), 15);
    // However busy this machine is, among so many there are some that take less than the half millisecond.
    let short = folder.workers(2, "echo");
    let ahead = (0..1000).any(|_| {
        ask(&short, 64);
        short.concurrency() > 2
    });
    assert!(ahead, "{:?}", short.report());
}

#[test]
fn no_point_waits_at_a_worker_behind_one_that_takes_forty_times_as_long() {
    // 90 % of 5 ms and 10 % of 200 ms, 400 points, 4 workers, the integrator's own window.
    let folder = Folder::new();
    let mut best = f64::INFINITY;
    for _ in 0..trials(1, 3) {
        let processes = Arc::new(folder.workers(4, "alone:5:200"));
        let work = Arc::new(Work::default());
        let start = Instant::now();
        let end = Integrator::new(processes.clone())
            .method(GaussKronrod::new(21))
            .max_evaluations(400)
            .observer(work.clone())
            .integrate_blocking(0.0, 1.0, 1e-12);
        let wall = start.elapsed().as_secs_f64();
        assert!(end.is_err(), "noise has no integral");
        assert!(!folder.0.join("ahead").exists(), "a point was sent to a worker that was busy");
        let ideal = *work.0.lock().unwrap() / 4.0;
        println!("wall {wall:.2} s, ideal {ideal:.2} s, ratio {:.3}", wall / ideal);
        best = best.min(wall / ideal);
    }
    // Time is what others leave of the machine, so it is judged on the long way only.
    assert!(trials(0, 1) == 0 || best <= 1.25, "{best:.3} of ideal");
}

/// The seconds that all evaluations take together which an integral began.
#[derive(Default)]
struct Work(Mutex<f64>);

impl Observer<f64> for Work {
    fn started(&self, x: f64, _: bool) {
        *self.0.lock().unwrap() += worker::skewed(x, 5.0, 200.0).as_secs_f64();
    }
}

#[test]
fn the_time_limit_ends_what_hangs() {
    let folder = Folder::new();
    let limit = Duration::from_millis(100);
    let processes = Arc::new(folder.workers(2, "hangs").attempts(2).time_limit(limit));
    let (x, cause) = cause(&by(&processes).unwrap_err());
    assert!(x > 0.5);
    assert!(matches!(cause, ProcessError::Timeout { attempts: 2, limit: l, .. } if l == limit), "{cause}");
    assert!(processes.report().timeouts >= 2);
}
