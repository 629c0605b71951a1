//! The panels that replace a judged one.

use std::cmp::Ordering;

use super::super::elementary::exp;
use super::super::few::is_few;
use super::super::method::Panel;
use super::audit;
use super::kind::{Kind, Look, Note, PLAIN, Search, Shape, log, tail_from};
use super::map::{Base, Map};
use super::search::Feature;

/// A search that has not ended after as many stages is given up: 53 bits at three to four bits a stage take 18.
const STAGES: u32 = 40;
/// What is left out at zero when a panel without any value is cut in equal parts of the logarithm.
const FAR: f64 = 1e-6;
/// Half of what a panel spans in the logarithm before the variable itself is looked at.
const SPAN: f64 = 6.0;
/// Into how many parts a panel is cut at once, at most.
const MOST_PARTS: usize = 9;
/// No gap between points that an answer rests on is wider than this part of its piece.
const MESH: f64 = 1.0 / 70.0;

/// Appends the panels that replace a smooth one.
pub(super) fn refine_smooth(panel: &Panel<Kind>, base: Base, error: f64, into: &mut Vec<Panel<Kind>>) {
    let (a, b) = (panel.a, panel.b);
    match panel.kind.note {
        Note::Dim => into.push(Panel { depth: panel.depth + 1, kind: child(panel, Shape::Ladder), ..*panel }),
        Note::Unlike { low, high } => {
            let same = Shape::Smooth(base);
            match (a < low, high < b) {
                (true, true) => tile(panel, &[low, high], &[same, PLAIN, same], into),
                (true, false) => tile(panel, &[low], &[same, PLAIN], into),
                (false, true) => tile(panel, &[high], &[PLAIN, same], into),
                (false, false) => {}
            }
            if into.is_empty() {
                halve(panel, base, into);
            }
        }
        Note::Infinite(c) => around(panel, c, into),
        Note::Steep { low, top, high } => {
            // Cut at the largest value, which the parts on both sides of it see next to their ends.
            let same = Shape::Smooth(base);
            let (mut cuts, mut shapes) = (vec![], vec![]);
            for (cut, left, right) in [(low, same, PLAIN), (top, PLAIN, PLAIN), (high, PLAIN, same)] {
                if a < cut && cut < b {
                    if shapes.is_empty() {
                        shapes.push(left);
                    }
                    cuts.push(cut);
                    shapes.push(right);
                }
            }
            tile(panel, &cuts, &shapes, into);
            if into.is_empty() {
                halve(panel, base, into);
            }
        }
        Note::Closer { low, high } => {
            tile(panel, &[low, high], &[PLAIN; 3], into);
            into.iter_mut().for_each(|part| part.kind.repeats = part.a >= low && part.b <= high);
        }
        Note::Focus { low, high, l1 } => {
            let search = Search { low, high, error: error + l1, stage: 0, base };
            let kind = child(panel, Shape::Search(search));
            into.push(Panel { depth: panel.depth + 1, kind, ..*panel });
        }
        Note::Ends { left, right, left_power, right_power, .. } if base == Base::Plain && (left || right) => {
            let c = panel.midpoint();
            let (l, r) = (near(a, b, left_power), near(b, a, right_power));
            if left && right {
                tile(panel, &[l, c, r], &[tail_from(a), log(a), log(b), tail_from(b)], into);
            } else if left {
                tile(panel, &[l], &[tail_from(a), log(a)], into);
            } else {
                tile(panel, &[r], &[log(b), tail_from(b)], into);
            }
            shorten(into);
            if into.is_empty() {
                halve(panel, base, into);
            }
        }
        // Hard at the end that is far from the point: there the variable itself shows why, once the logarithm does
        // not span too much.
        Note::Ends { left, right, .. }
            if matches!(base, Base::Log { from } if if from <= a { right && !left } else { left && !right })
                && Map::new(panel, base).half_width() <= SPAN =>
        {
            let (c, same) = (panel.midpoint(), Shape::Smooth(base));
            let shapes = if right { [same, PLAIN] } else { [PLAIN, same] };
            tile(panel, &[c], &shapes, into);
        }
        // Equal parts of the logarithm: what is far away is wide.
        Note::Empty if !matches!(base, Base::Log { .. }) && b == 0.0 => {
            tile(panel, &[a * FAR], &[log(0.0), tail_from(0.0)], into);
        }
        Note::Empty if !matches!(base, Base::Log { .. }) && a == 0.0 => {
            tile(panel, &[b * FAR], &[tail_from(0.0), log(0.0)], into);
        }
        Note::Ends { parts, .. } if parts > 2 => cut(panel, base, parts, into),
        _ => halve(panel, base, into),
    }
}

