//! What the values of a panel say of the panels that will replace it: guesses, for running ahead;
//! nothing is decided by them.
//!
//! For methods whose panels have points enough to tell, such as those of Clenshaw and Curtis. A
//! function that is known everywhere stands for the integrand, and the method is followed on it.

mod kink;
mod rational;
mod stand_in;

use num_complex::Complex;

pub(super) use self::kink::kink;
use self::stand_in::{StandIn, size};
use super::lanes::same_ref;
use super::method::{Guess, Local, Method, Panel};
use super::value::Value;

/// The chances that a panel of which nothing is known is given a higher order, and that it is cut: a
/// whole piece, and another. And that what is asked for next of a whole piece is not enough.
/// (Chosen by `benches/virtual_time`, with the others, 2026-11-30.)
const WHOLE: [f64; 2] = [0.6, 0.5];
const PART: [f64; 2] = [0.3, 0.5];
const AGAIN: f64 = 0.5;
/// The chance that a panel is needed that replaces one of the values known, if the function that
/// stands for the integrand is sure, and if it is not; from panel to panel it falls by `STEP`.
const SURE: f64 = 0.95;
const UNSURE: f64 = 0.6;
const STEP: f64 = 0.97;
/// The function is sure if it is off by no more than this part of the largest value at points that
/// it was not made to meet, and not to be trusted at all if it is off by more than that.
const NEAR: f64 = 1e-9;
const FAR: f64 = 1e-2;
/// A function with values so many times the largest one that is known is none that stands for the
/// integrand.
const WILD: f64 = 1e2;
/// So many panels are replaced, at most.
const REPLACED: usize = 24;
/// The chance that a panel with a kink is cut once more, where the kink is known; and where it may
/// be on either side.
const KNOWN: f64 = 0.95;
const EITHER: f64 = 0.5;
/// A place is known if it is off by less than this part of the width of a half.
const SMALL: f64 = 0.02;
/// So many cuts are followed at most, and none of a smaller chance.
const CUTS: usize = 48;
const UNLIKELY: f64 = 0.1;

/// Appends what may be asked for after a panel that is not judged, if it is asked for with such a
/// `chance`: itself in a higher order, and its halves. `noted`: the panel as if it were judged, and
/// whether a higher order is worth more than two halves; none if there is no higher order. Of a
/// `whole` piece nothing is known, and nothing else is to be asked for meanwhile.
pub(super) fn blind<M: Method>(
    method: &M,
    panel: &Panel<M::Kind>,
    whole: bool,
    chance: f64,
    noted: impl Fn(&Panel<M::Kind>, bool) -> Option<Panel<M::Kind>>,
    into: &mut Vec<Guess<M::Kind>>,
) {
    let mut next = Vec::new();
    let mut next_of = |panel: &Panel<M::Kind>, chance: f64, into: &mut Vec<Guess<M::Kind>>| {
        let parts = if whole { WHOLE } else { PART };
        for (raise, part) in [(true, parts[0]), (false, parts[1])] {
            next.clear();
            if let Some(noted) = noted(panel, raise) {
                method.refine(&noted, f64::NAN, &mut next);
            }
            into.extend(next.iter().map(|&panel| Guess { panel, chance: chance * part }));
        }
    };
    let first = into.len();
    next_of(panel, chance, into);
    if whole {
        for guess in first..into.len() {
            let panel = into[guess].panel;
            next_of(&panel, chance * AGAIN, into);
        }
    }
}

/// Appends what may be asked for after a judged panel, by its values. `hardest`: where the panel has
/// a kink or a singular end, and by how much that may be off; asked for if the panel is to be cut and
/// no function stands for the integrand. Returns whether anything was to be told.
pub(super) fn seen<M: Method, T: Value>(
    method: &M,
    panel: &Panel<M::Kind>,
    values: &[T],
    allowed: f64,
    hardest: impl FnOnce() -> Option<(f64, f64)>,
    into: &mut Vec<Guess<M::Kind>>,
) -> bool {
    let first = into.len();
    let trust = follow(method, panel, values, allowed, into);
    if trust == Trust::Sure {
        return true;
    }
    if let Some(place) = hardest() {
        into.truncate(first);
        towards(method, panel, place, into);
        return true;
    }
    trust == Trust::Unsure
}

