//! What a panel of the default method may ask for later on: guesses, for running ahead; nothing is decided by them.
//!
//! A search asks for nine points at a time, and only the last answer tells where the panel is cut. What it would do is
//! known for any integrand: it is followed for a few that take the same values so far.

mod stand_in;

use self::stand_in::{StandIn, lines, steps};
use super::super::method::{Guess, Method, Panel};
use super::super::value::Value;
use super::Auto;
use super::cut::{again, child, conclude};
use super::kind::{Kind, Look, Note, Search, Shape};
use super::map::{Base, Map};
use super::search::{self, COUNT, Feature};

/// The chance that a whole piece, of which nothing is known, is cut in four, and that a quarter is.
const FIRST: f64 = 0.015;
const SECOND: f64 = 0.01;
/// The chance that a panel next to a place that was found needs no further cut, and is looked at again.
const RESOLVED: f64 = 0.55;
/// The same of a panel of which nothing is known, and if its variable is a logarithm.
const UNSEEN: f64 = 0.1;
const UNSEEN_LOG: f64 = 0.3;
/// The chance that a search which looks like one for a jump goes on as such.
const JUMP: f64 = 0.9;
/// The chance that an integrand consists of two straight lines if all its values do.
const LINES: f64 = 0.9;
/// The part of the chance that is left from stage to stage of a search for a jump at a guessed place.
const STAGE: f64 = 0.97;
/// The chance that a jump between two points has to be found more closely.
const CLOSER: f64 = 0.5;
/// The chance that a search ends because nine points can follow the values, if the second differences say so.
const FOLLOWED: f64 = 0.5;
/// A step between two neighbours that is this part of all steps is a jump.
const SUDDEN: f64 = 0.9;
/// Places of a smaller chance are not tried.
const UNLIKELY: f64 = 0.02;
/// How many stages of a search are followed.
const STAGES: u32 = 24;

/// Appends what may be asked for after a panel.
pub(super) fn ahead<T: Value>(panel: &Panel<Kind>, values: &[T], into: &mut Vec<Guess<Kind>>) {
    let mut next = Vec::new();
    if values.is_empty() {
        let Shape::Smooth(base) = panel.kind.shape else { return };
        look_again(panel, if base == Base::Plain { UNSEEN } else { UNSEEN_LOG }, into);
        if panel.depth == 0 {
            quarters(panel, base, &mut next);
            into.extend(next.iter().map(|&panel| Guess { panel, chance: FIRST }));
            for quarter in next {
                let mut next = Vec::new();
                quarters(&quarter, base, &mut next);
                into.extend(next.into_iter().map(|panel| Guess { panel, chance: SECOND }));
            }
        }
        return;
    }
    match (panel.kind.shape, panel.kind.note) {
        (Shape::Smooth(_), Note::Focus { low, high, .. })
        | (Shape::Search(_), Note::Found { low, high, feature: Feature::Unclear }) => {
            Auto.refine(panel, 0.0, &mut next);
            match next[..] {
                [stage @ Panel { kind: Kind { shape: Shape::Search(search), .. }, .. }] => {
                    after_stage(panel, values, [low, high], &stage, &search, into);
                }
                _ => next.iter().for_each(|panel| look_again(panel, RESOLVED, into)),
            }
        }
        (Shape::Search(_) | Shape::Tail { .. }, _)
        | (Shape::Smooth(_), Note::Ends { left: true, .. } | Note::Ends { right: true, .. }) => {
            Auto.refine(panel, 0.0, &mut next);
            next.iter().for_each(|panel| look_again(panel, RESOLVED, into));
        }
        _ => {}
    }
}

/// Appends what may be asked for after the next stage of a search, which looks between two points.
fn after_stage<T: Value>(
    panel: &Panel<Kind>,
    values: &[T],
    [low, high]: [f64; 2],
    stage: &Panel<Kind>,
    search: &Search,
    into: &mut Vec<Guess<Kind>>,
) {
    let mut points = Vec::with_capacity(values.len());
    Auto.points(panel, &mut points);
    let is_first = matches!(panel.kind.shape, Shape::Smooth(_));
    let is_next = |found: &[f64; 2]| is_first || found.map(f64::to_bits) == [low, high].map(f64::to_bits);
    if let Some([p, q]) = jump(&points, values, [low, high]).filter(is_next) {
        // Any of the parts between its points may be next.
        let x = search::points(search.low, search.high);
        for part in x.windows(2) {
            let chance = JUMP * (q.min(part[1]) - p.max(part[0])) / (q - p);
            if chance > UNLIKELY {
                let next = Search { low: part[0], high: part[1], stage: search.stage + 1, ..*search };
                let kind = child(stage, Shape::Search(next));
                into.push(Guess { panel: Panel { depth: stage.depth + 1, kind, ..*stage }, chance });
            }
        }
        for (step, chance) in steps(panel.b - panel.a, p, q) {
            follow(*stage, *search, step, JUMP * chance, into);
        }
    } else if let Some(lines) = lines(&points, values, [low, high]) {
        follow(*stage, *search, lines, LINES, into);
    } else if !is_first {
        let (chance, mut parts) = (followed(values), Vec::new());
        let note = Note::Found { low, high, feature: Feature::Smooth };
        conclude(&Panel { kind: Kind { note, ..stage.kind }, ..*stage }, search, &mut parts);
        into.extend(parts.into_iter().map(|panel| Guess { panel, chance }));
    }
}

