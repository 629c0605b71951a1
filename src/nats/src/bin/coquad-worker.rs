//! Serves a command, in any language, as a worker on NATS: `coquad-worker --serve gap-v3 -- python3 gap.py`.

use std::net::SocketAddr;
use std::process::{Command, ExitCode};
use std::time::Duration;

use coquad_nats::{Server, Worker};

#[path = "common/server.rs"]
mod server;

use server::ServerOptions;

const USAGE: &str = "\
usage: coquad-worker --serve NAME [options] -- COMMAND [ARGUMENTS]

Starts COMMAND once for each slot and hands it jobs for the function NAME on its standard input. In Python that
is a script of a few lines, in Rust `coquad::worker::serve(f)`.

  --axes N               how many numbers a point has, to 8 [1]
  --slots N              jobs at once [the threads of this machine]
  --time-limit SECONDS   kill an evaluation that takes longer [86400]
  --wait SECONDS         wait no longer for a server that is not there at the start [for ever]
  --patience SECONDS     after SIGTERM or SIGINT, finish what takes no longer and hand back the rest [20]
  --metrics ADDRESS      answer HTTP there, as 127.0.0.1:9100: /live, /ready, /metrics [not at all]";

struct Options {
    server: Server,
    name: String,
    axes: usize,
    slots: Option<usize>,
    limit: Option<Duration>,
    patience: Option<Duration>,
    wait: Option<Duration>,
    metrics: Option<SocketAddr>,
    command: Vec<String>,
}

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut arguments = arguments;
    let mut server = ServerOptions::default();
    let (mut name, mut slots, mut limit, mut patience, mut wait, mut metrics) = (None, None, None, None, None, None);
    let (mut command, mut axes) = (Vec::new(), 1);
    while let Some(option) = arguments.next() {
        if option == "--" {
            command = arguments.collect();
            break;
        }
        if server.flag(&option) {
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("{option}: a value is missing, or it is no option"))?;
        let none = |what: &str| format!("{option}: {value:?} is not {what}");
        match option.as_str() {
            "--serve" => name = Some(value),
            "--axes" => axes = value.parse().map_err(|_| none("a number of numbers"))?,
            "--slots" => slots = Some(value.parse().map_err(|_| none("a number of slots"))?),
            "--time-limit" => limit = Some(seconds(&value).ok_or_else(|| none("a number of seconds"))?),
            "--patience" => patience = Some(seconds(&value).ok_or_else(|| none("a number of seconds"))?),
            "--wait" => wait = Some(seconds(&value).ok_or_else(|| none("a number of seconds"))?),
            "--metrics" => metrics = Some(value.parse().map_err(|_| none("an address, as 127.0.0.1:9100"))?),
            _ if server.option(&option, &value) => {}
            _ => return Err(format!("{option}: no such option")),
        }
    }
    let server = server.server()?;
    let name = name.ok_or("--serve is missing")?;
    if command.is_empty() {
        return Err("a command is missing, after --".into());
    }
    if !(1..=8).contains(&axes) {
        return Err(format!("--axes: a point has 1 to 8 numbers, not {axes}"));
    }
    Ok(Options { server, name, axes, slots, limit, patience, wait, metrics, command })
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

fn main() -> ExitCode {
    if std::env::args().skip(1).take_while(|word| word != "--").any(|word| word == "--help" || word == "-h") {
        println!("{USAGE}\n{}", server::USAGE);
        return ExitCode::SUCCESS;
    }
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("coquad-worker: {error}\n\n{USAGE}\n{}", server::USAGE);
            return ExitCode::from(2);
        }
    };
    let (program, arguments) = options.command.split_first().expect("it was checked that there is a command");
    let (program, arguments) = (program.clone(), arguments.to_vec());
    let command = move || {
        let mut command = Command::new(&program);
        command.args(&arguments);
        command
    };
    let (worker, name) = (Worker::new(options.server), &*options.name);
    let mut worker = match options.axes {
        2 => worker.serve_command_over::<[f64; 2], _>(name, command),
        3 => worker.serve_command_over::<[f64; 3], _>(name, command),
        4 => worker.serve_command_over::<[f64; 4], _>(name, command),
        5 => worker.serve_command_over::<[f64; 5], _>(name, command),
        6 => worker.serve_command_over::<[f64; 6], _>(name, command),
        7 => worker.serve_command_over::<[f64; 7], _>(name, command),
        8 => worker.serve_command_over::<[f64; 8], _>(name, command),
        _ => worker.serve_command(name, command),
    };
    if let Some(slots) = options.slots {
        worker = worker.slots(slots);
    }
    if let Some(limit) = options.limit {
        worker = worker.max_evaluation(limit);
    }
    if let Some(patience) = options.patience {
        worker = worker.patience(patience);
    }
    if let Some(wait) = options.wait {
        worker = worker.wait(wait);
    }
    if let Some(address) = options.metrics {
        worker = worker.metrics(address);
    }
    match worker.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("coquad-worker: {error}");
            ExitCode::FAILURE
        }
    }
}
