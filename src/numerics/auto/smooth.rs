//! The Gauss-Kronrod rule with 21 points and two probes: value, error, and what stands out.

use super::super::elementary::ln;
use super::super::lanes::is_small;
use super::super::method::Local;
use super::super::value::Value;
use super::map::Map;
use super::tables::{AT_PROBE, DIFFERENCE, GAUSS, KRONROD, NODE, NODES, POINTS, PROBE, WINDOW, WINDOWS};
use super::{Note, ROUNDOFF, SEARCH};

/// Differences that exceed all those elsewhere by this factor stand out (measured 2026-11-21, evaluations on battery /
/// families: 4 233 / 300, 8 236 / 294, 16 235 / 290).
const STANDS_OUT: f64 = 16.0;

/// A panel whose error is this part of the integral of the norm has resolved nothing: it is cut into as many parts at
/// once, since the values of the panels in between would be thrown away (measured 2026-11-21, battery / families:
/// 2 245 / 310, 3 241 / 299, 4 236 / 294, 6 239 / 291).
const UNRESOLVED: f64 = 0.1;
const PARTS: u8 = 4;

/// The judgement of a panel by its values in its own variable: the rule's, unless a probe sees what the nodes do not.
pub(super) fn smooth<T: Value>(map: &Map, values: &[T; POINTS]) -> (Local<T>, Note) {
    let nodes: &[T; NODES] = values[1..=NODES].try_into().expect("all but the probes");
    let h = map.half_width();
    let mut local = kronrod(nodes, h);
    let mut left = values[0].clone();
    let mut right = values[POINTS - 1].clone();
    for (i, weight) in AT_PROBE.iter().enumerate() {
        right.add_scaled(-weight, &nodes[i]);
        left.add_scaled(-weight, &nodes[NODES - 1 - i]);
    }
    let hidden = (left.norm() + right.norm()) * h * (1.0 - NODE[NODES - 1]);
    // A singular value at a probe says that there is something, not how much.
    let hidden = if local.l1 > 0.0 { hidden.min(local.l1 + local.l1) } else { hidden };
    local.error = local.error.max(hidden);
    let note = if local.error > local.roundoff { look(map, values, &local) } else { Note::Nothing };
    // Values at the probes count for nothing, unless they are not finite.
    local.l1 += 0.0 * (values[0].norm() + values[POINTS - 1].norm());
    (local, note)
}

/// Where the values of a panel are hard to follow.
fn look<T: Value>(map: &Map, values: &[T; POINTS], local: &Local<T>) -> Note {
    let rough = differences(values);
    let middle = rough[5..WINDOWS - 5].iter().fold(0.0, |m: f64, &r| m.max(r));
    let first = rough[0].max(rough[1]);
    let last = rough[WINDOWS - 1].max(rough[WINDOWS - 2]);
    let at = (0..WINDOWS).fold(0, |m, w| if rough[w] > rough[m] { w } else { m });
    if at >= 2 && at + 2 < WINDOWS {
        let elsewhere = (0..WINDOWS).filter(|w| w.abs_diff(at) >= 5).fold(0.0, |m: f64, w| m.max(rough[w]));
        if rough[at] > STANDS_OUT * elsewhere && local.error > SEARCH * local.l1 {
            let (x, y) = (map.x(Map::u(at)), map.x(Map::u(at + WINDOW - 1)));
            return Note::Focus { low: x.min(y), high: x.max(y), l1: local.l1 };
        }
    }
    let power = |outer: &T, inner: &T| {
        let (o, i) = (outer.norm(), inner.norm());
        if o > 0.0 && i > 0.0 { (ln(o) - ln(i)) / ln(PROBE / (1.0 - NODE[NODES - 1])) } else { 0.0 }
    };
    let (left, right) = (first > STANDS_OUT * middle, last > STANDS_OUT * middle);
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

/// The rule's value and error on an interval of the given half width.
fn kronrod<T: Value>(values: &[T; NODES], h: f64) -> Local<T> {
    // DETERMINISM: from the centre outwards, the two of a pair first.
    const CENTRE: usize = NODES / 2;
    let mut kronrod = values[CENTRE].clone();
    let mut l1 = KRONROD[CENTRE] * kronrod.norm();
    kronrod.scale(KRONROD[CENTRE]);
    let mut gauss = T::zero();
    for j in 1..=CENTRE {
        let (left, right) = (&values[CENTRE - j], &values[CENTRE + j]);
        let mut both = left.clone();
        both.add(right);
        kronrod.add_scaled(KRONROD[CENTRE + j], &both);
        if j % 2 == 1 {
            gauss.add_scaled(GAUSS[CENTRE + j], &both);
        }
        l1 += KRONROD[CENTRE + j] * (left.norm() + right.norm());
    }
    let mut mean = kronrod.clone();
    mean.scale(-0.5);
    let off = |value: &T| {
        let mut d = value.clone();
        d.add(&mean);
        d.norm()
    };
    let mut spread = KRONROD[CENTRE] * off(&values[CENTRE]);
    for j in 1..=CENTRE {
        spread += KRONROD[CENTRE + j] * (off(&values[CENTRE - j]) + off(&values[CENTRE + j]));
    }
    gauss.add_scaled(-1.0, &kronrod);
    let mut error = gauss.norm();
    if spread > 0.0 {
        let ratio = 200.0 * error / spread;
        error = if ratio < 1.0 { spread * ratio * ratio.sqrt() } else { spread };
    }
    kronrod.scale(h);
    let l1 = l1 * h;
    let roundoff = ROUNDOFF * T::EPSILON * l1;
    Local { value: kronrod, error: (error * h).max(roundoff), l1, roundoff }
}
