//! Whose arithmetic a file is.

use super::*;

/// A file of the model with `n` points that says that it is of this arithmetic, and nothing if there is none.
fn made_by(arithmetic: Option<&str>, n: usize) -> Model {
    let mut header = format::header("f64", "f 1", arithmetic.unwrap_or_default());
    if arithmetic.is_none() {
        // As version 1 of the format had it.
        header.truncate(format::names_of(&header).len());
        header[8..12].copy_from_slice(&1u32.to_le_bytes());
        let crc = format::CRC.checksum(&header);
        header.extend_from_slice(&crc.to_le_bytes());
    }
    let mut bytes = header;
    for i in 0..n {
        let mut record = format::point(nth(i), |into| f(nth(i)).encode(into)).unwrap();
        format::seal(&mut record, bytes.len() as u64);
        bytes.extend_from_slice(&record);
    }
    Model::holding(&bytes)
}

#[test]
fn a_new_file_says_whose_arithmetic_it_is_and_is_ours() {
    let model = Model::default();
    for loaded in [0, 1, 1] {
        let (cache, log) = open(&model).unwrap();
        let durability = cache.durability().unwrap();
        assert_eq!((durability.loaded, durability.arithmetic), (loaded, Some(Arithmetic::here())));
        cache.insert(0.5, f(0.5));
        assert!(log.commit());
        assert!(cache.same_arithmetic().is_ok());
    }
}

#[test]
fn a_file_of_the_format_before_is_opened_and_continued() {
    let model = made_by(None, 7);
    for loaded in [7, 8, 8] {
        let (cache, log) = open(&model).unwrap();
        let durability = cache.durability().unwrap();
        assert_eq!((durability.loaded, durability.dropped, durability.arithmetic), (loaded, 0, None));
        cache.insert(nth(7), f(nth(7)));
        assert!(log.commit());
        check(&cache, 8);
        assert!(cache.same_arithmetic().is_ok());
    }
}

#[test]
fn a_file_of_another_arithmetic_is_told_of_and_refused_when_asked() {
    let other = "glibc-no-fma:0cd71560 release";
    let model = made_by(Some(other), 3);
    let before = model.bytes();
    for _ in 0..2 {
        let (cache, _log) = open(&model).unwrap();
        assert_eq!(cache.durability().unwrap().arithmetic, Some(other.into()));
        check(&cache, 3);
        match cache.same_arithmetic() {
            Err(error @ DurableError::Arithmetic { .. }) => {
                let words = error.to_string();
                assert!(words.contains(other) && words.contains(Arithmetic::here().as_str()), "{words}");
            }
            refused => panic!("{refused:?}"),
        }
    }
    assert_eq!(model.bytes(), before);
}

#[test]
fn a_header_of_another_arithmetic_that_was_cut_short_is_no_file_yet() {
    let whole = format::header("f64", "f 1", "somewhere:01234567 release");
    for length in 0..whole.len() {
        let model = Model::holding(&whole[..length]);
        let (cache, _log) = open(&model).unwrap_or_else(|error| panic!("{length}: {error}"));
        assert_eq!(cache.durability().unwrap().arithmetic, Some(Arithmetic::here()), "{length}");
    }
}
