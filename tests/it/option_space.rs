//! The whole space of what a user's method may do: control, number of parts, refinement that looks at the error and
//! at what the estimate noted. Whoever evaluates, the bits are the same, and the sum is that of all parts.

use std::sync::Arc;

use coquad::{
    Control, Error, Estimate, Evaluator, Integrator, Local, Method, Panel, Reason, ThreadPool, Value, evaluator_fn,
};
use futures::executor::block_on;

use crate::support::boxed;
use crate::support::cluster::{Cluster, Latency};

/// How many panels replace one; 0 is a number that differs from panel to panel.
const PARTS: [u32; 5] = [1, 2, 3, 5, 0];

#[derive(Clone, Copy, Debug)]
struct Free {
    control: Control,
    parts: u32,
    /// Whether refinement looks at the bits of the error and of the value.
    looks: bool,
}

/// How many cells the rule of a panel has, and the last bits of its value, noted by the estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cells {
    cells: u32,
    noted: u64,
}

/// At most so many cells: then a panel that is replaced by one cannot be refined.
const MOST: u32 = 4096;

impl Free {
    /// The panels that replace one, by a number that depends on what is looked at.
    fn replace(self, panel: &Panel<Cells>, luck: u64, into: &mut Vec<Panel<Cells>>) {
        let parts = if self.parts == 0 { [1, 2, 3, 5][(luck % 4) as usize] } else { self.parts };
        let Cells { cells, .. } = panel.kind;
        let depth = panel.depth + 1;
        if parts == 1 {
            let raised = Panel { depth, kind: Cells { cells: 2 * cells, noted: 0 }, ..*panel };
            into.extend((cells < MOST).then_some(raised));
            return;
        }
        // Where there is something to look at, the cuts depend on it, too.
        let shift = if self.looks { (luck % 1021) as f64 / 2042.0 - 0.25 } else { 0.0 };
        let at = |i: u32| match i {
            0 => panel.a,
            i if i == parts => panel.b,
            i => panel.a + (panel.b - panel.a) * ((f64::from(i) + shift) / f64::from(parts)),
        };
        let kind = Cells { cells, noted: 0 };
        let cut = (0..parts).map(|i| Panel { a: at(i), b: at(i + 1), depth, kind });
        into.extend(cut.filter(|part| part.a < part.b && part.b - part.a < panel.b - panel.a));
    }
}

impl Method for Free {
    type Kind = Cells;
    const REUSES_POINTS: bool = false;

    fn control(&self) -> Control {
        self.control
    }

    fn root(&self) -> Cells {
        Cells { cells: 1, noted: 0 }
    }

    /// Two Gaussian points in each cell, and its middle.
    fn points(&self, panel: &Panel<Cells>, into: &mut Vec<f64>) {
        let h = (panel.b - panel.a) / f64::from(2 * panel.kind.cells);
        for cell in 0..panel.kind.cells {
            let c = panel.a + h * f64::from(2 * cell + 1);
            into.extend([c - h * 0.577_350_269_189_625_8, c, c + h * 0.577_350_269_189_625_8]);
        }
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<Cells>, values: &[T]) -> Local<T> {
        let h = (panel.b - panel.a) / f64::from(2 * panel.kind.cells);
        // The value is that of the cheaper rule, so that the error is what it has.
        let (mut value, mut other, mut l1) = (T::zero(), T::zero(), 0.0);
        for cell in values.chunks_exact(3) {
            other.add_scaled(h, &cell[0]);
            other.add_scaled(h, &cell[2]);
            value.add_scaled(2.0 * h, &cell[1]);
            l1 += h * (cell[0].norm() + cell[2].norm());
        }
        other.add_scaled(-1.0, &value);
        panel.kind.noted = value.norm().to_bits() % 4096;
        Local { error: other.norm(), value, l1, roundoff: 2.0 * f64::EPSILON * l1 }
    }

    fn refine(&self, panel: &Panel<Cells>, error: f64, into: &mut Vec<Panel<Cells>>) {
        let luck = if self.looks { error.to_bits() ^ panel.kind.noted } else { u64::from(panel.depth) };
        self.replace(panel, luck, into);
    }

    fn predict(&self, panel: &Panel<Cells>, into: &mut Vec<Panel<Cells>>) {
        self.replace(panel, u64::from(panel.depth), into);
    }
}

fn bump(x: f64) -> f64 {
    1.0 / (1.0 + 25.0 * x * x)
}

