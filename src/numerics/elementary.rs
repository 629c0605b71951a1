//! Logarithm and exponential by + - * / alone: the same bits on every platform, which the C library's are not.

use super::lanes::Lanes;

/// ln 2, in two parts: the first with so few digits that its multiples by exponents are exact (Cody, Waite 1980).
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// 1 / (2 k + 1).
const ODD: [f64; 11] = {
    let mut all = [1.0; 11];
    let mut k = 1;
    while k < 11 {
        all[k] = 1.0 / (2 * k + 1) as f64;
        k += 1;
    }
    all
};

/// 1 / n!.
const INVERSE: [f64; 14] = {
    let mut all = [1.0; 14];
    let mut n = 1;
    while n < 14 {
        all[n] = all[n - 1] / n as f64;
        n += 1;
    }
    all
};

/// The natural logarithm of a positive finite number, to about one unit in the last place.
#[inline]
pub(crate) fn ln(x: f64) -> f64 {
    let (mantissa, exponent) = parts(x);
    // ln m = 2 artanh((m - 1) / (m + 1)); the argument is at most 0.172, its 21st power below epsilon.
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    assembled(exponent, t, series(t * t))
}

/// Half the logarithm of `(1 + t) / (1 - t)`, for moduli up to 0.2.
#[inline]
pub(super) fn artanh<N: Lanes>(t: N) -> N {
    t + t * series(t * t)
}

/// The mantissa of a number, from 0.707 to 1.414, and its exponent.
#[inline]
fn parts(x: f64) -> (f64, f64) {
    // Subnormal numbers are scaled up first.
    let (x, shift) = if x < f64::MIN_POSITIVE { (x * 18_014_398_509_481_984.0, -54.0) } else { (x, 0.0) };
    let bits = x.to_bits();
    let exponent = f64::from((bits >> 52) as i32 & 0x7ff) - 1023.0 + shift;
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if mantissa > std::f64::consts::SQRT_2 { (mantissa * 0.5, exponent + 1.0) } else { (mantissa, exponent) }
}

/// The sum of `u^k / (2 k + 1)` from `k = 1` on.
#[inline]
fn series<N: Lanes>(u: N) -> N {
    let odd = |k: usize| N::splat(ODD[k]);
    // Written out: of a loop each term costs as much again.
    let last = (((odd(10) * u + odd(9)) * u + odd(8)) * u + odd(7)) * u + odd(6);
    (((((last * u + odd(5)) * u + odd(4)) * u + odd(3)) * u + odd(2)) * u + odd(1)) * u
}

#[inline]
fn assembled<N: Lanes>(exponent: N, t: N, sum: N) -> N {
    let t = N::splat(2.0) * t;
    exponent * N::splat(LN2_HIGH) + (exponent * N::splat(LN2_LOW) + t * sum + t)
}

/// The exponential, to about one unit in the last place; zero below the smallest number, infinite above the largest.
#[inline]
pub(crate) fn exp(x: f64) -> f64 {
    if x.abs() < PLAIN {
        return plain_exp(x);
    }
    if x < -745.0 {
        return 0.0;
    }
    if x > 709.7 {
        return f64::INFINITY;
    }
    // In two steps, so that neither leaves the range of normal numbers.
    let (sum, k) = reduced_exp(x);
    let half = (k / 2.0).floor();
    sum * power_of_two(half) * power_of_two(k - half)
}

/// The exponentials of many, to the same bits, side by side.
#[inline]
pub(crate) fn exp_each<const N: usize>(x: [f64; N]) -> [f64; N] {
    let most = x.iter().fold(0.0, |most: f64, x| most.most(x.abs()));
    exp_within(most, x)
}

/// The same of many of which none has a larger modulus.
#[inline]
pub(super) fn exp_within<const N: usize>(most: f64, mut x: [f64; N]) -> [f64; N] {
    if most < PLAIN {
        x.iter_mut().for_each(|x| *x = plain_exp(*x));
    } else {
        x.iter_mut().for_each(|x| *x = exp(*x));
    }
    x
}

/// Below this modulus, an exponential and its powers of two are normal numbers.
const PLAIN: f64 = 700.0;

/// Adding it leaves the nearest integer in the lowest bits.
pub(super) const SHIFT: f64 = 6_755_399_441_055_744.0;

/// The exponential where nothing overflows: without a branch.
#[inline]
fn plain_exp(x: f64) -> f64 {
    let (sum, k) = reduced_exp(x);
    sum * f64::from_bits((k + SHIFT).to_bits().wrapping_add(1023) << 52)
}

/// `s` and an integer `k` with `exp x = s 2^k`.
#[inline]
fn reduced_exp(x: f64) -> (f64, f64) {
    let k = (x * std::f64::consts::LOG2_E + SHIFT) - SHIFT;
    let r = (x - k * LN2_HIGH) - k * LN2_LOW;
    // |r| is at most 0.347, its 14th power over 14! below epsilon. Even and odd powers apart, so that neither waits for
    // the other.
    let s = r * r;
    let even =
        INVERSE[2] + s * (INVERSE[4] + s * (INVERSE[6] + s * (INVERSE[8] + s * (INVERSE[10] + s * INVERSE[12]))));
    let odd = INVERSE[3] + s * (INVERSE[5] + s * (INVERSE[7] + s * (INVERSE[9] + s * (INVERSE[11] + s * INVERSE[13]))));
    // The largest terms last: what the polynomial rounds is small beside them.
    ((r + (r * s * odd + s * even)) + 1.0, k)
}

fn power_of_two(k: f64) -> f64 {
    f64::from_bits(((k + 1023.0) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_tangent_is_half_a_logarithm() {
        for i in -200..=200 {
            let t = f64::from(i) * 1e-3;
            let half = t.atanh();
            assert!((artanh(t) - half).abs() <= 4e-16 * half.abs(), "{t}");
        }
    }

    #[test]
    fn exponential_and_logarithm_agree_with_the_library() {
        for i in -7000..7000 {
            let x = f64::from(i) * 0.1003;
            let (ours, theirs) = (exp(x), x.exp());
            assert!(x.abs() > 700.0 || (ours - theirs).abs() <= 4.0 * f64::EPSILON * theirs, "{x} {ours} {theirs}");
            if theirs > 0.0 && theirs.is_finite() {
                assert!((ln(theirs) - theirs.ln()).abs() <= 2.0 * f64::EPSILON * theirs.ln().abs(), "{theirs}");
            }
        }
        assert!(exp(-746.0) <= 0.0 && ln(1.0).abs() <= 0.0);
    }
}
