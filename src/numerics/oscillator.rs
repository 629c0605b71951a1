//! Integrands that oscillate to infinity by a known phase: half-periods, and an acceleration of
//! their series.

mod edges;

use std::fmt;

use self::edges::{Phase, Waves};
use super::method::{Control, Local, Method, Panel, UNKNOWN};
use super::product::{self, Series};
use super::value::Value;
use super::weighted::{self, Moments, Weighed, plain};

/// Integrals over infinite ranges of integrands that oscillate to infinity like `cos g(x)`, `sin
/// g(x)` or `exp(i g(x))`, with a phase `g` that is known: `sin(x^2)`, Airy functions, also where
/// the integral converges only conditionally.
///
/// The integrand that an evaluator is given is the whole integrand, oscillation included. For `f(x)
/// exp(i omega x)` see [`Fourier`](crate::Fourier), which takes `f` alone and fewer evaluations.
///
/// # Numerics
///
/// The range beyond a place is cut into half-periods, between which the phase grows by pi. Their
/// integrals alternate, and the sum of the series is that of the first `n` terms with the weights
/// of Cohen, Rodriguez Villegas and Zagier (2000, algorithm 1): `5.8^-n` of the sum is missing if
/// the moduli of the terms are totally monotone. The error is the largest of what it makes to take
/// one term fewer, or two, and to begin one term later; and what the rules in the half-periods may
/// be off by. If more terms do not help, the series is begun further out. Where the terms do not
/// fall, the last of them count as the error. The weights are positive and at most 1: rounding is
/// not amplified. They do not depend on the values, so the integrals in a vector may be of different
/// sizes, if they oscillate by one phase.
///
/// Half-periods have nested points of Clenshaw and Curtis, 9 to 65 of them. Finite ranges, and
/// half-periods before the series, are refined as by [`ClenshawCurtis`](crate::ClenshawCurtis).
///
/// # Cost
///
/// About a hundred evaluations, of one decision, for a look at 12 half-periods; 250 to 500 for ten
/// digits. The phase is called some hundred times for each half-period, always with the same
/// arguments.
///
/// # Errors
///
/// [`Error::Unsuitable`](crate::Error::Unsuitable) from the call that integrates, if the phase does
/// not grow, or fall, by pi again and again towards an infinite limit;
/// [`Error::InvalidInterval`](crate::Error::InvalidInterval) with
/// [`offsets`](crate::Integrator::offsets). An integrand that does not oscillate so, or grows, ends
/// with [`Reason::Divergent`](crate::Reason::Divergent) or
/// [`Reason::Budget`](crate::Reason::Budget).
///
/// # References
///
/// H. Cohen, F. Rodriguez Villegas, D. Zagier, "Convergence acceleration of alternating series",
/// Experiment. Math. 9 (2000) 3-12. I. M. Longman, "Note on a method for computing infinite
/// integrals of oscillatory functions", Proc. Camb. Phil. Soc. 52 (1956) 764-768: half-periods.
///
/// # Examples
///
/// ```
/// use coquad::{Inline, Integrator, Oscillator};
///
/// // Fresnel's integral: the phase is x^2.
/// let integrator = Integrator::new(Inline::new(|x: f64| (x * x).sin())).method(Oscillator::phase(|x| x * x));
/// let e = integrator.integrate_blocking(0.0, f64::INFINITY, 1e-10)?;
/// assert!((e.value - (std::f64::consts::PI / 8.0).sqrt()).abs() <= 1e-10);
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone)]
pub struct Oscillator<G> {
    waves: Waves<G>,
}

impl<G: Fn(f64) -> f64> Oscillator<G> {
    /// Creates the method from the phase: a function that grows, or falls, by pi from zero to zero
    /// of the integrand towards each infinite limit.
    pub fn phase(g: G) -> Self {
        Self { waves: Waves::Phase(Phase(g)) }
    }

    /// Creates the method from the zeros: the place number `k` for `k` = 0, 1, 2, .., ascending,
    /// between which the integrand has one sign. For ranges to positive infinity.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator, Oscillator};
    ///
    /// // sin(x) / x: the zeros are the multiples of pi.
    /// let method = Oscillator::zeros(|k| k * std::f64::consts::PI);
    /// let f = |x: f64| if x == 0.0 { 1.0 } else { x.sin() / x };
    /// let e = Integrator::new(Inline::new(f)).method(method).integrate_blocking(0.0, f64::INFINITY, 1e-10)?;
    /// assert!((e.value - std::f64::consts::FRAC_PI_2).abs() <= 1e-10);
    /// # Ok::<(), coquad::Error>(())
    /// ```
    pub fn zeros(places: G) -> Self {
        Self { waves: Waves::Zeros(Phase(places)) }
    }
}

