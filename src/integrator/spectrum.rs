//! Fourier integrals of both parts and of many frequencies: one run for each part, over one cache.
//!
//! Panels and orders do not depend on the frequency, so the runs want the same points; each point
//! is evaluated once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use futures::future::{join, join_all};
use futures_lite::future::block_on;

use super::Integrator;
use super::terms::Terms;
use crate::error::Error;
use crate::estimate::{Estimate, Partition, Reason, Segment};
use crate::evaluation::{Evaluator, Inline, PointCache};
use crate::numerics::fourier::{Fourier, FourierExp, FourierMany};
use crate::numerics::run::Verdict;
use crate::numerics::run::finish::ended;
use crate::numerics::spectral::Spectral;
use crate::numerics::tolerance::Allowance;
use crate::numerics::value::Value;

/// How an integral ends.
type Ended<A, T> = Result<A, Error<T>>;

/// The type of the integral.
pub(super) type Complex<E> = <<E as Evaluator>::Value as Spectral>::Complex;

/// How far the first run goes where the tolerance depends on the integral, which is not known yet:
/// this part of the integral of the norm. And by how much each that follows is better, if need be.
const ROUGH: f64 = 1e-3;
/// So many runs, each better than the one before: beyond all digits.
const ROUNDS: usize = 12;

/// One frequency: both parts, and how their runs ended if that was early.
struct Pair<T> {
    parts: [Estimate<T>; 2],
    stopped: Option<(Reason, usize)>,
    performed: usize,
    /// The absolute tolerance of the last runs, for each part.
    atol: f64,
    rtol_l1: f64,
}

impl<T: Spectral> Pair<T> {
    fn value(&self) -> T::Complex {
        let [real, imaginary] = &self.parts;
        T::from_parts(real.value.clone(), imaginary.value.clone())
    }

    /// The errors of both parts together.
    fn error(&self) -> f64 {
        let [p, q] = [self.parts[0].error, self.parts[1].error];
        (p * p + q * q).sqrt()
    }

    /// As one estimate. The segments are those of the parts, which are cut alike unless a run ended
    /// early.
    fn estimate(self, a: f64, b: f64, evaluations: usize, performed: usize) -> Estimate<T::Complex> {
        let (value, error) = (self.value(), self.error());
        let [real, imaginary] = self.parts;
        let l1 = real.l1.max(imaginary.l1);
        let pairs = || real.segments.iter().zip(imaginary.segments.iter());
        let alike = real.segments.len() == imaginary.segments.len()
            && pairs().all(|(p, q)| p.a.to_bits() == q.a.to_bits() && p.b.to_bits() == q.b.to_bits());
        let join = |(p, q): (&Segment<T>, &Segment<T>)| Segment {
            a: p.a,
            b: p.b,
            value: T::from_parts(p.value.clone(), q.value.clone()),
            error: (p.error * p.error + q.error * q.error).sqrt(),
            l1: p.l1.max(q.l1),
        };
        let segments = if alike { pairs().map(join).collect::<Vec<_>>().into() } else { one(a, b, &value, error, l1) };
        Estimate { value, error, evaluations, performed, l1, segments }
    }
}

/// A partition that is the whole range.
fn one<T: Value>(a: f64, b: f64, value: &T, error: f64, l1: f64) -> Partition<T> {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    Partition::one(Segment { a: low, b: high, value: value.clone(), error, l1 })
}

/// The same error of an integral of another type, unless it carries an estimate.
fn turned<T, C: Value>(error: Error<T>) -> Error<C> {
    match error {
        Error::NotConverged { estimate, reason, goal, needed, .. } => {
            let Estimate { error, evaluations, performed, l1, .. } = estimate;
            let estimate =
                Estimate { value: C::zero(), error, evaluations, performed, l1, segments: Partition::empty() };
            Error::NotConverged { estimate, reason, goal, size: 0.0, needed, frequency: 0.0 }
        }
        other => other.without_estimate(),
    }
}

