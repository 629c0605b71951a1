//! Evaluations of a tenth of a second, and of a millisecond.

use super::super::Class;
use super::super::loose::tests::{begun, local};
use crate::prefetch::{RANGE, Speculation};

#[test]
fn a_guess_that_would_end_late_waits_until_the_decision_does() {
    for (each, is_timed) in [(0.1, true), (0.001, false)] {
        let (mut tree, piece) = begun(Speculation::Ahead);
        for time in 1..=3 {
            tree.set_time(f64::from(time) * each);
            tree.took_since(f64::from(time - 1) * each);
        }
        tree.judged(piece, (), local(1.0), None);
        tree.retire(RANGE, 1);
        let children = tree.children(piece);
        tree.require(children.clone());
        children.for_each(|child| tree.issue(child, Class::Required));
        // The parts of an evaluation that have passed since; the chance; whether the guess is in time, and is it late.
        for (passed, chance, is_in_time, is_late) in [
            (0.1, 0.01, true, false),
            (0.5, 0.4, false, false),
            (0.5, 0.6, true, false),
            (1.0, 0.6, false, false),
            (1.0, 0.95, true, false),
            (1.3, 0.01, true, true),
        ] {
            tree.set_time((3.0 + passed) * each);
            assert_eq!(tree.is_in_time(chance), is_in_time || !is_timed, "{passed} {chance}");
            assert_eq!(tree.is_late(), is_timed.then_some(is_late), "{passed}");
            let again = tree.again_in();
            assert_eq!(again.is_some(), is_timed && !is_in_time);
            assert!(again.is_none_or(|again| (again - (1.25 - passed) * each).abs() < 1e-9), "{again:?}");
        }
    }
}

#[test]
fn one_pause_of_the_program_is_no_long_evaluation() {
    let (mut tree, piece) = begun(Speculation::Ahead);
    tree.require(piece..piece + 1);
    for (ended, began) in [(0.5, 0.0), (0.501, 0.5), (0.502, 0.501), (2.0, 0.502)] {
        tree.set_time(ended);
        tree.took_since(began);
        assert_eq!((tree.is_late(), tree.is_in_time(0.0)), (None, true));
    }
}
