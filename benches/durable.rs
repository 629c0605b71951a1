//! What the durable cache costs: a point written, a point acknowledged, a million points opened.
//!
//! `cargo bench --features durable --bench durable`. The files go to the system's temporary folder, or to the one given in
//! `COQUAD_BENCH_FOLDER`; how long a disk takes to acknowledge is the disk's.

use std::path::PathBuf;
use std::time::Instant;

use coquad::PointCache;
use futures::executor::block_on;

const MANY: u32 = 1_000_000;
const FEW: u32 = 300;

fn store(cache: &PointCache<f64>, i: u32) {
    let x = f64::from(i);
    block_on(cache.get_or_evaluate(x, || async { Ok(0.5 * x) })).expect("an evaluation that cannot fail");
}

fn main() {
    let folder = std::env::var_os("COQUAD_BENCH_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
    let path = folder.join(format!("coquad-bench-{}", std::process::id()));
    let open = || PointCache::<f64>::open(&path, "half").expect("the file opens");
    let report = |what: &str, n: u32, start: Instant| {
        println!("{what:<42} {:>10.2} us", start.elapsed().as_secs_f64() * 1e6 / f64::from(n));
    };

    let memory = PointCache::new();
    let start = Instant::now();
    (0..MANY).for_each(|i| store(&memory, i));
    report("a point in memory", MANY, start);

    let cache = open();
    let start = Instant::now();
    for i in 0..FEW {
        store(&cache, i);
        block_on(cache.sync()).expect("the disk works");
    }
    report("a point acknowledged, one at a time", FEW, start);
    let start = Instant::now();
    (FEW..MANY).for_each(|i| store(&cache, i));
    report("a point written", MANY - FEW, start);
    block_on(cache.sync()).expect("the disk works");
    report("a point acknowledged, many at once", MANY - FEW, start);
    drop(cache);

    let bytes = std::fs::metadata(&path).expect("the file is there").len();
    println!("{:<42} {:>10.2} bytes", "a point in the file", bytes as f64 / f64::from(MANY));
    for _ in 0..5 {
        let start = Instant::now();
        let cache = open();
        println!("{:<42} {:>10.2} s", "a million points opened", start.elapsed().as_secs_f64());
        assert_eq!(cache.len(), MANY as usize);
    }
    std::fs::remove_file(&path).expect("the file can be removed");
}
