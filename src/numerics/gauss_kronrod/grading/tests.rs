//! Where segments are cut.

#![allow(clippy::float_cmp, reason = "all of these are exact")]

use super::*;

fn whole(a: f64, b: f64) -> Panel<Place> {
    Panel { a, b, depth: 0, kind: Place::WHOLE }
}

/// The parts of a segment, of which one has so much of the errors of both.
fn cut(panel: &Panel<Place>, at: usize, error: f64) -> Option<[Panel<Place>; 2]> {
    let mut parts = parts(panel)?;
    assert!(parts[0].a == panel.a && parts[0].b == parts[1].a && parts[1].b == panel.b, "{parts:?} of {panel:?}");
    assert!(parts.iter().all(|part| part.a < part.b && part.depth == panel.depth + 1));
    parts[at].kind.note(error, 1.0);
    parts[1 - at].kind.note(1.0 - error, 1.0);
    Some(parts)
}

/// From the whole range on, the part at its left or right limit, which has so much of the errors each time.
fn down(a: f64, b: f64, at: usize, error: f64) -> impl Iterator<Item = Panel<Place>> {
    std::iter::successors(Some(whole(a, b)), move |panel| cut(panel, at, error).map(|parts| parts[at])).skip(1)
}

const GRADED: [f64; 7] =
    [0.5, 0.25, 0.0625, 0.007_812_5, 0.000_976_562_5, 0.000_122_070_312_5, 0.000_015_258_789_062_5];

#[test]
fn segments_with_all_the_error_at_a_limit_are_cut_in_halves_quarters_and_then_eighths() {
    assert!(down(0.0, 1.0, 0, 1.0).zip(GRADED).all(|(part, b)| part.b == b));
    assert!(down(-1.0, 0.0, 1, 1.0).zip(GRADED).all(|(part, b)| part.a == -b));
    assert!(down(0.0, 1.0, 0, 15.0 / 16.0).zip(GRADED).all(|(part, b)| part.b == b));
    assert!(down(0.0, 1.0, 0, 14.0 / 16.0).zip(1..9).all(|(part, i)| part.b == 0.5f64.powi(i)));
    let halvings: Vec<_> = down(0.0, 1.0, 0, 1.0).map(|part| part.kind.halvings()).take(6).collect();
    assert_eq!(halvings, [0, 1, 2, 3, 3, 3]);
}

#[test]
fn a_part_without_all_the_error_is_halved_and_begins_anew() {
    let hard = down(0.0, 1.0, 0, 1.0).nth(3).expect("there is room");
    let [left, right] = cut(&hard, 0, 0.5).expect("there is room");
    assert_eq!([left.b, right.b], [GRADED[4], GRADED[3]]);
    let [left, _] = cut(&left, 0, 1.0).expect("there is room");
    assert_eq!((left.b, left.kind.halvings()), (GRADED[4] / 2.0, 0));
    let [left, _] = cut(&left, 0, 1.0).expect("there is room");
    assert_eq!((left.b, left.kind.halvings()), (GRADED[4] / 4.0, 1));
}

#[test]
fn within_the_range_segments_are_halved_wherever_the_error_is() {
    for (at, error) in [(0, 1.0), (1, 1.0), (0, 0.5)] {
        let [_, mut inner] =
            cut(&down(0.0, 1.0, 0, 1.0).nth(3).expect("there is room"), 1, 1.0).expect("there is room");
        for _ in 0..20 {
            let c = inner.midpoint();
            let parts = cut(&inner, at, error).expect("there is room");
            assert_eq!(parts[0].b, c);
            inner = parts[at];
        }
    }
    // Nor is a range cut anywhere else that has its error at both limits.
    for half in cut(&whole(0.0, 1.0), 0, 0.5).expect("there is room") {
        assert_eq!(cut(&half, 0, 0.5).expect("there is room")[0].b, half.midpoint());
    }
}

#[test]
fn next_to_a_limit_that_is_not_zero_segments_are_halved_in_the_end() {
    for (a, b, at) in [(1.0, 2.0, 0), (1000.0, 1001.0, 0), (-3.0, 7.0, 0), (-3.0, 7.0, 1), (0.3, 0.4, 1)] {
        let limit: f64 = [a, b][at];
        let widths: Vec<_> = down(a, b, at, 1.0).map(|part| part.b - part.a).collect();
        let [last, before] = [1, 2].map(|k| widths[widths.len() - k]);
        assert!(last < 1e-15 * limit.abs() && last > 0.2 * before, "{last:e} {before:e}");
        for pair in widths.windows(2).skip(3) {
            let (factor, relative) = (pair[0] / pair[1], pair[1] / limit.abs());
            assert!(relative < 8e-12 || (7.9..8.1).contains(&factor), "{pair:?}");
            assert!(relative > 0.9e-12 || factor < 2.1 || pair[1] < 1e-14 * limit.abs(), "{pair:?}");
        }
    }
    // Next to zero there is no such end.
    assert!(down(0.0, 1.0, 0, 1.0).count() < 400);
}

#[test]
fn what_was_hard_is_guessed_to_be_hard_again() {
    let hard = down(0.0, 1.0, 0, 1.0).nth(2).expect("there is room");
    let asked = parts(&hard).expect("there is room")[0];
    let guessed = Panel { kind: asked.kind.guessed(), ..asked };
    assert_eq!(parts(&guessed), parts(&Panel { kind: cut(&hard, 0, 1.0).expect("there is room")[0].kind, ..asked }));
    let first = parts(&whole(0.0, 1.0)).expect("there is room")[0];
    assert_eq!(first.kind.guessed(), first.kind);
}

#[test]
fn a_segment_that_looks_exact_is_cut_just_beside_its_last_cut() {
    let [mut left, mut right] = parts(&whole(0.0, 1.0)).expect("there is room");
    left.kind.note_exact();
    right.kind.note_exact();
    assert_eq!(parts(&left).expect("there is room")[0].b, 0.5 - 0.5 / 256.0);
    assert_eq!(parts(&right).expect("there is room")[0].b, 0.5 + 0.5 / 256.0);
    // What comes of it is cut as ever.
    let [_, inner] = parts(&left).expect("there is room");
    assert_eq!(parts(&inner).expect("there is room")[0].b, inner.midpoint());
    let [mut narrow, _] = parts(&whole(1.0, 1.0 + 8.0 * f64::EPSILON)).expect("there is room");
    narrow.kind.note_exact();
    assert_eq!(parts(&narrow).expect("there is room")[0].b, narrow.midpoint());
}
