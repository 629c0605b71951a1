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

/// What `dask_bridge.py` needs of Dask, by threads: the bridge itself is run as it is shipped.
const DASK: &str = "
from concurrent.futures import ThreadPoolExecutor

class Client:
    def __init__(self, n_workers, **rest):
        self.hands = ThreadPoolExecutor(n_workers)
    def __enter__(self):
        return self
    def __exit__(self, *error):
        self.hands.shutdown()
    def submit(self, f, x, pure):
        return self.hands.submit(f, x)
";

#[test]
fn the_bridge_fans_out_and_gives_the_same_bits() {
    let folder = Folder::new();
    fs::create_dir(folder.0.join("dask")).unwrap();
    fs::write(folder.0.join("dask/__init__.py"), "").unwrap();
    fs::write(folder.0.join("dask/distributed.py"), DASK).unwrap();
    let mut command = Command::new("python3");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/dask_bridge.py"));
    command.env("PYTHONPATH", &folder.0).env("PYTHONDONTWRITEBYTECODE", "1");
    let processes = Arc::new(Processes::new(1, command).function("sqrt-v1").window(8));
    let there = Integrator::new(processes.clone()).integrate_blocking(0.0, 1.0, 1e-6).unwrap();
    let here = Integrator::new(Inline::new(|x: f64| (1.0 - x * x).sqrt())).integrate_blocking(0.0, 1.0, 1e-6).unwrap();
    assert_same(&there, &here, "bridge");
    let report = processes.report();
    assert_eq!((report.starts, report.deaths, report.protocol_errors), (1, 0, 0), "{report:?}");
}
