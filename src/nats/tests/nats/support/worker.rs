//! Worker processes: this program, started again under the name of one test.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use coquad_nats::{Server, Worker};

use super::{NatsServer, Random};

pub(crate) const URL: &str = "COQUAD_TEST_WORKER";
const FUNCTION: &str = "COQUAD_TEST_FUNCTION";
const SLOTS: &str = "COQUAD_TEST_SLOTS";
/// Whether this process is a worker of `Processes`.
const CHILD: &str = "COQUAD_TEST_CHILD";
/// Where each evaluation leaves a line, if set: of what, by whom, when; and a worker one with `ready` once it serves.
pub(crate) const TALLY: &str = "COQUAD_TEST_TALLY";

/// A smooth function with a peak: a few hundred points, by plain arithmetic only.
pub(crate) fn peak(x: f64) -> f64 {
    1.0 / (1e-3 + (x - 0.3) * (x - 0.3))
}

/// A function of two variables, by plain arithmetic only.
pub(crate) fn hill([x, y]: [f64; 2]) -> f64 {
    1.0 / (1e-2 + (x - 0.3) * (x - 0.3) + (y - 0.8) * (y - 0.8))
}

/// How long `x` takes in a cluster where one in ten takes forty times as long.
pub(crate) fn skewed(x: f64) -> Duration {
    Duration::from_millis(if Random(x.to_bits()).below(10) == 0 { 200 } else { 5 })
}

fn tally(what: &str) {
    if let Some(tally) = std::env::var_os(TALLY) {
        let now = std::time::UNIX_EPOCH.elapsed().expect("a clock").as_millis();
        let mut file = std::fs::File::options().append(true).create(true).open(tally).expect("the tally");
        // One write, so that lines of several processes do not mix.
        file.write_all(format!("{what} {} {now}\n", std::process::id()).as_bytes()).expect("a line");
    }
}

fn evaluate(function: &str, x: f64) -> Result<f64, String> {
    tally(&format!("{:016x}", x.to_bits()));
    match function {
        "peak" => {}
        "ms" => thread::sleep(Duration::from_millis(1)),
        "slow" => thread::sleep(Duration::from_millis(20)),
        "long" => thread::sleep(Duration::from_millis(300)),
        "longer" => thread::sleep(Duration::from_millis(2500)),
        "longer-fails" => {
            thread::sleep(Duration::from_millis(2500));
            return Err("no value".into());
        }
        // Noise, which takes as many points as it may.
        "skew" => {
            thread::sleep(skewed(x));
            return Ok((x * 1e6).sin());
        }
        // Not the same everywhere.
        "own" => {
            thread::sleep(Duration::from_millis(300));
            return Ok(f64::from(std::process::id()));
        }
        "fails" => return Err(format!("no value at {x:?}\u{1b}")),
        "panics" => panic!("no such x: {x:?}"),
        "hangs" => loop {
            thread::park();
        },
        "kills" if x.to_bits() == 0.5f64.to_bits() => std::process::abort(),
        "kills" => thread::sleep(Duration::from_millis(20)),
        "poison" if x.to_bits() == 0.5f64.to_bits() => std::process::abort(),
        "poison" => {}
        _ => return Err(format!("no function {function}")),
    }
    Ok(peak(x))
}

/// Serves, if this process was started to, until it is told to stop.
pub(crate) fn serve_if_asked() {
    let Ok(url) = std::env::var(URL) else { return };
    let function = std::env::var(FUNCTION).expect("which function");
    let slots = std::env::var(SLOTS).expect("how many").parse().expect("a number");
    let name = function.clone();
    tally("ready");
    let worker = Worker::new(Server::new(url).ack_wait(Duration::from_secs(1)));
    let worker = match &*function {
        "hill" => worker.serve_over(&name, |x: [f64; 2]| {
            tally(&format!("{:016x}{:016x}", x[0].to_bits(), x[1].to_bits()));
            thread::sleep(Duration::from_millis(1));
            hill(x)
        }),
        _ => worker.serve(&name, move |x: f64| evaluate(&function, x)),
    };
    let served = worker.slots(slots).patience(Duration::from_secs(2)).run();
    // Not by the test harness, which would wait for a function that is still running.
    std::process::exit(i32::from(served.is_err()));
}

/// Serves on the pipe, if this process was started to.
pub(crate) fn serve_pipe_if_asked() {
    if std::env::var_os(CHILD).is_some() {
        rustix::stdio::dup2_stdout(std::fs::File::options().write(true).open("/proc/self/fd/3").expect("the pipe"))
            .expect("the pipe");
        let served = coquad::worker::serve(peak);
        std::process::exit(i32::from(served.is_err()));
    }
}

/// This program as a worker of `Processes` that serves [`peak`]. What the test harness prints before goes elsewhere.
pub(crate) fn child() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "exec 3>&1 1>&2; exec \"$0\" \"$@\""]).arg(std::env::current_exe().expect("this program"));
    command.args(["child_process", "--exact", "--nocapture"]).env(CHILD, "1").stderr(Stdio::null());
    command
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

    pub(crate) fn tallied(server: &NatsServer, function: &str, slots: usize, tally: &Path) -> Self {
        Self::with(server, function, slots, |command| {
            command.env(TALLY, tally);
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, which it must in the end.
    pub(crate) fn wait(mut self) -> std::process::ExitStatus {
        let mut status = None;
        super::until("the worker ends", || {
            status = self.0.try_wait().expect("a child");
            status.is_some()
        });
        status.expect("it was waited for")
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_some()
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

/// An evaluation, or a worker's beginning, as it left a line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The bits of the point in hexadecimal, or `ready`.
    pub(crate) what: String,
    pub(crate) pid: u32,
    pub(crate) milliseconds: u64,
}

/// What the workers have left in the tally so far.
pub(crate) fn tallied(tally: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(tally).unwrap_or_default();
    // A line may be half there.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |i: usize| words[i].parse().expect("a number");
        Line { what: words[0].to_owned(), pid: number(1) as u32, milliseconds: number(2) }
    };
    whole.lines().map(line).collect()
}

/// The points that were evaluated, in the order of their beginning.
pub(crate) fn points(tally: &Path) -> Vec<String> {
    tallied(tally).into_iter().map(|line| line.what).filter(|what| what != "ready").collect()
}
