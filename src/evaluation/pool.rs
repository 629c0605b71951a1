//! A pool of threads, and functions that run there as evaluators.

pub(crate) mod evaluator;
pub(crate) mod pace;
pub(crate) mod threads;
