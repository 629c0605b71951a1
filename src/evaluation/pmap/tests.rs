//! Order, failure, cancellation, and depth: on a small stack, half-built, woken from another thread.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::AtomicUsize;
use std::thread;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{BoxFuture, pending, ready};
use futures::task::noop_waker;
use futures_util::poll;

use super::*;
use crate::evaluation::pool::threads::ThreadPool;

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(&noop_waker()))
}

/// As deep as the deepest bisection of f64.
const DEEPEST: usize = if cfg!(miri) { 100 } else { 2100 };

/// A chain of `depth` levels with a leaf beside each, which ends when `leaf` does.
fn chain(depth: usize, leaf: BoxFuture<'static, usize>) -> BoxFuture<'static, usize> {
    Box::pin(async move {
        if depth == 0 {
            return leaf.await;
        }
        let mut leaf = Some(leaf);
        let below = |side: usize| if side == 0 { ready(1).boxed() } else { chain(depth - 1, leaf.take().unwrap()) };
        pmap(below, [0, 1]).await.into_iter().sum()
    })
}

fn on_small_stack(f: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(256 * 1024).spawn(f).unwrap().join().unwrap();
}

#[test]
fn futures_are_send_when_their_parts_are() {
    fn check<X: Send>(_: &X) {}
    check(&pmap(|x: f64| async move { x }, vec![1.0]));
    check(&try_pmap(|x: f64| async move { Ok::<_, String>(x) }, [1.0]));
}

#[test]
fn results_are_in_the_order_of_inputs() {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..5).map(|_| oneshot::channel::<usize>()).unzip();
    let mut all = Box::pin(pmap(|receiver| async { receiver.await.unwrap() }, receivers));
    assert!(poll_once(&mut all).is_pending());
    for (i, sender) in senders.into_iter().enumerate().rev() {
        sender.send(i).unwrap();
        let polled = poll_once(&mut all);
        assert_eq!(polled, if i > 0 { Poll::Pending } else { Poll::Ready(vec![0, 1, 2, 3, 4]) });
    }
}

#[test]
fn nothing_to_do_is_done_at_once() {
    assert_eq!(pmap(|x: i32| async move { x }, []).now_or_never(), Some(vec![]));
    assert_eq!(try_pmap(ready::<Result<i32, String>>, []).now_or_never(), Some(Ok(vec![])));
}

#[test]
fn parts_may_borrow_and_stay_on_their_thread() {
    let sum = Rc::new(Cell::new(0));
    let xs = [1, 2, 3];
    let doubled = block_on(pmap(
        |x| {
            let sum = &sum;
            async move {
                sum.set(sum.get() + *x);
                2 * x
            }
        },
        &xs,
    ));
    assert_eq!((doubled, sum.get()), (vec![2, 4, 6], 6));
}

#[test]
fn all_run_at_the_same_time() {
    // Each waits for the one after it.
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..100).map(|_| oneshot::channel::<()>()).unzip();
    let mut receivers = receivers.into_iter();
    let first = receivers.next().unwrap();
    let waits = receivers.map(Some).chain([None]);
    block_on(pmap(
        |(sender, receiver): (oneshot::Sender<()>, Option<oneshot::Receiver<()>>)| async move {
            if let Some(receiver) = receiver {
                receiver.await.unwrap();
            }
            sender.send(()).unwrap();
        },
        senders.into_iter().zip(waits),
    ));
    assert_eq!(block_on(first), Ok(()));
}

#[test]
fn only_what_was_woken_is_polled() {
    let polls = Cell::new(0);
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..100).map(|_| oneshot::channel::<()>()).unzip();
    let counted = |mut receiver: oneshot::Receiver<()>| {
        let polls = &polls;
        std::future::poll_fn(move |cx| {
            polls.set(polls.get() + 1);
            receiver.poll_unpin(cx)
        })
    };
    let mut all = Box::pin(pmap(counted, receivers));
    assert!(poll_once(&mut all).is_pending());
    for sender in senders {
        sender.send(()).unwrap();
        let _ = poll_once(&mut all);
    }
    assert_eq!(polls.get(), 200);
}

