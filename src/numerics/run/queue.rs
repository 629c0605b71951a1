//! The order in which leaves are refined.

use std::cmp::Ordering;

/// A leaf in line to be refined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queued {
    /// The larger, the earlier its turn: its error under global control, minus its depth under local control.
    pub(super) key: f64,
    /// Where it begins.
    pub(super) a: f64,
    /// Its index.
    pub(super) leaf: usize,
}

impl Ord for Queued {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        // Ties go to the left: the same head whatever the order of insertion.
        let tie = || if planted!(1) { self.a.total_cmp(&other.a) } else { other.a.total_cmp(&self.a) };
        self.key.total_cmp(&other.key).then_with(tie)
    }
}

impl PartialOrd for Queued {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Queued {}
