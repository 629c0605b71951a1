//! Decisions against the textbook: the algorithm as one writes it who has all the time in the world, on panels whose
//! estimates are whole numbers, so that every sum is exact in any order.
#![allow(clippy::float_cmp, reason = "bits are compared")]

use std::collections::BTreeSet;

use super::far::Far;
use super::judge::{Trouble, judge};
use super::tree_sum::sum_as_tree;
use super::*;
use crate::numerics::domain::Domain;
use crate::numerics::sum::Sum;

/// What panels say, and when they cannot be refined, is a function of the seed.
#[derive(Clone, Copy)]
struct Made {
    seed: u64,
    control: Control,
}

impl Method for Made {
    type Kind = ();
    const REUSES_POINTS: bool = false;

    fn control(&self) -> Control {
        self.control
    }

    fn root(&self) {}

    /// Points that a panel has in common with those it is halved into.
    fn points(&self, panel: &Panel<()>, into: &mut Vec<f64>) {
        let c = panel.midpoint();
        into.extend([f64::midpoint(panel.a, c), c, f64::midpoint(c, panel.b)]);
    }

    fn may_repeat(&self, panel: &Panel<()>) -> bool {
        panel.depth % 2 == 0
    }

    fn estimate<T: Value>(&self, _: &mut Panel<()>, values: &[T]) -> Local<T> {
        let l1 = values.iter().map(T::norm).sum();
        Local { value: values[0].clone(), error: 0.0, l1, roundoff: 0.0 }
    }
}

/// A number below `n` that belongs to the panel, the seed and the question.
fn draw(seed: u64, panel: &Panel<()>, question: u64, n: u64) -> u64 {
    let mut hash = seed;
    for word in [panel.a.to_bits(), panel.b.to_bits(), question] {
        hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
    }
    (hash.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) % n
}

const WHOLE: f64 = (1u64 << 44) as f64;

fn root(seed: u64, panel: &Panel<()>) -> Local<f64> {
    let error = 1e6 * (1 + draw(seed, panel, 0, 3)) as f64 + 24.0 * WHOLE.sqrt();
    Local { value: WHOLE * (1.0 - draw(seed, panel, 8, 2) as f64 * 2.0), error, l1: WHOLE, roundoff: 0.0 }
}

/// The halves of a panel, none if it cannot be refined. The seed's law says how their errors shrink.
fn halves(seed: u64, panel: &Panel<()>, local: &Local<f64>) -> Vec<(Panel<()>, Local<f64>)> {
    let law = seed % 6;
    let mut panels = Vec::new();
    if law < 4 || draw(seed, panel, 1, 6) > 0 {
        panel.bisect((), &mut panels);
    }
    let half = (local.value / 2.0).floor();
    let of = |(i, child): (usize, Panel<()>)| {
        let share = [half, local.value - half][i];
        let jump = if law == 1 { 0.0 } else { draw(seed, &child, 2, 1 << 12) as f64 };
        let error = match law {
            // Noise: nothing is gained, and nothing moves, or hardly.
            0 | 1 => (local.error / 2.0).floor() + draw(seed, &child, 3, 2) as f64,
            // A singularity that does not give way, or just so.
            2 => [(0.98 * local.error).floor() + draw(seed, panel, 4, 40).saturating_sub(1) as f64, 0.0][i],
            _ => (local.error / (1u64 << draw(seed, &child, 5, 6)) as f64).floor(),
        };
        let roundoff =
            if law > 3 && draw(seed, &child, 6, 5) == 0 { error - draw(seed, &child, 7, 2) as f64 } else { 0.0 };
        (child, Local { value: share + jump, error, l1: (local.l1 / 2.0).floor(), roundoff })
    };
    panels.into_iter().enumerate().map(of).collect()
}

/// A question, and what is seen of its run.
#[derive(Clone, Copy)]
struct Question {
    made: Made,
    tolerance: Allowance,
    pieces: usize,
    /// After so many refinements the budget is spent.
    budget: usize,
    observed: bool,
}

impl Question {
    fn new(seed: u64) -> Self {
        let dice = Panel { a: 0.0, b: 0.0, depth: 0, kind: () };
        let draw = |question, n| draw(seed, &dice, question, n);
        let atol = [0.0, (1u64 << draw(1, 24)) as f64, 1e4][draw(2, 3) as usize];
        let rtol = if atol > 0.0 && draw(3, 2) == 0 { 0.0 } else { 2f64.powi(-(draw(4, 40) as i32) - 8) };
        Self {
            made: Made { seed: seed / 2, control: [Control::Global, Control::Local][seed as usize % 2] },
            tolerance: Allowance::new(atol, rtol).expect("one is positive"),
            pieces: 1 + draw(5, 3) as usize,
            budget: draw(6, 200) as usize,
            observed: draw(7, 2) == 0,
        }
    }

