//! What observers are told of evaluations: what each came to, at no cost to those who do not ask,
//! and that workers differ.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coquad::{
    Arithmetic, Error, EvaluationError, Evaluator, EvaluatorExt, Integrator, Observer, PointCache, ThreadPool, Value,
    batch_fn, blocking_fn, evaluator_fn,
};

use crate::support::boxed;

fn peak(x: f64) -> f64 {
    1.0 / (1e-3 + (x - 0.3) * (x - 0.3))
}

/// All that it is told, point by point.
#[derive(Default)]
struct Record {
    started: AtomicUsize,
    finished: AtomicUsize,
    values: Mutex<Vec<(f64, u64)>>,
    failures: Mutex<Vec<(f64, String)>>,
    mixed: Mutex<Vec<(String, String)>>,
}

impl Observer<f64> for Record {
    fn started(&self, _: f64, _: bool) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    fn finished(&self, _: f64) {
        self.finished.fetch_add(1, Ordering::Relaxed);
    }

    fn evaluated(&self, x: f64, outcome: Result<&f64, &EvaluationError>) {
        match outcome {
            Ok(value) => self.values.lock().unwrap().push((x, value.to_bits())),
            Err(error) => self.failures.lock().unwrap().push((x, error.to_string())),
        }
        let told = self.values.lock().unwrap().len() + self.failures.lock().unwrap().len();
        assert_eq!(told, self.finished.load(Ordering::Relaxed), "told beside `finished`");
    }

    fn mixed(&self, expected: &Arithmetic, found: &Arithmetic) {
        self.mixed.lock().unwrap().push((expected.to_string(), found.to_string()));
    }
}

fn values_are_told<E: Evaluator<Value = f64> + 'static>(evaluator: E, name: &str) {
    let record = Arc::new(Record::default());
    let e = Integrator::new(evaluator).observer(record.clone()).integrate_blocking(0.0, 1.0, 1e-9).unwrap();
    let values = record.values.lock().unwrap();
    assert!(values.iter().all(|&(x, bits)| bits == peak(x).to_bits()), "{name}");
    let each: HashMap<u64, u64> = values.iter().map(|(x, bits)| (x.to_bits(), *bits)).collect();
    // On the spot and without a cache a point may be evaluated twice.
    assert!(each.len() == values.len() || name == "inline", "{name}: a point was told twice");
    // A guess may be under way when the integral ends.
    assert!((e.evaluations..=e.performed).contains(&values.len()), "{name}: {} of {e:?}", values.len());
    assert!(record.failures.lock().unwrap().is_empty() && record.mixed.lock().unwrap().is_empty(), "{name}");
}

#[test]
fn observers_are_given_what_each_evaluation_came_to() {
    let later = |x: f64| async move {
        if x > 0.5 {
            futures::future::ready(()).await;
        }
        Ok::<_, String>(peak(x))
    };
    let batch = |xs: Vec<f64>| async move { Ok::<_, String>(xs.into_iter().map(peak).collect::<Vec<f64>>()) };
    values_are_told(boxed(peak), "inline");
    values_are_told(ThreadPool::new(3).evaluator(peak), "pool");
    values_are_told(evaluator_fn(5, later), "async");
    values_are_told(blocking_fn(3, |x: f64| Ok::<_, String>(peak(x))), "blocking");
    values_are_told(batch_fn(2, 16, batch), "batches");
    values_are_told(evaluator_fn(5, later).retry(2).timeout(Duration::from_secs(60)).verify(0.2), "wrapped");
    values_are_told(Arc::new(evaluator_fn(5, later)), "behind a pointer");
}

#[test]
fn what_a_cache_knew_is_not_told() {
    let cache = PointCache::new();
    let first = Integrator::new(boxed(peak)).with_cache(cache.clone()).integrate_blocking(0.0, 1.0, 1e-9).unwrap();
    let record = Arc::new(Record::default());
    let again = Integrator::new(boxed(peak)).with_cache(cache).observer(record.clone());
    assert_eq!(again.integrate_blocking(0.0, 1.0, 1e-9).unwrap().value.to_bits(), first.value.to_bits());
    assert_eq!(record.values.lock().unwrap().len(), 0);
}

