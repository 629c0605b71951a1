//! Properties of whole integrals, for inputs that proptest draws and, where one fails, makes as simple as it can.

use coquad::{
    Auto, ClenshawCurtis, Error, Estimate, Evaluator, GaussKronrod, Integrator, Method, Simpson, TanhSinh, ThreadPool,
};
use proptest::prelude::*;

use crate::support::boxed;

/// A slope and a peak.
#[derive(Clone, Copy, Debug)]
struct Integrand {
    slope: f64,
    place: f64,
    width: f64,
}

impl Integrand {
    fn at(self, x: f64) -> f64 {
        let u = (x - self.place) / self.width;
        self.slope * x + 1.0 / (1.0 + u * u)
    }
}

fn integrand() -> impl Strategy<Value = Integrand> {
    (-2.0..2.0, -3.0..3.0, 1e-2..2.0).prop_map(|(slope, place, width)| Integrand { slope, place, width })
}

fn limit() -> impl Strategy<Value = f64> {
    prop_oneof![-3.0..3.0, Just(0.0), Just(-0.0), -1e3..1e3]
}

/// The end, with its bits: the value and the error of what there is.
fn end(result: Result<Estimate, Error>) -> (u64, u64, usize) {
    let estimate = match result {
        Ok(estimate) | Err(Error::NotConverged { estimate, .. }) => estimate,
        Err(error) => panic!("{error}"),
    };
    (estimate.value.to_bits(), estimate.error.to_bits(), estimate.evaluations)
}

fn by<M: Method>(f: Integrand, method: M) -> Integrator<impl Evaluator<Value = f64>, M> {
    Integrator::new(boxed(move |x| f.at(x))).method(method).max_evaluations(20_000)
}

fn on_a_pool_as_here<M: Method>(f: Integrand, a: f64, b: f64, workers: usize, method: M) -> Result<(), TestCaseError> {
    let here = by(f, method.clone()).integrate_blocking(a, b, 1e-6);
    let pool = ThreadPool::new(workers);
    let there = Integrator::new(pool.evaluator(move |x| f.at(x))).method(method).max_evaluations(20_000);
    prop_assert_eq!(end(here), end(there.integrate_blocking(a, b, 1e-6)));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn limits_in_the_other_order_negate_and_change_no_other_bit(f in integrand(), a in limit(), b in limit()) {
        let [there, back] = [(a, b), (b, a)].map(|(a, b)| by(f, Auto).integrate_blocking(a, b, 1e-8));
        let (there, back) = (there.expect("a peak"), back.expect("a peak"));
        if a != b {
            prop_assert_eq!(there.value.to_bits(), (-back.value).to_bits());
        }
        prop_assert_eq!(there.error.to_bits(), back.error.to_bits());
        prop_assert_eq!(there.evaluations, back.evaluations);
        prop_assert_eq!(there.segments.len(), back.segments.len());
    }

    #[test]
    fn breakpoints_in_any_order_and_any_number_of_times_are_the_same(
        f in integrand(),
        (sorted, drawn) in prop::collection::vec(limit(), 0..6).prop_flat_map(|points| {
            let again = points.iter().chain(&points).copied().collect::<Vec<_>>();
            (Just(points), Just(again).prop_shuffle())
        }),
    ) {
        let [once, twice] = [sorted, drawn].map(|points| {
            by(f, GaussKronrod::default()).breakpoints(&points).integrate_blocking(-2.0, 2.5, 1e-8)
        });
        prop_assert_eq!(end(once), end(twice));
    }

    #[test]
    fn segments_meet_and_their_errors_are_the_error(f in integrand(), a in limit(), b in limit()) {
        let e = by(f, Auto).integrate_blocking(a, b, 1e-8).expect("a peak");
        prop_assert!(e.error <= 1e-8);
        prop_assert!(e.segments.windows(2).all(|pair| pair[0].b.to_bits() == pair[1].a.to_bits()));
        prop_assert!(e.segments.iter().all(|segment| segment.a < segment.b));
        let ends = e.segments.first().map(|first| first.a).zip(e.segments.last().map(|last| last.b));
        prop_assert_eq!(ends, (a != b).then_some((a.min(b), a.max(b))));
        let errors: f64 = e.segments.iter().map(|segment| segment.error).sum();
        prop_assert!((errors - e.error).abs() <= 1e-12 * e.error);
    }

    #[test]
    fn any_limits_and_tolerance_end_with_an_answer_or_a_typed_error(
        f in integrand(), a in any::<f64>(), b in any::<f64>(), atol in any::<f64>(),
    ) {
        match by(f, Auto).integrate_blocking(a, b, atol) {
            Ok(e) => prop_assert!(e.error <= atol && e.value.is_finite() && e.evaluations <= 20_000),
            Err(Error::NotConverged { estimate, .. }) => prop_assert!(!(estimate.error <= atol)),
            Err(Error::InvalidTolerance { .. }) => prop_assert!(!(atol > 0.0)),
            Err(Error::InvalidInterval { .. }) => prop_assert!(a.is_nan() || b.is_nan()),
            // Of values whose sum overflows, the largest.
            Err(Error::NonFinite { x, .. }) => prop_assert!(a.min(b) <= x && x <= a.max(b)),
            Err(error) => return Err(TestCaseError::fail(format!("{error:?}"))),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_number_of_workers_and_any_method_gives_the_bits_of_none(
        f in integrand(), a in limit(), b in limit(), workers in 1usize..9, method in 0..5,
    ) {
        match method {
            0 => on_a_pool_as_here(f, a, b, workers, Auto)?,
            1 => on_a_pool_as_here(f, a, b, workers, GaussKronrod::new(15))?,
            2 => on_a_pool_as_here(f, a, b, workers, ClenshawCurtis)?,
            3 => on_a_pool_as_here(f, a, b, workers, TanhSinh)?,
            _ => on_a_pool_as_here(f, a, b, workers, Simpson)?,
        }
    }
}
