//! Methods other than the default on drawn questions of the kinds on which a quadrature claims what is not so.

use coquad::{ClenshawCurtis, Error, GaussKronrod, Integrator, Method, TanhSinh};

use crate::support::boxed;
use crate::support::truth::{Question, kind};

const SEED: u64 = 20_261_129;
const RTOL: f64 = 1e-8;
const BUDGET: usize = 100_000;

fn ask<M: Method>(method: M, q: &Question) -> Result<f64, Error> {
    let f = q.f.clone();
    let integrator = Integrator::new(boxed(move |x| f(x))).method(method).rtol(RTOL).max_evaluations(BUDGET);
    Ok(integrator.breakpoints(&q.breakpoints).integrate_blocking(q.a, q.b, 0.0)?.value)
}

/// How many are right, and the names of those that are claimed and off by more than ten tolerances (or do not exist).
fn score<M: Method>(method: &M, questions: &[Question]) -> (usize, Vec<String>) {
    let (mut right, mut wrong) = (0, Vec::new());
    for q in questions {
        match ask(method.clone(), q) {
            Ok(value) if (value - q.exact).abs() <= 10.0 * RTOL * q.exact.abs() => right += 1,
            Ok(value) => wrong.push(format!("{}: {value:e} for {:e}", q.name, q.exact)),
            Err(_) => {}
        }
    }
    (right, wrong)
}

fn believed<M: Method + std::fmt::Debug>(method: &M, name: &str, members: usize, [right, wrong]: [usize; 2]) {
    let (r, w) = score(method, &(kind(name).draw)(members, SEED));
    println!("{name}, {method:?}, seed {SEED}: {r} right, {} wrong of {members}", w.len());
    let few = &w[..w.len().min(5)];
    assert!(r >= right && w.len() <= wrong, "{r} right, {} wrong of {members} (seed {SEED}): {few:#?}", w.len());
}

#[test]
fn steps_that_mirror_one_another_are_told_from_a_constant() {
    believed(&GaussKronrod::new(21), "mirrored steps", 4000, [3960, 40]);
    believed(&TanhSinh, "mirrored steps", 4000, [3960, 40]);
    // Two pairs, or steps of two heights, are told less often: 46, 32 and 43 of 4,000 are wrong on three seeds.
    believed(&GaussKronrod::new(21), "mirrored pairs of steps", 4000, [3900, 60]);
    believed(&TanhSinh, "mirrored pairs of steps", 4000, [3960, 40]);
    believed(&ClenshawCurtis, "mirrored steps", 400, [400, 0]);
}

/// What an odd integrand costs that is smooth: no more than a panel.
#[test]
fn smooth_odd_integrands_are_resolved_by_one_panel() {
    let odd: [fn(f64) -> f64; 4] = [f64::sin, |x| x * x * x, |x| x * (-x * x).exp(), |x| x / (2.0 + x * x)];
    for f in odd {
        for points in [21, 31, 41, 51, 61] {
            let integrator = Integrator::new(boxed(f)).method(GaussKronrod::new(points));
            let e = integrator.integrate_blocking(-1.0, 1.0, 1e-8).expect("smooth");
            assert!(e.value.abs() <= 1e-15 && e.evaluations == points, "{points}: {e:?}");
        }
        let e = Integrator::new(boxed(f)).method(TanhSinh).integrate_blocking(-1.0, 1.0, 1e-8).expect("smooth");
        assert!(e.value.abs() <= 1e-15 && e.evaluations <= 110, "{e:?}");
    }
}

#[test]
fn divergence_at_two_ends_is_no_cancellation() {
    for name in ["divergent at both ends", "divergent at both limits"] {
        believed(&GaussKronrod::new(21), name, 400, [0, 0]);
        believed(&TanhSinh, name, 400, [0, 0]);
        believed(&ClenshawCurtis, name, 400, [0, 0]);
    }
}

/// The error of a level at a kink is as often small by chance as it is near zero: two in a row are less often. Before
/// that was asked for, some 43 and 96 of 800 were wrong.
#[test]
fn levels_that_agree_at_a_kink_by_chance_are_told_from_convergence() {
    believed(&TanhSinh, "triangular density", 800, [770, 28]);
    believed(&TanhSinh, "distance from a point", 800, [788, 12]);
}
