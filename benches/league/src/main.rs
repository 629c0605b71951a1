//! `cargo run --release --manifest-path benches/league/Cargo.toml [--features gsl,peers,cuba] [-- v | NAME | case NAME | cheap | weights | boxes]...`:
//! the league table.
//!
//! Without arguments the tables of docs/ACCURACY.md; `v` adds a line for each integral, NAME keeps the methods whose
//! names contain it (several: `A,B`), `case NAME` the integrals whose names start with it;
//! `cheap` prints the times of cheap integrals beside a loop by hand instead, `fourier` the drawn Fourier integrals beside
//! SciPy, `weights` principal values and algebraic weights beside GSL's, `boxes` integrals in several variables beside
//! Cuhre and hcubature.

mod battery;
mod believed;
#[cfg(feature = "cuba")]
mod boxes;
mod cheap;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../../tests/it/support/cluster.rs"]
mod cluster;
#[path = "../../../tests/it/support/families.rs"]
mod families;
mod fourier;
#[cfg(feature = "gsl")]
mod gsl;
#[cfg(feature = "peers")]
mod peers;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../../tests/it/support/poles.rs"]
mod poles;
#[path = "../../../tests/it/support/truth.rs"]
mod truth;
mod weights;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use battery::Case;
use cluster::{Cluster, Latency};
use coquad::{Error, Inline, Integrator, Method, Reason};

const RTOL: f64 = 1e-8;
const BUDGET: usize = 100_000;
/// How often each integral is timed by each method, in turns, each time after a call that is not; the least time counts.
const REPETITIONS: usize = 11;

/// What a method said of one integral.
pub struct Answer {
    pub value: f64,
    pub claims: bool,
    pub evaluations: usize,
    pub note: Note,
}

/// What else there is to say of an answer; in words only if it is printed, which is no part of its time.
pub enum Note {
    Text(&'static str),
    Error(f64),
    Stopped(Reason, f64),
    Failed(Error<f64>),
    #[cfg(feature = "gsl")]
    Status(i32, f64),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Error(error) => write!(f, "err {error:.1e}"),
            Self::Stopped(reason, error) => write!(f, "{reason}: err {error:.1e}"),
            Self::Failed(error) => write!(f, "{error}"),
            #[cfg(feature = "gsl")]
            Self::Status(status, error) => write!(f, "status {status} err {error:.1e}"),
        }
    }
}

type Run = Box<dyn Fn(&Arc<Case>) -> Answer>;

/// A method or a peer.
struct Player {
    name: &'static str,
    run: Run,
    /// Time on 64 workers, in units of an evaluation's; only for the methods here.
    wall: Option<Box<dyn Fn(&Arc<Case>) -> f64>>,
}

fn own<M: Method>(name: &'static str, method: M) -> Player {
    let of = method.clone();
    let run = move |case: &Arc<Case>| {
        let shared = case.clone();
        let integrator = Integrator::new(Inline::new(move |x: f64| (shared.f)(x))).method(of.clone());
        match integrator.rtol(RTOL).max_evaluations(BUDGET).integrate_blocking(case.a, case.b, 0.0) {
            Ok(e) => answer(e.value, true, e.performed, Note::Error(e.error)),
            Err(Error::NotConverged { estimate: e, reason, .. }) => {
                answer(e.value, false, e.performed, Note::Stopped(reason, e.error))
            }
            Err(error) => answer(f64::NAN, false, 0, Note::Failed(error)),
        }
    };
    let wall = move |case: &Arc<Case>| {
        // Virtual time: every evaluation takes one unit, deciding takes none.
        let shared = case.clone();
        let (cluster, clock) = Cluster::new(move |x: f64| (shared.f)(x), 64, Latency::Unit, 1);
        let integrator = Integrator::new(cluster).method(method.clone()).rtol(RTOL).max_evaluations(BUDGET);
        let _ = clock.run(integrator.integrate(case.a, case.b, 0.0));
        clock.now()
    };
    Player { name, run: Box::new(run), wall: Some(Box::new(wall)) }
}

