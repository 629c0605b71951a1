//! Hostile jobs and results, narrow accounts, and TLS.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use coquad::wire::Job;
use coquad::{EvaluationError, Evaluator, Integrator};
use coquad_nats::{Error, Nats, NatsEvaluator, Server, Worker};
use futures::executor::block_on;
use futures::{FutureExt, StreamExt};

use crate::noise::Noise;
use crate::support::worker::peak;
use crate::support::{Folder, NatsServer, Tool, until};

fn job(function: &str, id: &str, reply: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    Job { id, function, x: vec![0.5].into(), reply: Some(reply), ..Job::default() }.encode(&mut bytes);
    bytes
}

/// What no honest client sends. Each must be ended without harm, and without an answer to anywhere.
fn hostile() -> Vec<Vec<u8>> {
    let good = job("f", "1f", "coquad1.default.res.r-1.1f");
    let mut long = good.clone();
    long.extend(vec![0; 2000]);
    // A job has 1 to 1,024 points.
    let of_points = |count: usize| {
        let mut bytes = Vec::new();
        let reply = Some("coquad1.default.res.r-1.1f");
        Job { id: "1f", function: "f", x: vec![0.5; count].into(), reply, ..Job::default() }.encode(&mut bytes);
        bytes
    };
    vec![
        vec![],
        b"Hello, world".to_vec(),
        vec![0xdd, 0x7f, 0xff, 0xff, 0xff],
        vec![0xc6, 0xff, 0xff, 0xff, 0xff],
        std::iter::repeat_n(0x91, 500_000).collect(),
        good[..good.len() - 1].to_vec(),
        long,
        of_points(0),
        of_points(coquad::wire::MAX_POINTS + 1),
        job("g", "1f", "coquad1.default.res.r-1.1f"),
        job("f", "1f", "coquad1.default.res.r-1.2f"),
        job("f", "1f", "$JS.API.STREAM.DELETE.COQUAD1_default_JOBS"),
        job("f", "1f", "coquad1.default.res.*.1f"),
        job("f", "1f", "coquad1.default.res.>"),
        job("f", "1f", "coquad1.default.job.f"),
        job("f", "1f", "coquad1.other.res.r-1.1f"),
        job("f", "1f", "coquad1.default.res.r-1.1f.x"),
        job("f", "1f", "coquad1.default.res.g.r-1.1f"),
        job("f", "1f", "coquad1.default.res.f.f.r-1.1f"),
        job("f", "1f", "coquad1.default.res.*.r-1.1f"),
        job("f", "1f", ""),
    ]
}

/// An evaluation whose job waits for a worker that is not there, and where the answer goes.
pub(crate) fn queued<'a>(
    evaluator: &'a NatsEvaluator,
    tool: &Tool,
) -> (Pin<Box<impl Future<Output = Result<f64, EvaluationError>> + use<'a>>>, String) {
    let mut evaluation = Box::pin(evaluator.evaluate(0.5));
    assert!(evaluation.as_mut().now_or_never().is_none());
    until("the job is there", || tool.jobs_waiting("default") == 1);
    (evaluation, tool.queued_job_reply("f"))
}

#[test]
fn hostile_jobs_are_ended_and_harm_nobody() {
    let server = NatsServer::start();
    let _worker = Worker::new(server.server()).serve("f", peak).slots(2).start().unwrap();
    let tool = Tool::new(&server);
    let mut heard = tool.block_on(tool.client.subscribe("coquad1.*.res.>")).unwrap();
    for bytes in hostile() {
        let context = tool.context();
        tool.block_on(async { context.publish("coquad1.default.job.f", bytes.into()).await.unwrap().await.unwrap() });
    }
    until("all are ended", || tool.jobs_waiting("default") == 0);
    assert_eq!(tool.messages("COQUAD1_default_RES"), 0);
    tool.block_on(async {
        tool.client.flush().await.unwrap();
        assert!(futures::poll!(heard.next()).is_pending(), "somebody answered");
    });
    let nats = server.connect();
    assert_eq!(block_on(nats.evaluator::<f64>("f").evaluate(0.5)).unwrap().to_bits(), peak(0.5).to_bits());
}

