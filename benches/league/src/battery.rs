//! The integrands: the fixed battery, families with drawn parameters, and those that must be refused.

use std::f64::consts::PI;

const INF: f64 = f64::INFINITY;

/// One integral with its value.
pub struct Case {
    pub name: String,
    pub f: Box<dyn Fn(f64) -> f64 + Send + Sync>,
    pub a: f64,
    pub b: f64,
    pub exact: f64,
}

fn case(name: &str, a: f64, b: f64, exact: f64, f: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Case {
    Case { name: name.to_string(), f: Box::new(f), a, b, exact }
}

fn normal(x: f64, mean: f64, deviation: f64) -> f64 {
    let z = (x - mean) / deviation;
    (-0.5 * z * z).exp() / (deviation * (2.0 * PI).sqrt())
}

/// The battery: facts from the literature's test sets (Kahaner; the QUADPACK book; endpoint and wild cases).
#[allow(clippy::excessive_precision, clippy::unreadable_literal, clippy::too_many_lines)]
pub fn battery() -> Vec<Case> {
    vec![
        case("K01", 0.0, 1.0, 1.7182818284590452354, f64::exp),
        case("K02", 0.0, 1.0, 0.7, |x| if x >= 0.3 { 1.0 } else { 0.0 }),
        case("K03", 0.0, 1.0, 0.66666666666666666667, f64::sqrt),
        case("K04", -1.0, 1.0, 0.47942822668880166736, |x| 23.0 / 25.0 * x.cosh() - x.cos()),
        case("K05", -1.0, 1.0, 1.5822329637296729331, |x| 1.0 / (x.powi(4) + x * x + 0.9)),
        case("K06", 0.0, 1.0, 0.4, |x| x * x.sqrt()),
        case("K07", 0.0, 1.0, 2.0, |x| 1.0 / x.sqrt()),
        case("K08", 0.0, 1.0, 0.86697298733991103757, |x| 1.0 / (1.0 + x.powi(4))),
        case("K09", 0.0, 1.0, 1.154700538379251529, |x| 2.0 / (2.0 + (10.0 * PI * x).sin())),
        case("K10", 0.0, 1.0, 0.69314718055994530942, |x| 1.0 / (1.0 + x)),
        case("K11", 0.0, 1.0, 0.37988549304172247537, |x| 1.0 / (1.0 + x.exp())),
        case("K12", 0.0, 1.0, 0.77750463411224827642, |x| x / (x.exp() - 1.0)),
        case("K13", 0.1, 1.0, 0.0090986375391668429156, |x| (100.0 * PI * x).sin() / (PI * x)),
        case("K14", 0.0, 10.0, 0.5, |x| 50f64.sqrt() * (-50.0 * PI * x * x).exp()),
        case("K15", 0.0, 10.0, 1.0, |x| 25.0 * (-25.0 * x).exp()),
        case("K16", 0.0, 10.0, 0.49936338107645674464, |x| 50.0 / (PI * (2500.0 * x * x + 1.0))),
        case("K17", 0.01, 1.0, 0.11213930374163741027, |x| {
            let u = 50.0 * PI * x;
            50.0 * (u.sin() / u).powi(2)
        }),
        case("K18", 0.0, PI, 0.83867634269442961454, |x| {
            (x.cos() + 3.0 * x.sin() + 2.0 * (2.0 * x).cos() + 3.0 * (2.0 * x).sin() + 3.0 * (3.0 * x).cos()).cos()
        }),
        case("K19", 0.0, 1.0, -1.0, f64::ln),
        case("K20", -1.0, 1.0, 1.5643964440690497731, |x| 1.0 / (x * x + 1.005)),
        case("K21", 0.0, 1.0, 0.21080273550054927738, |x| {
            let s = |u: f64| 1.0 / u.cosh();
            s(10.0 * (x - 0.2)).powi(2) + s(100.0 * (x - 0.4)).powi(4) + s(1000.0 * (x - 0.6)).powi(6)
        }),
        case("K22", 0.0, 1.0, -0.63466518254339257343, |x| {
            4.0 * PI * PI * x * (20.0 * PI * x).sin() * (2.0 * PI * x).cos()
        }),
        case("K23", 0.0, 1.0, 0.013492485649467772692, |x| 1.0 / (1.0 + (230.0 * x - 30.0).powi(2))),
        case("K24", 0.0, 3.0, 17.66438353924651497, |x| x.exp().floor()),
        case("K25", 0.0, 5.0, 7.5, |x| {
            if x < 1.0 {
                x + 1.0
            } else if x <= 3.0 {
                3.0 - x
            } else {
                2.0
            }
        }),
        case("Q1", 0.0, 1.0, 100.0, |x| x.powf(-0.9) * (1.0 / x).ln()),
        case("Q1b", 0.0, 1.0, 0.077160493827160493827, |x| x.powf(2.6) * (1.0 / x).ln()),
        case("Q2", 0.0, 1.0, 3.1415869954096412711, |x| 4f64.powi(-10) / ((x - PI / 4.0).powi(2) + 16f64.powi(-10))),
        case("Q3", 0.0, PI, 0.29088010217372596783, |x| (64.0 * x.sin()).cos()),
        case("Q7", 0.0, 1.0, 8.6242473662097922388, |x| (x - 1.0 / 3.0).abs().powf(-0.8)),
        case("Q8", 0.0, 1.0, 0.59215277929366042116, |x| (x - PI / 4.0).abs().powf(0.4)),
        case("Q9", -1.0, 1.0, 12.469331551213347419, |x| 1.0 / ((x + 1.0 + 1.0 / 32.0) * (1.0 - x * x).sqrt())),
        case("Q11", 0.0, 1.0, 0.88622692545275801365, |x| (1.0 / x).ln().sqrt()),
        case("Q12", 0.0, 1.0, 0.0019500314882451992018, |x| (20.0 * (x - 1.0)).exp() * (512.0 * x).sin()),
        case("Q13", 0.0, 1.0, 0.3618760853053543528, |x| (64.0 * x).cos() / (x * (1.0 - x)).sqrt()),
        case("Q15", 0.0, INF, 1024.0, |x| x * x * (-x / 8.0).exp()),
        case("Q16", 0.0, INF, 0.49672941328980506172, |x| 1.0 / (x.sqrt() * (1.0 + 10.0 * x).powi(2))),
        case("Q454", 0.0, 3.0, 52.740748383471444998, |x| x.powi(3) * ((x * x - 1.0) * (x * x - 2.0)).abs().ln()),
        case("Q455", 0.0, INF, -0.36168922062077324062, |x| x.ln() / (1.0 + 100.0 * x * x)),
        case("D1", 0.0, 1.0, 0.35506593315177356353, |x| x.ln() * (1.0 - x).ln()),
        case("D2", 0.0, 1.0, 0.5140418958900707614, |x| {
            let s = (x * x + 2.0).sqrt();
            s.atan() / ((x * x + 1.0) * s)
        }),
        case("D3", 0.0, PI / 2.0, 2.2214414690791831235, |x| x.tan().sqrt()),
        case("D4", 0.0, 1.0, 1.1981402347355922074, |x| (x / (1.0 - x * x)).sqrt()),
        case("D5", -1.0, 1.0, 0.33673283478172753599, |x| {
            x * (2.0 * (2.0 * (2.0 * (2.0 * x).exp()).sin()).exp()).sin()
        }),
        case("D6", 0.0, INF, 1.7724538509055160273, |x| (-x).exp() / x.sqrt()),
        case("D7", 0.0, 1.0, 2.0, |x| x.ln().powi(2)),
        case("D8", -INF, INF, PI, |x| 1.0 / (1.0 + x * x)),
        case("A1", -INF, INF, PI.sqrt(), |x| (-x * x).exp()),
        case("A2", -INF, INF, 800.0, |x| x * normal(x, 800.0, 1.0)),
        case("A3", -1e8, 1e8, 1.0, |x| (-x.abs()).exp() / 2.0),
        case("A4", 0.0, 1.0, 1.2974441901216643873, |x| (x - 0.499).abs().exp()),
        case("A5", 1.0, INF, 10.0, |x| x.powf(-1.1)),
        case("A6", 0.0, INF, 1e6, |x| (-x / 1e6).exp()),
        case("A8", 0.0, 1.0, 4.596976941318602826e-21, |x| 1e-20 * x.sin()),
        case("A9", 0.0, 8.0, 0.34740017265724780788, |x| (x + x.exp()).sin()),
        case("A10", -1.0, 1.0, 1.8921661407343660299, |x| x.sin() / x),
        case("A11", 0.0, INF, 1.0, |x| normal(x, 116.0, 3.81)),
        case("A14", 0.0, 1.0, 0.001376811277123160659, |x| (100.0 * x).sin()),
        case("A15", -1.0, 1.0, 0.54936030677800634434, |x| 1.0 / (1.0 + 25.0 * x * x)),
        case("A16", -1.0, 1.0, 0.44399381616807943782, |x| (-1.0 / (1.0 - x * x)).exp()),
    ]
}

/// A small generator of uniform numbers (Steele, Lea, Flood 2014: splitmix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next()
    }
}

