//! Boxes in several variables: fully symmetric rules with null rules, cut in two along one axis.
//!
//! The algorithm is that of DCUHRE (Berntsen, Espelid and Genz 1991, ACM Trans. Math. Softw. 17, 437-451) as Cuhre
//! has it (Hahn 2005): the box with the largest error is halved along the axis on which fourth differences through
//! its centre are largest, and the errors of both parts are raised by what the cut moved. Departures: the first box
//! is always cut, of axes that do as well as each other the one that was cut least is cut, and where the integrand is
//! singular at a face of the range cuts are graded towards it (`place.rs`).
//!
//! DETERMINISM: sums run over the orbits of a rule, and in an orbit over its points, in the order of [`Rule::nodes`].

mod ahead;
mod genz_malik;
mod nested;
mod place;
mod rule;
pub(crate) mod space;
mod tables;

pub use self::nested::Nested;
use self::place::{Bends, Place};
pub(crate) use self::rule::AXES;
use self::rule::Rule;
use super::method::{Control, Guess, Local, Method, Panel};
use super::value::Value;

/// The method for boxes: globally adaptive, by rules of degree 13 in two variables, 11 in three and 9 beyond.
///
/// A box takes 65 points in two variables, 127 in three, and 153, 273, 453, 717 and 1105 in four to eight. It is the
/// algorithm DCUHRE (Berntsen, Espelid and Genz 1991), which Cuba has as Cuhre. The first box is always cut. Boxes are
/// halved, but cut nearer and nearer to a face of the range where the integrand is singular as a power or logarithm is.
///
/// # Examples
///
/// ```
/// use coquad::{BoxIntegrator, Cubature, Inline};
///
/// let integrator = BoxIntegrator::new(Inline::over(|[x, y]: [f64; 2]| x * y)).method(Cubature);
/// let e = integrator.integrate_blocking([0.0, 0.0], [1.0, 2.0], 1e-10)?;
/// assert!((e.value - 1.0).abs() < 1e-13);
/// # Ok::<(), coquad::Error<f64, [f64; 2]>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Cubature;

/// The same in `N` variables. Points of panels are numbered: [`Lays`](super::method::Lays) has them as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Boxes<const N: usize>;

/// A box, as a panel knows it. The panel's own limits are its place in the order of all boxes, and nothing else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell<const N: usize> {
    pub(crate) low: [f64; N],
    pub(crate) high: [f64; N],
    /// How often it was cut along each axis.
    cuts: [u16; N],
    /// How much there is to gain by a cut along each axis: fourth differences of the box itself once it is judged, and
    /// before that those that are expected; zero if nothing is known.
    gain: [f32; N],
    /// The axis along which it is cut, once it is judged.
    axis: Option<u8>,
    /// The axis along which the box that it is of was cut.
    last: Option<u8>,
    /// Whether the integrand looks singular at the lower and at the upper limit of that axis, once it is judged.
    powers: [bool; 2],
    /// Where it lies on each axis in the range, or in the piece between breakpoints that it is of. A guess until the
    /// box that it is of is judged.
    places: [Place; N],
}

/// Cutting a box along an axis divides the fourth differences on that axis by this, if the integrand is smooth.
const FALLS: f32 = 16.0;
/// Fourth differences that are no larger than so many roundings are none, and two that differ by no more are equal.
const EQUAL: f64 = 64.0;
/// Points of different boxes that are of unequal nodes come no closer than a part in 1e6 of the narrower one, or so; below
/// this relative width rounding may make them one.
const NARROW: f64 = 1e-6;
/// What rounding makes of an estimate, in units of the last place of the norms that it sums.
const ROUNDOFF: f64 = 8.0;

impl<const N: usize> PartialEq for Cell<N> {
    /// Boxes are equal by their limits: all else follows from how they were cut.
    fn eq(&self, other: &Self) -> bool {
        let bits = |limits: &[f64; N]| limits.map(f64::to_bits);
        bits(&self.low) == bits(&other.low) && bits(&self.high) == bits(&other.high)
    }
}

impl<const N: usize> Cell<N> {
    /// A box that nobody has cut.
    pub(crate) fn new(low: [f64; N], high: [f64; N]) -> Self {
        Self {
            low,
            high,
            cuts: [0; N],
            gain: [0.0; N],
            axis: None,
            last: None,
            powers: [false; 2],
            places: [Place::WHOLE; N],
        }
    }

    /// The volume.
    fn volume(&self) -> f64 {
        self.high.iter().zip(&self.low).map(|(high, low)| high - low).product()
    }

    /// Where the nodes of a rule are in the box: none outside of it.
    fn points(&self) -> impl Fn(&[f64]) -> [f64; N] {
        let (low, high) = (self.low, self.high);
        let reach: [f64; N] = std::array::from_fn(|axis| high[axis] / 2.0 - low[axis] / 2.0);
        let centre: [f64; N] = std::array::from_fn(|axis| low[axis] / 2.0 + high[axis] / 2.0);
        move |node| std::array::from_fn(|axis| (centre[axis] + reach[axis] * node[axis]).clamp(low[axis], high[axis]))
    }

