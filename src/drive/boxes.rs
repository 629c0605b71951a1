//! Evaluation of boxes on the spot: one after the other, on the caller's thread.

use std::task::Poll;

use crate::drive::direct::{OnSpot, one_by_one};
use crate::drive::ledger::Ledger;
use crate::drive::limit::Limit;
use crate::error::Error;
use crate::estimate::Reason;
use crate::evaluation::PointCache;
use crate::numerics::cubature::space::BoxSpace;
use crate::numerics::cubature::{Boxes, Cell};
use crate::numerics::method::{Local, Method, Panel, compare};
use crate::numerics::run::far::Far;
use crate::numerics::run::judge::{Judged, Lengths};
use crate::numerics::run::{Leaf, Source, Stop};
use crate::numerics::space::Space;
use crate::numerics::value::Value;
use crate::observer::{Progress, Watch};
use crate::point::Point;

/// A box with its judgement.
type Cube<T, const N: usize> = Leaf<T, Cell<N>, ()>;

/// Why a box has no judgement.
type Halt<T, const N: usize> = Error<T, [f64; N]>;

/// A source of judged boxes whose values are found on the spot.
pub(crate) struct OnSpotBoxes<'a, T: 'static, E: ?Sized, const N: usize> {
    evaluator: &'a E,
    space: &'a BoxSpace<N>,
    cache: Option<&'a PointCache<T, [f64; N]>>,
    observer: Option<&'a Watch<T, [f64; N]>>,
    limit: Option<Limit>,
    pub(crate) ledger: Ledger<[f64; N]>,
    pub(crate) performed: usize,
    panels: Vec<Panel<Cell<N>>>,
    points: Vec<[f64; N]>,
    mapped: Vec<[f64; N]>,
    values: Vec<T>,
    lengths: Lengths,
}

impl<'a, T: Value, E: OnSpot<T, [f64; N]> + ?Sized, const N: usize> OnSpotBoxes<'a, T, E, N> {
    pub(crate) fn new(
        evaluator: &'a E,
        space: &'a BoxSpace<N>,
        cache: Option<&'a PointCache<T, [f64; N]>>,
        observer: Option<&'a Watch<T, [f64; N]>>,
        ledger: Ledger<[f64; N]>,
        limit: Option<Limit>,
    ) -> Self {
        Self {
            evaluator,
            space,
            cache,
            observer,
            limit,
            ledger,
            performed: 0,
            panels: Vec::new(),
            points: Vec::new(),
            mapped: Vec::new(),
            values: Vec::new(),
            lengths: Lengths::default(),
        }
    }

    /// Judges a box.
    fn judge(&mut self, panel: &mut Panel<Cell<N>>) -> Result<Local<T>, Stop<Halt<T, N>>> {
        self.points.clear();
        Boxes::lay(&panel.kind, &mut self.points);
        if !self.evaluate() {
            return Err(Stop::Early(Reason::Deadline));
        }
        let judged = self.space.judge(&Boxes, panel, &self.points, &mut self.values, &Far::default());
        judged.map(|Judged { local, .. }| local).map_err(|trouble| trouble.stop())
    }

    /// Evaluates at the points, in order; `false` if the time is over before the last.
    fn evaluate(&mut self) -> bool {
        self.values.clear();
        self.mapped.clear();
        self.mapped.extend(self.points.iter().map(|&t| self.space.x(t)));
        let plain = self.cache.is_none() && self.observer.is_none() && self.limit.is_none();
        if plain && self.mapped.iter().all(|x| x.is_finite()) {
            self.performed += self.mapped.len();
            self.evaluator.evaluate_here(&self.mapped, &mut self.values);
            return true;
        }
        let beside = (self.cache, self.observer, self.limit.as_ref());
        one_by_one(self.evaluator, &self.mapped, beside, &mut self.values, &mut self.performed)
    }
}

impl<T: Value, E: OnSpot<T, [f64; N]> + ?Sized, const N: usize> Source<T, Cell<N>> for OnSpotBoxes<'_, T, E, N> {
    type Handle = ();
    type Halt = Halt<T, N>;

    fn expand(&mut self, leaf: Option<usize>, leaves: &mut Vec<Cube<T, N>>) -> Poll<Result<(), Stop<Self::Halt>>> {
        let (mut panels, first) = (std::mem::take(&mut self.panels), leaves.len());
        panels.clear();
        match leaf {
            Some(leaf) => Boxes.refine(&leaves[leaf].panel, leaves[leaf].local.error, &mut panels),
            None => panels.extend(self.space.pieces()),
        }
        let before = self.ledger.requests;
        if !self.ledger.charge(&Boxes, self.space, &panels, &mut self.points) {
            return Poll::Ready(Err(Stop::Early(Reason::Budget)));
        }
        for mut panel in panels.iter().copied() {
            match self.judge(&mut panel) {
                Ok(local) => leaves.push(Leaf::new(panel, local, ())),
                Err(stop) => {
                    if let Stop::Early(_) = stop {
                        self.ledger.refund(self.ledger.requests - before);
                    }
                    return Poll::Ready(Err(stop));
                }
            }
        }
        self.panels = panels;
        if let Some(leaf) = leaf {
            let (whole, parts) = leaves.split_at_mut(first);
            let Leaf { panel, local, .. } = &whole[leaf];
            compare(&Boxes, panel, local, parts, |part| (&mut part.panel, &mut part.local));
        }
        let lengths = self.lengths.compare(&Boxes, self.space, &leaves[first..]);
        Poll::Ready(lengths.map_err(|trouble| trouble.stop()))
    }

    fn retired(&mut self, value: &T, error: f64) {
        if let Some(observer) = self.observer {
            observer.decided(&Progress { value, error, evaluations: self.ledger.requests });
        }
    }
}