    fn roots(&self) -> Vec<(Panel<()>, Local<f64>)> {
        let panel = |i| Panel { a: i as f64, b: (i + 1) as f64, depth: 0, kind: () };
        (0..self.pieces).map(panel).map(|panel| (panel, root(self.made.seed, &panel))).collect()
    }
}

#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// What was to be refined, by its limits.
    refined: Vec<(f64, f64)>,
    /// The sums after each decision.
    sums: Vec<(Option<f64>, f64)>,
}

struct Judged {
    panel: Panel<()>,
    local: Local<f64>,
    flat: u32,
    /// It could not be refined.
    stuck: bool,
}

/// Whether refinements were in vain, looked at whenever their number has doubled.
struct Look {
    refined: usize,
    at: usize,
    error: f64,
    moved: f64,
}

impl Look {
    fn is_vain(&mut self, error: f64, l1: f64) -> bool {
        if self.refined < self.at {
            return false;
        }
        let vain = self.error < f64::INFINITY && error > self.error / 2.0 && self.moved <= 1e-5 * l1;
        (self.at, self.error, self.moved) = (2 * self.at, error, 0.0);
        vain
    }
}

/// The textbook; every sum is made anew each time, every choice made among all.
fn textbook(question: &Question) -> (Seen, Verdict, Vec<Judged>) {
    let Question { made, tolerance, pieces, budget, .. } = *question;
    let judged = |(panel, local)| Judged { panel, local, flat: 0, stuck: false };
    let mut all: Vec<Judged> = question.roots().into_iter().map(judged).collect();
    let mut seen = Seen::default();
    let sum = |all: &[Judged], of: fn(&Local<f64>) -> f64| all.iter().map(|leaf| of(&leaf.local)).sum::<f64>();
    let mut handed_out = tolerance.allowed(sum(&all, |l| l.value).abs(), 0.0);
    let mut look = Look { refined: 0, at: 32, error: f64::INFINITY, moved: 0.0 };
    let mut level = 0;
    let verdict = loop {
        let (value, error, l1) = (sum(&all, |l| l.value), sum(&all, |l| l.error), sum(&all, |l| l.l1));
        let known = question.observed || tolerance.rtol > 0.0 || seen.sums.is_empty();
        seen.sums.push((known.then_some(value), error));
        let allowed = tolerance.atol.max(tolerance.rtol * value.abs());
        let next = match made.control {
            Control::Global => {
                let lost: f64 = all.iter().filter(|leaf| leaf.stuck).map(|leaf| leaf.local.error).sum();
                if error <= allowed {
                    break Verdict::Converged;
                }
                if look.is_vain(error, l1) || lost > allowed && error < 2.0 * lost {
                    break Verdict::Stopped(Reason::Roundoff);
                }
                let open = |&i: &usize| !all[i].stuck && all[i].local.error > all[i].local.roundoff;
                // The last of the largest from the right is the leftmost.
                (0..all.len()).rev().filter(open).max_by(|&i, &j| all[i].local.error.total_cmp(&all[j].local.error))
            }
            Control::Local => {
                let next = |all: &[Judged], tolerance: f64| {
                    let share = |depth| (0..depth).fold(tolerance / pieces as f64, |share, _| share / 2.0);
                    let open = |&i: &usize| {
                        let Judged { panel, local, stuck, .. } = &all[i];
                        !stuck && local.error > local.roundoff && local.error > share(panel.depth)
                    };
                    (0..all.len()).filter(open).min_by_key(|&i| all[i].panel.depth)
                };
                let mut first = next(&all, handed_out);
                if first.is_none() {
                    if error <= allowed {
                        break Verdict::Converged;
                    }
                    if handed_out > allowed && tolerance.rtol > 0.0 {
                        handed_out = allowed;
                        for leaf in &mut all {
                            leaf.flat = 0;
                            level = level.max(leaf.panel.depth);
                        }
                        first = next(&all, handed_out);
                    }
                }
                if first.is_some_and(|i| all[i].panel.depth > level) {
                    level += 1;
                    if look.is_vain(error, l1) && error > handed_out {
                        break Verdict::Stopped(Reason::Roundoff);
                    }
                }
                first
            }
        };
        let Some(next) = next else { break Verdict::Stopped(Reason::Roundoff) };
        if all[next].flat >= 32 {
            break Verdict::Stopped(Reason::Divergent);
        }
        seen.refined.push((all[next].panel.a, all[next].panel.b));
        if seen.refined.len() > budget {
            break Verdict::Stopped(Reason::Budget);
        }
        let children = halves(made.seed, &all[next].panel, &all[next].local);
        if children.is_empty() {
            all[next].stuck = true;
            continue;
        }
        look.refined += 1;
        look.moved += (all[next].local.value - children.iter().map(|(_, local)| local.value).sum::<f64>()).abs();
        let (error, flat) = (all[next].local.error, all[next].flat);
        let flat = |local: &Local<f64>| if local.error > 0.98 * error { flat + 1 } else { 0 };
        let children: Vec<Judged> = children
            .into_iter()
            .map(|(panel, local)| Judged { panel, flat: flat(&local), local, stuck: false })
            .collect();
        all.splice(next..=next, children);
    };
    (seen, verdict, all)
}

