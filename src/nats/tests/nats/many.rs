//! Jobs of many points: few messages, the same bits, and each point its own value or failure,
//! whatever becomes of its job.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use coquad::wire::{Answers, Job};
use coquad::{EvaluationError, Evaluator};
use coquad_nats::{Error, Nats, NatsEvaluator};
use futures::StreamExt;
use futures::executor::block_on;
use futures::future::join_all;

use crate::python;
use crate::support::worker::{WorkerProcess, peak};
use crate::support::{NatsServer, Random, Tool, runs, signal, until};

/// Points that nobody has asked for yet.
fn points(first: f64, count: u32) -> Vec<f64> {
    (0..count).map(|i| first + f64::from(i) / f64::from(count)).collect()
}

async fn ask(evaluator: &NatsEvaluator<f64>, xs: &[f64]) -> Vec<Result<f64, EvaluationError>> {
    join_all(xs.iter().map(|&x| evaluator.evaluate(x))).await
}

fn right(evaluator: &NatsEvaluator<f64>, xs: &[f64]) {
    for (x, value) in xs.iter().zip(block_on(ask(evaluator, xs))) {
        assert_eq!(value.unwrap_or_else(|error| panic!("{x:?}: {error}")).to_bits(), peak(*x).to_bits());
    }
}

/// Evaluates until jobs have many points, and returns how many there were at first.
fn learnt(evaluator: &NatsEvaluator<f64>) {
    let mut first = 100.0;
    until("jobs have many points", || {
        right(evaluator, &points(first, 200));
        first += 1.0;
        evaluator.concurrency() > 8 * evaluator.slots()
    });
}

fn evaluator(nats: &Nats, function: &str, slots: usize) -> NatsEvaluator<f64> {
    let evaluator = nats.evaluator::<f64>(function).deadline(Duration::from_secs(60));
    until("the workers are there", || evaluator.slots() == slots);
    evaluator
}

#[test]
fn short_evaluations_share_messages_and_keep_their_bits() {
    let server = NatsServer::start();
    let _workers = WorkerProcess::four(&server, "peak");
    let nats = server.connect();
    let evaluator = evaluator(&nats, "peak", 4);
    learnt(&evaluator);
    let tool = Tool::new(&server);
    let before = tool.jobs_ever("default");
    right(&evaluator, &points(0.0, 4000));
    let jobs = tool.jobs_ever("default") - before;
    // One that takes long, on a machine with other work, makes the next jobs short.
    assert!(jobs < 2000, "{jobs} jobs for 4,000 points");
    assert_eq!((nats.report().republished, nats.report().conflicts), (0, 0));
    until("nothing is left", || tool.jobs_waiting("default") == 0);
    // On a run with a name another coordinator finds each point, so each has a job of its own.
    let before = tool.jobs_ever("default");
    right(&evaluator.clone().run("sweep"), &points(0.5, 100));
    assert_eq!(tool.jobs_ever("default") - before, 100);
}

#[test]
fn points_that_are_verified_are_in_two_jobs() {
    let server = NatsServer::start();
    let _workers = WorkerProcess::four(&server, "peak");
    let nats = server.connect();
    let evaluator = evaluator(&nats, "peak", 4);
    learnt(&evaluator);
    let tool = Tool::new(&server);
    let heard = tool.hear(&["coquad1.default.job.peak"]);
    right(&evaluator.clone().verify(1.0), &points(0.0, 500));
    assert!(heard.lock().unwrap().len() < 500);
    // That no job has a point twice is a test of the desk.
    assert_eq!(nats.report().conflicts, 0);
}

#[test]
fn a_point_that_kills_its_worker_is_found_in_the_middle_of_a_job() {
    let server = NatsServer::start();
    let mut workers: Vec<_> = (0..6).map(|_| WorkerProcess::start(&server, "poison", 1)).collect();
    let nats = server.connect();
    let evaluator = evaluator(&nats, "poison", 6);
    learnt(&evaluator);
    let xs = points(0.0, 1000);
    for (x, value) in xs.iter().zip(block_on(ask(&evaluator, &xs))) {
        match value {
            Ok(y) => assert_eq!(y.to_bits(), peak(*x).to_bits()),
            Err(error) => {
                assert_eq!(x.to_bits(), 0.5f64.to_bits(), "{x:?}: {error}");
                assert!(matches!(error.downcast_ref(), Some(Error::WorkerLost { .. })), "{error}");
            }
        }
    }
    // One for the job of many points, and as many as the server gives the job of one point to.
    let dead: usize = workers.iter_mut().map(|worker| usize::from(worker.has_ended())).sum();
    assert!((2..=4).contains(&dead), "{dead} workers");
    assert_eq!(nats.report().evaluations % 200, 199);
}

#[test]
fn workers_killed_and_stopped_with_jobs_of_many_points_change_no_bit() {
    let mut random = Random(11);
    for _ in 0..runs(4, 30) {
        let server = NatsServer::start();
        let mut workers = WorkerProcess::four(&server, "peak");
        let nats = server.connect();
        let evaluator = evaluator(&nats, "peak", 4);
        learnt(&evaluator);
        let before = nats.report().evaluations;
        thread::scope(|scope| {
            let work = scope.spawn(|| right(&evaluator, &points(0.0, 20_000)));
            for part in 0..2 {
                let values = before + 9_000 * part + random.below(9_000);
                until("there are so many values", || nats.report().evaluations >= values);
                let victim = random.below(4) as usize;
                if random.below(2) == 0 {
                    workers[victim].kill();
                    workers[victim] = WorkerProcess::start(&server, "peak", 1);
                } else {
                    signal(workers[victim].pid(), "STOP");
                }
            }
            work.join().unwrap();
        });
        assert_eq!(nats.report().conflicts, 0);
    }
}

