//! Adaptive integration of expensive functions, in parallel, with answers that are the same to the last bit on any
//! number of workers.
//!
//! ```
//! use std::time::Duration;
//! use coquad::{Integrator, Simpson, ThreadPool};
//!
//! // An integrand that takes its time: a simulation, a nested integral, a call to a service.
//! let slow = |x: f64| {
//!     std::thread::sleep(Duration::from_millis(1));
//!     x.sin()
//! };
//! let pool = ThreadPool::new(64);
//! let integrator = Integrator::new(pool.evaluator(slow)).method(Simpson);
//! # futures::executor::block_on(async {
//! let e = integrator.integrate(0.0, std::f64::consts::PI, 1e-10).await?;
//! assert!((e.value - 2.0).abs() <= 1e-10);
//! assert_eq!(e.evaluations, 473); // in the time that 8 of them take, one after the other
//! # Ok::<(), coquad::Error>(()) }).unwrap();
//! ```
//!
//! # Promised
//!
//! - **The same bits.** Value, error, segments and [`evaluations`](Estimate::evaluations) do not depend on the evaluator,
//!   the number of workers or the order in which evaluations finish. The method decides as if it ran alone; while
//!   workers are idle, the points it will ask for next are evaluated ahead ([`Speculation`]).
//! - **Each point once**, by one integral or by many that share a [`PointCache`]. An async guess that is given up while it runs,
//!   because its integral ended, may be evaluated again for another ([`Speculation::Certain`] never guesses); one on a thread
//!   or in a worker process leaves its value. [`Inline`] evaluates again what would cost more to look up.
//! - **No silent failure.** A tolerance that was not met is [`Error::NotConverged`], which carries the best estimate.
//! - **Any runtime.** Nothing is spawned on it: the future that [`integrate`](Integrator::integrate) returns dispatches
//!   and collects when it is polled, or the threads of a [`ThreadPool`] do while evaluations are short. Dropping it stops
//!   asking at once.
//!
//! # Not promised
//!
//! The error is an estimate, as in every adaptive method: a feature that falls between all the points is not seen. Name
//! it with [`breakpoints`](Integrator::breakpoints) or a [`resolution`](Integrator::resolution).
//!
//! # Finding one's way
//!
//! - [`integrate`]: one call, on a thread pool as wide as the machine. [`Integrator`]: all choices. [`integrate_path`]:
//!   along a [`Path`] in the complex plane. [`integrate_box`], [`BoxIntegrator`]: in 2 to 8 variables.
//! - Methods: [`Auto`] (the default), [`GaussKronrod`], [`ClenshawCurtis`], [`TanhSinh`], [`Simpson`], or your own
//!   [`Method`]. With a weight: [`Fourier`] (sin, cos and e^(i omega x)), [`Bessel`] (J_nu(omega x)), [`PrincipalValue`]
//!   (1 / (x - c)), [`Algebraic`] (powers and logarithms at the limits). [`Oscillator`]: other oscillations to infinity.
//! - Evaluators: [`Inline`], [`ThreadPool`], [`evaluator_fn`] for async functions, [`batch_fn`] for many points in one
//!   call, [`blocking_fn`] for functions that wait, or your own [`Evaluator`]: an `async fn(f64) -> Result<T,
//!   EvaluationError>`. Any of them can be told to [`retry`](EvaluatorExt::retry) and to give up after a
//!   [`timeout`](EvaluatorExt::timeout).
//! - Values: `f64`, `f32`, complex numbers, arrays, vectors, or your own [`Value`].
//! - [`PointCache`]: every value found; with the feature `durable` it can live in a file (`PointCache::open`), so that a
//!   program that was killed goes on where it was.
//! - [`pmap`] and [`try_pmap`]: run futures together, results in the order of the input.
//!
//! - The [`guide`]: [which method](guide::methods), [which evaluator](guide::evaluators),
//!   [it oscillates, or has a pole](guide::oscillation), [several variables](guide::boxes),
//!   [recipes](guide::recipes), [what to do when it does not converge](guide::convergence), [what is it doing](guide::watching),
//!   [determinism](guide::determinism), [what it survives](guide::reliability), [what is called what
//!   elsewhere](guide::peers), and [what the words mean](guide::glossary).
//!
//! # Features
//!
//! None is on by default.
//!
//! - `durable`: `PointCache::open`, a cache in a file.
//! - `process`: `Processes` and `worker`, evaluation in worker processes, on Unix.
//! - `wire`: the module `wire`, the messages that workers understand.
//! - `serde`: `Serialize` and `Deserialize` for [`Estimate`] and what is in it, [`Speculation`], [`Tolerance`] and the
//!   methods.
//! - `tracing`: a span for each integral, and events ([what is it doing](guide::watching)).
//!
//! Who should use another crate: whose integrals have more than about 8 variables (Monte Carlo), or who needs a guaranteed
//! bound (interval arithmetic).
#![cfg_attr(docsrs, feature(doc_cfg))]

// What the front page shows is checked as the documentation is.
#[cfg(all(doctest, feature = "durable"))]
#[doc = include_str!("../README.md")]
struct FrontPage;

#[macro_use]
mod planted;

mod drive;
mod error;
mod estimate;
mod evaluation;
pub mod guide;
mod integrator;
mod numerics;
mod observer;
mod point;
mod prefetch;
mod scaled;
mod trace;

use num_complex::Complex;

