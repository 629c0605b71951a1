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

/// Seconds that this thread has had a processor, where the system tells: on a shared machine they say more than a clock.
fn on_cpu() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|ns| ns.parse().ok()).map_or(f64::NAN, |ns: f64| ns * 1e-9)
}

fn main() {
    let folder = std::env::var_os("COQUAD_BENCH_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
    let path = folder.join(format!("coquad-bench-{}", std::process::id()));
    let open = || PointCache::<f64>::open(&path, "half").expect("the file opens");
    let report = |what: &str, n: u32, (start, cpu): (Instant, f64)| {
        let each = 1e6 / f64::from(n);
        let wall = start.elapsed().as_secs_f64() * each;
        println!("{what:<42} {wall:>10.2} us, {:>8.2} on a processor", (on_cpu() - cpu) * each);
    };
    let now = || (Instant::now(), on_cpu());

    let memory = PointCache::new();
    let start = now();
    (0..MANY).for_each(|i| store(&memory, i));
    report("a point in memory", MANY, start);

    let cache = open();
    let start = now();
    for i in 0..FEW {
        store(&cache, i);
        block_on(cache.sync()).expect("the disk works");
    }
    report("a point acknowledged, one at a time", FEW, start);
    let start = now();
    (FEW..MANY).for_each(|i| store(&cache, i));
    report("a point written", MANY - FEW, start);
    block_on(cache.sync()).expect("the disk works");
    report("a point acknowledged, many at once", MANY - FEW, start);
    drop(cache);

    let bytes = std::fs::metadata(&path).expect("the file is there").len();
    println!("{:<42} {:>10.2} bytes", "a point in the file", bytes as f64 / f64::from(MANY));
    for _ in 0..5 {
        let start = now();
        let cache = open();
        report("a million points opened, each", MANY, start);
        assert_eq!(cache.len(), MANY as usize);
    }
    std::fs::remove_file(&path).expect("the file can be removed");
}