/// Appends what a search asks for after a stage, if the integrand is the one that stands for it.
fn follow(
    mut stage: Panel<Kind>,
    mut search: Search,
    integrand: StandIn,
    mut chance: f64,
    into: &mut Vec<Guess<Kind>>,
) {
    let mut parts = Vec::new();
    for _ in 0..STAGES {
        if chance < UNLIKELY {
            return;
        }
        answer(&stage, &search, integrand, &mut parts);
        into.extend(parts.iter().map(|&panel| Guess { panel, chance }));
        match parts[..] {
            [next @ Panel { kind: Kind { shape: Shape::Search(further), .. }, .. }] => {
                (stage, search) = (next, further);
                chance *= STAGE;
            }
            _ => break,
        }
    }
    for part in parts.clone() {
        look_again(&part, chance * RESOLVED.sqrt(), into);
        // What is left between the two points may be too much.
        if let Shape::Search(rest) = part.kind.shape {
            answer(&part, &rest, integrand, &mut parts);
            into.extend(parts.iter().map(|&panel| Guess { panel, chance: chance * CLOSER }));
        }
    }
}

/// The panels that follow a stage of a search.
fn answer(stage: &Panel<Kind>, search: &Search, integrand: StandIn, parts: &mut Vec<Panel<Kind>>) {
    let values = search::points(search.low, search.high).map(|x| integrand.at(x));
    let (feature, low, high) = search::search(search.low, search.high, stage.a, stage.b, &values);
    let note = Note::Found { low, high, feature };
    parts.clear();
    conclude(&Panel { kind: Kind { note, ..stage.kind }, ..*stage }, search, parts);
}

/// Appends the quarters of a panel, as far as their points depend on them.
fn quarters(panel: &Panel<Kind>, base: Base, into: &mut Vec<Panel<Kind>>) {
    let map = Map::new(panel, base);
    let (depth, kind) = (panel.depth + 1, Shape::Smooth(base).kind());
    let x = [panel.a, map.x(-0.5), map.x(0.0), map.x(0.5), panel.b];
    into.extend(x.windows(2).filter(|x| x[0] < x[1]).map(|x| Panel { a: x[0], b: x[1], depth, kind }));
}

/// Appends the panel as it is looked at again, if that is due.
fn look_again(panel: &Panel<Kind>, chance: f64, into: &mut Vec<Guess<Kind>>) {
    if panel.kind.look == Look::Due && panel.kind.further > 0 {
        let mut closer = Vec::new();
        again(panel, 0.0, &mut closer);
        into.extend(closer.into_iter().map(|panel| Guess { panel, chance }));
    }
}

/// Between which two neighbours among the points in a bracket the values jump, if they do.
fn jump<T: Value>(points: &[f64], values: &[T], [low, high]: [f64; 2]) -> Option<[f64; 2]> {
    let (mut total, mut most, mut between) = (0.0, 0.0, None);
    for (x, v) in points.windows(2).zip(values.windows(2)) {
        let (p, q) = (x[0].min(x[1]), x[0].max(x[1]));
        if p >= low && q <= high {
            let mut step = v[1].clone();
            step.add_scaled(-1.0, &v[0]);
            let step = step.norm();
            total += step;
            if step > most {
                (most, between) = (step, Some([p, q]));
            }
        }
    }
    between.filter(|_| most > SUDDEN * total)
}

/// The chance that the next nine points can follow the values in their bracket, by second differences: of a peak they
/// spread out from stage to stage, of a power of the distance they do not.
fn followed<T: Value>(values: &[T]) -> f64 {
    let mut bend = [0.0; COUNT - 2];
    for (bend, v) in bend.iter_mut().zip(values.windows(3)) {
        let mut second = v[0].clone();
        second.add(&v[2]);
        second.add_scaled(-2.0, &v[1]);
        *bend = second.norm();
    }
    let top = (0..bend.len()).fold(0, |m, i| if bend[i] > bend[m] { i } else { m });
    let far = (0..bend.len()).filter(|i| i.abs_diff(top) >= 3).fold(0.0, |m: f64, i| m.max(bend[i]));
    let is_inside = (2..bend.len() - 2).contains(&top);
    match bend[top] / far {
        ..6.0 => FOLLOWED,
        ..16.0 if !is_inside => FOLLOWED / 2.0,
        _ => 0.0,
    }
}
