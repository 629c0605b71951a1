//! The order in which leaves are refined.

use std::cmp::Ordering;

use super::{Leaf, ROOM, Run, room};
use crate::numerics::method::{Control, Method};
use crate::numerics::value::Value;

/// The leaves whose errors are below this part of the largest, or of the tolerance, wait until the others are refined:
/// those in line are few then, and what is in line is what is looked at most.
const LINED_UP: f64 = 1.0 / 1024.0;

/// A leaf in line to be refined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queued {
    /// The larger, the earlier its turn: its error under global control, minus its depth under local control.
    key: i64,
    /// Where it begins.
    a: i64,
    /// Its index.
    pub(super) leaf: usize,
}

impl Queued {
    #[inline]
    pub(super) fn new(key: f64, a: f64, leaf: usize) -> Self {
        Self { key: order(key), a: order(a), leaf }
    }
}

/// The order of `f64::total_cmp` as a number.
#[inline]
fn order(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

impl Ord for Queued {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        // Ties go to the left: the same head whatever the order of insertion.
        let tie = || if planted!(1) { self.a.cmp(&other.a) } else { other.a.cmp(&self.a) };
        self.key.cmp(&other.key).then_with(tie)
    }
}

/// The comparisons that a heap asks for are written out: a third of what they cost by way of an [`Ordering`].
impl PartialOrd for Queued {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }

    #[inline]
    fn le(&self, other: &Self) -> bool {
        self.key < other.key || self.key == other.key && self.cmp(other) != Ordering::Greater
    }

    #[inline]
    fn ge(&self, other: &Self) -> bool {
        other <= self
    }
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Queued {}

/// What the places of leaves in the queue depend on.
#[derive(Clone, Copy)]
pub(super) struct Rank {
    /// Under global control, smaller errors wait.
    pub(super) floor: f64,
    /// Under local control, the whole tolerance, of which each of the pieces has its part.
    pub(super) handed_out: f64,
    pub(super) pieces: usize,
}

impl Rank {
    /// The place of the leaf with this index; none if it is good enough, cannot get better or has to wait.
    #[inline]
    pub(super) fn place<T: Value, M: Method, H>(
        self,
        method: &M,
        leaf: &Leaf<T, M::Kind, H>,
        index: usize,
    ) -> Option<Queued> {
        let error = leaf.local.error;
        let (key, waits) = match method.control() {
            Control::Global => (error, error < self.floor),
            Control::Local => {
                let share = share(self.handed_out, self.pieces, leaf.panel.depth);
                (-f64::from(leaf.panel.depth), method.accepts(&leaf.panel, error, share))
            }
        };
        (!waits && !leaf.local.is_settled()).then(|| Queued::new(key, leaf.panel.a, index))
    }
}

/// The part of a tolerance that a panel may spend: an equal part for each piece, halved at every level.
pub(crate) fn share(tolerance: f64, pieces: usize, depth: u32) -> f64 {
    // Halving is exact, so one multiplication gives the bits of halving again and again.
    tolerance / pieces as f64 * 2f64.powi(-(depth.min(2000) as i32))
}

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// Lines up the leaves with the largest errors.
    #[inline(never)]
    pub(super) fn line_up(&mut self, allowed: f64) {
        let open = self.leaves.iter().map(|leaf| &leaf.local).filter(|local| !local.is_settled());
        let most = open.fold(0.0, |most: f64, local| most.max(local.error));
        self.floor = LINED_UP * most.min(allowed);
        if self.refined == 0 {
            self.leaves.reserve_exact(room::<Leaf<T, M::Kind, H>>().saturating_sub(self.leaves.len()));
        }
        self.place_all();
    }

    /// Queues all leaves that belong there.
    pub(super) fn place_all(&mut self) {
        self.queue.reserve(ROOM);
        let rank = self.rank();
        for (i, leaf) in self.leaves.iter().enumerate().filter(|(_, leaf)| leaf.stands()) {
            self.queue.extend(rank.place(&self.method, leaf, i));
        }
    }

    #[inline]
    pub(super) fn rank(&self) -> Rank {
        Rank { floor: self.floor, handed_out: self.handed_out, pieces: self.pieces }
    }
}
