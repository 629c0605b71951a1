//! The worker's side of [`Processes`](crate::Processes): a program that evaluates for another.
//!
//! ```no_run
//! fn main() -> std::io::Result<()> {
//!     coquad::worker::serve(|x: f64| x.sin())
//! }
//! ```
//!
//! Standard input and output are the pipe to the coordinator. [`serve`] takes them for itself: from then on the program
//! reads nothing from its input, and what it prints goes to standard error, so that a stray `println!` breaks nothing.
//! What is printed *before* does.

mod build;

use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Signal, getpgrp, getpid, kill_process, kill_process_group};
use rustix::stdio::{dup2_stdin, dup2_stdout};

use super::arithmetic::Arithmetic;
use super::panics;
use super::wire::{Answers, Failure, FailureKind, Frames, Hello, Job, MAX_POINTS, Numbers, Outcomes, frame};
use crate::error::EvaluationError;
use crate::point::Point;

/// How long a finished answer may wait for others to be written with.
const PATIENCE: Duration = Duration::from_micros(100);

/// How many bytes of answers may.
const FULL: usize = 1 << 15;

/// How many failures one message tells of: their texts are long.
const FAILURES: usize = 16;

/// How long an evaluation may go on for nobody once the coordinator is gone.
const GRACE: Duration = Duration::from_millis(200);

/// What a served function may return: a value, or a `Result` of one with any error that can be printed.
///
/// # Examples
///
/// ```
/// use coquad::worker::Reply;
///
/// let mut numbers = Vec::new();
/// [1.0, 2.0].reply(&mut numbers)?;
/// assert_eq!(numbers, [1.0, 2.0]);
/// assert_eq!(Err::<f64, _>("no data").reply(&mut numbers), Err("no data".to_owned()));
/// # Ok::<(), String>(())
/// ```
pub trait Reply {
    /// Appends the numbers of the value.
    ///
    /// # Errors
    ///
    /// The text of the failure.
    fn reply(self, into: &mut Vec<f64>) -> Result<(), String>;
}

impl<T: Numbers> Reply for T {
    fn reply(self, into: &mut Vec<f64>) -> Result<(), String> {
        self.to_numbers(into);
        Ok(())
    }
}

