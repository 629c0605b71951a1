//! What an operator does to streams, consumers and messages while a run is under way: nothing
//! stalls, and nothing hangs.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::DiscardPolicy;
use coquad::Evaluator;
use coquad_nats::{Nats, NatsEvaluator, Server, Worker, WorkerHandle};
use futures::executor::block_on;
use futures::stream::{FuturesUnordered, StreamExt};

use crate::support::worker::peak;
use crate::support::{NatsServer, Tool, runs};

pub(crate) const JOBS: &str = "COQUAD1_default_JOBS";
pub(crate) const ANSWERS: &str = "COQUAD1_default_RES";

/// What no run here takes: a test that fails shall end, though the run has no deadline.
const AT_MOST: Duration = Duration::from_secs(60);

/// As the server is used by default: a dead worker is noticed after half a minute only.
fn slow_to_notice(server: &NatsServer) -> Server {
    Server::new(server.url()).ack_wait(Duration::from_secs(30))
}

/// A worker of four slots, for each of which a point takes 20 ms.
fn worker(server: &NatsServer) -> WorkerHandle {
    let slow = |x: f64| {
        thread::sleep(Duration::from_millis(20));
        peak(x)
    };
    Worker::new(slow_to_notice(server)).serve("slow", slow).slots(4).start().unwrap()
}

/// A run without a deadline, in the background: when each value came.
pub(crate) struct Run {
    times: Arc<Mutex<Vec<Instant>>>,
    over: mpsc::Receiver<()>,
}

impl Run {
    pub(crate) fn start(evaluator: NatsEvaluator, count: u32) -> Self {
        let times = Arc::new(Mutex::new(vec![Instant::now()]));
        let (tell, over) = mpsc::channel();
        let to = times.clone();
        thread::spawn(move || {
            let xs = (0..count).map(|i| f64::from(i) / f64::from(count));
            let evaluator = &evaluator;
            let ask = |x| async move { (x, evaluator.evaluate(x).await) };
            let mut values: FuturesUnordered<_> = xs.map(ask).collect();
            block_on(async {
                while let Some((x, value)) = values.next().await {
                    assert_eq!(value.unwrap().to_bits(), peak(x).to_bits());
                    to.lock().unwrap().push(Instant::now());
                }
            });
            let _ = tell.send(());
        });
        Self { times, over }
    }

    pub(crate) fn count(&self) -> usize {
        self.times.lock().unwrap().len() - 1
    }

    pub(crate) fn wait_for(&self, count: usize) {
        crate::support::until("the run is under way", || self.count() >= count);
    }

    /// Waits for the end, and returns the longest time without a value.
    pub(crate) fn longest_stall(self, what: &str) -> Duration {
        if self.over.recv_timeout(AT_MOST).is_err() {
            panic!("{what}: the run hangs after {} values", self.count());
        }
        let times = self.times.lock().unwrap();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
    }
}

/// Does something in the middle of a run, and returns the longest stalls of some runs.
fn stalls(what: &str, name: Option<&str>, act: impl AsyncFn(&Context)) -> Vec<Duration> {
    (0..runs(1, 10))
        .map(|_| {
            let server = NatsServer::start();
            let nats = block_on(Nats::connect(slow_to_notice(&server))).unwrap();
            let _worker = worker(&server);
            let tool = Tool::new(&server);
            let context = tool.context();
            let evaluator = nats.evaluator::<f64>("slow");
            let run = Run::start(name.map_or_else(|| evaluator.clone(), |name| evaluator.clone().run(name)), 150);
            run.wait_for(40);
            tool.block_on(act(&context));
            let stall = run.longest_stall(what);
            println!("{what}: longest stall {stall:.2?}");
            stall
        })
        .collect()
}

/// Twice what was promised, as the machine may have other work.
fn are_short(stalls: &[Duration]) {
    assert!(stalls.iter().all(|stall| *stall < Duration::from_secs(4)), "{stalls:?}");
}

#[test]
fn d13_a_run_survives_the_loss_of_the_stream_of_answers() {
    for name in [None, Some("kept")] {
        let deleted = async |context: &Context| {
            context.delete_stream(ANSWERS).await.unwrap();
        };
        are_short(&stalls(&format!("answers deleted, run {name:?}"), name, deleted));
    }
}

/// Has the stream of answers refuse whatever comes.
pub(crate) async fn fill(context: &Context, full: bool) {
    let mut config = context.get_stream(ANSWERS).await.unwrap().cached_info().config.clone();
    config.discard = if full { DiscardPolicy::New } else { DiscardPolicy::Old };
    config.max_messages = if full { 1 } else { -1 };
    context.update_stream(config).await.unwrap();
}

#[test]
fn d14_a_run_goes_on_while_the_stream_of_answers_is_full() {
    are_short(&stalls("answers full", None, async |context: &Context| fill(context, true).await));
}

#[test]
fn d14_a_run_with_a_name_goes_on_as_soon_as_its_answers_can_be_kept() {
    let mend = async |context: &Context| {
        fill(context, true).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        fill(context, false).await;
    };
    let stalls = stalls("answers full for a second", Some("kept"), mend);
    assert!(stalls.iter().all(|stall| *stall < Duration::from_secs(5)), "{stalls:?}");
}

#[test]
fn d18_a_run_survives_the_loss_of_its_consumer() {
    let deleted = async |context: &Context| {
        context.get_stream(JOBS).await.unwrap().delete_consumer("slow").await.unwrap();
    };
    are_short(&stalls("consumer deleted", None, deleted));
}

#[test]
fn d18_a_run_survives_the_loss_of_its_jobs() {
    are_short(&stalls("jobs deleted", None, async |context: &Context| {
        context.delete_stream(JOBS).await.unwrap();
    }));
}

#[test]
fn a_run_survives_the_purge_of_its_jobs() {
    are_short(&stalls("jobs purged", None, async |context: &Context| {
        context.get_stream(JOBS).await.unwrap().purge().await.unwrap();
    }));
}
