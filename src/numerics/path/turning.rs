//! Turns in the complex plane by + - * / alone: the same bits on every platform, which the C
//! library's are not.

use num_complex::Complex;

/// Half of pi, in two parts (Cody, Waite 1980).
const HALF_PI: [f64; 2] = [std::f64::consts::FRAC_PI_2, 6.123_233_995_736_766e-17];

/// `e^(i angle) - 1` for angles of at most one turn, with all digits if the angle is small.
pub(super) fn turn_less_one(angle: f64) -> Complex<f64> {
    // e^(2 i h) - 1 = 2 i sin h e^(i h).
    let (sin, cos) = sin_cos(angle / 2.0);
    2.0 * sin * Complex::new(-sin, cos)
}

/// Sine and cosine for moduli up to pi, to a unit or two in the last place.
fn sin_cos(x: f64) -> (f64, f64) {
    let turns = (x / HALF_PI[0]).round();
    let rest = (x - turns * HALF_PI[0]) - turns * HALF_PI[1];
    let (sin, cos) = series(rest);
    match turns as i64 {
        0 => (sin, cos),
        1 => (cos, -sin),
        -1 => (-cos, sin),
        _ => (-sin, -cos),
    }
}

/// Taylor's series up to a quarter of pi: what is left out is below 1e-18.
fn series(x: f64) -> (f64, f64) {
    let square = x * x;
    let (mut sin, mut cos) = (0.0, 0.0);
    for k in (1..=9).rev() {
        let n = f64::from(2 * k);
        sin = (1.0 + sin) * (-square / (n * (n + 1.0)));
        cos = (1.0 + cos) * (-square / (n * (n - 1.0)));
    }
    (x + x * sin, 1.0 + cos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_those_of_the_c_library_to_the_last_digits() {
        for i in -4000..=4000 {
            let angle = f64::from(i) * std::f64::consts::TAU / 4000.0;
            let (sin, cos) = sin_cos(angle / 2.0);
            let (s, c) = (angle / 2.0).sin_cos();
            assert!((sin - s).abs() <= 3e-16 && (cos - c).abs() <= 3e-16, "{angle}");
        }
        let small = turn_less_one(1e-200);
        assert!((small.im / 1e-200 - 1.0).abs() < 1e-15);
    }
}
