//! The Gauss-Kronrod rule with 21 points and two probes: value, error, and what stands out.

use wide::f64x2;

use super::super::elementary::ln;
use super::super::gauss_kronrod::TRUST;
use super::super::gauss_kronrod::sums::{Laid, Values, spread};
use super::super::lanes::{Lanes, Parts, is_small, same, same_ref, two};
use super::super::method::Local;
use super::super::value::Value;
use super::kind::Note;
use super::map::Map;
use super::tables::{
    AT_PROBE, CENTRE, DIFFERENCE, EVEN_AT_PROBE, MODULI_AT_PROBE, NODE, NODES, NULL_16, NULL_18, NULL_20, ODD_AT_PROBE,
    PAIRS, POINTS, PROBE, WINDOW, WINDOWS,
};
use super::{ROUNDOFF, SEARCH};

/// Differences that exceed all those elsewhere by this factor stand out (measured 2026-11-21, evaluations on battery /
/// families: 4 233 / 300, 8 236 / 294, 16 235 / 290).
const STANDS_OUT: f64 = 16.0;

/// A panel whose error is this part of the integral of the norm has resolved nothing: it is cut into as many parts at
/// once, since the values of the panels in between would be thrown away (measured 2026-11-21, battery / families:
/// 2 245 / 310, 3 241 / 299, 4 236 / 294, 6 239 / 291).
const UNRESOLVED: f64 = 0.1;
const PARTS: u8 = 4;

/// Differences that are this part of the values themselves, or more, in most places: an oscillation, however it grows, and no
/// place that is hard (`K17` 1135 to 685 evaluations, `Q13` 638 to 711; measured 2026-11-22, families 268 to 267).
const BENT: f64 = 0.05;

/// `K - G` is the null rule of degree 20 times this.
const KRONROD_LESS_GAUSS: f64 = (Laid::<PAIRS>::RULE.differences[0] / NULL_20[0]).abs();

/// The same for how far the values at the probes are off, taken together: a null rule of all points, with moduli that sum to one.
const KRONROD_LESS_GAUSS_OFF: f64 = KRONROD_LESS_GAUSS / (2.0 * (1.0 + MODULI_AT_PROBE));

/// How much less than the null rules of lower degree let expect `K - G` may be without being so by chance.
const CHANCE: f64 = 1.0 / 16.0;

/// Null rules that fall by this factor from each degree to the next but one, the probes' too, show a panel that is resolved:
/// then the error is `RESOLVED |K - G|` times the third power of the factor. The rule is exact to degree 31, twelve more than
/// the embedded one, so for a series that goes on as it begins it is the sixth power. See
/// docs/NUMERICS.md.
const FALLING: f64 = 0.5;
const RESOLVED: f64 = 16.0;

/// A value so many times larger than all others of a panel is a peak; and others are no part of it unless they are so many
/// times larger than those beyond.
const ALONE: f64 = 2.0;

/// Where they fall at all, a panel is halved, and nothing is looked for in it (measured 2026-11-22, evaluations on battery /
/// families: 0.5 212 / 267, 0.7 207 / 268, 0.85 206 / 269, 1 207 / 276; all in logarithms too, where nothing is now: 213 / 272).
const FOLLOWED: f64 = 0.85;

/// The judgement of a panel by its values in its own variable: the rule's, unless a probe sees what the nodes do not.
/// The last is by how much the polynomial through the nodes may be off between them.
#[inline]
pub(super) fn smooth<T: Value>(map: &Map, is_part: bool, values: &[T; POINTS]) -> (Local<T>, Note, f64) {
    if let Some(values) = same_ref(values) {
        return same(by_parts::<f64, f64x2>(map, is_part, values)).expect("that is what it is");
    }
    by_parts::<T, [T; 2]>(map, is_part, values)
}

