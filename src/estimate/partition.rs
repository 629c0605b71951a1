//! The segments of an answer: one is held where it is, so that an integral that needs no more allocates nothing for it.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use super::Segment;

/// The segments that an [`Estimate`](crate::Estimate) rests on, from left to right: a slice, and what it takes to own it.
///
/// # Examples
///
/// ```
/// use coquad::{Inline, Integrator, Partition, Segment};
///
/// let e = Integrator::new(Inline::new(|x: f64| x.powf(-0.9))).rtol(1e-6).integrate_blocking(0.0, 1.0, 0.0)?;
/// let segments: &[Segment<f64>] = &e.segments;
/// assert_eq!((segments[0].a, segments[segments.len() - 1].b), (0.0, 1.0));
/// let (worse, rest): (Vec<_>, Vec<_>) = e.segments.into_iter().partition(|segment| segment.error > 1e-8);
/// assert!(Partition::from(rest).iter().all(|segment| segment.error <= 1e-8));
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone)]
pub struct Partition<T, P = f64>(Held<T, P>);

#[derive(Clone)]
enum Held<T, P> {
    One(Segment<T, P>),
    Many(Vec<Segment<T, P>>),
    /// A part of what several estimates share.
    Part(Arc<[Segment<T, P>]>, Range<usize>),
}

impl<T, P> Partition<T, P> {
    /// Of no segment.
    pub(crate) fn empty() -> Self {
        Self(Held::Many(Vec::new()))
    }

    /// Of one segment.
    #[inline]
    pub(crate) fn one(segment: Segment<T, P>) -> Self {
        Self(Held::One(segment))
    }

    /// Of a part of these segments.
    pub(crate) fn part(of: Arc<[Segment<T, P>]>, part: Range<usize>) -> Self {
        Self(Held::Part(of, part))
    }
}

impl<T, P> From<Vec<Segment<T, P>>> for Partition<T, P> {
    fn from(segments: Vec<Segment<T, P>>) -> Self {
        Self(Held::Many(segments))
    }
}

impl<T, P> Deref for Partition<T, P> {
    type Target = [Segment<T, P>];

    #[inline]
    fn deref(&self) -> &[Segment<T, P>] {
        match &self.0 {
            Held::One(segment) => std::slice::from_ref(segment),
            Held::Many(segments) => segments,
            Held::Part(of, part) => &of[part.clone()],
        }
    }
}

impl<T: Clone, P: Clone> IntoIterator for Partition<T, P> {
    type Item = Segment<T, P>;
    type IntoIter = std::vec::IntoIter<Segment<T, P>>;

    fn into_iter(self) -> Self::IntoIter {
        match self.0 {
            Held::One(segment) => vec![segment].into_iter(),
            Held::Many(segments) => segments.into_iter(),
            Held::Part(of, part) => {
                let owned: Vec<_> = of[part].to_vec();
                owned.into_iter()
            }
        }
    }
}

impl<'a, T, P> IntoIterator for &'a Partition<T, P> {
    type Item = &'a Segment<T, P>;
    type IntoIter = std::slice::Iter<'a, Segment<T, P>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: fmt::Debug, P: fmt::Debug> fmt::Debug for Partition<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// As a list.
#[cfg(feature = "serde")]
impl<T: serde::Serialize, P: serde::Serialize> serde::Serialize for Partition<T, P> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

#[cfg(feature = "serde")]
impl<'de, T: serde::Deserialize<'de>, P: serde::Deserialize<'de>> serde::Deserialize<'de> for Partition<T, P> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}
