//! Worker processes: this program, started again under the name of one test.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use coquad_nats::{Server, Worker};

use super::{NatsServer, Random};

const URL: &str = "COQUAD_TEST_WORKER";
const FUNCTION: &str = "COQUAD_TEST_FUNCTION";
const SLOTS: &str = "COQUAD_TEST_SLOTS";
/// Where each evaluation leaves a line, if set: how many there were, and of what.
const TALLY: &str = "COQUAD_TEST_TALLY";

/// A smooth function with a peak: a few hundred points, by plain arithmetic only.
pub(crate) fn peak(x: f64) -> f64 {
    1.0 / (1e-3 + (x - 0.3) * (x - 0.3))
}

/// How long `x` takes in a cluster where one in ten takes forty times as long.
pub(crate) fn skewed(x: f64) -> Duration {
    Duration::from_millis(if Random(x.to_bits()).below(10) == 0 { 200 } else { 5 })
}

fn evaluate(function: &str, x: f64) -> Result<f64, String> {
    if let Some(tally) = std::env::var_os(TALLY) {
        let mut file = std::fs::File::options().append(true).create(true).open(tally).expect("the tally");
        // One write, so that lines of several processes do not mix.
        file.write_all(format!("{:016x}\n", x.to_bits()).as_bytes()).expect("a line");
    }
    match function {
        "peak" => {}
        "ms" => thread::sleep(Duration::from_millis(1)),
        "slow" => thread::sleep(Duration::from_millis(20)),
        "long" => thread::sleep(Duration::from_millis(300)),
        "skew" => thread::sleep(skewed(x)),
        "fails" => return Err(format!("no value at {x:?}\u{1b}")),
        "panics" => panic!("no such x: {x:?}"),
        "hangs" => loop {
            thread::park();
        },
        "kills" if x == 0.5 => std::process::abort(),
        "kills" => thread::sleep(Duration::from_millis(20)),
        _ => return Err(format!("no function {function}")),
    }
    Ok(peak(x))
}

/// Serves, if this process was started to.
pub(crate) fn serve_if_asked() {
    let Ok(url) = std::env::var(URL) else { return };
    let function = std::env::var(FUNCTION).expect("which function");
    let slots = std::env::var(SLOTS).expect("how many").parse().expect("a number");
    let name = function.clone();
    let served = Worker::new(Server::new(url).ack_wait(Duration::from_secs(1)))
        .serve(&name, move |x: f64| evaluate(&function, x))
        .slots(slots)
        .run();
    panic!("a worker ended: {served:?}");
}

/// A worker process, killed when dropped.
pub(crate) struct WorkerProcess(Child);

impl WorkerProcess {
    pub(crate) fn start(server: &NatsServer, function: &str, slots: usize) -> Self {
        Self::with(server, function, slots, |_| {})
    }

    pub(crate) fn with(server: &NatsServer, function: &str, slots: usize, set: impl Fn(&mut Command)) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["worker_process", "--exact", "--nocapture"])
            .env(URL, server.url())
            .env(FUNCTION, function)
            .env(SLOTS, slots.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        set(&mut command);
        Self(command.spawn().expect("a worker"))
    }

    /// Four of them.
    pub(crate) fn four(server: &NatsServer, function: &str) -> Vec<Self> {
        (0..4).map(|_| Self::start(server, function, 1)).collect()
    }

    pub(crate) fn tallied(server: &NatsServer, function: &str, slots: usize, tally: &std::path::Path) -> Self {
        Self::with(server, function, slots, |command| {
            command.env(TALLY, tally);
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