#[test]
fn ten_thousand_garbled_jobs_stop_no_worker() {
    let server = NatsServer::start();
    let _worker = Worker::new(server.server()).serve("f", peak).slots(4).start().unwrap();
    let tool = Tool::new(&server);
    let good = job("f", "1f", "coquad1.default.res.r-1.1f");
    let mut noise = Noise(5);
    tool.block_on(async {
        for _ in 0..10_000 {
            // Without asking whether they were stored.
            tool.client.publish("coquad1.default.job.f", noise.garbled(&good).into()).await.unwrap();
        }
        tool.client.flush().await.unwrap();
    });
    until("all are ended", || tool.jobs_waiting("default") == 0);
    let nats = server.connect();
    assert_eq!(block_on(nats.evaluator::<f64>("f").evaluate(0.5)).unwrap().to_bits(), peak(0.5).to_bits());
}

#[test]
fn a_hundred_thousand_garbled_answers_complete_nothing() {
    let server = NatsServer::start();
    let nats = server.connect();
    let tool = Tool::new(&server);
    let evaluator = nats.evaluator::<f64>("f").run("known");
    let (mut evaluation, reply) = queued(&evaluator, &tool);
    let mut good = Vec::new();
    coquad::wire::Answer::new("another", Ok(vec![7.0].into())).encode(&mut good);
    let elsewhere = format!("{}x", &reply[..reply.len() - 1]);
    let mut noise = Noise(6);
    tool.block_on(async {
        for i in 0..100_000 {
            let to = if i % 2 == 0 { &reply } else { &elsewhere };
            tool.client.publish(to.clone(), noise.garbled(&good).into()).await.unwrap();
        }
        tool.client.flush().await.unwrap();
    });
    assert!(evaluation.as_mut().now_or_never().is_none());
    let _worker = Worker::new(server.server()).serve("f", peak).slots(1).start().unwrap();
    assert_eq!(block_on(evaluation).unwrap().to_bits(), peak(0.5).to_bits());
}

#[test]
fn an_evaluation_that_is_verified_is_done_twice_and_a_liar_found_out() {
    let server = NatsServer::start();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let _worker = Worker::new(server.server())
        .serve("honest", move |x: f64| {
            counted.fetch_add(1, Ordering::Relaxed);
            peak(x)
        })
        .slots(2)
        .start()
        .unwrap();
    let nats = server.connect();
    let sweep = |evaluator: NatsEvaluator, count: u32| {
        let points = (0..count).map(|i| f64::from(i) / f64::from(count));
        let before = calls.load(Ordering::Relaxed);
        let values = block_on(futures::future::join_all(points.map(|x| evaluator.evaluate(x))));
        assert!(values.iter().all(Result::is_ok));
        calls.load(Ordering::Relaxed) - before
    };
    let honest = nats.evaluator::<f64>("honest");
    assert_eq!(sweep(honest.clone().parameters([0]), 100), 100);
    assert_eq!(sweep(honest.clone().parameters([1]).verify(1.0), 100), 200);
    let some = sweep(honest.clone().parameters([2]).verify(0.25), 400);
    assert!((440..560).contains(&some), "{some}");
    let inline = Integrator::new(coquad::Inline::new(peak)).integrate_blocking(0.0, 1.0, 1e-6).unwrap();
    let there = Integrator::new(honest.parameters([3]).verify(0.5)).integrate_blocking(0.0, 1.0, 1e-6).unwrap();
    assert_eq!((inline.value.to_bits(), inline.evaluations), (there.value.to_bits(), there.evaluations));

    // One of two workers lies in the last bit. Both have a slot, and each is given one of the two jobs.
    let barrier = Arc::new(std::sync::Barrier::new(2));
    let workers = [0u64, 1].map(|lie| {
        let barrier = barrier.clone();
        let f = move |x: f64| {
            barrier.wait();
            f64::from_bits(peak(x).to_bits() ^ lie)
        };
        Worker::new(server.server()).serve("sometimes", f).slots(1).start().unwrap()
    });
    let found = block_on(nats.evaluator::<f64>("sometimes").verify(1.0).evaluate(0.5)).unwrap_err();
    let Some(Error::Conflict { first, second, .. }) = found.downcast_ref() else { panic!("{found}") };
    assert_eq!(first[0].to_bits() ^ second[0].to_bits(), 1);
    drop(workers);
}

#[test]
fn hostile_results_complete_nothing() {
    let server = NatsServer::start();
    let nats = server.connect();
    let tool = Tool::new(&server);
    let evaluator = nats.evaluator::<f64>("f").run("known");
    let (mut evaluation, reply) = queued(&evaluator, &tool);
    let mut other = Vec::new();
    coquad::wire::Answer::new("another", Ok(vec![7.0].into())).encode(&mut other);
    for bytes in hostile().into_iter().chain([other]) {
        let context = tool.context();
        tool.block_on(async { context.publish(reply.clone(), bytes.into()).await.unwrap().await.unwrap() });
    }
    // The last one is even stored in the place of the answer, until there is one.
    assert!(evaluation.as_mut().now_or_never().is_none());
    let _worker = Worker::new(server.server()).serve("f", peak).slots(1).start().unwrap();
    assert_eq!(block_on(evaluation).unwrap().to_bits(), peak(0.5).to_bits());
}