#[inline(never)]
fn by_parts<T: Value, P: Parts<T>>(map: &Map, is_part: bool, values: &[T; POINTS]) -> (Local<T>, Note, f64) {
    let h = map.half_width();
    let below: [T; PAIRS] = std::array::from_fn(|j| values[CENTRE - 1 - j].clone());
    let above: &[T; PAIRS] = values[CENTRE + 1..][..PAIRS].try_into().expect("so many");
    let inner = Values { centre: &values[CENTRE], below: &below, above };
    let Sums { kronrod: mut value, difference, l1, nulls: [near, far], even, odd } = Sums::of::<P>(inner);
    let (near, far) = (KRONROD_LESS_GAUSS * near, KRONROD_LESS_GAUSS * far);
    let square = near * near;
    // The same, if the square is too large or too small for its digits.
    let falling = if square.is_normal() { square / far } else { near * (near / far) };
    let expected = CHANCE * if near < far { falling } else { near };
    let difference = difference.most(expected);
    let off = off_at_probes(values, &even, &odd);
    // In a logarithm much may hide between the points: there nothing is taken for resolved.
    let falls = (near / far).most(difference / near).most(KRONROD_LESS_GAUSS_OFF * off / difference);
    let factor = if map.is_log { 1.0 } else { falls };
    let resolved = if factor < FALLING { RESOLVED * difference * factor * factor * factor } else { f64::INFINITY };
    // The spread is at most twice the integral of the norm. QUADPACK's estimate falls with it, so if it is the larger one there,
    // it is so anywhere; but for a spread below 2 |K - G|, where the larger one will do.
    let error = if is_part {
        (TRUST * difference).least(resolved)
    } else if quadpack(difference, 2.0 * l1) > resolved {
        resolved
    } else {
        quadpack(difference, spread::<T, P, PAIRS>(inner, &value)).least(resolved)
    };
    value.scale(h);
    let l1 = l1 * h;
    let roundoff = ROUNDOFF * T::EPSILON * l1;
    let hidden = off * h * (1.0 - NODE[NODES - 1]);
    // A singular value at a probe says that there is something, not how much.
    let hidden = if l1 > 0.0 { hidden.min(l1 + l1) } else { hidden };
    let mut local = Local { value, error: (error * h).max(roundoff).max(hidden), l1, roundoff };
    let is_clear = factor < FOLLOWED || local.error <= local.roundoff;
    let note = if is_clear { Note::Nothing } else { look(map, values, &local) };
    // Values at the probes count for nothing, unless they are not finite.
    local.l1 += 0.0 * (values[0].norm() + values[POINTS - 1].norm());
    // The polynomial is off between the nodes by about what it is off at the probes, or what the null rules have.
    (local, note, off.most(difference / KRONROD_LESS_GAUSS).most(near / KRONROD_LESS_GAUSS))
}

/// The error of a panel by QUADPACK, where the integral of `|f - mean f|` is `spread`.
#[inline]
fn quadpack(difference: f64, spread: f64) -> f64 {
    let ratio = 200.0 * difference / spread;
    match spread > 0.0 {
        true if ratio < 1.0 => spread * ratio * ratio.sqrt(),
        true => spread,
        false => difference,
    }
}

/// Sums over the nodes of a panel from -1 to 1.
struct Sums<T> {
    kronrod: T,
    /// The norm of `K - G`.
    difference: f64,
    /// The integral of the norm.
    l1: f64,
    /// What the null rules of degrees 18 and 16 leave of the values.
    nulls: [f64; 2],
    /// The polynomial through the values at the right probe: its even part and its odd one.
    even: T,
    odd: T,
}

impl<T: Value> Sums<T> {
    /// All in one pass.
    #[inline]
    fn of<P: Parts<T>>(Values { centre, below, above }: Values<'_, T, PAIRS>) -> Self {
        let Laid { weights, differences, centre: at_centre, .. } = Laid::<PAIRS>::RULE;
        let first = |weight| {
            let mut first = centre.clone();
            first.scale(weight);
            P::new(first)
        };
        let (mut kronrod, mut difference) = (first(at_centre[0]), first(at_centre[1]));
        let (mut near, mut far) = (first(NULL_18[PAIRS]), first(NULL_16[PAIRS]));
        let (mut even, mut odd) = (first(AT_PROBE[CENTRE - 1]), P::new(T::zero()));
        let mut l1 = <f64x2 as Parts<f64>>::new(at_centre[0] * centre.norm());
        // DETERMINISM: every other pair, from the inside out; those between the same way; then the two sums.
        for i in 0..PAIRS / 2 {
            let both = P::both(below, above, i);
            kronrod.add_both(two(weights, i), &both);
            difference.add_both(two(differences, i), &both);
            near.add_both(two(&NULL_18[..PAIRS], i), &both);
            far.add_both(two(&NULL_16[..PAIRS], i), &both);
            even.add_both(two(&EVEN_AT_PROBE, i), &both);
            odd.add_both(two(&ODD_AT_PROBE, i), &P::apart(above, below, i));
            l1.add_both(two(weights, i), &P::norms(below, above, i, None));
        }
        Self {
            kronrod: kronrod.total(),
            difference: difference.total().norm(),
            l1: l1.total(),
            nulls: [near.total().norm(), far.total().norm()],
            even: even.total(),
            odd: odd.total(),
        }
    }
}

