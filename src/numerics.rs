//! The numerics wing: synchronous and pure, no futures, threads or maps.
//!
//! A [`Method`](method::Method) describes a tree of panels: which points a panel needs, what the values there say of
//! its integral, into which panels it is refined. [`Run`](run::Run) is the textbook algorithm over that tree, taking
//! its decisions in order; where the values come from is its [`Source`](run::Source)'s business.

pub(crate) mod algebraic;
pub(crate) mod auto;
pub(crate) mod clenshaw_curtis;
pub(crate) mod cubature;
pub(crate) mod domain;
pub(crate) mod elementary;
pub(crate) mod euclidean;
mod few;
pub(crate) mod focus;
mod foresight;
pub(crate) mod fourier;
pub(crate) mod gauss_kronrod;
mod lanes;
pub(crate) mod method;
pub(crate) mod oscillator;
pub(crate) mod path;
pub(crate) mod principal_value;
mod product;
pub(crate) mod run;
pub(crate) mod simpson;
pub(crate) mod space;
pub(crate) mod spectral;
pub(crate) mod sum;
pub(crate) mod tanh_sinh;
pub(crate) mod tolerance;
mod twice;
pub(crate) mod value;
mod weighted;