impl<G> fmt::Debug for Oscillator<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match self.waves {
            Waves::Phase(_) => "phase",
            Waves::Zeros(_) => "zeros",
        };
        write!(f, "Oscillator::{by}(..)")
    }
}

/// What is kept with a panel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wave {
    /// A part of the range, or the whole of which nothing is known yet.
    Part(Weighed),
    /// All half-periods from one on.
    Series(Terms),
}

/// The series of the half-periods from the edge `first` on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Where the edges are counted from, and the first of the series.
    origin: f64,
    first: u32,
    /// How many terms are looked at, and the order of the rule in each.
    terms: u16,
    log: u8,
    /// What the acceleration was off by with fewer terms; infinite if there were none.
    before: f64,
    next: Next,
}

/// How a series is refined.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    Order,
    More,
    Later,
}

/// How many terms a series begins with, how many more there are at a time, and how many there are
/// at most.
const FEW: u16 = 12;
const MORE: u16 = 6;
const MOST: u16 = 36;
/// The order of the rule that half-periods begin with: 9 points.
const COARSE: u8 = 3;
/// More terms that do not divide what is missing by so much do not help: they should by `5.8^6`,
/// which is 38,000.
const HELPS: f64 = 100.0;

/// The weights of the first `n` terms of an alternating series, signs included (Cohen, Rodriguez
/// Villegas, Zagier 2000, algorithm 1).
fn weights(n: usize) -> Vec<f64> {
    let power = (0..n).fold(1.0, |power, _| power * (3.0 + 8f64.sqrt()));
    let d = f64::midpoint(power, 1.0 / power);
    let (mut b, mut c) = (-1.0, -d);
    let (count, mut sign) = (n as f64, 1.0);
    let weight = |k: usize| {
        c = b - c;
        let k = k as f64;
        b *= (k + count) * (k - count) / ((k + 0.5) * (k + 1.0));
        let weight = sign * c / d;
        sign = -sign;
        weight
    };
    (0..n).map(weight).collect()
}

/// The sum of the first terms with their weights.
fn accelerated<T: Value>(terms: &[T]) -> T {
    let mut sum = T::zero();
    for (term, weight) in terms.iter().zip(weights(terms.len())) {
        sum.add_scaled(weight, term);
    }
    sum
}

/// The norm of a difference.
fn apart<T: Value>(p: &T, q: &T) -> f64 {
    let mut difference = p.clone();
    difference.add_scaled(-1.0, q);
    difference.norm()
}

/// The norm of the last terms if they are not smaller than those in the middle: then the integral
/// does not exist, or the half-periods are not yet those of its tail. (Such a series would be
/// summed all the same, by Abel's limit.)
fn grown<T: Value>(terms: &[T]) -> f64 {
    let norm = |at: usize| terms[at].norm() + terms[at + 1].norm();
    let (middle, last) = (norm(terms.len() / 2 - 1), norm(terms.len() - 2));
    if last < middle { 0.0 } else { last }
}

/// A panel of the range itself.
fn part(panel: &Panel<Wave>, kind: Weighed) -> Panel<Weighed> {
    Panel { a: panel.a, b: panel.b, depth: panel.depth, kind }
}

fn ordinary(panel: Panel<Weighed>) -> Panel<Wave> {
    let Panel { a, b, depth, kind } = panel;
    Panel { a, b, depth, kind: Wave::Part(kind) }
}

