//! The refraction of light from its absorption, by the relation of Kramers and Kronig: the Hilbert
//! transform at 240 frequencies from one set of evaluations, each with its own error; drawn as SVG
//! and as PNG.
//!
//! `cargo run --release -p pictures --bin kramers_kronig [FOLDER]` writes to `target/plots` unless told
//! otherwise.
//!
//! Of a susceptibility `chi = chi' + i chi''` that vanishes before its cause,
//! `chi'(w) = P / pi` times the integral of `chi''(x) / (x - w)` over all frequencies `x`.

use std::error::Error;
use std::f64::consts::PI;
use std::path::PathBuf;

use coquad::{Integrator, PrincipalValue, ThreadPool};
use num_complex::Complex;
use plotters::prelude::*;

use pictures::{Area, Drawn, GUESS, NEEDED, axes, frame, halves, legend};

const FREQUENCIES: usize = 240;
const TOLERANCE: f64 = 1e-9;

/// Place, width and strength of each resonance of a glass.
const RESONANCES: [[f64; 3]; 3] = [[1.0, 0.08, 0.4], [1.6, 0.2, 0.6], [2.9, 0.15, 1.5]];

/// The susceptibility, of which only the imaginary part is measured.
fn susceptibility(w: f64) -> Complex<f64> {
    let one = |[at, width, strength]: [f64; 3]| strength / Complex::new(at * at - w * w, -width * w);
    RESONANCES.into_iter().map(one).sum()
}

fn draw<B: DrawingBackend<ErrorType: 'static>>(area: Area<B>, rows: &[[f64; 4]], title: &str) -> Drawn {
    let (upper, lower) = halves(&area, title)?;
    // Refraction is below zero beyond each resonance.
    let drawn = || rows.iter().flat_map(|row| [row[1], row[2]]);
    let (least, most) = (drawn().fold(0.0, f64::min), drawn().fold(0.0, f64::max));
    let mut chart = frame(&upper).build_cartesian_2d(0.0..4.0, 1.1 * least..1.1 * most)?;
    axes(&mut chart, ["", "susceptibility"], |y| format!("{y:.0}"))?;
    for (column, colour, name) in [(1, GUESS, "absorption, given"), (2, NEEDED, "refraction, found")] {
        let points = rows.iter().map(|row| (row[0], row[column]));
        let line = chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
        line.label(name).legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)?;

    let mut chart = frame(&lower).build_cartesian_2d(0.0..4.0, (1e-17..1e-7).log_scale().base(10.0))?;
    axes(&mut chart, ["frequency", "error"], |y| format!("{y:.0e}"))?;
    for (exact, colour, name) in [(false, GUESS, "estimated"), (true, NEEDED, "true")] {
        let error = |row: &[f64; 4]| if exact { (row[2] - susceptibility(row[0]).re).abs() } else { row[3] };
        let points: Vec<_> = rows.iter().map(|row| (row[0], error(row).max(1e-17))).collect();
        let dots = points.into_iter().map(|point| Circle::new(point, 2, colour.filled()));
        let dots = chart.draw_series(dots)?;
        dots.label(name).legend(move |(x, y)| Circle::new((x + 10, y), 4, colour.filled()));
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)?;
    Ok(area.present()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let frequencies: Vec<f64> = (0..FREQUENCIES).map(|k| 4.0 * (k as f64 + 0.5) / FREQUENCIES as f64).collect();
    let absorption = ThreadPool::new(2).evaluator(|w: f64| susceptibility(w).im);
    let integrator = Integrator::new(absorption).method(PrincipalValue::many(&frequencies));
    let found = integrator.integrate_each_blocking(f64::NEG_INFINITY, f64::INFINITY, PI * TOLERANCE)?;

    let rows: Vec<_> =
        frequencies.iter().zip(&found).map(|(w, e)| [*w, susceptibility(*w).im, e.value / PI, e.error / PI]).collect();
    for [w, _, refraction, error] in &rows {
        assert!((refraction - susceptibility(*w).re).abs() <= TOLERANCE && *error <= TOLERANCE);
    }
    let title = format!("{FREQUENCIES} frequencies from {} evaluations", found[0].evaluations);
    println!("{title}, each to {TOLERANCE:e}");

    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("target/plots"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    pictures::register_font();
    pictures::svg(&folder.join("kramers_kronig.svg"), |area| draw(area, &rows, &title))?;
    pictures::png(&folder.join("kramers_kronig.png"), |area| draw(area, &rows, &title))?;
    println!("drawn in {}", folder.display());
    Ok(())
}
