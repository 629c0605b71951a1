//! The snippets of the interface, as its users type them. Every one returns the values it found, to be compared.

use coquad::{
    Error, GaussKronrod, Inline, Integrator, PointCache, Simpson, Speculation, ThreadPool, evaluator_fn, pmap, try_pmap,
};
use futures::future::BoxFuture;

use crate::evaluators::{Refused, Simulator, f, fetch};

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One value as its bits, with the number of points it rests on.
pub type Answer = (u64, usize);

fn answer(e: coquad::Estimate<f64>) -> Answer {
    (e.value.to_bits(), e.evaluations)
}

/// Everything asynchronous, in a fixed order. Owns all it uses: the future is `Send + 'static`.
pub async fn run() -> Result<Vec<Answer>, Failure> {
    let mut answers = one_call().await?;
    answers.extend(integrators().await?);
    answers.extend(builders().await?);
    answers.extend(own_evaluators().await?);
    answers.extend(concurrent_maps().await?);
    answers.extend(point_cache().await?);
    errors().await;
    Ok(answers)
}

async fn one_call() -> Result<Vec<Answer>, Failure> {
    let e = coquad::integrate(|x: f64| x.sin(), 0.0, std::f64::consts::PI, 1e-10).await?;
    println!("{} ± {} from {} evaluations", e.value, e.error, e.evaluations);
    assert!((e.value - 2.0).abs() <= 1e-10);
    Ok(vec![answer(e)])
}

async fn integrators() -> Result<Vec<Answer>, Failure> {
    let pool = ThreadPool::new(64);
    let integrator = Integrator::new(pool.evaluator(f)).method(Simpson);
    let e = integrator.integrate(0.0, 1.0, 1e-8).await?;
    let tighter = integrator.integrate(0.0, 1.0, 1e-10).await?;
    let n = integrator.cache().len();
    assert!(n >= tighter.evaluations);

    let inline = Integrator::new(Inline::new(f)).method(Simpson).integrate(0.0, 1.0, 1e-10).await?;
    assert_eq!(inline.value.to_bits(), tighter.value.to_bits());

    let asynchronous = Integrator::new(evaluator_fn(16, |x: f64| async move { fetch(x).await })).method(Simpson);
    let asynchronous = asynchronous.integrate(0.0, 1.0, 1e-10).await?;
    assert_eq!(asynchronous.value.to_bits(), tighter.value.to_bits());

    // At the same time, over one integrator.
    let (left, right) =
        futures::future::try_join(integrator.integrate(-1.0, 0.5, 1e-9), integrator.integrate(0.5, -1.0, 1e-9)).await?;
    assert_eq!(left.value.to_bits(), (-right.value).to_bits());
    Ok([e, tighter, left].map(answer).into())
}

async fn builders() -> Result<Vec<Answer>, Failure> {
    let pool = ThreadPool::new(4);
    let cache = PointCache::new();
    let mut answers = Vec::new();
    for speculation in [Speculation::Off, Speculation::Certain, Speculation::Ahead] {
        let integrator = Integrator::new(pool.evaluator(|x: f64| (x - 0.3).abs()))
            .method(GaussKronrod::default())
            .rtol(1e-9)
            .max_evaluations(10_000)
            .breakpoints(&[0.3])
            .speculation(speculation)
            .with_cache(cache.clone());
        answers.push(answer(integrator.integrate(0.0, 1.0, 0.0).await?));
    }
    assert!(answers.iter().all(|other| *other == answers[0]));
    assert!(cache.len() >= answers[0].1);

    let zero = Integrator::new(pool.evaluator(f)).integrate(0.5, 0.5, 1e-9).await?;
    assert_eq!((zero.value.to_bits(), zero.evaluations), (0, 0));
    Ok(answers)
}

async fn own_evaluators() -> Result<Vec<Answer>, Failure> {
    let e = Integrator::new(Simulator::default()).integrate(-1.0, 1.0, 1e-9).await?;
    let pool = ThreadPool::new(2);
    let same = pool.try_evaluator(|x: f64| if x.is_nan() { Err(Refused) } else { Ok(f(x)) });
    let same = Integrator::new(same).integrate(-1.0, 1.0, 1e-9).await?;
    assert_eq!(e.value.to_bits(), same.value.to_bits());
    assert_eq!(pool.run(|| 6 * 7).await, 42);
    Ok(vec![answer(e)])
}

