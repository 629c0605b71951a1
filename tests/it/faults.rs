//! The fault matrix: what evaluations, callers and inputs may do, and what must hold whatever they do.
//!
//! Each row is a test of many trials by seed; `cargo test --test it faults -- --nocapture | grep ^row` prints the table. A
//! trial that fails prints the line that replays it. `COQUAD_LONG=1` makes the rows twenty times as long.

mod cancellation;
mod evaluations;
mod inputs;
mod threads;

use std::sync::LazyLock;

use coquad::{Estimate, Integrator, Method};

use crate::support::cluster::{Latency, Random};
use crate::support::faulty::inline;
use crate::support::parallel::Case;

/// Integrands whose trees differ, of few evaluations.
const SMALL: &[(Case, f64)] = &[
    (("sqrt x", f64::sqrt, 0.0, 1.0), 1e-4),
    (("|x-1/3|", |x| (x - 1.0 / 3.0).abs(), 0.0, 1.0), 1e-3),
    (("1/(x^2+1e-2)", |x| 1.0 / (x * x + 1e-2), -1.0, 2.0), 1e-4),
    (("x cos 9x", |x| x * (9.0 * x).cos(), 0.0, 2.0), 1e-6),
];

/// Evaluates the body with each method by turns.
macro_rules! by_method {
    ($index:expr, $method:ident => $body:expr) => {
        match $index % 5 {
            0 => {
                let $method = coquad::GaussKronrod::new(15);
                $body
            }
            1 => {
                let $method = coquad::Simpson;
                $body
            }
            2 => {
                let $method = coquad::ClenshawCurtis;
                $body
            }
            3 => {
                let $method = coquad::TanhSinh;
                $body
            }
            _ => {
                let $method = coquad::Auto;
                $body
            }
        }
    };
}
use by_method;

/// A run without faults: its answer, and the points it rests on in the order in which they were evaluated.
struct Reference {
    trace: Vec<u64>,
    points: Vec<f64>,
}

fn reference(case: &Case, atol: f64, method: impl Method) -> Reference {
    let (_, f, a, b) = *case;
    let points = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = points.clone();
    let recorded = move |x: f64| {
        let mut seen = seen.lock().unwrap();
        if !seen.contains(&x) {
            seen.push(x);
        }
        f(x)
    };
    let e = Integrator::new(inline(recorded)).method(method).integrate_blocking(a, b, atol).unwrap();
    let points = points.lock().unwrap().clone();
    Reference { trace: trace(&e), points }
}

/// By case and method.
static REFERENCES: LazyLock<Vec<Vec<Reference>>> = LazyLock::new(|| {
    let row = |(case, atol): &(Case, f64)| (0..5).map(|i| by_method!(i, m => reference(case, *atol, m))).collect();
    SMALL.iter().map(row).collect()
});

/// Everything an answer promises, bit for bit.
fn trace(e: &Estimate) -> Vec<u64> {
    let mut bits = vec![e.value.to_bits(), e.error.to_bits(), e.l1.to_bits(), e.evaluations as u64];
    for s in &e.segments {
        bits.extend([s.a, s.b, s.value, s.error].map(f64::to_bits));
    }
    bits
}

/// What a trial draws from its seed.
struct Trial {
    random: Random,
    case: &'static Case,
    atol: f64,
    method: usize,
    reference: &'static Reference,
    workers: usize,
    law: Latency,
}

impl Trial {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut pick = |n: usize| (random.next_u64() >> 33) as usize % n;
        let (case, method) = (pick(SMALL.len()), pick(5));
        let workers = [1, 2, 3, 8, 40, 200][pick(6)];
        let law = [Latency::Unit, Latency::Scrambled, Latency::Lognormal, Latency::HeavyTail][pick(4)];
        let reference = &REFERENCES[case][method];
        Self { random, case: &SMALL[case].0, atol: SMALL[case].1, method, reference, workers, law }
    }

    fn pick(&mut self, n: usize) -> usize {
        (self.random.next_u64() >> 33) as usize % n
    }

    /// One of the points that the answer rests on.
    fn needed(&mut self) -> f64 {
        let i = self.pick(self.reference.points.len());
        self.reference.points[i]
    }
}
