//! Which driver answers a question: on the spot, ahead of the decisions, or hosted by the threads of a pool.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, lazy};

use super::terms::{Settings, Terms};
use super::{Ended, Integrator};
use crate::drive::ahead::{Ahead, Engine};
use crate::drive::direct::{self, Direct, OnSpot, UNKEPT};
use crate::drive::hosted::Hosted;
use crate::drive::ledger::Ledger;
use crate::drive::limit::Limit;
use crate::error::Error;
use crate::evaluation::dispatch::Dispatch;
use crate::evaluation::dispatch::door::{Door, Shared};
use crate::evaluation::panics;
use crate::evaluation::{Evaluator, PointCache};
use crate::numerics::domain::Domain;
use crate::numerics::method::{Again, Control, Local, Method, Panel, whole};
use crate::numerics::run::finish::{ended, is_one, of_one};
use crate::numerics::run::{Leaf, Run};
use crate::numerics::tolerance::Allowance;
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
    ///
    /// What an evaluator that evaluates on the spot has compiled is a loop around it; any other has nothing compiled but
    /// what it does behind its door.
    #[inline]
    pub(super) fn begin(
        &self,
        a: f64,
        b: f64,
        atol: f64,
        integral: &trace::Integral,
    ) -> Result<Away<E::Value>, Ended<E::Value>> {
        if !E::HERE {
            return self.terms.begin(self.shared.clone(), a, b, atol, integral);
        }
        if M::IN_X {
            let terms = self.terms.over(a, b).map_err(Err)?;
            return Err(integral.run(|| here(&terms, &self.shared, a, b, atol)));
        }
        Err(integral.run(|| here(&self.terms, &self.shared, a, b, atol)))
    }
}

impl<T> Settings<T> {
    fn limit(&self) -> Option<Limit> {
        let time = self.time_limit;
        if time < Duration::MAX { Limit::new(time) } else { None }
    }
}

impl<T: Value, M: Method> Terms<T, M> {
    /// The same terms with the method for the range.
    fn over(&self, a: f64, b: f64) -> Result<Self, Error<T>> {
        let mut asked = self.clone();
        if a.is_nan() || b.is_nan() {
            return Ok(asked);
        }
        if a < b || b < a {
            asked.method = self.method.over(a.min(b), a.max(b)).map_err(|why| Error::Unsuitable { a, b, why })?;
        }
        Ok(asked)
    }

    /// The run of an evaluator that may not evaluate on the spot, or how it ended there.
    fn begin(
        &self,
        door: Arc<dyn Door<T>>,
        a: f64,
        b: f64,
        atol: f64,
        integral: &trace::Integral,
    ) -> Result<Away<T>, Ended<T>> {
        let over;
        let terms = if M::IN_X {
            over = self.over(a, b).map_err(Err)?;
            &over
        } else {
            self
        };
        if door.evaluate_here(&[], &mut Vec::new()) {
            return Err(integral.run(|| terms.here_from(First::Unknown, &*door, door.cache(), a, b, atol)));
        }
        terms.away(door, a, b, atol, integral)
    }

    fn away(
        &self,
        door: Arc<dyn Door<T>>,
        a: f64,
        b: f64,
        atol: f64,
        integral: &trace::Integral,
    ) -> Result<Away<T>, Ended<T>> {
        let (domain, tolerance) = self.question(a, b, atol)?;
        let limit = self.settings().limit();
        let given_up = Arc::new(AtomicBool::new(false));
        let watched = limit.is_some() || self.settings().observer.is_some();
        if !watched && door.traits().near && door.near().is_some() {
            let evaluates = self.is_new(&domain, door.cache());
            // Made when a thread has time for it: thousands may wait.
            let (terms, behind, flag) = (self.clone(), door.clone(), given_up.clone());
            let engine = lazy(move |_| Box::new(terms.engine(behind, domain, tolerance, None, flag))).flatten();
            let engine = integral.instrument(engine);
            return Ok(Box::pin(Hosted::new(door, engine, evaluates, given_up)));
        }
        Ok(Box::pin(integral.instrument(self.engine(door, domain, tolerance, limit, given_up))))
    }

