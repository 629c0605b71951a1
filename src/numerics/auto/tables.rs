//! The Gauss-Kronrod rule with 21 points, its interpolation to the ends, and its differences.

/// How far inside the ends of a panel its probes are, on [-1, 1].
pub(super) const PROBE: f64 = 2e-7;
/// Nodes of the rule.
pub(super) const NODES: usize = 21;
/// Pairs of them around the centre.
pub(super) const PAIRS: usize = NODES / 2;
/// The centre's place among the points.
pub(super) const CENTRE: usize = PAIRS + 1;
/// Nodes and both probes.
pub(super) const POINTS: usize = NODES + 2;
/// Points in a window of differences.
pub(super) const WINDOW: usize = 6;
pub(super) const WINDOWS: usize = POINTS - WINDOW + 1;

const HALF: [f64; 11] = [
    0.0,
    0.148_874_338_981_631_22,
    0.294_392_862_701_460_2,
    0.433_395_394_129_247_2,
    0.562_757_134_668_604_7,
    0.679_409_568_299_024_4,
    0.780_817_726_586_416_9,
    0.865_063_366_688_984_5,
    0.930_157_491_355_708_2,
    0.973_906_528_517_171_7,
    0.995_657_163_025_808_1,
];

const fn both(half: &[f64; 11], sign: f64) -> [f64; NODES] {
    let mut all = [0.0; NODES];
    let mut i = 0;
    while i < 11 {
        all[10 + i] = half[i];
        all[10 - i] = sign * half[i];
        i += 1;
    }
    all
}

/// From left to right.
pub(super) const NODE: [f64; NODES] = both(&HALF, -1.0);

/// All points: the left probe, the nodes, the right probe.
pub(super) const PLACE: [f64; POINTS] = {
    let node = both(&HALF, -1.0);
    let mut x = [0.0; POINTS];
    x[0] = PROBE - 1.0;
    x[POINTS - 1] = 1.0 - PROBE;
    let mut i = 0;
    while i < NODES {
        x[i + 1] = node[i];
        i += 1;
    }
    x
};

/// What the polynomial through all nodes is at the right probe, from the sums of the values at pairs of nodes, from the inside
/// out, and from their differences; at the left one the latter count for the opposite.
pub(super) const EVEN_AT_PROBE: [f64; PAIRS] = pairs(1.0);
pub(super) const ODD_AT_PROBE: [f64; PAIRS] = pairs(-1.0);

const fn pairs(sign: f64) -> [f64; PAIRS] {
    let mut pairs = [0.0; PAIRS];
    let mut j = 0;
    while j < PAIRS {
        pairs[j] = (AT_PROBE[PAIRS + 1 + j] + sign * AT_PROBE[PAIRS - 1 - j]) / 2.0;
        j += 1;
    }
    pairs
}

/// The same from the values at the nodes.
pub(super) const AT_PROBE: [f64; NODES] = at_probe();
/// The moduli of these, summed.
pub(super) const MODULI_AT_PROBE: f64 = {
    let (mut sum, mut i) = (0.0, 0);
    while i < NODES {
        sum += AT_PROBE[i].abs();
        i += 1;
    }
    sum
};

const fn at_probe() -> [f64; NODES] {
    let node = both(&HALF, -1.0);
    let x = 1.0 - PROBE;
    let mut weight = [0.0; NODES];
    let mut i = 0;
    while i < NODES {
        let mut product = 1.0;
        let mut j = 0;
        while j < NODES {
            if j != i {
                product *= (x - node[j]) / (node[i] - node[j]);
            }
            j += 1;
        }
        weight[i] = product;
        i += 1;
    }
    weight
}

/// The weights of the polynomial through the nodes in barycentric form (Berrut, Trefethen 2004, equation 3.2).
pub(super) const BARYCENTRIC: [f64; NODES] = {
    let node = both(&HALF, -1.0);
    let mut weight = [1.0; NODES];
    let mut i = 0;
    while i < NODES {
        let mut j = 0;
        while j < NODES {
            if j != i {
                weight[i] /= 2.0 * (node[i] - node[j]);
            }
            j += 1;
        }
        i += 1;
    }
    weight
};

