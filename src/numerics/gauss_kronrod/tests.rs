//! The tables against an independent computation; degrees; nested panels.
#![allow(clippy::float_cmp, clippy::needless_range_loop, reason = "bits are compared, matrices indexed")]

use super::judge::TRUST;
use super::*;

const ALL: [usize; 6] = [15, 21, 31, 41, 51, 61];

/// All nodes, ascending, with their weights and embedded weights.
fn full(rule: &Rule) -> Vec<(f64, f64, f64)> {
    let n = rule.nodes.len();
    let left = (1..n).rev().map(|j| (-rule.nodes[j], rule.weights[j], rule.embedded[j]));
    left.chain((0..n).map(|j| (rule.nodes[j], rule.weights[j], rule.embedded[j]))).collect()
}

/// Unevaluated sums of two doubles: twice the digits (Dekker 1971).
mod double {
    pub(super) type Double = (f64, f64);

    pub(super) fn two_sum(a: f64, b: f64) -> Double {
        let s = a + b;
        let t = s - a;
        (s, (a - (s - t)) + (b - t))
    }

    pub(super) fn add(a: Double, b: Double) -> Double {
        let (s, e) = two_sum(a.0, b.0);
        two_sum(s, e + a.1 + b.1)
    }

    pub(super) fn mul(a: Double, b: Double) -> Double {
        let p = a.0 * b.0;
        // `mul_add` rounds once everywhere: exact here.
        let e = a.0.mul_add(b.0, -p);
        two_sum(p, e + (a.0 * b.1 + a.1 * b.0))
    }

    pub(super) fn div(a: Double, b: Double) -> Double {
        let q = a.0 / b.0;
        let r = add(a, mul((-q, 0.0), b));
        two_sum(q, r.0 / b.0)
    }

    /// `P_(n-1)` and `P_n` at `x`, by the three-term recurrence.
    pub(super) fn legendre(n: usize, x: Double) -> (Double, Double) {
        let (mut before, mut p) = ((1.0, 0.0), x);
        for k in 2..=n {
            let k = k as f64;
            let sum = add(mul(mul((2.0 * k - 1.0, 0.0), x), p), mul((1.0 - k, 0.0), before));
            (before, p) = (p, div(sum, (k, 0.0)));
        }
        (before, p)
    }

    /// `P_n'` at `x`.
    pub(super) fn slope(n: usize, x: Double) -> Double {
        let (before, p) = legendre(n, x);
        let n = (n as f64, 0.0);
        let numerator = mul(n, add(mul(x, p), (-before.0, -before.1)));
        div(numerator, add(mul(x, x), (-1.0, 0.0)))
    }
}

fn ulps(a: f64, b: f64) -> f64 {
    (a - b).abs() / (b.abs() * f64::EPSILON)
}

#[test]
fn embedded_nodes_and_weights_are_those_of_gauss() {
    for points in ALL {
        let method = GaussKronrod::new(points);
        let rule = method.rule;
        let n = rule.nodes.len() - 1;
        let embedded: Vec<usize> = (0..=n).filter(|&j| rule.embedded[j] != 0.0).collect();
        // Every second node, as roots interlace.
        assert_eq!(embedded, (0..=n).filter(|j| (j + n) % 2 == 1).collect::<Vec<_>>());
        for j in embedded {
            // Newton from the table: a root of the Legendre polynomial to 30 digits.
            let mut x = (rule.nodes[j], 0.0);
            for _ in 0..3 {
                let step = double::div(double::legendre(n, x).1, double::slope(n, x));
                x = double::add(x, (-step.0, -step.1));
            }
            assert!(j == 0 || ulps(rule.nodes[j], x.0) <= 1.0, "{points} {j}");
            let d = double::slope(n, x);
            let w = double::div(
                (2.0, 0.0),
                double::mul(double::add((1.0, 0.0), double::mul((-x.0, -x.1), x)), double::mul(d, d)),
            );
            assert!(ulps(rule.embedded[j], w.0) <= 1.0, "{points} {j}");
        }
    }
}

