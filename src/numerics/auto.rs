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

mod ahead;
mod audit;
mod cut;
mod here;
mod infinite;
mod kind;
mod ladder;
mod map;
mod scouts;
mod search;
mod smooth;
mod steep;
mod tables;
mod tail;

use self::cut::{again, conclude, halve, refine_smooth, refine_tail};
use self::infinite::infinite;
pub(crate) use self::kind::Kind;
use self::kind::{Look, Note, PLAIN, Search, Shape};
use self::map::{Base, Map};
use self::scouts::Scouts;
use self::search::search;
use self::smooth::smooth;
use self::tables::{PLACE, POINTS};
use self::tail::Tail;
use super::elementary::ln;
use super::few::{Within, beyond, by_mean, is_few};
use super::lanes::{Lanes, blur, is_small};
use super::method::{Again, Control, Guess, Local, Method, Panel, UNKNOWN};
use super::value::Value;

/// The default method: global control, and for each panel what the values seen in it call for.
///
/// Where an integrand is smooth this is Gauss-Kronrod with 21 points. Singularities at the ends of the range or at
/// breakpoints, and jumps, kinks, singularities and peaks at unknown places inside, are found by the values and cost
/// tens of points where bisection alone costs hundreds.
///
/// # Numerics
///
/// A panel's error is QUADPACK's (Piessens et al. 1983, section 2.2.4) by `|K - G|` or what null rules of lower
/// degrees let expect of it (Berntsen and Espelid 1991); where they fall by a factor `r < 1/2` from degree to degree,
/// at most `16 |K - G| r^3`. The errors of the parts of a panel are together at most three times what cutting it
/// moved the integral by, unless that has them fall further than the square of the fall of `8 |K - G|`. A panel's own
/// error is at least the difference of two values at its very ends, 1e-7 of its width inside, from the polynomial
/// through the nodes, times the width not covered. Next to a singular point the variable is the logarithm of the
/// distance from it, in which every algebraic and logarithmic singularity is analytic; the last piece is integrated
/// as `d^p (A + B ln d)`, or next to a point other than zero as `d^p (A + C d)` if that fits better, its error the
/// misfit. A search ends with the relative accuracy of its place: 1e-9 of the panel for a jump, all digits of `x` for
/// a power. If all values are zero the panel is cut a few times before that is believed. If values rise steeply
/// towards two points of a panel that has resolved nothing, its error is what a peak between them may have, by the
/// straight lines through the logarithms of the values beside.
///
/// Limits, breakpoints and values that are not finite: the limits are never evaluated. A value that is not a number
/// is reported. A value that is infinite is reported, unless a search for a singular point hit the very point, or values
/// of one sign grow towards it from both sides, as seen from afar or within 1e-5 of the panel.
///
/// Before a claim the partition is looked at again: no gap between points is wider than a 70th of the piece
/// of the range, but for a first panel that is smooth. A first panel that sees next to nothing, or only next to a
/// limit or to zero, is followed by a ladder of points at all scales from 1e-300 on; so is one with a value that is
/// larger than all others next to an infinite limit, a breakpoint, or zero in a range wider than 100, at points added
/// there (at zero of `t`: eight, from 1e-8 to 1e-200 of the piece; else one). The law of a tail is tested farther in,
/// down to 2^-96 of its width.
///
/// What it can miss: a needle in a first panel that is smooth without it, or one much narrower than a 70th of
/// the range. Set a breakpoint near it, or a resolution. If every value was zero, the estimate
/// [says so](crate::Estimate::saw_nothing).
///
/// # Cost
///
/// 23 evaluations for each smooth panel, up to 16 more for the first of an infinite range, 9 for each stage of a
/// search, 8 for each tail next to zero and 4 elsewhere, up to 65 for each ladder, up to 70 for the second look at a
/// piece. See docs/ACCURACY.md for totals: at a relative tolerance of 1e-8 about 25 for a smooth integrand, 140 with a
/// singular end, 170 with a kink, 230 with a jump, 290 with a singularity inside.
///
/// # Determinism
///
/// Panels depend on values alone, never on timing.
///
/// # References
///
/// R. Piessens, E. de Doncker-Kapenga, C. W. Überhuber, D. K. Kahaner, "QUADPACK", Springer 1983. J. N. Lyness, J. J.
/// Kaganove, "Comments on the nature of automatic quadrature routines", ACM Trans. Math. Softw. 2 (1976) 65-81. J.
/// Berntsen, T. O. Espelid, "Error estimation in automatic quadrature routines", ACM Trans. Math. Softw. 17 (1991)
/// 233-252.
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

