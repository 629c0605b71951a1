//! One worker process as its supervisor holds it: its pipes, what it was sent and has not answered.
//!
//! INVARIANT: neither reading nor writing ever blocks, and a process is reaped wherever it ends.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::error::Death;
use super::groups::Groups;
use super::words::Words;
use crate::error::EvaluationError;
use crate::evaluation::letter::Sender;
use crate::evaluation::points::call::{Begun, Call};
use crate::evaluation::wire::{self, Frames, MAX_POINTS};
use crate::point::Point;

/// Answers to what was not asked that a worker is forgiven.
const FORGIVEN: u32 = 7;

/// How many of its last answers a worker is remembered by, to tell a second answer that differs.
const REMEMBERED: usize = 64;

/// How long a process that has closed its pipe may take to end by itself, so that its status is its own.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// Where an answer goes.
pub(super) struct Reply<T, P: Point> {
    call: Call<T, P>,
    /// While a worker has the job.
    begun: Option<Begun<T, P>>,
    to: Sender<Option<Result<T, EvaluationError>>>,
}

impl<T, P: Point> Reply<T, P> {
    pub(super) fn new(call: Call<T, P>, to: Sender<Option<Result<T, EvaluationError>>>) -> Self {
        Self { call, begun: None, to }
    }

    /// Whether nobody waits for it any more.
    pub(super) fn is_canceled(&self) -> bool {
        self.to.is_canceled()
    }

    /// A worker is to have the job; `false` if nobody wants that.
    fn begin(&mut self) -> bool {
        self.begun = self.call.begin();
        self.begun.is_some()
    }

    /// No worker has it any more.
    pub(super) fn pause(&mut self) {
        self.begun = None;
    }
}

impl<T: Clone + Send + Sync + 'static, P: Point> Reply<T, P> {
    pub(super) fn send(self, outcome: Result<T, EvaluationError>) {
        self.call.give_back();
        let told = match (outcome, self.begun) {
            (Ok(value), Some(begun)) => begun.end(value).map(Ok),
            (outcome, _) => Some(outcome),
        };
        self.to.send(told);
    }
}

/// A point that someone waits for.
pub(super) struct Job<T, P: Point> {
    pub(super) x: P,
    pub(super) to: Reply<T, P>,
    /// How many workers died while it was theirs.
    pub(super) deaths: u32,
    /// Shared by the two evaluations of a point that is evaluated twice.
    pub(super) twin: Option<Twin>,
}

/// A point that a worker has.
pub(super) struct Sent<T, P: Point> {
    number: u64,
    /// Its place in the message by which it was sent, which is named by the number of its first
    /// point.
    place: usize,
    pub(super) job: Job<T, P>,
}

/// Which process the one of two evaluations went to, that the other one avoids.
#[derive(Clone, Default)]
pub(super) struct Twin(Arc<AtomicI32>);

impl<T, P: Point> Job<T, P> {
    pub(super) fn new(x: P, to: Reply<T, P>, twin: Option<Twin>) -> Self {
        Self { x, to, deaths: 0, twin }
    }

    /// The process that has the twin, or had it.
    pub(super) fn avoids(&self) -> Option<i32> {
        // Relaxed: the supervisor alone reads and writes it.
        self.twin.as_ref().map(|twin| twin.0.load(Ordering::Relaxed)).filter(|pid| *pid != 0)
    }
}

/// What reading came to.
pub(super) enum Input {
    /// Whatever there was has been read.
    Open,
    /// The worker's end is closed.
    Closed,
}

pub(super) struct Worker<T, P: Point> {
    child: Child,
    pid: Pid,
    stdin: ChildStdin,
    stdout: ChildStdout,
    pub(super) frames: Frames,
    /// What is to be written, and how much of it was.
    output: Vec<u8>,
    written: usize,
    /// The points that were sent and not answered, by ascending number.
    pub(super) sent: VecDeque<Sent<T, P>>,
    next: u64,
    /// How many points one message may have.
    most: usize,
    /// Room for the numbers of the points of a message.
    numbers: Vec<f64>,
    /// Whether it has said hello.
    pub(super) ready: bool,
    /// Whether it was ever sent a job.
    pub(super) fresh: bool,
    /// Whether it must get nothing beside the job it has.
    pub(super) alone: bool,
    /// When it was started, last answered, or was given a job with nothing else to do.
    pub(super) since: Instant,
    sins: u32,
    /// The last answers: number and fingerprint.
    answers: VecDeque<(u64, u64)>,
    /// What it says on standard error, if that is heard.
    words: Option<Words>,
}

