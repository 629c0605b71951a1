//! The sum of local control: the order of the recursive program.

use super::Leaf;
use crate::numerics::sum::Sum;
use crate::numerics::value::Value;

/// Left plus right at every node of the binary trees whose leaves these are, then tree by tree. Of other trees what
/// is left over is added at the end, from left to right.
pub(super) fn sum_as_tree<'a, T: Value, K: 'a, H: 'a>(leaves: impl Iterator<Item = &'a Leaf<T, K, H>>) -> T {
    let mut total = Sum::new();
    let mut open: Vec<(u32, T)> = Vec::new();
    for leaf in leaves {
        let (mut depth, mut value) = (leaf.panel.depth, leaf.local.value.clone());
        while depth > 0 && open.last().is_some_and(|(d, _)| *d == depth) {
            let (_, mut left) = open.pop().expect("there is a last one");
            left.add(&value);
            value = left;
            depth -= 1;
        }
        if depth == 0 {
            total.add(&value);
        } else {
            open.push((depth, value));
        }
    }
    open.iter().for_each(|(_, value)| total.add(value));
    total.total()
}
