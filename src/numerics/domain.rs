//! What is integrated over: limits, direction, breakpoints, and the map of an infinite range to a finite one.

/// A range of integration: the integrand is given `x(t)` for `t` in the given pieces.
#[derive(Clone, Debug)]
pub(crate) struct Domain {
    map: Map,
    /// What the integrand is given is the offset from one of these: from the lower limit if its sign is positive, from
    /// the upper one if it is negative.
    from: Option<[f64; 2]>,
    /// The limits of the pieces in `t`, ascending, -0.0 before 0.0; fewer than two if the range is empty.
    cuts: Vec<f64>,
    /// They, if there is one piece: then nothing is allocated.
    ends: Option<[f64; 2]>,
    /// Whether it was cut at places of which nothing is said but that they are limits.
    is_divided: bool,
    /// Whether the limits were given in descending order.
    reversed: bool,
}

/// How `x` follows from the integration variable `t`.
///
/// Where numbers matter most they are densest: an infinite limit is at a zero of `t`, and so is the finite limit of a
/// half-infinite range. The sign tells them apart: infinity at -0.0 and the finite limit at 0.0. (Measured 2026-11-21:
/// with the finite limit at t = -1 no rule but `Auto` solved `exp(-x) / sqrt(x)`.)
#[derive(Clone, Copy, Debug, PartialEq)]
enum Map {
    /// `x = t`.
    Identity,
    /// `x = origin + side t` for `t` in [0, head], and `x = origin + side (head + width (1 / |t| - 2))` for `t` in
    /// [-1/2, -0]. `side` is 1 or -1.
    Half { origin: f64, side: f64, head: f64, width: f64 },
    /// `x = centre + width u` with `u = (1 + t) / -t` for `t` in [-1, -0], which is all above the centre, and
    /// `u = -(1 - t) / t` for `t` in [0, 1], all below.
    ///
    /// `dense`: with `(1 + t)^4` and `(1 - t)^4` instead, so that numbers are dense at the centre, too.
    Line { centre: f64, width: f64, dense: bool },
}

/// Where an integrand lives on an infinite range: about `centre`, over a length of about `width`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) centre: f64,
    pub(crate) width: f64,
}

impl Scale {
    /// `None` unless `centre` is finite and `width` positive and finite.
    pub(crate) fn new(centre: f64, width: f64) -> Option<Self> {
        (centre.is_finite() && width.is_finite() && width > 0.0).then_some(Self { centre, width })
    }
}

/// The least distance from zero at which there are numbers enough, and from another place relatively to where it is.
pub(super) const LEAST: f64 = 1e-300;
pub(super) const DIGITS: f64 = 1.421_085_471_520_200_4e-14;

/// Of a width that is a smaller part than this of where it is, numbers tell too few points apart.
const NARROWEST: f64 = 1.0 / (1_u64 << 40) as f64;

/// A width at a distance from zero, or the least one at which points can be told apart.
fn told_apart(width: f64, at: f64) -> f64 {
    width.max(at * NARROWEST)
}

