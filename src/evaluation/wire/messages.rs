//! The messages themselves, from and to MessagePack.

use std::borrow::Cow;
use std::fmt::{self, Write};

use super::WireError;
use super::reader::Reader;
use super::writer::{VERSION, Writer};

/// The longest text of a failure that is sent or kept, in bytes: 4 KiB.
///
/// ```
/// use coquad::wire::{MAX_TEXT, printable};
///
/// assert_eq!(printable(&"long ".repeat(10_000)).len(), MAX_TEXT);
/// ```
pub const MAX_TEXT: usize = 4096;

/// The longest identifier that is accepted, in bytes.
const MAX_ID: usize = 256;

/// What a worker on a pipe says first.
///
/// # Examples
///
/// ```
/// use coquad::wire::Hello;
///
/// let mut message = Vec::new();
/// Hello { function: "gap-v3", ..Hello::default() }.encode(&mut message);
/// assert_eq!(Hello::decode(&message)?.function, "gap-v3");
/// # Ok::<(), coquad::wire::WireError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hello<'a> {
    /// The name of the function that it serves; empty if it has none.
    pub function: &'a str,
    /// Its [`Arithmetic`](crate::Arithmetic), if it says so.
    pub arithmetic: Option<&'a str>,
    /// How many points a job may have: 1 if it does not say.
    pub most: Option<u64>,
    /// Which build it is, if it says so: workers of one build say the same, others something else.
    pub build: Option<&'a str>,
    /// How many numbers a point has, from 1: 1 if it does not say.
    pub axes: Option<u64>,
}

/// A point to evaluate, or several for a worker that takes them.
///
/// # Examples
///
/// ```
/// use coquad::wire::Job;
///
/// let mut message = Vec::new();
/// Job { id: "7", function: "gap-v3", x: vec![0.5].into(), ..Job::default() }.encode(&mut message);
/// let job = Job::decode(&message)?;
/// assert_eq!((job.id, &*job.x, job.limit), ("7", [0.5].as_slice(), None));
/// # Ok::<(), coquad::wire::WireError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Job<'a> {
    /// What the answer is to be known by.
    pub id: &'a str,
    /// The name of the function.
    pub function: &'a str,
    /// The numbers of the point, or of the points, one after the other.
    pub x: Cow<'a, [f64]>,
    /// How many numbers a point has, from 1: 1 if it does not say.
    pub axes: Option<u64>,
    /// Parameters of the function, opaque.
    pub parameters: Option<&'a [u8]>,
    /// How long the evaluation may take, in seconds.
    pub limit: Option<f64>,
    /// Where to reply, where that is not on the same pipe.
    pub reply: Option<&'a str>,
}

/// What became of a job.
///
/// # Examples
///
/// ```
/// use coquad::wire::Answer;
///
/// let mut message = Vec::new();
/// Answer::new("7", Ok(vec![0.25].into())).encode(&mut message);
/// assert_eq!(Answer::decode(&message)?.outcome, Ok(vec![0.25].into()));
/// # Ok::<(), coquad::wire::WireError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<'a> {
    /// The job's.
    pub id: &'a str,
    /// The value, or why there is none.
    pub outcome: Result<Cow<'a, [f64]>, Failure<'a>>,
    /// How long the evaluation took, in seconds.
    pub seconds: Option<f64>,
    /// The worker's name.
    pub worker: Option<&'a str>,
    /// Which delivery of the job this was, from 1.
    pub delivery: Option<u64>,
    /// The worker's [`Arithmetic`](crate::Arithmetic), where there was no [`Hello`] to say so.
    pub arithmetic: Option<&'a str>,
}

/// Why a job has no value.
///
/// # Examples
///
/// ```
/// use coquad::wire::{Answer, Failure, FailureKind};
///
/// let mut message = Vec::new();
/// Answer::new("7", Err(Failure::new(FailureKind::Failed, "no data"))).encode(&mut message);
/// let failure = Answer::decode(&message)?.outcome.unwrap_err();
/// assert_eq!((failure.kind, &*failure.message), (FailureKind::Failed, "no data"));
/// # Ok::<(), coquad::wire::WireError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Failure<'a> {
    /// What happened.
    pub kind: FailureKind,
    /// What the worker says of it. Cut to [`MAX_TEXT`] when sent and when received.
    pub message: Cow<'a, str>,
}

/// What kept a job from having a value.
///
/// # Examples
///
/// ```
/// assert_eq!(coquad::wire::FailureKind::UnknownFunction.to_string(), "unknown-function"); // its name on the wire
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The function says so. A kind that is not known, such as the name of a Python exception, is this one, and opens
    /// the message.
    Failed,
    /// The function panicked.
    Panic,
    /// It took too long.
    Timeout,
    /// The process that evaluated it died.
    Crashed,
    /// The worker has no function of that name.
    UnknownFunction,
    /// The worker does not understand the job.
    BadRequest,
}

