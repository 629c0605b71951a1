//! Deciding in order, evaluating out of order: the same bits whatever happens in between, and in less time.

use coquad::{Auto, Control, Estimate, GaussKronrod, Integrator, Local, Method, Panel, Simpson, Speculation, Value};

use crate::support::boxed;
use crate::support::cluster::{Cluster, Latency, Random};
use crate::support::parallel::{CASES, Case, OTHERS};
use crate::support::trials::row;

const ALL: [Speculation; 4] = [Speculation::Off, Speculation::Certain, Speculation::Ahead, Speculation::AtMost(0.25)];

/// Everything an answer promises, bit for bit.
fn trace(e: &Estimate) -> Vec<u64> {
    let mut bits = vec![e.value.to_bits(), e.error.to_bits(), e.l1.to_bits(), e.evaluations as u64];
    for s in &e.segments {
        bits.extend([s.a, s.b, s.value, s.error].map(f64::to_bits));
    }
    bits
}

fn inline(case: &Case, method: impl Method, atol: f64) -> Estimate {
    let (_, f, a, b) = *case;
    Integrator::new(boxed(f)).method(method).integrate_blocking(a, b, atol).unwrap()
}

struct Outcome {
    estimate: Estimate,
    wall: f64,
}

/// Integrates on a virtual cluster and checks what holds for every run.
fn simulate(case: &Case, method: impl Method, atol: f64, setting: (usize, Latency, Speculation, u64)) -> Outcome {
    let (_, f, a, b) = *case;
    let (workers, law, speculation, seed) = setting;
    let (cluster, clock) = Cluster::new(f, workers, law, seed);
    clock.record_points();
    let integrator = Integrator::new(cluster).method(method).speculation(speculation);
    let estimate = clock.run(integrator.integrate(a, b, atol)).unwrap();
    let mut points = clock.points();
    points.sort_unstable();
    points.dedup();
    assert_eq!(points.len(), clock.started(), "a point was evaluated twice");
    assert_eq!(estimate.performed, clock.started());
    assert!(clock.most_outstanding() <= workers);
    Outcome { estimate, wall: clock.now() }
}

/// Integrands whose trees differ: smooth, singular, kinked, peaked; few evaluations each.
const SMALL: &[(Case, f64)] = &[
    (("sqrt x", f64::sqrt, 0.0, 1.0), 1e-6),
    (("|x-1/3|", |x| (x - 1.0 / 3.0).abs(), 0.0, 1.0), 1e-5),
    (("1/(x^2+1e-2)", |x| 1.0 / (x * x + 1e-2), -1.0, 2.0), 1e-8),
    (("step", |x| if x > 0.3 { 1.0 } else { 0.0 }, 0.0, 1.0), 1e-2),
];

const WORKERS: [usize; 8] = [1, 2, 3, 5, 8, 21, 40, 64];
const LAWS: [Latency; 4] = [Latency::Scrambled, Latency::Lognormal, Latency::HeavyTail, Latency::Dying];

fn orders(name: &str, method: impl Method, orders: u64, offset: u64) {
    let expected: Vec<_> = SMALL.iter().map(|(case, atol)| trace(&inline(case, method.clone(), *atol))).collect();
    row(name, orders, |order| {
        let pick = |n: usize, every: u64| (order / every) as usize % n;
        let small = pick(SMALL.len(), 1);
        let workers = if order % 61 == 0 { 1024 } else { WORKERS[pick(8, 4)] };
        let setting = (workers, LAWS[pick(4, 32)], ALL[pick(4, 128)], offset + order);
        let (case, atol) = &SMALL[small];
        let outcome = simulate(case, method.clone(), *atol, setting);
        assert_eq!(trace(&outcome.estimate), expected[small], "{} with {setting:?}", case.0);
    });
}

#[test]
fn fifty_thousand_orders_of_arrival_give_the_same_bits_under_global_control() {
    orders("a5_global", GaussKronrod::new(21), 50_000, 0);
}

#[test]
fn fifty_thousand_orders_of_arrival_give_the_same_bits_under_local_control() {
    orders("a5_local", Simpson, 50_000, 1_000_000);
}

#[test]
fn large_trees_give_the_same_bits_too() {
    for case in CASES {
        let expected = trace(&inline(case, GaussKronrod::new(21), 1e-10));
        for (seed, (workers, law)) in
            [(7, Latency::Scrambled), (64, Latency::HeavyTail), (1024, Latency::Lognormal)].into_iter().enumerate()
        {
            for speculation in ALL {
                let setting = (workers, law, speculation, seed as u64);
                let outcome = simulate(case, GaussKronrod::new(21), 1e-10, setting);
                assert_eq!(trace(&outcome.estimate), expected, "{} with {setting:?}", case.0);
            }
        }
    }
}

