//! Integrals in several variables: over boxes.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, lazy};
use futures_lite::future::block_on;

use super::integrable::Integrable;
use super::question::nothing;
use super::terms::told;
use crate::drive::ahead::{Ahead, Engine};
use crate::drive::boxes::OnSpotBoxes;
use crate::drive::direct::OnSpot;
use crate::drive::hosted::Hosted;
use crate::drive::ledger::Ledger;
use crate::drive::limit::Limit;
use crate::error::Error;
use crate::estimate::{Estimate, Reason};
use crate::evaluation::dispatch::Dispatch;
use crate::evaluation::dispatch::door::{Door, Shared};
use crate::evaluation::{Evaluator, PointCache};
use crate::numerics::cubature::space::{BoxSpace, NoNumber};
use crate::numerics::cubature::{AXES, Boxes, Cubature};
use crate::numerics::run::finish::ended;
use crate::numerics::run::{Run, Verdict};
use crate::numerics::space::Space;
use crate::numerics::tolerance::Allowance;
use crate::numerics::value::Value;
use crate::observer::{Observer, Watch};
use crate::prefetch::{Speculation, Tree};
use crate::trace;

/// Integrates one integrand of several variables over as many boxes as are asked for.
///
/// It is to [`Integrator`](crate::Integrator) what a box is to a range, and keeps all its promises: the same bits for any
/// evaluator and number of workers, each point once, nothing spawned. The method is [`Cubature`]. An evaluator is one of
/// points that are arrays: [`Inline::over`](crate::Inline::over), [`ThreadPool::evaluator_over`](crate::ThreadPool::evaluator_over),
/// [`evaluator_fn_over`](crate::evaluator_fn_over), [`batch_fn_over`](crate::batch_fn_over), or your own
/// `impl Evaluator<[f64; N]>`. Clones share the evaluator, the cache and the limit on outstanding evaluations.
///
/// For 2 to 8 variables. The number of points of a box doubles with each further one, so of more than about 8 variables
/// Monte Carlo methods take fewer evaluations.
///
/// # Examples
///
/// ```
/// use coquad::{BoxIntegrator, ThreadPool};
///
/// let pool = ThreadPool::new(4);
/// let gauss = |x: [f64; 3]| (-x.iter().map(|x| x * x).sum::<f64>()).exp();
/// let integrator = BoxIntegrator::new(pool.evaluator_over(gauss)).rtol(1e-6);
/// # futures::executor::block_on(async {
/// let e = integrator.integrate([0.0; 3], [f64::INFINITY; 3], 0.0).await?;
/// assert!((e.value - (std::f64::consts::PI / 4.0).powf(1.5)).abs() <= 1e-6);
/// assert!(e.segments.iter().all(|part| part.a[0] < part.b[0]));
/// # Ok::<(), coquad::Error<f64, [f64; 3]>>(()) }).unwrap();
/// ```
pub struct BoxIntegrator<E: Evaluator<[f64; N]>, const N: usize> {
    shared: Arc<Shared<E, [f64; N]>>,
    terms: BoxTerms<E::Value, N>,
}

/// What a box integrator is told beside the evaluator.
#[derive(Clone)]
struct BoxTerms<T: 'static, const N: usize> {
    rtol: f64,
    rtol_l1: f64,
    max_evaluations: usize,
    time_limit: Duration,
    /// By axis.
    breakpoints: Vec<Vec<f64>>,
    speculation: Speculation,
    /// Given by the user: values are kept even where evaluating again costs less than looking up.
    cache: Option<PointCache<T, [f64; N]>>,
    observer: Option<Arc<Watch<T, [f64; N]>>>,
}

/// How an integral ended.
type Ended<T, const N: usize> = Result<Estimate<T, [f64; N]>, Error<T, [f64; N]>>;

/// The run whose values are on their way.
type Away<T, const N: usize> = BoxFuture<'static, Ended<T, N>>;

