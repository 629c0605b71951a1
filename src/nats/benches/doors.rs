//! What an evaluation through NATS costs beyond itself, and how well skewed work is shared:
//! `bash .ci/nats cargo bench -p coquad-nats`. Everything is on this machine and shares its cores.
//! With the argument `short`, only what evaluations cost that take no time, and those of one point
//! a job beside a bare client.
//!
//! `bash .ci/nats cargo bench -p coquad-nats -- rates`: by slots in each process, and by how the
//! server syncs what it stores.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use coquad::{Evaluator, GaussKronrod, Integrator, Observer};
use coquad_nats::{Nats, Worker};
use futures::executor::block_on;
use futures::{StreamExt, stream};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One point in ten takes 200 ms, the others 5.
fn skewed(x: f64) -> Duration {
    let hash = x.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Duration::from_millis(if (hash >> 32).is_multiple_of(10) { 200 } else { 5 })
}

/// A server that syncs what it stores every two minutes unless told otherwise.
fn start_server(folder: &PathBuf, sync: &str) -> (Running, String) {
    let program = env::var("NATS_SERVER").expect("run `bash .ci/nats cargo bench -p coquad-nats`");
    let file = folder.join("server.conf");
    fs::write(&file, format!("jetstream {{ store_dir: {folder:?}, sync_interval: {sync} }}")).expect("its settings");
    let mut command = Command::new(program);
    command.args(["--addr", "127.0.0.1", "--port", "-1", "--config"]).arg(file);
    command.arg("--ports_file_dir").arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Running(command.spawn().expect("the server"));
    let ports = folder.join(format!("nats-server_{}.ports", server.0.id()));
    loop {
        let text = fs::read_to_string(&ports).unwrap_or_default();
        if let Some(address) = text.split('"').find(|part| part.starts_with("nats://")) {
            return (server, address.to_owned());
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn workers(address: &str, function: &str, slots: usize) -> Vec<Running> {
    let start = || {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args(["work", address, function, &slots.to_string()]).stderr(Stdio::null());
        Running(command.spawn().expect("a worker"))
    };
    (0..4).map(|_| start()).collect()
}

fn seen(evaluator: &coquad_nats::NatsEvaluator<f64>, slots: usize) {
    while evaluator.slots() < slots {
        thread::sleep(Duration::from_millis(10));
    }
}

/// Points that nobody has asked for yet.
fn points(seed: u32, count: u32) -> impl Iterator<Item = f64> {
    (0..count).map(move |i| f64::from(seed) + f64::from(i) / f64::from(count))
}

/// The work that an integral has begun.
#[derive(Default)]
struct Work(Mutex<Duration>);

impl Observer<f64> for Work {
    fn started(&self, x: f64, _: bool) {
        *self.0.lock().expect("nobody panics with it") += skewed(x);
    }
}

/// Evaluations per second, of those that take no time.
fn rate(nats: &Nats, seed: u32, count: u32, window: usize) -> f64 {
    let evaluator = nats.evaluator::<f64>("at-once");
    let started = Instant::now();
    let done = stream::iter(points(seed, count)).map(|x| evaluator.evaluate(x)).buffer_unordered(window);
    assert!(block_on(done.all(async |value| value.is_ok())));
    f64::from(count) / started.elapsed().as_secs_f64()
}

/// By slots in each process, and by how the server syncs.
fn rates(folder: &Path) {
    for sync in ["2m", "always"] {
        for slots in [1, 8] {
            let folder = folder.join(format!("{sync}-{slots}"));
            fs::create_dir_all(&folder).expect("a folder");
            let (_server, address) = start_server(&folder, sync);
            let nats = block_on(Nats::connect(&address)).expect("a connection");
            let _running = workers(&address, "at-once", slots);
            seen(&nats.evaluator("at-once"), 4 * slots);
            // The first are slower: connections, streams and caches are new.
            rate(&nats, 1, 2_000, 1_000);
            let mut rates: Vec<f64> = (2..7).map(|seed| rate(&nats, seed, 5_000, 1_000)).collect();
            rates.sort_by(f64::total_cmp);
            println!(
                "sync_interval {sync:6}, 4 processes with {slots} slots: {:.0}/s ({:.0} to {:.0})",
                rates[2], rates[0], rates[4]
            );
            block_on(nats.close());
        }
    }
}

fn share(what: &str, wall: Duration, ideal: Duration) {
    println!("skewed, {what}: {wall:.2?}, {:.3} of ideal", wall.as_secs_f64() / ideal.as_secs_f64());
}

/// Processor time of this process, the server and the workers.
struct Spent([f64; 3]);

impl Spent {
    fn now(server: &Running, workers: &[Running]) -> Self {
        let of = |running: &Running| seconds(running.0.id());
        Self([seconds(std::process::id()), of(server), workers.iter().map(of).sum()])
    }

    /// Prints what was spent since, for each of so many evaluations.
    fn print(self, server: &Running, workers: &[Running], evaluations: u32) {
        let Self(now) = Self::now(server, workers);
        let each: Vec<f64> =
            now.iter().zip(self.0).map(|(now, then)| (now - then) / f64::from(evaluations) * 1e6).collect();
        println!(
            "    processor time for each: coordinator {:.1} µs, server {:.1} µs, worker {:.1} µs, together {:.1} µs",
            each[0],
            each[1],
            each[2],
            each.iter().sum::<f64>()
        );
    }
}

const WAIT: Duration = Duration::from_millis(3);
const WAITERS: usize = 16;
/// The subjects of a bare client.
const JOBS: &str = "bare.job";
const PLACES: &str = "bare.res.>";

/// The four messages of an evaluation by a bare client: a job is stored, given out, its answer
/// stored, and let go of. Each is waited for as the evaluator does. Every evaluation waits for
/// [`WAIT`] on a worker of [`WAITERS`] slots.
async fn bare_worker(address: &str) {
    let client = async_nats::connect(address).await.expect("a connection");
    let context = async_nats::jetstream::new(client.clone());
    let slot = || async {
        let inbox = client.new_inbox();
        let mut given = client.subscribe(inbox.clone()).await.expect("a subscription");
        loop {
            let asked = ("$JS.API.CONSUMER.MSG.NEXT.BARE_JOBS.bare", "{\"batch\":1,\"expires\":1000000000}");
            client.publish_with_reply(asked.0, inbox.clone(), asked.1.into()).await.expect("a request");
            let Some(message) = given.next().await else { return };
            if message.status.is_some() {
                continue;
            }
            tokio::time::sleep(WAIT).await;
            let place = String::from_utf8_lossy(&message.payload).into_owned();
            let stored = context.publish(place, message.payload.clone()).await.expect("sent");
            stored.await.expect("stored");
            client.publish(message.reply.expect("a job"), "+ACK".into()).await.expect("let go of");
        }
    };
    futures::future::join_all((0..WAITERS).map(|_| slot())).await;
}

fn bare(address: &str, server: &Running, evaluations: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = async_nats::connect(address).await.expect("a connection");
        let context = async_nats::jetstream::new(client.clone());
        for (name, subject, retention) in [
            ("BARE_JOBS", JOBS, async_nats::jetstream::stream::RetentionPolicy::WorkQueue),
            ("BARE_RES", PLACES, async_nats::jetstream::stream::RetentionPolicy::Limits),
        ] {
            let config = async_nats::jetstream::stream::Config {
                name: name.into(),
                subjects: vec![subject.into()],
                retention,
                ..Default::default()
            };
            let stream = context.create_stream(config).await.expect("a stream");
            if name == "BARE_JOBS" {
                let consumer = async_nats::jetstream::consumer::pull::Config {
                    durable_name: Some("bare".into()),
                    max_ack_pending: 100_000,
                    ..Default::default()
                };
                stream.create_consumer(consumer).await.expect("a consumer");
            }
        }
        let mut answers = client.subscribe(PLACES).await.expect("a subscription");
        let workers = workers(address, "bare", WAITERS);
        let mut spent = Spent::now(server, &workers);
        let mut started = Instant::now();
        let (mut sent, mut heard) = (0, 0);
        let warm = evaluations / 10;
        let mut under_way = futures::stream::FuturesUnordered::new();
        while heard < warm + evaluations {
            while sent - heard < 8 * WAITERS as u32 && sent < warm + evaluations {
                let place = format!("bare.res.{sent}");
                let message = async_nats::jetstream::message::PublishMessage::build()
                    .message_id(&place)
                    .payload(place.clone().into());
                let context = &context;
                under_way.push(async move {
                    context.send_publish(JOBS, message).await.expect("sent").await.expect("stored");
                });
                sent += 1;
            }
            tokio::select! {
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
                Some(_) = answers.next() => {
                    heard += 1;
                    if heard == warm {
                        (spent, started) = (Spent::now(server, &workers), Instant::now());
                    }
                }
            }
        }
        println!("one point a job, a bare client: {:.0}/s", f64::from(evaluations) / started.elapsed().as_secs_f64());
        spent.print(server, &workers, evaluations);
    });
}

/// The processor time that a process has had, from its `stat`: the 14th and 15th word, in hundredths.
fn seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let words = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    words.skip(11).take(2).filter_map(|word| word.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [work, address, function, slots] = arguments.as_slice()
        && work == "work"
    {
        let slots = slots.parse().expect("slots");
        let worker = Worker::new(address.as_str()).slots(slots);
        let asleep = |x: f64| async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            Ok::<_, String>(x)
        };
        let served = match function.as_str() {
            "at-once" => worker.serve("at-once", |x: f64| x),
            "bare" => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                return runtime.block_on(bare_worker(address));
            }
            "waits" => worker.serve_evaluator(
                "waits",
                coquad::evaluator_fn(slots, |x: f64| async move {
                    tokio::time::sleep(WAIT).await;
                    Ok::<_, String>(x)
                }),
            ),
            "skewed" => worker.serve("skewed", |x: f64| {
                thread::sleep(skewed(x));
                (x * 1e6).sin()
            }),
            _ => worker.serve_evaluator("asleep", coquad::evaluator_fn(slots, asleep)),
        };
        served.run().expect("a connection");
        return;
    }
    let folder = env::temp_dir().join(format!("coquad-nats-bench-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    if arguments.iter().any(|argument| argument == "rates") {
        rates(&folder);
        let _ = fs::remove_dir_all(&folder);
        return;
    }
    let (server, address) = start_server(&folder, "2m");
    let nats = block_on(Nats::connect(&address)).expect("a connection");

    let at_once = nats.evaluator::<f64>("at-once");
    let running = workers(&address, "at-once", 1);
    seen(&at_once, 4);
    let mut trips: Vec<Duration> = Vec::new();
    for x in points(0, 2000) {
        let started = Instant::now();
        block_on(at_once.evaluate(x)).expect("a value");
        trips.push(started.elapsed());
    }
    trips.sort();
    println!("round trip, one at a time: median {:?}, p99 {:?}", trips[1000], trips[1980]);
    for (window, count) in [(8, 20_000), (1000, 20_000), (1000, 200_000)] {
        let count = if at_once.concurrency() > 8 { count } else { count.min(20_000) };
        let (started, spent) = (Instant::now(), Spent::now(&server, &running));
        let seed = window + count;
        let done = stream::iter(points(seed, count)).map(|x| at_once.evaluate(x)).buffer_unordered(window as usize);
        assert!(block_on(done.all(async |value| value.is_ok())));
        println!("throughput at a window of {window}: {:.0}/s", f64::from(count) / started.elapsed().as_secs_f64());
        spent.print(&server, &running, count);
    }
    drop(running);

    bare(&address, &server, 10_000);
    let waits = nats.evaluator::<f64>("waits");
    let running = workers(&address, "waits", WAITERS);
    seen(&waits, 4 * WAITERS);
    let evaluate = |seed, count| {
        let done = stream::iter(points(seed, count)).map(|x| waits.evaluate(x)).buffer_unordered(8 * WAITERS);
        assert!(block_on(done.all(async |value| value.is_ok())));
    };
    evaluate(11, 1000);
    let (started, spent) = (Instant::now(), Spent::now(&server, &running));
    evaluate(12, 10_000);
    println!("one point a job: {:.0}/s", 10_000.0 / started.elapsed().as_secs_f64());
    spent.print(&server, &running, 10_000);
    drop(running);
    if env::args().any(|word| word == "short") {
        let _ = fs::remove_dir_all(&folder);
        return;
    }

    let skew = nats.evaluator::<f64>("skewed");
    let running = workers(&address, "skewed", 1);
    seen(&skew, 4);
    let window = skew.concurrency();
    let total: Duration = points(7, 400).map(skewed).sum();
    let started = Instant::now();
    let done = stream::iter(points(7, 400)).map(|x| skew.evaluate(x)).buffer_unordered(window);
    assert!(block_on(done.all(async |value| value.is_ok())));
    share("400 points, 4 workers, window 8", started.elapsed(), total / 4);
    let work = Arc::new(Work::default());
    let started = Instant::now();
    let noise = Integrator::new(skew).method(GaussKronrod::new(21)).max_evaluations(400).observer(work.clone());
    assert!(noise.integrate_blocking(0.0, 1.0, 1e-12).is_err(), "noise has no integral");
    let total = *work.0.lock().expect("nobody panics with it");
    share("an integral of 400 evaluations, its own window", started.elapsed(), total / 4);
    drop(running);

    let asleep = nats.evaluator::<f64>("asleep");
    let running = workers(&address, "asleep", 400);
    seen(&asleep, 1600);
    let spent = Spent::now(&server, &running);
    let started = Instant::now();
    let done = stream::iter(points(9, 6400)).map(|x| asleep.evaluate(x)).buffer_unordered(asleep.concurrency());
    assert!(block_on(done.all(async |value| value.is_ok())));
    println!("1600 slots, 6400 points of 500 ms: {:?}, ideal 2 s", started.elapsed());
    spent.print(&server, &running, 6400);
    block_on(nats.close());
    let _ = fs::remove_dir_all(&folder);
}
