//! The moments of a Bessel weight: the integrals over a panel of `J(omega x)` times a polynomial,
//! by product rules in parts of the panel.
//!
//! The parts depend on the weight alone, and cost no value of the integrand. Next to zero the power
//! of `x` is in the rule; where the function bends, parts are short; where it is a wave, its
//! amplitude is smooth on the scale of the distance from zero, so that parts are as long as that,
//! and `e^(i omega x)` is in the rule. So a panel has few parts, whatever the frequency.

use std::f64::consts::PI;
use std::sync::LazyLock;

use super::super::super::algebraic;
use super::super::super::twice::two_sum;
use super::super::super::weighted::plain;
use super::super::moments::{moments, phase};
use super::super::window::{TERMS, Window};
use super::wave::Wave;

/// A part in which the function is no wave yet is so long at most, in the function's variable.
const SHORT: f64 = 8.0;
/// Others end at so many times the distance from zero at which they begin.
const FARTHER: f64 = 4.0;
/// Powers of `x` are followed towards zero up to so many such steps: what is left is below 1e-17.
const STEPS: i32 = 28;
/// How many points a part has beyond those that the polynomial takes, for the function.
const BESIDE: f64 = 40.0;
/// The most points of a part, less one.
const MOST: usize = 256;

/// cos(pi k / MOST).
static COS: LazyLock<Vec<f64>> =
    LazyLock::new(|| (0..=2 * MOST).map(|k| libm::cos(PI * k as f64 / MOST as f64)).collect());

/// `cos(pi j k / n)`, `n` a divisor of [`MOST`].
fn cosine(n: usize, j: usize, k: usize) -> f64 {
    COS[(j * k * (MOST / n)) % (2 * MOST)]
}

/// A point of a part.
struct Place {
    /// How far it is from the left end of the panel, or from the right one, in parts of the width.
    from: f64,
    right: bool,
    /// What the weights, of the order and of the next, come to.
    weights: [f64; 2],
}

/// A rule for integrals of polynomials against the function of an order, and the next, over a
/// panel.
pub(super) struct Places(Vec<Place>);

/// A part of a panel.
struct Part {
    low: f64,
    high: f64,
    kind: Kind,
}

enum Kind {
    /// From zero on: the power is in the rule.
    Power,
    /// The values are those of the function.
    Plain,
    /// The values are those of the amplitude.
    Wave,
}

/// The panel from `a` to `b`, and its half.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) a: f64,
    pub(super) b: f64,
}

impl Span {
    fn width(self) -> f64 {
        self.b - self.a
    }

    /// The angle of a place, from 0 at the left end to pi.
    fn angle(self, x: f64) -> f64 {
        let part = ((x - self.a) / self.width()).clamp(0.0, 1.0);
        2.0 * libm::asin(part.sqrt())
    }
}

/// The parts of a panel, from left to right.
fn parts(waves: &[Wave; 2], omega: f64, Span { a, b }: Span) -> Vec<Part> {
    let (near, far) = (Wave::near(waves[0].order()) / omega, waves[0].begins() / omega);
    // Ends, ascending, and what the part below each is.
    let mut ends = Vec::new();
    if a <= 0.0 {
        ends.push((near, Kind::Power));
    } else {
        // Powers are smooth on the scale of the distance.
        let first = (0..STEPS).find(|k| near * FARTHER.powi(-k) <= a).unwrap_or(STEPS);
        ends.extend((0..first).rev().map(|k| (near * FARTHER.powi(-k), Kind::Plain)));
    }
    let mut low = if a < near { near } else { a };
    while low < b.min(far) {
        low = (low + SHORT / omega).min(far);
        ends.push((low, Kind::Plain));
    }
    while low < b {
        low *= FARTHER;
        ends.push((low, Kind::Wave));
    }
    let mut low = a;
    let part = |(high, kind): (f64, Kind)| {
        let part = Part { low, high: high.min(b), kind };
        low = part.high;
        part
    };
    ends.into_iter().map(part).filter(|part| part.low < part.high).collect()
}

impl Places {
    /// For polynomials of a degree.
    pub(super) fn new(waves: &[Wave; 2], omega: f64, span: Span, degree: usize) -> Self {
        let mut places = Vec::new();
        for part in parts(waves, omega, span) {
            part.append(waves, omega, span, degree, &mut places);
        }
        Self(places)
    }

    /// The integrals over [-1, 1] of the weights times `T_k`, for `k` from 0 to `n`.
    pub(super) fn moments(&self, n: usize) -> [Vec<f64>; 2] {
        let mut all = [vec![0.0; n + 1], vec![0.0; n + 1]];
        let mut polynomials = vec![0.0; n + 1];
        for place in &self.0 {
            place.polynomials(&mut polynomials);
            add(&mut all, place.weights, &polynomials);
        }
        all
    }

    /// The same through windows.
    pub(super) fn windowed<const N: usize>(&self, n: usize, windows: [&Window; N]) -> [[Vec<f64>; 2]; N] {
        let mut all = [(); N].map(|()| [vec![0.0; n + 1], vec![0.0; n + 1]]);
        let mut polynomials = vec![0.0; TERMS.max(n + 1)];
        for place in &self.0 {
            place.polynomials(&mut polynomials);
            for (moments, window) in all.iter_mut().zip(windows) {
                let through: f64 = window.iter().zip(&polynomials).map(|(term, t)| term * t).sum();
                add(moments, place.weights.map(|weight| weight * through), &polynomials);
            }
        }
        all
    }
}

