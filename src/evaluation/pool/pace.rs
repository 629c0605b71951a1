//! How long evaluations take, as far as was measured. Nothing but their place and time follows from it.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long an evaluation takes, compared with handing it over: see [`Near::pace`](crate::Near::pace).
///
/// # Examples
///
/// ```
/// use coquad::{Evaluator, Pace, ThreadPool};
///
/// let evaluator = ThreadPool::new(1).evaluator(f64::sqrt);
/// futures::executor::block_on(evaluator.evaluate(2.0))?;
/// assert_ne!(evaluator.near().map(|near| near.pace()), Some(Pace::Unknown));
/// # Ok::<(), coquad::EvaluationError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Nobody knows yet.
    Unknown,
    /// Much longer.
    Slow,
    /// So long that it should be handed over, but with more than one outstanding for each thread: this many.
    Brisk(usize),
    /// Less: best done where the decision is taken that needs it.
    Instant,
}

/// Evaluations shorter than this are [`Pace::Instant`]: to hand one over takes 2 to 3 us of work, 20 us if a thread
/// has to be woken (`cargo bench --bench overheads`).
const INSTANT: Duration = Duration::from_micros(5);

/// Evaluations shorter than this are [`Pace::Brisk`], and for each thread as many are outstanding as take this long:
/// what is left to do when a thread takes time to wake up.
const BRISK: Duration = Duration::from_micros(100);
const MOST: u64 = 8;

/// A running geometric mean of the times that evaluations took: one that was interrupted for a millisecond does not
/// make a cheap function slow, nor does a cheap corner make a slow function cheap.
///
/// Nothing but the place and the time of evaluations follows from it.
#[derive(Default)]
pub(crate) struct Stopwatch {
    /// log2 of the nanoseconds, in 256ths; 0 for not known. Relaxed: a lost update loses one sample of many.
    mean: AtomicU32,
}

impl Stopwatch {
    /// The last sample counts a quarter.
    pub(crate) fn record(&self, took: Duration) {
        let sample = log2(took);
        let mean = self.mean.load(Ordering::Relaxed);
        let next = if mean == 0 { sample } else { (3 * mean + sample) / 4 };
        // Threads that share it do not take it from each other without need.
        if mean == 0 || next.abs_diff(mean) > 8 {
            self.mean.store(next.max(1), Ordering::Relaxed);
        }
    }

    pub(crate) fn pace(&self) -> Pace {
        let mean = self.mean.load(Ordering::Relaxed);
        if mean == 0 {
            Pace::Unknown
        } else if mean >= const { log2(BRISK) } {
            Pace::Slow
        } else if mean >= const { log2(INSTANT) } {
            Pace::Brisk((1 + (BRISK.as_nanos() as u64 >> (mean / 256))).min(MOST) as usize)
        } else {
            Pace::Instant
        }
    }
}

/// log2 of nanoseconds in 256ths, linear between powers of two.
const fn log2(time: Duration) -> u32 {
    let nanos = time.as_nanos();
    let nanos = if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 } | 1;
    let whole = nanos.ilog2();
    let fraction = (nanos << (63 - whole)) << 1 >> 56;
    256 * whole + fraction as u32
}

/// Times evaluations that follow each other, without asking the clock after each of the very short ones.
#[derive(Default)]
pub(crate) struct Laps {
    start: Option<Instant>,
    evaluations: u32,
    /// How many of them to a lap.
    lap: u32,
}

/// A lap of several evaluations should be no longer than one that asks the clock for itself alone.
const LAP: Duration = Duration::from_micros(2);

impl Laps {
    /// Something else comes next.
    pub(crate) fn stop(&mut self) {
        self.start = None;
    }

    pub(crate) fn start(&mut self) {
        if self.start.is_none() {
            (self.start, self.evaluations) = (Some(Instant::now()), 0);
        }
    }

    /// An evaluation has ended; returns how long one took, at the end of a lap.
    pub(crate) fn ended(&mut self) -> Option<Duration> {
        self.evaluations += 1;
        if self.evaluations < self.lap {
            return None;
        }
        let now = Instant::now();
        let took = now - self.start.replace(now)?;
        self.lap = if took < LAP { (2 * self.evaluations).min(8) } else { 1 };
        Some(took / std::mem::take(&mut self.evaluations))
    }
}

