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