/// How far the values at the probes are from the polynomial through those at the nodes. What is even around the centre
/// is the same at both; what is odd, the opposite.
#[inline]
fn off_at_probes<T: Value>(values: &[T; POINTS], even: &T, odd: &T) -> f64 {
    let off = |value: &T, sign: f64| {
        let mut off = value.clone();
        off.add_scaled(-1.0, even);
        off.add_scaled(sign, odd);
        off.norm()
    };
    off(&values[0], 1.0) + off(&values[POINTS - 1], -1.0)
}

/// Where the values of a panel are hard to follow.
fn look<T: Value>(map: &Map, values: &[T; POINTS], local: &Local<T>) -> Note {
    let rough = differences(values);
    let most = |rough: &[f64]| rough.iter().fold(0.0, |m: f64, &r| m.most(r));
    let middle = most(&rough[5..WINDOWS - 5]);
    let first = rough[0].most(rough[1]);
    let last = rough[WINDOWS - 1].most(rough[WINDOWS - 2]);
    let is_bent = |w: usize| {
        let size = values[w..w + WINDOW].iter().fold(0.0, |m: f64, value| m.most(value.norm()));
        rough[w] > BENT * size
    };
    if local.error > UNRESOLVED * local.l1 && 2 * (0..WINDOWS).filter(|&w| is_bent(w)).count() > WINDOWS {
        return Note::Ends { left: false, right: false, left_power: 0.0, right_power: 0.0, parts: PARTS };
    }
    // A peak that one point alone has seen: what follows would not see it again but at that point.
    let top = (0..POINTS).fold(0, |m, i| if values[i].norm() > values[m].norm() { i } else { m });
    let peak = || {
        let most = |beyond: usize| {
            let others = (0..POINTS).filter(|&i| i.abs_diff(top) > beyond);
            others.fold(0.0, |m: f64, i| m.most(values[i].norm()))
        };
        // If it rises from afar it is found from there.
        let is_alone = values[top].norm() > ALONE * most(0) && most(0) <= ALONE * most(1);
        if !(1..POINTS - 1).contains(&top) || !is_alone {
            return None;
        }
        let [left, x, right] = [top - 1, top, top + 1].map(|i| map.x(Map::u(i)));
        let around = (x - left).abs().least((right - x).abs());
        Some((x - around, x + around))
    };
    if local.error > SEARCH * local.l1 {
        let at = (0..WINDOWS).fold(0, |m, w| if rough[w] > rough[m] { w } else { m });
        let (before, after) = (&rough[..at.saturating_sub(4)], &rough[(at + 5).min(WINDOWS)..]);
        if (2..WINDOWS - 2).contains(&at) && rough[at] > STANDS_OUT * most(before).most(most(after)) {
            let (x, y) = (map.x(Map::u(at)), map.x(Map::u(at + WINDOW - 1)));
            let wide = (x.min(y), x.max(y));
            // Of an even number of spacings the middle is a point of the search anyway.
            let (low, high) = peak().unwrap_or(wide);
            return Note::Focus { low, high, l1: local.l1 };
        }
    }
    // Nor is it the end's that it stands beside: a panel is cut out that has it in the middle.
    if let (false, Some((low, high))) = ((WINDOW..POINTS - WINDOW).contains(&top), peak()) {
        return Note::Unlike { low, high };
    }
    let power = |outer: &T, inner: &T| {
        let (o, i) = (outer.norm(), inner.norm());
        if o > 0.0 && i > 0.0 { (ln(o) - ln(i)) / ln(PROBE / (1.0 - NODE[NODES - 1])) } else { 0.0 }
    };
    let stands_out = |rough: f64| rough > STANDS_OUT * middle;
    let (left, right) = (stands_out(first), stands_out(last));
    Note::Ends {
        left,
        right,
        left_power: if left { power(&values[0], &values[1]) } else { 0.0 },
        right_power: if right { power(&values[POINTS - 1], &values[POINTS - 2]) } else { 0.0 },
        parts: if local.error > UNRESOLVED * local.l1 { PARTS } else { 2 },
    }
}

/// The norms of the differences of the values in each window.
fn differences<T: Value>(values: &[T; POINTS]) -> [f64; WINDOWS] {
    let term = |w: usize| {
        let mut term = values[w].clone();
        term.scale(DIFFERENCE[0][w]);
        term
    };
    if !is_small::<T>() {
        return std::array::from_fn(|w| {
            let mut difference = term(w);
            (1..WINDOW).for_each(|i| difference.add_scaled(DIFFERENCE[i][w], &values[w + i]));
            difference.norm()
        });
    }
    // Window by window in the innermost loop: none waits for the one before.
    let mut differences: [T; WINDOWS] = std::array::from_fn(term);
    for i in 1..WINDOW {
        for w in 0..WINDOWS {
            differences[w].add_scaled(DIFFERENCE[i][w], &values[w + i]);
        }
    }
    std::array::from_fn(|w| differences[w].norm())
}
