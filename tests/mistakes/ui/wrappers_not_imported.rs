//! A wrapper without its trait.

use coquad::{Integrator, ThreadPool};

fn main() {
    let pool = ThreadPool::new(4);
    let read = |x: f64| format!("{x}").parse::<f64>();
    let integrator = Integrator::new(pool.try_evaluator(read).retry(3));
    println!("{:?}", integrator.integrate_blocking(0.0, 1.0, 1e-8));
}