impl Domain {
    /// A range in which the integrand is given, instead of the place, its offset from the nearer limit. Both limits
    /// are at zero then, where numbers are densest: the lower one at 0.0, the upper one at -0.0. `None` if neither limit
    /// is finite, or as for [`new`](Self::new).
    pub(crate) fn of_offsets(a: f64, b: f64, breakpoints: &[f64], scale: Option<Scale>) -> Option<Self> {
        let (low, high) = if a <= b { (a + 0.0, b + 0.0) } else { (b + 0.0, a + 0.0) };
        let mut domain = match (low.is_finite(), high.is_finite()) {
            (true, true) => {
                // Halved first: no overflow.
                let half = high / 2.0 - low / 2.0;
                let offset = |x: &f64| if x - low <= half { x - low } else { x - high };
                let inside = |x: &&f64| low < **x && **x < high;
                let inner: Vec<f64> = breakpoints.iter().filter(inside).map(offset).collect();
                let mut domain = Self::new(-half, half, &inner, None)?;
                if half > 0.0 {
                    let mut cuts = domain.cuts().to_vec();
                    cuts.extend([-0.0, 0.0]);
                    sort(&mut cuts);
                    (domain.cuts, domain.ends) = (cuts, None);
                }
                domain
            }
            (true, false) | (false, true) => {
                let limit = if low.is_finite() { low } else { high };
                let moved: Vec<f64> = breakpoints.iter().map(|x| x - limit).collect();
                let scale = scale.map(|Scale { centre, width }| Scale { centre: centre - limit, width });
                let mut domain = Self::new(low - limit, high - limit, &moved, scale)?;
                if let Map::Half { origin, side, .. } = &mut domain.map {
                    // So that the upper limit has the sign of what is below it.
                    *origin = 0.0 * *side;
                }
                domain
            }
            (false, false) => return None,
        };
        if breakpoints.iter().any(|x| x.is_nan()) {
            return None;
        }
        (domain.from, domain.reversed) = (Some([low, high]), b < a);
        Some(domain)
    }

    /// Whether these limits are finite and apart.
    #[inline]
    pub(crate) fn is_plain(a: f64, b: f64) -> bool {
        a.is_finite() && b.is_finite() && (a < b || b < a)
    }

    /// The range between limits that are finite and apart.
    #[inline]
    pub(crate) fn plain(a: f64, b: f64) -> Self {
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        // Adding zero turns -0.0 into 0.0: one zero for all who meet there.
        let ends = Some([low + 0.0, high + 0.0]);
        Self { map: Map::Identity, from: None, cuts: Vec::new(), ends, is_divided: false, reversed: b < a }
    }

    /// `None` if a limit or a breakpoint is NaN. Breakpoints outside the limits are passed over, and so is the scale if
    /// both limits are finite.
    pub(crate) fn new(a: f64, b: f64, breakpoints: &[f64], scale: Option<Scale>) -> Option<Self> {
        if a.is_nan() || b.is_nan() || breakpoints.iter().any(|x| x.is_nan()) {
            return None;
        }
        if Self::is_plain(a, b) && breakpoints.is_empty() {
            return Some(Self::plain(a, b));
        }
        let (a, b) = (a + 0.0, b + 0.0);
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        let map = match (low.is_finite(), high.is_finite()) {
            (true, true) => Map::Identity,
            (true, false) => Map::half(low, 1.0, scale),
            (false, true) => Map::half(high, -1.0, scale),
            (false, false) => {
                // Something may be on any scale next to a breakpoint.
                let nearest =
                    breakpoints.iter().copied().filter(|x| x.is_finite()).min_by(|x, y| x.abs().total_cmp(&y.abs()));
                let Scale { centre, width } =
                    scale.unwrap_or(Scale { centre: nearest.unwrap_or(0.0) + 0.0, width: 1.0 });
                Map::Line { centre, width: told_apart(width, centre.abs()), dense: breakpoints.contains(&centre) }
            }
        };
        let mut cuts = Vec::new();
        if low < high {
            match map {
                Map::Identity => cuts.extend([low, high]),
                Map::Half { head, .. } => {
                    cuts.extend([-0.5, -0.0, 0.0, head]);
                    // What is before the feature is apart from it.
                    let before = head - 2.0 * map.width();
                    if before > 0.0 {
                        cuts.push(before);
                    }
                }
                Map::Line { .. } => cuts.extend([-1.0, -0.0, 0.0, 1.0]),
            }
            cuts.extend(breakpoints.iter().filter(|x| low < **x && **x < high).map(|x| map.t(x + 0.0)));
            sort(&mut cuts);
        }
        Some(Self { map, from: None, cuts, ends: None, is_divided: false, reversed: b < a })
    }

