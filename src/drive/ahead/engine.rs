//! The future of an estimate.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Ahead;
use crate::error::Error;
use crate::estimate::Estimate;
use crate::numerics::method::Method;
use crate::numerics::run::Run;
use crate::numerics::run::finish::ended;
use crate::numerics::space::{Lays, Placed, Space};
use crate::numerics::value::Value;

/// An integral whose values are on their way: the future of its estimate.
pub(crate) struct Engine<T: Value, M: Method, P: Placed = f64> {
    /// `None` once it has ended.
    run: Option<Run<T, M, usize>>,
    source: Ahead<T, M, P>,
}

// Nothing in it is pinned.
impl<T: Value, P: Placed, M: Method> Unpin for Engine<T, M, P> {}

impl<T: Value, P: Placed, M: Lays<P>> Engine<T, M, P> {
    pub(crate) fn new(run: Run<T, M, usize>, source: Ahead<T, M, P>) -> Self {
        Self { run: Some(run), source }
    }
}

impl<T: Value, P: Placed, M: Lays<P>> Future for Engine<T, M, P> {
    type Output = Result<Estimate<T, P>, Error<T, P>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { run, source } = self.get_mut();
        let verdict = ready!(source.poll(run.as_mut().expect("polled after completion"), cx))?;
        let mut run = run.take().expect("there was one");
        let estimate = source.domain.finish(&mut run, source.ledger.requests, source.performed);
        let goal = run.goal(&estimate);
        Poll::Ready(ended(verdict, estimate, goal, source.ledger.needed))
    }
}
