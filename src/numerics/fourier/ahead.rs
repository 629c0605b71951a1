//! What a panel may ask for later on: guesses, for running ahead; nothing is decided by them.

use super::super::method::{Guess, Method, Panel};
use super::super::product::TOP;
use super::{Fourier, HALF, Stage, tail};

/// The chance that the next window is asked for, from window to window: while the weight does not
/// oscillate enough under it for all digits, and then.
const SHORT: f64 = 0.95;
const LONG: f64 = 0.4;
/// By how much the phase grows over half of a window that is wide enough for all digits.
const ENOUGH: f64 = 40.0;
/// The chance that a panel of which nothing is known is given a higher order, or is cut.
const RAISED: f64 = 0.3;
const CUT: f64 = 0.4;
/// The chance that what is asked for next of a whole piece is not enough.
const WHOLE: f64 = 0.5;
/// So many windows are followed: beyond, numbers end.
const WINDOWS: usize = 64;
/// Panels of a smaller chance are not followed.
const UNLIKELY: f64 = 0.02;

/// Appends what may be asked for after a panel.
pub(super) fn ahead(method: &Fourier, panel: &Panel<Stage>, is_blind: bool, into: &mut Vec<Guess<Stage>>) {
    if !tail::is_tail(panel) {
        if is_blind {
            let first = into.len();
            finite(panel, 1.0, into);
            if panel.depth == 0 {
                // Of a whole piece nothing is known, and nothing else is to be asked for meanwhile.
                for guess in first..into.len() {
                    let panel = into[guess].panel;
                    finite(&panel, WHOLE, into);
                }
            }
        }
        return;
    }
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
        next.iter().filter(|next| !tail::is_tail(next)).for_each(|inner| finite(inner, chance, into));
        panel = *further;
    }
}

/// Appends what may be asked for after a panel with finite limits that was not judged, or not as
/// such.
fn finite(panel: &Panel<Stage>, chance: f64, into: &mut Vec<Guess<Stage>>) {
    let depth = panel.depth + 1;
    if usize::from(panel.kind.log) < TOP && panel.kind.graded == 0 {
        let kind = Stage { log: panel.kind.log + 1, ..panel.kind };
        into.push(Guess { panel: Panel { depth, kind, ..*panel }, chance: chance * RAISED });
    }
    let mut halves = Vec::new();
    let cut = Panel { kind: Stage { raise: false, log: HALF, ..panel.kind }, ..*panel };
    Fourier::cos(0.0).refine(&cut, f64::NAN, &mut halves);
    into.extend(halves.into_iter().map(|panel| Guess { panel, chance: chance * CUT }));
}
