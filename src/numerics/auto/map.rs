//! The variable in which a panel is integrated, and its map from [-1, 1].

use wide::f64x2;

use super::super::elementary::{artanh, exp, exp_within, ln};
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

/// How much farther away the far end of a gap may be than the near one, if the points up to two thirds of it, or from a
/// half of it on, are to be told from that end by a series.
const NARROW: f64 = 1.75;

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

    /// What tells the map of a panel apart from others, in numbers.
    pub(super) fn to_numbers(self) -> [f64; 2] {
        [self.centre, self.half]
    }

    /// The same map again.
    pub(super) fn of_numbers(panel: &Panel<Kind>, base: Base, [centre, half]: [f64; 2]) -> Self {
        let (from, is_log) = if let Base::Log { from } = base { (from, true) } else { (0.0, false) };
        Map { from, side: if !is_log || from <= panel.a { 1.0 } else { -1.0 }, centre, half, is_log }
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

    /// By what the integrand is multiplied at each point of the panel, and all points. The same bits as of
    /// [`x`](Self::x) one by one.
    #[inline]
    pub(super) fn laid_out(&self) -> ([f64; POINTS], [f64; POINTS]) {
        if self.is_log {
            let slopes = self.slopes();
            (slopes, std::array::from_fn(|i| self.at_distance(slopes[i])))
        } else {
            ([1.0; POINTS], std::array::from_fn(|i| self.centre + self.half * Self::u(i)))
        }
    }

    /// All points of the panel.
    pub(super) fn points(&self) -> [f64; POINTS] {
        self.laid_out().1
    }

    /// By what the integrand is multiplied at each point, if the variable is a logarithm: the distance.
    #[inline]
    pub(super) fn slopes(&self) -> [f64; POINTS] {
        let y = std::array::from_fn(|i| self.centre + self.half * Self::u(i));
        exp_within(self.centre.abs() + self.half.abs(), y)
    }

    /// How far a point is from the one that the logarithm is of.
    #[inline]
    pub(super) fn distance(&self, x: f64) -> f64 {
        (x - self.from).abs()
    }

    /// The place in [-1, 1] of a point.
    pub(super) fn u_of(&self, x: f64) -> f64 {
        let y = if self.is_log { ln(self.distance(x)) } else { x };
        (y - self.centre) / self.half
    }

    /// What tells places between two points of the panel, one after the other, quickly.
    #[inline]
    pub(super) fn gap(&self, i: usize, ends: [f64; 2]) -> Gap {
        let [p, q] = ends.map(|x| self.distance(x));
        // Elsewhere than at zero rounding moved the points.
        let u = if self.from == 0.0 { [PLACE[i], PLACE[i + 1]] } else { ends.map(|x| self.u_of(x)) };
        Gap { distances: [p, q], u, is_narrow: p <= NARROW * q && q <= NARROW * p }
    }

    /// The places in [-1, 1] of two points of a gap, nearer to its left or to its right end, to within rounding; and
    /// what the integrand is multiplied by there.
    #[inline]
    pub(super) fn places(&self, gap: &Gap, is_left: bool, x: f64x2) -> [f64x2; 2] {
        let half = f64x2::splat(self.half);
        if !self.is_log {
            return [(x - f64x2::splat(self.centre)) / half, f64x2::splat(1.0)];
        }
        let distances = (x - f64x2::splat(self.from)).abs();
        if !gap.is_narrow {
            return [f64x2::new(x.to_array().map(|x| self.u_of(x))), distances];
        }
        let end = usize::from(!is_left);
        let (from, u) = (f64x2::splat(gap.distances[end]), f64x2::splat(gap.u[end]));
        let half_logarithms = artanh((distances - from) / (distances + from));
        [u + (half_logarithms + half_logarithms) / half, distances]
    }

    /// Half the width in the panel's own variable.
    pub(super) fn half_width(&self) -> f64 {
        self.half.abs()
    }
}

/// Two points of a panel, one after the other: how far each is from the one that the logarithm is of, and its place in
/// [-1, 1].
pub(super) struct Gap {
    distances: [f64; 2],
    u: [f64; 2],
    /// Whether all points between are told from the nearer one of them by a series.
    is_narrow: bool,
}
