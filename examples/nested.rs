//! Two dimensions: an integral of integrals, all of whose points share one thread pool.
//!
//! To the outer method, the errors of the inner integrals are noise in its integrand. So the inner tolerance is scaled:
//! if each inner value is off by at most `inner`, the answer is off by at most `inner` times the outer length. That is
//! a tenth of the tolerance here, and the outer method has the rest.

use std::f64::consts::PI;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coquad::{Error, Estimate, Integrator, ThreadPool, evaluator_fn};
use futures::executor::block_on;

const TOLERANCE: f64 = 1e-8;

/// A range of x for each y.
struct Region {
    y: (f64, f64),
    x: fn(f64) -> (f64, f64),
}

/// The integral of `f` over the region, and how many evaluations of `f` it took.
async fn integrate(f: fn(f64, f64) -> f64, region: Region, atol: f64) -> Result<(Estimate, usize), Error> {
    let (a, b) = region.y;
    let (inner, outer) = (0.1 * atol / (b - a), 0.9 * atol);
    let pool = ThreadPool::new(std::thread::available_parallelism().map_or(1, usize::from));
    let spent = Arc::new(AtomicUsize::new(0));

    // Each point of the outer integral is an inner integral: an async function, up to 8 of which run at once. None of
    // them occupies a thread; the pool is left to the evaluations of `f`.
    let counter = spent.clone();
    let line = evaluator_fn(8, move |y| {
        let along = Integrator::new(pool.evaluator(move |x| f(x, y)));
        let (limits, counter) = ((region.x)(y), counter.clone());
        async move {
            let e = along.integrate(limits.0, limits.1, inner).await?;
            counter.fetch_add(e.evaluations, Ordering::Relaxed);
            Ok::<f64, Error>(e.value)
        }
    });
    let e = Integrator::new(line).integrate(a, b, outer).await?;
    Ok((e, spent.load(Ordering::Relaxed)))
}

fn main() -> Result<(), Error> {
    // An eighth of the unit ball stands on a quarter of the unit disc.
    let height = |x: f64, y: f64| (1.0 - x * x - y * y).max(0.0).sqrt();
    let quarter = Region { y: (0.0, 1.0), x: |y| (0.0, (1.0 - y * y).sqrt()) };
    let (ball, spent) = block_on(integrate(height, quarter, TOLERANCE))?;
    println!("an eighth of the ball    {:.10}", ball.value);
    println!("π / 6                    {:.10}", PI / 6.0);
    println!("error                    {:.1e} (tolerance {TOLERANCE:e})", (ball.value - PI / 6.0).abs());
    println!("inner integrals          {}, with {spent} evaluations", ball.performed);
    assert!((ball.value - PI / 6.0).abs() <= TOLERANCE);

    // Infinite in a corner: Euler's sum of 1/n², the integral of 1 / (1 - xy) over the unit square. The corner is moved
    // from (1, 1) to the origin, where numbers are dense enough to come close to it.
    let square = Region { y: (0.0, 1.0), x: |_| (0.0, 1.0) };
    let (euler, spent) = block_on(integrate(|x, y| 1.0 / (x + y - x * y), square, TOLERANCE))?;
    println!("\n1 + 1/4 + 1/9 + ...      {:.10}", euler.value);
    println!("π² / 6                   {:.10}", PI * PI / 6.0);
    println!("error                    {:.1e} (tolerance {TOLERANCE:e})", (euler.value - PI * PI / 6.0).abs());
    println!("inner integrals          {}, with {spent} evaluations", euler.performed);
    assert!((euler.value - PI * PI / 6.0).abs() <= TOLERANCE);
    Ok(())
}
