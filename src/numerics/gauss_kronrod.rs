//! Gauss-Kronrod rules, with global control.

#[cfg(feature = "serde")]
mod serial;
mod tables;

use std::fmt;

use super::method::{Control, Local, Method, Panel};
use super::value::Value;

/// A symmetric rule with an embedded cheaper one, on [-1, 1].
///
/// Index 0 is the centre; index `j > 0` stands for the pair of nodes at `-nodes[j]` and `nodes[j]`.
#[derive(Debug)]
struct Rule {
    nodes: &'static [f64],
    weights: &'static [f64],
    /// Zero where the embedded rule has no node.
    embedded: &'static [f64],
}

/// A rule as it is applied: a node and its weights for each point, in the order of the points. Of fixed length, so that
/// its sums are compiled without loops; constants, not statics, so that other crates' code sees the numbers.
#[derive(Debug)]
struct Laid<const N: usize> {
    nodes: [f64; N],
    weights: [f64; N],
    embedded: [f64; N],
}

impl<const N: usize> Laid<N> {
    const fn new(rule: &Rule) -> Self {
        Laid { nodes: lay(rule.nodes, -1.0), weights: lay(rule.weights, 1.0), embedded: lay(rule.embedded, 1.0) }
    }
}

/// The centre, then the pairs from the inside out.
const fn lay<const N: usize>(half: &[f64], sign: f64) -> [f64; N] {
    assert!(N == 2 * half.len() - 1);
    let mut all = [0.0; N];
    all[0] = half[0];
    let mut j = 1;
    while j < half.len() {
        all[2 * j - 1] = sign * half[j];
        all[2 * j] = half[j];
        j += 1;
    }
    all
}

const LAID15: &Laid<15> = &Laid::new(&tables::GK15);
const LAID21: &Laid<21> = &Laid::new(&tables::GK21);
const LAID31: &Laid<31> = &Laid::new(&tables::GK31);
const LAID41: &Laid<41> = &Laid::new(&tables::GK41);
const LAID51: &Laid<51> = &Laid::new(&tables::GK51);
const LAID61: &Laid<61> = &Laid::new(&tables::GK61);

/// Does something with the rule as laid out.
macro_rules! laid {
    ($method:expr, $laid:ident => $expression:expr) => {
        match $method.rule.nodes.len() {
            8 => {
                let $laid = LAID15;
                $expression
            }
            11 => {
                let $laid = LAID21;
                $expression
            }
            16 => {
                let $laid = LAID31;
                $expression
            }
            21 => {
                let $laid = LAID41;
                $expression
            }
            26 => {
                let $laid = LAID51;
                $expression
            }
            _ => {
                let $laid = LAID61;
                $expression
            }
        }
    };
}

/// What rounding leaves of a panel's error, in units of epsilon times the integral of the norm: the weights, the
/// products and the sums each add up to about one; QUADPACK takes 50.
const ROUNDOFF: f64 = 5.0;

/// By how much the error is at most larger than `|K - G|`; see docs/DESIGN.md, "How large is the error of a Gauss-Kronrod
/// panel?".
const TRUST: f64 = 8.0;

/// Gauss-Kronrod quadrature with global control: the segment with the largest error is bisected until the sum of the
/// errors meets the tolerance.
///
/// # Numerics
///
/// The value is the Kronrod sum; the error is QUADPACK's, with `d = |K - G|` and `s` the integral of `|f - mean f|`
/// `s (200 d / s)^1.5` (Piessens et al. 1983, section 2.2.4), but at most `8 d`. The limits themselves are never evaluated.
///
/// Sums over the points are made in one order on every machine and for all values: from the centre outwards, the two of
/// a pair first. The error is at least what the rounding of the points leaves, which counts on narrow panels far from zero.
///
/// # Cost
///
/// As many evaluations per segment as the rule has points; a bisection discards those of the parent.
///
/// # Panics
///
/// [`new`](Self::new), if there is no rule with so many points.
///
/// # References
///
/// A. S. Kronrod, "Nodes and weights of quadrature formulas", Consultants Bureau 1965.
/// D. P. Laurie, "Calculation of Gauss-Kronrod quadrature rules", Math. Comp. 66 (1997) 1133-1145.
/// R. Piessens, E. de Doncker-Kapenga, C. W. Überhuber, D. K. Kahaner, "QUADPACK", Springer 1983.
///
/// # Examples
///
/// ```
/// use coquad::{GaussKronrod, Inline, Integrator};
///
/// let gauss = Integrator::new(Inline::new(f64::exp)).method(GaussKronrod::default()); // 21 points
/// let e = gauss.integrate_blocking(0.0, 1.0, 1e-13)?;
/// assert_eq!(e.evaluations, 21);
/// assert!((e.value - (1f64.exp() - 1.0)).abs() <= 1e-13);
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct GaussKronrod {
    rule: &'static Rule,
}

