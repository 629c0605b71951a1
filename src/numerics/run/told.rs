//! Runs over panels whose values and errors are given, one list for each decision.
#![allow(clippy::float_cmp, reason = "bits are compared")]

use super::*;
use crate::numerics::domain::Domain;
use crate::numerics::method::halves::Halves;

struct Told<L> {
    lists: std::vec::IntoIter<L>,
    sums: Vec<(f64, f64)>,
}

impl<L: AsRef<[(f64, f64)]>> Source<f64, ()> for Told<L> {
    type Handle = ();
    type Halt = ();

    fn expand(&mut self, leaf: Option<usize>, leaves: &mut Vec<Leaf<f64, (), ()>>) -> Poll<Result<(), Stop<()>>> {
        let Some(list) = self.lists.next() else { return Poll::Ready(Err(Stop::Early(Reason::Budget))) };
        let list = list.as_ref();
        let mut panels = Vec::new();
        match leaf {
            None => {
                panels.extend((0..list.len()).map(|i| Panel { a: i as f64, b: i as f64 + 1.0, depth: 0, kind: () }));
            }
            Some(leaf) => leaves[leaf].panel.bisect((), &mut panels),
        }
        let leaf = |(panel, &(value, error))| Leaf::new(panel, Local { value, error, l1: value, roundoff: 0.0 }, ());
        leaves.extend(panels.into_iter().zip(list).map(leaf));
        Poll::Ready(Ok(()))
    }

    fn retired(&mut self, value: &f64, error: f64) {
        self.sums.push((*value, error));
    }
}

/// How the run ends, and the sums after each decision.
fn told_under<L>(control: Control, lists: Vec<L>, atol: f64, rtol: f64) -> (Verdict, Vec<(f64, f64)>)
where
    L: AsRef<[(f64, f64)]>,
{
    let mut source = Told { lists: lists.into_iter(), sums: Vec::new() };
    let mut run = Run::new(Halves(control, false), Allowance::new(atol, rtol).expect("one is positive"), true);
    match run.advance(&mut source) {
        Poll::Ready(Ok(verdict)) => (verdict, source.sums),
        other => panic!("{other:?}"),
    }
}

fn told(lists: &[&[(f64, f64)]], atol: f64, rtol: f64) -> (Verdict, Vec<(f64, f64)>) {
    told_under(Control::Global, lists.to_vec(), atol, rtol)
}

const BUDGET: Verdict = Verdict::Stopped(Reason::Budget);

#[test]
fn errors_are_summed_afresh_once_they_have_shrunk_a_million_times() {
    // 1e20 + 12,000 is rounded up by 4384, which stays when the 1e20 are gone.
    let (verdict, sums) = told(&[&[(0.0, 1e20), (0.0, 12_000.0)], &[(0.0, 0.0), (0.0, 0.0)]], 13_000.0, 0.0);
    assert_eq!((verdict, sums[1].1), (Verdict::Converged, 16_384.0));
    // Not before: an error of 3 counts for 4 as long as others are so much larger.
    let lists: [&[(f64, f64)]; 3] =
        [&[(0.0, 1e16), (0.0, 3.0)], &[(0.0, 4e15), (0.0, 4e15)], &[(0.0, 1.0), (0.0, 1.0)]];
    let (verdict, sums) = told(&lists, 1.0, 0.0);
    let errors: Vec<f64> = sums.iter().map(|sum| sum.1).collect();
    assert_eq!((verdict, errors), (BUDGET, vec![1e16 + 4.0, 8e15 + 4.0, 4e15 + 6.0]));
}

#[test]
fn a_relative_tolerance_is_that_of_the_value_summed_afresh() {
    // 1e17 + 9 is rounded up to 1e17 + 16.
    let lists: [&[(f64, f64)]; 2] = [&[(1e17, 0.0), (9.0, 2.0), (-1e17, 0.0)], &[(4.5, 0.5), (4.5, 0.5)]];
    let values = |sums: Vec<(f64, f64)>| sums.into_iter().map(|sum| sum.0).collect::<Vec<_>>();
    for (rtol, expected) in [(0.08, BUDGET), (1.0 / 9.0, Verdict::Converged)] {
        let (verdict, sums) = told(&lists, 0.0, rtol);
        assert_eq!((verdict, values(sums)), (expected, vec![16.0, 16.0]));
    }
    // And of no other as long as the errors are larger.
    let lists: [&[(f64, f64)]; 3] =
        [&[(1e17, 0.0), (9.0, 1e20), (-1e17, 0.0)], &[(4.5, 12_000.0), (4.5, 1.0)], &[(2.25, 1.0), (2.25, 1.0)]];
    let (verdict, sums) = told(&lists, 0.0, 1e-3);
    assert_eq!((verdict, values(sums)), (BUDGET, vec![16.0; 3]));
}

#[test]
fn noise_is_more_than_half_of_the_error_kept_and_less_than_a_part_in_1e5_moved() {
    let mut run: Run<f64, Halves, ()> =
        Run::new(Halves(Control::Global, false), Allowance::new(1.0, 0.0).expect("it is positive"), false);
    let panel = Panel { a: 0.0, b: 1.0, depth: 0, kind: () };
    run.leaves.push(Leaf::new(panel, Local { value: 0.0, error: 0.0, l1: 1e6, roundoff: 0.0 }, ()));
    let mut noise = |refined, error, moved| {
        run.check = Check { at: 32, error: 8.0, moved, level: 3 };
        (run.refined, run.leaves[0].local.error) = (refined, error);
        let noise = run.is_noise();
        let Check { at, error: seen, moved: since, level } = run.check;
        let looked = if refined < 32 { (32, 8.0, moved, 3) } else { (64, error, 0.0, 3) };
        assert_eq!((at, seen, since, level), looked);
        noise
    };
    assert!(noise(32, 4.5, 10.0) && noise(40, 9.0, 0.0));
    assert!(!noise(31, 4.5, 10.0) && !noise(32, 4.0, 10.0) && !noise(32, 4.5, 10.1));
}

