//! The evaluation wing: runs evaluations, each once, and knows no quadrature.

pub(crate) mod cache;
pub(crate) mod dispatch;
#[cfg(feature = "durable")]
mod durable;
mod evaluator;
mod evaluator_fn;
pub(crate) mod flight;
pub(crate) mod hosted;
mod inline;
pub(crate) mod key;
#[cfg(all(test, any(coquad_loom, coquad_shuttle)))]
mod models;
pub(crate) mod near;
mod panics;
mod pmap;
mod pool_evaluator;
#[cfg(all(unix, feature = "process"))]
mod process;
mod slots;
pub(crate) mod spot;
mod sync;
mod thread_pool;
mod unheard;
#[cfg(feature = "wire")]
pub mod wire;
#[cfg(all(unix, feature = "process"))]
pub mod worker;
mod wrappers;

pub use cache::PointCache;
#[cfg(feature = "durable")]
pub use durable::{Durability, Durable, DurableError};
pub use evaluator::Evaluator;
pub use evaluator_fn::{BlockingFn, EvaluatorFn, blocking_fn, evaluator_fn};
pub use inline::Inline;
pub use pmap::{pmap, try_pmap};
pub use pool_evaluator::{PoolEvaluator, TryPoolEvaluator};
#[cfg(all(unix, feature = "process"))]
pub use process::{Death, ProcessError, ProcessReport, Processes};
pub use thread_pool::ThreadPool;
pub use wrappers::{EvaluatorExt, Retry, Timeout};
