//! The kinds on which quadratures claim what is not so: solved, silently wrong, reported.

use coquad::{Auto, ClenshawCurtis, Error, GaussKronrod, Inline, Integrator, Method, TanhSinh};

use crate::truth::{KINDS, Question};

const MEMBERS: usize = 400;

#[derive(Default)]
struct Score {
    right: usize,
    wrong: usize,
    open: usize,
    logs: f64,
}

impl Score {
    /// A value that is said to meet the tolerance: whether it is within ten of it.
    fn claimed(&mut self, value: f64, evaluations: usize, exact: f64, rtol: f64) -> bool {
        let right = (value - exact).abs() <= 10.0 * rtol * exact.abs();
        if right {
            self.right += 1;
            self.logs += (evaluations as f64).ln();
        } else {
            self.wrong += 1;
        }
        right
    }
}

/// The peer that runs beside: GSL's QUADPACK.
#[cfg(feature = "gsl")]
fn peer(question: &Question, rtol: f64, score: &mut Score) {
    let Question { f, a, b, breakpoints, exact, .. } = question;
    let (value, claims, evaluations) = crate::gsl::quadpack(&**f, *a, *b, breakpoints, rtol);
    if claims {
        score.claimed(value, evaluations, *exact, rtol);
    } else {
        score.open += 1;
    }
}

fn ask<M: Method>(method: M, question: &Question, rtol: f64, score: &mut Score) -> String {
    let f = question.f.clone();
    let integrator = Integrator::new(Inline::new(move |x| f(x))).method(method).rtol(rtol);
    let integrator = integrator.breakpoints(&question.breakpoints).max_evaluations(crate::BUDGET);
    let exact = question.exact;
    match integrator.integrate_blocking(question.a, question.b, 0.0) {
        Ok(e) if score.claimed(e.value, e.evaluations, exact, rtol) => String::new(),
        Ok(e) => format!("WRONG {:e} ± {:.1e} for {exact:e}, n {}", e.value, e.error, e.evaluations),
        Err(Error::NotConverged { estimate: e, reason, .. }) => {
            score.open += 1;
            format!("open  {:e} ± {:.1e} for {exact:e}, n {}: {reason}", e.value, e.error, e.evaluations)
        }
        Err(e) => {
            score.open += 1;
            format!("open  {e}")
        }
    }
}

pub fn table(prefix: &str, verbose: bool) {
    let rtols: &[f64] = &[1e-8];
    let seed = std::env::var("SEED").map_or(20_261_129, |s| s.parse().expect("a number"));
    let all = std::env::var("ALL").is_ok();
    for kind in KINDS.iter().filter(|kind| kind.name.starts_with(prefix)) {
        let questions = (kind.draw)(MEMBERS, seed);
        let rtols = if kind.name.starts_with("slow") { &[1e-3, 1e-4, 1e-6, 1e-8][..] } else { rtols };
        for &rtol in rtols {
            let mut line = format!("{:<30} {rtol:.0e}", kind.name);
            let mut scores: [Score; 5] = Default::default();
            for q in &questions {
                let said = ask(Auto, q, rtol, &mut scores[0]);
                if verbose && !said.is_empty() {
                    println!("  {}: {said}", q.name);
                }
                ask(GaussKronrod::new(21), q, rtol, &mut scores[1]);
                #[cfg(feature = "gsl")]
                peer(q, rtol, &mut scores[2]);
                if all {
                    ask(ClenshawCurtis, q, rtol, &mut scores[3]);
                    ask(TanhSinh, q, rtol, &mut scores[4]);
                }
            }
            // Methods and the peer that were asked.
            for s in scores.iter().filter(|s| s.right + s.wrong + s.open > 0) {
                let n = (s.logs / s.right as f64).exp();
                line += &format!(" | {:>3} {:>3} {:>3} {n:>5.0}", s.right, s.wrong, s.open);
            }
            println!("{line}");
        }
    }
}
