//! What evaluates in a slot: a function on a thread, an evaluator, or a process.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use coquad::wire::{Failure, FailureKind, Numbers};
use coquad::{Arithmetic, EvaluationError, Evaluator, Point, ProcessError, Processes, ThreadPool};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Evaluates the points that have these numbers, and tells the outcome of each, until it is told that nobody wants more.
pub(super) type Call = Arc<dyn Fn(&[f64], &[u8], &Progress) + Send + Sync>;
pub(super) type Ask = Arc<dyn Fn(Vec<f64>, Arc<Progress>) -> Evaluation + Send + Sync>;
pub(super) type Start = Arc<dyn Fn() -> Arc<dyn Child> + Send + Sync>;

/// A process that evaluates points of so many numbers.
pub(super) trait Child: Send + Sync {
    /// Evaluates the points that have these numbers.
    fn evaluate(self: Arc<Self>, numbers: Vec<f64>) -> BoxFuture<'static, Vec<Result<Vec<f64>, EvaluationError>>>;

    /// The kinds of arithmetic that it has told.
    fn arithmetics(&self) -> Vec<Arithmetic>;
}

impl<P: Point> Child for Processes<Vec<f64>, P> {
    fn evaluate(self: Arc<Self>, numbers: Vec<f64>) -> BoxFuture<'static, Vec<Result<Vec<f64>, EvaluationError>>> {
        async move { self.evaluate_batch(&points(&numbers)).await }.boxed()
    }

    fn arithmetics(&self) -> Vec<Arithmetic> {
        Processes::arithmetics(self)
    }
}

/// The points that have these numbers.
pub(super) fn points<P: Point>(numbers: &[f64]) -> Vec<P> {
    numbers.chunks_exact(P::AXES).filter_map(P::from_numbers).collect()
}

pub(super) enum Means {
    /// On a thread of the pool, which has one for each slot.
    Call(ThreadPool, Call),
    /// By an evaluator that all slots share.
    Ask(Ask),
    /// By a process of this slot's own, started when it is first needed.
    Start(Start, Option<Arc<dyn Child>>),
}

/// Why there is no value.
pub(super) enum Trouble {
    /// That is the answer.
    Answer(Failure<'static>),
    /// It is this worker's fault: another may have more luck.
    Elsewhere(String),
}

/// What became of a point.
pub(super) type Outcome = Result<Vec<f64>, Trouble>;

/// Tells what became of each point, in their order, by the [`Progress`] that it was given.
pub(super) type Evaluation = BoxFuture<'static, ()>;

/// What became of the points of a job so far.
pub(super) struct Progress(Mutex<Ended>);

struct Ended {
    outcomes: Vec<Outcome>,
    /// When the last was told, or the job begun.
    since: Instant,
    /// Nobody wants more.
    over: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Ended { outcomes: Vec::new(), since: Instant::now(), over: false }))
    }

    fn lock(&self) -> MutexGuard<'_, Ended> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outcome of the next point. Returns whether more are wanted.
    pub(super) fn tell(&self, outcome: Outcome) -> bool {
        let mut ended = self.lock();
        ended.outcomes.push(outcome);
        ended.since = Instant::now();
        !ended.over
    }

    /// When the evaluation of the present point began.
    pub(super) fn since(&self) -> Instant {
        self.lock().since
    }

    /// Takes the outcomes; more are not wanted.
    pub(super) fn end(&self) -> Vec<Outcome> {
        let mut ended = self.lock();
        ended.over = true;
        std::mem::take(&mut ended.outcomes)
    }
}

/// What `f` returns, or its panic.
pub(super) fn caught(f: impl FnOnce() -> Result<Vec<f64>, String>) -> Outcome {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(outcome) => outcome.map_err(|message| answer(FailureKind::Failed, message)),
        Err(payload) => Err(answer(FailureKind::Panic, panic_message(payload))),
    }
}

/// Asks an evaluator for these points, as many at a time as one of its calls takes at best.
pub(super) async fn ask<P: Point, E: Evaluator<P>>(evaluator: &E, xs: &[P], progress: &Progress)
where
    E::Value: Numbers,
{
    let numbers = |value: E::Value| {
        let mut numbers = Vec::new();
        value.to_numbers(&mut numbers);
        numbers
    };
    for xs in xs.chunks(evaluator.batch().max(1)) {
        let mut outcomes = if xs.len() > 1 { evaluator.evaluate_batch(xs).await } else { Vec::new() };
        if outcomes.len() != xs.len() {
            outcomes.clear();
            for &x in xs {
                outcomes.push(evaluator.evaluate(x).await);
            }
        }
        for outcome in outcomes {
            progress.tell(outcome.map(numbers).map_err(trouble));
        }
    }
}

impl Means {
    /// Begins the evaluation of so many points, with these numbers, once the future is polled.
    pub(super) fn evaluate(
        &mut self,
        xs: Vec<f64>,
        points: usize,
        parameters: &[u8],
        progress: &Arc<Progress>,
    ) -> Evaluation {
        let progress = progress.clone();
        match self {
            Means::Call(pool, call) => {
                let (call, parameters) = (call.clone(), parameters.to_vec());
                pool.run(move || call(&xs, &parameters, &progress)).boxed()
            }
            _ if !parameters.is_empty() => {
                let refused = || answer(FailureKind::BadRequest, "this function takes no parameters".into());
                for _ in 0..points {
                    progress.tell(Err(refused()));
                }
                std::future::ready(()).boxed()
            }
            Means::Ask(ask) => ask(xs, progress),
            Means::Start(start, process) => {
                let process = process.get_or_insert_with(|| start()).clone();
                async move {
                    for outcome in process.evaluate(xs).await {
                        progress.tell(outcome.map_err(trouble));
                    }
                }
                .boxed()
            }
        }
    }

    /// Whether each outcome is told as soon as it is there, and the evaluation goes on from point
    /// to point by itself.
    pub(super) fn goes_point_by_point(&self) -> bool {
        matches!(self, Means::Call(..))
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
            Means::Call(..) => evaluation.await,
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
