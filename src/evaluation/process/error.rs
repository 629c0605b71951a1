//! What can go wrong with a worker process, and the account of what did.

use std::fmt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use crate::evaluation::arithmetic::Arithmetic;
use crate::evaluation::wire::FailureKind;
use crate::trace;

/// Why worker processes have no value for a point.
///
/// It is the cause of the [`EvaluationError`](crate::EvaluationError) in [`Error::Evaluation`](crate::Error::Evaluation),
/// and found there by [`downcast_ref`](crate::EvaluationError::downcast_ref). A panic of the integrand is no such error but
/// [`Error::Panicked`](crate::Error::Panicked).
///
/// # Examples
///
/// ```
/// use std::process::Command;
/// use coquad::{Error, Integrator, ProcessError, Processes};
///
/// let no_worker = Integrator::new(Processes::new(2, Command::new("false")));
/// match no_worker.integrate_blocking(0.0, 1.0, 1e-8) {
///     Err(Error::Evaluation { source, .. }) => match source.downcast_ref() {
///         Some(ProcessError::NoWorkers { last, .. }) => println!("{last}"), // how the last one ended
///         other => panic!("{other:?}"),
///     },
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ProcessError {
    /// The worker says that there is no value.
    #[non_exhaustive]
    Failed {
        /// What happened.
        kind: FailureKind,
        /// What the worker says of it: at most 4 KiB, without control characters.
        message: Arc<str>,
    },
    /// Every worker that was given the point died of it, the last on a process of its own.
    #[non_exhaustive]
    Poison {
        /// How many died.
        attempts: u32,
        /// How the last one did.
        last: Death,
    },
    /// Every worker that was given the point ran into the time limit, or the last one did.
    #[non_exhaustive]
    Timeout {
        /// How many attempts were made.
        attempts: u32,
        /// The time limit.
        limit: Duration,
    },
    /// No worker could be started, several times in a row.
    #[non_exhaustive]
    NoWorkers {
        /// Why the last one could not: the system's words, or how it died and the last lines of its standard error.
        last: Arc<str>,
    },
    /// A worker computes elementary functions otherwise than the first did, or than was asked for
    /// ([`Processes::mixed`](crate::Processes::mixed)).
    #[non_exhaustive]
    Arithmetic {
        /// What all are to agree with.
        expected: Arithmetic,
        /// What it has.
        found: Arithmetic,
    },
    /// What was started is no worker for this function.
    #[non_exhaustive]
    Handshake {
        /// What it said instead.
        what: Arc<str>,
    },
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProcessError::Failed { kind: FailureKind::Failed, message } => f.write_str(message),
            ProcessError::Failed { kind, message } => write!(f, "{kind}: {message}"),
            ProcessError::Poison { attempts, last } => {
                write!(f, "{attempts} workers died of it, the last on its own: {last}")
            }
            ProcessError::Timeout { attempts, limit } => {
                write!(f, "no answer within {limit:?} in {attempts} attempts")
            }
            ProcessError::NoWorkers { last } => write!(f, "no worker can be started: {last}"),
            ProcessError::Arithmetic { expected, found } => {
                write!(f, "a worker's arithmetic is \"{found}\", not \"{expected}\": its values would have other bits")
            }
            ProcessError::Handshake { what } => write!(f, "the worker is not for this function: {what}"),
        }
    }
}

impl std::error::Error for ProcessError {}

/// How a worker process came to its end.
///
/// # Examples
///
/// ```
/// use coquad::{Death, ProcessError};
///
/// /// Whether the point itself takes too long.
/// fn hangs(error: &coquad::EvaluationError) -> bool {
///     match error.downcast_ref() {
///         Some(ProcessError::Poison { last: Death::TimeLimit(_), .. } | ProcessError::Timeout { .. }) => true,
///         _ => false,
///     }
/// }
/// assert!(!hangs(&coquad::EvaluationError::new("no data")));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Death {
    /// It ended, or was killed, by no doing of ours.
    Exited(ExitStatus),
    /// It did not answer in time, and was killed.
    TimeLimit(Duration),
    /// It did not keep to the protocol, and was killed.
    Protocol(Arc<str>),
}

impl Death {
    pub(super) fn protocol(what: impl fmt::Display) -> Self {
        Death::Protocol(what.to_string().into())
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Death::Exited(status) => write!(f, "{status}"),
            Death::TimeLimit(limit) => write!(f, "no answer within {limit:?}"),
            Death::Protocol(what) => write!(f, "protocol error, {what}"),
        }
    }
}

/// What happened to the workers so far: [`Processes::report`](crate::Processes::report).
///
/// # Examples
///
/// ```
/// use std::process::Command;
/// use std::sync::Arc;
/// use coquad::{Integrator, ProcessReport, Processes};
///
/// let processes = Arc::new(Processes::new(2, Command::new("my-worker")));
/// let integrator = Integrator::new(processes.clone());
/// assert_eq!(processes.report(), ProcessReport::default()); // nothing is started before it is needed
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessReport {
    /// Answers that were taken.
    pub evaluations: u64,
    /// Processes started.
    pub starts: u64,
    /// Processes that ended although nobody told them to, those killed for their sins included.
    pub deaths: u64,
    /// Deaths by the time limit, among these.
    pub timeouts: u64,
    /// Evaluations begun again elsewhere because their worker died.
    pub requeues: u64,
    /// Messages that were none, or answered what was not asked.
    pub protocol_errors: u64,
    /// Answers to a point that had been answered, with other bits. The first one counts.
    pub conflicts: u64,
    /// Workers whose [`Arithmetic`] differs from the first one's, or is not the one asked for: their values, if used, have
    /// other bits. [`Processes::arithmetics`](crate::Processes::arithmetics) names what was seen.
    pub mixed: u64,
    /// Workers that are another build than the first one is that says which it is: the program was
    /// replaced meanwhile, and may compute other values.
    pub other_builds: u64,
    /// Processes that serve now.
    pub workers: u64,
    /// Points that may be asked for at once now: [`concurrency`](crate::Evaluator::concurrency).
    pub capacity: u64,
    /// Points that wait for a worker now.
    pub waiting: u64,
    /// Points that workers have now.
    pub running: u64,
    /// How long all points waited for their values, all together, at their workers too. Divided by `evaluations` it is
    /// the mean of the time between a question and its answer.
    pub waited: Duration,
    /// How long workers had something to evaluate, all together. `evaluations` divided by it is the rate of one worker.
    pub worked: Duration,
}

impl ProcessReport {
    /// Tells it to the subscribers of `tracing`, each number as a field: durations in seconds.
    pub(super) fn tell(&self) {
        trace::event!(
            DEBUG,
            evaluations = self.evaluations,
            starts = self.starts,
            deaths = self.deaths,
            timeouts = self.timeouts,
            requeues = self.requeues,
            protocol_errors = self.protocol_errors,
            conflicts = self.conflicts,
            mixed = self.mixed,
            other_builds = self.other_builds,
            workers = self.workers,
            capacity = self.capacity,
            waiting = self.waiting,
            running = self.running,
            waited = self.waited.as_secs_f64(),
            worked = self.worked.as_secs_f64(),
            "worker processes"
        );
    }
}