    /// Whether the box is so narrow on an axis that points may coincide by rounding.
    fn is_narrow(&self) -> bool {
        self.low.iter().zip(&self.high).any(|(low, high)| high - low < NARROW * low.abs().max(high.abs()))
    }

    /// The middle on an axis, if there is room for a cut.
    fn middle(&self, axis: usize) -> Option<f64> {
        let (low, high) = (self.low[axis], self.high[axis]);
        let middle = low / 2.0 + high / 2.0;
        (low < middle && middle < high).then_some(middle)
    }

    /// The axis with the most to gain; if several have it, the one that was cut least, and the first of these. `unsure`: by
    /// how much two gains may differ and be the same.
    fn best(&self, gains: &[f64; N], unsure: f64) -> Option<usize> {
        let open = |axis: &usize| self.middle(*axis).is_some();
        let most = (0..N).filter(open).fold(0.0, |most: f64, axis| most.max(gains[axis]));
        let best = (0..N).filter(open).filter(|&axis| gains[axis] + unsure >= most);
        best.min_by_key(|&axis| self.cuts[axis])
    }

    /// The parts along an axis.
    fn cut(&self, axis: usize) -> Option<[Self; 2]> {
        let middle = self.middle(axis)?;
        let (c, places) = self.places[axis].cut([self.low[axis], middle, self.high[axis]]);
        let mut half = Self { axis: None, last: Some(axis as u8), ..*self };
        half.cuts[axis] = half.cuts[axis].saturating_add(1);
        half.gain[axis] /= FALLS;
        let (mut low, mut high) = (half, half);
        (low.high[axis], high.low[axis]) = (c, c);
        [low.places[axis], high.places[axis]] = places;
        Some([low, high])
    }
}

impl<const N: usize> Boxes<N> {
    /// Appends the points of a box, in the order of the rule.
    pub(crate) fn lay(cell: &Cell<N>, into: &mut Vec<[f64; N]>) {
        into.extend(Rule::of(N).nodes.chunks_exact(N).map(cell.points()));
    }

    /// Appends those that another box may have, too, and returns how many others there are.
    fn lay_shared(cell: &Cell<N>, into: &mut Vec<[f64; N]>) -> usize {
        let rule = Rule::of(N);
        if cell.is_narrow() {
            Self::lay(cell, into);
            return 0;
        }
        let shared = rule.shared.iter().map(|&node| &rule.nodes[node * N..][..N]);
        into.extend(shared.map(cell.points()));
        rule.points() - rule.shared.len()
    }

    /// How many points a box has.
    pub(crate) fn points_of_each() -> usize {
        Rule::of(N).points()
    }

    /// The fourth differences through the centre on each axis, and by how much rounding may have moved them.
    fn differences<T: Value>(rule: &Rule, values: &[T]) -> ([f64; N], f64) {
        let (centre, first, second) = (&values[0], &values[1..], &values[1 + 2 * N..]);
        let mut rounded = 0.0f64;
        let gains = std::array::from_fn(|axis| {
            let (near, far) = (&first[2 * axis..2 * axis + 2], &second[2 * axis..2 * axis + 2]);
            let mut difference = far[0].clone();
            difference.add(&far[1]);
            difference.add_scaled(2.0 * (rule.ratio - 1.0), centre);
            difference.add_scaled(-rule.ratio, &near[0]);
            difference.add_scaled(-rule.ratio, &near[1]);
            let norms = far[0].norm() + far[1].norm() + rule.ratio * (near[0].norm() + near[1].norm() + centre.norm());
            rounded = rounded.max(norms);
            difference.norm()
        });
        (gains, EQUAL * T::EPSILON * rounded)
    }

    /// The second divided differences on the line through the centre along an axis.
    fn bends<T: Value>(rule: &Rule, values: &[T], axis: usize) -> Bends {
        let pair = |orbit: usize| &values[1 + 2 * (orbit * N + axis)..][..2];
        let ([inner, outer], times) = match rule.ratio.sqrt() {
            times if times > 1.0 => ([pair(0), pair(1)], times),
            times => ([pair(1), pair(0)], times.recip()),
        };
        // Of the values at 0, 1 and `times` to one side.
        let bend = |side: usize| {
            let mut bend = outer[side].clone();
            bend.add_scaled(-times, &inner[side]);
            bend.add_scaled(times - 1.0, &values[0]);
            bend.norm() / (times * (times - 1.0))
        };
        let mut middle = inner[0].clone();
        middle.add(&inner[1]);
        middle.add_scaled(-2.0, &values[0]);
        Bends([bend(1), middle.norm() / 2.0, bend(0)])
    }
}