impl<G: Fn(f64) -> f64> Oscillator<G> {
    /// The half-periods of a series as panels, from the inside out.
    fn halves<'a>(&'a self, panel: &Panel<Wave>, terms: &Terms) -> impl Iterator<Item = Panel<()>> + 'a {
        let (outwards, first) = (if panel.b.is_infinite() { 1.0 } else { -1.0 }, terms.first);
        let edges = self.waves.edges(terms.origin, outwards, first, usize::from(terms.terms) + 1);
        (0..usize::from(terms.terms)).map(move |k| {
            let (p, q) = (edges[k], edges[k + 1]);
            Panel { a: p.min(q), b: p.max(q), depth: 0, kind: () }
        })
    }

    fn judge_series<T: Value>(&self, panel: &mut Panel<Wave>, mut terms: Terms, values: &[T]) -> Local<T> {
        let per = product::count(terms.log.into());
        let plain: Vec<f64> = (0..per).map(plain).collect();
        let sizes: Vec<f64> = plain.iter().map(|m| m.abs()).collect();
        let is_limit = |x: f64| x.to_bits() == terms.origin.to_bits();
        let limits = self.halves(panel, &terms).next().map_or([false; 2], |half| [is_limit(half.a), is_limit(half.b)]);
        let rule = |(i, (half, values)): (usize, (Panel<()>, &[T]))| {
            // At the limit of the range a value may be left out.
            let mut values = values.to_vec();
            product::patch(&mut values, limits.map(|is_limit| is_limit && i == 0));
            let (series, width) = (Series::new(&values), half.b / 2.0 - half.a / 2.0);
            series.against(&plain, &sizes, width)
        };
        let halves = self.halves(panel, &terms).zip(values.chunks_exact(per));
        let locals: Vec<Local<T>> = halves.enumerate().map(rule).collect();
        let integrals: Vec<T> = locals.iter().map(|local| local.value.clone()).collect();
        let (inner, last) = (&integrals[..], integrals.len());
        let value = accelerated(inner);
        let mut later = accelerated(&inner[1..]);
        later.add(&inner[0]);
        let missing = apart(&value, &accelerated(&inner[..last - 1]))
            .max(apart(&value, &accelerated(&inner[..last - 2])))
            .max(apart(&value, &later))
            .max(grown(inner));
        let weighed = |of: fn(&Local<T>) -> f64| -> f64 {
            locals.iter().zip(weights(last)).map(|(local, weight)| of(local) * weight.abs()).sum()
        };
        let rules = weighed(|local| local.error);
        let (l1, roundoff) = (weighed(|local| local.l1), weighed(|local| local.roundoff));
        terms.next = if rules > missing && usize::from(terms.log) < product::TOP {
            Next::Order
        } else if terms.terms < MOST && HELPS * missing <= terms.before {
            Next::More
        } else {
            Next::Later
        };
        if terms.next == Next::More {
            terms.before = missing;
        }
        panel.kind = Wave::Series(terms);
        let error = rules + missing;
        Local { value, error: if error < roundoff { roundoff } else { error }, l1, roundoff }
    }

    /// Divides a range at the edges from which on the series is.
    fn lay_out(&self, panel: &Panel<Wave>, into: &mut Vec<Panel<Wave>>) {
        let up = panel.b.is_infinite();
        let inner = if up { panel.a } else { panel.b };
        let first = self.waves.first(inner);
        let edge = self.waves.edges(inner, if up { 1.0 } else { -1.0 }, first, 1)[0];
        let terms = Terms { origin: inner, first, terms: FEW, log: COARSE, before: UNKNOWN, next: Next::More };
        self.split(panel, &[inner, edge], terms, into);
    }

    /// The series from its first edge on, and the parts between the edges given, from the inside
    /// out; from left to right.
    fn split(&self, panel: &Panel<Wave>, edges: &[f64], terms: Terms, into: &mut Vec<Panel<Wave>>) {
        let depth = panel.depth + 1;
        let begin = into.len();
        let last = edges[edges.len() - 1];
        for (i, pair) in edges.windows(2).enumerate() {
            let (a, b) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
            if a < b {
                let open = i == 0 && pair[0].to_bits() == terms.origin.to_bits();
                let kind = Weighed::part(if panel.b.is_infinite() { [open, false] } else { [false, open] });
                into.push(ordinary(Panel { a, b, depth, kind }));
            }
        }
        let (a, b) = if panel.b.is_infinite() { (last, panel.b) } else { (panel.a, last) };
        into.push(Panel { a, b, depth, kind: Wave::Series(terms) });
        if panel.b.is_finite() {
            into[begin..].reverse();
        }
    }
}

