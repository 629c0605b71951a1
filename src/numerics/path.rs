//! Paths in the complex plane: straight pieces, arcs and rays, each point by a real parameter.

mod along;
mod turning;

use num_complex::Complex;

pub(crate) use self::along::Along;
use self::turning::turn_less_one;

/// A path in the complex plane, for [`integrate_path`](crate::integrate_path) and
/// [`Integrator::integrate_path`](crate::Integrator::integrate_path).
///
/// A path consists of straight pieces, arcs about a centre, and rays to or from infinity. Slices
/// and arrays of points are paths of straight pieces. A first or last point of a slice that is
/// infinite stands for a ray in the direction of its infinite parts: `Complex::new(f64::INFINITY,
/// 0.0)` for the direction of the positive real axis.
///
/// # Numerics
///
/// The real parameter `s` grows by 1 on each piece between two points of the path. On a straight
/// piece it is proportional to the distance, on an arc to the angle. On a ray it goes on to
/// infinity, by 1 for each length of the direction. Evaluators, the cache and observers see `s`;
/// [`at`](Self::at) says which point it is.
///
/// `s` is 0 at the first point of the path that is 0, and at the first point if none is: about 0
/// the parameter has the same digits as `z` itself, so that a singular point there is approached as
/// closely as on the real line.
///
/// Pieces without length are left out.
///
/// # Examples
///
/// ```
/// use coquad::Path;
/// use num_complex::Complex;
///
/// // From 1 to i on the unit circle, then up to infinity.
/// let path = Path::new(Complex::new(1.0, 0.0)).arc(Complex::ZERO, std::f64::consts::FRAC_PI_2).to_infinity(Complex::I);
/// assert_eq!(path.at(0.0), Complex::ONE);
/// assert!((path.at(3.0) - Complex::new(0.0, 3.0)).norm() < 1e-15);
/// let halfway = Complex::cis(std::f64::consts::FRAC_PI_4);
/// assert!((path.at(0.5) - halfway).norm() < 1e-15);
/// assert_eq!(path.limits(), (0.0, f64::INFINITY));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The points between pieces; one at least unless there is no path.
    vertices: Vec<Complex<f64>>,
    /// What leads from each to the next.
    pieces: Vec<Piece>,
    /// The directions to infinity before the first and after the last point.
    before: Option<Complex<f64>>,
    after: Option<Complex<f64>>,
    /// Which vertex has the parameter zero.
    zero: usize,
    /// A point or direction that cannot be, and the vertex before it.
    wrong: Option<(usize, Complex<f64>)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece {
    Line,
    /// About a centre, by an angle of at most one turn.
    Arc(Complex<f64>, f64),
}

/// A point of a path: how far from which vertex, in parts of the piece that is there.
struct Place {
    /// The piece; `None` on the ray from infinity, the number of pieces on the ray to infinity.
    piece: Option<usize>,
    /// From its first point on, and from its last point back.
    from: f64,
    back: f64,
}

/// Angles that differ from a whole turn by no more than this part of it are whole turns.
const WHOLE: f64 = 4.0 * f64::EPSILON;

impl Path {
    /// Creates the path that begins at a point, and has no piece yet.
    #[must_use]
    pub fn new(start: Complex<f64>) -> Self {
        let mut path =
            Self { vertices: Vec::new(), pieces: Vec::new(), before: None, after: None, zero: 0, wrong: None };
        path.push(start, None);
        path
    }

    /// Creates the path that comes from infinity to a point, on the ray `to + u direction` with `u`
    /// falling to 0.
    #[must_use]
    pub fn from_infinity(direction: Complex<f64>, to: Complex<f64>) -> Self {
        let mut path = Self::new(to);
        path.before = path.direction(direction);
        path
    }

    /// Creates a circle, once around counterclockwise from `centre + radius`; clockwise from
    /// `centre - |radius|` if the radius is negative.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator, Path};
    /// use num_complex::Complex;
    ///
    /// let path = Path::circle(Complex::ZERO, 2.0);
    /// let along = path.clone();
    /// let f = move |s: f64| (along.at(s) - 1.0).inv();
    /// let e = Integrator::new(Inline::new(f)).integrate_path_blocking(path, 1e-12)?;
    /// assert!((e.value - std::f64::consts::TAU * Complex::I).norm() <= 1e-12);
    /// # Ok::<(), coquad::Error<Complex<f64>>>(())
    /// ```
    #[must_use]
    pub fn circle(centre: Complex<f64>, radius: f64) -> Self {
        Self::new(centre + radius).arc(centre, std::f64::consts::TAU.copysign(radius))
    }

