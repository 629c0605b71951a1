//! The integration tests: one binary, so that they are linked once and share their support code.

mod golden;
mod layering;
mod source;
mod tidy;
