//! Boxes beside Cuhre and hcubature, which both are in the shared library of R's package `cubature`
//! (`apt-get install r-cran-cubature`); `CUBATURE_SO` names it if it is elsewhere.
#![allow(unsafe_code)]
#![allow(clippy::result_large_err, reason = "an error carries the estimate, with its boxes")]

use std::ffi::c_void;
use std::hint::black_box;
use std::os::raw::{c_char, c_double, c_int, c_uint};
use std::time::Instant;

use coquad::{BoxIntegrator, Error, Inline};
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY, Symbol};

use crate::families::{self, Draw};
use crate::geometric_mean;
#[path = "../../../tests/it/support/genz.rs"]
mod genz;
use genz::{Family, Genz};

const SEED: u64 = 77;
const MEMBERS: usize = 8;
const BUDGET: usize = 1_000_000;
const RTOLS: [f64; 2] = [1e-3, 1e-6];
/// How often each integral is timed by each, in turns; the least time counts.
const REPETITIONS: usize = 41;

type CuhreIntegrand = extern "C" fn(*const c_int, *const c_double, *const c_int, *mut c_double, *mut c_void) -> c_int;
type Cuhre = unsafe extern "C" fn(
    c_int,
    c_int,
    CuhreIntegrand,
    *mut c_void,
    c_int,
    c_double,
    c_double,
    c_int,
    c_int,
    c_int,
    c_int,
    *const c_char,
    *mut c_void,
    *mut c_int,
    *mut c_int,
    *mut c_int,
    *mut c_double,
    *mut c_double,
    *mut c_double,
);
type HcubatureIntegrand = extern "C" fn(c_uint, *const c_double, *mut c_void, c_uint, *mut c_double) -> c_int;
type Hcubature = unsafe extern "C" fn(
    c_uint,
    HcubatureIntegrand,
    *mut c_void,
    c_uint,
    *const c_double,
    *const c_double,
    usize,
    c_double,
    c_double,
    c_int,
    *mut c_double,
    *mut c_double,
) -> c_int;

/// The peers' functions, and the library, which must stay loaded.
struct Peers {
    cuhre: Symbol<Cuhre>,
    hcubature: Symbol<Hcubature>,
    _library: Library,
}

impl Peers {
    fn load() -> Self {
        let path = std::env::var("CUBATURE_SO");
        let path = path.unwrap_or_else(|_| "/usr/lib/R/site-library/cubature/libs/cubature.so".to_string());
        // SAFETY: the library's constructors are those of R and C++; the types are those of cuba.h and cubature.h.
        unsafe {
            let library = Library::open(Some(&path), RTLD_LAZY | RTLD_GLOBAL).expect("apt-get install r-cran-cubature");
            let cores: Symbol<unsafe extern "C" fn(c_int, c_int)> = library.get(b"cubacores").expect("Cuba has it");
            // No processes.
            cores(0, 0);
            let cuhre = library.get(b"Cuhre").expect("Cuba has it");
            let hcubature = library.get(b"hcubature").expect("cubature has it");
            Self { cuhre, hcubature, _library: library }
        }
    }
}

/// A value, whether it says that the tolerance is met, and how many evaluations it took.
type Told = (f64, bool, usize);

/// An integrand, and how often it was called.
struct Counted<F> {
    f: F,
    calls: usize,
}

extern "C" fn of_cuhre<F: Fn([f64; N]) -> f64, const N: usize>(
    _: *const c_int,
    x: *const c_double,
    _: *const c_int,
    value: *mut c_double,
    counted: *mut c_void,
) -> c_int {
    // SAFETY: `x` has as many numbers as `ndim` says, `value` one, and `counted` is what `cuhre` passes.
    unsafe {
        let counted = &mut *counted.cast::<Counted<F>>();
        counted.calls += 1;
        *value = (counted.f)(*x.cast::<[f64; N]>());
    }
    0
}

extern "C" fn of_hcubature<F: Fn([f64; N]) -> f64, const N: usize>(
    _: c_uint,
    x: *const c_double,
    counted: *mut c_void,
    _: c_uint,
    value: *mut c_double,
) -> c_int {
    // SAFETY: as in `of_cuhre`.
    unsafe {
        let counted = &mut *counted.cast::<Counted<F>>();
        counted.calls += 1;
        *value = (counted.f)(*x.cast::<[f64; N]>());
    }
    0
}

