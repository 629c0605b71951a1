//! Gauss-Kronrod rules, with global control.

mod grading;
mod judge;
#[cfg(feature = "serde")]
mod serial;
pub(super) mod sums;
mod tables;

use std::fmt;

use self::grading::{Place, have_inside, parts};
pub(super) use self::judge::TRUST;
use self::judge::{is_half, judge, judge_here, judge_two_here};
use self::sums::{Laid, Values};
use super::few::{beyond, is_slim, slim};
use super::lanes::{Lanes, is_small};
use super::method::{Again, Control, Local, Method, Panel};
use super::value::Value;

/// A symmetric rule with an embedded cheaper one, on [-1, 1].
///
/// Index 0 is the centre; index `j > 0` stands for the pair of nodes at `-nodes[j]` and `nodes[j]`.
#[derive(Debug)]
struct Rule {
    nodes: &'static [f64],
    weights: &'static [f64],
    /// Zero where the embedded rule has no node.
    embedded: &'static [f64],
}

/// Does something with the number of pairs as a constant.
macro_rules! with_pairs {
    ($method:expr, $pairs:ident => $expression:expr) => {
        with_pairs!(@ $method, $pairs => $expression; 7 10 15 20 25; 30)
    };
    (@ $method:expr, $pairs:ident => $expression:expr; $($some:literal)*; $last:literal) => {
        match $method.rule.nodes.len() - 1 {
            $($some => {
                const $pairs: usize = $some;
                $expression
            })*
            _ => {
                const $pairs: usize = $last;
                $expression
            }
        }
    };
}

/// Gauss-Kronrod quadrature with global control: the segment with the largest error is cut in two until the sum of the
/// errors meets the tolerance.
///
/// # Numerics
///
/// The value is the Kronrod sum. The error of the whole range, or of a piece between breakpoints, is QUADPACK's, with
/// `d = |K - G|` and `s` the integral of `|f - mean f|` `s (200 d / s)^1.5` (Piessens et al. 1983, section 2.2.4),
/// but at most `8 d`. A symmetric rule integrates whatever is odd about the middle of a segment to zero, also where
/// that is rough; so `d` is no less than `d / 64` of the integral of `t f`, with `t` from -1 to 1 in the segment. The
/// errors of the parts of a segment are `8 d` at most, and together at most three times what the cut moved the
/// integral by, unless that has them fall further than the square of the fall of `8 d`. Parts that both look exact,
/// although the cut moved the integral by more than a kink would, are doubted: a jump may be so near to the cut that
/// no point saw it. Each is cut once more, just beside the last cut. (Not with 51 and 61 points, with which parts of
/// smooth integrands may look so.) The limits themselves are never evaluated.
///
/// Segments are bisected. But where the part at a limit of the range, or at a breakpoint, has fifteen sixteenths of the error of both, and
/// again at the next cut, that is made nearer to the limit: at a quarter, then at an eighth of the segment. A singular limit is
/// approached in geometric progression, best by a factor of about 0.17 (Gui and Babuska 1986), in half as many rounds and
/// evaluations as by halves.
///
/// Sums over the points are made in one order on every machine and for all values: every other pair from the centre outwards,
/// then those between, then the two sums. The error is at least what the rounding of the points leaves, which counts on narrow
/// panels far from zero.
///
/// # Cost
///
/// As many evaluations per segment as the rule has points; a cut discards those of the parent.
///
/// # Panics
///
/// [`new`](Self::new), if there is no rule with so many points.
///
/// # References
///
/// A. S. Kronrod, "Nodes and weights of quadrature formulas", Consultants Bureau 1965.
/// D. P. Laurie, "Calculation of Gauss-Kronrod quadrature rules", Math. Comp. 66 (1997) 1133-1145.
/// R. Piessens, E. de Doncker-Kapenga, C. W. Überhuber, D. K. Kahaner, "QUADPACK", Springer 1983.
/// W. Gui, I. Babuška, "The h, p and h-p versions of the finite element method in 1 dimension, part II", Numer. Math. 49
/// (1986) 613-657.
///
/// # Examples
///
/// ```
/// use coquad::{GaussKronrod, Inline, Integrator};
///
/// let gauss = Integrator::new(Inline::new(f64::exp)).method(GaussKronrod::default()); // 21 points
/// let e = gauss.integrate_blocking(0.0, 1.0, 1e-13)?;
/// assert_eq!(e.evaluations, 21);
/// assert!((e.value - (1f64.exp() - 1.0)).abs() <= 1e-13);
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct GaussKronrod {
    rule: &'static Rule,
}

impl GaussKronrod {
    /// Creates the method from its number of points per segment: 15, 21, 31, 41, 51 or 61.
    ///
    /// Few points for integrands that are singular, kinked or cheap; many for those that are smooth and oscillate.
    ///
    /// # Panics
    ///
    /// If `points` is any other number; a compile error in a constant.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{GaussKronrod, Inline, Integrator};
    ///
    /// const WIDE: GaussKronrod = GaussKronrod::new(61);
    /// let integrator = Integrator::new(Inline::new(|x: f64| (50.0 * x).cos())).method(WIDE);
    /// let e = integrator.integrate_blocking(0.0, 1.0, 1e-10)?;
    /// assert_eq!(e.evaluations, 61);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    #[must_use]
    pub const fn new(points: usize) -> Self {
        match Self::find(points) {
            Some(method) => method,
            None => panic!("Gauss-Kronrod rules here have 15, 21, 31, 41, 51 or 61 points"),
        }
    }

