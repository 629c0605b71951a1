//! A closure that is not wrapped.

use coquad::Integrator;

fn main() {
    let integrator = Integrator::new(|x: f64| x.sin());
    println!("{:?}", integrator.integrate_blocking(0.0, 1.0, 1e-8));
}
