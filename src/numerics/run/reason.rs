//! Why a run did not converge: what the values next to the place of the largest error tell.

use super::super::elementary::{exp, ln};
use super::super::method::{Method, Panel};
use super::super::value::Value;
use super::{Looks, Run, Source, Verdict};
use crate::estimate::Reason;

/// A point and the norm of the value there, times the slope.
pub(crate) type Sample = (f64, f64);

/// A point, the norm of the value there, and that times the slope; and where on the range it is.
pub(crate) type Look = (f64, f64, f64, f64);

/// A value that is so much above or below the power of the distance through its neighbours, as a logarithm, is up or
/// down.
const SWING: f64 = 0.3;
/// So many ups and downs are no bump.
const TURNS: usize = 5;
/// Contributions next to a singular place that fall more slowly than this power of the distance do not fall.
const FALLS: f64 = 0.02;

/// Sorts panels by their distances. By itself, so that it is compiled once for a kind of panels.
pub(super) fn nearest_first<K>(panels: &mut [(usize, Panel<K>)]) {
    panels.sort_by_key(|panel| panel.0);
}

/// Whether values go up and down many times, on one side of zero.
pub(crate) fn turns(mut samples: Vec<Sample>) -> bool {
    samples.retain(|&(t, norm)| t != 0.0 && norm.is_finite());
    samples.sort_by(|p, q| p.0.total_cmp(&q.0));
    let logs: Vec<Sample> = samples.iter().map(|&(t, norm)| (ln(t.abs()), ln(norm.max(f64::MIN_POSITIVE)))).collect();
    let (mut turns, mut last) = (0, None);
    for around in logs.windows(3) {
        let [(p, u), (q, v), (r, w)] = [around[0], around[1], around[2]];
        let off = v - (u + (w - u) * ((q - p) / (r - p)));
        // Of three at one place nothing is told.
        if (r - p).abs() > 0.0 && off.abs() > SWING {
            turns += usize::from(last.is_some_and(|up| up != (off > 0.0)));
            last = Some(off > 0.0);
        }
    }
    turns >= TURNS
}

/// Whether values that are infinite at one end of a panel grow towards it so that there is no integral, up to the
/// largest number.
pub(crate) fn grows(a: f64, b: f64, mut samples: Vec<Sample>) -> bool {
    samples.sort_by(|p, q| p.0.total_cmp(&q.0));
    let infinite = |&(_, norm): &Sample| norm.is_infinite();
    let distances: Vec<Sample> = if samples.first().is_some_and(infinite) {
        samples.iter().map(|&(t, norm)| (t - a, norm)).collect()
    } else if samples.last().is_some_and(infinite) {
        samples.iter().rev().map(|&(t, norm)| (b - t, norm)).collect()
    } else {
        return false;
    };
    let count = distances.iter().take_while(|(_, norm)| norm.is_infinite()).count();
    let (beyond, rest) = (distances[count - 1], &distances[count..]);
    let Some(&(d, norm)) = rest.first() else { return false };
    if !(rest.iter().all(|(_, norm)| norm.is_finite()) && beyond.0 > 0.0 && norm > 0.0) {
        return false;
    }
    // The power of the distance that takes it beyond the largest number, at least.
    let needed = (ln(f64::MAX) - ln(norm)) / ln(d / beyond.0);
    let power = match rest.get(1) {
        Some(&(far, other)) if other > 0.0 => ln(norm / other) / ln(far / d),
        Some(_) => return false,
        None if norm > HUGE => needed,
        None => return false,
    };
    power >= 1.0 - FALLS && needed <= 2.0 * power + 1.0
}

/// Nothing but a singular place has values as large.
const HUGE: f64 = 1e290;

/// Contributions next to a place that is singular are compared over a range of distances this wide.
const WIDE: f64 = 1e6;
/// Those nearer do not fall if they have this part of the others.
const KEPT: f64 = 0.9;

/// What is left out and has this part of the tolerance may be why it is not met.
const MATTERS: f64 = 1.0 / 64.0;

/// Whether contributions do not fall towards a place, as far as values tell: those of equal steps of the logarithm of
/// the distance.
pub(super) fn stays(place: f64, samples: &[Sample]) -> bool {
    [-1.0, 1.0].into_iter().any(|side| {
        let of_side = samples.iter().map(|&(t, norm)| (side * (t - place), norm)).filter(|(d, _)| *d > 0.0);
        let shares: Vec<Sample> = of_side.map(|(d, norm)| (d, d * norm)).collect();
        let nearest = shares.iter().fold(f64::INFINITY, |least, share| least.min(share.0));
        let farthest = shares.iter().fold(0.0, |most: f64, share| most.max(share.0));
        if shares.is_empty() || farthest < WIDE * nearest {
            return false;
        }
        // A third of the range each, on a scale of logarithms.
        let third = exp((ln(farthest) - ln(nearest)) / 3.0);
        let mean = |low: f64, high: f64| {
            let part = shares.iter().filter(|share| low <= share.0 && share.0 < high).map(|share| share.1);
            let (sum, count) = part.fold((0.0, 0.0), |(sum, count), share| (sum + share, count + 1.0));
            sum / count
        };
        let (near, next) = (mean(nearest, nearest * third), mean(nearest * third, nearest * third * third));
        near > 0.0 && near >= KEPT * next
    })
}

