//! Which points were counted twice.

use super::{Leaf, Run};
use crate::numerics::domain::Domain;
use crate::numerics::method::{Method, Panel};
use crate::numerics::value::Value;

/// The relative width below which points of nested panels may coincide. Unless they are equal, nodes of the
/// Gauss-Kronrod rules nested by 40 bisections come no closer than 4e-7 of the narrower panel's width (computed with
/// 60 digits; a test covers what doubles resolve), and rounding moves each by less than 4 units in the last place.
const NARROW: f64 = 4e7 * f64::EPSILON;

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// How many of the panels' points are another panel's, too.
    pub(super) fn repeated(&self, domain: &Domain) -> usize {
        let narrow = self.leaves.iter().any(|leaf| {
            let (a, b) = domain.span(leaf.panel.a, leaf.panel.b);
            b - a < NARROW * a.abs().max(b.abs())
        });
        let shares = |panel: &Panel<M::Kind>| narrow || self.method.may_repeat(panel);
        let mut points = Vec::new();
        for Leaf { panel, .. } in self.leaves.iter().filter(|leaf| shares(&leaf.panel)) {
            self.method.points(panel, &mut points);
        }
        if points.is_empty() {
            return 0;
        }
        points.iter_mut().for_each(|t| *t = domain.x(*t));
        points.sort_unstable_by(f64::total_cmp);
        let all = points.len();
        points.dedup_by_key(|x| x.to_bits());
        let mut repeated = all - points.len();
        let mut others = Vec::new();
        for Leaf { panel, .. } in self.leaves.iter().filter(|leaf| !shares(&leaf.panel)) {
            let (a, b) = domain.span(panel.a, panel.b);
            let near = &points[points.partition_point(|x| *x <= a)..points.partition_point(|x| *x < b)];
            if let (Some(first), Some(last)) = (near.first(), near.last()) {
                others.clear();
                self.method.points(panel, &mut others);
                let xs = others.iter().map(|t| domain.x(*t)).filter(|x| first <= x && x <= last);
                repeated += xs.filter(|x| near.binary_search_by(|y| y.total_cmp(x)).is_ok()).count();
            }
        }
        repeated
    }
}
