//! The processor's time.

use std::time::Duration;

/// How long the processor has worked for this thread: what other programs do meanwhile does not count.
#[cfg(all(unix, feature = "process"))]
pub(crate) fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Without that feature, whose dependencies read the processor's clock: how long the program runs.
#[cfg(not(all(unix, feature = "process")))]
pub(crate) fn processor_time() -> Duration {
    static BEGAN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGAN.elapsed()
}
