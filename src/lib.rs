//! coquad: adaptive quadrature of expensive functions, in parallel, the same bits every time.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod estimate;
mod evaluation;
mod numerics;

pub use error::{Error, EvaluationError};
pub use estimate::{Estimate, Reason, Segment};
