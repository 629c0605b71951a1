//! How a file is read: how often, how far, and what it says of itself.

use super::*;

/// A file of as many values of a thousand bytes, synced.
fn long(values: usize) -> Model {
    let model = Model::default();
    let (cache, log) = open_as::<Vec<u8>>(&model, "f 1").unwrap();
    (0..values).for_each(|i| cache.insert(nth(i), vec![i as u8; 1000]));
    assert!(log.commit());
    model
}

#[test]
fn a_file_is_read_once_a_mebibyte_at_a_time() {
    let model = long(4000);
    model.disk().reads = 0;
    assert_eq!(open_as::<Vec<u8>>(&model, "f 1").unwrap().0.len(), 4000);
    assert_eq!((model.bytes().len() >> 20, model.disk().reads), (3, 4));
}

#[test]
fn names_of_any_allowed_length_are_read_back() {
    #[derive(Clone)]
    struct Named;
    impl Durable for Named {
        fn encoding() -> String {
            "n".repeat(LONGEST_TYPE)
        }
        fn encode(&self, _: &mut Vec<u8>) {}
        fn decode(_: &mut &[u8]) -> Option<Self> {
            Some(Self)
        }
    }
    for length in [0, 1, 255, 256, 257, 4095, LONGEST_IDENTITY] {
        let identity = "f".repeat(length);
        let model = Model::default();
        open_as::<Named>(&model, &identity).unwrap().0.insert(0.5, Named);
        assert_eq!(open_as::<Named>(&model, &identity).unwrap().0.len(), 1);
        let error = open_as::<Named>(&model, "g").err().expect("refused");
        assert!(matches!(error, DurableError::Identity { found, .. } if found == identity));
    }
}

#[test]
fn damage_that_claims_more_than_the_file_has_hides_nothing_behind_it() {
    let bytes = file(100);
    let header = format::header("f64", "f 1", "").len();
    for at in [header + 1, header + 30] {
        let mut bytes = bytes.clone();
        // The beginning of a record of 4 GB.
        bytes[at..at + 5].copy_from_slice(&[0xc1, 0xff, 0xff, 0xff, 0xff]);
        let error = open(&Model::holding(&bytes)).err().expect("refused");
        let record = header as u64 + (at - header) as u64 / 25 * 25;
        assert!(matches!(error, DurableError::Corrupt { offset, .. } if offset == record), "{error}");
    }
}

#[test]
fn many_claims_of_a_little_more_than_the_file_has_hide_nothing_either() {
    let mut bytes = file(400);
    let header = format::header("f64", "f 1", "").len();
    for place in (header..header + 500).step_by(5) {
        // The beginning of a record that would end eight bytes after the file.
        let claimed = (bytes.len() - place - 9 + 8) as u32;
        bytes[place] = 0xc1;
        bytes[place + 1..place + 5].copy_from_slice(&claimed.to_le_bytes());
    }
    let error = open(&Model::holding(&bytes)).err().expect("refused");
    assert!(matches!(error, DurableError::Corrupt { offset, .. } if offset == header as u64), "{error}");
}

#[test]
fn a_header_cut_short_at_its_very_end_is_made_anew() {
    let mut bytes = format::header("f64", "f 1", "");
    bytes.iter_mut().rev().take(3).for_each(|byte| *byte = 0);
    let model = Model::holding(&bytes);
    let cache = open(&model).expect("nothing was in it").0;
    assert!(cache.is_empty());
    cache.insert(0.5, 2.0);
    drop(cache);
    assert_eq!(open(&model).unwrap().0.get(0.5), Some(2.0));
}

#[test]
fn the_search_behind_damage_made_to_be_long_is_given_up() {
    let mut bytes = file(2000);
    let (header, len) = (format::header("f64", "f 1", "").len(), bytes.len());
    for place in (header..header + 15_000).step_by(5) {
        // The beginning of a record that would end with the file: three thousand checksums over most of it.
        bytes[place] = 0xc1;
        bytes[place + 1..place + 5].copy_from_slice(&((len - place - 9) as u32).to_le_bytes());
    }
    // Only who writes such a file on purpose loses what is behind.
    assert!(open(&Model::holding(&bytes)).expect("given up").0.is_empty());
    bytes[header + 50..header + 15_000].fill(0);
    assert!(matches!(open(&Model::holding(&bytes)).err(), Some(DurableError::Corrupt { .. })));
}
