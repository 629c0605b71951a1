//! Dispatch: never more than `concurrency()` evaluations outstanding, over all integrals of an integrator.
//!
//! INVARIANT: what is outstanding holds a slot ([`Taken`]). Nothing queues behind the slots but wakers: each integral keeps
//! what it wants to itself, best first, and asks when there is room, so a required point never waits behind guesses.

pub(crate) mod batch;
pub(crate) mod door;

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use futures::FutureExt;
use futures::stream::{FuturesUnordered, Stream};

use self::door::{Door, Traits};
use super::arithmetic::Arithmetic;
use super::near::Near;
use super::points::cache::{Claim, PointCache};
use super::points::call::Call;
use super::points::cell::Outcome;
use super::points::flight::Flight;
use super::points::spot::{Found, Spot};
use super::pool::pace::{Laps, Pace};
use super::slots::{Purpose, Slots, Taken};
use crate::evaluation::sync::thread_locals;
use crate::point::Point;

thread_locals! {
    /// Whether an integral polls evaluations of others on this thread.
    static HELPS: Cell<bool> = Cell::new(false);
}

/// What became of a request.
pub(crate) enum Request<T> {
    /// The value was there.
    Known,
    /// The evaluation was ready at once; whether this request started it.
    Done { outcome: Outcome<T>, started: bool },
    /// The value will arrive; whether this request started its evaluation.
    Pending { started: bool },
    /// There is no room.
    Full,
}

/// Where evaluations are best done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Place {
    /// Wherever the evaluator does them: each is handed over.
    Away,
    /// On this thread, by [`Dispatch::find`].
    Here,
    /// On another thread, at once, when the integral is driven there.
    There,
}

/// The evaluations that one integral waits for.
pub(crate) struct Dispatch<T: Clone + Send + Sync + 'static, P: Point = f64> {
    door: Arc<dyn Door<T, P>>,
    traits: Traits,
    cache: PointCache<T, P>,
    slots: Arc<Slots<P>>,
    flights: FuturesUnordered<Arrival<T, P>>,
    /// Our number among those who have slots, and how many of these evaluations we have.
    owner: u64,
    own: usize,
    /// Our place among those who wait for room; and room for a call whose points are being gathered.
    ticket: Option<u64>,
    room: Option<Taken<P>>,
    spot: Spot<T, P>,
    laps: Laps,
    /// Set when nobody waits for the integral any more.
    given_up: Arc<AtomicBool>,
    /// Whether somebody is told when evaluations begin and end: then no slot is free before that is told.
    watched: bool,
}

/// A flight, and whether it is counted as our own.
struct Arrival<T, P: Point = f64> {
    flight: Flight<T, P>,
    is_ours: bool,
    /// Its slot, if somebody is told of the end: no other evaluation begins before.
    _told: Option<Arc<Taken<P>>>,
}

/// The slot of an evaluation, given back with the evaluation, or when the end was told.
pub(crate) enum Keeps<P: Point = f64> {
    Alone(#[expect(dead_code, reason = "it is given back")] Taken<P>),
    Both(#[expect(dead_code, reason = "it is given back")] Arc<Taken<P>>),
}

impl<T: Clone + Send + Sync + 'static, P: Point> Future for Arrival<T, P> {
    type Output = (P, bool, Outcome<T>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(self.flight.poll_unpin(cx));
        Poll::Ready((self.flight.x(), self.is_ours, outcome))
    }
}

impl<T: Clone + Send + Sync + 'static, P: Point> Dispatch<T, P> {
    pub(crate) fn new(
        door: Arc<dyn Door<T, P>>,
        cache: PointCache<T, P>,
        given_up: Arc<AtomicBool>,
        watched: bool,
    ) -> Self {
        let (traits, slots) = (door.traits(), door.slots().clone());
        let (flights, spot, laps) = (FuturesUnordered::new(), Spot::default(), Laps::default());
        let owner = slots.owner();
        let (own, ticket, room) = (0, None, None);
        Self { door, traits, cache, slots, flights, owner, own, ticket, room, spot, laps, given_up, watched }
    }

