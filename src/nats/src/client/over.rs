//! Evaluators of points of several numbers.

use std::marker::PhantomData;
use std::sync::OnceLock;

use coquad::Point;

use super::NatsEvaluator;

impl<T, P: Point> NatsEvaluator<T, P> {
    /// Takes points of several numbers: `BoxIntegrator::new(nats.evaluator::<f64>("gap-v3").over())`. The worker serves the
    /// function by [`Worker::serve_over`](crate::Worker::serve_over), in Python with `axes=2`. One whose points have another
    /// number of numbers answers that ([`Error::Message`](crate::Error::Message)).
    #[must_use]
    pub fn over<Q: Point>(self) -> NatsEvaluator<T, Q> {
        const {
            assert!(Q::AXES > 0, "a point has a number");
        }
        NatsEvaluator {
            inner: self.inner,
            function: self.function,
            run: self.run,
            invalid: self.invalid,
            parameters: self.parameters,
            time_limit: self.time_limit,
            deadline: self.deadline,
            attempts: self.attempts,
            queue_factor: self.queue_factor,
            quota: self.quota,
            weight: self.weight,
            verify: self.verify,
            twice: self.twice,
            mixed: self.mixed,
            question: OnceLock::new(),
            values: PhantomData,
        }
    }
}
