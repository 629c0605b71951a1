//! Points: each evaluated once, however many ask for it.
//!
//! A *point* is the bits of an `f64` ([`key`]). The [`map`] holds what is known of each: its value, or that it is
//! *pending*. A pending point is a [`cell`] that all who want it share. Each of them has a *seat* in its [`flight`];
//! whoever is polled there *drives* the evaluation, and the others sleep ([`sleepers`]). The flight *lands* with its
//! outcome. [`spot`] claims, evaluates and stores a point in one go; a [`call`] runs on a thread or in a process, and
//! has a seat of its own meanwhile. [`cache`] is the face.

pub(crate) mod cache;
pub(crate) mod call;
pub(crate) mod cell;
pub(crate) mod flight;
pub(crate) mod key;
mod map;
mod sleepers;
pub(crate) mod spot;
