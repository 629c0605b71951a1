//! Bayesian evidence: are twelve measurements a line or a parabola? The likelihood is integrated over the parameters of
//! each model, as if it took a simulation to evaluate. Of these models the integrals are known, so the answers are checked.
//!
//! The parameters are those of polynomials that know little of each other (Legendre's): a narrow ridge across a box is hard
//! to see for any rule.
//!
//! Of the line the boxes are drawn that its answer rests on, and the points of their rules: small where the likelihood is
//! hard. `cargo run --release -p pictures --bin evidence [FOLDER]` writes `boxes.svg` and `boxes.png` to `target/plots`
//! unless told otherwise.

mod drawn;

use std::path::PathBuf;

use std::f64::consts::TAU;

use coquad::{BoxIntegrator, Error, Estimate, PointCache, ThreadPool};

const NOISE: f64 = 0.2;

/// Places and measurements: a line with a slight bend.
fn data() -> Vec<(f64, f64)> {
    let jitter = [0.3, -1.1, 0.8, 0.1, -0.6, 1.4, -0.2, 0.9, -1.3, 0.4, -0.5, 0.2];
    let at = |i: usize| i as f64 / 11.0;
    jitter.iter().enumerate().map(|(i, e)| (at(i), 1.0 + 2.0 * at(i) + 0.4 * at(i) * at(i) + NOISE * e)).collect()
}

/// What the parameters multiply.
fn basis(x: f64) -> [f64; 3] {
    [1.0, 2.0 * x - 1.0, 6.0 * x * (x - 1.0) + 1.0]
}

/// The likelihood of the parameters of a polynomial, times a constant that all models have.
fn likelihood<const N: usize>(data: &[(f64, f64)], parameters: [f64; N]) -> f64 {
    let model = |x: f64| parameters.iter().zip(basis(x)).map(|(parameter, shape)| parameter * shape).sum::<f64>();
    let off: f64 = data.iter().map(|(x, y)| ((y - model(*x)) / NOISE).powi(2)).sum();
    (-0.5 * (off - data.len() as f64)).exp()
}

/// The integral of the likelihood between these limits, and where it was evaluated.
type Found<const N: usize> = (Estimate<f64, [f64; N]>, PointCache<f64, [f64; N]>);

fn integral<const N: usize>(
    pool: &ThreadPool,
    low: [f64; N],
    high: [f64; N],
) -> Result<Found<N>, Box<Error<f64, [f64; N]>>> {
    let data = data();
    let integrator = BoxIntegrator::new(pool.evaluator_over(move |p: [f64; N]| likelihood(&data, p))).rtol(1e-4);
    let e = integrator.integrate_blocking(low, high, 0.0)?;
    println!("{N} parameters: {e}, in {} boxes", e.segments.len());
    Ok((e, integrator.cache().clone()))
}

/// The evidence under a prior that is even between these limits: the integral over their volume.
fn evidence<const N: usize>(integral: f64, low: [f64; N], high: [f64; N]) -> f64 {
    integral / low.iter().zip(high).map(|(low, high)| high - low).product::<f64>()
}

/// The integral over all parameters: by the best ones and the determinant of what the measurements say of them.
fn exact<const N: usize>() -> f64 {
    // Normal equations by elimination: the matrix is positive.
    let data = data();
    let mut rows = [[0.0; 8]; N];
    for (x, y) in &data {
        for (i, row) in rows.iter_mut().enumerate() {
            for (j, entry) in row[..N].iter_mut().enumerate() {
                *entry += basis(*x)[i] * basis(*x)[j] / (NOISE * NOISE);
            }
            row[N] += y * basis(*x)[i] / (NOISE * NOISE);
        }
    }
    let mut determinant = 1.0;
    for pivot in 0..N {
        determinant *= rows[pivot][pivot];
        let own = rows[pivot];
        for row in rows.iter_mut().enumerate().filter(|(i, _)| *i != pivot).map(|(_, row)| row) {
            let times = row[pivot] / own[pivot];
            row.iter_mut().zip(own).for_each(|(entry, above)| *entry -= times * above);
        }
    }
    let best = std::array::from_fn::<f64, N, _>(|i| rows[i][N] / rows[i][i]);
    likelihood(&data, best) * TAU.powf(N as f64 / 2.0) / f64::sqrt(determinant)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = ThreadPool::new(4);
    let (a, b) = ([1.0, 0.0], [3.0, 2.0]);
    let (c, d) = ([1.0, 0.0, -1.0], [3.0, 2.0, 1.0]);
    let (line, points) = integral(&pool, a, b)?;
    let (parabola, _) = integral(&pool, c, d)?;
    println!("the odds of a bend are {:.2} to 1", evidence(parabola.value, c, d) / evidence(line.value, a, b));
    assert!((line.value / exact::<2>() - 1.0).abs() < 1e-4);
    assert!((parabola.value / exact::<3>() - 1.0).abs() < 1e-4);

    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("target/plots"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    pictures::register_font();
    pictures::svg(&folder.join("boxes.svg"), |area| drawn::boxes(area, &line, &points))?;
    pictures::png(&folder.join("boxes.png"), |area| drawn::boxes(area, &line, &points))?;
    println!("boxes.svg and boxes.png are in {}", folder.display());
    Ok(())
}
