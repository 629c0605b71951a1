//! Principal values and algebraic weights beside GSL's QAWC and QAWS, which are QUADPACK's: the
//! drawn cases of the tests.

use coquad::{Algebraic, Error, Estimate, Inline, Integrator, PrincipalValue};

use crate::geometric_mean;
use crate::poles::{ends, poles};

const SEED: u64 = 20_261_130;
const RTOL: f64 = 1e-10;

/// What there is to compare: value, whether it claims to meet the tolerance, evaluations.
type Answer = (f64, bool, usize);

#[derive(Default)]
struct Score {
    right: usize,
    wrong: usize,
    open: usize,
}

impl Score {
    /// Takes note of an answer; whether it is right, and says so.
    fn note(&mut self, (value, claims, _): Answer, exact: f64, size: f64) -> bool {
        let right = (value - exact).abs() <= 10.0 * RTOL * size;
        match (claims, right) {
            (true, true) => self.right += 1,
            (true, false) => self.wrong += 1,
            (false, _) => self.open += 1,
        }
        claims && right
    }
}

fn own(ended: Result<Estimate, Error>) -> Answer {
    match ended {
        Ok(e) => (e.value, true, e.evaluations),
        Err(Error::NotConverged { estimate: e, .. }) => (e.value, false, e.evaluations),
        Err(_) => (f64::NAN, false, 0),
    }
}

fn table(name: &str, peer: &str, cases: impl Iterator<Item = (Answer, Option<Answer>, f64)>) {
    let (mut ours, mut theirs, mut ratios, mut counts) = (Score::default(), Score::default(), Vec::new(), Vec::new());
    for (own, other, exact) in cases {
        let solved = ours.note(own, exact, exact.abs());
        counts.push(own.2 as f64);
        let Some(other) = other else { continue };
        if theirs.note(other, exact, exact.abs()) && solved {
            ratios.push(own.2 as f64 / other.2 as f64);
        }
    }
    let mean = geometric_mean(&counts).unwrap_or(0.0);
    println!("| {name} | {} / {} / {} | {mean:.0} | |", ours.right, ours.wrong, ours.open);
    if let Some(ratio) = geometric_mean(&ratios) {
        println!("| {peer} | {} / {} / {} | | {ratio:.2} |", theirs.right, theirs.wrong, theirs.open);
    }
}

/// Prints the table.
pub fn weights() {
    println!("200 drawn integrals each, rtol {RTOL:e}, seed {SEED}");
    println!(
        "| method | right / wrong / open | evaluations, geometric mean | evaluations over the peer's, of what both solve |"
    );
    println!("|---|---|---|---|");
    let principal = poles(200, SEED).into_iter().map(|pole| {
        let f = pole.f.clone();
        let integrator = Integrator::new(Inline::new(move |x: f64| f(x))).method(PrincipalValue::at(pole.c)).rtol(RTOL);
        let own = own(integrator.integrate_blocking(pole.a, pole.b, 0.0));
        #[cfg(feature = "gsl")]
        let other = Some(crate::gsl::qawc(&*pole.f, pole.a, pole.b, pole.c, RTOL));
        #[cfg(not(feature = "gsl"))]
        let other = None;
        (own, other, pole.exact)
    });
    table("`PrincipalValue`", "GSL QAWC", principal);
    let algebraic = ends(200, SEED + 3).into_iter().map(|ends| {
        let (a, k) = (ends.a, ends.k);
        let f = move |x: f64| (k * (x - a)).exp();
        let method = Algebraic::new(ends.p, ends.q);
        let method = match ends.log {
            None => method,
            Some(0) => method.log_left(),
            Some(_) => method.log_right(),
        };
        let own = own(Integrator::new(Inline::new(f)).method(method).rtol(RTOL).integrate_blocking(a, ends.b, 0.0));
        #[cfg(feature = "gsl")]
        let other = {
            let logs = [ends.log == Some(0), ends.log == Some(1)];
            Some(crate::gsl::qaws(&f, a, ends.b, [ends.p, ends.q], logs, RTOL))
        };
        #[cfg(not(feature = "gsl"))]
        let other = None;
        (own, other, ends.exact)
    });
    table("`Algebraic`", "GSL QAWS", algebraic);
}