/// How good a function is that stands for the integrand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// As good as the integrand, or nothing follows.
    Sure,
    /// It has the same features.
    Unsure,
    /// There is none.
    None,
}

/// Appends what replaces a judged panel, what replaces that, and so on, as long as the errors sum to
/// more than is `allowed`: for a function that has its values.
fn follow<M: Method, T: Value>(
    method: &M,
    panel: &Panel<M::Kind>,
    values: &[T],
    allowed: f64,
    into: &mut Vec<Guess<M::Kind>>,
) -> Trust {
    let Some(numbers) = values.iter().map(number).collect::<Option<Vec<f64>>>() else { return Trust::None };
    let mut judged = *panel;
    let local = method.estimate(&mut judged, &numbers);
    if local.error <= allowed || local.is_settled() {
        return Trust::Sure;
    }
    let mut points = Vec::with_capacity(values.len());
    method.points(panel, &mut points);
    let stand_in = StandIn::new(panel, &points, &numbers);
    let trust = match stand_in.off {
        ..=NEAR => Trust::Sure,
        ..=FAR => Trust::Unsure,
        _ => return Trust::None,
    };
    let most = size(&numbers);
    let first = into.len();
    let chance = if trust == Trust::Sure { SURE } else { UNSURE };
    let mut leaves = vec![Leaf { panel: judged, local, chance }];
    let mut next = Vec::new();
    for _ in 0..REPLACED {
        let total: f64 = leaves.iter().map(|leaf| leaf.local.error).sum();
        let error = |leaf: &Leaf<M::Kind>| if leaf.local.is_settled() { 0.0 } else { leaf.local.error };
        let worst =
            (1..leaves.len()).fold(0, |worst, i| if error(&leaves[i]) > error(&leaves[worst]) { i } else { worst });
        // Written so that an error that is not a number ends it.
        if !(total > allowed && error(&leaves[worst]) > 0.0) {
            break;
        }
        let Leaf { panel, local, chance } = leaves.swap_remove(worst);
        next.clear();
        method.refine(&panel, local.error, &mut next);
        for panel in &next {
            points.clear();
            method.points(panel, &mut points);
            let values: Vec<f64> = points.iter().map(|x| stand_in.at(*x)).collect();
            if !values.iter().all(|f| f.abs() <= WILD * most) {
                into.truncate(first);
                return Trust::None;
            }
            into.push(Guess { panel: *panel, chance });
            let mut judged = *panel;
            let local = method.estimate(&mut judged, &values);
            leaves.push(Leaf { panel: judged, local, chance: chance * STEP });
        }
    }
    trust
}

/// A panel of the partition of a stand-in.
struct Leaf<K> {
    panel: Panel<K>,
    local: Local<f64>,
    chance: f64,
}

/// One number for a value, that has the features of all its numbers.
fn number<T: Value>(value: &T) -> Option<f64> {
    let complex = |value: &Complex<f64>| value.re + IMAGINARY * value.im;
    same_ref::<T, f64>(value).copied().or_else(|| same_ref::<T, Complex<f64>>(value).map(complex))
}

/// The part of the imaginary part in the number for a complex one.
const IMAGINARY: f64 = 0.618;

/// Appends the halves of a panel with a kink or a singular end, those of the half where that is, and
/// so on. `place`: where it is, and by how much that may be off.
fn towards<M: Method>(method: &M, panel: &Panel<M::Kind>, (place, radius): (f64, f64), into: &mut Vec<Guess<M::Kind>>) {
    let (mut panel, mut chance) = (*panel, 1.0);
    for _ in 0..CUTS {
        let mut halves = Vec::new();
        method.refine(&panel, f64::NAN, &mut halves);
        into.extend(halves.iter().map(|&panel| Guess { panel, chance }));
        let Some(half) = halves.iter().find(|half| half.a <= place && place <= half.b) else { return };
        let aside = (place - half.a).min(half.b - place);
        // The place may be in the other half, or next to where that is cut.
        chance *= if radius <= SMALL * (half.b - half.a) || radius < aside { KNOWN } else { EITHER };
        if chance < UNLIKELY {
            return;
        }
        panel = *half;
    }
}

#[cfg(test)]
mod tests;
