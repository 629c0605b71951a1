//! Rows of the fault matrix: many trials by seed, a line for the table, and a line to replay one that fails.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

/// How much longer the long tier is (`COQUAD_LONG=1`).
const LONG: u64 = 20;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a number"))
}

/// Runs `quick` trials of the row, seeds 0, 1, ..; twenty times as many with `COQUAD_LONG=1`; only one with
/// `COQUAD_SEED=n`. A trial fails by panicking.
pub(crate) fn row(name: &str, quick: u64, trial: impl Fn(u64)) {
    row_of(name, quick, quick * LONG, trial);
}

/// The same with so many trials in the long tier.
pub(crate) fn row_of(name: &str, quick: u64, long: u64, trial: impl Fn(u64)) {
    let seeds = match number("COQUAD_SEED") {
        Some(seed) => seed..seed + 1,
        None if number("COQUAD_LONG").is_some() => 0..long,
        None => 0..quick,
    };
    let (started, trials) = (Instant::now(), seeds.end - seeds.start);
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| trial(seed))) {
            eprintln!("replay row {name}: COQUAD_SEED={seed} cargo test -p {}", env!("CARGO_PKG_NAME"));
            resume_unwind(panic);
        }
    }
    println!("row {name}: {trials} trials, 0 violations, {:.1} s", started.elapsed().as_secs_f64());
}
