//! Functions that stand for an integrand of which some values are known.

use super::super::elementary::ln;
use super::super::method::Panel;
use super::rational::Rational;

/// A function that stands for the integrand.
#[derive(Debug)]
pub(super) struct StandIn {
    flat: Flat,
    function: Rational,
    /// By how much it is off where that is known, in parts of the largest value.
    pub(super) off: f64,
    /// Whether the function is the logarithm: of what falls like an exponential function. And the
    /// sign of the integrand, then.
    sign: Option<f64>,
}

impl StandIn {
    /// Of the values at the points of a panel.
    pub(super) fn new<K>(panel: &Panel<K>, points: &[f64], numbers: &[f64]) -> Self {
        let flat = Flat::new(panel, points);
        let known = || points.iter().map(|x| flat.z(*x)).zip(numbers.iter().copied());
        let plain = Rational::new(known());
        let off = plain.off / size(numbers).max(f64::MIN_POSITIVE);
        let sign = if numbers.iter().all(|f| *f >= 0.0) {
            1.0
        } else if numbers.iter().all(|f| *f <= 0.0) {
            -1.0
        } else {
            return Self { flat, function: plain, off, sign: None };
        };
        // By how much a logarithm is off is a part of the value itself.
        let log = Rational::new(known().map(|(z, f)| (z, if f == 0.0 { f64::NAN } else { ln(f.abs()) })));
        if log.off < off {
            return Self { flat, off: log.off, function: log, sign: Some(sign) };
        }
        Self { flat, function: plain, off, sign: None }
    }

    pub(super) fn at(&self, x: f64) -> f64 {
        let value = self.function.at(self.flat.z(x));
        self.sign.map_or(value, |sign| sign * libm::exp(value))
    }
}

/// The variable of the stand-in: that of the panel, or one in which a panel ends that has none.
#[derive(Clone, Copy, Debug)]
struct Flat {
    /// The finite limit of a panel that ends at infinity, and how far from it the middle is.
    end: Option<(f64, f64)>,
}

impl Flat {
    fn new<K>(panel: &Panel<K>, points: &[f64]) -> Self {
        let limit = match (panel.a.is_finite(), panel.b.is_finite()) {
            (true, false) => panel.a,
            (false, true) => panel.b,
            _ => return Self { end: None },
        };
        let mut distances: Vec<f64> = points.iter().map(|x| (x - limit).abs()).collect();
        distances.sort_by(f64::total_cmp);
        let middle = distances.get(distances.len() / 2).copied().unwrap_or(1.0);
        Self { end: Some((limit, middle)) }
    }

    fn z(self, x: f64) -> f64 {
        self.end.map_or(x, |(limit, middle)| middle / (middle + (x - limit).abs()))
    }
}

/// The largest modulus among the numbers that are finite.
pub(super) fn size(numbers: &[f64]) -> f64 {
    numbers.iter().filter(|f| f.is_finite()).fold(0.0, |most: f64, f| most.max(f.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By how much a function stands wrong for an integrand at places that it does not know, in parts
    /// of its largest value there.
    fn wrong(f: fn(f64) -> f64, a: f64, b: f64, points: &[f64], at: &[f64]) -> f64 {
        let numbers: Vec<f64> = points.iter().map(|x| f(*x)).collect();
        let stand_in = StandIn::new(&Panel { a, b, depth: 0, kind: () }, points, &numbers);
        let most = at.iter().map(|x| f(*x).abs()).fold(0.0, f64::max);
        at.iter().map(|x| (stand_in.at(*x) - f(*x)).abs() / most).fold(0.0, f64::max)
    }

    #[test]
    fn quotients_and_exponentials_are_known_everywhere_by_a_few_values() {
        let points: Vec<f64> = (0..17).map(|i| 0.3 * f64::from(i) - 1.0).collect();
        let at: Vec<f64> = (0..100).map(|i| 0.0479 * f64::from(i) - 1.0).collect();
        let wrong_on = |f| wrong(f, -1.0, 3.8, &points, &at);
        assert!(wrong_on(|x| 1.0 / (x * x + 1e-2)) < 1e-9);
        assert!(wrong_on(|x| (x - 0.2) / ((x - 1.5) * (x - 1.5) + 0.04)) < 1e-9);
        assert!(wrong_on(|x| -(x - x * x).exp()) < 1e-9);
        // Of a kink it is not known so well.
        assert!(wrong_on(|x| (x - 0.33).abs()) > 1e-3);
        // To infinity, far beyond the points.
        let far: Vec<f64> = (1..17).map(|i| f64::from(16 - i) / f64::from(i)).collect();
        let beyond: Vec<f64> = (0..60).map(|i| 1.5f64.powi(i) - 1.0).collect();
        let wrong_far = |f| wrong(f, 0.0, f64::INFINITY, &far, &beyond);
        assert!(wrong_far(|x| x / (1.0 + x * x)) < 1e-9 && wrong_far(|x| 2.0 * (-x).exp()) < 1e-9);
    }
}