/// Null rules: what the values at the nodes have of the orthogonal polynomial of a degree there (Lyness 1965; Berntsen and
/// Espelid 1991), the weights' moduli summing to one. For pairs from the inside out, the centre's weight last.
pub(super) const NULL_18: [f64; PAIRS + 1] = null_rule(18);
pub(super) const NULL_16: [f64; PAIRS + 1] = null_rule(16);
/// That of degree 20 is all of `K - G`, by this factor.
pub(super) const NULL_20: [f64; PAIRS + 1] = null_rule(20);

const fn null_rule(degree: usize) -> [f64; PAIRS + 1] {
    let x = both(&HALF, -1.0);
    // Monic orthogonal polynomials by their recurrence; even nodes, so without a linear term (Forsythe 1957).
    let (mut before, mut p) = ([0.0; NODES], [1.0; NODES]);
    let (mut norm_before, mut k) = (1.0, 0);
    while k < degree {
        let (mut norm, mut i) = (0.0, 0);
        while i < NODES {
            norm += p[i] * p[i];
            i += 1;
        }
        let part = if k == 0 { 0.0 } else { norm / norm_before };
        norm_before = norm;
        i = 0;
        while i < NODES {
            (before[i], p[i]) = (p[i], x[i] * p[i] - part * before[i]);
            i += 1;
        }
        k += 1;
    }
    let (mut sum, mut i) = (0.0, 0);
    while i < NODES {
        sum += if p[i] < 0.0 { -p[i] } else { p[i] };
        i += 1;
    }
    let mut rule = [0.0; PAIRS + 1];
    i = 0;
    while i < PAIRS {
        rule[i] = p[PAIRS + 1 + i] / sum;
        i += 1;
    }
    rule[PAIRS] = p[PAIRS] / sum;
    rule
}

/// Divided differences of the fifth order over six neighbouring points, the probes included, each scaled so that the
/// weights' moduli sum to one; by the place in the window, then by the window.
pub(super) const DIFFERENCE: [[f64; WINDOWS]; WINDOW] = differences();

const fn differences() -> [[f64; WINDOWS]; WINDOW] {
    let x = PLACE;
    let mut all = [[0.0; WINDOWS]; WINDOW];
    let mut w = 0;
    while w < WINDOWS {
        let mut sum = 0.0;
        let mut i = 0;
        while i < WINDOW {
            let mut product = 1.0;
            let mut j = 0;
            while j < WINDOW {
                if j != i {
                    product *= x[w + i] - x[w + j];
                }
                j += 1;
            }
            all[i][w] = 1.0 / product;
            sum += if product < 0.0 { -1.0 / product } else { 1.0 / product };
            i += 1;
        }
        let mut i = 0;
        while i < WINDOW {
            all[i][w] /= sum;
            i += 1;
        }
        w += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::super::gauss_kronrod::sums::Laid;
    use super::*;

    /// The sum over all nodes of a rule for pairs times `x^power`.
    fn of_power(rule: &[f64; PAIRS + 1], power: i32) -> f64 {
        let pair = |j: usize| NODE[PAIRS + 1 + j].powi(power) + NODE[PAIRS - 1 - j].powi(power);
        (0..PAIRS).map(|j| rule[j] * pair(j)).sum::<f64>() + rule[PAIRS] * 0f64.powi(power)
    }

    #[test]
    fn null_rules_vanish_below_their_degree_and_not_there() {
        for (rule, degree) in [(NULL_16, 16), (NULL_18, 18), (NULL_20, 20)] {
            assert!((0..degree).all(|power| of_power(&rule, power).abs() < 1e-15), "{degree}");
            assert!(of_power(&rule, degree).abs() > 1e-8, "{degree}");
            let moduli: f64 = rule[..PAIRS].iter().map(|weight| 2.0 * weight.abs()).sum();
            assert!((moduli + rule[PAIRS].abs() - 1.0).abs() < 1e-14);
        }
    }

    #[test]
    fn the_difference_of_the_rules_is_the_null_rule_of_degree_twenty() {
        let differences = Laid::<PAIRS>::RULE.differences;
        let factor = differences[0] / NULL_20[0];
        assert!((0..PAIRS).all(|j| (differences[j] - factor * NULL_20[j]).abs() < 1e-13), "{factor}");
    }
}
