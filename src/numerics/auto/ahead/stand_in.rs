//! Integrands that stand for one of which some values are known.

use super::super::super::lanes::same_ref;
use super::super::super::value::Value;

/// An integrand of numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum StandIn {
    /// Zero up to a place, that included, and one beyond.
    Step { at: f64 },
    /// Two straight lines that meet at a place: the value there, and the slopes on both sides.
    Lines { at: f64, value: f64, left: f64, right: f64 },
}

impl StandIn {
    pub(super) fn at(self, x: f64) -> f64 {
        match self {
            StandIn::Step { at } => f64::from(u8::from(x > at)),
            StandIn::Lines { at, value, left, right } => value + (x - at) * if x < at { left } else { right },
        }
    }
}

/// How many units in the last place the meeting point of two lines may be off.
const OFF: i64 = 2;

/// Two straight lines that have all the values at the points in a bracket, to the last bit.
pub(super) fn lines<T: Value>(points: &[f64], values: &[T], [low, high]: [f64; 2]) -> Option<StandIn> {
    let mut known = Vec::with_capacity(values.len());
    for (&x, value) in points.iter().zip(values) {
        if (low..=high).contains(&x) {
            known.push((x, *same_ref::<T, f64>(value)?));
        }
    }
    let slope = |i: usize| (known[i + 1].1 - known[i].1) / (known[i + 1].0 - known[i].0);
    for i in 0..known.len().saturating_sub(3) {
        // One line through the first two of four points, one through the last two.
        let ([x, v], [y, w]) = ([known[i + 1].0, known[i + 1].1], [known[i + 2].0, known[i + 2].1]);
        let (left, right) = (slope(i), slope(i + 2));
        let meet = x + (w - v - right * (y - x)) / (left - right);
        if !(x <= meet && meet <= y) {
            continue;
        }
        for off in 0..=2 * OFF {
            let at = f64::from_bits((meet.to_bits() as i64 + if off % 2 == 0 { off / 2 } else { -off / 2 - 1 }) as u64);
            let value = v + left * (at - x);
            for value in [value, 0.0] {
                let lines = StandIn::Lines { at, value, left, right };
                if known.iter().all(|&(x, v)| lines.at(x).to_bits() == v.to_bits()) {
                    return Some(lines);
                }
            }
        }
    }
    None
}

/// How likely it is that a number which people write has so many digits after the first one; the rest is for those that
/// nobody wrote.
const DIGITS: [f64; 7] = [0.2, 0.25, 0.15, 0.1, 0.05, 0.03, 0.02];
/// Other units that people count in, and how likely each is.
const UNITS: [(f64, f64); 3] = [(1.0 / 3.0, 0.05), (1.0 / 8.0, 0.02), (std::f64::consts::FRAC_PI_4, 0.03)];

/// Steps at the numbers between two points that are shortest to write, where people put them; each with the chance that
/// a jump between the points is there. `width`: that of the panel.
pub(super) fn steps(width: f64, p: f64, q: f64) -> impl Iterator<Item = (StandIn, f64)> {
    // The power of ten next below the width.
    let mut power = 0;
    while power < 18 && ten(power + 1) <= width {
        power += 1;
    }
    while power > -18 && ten(power) > width {
        power -= 1;
    }
    let between = move |place: f64| p <= place && place < q;
    // Of an even spread of places so many are in the bracket as it is units wide. What is left of the chance is for
    // numbers of more digits, and for all others.
    let chance = move |unit: f64, likely: f64, rest: f64| {
        let odds = likely * unit / (q - p);
        odds / (odds + rest)
    };
    let mut rest = 1.0;
    let decimal = DIGITS.into_iter().enumerate().find_map(move |(digits, likely)| {
        rest -= likely;
        let e = power - digits as i32;
        let (unit, over) = if e < 0 { (1.0, ten(-e)) } else { (ten(e), 1.0) };
        let place = (p * over / unit).ceil() * unit / over;
        between(place).then(|| (place, chance(unit / over, likely, rest)))
    });
    let other = UNITS.into_iter().filter_map(move |(unit, likely)| {
        let n = (p / unit).ceil();
        // Thirds and eighths by one rounding.
        let over = (1.0 / unit).round();
        let place = if (over * unit - 1.0).abs() < f64::EPSILON { n / over } else { n * unit };
        between(place).then(|| (place, chance(unit, likely, 0.5)))
    });
    decimal.into_iter().chain(other).map(|(at, chance)| (StandIn::Step { at }, chance))
}

/// A power of ten.
fn ten(power: i32) -> f64 {
    let mut ten = 1.0;
    (0..power.abs()).for_each(|_| ten *= 10.0);
    if power < 0 { 1.0 / ten } else { ten }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "what is found is found to the last bit")]
mod tests {
    use super::super::super::search::points;
    use super::*;

    fn found(f: impl Fn(f64) -> f64) -> Option<StandIn> {
        let x = points(0.25, 0.75);
        lines(&x, &x.map(f), [0.25, 0.75])
    }

    #[test]
    fn two_straight_lines_are_told_to_the_last_bit() {
        for place in [1.0 / 3.0, 0.5123, 0.618_033_988_749_894_9, 0.4] {
            let Some(StandIn::Lines { at, .. }) = found(|x| (x - place).abs()) else { panic!("{place}") };
            assert_eq!(at, place);
            assert!(matches!(found(|x| (x - place).max(0.0)), Some(StandIn::Lines { at, .. }) if at == place));
        }
        assert_eq!(found(|x| x.exp() * (x - 0.4).abs()), None);
        assert_eq!(found(|x| x * x), None);
        assert_eq!(found(|x| 2.0 * x), None);
    }

    #[test]
    fn jumps_are_looked_for_at_numbers_that_are_short_to_write() {
        let best = |p: f64, q: f64| {
            steps(1.0, p, q).fold((0.0, 0.0), |best, (step, chance)| {
                let StandIn::Step { at } = step else { unreachable!("they are steps") };
                if chance > best.1 { (at, chance) } else { best }
            })
        };
        for (place, width) in [(0.3, 0.05), (0.25, 1e-3), (0.7123, 1e-5), (1.0 / 3.0, 1e-3), (0.625, 1e-4)] {
            let (at, chance) = best(place - width / 3.0, place + width);
            assert_eq!(at, place);
            assert!(chance > 0.3 && best(place - width / 300.0, place + width / 100.0).1 > chance, "{place} {chance}");
        }
        // A place that nobody wrote down.
        assert!(best(0.367_879_4, 0.367_879_5).1 < 0.5);
    }
}
