//! Who drives an integral when it is woken.

use std::future::poll_fn;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::*;
use crate::error::EvaluationError;
use crate::evaluation::Evaluator;
use crate::evaluation::dispatch::door::Shared;
use crate::evaluation::near::Near;

/// An evaluator that has its jobs counted and not run.
struct Threads {
    is_here: AtomicBool,
    is_busy: bool,
    pace: Pace,
    spawned: AtomicUsize,
    enqueued: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
}

impl Threads {
    fn new(is_here: bool, is_busy: bool, pace: Pace) -> Self {
        Self { is_here: is_here.into(), is_busy, pace, spawned: AtomicUsize::new(0), enqueued: Mutex::default() }
    }

    /// How many jobs were spawned, and how many enqueued.
    fn jobs(&self) -> (usize, usize) {
        (self.spawned.load(Ordering::Relaxed), self.enqueued.lock().unwrap().len())
    }
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
        self.pace
    }

    fn is_here(&self) -> bool {
        self.is_here.load(Ordering::Relaxed)
    }

    fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
        Ok(x)
    }

    fn record(&self, _: Duration) {}

    fn spawn(&self, _: Box<dyn FnOnce() + Send>) {
        self.spawned.fetch_add(1, Ordering::Relaxed);
    }

    fn is_busy(&self) -> bool {
        self.is_busy
    }

    fn is_crowded(&self) -> bool {
        false
    }

    fn enqueue(&self, job: Box<dyn FnOnce() + Send>) {
        self.enqueued.lock().unwrap().push(job);
    }
}

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls an integral once, wakes it, and returns how many jobs it had spawned and enqueued, and how often its owner was
/// woken.
fn woken(is_here: bool, pace: Pace) -> ((usize, usize), usize) {
    let shared = Arc::new(Shared::new(Threads::new(is_here, false, pace)));
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let integral = poll_fn(move |cx| {
        *keep.lock().unwrap() = Some(cx.waker().clone());
        Poll::<()>::Pending
    });
    let mut hosted = Hosted::new(shared.clone(), integral, true, Arc::default());
    let bell = Arc::new(Bell::default());
    let polled = Pin::new(&mut hosted).poll(&mut Context::from_waker(&Waker::from(Arc::clone(&bell))));
    assert!(polled.is_pending());
    let waker: Waker = kept.lock().unwrap().take().unwrap();
    waker.wake_by_ref();
    waker.wake();
    (shared.evaluator.jobs(), bell.0.load(Ordering::Relaxed))
}

#[test]
fn an_integral_is_driven_by_the_pool_unless_its_owner_waits_there() {
    assert_eq!(woken(false, Pace::Instant), ((1, 0), 0));
    assert_eq!(woken(false, Pace::Brisk(2)), ((1, 0), 0));
    assert_eq!(woken(true, Pace::Instant), ((0, 0), 1));
}

#[test]
fn an_integral_of_unknown_pace_has_its_turn_among_the_evaluations_and_a_slow_one_is_its_owners() {
    assert_eq!(woken(false, Pace::Unknown), ((0, 1), 0));
    assert_eq!(woken(false, Pace::Slow), ((0, 0), 1));
    assert_eq!(woken(true, Pace::Unknown), ((0, 0), 1));
}

#[test]
fn a_wake_that_comes_while_it_is_driven_is_kept() {
    let shared = Arc::new(Shared::new(Threads::new(true, false, Pace::Instant)));
    let integral = poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    });
    let mut hosted = Hosted::new(shared, integral, true, Arc::default());
    let bell = Arc::new(Bell::default());
    for rings in 1..4 {
        assert!(Pin::new(&mut hosted).poll(&mut Context::from_waker(&Waker::from(Arc::clone(&bell)))).is_pending());
        assert_eq!(bell.0.load(Ordering::Relaxed), rings);
    }
}

/// An integral that counts its polls, and ends when it is polled twice.
fn counted(
    threads: Threads,
    evaluates: bool,
) -> (Hosted<impl Future<Output = ()> + Unpin, f64>, Arc<Shared<Threads>>, Arc<AtomicUsize>) {
    let polls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&polls);
    let integral = poll_fn(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Poll::Pending,
        _ => Poll::Ready(()),
    });
    let shared = Arc::new(Shared::new(threads));
    (Hosted::new(shared.clone(), integral, evaluates, Arc::default()), shared, polls)
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn turn(shared: &Shared<Threads>) {
    let job = shared.evaluator.enqueued.lock().unwrap().pop().expect("it waits for its turn");
    job();
}

#[test]
fn an_integral_waits_for_its_turn_while_the_threads_have_enough_to_do() {
    let (mut hosted, shared, polls) = counted(Threads::new(false, true, Pace::Slow), true);
    assert!(poll(&mut hosted).is_pending() && poll(&mut hosted).is_pending());
    assert_eq!((polls.load(Ordering::Relaxed), shared.evaluator.jobs()), (0, (0, 1)));
    turn(&shared);
    assert_eq!(polls.load(Ordering::Relaxed), 1);
    assert!(poll(&mut hosted).is_ready(), "once begun it is its owner's to poll");
}

#[test]
fn an_integral_of_short_evaluations_does_not_wait_behind_long_ones() {
    let (mut hosted, shared, polls) = counted(Threads::new(false, true, Pace::Instant), true);
    assert!(poll(&mut hosted).is_pending());
    assert_eq!((polls.load(Ordering::Relaxed), shared.evaluator.jobs()), (0, (1, 0)));
}

#[test]
fn an_integral_begins_at_once_if_a_thread_is_free_or_its_owners_or_not_needed() {
    for (is_here, is_busy, evaluates) in [(false, false, true), (true, true, true), (false, true, false)] {
        let (mut hosted, shared, polls) = counted(Threads::new(is_here, is_busy, Pace::Unknown), evaluates);
        assert!(poll(&mut hosted).is_pending());
        assert_eq!((polls.load(Ordering::Relaxed), shared.evaluator.jobs()), (1, (0, 0)));
    }
}

#[test]
fn an_integral_that_is_dropped_before_its_turn_is_gone_at_once() {
    let (mut hosted, shared, polls) = counted(Threads::new(false, true, Pace::Unknown), true);
    assert!(poll(&mut hosted).is_pending());
    drop(hosted);
    assert_eq!((Arc::strong_count(&polls), Arc::strong_count(&shared)), (1, 1));
    turn(&shared);
    assert_eq!(polls.load(Ordering::Relaxed), 0);
}

#[test]
fn an_integral_whose_owner_comes_to_a_thread_of_the_pool_does_not_wait_for_its_turn() {
    let (mut hosted, shared, polls) = counted(Threads::new(false, true, Pace::Unknown), true);
    assert!(poll(&mut hosted).is_pending());
    shared.evaluator.is_here.store(true, Ordering::Relaxed);
    assert!(poll(&mut hosted).is_pending());
    assert_eq!(polls.load(Ordering::Relaxed), 1);
    turn(&shared);
    assert_eq!(polls.load(Ordering::Relaxed), 1, "that was its turn");
}
