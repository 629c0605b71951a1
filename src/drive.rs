//! The drivers: each feeds the algorithm, [`Run`](crate::numerics::run::Run), with judged panels.
//!
//! [`direct`] evaluates *on the spot*, on the caller's thread, and returns; [`boxes`] does so in several variables. [`ahead`] asks for evaluations *ahead* of
//! the decisions and is polled; [`hosted`] lets the threads of a pool poll it in its owner's place. [`ledger`] counts
//! the points that decisions rest on, and [`limit`] keeps the time.

pub(crate) mod ahead;
pub(crate) mod boxes;
pub(crate) mod direct;
pub(crate) mod hosted;
pub(crate) mod ledger;
pub(crate) mod limit;
