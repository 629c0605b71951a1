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
