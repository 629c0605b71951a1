//! Published integrals with a weight, right to ten digits: those of the QUADPACK book (R. Piessens, E.
//! de Doncker-Kapenga, C. Ueberhuber, D. Kahaner, "QUADPACK", 1983, numbers in brackets), of Davis and
//! Rabinowitz ("Methods of numerical integration", 1984) and others.

use std::f64::consts::{FRAC_PI_2, PI};

use coquad::{Algebraic, Bessel, Fourier, Integrator, Method, PrincipalValue};

use crate::support::boxed;

const INF: f64 = f64::INFINITY;

fn right<M: Method>(
    name: &str,
    method: M,
    f: impl Fn(f64) -> f64 + Send + Sync + 'static,
    [a, b]: [f64; 2],
    exact: f64,
) {
    let integrator = Integrator::new(boxed(f)).method(method).rtol(1e-11);
    let e = integrator.integrate_blocking(a, b, 0.0).unwrap_or_else(|error| panic!("{name}: {error}"));
    println!("{name}: {e}");
    assert!((e.value - exact).abs() <= 1e-10 * exact.abs(), "{name}: {e} for {exact:e}");
}

#[test]
fn fourier_integrals() {
    for alpha in [2, 5, 8] {
        let w = 2f64.powi(alpha);
        let exact = (20.0 * w.sin() - w * w.cos() + w * (-20f64).exp()) / (400.0 + w * w);
        right("(12)", Fourier::sin(w), |x| (20.0 * (x - 1.0)).exp(), [0.0, 1.0], exact);
    }
    for alpha in [0, 2, 4] {
        let s = 2f64.powi(-alpha);
        let exact = PI.sqrt() * (1.0 + s * s).powf(-0.25) * (s.recip().atan() / 2.0).cos();
        right("(14)", Fourier::cos(1.0), move |x| (-s * x).exp() / x.sqrt(), [0.0, INF], exact);
    }
    // -(gamma + ln(10 pi) - Ci(10 pi)) / (10 pi), and with 60 pi and 30: mpmath.
    right("QAWO", Fourier::sin(10.0 * PI), f64::ln, [0.0, 1.0], -0.128_136_848_399_167_4);
    right("Davis, Rabinowitz", Fourier::sin(30.0), f64::ln, [0.0, 2.0 * PI], -0.193_877_275_099_872_34);
    right("QAWF", Fourier::cos(FRAC_PI_2), |x| 1.0 / x.sqrt(), [0.0, INF], 1.0);
    right("Laplace", Fourier::cos(1.0), |x| 1.0 / (1.0 + x * x), [0.0, INF], FRAC_PI_2 / 1f64.exp());
    right("Laplace", Fourier::sin(1.0), |x| x / (1.0 + x * x), [0.0, INF], FRAC_PI_2 / 1f64.exp());
    // Half of x (sin(31 x) + sin(29 x)).
    let exact = -PI / 31.0 - PI / 29.0;
    right("Davis, Rabinowitz", Fourier::sin(30.0), |x| x * x.cos(), [0.0, 2.0 * PI], exact);
}

#[test]
fn principal_values() {
    for alpha in [0, 3, 6] {
        let s = 2f64.powi(-alpha);
        let exact =
            (s * 1.5f64.ln() - s / 2.0 * ((16.0 + s * s) / (1.0 + s * s)).ln() - (4.0 / s).atan() - s.recip().atan())
                / (1.0 + s * s);
        right("(17)", PrincipalValue::at(2.0), move |x| s / ((x - 1.0) * (x - 1.0) + s * s), [0.0, 5.0], exact);
    }
    let exact = (125f64 / 631.0).ln() / 18.0;
    right("QAWC", PrincipalValue::at(0.0), |x| 1.0 / (5.0 * x * x * x + 6.0), [-1.0, 5.0], exact);
    // Twice the hyperbolic sine integral at 1.
    right("Davis, Rabinowitz", PrincipalValue::at(0.0), f64::exp, [-1.0, 1.0], 2.114_501_750_751_457);
}

#[test]
fn algebraic_weights() {
    for alpha in [-0.9, -0.5, 0.0] {
        let exact = -1.0 / ((1.0 + alpha) * (1.0 + alpha));
        right("(1)", Algebraic::new(alpha, 0.0).log_left(), |_| 1.0, [0.0, 1.0], exact);
    }
    for alpha in [1, 4] {
        let s = 1.0 + 2f64.powi(-alpha);
        right("(9)", Algebraic::new(-0.5, -0.5), move |x| 1.0 / (x + s), [-1.0, 1.0], PI / (s * s - 1.0).sqrt());
    }
    for alpha in [1, 4, 6] {
        let w = 2f64.powi(alpha);
        let exact = PI * (w / 2.0).cos() * libm::j0(w / 2.0);
        right("(13)", Algebraic::new(-0.5, -0.5), move |x| (w * x).cos(), [0.0, 1.0], exact);
    }
    let alpha: f64 = 0.1;
    let exact = 10f64.powf(-alpha) * (1.0 - alpha) * PI / (PI * alpha).sin();
    right("(16)", Algebraic::new(alpha - 1.0, 0.0), |x| (1.0 + 10.0 * x).powi(-2), [0.0, INF], exact);
}

#[test]
fn bessel_integrals() {
    // S. Lucas, H. Stone, J. Comput. Appl. Math. 64 (1995) 217-231.
    let k0 = 0.421_024_438_240_708_33;
    right("Lucas, Stone", Bessel::j(1.0, 1.0), |x| 0.5 * (x * x).ln_1p(), [0.0, INF], k0);
    right("Lucas, Stone", Bessel::j(0.0, 1.0), |x| x / (1.0 + x * x), [0.0, INF], k0);
    let f = |x: f64| if x > 0.0 { -(-x).exp_m1() / x } else { 1.0 };
    right("Lucas, Stone", Bessel::j(0.0, 1.0), f, [0.0, INF], 2f64.sqrt().ln_1p());
    let exact = libm::tgamma(0.75) / libm::tgamma(1.25) / 2f64.sqrt();
    right("Watson 13.24", Bessel::j(1.0, 1.0), |x| 1.0 / x.sqrt(), [0.0, INF], exact);
}