impl<T, P: Point> Worker<T, P> {
    /// Starts a process. With `heard` its standard error is read, and so is that of all that this command starts later:
    /// where the command had sent it before is not known.
    pub(super) fn start(command: &mut Command, groups: &Groups, heard: bool) -> io::Result<Self> {
        if heard {
            command.stderr(Stdio::piped());
        }
        groups.guard();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).spawn()?;
        let pid = Pid::from_child(&child);
        groups.add(pid);
        let stdin = child.stdin.take().expect("it was piped");
        let stdout = child.stdout.take().expect("it was piped");
        let words = child.stderr.take().and_then(|stderr| Words::hear(stderr).ok());
        let worker = Self {
            child,
            pid,
            stdin,
            stdout,
            frames: Frames::default(),
            output: Vec::new(),
            written: 0,
            sent: VecDeque::new(),
            next: 0,
            most: 1,
            numbers: Vec::new(),
            ready: false,
            fresh: true,
            alone: false,
            since: Instant::now(),
            sins: 0,
            answers: VecDeque::new(),
            words,
        };
        for nonblocking in
            [rustix::io::ioctl_fionbio(&worker.stdin, true), rustix::io::ioctl_fionbio(&worker.stdout, true)]
        {
            if let Err(error) = nonblocking {
                worker.end(groups, None);
                return Err(error.into());
            }
        }
        Ok(worker)
    }

    /// It serves, and takes so many points in one message. What it says on standard error is said
    /// on ours.
    pub(super) fn serves(&mut self, most: u64) {
        self.ready = true;
        self.most = usize::try_from(most).unwrap_or(MAX_POINTS).clamp(1, MAX_POINTS);
        if let Some(words) = &self.words {
            words.pass_on();
        }
    }

    /// What it says on standard error, to be asked for its last lines when it has ended.
    pub(super) fn words(&mut self) -> Option<Words> {
        self.words.take()
    }

    /// The number of its process.
    pub(super) fn number(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    pub(super) fn stdin(&self) -> &ChildStdin {
        &self.stdin
    }

    pub(super) fn stdout(&self) -> &ChildStdout {
        &self.stdout
    }

    /// Whether something is left to write.
    pub(super) fn has_output(&self) -> bool {
        self.written < self.output.len()
    }

    /// Whether it takes several points in one message.
    pub(super) fn takes_many(&self) -> bool {
        self.most > 1
    }

    /// Queues points for writing, in messages of as many as the worker takes. Points that nobody
    /// wants are left out.
    pub(super) fn send(&mut self, jobs: impl IntoIterator<Item = Job<T, P>>, function: &str, now: Instant) {
        for mut job in jobs {
            if !job.to.begin() {
                continue;
            }
            if let Some(twin) = &job.twin {
                twin.0.store(self.number(), Ordering::Relaxed);
            }
            if self.sent.is_empty() {
                self.since = now;
            }
            let (number, place) = (self.next, self.numbers.len() / P::AXES);
            self.next += 1;
            self.numbers.extend_from_slice(job.x.numbers());
            self.sent.push_back(Sent { number, place, job });
            if place + 1 == self.most {
                self.queue_message(function);
            }
        }
        self.queue_message(function);
    }

    /// Queues the message for the last points.
    fn queue_message(&mut self, function: &str) {
        if self.numbers.is_empty() {
            return;
        }
        self.fresh = false;
        let first = self.next - (self.numbers.len() / P::AXES) as u64;
        let mut id = [0; 16];
        let (x, axes) = (self.numbers.as_slice().into(), Some(P::AXES as u64));
        let message = wire::Job { id: hex(first, &mut id), function, x, axes, ..wire::Job::default() };
        wire::frame(&mut self.output, |into| message.encode(into)).expect("the function's name is short");
        self.numbers.clear();
    }

    /// Writes what the pipe takes.
    pub(super) fn write(&mut self) -> io::Result<()> {
        while self.has_output() {
            match self.stdin.write(&self.output[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(())
    }

    /// Reads what there is, up to a full `buffer`: the next turn comes when the others had theirs.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Input {
        loop {
            match self.stdout.read(buffer) {
                Ok(0) => return Input::Closed,
                Ok(count) => {
                    self.frames.extend(&buffer[..count]);
                    return Input::Open;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Input::Open,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Input::Closed,
            }
        }
    }

    /// Where in `sent` the point is that has this place in the message of that name.
    pub(super) fn find(&self, id: &str, place: usize) -> Option<usize> {
        let number = unhex(id)?.checked_add(place as u64)?;
        // In the order in which they were sent, unless the worker has many hands.
        let index = match self.sent.front() {
            Some(first) if first.number == number => 0,
            _ => self.sent.binary_search_by_key(&number, |sent| sent.number).ok()?,
        };
        (self.sent[index].place == place).then_some(index)
    }

    /// Takes out a point that was answered with a value of this fingerprint.
    pub(super) fn answered(&mut self, index: usize, fingerprint: u64) -> Option<Job<T, P>> {
        let Sent { number, job, .. } = self.sent.remove(index)?;
        self.answers.push_back((number, fingerprint));
        if self.answers.len() > REMEMBERED {
            self.answers.pop_front();
        }
        self.alone &= !self.sent.is_empty();
        Some(job)
    }

    /// Judges an answer that nobody waits for: whether it contradicts an earlier one, and whether this is too much.
    pub(super) fn sinned(&mut self, id: &str, place: usize, fingerprint: u64) -> (bool, Result<(), Death>) {
        let number = unhex(id).and_then(|number| number.checked_add(place as u64));
        let before = number.and_then(|number| self.answers.iter().find(|(other, _)| *other == number));
        let conflict = before.is_some_and(|(_, other)| *other != fingerprint);
        self.sins += 1;
        let end = if self.sins > FORGIVEN {
            Err(Death::protocol(format_args!("{} answers to what was not asked", self.sins)))
        } else {
            Ok(())
        };
        (conflict, end)
    }

    /// Whether the process has ended, be its pipe held open by another.
    pub(super) fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        !matches!(waitid(WaitId::Pid(self.pid), options), Ok(None))
    }

    /// Ends the process with all its group, and reaps it; after its `last_words` if it is about to end by itself.
    pub(super) fn end(mut self, groups: &Groups, last_words: Option<()>) -> Option<ExitStatus> {
        if last_words.is_some() {
            let patience = Instant::now() + LAST_WORDS;
            // Looked at rather than waited for: a process's end is an event with a time limit on Linux only. It is
            // there at the first look, as a rule, for a closed pipe is part of it.
            while !self.has_ended() && Instant::now() < patience {
                thread::sleep(Duration::from_micros(200));
            }
        }
        groups.end(self.pid);
        self.child.wait().ok()
    }
}

/// The number in hexadecimal digits.
fn hex(number: u64, digits: &mut [u8; 16]) -> &str {
    let mut start = digits.len();
    let mut rest = number;
    loop {
        start -= 1;
        digits[start] = b"0123456789abcdef"[(rest & 15) as usize];
        rest >>= 4;
        if rest == 0 {
            return std::str::from_utf8(&digits[start..]).expect("digits are ASCII");
        }
    }
}

/// The number of such a name, written as we write it.
fn unhex(id: &str) -> Option<u64> {
    let plain = !id.is_empty() && id.len() <= 16 && (id == "0" || !id.starts_with('0'));
    if !plain || !id.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    u64::from_str_radix(id, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_jobs_are_numbers_and_back() {
        for number in [0, 1, 15, 16, 0xdead_beef, u64::MAX] {
            assert_eq!(unhex(hex(number, &mut [0; 16])), Some(number));
        }
        for name in ["", "00", "01", "A", "+1", "-1", " 1", "g", "11111111111111111", "é"] {
            assert_eq!(unhex(name), None, "{name}");
        }
    }
}