/// Appends the panels that replace a tail.
pub(super) fn refine_tail(panel: &Panel<Kind>, from: f64, into: &mut Vec<Panel<Kind>>) {
    let (a, b) = (panel.a, panel.b);
    let power = if let Note::Power(power) = panel.kind.note { power } else { 0.0 };
    if from <= a {
        tile(panel, &[near(a, b, power)], &[tail_from(from), log(from)], into);
    } else {
        tile(panel, &[near(b, a, power)], &[log(from), tail_from(from)], into);
    }
    // As near as the digits of `x` go, and no power law yet: what is hard may lie just outside.
    if into.is_empty() && from != 0.0 {
        // The points of a tail are at quarters, where those of a panel and of its halves may be, too.
        into.push(of_piece(a, b, panel.depth + 1, Kind { repeats: true, ..child(panel, PLAIN) }));
    }
}

/// Appends the panels that replace one whose search has ended, or the next stage of the search; none if it found
/// nothing.
pub(super) fn conclude(panel: &Panel<Kind>, search: &Search, into: &mut Vec<Panel<Kind>>) {
    let Note::Found { low, high, feature } = panel.kind.note else { return };
    let (a, b, c) = (panel.a, panel.b, f64::midpoint(low, high));
    let base = Shape::Smooth(search.base);
    match feature {
        Feature::Jump | Feature::Unclear if feature == Feature::Jump || search.error.is_nan() => {
            let between = Search { low, high, error: f64::NAN, stage: 0, base: Base::Plain };
            let between = Shape::Search(between);
            match (a < low, high < b) {
                (true, true) => tile(panel, &[low, high], &[base, between, base], into),
                (true, false) => tile(panel, &[low], &[base, between], into),
                (false, _) => tile(panel, &[high], &[between, base], into),
            }
        }
        Feature::Unclear if search.stage < STAGES => {
            let next = Search { low, high, error: search.error, stage: search.stage + 1, base: search.base };
            let kind = child(panel, Shape::Search(next));
            into.push(Panel { depth: panel.depth + 1, kind, ..*panel });
        }
        Feature::Kink => tile(panel, &[c], &[base, base], into),
        Feature::Power => around(panel, c, into),
        Feature::Smooth if high - low < 0.2 * (b - a) => {
            tile(panel, &[low, high], &[log(c), PLAIN, log(c)], into);
        }
        _ => {}
    }
}

/// Cuts a panel at a point where it is singular.
fn around(panel: &Panel<Kind>, c: f64, into: &mut Vec<Panel<Kind>>) {
    let (a, b) = (panel.a, panel.b);
    let (l, r) = (near(c, a, -0.5), near(c, b, -0.5));
    let shapes = [log(c), tail_from(c), tail_from(c), log(c)];
    match (a < l, r < b) {
        (true, true) => tile(panel, &[l, c, r], &shapes, into),
        (true, false) => tile(panel, &[l, c], &shapes[..3], into),
        (false, true) => tile(panel, &[c, r], &shapes[1..], into),
        (false, false) => tile(panel, &[c], &shapes[1..3], into),
    }
}

/// The kind of a panel of some shape that replaces, alone or with others, a judged one: it belongs to the same piece.
pub(super) fn child(panel: &Panel<Kind>, shape: Shape) -> Kind {
    let mesh = if panel.depth == 0 { MESH * (panel.b - panel.a) } else { panel.kind.mesh };
    Kind { mesh, repeats: panel.kind.repeats, ..shape.kind() }
}

/// A panel of a piece, from `a` to `b`. How many points a second look at it has is counted when it is judged.
fn of_piece(a: f64, b: f64, depth: u32, kind: Kind) -> Panel<Kind> {
    let mut panel = Panel { a, b, depth, kind };
    panel.kind.further = audit::may_have(&panel);
    panel
}

