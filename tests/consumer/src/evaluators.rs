//! The evaluators that a user writes: here they wait on a timer, as a client of a service would.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_timer::Delay;

/// The integrand of every evaluator here: +, -, *, / only, so that its bits are the same on any platform.
pub fn f(x: f64) -> f64 {
    1.0 / (1.0 + 16.0 * x * x)
}

/// An error of the user's own.
#[derive(Debug)]
pub struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("refused")
    }
}

impl std::error::Error for Refused {}

/// Waits a moment that depends on `x`, so that answers come in another order than they were asked for.
pub async fn fetch(x: f64) -> Result<f64, Refused> {
    Delay::new(Duration::from_micros(x.to_bits() >> 40 & 0x3ff)).await;
    Ok(f(x))
}

/// An HTTP client, a GPU queue, ...
#[derive(Default)]
pub struct Simulator {
    outstanding: AtomicUsize,
}

/// One evaluation on its way: over when it is answered, and when it is dropped unanswered.
struct Outstanding<'a>(&'a AtomicUsize);

impl Drop for Outstanding<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Simulator {
    async fn run(&self, x: f64) -> Result<f64, Refused> {
        let others = self.outstanding.fetch_add(1, Ordering::SeqCst);
        let _outstanding = Outstanding(&self.outstanding);
        assert!(others < 128, "more outstanding than concurrency() allows");
        fetch(x).await
    }
}

impl coquad::Evaluator for Simulator {
    type Value = f64;
    async fn evaluate(&self, x: f64) -> Result<f64, coquad::EvaluationError> {
        self.run(x).await.map_err(coquad::EvaluationError::new)
    }
    fn concurrency(&self) -> usize {
        128
    }
}
