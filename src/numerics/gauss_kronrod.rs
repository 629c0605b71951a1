//! Gauss-Kronrod rules, with global control.

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
        let rule = match points {
            15 => &tables::GK15,
            21 => &tables::GK21,
            31 => &tables::GK31,
            41 => &tables::GK41,
            51 => &tables::GK51,
            61 => &tables::GK61,
            _ => panic!("Gauss-Kronrod rules here have 15, 21, 31, 41, 51 or 61 points"),
        };
        Self { rule }
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
        into.push(c);
        for node in &self.rule.nodes[1..] {
            into.extend([c - h * node, c + h * node]);
        }
    }

    #[inline]
    fn estimate<T: Value>(&self, panel: &mut Panel<()>, values: &[T]) -> Local<T> {
        let h = half_width(panel);
        let (weights, embedded) = (self.rule.weights, self.rule.embedded);
        let (centre, pairs) = values.split_first().expect("a rule has points");

        // One order of all sums: the centre, then pair by pair outwards.
        let mut kronrod = centre.clone();
        kronrod.scale(weights[0]);
        let mut gauss = centre.clone();
        gauss.scale(embedded[0]);
        let mut l1 = weights[0] * centre.norm();
        for ((pair, &weight), &embedded) in pairs.chunks_exact(2).zip(&weights[1..]).zip(&embedded[1..]) {
            let mut both = pair[0].clone();
            both.add(&pair[1]);
            kronrod.add_scaled(weight, &both);
            gauss.add_scaled(embedded, &both);
            l1 += weight * (pair[0].norm() + pair[1].norm());
        }

        let mut mean = kronrod.clone();
        mean.scale(0.5);
        let deviation = |y: &T| {
            let mut d = y.clone();
            d.add_scaled(-1.0, &mean);
            d.norm()
        };
        let mut spread = weights[0] * deviation(centre);
        for (pair, &weight) in pairs.chunks_exact(2).zip(&weights[1..]) {
            spread += weight * (deviation(&pair[0]) + deviation(&pair[1]));
        }

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
