//! The durable cache on a model of a disk: power cuts, failing operations, damaged bytes. Every trial has a seed, which a
//! failure prints.

mod arithmetic;
mod boxes;
mod files;
mod model;
mod reading;

use std::collections::HashMap;

use num_complex::Complex;

use self::model::{Fault, Model, Random, Row, row};
use super::*;
use crate::evaluation::points::cache::PointCache;

/// A cache on the model, and its log: nothing is synced but by the test.
fn open_as<T>(model: &Model, identity: &str) -> Result<(PointCache<T>, Arc<Log>), DurableError>
where
    T: Durable + Clone + Send + Sync + 'static,
{
    let (cache, log, found) = PointCache::load(Box::new(model.clone()), "model".into(), identity)?;
    Ok((cache.kept(Keeper { journal: Journal::new(log.clone()), found }), log))
}

fn open(model: &Model) -> Result<(PointCache<f64>, Arc<Log>), DurableError> {
    open_as(model, "f 1")
}

fn f(x: f64) -> f64 {
    1.0 / (x + 0.5)
}

fn nth(i: usize) -> f64 {
    i as f64 / 64.0
}

/// Every value is that of `f` at its point; returns which of the first `n` points there are.
fn check(cache: &PointCache<f64>, n: usize) -> Vec<bool> {
    let there: Vec<bool> = (0..n)
        .map(|i| {
            let value = cache.get(nth(i));
            assert!(value.is_none_or(|value| value.to_bits() == f(nth(i)).to_bits()), "a wrong value at {i}");
            value.is_some()
        })
        .collect();
    assert_eq!(there.iter().filter(|&&there| there).count(), cache.len(), "a point nobody wrote");
    there
}

/// A file of `n` points, synced a few at a time.
fn file(n: usize) -> Vec<u8> {
    let model = Model::default();
    let (cache, log) = open(&model).unwrap();
    for i in 0..n {
        cache.insert(nth(i), f(nth(i)));
        if i % 7 == 6 || i + 1 == n {
            assert!(log.commit());
        }
    }
    model.bytes()
}

/// Opens, writes and syncs as it comes, until the power fails or the work is done. `acknowledged` holds over all lives
/// of the file.
fn live(model: &Model, random: &mut Random, points: usize, acknowledged: &mut [bool]) {
    let Ok((cache, log)) = open(model) else {
        assert!(model.disk().fault.is_some(), "a file that was cut short is not opened");
        return;
    };
    let there = check(&cache, acknowledged.len());
    for (i, &acknowledged) in acknowledged.iter().enumerate() {
        assert!(there[i] || !acknowledged, "point {i} was acknowledged and is lost");
    }
    for _ in 0..points {
        let i = random.below(acknowledged.len() as u64) as usize;
        cache.insert(nth(i), f(nth(i)));
        if random.below(4) == 0 {
            let stored = check(&cache, acknowledged.len());
            if log.commit() {
                acknowledged.copy_from_slice(&stored);
            }
        }
    }
}

#[test]
fn no_acknowledged_point_is_lost_in_power_cuts() {
    let row = row("e2", 10_000);
    for seed in row.seeds.clone() {
        let random = &mut Random::new(seed);
        let model = Model::default();
        let mut acknowledged = vec![false; 100];
        let trial = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..4 {
                let operations = model.disk().operations;
                // Anywhere, opening included; a quarter of the times nowhere before the end.
                let at = operations + random.below(40) as usize;
                model.disk().fault = (random.below(4) > 0).then_some(Fault::PowerCut(at));
                let points = random.below(60) as usize;
                live(&model, random, points, &mut acknowledged);
                model.cut_power(random);
            }
            live(&model, random, 0, &mut acknowledged);
        }));
        assert!(trial.is_ok(), "replay with seed {seed}");
    }
}

#[test]
fn the_power_may_fail_at_any_operation() {
    let operations = {
        let model = Model::default();
        let mut acknowledged = vec![false; 50];
        live(&model, &mut Random::new(1), 60, &mut acknowledged);
        model.disk().operations
    };
    assert!(operations > 50);
    let _row = Row::all("e2_any", 20 * operations);
    for at in 0..operations {
        for seed in 0..20 {
            let model = Model::default();
            let mut acknowledged = vec![false; 50];
            model.disk().fault = Some(Fault::PowerCut(at));
            live(&model, &mut Random::new(1), 60, &mut acknowledged);
            let random = &mut Random::new(seed);
            model.cut_power(random);
            // And again while it is opened.
            let again = model.disk().operations + random.below(4) as usize;
            model.disk().fault = Some(Fault::PowerCut(again));
            live(&model, random, 0, &mut acknowledged);
            model.cut_power(random);
            live(&model, random, 0, &mut acknowledged);
        }
    }
}

