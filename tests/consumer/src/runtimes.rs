//! The same program under each runtime: the answers must agree to the bit.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::snippets::{Answer, Failure, run};

type Outcome = Result<Vec<Answer>, Failure>;

type Runtime = (&'static str, fn() -> Outcome);

/// How many runtimes there are.
pub const COUNT: usize = RUNTIMES.len();

const RUNTIMES: &[Runtime] = &[
    ("futures::executor::block_on", || futures::executor::block_on(run())),
    ("tokio, current thread", || tokio(&mut tokio::runtime::Builder::new_current_thread())),
    ("tokio, multi thread", || tokio(tokio::runtime::Builder::new_multi_thread().worker_threads(2))),
    ("tokio, a spawned task", || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
        runtime.block_on(async { tokio::spawn(run()).await? })
    }),
    ("smol", || smol::block_on(run())),
    ("smol, a spawned task", || smol::block_on(smol::spawn(run()))),
    ("async-std", || async_std::task::block_on(run())),
    ("async-std, a spawned task", || async_std::task::block_on(async_std::task::spawn(run()))),
    ("a poll loop", poll_loop),
];

fn tokio(builder: &mut tokio::runtime::Builder) -> Outcome {
    builder.build()?.block_on(run())
}

/// No runtime at all: polls until it is done, deaf to every wake-up.
fn poll_loop() -> Outcome {
    let mut future = pin!(run());
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => return outcome,
            Poll::Pending => std::thread::yield_now(),
        }
    }
}

/// Runs everything on every runtime; returns how many answers there were on each.
pub fn run_all() -> Result<usize, Failure> {
    let mut reference: Option<Vec<Answer>> = None;
    for (name, runtime) in RUNTIMES {
        println!("> {name}");
        let answers = runtime()?;
        let reference = reference.get_or_insert_with(|| answers.clone());
        assert_eq!(&answers, reference, "{name} gives other bits than {}", RUNTIMES[0].0);
    }
    Ok(reference.map_or(0, |answers| answers.len()))
}
