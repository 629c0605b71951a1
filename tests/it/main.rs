//! The integration tests: one binary, a module for each promise.

mod auto;
mod golden;