/// What rounding leaves of a panel's error, in units of epsilon times the integral of the norm.
const ROUNDOFF: f64 = 5.0;
/// What rounding leaves of the value at a point next to a singular one: in units of epsilon, times the ratio of the point
/// and its distance, or four; with a reserve.
const NOISE: f64 = 4.0;
/// A search is worth its points only if the error is a fraction of the integral that bisection would not soon remove
/// (measured 2026-11-21, evaluations on battery / families: 1e-5 236 / 294, 1e-4 233 / 287, 1e-3 230 / 289 and one of
/// 1200 silently wrong).
const SEARCH: f64 = 1e-4;
/// A panel without any value but zero is believed at this depth; next to zero, which may stand for infinity, at this.
const EMPTY: u32 = 3;
const EMPTY_LOG: u32 = 5;
/// A whole piece is dim if all but this part of what its points see is next to its limits, or to zero.
const DIM: f64 = 1e-8;
/// How many points are next to a limit.
const OUTERMOST: usize = 3;
/// Nearer to zero than this, where values end in zeros, it may be numbers that end there and not the integrand.
const EDGE: f64 = 1e-100;

impl Method for Auto {
    type Kind = Kind;
    const REUSES_POINTS: bool = false;
    const MAY_REPEAT: bool = true;
    const HAS_PARTS: bool = true;
    const AUDITS: bool = true;

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) -> Kind {
        PLAIN.kind()
    }

    fn piece(&self, a: f64, b: f64, beside: [f64; 2]) -> Kind {
        Kind { scouts: Scouts::new(a, b, beside), ..PLAIN.kind() }
    }

    fn is_part(&self, panel: &Panel<Kind>) -> bool {
        panel.kind.is_part
    }

    fn points(&self, panel: &Panel<Kind>, into: &mut Vec<f64>) {
        match panel.kind.shape {
            Shape::Smooth(base) => {
                let (map, within) = (Map::new(panel, base), Within::new(panel));
                into.extend(map.points().map(|x| within.clamp(x)));
                if panel.kind.is_looked_at_again() {
                    audit::points(panel, base, into);
                } else {
                    into.extend(panel.kind.scouts.points(panel));
                }
            }
            Shape::Search(Search { low, high, .. }) => into.extend(search::points(low, high)),
            Shape::Tail { from } => into.extend(Tail::new(panel, from).points()),
            Shape::Ladder => ladder::points(panel, into),
        }
    }

    fn count(&self, panel: &Panel<Kind>) -> usize {
        match panel.kind.shape {
            Shape::Smooth(_) if panel.kind.is_looked_at_again() => POINTS + usize::from(panel.kind.further),
            Shape::Smooth(_) => POINTS + panel.kind.scouts.count(),
            Shape::Search(_) => search::COUNT,
            Shape::Tail { from } => tail::count(from),
            Shape::Ladder => ladder::count(panel),
        }
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<Kind>, values: &[T]) -> Local<T> {
        let (a, b) = (panel.a, panel.b);
        match panel.kind.shape {
            Shape::Smooth(base) => {
                let map = Map::new(panel, base);
                let (own, further) = values.split_at(POINTS);
                let mut times_slopes = Vec::new();
                let (slopes, own) = if map.is_log {
                    let slopes = map.slopes();
                    times_slopes.extend_from_slice(own);
                    times_slopes.iter_mut().zip(slopes).for_each(|(value, slope)| value.scale(slope));
                    (slopes, &times_slopes[..])
                } else {
                    ([1.0; POINTS], own)
                };
                let own = own.try_into().expect("a value for each point");
                if panel.kind.is_looked_at_again() {
                    let mut further = further.iter().cloned();
                    let f = |_| further.next().expect("a value for each point");
                    return judge_again(panel, &map, &slopes, &audit::of_rule(panel, base), own, None, f);
                }
                if panel.kind.further > 0 {
                    panel.kind.further = audit::count(&audit::of_rule(panel, base), panel.kind.mesh);
                }
                let local = judge_smooth(panel, &map, &slopes, own);
                panel.kind.scouts.tell(panel, &local, own, further);
                local
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
            Shape::Tail { from } => Tail::new(panel, from).judge(panel, values),
            Shape::Ladder => {
                let nothing = Local { value: T::zero(), error: f64::MIN_POSITIVE, l1: 0.0, roundoff: 0.0 };
                match ladder::look(panel, values) {
                    Some(seen) => {
                        panel.kind.note = Note::Rungs(seen);
                        Local { error: UNKNOWN, ..nothing }
                    }
                    None => {
                        panel.kind.note = Note::Empty;
                        nothing
                    }
                }
            }
        }
    }

    #[inline]
    fn judge_here<T: Value>(
        &self,
        panel: &mut Panel<Kind>,
        f: impl FnMut(f64) -> T,
        kept: Option<&mut Vec<f64>>,
        again: Again<'_, T>,
    ) -> Option<Local<T>> {
        match (panel.kind.shape, panel.kind.look, again) {
            _ if !is_small::<T>() => None,
            (Shape::Smooth(base), Look::Due, again) => Some(here::judge(panel, base, f, kept, again)),
            (Shape::Smooth(base), Look::Done { .. }, Again::Known(known)) => {
                Some(here::look_again(panel, base, f, kept, known))
            }
            (Shape::Tail { from }, ..) => Some(here::tail(panel, from, f, kept)),
            _ => None,
        }
    }

    /// The stages of a search step back onto points of each other, and of the panel that is searched; a closer look
    /// onto the point that it is about; what replaces a tail onto the points of that.
    fn may_repeat(&self, panel: &Panel<Kind>) -> bool {
        panel.kind.repeats || matches!(panel.kind.shape, Shape::Search(_) | Shape::Ladder)
    }

    fn halvings(&self, panel: &Panel<Kind>) -> u32 {
        // A second look cuts nothing.
        u32::from(!panel.kind.is_looked_at_again())
    }

    fn audit(&self, panel: &Panel<Kind>) -> Option<Kind> {
        let is_due = panel.kind.note == Note::Dim || panel.kind.further > 0;
        (panel.kind.look == Look::Due && is_due).then_some(Kind { look: Look::Asked, ..panel.kind })
    }

    fn inherited(&self, panel: &Panel<Kind>) -> usize {
        if panel.kind.is_looked_at_again() { POINTS } else { 0 }
    }

    fn refine(&self, panel: &Panel<Kind>, error: f64, into: &mut Vec<Panel<Kind>>) {
        match panel.kind.shape {
            Shape::Smooth(_) if panel.kind.look == Look::Asked && panel.kind.note != Note::Dim => {
                again(panel, error, into);
            }
            Shape::Smooth(base) => refine_smooth(panel, base, error, into),
            Shape::Search(search) => {
                conclude(panel, &search, into);
                if into.is_empty() {
                    halve(panel, search.base, into);
                }
            }
            Shape::Tail { from } => refine_tail(panel, from, into),
            Shape::Ladder => {
                if let Note::Rungs(seen) = &panel.kind.note {
                    ladder::cut(panel, seen, into);
                } else {
                    refine_smooth(panel, Base::Plain, error, into);
                }
                if into.is_empty() {
                    halve(panel, Base::Plain, into);
                }
            }
        }
    }

    /// Of a whole piece, or of a panel with few points, too little is known before it is judged.
    fn predict(&self, panel: &Panel<Kind>, into: &mut Vec<Panel<Kind>>) {
        if matches!(panel.kind.shape, Shape::Smooth(_)) && panel.depth > 0 {
            self.refine(panel, 0.0, into);
        }
    }

    fn ahead<T: Value>(&self, panel: &Panel<Kind>, values: &[T], _: f64, into: &mut Vec<Guess<Kind>>) {
        ahead::ahead(panel, values, into);
    }
}

