//! The second look: before an answer rests on a partition, panels whose points are far apart are replaced by ones
//! with more.

use super::{Run, Source};
use crate::numerics::method::{Method, UNKNOWN};
use crate::numerics::value::Value;

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// The second look at a leaf that is due could not be paid for: nobody knows what is there but what was seen.
    pub(super) fn doubt(&mut self, leaf: Option<usize>) {
        let allowed = self.allowed();
        if let Some(leaf) = leaf.filter(|leaf| self.due.last().is_some_and(|due| *due as usize == *leaf)) {
            let local = &mut self.leaves[leaf].local;
            // More than is allowed; and no number tells where little was seen.
            let unknown = if local.l1 > allowed { local.l1 } else { UNKNOWN };
            local.error = local.error.max(unknown).max((2.0 * allowed).min(f64::MAX / 2.0));
            self.sum_errors();
        }
    }

    /// The next leaf to be looked at again, now that the tolerance is met; none if the answer may rest on all of
    /// them. All that are due are told to the source at once, so that their points can be evaluated together.
    pub(super) fn audit<S>(&mut self, source: &mut S) -> Option<usize>
    where
        S: Source<T, M::Kind, Handle = H>,
    {
        if !M::AUDITS {
            return None;
        }
        loop {
            while let Some(&leaf) = self.due.last() {
                if self.leaves[leaf as usize].stands() {
                    return Some(leaf as usize);
                }
                self.due.pop();
            }
            let mut next = 0;
            while let Some(leaf) = self.leaves.get_mut(next as usize) {
                if leaf.stands() {
                    if let Some(kind) = self.method.audit(&leaf.panel) {
                        leaf.panel.kind = kind;
                        source.audited(leaf.handle, kind);
                        self.due.push(next);
                    }
                }
                next = leaf.next;
            }
            if self.due.is_empty() {
                return None;
            }
            // From left to right.
            self.due.reverse();
        }
    }
}