impl<T: Numbers, E: Display> Reply for Result<T, E> {
    fn reply(self, into: &mut Vec<f64>) -> Result<(), String> {
        match self {
            Ok(value) => value.reply(into),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Evaluates `f` for the program that started this one, until that ends or wants no more.
///
/// `f` is called on this thread, one point at a time, in the order of their coming.
///
/// # Cancellation
///
/// When the coordinator is gone, be it by `kill -9`, this returns at once where `f` is not running.
/// A moment later the process is killed, with all in its process group, as what `f` has started is,
/// unless it left the group.
///
/// # Errors
///
/// If standard input is a terminal: the program was started by hand. If a pipe breaks, or what arrives is no job.
///
/// # Panics
///
/// Not with `f`: its panics are caught and reported, as [`Error::Panicked`](crate::Error::Panicked) over there.
///
/// # Examples
///
/// ```no_run
/// fn main() -> std::io::Result<()> {
///     coquad::worker::serve(|x: f64| if x < 0.0 { Err("no negative energies") } else { Ok(x.sqrt()) })
/// }
/// ```
pub fn serve<F, R>(f: F) -> io::Result<()>
where
    F: Fn(f64) -> R,
    R: Reply,
{
    serve_named("", f)
}

/// As [`serve`], under a name that the coordinator can ask for ([`Processes::function`](crate::Processes::function)).
///
/// # Errors
///
/// As [`serve`].
///
/// # Examples
///
/// ```no_run
/// fn main() -> std::io::Result<()> {
///     coquad::worker::serve_named("gap, version 3", f64::sqrt)
/// }
/// ```
pub fn serve_named<F, R>(function: &str, f: F) -> io::Result<()>
where
    F: Fn(f64) -> R,
    R: Reply,
{
    serve_over(function, f)
}

/// As [`serve_named`], for a function of several variables, for [`Processes::over`](crate::Processes::over). The name may
/// be empty.
///
/// # Errors
///
/// As [`serve`].
///
/// # Panics
///
/// Not with `f`, as [`serve`].
///
/// # Examples
///
/// ```no_run
/// fn main() -> std::io::Result<()> {
///     coquad::worker::serve_over("phase-space-v2", |[x, y]: [f64; 2]| 1.0 / (1.0 + x * y))
/// }
/// ```
pub fn serve_over<P, F, R>(function: &str, f: F) -> io::Result<()>
where
    P: Point,
    F: Fn(P) -> R,
    R: Reply,
{
    serve_by(function, 1, &|xs: &[P], into| {
        for &x in xs {
            into.add(|numbers| caught(|| f(x).reply(numbers).map_err(failed)));
        }
    })
}

/// As [`serve_named`], for a function of many points that returns one value for each, in their order: a vectorised loop,
/// a library of arrays, a model with a start-up cost.
///
/// `f` is called with all points that have come, 1,024 at most: as many as the coordinator sends ahead, which
/// [`Processes::window`](crate::Processes::window) says. The name may be empty.
///
/// The values must not depend on which other points a call has.
///
/// # Errors
///
/// As [`serve`]. If `f` panics, or returns more or fewer values than there are points, it is called again for each of the
/// points alone, and what it does then is told of that point.
///
/// # Panics
///
/// Not with `f`, as [`serve`].
///
/// # Examples
///
/// ```no_run
/// fn main() -> std::io::Result<()> {
///     coquad::worker::serve_batch("gap-v3", |xs: &[f64]| xs.iter().map(|x| x.exp()).collect::<Vec<f64>>())
/// }
/// ```
pub fn serve_batch<F, R>(function: &str, f: F) -> io::Result<()>
where
    F: Fn(&[f64]) -> Vec<R>,
    R: Reply,
{
    serve_batch_over(function, f)
}

/// As [`serve_batch`], for a function of several variables.
///
/// # Errors
///
/// As [`serve_batch`].
///
/// # Panics
///
/// Not with `f`, as [`serve`].
///
/// # Examples
///
/// ```no_run
/// fn main() -> std::io::Result<()> {
///     let f = |points: &[[f64; 2]]| points.iter().map(|[x, y]| x.hypot(*y)).collect::<Vec<f64>>();
///     coquad::worker::serve_batch_over("phase-space-v2", f)
/// }
/// ```
pub fn serve_batch_over<P, F, R>(function: &str, f: F) -> io::Result<()>
where
    P: Point,
    F: Fn(&[P]) -> Vec<R>,
    R: Reply,
{
    let call = |xs: &[P], into: &mut Outcomes<'static>| {
        let values = caught(|| Ok(f(xs)))?;
        if values.len() != xs.len() {
            let error = EvaluationError::wrong_number(xs.len(), values.len());
            return Err(failed(error.to_string()));
        }
        for value in values {
            into.add(|numbers| caught(|| value.reply(numbers).map_err(failed)));
        }
        Ok(())
    };
    serve_by(function, MAX_POINTS, &|xs: &[P], into| {
        if xs.len() > 1 && call(xs, into).is_ok() {
            return;
        }
        // Whose fault it is shows when each is alone.
        for &x in xs {
            if let Err(failure) = call(&[x], into) {
                into.push(Err(failure));
            }
        }
    })
}

/// What `f` returns, or its panic as a failure.
fn caught<R>(f: impl FnOnce() -> Result<R, Failure<'static>>) -> Result<R, Failure<'static>> {
    let panicked = |payload| Failure::new(FailureKind::Panic, panics::message(payload).to_string());
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| Err(panicked(payload)))
}

fn failed(message: String) -> Failure<'static> {
    Failure::new(FailureKind::Failed, message)
}

/// A function of up to so many points, which adds an outcome for each.
type Served<'a, P> = &'a dyn Fn(&[P], &mut Outcomes<'static>);

/// Serves a function of up to `most` points at once.
fn serve_by<P: Point>(function: &str, most: usize, f: Served<'_, P>) -> io::Result<()> {
    const {
        assert!(P::AXES > 0, "a point has a number");
    }
    let (input, mut output) = take_pipes()?;
    let mut bytes = Vec::new();
    let arithmetic = Arithmetic::here();
    let build = build::identity();
    let hello = Hello {
        function,
        arithmetic: Some(arithmetic.as_str()),
        most: Some(MAX_POINTS as u64),
        build: build.as_deref(),
        axes: Some(P::AXES as u64),
    };
    frame(&mut bytes, |into| hello.encode(into)).map_err(invalid)?;
    output.write_all(&bytes)?;

    let (points, jobs) = channel();
    // The way in which reading ended, told before the grace is over.
    let (ending, ended) = channel();
    // Nothing is sent here: it is closed when the serving is over.
    let (serving, served) = channel::<()>();
    {
        let function = function.to_owned();
        thread::Builder::new().name("coquad-worker".into()).spawn(move || {
            // Nobody listens where `f` is running still.
            let _ = ending.send(read(input, &function, points));
            if served.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
                // Not `exit`: it would run the program's clean-up beneath an integrand that is
                // still running. With what it has started, if the coordinator has given it a group
                // of its own.
                if getpgrp() == getpid() {
                    let _ = kill_process_group(getpid(), Signal::KILL);
                }
                let _ = kill_process(getpid(), Signal::KILL);
            }
        })?;
    }
    let worked = work(&jobs, most, f, Answering::new(output));
    drop(serving);
    worked?;
    ended.recv().unwrap_or_else(|_| Err(io::Error::other("the reading thread has ended")))
}

/// Takes standard input and output for the protocol, and puts harmless ones in their place.
fn take_pipes() -> io::Result<(File, File)> {
    if io::stdin().is_terminal() {
        let hand = "a worker is started by a coordinator, which is at the other end of its standard input";
        return Err(io::Error::new(io::ErrorKind::Unsupported, hand));
    }
    // Above the three that have a meaning, and not inherited by the programs that the integrand may start.
    let input = fcntl_dupfd_cloexec(io::stdin(), 3)?;
    let output = fcntl_dupfd_cloexec(io::stdout(), 3)?;
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(io::stderr())?;
    Ok((input.into(), output.into()))
}

/// The points of a job, and what its answers are known by; or why it is none.
struct Points<P> {
    id: String,
    count: usize,
    xs: Result<Vec<P>, Failure<'static>>,
}

/// Reads jobs until the coordinator closes the pipe. It never waits for `f`, so it is there to hear that.
fn read<P: Point>(mut input: File, function: &str, points: Sender<Points<P>>) -> io::Result<()> {
    let mut frames = Frames::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        frames.extend(&buffer[..count]);
        while let Some(message) = frames.next().map_err(invalid)? {
            let job = Job::decode(message).map_err(invalid)?;
            let (count, axes) = (job.points(), job.axes.unwrap_or(1));
            let xs = match count {
                _ if !job.function.is_empty() && job.function != function => {
                    Err(Failure::new(FailureKind::UnknownFunction, format!("this worker serves {function:?}")))
                }
                _ if axes != P::AXES as u64 => {
                    let message = format!("a point has {} numbers here, not {axes}", P::AXES);
                    Err(Failure::new(FailureKind::BadRequest, message))
                }
                1..=MAX_POINTS => Ok(job.x.chunks(P::AXES).filter_map(P::from_numbers).collect()),
                _ => {
                    let message = format!("a job has 1 to {MAX_POINTS} points, not {count}");
                    Err(Failure::new(FailureKind::BadRequest, message))
                }
            };
            if points.send(Points { id: job.id.to_owned(), count, xs }).is_err() {
                return Ok(());
            }
        }
    }
}

