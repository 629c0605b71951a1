//! Whole questions, drawn: an integrand with faults, a range, settings, an evaluator, other integrals beside, and an
//! owner who polls, holds, drops and forgets.
//!
//! What must hold of each: it ends; its bits, its count and its error are those of `Inline`; each point is evaluated
//! once; no more are outstanding than there is room for; no point lies outside the limits; memory is bounded by a
//! constant for each evaluation; and afterwards all room is there again. `bash .ci/reliability questions` runs a
//! million trials and prints the rows; `COQUAD_SEED=n` runs one.

mod threads;
mod world;

use std::collections::HashSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allocation_counter::measure;
use coquad::{
    Auto, ClenshawCurtis, Error, Estimate, Evaluator, GaussKronrod, Inline, Integrator, Method, Observer, Simpson,
    Speculation, TanhSinh, Value,
};

use self::world::{Fate, Script, Treatment, World, run};
use crate::support::cluster::Random;
use crate::support::trials::row_of;

/// A value that a drawn integrand has.
trait Drawn: Value + Debug {
    fn of(y: f64) -> Self;
}

impl Drawn for f64 {
    fn of(y: f64) -> Self {
        y
    }
}

impl Drawn for Vec<f64> {
    fn of(y: f64) -> Self {
        vec![y, -0.5 * y, 1e-9 * y]
    }
}

impl Drawn for [f64; 2] {
    fn of(y: f64) -> Self {
        [y, 3.0 * y]
    }
}

struct Draw(Random);

impl Draw {
    fn pick(&mut self, n: usize) -> usize {
        (self.0.next_u64() >> 33) as usize % n
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.pick(n) == 0
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.pick(all.len())].clone()
    }

    fn uniform(&mut self, a: f64, b: f64) -> f64 {
        a + (b - a) * self.0.uniform()
    }
}

/// An integrand, where numbers near `at` matter.
#[derive(Clone, Copy, Debug)]
struct Integrand {
    kind: usize,
    at: f64,
    width: f64,
    faults: Faults,
}

/// Which points have no value, by a hash of their bits.
#[derive(Clone, Copy, Debug)]
struct Faults {
    seed: u64,
    /// One point in so many; 0 for none.
    one_in: u64,
    fate: Fate,
}

impl Faults {
    fn fate(self, x: f64) -> Fate {
        let hash = (x.to_bits() ^ self.seed).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32;
        if self.one_in > 0 && hash < (1 << 32) / self.one_in {
            // Several kinds in one integrand.
            match hash % 4 {
                0 => Fate::Panics,
                1 => Fate::NotFinite(f64::NAN),
                _ => self.fate,
            }
        } else {
            Fate::Value
        }
    }
}

impl Integrand {
    fn draw(draw: &mut Draw) -> Self {
        let fate = draw.of(&[Fate::Fails, Fate::Panics, Fate::NotFinite(f64::NAN), Fate::NotFinite(f64::INFINITY)]);
        let one_in = draw.of(&[0, 0, 0, 5, 40, 400]);
        let faults = Faults { seed: draw.0.next_u64(), one_in, fate };
        Self { kind: draw.pick(12), at: draw.uniform(-1.0, 2.0), width: 10f64.powf(draw.uniform(-3.0, 1.0)), faults }
    }

    fn value(self, x: f64) -> f64 {
        if let Fate::NotFinite(value) = self.faults.fate(x) {
            return value;
        }
        let t = (x - self.at) / self.width;
        match self.kind {
            0 => (-x).exp(),
            1 => 1.0 / (1.0 + t * t),
            2 => t.abs().sqrt(),
            3 => t.abs(),
            4 => t.abs().powf(-0.4),
            5 => f64::from(u8::from(t > 0.0)),
            6 => t.cos(),
            7 => t.abs().ln(),
            8 => x * x - self.at,
            9 => t.cosh().powi(-2),
            10 => (-t * t).exp(),
            _ => x.abs().powf(-1.0 - self.width),
        }
    }
}

