//! The names of streams, subjects and jobs.
//!
//! A run is one token, or two: its function and itself (version 2), so that accounts can tell the
//! functions' answers apart. Who serves or reads takes both.
//!
//! INVARIANT: whatever becomes part of a subject is a token, checked here: no dots, wildcards or spaces.

use async_nats::header::{HeaderMap, NATS_STREAM};
use coquad::wire::printable;
use ring::digest;

use crate::error::Error;

/// Longest name of a space, function or run.
const LONGEST: usize = 64;

/// Whether `name` may be part of a subject.
pub(crate) fn is_token(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

pub(crate) fn checked(name: &str) -> Result<(), Error> {
    if is_token(name) { Ok(()) } else { Err(Error::Name { name: printable(name) }) }
}

/// A tenant or project: its jobs and results are nobody else's.
#[derive(Clone, Debug)]
pub(crate) struct Space(pub(crate) String);

impl Space {
    pub(crate) fn jobs_stream(&self) -> String {
        format!("COQUAD1_{}_JOBS", self.0)
    }

    pub(crate) fn results_stream(&self) -> String {
        format!("COQUAD1_{}_RES", self.0)
    }

    /// Where the server's reports are kept of jobs that it has given up.
    pub(crate) fn dead_stream(&self) -> String {
        format!("COQUAD1_{}_DEAD", self.0)
    }

    /// Jobs for a function; `*` is all of them.
    pub(crate) fn job(&self, function: &str) -> String {
        format!("coquad1.{}.job.{function}", self.0)
    }

    /// Where the answer to a job goes. `*` is any.
    pub(crate) fn result(&self, run: &str, id: &str) -> String {
        format!("coquad1.{}.res.{run}.{id}", self.0)
    }

    pub(crate) fn results(&self) -> String {
        format!("coquad1.{}.res.>", self.0)
    }

    /// Where a run says what it no longer wants. `*` is any.
    pub(crate) fn cancel(&self, run: &str) -> String {
        format!("coquad1.{}.cancel.{run}", self.0)
    }

    /// Where a run answers for as long as somebody waits for it.
    pub(crate) fn alive(&self, run: &str) -> String {
        format!("coquad1.{}.alive.{run}", self.0)
    }

    /// Where a worker is asked how it is, or told to rest; [`ALL_WORKERS`] is each of them.
    pub(crate) fn worker(&self, which: &str) -> String {
        format!("coquad1.{}.worker.{which}", self.0)
    }

    /// Where the server reports jobs that it has given up.
    pub(crate) fn dead(&self) -> String {
        format!("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{}.*", self.jobs_stream())
    }

    /// The run and the job's identity, if `subject` is where an answer of this space goes and nothing else.
    pub(crate) fn parse_result<'a>(&self, subject: &'a str) -> Option<(&'a str, &'a str)> {
        let rest = subject.strip_prefix("coquad1.")?.strip_prefix(&self.0)?.strip_prefix(".res.")?;
        let (run, id) = rest.rsplit_once('.')?;
        let (function, own) = split(run);
        (function.is_none_or(is_token) && is_token(own) && is_token(id)).then_some((run, id))
    }

    /// Where the answer of this place went in version 1.
    pub(crate) fn old_place(&self, subject: &str) -> Option<String> {
        let (run, id) = self.parse_result(subject)?;
        let (function, own) = split(run);
        function.map(|_| self.result(own, id))
    }

    /// Whether the worker of this function may store an answer at `subject`: one to this identity,
    /// and if it is of version 2, of this function.
    pub(crate) fn is_place(&self, subject: &str, function: &str, id: &str) -> bool {
        self.parse_result(subject).is_some_and(|(run, one)| one == id && split(run).0.is_none_or(|its| its == function))
    }
}

/// A run of a function, in version 2.
pub(crate) fn of_function(function: &str, run: &str) -> String {
    format!("{function}.{run}")
}

/// The function, if the run tells it, and the run's own token.
pub(crate) fn split(run: &str) -> (Option<&str>, &str) {
    run.split_once('.').map_or((None, run), |(function, own)| (Some(function), own))
}

/// The run of which a message on `subject` says that it cancels something.
pub(crate) fn cancelling(subject: &str) -> &str {
    subject.splitn(4, '.').nth(3).unwrap_or_default()
}

/// Whether the server itself has placed a message where it is, by the request of somebody who may
/// read messages, which may have any place for the reply.
pub(crate) fn is_placed(headers: Option<&HeaderMap>) -> bool {
    headers.is_some_and(|headers| headers.get(NATS_STREAM).is_some())
}

/// The same of a message that was read from a stream: then the server adds its header once more.
pub(crate) fn was_placed(headers: &HeaderMap) -> bool {
    headers.get_all(NATS_STREAM).count() > 1
}

/// No subject of this crate is longer.
pub(crate) const LONGEST_SUBJECT: usize = 256;

/// A coordinator says this to a worker that cannot store its answer, which was heard or is wanted
/// by nobody.
pub(crate) const RELEASED: &str = "+";

/// Where each worker is asked. None has this name.
pub(crate) const ALL_WORKERS: &str = "all";
/// Orders to a worker; whatever else it is sent is a question.
pub(crate) const DRAIN: &[u8] = b"drain";
pub(crate) const RESUME: &[u8] = b"resume";

/// A worker's name as part of a subject. It ends with the number of its process.
pub(crate) fn worker_token(name: &str) -> String {
    let part = |byte: u8| if byte.is_ascii_alphanumeric() { byte as char } else { '-' };
    format!("w-{}", name.bytes().map(part).collect::<String>())
}

