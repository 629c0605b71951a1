//! What a panel of the default method is, and what it learnt when it was judged.

use super::ladder::Seen;
use super::map::Base;
use super::scouts::Scouts;
use super::search::Feature;

/// What a panel of [`Auto`](super::Auto) is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(hidden)]
pub struct Kind {
    pub(super) shape: Shape,
    pub(super) note: Note,
    /// One of the parts of a smooth panel, in the same variable.
    pub(super) is_part: bool,
    /// Whether it, or one that replaces it, may have a point that was evaluated before.
    pub(super) repeats: bool,
    pub(super) look: Look,
    /// How many points a second look at the panel has beyond those of its rule; [`UNCOUNTED`] if it may have any, until
    /// it is judged.
    pub(super) further: u16,
    /// By how much the polynomial through the values may be off between the points, if there are further ones.
    pub(super) doubt: f64,
    /// The widest gap between two points that an answer may rest on. Infinite for a whole piece.
    pub(super) mesh: f64,
    /// Points of a whole piece at scales that its rule does not see.
    pub(super) scouts: Scouts,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// Gauss-Kronrod, with two probes.
    Smooth(Base),
    /// The whole panel, while looking for the one point where it is hard.
    Search(Search),
    /// The rest of an interval next to a point where the integrand is singular.
    Tail { from: f64 },
    /// A whole piece in which next to nothing was seen: points at all scales next to its limits and to zero.
    Ladder,
}

/// More points than there are.
pub(super) const UNCOUNTED: u16 = u16::MAX;

/// A search as it stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Search {
    /// Where to look.
    pub(super) low: f64,
    pub(super) high: f64,
    /// The error until the search ends; NaN if it is to be made from the values.
    pub(super) error: f64,
    pub(super) stage: u32,
    /// The variable of the panel that is searched.
    pub(super) base: Base,
}

/// Whether a panel was looked at again before an answer rests on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Look {
    /// Not yet.
    Due,
    /// The panel is about to be replaced by one with more points.
    Asked,
    /// The panel has more points than its rule needs. Its error before that is given, and whether all else that is noted
    /// of it stays.
    Done { error: f64, stays: bool },
}

/// What a judged panel learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Note {
    Nothing,
    /// All values are zero, and that is not yet believed.
    Empty,
    /// A whole piece shows next to nothing, or only next to its limits or to zero.
    Dim,
    /// Which ends are hard, and the powers of the distance to which the norm is proportional there.
    /// `parts`: into how many parts to cut if neither is.
    Ends {
        left: bool,
        right: bool,
        left_power: f64,
        right_power: f64,
        parts: u8,
    },
    /// A point at which the integrand is infinite, and grows towards it on both sides.
    Infinite(f64),
    /// Between which points the panel is hard.
    Focus {
        low: f64,
        high: f64,
        l1: f64,
    },
    /// Between which points the integrand is not what the panel's points say.
    Unlike {
        low: f64,
        high: f64,
    },
    /// Between which points a peak may be whose feet the panel sees, and where it is largest.
    Steep {
        low: f64,
        top: f64,
        high: f64,
    },
    /// Around which point, where the integrand is infinite, to look more closely.
    Closer {
        low: f64,
        high: f64,
    },
    /// What a search has found, and where.
    Found {
        low: f64,
        high: f64,
        feature: Feature,
    },
    /// The power in a tail.
    Power(f64),
    /// What a ladder saw on each of its sides.
    Rungs([Seen; 4]),
}

impl Kind {
    /// Whether the panel has more points than its rule needs.
    pub(super) fn is_looked_at_again(&self) -> bool {
        matches!(self.look, Look::Done { .. })
    }
}

impl Shape {
    pub(super) const fn kind(self) -> Kind {
        let look = Look::Due;
        Kind {
            shape: self,
            note: Note::Nothing,
            is_part: false,
            repeats: false,
            look,
            further: 0,
            doubt: 0.0,
            mesh: f64::INFINITY,
            scouts: Scouts::NONE,
        }
    }
}

pub(super) const PLAIN: Shape = Shape::Smooth(Base::Plain);

pub(super) fn log(from: f64) -> Shape {
    Shape::Smooth(Base::Log { from })
}

pub(super) fn tail_from(from: f64) -> Shape {
    Shape::Tail { from }
}
