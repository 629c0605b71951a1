//! Points of a whole piece at scales that no rule sees: next to a limit at infinity, to a breakpoint, and to zero if the
//! piece is wide. What is seen there and nowhere else is followed by a ladder.

use super::super::domain::LEAST;
use super::super::lanes::Lanes;
use super::super::method::{Local, Panel};
use super::super::value::Value;
use super::kind::{Kind, Note};
use super::tables::POINTS;

/// Distances from a place, in units of the width of the piece. Each sees a feature of its own scale, and one whose values
/// grow inwards down to the square of that distance.
const SCOUTS: [f64; 8] = [1e-8, 1e-11, 1e-14, 1e-19, 1e-28, 1e-50, 1e-100, 1e-200];
/// A value so many times larger than all those of the rule tells of a feature: one of a scale that the rule does not see
/// is higher, or has no part in the integral.
const HIGHER: f64 = 2.0;
/// A panel whose error is this part of the integral of the norm tells nothing yet, not even how large values are.
const UNRESOLVED: f64 = 0.1;
/// With such an error an end that stands out is not taken for smooth by any tolerance that matters.
const HARD: f64 = 1e-6;
/// A piece is wide if this many units of the variable fit into it: integrands are written in units of their own scale.
const WIDE: f64 = 100.0;
/// A bit that is set if of the points there is only the innermost.
const ALONE: u8 = 0x80;

/// How many there are next to the left end, the right one, and zero inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scouts([u8; 3]);

impl Scouts {
    pub(super) const NONE: Self = Self([0; 3]);

    /// Those of a piece. `beside`: the least distance from each end at which there are numbers and something may hide.
    pub(super) fn new(a: f64, b: f64, beside: [f64; 2]) -> Self {
        let width = b - a;
        let (is_wide, at_zero) = (width > WIDE, LEAST);
        let beside = [(a, beside[0]), (b, beside[1])].map(|(end, least)| {
            let least = if end == 0.0 && is_wide { at_zero } else { least };
            let count = SCOUTS.iter().take_while(|&&part| part * width >= least).count() as u8;
            // Next to zero there are numbers on all scales; elsewhere the last ones tell of the others.
            if end == 0.0 || count == 0 { count } else { count | ALONE }
        });
        let inside = if is_wide && a < 0.0 && b > 0.0 { SCOUTS.len() as u8 | ALONE } else { 0 };
        Self([beside[0], beside[1], inside])
    }

    #[inline]
    pub(super) fn count(self) -> usize {
        if self == Self::NONE {
            return 0;
        }
        self.0.iter().map(|&n| usize::from(if n & ALONE > 0 { 1 } else { n })).sum()
    }

    /// The points: next to each place from the outside in.
    pub(super) fn points(self, panel: &Panel<Kind>) -> impl Iterator<Item = f64> {
        let (a, b) = (panel.a, panel.b);
        let width = b - a;
        let inwards = if b > -a { 1.0 } else { -1.0 };
        [(a, 1.0), (b, -1.0), (0.0, inwards)].into_iter().zip(self.0).flat_map(move |((from, side), n)| {
            let last = usize::from(n & !ALONE);
            let first = if n & ALONE > 0 { last - 1 } else { 0 };
            SCOUTS[first..last].iter().map(move |part| from + side * width * part)
        })
    }

    /// Takes note of what they see, in a panel that was judged by the values of its rule.
    pub(super) fn tell<T: Value>(self, panel: &mut Panel<Kind>, local: &Local<T>, own: &[T; POINTS], further: &[T]) {
        if further.is_empty() {
            return;
        }
        let is_open = local.error > UNRESOLVED * local.l1;
        let most = own.iter().fold(0.0, |m: f64, value| m.most(value.norm()));
        // Values that are not finite tell nothing: so near to a limit they need not even be numbers.
        let is_higher = |value: &T| value.norm().is_finite() && value.norm() > HIGHER * most;
        let (left, right) = match panel.kind.note {
            Note::Ends { left, right, .. } if local.error > HARD * local.l1 => (left, right),
            _ => (false, false),
        };
        let mut first = 0;
        for (n, is_known) in self.0.into_iter().zip([left, right, false]) {
            let count = usize::from(if n & ALONE > 0 { 1 } else { n });
            // An end that stands out is looked into anyway. On a range without end all may be like that.
            let is_known = is_known || is_open && n & ALONE == 0;
            if !is_known && further[first..first + count].iter().any(is_higher) {
                panel.kind.note = Note::Dim;
            }
            first += count;
        }
    }
}
