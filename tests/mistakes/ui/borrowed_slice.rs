//! A closure that borrows.

use coquad::{Inline, Integrator};

fn integral(table: &[f64]) -> Result<f64, coquad::Error> {
    let integrator = Integrator::new(Inline::new(|x: f64| table[0] * x));
    Ok(integrator.integrate_blocking(0.0, 1.0, 1e-8)?.value)
}

fn main() {
    println!("{:?}", integral(&[1.0, 2.0]));
}
