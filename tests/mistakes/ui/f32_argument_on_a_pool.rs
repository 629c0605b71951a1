//! A function of an `f32`, on a pool.

use coquad::{Integrator, ThreadPool};

fn main() {
    let pool = ThreadPool::new(4);
    let integrator = Integrator::new(pool.evaluator(|x: f32| x.sin()));
    println!("{:?}", integrator.integrate_blocking(0.0, 1.0, 1e-6));
}
