//! The Bessel function of the first kind: its values, and its amplitude where it oscillates.
//!
//! Three formulas, each where it loses no digits: the power series next to zero, the recurrence
//! downwards (Miller) up to [`Wave::far`], and from there on a wave, `J(z) = Re A(z) e^(i z)`,
//! whose amplitude `A` varies as slowly as `z` itself. The amplitude is an integral of Hankel's,
//! taken once for each order at the nodes of a Chebyshev series in `1 / z`.
//!
//! DETERMINISM: + - * / and the functions of `libm` alone, every sum in a written order.

use std::f64::consts::{FRAC_1_PI, PI};

/// The terms of the series of the amplitude: those beyond are below 1e-16 up to the order
/// 51 (measured against mpmath 1.4.1, 2026-11-30).
const TERMS: usize = 40;
/// The amplitude's integral is a sum over steps of this size of `s`, where `t = exp(s - exp(-s))`,
/// from and to these steps (Takahasi and Mori 1974: the double exponential formula).
const STEP: f64 = 0.05;
const STEPS: std::ops::RangeInclusive<i32> = -90..=110;

/// The function of one order.
#[derive(Clone, Debug)]
pub(super) struct Wave {
    order: f64,
    /// One over `2^order Gamma(order + 1)`.
    scale: f64,
    /// From here on the function is a wave.
    far: f64,
    /// The Chebyshev series in `2 far / z - 1` of the amplitude times `sqrt(pi z / 2)`.
    series: Vec<[f64; 2]>,
}

impl Wave {
    /// Of an order from 0 to 51.
    pub(super) fn new(order: f64, far: f64) -> Self {
        let scale = 1.0 / (libm::exp2(order) * libm::tgamma(order + 1.0));
        Self { order, scale, far, series: series(order, far) }
    }

    pub(super) fn order(&self) -> f64 {
        self.order
    }

    /// From here on the function is a wave.
    pub(super) fn begins(&self) -> f64 {
        self.far
    }

    /// Where the function, of this order and of the next, has long begun to oscillate.
    pub(super) fn far(order: f64) -> f64 {
        12.0 + 4.0 * order
    }

    /// Up to here no term of the power series is larger than the first.
    pub(super) fn near(order: f64) -> f64 {
        2.0 * (order + 1.0).sqrt()
    }

    /// `J(z) / z^order`, for `z` up to [`near`](Self::near).
    pub(super) fn entire(&self, z: f64) -> f64 {
        let y = -z * z / 4.0;
        let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
        while f64::abs(term) > 1e-18 {
            term *= y / (k * (self.order + k));
            sum += term;
            k += 1.0;
        }
        sum * self.scale
    }

    /// The value at `z >= 0`, whose sine and cosine are given as they may be known better.
    pub(super) fn value(&self, z: f64, (sin, cos): (f64, f64)) -> f64 {
        if z >= self.far {
            let [re, im] = self.amplitude(z);
            return re * cos - im * sin;
        }
        if z <= Self::near(self.order) {
            return libm::pow(z, self.order) * self.entire(z);
        }
        self.recurred(z)
    }

    /// By the recurrence from a far higher order down, and the sum of Neumann's that is `(z /
    /// 2)^order` (Watson 1944, sections 5.2 and 16.1).
    fn recurred(&self, z: f64) -> f64 {
        // Even. Beyond `z` the functions fall faster and faster with the order.
        let most = 2 * ((0.6 * z) as u32 + 25);
        let (mut above, mut here) = (0.0, 1e-300);
        // The factors of the sum, over Gamma(order + 1): from the last down, by their ratios.
        let factor = |k: f64| {
            // (order + 2 k) / k times (order + 1) .. (order + k - 1) / (k - 1)!
            let mut product = (self.order + 2.0 * k) / k;
            let mut i = 1.0;
            while i < k {
                product *= (self.order + i) / i;
                i += 1.0;
            }
            product
        };
        let mut weight = factor(f64::from(most / 2));
        let mut sum = 0.0;
        for m in (0..most).rev() {
            // `here` is of the order `order + m + 1`.
            if m % 2 == 1 {
                let k = f64::from(m / 2 + 1);
                sum += weight * here;
                if k > 1.0 {
                    weight *= (self.order + 2.0 * k - 2.0) / (self.order + 2.0 * k) * k / (self.order + k - 1.0);
                }
            }
            (above, here) = (here, 2.0 * (self.order + f64::from(m + 1)) / z * here - above);
            if here.abs() > 1e200 {
                (above, here, sum) = (above * 1e-200, here * 1e-200, sum * 1e-200);
            }
        }
        sum += here;
        libm::pow(z, self.order) * self.scale * (here / sum)
    }

    /// `A(z)`, from [`far`](Self::far) on.
    pub(super) fn amplitude(&self, z: f64) -> [f64; 2] {
        let x = 2.0 * (self.far / z) - 1.0;
        // Clenshaw's sum.
        let (mut p, mut q) = ([0.0; 2], [0.0; 2]);
        for term in self.series.iter().skip(1).rev() {
            let next = [0, 1].map(|part| 2.0 * x * p[part] - q[part] + term[part]);
            (q, p) = (p, next);
        }
        let size = (2.0 * FRAC_1_PI / z).sqrt();
        [0, 1].map(|part| size * (x * p[part] - q[part] + self.series[0][part]))
    }
}

/// The series of the amplitude times `sqrt(pi z / 2)`, which is a constant phase times `1 /
/// Gamma(order + 1/2)` times the integral over `t > 0` of `e^-t t^(order - 1/2) (1 + i t / (2
/// z))^(order - 1/2)` (Hankel; Watson 1944, section 7.2).
fn series(order: f64, far: f64) -> Vec<[f64; 2]> {
    let power = order - 0.5;
    // The logarithm of the largest of the weights, about.
    let top = if power > 0.0 { power * libm::log(power) - power } else { 0.0 };
    let weight = |i: i32| {
        let s = STEP * f64::from(i);
        let inner = libm::exp(-s);
        let log = s - inner;
        let t = libm::exp(log);
        (t, libm::exp(power * log - t - top) * t * (1.0 + inner))
    };
    let weights: Vec<(f64, f64)> = STEPS.map(weight).filter(|(_, weight)| *weight > 1e-22).collect();
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    // -(order / 2 + 1 / 4) pi, the whole turns taken off before anything is rounded.
    let turn = (order / 4.0 + 0.125) % 1.0;
    let (sin, cos) = libm::sincos(2.0 * PI * turn);
    let cosine = |m: usize| libm::cos(PI * (m % (4 * TERMS)) as f64 / (2 * TERMS) as f64);
    let value = |j: usize| {
        let v = (1.0 + cosine(2 * j + 1)) / 2.0 / (2.0 * far);
        let [mut re, mut im] = [0.0; 2];
        for (t, weight) in &weights {
            let y = t * v;
            let size = weight * libm::exp(power / 2.0 * libm::log1p(y * y));
            let (s, c) = libm::sincos(power * libm::atan(y));
            (re, im) = (re + size * c, im + size * s);
        }
        let (re, im) = (re / total, im / total);
        [re * cos + im * sin, im * cos - re * sin]
    };
    let values: Vec<[f64; 2]> = (0..TERMS).map(value).collect();
    let term = |k: usize| {
        let share = if k == 0 { 1.0 } else { 2.0 } / TERMS as f64;
        [0, 1].map(|part| {
            let sum: f64 = values.iter().enumerate().map(|(j, v)| v[part] * cosine((2 * j + 1) * k)).sum();
            sum * share
        })
    };
    (0..TERMS).map(term).collect()
}

#[cfg(test)]
mod tests;
