//! The rule of degree 9 in three or more variables, with null rules that are its differences from rules of less degree.
//!
//! Weights are those of Genz and Malik, "An imbedded family of fully symmetric numerical integration rules", SIAM J. Numer.
//! Anal. 20 (1983) 580-588, with the free parameters that Berntsen, Espelid and Genz (1991, Algorithm 698) chose: rules of
//! degree 7, 7, 5 and 3 that agree with fewer moments than they have weights for. A test checks the moments.

/// The generators by the number of coordinates that are not zero, and the weights: for a cube of volume 1.
pub(super) struct Orbit {
    pub(super) generator: Vec<f64>,
    pub(super) weights: [f64; 5],
}

/// The squares of the coordinates: on the diagonals through the corners, on the axes and in the planes, on the axes alone,
/// and on the axes of the second null rule.
struct Squares {
    corner: f64,
    first: f64,
    second: f64,
    third: f64,
    extra: f64,
}

impl Squares {
    /// One is free (0.4707); the others follow from the moments of degree 9. The last is free again.
    fn new() -> Self {
        let corner = 0.4707;
        let first = 4.0 / (15.0 - 5.0 / corner);
        let ratio = (1.0 - first / corner) / 27.0;
        let second = (5.0 - 7.0 * first - 35.0 * ratio) / (7.0 - 35.0 * first / 3.0 - 35.0 * ratio / corner);
        let ratio = ratio * (1.0 - second / corner) / 3.0;
        let third = (7.0 - 9.0 * (first + second) + 63.0 * first * second / 5.0 - 63.0 * ratio)
            / (9.0 - 63.0 * (first + second) / 5.0 + 21.0 * first * second - 63.0 * ratio / corner);
        Self { corner, first, second, third, extra: 0.0625 }
    }
}

/// What a rule of less degree has on the corners' diagonals, times the number of corners; by how much the moments of
/// degree 6 are multiplied that it does not agree with; and the power of the corners' square in one of them.
struct Lower {
    corners: f64,
    times: f64,
    power: i32,
    /// The square of its outermost points on the axes.
    third: f64,
}

/// The weights of one rule, by the places of [`orbits`]; `third` is the weight of whichever axis points stand third.
struct Weights {
    first: f64,
    second: f64,
    third: f64,
    plane: f64,
    mixed: f64,
    space: f64,
    corner: f64,
}

impl Weights {
    /// In `n` variables, of the weights off the axes. `axis(own, p, q)` is what the points on all axes with the square `own`
    /// have together, those with the squares `p` and `q` beside them: the weights off the axes are taken from it.
    fn new(n: f64, axis: impl Fn(f64, f64, f64) -> f64, squares: [f64; 3], off: [f64; 4]) -> Self {
        let ([l1, l2, l3], [plane, mixed, space, corner]) = (squares, off);
        Self {
            first: axis(l1, l2, l3) - 2.0 * (n - 1.0) * (mixed + plane + (n - 2.0) * space),
            second: axis(l2, l1, l3) - 2.0 * (n - 1.0) * mixed,
            third: axis(l3, l1, l2),
            plane,
            mixed,
            space,
            corner,
        }
    }
}

/// The weights of such a rule in `n` variables.
fn lower(n: f64, squares: &Squares, rule: &Lower) -> Weights {
    let &Squares { corner: l0, first: l1, second: l2, .. } = squares;
    let &Lower { corners: c, times, power, third: l3 } = rule;
    let space = (times - 27.0 * c * l0.powi(3)) / (6.0 * l1).powi(3);
    let mixed = (times - 5.0 * l1 / 3.0 - 15.0 * c * l0.powi(power) * (l0 - l1)) / (60.0 * l1 * l2 * (l2 - l1));
    let plane = (1.0 - 9.0 * (8.0 * l1 * l2 * mixed + c * l0 * l0)) / (36.0 * l1 * l1) - 2.0 * space * (n - 2.0);
    // On the axes, of the two others: a polynomial that vanishes at both.
    let axis = |own: f64, p: f64, q: f64| {
        let moment = (p + q) / 5.0 - p * q / 3.0 + c * l0 * (l0 - p) * (l0 - q);
        (times - 7.0 * moment) / (14.0 * own * (own - p) * (own - q))
    };
    Weights::new(n, axis, [l1, l2, l3], [plane, mixed, space, c])
}

