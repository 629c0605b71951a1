//! The default method: Gauss-Kronrod panels that look for what is in their way, and change the variable where it is.
//!
//! INVARIANT: decisions rest on norms and linear combinations of values, and on + - * / sqrt alone (logarithms and
//! exponentials are [`elementary`](super::elementary)'s own): the same on every platform.
//!
//! The kinds of panels, and what follows which:
//!
//! - *smooth*: the rule with 21 points, in `x` or in the logarithm of the distance from a point outside the panel. If
//!   its error is too large, two halves follow if the null rules fall from degree to degree. If not, it depends on where
//!   the fifth differences of its values stand out: at an end, a tail there and a logarithmic panel for the rest; in one
//!   place inside, a search; nowhere, or everywhere, two halves, or four if nothing was resolved.
//! - *search*: the same panel, nine points at a time around the place that stands out, until it is known to be a jump,
//!   a kink, a power of the distance or a peak. Then the panel is cut there.
//! - *tail*: what is left next to a singular point, by four values and a power law.

mod map;
mod search;
mod smooth;
mod tables;
mod tail;

use self::map::{Base, Map, Within};
use self::search::{Feature, search};
use self::smooth::smooth;
use self::tables::{PLACE, POINTS};
use self::tail::{TAIL, tail};
use super::elementary::exp;
use super::few::{by_mean, is_few};
use super::lanes::{Lanes, blur, is_small};
use super::method::{Control, Local, Method, Panel};
use super::value::Value;

/// The default method: global control, and for each panel what the values seen in it call for.
///
/// Where an integrand is smooth this is Gauss-Kronrod with 21 points. Singularities at the ends of the range or at
/// breakpoints, and jumps, kinks, singularities and peaks at unknown places inside, are found by the values and cost
/// tens of points where bisection alone costs hundreds.
///
/// # Numerics
///
/// A panel's error is QUADPACK's (Piessens et al. 1983, section 2.2.4) by `|K - G|` or what null rules of lower degrees let expect of
/// it (Berntsen and Espelid 1991); where they fall by a factor `r < 1/2` from degree to degree, at most `16 |K - G| r^3`. The errors
/// of the parts of a panel are together at most three times what cutting it moved the integral by, unless that has them fall further than the
/// square of the fall of `8 |K - G|`. A panel's own error is at least the difference of two values at its very ends, 1e-7 of its width inside,
/// from the polynomial through the nodes, times the width not covered. Next to a singular point the variable is the
/// logarithm of the distance from it, in which every algebraic and logarithmic singularity is analytic; the last piece
/// is integrated as `d^p (A + B ln d)`, its error the misfit. A search ends with the relative accuracy of its place:
/// 1e-9 of the panel for a jump, all digits of `x` for a power. If all values are zero the panel is cut a few times
/// before that is believed.
///
/// Limits, breakpoints and values that are not finite: the limits are never evaluated. A value that is not a number
/// is reported. A value that is infinite is reported, unless a search for a singular point hit the very point.
///
/// What it can miss: a feature narrower than the distance between a panel's points. Set a breakpoint near it.
///
/// # Cost
///
/// 23 evaluations for each smooth panel, 9 for each stage of a search, 4 for each tail. See docs/ACCURACY.md for
/// totals: at a relative tolerance of 1e-8 about 25 for a smooth integrand, 90 with a singular end, 120 with a kink, 180
/// with a jump, 220 with a singularity inside.
///
/// # Determinism
///
/// Panels depend on values alone, never on timing.
///
/// # References
///
/// R. Piessens, E. de Doncker-Kapenga, C. W. Überhuber, D. K. Kahaner, "QUADPACK", Springer 1983. J. N. Lyness,
/// J. J. Kaganove, "Comments on the nature of automatic quadrature routines", ACM Trans. Math. Softw. 2 (1976) 65-81. J. Berntsen, T. O.
/// Espelid, "Error estimation in automatic quadrature routines", ACM Trans. Math. Softw. 17 (1991) 233-252.
///
/// # Examples
///
/// ```
/// use coquad::{Auto, Inline, Integrator};
///
/// let singular = Inline::new(|x: f64| 1.0 / (x - 0.3).abs().sqrt());
/// let e = Integrator::new(singular).method(Auto).rtol(1e-8).integrate_blocking(0.0, 1.0, 0.0)?;
/// assert!((e.value - 2.0 * (0.3f64.sqrt() + 0.7f64.sqrt())).abs() < 1e-7);
/// assert!(e.evaluations < 400);
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Auto;

