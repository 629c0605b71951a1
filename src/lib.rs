//! coquad: adaptive quadrature of expensive functions, in parallel, the same bits every time.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod ahead;
mod direct;
mod error;
mod estimate;
mod evaluation;
mod integrator;
mod ledger;
mod numerics;
mod observer;
mod prefetch;

pub use error::{Error, EvaluationError};
pub use estimate::{Estimate, Reason, Segment};
pub use evaluation::{
    BlockingFn, Evaluator, EvaluatorFn, Inline, PointCache, PoolEvaluator, ThreadPool, TryPoolEvaluator, blocking_fn,
    evaluator_fn, pmap, try_pmap,
};
pub use integrator::Integrator;
pub use numerics::auto::Auto;
pub use numerics::clenshaw_curtis::ClenshawCurtis;
pub use numerics::gauss_kronrod::GaussKronrod;
pub use numerics::method::{Control, Local, Method, Panel};
pub use numerics::simpson::Simpson;
pub use numerics::tanh_sinh::TanhSinh;
pub use numerics::value::{Euclidean, Value};
pub use observer::{Observer, Progress};
pub use prefetch::Speculation;

/// Integrates `f` from `a` to `b` to the absolute tolerance `atol`, on a thread pool as wide as the machine.
///
/// The caller's runtime is never blocked, and any will do. For a choice of method, evaluator, relative tolerance or
/// budget see [`Integrator`], whose [`integrate`](Integrator::integrate) this is.
///
/// # Errors
///
/// As [`Integrator::integrate`].
///
/// # Examples
///
/// ```
/// # futures::executor::block_on(async {
/// let e = coquad::integrate(|x: f64| x.sin(), 0.0, std::f64::consts::PI, 1e-10).await?;
/// assert!((e.value - 2.0).abs() < 1e-10);
/// println!("{} ± {} from {} evaluations", e.value, e.error, e.evaluations);
/// # Ok::<(), coquad::Error>(()) }).unwrap();
/// ```
pub async fn integrate<T, F>(f: F, a: f64, b: f64, atol: f64) -> Result<Estimate<T>, Error<T>>
where
    T: Value,
    F: Fn(f64) -> T + Send + Sync + 'static,
{
    Integrator::new(ThreadPool::machine().evaluator(f)).integrate(a, b, atol).await
}
