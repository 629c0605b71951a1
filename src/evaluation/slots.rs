//! Room for evaluations: never more than so many outstanding, over all integrals of an integrator.
//!
//! INVARIANT: a slot belongs to an evaluation, and is free when that has ended: when its future has, or when the thread or
//! process that evaluates has, whichever comes first. An integral that is held and not polled keeps none that has ended
//! on a thread.
//!
//! INVARIANT: no user code runs under the lock of the state. Wakers are cloned, woken and dropped outside: dropping one may
//! drop a whole task, and with it another integral that gives its slots back.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::{fmt, mem};

use super::sync::{Mutex, MutexGuard, thread_locals};

/// How many evaluations are outstanding, and who waits for room.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    state: Mutex<State>,
    owners: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// Of what is outstanding and ends only if somebody polls: whose it is, and which point. Slots that are free are
    /// `vacant`.
    out: Vec<(u64, f64)>,
    vacant: Vec<usize>,
    /// Where to look next among those, and how many integrals do.
    next: usize,
    helpers: usize,
    /// How many were woken and have not come since.
    woken: usize,
    /// Who waits, first come first served; and whether that integral is inside an evaluation that has a slot.
    waiting: BTreeMap<u64, (Waker, bool)>,
    tickets: u64,
}

/// How many of those who wait are woken when a slot is freed, and if nothing is outstanding any more: no other end of an
/// evaluation will wake further ones then. More than one, because one that was woken may be held by its owner and never
/// polled; not all, because ten thousand integrals may wait. Those who were woken and did not come are so many more the
/// next time. Whoever is woken and leaves room passes it on ([`Slots::offer`]).
const WOKEN: usize = 4;
const LAST: usize = 16;

/// How many of those who wait poll evaluations of others meanwhile, and how many each.
/// An integral that is held and not polled holds up nobody so: whoever waits for its slots polls what it has begun.
const HELPERS: usize = 16;
pub(crate) const HELPED: usize = 64;

/// What a slot is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purpose {
    /// Whose evaluation it is, and at which point.
    pub(crate) owner: u64,
    pub(crate) x: f64,
    /// Whether it ends only if somebody polls.
    pub(crate) is_polled: bool,
}

/// Room for one evaluation, to be given back once.
#[derive(Clone)]
pub(crate) struct Slot(Arc<Held>);

struct Held {
    slots: Arc<Slots>,
    is_free: AtomicBool,
    /// Its place among those that are polled.
    place: Option<usize>,
    /// Set while it is lent: the slot of an evaluation that waits for an integral inside it.
    lent: Option<Arc<AtomicBool>>,
}

/// The same, given back when dropped.
#[derive(Debug)]
pub(crate) struct Taken(Slot);

/// The same on a thread that evaluates, from the beginning to the end of the evaluation.
pub(crate) struct AtWork {
    _slot: Taken,
    /// What was at work on the thread when this began.
    outer: Option<(usize, Arc<AtomicBool>)>,
}

thread_locals! {
    /// Of the evaluation at work on this thread: where its slot is from, and whether that is lent.
    static AT_WORK: RefCell<Option<(usize, Arc<AtomicBool>)>> = RefCell::new(None);
}

/// Whose a vacant place is.
const NOBODY: u64 = 0;

impl State {
    /// Whoever has this ticket is here: if it was woken, it has come.
    fn came(&mut self, ticket: &mut Option<u64>) {
        if ticket.is_some_and(|id| !self.waiting.contains_key(&id)) {
            *ticket = None;
            self.woken -= 1;
        }
    }

    /// Notes what is outstanding.
    fn enter(&mut self, Purpose { owner, x, .. }: Purpose) -> usize {
        match self.vacant.pop() {
            Some(place) => {
                self.out[place] = (owner, x);
                place
            }
            None => {
                self.out.push((owner, x));
                self.out.len() - 1
            }
        }
    }
}

