//! Where half-periods begin and end.

/// A function of the place, or of the number.
#[derive(Clone)]
pub(super) struct Phase<G>(pub(super) G);

/// What is known of the oscillation.
#[derive(Clone)]
pub(super) enum Waves<G> {
    /// The phase at a place.
    Phase(Phase<G>),
    /// The place of each zero.
    Zeros(Phase<G>),
}

/// So many times a step is doubled to find where the phase is beyond a value: to the largest
/// number.
const DOUBLINGS: u32 = 1100;
/// So many times an interval is halved: to two neighbours.
const HALVINGS: u32 = 1200;

impl<G: Fn(f64) -> f64> Waves<G> {
    /// The number of the first edge beyond a place, from which on the half-periods are.
    pub(super) fn first(&self, inner: f64) -> u32 {
        match self {
            // The phase is counted from there.
            Self::Phase(_) => 0,
            Self::Zeros(places) => {
                let (mut low, mut high) = (0, 1);
                // Also while a place is no number.
                let is_beyond = |k: u32| (places.0)(f64::from(k)) >= inner;
                while high < u32::MAX / 2 && !is_beyond(high) {
                    (low, high) = (high, 2 * high);
                }
                if (places.0)(0.0) >= inner {
                    return 0;
                }
                while high - low > 1 {
                    let middle = low + (high - low) / 2;
                    if (places.0)(f64::from(middle)) >= inner { high = middle } else { low = middle }
                }
                high
            }
        }
    }

    /// `count` edges outwards (1 up, -1 down) from the number `first` on.
    pub(super) fn edges(&self, origin: f64, outwards: f64, first: u32, count: usize) -> Vec<f64> {
        let numbers = (0..count).map(|k| f64::from(first) + k as f64);
        match self {
            Self::Zeros(places) => numbers.map(&places.0).collect(),
            Self::Phase(phase) => {
                let start = (phase.0)(origin);
                let mut from = origin;
                let edge = |number: f64| {
                    from = phase.beyond(start, from, outwards, number * std::f64::consts::PI);
                    from
                };
                numbers.map(edge).collect()
            }
        }
    }

    /// Whether the first edges from a place on are finite, and one after the other.
    pub(super) fn grows(&self, inner: f64, outwards: f64) -> bool {
        if matches!(self, Self::Zeros(_)) && outwards < 0.0 {
            return false;
        }
        let edges = self.edges(inner, outwards, self.first(inner), 16);
        edges.iter().all(|edge| edge.is_finite()) && edges.windows(2).all(|pair| outwards * (pair[1] - pair[0]) > 0.0)
    }
}

impl<G: Fn(f64) -> f64> Phase<G> {
    /// The first place outwards from `from` where the phase differs from `start` by `by`; not
    /// finite if there is none.
    fn beyond(&self, start: f64, from: f64, outwards: f64, by: f64) -> f64 {
        let reached = |x: f64| ((self.0)(x) - start).abs() >= by;
        if reached(from) {
            return from;
        }
        // A step that is short beside where it begins.
        let mut step = (from.abs() * 1e-3).max(1e-3);
        let (mut near, mut far) = (from, from + outwards * step);
        for _ in 0..DOUBLINGS {
            if reached(far) || !far.is_finite() {
                break;
            }
            step *= 2.0;
            (near, far) = (far, from + outwards * step);
        }
        if !far.is_finite() {
            return f64::NAN;
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(near, far);
            if !(near.min(far) < middle && middle < near.max(far)) {
                break;
            }
            if reached(middle) { far = middle } else { near = middle }
        }
        far
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_where_the_phase_has_grown_by_pi() {
        let square = Waves::Phase(Phase(|x: f64| x * x));
        for (k, edge) in square.edges(0.0, 1.0, 0, 200).into_iter().enumerate() {
            let exact = (k as f64 * std::f64::consts::PI).sqrt();
            assert!((edge - exact).abs() <= 4e-16 * exact, "{k}: {edge}");
        }
        let down = square.edges(-1.0, -1.0, 3, 1)[0];
        assert!((down + (1.0 + 3.0 * std::f64::consts::PI).sqrt()).abs() < 1e-15);
        assert!(square.grows(0.0, 1.0) && square.grows(3.0, -1.0) && !Waves::Phase(Phase(f64::atan)).grows(0.0, 1.0));
        assert!(!Waves::Phase(Phase(|_: f64| f64::NAN)).grows(0.0, 1.0));
        let zeros = Waves::Zeros(Phase(|k: f64| 2.0 * k - 9.0));
        assert_eq!((zeros.first(-20.0), zeros.first(0.0), zeros.first(1.0), zeros.first(1e6)), (0, 5, 5, 500_005));
        assert!(zeros.grows(0.0, 1.0) && !zeros.grows(0.0, -1.0));
    }
}
