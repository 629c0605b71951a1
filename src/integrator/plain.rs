//! The plain error: what `?` makes of the error of an integral whose values are not numbers.

use num_complex::Complex;

use crate::error::Error;
use crate::estimate::{Estimate, Partition, Segment};
use crate::numerics::euclidean::Euclidean;
use crate::numerics::value::Value;

/// The same error with the norm of each value in the place of the value.
pub(crate) fn plain<T: Value, P: Clone>(error: Error<T, P>) -> Error<f64, P> {
    match error {
        Error::NotConverged { estimate, reason, goal, size, needed, frequency } => {
            let Estimate { value, error, evaluations, performed, l1, segments } = estimate;
            let segments: Vec<_> = segments
                .into_iter()
                .map(|Segment { a, b, value, error, l1 }| Segment { a, b, value: value.norm(), error, l1 })
                .collect();
            let segments = Partition::from(segments);
            let estimate = Estimate { value: value.norm(), error, evaluations, performed, l1, segments };
            Error::NotConverged { estimate, reason, goal, size, needed, frequency }
        }
        other => other.without_estimate(),
    }
}

// One by one: a conversion from any value would be one from `f64` too, which every type has from
// itself.
macro_rules! plainly {
    ($(($($parameters:tt)*) $value:ty),+ $(,)?) => {$(
        /// For `?`. The point, the cause and the reason stay; in the estimate of
        /// [`Error::NotConverged`] each value becomes its norm.
        impl<$($parameters)* P: Clone> From<Error<$value, P>> for Error<f64, P>
        where
            $value: Value,
        {
            fn from(error: Error<$value, P>) -> Self {
                plain(error)
            }
        }
    )+};
}

plainly! {
    () f32,
    (F,) Complex<F>,
    (T,) Vec<T>,
    (T, const N: usize,) [T; N],
    (V,) Euclidean<V>,
}