/// By the names they have on the wire.
pub(super) const KINDS: [(FailureKind, &str); 6] = [
    (FailureKind::Failed, "failed"),
    (FailureKind::Panic, "panic"),
    (FailureKind::Timeout, "timeout"),
    (FailureKind::Crashed, "crashed"),
    (FailureKind::UnknownFunction, "unknown-function"),
    (FailureKind::BadRequest, "bad-request"),
];

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = KINDS.iter().find(|(kind, _)| kind == self).expect("every kind has its name");
        f.write_str(name)
    }
}

/// `text` without control characters, and cut to [`MAX_TEXT`] bytes: fit to be printed, whoever wrote it.
///
/// # Examples
///
/// ```
/// assert_eq!(coquad::wire::printable("red \u{1b}[31malert"), r"red \u{1b}[31malert");
/// ```
#[must_use]
pub fn printable(text: &str) -> String {
    let mut clean = String::new();
    for c in text.chars() {
        let start = clean.len();
        if c.is_control() {
            write!(clean, "{}", c.escape_default()).expect("a string takes everything");
        } else {
            clean.push(c);
        }
        if clean.len() > MAX_TEXT {
            clean.truncate(start);
            break;
        }
    }
    clean
}

/// Cut to [`MAX_TEXT`] bytes, between characters.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Reads a map: checks its version, and hands each key to `field`, which reads the value or returns `false`.
pub(super) fn read<'a>(
    message: &'a [u8],
    mut field: impl FnMut(&'a str, &mut Reader<'a>) -> Result<bool, WireError>,
) -> Result<(), WireError> {
    let mut reader = Reader::new(message);
    let mut version = None;
    for _ in 0..reader.map()? {
        let key = reader.text()?;
        if key == "v" {
            let found = reader.count()?;
            if found != VERSION {
                return Err(WireError::Version { found });
            }
            version = Some(found);
        } else if !field(key, &mut reader)? {
            reader.skip()?;
        }
    }
    reader.end()?;
    version.map(|_| ()).ok_or(WireError::malformed("it has no version"))
}

pub(super) fn identifier(id: Option<&str>) -> Result<&str, WireError> {
    match id {
        Some(id) if id.len() <= MAX_ID => Ok(id),
        Some(_) => Err(WireError::malformed("its id is too long")),
        None => Err(WireError::malformed("it has no id")),
    }
}

impl<'a> Hello<'a> {
    /// Appends the message.
    pub fn encode(&self, into: &mut Vec<u8>) {
        let axes = self.axes.filter(|axes| *axes != 1);
        let options =
            [self.arithmetic.is_some(), self.most.is_some(), self.build.is_some(), axes.is_some()].map(u32::from);
        let mut writer = Writer::new(into, 2 + options.iter().sum::<u32>());
        writer.text("f", self.function);
        if let Some(arithmetic) = self.arithmetic {
            writer.text("a", arithmetic);
        }
        if let Some(most) = self.most {
            writer.key("m");
            writer.count(most);
        }
        if let Some(build) = self.build {
            writer.text("b", build);
        }
        if let Some(axes) = axes {
            writer.key("d");
            writer.count(axes);
        }
    }

