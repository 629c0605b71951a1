//! What a worker says first, and whether it may stay.

use std::time::Instant;

use super::{Numbers, Supervisor, Verdict, Worker, lock};
use crate::error::EvaluationError;
use crate::evaluation::arithmetic::{Arithmetic, Mixed};
use crate::evaluation::process::error::ProcessError;
use crate::evaluation::wire::Hello;
use crate::point::Point;
use crate::trace;

/// The kinds of arithmetic that are remembered.
const KINDS: usize = 16;

impl<T: Numbers + Clone + Send + Sync + 'static, P: Point> Supervisor<T, P> {
    pub(super) fn hello(&mut self, worker: &mut Worker<T, P>, message: &[u8]) -> Result<(), Verdict> {
        let hello = Hello::decode(message).map_err(|error| self.babbled(worker, &error))?;
        match &self.config.function {
            Some(name) if **name != *hello.function => {
                let what = format!("it serves {:?}, not {name:?}", cut(hello.function)).into();
                Err(Verdict::Refused { error: ProcessError::Handshake { what }, is_final: true })
            }
            _ if hello.axes.unwrap_or(1) != P::AXES as u64 => {
                let (found, asked) = (hello.axes.unwrap_or(1), P::AXES);
                let what = format!("its points have {found} numbers each, those asked for have {asked}").into();
                Err(Verdict::Refused { error: ProcessError::Handshake { what }, is_final: true })
            }
            _ => {
                if let Some(arithmetic) = hello.arithmetic {
                    self.compare(arithmetic.into())?;
                }
                if let Some(build) = hello.build {
                    let first = self.build.get_or_insert_with(|| build.to_owned());
                    if *first != *build {
                        trace::build_differs(first, build);
                        self.count(|report| report.other_builds += 1);
                    }
                }
                worker.serves(hello.most.unwrap_or(1));
                worker.since = Instant::now();
                self.failures = 0;
                Ok(())
            }
        }
    }

    /// Whether a worker of this arithmetic may stay.
    fn compare(&mut self, found: Arithmetic) -> Result<(), Verdict> {
        let expected = {
            let mut kinds = lock(&self.shared.arithmetics);
            if !kinds.contains(&found) && kinds.len() < KINDS {
                kinds.push(found.clone());
            }
            match &self.config.mixed {
                Mixed::Only(expected) => expected.clone(),
                _ => kinds[0].clone(),
            }
        };
        if expected.agrees_with(&found) {
            return Ok(());
        }
        self.count(|report| report.mixed += 1);
        let error = ProcessError::Arithmetic { expected, found };
        trace::arithmetic_differs(&error);
        match &self.config.mixed {
            Mixed::Count => Ok(()),
            Mixed::Only(_) => Err(Verdict::Refused { error, is_final: false }),
            Mixed::Refuse => {
                self.forbidden = Some(EvaluationError::new(error.clone()));
                Err(Verdict::Refused { error, is_final: true })
            }
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}