impl<E, M> Integrator<E, M>
where
    E: Evaluator<Value: Spectral> + 'static,
    M: Clone,
{
    /// The same for one part of one frequency.
    fn part(&self, part: Fourier, rtol_l1: f64) -> Integrator<E, Fourier> {
        let mut asked = self.clone().method(part);
        asked.terms.rtol = 0.0;
        asked.set().rtol_l1 = rtol_l1;
        asked
    }

    /// Both parts of one frequency, to the tolerance of their modulus.
    async fn pair(&self, omega: f64, a: f64, b: f64, atol: f64) -> Ended<Pair<E::Value>, E::Value> {
        let rtol_l1 = self.terms.settings().rtol_l1;
        let rough = if self.terms.rtol > 0.0 { rtol_l1.max(ROUGH) } else { rtol_l1 };
        // Each part may have as much as makes the tolerance together.
        let share = std::f64::consts::FRAC_1_SQRT_2;
        let mut pair = self.pair_once(omega, a, b, [atol * share, rough * share]).await?;
        for _ in 0..ROUNDS {
            let (error, size) = (pair.error(), pair.value().norm());
            let l1 = pair.parts[0].l1.max(pair.parts[1].l1);
            let goal = |size: f64| atol.max(self.terms.rtol * size).max(rtol_l1 * l1);
            if self.terms.rtol <= 0.0 || pair.stopped.is_some() || error <= goal(size) {
                break;
            }
            // What is sure of the integral; or a better look first.
            let next = goal(size - error).max(ROUGH * error);
            let performed = pair.performed;
            pair = self.pair_once(omega, a, b, [next * share, 0.0]).await?;
            pair.performed += performed;
        }
        Ok(pair)
    }

    async fn pair_once(
        &self,
        omega: f64,
        a: f64,
        b: f64,
        [atol, rtol_l1]: [f64; 2],
    ) -> Ended<Pair<E::Value>, E::Value> {
        let asked = [Fourier::cos(omega), Fourier::sin(omega)].map(|part| self.part(part, rtol_l1));
        let (real, imaginary) = join(asked[0].integrate(a, b, atol), asked[1].integrate(a, b, atol)).await;
        let mut stopped = None;
        let mut kept = |ended: Result<_, _>| match ended {
            Ok(estimate) => Ok(estimate),
            Err(Error::NotConverged { estimate, reason, needed, .. }) if !estimate.segments.is_empty() => {
                stopped = stopped.or(Some((reason, needed)));
                Ok(estimate)
            }
            Err(error) => Err(error),
        };
        let parts = [kept(real)?, kept(imaginary)?];
        let performed = parts[0].performed + parts[1].performed;
        Ok(Pair { parts, stopped, performed, atol, rtol_l1 })
    }

    /// An estimate for each frequency, and why the first that is not met was stopped.
    #[allow(clippy::type_complexity, reason = "two runs, each with how it ended")]
    async fn frequencies(
        &self,
        omegas: &[f64],
        a: f64,
        b: f64,
        atol: f64,
    ) -> Result<(Vec<Estimate<Complex<E>>>, Option<(usize, Reason, f64, usize)>), Error<Complex<E>>> {
        let (rtol, rtol_l1) = (self.terms.rtol, self.terms.settings().rtol_l1);
        if Allowance::with_l1(atol, rtol, rtol_l1).is_none() {
            return Err(Error::InvalidTolerance { atol, rtol, rtol_l1 });
        }
        let pairs = join_all(omegas.iter().map(|omega| self.pair(*omega, a, b, atol))).await;
        let pairs = pairs.into_iter().collect::<Result<Vec<_>, _>>().map_err(turned)?;
        let with_omegas: Vec<_> = omegas.iter().copied().zip(&pairs).collect();
        let evaluations = self.terms.rest_on(self.cache(), &with_omegas, a, b);
        let performed = pairs.iter().map(|pair| pair.performed).sum();
        let mut missed = None;
        let mut estimates = Vec::with_capacity(pairs.len());
        for (i, pair) in pairs.into_iter().enumerate() {
            let stopped = pair.stopped;
            let estimate = pair.estimate(a, b, evaluations, performed);
            let goal =
                atol.max(self.terms.rtol * estimate.value.norm()).max(self.terms.settings().rtol_l1 * estimate.l1);
            if missed.is_none() && (estimate.error > goal || estimate.error.is_nan()) {
                let (reason, needed) = stopped.unwrap_or((Reason::Roundoff, 0));
                missed = Some((i, reason, goal, needed));
            }
            estimates.push(estimate);
        }
        Ok((estimates, missed))
    }
}

impl<T: Spectral, M> Terms<T, M> {
    /// How many distinct points the answers rest on: the runs once more, by the values that are
    /// known.
    fn rest_on(&self, cache: &PointCache<T>, pairs: &[(f64, &Pair<T>)], a: f64, b: f64) -> usize {
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        for (omega, pair) in pairs {
            for part in [Fourier::cos(*omega), Fourier::sin(*omega)] {
                let (known, seen) = (cache.clone(), seen.clone());
                let f = move |x: f64| {
                    seen.lock().expect("nobody panics with it").insert(x.to_bits());
                    known.get(x).unwrap_or_else(T::zero)
                };
                let mut again = Integrator::new(Inline::new(f)).method(part);
                again.terms.max_evaluations = self.max_evaluations;
                let settings = again.set();
                settings.breakpoints.clone_from(&self.settings().breakpoints);
                (settings.resolution, settings.rtol_l1) = (self.settings().resolution, pair.rtol_l1);
                // How it ends is known.
                let _ = again.integrate_blocking(a, b, pair.atol);
            }
        }
        let seen = seen.lock().expect("nobody panics with it");
        seen.len()
    }
}

