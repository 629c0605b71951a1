//! An evaluator as an integral sees it whose values are on their way: by what it does, whatever its type.
//!
//! So what drives such an integral is compiled once for a type of values and a method, and not again for each integrand.
//! Each evaluation has a box of its own in any case; what is asked besides takes a call by a pointer.

use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::Keeps;
use crate::evaluation::arithmetic::Arithmetic;
use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::near::Near;
use crate::evaluation::points::cache::PointCache;
use crate::evaluation::points::call::Call;
use crate::evaluation::points::cell::{Outcome, SharedEvaluation};
use crate::evaluation::slots::Slots;
use crate::point::Point;

/// What the integrals of one integrand share. All but the evaluator is made when first needed: an integral of a cheap
/// function needs nothing else.
pub(crate) struct Shared<E: Evaluator<P>, P: Point = f64> {
    pub(crate) evaluator: E,
    pub(crate) cache: OnceLock<PointCache<E::Value, P>>,
    slots: OnceLock<Arc<Slots<P>>>,
}

impl<E: Evaluator<P>, P: Point> Shared<E, P> {
    pub(crate) fn new(evaluator: E) -> Self {
        Self { evaluator, cache: OnceLock::new(), slots: OnceLock::new() }
    }
}

/// What the type of an evaluator says of all its evaluations: [`Evaluator::CALLS`] and [`Evaluator::NEAR`].
#[derive(Clone, Copy)]
pub(crate) struct Traits {
    pub(crate) calls: bool,
    pub(crate) near: bool,
}

/// An evaluator, and what the integrals of its integrand share.
pub(crate) trait Door<T, P: Point = f64>: Send + Sync {
    /// The cache of the integrand, if one was needed.
    fn cache(&self) -> &OnceLock<PointCache<T, P>>;

    /// The room that there is for evaluations.
    fn slots(&self) -> &Arc<Slots<P>>;

    fn traits(&self) -> Traits;

    /// As [`Evaluator::near`], and so on.
    fn near(&self) -> Option<&dyn Near<T, P>>;

    fn concurrency(&self) -> usize;

    fn batch(&self) -> usize;

    fn mixture(&self) -> Option<(Arithmetic, Arithmetic)>;

    fn evaluate_here(&self, xs: &[P], into: &mut Vec<T>) -> bool;

    /// The evaluation at `x`, which has a slot until it ends; `call` is told, if the evaluator [tells](Traits) it.
    fn evaluation(self: Arc<Self>, x: P, call: Option<Call<T, P>>, slot: Keeps<P>) -> SharedEvaluation<T>;

    /// The evaluations at all of `xs`, by one call.
    fn evaluate_batch<'a>(&'a self, xs: &'a [P]) -> BoxFuture<'a, Vec<Outcome<T>>>;
}

impl<E: Evaluator<P> + 'static, P: Point> Door<E::Value, P> for Shared<E, P> {
    fn cache(&self) -> &OnceLock<PointCache<E::Value, P>> {
        &self.cache
    }

    fn slots(&self) -> &Arc<Slots<P>> {
        self.slots.get_or_init(Arc::default)
    }

    fn traits(&self) -> Traits {
        Traits { calls: E::CALLS, near: E::NEAR }
    }

    fn near(&self) -> Option<&dyn Near<E::Value, P>> {
        self.evaluator.near()
    }

    fn concurrency(&self) -> usize {
        self.evaluator.concurrency()
    }

    fn batch(&self) -> usize {
        self.evaluator.batch()
    }

    fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
        self.evaluator.mixture()
    }

    fn evaluate_here(&self, xs: &[P], into: &mut Vec<E::Value>) -> bool {
        self.evaluator.evaluate_here(xs, into)
    }

    fn evaluation(
        self: Arc<Self>,
        x: P,
        call: Option<Call<E::Value, P>>,
        slot: Keeps<P>,
    ) -> SharedEvaluation<E::Value> {
        if !E::CALLS {
            drop(call);
            return async move {
                let _slot = slot;
                self.evaluator.evaluate(x).await
            }
            .boxed();
        }
        let call = call.unwrap_or_else(Call::nowhere);
        async move {
            let _slot = slot;
            self.evaluator.evaluate_for(x, call).await
        }
        .boxed()
    }

    fn evaluate_batch<'a>(&'a self, xs: &'a [P]) -> BoxFuture<'a, Vec<Outcome<E::Value>>> {
        self.evaluator.evaluate_batch(xs).boxed()
    }
}
