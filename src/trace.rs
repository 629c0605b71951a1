//! What the subscribers of the `tracing` crate are told, with the feature of that name; without it, nothing is compiled.
//!
//! INVARIANT: no guard of a span is held across an await: a future is instrumented, a loop runs inside. So an integral may
//! move between threads and take turns with others, under any runtime.

#![cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "nobody is told"))]

use std::time::Duration;

use crate::error::EvaluationError;
use crate::point::Point;

/// An event, at a level of `tracing::Level`.
macro_rules! event {
    ($level:ident, $($what:tt)+) => {
        #[cfg(feature = "tracing")]
        tracing::event!(target: "coquad", tracing::Level::$level, $($what)+);
    };
}

#[cfg(all(unix, feature = "process"))]
pub(crate) use event;

/// Whether anybody is told what is told at the level of debugging.
#[cfg(all(unix, feature = "process"))]
pub(crate) fn is_watched() -> bool {
    #[cfg(feature = "tracing")]
    let is_watched = tracing::enabled!(target: "coquad", tracing::Level::DEBUG);
    #[cfg(not(feature = "tracing"))]
    let is_watched = false;
    is_watched
}

/// A point of several numbers.
#[cfg(feature = "tracing")]
fn several<P: Point>(x: P) -> Option<tracing::field::DebugValue<P>> {
    x.number().is_none().then(|| tracing::field::debug(x))
}

/// It may have been a guess, and then the integral goes on.
pub(crate) fn evaluation_failed<P: Point>(x: P, error: &EvaluationError) {
    event!(DEBUG, x = x.number(), at = several(x), %error, "an evaluation failed");
}

pub(crate) fn tried_again<P: Point>(x: P, attempt: u32, error: &EvaluationError, pause: Duration) {
    event!(INFO, x = x.number(), at = several(x), attempt, %error, ?pause, "an evaluation failed and is tried again");
}

#[cfg(feature = "durable")]
pub(crate) fn nothing_is_kept(failure: &dyn std::fmt::Display) {
    event!(ERROR, %failure, "nothing is written to the cache's file any more");
}

#[cfg(all(unix, feature = "process"))]
pub(crate) fn worker_lost(death: &dyn std::fmt::Display, requeued: u64) {
    event!(WARN, %death, requeued, "a worker process is lost");
}

#[cfg(any(feature = "durable", all(unix, feature = "process")))]
pub(crate) fn arithmetic_differs(error: &dyn std::fmt::Display) {
    event!(WARN, %error, "values may have other bits");
}

#[cfg(all(unix, feature = "process"))]
pub(crate) fn build_differs(first: &str, build: &str) {
    event!(WARN, first, build, "a worker is another build: values may have other bits");
}

#[cfg(all(unix, feature = "process"))]
pub(crate) fn worker_not_started(error: &dyn std::fmt::Display, failures: u32) {
    event!(WARN, %error, failures, "a worker process did not start");
}

#[cfg(feature = "tracing")]
pub(crate) use self::on::{Integral, Pace};

#[cfg(not(feature = "tracing"))]
pub(crate) use self::off::{Integral, Pace};

#[cfg(feature = "tracing")]
mod on {
    use std::any::type_name;
    use std::collections::HashMap;
    use std::fmt::Debug;
    use std::future::Future;
    use std::time::{Duration, Instant};

    use tracing::instrument::{Instrument, Instrumented};
    use tracing::{Level, Span, field};

    use super::several;
    use crate::error::Error;
    use crate::estimate::Estimate;
    use crate::point::Point;

    /// The span of one call.
    pub(crate) struct Integral(Span);

    impl Integral {
        /// `M` is the method.
        pub(crate) fn new<M>(a: f64, b: f64, atol: f64, rtol: f64) -> Self {
            let span = tracing::info_span!(
                target: "coquad",
                "integrate",
                a,
                b,
                atol,
                rtol,
                method = last_name(type_name::<M>()),
                outcome = field::Empty,
                error = field::Empty,
                evaluations = field::Empty,
                performed = field::Empty,
            );
            Self(span)
        }

        /// The same of an integral between two corners.
        pub(crate) fn over<P: Debug>(a: P, b: P, atol: f64, rtol: f64) -> Self {
            let span = tracing::info_span!(
                target: "coquad",
                "integrate",
                ?a,
                ?b,
                atol,
                rtol,
                method = "Cubature",
                outcome = field::Empty,
                error = field::Empty,
                evaluations = field::Empty,
                performed = field::Empty,
            );
            Self(span)
        }

        pub(crate) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
            self.0.in_scope(work)
        }

        pub(crate) fn instrument<F: Future>(&self, future: F) -> Instrumented<F> {
            future.instrument(self.0.clone())
        }

