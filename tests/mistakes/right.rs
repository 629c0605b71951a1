//! What must go on to compile: `?` for values of every kind, and integrands that are erased, generic or not annotated.

use std::error::Error as StdError;

use coquad::{Error, Estimate, Evaluator, Fourier, Inline, Integrator, Simpson, ThreadPool, Value, evaluator_fn};
use num_complex::Complex;

type Function = Box<dyn Fn(f64) -> f64 + Send + Sync>;

struct Owner<E: Evaluator<Value: Value> + 'static> {
    integrator: Integrator<E>,
}

impl<E: Evaluator<Value: Value> + 'static> Owner<E> {
    fn new(evaluator: E) -> Self {
        Self { integrator: Integrator::new(evaluator) }
    }
}

fn boxed(f: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Inline<Function> {
    Inline::new(Box::new(f))
}

fn named<E>(evaluator: E) -> Result<Estimate<f64>, Error>
where
    E: Evaluator<Value = f64> + 'static,
{
    Integrator::<E>::new(evaluator).method(Simpson).integrate_blocking(0.0, 1.0, 1e-6)
}

#[test]
fn integrands_are_erased_generic_or_not_annotated() {
    let pool = ThreadPool::new(2);
    let half = |e: Result<Estimate<f64>, Error>| assert!((e.unwrap().value - 0.5).abs() <= 1e-6);
    half(Integrator::new(boxed(|x| x)).integrate_blocking(0.0, 1.0, 1e-8));
    half(Owner::new(pool.evaluator(|x| x)).integrator.integrate_blocking(0.0, 1.0, 1e-8));
    half(named(evaluator_fn(2, |x| async move { Ok::<_, String>(x) })));
    let identity: fn(f64) -> f64 = |x| x;
    let all: Vec<_> = [identity, |x| 1.0 - x].into_iter().map(Inline::new).map(Integrator::new).collect();
    all.iter().for_each(|one| half(one.integrate_blocking(0.0, 1.0, 1e-8)));
    assert!(Integrator::new(pool.evaluator(|_| f64::NAN)).integrate_blocking(0.0, 1.0, 1e-8).is_err());
    assert!(Integrator::new(pool.try_evaluator(|_| Err::<f64, _>("no"))).integrate_blocking(0.0, 1.0, 1e-8).is_err());
}

fn plain() -> Result<[f64; 3], Error> {
    let vector = Integrator::new(Inline::new(|x| vec![x, x * x])).integrate_blocking(0.0, 1.0, 1e-8)?;
    let complex = Integrator::new(Inline::new(|x| Complex::new(x, 1.0))).integrate_blocking(0.0, 1.0, 1e-8)?;
    let decay = Integrator::new(Inline::new(|x: f64| (-x).exp())).method(Fourier::exp(2.0));
    let weighted = decay.integrate_blocking(0.0, f64::INFINITY, 1e-8)?;
    Ok([vector.value[1], complex.value.re, weighted.value.im])
}

fn into_a_box(reach: f64) -> Result<f64, Box<dyn StdError>> {
    let table = move |x: f64| if x < reach { Ok(vec![x]) } else { Err("beyond the table") };
    Ok(Integrator::new(Inline::try_new(table)).integrate_blocking(0.0, 1.0, 1e-8)?.value[0])
}

#[test]
fn a_question_mark_takes_errors_of_vectors_and_complex_numbers() {
    let [square, half, weighted] = plain().unwrap();
    assert!((square - 1.0 / 3.0).abs() <= 1e-8 && (half - 0.5).abs() <= 1e-8 && (weighted - 0.4).abs() <= 1e-8);
    assert!((into_a_box(2.0).unwrap() - 0.5).abs() <= 1e-8);
    assert!(into_a_box(0.5).unwrap_err().to_string().contains("beyond the table"));
}
