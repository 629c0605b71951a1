//! Which points were counted twice.

use super::{Leaf, Run};
use crate::numerics::domain::Domain;
use crate::numerics::method::{Method, fresh_count, fresh_points};
use crate::numerics::value::Value;

/// The relative width below which points of nested panels may coincide. Unless they are equal, nodes of the
/// Gauss-Kronrod rules nested by 40 bisections come no closer than 4e-7 of the narrower panel's width (computed with
/// 60 digits; a test covers what doubles resolve), and rounding moves each by less than 4 units in the last place.
const NARROW: f64 = 4e7 * f64::EPSILON;

/// Whether points of nested panels may coincide here. If they may in a panel, they may in those that replaced it.
#[inline]
pub(super) fn is_narrow(a: f64, b: f64) -> bool {
    let far = if a.abs() > b.abs() { a.abs() } else { b.abs() };
    b - a < NARROW * far
}

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// How many of the panels' points are another panel's, too; `narrow` if any panel is. `kept`: from which leaf on points
    /// were kept, and they.
    #[inline]
    pub(super) fn repeated(&self, domain: &Domain, narrow: bool, kept: Option<(usize, &[f64])>) -> usize {
        let may_repeat = || self.leaves.iter().any(|leaf| self.method.may_repeat(&leaf.panel));
        if narrow || kept.is_some() || may_repeat() { self.counted_twice(domain, narrow, kept) } else { 0 }
    }

    #[inline(never)]
    fn counted_twice(&self, domain: &Domain, narrow: bool, kept: Option<(usize, &[f64])>) -> usize {
        let (from, kept) = kept.unwrap_or((self.leaves.len(), &[]));
        let mut points = Vec::new();
        self.leaves[..from].iter().for_each(|leaf| fresh_points(&self.method, &leaf.panel, &mut points));
        points.iter_mut().for_each(|t| *t = domain.x(*t));
        points.extend_from_slice(kept);
        // Each leaf's points, its limits, and whether they may be another's: of two others' none are.
        let parts = || {
            let mut left = &points[..];
            self.leaves.iter().map(move |Leaf { panel, .. }| {
                let (own, others) = left.split_at(fresh_count(&self.method, panel).min(left.len()));
                left = others;
                let (a, b) = domain.span(panel.a, panel.b);
                (own, a, b, narrow || self.method.may_repeat(panel))
            })
        };
        let repeated = || parts().filter(|part| part.3).flat_map(|part| part.0);
        let (mut seen, mut twice) = (Seen::with_room_for(repeated().count()), 0);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for &x in repeated() {
            (low, high) = (low.min(x), high.max(x));
            twice += usize::from(!seen.insert(x));
        }
        for (own, ..) in parts().filter(|(_, a, b, repeats)| !repeats && *a <= high && *b >= low) {
            twice += own.iter().filter(|x| seen.has(**x)).count();
        }
        twice
    }
}

/// A set of points, told apart by their bits. Told only whether one is new, so that no order of a map shows.
struct Seen {
    /// A place for each, or the next that was free; half of them are, or nearly all. No point has the bits [`FREE`].
    slots: Vec<u64>,
    /// How far to shift a hash for a place.
    shift: u32,
}

/// So many points take next to no room.
const FEW: usize = 256;

/// The bits of a number that is none.
const FREE: u64 = u64::MAX;

impl Seen {
    fn with_room_for(points: usize) -> Self {
        // Most places that are looked at are free if there are few points: that is foreseen.
        let size = (if points < FEW { 8 * points } else { 2 * points }).next_power_of_two().max(2);
        Self { slots: vec![FREE; size], shift: u64::BITS - size.trailing_zeros() }
    }

    /// The place of a point, or the free one where it belongs. By a multiple of the golden ratio (Knuth 1973, section 6.4).
    fn place(&self, x: f64) -> usize {
        let (bits, mask) = (x.to_bits(), self.slots.len() - 1);
        let mut place = (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize;
        while self.slots[place] != FREE && self.slots[place] != bits {
            place = (place + 1) & mask;
        }
        place
    }

    fn has(&self, x: f64) -> bool {
        self.slots[self.place(x)] != FREE
    }

    /// Whether it is new.
    fn insert(&mut self, x: f64) -> bool {
        let place = self.place(x);
        std::mem::replace(&mut self.slots[place], x.to_bits()) == FREE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_is_narrow_below_nine_billionths_of_where_it_is() {
        for a in [1.0, -1.0, 1e300, -3e-200] {
            let wide = |part: f64| is_narrow(a, a + part * f64::abs(a));
            assert!(wide(8e-9) && !wide(1e-8), "{a}");
        }
        assert!(!is_narrow(-1.0, NARROW - 1.0) && is_narrow(-1.0, NARROW - 1.0 - f64::EPSILON));
        assert!(!is_narrow(0.0, 5e-324) && !is_narrow(-1.0, 1.0) && !is_narrow(-5e-324, 0.0));
    }

    #[test]
    fn points_are_told_apart_by_their_bits() {
        let points: Vec<f64> = (0..1000).map(|i| f64::from_bits(1f64.to_bits() + i)).chain([0.0, -0.0]).collect();
        let mut seen = Seen::with_room_for(points.len());
        assert!(points.iter().all(|x| seen.insert(*x)));
        assert!(points.iter().all(|x| !seen.insert(*x)));
        assert!(seen.insert(2.0) && Seen::with_room_for(1).insert(2.0));
        assert!(Seen::with_room_for(1).insert(2.0));
    }
}
