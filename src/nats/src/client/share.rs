//! How much of the workers a run takes.

use std::sync::OnceLock;

use coquad::Point;

use super::NatsEvaluator;

impl<T, P: Point> NatsEvaluator<T, P> {
    /// Gives the run `weight` times as many places in the queue as another has, 1 unless called; 0.01 to
    /// 100. Runs that ask for more than the slots can do take turns, each as often as it has places.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = if weight.is_nan() { 1.0 } else { weight.clamp(0.01, 100.0) };
        self.question = OnceLock::new();
        self
    }

    /// Lets the run have `jobs` with the server at most, queued or evaluated, whoever else is there: it keeps no more
    /// slots busy. Unless called there is no such limit; 0 counts as 1.
    #[must_use]
    pub fn quota(mut self, jobs: usize) -> Self {
        self.quota = jobs.max(1);
        self.question = OnceLock::new();
        self
    }
}
