//! Principal values with many poles of one integrand: one run for each pole, over one cache.
//!
//! Where a panel is cut, and the order of its rule, depend on the integrand more than on the pole,
//! so the runs want mostly the same points; each point is evaluated once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use futures::future::join_all;
use futures_lite::future::block_on;

use super::terms::Terms;
use super::{Ended, Integrator};
use crate::error::Error;
use crate::estimate::{Estimate, Partition, Segment};
use crate::evaluation::{Evaluator, Inline, PointCache};
use crate::numerics::principal_value::{PrincipalValue, PrincipalValues};
use crate::numerics::run::Verdict;
use crate::numerics::run::finish::ended;
use crate::numerics::value::Value;

impl<E> Integrator<E, PrincipalValues>
where
    E: Evaluator<Value: Value> + 'static,
{
    /// Integrates `f(x) / (x - c)` from `a` to `b` for all poles, each until its estimated error
    /// meets the tolerance for itself, as in [`integrate`](Integrator::integrate) by another
    /// method. The value is in the order of the poles, the error the largest;
    /// [`integrate_each`](Self::integrate_each) gives each its own.
    ///
    /// # Cost
    ///
    /// Little more than the dearest pole alone: a point that several want is evaluated once.
    /// `max_evaluations` holds for each pole. [`Estimate::evaluations`] counts the distinct points
    /// of all.
    ///
    /// # Cancellation
    ///
    /// As [`integrate`](Integrator::integrate) by another method.
    ///
    /// # Errors
    ///
    /// As [`integrate`](Integrator::integrate) by another method, for the first pole that fails.
    ///
    /// # Panics
    ///
    /// As [`integrate`](Integrator::integrate) by another method.
    pub async fn integrate(&self, a: f64, b: f64, atol: f64) -> Ended<Vec<E::Value>> {
        let all = self.integrate_each(a, b, atol).await.map_err(of_all)?;
        let (value, error, l1) = joined(&all);
        let [evaluations, performed] = all.first().map_or([0, 0], |e| [e.evaluations, e.performed]);
        let segment = Segment { a: a.min(b), b: a.max(b), value: value.clone(), error, l1 };
        let segments = if all.is_empty() { Partition::empty() } else { Partition::one(segment) };
        Ok(Estimate { value, error, evaluations, performed, l1, segments })
    }

    /// Integrates like [`integrate`](Self::integrate): an estimate for each pole, in their order,
    /// with its own error and segments. [`Estimate::evaluations`] and [`Estimate::performed`] count
    /// the whole call, the same in every estimate.
    ///
    /// # Errors
    ///
    /// As [`integrate`](Self::integrate).
    ///
    /// # Panics
    ///
    /// As [`integrate`](Self::integrate).
    pub async fn integrate_each(&self, a: f64, b: f64, atol: f64) -> Result<Vec<Estimate<E::Value>>, Error<E::Value>> {
        let asked: Vec<_> = self.terms.method.each().map(|method| self.clone().method(method)).collect();
        let runs = join_all(asked.iter().map(|one| one.integrate(a, b, atol))).await;
        let mut all = runs.into_iter().collect::<Result<Vec<_>, _>>()?;
        let evaluations = self.terms.distinct(self.cache(), a, b, atol);
        let performed = all.iter().map(|e| e.performed).sum();
        all.iter_mut().for_each(|e| (e.evaluations, e.performed) = (evaluations, performed));
        Ok(all)
    }

    /// Integrates like [`integrate`](Self::integrate), blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`integrate`](Self::integrate).
    ///
    /// # Panics
    ///
    /// As [`integrate`](Self::integrate).
    #[allow(clippy::result_large_err, reason = "of a value type that is known")]
    pub fn integrate_blocking(&self, a: f64, b: f64, atol: f64) -> Ended<Vec<E::Value>> {
        block_on(self.integrate(a, b, atol))
    }

    /// Integrates like [`integrate_each`](Self::integrate_each), blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`integrate`](Self::integrate).
    ///
    /// # Panics
    ///
    /// As [`integrate`](Self::integrate).
    pub fn integrate_each_blocking(
        &self,
        a: f64,
        b: f64,
        atol: f64,
    ) -> Result<Vec<Estimate<E::Value>>, Error<E::Value>> {
        block_on(self.integrate_each(a, b, atol))
    }
}

impl<T: Value> Terms<T, PrincipalValues> {
    /// How many distinct points the answers rest on: the runs once more, by the values that are
    /// known.
    fn distinct(&self, cache: &PointCache<T>, a: f64, b: f64, atol: f64) -> usize {
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        for method in self.method.each() {
            let (known, seen) = (cache.clone(), seen.clone());
            let f = move |x: f64| {
                seen.lock().expect("nobody panics with it").insert(x.to_bits());
                known.get(x).unwrap_or_else(T::zero)
            };
            let mut again: Integrator<_, PrincipalValue> = Integrator::new(Inline::new(f)).method(method);
            (again.terms.max_evaluations, again.terms.rtol) = (self.max_evaluations, self.rtol);
            let (to, from) = (again.set(), self.settings());
            to.breakpoints.clone_from(&from.breakpoints);
            (to.resolution, to.rtol_l1) = (from.resolution, from.rtol_l1);
            // How it ends is known.
            let _ = again.integrate_blocking(a, b, atol);
        }
        let seen = seen.lock().expect("nobody panics with it");
        seen.len()
    }
}

/// All values, the largest error and the largest integral of the norm.
fn joined<T: Value>(all: &[Estimate<T>]) -> (Vec<T>, f64, f64) {
    let most = |of: fn(&Estimate<T>) -> f64| all.iter().map(of).fold(0.0, f64::max);
    (all.iter().map(|e| e.value.clone()).collect(), most(|e| e.error), most(|e| e.l1))
}

/// The error of one pole as that of all.
fn of_all<T: Value>(error: Error<T>) -> Error<Vec<T>> {
    match error {
        Error::NotConverged { estimate, reason, goal, needed, .. } => {
            let (value, error, l1) = joined(std::slice::from_ref(&estimate));
            let Estimate { evaluations, performed, .. } = estimate;
            let estimate = Estimate { value, error, evaluations, performed, l1, segments: Partition::empty() };
            let Err(error) = ended(Verdict::Stopped(reason), estimate, goal, needed) else {
                unreachable!("it has stopped")
            };
            error
        }
        other => other.without_estimate(),
    }
}