    const fn find(points: usize) -> Option<Self> {
        let rule = match points {
            15 => &tables::GK15,
            21 => &tables::GK21,
            31 => &tables::GK31,
            41 => &tables::GK41,
            51 => &tables::GK51,
            61 => &tables::GK61,
            _ => return None,
        };
        Some(Self { rule })
    }

    /// The number of points.
    const fn width(&self) -> usize {
        2 * self.rule.nodes.len() - 1
    }

    /// Returns the highest degree of polynomials that are integrated exactly, rounding apart: with `n` points in the
    /// Gauss rule, `3n + 1`, or `3n + 2` if `n` is odd, because odd powers cost a symmetric rule nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(coquad::GaussKronrod::new(15).degree(), 23);
    /// ```
    #[must_use]
    pub const fn degree(&self) -> usize {
        let n = self.rule.nodes.len() - 1;
        3 * n + 1 + n % 2
    }
}

impl fmt::Debug for GaussKronrod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GaussKronrod({})", self.width())
    }
}

impl Default for GaussKronrod {
    fn default() -> Self {
        Self::new(21)
    }
}

/// Rules with more nodes on a side, the centre counted, do not doubt parts that look exact: those with 51 and 61
/// points.
const MOST_DOUBTED: usize = 21;

/// Notes in the kind of a panel that it looks exact.
#[inline]
fn note<T: Value>(panel: &mut Panel<Place>, local: &Local<T>) {
    if local.is_settled() && local.is_sound() {
        panel.kind.note_exact();
    }
}

impl Method for GaussKronrod {
    type Kind = Place;
    const REUSES_POINTS: bool = false;
    const HAS_PARTS: bool = true;

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) -> Place {
        Place::WHOLE
    }

    #[inline]
    fn is_part(&self, panel: &Panel<Place>) -> bool {
        is_half(panel)
    }

    /// With more points a cut may resolve what is smooth at once.
    #[inline]
    fn doubts_parts(&self) -> bool {
        self.rule.nodes.len() <= MOST_DOUBTED
    }

    #[inline]
    fn compared(&self, part: &mut Panel<Place>, error: f64, all: f64) {
        part.kind.note(error, all);
    }

    #[inline]
    fn halvings(&self, panel: &Panel<Place>) -> u32 {
        panel.kind.halvings().max(1)
    }

    /// The centre, then those below it from the inside out, then those above.
    #[inline]
    fn points(&self, panel: &Panel<Place>, into: &mut Vec<f64>) {
        let (c, h) = (panel.midpoint(), panel.reach());
        into.push(c);
        let first = into.len();
        with_pairs!(self, M => {
            let nodes = Laid::<M>::RULE.nodes;
            into.extend(nodes.map(|node| c - h * node));
            into.extend(nodes.map(|node| c + h * node));
        });
        if let Some(within) = slim(panel) {
            into[first..].iter_mut().for_each(|x| *x = within.clamp(*x));
        }
    }

    #[inline]
    fn count(&self, _panel: &Panel<Place>) -> usize {
        self.width()
    }

    #[inline]
    fn estimate<T: Value>(&self, panel: &mut Panel<Place>, values: &[T]) -> Local<T> {
        let (centre, pairs) = values.split_first().expect("a rule has points");
        let (below, above) = pairs.split_at(pairs.len() / 2);
        let side = "a value for each point";
        let mut local = with_pairs!(self, M => judge::<T, M>(panel, panel.midpoint(), panel.reach(), Values {
            centre, below: below.try_into().expect(side), above: above.try_into().expect(side)
        }));
        let unknown = beyond(panel, [below, above].map(|side| side.last().map_or(0.0, T::norm)));
        (local.error, local.roundoff) = (local.error.most(unknown), local.roundoff.most(unknown));
        note(panel, &local);
        local
    }

    #[inline]
    fn judge_here<T: Value>(
        &self,
        panel: &mut Panel<Place>,
        f: impl FnMut(f64) -> T,
        _: Option<&mut Vec<f64>>,
        _: Again<'_, T>,
    ) -> Option<Local<T>> {
        if !is_small::<T>() || slim(panel).is_some() {
            return None;
        }
        let local = with_pairs!(self, M => judge_here::<T, M>(panel, f));
        note(panel, &local);
        Some(local)
    }

    #[inline]
    fn judge_parts_here<T: Value>(
        &self,
        panel: &Panel<Place>,
        f: impl FnMut(f64) -> T,
    ) -> Option<[(Panel<Place>, Local<T>); 2]> {
        if !is_small::<T>() {
            return None;
        }
        let [mut left, mut right] = parts(panel)?;
        let (p, q) = (left.b - left.a, right.b - right.a);
        if is_slim(panel, if p < q { p } else { q }) {
            return None;
        }
        let [first, second] = with_pairs!(self, M => judge_two_here::<T, M>([&left, &right], f));
        note(&mut left, &first);
        note(&mut right, &second);
        Some([(left, first), (right, second)])
    }

    fn refine(&self, panel: &Panel<Place>, _error: f64, into: &mut Vec<Panel<Place>>) {
        into.extend(parts(panel).filter(have_inside).into_iter().flatten());
    }

    fn predict(&self, panel: &Panel<Place>, into: &mut Vec<Panel<Place>>) {
        let guessed = Panel { kind: panel.kind.guessed(), ..*panel };
        into.extend(parts(&guessed).filter(have_inside).into_iter().flatten());
    }
}

#[cfg(test)]
mod tests;
