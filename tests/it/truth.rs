//! What the default method claims on the kinds of `support/truth.rs` is so: mass at every scale, laws that end,
//! integrals that do not exist, needles beside something singular.

use coquad::{Auto, Error, Estimate, GaussKronrod, Integrator, Method, ThreadPool};

use crate::support::boxed;
use crate::support::cluster::{Cluster, Latency};
use crate::support::families::Draw;
use crate::support::truth::{KINDS, Question, kind};

const SEED: u64 = 20_261_129;

#[derive(Clone, Copy, Debug, Default)]
struct Score {
    right: usize,
    wrong: usize,
    reported: usize,
}

fn ask<M: Method>(method: M, question: &Question, rtol: f64) -> Result<Estimate, Error> {
    let f = question.f.clone();
    let integrator = Integrator::new(boxed(move |x| f(x))).method(method).rtol(rtol);
    let integrator = integrator.breakpoints(&question.breakpoints).max_evaluations(100_000);
    integrator.integrate_blocking(question.a, question.b, 0.0)
}

/// Right and wrong by ten tolerances; what does not exist can only be claimed wrongly.
fn score<M: Method>(method: &M, questions: &[Question], rtol: f64) -> Score {
    let mut score = Score::default();
    for question in questions {
        match ask(method.clone(), question, rtol) {
            Ok(e) if (e.value - question.exact).abs() <= 10.0 * rtol * question.exact.abs() => score.right += 1,
            Ok(e) => {
                println!("{}: {e} for {:?}", question.name, question.exact);
                score.wrong += 1;
            }
            Err(_) => score.reported += 1,
        }
    }
    score
}

/// None wrong, and so many right, of members drawn by a seed.
fn is_true(name: &str, members: usize, right: usize, seed: u64) {
    let found = score(&Auto, &(kind(name).draw)(members, seed), 1e-8);
    assert!(found.wrong == 0 && found.right >= right, "{name}, seed {seed}: {found:?}");
}

#[test]
fn no_mass_is_invented_beyond_the_points_of_a_tail() {
    is_true("lognormal on [0, b]", 400, 380, SEED);
    is_true("lognormal on [0, b]", 400, 380, 7);
}

#[test]
fn a_feature_of_any_scale_is_found() {
    for seed in [SEED, 7] {
        is_true("exponential of any scale", 60, 54, seed);
        is_true("Fermi step at its breakpoint", 60, 54, seed);
        is_true("two-sided exponential", 60, 54, seed);
    }
}

/// Beside what is seen at once, too.
#[test]
fn a_feature_of_another_scale_is_found() {
    for seed in [SEED, 7] {
        is_true("exponentials of two scales", 100, 98, seed);
        is_true("exponential beside a breakpoint", 60, 50, seed);
        is_true("bump on a constant", 100, 95, seed);
    }
}

#[test]
fn a_point_where_the_integrand_is_infinite_is_no_obstacle() {
    is_true("infinite in the middle", 100, 98, SEED);
    is_true("logarithm or power in the middle", 200, 200, SEED);
    is_true("power at an end that is not zero", 200, 198, SEED);
    // One infinite value of a smooth integrand is a fault, and no singular point.
    for f in [f64::exp as fn(f64) -> f64, |x| 1.0 / (1.0 + (6.0 * x - 3.0).powi(2)), |x| -x.cos()] {
        let faulty = boxed(move |x: f64| if x == 0.5 { f64::INFINITY } else { f(x) });
        let ended = Integrator::new(faulty).rtol(1e-8).integrate_blocking(0.0, 1.0, 0.0);
        assert!(matches!(ended, Err(Error::NonFinite { x: 0.5, .. })), "{ended:?}");
    }
}