fn kink(x: f64) -> f64 {
    (x - 0.3).abs().sqrt() - 0.2
}

/// The integrand, its integral from -1 to 2, and the tolerances.
fn questions() -> [(fn(f64) -> f64, f64, [f64; 2]); 3] {
    let root = |x: f64| 2.0 / 3.0 * x * x.sqrt();
    let kinked = root(1.3) + root(1.7) - 0.6;
    let bumped = (5f64.atan() + 10f64.atan()) / 5.0;
    [(bump, bumped, [3e-4, 0.0]), (kink, kinked, [0.0, 1e-3]), (bump, bumped, [0.0, 1e-3])]
}

fn integrator<E: Evaluator<Value = f64> + 'static>(
    evaluator: E,
    method: Free,
    [_, rtol]: [f64; 2],
) -> Integrator<E, Free> {
    // Three pieces: a third is no power of two, so what is multiplied by it does not come back.
    let integrator = Integrator::new(evaluator).method(method).rtol(rtol);
    integrator.breakpoints(&[0.1, 0.7]).max_evaluations(200_000)
}

/// All that may not depend on who evaluates.
fn seen(result: Result<Estimate, Error>) -> (u64, u64, usize, Vec<[u64; 4]>, Option<Reason>) {
    let (e, reason) = match result {
        Ok(e) => (e, None),
        Err(Error::NotConverged { estimate, reason, .. }) => (estimate, Some(reason)),
        Err(e) => panic!("{e}"),
    };
    let segments = e.segments.iter().map(|s| [s.a, s.b, s.value, s.error].map(f64::to_bits)).collect();
    (e.value.to_bits(), e.error.to_bits(), e.evaluations, segments, reason)
}

#[test]
fn whatever_a_method_does_the_sum_is_right_and_the_bits_are_those_of_one_thread() {
    let pool = ThreadPool::new(3);
    for ((control, parts), looks) in [Control::Global, Control::Local]
        .into_iter()
        .flat_map(|control| PARTS.map(|parts| (control, parts)))
        .flat_map(|pair| [false, true].map(|looks| (pair, looks)))
    {
        let method = Free { control, parts, looks };
        for (k, (f, exact, tolerances)) in questions().into_iter().enumerate() {
            let name = format!("{method:?}, question {k}");
            let result = integrator(boxed(f), method, tolerances).integrate_blocking(-1.0, 2.0, tolerances[0]);
            let e = result.as_ref().unwrap_or_else(|e| panic!("{name}: {e}"));
            let allowed = tolerances[0].max(tolerances[1] * exact.abs());
            assert!(e.error <= allowed && (e.value - exact).abs() <= 3.0 * allowed, "{name}: {e:?} for {exact}");
            let inline = seen(result);

            let threads = integrator(pool.evaluator(f), method, tolerances);
            assert_eq!(inline, seen(threads.integrate_blocking(-1.0, 2.0, tolerances[0])), "{name}, pool");
            let tasks = evaluator_fn(5, move |x| async move { Ok::<f64, std::io::Error>(f(x)) });
            let tasks = integrator(tasks, method, tolerances);
            assert_eq!(inline, seen(block_on(tasks.integrate(-1.0, 2.0, tolerances[0]))), "{name}, tasks");
            for (workers, seed) in [(4, 2), (16, 3)] {
                let (cluster, clock) = Cluster::new(f, workers, Latency::Scrambled, seed);
                let scrambled = integrator(cluster, method, tolerances);
                let result = clock.run(scrambled.integrate(-1.0, 2.0, tolerances[0]));
                assert_eq!(inline, seen(result), "{name}, {workers} workers, seed {seed}");
            }
        }
    }
}

/// The inputs of the first reports.
#[test]
fn a_panel_may_be_replaced_by_three_or_by_one_with_more_points_under_local_control() {
    let f = Arc::new(|x: f64| (3.0 * x).sin() + x * x);
    let exact = (1.0 - 3f64.cos()) / 3.0 + 1.0 / 3.0;
    for parts in [1, 3] {
        let f = f.clone();
        let method = Free { control: Control::Local, parts, looks: false };
        let integrator = Integrator::new(boxed(move |x| f(x))).method(method);
        let e = integrator.integrate_blocking(0.0, 1.0, 1e-4).expect("it is smooth");
        assert!((e.value - exact).abs() <= 1e-4 && e.error <= 1e-4, "{parts} parts: {e:?} for {exact}");
    }
}
