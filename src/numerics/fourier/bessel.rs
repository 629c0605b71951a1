//! Bessel functions as weights: Hankel transforms.
//!
//! Panels and orders are those of [`Fourier`](super::Fourier): they depend on neither frequency nor
//! kind of the weight. The moments are found by rules of their own (`bessel/places.rs`).

mod places;
mod wave;

use std::fmt;

use self::places::{Places, Span};
use self::wave::Wave;
use super::super::method::{Control, Guess, Local, Method, Panel};
use super::super::product::Series;
use super::super::value::Value;
use super::moments::phase;
use super::tail::{self, Through};
use super::window::{TERMS, windows};
use super::{Fourier, Stage, end, no_better};

/// Integrals against a Bessel function of the first kind, of `f(x) J_nu(omega x)`, where the
/// evaluator evaluates `f` alone: Hankel transforms, with `f(x) = x g(x)`.
///
/// The weight is in the rule, so the cost does not grow with the frequency. Infinite ranges are
/// allowed, also where the integral converges by the oscillation alone.
///
/// # Numerics
///
/// As [`Fourier`](crate::Fourier), with other moments: on a panel `f` is the Chebyshev series
/// through nested Clenshaw-Curtis points, of degree 8 to 64, or the end of an infinite range seen
/// through a smooth window. The moments of the weight are right to about 1e-14 of the largest, for
/// every frequency and width: next to zero the power of `x` is in their rule, and where the
/// function oscillates `e^(i omega x)` is, beside an amplitude that varies as slowly as `x`. The
/// error of a panel is that of the worse of the orders `nu` and `nu + 1`, which oscillate a quarter
/// of a period apart.
///
/// `f` has to fall far out when it is divided by the root of the distance: if it does not, the
/// integral is [`Reason::Divergent`](crate::Reason::Divergent). It has to be smooth there, on the
/// scale of the distance: an `f` that oscillates itself to infinity ends with
/// [`Reason::Roundoff`](crate::Reason::Roundoff) or [`Reason::Budget`](crate::Reason::Budget).
///
/// # Cost
///
/// Evaluations as [`Fourier`](crate::Fourier), at the same points: a cache serves both, every
/// frequency and every order. The moments take some hundred microseconds for each panel.
///
/// # Errors
///
/// [`Error::Unsuitable`](crate::Error::Unsuitable) from the call that integrates: if a limit is
/// negative, the order is not from 0 to 50, or the frequency is not positive and finite.
/// [`Error::InvalidInterval`](crate::Error::InvalidInterval) with
/// [`offsets`](crate::Integrator::offsets).
///
/// # References
///
/// R. Piessens, M. Branders, "Modified Clenshaw-Curtis method for the computation of Bessel
/// function integrals", BIT 23 (1983) 370-381: product rules. G. N. Watson, "A treatise on the
/// theory of Bessel functions" (1944), sections 5.2, 7.2 and 16.1.
///
/// # Examples
///
/// ```
/// use coquad::{Bessel, Inline, Integrator};
///
/// // The Hankel transform of exp(-x^2 / 2), which is its own.
/// let f = Inline::new(|x: f64| x * (-x * x / 2.0).exp());
/// let e = Integrator::new(f).method(Bessel::j(0.0, 1.5)).integrate_blocking(0.0, f64::INFINITY, 1e-12)?;
/// assert!((e.value - (-1.5f64 * 1.5 / 2.0).exp()).abs() <= 1e-12);
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Bessel {
    order: f64,
    omega: f64,
    /// The function of the order and of the next, once a range is known.
    #[cfg_attr(feature = "serde", serde(skip))]
    waves: Option<Box<[Wave; 2]>>,
}

/// What rounding leaves, in units of that of exact moments: they are sums over many places.
const ROUNDOFF: f64 = 4.0;
/// The largest order.
const MOST: f64 = 50.0;