/// Where numbers end before the integrand does, more is left than a tolerance allows.
#[test]
fn what_lies_between_the_last_number_and_a_limit_is_no_part_of_a_claim() {
    for rtol in [1e-3, 1e-4, 1e-6] {
        let questions = (kind("slow logarithm at one").draw)(60, SEED);
        for found in [score(&Auto, &questions, rtol), score(&GaussKronrod::new(21), &questions, rtol)] {
            assert!(found.wrong == 0 && found.right > 10, "{rtol}: {found:?}");
        }
    }
}

#[test]
fn an_answer_from_zeros_alone_says_so() {
    let far = Integrator::new(boxed(|x: f64| (-(x - 700.0).powi(2)).exp()));
    let e = far.integrate_blocking(f64::NEG_INFINITY, f64::INFINITY, 1e-9).expect("nothing is to be seen");
    assert!(e.saw_nothing() && e.to_string().ends_with("all of them zero"), "{e}");
    let e = Integrator::new(boxed(f64::sin)).integrate_blocking(-1.0, 1.0, 1e-9).expect("it is smooth");
    assert!(e.value.abs() < 1e-15 && !e.saw_nothing());
    let e = Integrator::new(boxed(f64::sin)).integrate_blocking(1.0, 1.0, 1e-9).expect("it is empty");
    assert!(!e.saw_nothing());
}

#[test]
fn a_feature_of_scale_one_is_found_on_any_range() {
    for seed in [SEED, 7] {
        is_true("density on a wide range", 200, 190, seed);
        is_true("bump on a wide range", 200, 190, seed);
    }
}

/// A tolerance that is larger than what a first look sees is no reason to believe that there is no more.
#[test]
fn an_absolute_tolerance_does_not_end_the_search_for_what_was_not_seen() {
    let mut wrong = 0;
    for name in ["density on a wide range", "bump on a wide range", "exponential of any scale"] {
        for question in (kind(name).draw)(100, SEED) {
            let f = question.f.clone();
            let integrator = Integrator::new(boxed(move |x| f(x)));
            if let Ok(e) = integrator.integrate_blocking(question.a, question.b, 1e-10) {
                if (e.value - question.exact).abs() > 1e-9 {
                    println!("{}: {e}", question.name);
                    wrong += 1;
                }
            }
        }
    }
    assert_eq!(wrong, 0);
}

/// Values that rise steeply towards a place between two points are no estimate, however little they are.
#[test]
fn an_absolute_tolerance_is_not_met_by_the_feet_of_a_peak() {
    for (atol, seed) in [(1e-4, SEED), (1e-8, SEED), (1e-10, 7)] {
        let mut right = 0;
        for question in (kind("bump of which feet are seen").draw)(200, seed) {
            let f = question.f.clone();
            let ended = Integrator::new(boxed(move |x| f(x))).integrate_blocking(question.a, question.b, atol);
            let e = ended.expect("it exists");
            let is_right = (e.value - question.exact).abs() <= 2.0 * atol;
            assert!(is_right || e.saw_nothing(), "{}, {atol}, seed {seed}: {e}", question.name);
            right += usize::from(is_right);
        }
        assert!(right >= 180, "{right} of 200 right by {atol}, seed {seed}");
    }
}

#[test]
fn what_only_a_logarithm_lets_converge_is_right_or_reported() {
    for rtol in [1e-3, 1e-4, 1e-6, 1e-8] {
        let found = score(&Auto, &(kind("slow logarithm").draw)(60, SEED), rtol);
        assert_eq!(found.wrong, 0, "{rtol}: {found:?}");
        let found = score(&Auto, &(kind("slow logarithm, divergent").draw)(40, SEED), rtol);
        assert_eq!(found.reported, 40, "{rtol}: {found:?}");
    }
}

#[test]
fn two_divergences_do_not_cancel() {
    for (name, seed) in
        ["divergent at both ends", "divergent at both limits"].map(|name| [(name, SEED), (name, 7)]).concat()
    {
        let found = score(&Auto, &(kind(name).draw)(40, seed), 1e-8);
        assert_eq!(found.reported, 40, "{name}, seed {seed}: {found:?}");
    }
}

