//! The nodes and weights of tanh-sinh, computed once.
//!
//! DETERMINISM: from + - * / in double-double arithmetic, not by the C library's `exp`, so every platform has the same
//! bits; and they are the nearest doubles but for the rarest ties.

use std::sync::LazyLock;

/// A point on the right half of [-1, 1].
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// From the end: `1 - tanh(s) = 2 q / (1 + q)` with `s = pi/2 sinh u`, `q = exp(-2 s)`.
    pub(super) distance: f64,
    /// `dx/du = pi/2 cosh u / cosh(s)^2`, where `1 / cosh(s)^2 = 4 q / (1 + q)^2`.
    pub(super) weight: f64,
}

/// Points to a unit of `u`.
pub(super) const PER_UNIT: usize = 64;
/// The outermost point: the distance is 5e-300, still a normal number when multiplied by a width.
pub(super) const LAST: usize = 389;

pub(super) static NODES: LazyLock<Vec<Node>> = LazyLock::new(|| (0..=LAST).map(node).collect());

fn node(j: usize) -> Node {
    let up = exp((j as f64 / PER_UNIT as f64, 0.0));
    let down = div((1.0, 0.0), up);
    let sinh = scale(add(up, scale(down, -1.0)), 0.5);
    let cosh = scale(add(up, down), 0.5);
    let q = div((1.0, 0.0), exp(mul(PI, sinh)));
    let one = add((1.0, 0.0), q);
    let distance = div(scale(q, 2.0), one);
    let weight = mul(mul(PI, cosh), div(scale(q, 2.0), mul(one, one)));
    Node { distance: distance.0, weight: weight.0 }
}

/// An unevaluated sum of two doubles, the first the nearest to it (Dekker 1971).
type Double = (f64, f64);

const PI: Double = (std::f64::consts::PI, 1.2246467991473532e-16);

fn two_sum(a: f64, b: f64) -> Double {
    let s = a + b;
    let t = s - a;
    (s, (a - (s - t)) + (b - t))
}

fn add(a: Double, b: Double) -> Double {
    let (s, e) = two_sum(a.0, b.0);
    two_sum(s, e + a.1 + b.1)
}

fn mul(a: Double, b: Double) -> Double {
    let p = a.0 * b.0;
    // `mul_add` rounds once everywhere: the rest of the product is exact.
    let e = a.0.mul_add(b.0, -p);
    two_sum(p, e + (a.0 * b.1 + a.1 * b.0))
}

fn div(a: Double, b: Double) -> Double {
    let q = a.0 / b.0;
    let r = add(a, scale(mul((q, 0.0), b), -1.0));
    two_sum(q, r.0 / b.0)
}

/// Times a power of two: exact.
fn scale(a: Double, factor: f64) -> Double {
    (a.0 * factor, a.1 * factor)
}

/// Taylor's series of a 1024th of the exponent, squared ten times; for exponents up to 700 to 27 digits.
fn exp(x: Double) -> Double {
    let x = scale(x, 1.0 / 1024.0);
    let mut sum = (1.0, 0.0);
    for k in (1..=24).rev() {
        sum = add((1.0, 0.0), div(mul(x, sum), (f64::from(k), 0.0)));
    }
    for _ in 0..10 {
        sum = mul(sum, sum);
    }
    sum
}
