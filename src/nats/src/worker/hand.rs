//! What evaluates in a slot: a function on a thread, an evaluator, or a process.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Arc;

use coquad::wire::{Failure, FailureKind};
use coquad::{Arithmetic, EvaluationError, Evaluator, ProcessError, Processes, ThreadPool};
use futures::FutureExt;
use futures::future::BoxFuture;

pub(super) type Call = Arc<dyn Fn(f64, &[u8]) -> Result<Vec<f64>, String> + Send + Sync>;
pub(super) type Ask = Arc<dyn Fn(f64) -> BoxFuture<'static, Result<Vec<f64>, EvaluationError>> + Send + Sync>;
pub(super) type Start = Arc<dyn Fn() -> Command + Send + Sync>;

pub(super) enum Means {
    /// On a thread of the pool, which has one for each slot.
    Call(ThreadPool, Call),
    /// By an evaluator that all slots share.
    Ask(Ask),
    /// By a process of this slot's own, started when it is first needed.
    Start(Start, Option<Arc<Processes<Vec<f64>>>>),
}

/// Why there is no value.
pub(super) enum Trouble {
    /// That is the answer.
    Answer(Failure<'static>),
    /// It is this worker's fault: another may have more luck.
    Elsewhere(String),
}

pub(super) type Evaluation = BoxFuture<'static, Result<Vec<f64>, Trouble>>;

impl Means {
    /// Begins an evaluation once the future is polled.
    pub(super) fn evaluate(&mut self, x: f64, parameters: &[u8]) -> Evaluation {
        match self {
            Means::Call(pool, call) => {
                let (call, parameters) = (call.clone(), parameters.to_vec());
                let job = move || match catch_unwind(AssertUnwindSafe(|| call(x, &parameters))) {
                    Ok(outcome) => outcome.map_err(|message| answer(FailureKind::Failed, message)),
                    Err(payload) => Err(answer(FailureKind::Panic, panic_message(payload))),
                };
                pool.run(job).boxed()
            }
            _ if !parameters.is_empty() => {
                let refused = answer(FailureKind::BadRequest, "this function takes no parameters".into());
                std::future::ready(Err(refused)).boxed()
            }
            Means::Ask(ask) => ask(x).map(|outcome| outcome.map_err(trouble)).boxed(),
            Means::Start(start, process) => {
                let process =
                    process.get_or_insert_with(|| Arc::new(Processes::new(1, start()).values::<Vec<f64>>())).clone();
                async move { process.evaluate(x).await.map_err(trouble) }.boxed()
            }
        }
    }

    /// The arithmetic of what evaluates, as far as it is known; `ours` is this process's.
    pub(super) fn arithmetic(&self, ours: &Arithmetic) -> Option<Arithmetic> {
        match self {
            Means::Call(..) => Some(ours.clone()),
            // It may ask anybody.
            Means::Ask(_) => None,
            Means::Start(_, process) => process.as_ref()?.arithmetics().pop(),
        }
    }

    /// Whether an evaluation can be ended before its time.
    pub(super) fn can_end(&self) -> bool {
        !matches!(self, Means::Call(..))
    }

    /// Ends an evaluation, or waits for its end where nothing else is possible.
    pub(super) async fn end(&mut self, evaluation: Evaluation) {
        match self {
            Means::Call(..) => drop(evaluation.await),
            Means::Ask(_) => drop(evaluation),
            Means::Start(_, process) => {
                drop(evaluation);
                *process = None;
            }
        }
    }
}

fn answer(kind: FailureKind, message: String) -> Trouble {
    Trouble::Answer(Failure::new(kind, message))
}

fn trouble(error: EvaluationError) -> Trouble {
    if let Some(message) = error.panic_message() {
        return answer(FailureKind::Panic, message.to_owned());
    }
    match error.downcast_ref::<ProcessError>() {
        None => answer(FailureKind::Failed, error.to_string()),
        Some(ProcessError::Failed { kind, message, .. }) => answer(*kind, message.to_string()),
        Some(ProcessError::Poison { .. }) => answer(FailureKind::Crashed, error.to_string()),
        Some(ProcessError::Timeout { .. }) => answer(FailureKind::Timeout, error.to_string()),
        Some(_) => Trouble::Elsewhere(error.to_string()),
    }
}

/// What a panic says. Its payload is leaked where it has no text: dropping it may panic again.
fn panic_message(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(message) => (*message).to_owned(),
            Err(payload) => {
                std::mem::forget(payload);
                "a panic without a message".to_owned()
            }
        },
    }
}
