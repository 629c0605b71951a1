//! The integrals from one limit to each of many, in one call.

use std::sync::Arc;

use futures::future::join;
use futures_lite::future::block_on;

use super::Integrator;
use super::terms::Settings;
use crate::error::Error;
use crate::estimate::{Estimate, Partition, Segment};
use crate::evaluation::Evaluator;
use crate::numerics::domain::Domain;
use crate::numerics::method::Method;
use crate::numerics::run::Verdict;
use crate::numerics::run::finish::ended;
use crate::numerics::run::goal::Upto;
use crate::numerics::sum::Sum;
use crate::numerics::value::Value;

type Each<T> = Ended<Vec<Estimate<T>>, T>;
type Ended<R, T> = Result<R, Error<T>>;

impl<E, M> Integrator<E, M>
where
    E: Evaluator<Value: Value> + 'static,
    M: Method,
{
    /// Integrates from `a` to each of `limits`, until each integral meets the tolerance for itself: a distribution
    /// function, distances to many redshifts, the length of a path up to many places.
    ///
    /// The estimates come in the order of the limits. Limits may be in any order, on both sides of `a`, equal and
    /// infinite. Those on one side of `a` are breakpoints of one run, so each point is evaluated once.
    ///
    /// # Cost
    ///
    /// About the points of one rule for each limit, and those of an integral over the whole range.
    /// [`Estimate::evaluations`] and [`Estimate::performed`] count the whole call, the same in every estimate.
    /// `max_evaluations` holds for each side of `a`. With [`offsets`](Self::offsets) the integrand is given offsets from
    /// `a` and from the farthest limit.
    ///
    /// # Errors
    ///
    /// As [`integrate`](Self::integrate). [`Error::NotConverged`] carries the estimate up to the limit nearest to `a` that
    /// misses its tolerance; of two, the one above `a`.
    ///
    /// # Panics
    ///
    /// As [`integrate`](Self::integrate).
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Integrator, ThreadPool};
    ///
    /// # futures::executor::block_on(async {
    /// let density = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
    /// let integrator = Integrator::new(ThreadPool::new(2).evaluator(density));
    /// let e = integrator.integrate_upto(f64::NEG_INFINITY, &[0.0, 1.96, f64::INFINITY], 1e-10).await?;
    /// assert!((e[0].value - 0.5).abs() <= 1e-10 && (e[2].value - 1.0).abs() <= 1e-10);
    /// assert!((e[1].value - 0.975_002_104_852).abs() <= 2e-10);
    /// # Ok::<(), coquad::Error>(()) }).unwrap();
    /// ```
    pub async fn integrate_upto(&self, a: f64, limits: &[f64], atol: f64) -> Each<E::Value> {
        if let Some(&b) = limits.iter().find(|b| b.is_nan() || a.is_nan()) {
            return Err(Error::InvalidInterval { a, b });
        }
        let Err(nothing) = self.terms.question(a, a, atol) else { unreachable!("the range is empty") };
        let nothing = nothing?;
        let ups = limits.iter().copied().filter(|b| *b > a).collect();
        let downs = limits.iter().copied().filter(|b| *b < a).collect();
        let (above, below) = join(self.side(a, ups, atol), self.side(a, downs, atol)).await;
        let (above, below) = (above?, below?);
        let counted =
            |of: fn(&Estimate<E::Value>) -> usize| [&above, &below].map(|side| side.of.as_ref().map_or(0, of));
        let [evaluations, performed]: [usize; 2] =
            [counted(|e| e.evaluations), counted(|e| e.performed)].map(|sides| sides.iter().sum());
        let (mut ups, mut downs) = (above.estimates.into_iter(), below.estimates.into_iter());
        let each = limits.iter().map(|b| {
            let estimate = if *b > a {
                ups.next()
            } else if *b < a {
                downs.next()
            } else {
                None
            };
            Estimate { evaluations, performed, ..estimate.unwrap_or_else(|| nothing.clone()) }
        });
        Ok(each.collect())
    }

    /// Integrates like [`integrate_upto`](Self::integrate_upto), blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`integrate_upto`](Self::integrate_upto).
    ///
    /// # Panics
    ///
    /// As [`integrate`](Self::integrate).
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator};
    ///
    /// let limits: Vec<f64> = (0..=8).map(|i| f64::from(i) / 8.0).collect();
    /// let e = Integrator::new(Inline::new(f64::cos)).integrate_upto_blocking(0.0, &limits, 1e-12)?;
    /// assert!(e.iter().zip(&limits).all(|(e, b)| (e.value - b.sin()).abs() <= 1e-12));
    /// # Ok::<(), coquad::Error>(())
    /// ```
    pub fn integrate_upto_blocking(&self, a: f64, limits: &[f64], atol: f64) -> Each<E::Value> {
        block_on(self.integrate_upto(a, limits, atol))
    }

    /// The limits on one side of `a`, in one run.
    async fn side(&self, a: f64, limits: Vec<f64>, atol: f64) -> Ended<Side<E::Value>, E::Value> {
        if limits.is_empty() {
            return Ok(Side { of: None, estimates: Vec::new() });
        }
        let (low, high) = (limits.iter().copied().fold(a, f64::min), limits.iter().copied().fold(a, f64::max));
        let mut asked = self.clone();
        let upto = Arc::new((a, limits));
        asked.set().upto = Some(upto.clone());
        let (whole, stopped) = match asked.integrate(low, high, atol).await {
            Ok(whole) => (whole, None),
            Err(Error::NotConverged { estimate, reason, needed, .. }) if !estimate.segments.is_empty() => {
                (estimate, Some((reason, needed)))
            }
            Err(error) => return Err(error),
        };
        let (Ok(domain), Some(tolerance)) = (asked.terms.pieces(low, high), asked.terms.tolerance(atol)) else {
            unreachable!("they were not refused")
        };
        let estimates = split(&whole, &domain, upto.0, &upto.1);
        let Some((reason, needed)) = stopped else { return Ok(Side { of: Some(whole), estimates }) };
        // The nearest limit that is missed.
        let goal = |e: &Estimate<E::Value>| tolerance.allowed(e.value.norm(), e.l1);
        let missed = upto.1.iter().zip(&estimates).filter(|(_, e)| e.error > goal(e));
        let by_distance = |p: &f64, q: &f64| if high > a { p.total_cmp(q) } else { q.total_cmp(p) };
        let nearest = missed.min_by(|(p, _), (q, _)| by_distance(p, q)).map(|(_, e)| e.clone());
        let estimate = nearest.unwrap_or(whole);
        let goal = goal(&estimate);
        ended(Verdict::Stopped(reason), estimate, goal, needed).map(|_| unreachable!("it has stopped"))
    }
}