/// What a panel of [`Auto`] is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(hidden)]
pub struct Kind {
    shape: Shape,
    note: Note,
    /// One of the parts of a smooth panel, in the same variable.
    is_part: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// Gauss-Kronrod, with two probes.
    Smooth(Base),
    /// The whole panel, while looking for the one point where it is hard.
    Search(Search),
    /// The rest of an interval next to a point where the integrand is singular.
    Tail { from: f64 },
}

/// A search as it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Search {
    /// Where to look.
    low: f64,
    high: f64,
    /// The error until the search ends; NaN if it is to be made from the values.
    error: f64,
    stage: u32,
    /// The variable of the panel that is searched.
    base: Base,
}

/// What a judged panel learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Note {
    Nothing,
    /// All values are zero, and that is not yet believed.
    Empty,
    /// Which ends are hard, and the powers of the distance to which the norm is proportional there.
    /// `parts`: into how many parts to cut if neither is.
    Ends {
        left: bool,
        right: bool,
        left_power: f64,
        right_power: f64,
        parts: u8,
    },
    /// Between which points the panel is hard.
    Focus {
        low: f64,
        high: f64,
        l1: f64,
    },
    /// What a search has found, and where.
    Found {
        low: f64,
        high: f64,
        feature: Feature,
    },
    /// The power in a tail.
    Power(f64),
}

/// What rounding leaves of a panel's error, in units of epsilon times the integral of the norm.
const ROUNDOFF: f64 = 5.0;
/// What rounding leaves of the value at a point next to a singular one: in units of epsilon, times the ratio of the point
/// and its distance, or four; with a reserve.
const NOISE: f64 = 4.0;
/// A search is worth its points only if the error is a fraction of the integral that bisection would not soon remove
/// (measured 2026-11-21, evaluations on battery / families: 1e-5 236 / 294, 1e-4 233 / 287, 1e-3 230 / 289 and one of
/// 1200 silently wrong).
const SEARCH: f64 = 1e-4;
/// A search that has not ended after as many stages is given up: 53 bits at three to four bits a stage take 18.
const STAGES: u32 = 40;
/// A panel without any value but zero is believed at this depth; next to zero, which may stand for infinity, at this.
const EMPTY: u32 = 3;
const EMPTY_LOG: u32 = 5;
/// What is left out at zero when a panel without any value is cut in equal parts of the logarithm.
const FAR: f64 = 1e-6;

/// Half of what a panel spans in the logarithm before the variable itself is looked at.
const SPAN: f64 = 6.0;

impl Shape {
    fn kind(self) -> Kind {
        Kind { shape: self, note: Note::Nothing, is_part: false }
    }
}

const PLAIN: Kind = Kind { shape: Shape::Smooth(Base::Plain), note: Note::Nothing, is_part: false };

fn log(from: f64) -> Kind {
    Shape::Smooth(Base::Log { from }).kind()
}

fn tail_from(from: f64) -> Kind {
    Shape::Tail { from }.kind()
}