/// Cuts a panel at the given points into panels of the given shapes; does nothing if the points do not ascend.
pub(super) fn tile(panel: &Panel<Kind>, cuts: &[f64], shapes: &[Shape], into: &mut Vec<Panel<Kind>>) {
    lay(panel, cuts, shapes, false, into);
}

/// Cuts it into parts of itself. (What is searched has no value to compare theirs with.)
fn tile_parts(panel: &Panel<Kind>, cuts: &[f64], base: Base, into: &mut Vec<Panel<Kind>>) {
    let shapes = [Shape::Smooth(base); MOST_PARTS];
    lay(panel, cuts, &shapes[..=cuts.len()], matches!(panel.kind.shape, Shape::Smooth(_)), into);
}

fn lay(panel: &Panel<Kind>, cuts: &[f64], shapes: &[Shape], is_part: bool, into: &mut Vec<Panel<Kind>>) {
    let mut a = panel.a;
    for &b in cuts.iter().chain([&panel.b]) {
        if a.partial_cmp(&b) != Some(Ordering::Less) {
            return;
        }
        a = b;
    }
    a = panel.a;
    for (i, &shape) in shapes.iter().enumerate() {
        let b = if i < cuts.len() { cuts[i] } else { panel.b };
        into.push(of_piece(a, b, panel.depth + 1, Kind { is_part, ..child(panel, shape) }));
        a = b;
    }
}

/// Cuts panels in two that span more of a logarithm than a rule can follow: their values would be thrown away.
fn shorten(panels: &mut Vec<Panel<Kind>>) {
    let mut i = 0;
    while i < panels.len() {
        let panel = &mut panels[i];
        if let Shape::Smooth(base @ Base::Log { .. }) = panel.kind.shape {
            let map = Map::new(panel, base);
            if map.half_width() > SPAN && panel.kind.note == Note::Nothing && !panel.kind.is_part {
                let (c, b) = (map.x(0.0), panel.b);
                if panel.a < c && c < b {
                    panel.b = c;
                    let right = of_piece(c, b, panel.depth, panel.kind);
                    panel.kind.further = audit::may_have(panel);
                    i += 1;
                    panels.insert(i, right);
                }
            }
        }
        i += 1;
    }
}

/// Cuts a panel in the middle of its variable.
pub(super) fn halve(panel: &Panel<Kind>, base: Base, into: &mut Vec<Panel<Kind>>) {
    let map = Map::new(panel, base);
    if map.is_log && map.half_width() > 0.5 {
        tile_parts(panel, &[map.x(0.0)], base, into);
    } else {
        tile_parts(panel, &[panel.midpoint()], Base::Plain, into);
    }
}

/// Cuts a panel in equal parts of its variable.
fn cut(panel: &Panel<Kind>, base: Base, parts: u8, into: &mut Vec<Panel<Kind>>) {
    let map = Map::new(panel, base);
    let mut cuts = [0.0; MOST_PARTS - 1];
    let count = usize::from(parts - 1).min(MOST_PARTS - 1);
    for (i, x) in cuts[..count].iter_mut().enumerate() {
        let u = (2 * (i + 1)) as f64 / f64::from(parts) - 1.0;
        *x = map.x(u);
    }
    tile_parts(panel, &cuts[..count], base, into);
    if into.is_empty() {
        halve(panel, base, into);
    }
}

/// The panel itself, with more points.
pub(super) fn again(panel: &Panel<Kind>, error: f64, into: &mut Vec<Panel<Kind>>) {
    // By itself a part of a panel may be another thing, and one that is empty may not.
    let stays = !panel.kind.is_part && panel.kind.note != Note::Empty && !is_few(panel.a, panel.b);
    let kind = Kind { look: Look::Done { error, stays }, is_part: false, ..panel.kind };
    into.push(Panel { depth: panel.depth + 1, kind, ..*panel });
}

/// Where the tail of a power law next to `end` begins: so near that what is left is small, but not so near that `x`
/// has too few digits left.
fn near(end: f64, far: f64, power: f64) -> f64 {
    let least = end.abs() * 2f64.powi(-24);
    let width = far - end;
    let s = (25.0 / (power + 1.0).max(0.05)).clamp(12.0, 120.0);
    let distance = (width.abs() * exp(-s)).max(least).max(f64::MIN_POSITIVE);
    end + distance.copysign(width)
}
