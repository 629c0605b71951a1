//! Questions of the kinds on which a quadrature claims what is not so: drawn members, the same for the same seed, with
//! their values. Shared by the tests and the league.
//!
//! Each kind hides the integrand from a rule that believes its first look: mass at a scale that no point saw, a law
//! that holds at the points and not beyond them, a divergence that cancels, a needle beside something singular.

#![allow(dead_code, unreachable_pub, reason = "shared with the league, which uses another part")]

use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};
use std::sync::Arc;

use super::families::Draw;

const INF: f64 = f64::INFINITY;

/// An integral with its value; NaN if there is none.
#[derive(Clone)]
pub struct Question {
    pub name: String,
    pub f: Arc<dyn Fn(f64) -> f64 + Send + Sync>,
    pub a: f64,
    pub b: f64,
    pub breakpoints: Vec<f64>,
    pub exact: f64,
}

impl Question {
    fn new(name: String, [a, b]: [f64; 2], exact: f64, f: impl Fn(f64) -> f64 + Send + Sync + 'static) -> Self {
        Self { name, f: Arc::new(f), a, b, breakpoints: Vec::new(), exact }
    }

    fn broken_at(self, x: f64) -> Self {
        Self { breakpoints: vec![x], ..self }
    }
}

/// A kind by its name, and how to draw members of it.
pub struct Kind {
    pub name: &'static str,
    pub draw: fn(usize, u64) -> Vec<Question>,
}

/// All of them.
pub const KINDS: &[Kind] = &[
    Kind { name: "lognormal on [0, b]", draw: lognormal },
    Kind { name: "slow logarithm", draw: slow_logarithm },
    Kind { name: "slow logarithm, divergent", draw: slow_divergent },
    Kind { name: "divergent at both ends", draw: cancelling },
    Kind { name: "exponential of any scale", draw: exponential_scale },
    Kind { name: "Fermi step at its breakpoint", draw: fermi },
    Kind { name: "two-sided exponential", draw: two_sided },
    Kind { name: "density on a wide range", draw: wide_density },
    Kind { name: "bump on a wide range", draw: wide_bump },
    Kind { name: "needle 2e-3, square root", draw: |n, seed| needles(n, seed, Base::Root, 2e-3) },
    Kind { name: "needle 1e-3, square root", draw: |n, seed| needles(n, seed, Base::Root, 1e-3) },
    Kind { name: "needle 1e-3, kink", draw: |n, seed| needles(n, seed, Base::Kink, 1e-3) },
    Kind { name: "needle 2e-3, exponential", draw: |n, seed| needles(n, seed, Base::Exp, 2e-3) },
    Kind { name: "needle 1e-3, logarithm", draw: |n, seed| needles(n, seed, Base::Log, 1e-3) },
    Kind { name: "needle 1e-3, jump", draw: |n, seed| needles(n, seed, Base::Jump, 1e-3) },
    Kind { name: "three needles", draw: three_needles },
    Kind { name: "powers times exponential", draw: gamma_function },
    Kind { name: "mirrored steps", draw: mirrored_steps },
    Kind { name: "mirrored pairs of steps", draw: mirrored_pairs },
    Kind { name: "divergent at both limits", draw: cancelling_limits },
    Kind { name: "triangular density", draw: triangles },
    Kind { name: "distance from a point", draw: kinks },
    Kind { name: "exponentials of two scales", draw: two_scales },
    Kind { name: "exponential beside a breakpoint", draw: beside_breakpoint },
    Kind { name: "bump on a constant", draw: bump_on_constant },
    Kind { name: "infinite in the middle", draw: infinite_inside },
    Kind { name: "slow logarithm at one", draw: slow_at_one },
    Kind { name: "bump of which feet are seen", draw: feet },
    Kind { name: "logarithm or power in the middle", draw: singular_inside },
    Kind { name: "power at an end that is not zero", draw: power_at_end },
];

