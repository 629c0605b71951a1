//! One call, and an integrator that pays only for the points it does not have.

use std::error::Error;
use std::f64::consts::PI;

use coquad::{Integrator, Simpson, ThreadPool};
use futures::executor::block_on;

fn main() -> Result<(), Box<dyn Error>> {
    block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let e = coquad::integrate(|x: f64| 4.0 / (1.0 + x * x), 0.0, 1.0, 1e-10).await?;
    println!("{} ± {:.1e} from {} evaluations", e.value, e.error, e.evaluations);
    assert!((e.value - PI).abs() <= 1e-10);

    // The integrator keeps every value, so the tighter tolerance starts from what the looser one has paid for.
    let pool = ThreadPool::new(4);
    let integrator = Integrator::new(pool.evaluator(|x: f64| x.sin())).method(Simpson);
    let loose = integrator.integrate(0.0, PI, 1e-8).await?;
    let known = integrator.cache().len();
    let tight = integrator.integrate(0.0, PI, 1e-10).await?;
    println!("sin on [0, pi]: {} points at 1e-8, {} at 1e-10", loose.evaluations, tight.evaluations);
    assert_eq!((loose.evaluations, tight.evaluations), (121, 473));
    assert!(tight.performed + known >= tight.evaluations && tight.performed < tight.evaluations);

    // A tolerance that is not met is an error, and carries the best estimate.
    let budget = Integrator::new(pool.evaluator(|x: f64| x.sin())).method(Simpson).max_evaluations(100);
    match budget.integrate(0.0, PI, 1e-10).await {
        Err(coquad::Error::NotConverged { estimate, reason, .. }) => {
            println!("{reason}: {} ± {:.1e}", estimate.value, estimate.error);
            assert!(estimate.evaluations <= 100);
        }
        other => return Err(format!("expected a budget that does not suffice, got {other:?}").into()),
    }
    Ok(())
}
