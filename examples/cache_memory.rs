//! Measures what a finished point costs in a `PointCache`: `cargo run --release --example cache_memory [points]`.
//!
//! Linux only: reads the resident set and its peak from /proc.

use coquad::PointCache;
use futures::executor::block_on;

fn kibibytes(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this example needs Linux's /proc");
    let line = status.lines().find(|line| line.starts_with(field)).expect("a field of /proc/self/status");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number of kB")
}

fn main() {
    let points: u32 = std::env::args().nth(1).map_or(10_000_000, |n| n.parse().expect("a number of points"));
    let before = kibibytes("VmRSS:");
    let cache = PointCache::new();
    let start = std::time::Instant::now();
    block_on(async {
        for i in 0..points {
            let x = f64::from(i) / f64::from(points);
            cache.get_or_evaluate(x, || async move { Ok(x * x) }).await.expect("squares do not fail");
        }
    });
    let elapsed = start.elapsed();
    assert_eq!(cache.len(), points as usize);
    let per_point = |kib: f64| (kib - before) * 1024.0 / f64::from(points);
    let (resident, peak) = (per_point(kibibytes("VmRSS:")), per_point(kibibytes("VmHWM:")));
    println!("{points} points: {resident:.1} bytes per point resident, {peak:.1} at the peak");
    println!("{:.0} ns per point", elapsed.as_secs_f64() * 1e9 / f64::from(points));
    // The goal is stated for 10^7 points; far fewer are outweighed by the empty shards.
    assert!(points < 100_000 || peak <= 64.0, "more than 64 bytes per point");
}