fn answer(value: f64, claims: bool, evaluations: usize, note: Note) -> Answer {
    Answer { value, claims, evaluations, note }
}

#[cfg(any(feature = "gsl", feature = "peers"))]
fn peer(name: &'static str, run: fn(&Case) -> Answer) -> Player {
    Player { name, run: Box::new(move |case| run(case)), wall: None }
}

#[allow(clippy::vec_init_then_push, reason = "what is pushed depends on features")]
fn players() -> Vec<Player> {
    let mut players = vec![own("`Auto` (default)", coquad::Auto)];
    players.push(own("`GaussKronrod::new(15)`", coquad::GaussKronrod::new(15)));
    players.push(own("`GaussKronrod::new(21)`", coquad::GaussKronrod::new(21)));
    players.push(own("`GaussKronrod::new(31)`", coquad::GaussKronrod::new(31)));
    players.push(own("`GaussKronrod::new(41)`", coquad::GaussKronrod::new(41)));
    players.push(own("`GaussKronrod::new(51)`", coquad::GaussKronrod::new(51)));
    players.push(own("`GaussKronrod::new(61)`", coquad::GaussKronrod::new(61)));
    players.push(own("`ClenshawCurtis`", coquad::ClenshawCurtis));
    players.push(own("`TanhSinh`", coquad::TanhSinh));
    players.push(own("`Simpson`", coquad::Simpson));
    #[cfg(feature = "gsl")]
    {
        players.push(peer("GSL QAGS, QAGI", gsl::qags));
        players.push(peer("GSL CQUAD", gsl::cquad));
    }
    #[cfg(feature = "peers")]
    {
        players.push(peer("rint, after QAGS", peers::rint));
        players.push(peer("gkquad, after QAGS", peers::gkquad));
        players.push(peer("bilby, adaptive", peers::bilby_adaptive));
        players.push(peer("bilby, tanh-sinh", peers::bilby_tanh_sinh));
        players.push(peer("quad-rs", peers::quad_rs));
        players.push(peer("russell_lab", peers::russell_lab));
        players.push(peer("peroxide", peers::peroxide));
        players.push(peer("quadrature, double exponential", peers::quadrature_de));
        players.push(peer("quadrature, Clenshaw-Curtis", peers::quadrature_cc));
    }
    players
}

#[derive(Default)]
struct Score {
    wrong: Vec<String>,
    open: Vec<String>,
    evaluations: Vec<f64>,
    walls: Vec<f64>,
    microseconds: Vec<f64>,
    /// Times the first player's time, on what both solve.
    ratios: Vec<f64>,
    /// Of all cases, solved or not.
    spent: f64,
}

fn geometric_mean(values: &[f64]) -> Option<f64> {
    let mean = values.iter().map(|v| v.ln()).sum::<f64>() / values.len() as f64;
    (!values.is_empty()).then(|| mean.exp())
}

fn is_right(value: f64, exact: f64) -> bool {
    exact.is_finite() && (value - exact).abs() <= 10.0 * RTOL * exact.abs()
}

