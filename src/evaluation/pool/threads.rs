//! A fixed number of threads that run synchronous functions.
//!
//! INVARIANT: n means n. A job's panic, even one in the `Drop` of its payload or result, ends no thread, and no job
//! adds one.
//!
//! INVARIANT: a worker never waits for a job that only it could run. A job stays in a cell of its own until it starts,
//! and the queue refers to the cells: a worker that awaits a job of its own pool takes it from the cell and runs it on the
//! spot.
//!
//! INVARIANT: while there are jobs in the queue, a runner is on its way to them, or as many as there are threads.

use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};

use async_executor::Executor;
use futures::FutureExt;
use futures::channel::oneshot;
use futures_lite::future::yield_now;

use crate::evaluation::letter::{Receiver, Sender, letter};
use crate::evaluation::panics;
use crate::evaluation::sync::{Mutex, MutexGuard, block_on, thread, thread_locals};

thread_locals! {
    /// The pool that this thread works for; 0 for none.
    static EMPLOYER: Cell<u64> = Cell::new(0);
    /// What it does.
    static ROLE: Cell<Role> = Cell::new(Role::Works);
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// It is inside a job, or does nothing: what a job waits for runs on the spot.
    Works,
    /// It drives an integral: evaluations are handed over.
    Drives,
    /// It drives an integral at its turn in the queue: evaluations are handed over, and come next.
    Opens,
}

impl Role {
    /// Runs `job` in this role. A panic, of a waker or of what is dropped, ends here.
    fn run(self, job: impl FnOnce()) {
        ROLE.with(|role| role.set(self));
        panics::contain(job);
        ROLE.with(|role| role.set(Self::Works));
    }
}

/// Runs functions that compute or block, on exactly as many threads as asked for. Clones share the threads.
///
/// The threads, named `coquad-0`, `coquad-1` and so on, start with the pool. They end when the last clone, evaluator
/// and future of the pool is dropped, which nobody waits for: dropping never blocks.
///
/// # Nesting
///
/// A job may itself wait for the pool, as a nested integral does: whatever it asks of its own pool runs at once on the
/// thread that it occupies. So a pool of one thread cannot deadlock on itself. A circle through *two* pools can.
///
/// To wait inside a job, use a `block_on` that can be nested, such as that of `futures-lite` or `pollster`: those of
/// `futures` and of tokio panic when they find another of their kind further up the stack of the thread.
///
/// # Panics
///
/// A panic of a job is caught; the pool keeps all its threads. In a build with `panic = "abort"` the process ends, as
/// it does for any panic there.
///
/// # Examples
///
/// ```
/// use coquad::{Evaluator, ThreadPool};
///
/// let pool = ThreadPool::new(4);
/// let sine = pool.evaluator(f64::sin);
/// assert_eq!(sine.concurrency(), 4);
/// futures::executor::block_on(async {
///     assert_eq!(sine.evaluate(0.0).await?, 0.0);
///     assert_eq!(pool.run(|| 6 * 7).await, 42);
///     Ok::<(), coquad::EvaluationError>(())
/// })?;
/// # Ok::<(), coquad::EvaluationError>(())
/// ```
#[derive(Clone)]
pub struct ThreadPool {
    shared: Arc<Shared>,
}

/// What the pool's users hold together. The threads hold the executor alone, so that this can be dropped.
struct Shared {
    executor: Arc<Executor<'static>>,
    queue: Arc<Mutex<Queue>>,
    workers: usize,
    /// How many integrals wait to be driven.
    waiting: Arc<AtomicUsize>,
    id: u64,
    /// Never sent through: its drop tells the threads to end.
    _alive: oneshot::Sender<Infallible>,
}