    /// A range that is not mapped: an infinite limit is an infinite limit of a piece, and a range without a finite one is
    /// cut at zero. `None` as for [`new`](Self::new).
    pub(crate) fn in_x(a: f64, b: f64, breakpoints: &[f64]) -> Option<Self> {
        if a.is_nan() || b.is_nan() || breakpoints.iter().any(|x| x.is_nan()) {
            return None;
        }
        let (low, high) = if a <= b { (a + 0.0, b + 0.0) } else { (b + 0.0, a + 0.0) };
        let mut cuts = Vec::new();
        if low < high {
            cuts.extend([low, high]);
            if low.is_infinite() && high.is_infinite() && !breakpoints.iter().any(|x| x.is_finite()) {
                cuts.push(0.0);
            }
            cuts.extend(breakpoints.iter().map(|x| x + 0.0).filter(|x| low < *x && *x < high));
            sort(&mut cuts);
        }
        Some(Self { map: Map::Identity, from: None, cuts, ends: None, is_divided: false, reversed: b < a })
    }

    /// Into how many a piece is divided, evenly, so that none is wider than `width` in `x`. `width` is positive.
    pub(crate) fn parts(&self, (low, high): (f64, f64), width: f64) -> f64 {
        parts(self.span(low, high), width)
    }

    /// Divides all pieces so. They are not too many for the memory: see [`parts`](Self::parts).
    pub(crate) fn resolve(mut self, width: f64) -> Self {
        let mut cuts = self.cuts().to_vec();
        for (low, high) in self.pieces() {
            let (a, b) = self.span(low, high);
            let parts = parts((a, b), width);
            let inner = (1..parts as u64).map(|k| k as f64 / parts).map(|part| {
                let x = a + (b - a) * part;
                self.map.t(if x.is_finite() { x } else { a * (1.0 - part) + b * part })
            });
            cuts.extend(inner.filter(|t| low < *t && *t < high));
        }
        sort(&mut cuts);
        (self.cuts, self.ends, self.is_divided) = (cuts, None, true);
        self
    }

    /// The same range, its breakpoints being no places where anything may hide.
    pub(crate) fn divided(self) -> Self {
        Self { is_divided: true, ..self }
    }

    #[inline]
    fn cuts(&self) -> &[f64] {
        self.ends.as_ref().map_or(&self.cuts[..], |ends| ends)
    }

