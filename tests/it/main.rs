//! The integration tests: one binary, so that they are linked once and share their support code.

mod auto;
mod cheap;
#[cfg(feature = "durable")]
mod durable;
mod engine;
mod errors;
mod faults;
mod golden;
mod layering;
mod limits;
mod methods;
mod offsets;
#[cfg(all(target_os = "linux", feature = "process"))]
mod process;
mod sharing;
mod source;
mod support;
mod tidy;
