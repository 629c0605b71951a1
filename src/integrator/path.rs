//! Integrals along paths in the complex plane.

use futures_lite::future::block_on;

use super::Integrator;
use crate::error::Error;
use crate::estimate::Estimate;
use crate::evaluation::Evaluator;
use crate::numerics::method::Method;
use crate::numerics::path::{Along, Path};
use crate::numerics::value::Value;

/// The integrator that goes along a path, and its limits.
type Asked<E, M> = (Integrator<E, Along<M>>, f64, f64);

impl<E, M> Integrator<E, M>
where
    E: Evaluator<Value: Value> + 'static,
    M: Method,
{
    /// Integrates a function of a complex variable along a path: the integral of `f(z) dz`, by the
    /// method of this integrator, until the estimated error meets the tolerance as in
    /// [`integrate`](Self::integrate).
    ///
    /// The evaluator is given the path's real parameter `s`, and returns `f(path.at(s))`, without
    /// the slope of the path: see [`Path::at`]. So any evaluator will do, in this process or far
    /// away, and a cache keeps the values of `f` by the parameter. The values are complex numbers,
    /// or arrays or vectors of them; others do not compile.
    ///
    /// Breakpoints, and the segments of the estimate, are parameters. All pieces of the path are
    /// one run with one tolerance. [`offsets`](Self::offsets) has no effect: the parameter is 0
    /// where `z` is, if a point of the path is.
    ///
    /// # Numerics
    ///
    /// The path's points are breakpoints, so that no segment has a corner inside. A ray is half of
    /// an infinite range: the integrand has to fall along it, at least as fast as `1 / |z|^2`, say.
    ///
    /// # Cost
    ///
    /// As [`integrate`](Self::integrate) with a breakpoint for each inner point of the path. A path
    /// without length costs nothing.
    ///
    /// # Determinism
    ///
    /// As [`integrate`](Self::integrate). Points and slopes of the path are made by + - * / alone:
    /// they have the same bits on every machine.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPath`] before anything is evaluated; else as [`integrate`](Self::integrate).
    /// The `x` of an error is a parameter.
    ///
    /// # Panics
    ///
    /// As [`integrate`](Self::integrate).
    ///
    /// # Examples
    ///
    /// `exp(-z^2)` up to a point, and on to infinity:
    ///
    /// ```
    /// use coquad::{Integrator, Path, ThreadPool};
    /// use num_complex::Complex;
    ///
    /// # futures::executor::block_on(async {
    /// let path = Path::new(Complex::ZERO).line_to(Complex::new(0.5, 0.5)).to_infinity(Complex::ONE);
    /// let along = path.clone();
    /// let gauss = move |s: f64| {
    ///     let z = along.at(s);
    ///     (-z * z).exp()
    /// };
    /// let integrator = Integrator::new(ThreadPool::new(4).evaluator(gauss));
    /// let e = integrator.integrate_path(&path, 1e-12).await?;
    /// assert!((e.value - std::f64::consts::PI.sqrt() / 2.0).norm() <= 1e-12);
    /// # Ok::<(), coquad::Error<Complex<f64>>>(()) }).unwrap();
    /// ```
    pub async fn integrate_path(
        &self,
        path: impl Into<Path>,
        atol: f64,
    ) -> Result<Estimate<E::Value>, Error<E::Value>> {
        let (asked, a, b) = self.along(path.into())?;
        asked.integrate(a, b, atol).await
    }

    /// Integrates like [`integrate_path`](Self::integrate_path), blocking the calling thread.
    ///
    /// # Errors
    ///
    /// As [`integrate_path`](Self::integrate_path).
    ///
    /// # Panics
    ///
    /// As [`integrate`](Self::integrate).
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator, Path};
    /// use num_complex::Complex;
    ///
    /// let path = Path::from([Complex::ZERO, Complex::ONE, Complex::new(1.0, 1.0)]);
    /// let along = path.clone();
    /// let integrator = Integrator::new(Inline::new(move |s: f64| along.at(s).exp()));
    /// let e = integrator.integrate_path_blocking(&path, 1e-12)?;
    /// assert!((e.value - (Complex::new(1.0, 1.0).exp() - 1.0)).norm() <= 1e-12);
    /// # Ok::<(), coquad::Error<Complex<f64>>>(())
    /// ```
    pub fn integrate_path_blocking(
        &self,
        path: impl Into<Path>,
        atol: f64,
    ) -> Result<Estimate<E::Value>, Error<E::Value>> {
        let (asked, a, b) = self.along(path.into())?;
        block_on(asked.integrate(a, b, atol))
    }

    /// The integrator that goes along a path, and from where to where.
    fn along(&self, path: Path) -> Result<Asked<E, M>, Error<E::Value>> {
        const { assert!(<E::Value as Value>::COMPLEX, "an integrand on a path has complex values") };
        if let Some((at, wrong)) = path.wrong() {
            return Err(Error::InvalidPath { at, re: wrong.re, im: wrong.im });
        }
        let (a, b) = path.limits();
        let mut asked = self.clone();
        let settings = asked.set();
        settings.offsets = false;
        settings.breakpoints.extend(path.parameters());
        // A ray goes on at the pace of the pieces before it.
        let parameters = || path.parameters().map(|s| s + 0.0);
        let inner = match (a.is_finite(), b.is_finite()) {
            (true, false) => parameters().last(),
            (false, true) => parameters().next(),
            _ => None,
        };
        settings.scale = settings.scale.or(inner.map(|s| (s, 1.0)));
        let domain = asked.terms.pieces(a, b)?;
        let method = Along::new(self.terms.method.clone(), path, domain);
        Ok((asked.method(method), a, b))
    }
}
