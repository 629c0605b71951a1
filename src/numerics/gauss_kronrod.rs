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

/// A rule as it is applied: a node and its weights for each point, in the order of the points: the centre, then the nodes
/// below it from the inside out, then those above. Of fixed length, so that its sums are compiled without loops; constants,
/// not statics, so that other crates' code sees the numbers.
#[derive(Debug)]
struct Laid<const N: usize> {
    nodes: [f64; N],
    weights: [f64; N],
    /// The embedded rule less this one.
    differences: [f64; N],
}

impl<const N: usize> Laid<N> {
    const fn new(rule: &Rule) -> Self {
        let (nodes, weights) = (lay(rule.nodes, -1.0), lay(rule.weights, 1.0));
        let mut differences: [f64; N] = lay(rule.embedded, 1.0);
        let mut j = 0;
        while j < N {
            differences[j] -= weights[j];
            j += 1;
        }
        Laid { nodes, weights, differences }
    }
}

const fn lay<const N: usize>(half: &[f64], sign: f64) -> [f64; N] {
    assert!(N == 2 * half.len() - 1);
    let mut all = [0.0; N];
    all[0] = half[0];
    let mut j = 1;
    while j < half.len() {
        all[j] = sign * half[j];
        all[j + half.len() - 1] = half[j];
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
/// Sums over the points are made in one order on every machine and for all values: every other pair from the centre outwards,
/// then those between, then the two sums. The error is at least what the rounding of the points leaves, which counts on narrow
/// panels far from zero.
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

    /// The centre, then those below it from the inside out, then those above.
    #[inline]
    fn points(&self, panel: &Panel<()>, into: &mut Vec<f64>) {
        let (c, h) = middle(panel);
        laid!(self, laid => into.extend(laid.nodes.iter().map(|node| c + h * node)));
    }

    #[inline]
    fn count(&self, _panel: &Panel<()>) -> usize {
        self.width()
    }

    #[inline]
    fn estimate<T: Value>(&self, panel: &mut Panel<()>, values: &[T]) -> Local<T> {
        let (c, h) = middle(panel);
        laid!(self, laid => judge(laid, panel, c, h, values.try_into().expect("a value for each point")))
    }

    #[inline]
    fn judge_here<T: Value>(&self, panel: &mut Panel<()>, mut f: impl FnMut(f64) -> T) -> Option<Local<T>> {
        let (c, h) = middle(panel);
        Some(laid!(self, laid => judge(laid, panel, c, h, &std::array::from_fn(|i| f(c + h * laid.nodes[i])))))
    }
}

/// The judgement of a panel with this centre and half this width by the values at its points. Not inlined: that the values
/// are in memory lets both this and the evaluation take two at a time.
#[inline(never)]
fn judge<T: Value, const N: usize>(laid: &Laid<N>, panel: &Panel<()>, c: f64, h: f64, values: &[T; N]) -> Local<T> {
    let (centre, pairs) = values.split_first().expect("a rule has points");
    let (below, above) = pairs.split_at(N / 2);
    let (weights, differences) = (&laid.weights[1..=N / 2], &laid.differences[1..=N / 2]);
    let (mut kronrod, mut difference) = ([centre.clone(), T::zero()], [centre.clone(), T::zero()]);
    kronrod[0].scale(laid.weights[0]);
    difference[0].scale(laid.differences[0]);
    let mut l1 = [laid.weights[0] * centre.norm(), 0.0];
    // DETERMINISM: every other pair, from the inside out; those between the same way; then the two sums.
    by_two::<N>(|lane, j| {
        let mut both = below[j].clone();
        both.add(&above[j]);
        kronrod[lane].add_scaled(weights[j], &both);
        difference[lane].add_scaled(differences[j], &both);
        l1[lane] += weights[j] * (below[j].norm() + above[j].norm());
    });
    let ([mut kronrod, rest], l1) = (kronrod, l1[0] + l1[1]);
    kronrod.add(&rest);
    let [mut difference, rest] = difference;
    difference.add(&rest);
    let difference = difference.norm();
    let mut error = TRUST * difference;
    let roundoff = ROUNDOFF * T::EPSILON * l1;
    // The spread is at most twice the integral of the norm: that often tells which estimate is the smaller one.
    let coarse = difference > 2.0 * TRUST * TRUST / (200.0 * 200.0 * 200.0) * l1;
    if !coarse && error > roundoff {
        let mut mean = kronrod.clone();
        mean.scale(-0.5);
        let mut spread = [0.0; 2];
        by_two::<N>(|lane, j| {
            let (mut left, mut right) = (below[j].clone(), above[j].clone());
            left.add(&mean);
            right.add(&mean);
            spread[lane] += weights[j] * (left.norm() + right.norm());
        });
        mean.add(centre);
        let spread = spread[0] + spread[1] + laid.weights[0] * mean.norm();
        let ratio = if planted!(3) { 150.0 } else { 200.0 } * difference / spread;
        let smooth = spread * ratio * ratio.sqrt();
        error = if smooth < error { smooth } else { error };
    }
    kronrod.scale(h);
    let (error, roundoff) = (error * h, roundoff * h);
    // Written so that an error that is not a number stays.
    let error = if error < roundoff { roundoff } else { error };
    let mut local = Local { value: kronrod, error, l1: l1 * h, roundoff };
    let ends = [below, above].map(|side| side.last().map_or(0.0, T::norm));
    local.blur([(panel.a, ends[0]), (c, centre.norm()), (panel.b, ends[1])]);
    local
}

/// Goes through the pairs of a rule with `N` points from the inside out, in turns for the first and the second of two sums.
#[inline]
fn by_two<const N: usize>(mut add: impl FnMut(usize, usize)) {
    for j in (1..N / 2).step_by(2) {
        add(0, j - 1);
        add(1, j);
    }
    if N / 2 % 2 == 1 {
        add(0, N / 2 - 1);
    }
}

/// The centre and half the width.
#[inline]
fn middle<K: Copy>(panel: &Panel<K>) -> (f64, f64) {
    (panel.midpoint(), panel.reach())
}

#[cfg(test)]
mod tests;
