//! What a method may ask for later on: a guess, for running ahead.

use super::Panel;

/// A panel that a method may ask for later on, and how probable that is. Nothing is decided by it.
///
/// # Examples
///
/// ```
/// use coquad::{Guess, Panel};
///
/// let panel = Panel { a: 0.0, b: 0.5, depth: 1, kind: () };
/// let guess = Guess { panel, chance: 0.25 };
/// assert!(guess.chance < 0.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess<K> {
    /// The panel.
    pub panel: Panel<K>,
    /// The chance that its points will be needed, from 0 to 1.
    pub chance: f64,
}
