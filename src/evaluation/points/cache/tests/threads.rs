//! Many threads at once.

use super::*;

/// Miri takes a thousand times as long.
const fn fewer(n: u32) -> u32 {
    if cfg!(miri) { n / 50 } else { n }
}

#[test]
fn many_threads_evaluate_each_point_once() {
    const POINTS: u32 = fewer(2000);
    let cache = PointCache::new();
    let evaluations = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for t in 0..8 {
            let (cache, evaluations) = (&cache, Arc::clone(&evaluations));
            scope.spawn(move || {
                for i in 0..POINTS {
                    let x = f64::from((i * 7 + t * 251) % POINTS);
                    let value = if t % 2 == 0 {
                        block_on(cache.get_or_evaluate(x, || async {
                            evaluations.fetch_add(1, Ordering::SeqCst);
                            futures_lite::future::yield_now().await;
                            Ok(2.0 * x)
                        }))
                        .unwrap()
                    } else {
                        // One kept in reserve is polled only if the caller it joined is not there yet.
                        let evaluations = Arc::clone(&evaluations);
                        let evaluation = async move {
                            evaluations.fetch_add(1, Ordering::SeqCst);
                            Ok(2.0 * x)
                        };
                        match cache.claim(x, None, |_| evaluation.boxed()) {
                            Claim::Known(value) => value,
                            Claim::Started(flight) | Claim::Joined(flight) => block_on(flight).unwrap(),
                        }
                    };
                    assert_eq!(value, 2.0 * x);
                }
            });
        }
    });
    let points = POINTS as usize;
    assert_eq!((evaluations.load(Ordering::SeqCst), cache.len(), cache.points.map().len()), (points, points, points));
}

#[test]
fn random_cancels_on_threads_lose_nobody() {
    let cache = PointCache::new();
    thread::scope(|scope| {
        for t in 0..6_u64 {
            let cache = &cache;
            scope.spawn(move || {
                let mut random = t + 1;
                for round in 0..fewer(3000) {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let x = f64::from(round / 10);
                    let eval = || async move {
                        for _ in 0..3 {
                            futures_lite::future::yield_now().await;
                        }
                        Ok::<f64, EvaluationError>(x)
                    };
                    let polls = (random >> 33) % 6;
                    let attempt = async {
                        let mut request: Pin<Box<dyn Future<Output = f64> + Send>> = if random >> 63 == 0 {
                            Box::pin(cache.get_or_evaluate(x, eval).map(Result::unwrap))
                        } else {
                            match cache.claim(x, None, |_| eval().boxed()) {
                                Claim::Known(value) => Box::pin(ready(value)),
                                Claim::Started(f) | Claim::Joined(f) => Box::pin(f.map(Result::unwrap)),
                            }
                        };
                        for _ in 0..polls {
                            if let Poll::Ready(value) = poll!(&mut request) {
                                return assert_eq!(value, x);
                            }
                        }
                        if polls == 5 {
                            assert_eq!(request.await, x);
                        }
                    };
                    block_on(attempt);
                }
            });
        }
    });
    let pending = cache.points.map().iter().filter(|slot| matches!(slot.value(), Point::Pending(_))).count();
    assert_eq!(pending, 0);
}