impl ThreadPool {
    /// Starts a pool of `workers` threads; 0 counts as 1.
    ///
    /// # Panics
    ///
    /// If the operating system refuses a thread.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        // Relaxed: the counter only has to give different numbers.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let workers = workers.max(1);
        let executor = Arc::new(Executor::new());
        let (alive, gone) = oneshot::channel();
        let gone = gone.shared();
        let shared = Shared {
            executor: Arc::clone(&executor),
            queue: Arc::default(),
            workers,
            waiting: Arc::default(),
            id,
            _alive: alive,
        };
        let pool = Self { shared: Arc::new(shared) };
        for i in 0..workers {
            let executor = Arc::clone(&executor);
            let gone = gone.clone();
            let spawned = thread::Builder::new().name(format!("coquad-{i}")).spawn(move || {
                EMPLOYER.with(|employer| employer.set(id));
                // This block_on can be nested: jobs may block on futures themselves. Jobs catch their panics; this loop
                // is for the values that they leave behind.
                while let Err(payload) = catch_unwind(AssertUnwindSafe(|| block_on(executor.run(gone.clone())))) {
                    panics::dispose(payload);
                }
            });
            if let Err(error) = spawned {
                panic!("the system refused thread {i} of {workers}: {error}");
            }
        }
        pool
    }

    /// The pool of the free function `integrate`: as wide as the machine, started at its first use, never ended.
    pub(crate) fn machine() -> Self {
        static MACHINE: OnceLock<ThreadPool> = OnceLock::new();
        MACHINE.get_or_init(|| Self::new(std::thread::available_parallelism().map_or(1, usize::from))).clone()
    }

    /// Returns the number of threads.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.shared.workers
    }

    /// Runs `job` on one of the pool's threads and returns its result.
    ///
    /// Awaited on a thread of this pool, the job runs at once on that thread.
    ///
    /// # Cost
    ///
    /// Two allocations and a hand-over each way, a few microseconds. Nothing happens before the first poll.
    ///
    /// # Cancellation
    ///
    /// Dropping the future cancels a job that has not started: its closure is dropped at once. A running job finishes
    /// and its result is dropped.
    ///
    /// # Panics
    ///
    /// If the job panics, the panic goes on in the caller that awaits it, with the job's own payload, as it would if
    /// the job were called directly. Where nobody awaits it any more it ends there.
    pub fn run<J, R>(&self, job: J) -> impl Future<Output = R> + Send + use<J, R>
    where
        J: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let run = Run::new(self.clone(), job);
        async move {
            match run.await {
                Ok(result) => result,
                Err(payload) => resume_unwind(payload),
            }
        }
    }

    /// As [`run`](Self::run), with the payload of a panic.
    pub(super) fn attempt<J, R>(&self, job: J) -> impl Future<Output = Outcome<R>> + Send + use<J, R>
    where
        J: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        Run::new(self.clone(), job)
    }

    /// Whether the calling thread is one of the pool's.
    pub(crate) fn is_employer(&self) -> bool {
        EMPLOYER.with(Cell::get) == self.shared.id
    }

    /// Has a worker drive an integral.
    pub(crate) fn drive(&self, job: Box<dyn FnOnce() + Send>) {
        let job = self.announced(job);
        self.shared.executor.spawn(async move { Role::Drives.run(job) }).detach();
    }

    /// Has a worker drive an integral at the turn of a job that came now. Like those that are given up, it stays in the queue
    /// until then.
    pub(crate) fn open(&self, job: Box<dyn FnOnce() + Send>) {
        self.enqueue(Arc::new(Opening(Mutex::new(Some(self.announced(job))))));
    }

    /// Counts the integral that `job` drives among those that wait, until it is driven.
    fn announced<J: FnOnce()>(&self, job: J) -> impl FnOnce() + use<J> {
        let waiting = Arc::clone(&self.shared.waiting);
        // Relaxed: a thread that sees it late decides a little later, where to evaluate and nothing else.
        waiting.fetch_add(1, Ordering::Relaxed);
        move || {
            waiting.fetch_sub(1, Ordering::Relaxed);
            job();
        }
    }

    /// Whether each worker has something to do: there are as many runners, or it is crowded.
    pub(crate) fn is_busy(&self) -> bool {
        self.is_crowded() || lock(&self.shared.queue).runners >= self.shared.workers
    }

    /// Whether as many integrals as there are workers wait to be driven.
    pub(crate) fn is_crowded(&self) -> bool {
        self.shared.waiting.load(Ordering::Relaxed) >= self.shared.workers
    }

    /// Has a worker start a job when its turn comes.
    fn enqueue(&self, job: Arc<dyn Start>) {
        let opens = ROLE.with(Cell::get) == Role::Opens && self.is_employer() && !planted!(33);
        let mut queue = lock(&self.shared.queue);
        let line = if opens { &mut queue.opened } else { &mut queue.jobs };
        line.push_back(job);
        if queue.runners < self.shared.workers {
            queue.runners += 1;
            drop(queue);
            self.shared.executor.spawn(run(Arc::clone(&self.shared.queue))).detach();
        }
    }
}

/// Jobs that wait for a thread, first come first served.
#[derive(Default)]
struct Queue {
    jobs: VecDeque<Arc<dyn Start>>,
    /// What integrals asked for at their turn among them, and whom they woke: it comes first.
    opened: VecDeque<Arc<dyn Start>>,
    /// Those who start them: tasks of the executor, each of which takes the place of many.
    runners: usize,
}

/// A job in its cell.
trait Start: Send + Sync {
    /// Runs it, unless it was given up.
    fn start(&self);
}

/// How many jobs a runner starts before the other tasks of the executor have their turn: integrals that are to be driven.
/// Fewer than there are in the queue for each thread while evaluations are short ([`Pace`](super::pace::Pace)), so that
/// threads have something to do while one drives; more than one, so that each drive takes in several values.
const TURN: usize = 4;

