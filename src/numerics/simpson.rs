//! Adaptive Simpson, with local control.

use super::method::{Control, Local, Method, Panel};
use super::value::Value;

/// Adaptive Simpson quadrature: local control, the tolerance halved with every bisection.
///
/// # Numerics
///
/// A panel is accepted when `|S(a,c) + S(c,b) - S(a,b)| <= 15 atol` (Lyness 1969), and then extrapolated once
/// (Richardson). The error is what the extrapolation added. Sums are `h ((fa + 4 fc) + fb)` and left plus right, in
/// this order. The end points are evaluated. A kink or jump that falls symmetrically between the five points of a
/// panel is not seen: for integrands that are not smooth prefer [`GaussKronrod`](crate::GaussKronrod).
///
/// # Cost
///
/// 5 evaluations for the first panel, 2 more for every panel after it.
///
/// # References
///
/// J. N. Lyness, "Notes on the adaptive Simpson quadrature routine", J. ACM 16 (1969) 483-495.
///
/// # Examples
///
/// ```
/// use coquad::{Inline, Integrator, Simpson};
///
/// let integrator = Integrator::new(Inline::new(f64::sin)).method(Simpson);
/// let e = integrator.integrate_blocking(0.0, std::f64::consts::PI, 1e-10)?;
/// assert!((e.value - 2.0).abs() <= 1e-10);
/// assert_eq!(e.evaluations, 473); // as by the classic recursion
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Simpson;

/// What the estimate noted: the defect `|S(a,c) + S(c,b) - S(a,b)|`, which decides.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(hidden)]
pub struct Defect(f64);

/// What rounding can do to the defect, in units of epsilon times the integral of the norm: three sums of three
/// terms, each rounded. Below it a panel is not bisected any further.
const ROUNDOFF: f64 = 2.0;

/// `h ((fa + 4 fc) + fb)`: the order is part of the method.
fn simpson<T: Value>(width: f64, fa: &T, fc: &T, fb: &T) -> T {
    let mut sum = fa.clone();
    sum.add_scaled(4.0, fc);
    sum.add(fb);
    sum.scale(width.abs() / 6.0);
    sum
}

impl Method for Simpson {
    type Kind = Defect;
    const REUSES_POINTS: bool = true;

    fn control(&self) -> Control {
        Control::Local
    }

    fn root(&self) -> Defect {
        Defect(f64::INFINITY)
    }

    fn points(&self, panel: &Panel<Defect>, into: &mut Vec<f64>) {
        let (a, c, b) = (panel.a, panel.midpoint(), panel.b);
        into.extend([a, f64::midpoint(a, c), c, f64::midpoint(c, b), b]);
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<Defect>, values: &[T]) -> Local<T> {
        let (a, c, b) = (panel.a, panel.midpoint(), panel.b);
        let [fa, fl, fc, fr, fb] = values else { unreachable!("five points") };
        let whole = simpson(b - a, fa, fc, fb);
        let mut value = simpson(c - a, fa, fl, fc);
        value.add(&simpson(b - c, fc, fr, fb));
        let mut defect = value.clone();
        defect.add_scaled(-1.0, &whole);
        panel.kind = Defect(defect.norm());
        defect.divide(15.0);
        value.add(&defect);
        let l1 = (b - a) / 12.0 * (fa.norm() + 4.0 * fl.norm() + 2.0 * fc.norm() + 4.0 * fr.norm() + fb.norm());
        let roundoff = ROUNDOFF / 15.0 * T::EPSILON * l1;
        Local { value, error: defect.norm(), l1, roundoff }
    }

    fn refine(&self, panel: &Panel<Defect>, _error: f64, into: &mut Vec<Panel<Defect>>) {
        panel.bisect(self.root(), into);
    }

    fn accepts(&self, panel: &Panel<Defect>, _error: f64, share: f64) -> bool {
        panel.kind.0 <= 15.0 * share
    }
}