/// Answers a run from the seed, and has it wait every now and then.
struct Script<'a> {
    question: &'a Question,
    seen: Seen,
    waited: bool,
}

impl Source<f64, ()> for Script<'_> {
    type Handle = ();
    type Halt = ();

    fn expand(&mut self, leaf: Option<usize>, leaves: &mut Vec<Leaf<f64, (), ()>>) -> Poll<Result<(), Stop<()>>> {
        self.waited = !self.waited;
        if self.waited {
            return Poll::Pending;
        }
        let made = match leaf {
            None => self.question.roots(),
            Some(leaf) => {
                let Leaf { panel, local, .. } = &leaves[leaf];
                self.seen.refined.push((panel.a, panel.b));
                halves(self.question.made.seed, panel, local)
            }
        };
        let spent = self.seen.refined.len() > self.question.budget;
        for (panel, local) in made {
            leaves.push(Leaf::new(panel, local, ()));
            if spent {
                break;
            }
        }
        Poll::Ready(if spent { Err(Stop::Early(Reason::Budget)) } else { Ok(()) })
    }

    fn retired(&mut self, value: &f64, error: f64) {
        let known = self.question.observed || self.question.tolerance.rtol > 0.0 || self.seen.sums.is_empty();
        self.seen.sums.push((known.then_some(*value), error));
    }
}

#[test]
fn every_decision_is_that_of_the_textbook() {
    let mut verdicts = BTreeSet::new();
    for seed in 0..if cfg!(miri) { 20 } else { 600 } {
        let question = Question::new(seed);
        let Question { made, tolerance, pieces, observed, .. } = question;
        let domain = if seed % 3 == 0 { (pieces as f64, 0.0) } else { (0.0, pieces as f64) };
        let domain = Domain::new(domain.0, domain.1, &[1.0, 2.0], None).expect("they are numbers");
        let mut script = Script { question: &question, seen: Seen::default(), waited: false };
        let mut run = Run::new(made, tolerance, observed);
        let verdict = loop {
            if let Poll::Ready(verdict) = run.advance(&mut script) {
                break verdict.expect("nothing fails");
            }
        };
        let allowed = run.allowed();
        let e = run.finish(&domain, 1 << 20, 7, None);

        let (seen, expected, leaves) = textbook(&question);
        assert_eq!((verdict, script.seen), (expected, seen), "seed {seed}");
        let segments = leaves.iter().map(|Judged { panel, local, .. }| (panel.a, panel.b, local.value, local.error));
        let found = e.segments.iter().map(|s| (s.a, s.b, s.value, s.error));
        assert!(found.eq(segments), "seed {seed}");
        let sum = |of: fn(&Local<f64>) -> f64| leaves.iter().map(|leaf| of(&leaf.local)).sum::<f64>();
        let sign = if seed % 3 == 0 { -1.0 } else { 1.0 };
        assert_eq!(
            (e.value, e.error, e.l1, e.performed),
            (sign * sum(|l| l.value), sum(|l| l.error), sum(|l| l.l1), 7)
        );
        if verdict == Verdict::Converged {
            assert!(e.error <= allowed, "seed {seed}");
        }

        // Points that panels have in common were asked for twice and counted once: those of all panels there were.
        let mut panels: Vec<Panel<()>> = question.roots().into_iter().map(|(panel, _)| panel).collect();
        let mut next = 0;
        while next < panels.len() {
            let panel = panels[next];
            if !leaves.iter().any(|leaf| leaf.panel == panel) {
                panel.bisect((), &mut panels);
            }
            next += 1;
        }
        let mut points = Vec::new();
        panels.iter().for_each(|panel| made.points(panel, &mut points));
        let distinct: BTreeSet<u64> = points.iter().map(|x| x.to_bits()).collect();
        assert_eq!(e.evaluations, (1 << 20) - (points.len() - distinct.len()), "seed {seed}");
        verdicts.insert(format!("{:?} {verdict:?}", made.control));
    }
    assert!(cfg!(miri) || verdicts.len() == 8, "{verdicts:?}");
}

