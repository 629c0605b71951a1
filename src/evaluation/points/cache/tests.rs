//! The cases of a single flight: done, failed, panicked, cancelled while others wait, present; alone and mixed.
#![cfg(not(any(coquad_loom, coquad_shuttle)))]
#![allow(clippy::float_cmp, reason = "values are handed on, not computed")]

mod flights;
mod leaders;
mod threads;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures::FutureExt;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::{BoxFuture, join, join_all, pending, poll_fn, ready};
use futures::task::noop_waker;
use futures_util::poll;

use super::*;

type Outcome = Result<f64, EvaluationError>;

/// A waker that counts.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Bell {
    fn rings(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll_with(bell: &Arc<Bell>, future: &mut (impl Future<Output = Outcome> + Unpin)) -> Poll<Outcome> {
    future.poll_unpin(&mut Context::from_waker(&Waker::from(Arc::clone(bell))))
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(&noop_waker()))
}

/// An evaluation that ends when its sender says so.
fn on_signal() -> (oneshot::Sender<Outcome>, BoxFuture<'static, Outcome>) {
    let (sender, receiver) = oneshot::channel();
    (sender, async move { receiver.await.expect("the sender is kept") }.boxed())
}

fn started(claim: Claim<f64>) -> Flight<f64> {
    match claim {
        Claim::Started(flight) => flight,
        Claim::Known(_) | Claim::Joined(_) => panic!("not the first"),
    }
}

fn joined(claim: Claim<f64>) -> Flight<f64> {
    match claim {
        Claim::Joined(flight) => flight,
        Claim::Known(_) | Claim::Started(_) => panic!("nobody was at it"),
    }
}

fn never() -> BoxFuture<'static, Outcome> {
    unreachable!("not to be started")
}

#[test]
fn cache_and_futures_are_send() {
    fn check<X: Send>(_: &X) {}
    fn check_sync<X: Send + Sync + Unpin>(_: &X) {}
    let cache = PointCache::<f64>::new();
    check_sync(&cache);
    check(&cache.get_or_evaluate(1.0, || async { Ok(1.0) }));
    let flight = started(cache.claim(1.0, None, |_| ready(Ok(1.0)).boxed()));
    check(&flight);
}

#[test]
fn a_slot_of_a_float_is_16_bytes() {
    assert_eq!(size_of::<Point<f64>>(), 16);
}

#[test]
fn a_value_is_evaluated_once() {
    let cache = PointCache::new();
    let evaluations = Cell::new(0);
    // Neither the closure nor the future is 'static or Send.
    let eval = || async {
        evaluations.set(evaluations.get() + 1);
        Ok(0.25)
    };
    block_on(async {
        assert_eq!(cache.get_or_evaluate(0.5, eval).await.unwrap(), 0.25);
        assert_eq!(cache.get_or_evaluate(0.5, eval).await.unwrap(), 0.25);
    });
    assert_eq!((evaluations.get(), cache.len(), cache.get(0.5)), (1, 1, Some(0.25)));
}

#[test]
fn known_value_is_returned_without_suspending() {
    let cache = PointCache::new();
    cache.insert(0.5, 0.25);
    let value = cache.get_or_evaluate(0.5, pending::<Outcome>).now_or_never();
    assert_eq!(value.unwrap().unwrap(), 0.25);
}

#[test]
fn points_are_told_apart_by_bits() {
    let cache = PointCache::new();
    let nan = f64::from_bits(0x7ff8_0000_0000_0001);
    for (i, x) in [0.0, -0.0, f64::NAN, nan, f64::INFINITY, 1.0, 1.0 + f64::EPSILON].into_iter().enumerate() {
        assert_eq!(cache.get(x), None);
        block_on(cache.get_or_evaluate(x, || async move { Ok(i as f64) })).unwrap();
        assert_eq!((cache.len(), cache.get(x)), (i + 1, Some(i as f64)));
    }
}

#[test]
fn two_clones_share() {
    let cache = PointCache::new();
    let clone = cache.clone();
    cache.insert(1.0, 2.0);
    assert_eq!((clone.get(1.0), clone.len(), clone.is_empty()), (Some(2.0), 1, false));
    assert_eq!(format!("{clone:?}"), "PointCache { len: 1, .. }");
}

#[test]
fn first_inserted_value_wins() {
    let cache = PointCache::new();
    cache.insert(1.0, 2.0);
    cache.insert(1.0, 3.0);
    assert_eq!((cache.get(1.0), cache.len()), (Some(2.0), 1));
}

#[test]
fn all_that_is_known_comes_in_the_order_of_x() {
    let cache = PointCache::<f64>::new();
    let mut xs: Vec<f64> = (0..1000).map(|i| f64::from(i * 7919 % 1000) - 500.0).collect();
    xs.extend([f64::MIN, f64::MAX, 5e-324, -0.0]);
    for &x in &xs {
        cache.insert(x, 2.0 * x);
    }
    let all: Vec<(f64, f64)> = cache.iter().collect();
    assert_eq!((all.len(), cache.iter().len()), (xs.len(), cache.len()));
    assert!(all.windows(2).all(|pair| pair[0].0.total_cmp(&pair[1].0).is_lt()));
    assert!(all.iter().all(|(x, y)| y.to_bits() == (2.0 * x).to_bits()));
    assert_eq!(PointCache::<f64>::new().iter().count(), 0);
}
