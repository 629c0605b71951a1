//! Guesses by a method that has one point in each panel, and predicts nothing.
#![allow(clippy::float_cmp, reason = "what is asked for is what was guessed")]

use super::*;
use crate::numerics::method::{Control, Local, Method};
use crate::numerics::value::Value;
use crate::prefetch::{Class, RANGE, Wanted};

/// Its guesses last if it looks `FAR`.
#[derive(Clone)]
pub(in crate::prefetch) struct Silent<const FAR: bool = false>;

impl<const FAR: bool> Method for Silent<FAR> {
    type Kind = ();
    const REUSES_POINTS: bool = false;
    const LOOKS_FAR: bool = FAR;

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) {}

    fn points(&self, panel: &Panel<()>, into: &mut Vec<f64>) {
        into.push(panel.midpoint());
    }

    fn estimate<T: Value>(&self, _: &mut Panel<()>, _: &[T]) -> Local<T> {
        unreachable!("estimates are given")
    }

    fn predict(&self, _: &Panel<()>, _: &mut Vec<Panel<()>>) {}
}

pub(in crate::prefetch) fn panel(a: f64, b: f64) -> Panel<()> {
    Panel { a, b, depth: 1, kind: () }
}

/// A tree of one piece whose point was asked for.
pub(in crate::prefetch) fn begun(speculation: Speculation) -> (Tree<f64, Silent>, usize) {
    begun_by(speculation)
}

fn begun_by<const FAR: bool>(speculation: Speculation) -> (Tree<f64, Silent<FAR>>, usize) {
    let mut tree = Tree::new(Silent, speculation, [panel(0.0, 1.0)].into_iter(), 1e-3);
    let piece = tree.children(RANGE).start;
    if speculation != Speculation::Off {
        assert_eq!(tree.next(8, 0), Some((Wanted::Panel(piece), Class::Certain)));
    }
    tree.issue(piece, Class::Certain);
    (tree, piece)
}

pub(in crate::prefetch) fn local(error: f64) -> Local<f64> {
    Local { value: 1.0, error, l1: 1.0, roundoff: 0.0 }
}

fn guesses(chances: &[(f64, f64, f64)]) -> Vec<Guess<()>> {
    chances.iter().map(|&(a, b, chance)| Guess { panel: panel(a, b), chance }).collect()
}

fn point<const FAR: bool>(tree: &mut Tree<f64, Silent<FAR>>) -> Option<f64> {
    match tree.next(8, 1)? {
        (Wanted::Point(t), Class::Guessed) => Some(t),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_likeliest_guess_comes_first_and_is_forgotten_once_more_is_known() {
    let (mut tree, piece) = begun(Speculation::Ahead);
    tree.adopt_loose(piece, &mut guesses(&[(0.0, 0.5, 0.2), (0.5, 1.0, 0.6), (0.25, 0.75, 1e-9)]));
    assert_eq!(point(&mut tree), Some(0.75));
    tree.issue_loose(true);
    assert_eq!((point(&mut tree), tree.extra), (Some(0.25), 1));
    // The panel is judged: what was guessed before is out of date.
    tree.judged(piece, (), local(1.0), None);
    tree.retire(RANGE, 1);
    let children = tree.children(piece);
    children.clone().for_each(|child| tree.issue(child, Class::Certain));
    assert_eq!(point(&mut tree), None);
    tree.adopt_loose(piece, &mut guesses(&[(0.0, 0.125, 0.5)]));
    assert_eq!(point(&mut tree), Some(0.0625));
    // A panel that follows it is judged.
    tree.judged(children.start, (), local(0.0), None);
    assert_eq!(point(&mut tree), None);
    tree.claim();
    assert_eq!(tree.extra, 0);
}

#[test]
fn who_looks_far_is_remembered_until_there_is_no_room() {
    let (mut tree, piece) = begun_by::<true>(Speculation::Ahead);
    tree.judged(piece, (), local(1.0), None);
    tree.retire(RANGE, 1);
    tree.children(piece).for_each(|child| tree.issue(child, Class::Certain));
    tree.nodes[piece].is_followed = true;
    tree.adopt_loose(piece, &mut guesses(&[(0.0, 0.125, 0.5)]));
    assert_eq!(point(&mut tree), Some(0.0625));
    // Of old guesses and new ones the old are given up.
    let old: Vec<_> = (1..MOST).map(|i| (0.0, 1.0 / (i + 2) as f64, 0.5)).collect();
    tree.adopt_loose(piece, &mut guesses(&old));
    assert_eq!(tree.loose.waiting.len(), MOST);
    tree.adopt_loose(RANGE, &mut guesses(&[(0.0, 0.75, 0.25)]));
    assert_eq!(tree.loose.waiting.len(), 1);
    // By what is forgotten in any case there is no room.
    let (mut tree, piece) = begun(Speculation::Ahead);
    tree.judged(piece, (), local(1.0), None);
    tree.retire(RANGE, 1);
    tree.children(piece).for_each(|child| tree.issue(child, Class::Certain));
    tree.adopt_loose(piece, &mut guesses(&old));
    tree.adopt_loose(piece, &mut guesses(&old));
    tree.nodes[piece].is_followed = true;
    tree.adopt_loose(RANGE, &mut guesses(&[(0.0, 0.75, 0.25)]));
    assert_eq!((tree.loose.waiting.len(), point(&mut tree)), (MOST, None));
}

#[test]
fn who_allows_no_guesses_gets_none() {
    for speculation in [Speculation::Off, Speculation::Certain, Speculation::AtMost(0.0), Speculation::AtMost(f64::NAN)]
    {
        let (mut tree, piece) = begun(speculation);
        tree.adopt_loose(piece, &mut guesses(&[(0.0, 0.5, 1.0)]));
        assert_eq!((tree.guesses(), tree.next(8, 1)), (false, None), "{speculation:?}");
    }
}

#[test]
fn the_less_likely_a_guess_the_fewer_are_made() {
    let made = |chance: f64, workers: usize| {
        let (mut tree, piece) = begun(Speculation::Ahead);
        tree.judged(piece, (), local(1.0), None);
        tree.retire(RANGE, 1);
        let children = tree.children(piece);
        children.for_each(|child| tree.issue(child, Class::Certain));
        let mut all: Vec<_> = (1..2000).map(|i| (0.0, f64::from(i) / 2048.0, chance)).collect();
        tree.adopt_loose(piece, &mut guesses(&std::mem::take(&mut all)));
        let mut made = 0;
        while let Some((Wanted::Point(_), _)) = tree.next(workers, 3) {
            tree.issue_loose(true);
            made += 1;
        }
        made
    };
    assert!(made(0.9, 64) > made(0.01, 64) && made(0.01, 64) > made(0.002, 64), "by chance");
    assert!(made(0.9, 64) <= 64 + 2 && made(0.9, 1024) <= 1024 + 2 && made(0.9, 1024) > 900, "by workers");
}
