//! What an integrator takes, told apart from what it does not take in one message of the compiler.
//!
//! INVARIANT: an evaluator of values is `Integrable` as itself, and nothing else of this crate is. What is here has no
//! effect on a program that compiles.

use std::convert::Infallible;
use std::marker::PhantomData;

use crate::error::EvaluationError;
use crate::evaluation::{Evaluator, Inline, PoolEvaluator, TryInline, TryPoolEvaluator};
use crate::numerics::method::Method;
use crate::numerics::value::Value;
use crate::point::Point;

/// What [`Integrator::new`](crate::Integrator::new) and [`BoxIntegrator::new`](crate::BoxIntegrator::new) take: each
/// [`Evaluator`] of [`Value`]s, as itself.
///
/// The trait is here for those whose program does not compile: the compiler says at the call of `new` what may be
/// missing, and nothing more about what follows from it. In a generic function ask for `E: Evaluator` with
/// `E::Value: Value`, not for this trait.
///
/// # Examples
///
/// ```
/// use coquad::{Estimate, Evaluator, Integrator, Value};
///
/// fn over_one<E: Evaluator<Value: Value> + 'static>(evaluator: E) -> Result<Estimate<E::Value>, coquad::Error<E::Value>> {
///     Integrator::new(evaluator).integrate_blocking(0.0, 1.0, 1e-8)
/// }
///
/// assert!((over_one(coquad::Inline::new(f64::exp))?.value - 1.0f64.exp_m1()).abs() <= 1e-8);
/// # Ok::<(), coquad::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an evaluator of an integrand that returns values",
    label = "not an evaluator of values",
    note = "is it a closure? wrap it: `Inline::new(f)` or `pool.evaluator(f)`; of several variables: `Inline::over(f)`",
    note = "this function returns a `Result`? use `try_evaluator`: `pool.try_evaluator(f)` or `Inline::try_new(f)`",
    note = "its error is a `Box<dyn Error>`? add `Send + Sync`: `Box<dyn Error + Send + Sync>`",
    note = "values are `f64`, `f32`, `Complex`, arrays and vectors of them, and your own `Value`"
)]
pub trait Integrable<E, P: Point = f64> {
    /// Returns the evaluator itself.
    fn into_evaluator(self) -> E;
}

#[diagnostic::do_not_recommend]
impl<E, P> Integrable<E, P> for E
where
    P: Point,
    E: Evaluator<P, Value: Value> + 'static,
{
    #[inline]
    fn into_evaluator(self) -> E {
        self
    }
}

// Of no type: an array is no method. A trait with one impl that fits has that impl, says the compiler, and then tells of
// each bound of it that is not met, here and wherever the integrator is used. Of two it takes the one whose bounds are
// met, or none; then it tells of the trait alone, and the type of the integrator stays unknown, so that nothing follows.
#[diagnostic::do_not_recommend]
impl<E, P: Point> Integrable<E, P> for E
where
    [E; 0]: Method,
{
    fn into_evaluator(self) -> E {
        self
    }
}

/// In the place of an evaluator of a function of an `f32`. There is none: the constructors refuse the function, and say
/// so. This keeps the compiler from saying it again.
#[derive(Debug)]
pub struct Refused<T> {
    never: Infallible,
    values: PhantomData<fn() -> T>,
}

impl<T: Value> Evaluator for Refused<T> {
    type Value = T;

    async fn evaluate(&self, _: f64) -> Result<T, EvaluationError> {
        match self.never {}
    }
}

macro_rules! refused {
    ($evaluator:ident<F> of $returned:ty, $($parameters:ident),+) => {
        #[diagnostic::do_not_recommend]
        impl<F, $($parameters),+> Integrable<Refused<T>> for $evaluator<F>
        where
            F: Fn(f32) -> $returned,
            T: Value,
        {
            fn into_evaluator(self) -> Refused<T> {
                unreachable!("its constructor takes functions of an f64")
            }
        }
    };
}

refused!(Inline<F> of T, T);
refused!(PoolEvaluator<F> of T, T);
refused!(TryInline<F> of Result<T, E>, T, E);
refused!(TryPoolEvaluator<F> of Result<T, E>, T, E);
