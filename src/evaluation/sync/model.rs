//! The locks, threads and maps of the models.
//!
//! A switch of threads inside foreign code that holds a lock of std's would block the thread that all of them run on. So
//! the wakers of [`block_on`] are of a kind whose clone, wake and drop are no steps of the model; what they let happen
//! is one. What foreign code does between two steps nobody comes in between; each poll is a step, so that polls come in
//! all orders.

mod map;

#[cfg(coquad_loom)]
use std::future::Future;

#[cfg(coquad_loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicIsize, AtomicU8, AtomicUsize},
    sync::{Mutex, MutexGuard},
    thread,
};
#[cfg(coquad_shuttle)]
pub(crate) use shuttle::{
    future::block_on,
    sync::atomic::{AtomicIsize, AtomicU8, AtomicUsize},
    sync::{Mutex, MutexGuard},
    thread,
};

pub(crate) use self::map::{DashMap, Entry};

/// A thread.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Here(thread::ThreadId);

impl Here {
    pub(crate) fn new() -> Self {
        Self(thread::current().id())
    }
}

macro_rules! thread_locals {
    ($($(#[$doc:meta])* static $name:ident: $type:ty = $value:expr;)*) => {
        #[cfg(coquad_loom)]
        loom::thread_local! { $($(#[$doc])* static $name: $type = $value;)* }
        #[cfg(coquad_shuttle)]
        shuttle::thread_local! { $($(#[$doc])* static $name: $type = $value;)* }
    };
}
pub(crate) use thread_locals;

#[cfg(coquad_loom)]
std::thread_local! {
    /// What every step touches, so that loom takes none for independent of another. One for each execution.
    static STEPS: std::cell::Cell<Option<&'static loom::sync::atomic::AtomicUsize>> = const { std::cell::Cell::new(None) };
}

/// At the beginning of each execution.
#[cfg(coquad_loom)]
pub(crate) fn begin() {
    // Leaked, some bytes each: threads may outlive the one that the execution began with.
    STEPS.set(Some(Box::leak(Box::new(loom::sync::atomic::AtomicUsize::new(0)))));
}

/// A point at which any other thread may come first.
#[cfg(coquad_loom)]
pub(crate) fn step() {
    let steps = STEPS.get().expect("an execution has begun");
    steps.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
}

/// A point at which any other thread may come first.
#[cfg(coquad_shuttle)]
pub(crate) fn step() {
    thread::yield_now();
}

/// As loom's own, but for its wakers, whose clones are steps of the model.
#[cfg(coquad_loom)]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};

    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Running,
        Woken,
        Parked,
    }

    struct Sleeper {
        thread: thread::Thread,
        state: std::sync::Mutex<State>,
    }

    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {
            let mut state = self.state.lock().expect("nothing panics under the lock");
            // To unpark a thread that waits for a lock instead would let it have the lock.
            if std::mem::replace(&mut *state, State::Woken) == State::Parked {
                *state = State::Running;
                self.thread.unpark();
            }
        }
    }

    let sleeper = Arc::new(Sleeper { thread: thread::current(), state: std::sync::Mutex::new(State::Running) });
    let waker = Waker::from(Arc::clone(&sleeper));
    let mut future = std::pin::pin!(future);
    loop {
        step();
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        let woken = {
            let mut state = sleeper.state.lock().expect("nothing panics under the lock");
            let woken = *state == State::Woken;
            *state = if woken { State::Running } else { State::Parked };
            woken
        };
        if !woken {
            thread::park();
        }
    }
}
