//! Version 2 of the names: answers go where accounts can tell functions apart. Both versions are served and read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coquad::{Evaluator, Integrator};
use coquad_nats::{Error, Nats, NatsEvaluator, Server, Worker};
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::join_all;

use crate::python::{self, PEAK};
use crate::security::{place, queued};
use crate::support::worker::peak;
use crate::support::{NatsServer, Tool, until};

/// What a coordinator and a worker of each function may do, each in an account of its own.
const APART: &str = include_str!("../functions.conf");

fn url(server: &NatsServer, user: &str) -> String {
    format!("nats://{user}:{user}-password@127.0.0.1:{}", server.port)
}

fn at(server: &NatsServer, user: &str) -> Server {
    let at = Server::new(url(server, user)).space("lab").ack_wait(Duration::from_secs(1)).per_function();
    if user == "f" || user == "g" { at.api("lab.API") } else { at }
}

/// The streams and consumers of both functions, made by whoever may.
fn set_up(server: &NatsServer) {
    let admin = coquad_nats::admin::Admin::connect(at(server, "admin")).unwrap();
    admin.setup(&["f", "g"]).unwrap();
}

/// A worker that counts what it evaluates.
fn counting(server: Server, function: &str) -> (coquad_nats::WorkerHandle, Arc<AtomicUsize>) {
    let calls = Arc::<AtomicUsize>::default();
    let counted = calls.clone();
    let f = move |x: f64| {
        counted.fetch_add(1, Ordering::Relaxed);
        peak(x)
    };
    (Worker::new(server).serve(function, f).slots(2).start().unwrap(), calls)
}

/// Evaluates at so many points, and checks the values.
fn sweep(evaluator: &NatsEvaluator, count: u32) {
    let xs = (0..count).map(|i| f64::from(i) / f64::from(count));
    for (x, value) in xs.clone().zip(block_on(join_all(xs.map(|x| evaluator.evaluate(x))))) {
        assert_eq!(value.unwrap_or_else(|error| panic!("{x:?}: {error}")).to_bits(), peak(x).to_bits());
    }
}

#[test]
fn each_function_may_have_an_account_of_its_own() {
    let server = NatsServer::with(APART);
    set_up(&server);
    let workers = ["f", "g"].map(|function| counting(at(&server, function), function));
    let nats = block_on(Nats::connect(at(&server, "client"))).unwrap();
    for (function, (_, calls)) in ["f", "g"].into_iter().zip(&workers) {
        let evaluator = nats.evaluator::<f64>(function);
        until("the slots are counted", || evaluator.slots() == 2);
        sweep(&evaluator, 500);
        assert_eq!(calls.load(Ordering::Relaxed), 500);
        // What is kept is found again.
        for _ in 0..2 {
            sweep(&evaluator.clone().run("kept"), 20);
        }
        assert_eq!(calls.load(Ordering::Relaxed), 520);
        let inline = Integrator::new(coquad::Inline::new(peak)).integrate_blocking(0.0, 1.0, 1e-6).unwrap();
        let there = Integrator::new(evaluator).integrate_blocking(0.0, 1.0, 1e-6).unwrap();
        assert_eq!((inline.value.to_bits(), inline.evaluations), (there.value.to_bits(), there.evaluations));
    }
    assert_eq!(nats.report().republished, 0);
}

#[test]
fn a_function_of_python_may_have_an_account_of_its_own() {
    let server = NatsServer::with(APART);
    set_up(&server);
    let serve = format!("serve_nats(sys.argv[2], 'f', lambda x: {PEAK}, slots=2, space='lab', api='lab.API')");
    let _worker = python::worker(&server, &serve, &[&url(&server, "f")]);
    let nats = block_on(Nats::connect(at(&server, "client"))).unwrap();
    let evaluator = nats.evaluator::<f64>("f");
    until("the slots are counted", || evaluator.slots() == 2);
    sweep(&evaluator, 300);
    for _ in 0..2 {
        sweep(&evaluator.clone().run("kept"), 20);
    }
    let report = nats.report();
    assert_eq!((report.evaluations, report.republished), (340, 0));
}

