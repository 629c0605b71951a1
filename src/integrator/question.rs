//! What is asked for: checked once, and refused with the reason.

use super::Ended;
use super::terms::Terms;
use crate::error::Error;
use crate::estimate::{Estimate, Partition, Reason};
use crate::numerics::domain::{Domain, Scale};
use crate::numerics::method::{Method, whole};
use crate::numerics::run::Verdict;
use crate::numerics::run::finish::ended;
use crate::numerics::tolerance::Allowance;
use crate::numerics::value::Value;

impl<T: Value, M: Method> Terms<T, M> {
    /// Where to integrate, and to which tolerance; or how it ends before anything is evaluated: the question is
    /// refused, or the range is empty.
    #[inline]
    pub(super) fn question(&self, a: f64, b: f64, atol: f64) -> Result<(Domain, Allowance), Ended<T>> {
        match self.tolerance(atol) {
            Some(tolerance) if self.settings.is_none() && Domain::is_plain(a, b) => {
                Ok((Domain::plain(a, b), tolerance))
            }
            tolerance => self.checked(a, b, atol, tolerance),
        }
    }

    #[inline(never)]
    fn checked(
        &self,
        a: f64,
        b: f64,
        atol: f64,
        tolerance: Option<Allowance>,
    ) -> Result<(Domain, Allowance), Ended<T>> {
        let domain = self.pieces(a, b).map_err(Err)?;
        let Some(tolerance) = tolerance else {
            return Err(Err(Error::InvalidTolerance { atol, rtol: self.rtol, rtol_l1: self.settings().rtol_l1 }));
        };
        let needed = self.first_costs(&domain);
        if needed > self.max_evaluations as f64 {
            return Err(nothing(Verdict::Stopped(Reason::Budget), f64::INFINITY, atol, needed as usize));
        }
        let resolution = self.settings().resolution;
        let domain = if resolution < f64::INFINITY { domain.resolve(resolution) } else { domain };
        if domain.pieces().next().is_none() {
            return Err(nothing(Verdict::Converged, 0.0, atol, 0));
        }
        Ok((domain, tolerance))
    }

    #[inline]
    pub(super) fn tolerance(&self, atol: f64) -> Option<Allowance> {
        Allowance::with_l1(atol, self.rtol, self.settings().rtol_l1)
    }

    /// The range in pieces between breakpoints.
    pub(super) fn pieces(&self, a: f64, b: f64) -> Result<Domain, Error<T>> {
        let settings = self.settings();
        let scale = match settings.scale {
            None => None,
            Some((centre, width)) => Some(Scale::new(centre, width).ok_or(Error::InvalidScale { centre, width })?),
        };
        if M::IN_X {
            let upto = settings.upto.as_deref().map(|(from, limits)| [*from].into_iter().chain(limits.iter().copied()));
            let all: Vec<f64> = upto.into_iter().flatten().chain(settings.breakpoints.iter().copied()).collect();
            let domain = Domain::in_x(a, b, &all).filter(|_| !settings.offsets);
            return domain.ok_or(Error::InvalidInterval { a, b });
        }
        let domain = if settings.offsets { Domain::of_offsets } else { Domain::new };
        let domain = match settings.upto.as_deref() {
            None => domain(a, b, &settings.breakpoints, scale),
            Some((from, limits)) => {
                let all: Vec<f64> = [*from].iter().chain(limits).chain(&settings.breakpoints).copied().collect();
                domain(a, b, &all, scale).map(Domain::divided)
            }
        };
        domain.ok_or(Error::InvalidInterval { a, b })
    }

    /// How many evaluations the first segments take at least.
    pub(super) fn first_costs(&self, domain: &Domain) -> f64 {
        let resolution = self.settings().resolution;
        let costs = whole(&self.method, domain).map(|panel| {
            // Each may have a limit in common with its neighbour, and one at infinity.
            let each = self.method.count(&panel).saturating_sub(if M::REUSES_POINTS { 2 } else { 0 });
            each as f64 * domain.parts((panel.a, panel.b), resolution)
        });
        costs.sum()
    }
}

/// The end of a run that has no segment.
#[cold]
pub(super) fn nothing<T: Value, P>(
    verdict: Verdict,
    error: f64,
    atol: f64,
    needed: usize,
) -> Result<Estimate<T, P>, Error<T, P>> {
    let segments = Partition::empty();
    let estimate = Estimate { value: T::zero(), error, evaluations: 0, performed: 0, l1: 0.0, segments };
    ended(verdict, estimate, atol, needed)
}