/// What is asked, by one of the methods.
#[derive(Clone, Debug)]
struct Question {
    method: usize,
    limits: (f64, f64),
    atol: f64,
    rtol: f64,
    rtol_l1: f64,
    most: usize,
    breakpoints: Vec<f64>,
    resolution: Option<f64>,
    scale: Option<(f64, f64)>,
    offsets: bool,
    speculation: Speculation,
    observed: bool,
}

const INF: f64 = f64::INFINITY;

impl Question {
    fn draw(draw: &mut Draw, methods: &[usize]) -> Self {
        let (a, width) = (draw.uniform(-2.0, 2.0), 10f64.powf(draw.uniform(-2.0, 3.0)));
        let far = 10f64.powf(draw.uniform(10.0, 150.0));
        let start = draw.of(&[0.0, 1.0, 2.0, 0.5, -1.0]);
        let ulps = draw.pick(80) as u64;
        let (a, b) = match draw.pick(16) {
            0..=6 => (a, a + width),
            7 => (a + width, a),
            8 => (start, f64::from_bits(f64::to_bits(start) + ulps)),
            9 => (a, INF),
            10 => (-INF, a),
            11 => (-INF, INF),
            12 => draw.of(&[(far, INF), (-INF, -far), (-far, far), (a, far)]),
            13 => draw.of(&[(a, a), (a, f64::NAN), (INF, -INF), (INF, INF)]),
            _ => (0.0, 1.0),
        };
        let span = if (b - a).is_finite() { b - a } else { 10.0 };
        let inside = |draw: &mut Draw| a.max(-5.0) + span * draw.uniform(-0.1, 1.1);
        let count = draw.of(&[0, 0, 0, 1, 2, 7, 40]);
        let breakpoints = (0..count).map(|_| inside(draw)).collect();
        let scale = (inside(draw), draw.of(&[1.0, 1e-3, 1e-12, 1e9, 0.0]));
        Self {
            method: draw.of(methods),
            limits: (a, b),
            atol: draw.of(&[0.0, 1e-2, 1e-3, 1e-5, 1e-8, -1.0]),
            rtol: draw.of(&[0.0, 0.0, 1e-2, 1e-4, 1e-8]),
            rtol_l1: draw.of(&[0.0, 0.0, 0.0, 1e-4]),
            most: draw.of(&[0, 30, 100, 300, 300, 300, 300, 2000]),
            breakpoints,
            resolution: draw.one_in(8).then(|| (span.abs() / 10f64.powf(draw.uniform(0.0, 9.0))).max(1e-9)),
            scale: draw.one_in(6).then_some(scale),
            offsets: draw.one_in(12),
            speculation: draw.of(&[
                Speculation::Ahead,
                Speculation::Ahead,
                Speculation::Off,
                Speculation::Certain,
                Speculation::AtMost(0.2),
            ]),
            observed: draw.one_in(6),
        }
    }

    fn set<E: Evaluator<Value: Value> + 'static, M: Method>(&self, asked: Integrator<E, M>) -> Integrator<E, M> {
        let mut asked = asked
            .rtol(self.rtol)
            .rtol_l1(self.rtol_l1)
            .max_evaluations(self.most)
            .breakpoints(&self.breakpoints)
            .offsets(self.offsets)
            .speculation(self.speculation);
        if let Some(width) = self.resolution {
            asked = asked.resolution(width);
        }
        if let Some((centre, width)) = self.scale {
            asked = asked.scale(centre, width);
        }
        if self.observed { asked.observer(Watches) } else { asked }
    }

    /// Between which numbers all points lie.
    fn range(&self) -> (f64, f64) {
        let (a, b) = self.limits;
        if self.offsets || a.is_nan() || b.is_nan() { (-INF, INF) } else { (a.min(b), a.max(b)) }
    }
}

struct Watches;

impl<T> Observer<T> for Watches {}

