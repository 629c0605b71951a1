//! What several tests share.

pub(crate) mod battery;
pub(crate) mod clock;
#[allow(dead_code, reason = "the benches use the rest")]
pub(crate) mod cluster;
pub(crate) mod families;
pub(crate) mod faulty;
pub(crate) mod genz;
pub(crate) mod parallel;
#[allow(dead_code, reason = "peers in other languages use the rest")]
pub(crate) mod poles;
pub(crate) mod trials;
pub(crate) mod truth;

use coquad::Inline;

/// An integrand whose type is the same for all of its values, so that the engine is compiled once for them and a method.
pub(crate) type Boxed<T> = Inline<Box<dyn Fn(f64) -> T + Send + Sync>>;

/// [`Inline::new`] of a box.
pub(crate) fn boxed<T>(f: impl Fn(f64) -> T + Send + Sync + 'static) -> Boxed<T> {
    Inline::new(Box::new(f))
}
