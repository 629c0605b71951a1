//! An error that stays on its thread.

use std::error::Error;

use coquad::{Integrator, ThreadPool};

fn simulate(x: f64) -> Result<f64, Box<dyn Error>> {
    Ok(format!("{x}").parse::<f64>()?)
}

fn main() {
    let pool = ThreadPool::new(4);
    let integrator = Integrator::new(pool.try_evaluator(simulate));
    println!("{:?}", integrator.integrate_blocking(0.0, 1.0, 1e-8));
}
