//! Draws what an integration did, from the record of an observer: where the points lie and how wide the segments are;
//! how the error fell and what each worker did meanwhile. Two pictures, each as SVG and as PNG.
//!
//! `cargo run --release -p pictures --bin plot [FOLDER]` writes to `target/plots` unless told otherwise.

mod drawn;

use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use coquad::{GaussKronrod, Integrator, Observer, Progress, ThreadPool};

const WORKERS: usize = 24;
const TOLERANCE: f64 = 1e-8;

/// A peak, and a kink with a vertical tangent.
fn f(x: f64) -> f64 {
    1.0 / (1.0 + (40.0 * (x - 0.25)).powi(2)) + (x - 0.7).abs().sqrt()
}

/// The same, where some points take four times as long as others.
fn slow_f(x: f64) -> f64 {
    sleep(Duration::from_millis(5 + x.to_bits() % 16));
    f(x)
}

/// An evaluation, in seconds since the start; `to` is infinite while it runs.
#[derive(Clone)]
struct Job {
    x: f64,
    guess: bool,
    worker: usize,
    from: f64,
    to: f64,
}

/// What is kept of an integration.
#[derive(Clone, Default)]
struct Record {
    jobs: Vec<Job>,
    /// The estimated error after each decision, with the time.
    errors: Vec<(f64, f64)>,
}

struct Recorder {
    start: Instant,
    record: Mutex<Record>,
}

impl Observer<f64> for Recorder {
    fn started(&self, x: f64, guess: bool) {
        let (from, jobs) = (self.start.elapsed().as_secs_f64(), &mut self.record.lock().expect("no panics").jobs);
        // Whichever thread it is: as many are busy as evaluations are outstanding.
        let idle = |worker: &usize| !jobs.iter().any(|job| job.worker == *worker && job.to == f64::INFINITY);
        let worker = (0..WORKERS).find(idle).expect("no more evaluations than workers");
        jobs.push(Job { x, guess, worker, from, to: f64::INFINITY });
    }

    fn finished(&self, x: f64) {
        let (to, jobs) = (self.start.elapsed().as_secs_f64(), &mut self.record.lock().expect("no panics").jobs);
        let job = jobs.iter_mut().find(|job| job.x.to_bits() == x.to_bits());
        job.expect("it was started").to = to;
    }

    fn decided(&self, progress: &Progress<'_, f64>) {
        let point = (self.start.elapsed().as_secs_f64(), progress.error);
        self.record.lock().expect("no panics").errors.push(point);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("target/plots"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;

    let recorder = Arc::new(Recorder { start: Instant::now(), record: Mutex::default() });
    let integrator = Integrator::new(ThreadPool::new(WORKERS).evaluator(slow_f)).method(GaussKronrod::default());
    let e = integrator.observer(recorder.clone()).integrate_blocking(0.0, 1.0, TOLERANCE)?;
    let record = recorder.record.lock().expect("no panics").clone();
    println!("{e}; {} of {} were guesses", record.jobs.iter().filter(|job| job.guess).count(), e.performed);
    let exact = (30.0_f64.atan() + 10.0_f64.atan()) / 40.0 + (0.7_f64.powf(1.5) + 0.3_f64.powf(1.5)) / 1.5;
    assert!((e.value - exact).abs() <= TOLERANCE);
    assert_eq!(record.jobs.len(), e.performed);

    pictures::register_font();
    let path = |name: &str| folder.join(name);
    pictures::svg(&path("points.svg"), |area| drawn::points(area, &record, &e))?;
    pictures::png(&path("points.png"), |area| drawn::points(area, &record, &e))?;
    pictures::svg(&path("workers.svg"), |area| drawn::workers(area, &record))?;
    pictures::png(&path("workers.png"), |area| drawn::workers(area, &record))?;
    println!("points and workers, .svg and .png, are in {}", folder.display());
    Ok(())
}
