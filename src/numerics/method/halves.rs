//! A method for tests of what is above methods: panels are halved, and what they are estimated at is given.

use super::{Control, Local, Method, Panel};
use crate::numerics::value::Value;

/// `.1`: whether halves are parts, whose errors are bounds.
#[derive(Clone)]
pub(crate) struct Halves(pub(crate) Control, pub(crate) bool);

impl Method for Halves {
    type Kind = ();
    const REUSES_POINTS: bool = false;
    const HAS_PARTS: bool = true;

    fn control(&self) -> Control {
        self.0
    }

    fn root(&self) {}

    fn is_part(&self, panel: &Panel<()>) -> bool {
        self.1 && panel.depth > 0
    }

    fn points(&self, panel: &Panel<()>, into: &mut Vec<f64>) {
        into.push(panel.midpoint());
    }

    fn estimate<T: Value>(&self, _: &mut Panel<()>, _: &[T]) -> Local<T> {
        unreachable!("estimates are given")
    }
}
