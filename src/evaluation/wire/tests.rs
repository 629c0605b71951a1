//! Bits survive, and nothing that arrives can do harm.

mod answers;

use num_complex::Complex;

use super::reader::Reader;
use super::*;

/// Floats whose bits are easily lost.
const DELICATE: [u64; 12] = [
    0,
    1 << 63,
    1,
    0x000f_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000,
    0xfff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    0x7ff0_0000_0000_0001,
    0xfff8_dead_beef_cafe,
    0x3ff0_0000_0000_0001,
    0x7fef_ffff_ffff_ffff,
    0x0010_0000_0000_0000,
];

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

fn delicate(length: usize) -> Vec<f64> {
    (0..length).map(|i| f64::from_bits(DELICATE[i % DELICATE.len()])).collect()
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes);
    bytes
}

fn full_job() -> Job<'static> {
    Job {
        id: "1f",
        function: "gap-v3",
        x: vec![0.5, -1.0].into(),
        axes: None,
        parameters: Some(&[1, 2, 3]),
        limit: Some(2.5),
        reply: Some("coquad1.s.res.r.1f"),
    }
}

fn full_answer() -> Answer<'static> {
    Answer {
        seconds: Some(0.25),
        worker: Some("host:7"),
        delivery: Some(2),
        ..Answer::new("1f", Ok(vec![1.5, 2.5].into()))
    }
}

/// A map of these keys and raw values.
fn map(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0x80 | u8::try_from(entries.len()).unwrap()];
    for (key, value) in entries {
        bytes.push(0xa0 | u8::try_from(key.len()).unwrap());
        bytes.extend_from_slice(key.as_bytes());
        bytes.extend_from_slice(value);
    }
    bytes
}

#[test]
fn every_bit_of_a_number_survives_as_array_and_as_bytes() {
    for length in [0, 1, 12, 64, 65, 1000] {
        let numbers = delicate(length);
        let job = encoded(|into| Job { id: "a", x: numbers.clone().into(), ..Job::default() }.encode(into));
        assert_eq!(bits(&Job::decode(&job).unwrap().x), bits(&numbers));
        let answer = encoded(|into| Answer::new("a", Ok(numbers.clone().into())).encode(into));
        assert_eq!(bits(&Answer::decode(&answer).unwrap().outcome.unwrap()), bits(&numbers));
        // An array takes nine bytes for a number, bytes take eight.
        assert!(job.len() < 32 + if length > 64 { 8 } else { 9 } * length);
    }
}

#[test]
fn messages_come_back_as_they_were_sent() {
    let job = full_job();
    assert_eq!(Job::decode(&encoded(|into| job.encode(into))).unwrap(), job);
    let answer = full_answer();
    assert_eq!(Answer::decode(&encoded(|into| answer.encode(into))).unwrap(), answer);
    let plane = Job { x: vec![0.5, -1.0, 0.25, 2.0].into(), axes: Some(2), ..full_job() };
    assert_eq!(Job::decode(&encoded(|into| plane.encode(into))).unwrap(), plane);
    assert_eq!((plane.points(), full_job().points()), (2, 2));
    let arithmetic = Some("glibc-fma:eaf47106 release");
    let hello = Hello { function: "gap-v3", arithmetic, most: Some(64), build: Some("b1"), axes: Some(3) };
    assert_eq!(Hello::decode(&encoded(|into| hello.encode(into))).unwrap(), hello);
    for (kind, _) in super::messages::KINDS {
        let failed = Answer::new("1", Err(Failure::new(kind, "no")));
        assert_eq!(Answer::decode(&encoded(|into| failed.encode(into))).unwrap(), failed);
    }
}

