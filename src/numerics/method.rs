//! The seam between a quadrature method and all else: a method is a tree of panels.

mod guess;
mod parts;

use std::fmt::Debug;

pub use self::guess::Guess;

#[cfg(test)]
pub(crate) use self::parts::lowering;
pub(crate) use self::parts::{Lowering, UNKNOWN, compare, fresh_count, fresh_points, whole};
use super::lanes::Lanes;
use super::value::Value;

/// A segment to be judged: where it is, how deep in the tree, and whatever else its method needs to know of it.
///
/// Limits are those of the integration variable `t`: the user's `x` itself on a finite interval, the mapped variable
/// on an infinite one, or `x` there, too, if the method says so ([`Method::IN_X`]). `a < b` always.
///
/// # Examples
///
/// ```
/// let panel = coquad::Panel { a: 0.0, b: 1.0, depth: 0, kind: () };
/// let mut halves = Vec::new();
/// panel.bisect((), &mut halves);
/// assert_eq!((halves[0].b, halves[1].a, halves[1].depth), (panel.midpoint(), panel.midpoint(), 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Panel<K> {
    /// Where the panel begins.
    pub a: f64,
    /// Where the panel ends.
    pub b: f64,
    /// How many refinements led here from the whole interval.
    pub depth: u32,
    /// The method's own knowledge of this panel.
    pub kind: K,
}

impl<K: Copy> Panel<K> {
    /// The midpoint; never overflows.
    #[inline]
    #[must_use]
    pub fn midpoint(&self) -> f64 {
        // The bits of `f64::midpoint`, which takes more comparisons.
        let sum = self.a + self.b;
        if sum.abs() < f64::INFINITY { sum / 2.0 } else { self.a / 2.0 + self.b / 2.0 }
    }

    /// Half the width, as points lie on both sides of the midpoint: none further than the limits. Halved first, so that
    /// nothing overflows. Halves of the smallest numbers are rounded, and may be too long.
    #[inline]
    pub(crate) fn reach(&self) -> f64 {
        let half = self.b / 2.0 - self.a / 2.0;
        if half < f64::MIN_POSITIVE {
            let c = self.midpoint();
            return (c - self.a).min(self.b - c);
        }
        half
    }

    /// Pushes the two halves, each of the given kind, left one first; nothing if no float lies between the limits.
    #[inline]
    pub fn bisect(&self, kind: K, into: &mut Vec<Panel<K>>) {
        into.extend(self.cut_at(self.midpoint(), kind).into_iter().flatten());
    }

    /// The two parts to the left and to the right of a point, if that lies between the limits.
    #[inline]
    pub(crate) fn cut_at(&self, c: f64, kind: K) -> Option<[Self; 2]> {
        let depth = self.depth + 1;
        let parts = [Panel { a: self.a, b: c, depth, kind }, Panel { a: c, b: self.b, depth, kind }];
        (self.a < c && c < self.b).then_some(parts)
    }
}

/// What the values at a panel's points say of the integral over it.
///
/// # Examples
///
/// ```
/// use coquad::{GaussKronrod, Local, Method, Panel};
///
/// let method = GaussKronrod::new(15);
/// let mut panel = Panel { a: 0.0, b: 2.0, depth: 0, kind: method.root() };
/// let mut points = Vec::new();
/// method.points(&panel, &mut points);
/// let values: Vec<f64> = points.iter().map(|x| x * x).collect();
/// let Local { value, error, .. } = method.estimate(&mut panel, &values);
/// assert!((value - 8.0 / 3.0).abs() < 1e-14 && error < 1e-13);
/// ```
#[derive(Clone, Debug)]
pub struct Local<T> {
    /// The integral over the panel.
    pub value: T,
    /// Its estimated absolute error, at least [`roundoff`](Self::roundoff).
    pub error: f64,
    /// The integral of the norm: not finite if any value was not that the estimate rests on.
    pub l1: f64,
    /// The part of the error that no refinement of this panel can remove.
    pub roundoff: f64,
}

impl<T: Value> Local<T> {
    /// Whether it may be believed.
    #[inline]
    pub(crate) fn is_finite(&self) -> bool {
        self.l1.is_finite() && self.error.is_finite() && self.value.norm().is_finite()
    }

    /// The same, by one comparison unless only their sum is beyond all numbers.
    #[inline]
    pub(crate) fn is_sound(&self) -> bool {
        self.l1 + self.error + self.value.norm() < f64::INFINITY || self.is_finite()
    }

