//! Concurrency without parallelism: two counters take turns on one thread.
//!
//! A task runs until it waits; meanwhile the other may run. Nothing is interrupted, so nothing needs a lock: the record
//! of the steps is a plain `RefCell`.

use std::cell::RefCell;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use coquad::pmap;
use tokio::time::sleep;

struct Step {
    name: &'static str,
    count: u32,
    thread: ThreadId,
}

async fn counter(name: &'static str, to: u32, delay: Duration, steps: &RefCell<Vec<Step>>) -> u32 {
    for count in 1..=to {
        sleep(delay).await; // here the other counter has its turn
        println!("{name} counts {count} of {to}");
        steps.borrow_mut().push(Step { name, count, thread: thread::current().id() });
    }
    to
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let counters = [("fast", 9, Duration::from_millis(100)), ("slow", 3, Duration::from_millis(270))];
    let alone: Duration = counters.iter().map(|&(_, to, delay)| to * delay).sum();

    let steps = RefCell::new(Vec::new());
    let start = Instant::now();
    let last = pmap(|(name, to, delay)| counter(name, to, delay, &steps), counters).await;
    let together = start.elapsed();

    println!("one after the other: {alone:.1?}; together: {together:.1?}, on one thread");
    assert_eq!(last, [9, 3], "the results are in the order of the input");
    let steps = steps.into_inner();
    assert!(steps.iter().all(|step| step.thread == thread::current().id()));
    for (name, to, _) in counters {
        assert!(steps.iter().filter(|step| step.name == name).map(|step| step.count).eq(1..=to));
    }
    // They took turns: each had counted before the other was done.
    let first = |name| steps.iter().position(|step| step.name == name);
    let last = |name| steps.iter().rposition(|step| step.name == name);
    assert!(first("fast") < last("slow") && first("slow") < last("fast"));
}