impl fmt::Debug for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopwatch").field("pace", &self.pace()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace_after(times: &[u64]) -> Pace {
        let watch = Stopwatch::default();
        times.iter().for_each(|&nanos| watch.record(Duration::from_nanos(nanos)));
        watch.pace()
    }

    #[test]
    fn the_pace_is_that_of_the_last_few() {
        assert_eq!(pace_after(&[]), Pace::Unknown);
        assert_eq!(pace_after(&[0]), Pace::Instant);
        assert_eq!(pace_after(&[1_000]), Pace::Instant);
        // At 5 us, and at 100 us; between them as many at once as take 100 us, and one more, but no more than 8.
        assert_eq!(pace_after(&[4_980]), Pace::Instant);
        assert_eq!(pace_after(&[5_000]), Pace::Brisk(8));
        assert_eq!(pace_after(&[20_000]), Pace::Brisk(7));
        assert_eq!(pace_after(&[40_000]), Pace::Brisk(4));
        assert_eq!(pace_after(&[99_800]), Pace::Brisk(2));
        assert_eq!(pace_after(&[100_000]), Pace::Slow);
        assert_eq!(pace_after(&[20_000_000]), Pace::Slow);
        assert_eq!(pace_after(&[u64::MAX]), Pace::Slow);
    }

    #[test]
    fn one_interruption_does_not_make_a_cheap_function_slow() {
        assert_ne!(pace_after(&[1_000, 1_000, 4_000_000]), Pace::Slow);
        assert_eq!(pace_after(&[1_000, 4_000_000, 1_000, 1_000]), Pace::Instant);
    }

    #[test]
    fn slow_evaluations_in_turn_with_cheap_ones_are_slow() {
        assert_eq!(pace_after(&[1_000, 20_000_000].repeat(4)), Pace::Slow);
        assert_eq!(pace_after(&[20_000_000, 1_000].repeat(4)), Pace::Slow);
    }

    #[test]
    fn the_last_sample_counts_a_quarter_unless_it_changes_next_to_nothing() {
        let watch = Stopwatch::default();
        let mean_after = |nanos| {
            watch.record(Duration::from_nanos(nanos));
            watch.mean.load(Ordering::Relaxed)
        };
        assert_eq!(mean_after(1 << 10), 10 * 256);
        assert_eq!(mean_after(1 << 14), 11 * 256);
        assert_eq!(mean_after(1 << 7), 10 * 256);
        // 32 and 36 parts in 256 of an octave away: 8 and 9 after the division.
        assert_eq!(mean_after((256 + 32) << 2), 10 * 256);
        assert_eq!(mean_after((256 + 36) << 2), 10 * 256 + 9);
        // What was measured is not what was not, however short.
        let watch = Stopwatch::default();
        watch.record(Duration::ZERO);
        assert_eq!(watch.mean.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn logarithms_are_linear_between_powers_of_two() {
        let whole = (1..63).flat_map(|k| [(1u64 << k, 256 * k), (3u64 << (k - 1), 256 * k + 128)]);
        for (nanos, log) in whole.filter(|(nanos, _)| *nanos > 512) {
            assert_eq!(log2(Duration::from_nanos(nanos)), log);
        }
        assert_eq!([log2(Duration::from_nanos(1)), log2(Duration::from_nanos(2))], [0, 384], "of the next odd number");
        assert_eq!(log2(Duration::from_nanos(u64::MAX)), 64 * 256 - 1);
        assert_eq!(log2(Duration::from_nanos(u64::MAX) + Duration::from_nanos(1)), 64 * 256 - 1);
        assert_eq!(log2(Duration::MAX), 64 * 256 - 1);
    }

    #[test]
    fn a_lap_is_twice_as_long_as_the_last_if_that_was_short_and_one_evaluation_if_not() {
        let mut laps = Laps::default();
        laps.start();
        // A start that is still to come is a lap of no time.
        let mut lap_from = |start: Option<Instant>| {
            laps.start = start;
            (1..).find_map(|n| Some((n, laps.ended()?))).expect("it ends")
        };
        let hour = Duration::from_secs(3600);
        for evaluations in [1, 2, 4, 8, 8] {
            assert_eq!(lap_from(Some(Instant::now() + hour)), (evaluations, Duration::ZERO));
        }
        let (evaluations, each) = lap_from(Instant::now().checked_sub(hour));
        assert!(evaluations == 8 && each >= hour / 8 && each < hour / 7, "{each:?}");
        for _ in 0..2 {
            let (evaluations, each) = lap_from(Instant::now().checked_sub(hour));
            assert!(evaluations == 1 && each >= hour, "{each:?}");
        }
    }

    #[test]
    fn what_came_before_a_stop_is_of_no_lap() {
        let mut laps = Laps { lap: 4, ..Laps::default() };
        laps.start();
        assert!(laps.ended().is_none() && laps.evaluations == 1);
        laps.start();
        assert_eq!(laps.evaluations, 1, "it goes on");
        laps.stop();
        assert!(laps.start.is_none());
        laps.start();
        assert!(laps.start.is_some() && laps.evaluations == 0);
    }

    #[test]
    fn a_stopwatch_shows_its_pace() {
        assert!(format!("{:?}", Stopwatch::default()).contains("pace: Unknown"));
    }

    #[test]
    fn logarithms_ascend() {
        let mut last = 0;
        for nanos in 2..5_000 {
            let here = log2(Duration::from_nanos(nanos));
            assert!(last <= here && here.abs_diff((256.0 * (nanos as f64).log2()) as u32) < 160, "{nanos}: {here}");
            last = here;
        }
    }
}