impl Slots {
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
        drop(state);
        inside.into_values().for_each(|(waker, _): (Waker, bool)| waker.wake());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a slot, or has the waker woken when there may be one, and returns how many are taken.
    pub(crate) fn take(
        self: &Arc<Self>,
        concurrency: usize,
        purpose: Purpose,
        ticket: &mut Option<u64>,
        waker: &Waker,
    ) -> Result<Taken, usize> {
        // At least one, or an evaluator that says 0 would hang the integral for ever.
        let room = concurrency.max(1) + usize::from(planted!(13));
        let mut fresh = None;
        loop {
            let mut state = self.lock();
            state.came(ticket);
            if state.taken < room {
                state.taken += 1;
                let place = purpose.is_polled.then(|| state.enter(purpose));
                drop(state);
                return Ok(Taken::new(Held { slots: self.clone(), is_free: false.into(), place, lent: None }));
            }
            if let Some(lent) = self.borrow() {
                drop(state);
                let (slots, lent) = (self.clone(), Some(lent));
                return Ok(Taken::new(Held { slots, is_free: false.into(), place: None, lent }));
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
            let taken = state.taken;
            drop(state);
            drop(old);
            return Err(taken);
        }
    }

    /// Wakes those who wait longest, if there is room. Whoever has this ticket waits no more.
    pub(crate) fn offer(&self, concurrency: usize, ticket: &mut Option<u64>) {
        let mut state = self.lock();
        state.came(ticket);
        let waker = ticket.take().and_then(|id| state.waiting.remove(&id));
        self.wake(state, concurrency);
        drop(waker);
    }

    /// Takes a slot back, and wakes those who wait longest.
    fn free(&self, held: &Held) {
        let mut state = self.lock();
        state.taken -= 1;
        if let Some(place) = held.place {
            state.out[place].0 = NOBODY;
            state.vacant.push(place);
        }
        self.wake(state, usize::MAX);
    }

    fn wake(&self, mut state: MutexGuard<'_, State>, concurrency: usize) {
        if state.waiting.is_empty() || state.taken >= concurrency.max(1) {
            return;
        }
        let least = if state.taken == 0 { LAST } else { WOKEN };
        let many = least.max(state.woken).min(state.waiting.len());
        let woken: Vec<Waker> = (0..many).map_while(|_| Some(state.waiting.pop_first()?.1.0)).collect();
        state.woken += woken.len();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Lets an integral that waits poll evaluations of others meanwhile, unless enough do.
    pub(crate) fn help(&self) -> bool {
        let mut state = self.lock();
        let may = state.helpers < HELPERS;
        state.helpers += usize::from(may);
        may
    }

    /// It does so no more: others who wait may take its place.
    pub(crate) fn stop_helping(&self) {
        let mut state = self.lock();
        state.helpers -= 1;
        self.wake(state, usize::MAX);
    }

    /// Appends points that others than this owner have outstanding.
    pub(crate) fn others(&self, owner: u64, into: &mut Vec<f64>) {
        let mut state = self.lock();
        for _ in 0..state.out.len() {
            if into.len() >= HELPED {
                break;
            }
            state.next = (state.next + 1) % state.out.len();
            let (whose, x) = state.out[state.next];
            if whose != owner && whose != NOBODY {
                into.push(x);
            }
        }
    }
}

impl Slot {
    /// Its evaluation begins on this thread, and ends when what is returned is dropped, there.
    pub(crate) fn at_work(self) -> AtWork {
        let own = (self.0.slots.address(), Arc::default());
        let outer = AT_WORK.with(|at_work| at_work.replace(Some(own)));
        AtWork { _slot: Taken(self), outer }
    }

    /// Its evaluation has ended.
    pub(crate) fn give_back(&self) {
        // Relaxed: it says only who gives back; what was evaluated is passed on by other means.
        if !self.0.is_free.swap(true, Ordering::Relaxed) {
            match &self.0.lent {
                Some(lent) => {
                    lent.store(false, Ordering::Relaxed);
                    self.0.slots.returned();
                }
                None => self.0.slots.free(&self.0),
            }
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl Taken {
    fn new(held: Held) -> Self {
        Self(Slot(Arc::new(held)))
    }

    pub(crate) fn of(&self) -> Slot {
        self.0.clone()
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        AT_WORK.with(|at_work| at_work.replace(self.outer.take()));
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.give_back();
    }
}