/// The kind of that name.
///
/// # Panics
///
/// If there is none.
pub fn kind(name: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.name == name).expect("a kind of truth")
}

fn decade(draw: &mut Draw, low: f64, high: f64) -> f64 {
    10f64.powf(draw.within(low, high))
}

/// The density that falls like `exp(-ln(x)^2)`: faster than any power, and looks like one where few points look.
fn lognormal(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |_| {
        let (s, b) = (decade(&mut draw, -1.0, 0.30103), decade(&mut draw, 1.0, 8.0));
        let exact = 1.0 - 0.5 * libm::erfc(b.ln() / s * FRAC_1_SQRT_2);
        Question::new(format!("lognormal s={s:?} b={b:?}"), [0.0, b], exact, move |x| lognormal_density(x, s))
    };
    (0..members).map(member).collect()
}

fn lognormal_density(x: f64, s: f64) -> f64 {
    let z = x.ln() / s;
    (-0.5 * z * z).exp() / (x * s * TAU.sqrt())
}

/// `1 / (x ln^p x)`, which has an integral because of the logarithm alone.
fn slow_logarithm(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |_| {
        let p = draw.within(1.05, 4.0);
        let exact = 2f64.ln().powf(1.0 - p) / (p - 1.0);
        Question::new(format!("1/(x ln^p x) p={p:?}"), [2.0, INF], exact, move |x| 1.0 / (x * x.ln().powf(p)))
    };
    (0..members).map(member).collect()
}

/// The same, with powers for which there is none.
fn slow_divergent(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let p = if i == 0 { 1.0 } else { draw.within(0.3, 1.0) };
        if i % 4 == 3 {
            let f = move |x: f64| 1.0 / (x * x.ln() * x.ln().ln().powf(p));
            return Question::new(format!("1/(x ln x lnln^p x) p={p:?}"), [3.0, INF], f64::NAN, f);
        }
        Question::new(format!("1/(x ln^p x) p={p:?}"), [2.0, INF], f64::NAN, move |x| 1.0 / (x * x.ln().powf(p)))
    };
    (0..members).map(member).collect()
}

/// Odd tails that cancel, so that every symmetric sum is finite.
fn cancelling(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let (w, c, h) = (decade(&mut draw, -2.0, 2.0), draw.within(-3.0, 3.0), draw.within(0.0, 2.0));
        let line = [-INF, INF];
        match i % 4 {
            0 => Question::new(format!("x/(w^2+x^2) w={w:?}"), line, f64::NAN, move |x| x / (w * w + x * x)),
            1 => Question::new(format!("x/(w^2+x^2)+bump w={w:?} h={h:?}"), line, f64::NAN, move |x| {
                x / (w * w + x * x) + h * (-x * x).exp()
            }),
            2 => Question::new(format!("(x-c)/(w^2+(x-c)^2) w={w:?} c={c:?}"), line, f64::NAN, move |x| {
                (x - c) / (w * w + (x - c) * (x - c))
            }),
            _ => Question::new(format!("x^3/(w^4+x^4) w={w:?}"), line, f64::NAN, move |x| {
                // Written so that nothing overflows.
                let u = w / x;
                1.0 / (x * (1.0 + u * u * u * u))
            }),
        }
    };
    (0..members).map(member).collect()
}

fn exponential_scale(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |_| {
        let s = decade(&mut draw, -30.0, 3.0);
        Question::new(format!("exp(-x/s)/s s={s:?}"), [0.0, INF], 1.0, move |x| (-x / s).exp() / s)
    };
    (0..members).map(member).collect()
}

fn fermi(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |_| {
        let e = decade(&mut draw, -30.0, 3.0);
        let t = e * decade(&mut draw, -4.0, -1.0);
        let exact = t * ((-e / t).exp().ln_1p() + e / t);
        Question::new(format!("Fermi E={e:?} kT={t:?}"), [0.0, INF], exact, move |x| 1.0 / (1.0 + ((x - e) / t).exp()))
            .broken_at(e)
    };
    (0..members).map(member).collect()
}