        /// Notes how the call ended. One that is dropped has no outcome.
        pub(crate) fn end<T, P: Debug>(
            self,
            answer: Result<Estimate<T, P>, Error<T, P>>,
        ) -> Result<Estimate<T, P>, Error<T, P>> {
            if self.0.is_disabled() {
                return answer;
            }
            let estimate = match &answer {
                Ok(estimate) | Err(Error::NotConverged { estimate, .. }) => Some(estimate),
                Err(_) => None,
            };
            match &answer {
                Ok(_) => self.0.record("outcome", "converged"),
                Err(error) => self.0.record("outcome", field::display(error)),
            };
            if let Some(estimate) = estimate {
                self.0.record("error", estimate.error);
                self.0.record("evaluations", estimate.evaluations);
                self.0.record("performed", estimate.performed);
            }
            answer
        }
    }

    /// `GaussKronrod` of `coquad::numerics::gauss_kronrod::GaussKronrod`.
    fn last_name(path: &str) -> &str {
        let path = path.split('<').next().unwrap_or(path);
        path.rsplit("::").next().unwrap_or(path)
    }

    /// How many times as long as the others an evaluation takes that is a straggler.
    const STRAGGLES: u32 = 4;
    /// How many evaluations it takes to know what is usual.
    const USUAL: u32 = 16;

    /// How long the evaluations of one integral take, to tell of those that take much longer.
    ///
    /// It only watches: no decision may rest on a clock.
    #[derive(Debug)]
    pub(crate) struct Pace<P: Point = f64> {
        watching: bool,
        running: HashMap<P::Key, Instant>,
        finished: u32,
        spent: Duration,
    }

    impl<P: Point> Pace<P> {
        pub(crate) fn new() -> Self {
            let watching = tracing::enabled!(target: "coquad", Level::DEBUG);
            Self { watching, running: HashMap::new(), finished: 0, spent: Duration::ZERO }
        }

        pub(crate) fn started(&mut self, x: P) {
            if self.watching {
                self.running.insert(x.key(), Instant::now());
            }
        }

        pub(crate) fn finished(&mut self, x: P) {
            let Some(start) = self.running.remove(&x.key()) else { return };
            let took = start.elapsed();
            if self.finished >= USUAL {
                let usual = self.spent / self.finished;
                if took > STRAGGLES * usual {
                    event!(DEBUG, x = x.number(), at = several(x), ?took, ?usual, "a straggler");
                }
            }
            self.finished += 1;
            self.spent += took;
        }

        /// The time limit has passed: what was it spent on?
        pub(crate) fn late(&self) {
            if !self.watching {
                return;
            }
            let running = self.running.iter().map(|(key, start)| (P::of_key(*key), *start));
            let oldest = running.min_by(|(x, one), (y, other)| one.cmp(other).then_with(|| x.order(y)));
            event!(
                DEBUG,
                running = self.running.len(),
                x = oldest.and_then(|(x, _)| x.number()),
                at = oldest.and_then(|(x, _)| several(x)),
                since = oldest.map(|(_, start)| field::debug(start.elapsed())),
                "the time limit has passed"
            );
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_method_is_told_by_its_last_name() {
            assert_eq!(last_name(type_name::<Error>()), "Error");
            assert_eq!(last_name("a::B<c::D>"), "B");
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::marker::PhantomData;

    use crate::error::Error;
    use crate::estimate::Estimate;

    pub(crate) struct Integral;

    impl Integral {
        #[inline]
        #[allow(clippy::extra_unused_type_parameters, reason = "the other one names the method")]
        pub(crate) fn new<M>(_a: f64, _b: f64, _atol: f64, _rtol: f64) -> Self {
            Self
        }

        #[inline]
        pub(crate) fn over<P>(_a: P, _b: P, _atol: f64, _rtol: f64) -> Self {
            Self
        }

        #[inline]
        pub(crate) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
            work()
        }

        #[inline]
        pub(crate) fn instrument<F>(&self, future: F) -> F {
            future
        }

        #[inline]
        pub(crate) fn end<T, P>(
            self,
            answer: Result<Estimate<T, P>, Error<T, P>>,
        ) -> Result<Estimate<T, P>, Error<T, P>> {
            answer
        }
    }

    #[derive(Debug)]
    pub(crate) struct Pace<P = f64>(PhantomData<P>);

    impl<P> Pace<P> {
        #[inline]
        pub(crate) fn new() -> Self {
            Self(PhantomData)
        }

        #[inline]
        pub(crate) fn started(&mut self, _x: P) {}

        #[inline]
        pub(crate) fn finished(&mut self, _x: P) {}

        #[inline]
        pub(crate) fn late(&self) {}
    }
}