/// An answer to the bit, or an error.
fn summary<T: Debug>(ended: &Result<Estimate<T>, Error<T>>) -> String {
    let of = |e: &Estimate<T>| {
        let segments = e.segments.iter().map(|s| format!("{:?}", (s.a.to_bits(), s.b.to_bits(), &s.value, s.error)));
        format!("{:?} {:?} {:?} {} {}", e.value, e.error, e.l1, e.evaluations, segments.collect::<String>())
    };
    match ended {
        Ok(e) => of(e),
        Err(Error::NotConverged { estimate, reason, needed, .. }) => format!("{reason:?} {needed} {}", of(estimate)),
        Err(Error::Evaluation { x, .. } | Error::Panicked { x, .. }) => failed(*x),
        Err(error) => error.to_string(),
    }
}

fn failed(x: f64) -> String {
    format!("no value at {x:?}")
}

/// Evaluates the body with the method of a question.
macro_rules! by_its_method {
    ($question:expr, $method:ident => $body:expr) => {
        match $question.method {
            0 => {
                let $method = Auto;
                $body
            }
            1 => {
                let $method = GaussKronrod::new(15);
                $body
            }
            2 => {
                let $method = Simpson;
                $body
            }
            3 => {
                let $method = ClenshawCurtis;
                $body
            }
            _ => {
                let $method = TanhSinh;
                $body
            }
        }
    };
}

const ALL: &[usize] = &[0, 0, 0, 1, 1, 2, 3, 4];
const SOME: &[usize] = &[0, 1];

/// What `Inline` says, and at which points it looked.
struct Expected {
    summary: String,
    points: Arc<Mutex<HashSet<u64>>>,
}

fn expected<T: Drawn>(question: &Question, f: Integrand) -> Expected {
    let points = Arc::<Mutex<HashSet<u64>>>::default();
    let last = Arc::new(Mutex::new(f64::NAN));
    let here: Box<dyn Fn(f64) -> T + Send + Sync> = {
        let (points, last) = (points.clone(), last.clone());
        Box::new(move |x| {
            points.lock().unwrap().insert(x.to_bits());
            if matches!(f.faults.fate(x), Fate::Fails | Fate::Panics) {
                *last.lock().unwrap() = x;
                std::panic::resume_unwind(Box::new("scripted"));
            }
            T::of(f.value(x))
        })
    };
    let (a, b) = question.limits;
    let inline = Integrator::new(Inline::new(here));
    let ended = catch_unwind(AssertUnwindSafe(
        || by_its_method!(question, m => question.set(inline.method(m)).integrate_blocking(a, b, question.atol)),
    ));
    let summary = ended.map_or_else(|_| failed(*last.lock().unwrap()), |ended| summary(&ended));
    Expected { summary, points }
}

/// Memory is at most a constant for each question, and one for each evaluation.
fn is_bounded(bytes: u64, questions: usize, evaluations: usize) {
    let most = 10_000_000 * questions as u64 + 1_000 * evaluations as u64;
    assert!(bytes <= most, "{bytes} bytes for {questions} questions and {evaluations} evaluations");
}

