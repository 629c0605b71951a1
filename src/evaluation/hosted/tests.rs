//! Who drives an integral when it is woken.

use std::future::poll_fn;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::*;
use crate::error::EvaluationError;
use crate::evaluation::near::Near;

/// An evaluator that has its jobs counted and not run.
struct Threads {
    is_here: bool,
    spawned: AtomicUsize,
}

impl Evaluator for Threads {
    type Value = f64;

    async fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
        Ok(x)
    }

    fn near(&self) -> Option<&dyn Near<f64>> {
        Some(self)
    }
}

impl Near<f64> for Threads {
    fn pace(&self) -> Pace {
        Pace::Instant
    }

    fn is_here(&self) -> bool {
        self.is_here
    }

    fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
        Ok(x)
    }

    fn record(&self, _: Duration) {}

    fn spawn(&self, _: Box<dyn FnOnce() + Send>) {
        self.spawned.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls an integral once, wakes it, and returns how many jobs it had spawned and how often its owner was woken.
fn woken(is_here: bool) -> (usize, usize) {
    let shared = Arc::new(Shared::new(Threads { is_here, spawned: AtomicUsize::new(0) }));
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let integral = poll_fn(move |cx| {
        *keep.lock().unwrap() = Some(cx.waker().clone());
        Poll::<()>::Pending
    });
    let mut hosted = Hosted::new(Arc::clone(&shared), integral, Arc::default());
    let bell = Arc::new(Bell::default());
    let polled = Pin::new(&mut hosted).poll(&mut Context::from_waker(&Waker::from(Arc::clone(&bell))));
    assert!(polled.is_pending());
    let waker: Waker = kept.lock().unwrap().take().unwrap();
    waker.wake_by_ref();
    waker.wake();
    (shared.evaluator.spawned.load(Ordering::Relaxed), bell.0.load(Ordering::Relaxed))
}

#[test]
fn an_integral_is_driven_by_the_pool_unless_its_owner_waits_there() {
    assert_eq!(woken(false), (1, 0));
    assert_eq!(woken(true), (0, 1));
}

#[test]
fn a_wake_that_comes_while_it_is_driven_is_kept() {
    let shared = Arc::new(Shared::new(Threads { is_here: true, spawned: AtomicUsize::new(0) }));
    let integral = poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    });
    let mut hosted = Hosted::new(shared, integral, Arc::default());
    let bell = Arc::new(Bell::default());
    for rings in 1..4 {
        assert!(Pin::new(&mut hosted).poll(&mut Context::from_waker(&Waker::from(Arc::clone(&bell)))).is_pending());
        assert_eq!(bell.0.load(Ordering::Relaxed), rings);
    }
}
