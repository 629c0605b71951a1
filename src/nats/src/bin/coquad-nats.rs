//! Looks after the queue of a cluster: `coquad-nats status`.

use std::process::ExitCode;
use std::time::Duration;

use coquad_nats::Error;
use coquad_nats::admin::{Admin, Dead, Purge, Status, WorkerStatus};
use serde_json::{Value, json};

#[path = "common/server.rs"]
mod server;

use server::ServerOptions;

const USAGE: &str = "\
usage: coquad-nats [options] COMMAND

Looks after the queue of a space. It takes the rights of an admin of the account.

  setup [FUNCTION ..]      make the streams of the space, and queues of these functions, where they are missing
  status                   streams, functions, slots, queues, workers, runs, the oldest job
  drain FUNCTION [HOURS]   give out no more jobs of a function, for 1 hour unless it says how many (server 2.11
                           or later)
  drain space [HOURS]      the same for all functions
  drain worker NAME        have a worker ask for no more jobs; it finishes those that it has, and stays
  resume FUNCTION          give them out again; likewise `resume space`, `resume worker NAME`
  dead [again]             jobs over which too many workers were lost; `again` sends those that are there again
  purge abandoned          remove the answers of runs without a name whose coordinator is gone
  purge run NAME           remove the answers of a run
  purge jobs FUNCTION      remove the queued jobs of a function
  purge dead               remove the reports of jobs that were given up
  completion               print completions for bash: eval \"$(coquad-nats completion)\"

  --json                   print JSON";

const EXAMPLES: &str = "\
examples:
  coquad-nats --server tls://nats.lab:4222 --space optics setup gap-v3
  coquad-nats --server tls://nats.lab:4222 --space optics --json status | jq '.functions[].queued'";