/// Where workers to whom a job was given again leave a mark that they have begun: beside the place
/// of its answer.
pub(crate) fn mark(result: &str) -> String {
    format!("{result}-begun")
}

/// A mark: of which job, and how many workers have left it.
pub(crate) fn mark_of(message_id: &str, workers: u32) -> String {
    format!("{message_id}\n{workers}")
}

/// How many workers have left this mark, if it is of this job.
pub(crate) fn parse_mark(mark: &[u8], message_id: &str) -> Option<u32> {
    let (id, workers) = std::str::from_utf8(mark).ok()?.split_once('\n')?;
    if id == message_id { workers.parse().ok() } else { None }
}

/// A run's name on the wire: what others gave a name to can be told from what nobody can guess.
pub(crate) fn named_run(name: &str) -> String {
    format!("n-{name}")
}

pub(crate) fn random_run() -> Result<String, Error> {
    Ok(format!("r-{}", hex(&random()?)))
}

/// Bytes that nobody can guess.
pub(crate) fn random() -> Result<[u8; 16], Error> {
    let mut bytes = [0; 16];
    let random = ring::rand::SystemRandom::new();
    ring::rand::SecureRandom::fill(&random, &mut bytes)
        .map_err(|_| Error::Connect { reason: "this machine has no random numbers".into() })?;
    Ok(bytes)
}

/// Whether the run ends with its client.
pub(crate) fn ends_with_its_client(run: &str) -> bool {
    split(run).1.starts_with("r-")
}

/// The identity of an evaluation: what is asked, of which function, with which parameters.
pub(crate) fn id(function: &str, parameters: &[u8], x: &[f64]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [function.as_bytes(), parameters] {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    for number in x {
        context.update(&number.to_bits().to_le_bytes());
    }
    hex(&context.finish().as_ref()[..16])
}

/// The identity of a job of several points: a number that the coordinator gives to no other job of
/// its run.
pub(crate) fn several(serial: u64) -> String {
    format!("b{serial:x}")
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)] as char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reply_of_this_space_is_one() {
        let space = Space("lab".into());
        assert_eq!(space.parse_result("coquad1.lab.res.r-1.ab"), Some(("r-1", "ab")));
        assert_eq!(space.parse_result("coquad1.lab.res.gap.r-1.ab"), Some(("gap.r-1", "ab")));
        assert_eq!(space.old_place("coquad1.lab.res.gap.r-1.ab").as_deref(), Some("coquad1.lab.res.r-1.ab"));
        assert_eq!(space.old_place("coquad1.lab.res.r-1.ab"), None);
        for subject in [
            "coquad1.lab.res.r-1",
            "coquad1.lab.res.gap.r-1.a.b",
            "coquad1.lab.res..r-1.a",
            "coquad1.lab.res.*.r-1.a",
            "coquad1.lab.res.gap.*.a",
            "coquad1.lab.res.*.a",
            "coquad1.lab.res.r-1.>",
            "coquad1.lab.res..a",
            "coquad1.lab.res.r-1.",
            "coquad1.lab.res.r 1.a",
            "coquad1.lab.job.r-1.a",
            "coquad1.labs.res.r-1.a",
            "coquad1.la.res.r-1.a",
            "$JS.API.STREAM.DELETE.COQUAD1_lab_JOBS",
            "",
        ] {
            assert_eq!(space.parse_result(subject), None, "{subject}");
        }
    }

    #[test]
    fn a_place_is_of_one_function_or_as_it_was_in_version_1() {
        let space = Space("lab".into());
        for (subject, is_place) in [
            ("coquad1.lab.res.r-1.ab", true),
            ("coquad1.lab.res.gap.r-1.ab", true),
            ("coquad1.lab.res.other.r-1.ab", false),
            ("coquad1.lab.res.gap.r-1.ac", false),
            ("coquad1.lab.res.gap.ab", true),
        ] {
            assert_eq!(space.is_place(subject, "gap", "ab"), is_place, "{subject}");
        }
        for (run, ends) in [("r-1", true), ("gap.r-1", true), ("n-r", false), ("r-gap.n-1", false)] {
            assert_eq!(ends_with_its_client(run), ends, "{run}");
        }
        assert_eq!(cancelling("coquad1.lab.cancel.r-1"), "r-1");
        assert_eq!(cancelling("coquad1.lab.cancel.gap.r-1"), "gap.r-1");
        assert_eq!(cancelling("coquad1.lab"), "");
    }

    #[test]
    fn an_identity_is_the_function_its_parameters_and_the_bits_of_x() {
        let one = id("gap", b"p", &[0.0]);
        // As it was before there were points of several numbers: answers on a run with a name are found again.
        assert_eq!((one.len(), &*one), (32, "10027f288ab0ee989fc8f35370ce64d8"));
        assert!(is_token(&one));
        for (function, parameters, x) in [
            ("gap", &b"p"[..], &[-0.0][..]),
            ("gap", b"", &[0.0]),
            ("gapp", b"", &[0.0]),
            ("gap-v2", b"p", &[0.0]),
            ("gap", b"p", &[0.0, 0.0]),
            ("gap", b"p", &[]),
        ] {
            assert_ne!(one, id(function, parameters, x));
        }
    }

    #[test]
    fn names_are_tokens() {
        for name in ["gap-v3", "A_1", "x"] {
            assert!(checked(name).is_ok());
        }
        for name in ["", "a.b", "*", ">", "a b", "a\n", "é", &"x".repeat(65)] {
            assert!(checked(name).is_err(), "{name:?}");
        }
    }
}
