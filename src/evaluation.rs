//! The evaluation wing: runs evaluations, each once, and knows no quadrature.

pub(crate) mod key;