    /// A new poll, perhaps on another thread than the last.
    pub(crate) fn arrive(&mut self) {
        self.spot = Spot::default();
        self.laps.stop();
    }

    /// Where the next evaluation is best done. Depends on the clock, and the answer must not depend on it.
    pub(crate) fn place(&self) -> Place {
        match self.near() {
            Some(near) if is_for_one(near) => {
                if near.is_here() {
                    Place::Here
                } else {
                    Place::There
                }
            }
            _ => Place::Away,
        }
    }

    /// Whether evaluations are close at hand and short. Depends on the clock, as [`place`](Self::place) does.
    pub(crate) fn is_swift(&self) -> bool {
        self.pace().is_some_and(|pace| !matches!(pace, Pace::Unknown | Pace::Slow))
    }

    /// Whether they are close at hand, and nobody knows yet whether they are short.
    pub(crate) fn is_unknown(&self) -> bool {
        self.pace() == Some(Pace::Unknown)
    }

    fn pace(&self) -> Option<Pace> {
        Some(self.near()?.pace())
    }

    /// The evaluator's threads, if they are close at hand.
    #[inline]
    fn near(&self) -> Option<&dyn Near<T, P>> {
        if self.traits.near { self.door.near() } else { None }
    }

    /// Finds the value at `x`, evaluating here and now if nobody has; `None` if it has to be requested, as it is under
    /// way elsewhere, or [`place`](Self::place) is not `Here` any more. CANCEL: also if nobody waits for it.
    pub(crate) fn find(&mut self, x: P) -> Option<Found<T>> {
        let near = self.door.near()?;
        // Relaxed: as at the flag's other end.
        if !is_for_one(near) || self.given_up.load(Ordering::Relaxed) {
            return None;
        }
        self.laps.start();
        match self.spot.find(&self.cache, x, || near.evaluate(x)) {
            Found::UnderWay => None,
            found => {
                if let (Found::Evaluated(_), Some(each)) = (&found, self.laps.ended()) {
                    near.record(each);
                }
                Some(found)
            }
        }
    }

    /// Whether nobody waits for the integral any more.
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    pub(crate) fn known(&self, x: P) -> Option<T> {
        self.cache.get(x)
    }

    pub(crate) fn concurrency(&self) -> usize {
        self.door.concurrency()
    }

