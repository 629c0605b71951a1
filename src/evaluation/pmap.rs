//! Runs futures together and returns their results in the order of their inputs.
//!
//! INVARIANT: nothing here is limited by the stack. A tree of recursive calls is polled and dropped level by level on
//! a stack that grows (`stacker`), and woken by a loop, not by recursion, so its depth is limited by memory alone.
//!
//! Rejected: `futures::future::join_all` under `stacker`. Up to 30 children it polls every child whenever one is
//! woken, so a tree of n leaves costs n^2 polls; above, and in `FuturesUnordered`, a wake climbs the tree by
//! recursion, on the stack of whichever thread wakes, and overflows it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Stack that a level may count on, for itself and for what it calls before the next level looks again: the user's
/// `async` bodies in a debug build, and an integrand that is called in place.
const RED_ZONE: usize = 128 * 1024;

/// By how much the stack grows: some thousand levels in a release build. Pages that are not touched cost nothing.
const SEGMENT: usize = 1024 * 1024;

/// Applies `f` to all of `xs` at once and returns the results in the order of `xs`.
///
/// The futures run concurrently inside the one that awaits them: they need not be `'static`, nor `Send` unless the
/// whole must be. They overlap where they wait, for a [`ThreadPool`](crate::ThreadPool) say; computing in their own
/// bodies they take turns.
///
/// # Recursion
///
/// A function that calls itself through `pmap` returns a boxed future, here and in every such function:
///
/// ```
/// use std::pin::Pin;
///
/// use coquad::{ThreadPool, pmap};
///
/// /// Adds the numbers from `a` to `b`, by halves.
/// fn sum(pool: &ThreadPool, a: u64, b: u64) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
///     Box::pin(async move {
///         if b - a == 1 {
///             return pool.run(move || a).await;
///         }
///         let c = (a + b) / 2;
///         pmap(|(a, b)| sum(pool, a, b), [(a, c), (c, b)]).await.into_iter().sum()
///     })
/// }
///
/// let pool = ThreadPool::new(1); // One thread is enough: nobody waits on it.
/// assert_eq!(futures::executor::block_on(sum(&pool, 0, 1000)), 499_500);
/// ```
///
/// The depth is limited by memory, not by the stack, also where a tree is dropped half-way or unwinds: 2,100 levels,
/// the deepest bisection that `f64` allows, run on a stack of 256 KiB, and 10^6 levels on any stack, at about 870
/// bytes a level, heap and stack together (2,400 in a debug build). A recursion that awaits `Box::pin` directly is
/// polled, and dropped, on the plain stack: with 8 MiB it aborts the process somewhere between 80,000 and 120,000
/// levels (20,000 and 30,000 in a debug build), with the 2 MiB of a spawned thread at a quarter of that.
/// `pmap(f, [x])` in its place has no such limit. `cargo run --release --example pmap_depth` measures all of these,
/// the figures being of Linux on x86-64. Where the stack cannot be grown (WebAssembly), the plain limit holds.
///
/// Each level may count on 128 KiB of stack for its own `async` body and what that calls.
///
/// # Cost
///
/// Two allocations per future. Of the futures only those that were woken are polled, so a wake costs one poll per level
/// above it.
/// Nothing happens before the first poll.
///
/// # Cancellation
///
/// Dropping the future drops all that are unfinished.
///
/// # Panics
///
/// If `f` or one of the futures panics, the panic goes on in the caller; the others are dropped with this future.
///
/// # Examples
///
/// ```
/// # futures::executor::block_on(async {
/// async fn work(x: u32) -> u32 {
///     x * x
/// }
///
/// let ys: Vec<u32> = coquad::pmap(|x| async move { work(x).await }, [1, 2, 3]).await;
/// assert_eq!(ys, [1, 4, 9]);
/// # });
/// ```
pub async fn pmap<F, I, Fut>(f: F, xs: I) -> Vec<Fut::Output>
where
    F: FnMut(I::Item) -> Fut,
    I: IntoIterator,
    Fut: Future,
{
    match Children::new(f, xs, Ok::<_, Infallible>).await {
        Ok(ys) => ys,
        Err(never) => match never {},
    }
}

