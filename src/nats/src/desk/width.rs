//! How many points a job has.
//!
//! As many as take a few milliseconds together: then a job costs little beside its points, and none
//! of them waits long for the others. It is a matter of time alone, and no bit of an answer depends
//! on it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::events::Function;

/// The most points of a job.
pub(super) const MOST: usize = 64;
/// How long the points of a job may take together. Ten times what a job costs on its way; a tenth
/// of the evaluations of 50 ms from which on skewed work must be spread well.
const TOGETHER: Duration = Duration::from_millis(5);
/// The bytes that the values of a job may have: far less than a message may.
const BYTES: usize = 1 << 18;
/// How long a function's jobs have one point each when a worker has answered that may not know of
/// jobs of several; and when a job of several has come to nothing: it may be one of its points that
/// did that, but as a rule a worker was lost.
const NARROW: Duration = Duration::from_secs(60);
const CAREFUL: Duration = Duration::from_secs(1);

/// What is known of the evaluations of a function.
#[derive(Default)]
pub(super) struct Width {
    /// Seconds for each: rises at once, falls slowly.
    pace: Option<f64>,
    /// The most numbers that a value had.
    numbers: usize,
    /// Until then jobs have one point.
    narrow: Option<Instant>,
}

impl Width {
    /// An answer for `count` points came, after so many seconds, whose longest value has `numbers`.
    /// `most`: what the worker says that a job may have.
    pub(super) fn heard(
        &mut self,
        function: &Function,
        count: usize,
        seconds: Option<f64>,
        numbers: usize,
        most: Option<u64>,
        now: Instant,
    ) {
        if most.is_none_or(|most| most <= 1) {
            self.narrow = Some(now + NARROW);
        }
        // A time that is none is a long one.
        let each = seconds.filter(|seconds| *seconds >= 0.0).map_or(f64::INFINITY, |seconds| seconds / count as f64);
        self.pace = Some(match self.pace {
            Some(pace) if pace > each && pace.is_finite() => each + (pace - each) * (15.0f64 / 16.0).powf(count as f64),
            _ => each,
        });
        self.numbers = self.numbers.max(numbers);
        self.tell(function, now);
    }

    /// A job of several points came to nothing.
    pub(super) fn failed(&mut self, function: &Function, now: Instant) {
        self.narrow = self.narrow.max(Some(now + CAREFUL));
        self.tell(function, now);
    }

    /// Seconds that a point takes, as far as is known.
    pub(super) fn pace(&self) -> Option<f64> {
        self.pace
    }

    fn tell(&mut self, function: &Function, now: Instant) {
        self.narrow = self.narrow.filter(|until| *until > now);
        let width = match self.pace {
            Some(pace) if self.narrow.is_none() => {
                let by_time = TOGETHER.as_secs_f64() / pace;
                (by_time as usize).min(BYTES / (9 * self.numbers.max(1))).clamp(1, MOST)
            }
            _ => 1,
        };
        // Relaxed: a number that others may see a moment later.
        function.width.store(width, Ordering::Relaxed);
    }
}
