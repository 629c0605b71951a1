//! The command `coquad-nats`, and what a program can ask instead.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coquad::Evaluator;
use coquad_nats::admin::{Admin, Purge};
use coquad_nats::{Error, Worker};
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::join_all;

use crate::python;
use crate::support::worker::peak;
use crate::support::{NatsServer, Tool, until};

/// What the command says, and whether all is well.
fn command(server: &NatsServer, words: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coquad-nats"));
    let output = command.args(["--server", &server.url()]).args(words).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), said)
}

fn json(server: &NatsServer, words: &[&str]) -> serde_json::Value {
    let (well, said) = command(server, &[&["--json"], words].concat());
    assert!(well, "{words:?}: {said}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{words:?}: {error}: {said}"))
}

#[test]
fn a_space_is_set_up_described_and_cleared() {
    let server = NatsServer::start();
    // Before there is anything.
    let (well, said) = command(&server, &["status"]);
    assert!(!well && said.contains("COQUAD1_default_JOBS"), "{said}");
    assert!(command(&server, &["setup", "f", "g"]).0);
    let status = json(&server, &["status"]);
    assert_eq!(status["functions"][0]["name"], "f");
    assert_eq!(status["functions"][1]["slots"], 0);
    assert_eq!(status["streams"].as_array().unwrap().len(), 3);
    assert_eq!(status["oldest_job_seconds"], serde_json::Value::Null);

    // Two runs have answers, one of them has somebody who waits; jobs of a third are queued.
    let nats = server.connect();
    let worker = Worker::new(server.server()).serve("f", peak).slots(3).start().unwrap();
    let evaluator = nats.evaluator::<f64>("f");
    for evaluator in [evaluator.clone(), evaluator.run("kept")] {
        assert!(block_on(join_all((0..5).map(|i| evaluator.evaluate(f64::from(i))))).iter().all(Result::is_ok));
    }
    let idle = nats.evaluator::<f64>("g");
    let mut queued = Box::pin(join_all((0..4).map(|i| idle.evaluate(f64::from(i)))));
    assert!(queued.as_mut().now_or_never().is_none());
    let tool = Tool::new(&server);
    until("they are queued", || tool.jobs_waiting("default") == 4);
    let status = json(&server, &["status"]);
    assert_eq!((&status["functions"][0]["slots"], &status["functions"][1]["queued"]), (&3.into(), &4.into()));
    assert!(status["oldest_job_seconds"].as_f64().unwrap() >= 0.0);
    let runs = status["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert!(runs.iter().all(|run| run["answers"] == 5 && run["is_awaited"] == true), "{runs:?}");
    let (_, said) = command(&server, &["status"]);
    assert!(said.contains("kept") && said.contains("function"), "{said}");

    // Nobody's answers are removed who is there.
    assert_eq!(json(&server, &["purge", "abandoned"])["removed"], 0);
    assert_eq!(json(&server, &["purge", "run", "kept"])["removed"], 5);
    assert_eq!(json(&server, &["purge", "jobs", "g"])["removed"], 4);
    // Whoever waits for them sends them again.
    until("they are queued again", || tool.jobs_waiting("default") == 4);
    drop(queued);
    drop(worker);
}

#[test]
fn answers_of_a_coordinator_that_died_are_removed() {
    let server = NatsServer::start();
    let admin = Admin::connect(server.url()).unwrap();
    admin.setup(&[]).unwrap();
    let tool = Tool::new(&server);
    let context = tool.context();
    tool.block_on(async {
        for subject in ["r-gone.1f", "r-gone.2f", "n-kept.1f"] {
            let subject = format!("coquad1.default.res.{subject}");
            context.publish(subject, "x".into()).await.unwrap().await.unwrap();
        }
    });
    assert_eq!(admin.purge(&Purge::Abandoned).unwrap(), 2);
    let left = admin.status().unwrap().runs;
    assert_eq!((left.len(), left[0].name.as_deref(), left[0].answers), (1, Some("kept"), 1));
}

#[test]
fn a_function_is_drained_where_the_server_can() {
    let server = NatsServer::start();
    let admin = Admin::connect(server.url()).unwrap();
    admin.setup(&["f"]).unwrap();
    let nats = server.connect();
    let evaluator = nats.evaluator::<f64>("f");
    let _worker = Worker::new(server.server()).serve("f", peak).slots(1).start().unwrap();
    assert!(block_on(evaluator.evaluate(0.5)).is_ok());
    let version = admin.status().unwrap().version;
    let minor: u64 = version.split('.').nth(1).unwrap().parse().unwrap();
    if version.starts_with("2.") && minor < 11 {
        let refused = admin.drain("f", Duration::from_secs(60)).unwrap_err();
        assert!(matches!(&refused, Error::Setup { reason, .. } if reason.contains("2.11")), "{refused}");
        return;
    }
    admin.drain("f", Duration::from_secs(3600)).unwrap();
    assert!(admin.status().unwrap().functions[0].drained);
    let late = block_on(evaluator.clone().parameters([1]).deadline(Duration::from_secs(1)).evaluate(0.5)).unwrap_err();
    assert!(matches!(late.downcast_ref(), Some(Error::Deadline { .. })), "{late}");
    assert!(command(&server, &["resume", "f"]).0);
    assert_eq!(block_on(evaluator.evaluate(0.25)).unwrap().to_bits(), peak(0.25).to_bits());
}

#[test]
fn a_job_that_was_given_up_is_listed_and_sent_again() {
    let server = NatsServer::start();
    let admin = Admin::connect(server.server().max_deliver(1)).unwrap();
    admin.setup(&["f"]).unwrap();
    // Nobody waits for it, or would take it back.
    let tool = Tool::new(&server);
    let mut job = Vec::new();
    let reply = Some("coquad1.default.res.n-known.1f");
    coquad::wire::Job { id: "1f", function: "f", x: vec![0.5].into(), reply, ..Default::default() }.encode(&mut job);
    let context = tool.context();
    tool.block_on(async { context.publish("coquad1.default.job.f", job.into()).await.unwrap().await.unwrap() });
    let _interest = tool.hear(&["nobody"]);
    let next = "$JS.API.CONSUMER.MSG.NEXT.COQUAD1_default_JOBS.f";
    // The old server notices when somebody asks for a job.
    until("it is given up", || {
        let asked = tool.client.publish_with_reply(next, "nobody", r#"{"batch":1,"no_wait":true}"#.into());
        tool.block_on(asked).unwrap();
        !admin.dead().unwrap().is_empty()
    });
    let dead = admin.dead().unwrap();
    assert_eq!((dead.len(), &*dead[0].function, dead[0].deliveries), (1, "f", 1));
    assert_eq!(dead[0].points.as_deref(), Some(&[0.5][..]));
    let (_, said) = command(&server, &["dead"]);
    assert!(said.contains("f at [0.5]: lost 1 workers"), "{said}");
    assert_eq!(json(&server, &["dead", "again"])["sent_again"], 1);
    assert_eq!((tool.jobs_waiting("default"), tool.jobs_ever("default")), (1, 2));
    assert_eq!(admin.dead().unwrap()[0].points, None);
    // The old server may give out nothing more after a job that it gave up was deleted.
    if !admin.status().unwrap().version.starts_with("2.9.") {
        let _worker = Worker::new(server.server()).serve("f", peak).slots(1).start().unwrap();
        until("it is evaluated", || tool.messages("COQUAD1_default_RES") == 1);
    }
    assert_eq!(json(&server, &["purge", "dead"])["removed"], 1);
}

#[test]
fn what_is_no_command_is_told_and_help_is_given() {
    let server = NatsServer::start();
    for words in [&["frobnicate"][..], &[], &["purge"], &["drain", "f", "soon"], &["--space"], &["setup", "a.b"]] {
        let (well, said) = command(&server, words);
        assert!(!well && said.starts_with("coquad-nats: "), "{words:?}: {said}");
    }
    let (well, help) = command(&server, &["--help"]);
    assert!(well && help.contains("examples:") && help.contains("--space NAME"), "{help}");
    let (well, completion) = command(&server, &["completion"]);
    assert!(well && completion.contains("complete -F"), "{completion}");
}

#[test]
fn a_connection_tells_its_metrics() {
    let server = NatsServer::start();
    let nats = server.connect();
    let _worker = Worker::new(server.server()).serve("f", peak).slots(2).start().unwrap();
    let evaluator = nats.evaluator::<f64>("f");
    until("the slots are counted", || evaluator.slots() == 2);
    assert!(block_on(join_all((0..50).map(|i| evaluator.evaluate(f64::from(i))))).iter().all(Result::is_ok));
    until("nothing is waited for", || nats.report().waiting == 0);
    let text = nats.open_metrics();
    for line in [
        "coquad_nats_evaluations_total{space=\"default\"} 50",
        "coquad_nats_waiting_points{space=\"default\"} 0",
        "coquad_nats_slots{space=\"default\",function=\"f\"} 2",
    ] {
        assert!(text.lines().any(|one| one == line), "{line} in {text}");
    }
    let workers = nats.workers();
    assert_eq!((workers.len(), workers[0].evaluations, &*workers[0].function), (1, 50, "f"));
    let report = nats.report();
    assert!(report.waited >= report.worked / 50 && report.worked > Duration::ZERO, "{report:?}");
    assert_eq!((report.waiting, report.jobs, report.held), (0, 0, 0));
    until("the queue is described", || nats.report().room == 100_000);
}

/// Workers in Rust and in Python, and what an operator tells one of them.
#[test]
fn workers_are_listed_and_one_of_them_is_drained() {
    let server = NatsServer::start();
    let nats = server.connect();
    let evaluator = nats.evaluator::<f64>("f").deadline(Duration::from_secs(60));
    let tally = server.folder.path().join("tally");
    let program = "def f(x):\n    open(sys.argv[2], 'a').write('.')\n    return x\nserve_nats(URL, 'f', f, slots=3)\n";
    let _python = python::worker(&server, program, &[tally.to_str().unwrap()]);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let f = move |x: f64| {
        counted.fetch_add(1, Ordering::Relaxed);
        x
    };
    let _rust = Worker::new(server.server()).serve("f", f).slots(2).start().unwrap();
    until("both are there", || evaluator.slots() == 5);
    let mut next = 0;
    let mut sweep = || {
        next += 1;
        let values = (0..30).map(|i| evaluator.evaluate(f64::from(i + 100 * next)));
        assert!(block_on(join_all(values)).iter().all(Result::is_ok));
    };
    sweep();
    let rust = || calls.load(Ordering::Relaxed) as u64;
    let in_python = || std::fs::read(&tally).unwrap_or_default().len() as u64;
    assert_eq!(rust() + in_python(), 30);
    let admin = Admin::connect(server.url()).unwrap();
    let workers = admin.status().unwrap().workers;
    assert_eq!(workers.len(), 2, "{workers:?}");
    let ours = format!(":{}", std::process::id());
    let [(here, there)] = [workers.iter().partition::<Vec<_>, _>(|worker| worker.name.ends_with(&ours))];
    let ([here], [there]) = (&here[..], &there[..]) else { panic!("{workers:?}") };
    assert_eq!((here.slots, there.slots, here.points, there.points), (2, 3, rust(), in_python()));
    assert!(workers.iter().all(|worker| worker.functions == ["f"] && !worker.drained && worker.failures == 0));
    assert_eq!(here.arithmetic, coquad::Arithmetic::here().as_str());

    for (name, count) in [(&here.name, &rust as &dyn Fn() -> u64), (&there.name, &in_python)] {
        assert_eq!(json(&server, &["drain", "worker", name])["drained"], true);
        // The server counts those that ask.
        until("it asks no more", || admin.status().unwrap().functions[0].slots < 5);
        let before = count();
        sweep();
        assert_eq!(count(), before, "{name} has evaluated");
        let (_, said) = command(&server, &["status"]);
        assert!(said.contains("drained") && said.contains(name.as_str()), "{said}");
        assert!(command(&server, &["resume", "worker", name]).0);
        until("it asks again", || admin.status().unwrap().functions[0].slots == 5);
    }
    let (well, said) = command(&server, &["drain", "worker", "nobody:1"]);
    assert!(!well && said.contains("it does not run"), "{said}");
    if !admin.status().unwrap().version.starts_with("2.9.") {
        assert_eq!(json(&server, &["drain", "space"])["drained"], serde_json::json!(["f"]));
        assert!(admin.status().unwrap().functions.iter().all(|function| function.drained));
        assert!(command(&server, &["resume", "space"]).0);
    }
    sweep();
}

/// Nobody but an admin may tell workers anything, and what the server has placed is nobody's word.
#[test]
fn a_worker_is_drained_by_nobody_s_word() {
    let server = NatsServer::start();
    let worker = Worker::new(server.server()).serve("f", peak).slots(1).start().unwrap();
    let admin = Admin::connect(server.url()).unwrap();
    let name = admin.workers().unwrap().remove(0).name;
    let tool = Tool::new(&server);
    let token: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let subject = format!("coquad1.default.worker.w-{token}");
    let heard = tool.hear(&["coquad1.default.worker.*"]);
    // With a place for the reply in the message itself, which the server does not look at.
    crate::security::place(&tool, b"drain", &subject);
    until("the server has placed it", || heard.lock().unwrap().len() == 1);
    for long in [vec![b'd'; 10_000], Vec::new(), b"drain ".to_vec(), b"resume".to_vec()] {
        tool.block_on(tool.client.publish_with_reply(subject.clone(), "nobody", long.into())).unwrap();
    }
    tool.block_on(tool.client.flush()).unwrap();
    assert!(!admin.workers().unwrap()[0].drained);
    drop(worker);
}
