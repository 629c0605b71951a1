//! Oscillating weights, sin(omega x) and cos(omega x), on finite and infinite ranges, with global
//! control.
//!
//! INVARIANT: where a panel's points are, and whether its order is raised or the panel is cut, does
//! not depend on the frequency. How far refinement goes does. So integrals of several frequencies
//! share their points.

mod ahead;
mod bessel;
mod complex;
mod end;
mod moments;
mod tail;
mod window;

pub use self::bessel::Bessel;
pub use self::complex::{FourierExp, FourierMany};
use self::moments::{moments, phase};
use super::method::{Control, Guess, Local, Method, Panel};
use super::product::{self, Series, TOP};
use super::twice::two_sum;
use super::value::Value;

/// Fourier integrals: of `f(x) sin(omega x)` or `f(x) cos(omega x)`, where the evaluator evaluates
/// `f` alone.
///
/// The weight is in the rule, so the cost does not grow with the frequency. Infinite ranges are
/// allowed, also where the integral converges by the oscillation alone.
///
/// # Numerics
///
/// On a panel with finite limits `f` is the Chebyshev series through nested Clenshaw-Curtis points,
/// of degree 8 to 64; the moments of the weight are found by a recurrence that is stable for every
/// frequency and width. The error rests on how fast the coefficients fall and on the difference of
/// two nested rules. An infinite range ends with a panel over which a smooth window falls from one
/// to zero: what lies beyond cancels itself by oscillation. Its error rests on three windows of
/// different smoothness. Panels double their width on the way out, until the error meets the
/// tolerance.
///
/// The phase is that of the numbers given: the product of `omega` and a limit is taken with twice
/// the digits.
///
/// The limits and breakpoints are evaluated. Where `f` is not finite there, the point is left out.
/// Next to a limit where `f` is singular the variable is the eighth root of the distance, or the
/// 32nd (of a limit other than zero the fourth, or the square root, as rounding allows), in which
/// powers above -1 and logarithms are smooth. `f` has to be smooth far out, on the scale of the
/// distance, or on that of the panels; and it has to fall there: if it does not between the
/// distances 2^24 and 2^36, the integral is [`Reason::Divergent`](crate::Reason::Divergent).
///
/// # Cost
///
/// 17 evaluations for the first panel; 16 and 32 more to raise its order; about 14 for the two
/// halves of a bisection. To infinity 19 for the first panel and 16 for each that follows, of twice
/// the width: about `log2(60 / omega)` of them for an algebraic `f`, fewer for one that falls
/// exponentially.
///
/// # References
///
/// R. Piessens, M. Branders, "Computation of oscillating integrals", J. Comput. Appl. Math. 1
/// (1975) 153-164. V. Dominguez, I. G. Graham, V. P. Smyshlyaev, "Stability and error estimates for
/// Filon-Clenshaw-Curtis rules for highly oscillatory integrals", IMA J. Numer. Anal. 31 (2011)
/// 1253-1280.
///
/// # Examples
///
/// ```
/// use coquad::{Fourier, Inline, Integrator};
///
/// let f = Inline::new(|x: f64| 1.0 / (1.0 + x * x));
/// let e = Integrator::new(f).method(Fourier::cos(2.0)).integrate_blocking(0.0, f64::INFINITY, 1e-12)?;
/// assert!((e.value - std::f64::consts::FRAC_PI_2 * (-2f64).exp()).abs() <= 1e-12);
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Fourier {
    omega: f64,
    part: Part,
}

/// Which part of `e^(i omega x)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Part {
    Cos,
    Sin,
}

/// The rule of a panel, and what its estimate noted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(hidden)]
pub struct Stage {
    /// The rule has `2^log + 1` points.
    log: u8,
    /// Whether the left and the right end are those of a whole piece: where points may be left out.
    open: [bool; 2],
    /// Of a panel that ends at infinity, how wide its window is; zero of the first one.
    width: f64,
    /// Noted: a higher order is worth more than two halves, or than the next window.
    raise: bool,
    /// Noted: the next window may be twice as wide.
    widen: bool,
    /// Noted: an open end had a value that is not finite.
    patched: bool,
    /// How many bisections in a row led here that left the open end to this panel.
    towards: u8,
    /// Whether the variable is a root of the distance from the open end: 1, and 2 for a higher one;
    /// else 0.
    graded: u8,
}

