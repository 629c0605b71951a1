//! Evaluators of `coquad` on many machines.

mod client;
mod desk;
mod error;
mod names;
mod ops;
mod server;
mod setup;
mod worker;

pub use client::{Nats, NatsEvaluator};
pub use error::Error;
pub use server::Server;
pub use worker::{Worker, WorkerHandle};
