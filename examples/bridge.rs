//! Integrates by a worker in another language: a script, or a bridge to a cluster of another kind.
//!
//! `bridge` runs `python3 examples/worker.py`; `bridge -- python3 examples/dask_bridge.py` evaluates on a Dask cluster.
//! The Python package is that of this repository (`src/python`), installed or not.

use std::io;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coquad::{Inline, Integrator, Processes};

fn main() -> io::Result<()> {
    let mut words = std::env::args().skip(1);
    let mut command = Command::new(words.next().unwrap_or_else(|| "python3".into()));
    command.args(words);
    if command.get_args().len() == 0 {
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/worker.py"));
    }
    let package = concat!(env!("CARGO_MANIFEST_DIR"), "/src/python").into();
    let others = std::env::var_os("PYTHONPATH").unwrap_or_default();
    let path = std::env::join_paths([package].into_iter().chain(std::env::split_paths(&others)));
    command.env("PYTHONPATH", path.map_err(io::Error::other)?);

    // One process, eight evaluations at once: a bridge has many hands. A bridge that answers nothing for a minute is ended.
    let processes = Processes::new(1, command).function("sqrt-v1").window(8).time_limit(Duration::from_secs(60));
    let processes = Arc::new(processes);
    let integrator = Integrator::new(processes.clone());
    let start = Instant::now();
    let e = integrator.integrate_blocking(0.0, 1.0, 1e-9).map_err(io::Error::other)?;
    println!("{} ± {:.1e} from {} evaluations in {:.2?}", e.value, e.error, e.evaluations, start.elapsed());
    println!("{:?}", processes.report());

    let here = Integrator::new(Inline::new(|x: f64| (1.0 - x * x).sqrt()));
    let here = here.integrate_blocking(0.0, 1.0, 1e-9).map_err(io::Error::other)?;
    assert_eq!((e.value.to_bits(), e.evaluations), (here.value.to_bits(), here.evaluations));
    Ok(())
}