/// Lets each player integrate a case: once for the answer, and then in turns for the time.
fn play(players: &[Player], case: &Arc<Case>, scores: &mut [Score], verbose: bool) {
    let mut solved = Vec::new();
    for (player, score) in players.iter().zip(scores.iter_mut()) {
        let answer = (player.run)(case);
        let right = is_right(answer.value, case.exact);
        if verbose {
            let flag = match (answer.claims, right) {
                (true, true) => "",
                (true, false) => "WRONG",
                (false, _) => "open",
            };
            let off = (answer.value / case.exact - 1.0).abs();
            println!(
                "  {:<32} {:<24} {:>7} {flag:<5} off {off:.1e} {}",
                player.name, case.name, answer.evaluations, answer.note
            );
        }
        solved.push(answer.claims && right);
        match (answer.claims, right) {
            (true, true) => {
                score.evaluations.push(answer.evaluations as f64);
                score.walls.extend(player.wall.as_ref().map(|wall| wall(case)));
            }
            (true, false) => score.wrong.push(case.name.clone()),
            (false, _) => score.open.push(case.name.clone()),
        }
    }
    let mut least = vec![f64::INFINITY; players.len()];
    for _ in 0..REPETITIONS {
        for (player, least) in players.iter().zip(&mut least) {
            std::hint::black_box((player.run)(case));
            let start = Instant::now();
            std::hint::black_box((player.run)(case));
            *least = least.min(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    if verbose {
        let times = players.iter().zip(&least).map(|(player, time)| format!("{} {time:.2}", player.name));
        println!("  {}, µs: {}", case.name, times.collect::<Vec<_>>().join("; "));
    }
    for (i, score) in scores.iter_mut().enumerate() {
        score.spent += least[i];
        if solved[i] {
            score.microseconds.push(least[i]);
            score.ratios.extend(solved[0].then(|| least[i] / least[0]));
        }
    }
}

fn table(title: &str, players: &[Player], cases: Vec<Case>, names: bool, verbose: bool) {
    let mut scores: Vec<Score> = players.iter().map(|_| Score::default()).collect();
    let count = cases.len();
    for case in cases.into_iter().map(Arc::new) {
        play(players, &case, &mut scores, verbose);
    }
    let last = if names { " wrong; open |" } else { "" };
    println!("\n{title} ({count}):\n");
    println!(
        "| method | solved | silently wrong | evaluations | wall | µs | time / `Auto`'s | all µs / solved |{last}"
    );
    println!("|---|---|---|---|---|---|---|---|{}", if names { "---|" } else { "" });
    for (player, score) in players.iter().zip(&scores) {
        let mean = |values: &[f64], digits: usize| {
            geometric_mean(values).map_or("–".to_string(), |mean| format!("{mean:.digits$}"))
        };
        let (solved, wrong) = (score.evaluations.len(), score.wrong.len());
        print!("| {} | {solved} | {wrong} | {} ", player.name, mean(&score.evaluations, 0));
        print!("| {} | {} ", mean(&score.walls, 1), mean(&score.microseconds, 1));
        print!("| {} ({}) | {:.1} |", mean(&score.ratios, 2), score.ratios.len(), score.spent / solved as f64);
        let open = if score.open.len() > 9 { format!("{} others", score.open.len()) } else { score.open.join(" ") };
        println!("{}", if names { format!(" {}; {open} |", score.wrong.join(" ")) } else { String::new() });
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut verbose, mut wanted, mut prefix) = (false, None, String::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "v" => verbose = true,
            "case" => prefix = arguments.next().expect("case NAME"),
            _ => wanted = Some(argument),
        }
    }
    if wanted.as_deref() == Some("fourier") {
        return fourier::table();
    }
    if wanted.as_deref() == Some("cheap") {
        return cheap::table();
    }
    if wanted.as_deref() == Some("weights") {
        return weights::weights();
    }
    #[cfg(feature = "cuba")]
    if wanted.as_deref() == Some("boxes") {
        return boxes::table();
    }
    if wanted.as_deref() == Some("truth") {
        return believed::table(&prefix, verbose);
    }
    // Peers that panic are told by their answers.
    std::panic::set_hook(Box::new(|_| {}));
    let mut players = players();
    if let Some(wanted) = wanted {
        players.retain(|player| wanted.split(',').any(|part| player.name.contains(part)));
    }
    let keep = |mut cases: Vec<Case>| {
        cases.retain(|case| case.name.starts_with(&prefix));
        cases
    };
    table("The battery", &players, keep(battery::battery()), true, verbose);
    table("Families", &players, keep(battery::families(40, 20_261_121)), false, verbose);
    table("Families, another seed", &players, keep(battery::families(200, 7)), false, verbose);
    table("Integrals that do not exist", &players, keep(battery::divergent()), true, verbose);
    for family in ["sing", "step", "kink", "peak", "four", "osc"] {
        let mut members = keep(battery::families(40, 20_261_121));
        members.retain(|case| case.name.starts_with(family));
        table(family, &players[..1.min(players.len())], members, false, false);
    }
}
