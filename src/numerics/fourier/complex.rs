//! Both parts at once, for one frequency and for many.

use super::Fourier;

/// Integrals of `f(x) e^(i omega x)`: [`Fourier::exp`].
///
/// # Examples
///
/// ```
/// use coquad::{Fourier, Inline, Integrator};
///
/// let integrator = Integrator::new(Inline::new(|x: f64| (-x).exp())).method(Fourier::exp(2.0));
/// let e = integrator.integrate_blocking(0.0, f64::INFINITY, 1e-10)?;
/// // 1 / (1 - 2 i)
/// assert!((e.value.re - 0.2).abs() < 1e-10 && (e.value.im - 0.4).abs() < 1e-10);
/// # Ok::<(), coquad::Error<num_complex::Complex<f64>>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FourierExp {
    pub(crate) omega: f64,
}

/// Integrals of `f(x) e^(i omega x)` for many frequencies, from one set of evaluations:
/// [`Fourier::many`].
///
/// # Examples
///
/// ```
/// use coquad::{Fourier, Inline, Integrator};
///
/// let omegas = [1.0, 2.0, 4.0];
/// let integrator = Integrator::new(Inline::new(|x: f64| (-x).exp())).method(Fourier::many(&omegas));
/// // Each with its own error.
/// for (e, omega) in integrator.integrate_each_blocking(0.0, f64::INFINITY, 1e-10)?.iter().zip(omegas) {
///     assert!((e.value.re - 1.0 / (1.0 + omega * omega)).abs() <= e.error.max(1e-15));
/// }
/// # Ok::<(), coquad::Error<num_complex::Complex<f64>>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FourierMany {
    pub(crate) omegas: Vec<f64>,
}

impl Fourier {
    /// The integral of `f(x) e^(i omega x)`, which is complex ([`Spectral`](crate::Spectral)).
    ///
    /// # Panics
    ///
    /// If `omega` is not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Fourier, Inline, Integrator};
    ///
    /// let integrator = Integrator::new(Inline::new(|x: f64| x)).method(Fourier::exp(std::f64::consts::PI));
    /// let e = integrator.integrate_blocking(-1.0, 1.0, 1e-12)?;
    /// assert!(e.value.re.abs() < 1e-12 && (e.value.im - std::f64::consts::FRAC_2_PI).abs() < 1e-12);
    /// # Ok::<(), coquad::Error<num_complex::Complex<f64>>>(())
    /// ```
    #[must_use]
    pub fn exp(omega: f64) -> FourierExp {
        FourierExp { omega: Self::cos(omega).omega }
    }

    /// The integrals of `f(x) e^(i omega x)` for many frequencies, from one set of evaluations. The
    /// value is a vector of complex numbers, in the order of the frequencies.
    ///
    /// # Panics
    ///
    /// If a frequency is not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Fourier, Inline, Integrator};
    ///
    /// let integrator = Integrator::new(Inline::new(|x: f64| (-x).exp())).method(Fourier::many(&[1.0, 2.0, 4.0]));
    /// let e = integrator.integrate_blocking(0.0, f64::INFINITY, 1e-10)?;
    /// assert!((e.value[1].re - 0.2).abs() < 1e-10 && (e.value[1].im - 0.4).abs() < 1e-10);
    /// # Ok::<(), coquad::Error<Vec<num_complex::Complex<f64>>>>(())
    /// ```
    #[must_use]
    pub fn many(omegas: &[f64]) -> FourierMany {
        FourierMany { omegas: omegas.iter().map(|omega| Self::cos(*omega).omega).collect() }
    }
}
