//! A function of an `f32`.

use coquad::{Inline, Integrator};

fn main() {
    let integrator = Integrator::new(Inline::new(|x: f32| x.sin()));
    println!("{:?}", integrator.integrate_blocking(0.0, 1.0, 1e-6));
}