#[test]
fn a_failure_ends_the_run() {
    struct Fails;
    impl Source<f64, ()> for Fails {
        type Handle = ();
        type Halt = &'static str;
        fn expand(&mut self, _: Option<usize>, _: &mut Vec<Leaf<f64, (), ()>>) -> Poll<Result<(), Stop<&'static str>>> {
            Poll::Ready(Err(Stop::Failed("it failed")))
        }
    }
    let made = Made { seed: 0, control: Control::Global };
    let mut run = Run::new(made, Allowance::new(1.0, 0.0).expect("it is positive"), false);
    assert_eq!(run.advance(&mut Fails), Poll::Ready(Err("it failed")));
}

#[test]
fn a_value_that_is_no_number_is_named_and_a_sum_beyond_all_numbers_ends_the_run() {
    let made = Made { seed: 0, control: Control::Global };
    let domain = Domain::new(0.0, 4.0, &[], None).expect("they are numbers");
    let judged = |values: [f64; 3]| {
        let mut panel = Panel { a: 0.0, b: 4.0, depth: 0, kind: () };
        let judged = judge(&made, &domain, &mut panel, &[1.0, 2.0, 3.0], &mut values.clone(), &Far::default());
        judged.map(|judged| judged.local.l1)
    };
    assert_eq!(judged([1.0, -2.0, 4.0]), Ok(7.0));
    let infinite = Trouble::NonFinite { t: 2.0, x: 2.0, norm: f64::INFINITY };
    assert_eq!(judged([1.0, f64::INFINITY, f64::NEG_INFINITY]), Err(infinite));
    let nan = judged([1.0, 2.0, f64::NAN]);
    assert!(matches!(nan, Err(Trouble::NonFinite { x: 3.0, norm, .. }) if norm.is_nan()));
    // Each is a number, and their sum is not.
    assert_eq!(judged([1e308, 1.5e308, 1.2e308]), Err(Trouble::Endless(Reason::Divergent)));
}

#[test]
fn an_infinite_range_weighs_values_by_the_slope() {
    let made = Made { seed: 0, control: Control::Global };
    let domain = Domain::new(0.0, f64::INFINITY, &[], None).expect("they are numbers");
    let t = [-0.25, 0.125, 0.5];
    let weighed = |values: [f64; 3]| {
        let mut panel = Panel { a: 0.0, b: 1.0, depth: 0, kind: () };
        judge(&made, &domain, &mut panel, &t, &mut values.clone(), &Far::default()).expect("they are finite").local.l1
    };
    assert_eq!(weighed([1.0, 2.0, 4.0]), t.iter().zip([1.0, 2.0, 4.0]).map(|(t, f)| domain.slope(*t) * f).sum::<f64>());
    // At infinity a value counts for nothing.
    let mut panel = Panel { a: -0.5, b: -0.0, depth: 0, kind: () };
    let values = &mut [f64::NAN, 3.0];
    let judged = judge(&made, &domain, &mut panel, &[-0.0, -0.5], values, &Far::default()).expect("it is left out");
    let local = judged.local;
    assert_eq!(local.l1, 3.0 * domain.slope(-0.5));
    // The slope may be beyond all numbers where a value times it is not; unless the value is.
    let mut far = |value: f64| {
        let points = [-(2f64.powi(-600)), -0.5];
        judge(&made, &domain, &mut panel, &points, &mut [value, 3.0], &Far::default()).expect("it is finite").local.l1
    };
    assert_eq!(far(2f64.powi(-900)), 2f64.powi(300));
    assert_eq!([far(f64::INFINITY), far(f64::NAN)], [3.0 * domain.slope(-0.5); 2]);
}