/// Applies `f` to all of `xs` at once and returns the results in the order of `xs`, or the first failure.
///
/// As [`pmap`], recursion included, but it ends with the first failure that it sees and drops the futures that are
/// unfinished. Which failure that is depends on which future fails first; where several have failed by the time they
/// are polled again, it is the first of these in the order of `xs`.
///
/// # Cost
///
/// As that of [`pmap`].
///
/// # Cancellation
///
/// Dropping the future drops all that are unfinished.
///
/// # Errors
///
/// The failure that was seen first.
///
/// # Panics
///
/// If `f` or one of the futures panics, the panic goes on in the caller; the others are dropped with this future.
///
/// # Examples
///
/// ```
/// # futures::executor::block_on(async {
/// async fn work(x: u32) -> Result<u32, String> {
///     if x == 2 { Err(format!("{x} is not odd")) } else { Ok(x) }
/// }
///
/// let ys: Result<Vec<u32>, String> = coquad::try_pmap(|x| async move { work(x).await }, [1, 3, 5]).await;
/// assert_eq!(ys, Ok(vec![1, 3, 5]));
/// let ys = coquad::try_pmap(|x| async move { work(x).await }, [1, 2, 3]).await;
/// assert_eq!(ys, Err("2 is not odd".to_string()));
/// # });
/// ```
pub async fn try_pmap<F, I, Fut, T, E>(f: F, xs: I) -> Result<Vec<T>, E>
where
    F: FnMut(I::Item) -> Fut,
    I: IntoIterator,
    Fut: Future<Output = Result<T, E>>,
{
    Children::new(f, xs, |result| result).await
}

/// The futures of one call, and those of their results that are there.
struct Children<Fut, T, J> {
    children: Vec<Child<Fut, T>>,
    unfinished: usize,
    /// Empty: kept for its allocation, which takes turns with that in the roster.
    batch: Vec<usize>,
    roster: Arc<Roster>,
    /// Makes a child's output a success or a failure.
    judge: J,
}

enum Child<Fut, T> {
    Running { future: Pin<Box<Fut>>, ticket: Arc<Ticket>, waker: Waker },
    Done(T),
}

/// What the wakers of the children share with their parent.
struct Roster {
    state: Mutex<Called>,
}

#[derive(Default)]
struct Called {
    /// The children to poll.
    indices: Vec<usize>,
    /// Whoever polls the parent, from its poll to the first call after it.
    parent: Option<Waker>,
}

/// The waker of one child.
struct Ticket {
    roster: Arc<Roster>,
    index: usize,
    /// Whether `index` is in the roster. Acquire and release by the lock of the roster, under which it is written.
    called: AtomicBool,
}

impl Roster {
    fn lock(&self) -> MutexGuard<'_, Called> {
        // Only vectors and options are moved under the lock, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut called = self.roster.lock();
        if self.called.swap(true, Ordering::Relaxed) {
            return;
        }
        called.indices.push(self.index);
        let parent = called.parent.take();
        drop(called);
        if let Some(parent) = parent {
            wake_in_turn(parent);
        }
    }
}

thread_local! {
    /// The wakers still to be woken by the `wake_in_turn` further up this thread's stack; `None` if there is none.
    static CHAIN: RefCell<Option<Vec<Waker>>> = const { RefCell::new(None) };
}

