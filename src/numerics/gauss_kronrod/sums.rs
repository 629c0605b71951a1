//! The sums over the values of a panel that judgements rest on.

use wide::f64x2;

use super::super::lanes::{Parts, same_ref, two};
use super::super::value::Value;
use super::GaussKronrod;

/// A rule with `M` pairs of nodes as it is applied, from the inside out. Of fixed length, so that its sums are compiled
/// without loops; constants, not statics, so that other crates' code sees the numbers.
#[derive(Debug)]
pub(in crate::numerics) struct Laid<const M: usize> {
    pub(super) nodes: [f64; M],
    pub(in crate::numerics) weights: [f64; M],
    /// The embedded rule less this one.
    pub(in crate::numerics) differences: [f64; M],
    /// The same for the integral of `t f(t)`, at the node above the centre.
    moments: [f64; M],
    /// The weight of the centre, and the difference there.
    pub(in crate::numerics) centre: [f64; 2],
}

impl<const M: usize> Laid<M> {
    pub(in crate::numerics) const RULE: &'static Self = &{
        let rule = GaussKronrod::new(2 * M + 1).rule;
        let (mut nodes, mut weights, mut differences, mut moments) = ([0.0; M], [0.0; M], [0.0; M], [0.0; M]);
        let mut j = 0;
        while j < M {
            (nodes[j], weights[j]) = (rule.nodes[j + 1], rule.weights[j + 1]);
            differences[j] = rule.embedded[j + 1] - weights[j];
            moments[j] = differences[j] * nodes[j];
            j += 1;
        }
        Laid { nodes, weights, differences, moments, centre: [rule.weights[0], rule.embedded[0] - rule.weights[0]] }
    };
}

/// The values of a panel: at the centre, and from the inside out at the points below it and at those above.
pub(in crate::numerics) struct Values<'a, T, const M: usize> {
    pub(in crate::numerics) centre: &'a T,
    pub(in crate::numerics) below: &'a [T; M],
    pub(in crate::numerics) above: &'a [T; M],
}

impl<T, const M: usize> Clone for Values<'_, T, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, const M: usize> Copy for Values<'_, T, M> {}

impl<'a, T: 'static, const M: usize> Values<'a, T, M> {
    /// As values of type `U`, if that is what they are.
    #[inline]
    pub(super) fn same<U: 'static>(self) -> Option<Values<'a, U, M>> {
        let Self { centre, below, above } = self;
        Some(Values { centre: same_ref(centre)?, below: same_ref(below)?, above: same_ref(above)? })
    }
}

/// Sums over the points of a panel from -1 to 1.
pub(in crate::numerics) struct Sums<T> {
    pub(in crate::numerics) kronrod: T,
    /// The norm of `K - G`.
    pub(in crate::numerics) difference: f64,
    /// The integral of the norm.
    pub(in crate::numerics) l1: f64,
}

impl<T: Value> Sums<T> {
    /// The sums, and the norm of `K - G` for the integral of `t f(t)`. A symmetric rule integrates whatever is odd
    /// to zero, so `K - G` of `f` says nothing of the odd part of `f`. This is what the rule says of it.
    #[inline]
    pub(super) fn with_odd<P: Parts<T>, const M: usize>(
        Values { centre, below, above }: Values<'_, T, M>,
    ) -> (Self, f64) {
        let Laid { weights, differences, moments, centre: at_centre, .. } = Laid::<M>::RULE;
        let first = |weight| {
            let mut first = centre.clone();
            first.scale(weight);
            P::new(first)
        };
        let (mut kronrod, mut difference) = (first(at_centre[0]), first(at_centre[1]));
        let mut odd = P::new(T::zero());
        let mut l1 = <f64x2 as Parts<f64>>::new(at_centre[0] * centre.norm());
        // DETERMINISM: every other pair, from the inside out; those between the same way; then the two sums.
        for i in 0..M.div_ceil(2) {
            let both = P::both(below, above, i);
            kronrod.add_both(two(weights, i), &both);
            difference.add_both(two(differences, i), &both);
            l1.add_both(two(weights, i), &P::norms(below, above, i, None));
            odd.add_both(two(moments, i), &P::apart(above, below, i));
        }
        let sums = Self { kronrod: kronrod.total(), difference: difference.total().norm(), l1: l1.total() };
        (sums, odd.total().norm())
    }
}

/// The integral of `|f - mean f|` from -1 to 1, if that of `f` is `kronrod`.
#[inline]
pub(in crate::numerics) fn spread<T: Value, P: Parts<T>, const M: usize>(
    Values { centre, below, above }: Values<'_, T, M>,
    kronrod: &T,
) -> f64 {
    let Laid { weights, centre: [weight, _], .. } = Laid::<M>::RULE;
    let mut mean = kronrod.clone();
    mean.scale(-0.5);
    let mut spread = <f64x2 as Parts<f64>>::new(0.0);
    for i in 0..M.div_ceil(2) {
        spread.add_both(two(weights, i), &P::norms(below, above, i, Some(&mean)));
    }
    mean.add(centre);
    spread.total() + weight * mean.norm()
}
