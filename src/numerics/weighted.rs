//! What methods with a weight share: panels with nested Clenshaw-Curtis points, judged by the
//! moments of the weight, of a finite or an infinite range.
//!
//! A panel that ends at infinity has its points in `u`, with `x = from + width (1 / u - 1)`:
//! infinity is at `u = 0`.

mod ahead;

pub(super) use self::ahead::{ahead, predict};
use super::method::{Local, Method, Panel};
use super::product::{self, Series};
use super::value::Value;

/// What a method with a weight keeps with a panel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighed {
    /// The order of the rule: `2^log + 1` points. Zero if the panel has none, and is to be divided
    /// first.
    log: u8,
    /// Whether a value at the lower and the upper limit may be left out.
    open: [bool; 2],
    /// Whether the next step is a higher order.
    raise: bool,
    /// The map of a panel that ends at infinity.
    pub(super) tail: Option<Tail>,
}

/// The map of a panel that ends at infinity: `width` is negative below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tail {
    pub(super) from: f64,
    pub(super) width: f64,
}

impl Tail {
    pub(super) fn x(self, u: f64) -> f64 {
        self.from + self.width * ((1.0 - u) / u)
    }

    pub(super) fn u(self, x: f64) -> f64 {
        if x.is_infinite() { 0.0 } else { self.width / ((x - self.from) + self.width) }
    }
}

/// The order that a range begins with, and that of a half.
const FIRST: u8 = 4;
const HALF: u8 = 3;

impl Weighed {
    /// A panel of which nothing is known yet.
    pub(super) const ROOT: Self = Self { log: FIRST, open: [true, true], raise: false, tail: None };

    /// A finite panel, and whether a value at either limit may be left out.
    pub(super) fn part(open: [bool; 2]) -> Self {
        Self { open, ..Self::ROOT }
    }

    /// A panel that has no points, and is to be divided first.
    pub(super) const UNDIVIDED: Self = Self { log: 0, ..Self::ROOT };
}

/// Whether the panel has points: of an infinite range the panels first get their maps.
pub(super) fn has_points(panel: &Panel<Weighed>) -> bool {
    panel.kind.log > 0 && (panel.kind.tail.is_some() || !ends(panel))
}

/// A panel in the variable in which its points are those of Clenshaw and Curtis, ascending.
pub(super) fn flat(panel: &Panel<Weighed>) -> Panel<()> {
    let Panel { a, b, depth, kind } = *panel;
    let (p, q) = kind.tail.map_or((a, b), |tail| (tail.u(a), tail.u(b)));
    Panel { a: if p < q { p } else { q }, b: if p < q { q } else { p }, depth, kind: () }
}

/// How many points the panel has.
pub(super) fn count(panel: &Panel<Weighed>) -> usize {
    if has_points(panel) { product::count(panel.kind.log.into()) - usize::from(ends(panel)) } else { 0 }
}

/// Whether infinity is a limit.
fn ends(panel: &Panel<Weighed>) -> bool {
    panel.a.is_infinite() || panel.b.is_infinite()
}

/// Appends the points; infinity is none.
pub(super) fn points(panel: &Panel<Weighed>, into: &mut Vec<f64>) {
    if !has_points(panel) {
        return;
    }
    let first = into.len();
    product::points(&flat(panel), panel.kind.log.into(), into);
    if let Some(tail) = panel.kind.tail {
        if ends(panel) {
            into.remove(first);
        }
        // Next to its limits a panel has no point outside.
        into[first..].iter_mut().for_each(|x| *x = tail.x(*x).clamp(panel.a, panel.b));
    }
}

/// The moments of a weight on a panel, times what half its width comes in by.
pub(super) struct Moments {
    pub(super) moments: Vec<f64>,
    pub(super) half: f64,
}

