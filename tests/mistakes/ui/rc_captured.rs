//! A closure with a pointer that stays on its thread.

use std::rc::Rc;

use coquad::{Integrator, ThreadPool};

fn main() {
    let table = Rc::new(vec![1.0, 2.0, 3.0]);
    let pool = ThreadPool::new(4);
    let integrator = Integrator::new(pool.evaluator(move |x: f64| table[0] * x));
    println!("{:?}", integrator.integrate_blocking(0.0, 1.0, 1e-8));
}
