//! Where a box is cut: in the middle, but nearer and nearer to a face of the range where the integrand is singular.
//!
//! A singularity at a face looks alike at every scale: fourth differences hardly fall from a box to its part at the
//! face, and second differences on the line through the centre grow towards the face as those of a power of the
//! distance do. Kinks and jumps inside do neither for long.

use super::super::lanes::Lanes;
use super::rule::Rule;

/// Boxes are cut at `2^-3` at the closest, as segments are: see `gauss_kronrod/grading.rs`.
const CLOSEST: u8 = 3;
/// No box is cut nearer to a face than this part of the size of its limits, but in the middle: points so near are rounded.
const ROUNDED: f64 = 1.0 / (1u64 << 40) as f64;
/// By how much second differences are larger near the face than far from it.
const LEANS: f64 = 1.2;
/// The exponent of [`Bends`] over that of a logarithm, at least and at most. That of `x^a` is 0.7 to 1.2 times it for
/// `a` from -0.9 to 1.5, that of an exponential nearly 0. Measured on drawn integrands, 2026-11-30.
const POWERS: [f64; 2] = [0.6, 1.5];

/// Second divided differences on a line through the centre of a box along an axis: below the centre, at it, and above.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bends(pub(super) [f64; 3]);

impl Bends {
    /// With `low high / middle^2 = (low / high)^p`, the exponent `p`; negative if they are larger above. Not a number
    /// if they are all the same.
    pub(super) fn exponent(self) -> f64 {
        let Self([low, middle, high]) = self;
        libm::log(low / middle * (high / middle)) / libm::log(low / high)
    }

    /// Whether they grow as those of a power of the distance from the limit below, and from that above.
    pub(super) fn powers(self, rule: &Rule) -> [bool; 2] {
        let [least, most] = POWERS.map(|times| times * rule.logarithm);
        let Self([low, middle, high]) = self;
        [[low, middle, high], [high, middle, low]].map(|[near, middle, far]| {
            near >= LEANS * far && (least..=most).contains(&Self([near, middle, far]).exponent())
        })
    }
}

/// Where a box lies on an axis of the range, or of the piece between breakpoints that it is of; zero within.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place(u8);

/// It begins where the range does; it ends there.
const LOW: u8 = 1;
const HIGH: u8 = 2;
/// The integrand is singular there.
const HARD: u8 = 4;
/// From this bit on: by how many halvings the box it comes from was cut towards the face; zero before.
const HALVINGS: u32 = 3;

impl Place {
    /// That of the whole range.
    pub(super) const WHOLE: Self = Self(LOW | HIGH);

    /// Whether it lies at a face at which the box it comes from was cut off.
    #[cfg(test)]
    fn is_at_face(self) -> bool {
        self.halvings() > 0
    }

    fn halvings(self) -> u8 {
        self.0 >> HALVINGS
    }

    /// Takes note of the fourth difference on this axis, of that of the box it was cut from, and of whether the
    /// integrand looks singular at the lower and the upper limit.
    pub(super) fn note(&mut self, gain: f32, before: f32, [low, high]: [bool; 2]) {
        // Of a smooth integrand fourth differences fall by the fourth power of the width, of `x^a` by the power `a`.
        let width = 1.0 / f32::from(1u8 << self.halvings());
        let looks = self.0 & LOW != 0 && low || self.0 & HIGH != 0 && high;
        if before > 0.0 && gain >= width * width * before && looks {
            self.0 |= HARD;
        }
    }

    /// What was hard is probably hard again.
    pub(super) fn guessed(self) -> Self {
        if self.halvings() > 1 { Self(self.0 | HARD) } else { self }
    }

