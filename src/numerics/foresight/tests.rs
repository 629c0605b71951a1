//! What is guessed beside what a run asks for.

use super::super::algebraic::Algebraic;
use super::super::fourier::Fourier;
use super::*;

/// The points that a run with global control asks for after its first panel, and those that are
/// guessed by the values of that panel.
fn points<M: Method>(method: &M, f: impl Fn(f64) -> f64, panel: Panel<M::Kind>) -> [Vec<u64>; 2] {
    let known = |panel: &Panel<M::Kind>| {
        let mut points = Vec::new();
        method.points(panel, &mut points);
        let values: Vec<f64> = points.iter().map(|x| f(*x)).collect();
        (points, values)
    };
    let bits = |points: Vec<f64>| points.into_iter().map(f64::to_bits);
    const ALLOWED: f64 = 1e-10;
    let (first, values) = known(&panel);
    let mut judged = panel;
    let local = method.estimate(&mut judged, &values);
    let mut guesses = Vec::new();
    assert!(seen(method, &judged, &values, ALLOWED, || None, &mut guesses));
    let guessed = guesses.iter().flat_map(|guess| bits(known(&guess.panel).0)).collect();
    let mut leaves = vec![(judged, local.error)];
    let mut needed = Vec::new();
    while leaves.iter().map(|leaf| leaf.1).sum::<f64>() > ALLOWED {
        let worst = (0..leaves.len()).fold(0, |worst, i| if leaves[i].1 > leaves[worst].1 { i } else { worst });
        let (panel, error) = leaves.swap_remove(worst);
        let mut next = Vec::new();
        method.refine(&panel, error, &mut next);
        for mut panel in next {
            let (points, values) = known(&panel);
            needed.extend(bits(points));
            let local = method.estimate(&mut panel, &values);
            leaves.push((panel, local.error));
        }
    }
    let of_first: Vec<u64> = bits(first).collect();
    [needed, guessed].map(|mut points: Vec<u64>| {
        points.sort_unstable();
        points.dedup();
        points.retain(|x| !of_first.contains(x));
        points
    })
}

/// The panel from zero to a limit.
fn whole<M: Method>(method: &M, b: f64) -> Panel<M::Kind> {
    Panel { a: 0.0, b, depth: 0, kind: method.root() }
}

#[test]
fn all_that_a_run_asks_for_is_foreseen_where_a_function_stands_for_the_integrand() {
    let weight = Algebraic::new(-0.5, 0.0).over(0.0, 10.0).expect("a weight");
    let [needed, guessed] = points(&weight, |x| 1.0 / (1.0 + x * x), whole(&weight, 10.0));
    assert!(needed.len() > 64 && needed == guessed, "{} of {}", guessed.len(), needed.len());
    let wave = Fourier::cos(3.0);
    let [needed, guessed] = points(&wave, |x| (-x * x / 4.0).exp(), whole(&wave, 10.0));
    assert!(needed.len() > 32 && needed == guessed, "{} of {}", guessed.len(), needed.len());
    // To infinity.
    let [needed, guessed] = points(&wave, |x| x / (1.0 + x * x), whole(&wave, f64::INFINITY));
    let right = needed.iter().filter(|x| guessed.contains(x)).count();
    assert!(needed.len() > 64 && 2 * right > needed.len(), "{right} of {}, {}", needed.len(), guessed.len());
}

#[test]
fn what_is_settled_or_has_no_numbers_is_followed_by_nothing() {
    let wave = Fourier::cos(1.0);
    let panel = Panel { a: 0.0, b: 1.0, depth: 0, kind: wave.root() };
    let mut xs = Vec::new();
    wave.points(&panel, &mut xs);
    let mut guesses = Vec::new();
    let smooth: Vec<f64> = xs.iter().map(|x| x.exp()).collect();
    assert!(seen(&wave, &panel, &smooth, 1e-10, || None, &mut guesses) && guesses.is_empty());
    let vectors: Vec<[f64; 2]> = xs.iter().map(|x| [x.sqrt(), 1.0]).collect();
    assert!(!seen(&wave, &panel, &vectors, 1e-10, || None, &mut guesses) && guesses.is_empty());
    // A kink is followed for values of any kind.
    let kinked: Vec<[f64; 2]> = xs.iter().map(|x| [(x - 0.4).abs(), 1.0]).collect();
    assert!(seen(&wave, &panel, &kinked, 1e-10, || kink(&xs, &kinked), &mut guesses));
    assert!(guesses.iter().filter(|guess| guess.panel.a <= 0.4 && 0.4 <= guess.panel.b).count() > 10);
}