#[test]
fn what_cannot_be_refined_ends_the_run_if_it_is_too_much_alone() {
    let verdict = |atol| told(&[&[(0.0, 4.0), (0.0, 3.0)], &[], &[(0.0, 0.0), (0.0, 0.0)]], atol, 0.0).0;
    assert_eq!(verdict(4.0), Verdict::Converged);
    assert_eq!(verdict(3.9), Verdict::Stopped(Reason::Roundoff));
}

#[test]
fn local_control_shares_out_a_tighter_tolerance_when_the_integral_turns_out_smaller() {
    let fine: &[(f64, f64)] = &[(0.5, 0.01), (0.5, 0.01)];
    let lists = vec![&[(10.0, 2.0)][..], &[(1.0, 0.4), (1.0, 0.4)], fine, fine];
    let (verdict, sums) = told_under(Control::Local, lists, 0.0, 0.1);
    assert_eq!((verdict, sums.len()), (Verdict::Converged, 4));
}

#[test]
fn local_control_looks_for_noise_between_levels() {
    // Each level has 0.6 of the error of the one before: that is noise, from the second look on. The first is where the
    // seventh level begins, the second one level later.
    let level = |n: usize| (n + 1).ilog2() as i32;
    let halves = |n| vec![(0.0, 0.3f64.powi(level(n) + 1)); 2];
    let lists = std::iter::once(vec![(0.0, 1.0)]).chain((0..1000).map(halves)).collect();
    let (verdict, sums) = told_under(Control::Local, lists, 1e-300, 0.0);
    assert_eq!((verdict, sums.len()), (Verdict::Stopped(Reason::Roundoff), 1 + 127));
}

#[test]
fn an_integral_that_moves_is_not_noise_however_little_its_error_shrinks() {
    for (jump, end, refined) in [(0.0, Reason::Roundoff, 64), (0.5, Reason::Budget, 100)] {
        let halves = |n: usize| {
            let level = (n + 1).ilog2() as i32 + 1;
            vec![(1000.0 * 0.5f64.powi(level) + jump, 0.5f64.powi(level)); 2]
        };
        let lists = std::iter::once(vec![(1000.0 + jump, 1.0)]).chain((0..100).map(halves)).collect();
        let (verdict, sums) = told_under(Control::Global, lists, 1e-300, 0.0);
        assert_eq!((verdict, sums.len()), (Verdict::Stopped(end), 1 + refined));
    }
}

#[test]
fn the_largest_errors_stand_in_line_without_those_at_their_roundoff() {
    let mut run: Run<f64, Halves, ()> =
        Run::new(Halves(Control::Global, false), Allowance::new(1.0, 0.0).expect("it is positive"), false);
    let floor = 1e-3 / 1024.0;
    for (i, (error, roundoff)) in [(1.0, 1.0), (1e-3, 0.0), (floor, 0.0), (9e-7, 0.0)].into_iter().enumerate() {
        let panel = Panel { a: i as f64, b: i as f64 + 1.0, depth: 0, kind: () };
        run.leaves.push(Leaf::new(panel, Local { value: 0.0, error, l1: 0.0, roundoff }, ()));
    }
    run.line_up(1.0);
    let line: Vec<usize> = std::iter::from_fn(|| run.queue.pop()).map(|queued| queued.leaf).collect();
    assert_eq!((line, run.floor), (vec![1, 2], floor));
}

#[test]
fn a_run_that_never_began_knows_nothing_of_its_error() {
    let mut run: Run<f64, Halves, ()> =
        Run::new(Halves(Control::Global, false), Allowance::new(1.0, 0.0).expect("it is positive"), false);
    let mut source = Told { lists: Vec::<Vec<(f64, f64)>>::new().into_iter(), sums: Vec::new() };
    assert_eq!(run.advance(&mut source), Poll::Ready(Ok(BUDGET)));
    let e = run.finish(&Domain::new(0.0, 1.0, &[], None).expect("they are numbers"), 0, 0, None);
    assert_eq!((e.value, e.error, e.segments.len()), (0.0, f64::INFINITY, 0));
}

#[test]
fn the_error_of_an_answer_is_summed_afresh() {
    let lists: Vec<&[(f64, f64)]> = vec![&[(0.0, 1e16), (0.0, 3.0)], &[(0.0, 4e15), (0.0, 4e15)]];
    let mut source = Told { lists: lists.into_iter(), sums: Vec::new() };
    let mut run = Run::new(Halves(Control::Global, false), Allowance::new(1.0, 0.0).expect("it is positive"), false);
    assert_eq!(run.advance(&mut source), Poll::Ready(Ok(BUDGET)));
    let domain = Domain::new(0.0, 2.0, &[1.0], None).expect("they are numbers");
    // In the order of the decisions. The sum on the way had 8e15 + 4.
    assert_eq!((source.sums[1].1, run.finish(&domain, 3, 3, None).error), (8e15 + 4.0, 8e15 + 3.0));
}

#[test]
fn places_in_line_are_equal_if_error_and_left_end_are() {
    let place = |error, a, leaf| Queued::new(error, a, leaf);
    assert!(place(1.0, 2.0, 3) == place(1.0, 2.0, 4));
    assert!(place(1.0, 2.0, 3) != place(1.5, 2.0, 3) && place(1.0, 2.0, 3) != place(1.0, 2.5, 3));
}
