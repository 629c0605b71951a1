//! Which driver answers a question: on the spot, ahead of the decisions, or hosted by the threads of a pool.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, lazy};

use super::{Ended, Integrator};
use crate::drive::ahead::{Ahead, Engine};
use crate::drive::direct::{Direct, UNKEPT};
use crate::drive::hosted::Hosted;
use crate::drive::ledger::Ledger;
use crate::drive::limit::Limit;
use crate::error::Error;
use crate::evaluation::Evaluator;
use crate::evaluation::dispatch::Dispatch;
use crate::evaluation::panics;
use crate::numerics::domain::Domain;
use crate::numerics::method::{Again, Control, Local, Method, Panel, whole};
use crate::numerics::run::finish::{ended, is_one, of_one};
use crate::numerics::run::{Leaf, Run};
use crate::numerics::tolerance::Tolerance;
use crate::numerics::value::Value;
use crate::prefetch::Tree;
use crate::trace;

/// So many points of first segments are worth room from the beginning. The budget covers them.
const MANY: f64 = 16_384.0;

/// The run whose values are on their way.
type Away<T> = BoxFuture<'static, Ended<T>>;

/// What is known of the panel that is the whole range before a run begins.
enum First<K, T> {
    Unknown,
    /// A value is not finite, or their sum.
    Unsound,
    Judged(Panel<K>, Local<T>),
}

