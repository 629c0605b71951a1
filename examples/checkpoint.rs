//! Crash and resume: this program starts itself, kills what it started in the midst of an integral, and starts it again.
//!
//! `cargo run --release --features durable --example checkpoint`

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use coquad::{Inline, Integrator, PointCache, Simpson, Speculation, ThreadPool};

/// Changes whenever `f` does: values of another function are refused.
const IDENTITY: &str = "Lorentz peak, width 0.05, version 1";

fn f(x: f64) -> f64 {
    1.0 / (x * x + 0.0025)
}

/// The program that takes its time: says how many points were known, then the result.
fn integrate(file: &Path) -> Result<(), Box<dyn Error>> {
    let cache = PointCache::open(file, IDENTITY)?;
    let known = cache.len();
    println!("{known} points were known");
    let pool = ThreadPool::new(4);
    let slow = pool.evaluator(|x| {
        thread::sleep(Duration::from_millis(2));
        f(x)
    });
    // Without guesses, so that the points can be counted below.
    let integrator = Integrator::new(slow).method(Simpson).speculation(Speculation::Certain).with_cache(cache.clone());
    let e = integrator.integrate_blocking(-1.0, 1.0, 1e-8)?;
    futures::executor::block_on(cache.sync())?; // from here on a power cut loses nothing either

    let whole = Integrator::new(Inline::new(f)).method(Simpson).integrate_blocking(-1.0, 1.0, 1e-8)?;
    assert_eq!(e.value.to_bits(), whole.value.to_bits());
    assert_eq!(e.evaluations, whole.evaluations);
    assert_eq!(e.performed, e.evaluations - known);
    println!("{e}, of which {} were run now", e.performed);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(file) = std::env::args_os().nth(1) {
        return integrate(Path::new(&file));
    }
    let file = std::env::temp_dir().join(format!("coquad-checkpoint-{}", std::process::id()));
    let program = std::env::current_exe()?;
    let start = || Command::new(&program).arg(&file).stdin(Stdio::null()).spawn();

    let mut first = start()?;
    // In the midst of it: when some hundred points are in the file.
    while std::fs::metadata(&file).map_or(0, |file| file.len()) < 4000 {
        thread::sleep(Duration::from_millis(1));
        assert!(first.try_wait()?.is_none(), "it ended before it could be killed");
    }
    first.kill()?;
    first.wait()?;

    let known = PointCache::<f64>::open(&file, IDENTITY)?.len();
    println!("killed, with {known} points in the file");
    assert!(known > 50);
    assert!(start()?.wait()?.success());
    std::fs::remove_file(&file)?;
    Ok(())
}