fn two_sided(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |_| {
        let s = decade(&mut draw, -30.0, 3.0);
        let f = move |x: f64| (-x.abs() / s).exp() / (2.0 * s);
        Question::new(format!("exp(-|x|/s)/2s s={s:?}"), [-INF, INF], 1.0, f).broken_at(0.0)
    };
    (0..members).map(member).collect()
}

/// Densities of scale one over ranges of up to 1e12.
fn wide_density(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let (b, s) = (decade(&mut draw, 3.0, 12.0), decade(&mut draw, -1.0, 0.5));
        let k = draw.within(0.5, 6.0);
        let range = [0.0, b];
        match i % 4 {
            0 => Question::new(format!("exponential s={s:?} b={b:?}"), range, 1.0, move |x| (-x / s).exp() / s),
            1 => {
                let norm = libm::lgamma(k) + k * s.ln();
                let f = move |x: f64| ((k - 1.0) * x.ln() - x / s - norm).exp();
                Question::new(format!("gamma k={k:?} s={s:?} b={b:?}"), range, 1.0, f)
            }
            2 => {
                let s = draw.within(0.1, 1.0);
                let exact = 1.0 - 0.5 * libm::erfc(b.ln() / s * FRAC_1_SQRT_2);
                Question::new(format!("lognormal s={s:?} b={b:?}"), range, exact, move |x| lognormal_density(x, s))
            }
            _ => {
                // What is beyond b is (s/b)^k e^.. / Gamma(k + 1) at most: nothing.
                let k = 10.0 + 4.0 * k;
                let norm = libm::lgamma(k) - k * (10.0 * s).ln();
                let f = move |x: f64| (-(k + 1.0) * x.ln() - 10.0 * s / x - norm).exp();
                Question::new(format!("inverse gamma k={k:?} s={s:?} b={b:?}"), range, 1.0, f)
            }
        }
    };
    (0..members).map(member).collect()
}

fn wide_bump(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let (l, m, c) = (decade(&mut draw, 2.0, 7.0), decade(&mut draw, 2.0, 7.0), draw.within(-2.0, 2.0));
        let range = [-l, m];
        if i % 2 == 0 {
            let f = move |x: f64| (-(x - c) * (x - c)).exp() / PI.sqrt();
            Question::new(format!("exp(-(x-c)^2) c={c:?} {range:?}"), range, 1.0, f)
        } else {
            let f = move |x: f64| 0.5 / (x - c).cosh().powi(2);
            Question::new(format!("sech^2(x-c) c={c:?} {range:?}"), range, 1.0, f)
        }
    };
    (0..members).map(member).collect()
}

#[derive(Clone, Copy)]
enum Base {
    Root,
    Kink,
    Exp,
    Log,
    Jump,
}

/// `sech^2` of the given width beside something that is hard elsewhere.
fn needles(members: usize, seed: u64, base: Base, w: f64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |_| {
        let (c, k) = (draw.next(), draw.next());
        let needle = w * (((1.0 - c) / w).tanh() + (c / w).tanh());
        let exact = needle
            + match base {
                Base::Root => 2.0 / 3.0,
                Base::Kink => (k * k + (1.0 - k) * (1.0 - k)) / 2.0,
                Base::Exp => 1f64.exp_m1(),
                Base::Log => 1.0,
                Base::Jump => 1.0 - k,
            };
        Question::new(format!("needle w={w:?} c={c:?} k={k:?}"), [0.0, 1.0], exact, move |x| {
            let smooth = match base {
                Base::Root => x.sqrt(),
                Base::Kink => (x - k).abs(),
                Base::Exp => x.exp(),
                Base::Log => -x.ln(),
                Base::Jump => f64::from(u8::from(x > k)),
            };
            smooth + ((x - c) / w).cosh().powi(-2)
        })
    };
    (0..members).map(member).collect()
}

