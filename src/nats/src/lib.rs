//! Evaluators of `coquad` on many machines.
