//! What the integrator asks of an integrand: values, some at a time, that may fail.

use std::future::Future;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;

use crate::error::EvaluationError;
use crate::evaluation::arithmetic::Arithmetic;
use crate::evaluation::near::Near;
use crate::evaluation::points::call::Call;
use crate::point::Point;

/// Evaluates the integrand: on this thread, on others, in other processes, on another continent.
///
/// Ready-made evaluators are [`Inline`](crate::Inline), [`ThreadPool`](crate::ThreadPool),
/// [`evaluator_fn`](crate::evaluator_fn) and [`blocking_fn`](crate::blocking_fn).
///
/// `P` is where the integrand is evaluated: a number, or, for an integrand of several variables, an array of them
/// ([`Point`]). `impl Evaluator for ..` is of numbers, `impl Evaluator<[f64; 3]> for ..` of points in space.
///
/// # Duties of callers
///
/// - At most [`concurrency`](Self::concurrency) calls are outstanding at once, each for one point or for up to
///   [`batch`](Self::batch).
/// - A future that is no longer wanted is dropped; nobody polls it to its end for politeness.
/// - Nothing follows from the order in which evaluations are started or finish.
///
/// # Duties of implementors
///
/// - The same `x` gives the same bits, as far as the integrand can. `0.0` and `-0.0` are two points.
/// - Nothing is started before the future is first polled, and dropping it lets go of what it holds.
/// - Polling never blocks: one thread drives all the evaluations of an integral, and those of other integrals beside
///   them. Work that computes or waits belongs on a [`ThreadPool`](crate::ThreadPool) or behind
///   [`blocking_fn`](crate::blocking_fn).
/// - A failure is an [`EvaluationError`]. NaN and infinities are values: the integrator judges them.
///
/// # Examples
///
/// A complete implementation: the signature is `async fn(f64) -> Result<f64, EvaluationError>`.
///
/// ```
/// use coquad::{EvaluationError, Evaluator};
///
/// struct Simulator { /* an HTTP client, a GPU queue, ... */ }
///
/// impl Simulator {
///     async fn run(&self, x: f64) -> std::io::Result<f64> {
///         Ok(x * x)
///     }
/// }
///
/// impl Evaluator for Simulator {
///     type Value = f64;
///     async fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
///         self.run(x).await.map_err(EvaluationError::new)
///     }
///     fn concurrency(&self) -> usize {
///         128
///     }
/// }
/// # assert_eq!(futures::executor::block_on(Simulator {}.evaluate(3.0)).unwrap(), 9.0);
/// ```
///
/// A tempting wrong one. It compiles and its answers are right, but `evaluate` does its work inside a single poll:
/// the 128 evaluations it announces run one after the other, and whoever awaits the integral is blocked meanwhile.
///
/// ```
/// # use coquad::{EvaluationError, Evaluator};
/// struct Blocking;
///
/// impl Evaluator for Blocking {
///     type Value = f64;
///     async fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
///         std::thread::sleep(std::time::Duration::from_millis(1)); // wrong: blocks the caller's runtime
///         Ok(x * x)
///     }
///     fn concurrency(&self) -> usize {
///         128
///     }
/// }
/// # assert_eq!(futures::executor::block_on(Blocking.evaluate(3.0)).unwrap(), 9.0);
/// ```
///
/// What was meant is [`blocking_fn(128, f)`](crate::blocking_fn) for a function that waits, and
/// [`ThreadPool`](crate::ThreadPool) for one that computes.
///
/// # Evaluators around evaluators
///
/// One that returns what another returns is as fast as that if it forwards all that it can. What is not forwarded is not
/// lost, but slow: an integral of a cheap function asks for every point by itself.
///
/// ```
/// use coquad::{Arithmetic, Call, EvaluationError, Evaluator, Inline, Integrator, Near};
///
/// struct Named<E>(&'static str, E);
///
/// impl<E: Evaluator> Evaluator for Named<E> {
///     type Value = E::Value;
///     async fn evaluate(&self, x: f64) -> Result<E::Value, EvaluationError> {
///         self.1.evaluate(x).await
///     }
///     async fn evaluate_batch(&self, xs: &[f64]) -> Vec<Result<E::Value, EvaluationError>> {
///         self.1.evaluate_batch(xs).await
///     }
///     fn batch(&self) -> usize {
///         self.1.batch()
///     }
///     fn concurrency(&self) -> usize {
///         self.1.concurrency()
///     }
///     // On the calling thread.
///     const HERE: bool = E::HERE;
///     fn evaluate_here(&self, xs: &[f64], into: &mut Vec<E::Value>) -> bool {
///         self.1.evaluate_here(xs, into)
///     }
///     fn value_here(&self, x: f64) -> Option<E::Value> {
///         self.1.value_here(x)
///     }
///     // On threads.
///     const CALLS: bool = E::CALLS;
///     async fn evaluate_for(&self, x: f64, call: Call<E::Value>) -> Result<E::Value, EvaluationError> {
///         self.1.evaluate_for(x, call).await
///     }
///     const NEAR: bool = E::NEAR;
///     fn near(&self) -> Option<&dyn Near<E::Value>> {
///         self.1.near()
///     }
///     // For those who watch.
///     fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
///         self.1.mixture()
///     }
/// }
/// # let named = Named("sqrt", Inline::new(f64::sqrt));
/// # assert_eq!(named.0, "sqrt");
/// # assert!((Integrator::new(named).integrate_blocking(0.0, 1.0, 1e-8)?.value - 2.0 / 3.0).abs() < 1e-8);
/// # Ok::<(), coquad::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an evaluator",
    label = "not an evaluator of an integrand that returns a value",
    note = "wrap the closure: `Inline::new(f)` or `pool.evaluator(f)`",
    note = "it returns a `Result`? use `Inline::try_new(f)` or `pool.try_evaluator(f)`",
    note = "its error is a box? add `Send + Sync`: `Box<dyn Error + Send + Sync>`"
)]
pub trait Evaluator<P: Point = f64>: Send + Sync {
    /// The values of the integrand.
    type Value: Clone + Send + Sync + 'static;