/// Peaks like those of Kahaner's number 21, of three widths.
fn three_needles(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |_| {
        let c: [f64; 3] = std::array::from_fn(|_| draw.within(0.1, 0.9));
        let w = [0.1, 0.01, 5e-4].map(|w: f64| w * decade(&mut draw, -0.1, 0.1));
        // Antiderivatives of sech^2, sech^4 and sech^6 in y = tanh.
        let upto = |i: usize, x: f64| {
            let y = ((x - c[i]) / w[i]).tanh();
            w[i] * [y, y - y.powi(3) / 3.0, y - 2.0 / 3.0 * y.powi(3) + y.powi(5) / 5.0][i]
        };
        let exact = (0..3).map(|i| upto(i, 1.0) - upto(i, 0.0)).sum();
        Question::new(format!("peaks at {c:?} of {w:?}"), [0.0, 1.0], exact, move |x| {
            (0..3).map(|i| ((x - c[i]) / w[i]).cosh().powi(-2 * (i as i32 + 1))).sum()
        })
    };
    (0..members).map(member).collect()
}

/// `x^p exp(-x)` as one writes it: infinity times zero far out.
fn gamma_function(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let p = if i < 70 { 2.0 * (i + 1) as f64 } else { draw.within(0.0, 140.0) };
        // Divided by Gamma(p + 1), whose logarithm has its digits.
        let exact = libm::tgamma(p + 1.0);
        Question::new(format!("x^p exp(-x) p={p:?}"), [0.0, INF], exact, move |x| x.powf(p) * (-x).exp())
    };
    (0..members).map(member).collect()
}

/// A pair of steps that are nearly mirror images of one another: at the points of a symmetric rule a constant plus an
/// odd function. Every other member is on [0, 1].
fn mirrored_steps(members: usize, seed: u64) -> Vec<Question> {
    mirrored(members, seed, false)
}

/// The same, but for every other member: of these half have two pairs, half have steps of two heights.
fn mirrored_pairs(members: usize, seed: u64) -> Vec<Question> {
    mirrored(members, seed, true)
}

fn mirrored(members: usize, seed: u64, harder: bool) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let [a, w] = if i % 2 == 0 { [0.0, 1.0] } else { [draw.within(-3.0, 3.0), decade(&mut draw, -2.0, 2.0)] };
        // Steps by where they are in the range, and how high.
        let mut steps = Vec::new();
        for _ in 0..if harder && i % 4 == 1 { 2 } else { 1 } {
            let (p, gap, h) = (draw.within(0.0, 0.5), decade(&mut draw, -6.0, -1.5), draw.within(0.5, 2.0));
            let other = if harder && i % 4 == 3 { draw.within(0.5, 2.0) } else { h };
            steps.extend([(p, h), ((1.0 - p + gap).min(1.0), other)]);
        }
        let b = a + w;
        let at: Vec<_> = steps.iter().map(|(p, h)| (a + p * w, *h)).collect();
        let exact = at.iter().map(|(x, h)| h * (b - x)).sum();
        let f = move |x: f64| at.iter().map(|(step, h)| if x > *step { *h } else { 0.0 }).sum();
        Question::new(format!("steps {steps:?} on [{a:?}, {b:?}]"), [a, b], exact, f)
    };
    (0..members).map(member).collect()
}

/// Divergences at both limits that cancel, with something that has an integral.
fn cancelling_limits(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let [a, w] = if i % 2 == 0 { [-1.0, 2.0] } else { [draw.within(-2.0, 2.0), decade(&mut draw, -2.0, 2.0)] };
        let p = if i % 4 < 2 { 1.0 } else { draw.within(1.0, 1.6) };
        let (b, c, h) = (a + w, a + w / 2.0, if i % 3 == 0 { 0.0 } else { draw.within(0.0, 2.0) });
        Question::new(format!("(x-a)^-p-(b-x)^-p p={p:?} h={h:?} [{a:?}, {b:?}]"), [a, b], f64::NAN, move |x| {
            let z = 3.0 * (x - c) / w;
            (x - a).powf(-p) - (b - x).powf(-p) + h * (-z * z).exp()
        })
    };
    (0..members).map(member).collect()
}

