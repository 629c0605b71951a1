//! The integration tests: one binary, so that they are linked once and share their support code.

#![allow(clippy::float_cmp, reason = "bits are what is promised")]
#![allow(clippy::neg_cmp_op_on_partial_ord, reason = "NaN must not pass for converged")]
#![allow(clippy::excessive_precision, reason = "exact values are given with more digits than a double has")]
#![allow(clippy::approx_constant, reason = "limits that are drawn from need not be exact")]
#![allow(clippy::type_complexity, reason = "tables of closures")]

mod auto;
mod auto_traits;
mod batches;
mod bessel;
mod boxes;
mod cheap;
#[cfg(feature = "durable")]
mod durable;
mod engine;
mod errors;
mod faults;
mod fourier;
mod golden;
mod hostile;
mod layering;
mod limits;
mod methods;
mod nested;
mod offsets;
mod option_space;
mod oscillators;
mod paths;
mod plain;
#[cfg(all(target_os = "linux", feature = "process"))]
mod process;
mod properties;
mod published;
mod questions;
mod reasons;
#[cfg(feature = "serde")]
mod serial;
mod sharing;
mod source;
mod support;
mod tidy;
mod tolerances;
mod truth;
mod truth_methods;
mod upto;
mod watching;
mod weights;