/// A method whose errors are drawn from a hat: they need not shrink, and siblings have nothing in common.
#[derive(Clone)]
struct Hat {
    seed: u64,
}

impl Method for Hat {
    type Kind = ();
    const REUSES_POINTS: bool = false;

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) {}

    fn points(&self, panel: &Panel<()>, into: &mut Vec<f64>) {
        into.push(panel.midpoint());
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<()>, values: &[T]) -> Local<T> {
        let mut random = Random::new(self.seed ^ panel.midpoint().to_bits());
        random.next_u64();
        // Widely spread, often larger than the parent's, smaller in the end.
        let error = random.uniform().powi(6) * 0.45f64.powi(panel.depth as i32);
        Local { value: values[0].clone(), error, l1: 0.0, roundoff: 0.0 }
    }
}

#[test]
fn what_is_called_certain_is_bisected_by_the_sequential_run() {
    // Certain work alone wastes nothing: every point asked for is one the answer rests on.
    let mut ahead = 0;
    for seed in 0..4_000 {
        let method = Hat { seed };
        let workers = [2, 5, 16, 100][seed as usize % 4];
        let case: Case = ("hat", |x| x, 0.0, 1.0);
        let atol = [0.3, 0.03, 3e-3, 3e-4][seed as usize / 4 % 4];
        let expected = inline(&case, method.clone(), atol);
        let setting = (workers, Latency::Scrambled, Speculation::Certain, seed);
        let outcome = simulate(&case, method.clone(), atol, setting);
        assert_eq!(outcome.estimate.performed, expected.evaluations, "{setting:?}");
        let off = simulate(&case, method, atol, (workers, Latency::Scrambled, Speculation::Off, seed));
        ahead += usize::from(outcome.wall < off.wall);
    }
    assert!(ahead > 800, "and it does run ahead: in {ahead} of 4000");
}

#[test]
fn certain_work_wastes_nothing_on_real_integrands() {
    for case in CASES {
        for workers in [8, 64, 1024] {
            let setting = (workers, Latency::Lognormal, Speculation::Certain, 5);
            let outcome = simulate(case, GaussKronrod::new(21), 1e-10, setting);
            assert_eq!(outcome.estimate.performed, outcome.estimate.evaluations, "{} {setting:?}", case.0);
        }
    }
}

#[test]
fn extra_evaluations_stay_within_the_bound() {
    for case in CASES {
        for bound in [0.0, 0.05, 0.5] {
            let setting = (256, Latency::Unit, Speculation::AtMost(bound), 1);
            let e = simulate(case, GaussKronrod::new(21), 1e-10, setting).estimate;
            let extra = (e.performed - e.evaluations) as f64;
            assert!(extra <= bound * e.evaluations as f64, "{} {bound}: {extra}", case.0);
        }
    }
}

fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64).exp()
}

fn largest(ratios: &[f64]) -> f64 {
    ratios.iter().fold(0.0, |a: f64, b| a.max(*b))
}

#[test]
fn the_wall_comes_near_evaluations_over_workers() {
    // On 1,024 workers a bound on what is evaluated in vain costs rounds: without it the mean was 2.0, at up to 500 %.
    for (workers, mean, worst, waste) in [(8, 1.04, 1.10, 0.15), (64, 1.15, 1.35, 0.15), (1024, 2.3, 5.0, 0.15)] {
        let mut ratios = Vec::new();
        for case in CASES {
            let setting = (workers, Latency::Unit, Speculation::Ahead, 1);
            let outcome = simulate(case, GaussKronrod::new(21), 1e-10, setting);
            let e = outcome.estimate;
            ratios.push(outcome.wall / e.evaluations.div_ceil(workers) as f64);
            if e.evaluations > 10 * workers {
                let extra = (e.performed - e.evaluations) as f64;
                assert!(extra <= waste * e.evaluations as f64, "{} on {workers}: {extra} extra", case.0);
            }
        }
        assert!(geometric_mean(&ratios) <= mean, "{workers} workers: {ratios:?}");
        assert!(largest(&ratios) <= worst, "{workers} workers: {ratios:?}");
    }
}

#[test]
fn the_default_method_comes_near_evaluations_over_workers() {
    for (cases, workers, mean, worst) in
        [(CASES, 8, 1.02, 1.08), (CASES, 64, 1.15, 1.6), (CASES, 1024, 2.6, 7.5), (OTHERS, 8, 1.06, 1.12)]
    {
        let ratio = |case: &Case| {
            let outcome = simulate(case, Auto, 1e-10, (workers, Latency::Unit, Speculation::Ahead, 1));
            outcome.wall / outcome.estimate.evaluations.div_ceil(workers) as f64
        };
        let ratios: Vec<_> = cases.iter().map(ratio).collect();
        assert!(geometric_mean(&ratios) <= mean, "{workers} workers: {ratios:?}");
        assert!(largest(&ratios) <= worst, "{workers} workers: {ratios:?}");
    }
}

