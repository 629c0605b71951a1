//! The loop one would write: a Gauss-Kronrod 10-21 heap that stops at the raw |K - G|, with nothing checked and nothing
//! reported.

use std::collections::BinaryHeap;

const X: [f64; 10] = [
    0.14887433898163122,
    0.2943928627014602,
    0.4333953941292472,
    0.5627571346686047,
    0.6794095682990244,
    0.7808177265864169,
    0.8650633666889845,
    0.9301574913557082,
    0.9739065285171717,
    0.9956571630258081,
];
const K: [f64; 11] = [
    0.14773910490133849,
    0.14277593857706009,
    0.13470921731147334,
    0.12349197626206584,
    0.10938715880229764,
    0.0931254545836976,
    0.07503967481091996,
    0.054755896574351995,
    0.032558162307964725,
    0.011694638867371874,
    0.1494455540029169,
];
const G: [f64; 5] =
    [0.29552422471475287, 0.26926671930999635, 0.21908636251598204, 0.1494513491505806, 0.06667134430868814];

struct Part {
    a: f64,
    b: f64,
    value: f64,
    error: f64,
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.error == other.error
    }
}
impl Eq for Part {}
impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Part {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.error.total_cmp(&other.error)
    }
}

#[inline]
fn rule(f: &impl Fn(f64) -> f64, a: f64, b: f64) -> Part {
    let (c, h) = ((a + b) / 2.0, (b - a) / 2.0);
    let mut kronrod = K[10] * f(c);
    let mut gauss = 0.0;
    for j in 0..10 {
        let both = f(c - h * X[j]) + f(c + h * X[j]);
        kronrod += K[j] * both;
        if j % 2 == 0 {
            gauss += G[j / 2] * both;
        }
    }
    Part { a, b, value: kronrod * h, error: ((kronrod - gauss) * h).abs() }
}

/// The integral from `a` to `b`, its error by the raw |K - G|, and the evaluations it took.
pub(crate) fn by_hand(f: impl Fn(f64) -> f64, a: f64, b: f64, atol: f64) -> (f64, f64, usize) {
    let first = rule(&f, a, b);
    let (mut value, mut error, mut evaluations) = (first.value, first.error, 21);
    let mut heap = BinaryHeap::new();
    heap.push(first);
    while error > atol {
        let Some(worst) = heap.pop() else { break };
        let c = (worst.a + worst.b) / 2.0;
        let (left, right) = (rule(&f, worst.a, c), rule(&f, c, worst.b));
        value += left.value + right.value - worst.value;
        error += left.error + right.error - worst.error;
        evaluations += 42;
        heap.push(left);
        heap.push(right);
    }
    (value, error, evaluations)
}
