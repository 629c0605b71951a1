//! The guide: what to choose, and what to do when it does not work. The texts are those of `docs/`.

#[doc = include_str!("../docs/METHODS.md")]
pub mod methods {}

#[doc = include_str!("../docs/EVALUATORS.md")]
pub mod evaluators {}

#[doc = include_str!("../docs/RECIPES.md")]
pub mod recipes {}

#[doc = include_str!("../docs/CONVERGENCE.md")]
pub mod convergence {}

#[doc = include_str!("../docs/OSCILLATION.md")]
pub mod oscillation {}

#[doc = include_str!("../docs/BOXES.md")]
pub mod boxes {}

#[doc = include_str!("../docs/WATCHING.md")]
pub mod watching {}

#[doc = include_str!("../docs/DETERMINISM.md")]
pub mod determinism {}

#[doc = include_str!("../docs/RELIABILITY.md")]
pub mod reliability {}

#[doc = include_str!("../docs/PEERS.md")]
pub mod peers {}

#[doc = include_str!("../docs/GLOSSARY.md")]
pub mod glossary {}
