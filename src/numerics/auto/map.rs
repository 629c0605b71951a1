//! The variable in which a panel is integrated, and its map from [-1, 1].

use super::super::elementary::{exp, exp_each, ln};
use super::super::method::Panel;
use super::kind::Kind;
use super::tables::{PLACE, POINTS};

/// The variable in which a panel is integrated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Base {
    /// The variable of the panels itself.
    Plain,
    /// The logarithm of the distance from a point outside the panel.
    Log { from: f64 },
}

/// The map of [-1, 1] to a panel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Map {
    from: f64,
    /// Its sign is the side of the point on which the panel is.
    side: f64,
    centre: f64,
    half: f64,
    pub(super) is_log: bool,
}

impl Map {
    pub(super) fn new(panel: &Panel<Kind>, base: Base) -> Self {
        let (a, b) = (panel.a, panel.b);
        match base {
            Base::Plain => {
                // Halved first: no overflow for limits near the ends of the floating-point range.
                Map { from: 0.0, side: 1.0, centre: panel.midpoint(), half: b / 2.0 - a / 2.0, is_log: false }
            }
            Base::Log { from } => {
                let (s, t) = (ln((a - from).abs()), ln((b - from).abs()));
                let side = if from <= a { 1.0 } else { -1.0 };
                Map { from, side, centre: 0.5 * (s + t), half: 0.5 * (t - s), is_log: true }
            }
        }
    }

    /// The place of a panel's point in [-1, 1]: the left probe, the nodes, the right probe.
    #[inline]
    pub(super) fn u(i: usize) -> f64 {
        PLACE[i]
    }

    pub(super) fn x(&self, u: f64) -> f64 {
        let y = self.centre + self.half * u;
        if self.is_log { self.from + exp(y).copysign(self.side) } else { y }
    }

    /// The point at a distance, if the variable is its logarithm.
    #[inline]
    pub(super) fn at_distance(&self, distance: f64) -> f64 {
        self.from + distance.copysign(self.side)
    }

    /// All points of the panel. The same bits as of [`x`](Self::x) one by one.
    #[inline]
    pub(super) fn points(&self) -> [f64; POINTS] {
        if self.is_log {
            self.slopes().map(|distance| self.at_distance(distance))
        } else {
            std::array::from_fn(|i| self.centre + self.half * Self::u(i))
        }
    }

    /// By what the integrand is multiplied at each point, if the variable is a logarithm: the distance.
    #[inline]
    pub(super) fn slopes(&self) -> [f64; POINTS] {
        exp_each(std::array::from_fn(|i| self.centre + self.half * Self::u(i)))
    }

    /// How far a point is from the one that the logarithm is of.
    #[inline]
    pub(super) fn distance(&self, x: f64) -> f64 {
        (x - self.from).abs()
    }

    /// The place in [-1, 1] of a value of the panel's own variable.
    #[inline]
    pub(super) fn u_of(&self, y: f64) -> f64 {
        (y - self.centre) / self.half
    }

    /// Half the width in the panel's own variable.
    pub(super) fn half_width(&self) -> f64 {
        self.half.abs()
    }
}
