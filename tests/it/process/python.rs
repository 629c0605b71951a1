//! A worker in Python, as shipped in `examples`.

use super::*;

#[test]
fn a_python_worker_gives_the_same_bits() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let mut command = Command::new("python3");
    command.arg(format!("{examples}/worker.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    let processes = Arc::new(Processes::new(2, command).function("sqrt-v1"));
    let there = Integrator::new(processes.clone()).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, 1e-6);
    let there = there.unwrap_or_else(|error| panic!("python3 with its standard library is needed: {error}"));
    let f = |x: f64| (1.0 - x * x).sqrt();
    let here = Integrator::new(Inline::new(f)).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, 1e-6);
    assert_same(&there, &here.unwrap(), "python");
    // 1 - x * x is an integer there: `0`, where a float is due; and its exceptions come over with their names.
    let evaluate = |x| futures::executor::block_on(coquad::Evaluator::evaluate(&processes, x));
    assert_eq!(evaluate(1.0).unwrap().to_bits(), 0);
    let error = evaluate(2.0).unwrap_err();
    assert!(error.to_string().starts_with("ValueError: "), "{error}");
    assert_eq!(processes.report().deaths, 0);
}