    /// Lowers the error of a part of a panel as [`lowering`] says.
    #[inline]
    pub(crate) fn lower(&mut self, Lowering { factor, least }: Lowering) {
        if factor < 1.0 {
            self.error = (factor * self.error).most(self.roundoff);
        }
        self.error = self.error.most(least);
    }

    /// Whether refinement is in vain. Written so that an error that is not a number is not settled.
    #[inline]
    pub(crate) fn is_settled(&self) -> bool {
        self.error <= self.roundoff
    }
}

/// Values on the spot, and a second look at the panel that they are of: see [`Method::judge_here`].
///
/// # Examples
///
/// ```
/// use coquad::{Again, Auto, Method, Panel};
///
/// // The first panel of a range is not looked at again on the spot: nothing is kept of it.
/// let mut panel = Panel { a: 0.0, b: 1.0, depth: 0, kind: Auto.root() };
/// let (mut values, mut numbers) = (Vec::new(), Vec::new());
/// let local = Auto.judge_here(&mut panel, f64::exp, None, Again::Keep(&mut values, &mut numbers)).unwrap();
/// assert!((local.value - (1f64.exp() - 1.0)).abs() < 1e-13 && values.is_empty() && numbers.is_empty());
/// ```
#[derive(Debug)]
pub enum Again<'a, T> {
    /// There is none.
    Never,
    /// There may be one: then they are to be kept here, and whatever numbers there are to know again.
    Keep(&'a mut Vec<T>, &'a mut Vec<f64>),
    /// This is it.
    Known(Known<'a, T>),
}

/// What is known of a panel that is looked at again.
///
/// # Examples
///
/// ```
/// use coquad::{Known, Local};
///
/// let before = Local { value: 0.5, error: 1e-3, l1: 0.5, roundoff: 0.0 };
/// let known = Known { before: &before, values: &[0.0, 0.5, 1.0], places: &[] };
/// assert_eq!(known.values.len(), 3);
/// ```
#[derive(Debug)]
pub struct Known<'a, T> {
    /// Its judgement as it was.
    pub before: &'a Local<T>,
    /// Its values.
    pub values: &'a [T],
    /// What numbers were kept beside them, and those that come after; nothing if none were.
    pub places: &'a [f64],
}

/// In which order panels are refined, and when that ends.
///
/// # Examples
///
/// ```
/// use coquad::{Control, GaussKronrod, Method, Simpson};
///
/// assert_eq!((GaussKronrod::default().control(), Simpson.control()), (Control::Global, Control::Local));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The panel with the largest error first, until the sum of the errors meets the tolerance.
    Global,
    /// Level by level, each panel that does not meet its share: the tolerance halved at every level.
    Local,
}

