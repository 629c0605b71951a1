//! Fully symmetric rules with null rules: orbits of points, their weights, and what follows from them.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use super::genz_malik;
use super::place::Bends;
use super::tables::{DEGREE_11, DEGREE_13, Row};

/// A rule, four null rules, and by what errors are told from those.
#[derive(Debug)]
pub(super) struct Rule {
    /// The coordinates of all points on `[-1, 1]^d`, `d` of each, orbit after orbit; the centre first, then two orbits on
    /// the axes.
    pub(super) nodes: Vec<f64>,
    pub(super) orbits: Vec<Orbit>,
    /// The nodes, by their number, that may be nodes of a half, or of a half of that: all their coordinates are
    /// multiples of a quarter.
    pub(super) shared: Vec<usize>,
    /// When null rules fall by this factor from one degree to the next, the first of them tells the error.
    pub(super) falls: f64,
    /// Times what it tells then; and the largest of them, otherwise.
    pub(super) smooth: f64,
    pub(super) rough: f64,
    /// The sum of the norms of the weights: 1, if none is negative.
    pub(super) mass: f64,
    /// The square of the ratio of the second orbit's coordinate to the first's.
    pub(super) ratio: f64,
    /// The exponent of the [bends](Bends) of a logarithm that is singular at a limit.
    pub(super) logarithm: f64,
}

/// The points that symmetry makes of one.
#[derive(Debug)]
pub(super) struct Orbit {
    /// How many they are.
    pub(super) points: usize,
    /// Of the rule, whose weights sum to 1, and of the null rules.
    pub(super) weights: [f64; 5],
    /// Of each pair of null rules that follow each other: by how much the first is multiplied so that their sum has no
    /// weight in this orbit, and by how much that sum, so that the norms of its weights sum to 1.
    pub(super) scales: [f64; 3],
    pub(super) norms: [f64; 3],
}

/// Where the first of two null rules has no weight.
const NO_WEIGHT: f64 = 100.0;

/// Rules are for so many variables: the number of points doubles with each, beyond some.
pub(crate) const AXES: RangeInclusive<usize> = 2..=16;

type Made = LazyLock<Rule>;

static RULES: [Made; *AXES.end() - *AXES.start() + 1] = [
    Made::new(|| Rule::new(2)),
    Made::new(|| Rule::new(3)),
    Made::new(|| Rule::new(4)),
    Made::new(|| Rule::new(5)),
    Made::new(|| Rule::new(6)),
    Made::new(|| Rule::new(7)),
    Made::new(|| Rule::new(8)),
    Made::new(|| Rule::new(9)),
    Made::new(|| Rule::new(10)),
    Made::new(|| Rule::new(11)),
    Made::new(|| Rule::new(12)),
    Made::new(|| Rule::new(13)),
    Made::new(|| Rule::new(14)),
    Made::new(|| Rule::new(15)),
    Made::new(|| Rule::new(16)),
];

impl Rule {
    /// The rule for so many variables.
    pub(super) fn of(dimension: usize) -> &'static Self {
        &RULES[dimension - AXES.start()]
    }

    fn new(dimension: usize) -> Self {
        // Of the errors: Berntsen, Espelid and Genz (1991), heuristic coefficients.
        let (rows, [falls, smooth, rough]) = match dimension {
            2 => (by_volume(&DEGREE_13), [10.0, 1.0, 5.0]),
            3 => (by_volume(&DEGREE_11), [4.0, 0.5, 3.0]),
            _ => {
                let orbits = genz_malik::orbits(dimension).into_iter();
                (orbits.map(|orbit| (orbit.generator, orbit.weights)).collect(), [5.0, 1.0, 5.0])
            }
        };
        let mut nodes = Vec::new();
        let mut orbits: Vec<Orbit> = Vec::new();
        for (generator, weights) in &rows {
            let before = nodes.len();
            spread(generator, dimension, &mut nodes);
            let points = (nodes.len() - before) / dimension;
            orbits.push(Orbit { points, weights: *weights, scales: [0.0; 3], norms: [0.0; 3] });
        }
        if dimension > 3 {
            balance(&mut orbits);
        }
        normalise(&mut orbits);
        let coordinate = |orbit: usize| rows[orbit].0[0];
        let mass = orbits.iter().map(|orbit| orbit.points as f64 * orbit.weights[0].abs()).sum();
        let ratio = (coordinate(2) / coordinate(1)).powi(2);
        let quarters = |node: &[f64]| node.iter().all(|x| (4.0 * x).fract() == 0.0);
        let shared =
            nodes.chunks_exact(dimension).enumerate().filter(|(_, node)| quarters(node)).map(|(i, _)| i).collect();
        let [inner, outer] = [coordinate(1).min(coordinate(2)), coordinate(1).max(coordinate(2))];
        let logarithm = bends_of_logarithm(inner, outer).exponent();
        Self { nodes, orbits, shared, falls, smooth, rough, mass, ratio, logarithm }
    }

    pub(super) fn points(&self) -> usize {
        self.orbits.iter().map(|orbit| orbit.points).sum()
    }
}

