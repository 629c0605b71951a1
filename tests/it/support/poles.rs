//! Drawn principal values with their exact values.

use std::sync::Arc;

use num_complex::Complex;

use super::families::Draw;

/// The principal value of `f(x) / (x - c)` from `a` to `b`.
pub(crate) struct Pole {
    /// The family, and the numbers that it was drawn with, for a peer in another language.
    pub(crate) name: &'static str,
    pub(crate) numbers: Vec<f64>,
    pub(crate) a: f64,
    pub(crate) b: f64,
    pub(crate) c: f64,
    pub(crate) exact: f64,
    pub(crate) f: Arc<dyn Fn(f64) -> f64 + Send + Sync>,
}

/// The logarithm of `(b - z) / (a - z)`, as what the integral of `1 / (x - z)` is.
fn log(a: f64, b: f64, z: Complex<f64>) -> Complex<f64> {
    (b - z).ln() - (a - z).ln()
}

/// The same for a pole on the range.
fn real(a: f64, b: f64, c: f64) -> f64 {
    ((b - c) / (a - c)).abs().ln()
}

/// Sine and cosine integrals by Gauss-Legendre are not at hand: the series of the entire function
/// `Ein(z) = sum (-1)^(k+1) z^k / (k k!)`, for moduli of a few.
fn ein(z: Complex<f64>) -> Complex<f64> {
    let (mut sum, mut term) = (Complex::ZERO, Complex::ONE);
    for k in 1..120 {
        let n = f64::from(k);
        term *= -z / n;
        sum -= term / n;
    }
    sum
}

/// The principal value of `exp(z x) / (x - c)`: with `t = x - c`, `exp(z c) (ln|t| - Ein(-z t))`
/// between the limits.
fn exponential(a: f64, b: f64, c: f64, z: Complex<f64>) -> Complex<f64> {
    let end = |t: f64| t.abs().ln() - ein(-z * t);
    (z * c).exp() * (end(b - c) - end(a - c))
}

/// Drawn ranges, poles and integrands: `count` in turns of five families.
pub(crate) fn poles(count: usize, seed: u64) -> Vec<Pole> {
    let mut draw = Draw(seed);
    (0..count).map(|i| pole(i, &mut draw)).collect()
}

fn pole(i: usize, draw: &mut Draw) -> Pole {
    let a = draw.within(-2.0, 1.0);
    let b = a + draw.within(0.5, 3.0);
    // One in four is next to a limit.
    let part = draw.within(0.0, 1.0);
    let part = if draw.next() < 0.25 { 10f64.powf(draw.within(-12.0, -1.0)) } else { part };
    let c = if draw.next() < 0.5 { a + (b - a) * part } else { b - (b - a) * part };
    let c = c.clamp(a + (b - a) * 1e-13, b - (b - a) * 1e-13);
    let simple = real(a, b, c);
    match i % 5 {
        // A resonance of drawn place and width.
        0 => {
            let (at, width) = (draw.within(a, b), 10f64.powf(draw.within(-3.0, 0.0)));
            let z = Complex::new(at, width);
            // 1 / ((x - z) (x - c)) = (1 / (x - c) - 1 / (x - z)) / (c - z), and the imaginary part
            // of 1 / (x - z).
            let exact = ((simple - log(a, b, z)) / (c - z)).im * width;
            let f = Arc::new(move |x: f64| width * width / ((x - at) * (x - at) + width * width));
            Pole { name: "resonance", numbers: vec![at, width], a, b, c, exact, f }
        }
        // exp(k x), growing or falling.
        1 => {
            let k = draw.within(-4.0, 4.0);
            let exact = exponential(a, b, c, Complex::new(k, 0.0)).re;
            Pole { name: "exponential", numbers: vec![k], a, b, c, exact, f: Arc::new(move |x: f64| (k * x).exp()) }
        }
        // cos(k x + p).
        2 => {
            let (k, p) = (draw.within(0.0, 8.0), draw.within(0.0, 6.0));
            let exact = (Complex::cis(p) * exponential(a, b, c, Complex::new(0.0, k))).re;
            Pole { name: "wave", numbers: vec![k, p], a, b, c, exact, f: Arc::new(move |x: f64| (k * x + p).cos()) }
        }
        // A polynomial: (x - c) divides p(x) - p(c).
        3 => {
            let p: Vec<f64> = (0..2 + (draw.next() * 8.0) as usize).map(|_| draw.within(-1.0, 1.0)).collect();
            let value = |x: f64, p: &[f64]| p.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient);
            // Synthetic division, then the integral of the quotient.
            let mut quotient = vec![0.0; p.len() - 1];
            for k in (0..p.len() - 1).rev() {
                quotient[k] = p[k + 1] + c * quotient.get(k + 1).copied().unwrap_or(0.0);
            }
            let whole: Vec<f64> =
                [0.0].into_iter().chain(quotient.iter().zip(1..).map(|(q, n)| q / f64::from(n))).collect();
            let exact = value(c, &p) * simple + value(b, &whole) - value(a, &whole);
            let of = p.clone();
            Pole { name: "polynomial", numbers: p, a, b, c, exact, f: Arc::new(move |x: f64| value(x, &of)) }
        }
        // A kink, which is not at the pole: |x - k| = |(x - c) + (c - k)|.
        _ => {
            let k = draw.within(a, b);
            let side = |low: f64, high: f64| {
                if low < c && c < high { real(low, high, c) } else { ((high - c) / (low - c)).ln() }
            };
            let exact = (a + b - 2.0 * k) + (c - k) * (side(k, b) - side(a, k));
            Pole { name: "kink", numbers: vec![k], a, b, c, exact, f: Arc::new(move |x: f64| (x - k).abs()) }
        }
    }
}