    /// Reads the message.
    ///
    /// # Errors
    ///
    /// [`WireError`], if it is none.
    pub fn decode(message: &'a [u8]) -> Result<Self, WireError> {
        let mut function = None;
        let mut hello = Hello::default();
        read(message, |key, reader| {
            match key {
                "f" => function = Some(reader.text()?),
                "a" => hello.arithmetic = Some(reader.text()?),
                "m" => hello.most = Some(reader.count()?),
                "b" => hello.build = Some(reader.text()?),
                "d" => hello.axes = Some(reader.count()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        hello.function = function.ok_or(WireError::malformed("it does not name a function"))?;
        Ok(hello)
    }
}

impl<'a> Job<'a> {
    /// Appends the message.
    pub fn encode(&self, into: &mut Vec<u8>) {
        let axes = self.axes.filter(|axes| *axes != 1);
        let options = [self.parameters.is_some(), self.limit.is_some(), self.reply.is_some(), axes.is_some()];
        let mut writer = Writer::new(into, 4 + options.map(u32::from).iter().sum::<u32>());
        writer.text("id", self.id);
        writer.text("f", self.function);
        match axes {
            None => writer.numbers("x", &self.x),
            // By another name: a worker that knows of one number only must not take each for a point.
            Some(axes) => {
                writer.key("d");
                writer.count(axes);
                writer.numbers("xs", &self.x);
            }
        }
        if let Some(parameters) = self.parameters {
            writer.binary("p", parameters);
        }
        if let Some(limit) = self.limit {
            writer.number("t", limit);
        }
        if let Some(reply) = self.reply {
            writer.text("r", reply);
        }
    }

    /// Reads the message.
    ///
    /// # Errors
    ///
    /// [`WireError`], if it is none.
    pub fn decode(message: &'a [u8]) -> Result<Self, WireError> {
        let (mut id, mut x, mut xs) = (None, None, None);
        let mut job = Job::default();
        read(message, |key, reader| {
            match key {
                "id" => id = Some(reader.text()?),
                "f" => job.function = reader.text()?,
                "x" => x = Some(reader.numbers()?),
                "xs" => xs = Some(reader.numbers()?),
                "d" => job.axes = Some(reader.count()?),
                "p" => job.parameters = Some(reader.binary()?),
                "t" => job.limit = Some(reader.number()?),
                "r" => job.reply = Some(reader.text()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        job.id = identifier(id)?;
        job.x = match (x, xs, job.axes) {
            (Some(x), None, None) => x,
            (None, Some(xs), Some(axes)) if axes > 0 && xs.len() as u64 % axes == 0 => xs,
            (None, None, _) => return Err(WireError::malformed("it has no point")),
            _ => return Err(WireError::malformed("its numbers are not those of its points")),
        }
        .into();
        Ok(job)
    }

    /// Returns how many points there are.
    #[must_use]
    pub fn points(&self) -> usize {
        self.x.len() / self.axes.map_or(1, |axes| usize::try_from(axes).unwrap_or(usize::MAX).max(1))
    }
}

impl<'a> Answer<'a> {
    /// An answer that says nothing about itself.
    #[must_use]
    pub fn new(id: &'a str, outcome: Result<Cow<'a, [f64]>, Failure<'a>>) -> Self {
        Self { id, outcome, seconds: None, worker: None, delivery: None, arithmetic: None }
    }

    /// Appends the message.
    pub fn encode(&self, into: &mut Vec<u8>) {
        let options =
            [self.seconds.is_some(), self.worker.is_some(), self.delivery.is_some(), self.arithmetic.is_some()];
        let options = options.map(u32::from).iter().sum::<u32>();
        let mut writer = Writer::new(into, 3 + options);
        writer.text("id", self.id);
        match &self.outcome {
            Ok(numbers) => writer.numbers("y", numbers),
            Err(failure) => {
                writer.map("e", 2);
                failure.write(&mut writer);
            }
        }
        writer.about(self.seconds, self.worker, self.delivery, self.arithmetic);
    }

    /// Reads the message. The text of a failure comes back [`printable`].
    ///
    /// # Errors
    ///
    /// [`WireError`], if it is none.
    pub fn decode(message: &'a [u8]) -> Result<Self, WireError> {
        let (mut id, mut value, mut failure) = (None, None, None);
        let (mut seconds, mut worker, mut delivery, mut arithmetic) = (None, None, None, None);
        read(message, |key, reader| {
            match key {
                "id" => id = Some(reader.text()?),
                "y" => value = Some(reader.numbers()?),
                "e" => failure = Some(Failure::read(reader)?),
                "dt" => seconds = Some(reader.number()?),
                "w" => worker = Some(reader.text()?),
                "n" => delivery = Some(reader.count()?),
                "a" => arithmetic = Some(reader.text()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let outcome = match (value, failure) {
            (Some(numbers), None) => Ok(numbers.into()),
            (None, Some(failure)) => Err(failure),
            _ => return Err(WireError::malformed("it has not one of a value and a failure")),
        };
        Ok(Self { id: identifier(id)?, outcome, seconds, worker, delivery, arithmetic })
    }
}

impl<'a> Failure<'a> {
    /// A failure of that kind.
    pub fn new(kind: FailureKind, message: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Writes the two entries of the map that it is.
    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        writer.text("kind", &self.kind.to_string());
        writer.text("msg", cut(&self.message));
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, WireError> {
        Ok(Self::read_at(reader)?.1)
    }

    /// With the place of its point, 0 if there is none.
    pub(super) fn read_at(reader: &mut Reader<'a>) -> Result<(usize, Self), WireError> {
        let (mut place, mut kind, mut message) = (0, "failed", "");
        for _ in 0..reader.map()? {
            match reader.text()? {
                "i" => place = reader.count()?,
                "kind" => kind = reader.text()?,
                "msg" => message = reader.text()?,
                _ => reader.skip()?,
            }
        }
        let failure = match KINDS.iter().find(|(_, name)| *name == kind) {
            Some(&(kind, _)) => Self::new(kind, printable(message)),
            None => Self::new(FailureKind::Failed, printable(&format!("{}: {}", cut(kind), cut(message)))),
        };
        // A place that is no place is none of any answer.
        Ok((usize::try_from(place).unwrap_or(usize::MAX), failure))
    }
}
