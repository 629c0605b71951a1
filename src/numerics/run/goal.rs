//! The error that the integral may have, as far as it is known: over the whole range, and up to each of several places.

use std::cmp::Ordering;

use super::{DIVERGENT, Leaf, Run};
use crate::estimate::{Estimate, Reason};
use crate::numerics::domain::Domain;
use crate::numerics::method::{Control, Method, Panel};
use crate::numerics::sum::Sum;
use crate::numerics::value::Value;

/// Places at ends of pieces: the integral from one limit of the range to each of them has the tolerance for itself.
#[derive(Clone, Debug)]
pub(crate) struct Upto {
    /// From the nearest on.
    places: Vec<Place>,
    /// Whether they are nearest where `t` is least.
    ascends: bool,
    /// Whether what is at negative `t` comes after all that is at positive ones.
    wraps: bool,
}

/// A place by its `t`, in the order of the range or in the opposite one.
type Place = (bool, f64);

fn place(wraps: bool, t: f64) -> Place {
    (wraps && t.is_sign_negative(), t)
}

impl Upto {
    /// From the limit `a` of the domain to each of these places, which are its other limit and breakpoints.
    pub(crate) fn new(domain: &Domain, a: f64, limits: &[f64]) -> Self {
        let wraps = !domain.is_as_it_is();
        let at = |x: f64| place(wraps, domain.t(x));
        let (from, mut places) = (at(a), limits.iter().map(|b| at(*b)).collect::<Vec<_>>());
        let ascends = places.iter().all(|place| *place >= from);
        places.sort_by(|p, q| {
            let order = p.partial_cmp(q).unwrap_or(Ordering::Equal);
            if ascends { order } else { order.reverse() }
        });
        Self { places, ascends, wraps }
    }
}

/// What there is from the limit on.
struct Standing<T> {
    value: Sum<T>,
    error: f64,
    l1: f64,
    /// The leaf with the largest error that may be refined, and that.
    worst: Option<(usize, f64)>,
}

impl<T: Value> Standing<T> {
    fn add<K, H>(&mut self, index: usize, leaf: &Leaf<T, K, H>) {
        self.value.add(&leaf.local.value);
        self.error += leaf.local.error;
        self.l1 += leaf.local.l1;
        if !leaf.local.is_settled() && self.worst.is_none_or(|(_, error)| leaf.local.error > error) {
            self.worst = Some((index, leaf.local.error));
        }
    }
}

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// The error that the integral may have, as far as it is known.
    pub(crate) fn allowed(&self) -> f64 {
        match self.method.control() {
            Control::Global => self.tolerance.allowed(self.value.norm(), self.l1),
            Control::Local => self.handed_out,
        }
    }

    /// The error that such an estimate may have.
    pub(crate) fn goal<P>(&self, estimate: &Estimate<T, P>) -> f64 {
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

    /// The same run, which is to meet the tolerance up to each of these places, too.
    pub(crate) fn up_to(self, upto: Option<Upto>) -> Self {
        Self { upto, ..self }
    }

    /// The leaf to be refined for the sake of the nearest place up to which the tolerance is not met, or why that is in
    /// vain; `None` if it is met everywhere.
    pub(super) fn missed(&mut self) -> Option<Result<usize, Reason>> {
        let leaf = self.worst_missed()?;
        if self.is_noise() {
            return Some(Err(Reason::Roundoff));
        }
        Some(match leaf {
            None => Err(Reason::Roundoff),
            Some(leaf) if self.leaves[leaf].flat >= DIVERGENT * M::AXES => Err(Reason::Divergent),
            Some(leaf) => Ok(leaf),
        })
    }

    /// The leaf with the largest error before the nearest place up to which the tolerance is not met.
    fn worst_missed(&self) -> Option<Option<usize>> {
        let Upto { places, ascends, wraps } = self.upto.as_ref()?;
        let mut leaves: Vec<_> = self.indexed().collect();
        if *wraps {
            // Within either sign they ascend.
            let (first, second) = leaves.into_iter().partition(|(_, leaf)| leaf.panel.a.is_sign_positive());
            leaves = first;
            leaves.extend::<Vec<_>>(second);
        }
        if !ascends {
            leaves.reverse();
        }
        let is_before = |panel: &Panel<M::Kind>, to: Place| {
            if *ascends { place(*wraps, panel.b) <= to } else { place(*wraps, panel.a) >= to }
        };
        let mut leaves = leaves.into_iter().peekable();
        let mut standing = Standing { value: Sum::new(), error: 0.0, l1: 0.0, worst: None };
        for to in places {
            while let Some((index, leaf)) = leaves.next_if(|(_, leaf)| is_before(&leaf.panel, *to)) {
                standing.add(index, leaf);
            }
            let value = standing.value.clone().total();
            if standing.error > self.tolerance.allowed(value.norm(), standing.l1) {
                return Some(standing.worst.map(|(leaf, _)| leaf));
            }
        }
        None
    }
}