#[test]
fn the_other_nodes_are_the_roots_of_the_stieltjes_polynomial() {
    for points in ALL {
        let nodes = full(GaussKronrod::new(points).rule);
        let n = points / 2;
        // E(x) = product of (x - node) over the nodes that are not Gauss': orthogonal, with P_n, to P_0 .. P_n.
        // The integrals are exact by a Gauss rule of our own with more nodes than half the degree.
        let m = 2 * n + 2;
        let gauss: Vec<_> = (0..m)
            .map(|i| {
                let mut x = ((std::f64::consts::PI * (i as f64 + 0.75) / (m as f64 + 0.5)).cos(), 0.0);
                for _ in 0..6 {
                    let step = double::div(double::legendre(m, x).1, double::slope(m, x));
                    x = double::add(x, (-step.0, -step.1));
                }
                let d = double::slope(m, x);
                let one = double::add((1.0, 0.0), double::mul((-x.0, -x.1), x));
                (x, double::div((2.0, 0.0), double::mul(one, double::mul(d, d))))
            })
            .collect();
        let stieltjes: Vec<f64> = nodes.iter().filter(|node| node.2 == 0.0).map(|node| node.0).collect();
        assert_eq!(stieltjes.len(), n + 1);
        // One Newton step of the whole polynomial from the table: its length is the table's error. Lagrange's
        // corrections: E + sum of d_i E / (x - x_i) is orthogonal, so sum_i d_i <P_n E/(x-x_i), P_j> = <P_n E, P_j>.
        let size = n + 1;
        let mut a = vec![vec![0.0; size + 1]; size];
        let mut defects = vec![(0.0, 0.0); size];
        for &(x, w) in &gauss {
            let mut product = (1.0, 0.0);
            for &s in &stieltjes {
                product = double::mul(product, double::add(x, (-s, 0.0)));
            }
            let (_, p) = double::legendre(n, x);
            let weighted = double::mul(w, double::mul(p, product));
            for (j, row) in a.iter_mut().enumerate() {
                let q = if j == 0 { (1.0, 0.0) } else { double::legendre(j, x).1 };
                let term = double::mul(weighted, q);
                // It cancels to a part in 1e17 of its terms: a plain sum would drown it.
                defects[j] = double::add(defects[j], term);
                for (i, &s) in stieltjes.iter().enumerate() {
                    row[i] += double::div(term, double::add(x, (-s, 0.0))).0;
                }
            }
        }
        for (row, defect) in a.iter_mut().zip(&defects) {
            row[size] = defect.0;
        }
        let corrections = solve(a);
        for (i, d) in corrections.iter().enumerate() {
            let scale = stieltjes[i].abs().max(1e-3);
            assert!(d.abs() <= 2.0 * f64::EPSILON * scale, "{points} {i}: {d:e}");
        }
    }

    fn solve(mut a: Vec<Vec<f64>>) -> Vec<f64> {
        let n = a.len();
        for c in 0..n {
            let pivot = (c..n).max_by(|&i, &j| a[i][c].abs().total_cmp(&a[j][c].abs())).unwrap();
            a.swap(c, pivot);
            for r in 0..n {
                if r != c {
                    let f = a[r][c] / a[c][c];
                    for k in c..=n {
                        let t = a[c][k];
                        a[r][k] -= f * t;
                    }
                }
            }
        }
        (0..n).map(|i| a[i][n] / a[i][i]).collect()
    }
}

#[test]
fn monomials_are_exact_to_the_stated_degree() {
    for points in ALL {
        let method = GaussKronrod::new(points);
        let panel = Panel { a: -1.0, b: 1.0, depth: 0, kind: Place::WHOLE };
        let mut xs = Vec::new();
        method.points(&panel, &mut xs);
        assert_eq!(xs.len(), points);
        let defect = |degree: usize| {
            let values: Vec<f64> = xs.iter().map(|x| x.powi(degree as i32)).collect();
            let exact = if degree % 2 == 0 { 2.0 / (degree as f64 + 1.0) } else { 0.0 };
            (method.estimate(&mut panel.clone(), &values).value, exact)
        };
        for degree in 0..=method.degree() {
            let (value, exact) = defect(degree);
            if degree % 2 == 1 {
                assert_eq!(value, 0.0);
            } else {
                // The powers themselves are rounded `degree` times where it matters: near the ends. So the sum in
                // double-double too.
                let mut sum = (0.0, 0.0);
                for (x, w, _) in full(method.rule) {
                    let mut power = (w, 0.0);
                    for _ in 0..degree {
                        power = double::mul(power, (x, 0.0));
                    }
                    sum = double::add(sum, power);
                }
                // Against the sum of the weights: rounding a node to the nearest double alone moves its power by
                // half a unit times the degree. As the integral is 2 / (degree + 1), the bounds are (degree + 1) / 4 and
                // degree + 1 units of the integral itself; nodes and weights rounded to nearest may make the first
                // twice as large.
                assert!((sum.0 - exact).abs() <= 0.5 * f64::EPSILON, "{points} x^{degree}: {:e}", sum.0 - exact);
                assert!((value - exact).abs() <= 2.0 * f64::EPSILON, "{points} x^{degree}: {:e}", value - exact);
            }
        }
        // And no further, where that can be seen in double precision at all.
        if points == 15 {
            let (value, exact) = defect(method.degree() + 1);
            assert!((value - exact).abs() > 1e-9);
        }
    }
}

