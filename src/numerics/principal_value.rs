//! Cauchy principal values: the pole is in the weights, the values are those of the integrand
//! without it.

mod moments;

use self::moments::cauchy;
use super::method::{Control, Guess, Local, Method, Panel};
use super::value::Value;
use super::weighted::{self, Moments, Weighed, Weight, plain};

/// Cauchy principal values: of `f(x) / (x - c)`, where `f` is what is evaluated; of `f(x) / ((x -
/// c) (x - d) ..)` if there are several poles.
///
/// The integrand that an evaluator is given is `f` alone, without the pole: of `exp(x) / (x - 1)`
/// it is `exp(x)`. It may be evaluated at a pole, and has to be continuous there.
///
/// # Numerics
///
/// In each panel `f` is interpolated at nested points of Clenshaw and Curtis, 9 to 65 of them, and
/// the Chebyshev series is integrated against `1 / (x - c)` exactly, as a principal value if the
/// pole is in the panel. A pole that is the limit of two panels has in both the finite part: what
/// is infinite cancels. So poles may lie anywhere, also an ulp from a limit. Panels are refined as
/// by [`ClenshawCurtis`](crate::ClenshawCurtis): a higher order while the coefficients fall fast,
/// else two halves.
///
/// Infinite ranges are divided one unit outside the poles. Beyond, the variable is that of a Möbius
/// map, under which a pole stays one. `f` has to fall there, as slowly as it may. Breakpoints are
/// at home here, too.
///
/// A pole may lie outside the range: then it is an integral like any other, and may be as near as
/// it likes.
///
/// The principal value of a sum of poles of higher order does not exist. If `f` jumps at a pole, or
/// is infinite, no refinement helps, and the run ends with
/// [`Reason::Divergent`](crate::Reason::Divergent), or with
/// [`Error::NonFinite`](crate::Error::NonFinite) at the pole.
///
/// # Cost
///
/// 17 evaluations at least, and some tens for a smooth `f` on a finite range; the position of the
/// pole does not matter.
///
/// # Errors
///
/// [`Error::Unsuitable`](crate::Error::Unsuitable) from the call that integrates: if a pole is a
/// limit of the range, is not finite, or is given twice.
/// [`Error::InvalidInterval`](crate::Error::InvalidInterval) with
/// [`offsets`](crate::Integrator::offsets).
///
/// # References
///
/// R. Piessens, M. van Roy-Branders, I. Mertens, "The automatic evaluation of Cauchy principal
/// value integrals", Angew. Inf. 18 (1976) 31-35: the recurrence of the moments. T. Hasegawa, T.
/// Torii, "An automatic quadrature for Cauchy principal value integrals", Math. Comp. 56 (1991)
/// 741-754: nested points. P. Gonnet, "Increasing the reliability of adaptive quadrature using
/// explicit interpolants", ACM TOMS 37 (2010): values that are not finite.
///
/// # Examples
///
/// ```
/// use coquad::{Inline, Integrator, PrincipalValue};
///
/// // 1 / x from -1 to 2: the logarithm of 2.
/// let one = Integrator::new(Inline::new(|_| 1.0)).method(PrincipalValue::at(0.0));
/// let e = one.integrate_blocking(-1.0, 2.0, 1e-12)?;
/// assert!((e.value - 2f64.ln()).abs() <= 1e-12);
/// // x / ((x - 1) (x + 1)) on the line, times a Gaussian.
/// let f = |x: f64| x * (-x * x).exp();
/// let two = Integrator::new(Inline::new(f)).method(PrincipalValue::at(1.0).and(-1.0));
/// let e = two.integrate_blocking(f64::NEG_INFINITY, f64::INFINITY, 1e-10)?;
/// assert!(e.error <= 1e-10);
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PrincipalValue {
    poles: Vec<f64>,
    /// Between which places the poles are that infinite ranges are divided for, if not only these.
    span: Option<[f64; 2]>,
}

