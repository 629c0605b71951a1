//! Room for evaluations: never more than so many outstanding, over all integrals of an integrator.
//!
//! INVARIANT: a slot belongs to an evaluation, and is free when that has ended: when its future has, or when the thread or
//! process that evaluates has, whichever comes first. An integral that is held and not polled keeps none that has ended
//! on a thread; what of its evaluations was woken is polled by those who wait.
//!
//! INVARIANT: no user code runs under the lock of the state. Wakers are cloned, woken and dropped outside: dropping one may
//! drop a whole task, and with it another integral that gives its slots back.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::task::Waker;
use std::{fmt, mem};

use super::sync::{AtomicIsize, AtomicU8, AtomicUsize, Mutex, MutexGuard, thread_locals};
use crate::point::Point;

/// How many evaluations are outstanding, and who waits for room.
#[derive(Debug)]
pub(crate) struct Slots<P: Point = f64> {
    state: Mutex<State<P>>,
    /// How many evaluations were woken, and nobody has polled them since. Below 0 while one ends that was just woken.
    stale: AtomicIsize,
    /// How many wait: written under the lock, and read without.
    waiting: AtomicUsize,
    owners: AtomicU64,
}

#[derive(Debug)]
struct State<P: Point> {
    taken: usize,
    /// What is outstanding and ends only if somebody polls. Those in places that are `vacant` have ended, and are used
    /// again: a new one for each evaluation takes longer than all else that is done here.
    out: Vec<Arc<Held<P>>>,
    vacant: Vec<u32>,
    /// The points of those that are calls for several.
    calls: BTreeMap<u32, Arc<[P]>>,
    /// How many of those who waited were woken and have not come since.
    woken: usize,
    /// Who waits, first come first served; and whether that integral is inside an evaluation that has a slot.
    waiting: BTreeMap<u64, (Waker, bool)>,
    tickets: u64,
}

/// How many of those who wait are woken when a slot is freed, and if nothing is outstanding any more: no other end of
/// an evaluation will wake further ones then. More than one, because one that was woken may be held by its owner and
/// never polled; not all, because ten thousand integrals may wait. Those who were woken and did not come are so many
/// more the next time. Whoever is woken and leaves room passes it on ([`Slots::offer`]).
const WOKEN: usize = 4;
const LAST: usize = 16;

/// When more than one in so many of the evaluations that are outstanding were woken and nobody has polled them, those
/// who wait are woken, to poll them: their integrals may be held and never polled.
const STALE_SHARE: usize = 8;
/// So many of them each polls at a time.
const HELPED: usize = 64;

/// What a slot is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purpose<P: Point = f64> {
    /// Whose evaluation it is, and at which point.
    pub(crate) owner: u64,
    pub(crate) x: P,
    /// Whether it ends only if somebody polls.
    pub(crate) is_polled: bool,
}

/// Room for one evaluation, to be given back once.
#[derive(Clone)]
pub(crate) struct Slot<P: Point = f64>(Arc<Held<P>>);

#[derive(Debug)]
struct Held<P: Point> {
    /// Not an owner: the slots keep those that have ended.
    slots: Weak<Slots<P>>,
    owner: u64,
    x: P,
    /// Its place among those that are polled, or [`NOWHERE`].
    place: u32,
    /// [`IDLE`], [`STALE`] or [`ENDED`].
    due: AtomicU8,
    /// Set while it is lent: the slot of an evaluation that waits for an integral inside it.
    lent: Option<Arc<AtomicBool>>,
}

const NOWHERE: u32 = u32::MAX;

/// There is nothing to poll for; it was woken, and nobody has polled it since; its slot is given back.
const IDLE: u8 = 0;
const STALE: u8 = 1;
const ENDED: u8 = 2;

/// The same, given back when dropped.
#[derive(Debug)]
pub(crate) struct Taken<P: Point = f64>(Slot<P>);

