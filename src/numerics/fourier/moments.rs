//! The moments of an oscillating weight: the integrals over [-1, 1] of `T_k(t) e^(i theta t)`, and
//! accurate phases.
//!
//! With `gamma_k` the moment and `rho_k` that of `U_(k-1)`, integration by parts gives `k rho_k =
//! e^(i theta) - (-1)^k e^(-i theta) - i theta gamma_k`, and `2 T_k = U_k - U_(k-2)` gives `2
//! gamma_k = rho_(k+1) - rho_(k-1)`. Together they are a recurrence for `rho_k` (Dominguez, Graham
//! and Smyshlyaev, IMA J. Numer. Anal. 31 (2011) 1253-1280, section 4). Forwards the recurrence is
//! stable up to `k = theta`; beyond, the solution of the boundary value problem with an asymptotic
//! value at the far end is (Olver 1967; Piessens and Branders, BIT 15 (1975) 313-321, did so for
//! the Chebyshev moments).

use super::super::twice::two_sum;

/// The recurrence is carried so far beyond the moments that are asked for: what is wrong with the
/// asymptotic value at the end is below 1e-15 then (up to 192 moments, any `theta`: measured
/// against 50 digits, 2026-11-30).
const BEYOND: usize = 80;

/// The sine and the cosine of `omega x`, where `x` is `high + low`: the product is exact to twice
/// the digits of a number, so that the phase is as accurate for a large `omega` as for a small one.
pub(super) fn phase(omega: f64, high: f64, low: f64) -> (f64, f64) {
    let product = omega * high;
    let rest = omega.mul_add(high, -product) + omega * low;
    let (sin, cos) = libm::sincos(product);
    let (s, c) = libm::sincos(rest);
    (sin * c + cos * s, cos * c - sin * s)
}

/// The moments for `k` from 0 to `n`: those of even `k` are real, those of odd `k` are these times
/// `i`. `sin` and `cos` are of `theta`, which is finite and not negative.
pub(super) fn moments(theta: f64, (sin, cos): (f64, f64), n: usize) -> Vec<f64> {
    // `rho_k` is `r_k` for odd `k` and `i r_k` for even `k`. Room for one beyond.
    let last = n + 1;
    let sinc = if theta > 0.0 { 2.0 * sin / theta } else { 2.0 };
    let mut r = vec![0.0; last + 1];
    r[1] = sinc;
    // The next one by its predecessors: forwards up to `theta`.
    let known = if theta >= 2.0 { last.min(theta as usize) } else { 0 };
    // With twice the digits: the terms are larger than their differences, which are the moments.
    let (mut before, mut here) =
        ((0.0, 0.0), (sinc, if theta > 0.0 { sinc.mul_add(-theta, 2.0 * sin) / theta } else { 0.0 }));
    let mut tails = vec![0.0; last + 1];
    tails[1] = here.1;
    for k in 1..known {
        let twice = 2.0 * k as f64;
        let product = twice * here.0;
        let rest = twice.mul_add(here.0, -product) + twice * here.1;
        let (difference, low) = if k % 2 == 0 {
            let (difference, low) = two_sum(4.0 * sin, -product);
            (difference, low - rest)
        } else {
            let (difference, low) = two_sum(product, -4.0 * cos);
            (difference, low + rest)
        };
        let quotient = difference / theta;
        let rest = (quotient.mul_add(-theta, difference) + low) / theta;
        let (sum, low) = two_sum(before.0, quotient);
        (before, here) = (here, two_sum(sum, low + (before.1 + rest)));
        r[k + 1] = here.0;
        // The differences are taken before what is beyond the digits is lost.
        tails[k + 1] = here.1;
    }
    if known < last {
        beyond(theta, [sin, cos], known, &mut r);
    }
    let mut moments: Vec<f64> = Vec::with_capacity(n + 1);
    moments.push(sinc);
    moments.extend((1..=n).map(|k| ((r[k + 1] - r[k - 1]) + (tails[k + 1] - tails[k - 1])) / 2.0));
    moments
}

/// Solves for `r` beyond the index `known`: `2 k r_k + theta (r_(k+1) - r_(k-1)) = 4 sin` for even
/// `k`, and `2 k r_k - theta (r_(k+1) - r_(k-1)) = 4 cos` for odd `k`. The diagonal dominates, so
/// no pivot is looked for.
fn beyond(theta: f64, [sin, cos]: [f64; 2], known: usize, r: &mut [f64]) {
    let end = r.len() - 1 + BEYOND;
    let right = |k: usize| if k % 2 == 0 { 4.0 * sin } else { 4.0 * cos };
    let side = |k: usize| if k % 2 == 0 { theta } else { -theta };
    // Downwards: `r_k = q_k + p_k r_(k-1)`, from the asymptotic value `r_end = right / (2 end)` on.
    let count = end - known;
    let (mut p, mut q) = (vec![0.0; count + 1], vec![0.0; count + 1]);
    q[count] = right(end) / (2.0 * end as f64);
    for i in (1..count).rev() {
        let k = known + i;
        let pivot = 2.0 * k as f64 + side(k) * p[i + 1];
        p[i] = side(k) / pivot;
        q[i] = (right(k) - side(k) * q[i + 1]) / pivot;
    }
    for k in known + 1..r.len() {
        r[k] = q[k - known] + p[k - known] * r[k - 1];
    }
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
