//! Sums in one written order.

use super::value::Value;

/// A compensated sum (Kahan 1965): terms are added in the order they are given, and what rounding drops is carried
/// along, so that a million segments lose no digit that a hundred keep.
#[derive(Clone, Debug)]
pub(crate) struct Sum<T> {
    total: T,
    /// What the total has too much.
    excess: T,
}

impl<T: Value> Sum<T> {
    pub(crate) fn new() -> Self {
        Self { total: T::zero(), excess: T::zero() }
    }

    pub(crate) fn add(&mut self, term: &T) {
        let mut corrected = term.clone();
        corrected.add_scaled(-1.0, &self.excess);
        let mut total = self.total.clone();
        total.add(&corrected);
        let mut excess = total.clone();
        excess.add_scaled(-1.0, &self.total);
        excess.add_scaled(-1.0, &corrected);
        self.total = total;
        self.excess = excess;
    }

    pub(crate) fn total(self) -> T {
        self.total
    }
}
