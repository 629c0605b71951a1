//! The integrator: what is evaluated, by which method, under which limits; and one way in.

mod options;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::ahead::{Ahead, Engine};
use crate::direct::{Direct, whole};
use crate::error::Error;
use crate::estimate::Estimate;
use crate::evaluation::Evaluator;
use crate::evaluation::PointCache;
use crate::evaluation::dispatch::{Dispatch, Shared};
use crate::evaluation::hosted::Hosted;
use crate::ledger::Ledger;
use crate::limit::Limit;
use crate::numerics::auto::Auto;
use crate::numerics::domain::{Domain, Scale};
use crate::numerics::method::Method;
use crate::numerics::run::{Run, Verdict};
use crate::numerics::tolerance::Tolerance;
use crate::numerics::value::Value;
use crate::observer::Observer;
use crate::prefetch::{Speculation, Tree};
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
    method: M,
    /// Given by the user: values are kept even where evaluating again costs less than looking up.
    given: Option<PointCache<E::Value>>,
    rtol: f64,
    max_evaluations: usize,
    time_limit: Duration,
    breakpoints: Vec<f64>,
    resolution: f64,
    /// Centre and width as given.
    scale: Option<(f64, f64)>,
    offsets: bool,
    speculation: Speculation,
    observer: Option<Arc<dyn Observer<E::Value>>>,
}

/// How a run ended, or why it has no estimate.
type Ended<T> = Result<(Verdict, Estimate<T>), Error<T>>;

/// The integral over an empty range.
fn of_nothing<T: Value>() -> Estimate<T> {
    Estimate { value: T::zero(), error: 0.0, evaluations: 0, performed: 0, l1: 0.0, segments: Vec::new() }
}

/// The budget unless another is given.
const MAX_EVALUATIONS: usize = 1_000_000;

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
    pub fn new(evaluator: E) -> Self {
        Self {
            shared: Arc::new(Shared::new(evaluator)),
            method: Auto,
            given: None,
            rtol: 0.0,
            max_evaluations: MAX_EVALUATIONS,
            time_limit: Duration::MAX,
            breakpoints: Vec::new(),
            resolution: f64::INFINITY,
            scale: None,
            offsets: false,
            speculation: Speculation::default(),
            observer: None,
        }
    }
}

