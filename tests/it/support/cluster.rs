//! A cluster in virtual time: workers, latencies and a clock that only moves when nobody can do anything.
//!
//! One thread, no real time: a run of a hundred evaluations takes some ten microseconds, and a seed gives the same run
//! again. Shared by the tests and the benches.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use coquad::{EvaluationError, Evaluator, Point};
use futures::channel::oneshot;

/// How long evaluations take, in units of virtual time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Latency {
    /// One unit each.
    Unit,
    /// Lognormal with sigma 0.5 and mean 1.
    Lognormal,
    /// 2 % take 10 units, the others 1.
    HeavyTail,
    /// One unit, but every twentieth worker dies half-way and another starts over.
    Dying,
    /// Anything from 0 to 1, so that all orders of arrival occur.
    Scrambled,
}

/// A small generator of random numbers (xorshift64*, Vigna 2016): seeds must give the same run for ever.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn latency(&mut self, law: Latency) -> f64 {
        match law {
            Latency::Unit => 1.0,
            Latency::Lognormal => (0.5 * self.normal() - 0.125).exp(),
            Latency::HeavyTail => {
                if self.uniform() < 0.02 {
                    10.0
                } else {
                    1.0
                }
            }
            Latency::Dying => {
                if self.uniform() < 0.05 {
                    1.5
                } else {
                    1.0
                }
            }
            Latency::Scrambled => self.uniform(),
        }
    }
}

/// An evaluator of `f` on so many workers.
pub(crate) struct Cluster<F> {
    f: F,
    state: Arc<Mutex<State>>,
}

struct State {
    workers: usize,
    law: Latency,
    random: Random,
    now: f64,
    /// When what finishes; among equals in the order of their start.
    events: BinaryHeap<Reverse<(u64, usize, Ticket)>>,
    started: usize,
    outstanding: usize,
    most_outstanding: usize,
    /// Virtual worker time spent on evaluations that were finished.
    busy: f64,
    points: Option<Vec<u64>>,
}

struct Ticket(oneshot::Sender<()>);

impl PartialEq for Ticket {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Ticket {}
impl PartialOrd for Ticket {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ticket {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

/// The clock of a cluster, for who drives it.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Mutex<State>>);

impl<F> Cluster<F> {
    pub(crate) fn new(f: F, workers: usize, law: Latency, seed: u64) -> (Self, Clock) {
        let state = Arc::new(Mutex::new(State {
            workers,
            law,
            random: Random::new(seed),
            now: 0.0,
            events: BinaryHeap::new(),
            started: 0,
            outstanding: 0,
            most_outstanding: 0,
            busy: 0.0,
            points: None,
        }));
        (Self { f, state: state.clone() }, Clock(state))
    }
}

struct Outstanding(Arc<Mutex<State>>);

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.lock().unwrap().outstanding -= 1;
    }
}

impl<P: Point, F, T> Evaluator<P> for Cluster<F>
where
    F: Fn(P) -> T + Send + Sync,
    T: Clone + Send + Sync + 'static,
{
    type Value = T;

    async fn evaluate(&self, x: P) -> Result<T, EvaluationError> {
        let (finish, finished) = oneshot::channel();
        let _outstanding = {
            let mut state = self.state.lock().unwrap();
            let law = state.law;
            let latency = state.random.latency(law);
            state.started += 1;
            state.outstanding += 1;
            state.most_outstanding = state.most_outstanding.max(state.outstanding);
            state.busy += latency;
            let (due, order) = ((state.now + latency).to_bits(), state.started);
            state.events.push(Reverse((due, order, Ticket(finish))));
            if let Some(points) = &mut state.points {
                points.extend(x.number().map(f64::to_bits));
            }
            Outstanding(self.state.clone())
        };
        finished.await.map_err(EvaluationError::new)?;
        Ok((self.f)(x))
    }

    fn concurrency(&self) -> usize {
        self.state.lock().unwrap().workers
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Clock {
    /// Polls the future, and moves the clock whenever it waits.
    ///
    /// # Panics
    ///
    /// If the future waits and nothing is outstanding: it would hang.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        loop {
            woken.0.store(false, Ordering::Relaxed);
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            // Who only gave others their turn is polled again.
            if !(woken.0.load(Ordering::Relaxed) && self.is_idle()) {
                self.tick();
            }
        }
    }

    /// Moves the clock to the next evaluation that finishes, and finishes all that are due then.
    pub(crate) fn tick(&self) {
        let mut due = Vec::new();
        {
            let mut state = self.0.lock().unwrap();
            let Reverse((now, _, first)) = state.events.pop().expect("the future waits for nothing: it hangs");
            state.now = f64::from_bits(now);
            due.push(first);
            while state.events.peek().is_some_and(|Reverse((at, ..))| *at == now) {
                let Some(Reverse((_, _, next))) = state.events.pop() else { unreachable!() };
                due.push(next);
            }
        }
        for Ticket(finish) in due {
            // Nobody listens if the evaluation was cancelled.
            let _ = finish.send(());
        }
    }

    /// Workers join or leave; those that leave finish what they have.
    pub(crate) fn set_workers(&self, workers: usize) {
        self.0.lock().unwrap().workers = workers;
    }

    pub(crate) fn record_points(&self) {
        self.0.lock().unwrap().points = Some(Vec::new());
    }

    pub(crate) fn points(&self) -> Vec<u64> {
        self.0.lock().unwrap().points.clone().unwrap_or_default()
    }

    /// Whether no evaluation will ever finish.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.lock().unwrap().events.is_empty()
    }

    pub(crate) fn now(&self) -> f64 {
        self.0.lock().unwrap().now
    }

    pub(crate) fn started(&self) -> usize {
        self.0.lock().unwrap().started
    }

    pub(crate) fn outstanding(&self) -> usize {
        self.0.lock().unwrap().outstanding
    }

    pub(crate) fn most_outstanding(&self) -> usize {
        self.0.lock().unwrap().most_outstanding
    }
}
