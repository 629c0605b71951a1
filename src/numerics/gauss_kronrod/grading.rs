//! Where a segment is cut: in the middle, but nearer and nearer to a limit of the range where all the error is.

use super::super::method::Panel;

/// All the error of a segment's parts is in one of them if that has at least this much of it.
const ALL: f64 = 15.0 / 16.0;
/// Segments are cut at `2^-3` at the closest: towards a singular point they are best in geometric progression, by a factor of
/// about `(sqrt 2 - 1)^2 = 0.17` (Gui and Babuska 1986).
const CLOSEST: u32 = 3;
/// No segment is cut nearer to a limit than this part of the size of its limits, but in the middle: points so near are
/// rounded, and those a little nearer fall on the limit itself.
const ROUNDED: f64 = 1.0 / (1u64 << 40) as f64;

/// Where a segment lies in the range, or in the piece between breakpoints that it is of; zero within. In one word, because
/// panels are copied as words just after they were made.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(hidden)]
pub struct Place(u32);

/// It begins where the range does; it ends there.
const LEFT: u32 = 1;
const RIGHT: u32 = 2;
/// It has all the error of the segment it comes from.
const HARD: u32 = 4;
/// It looks exact: it is cut only if it is doubted, because of what its other side of the last cut may hide.
const EXACT: u32 = 8;
/// The last cut is its right limit; else its left one.
const CUT_RIGHT: u32 = 16;
/// From this bit on: by how many halvings the segment it comes from was cut towards the limit, if that had all the error; else
/// zero.
const HALVINGS: u32 = 5;
/// A segment that is doubted is cut at this part of its width from the last cut: what no point saw is nearer than that.
const DOUBTED: f64 = 1.0 / 256.0;

impl Place {
    /// That of the whole range.
    pub(super) const WHOLE: Self = Self(LEFT | RIGHT);

    /// Takes note of an error, and of that of all parts of the segment it comes from, if it lies at a limit.
    #[inline]
    pub(super) fn note(&mut self, error: f64, all: f64) {
        if self.0 & (LEFT | RIGHT) != 0 && error >= ALL * all {
            self.0 |= HARD;
        }
    }

    /// Takes note that its error is no more than its roundoff.
    #[inline]
    pub(super) fn note_exact(&mut self) {
        self.0 |= EXACT;
    }

    /// What was hard is probably hard again.
    pub(super) fn guessed(self) -> Self {
        if self.halvings() > 0 { Self(self.0 | HARD) } else { self }
    }

    #[inline]
    pub(super) fn halvings(self) -> u32 {
        self.0 >> HALVINGS
    }
}

/// The two parts of a segment, unless no float lies between its limits.
#[inline]
pub(super) fn parts(panel: &Panel<Place>) -> Option<[Panel<Place>; 2]> {
    let Place(whole) = panel.kind;
    let (c, halvings) = match whole & (HARD | EXACT) {
        0 => (panel.midpoint(), 0),
        HARD => graded(panel),
        _ => (doubted(panel), 0),
    };
    let [mut left, mut right] = panel.cut_at(c, Place(0))?;
    let at = |limit| if whole & limit == 0 { 0 } else { limit | halvings << HALVINGS };
    (left.kind, right.kind) = (Place(at(LEFT) | CUT_RIGHT), Place(at(RIGHT)));
    Some([left, right])
}

/// Whether each of two parts has a number inside: a part without one would have its points at limits.
pub(super) fn have_inside(parts: &[Panel<Place>; 2]) -> bool {
    parts.iter().all(|part| part.a < part.midpoint() && part.midpoint() < part.b)
}

/// Where to cut a segment that looks exact, but whose last cut may hide a jump: just beside that.
#[cold]
fn doubted(panel: &Panel<Place>) -> f64 {
    let sliver = DOUBTED * (panel.b - panel.a);
    let c = if panel.kind.0 & CUT_RIGHT == 0 { panel.a + sliver } else { panel.b - sliver };
    if panel.a < c && c < panel.b { c } else { panel.midpoint() }
}

/// Where to cut a segment that has all the error, and by how many halvings that is towards the limit: one more than the last
/// time.
#[inline(never)]
fn graded(panel: &Panel<Place>) -> (f64, u32) {
    let limit = if panel.kind.0 & LEFT == 0 { panel.b } else { panel.a };
    let least = ROUNDED * panel.a.abs().max(panel.b.abs());
    let (mut c, mut halvings) = (panel.midpoint(), 1);
    while halvings <= panel.kind.halvings() && halvings < CLOSEST {
        let nearer = Panel { a: limit.min(c), b: limit.max(c), ..*panel }.midpoint();
        if (nearer - limit).abs() < least {
            break;
        }
        (c, halvings) = (nearer, halvings + 1);
    }
    (c, halvings)
}

#[cfg(test)]
mod tests;
