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

use std::fmt::Display;
use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Signal, getpid, kill_process};
use rustix::stdio::{dup2_stdin, dup2_stdout};

use super::panics;
use super::wire::{Answer, Failure, FailureKind, Frames, Hello, Job, Numbers, frame};

/// How long a finished answer may wait for others to be written with.
const PATIENCE: Duration = Duration::from_micros(100);

/// How many bytes of answers may.
const FULL: usize = 1 << 15;

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
/// When the coordinator is gone, be it by `kill -9`, this returns at once where `f` is not running. Where it is, the
/// process is killed a moment later.
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
    let (input, mut output) = take_pipes()?;
    let mut bytes = Vec::new();
    let send = |bytes: &mut Vec<u8>, output: &mut File| -> io::Result<()> {
        output.write_all(bytes)?;
        bytes.clear();
        Ok(())
    };
    frame(&mut bytes, |into| Hello { function }.encode(into)).map_err(invalid)?;
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
                // Not `exit`: it would run the program's clean-up beneath an integrand that is still running.
                let _ = kill_process(getpid(), Signal::KILL);
            }
        })?;
    }
    let worked = work(&jobs, &f, &mut |bytes: &mut Vec<u8>| send(bytes, &mut output), bytes);
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

/// Evaluates the points as they come.
fn work<R: Reply>(
    jobs: &Receiver<Point>,
    f: &impl Fn(f64) -> R,
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
        let mut numbers = Vec::new();
        let outcome = point.x.and_then(|x| {
            let reply = catch_unwind(AssertUnwindSafe(|| f(x).reply(&mut numbers)));
            match reply {
                Ok(Ok(())) => Ok(()),
                Ok(Err(message)) => Err((FailureKind::Failed, message)),
                Err(payload) => Err((FailureKind::Panic, panics::message(payload).to_string())),
            }
        });
        let outcome = outcome.map(|()| numbers.into()).map_err(|(kind, message)| Failure::new(kind, message));
        let answer = Answer::new(&point.id, outcome);
        if let Err(error) = frame(&mut bytes, |into| answer.encode(into)) {
            let failure = Failure::new(FailureKind::Failed, error.to_string());
            frame(&mut bytes, |into| Answer::new(&point.id, Err(failure)).encode(into)).map_err(invalid)?;
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
