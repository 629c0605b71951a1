//! Evaluators of [`coquad`] on many machines: jobs, workers and results on a NATS server (JetStream).
//!
//! ```no_run
//! use coquad::Integrator;
//! use coquad_nats::Nats;
//!
//! # async fn f() -> Result<(), Box<dyn std::error::Error>> {
//! let nats = Nats::connect("tls://nats.lab:4222").await?;
//! let integrator = Integrator::new(nats.evaluator::<f64>("gap-v3"));
//! let e = integrator.integrate(0.0, 1.0, 1e-8).await?;
//! # let _ = e; Ok(()) }
//! ```
//!
//! and on each machine of the cluster
//!
//! ```no_run
//! fn main() -> Result<(), coquad_nats::Error> {
//!     coquad_nats::Worker::new("tls://nats.lab:4222").serve("gap-v3", |x: f64| x.sin()).slots(8).run()
//! }
//! ```
//!
//! or, for a command in any language, `coquad-worker --server tls://nats.lab:4222 --serve gap-v3 -- python3 gap.py`.
//!
//! # Promised
//!
//! - **The same bits** and the same `evaluations` as on one thread, whatever happens to workers, server and network.
//! - **At least once, one result.** A worker that is lost costs the time of its evaluation. What the server loses is
//!   published again. The first answer counts.
//! - **Any runtime.** Futures are driven by whoever awaits them; the connection has a thread of its own.
//! - **Workers come and go.** Those that join in the middle of an integral are used within two seconds.
//! - **No code travels**, only the name of a function, points and values. Connections that leave the machine are encrypted.
//!
//! # Not promised
//!
//! That a worker with valid credentials tells the truth about a value; that an evaluation nobody waits for any more stops at
//! once; that a thread which hangs can be stopped.
//!
//! Unix only, like the worker processes of `coquad`. How to deploy it is in the repository, docs/DISTRIBUTED.md.

pub mod admin;
mod client;
mod desk;
mod drive;
mod error;
mod forget;
mod hearing;
mod metrics;
mod names;
#[cfg(test)]
mod noise;
mod ops;
mod server;
mod setup;
#[cfg(test)]
#[path = "../../../tests/it/support/trials.rs"]
mod trials;
mod twice;
mod watch;
mod worker;

pub use client::{Nats, NatsEvaluator};
pub use error::{Error, NatsReport};
pub use metrics::WorkerReport;
pub use server::Server;
pub use worker::{Worker, WorkerHandle};

/// The programs of the guide compile.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/DISTRIBUTED.md")]
struct Guide;
