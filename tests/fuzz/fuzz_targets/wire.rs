//! Bytes from a pipe or a broker: errors or messages, and what was read can be written and read again.
#![no_main]

use coquad::wire::{Answer, Frames, Hello, Job, MAX_FRAME, Numbers, frame};
use libfuzzer_sys::fuzz_target;

fn message(bytes: &[u8]) {
    let mut again = Vec::new();
    if let Ok(hello) = Hello::decode(bytes) {
        hello.encode(&mut again);
        assert_eq!(Hello::decode(&again).as_ref(), Ok(&hello));
    }
    again.clear();
    if let Ok(job) = Job::decode(bytes) {
        job.encode(&mut again);
        // Not by `==`: a number may be NaN.
        assert_eq!(format!("{:?}", Job::decode(&again).as_ref()), format!("{:?}", Ok::<_, ()>(&job)));
    }
    again.clear();
    if let Ok(answer) = Answer::decode(bytes) {
        answer.encode(&mut again);
        assert_eq!(format!("{:?}", Answer::decode(&again).as_ref()), format!("{:?}", Ok::<_, ()>(&answer)));
        if let Ok(numbers) = &answer.outcome {
            let _ = (f64::from_numbers(numbers), <[f64; 3]>::from_numbers(numbers), Vec::<f64>::from_numbers(numbers));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    message(data);
    // In pieces, as they come from a pipe: the first byte says of what length.
    let Some((&size, bytes)) = data.split_first() else { return };
    let mut frames = Frames::default();
    let mut read = 0;
    for piece in bytes.chunks(1 + usize::from(size)) {
        frames.extend(piece);
        loop {
            match frames.next() {
                Ok(Some(bytes)) => {
                    read += 4 + bytes.len();
                    message(bytes);
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    assert!(read <= bytes.len() && bytes.len() < MAX_FRAME);
    assert_eq!(frames.is_partial(), read < bytes.len());
    let mut framed = Vec::new();
    frame(&mut framed, |into| into.extend_from_slice(bytes)).expect("it is short");
    let mut frames = Frames::default();
    frames.extend(&framed);
    assert_eq!(frames.next(), Ok(Some(bytes)));
});