/// The same on a thread that evaluates, from the beginning to the end of the evaluation.
pub(crate) struct AtWork<P: Point = f64> {
    _slot: Taken<P>,
    /// What was at work on the thread when this began.
    outer: Option<(usize, Arc<AtomicBool>)>,
}

thread_locals! {
    /// Of the evaluation at work on this thread: where its slot is from, and whether that is lent.
    static AT_WORK: RefCell<Option<(usize, Arc<AtomicBool>)>> = RefCell::new(None);
}

impl<P: Point> Default for Slots<P> {
    fn default() -> Self {
        let state = State {
            taken: 0,
            out: Vec::new(),
            vacant: Vec::new(),
            calls: BTreeMap::new(),
            woken: 0,
            waiting: BTreeMap::new(),
            tickets: 0,
        };
        Self {
            state: Mutex::new(state),
            stale: AtomicIsize::new(0),
            waiting: AtomicUsize::new(0),
            owners: AtomicU64::new(0),
        }
    }
}

impl<P: Point> State<P> {
    /// Whoever has this ticket is here: if it was woken, it has come.
    fn came(&mut self, ticket: &mut Option<u64>) {
        if ticket.is_some_and(|id| !self.waiting.contains_key(&id)) {
            *ticket = None;
            self.woken -= 1;
        }
    }

    /// Takes some of those who wait longest, to be woken.
    fn take(&mut self, most: usize) -> Vec<Waker> {
        let woken: Vec<Waker> = (0..most).map_while(|_| Some(self.waiting.pop_first()?.1.0)).collect();
        self.woken += woken.len();
        woken
    }
}