impl<E, M> Integrator<E, M>
where
    E: Evaluator<Value: Value> + 'static,
    M: Method,
{
    /// The run whose values are on their way, or how it ended on the spot.
    #[inline]
    pub(super) fn begin(
        &self,
        a: f64,
        b: f64,
        atol: f64,
        integral: &trace::Integral,
    ) -> Result<Away<E::Value>, Ended<E::Value>> {
        if M::IN_X {
            return self.over(a, b).map_err(Err)?.begin_over(a, b, atol, integral);
        }
        self.begin_over(a, b, atol, integral)
    }

    /// The same integrator with the method for the range.
    fn over(&self, a: f64, b: f64) -> Result<Self, Error<E::Value>> {
        let mut asked = self.clone();
        if a.is_nan() || b.is_nan() {
            return Ok(asked);
        }
        if a < b || b < a {
            asked.method = self.method.over(a.min(b), a.max(b)).map_err(|why| Error::Unsuitable { a, b, why })?;
        }
        Ok(asked)
    }

    #[inline]
    fn begin_over(
        &self,
        a: f64,
        b: f64,
        atol: f64,
        integral: &trace::Integral,
    ) -> Result<Away<E::Value>, Ended<E::Value>> {
        if E::HERE || self.shared.evaluator.evaluate_here(&[], &mut Vec::new()) {
            return Err(integral.run(|| self.here(a, b, atol)));
        }
        self.away(a, b, atol, integral)
    }

    fn limit(&self) -> Option<Limit> {
        let time = self.settings().time_limit;
        if time < Duration::MAX { Limit::new(time) } else { None }
    }

    /// Boxed, so that an evaluator that needs no such run has none compiled.
    fn away(&self, a: f64, b: f64, atol: f64, integral: &trace::Integral) -> Result<Away<E::Value>, Ended<E::Value>> {
        let (domain, tolerance) = self.question(a, b, atol)?;
        let limit = self.limit();
        let given_up = Arc::new(AtomicBool::new(false));
        let watched = limit.is_some() || self.settings().observer.is_some();
        if E::NEAR && !watched && self.shared.evaluator.near().is_some() {
            let evaluates = self.is_new(&domain);
            // Made when a thread has time for it: thousands may wait.
            let (integrator, flag) = (self.clone(), given_up.clone());
            let engine = lazy(move |_| Box::new(integrator.engine(domain, tolerance, None, flag))).flatten();
            let engine = integral.instrument(engine);
            return Ok(Box::pin(Hosted::new(self.shared.clone(), engine, evaluates, given_up)));
        }
        Ok(Box::pin(integral.instrument(self.engine(domain, tolerance, limit, given_up))))
    }

    /// Whether an integral begins with an evaluation: its first point is neither known nor under way.
    fn is_new(&self, domain: &Domain) -> bool {
        let Some(panel) = whole(&self.method, domain).next() else { return false };
        if self.max_evaluations < self.method.count(&panel) {
            return false;
        }
        let cache = self.cache();
        let first = || {
            let mut points = Vec::new();
            self.method.points(&panel, &mut points);
            points.first().map(|&t| domain.x(t))
        };
        cache.is_untouched() || first().is_some_and(|x| !cache.has(x))
    }

    fn engine(
        &self,
        domain: Domain,
        tolerance: Tolerance,
        limit: Option<Limit>,
        given_up: Arc<AtomicBool>,
    ) -> Engine<E, M> {
        let first = self.first_costs(&domain);
        if first >= MANY {
            // A piece in the middle stands for all of them.
            let middle =
                domain.pieces().nth(domain.pieces().count() / 2).map_or((0.0, 0.0), |(p, q)| domain.span(p, q));
            self.cache().expect(first as usize, middle);
        }
        let observer = self.settings().observer.clone();
        let run = Run::new(self.method.clone(), tolerance, observer.is_some()).up_to(self.upto(&domain));
        let dispatch = Dispatch::new(self.shared.clone(), self.cache().clone(), given_up, observer.is_some());
        let pieces = whole(&self.method, &domain);
        let tree = Tree::new(self.method.clone(), self.settings().speculation, pieces, run.allowed());
        let ledger = Ledger::new(self.max_evaluations);
        Engine::new(run, Ahead::new(self.method.clone(), domain, observer, dispatch, tree, ledger, limit))
    }

    /// The whole run, on the spot: no future, nothing to wait for.
    #[inline]
    fn here(&self, a: f64, b: f64, atol: f64) -> Ended<E::Value> {
        // An integrator that was told nothing special, and a range that is one panel: what often ends there should not
        // cost more.
        let mut first = First::Unknown;
        let mut panel = Panel { a: a + 0.0, b: b + 0.0, depth: 0, kind: self.method.root() };
        let plain = E::HERE && !M::REUSES_POINTS && self.settings.is_none() && is_one(a, b);
        let points = if plain { self.method.count(&panel) } else { 0 };
        let tolerance = Tolerance::new(atol, self.rtol).filter(|_| plain && points <= self.max_evaluations);
        if let Some(tolerance) = tolerance {
            let f = |x| self.shared.evaluator.value_here(x).expect("it is here");
            match self.method.judge_here(&mut panel, f, None, Again::Never) {
                Some(local) if !local.is_sound() => first = First::Unsound,
                Some(local) => {
                    let met = local.error <= tolerance.allowed(local.value.norm(), local.l1)
                        && (!M::AUDITS || self.method.audit(&panel).is_none());
                    if met && self.method.control() == Control::Global {
                        return Ok(of_one(&panel, local, points));
                    }
                    first = First::Judged(panel, local);
                }
                None => {}
            }
        }
        self.here_from(first, a, b, atol)
    }

    /// The same, from what is known of the first panel on.
    fn here_from(&self, first: First<M::Kind, E::Value>, a: f64, b: f64, atol: f64) -> Ended<E::Value> {
        let (domain, tolerance) = match self.question(a, b, atol) {
            Ok(asked) => asked,
            Err(ended) => return ended,
        };
        let observer = self.settings().observer.as_deref();
        let mut run = Run::new(self.method.clone(), tolerance, observer.is_some()).up_to(self.upto(&domain));
        let cache = (M::REUSES_POINTS || self.settings().cache.is_some()).then(|| self.cache());
        let ledger = Ledger::new(self.max_evaluations);
        let mut source =
            Direct::new(&self.shared.evaluator, &self.method, &domain, cache, observer, ledger, self.limit());
        match first {
            First::Unknown => {}
            First::Unsound => source.list(),
            First::Judged(panel, local) => {
                source.judged(&panel);
                run.begin_with(Leaf::new(panel, local, UNKEPT));
            }
        }
        let advanced = loop {
            match catch_unwind(AssertUnwindSafe(|| run.advance(&mut source))) {
                Ok(advanced) => break advanced,
                // In one of two panels at once: one after the other, the first of them may end the run, or the second
                // panics.
                Err(payload) if source.was_at_two() => {
                    panics::dispose(payload);
                    source.list();
                }
                Err(payload) => resume_unwind(payload),
            }
        };
        let Poll::Ready(verdict) = advanced else { unreachable!("it never waits") };
        let verdict = verdict?;
        let estimate = run.finish(&domain, source.ledger.requests, source.performed, source.kept());
        let goal = run.goal(&estimate);
        ended(verdict, estimate, goal, source.ledger.needed)
    }
}