/// Judges a smooth panel by its values, already times the slopes.
#[inline]
fn judge_smooth<T: Value>(
    panel: &mut Panel<Kind>,
    map: &Map,
    slopes: &[f64; POINTS],
    values: &[T; POINTS],
) -> Local<T> {
    let (local, doubt) = judge(panel, map, slopes, values);
    panel.kind.doubt = doubt;
    local
}

/// The judgement of a panel that is looked at again, by its values, already times the slopes, and those between.
/// `before`: the judgement that was looked at, if it is known.
#[inline]
fn judge_again<T: Value>(
    panel: &mut Panel<Kind>,
    map: &Map,
    slopes: &[f64; POINTS],
    points: &[f64; POINTS],
    values: &[T; POINTS],
    before: Option<&Local<T>>,
    f: impl FnMut(f64) -> T,
) -> Local<T> {
    let Look::Done { error, stays } = panel.kind.look else { unreachable!("it is looked at again") };
    let (mut local, doubt) = match before {
        // What a judgement anew would say, but for what rounding leaves: the run may have raised that.
        Some(Local { value, l1, .. }) if stays => {
            let roundoff = ROUNDOFF * T::EPSILON * l1;
            let roundoff = roundoff.most(unknown(panel, map, slopes, values));
            (Local { value: value.clone(), error, l1: *l1, roundoff }, panel.kind.doubt)
        }
        _ => judge(panel, map, slopes, values),
    };
    let seen = audit::look(panel, map, points, values, doubt, f);
    local.error = error.most(seen.error);
    // What is not finite is not passed over.
    local.l1 += seen.none;
    if let Some(note) = seen.note {
        panel.kind.note = note;
    }
    local
}

