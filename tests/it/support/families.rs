//! The families of Lyness and Kaganove (1976): integrands with drawn parameters, the same for the same seed. Shared by the
//! tests and the league.

#![allow(dead_code, unreachable_pub, reason = "shared with the league, which uses another part")]

/// One integral with its value.
pub struct Case {
    pub name: String,
    pub f: Box<dyn Fn(f64) -> f64 + Send + Sync>,
    pub a: f64,
    pub b: f64,
    pub exact: f64,
}

pub fn case(name: &str, a: f64, b: f64, exact: f64, f: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Case {
    Case { name: name.to_string(), f: Box::new(f), a, b, exact }
}

/// A small generator of uniform numbers (Steele, Lea, Flood 2014: splitmix64).
pub struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn within(&mut self, low: f64, high: f64) -> f64 {
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
