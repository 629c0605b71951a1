//! `cargo run --release --manifest-path benches/league/Cargo.toml [-- v NAME]`: the league table; `-- time`: [`time`].

mod battery;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../../tests/it/support/cluster.rs"]
mod cluster;
#[cfg(feature = "gsl")]
mod gsl;
#[cfg(feature = "peers")]
mod peers;
mod time;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use battery::Case;
use cluster::{Cluster, Latency};
use coquad::{Error, Inline, Integrator, Method};

const RTOL: f64 = 1e-8;
const BUDGET: usize = 100_000;

/// What a method said of one integral.
pub struct Answer {
    pub value: f64,
    pub claims: bool,
    pub evaluations: usize,
    pub note: String,
    /// Time on 64 workers, in units of an evaluation's; only for the methods here.
    pub wall: Option<f64>,
    /// What the integration took, if not all that was done.
    pub nanoseconds: Option<f64>,
}

fn coquad<M: Method>(method: M) -> impl Fn(&Arc<Case>) -> Answer {
    move |case| {
        let calls = Arc::new(AtomicUsize::new(0));
        let (counter, shared) = (calls.clone(), case.clone());
        let start = Instant::now();
        let f = move |x: f64| {
            counter.fetch_add(1, Ordering::Relaxed);
            (shared.f)(x)
        };
        let integrator = Integrator::new(Inline::new(f)).method(method.clone()).rtol(RTOL).max_evaluations(BUDGET);
        let (value, claims, note) = match integrator.integrate_blocking(case.a, case.b, 0.0) {
            Ok(e) => {
                if std::env::var_os("SEGMENTS").is_some() {
                    for s in &e.segments {
                        println!("    {:.9e} {:.3e} {:.9e} {:.1e}", s.a, s.b - s.a, s.value, s.error);
                    }
                }
                (e.value, true, format!("err {:.1e}", e.error))
            }
            Err(Error::NotConverged { estimate, reason, .. }) => {
                (estimate.value, false, format!("{reason}: err {:.1e}", estimate.error))
            }
            Err(error) => (f64::NAN, false, error.to_string()),
        };
        let nanoseconds = start.elapsed().as_nanos() as f64;
        // Virtual time: every evaluation takes one unit, deciding takes none.
        let shared = case.clone();
        let (cluster, clock) = Cluster::new(move |x: f64| (shared.f)(x), 64, Latency::Unit, 1);
        let integrator = Integrator::new(cluster).method(method.clone()).rtol(RTOL).max_evaluations(BUDGET);
        let wall = claims.then(|| {
            let _ = clock.run(integrator.integrate(case.a, case.b, 0.0));
            clock.now()
        });
        Answer { value, claims, evaluations: calls.load(Ordering::Relaxed), note, wall, nanoseconds: Some(nanoseconds) }
    }
}

#[derive(Default)]
struct Score {
    solved: usize,
    wrong: Vec<String>,
    open: Vec<String>,
    logs: f64,
    log_times: f64,
    log_walls: f64,
}

fn right(value: f64, exact: f64) -> bool {
    exact.is_finite() && (value - exact).abs() <= 10.0 * RTOL * exact.abs()
}

fn score(cases: &[Arc<Case>], run: &dyn Fn(&Arc<Case>) -> Answer, verbose: bool) -> Score {
    let mut score = Score::default();
    for case in cases {
        let start = Instant::now();
        let answer = run(case);
        let nanoseconds = answer.nanoseconds.unwrap_or(start.elapsed().as_nanos() as f64);
        let ok = right(answer.value, case.exact);
        if verbose {
            let off = (answer.value / case.exact - 1.0).abs();
            let flag = if answer.claims && ok {
                ""
            } else if answer.claims {
                "WRONG"
            } else {
                "open"
            };
            println!("  {:<28} {:>6} {flag:<5} off {off:.1e} {}", case.name, answer.evaluations, answer.note);
        }
        if answer.claims && ok {
            score.solved += 1;
            score.logs += (answer.evaluations as f64).ln();
            score.log_times += nanoseconds.ln();
            score.log_walls += answer.wall.unwrap_or(f64::NAN).ln();
        } else if answer.claims {
            score.wrong.push(case.name.clone());
        } else {
            score.open.push(case.name.clone());
        }
    }
    score
}