#[test]
fn a_server_killed_or_robbed_of_its_store_loses_no_point_of_a_job() {
    let mut random = Random(12);
    for trial in 0..runs(4, 20) {
        let mut server = NatsServer::start();
        let _workers = WorkerProcess::four(&server, "peak");
        let nats = server.connect();
        let evaluator = evaluator(&nats, "peak", 4);
        learnt(&evaluator);
        let before = nats.report().evaluations;
        thread::scope(|scope| {
            let work = scope.spawn(|| right(&evaluator, &points(0.0, 20_000)));
            let values = before + random.below(18_000);
            until("there are so many values", || nats.report().evaluations >= values);
            server.kill();
            if trial % 2 == 1 {
                server.lose_store();
            }
            server.restart();
            work.join().unwrap();
        });
        assert_eq!(nats.report().conflicts, 0);
    }
}

/// A worker by hand, of one slot: what `answer` makes of a job is stored, or the job is ended
/// without an answer.
fn by_hand(
    tool: &Tool,
    function: &str,
    answer: impl Fn(&Job<'_>) -> Option<Vec<u8>> + Send + 'static,
) -> Arc<AtomicU64> {
    let (context, client, function) = (tool.context(), tool.client.clone(), function.to_owned());
    let ended = Arc::new(AtomicU64::new(0));
    let count = ended.clone();
    tool.spawn(async move {
        let consumer: PullConsumer = loop {
            let stream = context.get_stream("COQUAD1_default_JOBS").await.expect("a stream");
            match stream.get_consumer(&function).await {
                Ok(consumer) => break consumer,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let mut jobs = consumer.stream().max_messages_per_batch(1).messages().await.expect("jobs");
        while let Some(Ok(message)) = jobs.next().await {
            let job = Job::decode(&message.payload).expect("a job");
            match answer(&job) {
                Some(answer) => {
                    let _ = client.publish(job.reply.expect("a place").to_owned(), answer.into()).await;
                    let _ = message.ack().await;
                }
                None => {
                    count.fetch_add(1, Ordering::Relaxed);
                    let _ = message.ack_with(AckKind::Term).await;
                }
            }
        }
    });
    ended
}

/// The answer to a job, of all but the last so many points. An older worker says nothing of how
/// many it takes.
fn answered(job: &Job<'_>, but: usize, most: Option<u64>) -> Vec<u8> {
    let mut answers = Answers { is_counted: job.x.len() > 1, most, seconds: Some(1e-5), ..Answers::new(job.id) };
    job.x[..job.x.len() - but].iter().for_each(|&x| answers.outcomes.push(Ok(&[peak(x)])));
    let mut bytes = Vec::new();
    answers.encode(&mut bytes);
    bytes
}

#[test]
fn a_worker_that_knows_of_one_point_a_job_stays_welcome() {
    let server = NatsServer::start();
    let _worker = WorkerProcess::start(&server, "peak", 1);
    let nats = server.connect();
    let evaluator = evaluator(&nats, "peak", 1);
    learnt(&evaluator);
    let tool = Tool::new(&server);
    // It joins, and ends jobs of many points, as it takes them for none of its own.
    let ended = by_hand(&tool, "peak", |job| (job.x.len() == 1).then(|| answered(job, 0, None)));
    let mut first = 0.0;
    until("it is noticed", || {
        right(&evaluator, &points(first, 1000));
        first += 1.0;
        ended.load(Ordering::Relaxed) > 0 && evaluator.concurrency() <= 2 * evaluator.slots()
    });
    // From then on no job is lost.
    let before = ended.load(Ordering::Relaxed);
    right(&evaluator, &points(-1.0, 500));
    assert_eq!(ended.load(Ordering::Relaxed), before);
}

#[test]
fn an_answer_for_too_few_points_is_none_and_each_is_asked_for_alone() {
    let server = NatsServer::start();
    let worker = WorkerProcess::start(&server, "peak", 1);
    let nats = server.connect();
    let evaluator = evaluator(&nats, "peak", 1);
    learnt(&evaluator);
    drop(worker);
    let tool = Tool::new(&server);
    let _ = by_hand(&tool, "peak", |job| Some(answered(job, usize::from(job.x.len() > 1), Some(64))));
    right(&evaluator, &points(0.0, 300));
    assert!(nats.report().republished > 0);
}

#[test]
fn workers_in_python_take_jobs_of_many_points() {
    let server = NatsServer::start();
    let nats = server.connect();
    for (function, program) in [
        ("one", "serve_nats(URL, 'one', lambda x: 1.0 / (1e-3 + (x - 0.3) * (x - 0.3)))"),
        ("all", "serve_nats(URL, 'all', lambda xs: [1.0 / (1e-3 + (x - 0.3) * (x - 0.3)) for x in xs], batch=True)"),
    ] {
        let _worker = python::worker(&server, program, &[]);
        let evaluator = evaluator(&nats, function, 1);
        learnt(&evaluator);
        let tool = Tool::new(&server);
        let before = tool.jobs_ever("default");
        right(&evaluator, &points(0.0, 2000));
        assert!(tool.jobs_ever("default") - before < 1000);
        assert_eq!(nats.report().republished, 0);
    }
}
