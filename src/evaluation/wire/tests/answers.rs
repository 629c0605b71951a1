//! Answers for many points.

use super::*;

/// The next number of a sequence that a seed begins.
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 33) as usize
}

/// Outcomes drawn from a seed: values of one length or of several, and failures.
fn drawn(state: &mut u64) -> Answers<'static> {
    let mut answers = Answers::new("1f");
    answers.first = [0, 1, 900][random(state) % 3];
    answers.is_counted = random(state) % 2 == 0;
    answers.seconds = Some(0.25).filter(|_| random(state) % 2 == 0);
    answers.most = Some(64).filter(|_| random(state) % 2 == 0);
    let (uneven, fail, length) = (random(state) % 2 == 0, random(state) % 3 == 0, random(state) % 4);
    for _ in 0..[0, 1, 2, 7, 64, 1024][random(state) % 6] {
        let length = if uneven { random(state) % 4 } else { length };
        let numbers = delicate(length);
        let failed = fail && random(state) % 3 == 0;
        let failure = Failure::new(FailureKind::Failed, "no value");
        answers.outcomes.push(if failed { Err(failure) } else { Ok(&numbers) });
    }
    if answers.outcomes.len() != 1 {
        answers.is_counted = true;
    }
    answers
}

/// Bits and failures, for comparison.
fn plain(answers: &Answers<'_>) -> Vec<Result<Vec<u64>, String>> {
    let outcomes = answers.outcomes.iter();
    outcomes.map(|outcome| outcome.map(bits).map_err(|failure| failure.message.to_string())).collect()
}

#[test]
fn outcomes_of_many_points_come_back_as_they_were_sent() {
    let mut state = 7;
    for _ in 0..if cfg!(miri) { 20 } else { 2_000 } {
        let answers = drawn(&mut state);
        let message = encoded(|into| answers.encode(into));
        let read = Answers::decode(&message).unwrap();
        assert_eq!(plain(&read), plain(&answers));
        assert_eq!((read.id, read.first, read.is_counted), ("1f", answers.first, answers.is_counted));
        assert_eq!((read.seconds, read.most), (answers.seconds, answers.most));
    }
}

#[test]
fn one_point_has_the_message_that_it_always_had() {
    for outcome in [Ok(vec![1.5, 2.5].into()), Err(Failure::new(FailureKind::Panic, "no"))] {
        let old = Answer { seconds: Some(0.25), worker: Some("host:7"), ..Answer::new("1f", outcome.clone()) };
        let mut new = Answers { seconds: Some(0.25), worker: Some("host:7"), ..Answers::new("1f") };
        new.outcomes.push(outcome.as_deref().map_err(Clone::clone));
        let message = encoded(|into| old.encode(into));
        assert_eq!(message, encoded(|into| new.encode(into)));
        assert_eq!(Answers::decode(&message).unwrap(), new);
    }
}

#[test]
fn what_does_not_add_up_is_no_answer() {
    let numbers: &[u8] = &[0x93, 1, 2, 3];
    let id: (&str, &[u8]) = ("id", &[0xa1, b'a']);
    let failure: &[u8] = &[0x91, 0x81, 0xa1, b'i', 1];
    let beyond: &[u8] = &[0x91, 0x81, 0xa1, b'i', 2];
    let twice: &[u8] = &[0x92, 0x81, 0xa1, b'i', 1, 0x81, 0xa1, b'i', 1];
    let cases: [&[(&str, &[u8])]; 11] = [
        // Two values of three numbers; no value, and numbers.
        &[("k", &[2]), ("y", numbers)],
        &[("k", &[0]), ("y", numbers)],
        // Lengths that are too few, too many, too long, no whole numbers, or of another sum.
        &[("k", &[2]), ("y", numbers), ("l", &[0x91, 3])],
        &[("k", &[2]), ("y", numbers), ("l", &[0x93, 1, 1, 1])],
        &[("k", &[2]), ("y", numbers), ("l", &[0x92, 1, 4])],
        &[("k", &[2]), ("y", numbers), ("l", &[0x92, 0xff, 4])],
        &[("k", &[2]), ("y", numbers), ("l", &[0x92, 1, 1])],
        // Failures beyond the points, and twice at the same.
        &[("k", &[2]), ("y", numbers), ("es", beyond)],
        &[("k", &[3]), ("y", &[0x91, 1]), ("es", twice)],
        // More points than a message may have.
        &[("k", &[0xcd, 4, 1]), ("y", &[0x90])],
        &[("i", &[0xcd, 4, 1]), ("y", numbers)],
    ];
    for case in cases {
        let message = map(&[&[("v", [1].as_slice()), id], case].concat());
        assert!(Answers::decode(&message).is_err(), "{case:?}");
    }
    let good = map(&[("v", &[1]), id, ("k", &[2]), ("y", numbers), ("es", failure)]);
    let good = Answers::decode(&good).unwrap();
    assert_eq!(plain(&good), [Ok(bits(&[1.0, 2.0, 3.0])), Err(String::new())]);
}

#[test]
fn whatever_arrives_as_answers_takes_little_memory() {
    let mut state = 3;
    for _ in 0..if cfg!(miri) { 50 } else { 20_000 } {
        let answers = drawn(&mut state);
        let mut message = encoded(|into| answers.encode(into));
        for _ in 0..1 + random(&mut state) % 3 {
            let at = random(&mut state) % message.len();
            message[at] ^= 1 << (random(&mut state) % 8);
        }
        message.truncate(message.len() - random(&mut state) % 2);
        if let Ok(read) = Answers::decode(&message) {
            assert!(read.outcomes.len() <= MAX_POINTS);
            assert!(plain(&read).iter().flatten().map(Vec::len).sum::<usize>() <= message.len());
        }
    }
}
