//! The thread that owns all workers of a [`Processes`](super::Processes): starts, feeds, hears and buries them.
//!
//! INVARIANT: everything here happens on one thread; others only put points into its inbox. It sleeps in one `poll` over
//! all pipes, and nothing else in its loop waits, the moments of starting and ending a process apart.

mod account;
mod feed;
mod hello;

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::account::Account;
use super::error::{Death, ProcessError, ProcessReport};
use super::groups::Groups;
use super::worker::{Input, Job, Reply, Sent, Twin, Worker};
use super::{Config, Numbers};
use crate::error::EvaluationError;
use crate::evaluation::arithmetic::Arithmetic;
use crate::evaluation::wire::{Answers, Failure, FailureKind, WireError};
use crate::point::Point;

/// Evaluations that take less than this are sent ahead, as many as take this long together. Far above the round trip of
/// some 50 µs, which is to be hidden; far below what anyone minds to wait for a point that queues behind them.
const HORIZON: Duration = Duration::from_micros(500);

/// The points that the workers finish in this time wait here, at no worker's door, so that one that is done has the next at
/// once and need not wait for those who ask to be woken and to think. A point that is wanted more waits that much longer.
const LEAD: Duration = Duration::from_millis(1);

/// Evaluations that take longer than this on average gain nothing by that.
const LEISURE: Duration = Duration::from_millis(50);

/// The most evaluations that are sent ahead to one worker: what its pipe holds with room to spare.
const LONGEST_QUEUE: usize = 256;

/// How often processes are looked at whose pipe may be held open by others when they have ended.
const LOOK: Duration = Duration::from_millis(100);

/// Starts that fail in a row before those who wait are told.
const STARTS: u32 = 5;

/// The pause after a failed start or a death, and the longest that it doubles to.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The user's end: the supervisor goes when this does.
pub(super) struct Handle<T, P: Point>(Arc<Shared<T, P>>);

struct Shared<T, P: Point> {
    inbox: Mutex<Inbox<T, P>>,
    /// A byte here ends the supervisor's sleep.
    bell: UnixStream,
    /// What `concurrency()` says.
    capacity: AtomicUsize,
    report: Mutex<ProcessReport>,
    /// The kinds that workers have told, in the order of their coming.
    arithmetics: Mutex<Vec<Arithmetic>>,
    groups: Groups,
}

struct Inbox<T, P: Point> {
    jobs: Vec<Job<T, P>>,
    /// Whether the supervisor is about to sleep, so that the bell must be rung.
    asleep: bool,
    /// Nothing is taken any more.
    closed: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T, P: Point> Shared<T, P> {
    fn ring(&self) {
        // Full is as good as rung.
        let _ = (&self.bell).write(&[0]);
    }
}

impl<T: Numbers + Clone + Send + Sync + 'static, P: Point> Handle<T, P> {
    /// Starts the supervisor, and no worker.
    pub(super) fn start(config: Config) -> io::Result<Self> {
        let (bell, heard) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            inbox: Mutex::new(Inbox { jobs: Vec::new(), asleep: false, closed: false }),
            bell,
            capacity: AtomicUsize::new(config.workers * config.window.unwrap_or(1)),
            report: Mutex::default(),
            arithmetics: Mutex::default(),
            groups: Groups::default(),
        });
        let supervisor = Supervisor {
            shared: shared.clone(),
            queue: VecDeque::new(),
            suspects: VecDeque::new(),
            workers: (0..config.workers).map(|_| None).collect(),
            pace: None,
            mean: None,
            build: None,
            failures: 0,
            fruitless: 0,
            last_failure: Instant::now(),
            not_before: None,
            looked: Instant::now(),
            buffer: vec![0; 1 << 16],
            account: Account::new(),
            forbidden: None,
            config,
        };
        thread::Builder::new().name("coquad-processes".into()).spawn(move || supervisor.run(&heard))?;
        Ok(Self(shared))
    }
}

