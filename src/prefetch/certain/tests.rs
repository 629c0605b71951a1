//! Certainty against a program that looks at the whole tree each time.
#![allow(clippy::float_cmp, reason = "errors are whole numbers")]

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::numerics::method::halves::Halves;
use crate::numerics::method::{Local, Method, Panel, lowering};
use crate::numerics::value::Value;
use crate::prefetch::{Class, RANGE, Speculation, Wanted};

/// Numbers that look random (Steele, Lea and Flood 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33) % n
    }
}

/// The tolerance of which a unit is one.
const WHOLE: f64 = (1u64 << 32) as f64;

/// What is certain, by the cut as a whole.
#[derive(Default)]
struct Known {
    pieces: usize,
    allowed: f64,
    /// The tolerance first given, if one was: before that every error counts for one unit.
    first: Option<f64>,
    /// Of the panels that are judged.
    locals: BTreeMap<usize, Local<f64>>,
    /// Of those whose errors are final.
    errors: BTreeMap<usize, f64>,
    certain: BTreeSet<usize>,
    lowered: usize,
    /// What the errors counted for when they joined the cut.
    units: BTreeMap<usize, u64>,
}

impl Known {
    fn units(&self, error: f64) -> u64 {
        self.first.map_or(u64::from(error > 0.0), |first| (error / (first / WHOLE)).floor() as u64)
    }

    fn allow(&mut self, allowed: f64) {
        self.allowed = allowed;
        self.first = self.first.or((allowed > 0.0).then_some(allowed));
    }

    /// Lowers what can be compared, from above.
    fn compare(&mut self, tree: &Tree<f64, Halves>) {
        for (i, whole) in self.locals.clone() {
            let children = tree.nodes[i].children.clone();
            let known = |i| self.locals.contains_key(&i) && !self.errors.contains_key(&i);
            if !self.errors.contains_key(&i) || children.is_empty() || !children.clone().all(known) {
                continue;
            }
            let whole = Local { error: self.errors[&i], ..whole };
            let factor = lowering(false, &tree.nodes[i].panel, &whole, children.clone().map(|i| &self.locals[&i]));
            for i in children {
                let mut local = self.locals[&i].clone();
                local.lower(factor);
                self.errors.insert(i, local.error);
                self.lowered += usize::from(local.error < self.locals[&i].error);
            }
            // In order, so that what is below comes later.
        }
    }

    /// Calls certain what has become so.
    fn settle(&mut self, tree: &Tree<f64, Halves>) {
        if tree.method.1 {
            self.compare(tree);
        }
        let exponent = |error: f64| error.to_bits() >> 52;
        loop {
            let stands = |i: &usize| {
                let parent = tree.nodes[*i].parent;
                !self.certain.contains(i) && (parent == RANGE || self.certain.contains(&parent))
            };
            let cut: Vec<usize> = self.errors.keys().copied().filter(stands).collect();
            for i in &cut {
                let units = self.units(self.errors[i]);
                self.units.entry(*i).or_insert(units);
            }
            let least = |i: &usize| {
                let path = std::iter::successors(Some(*i), |&i| Some(tree.nodes[i].parent)).take_while(|&i| i != RANGE);
                path.map(|i| self.errors[&i]).fold(f64::INFINITY, f64::min)
            };
            let mut open = cut.iter().filter(|i| !tree.nodes[**i].finished);
            let next = match tree.method.0 {
                Control::Global => open.max_by(|i, j| least(i).total_cmp(&least(j))).filter(|i| {
                    let least = exponent(least(i));
                    let below = cut.iter().filter(|j| exponent(self.errors[j]) < least).map(|j| self.units[j]);
                    let allowed = self.units(self.allowed) + 1;
                    below.sum::<u64>() > allowed || self.units(f64::from_bits(least << 52)) > allowed
                }),
                Control::Local => open.find(|i| {
                    let whole = self.allowed / self.pieces as f64;
                    self.errors[i] > (0..tree.nodes[**i].panel.depth).fold(whole, |share, _| share / 2.0)
                }),
            };
            let Some(&next) = next else { return };
            self.certain.insert(next);
        }
    }
}

