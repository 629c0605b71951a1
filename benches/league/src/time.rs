//! `-- time`: how long an integral of the battery takes, by each method in turn.
//!
//! A new integrator, or workspace, for each integral; medians of many rounds, in each of which every method has its
//! turn. Nothing is counted meanwhile but what a method counts itself.

use std::sync::Arc;
use std::time::Instant;

use coquad::{Auto, GaussKronrod, Inline, Integrator, Method};

use crate::battery::Case;
use crate::{BUDGET, RTOL, right};

/// The value, if it is claimed.
type Run = fn(&Arc<Case>) -> Option<f64>;

fn coquad<M: Method>(method: M, case: &Arc<Case>) -> Option<f64> {
    let shared = case.clone();
    let integrator =
        Integrator::new(Inline::new(move |x: f64| (shared.f)(x))).method(method).rtol(RTOL).max_evaluations(BUDGET);
    integrator.integrate_blocking(case.a, case.b, 0.0).ok().map(|e| e.value)
}

const METHODS: &[(&str, Run)] = &[
    ("Auto", |case| coquad(Auto, case)),
    ("GaussKronrod21", |case| coquad(GaussKronrod::new(21), case)),
    #[cfg(feature = "gsl")]
    ("GSL QAGS/QAGI", |case| Some(crate::gsl::qags(case)).filter(|a| a.claims).map(|a| a.value)),
    #[cfg(feature = "gsl")]
    ("GSL CQUAD", |case| Some(crate::gsl::cquad(case)).filter(|a| a.claims).map(|a| a.value)),
];

fn microseconds(run: Run, case: &Arc<Case>) -> f64 {
    let start = Instant::now();
    std::hint::black_box(run(case));
    start.elapsed().as_nanos() as f64 / 1000.0
}

/// The medians for one case, by method.
fn medians(case: &Arc<Case>, rounds: usize) -> Vec<f64> {
    let mut times = vec![Vec::new(); METHODS.len()];
    for _ in 0..rounds {
        for ((_, run), times) in METHODS.iter().zip(&mut times) {
            // Once to warm up what the others have displaced.
            run(case);
            times.push(microseconds(*run, case));
        }
    }
    for times in &mut times {
        times.sort_by(f64::total_cmp);
    }
    times.iter().map(|times| times[rounds / 2]).collect()
}

pub fn table(cases: &[Arc<Case>], verbose: bool) {
    let solved: Vec<Vec<bool>> = cases
        .iter()
        .map(|case| METHODS.iter().map(|(_, run)| run(case).is_some_and(|value| right(value, case.exact))).collect())
        .collect();
    let times: Vec<Vec<f64>> = cases.iter().map(|case| medians(case, 25)).collect();
    if verbose {
        for ((case, times), solved) in cases.iter().zip(&times).zip(&solved) {
            let cell = |(time, solved): (&f64, &bool)| format!("{time:>9.2}{}", if *solved { ' ' } else { '!' });
            println!("{:<10}{}", case.name, times.iter().zip(solved).map(cell).collect::<String>());
        }
    }
    println!("| method         | solved | µs each solved | µs where all solved it |");
    println!("|---|---|---|---|");
    for (m, (name, _)) in METHODS.iter().enumerate() {
        let mean = |which: &dyn Fn(usize) -> bool| {
            let logs: Vec<f64> = (0..cases.len()).filter(|&c| which(c)).map(|c| times[c][m].ln()).collect();
            (logs.len(), (logs.iter().sum::<f64>() / logs.len() as f64).exp())
        };
        let (count, own) = mean(&|c| solved[c][m]);
        let (_, common) = mean(&|c| solved[c].iter().all(|solved| *solved));
        println!("| {name:<14} | {count:>2}/{:<2} | {own:>6.2} | {common:>6.2} |", cases.len());
    }
}
