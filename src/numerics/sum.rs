//! Sums in one written order.

use super::value::Value;

/// A compensated sum: terms are added in the order they are given, and what rounding drops of each (Knuth 1969, section
/// 4.2.2, theorem B) is summed apart, so that a million segments lose no digit that a hundred keep.
#[derive(Clone, Debug)]
pub(crate) struct Sum<T> {
    total: T,
    dropped: T,
}

impl<T: Value> Sum<T> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self { total: T::zero(), dropped: T::zero() }
    }

    #[inline]
    pub(crate) fn add(&mut self, term: &T) {
        let mut total = self.total.clone();
        total.add(term);
        // What of the new total is the term, and what is the old total.
        let mut new = total.clone();
        new.add_scaled(-1.0, &self.total);
        let mut old = total.clone();
        old.add_scaled(-1.0, &new);
        // What of either did not get there.
        self.total.add_scaled(-1.0, &old);
        let mut dropped = term.clone();
        dropped.add_scaled(-1.0, &new);
        dropped.add(&self.total);
        self.dropped.add(&dropped);
        self.total = total;
    }

    #[inline]
    pub(crate) fn total(mut self) -> T {
        if !planted!(2) {
            self.total.add(&self.dropped);
        }
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rounding_drops_of_a_term_is_not_lost() {
        let mut sum = Sum::<f64>::new();
        for term in [1e16, 1.0, 1.0, 1.0, 1.0, 1.0, -1e16] {
            sum.add(&term);
        }
        assert_eq!(sum.total().to_bits(), 5.0f64.to_bits());
        let mut sum = Sum::<f64>::new();
        (0..1_000_000).for_each(|_| sum.add(&0.1));
        assert_eq!(sum.total().to_bits(), 1e5f64.to_bits());
    }
}
