//! Whether refinements were in vain because what is left is noise.

use super::{Check, Run};
use crate::numerics::method::Method;
use crate::numerics::value::Value;

/// Noise: while the number of refinements doubled, from this many on, the values moved altogether by less than a part
/// in 1e5 of the integral of the norm, and more than half of the error is still there. QUADPACK (Piessens et al.
/// 1983, section 3.4.1) has the idea and the 1e-5, but counts ten such bisections anywhere, however far apart. A jump
/// too small to be seen in the values halves its error every time, so it does not look like noise; an integral that
/// does not exist moves.
pub(super) const NOISE_FROM: usize = 32;
const UNMOVED: f64 = 1e-5;
const KEPT: f64 = 0.5;

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// Looks, whenever the number of refinements has doubled, whether they were in vain.
    pub(super) fn is_noise(&mut self) -> bool {
        // In several variables errors that are not noise may take many cuts to fall: roundoff alone ends a run there.
        if self.refined < self.check.at || M::AXES > 1 {
            return false;
        }
        let Check { at, error, moved, level } = self.check;
        self.sum_errors();
        let l1: f64 = self.leaves.iter().map(|leaf| leaf.local.l1).sum();
        self.check = Check { at: 2 * at, error: self.error, moved: 0.0, level };
        // The first time there is nothing to compare with.
        error.is_finite() && self.error > KEPT * error && moved <= UNMOVED * l1
    }
}
