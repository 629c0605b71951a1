//! What an answer says. Workers may answer anything.

use coquad::EvaluationError;
use coquad::wire::{Answer, FailureKind};

use crate::error::Error;

pub(super) enum Found {
    Value(Vec<f64>),
    Failure(EvaluationError),
    /// No answer to this question.
    Nothing,
}

/// Reads the answer to the job of this identity.
pub(super) fn read(message: &[u8], id: &str) -> Found {
    match Answer::decode(message) {
        Ok(answer) if answer.id == id => match answer.outcome {
            Ok(numbers) => Found::Value(numbers.into_owned()),
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