    /// Goes on straight to a point.
    #[must_use]
    pub fn line_to(mut self, to: Complex<f64>) -> Self {
        self.push(to, Some(Piece::Line));
        self
    }

    /// Goes on around a centre by an angle in radians, counterclockwise if it is positive.
    #[must_use]
    pub fn arc(mut self, centre: Complex<f64>, angle: f64) -> Self {
        let turns = angle / std::f64::consts::TAU;
        if !angle.is_finite() || !centre.is_finite() || turns.abs() > 1e6 {
            self.refuse(centre * angle);
            return self;
        }
        let whole = turns.round();
        let parts = if (turns - whole).abs() <= WHOLE * whole.abs() { whole.abs() } else { turns.abs().ceil() };
        for _ in 0..parts as usize {
            let from = self.end();
            let part = angle / parts;
            let is_whole = (part.abs() - std::f64::consts::TAU).abs() <= WHOLE * std::f64::consts::TAU;
            let to = if is_whole { from } else { from + (from - centre) * turn_less_one(part) };
            if from != centre {
                self.push(to, Some(Piece::Arc(centre, part)));
            }
        }
        self
    }

    /// Goes on to infinity, on the ray from the last point `z` along `z + u direction`. The path
    /// ends there.
    #[must_use]
    pub fn to_infinity(mut self, direction: Complex<f64>) -> Self {
        if self.after.is_some() {
            self.refuse(direction);
        } else {
            self.after = self.direction(direction);
        }
        self
    }

    /// Goes on straight to where the path began.
    #[must_use]
    pub fn close(self) -> Self {
        let start = self.vertices[0];
        self.line_to(start)
    }

    /// The parameter at the beginning and at the end of the path; infinite if that is.
    #[must_use]
    pub fn limits(&self) -> (f64, f64) {
        let first = self.parameter(0);
        let last = self.parameter(self.pieces.len());
        let before = if self.before.is_some() { f64::NEG_INFINITY } else { first };
        (before, if self.after.is_some() { f64::INFINITY } else { last })
    }

    /// The point with the parameter `s`, which lies between the [`limits`](Self::limits).
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::Path;
    /// use num_complex::Complex;
    ///
    /// let path = Path::from([Complex::new(-1.0, 0.0), Complex::ZERO, Complex::I]);
    /// // The second point is 0: the parameter is 0 there.
    /// assert_eq!((path.at(-1.0), path.at(1e-300)), (Complex::new(-1.0, 0.0), 1e-300 * Complex::I));
    /// ```
    #[must_use]
    pub fn at(&self, s: f64) -> Complex<f64> {
        let Place { piece, from, back } = self.place(s);
        let Some(k) = piece else { return self.vertices[0] + self.before.unwrap_or_default() * back };
        let Some(piece) = self.pieces.get(k) else { return self.end() + self.after.unwrap_or_default() * from };
        // From the nearer point, so that next to it no digit is lost.
        let (vertex, part, back) =
            if from <= 0.5 { (self.vertices[k], from, 1.0) } else { (self.vertices[k + 1], back, -1.0) };
        match *piece {
            Piece::Line => vertex + (self.vertices[k + 1] - self.vertices[k]) * (back * part),
            Piece::Arc(centre, angle) => vertex + (vertex - centre) * turn_less_one(back * part * angle),
        }
    }

    /// The derivative of the point with respect to the parameter, on the piece where `inside` is.
    pub(crate) fn slope(&self, inside: f64, s: f64) -> Complex<f64> {
        let Some(k) = self.place(inside).piece else { return -self.before.unwrap_or_default() };
        match self.pieces.get(k) {
            None => self.after.unwrap_or_default(),
            Some(Piece::Line) => self.vertices[k + 1] - self.vertices[k],
            Some(Piece::Arc(centre, angle)) => (self.at(s) - centre) * Complex::new(0.0, *angle),
        }
    }

