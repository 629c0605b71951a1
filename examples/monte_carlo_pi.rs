//! Pi from random points: jobs on a thread pool, gathered by `pmap`, timed against one thread.
//!
//! `cargo run --release --example monte_carlo_pi [POINTS]`. Each job has a seed of its own, so the count, and with it
//! the answer, is the same however many threads there are.

use std::f64::consts::PI;
use std::time::{Duration, Instant};

use coquad::{ThreadPool, pmap};
use futures::executor::block_on;

const JOBS: u64 = 64;

/// SplitMix64 (Steele, Lea and Flood 2014): small, fast and good enough for throwing darts.
struct Random(u64);

impl Random {
    /// A number in [0, 1).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Counts how many of `points` random points in the unit square lie in the quarter of a circle.
fn hits(seed: u64, points: u64) -> u64 {
    let mut random = Random(seed.wrapping_mul(0xD134_2543_DE82_EF95)); // far apart
    (0..points).map(|_| (random.next(), random.next())).filter(|(x, y)| x * x + y * y < 1.0).count() as u64
}

/// The async timer: how long a future took, beside its output.
async fn timed<F: Future>(future: F) -> (F::Output, Duration) {
    let start = Instant::now();
    (future.await, start.elapsed())
}

/// Each job goes to a thread (`pool.run`), and all are gathered (`pmap`), in the order of their seeds.
async fn gathered(pool: &ThreadPool, points: u64) -> Vec<u64> {
    pmap(|seed| pool.run(move || hits(seed, points)), 0..JOBS).await
}

async fn run(points: u64) {
    let per_job = points / JOBS;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = ThreadPool::new(threads);

    let (alone, one) = timed(async { (0..JOBS).map(|seed| hits(seed, per_job)).collect::<Vec<_>>() }).await;
    let (jobs, many) = timed(gathered(&pool, per_job)).await;
    assert_eq!(jobs, alone, "job by job the same count");

    let n = (per_job * JOBS) as f64;
    let p = jobs.iter().sum::<u64>() as f64 / n;
    let (pi, deviation) = (4.0 * p, 4.0 * (p * (1.0 - p) / n).sqrt());
    println!("pi is about {pi:.6} ± {deviation:.6}, from {n:.1e} points in {JOBS} jobs");
    println!("one thread  {:.2} s", one.as_secs_f64());
    println!("{threads} threads   {:.2} s: {:.2} times as fast", many.as_secs_f64(), one.div_duration_f64(many));
    assert!((pi - PI).abs() < 5.0 * deviation, "more than five standard deviations off");

    // The same by quadrature: what random points cannot give.
    let e = coquad::integrate(|x: f64| 4.0 * (1.0 - x * x).sqrt(), 0.0, 1.0, 1e-12).await.expect("it converges");
    println!("quadrature  {:.12} ± {:.0e}, from {} points", e.value, e.error, e.evaluations);
    assert!((e.value - PI).abs() <= 1e-12);
}

fn main() {
    let points = std::env::args().nth(1).map_or(100_000_000, |n| n.parse().expect("a number of points"));
    block_on(run(points));
}