/// Principal values with many poles, one at a time: made by [`PrincipalValue::many`].
///
/// # Examples
///
/// The Hilbert transform of `1 / (1 + x^2)`, which is `-pi c / (1 + c^2)`, by the points of one
/// integral:
///
/// ```
/// use coquad::{Inline, Integrator, PrincipalValue};
///
/// let cs: Vec<f64> = (0..100).map(|i| 0.05 * f64::from(i) - 2.5).collect();
/// let lorentz = Integrator::new(Inline::new(|x: f64| 1.0 / (1.0 + x * x)));
/// let many = lorentz.method(PrincipalValue::many(&cs));
/// let e = many.integrate_blocking(f64::NEG_INFINITY, f64::INFINITY, 1e-10)?;
/// for (value, c) in e.value.iter().zip(&cs) {
///     assert!((value + std::f64::consts::PI * c / (1.0 + c * c)).abs() <= 1e-10);
/// }
/// assert!(e.evaluations < 600);
/// # Ok::<(), coquad::Error<Vec<f64>>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PrincipalValues {
    poles: Vec<f64>,
}

impl PrincipalValues {
    /// The method for each pole alone. All of them divide infinite ranges alike, so that they want
    /// the same points.
    pub(crate) fn each(&self) -> impl Iterator<Item = PrincipalValue> + '_ {
        let finite = || self.poles.iter().copied().filter(|pole| pole.is_finite());
        let span = [finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max)];
        self.poles.iter().map(move |pole| PrincipalValue { poles: vec![*pole], span: Some(span) })
    }
}

/// A pole at least so far from the middle of a panel, in units of half its width, may be a factor
/// of the values instead of the weights: the values have to be resolved with it, by Chebyshev
/// series that fall by 5.8 from term to term.
const FAR: f64 = 3.0;
/// How far outside the poles the finite part of an infinite range ends.
const OUTSIDE: f64 = 1.0;

impl PrincipalValue {
    /// Creates the method for one pole.
    #[must_use]
    pub fn at(c: f64) -> Self {
        Self { poles: vec![c], span: None }
    }

    /// Creates the method for many principal values of one integrand, of `f(x) / (x - c)` for each
    /// `c` alone: Hilbert transforms, the relations of Kramers and Kronig. All share one set of
    /// evaluations.
    #[must_use]
    pub fn many(poles: &[f64]) -> PrincipalValues {
        PrincipalValues { poles: poles.to_vec() }
    }

    /// The method for one more pole: the weight is one over the product of the distances.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator, PrincipalValue};
    ///
    /// // 1 / (x^2 - 1) from -2 to 3.
    /// let method = PrincipalValue::at(1.0).and(-1.0);
    /// let e = Integrator::new(Inline::new(|_| 1.0)).method(method).integrate_blocking(-2.0, 3.0, 1e-12)?;
    /// assert!((e.value - (0.5f64.ln() - 3f64.ln()) / 2.0).abs() <= 1e-12);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub fn and(mut self, c: f64) -> Self {
        self.poles.push(c);
        self
    }
}

/// The poles of a panel: those in the weights, in the flat variable, and those in the factors.
struct Split {
    near: Vec<f64>,
    far: Vec<f64>,
}

impl PrincipalValue {
    fn split(&self, panel: &Panel<Weighed>) -> Split {
        let flat = weighted::flat(panel);
        let (c, width) = (flat.midpoint(), flat.b - flat.a);
        // On a finite panel one pole is always better off in the weights.
        let always = self.poles.len() == 1 && panel.kind.tail.is_none();
        let is_near = |pole: &f64| {
            let at = panel.kind.tail.map_or(*pole, |tail| tail.u(*pole));
            always || (2.0 * ((at - c) / width)).abs() < FAR
        };
        let (near, far) = self.poles.iter().partition(|pole| is_near(pole));
        Split { near, far }
    }
}

impl Method for PrincipalValue {
    type Kind = Weighed;
    const REUSES_POINTS: bool = true;
    const IN_X: bool = true;
    const LOOKS_FAR: bool = true;

