//! The integrator: what is evaluated, by which method, under which limits; and one way in.

mod boxes;
mod integrable;
mod options;
mod path;
pub(crate) mod plain;
mod question;
mod spectrum;
mod start;
mod terms;
mod to;
mod transform;
mod upto;

use std::fmt;
use std::sync::Arc;

use futures_lite::future::block_on;

pub use self::boxes::BoxIntegrator;
pub use self::integrable::Integrable;
use self::terms::Terms;
use crate::error::Error;
use crate::estimate::Estimate;
use crate::evaluation::Evaluator;
use crate::evaluation::PointCache;
use crate::evaluation::dispatch::door::Shared;
use crate::numerics::auto::Auto;
use crate::numerics::method::Method;
use crate::numerics::value::Value;
use crate::trace;

/// Integrates one integrand, by one method, over as many ranges as are asked for.
///
/// An integrator is an [`Evaluator`], a [`Method`] and a [`PointCache`]. Clones share the evaluator, the cache and
/// the limit on outstanding evaluations. All methods take `&self`: any number of integrals may run at the same time,
/// and a point that several of them need is evaluated once.
///
/// # Examples
///
/// ```
/// use coquad::{Integrator, Simpson, ThreadPool};
///
/// let pool = ThreadPool::new(4);
/// let integrator = Integrator::new(pool.evaluator(|x: f64| x.sqrt())).method(Simpson);
/// # futures::executor::block_on(async {
/// let e = integrator.integrate(0.0, 1.0, 1e-6).await?;
/// assert!((e.value - 2.0 / 3.0).abs() < 1e-6);
/// let tighter = integrator.integrate(0.0, 1.0, 1e-8).await?; // pays only for points it does not have
/// assert!(tighter.performed < tighter.evaluations);
/// # Ok::<(), coquad::Error>(()) }).unwrap();
/// ```
pub struct Integrator<E: Evaluator, M = Auto> {
    shared: Arc<Shared<E>>,
    terms: Terms<E::Value, M>,
}

/// How an integral ended.
type Ended<T> = Result<Estimate<T>, Error<T>>;

impl<E> Integrator<E>
where
    E: Evaluator<Value: Value> + 'static,
{
    /// Creates an integrator with the default method, [`Auto`], an empty cache and a budget of a million evaluations.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator};
    ///
    /// let e = Integrator::new(Inline::new(|x: f64| x.exp())).integrate_blocking(0.0, 1.0, 1e-10)?;
    /// assert!((e.value - (1f64.exp() - 1.0)).abs() <= 1e-10);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    pub fn new(evaluator: impl Integrable<E>) -> Self {
        Self { shared: Arc::new(Shared::new(evaluator.into_evaluator())), terms: Terms::new(Auto) }
    }

    /// The same for one integral.
    pub(crate) fn once(evaluator: E) -> Self {
        let integrator = Self::new(evaluator);
        let _ = integrator.shared.cache.set(PointCache::of_one_integral());
        integrator
    }
}

impl<E, M> Integrator<E, M>
where
    E: Evaluator<Value: Value> + 'static,
{
    /// The values known so far.
    ///
    /// An evaluator that evaluates on the calling thread ([`Inline`](crate::Inline)) keeps no values under a method
    /// that never asks for a point twice ([`Auto`], [`GaussKronrod`](crate::GaussKronrod)), unless [`with_cache`](Self::with_cache) was called:
    /// looking a value up would cost more than a cheap evaluation.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Integrator, ThreadPool};
    ///
    /// let integrator = Integrator::new(ThreadPool::new(2).evaluator(f64::exp));
    /// let e = integrator.integrate_blocking(0.0, 1.0, 1e-10)?;
    /// assert!(integrator.cache().len() >= e.evaluations);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    pub fn cache(&self) -> &PointCache<E::Value> {
        self.terms.cache(&self.shared.cache)
    }
}

impl<E, M> Integrator<E, M>
where
    E: Evaluator<Value: Value> + 'static,
    M: Method,
{
    /// Integrates from `a` to `b`, until the estimated error is at most `max(atol, rtol |I|, rtol_l1 L)`, where `L` is
    /// the integral of the norm: see [`rtol`](Self::rtol), [`rtol_l1`](Self::rtol_l1).
    ///
    /// `a` and `b` may be infinite; `b < a` negates; `a == b` is zero at no cost.
    ///
    /// # Cost
    ///
    /// [`Estimate::evaluations`] distinct points, less those the cache knows, plus what is evaluated ahead in vain
    /// ([`Speculation`](crate::Speculation)).
    ///
    /// # Determinism
    ///
    /// The estimate is the same to the last bit for any evaluator, worker count and order of arrival.
    ///
    /// # Cancellation
    ///
    /// Nothing is spawned on the caller's runtime: evaluations are started and collected when the future is polled, or, on a
    /// [`ThreadPool`](crate::ThreadPool), by its threads: all those of less than 100 us, and the first few of others.
    /// Dropping it stops asking at once, and drops every evaluation that no other integral waits for. Finished points stay
    /// in the cache.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidInterval`], [`Error::InvalidScale`] and [`Error::InvalidTolerance`] before anything is evaluated;
    /// [`Error::NonFinite`], [`Error::Evaluation`] and [`Error::Panicked`] for the first point, in the order of the
    /// decisions, that has no finite value; [`Error::NotConverged`] with the best estimate if the tolerance is not met.
    ///
    /// # Panics
    ///
    /// If the evaluator evaluates on the calling thread and the integrand panics there.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Integrator, evaluator_fn};
    ///
    /// # futures::executor::block_on(async {
    /// let integrator = Integrator::new(evaluator_fn(16, |x: f64| async move { Ok::<f64, std::io::Error>((-x * x).exp()) }));
    /// let e = integrator.integrate(f64::NEG_INFINITY, f64::INFINITY, 1e-10).await?;
    /// assert!((e.value - std::f64::consts::PI.sqrt()).abs() <= 1e-10);
    /// # Ok::<(), coquad::Error>(()) }).unwrap();
    /// ```
    pub async fn integrate(&self, a: f64, b: f64, atol: f64) -> Result<Estimate<E::Value>, Error<E::Value>> {
        let integral = trace::Integral::new::<M>(a, b, atol, self.terms.rtol);
        let ended = match self.begin(a, b, atol, &integral) {
            Ok(run) => run.await,
            Err(ended) => ended,
        };
        integral.end(ended)
    }

    /// Integrates like [`integrate`](Self::integrate), blocking the calling thread: for callers without a runtime.
    ///
    /// # Errors
    ///
    /// As [`integrate`](Self::integrate).
    ///
    /// # Panics
    ///
    /// As [`integrate`](Self::integrate).
    ///
    /// # Examples
    ///
    /// ```
    /// let e = coquad::Integrator::new(coquad::Inline::new(f64::cos)).integrate_blocking(0.0, 1.0, 1e-10)?;
    /// assert!((e.value - 1f64.sin()).abs() <= 1e-10);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    pub fn integrate_blocking(&self, a: f64, b: f64, atol: f64) -> Result<Estimate<E::Value>, Error<E::Value>> {
        let integral = trace::Integral::new::<M>(a, b, atol, self.terms.rtol);
        let ended = match self.begin(a, b, atol, &integral) {
            Ok(run) => block_on(run),
            Err(ended) => ended,
        };
        integral.end(ended)
    }
}

impl<E: Evaluator, M: Clone> Clone for Integrator<E, M> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), terms: self.terms.clone() }
    }
}

impl<E: Evaluator, M: fmt::Debug> fmt::Debug for Integrator<E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.terms.fmt(f)
    }
}
