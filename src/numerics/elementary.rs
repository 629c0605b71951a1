//! Logarithm and exponential by + - * / alone: the same bits on every platform, which the C library's are not.

/// ln 2, in two parts: the first with so few digits that its multiples by exponents are exact (Cody, Waite 1980).
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// The natural logarithm of a positive finite number, to about one unit in the last place.
pub(crate) fn ln(x: f64) -> f64 {
    // Subnormal numbers are scaled up first.
    let (x, shift) = if x < f64::MIN_POSITIVE { (x * 18_014_398_509_481_984.0, -54.0) } else { (x, 0.0) };
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as f64 - 1023.0 + shift;
    let mut mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1.0;
    }
    // ln m = 2 artanh((m - 1) / (m + 1)); the argument is at most 0.172, its 21st power below epsilon.
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let u = t * t;
    let mut sum = 0.0;
    for k in (1..=10).rev() {
        sum = (sum + 1.0 / f64::from(2 * k + 1)) * u;
    }
    exponent * LN2_HIGH + (exponent * LN2_LOW + 2.0 * t * sum + 2.0 * t)
}

/// The exponential, to about one unit in the last place; zero below the smallest number, infinite above the largest.
pub(crate) fn exp(x: f64) -> f64 {
    if x < -745.0 {
        return 0.0;
    }
    if x > 709.7 {
        return f64::INFINITY;
    }
    let k = (x * std::f64::consts::LOG2_E).round();
    let r = (x - k * LN2_HIGH) - k * LN2_LOW;
    // |r| is at most 0.347, its 14th power over 14! below epsilon.
    let mut sum = 1.0;
    for n in (1..=13).rev() {
        sum = 1.0 + sum * (r / f64::from(n));
    }
    // In two steps, so that neither leaves the range of normal numbers.
    let half = (k / 2.0).floor();
    sum * power_of_two(half) * power_of_two(k - half)
}

fn power_of_two(k: f64) -> f64 {
    f64::from_bits(((k + 1023.0) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

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