    /// The parameters of the points between pieces.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = f64> + '_ {
        (0..self.vertices.len()).map(|vertex| self.parameter(vertex))
    }

    /// A point or direction of the path that cannot be, and after how many points it comes.
    pub(crate) fn wrong(&self) -> Option<(usize, Complex<f64>)> {
        self.wrong
    }

    fn parameter(&self, vertex: usize) -> f64 {
        vertex as f64 - self.zero as f64
    }

    fn place(&self, s: f64) -> Place {
        let (first, last) = (self.parameter(0), self.parameter(self.pieces.len()));
        if s < first && self.before.is_some() {
            return Place { piece: None, from: 0.0, back: first - s };
        }
        if s >= last && self.after.is_some() || self.pieces.is_empty() {
            return Place { piece: Some(self.pieces.len()), from: s - last, back: 0.0 };
        }
        let k = (s.floor() + self.zero as f64).clamp(0.0, self.pieces.len() as f64 - 1.0) as usize;
        Place { piece: Some(k), from: s - self.parameter(k), back: self.parameter(k + 1) - s }
    }

    fn end(&self) -> Complex<f64> {
        self.vertices.last().copied().unwrap_or_default()
    }

    fn push(&mut self, to: Complex<f64>, piece: Option<Piece>) {
        let (from, is_arc) = (self.end(), matches!(piece, Some(Piece::Arc(..))));
        let fits = piece.is_none() || (to - from).is_finite();
        if !to.is_finite() || !fits || self.after.is_some() {
            self.refuse(to);
            return;
        }
        if let Some(piece) = piece {
            if to == from && !is_arc {
                return;
            }
            self.pieces.push(piece);
        }
        self.vertices.push(to);
        if self.zero == 0 && to == Complex::ZERO && self.vertices[0] != Complex::ZERO {
            self.zero = self.vertices.len() - 1;
        }
    }

    fn direction(&mut self, direction: Complex<f64>) -> Option<Complex<f64>> {
        if !direction.is_finite() || direction == Complex::ZERO {
            self.refuse(direction);
        }
        Some(direction)
    }

    fn refuse(&mut self, what: Complex<f64>) {
        self.wrong = self.wrong.or(Some((self.vertices.len(), what)));
        if self.vertices.is_empty() {
            self.vertices.push(Complex::ZERO);
        }
    }
}

/// The direction of an infinite point, if it is one.
fn direction(z: Complex<f64>) -> Option<Complex<f64>> {
    let part = |x: f64| if x.is_infinite() { x.signum() } else { 0.0 };
    (!z.is_nan() && z.is_infinite()).then(|| Complex::new(part(z.re), part(z.im)))
}

impl From<&[Complex<f64>]> for Path {
    /// Straight pieces from point to point; rays at the ends if the first or last point is
    /// infinite. Of less than two points there is no path: its integral is zero.
    fn from(points: &[Complex<f64>]) -> Self {
        let (Some(&first), last) = (points.first(), points.last().copied()) else { return Self::new(Complex::ZERO) };
        let (mut path, mut rest) = match (direction(first), points) {
            (Some(from), [_, second, rest @ ..]) if direction(*second).is_none() => {
                (Self::from_infinity(from, *second), rest)
            }
            _ => (Self::new(first), &points[1..]),
        };
        let after = last.filter(|_| !rest.is_empty()).and_then(direction);
        if after.is_some() {
            rest = &rest[..rest.len() - 1];
        }
        path = rest.iter().fold(path, |path, point| path.line_to(*point));
        match after {
            Some(direction) => path.to_infinity(direction),
            None => path,
        }
    }
}

impl<const N: usize> From<[Complex<f64>; N]> for Path {
    fn from(points: [Complex<f64>; N]) -> Self {
        Self::from(&points[..])
    }
}

impl<const N: usize> From<&[Complex<f64>; N]> for Path {
    fn from(points: &[Complex<f64>; N]) -> Self {
        Self::from(&points[..])
    }
}

impl From<&Vec<Complex<f64>>> for Path {
    fn from(points: &Vec<Complex<f64>>) -> Self {
        Self::from(&points[..])
    }
}

impl From<&Path> for Path {
    fn from(path: &Path) -> Self {
        path.clone()
    }
}

#[cfg(test)]
mod tests;
