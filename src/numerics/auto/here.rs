//! Panels evaluated and judged on the spot, without lists.

use super::super::few::Within;
use super::super::method::{Again, Known, Local, Panel};
use super::super::value::Value;
use super::kind::Kind;
use super::map::{Base, Map};
use super::tables::POINTS;
use super::tail::{COUNT, Tail};
use super::{audit, judge_again, judge_smooth};

/// How a smooth panel is laid out: its map, the slopes of that and the points.
struct Laid {
    map: Map,
    slopes: [f64; POINTS],
    points: [f64; POINTS],
}

impl Laid {
    #[inline]
    fn new(panel: &Panel<Kind>, base: Base) -> Self {
        let (map, within) = (Map::new(panel, base), Within::new(panel));
        let (slopes, mut points) = map.laid_out();
        points.iter_mut().for_each(|x| *x = within.clamp(*x));
        Self { map, slopes, points }
    }
}

/// Values times the slopes.
#[inline]
fn scaled<T: Value>(mut values: [T; POINTS], slopes: &[f64; POINTS]) -> [T; POINTS] {
    values.iter_mut().zip(slopes).for_each(|(value, slope)| value.scale(*slope));
    values
}

/// Judges a smooth panel by the values that `f` has at its points. They are kept if there may be a second look.
#[inline]
pub(super) fn judge<T: Value>(
    panel: &mut Panel<Kind>,
    base: Base,
    mut f: impl FnMut(f64) -> T,
    kept: Option<&mut Vec<f64>>,
    again: Again<'_, T>,
) -> Local<T> {
    let laid = Laid::new(panel, base);
    if let Some(kept) = kept {
        kept.extend_from_slice(&laid.points);
        kept.extend(panel.kind.scouts.points(panel));
    }
    let mut values: [T; POINTS] = std::array::from_fn(|i| f(laid.points[i]));
    if panel.kind.further > 0 {
        panel.kind.further = audit::count(&laid.points, panel.kind.mesh);
        if let (Again::Keep(looked, places), true) = (again, panel.kind.further > 0) {
            looked.extend_from_slice(&values);
            places.reserve(PLACES);
            places.extend(laid.map.to_numbers());
            places.extend_from_slice(&laid.slopes);
            places.extend_from_slice(&laid.points);
        }
    }
    if laid.map.is_log {
        values = scaled(values, &laid.slopes);
    }
    let local = judge_smooth(panel, &laid.map, &laid.slopes, &values);
    if panel.kind.scouts.count() > 0 {
        let further: Vec<T> = panel.kind.scouts.points(panel).map(f).collect();
        panel.kind.scouts.tell(panel, &local, &values, &further);
    }
    local
}

/// How many numbers are kept of where a panel is.
const PLACES: usize = 2 + 2 * POINTS;

/// Looks again at a panel.
#[inline(never)]
pub(super) fn look_again<T: Value>(
    panel: &mut Panel<Kind>,
    base: Base,
    mut f: impl FnMut(f64) -> T,
    mut kept: Option<&mut Vec<f64>>,
    Known { before, values, places }: Known<'_, T>,
) -> Local<T> {
    let anew;
    let values: &[T; POINTS] = values.try_into().expect("a value for each point");
    let (map, slopes, points) = match places.get(..PLACES).map(|places| places.split_at(2)) {
        Some((&[centre, half], places)) => {
            let (slopes, points) = places.split_at(POINTS);
            let (slopes, points) = (slopes.try_into().expect("so many"), points.try_into().expect("so many"));
            (Map::of_numbers(panel, base, [centre, half]), slopes, points)
        }
        _ => {
            anew = Laid::new(panel, base);
            (anew.map, &anew.slopes, &anew.points)
        }
    };
    let times_slopes;
    let values = if map.is_log {
        times_slopes = scaled(values.clone(), slopes);
        &times_slopes
    } else {
        values
    };
    judge_again(panel, &map, slopes, points, values, Some(before), |x| {
        if let Some(kept) = &mut kept {
            kept.push(x);
        }
        f(x)
    })
}

/// Judges the tail of a panel.
#[inline(never)]
pub(super) fn tail<T: Value>(
    panel: &mut Panel<Kind>,
    from: f64,
    mut f: impl FnMut(f64) -> T,
    kept: Option<&mut Vec<f64>>,
) -> Local<T> {
    let tail = Tail::new(panel, from);
    if let Some(kept) = kept {
        kept.extend(tail.points());
    }
    let (mut values, mut count): ([T; COUNT], usize) = (std::array::from_fn(|_| T::zero()), 0);
    for x in tail.points() {
        values[count] = f(x);
        count += 1;
    }
    tail.judge(panel, &values[..count])
}
