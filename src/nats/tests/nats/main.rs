//! Everything that needs a NATS server. Each test starts its own.

mod admin;
mod boxes;
mod cluster;
mod doors;
mod faults;
mod flood;
mod functions;
mod health;
mod leaving;
mod many;
#[path = "../../src/noise.rs"]
mod noise;
mod operators;
mod python;
mod security;
mod shares;
mod soup;
mod stalls;
mod support;

/// Not a test of its own: the worker processes of the others are this program, started with this name.
#[test]
fn worker_process() {
    support::worker::serve_if_asked();
}

/// The same for the workers of [`coquad::Processes`].
#[test]
fn child_process() {
    support::worker::serve_pipe_if_asked();
}
