//! Any method along a path: the values are those of the integrand alone, the path's slope is in the
//! weights.

use super::super::domain::Domain;
use super::super::method::{Control, Guess, Local, Method, Panel};
use super::super::value::Value;
use super::Path;

/// A method whose panels are parts of a path's pieces.
///
/// INVARIANT: no panel has a point between two pieces inside: those are breakpoints of the domain.
#[derive(Clone, Debug)]
pub(crate) struct Along<M> {
    method: M,
    path: Path,
    domain: Domain,
}

impl<M: Method> Along<M> {
    /// `domain` maps to the path's parameter.
    pub(crate) fn new(method: M, path: Path, domain: Domain) -> Self {
        Self { method, path, domain }
    }

    /// The values times the path's slope.
    fn turned<T: Value>(&self, panel: &Panel<M::Kind>, values: &[T]) -> Vec<T> {
        let inside = self.domain.x(panel.midpoint());
        let mut points = Vec::with_capacity(values.len());
        self.method.points(panel, &mut points);
        let turned = |(t, value): (f64, &T)| {
            let mut value = value.clone();
            let s = self.domain.x(t);
            // At infinity nothing is evaluated.
            let slope = self.path.slope(inside, if s.is_finite() { s } else { inside });
            value.turn(slope);
            value
        };
        points.into_iter().zip(values).map(turned).collect()
    }
}

impl<M: Method> Method for Along<M> {
    type Kind = M::Kind;
    const REUSES_POINTS: bool = M::REUSES_POINTS;
    const MAY_REPEAT: bool = M::MAY_REPEAT;
    const HAS_PARTS: bool = M::HAS_PARTS;
    const AUDITS: bool = M::AUDITS;
    const IN_X: bool = M::IN_X;
    const LOOKS_FAR: bool = M::LOOKS_FAR;

    fn over(&self, a: f64, b: f64) -> Result<Self, &'static str> {
        Ok(Self { method: self.method.over(a, b)?, ..self.clone() })
    }

    fn may_repeat(&self, panel: &Panel<M::Kind>) -> bool {
        self.method.may_repeat(panel)
    }

    fn is_part(&self, panel: &Panel<M::Kind>) -> bool {
        self.method.is_part(panel)
    }

    fn doubts_parts(&self) -> bool {
        self.method.doubts_parts()
    }

    fn compared(&self, part: &mut Panel<M::Kind>, error: f64, all: f64) {
        self.method.compared(part, error, all);
    }

    fn halvings(&self, panel: &Panel<M::Kind>) -> u32 {
        self.method.halvings(panel)
    }

    fn audit(&self, panel: &Panel<M::Kind>) -> Option<M::Kind> {
        self.method.audit(panel)
    }

    fn inherited(&self, panel: &Panel<M::Kind>) -> usize {
        self.method.inherited(panel)
    }

    fn control(&self) -> Control {
        self.method.control()
    }

    fn root(&self) -> M::Kind {
        self.method.root()
    }

    fn points(&self, panel: &Panel<M::Kind>, into: &mut Vec<f64>) {
        self.method.points(panel, into);
    }

    fn count(&self, panel: &Panel<M::Kind>) -> usize {
        self.method.count(panel)
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<M::Kind>, values: &[T]) -> Local<T> {
        let values = self.turned(panel, values);
        self.method.estimate(panel, &values)
    }

    fn refine(&self, panel: &Panel<M::Kind>, error: f64, into: &mut Vec<Panel<M::Kind>>) {
        self.method.refine(panel, error, into);
    }

    fn predict(&self, panel: &Panel<M::Kind>, into: &mut Vec<Panel<M::Kind>>) {
        self.method.predict(panel, into);
    }

    fn ahead<T: Value>(&self, panel: &Panel<M::Kind>, values: &[T], allowed: f64, into: &mut Vec<Guess<M::Kind>>) {
        let values = self.turned(panel, values);
        self.method.ahead(panel, &values, allowed, into);
    }

    fn accepts(&self, panel: &Panel<M::Kind>, error: f64, share: f64) -> bool {
        self.method.accepts(panel, error, share)
    }
}