/// The rule of degree 9 itself.
fn ninth(n: f64, squares: &Squares) -> Weights {
    let &Squares { corner: l0, first: l1, second: l2, third: l3, .. } = squares;
    let space = (1.0 - 1.0 / (3.0 * l0)) / (6.0 * l1).powi(3);
    let pair = |own: f64, other: f64| {
        (1.0 - 7.0 * (l0 + other) / 5.0 + 7.0 * l0 * other / 3.0) / (84.0 * l1 * own * (own - l0) * (own - other))
    };
    let mixed = pair(l2, l1);
    let plane = pair(l1, l2) - mixed * l2 / l1 - 2.0 * (n - 2.0) * space;
    let axis = |own: f64, p: f64, q: f64| {
        let moments = 9.0 * ((l0 + p + q) / 7.0 - (l0 * p + l0 * q + p * q) / 5.0) + 3.0 * l0 * p * q;
        (1.0 - moments) / (18.0 * own * (own - l0) * (own - p) * (own - q))
    };
    Weights::new(n, axis, [l1, l2, l3], [plane, mixed, space, 1.0 / (3.0 * l0).powi(4)])
}

/// The orbits with their weights, the centre first, whose weights are what is missing.
pub(super) fn orbits(dimension: usize) -> Vec<Orbit> {
    let n = dimension as f64;
    let squares = Squares::new();
    let corners = |part: f64| part / squares.corner.powi(4);
    let rules = [
        ninth(n, &squares),
        lower(n, &squares, &Lower { corners: corners(1.0 / 108.0), times: 1.0, power: 2, third: squares.third }),
        lower(n, &squares, &Lower { corners: corners(5.0 / 324.0), times: 1.0, power: 2, third: squares.extra }),
        lower(n, &squares, &Lower { corners: corners(2.0 / 81.0), times: 2.0, power: 1, third: squares.third }),
    ];
    // The third null rule has its outermost axis points elsewhere; the fourth has those nearest to the limits alone.
    let [first, second, third, extra] = [squares.first, squares.second, squares.third, squares.extra].map(f64::sqrt);
    let weights = |of: fn(&Weights) -> f64, last: f64| {
        let [w, p, q, r] = [0, 1, 2, 3].map(|i| of(&rules[i]));
        [w, p - w, q - w, r - w, last - w]
    };
    let thirds = [0, 1, 2, 3].map(|i| rules[i].third);
    let [w, p, q, r] = thirds;
    let corner = vec![squares.corner.sqrt(); dimension];
    let each = 2f64.powi(-(dimension as i32));
    vec![
        Orbit { generator: vec![], weights: [0.0; 5] },
        Orbit { generator: vec![first], weights: weights(|rule| rule.first, 1.0 / (6.0 * squares.first)) },
        Orbit { generator: vec![second], weights: weights(|rule| rule.second, 0.0) },
        Orbit { generator: vec![third], weights: [w, p - w, -w, r - w, -w] },
        Orbit { generator: vec![extra], weights: [0.0, 0.0, q, 0.0, 0.0] },
        Orbit { generator: vec![first; 2], weights: weights(|rule| rule.plane, 0.0) },
        Orbit { generator: vec![first, second], weights: weights(|rule| rule.mixed, 0.0) },
        Orbit { generator: vec![first; 3], weights: weights(|rule| rule.space, 0.0) },
        Orbit { generator: corner, weights: weights(|rule| rule.corner, 0.0).map(|weight| each * weight) },
    ]
}
