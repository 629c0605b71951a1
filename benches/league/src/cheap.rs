//! Cheap integrands at an absolute tolerance of 1e-10: the time of an integral by each peer, beside the loop by hand.

use std::hint::black_box;
use std::time::Instant;

#[path = "../../support/by_hand.rs"]
mod by_hand;

use coquad::{GaussKronrod, Inline, Integrator};

use crate::geometric_mean;

const ATOL: f64 = 1e-10;
/// How often each integral is timed by each, in turns; the least time counts.
const REPETITIONS: usize = 200;

/// An integral by one of them: its value, if it says that the tolerance is met.
type Run = Box<dyn Fn() -> Option<f64>>;

#[cfg(feature = "peers")]
struct Integrand<F>(F);

#[cfg(feature = "peers")]
impl<F: Fn(f64) -> f64> rint::Integrand for Integrand<F> {
    type Point = f64;
    type Scalar = f64;
    fn evaluate(&self, x: &f64) -> f64 {
        (self.0)(*x)
    }
}

#[cfg(feature = "peers")]
impl<F: Fn(f64) -> f64> quad_rs::Integrable for Integrand<F> {
    type Float = f64;
    type Input = f64;
    type Output = f64;
    fn integrand(&self, x: &f64) -> f64 {
        (self.0)(*x)
    }
}

/// The loop by hand first, then `GaussKronrod` here; each is compiled for this integrand where its interface allows.
#[allow(clippy::vec_init_then_push, reason = "what is pushed depends on features")]
fn runs<F: Fn(f64) -> f64 + Copy + Send + Sync + 'static>(f: F, a: f64, b: f64) -> Vec<(&'static str, Run)> {
    let mut runs: Vec<(&'static str, Run)> = Vec::new();
    runs.push(("by hand", Box::new(move || Some(by_hand::by_hand(f, black_box(a), b, ATOL).0))));
    runs.push((
        "`GaussKronrod::new(21)`, inline",
        Box::new(move || {
            let integrator = Integrator::new(Inline::new(f)).method(GaussKronrod::new(21));
            integrator.integrate_blocking(black_box(a), b, ATOL).ok().map(|e| e.value)
        }),
    ));
    runs.push((
        "`Auto`, inline",
        Box::new(move || {
            let integrator = Integrator::new(Inline::new(f));
            integrator.integrate_blocking(black_box(a), b, ATOL).ok().map(|e| e.value)
        }),
    ));
    #[cfg(feature = "gsl")]
    runs.push(("GSL QAGS", Box::new(move || crate::gsl::qags_to(f, black_box(a), b, ATOL))));
    #[cfg(feature = "peers")]
    {
        const BISECTIONS: usize = crate::BUDGET / 42;
        runs.push((
            "gkquad, after QAGS",
            Box::new(move || {
                let tolerance = gkquad::Tolerance::Absolute(ATOL);
                let mut integrator = gkquad::single::Integrator::new(f).tolerance(tolerance).max_iters(BISECTIONS);
                integrator.run(black_box(a)..b).estimate().ok()
            }),
        ));
        runs.push((
            "rint, after QAGS",
            Box::new(move || {
                let limits = rint::Limits::new(black_box(a), b).ok()?;
                let tolerance = rint::Tolerance::Absolute(ATOL);
                let rule = rint::quadrature::AdaptiveSingularity::finite(Integrand(f), limits, tolerance, BISECTIONS);
                Some(rule.ok()?.integrate().ok()?.result())
            }),
        ));
        runs.push((
            "bilby, adaptive",
            Box::new(move || {
                let rule = bilby::AdaptiveIntegrator::default().with_abs_tol(ATOL).with_rel_tol(0.0);
                let result = rule.with_max_evals(crate::BUDGET).integrate(black_box(a), b, f).ok()?;
                result.is_converged().then_some(result.value)
            }),
        ));
        runs.push((
            "quad-rs",
            Box::new(move || {
                let config = quad_rs::IntegratorConfig::default()
                    .with_absolute_tolerance(ATOL)
                    .with_relative_tolerance(0.0)
                    .with_max_function_evalutions(crate::BUDGET);
                let result = quad_rs::integrate_real(Integrand(f), vec![black_box(a), b], config).ok()?;
                matches!(format!("{:?}", result.termination).as_str(), "Converged").then_some(result.integral)
            }),
        ));
        runs.push((
            "russell_lab",
            Box::new(move || {
                let mut rule = russell_lab::Quadrature::new();
                (rule.tolerance, rule.n_iteration_max) = (ATOL, crate::BUDGET / 20);
                rule.integrate(black_box(a), b, &mut (), |x, _| Ok(f(x))).ok()
            }),
        ));
        runs.push((
            "peroxide",
            Box::new(move || {
                use peroxide::numerical::integral::{Integral, integrate};
                Some(integrate(f, (black_box(a), b), Integral::G7K15(ATOL, 20)))
            }),
        ));
        runs.push((
            "quadrature, double exponential",
            Box::new(move || {
                let output = quadrature::double_exponential::integrate(f, black_box(a), b, ATOL);
                (output.error_estimate <= ATOL).then_some(output.integral)
            }),
        ));
        runs.push((
            "quadrature, Clenshaw-Curtis",
            Box::new(move || {
                let output = quadrature::clenshaw_curtis::integrate(f, black_box(a), b, ATOL);
                (output.error_estimate <= ATOL).then_some(output.integral)
            }),
        ));
    }
    runs
}

fn time(run: &Run) -> f64 {
    let start = Instant::now();
    let mut times = 0;
    while times < 2 || start.elapsed().as_micros() < 60 {
        black_box(run());
        times += 1;
    }
    start.elapsed().as_nanos() as f64 / f64::from(times)
}

/// For each run, in order: its name, and where it solves the integral its time beside that of the first.
fn compare<F: Fn(f64) -> f64 + Copy + Send + Sync + 'static>(
    f: F,
    a: f64,
    b: f64,
    exact: f64,
) -> Vec<(&'static str, Option<f64>)> {
    let runs = runs(f, a, b);
    let solves = |run: &Run| run().is_some_and(|value| (value - exact).abs() <= 10.0 * ATOL);
    let solved: Vec<bool> = runs.iter().map(|(_, run)| solves(run)).collect();
    let mut least = vec![f64::INFINITY; runs.len()];
    for _ in 0..REPETITIONS {
        for ((_, run), least) in runs.iter().zip(&mut least).zip(&solved).filter(|(_, solved)| **solved).map(|(r, _)| r)
        {
            *least = least.min(time(run));
        }
    }
    let ratio = |i: usize| solved[i].then(|| least[i] / least[0]);
    runs.iter().enumerate().map(|(i, (name, _))| (*name, ratio(i))).collect()
}