/// Evaluates the points as they come, up to `most` at once.
fn work<P: Point>(
    jobs: &Receiver<Points<P>>,
    most: usize,
    f: Served<'_, P>,
    mut answering: Answering,
) -> io::Result<()> {
    let (mut xs, mut outcomes) = (Vec::new(), Outcomes::default());
    loop {
        let first = match jobs.try_recv() {
            Ok(points) => points,
            Err(TryRecvError::Disconnected) => return Ok(()),
            Err(TryRecvError::Empty) => {
                answering.send()?;
                let Ok(points) = jobs.recv() else { return Ok(()) };
                answering.since = Instant::now();
                points
            }
        };
        // All that have come by now, if they may be evaluated together.
        let mut count = first.xs.as_ref().map_or(0, Vec::len);
        let mut all = vec![first];
        while count < most {
            let Ok(points) = jobs.try_recv() else { break };
            count += points.xs.as_ref().map_or(0, Vec::len);
            all.push(points);
        }
        xs.clear();
        all.iter().filter_map(|points| points.xs.as_ref().ok()).for_each(|more| xs.extend_from_slice(more));
        let mut places = all.iter().filter_map(|points| Some((&*points.id, points.xs.as_ref().ok()?.len())));
        let (mut id, mut left) = places.next().unwrap_or_default();
        for xs in xs.chunks(most) {
            outcomes.clear();
            f(xs, &mut outcomes);
            for outcome in outcomes.iter() {
                if left == 0 {
                    answering.close(id)?;
                    (id, left) = places.next().expect("each point is of a job");
                }
                answering.add(id, outcome)?;
                left -= 1;
            }
            // Short evaluations are answered many at a time; a long one waits for no other.
            answering.send_if_due(id)?;
        }
        answering.close(id)?;
        for Points { id, count, xs } in &all {
            let Err(failure) = xs else { continue };
            for _ in 0..(*count).clamp(1, MAX_POINTS) {
                answering.add(id, Err(failure))?;
            }
            answering.close(id)?;
        }
        answering.send_if_due(id)?;
    }
}