/// The order of a whole piece, and of a window. A narrow feature between its points is not seen.
const FIRST: u8 = 4;
/// The order of a half: lower orders waste less near a singularity.
const HALF: u8 = 3;

impl Fourier {
    /// The integral of `f(x) cos(omega x)`.
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
    /// // Of 1 / (1 + x^2) on [0, 10], with a million oscillations: as many evaluations as without.
    /// let integrator = Integrator::new(Inline::new(|x: f64| 1.0 / (1.0 + x * x)));
    /// let e = integrator.method(Fourier::cos(1e6)).integrate_blocking(0.0, 10.0, 1e-14)?;
    /// assert!(e.evaluations < 200);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn cos(omega: f64) -> Self {
        Self::new(omega, Part::Cos)
    }

    /// The integral of `f(x) sin(omega x)`.
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
    /// // The integral converges by the oscillation alone.
    /// let integrator = Integrator::new(Inline::new(|x: f64| 1.0 / x)).method(Fourier::sin(3.0));
    /// let e = integrator.integrate_blocking(1.0, f64::INFINITY, 1e-10)?;
    /// assert!((e.value - (std::f64::consts::FRAC_PI_2 - 1.848_652_527_999_468_3)).abs() <= 1e-10);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn sin(omega: f64) -> Self {
        Self::new(omega, Part::Sin)
    }

    fn new(omega: f64, part: Part) -> Self {
        assert!(omega.is_finite(), "the frequency {omega:?} is not finite");
        Self { omega, part }
    }

    /// The frequency, as given.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(coquad::Fourier::sin(-2.5).omega(), -2.5);
    /// ```
    #[must_use]
    pub fn omega(&self) -> f64 {
        self.omega
    }

    /// Of moments with a real and an imaginary part, those of the weight on a panel whose midpoint
    /// has this phase.
    fn projected(&self, (sin, cos): (f64, f64), [real, imaginary]: [&[f64]; 2]) -> Vec<f64> {
        let pairs = real.iter().zip(imaginary);
        match self.part {
            Part::Cos => pairs.map(|(re, im)| cos * re - sin * im).collect(),
            Part::Sin if self.omega >= 0.0 => pairs.map(|(re, im)| sin * re + cos * im).collect(),
            Part::Sin => pairs.map(|(re, im)| -(sin * re + cos * im)).collect(),
        }
    }

    /// How the weight looks on a panel with finite limits.
    fn seen(&self, a: f64, b: f64, moments_to: usize) -> Seen {
        let omega = self.omega.abs();
        // Twice the digits: the ends of neighbours are the same place then, and what they have
        // there cancels.
        let (high, low) = two_sum(a / 2.0, b / 2.0);
        let middle = phase(omega, high, low);
        let (high, low) = two_sum(b / 2.0, -a / 2.0);
        let theta = omega * high;
        Seen { middle, theta, half: high, moments: moments(theta, phase(omega, high, low), moments_to) }
    }

    /// Judges a panel with finite limits.
    fn finite<T: Value>(&self, panel: &mut Panel<Stage>, values: &[T]) -> Local<T> {
        let mut patched = values.to_vec();
        panel.kind.patched = product::patch(&mut patched, panel.kind.open) != [false, false];
        let series = Series::new(&patched);
        panel.kind.raise = series.falls_fast;
        let n = values.len() - 1;
        let Seen { middle, half, moments, .. } = self.seen(panel.a, panel.b, n);
        // Moments of even order are real, those of odd order imaginary.
        let part = |odd: usize| moments.iter().enumerate().map(|(k, m)| if k % 2 == odd { *m } else { 0.0 }).collect();
        let (real, imaginary): (Vec<f64>, Vec<f64>) = (part(0), part(1));
        let sizes: Vec<f64> = moments.iter().map(|moment| moment.abs()).collect();
        self.against(&series, middle, [&real, &imaginary], &sizes, half)
    }

    /// The integral of a series against this part of the weight. The error is that of the worse
    /// part, so that both parts of one frequency are refined alike.
    fn against<T: Value>(
        &self,
        series: &Series<'_, T>,
        middle: (f64, f64),
        moments: [&[f64]; 2],
        sizes: &[f64],
        half: f64,
    ) -> Local<T> {
        let local = series.against(&self.projected(middle, moments), sizes, half);
        let other = Self { part: self.part.other(), ..*self };
        no_better(local, &series.against(&other.projected(middle, moments), sizes, half))
    }
}