/// A quadrature method: which points a panel needs, what their values say, and how a panel is refined.
///
/// Everything here is a pure function of its arguments; that is what makes results the same on any number of
/// workers, and lets panels be judged ahead of the decisions that need them.
///
/// # Duties of implementors
///
/// - `points` lies within `[a, b]`, and is the same for equal panels. There are `count` of them.
/// - `estimate` is given the values in the order of the points. Its `l1` is not finite if any value is not, unless
///   the method leaves that point out and can answer for it.
/// - `refine` narrows: repeated, it ends.
///
/// # Examples
///
/// The midpoint rule against the trapezoidal rule, with global control:
///
/// ```
/// use coquad::{Control, Inline, Integrator, Local, Method, Panel, Value};
///
/// #[derive(Clone)]
/// struct Trapezoid;
///
/// impl Method for Trapezoid {
///     type Kind = ();
///     const REUSES_POINTS: bool = true;
///     fn control(&self) -> Control {
///         Control::Global
///     }
///     fn root(&self) {}
///     fn points(&self, panel: &Panel<()>, into: &mut Vec<f64>) {
///         into.extend([panel.a, panel.midpoint(), panel.b]);
///     }
///     fn estimate<T: Value>(&self, panel: &mut Panel<()>, values: &[T]) -> Local<T> {
///         let h = panel.b - panel.a;
///         let mut trapezoid = values[0].clone();
///         trapezoid.add(&values[2]);
///         trapezoid.scale(h / 2.0);
///         let mut midpoint = values[1].clone();
///         midpoint.scale(h);
///         let mut defect = trapezoid.clone();
///         defect.add_scaled(-1.0, &midpoint);
///         let mut value = trapezoid;
///         value.add(&midpoint);
///         value.scale(0.5);
///         let l1 = h * values.iter().map(T::norm).sum::<f64>();
///         Local { value, error: defect.norm(), l1, roundoff: 0.0 }
///     }
/// }
///
/// let integrator = Integrator::new(Inline::new(|x: f64| x * x)).method(Trapezoid);
/// let e = integrator.integrate_blocking(0.0, 3.0, 1e-6)?;
/// assert!((e.value - 9.0).abs() < 1e-6);
/// # Ok::<(), coquad::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a method",
    label = "not a method of integration",
    note = "methods are `Auto`, `GaussKronrod::default()`, `ClenshawCurtis`, `TanhSinh`, `Simpson`, `Fourier::sin(w)` and \
            other weights, and your own `Method`"
)]
pub trait Method: Clone + Send + Sync + 'static {
    /// What the method keeps with each panel: the degree of its rule, say. `()` if nothing.
    type Kind: Copy + PartialEq + Debug + Send + Sync + 'static;

    /// Whether panels share points with their parents or neighbours, so that looking them up pays.
    const REUSES_POINTS: bool;

    /// Whether the method lays out infinite ranges itself: its panels are in `x` then, with infinite limits as they are
    /// given, and a range without a finite limit is cut at zero. Otherwise an infinite range is mapped to a finite one,
    /// and values are multiplied by the slope of the map. Points are finite in any case.
    ///
    /// Such a method is not given offsets: [`Integrator::offsets`](crate::Integrator::offsets) is refused.
    const IN_X: bool = false;

    /// Whether [`ahead`](Self::ahead) looks far ahead of a judged panel. That takes long, so it is asked for only when a
    /// worker is to spare; and its guesses hold on when a panel is judged that replaces the panel.
    const LOOKS_FAR: bool = false;

    /// Returns the method for the range from `a` to `b`, with `a < b`, or why there is none, in a few words: for methods
    /// with a weight that depends on the limits. Called once for each integral, if the method is [in `x`](Self::IN_X).
    ///
    /// # Errors
    ///
    /// A reason, which becomes [`Error::Unsuitable`](crate::Error::Unsuitable).
    fn over(&self, a: f64, b: f64) -> Result<Self, &'static str> {
        let _ = (a, b);
        Ok(self.clone())
    }

    /// Returns whether this panel may have points in common with others although
    /// [`REUSES_POINTS`](Self::REUSES_POINTS) is false, so that they must be told apart when they are counted. Of two
    /// such panels one suffices to say so, unless what they have in common is a limit.
    fn may_repeat(&self, panel: &Panel<Self::Kind>) -> bool {
        let _ = panel;
        false
    }

    /// Whether [`may_repeat`](Self::may_repeat) ever says so: then points are kept from the first such panel on.
    const MAY_REPEAT: bool = false;

    /// Returns whether the error of this panel is a bound, to be lowered by what cutting its parent moved: those of all
    /// parts, or of none. Global control only.
    #[inline]
    fn is_part(&self, panel: &Panel<Self::Kind>) -> bool {
        let _ = panel;
        false
    }

    /// Whether [`is_part`](Self::is_part) ever says so.
    const HAS_PARTS: bool = false;

    /// In how many variables panels are cut, one at a time; 1 as a rule.
    ///
    /// In several a cut says little of the error that is left: those of parts are raised by what it moved, never lowered,
    /// noise is told by roundoff alone, and as many more cuts are made before an integral is said to diverge.
    const AXES: u32 = 1;

    /// Whether parts that both look exact, although the cut moved the integral much, are doubted: their errors are
    /// raised then.
    #[inline]
    fn doubts_parts(&self) -> bool {
        false
    }

    /// Takes note, in the kind of such a part, of its error and of the errors of all parts together, now that they
    /// are final.
    #[inline]
    fn compared(&self, part: &mut Panel<Self::Kind>, error: f64, all: f64) {
        let _ = (part, error, all);
    }

    /// Takes note, in the kind of a judged part of a panel in [several variables](Self::AXES), of what the judged
    /// panel learnt. Parts may have been judged before it.
    #[inline]
    fn follows(&self, whole: &Panel<Self::Kind>, part: &mut Panel<Self::Kind>) {
        let _ = (whole, part);
    }

    /// Returns how many bisections the refinement that led to this panel is worth: the shares of a tolerance that is
    /// divided among parts ([`Control::Local`]) and the depth of guesses go by them.
    #[inline]
    fn halvings(&self, panel: &Panel<Self::Kind>) -> u32 {
        let _ = panel;
        1
    }

    /// Whether [`audit`](Self::audit) ever asks for a closer look.
    const AUDITS: bool = false;

    /// The kind by which [`refine`](Self::refine) replaces a judged panel by one that looks more closely at the same
    /// range; none if an answer may rest on the panel as it is. Asked for each panel of a partition that meets the
    /// tolerance. Global control only.
    #[inline]
    fn audit(&self, panel: &Panel<Self::Kind>) -> Option<Self::Kind> {
        let _ = panel;
        None
    }

    /// How many of a panel's first points are the first points of the panel that it replaces.
    #[inline]
    fn inherited(&self, panel: &Panel<Self::Kind>) -> usize {
        let _ = panel;
        0
    }

    /// Returns how refinement is steered.
    fn control(&self) -> Control;

    /// Returns the kind of the panel that covers a whole interval.
    fn root(&self) -> Self::Kind;

    /// Returns the kind of the panel that covers one piece of the range, from `a` to `b`. `beside`: for each of the two
    /// ends, if a feature of any scale may hide next to it (a limit at infinity, a breakpoint), the least distance from
    /// there at which there are numbers; infinity otherwise.
    #[inline]
    fn piece(&self, a: f64, b: f64, beside: [f64; 2]) -> Self::Kind {
        let _ = (a, b, beside);
        self.root()
    }

    /// Appends the panel's points.
    fn points(&self, panel: &Panel<Self::Kind>, into: &mut Vec<f64>);

    /// Returns how many points the panel has.
    fn count(&self, panel: &Panel<Self::Kind>) -> usize {
        let mut points = Vec::new();
        self.points(panel, &mut points);
        points.len()
    }

    /// Judges the panel by the values at its points, and may note in its kind what it learnt.
    fn estimate<T: Value>(&self, panel: &mut Panel<Self::Kind>, values: &[T]) -> Local<T>;

    /// Evaluates at the panel's points and judges it by the values: in one go, for methods that are quicker so; `None` if
    /// this one, or this panel, is not. The bits are those of [`points`](Self::points) and [`estimate`](Self::estimate).
    /// The points are appended to `kept`, if that is asked for; of those that are [known](Known) from the panel that it
    /// replaces neither a value is asked for nor are they kept. A method that never looks at a panel again passes `again`
    /// over.
    ///
    /// Used where evaluation is on the spot, and nobody watches or keeps values.
    #[inline]
    fn judge_here<T: Value>(
        &self,
        panel: &mut Panel<Self::Kind>,
        f: impl FnMut(f64) -> T,
        kept: Option<&mut Vec<f64>>,
        again: Again<'_, T>,
    ) -> Option<Local<T>> {
        let _ = (panel, f, kept, again);
        None
    }

    /// The two panels that replace a judged one, evaluated and judged at once, if there are two and that is quicker for
    /// such values. They are those of [`refine`](Self::refine), and have as many points each as the panel.
    #[inline]
    #[allow(clippy::type_complexity, reason = "two panels with their judgements are what they are")]
    fn judge_parts_here<T: Value>(
        &self,
        panel: &Panel<Self::Kind>,
        f: impl FnMut(f64) -> T,
    ) -> Option<[(Panel<Self::Kind>, Local<T>); 2]> {
        let _ = (panel, f);
        None
    }

    /// Appends the panels that replace a judged one, from left to right; none if it cannot be refined.
    fn refine(&self, panel: &Panel<Self::Kind>, error: f64, into: &mut Vec<Panel<Self::Kind>>) {
        let _ = error;
        panel.bisect(panel.kind, into);
    }

    /// Appends the panels that will probably replace one that is not judged yet: a guess, for running ahead.
    fn predict(&self, panel: &Panel<Self::Kind>, into: &mut Vec<Panel<Self::Kind>>) {
        panel.bisect(panel.kind, into);
    }

    /// Appends panels that may be asked for later on, each with the chance that its points will be needed: a guess, for
    /// running ahead, by which nothing is decided. Those that [`refine`](Self::refine) and [`predict`](Self::predict)
    /// give need not be among them.
    ///
    /// Asked twice for each panel: before it is judged, without values, and after that, with the values at its points.
    /// The guesses for a panel are forgotten once a panel is judged that replaces it, unless it
    /// [looks far](Self::LOOKS_FAR). `allowed`: the error that the
    /// integral may have, as far as that is known.
    fn ahead<T: Value>(
        &self,
        panel: &Panel<Self::Kind>,
        values: &[T],
        allowed: f64,
        into: &mut Vec<Guess<Self::Kind>>,
    ) {
        let _ = (panel, values, allowed, into);
    }

    /// Returns whether a judged panel meets its share of the tolerance ([`Control::Local`] only).
    fn accepts(&self, panel: &Panel<Self::Kind>, error: f64, share: f64) -> bool {
        let _ = panel;
        error <= share
    }
}

#[cfg(test)]
pub(crate) mod halves;

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "all of these are exact")]
mod tests;
