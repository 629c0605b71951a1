//! What boxes are guessed ahead of the decisions: nothing is decided by it.

use super::super::focus::Focus;
use super::super::method::{Guess, Panel};
use super::super::value::Value;
use super::Cell;

/// The chance that a first box is cut more than once, as a smooth integrand that varies on all axes has it.
const AGAIN: f64 = 0.5;
/// How far values must be concentrated on an axis, relative to the width, to speak of a place there.
const CONCENTRATED: f64 = 0.2;
/// A place so near to a face, relative to the width, is taken to be at the face.
const AT_FACE: f64 = 0.125;

/// Quarters of a first box are guessed in so many variables at most: in more they are many, and each integral that
/// waits for its turn would keep them all.
const QUARTERS: usize = 3;

/// What may follow a first box, of which nothing is known: its halves along each axis, and the quarters that are there
/// whichever of two axes comes first.
pub(super) fn first<const N: usize>(panel: &Panel<Cell<N>>, into: &mut Vec<Guess<Cell<N>>>) {
    let chance = 1.0 / N as f64;
    let mut push = |kind, chance| into.push(Guess { panel: Panel { kind, ..*panel }, chance });
    for axis in 0..N {
        for half in panel.kind.cut(axis).into_iter().flatten() {
            push(half, chance);
            let others = if N <= QUARTERS { axis + 1..N } else { 0..0 };
            for quarter in others.filter_map(|other| half.cut(other)).flatten() {
                push(quarter, AGAIN * chance);
            }
        }
    }
}

/// The place around which values lie that differ most from their mean, on each axis where there is one: a peak, or a
/// singular corner, edge or face. Infinitely wide on the others.
pub(super) fn focus<T: Value, const N: usize>(
    [low, high]: [[f64; N]; 2],
    points: &[[f64; N]],
    values: &[T],
) -> Option<Focus<[f64; N]>> {
    let mut mean = T::zero();
    values.iter().for_each(|value| mean.add(value));
    mean.scale(-1.0 / values.len() as f64);
    // Weights relative to the largest, as their squares may overflow.
    let departure = |value: &T| {
        let mut difference = value.clone();
        difference.add(&mean);
        difference.norm()
    };
    let departures: Vec<f64> = values.iter().map(departure).collect();
    let most = departures.iter().fold(0.0, |p: f64, q| p.max(*q));
    if !(most > 0.0 && most.is_finite()) {
        return None;
    }
    let weights: Vec<f64> = departures.iter().map(|d| (d / most).powi(2)).collect();
    let weight: f64 = weights.iter().sum();
    let (mut at, mut radius) = ([0.0; N], [f64::INFINITY; N]);
    for axis in 0..N {
        // From 0 to 1 across the box.
        let width = high[axis] - low[axis];
        let places = || points.iter().map(|x| (x[axis] - low[axis]) / width).zip(&weights);
        let centre = places().map(|(x, w)| w * x).sum::<f64>() / weight;
        let spread = places().map(|(x, w)| w * (x - centre).powi(2)).sum::<f64>() / weight;
        if spread.sqrt() >= CONCENTRATED {
            continue;
        }
        (at[axis], radius[axis]) = match centre {
            c if c < AT_FACE => (low[axis], 0.0),
            c if c > 1.0 - AT_FACE => (high[axis], 0.0),
            c => (low[axis] + c * width, spread.sqrt() * width),
        };
    }
    radius.iter().any(|radius| radius.is_finite()).then_some(Focus { at, radius })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "faces are handed on, not computed")]

    use super::super::Boxes;
    use super::*;

    fn found<const N: usize>(f: impl Fn([f64; N]) -> f64) -> Option<Focus<[f64; N]>> {
        let mut points = Vec::new();
        Boxes::lay(&Cell::new([0.0; N], [2.0; N]), &mut points);
        let values: Vec<f64> = points.iter().map(|x| f(*x)).collect();
        focus([[0.0; N], [2.0; N]], &points, &values)
    }

    #[test]
    fn singular_corners_and_faces_and_peaks_are_found() {
        let corner = found(|[x, y]| (x * x + (2.0 - y).powi(2)).powf(-0.75)).unwrap();
        assert_eq!((corner.at, corner.radius), ([0.0, 2.0], [0.0, 0.0]));
        let face = found(|[x, y, z]| x.powf(-0.9) + y + z).unwrap();
        assert_eq!((face.at[0], face.radius), (0.0, [0.0, f64::INFINITY, f64::INFINITY]));
        assert!(face.touches([[0.0, 0.5, 1.5], [0.25, 1.0, 2.0]]) && !face.touches([[0.25; 3], [2.0; 3]]));
        let peak = found(|[x, y]| 1.0 / (0.01 + (x - 0.6).powi(2) + (y - 1.3).powi(2))).unwrap();
        assert!(peak.touches([[0.6, 1.3]; 2]) && !peak.touches([[1.5, 0.0], [2.0, 2.0]]), "{peak:?}");
    }

    #[test]
    fn an_oscillation_and_a_constant_have_no_place() {
        assert_eq!(found(|[x, y]| (40.0 * x + 31.0 * y).cos()), None);
        assert_eq!(found(|_: [f64; 3]| 1.0), None);
        assert_eq!(found(|[x, _]: [f64; 2]| if x > 0.5 { f64::INFINITY } else { 0.0 }), None);
    }

    #[test]
    fn a_first_box_is_guessed_to_be_halved_along_any_axis() {
        let mut guesses = Vec::new();
        first(&Panel { a: 0.0, b: 1.0, depth: 0, kind: Cell::new([0.0; 2], [1.0; 2]) }, &mut guesses);
        let volumes: Vec<(f64, f64)> = guesses.iter().map(|guess| (guess.panel.kind.volume(), guess.chance)).collect();
        assert_eq!(volumes.iter().filter(|of| **of == (0.5, 0.5)).count(), 4);
        assert_eq!(volumes.iter().filter(|of| **of == (0.25, 0.25)).count(), 4);
        let mut guesses = Vec::new();
        first(&Panel { a: 0.0, b: 1.0, depth: 0, kind: Cell::new([0.0; 8], [1.0; 8]) }, &mut guesses);
        assert_eq!(guesses.len(), 16);
    }
}