/// What is known of an integral, with an error that is no smaller than another one.
fn no_better<T>(mut local: Local<T>, other: &Local<T>) -> Local<T> {
    // An error that is not a number stays one.
    local.error = if other.error < local.error { local.error } else { other.error };
    local.roundoff = local.roundoff.max(other.roundoff);
    local
}

impl Part {
    fn other(self) -> Self {
        match self {
            Part::Cos => Part::Sin,
            Part::Sin => Part::Cos,
        }
    }
}

/// How the weight looks on a panel with finite limits.
struct Seen {
    /// The sine and the cosine at the midpoint.
    middle: (f64, f64),
    /// By how much the phase grows over half of the panel.
    theta: f64,
    half: f64,
    moments: Vec<f64>,
}

impl Method for Fourier {
    type Kind = Stage;
    const REUSES_POINTS: bool = true;
    const IN_X: bool = true;
    const LOOKS_FAR: bool = true;

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) -> Stage {
        Stage {
            log: FIRST,
            open: [true, true],
            width: 0.0,
            raise: false,
            widen: false,
            patched: false,
            towards: 0,
            graded: 0,
        }
    }

    fn points(&self, panel: &Panel<Stage>, into: &mut Vec<f64>) {
        if panel.kind.graded > 0 {
            return end::points(panel, into);
        }
        product::points(&tail::near(panel), usize::from(panel.kind.log), into);
        tail::far(panel).into_iter().for_each(|x| into.push(x));
    }

    fn count(&self, panel: &Panel<Stage>) -> usize {
        if panel.kind.graded > 0 {
            return end::count(panel.kind.log);
        }
        product::count(usize::from(panel.kind.log)) + tail::far(panel).len()
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<Stage>, values: &[T]) -> Local<T> {
        if panel.kind.graded > 0 {
            end::judge(panel, values, |x| {
                let (sin, cos) = phase(self.omega, x, 0.0);
                if self.part == Part::Cos { [cos, sin] } else { [sin, cos] }
            })
        } else if tail::is_tail(panel) {
            self.tail(panel, values)
        } else {
            self.finite(panel, values)
        }
    }

    fn refine(&self, panel: &Panel<Stage>, _error: f64, into: &mut Vec<Panel<Stage>>) {
        let Stage { log, open, raise, towards, graded, .. } = panel.kind;
        if raise && usize::from(log) < TOP {
            let kind = Stage { log: log + 1, raise: false, ..panel.kind };
            into.push(Panel { depth: panel.depth + 1, kind, ..*panel });
            return;
        }
        if tail::is_tail(panel) {
            tail::further(panel, into);
            return;
        }
        if let Some(graded) = end::graded(self.omega, panel) {
            into.push(graded);
            return;
        }
        let first = into.len();
        let kind = Stage { log: HALF, raise: false, patched: false, graded: 0, ..panel.kind };
        panel.bisect(kind, into);
        if let [left, right] = &mut into[first..] {
            (left.kind.open, right.kind.open) = ([open[0], false], [false, open[1]]);
            for half in [left, right] {
                let is_open = half.kind.open != [false, false];
                half.kind.towards = if is_open { towards.saturating_add(1) } else { 0 };
                if is_open && graded > 0 {
                    (half.kind.graded, half.kind.log) = (graded, log);
                }
            }
        }
    }

    fn predict(&self, panel: &Panel<Stage>, into: &mut Vec<Panel<Stage>>) {
        self.refine(panel, f64::NAN, into);
    }

    fn ahead<T: Value>(&self, panel: &Panel<Stage>, values: &[T], allowed: f64, into: &mut Vec<Guess<Stage>>) {
        ahead::ahead(self, panel, values, allowed, into);
    }
}

#[cfg(test)]
mod tests;