#[test]
fn by_default_few_are_evaluated_in_vain() {
    for case in CASES.iter().chain(OTHERS) {
        for workers in [2, 8, 21, 64] {
            let e = simulate(case, Auto, 1e-10, (workers, Latency::Unit, Speculation::Ahead, 1)).estimate;
            let part = (e.performed - e.evaluations) as f64 / e.evaluations as f64;
            let most = if e.evaluations > 10 * workers { 0.15 } else { 0.6 };
            assert!(part <= most, "{} on {workers}: {part} in vain", case.0);
        }
    }
    // Of an integrand that one panel resolves nothing is guessed, and there is nothing to wait for.
    let e = simulate(&("exp", f64::exp, 0.0, 1.0), Auto, 1e-10, (64, Latency::Unit, Speculation::Ahead, 1));
    assert_eq!((e.estimate.performed, e.wall), (23, 1.0));
}

#[test]
fn searches_are_followed_ahead_where_their_end_can_be_guessed() {
    let wall = |case: &Case, workers| simulate(case, Auto, 1e-10, (workers, Latency::Unit, Speculation::Ahead, 1)).wall;
    // Jumps at short numbers, which take 15 to 17 units if they are not followed, and straight lines, which take 6.
    let jumps: [Case; 4] = [
        ("0.3", |x| if x > 0.3 { 1.0 } else { 0.0 }, 0.0, 1.0),
        ("7.25", |x| if x < 7.25 { x } else { 30.0 - x }, 0.0, 10.0),
        ("2/3", |x| if x < 2.0 / 3.0 { -1.0 } else { 2.0 }, 0.0, 1.0),
        ("-0.125", |x| if x < -0.125 { x } else { 3.0 - x * x }, -1.0, 1.0),
    ];
    for jump in &jumps {
        let walls = [wall(jump, 64), wall(jump, 1024)];
        assert!(walls[0] <= 10.0 && walls[1] <= 7.0, "{}: {walls:?}", jump.0);
    }
    let lines: [Case; 3] = [
        ("|x-0.7|", |x| (x - 0.7).abs(), 0.0, 1.0),
        ("ramp", |x| (x - 1.3).max(0.0), 0.0, 4.0),
        ("roof", |x| if x < 0.6 { 3.0 * (x - 0.6) } else { -2.0 * (x - 0.6) }, 0.0, 2.0),
    ];
    for kink in &lines {
        let walls = [wall(kink, 64), wall(kink, 1024)];
        assert!(walls[0] <= 3.0 && walls[1] <= 2.0, "{}: {walls:?}", kink.0);
    }
}

#[test]
fn the_default_method_evaluates_nothing_in_vain_unless_it_may_guess() {
    for case in CASES.iter().chain(OTHERS) {
        for speculation in [Speculation::Off, Speculation::Certain, Speculation::AtMost(0.0)] {
            let setting = (64, Latency::Lognormal, speculation, 7);
            let e = simulate(case, Auto, 1e-10, setting).estimate;
            assert_eq!(e.performed, e.evaluations, "{} {setting:?}", case.0);
        }
    }
}

#[test]
fn thousands_of_orders_of_arrival_give_the_same_bits_by_the_default_method() {
    orders("orders, default method", Auto, 4_000, 200_000);
}

#[test]
fn a_heavy_tail_of_latencies_costs_less_than_twice_the_wall() {
    let mut ratios = Vec::new();
    for case in CASES {
        let run = |law, seed| simulate(case, GaussKronrod::new(21), 1e-10, (64, law, Speculation::Ahead, seed)).wall;
        let unit = run(Latency::Unit, 1);
        if unit >= 10.0 {
            let seeds = 1..=20;
            let mean = seeds.clone().map(|seed| run(Latency::HeavyTail, seed)).sum::<f64>() / 20.0;
            ratios.push(mean / unit);
        }
    }
    assert!(ratios.len() >= 8);
    assert!(geometric_mean(&ratios) <= 1.8, "{ratios:?}");
    assert!(largest(&ratios) <= 2.5, "{ratios:?}");
}