fn cuhre<F: Fn([f64; N]) -> f64, const N: usize>(peers: &Peers, f: F, rtol: f64) -> Told {
    let mut counted = Counted { f, calls: 0 };
    let (mut regions, mut evaluations, mut fail) = (0, 0, -1);
    let (mut value, mut error, mut chance) = (f64::NAN, f64::NAN, f64::NAN);
    // SAFETY: all pointers outlive the call; there is no file of states and nothing to spin.
    unsafe {
        (peers.cuhre)(
            N as c_int,
            1,
            of_cuhre::<F, N>,
            (&raw mut counted).cast(),
            1,
            rtol,
            0.0,
            0,
            0,
            BUDGET as c_int,
            0,
            std::ptr::null(),
            std::ptr::null_mut(),
            &mut regions,
            &mut evaluations,
            &mut fail,
            &mut value,
            &mut error,
            &mut chance,
        );
    }
    (value, fail == 0, counted.calls)
}

fn hcubature<F: Fn([f64; N]) -> f64, const N: usize>(peers: &Peers, f: F, rtol: f64) -> Told {
    let mut counted = Counted { f, calls: 0 };
    let (low, high) = ([0.0; N], [1.0; N]);
    let (mut value, mut error) = (f64::NAN, f64::NAN);
    // SAFETY: all pointers outlive the call.
    let status = unsafe {
        (peers.hcubature)(
            1,
            of_hcubature::<F, N>,
            (&raw mut counted).cast(),
            N as c_uint,
            low.as_ptr(),
            high.as_ptr(),
            BUDGET,
            0.0,
            rtol,
            0,
            &mut value,
            &mut error,
        )
    };
    (value, status == 0 && error <= rtol * value.abs(), counted.calls)
}

fn own<F: Fn([f64; N]) -> f64 + Send + Sync + 'static, const N: usize>(f: F, rtol: f64) -> Told {
    let integrator = BoxIntegrator::new(Inline::over(f)).rtol(rtol).max_evaluations(BUDGET);
    match integrator.integrate_blocking([0.0; N], [1.0; N], 0.0) {
        Ok(e) => (e.value, true, e.evaluations),
        Err(Error::NotConverged { estimate: e, .. }) => (e.value, false, e.evaluations),
        Err(_) => (f64::NAN, false, 0),
    }
}

/// What coquad, Cuhre and hcubature said of some integrals.
#[derive(Default)]
struct Scores {
    asked: usize,
    solved: [usize; 3],
    wrong: [usize; 3],
    /// Evaluations of coquad over those of the two peers, where both are right.
    over: [Vec<f64>; 2],
}