impl<T: Value, M: Method, H: Copy> Run<T, M, H> {
    /// How a run ends that was stopped: by a reason that the values tell, if they tell another.
    #[cold]
    pub(super) fn stopped<S>(&self, reason: Reason, source: &mut S) -> Result<Verdict, S::Halt>
    where
        S: Source<T, M::Kind, Handle = H>,
    {
        if let Some(halt) = source.unknown(MATTERS * self.allowed()) {
            return Err(halt);
        }
        Ok(self.told(reason, source.looks()))
    }

    /// The reason that the values tell, or this one.
    fn told(&self, reason: Reason, source: Option<&mut dyn Looks<M::Kind>>) -> Verdict {
        let given = Verdict::Stopped(reason);
        let Some(source) = source.filter(|_| matches!(reason, Reason::Roundoff | Reason::Budget | Reason::Divergent))
        else {
            return given;
        };
        source.looks_into(reason);
        let worst = self.in_order().enumerate().max_by(|(i, p), (j, q)| {
            // Of equals the left one.
            p.local.error.total_cmp(&q.local.error).then_with(|| j.cmp(i))
        });
        let Some((at, worst)) = worst.map(|(i, leaf)| (i, leaf.panel)) else { return given };
        // Where the budget is spent, or nothing can come of it, no more is looked at than need be.
        let is_far = source.is_far(worst.a) || source.is_far(worst.b);
        let reach = if reason == Reason::Roundoff { NEIGHBOURS } else { BESIDE };
        if reason != Reason::Roundoff && !is_far {
            return given;
        }
        let (samples, oscillates) = self.around(at, reach, source);
        let diverges = || stays(worst.a, &samples) || stays(worst.b, &samples);
        match reason {
            _ if oscillates => {
                let frequency = self.frequency(at, source);
                frequency.map_or(Verdict::Stopped(Reason::Oscillating), Verdict::Oscillates)
            }
            Reason::Roundoff if diverges() => Verdict::Stopped(Reason::Divergent),
            _ => given,
        }
    }

    /// Whether values next to the place `t` in the given leaf, where one is infinite, grow so that there is no
    /// integral.
    #[cold]
    pub(super) fn diverges(&self, leaf: usize, t: f64, source: Option<&mut dyn Looks<M::Kind>>) -> bool {
        let Some(source) = source else { return false };
        let panel = self.leaves[leaf].panel;
        let at = self.in_order().position(|leaf| leaf.panel.a.to_bits() == panel.a.to_bits());
        source.looks_into(Reason::Divergent);
        let mut samples = self.around(at.unwrap_or(0), NEIGHBOURS, source).0;
        samples.retain(|sample| sample.1.is_finite());
        [t, panel.a, panel.b].iter().any(|&place| stays(place, &samples))
    }

    /// The values of a leaf and of its neighbours, the nearest first; and whether those of the nearest go up and down
    /// to infinity.
    fn around(&self, at: usize, reach: usize, source: &mut dyn Looks<M::Kind>) -> (Vec<Sample>, bool) {
        let first = at.saturating_sub(reach);
        let near = self.in_order().enumerate().skip(first).take(at - first + reach + 1);
        let mut panels: Vec<(usize, Panel<M::Kind>)> = near.map(|(i, leaf)| (i.abs_diff(at), leaf.panel)).collect();
        nearest_first(&mut panels);
        let (mut samples, mut nearest) = (Vec::new(), Vec::new());
        for (distance, panel) in panels {
            let theirs = source.samples(&panel);
            if theirs.is_empty() {
                break;
            }
            let side = samples.first().map_or(theirs[0].0, |first: &Sample| first.0).is_sign_positive();
            for (t, norm, weighed, _) in theirs {
                samples.push((t, weighed));
                if distance <= BESIDE && source.is_far(t) && t.is_sign_positive() == side {
                    nearest.push((t, norm));
                }
            }
        }
        (samples, turns(nearest))
    }
}

/// So many leaves on either side of the worst are looked at.
const NEIGHBOURS: usize = 24;
/// And so many for an oscillation.
const BESIDE: usize = 2;