/// The integrands of `benches/cheap.rs`.
pub fn table() {
    let peaks = |x: f64| [0.2, 0.5, 0.83].iter().map(|c| 1e-3 / ((x - c) * (x - c) + 1e-6)).sum();
    let peak = |c: f64| ((1.0 - c) / 1e-3).atan() + (c / 1e-3).atan();
    let cosine = (500f64.sin() * 500.0 + 500f64.cos() - 1.0) / 2500.0;
    let columns = [
        ("sin", compare(f64::sin, 0.0, std::f64::consts::PI, 2.0)),
        ("Runge", compare(|x| 1.0 / (1.0 + 25.0 * x * x), -1.0, 1.0, 0.4 * 5f64.atan())),
        ("exp", compare(f64::exp, 0.0, 1.0, 1f64.exp() - 1.0)),
        ("sqrt", compare(f64::sqrt, 0.0, 1.0, 2.0 / 3.0)),
        ("ln", compare(f64::ln, 0.0, 1.0, -1.0)),
        ("3 Lorentzians", compare(peaks, 0.0, 1.0, peak(0.2) + peak(0.5) + peak(0.83))),
        ("x cos 50x", compare(|x| x * (50.0 * x).cos(), 0.0, 10.0, cosine)),
        ("1/(x^2+1e-6)", compare(|x| 1.0 / (x * x + 1e-6), -1.0, 1.0, 2e3 * 1e3f64.atan())),
    ];
    println!("\nCheap integrands (8), time beside the loop by hand:\n");
    println!("| | {} | mean |", columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" | "));
    println!("|---|{}---|", "---|".repeat(columns.len()));
    for (i, (name, _)) in columns[0].1.iter().enumerate() {
        let ratios: Vec<Option<f64>> = columns.iter().map(|(_, column)| column[i].1).collect();
        let cells = ratios.iter().map(|ratio| ratio.map_or("–".to_string(), |ratio| format!("{ratio:.2}")));
        let solved: Vec<f64> = ratios.iter().flatten().copied().collect();
        let mean = geometric_mean(&solved).map_or("–".to_string(), |mean| format!("{mean:.3} ({})", solved.len()));
        println!("| {name} | {} | {mean} |", cells.collect::<Vec<_>>().join(" | "));
    }
}
