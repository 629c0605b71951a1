//! Points of several numbers in a file.

use super::*;

type Cache = PointCache<f64, [f64; 3]>;

fn open_boxes(model: &Model) -> Result<(Cache, Arc<Log>), DurableError> {
    let (cache, log, found) = Cache::load(Box::new(model.clone()), "model".into(), "f 1")?;
    Ok((cache.kept(Keeper { journal: Journal::new(log.clone()), found }), log))
}

/// Point `i`: no two share a coordinate but the zeros, which are of both kinds.
fn at(i: usize) -> [f64; 3] {
    [nth(i), -nth(i), if i % 2 == 0 { 0.0 } else { -0.0 }]
}

fn value(i: usize) -> f64 {
    f(nth(i))
}

/// Every value is that of its point; returns which of the first `n` points there are.
fn check_boxes(cache: &Cache, n: usize) -> Vec<bool> {
    let there: Vec<bool> = (0..n)
        .map(|i| {
            let found = cache.get(at(i));
            assert!(found.is_none_or(|found| found.to_bits() == value(i).to_bits()), "a wrong value at {i}");
            found.is_some()
        })
        .collect();
    assert_eq!(there.iter().filter(|&&there| there).count(), cache.len(), "a point nobody wrote");
    there
}

fn boxes_file(n: usize) -> Vec<u8> {
    let model = Model::default();
    let (cache, log) = open_boxes(&model).unwrap();
    for i in 0..n {
        cache.insert(at(i), value(i));
        if i % 7 == 6 || i + 1 == n {
            assert!(log.commit());
        }
    }
    model.bytes()
}

#[test]
fn no_acknowledged_point_of_a_box_is_lost_in_power_cuts() {
    let row = row("e2_boxes", 2_000);
    for seed in row.seeds.clone() {
        let random = &mut Random::new(seed);
        let model = Model::default();
        let mut acknowledged = vec![false; 60];
        for _ in 0..4 {
            let operations = model.disk().operations;
            let fault = operations + random.below(40) as usize;
            model.disk().fault = (random.below(4) > 0).then_some(Fault::PowerCut(fault));
            if let Ok((cache, log)) = open_boxes(&model) {
                let there = check_boxes(&cache, acknowledged.len());
                assert!(there.iter().zip(&acknowledged).all(|(there, known)| *there || !known), "lost, seed {seed}");
                for _ in 0..random.below(60) {
                    let i = random.below(acknowledged.len() as u64) as usize;
                    cache.insert(at(i), value(i));
                    let stored = check_boxes(&cache, acknowledged.len());
                    if random.below(4) == 0 && log.commit() {
                        acknowledged.copy_from_slice(&stored);
                    }
                }
            }
            model.cut_power(random);
        }
        let (cache, _) = open_boxes(&model).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let there = check_boxes(&cache, acknowledged.len());
        assert!(there.iter().zip(&acknowledged).all(|(there, known)| *there || !known), "lost, seed {seed}");
    }
}

#[test]
fn a_file_of_boxes_cut_at_any_byte_keeps_the_points_before() {
    let bytes = boxes_file(50);
    let mut before = 0;
    let _row = Row::all("e3_boxes", bytes.len() + 1);
    for length in 0..=bytes.len() {
        let (cache, _) = open_boxes(&Model::holding(&bytes[..length])).unwrap();
        let there = check_boxes(&cache, 50);
        assert!(there.iter().take_while(|there| **there).count() == cache.len() && cache.len() >= before, "{length}");
        before = cache.len();
    }
    assert_eq!(before, 50);
}

#[test]
fn no_flipped_bit_gives_a_wrong_value_or_point_of_a_box() {
    let bytes = boxes_file(30);
    let _row = Row::all("e4_boxes", 8 * bytes.len());
    for bit in 0..8 * bytes.len() {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok((cache, _)) = open_boxes(&Model::holding(&bytes)) {
            assert_eq!(check_boxes(&cache, 30), [true; 30], "bit {bit}");
        }
        let mut wrong = 0;
        let model = Model::holding(&bytes);
        let read = recovery::read(&model, "[f64; 3] -> f64", "f 1", OnDamage::Skip, |x: [f64; 3], found| {
            let i = (0..30).find(|&i| at(i).map(f64::to_bits) == x.map(f64::to_bits));
            let found = decode::<f64>(found).map(f64::to_bits);
            wrong += usize::from(i.is_none_or(|i| found != Some(value(i).to_bits())));
            true
        });
        assert_eq!((wrong, read.is_ok_and(|found| found.points < 29)), (0, false), "bit {bit}");
    }
}

#[test]
fn a_file_of_more_or_fewer_variables_is_refused_untouched() {
    let (boxes, line) = (boxes_file(5), file(5));
    let is_refused = |error: Option<DurableError>, was: &str, asked: &str| match error {
        Some(DurableError::ValueType { found, expected, .. }) => assert_eq!((&*found, &*expected), (was, asked)),
        other => panic!("{other:?}"),
    };
    // One of before reads it as this release reads a file of one variable: by the name of the value type.
    let model = Model::holding(&boxes);
    is_refused(open(&model).err(), "[f64; 3] -> f64", "f64");
    let planes = PointCache::<f64, [f64; 2]>::load(Box::new(model.clone()), "model".into(), "f 1");
    is_refused(planes.err(), "[f64; 3] -> f64", "[f64; 2] -> f64");
    assert_eq!(model.bytes(), boxes);
    let model = Model::holding(&line);
    is_refused(open_boxes(&model).err(), "f64", "[f64; 3] -> f64");
    assert_eq!(model.bytes(), line);
    // A record that is too short for its point is damage.
    let mut bytes = format::header("[f64; 3] -> [u8]", "f 1", "");
    let mut record = format::point([1.0, 2.0], |_| {}).unwrap();
    format::seal(&mut record, bytes.len() as u64);
    bytes.extend_from_slice(&record);
    let model = Model::holding(&bytes);
    let found = PointCache::<Vec<u8>, [f64; 3]>::load(Box::new(model), "model".into(), "f 1").unwrap().2;
    assert_eq!((found.points, found.dropped), (0, record.len() as u64));
}

/// The header says what it said before, and a record has the bytes that it had: files of one variable are the same.
#[test]
fn a_file_of_one_variable_has_the_bytes_of_before() {
    let model = Model::default();
    let (cache, log) = open(&model).unwrap();
    cache.insert(0.5, 2.0);
    assert!(log.commit());
    let header = format::header("f64", "f 1", Arithmetic::here().as_str());
    let mut record = vec![0xc1, 16, 0, 0, 0];
    record.extend_from_slice(&0.5f64.to_le_bytes());
    record.extend_from_slice(&2.0f64.to_le_bytes());
    let bytes = model.bytes();
    assert_eq!(&bytes[..header.len()], header);
    assert_eq!(&bytes[header.len()..header.len() + record.len()], record);
    assert_eq!(bytes.len(), header.len() + 25 + 17);
}