impl GaussKronrod {
    /// Creates the method from its number of points per segment: 15, 21, 31, 41, 51 or 61.
    ///
    /// Few points for integrands that are singular, kinked or cheap; many for those that are smooth and oscillate.
    ///
    /// # Panics
    ///
    /// If `points` is any other number; a compile error in a constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{GaussKronrod, Inline, Integrator};
    ///
    /// const WIDE: GaussKronrod = GaussKronrod::new(61);
    /// let integrator = Integrator::new(Inline::new(|x: f64| (50.0 * x).cos())).method(WIDE);
    /// let e = integrator.integrate_blocking(0.0, 1.0, 1e-10)?;
    /// assert_eq!(e.evaluations, 61);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub const fn new(points: usize) -> Self {
        match Self::find(points) {
            Some(method) => method,
            None => panic!("Gauss-Kronrod rules here have 15, 21, 31, 41, 51 or 61 points"),
        }
    }

    const fn find(points: usize) -> Option<Self> {
        let rule = match points {
            15 => &tables::GK15,
            21 => &tables::GK21,
            31 => &tables::GK31,
            41 => &tables::GK41,
            51 => &tables::GK51,
            61 => &tables::GK61,
            _ => return None,
        };
        Some(Self { rule })
    }

    /// The number of points.
    const fn width(&self) -> usize {
        2 * self.rule.nodes.len() - 1
    }

    /// Returns the highest degree of polynomials that are integrated exactly, rounding apart: with `n` points in the
    /// Gauss rule, `3n + 1`, or `3n + 2` if `n` is odd, because odd powers cost a symmetric rule nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(coquad::GaussKronrod::new(15).degree(), 23);
    /// ```
    #[must_use]
    pub const fn degree(&self) -> usize {
        let n = self.rule.nodes.len() - 1;
        3 * n + 1 + n % 2
    }
}

impl fmt::Debug for GaussKronrod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GaussKronrod({})", self.width())
    }
}

impl Default for GaussKronrod {
    fn default() -> Self {
        Self::new(21)
    }
}

impl Method for GaussKronrod {
    type Kind = ();
    const REUSES_POINTS: bool = false;

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) {}

    /// The centre, then the pairs from the inside out.
    #[inline]
    fn points(&self, panel: &Panel<()>, into: &mut Vec<f64>) {
        let c = panel.midpoint();
        let h = half_width(panel);
        laid!(self, laid => into.extend(laid.nodes.iter().map(|node| c + h * node)));
    }

    #[inline]
    fn count(&self, _panel: &Panel<()>) -> usize {
        self.width()
    }

    #[inline]
    fn estimate<T: Value>(&self, panel: &mut Panel<()>, values: &[T]) -> Local<T> {
        laid!(self, laid => judge(laid, panel, values.try_into().expect("a value for each point")))
    }

    #[inline]
    fn judge_here<T: Value>(&self, panel: &mut Panel<()>, mut f: impl FnMut(f64) -> T) -> Option<Local<T>> {
        let c = panel.midpoint();
        let h = half_width(panel);
        Some(laid!(self, laid => judge(laid, panel, &laid.nodes.map(|node| f(c + h * node)))))
    }
}

/// The judgement of a panel by the values at its points.
#[inline]
fn judge<T: Value, const N: usize>(laid: &Laid<N>, panel: &Panel<()>, values: &[T; N]) -> Local<T> {
    let h = half_width(panel);
    let (weights, embedded) = (&laid.weights, &laid.embedded);
    let (centre, pairs) = values.split_first().expect("a rule has points");
    let middle = centre.norm();
    let mut kronrod = centre.clone();
    kronrod.scale(weights[0]);
    let mut gauss = centre.clone();
    gauss.scale(embedded[0]);
    let mut l1 = weights[0] * middle;
    // DETERMINISM: from the inside out, the two of a pair first.
    for (j, pair) in pairs.chunks_exact(2).enumerate() {
        let weight = weights[2 * j + 1];
        let mut both = pair[0].clone();
        both.add(&pair[1]);
        kronrod.add_scaled(weight, &both);
        if embedded[2 * j + 1] > 0.0 {
            gauss.add_scaled(embedded[2 * j + 1], &both);
        }
        l1 += weight * (pair[0].norm() + pair[1].norm());
    }
    gauss.add_scaled(-1.0, &kronrod);
    let difference = gauss.norm();
    let mut error = TRUST * difference;
    let roundoff = ROUNDOFF * T::EPSILON * l1;
    // The spread is at most twice the integral of the norm: that often tells which estimate is the smaller one.
    let coarse = difference > 2.0 * TRUST * TRUST / (200.0 * 200.0 * 200.0) * l1;
    if !coarse && error > roundoff {
        let mut mean = kronrod.clone();
        mean.scale(-0.5);
        let mut spread = 0.0;
        for (j, pair) in pairs.chunks_exact(2).enumerate() {
            let (mut left, mut right) = (pair[0].clone(), pair[1].clone());
            left.add(&mean);
            right.add(&mean);
            spread += weights[2 * j + 1] * (left.norm() + right.norm());
        }
        mean.add(centre);
        spread += weights[0] * mean.norm();
        let ratio = if planted!(3) { 150.0 } else { 200.0 } * difference / spread;
        error = error.min(spread * ratio * ratio.sqrt());
    }
    kronrod.scale(h);
    let roundoff = roundoff * h;
    let mut local = Local { value: kronrod, error: (error * h).max(roundoff), l1: l1 * h, roundoff };
    local.blur([(panel.a, values[N - 2].norm()), (panel.midpoint(), middle), (panel.b, values[N - 1].norm())]);
    local
}

/// Half the width, without overflow for limits near the ends of the floating-point range.
fn half_width<K>(panel: &Panel<K>) -> f64 {
    panel.b / 2.0 - panel.a / 2.0
}

#[cfg(test)]
mod tests;
