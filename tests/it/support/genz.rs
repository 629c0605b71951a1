//! Genz's six families of integrands in several variables over the unit cube, drawn, with their integrals.
//!
//! A. Genz, "A package for testing multiple integration subroutines", in Numerical Integration (1987) 337-340.

use std::f64::consts::{PI, TAU};

use super::families::Draw;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Family {
    Oscillating,
    Peaked,
    Corner,
    Gaussian,
    Kinked,
    Jumping,
}

impl Family {
    pub(crate) const ALL: [Self; 6] =
        [Self::Oscillating, Self::Peaked, Self::Corner, Self::Gaussian, Self::Kinked, Self::Jumping];

    /// How hard its members are: the sum of what multiplies the variables.
    fn difficulty(self) -> f64 {
        match self {
            Self::Oscillating => 9.0,
            Self::Peaked => 7.25,
            Self::Corner => 1.85,
            Self::Gaussian => 7.03,
            Self::Kinked => 2.04,
            Self::Jumping => 4.3,
        }
    }
}

/// One integrand: what multiplies the variables, and where it is hardest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Genz<const N: usize> {
    family: Family,
    c: [f64; N],
    w: [f64; N],
}

impl<const N: usize> Genz<N> {
    pub(crate) fn draw(family: Family, members: usize, seed: u64) -> Vec<Self> {
        let mut draw = Draw(seed + 1000 * family as u64 + N as u64);
        let mut member = || {
            let c: [f64; N] = std::array::from_fn(|_| draw.within(0.1, 1.0));
            let w = std::array::from_fn(|_| draw.within(0.05, 0.95));
            let sum: f64 = c.iter().sum();
            Self { family, c: c.map(|c| c * family.difficulty() / sum), w }
        };
        (0..members).map(|_| member()).collect()
    }

    pub(crate) fn at(&self, x: [f64; N]) -> f64 {
        let Self { c, w, .. } = self;
        let sum = |term: &dyn Fn(usize) -> f64| (0..N).map(term).sum::<f64>();
        match self.family {
            Family::Oscillating => (TAU * w[0] + sum(&|i| c[i] * x[i])).cos(),
            Family::Peaked => (0..N).map(|i| 1.0 / (c[i].powi(-2) + (x[i] - w[i]).powi(2))).product(),
            Family::Corner => (1.0 + sum(&|i| c[i] * x[i])).powi(-(N as i32 + 1)),
            Family::Gaussian => (-sum(&|i| (c[i] * (x[i] - w[i])).powi(2))).exp(),
            Family::Kinked => (-sum(&|i| c[i] * (x[i] - w[i]).abs())).exp(),
            Family::Jumping if x[0] > w[0] || x[1] > w[1] => 0.0,
            Family::Jumping => sum(&|i| c[i] * x[i]).exp(),
        }
    }

    pub(crate) fn exact(&self) -> f64 {
        let Self { c, w, .. } = self;
        let product = |factor: &dyn Fn(usize) -> f64| (0..N).map(factor).product::<f64>();
        match self.family {
            Family::Oscillating => {
                let middle = TAU * w[0] + c.iter().sum::<f64>() / 2.0;
                middle.cos() * product(&|i| 2.0 * (c[i] / 2.0).sin() / c[i])
            }
            Family::Peaked => product(&|i| c[i] * ((c[i] * (1.0 - w[i])).atan() + (c[i] * w[i]).atan())),
            Family::Corner => {
                let term = |corner: u32| {
                    let sum: f64 = (0..N).filter(|i| corner >> i & 1 == 1).map(|i| c[i]).sum();
                    let sign = if corner.count_ones() % 2 == 0 { 1.0 } else { -1.0 };
                    sign / (1.0 + sum)
                };
                (0..1 << N).map(term).sum::<f64>() / product(&|i| (i + 1) as f64 * c[i])
            }
            Family::Gaussian => {
                product(&|i| PI.sqrt() / (2.0 * c[i]) * (libm::erf(c[i] * (1.0 - w[i])) + libm::erf(c[i] * w[i])))
            }
            Family::Kinked => product(&|i| (2.0 - (-c[i] * w[i]).exp() - (-c[i] * (1.0 - w[i])).exp()) / c[i]),
            Family::Jumping => product(&|i| (c[i] * if i < 2 { w[i] } else { 1.0 }).exp_m1() / c[i]),
        }
    }
}
