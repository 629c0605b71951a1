//! The order in which leaves are refined.

use std::cmp::Ordering;

use super::Leaf;

/// A leaf in line to be refined.
#[derive(Debug)]
pub(super) struct Queued<T, K, H> {
    /// The larger, the earlier its turn: its error under global control, minus its depth under local control.
    pub(super) key: f64,
    /// Refinements in a row that left the error where it was.
    pub(super) flat: u32,
    pub(super) leaf: Leaf<T, K, H>,
}

impl<T, K, H> Ord for Queued<T, K, H> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Ties go to the left: the same head whatever the order of insertion.
        self.key.total_cmp(&other.key).then_with(|| other.leaf.panel.a.total_cmp(&self.leaf.panel.a))
    }
}

impl<T, K, H> PartialOrd for Queued<T, K, H> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T, K, H> PartialEq for Queued<T, K, H> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T, K, H> Eq for Queued<T, K, H> {}
