//! Errors as users pass them on: an integrand that may fail on the calling thread, and `?` for
//! values of any kind.

use std::error::Error as StdError;
use std::thread;

use coquad::{
    BoxIntegrator, ClenshawCurtis, Error, Estimate, Euclidean, EvaluationError, GaussKronrod, Inline, Integrator,
    Method, Reason, Scales, Simpson, TanhSinh, ThreadPool, Value,
};
use num_complex::Complex;

/// What must not differ between two ways to the same integral.
fn bits(e: &Estimate) -> (u64, u64, usize, Vec<[u64; 4]>) {
    let segments = e.segments.iter().map(|s| [s.a, s.b, s.value, s.error].map(f64::to_bits)).collect();
    (e.value.to_bits(), e.error.to_bits(), e.evaluations, segments)
}

fn the_same<M: Method>(method: M) {
    let f = |x: f64| -> Result<f64, EvaluationError> { Ok(1.0 / ((x - 0.3) * (x - 0.3) + 1e-3)) };
    let pool = ThreadPool::new(2);
    let ask = |a, b, atol| {
        let here = Integrator::new(Inline::try_new(f)).method(method.clone()).integrate_blocking(a, b, atol).unwrap();
        let there =
            Integrator::new(pool.try_evaluator(f)).method(method.clone()).integrate_blocking(a, b, atol).unwrap();
        let plain = Integrator::new(Inline::new(move |x| f(x).unwrap())).method(method.clone());
        let plain = plain.integrate_blocking(a, b, atol).unwrap();
        assert_eq!(bits(&here), bits(&there));
        assert_eq!(bits(&here), bits(&plain));
        // Nothing is evaluated in vain where nothing else could be done meanwhile.
        assert_eq!(here.performed, here.evaluations);
    };
    ask(0.0, 1.0, 1e-6);
    ask(1.0, -2.0, 1e-9);
}

#[test]
fn a_fallible_integrand_has_the_same_bits_on_the_calling_thread_and_on_a_pool() {
    the_same(coquad::Auto);
    the_same(GaussKronrod::default());
    the_same(ClenshawCurtis);
    the_same(TanhSinh);
    the_same(Simpson);
}

#[test]
fn a_fallible_integrand_is_evaluated_on_the_thread_that_asks() {
    let home = thread::current().id();
    let f = move |x: f64| if thread::current().id() == home { Ok(x) } else { Err("on another thread") };
    let e = Integrator::new(Inline::try_new(f)).integrate_blocking(0.0, 1.0, 1e-10).unwrap();
    assert!((e.value - 0.5).abs() < 1e-10);
}

#[test]
fn the_point_that_fails_is_named_the_same_on_the_calling_thread_and_on_a_pool() {
    for edge in [0.99, 0.5, 0.123, 1e-3] {
        let f = move |x: f64| if x < edge { Ok(x) } else { Err(format!("beyond {edge:?}")) };
        let here = Integrator::new(Inline::try_new(f)).integrate_blocking(0.0, 1.0, 1e-8).unwrap_err();
        let there =
            Integrator::new(ThreadPool::new(2).try_evaluator(f)).integrate_blocking(0.0, 1.0, 1e-8).unwrap_err();
        let Error::Evaluation { x, source, .. } = &here else { panic!("{here}") };
        assert!(*x >= edge && source.to_string() == format!("beyond {edge:?}"), "{here}");
        assert_eq!(here.to_string(), there.to_string());
    }
}

#[test]
fn a_panic_of_a_fallible_integrand_names_its_point() {
    let f = |x: f64| -> Result<f64, EvaluationError> { if x > 0.9 { panic!("too far") } else { Ok(x) } };
    let error = Integrator::new(Inline::try_new(f)).integrate_blocking(0.0, 1.0, 1e-8).unwrap_err();
    assert!(matches!(&error, Error::Panicked { x, message, .. } if *x > 0.9 && &**message == "too far"), "{error}");
}

