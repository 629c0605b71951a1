//! The demo: adaptive Simpson over an integrand that sleeps, on many workers, next to what one worker would take.
//!
//! `cargo run --release --example numerical_coroutines -- [--sleep SECONDS] [--workers N]`

use std::error::Error;
use std::f64::consts::PI;
use std::thread;
use std::time::{Duration, Instant};

use coquad::{Integrator, Observer, Progress, Simpson, ThreadPool};
use futures::executor::block_on;
use indicatif::{ProgressBar, ProgressStyle};

/// What adaptive Simpson needs for the sine on [0, pi] at this tolerance, on any machine: asserted below.
const POINTS: usize = 473;
const TOLERANCE: f64 = 1e-10;

const HELP: &str = "\
Integrates the sine over [0, pi] by adaptive Simpson; an evaluation sleeps.

  --sleep SECONDS   what an evaluation takes (0.1)
  --workers N       how many run at a time (64)
  --help            this text";

struct Arguments {
    sleep: Duration,
    workers: usize,
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments { sleep: Duration::from_millis(100), workers: 64 };
    while let Some(name) = given.next() {
        let mut value = || given.next().ok_or(format!("{name} needs a value"));
        match name.as_str() {
            "--sleep" => {
                let seconds = value()?;
                let parsed = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                let positive = parsed.filter(|sleep| !sleep.is_zero());
                arguments.sleep = positive.ok_or(format!("--sleep: not a positive number of seconds: {seconds}"))?;
            }
            "--workers" => {
                let workers = value()?;
                let positive = workers.parse().ok().filter(|&workers| workers > 0);
                arguments.workers = positive.ok_or(format!("--workers: not a positive whole number: {workers}"))?;
            }
            "--help" | "-h" => {
                println!("{HELP}");
                std::process::exit(0)
            }
            _ => return Err(format!("unknown argument {name}; known: --sleep SECONDS, --workers N, --help")),
        }
    }
    Ok(arguments)
}

/// The progress bar of an integral: the points that its decisions rest on. On a terminal it is drawn, elsewhere it is a
/// line now and then.
struct Bar(ProgressBar);

impl Observer<f64> for Bar {
    fn decided(&self, progress: &Progress<'_, f64>) {
        let (before, now) = (self.0.position(), progress.evaluations as u64);
        self.0.set_position(now);
        self.0.set_message(format!("error {:.0e}", progress.error));
        if self.0.is_hidden() && (before / 50 < now / 50 || now == POINTS as u64) {
            println!("{now:>5} points decided after {:.2} s", self.0.elapsed().as_secs_f64());
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { sleep, workers } = arguments(std::env::args().skip(1)).unwrap_or_else(|message| {
        eprintln!("{message}");
        std::process::exit(2)
    });
    println!("sin on [0, pi] to {TOLERANCE:e}, {} s an evaluation, {workers} workers", sleep.as_secs_f64());

    let bar = ProgressBar::new(POINTS as u64);
    bar.set_style(ProgressStyle::with_template("[{elapsed_precise}] {bar:40} {pos}/{len} evaluations, {msg}")?);
    let slow_sine = move |x: f64| {
        thread::sleep(sleep);
        x.sin()
    };
    let pool = ThreadPool::new(workers);
    let start = Instant::now();
    let integrator = Integrator::new(pool.evaluator(slow_sine)).method(Simpson).observer(Bar(bar.clone()));
    let e = block_on(integrator.integrate(0.0, PI, TOLERANCE))?;
    let wall = start.elapsed().as_secs_f64();
    bar.abandon();

    let sleep = sleep.as_secs_f64();
    let alone = e.evaluations as f64 * sleep;
    let rounds = e.evaluations.div_ceil(workers);
    println!("\nvalue        {:?}", e.value);
    println!("error        {:.1e} (estimated {:.1e})", (e.value - 2.0).abs(), e.error);
    println!("points       {} ({} evaluations were run)", e.evaluations, e.performed);
    println!("one worker   {alone:.2} s in theory");
    println!("wall time    {wall:.2} s, or {:.1} sleeps", wall / sleep);
    println!("speed-up     {:.1}", alone / wall);
    let (ideal, share) = (e.evaluations as f64 / rounds as f64, e.evaluations as f64 / workers as f64);
    println!("limit        {ideal:.1} (points / workers is {share:.1}, so at least {rounds} sleeps)");

    assert!((e.value - 2.0).abs() <= TOLERANCE);
    assert_eq!(e.evaluations, POINTS);
    Ok(())
}
