//! What arrives takes no more memory than it is long, and points on the spot take none: a program of its own, as its
//! allocator counts.

use std::sync::{Arc, Mutex};

use allocation_counter::measure;
use coquad::wire::{Answer, Frames, Hello, Job, MAX_FRAME, frame};
use coquad::{GaussKronrod, Inline, Integrator, ThreadPool, integrate};
use futures::executor::block_on;
use futures::future::join_all;
use futures_lite::future::poll_once;

/// What reading may take at most: the numbers of a message take eight bytes each, and a byte at least in the message.
fn bound(arrived: usize) -> u64 {
    8 * arrived as u64 + 4096
}

/// An integrand, how many points it takes, and how many allocations all in all.
type Case = (fn(f64) -> f64, usize, u64);

#[test]
fn an_integral_on_the_spot_allocates_nothing_for_a_point() {
    let peaks = |x: f64| [0.2, 0.5, 0.83].iter().map(|c| 1e-3 / ((x - c) * (x - c) + 1e-6)).sum();
    let cases: [Case; 3] = [(f64::exp, 21, 1), (f64::sqrt, 315, 4), (peaks, 1785, 8)];
    for (f, points, most) in cases {
        let mut evaluations = 0;
        let taken = measure(|| {
            let integrator = Integrator::new(Inline::new(f)).method(GaussKronrod::default());
            evaluations = integrator.integrate_blocking(0.0, 1.0, 1e-10).unwrap().evaluations;
        });
        assert_eq!(evaluations, points);
        assert!(taken.count_total <= most, "{points} points: {taken:?}");
    }
}

/// The threads of the machine's pool are kept in evaluations, and integrals come that have to wait.
#[test]
fn an_integral_that_waits_for_a_busy_pool_takes_less_than_two_kib() {
    const MANY: usize = 1000;
    let gate = Arc::new(Mutex::new(()));
    let shut = gate.lock().unwrap();
    let mut held = Vec::new();
    for _ in 0..3 {
        let entrance = Arc::clone(&gate);
        let mut first = Box::pin(integrate(move |x| entrance.lock().map_or(f64::NAN, |_| x), 0.0, 1.0, 1e-9));
        assert!(block_on(poll_once(&mut first)).is_none());
        held.push(first);
    }
    let mut waiting = Vec::with_capacity(MANY);
    let taken = measure(|| {
        for i in 0..MANY {
            let mut integral = Box::pin(integrate(f64::exp, 0.0, 1.0 + i as f64 / MANY as f64, 1e-9));
            assert!(block_on(poll_once(&mut integral)).is_none());
            waiting.push(integral);
        }
    });
    let each = taken.bytes_max / MANY as u64;
    assert!(each < 2048, "{each} bytes");
    drop(shut);
    for (i, e) in block_on(join_all(waiting)).into_iter().enumerate() {
        let exact = (1.0 + i as f64 / MANY as f64).exp() - 1.0;
        assert!((e.unwrap().value - exact).abs() <= 1e-9);
    }
}

#[test]
fn an_integral_begins_with_one_evaluation_however_many_threads_there_are() {
    let gate = Arc::new(Mutex::new(()));
    let shut = gate.lock().unwrap();
    let entrance = Arc::clone(&gate);
    let f = move |x: f64| entrance.lock().map_or(f64::NAN, |_| x.exp());
    let integrator = Integrator::new(ThreadPool::new(64).evaluator(f));
    let mut integral = Box::pin(integrator.integrate(0.0, 1.0, 1e-9));
    // 32 allocations, and ten for each evaluation more.
    let taken = measure(|| assert!(block_on(poll_once(&mut integral)).is_none()));
    assert!(taken.count_total < 64, "{taken:?}");
    drop(shut);
    assert!(block_on(integral).is_ok());
}

#[test]
fn a_length_takes_no_memory() {
    for length in [1 << 16, MAX_FRAME, MAX_FRAME + 1, 1 << 24, 1 << 31, u32::MAX as usize] {
        let mut frames = Frames::default();
        let taken = measure(|| {
            frames.extend(&(length as u32).to_le_bytes());
            frames.extend(&[0; 100]);
            let _ = frames.next();
        });
        assert!(taken.bytes_max < 4096, "{length}: {taken:?}");
    }
}