/// `?` into the plain error, and into a box, of an integral that fails at a point.
fn passes_the_point_on<T: Value + std::fmt::Debug>(value: fn(f64) -> T)
where
    Error: From<Error<T>>,
{
    let ask = |reach: f64| {
        let f = move |x: f64| if x < reach { Ok(value(x)) } else { Err("no data") };
        Integrator::new(Inline::try_new(f)).integrate_blocking(0.0, 1.0, 1e-6)
    };
    let plain = |reach| -> Result<(), Error> {
        ask(reach)?;
        Ok(())
    };
    let boxed = |reach| -> Result<(), Box<dyn StdError>> {
        ask(reach)?;
        Ok(())
    };
    let shared = |reach| -> Result<(), Box<dyn StdError + Send + Sync>> {
        ask(reach)?;
        Ok(())
    };
    assert!(plain(2.0).is_ok() && boxed(2.0).is_ok() && shared(2.0).is_ok());
    let as_it_was = ask(0.7).unwrap_err();
    let error = plain(0.7).unwrap_err();
    assert!(matches!(&error, Error::Evaluation { x, source, .. } if *x >= 0.7 && source.to_string() == "no data"));
    for text in [error.to_string(), boxed(0.7).unwrap_err().to_string(), shared(0.7).unwrap_err().to_string()] {
        assert_eq!(text, as_it_was.to_string());
    }
}

/// `?` into the plain error of an integral that does not converge: the reason and the numbers stay.
fn passes_the_reason_on<T: Value + std::fmt::Debug>(value: fn(f64) -> T)
where
    Error: From<Error<T>>,
{
    let f = move |x: f64| value(1.0 / (x - 0.3).abs().sqrt());
    let integrator = Integrator::new(Inline::new(f)).method(GaussKronrod::default()).max_evaluations(100);
    let before = integrator.integrate_blocking(0.0, 1.0, 1e-5).unwrap_err();
    let after = Error::from(before.clone());
    assert_eq!(before.to_string(), after.to_string());
    let Error::NotConverged { estimate: whole, .. } = before else { panic!("{before}") };
    let Error::NotConverged { estimate, reason, .. } = after else { panic!("{after}") };
    assert_eq!((reason, estimate.evaluations), (Reason::Budget, whole.evaluations));
    assert_eq!([estimate.value, estimate.error, estimate.l1], [whole.value.norm(), whole.error, whole.l1]);
    assert!(!estimate.segments.is_empty() && estimate.segments.len() == whole.segments.len());
    for (plain, segment) in estimate.segments.iter().zip(&whole.segments) {
        assert_eq!([plain.a, plain.b, plain.error, plain.l1], [segment.a, segment.b, segment.error, segment.l1]);
        assert_eq!(plain.value.to_bits(), segment.value.norm().to_bits());
    }
}

#[test]
fn a_question_mark_passes_on_the_errors_of_all_values() {
    passes_the_point_on(|x| x);
    passes_the_point_on(|x| x as f32);
    passes_the_point_on(|x| vec![x, x * x]);
    passes_the_point_on(|x| [x, 1.0]);
    passes_the_point_on(|x| Complex::new(x, -x));
    passes_the_point_on(|x| Complex::new(x as f32, 1.0));
    passes_the_point_on(|x| vec![[Complex::new(x, -x); 2]; 3]);
    passes_the_point_on(|x| Euclidean([x, x]));
    passes_the_point_on(|x| Scales::new(&[1.0, 1e-3]).of([x, 1e-3 * x]));
}

#[test]
fn a_question_mark_passes_on_the_reason_and_the_numbers() {
    passes_the_reason_on(|y| vec![y, -y]);
    passes_the_reason_on(|y| [y, 2.0 * y]);
    passes_the_reason_on(|y| Complex::new(y, -y));
    passes_the_reason_on(|y| Euclidean(vec![3.0 * y, 4.0 * y]));
    passes_the_reason_on(|y| Scales::new(&[1.0, 1e-3]).of([y, 1e-3 * y]));
}

#[test]
fn a_question_mark_passes_on_the_point_of_a_box() {
    #[allow(clippy::result_large_err, reason = "an error carries the estimate, with its boxes")]
    fn ask() -> Result<f64, Error<f64, [f64; 2]>> {
        let f = |[x, y]: [f64; 2]| if x + y < 1.5 { Ok(vec![x, y]) } else { Err("outside") };
        let e = BoxIntegrator::new(Inline::try_over(f)).integrate_blocking([0.0, 0.0], [1.0, 1.0], 1e-6)?;
        Ok(e.value[0])
    }
    assert!(matches!(ask(), Err(Error::Evaluation { x: [x, y], .. }) if x + y >= 1.5));
}