/// Over all of its support.
fn triangles(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let (a, w, part) = (draw.within(-5.0, 5.0), draw.within(0.5, 10.0), draw.within(0.02, 0.98));
        let (b, m) = (a + w, a + part * w);
        let f =
            move |x: f64| if x < m { 2.0 * (x - a) / ((b - a) * (m - a)) } else { 2.0 * (b - x) / ((b - a) * (b - m)) };
        Question::new(format!("triangle {i} on [{a}, {b}], its top at {m}"), [a, b], 1.0, f)
    };
    (0..members).map(member).collect()
}

fn kinks(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let c = draw.within(0.02, 0.98);
        let exact = (c * c + (1.0 - c) * (1.0 - c)) / 2.0;
        Question::new(format!("kink {i} at {c}"), [0.0, 1.0], exact, move |x| (x - c).abs())
    };
    (0..members).map(member).collect()
}

/// One exponential of scale one, and one of a scale far below or above it.
fn two_scales(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let s = if i % 2 == 0 { decade(&mut draw, -60.0, -2.0) } else { decade(&mut draw, 2.0, 60.0) };
        Question::new(format!("exp(-x)+exp(-x/s)/s s={s:?}"), [0.0, INF], 2.0, move |x| (-x).exp() + (-x / s).exp() / s)
    };
    (0..members).map(member).collect()
}

/// Beyond a breakpoint, on a constant: of a scale that numbers there tell apart.
fn beside_breakpoint(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |_| {
        let (c, s) = (draw.within(0.1, 0.9), decade(&mut draw, -9.0, -2.0));
        let exact = 2.0 - (-(1.0 - c) / s).exp();
        Question::new(format!("1+exp(-(x-c)/s)/s c={c:?} s={s:?}"), [0.0, 1.0], exact, move |x| {
            1.0 + if x > c { (-(x - c) / s).exp() / s } else { 0.0 }
        })
        .broken_at(c)
    };
    (0..members).map(member).collect()
}

/// A bump at zero, higher than the constant that it stands on, in a range of up to 1e6.
fn bump_on_constant(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |_| {
        let (l, m, w) = (decade(&mut draw, 2.0, 6.0), decade(&mut draw, 2.0, 6.0), decade(&mut draw, -2.0, 0.0));
        let h = decade(&mut draw, -6.0, -0.4);
        let exact = PI.sqrt() * w + h * (l + m);
        Question::new(format!("bump w={w:?} on {h:?} [-{l:?}, {m:?}]"), [-l, m], exact, move |x| {
            h + (-(x / w) * (x / w)).exp()
        })
    };
    (0..members).map(member).collect()
}

/// A power of the distance from the middle of the range, which is a node of every rule.
fn infinite_inside(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let (w, p) = (decade(&mut draw, -2.0, 3.0), draw.within(0.1, 0.9));
        let c = if i % 2 == 0 { 0.0 } else { 1.0 };
        let exact = 2.0 * w.powf(1.0 - p) / (1.0 - p);
        Question::new(format!("|x-c|^-p c={c} w={w:?} p={p:?}"), [c - w, c + w], exact, move |x| (x - c).abs().powf(-p))
    };
    (0..members).map(member).collect()
}

/// `1 / ((1 - x) ln^p)`: much of it lies between one and the last number below one.
fn slow_at_one(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |_| {
        let p = draw.within(1.5, 6.0);
        let exact = 2f64.ln().powf(1.0 - p) / (p - 1.0);
        Question::new(format!("1/((1-x) ln^p(1/(1-x))) p={p:?}"), [0.5, 1.0], exact, move |x| {
            1.0 / ((1.0 - x) * (-(1.0 - x).ln()).powf(p))
        })
    };
    (0..members).map(member).collect()
}

