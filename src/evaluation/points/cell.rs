//! One pending point: how far its evaluation is, who waits for it, how it ends.

use std::mem;
use std::sync::{Arc, PoisonError};
use std::task::{Wake, Waker};

use futures::future::BoxFuture;

use crate::error::EvaluationError;
use crate::evaluation::points::sleepers::Sleepers;
use crate::evaluation::slots::Slot;
use crate::evaluation::sync::Here;
use crate::evaluation::sync::{Mutex, MutexGuard};
use crate::point::Point;

/// How an evaluation ended.
pub(crate) type Outcome<T> = Result<T, EvaluationError>;

/// An evaluation that any holder may drive.
pub(crate) type SharedEvaluation<T> = BoxFuture<'static, Outcome<T>>;

/// The thread that polls a call for several points.
#[derive(Clone, Default)]
pub(crate) struct CallDriver(Arc<Mutex<Option<Here>>>);

impl CallDriver {
    pub(crate) fn set(&self, driver: Option<Here>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = driver;
    }

    /// Whether it is this one.
    pub(crate) fn is_here(&self) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == Some(Here::new())
    }
}

/// What all holders of a pending point share. The cache's map refers to it while the point is pending.
pub(crate) struct Pending<T, P: Point = f64> {
    pub(super) state: Mutex<State<T, P>>,
}

pub(super) struct State<T, P: Point = f64> {
    pub(super) stage: Stage<T>,
    /// How many [`Seat`](super::flight::Seat)s there are.
    pub(super) holders: usize,
    /// The number of the next seat.
    pub(super) next_seat: u32,
    pub(super) sleepers: Sleepers,
    /// The slot of the shared evaluation, where it is noted that this was woken, and is polled.
    pub(super) slot: Option<Slot<P>>,
    /// The call that it is a part of.
    pub(super) call: Option<CallDriver>,
    /// The thread inside the evaluation's `poll`, to tell an evaluation that waits for itself.
    pub(super) driver: Option<Here>,
}

pub(super) enum Stage<T> {
    /// Nobody evaluates. Set at the start and by a leader that gives up; the next holder polled takes the lead
    /// (`Led`) or puts in an evaluation of its own (`Driven`).
    Vacant,
    /// A leader drives a future that only it can poll. Then `Vacant` or `Landed`.
    Led,
    /// A shared evaluation waits to be woken. Then `Driven`, or `Landed` by `PointCache::insert`.
    Parked(SharedEvaluation<T>),
    /// A holder is creating or polling the shared evaluation; `woken` when it was woken meanwhile. Then `Parked` or
    /// `Landed`.
    Driven { woken: bool },
    /// Over. The outcome is kept for the holders that are left, `None` if there are none. Final.
    Landed(Option<Outcome<T>>),
    /// The last holder left before the end. Final: who finds it in the map replaces it.
    Abandoned,
}

impl<T, P: Point> State<T, P> {
    /// The shared evaluation was woken. Returns who else is to be woken.
    pub(super) fn woken(&mut self) -> Vec<Waker> {
        match (&self.stage, &self.slot) {
            (Stage::Parked(_), Some(slot)) => slot.woken(),
            _ => Vec::new(),
        }
    }
}

impl<T, P: Point> Pending<T, P> {
    /// A point that nobody evaluates yet, with one holder.
    #[inline]
    pub(super) fn new(stage: Stage<T>) -> Arc<Self> {
        let state = State {
            stage,
            holders: 1,
            next_seat: 1,
            sleepers: Sleepers::default(),
            slot: None,
            call: None,
            driver: None,
        };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// A point that this thread evaluates at once.
    pub(crate) fn led() -> Arc<Self> {
        let pending = Self::new(Stage::Led);
        pending.lock().driver = Some(Here::new());
        pending
    }

    /// Whether nobody knows of a [`led`](Self::led) flight that the map does not know of.
    pub(crate) fn is_unheard_of(self: &mut Arc<Self>) -> bool {
        Arc::get_mut(self).is_some_and(|pending| {
            let state = pending.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            matches!(state.stage, Stage::Led)
        })
    }

    /// Counts a further holder, unless the flight is over. Returns the number of its seat, and whether the evaluation,
    /// if any, is its leader's.
    pub(super) fn hold(&self) -> Option<(u32, bool)> {
        let mut state = self.lock();
        if matches!(state.stage, Stage::Landed(_) | Stage::Abandoned) {
            return None;
        }
        let led = matches!(state.stage, Stage::Led | Stage::Vacant);
        let number = state.next_seat;
        state.next_seat += 1;
        state.holders += 1;
        Some((number, led))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<T, P>> {
        // No user code runs under the lock, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the flight, unless it has ended, and wakes everybody. The first outcome wins.
    ///
    /// Called when the map no longer refers to the flight, so the number of holders can only fall.
    pub(super) fn land(&self, outcome: impl FnOnce() -> Outcome<T>, holders_served: usize) -> bool {
        let mut state = self.lock();
        let mut kept = None;
        if state.holders > holders_served {
            // The copy of a value is the user's: not under the lock.
            drop(state);
            kept = Some(outcome());
            state = self.lock();
        }
        if matches!(state.stage, Stage::Landed(_) | Stage::Abandoned) {
            drop(state);
            return false;
        }
        let old = mem::replace(&mut state.stage, Stage::Landed(kept));
        let sleepers = state.sleepers.take();
        drop(state);
        if let Some(sleepers) = sleepers {
            sleepers.wake();
        }
        drop(old);
        true
    }
}

// Wakes every holder, because any of them may be the one that is still polled.
impl<T: Send + 'static, P: Point> Wake for Pending<T, P> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.lock();
        if let Stage::Driven { woken } = &mut state.stage {
            // Nobody could drive it now; whoever does sees this when it pauses.
            *woken = true;
            return;
        }
        let sleepers = mem::take(&mut state.sleepers);
        let others = state.woken();
        drop(state);
        sleepers.wake();
        others.into_iter().for_each(Waker::wake);
    }
}