/// Several questions at once to one integrator, in a world of one thread.
fn ask<T: Drawn>(seed: u64, methods: &[usize]) -> Duration {
    let mut draw = Draw(Random::new(seed));
    let f = Integrand::draw(&mut draw);
    let first = Question::draw(&mut draw, methods);
    let mut questions = vec![first.clone()];
    for _ in 0..draw.of(&[0, 0, 1, 2, 3]) {
        let other = Question::draw(&mut draw, methods);
        // Over the same range, as a rule: points are shared.
        let limits = if draw.one_in(4) { other.limits } else { first.limits };
        let same = draw.one_in(3);
        questions.push(if same { first.clone() } else { Question { limits, offsets: first.offsets, ..other } });
    }
    let all: Vec<Expected> = questions.iter().map(|question| expected::<T>(question, f)).collect();

    // Guesses that never end take no room from what is needed, where there is as much as there was, and nobody is
    // held with them.
    let hangs = draw.one_in(8);
    let rooms = match draw.pick(3) {
        0 if !hangs => (0..8).map(|_| draw.of(&[0, 1, 2, 5, 30, 100])).collect(),
        _ => vec![draw.of(&[1, 2, 3, 8, 40, 200])],
    };
    let ranges = questions.iter().map(Question::range);
    let limits = ranges.fold((INF, -INF), |(a, b), (low, high)| (a.min(low), b.max(high)));
    let world = World::new(seed, rooms, draw.of(&[0, 1, 2, 8]), limits);
    let needed: HashSet<u64> =
        all.iter().flat_map(|expected| expected.points.lock().unwrap().iter().copied().collect::<Vec<_>>()).collect();
    let fate = move |x: f64| {
        if hangs && !needed.contains(&x.to_bits()) { Fate::Hangs } else { f.faults.fate(x) }
    };
    let script = Script { f: Box::new(move |x| T::of(f.value(x))), fate: Box::new(fate), world: world.clone() };
    let integrator = Integrator::new(script);
    let one = |question: &Question| -> Pin<Box<dyn Future<Output = String>>> {
        let (a, b) = question.limits;
        let atol = question.atol;
        by_its_method!(question, m => {
            let asked = question.set(integrator.clone().method(m));
            Box::pin(async move { summary(&asked.integrate(a, b, atol).await) })
        })
    };
    let tasks: Vec<_> = questions
        .iter()
        .enumerate()
        .map(|(i, question)| {
            let polls = 1 + draw.pick(12);
            let treatment = match draw.pick(if i == 0 { 3 } else { 8 }) {
                3 => Treatment::Dropped(polls),
                // Who watches is told before there is room again, and only by polls.
                _ if question.observed => Treatment::Polled,
                4 | 5 if !hangs => Treatment::Held(polls),
                6 if !hangs => Treatment::Forgotten(polls),
                _ => Treatment::Polled,
            };
            (one(question), treatment)
        })
        .collect();
    let mut ran = Err(String::new());
    let taken = measure(|| ran = run(&world, tasks));
    let (outcomes, longest) = ran.unwrap_or_else(|stuck| panic!("it hangs: {stuck}\n{questions:?}\n{f:?}"));
    is_bounded(taken.bytes_max, questions.len(), world.started());
    let check = |i: usize, outcome: &str| {
        let expected = &all[i].summary;
        assert!(outcome == expected, "{outcome}\ninstead of {expected}\n{:?}\n{f:?}", questions[i]);
    };
    for (i, outcome) in outcomes.iter().enumerate() {
        outcome.iter().for_each(|outcome| check(i, outcome));
    }
    assert_eq!(world.outstanding(), 0, "evaluations are left behind");
    // All room is there again, and what is known costs nothing.
    let again = run(&world, vec![(one(&questions[0]), Treatment::Polled)]);
    let (again, _) = again.unwrap_or_else(|stuck| panic!("it hangs afterwards: {stuck}\n{questions:?}\n{f:?}"));
    check(0, again[0].as_ref().expect("it is polled"));
    if let Some(what) = world.broken() {
        panic!("{what}\n{questions:?}\n{f:?}");
    }
    longest
}

/// A row, with the longest poll of all.
fn asked(name: &str, (quick, long): (u64, u64), trial: impl Fn(u64) -> Duration) {
    let longest = Mutex::new((Duration::ZERO, 0));
    row_of(name, quick, long, |seed| {
        let took = trial(seed);
        let mut longest = longest.lock().unwrap();
        *longest = longest.max((took, seed));
    });
    let (took, seed) = *longest.lock().unwrap();
    println!("{name}: the longest poll took {:.1} ms of the processor (seed {seed})", took.as_secs_f64() * 1e3);
}

#[test]
fn q1_whoever_evaluates_and_whatever_their_owners_do_integrals_end_as_inline_does() {
    asked("q1", (6_000, 800_000), |seed| ask::<f64>(seed, ALL));
}

#[test]
fn q2_so_do_integrals_of_vectors() {
    asked(
        "q2",
        (600, 80_000),
        |seed| if seed % 2 == 0 { ask::<Vec<f64>>(seed, SOME) } else { ask::<[f64; 2]>(seed, SOME) },
    );
}

#[test]
fn q3_so_do_integrals_on_threads() {
    asked("q3", (900, 120_000), threads::ask);
}