/// The points that are saved next to a singular place are not missing elsewhere.
#[test]
fn needles_are_missed_no_more_often_than_by_bisection() {
    let (mut all, mut bisection) = (0, 0);
    for kind in KINDS.iter().filter(|kind| kind.name.contains("needle")) {
        let questions = (kind.draw)(400, SEED);
        let [ours, theirs] = [score(&Auto, &questions, 1e-8), score(&GaussKronrod::new(21), &questions, 1e-8)];
        assert!(ours.wrong <= theirs.wrong, "{}: {ours:?} beside {theirs:?}", kind.name);
        (all, bisection) = (all + ours.wrong, bisection + theirs.wrong);
    }
    assert!(all < bisection, "{all} beside {bisection}");
}

fn trace(ended: Result<Estimate, Error>) -> String {
    match ended {
        Ok(e) => format!("{:x} {:x} {}", e.value.to_bits(), e.error.to_bits(), e.evaluations),
        Err(Error::NotConverged { estimate: e, reason, .. }) => {
            format!("{reason:?} {:x} {:x} {}", e.value.to_bits(), e.error.to_bits(), e.evaluations)
        }
        Err(error) => format!("{error}"),
    }
}

/// Ladders, audits and tails are asked for ahead, and the same bits come out.
#[test]
fn whoever_evaluates_the_second_look_is_the_same() {
    let pool = ThreadPool::new(3);
    for kind in KINDS {
        for question in (kind.draw)(3, SEED) {
            let expected = trace(ask(Auto, &question, 1e-8));
            let f = question.f.clone();
            let pooled = Integrator::new(pool.evaluator(move |x| f(x))).rtol(1e-8).max_evaluations(100_000);
            let pooled = pooled.breakpoints(&question.breakpoints);
            assert_eq!(trace(pooled.integrate_blocking(question.a, question.b, 0.0)), expected, "{}", question.name);
            for workers in [1, 7, 64] {
                let f = question.f.clone();
                let (cluster, clock) = Cluster::new(move |x| f(x), workers, Latency::Unit, 1);
                let integrator = Integrator::new(cluster).rtol(1e-8).max_evaluations(100_000);
                let integrator = integrator.breakpoints(&question.breakpoints);
                let ended = clock.run(integrator.integrate(question.a, question.b, 0.0));
                assert_eq!(trace(ended), expected, "{} on {workers}", question.name);
            }
        }
    }
}

/// No point is evaluated twice on the spot, although panels are looked at again.
#[test]
fn the_second_look_evaluates_no_point_again() {
    use std::collections::HashSet;
    use std::sync::{Arc, Mutex};
    for kind in KINDS {
        for question in (kind.draw)(4, SEED) {
            let seen = Arc::new(Mutex::new((HashSet::new(), 0)));
            let (f, log) = (question.f.clone(), seen.clone());
            let counted = boxed(move |x: f64| {
                let mut log = log.lock().expect("no panic");
                log.0.insert(x.to_bits());
                log.1 += 1;
                f(x)
            });
            let integrator = Integrator::new(counted).rtol(1e-8).breakpoints(&question.breakpoints);
            let Ok(e) = integrator.integrate_blocking(question.a, question.b, 0.0) else { continue };
            let (distinct, calls) = {
                let log = seen.lock().expect("no panic");
                (log.0.len(), log.1)
            };
            assert_eq!(e.evaluations, distinct, "{}", question.name);
            // Where the map of an infinite range is too steep for one number, a panel is begun anew.
            assert!(e.performed == calls || question.b.is_infinite(), "{}", question.name);
        }
    }
}

