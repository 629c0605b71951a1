//! What several tests share.

#[allow(dead_code, reason = "the benches use the rest")]
pub(crate) mod cluster;
pub(crate) mod parallel;