impl<const N: usize> Method for Boxes<N> {
    type Kind = Cell<N>;
    const REUSES_POINTS: bool = true;
    const HAS_PARTS: bool = true;
    const AUDITS: bool = true;
    const AXES: u32 = N as u32;

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) -> Cell<N> {
        Cell::new([0.0; N], [0.0; N])
    }

    fn is_part(&self, panel: &Panel<Cell<N>>) -> bool {
        panel.depth > 0
    }

    /// Whether it is cut nearer to a face depends on the box that it is of.
    fn follows(&self, whole: &Panel<Cell<N>>, part: &mut Panel<Cell<N>>) {
        let (whole, part) = (&whole.kind, &mut part.kind);
        let Some(axis) = part.last.map(usize::from) else { return };
        let Some([low, high]) = whole.cut(axis) else { return };
        part.places = if part.low[axis].to_bits() == whole.low[axis].to_bits() { low.places } else { high.places };
        part.places[axis].note(part.gain[axis], whole.gain[axis], part.powers);
    }

    /// The first boxes are cut in any case: what one box looks like says little in several variables.
    fn audit(&self, panel: &Panel<Cell<N>>) -> Option<Cell<N>> {
        (panel.depth == 0).then_some(panel.kind)
    }

    /// Their numbers.
    fn points(&self, _: &Panel<Cell<N>>, into: &mut Vec<f64>) {
        into.extend((0..Self::points_of_each()).map(|number| number as f64));
    }

    fn count(&self, _: &Panel<Cell<N>>) -> usize {
        Self::points_of_each()
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<Cell<N>>, values: &[T]) -> Local<T> {
        let rule = Rule::of(N);
        let cell = &mut panel.kind;
        let (mut totals, mut norms) = (std::array::from_fn::<T, 5, _>(|_| T::zero()), 0.0);
        let mut rest = values;
        for orbit in &rule.orbits {
            let (own, others) = rest.split_at(orbit.points);
            rest = others;
            let mut sum = own[0].clone();
            own[1..].iter().for_each(|value| sum.add(value));
            norms += orbit.weights[0].abs() * own.iter().map(T::norm).sum::<f64>();
            for (total, weight) in totals.iter_mut().zip(orbit.weights) {
                total.add_scaled(weight, &sum);
            }
        }
        // What the null rules of each two degrees tell at most.
        let told: [f64; 3] = std::array::from_fn(|pair| {
            rule.orbits.iter().fold(0.0, |most: f64, orbit| {
                let mut sum = totals[pair + 2].clone();
                sum.add_scaled(orbit.scales[pair], &totals[pair + 1]);
                most.max(sum.norm() * orbit.norms[pair])
            })
        });
        let falls = rule.falls * told[0] <= told[1] && rule.falls * told[1] <= told[2];
        let error =
            if falls { rule.smooth * told[0] } else { rule.rough * told.iter().fold(0.0, |p: f64, q| p.max(*q)) };

        let (gains, unsure) = Self::differences(rule, values);
        cell.powers = cell.last.map_or([false; 2], |axis| Self::bends(rule, values, usize::from(axis)).powers(rule));
        cell.axis = cell.best(&gains, unsure).map(|axis| axis as u8);
        cell.gain = gains.map(|gain| gain as f32);

        let volume = cell.volume();
        let [mut value, ..] = totals;
        value.scale(volume);
        let roundoff = ROUNDOFF * T::EPSILON * volume * norms;
        Local { value, error: (volume * error).max(roundoff), l1: volume * norms / rule.mass, roundoff }
    }

    fn refine(&self, panel: &Panel<Cell<N>>, _: f64, into: &mut Vec<Panel<Cell<N>>>) {
        if let Some(halves) = panel.kind.axis.and_then(|axis| panel.kind.cut(usize::from(axis))) {
            let Panel { a, b, depth, .. } = *panel;
            let c = panel.midpoint();
            let [low, high] = halves;
            into.push(Panel { a, b: c, depth: depth + 1, kind: low });
            into.push(Panel { a: c, b, depth: depth + 1, kind: high });
        }
    }

    /// Along the axis where most was expected, if it is not known yet.
    fn predict(&self, panel: &Panel<Cell<N>>, into: &mut Vec<Panel<Cell<N>>>) {
        let cell = panel.kind;
        let gains = cell.gain.map(f64::from);
        let places = if cell.axis.is_some() { cell.places } else { cell.places.map(Place::guessed) };
        let axis = match cell.axis {
            Some(axis) => Some(axis),
            None if gains.iter().any(|gain| *gain > 0.0) => cell.best(&gains, 0.0).map(|axis| axis as u8),
            None => None,
        };
        self.refine(&Panel { kind: Cell { axis, places, ..cell }, ..*panel }, 0.0, into);
    }

    fn ahead<T: Value>(&self, panel: &Panel<Cell<N>>, values: &[T], _allowed: f64, into: &mut Vec<Guess<Cell<N>>>) {
        if values.is_empty() && panel.depth == 0 {
            ahead::first(panel, into);
        }
    }
}

#[cfg(test)]
mod tests;
