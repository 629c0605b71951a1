//! What an integrator may be told: the method, tolerances and limits, what is known of the integrand.

use std::sync::Arc;
use std::time::Duration;

use super::Integrator;
use super::terms::Settings;
use crate::evaluation::{Evaluator, PointCache};
use crate::numerics::value::Value;
use crate::observer::{Observer, Watch};
use crate::prefetch::Speculation;

impl<E, M> Integrator<E, M>
where
    E: Evaluator<Value: Value> + 'static,
{
    /// The settings, to be changed.
    pub(super) fn set(&mut self) -> &mut Settings<E::Value> {
        self.terms.set()
    }

    /// Integrates by another method: a [`Method`](crate::Method), [`Fourier::exp`](crate::Fourier::exp) or
    /// [`Fourier::many`](crate::Fourier::many).
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator, TanhSinh};
    ///
    /// let e = Integrator::new(Inline::new(f64::ln)).method(TanhSinh).integrate_blocking(0.0, 1.0, 1e-10)?;
    /// assert!((e.value + 1.0).abs() <= 1e-10);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn method<N>(self, method: N) -> Integrator<E, N> {
        Integrator { shared: self.shared, terms: self.terms.method(method) }
    }

    /// Sets the relative tolerance: the estimated error may be `max(atol, rtol |I|)`. 0 unless set.
    ///
    /// `|I|` is the value's norm. That of an array or a vector is its largest component: a component of 1e-9 beside one
    /// of 1 may be wrong by `rtol` altogether. For a tolerance of each component's own size see
    /// [`Scaled`](crate::Scaled). For integrals near zero see [`rtol_l1`](Self::rtol_l1).
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator};
    ///
    /// let huge = Integrator::new(Inline::new(|x: f64| (50.0 * x).exp())).rtol(1e-8);
    /// let e = huge.integrate_blocking(0.0, 1.0, 0.0)?;
    /// assert!(e.error <= 1e-8 * e.value && e.value > 1e20);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn rtol(mut self, rtol: f64) -> Self {
        self.terms.rtol = rtol;
        self
    }

    /// Sets the tolerance relative to the integral of the norm, `L`: the estimated error may be
    /// `max(atol, rtol |I|, rtol_l1 L)`. 0 unless set.
    ///
    /// For integrals that may be near zero because positive and negative parts cancel: `rtol` then asks for more than
    /// rounding leaves, and the call ends in [`Reason::Roundoff`](crate::Reason::Roundoff). `L` is
    /// [`Estimate::l1`](crate::Estimate::l1), the integral of `|f|`, or of the norm of a vector; it is an estimate of
    /// the same rule, and `L >= |I|`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidTolerance`](crate::Error::InvalidTolerance) from the call that integrates, if it is negative or NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator};
    ///
    /// // The integral is zero: no part of it can be asked for.
    /// let odd = Integrator::new(Inline::new(|x: f64| x * (5.0 * x).cos().exp()));
    /// let e = odd.rtol_l1(1e-8).integrate_blocking(-1.0, 1.0, 0.0)?;
    /// assert!(e.value.abs() <= e.error && e.error <= 1e-8 * e.l1);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn rtol_l1(mut self, rtol_l1: f64) -> Self {
        self.set().rtol_l1 = rtol_l1;
        self
    }

    /// Sets how many distinct points an answer may rest on. A million unless set.
    ///
    /// Counted in the order of the decisions, so that where an integral ends does not depend on the workers. A run
    /// never evaluates a point for a decision it has no budget for, but may have evaluated points ahead. On an
    /// infinite range, and without a cache, up to a quarter of them may be evaluated again when the budget is spent,
    /// to tell an oscillation.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Error, Inline, Integrator, Reason};
    ///
    /// let dear = Integrator::new(Inline::new(|x: f64| x.powf(-0.9))).max_evaluations(60);
    /// match dear.integrate_blocking(0.0, 1.0, 1e-12) {
    ///     Err(Error::NotConverged { estimate, reason: Reason::Budget, .. }) => assert!(estimate.evaluations <= 60),
    ///     other => panic!("{other:?}"),
    /// }
    /// ```
    #[must_use]
    pub fn max_evaluations(mut self, evaluations: usize) -> Self {
        self.terms.max_evaluations = evaluations;
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
        self.set().time_limit = limit;
        self
    }

    /// Sets points at which to split the range before anything else: where the integrand has a kink, jump or
    /// singularity. Those outside the limits are passed over.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{GaussKronrod, Inline, Integrator};
    ///
    /// let step = |x: f64| if x < 0.3 { 1.0 } else { 2.0_f64 };
    /// let jump = Integrator::new(Inline::new(step)).method(GaussKronrod::default());
    /// let e = jump.breakpoints(&[0.3]).integrate_blocking(0.0, 1.0, 1e-12)?;
    /// assert!((e.value - 1.7).abs() <= 1e-12);
    /// assert_eq!(e.evaluations, 42); // one panel on each side
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn breakpoints(mut self, breakpoints: &[f64]) -> Self {
        self.set().breakpoints = breakpoints.to_vec();
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
        self.set().resolution = width;
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
    ///
    /// [`Error::InvalidScale`]: crate::Error::InvalidScale
    #[must_use]
    pub fn scale(mut self, centre: f64, width: f64) -> Self {
        self.set().scale = Some((centre, width));
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
    /// [`integrate`](Self::integrate) returns [`Error::InvalidInterval`] if neither limit is finite, and for a method that
    /// has to know `x` itself ([`Method::IN_X`](crate::Method::IN_X)).
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
    ///
    /// [`Error::InvalidInterval`]: crate::Error::InvalidInterval
    /// [`Error::NonFinite`]: crate::Error::NonFinite
    /// [`Estimate::segments`]: crate::Estimate::segments
    #[must_use]
    pub fn offsets(mut self, offsets: bool) -> Self {
        self.set().offsets = offsets;
        self
    }

    /// Sets how far to run ahead of the decisions while workers are idle.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Integrator, Speculation, ThreadPool};
    ///
    /// let f = |x: f64| (x - 0.3).abs();
    /// let pool = ThreadPool::new(4);
    /// let ahead = Integrator::new(pool.evaluator(f)).integrate_blocking(0.0, 1.0, 1e-10)?;
    /// let thrifty = Integrator::new(pool.evaluator(f)).speculation(Speculation::Certain);
    /// let thrifty = thrifty.integrate_blocking(0.0, 1.0, 1e-10)?;
    /// assert_eq!(thrifty.value.to_bits(), ahead.value.to_bits());
    /// assert_eq!(thrifty.performed, thrifty.evaluations); // nothing in vain
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn speculation(mut self, speculation: Speculation) -> Self {
        self.set().speculation = speculation;
        self
    }

    /// Keeps values in the given cache, which may know some already or be shared with other integrators of the same
    /// integrand.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator, PointCache};
    ///
    /// let cache = PointCache::new();
    /// let integrator = Integrator::new(Inline::new(f64::exp)).with_cache(cache.clone());
    /// let first = integrator.integrate_blocking(0.0, 1.0, 1e-10)?;
    /// assert_eq!(cache.len(), first.evaluations);
    /// assert_eq!(integrator.integrate_blocking(0.0, 1.0, 1e-10)?.performed, 0);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn with_cache(mut self, cache: PointCache<E::Value>) -> Self {
        self.set().cache = Some(cache);
        self
    }

    /// Shows an observer what happens.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator, Observer, Progress};
    ///
    /// struct Print;
    ///
    /// impl Observer<f64> for Print {
    ///     fn decided(&self, progress: &Progress<'_, f64>) {
    ///         println!("{} ± {:.1e} from {} points", progress.value, progress.error, progress.evaluations);
    ///     }
    /// }
    ///
    /// Integrator::new(Inline::new(f64::sqrt)).observer(Print).integrate_blocking(0.0, 1.0, 1e-10)?;
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn observer(mut self, observer: impl Observer<E::Value> + 'static) -> Self {
        self.set().observer = Some(Arc::new(Watch::new(observer)));
        self
    }
}
