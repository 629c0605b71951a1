//! What can fail on the way to a worker and back.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use coquad::Arithmetic;

/// Why there is no connection, or no answer from a worker.
///
/// An evaluation reports it as the cause of a [`coquad::EvaluationError`]. Passwords in addresses are not shown.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The address of the server is none.
    #[non_exhaustive]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// The connection would not be encrypted and leaves this machine ([`Server::allow_plaintext`](crate::Server)).
    #[non_exhaustive]
    Plaintext {
        /// The server's host.
        host: String,
    },
    /// A space, function or run has a name other than 1 to 64 letters, digits, `-` and `_`.
    #[non_exhaustive]
    Name {
        /// The name as given.
        name: String,
    },
    /// The server cannot be reached, or does not let us in.
    #[non_exhaustive]
    Connect {
        /// What the connection said.
        reason: String,
    },
    /// A stream or consumer is not there and cannot be made.
    #[non_exhaustive]
    Setup {
        /// Which one.
        name: String,
        /// What the server said.
        reason: String,
    },
    /// A worker cannot listen where its metrics are asked for ([`Worker::metrics`](crate::Worker::metrics)).
    #[non_exhaustive]
    Metrics {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// The server's permissions forbid what was tried.
    #[non_exhaustive]
    Refused {
        /// What the server said.
        reason: String,
    },
    /// No answer came before the deadline.
    #[non_exhaustive]
    Deadline {
        /// The deadline in seconds.
        seconds: f64,
    },
    /// The evaluation took longer than its time limit, and was ended by the worker.
    #[non_exhaustive]
    Timeout {
        /// What the worker said.
        message: String,
    },
    /// The evaluation was given to workers again and again, and none lived to answer.
    #[non_exhaustive]
    WorkerLost {
        /// What is known of it.
        message: String,
    },
    /// The worker's function failed.
    #[non_exhaustive]
    Function {
        /// What the worker said.
        message: String,
    },
    /// The answer or the job cannot be what it should be: no value of this type, or over the limit of a message.
    #[non_exhaustive]
    Message {
        /// What is wrong with it.
        reason: String,
    },
    /// Two evaluations of one point have different values ([`NatsEvaluator::verify`](crate::NatsEvaluator::verify)).
    #[non_exhaustive]
    Conflict {
        /// The numbers of the one.
        first: Vec<f64>,
        /// Those of the other.
        second: Vec<f64>,
    },
    /// A worker computes elementary functions otherwise than the first did that answered, or than was asked for
    /// ([`NatsEvaluator::mixed`](crate::NatsEvaluator::mixed)).
    #[non_exhaustive]
    Arithmetic {
        /// What all are to agree with.
        expected: Arithmetic,
        /// What the worker has.
        found: Arithmetic,
    },
    /// The connection was closed while the evaluation was under way.
    #[non_exhaustive]
    Closed {},
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Address { reason } => write!(f, "the server's address is none: {reason}"),
            Error::Plaintext { host } => {
                write!(f, "an unencrypted connection to {host:?} leaves this machine: use tls://, or allow it")
            }
            Error::Name { name } => write!(f, "{name:?} is not a name: 1 to 64 letters, digits, `-` and `_`"),
            Error::Connect { reason } => write!(f, "no connection to the server: {reason}"),
            Error::Setup { name, reason } => write!(f, "{name} is not there and cannot be made: {reason}"),
            Error::Metrics { address, reason } => write!(f, "cannot listen on {address}: {reason}"),
            Error::Refused { reason } => write!(f, "the server refused: {reason}"),
            Error::Deadline { seconds } => write!(f, "no answer within {seconds:?} s"),
            Error::Timeout { message } => write!(f, "the time limit was reached: {message}"),
            Error::WorkerLost { message } => write!(f, "workers were lost over it: {message}"),
            Error::Function { message } => write!(f, "{message}"),
            Error::Message { reason } => write!(f, "{reason}"),
            Error::Conflict { first, second } => {
                let at = first.iter().zip(second).position(|(one, other)| one.to_bits() != other.to_bits());
                match at {
                    Some(at) => {
                        write!(f, "two workers disagree: {:?} and {:?}", first[at], second[at])
                    }
                    None => write!(f, "two workers disagree: {} numbers and {}", first.len(), second.len()),
                }
            }
            Error::Arithmetic { expected, found } => {
                write!(f, "a worker's arithmetic is \"{found}\", not \"{expected}\": its values would have other bits")
            }
            Error::Closed {} => write!(f, "the connection was closed"),
        }
    }
}

impl std::error::Error for Error {}

/// What happened on a connection so far: [`Nats::report`](crate::Nats::report).
///
/// # Examples
///
/// ```no_run
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let nats = coquad_nats::Nats::connect("tls://nats.lab:4222").await?;
/// assert_eq!(nats.report(), coquad_nats::NatsReport::default());
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NatsReport {
    /// Values that were taken.
    pub evaluations: u64,
    /// Jobs published again because the server had lost them, or had nobody left to give them to.
    pub republished: u64,
    /// Answers to a point that had been answered, with the same bits: it was evaluated twice, or sent twice.
    pub duplicates: u64,
    /// The same, with other bits. The first one counts.
    pub conflicts: u64,
    /// Values of workers whose [`Arithmetic`] differs from that of the first that answered for the function, or from the
    /// one asked for: [`NatsEvaluator::arithmetics`](crate::NatsEvaluator::arithmetics) names them.
    pub mixed: u64,
    /// Jobs and answers that were looked for, because they were late or the connection was lost.
    pub looked_up: u64,
    /// Answers that came faster than they were read, and were dropped: they are looked for.
    pub dropped: u64,
    /// Points that are waited for now.
    pub waiting: u64,
    /// Jobs that are under way now: those that wait here for their run's turn, those in the queue, and
    /// those that are evaluated. As many slots would be busy.
    pub jobs: u64,
    /// Jobs among these that wait here.
    pub held: u64,
    /// Jobs of all coordinators in the space's queue, those that are evaluated included, as last
    /// counted.
    pub queued: u64,
    /// How many more the queue may take.
    pub room: u64,
    /// How long the values that were taken were waited for, all together.
    pub waited: Duration,
    /// How long workers took for the jobs that they have answered, all together.
    pub worked: Duration,
}
