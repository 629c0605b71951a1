//! Answers for several points of a job in one message.

use std::borrow::Cow;

use super::WireError;
use super::messages::{Failure, FailureKind, identifier, read};
use super::reader::Reader;
use super::writer::Writer;

/// The most points of a job or of an answer.
///
/// ```
/// assert_eq!(coquad::wire::MAX_POINTS, 1024); // a job of more is refused
/// ```
pub const MAX_POINTS: usize = 1024;

/// What became of several points that follow each other in a job.
///
/// About one point that is the first of its job this is the same message as an
/// [`Answer`](super::Answer), so whoever reads these understands workers that know of one point
/// only.
///
/// # Examples
///
/// ```
/// use coquad::wire::{Answers, Failure, FailureKind};
///
/// let mut answers = Answers::new("7");
/// answers.outcomes.push(Ok(&[0.25]));
/// answers.outcomes.push(Err(Failure::new(FailureKind::Failed, "no data")));
/// let mut message = Vec::new();
/// answers.encode(&mut message);
/// let read = Answers::decode(&message)?;
/// let values: Vec<_> = read.outcomes.iter().map(Result::ok).collect();
/// assert_eq!(values, [Some([0.25].as_slice()), None]);
/// # Ok::<(), coquad::wire::WireError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Answers<'a> {
    /// The job's.
    pub id: &'a str,
    /// The place in the job of the first of these points, from 0.
    pub first: usize,
    /// Whether the message says how many points it is about. If it does not, it is about one point,
    /// or about a job as a whole.
    pub is_counted: bool,
    /// The values, or why there are none, one for each point.
    pub outcomes: Outcomes<'a>,
    /// How long the evaluations took together, in seconds.
    pub seconds: Option<f64>,
    /// The worker's name.
    pub worker: Option<&'a str>,
    /// Which delivery of the job this was, from 1.
    pub delivery: Option<u64>,
    /// The worker's [`Arithmetic`](crate::Arithmetic), where there was no [`Hello`](super::Hello)
    /// to say so.
    pub arithmetic: Option<&'a str>,
    /// How many points a job for this worker may have, where there was no [`Hello`](super::Hello)
    /// to say so.
    pub most: Option<u64>,
}

/// Values and failures, one for each of several points.
///
/// # Examples
///
/// ```
/// use coquad::wire::Outcomes;
///
/// let mut outcomes = Outcomes::default();
/// outcomes.push(Ok(&[1.0, 2.0]));
/// assert_eq!((outcomes.len(), outcomes.iter().next()), (1, Some(Ok([1.0, 2.0].as_slice()))));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcomes<'a> {
    /// The numbers of all values, one after the other.
    numbers: Vec<f64>,
    /// Where in `numbers` each value ends. A failure has no numbers.
    ends: Vec<usize>,
    /// The points that failed, by ascending place.
    failures: Vec<(usize, Failure<'a>)>,
}

impl<'a> Outcomes<'a> {
    /// Appends the outcome of the next point.
    pub fn push(&mut self, outcome: Result<&[f64], Failure<'a>>) {
        match outcome {
            Ok(numbers) => self.numbers.extend_from_slice(numbers),
            Err(failure) => self.failures.push((self.ends.len(), failure)),
        }
        self.ends.push(self.numbers.len());
    }

    /// Returns how many points there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Removes all of them.
    pub fn clear(&mut self) {
        self.numbers.clear();
        self.ends.clear();
        self.failures.clear();
    }

    /// Returns the outcomes, in the order of the points.
    pub fn iter(&self) -> impl Iterator<Item = Result<&[f64], &Failure<'a>>> {
        let (mut start, mut failures) = (0, self.failures.iter().peekable());
        self.ends.iter().enumerate().map(move |(place, &end)| {
            let numbers = &self.numbers[start..end];
            start = end;
            match failures.next_if(|(failed, _)| *failed == place) {
                Some((_, failure)) => Err(failure),
                None => Ok(numbers),
            }
        })
    }

    /// Appends the outcome of the next point, of which `write` appends the numbers.
    #[cfg(feature = "process")]
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Vec<f64>) -> Result<(), Failure<'a>>) {
        let start = self.numbers.len();
        if let Err(failure) = write(&mut self.numbers) {
            self.numbers.truncate(start);
            self.failures.push((self.ends.len(), failure));
        }
        self.ends.push(self.numbers.len());
    }

    /// How many numbers all values have together, and how many points have failed.
    #[cfg(feature = "process")]
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.numbers.len(), self.failures.len())
    }

    /// How many numbers each value has, if that is not the same for all.
    fn lengths(&self) -> Option<Vec<f64>> {
        let mut lengths = self.iter().filter_map(|outcome| Some(outcome.ok()?.len()));
        let first = lengths.next()?;
        if lengths.all(|length| length == first) {
            return None;
        }
        // Exact: a message has far fewer numbers than a float counts.
        Some(self.iter().filter_map(|outcome| Some(outcome.ok()?.len() as f64)).collect())
    }

    /// From the parts of a message about so many points.
    fn from_parts(
        count: usize,
        numbers: Vec<f64>,
        lengths: Option<Vec<f64>>,
        failures: Vec<(usize, Failure<'a>)>,
    ) -> Result<Self, WireError> {
        let ascend = failures.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !ascend || failures.last().is_some_and(|(place, _)| *place >= count) {
            return Err(WireError::malformed("its failures are not at its points"));
        }
        let values = count - failures.len();
        let uneven = || WireError::malformed("its numbers are not those of its values");
        let each = match (&lengths, numbers.len()) {
            (Some(_), _) | (None, 0) => 0,
            (None, all) if values > 0 && all % values == 0 => all / values,
            _ => return Err(uneven()),
        };
        let mut lengths = match lengths {
            Some(lengths) if lengths.len() == values => Some(lengths.into_iter()),
            Some(_) => return Err(uneven()),
            None => None,
        };
        let (mut ends, mut end, mut failed) = (Vec::with_capacity(count), 0, failures.iter().peekable());
        for place in 0..count {
            if failed.next_if(|(at, _)| *at == place).is_none() {
                let length = match lengths.as_mut().map(|lengths| lengths.next().expect("one for each value")) {
                    None => each,
                    // Whole, and not negative.
                    Some(length) if (length as usize as f64).to_bits() == length.to_bits() => {
                        (length as usize).min(numbers.len() + 1)
                    }
                    Some(_) => return Err(uneven()),
                };
                end += length;
            }
            ends.push(end);
        }
        if end != numbers.len() {
            return Err(uneven());
        }
        Ok(Self { numbers, ends, failures })
    }
}

