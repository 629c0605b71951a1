//! The time limit of one call: the only end of an integral that is not the same on every run.

use std::pin::Pin;
use std::task::Context;
use std::time::{Duration, Instant};

use futures_timer::Delay;

/// A moment, and a timer that wakes whoever waits for it.
#[derive(Debug)]
pub(crate) struct Limit {
    at: Instant,
    timer: Delay,
}

impl Limit {
    /// The limit that is so far from now, or none if that is further than clocks go.
    pub(crate) fn new(time: Duration) -> Option<Self> {
        let at = Instant::now().checked_add(time)?;
        Some(Self { at, timer: Delay::new(time) })
    }

    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.at
    }

    /// Has the task woken when it is over.
    pub(crate) fn wake(&mut self, cx: &mut Context<'_>) {
        let _ = Pin::new(&mut self.timer).poll(cx);
    }
}
