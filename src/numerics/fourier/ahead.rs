//! What a panel may ask for later on: guesses, for running ahead; nothing is decided by them.

use super::super::foresight::{blind, kink, seen};
use super::super::method::{Guess, Method, Panel};
use super::super::product::TOP;
use super::super::value::Value;
use super::{Fourier, Stage, tail};

/// The chance that the next window is asked for, from window to window: while the weight does not
/// oscillate enough under it for all digits, and then.
const SHORT: f64 = 0.95;
const LONG: f64 = 0.4;
/// By how much the phase grows over half of a window that is wide enough for all digits.
const ENOUGH: f64 = 40.0;
/// So many windows are followed: beyond, numbers end.
const WINDOWS: usize = 64;
/// Panels of a smaller chance are not followed.
const UNLIKELY: f64 = 0.02;

/// Appends what may be asked for after a panel: before it is judged, without values, and after
/// that.
pub(super) fn ahead<T: Value>(
    method: &Fourier,
    panel: &Panel<Stage>,
    values: &[T],
    allowed: f64,
    into: &mut Vec<Guess<Stage>>,
) {
    let is_blind = values.is_empty();
    let hardest = || if panel.kind.raise { None } else { kink_of(method, panel, values) };
    if !is_blind && seen(method, panel, values, allowed, hardest, into) {
        return;
    }
    if !tail::is_tail(panel) {
        if is_blind {
            finite(method, panel, 1.0, into);
        }
        return;
    }
    // Windows, and what is below them.
    let (mut panel, mut chance) = (*panel, 1.0);
    for step in 0..WINDOWS {
        if step > 0 || is_blind {
            panel.kind.widen = true;
        }
        panel.kind.raise = false;
        let theta = method.omega.abs() * tail::reach(&panel) / 2.0;
        chance *= if theta < ENOUGH { SHORT } else { LONG };
        if chance < UNLIKELY {
            return;
        }
        let mut next = Vec::new();
        tail::further(&panel, &mut next);
        let Some(further) = next.iter().find(|next| tail::is_tail(next)) else { return };
        into.extend(next.iter().map(|&panel| Guess { panel, chance }));
        next.iter().filter(|next| !tail::is_tail(next)).for_each(|inner| finite(method, inner, chance, into));
        panel = *further;
    }
}

/// Appends what may be asked for after a panel with finite limits that is not judged, or not as
/// such.
fn finite(method: &Fourier, panel: &Panel<Stage>, chance: f64, into: &mut Vec<Guess<Stage>>) {
    let noted = |panel: &Panel<Stage>, raise: bool| {
        let is_possible = !raise || usize::from(panel.kind.log) < TOP && panel.kind.graded == 0;
        is_possible.then_some(Panel { kind: Stage { raise, ..panel.kind }, ..*panel })
    };
    blind(method, panel, panel.depth == 0, chance, noted, into);
}

/// Where a panel has a kink, and by how much that may be off.
fn kink_of<T: Value>(method: &Fourier, panel: &Panel<Stage>, values: &[T]) -> Option<(f64, f64)> {
    if tail::is_tail(panel) || panel.kind.graded > 0 {
        return None;
    }
    let mut nodes = Vec::with_capacity(values.len());
    method.points(panel, &mut nodes);
    kink(&nodes, values)
}
