//! What an answer says. Workers may answer anything.

use coquad::wire::{Answers, FailureKind};
use coquad::{Arithmetic, EvaluationError};

use crate::error::Error;

/// What became of a point: its numbers, or why there are none.
pub(super) type Outcome = Result<Vec<f64>, EvaluationError>;

pub(super) enum Found {
    /// An outcome for each point.
    Outcomes(Heard),
    /// Why the job has no value. Of a job of several points this says nothing of any.
    Failure(EvaluationError),
    /// No answer to this question.
    Nothing,
}

/// What an answer says.
pub(super) struct Heard {
    /// `None` for a point that was not evaluated.
    pub(super) outcomes: Vec<Option<Outcome>>,
    /// The worker's arithmetic, if it tells.
    pub(super) arithmetic: Option<Arithmetic>,
    pub(super) seconds: Option<f64>,
    /// The worker's name, if it tells.
    pub(super) worker: Option<String>,
    /// How many points a job for this worker may have.
    pub(super) most: Option<u64>,
}

impl Heard {
    /// The most numbers that a value has.
    pub(super) fn longest(&self) -> usize {
        self.outcomes.iter().flatten().flatten().map(Vec::len).max().unwrap_or(0)
    }
}

/// Reads the answer to the job of this identity and of so many points.
pub(super) fn read(message: &[u8], id: &str, points: usize) -> Found {
    let answers = match Answers::decode(message) {
        Ok(answers) if answers.id == id && answers.first == 0 => answers,
        _ => return Found::Nothing,
    };
    let several = points > 1;
    if !answers.is_counted
        && let Some(Err(failure)) = answers.outcomes.iter().next()
    {
        return Found::Failure(cause(failure.kind, failure.message.clone().into_owned()));
    }
    if answers.outcomes.len() != points || several != answers.is_counted {
        return Found::Nothing;
    }
    let outcomes = answers.outcomes.iter().map(|outcome| match outcome {
        Ok(numbers) => Some(Ok(numbers.to_vec())),
        // Not its own fault, or not known whose.
        Err(failure) if several && failure.kind == FailureKind::Crashed => None,
        Err(failure) => Some(Err(cause(failure.kind, failure.message.clone().into_owned()))),
    });
    Found::Outcomes(Heard {
        outcomes: outcomes.collect(),
        arithmetic: answers.arithmetic.map(Arithmetic::from),
        seconds: answers.seconds,
        worker: answers.worker.map(|worker| coquad::wire::printable(worker).chars().take(128).collect()),
        most: answers.most,
    })
}

/// The bits of the values in an answer, to be compared with those of another; none if it has no
/// value.
pub(super) fn bits(message: &[u8], id: &str) -> Option<Vec<u64>> {
    let answers = Answers::decode(message).ok().filter(|answers| answers.id == id)?;
    bits_of(answers.outcomes.iter().map(Result::ok))
}

/// The same of these values.
pub(super) fn bits_of<'a>(values: impl Iterator<Item = Option<&'a [f64]>>) -> Option<Vec<u64>> {
    let (mut bits, mut any) = (Vec::new(), false);
    for value in values {
        any |= value.is_some();
        // A length that no value has stands for none.
        bits.push(value.map_or(u64::MAX, |numbers| numbers.len() as u64));
        bits.extend(value.into_iter().flatten().map(|number| number.to_bits()));
    }
    any.then_some(bits)
}

fn cause(kind: FailureKind, message: String) -> EvaluationError {
    EvaluationError::new(match kind {
        FailureKind::Panic => return EvaluationError::panicked(message),
        FailureKind::Timeout => Error::Timeout { message },
        FailureKind::Crashed => Error::WorkerLost { message },
        FailureKind::UnknownFunction | FailureKind::BadRequest => Error::Message { reason: message },
        _ => Error::Function { message },
    })
}

/// The number of the job that the server's report says it has given up, and after how many
/// deliveries.
pub(crate) fn given_up(report: &[u8]) -> Option<(u64, u32)> {
    let report = serde_json::from_slice::<serde_json::Value>(report).ok()?;
    let deliveries = report.get("deliveries").and_then(serde_json::Value::as_u64).unwrap_or(0);
    Some((report.get("stream_seq")?.as_u64()?, u32::try_from(deliveries).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use coquad::wire::Failure;

    use super::*;
    use crate::noise::Noise;

    #[test]
    fn whatever_arrives_as_an_answer_is_one_to_the_question_or_nothing() {
        let id = "0123456789abcdef";
        let mut noise = Noise(3);
        let no_value = || Err(Failure::new(FailureKind::Failed, "no value"));
        let three = vec![Ok(&[0.5; 3][..]), no_value(), Ok(&[0.25])];
        for outcomes in [vec![Ok(&[0.5; 3][..])], vec![no_value()], three] {
            let mut good = Vec::new();
            let seconds = Some(0.25);
            let mut answers = Answers { seconds, worker: Some("host:7"), delivery: Some(2), ..Answers::new(id) };
            outcomes.into_iter().for_each(|outcome| answers.outcomes.push(outcome));
            answers.encode(&mut good);
            for _ in 0..100_000 {
                let bytes = noise.garbled(&good);
                for points in [1, 3] {
                    match read(&bytes, id, points) {
                        // Numbers take a byte each at least.
                        Found::Outcomes(heard) => {
                            assert!(heard.outcomes.len() == points && heard.longest() <= bytes.len());
                        }
                        Found::Failure(error) => assert!(error.to_string().len() < 8192),
                        Found::Nothing => {}
                    }
                    // Whoever does not know the question cannot answer it.
                    assert!(matches!(read(&bytes, "fedcba9876543210", points), Found::Nothing));
                }
            }
        }
    }

    #[test]
    fn a_report_that_is_none_gives_up_nothing() {
        let good =
            br#"{"type":"io.nats.jetstream.advisory.v1.max_deliver","stream":"S","stream_seq":7,"deliveries":3}"#;
        assert_eq!(given_up(good), Some((7, 3)));
        assert_eq!(given_up(br#"{"stream_seq":7}"#), Some((7, 0)));
        let deep = [b'['; 100_000];
        for report in [&b""[..], b"{}", b"[7]", br#"{"stream_seq":-1}"#, br#"{"stream_seq":"7"}"#, b"\xff", &deep] {
            assert_eq!(given_up(report), None);
        }
        let mut noise = Noise(4);
        for _ in 0..100_000 {
            let _ = given_up(&noise.garbled(good));
        }
    }
}
