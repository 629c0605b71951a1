//! Integrals to a tolerance of their own, instead of that of the integrator.

use super::spectrum::Complex;
use super::{BoxIntegrator, Integrator};
use crate::error::Error;
use crate::estimate::Estimate;
use crate::evaluation::Evaluator;
use crate::numerics::fourier::{FourierExp, FourierMany};
use crate::numerics::method::Method;
use crate::numerics::principal_value::PrincipalValues;
use crate::numerics::spectral::Spectral;
use crate::numerics::tolerance::Tolerance;
use crate::numerics::value::Value;

/// How an integral ends.
type Ended<T, P = f64> = Result<Estimate<T, P>, Error<T, P>>;

impl<E, M> Integrator<E, M>
where
    E: Evaluator<Value: Value> + 'static,
    M: Clone,
{
    /// The same integrator with the relative tolerances of this one. The absolute one is the caller's to pass on.
    fn with(&self, tolerance: Tolerance) -> Self {
        let mut asked = self.clone();
        asked.terms.rtol = tolerance.rtol;
        if asked.terms.settings().rtol_l1.to_bits() != tolerance.rtol_l1.to_bits() {
            asked.set().rtol_l1 = tolerance.rtol_l1;
        }
        asked
    }
}

impl<E, const N: usize> BoxIntegrator<E, N>
where
    E: Evaluator<[f64; N], Value: Value> + 'static,
{
    /// As [`Integrator::with`].
    fn with(&self, tolerance: Tolerance) -> Self {
        self.clone().rtol(tolerance.rtol).rtol_l1(tolerance.rtol_l1)
    }
}

/// Both ways to ask, for one type of integrator: the limits' type, the value's type, and what to show.
macro_rules! integrates_to {
    (<$($generic:ident $(: $bound:path)?),+ $(; const $n:ident)?> $integrator:ty, $limit:ty => $ended:ty, $values:path $(, $example:literal)?) => {
        impl<$($generic $(: $bound)?),+ $(, const $n: usize)?> $integrator
        where
            E: Evaluator<$limit, Value: $values> + 'static,
        {
            /// Integrates like [`integrate`](Self::integrate), to this tolerance instead of an absolute one and those
            /// of [`rtol`](Self::rtol) and [`rtol_l1`](Self::rtol_l1), which have no effect on the call.
            ///
            /// # Cancellation
            ///
            /// As [`integrate`](Self::integrate).
            ///
            /// # Errors
            ///
            /// As [`integrate`](Self::integrate).
            ///
            /// # Panics
            ///
            /// As [`integrate`](Self::integrate).
            $(#[doc = $example])?
            pub async fn integrate_to(&self, a: $limit, b: $limit, tolerance: Tolerance) -> $ended {
                let asked = self.with(tolerance);
                asked.integrate(a, b, tolerance.atol).await
            }

            /// Integrates like [`integrate_to`](Self::integrate_to), blocking the calling thread.
            ///
            /// # Errors
            ///
            /// As [`integrate`](Self::integrate).
            ///
            /// # Panics
            ///
            /// As [`integrate`](Self::integrate).
            #[allow(clippy::result_large_err, reason = "of a value type that is known")]
            pub fn integrate_to_blocking(&self, a: $limit, b: $limit, tolerance: Tolerance) -> $ended {
                self.with(tolerance).integrate_blocking(a, b, tolerance.atol)
            }
        }
    };
}

integrates_to!(<E, M: Method> Integrator<E, M>, f64 => Ended<E::Value>, Value, "
# Examples

```
use coquad::{Integrator, ThreadPool, Tolerance};

let integrator = Integrator::new(ThreadPool::new(2).evaluator(|x: f64| 1e20 * x.sqrt()));
# futures::executor::block_on(async {
let e = integrator.integrate_to(0.0, 1.0, Tolerance::relative(1e-6)).await?;
assert!((e.value - 2e20 / 3.0).abs() <= 1e-6 * e.value);
# Ok::<(), coquad::Error>(()) }).unwrap();
```
");
integrates_to!(<E> Integrator<E, FourierExp>, f64 => Ended<Complex<E>>, Spectral);
integrates_to!(<E> Integrator<E, FourierMany>, f64 => Ended<Vec<Complex<E>>>, Spectral);
integrates_to!(<E> Integrator<E, PrincipalValues>, f64 => Ended<Vec<E::Value>>, Value);
integrates_to!(<E; const N> BoxIntegrator<E, N>, [f64; N] => Ended<E::Value, [f64; N]>, Value);
