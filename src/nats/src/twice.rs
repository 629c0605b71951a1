//! Counts the points that are being evaluated twice, to be verified.

use std::sync::atomic::{AtomicUsize, Ordering};

/// A point is being evaluated twice.
pub(crate) struct Twice<'a>(&'a AtomicUsize);

impl<'a> Twice<'a> {
    pub(crate) fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Twice<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