impl<E, const N: usize> BoxIntegrator<E, N>
where
    E: Evaluator<[f64; N], Value: Value> + 'static,
{
    /// Creates an integrator with an empty cache and a budget of a million evaluations. Integrals have 2 to 16 variables;
    /// others do not compile.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{BoxIntegrator, Inline};
    ///
    /// let integrator = BoxIntegrator::new(Inline::over(|[x, y]: [f64; 2]| (x * y).cos()));
    /// let e = integrator.integrate_blocking([0.0, 0.0], [1.0, 1.0], 1e-10)?;
    /// assert!((e.value - 0.946_083_070_367_183).abs() <= 1e-10);
    /// # Ok::<(), coquad::Error<f64, [f64; 2]>>(())
    /// ```
    pub fn new(evaluator: impl Integrable<E, [f64; N]>) -> Self {
        const {
            assert!(N >= *AXES.start() && N <= *AXES.end(), "boxes have 2 to 16 axes");
        }
        let terms = BoxTerms {
            rtol: 0.0,
            rtol_l1: 0.0,
            max_evaluations: 1_000_000,
            time_limit: Duration::MAX,
            breakpoints: Vec::new(),
            speculation: Speculation::Ahead,
            cache: None,
            observer: None,
        };
        Self { shared: Arc::new(Shared::new(evaluator.into_evaluator())), terms }
    }

    /// The same for one integral.
    pub(crate) fn once(evaluator: E) -> Self {
        let integrator = Self::new(evaluator);
        let _ = integrator.shared.cache.set(PointCache::of_one_integral());
        integrator
    }

    /// Integrates by this method. There is one.
    #[must_use]
    pub fn method(self, method: Cubature) -> Self {
        let Cubature = method;
        self
    }

    /// Sets the relative tolerance: the estimated error may be `max(atol, rtol |I|)`. 0 unless set.
    #[must_use]
    pub fn rtol(mut self, rtol: f64) -> Self {
        self.terms.rtol = rtol;
        self
    }

    /// Sets the tolerance relative to the integral of the norm: see [`Integrator::rtol_l1`](crate::Integrator::rtol_l1).
    /// 0 unless set.
    #[must_use]
    pub fn rtol_l1(mut self, rtol_l1: f64) -> Self {
        self.terms.rtol_l1 = rtol_l1;
        self
    }

    /// Sets how many distinct points an answer may rest on; a million unless set. A box and its two halves take nearly
    /// three times the points of one: up to 195, 381, 459, 819, 1359, 2151 and 3315 in two to eight variables.
    ///
    /// # Errors
    ///
    /// [`integrate`](Self::integrate) returns [`Error::NotConverged`] with [`Reason::Budget`] if that does not suffice.
    #[must_use]
    pub fn max_evaluations(mut self, evaluations: usize) -> Self {
        self.terms.max_evaluations = evaluations;
        self
    }

    /// Limits the time of each call: see [`Integrator::time_limit`](crate::Integrator::time_limit).
    ///
    /// # Errors
    ///
    /// [`integrate`](Self::integrate) returns [`Error::NotConverged`] with [`Reason::Deadline`] and what is known by then.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.terms.time_limit = limit;
        self
    }

    /// Names places on an axis (from 0) where the integrand is not smooth: boxes end there. Those outside of a box are
    /// ignored. Replaces what was set before for that axis.
    ///
    /// The first boxes are as many as the pieces of all axes multiplied.
    ///
    /// # Panics
    ///
    /// If there is no such axis.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{BoxIntegrator, Inline};
    ///
    /// let kink = Inline::over(|[x, y]: [f64; 2]| (x - 0.3).abs() * y);
    /// let integrator = BoxIntegrator::new(kink).breakpoints(0, &[0.3]);
    /// let e = integrator.integrate_blocking([0.0, 0.0], [1.0, 1.0], 1e-12)?;
    /// assert!((e.value - 0.145).abs() < 1e-12 && e.evaluations <= 390);
    /// # Ok::<(), coquad::Error<f64, [f64; 2]>>(())
    /// ```
    #[must_use]
    pub fn breakpoints(mut self, axis: usize, breakpoints: &[f64]) -> Self {
        assert!(axis < N, "there is no axis {axis} of {N}");
        self.terms.breakpoints.resize(N, Vec::new());
        self.terms.breakpoints[axis] = breakpoints.to_vec();
        self
    }

    /// Sets how far to run ahead of the decisions while workers are idle.
    #[must_use]
    pub fn speculation(mut self, speculation: Speculation) -> Self {
        self.terms.speculation = speculation;
        self
    }

    /// Keeps values in the given cache, which may know some already or be shared with other integrators of the same
    /// integrand.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{BoxIntegrator, Inline, PointCache};
    ///
    /// let cache = PointCache::over();
    /// let integrator = BoxIntegrator::new(Inline::over(|[x, y]: [f64; 2]| x * y.exp())).with_cache(cache.clone());
    /// let first = integrator.integrate_blocking([0.0, 0.0], [1.0, 1.0], 1e-10)?;
    /// assert_eq!(cache.len(), first.evaluations);
    /// assert_eq!(integrator.integrate_blocking([0.0, 0.0], [1.0, 1.0], 1e-10)?.performed, 0);
    /// # Ok::<(), coquad::Error<f64, [f64; 2]>>(())
    /// ```
    #[must_use]
    pub fn with_cache(mut self, cache: PointCache<E::Value, [f64; N]>) -> Self {
        self.terms.cache = Some(cache);
        self
    }

    /// The values known so far. An evaluator that evaluates on the calling thread ([`Inline`](crate::Inline)) keeps none
    /// unless [`with_cache`](Self::with_cache) was called.
    pub fn cache(&self) -> &PointCache<E::Value, [f64; N]> {
        self.terms.cache(&self.shared.cache)
    }

    /// Shows an observer what happens.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer<E::Value, [f64; N]> + 'static) -> Self {
        self.terms.observer = Some(Arc::new(Watch::new(observer)));
        self
    }

    /// Integrates over the box between the corners `a` and `b`, until the estimated error is at most
    /// `max(atol, rtol |I|, rtol_l1 L)`, where `L` is the integral of the norm.
    ///
    /// Limits may be infinite. Each axis on which `b` is less than `a` negates; the integral over a box without volume is
    /// zero at no cost.
    ///
    /// # Numerics
    ///
    /// An axis with one infinite limit is mapped by `x = a + t / (1 - t)` or `x = b - t / (1 - t)`, the whole line by
    /// `x = t / (1 - t^2)`.
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
    /// As [`Integrator::integrate`](crate::Integrator::integrate).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidBox`] and [`Error::InvalidTolerance`] before anything is evaluated; [`Error::NonFinite`],
    /// [`Error::UnequalLengths`], [`Error::Evaluation`] and [`Error::Panicked`] for the first point, in the order of the
    /// decisions, that has no finite value; [`Error::NotConverged`] with the best estimate if the tolerance is not met.
    ///
    /// # Panics
    ///
    /// If the evaluator evaluates on the calling thread and the integrand panics there.
    pub async fn integrate(&self, a: [f64; N], b: [f64; N], atol: f64) -> Ended<E::Value, N> {
        let integral = trace::Integral::over(a, b, atol, self.terms.rtol);
        let run = match self.begin(a, b, atol, &integral) {
            Ok(run) => run.await,
            Err(ended) => ended,
        };
        integral.end(run)
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
    pub fn integrate_blocking(&self, a: [f64; N], b: [f64; N], atol: f64) -> Ended<E::Value, N> {
        let integral = trace::Integral::over(a, b, atol, self.terms.rtol);
        let run = match self.begin(a, b, atol, &integral) {
            Ok(run) => block_on(run),
            Err(ended) => ended,
        };
        integral.end(run)
    }

    /// The run whose values are on their way, or how it ended on the spot.
    fn begin(
        &self,
        a: [f64; N],
        b: [f64; N],
        atol: f64,
        integral: &trace::Integral,
    ) -> Result<Away<E::Value, N>, Ended<E::Value, N>> {
        let (space, tolerance) = self.terms.question(a, b, atol)?;
        if E::HERE {
            return Err(integral.run(|| self.terms.here(&self.shared.evaluator, &space, tolerance)));
        }
        self.terms.begin(self.shared.clone(), space, tolerance, integral)
    }
}