#[test]
fn weights_are_positive_and_sum_to_two() {
    for points in ALL {
        let nodes = full(GaussKronrod::new(points).rule);
        let sum = |weight: fn(&(f64, f64, f64)) -> f64| {
            nodes.iter().map(weight).fold((0.0, 0.0), |s, w| double::add(s, (w, 0.0))).0
        };
        assert!(ulps(sum(|n| n.1), 2.0) <= 1.0);
        assert!(ulps(sum(|n| n.2), 2.0) <= 1.0);
        assert!(nodes.iter().all(|n| n.1 > 0.0 && n.2 >= 0.0));
        assert!(nodes.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}

#[test]
fn nodes_of_nested_panels_keep_the_distance_that_run_relies_on() {
    // A node y of a panel and a node z of a descendant k levels down, which covers [-1 + 2i/2^k, -1 + 2(i+1)/2^k] of
    // it: near enough to z only in the descendant that y falls into, or next to it. Widths of the narrower are 2.
    // As many levels as doubles resolve; with 60 digits and 40 levels the least is 4.6e-7, of the rule with 51 points
    // at level 32 (15: 1.8e-4, 21: 2.7e-5, 31: 1.0e-5, 41: 5.5e-6, 61: 3.3e-6; mpmath, 2026-11-21).
    let mut least = f64::INFINITY;
    for points in ALL {
        let nodes = full(GaussKronrod::new(points).rule);
        for &(y, ..) in &nodes {
            for level in 1..=30 {
                let scale = 2f64.powi(level);
                // In units of the descendant's half-width from its centre; exact while bits last.
                let at = (y + 1.0) * scale / 2.0;
                let local = (at - at.floor()) * 2.0 - 1.0;
                for (z, ..) in &nodes {
                    let distance = (local - z).abs() / 2.0;
                    // Rounding of y is magnified by the scale.
                    let noise = scale * f64::EPSILON;
                    if distance > noise && y != 0.0 {
                        least = least.min(distance);
                    }
                }
            }
        }
    }
    assert!(least > 1e-6, "{least:e}");
}

#[test]
fn the_error_is_that_of_quadpack_or_a_multiple_of_the_difference() {
    let integrands: [fn(f64) -> f64; 4] =
        [|x| 1.0 / (1.0 + 25.0 * x * x), |x| (9.0 * x).cos(), |x| (2.0 * x).exp(), |x| x.abs()];
    let mut smaller = 0;
    for f in integrands {
        let method = GaussKronrod::new(15);
        let mut panel = Panel { a: -1.0, b: 1.0, depth: 0, kind: Place::WHOLE };
        let mut points = Vec::new();
        method.points(&panel, &mut points);
        let values: Vec<f64> = points.iter().map(|&x| f(x)).collect();
        let local = method.estimate(&mut panel, &values);
        let nodes = full(method.rule);
        let sum =
            |term: &dyn Fn(f64, f64, f64) -> f64| -> f64 { nodes.iter().map(|&(x, w, e)| term(f(x), w, e)).sum() };
        let kronrod = sum(&|y, w, _| w * y);
        let difference = (kronrod - sum(&|y, _, e| e * y)).abs();
        let spread = sum(&|y, w, _| w * (y - kronrod / 2.0).abs());
        let quadpack = spread * (200.0 * difference / spread).powf(1.5);
        let error = quadpack.min(TRUST * difference);
        smaller += usize::from(quadpack < TRUST * difference);
        assert!((local.error - error).abs() <= 1e-3 * error, "{} for {error}", local.error);
    }
    assert!((1..4).contains(&smaller), "both cases occurred: {smaller}");
}

/// Values to be judged: smooth, rough, tiny, huge, of both signs, and such that are no numbers.
const VALUES: [fn(f64) -> f64; 9] = [
    f64::exp,
    |x| (40.0 * x).sin(),
    |x| x.abs().sqrt() - 0.3,
    |_| 0.0,
    |_| -0.0,
    |x| 1e-310 * x,
    |x| if x > 0.7 { 1e308 } else { -1e308 },
    |x| 1.0 / (x - 0.25),
    |x| if x > 0.9 { f64::NAN } else { 1.0 },
];

fn bits(local: &Local<f64>) -> [u64; 4] {
    [local.value, local.error, local.l1, local.roundoff].map(f64::to_bits)
}

#[test]
fn two_panels_at_once_are_judged_as_each_alone() {
    let mut told = 0;
    for (points, f) in ALL.into_iter().flat_map(|points| VALUES.map(|f| (points, f))) {
        let method = GaussKronrod::new(points);
        for (a, b) in [(-1.0, 1.0), (0.0, 0.5), (1e8, 1e8 + 1.0), (-1e-300, 1e300), (-1e308, 1.7e308), (0.0, 1e-320)] {
            let panel = Panel { a, b, depth: 7, kind: Place::WHOLE };
            let Some(both) = method.judge_parts_here(&panel, f) else { panic!("{a} {b} has a midpoint") };
            let mut halves = Vec::new();
            method.refine(&panel, 1.0, &mut halves);
            for ((half, local), alone) in both.into_iter().zip(&mut halves) {
                let here = method.judge_here(alone, f, None, Again::Never).expect("it judges here");
                let mut xs = Vec::new();
                method.points(alone, &mut xs);
                let listed = method.estimate(alone, &xs.into_iter().map(f).collect::<Vec<_>>());
                assert_eq!(half, *alone);
                assert_eq!(bits(&here), bits(&listed), "{points} on [{a}, {b}]");
                // What is no number is judged again, alone.
                assert_eq!(local.is_sound(), here.is_sound(), "{points} on [{a}, {b}]");
                if local.is_sound() {
                    assert_eq!(bits(&local), bits(&here), "{points} on [{a}, {b}]");
                    told += 1;
                }
            }
        }
    }
    assert!(told > 400, "{told}");
    let float = Panel { a: 1.0, b: f64::from_bits(1f64.to_bits() + 1), depth: 0, kind: Place::WHOLE };
    assert!(GaussKronrod::default().judge_parts_here(&float, f64::exp).is_none());
}

#[test]
fn the_error_of_a_half_is_eight_times_the_difference_before_it_is_compared() {
    let mut told = 0;
    for (points, f) in ALL.into_iter().flat_map(|points| VALUES.map(|f| (points, f))) {
        let method = GaussKronrod::new(points);
        let judged = |depth| {
            let mut panel = Panel { a: -0.5, b: 1.0, depth, kind: Place::WHOLE };
            assert_eq!(method.is_part(&panel), depth > 0);
            method.judge_here(&mut panel, f, None, Again::Never).expect("it judges here")
        };
        let (alone, half) = (judged(0), judged(1));
        if !alone.is_sound() || half.error <= half.roundoff || half.l1 < 1e-200 {
            continue;
        }
        let mut xs = Vec::new();
        method.points(&Panel { a: -1.0, b: 1.0, depth: 0, kind: Place::WHOLE }, &mut xs);
        let rule = method.rule;
        let weight = |x: f64| {
            let j = rule.nodes.iter().position(|node| *node == x.abs()).expect("a node");
            rule.embedded[j] - rule.weights[j]
        };
        let difference: f64 = xs.iter().map(|x| weight(*x) * f(0.25 + 0.75 * x)).sum::<f64>().abs() * 0.75;
        assert!(
            (half.error - 8.0 * difference).abs() <= 1e-6 * half.error + 64.0 * half.roundoff,
            "{points}: {half:?}"
        );
        told += 1;
        assert!(alone.error <= half.error && alone.value.to_bits() == half.value.to_bits(), "{points}");
    }
    assert!(told > 6, "{told}");
}

#[test]
fn numbers_are_judged_as_all_other_values_are() {
    #[derive(Clone)]
    struct Other(f64);
    impl Value for Other {
        fn zero() -> Self {
            Other(0.0)
        }
        fn add_scaled(&mut self, factor: f64, other: &Self) {
            self.0 += factor * other.0;
        }
        fn scale(&mut self, factor: f64) {
            self.0 *= factor;
        }
        fn norm(&self) -> f64 {
            self.0.abs()
        }
    }
    for (points, f) in ALL.into_iter().flat_map(|points| VALUES.map(|f| (points, f))) {
        let method = GaussKronrod::new(points);
        let mut panel = Panel { a: -0.5, b: 1.0, depth: 0, kind: Place::WHOLE };
        let number = method.judge_here(&mut panel, f, None, Again::Never).expect("it judges here");
        let Local { value, error, l1, roundoff } =
            method.judge_here(&mut panel, |x| Other(f(x)), None, Again::Never).expect("it judges here");
        let other = Local { value: value.0, error, l1, roundoff };
        let halves = method.judge_parts_here(&panel, |x| Other(f(x))).expect("there is a midpoint");
        if number.is_sound() {
            assert_eq!(bits(&number), bits(&other), "{points}");
        }
        for ((half, local), other) in
            method.judge_parts_here(&panel, f).expect("there is a midpoint").into_iter().zip(halves)
        {
            assert_eq!(half, other.0);
            if local.is_sound() {
                assert_eq!(local.value.to_bits(), other.1.value.0.to_bits(), "{points}");
                assert_eq!(local.error.to_bits(), other.1.error.to_bits(), "{points}");
            }
        }
    }
}
