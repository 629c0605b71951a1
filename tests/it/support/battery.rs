//! A neutral battery of integrands, with exact values from the literature's test sets: Kahaner, Gander-Gautschi and
//! Gonnet (K), Lyness-Kaganove (L), the QUADPACK book (Q), endpoint and wild cases (D, A). Values have 20 digits.

#![allow(dead_code, unreachable_pub, reason = "shared with benches and examples, each of which uses a part")]
#![allow(clippy::approx_constant, clippy::excessive_precision, reason = "the values are given with 20 digits")]

use std::f64::consts::{FRAC_PI_2, PI};

const INF: f64 = f64::INFINITY;

/// An integrand, its limits, and the exact integral.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub id: &'static str,
    pub class: &'static str,
    pub f: fn(f64) -> f64,
    pub a: f64,
    pub b: f64,
    pub exact: f64,
}

/// The case of that name.
///
/// # Panics
///
/// If there is none.
pub fn case(id: &str) -> Case {
    *BATTERY.iter().find(|case| case.id == id).expect("a case of the battery")
}

/// Not among the sixty on which methods are compared: families of their own, an integral of zero, conditional
/// convergence, a principal value.
pub const APART: [&str; 10] = ["L1", "L2", "L3", "L4", "L5", "L6", "A7", "A12", "A13", "Q459"];