#[test]
fn first_failure_ends_it_and_drops_the_rest() {
    let held = Rc::new(());
    let work = |i| {
        let held = Rc::clone(&held);
        async move {
            let _held = held;
            if i == 2 { Err("two") } else { pending().await }
        }
    };
    let mut all = Box::pin(try_pmap(work, 0..5));
    assert_eq!(poll_once(&mut all), Poll::Ready(Err::<Vec<()>, _>("two")));
    drop(all);
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn of_failures_seen_together_the_first_input_counts() {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..5).map(|_| oneshot::channel::<()>()).unzip();
    let fail = |(i, receiver): (usize, oneshot::Receiver<()>)| async move {
        receiver.await.unwrap();
        Err::<(), _>(i)
    };
    let mut all = Box::pin(try_pmap(fail, receivers.into_iter().enumerate()));
    assert!(poll_once(&mut all).is_pending());
    let mut senders = senders.into_iter();
    let first = senders.next();
    for sender in senders.rev() {
        sender.send(()).unwrap();
    }
    assert_eq!(poll_once(&mut all), Poll::Ready(Err(1)));
    drop(first);
}

#[test]
fn a_panic_goes_on_in_the_caller() {
    let held = Rc::new(());
    let work = |i| {
        let held = Rc::clone(&held);
        async move {
            let _held = held;
            if i == 2 { panic!("two") } else { pending::<()>().await }
        }
    };
    assert!(catch_unwind(AssertUnwindSafe(|| block_on(pmap(work, 0..5)))).is_err());
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn a_wake_during_the_poll_is_not_lost() {
    let twice = |n| async move {
        for _ in 0..n {
            futures_util::pending!(); // Polled again only if woken.
        }
    };
    let mut all = Box::pin(pmap(twice, [1]));
    assert!(poll_once(&mut all).is_pending());
    assert!(poll_once(&mut all).is_pending());
    block_on(pmap(
        |n| async move {
            for _ in 0..n {
                futures_lite::future::yield_now().await
            }
        },
        0..10,
    ));
}

#[test]
fn deepest_bisection_is_built_and_finished_on_a_small_stack() {
    on_small_stack(|| assert_eq!(block_on(chain(DEEPEST, ready(0).boxed())), DEEPEST));
}

#[test]
fn deepest_bisection_is_dropped_half_way_on_a_small_stack() {
    on_small_stack(|| {
        let mut half = chain(DEEPEST, pending().boxed());
        assert!(poll_once(&mut half).is_pending());
        drop(half);
    });
}

#[test]
fn deep_wakes_climb_on_a_small_stack() {
    let depth = if cfg!(miri) { 200 } else { 20_000 };
    let (sender, receiver) = oneshot::channel();
    let (built, wait_built) = oneshot::channel();
    let all = thread::spawn(move || {
        block_on(async {
            let mut all = chain(depth, async { receiver.await.unwrap() }.boxed());
            assert!(poll!(&mut all).is_pending());
            built.send(()).unwrap();
            all.await
        })
    });
    block_on(wait_built).unwrap();
    on_small_stack(move || sender.send(0).unwrap());
    assert_eq!(all.join().unwrap(), depth);
}

#[test]
fn wakers_that_outlive_the_tree_keep_nothing_of_it() {
    // The leaf's waker is kept by the channel, as an evaluator may keep it.
    let (sender, receiver) = oneshot::channel::<usize>();
    let receiver = Arc::new(Mutex::new(receiver));
    let leaf = Arc::clone(&receiver);
    let leaf = std::future::poll_fn(move |cx| leaf.lock().unwrap().poll_unpin(cx).map(Result::unwrap));
    on_small_stack(move || {
        let mut all = chain(DEEPEST, leaf.boxed());
        assert!(poll_once(&mut all).is_pending());
        drop(all);
        sender.send(0).unwrap();
        drop(receiver);
    });
}

#[test]
fn a_panic_at_the_bottom_unwinds_on_a_small_stack() {
    on_small_stack(|| {
        let deep = chain(DEEPEST, async { panic!("bottom") }.boxed());
        assert!(catch_unwind(AssertUnwindSafe(|| block_on(deep))).is_err());
    });
}

#[test]
fn recursion_does_not_deadlock_on_a_pool_of_one() {
    fn tree(pool: &ThreadPool, depth: u32, count: Arc<AtomicUsize>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let counter = Arc::clone(&count);
            pool.run(move || counter.fetch_add(1, Ordering::SeqCst)).await;
            if depth > 0 {
                pmap(|_| tree(pool, depth - 1, Arc::clone(&count)), 0..2).await;
            }
        })
    }
    let count = Arc::new(AtomicUsize::new(0));
    let pool = ThreadPool::new(1);
    let depth = if cfg!(miri) { 4 } else { 9 };
    block_on(tree(&pool, depth, Arc::clone(&count)));
    assert_eq!(count.load(Ordering::SeqCst), (2 << depth) - 1);
}