#[test]
fn a_straggler_idles_no_more_than_an_eighth_of_the_workers() {
    // All but the one whose panels reach their roundoff, so that there is nothing left to guess.
    for case in CASES.iter().filter(|case| case.0 != "1/(x^2+1e-6)") {
        for seed in 1..=20 {
            let (_, f, a, b) = *case;
            let (cluster, clock) = Cluster::new(f, 64, Latency::HeavyTail, seed);
            let integrator = Integrator::new(cluster).method(GaussKronrod::new(21));
            // By default what is evaluated in vain has a bound.
            let integrator = integrator.speculation(Speculation::AtMost(f64::INFINITY));
            let mut future = std::pin::pin!(integrator.integrate(a, b, 1e-10));
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            while future.as_mut().poll(&mut cx).is_pending() {
                let (now, idle) = (clock.now(), 64 - clock.outstanding());
                assert!(idle <= 8, "{}, seed {seed}: {idle} of 64 workers idle at {now}", case.0);
                clock.tick();
            }
        }
    }
}

#[test]
fn workers_that_join_and_leave_are_followed() {
    let case = &CASES[0];
    let (_, f, a, b) = *case;
    let expected = inline(case, GaussKronrod::new(21), 1e-10);
    let (cluster, clock) = Cluster::new(f, 4, Latency::Scrambled, 3);
    let integrator = Integrator::new(cluster).method(GaussKronrod::new(21));
    let mut future = std::pin::pin!(integrator.integrate(a, b, 1e-10));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let (mut ticks, mut workers) = (0, 4);
    let e = loop {
        let before = clock.outstanding();
        if let std::task::Poll::Ready(result) = future.as_mut().poll(&mut cx) {
            break result.unwrap();
        }
        // After workers have left, those still busy may be more than there are; nothing is started then.
        assert!(clock.outstanding() <= before.max(workers), "{} of {workers}", clock.outstanding());
        assert!(clock.outstanding() >= workers.min(before + 1), "{} of {workers}", clock.outstanding());
        ticks += 1;
        if ticks % 50 == 0 {
            workers = [40, 3, 64, 1][ticks / 50 % 4];
            clock.set_workers(workers);
        }
        clock.tick();
    };
    assert!(ticks > 400, "all widths occurred: {ticks}");
    assert_eq!(trace(&e), trace(&expected));
}

#[test]
fn the_sine_takes_eight_units_by_simpson_on_64_workers() {
    let case: Case = ("sin", f64::sin, 0.0, std::f64::consts::PI);
    let outcome = simulate(&case, Simpson, 1e-10, (64, Latency::Unit, Speculation::Ahead, 1));
    assert_eq!(outcome.estimate.evaluations, 473);
    assert!(outcome.wall <= 8.0);
}

#[test]
fn of_two_equal_errors_the_left_one_is_refined() {
    let integrator = Integrator::new(boxed((|x: f64| x.abs().sqrt()) as fn(f64) -> f64));
    let integrator = integrator.method(GaussKronrod::new(21)).breakpoints(&[0.0]).max_evaluations(84);
    match integrator.integrate_blocking(-1.0, 1.0, 1e-10) {
        Err(coquad::Error::NotConverged { estimate: e, .. }) => {
            assert_eq!(e.segments.iter().map(|s| s.a).collect::<Vec<_>>(), [-1.0, -0.5, 0.0]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn segments_tile_the_range() {
    for case in CASES {
        let e = inline(case, GaussKronrod::new(21), 1e-10);
        assert_eq!(e.segments.first().map(|s| s.a), Some(case.2));
        assert_eq!(e.segments.last().map(|s| s.b), Some(case.3));
        for pair in e.segments.windows(2) {
            assert_eq!(pair[0].b.to_bits(), pair[1].a.to_bits());
        }
    }
}

#[test]
fn points_in_common_are_counted_once_by_every_evaluator() {
    // Panels so narrow that points of nested ones coincide.
    let case: Case = ("step", |x| if x > 0.3 { 1.0 } else { 0.0 }, 0.0, 1.0);
    let atol = 1e-16;
    let counted = std::sync::Arc::new(std::sync::Mutex::new(std::collections::HashSet::new()));
    let seen = counted.clone();
    let f = move |x: f64| {
        seen.lock().unwrap().insert(x.to_bits());
        if x > 0.3 { 1.0 } else { 0.0 }
    };
    let count = |result: Result<Estimate, coquad::Error>| match result {
        Ok(e) => e,
        Err(coquad::Error::NotConverged { estimate, .. }) => estimate,
        Err(error) => panic!("{error}"),
    };
    let e = count(Integrator::new(boxed(f)).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, atol));
    assert_eq!(e.evaluations, counted.lock().unwrap().len());
    assert!(e.evaluations < e.performed, "some did coincide");
    let (cluster, clock) = Cluster::new(case.1, 8, Latency::Scrambled, 3);
    let integrator = Integrator::new(cluster).method(GaussKronrod::new(21));
    let other = count(clock.run(integrator.integrate(0.0, 1.0, atol)));
    assert_eq!(trace(&other), trace(&e));
}
