//! Crates that integrate, each by the way it shows first, asked for the same relative tolerance as far as its interface
//! allows. What each lacks is in docs/ACCURACY.md.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::battery::Case;
use crate::{Answer, BUDGET, Note, RTOL};

/// A peer that needs more evaluations than this is stopped, if it calls the integrand from Rust.
const CAP: usize = 2_000_000;

/// The answer of a peer that may panic, or not end: value and whether it says that the tolerance is met.
fn guarded(case: &Case, run: impl FnOnce(&dyn Fn(f64) -> f64) -> Option<(f64, bool)>) -> Answer {
    let calls = Cell::new(0);
    let f = |x: f64| {
        calls.set(calls.get() + 1);
        if calls.get() > CAP {
            // Not a panic: nothing is printed.
            resume_unwind(Box::new("too many evaluations"));
        }
        (case.f)(x)
    };
    let (value, claims, note) = match catch_unwind(AssertUnwindSafe(|| run(&f))) {
        Ok(Some((value, claims))) => (value, claims && value.is_finite(), ""),
        Ok(None) => (f64::NAN, false, "an error, or not offered"),
        Err(_) => (f64::NAN, false, "a panic, or too many evaluations"),
    };
    Answer { value, claims, evaluations: calls.get(), note: Note::Text(note) }
}

fn is_finite(case: &Case) -> bool {
    case.a.is_finite() && case.b.is_finite()
}

/// Bisections that the budget covers with a rule of 21 points.
const BISECTIONS: usize = BUDGET / 42;

/// `quadrature`'s double exponential, which takes an absolute tolerance: it is given `rtol |I|` of the exact value, an
/// advantage.
pub fn quadrature_de(case: &Case) -> Answer {
    guarded(case, |f| {
        let atol = RTOL * case.exact.abs();
        let output = is_finite(case).then(|| quadrature::double_exponential::integrate(f, case.a, case.b, atol))?;
        Some((output.integral, output.error_estimate <= atol))
    })
}

/// `quadrature`'s Clenshaw-Curtis, likewise.
pub fn quadrature_cc(case: &Case) -> Answer {
    guarded(case, |f| {
        let atol = RTOL * case.exact.abs();
        let output = is_finite(case).then(|| quadrature::clenshaw_curtis::integrate(f, case.a, case.b, atol))?;
        Some((output.integral, output.error_estimate <= atol))
    })
}

/// `bilby`'s adaptive Gauss-Kronrod with the default pair 7-15. On infinite ranges its interface has one tolerance for
/// both, absolute and relative.
pub fn bilby_adaptive(case: &Case) -> Answer {
    guarded(case, |f| {
        let result = match (case.a.is_finite(), case.b.is_finite()) {
            (true, true) => bilby::AdaptiveIntegrator::default()
                .with_abs_tol(0.0)
                .with_rel_tol(RTOL)
                .with_max_evals(BUDGET)
                .integrate(case.a, case.b, f),
            (true, false) => bilby::integrate_semi_infinite_upper(f, case.a, RTOL),
            (false, true) => bilby::integrate_semi_infinite_lower(f, case.b, RTOL),
            (false, false) => bilby::integrate_infinite(f, RTOL),
        };
        let result = result.ok()?;
        Some((result.value, result.is_converged()))
    })
}

/// `bilby`'s tanh-sinh.
pub fn bilby_tanh_sinh(case: &Case) -> Answer {
    guarded(case, |f| {
        let rule = bilby::TanhSinh::default().with_abs_tol(0.0).with_rel_tol(RTOL);
        let result = rule.integrate(case.a, case.b, f).ok()?;
        Some((result.value, result.is_converged()))
    })
}

/// `gkquad`'s automatic choice, which is QAGS unless points are given.
pub fn gkquad(case: &Case) -> Answer {
    guarded(case, |f| {
        let tolerance = gkquad::Tolerance::Relative(RTOL);
        let mut integrator = gkquad::single::Integrator::new(f).tolerance(tolerance).max_iters(BISECTIONS);
        let value = integrator.run(case.a..case.b).estimate().ok()?;
        Some((value, true))
    })
}

struct Integrand<'a>(&'a dyn Fn(f64) -> f64);

impl rint::Integrand for Integrand<'_> {
    type Point = f64;
    type Scalar = f64;
    fn evaluate(&self, x: &f64) -> f64 {
        (self.0)(*x)
    }
}

/// `rint`'s adaptive routine for singularities, after QAGS.
pub fn rint(case: &Case) -> Answer {
    use rint::quadrature::AdaptiveSingularity;
    guarded(case, |f| {
        let (f, tolerance) = (Integrand(f), rint::Tolerance::Relative(RTOL));
        let result = match (case.a.is_finite(), case.b.is_finite()) {
            (true, true) => {
                let limits = rint::Limits::new(case.a, case.b).ok()?;
                AdaptiveSingularity::finite(f, limits, tolerance, BISECTIONS).ok()?.integrate()
            }
            (true, false) => {
                AdaptiveSingularity::semi_infinite_upper(f, case.a, tolerance, BISECTIONS).ok()?.integrate()
            }
            (false, true) => {
                AdaptiveSingularity::semi_infinite_lower(f, case.b, tolerance, BISECTIONS).ok()?.integrate()
            }
            (false, false) => AdaptiveSingularity::infinite(f, tolerance, BISECTIONS).ok()?.integrate(),
        };
        Some((result.ok()?.result(), true))
    })
}

impl quad_rs::Integrable for Integrand<'_> {
    type Float = f64;
    type Input = f64;
    type Output = f64;
    fn integrand(&self, x: &f64) -> f64 {
        (self.0)(*x)
    }
}

/// `quad-rs`, Gauss-Kronrod 10-21, without an absolute tolerance.
pub fn quad_rs(case: &Case) -> Answer {
    guarded(case, |f| {
        let config = quad_rs::IntegratorConfig::default()
            .with_absolute_tolerance(0.0)
            .with_relative_tolerance(RTOL)
            .with_max_function_evalutions(BUDGET);
        let result = is_finite(case).then(|| quad_rs::integrate_real(Integrand(f), vec![case.a, case.b], config))?;
        let result = result.ok()?;
        Some((result.integral, format!("{:?}", result.termination) == "Converged"))
    })
}

/// `peroxide`'s Gauss-Kronrod 7-15 with a relative tolerance and a depth of 20, as in its examples. It returns a value
/// and nothing else, so a finite value is taken for a claim.
pub fn peroxide(case: &Case) -> Answer {
    guarded(case, |f| {
        use peroxide::numerical::integral::{Integral, integrate};
        let method = Integral::G7K15R(RTOL, 20);
        Some((is_finite(case).then(|| integrate(f, (case.a, case.b), method))?, true))
    })
}

/// `russell_lab`'s adaptive Gauss quadrature with its default of 10 points.
pub fn russell_lab(case: &Case) -> Answer {
    guarded(case, |f| {
        let mut rule = russell_lab::Quadrature::new();
        (rule.tolerance, rule.n_iteration_max) = (RTOL, BUDGET / 20);
        let result = is_finite(case).then(|| rule.integrate(case.a, case.b, &mut (), |x, _| Ok(f(x))))?;
        Some((result.ok()?, true))
    })
}
