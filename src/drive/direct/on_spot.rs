//! An evaluator as the loop on the spot has it.

use crate::drive::limit::Limit;
use crate::evaluation::dispatch::door::Door;
use crate::evaluation::{Arithmetic, Evaluator, PointCache};
use crate::numerics::value::Value;
use crate::observer::Watch;
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

/// Where values are kept, who watches, and how long it may take.
type Beside<'a, T, P> = (Option<&'a PointCache<T, P>>, Option<&'a Watch<T, P>>, Option<&'a Limit>);

/// Evaluates at the points, in order, those that are not known; `false` if the time is over before the last.
#[inline(always)]
pub(crate) fn one_by_one<T: Value, P: Point, E: OnSpot<T, P> + ?Sized>(
    evaluator: &E,
    xs: &[P],
    (cache, observer, limit): Beside<'_, T, P>,
    values: &mut Vec<T>,
    performed: &mut usize,
) -> bool {
    for &x in xs {
        // At infinity an integrand whose integral exists may be taken as zero.
        let known = if x.is_finite() { cache.and_then(|cache| cache.get(x)) } else { Some(T::zero()) };
        if let Some(known) = known {
            values.push(known);
            continue;
        }
        if limit.is_some_and(Limit::is_over) {
            return false;
        }
        *performed += 1;
        if let Some(observer) = observer {
            observer.started(x, false);
        }
        evaluator.evaluate_here(&[x], values);
        if let (Some(cache), Some(value)) = (cache, values.last()) {
            cache.insert(x, value.clone());
        }
        if let (Some(observer), Some(value)) = (observer, values.last()) {
            observer.ended(x, Ok(value), || evaluator.mixture());
        }
    }
    true
}