pub const BATTERY: &[Case] = &[
    Case { id: "K01", class: "smooth", f: |x| x.exp(), a: 0.0, b: 1.0, exact: 1.7182818284590452354 },
    Case { id: "K02", class: "jump", f: |x| if x >= 0.3 { 1.0 } else { 0.0 }, a: 0.0, b: 1.0, exact: 0.7 },
    Case { id: "K03", class: "endpt", f: |x| x.sqrt(), a: 0.0, b: 1.0, exact: 0.66666666666666666667 },
    Case {
        id: "K04",
        class: "smooth",
        f: |x| 23.0 / 25.0 * x.cosh() - x.cos(),
        a: -1.0,
        b: 1.0,
        exact: 0.47942822668880166736,
    },
    Case {
        id: "K05",
        class: "smooth",
        f: |x| 1.0 / (x.powi(4) + x * x + 0.9),
        a: -1.0,
        b: 1.0,
        exact: 1.5822329637296729331,
    },
    Case { id: "K06", class: "endpt", f: |x| x * x.sqrt(), a: 0.0, b: 1.0, exact: 0.4 },
    Case { id: "K07", class: "endpt-sing", f: |x| 1.0 / x.sqrt(), a: 0.0, b: 1.0, exact: 2.0 },
    Case { id: "K08", class: "smooth", f: |x| 1.0 / (1.0 + x.powi(4)), a: 0.0, b: 1.0, exact: 0.86697298733991103757 },
    Case {
        id: "K09",
        class: "periodic",
        f: |x| 2.0 / (2.0 + (10.0 * PI * x).sin()),
        a: 0.0,
        b: 1.0,
        exact: 1.154700538379251529,
    },
    Case { id: "K10", class: "smooth", f: |x| 1.0 / (1.0 + x), a: 0.0, b: 1.0, exact: 0.69314718055994530942 },
    Case { id: "K11", class: "smooth", f: |x| 1.0 / (1.0 + x.exp()), a: 0.0, b: 1.0, exact: 0.37988549304172247537 },
    Case {
        id: "K12",
        class: "smooth (0/0 at 0)",
        f: |x| x / x.exp_m1(),
        a: 0.0,
        b: 1.0,
        exact: 0.77750463411224827642,
    },
    Case {
        id: "K13",
        class: "osc",
        f: |x| (100.0 * PI * x).sin() / (PI * x),
        a: 0.1,
        b: 1.0,
        exact: 0.0090986375391668429156,
    },
    Case { id: "K14", class: "peak", f: |x| 50f64.sqrt() * (-50.0 * PI * x * x).exp(), a: 0.0, b: 10.0, exact: 0.5 },
    Case { id: "K15", class: "peak", f: |x| 25.0 * (-25.0 * x).exp(), a: 0.0, b: 10.0, exact: 1.0 },
    Case {
        id: "K16",
        class: "peak",
        f: |x| 50.0 / (PI * (2500.0 * x * x + 1.0)),
        a: 0.0,
        b: 10.0,
        exact: 0.49936338107645674464,
    },
    Case {
        id: "K17",
        class: "osc",
        f: |x| 50.0 * ((50.0 * PI * x).sin() / (50.0 * PI * x)).powi(2),
        a: 0.01,
        b: 1.0,
        exact: 0.11213930374163741027,
    },
    Case {
        id: "K18",
        class: "osc smooth",
        f: |x| (x.cos() + 3.0 * x.sin() + 2.0 * (2.0 * x).cos() + 3.0 * (2.0 * x).sin() + 3.0 * (3.0 * x).cos()).cos(),
        a: 0.0,
        b: PI,
        exact: 0.83867634269442961454,
    },
    Case { id: "K19", class: "endpt-sing", f: |x| x.ln(), a: 0.0, b: 1.0, exact: -1.0 },
    Case { id: "K20", class: "smooth", f: |x| 1.0 / (x * x + 1.005), a: -1.0, b: 1.0, exact: 1.5643964440690497731 },
    Case {
        id: "K21",
        class: "peaks",
        f: |x| {
            (10.0 * (x - 0.2)).cosh().powi(-2)
                + (100.0 * (x - 0.4)).cosh().powi(-4)
                + (1000.0 * (x - 0.6)).cosh().powi(-6)
        },
        a: 0.0,
        b: 1.0,
        exact: 0.21080273550054927738,
    },
    Case {
        id: "K22",
        class: "osc",
        f: |x| 4.0 * PI * PI * x * (20.0 * PI * x).sin() * (2.0 * PI * x).cos(),
        a: 0.0,
        b: 1.0,
        exact: -0.63466518254339257343,
    },
    Case {
        id: "K23",
        class: "peak",
        f: |x| 1.0 / (1.0 + (230.0 * x - 30.0).powi(2)),
        a: 0.0,
        b: 1.0,
        exact: 0.013492485649467772692,
    },
    Case { id: "K24", class: "jumps", f: |x| x.exp().floor(), a: 0.0, b: 3.0, exact: 17.66438353924651497 },
    Case {
        id: "K25",
        class: "jumps",
        f: |x| {
            if x < 1.0 {
                x + 1.0
            } else if x <= 3.0 {
                3.0 - x
            } else {
                2.0
            }
        },
        a: 0.0,
        b: 5.0,
        exact: 7.5,
    },
    Case {
        id: "L1",
        class: "interior sing",
        f: |x| 1.0 / (x - 0.3).abs().sqrt(),
        a: 0.0,
        b: 1.0,
        exact: 2.7687651680784833229,
    },
    Case {
        id: "L2",
        class: "jump",
        f: |x| if x >= 1.0 / 3.0 { (x / 2.0).exp() } else { 0.0 },
        a: 0.0,
        b: 1.0,
        exact: 0.93472171566896433309,
    },
    Case {
        id: "L3",
        class: "kink",
        f: |x| (-2.0 * (x - 0.7).abs()).exp(),
        a: 0.0,
        b: 1.0,
        exact: 0.60229569998218354522,
    },
    Case {
        id: "L4",
        class: "narrow peak",
        f: |x| 1e-4 / ((x - 1.3).powi(2) + 1e-8),
        a: 1.0,
        b: 2.0,
        exact: 3.1411164631269202577,
    },
    Case {
        id: "L5",
        class: "4 peaks",
        f: |x| [1.15, 1.35, 1.58, 1.83].iter().map(|m| 1e-3 / ((x - m).powi(2) + 1e-6)).sum(),
        a: 1.0,
        b: 2.0,
        exact: 12.542939793108568387,
    },
    Case {
        id: "L6",
        class: "osc",
        f: |x| {
            let b = 10f64.powf(1.8) / 0.36;
            2.0 * b * (x - 1.4) * (b * (x - 1.4).powi(2)).cos()
        },
        a: 1.0,
        b: 2.0,
        exact: 0.031114142797542175294,
    },
    Case { id: "Q1", class: "log sing", f: |x| -x.powf(-0.9) * x.ln(), a: 0.0, b: 1.0, exact: 100.0 },
    Case {
        id: "Q1b",
        class: "log endpt",
        f: |x| -x.powf(2.6) * x.ln(),
        a: 0.0,
        b: 1.0,
        exact: 0.077160493827160493827,
    },
    Case {
        id: "Q2",
        class: "narrow peak",
        f: |x| 4f64.powi(-10) / ((x - PI / 4.0).powi(2) + 16f64.powi(-10)),
        a: 0.0,
        b: 1.0,
        exact: 3.1415869954096412711,
    },
    Case { id: "Q3", class: "osc", f: |x| (64.0 * x.sin()).cos(), a: 0.0, b: PI, exact: 0.29088010217372596783 },
    Case {
        id: "Q7",
        class: "interior sing",
        f: |x| (x - 1.0 / 3.0).abs().powf(-0.8),
        a: 0.0,
        b: 1.0,
        exact: 8.6242473662097922388,
    },
    Case {
        id: "Q8",
        class: "interior sing",
        f: |x| (x - PI / 4.0).abs().powf(0.4),
        a: 0.0,
        b: 1.0,
        exact: 0.59215277929366042116,
    },
    Case {
        id: "Q9",
        class: "2-endpt sing",
        f: |x| 1.0 / ((x + 1.0 + 1.0 / 32.0) * (1.0 - x * x).sqrt()),
        a: -1.0,
        b: 1.0,
        exact: 12.469331551213347419,
    },
    Case { id: "Q11", class: "log endpt", f: |x| (-x.ln()).sqrt(), a: 0.0, b: 1.0, exact: 0.88622692545275801365 },
    Case {
        id: "Q12",
        class: "osc",
        f: |x| (20.0 * (x - 1.0)).exp() * (512.0 * x).sin(),
        a: 0.0,
        b: 1.0,
        exact: 0.0019500314882451992018,
    },
    Case {
        id: "Q13",
        class: "osc+2-endpt",
        f: |x| (64.0 * x).cos() / (x * (1.0 - x)).sqrt(),
        a: 0.0,
        b: 1.0,
        exact: 0.3618760853053543528,
    },
    Case { id: "Q15", class: "semi-inf", f: |x| x * x * (-x / 8.0).exp(), a: 0.0, b: INF, exact: 1024.0 },
    Case {
        id: "Q16",
        class: "semi-inf sing",
        f: |x| 1.0 / (x.sqrt() * (1.0 + 10.0 * x).powi(2)),
        a: 0.0,
        b: INF,
        exact: 0.49672941328980506172,
    },
    Case {
        id: "Q454",
        class: "interior log",
        f: |x| x.powi(3) * ((x * x - 1.0) * (x * x - 2.0)).abs().ln(),
        a: 0.0,
        b: 3.0,
        exact: 52.740748383471444998,
    },
    Case {
        id: "Q455",
        class: "semi-inf log",
        f: |x| x.ln() / (1.0 + 100.0 * x * x),
        a: 0.0,
        b: INF,
        exact: -0.36168922062077324062,
    },
    Case {
        id: "Q459",
        class: "PV",
        f: |x| 1.0 / (x * (5.0 * x.powi(3) + 6.0)),
        a: -1.0,
        b: 5.0,
        exact: -0.089944006957717335193,
    },
    Case {
        id: "D1",
        class: "2-endpt log",
        f: |x| x.ln() * (-x).ln_1p(),
        a: 0.0,
        b: 1.0,
        exact: 0.35506593315177356353,
    },
    Case {
        id: "D2",
        class: "smooth",
        f: |x| {
            let s = (x * x + 2.0).sqrt();
            s.atan() / ((x * x + 1.0) * s)
        },
        a: 0.0,
        b: 1.0,
        exact: 0.5140418958900707614,
    },
    Case { id: "D3", class: "2-endpt", f: |x| x.tan().sqrt(), a: 0.0, b: FRAC_PI_2, exact: 2.2214414690791831235 },
    Case { id: "D4", class: "endpt", f: |x| (x / (1.0 - x * x)).sqrt(), a: 0.0, b: 1.0, exact: 1.1981402347355922074 },
    Case {
        id: "D5",
        class: "wild osc",
        f: |x| x * (2.0 * (2.0 * (2.0 * (2.0 * x).exp()).sin()).exp()).sin(),
        a: -1.0,
        b: 1.0,
        exact: 0.33673283478172753599,
    },
    Case {
        id: "D6",
        class: "semi-inf sing",
        f: |x| (-x).exp() / x.sqrt(),
        a: 0.0,
        b: INF,
        exact: 1.7724538509055160273,
    },
    Case { id: "D7", class: "log sing", f: |x| x.ln().powi(2), a: 0.0, b: 1.0, exact: 2.0 },
    Case { id: "D8", class: "infinite", f: |x| 1.0 / (1.0 + x * x), a: -INF, b: INF, exact: 3.1415926535897932385 },
    Case { id: "A1", class: "infinite", f: |x| (-x * x).exp(), a: -INF, b: INF, exact: 1.7724538509055160273 },
    Case {
        id: "A2",
        class: "needle infinite (scipy#5735)",
        f: |x| x * (-0.5 * (x - 800.0).powi(2)).exp() / (2.0 * PI).sqrt(),
        a: -INF,
        b: INF,
        exact: 800.0,
    },
    Case {
        id: "A3",
        class: "needle finite (QuadGK#37)",
        f: |x| (-x.abs()).exp() / 2.0,
        a: -100000000.0,
        b: 100000000.0,
        exact: 1.0,
    },
    Case {
        id: "A4",
        class: "kink (QuadGK#26)",
        f: |x| (x - 0.499).abs().exp(),
        a: 0.0,
        b: 1.0,
        exact: 1.2974441901216643873,
    },
    Case { id: "A5", class: "slow decay (QuadGK#86)", f: |x| x.powf(-1.1), a: 1.0, b: INF, exact: 10.0 },
    Case { id: "A6", class: "scale (QuadGK docs)", f: |x| (-x / 1e6).exp(), a: 0.0, b: INF, exact: 1000000.0 },
    Case { id: "A7", class: "zero integral (Cubature.jl#63)", f: |x| x.sin(), a: -5.0, b: 5.0, exact: 0.0 },
    Case {
        id: "A8",
        class: "tiny (quadpy#295)",
        f: |x| 1e-20 * x.sin(),
        a: 0.0,
        b: 1.0,
        exact: 4.596976941318602826e-21,
    },
    Case {
        id: "A9",
        class: "wild osc (Rump/Arb)",
        f: |x| (x + x.exp()).sin(),
        a: 0.0,
        b: 8.0,
        exact: 0.34740017265724780788,
    },
    Case { id: "A10", class: "removable NaN", f: |x| x.sin() / x, a: -1.0, b: 1.0, exact: 1.8921661407343660299 },
    Case {
        id: "A11",
        class: "scipy#17443 needle",
        f: |x| (-0.5 * ((x - 116.0) / 3.81).powi(2)).exp() / (3.81 * (2.0 * PI).sqrt()),
        a: 0.0,
        b: INF,
        exact: 1.0,
    },
    Case { id: "A12", class: "cond. convergent", f: |x| x.sin() / x, a: 0.0, b: INF, exact: 1.5707963267948966192 },
    Case { id: "A13", class: "cond. convergent", f: |x| (x * x).sin(), a: 0.0, b: INF, exact: 0.6266570686577501256 },
    Case {
        id: "A14",
        class: "many osc (QuadGK docs)",
        f: |x| (100.0 * x).sin(),
        a: 0.0,
        b: 1.0,
        exact: 0.001376811277123160659,
    },
    Case {
        id: "A15",
        class: "Runge",
        f: |x| 1.0 / (1.0 + 25.0 * x * x),
        a: -1.0,
        b: 1.0,
        exact: 0.54936030677800634434,
    },
    Case {
        id: "A16",
        class: "flat C-inf",
        f: |x| (-1.0 / (1.0 - x * x)).exp(),
        a: -1.0,
        b: 1.0,
        exact: 0.44399381616807943782,
    },
];
