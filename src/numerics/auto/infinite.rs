//! A value that is infinite, alone in its panel: a singular point or a fault.

use super::super::elementary::ln;
use super::super::few::Within;
use super::super::lanes::Lanes;
use super::super::method::Panel;
use super::super::value::Value;
use super::kind::{Kind, Note};
use super::map::Map;
use super::tables::{PLACE, POINTS};

/// How much more slowly than a logarithm values may grow towards a singular point, for what is added to it.
const EVENLY: f64 = 0.9;
/// Next to an infinite value a panel is looked at again on both sides up to this part of its width, so many times.
const CLOSER: f64 = 1.0 / 32.0;
const CLOSEST: u32 = 4;

/// What follows if one value alone is infinite: a cut there, if those beside it grow towards it as at a singular point;
/// else a closer look, since a smooth factor may hide that from afar.
#[cold]
pub(super) fn infinite<T: Value>(panel: &Panel<Kind>, map: &Map, values: &[T; POINTS]) -> Option<Note> {
    let norm = |i: usize| values[i].norm();
    let mut all = (0..POINTS).filter(|&i| !norm(i).is_finite());
    let i = all.next().filter(|&i| norm(i).is_infinite() && (3..POINTS - 3).contains(&i))?;
    if all.next().is_some() {
        return None;
    }
    // By the logarithm of the distance: a logarithm grows evenly, a power faster inwards, the top of a peak more slowly.
    let grows = |at: [usize; 3]| {
        let [near, next, far] = at.map(|k| (norm(k), ln((PLACE[k] - PLACE[i]).abs())));
        let [inner, outer] = [(near, next), (next, far)].map(|(p, q)| (p.0 - q.0) / (q.1 - p.1));
        inner > EVENLY * outer && outer > 0.0
    };
    // At a pole the signs differ: that is not to be integrated over.
    let mut sum = values[i - 1].clone();
    sum.add(&values[i + 1]);
    let is_singular = grows([i - 1, i - 2, i - 3]) && grows([i + 1, i + 2, i + 3]);
    let has_one_sign = sum.norm() > norm(i - 1).most(norm(i + 1));
    let c = Within::new(panel).clamp(map.x(PLACE[i]));
    if is_singular {
        return has_one_sign.then_some(Note::Infinite(c));
    }
    let around = (panel.b - panel.a) * CLOSER;
    let is_closer = map.is_log || panel.depth >= CLOSEST;
    (!is_closer).then_some(Note::Closer { low: c - around, high: c + around })
}
