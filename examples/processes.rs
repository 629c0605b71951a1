//! Integrates in worker processes, kills one on the way, and prints what came of it.
//!
//! Worker and coordinator are the same program here: it is a worker when it is started with the argument `worker`.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use std::{env, io, thread};

use coquad::{GaussKronrod, Inline, Integrator, Processes, worker};

/// Takes two milliseconds, as if it were a simulation.
fn slow(x: f64) -> f64 {
    thread::sleep(Duration::from_millis(2));
    1.0 / (1e-3 + (x - 0.3) * (x - 0.3))
}

/// The same, but the first worker that comes to a certain region dies of it, as by `kill -9`.
fn deadly(x: f64) -> f64 {
    let marker = env::var("MARKER").expect("the coordinator sets it");
    if (0.29..0.31).contains(&x) && std::fs::remove_file(marker).is_ok() {
        std::process::abort();
    }
    slow(x)
}

fn main() -> io::Result<()> {
    if env::args().nth(1).as_deref() == Some("worker") {
        return worker::serve_named("peak-v1", deadly);
    }

    let marker = env::temp_dir().join(format!("coquad-example-{}", std::process::id()));
    std::fs::write(&marker, "one worker is to die")?;
    let mut command = Command::new(env::current_exe()?);
    command.arg("worker").env("MARKER", &marker);

    let processes = Arc::new(Processes::new(4, command).function("peak-v1").time_limit(Duration::from_secs(10)));
    let integrator = Integrator::new(processes.clone()).method(GaussKronrod::default());
    let e = integrator.integrate_blocking(0.0, 1.0, 1e-8).map_err(io::Error::other)?;
    println!("{} ± {:.1e} from {} evaluations", e.value, e.error, e.evaluations);

    let report = processes.report();
    println!("{report:?}");
    assert_eq!(report.deaths, 1);

    let here = Integrator::new(Inline::new(slow)).method(GaussKronrod::default());
    let here = here.integrate_blocking(0.0, 1.0, 1e-8).map_err(io::Error::other)?;
    assert_eq!((e.value.to_bits(), e.evaluations), (here.value.to_bits(), here.evaluations));
    println!("the same bits as without them");
    Ok(())
}
