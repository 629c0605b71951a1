//! Bugs planted to test the tests: `.ci/planted` brings each to life by its number, and the suite has to find it.
//!
//! Without `--cfg coquad_planted` there is nothing but `false`.

#[cfg(not(coquad_planted))]
macro_rules! planted {
    ($bug:literal) => {
        false
    };
}

#[cfg(coquad_planted)]
macro_rules! planted {
    ($bug:literal) => {
        $crate::planted::is($bug)
    };
}

/// Whether this is the bug that `COQUAD_PLANTED` names.
#[cfg(coquad_planted)]
pub(crate) fn is(bug: u32) -> bool {
    static ALIVE: std::sync::LazyLock<Option<u32>> =
        std::sync::LazyLock::new(|| std::env::var("COQUAD_PLANTED").ok()?.parse().ok());
    *ALIVE == Some(bug)
}
