//! An evaluator as the loop on the spot has it.

use crate::evaluation::dispatch::door::Door;
use crate::evaluation::{Arithmetic, Evaluator};
use crate::point::Point;

/// An evaluator as it is used on the spot: by its type, which is compiled into the loop, or behind its door.
pub(crate) trait OnSpot<T, P: Point = f64> {
    /// As [`Evaluator::HERE`], and so on.
    const HERE: bool;

    fn value_here(&self, x: P) -> Option<T>;

    fn evaluate_here(&self, xs: &[P], into: &mut Vec<T>);

    fn mixture(&self) -> Option<(Arithmetic, Arithmetic)>;
}

impl<P: Point, E: Evaluator<P>> OnSpot<E::Value, P> for E {
    const HERE: bool = E::HERE;

    #[inline]
    fn value_here(&self, x: P) -> Option<E::Value> {
        E::value_here(self, x)
    }

    #[inline]
    fn evaluate_here(&self, xs: &[P], into: &mut Vec<E::Value>) {
        E::evaluate_here(self, xs, into);
    }

    fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
        E::mixture(self)
    }
}

impl<P: Point, T> OnSpot<T, P> for dyn Door<T, P> {
    const HERE: bool = false;

    fn value_here(&self, x: P) -> Option<T> {
        let mut values = Vec::new();
        self.evaluate_here(&[x], &mut values);
        values.pop()
    }

    fn evaluate_here(&self, xs: &[P], into: &mut Vec<T>) {
        Door::evaluate_here(self, xs, into);
    }

    fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
        Door::mixture(self)
    }
}

/// The values of an evaluator that always has them here. One type of function, so that what a method does with it is
/// compiled once for each integrand.
#[inline]
pub(crate) fn here<'a, T, E: OnSpot<T> + ?Sized>(evaluator: &'a E) -> impl FnMut(f64) -> T + use<'a, T, E> {
    move |x| evaluator.value_here(x).expect("it is here")
}