/// The promise of `Auto`'s documentation, by the points themselves.
#[test]
fn no_gap_is_wider_than_a_70th_of_a_range_that_was_cut() {
    use std::sync::{Arc, Mutex};
    let hard: [fn(f64) -> f64; 5] =
        [f64::sqrt, f64::ln, |x| (x - 0.3).abs(), |x| f64::from(u8::from(x > 0.7)), |x| (x - 0.3).abs().powf(-0.3)];
    for (i, f) in hard.into_iter().enumerate() {
        let seen = Arc::new(Mutex::new(vec![0.0, 1.0]));
        let log = seen.clone();
        let logged = move |x: f64| {
            log.lock().expect("no panic").push(x);
            f(x)
        };
        let e = Integrator::new(boxed(logged)).rtol(1e-8).integrate_blocking(0.0, 1.0, 0.0);
        assert!(e.expect("it exists").segments.len() > 1, "{i}");
        let mut points = seen.lock().expect("no panic").clone();
        points.sort_by(f64::total_cmp);
        let widest = points.windows(2).fold(0.0, |w: f64, pair| w.max(pair[1] - pair[0]));
        assert!(widest <= 1.0 / 70.0 + 1e-12, "{i}: {widest}");
    }
}

/// A budget that ends in the midst of a second look ends there, with the same answer whoever evaluates; and never
/// with an error that meets the tolerance.
#[test]
fn a_budget_below_the_second_look_is_reported_the_same_by_all() {
    let pool = ThreadPool::new(3);
    let mut reported = 0;
    for kind in KINDS {
        for (question, budget) in
            (kind.draw)(2, SEED).into_iter().flat_map(|q| [30, 75, 110, 140].map(|n| (q.clone(), n)))
        {
            let f = question.f.clone();
            let here = Integrator::new(boxed(move |x| f(x))).breakpoints(&question.breakpoints);
            let here = here.max_evaluations(budget).integrate_blocking(question.a, question.b, 1e-6);
            if let Err(Error::NotConverged { estimate: e, .. }) = &here {
                assert!(e.error > 1e-6 && e.evaluations <= budget, "{} by {budget}: {e}", question.name);
                reported += 1;
            }
            let f = question.f.clone();
            let there = Integrator::new(pool.evaluator(move |x| f(x))).breakpoints(&question.breakpoints);
            let there = there.max_evaluations(budget).integrate_blocking(question.a, question.b, 1e-6);
            assert_eq!(trace(there), trace(here), "{} by {budget}", question.name);
        }
    }
    assert!(reported > 20, "{reported}");
}

/// A hint of the scale that is far too small puts all there is next to infinity, on both sides: what one side shows is
/// no reason to believe that the other one has none.
#[test]
fn a_scale_that_is_far_too_small_costs_points_and_loses_nothing() {
    let (mut draw, mut right) = (Draw(SEED), 0);
    const MEMBERS: usize = 200;
    for i in 0..MEMBERS {
        let (size, part) = (draw.within(-30.0, 30.0).exp(), 10_f64.powf(draw.within(-40.0, 8.0)));
        let centre = if i % 2 == 0 { 0.0 } else { draw.within(-3.0, 3.0) * size };
        let rate = draw.within(0.3, 3.0);
        let density = move |x: f64| {
            let u = (x - centre) / size;
            let v = if u < 0.0 { u } else { u * rate };
            (-v * v).exp() / size
        };
        let exact = std::f64::consts::PI.sqrt() / 2.0 * (1.0 + 1.0 / rate);
        let integrator = Integrator::new(boxed(density)).scale(centre, part * size).rtol(1e-6);
        match integrator.integrate_blocking(f64::NEG_INFINITY, f64::INFINITY, 0.0) {
            Ok(e) if (e.value - exact).abs() <= 1e-5 * exact => right += 1,
            Ok(e) => panic!("{centre:e}, {size:e}, {part:e}, {rate}, seed {SEED}: {e} for {exact:e}"),
            Err(_) => {}
        }
    }
    assert!(right >= MEMBERS * 9 / 10, "{right} of {MEMBERS} right (seed {SEED})");
}
