//! The answer of a run: the partition, its sum, its error.

use super::repeated::is_narrow;
use super::tree_sum::sum_as_tree;
use super::{Leaf, Run, Verdict};
use crate::error::Error;
use crate::estimate::{Estimate, Partition, Reason, Segment};
use crate::numerics::domain::Domain;
use crate::numerics::lanes::same_ref;
use crate::numerics::method::{Control, Local, Method, Panel};
use crate::numerics::sum::Sum;
use crate::numerics::value::Value;

/// The estimate of a range that is one panel, with so many points, none of them twice.
#[inline]
pub(crate) fn of_one<T: Value, K>(panel: &Panel<K>, local: Local<T>, points: usize) -> Estimate<T> {
    let mut sum = Sum::new();
    sum.add(&local.value);
    let segment = Segment { a: panel.a, b: panel.b, value: local.value, error: local.error, l1: local.l1 };
    Estimate {
        value: sum.total(),
        error: local.error,
        evaluations: points,
        performed: points,
        l1: local.l1,
        segments: Partition::one(segment),
    }
}

/// Sorts segments. By itself, so that it is compiled once for a type of values.
fn ascend<T>(segments: &mut [Segment<T>]) {
    segments.sort_by(|p, q| p.a.total_cmp(&q.a));
}

/// How an integral ends: with an estimate, or with the reason why that does not meet the goal, a tolerance in
/// numbers. `needed`: how many evaluations there would have been, had the budget covered them.
#[inline]
pub(crate) fn ended<T: Value, P>(
    verdict: Verdict,
    estimate: Estimate<T, P>,
    goal: f64,
    needed: usize,
) -> Result<Estimate<T, P>, Error<T, P>> {
    let (reason, frequency) = match verdict {
        Verdict::Converged => return Ok(estimate),
        Verdict::Stopped(reason) => (reason, 0.0),
        Verdict::Oscillates(frequency) => (Reason::Oscillating, frequency as f32),
    };
    let size = same_ref::<T, f64>(&estimate.value).copied().unwrap_or_else(|| estimate.value.norm());
    let needed = if reason == Reason::Budget { needed } else { 0 };
    Err(Error::NotConverged { estimate, reason, goal, size, needed, frequency })
}

/// Whether these limits are finite, ascend, and are so far apart that a panel's points can be told apart.
#[inline]
pub(crate) fn is_one(a: f64, b: f64) -> bool {
    a < b && a.abs() < f64::INFINITY && b.abs() < f64::INFINITY && !is_narrow(a, b)
}

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// The estimate, with the partition from left to right. `requests` counts the points of all panels; points in
    /// common were counted once if the method reuses points. `kept`: from which leaf on points were kept, and they.
    #[inline]
    pub(crate) fn finish(
        &mut self,
        domain: &Domain,
        requests: usize,
        performed: usize,
        kept: Option<(usize, &[f64])>,
    ) -> Estimate<T> {
        if self.pieces > 0 && !self.afresh {
            self.sum_errors();
        }
        let as_it_is = domain.is_as_it_is();
        let segment = |panel: &Panel<M::Kind>, Local { value, error, l1, .. }: Local<T>| {
            if as_it_is {
                let (a, b) = (panel.a, panel.b);
                return (is_narrow(a, b), Segment { a, b, value, error, l1 });
            }
            let (p, q) = domain.span(panel.a, panel.b);
            let (a, b) = domain.placed(p, q);
            (is_narrow(p, q), Segment { a, b, value, error, l1 })
        };
        let mut narrow = false;
        // Leaves that were never refined are in order, and become segments where they are.
        let mut segments = Vec::with_capacity(if self.refined > 0 { self.leaves.len() - self.refined } else { 0 });
        let mut sum = Sum::new();
        let mut l1 = 0.0;
        for Leaf { panel, local, .. } in self.in_order() {
            let (thin, segment) = segment(panel, local.clone());
            narrow |= thin;
            if self.refined > 0 {
                segments.push(segment);
            }
            sum.add(&local.value);
            l1 += local.l1;
        }
        let evaluations = if M::REUSES_POINTS { requests } else { requests - self.repeated(domain, narrow, kept) };
        let mut value = match self.method.control() {
            Control::Global => sum.total(),
            Control::Local => sum_as_tree(self.in_order()),
        };
        if domain.is_reversed() && !planted!(4) {
            value.scale(-1.0);
        }
        if self.refined == 0 {
            let leaves = std::mem::take(&mut self.leaves).into_iter();
            segments = leaves.map(|Leaf { panel, local, .. }| segment(&panel, local).1).collect();
        }
        // Ascending in `t` is ascending in `x`, but for the two halves of the line.
        if !domain.is_ascending() {
            ascend(&mut segments);
        }
        Estimate { value, error: self.error, evaluations, performed, l1, segments: segments.into() }
    }

    /// The estimate of boxes: `ends` are the corners of each, and `sign` is that of the answer. No point is in two boxes.
    pub(crate) fn finish_boxes<P>(
        &mut self,
        ends: impl Fn(&M, &Panel<M::Kind>) -> [P; 2],
        sign: f64,
        requests: usize,
        performed: usize,
    ) -> Estimate<T, P> {
        if self.pieces > 0 && !self.afresh {
            self.sum_errors();
        }
        let (mut segments, mut sum, mut l1) = (Vec::new(), Sum::new(), 0.0);
        for Leaf { panel, local, .. } in self.in_order() {
            let ([a, b], Local { value, error, l1: norm, .. }) = (ends(&self.method, panel), local.clone());
            sum.add(&value);
            l1 += norm;
            segments.push(Segment { a, b, value, error, l1: norm });
        }
        let mut value = sum.total();
        value.scale(sign);
        Estimate { value, error: self.error, evaluations: requests, performed, l1, segments: segments.into() }
    }
}
