//! Without a runtime: a call that blocks, and a loop of twenty lines that polls by hand.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use coquad::{Inline, Integrator, ThreadPool};

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls the future on this thread, which sleeps until it is woken, for `patience` at most. Returns the output, if any,
/// and the number of polls.
fn run<F: Future>(future: F, patience: Duration) -> (Option<F::Output>, usize) {
    let mut future = pin!(future);
    let waker = Arc::new(Unpark(thread::current())).into();
    let deadline = Instant::now() + patience;
    for polls in 1.. {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return (Some(output), polls);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return (None, polls); // and the future is dropped: the integral stops asking
        }
        thread::park_timeout(left);
    }
    unreachable!("a loop without an end")
}

fn main() -> Result<(), Box<dyn Error>> {
    // On this thread, a function that is cheap.
    let inline = Integrator::new(Inline::new(f64::sin)).integrate_blocking(0.0, 3.0, 1e-10)?;
    println!("on this thread     {inline}");
    assert!((inline.value - (1.0 - 3.0_f64.cos())).abs() <= 1e-10);

    // On threads, a function that is slow. This thread blocks until the answer is there.
    let slow_sine = |x: f64| {
        thread::sleep(Duration::from_millis(5));
        x.sin()
    };
    let integrator = Integrator::new(ThreadPool::new(32).evaluator(slow_sine));
    let blocking = integrator.integrate_blocking(0.0, 3.0, 1e-10)?;
    println!("on 32 threads      {blocking}");
    assert_eq!(blocking.value.to_bits(), inline.value.to_bits());

    // The same by a loop of one's own, which could as well be that of a game or of a user interface.
    let integrator = Integrator::new(ThreadPool::new(32).evaluator(slow_sine));
    let (polled, polls) = run(integrator.integrate(0.0, 3.0, 1e-10), Duration::from_secs(60));
    let polled = polled.ok_or("no answer within a minute")??;
    println!("by {polls} polls{:>w$} {polled}", "", w = 10 - polls.to_string().len());
    assert_eq!(polled.value.to_bits(), inline.value.to_bits());

    // And with a deadline that is too short.
    let integrator = Integrator::new(ThreadPool::new(1).evaluator(slow_sine));
    let (late, polls) = run(integrator.integrate(0.0, 3.0, 1e-10), Duration::from_millis(20));
    println!("given up after 20 ms and {polls} polls; {} points are known", integrator.cache().len());
    assert!(late.is_none());
    Ok(())
}