#[test]
fn a_job_longer_than_a_message_is_refused_here() {
    let server = NatsServer::start();
    let evaluator = server.connect().evaluator::<f64>("f").parameters(vec![0; 1 << 20]);
    let refused = block_on(evaluator.evaluate(0.5)).unwrap_err();
    assert!(matches!(refused.downcast_ref(), Some(Error::Message { .. })), "{refused}");
}

/// The accounts of docs/DISTRIBUTED.md: who may do what, and no more.
const ACCOUNTS: &str = include_str!("../accounts.conf");

/// A certificate authority of our own, and a server's certificate from it.
fn certificates(folder: &Folder) -> String {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let ca = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    folder.write("ca.pem", &ca.pem());
    let certificate = folder.write("server.pem", &certificate.pem());
    let key = folder.write("key.pem", &key.serialize_pem());
    format!("tls {{ cert_file: \"{}\", key_file: \"{}\" }}\n", certificate.display(), key.display())
}

struct Lab {
    server: NatsServer,
}

impl Lab {
    fn new() -> Self {
        let folder = Folder::new();
        let tls = certificates(&folder);
        Self { server: NatsServer::in_folder(folder, &format!("{tls}{ACCOUNTS}")) }
    }

    fn at(&self, user: &str) -> Server {
        Server::new(format!("tls://{user}:{user}-password@127.0.0.1:{}", self.server.port))
            .space("lab")
            .ack_wait(Duration::from_secs(1))
            .root_certificates(self.server.folder.path().join("ca.pem"))
    }

    /// The streams and consumers, made by whoever may.
    fn set_up(&self) {
        let admin = block_on(Nats::connect(self.at("admin").inbox("_INBOX_admin"))).unwrap();
        let evaluator = admin.evaluator::<f64>("f");
        drop(Worker::new(self.at("admin").inbox("_INBOX_admin")).serve("f", peak).start().unwrap());
        drop(evaluator);
        block_on(admin.close());
    }
}

#[test]
fn tls_with_narrow_accounts_works() {
    let lab = Lab::new();
    lab.set_up();
    let _worker = Worker::new(lab.at("worker")).serve("f", peak).slots(2).start().unwrap();
    let nats = block_on(Nats::connect(lab.at("client"))).unwrap();
    let evaluator = nats.evaluator::<f64>("f");
    assert_eq!(block_on(evaluator.evaluate(0.5)).unwrap().to_bits(), peak(0.5).to_bits());
    let named = nats.evaluator::<f64>("f").run("kept");
    assert_eq!(block_on(named.evaluate(0.5)).unwrap().to_bits(), peak(0.5).to_bits());
    assert_eq!(block_on(named.evaluate(0.5)).unwrap().to_bits(), peak(0.5).to_bits());
    until("the slots are counted", || evaluator.slots() == 2);
}

#[test]
fn a_server_that_is_not_the_one_it_says_is_refused() {
    let lab = Lab::new();
    let address = format!("tls://client:client-password@127.0.0.1:{}", lab.server.port);
    let unknown = block_on(Nats::connect(Server::new(address.clone()).space("lab"))).map(drop);
    assert!(matches!(unknown, Err(Error::Connect { .. })), "{unknown:?}");
    // Nor is a server believed that offers no encryption.
    let plain = NatsServer::start();
    let stripped = block_on(Nats::connect(Server::new(format!("tls://127.0.0.1:{}", plain.port)))).map(drop);
    assert!(matches!(stripped, Err(Error::Connect { .. })), "{stripped:?}");
}

