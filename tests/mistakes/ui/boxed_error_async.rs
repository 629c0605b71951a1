//! An error that stays on its thread, of an async function.

use std::error::Error;

use coquad::{Integrator, evaluator_fn};

async fn fetch(x: f64) -> Result<f64, Box<dyn Error>> {
    Ok(format!("{x}").parse::<f64>()?)
}

fn main() {
    let integrator = Integrator::new(evaluator_fn(16, fetch));
    println!("{:?}", integrator.integrate_blocking(0.0, 1.0, 1e-8));
}