fn row(name: &str, sets: &[(&str, Vec<Arc<Case>>)], run: &dyn Fn(&Arc<Case>) -> Answer, verbose: bool) {
    for (set, cases) in sets {
        if verbose {
            println!("{name}, {set}:");
        }
        let s = score(cases, run, verbose);
        let solved = s.solved.max(1) as f64;
        let (mean, time) = ((s.logs / solved).exp(), (s.log_times / solved).exp() / 1000.0);
        let wall = (s.log_walls / solved).exp();
        let wall = if wall.is_nan() || s.solved == 0 { "-".to_string() } else { format!("{wall:.1}") };
        println!(
            "| {name:<14} | {set:<9} | {:>3}/{:<3} | {:>3} | {:>3} | {mean:>6.0} | {wall:>6} | {time:>6.1} | {}",
            s.solved,
            cases.len(),
            s.wrong.len(),
            s.open.len(),
            if verbose || set == &"battery" { format!("wrong {:?} open {:?}", s.wrong, s.open) } else { String::new() }
        );
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let verbose = arguments.iter().any(|a| a == "v");
    let only = arguments.iter().find(|a| *a != "v");
    let share = |cases: Vec<Case>| cases.into_iter().map(Arc::new).collect::<Vec<_>>();
    if only.is_some_and(|only| only == "time") {
        time::table(&share(battery::battery()), verbose);
        return;
    }
    if let Some(case) = std::env::var_os("CASE") {
        let case = case.into_string().expect("a name");
        let cases = battery::battery()
            .into_iter()
            .chain(battery::families(40, 20_261_121))
            .filter(|c| c.name.starts_with(&case));
        row("Auto", &[("case", share(cases.collect()))], &coquad(coquad::Auto), true);
        return;
    }
    let mut sets = vec![("battery", share(battery::battery()))];
    for (family, name) in
        ["sing", "step", "kink", "peak", "four", "osc"].iter().zip(["sing", "step", "kink", "peak", "four", "osc"])
    {
        let members = battery::families(40, 20_261_121).into_iter().filter(|c| c.name.starts_with(family)).collect();
        if verbose {
            sets.push((name, share(members)));
        }
    }
    sets.push(("families", share(battery::families(40, 20_261_121))));
    sets.push(("others", share(battery::families(200, 7))));
    sets.push(("divergent", share(battery::divergent())));

    println!(
        "| method         | set       | solved  | silently wrong | not converged | evaluations (geometric mean of solved) | wall units at P = 64 (likewise) | µs each | not solved |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let methods: Vec<(&str, Box<dyn Fn(&Arc<Case>) -> Answer>)> = vec![
        ("Auto", Box::new(coquad(coquad::Auto))),
        ("GaussKronrod15", Box::new(coquad(coquad::GaussKronrod::new(15)))),
        ("GaussKronrod21", Box::new(coquad(coquad::GaussKronrod::new(21)))),
        ("GaussKronrod31", Box::new(coquad(coquad::GaussKronrod::new(31)))),
        ("GaussKronrod41", Box::new(coquad(coquad::GaussKronrod::new(41)))),
        ("GaussKronrod51", Box::new(coquad(coquad::GaussKronrod::new(51)))),
        ("GaussKronrod61", Box::new(coquad(coquad::GaussKronrod::new(61)))),
        ("ClenshawCurtis", Box::new(coquad(coquad::ClenshawCurtis))),
        ("TanhSinh", Box::new(coquad(coquad::TanhSinh))),
        ("Simpson", Box::new(coquad(coquad::Simpson))),
        #[cfg(feature = "gsl")]
        ("GSL QAGS/QAGI", Box::new(gsl::qags)),
        #[cfg(feature = "gsl")]
        ("GSL CQUAD", Box::new(gsl::cquad)),
        #[cfg(feature = "peers")]
        ("quadrature DE", Box::new(peers::double_exponential)),
        #[cfg(feature = "peers")]
        ("quadrature CC", Box::new(peers::clenshaw_curtis)),
    ];
    for (name, run) in &methods {
        if only.is_none_or(|only| name.contains(only.as_str())) {
            row(name, &sets, &**run, verbose);
        }
    }
}