impl<T, P: Point> Handle<T, P> {
    /// Asks for the value at `x`. Where nothing is taken any more the sender is dropped.
    pub(super) fn submit(&self, x: P, to: Reply<T, P>, twin: Option<Twin>) {
        self.submit_all([Job::new(x, to, twin)]);
    }

    /// Asks for all these values.
    pub(super) fn submit_all(&self, jobs: impl IntoIterator<Item = Job<T, P>>) {
        let mut inbox = lock(&self.0.inbox);
        if inbox.closed {
            return;
        }
        inbox.jobs.extend(jobs);
        let asleep = std::mem::take(&mut inbox.asleep);
        drop(inbox);
        if asleep {
            self.0.ring();
        }
    }

    pub(super) fn capacity(&self) -> usize {
        // Relaxed: a hint, with nothing behind it.
        self.0.capacity.load(Ordering::Relaxed)
    }

    pub(super) fn arithmetics(&self) -> Vec<Arithmetic> {
        lock(&self.0.arithmetics).clone()
    }

    pub(super) fn report(&self) -> ProcessReport {
        *lock(&self.0.report)
    }
}

// The processes are killed here, so that they are gone even if this program ends before the supervisor has its turn.
// It reaps them then. Nothing is waited for.
impl<T, P: Point> Drop for Handle<T, P> {
    fn drop(&mut self) {
        lock(&self.0.inbox).closed = true;
        self.0.groups.kill();
        self.0.ring();
    }
}

/// Closes the inbox, however the supervisor ends: whoever waits hears of it.
struct Close<T, P: Point>(Arc<Shared<T, P>>);

impl<T, P: Point> Drop for Close<T, P> {
    fn drop(&mut self) {
        let jobs = {
            let mut inbox = lock(&self.0.inbox);
            inbox.closed = true;
            std::mem::take(&mut inbox.jobs)
        };
        drop(jobs);
    }
}

struct Supervisor<T, P: Point> {
    config: Config,
    shared: Arc<Shared<T, P>>,
    /// Points to evaluate, first come first served.
    queue: VecDeque<Job<T, P>>,
    /// Points whose worker died: each goes to a worker that has nothing else.
    suspects: VecDeque<Job<T, P>>,
    workers: Vec<Option<Worker<T, P>>>,
    /// Seconds per evaluation: rises at once, falls slowly.
    pace: Option<f64>,
    /// Seconds per evaluation, on average over the last few.
    mean: Option<f64>,
    /// Which build the first worker was that said so.
    build: Option<String>,
    /// Starts in a row that led to no worker.
    failures: u32,
    /// Deaths in a row with no answer between them.
    fruitless: u32,
    /// When a start failed last; starts before it say nothing new.
    last_failure: Instant,
    /// When a process may be started again.
    not_before: Option<Instant>,
    /// When the processes were looked at last.
    looked: Instant,
    buffer: Vec<u8>,
    account: Account,
    /// Why nothing is evaluated any more.
    forbidden: Option<EvaluationError>,
}

