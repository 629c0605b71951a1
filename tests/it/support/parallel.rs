//! The integrands by which running ahead is measured: smooth, singular, kinked, oscillating.

/// Name, integrand, limits.
pub(crate) type Case = (&'static str, fn(f64) -> f64, f64, f64);

fn lorentzians(x: f64) -> f64 {
    [0.2, 0.5, 0.83].iter().map(|c| 1e-3 / ((x - c) * (x - c) + 1e-6)).sum()
}

pub(crate) const CASES: &[Case] = &[
    ("x^-1/2", |x| 1.0 / x.sqrt(), 0.0, 1.0),
    ("sqrt x", f64::sqrt, 0.0, 1.0),
    ("ln x", f64::ln, 0.0, 1.0),
    ("|x-1/3|", |x| (x - 1.0 / 3.0).abs(), 0.0, 1.0),
    ("|x-0.7123|", |x| (x - 0.7123).abs(), 0.0, 1.0),
    ("step at 0.3", |x| if x > 0.3 { 1.0 } else { 0.0 }, 0.0, 1.0),
    ("x cos 50x", |x| x * (50.0 * x).cos(), 0.0, 10.0),
    ("3 Lorentzians", lorentzians, 0.0, 1.0),
    ("1/(x^2+1e-6)", |x| 1.0 / (x * x + 1e-6), -1.0, 1.0),
    ("sin(1/x)", |x| (1.0 / x).sin(), 0.01, 1.0),
    ("cos(500x)e^-x", |x| (500.0 * x).cos() * (-x).exp(), 0.0, 10.0),
    ("cos(64 sin x)", |x| (64.0 * x.sin()).cos(), 0.0, std::f64::consts::PI),
];

/// Twelve others, for what was measured by the first.
pub(crate) const OTHERS: &[Case] = &[
    ("x^-0.3", |x| x.powf(-0.3), 0.0, 1.0),
    ("x ln x", |x| x * x.ln(), 0.0, 1.0),
    ("x^3/2", |x| x.powf(1.5), 0.0, 2.0),
    ("e^x |x-0.618|", |x| x.exp() * (x - 0.618_033_988_749_894_9).abs(), 0.0, 1.0),
    ("step at 1/e", |x| if x > (-1f64).exp() { 2.0 - x } else { x }, 0.0, 1.0),
    ("two steps", |x| if x > 0.25 && x < 0.7 { 1.0 } else { 0.0 }, 0.0, 1.0),
    ("1/(x^2+1e-4)", |x| 1.0 / (x * x + 1e-4), -1.0, 2.0),
    ("peak and kink", |x| 1e-2 / ((x - 0.3) * (x - 0.3) + 1e-4) + (x - 0.8).abs(), 0.0, 1.0),
    ("tanh 100x", |x| (100.0 * (x - 0.31)).tanh(), 0.0, 1.0),
    ("cos 100x^2", |x| (100.0 * x * x).cos(), 0.0, 3.0),
    ("sin x / x", |x| x.sin() / x, 0.0, 100.0),
    ("exp(-x^2)", |x| (-x * x).exp(), f64::NEG_INFINITY, f64::INFINITY),
];
