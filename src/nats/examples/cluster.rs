//! A cluster on one machine: a NATS server, four worker processes, and an integral in the middle of which a worker is
//! killed. Run `bash .ci/nats cargo run --release -p coquad-nats --example cluster`.

use std::error::Error;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use coquad::{Inline, Integrator};
use coquad_nats::{Nats, Server, Worker};

/// A resonance, as a simulation would give it: a millisecond or two for a point, and one in ten takes forty.
fn resonance(x: f64) -> f64 {
    let slow = x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61 == 0;
    thread::sleep(Duration::from_millis(if slow { 40 } else { 2 }));
    exact(x)
}

fn exact(x: f64) -> f64 {
    1.0 / (1e-4 + (x - 0.4) * (x - 0.4))
}

/// A process that ends with this one.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server with JetStream on a free port, and returns its address.
fn start_server(folder: &Path) -> Result<(Running, String), Box<dyn Error>> {
    let program = env::var("NATS_SERVER").unwrap_or_else(|_| "nats-server".into());
    let mut command = Command::new(&program);
    command.args(["--addr", "127.0.0.1", "--port", "-1", "--jetstream", "--store_dir"]).arg(folder);
    command.arg("--ports_file_dir").arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
    let failed = |error: io::Error| format!("{program} does not start ({error}): try `bash .ci/nats cargo run ..`");
    let server = Running(command.spawn().map_err(failed)?);
    let ports = folder.join(format!("nats-server_{}.ports", server.0.id()));
    loop {
        let text = fs::read_to_string(&ports).unwrap_or_default();
        if let Some(address) = text.split('"').find(|part| part.starts_with("nats://")) {
            return Ok((server, address.to_owned()));
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn work(address: &str) -> Result<(), coquad_nats::Error> {
    Worker::new(address).serve("resonance-v1", resonance).slots(2).run()
}

fn main() -> Result<(), Box<dyn Error>> {
    // A worker is this program with an address to serve.
    if let Some(address) = env::args().nth(1) {
        return Ok(work(&address)?);
    }
    let folder = env::temp_dir().join(format!("coquad-cluster-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let (broker, address) = start_server(&folder)?;
    println!("server  {address}");
    // Of a worker that is lost the server learns within a second here, within 30 by default.
    let server = Server::new(&*address).ack_wait(Duration::from_secs(1));
    let nats = futures::executor::block_on(Nats::connect(server))?;
    let evaluator = nats.evaluator::<f64>("resonance-v1");
    let mut command = Command::new(env::current_exe()?);
    command.arg(&address).stderr(Stdio::null());
    let mut workers = (0..4).map(|_| command.spawn().map(Running)).collect::<io::Result<Vec<_>>>()?;
    while evaluator.slots() < 8 {
        thread::sleep(Duration::from_millis(10));
    }
    println!("workers 4, with 8 slots");

    let integrator = Integrator::new(evaluator);
    let started = Instant::now();
    let e = thread::scope(|scope| {
        let integral = scope.spawn(|| integrator.integrate_blocking(0.0, 1.0, 1e-8));
        thread::sleep(Duration::from_millis(200));
        drop(workers.pop());
        println!("killed  one of them, after {:?}", started.elapsed());
        integral.join().expect("no panic")
    })?;
    println!("answer  {} ± {:.1e}", e.value, e.error);
    println!("report  {} evaluations ({} performed) in {:?}", e.evaluations, e.performed, started.elapsed());

    let here = Integrator::new(Inline::new(exact)).integrate_blocking(0.0, 1.0, 1e-8)?;
    assert_eq!((e.value.to_bits(), e.evaluations), (here.value.to_bits(), here.evaluations));
    println!("the same bits as on one thread");
    drop(workers);
    futures::executor::block_on(nats.close());
    drop(broker);
    fs::remove_dir_all(&folder)?;
    Ok(())
}