    fn over(&self, a: f64, b: f64) -> Result<Self, &'static str> {
        let mut poles = self.poles.clone();
        poles.sort_by(f64::total_cmp);
        poles.iter_mut().for_each(|pole| *pole += 0.0);
        if poles.iter().any(|pole| !pole.is_finite()) {
            return Err("a pole is not finite");
        }
        if poles.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err("two poles are one, which is not simple");
        }
        let is = |x: f64, y: f64| (x + 0.0).to_bits() == (y + 0.0).to_bits();
        if poles.iter().any(|pole| is(*pole, a) || is(*pole, b)) {
            return Err("a pole is a limit, so that there is nothing beyond it to cancel");
        }
        Ok(Self { poles, span: self.span })
    }

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) -> Weighed {
        Weighed::ROOT
    }

    fn points(&self, panel: &Panel<Weighed>, into: &mut Vec<f64>) {
        weighted::points(panel, into);
    }

    fn count(&self, panel: &Panel<Weighed>) -> usize {
        weighted::count(panel)
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<Weighed>, values: &[T]) -> Local<T> {
        let Split { near, far } = self.split(panel);
        let tail = panel.kind.tail;
        let flat = weighted::flat(panel);
        // In the flat variable `1 / (x - c)` is `-u u_c / (width (u - u_c))`, and the slope is
        // `|width| / u^2`.
        let ats: Vec<f64> = near.iter().map(|pole| tail.map_or(*pole, |tail| tail.u(*pole))).collect();
        let scale = tail.map_or(1.0, |tail| ats.iter().fold(tail.width.abs(), |scale, at| scale * (-at / tail.width)));
        let power = near.len() as i32 - 2;
        let factor = |_: usize, node: f64| {
            let (x, slope) = match tail {
                None => (node, 1.0),
                Some(tail) => (tail.x(node), scale * node.powi(power)),
            };
            far.iter().fold(slope, |factor, pole| factor / (x - pole))
        };
        let width = flat.b - flat.a;
        let moments = |n: usize| {
            if ats.is_empty() {
                return Moments { moments: (0..=n).map(plain).collect(), half: width / 2.0 };
            }
            let mut all = vec![0.0; n + 1];
            for (i, at) in ats.iter().enumerate() {
                // Partial fractions.
                let others = ats.iter().enumerate().filter(|(j, _)| *j != i);
                let share = others.fold(1.0, |share, (_, other)| share / (at - other));
                let one = cauchy(n, *at - flat.a, flat.b - *at, width);
                all.iter_mut().zip(&one).for_each(|(sum, moment)| *sum += share * moment);
            }
            Moments { moments: all, half: 1.0 }
        };
        weighted::judge(panel, values, factor, moments)
    }

    fn refine(&self, panel: &Panel<Weighed>, _: f64, into: &mut Vec<Panel<Weighed>>) {
        weighted::refine(self, panel, into);
    }

    fn predict(&self, panel: &Panel<Weighed>, into: &mut Vec<Panel<Weighed>>) {
        weighted::predict(self, panel, into);
    }

    fn ahead<T: Value>(&self, panel: &Panel<Weighed>, values: &[T], allowed: f64, into: &mut Vec<Guess<Weighed>>) {
        weighted::ahead(self, panel, values, allowed, into);
    }
}

impl Weight for PrincipalValue {
    fn divide(&self, panel: &Panel<Weighed>, into: &mut Vec<Panel<Weighed>>) {
        // From one unit below the first pole inside to one above the last.
        let poles = self.span.as_ref().map_or(&self.poles[..], |span| span);
        let mut inside = poles.iter().filter(|pole| panel.a <= **pole && **pole <= panel.b);
        let places: Vec<f64> = match (panel.a.is_finite(), inside.next()) {
            (true, Some(first)) => vec![inside.next_back().unwrap_or(first) + OUTSIDE],
            (false, Some(first)) => vec![first - OUTSIDE],
            _ => Vec::new(),
        };
        weighted::divide(panel, &places, OUTSIDE, into);
    }
}