    /// Whether an integral begins with an evaluation: its first point is neither known nor under way.
    fn is_new(&self, domain: &Domain, shared: &OnceLock<PointCache<T>>) -> bool {
        let Some(panel) = whole(&self.method, domain).next() else { return false };
        if self.max_evaluations < self.method.count(&panel) {
            return false;
        }
        let cache = self.cache(shared);
        let first = || {
            let mut points = Vec::new();
            self.method.points(&panel, &mut points);
            points.first().map(|&t| domain.x(t))
        };
        cache.is_untouched() || first().is_some_and(|x| !cache.has(x))
    }

    fn engine(
        &self,
        door: Arc<dyn Door<T>>,
        domain: Domain,
        tolerance: Allowance,
        limit: Option<Limit>,
        given_up: Arc<AtomicBool>,
    ) -> Engine<T, M> {
        let cache = self.cache(door.cache()).clone();
        let first = self.first_costs(&domain);
        if first >= MANY {
            // A piece in the middle stands for all of them.
            let middle =
                domain.pieces().nth(domain.pieces().count() / 2).map_or((0.0, 0.0), |(p, q)| domain.span(p, q));
            cache.expect(first as usize, middle);
        }
        let observer = self.settings().observer.clone();
        let run = Run::new(self.method.clone(), tolerance, observer.is_some()).up_to(self.settings().upto(&domain));
        let dispatch = Dispatch::new(door, cache, given_up, observer.is_some());
        let pieces = whole(&self.method, &domain);
        let tree = Tree::new(self.method.clone(), self.settings().speculation, pieces, run.allowed());
        let ledger = Ledger::new(self.max_evaluations);
        Engine::new(run, Ahead::new(self.method.clone(), domain, observer, dispatch, tree, ledger, limit))
    }

    /// The whole run on the spot, from what is known of the first panel on.
    #[inline]
    fn here_from<E: OnSpot<T> + ?Sized>(
        &self,
        first: First<M::Kind, T>,
        evaluator: &E,
        shared: &OnceLock<PointCache<T>>,
        a: f64,
        b: f64,
        atol: f64,
    ) -> Ended<T> {
        let (domain, tolerance) = match self.question(a, b, atol) {
            Ok(asked) => asked,
            Err(ended) => return ended,
        };
        let settings = self.settings();
        let observer = settings.observer.as_deref();
        let mut run = Run::new(self.method.clone(), tolerance, observer.is_some()).up_to(settings.upto(&domain));
        let cache = match &settings.cache {
            None if !M::REUSES_POINTS => None,
            None => Some(shared.get_or_init(PointCache::new)),
            given => given.as_ref(),
        };
        let ledger = Ledger::new(self.max_evaluations);
        let mut source = Direct::new(evaluator, &self.method, &domain, cache, observer, ledger, settings.limit());
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

/// The whole run, on the spot: no future, nothing to wait for.
#[inline]
fn here<E, M>(terms: &Terms<E::Value, M>, shared: &Shared<E>, a: f64, b: f64, atol: f64) -> Ended<E::Value>
where
    E: Evaluator<Value: Value>,
    M: Method,
{
    // An integrator that was told nothing special, and a range that is one panel: what often ends there should not
    // cost more.
    let mut first = First::Unknown;
    let mut panel = Panel { a: a + 0.0, b: b + 0.0, depth: 0, kind: terms.method.piece(a, b, [f64::INFINITY; 2]) };
    let plain = E::HERE && !M::REUSES_POINTS && terms.settings.is_none() && is_one(a, b);
    let points = if plain { terms.method.count(&panel) } else { 0 };
    let tolerance = Allowance::new(atol, terms.rtol).filter(|_| plain && points <= terms.max_evaluations);
    if let Some(tolerance) = tolerance {
        match terms.method.judge_here(&mut panel, direct::here(&shared.evaluator), None, Again::Never) {
            Some(local) if !local.is_sound() => first = First::Unsound,
            Some(local) => {
                let met = local.error <= tolerance.allowed(local.value.norm(), local.l1)
                    && (!M::AUDITS || terms.method.audit(&panel).is_none());
                if met && terms.method.control() == Control::Global {
                    return Ok(of_one(&panel, local, points));
                }
                first = First::Judged(panel, local);
            }
            None => {}
        }
    }
    terms.here_from(first, &shared.evaluator, &shared.cache, a, b, atol)
}
