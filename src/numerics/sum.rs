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

/// How many sums run side by side, so that none waits for the other.
const CHAINS: usize = 4;

/// The sum of weighted values, in this order: the values after the first are dealt out to four chains in turn, each
/// summed in the order given; `((s0 + s1) + (s2 + s3)) + first`. At least five values, as many as weights.
#[inline]
pub(crate) fn weighted<T: Value>(weights: &[f64], values: &[T]) -> T {
    let ((first, values), (weight, weights)) = (split(values), split(weights));
    let mut chains: [T; CHAINS] = std::array::from_fn(|k| {
        let mut term = values[k].clone();
        term.scale(weights[k]);
        term
    });
    let (mut v, mut w) = (values[CHAINS..].chunks_exact(CHAINS), weights[CHAINS..].chunks_exact(CHAINS));
    for (v, w) in v.by_ref().zip(w.by_ref()) {
        for k in 0..CHAINS {
            chains[k].add_scaled(w[k], &v[k]);
        }
    }
    for ((chain, v), w) in chains.iter_mut().zip(v.remainder()).zip(w.remainder()) {
        chain.add_scaled(*w, v);
    }
    let [mut s0, s1, mut s2, s3] = chains;
    s0.add(&s1);
    s2.add(&s3);
    s0.add(&s2);
    s0.add_scaled(*weight, first);
    s0
}

/// The sum of weighted norms, in the order of [`weighted`].
#[inline]
pub(crate) fn weighted_norms<T: Value>(weights: &[f64], values: &[T], norm: impl Fn(&T) -> f64) -> f64 {
    let ((first, values), (weight, weights)) = (split(values), split(weights));
    let mut chains = [0.0; CHAINS];
    let (mut v, mut w) = (values.chunks_exact(CHAINS), weights.chunks_exact(CHAINS));
    for (v, w) in v.by_ref().zip(w.by_ref()) {
        for k in 0..CHAINS {
            chains[k] += w[k] * norm(&v[k]);
        }
    }
    for ((chain, v), w) in chains.iter_mut().zip(v.remainder()).zip(w.remainder()) {
        *chain += w * norm(v);
    }
    let [s0, s1, s2, s3] = chains;
    ((s0 + s1) + (s2 + s3)) + weight * norm(first)
}

#[inline]
fn split<T>(items: &[T]) -> (&T, &[T]) {
    items.split_first().expect("a rule has points")
}