impl<G: Fn(f64) -> f64 + Clone + Send + Sync + 'static> Method for Oscillator<G> {
    type Kind = Wave;
    const REUSES_POINTS: bool = true;
    const IN_X: bool = true;

    fn over(&self, a: f64, b: f64) -> Result<Self, &'static str> {
        let inner = |limit: f64| if limit.is_finite() { limit } else { 0.0 };
        if b.is_infinite() && !self.waves.grows(inner(a), 1.0) || a.is_infinite() && !self.waves.grows(inner(b), -1.0) {
            return Err("the phase does not go on to infinity");
        }
        Ok(self.clone())
    }

    fn control(&self) -> Control {
        Control::Global
    }

    fn root(&self) -> Wave {
        Wave::Part(Weighed::ROOT)
    }

    fn points(&self, panel: &Panel<Wave>, into: &mut Vec<f64>) {
        match panel.kind {
            Wave::Part(kind) => weighted::points(&part(panel, kind), into),
            Wave::Series(terms) => {
                self.halves(panel, &terms).for_each(|half| product::points(&half, terms.log.into(), into));
            }
        }
    }

    fn count(&self, panel: &Panel<Wave>) -> usize {
        match panel.kind {
            Wave::Part(kind) => weighted::count(&part(panel, kind)),
            Wave::Series(terms) => usize::from(terms.terms) * product::count(terms.log.into()),
        }
    }

    fn estimate<T: Value>(&self, panel: &mut Panel<Wave>, values: &[T]) -> Local<T> {
        match panel.kind {
            Wave::Series(terms) => self.judge_series(panel, terms, values),
            Wave::Part(kind) => {
                let mut part = part(panel, kind);
                let half = part.b / 2.0 - part.a / 2.0;
                let against = |n: usize| Moments { moments: (0..=n).map(plain).collect(), half };
                let local = weighted::judge(&mut part, values, |_, _| 1.0, against);
                panel.kind = Wave::Part(part.kind);
                local
            }
        }
    }

    fn refine(&self, panel: &Panel<Wave>, _: f64, into: &mut Vec<Panel<Wave>>) {
        let depth = panel.depth + 1;
        match panel.kind {
            Wave::Part(kind) => {
                let part = part(panel, kind);
                if weighted::has_points(&part) {
                    let mut parts = Vec::new();
                    weighted::replace(&part, &mut parts);
                    into.extend(parts.into_iter().map(ordinary));
                } else {
                    self.lay_out(panel, into);
                }
            }
            Wave::Series(terms) => match terms.next {
                Next::Order => {
                    let kind = Wave::Series(Terms { log: terms.log + 1, ..terms });
                    into.push(Panel { depth, kind, ..*panel });
                }
                Next::More => {
                    let kind = Wave::Series(Terms { terms: terms.terms + MORE, ..terms });
                    into.push(Panel { depth, kind, ..*panel });
                }
                Next::Later => {
                    let outwards = if panel.b.is_infinite() { 1.0 } else { -1.0 };
                    let passed = usize::from(terms.terms / 2);
                    let edges = self.waves.edges(terms.origin, outwards, terms.first, passed + 1);
                    let first = terms.first + passed as u32;
                    let later = Terms { first, terms: FEW, before: UNKNOWN, next: Next::More, ..terms };
                    self.split(panel, &edges, later, into);
                }
            },
        }
    }

    fn predict(&self, panel: &Panel<Wave>, into: &mut Vec<Panel<Wave>>) {
        match panel.kind {
            // Half-periods mostly need the next order.
            Wave::Series(terms) if usize::from(terms.log) < product::TOP => {
                let kind = Wave::Series(Terms { log: terms.log + 1, ..terms });
                into.push(Panel { depth: panel.depth + 1, kind, ..*panel });
            }
            _ => self.refine(panel, f64::NAN, into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_sum_alternating_series() {
        // ln 2 = 1 - 1/2 + 1/3 - ..
        for n in 4..=24 {
            let terms: Vec<f64> = (0..n).map(|k| if k % 2 == 0 { 1.0 } else { -1.0 } / f64::from(k + 1)).collect();
            let missing = (accelerated(&terms) - std::f64::consts::LN_2).abs();
            assert!(missing <= 2.0 * 5.828f64.powi(-n) + 1e-15, "{n}: {missing}");
            assert!(weights(n as usize).iter().all(|weight| *weight > 0.0 && *weight <= 1.0));
        }
    }
}