#[test]
fn certain_is_what_the_errors_of_the_cut_say_and_nothing_else() {
    let (mut ahead, mut met, mut lowered) = (0, 0, 0);
    for seed in 0..if cfg!(miri) { 10 } else { 800 } {
        let mut dice = Dice(seed);
        let control = [Control::Global, Control::Local][seed as usize % 2];
        let has_parts = control == Control::Global && seed % 4 == 0;
        let mut known = Known { pieces: 1 + dice.below(3) as usize, ..Known::default() };
        let scale = [1.0, 2f64.powi(-70), 2f64.powi(40)][seed as usize / 2 % 3];
        // A relative tolerance is known only later.
        known.allow(if dice.below(4) == 0 { 0.0 } else { scale * WHOLE });
        let piece = |i| Panel { a: i as f64, b: (i + 1) as f64, depth: 0, kind: () };
        let pieces = (0..known.pieces).map(piece);
        let mut tree: Tree<f64, Halves> =
            Tree::new(Halves(control, has_parts), Speculation::Certain, pieces, known.allowed);
        let mut retired = BTreeSet::from([RANGE]);
        for _ in 0..60 {
            let node = 1 + dice.below(tree.nodes.len() as u64 - 1) as usize;
            if !tree.is_judged(node) {
                // Errors that may grow from parent to child; one in eight is at its roundoff, some are none at all.
                let error = scale * (dice.below(1 << 20) << dice.below(18)) as f64 * dice.below(6).min(1) as f64;
                let roundoff = if dice.below(8) == 0 { error } else { 0.0 };
                let value = if dice.below(2) == 0 { 0.0 } else { scale * dice.below(1 << 20) as f64 };
                let local = Local { value, error, l1: 0.0, roundoff };
                if !tree.method.is_part(&tree.nodes[node].panel) {
                    known.errors.insert(node, error);
                }
                known.locals.insert(node, local.clone());
                tree.judged(node, (), local, None);
            } else if dice.below(4) == 0 {
                known.allow(scale * ((1 + dice.below(1 << 10)) << (18 + dice.below(10))) as f64);
                tree.set_allowed(known.allowed);
            } else {
                let children = tree.children(node);
                let decided = retired.contains(&tree.nodes[node].parent) && !retired.contains(&node);
                if decided && children.clone().all(|i| tree.is_judged(i)) {
                    tree.require(children);
                    tree.retire(node, 2);
                    retired.insert(node);
                    known.certain.insert(node);
                }
            }
            known.settle(&tree);
            let certain: BTreeSet<usize> = (1..tree.nodes.len()).filter(|&i| tree.nodes[i].passed).collect();
            assert_eq!(certain, known.certain, "seed {seed}");
            if control == Control::Global {
                let boundary = tree.tail.boundary();
                assert!(tree.tail.is_certain(boundary) || boundary.is_infinite());
                assert!(boundary == 0.0 || !tree.tail.is_certain(boundary.next_down()), "seed {seed}: {boundary}");
            }
        }
        met += retired.len() - 1;
        lowered += known.lowered;
        // All that is below it is asked for, those with the largest errors first, and nothing else.
        let mut last = f64::INFINITY;
        let mut asked = BTreeSet::new();
        tree.required = 0..0;
        while let Some((Wanted::Panel(node), class)) = tree.next(8, 0) {
            let parent = tree.nodes[node].parent;
            assert!(class == Class::Certain && tree.nodes[parent].passed && tree.nodes[parent].rank <= last);
            last = tree.nodes[parent].rank;
            tree.issue(node, class);
            asked.insert(node);
        }
        let below = |&i: &usize| tree.nodes[tree.nodes[i].parent].passed && !tree.is_judged(i);
        assert!((1..tree.nodes.len()).filter(below).eq(asked.iter().copied()), "seed {seed}");
        ahead += asked.len();
    }
    assert!(cfg!(miri) || (ahead > 1000 && met > 1000 && lowered > 300), "{ahead} {met} {lowered}");
}

/// Panels are halved, and the halves are told the error of the panel they come from.
#[derive(Clone)]
struct Told;

impl Method for Told {
    type Kind = u64;
    const REUSES_POINTS: bool = false;
    const HAS_PARTS: bool = true;

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) -> u64 {
        0
    }

    fn is_part(&self, panel: &Panel<u64>) -> bool {
        panel.depth > 0
    }

    fn points(&self, panel: &Panel<u64>, into: &mut Vec<f64>) {
        into.push(panel.midpoint());
    }

    fn estimate<T: Value>(&self, _: &mut Panel<u64>, _: &[T]) -> Local<T> {
        unreachable!("estimates are given")
    }

    fn refine(&self, panel: &Panel<u64>, error: f64, into: &mut Vec<Panel<u64>>) {
        panel.bisect(error.to_bits(), into);
    }

    fn predict(&self, panel: &Panel<u64>, into: &mut Vec<Panel<u64>>) {
        panel.bisect(0, into);
    }
}

#[test]
fn parts_follow_from_an_error_once_it_is_final() {
    let local = |value, error| Local { value, error, l1: 1.0, roundoff: 0.0 };
    let whole = Panel { a: 0.0, b: 1.0, depth: 0, kind: 0 };
    let mut tree: Tree<f64, Told> = Tree::new(Told, Speculation::Ahead, [whole].into_iter(), 1e-3);
    let kinds = |tree: &mut Tree<f64, Told>, node| {
        let children = tree.children(node);
        tree.nodes[children].iter().map(|child| child.asked).collect::<Vec<_>>()
    };
    let piece = tree.children(RANGE).start;
    tree.judged(piece, 0, local(8.0, 1024.0), None);
    assert_eq!(kinds(&mut tree, piece), [1024f64.to_bits(); 2]);
    let (left, right) = (tree.children(piece).start, tree.children(piece).start + 1);
    // A guess, as long as the other half is not known.
    tree.judged(left, 1024f64.to_bits(), local(3.0, 24.0), None);
    assert!(tree.nodes[left].is_open());
    assert_eq!(kinds(&mut tree, left), [0; 2]);
    tree.judged(right, 1024f64.to_bits(), local(4.0, 8.0), None);
    assert_eq!([left, right].map(|half| tree.nodes[half].rank), [2.25, 0.75]);
    assert_eq!(kinds(&mut tree, left), [2.25f64.to_bits(); 2]);
    assert_eq!(kinds(&mut tree, right), [0.75f64.to_bits(); 2]);
    // The run has what it was compared with, and it is kept no longer.
    let (_, taken) = tree.hand_over(piece);
    assert_eq!(taken.error, 1024.0);
    assert!(matches!(tree.nodes[piece].state, crate::prefetch::State::Judged(None)));
}
