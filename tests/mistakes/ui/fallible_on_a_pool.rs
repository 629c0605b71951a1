//! A function that may fail, on a pool.

use std::{fs, io};

use coquad::{Integrator, ThreadPool};

fn slow(x: f64) -> io::Result<f64> {
    let text = fs::read_to_string("parameters.txt")?;
    Ok(x * text.len() as f64)
}

fn main() {
    let pool = ThreadPool::new(4);
    let integrator = Integrator::new(pool.evaluator(slow));
    println!("{:?}", integrator.integrate_blocking(0.0, 1.0, 1e-8));
}