/// A bump far from zero on an infinite range, or narrow on a finite one: all that most points see is next to nothing.
fn feet(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let (s, ratio, sign) = (decade(&mut draw, -2.0, 2.0), decade(&mut draw, 0.5, 2.3), [1.0, -1.0][i / 3 % 2]);
        let ([a, b], c, s) = match i % 4 {
            0 | 1 => ([-INF, INF], sign * ratio * s, s),
            2 => ([0.0, INF], ratio * s, s),
            _ => ([0.0, 1.0], draw.within(0.1, 0.9), 1.0 / decade(&mut draw, 1.3, 3.5)),
        };
        // The part up to a distance from the centre, in units of s.
        let upto: fn(f64) -> f64 = [libm::erf, f64::tanh, |y: f64| y.signum() * -(-y.abs()).exp_m1()][i % 3];
        let exact = 0.5 * (upto((b - c) / s) - upto((a - c) / s));
        let shape = i % 3;
        Question::new(format!("bump {shape} at {c:?} of {s:?} on [{a:?}, {b:?}]"), [a, b], exact, move |x| {
            let y = (x - c) / s;
            match shape {
                0 => (-y * y).exp() / (s * PI.sqrt()),
                1 => y.cosh().powi(-2) / (2.0 * s),
                _ => (-y.abs()).exp() / (2.0 * s),
            }
        })
    };
    (0..members).map(member).collect()
}

/// Times a polynomial, in the middle of the range, which is a node of every rule.
fn singular_inside(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let w: f64 = [0.5, 1.0, 2.0, 3.0, 4.0][i % 5];
        let (c, p) = ([0.0, 0.5, 1.0, -1.0, 2.0, 3.0][i / 2 % 6], draw.within(0.1, 0.8));
        let (k, m) = (draw.within(-2.0, 2.0), draw.within(-2.0, 2.0));
        let is_log = i % 2 == 0;
        // What is odd cancels.
        let term = |n: f64| {
            if is_log { w.powf(n) / n * (w.ln() - 1.0 / n) } else { w.powf(n - p) / (n - p) }
        };
        let exact = 2.0 * (term(1.0) + m * term(3.0));
        let name = format!(
            "{} (1+{k:?}d+{m:?}d^2) at {c} +- {w}",
            if is_log { "ln |d|".into() } else { format!("|d|^-{p:?}") }
        );
        Question::new(name, [c - w, c + w], exact, move |x| {
            let d = x - c;
            (if is_log { d.abs().ln() } else { d.abs().powf(-p) }) * (1.0 + k * d + m * d * d)
        })
    };
    (0..members).map(member).collect()
}

/// Times a factor with a slope, so that it is no law of its own as near to the end as numbers go.
fn power_at_end(members: usize, seed: u64) -> Vec<Question> {
    let mut draw = Draw(seed);
    let member = |i: usize| {
        let (c, side) = ([1.0, -1.0, 2.0, 0.7, 5.0][i % 5], [1.0, -1.0][i / 5 % 2]);
        let (p, w, k) = (draw.within(-0.8, 0.6), draw.within(0.3, 2.0), decade(&mut draw, 0.0, 2.3));
        let far = c + side * w;
        let (a, b) = if side > 0.0 { (c, far) } else { (far, c) };
        let w = b - a;
        let exact = w.powf(p + 1.0) / (p + 1.0) + k * w.powf(p + 2.0) / (p + 2.0);
        Question::new(format!("d^{p:?} (1+{k:?}d) beside {c} on [{a:?}, {b:?}]"), [a, b], exact, move |x| {
            let d = (x - c).abs();
            d.powf(p) * (1.0 + k * d)
        })
    };
    (0..members).map(member).collect()
}