/// The families of Lyness and Kaganove (1976) with drawn parameters.
pub fn families(members: usize, seed: u64) -> Vec<Case> {
    let mut draw = Draw(seed);
    let mut cases = Vec::new();
    for i in 0..members {
        let (l, a) = (draw.next(), draw.within(-0.5, 0.0));
        let exact = (l.powf(1.0 + a) + (1.0 - l).powf(1.0 + a)) / (1.0 + a);
        cases.push(case(&format!("sing{i} l={l:.6} a={a:.3}"), 0.0, 1.0, exact, move |x| (x - l).abs().powf(a)));

        let l = draw.next();
        let exact = 2.0 * (0.5f64.exp() - (l / 2.0).exp());
        let step = move |x: f64| if x > l { (x / 2.0).exp() } else { 0.0 };
        cases.push(case(&format!("step{i} l={l:.6}"), 0.0, 1.0, exact, step));

        let l = draw.next();
        let exact = 1.0 - ((-2.0 * l).exp() + (-2.0 * (1.0 - l)).exp()) / 2.0;
        cases.push(case(&format!("kink{i} l={l:.6}"), 0.0, 1.0, exact, move |x| (-2.0 * (x - l).abs()).exp()));

        let (l, g) = (draw.within(1.0, 2.0), 10f64.powf(draw.within(-4.0, -1.0)));
        let exact = ((2.0 - l) / g).atan() + ((l - 1.0) / g).atan();
        cases.push(case(&format!("peak{i} l={l:.6} g={g:.1e}"), 1.0, 2.0, exact, move |x| {
            g / ((x - l).powi(2) + g * g)
        }));

        let g = 10f64.powf(draw.within(-4.0, -1.0));
        let ls: [f64; 4] = std::array::from_fn(|_| draw.within(1.0, 2.0));
        let exact = ls.iter().map(|l| ((2.0 - l) / g).atan() + ((l - 1.0) / g).atan()).sum();
        cases.push(case(&format!("four{i} g={g:.1e} {ls:.4?}"), 1.0, 2.0, exact, move |x| {
            ls.iter().map(|l| g / ((x - l).powi(2) + g * g)).sum()
        }));

        let (l, b) = (
            draw.within(1.0, 2.0),
            10f64.powf(draw.within(1.8, 2.0)) / {
                let l: f64 = draw.within(1.0, 2.0);
                (2.0 - l).max(l - 1.0).powi(2)
            },
        );
        let exact = (b * (2.0 - l).powi(2)).sin() - (b * (l - 1.0).powi(2)).sin();
        cases.push(case(&format!("osc{i} l={l:.6} b={b:.1}"), 1.0, 2.0, exact, move |x| {
            2.0 * b * (x - l) * (b * (x - l).powi(2)).cos()
        }));
    }
    cases
}

/// Integrals that do not exist.
pub fn divergent() -> Vec<Case> {
    vec![
        case("1/x", 0.0, 1.0, INF, |x| 1.0 / x),
        case("1/x^2", 0.0, 1.0, INF, |x| 1.0 / (x * x)),
        case("|x-0.98..|^-1.1", 0.0, 1.0, INF, |x| (x - 0.987654321).abs().powf(-1.1)),
    ]
}