impl<T: Numbers + Clone + Send + Sync + 'static, P: Point> Supervisor<T, P> {
    fn run(mut self, heard: &UnixStream) {
        let close = Close(self.shared.clone());
        while self.collect() {
            let now = Instant::now();
            self.account(now);
            self.feed(now);
            self.publish();
            self.tell(now, false);
            self.sleep(heard);
            self.expire();
        }
        let now = Instant::now();
        self.account(now);
        self.publish();
        self.tell(now, true);
        drop(close);
        for worker in self.workers.drain(..).flatten() {
            worker.end(&self.shared.groups, None);
        }
    }

    /// Takes what came in. Returns whether to go on.
    fn collect(&mut self) -> bool {
        let mut inbox = lock(&self.shared.inbox);
        inbox.asleep = false;
        self.queue.extend(inbox.jobs.drain(..));
        !inbox.closed
    }

    /// How many evaluations each worker may have.
    fn depth(&self) -> usize {
        self.config.window.unwrap_or_else(|| match self.pace {
            Some(pace) => ((HORIZON.as_secs_f64() / pace) as usize).saturating_add(1).min(LONGEST_QUEUE),
            None => 1,
        })
    }

    /// How many points may wait for whichever worker is done first. A worker that is sent points ahead waits for none.
    fn waiting(&self) -> usize {
        match self.mean {
            Some(mean) if self.config.window.is_none() && self.depth() == 1 && mean < LEISURE.as_secs_f64() => {
                (self.config.workers as f64 * LEAD.as_secs_f64() / mean).ceil() as usize
            }
            _ => 0,
        }
    }

    /// Sleeps until something happens, and hears of it.
    fn sleep(&mut self, heard: &UnixStream) {
        let until = self.next_event();
        {
            let mut inbox = lock(&self.shared.inbox);
            if !inbox.jobs.is_empty() || inbox.closed {
                return;
            }
            inbox.asleep = true;
        }
        let mut fds = vec![PollFd::new(heard, PollFlags::IN)];
        let mut which = vec![(usize::MAX, false)];
        for (slot, worker) in self.workers.iter().enumerate() {
            let Some(worker) = worker else { continue };
            fds.push(PollFd::from_borrowed_fd(worker.stdout().as_fd(), PollFlags::IN));
            which.push((slot, false));
            if worker.has_output() {
                fds.push(PollFd::from_borrowed_fd(worker.stdin().as_fd(), PollFlags::OUT));
                which.push((slot, true));
            }
        }
        let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
        // Rounded up, or a timer would be looked at in circles until it is due.
        let timeout = timeout.map(|time| time + Duration::from_micros(1));
        let timeout = timeout.and_then(|time| Timespec::try_from(time).ok());
        if poll(&mut fds, timeout.as_ref()).is_err() {
            // Interrupted by a signal: the loop goes on.
            return;
        }
        let ready: Vec<(usize, bool)> =
            fds.iter().zip(which).filter_map(|(fd, which)| (!fd.revents().is_empty()).then_some(which)).collect();
        for (slot, output) in ready {
            if slot == usize::MAX {
                let mut bytes = [0; 64];
                while matches!((&mut &*heard).read(&mut bytes), Ok(count) if count == bytes.len()) {}
            } else if output {
                self.write(slot);
            } else {
                self.hear(slot);
            }
        }
    }

    fn write(&mut self, slot: usize) {
        if self.workers[slot].as_mut().is_some_and(|worker| worker.write().is_err()) {
            // It reads no more. What it said before is heard first.
            self.hear(slot);
            self.died(slot, None);
        }
    }

    /// Reads what a worker says, and draws the consequences.
    fn hear(&mut self, slot: usize) {
        // A borrow of the worker, while all else of the supervisor is at hand.
        let Some(mut worker) = self.workers[slot].take() else { return };
        let input = worker.read(&mut self.buffer);
        let heard = self.understand(&mut worker);
        self.workers[slot] = Some(worker);
        match (heard, input) {
            (Err(Verdict::Refused { error, is_final }), _) => self.refused(slot, error, is_final),
            (Err(Verdict::Dead(death)), _) => self.died(slot, Some(death)),
            (Ok(()), Input::Closed) => self.died(slot, None),
            (Ok(()), Input::Open) => {}
        }
    }

    fn understand(&mut self, worker: &mut Worker<T, P>) -> Result<(), Verdict> {
        let mut frames = std::mem::take(&mut worker.frames);
        let mut answers = 0;
        let mut heard = Ok(());
        while heard.is_ok() {
            heard = match frames.next() {
                Ok(None) => break,
                Err(error) => Err(self.babbled(worker, &error)),
                Ok(Some(message)) if !worker.ready => self.hello(worker, message),
                Ok(Some(message)) => self.answers(worker, message).map(|taken| answers += taken),
            };
        }
        worker.frames = frames;
        if answers > 0 {
            let now = Instant::now();
            let seconds = (now - worker.since).as_secs_f64() / answers as f64;
            worker.since = now;
            // A long one counts at once, so that no short ones queue behind the next; it takes many short ones to forget it.
            self.pace = Some(match self.pace {
                Some(pace) if pace > seconds => seconds + (pace - seconds) * (15.0f64 / 16.0).powf(answers as f64),
                _ => seconds,
            });
            let mean = self.mean.unwrap_or(seconds);
            self.mean = Some(seconds + (mean - seconds) * (15.0f64 / 16.0).powf(answers as f64));
            self.fruitless = 0;
            self.account.evaluations += answers;
        }
        heard
    }

    /// What it sends is no message.
    fn babbled(&self, worker: &Worker<T, P>, error: &WireError) -> Verdict {
        self.count(|report| report.protocol_errors += 1);
        if worker.ready {
            Verdict::Dead(Death::protocol(error))
        } else {
            let is_final = matches!(error, WireError::Version { .. });
            Verdict::Refused { error: ProcessError::Handshake { what: error.to_string().into() }, is_final }
        }
    }

    /// Returns how many points were answered.
    fn answers(&mut self, worker: &mut Worker<T, P>, message: &[u8]) -> Result<u64, Verdict> {
        let answers = Answers::decode(message).map_err(|error| self.babbled(worker, &error))?;
        let mut taken = 0;
        for (place, outcome) in (answers.first..).zip(answers.outcomes.iter()) {
            taken += u64::from(self.answer(worker, answers.id, place, outcome)?);
        }
        Ok(taken)
    }

    /// Returns whether this was an answer to a point that the worker has.
    fn answer(
        &mut self,
        worker: &mut Worker<T, P>,
        id: &str,
        place: usize,
        outcome: Result<&[f64], &Failure<'_>>,
    ) -> Result<bool, Verdict> {
        let fingerprint = fingerprint(outcome);
        let Some(index) = worker.find(id, place) else {
            let (conflict, end) = worker.sinned(id, place, fingerprint);
            self.count(|report| {
                report.protocol_errors += 1;
                report.conflicts += u64::from(conflict);
            });
            return end.map(|()| false).map_err(Verdict::Dead);
        };
        let result = match outcome {
            Ok(numbers) => match T::from_numbers(numbers) {
                Some(value) => Ok(value),
                None => {
                    self.count(|report| report.protocol_errors += 1);
                    // Not `format_args!`: a binding of it needs a newer compiler than is promised.
                    let what = format!("{} numbers are no value of the integrand's type", numbers.len());
                    return Err(Verdict::Dead(Death::protocol(what)));
                }
            },
            Err(failure) if failure.kind == FailureKind::Panic => Err(EvaluationError::panicked(&*failure.message)),
            Err(failure) => {
                let message = (*failure.message).into();
                Err(EvaluationError::new(ProcessError::Failed { kind: failure.kind, message }))
            }
        };
        let job = worker.answered(index, fingerprint).expect("it was found there");
        // Nobody may want it any more.
        job.to.send(result);
        Ok(true)
    }
}

/// Why a worker cannot stay.
enum Verdict {
    /// It is no worker for this function, and if that is final, none of its kind is.
    Refused {
        error: ProcessError,
        is_final: bool,
    },
    Dead(Death),
}

/// Tells two answers apart: FNV-1a over the bits of a value, and one number for all failures.
fn fingerprint(outcome: Result<&[f64], &Failure<'_>>) -> u64 {
    let Ok(numbers) = outcome else { return 0 };
    numbers
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, number| (hash ^ number.to_bits()).wrapping_mul(0x0000_0100_0000_01b3))
}
