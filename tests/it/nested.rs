//! Regions whose inner limits depend on outer variables.

#![allow(clippy::result_large_err, reason = "an error carries the estimate, with its boxes")]

use std::f64::consts::PI;

use coquad::{BoxIntegrator, Error, Inline, Nested, ThreadPool};
use num_complex::Complex;

use crate::support::cluster::Random;

/// A number in [0, 1).
fn unit(random: &mut Random) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Over the simplex below `x / side + y / side + .. = 1` the integral of a product of powers is one of factorials
/// (Dirichlet 1839): with sides `s`, powers `k`, and `n` axes, the product of `s^(k + 1) k!`, over `(n + sum of k)!`.
fn simplices<const N: usize>(random: &mut Random, seed: u64, rtol: f64) {
    let sides: [f64; N] = std::array::from_fn(|_| 0.5 + 2.0 * unit(random));
    let powers: [u32; N] = std::array::from_fn(|_| (random.next_u64() % 3) as u32);
    let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
    let part = |axis: usize| sides[axis].powi(powers[axis] as i32 + 1) * factorial(powers[axis]);
    let exact = (0..N).map(part).product::<f64>() / factorial(N as u32 + powers.iter().sum::<u32>());
    let simplex = Nested::new(move |axis, x: [f64; N]| {
        let used: f64 = (0..axis).map(|axis| x[axis] / sides[axis]).sum();
        (0.0, sides[axis] * (1.0 - used))
    });
    let f = move |x: [f64; N]| (0..N).map(|axis| x[axis].powi(powers[axis] as i32)).product::<f64>();
    let integrator = BoxIntegrator::new(Inline::over(simplex.integrand(f))).rtol(rtol);
    let e = integrator.integrate_blocking([0.0; N], [1.0; N], 0.0);
    let e = e.unwrap_or_else(|error| panic!("seed {seed}, sides {sides:?}, powers {powers:?}: {error}"));
    assert!((e.value / exact - 1.0).abs() <= rtol, "seed {seed}, sides {sides:?}, powers {powers:?}: {e}, {exact:?}");
}

#[test]
fn powers_on_simplices_that_are_drawn_have_their_integrals() {
    for seed in 0..20 {
        let random = &mut Random::new(seed);
        simplices::<2>(random, seed, 1e-10);
        simplices::<3>(random, seed, 1e-7);
        simplices::<4>(random, seed, 1e-4);
    }
}

#[test]
fn limits_may_be_infinite_descend_or_be_equal() {
    const INF: f64 = f64::INFINITY;
    let value = |region: f64, e: Result<coquad::Estimate<f64, [f64; 2]>, Error<f64, [f64; 2]>>| {
        let e = e.unwrap();
        assert!((e.value - region).abs() <= 1e-7, "{e}, {region:?}");
    };
    let fall = |[x, y]: [f64; 2]| (-x - y).exp();
    // 0 < y < x, and the rest of the quadrant.
    let below = Nested::new(|axis, [x, _]: [f64; 2]| if axis == 0 { (0.0, INF) } else { (0.0, x) });
    value(0.5, BoxIntegrator::new(Inline::over(below.integrand(fall))).integrate_blocking([0.0; 2], [1.0; 2], 1e-7));
    let above = Nested::new(|axis, [x, _]: [f64; 2]| if axis == 0 { (0.0, INF) } else { (x, INF) });
    value(0.5, BoxIntegrator::new(Inline::over(above.integrand(fall))).integrate_blocking([0.0; 2], [1.0; 2], 1e-7));
    // Each axis that descends negates.
    let gauss = |[x, y]: [f64; 2]| (-x * x - y * y).exp();
    let half = Nested::new(|axis, [x, _]: [f64; 2]| if axis == 0 { (INF, -INF) } else { (-INF, x) });
    let half = BoxIntegrator::new(Inline::over(half.integrand(gauss)));
    value(-PI / 2.0, half.integrate_blocking([0.0; 2], [1.0; 2], 1e-7));
    // Where they are equal there is nothing, and nothing is asked.
    let nothing = Nested::new(|axis, [x, _]: [f64; 2]| if axis == 0 { (0.0, 1.0) } else { (x, x) });
    let never = BoxIntegrator::new(Inline::over(nothing.integrand(|_| -> f64 { panic!("not asked") })));
    value(0.0, never.integrate_blocking([0.0; 2], [1.0; 2], 1e-7));
}

#[test]
fn a_limit_that_is_no_number_or_asks_for_a_later_variable_is_an_error() {
    for limits in [
        |axis: usize, [_, y]: [f64; 2]| if axis == 0 { (0.0, y) } else { (0.0, 1.0) },
        |axis: usize, [x, _]: [f64; 2]| if axis == 0 { (0.0, 1.0) } else { (0.0, (x - 0.5).sqrt()) },
    ] {
        let integrator = BoxIntegrator::new(Inline::over(Nested::new(limits).integrand(|[x, y]| x + y)));
        let answer = integrator.integrate_blocking([0.0; 2], [1.0; 2], 1e-7);
        assert!(matches!(answer, Err(Error::NonFinite { norm, .. }) if norm.is_nan()), "{answer:?}");
    }
}

#[test]
fn the_bits_are_the_same_on_threads_and_values_may_be_lists() {
    let ball = || {
        Nested::new(|axis, [x, y, _]: [f64; 3]| {
            let left = [1.0, 1.0 - x * x, 1.0 - x * x - y * y][axis];
            (-f64::sqrt(left.max(0.0)), f64::sqrt(left.max(0.0)))
        })
    };
    let f = |[x, y, z]: [f64; 3]| vec![Complex::new(1.0, x * x), Complex::new(y * y, z * z)];
    let here = BoxIntegrator::new(Inline::over(ball().integrand(f))).rtol(1e-5);
    let here = here.integrate_blocking([0.0; 3], [1.0; 3], 0.0).unwrap();
    let pool = ThreadPool::new(3);
    let there = BoxIntegrator::new(pool.evaluator_over(ball().integrand(f))).rtol(1e-5);
    let there = there.integrate_blocking([0.0; 3], [1.0; 3], 0.0).unwrap();
    let bits = |value: &[Complex<f64>]| value.iter().flat_map(|z| [z.re.to_bits(), z.im.to_bits()]).collect::<Vec<_>>();
    assert_eq!(bits(&here.value), bits(&there.value));
    assert_eq!(here.evaluations, there.evaluations);
    let (volume, second) = (4.0 * PI / 3.0, 4.0 * PI / 15.0);
    let exact = [Complex::new(volume, second), Complex::new(second, second)];
    assert!(here.value.iter().zip(exact).all(|(found, exact)| (found - exact).norm() < 1e-4), "{:?}", here.value);
}
