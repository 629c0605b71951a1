//! The integrator: what is evaluated, by which method, under which limits; and one way in.

mod options;
mod upto;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, lazy};
use futures_lite::future::block_on;

use crate::ahead::{Ahead, Engine};
use crate::direct::{Direct, UNKEPT, whole};
use crate::error::Error;
use crate::estimate::{Estimate, Partition, Reason};
use crate::evaluation::Evaluator;
use crate::evaluation::PointCache;
use crate::evaluation::dispatch::{Dispatch, Shared};
use crate::evaluation::hosted::Hosted;
use crate::ledger::Ledger;
use crate::limit::Limit;
use crate::numerics::auto::Auto;
use crate::numerics::domain::{Domain, Scale};
use crate::numerics::method::{Control, Local, Method, Panel};
use crate::numerics::run::finish::{ended, is_one, of_one};
use crate::numerics::run::{Leaf, Run, Verdict};
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
    rtol: f64,
    max_evaluations: usize,
    /// What else was set, if anything: an integrator is moved, dropped and cloned for every cheap integral.
    settings: Option<Box<Settings<E::Value>>>,
}

/// What an integrator is seldom told.
#[derive(Clone)]
struct Settings<T: 'static> {
    /// Given by the user: values are kept even where evaluating again costs less than looking up.
    cache: Option<PointCache<T>>,
    time_limit: Duration,
    rtol_l1: f64,
    breakpoints: Vec<f64>,
    /// From where to each of which places, for a call that asks for several integrals.
    upto: Option<Arc<(f64, Vec<f64>)>>,
    resolution: f64,
    /// Centre and width as given.
    scale: Option<(f64, f64)>,
    offsets: bool,
    speculation: Speculation,
    observer: Option<Arc<dyn Observer<T>>>,
}

impl<T> Settings<T> {
    /// Those of an integrator that was told nothing.
    const UNSET: &'static Self = &Self {
        cache: None,
        time_limit: Duration::MAX,
        rtol_l1: 0.0,
        breakpoints: Vec::new(),
        upto: None,
        resolution: f64::INFINITY,
        scale: None,
        offsets: false,
        speculation: Speculation::Ahead,
        observer: None,
    };
}

/// How an integral ended.
type Ended<T> = Result<Estimate<T>, Error<T>>;

/// The run whose values are on their way.
type Away<'a, T> = BoxFuture<'a, Ended<T>>;