/// The same, and by how much the polynomial through them may be off between them.
#[inline]
fn judge<T: Value>(
    panel: &mut Panel<Kind>,
    map: &Map,
    slopes: &[f64; POINTS],
    values: &[T; POINTS],
) -> (Local<T>, f64) {
    let (mut local, note, doubt) = smooth(map, panel.kind.is_part, values);
    panel.kind.note = note;
    let is_sound = local.l1 < f64::INFINITY;
    if let Some(note) = if is_sound { None } else { infinite(panel, map, values) } {
        panel.kind.note = note;
        return (Local { value: T::zero(), error: UNKNOWN, l1: 0.0, roundoff: 0.0 }, 0.0);
    }
    if panel.depth == 0 && panel.kind.shape == PLAIN {
        if is_dim(panel, values) {
            // What is not seen is not known, and no rounding of what is.
            (local.error, local.roundoff) = (local.error.most(f64::MIN_POSITIVE), 0.0);
            panel.kind.note = Note::Dim;
            return (local, doubt);
        }
    } else if local.error <= 0.0 && panel.depth < if touches_zero(panel, map) { EMPTY_LOG } else { EMPTY } {
        local.error = f64::MIN_POSITIVE;
        panel.kind.note = Note::Empty;
    }
    if local.error > steep::UNRESOLVED * local.l1 {
        told_by_feet(panel, map, values, &mut local);
    }
    if grows_without_bound(panel) {
        local.error = UNKNOWN;
    }
    let mut unknown = unknown(panel, map, slopes, values);
    if !map.is_log {
        unknown = unknown.most(beyond(panel, [values[0].norm(), values[POINTS - 1].norm()]));
    }
    if is_few(panel.a, panel.b) {
        if !map.is_log {
            let mean = by_mean(panel.b - panel.a, values);
            let unknown = mean.roundoff.most(unknown);
            return (Local { error: unknown, roundoff: unknown, ..mean }, 0.0);
        }
        // Values at so few numbers do not tell how it goes on between them.
        unknown = unknown.most(local.l1);
    }
    (local.error, local.roundoff) = (local.error.most(unknown), local.roundoff.most(unknown));
    (local, doubt)
}

/// What an unresolved panel may have between its points, by the feet that they see.
#[cold]
#[inline(never)]
fn told_by_feet<T: Value>(panel: &mut Panel<Kind>, map: &Map, values: &[T; POINTS], local: &mut Local<T>) {
    let norm: [f64; POINTS] = std::array::from_fn(|i| values[i].norm());
    let Some(feet) = steep::feet(panel, &PLACE, &norm, [-1.0, 1.0], |u| map.x(u)) else { return };
    let mass = (feet.mass * map.half_width()).least(UNKNOWN);
    if mass > local.error {
        local.error = mass;
        let [low, top, high] = feet.between;
        let low = if low > -1.0 { map.x(low).most(panel.a) } else { panel.a };
        let high = if high < 1.0 { map.x(high).least(panel.b) } else { panel.b };
        panel.kind.note = Note::Steep { low, top: map.x(top), high };
    }
}