impl<T> Settings<T> {
    /// The limits as places of the domain.
    pub(super) fn upto(&self, domain: &Domain) -> Option<Upto> {
        self.upto.as_deref().map(|(from, limits)| Upto::new(domain, *from, limits))
    }
}

/// The integrals to the limits on one side.
struct Side<T> {
    /// The whole of them, if there are any.
    of: Option<Estimate<T>>,
    estimates: Vec<Estimate<T>>,
}

/// The integrals from one limit of the whole range to each of these limits.
fn split<T: Value>(whole: &Estimate<T>, domain: &Domain, from: f64, limits: &[f64]) -> Vec<Estimate<T>> {
    let segments: Arc<[Segment<T>]> = whole.segments.to_vec().into();
    let at = |limit: f64| domain.at(domain.t(limit));
    let is_above = limits.iter().all(|limit| *limit >= from);
    // How many segments lie before each limit, and in which order that grows.
    let mut counts: Vec<(usize, usize)> = (0..limits.len())
        .map(|i| {
            let to = at(limits[i]);
            let below = segments.partition_point(|segment| segment.b <= to);
            (if is_above { below } else { segments.len() - segments.partition_point(|s| s.a < to) }, i)
        })
        .collect();
    counts.sort_unstable();
    let mut estimates = vec![None; limits.len()];
    let (mut sum, mut error, mut l1, mut taken) = (Sum::new(), 0.0, 0.0, 0);
    for (count, i) in counts {
        while taken < count {
            let segment = &segments[if is_above { taken } else { segments.len() - 1 - taken }];
            sum.add(&segment.value);
            error += segment.error;
            l1 += segment.l1;
            taken += 1;
        }
        let mut value = sum.clone().total();
        if !is_above {
            value.scale(-1.0);
        }
        let part = if is_above { 0..count } else { segments.len() - count..segments.len() };
        let segments = Partition::part(segments.clone(), part);
        let Estimate { evaluations, performed, .. } = *whole;
        estimates[i] = Some(Estimate { value, error, evaluations, performed, l1, segments });
    }
    estimates.into_iter().flatten().collect()
}
