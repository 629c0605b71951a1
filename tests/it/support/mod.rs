//! What the tests share.

pub mod battery;
