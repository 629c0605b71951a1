//! The integrator: what is evaluated, by which method, under which limits; and one way in.

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

/// The budget unless another is given.
const MAX_EVALUATIONS: usize = 1_000_000;

impl<E> Integrator<E>
where
    E: Evaluator<Value: Value> + 'static,
{
    /// Creates an integrator with the default method, [`Auto`], an empty cache and a budget of a million evaluations.
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
    /// Integrates by another method.
    #[must_use]
    pub fn method<N: Method>(self, method: N) -> Integrator<E, N> {
        Integrator {
            shared: self.shared,
            method,
            given: self.given,
            rtol: self.rtol,
            max_evaluations: self.max_evaluations,
            time_limit: self.time_limit,
            breakpoints: self.breakpoints,
            resolution: self.resolution,
            scale: self.scale,
            offsets: self.offsets,
            speculation: self.speculation,
            observer: self.observer,
        }
    }

    /// Sets the relative tolerance: the estimated error may be `max(atol, rtol |I|)`. 0 unless set.
    #[must_use]
    pub fn rtol(mut self, rtol: f64) -> Self {
        self.rtol = rtol;
        self
    }

    /// Sets how many distinct points an answer may rest on. A million unless set.
    ///
    /// Counted in the order of the decisions, so that where an integral ends does not depend on the workers. A run
    /// never evaluates a point for a decision it has no budget for, but may have evaluated points ahead.
    #[must_use]
    pub fn max_evaluations(mut self, evaluations: usize) -> Self {
        self.max_evaluations = evaluations;
        self
    }

    /// Ends each call that takes longer, with [`Reason::Deadline`] and the best estimate so far. No limit unless set.
    ///
    /// The time runs from the first poll of the call. The call ends by then even if all evaluations hang: a timer wakes
    /// it, under any runtime. On the calling thread ([`Inline`](crate::Inline)) it ends after the evaluation at work. If not even
    /// the first decision was taken, the estimate is nothing: its error is infinite, its value zero. The points
    /// that were evaluated are in the [`cache`](Self::cache), so the next call goes on from there.
    ///
    /// # Cost
    ///
    /// With a limit, evaluations on a pool are handed over however short they are.
    ///
    /// # Determinism
    ///
    /// Whether a call ends this way, and with which estimate, depends on the machine: it is the only thing that does. An
    /// answer that comes in time is the same as without a limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use coquad::{Error, Integrator, Reason, evaluator_fn};
    ///
    /// let hangs = evaluator_fn(8, |_: f64| std::future::pending::<Result<f64, std::io::Error>>());
    /// let integrator = Integrator::new(hangs).time_limit(Duration::from_millis(5));
    /// let error = integrator.integrate_blocking(0.0, 1.0, 1e-8).unwrap_err();
    /// assert!(matches!(error, Error::NotConverged { reason: Reason::Deadline, .. }));
    /// ```
    ///
    /// [`Reason::Deadline`]: crate::Reason::Deadline
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Sets points at which to split the range before anything else: where the integrand has a kink, jump or
    /// singularity. Those outside the limits are passed over.
    #[must_use]
    pub fn breakpoints(mut self, breakpoints: &[f64]) -> Self {
        self.breakpoints = breakpoints.to_vec();
        self
    }

    /// Accepts no segment wider than `width`, so that a feature of about that width is not missed.
    ///
    /// What an integrand does between all points of a rule is unknown to any method. The range is divided evenly before
    /// anything else; on an infinite range only what lies within 1 of the finite limit (or within what
    /// [`scale`](Self::scale) says), between it and breakpoints, or between breakpoints.
    ///
    /// # Cost
    ///
    /// The points of one rule for each `width` of the range.
    ///
    /// # Panics
    ///
    /// If `width` is not positive.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator};
    ///
    /// let needle = |x: f64| (-0.5 * (x - 800.3) * (x - 800.3)).exp() / std::f64::consts::TAU.sqrt();
    /// let integrator = Integrator::new(Inline::new(needle));
    /// assert!(integrator.integrate_blocking(0.0, 10_000.0, 1e-8)?.value < 1e-8); // not seen
    /// let e = integrator.resolution(10.0).integrate_blocking(0.0, 10_000.0, 1e-8)?;
    /// assert!((e.value - 1.0).abs() < 1e-8);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn resolution(mut self, width: f64) -> Self {
        assert!(width > 0.0, "a resolution is positive: {width:?}");
        self.resolution = width;
        self
    }

    /// Says where the integrand lives on an infinite range: about `centre`, over a length of about `width`.
    ///
    /// Only a hint: any value gives the same integral, at another cost, unless the integrand is so narrow or so far
    /// away that no point sees it without the hint. It has no effect on ranges with two finite limits.
    ///
    /// # Numerics
    ///
    /// The line is mapped by `x = centre + width u`, where 0 and 1 are the centre and the scale of `u` unless given. A
    /// half-infinite range is cut one width beyond the centre, and one width before it if there is room; distances
    /// from its finite limit keep all digits.
    ///
    /// # Errors
    ///
    /// [`integrate`](Self::integrate) returns [`Error::InvalidScale`] unless `centre` is finite and `width` positive and
    /// finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator};
    ///
    /// let far = |x: f64| (-0.5 * (x - 8000.0) * (x - 8000.0)).exp();
    /// let integrator = Integrator::new(Inline::new(far)).rtol(1e-10).scale(8000.0, 1.0);
    /// let e = integrator.integrate_blocking(f64::NEG_INFINITY, f64::INFINITY, 0.0)?;
    /// assert!((e.value - std::f64::consts::TAU.sqrt()).abs() < 1e-9);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn scale(mut self, centre: f64, width: f64) -> Self {
        self.scale = Some((centre, width));
        self
    }

    /// Gives the integrand, instead of `x`, its offset from the nearer limit: for integrands that are singular or steep at
    /// a limit other than 0, where `x` itself has too few digits to tell how near it is.
    ///
    /// The offset is `x` less the lower limit in the lower half of the range, and `x` less the upper limit, which is
    /// negative, in the upper half; so with the limits `a < b` an integrand starts with
    /// `let x = if t.is_sign_negative() { b + t } else { a + t }`, and uses `t` where the difference would cancel. It is
    /// called as near to both limits as 1e-300. On a half-infinite range the offset is from the finite limit throughout.
    ///
    /// # Numerics
    ///
    /// The range is split in the middle. The limits themselves, which only [`Simpson`](crate::Simpson) and
    /// [`ClenshawCurtis`](crate::ClenshawCurtis) evaluate, are 0.0 and -0.0. Offsets are what the cache and observers
    /// see and what an error names, so that it can be replayed: [`Error::NonFinite`]'s `x` is one, too. Limits, breakpoints,
    /// the scale and [`Estimate::segments`] are in `x`; next to a limit a segment may be too narrow for `x` to tell its
    /// ends apart.
    ///
    /// # Errors
    ///
    /// [`integrate`](Self::integrate) returns [`Error::InvalidInterval`] if neither limit is finite.
    ///
    /// # Examples
    ///
    /// `(1 - x)^-0.9` has 2.5 % of its integral where `x` is 1 to the last bit:
    ///
    /// ```
    /// use coquad::{Inline, Integrator, TanhSinh};
    ///
    /// let (a, b) = (0.0, 1.0);
    /// let f = move |t: f64| {
    ///     let rest = if t.is_sign_negative() { -t } else { b - (a + t) }; // 1 - x
    ///     rest.powf(-0.9)
    /// };
    /// let integrator = Integrator::new(Inline::new(f)).method(TanhSinh).rtol(1e-10).offsets(true);
    /// let e = integrator.integrate_blocking(a, b, 0.0)?;
    /// assert!((e.value - 10.0).abs() < 1e-9);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn offsets(mut self, offsets: bool) -> Self {
        self.offsets = offsets;
        self
    }

    /// Sets how far to run ahead of the decisions while workers are idle.
    #[must_use]
    pub fn speculation(mut self, speculation: Speculation) -> Self {
        self.speculation = speculation;
        self
    }

    /// Keeps values in the given cache, which may know some already or be shared with other integrators of the same
    /// integrand.
    #[must_use]
    pub fn with_cache(mut self, cache: PointCache<E::Value>) -> Self {
        self.given = Some(cache);
        self
    }

    /// Shows an observer what happens.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer<E::Value> + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// The values known so far.
    ///
    /// An evaluator that evaluates on the calling thread ([`Inline`](crate::Inline)) keeps no values under a method
    /// that never asks for a point twice ([`Auto`], [`GaussKronrod`](crate::GaussKronrod)), unless [`with_cache`](Self::with_cache) was called:
    /// looking a value up would cost more than a cheap evaluation.
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
    pub async fn integrate(&self, a: f64, b: f64, atol: f64) -> Result<Estimate<E::Value>, Error<E::Value>> {
        let integral = trace::Integral::new::<M>(a, b, atol, self.rtol);
        let (domain, tolerance) = match self.question(a, b, atol) {
            Ok(question) => question,
            Err(error) => return integral.end(Err(error)),
        };
        if domain.pieces().next().is_none() {
            return integral.end(Ok(Estimate {
                value: E::Value::zero(),
                error: 0.0,
                evaluations: 0,
                performed: 0,
                l1: 0.0,
                segments: Vec::new(),
            }));
        }

        let ended = if E::HERE || self.shared.evaluator.evaluate_here(&[], &mut Vec::new()) {
            integral.run(|| self.here(&domain, tolerance))
        } else {
            self.away(domain, tolerance, &integral).await
        };
        integral.end(match ended {
            Ok((Verdict::Converged, estimate)) => Ok(estimate),
            Ok((Verdict::Stopped(reason), estimate)) => Err(Error::NotConverged { estimate, reason }),
            Err(error) => Err(error),
        })
    }

    /// Where to integrate, and to which tolerance, if that can be asked for.
    #[inline]
    fn question(&self, a: f64, b: f64, atol: f64) -> Result<(Domain, Tolerance), Error<E::Value>> {
        let scale = match self.scale {
            None => None,
            Some((centre, width)) => Some(Scale::new(centre, width).ok_or(Error::InvalidScale { centre, width })?),
        };
        let domain = if self.offsets { Domain::of_offsets } else { Domain::new };
        let domain = domain(a, b, &self.breakpoints, scale).ok_or(Error::InvalidInterval { a, b })?;
        let domain = if self.resolution < f64::INFINITY { domain.resolve(self.resolution) } else { domain };
        let rtol = self.rtol;
        let tolerance = Tolerance::new(atol, rtol).ok_or(Error::InvalidTolerance { atol, rtol })?;
        Ok((domain, tolerance))
    }

    fn limit(&self) -> Option<Limit> {
        if self.time_limit < Duration::MAX { Limit::new(self.time_limit) } else { None }
    }

    /// The run whose values are on their way. Boxed, so that an evaluator that needs no such run has none compiled.
    fn away(&self, domain: Domain, tolerance: Tolerance, integral: &trace::Integral) -> BoxFuture<'_, Ended<E::Value>> {
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
        if E::NEAR && hosted { Box::pin(Hosted::new(self.shared.clone(), engine, given_up)) } else { Box::pin(engine) }
    }

    /// The whole run, on the spot: no future, nothing to wait for.
    #[inline]
    fn here(&self, domain: &Domain, tolerance: Tolerance) -> Ended<E::Value> {
        let observer = self.observer.as_deref();
        let mut run = Run::new(self.method.clone(), tolerance, observer.is_some());
        let cache = (M::REUSES_POINTS || self.given.is_some()).then(|| self.cache());
        let ledger = Ledger::new(self.max_evaluations);
        let mut source =
            Direct::new(&self.shared.evaluator, &self.method, domain, cache, observer, ledger, self.limit());
        let Poll::Ready(verdict) = run.advance(&mut source) else { unreachable!("it never waits") };
        Ok((verdict?, run.finish(domain, source.ledger.requests, source.performed)))
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
