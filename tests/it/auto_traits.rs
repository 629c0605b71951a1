//! What is `Send` and `Sync` stays so: checked by the compiler, for every public type and the futures of every public call.

use std::fs;
use std::future::Ready;

use coquad::*;

use crate::source::root;

const fn shared<T: Send + Sync + 'static>() {}
const fn movable<T: Send>(_: &T) {}

type Function = fn(f64) -> f64;
type Asynchronous = EvaluatorFn<fn(f64) -> Ready<Result<f64, EvaluationError>>>;

const _: () = {
    shared::<Again<'static, f64>>();
    shared::<Algebraic>();
    shared::<Arithmetic>();
    shared::<Auto>();
    shared::<Bessel>();
    shared::<BatchFn<fn(Vec<f64>) -> Ready<Result<Vec<f64>, EvaluationError>>>>();
    shared::<BlockingFn<fn(f64) -> Result<f64, EvaluationError>>>();
    shared::<BoxIntegrator<Inline<fn([f64; 2]) -> f64>, 2>>();
    shared::<Call<f64>>();
    shared::<ClenshawCurtis>();
    shared::<Conflict>();
    shared::<Control>();
    shared::<Cubature>();
    shared::<Nested<fn(usize, [f64; 2]) -> (f64, f64), 2>>();
    shared::<Error>();
    shared::<Estimate>();
    shared::<Euclidean<Vec<f64>>>();
    shared::<EvaluationError>();
    shared::<Asynchronous>();
    shared::<Fourier>();
    shared::<FourierExp>();
    shared::<FourierMany>();
    shared::<GaussKronrod>();
    shared::<Guess<()>>();
    shared::<Inline<Function>>();
    shared::<InlineBatch<fn(&[f64], &mut [f64]), f64>>();
    shared::<Integrator<Asynchronous>>();
    shared::<Integrator<Inline<Function>, Simpson>>();
    shared::<Integrator<PoolEvaluator<Function>, ClenshawCurtis>>();
    shared::<Known<'static, f64>>();
    shared::<Local<f64>>();
    shared::<Mixed>();
    shared::<Oscillator<Function>>();
    shared::<Pace>();
    shared::<Panel<()>>();
    shared::<Path>();
    shared::<PointCache<f64>>();
    shared::<PoolEvaluator<Function>>();
    shared::<PrincipalValue>();
    shared::<PrincipalValues>();
    shared::<Progress<'static, f64>>();
    shared::<Reason>();
    shared::<Retry<Asynchronous>>();
    shared::<Partition<f64>>();
    shared::<Scaled<Vec<f64>>>();
    shared::<Scales>();
    shared::<Segment<f64>>();
    shared::<Simpson>();
    shared::<Speculation>();
    shared::<TanhSinh>();
    shared::<ThreadPool>();
    shared::<Timeout<Asynchronous>>();
    shared::<Tolerance>();
    shared::<TryInline<fn(f64) -> Result<f64, EvaluationError>>>();
    shared::<TryPoolEvaluator<fn(f64) -> Result<f64, EvaluationError>>>();
    shared::<Verify<Asynchronous>>();
    shared::<Box<dyn Observer<f64>>>();
};

#[cfg(feature = "durable")]
const _: () = {
    shared::<Durability>();
    shared::<DurableError>();
};

#[cfg(feature = "wire")]
const _: () = {
    shared::<wire::Answer<'static>>();
    shared::<wire::Answers<'static>>();
    shared::<wire::Outcomes<'static>>();
    shared::<wire::Failure<'static>>();
    shared::<wire::FailureKind>();
    shared::<wire::Frames>();
    shared::<wire::Hello<'static>>();
    shared::<wire::Job<'static>>();
    shared::<wire::WireError>();
};

#[cfg(all(unix, feature = "process"))]
const _: () = {
    shared::<Death>();
    shared::<ProcessError>();
    shared::<ProcessReport>();
    shared::<Processes>();
    shared::<Integrator<Processes>>();
};

#[test]
fn the_futures_of_all_calls_can_move_between_threads() {
    let pool = ThreadPool::new(1);
    let cache = PointCache::<f64>::new();
    movable(&coquad::integrate(f64::sin, 0.0, 1.0, 1e-8));
    movable(&Integrator::new(pool.evaluator(f64::sin)).integrate(0.0, 1.0, 1e-8));
    movable(&Integrator::new(Inline::new(f64::sin)).integrate(0.0, 1.0, 1e-8));
    movable(&coquad::integrate_path(|z| z, &[num_complex::Complex::ZERO, num_complex::Complex::ONE], 1e-8));
    let path = Integrator::new(Inline::new(|s: f64| num_complex::Complex::new(s, s)));
    movable(&path.integrate_path(Path::circle(num_complex::Complex::ONE, 1.0), 1e-8));
    let many = Integrator::new(pool.evaluator(f64::sin)).method(PrincipalValue::many(&[0.5]));
    movable(&many.integrate(0.0, 1.0, 1e-8));
    movable(&many.integrate_each(0.0, 1.0, 1e-8));
    movable(&coquad::integrate_box(|[x, y]: [f64; 2]| x * y, [0.0; 2], [1.0; 2], 1e-8));
    let boxes = BoxIntegrator::new(pool.evaluator_over(|[x, y]: [f64; 2]| x * y));
    movable(&boxes.integrate([0.0; 2], [1.0; 2], 1e-8));
    movable(&boxes.integrate_to([0.0; 2], [1.0; 2], Tolerance::relative(1e-8)));
    movable(&many.integrate_to(0.0, 1.0, Tolerance::relative(1e-8)));
    let ask = |x: f64| async move { Ok::<f64, EvaluationError>(x) };
    let evaluator = evaluator_fn(2, ask);
    movable(&evaluator.evaluate(0.5));
    movable(&Integrator::new(evaluator.clone().retry(2)).method(TanhSinh).integrate(0.0, 1.0, 1e-8));
    movable(&pmap(|x| async move { x }, [1, 2]));
    movable(&try_pmap(|x| async move { Ok::<i32, String>(x) }, [1, 2]));
    movable(&pool.run(|| 1));
    movable(&cache.get_or_evaluate(0.5, || async { Ok(0.25) }));
    #[cfg(feature = "durable")]
    movable(&cache.sync());
}

#[test]
fn every_public_type_is_on_the_list() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("a file of this repository");
    let (front, wire, here) = (read("src/lib.rs"), read("src/evaluation/wire.rs"), read("tests/it/auto_traits.rs"));
    let exports = [&front, &wire].into_iter().flat_map(|text| text.split("pub use ").skip(1));
    let names =
        exports.flat_map(|export| export[..export.find(';').expect("it ends")].split([':', ',', '{', '}', ' ', '\n']));
    let types: Vec<&str> =
        names.filter(|name| name.chars().any(char::is_lowercase) && name.starts_with(char::is_uppercase)).collect();
    assert!(types.len() > 40);
    // Traits have no instances of their own.
    let traits = [
        "Durable",
        "Evaluator",
        "EvaluatorExt",
        "Fixed",
        "Integrable",
        "Method",
        "Near",
        "Numbers",
        "Point",
        "Share",
        "Spectral",
        "Value",
    ];
    for name in types.iter().filter(|name| !traits.contains(name)) {
        let asserted = |line: &str| line.contains("shared::<") && line.contains(name);
        let alias = *name == "EvaluatorFn"; // in `Asynchronous`
        assert!(alias || here.lines().any(asserted), "{name} is not on the list of this test");
    }
}