impl<'a> Answers<'a> {
    /// Answers to no point so far, that say nothing about themselves.
    #[must_use]
    pub fn new(id: &'a str) -> Self {
        Self {
            id,
            first: 0,
            is_counted: false,
            outcomes: Outcomes::default(),
            seconds: None,
            worker: None,
            delivery: None,
            arithmetic: None,
            most: None,
        }
    }

    /// Says why a job has no answers: of a job of several points that is about none of them.
    #[must_use]
    pub fn whole(id: &'a str, kind: FailureKind, message: impl Into<Cow<'a, str>>) -> Self {
        let mut answers = Self::new(id);
        answers.outcomes.push(Err(Failure::new(kind, message)));
        answers
    }

    /// Appends the message.
    pub fn encode(&self, into: &mut Vec<u8>) {
        let Outcomes { numbers, failures, .. } = &self.outcomes;
        let count = self.outcomes.len();
        let alone = if count == 1 { failures.first() } else { None };
        let counted = self.is_counted || count != 1;
        let lengths = self.outcomes.lengths();
        let options = [
            self.first > 0,
            counted,
            lengths.is_some(),
            alone.is_none() && !failures.is_empty(),
            self.seconds.is_some(),
            self.worker.is_some(),
            self.delivery.is_some(),
            self.arithmetic.is_some(),
            self.most.is_some(),
        ];
        let options = options.map(u32::from).iter().sum::<u32>();
        let mut writer = Writer::new(into, 3 + options);
        writer.text("id", self.id);
        if self.first > 0 {
            writer.key("i");
            writer.count(self.first as u64);
        }
        if counted {
            writer.key("k");
            writer.count(count as u64);
        }
        match alone {
            Some((_, failure)) => {
                writer.map("e", 2);
                failure.write(&mut writer);
            }
            None => writer.numbers("y", numbers),
        }
        if let Some(lengths) = lengths {
            writer.numbers("l", &lengths);
        }
        if alone.is_none() && !failures.is_empty() {
            writer.array("es", failures.len());
            for (place, failure) in failures {
                writer.entries(3);
                writer.key("i");
                writer.count(*place as u64);
                failure.write(&mut writer);
            }
        }
        writer.about(self.seconds, self.worker, self.delivery, self.arithmetic);
        if let Some(most) = self.most {
            writer.key("m");
            writer.count(most);
        }
    }

    /// Reads the message, also if it is an [`Answer`](super::Answer). The texts of failures come
    /// back [`printable`](super::printable).
    ///
    /// # Errors
    ///
    /// [`WireError`], if it is none, or is about more than [`MAX_POINTS`].
    pub fn decode(message: &'a [u8]) -> Result<Self, WireError> {
        let (mut id, mut numbers, mut lengths, mut alone, mut count) = (None, None, None, None, None);
        let mut failures = Vec::new();
        let mut answers = Self::new("");
        read(message, |key, reader| {
            match key {
                "id" => id = Some(reader.text()?),
                "i" => answers.first = place(reader)?,
                "k" => count = Some(place(reader)?),
                "y" => numbers = Some(reader.numbers()?),
                "l" => lengths = Some(reader.numbers()?),
                "e" => alone = Some(Failure::read(reader)?),
                "es" => failures = Failure::read_all(reader)?,
                "dt" => answers.seconds = Some(reader.number()?),
                "w" => answers.worker = Some(reader.text()?),
                "n" => answers.delivery = Some(reader.count()?),
                "a" => answers.arithmetic = Some(reader.text()?),
                "m" => answers.most = Some(reader.count()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        answers.id = identifier(id)?;
        answers.is_counted = count.is_some();
        let count = count.unwrap_or(1);
        if count > MAX_POINTS || answers.first > MAX_POINTS {
            return Err(WireError::malformed("it is about too many points"));
        }
        answers.outcomes = match (numbers, alone) {
            (Some(numbers), None) => Outcomes::from_parts(count, numbers, lengths, failures)?,
            (None, Some(failure)) if count == 1 => Outcomes::from_parts(1, Vec::new(), None, vec![(0, failure)])?,
            _ => return Err(WireError::malformed("it has not one of a value and a failure")),
        };
        Ok(answers)
    }
}

fn place(reader: &mut Reader<'_>) -> Result<usize, WireError> {
    usize::try_from(reader.count()?).map_err(|_| WireError::malformed("it is about too many points"))
}

impl<'a> Failure<'a> {
    fn read_all(reader: &mut Reader<'a>) -> Result<Vec<(usize, Self)>, WireError> {
        let count = reader.array()?;
        if count > MAX_POINTS {
            return Err(WireError::malformed("it is about too many points"));
        }
        (0..count).map(|_| Failure::read_at(reader)).collect()
    }
}
