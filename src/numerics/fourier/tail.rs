//! Panels that end at infinity: a window on the part next to the finite limit, and two points far
//! away.

use super::super::method::{Local, Panel};
use super::super::product::{Series, weights_of};
use super::super::value::Value;
use super::window::{TERMS, windowed, windows};
use super::{FIRST, Fourier, Seen, Stage};

/// Where to look whether the integrand falls, in units of the first window: as far as numbers that
/// stand for lengths and times go, and far apart.
pub(super) const FAR: [f64; 2] = [(1u64 << 24) as f64, (1u64 << 36) as f64];
/// An integrand that keeps this part of its norm from the first to the second of these places does
/// not fall: the power -0.001 of the distance has 0.992.
pub(super) const KEPT: f64 = 0.995;
/// Three windows are trusted to get better by the ratio `r` of their differences, to this times
/// `r`.
const TRUST: f64 = 10.0;
/// Windows under which the phase grows by less than twice this see no oscillation: the rest may be
/// larger than all differences by the ratio.
const SEES: f64 = 20.0;

pub(super) fn is_tail(panel: &Panel<Stage>) -> bool {
    panel.a.is_infinite() || panel.b.is_infinite()
}

/// The width of the window.
fn width(panel: &Panel<Stage>, limit: f64) -> f64 {
    let width = panel.kind.width;
    // Numbers are too far apart next to a large limit for less.
    if width > 0.0 { width } else { (limit.abs() / 2.0).max(1.0) }
}

/// The panel itself, or the part under the window if it ends at infinity.
pub(super) fn near(panel: &Panel<Stage>) -> Panel<Stage> {
    if panel.b.is_infinite() {
        return Panel { b: (panel.a + width(panel, panel.a)).min(f64::MAX), ..*panel };
    }
    if panel.a.is_infinite() {
        return Panel { a: (panel.b - width(panel, panel.b)).max(f64::MIN), ..*panel };
    }
    *panel
}

/// How wide the window is.
pub(super) fn reach(panel: &Panel<Stage>) -> f64 {
    let near = near(panel);
    near.b - near.a
}

/// The points far away, of the first panel that ends at infinity.
pub(super) fn far(panel: &Panel<Stage>) -> Vec<f64> {
    if !is_tail(panel) || panel.kind.width > 0.0 {
        return Vec::new();
    }
    let (limit, side) = if panel.b.is_infinite() { (panel.a, 1.0) } else { (panel.b, -1.0) };
    let unit = side * width(panel, limit);
    FAR.iter().map(|far| (limit + unit * far).clamp(f64::MIN, f64::MAX)).collect()
}

/// What replaces a panel that ends at infinity: the part under its window, and the next window.
pub(super) fn further(panel: &Panel<Stage>, into: &mut Vec<Panel<Stage>>) {
    let near = near(panel);
    let Stage { open, widen, .. } = panel.kind;
    let right = panel.b.is_infinite();
    let depth = panel.depth + 1;
    let reach = near.b - near.a;
    let place = if right { near.b } else { near.a };
    if place.abs() >= f64::MAX / 4.0 {
        return;
    }
    let open = if right { [open[0], false] } else { [false, open[1]] };
    let inner = Panel { depth, kind: Stage { open, width: 0.0, raise: false, ..panel.kind }, ..near };
    let width = if widen { 2.0 * reach } else { reach };
    let log = if widen { FIRST } else { panel.kind.log };
    let kind = Stage { log, open: [false, false], width, raise: false, widen: false, ..panel.kind };
    if right {
        into.extend([inner, Panel { a: place, depth, kind, ..*panel }]);
    } else {
        into.extend([Panel { b: place, depth, kind, ..*panel }, inner]);
    }
}

impl Fourier {
    /// Judges a panel that ends at infinity.
    pub(super) fn tail<T: Value>(&self, panel: &mut Panel<Stage>, values: &[T]) -> Local<T> {
        let near = near(panel);
        let (patched, beyond) = looked(panel, values);
        let n = patched.len() - 1;
        let series = Series::new(&patched);
        let Seen { middle, theta, half, moments } = self.seen(near.a, near.b, n + TERMS);
        let falls = panel.b.is_infinite();
        let through = windows(theta).map(|window| windowed(window, &moments, n, falls));
        let local = self.against(&series, middle, [&through[0][0], &through[0][1]], &sizes(&through[0]), half);
        let through = Through { moments: &through, theta, half, kept: KEPT };
        judge(panel, (&patched, beyond), series.falls_fast, &through, local)
    }
}

/// The values under the window, with one that is not finite at the limit replaced, and those far
/// away.
pub(super) fn looked<'a, T: Value>(panel: &mut Panel<Stage>, values: &'a [T]) -> (Vec<T>, &'a [T]) {
    let (own, beyond) = values.split_at(values.len() - far(panel).len());
    let mut patched = own.to_vec();
    panel.kind.patched = super::product::patch(&mut patched, panel.kind.open) != [false, false];
    (patched, beyond)
}

/// The moduli of moments with two parts.
pub(super) fn sizes([p, q]: &[Vec<f64>; 2]) -> Vec<f64> {
    p.iter().zip(q).map(|(p, q)| (p * p + q * q).sqrt()).collect()
}

/// A weight through three windows, the smoothest first.
pub(super) struct Through<'a> {
    /// The moments through each, of the weight and of another one that is large where it is small.
    pub(super) moments: &'a [[Vec<f64>; 2]; 3],
    /// By how much the phase of the weight grows over half of the window.
    pub(super) theta: f64,
    /// Half the width of the window.
    pub(super) half: f64,
    /// An integrand that keeps this part of its norm from the first place far away to the second
    /// has no integral.
    pub(super) kept: f64,
}

/// Adds to what is known of the integral through the smoothest window how far the windows differ.
pub(super) fn judge<T: Value>(
    panel: &mut Panel<Stage>,
    (patched, beyond): (&[T], &[T]),
    falls_fast: bool,
    through: &Through<'_>,
    mut local: Local<T>,
) -> Local<T> {
    // Both parts, as either may be small by its phase.
    let log = (patched.len() - 1).trailing_zeros() as usize;
    let differ = |p: usize, q: usize| {
        let of = |part: usize| {
            let both = through.moments[p][part].iter().zip(&through.moments[q][part]);
            let moments: Vec<f64> = both.map(|(p, q)| p - q).collect();
            let mut sum = T::zero();
            for (weight, value) in weights_of(log, &moments).iter().zip(patched) {
                sum.add_scaled(*weight, value);
            }
            sum.norm() * through.half
        };
        let (re, im) = (of(0), of(1));
        (re * re + im * im).sqrt()
    };
    let (first, second) = (differ(0, 1), differ(1, 2));
    let ratio = if first < second { first / second } else { 1.0 };
    let theta = through.theta;
    let sees = if theta < SEES { SEES / theta.max(1e-9) } else { 1.0 };
    let rest = first * TRUST * ratio * sees;

    let series_error = local.error;
    panel.kind.raise = falls_fast && series_error > rest;
    panel.kind.widen = series_error <= rest || falls_fast;
    local.error += rest;
    // An integrand that does not fall has no integral, whatever the windows make of it.
    if let [near, far] = beyond {
        let (near, far) = (near.norm(), far.norm());
        let most = patched.iter().map(Value::norm).fold(0.0, f64::max);
        if far.is_finite() && far >= through.kept * near && far > T::EPSILON * most {
            local.error = f64::INFINITY;
        }
    }
    local
}
