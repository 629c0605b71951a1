//! What boxes are worth: of Genz's families, drawn, how many are answered right and how many wrong without a word, and the
//! evaluations of integrands that are singular at a face. `cargo bench --bench boxes [MEMBERS]`; 8 members unless told
//! otherwise, a budget of 10^6 evaluations each.

#![allow(clippy::result_large_err, reason = "an error carries the estimate, with its boxes")]

#[path = "../tests/it/support/families.rs"]
mod families;
#[path = "../tests/it/support/genz.rs"]
mod genz;

use coquad::{BoxIntegrator, Error, Inline};
use genz::{Family, Genz};

const SEED: u64 = 77;

/// Evaluations, and whether what is claimed is right; nothing if nothing is claimed.
fn asked<const N: usize>(
    f: impl Fn([f64; N]) -> f64 + Send + Sync + 'static,
    exact: f64,
    rtol: f64,
) -> (usize, Option<bool>) {
    let integrator = BoxIntegrator::new(Inline::over(f)).rtol(rtol).max_evaluations(1_000_000);
    match integrator.integrate_blocking([0.0; N], [1.0; N], 0.0) {
        Ok(e) => (e.evaluations, Some((e.value / exact - 1.0).abs() <= rtol)),
        Err(Error::NotConverged { estimate, .. }) => (estimate.evaluations, None),
        Err(error) => panic!("{error}"),
    }
}

/// Of all families: how many, solved, wrong.
fn families<const N: usize>(members: usize, rtol: f64) -> [usize; 3] {
    let mut counts = [0; 3];
    for family in Family::ALL {
        for member in Genz::<N>::draw(family, members, SEED) {
            let (_, right) = asked(move |x: [f64; N]| member.at(x), member.exact(), rtol);
            counts[0] += 1;
            counts[1] += usize::from(right == Some(true));
            counts[2] += usize::from(right == Some(false));
        }
    }
    counts
}

fn main() {
    let members = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(8);
    println!("seed {SEED}: rtol, variables, integrals, solved, wrong");
    for rtol in [1e-3, 1e-6] {
        let all = [families::<2>, families::<3>, families::<5>, families::<8>].map(|family| family(members, rtol));
        for (axes, [asked, solved, wrong]) in [2, 3, 5, 8].into_iter().zip(all) {
            println!("{rtol:e} {axes} {asked:4} {solved:4} {wrong:4}");
        }
        let [asked, solved, wrong] = [0, 1, 2].map(|i| all.iter().map(|counts| counts[i]).sum::<usize>());
        println!("{rtol:e} all {asked:4} {solved:4} {wrong:4}");
    }
    println!("singular at a face: rtol, evaluations of 1/sqrt(x y), 1/(1 - x y), sqrt(x) y^(1/3), 1/r in 3 variables");
    for rtol in [1e-3, 1e-6] {
        let roots = asked(|[x, y]: [f64; 2]| 1.0 / (x * y).sqrt(), 4.0, rtol);
        let corner = asked(|[x, y]: [f64; 2]| 1.0 / (1.0 - x * y), std::f64::consts::PI.powi(2) / 6.0, rtol);
        let powers = asked(|[x, y]: [f64; 2]| x.sqrt() * y.cbrt(), 0.5, rtol);
        // The cube's potential at its corner (Waldvogel 1976): 3 ln((sqrt 3 + 1) / (sqrt 3 - 1)) / 2 - pi / 4.
        let root = 3f64.sqrt();
        let newton = 1.5 * ((root + 1.0) / (root - 1.0)).ln() - std::f64::consts::FRAC_PI_4;
        let newton = asked(|x: [f64; 3]| 1.0 / x.iter().map(|x| x * x).sum::<f64>().sqrt(), newton, rtol);
        println!("{rtol:e} {roots:?} {corner:?} {powers:?} {newton:?}");
    }
}
