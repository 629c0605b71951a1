//! The messages between those who ask for evaluations and the workers that do them.
//!
//! Each is a MessagePack map with string keys; unknown keys are ignored, so that either side may be the newer one. Names
//! of functions travel, never code. On a pipe a frame precedes each message: its length in bytes, a `u32`, little-endian.
//!
//! ```text
//! hello  {v: 1, f: str, a: str?, m: int?, b: str?, d: int?}
//! a worker on a pipe, once, before all else: what it serves, its arithmetic, how many points a
//! job may have, which build it is, and how many numbers a point has, if that is not 1
//! job    {v: 1, id: str, f: str, x: numbers, p: bin?, t: float?, r: str?}
//!        {v: 1, id: str, f: str, d: int, xs: numbers, p: bin?, t: float?, r: str?}
//!        f: the function, x: the point, p: parameters, t: time limit in seconds, r: where to reply;
//!        of an integrand of several variables d: how many numbers a point has, xs: those of the
//!        point (a worker that knows of one number only finds no x, and refuses the job)
//! answer {v: 1, id: str, y: numbers, dt: float?, w: str?, n: int?, a: str?, m: int?}
//!        {v: 1, id: str, e: {kind: str, msg: str}, dt: float?, w: str?, n: int?, a: str?, m: int?}
//!        y: the value, e: why there is none, dt: seconds it took, w: the worker, n: which delivery of the job this was,
//!        a, m: what the worker would have said in a hello, where it said none
//! ```
//!
//! A worker that says `m` may be given several points in one job, up to `m`. It answers by one
//! message or by several, each about points that follow each other in the job:
//!
//! ```text
//! answer {v: 1, id: str, i: int?, k: int?, y: numbers, l: numbers?, es: [{i: int, kind: str, msg:
//! str}]?, ..}
//!        {v: 1, id: str, i: int?, e: {kind: str, msg: str}, ..}
//! i: the place of the first point in the job, 0 if it is not there; k: how many points, 1 if it is
//! not there;
//! y: the numbers of all values, one value after the other; l: how many numbers each value has, if
//! that is not
//! the same for all; es: the points without a value, each by its place among the k, in ascending
//! order
//! ```
//!
//! *Numbers* are an array of floats, or, as always beyond 64 of them, a `bin` of little-endian `f64`. Every bit is kept,
//! those of NaN, infinities and `-0.0` included. Where a float is due, an integer or a single float will do: other
//! languages write `1` for `1.0`. A complex number is two numbers, `re` and `im` ([`Numbers`]).
//!
//! INVARIANT: nothing is allocated because a message claims to be long: what is read is what has arrived. Nothing
//! recurses, however deep a message is nested.
//!
//! # Examples
//!
//! ```
//! use coquad::wire::{Answer, Frames, Job, frame};
//!
//! let job = Job { id: "7", function: "gap-v3", x: vec![0.5].into(), ..Job::default() };
//! let mut pipe = Vec::new();
//! frame(&mut pipe, |into| job.encode(into))?;
//!
//! let mut frames = Frames::default();
//! frames.extend(&pipe);
//! let message = frames.next()?.expect("it is whole");
//! assert_eq!(Job::decode(message)?, job);
//! # Ok::<(), coquad::wire::WireError>(())
//! ```

mod answers;
mod frames;
mod messages;
mod numbers;
mod reader;
mod writer;

use std::fmt;

pub use answers::{Answers, MAX_POINTS, Outcomes};
pub use frames::{Frames, MAX_FRAME, frame};
pub use messages::{Answer, Failure, FailureKind, Hello, Job, MAX_TEXT, printable};
pub use numbers::{Fixed, Numbers};
pub use writer::VERSION;

/// Why bytes are not a message.
///
/// # Examples
///
/// ```
/// use coquad::wire::{Job, WireError};
///
/// assert!(matches!(Job::decode(b"not MessagePack"), Err(WireError::Malformed { .. })));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// A frame says that it is longer than [`MAX_FRAME`], or a message to be sent is.
    #[non_exhaustive]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The message is of another version of the protocol.
    #[non_exhaustive]
    Version {
        /// The version it states.
        found: u64,
    },
    /// The bytes are no message of this kind.
    #[non_exhaustive]
    Malformed {
        /// What is wrong with them.
        what: &'static str,
    },
}

impl WireError {
    pub(crate) const fn malformed(what: &'static str) -> Self {
        WireError::Malformed { what }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::TooLong { length } => write!(f, "a message of {length} bytes is over the limit of {MAX_FRAME}"),
            WireError::Version { found } => write!(f, "protocol version {found} is not {VERSION}"),
            WireError::Malformed { what } => write!(f, "malformed message: {what}"),
        }
    }
}

impl std::error::Error for WireError {}

#[cfg(test)]
mod tests;