    /// The pieces in `t`, ascending.
    #[inline]
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        // Nothing is between the two zeros.
        self.cuts().windows(2).map(|ends| (ends[0], ends[1])).filter(|(a, b)| a < b)
    }

    /// For each end of a piece the least distance at which there are numbers, if a feature of any scale may hide next to
    /// it: next to a limit of an infinite range, and next to a breakpoint. Infinity for other ends.
    #[inline]
    pub(crate) fn beside(&self, a: f64, b: f64) -> [f64; 2] {
        if self.ends.is_some() { [f64::INFINITY; 2] } else { self.numbers_beside(a, b) }
    }

    fn numbers_beside(&self, a: f64, b: f64) -> [f64; 2] {
        let (cuts, is_one_of) =
            (self.cuts(), |t: f64, cuts: &[f64]| cuts.iter().any(|cut| cut.to_bits() == t.to_bits()));
        let (first, last) = (cuts[0], cuts[cuts.len() - 1]);
        [a, b].map(|t| match self.map {
            Map::Half { origin, .. } if t == 0.0 && t.is_sign_positive() => LEAST.max(DIGITS * origin.abs()),
            Map::Half { .. } | Map::Line { .. } if t == 0.0 => LEAST,
            // A cut of the map's own, and limits.
            Map::Half { head, width, .. } if is_one_of(t, &[head, head - 2.0 * width, -0.5]) => f64::INFINITY,
            Map::Half { origin, .. } if t > 0.0 => DIGITS * (origin.abs() + t),
            Map::Identity if is_one_of(t, &[first, last]) || t == 0.0 && self.from.is_some() => f64::INFINITY,
            Map::Line { dense: false, .. } if is_one_of(t, &[-1.0, 1.0]) => f64::INFINITY,
            _ if self.is_divided => f64::INFINITY,
            _ => LEAST.max(DIGITS * t.abs()),
        })
    }

    #[inline]
    pub(crate) fn is_reversed(&self) -> bool {
        self.reversed
    }

    /// Whether `x = t`, so that neither points nor values need a map.
    #[inline]
    pub(crate) fn is_identity(&self) -> bool {
        matches!(self.map, Map::Identity)
    }

    /// Whether what is ascending in `t` is ascending on the range, too.
    pub(crate) fn is_ascending(&self) -> bool {
        self.is_identity() && self.from.is_none()
    }

    /// What the integrand is given at `t`; infinite only at the end of an infinite range.
    #[inline]
    pub(crate) fn x(&self, t: f64) -> f64 {
        self.map.x(t)
    }

    /// The limits in `x`, ascending, of the panel from `a` to `b` in `t`.
    #[inline]
    pub(crate) fn span(&self, a: f64, b: f64) -> (f64, f64) {
        let (p, q) = (self.x(a), self.x(b));
        if p <= q { (p, q) } else { (q, p) }
    }

    /// Whether limits of panels are numbers of the range itself.
    #[inline]
    pub(crate) fn is_as_it_is(&self) -> bool {
        self.is_identity() && self.from.is_none()
    }

    /// Where a limit or breakpoint is.
    pub(crate) fn t(&self, x: f64) -> f64 {
        let x = x + 0.0;
        let inside = match (self.from, self.map) {
            // As the cuts are made; the upper limit is at -0.0.
            (Some([low, high]), Map::Identity) => {
                return if x - low <= high / 2.0 - low / 2.0 { x - low } else { -(high - x) };
            }
            (Some([low, high]), _) => x - if low.is_finite() { low } else { high },
            (None, _) => x,
        };
        match self.map {
            Map::Line { .. } if x == f64::NEG_INFINITY => 0.0,
            Map::Line { .. } | Map::Half { .. } if x.is_infinite() => -0.0,
            map => map.t(inside),
        }
    }

    /// Where on the range what lies at `t` begins or ends: the limit or breakpoint itself, but for rounding.
    pub(crate) fn at(&self, t: f64) -> f64 {
        let x = self.x(t);
        self.placed(x, x).0
    }

    /// Where on the range a span is: the same, but for offsets.
    #[inline]
    pub(crate) fn placed(&self, p: f64, q: f64) -> (f64, f64) {
        match self.from {
            None => (p, q),
            Some([low, high]) => {
                let from = if p.is_sign_positive() { low } else { high };
                (from + p, from + q)
            }
        }
    }

    /// Whether `t` is in a piece that ends at infinity: outwards is then towards zero.
    pub(crate) fn is_far(&self, t: f64) -> bool {
        match self.map {
            Map::Identity => false,
            Map::Half { .. } => t.is_sign_negative(),
            Map::Line { .. } => true,
        }
    }

    /// From which `|t|` on inwards it goes to infinity.
    pub(crate) fn far_from(&self) -> f64 {
        match self.map {
            Map::Half { .. } => 0.5,
            Map::Identity | Map::Line { .. } => 1.0,
        }
    }

    /// Two factors of the slope at `t`, for where it is too large for one number; none where `x` is, too.
    #[cold]
    pub(crate) fn steep(&self, t: f64) -> Option<[f64; 2]> {
        match self.map {
            Map::Half { width, .. } | Map::Line { width, .. } if self.x(t).is_finite() => {
                Some([width * self.map.part(t) / t.abs(), 1.0 / t.abs()])
            }
            _ => None,
        }
    }

    /// A point, the norm of the value there, and that times the slope.
    pub(crate) fn weighed(&self, t: f64, norm: f64) -> (f64, f64, f64, f64) {
        let slope = self.slope(t);
        let weighed = match self.steep(t) {
            Some([first, second]) if !slope.is_finite() => norm * first * second,
            _ if self.x(t).is_finite() => norm * slope,
            _ => 0.0,
        };
        (t, norm, weighed, self.x(t))
    }

    /// `|dx/dt|` at `t`.
    #[inline]
    pub(crate) fn slope(&self, t: f64) -> f64 {
        match self.map {
            Map::Identity => 1.0,
            Map::Half { .. } if t.is_sign_positive() => 1.0,
            Map::Line { width, dense: true, .. } => width * self.map.part(t) / (t * t),
            Map::Half { width, .. } | Map::Line { width, .. } => width / (t * t),
        }
    }
}