impl<E> Integrator<E, FourierExp>
where
    E: Evaluator<Value: Spectral> + 'static,
{
    /// Integrates `f(x) e^(i omega x)` from `a` to `b`, until the estimated error of the complex
    /// number is at most `max(atol, rtol |I|, rtol_l1 L)`.
    ///
    /// The two parts are two runs, with one set of points. `max_evaluations` holds for each.
    ///
    /// # Cost
    ///
    /// As the dearer of both parts, nearly.
    ///
    /// # Cancellation
    ///
    /// As [`integrate`](Integrator::integrate) by another method.
    ///
    /// # Errors
    ///
    /// As [`integrate`](Integrator::integrate) by another method.
    ///
    /// # Panics
    ///
    /// As [`integrate`](Integrator::integrate) by another method.
    pub async fn integrate(&self, a: f64, b: f64, atol: f64) -> Ended<Estimate<Complex<E>>, Complex<E>> {
        let (mut estimates, missed) = self.frequencies(&[self.terms.method.omega], a, b, atol).await?;
        let estimate = estimates.remove(0);
        match missed {
            None => Ok(estimate),
            Some((_, reason, goal, needed)) => ended(Verdict::Stopped(reason), estimate, goal, needed),
        }
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
    pub fn integrate_blocking(&self, a: f64, b: f64, atol: f64) -> Ended<Estimate<Complex<E>>, Complex<E>> {
        block_on(self.integrate(a, b, atol))
    }
}

impl<E> Integrator<E, FourierMany>
where
    E: Evaluator<Value: Spectral> + 'static,
{
    /// Integrates `f(x) e^(i omega x)` from `a` to `b` for all frequencies, each until its
    /// estimated error is at most `max(atol, rtol |I|, rtol_l1 L)` of its own. The value is in the
    /// order of the frequencies, the error the largest.
    ///
    /// The whole range is the only segment. `max_evaluations` holds for each frequency.
    ///
    /// # Cost
    ///
    /// Little more than the dearest frequency alone: a point that several want is evaluated once.
    /// [`Estimate::evaluations`] counts the distinct points of all.
    ///
    /// # Cancellation
    ///
    /// As [`integrate`](Integrator::integrate) by another method.
    ///
    /// # Errors
    ///
    /// As [`integrate`](Integrator::integrate) by another method. [`Error::NotConverged`] if one
    /// frequency misses its tolerance; the estimate has all of them.
    ///
    /// # Panics
    ///
    /// As [`integrate`](Integrator::integrate) by another method.
    pub async fn integrate(&self, a: f64, b: f64, atol: f64) -> Ended<Estimate<Vec<Complex<E>>>, Vec<Complex<E>>> {
        let frequencies = self.frequencies(&self.terms.method.omegas, a, b, atol).await;
        let (estimates, missed) = frequencies.map_err(turned)?;
        let most = |of: fn(&Estimate<Complex<E>>) -> f64| estimates.iter().map(of).fold(0.0, f64::max);
        let (error, l1) = (most(|e| e.error), most(|e| e.l1));
        let [evaluations, performed] = estimates.first().map_or([0, 0], |e| [e.evaluations, e.performed]);
        let value: Vec<_> = estimates.into_iter().map(|e| e.value).collect();
        let segments = one(a, b, &value, error, l1);
        let estimate = Estimate { value, error, evaluations, performed, l1, segments };
        match missed {
            None => Ok(estimate),
            Some((_, reason, goal, needed)) => ended(Verdict::Stopped(reason), estimate, goal, needed),
        }
    }

    /// Integrates like [`integrate`](Self::integrate): an estimate for each frequency, with its own
    /// error and segments.
    ///
    /// # Errors
    ///
    /// As [`integrate`](Self::integrate), with the estimate of the first frequency that misses its
    /// tolerance.
    ///
    /// # Panics
    ///
    /// As [`integrate`](Self::integrate).
    pub async fn integrate_each(&self, a: f64, b: f64, atol: f64) -> Ended<Vec<Estimate<Complex<E>>>, Complex<E>> {
        let (mut estimates, missed) = self.frequencies(&self.terms.method.omegas, a, b, atol).await?;
        match missed {
            None => Ok(estimates),
            Some((i, reason, goal, needed)) => {
                let estimate = estimates.swap_remove(i);
                ended(Verdict::Stopped(reason), estimate, goal, needed).map(|_| unreachable!("it has stopped"))
            }
        }
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
    pub fn integrate_blocking(&self, a: f64, b: f64, atol: f64) -> Ended<Estimate<Vec<Complex<E>>>, Vec<Complex<E>>> {
        block_on(self.integrate(a, b, atol))
    }

    /// Integrates like [`integrate_each`](Self::integrate_each), blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`integrate_each`](Self::integrate_each).
    ///
    /// # Panics
    ///
    /// As [`integrate`](Self::integrate).
    pub fn integrate_each_blocking(&self, a: f64, b: f64, atol: f64) -> Ended<Vec<Estimate<Complex<E>>>, Complex<E>> {
        block_on(self.integrate_each(a, b, atol))
    }
}