/// Whatever somebody with the account of one function sends, other functions' jobs, answers and streams stay as they are,
/// and nothing of them is heard.
#[test]
fn the_account_of_one_function_reads_and_answers_no_other() {
    let server = NatsServer::with(APART);
    set_up(&server);
    let (admin, rogue) = (Tool::of(&server, "admin"), Tool::of(&server, "f"));
    let nats = block_on(Nats::connect(at(&server, "client"))).unwrap();
    // A job of `g` that waits, and an answer of it that is kept.
    let kept = nats.evaluator::<f64>("g").run("kept");
    let (worker, _) = counting(at(&server, "g"), "g");
    sweep(&kept, 1);
    worker.stop();
    let evaluator = nats.evaluator::<f64>("g");
    let mut evaluation = Box::pin(evaluator.evaluate(0.5));
    assert!(evaluation.as_mut().now_or_never().is_none());
    until("the job is there", || admin.jobs_waiting("lab") == 1);
    let context = admin.context();
    let stored = admin.block_on(async {
        let stream = context.get_stream("COQUAD1_lab_JOBS").await.unwrap();
        stream.get_last_raw_message_by_subject("coquad1.lab.job.g").await.unwrap().payload
    });
    let reply = coquad::wire::Job::decode(&stored).unwrap().reply.unwrap().to_owned();
    let run = reply.strip_prefix("coquad1.lab.res.g.").unwrap().split_once('.').unwrap().0.to_owned();
    let mut forged = Vec::new();
    let id = reply.rsplit_once('.').unwrap().1;
    coquad::wire::Answer::new(id, Ok(vec![7.0].into())).encode(&mut forged);

    let heard_there = rogue.hear(&[">"]);
    let heard_here =
        admin.hear(&["coquad1.lab.res.g.>", "coquad1.lab.cancel.>", "coquad1.lab.job.>", "coquad1.lab.alive.g.*"]);
    let own = "coquad1.lab.res.f.r-1.1";
    let own_read = format!("lab.API.DIRECT.GET.COQUAD1_lab_RES.{own}");
    let mut acts: Vec<String> = [
        "CONSUMER.MSG.NEXT.COQUAD1_lab_JOBS.g",
        "CONSUMER.INFO.COQUAD1_lab_JOBS.g",
        "STREAM.MSG.GET.COQUAD1_lab_JOBS",
        "STREAM.MSG.DELETE.COQUAD1_lab_JOBS",
        "STREAM.PURGE.COQUAD1_lab_JOBS",
        "STREAM.DELETE.COQUAD1_lab_JOBS",
        "STREAM.DELETE.COQUAD1_lab_RES",
        "CONSUMER.DELETE.COQUAD1_lab_JOBS.g",
    ]
    .iter()
    .flat_map(|act| ["lab.API", "$JS.API"].map(|api| format!("{api}.{act}")))
    .collect();
    for api in ["lab.API", "$JS.API"] {
        acts.push(format!("{api}.DIRECT.GET.COQUAD1_lab_RES.{reply}"));
    }
    // What the server may be asked to place for somebody else.
    let places = [
        reply.clone(),
        format!("coquad1.lab.res.{run}.{id}"),
        "coquad1.lab.job.g".into(),
        format!("coquad1.lab.cancel.g.{run}"),
        format!("coquad1.lab.alive.g.{run}"),
    ];
    acts.extend_from_slice(&places);
    acts.push("$JS.ACK.COQUAD1_lab_JOBS.g.1.1.1.1.1".into());
    for payload in [&forged[..], b"", b"{}", format!("g.{run}.{id}.0").as_bytes()] {
        rogue.block_on(async {
            // Its own place is the one where it may store something.
            let said = rogue.client.request(own, payload.to_vec().into()).await.unwrap();
            assert!(String::from_utf8_lossy(&said.payload).contains("\"seq\""), "{said:?}");
            for act in &acts {
                // By itself, and with an answer to be heard.
                rogue.client.publish(act.clone(), payload.to_vec().into()).await.unwrap();
                let inbox = rogue.client.new_inbox();
                rogue.client.publish_with_reply(act.clone(), inbox, payload.to_vec().into()).await.unwrap();
            }
            for place in &places {
                rogue.client.publish_with_reply(own_read.clone(), place.clone(), "".into()).await.unwrap();
            }
            rogue.client.flush().await.unwrap();
            // What was asked before is done when this is answered.
            rogue.client.request(own_read.clone(), "".into()).await.unwrap();
        });
    }
    // Nor can it hear of a whole evaluation.
    let job_is_there = admin.jobs_waiting("lab");
    assert_eq!((job_is_there, admin.messages("COQUAD1_lab_RES")), (1, 2));
    assert_eq!(*heard_here.lock().unwrap(), Vec::<String>::new());
    let (_worker, calls) = counting(at(&server, "g"), "g");
    assert_eq!(block_on(evaluation).unwrap().to_bits(), peak(0.5).to_bits());
    sweep(&kept, 1);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    rogue.block_on(rogue.client.flush()).unwrap();
    // What it hears is what it has said itself, and that there is nobody.
    let heard = heard_there.lock().unwrap();
    let (job, answer) = (String::from_utf8_lossy(&stored), peak(0.5).to_be_bytes());
    for line in heard.iter() {
        assert!(!line.contains(&*job.escape_debug().to_string()), "a job: {line}");
        assert!(!line.contains(&*String::from_utf8_lossy(&answer).escape_debug().to_string()), "an answer: {line}");
    }
    assert!(heard.len() > 100, "it hears nothing at all");
}