async fn concurrent_maps() -> Result<Vec<Answer>, Failure> {
    let xs = [0.5, 0.25, 0.125];
    let ys: Vec<f64> = pmap(|x| async move { fetch(x).await.unwrap_or(f64::NAN) }, xs).await;
    assert_eq!(ys, xs.map(f));
    let ys: Result<Vec<f64>, Refused> = try_pmap(|x| async move { fetch(x).await }, xs).await;
    assert_eq!(ys?, xs.map(f));
    let failed: Result<Vec<f64>, Refused> = try_pmap(|_| async { Err(Refused) }, xs).await;
    assert!(failed.is_err());

    // Recursion: the call boxes itself.
    fn leaves(depth: u32) -> BoxFuture<'static, u64> {
        Box::pin(async move {
            match depth {
                0 => 1,
                _ => pmap(leaves, [depth - 1, depth - 1]).await.iter().sum(),
            }
        })
    }
    assert_eq!(leaves(10).await, 1024);
    Ok(ys_as_answers(&xs))
}

fn ys_as_answers(xs: &[f64]) -> Vec<Answer> {
    xs.iter().map(|&x| (f(x).to_bits(), 1)).collect()
}

async fn point_cache() -> Result<Vec<Answer>, Failure> {
    let cache = PointCache::<f64>::new();
    let first = cache.get_or_evaluate(0.5, || async { Ok(0.25) }).await?;
    let known = cache.get_or_evaluate(0.5, || async { unreachable!("the value is there") }).await?;
    assert_eq!(first.to_bits(), known.to_bits());
    assert_eq!((cache.get(0.5), cache.get(0.75), cache.clone().len()), (Some(0.25), None, 1));
    Ok(vec![(known.to_bits(), 1)])
}

/// Each failure is typed and carries its point or its estimate.
async fn errors() {
    let pool = ThreadPool::new(2);
    let budget = Integrator::new(pool.evaluator(f)).max_evaluations(50).integrate(-1.0, 1.0, 1e-13).await;
    assert!(matches!(&budget, Err(Error::NotConverged { estimate, .. }) if estimate.evaluations <= 50), "{budget:?}");
    let nan = Integrator::new(pool.evaluator(|_| f64::NAN)).integrate(0.0, 1.0, 1e-9).await;
    assert!(matches!(&nan, Err(Error::NonFinite { x, .. }) if (0.0..=1.0).contains(x)), "{nan:?}");
    let refused = Integrator::new(pool.try_evaluator(|_| Err::<f64, _>(Refused))).integrate(0.0, 1.0, 1e-9).await;
    assert!(matches!(&refused, Err(Error::Evaluation { .. })), "{refused:?}");
    let text = Integrator::new(evaluator_fn(2, |_| async { Err::<f64, _>("down") })).integrate(0.0, 1.0, 1e-9).await;
    assert!(matches!(&text, Err(Error::Evaluation { .. })), "{text:?}");
    let interval = Integrator::new(pool.evaluator(f)).integrate(f64::NAN, 1.0, 1e-9).await;
    assert!(matches!(&interval, Err(Error::InvalidInterval { .. })), "{interval:?}");
    for atol in [-1.0, f64::NAN, 0.0] {
        let tolerance = Integrator::new(pool.evaluator(f)).integrate(0.0, 1.0, atol).await;
        assert!(matches!(&tolerance, Err(Error::InvalidTolerance { .. })), "{tolerance:?}");
    }
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let panicked = Integrator::new(pool.evaluator(|_| -> f64 { panic!("no model") })).integrate(0.0, 1.0, 1e-9).await;
    std::panic::set_hook(hook);
    assert!(matches!(&panicked, Err(Error::Panicked { message, .. }) if message.contains("no model")), "{panicked:?}");
    // The workers outlive the panic.
    assert_eq!(pool.run(|| 1).await, 1);
}

/// For callers without a runtime.
pub fn run_blocking() -> Result<(), Failure> {
    let pool = ThreadPool::new(3);
    let integrator = Integrator::new(pool.evaluator(f));
    let e = integrator.integrate_blocking(0.0, 1.0, 1e-8)?;
    assert!((e.value - 4.0_f64.atan() / 4.0).abs() <= 1e-8);
    let pair = Integrator::new(Inline::new(|x: f64| [x, x * x])).integrate_blocking(0.0, 1.0, 1e-12)?;
    assert!((pair.value[0] - 0.5).abs() <= 1e-12);
    Ok(())
}