fn add(all: &mut [Vec<f64>; 2], weights: [f64; 2], polynomials: &[f64]) {
    for (moments, weight) in all.iter_mut().zip(weights) {
        moments.iter_mut().zip(polynomials).for_each(|(moment, t)| *moment += weight * t);
    }
}

impl Place {
    /// The Chebyshev polynomials, by differences, which next to an end lose no digits (Reinsch;
    /// Gentleman 1969).
    fn polynomials(&self, into: &mut [f64]) {
        let (mut value, mut step) = (1.0, -2.0 * self.from);
        for t in into.iter_mut() {
            *t = value;
            value += step;
            step -= 4.0 * self.from * value;
        }
        if !self.right {
            into.iter_mut().skip(1).step_by(2).for_each(|t| *t = -*t);
        }
    }
}

impl Part {
    /// Appends the points of a rule that is exact enough for polynomials of a degree on the panel.
    fn append(&self, waves: &[Wave; 2], omega: f64, span: Span, degree: usize, into: &mut Vec<Place>) {
        // A polynomial takes as many points as it has waves in the part.
        let angle = span.angle(self.high) - span.angle(self.low);
        let degree = degree as f64;
        let need = degree.min(degree * angle / 2.0) + BESIDE;
        let n = if need <= 64.0 {
            64
        } else if need <= 128.0 {
            128
        } else {
            MOST
        };
        let [own, next] = self.weights(waves, omega, n);
        // Distances from both ends of the panel, of which the smaller keeps its digits.
        let share = (self.high - self.low) / span.width();
        let ends = [(self.low - span.a) / span.width(), (span.b - self.high) / span.width()];
        for (j, (own, next)) in own.into_iter().zip(next).enumerate() {
            let [left, right] = [ends[0] + share * fraction(n, j), ends[1] + share * fraction(n, n - j)];
            let (from, right) = if right < left { (right, true) } else { (left, false) };
            into.push(Place { from, right, weights: [share * own, share * next] });
        }
    }

    /// The weights of the values of a polynomial at `n + 1` nodes from left to right, for both
    /// functions, where the part is [-1, 1].
    fn weights(&self, waves: &[Wave; 2], omega: f64, n: usize) -> [Vec<f64>; 2] {
        let width = self.high - self.low;
        match self.kind {
            Kind::Power => waves.each_ref().map(|wave| {
                let [moments, _] = algebraic::moments(n, wave.order(), false);
                let (even, odd) = sums(n, &moments);
                // Over [-1, 1] it is twice that over [0, 1].
                let scale = 2.0 * libm::pow(omega * width, wave.order());
                let weight = |j: usize| scale * (even[j] + odd[j]) * wave.entire(omega * (width * fraction(n, j)));
                (0..=n).map(weight).collect()
            }),
            Kind::Plain => {
                let (even, _) = sums(n, &(0..=n).map(plain).collect::<Vec<f64>>());
                let weight = |wave: &Wave, j: usize| {
                    let z = omega * (self.low + width * fraction(n, j));
                    even[j] * wave.value(z, libm::sincos(z))
                };
                waves.each_ref().map(|wave| (0..=n).map(|j| weight(wave, j)).collect())
            }
            Kind::Wave => {
                // Twice the digits: what the ends of neighbours have cancels.
                let (centre, rest) = two_sum(self.low / 2.0, self.high / 2.0);
                let (sin, cos) = phase(omega, centre, rest);
                let (half, rest) = two_sum(self.high / 2.0, -self.low / 2.0);
                let (even, odd) = sums(n, &moments(omega * half, phase(omega, half, rest), n));
                // The real part of (re + i im) (cos + i sin) (even + i odd).
                let weight = |wave: &Wave, j: usize| {
                    let [re, im] = wave.amplitude(omega * (centre - half * cosine(n, j, 1)));
                    (re * cos - im * sin) * even[j] - (re * sin + im * cos) * odd[j]
                };
                waves.each_ref().map(|wave| (0..=n).map(|j| weight(wave, j)).collect())
            }
        }
    }
}

/// Half of one plus the node `j`, from the left.
fn fraction(n: usize, j: usize) -> f64 {
    // sin(pi j / (2 n))^2
    if j < n / 2 {
        // One minus a cosine, without the difference.
        let sine = libm::sin(PI * j as f64 / (2 * n) as f64);
        sine * sine
    } else {
        (1.0 - cosine(n, j, 1)) / 2.0
    }
}

/// The weights of the values at the nodes from the left by which a series of degree `n` is
/// integrated against moments: what the moments of even order come to, and those of odd order.
fn sums(n: usize, moments: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let end = |i: usize| if i == 0 || i == n { 0.5 } else { 1.0 };
    let (mut even, mut odd) = (vec![0.0; n + 1], vec![0.0; n + 1]);
    for j in 0..=n / 2 {
        let share = 2.0 / n as f64 * end(j);
        let sum = |first: usize| -> f64 { (first..=n).step_by(2).map(|k| end(k) * moments[k] * cosine(n, j, k)).sum() };
        // `T_k` is `(-1)^k cos(pi j k / n)` there.
        let (p, q) = (share * sum(0), -share * sum(1));
        (even[j], even[n - j]) = (p, p);
        (odd[j], odd[n - j]) = (q, -q);
    }
    odd[n / 2] = 0.0;
    (even, odd)
}

#[cfg(test)]
mod tests;