#[test]
fn a_claim_within_a_message_takes_no_memory() {
    // Maps, arrays, bytes and texts that claim up to 4 GiB, in the place of each value.
    let claims: [&[u8]; 7] = [
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
        &[0xdd, 0xff, 0xff, 0xff, 0xff],
        &[0xdd, 0x7f, 0xff, 0xff, 0xff],
        &[0xc6, 0xff, 0xff, 0xff, 0xff],
        &[0xdb, 0xff, 0xff, 0xff, 0xff],
        &[0xc9, 0xff, 0xff, 0xff, 0xff, 1],
        &[0xdc, 0xff, 0xff],
    ];
    for key in ["v", "id", "f", "x", "y", "e", "p", "t", "r", "dt", "w", "n", "new"] {
        for claim in claims {
            let mut message = vec![0x82, 0xa1, b'v', 1, 0xa0 | key.len() as u8];
            message.extend_from_slice(key.as_bytes());
            message.extend_from_slice(claim);
            message.extend_from_slice(&[1; 50]);
            assert_bounded(&message);
        }
    }
    assert_bounded(&[0x91; 500_000]);
    assert_bounded(&[0x81; 500_000]);
}

#[test]
fn a_hundred_thousand_garbled_messages_take_what_they_are_long() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut below = |end: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % end as u64) as usize
    };
    let mut good = Vec::new();
    let job =
        Job { id: "1f", function: "gap-v3", x: vec![0.5; 3].into(), parameters: Some(&[7; 40]), ..Job::default() };
    frame(&mut good, |into| job.encode(into)).unwrap();
    frame(&mut good, |into| Answer::new("1f", Ok(vec![1.5; 100].into())).encode(into)).unwrap();
    let mut messages = 0;
    for _ in 0..100_000 {
        let mut bytes = good.clone();
        for _ in 0..=below(3) {
            let at = below(bytes.len());
            match below(4) {
                0 => bytes[at] = 0xc0 + below(64) as u8,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, below(256) as u8),
                _ => bytes[at] ^= 1 << below(8),
            }
        }
        let mut frames = Frames::default();
        let taken = measure(|| frames.extend(&bytes));
        assert!(taken.bytes_max <= bound(bytes.len()), "{taken:?} for {bytes:?}");
        while let Ok(Some(message)) = frames.next() {
            messages += 1;
            assert_bounded(message);
        }
    }
    assert!(messages > 100_000);
}

fn assert_bounded(message: &[u8]) {
    let taken = measure(|| {
        let _ = (Job::decode(message), Answer::decode(message), Hello::decode(message));
    });
    // Two of the three may hold numbers at once.
    assert!(taken.bytes_max <= 2 * bound(message.len()), "{taken:?} for {} bytes", message.len());
    assert_eq!(taken.bytes_current, 0);
}

#[cfg(feature = "durable")]
#[test]
fn a_damaged_file_takes_no_more_memory_than_a_whole_one() {
    use coquad::PointCache;

    let memory = std::path::PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let path = folder.join(format!("coquad-allocations-{}", std::process::id()));
    let cache = PointCache::<f64>::open(&path, "f 1").unwrap();
    block_on(async {
        for x in (0..100).map(f64::from) {
            cache.get_or_evaluate(x, || async move { Ok(0.5 * x) }).await.unwrap();
        }
        cache.sync().await.unwrap();
    });
    drop(cache);
    let whole = std::fs::read(&path).unwrap();

    // What is refused by the one is gone through to its end by the other, which takes its time.
    let opened = |recovers: bool| {
        measure(|| {
            if PointCache::<f64>::open(&path, "f 1").is_err() && recovers {
                let _ = PointCache::<f64>::recover(&path, "f 1");
            }
        })
    };
    let most = opened(false).bytes_max + 4096;
    let check = |bytes: &[u8], recovers: bool| {
        std::fs::write(&path, bytes).unwrap();
        let taken = opened(recovers);
        assert!(taken.bytes_max <= most, "{taken:?}, {most} at most for {bytes:?}");
    };
    (0..whole.len()).for_each(|length| check(&whole[..length], true));
    for bit in 0..8 * whole.len() {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        check(&bytes, bit % 8 == bit / 8 % 8);
    }
    std::fs::remove_file(&path).unwrap();
}