#[test]
fn each_forbidden_act_is_refused() {
    let lab = Lab::new();
    lab.set_up();
    let acts = [
        ("worker", "coquad1.lab.job.f"),
        ("worker", "coquad1.lab.cancel.r-1"),
        ("worker", "_INBOX_client.x"),
        ("worker", "$JS.API.STREAM.DELETE.COQUAD1_lab_JOBS"),
        ("worker", "$JS.API.STREAM.PURGE.COQUAD1_lab_RES"),
        ("worker", "$JS.API.STREAM.MSG.DELETE.COQUAD1_lab_JOBS"),
        ("worker", "$JS.API.STREAM.CREATE.X"),
        ("worker", "$JS.API.CONSUMER.DELETE.COQUAD1_lab_JOBS.f"),
        ("worker", "coquad1.other.res.r-1.1"),
        ("worker", "coquad1.lab.worker.all"),
        ("client", "coquad1.lab.res.r-1.1"),
        ("client", "coquad1.other.job.f"),
        ("client", "coquad1.lab.worker.all"),
        ("client", "$JS.API.CONSUMER.MSG.NEXT.COQUAD1_lab_JOBS.f"),
        ("client", "$JS.ACK.COQUAD1_lab_JOBS.f.1.1.1.1.1"),
        ("client", "$JS.API.STREAM.DELETE.COQUAD1_lab_JOBS"),
        ("client", "$JS.API.STREAM.PURGE.COQUAD1_lab_JOBS"),
        ("client", "$JS.API.STREAM.UPDATE.COQUAD1_lab_JOBS"),
        ("client", "$JS.API.CONSUMER.DELETE.COQUAD1_lab_JOBS.f"),
    ];
    let listens = [
        ("worker", "_INBOX_client.>"),
        ("worker", "coquad1.lab.res.>"),
        ("worker", "coquad1.lab.job.>"),
        ("client", "_INBOX_worker.>"),
        ("client", "coquad1.lab.job.>"),
        ("client", "coquad1.other.res.>"),
        ("client", "coquad1.lab.worker.*"),
        ("client", ">"),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for user in ["worker", "client"] {
        let (told, mut said) = futures::channel::mpsc::unbounded();
        let options = async_nats::ConnectOptions::with_user_and_password(user.into(), format!("{user}-password"))
            .custom_inbox_prefix(format!("_INBOX_{user}"))
            .add_root_certificates(lab.server.folder.path().join("ca.pem"))
            .event_callback(move |event| {
                let _ = told.unbounded_send(event.to_string());
                async {}
            });
        let address = format!("tls://127.0.0.1:{}", lab.server.port);
        runtime.block_on(async {
            let client = options.connect(address).await.unwrap();
            let mut refused = async |what: &str, subject: &str| {
                // The server says no, and names what it refused.
                loop {
                    let said = tokio::time::timeout(Duration::from_secs(10), said.next()).await;
                    let said = said.unwrap_or_else(|_| panic!("{user} may {what} {subject}")).unwrap();
                    if said.to_ascii_lowercase().contains("permissions violation") && said.contains(subject) {
                        break;
                    }
                }
            };
            for (_, subject) in acts.iter().filter(|(who, _)| *who == user) {
                client.publish(*subject, "x".into()).await.unwrap();
                refused("publish", subject).await;
            }
            for (_, subject) in listens.iter().filter(|(who, _)| *who == user) {
                let _heard = client.subscribe(*subject).await.unwrap();
                refused("subscribe to", subject).await;
            }
        });
    }
}

#[test]
fn a_missing_permission_is_a_typed_error() {
    let lab = Lab::new();
    lab.set_up();
    let nats = block_on(Nats::connect(lab.at("reader"))).unwrap();
    let evaluator = nats.evaluator::<f64>("f").deadline(Duration::from_secs(30));
    let refused = block_on(evaluator.evaluate(0.5)).unwrap_err();
    assert!(matches!(refused.downcast_ref(), Some(Error::Refused { .. })), "{refused}");
}

/// D16: what this account may not purge is not waited for.
#[test]
fn closing_takes_no_longer_than_what_the_account_may_do() {
    let lab = Lab::new();
    lab.set_up();
    let _worker = Worker::new(lab.at("worker")).serve("f", peak).slots(2).start().unwrap();
    let nats = block_on(Nats::connect(lab.at("client"))).unwrap();
    assert_eq!(block_on(nats.evaluator::<f64>("f").evaluate(0.5)).unwrap().to_bits(), peak(0.5).to_bits());
    let begin = Instant::now();
    block_on(nats.close());
    let took = begin.elapsed();
    println!("close() took {took:.2?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// D20: whoever may read stored messages can have the server place one on any subject, by the place
/// for the reply. Has it put these bytes there.
pub(crate) fn place(tool: &Tool, bytes: &[u8], subject: &str) {
    let (context, stored) = (tool.context(), "coquad1.default.res.r-1.stored");
    let asked = format!("$JS.API.DIRECT.GET.COQUAD1_default_RES.{stored}");
    tool.block_on(async {
        context.publish(stored, bytes.to_vec().into()).await.unwrap().await.unwrap();
        tool.client.publish_with_reply(asked, subject.to_owned(), "".into()).await.unwrap();
        tool.client.flush().await.unwrap();
    });
}

#[test]
fn d20_jobs_that_the_server_placed_are_refused() {
    let server = NatsServer::start();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let f = move |x: f64| {
        counted.fetch_add(1, Ordering::Relaxed);
        peak(x)
    };
    let _worker = Worker::new(server.server()).serve("f", f).slots(2).start().unwrap();
    let tool = Tool::new(&server);
    place(&tool, &job("f", "1f", "coquad1.default.res.n-known.1f"), "coquad1.default.job.f");
    until("the server has placed it", || tool.jobs_ever("default") == 1);
    until("it is ended", || tool.jobs_waiting("default") == 0);
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    let nats = server.connect();
    assert_eq!(block_on(nats.evaluator::<f64>("f").evaluate(0.5)).unwrap().to_bits(), peak(0.5).to_bits());
}

#[test]
fn d20_cancellations_that_the_server_placed_are_refused() {
    /// Tells when an evaluation is dropped.
    struct Ended(futures::channel::mpsc::UnboundedSender<f64>, f64);
    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.unbounded_send(self.1);
        }
    }
    let server = NatsServer::start();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let (wake, woken) = futures::channel::oneshot::channel::<()>();
    let woken = woken.shared();
    let (ended, mut ends) = futures::channel::mpsc::unbounded();
    let f = coquad::evaluator_fn(2, move |x: f64| {
        counted.fetch_add(1, Ordering::Relaxed);
        let (woken, ended) = (woken.clone(), Ended(ended.clone(), x));
        async move {
            let _ = woken.await;
            drop(ended);
            Ok::<_, String>(peak(x))
        }
    });
    let _worker = Worker::new(server.server()).serve_evaluator("f", f).slots(2).start().unwrap();
    let tool = Tool::new(&server);
    let nats = server.connect();
    let evaluator = nats.evaluator::<f64>("f");
    let mut evaluation = Box::pin(evaluator.evaluate(0.5));
    assert!(evaluation.as_mut().now_or_never().is_none());
    until("it is evaluated", || calls.load(Ordering::Relaxed) == 1);
    let reply = tool.queued_job_reply("f");
    let (run, id) = reply.strip_prefix("coquad1.default.res.").unwrap().split_once('.').unwrap();
    let heard = tool.hear(&["coquad1.default.cancel.*"]);
    place(&tool, format!("{run}.{id}.0").as_bytes(), &format!("coquad1.default.cancel.{run}"));
    until("the server has placed it", || heard.lock().unwrap().len() == 1);
    // A worker hears of one cancellation after the other: where a later one, a client's own, has ended an evaluation, this
    // one would have.
    let mut other = Box::pin(evaluator.evaluate(0.25));
    assert!(other.as_mut().now_or_never().is_none());
    until("both are evaluated", || calls.load(Ordering::Relaxed) == 2);
    drop(other);
    assert_eq!(block_on(ends.next()).unwrap().to_bits(), 0.25f64.to_bits());
    wake.send(()).unwrap();
    assert_eq!(block_on(evaluation).unwrap().to_bits(), peak(0.5).to_bits());
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

/// D21: answers that somebody has stored ahead on a run with a name are found out.
#[test]
fn d21_nobody_can_store_both_answers_of_a_verified_point_ahead() {
    let server = NatsServer::start();
    let nats = server.connect();
    let tool = Tool::new(&server);
    let evaluator = nats.evaluator::<f64>("f").run("known");
    let (evaluation, first) = queued(&evaluator, &tool);
    drop(evaluation);
    until("it is taken back", || tool.jobs_waiting("default") == 0);
    // What anybody can compute who knows the function and the point.
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in [&b"f again"[..], b""] {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    context.update(&0.5f64.to_bits().to_le_bytes());
    let second: String = context.finish().as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    for id in [first.rsplit_once('.').unwrap().1, &second] {
        let mut forged = Vec::new();
        coquad::wire::Answer::new(id, Ok(vec![7.0].into())).encode(&mut forged);
        let (context, place) = (tool.context(), format!("coquad1.default.res.n-known.{id}"));
        tool.block_on(async { context.publish(place, forged.into()).await.unwrap().await.unwrap() });
    }
    let _worker = Worker::new(server.server()).serve("f", peak).slots(1).start().unwrap();
    let found = block_on(evaluator.verify(1.0).evaluate(0.5)).unwrap_err();
    let Some(Error::Conflict { first, second, .. }) = found.downcast_ref() else { panic!("{found}") };
    assert_eq!((first[0].to_bits(), second[0].to_bits()), (7f64.to_bits(), peak(0.5).to_bits()));
}