impl<E, M> Integrator<E, M>
where
    E: Evaluator<Value: Value> + 'static,
    M: Method,
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
        self.given.as_ref().unwrap_or_else(|| self.shared.cache.get_or_init(PointCache::new))
    }

    /// Integrates from `a` to `b`, until the estimated error is at most `max(atol, rtol |I|)`.
    ///
    /// `a` and `b` may be infinite; `b < a` negates; `a == b` is zero at no cost.
    ///
    /// # Cost
    ///
    /// [`Estimate::evaluations`] distinct points, less those the cache knows, plus what is evaluated ahead in vain
    /// ([`Speculation`]).
    ///
    /// # Determinism
    ///
    /// The estimate is the same to the last bit for any evaluator, worker count and order of arrival.
    ///
    /// # Cancellation
    ///
    /// Nothing is spawned on the caller's runtime: evaluations are started and collected when the future is polled, or,
    /// on a [`ThreadPool`](crate::ThreadPool) whose evaluations take less than 100 us, by its threads. Dropping it stops asking
    /// at once, and drops every evaluation that no other integral waits for. Finished points stay in the cache.
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
        let integral = trace::Integral::new::<M>(a, b, atol, self.rtol);
        let ended = if E::HERE || self.shared.evaluator.evaluate_here(&[], &mut Vec::new()) {
            integral.run(|| self.here(a, b, atol))
        } else {
            match self.away(a, b, atol, &integral) {
                Ok(run) => run.await,
                Err(ended) => ended,
            }
        };
        integral.end(match ended {
            Ok((Verdict::Converged, estimate)) => Ok(estimate),
            Ok((Verdict::Stopped(reason), estimate)) => Err(Error::NotConverged { estimate, reason }),
            Err(error) => Err(error),
        })
    }

    /// Where to integrate, and to which tolerance; else how it ends at once.
    #[inline]
    fn question(&self, a: f64, b: f64, atol: f64) -> Result<(Domain, Tolerance), Ended<E::Value>> {
        let scale = match self.scale {
            None => None,
            Some((centre, width)) => {
                Some(Scale::new(centre, width).ok_or_else(|| Err(Error::InvalidScale { centre, width }))?)
            }
        };
        let domain = if self.offsets { Domain::of_offsets } else { Domain::new };
        let mut domain = domain(a, b, &self.breakpoints, scale).ok_or_else(|| Err(Error::InvalidInterval { a, b }))?;
        if self.resolution < f64::INFINITY {
            domain = domain.resolve(self.resolution);
        }
        let rtol = self.rtol;
        let tolerance = Tolerance::new(atol, rtol).ok_or_else(|| Err(Error::InvalidTolerance { atol, rtol }))?;
        if domain.pieces().next().is_none() {
            return Err(Ok((Verdict::Converged, of_nothing())));
        }
        Ok((domain, tolerance))
    }

    fn limit(&self) -> Option<Limit> {
        if self.time_limit < Duration::MAX { Limit::new(self.time_limit) } else { None }
    }

    /// The run whose values are on their way. Boxed, so that an evaluator that needs no such run has none compiled.
    fn away(
        &self,
        a: f64,
        b: f64,
        atol: f64,
        integral: &trace::Integral,
    ) -> Result<BoxFuture<'_, Ended<E::Value>>, Ended<E::Value>> {
        let (domain, tolerance) = self.question(a, b, atol)?;
        let observer = self.observer.clone();
        let run = Run::new(self.method.clone(), tolerance, observer.is_some());
        let given_up = Arc::new(AtomicBool::new(false));
        let dispatch = Dispatch::new(self.shared.clone(), self.cache().clone(), given_up.clone());
        let pieces = whole(&self.method, &domain);
        let tree = Tree::new(self.method.clone(), self.speculation, pieces, run.allowed());
        let ledger = Ledger::new(self.max_evaluations);
        let limit = self.limit();
        let hosted = E::NEAR && observer.is_none() && limit.is_none() && self.shared.evaluator.near().is_some();
        let source = Ahead::new(self.method.clone(), domain, observer, dispatch, tree, ledger, limit);
        let engine = integral.instrument(Engine::new(run, source));
        if E::NEAR && hosted {
            return Ok(Box::pin(Hosted::new(self.shared.clone(), engine, given_up)));
        }
        Ok(Box::pin(engine))
    }

    /// The whole run, on the spot: no future, nothing to wait for.
    #[inline]
    fn here(&self, a: f64, b: f64, atol: f64) -> Ended<E::Value> {
        let (domain, tolerance) = match self.question(a, b, atol) {
            Ok(question) => question,
            Err(ended) => return ended,
        };
        let observer = self.observer.as_deref();
        let mut run = Run::new(self.method.clone(), tolerance, observer.is_some());
        let cache = (M::REUSES_POINTS || self.given.is_some()).then(|| self.cache());
        let ledger = Ledger::new(self.max_evaluations);
        let mut source =
            Direct::new(&self.shared.evaluator, &self.method, &domain, cache, observer, ledger, self.limit());
        let Poll::Ready(verdict) = run.advance(&mut source) else { unreachable!("it never waits") };
        Ok((verdict?, run.finish(&domain, source.ledger.requests, source.performed)))
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
        futures_lite::future::block_on(self.integrate(a, b, atol))
    }
}

impl<E: Evaluator, M: Clone> Clone for Integrator<E, M> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            method: self.method.clone(),
            given: self.given.clone(),
            rtol: self.rtol,
            max_evaluations: self.max_evaluations,
            time_limit: self.time_limit,
            breakpoints: self.breakpoints.clone(),
            resolution: self.resolution,
            scale: self.scale,
            offsets: self.offsets,
            speculation: self.speculation,
            observer: self.observer.clone(),
        }
    }
}

impl<E: Evaluator, M: fmt::Debug> fmt::Debug for Integrator<E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Integrator")
            .field("method", &self.method)
            .field("rtol", &self.rtol)
            .field("max_evaluations", &self.max_evaluations)
            .field("time_limit", &self.time_limit)
            .field("breakpoints", &self.breakpoints)
            .field("scale", &self.scale)
            .field("offsets", &self.offsets)
            .field("speculation", &self.speculation)
            .finish_non_exhaustive()
    }
}
