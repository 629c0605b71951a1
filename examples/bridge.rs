//! Integrates by a worker in another language: a script, or a bridge to a cluster of another kind.
//!
//! `bridge` runs `python3 examples/worker.py`; `bridge -- python3 examples/dask_bridge.py` evaluates on a Dask cluster.

use std::io;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use coquad::{Integrator, Processes};

fn main() -> io::Result<()> {
    let mut words = std::env::args().skip(1);
    let mut command = Command::new(words.next().unwrap_or_else(|| "python3".into()));
    command.args(words);
    if command.get_args().len() == 0 {
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/worker.py"));
    }

    // One process, eight evaluations at once: a bridge has many hands.
    let processes = Arc::new(Processes::new(1, command).function("sqrt-v1").window(8));
    let integrator = Integrator::new(processes.clone());
    let start = Instant::now();
    let e = integrator.integrate_blocking(0.0, 1.0, 1e-9).map_err(io::Error::other)?;
    println!("{} ± {:.1e} from {} evaluations in {:.2?}", e.value, e.error, e.evaluations, start.elapsed());
    println!("{:?}", processes.report());
    assert!((e.value - std::f64::consts::FRAC_PI_4).abs() < 1e-9);
    Ok(())
}