const COMPLETION: &str = "\
_coquad_nats() {
    local word=${COMP_WORDS[COMP_CWORD]} options='--server --space --credentials --ca --inbox --allow-plaintext --per-function --api --json'
    case ${COMP_WORDS[COMP_CWORD-1]} in
        --credentials | --ca) COMPREPLY=($(compgen -f -- \"$word\")) ;;
        purge) COMPREPLY=($(compgen -W 'abandoned run jobs dead' -- \"$word\")) ;;
        drain | resume) COMPREPLY=($(compgen -W 'space worker' -- \"$word\")) ;;
        dead) COMPREPLY=($(compgen -W again -- \"$word\")) ;;
        *) COMPREPLY=($(compgen -W \"$options setup status drain resume dead purge completion\" -- \"$word\")) ;;
    esac
}
complete -F _coquad_nats coquad-nats";

/// What is to be done.
enum Command {
    Setup(Vec<String>),
    Status,
    Drain(Which, Duration),
    Resume(Which),
    DrainWorker(String),
    ResumeWorker(String),
    Dead { again: bool },
    Purge(Purge),
}

/// Which functions.
enum Which {
    All,
    One(String),
}

impl Which {
    fn named(word: &str) -> Self {
        if word == "space" { Which::All } else { Which::One(word.to_owned()) }
    }

    /// Their names.
    fn names(self, admin: &Admin) -> Result<Vec<String>, Error> {
        Ok(match self {
            Which::One(function) => vec![function],
            Which::All => admin.status()?.functions.into_iter().map(|function| function.name).collect(),
        })
    }
}

fn command(words: &[&str]) -> Result<Command, String> {
    Ok(match words {
        ["setup", functions @ ..] => Command::Setup(functions.iter().map(ToString::to_string).collect()),
        ["status"] => Command::Status,
        ["drain", "worker", name] if name.parse::<f64>().is_err() => Command::DrainWorker((*name).to_owned()),
        ["resume", "worker", name] => Command::ResumeWorker((*name).to_owned()),
        ["drain", function] => Command::Drain(Which::named(function), Duration::from_secs(3600)),
        ["drain", function, hours] => {
            let length = hours.parse().ok().and_then(|hours: f64| Duration::try_from_secs_f64(3600.0 * hours).ok());
            let length = length.ok_or_else(|| format!("drain: {hours:?} is not a number of hours"))?;
            Command::Drain(Which::named(function), length)
        }
        ["resume", function] => Command::Resume(Which::named(function)),
        ["dead"] => Command::Dead { again: false },
        ["dead", "again"] => Command::Dead { again: true },
        ["purge", "abandoned"] => Command::Purge(Purge::Abandoned),
        ["purge", "run", name] => Command::Purge(Purge::Run((*name).to_owned())),
        ["purge", "jobs", function] => Command::Purge(Purge::Jobs((*function).to_owned())),
        ["purge", "dead"] => Command::Purge(Purge::Dead),
        [] => return Err("a command is missing".into()),
        words => return Err(format!("{:?} is no command", words.join(" "))),
    })
}

struct Options {
    server: ServerOptions,
    json: bool,
    words: Vec<String>,
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { server: ServerOptions::default(), json: false, words: Vec::new() };
    while let Some(argument) = arguments.next() {
        if argument == "--json" {
            options.json = true;
        } else if !argument.starts_with("--") {
            options.words.push(argument);
        } else if !options.server.flag(&argument) {
            let value =
                arguments.next().ok_or_else(|| format!("{argument}: a value is missing, or it is no option"))?;
            if !options.server.option(&argument, &value) {
                return Err(format!("{argument}: no such option"));
            }
        }
    }
    Ok(options)
}

/// Does it, and returns what there is to say, for people and for programs.
fn run(admin: &Admin, command: Command) -> Result<(String, Value), Error> {
    Ok(match command {
        Command::Setup(functions) => {
            let functions: Vec<&str> = functions.iter().map(String::as_str).collect();
            admin.setup(&functions)?;
            ("the streams are there".into(), json!({ "functions": functions }))
        }
        Command::Status => {
            let status = admin.status()?;
            (told(&status), status_json(&status))
        }
        Command::Drain(which, length) => {
            let functions = which.names(admin)?;
            functions.iter().try_for_each(|function| admin.drain(function, length))?;
            (format!("drained for {length:?}: {}", functions.join(", ")), json!({ "drained": functions }))
        }
        Command::Resume(which) => {
            let functions = which.names(admin)?;
            functions.iter().try_for_each(|function| admin.resume(function))?;
            (format!("gone on with: {}", functions.join(", ")), json!({ "resumed": functions }))
        }
        Command::DrainWorker(name) => {
            let worker = admin.drain_worker(&name)?;
            let text = format!("{} asks for no more jobs; it has {} now", worker.name, worker.busy);
            (text, worker_json(&worker))
        }
        Command::ResumeWorker(name) => {
            let worker = admin.resume_worker(&name)?;
            (format!("{} asks for jobs again", worker.name), worker_json(&worker))
        }
        Command::Dead { again } => {
            let dead = admin.dead()?;
            let mut sent = 0;
            for job in dead.iter().filter(|job| again && job.points.is_some()) {
                sent += u64::from(admin.send_again(job)?);
            }
            let mut text: String = dead.iter().map(dead_told).collect();
            if again {
                text += &format!("{sent} sent again\n");
            }
            let list: Vec<Value> = dead.iter().map(dead_json).collect();
            (text, json!({ "dead": list, "sent_again": sent }))
        }
        Command::Purge(what) => {
            let count = admin.purge(&what)?;
            (format!("{count} removed"), json!({ "removed": count }))
        }
    })
}

fn told(status: &Status) -> String {
    let mut text = format!("space {}, server {}\n\n", status.space, status.version);
    for stream in &status.streams {
        let limit = |most: Option<u64>| most.map_or_else(String::new, |most| format!(" of {most}"));
        let (messages, bytes) = (limit(stream.most_messages), limit(stream.most_bytes));
        text += &format!("{}: {}{messages} messages, {}{bytes} bytes\n", stream.name, stream.messages, stream.bytes);
    }
    if let Some(age) = status.oldest_job {
        text += &format!("the oldest job is {:.0} s old\n", age.as_secs_f64());
    }
    text += &format!("\n{:24} {:>8} {:>8} {:>8} {:>8}\n", "function", "slots", "busy", "queued", "again");
    for function in &status.functions {
        let drained = if function.drained { "  drained" } else { "" };
        let (slots, busy) = (function.slots, function.busy);
        text += &format!(
            "{:24} {slots:>8} {busy:>8} {:>8} {:>8}{drained}\n",
            function.name, function.queued, function.again
        );
    }
    text += &format!("\n{:40} {:>8} {:>8} {:>10}  functions\n", "worker", "slots", "busy", "points");
    for worker in &status.workers {
        let drained = if worker.drained { "  drained" } else { "" };
        let (slots, busy, points) = (worker.slots, worker.busy, worker.points);
        let functions = worker.functions.join(" ");
        text += &format!("{:40} {slots:>8} {busy:>8} {points:>10}  {functions}{drained}\n", worker.name);
    }
    text += &format!("\n{:40} {:>8}  coordinator\n", "run", "answers");
    for run in &status.runs {
        let name = run.name.as_ref().unwrap_or(&run.token);
        text += &format!("{name:40} {:>8}  {}\n", run.answers, if run.is_awaited { "there" } else { "gone" });
    }
    text
}

fn status_json(status: &Status) -> Value {
    let stream = |one: &coquad_nats::admin::StreamStatus| {
        json!({
            "name": one.name, "messages": one.messages, "most_messages": one.most_messages, "bytes": one.bytes,
            "most_bytes": one.most_bytes,
        })
    };
    let function = |one: &coquad_nats::admin::FunctionStatus| {
        json!({
            "name": one.name, "slots": one.slots, "busy": one.busy, "queued": one.queued, "again": one.again,
            "drained": one.drained,
        })
    };
    let run = |one: &coquad_nats::admin::RunStatus| json!({ "name": one.name, "token": one.token, "answers": one.answers, "is_awaited": one.is_awaited });
    json!({
        "space": status.space,
        "version": status.version,
        "oldest_job_seconds": status.oldest_job.map(|age| age.as_secs_f64()),
        "streams": status.streams.iter().map(stream).collect::<Vec<_>>(),
        "functions": status.functions.iter().map(function).collect::<Vec<_>>(),
        "workers": status.workers.iter().map(worker_json).collect::<Vec<_>>(),
        "runs": status.runs.iter().map(run).collect::<Vec<_>>(),
    })
}

fn worker_json(worker: &WorkerStatus) -> Value {
    json!({
        "name": worker.name, "functions": worker.functions, "slots": worker.slots, "busy": worker.busy,
        "drained": worker.drained, "points": worker.points, "failures": worker.failures,
        "worked_seconds": worker.worked.as_secs_f64(), "arithmetic": worker.arithmetic,
    })
}

fn dead_told(job: &Dead) -> String {
    let points = job.points.as_ref().map_or_else(|| "no longer queued".to_owned(), |points| format!("at {points:?}"));
    let (age, deliveries) = (job.age.as_secs(), job.deliveries);
    format!("{} {points}: lost {deliveries} workers, {age} s ago (job {})\n", job.function, job.sequence)
}

fn dead_json(job: &Dead) -> Value {
    json!({
        "function": job.function, "sequence": job.sequence, "deliveries": job.deliveries,
        "age_seconds": job.age.as_secs_f64(), "points": job.points,
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{USAGE}\n{}\n\n{EXAMPLES}", server::USAGE);
        return ExitCode::SUCCESS;
    }
    let parsed = options(arguments.into_iter()).and_then(|options| {
        let words: Vec<&str> = options.words.iter().map(String::as_str).collect();
        if words == ["completion"] {
            return Ok(None);
        }
        Ok(Some((command(&words)?, options.server.server()?, options.json)))
    });
    let (command, server, json) = match parsed {
        Ok(Some(parsed)) => parsed,
        Ok(None) => {
            println!("{COMPLETION}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("coquad-nats: {error}\n\n{USAGE}\n{}", server::USAGE);
            return ExitCode::from(2);
        }
    };
    match Admin::connect(server).and_then(|admin| run(&admin, command)) {
        Ok((_, value)) if json => println!("{value}"),
        Ok((text, _)) => println!("{}", text.trim_end()),
        Err(error) => {
            eprintln!("coquad-nats: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
