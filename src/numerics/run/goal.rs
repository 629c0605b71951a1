//! The error that the integral may have, as far as it is known.

use super::Run;
use crate::estimate::Estimate;
use crate::numerics::method::{Control, Method};
use crate::numerics::sum::Sum;
use crate::numerics::value::Value;

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// The error that the integral may have, as far as it is known.
    pub(crate) fn allowed(&self) -> f64 {
        match self.method.control() {
            Control::Global => self.tolerance.allowed(self.value.norm(), self.l1),
            Control::Local => self.handed_out,
        }
    }

    /// The error that such an estimate may have.
    pub(crate) fn goal(&self, estimate: &Estimate<T>) -> f64 {
        self.tolerance.allowed(estimate.value.norm(), estimate.l1)
    }

    /// The sums of the values and of their norms as they stand, made afresh.
    pub(super) fn standing(&self) -> (T, f64) {
        let (mut value, mut l1) = (Sum::new(), 0.0);
        for leaf in self.in_order() {
            value.add(&leaf.local.value);
            l1 += leaf.local.l1;
        }
        (value.total(), l1)
    }
}
