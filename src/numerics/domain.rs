//! What is integrated over: limits, direction, breakpoints, and the map of an infinite range to a finite one.

/// A range of integration: `x(t)` for `t` in the given pieces.
#[derive(Clone, Debug)]
pub(crate) struct Domain {
    map: Map,
    /// The limits of the pieces in `t`, ascending; fewer than two if the range is empty.
    cuts: Vec<f64>,
    /// They, if there is one piece: then nothing is allocated.
    ends: Option<[f64; 2]>,
    /// Whether the limits were given in descending order.
    reversed: bool,
}

/// How `x` follows from the integration variable `t`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Map {
    /// `x = t`.
    Identity,
    /// `x = origin + (1 + t) / -t` for `t` in [-1, 0): infinity is at zero, where numbers are dense.
    Up { origin: f64 },
    /// `x = origin - (1 - t) / t` for `t` in (0, 1].
    Down { origin: f64 },
    /// `x = (1 + t) / -t` for `t` in [-1, 0), which is all above zero, and `x = -(1 - t) / t` for `t` in (0, 1], all
    /// below.
    Line,
}

/// More parts than this have no budget, nor memory; the piece is left whole.
const MOST_PARTS: f64 = 16_777_216.0;

impl Domain {
    /// `None` if a limit or a breakpoint is NaN. Breakpoints outside the limits are passed over.
    pub(crate) fn new(a: f64, b: f64, breakpoints: &[f64]) -> Option<Self> {
        if a.is_nan() || b.is_nan() || breakpoints.iter().any(|x| x.is_nan()) {
            return None;
        }
        // Adding zero turns -0.0 into 0.0: one zero for all who meet there.
        let (a, b) = (a + 0.0, b + 0.0);
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        let map = match (low.is_finite(), high.is_finite()) {
            (true, true) => Map::Identity,
            (true, false) => Map::Up { origin: low },
            (false, true) => Map::Down { origin: high },
            (false, false) => Map::Line,
        };
        let mut cuts = Vec::new();
        let plain = map == Map::Identity && breakpoints.is_empty();
        let ends = (plain && low < high).then_some([low, high]);
        if low < high && !plain {
            if map == Map::Line {
                cuts.extend([-1.0, 0.0, 1.0]);
            } else {
                cuts.extend([map.t(low), map.t(high)]);
            }
            cuts.extend(breakpoints.iter().filter(|x| low < **x && **x < high).map(|x| map.t(x + 0.0)));
            cuts.sort_by(f64::total_cmp);
            cuts.dedup();
        }
        Some(Self { map, cuts, ends, reversed: b < a })
    }

    /// Divides pieces with finite limits evenly, so that none is wider than `width` in `x`. `width` is positive.
    pub(crate) fn resolve(mut self, width: f64) -> Self {
        let mut cuts = Vec::new();
        for (low, high) in self.pieces() {
            let (a, b) = (self.map.x(low), self.map.x(high));
            cuts.push(low);
            let parts = ((b - a) / width).ceil();
            if parts.is_finite() && parts <= MOST_PARTS {
                let inner = (1..parts as u32).map(|k| self.map.t(a + (b - a) * (f64::from(k) / parts)));
                cuts.extend(inner.filter(|t| low < *t && *t < high));
            }
        }
        cuts.extend(self.pieces().last().map(|(_, high)| high));
        cuts.dedup();
        (self.cuts, self.ends) = (cuts, None);
        self
    }

    /// The pieces in `t`, ascending.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let cuts = self.ends.as_ref().map_or(&self.cuts[..], |ends| ends);
        cuts.windows(2).map(|ends| (ends[0], ends[1]))
    }

    pub(crate) fn is_reversed(&self) -> bool {
        self.reversed
    }

    /// Whether `x = t`, so that neither points nor values need a map.
    pub(crate) fn is_identity(&self) -> bool {
        self.map == Map::Identity
    }

    /// The point `x` at `t`; infinite only at the end of an infinite range.
    pub(crate) fn x(&self, t: f64) -> f64 {
        self.map.x(t)
    }

    /// The limits in `x` of the panel from `a` to `b` in `t`.
    pub(crate) fn limits(&self, a: f64, b: f64) -> (f64, f64) {
        let low = if a == 0.0 && self.map == Map::Line { f64::NEG_INFINITY } else { self.x(a) };
        (low, self.x(b))
    }

    /// `dx/dt` at `t`.
    pub(crate) fn slope(&self, t: f64) -> f64 {
        match self.map {
            Map::Identity => 1.0,
            Map::Up { .. } | Map::Down { .. } | Map::Line => 1.0 / (t * t),
        }
    }
}

impl Map {
    fn x(self, t: f64) -> f64 {
        match self {
            Map::Identity => t,
            Map::Up { origin } => origin + (1.0 + t) / t.abs(),
            Map::Down { origin } => origin - (1.0 - t) / t.abs(),
            Map::Line if t > 0.0 => -(1.0 - t) / t,
            Map::Line => (1.0 + t) / t.abs(),
        }
    }

    fn t(self, x: f64) -> f64 {
        match self {
            Map::Identity => x,
            Map::Up { origin } => -1.0 / (1.0 + (x - origin)) + 0.0,
            Map::Down { origin } => 1.0 / (1.0 - (x - origin)),
            Map::Line if x < 0.0 => 1.0 / (1.0 - x),
            Map::Line => -1.0 / (1.0 + x),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_invert() {
        for (a, b) in [(0.0, f64::INFINITY), (f64::NEG_INFINITY, 2.0), (f64::NEG_INFINITY, f64::INFINITY), (-3.0, 2.0)]
        {
            let domain = Domain::new(a, b, &[]).unwrap();
            for x in [-2.5, -1.0, -1e-3, 0.25, 1.0, 1.75, 40.0] {
                if a <= x && x <= b {
                    let t = domain.map.t(x);
                    assert!((domain.x(t) - x).abs() <= 1e-13 * (1.0 + x.abs()), "{a} {b} {x} {t}");
                    let d = if t < 1.0 { 1e-6 * t.abs() } else { -1e-6 };
                    let slope = (domain.x(t + d) - domain.x(t)) / d;
                    assert!((slope / domain.slope(t) - 1.0).abs() < 1e-3, "{a} {b} {x}");
                }
            }
        }
    }

    #[test]
    fn no_finite_piece_is_wider_than_the_resolution() {
        let domain = Domain::new(-1.0, 2.0, &[0.1]).unwrap().resolve(0.25);
        assert!(domain.pieces().all(|(a, b)| a < b && b - a <= 0.25 * (1.0 + 1e-15)));
        assert_eq!((domain.cuts.len(), domain.cuts[0], domain.cuts[13]), (14, -1.0, 2.0));
        let domain = Domain::new(0.0, f64::INFINITY, &[10.0]).unwrap().resolve(1.0);
        assert_eq!(domain.pieces().count(), 11);
    }

    #[test]
    fn breakpoints_are_sorted_and_those_outside_passed_over() {
        let domain = Domain::new(1.0, -0.0, &[0.5, 0.25, 7.0, 0.5, 0.0]).unwrap();
        assert!(domain.is_reversed());
        assert_eq!(domain.pieces().collect::<Vec<_>>(), [(0.0, 0.25), (0.25, 0.5), (0.5, 1.0)]);
        assert!(domain.cuts[0].is_sign_positive());
        assert!(Domain::new(f64::NAN, 0.0, &[]).is_none());
        assert_eq!(Domain::new(f64::INFINITY, f64::INFINITY, &[]).unwrap().pieces().count(), 0);
    }
}
