//! A cluster in virtual time whose evaluations fail by script.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use coquad::{EvaluationError, Evaluator};

use super::cluster::{Clock, Cluster, Latency};

/// What happens to an evaluation instead of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Panic,
    /// A value that is not finite, by its bits.
    NotFinite(u64),
    Error,
    Hang,
}

/// How often each point was started, and which have a value.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) started: HashMap<u64, usize>,
    pub(crate) finished: HashMap<u64, usize>,
}

pub(crate) struct Faulty<F, S> {
    cluster: Cluster<F>,
    script: S,
    calls: Arc<Mutex<Calls>>,
}

impl<F, S> Faulty<F, S> {
    /// `script` is given the point and how often it was started before.
    pub(crate) fn new(
        f: F,
        script: S,
        (workers, law, seed): (usize, Latency, u64),
    ) -> (Self, Clock, Arc<Mutex<Calls>>) {
        let (cluster, clock) = Cluster::new(f, workers, law, seed);
        let calls = Arc::<Mutex<Calls>>::default();
        (Self { cluster, script, calls: calls.clone() }, clock, calls)
    }
}

impl<F, S> Evaluator for Faulty<F, S>
where
    F: Fn(f64) -> f64 + Send + Sync,
    S: Fn(f64, usize) -> Option<Fault> + Send + Sync,
{
    type Value = f64;

    async fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
        let before = {
            let mut calls = self.calls.lock().unwrap();
            let count = calls.started.entry(x.to_bits()).or_default();
            *count += 1;
            *count - 1
        };
        let y = self.cluster.evaluate(x).await?;
        match (self.script)(x, before) {
            None => {
                *self.calls.lock().unwrap().finished.entry(x.to_bits()).or_default() += 1;
                Ok(y)
            }
            // Without the panic hook: thousands of traces would bury the one that matters.
            Some(Fault::Panic) => std::panic::resume_unwind(Box::new("scripted")),
            Some(Fault::NotFinite(bits)) => Ok(f64::from_bits(bits)),
            Some(Fault::Error) => Err(EvaluationError::new("scripted")),
            Some(Fault::Hang) => std::future::pending().await,
        }
    }

    fn concurrency(&self) -> usize {
        self.cluster.concurrency()
    }
}
