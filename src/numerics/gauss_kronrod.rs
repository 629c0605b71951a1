//! Gauss-Kronrod rules, with global control.

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
/// # References
///
/// R. Piessens, E. de Doncker-Kapenga, C. W. Überhuber, D. K. Kahaner, "QUADPACK", Springer 1983.
#[derive(Clone, Copy, Debug)]
pub struct GaussKronrod {
    rule: &'static Rule,
}

impl GaussKronrod {
    /// The rule with 21 points, and the Gauss rule with 10 embedded in it.
    #[must_use]
    pub const fn new(points: usize) -> Self {
        match points {
            21 => Self { rule: &GK21 },
            _ => panic!("Gauss-Kronrod rules here have 15, 21, 31, 41, 51 or 61 points"),
        }
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

const GK21: Rule = Rule {
    nodes: &[
        0.0,
        0.14887433898163122,
        0.2943928627014602,
        0.4333953941292472,
        0.5627571346686047,
        0.6794095682990244,
        0.7808177265864169,
        0.8650633666889845,
        0.9301574913557082,
        0.9739065285171717,
        0.9956571630258081,
    ],
    weights: &[
        0.1494455540029169,
        0.14773910490133849,
        0.14277593857706009,
        0.13470921731147334,
        0.12349197626206584,
        0.10938715880229764,
        0.0931254545836976,
        0.07503967481091996,
        0.054755896574351995,
        0.032558162307964725,
        0.011694638867371874,
    ],
    embedded: &[
        0.0,
        0.29552422471475287,
        0.0,
        0.26926671930999635,
        0.0,
        0.21908636251598204,
        0.0,
        0.1494513491505806,
        0.0,
        0.06667134430868814,
        0.0,
    ],
};