    /// Where a box with these limits is cut if its middle is here, and where its parts lie.
    pub(super) fn cut(self, [low, middle, high]: [f64; 3]) -> (f64, [Self; 2]) {
        let face = if self.0 & LOW == 0 { high } else { low };
        let most = if self.0 & HARD == 0 { 1 } else { CLOSEST.min(self.halvings() + 1) };
        let least = ROUNDED * low.abs().most(high.abs());
        let (mut c, mut halvings) = (middle, 1);
        while halvings < most {
            let nearer = c / 2.0 + face / 2.0;
            if (nearer - face).abs() < least || nearer <= low || high <= nearer {
                break;
            }
            (c, halvings) = (nearer, halvings + 1);
        }
        let at = |face: u8| Self(if self.0 & face == 0 { 0 } else { face | halvings << HALVINGS });
        (c, [at(LOW), at(HIGH)])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "limits are powers of two")]

    use super::super::tests::{halves, judged, panel};
    use super::super::{Boxes, Cell};
    use super::*;
    use crate::numerics::method::Method;

    /// Where the box at the low corner is cut on the first axis, relative to its width, cut after cut.
    fn cuts<const N: usize>(f: impl Fn([f64; N]) -> f64) -> Vec<f64> {
        let mut of = panel([0.0; N], [1.0; N]);
        let (mut cuts, mut whole) = (Vec::new(), None);
        for _ in 0..5 {
            judged(&mut of, &f);
            whole.into_iter().for_each(|whole| Boxes.follows(&whole, &mut of));
            of.kind.axis = Some(0);
            let width = of.kind.high[0];
            whole = Some(of);
            of = halves(&of)[0];
            cuts.push(of.kind.high[0] / width);
        }
        cuts
    }

    #[test]
    fn cuts_are_graded_towards_singular_faces_and_no_others() {
        let graded = [0.5, 0.25, 0.125, 0.125, 0.125];
        assert_eq!(cuts(|[x, y]| x.powf(-0.7) * y.exp()), graded);
        assert_eq!(cuts(|[x, y]| x.sqrt() / (1.0 + y)), graded);
        assert_eq!(cuts(|[x, y, z]| x.ln() + y * z), graded);
        assert_eq!(cuts(|x: [f64; 5]| x[0].powf(0.3) * (x[1] - x[4]).exp()), graded);
        let halved = [0.5; 5];
        assert_eq!(cuts(|[x, y]: [f64; 2]| (x - y).abs()), halved);
        assert_eq!(cuts(|[x, y]: [f64; 2]| x.max(0.7 * y)), halved);
        assert_eq!(cuts(|[x, y]: [f64; 2]| if x + 2.0 * y < 0.4 { 1.0 } else { 0.0 }), halved);
        assert_eq!(cuts(|[x, y, z]: [f64; 3]| (-30.0 * x).exp() * y + z), halved);
        assert_eq!(cuts(|x: [f64; 5]| if x[0] < 0.11 { x[1].exp() } else { 0.0 }), halved);
        assert_eq!(cuts(|_: [f64; 2]| 0.0), halved);
    }

    #[test]
    fn a_box_is_graded_towards_the_upper_face_as_towards_the_lower() {
        let (mut of, mut whole) = (panel([0.0; 2], [1.0; 2]), None);
        for part in [0.5, 0.25, 0.125] {
            judged(&mut of, |[x, y]| (1.0 - x).powf(-0.3) + y);
            whole.into_iter().for_each(|whole| Boxes.follows(&whole, &mut of));
            of.kind.axis = Some(0);
            let width = 1.0 - of.kind.low[0];
            whole = Some(of);
            of = halves(&of)[1];
            assert_eq!((1.0 - of.kind.low[0]) / width, part);
            assert_eq!(of.kind.high[0], 1.0);
        }
        // What lies within is at no face.
        let (_, [low, high]) = Place::WHOLE.cut([0.0, 0.5, 1.0]);
        assert!(low.is_at_face() && high.is_at_face());
        assert_eq!(low.cut([0.0, 0.25, 0.5]).1, [low, Place(0)]);
        assert_eq!(high.cut([0.5, 0.75, 1.0]).1, [Place(0), high]);
    }

    #[test]
    fn exponents_of_powers_are_near_that_of_a_logarithm() {
        fn of<const N: usize>(f: impl Fn(f64) -> f64) -> f64 {
            let mut points = Vec::new();
            Boxes::lay(&Cell::new([0.0; N], [1.0; N]), &mut points);
            let values: Vec<f64> = points.iter().map(|x| f(x[0])).collect();
            Boxes::<N>::bends(Rule::of(N), &values, 0).exponent() / Rule::of(N).logarithm
        }
        assert!((of::<2>(f64::ln) - 1.0).abs() < 1e-9 && (of::<3>(f64::ln) - 1.0).abs() < 1e-9);
        assert!((of::<7>(f64::ln) - 1.0).abs() < 1e-9);
        for a in [-0.9, -0.5, 0.5, 1.5] {
            for times in [of::<2>(|x| x.powf(a)), of::<3>(|x| x.powf(a)), of::<6>(|x| x.powf(a))] {
                assert!((0.7..1.25).contains(&times), "{a}: {times}");
            }
        }
        assert!(of::<2>(|x| (3.0 * x).exp()).abs() < 0.2 && of::<5>(|x| (3.0 * x).exp()).abs() < 0.2);
    }

    #[test]
    fn no_cut_is_so_near_to_a_face_that_points_are_rounded() {
        let hard = Place(LOW | HARD | 3 << HALVINGS);
        assert_eq!(hard.cut([0.0, 0.5, 1.0]).0, 0.125);
        let high = 1.0 + 1.0 / (1u64 << 39) as f64;
        assert_eq!(hard.cut([1.0, (1.0 + high) / 2.0, high]).0, (1.0 + high) / 2.0);
        let least = f64::from_bits(3);
        assert_eq!(hard.cut([0.0, f64::from_bits(1), least]).0, f64::from_bits(1));
    }
}
