//! Under tokio: an async integrand that uses tokio's timers, integrals as tasks, and a timeout.
//!
//! The crate knows nothing of tokio: the futures of the integrand are polled inside the task that awaits the integral.

use std::error::Error;
use std::time::Duration;

use coquad::{Integrator, ThreadPool, evaluator_fn};
use tokio::time::{sleep, timeout};

/// An answer that takes 5 ms to arrive, as from a database or another machine.
async fn ask(x: f64) -> Result<f64, std::io::Error> {
    sleep(Duration::from_millis(5)).await;
    Ok(x.sin())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // At most 32 questions at once.
    let slow = Integrator::new(evaluator_fn(32, ask));
    let e = slow.integrate(0.0, 3.0, 1e-10).await?;
    println!("asked      {e}");
    assert!((e.value - (1.0 - 3.0_f64.cos())).abs() <= 1e-10);

    // Clones share the cache and the limit, so integrals may be tasks of their own. The halves, together:
    let half = |a, b| {
        let slow = slow.clone();
        tokio::spawn(async move { slow.integrate(a, b, 1e-10).await })
    };
    let (left, right) = tokio::try_join!(half(0.0, 1.5), half(1.5, 3.0))?;
    let sum = left?.value + right?.value;
    println!("in halves  {sum}");
    assert!((sum - e.value).abs() <= 2e-10);

    // What computes goes to threads of its own and does not hold up the runtime. The same points, the same bits.
    let pool = ThreadPool::new(2);
    let computed = Integrator::new(pool.evaluator(f64::sin)).integrate(0.0, 3.0, 1e-10).await?;
    println!("computed   {computed}");
    assert_eq!(computed.value.to_bits(), e.value.to_bits());

    // A timeout drops the integral, which stops asking at once. What has arrived stays in the cache.
    let never = Integrator::new(evaluator_fn(4, |_| std::future::pending::<Result<f64, std::io::Error>>()));
    let late = timeout(Duration::from_millis(50), never.integrate(0.0, 3.0, 1e-10)).await;
    println!("given up   after 50 ms");
    assert!(late.is_err());
    Ok(())
}