/// The integral of `exp(k (x - a)) (x - a)^p (b - x)^q`, times `ln(x - a)` or `ln(b - x)` if there
/// is a logarithm.
pub(crate) struct Ends {
    pub(crate) a: f64,
    pub(crate) b: f64,
    pub(crate) k: f64,
    pub(crate) p: f64,
    pub(crate) q: f64,
    /// At the lower end (0) or at the upper one (1).
    pub(crate) log: Option<usize>,
    pub(crate) exact: f64,
}

/// Drawn ranges and exponents.
pub(crate) fn ends(count: usize, seed: u64) -> Vec<Ends> {
    let mut draw = Draw(seed);
    let power = |draw: &mut Draw| if draw.next() < 0.2 { 0.0 } else { draw.within(-0.95, 2.5) };
    let one = |trial: usize| {
        let a = draw.within(-2.0, 2.0);
        let b = a + 10f64.powf(draw.within(-2.0, 1.0));
        let k = draw.within(0.0, 3.0) / (b - a);
        let (p, q) = (power(&mut draw), power(&mut draw));
        let log = [None, Some(0), Some(1)][trial % 3];
        Ends { a, b, k, p, q, log, exact: series(b - a, k, p, q, log) }
    };
    (0..count).map(one).collect()
}

/// The logarithmic derivative of the gamma function.
fn digamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 12.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y / 132.0))));
    sum + x.ln() - 0.5 / x - series
}

/// The integral of `exp(k (x - a)) (x - a)^p (b - x)^q`, with `ln(x - a)` or `ln(b - x)` if asked
/// for, over a range of width `w`: the exponential's series, each term by the beta function.
fn series(w: f64, k: f64, p: f64, q: f64, log: Option<usize>) -> f64 {
    let (mut sum, mut power) = (0.0, 1.0);
    for n in 0..80 {
        let (x, y) = (p + 1.0 + f64::from(n), q + 1.0);
        let beta = (libm::lgamma(x) + libm::lgamma(y) - libm::lgamma(x + y)).exp();
        let log = match log {
            None => 1.0,
            Some(0) => w.ln() + digamma(x) - digamma(x + y),
            Some(_) => w.ln() + digamma(y) - digamma(x + y),
        };
        sum += power * beta * log;
        power *= k * w / f64::from(n + 1);
    }
    sum * w.powf(p + q + 1.0)
}
