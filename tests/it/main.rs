//! The integration tests: one binary, a module for each promise.

mod golden;
mod methods;
mod support;
