//! What threads share, and the threads themselves: those of std, or in models those of a tool that runs through the
//! orders in which threads can take their steps.
//!
//! INVARIANT: the cell of a pending point, the slots of the dispatch, the host of an integral and the pool take locks
//! and threads from here alone, so that the models are of the code itself. `Arc` is std's in models too, since wakers
//! are made of it, and so are counters and flags that order nothing. docs/TESTING.md says how models are run.

#[cfg(not(all(test, any(coquad_loom, coquad_shuttle))))]
mod real {
    use std::num::NonZeroUsize;
    use std::ptr::NonNull;
    pub(crate) use std::sync::atomic::{AtomicIsize, AtomicU8, AtomicUsize};
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use std::thread;

    pub(crate) use dashmap::DashMap;
    pub(crate) use dashmap::mapref::entry::Entry;
    // Not that of futures, which refuses to be nested.
    pub(crate) use futures_lite::future::block_on;

    std::thread_local! {
        static HERE: u8 = const { 0 };
    }

    /// A thread, as long as it runs. Its place in memory costs less than its number.
    #[derive(Clone, Copy, PartialEq)]
    pub(crate) struct Here(NonZeroUsize);

    impl Here {
        #[inline]
        pub(crate) fn new() -> Self {
            HERE.with(|here| Self(NonNull::from(here).addr()))
        }
    }

    /// Where a model may let another thread come first.
    #[inline(always)]
    pub(crate) fn step() {}

    macro_rules! thread_locals {
        ($($(#[$doc:meta])* static $name:ident: $type:ty = $value:expr;)*) => {
            std::thread_local! { $($(#[$doc])* static $name: $type = const { $value };)* }
        };
    }
    pub(crate) use thread_locals;
}

#[cfg(not(all(test, any(coquad_loom, coquad_shuttle))))]
pub(crate) use real::*;

#[cfg(all(test, any(coquad_loom, coquad_shuttle)))]
mod model;

#[cfg(all(test, any(coquad_loom, coquad_shuttle)))]
pub(crate) use model::*;