#[test]
fn a_failing_operation_is_the_last_and_the_cache_goes_on() {
    let script = |model: &Model| -> Option<(usize, Option<usize>)> {
        let (cache, log) = open(model).ok()?;
        let (mut acknowledged, mut failed_at) = (0, None);
        for i in 0..40 {
            cache.insert(nth(i), f(nth(i)));
            if i % 5 == 4 && log.commit() {
                acknowledged = i + 1;
            }
            if failed_at.is_none() && log.lock().failure.is_some() {
                failed_at = Some(model.disk().operations);
            }
        }
        assert_eq!(check(&cache, 40), [true; 40]);
        let state = log.lock();
        assert_eq!(state.failure.is_some(), failed_at.is_some());
        assert!(failed_at.is_none_or(|at| at == model.disk().operations), "something was tried after a failure");
        assert!(matches!(state.failure, None | Some(DurableError::Io { .. })));
        Some((acknowledged, failed_at))
    };
    let model = Model::default();
    assert_eq!(script(&model), Some((40, None)));
    let operations = model.disk().operations;
    let _row = Row::all("e6", 2 * operations);
    for fault in (0..operations).flat_map(|at| [Fault::Fails(at), Fault::IsShort(at)]) {
        let model = Model::default();
        model.disk().fault = Some(fault);
        let acknowledged = match script(&model) {
            Some((acknowledged, failed_at)) => {
                assert!(failed_at.is_some(), "{fault:?} was not noticed");
                acknowledged
            }
            None => 0,
        };
        model.disk().fault = None;
        let (cache, _) = open(&model).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert!(check(&cache, 40)[..acknowledged].iter().all(|&there| there), "{fault:?}");
    }
}

#[test]
fn a_file_cut_at_any_byte_keeps_the_points_before() {
    let bytes = file(100);
    let header = format::header("f64", "f 1", "").len();
    let mut before = 0;
    let _row = Row::all("e3", bytes.len() + 1);
    for length in 0..=bytes.len() {
        let model = Model::holding(&bytes[..length]);
        let (cache, log, found) = PointCache::<f64>::load(Box::new(model.clone()), "model".into(), "f 1").unwrap();
        check(&cache, 100);
        assert!(cache.len() >= before, "a longer file holds fewer points");
        before = cache.len();
        let kept = if length < header { 0 } else { found.end };
        assert_eq!(kept + found.dropped, length as u64, "cut at {length}");
        assert_eq!(log.lock().persisted, cache.len());
        // It is as good as new.
        let (again, ..) = PointCache::<f64>::load(Box::new(model), "model".into(), "f 1").unwrap();
        assert_eq!(again.len(), cache.len());
    }
    assert_eq!(before, 100);
}

#[test]
fn no_flipped_bit_gives_a_wrong_value() {
    let bytes = file(100);
    let header = format::header("f64", "f 1", "").len();
    let last = bytes.len() - 17; // The last mark.
    let _row = Row::all("e4_bits", 8 * bytes.len());
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let model = Model::holding(&bytes);
        match open(&model) {
            Ok((cache, _)) => {
                assert!(bit / 8 >= last, "bit {bit} was not noticed");
                assert_eq!(check(&cache, 100), [true; 100]);
            }
            Err(DurableError::Corrupt { offset, .. }) => {
                assert!(offset as usize <= bit / 8 && bit / 8 < last, "bit {bit}: offset {offset}");
                assert!(offset == 0 || bit / 8 - (offset as usize) < 25, "bit {bit}: offset {offset}");
                assert_eq!(model.bytes(), bytes, "a file that is refused was changed");
            }
            Err(error) => assert!(bit / 8 < header, "bit {bit}: {error}"),
        }
        let mut values = Vec::new();
        let read = recovery::read(&model, "f64", "f 1", OnDamage::Skip, |x: f64, value| {
            values.push((x, decode::<f64>(value).unwrap()));
            true
        });
        assert!(values.iter().all(|&(x, value)| value.to_bits() == f(x).to_bits()), "bit {bit}");
        assert!(read.is_err() && bit / 8 < header || values.len() >= 99, "bit {bit}: {} points", values.len());
    }
}