    /// Evaluates the integrand at `x`.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives the evaluation up: one that has not started never starts. One that cannot be stopped
    /// (a function running on a thread) runs to its end; those of this crate then leave its value in the integral's cache.
    ///
    /// # Errors
    ///
    /// Whatever the evaluator reports, retries included. An evaluator that catches a panic of the integrand reports
    /// it as [`EvaluationError::panicked`].
    fn evaluate(&self, x: P) -> impl Future<Output = Result<Self::Value, EvaluationError>> + Send;

    /// Evaluates the integrand at all of `xs` by one call, and returns one outcome for each, in their order.
    ///
    /// Integrals use it if [`batch`](Self::batch) is more than 1. As it stands it makes all the evaluations at once.
    ///
    /// # Cancellation
    ///
    /// As [`evaluate`](Self::evaluate). An integral drops the future when nobody wants any of its points.
    ///
    /// # Errors
    ///
    /// A point may fail by itself. If all fail, or if the call panics or returns more or fewer outcomes than there are
    /// points, an integral asks for the points again, one by one: so it finds the one that is to blame, and a point that
    /// was a guess does not take others with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{EvaluationError, Evaluator};
    ///
    /// struct Service;
    ///
    /// impl Evaluator for Service {
    ///     type Value = f64;
    ///     async fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
    ///         self.evaluate_batch(&[x]).await.pop().expect("one outcome for one point")
    ///     }
    ///     async fn evaluate_batch(&self, xs: &[f64]) -> Vec<Result<f64, EvaluationError>> {
    ///         xs.iter().map(|x| Ok(x.exp())).collect() // one request for all of them
    ///     }
    ///     fn batch(&self) -> usize {
    ///         64
    ///     }
    /// }
    /// # let e = coquad::Integrator::new(Service).integrate_blocking(0.0, 1.0, 1e-8)?;
    /// # assert!((e.value - 1.0f64.exp_m1()).abs() < 1e-8);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    fn evaluate_batch(&self, xs: &[P]) -> impl Future<Output = Vec<Result<Self::Value, EvaluationError>>> + Send {
        // Boxed, so that they are waited for by what is compiled once for a type of values.
        join_all(xs.iter().map(|&x| self.evaluate(x).boxed()))
    }

    /// Returns how many points one call takes at best. 0 counts as 1.
    ///
    /// Calls of integrals have no more points than this, and as many as there are to ask for: those that the next
    /// decision needs, those that later ones are bound to need, and then guesses, best first, unless
    /// [`Speculation`](crate::Speculation) rules guesses out.
    fn batch(&self) -> usize {
        1
    }

    /// Returns how many calls may be outstanding at once: evaluations, if [`batch`](Self::batch) is 1. 0 counts as 1.
    ///
    /// Asked before every call, so it may follow workers that join and leave. When it shrinks, what is
    /// outstanding is not given up, and nothing is started until there is room again.
    fn concurrency(&self) -> usize {
        1
    }

    /// Evaluates at all of `xs`, in order, at once on the calling thread, and appends the values; or does nothing and
    /// returns `false`, as it does unless overridden.
    ///
    /// For evaluators to whom handing over would cost more than the evaluation. All calls or none return `true`: the
    /// integrator asks with no points whether this evaluator does. The values have the bits that
    /// [`evaluate`](Self::evaluate) gives.
    ///
    /// # Panics
    ///
    /// If the integrand does: the panic is the caller's.
    #[inline]
    fn evaluate_here(&self, xs: &[P], into: &mut Vec<Self::Value>) -> bool {
        let _ = (xs, into);
        false
    }

    /// Whether [`evaluate_here`](Self::evaluate_here) and [`value_here`](Self::value_here) always have the values: then
    /// nothing else is compiled for integrals of this evaluator, and each point is evaluated where the method needs it.
    const HERE: bool = false;

    /// Evaluates at `x`, at once on the calling thread, if [`evaluate_here`](Self::evaluate_here) does.
    ///
    /// # Panics
    ///
    /// As [`evaluate_here`](Self::evaluate_here).
    #[inline]
    fn value_here(&self, x: P) -> Option<Self::Value> {
        let mut values = Vec::new();
        self.evaluate_here(&[x], &mut values);
        values.pop()
    }

    /// [`evaluate`](Self::evaluate), for evaluators whose evaluations nobody can stop once they run on a thread or in a
    /// process: `call` is told where the evaluation begins and ends ([`Call`]).
    fn evaluate_for(
        &self,
        x: P,
        call: Call<Self::Value, P>,
    ) -> impl Future<Output = Result<Self::Value, EvaluationError>> + Send {
        drop(call);
        self.evaluate(x)
    }

    /// Whether [`evaluate_for`](Self::evaluate_for) tells the call. If not, it is not asked.
    const CALLS: bool = false;

    /// Whether [`near`](Self::near) ever returns threads. If not, it is not asked.
    const NEAR: bool = false;

    /// Returns the threads that evaluate, if they are close at hand: while evaluations are short, integrals are driven
    /// there, and no evaluation is handed over.
    fn near(&self) -> Option<&dyn Near<Self::Value, P>> {
        None
    }

    /// Returns two kinds of [`Arithmetic`] that differ, if those who evaluate have told such: the
    /// one that all are to agree with, and the first that does not.
    ///
    /// Asked after each evaluation of an integral that is watched, until there are two: the
    /// observer is then told ([`Observer::mixed`](crate::Observer::mixed)).
    fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
        None
    }
}

