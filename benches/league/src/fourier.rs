//! Drawn Fourier integrals: `cargo run --release -- fourier`. The members, their values and what
//! SciPy makes of them are a table, which `fourier.py` draws.

mod members;

use coquad::{Error, Fourier, Inline, Integrator};

/// Family, its two numbers, omega, whether it is the sine, the upper limit, the value; how many
/// evaluations SciPy takes, whether it claims the tolerance, and whether it is right.
type Member = (u8, f64, f64, f64, bool, f64, f64, u32, bool, bool);

const RTOL: f64 = 1e-10;

fn f(family: u8, p: f64, s: f64) -> impl Fn(f64) -> f64 {
    move |x: f64| match family {
        0 => (-p * x).exp(),
        1 => x * (-p * x).exp(),
        2 => (x + p).powf(-s),
        3 => 1.0 / (p * p + x * x),
        4 => x / (p * p + x * x),
        5 => 1.0 / (p * p + x * x).sqrt(),
        _ => (-(p * x) * (p * x)).exp(),
    }
}

/// Prints who is right and wrong, and the evaluations beside SciPy's.
fn compare(name: &str, members: &[Member], verbose: bool) {
    let [mut right, mut wrong, mut none] = [0, 0, 0];
    let [mut scipy_right, mut scipy_wrong] = [0, 0];
    let (mut logs, mut both, mut total) = (0.0, 0, [0, 0]);
    for &(family, p, s, omega, sine, b, value, scipy, claims, scipy_is_right) in members {
        let weight = if sine { Fourier::sin(omega) } else { Fourier::cos(omega) };
        let integrator = Integrator::new(Inline::new(f(family, p, s))).method(weight).rtol(RTOL);
        let ended = integrator.integrate_blocking(0.0, b, 0.0);
        let is_right = |found: f64| (found - value).abs() <= RTOL * value.abs();
        let claimed = match &ended {
            Ok(e) => Some(e),
            Err(Error::NotConverged { .. }) => None,
            Err(error) => panic!("{error}"),
        };
        match claimed {
            Some(e) if is_right(e.value) => right += 1,
            Some(_) => wrong += 1,
            None => none += 1,
        }
        scipy_right += usize::from(claims && scipy_is_right);
        scipy_wrong += usize::from(claims && !scipy_is_right);
        if let Some(e) = claimed.filter(|e| is_right(e.value) && claims && scipy_is_right) {
            logs += (e.evaluations as f64 / f64::from(scipy)).ln();
            both += 1;
            total = [total[0] + e.evaluations, total[1] + scipy as usize];
        }
        if verbose || !claimed.is_some_and(|e| is_right(e.value)) {
            let part = if sine { "sin" } else { "cos" };
            let what = match &ended {
                Ok(e) => format!("{:e} +- {:e}, {}", e.value, e.error, e.evaluations),
                Err(Error::NotConverged { estimate: e, reason, .. }) => {
                    format!("{reason:?}: {:e} +- {:e}, {}", e.value, e.error, e.evaluations)
                }
                Err(error) => error.to_string(),
            };
            println!("  {family} p {p} s {s} {part} {omega} [0, {b}]: {value:e}; {what}; SciPy {scipy} {claims}");
        }
    }
    let mean = (logs / f64::from(both)).exp();
    println!("{name}: right {right}, wrong {wrong}, not met {none}; SciPy right {scipy_right}, wrong {scipy_wrong}");
    println!(
        "{name}: evaluations over SciPy's, {both} that both solve: {mean:.3} on the geometric mean, sums {total:?}"
    );
}

/// The whole comparison.
pub(crate) fn table() {
    let verbose = std::env::args().any(|arg| arg == "verbose");
    compare("to infinity, QAWF", &members::INFINITE, verbose);
    compare("finite, QAWO", &members::FINITE, verbose);
}
