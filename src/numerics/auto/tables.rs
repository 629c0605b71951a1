//! The Gauss-Kronrod rule with 21 points, its interpolation to the ends, and its differences.

/// How far inside the ends of a panel its probes are, on [-1, 1].
pub(super) const PROBE: f64 = 2e-7;
/// Nodes of the rule.
pub(super) const NODES: usize = 21;
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

const HALF_WEIGHTS: [f64; 11] = [
    0.149_445_554_002_916_9,
    0.147_739_104_901_338_49,
    0.142_775_938_577_060_09,
    0.134_709_217_311_473_34,
    0.123_491_976_262_065_84,
    0.109_387_158_802_297_64,
    0.093_125_454_583_697_6,
    0.075_039_674_810_919_96,
    0.054_755_896_574_351_995,
    0.032_558_162_307_964_725,
    0.011_694_638_867_371_874,
];

const HALF_GAUSS: [f64; 11] = [
    0.0,
    0.295_524_224_714_752_87,
    0.0,
    0.269_266_719_309_996_35,
    0.0,
    0.219_086_362_515_982_04,
    0.0,
    0.149_451_349_150_580_6,
    0.0,
    0.066_671_344_308_688_14,
    0.0,
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
pub(super) const KRONROD: [f64; NODES] = both(&HALF_WEIGHTS, 1.0);
pub(super) const GAUSS: [f64; NODES] = both(&HALF_GAUSS, 1.0);

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

/// What the polynomial through all nodes is at the right probe, from the values at the nodes; mirrored for the left.
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
