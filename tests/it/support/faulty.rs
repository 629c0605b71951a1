//! A cluster in virtual time whose evaluations fail by script.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use coquad::{EvaluationError, Evaluator, Inline};

use super::cluster::{Clock, Cluster, Latency};

/// What happens to an evaluation instead of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Panic,
    /// A value that is not finite, by its bits.
    NotFinite(u64),
    Error,
    /// An error without any wait.
    ErrorAtOnce,
    Hang,
}

/// How often each point was started, and which have a value.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) started: HashMap<u64, usize>,
    pub(crate) finished: HashMap<u64, usize>,
}

/// An integrand. Boxed, as the scripts are, so that the tests have one type of evaluator: each costs an engine for each method.
pub(crate) type Integrand = Box<dyn Fn(f64) -> f64 + Send + Sync>;

pub(crate) struct Faulty {
    cluster: Cluster<Integrand>,
    script: Box<dyn Fn(f64, usize) -> Option<Fault> + Send + Sync>,
    calls: Arc<Mutex<Calls>>,
}

impl Faulty {
    /// `script` is given the point and how often it was started before.
    pub(crate) fn new(
        f: impl Fn(f64) -> f64 + Send + Sync + 'static,
        script: impl Fn(f64, usize) -> Option<Fault> + Send + Sync + 'static,
        (workers, law, seed): (usize, Latency, u64),
    ) -> (Self, Clock, Arc<Mutex<Calls>>) {
        let (cluster, clock) = Cluster::new(Box::new(f) as Integrand, workers, law, seed);
        let calls = Arc::<Mutex<Calls>>::default();
        (Self { cluster, script: Box::new(script), calls: calls.clone() }, clock, calls)
    }
}

impl Evaluator for Faulty {
    type Value = f64;

    async fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
        let before = {
            let mut calls = self.calls.lock().unwrap();
            let count = calls.started.entry(x.to_bits()).or_default();
            *count += 1;
            *count - 1
        };
        let fault = (self.script)(x, before);
        if fault == Some(Fault::ErrorAtOnce) {
            return Err(EvaluationError::new("scripted"));
        }
        let y = self.cluster.evaluate(x).await?;
        match fault {
            None => {
                *self.calls.lock().unwrap().finished.entry(x.to_bits()).or_default() += 1;
                Ok(y)
            }
            // Without the panic hook: thousands of traces would bury the one that matters.
            Some(Fault::Panic) => std::panic::resume_unwind(Box::new("scripted")),
            Some(Fault::NotFinite(bits)) => Ok(f64::from_bits(bits)),
            Some(Fault::Error | Fault::ErrorAtOnce) => Err(EvaluationError::new("scripted")),
            Some(Fault::Hang) => std::future::pending().await,
        }
    }

    fn concurrency(&self) -> usize {
        self.cluster.concurrency()
    }
}

/// An evaluator on the calling thread, of one type for all integrands.
pub(crate) fn inline(f: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Inline<Integrand> {
    Inline::new(Box::new(f))
}