impl<T: Value, const N: usize> BoxTerms<T, N> {
    fn cache<'a>(&'a self, common: &'a OnceLock<PointCache<T, [f64; N]>>) -> &'a PointCache<T, [f64; N]> {
        self.cache.as_ref().unwrap_or_else(|| common.get_or_init(PointCache::over))
    }

    fn limit(&self) -> Option<Limit> {
        if self.time_limit < Duration::MAX { Limit::new(self.time_limit) } else { None }
    }

    /// Where to integrate, and to which tolerance; or how it ends before anything is evaluated.
    fn question(&self, a: [f64; N], b: [f64; N], atol: f64) -> Result<(BoxSpace<N>, Allowance), Ended<T, N>> {
        let space = BoxSpace::new(a, b, &self.breakpoints);
        let space = space.map_err(|NoNumber { axis }| Err(Error::InvalidBox { axis, a: a[axis], b: b[axis] }))?;
        let Some(tolerance) = Allowance::with_l1(atol, self.rtol, self.rtol_l1) else {
            return Err(Err(Error::InvalidTolerance { atol, rtol: self.rtol, rtol_l1: self.rtol_l1 }));
        };
        let parts = space.parts();
        if parts == 0.0 {
            return Err(nothing(Verdict::Converged, 0.0, atol, 0));
        }
        let needed = parts * Boxes::<N>::points_of_each() as f64;
        if needed > self.max_evaluations as f64 {
            return Err(nothing(Verdict::Stopped(Reason::Budget), f64::INFINITY, atol, needed as usize));
        }
        Ok((space, tolerance))
    }