impl<P: Point> Slots<P> {
    /// A number for an integral, to tell its evaluations from those of others.
    pub(crate) fn owner(&self) -> u64 {
        // Relaxed: the counter only has to give different numbers.
        self.owners.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The slot of the evaluation at work on this thread: an integral inside that evaluation may use it meanwhile, for one
    /// evaluation at a time.
    fn borrow(&self) -> Option<Arc<AtomicBool>> {
        AT_WORK.with(|at_work| {
            let at_work = at_work.borrow();
            let (_, lent) = at_work.as_ref().filter(|(from, _)| *from == self.address())?;
            // Relaxed: nobody else lends the slot of this thread.
            (!lent.swap(true, Ordering::Relaxed)).then(|| lent.clone())
        })
    }

    /// Whether an evaluation with a slot of these is at work on this thread.
    fn is_at_work(&self) -> bool {
        AT_WORK.with(|at_work| at_work.borrow().as_ref().is_some_and(|(from, _)| *from == self.address()))
    }

    /// A slot that was lent is back: those who wait inside evaluations are woken, one of whom may use it.
    fn returned(&self) {
        let mut state = self.lock();
        let (inside, others): (BTreeMap<_, _>, _) =
            mem::take(&mut state.waiting).into_iter().partition(|(_, (_, inside))| *inside);
        state.waiting = others;
        state.woken += inside.len();
        self.note(&state);
        drop(state);
        inside.into_values().for_each(|(waker, _): (Waker, bool)| waker.wake());
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how many wait.
    fn note(&self, state: &State<P>) {
        // Relaxed: who waits looks for stale evaluations next, and who makes one stale looks here next. Each does it by
        // a step on `stale`, so that one of the two sees the other.
        self.waiting.store(state.waiting.len(), Ordering::Relaxed);
    }

    /// Takes a slot, or has the waker woken when there may be one, and returns how many are taken.
    pub(crate) fn take(
        self: &Arc<Self>,
        concurrency: usize,
        purpose: Purpose<P>,
        ticket: &mut Option<u64>,
        waker: &Waker,
    ) -> Result<Taken<P>, usize> {
        // At least one, or an evaluator that says 0 would hang the integral for ever.
        let room = concurrency.max(1) + usize::from(planted!(13));
        let mut fresh = None;
        loop {
            let mut state = self.lock();
            state.came(ticket);
            if state.taken < room {
                state.taken += 1;
                let held = if purpose.is_polled {
                    self.held_in(&mut state, purpose)
                } else {
                    Arc::new(self.held(purpose, NOWHERE, None))
                };
                return Ok(Taken(Slot(held)));
            }
            if let Some(lent) = self.borrow() {
                return Ok(Taken(Slot(Arc::new(self.held(purpose, NOWHERE, Some(lent))))));
            }
            // Cloned outside the lock: then look again.
            let Some(waker) = fresh.take() else {
                drop(state);
                fresh = Some(waker.clone());
                continue;
            };
            // Once woken, a ticket was spent: behind those who came meanwhile.
            let id = ticket.unwrap_or_else(|| {
                state.tickets += 1;
                state.tickets
            });
            *ticket = Some(id);
            let old = state.waiting.insert(id, (waker, self.is_at_work()));
            self.note(&state);
            let taken = state.taken;
            drop(state);
            drop(old);
            return Err(taken);
        }
    }

    fn held(self: &Arc<Self>, purpose: Purpose<P>, place: u32, lent: Option<Arc<AtomicBool>>) -> Held<P> {
        let (Purpose { owner, x, .. }, due) = (purpose, AtomicU8::new(IDLE));
        Held { slots: Arc::downgrade(self), owner, x, place, due, lent }
    }

    /// In a place of its own among those that are polled: instead of one that has ended, if nobody else knows of that
    /// any more.
    fn held_in(self: &Arc<Self>, state: &mut State<P>, purpose: Purpose<P>) -> Arc<Held<P>> {
        let State { out, vacant, .. } = state;
        let Some(place) = vacant.pop() else {
            let place = u32::try_from(out.len()).expect("fewer evaluations are outstanding than memory holds");
            out.push(Arc::new(self.held(purpose, place, None)));
            return out[place as usize].clone();
        };
        let ended = &mut out[place as usize];
        match Arc::get_mut(ended) {
            Some(held) => (held.owner, held.x, held.due) = (purpose.owner, purpose.x, AtomicU8::new(IDLE)),
            None => *ended = Arc::new(self.held(purpose, place, None)),
        }
        ended.clone()
    }

    /// Wakes those who wait longest, if there is room. Whoever has this ticket waits no more.
    pub(crate) fn offer(&self, concurrency: usize, ticket: &mut Option<u64>) {
        let mut state = self.lock();
        state.came(ticket);
        let waker = ticket.take().and_then(|id| state.waiting.remove(&id));
        self.note(&state);
        self.wake(state, concurrency);
        drop(waker);
    }

    /// Takes a slot back, and wakes those who wait longest.
    #[inline]
    fn free(&self, place: u32) {
        let mut state = self.lock();
        state.taken -= 1;
        if place != NOWHERE {
            if !state.calls.is_empty() {
                state.calls.remove(&place);
            }
            state.vacant.push(place);
        }
        self.wake(state, usize::MAX);
    }

    #[inline]
    fn wake(&self, state: MutexGuard<'_, State<P>>, concurrency: usize) {
        if !state.waiting.is_empty() && state.taken < concurrency.max(1) {
            self.wake_some(state);
        }
    }

    #[cold]
    fn wake_some(&self, mut state: MutexGuard<'_, State<P>>) {
        let least = if state.taken == 0 { LAST } else { WOKEN };
        let most = least.max(state.woken);
        let woken = state.take(most);
        self.note(&state);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    fn is_not_stale(&self) {
        self.stale.fetch_sub(1, Ordering::Relaxed);
    }

    /// An evaluation became stale. Returns who is to be woken, too, as nobody polls what was.
    fn became_stale(&self) -> Vec<Waker> {
        let stale = usize::try_from(self.stale.fetch_add(1, Ordering::AcqRel) + 1).unwrap_or(0);
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let mut state = self.lock();
        if state.waiting.is_empty() || stale * STALE_SHARE < state.taken {
            return Vec::new();
        }
        let many = if stale.is_power_of_two() || stale >= state.taken { WOKEN.max(state.woken) } else { 1 };
        let woken = state.take(many);
        self.note(&state);
        woken
    }

    /// Points of others than this owner whose evaluations were woken, and nobody has polled them since: one point, or
    /// those of one call.
    pub(crate) fn stale(&self, owner: u64) -> Vec<(P, Option<Arc<[P]>>)> {
        // A step, not a look: see `note`.
        if self.stale.fetch_add(0, Ordering::AcqRel) <= 0 {
            return Vec::new();
        }
        let state = self.lock();
        let stale = state.out.iter().filter(|held| held.owner != owner && held.due.load(Ordering::Relaxed) == STALE);
        stale.map(|held| (held.x, state.calls.get(&held.place).cloned())).take(HELPED).collect()
    }
}

impl<P: Point> Slot<P> {
    /// Its evaluation begins on this thread, and ends when what is returned is dropped, there.
    pub(crate) fn at_work(self) -> AtWork<P> {
        let own = (self.0.slots.as_ptr().addr(), Arc::default());
        let outer = AT_WORK.with(|at_work| at_work.replace(Some(own)));
        AtWork { _slot: Taken(self), outer }
    }

    /// Its evaluation was woken, and waits to be polled. Returns who is to be woken, too.
    pub(crate) fn woken(&self) -> Vec<Waker> {
        let Held { slots, due, .. } = &*self.0;
        // Not if it has ended: the slot may have been given back before the evaluation is polled for the last time.
        match due.compare_exchange(IDLE, STALE, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => slots.upgrade().map_or_else(Vec::new, |slots| slots.became_stale()),
            Err(_) => Vec::new(),
        }
    }

    /// Its evaluation is being polled.
    #[inline]
    pub(crate) fn polled(&self) {
        let Held { slots, due, .. } = &*self.0;
        // Most were not woken: to look costs less than a step.
        let is_stale = due.load(Ordering::Relaxed) == STALE;
        if is_stale && due.compare_exchange(STALE, IDLE, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            slots.upgrade().iter().for_each(|slots| slots.is_not_stale());
        }
    }

    /// It is for a call for several points.
    pub(crate) fn is_for(&self, points: &[P]) {
        let Held { slots, place, .. } = &*self.0;
        if *place != NOWHERE && points.len() > 1 {
            let points = points.into();
            slots.upgrade().and_then(|slots| slots.lock().calls.insert(*place, points));
        }
    }

    /// Its evaluation has ended.
    pub(crate) fn give_back(&self) {
        let Held { slots, place, due, lent, .. } = &*self.0;
        // Relaxed: it says only who gives back; what was evaluated is passed on by other means.
        let due = due.swap(ENDED, Ordering::Relaxed);
        if due == ENDED {
            return;
        }
        // All integrals have left, if there are no slots any more.
        let Some(slots) = slots.upgrade() else { return };
        if due == STALE {
            slots.is_not_stale();
        }
        match lent {
            Some(lent) => {
                lent.store(false, Ordering::Relaxed);
                slots.returned();
            }
            None => slots.free(*place),
        }
    }
}

impl<P: Point> fmt::Debug for Slot<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl<P: Point> Taken<P> {
    pub(crate) fn of(&self) -> Slot<P> {
        self.0.clone()
    }

    /// The same, if the evaluation ends only if somebody polls.
    pub(crate) fn of_polled(&self) -> Option<Slot<P>> {
        (self.0.0.place != NOWHERE).then(|| self.of())
    }
}

impl<P: Point> Drop for AtWork<P> {
    fn drop(&mut self) {
        AT_WORK.with(|at_work| at_work.replace(self.outer.take()));
    }
}

impl<P: Point> Drop for Taken<P> {
    fn drop(&mut self) {
        self.0.give_back();
    }
}