impl Bessel {
    /// The integral of `f(x) J_nu(omega x)`, with `nu` from 0 to 50 and a positive `omega`.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Bessel, Inline, Integrator};
    ///
    /// // The integral of J_2(3 x) over all x: one over the frequency, of every order.
    /// let one = Integrator::new(Inline::new(|_| 1.0_f64)).method(Bessel::j(2.0, 3.0));
    /// let e = one.integrate_blocking(0.0, f64::INFINITY, 1e-10)?;
    /// assert!((e.value - 1.0 / 3.0).abs() <= 1e-10);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub const fn j(nu: f64, omega: f64) -> Self {
        Self { order: nu, omega, waves: None }
    }

    /// The order, as given.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(coquad::Bessel::j(0.5, 3.0).order(), 0.5);
    /// ```
    #[must_use]
    pub const fn order(&self) -> f64 {
        self.order
    }

    /// The frequency, as given.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(coquad::Bessel::j(0.5, 3.0).omega(), 3.0);
    /// ```
    #[must_use]
    pub const fn omega(&self) -> f64 {
        self.omega
    }

    /// The method of the panels.
    fn panels(&self) -> Fourier {
        Fourier::cos(self.omega)
    }

    /// The functions.
    fn waves(&self) -> &[Wave; 2] {
        self.waves.as_deref().expect("a range is known before panels are")
    }
}

/// Of the order and of the frequency: the rest follows.
impl PartialEq for Bessel {
    fn eq(&self, other: &Self) -> bool {
        (self.order, self.omega) == (other.order, other.omega)
    }
}

impl fmt::Debug for Bessel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bessel").field("order", &self.order).field("omega", &self.omega).finish()
    }
}

impl Method for Bessel {
    type Kind = Stage;
    const REUSES_POINTS: bool = true;
    const IN_X: bool = true;
    const LOOKS_FAR: bool = true;

    fn over(&self, a: f64, _: f64) -> Result<Self, &'static str> {
        if !(0.0..=MOST).contains(&self.order) {
            return Err("the order is not from 0 to 50");
        }
        if !(self.omega > 0.0 && self.omega.is_finite()) {
            return Err("the frequency is not positive and finite");
        }
        if a < 0.0 {
            return Err("a limit is negative");
        }
        let far = Wave::far(self.order);
        let waves = [self.order, self.order + 1.0].map(|order| Wave::new(order, far));
        Ok(Self { waves: Some(Box::new(waves)), ..*self })
    }

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) -> Stage {
        self.panels().root()
    }

    fn points(&self, panel: &Panel<Stage>, into: &mut Vec<f64>) {
        self.panels().points(panel, into);
    }

    fn count(&self, panel: &Panel<Stage>) -> usize {
        self.panels().count(panel)
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<Stage>, values: &[T]) -> Local<T> {
        let waves = self.waves();
        if panel.kind.graded > 0 {
            let at = |x: f64| {
                let turn = phase(self.omega, x, 0.0);
                waves.each_ref().map(|wave| wave.value(self.omega * x, turn))
            };
            return end::judge(panel, values, at);
        }
        let near = tail::near(panel);
        let (patched, beyond) = tail::looked(panel, values);
        let series = Series::new(&patched);
        let (n, half) = (patched.len() - 1, near.b / 2.0 - near.a / 2.0);
        let span = Span { a: near.a, b: near.b };
        // Both orders are judged, as either integral may be small by its phase.
        let judged = |moments: &[Vec<f64>; 2]| {
            let sizes = tail::sizes(moments);
            let [own, other] = moments.each_ref().map(|moments| series.against(moments, &sizes, half));
            let mut local = no_better(own, &other);
            local.roundoff *= ROUNDOFF;
            local.error = if local.error < local.roundoff { local.roundoff } else { local.error };
            local
        };
        if !tail::is_tail(panel) {
            panel.kind.raise = series.falls_fast;
            return judged(&Places::new(waves, self.omega, span, n).moments(n));
        }
        let theta = self.omega * half;
        let moments = Places::new(waves, self.omega, span, n + TERMS).windowed(n, windows(theta));
        // The weight itself falls like the root of the distance.
        let kept = tail::KEPT * (tail::FAR[1] / tail::FAR[0]).sqrt();
        let local = judged(&moments[0]);
        tail::judge(
            panel,
            (&patched, beyond),
            series.falls_fast,
            &Through { moments: &moments, theta, half, kept },
            local,
        )
    }

    fn refine(&self, panel: &Panel<Stage>, error: f64, into: &mut Vec<Panel<Stage>>) {
        self.panels().refine(panel, error, into);
    }

    fn predict(&self, panel: &Panel<Stage>, into: &mut Vec<Panel<Stage>>) {
        self.panels().predict(panel, into);
    }

    fn ahead<T: Value>(&self, panel: &Panel<Stage>, values: &[T], allowed: f64, into: &mut Vec<Guess<Stage>>) {
        self.panels().ahead(panel, values, allowed, into);
    }
}
