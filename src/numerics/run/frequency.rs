//! How fast an integrand oscillates towards infinity, as far as panels resolve it.

use std::collections::VecDeque;

use super::super::method::{Method, Panel};
use super::super::value::Value;
use super::reason::{Sample, nearest_first};
use super::{Looks, Run};

/// A panel resolves the integrand if its error is below this part of the integral of the norm.
const RESOLVED: f64 = 1e-6;
/// So many neighbours are looked at together, for so many zeros at least.
const PANELS: usize = 8;
const ZEROS: usize = 5;
/// Distances of zeros are regular if none is off by more than this part from the mean.
const REGULAR: f64 = 0.2;
/// Of two places, one so many times as far out as the other, the frequencies differ by less than
/// this part. The phase of sin(x^2) grows faster and faster.
const APART: f64 = 3.0;
const STEADY: f64 = 0.1;

/// The zeros of values whose norms are given, between the points, ascending: where the norms fall
/// to a value from which they rise again as fast.
fn zeros(samples: &[Sample]) -> Vec<f64> {
    let zero = |around: &[Sample]| {
        let [(p, u), (q, v), (r, w)] = [around[0], around[1], around[2]];
        if !(v < u && v < w && p < q && q < r) {
            return None;
        }
        // The sign changes before the lowest of three, or after it: as it makes the slopes alike.
        let slopes = |left: f64, right: f64| [(u + left * v) / (q - p), (w + right * v) / (r - q)];
        let unlike = |[left, right]: [f64; 2]| (left - right).abs() / (left + right);
        let (before, after) = (slopes(1.0, -1.0), slopes(-1.0, 1.0));
        let place = if unlike(before) < unlike(after) { q - v / before[0] } else { q + v / after[1] };
        Some(place)
    };
    samples.windows(3).filter_map(zero).collect()
}

/// The frequency by which zeros follow each other, if that is regular.
fn regular(zeros: &[f64]) -> Option<f64> {
    let (first, last) = (zeros.first()?, zeros.last()?);
    let mean = (last - first) / (zeros.len() - 1) as f64;
    let is_regular = zeros.windows(2).all(|pair| (pair[1] - pair[0] - mean).abs() <= REGULAR * mean);
    (zeros.len() >= ZEROS && is_regular).then_some(std::f64::consts::PI / mean)
}

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// The frequency of the oscillation next to the leaf at `at`, which ends at infinity, where
    /// panels resolve it; none if it is irregular, or none was seen.
    pub(super) fn frequency(&self, at: usize, source: &mut dyn Looks<M::Kind>) -> Option<f64> {
        let leaves: Vec<_> =
            self.in_order().map(|leaf| (leaf.panel, leaf.local.error <= RESOLVED * leaf.local.l1)).collect();
        let worst = leaves[at].0;
        let is_beside = |panel: &Panel<M::Kind>| {
            let t = f64::midpoint(panel.a, panel.b);
            source.is_far(t) && t.is_sign_positive() == f64::midpoint(worst.a, worst.b).is_sign_positive()
        };
        // From infinity inwards.
        let mut beside: Vec<(usize, Panel<M::Kind>)> = leaves
            .iter()
            .enumerate()
            .filter(|(_, (panel, is_resolved))| *is_resolved && is_beside(panel))
            .map(|(i, (panel, _))| (i.abs_diff(at), *panel))
            .collect();
        nearest_first(&mut beside);
        let panels: Vec<Panel<M::Kind>> = beside.into_iter().map(|(_, panel)| panel).collect();
        let (outer, place, next) = seen(&panels, source)?;
        // Once more, nearer.
        let nearer = panels[next..]
            .iter()
            .position(|panel| source.samples(panel).first().is_some_and(|look| look.3.abs() * APART <= place.abs()));
        match nearer.and_then(|first| seen(&panels[next + first..], source)) {
            Some((inner, ..)) if (inner - outer).abs() > STEADY * outer => None,
            _ => Some(outer),
        }
    }
}

/// The frequency that the first neighbours in a list of panels show, where that is, and which panel
/// comes next.
fn seen<K: Copy>(panels: &[Panel<K>], source: &mut dyn Looks<K>) -> Option<(f64, f64, usize)> {
    let mut near: VecDeque<Vec<Sample>> = VecDeque::new();
    for (i, panel) in panels.iter().enumerate() {
        let theirs = source.samples(panel);
        if theirs.is_empty() {
            return None;
        }
        near.push_back(theirs.into_iter().map(|(_, norm, _, x)| (x, norm)).collect());
        if near.len() > PANELS {
            near.pop_front();
        }
        let mut samples: Vec<Sample> = near.iter().flatten().copied().collect();
        samples.retain(|(x, norm)| x.is_finite() && norm.is_finite());
        samples.sort_by(|p, q| p.0.total_cmp(&q.0));
        samples.dedup_by_key(|sample| sample.0.to_bits());
        if let Some(frequency) = regular(&zeros(&samples)) {
            return Some((frequency, samples[0].0, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of a panel, from left to right.
    fn samples(f: impl Fn(f64) -> f64, a: f64, b: f64) -> Vec<Sample> {
        let node =
            |i: u32| f64::midpoint(a, b) - f64::midpoint(-a, b) * libm::cos(std::f64::consts::PI * f64::from(i) / 48.0);
        (0..=48).map(|i| (node(i), f(node(i)).abs())).collect()
    }

    #[test]
    fn zeros_tell_the_frequency() {
        for w in [0.3, 2.0, 70.0] {
            for phase in [0.0, 0.4, 1.1, 2.9] {
                let f = |x: f64| (w * x + phase).cos() / (1.0 + x);
                let frequency = regular(&zeros(&samples(f, 3.0, 3.0 + 20.0 / w))).expect("it oscillates");
                assert!((frequency / w - 1.0).abs() < 0.02, "{frequency} for {w}, {phase}");
            }
        }
        assert_eq!(regular(&zeros(&samples(|x| (x * x).sin(), 0.0, 5.0))), None);
        assert_eq!(regular(&zeros(&samples(|x| 1.0 / (1.0 + x), 0.0, 5.0))), None);
    }
}
