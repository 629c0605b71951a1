//! What the engine needs to know of where panels lie, in one variable or in several: the points of a panel, the map from
//! them to where the integrand is evaluated, and what values there say.
//!
//! This is the seam between methods in one variable, whose panels are segments, and boxes: all that is above it is written
//! once, for points of any kind.

use super::domain::Domain;
use super::focus::{Focus, complete, focus};
use super::method::{Method, Panel, fresh_points};
use super::run::Run;
use super::run::far::Far;
use super::run::judge::{Judged, Trouble, judge};
use super::run::reason::Look;
use super::value::Value;
use crate::estimate::Estimate;
use crate::point::Point;

/// A method whose panels have points of this kind.
pub(crate) trait Lays<P: Point>: Method {
    /// Appends the panel's points, in the integration variables.
    fn lay(&self, panel: &Panel<Self::Kind>, into: &mut Vec<P>);

    /// The same without those that it has from the panel that it replaces.
    fn lay_fresh(&self, panel: &Panel<Self::Kind>, into: &mut Vec<P>);

    /// Appends those of the panel's points that may be another panel's, too, if the method
    /// [reuses points](Method::REUSES_POINTS), and returns how many others it has.
    fn lay_shared(&self, panel: &Panel<Self::Kind>, into: &mut Vec<P>) -> usize;

    /// Where the panel begins and ends, in every variable.
    fn ends(&self, panel: &Panel<Self::Kind>) -> [P; 2];
}

impl<M: Method> Lays<f64> for M {
    #[inline]
    fn lay(&self, panel: &Panel<M::Kind>, into: &mut Vec<f64>) {
        self.points(panel, into);
    }

    #[inline]
    fn lay_fresh(&self, panel: &Panel<M::Kind>, into: &mut Vec<f64>) {
        fresh_points(self, panel, into);
    }

    #[inline]
    fn lay_shared(&self, panel: &Panel<M::Kind>, into: &mut Vec<f64>) -> usize {
        self.points(panel, into);
        0
    }

    fn ends(&self, panel: &Panel<M::Kind>) -> [f64; 2] {
        [panel.a, panel.b]
    }
}

/// Points with a range that they are from.
pub(crate) trait Placed: Point {
    /// The range.
    type Space: Space<Self>;
}

impl Placed for f64 {
    type Space = Domain;
}

/// A range of integration: where the integrand is evaluated, and what its values there say.
pub(crate) trait Space<P: Point>: Clone + Send + Sync + 'static {
    /// Where the integrand is evaluated for the integration variables `t`.
    fn x(&self, t: P) -> P;

    /// Judges a panel by the values at its points.
    fn judge<T: Value, M: Lays<P>>(
        &self,
        method: &M,
        panel: &mut Panel<M::Kind>,
        points: &[P],
        values: &mut [T],
        far: &Far,
    ) -> Result<Judged<T>, Trouble<P>>;

    /// Whether a panel that misses a value or two can be judged by the others.
    const FORESEES: bool;

    /// Its values, with the missing ones put in.
    fn complete<T: Value>(points: &[P], values: &[Option<T>]) -> Vec<T>;

    /// Where in a panel the integrand is hardest, if that can be told.
    fn focus<T: Value>(ends: [P; 2], points: &[P], values: &[T]) -> Option<Focus<P>>;

    /// What a value tells of why a run did not converge, if anything.
    fn look(&self, t: P, norm: f64) -> Option<Look>;

    /// Whether `t` lies in a piece that ends at infinity.
    fn is_far(&self, t: f64) -> bool;

    /// A value that is not finite and was left out, and where, if more may have been left out than is allowed.
    fn unknown(&self, far: &Far, allowed: f64) -> Option<(P, f64)>;

    /// The estimate of a run that rests on so many points.
    fn finish<T: Value, M: Lays<P>, H: Copy>(
        &self,
        run: &mut Run<T, M, H>,
        requests: usize,
        performed: usize,
    ) -> Estimate<T, P>;
}

impl Space<f64> for Domain {
    #[inline]
    fn x(&self, t: f64) -> f64 {
        Self::x(self, t)
    }

    #[inline]
    fn judge<T: Value, M: Lays<f64>>(
        &self,
        method: &M,
        panel: &mut Panel<M::Kind>,
        points: &[f64],
        values: &mut [T],
        far: &Far,
    ) -> Result<Judged<T>, Trouble> {
        judge(method, self, panel, points, values, far)
    }

    const FORESEES: bool = true;

    fn complete<T: Value>(points: &[f64], values: &[Option<T>]) -> Vec<T> {
        complete(points, values)
    }

    fn focus<T: Value>([a, b]: [f64; 2], points: &[f64], values: &[T]) -> Option<Focus> {
        focus(a, b, points, values)
    }

    fn look(&self, t: f64, norm: f64) -> Option<Look> {
        Some(self.weighed(t, norm))
    }

    #[inline]
    fn is_far(&self, t: f64) -> bool {
        Self::is_far(self, t)
    }

    fn unknown(&self, far: &Far, allowed: f64) -> Option<(f64, f64)> {
        far.unknown(allowed)
    }

    #[inline]
    fn finish<T: Value, M: Lays<f64>, H: Copy>(
        &self,
        run: &mut Run<T, M, H>,
        requests: usize,
        performed: usize,
    ) -> Estimate<T> {
        run.finish(self, requests, performed, None)
    }
}