/// Who knows of one number only looks for `x`, and must not find one number of several there.
#[test]
fn points_of_several_numbers_are_no_points_of_one() {
    let one = encoded(|into| full_job().encode(into));
    assert_eq!(encoded(|into| Job { axes: Some(1), ..full_job() }.encode(into)), one, "one number is as before");
    let two = encoded(|into| Job { axes: Some(2), ..full_job() }.encode(into));
    let mut keys = Vec::new();
    super::messages::read(&two, |key, _| {
        keys.push(key.to_owned());
        Ok(false)
    })
    .unwrap();
    assert_eq!(keys, ["id", "f", "d", "xs", "p", "t", "r"]);
    let id = ("id", &[0xa1, b'a'][..]);
    let v = ("v", &[1][..]);
    let (x, xs) = (("x", &[0x92, 1, 2][..]), ("xs", &[0x92, 1, 2][..]));
    for d in [1, 2] {
        assert_eq!(Job::decode(&map(&[v, id, xs, ("d", &[d])])).unwrap().points(), 2 / usize::from(d));
    }
    for entries in [&[v, id, xs][..], &[v, id, x, ("d", &[2])], &[v, id, x, xs], &[v, id, ("d", &[2])]] {
        assert!(Job::decode(&map(entries)).is_err(), "{entries:?}");
    }
    for d in [&[0][..], &[3], &[0xcf, 255, 255, 255, 255, 255, 255, 255, 255], &[0xff]] {
        assert!(Job::decode(&map(&[v, id, xs, ("d", d)])).is_err(), "{d:?}");
    }
}

#[test]
fn unknown_keys_are_passed_over_whatever_they_hold() {
    let deep: Vec<u8> = std::iter::repeat_n(0x91, if cfg!(miri) { 500 } else { 500_000 }).chain([0xc0]).collect();
    let values: [&[u8]; 16] = [
        &[0xc0],
        &[0xc3],
        &[0xcd, 1, 2],
        &[0xd3, 1, 2, 3, 4, 5, 6, 7, 8],
        &[0xca, 1, 2, 3, 4],
        &[0xa2, b'h', b'i'],
        &[0xd9, 1, b'x'],
        &[0xc4, 2, 1, 2],
        &[0xd4, 1, 9],
        &[0xd8, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        &[0xc7, 1, 5, 9],
        &[0x92, 0x93, 1, 2, 3, 0xff],
        &[0x82, 1, 2, 3, 0x91, 4],
        &[0xdc, 0, 2, 1, 2],
        &[0xdf, 0, 0, 0, 1, 1, 2],
        &deep,
    ];
    for value in values {
        let message = map(&[("v", &[1]), ("new", value), ("id", &[0xa1, b'a']), ("x", &[0x91, 1])]);
        assert_eq!(Job::decode(&message).unwrap().x[..], [1.0]);
    }
}

#[test]
fn integers_and_single_floats_stand_for_floats() {
    let values: [(&[u8], f64); 10] = [
        (&[1], 1.0),
        (&[0xff], -1.0),
        (&[0xcc, 200], 200.0),
        (&[0xcd, 1, 0], 256.0),
        (&[0xce, 0, 1, 0, 0], 65536.0),
        (&[0xcf, 0, 0, 0, 1, 0, 0, 0, 0], 4_294_967_296.0),
        (&[0xd0, 0x80], -128.0),
        (&[0xd1, 0x80, 0], -32768.0),
        (&[0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], -2.0),
        (&[0xca, 0x3f, 0x80, 0, 0], 1.0),
    ];
    for (value, number) in values {
        let listed: Vec<u8> = [0x91].iter().chain(value).copied().collect();
        for y in [value, &listed] {
            let message = map(&[("v", &[1]), ("id", &[0xa1, b'a']), ("y", y)]);
            assert_eq!(Answer::decode(&message).unwrap().outcome.unwrap()[..], [number]);
        }
    }
}

#[test]
fn a_message_cut_anywhere_is_refused() {
    let job = encoded(|into| full_job().encode(into));
    let answer = encoded(|into| full_answer().encode(into));
    let failed = encoded(|into| Answer::new("1", Err(Failure::new(FailureKind::Panic, "no"))).encode(into));
    for end in 0..job.len() {
        assert!(matches!(Job::decode(&job[..end]), Err(WireError::Malformed { .. })), "cut at {end}");
    }
    for message in [answer, failed] {
        for end in 0..message.len() {
            assert!(matches!(Answer::decode(&message[..end]), Err(WireError::Malformed { .. })), "cut at {end}");
        }
    }
}

#[test]
fn what_is_no_message_is_refused() {
    let id: &[u8] = &[0xa1, b'a'];
    let long = [&[0xd9, 255][..], &[b'a'; 255], &[0xc0]].concat();
    let huge_array: &[u8] = &[0xdd, 0xff, 0xff, 0xff, 0xff];
    let huge_bin: &[u8] = &[0xc6, 0xff, 0xff, 0xff, 0xff];
    let table: Vec<Vec<u8>> = vec![
        vec![],
        vec![0xc1],
        b"Hello, world".to_vec(),
        vec![0x90],
        vec![0xdf, 0xff, 0xff, 0xff, 0xff],
        map(&[("id", id), ("y", &[1])]),
        map(&[("v", &[1]), ("y", &[1])]),
        map(&[("v", &[1]), ("id", id)]),
        map(&[("v", &[1]), ("id", &[7]), ("y", &[1])]),
        map(&[("v", &[1]), ("id", &[0xa1, 0xff]), ("y", &[1])]),
        map(&[("v", &[1]), ("id", id), ("y", huge_array)]),
        map(&[("v", &[1]), ("id", id), ("y", huge_bin)]),
        map(&[("v", &[1]), ("id", id), ("y", &[0xc4, 3, 1, 2, 3])]),
        map(&[("v", &[1]), ("id", id), ("y", id)]),
        map(&[("v", &[1]), ("id", id), ("y", &[0x91, 0xc0])]),
        map(&[("v", &[1]), ("id", id), ("y", &[1]), ("e", &[0x80])]),
        map(&[("v", &[1]), ("id", id), ("e", &[1])]),
        map(&[("v", &[1]), ("id", id), ("new", huge_array)]),
        map(&[("v", &[1]), ("id", id), ("new", &[0xc1])]),
        map(&[("v", &[0xff]), ("id", id), ("y", &[1])]),
        [map(&[("v", &[1]), ("id", id), ("y", &[1])]), vec![0]].concat(),
        [&[0x81][..], &long].concat(),
    ];
    for message in &table {
        assert!(matches!(Answer::decode(message), Err(WireError::Malformed { .. })), "{message:?}");
    }
    let next = map(&[("v", &[2]), ("id", id), ("y", &[1])]);
    assert_eq!(Answer::decode(&next), Err(WireError::Version { found: 2 }));
}

#[test]
fn random_bytes_and_flipped_bits_never_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let valid = [encoded(|into| full_job().encode(into)), encoded(|into| full_answer().encode(into))];
    for round in 0..if cfg!(miri) { 1000 } else { 100_000 } {
        let mut bytes = valid[round % 2].clone();
        if round % 3 == 0 {
            bytes = (0..random() % 64).map(|_| random() as u8).collect();
        } else {
            let at = random() as usize % bytes.len();
            bytes[at] ^= 1 << (random() % 8);
        }
        let _ = (Job::decode(&bytes), Answer::decode(&bytes), Hello::decode(&bytes));
    }
}