#[test]
fn both_versions_are_served_and_read() {
    let server = NatsServer::start();
    let (_worker, calls) = counting(server.server(), "f");
    let [old, new] = [server.server(), server.server().per_function()].map(|at| block_on(Nats::connect(at)).unwrap());
    let [old, new] = [old, new].map(|nats| nats.evaluator::<f64>("f"));
    let evaluated = |work: &dyn Fn()| {
        let before = calls.load(Ordering::Relaxed);
        work();
        calls.load(Ordering::Relaxed) - before
    };
    assert_eq!(evaluated(&|| sweep(&old, 300)), 300);
    assert_eq!(evaluated(&|| sweep(&new, 300)), 300);
    // What was kept in the old places is found from the new ones.
    assert_eq!(evaluated(&|| sweep(&old.clone().run("kept"), 40)), 40);
    assert_eq!(evaluated(&|| sweep(&new.clone().run("kept"), 40)), 0);
    assert_eq!(evaluated(&|| sweep(&new.clone().run("other"), 40)), 40);
    assert_eq!(evaluated(&|| sweep(&new.clone().run("other"), 40)), 0);
}

#[test]
fn what_is_dropped_is_cancelled_in_both_versions() {
    let server = NatsServer::start();
    for at in [server.server(), server.server().per_function()] {
        let nats = block_on(Nats::connect(at)).unwrap();
        let (begun, ended) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        /// Counts when it is dropped.
        struct Ended(Arc<AtomicUsize>);
        impl Drop for Ended {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (counted, ends) = (begun.clone(), ended.clone());
        let f = coquad::evaluator_fn(1, move |_: f64| {
            counted.fetch_add(1, Ordering::Relaxed);
            let ended = Ended(ends.clone());
            async move {
                std::future::pending::<()>().await;
                drop(ended);
                Ok::<f64, String>(0.0)
            }
        });
        let _worker = Worker::new(server.server()).serve_evaluator("waits", f).slots(1).start().unwrap();
        let evaluator = nats.evaluator::<f64>("waits");
        let mut evaluation = Box::pin(evaluator.evaluate(0.5));
        assert!(evaluation.as_mut().now_or_never().is_none());
        until("it is evaluated", || begun.load(Ordering::Relaxed) == 1);
        drop(evaluation);
        until("it is cancelled", || ended.load(Ordering::Relaxed) == 1);
    }
}

#[test]
fn a_worker_of_functions_apart_refuses_jobs_of_before() {
    let server = NatsServer::start();
    let (_worker, calls) = counting(server.server().per_function(), "f");
    let nats = server.connect();
    let refused = block_on(nats.evaluator::<f64>("f").attempts(1).evaluate(0.5)).unwrap_err();
    assert!(matches!(refused.downcast_ref(), Some(Error::WorkerLost { .. })), "{refused}");
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

/// Nor is what the server itself has stored, by the request of somebody who may store and read elsewhere.
#[test]
fn an_answer_that_the_server_placed_is_not_taken() {
    let server = NatsServer::start();
    let (nats, tool) = (server.connect(), Tool::new(&server));
    let evaluator = nats.evaluator::<f64>("f").run("known");
    let (evaluation, reply) = queued(&evaluator, &tool);
    drop(evaluation);
    until("it is taken back", || tool.jobs_waiting("default") == 0);
    let mut forged = Vec::new();
    coquad::wire::Answer::new(reply.rsplit_once('.').unwrap().1, Ok(vec![7.0].into())).encode(&mut forged);
    place(&tool, &forged, &reply);
    until("the server has placed it", || tool.messages("COQUAD1_default_RES") == 2);
    let (_worker, calls) = counting(server.server(), "f");
    assert_eq!(block_on(evaluator.evaluate(0.5)).unwrap().to_bits(), peak(0.5).to_bits());
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}