/// A runner: starts jobs until none is left.
async fn run(queue: Arc<Mutex<Queue>>) {
    loop {
        for _ in 0..TURN {
            let Some(job) = next(&queue) else { return };
            // A job catches its panics; this is for the value that it leaves behind, and for whom that wakes.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| job.start())) {
                panics::dispose(payload);
            }
        }
        yield_now().await;
    }
}

/// The next job; none if the runner has to end.
fn next(queue: &Mutex<Queue>) -> Option<Arc<dyn Start>> {
    let mut queue = lock(queue);
    let next = queue.opened.pop_front().or_else(|| queue.jobs.pop_front());
    queue.runners -= usize::from(next.is_none());
    next
}

/// Runs a part of a job on this thread, even if that drives an integral.
pub(super) fn run_here<R>(part: impl FnOnce() -> R) -> Outcome<R> {
    let role = ROLE.with(|role| role.replace(Role::Works));
    let outcome = catch_unwind(AssertUnwindSafe(part));
    ROLE.with(|cell| cell.set(role));
    outcome
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool").field("workers", &self.shared.workers).finish_non_exhaustive()
    }
}

/// What a job leaves: its result, or the payload of its panic.
pub(super) type Outcome<R> = Result<R, Box<dyn Any + Send>>;

/// Where a job waits until someone starts it or gives it up: whoever takes it out does.
type JobCell<J, R> = Mutex<Option<(J, Sender<Outcome<R>>)>>;

fn take<J, R>(cell: &JobCell<J, R>) -> Option<(J, Sender<Outcome<R>>)> {
    lock(cell).take()
}

impl<J, R> Start for JobCell<J, R>
where
    J: FnOnce() -> R + Send,
    R: Send,
{
    fn start(&self) {
        if let Some((job, sender)) = take(self) {
            sender.send(catch_unwind(AssertUnwindSafe(job)));
        }
    }
}

/// An integral that waits for its turn to be driven.
struct Opening<J>(Mutex<Option<J>>);

impl<J: FnOnce() + Send> Start for Opening<J> {
    fn start(&self) {
        let job = lock(&self.0).take();
        job.into_iter().for_each(|job| Role::Opens.run(job));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No user code runs under a lock, so what is poisoned is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The future of one job.
struct Run<J, R> {
    stage: Stage<J, R>,
    /// Keeps the threads alive while the job is wanted.
    pool: ThreadPool,
}

enum Stage<J, R> {
    /// Not polled yet: nobody knows of the job.
    New(J),
    /// In the queue. The job may wait, run, or be done.
    Queued { cell: Arc<JobCell<J, R>>, outcome: Receiver<Outcome<R>> },
    /// The outcome was returned.
    Done,
}

impl<J, R> Run<J, R>
where
    J: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    fn new(pool: ThreadPool, job: J) -> Self {
        Self { stage: Stage::New(job), pool }
    }
}

// Nothing in a Run is pinned: the job is moved out before it runs.
impl<J, R> Unpin for Run<J, R> {}

impl<J, R> Future for Run<J, R>
where
    J: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    type Output = Outcome<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<R>> {
        let on_worker = self.pool.is_employer() && ROLE.with(Cell::get) == Role::Works;
        loop {
            match std::mem::replace(&mut self.stage, Stage::Done) {
                Stage::New(job) if on_worker => return Poll::Ready(catch_unwind(AssertUnwindSafe(job))),
                Stage::New(job) => {
                    let (sender, outcome) = letter();
                    let cell: Arc<JobCell<J, R>> = Arc::new(Mutex::new(Some((job, sender))));
                    self.pool.enqueue(Arc::clone(&cell) as Arc<dyn Start>);
                    self.stage = Stage::Queued { cell, outcome };
                }
                Stage::Queued { cell, mut outcome } => {
                    if on_worker && !planted!(20) {
                        if let Some((job, _)) = take(&cell) {
                            return Poll::Ready(catch_unwind(AssertUnwindSafe(job)));
                        }
                    }
                    let polled = Pin::new(&mut outcome).poll(cx);
                    if polled.is_pending() {
                        self.stage = Stage::Queued { cell, outcome };
                    }
                    // The sender goes only with its job, and the job only when this future takes it.
                    return Poll::Ready(ready!(polled).expect("a queued job stays until it runs"));
                }
                Stage::Done => panic!("polled after completion"),
            }
        }
    }
}

// CANCEL: a job that has not started is taken out of its cell and never starts; the queue is left with an empty one.
impl<J, R> Drop for Run<J, R> {
    fn drop(&mut self) {
        if let Stage::Queued { cell, .. } = &self.stage {
            if !planted!(19) {
                drop(take(cell));
            }
        }
    }
}

#[cfg(test)]
mod tests;