#[test]
fn no_damage_gives_a_wrong_value() {
    let whole = file(100);
    let row = row("e4_damage", 30_000);
    for seed in row.seeds.clone() {
        let random = &mut Random::new(seed);
        let mut bytes = whole.clone();
        for _ in 0..=random.below(8) {
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(4) {
                0 => bytes[at] = random.below(256) as u8,
                1 => bytes[at] ^= 1 << random.below(8),
                2 => drop(bytes.drain(at..(at + random.below(64) as usize).min(bytes.len()))),
                _ => {
                    let piece = bytes[at..(at + 40).min(bytes.len())].to_vec();
                    let to = random.below(bytes.len() as u64) as usize;
                    bytes.splice(to..to, piece);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        let sound = std::panic::catch_unwind(|| {
            let model = Model::holding(&bytes);
            if let Ok((cache, _)) = open(&model) {
                check(&cache, 100);
            }
            let _ = recovery::read(&model, "f64", "f 1", OnDamage::Skip, |x: f64, value| {
                assert_eq!(decode::<f64>(value).unwrap().to_bits(), f(x).to_bits());
                true
            });
        });
        assert!(sound.is_ok(), "replay with seed {seed}");
    }
}

#[test]
fn a_file_of_another_function_type_or_format_is_refused_untouched() {
    let ours = file(10);
    let mut newer = ours.clone();
    newer[8] = 3;
    let refuse = |bytes: &[u8], identity: &str| {
        let model = Model::holding(bytes);
        let error = open_as::<f64>(&model, identity).err().expect("refused");
        assert_eq!(model.disk().operations, 0, "{error}");
        assert_eq!(model.bytes(), bytes, "{error}");
        error
    };
    assert!(matches!(refuse(&ours, "f 2"), DurableError::Identity { found, .. } if found == "f 1"));
    assert!(matches!(refuse(&ours, ""), DurableError::Identity { .. }));
    assert!(matches!(refuse(&newer, "f 1"), DurableError::Version { found: 3, expected: 2, .. }));
    assert!(matches!(refuse(b"x", "f 1"), DurableError::NotACache { .. }));
    assert!(matches!(refuse(&[7; 5000], "f 1"), DurableError::NotACache { .. }));
    assert!(matches!(refuse(&[0; 5000], "f 1"), DurableError::NotACache { .. }));
    let model = Model::holding(&ours);
    let error = open_as::<f32>(&model, "f 1").err().expect("refused");
    assert!(matches!(error, DurableError::ValueType { found, expected, .. } if found == "f64" && expected == "f32"));
    assert_eq!(model.bytes(), ours);
    let long = "f".repeat(4097);
    assert!(matches!(open_as::<f64>(&model, &long), Err(DurableError::TooLong { length: 4097, limit: 4096 })));
}

#[test]
fn values_come_back_to_the_bit() {
    fn there_and_back<T: Durable + Clone + Send + Sync + 'static>(value: &T) -> T {
        let model = Model::default();
        let (cache, log) = open_as::<T>(&model, "g").unwrap();
        cache.insert(-0.0, value.clone());
        assert!(log.commit());
        drop(cache);
        open_as::<T>(&model, "g").unwrap().0.get(-0.0).expect("the point is there")
    }
    for bits in [0, 1 << 63, 0x7ff8_dead_beef_0001, 0xfff0_0000_0000_0001, f64::INFINITY.to_bits(), 1] {
        let x = f64::from_bits(bits);
        assert_eq!(there_and_back(&x).to_bits(), bits);
        assert_eq!(there_and_back(&Complex::new(1.0, x)).im.to_bits(), bits);
        assert_eq!(there_and_back(&[1.0, x, 2.0])[1].to_bits(), bits);
        assert_eq!(there_and_back(&vec![vec![], vec![x]])[1][0].to_bits(), bits);
    }
    assert_eq!(there_and_back(&f32::from_bits(0x7fc0_1234)).to_bits(), 0x7fc0_1234);
    assert_eq!(there_and_back(&Vec::<[f64; 0]>::from([[], []])).len(), 2);
    assert_eq!(there_and_back(&u64::MAX), u64::MAX);
}

#[test]
fn nothing_is_written_once_it_is_closed() {
    let model = Model::default();
    let (cache, log) = open(&model).unwrap();
    cache.insert(0.5, f(0.5));
    drop(cache);
    // Another may have it open by now. What is written is synced all the same.
    let bytes = model.bytes();
    assert!(log.commit());
    log.write(format::point(1.0, |_| {}).unwrap());
    assert_eq!((model.bytes(), log.lock().persisted), (bytes, 1));
}

#[test]
fn there_is_something_to_sync_until_all_is() {
    let model = Model::default();
    let (cache, log) = open(&model).unwrap();
    cache.insert(0.5, f(0.5));
    assert!(log.wait() && log.commit());
    cache.insert(0.25, f(0.25));
    drop(cache);
    assert!(log.wait() && log.commit() && !log.wait());
    // Nor is there after a failure.
    let (cache, log) = open(&model).unwrap();
    let operations = model.disk().operations;
    model.disk().fault = Some(Fault::Fails(operations));
    cache.insert(0.75, f(0.75));
    assert!(!log.wait() && !log.commit());
    let operations = model.disk().operations;
    log.write(format::point(1.0, |_| {}).unwrap());
    assert_eq!(model.disk().operations, operations);
}

#[test]
fn files_longer_than_what_is_read_at_once_are_read() {
    let model = Model::default();
    let (cache, log) = open_as::<Vec<u8>>(&model, "f 1").unwrap();
    let lengths = [10, 700_000, 400_000, 5, 1_500_000, 0, 1 << 20, 7];
    let value = |i: usize| vec![i as u8; lengths[i]];
    (0..lengths.len()).for_each(|i| cache.insert(nth(i), value(i)));
    assert!(log.commit());
    let opened = open_as::<Vec<u8>>(&model, "f 1").unwrap().0;
    assert!((0..lengths.len()).all(|i| opened.get(nth(i)) == Some(value(i))));
    // Damage is searched behind, too.
    let mut bytes = model.bytes();
    bytes[1000] ^= 1;
    let mut xs = Vec::new();
    let found = recovery::read(&Model::holding(&bytes), "[u8]", "f 1", OnDamage::Skip, |x: f64, _| {
        xs.push(x.to_bits());
        true
    });
    let skipped = found.unwrap().skipped;
    let expected: Vec<u64> = (0..lengths.len()).filter(|&i| i != 1).map(|i| nth(i).to_bits()).collect();
    assert_eq!((xs, skipped), (expected, 5 + 8 + 8 + 700_000 + 4));
}

#[test]
fn encodings_have_names_of_their_own() {
    let names = [
        (f64::encoding(), "f64"),
        (u8::encoding(), "u8"),
        (Complex::<f32>::encoding(), "complex f32"),
        (<[i64; 3]>::encoding(), "[i64; 3]"),
        (Vec::<Vec<i32>>::encoding(), "[[i32]]"),
    ];
    names.into_iter().for_each(|(name, expected)| assert_eq!(name, expected));
}

#[test]
fn each_point_is_written_once() {
    let model = Model::default();
    let (cache, log) = open(&model).unwrap();
    for _ in 0..3 {
        cache.insert(0.5, f(0.5));
    }
    let counted = |log: &Log| {
        let state = log.lock();
        (state.written, state.persisted)
    };
    assert_eq!(counted(&log), (1, 0));
    assert!(log.commit());
    let (length, operations) = (model.bytes().len(), model.disk().operations);
    let (again, log) = open(&model).unwrap();
    assert_eq!(model.disk().operations, operations + 1, "a whole file is synced, and that is all");
    again.insert(0.5, 7.0);
    assert_eq!((counted(&log), model.bytes().len()), ((1, 1), length));
    assert_eq!(again.get(0.5).map(f64::to_bits), Some(f(0.5).to_bits()));
}

#[test]
fn a_value_that_cannot_be_encoded_is_a_latched_failure() {
    #[derive(Clone)]
    struct Panics;
    impl Durable for Panics {
        fn encoding() -> String {
            "panics".to_owned()
        }
        fn encode(&self, _: &mut Vec<u8>) {
            panic!("no bytes")
        }
        fn decode(_: &mut &[u8]) -> Option<Self> {
            None
        }
    }
    let (cache, log) = open_as::<Panics>(&Model::default(), "f 1").unwrap();
    cache.insert(0.5, Panics);
    assert!(cache.get(0.5).is_some());
    assert!(matches!(log.lock().failure, Some(DurableError::Value { .. })));
    assert!(futures::executor::block_on(cache.sync()).is_err());
}

#[test]
fn bytes_of_a_value_do_not_pass_for_records() {
    // A value that holds the image of a whole file, damaged in front of it.
    let image = file(10);
    let model = Model::default();
    let (cache, log) = open_as::<Vec<u8>>(&model, "f 1").unwrap();
    cache.insert(0.25, image);
    cache.insert(0.5, vec![1]);
    assert!(log.commit());
    let mut bytes = model.bytes();
    let at = format::header("[u8]", "f 1", "").len() + 6;
    bytes[at] ^= 1;
    let model = Model::holding(&bytes);
    let mut xs = HashMap::new();
    let found = recovery::read(&model, "[u8]", "f 1", OnDamage::Skip, |x: f64, value| {
        xs.insert(x.to_bits(), value.len());
        true
    });
    assert!(found.unwrap().skipped > 200);
    assert_eq!(xs, HashMap::from([(0.5f64.to_bits(), 9)]));
}