#[test]
fn frames_come_out_however_the_stream_is_cut() {
    let messages: Vec<Vec<u8>> =
        [0, 1, 3, 300, if cfg!(miri) { 700 } else { 70_000 }].iter().map(|&n| vec![n as u8; n]).collect();
    let mut stream = Vec::new();
    for message in &messages {
        frame(&mut stream, |into| into.extend_from_slice(message)).unwrap();
    }
    for piece in [1, 2, 3, 5, 1000, stream.len()] {
        let mut frames = Frames::default();
        let mut found = Vec::new();
        for bytes in stream.chunks(piece) {
            frames.extend(bytes);
            while let Some(message) = frames.next().unwrap() {
                found.push(message.to_vec());
            }
        }
        assert_eq!(found, messages);
        assert!(!frames.is_partial());
    }
}

#[test]
fn frames_over_the_limit_are_refused_on_both_sides() {
    for length in [MAX_FRAME + 1, 1 << 24, u32::MAX as usize] {
        let mut frames = Frames::default();
        frames.extend(&u32::try_from(length).unwrap().to_le_bytes());
        assert_eq!(frames.next(), Err(WireError::TooLong { length }));
    }
    let mut frames = Frames::default();
    frames.extend(&u32::try_from(MAX_FRAME).unwrap().to_le_bytes());
    assert_eq!(frames.next(), Ok(None));
    let mut into = vec![7];
    let refused = frame(&mut into, |into| into.resize(into.len() + MAX_FRAME + 1, 0));
    assert_eq!(refused, Err(WireError::TooLong { length: MAX_FRAME + 1 }));
    assert_eq!(into, [7]);
    // The longest there is, which takes miri minutes.
    if cfg!(miri) {
        return;
    }
    let mut frames = Frames::default();
    frame(&mut into, |into| into.resize(into.len() + MAX_FRAME, 0)).unwrap();
    frames.extend(&into[1..]);
    assert_eq!(frames.next().unwrap().map(<[u8]>::len), Some(MAX_FRAME));
}

