//! Values that are not finite, far out on an infinite range: infinity times zero, where the integrand has fallen to
//! nothing.
//!
//! `x^p exp(-x)`, written out, is zero from 746 on, as far as it can be told, and not a number where `x^p` is
//! infinite, too. What lies beyond the place where all values are zero is taken for zero. If `x^p` overflows before
//! `exp(-x)` is zero, values fall steeply, are infinite, and then not numbers: what is left out is bounded by the
//! fall.
//!
//! DETERMINISM: marks are set when a decision is retired, in the order of the decisions.

use super::super::domain::Domain;
use super::super::elementary::ln;
use super::super::method::{Local, UNKNOWN};
use super::super::value::Value;

/// What is left out at one end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mark {
    /// Which end: 1 for positive `t`.
    side: usize,
    /// `|t|` of the outermost value that is finite and not zero.
    finite: f64,
    /// `|t|` of the innermost value that is not finite, its place and norm.
    bad: f64,
    x: f64,
    norm: f64,
    /// What is left out, at most, once that is known.
    tail: Option<f64>,
}

/// The marks of both ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Far([Option<Mark>; 2]);

/// An integrand that overflows where it falls more slowly than this power of the distance is not cut off.
const STEEP: f64 = 16.0;

/// Two values that tell something are so far apart, at least: others may be those at one number, and their difference
/// rounding.
const APART: f64 = 1.0001;

/// What a panel has beyond its values.
pub(super) struct Beyond {
    mark: Mark,
    /// What the fall of its own values tells of what is left out; `None` if nothing.
    tail: Option<f64>,
    /// Whether it has finite values at all.
    has_values: bool,
    known: Option<Mark>,
    /// Whether the innermost value that is left out is in this panel, as far as is known.
    is_first: bool,
}

impl Far {
    /// Whether the values of a panel that are not finite, given `t` and the norm times the slope, lie beyond all
    /// others; and what that tells. Of a panel that does not reach to infinity that must be plain from its values, or
    /// seen before.
    pub(super) fn beyond(&self, domain: &Domain, [a, b]: [f64; 2], norms: &[(f64, f64)]) -> Option<Beyond> {
        let side = usize::from(norms[0].0.is_sign_positive());
        let known = self.0[side];
        let (mut finite, mut bad): (f64, (f64, f64, f64)) = (f64::INFINITY, (0.0, 0.0, 0.0));
        for &(t, norm) in norms {
            if !norm.is_finite() && t.abs() > bad.0 {
                bad = (t.abs(), t, norm);
            }
            if norm > 0.0 && norm.is_finite() && t.abs() < finite {
                finite = t.abs();
            }
        }
        let (bad, t, norm) = bad;
        // Those before: the outermost first.
        let mut before: Vec<(f64, f64)> =
            norms.iter().filter(|(t, _)| t.abs() > bad).map(|&(t, norm)| (t.abs(), norm)).collect();
        before.sort_by(|p, q| p.0.total_cmp(&q.0));
        let mut tail = None;
        if let Some(&(near, one)) = before.first() {
            let apart = |sample: &&(f64, f64)| sample.0 >= APART * near;
            if one == 0.0 {
                let zeros = before.iter().take_while(|sample| sample.1 == 0.0);
                tail = zeros.last().filter(apart).map(|_| 0.0);
            } else if norm.is_infinite() {
                tail = match before.iter().find(apart) {
                    Some(&(far, other)) => {
                        let fall = ln(other / one) / ln(far / near);
                        (fall >= STEEP).then(|| one * near / fall)
                    }
                    // In so narrow a panel nothing is told of the fall that was not before.
                    None => known.and_then(|known| known.tail),
                };
            }
        }
        let follows = known.is_some_and(|known| bad < known.finite);
        let inner = a.abs().max(b.abs());
        // Reaches to infinity, and is not all that nears it: there are values before it.
        let is_last = (a == 0.0 || b == 0.0) && inner < domain.far_from();
        let has_values = !before.is_empty();
        if bad >= finite || !(follows || is_last || has_values) {
            return None;
        }
        let mark = Mark { side, finite, bad, x: domain.x(t), norm, tail };
        let is_first = known.is_none_or(|known| known.bad <= inner);
        Some(Beyond { mark, tail, has_values, known, is_first })
    }

    /// A decision was retired. Returns whether a value that was left out lies before one that counts.
    pub(crate) fn note(&mut self, mark: Mark) -> bool {
        let noted = match self.0[mark.side] {
            None => mark,
            Some(known) => {
                let (inner, outer) = if mark.bad > known.bad { (mark, known) } else { (known, mark) };
                // Each is a bound.
                let tail = match (mark.tail, known.tail) {
                    (Some(p), Some(q)) => Some(p.min(q)),
                    (p, q) => p.or(q),
                };
                Mark { finite: inner.finite.min(outer.finite), tail, ..inner }
            }
        };
        self.0[mark.side] = Some(noted);
        noted.finite < noted.bad
    }

    /// The innermost place that is left out, and the norm there, where more may be left out than is allowed.
    pub(crate) fn unknown(&self, allowed: f64) -> Option<(f64, f64)> {
        let matters = |mark: &&Mark| mark.finite < mark.bad || mark.tail.is_none_or(|tail| tail > allowed);
        self.0.iter().flatten().find(matters).map(|mark| (mark.x, mark.norm))
    }
}

impl Beyond {
    /// Adds what is left out to the error of the panel.
    pub(super) fn into_mark<T: Value>(self, local: &mut Local<T>) -> Mark {
        let Self { mark, tail, has_values, known, is_first } = self;
        let known = known.and_then(|known| known.tail);
        match tail {
            Some(tail) => {
                local.error += tail;
                local.roundoff += tail;
            }
            // To be refined until it is known.
            None if has_values => local.error = UNKNOWN,
            // Nothing but what is left out: whoever has the innermost of it has the bound.
            None => {
                (local.error, local.roundoff) = match known {
                    // It may get better: values nearer to what is left out tell more.
                    Some(tail) if is_first => (tail, tail / 4.0),
                    Some(_) => (0.0, 0.0),
                    None => (UNKNOWN / 4.0, 0.0),
                };
            }
        }
        mark
    }
}