#[test]
fn local_control_sums_as_the_recursive_program() {
    fn recursive(panel: Panel<()>, seed: u64, leaves: &mut Vec<Leaf<f64, (), ()>>) -> f64 {
        if panel.depth < 8 && draw(seed, &panel, 0, 4) > 0 {
            let mut halves = Vec::new();
            panel.bisect((), &mut halves);
            return recursive(halves[0], seed, leaves) + recursive(halves[1], seed, leaves);
        }
        let value = 1.0 / (1 + draw(seed, &panel, 1, 1000)) as f64;
        leaves.push(Leaf::new(panel, Local { value, error: 0.0, l1: value, roundoff: 0.0 }, ()));
        value
    }
    for seed in 0..200 {
        let mut leaves = Vec::new();
        let mut total = Sum::new();
        for i in 0..1 + seed % 3 {
            total.add(&recursive(Panel { a: i as f64, b: i as f64 + 1.0, depth: 0, kind: () }, seed, &mut leaves));
        }
        assert_eq!(sum_as_tree(leaves.iter()).to_bits(), total.total().to_bits());
    }
}

#[test]
fn rounding_left_by_errors_long_gone_decides_nothing() {
    // Two errors that do not add up to a third of one, after one of 1e20 is gone.
    struct Shrinks(usize);
    impl Source<f64, ()> for Shrinks {
        type Handle = ();
        type Halt = ();
        fn expand(&mut self, leaf: Option<usize>, leaves: &mut Vec<Leaf<f64, (), ()>>) -> Poll<Result<(), Stop<()>>> {
            let error = [1e20, 0.1, 1e-4][self.0.min(2)];
            self.0 += 1;
            let mut panels = Vec::new();
            match leaf {
                None => panels.push(Panel { a: 0.0, b: 1.0, depth: 0, kind: () }),
                Some(leaf) => leaves[leaf].panel.bisect((), &mut panels),
            }
            let local = Local { value: 1.0, error, l1: 1.0, roundoff: 0.0 };
            leaves.extend(panels.into_iter().map(|panel| Leaf::new(panel, local.clone(), ())));
            Poll::Ready(Ok(()))
        }
    }
    for (atol, refined) in [(0.25, 1), (0.11, 2), (0.001, 3)] {
        let made = Made { seed: 0, control: Control::Global };
        let mut run = Run::new(made, Allowance::new(atol, 0.0).expect("it is positive"), false);
        let mut source = Shrinks(0);
        assert_eq!(run.advance(&mut source), Poll::Ready(Ok(Verdict::Converged)));
        assert_eq!(source.0, refined + 1, "atol {atol}");
    }
}

#[test]
fn points_in_common_are_counted_once_where_floats_run_out() {
    let made = Made { seed: 0, control: Control::Global };
    let end = f64::from_bits(1f64.to_bits() + 8);
    let domain = Domain::new(1.0, end, &[], None).expect("they are numbers");
    let mut run: Run<f64, Made, ()> = Run::new(made, Allowance::new(1.0, 0.0).expect("it is positive"), false);
    let mut points = Vec::new();
    // Depths that the method says nothing of.
    for (a, b) in [(1.0, end), (1.0, f64::midpoint(1.0, end)), (f64::midpoint(1.0, end), end)] {
        let panel = Panel { a, b, depth: 1, kind: () };
        made.points(&panel, &mut points);
        run.leaves.push(Leaf::new(panel, Local { value: 0.0, error: 0.0, l1: 0.0, roundoff: 0.0 }, ()));
    }
    let distinct: BTreeSet<u64> = points.iter().map(|x| x.to_bits()).collect();
    assert_eq!(run.repeated(&domain, true, None), points.len() - distinct.len());
    assert!(distinct.len() < points.len());
    run.begin();
    assert_eq!(run.finish(&domain, points.len(), 0, None).evaluations, distinct.len());
}

#[test]
fn segments_ascend_over_the_whole_line() {
    let made = Made { seed: 0, control: Control::Global };
    let domain = Domain::new(f64::NEG_INFINITY, f64::INFINITY, &[-2.0, 3.0, 5.0], None).expect("they are numbers");
    let mut run: Run<f64, Made, ()> = Run::new(made, Allowance::new(1.0, 0.0).expect("it is positive"), false);
    for (a, b) in domain.pieces() {
        let panel = Panel { a, b, depth: 1, kind: () };
        run.leaves.push(Leaf::new(panel, Local { value: 1.0, error: 0.0, l1: 1.0, roundoff: 0.0 }, ()));
    }
    run.begin();
    let segments = run.finish(&domain, 0, 0, None).segments;
    assert!(segments.len() > 3 && segments.windows(2).all(|pair| pair[0].b == pair[1].a && pair[0].a < pair[0].b));
    assert_eq!((segments[0].a, segments[segments.len() - 1].b), (f64::NEG_INFINITY, f64::INFINITY));
}
