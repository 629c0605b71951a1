//! The evaluation wing: runs evaluations, each once, and knows no quadrature.

mod arithmetic;
mod batch_fn;
pub(crate) mod dispatch;
#[cfg(feature = "durable")]
pub(crate) mod durable;
mod evaluator;
mod evaluator_fn;
mod inline;
mod letter;
#[cfg(all(test, any(coquad_loom, coquad_shuttle)))]
pub(crate) mod models;
pub(crate) mod near;
pub(crate) mod panics;
mod pmap;
pub(crate) mod points;
pub(crate) mod pool;
#[cfg(all(unix, feature = "process"))]
mod process;
mod share;
mod slots;
pub(crate) mod sync;
#[cfg(feature = "wire")]
pub mod wire;
#[cfg(all(unix, feature = "process"))]
pub mod worker;
mod wrappers;

pub use arithmetic::{Arithmetic, Mixed};
pub use batch_fn::{BatchFn, batch_fn, batch_fn_over};
#[cfg(feature = "durable")]
pub use durable::{Durability, Durable, DurableError};
pub use evaluator::Evaluator;
pub use evaluator_fn::{BlockingFn, EvaluatorFn, blocking_fn, blocking_fn_over, evaluator_fn, evaluator_fn_over};
pub use inline::{Inline, InlineBatch, TryInline};
pub use near::Near;
pub use pmap::{pmap, try_pmap};
pub use points::cache::PointCache;
pub use points::call::Call;
pub use pool::evaluator::{PoolEvaluator, TryPoolEvaluator};
pub use pool::pace::Pace;
pub use pool::threads::ThreadPool;
#[cfg(all(unix, feature = "process"))]
pub use process::{Death, ProcessError, ProcessReport, Processes};
pub use share::Share;
pub use wrappers::{Conflict, EvaluatorExt, Retry, Timeout, Verify};