#[test]
fn errors_say_what_is_wrong() {
    let texts = [
        (WireError::TooLong { length: 7 }, "a message of 7 bytes is over the limit of 1048576"),
        (WireError::Version { found: 9 }, "protocol version 9 is not 1"),
        (WireError::malformed("no id"), "malformed message: no id"),
    ];
    texts.into_iter().for_each(|(error, text)| assert_eq!(error.to_string(), text));
}

#[test]
fn texts_are_cut_and_made_printable() {
    let text = "é\x1b[31m\n".repeat(4000);
    let sent = encoded(|into| Answer::new("1", Err(Failure::new(FailureKind::Failed, text.as_str()))).encode(into));
    assert!(sent.len() < MAX_TEXT + 64);
    let got = Answer::decode(&sent).unwrap().outcome.unwrap_err();
    assert!(got.message.len() <= MAX_TEXT && got.message.starts_with(r"é\u{1b}[31m\n"), "{got:?}");
    assert!(!got.message.chars().any(char::is_control));
    let python = map(&[("kind", &[0xa3, b'O', b'o', b'h']), ("msg", &[0xa1, b'x'])]);
    let message = map(&[("v", &[1]), ("id", &[0xa1, b'a']), ("e", &python)]);
    assert_eq!(Answer::decode(&message).unwrap().outcome, Err(Failure::new(FailureKind::Failed, "Ooh: x")));
}

#[test]
fn texts_are_cut_between_characters_and_no_sooner() {
    let fits = "a".repeat(MAX_TEXT);
    assert_eq!(printable(&fits), fits);
    // The last character would end one byte too late.
    let long = format!("{}éb", "a".repeat(MAX_TEXT - 1));
    assert_eq!(printable(&long), "a".repeat(MAX_TEXT - 1));
    let sent = encoded(|into| Answer::new("1", Err(Failure::new(FailureKind::Failed, long.as_str()))).encode(into));
    assert!(!sent.windows(2).any(|bytes| bytes == "é".as_bytes()), "cut before it is sent");
    assert_eq!(Answer::decode(&sent).unwrap().outcome.unwrap_err().message, "a".repeat(MAX_TEXT - 1));
}

#[test]
fn an_id_has_at_most_256_bytes() {
    for (length, fits) in [(1, true), (256, true), (257, false)] {
        let id = "a".repeat(length);
        let sent = encoded(|into| Job { id: &id, ..full_job() }.encode(into));
        assert_eq!(Job::decode(&sent).is_ok_and(|job| job.id == id), fits, "{length}");
    }
}

#[test]
fn a_stream_says_whether_it_ends_within_a_message() {
    let mut frames = Frames::default();
    assert!(!frames.is_partial());
    for (bytes, message) in [(&[2, 0][..], None), (&[0, 0, 7], None), (&[8], Some(&[7, 8][..]))] {
        frames.extend(bytes);
        assert!(frames.is_partial());
        assert_eq!(frames.next().unwrap(), message);
    }
    assert!(!frames.is_partial());
}

/// What is read if it is all there is.
fn alone<'a, T>(bytes: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<T, WireError>) -> Option<T> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader).ok()?;
    reader.end().is_ok().then_some(value)
}