impl Method for Auto {
    type Kind = Kind;
    const REUSES_POINTS: bool = false;
    const MAY_REPEAT: bool = true;
    const HAS_PARTS: bool = true;

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) -> Kind {
        PLAIN
    }

    fn is_part(&self, panel: &Panel<Kind>) -> bool {
        panel.kind.is_part
    }

    fn points(&self, panel: &Panel<Kind>, into: &mut Vec<f64>) {
        match panel.kind.shape {
            Shape::Smooth(base) => {
                let (map, within) = (Map::new(panel, base), Within::new(panel));
                into.extend(map.points().map(|x| within.clamp(x)));
            }
            Shape::Search(Search { low, high, .. }) => into.extend(search::points(low, high)),
            Shape::Tail { from } => {
                let far = if from <= panel.a { panel.b } else { panel.a };
                into.extend(TAIL.iter().map(|part| from + (far - from) * part));
            }
        }
    }

    fn count(&self, panel: &Panel<Kind>) -> usize {
        match panel.kind.shape {
            Shape::Smooth(_) => POINTS,
            Shape::Search(_) => search::COUNT,
            Shape::Tail { .. } => TAIL.len(),
        }
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<Kind>, values: &[T]) -> Local<T> {
        let (a, b) = (panel.a, panel.b);
        match panel.kind.shape {
            Shape::Smooth(base) => {
                let map = Map::new(panel, base);
                if map.is_log {
                    let slopes = map.slopes();
                    let mut scaled = values.to_vec();
                    scaled.iter_mut().zip(slopes).for_each(|(value, slope)| value.scale(slope));
                    judge(panel, &map, &slopes, scaled[..].try_into().expect("a value for each point"))
                } else {
                    judge(panel, &map, &FLAT, values.try_into().expect("a value for each point"))
                }
            }
            Shape::Search(Search { low, high, error, stage, .. }) => {
                let (feature, low, high) = search(low, high, a, b, values);
                panel.kind.note = Note::Found { low, high, feature };
                if error.is_nan() {
                    return search::between(b - a, values);
                }
                // Nothing is known of the integral yet: zero, so that no relative tolerance is met by a crude value.
                // Each stage counts as progress.
                let error = error * (1.0 - 0.02 * f64::from(stage + 1));
                let l1 = if values.iter().any(|value| value.norm().is_nan()) { f64::NAN } else { error };
                Local { value: T::zero(), error, l1, roundoff: 0.0 }
            }
            Shape::Tail { from } => {
                let width = b - a;
                let noise = NOISE * f64::EPSILON * (4.0 + from.abs() / (width * TAIL[TAIL.len() - 1]));
                let (local, power) = tail(values, width, noise);
                panel.kind.note = Note::Power(power);
                local
            }
        }
    }

    #[inline]
    fn judge_here<T: Value>(
        &self,
        panel: &mut Panel<Kind>,
        f: impl FnMut(f64) -> T,
        kept: Option<&mut Vec<f64>>,
    ) -> Option<Local<T>> {
        let Shape::Smooth(base) = panel.kind.shape else { return None };
        is_small::<T>().then(|| judge_here(panel, base, f, kept))
    }

    /// The stages of a search step back onto points of each other, and of the panel that is searched.
    fn may_repeat(&self, panel: &Panel<Kind>) -> bool {
        matches!(panel.kind.shape, Shape::Search(_))
    }

    fn refine(&self, panel: &Panel<Kind>, error: f64, into: &mut Vec<Panel<Kind>>) {
        let (a, b) = (panel.a, panel.b);
        match panel.kind.shape {
            Shape::Smooth(base) => match panel.kind.note {
                Note::Focus { low, high, l1 } => {
                    let search = Search { low, high, error: error + l1, stage: 0, base };
                    into.push(Panel { depth: panel.depth + 1, kind: Shape::Search(search).kind(), ..*panel });
                }
                Note::Ends { left, right, left_power, right_power, .. } if base == Base::Plain && (left || right) => {
                    let c = panel.midpoint();
                    let (l, r) = (near(a, b, left_power), near(b, a, right_power));
                    if left && right {
                        tile(panel, &[l, c, r], &[tail_from(a), log(a), log(b), tail_from(b)], into);
                    } else if left {
                        tile(panel, &[l], &[tail_from(a), log(a)], into);
                    } else {
                        tile(panel, &[r], &[log(b), tail_from(b)], into);
                    }
                    if into.is_empty() {
                        halve(panel, base, into);
                    }
                }
                // Hard at the end that is far from the point: there the variable itself shows why, once the logarithm does
                // not span too much.
                Note::Ends { left, right, .. }
                    if matches!(base, Base::Log { from } if if from <= a { right && !left } else { left && !right })
                        && Map::new(panel, base).half_width() <= SPAN =>
                {
                    let (c, same) = (panel.midpoint(), Shape::Smooth(base).kind());
                    let kinds = if right { [same, PLAIN] } else { [PLAIN, same] };
                    tile(panel, &[c], &kinds, into);
                }
                // Equal parts of the logarithm: what is far away is wide.
                Note::Empty if !matches!(base, Base::Log { .. }) && b == 0.0 => {
                    tile(panel, &[a * FAR], &[log(0.0), tail_from(0.0)], into);
                }
                Note::Empty if !matches!(base, Base::Log { .. }) && a == 0.0 => {
                    tile(panel, &[b * FAR], &[tail_from(0.0), log(0.0)], into);
                }
                Note::Ends { parts, .. } if parts > 2 => cut(panel, base, parts, into),
                _ => halve(panel, base, into),
            },
            Shape::Search(search) => {
                conclude(panel, &search, into);
                if into.is_empty() {
                    halve(panel, search.base, into);
                }
            }
            Shape::Tail { from } => {
                let power = if let Note::Power(power) = panel.kind.note { power } else { 0.0 };
                if from <= a {
                    tile(panel, &[near(a, b, power)], &[tail_from(from), log(from)], into);
                } else {
                    tile(panel, &[near(b, a, power)], &[log(from), tail_from(from)], into);
                }
                // As near as the digits of `x` go, and no power law yet: what is hard may lie just outside.
                if into.is_empty() && from != 0.0 {
                    into.push(Panel { depth: panel.depth + 1, kind: PLAIN, ..*panel });
                }
            }
        }
    }

    fn predict(&self, panel: &Panel<Kind>, into: &mut Vec<Panel<Kind>>) {
        self.refine(panel, 0.0, into);
    }
}

