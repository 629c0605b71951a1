//! Under async-std: an async integrand that uses its timers, integrals as tasks, and a timeout. What computes belongs on a
//! `ThreadPool` of this crate, as in `runtime_tokio`.
//!
//! async-std is no longer developed, and its authors point to smol. Programs that still use it can use this crate.

use std::error::Error;
use std::time::Duration;

use async_std::future::timeout;
use async_std::task;
use coquad::{Integrator, evaluator_fn};

/// An answer that takes 5 ms to arrive, as from a database or another machine.
async fn ask(x: f64) -> Result<f64, std::io::Error> {
    task::sleep(Duration::from_millis(5)).await;
    Ok(x.sin())
}

async fn run() -> Result<(), Box<dyn Error>> {
    // At most 32 questions at once.
    let slow = Integrator::new(evaluator_fn(32, ask));
    let e = slow.integrate(0.0, 3.0, 1e-10).await?;
    println!("asked      {e}");
    assert!((e.value - (1.0 - 3.0_f64.cos())).abs() <= 1e-10);

    // Clones share the cache and the limit, so integrals may be tasks of their own. The halves, together:
    let half = |a, b| {
        let slow = slow.clone();
        task::spawn(async move { slow.integrate(a, b, 1e-10).await })
    };
    let (left, right) = (half(0.0, 1.5), half(1.5, 3.0));
    let sum = left.await?.value + right.await?.value;
    println!("in halves  {sum}");
    assert!((sum - e.value).abs() <= 2e-10);

    // A timeout drops the integral, which stops asking at once. What has arrived stays in the cache.
    let never = Integrator::new(evaluator_fn(4, |_| std::future::pending::<Result<f64, std::io::Error>>()));
    let late = timeout(Duration::from_millis(50), never.integrate(0.0, 3.0, 1e-10)).await;
    println!("given up   after 50 ms");
    assert!(late.is_err());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    task::block_on(run())
}