#[test]
fn whatever_is_due_may_come_in_every_form() {
    for (bytes, entries) in [(&[0x82][..], 2), (&[0xde, 1, 2], 258), (&[0xdf, 0, 1, 0, 2], 65_538)] {
        assert_eq!(alone(bytes, Reader::map), Some(entries));
    }
    for head in [&[0xa2][..], &[0xd9, 2], &[0xda, 0, 2], &[0xdb, 0, 0, 0, 2]] {
        assert_eq!(alone(&[head, b"ab"].concat(), Reader::text), Some("ab"));
    }
    for head in [&[0xc4, 2][..], &[0xc5, 0, 2], &[0xc6, 0, 0, 0, 2]] {
        assert_eq!(alone(&[head, b"ab"].concat(), Reader::binary), Some(&b"ab"[..]));
    }
    for head in [&[0x92][..], &[0xdc, 0, 2], &[0xdd, 0, 0, 0, 2]] {
        assert_eq!(alone(&[head, &[5, 0xff]].concat(), Reader::numbers), Some(vec![5.0, -1.0]));
    }
    let numbers: [(&[u8], f64); 12] = [
        (&[0x7f], 127.0),
        (&[0xe0], -32.0),
        (&[0xcc, 200], 200.0),
        (&[0xcd, 1, 0], 256.0),
        (&[0xce, 1, 0, 0, 0], 16_777_216.0),
        (&[0xcf, 0, 0, 0, 1, 0, 0, 0, 0], 4_294_967_296.0),
        (&[0xd0, 0x80], -128.0),
        (&[0xd1, 0xff, 0], -256.0),
        (&[0xd2, 0xff, 0, 0, 0], -16_777_216.0),
        (&[0xd3, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], -4_294_967_296.0),
        (&[0xca, 0x3f, 0x80, 0, 0], 1.0),
        (&[0xcb, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0], -1.0),
    ];
    for (bytes, number) in numbers {
        assert_eq!(alone(bytes, Reader::number), Some(number));
        let is_count = number >= 0.0 && bytes[0] != 0xca;
        assert_eq!(alone(bytes, Reader::count), is_count.then_some(number as u64), "{bytes:?}");
        assert_eq!(alone(bytes, Reader::skip), Some(()));
    }
    for (bytes, count) in [(&[0xd0, 5][..], 5), (&[0xd1, 1, 0], 256), (&[0xd2, 0, 1, 0, 0], 65_536)] {
        assert_eq!(alone(bytes, Reader::count), Some(count));
    }
    assert_eq!(alone(&[0xd3, 0, 0, 0, 1, 0, 0, 0, 0], Reader::count), Some(1 << 32));
}

#[test]
fn what_is_passed_over_is_passed_over_whole() {
    let values = [1, 2, 3, 4, 5, 6];
    for head in [&[0x96][..], &[0xdc, 0, 6], &[0xdd, 0, 0, 0, 6], &[0x83], &[0xde, 0, 3], &[0xdf, 0, 0, 0, 3]] {
        assert_eq!(alone(&[head, &values].concat(), Reader::skip), Some(()), "{head:?}");
        assert_eq!(alone(&[head, &values[1..]].concat(), Reader::skip), None);
        assert_eq!(alone(&[head, &values, &values[..1]].concat(), Reader::skip), None);
    }
}

fn there_and_back<T: Numbers>(value: &T) -> (Vec<f64>, Option<T>) {
    let mut list = Vec::new();
    value.to_numbers(&mut list);
    let back = T::from_numbers(&list);
    (list, back)
}

#[test]
fn values_are_lists_of_numbers_and_back() {
    assert_eq!(there_and_back(&0.1f64).1, Some(0.1));
    assert_eq!(there_and_back(&0.1f32).1, Some(0.1));
    let complex = [Complex::new(1.0, -2.0), Complex::new(3.0, f64::INFINITY)];
    assert_eq!(there_and_back(&complex), (vec![1.0, -2.0, 3.0, f64::INFINITY], Some(complex)));
    let rows = vec![[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]];
    assert_eq!(there_and_back(&rows), (vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Some(rows)));
    let twice = vec![Complex::new(Complex::new(1.0, 2.0), Complex::new(3.0, 4.0)); 2];
    assert_eq!(there_and_back(&twice).1, Some(twice));
    assert_eq!(there_and_back(&Vec::<f64>::new()).1, Some(vec![]));
    assert_eq!(there_and_back(&Vec::<[f64; 0]>::new()).1, Some(vec![]));
}

#[test]
fn lists_of_another_length_are_no_value() {
    assert_eq!(f64::from_numbers(&[]), None);
    assert_eq!(f64::from_numbers(&[1.0, 2.0]), None);
    assert_eq!(f32::from_numbers(&[1.0, 2.0]), None);
    assert_eq!(Complex::<f64>::from_numbers(&[]), None);
    assert_eq!(Complex::<f64>::from_numbers(&[1.0]), None);
    assert_eq!(Complex::<f64>::from_numbers(&[1.0, 2.0, 3.0]), None);
    assert_eq!(<[f64; 2]>::from_numbers(&[1.0]), None);
    assert_eq!(<[f64; 2]>::from_numbers(&[1.0, 2.0, 3.0]), None);
    assert_eq!(Vec::<[f64; 2]>::from_numbers(&[1.0, 2.0, 3.0]), None);
    assert_eq!(Vec::<[f64; 0]>::from_numbers(&[1.0]), None);
}