/// The slopes of a panel in its own variable.
const FLAT: [f64; POINTS] = [1.0; POINTS];

/// Judges a smooth panel by the values that `f` has at its points.
#[inline]
fn judge_here<T: Value>(
    panel: &mut Panel<Kind>,
    base: Base,
    mut f: impl FnMut(f64) -> T,
    kept: Option<&mut Vec<f64>>,
) -> Local<T> {
    let (map, within) = (Map::new(panel, base), Within::new(panel));
    let slopes = if map.is_log { map.slopes() } else { FLAT };
    let mut points = if map.is_log { slopes.map(|distance| map.at_distance(distance)) } else { map.points() };
    points.iter_mut().for_each(|x| *x = within.clamp(*x));
    if let Some(kept) = kept {
        kept.extend_from_slice(&points);
    }
    let mut values: [T; POINTS] = std::array::from_fn(|i| f(points[i]));
    if map.is_log {
        values.iter_mut().zip(slopes).for_each(|(value, slope)| value.scale(slope));
    }
    judge(panel, &map, &slopes, &values)
}

/// Judges a smooth panel by its values, already times the slopes.
#[inline]
fn judge<T: Value>(panel: &mut Panel<Kind>, map: &Map, slopes: &[f64; POINTS], values: &[T; POINTS]) -> Local<T> {
    let (mut local, note) = smooth(map, panel.kind.is_part, values);
    panel.kind.note = note;
    let depth = if map.is_log || panel.a == 0.0 || panel.b == 0.0 { EMPTY_LOG } else { EMPTY };
    if local.error <= 0.0 && panel.depth < depth {
        local.error = f64::MIN_POSITIVE;
        panel.kind.note = Note::Empty;
    }
    let at = |i: usize| if map.is_log { map.at_distance(slopes[i]) } else { map.x(PLACE[i]) };
    let samples = [0, POINTS / 2, POINTS - 1];
    let mut unknown = blur(samples.map(at), samples.map(|i| values[i].norm() / slopes[i]));
    if is_few(panel.a, panel.b) {
        if !map.is_log {
            return by_mean(panel.b - panel.a, values);
        }
        // Values at so few numbers do not tell how it goes on between them.
        unknown = unknown.most(local.l1);
    }
    (local.error, local.roundoff) = (local.error.most(unknown), local.roundoff.most(unknown));
    local
}