/// What is known of the panel that is the whole range before a run begins.
enum First<K, T> {
    Unknown,
    /// A value is not finite, or their sum.
    Unsound,
    Judged(Panel<K>, Local<T>),
}

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
            rtol: 0.0,
            max_evaluations: 1_000_000,
            settings: None,
        }
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
        self.settings().cache.as_ref().unwrap_or_else(|| self.shared.cache.get_or_init(PointCache::new))
    }

    /// Integrates from `a` to `b`, until the estimated error is at most `max(atol, rtol |I|, rtol_l1 L)`, where `L` is
    /// the integral of the norm: see [`rtol`](Self::rtol), [`rtol_l1`](Self::rtol_l1).
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
        let integral = trace::Integral::new::<M>(a, b, atol, self.rtol);
        let ended = match self.begin(a, b, atol, &integral) {
            Ok(run) => run.await,
            Err(ended) => ended,
        };
        integral.end(ended)
    }

    /// The run whose values are on their way, or how it ended on the spot.
    #[inline]
    fn begin(
        &self,
        a: f64,
        b: f64,
        atol: f64,
        integral: &trace::Integral,
    ) -> Result<Away<'_, E::Value>, Ended<E::Value>> {
        if E::HERE || self.shared.evaluator.evaluate_here(&[], &mut Vec::new()) {
            return Err(integral.run(|| self.here(a, b, atol)));
        }
        self.away(a, b, atol, integral)
    }

    /// Where to integrate, and to which tolerance; none if there is nothing to do but to say so ([`idle`](Self::idle)).
    #[inline]
    fn question(&self, a: f64, b: f64, atol: f64) -> Option<(Domain, Tolerance)> {
        let tolerance = self.tolerance(atol)?;
        if self.settings.is_none() && Domain::is_plain(a, b) {
            return Some((Domain::plain(a, b), tolerance));
        }
        let domain = self.pieces(a, b)?;
        if self.first_costs(&domain) > self.max_evaluations as f64 {
            return None;
        }
        let resolution = self.settings().resolution;
        let domain = if resolution < f64::INFINITY { domain.resolve(resolution) } else { domain };
        domain.pieces().next()?;
        Some((domain, tolerance))
    }

    /// How many evaluations the first segments take at least.
    fn first_costs(&self, domain: &Domain) -> f64 {
        let Some(panel) = whole(&self.method, domain).next() else { return 0.0 };
        // Each may have a limit in common with its neighbour, and one at infinity.
        let each = self.method.count(&panel).saturating_sub(if M::REUSES_POINTS { 2 } else { 0 });
        each as f64 * domain.parts(self.settings().resolution)
    }

    #[inline]
    fn tolerance(&self, atol: f64) -> Option<Tolerance> {
        Tolerance::with_l1(atol, self.rtol, self.settings().rtol_l1)
    }

    /// The range in pieces between breakpoints.
    #[inline(never)]
    fn pieces(&self, a: f64, b: f64) -> Option<Domain> {
        let settings = self.settings();
        let scale = match settings.scale {
            None => None,
            Some((centre, width)) => Some(Scale::new(centre, width)?),
        };
        let domain = if settings.offsets { Domain::of_offsets } else { Domain::new };
        let domain = match settings.upto.as_deref() {
            None => domain(a, b, &settings.breakpoints, scale)?,
            Some((from, limits)) => {
                let all: Vec<f64> = [*from].iter().chain(limits).chain(&settings.breakpoints).copied().collect();
                domain(a, b, &all, scale)?
            }
        };
        Some(domain)
    }

    /// How it ends where there is nothing to do: the range is empty, or the question is refused.
    #[cold]
    fn idle(&self, a: f64, b: f64, atol: f64) -> Ended<E::Value> {
        match self.settings().scale {
            Some((centre, width)) if Scale::new(centre, width).is_none() => Err(Error::InvalidScale { centre, width }),
            _ if self.pieces(a, b).is_none() => Err(Error::InvalidInterval { a, b }),
            _ if self.tolerance(atol).is_none() => {
                Err(Error::InvalidTolerance { atol, rtol: self.rtol, rtol_l1: self.settings().rtol_l1 })
            }
            _ => self.empty(a, b, atol),
        }
    }

    /// The end of a run that has no segment: the range is empty, or the budget does not cover the first ones.
    fn empty(&self, a: f64, b: f64, atol: f64) -> Ended<E::Value> {
        let needed = self.pieces(a, b).map_or(0.0, |domain| self.first_costs(&domain));
        let is_beyond = needed > self.max_evaluations as f64;
        let verdict = if is_beyond { Verdict::Stopped(Reason::Budget) } else { Verdict::Converged };
        let estimate = Estimate {
            value: E::Value::zero(),
            error: if is_beyond { f64::INFINITY } else { 0.0 },
            evaluations: 0,
            performed: 0,
            l1: 0.0,
            segments: Partition::empty(),
        };
        ended(verdict, estimate, atol, needed as usize)
    }

    fn limit(&self) -> Option<Limit> {
        let time = self.settings().time_limit;
        if time < Duration::MAX { Limit::new(time) } else { None }
    }

    /// Boxed, so that an evaluator that needs no such run has none compiled.
    fn away(
        &self,
        a: f64,
        b: f64,
        atol: f64,
        integral: &trace::Integral,
    ) -> Result<Away<'_, E::Value>, Ended<E::Value>> {
        let Some((domain, tolerance)) = self.question(a, b, atol) else { return Err(self.idle(a, b, atol)) };
        let limit = self.limit();
        let given_up = Arc::new(AtomicBool::new(false));
        let watched = limit.is_some() || self.settings().observer.is_some();
        if E::NEAR && !watched && self.shared.evaluator.near().is_some() {
            let evaluates = self.is_new(&domain);
            // Made when a thread has time for it: thousands may wait.
            let (integrator, flag) = (self.clone(), given_up.clone());
            let engine = lazy(move |_| Box::new(integrator.engine(domain, tolerance, None, flag))).flatten();
            let engine = integral.instrument(engine);
            return Ok(Box::pin(Hosted::new(self.shared.clone(), engine, evaluates, given_up)));
        }
        Ok(Box::pin(integral.instrument(self.engine(domain, tolerance, limit, given_up))))
    }

    /// Whether an integral begins with an evaluation: its first point is neither known nor under way.
    fn is_new(&self, domain: &Domain) -> bool {
        let Some(panel) = whole(&self.method, domain).next() else { return false };
        if self.max_evaluations < self.method.count(&panel) {
            return false;
        }
        let cache = self.cache();
        let first = || {
            let mut points = Vec::new();
            self.method.points(&panel, &mut points);
            points.first().map(|&t| domain.x(t))
        };
        cache.is_untouched() || first().is_some_and(|x| !cache.has(x))
    }

    fn engine(
        &self,
        domain: Domain,
        tolerance: Tolerance,
        limit: Option<Limit>,
        given_up: Arc<AtomicBool>,
    ) -> Engine<E, M> {
        let observer = self.settings().observer.clone();
        let run = Run::new(self.method.clone(), tolerance, observer.is_some()).up_to(self.upto(&domain));
        let dispatch = Dispatch::new(self.shared.clone(), self.cache().clone(), given_up, observer.is_some());
        let pieces = whole(&self.method, &domain);
        let tree = Tree::new(self.method.clone(), self.settings().speculation, pieces, run.allowed());
        let ledger = Ledger::new(self.max_evaluations);
        Engine::new(run, Ahead::new(self.method.clone(), domain, observer, dispatch, tree, ledger, limit))
    }

    /// The whole run, on the spot: no future, nothing to wait for.
    #[inline]
    fn here(&self, a: f64, b: f64, atol: f64) -> Ended<E::Value> {
        // An integrator that was told nothing special, and a range that is one panel: what often ends there should not
        // cost more.
        let mut first = First::Unknown;
        let mut panel = Panel { a: a + 0.0, b: b + 0.0, depth: 0, kind: self.method.root() };
        let plain = E::HERE && !M::REUSES_POINTS && self.settings.is_none() && is_one(a, b);
        let points = if plain { self.method.count(&panel) } else { 0 };
        let tolerance = Tolerance::new(atol, self.rtol).filter(|_| plain && points <= self.max_evaluations);
        if let Some(tolerance) = tolerance {
            let f = |x| self.shared.evaluator.value_here(x).expect("it is here");
            match self.method.judge_here(&mut panel, f, None) {
                Some(local) if !local.is_sound() => first = First::Unsound,
                Some(local) => {
                    let met = local.error <= tolerance.allowed(local.value.norm(), local.l1)
                        && (!M::AUDITS || self.method.audit(&panel).is_none());
                    if met && self.method.control() == Control::Global {
                        return Ok(of_one(&panel, local, points));
                    }
                    first = First::Judged(panel, local);
                }
                None => {}
            }
        }
        self.here_from(first, a, b, atol)
    }

    /// The same, from what is known of the first panel on.
    fn here_from(&self, first: First<M::Kind, E::Value>, a: f64, b: f64, atol: f64) -> Ended<E::Value> {
        let Some((domain, tolerance)) = self.question(a, b, atol) else { return self.idle(a, b, atol) };
        let observer = self.settings().observer.as_deref();
        let mut run = Run::new(self.method.clone(), tolerance, observer.is_some()).up_to(self.upto(&domain));
        let cache = (M::REUSES_POINTS || self.settings().cache.is_some()).then(|| self.cache());
        let ledger = Ledger::new(self.max_evaluations);
        let mut source =
            Direct::new(&self.shared.evaluator, &self.method, &domain, cache, observer, ledger, self.limit());
        match first {
            First::Unknown => {}
            First::Unsound => source.list(),
            First::Judged(panel, local) => {
                source.judged(&panel);
                run.begin_with(Leaf::new(panel, local, UNKEPT));
            }
        }
        let Poll::Ready(verdict) = run.advance(&mut source) else { unreachable!("it never waits") };
        let verdict = verdict?;
        let estimate = run.finish(&domain, source.ledger.requests, source.performed, source.kept());
        let goal = run.goal(&estimate);
        ended(verdict, estimate, goal, source.ledger.needed)
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
        let integral = trace::Integral::new::<M>(a, b, atol, self.rtol);
        let ended = match self.begin(a, b, atol, &integral) {
            Ok(run) => block_on(run),
            Err(ended) => ended,
        };
        integral.end(ended)
    }
}

impl<E: Evaluator, M> Integrator<E, M> {
    #[inline]
    fn settings(&self) -> &Settings<E::Value> {
        self.settings.as_deref().unwrap_or(Settings::UNSET)
    }
}

impl<E: Evaluator, M: Clone> Clone for Integrator<E, M> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            method: self.method.clone(),
            rtol: self.rtol,
            max_evaluations: self.max_evaluations,
            settings: self.settings.clone(),
        }
    }
}

impl<E: Evaluator, M: fmt::Debug> fmt::Debug for Integrator<E, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.settings();
        f.debug_struct("Integrator")
            .field("method", &self.method)
            .field("rtol", &self.rtol)
            .field("max_evaluations", &self.max_evaluations)
            .field("time_limit", &(settings.time_limit < Duration::MAX).then_some(settings.time_limit))
            .field("rtol_l1", &settings.rtol_l1)
            .field("breakpoints", &settings.breakpoints)
            .field("scale", &settings.scale)
            .field("offsets", &settings.offsets)
            .field("speculation", &settings.speculation)
            .finish_non_exhaustive()
    }
}
