//! Times each storey by itself, with criterion: `cargo bench -p storeys`.
#![allow(missing_docs, reason = "criterion's macros make items without docs")]

use std::convert::Infallible;
use std::hint::black_box;

use coquad::{
    Auto, GaussKronrod, Inline, Integrator, Method, Panel, PointCache, Simpson, ThreadPool, evaluator_fn, pmap,
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures::executor::block_on;

fn peak(x: f64) -> f64 {
    1.0 / (x * x + 1e-2)
}

/// The numerics: one panel's points and estimate, without its evaluations.
fn rules(c: &mut Criterion) {
    let mut group = c.benchmark_group("rule");
    for points in [15, 21, 61] {
        let method = GaussKronrod::new(points);
        let mut panel = Panel { a: 0.0, b: 1.0, depth: 0, kind: method.root() };
        let mut xs = Vec::new();
        method.points(&panel, &mut xs);
        let values: Vec<f64> = xs.iter().map(|&x| peak(x)).collect();
        group.bench_function(format!("gauss_kronrod_{points}"), |b| {
            b.iter(|| method.estimate(&mut panel, black_box(&values)));
        });
    }
    group.finish();
}

fn cache(c: &mut Criterion) {
    let mut group = c.benchmark_group("cache");
    let known = PointCache::new();
    for i in 0..10_000 {
        let x = f64::from(i);
        block_on(known.get_or_evaluate(x, || async { Ok(x) })).expect("nothing fails");
    }
    let mut i = 0;
    group.bench_function("hit", |b| {
        b.iter(|| {
            i = (i + 7919) % 10_000;
            known.get(black_box(f64::from(i)))
        });
    });
    group.bench_function("miss", |b| {
        b.iter_batched(
            PointCache::new,
            |cache| {
                for i in 0..1_000 {
                    let x = f64::from(i);
                    let _ = block_on(cache.get_or_evaluate(x, || async { Ok(x) }));
                }
                cache
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn concurrent_map(c: &mut Criterion) {
    c.bench_function("pmap/1000", |b| b.iter(|| block_on(pmap(|x| async move { x + 1 }, 0..1_000))));
}

/// One integral of a cheap integrand, a new integrator each time: the machinery of each evaluator.
fn integrals(c: &mut Criterion) {
    let mut group = c.benchmark_group("integrate/cheap");
    group.bench_function("inline/gauss_kronrod", |b| {
        b.iter(|| {
            Integrator::new(Inline::new(peak)).method(GaussKronrod::new(21)).integrate_blocking(-1.0, 1.0, 1e-10)
        });
    });
    group.bench_function("inline/auto", |b| {
        b.iter(|| Integrator::new(Inline::new(peak)).method(Auto).integrate_blocking(-1.0, 1.0, 1e-10));
    });
    group.bench_function("inline/simpson", |b| {
        b.iter(|| Integrator::new(Inline::new(peak)).method(Simpson).integrate_blocking(-1.0, 1.0, 1e-6));
    });
    group.bench_function("evaluator_fn/gauss_kronrod", |b| {
        b.iter(|| {
            let evaluator = evaluator_fn(64, |x: f64| async move { Ok::<_, Infallible>(peak(x)) });
            Integrator::new(evaluator).method(GaussKronrod::new(21)).integrate_blocking(-1.0, 1.0, 1e-10)
        });
    });
    let pool = ThreadPool::new(2);
    group.bench_function("thread_pool/gauss_kronrod", |b| {
        b.iter(|| {
            Integrator::new(pool.evaluator(peak)).method(GaussKronrod::new(21)).integrate_blocking(-1.0, 1.0, 1e-10)
        });
    });
    group.finish();
}

criterion_group!(benches, rules, cache, concurrent_map, integrals);
criterion_main!(benches);