/// What no refinement of a panel can tell: what the rounding of its points leaves, and what is beyond numbers.
#[inline]
fn unknown<T: Value>(panel: &Panel<Kind>, map: &Map, slopes: &[f64; POINTS], values: &[T; POINTS]) -> f64 {
    let at = |i: usize| if map.is_log { map.at_distance(slopes[i]) } else { map.x(PLACE[i]) };
    let norm = |i: usize| values[i].norm() / slopes[i];
    let (middle, last) = (POINTS / 2, POINTS - 1);
    let unknown = blur([at(0), at(middle), at(last)], [norm(0), norm(middle), norm(last)]);
    if panel.a.abs().least(panel.b.abs()) < EDGE {
        return unknown.most(beyond_the_edge(panel, map, slopes, values));
    }
    unknown
}

/// Whether the mass per e-fold grows towards a limit, as far as it was seen: what lies beyond is no part of what was
/// seen, however little that may be beside the rest of the integral.
fn grows_without_bound(panel: &Panel<Kind>) -> bool {
    let Note::Ends { left, right, left_power, right_power, .. } = panel.kind.note else { return false };
    let is_limit = |end: f64| panel.depth == 0 || end == 0.0;
    panel.kind.shape == PLAIN
        && (left && left_power <= -1.0 && is_limit(panel.a) || right && right_power <= -1.0 && is_limit(panel.b))
}

fn touches_zero(panel: &Panel<Kind>, map: &Map) -> bool {
    map.is_log || panel.a == 0.0 || panel.b == 0.0
}

/// Whether the values of a whole piece are zero everywhere, or all but next to its limits or to zero.
fn is_dim<T: Value>(panel: &Panel<Kind>, values: &[T; POINTS]) -> bool {
    let norm = |i: usize| values[i].norm();
    let most = |range: std::ops::Range<usize>| range.fold(0.0, |m: f64, i| m.most(norm(i)));
    // By the mass up to the next limit: powers of the distance are no features.
    let mass = |range: std::ops::Range<usize>| range.fold(0.0, |m: f64, i| m.most(norm(i) * (1.0 - PLACE[i].abs())));
    let outermost = mass(0..OUTERMOST).most(mass(POINTS - OUTERMOST..POINTS));
    if mass(OUTERMOST..POINTS - OUTERMOST) <= DIM * outermost {
        return true;
    }
    if panel.a >= 0.0 || panel.b <= 0.0 {
        return false;
    }
    // The points on both sides of zero.
    let zero = -panel.midpoint() / (panel.b / 2.0 - panel.a / 2.0);
    let k = (1..POINTS - 1).find(|&i| PLACE[i] > zero).unwrap_or(POINTS - 1);
    let near = norm(k).most(norm(k - 1));
    most(0..k - 1).most(most(k + 1..POINTS)) <= DIM * near
}

/// How much more there may be where numbers end: values that end in exact zeros so near to zero as if they went on as
/// they are, to the least number. (An integrand that ends there by itself falls before it does.)
fn beyond_the_edge<T: Value>(panel: &Panel<Kind>, map: &Map, slopes: &[f64; POINTS], values: &[T; POINTS]) -> f64 {
    let distance = |i: usize| if map.is_log { slopes[i] } else { map.x(PLACE[i]).abs() };
    let from_left = panel.a.abs() < panel.b.abs();
    let place = |k: usize| if from_left { k } else { POINTS - 1 - k };
    if values[place(0)].norm() > 0.0 {
        return 0.0;
    }
    let Some(k) = (1..POINTS).find(|&k| values[place(k)].norm() > 0.0) else { return 0.0 };
    let (d, norm) = (distance(place(k)), values[place(k)].norm());
    let mass = if map.is_log { norm } else { norm * d };
    if d < EDGE { mass * -ln(d) } else { 0.0 }
}