/// Wakes `waker`, whose `wake` may come back here, as a parent's does: then the one on the stack takes it over. So a
/// wake climbs a tree of any depth on a constant stack.
fn wake_in_turn(waker: Waker) {
    struct EndOfChain;
    impl Drop for EndOfChain {
        fn drop(&mut self) {
            let rest = CHAIN.with(RefCell::take);
            drop(rest); // Not empty only after a waker's panic.
        }
    }

    let mut waker = Some(waker);
    let taken_over = CHAIN.try_with(|chain| match &mut *chain.borrow_mut() {
        Some(chain) => {
            chain.extend(waker.take());
            true
        }
        none => {
            *none = Some(Vec::new());
            false
        }
    });
    let Some(first) = waker else { return };
    if taken_over.is_err() {
        // The thread is ending and its locals are gone.
        return first.wake();
    }
    let _end = EndOfChain;
    let mut next = Some(first);
    while let Some(waker) = next {
        waker.wake();
        next = CHAIN.with(|chain| chain.borrow_mut().as_mut().and_then(Vec::pop));
    }
}

impl<Fut, T, J> Children<Fut, T, J> {
    fn new<X, I: IntoIterator<Item = X>>(mut f: impl FnMut(X) -> Fut, xs: I, judge: J) -> Self {
        let roster = Arc::new(Roster { state: Mutex::default() });
        let children: Vec<_> = xs
            .into_iter()
            .enumerate()
            .map(|(index, x)| {
                let ticket = Arc::new(Ticket { roster: Arc::clone(&roster), index, called: AtomicBool::new(true) });
                let waker = Waker::from(Arc::clone(&ticket));
                Child::Running { future: Box::pin(f(x)), ticket, waker }
            })
            .collect();
        roster.lock().indices = (0..children.len()).collect();
        Self { unfinished: children.len(), children, batch: Vec::new(), roster, judge }
    }
}

// The children are boxed: nothing is pinned in here.
impl<Fut, T, J> Unpin for Children<Fut, T, J> {}

impl<Fut, T, J, E> Future for Children<Fut, T, J>
where
    Fut: Future,
    J: Fn(Fut::Output) -> Result<T, E>,
{
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        stacker::maybe_grow(RED_ZONE, SEGMENT, || self.poll_called(cx))
    }
}

impl<Fut, T, J> Children<Fut, T, J> {
    fn poll_called<E>(&mut self, cx: &mut Context<'_>) -> Poll<Result<Vec<T>, E>>
    where
        Fut: Future,
        J: Fn(Fut::Output) -> Result<T, E>,
    {
        // The waker first: a child called after its poll then finds whom to wake. It is cloned and the old one dropped
        // outside the lock, for both may run code of the executor's.
        let parent = cx.waker().clone();
        let mut called = self.roster.lock();
        let old = called.parent.replace(parent);
        let mut batch = mem::replace(&mut called.indices, mem::take(&mut self.batch));
        drop(called);
        drop(old);
        // Of several failures the first in the order of the inputs is to be seen first.
        if !planted!(30) {
            batch.sort_unstable();
        }
        for index in batch.drain(..) {
            let child = &mut self.children[index];
            let Child::Running { future, ticket, waker } = child else { continue };
            // Before the poll: a call during it counts.
            {
                let _called = ticket.roster.lock();
                ticket.called.store(false, Ordering::Relaxed);
            }
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(waker)) {
                match (self.judge)(output) {
                    Ok(y) => *child = Child::Done(y),
                    Err(error) => {
                        self.release();
                        return Poll::Ready(Err(error));
                    }
                }
                self.unfinished -= 1;
            }
        }
        self.batch = batch;
        if self.unfinished > 0 {
            return Poll::Pending;
        }
        let children = mem::take(&mut self.children).into_iter();
        let ys = children.map(|child| match child {
            Child::Done(y) => y,
            Child::Running { .. } => unreachable!("none is unfinished"),
        });
        Poll::Ready(Ok(ys.collect()))
    }

    /// Drops the children.
    fn release(&mut self) {
        // Wakers of this tree may outlive it. Cut off from its parent, none of them keeps, and none drops, a chain.
        let parent = self.roster.lock().parent.take();
        drop(parent);
        drop(mem::take(&mut self.children));
    }
}

impl<Fut, T, J> Drop for Children<Fut, T, J> {
    fn drop(&mut self) {
        stacker::maybe_grow(RED_ZONE, SEGMENT, || self.release());
    }
}

#[cfg(test)]
mod tests;
