//! The moments against a table from 60 digits.

use super::table::{INDICES, MOMENTS};
use super::*;

#[test]
fn moments_are_right_to_1e_15_of_the_largest() {
    let mut worst: f64 = 0.0;
    for (theta, largest, exact) in MOMENTS {
        // With all moments, and with no more than a panel of 17 points needs.
        for n in [192, 16] {
            let moments = moments(theta, libm::sincos(theta), n);
            for (k, exact) in INDICES.into_iter().zip(exact).filter(|(k, _)| *k <= n) {
                let off = (moments[k] - exact).abs() / largest;
                worst = worst.max(off);
                assert!(off <= 1e-15, "{theta} {k} of {n}: {} for {exact}, {off:e} of {largest}", moments[k]);
            }
        }
    }
    println!("worst {worst:e}");
}

#[test]
fn without_oscillation_the_moments_are_the_integrals_of_the_polynomials() {
    for (k, moment) in moments(0.0, (0.0, 1.0), 64).into_iter().enumerate() {
        let exact = if k % 2 == 0 { 2.0 / (1.0 - (k * k) as f64) } else { 0.0 };
        assert!((moment - exact).abs() < 1e-15, "{k}: {moment} for {exact}");
    }
}

#[test]
fn a_phase_has_all_digits_however_large_it_is() {
    // 2^40 times a number that is not exact: mpmath, 60 digits.
    let (sin, cos) = phase(1e6, 12345.678, 0.0);
    assert!((sin * sin + cos * cos - 1.0).abs() < 1e-15);
    // By parts: the same product, cut differently.
    let (s, c) = phase(1e6, 12345.5, 12345.678 - 12345.5);
    assert!((sin - s).abs() < 1e-15 && (cos - c).abs() < 1e-15, "{sin} {s} {cos} {c}");
}