/// The panels that replace one whose search has ended, or the next stage of the search; none if it found nothing.
fn conclude(panel: &Panel<Kind>, search: &Search, into: &mut Vec<Panel<Kind>>) {
    let Note::Found { low, high, feature } = panel.kind.note else { return };
    let (a, b, c) = (panel.a, panel.b, f64::midpoint(low, high));
    let base = Shape::Smooth(search.base).kind();
    match feature {
        Feature::Jump | Feature::Unclear if feature == Feature::Jump || search.error.is_nan() => {
            let between = Search { low, high, error: f64::NAN, stage: 0, base: Base::Plain };
            let between = Shape::Search(between).kind();
            match (a < low, high < b) {
                (true, true) => tile(panel, &[low, high], &[base, between, base], into),
                (true, false) => tile(panel, &[low], &[base, between], into),
                (false, _) => tile(panel, &[high], &[between, base], into),
            }
        }
        Feature::Unclear if search.stage < STAGES => {
            let next = Search { low, high, error: search.error, stage: search.stage + 1, base: search.base };
            into.push(Panel { depth: panel.depth + 1, kind: Shape::Search(next).kind(), ..*panel });
        }
        Feature::Kink => tile(panel, &[c], &[base, base], into),
        Feature::Power => {
            let (l, r) = (near(c, a, -0.5), near(c, b, -0.5));
            let kinds = [log(c), tail_from(c), tail_from(c), log(c)];
            match (a < l, r < b) {
                (true, true) => tile(panel, &[l, c, r], &kinds, into),
                (true, false) => tile(panel, &[l, c], &kinds[..3], into),
                (false, true) => tile(panel, &[c, r], &kinds[1..], into),
                (false, false) => tile(panel, &[c], &kinds[1..3], into),
            }
        }
        Feature::Smooth if high - low < 0.2 * (b - a) => {
            tile(panel, &[low, high], &[log(c), PLAIN, log(c)], into);
        }
        _ => {}
    }
}

/// Cuts a panel at the given points into panels of the given kinds; does nothing if the points do not ascend.
fn tile(panel: &Panel<Kind>, cuts: &[f64], kinds: &[Kind], into: &mut Vec<Panel<Kind>>) {
    let ends = || cuts.iter().copied().chain([panel.b]);
    let starts = || [panel.a].into_iter().chain(cuts.iter().copied());
    if starts().zip(ends()).all(|(a, b)| a < b) {
        let depth = panel.depth + 1;
        into.extend(starts().zip(ends()).zip(kinds).map(|((a, b), &kind)| Panel { a, b, depth, kind }));
    }
}

/// The kind of a part of a panel. (What is searched has no value to compare theirs with.)
fn part(panel: &Panel<Kind>, kind: Kind) -> Kind {
    Kind { is_part: matches!(panel.kind.shape, Shape::Smooth(_)), ..kind }
}

/// Cuts a panel in the middle of its variable.
fn halve(panel: &Panel<Kind>, base: Base, into: &mut Vec<Panel<Kind>>) {
    let map = Map::new(panel, base);
    if map.is_log && map.half_width() > 0.5 {
        let kind = part(panel, Shape::Smooth(base).kind());
        tile(panel, &[map.x(0.0)], &[kind, kind], into);
    } else {
        panel.bisect(part(panel, PLAIN), into);
    }
}

/// Cuts a panel in equal parts of its variable.
fn cut(panel: &Panel<Kind>, base: Base, parts: u8, into: &mut Vec<Panel<Kind>>) {
    let map = Map::new(panel, base);
    let kind = part(panel, Shape::Smooth(base).kind());
    let mut cuts = [0.0; 8];
    let count = usize::from(parts - 1).min(8);
    for (i, x) in cuts[..count].iter_mut().enumerate() {
        let u = (2 * (i + 1)) as f64 / f64::from(parts) - 1.0;
        *x = map.x(u);
    }
    tile(panel, &cuts[..count], &[kind; 9][..=count], into);
    if into.is_empty() {
        halve(panel, base, into);
    }
}

/// Where the tail of a power law next to `end` begins: so near that what is left is small, but not so near that `x`
/// has too few digits left.
fn near(end: f64, far: f64, power: f64) -> f64 {
    let least = end.abs() * 2f64.powi(-24);
    let width = far - end;
    let s = (25.0 / (power + 1.0).max(0.05)).clamp(12.0, 120.0);
    let distance = (width.abs() * exp(-s)).max(least).max(f64::MIN_POSITIVE);
    end + distance.copysign(width)
}