/// Writes answers: those of one job that follow each other in one message, and several messages at
/// a time.
struct Answering {
    output: File,
    bytes: Vec<u8>,
    /// When something was last sent, or begun after a rest.
    since: Instant,
    /// The place in its job of the first of the outcomes that are gathered.
    first: usize,
    gathered: Outcomes<'static>,
}

impl Answering {
    fn new(output: File) -> Self {
        Self { output, bytes: Vec::new(), since: Instant::now(), first: 0, gathered: Outcomes::default() }
    }

    /// The outcome of the next point of the job.
    fn add(&mut self, id: &str, outcome: Result<&[f64], &Failure<'static>>) -> io::Result<()> {
        let (numbers, failures) = self.gathered.size();
        let long = outcome.map_or(0, <[f64]>::len) > FULL / 9;
        if long || 9 * numbers >= FULL || failures >= FAILURES {
            self.flush(id)?;
        }
        self.gathered.push(outcome.map_err(Clone::clone));
        // Whatever is as long as that is alone in its message, which may be too long.
        if long { self.flush(id) } else { Ok(()) }
    }

    /// Writes down what was gathered for the job; more of it may follow.
    fn flush(&mut self, id: &str) -> io::Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let outcomes = std::mem::take(&mut self.gathered);
        let answers = Answers { first: self.first, outcomes, ..Answers::new(id) };
        self.first += answers.outcomes.len();
        if let Err(error) = frame(&mut self.bytes, |into| answers.encode(into)) {
            // It is one value, which alone is longer than a message may be.
            let mut told = Answers { first: answers.first, ..Answers::new(id) };
            answers.outcomes.iter().for_each(|_| told.outcomes.push(Err(failed(error.to_string()))));
            frame(&mut self.bytes, |into| told.encode(into)).map_err(invalid)?;
        }
        Ok(())
    }

    /// The same where nothing more of the job follows.
    fn close(&mut self, id: &str) -> io::Result<()> {
        self.flush(id)?;
        self.first = 0;
        Ok(())
    }

    fn send_if_due(&mut self, id: &str) -> io::Result<()> {
        if self.bytes.len() + 9 * self.gathered.size().0 >= FULL || self.since.elapsed() >= PATIENCE {
            self.flush(id)?;
            self.send()?;
            self.since = Instant::now();
        }
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        self.output.write_all(&self.bytes)?;
        self.bytes.clear();
        Ok(())
    }
}

fn invalid(error: super::wire::WireError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
