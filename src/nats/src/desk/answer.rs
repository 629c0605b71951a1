//! What an answer says. Workers may answer anything.

use coquad::wire::{Answer, FailureKind};
use coquad::{Arithmetic, EvaluationError};

use crate::error::Error;

pub(super) enum Found {
    /// And the worker's arithmetic, if it tells.
    Value(Vec<f64>, Option<Arithmetic>),
    Failure(EvaluationError),
    /// No answer to this question.
    Nothing,
}

/// Reads the answer to the job of this identity.
pub(super) fn read(message: &[u8], id: &str) -> Found {
    match Answer::decode(message) {
        Ok(answer) if answer.id == id => match answer.outcome {
            Ok(numbers) => Found::Value(numbers.into_owned(), answer.arithmetic.map(Arithmetic::from)),
            Err(failure) => Found::Failure(cause(failure.kind, failure.message.into_owned())),
        },
        _ => Found::Nothing,
    }
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

/// The number of the job that the server's report says it has given up.
pub(crate) fn given_up(report: &[u8]) -> Option<u64> {
    serde_json::from_slice::<serde_json::Value>(report).ok()?.get("stream_seq")?.as_u64()
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
        let outcomes = [Ok(vec![0.5; 3].into()), Err(Failure::new(FailureKind::Failed, "no value"))];
        for outcome in outcomes {
            let mut good = Vec::new();
            let seconds = Some(0.25);
            Answer { seconds, worker: Some("host:7"), delivery: Some(2), ..Answer::new(id, outcome) }.encode(&mut good);
            for _ in 0..100_000 {
                let bytes = noise.garbled(&good);
                match read(&bytes, id) {
                    // Numbers take a byte each at least.
                    Found::Value(numbers, _) => assert!(numbers.len() <= bytes.len()),
                    Found::Failure(error) => assert!(error.to_string().len() < 8192),
                    Found::Nothing => {}
                }
                // Whoever does not know the question cannot answer it.
                assert!(matches!(read(&bytes, "fedcba9876543210"), Found::Nothing));
            }
        }
    }

    #[test]
    fn a_report_that_is_none_gives_up_nothing() {
        let good =
            br#"{"type":"io.nats.jetstream.advisory.v1.max_deliver","stream":"S","stream_seq":7,"deliveries":3}"#;
        assert_eq!(given_up(good), Some(7));
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
