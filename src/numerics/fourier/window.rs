//! Smooth windows, by which the rest of an oscillating integral to infinity is summed: they fall
//! from one to zero over a panel. What is beyond the panel, seen through one minus the window, has
//! no jump and cancels itself, the better the more often the weight oscillates under the window.
//!
//! The slope of a window is `I0(beta sqrt(1 - t^2))` (Kaiser 1974), whose Fourier transform falls
//! to `e^-beta` at the frequency `beta`.

use std::sync::LazyLock;

/// So many terms of the Chebyshev series of a window: those beyond are below 1e-17 (measured
/// 2026-11-30).
pub(super) const TERMS: usize = 128;
/// The windows have even `beta` up to this: from there on, `e^-beta` is less than what rounding
/// leaves.
const MOST: usize = 32;

/// The series of a window: `1/2`, and the coefficients of the odd terms, at their indices.
pub(super) type Window = [f64; TERMS];

static WINDOWS: LazyLock<Vec<Window>> = LazyLock::new(|| (1..=MOST / 2).map(|i| window(2.0 * i as f64)).collect());

/// The three windows for a panel over half of whose width the phase of the weight grows by `theta`,
/// the smoothest first.
pub(super) fn windows(theta: f64) -> [&'static Window; 3] {
    // A little less than the frequency, as the integrand varies, too.
    let most = MOST as f64 / 2.0;
    let steps = if theta > 10.0 { (0.4 * theta).clamp(4.0, most) as usize } else { 4 };
    [steps, 3 * steps / 4, steps / 2].map(|i| &WINDOWS[i - 1])
}

/// `I0(sqrt(4 y))`: the sum of `y^k / k!^2`, all terms of which are positive.
fn bessel(y: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-20 {
        term *= y / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

fn window(beta: f64) -> Window {
    let n = TERMS;
    let cos = |m: usize| libm::cos(std::f64::consts::PI * (m % (2 * n)) as f64 / n as f64);
    let slope: Vec<f64> = (0..=n)
        .map(|j| {
            let sin = libm::sin(std::f64::consts::PI * j as f64 / n as f64);
            bessel(beta * beta * sin * sin / 4.0)
        })
        .collect();
    // The coefficients of the slope, an even function; the order of each sum is from left to right.
    let coefficient = |k: usize| {
        let ends = (slope[0] + slope[n]) / 2.0;
        let sum: f64 = (1..n).map(|j| slope[j] * cos(j * k)).sum();
        (ends + sum) * 2.0 / n as f64
    };
    let a: Vec<f64> = (0..=n).map(|k| if k % 2 == 0 { coefficient(k) } else { 0.0 }).collect();
    let mut series = [0.0; TERMS];
    for k in (1..n).step_by(2) {
        series[k] = (a[k - 1] - a[k + 1]) / (2.0 * k as f64);
    }
    let whole: f64 = series.iter().sum();
    series.iter_mut().for_each(|term| *term *= -0.5 / whole);
    series[0] = 0.5;
    series
}

/// The moments of the weight times a window, real and imaginary parts, up to the order `n`, by
/// those of the weight alone up to `n + TERMS`. `falls`: whether the window is one at the left end;
/// else at the right.
pub(super) fn windowed(window: &Window, moments: &[f64], n: usize, falls: bool) -> [Vec<f64>; 2] {
    // T_k T_l = (T_(k+l) + T_|k-l|) / 2, and only odd l turn real into imaginary.
    let across = |k: usize| {
        let sum: f64 = (1..TERMS).step_by(2).map(|l| window[l] * (moments[k + l] + moments[k.abs_diff(l)]) / 2.0).sum();
        if falls { sum } else { -sum }
    };
    let mut parts = [Vec::with_capacity(n + 1), Vec::with_capacity(n + 1)];
    for k in 0..=n {
        let (own, other) = (moments[k] / 2.0, across(k));
        parts[k % 2].push(own);
        parts[1 - k % 2].push(other);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_fall_from_one_to_zero_and_their_series_end() {
        for theta in [0.0, 5.0, 20.0, 35.0, 1e6] {
            for window in windows(theta) {
                let ends = [-1.0, 1.0].map(|t: f64| {
                    window.iter().enumerate().map(|(k, w)| w * if k % 2 == 0 { 1.0 } else { t }).sum::<f64>()
                });
                assert!((ends[0] - 1.0).abs() < 1e-14 && ends[1].abs() < 1e-14, "{ends:?}");
                assert!(window[TERMS - 3..].iter().all(|term| term.abs() < 1e-17), "{:?}", &window[TERMS - 3..]);
            }
        }
    }
}
