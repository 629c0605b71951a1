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

use std::any::Any;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Signal, getpgrp, getpid, kill_process, kill_process_group};
use rustix::stdio::{dup2_stdin, dup2_stdout};

use super::arithmetic::Arithmetic;
use super::panics;
use super::wire::{Answer, Failure, FailureKind, Frames, Hello, Job, Numbers, frame};
use crate::error::EvaluationError;

/// How long a finished answer may wait for others to be written with.
const PATIENCE: Duration = Duration::from_micros(100);

/// How many bytes of answers may.
const FULL: usize = 1 << 15;

/// The most points of one call.
const MOST: usize = 1024;

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
    let one = |x: f64| catch_unwind(AssertUnwindSafe(|| outcome(f(x))));
    serve_by(function, 1, &|xs| xs.iter().map(|&x| one(x).unwrap_or_else(panicked)).collect())
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
    let call = |xs: &[f64]| {
        catch_unwind(AssertUnwindSafe(|| {
            let values = f(xs);
            if values.len() == xs.len() {
                return Ok(values.into_iter().map(outcome).collect());
            }
            let error = EvaluationError::wrong_number(xs.len(), values.len());
            Err((FailureKind::Failed, error.to_string()))
        }))
        .unwrap_or_else(|payload| Err((FailureKind::Panic, panics::message(payload).to_string())))
    };
    let alone = |x: f64| call(&[x]).map_or_else(Err, |mut outcomes: Vec<Outcome>| outcomes.pop().expect("one for one"));
    let all = |xs: &[f64]| match call(xs) {
        Ok(outcomes) => outcomes,
        Err(error) if xs.len() == 1 => vec![Err(error)],
        Err(_) => xs.iter().map(|&x| alone(x)).collect(),
    };
    serve_by(function, MOST, &all)
}

/// The numbers of a value, or why there is none.
type Outcome = Result<Vec<f64>, (FailureKind, String)>;

fn outcome(reply: impl Reply) -> Outcome {
    let mut numbers = Vec::new();
    reply.reply(&mut numbers).map(|()| numbers).map_err(|message| (FailureKind::Failed, message))
}

fn panicked(payload: Box<dyn Any + Send>) -> Outcome {
    Err((FailureKind::Panic, panics::message(payload).to_string()))
}

/// Serves a function of up to so many points at once.
fn serve_by(function: &str, most: usize, f: &dyn Fn(&[f64]) -> Vec<Outcome>) -> io::Result<()> {
    let (input, mut output) = take_pipes()?;
    let mut bytes = Vec::new();
    let send = |bytes: &mut Vec<u8>, output: &mut File| -> io::Result<()> {
        output.write_all(bytes)?;
        bytes.clear();
        Ok(())
    };
    let arithmetic = Arithmetic::here();
    let hello = Hello { function, arithmetic: Some(arithmetic.as_str()) };
    frame(&mut bytes, |into| hello.encode(into)).map_err(invalid)?;
    send(&mut bytes, &mut output)?;

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
    let worked = work(&jobs, most, f, &mut |bytes: &mut Vec<u8>| send(bytes, &mut output), bytes);
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

/// A point, and what its answer is known by; or why it is none.
struct Point {
    id: String,
    x: Result<f64, (FailureKind, String)>,
}

/// Reads jobs until the coordinator closes the pipe. It never waits for `f`, so it is there to hear that.
fn read(mut input: File, function: &str, points: Sender<Point>) -> io::Result<()> {
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
            let x = match *job.x {
                _ if !job.function.is_empty() && job.function != function => {
                    Err((FailureKind::UnknownFunction, format!("this worker serves {function:?}")))
                }
                [x] => Ok(x),
                _ => Err((FailureKind::BadRequest, format!("a point is one number, not {}", job.x.len()))),
            };
            if points.send(Point { id: job.id.to_owned(), x }).is_err() {
                return Ok(());
            }
        }
    }
}

/// Evaluates the points as they come, up to `most` at once.
fn work(
    jobs: &Receiver<Point>,
    most: usize,
    f: &dyn Fn(&[f64]) -> Vec<Outcome>,
    send: &mut impl FnMut(&mut Vec<u8>) -> io::Result<()>,
    mut bytes: Vec<u8>,
) -> io::Result<()> {
    let mut sent = Instant::now();
    loop {
        let point = match jobs.try_recv() {
            Ok(point) => point,
            Err(TryRecvError::Disconnected) => return Ok(()),
            Err(TryRecvError::Empty) => {
                if !bytes.is_empty() {
                    send(&mut bytes)?;
                }
                let Ok(point) = jobs.recv() else { return Ok(()) };
                sent = Instant::now();
                point
            }
        };
        let points: Vec<Point> = iter::once(point).chain(jobs.try_iter().take(most - 1)).collect();
        let xs: Vec<f64> = points.iter().filter_map(|point| point.x.as_ref().ok().copied()).collect();
        let mut outcomes = if xs.is_empty() { Vec::new() } else { f(&xs) }.into_iter();
        for Point { id, x } in points {
            let outcome = x.and_then(|_| outcomes.next().expect("one outcome for each point"));
            let outcome = outcome.map(Into::into).map_err(|(kind, message)| Failure::new(kind, message));
            if let Err(error) = frame(&mut bytes, |into| Answer::new(&id, outcome.clone()).encode(into)) {
                let failure = Failure::new(FailureKind::Failed, error.to_string());
                frame(&mut bytes, |into| Answer::new(&id, Err(failure)).encode(into)).map_err(invalid)?;
            }
        }
        // Short evaluations are answered many at a time; a long one waits for no other.
        if bytes.len() >= FULL || sent.elapsed() >= PATIENCE {
            send(&mut bytes)?;
            sent = Instant::now();
        }
    }
}

fn invalid(error: super::wire::WireError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