/// Judges a panel by the values at its points, times a factor for each of the points in the flat
/// variable.
pub(super) fn judge<T: Value>(
    panel: &mut Panel<Weighed>,
    values: &[T],
    mut factor: impl FnMut(usize, f64) -> f64,
    moments: impl FnOnce(usize) -> Moments,
) -> Local<T> {
    if !has_points(panel) {
        return unknown();
    }
    let flat = flat(panel);
    let mut nodes = Vec::new();
    product::points(&flat, panel.kind.log.into(), &mut nodes);
    let is_far = ends(panel);
    let mut weighed = Vec::with_capacity(nodes.len());
    if is_far {
        // At infinity the value is what the others make of it.
        let mut none = values[0].clone();
        none.scale(f64::NAN);
        weighed.push(none);
    }
    let first = usize::from(is_far);
    for ((i, node), value) in nodes.iter().enumerate().skip(first).zip(values) {
        let mut value = value.clone();
        let factor = factor(i, *node);
        if factor.to_bits() != 1f64.to_bits() {
            value.scale(factor);
        }
        weighed.push(value);
    }
    let open = match panel.kind.tail {
        None => panel.kind.open,
        Some(_) => [is_far, panel.kind.open[usize::from(panel.kind.tail.is_some_and(|tail| tail.width < 0.0))]],
    };
    product::patch(&mut weighed, open);
    let Moments { moments, half } = moments(nodes.len() - 1);
    let sizes: Vec<f64> = moments.iter().map(|m| m.abs()).collect();
    let series = Series::new(&weighed);
    panel.kind.raise = series.falls_fast;
    let mut local = series.against(&moments, &sizes, half);
    local.l1 = norms(&weighed, &product::weights_of(panel.kind.log.into(), &moments)) * half;
    local
}

/// The sum of the norms times the moduli of the weights.
fn norms<T: Value>(values: &[T], weights: &[f64]) -> f64 {
    values.iter().zip(weights).map(|(value, weight)| weight.abs() * value.norm()).sum()
}

/// The judgement of a panel without points.
fn unknown<T: Value>() -> Local<T> {
    Local { value: T::zero(), error: super::method::UNKNOWN, l1: 0.0, roundoff: 0.0 }
}

/// A method with a weight.
pub(super) trait Weight: Method<Kind = Weighed> {
    /// Appends the panels that replace one without points.
    fn divide(&self, panel: &Panel<Weighed>, into: &mut Vec<Panel<Weighed>>);
}

/// Appends the panels that replace a judged one.
pub(super) fn refine<W: Weight>(weight: &W, panel: &Panel<Weighed>, into: &mut Vec<Panel<Weighed>>) {
    if has_points(panel) {
        replace(panel, into);
    } else {
        weight.divide(panel, into);
    }
}

/// The panels that replace a judged one with points: itself in the next order, or two halves in the
/// flat variable.
pub(super) fn replace(panel: &Panel<Weighed>, into: &mut Vec<Panel<Weighed>>) {
    let kind = panel.kind;
    let depth = panel.depth + 1;
    if kind.raise {
        let kind = Weighed { log: kind.log + 1, raise: false, ..kind };
        into.push(Panel { depth, kind, ..*panel });
        return;
    }
    let middle = flat(panel).midpoint();
    let c = kind.tail.map_or(middle, |tail| tail.x(middle));
    if panel.a < c && c < panel.b {
        let half = |open| Weighed { log: HALF, raise: false, open, ..kind };
        into.push(Panel { a: panel.a, b: c, depth, kind: half([kind.open[0], false]) });
        into.push(Panel { a: c, b: panel.b, depth, kind: half([false, kind.open[1]]) });
    }
}

/// The integrals of `T_k` over [-1, 1].
pub(super) fn plain(k: usize) -> f64 {
    if k % 2 == 0 { 2.0 / (1.0 - (k * k) as f64) } else { 0.0 }
}

/// Divides a panel at places, ascending and inside it; those that end at infinity go on from the
/// last place, at the pace `width`.
pub(super) fn divide(panel: &Panel<Weighed>, places: &[f64], width: f64, into: &mut Vec<Panel<Weighed>>) {
    let mut ends = vec![panel.a];
    ends.extend(places);
    ends.push(panel.b);
    let last = ends.len() - 2;
    for (i, pair) in ends.windows(2).enumerate() {
        let (a, b) = (pair[0], pair[1]);
        let tail = match (a.is_finite(), b.is_finite()) {
            (true, false) => Some(Tail { from: a, width }),
            (false, true) => Some(Tail { from: b, width: -width }),
            _ => None,
        };
        let kind = Weighed { open: [i == 0, i == last], tail, ..Weighed::ROOT };
        into.push(Panel { a, b, depth: panel.depth + 1, kind });
    }
}