/// The second divided differences of `ln(1 + x)` at 0, `inner` and `outer`, and the same below, on `[-1, 1]`.
fn bends_of_logarithm(inner: f64, outer: f64) -> Bends {
    let f = libm::log1p;
    let bend = |side: f64| (f(side * outer) / outer - f(side * inner) / inner) / (outer - inner);
    let middle = (f(inner) + f(-inner)) / (2.0 * inner * inner);
    Bends([bend(-1.0), middle, bend(1.0)].map(|bend: f64| bend.abs() * inner * inner))
}

/// The rows of a table, with weights for a cube of volume 1.
fn by_volume<const D: usize>(rows: &[Row<D>]) -> Vec<(Vec<f64>, [f64; 5])> {
    let volume = (1u32 << D) as f64;
    rows.iter().map(|(generator, weights)| (generator.to_vec(), weights.map(|weight| weight / volume))).collect()
}

/// Gives the centre what is missing: the weights of the rule sum to 1, those of null rules to 0.
fn balance(orbits: &mut [Orbit]) {
    for rule in 0..5 {
        let others: f64 = orbits[1..].iter().map(|orbit| orbit.points as f64 * orbit.weights[rule]).sum();
        orbits[0].weights[rule] = if rule == 0 { 1.0 } else { 0.0 } - others;
    }
}

/// Of two null rules all sums are null rules. The largest that any of them tells, if the norms of its weights sum to 1, is
/// where one orbit has no weight (Berntsen and Espelid 1991).
fn normalise(orbits: &mut [Orbit]) {
    for pair in 0..3 {
        for at in 0..orbits.len() {
            let [p, q] = [orbits[at].weights[pair + 1], orbits[at].weights[pair + 2]];
            let scale = if p == 0.0 { NO_WEIGHT } else { -q / p };
            let mass =
                |orbit: &Orbit| orbit.points as f64 * (orbit.weights[pair + 2] + scale * orbit.weights[pair + 1]).abs();
            let norm = 1.0 / orbits.iter().map(mass).sum::<f64>();
            (orbits[at].scales[pair], orbits[at].norms[pair]) = (scale, norm);
        }
    }
}

/// Appends the points of an orbit, whose coordinates descend, filled up with zeros: all different orders of them, the
/// largest number first in the first, each with all signs. Of an orbit on the axes: axis by axis, plus before minus.
fn spread(generator: &[f64], dimension: usize, into: &mut Vec<f64>) {
    let mut order = generator.to_vec();
    order.resize(dimension, 0.0);
    loop {
        let moved: Vec<usize> = (0..dimension).filter(|&axis| order[axis] > 0.0).collect();
        for signs in 0..1usize << moved.len() {
            let first = into.len();
            into.extend_from_slice(&order);
            for (bit, axis) in moved.iter().enumerate() {
                if signs >> bit & 1 == 1 {
                    into[first + axis] *= -1.0;
                }
            }
        }
        if !descend(&mut order) {
            return;
        }
    }
}

/// The next smaller order of the same numbers, if there is one.
fn descend(order: &mut [f64]) -> bool {
    let Some(at) = (1..order.len()).rev().find(|&i| order[i - 1] > order[i]) else { return false };
    let with = (at..order.len()).rev().find(|&i| order[i] < order[at - 1]).expect("the next one is smaller");
    order.swap(at - 1, with);
    order[at..].reverse();
    true
}

#[cfg(test)]
mod tests;
