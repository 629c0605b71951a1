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
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::{fmt, mem};

use super::sync::{Mutex, MutexGuard, thread_locals};

/// How many evaluations are outstanding, and who waits for room.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// Who waits, first come first served; and whether that integral is inside an evaluation that has a slot.
    waiting: BTreeMap<u64, (Waker, bool)>,
    tickets: u64,
}

/// How many of those who wait are woken when a slot is freed. More than one, because one that was woken may be held
/// by its owner and never polled; not all, because ten thousand integrals may wait. Whoever is woken and leaves room
/// passes it on ([`Slots::offer`]).
const WOKEN: usize = 4;

/// Room for one evaluation, to be given back once.
#[derive(Clone)]
pub(crate) struct Slot(Arc<Held>);

struct Held {
    slots: Arc<Slots>,
    is_free: AtomicBool,
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

impl Slots {
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
        let (inside, others) = mem::take(&mut state.waiting).into_iter().partition(|(_, (_, inside))| *inside);
        state.waiting = others;
        drop(state);
        let inside: BTreeMap<u64, (Waker, bool)> = inside;
        inside.into_values().for_each(|(waker, _)| waker.wake());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a slot, or has the waker woken when there may be one.
    pub(crate) fn take(self: &Arc<Self>, concurrency: usize, ticket: &mut Option<u64>, waker: &Waker) -> Option<Taken> {
        let mut fresh = None;
        loop {
            let mut state = self.lock();
            // At least one, or an evaluator that says 0 would hang the integral for ever.
            if state.taken < concurrency.max(1) + usize::from(planted!(13)) {
                state.taken += 1;
                drop(state);
                return Some(Taken::new(self.clone(), None));
            }
            if let Some(lent) = self.borrow() {
                drop(state);
                return Some(Taken::new(self.clone(), Some(lent)));
            }
            // Cloned outside the lock: then look again.
            let Some(waker) = fresh.take() else {
                drop(state);
                fresh = Some(waker.clone());
                continue;
            };
            // Once woken, a ticket is spent: behind those who came meanwhile.
            let id = ticket.filter(|id| state.waiting.contains_key(id)).unwrap_or_else(|| {
                state.tickets += 1;
                state.tickets
            });
            *ticket = Some(id);
            let old = state.waiting.insert(id, (waker, self.is_at_work()));
            drop(state);
            drop(old);
            return None;
        }
    }

    /// Wakes those who wait longest, if there is room.
    pub(crate) fn offer(&self, concurrency: usize) {
        self.free(0, concurrency);
    }

    /// Takes slots back, and wakes those who wait longest if there is room then.
    fn free(&self, slots: usize, concurrency: usize) {
        let mut state = self.lock();
        state.taken -= slots;
        if state.waiting.is_empty() || state.taken >= concurrency.max(1) {
            return;
        }
        let woken: Vec<Waker> = (0..WOKEN).map_while(|_| Some(state.waiting.pop_first()?.1.0)).collect();
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn cancel(&self, ticket: u64) {
        // Bound to a name, so that the waker is dropped after the lock is released.
        let _waker = self.lock().waiting.remove(&ticket);
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
                None => self.0.slots.free(1, usize::MAX),
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
    fn new(slots: Arc<Slots>, lent: Option<Arc<AtomicBool>>) -> Self {
        Self(Slot(Arc::new(Held { slots, is_free: AtomicBool::new(false), lent })))
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