#[test]
fn a_failure_is_told_with_its_point() {
    let record = Arc::new(Record::default());
    let fails = evaluator_fn(1, |x: f64| async move { if x > 0.9 { Err(format!("none at {x:?}")) } else { Ok(x) } });
    let error = Integrator::new(fails).observer(record.clone()).integrate_blocking(0.0, 1.0, 1e-9).unwrap_err();
    let Error::Evaluation { x, .. } = error else { panic!("{error}") };
    assert!(record.failures.lock().unwrap().iter().any(|told| *told == (x, format!("none at {x:?}"))));
}

/// A value that counts how often it is copied.
#[derive(Debug)]
struct Long(Vec<f64>, Arc<AtomicUsize>);

impl Clone for Long {
    fn clone(&self) -> Self {
        self.1.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone(), self.1.clone())
    }
}

impl Value for Long {
    fn zero() -> Self {
        Self(Vec::zero(), Arc::default())
    }

    fn add_scaled(&mut self, factor: f64, other: &Self) {
        self.0.add_scaled(factor, &other.0);
    }

    fn scale(&mut self, factor: f64) {
        self.0.scale(factor);
    }

    fn norm(&self) -> f64 {
        self.0.norm()
    }
}

struct Silent;

impl<T> Observer<T> for Silent {}

#[derive(Default)]
struct Largest(Mutex<f64>);

impl Observer<Long> for Largest {
    fn evaluated(&self, _: f64, outcome: Result<&Long, &EvaluationError>) {
        let mut largest = self.0.lock().unwrap();
        *largest = outcome.map_or(*largest, |value| largest.max(value.norm()));
    }
}

/// Values are lent: whoever only looks at them, or does not ask for them, pays for no copy.
#[test]
fn to_be_given_values_copies_none() {
    fn copies<E: Evaluator<Value = Long> + 'static>(
        evaluator: impl Fn(Arc<AtomicUsize>) -> E,
        observer: impl Observer<Long> + 'static,
    ) -> usize {
        let copied = Arc::new(AtomicUsize::new(0));
        let integrator = Integrator::new(evaluator(copied.clone())).observer(observer);
        integrator.integrate_blocking(0.0, 1.0, 1e-6).unwrap();
        copied.load(Ordering::Relaxed)
    }
    fn same<E: Evaluator<Value = Long> + 'static>(evaluator: impl Fn(Arc<AtomicUsize>) -> E, name: &str) {
        let silent = copies(&evaluator, Silent);
        let asked = copies(&evaluator, Largest::default());
        assert_eq!(silent, asked, "{name}");
    }
    let value = |x: f64, copied: &Arc<AtomicUsize>| Long(vec![peak(x), x.exp(), x], copied.clone());
    same(move |copied| boxed(move |x: f64| value(x, &copied)), "inline");
    let later = move |copied: Arc<AtomicUsize>| {
        evaluator_fn(1, move |x: f64| futures::future::ready(Ok::<_, String>(value(x, &copied))))
    };
    same(later, "async");
}

/// Meets another kind of machine at the evaluation of that number.
struct Cluster {
    calls: AtomicUsize,
    met: AtomicBool,
    at: usize,
}

impl Evaluator for Cluster {
    type Value = f64;

    async fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
        if self.calls.fetch_add(1, Ordering::Relaxed) == self.at {
            self.met.store(true, Ordering::Relaxed);
        }
        Ok(peak(x))
    }

    fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
        self.met.load(Ordering::Relaxed).then(|| ("a:1".into(), "b:2".into()))
    }
}

#[test]
fn observers_are_told_once_that_workers_differ() {
    for at in [0, 7, 100, 1_000_000] {
        let cluster = Cluster { calls: AtomicUsize::new(0), met: AtomicBool::new(false), at };
        let record = Arc::new(Record::default());
        // Through whatever it is wrapped in, by whichever of its integrals, and by clones.
        let wrapped = Arc::new(cluster.retry(2).timeout(Duration::from_secs(60)).verify(0.1));
        let integrator = Integrator::new(wrapped.clone()).observer(record.clone());
        for b in [1.0, 2.0, 3.0] {
            integrator.clone().integrate_blocking(0.0, b, 1e-9).unwrap();
        }
        let due = if at < 1_000 { vec![("a:1".to_owned(), "b:2".to_owned())] } else { Vec::new() };
        assert_eq!(*record.mixed.lock().unwrap(), due, "{at}");
        // Who watches later is told, too.
        let late = Arc::new(Record::default());
        Integrator::new(wrapped).observer(late.clone()).integrate_blocking(0.0, 1.0, 1e-9).unwrap();
        assert_eq!(*late.mixed.lock().unwrap(), due, "{at}");
    }
}
