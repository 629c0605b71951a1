//! What an integrator is told beside the evaluator.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::evaluation::PointCache;
use crate::numerics::value::Value;
use crate::observer::Watch;
use crate::prefetch::Speculation;

/// By which method, to which tolerance and under which limits to integrate. What follows from these alone is compiled
/// once for a type of values and a method.
pub(super) struct Terms<T: 'static, M> {
    pub(super) method: M,
    pub(super) rtol: f64,
    pub(super) max_evaluations: usize,
    /// What else was set, if anything: an integrator is moved, dropped and cloned for every cheap integral.
    pub(super) settings: Option<Box<Settings<T>>>,
}

/// What an integrator is seldom told.
#[derive(Clone)]
pub(super) struct Settings<T: 'static> {
    /// Given by the user: values are kept even where evaluating again costs less than looking up.
    pub(super) cache: Option<PointCache<T>>,
    pub(super) time_limit: Duration,
    pub(super) rtol_l1: f64,
    pub(super) breakpoints: Vec<f64>,
    /// From where to each of which places, for a call that asks for several integrals.
    pub(super) upto: Option<Arc<(f64, Vec<f64>)>>,
    pub(super) resolution: f64,
    /// Centre and width as given.
    pub(super) scale: Option<(f64, f64)>,
    pub(super) offsets: bool,
    pub(super) speculation: Speculation,
    pub(super) observer: Option<Arc<Watch<T>>>,
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

impl<T: 'static, M> Terms<T, M> {
    /// Those of an integrator that was told the method alone.
    #[inline]
    pub(super) fn new(method: M) -> Self {
        Self { method, rtol: 0.0, max_evaluations: 1_000_000, settings: None }
    }

    #[inline]
    pub(super) fn settings(&self) -> &Settings<T> {
        self.settings.as_deref().unwrap_or(Settings::UNSET)
    }

    /// The same with another method.
    #[inline]
    pub(super) fn method<N>(self, method: N) -> Terms<T, N> {
        Terms { method, rtol: self.rtol, max_evaluations: self.max_evaluations, settings: self.settings }
    }
}

impl<T: Value, M> Terms<T, M> {
    /// The settings, to be changed.
    pub(super) fn set(&mut self) -> &mut Settings<T> {
        self.settings.get_or_insert_with(|| Box::new(Settings::UNSET.clone()))
    }

    /// The values known so far: those that were given, or those of all integrals of the integrand.
    pub(super) fn cache<'a>(&'a self, shared: &'a OnceLock<PointCache<T>>) -> &'a PointCache<T> {
        self.settings().cache.as_ref().unwrap_or_else(|| shared.get_or_init(PointCache::new))
    }
}

impl<T: Clone, M: Clone> Clone for Terms<T, M> {
    fn clone(&self) -> Self {
        Self {
            method: self.method.clone(),
            rtol: self.rtol,
            max_evaluations: self.max_evaluations,
            settings: self.settings.clone(),
        }
    }
}

/// As the integrator is shown: the method, the budget, and what else was told.
impl<T, M: fmt::Debug> fmt::Debug for Terms<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.settings();
        let mut shown = f.debug_struct("Integrator");
        shown.field("method", &self.method).field("max_evaluations", &self.max_evaluations);
        told(&mut shown, "rtol", &self.rtol, self.rtol != 0.0);
        told(&mut shown, "rtol_l1", &settings.rtol_l1, settings.rtol_l1 != 0.0);
        told(&mut shown, "time_limit", &settings.time_limit, settings.time_limit < Duration::MAX);
        told(&mut shown, "breakpoints", &settings.breakpoints, !settings.breakpoints.is_empty());
        told(&mut shown, "resolution", &settings.resolution, settings.resolution < f64::INFINITY);
        if let Some((centre, width)) = settings.scale {
            shown.field("scale", &(centre, width));
        }
        told(&mut shown, "offsets", &true, settings.offsets);
        told(&mut shown, "speculation", &settings.speculation, settings.speculation != Speculation::Ahead);
        told(&mut shown, "observer", &true, settings.observer.is_some());
        shown.finish_non_exhaustive()
    }
}

/// Shows a field that is not as it is unless told.
pub(super) fn told(shown: &mut fmt::DebugStruct<'_, '_>, name: &str, value: &dyn fmt::Debug, is_told: bool) {
    if is_told {
        shown.field(name, value);
    }
}