fn fourth(x: f64) -> f64 {
    (x * x) * (x * x)
}

/// Into how many parts a range is divided, so that none is wider; one if it is infinite.
fn parts((a, b): (f64, f64), width: f64) -> f64 {
    // Halved first: no overflow.
    let parts = ((b / 2.0 - a / 2.0) / (width / 2.0)).ceil();
    if a.is_finite() && b.is_finite() { parts.max(1.0) } else { 1.0 }
}

/// Ascending by the total order, each once.
fn sort(cuts: &mut Vec<f64>) {
    cuts.sort_by(f64::total_cmp);
    cuts.dedup_by_key(|t| t.to_bits());
}

impl Map {
    /// From `origin` to infinity (`side` 1) or to minus infinity (-1).
    fn half(origin: f64, side: f64, scale: Option<Scale>) -> Self {
        let (before, width) = match scale {
            // Beside a limit so large nothing has the scale one: numbers are too far apart there.
            None => (0.0, if origin.abs() * NARROWEST > 1.0 { origin.abs() } else { 1.0 }),
            Some(Scale { centre, width }) => {
                ((side * (centre - origin)).max(0.0), told_apart(width, origin.abs().max(centre.abs())))
            }
        };
        Map::Half { origin, side, head: (before + width).min(f64::MAX), width }
    }

    fn width(self) -> f64 {
        match self {
            Map::Identity => 1.0,
            Map::Half { width, .. } | Map::Line { width, .. } => width,
        }
    }

    /// The slope in units of the width, times `t^2`, where the centre is dense; one elsewhere.
    fn part(self, t: f64) -> f64 {
        if !matches!(self, Map::Line { dense: true, .. }) {
            return 1.0;
        }
        let rest = 1.0 - t.abs();
        rest * rest * rest * (1.0 + 3.0 * t.abs())
    }

    #[inline]
    fn x(self, t: f64) -> f64 {
        match self {
            Map::Identity => t,
            Map::Half { origin, side, .. } if t.is_sign_positive() => origin + side * t,
            Map::Half { origin, side, head, width } => {
                let base = head - 2.0 * width;
                origin + side * (base + width / t.abs())
            }
            Map::Line { centre, width, dense: true } => {
                let u = fourth(1.0 - t.abs()) / t.abs();
                if t.is_sign_positive() { centre - width * u } else { centre + width * u }
            }
            Map::Line { centre, width, .. } if t.is_sign_positive() => centre - width * ((1.0 - t) / t),
            Map::Line { centre, width, .. } => centre + width * ((1.0 + t) / t.abs()),
        }
    }

    fn t(self, x: f64) -> f64 {
        match self {
            Map::Identity => x,
            Map::Half { origin, side, head, width } => {
                let distance = side * (x - origin);
                // The finite limit is at 0.0.
                if distance <= head { distance + 0.0 } else { -width / (distance - (head - 2.0 * width)) }
            }
            Map::Line { centre, width, dense: true } => {
                let u = (x - centre) / width;
                // `(1 - |t|)^4 / |t|` falls as `|t|` grows: the last number, by their bits, where it is not below
                // `|u|`.
                let (mut low, mut high) = (0, 1f64.to_bits());
                while high - low > 1 {
                    let middle = low + (high - low) / 2;
                    let t = f64::from_bits(middle);
                    if fourth(1.0 - t) / t >= u.abs() { low = middle } else { high = middle }
                }
                let t = f64::from_bits(if u == 0.0 { high } else { low });
                if u < 0.0 { t } else { -t }
            }
            Map::Line { centre, width, .. } => {
                let u = (x - centre) / width;
                if u < 0.0 { 1.0 / (1.0 - u) } else { -1.0 / (1.0 + u) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