    /// Two kinds of arithmetic that differ, if those who evaluate have such.
    pub(crate) fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
        self.door.mixture()
    }

    /// Asks for the value at `x`, if there is room for its evaluation; else the task is woken when there may be.
    pub(crate) fn request(&mut self, x: P, cx: &mut Context<'_>) -> Request<T> {
        let mut told = None;
        let claim = match self.take(x, cx) {
            Some(slot) => {
                let (door, polled, calls) = (self.door.clone(), slot.of_polled(), self.traits.calls);
                let own = (calls && !self.watched).then(|| slot.of());
                let slot = self.keeps(slot, &mut told);
                self.cache.claim(x, polled, move |seat| {
                    let call = calls.then(|| own.into_iter().fold(Call::of(seat), Call::in_slot));
                    door.evaluation(x, call, slot)
                })
            }
            // To join what others have started takes no room.
            None => match self.cache.join(x) {
                Some(claim) => claim,
                None => return Request::Full,
            },
        };
        let (mut flight, started) = match claim {
            Claim::Known(_) => return Request::Known,
            Claim::Started(flight) => (flight, true),
            Claim::Joined(flight) => (flight, false),
        };
        // Many an evaluation is ready at once: it need not go through the set of those that are not. None of those that
        // threads close at hand do is: they start when the set is polled, which comes next.
        if !self.traits.near {
            if let Poll::Ready(outcome) = flight.poll_unpin(cx) {
                return Request::Done { outcome, started };
            }
        }
        self.own += usize::from(started);
        self.flights.push(Arrival { flight, is_ours: started, _told: told.filter(|_| started) });
        Request::Pending { started }
    }

    /// Takes room for an evaluation; the task is woken when there may be some.
    #[inline]
    fn take(&mut self, x: P, cx: &mut Context<'_>) -> Option<Taken<P>> {
        let purpose = Purpose { owner: self.owner, x, is_polled: !self.traits.near };
        match self.slots.take(self.concurrency(), purpose, &mut self.ticket, cx.waker()) {
            Ok(slot) => Some(slot),
            Err(taken) => self.take_by_help(taken, purpose, cx),
        }
    }

    /// The same when so many are taken, some perhaps by evaluations that only have to be polled.
    #[cold]
    fn take_by_help(&mut self, taken: usize, purpose: Purpose<P>, cx: &mut Context<'_>) -> Option<Taken<P>> {
        if !purpose.is_polled || self.own >= taken || !self.help(cx) {
            return None;
        }
        self.slots.take(self.concurrency(), purpose, &mut self.ticket, cx.waker()).ok()
    }

    /// What an evaluation keeps of its slot, and what is kept until its end was told.
    #[inline]
    fn keeps(&self, slot: Taken<P>, told: &mut Option<Arc<Taken<P>>>) -> Keeps<P> {
        if self.watched { Keeps::Both(told.insert(Arc::new(slot)).clone()) } else { Keeps::Alone(slot) }
    }

    /// Leaves the room there is to the other integrals.
    pub(crate) fn pass_on(&mut self) {
        self.slots.offer(self.door.concurrency(), &mut self.ticket);
    }

    /// The next value to arrive; `Pending` also when none is on its way.
    pub(crate) fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<(P, Outcome<T>)> {
        match Pin::new(&mut self.flights).poll_next(cx) {
            Poll::Ready(Some((x, started, outcome))) => {
                self.own -= usize::from(started);
                Poll::Ready((x, outcome))
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Polls evaluations of others that were woken and that nobody polls: they hold the slots that we wait for.
    /// Returns whether there were any.
    fn help(&mut self, cx: &mut Context<'_>) -> bool {
        // Inside an evaluation that is helped there may be others who wait, and so on without end.
        let Some(_helps) = Helps::begin() else { return false };
        let stale = self.slots.stale(self.owner);
        for (x, call) in &stale {
            // Of a call it is enough to poll one point that somebody wants.
            let points = call.as_deref().unwrap_or(std::slice::from_ref(x));
            if let Some(mut flight) = points.iter().find_map(|&x| self.cache.help(x)) {
                let _ = flight.poll_unpin(cx);
            }
        }
        !stale.is_empty()
    }
}

/// An integral polls evaluations of others on this thread.
struct Helps;

impl Helps {
    /// None if one does so already.
    fn begin() -> Option<Self> {
        (!HELPS.with(|helps| helps.replace(true))).then_some(Self)
    }
}

impl Drop for Helps {
    fn drop(&mut self) {
        HELPS.with(|helps| helps.set(false));
    }
}

/// Whether one thread should do all that an integral needs: to hand it over would take longer, or every thread has an
/// integral of its own to turn to.
fn is_for_one<T, P: Point>(near: &dyn Near<T, P>) -> bool {
    match near.pace() {
        Pace::Instant => true,
        Pace::Brisk(_) => near.is_crowded(),
        Pace::Unknown | Pace::Slow => false,
    }
}

impl<T: Clone + Send + Sync + 'static, P: Point> Drop for Dispatch<T, P> {
    fn drop(&mut self) {
        // CANCEL: a wake that was meant for this one goes to the next.
        if !planted!(14) {
            self.slots.offer(usize::MAX, &mut self.ticket);
        }
    }
}

impl<T: Clone + Send + Sync + 'static, P: Point> fmt::Debug for Dispatch<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatch").field("flights", &self.flights.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
