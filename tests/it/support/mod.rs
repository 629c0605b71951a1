//! What several tests share.

pub(crate) mod battery;
pub(crate) mod clock;
#[allow(dead_code, reason = "the benches use the rest")]
pub(crate) mod cluster;
pub(crate) mod families;
pub(crate) mod faulty;
pub(crate) mod genz;
pub(crate) mod parallel;
#[allow(dead_code, reason = "peers in other languages use the rest")]
pub(crate) mod poles;
pub(crate) mod trials;
pub(crate) mod truth;