    fn run<H: Copy>(&self, tolerance: Allowance) -> Run<T, Boxes<N>, H> {
        Run::new(Boxes, tolerance, self.observer.is_some())
    }

    /// The whole run, on the spot.
    fn here<E>(&self, evaluator: &E, space: &BoxSpace<N>, tolerance: Allowance) -> Ended<T, N>
    where
        E: OnSpot<T, [f64; N]> + ?Sized,
    {
        let (cache, observer) = (self.cache.as_ref(), self.observer.as_deref());
        let mut run = self.run(tolerance);
        let ledger = Ledger::new(self.max_evaluations);
        let mut source = OnSpotBoxes::new(evaluator, space, cache, observer, ledger, self.limit());
        let Poll::Ready(verdict) = run.advance(&mut source) else { unreachable!("it never waits") };
        let verdict = verdict?;
        let estimate = space.finish(&mut run, source.ledger.requests, source.performed);
        let goal = run.goal(&estimate);
        ended(verdict, estimate, goal, source.ledger.needed)
    }

    /// The run of an evaluator that may not evaluate on the spot, or how it ended there.
    fn begin(
        &self,
        door: Arc<dyn Door<T, [f64; N]>>,
        space: BoxSpace<N>,
        tolerance: Allowance,
        integral: &trace::Integral,
    ) -> Result<Away<T, N>, Ended<T, N>> {
        if door.evaluate_here(&[], &mut Vec::new()) {
            return Err(integral.run(|| self.here(&*door, &space, tolerance)));
        }
        let limit = self.limit();
        let given_up = Arc::new(AtomicBool::new(false));
        let watched = limit.is_some() || self.observer.is_some();
        if !watched && door.traits().near && door.near().is_some() {
            let evaluates = self.is_new(&space, door.cache());
            // Made when a thread has time for it: thousands may wait.
            let (terms, behind, flag) = (self.clone(), door.clone(), given_up.clone());
            let engine = lazy(move |_| Box::new(terms.engine(behind, space, tolerance, None, flag))).flatten();
            let engine = integral.instrument(engine);
            return Ok(Box::pin(Hosted::new(door, engine, evaluates, given_up)));
        }
        Ok(Box::pin(integral.instrument(self.engine(door, space, tolerance, limit, given_up))))
    }

    /// Whether an integral begins with an evaluation: its first point is neither known nor under way.
    fn is_new(&self, space: &BoxSpace<N>, common: &OnceLock<PointCache<T, [f64; N]>>) -> bool {
        let cache = self.cache(common);
        let first = || {
            let mut points = Vec::new();
            space.pieces().take(1).for_each(|panel| Boxes::lay(&panel.kind, &mut points));
            points.first().map(|&t| space.x(t))
        };
        cache.is_untouched() || first().is_some_and(|x| !cache.has(x))
    }

    fn engine(
        &self,
        door: Arc<dyn Door<T, [f64; N]>>,
        space: BoxSpace<N>,
        tolerance: Allowance,
        limit: Option<Limit>,
        given_up: Arc<AtomicBool>,
    ) -> Engine<T, Boxes<N>, [f64; N]> {
        let (cache, observer) = (self.cache(door.cache()).clone(), self.observer.clone());
        let run = self.run(tolerance);
        let dispatch = Dispatch::new(door, cache, given_up, observer.is_some());
        let tree = Tree::new(Boxes, self.speculation, space.pieces(), run.allowed());
        let ledger = Ledger::new(self.max_evaluations);
        Engine::new(run, Ahead::new(Boxes, space, observer, dispatch, tree, ledger, limit))
    }
}

impl<E, const N: usize> Clone for BoxIntegrator<E, N>
where
    E: Evaluator<[f64; N]>,
{
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), terms: self.terms.clone() }
    }
}

impl<E, const N: usize> fmt::Debug for BoxIntegrator<E, N>
where
    E: Evaluator<[f64; N]>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = &self.terms;
        let mut shown = f.debug_struct("BoxIntegrator");
        shown.field("max_evaluations", &terms.max_evaluations);
        told(&mut shown, "rtol", &terms.rtol, terms.rtol != 0.0);
        told(&mut shown, "rtol_l1", &terms.rtol_l1, terms.rtol_l1 != 0.0);
        told(&mut shown, "time_limit", &terms.time_limit, terms.time_limit < Duration::MAX);
        let is_cut = terms.breakpoints.iter().any(|axis| !axis.is_empty());
        told(&mut shown, "breakpoints", &terms.breakpoints, is_cut);
        told(&mut shown, "speculation", &terms.speculation, terms.speculation != Speculation::Ahead);
        told(&mut shown, "observer", &true, terms.observer.is_some());
        shown.finish_non_exhaustive()
    }
}