/// What points to an evaluator evaluates as it does.
macro_rules! evaluates_as_it_does {
    ($pointer:ty) => {
        #[diagnostic::do_not_recommend]
        impl<P: Point, E: Evaluator<P>> Evaluator<P> for $pointer {
            type Value = E::Value;

            fn evaluate(&self, x: P) -> impl Future<Output = Result<Self::Value, EvaluationError>> + Send {
                E::evaluate(self, x)
            }

            fn evaluate_batch(
                &self,
                xs: &[P],
            ) -> impl Future<Output = Vec<Result<Self::Value, EvaluationError>>> + Send {
                E::evaluate_batch(self, xs)
            }

            fn batch(&self) -> usize {
                E::batch(self)
            }

            fn concurrency(&self) -> usize {
                E::concurrency(self)
            }

            #[inline]
            fn evaluate_here(&self, xs: &[P], into: &mut Vec<Self::Value>) -> bool {
                E::evaluate_here(self, xs, into)
            }

            const HERE: bool = E::HERE;

            #[inline]
            fn value_here(&self, x: P) -> Option<Self::Value> {
                E::value_here(self, x)
            }

            fn evaluate_for(
                &self,
                x: P,
                call: Call<Self::Value, P>,
            ) -> impl Future<Output = Result<Self::Value, EvaluationError>> + Send {
                E::evaluate_for(self, x, call)
            }

            const CALLS: bool = E::CALLS;

            const NEAR: bool = E::NEAR;

            fn near(&self) -> Option<&dyn Near<Self::Value, P>> {
                E::near(self)
            }

            fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
                E::mixture(self)
            }
        }
    };
}

evaluates_as_it_does!(Arc<E>);
evaluates_as_it_does!(&E);