pub use error::{Error, EvaluationError};
pub use estimate::{Estimate, Partition, Reason, Segment};
#[cfg(feature = "wire")]
#[cfg_attr(docsrs, doc(cfg(feature = "wire")))]
pub use evaluation::wire;
pub use evaluation::{
    Arithmetic, BatchFn, BlockingFn, Call, Conflict, Evaluator, EvaluatorExt, EvaluatorFn, Inline, InlineBatch, Mixed,
    Near, Pace, PointCache, PoolEvaluator, Retry, Share, ThreadPool, Timeout, TryInline, TryPoolEvaluator, Verify,
    batch_fn, batch_fn_over, blocking_fn, blocking_fn_over, evaluator_fn, evaluator_fn_over, pmap, try_pmap,
};
#[cfg(all(unix, feature = "process"))]
#[cfg_attr(docsrs, doc(cfg(feature = "process")))]
pub use evaluation::{Death, ProcessError, ProcessReport, Processes, worker};
#[cfg(feature = "durable")]
#[cfg_attr(docsrs, doc(cfg(feature = "durable")))]
pub use evaluation::{Durability, Durable, DurableError};
pub use integrator::{BoxIntegrator, Integrable, Integrator};
pub use numerics::algebraic::Algebraic;
pub use numerics::auto::Auto;
pub use numerics::clenshaw_curtis::ClenshawCurtis;
pub use numerics::cubature::{Cubature, Nested};
pub use numerics::euclidean::Euclidean;
pub use numerics::fourier::{Bessel, Fourier, FourierExp, FourierMany};
pub use numerics::gauss_kronrod::GaussKronrod;
pub use numerics::method::{Again, Control, Guess, Known, Local, Method, Panel};
pub use numerics::oscillator::Oscillator;
pub use numerics::path::Path;
pub use numerics::principal_value::{PrincipalValue, PrincipalValues};
pub use numerics::simpson::Simpson;
pub use numerics::spectral::Spectral;
pub use numerics::tanh_sinh::TanhSinh;
pub use numerics::tolerance::Tolerance;
pub use numerics::value::Value;
pub use observer::{Observer, Progress};
pub use point::Point;
pub use prefetch::Speculation;
pub use scaled::{Scaled, Scales};

// Here because it joins the wings: the numerics know nothing of files, and the files nothing of norms.
#[cfg(feature = "durable")]
impl<V: Durable> Durable for Euclidean<V> {
    fn encoding() -> String {
        V::encoding()
    }

    fn encode(&self, into: &mut Vec<u8>) {
        self.0.encode(into);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        V::decode(bytes).map(Self)
    }
}

/// For `?`, as for vectors.
// Here because it joins what do not know each other.
impl<V, P: Clone> From<Error<Scaled<V>, P>> for Error<f64, P>
where
    Scaled<V>: Value,
{
    fn from(error: Error<Scaled<V>, P>) -> Self {
        integrator::plain::plain(error)
    }
}

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
    F: Fn(f64) -> T + Share + 'static,
{
    Integrator::once(ThreadPool::machine().evaluator(f)).integrate(a, b, atol).await
}

/// Integrates a function of several variables over the box between the corners `a` and `b`, to the absolute tolerance
/// `atol`, on a thread pool as wide as the machine.
///
/// For a relative tolerance, a budget or another evaluator see [`BoxIntegrator`], whose
/// [`integrate`](BoxIntegrator::integrate) this is.
///
/// # Errors
///
/// As [`BoxIntegrator::integrate`].
///
/// # Examples
///
/// ```
/// # futures::executor::block_on(async {
/// let e = coquad::integrate_box(|[x, y]: [f64; 2]| 1.0 / (1.0 + x * y), [0.0, 0.0], [1.0, 1.0], 1e-8).await?;
/// assert!((e.value - std::f64::consts::PI.powi(2) / 12.0).abs() < 1e-8);
/// # Ok::<(), coquad::Error<f64, [f64; 2]>>(()) }).unwrap();
/// ```
pub async fn integrate_box<T, F, const N: usize>(
    f: F,
    a: [f64; N],
    b: [f64; N],
    atol: f64,
) -> Result<Estimate<T, [f64; N]>, Error<T, [f64; N]>>
where
    T: Value,
    F: Fn([f64; N]) -> T + Share + 'static,
{
    BoxIntegrator::once(ThreadPool::machine().evaluator_over(f)).integrate(a, b, atol).await
}

/// Integrates a function of a complex variable along a path, to the absolute tolerance `atol`, on a thread pool as wide
/// as the machine: the integral of `f(z) dz`.
///
/// The path is a slice of points, joined by straight pieces and perhaps infinite at the ends, or a [`Path`] with arcs
/// and rays. For a choice of method, evaluator, relative tolerance or budget see [`Integrator::integrate_path`].
///
/// # Errors
///
/// As [`Integrator::integrate_path`].
///
/// # Examples
///
/// Around the pole of 1 / z, once:
///
/// ```
/// use num_complex::Complex;
///
/// # futures::executor::block_on(async {
/// let [i, one] = [Complex::<f64>::I, Complex::<f64>::ONE];
/// let e = coquad::integrate_path(|z| z.inv(), &[one, i, -one, -i, one], 1e-12).await?;
/// assert!((e.value - std::f64::consts::TAU * i).norm() <= 1e-12);
/// # Ok::<(), coquad::Error<Complex<f64>>>(()) }).unwrap();
/// ```
pub async fn integrate_path<T, F>(f: F, path: impl Into<Path>, atol: f64) -> Result<Estimate<T>, Error<T>>
where
    T: Value,
    F: Fn(Complex<f64>) -> T + Share + 'static,
{
    let path = path.into();
    let along = path.clone();
    let evaluator = ThreadPool::machine().evaluator(move |s| f(along.at(s)));
    Integrator::once(evaluator).integrate_path(path, atol).await
}