impl Scores {
    fn ask<const N: usize>(
        &mut self,
        peers: &Peers,
        f: impl Fn([f64; N]) -> f64 + Copy + Send + Sync + 'static,
        exact: f64,
        rtol: f64,
    ) {
        self.asked += 1;
        let told = [own(f, rtol), cuhre(peers, f, rtol), hcubature(peers, f, rtol)];
        let right = told.map(|(value, claims, _)| claims && (value - exact).abs() <= rtol * exact.abs());
        for i in 0..3 {
            self.solved[i] += usize::from(right[i]);
            self.wrong[i] += usize::from(told[i].1 && !right[i]);
        }
        for (i, over) in self.over.iter_mut().enumerate() {
            if right[0] && right[i + 1] {
                over.push(told[0].2 as f64 / told[i + 1].2 as f64);
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.asked += other.asked;
        for i in 0..3 {
            self.solved[i] += other.solved[i];
            self.wrong[i] += other.wrong[i];
        }
        for (over, more) in self.over.iter_mut().zip(&other.over) {
            over.extend(more);
        }
    }

    fn print(&self, name: &str, axes: &str, rtol: f64) {
        let over = |i: usize| {
            geometric_mean(&self.over[i])
                .map_or("–".to_string(), |mean| format!("{mean:.3} ({})", self.over[i].len()))
        };
        let [solved, wrong] = [self.solved, self.wrong].map(|n| format!("{} / {} / {}", n[0], n[1], n[2]));
        println!("| {name} | {axes} | {rtol:e} | {} | {solved} | {wrong} | {} | {} |", self.asked, over(0), over(1));
    }
}

fn genz<const N: usize>(peers: &Peers, rtol: f64) -> Scores {
    let mut scores = Scores::default();
    for family in Family::ALL {
        for member in Genz::<N>::draw(family, MEMBERS, SEED) {
            scores.ask(peers, move |x: [f64; N]| member.at(x), member.exact(), rtol);
        }
    }
    scores
}

/// Powers of the distance from a face: on one axis beside exponentials, and on all.
fn faces<const N: usize>(peers: &Peers, rtol: f64) -> Scores {
    let (mut scores, mut draw) = (Scores::default(), Draw(SEED + N as u64));
    for _ in 0..2 * MEMBERS {
        let (power, axis) = (draw.within(-0.9, 1.5), (draw.next() * N as f64) as usize);
        let rates: [f64; N] = std::array::from_fn(|_| draw.within(-2.0, 2.0));
        let others = move |term: &dyn Fn(usize) -> f64| (0..N).filter(|i| *i != axis).map(term).sum::<f64>();
        let f = move |x: [f64; N]| x[axis].powf(power) * others(&|i| rates[i] * x[i]).exp();
        let exact = others(&|i| (rates[i].exp_m1() / rates[i]).ln()).exp() / (1.0 + power);
        scores.ask(peers, f, exact, rtol);
        let powers: [f64; N] = std::array::from_fn(|_| draw.within(-0.7, 1.5));
        let f = move |x: [f64; N]| (0..N).map(|i| x[i].powf(powers[i])).product();
        scores.ask(peers, f, powers.iter().map(|power| 1.0 / (1.0 + power)).product(), rtol);
    }
    scores
}

/// The least time for each evaluation in nanoseconds, of coquad and of hcubature, in turns.
fn time<const N: usize>(
    peers: &Peers,
    f: impl Fn([f64; N]) -> f64 + Copy + Send + Sync + 'static,
    rtol: f64,
) -> [f64; 2] {
    let mut least = [f64::INFINITY; 2];
    for _ in 0..REPETITIONS {
        for (i, least) in least.iter_mut().enumerate() {
            let start = Instant::now();
            let (_, _, calls) = black_box(if i == 0 { own(f, rtol) } else { hcubature(peers, f, rtol) });
            *least = least.min(start.elapsed().as_secs_f64() * 1e9 / calls as f64);
        }
    }
    least
}

pub fn table() {
    let peers = Peers::load();
    println!(
        "Evaluations: of coquad over those of the peer, geometric mean, and on how many integrals that both solve.\n"
    );
    println!(
        "| integrals | variables | rtol | | solved: coquad / Cuhre / hcubature | wrong | over Cuhre's | over hcubature's |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for rtol in RTOLS {
        let mut all = Scores::default();
        for (axes, scores) in [
            ("2", genz::<2>(&peers, rtol)),
            ("3", genz::<3>(&peers, rtol)),
            ("5", genz::<5>(&peers, rtol)),
            ("8", genz::<8>(&peers, rtol)),
        ] {
            scores.print("Genz", axes, rtol);
            all.add(&scores);
        }
        all.print("Genz", "all", rtol);
    }
    for rtol in RTOLS {
        let mut all = Scores::default();
        for (axes, scores) in
            [("2", faces::<2>(&peers, rtol)), ("3", faces::<3>(&peers, rtol)), ("5", faces::<5>(&peers, rtol))]
        {
            scores.print("singular faces", axes, rtol);
            all.add(&scores);
        }
        all.print("singular faces", "all", rtol);
    }
    println!("\nCheap integrands: ns for each evaluation, coquad / hcubature, least of {REPETITIONS}; ratio");
    let print = |name: &str, [own, peer]: [f64; 2]| println!("{name}: {own:.2} / {peer:.2}, {:.2}", own / peer);
    print("1 / (1 + x y)", time(&peers, |[x, y]: [f64; 2]| 1.0 / (1.0 + x * y), 1e-10));
    print("|x - y / 3|", time(&peers, |[x, y]: [f64; 2]| (x - y / 3.0).abs(), 1e-5));
    print("1 / (0.1 + x + y z)", time(&peers, |[x, y, z]: [f64; 3]| 1.0 / (0.1 + x + y * z), 1e-8));
    let hill = |x: [f64; 5]| 1.0 / (0.2 + x.iter().map(|x| (x - 0.4) * (x - 0.4)).sum::<f64>());
    print("a hill, 5 variables", time(&peers, hill, 1e-4));
}
