//! What a panel with a weight may ask for later on: guesses, for running ahead; nothing is decided
//! by them.

use super::super::focus::{Focus, focus};
use super::super::foresight::{blind, kink, seen};
use super::super::method::{Guess, Panel};
use super::super::product;
use super::super::value::Value;
use super::{FIRST, Weighed, Weight, ends, flat, has_points, replace};

/// A half of this depth is thought to be cut towards an end of a range.
const OFTEN: u32 = 3;

/// Appends the panels that will probably replace one that is not judged: once raised, a panel is
/// raised again.
pub(in super::super) fn predict<W: Weight>(weight: &W, panel: &Panel<Weighed>, into: &mut Vec<Panel<Weighed>>) {
    if !has_points(panel) {
        weight.divide(panel, into);
        return;
    }
    let log = panel.kind.log;
    let raise = log > FIRST && usize::from(log) < product::TOP;
    replace(&Panel { kind: Weighed { raise, ..panel.kind }, ..*panel }, into);
}

/// Appends what may be asked for after a panel: before it is judged, without values, and after
/// that.
pub(in super::super) fn ahead<W: Weight, T: Value>(
    weight: &W,
    panel: &Panel<Weighed>,
    values: &[T],
    allowed: f64,
    into: &mut Vec<Guess<Weighed>>,
) {
    if !has_points(panel) {
        return;
    }
    if values.is_empty() {
        let whole = panel.kind.log == FIRST && panel.depth <= 1;
        let noted = |panel: &Panel<Weighed>, raise: bool| {
            let is_possible = !raise || usize::from(panel.kind.log) < product::TOP;
            is_possible.then_some(Panel { kind: Weighed { raise, ..panel.kind }, ..*panel })
        };
        blind(weight, panel, whole, 1.0, noted, into);
        return;
    }
    seen(weight, panel, values, allowed, || hardest(panel, values), into);
}

/// Where a panel that is to be cut has a kink or a singular end, and by how much that may be off.
fn hardest<T: Value>(panel: &Panel<Weighed>, values: &[T]) -> Option<(f64, f64)> {
    if panel.kind.raise {
        return None;
    }
    let flat = flat(panel);
    let mut nodes = Vec::new();
    product::points(&flat, panel.kind.log.into(), &mut nodes);
    if ends(panel) {
        nodes.remove(0);
    }
    // What was cut more than once is cut again and again.
    let is_part = panel.depth >= OFTEN && panel.kind.log < FIRST;
    let found = if ends(panel) {
        is_part.then_some((0.0, 0.0))
    } else {
        let of_focus = || match focus(flat.a, flat.b, &nodes, values) {
            Some(Focus { at, .. }) if at <= flat.a || at >= flat.b => Some((at, 0.0)),
            _ => None,
        };
        kink(&nodes, values).or_else(|| if is_part { of_focus() } else { None })
    };
    let (place, radius) = found?;
    let Some(tail) = panel.kind.tail else { return Some((place, radius)) };
    let x = tail.x(place);
    Some((x, if radius > 0.0 { (tail.x(place + radius) - x).abs() } else { 0.0 }))
}
