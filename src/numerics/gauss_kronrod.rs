//! Gauss-Kronrod rules, with global control.

mod tables;

use std::fmt;

use super::method::{Control, Local, Method, Panel};
use super::sum::{weighted, weighted_norms};
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

/// A rule as it is applied: a node and its weights for each point, in the order of the points.
#[derive(Debug)]
struct Laid {
    nodes: &'static [f64],
    weights: &'static [f64],
    embedded: &'static [f64],
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

/// The rule with so many points.
macro_rules! rule {
    ($rule:path, $points:literal) => {{
        static NODES: [f64; $points] = lay($rule.nodes, -1.0);
        static WEIGHTS: [f64; $points] = lay($rule.weights, 1.0);
        static EMBEDDED: [f64; $points] = lay($rule.embedded, 1.0);
        static LAID: Laid = Laid { nodes: &NODES, weights: &WEIGHTS, embedded: &EMBEDDED };
        GaussKronrod { rule: &$rule, laid: &LAID }
    }};
}

/// What rounding leaves of a panel's error, in units of epsilon times the integral of the norm: the weights, the
/// products and the sums each add up to about one; QUADPACK takes 50.
const ROUNDOFF: f64 = 5.0;

/// Gauss-Kronrod quadrature with global control: the segment with the largest error is bisected until the sum of the
/// errors meets the tolerance.
///
/// # Numerics
///
/// The value is the Kronrod sum; the error is QUADPACK's: with `d = |K - G|` and `s` the integral of `|f - mean f|`,
/// `s min(1, (200 d / s)^1.5)` (Piessens et al. 1983, section 2.2.4). The limits themselves are never evaluated.
///
/// Sums over the points are made in one order on every machine and for all values: from the centre outwards, the
/// left points and the right ones of every other pair by themselves, then these four sums pairwise, then the centre.
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
#[derive(Clone, Copy)]
pub struct GaussKronrod {
    rule: &'static Rule,
    laid: &'static Laid,
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
        match points {
            15 => rule!(tables::GK15, 15),
            21 => rule!(tables::GK21, 21),
            31 => rule!(tables::GK31, 31),
            41 => rule!(tables::GK41, 41),
            51 => rule!(tables::GK51, 51),
            61 => rule!(tables::GK61, 61),
            _ => panic!("Gauss-Kronrod rules here have 15, 21, 31, 41, 51 or 61 points"),
        }
    }

    /// Returns the highest degree of polynomials that are integrated exactly, rounding apart: with `n` points in the
    /// Gauss rule, `3n + 1`, or `3n + 2` if `n` is odd, because odd powers cost a symmetric rule nothing.
    #[must_use]
    pub const fn degree(&self) -> usize {
        let n = self.rule.nodes.len() - 1;
        3 * n + 1 + n % 2
    }
}

impl fmt::Debug for GaussKronrod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GaussKronrod({})", 2 * self.rule.nodes.len() - 1)
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
        into.extend(self.laid.nodes.iter().map(|node| c + h * node));
    }

    #[inline]
    fn count(&self, _panel: &Panel<()>) -> usize {
        self.laid.nodes.len()
    }

    #[inline]
    fn estimate<T: Value>(&self, panel: &mut Panel<()>, values: &[T]) -> Local<T> {
        let h = half_width(panel);
        let Laid { weights, embedded, .. } = self.laid;
        let mut kronrod = weighted(weights, values);
        let mut gauss = weighted(embedded, values);
        let l1 = weighted_norms(weights, values, T::norm);

        let mut mean = kronrod.clone();
        mean.scale(-0.5);
        let spread = weighted_norms(weights, values, |y| {
            let mut d = y.clone();
            d.add(&mean);
            d.norm()
        });

        gauss.add_scaled(-1.0, &kronrod);
        let mut error = gauss.norm();
        if spread > 0.0 {
            let ratio = 200.0 * error / spread;
            if ratio < 1.0 {
                error = spread * ratio * ratio.sqrt();
            } else {
                error = spread;
            }
        }
        kronrod.scale(h);
        let l1 = l1 * h;
        let roundoff = ROUNDOFF * T::EPSILON * l1;
        Local { value: kronrod, error: (error * h).max(roundoff), l1, roundoff }
    }
}

/// Half the width, without overflow for limits near the ends of the floating-point range.
fn half_width<K>(panel: &Panel<K>) -> f64 {
    panel.b / 2.0 - panel.a / 2.0
}

#[cfg(test)]
mod tests;
