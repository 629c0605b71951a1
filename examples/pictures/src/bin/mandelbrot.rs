//! A corner of the Mandelbrot set, its rows computed by `pmap` on a thread pool: as the plain loop has it, pixel by
//! pixel, only sooner.
//!
//! `cargo run --release -p pictures --bin mandelbrot [FILE]` writes a PNG, `target/mandelbrot.png` unless told otherwise.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Instant;

use coquad::{ThreadPool, pmap};
use futures::executor::block_on;
use num_complex::Complex;

const SIZE: usize = 512;
const ITERATIONS: u16 = 1024;
const CENTRE: Complex<f64> = Complex::new(-1.1195, 0.2718);
const EXTENT: f64 = 0.005;

/// After how many steps z -> z² + c leaves the circle of radius 2; `ITERATIONS` if it stays.
fn escape(c: Complex<f64>) -> u16 {
    let mut z = Complex::new(0.0, 0.0);
    for n in 0..ITERATIONS {
        if z.norm_sqr() > 4.0 {
            return n;
        }
        z = z * z + c;
    }
    ITERATIONS
}

fn row(j: usize) -> Vec<u16> {
    let offset = |k: usize| EXTENT * ((k as f64 + 0.5) / SIZE as f64 - 0.5);
    (0..SIZE).map(|i| escape(CENTRE + Complex::new(offset(i), -offset(j)))).collect()
}

/// Black inside; outside from night over fire to white and back, evenly in the logarithm of the escape time.
fn colour(n: u16, least: u16) -> [u8; 3] {
    const STOPS: [[f64; 3]; 6] =
        [[8., 12., 48.], [32., 80., 160.], [220., 240., 248.], [250., 180., 40.], [150., 40., 20.], [30., 10., 40.]];
    if n == ITERATIONS {
        return [0; 3];
    }
    let depth = (f64::from(n) / f64::from(least)).ln() / (f64::from(ITERATIONS) / f64::from(least)).ln();
    let place = 3.0 * depth * (STOPS.len() - 1) as f64 % (STOPS.len() - 1) as f64;
    let (stop, t) = (place as usize, place.fract());
    std::array::from_fn(|k| (STOPS[stop][k] * (1.0 - t) + STOPS[stop + 1][k] * t) as u8)
}

fn write_png(path: &Path, image: &[Vec<u16>]) -> Result<(), Box<dyn Error>> {
    let least = image.iter().flatten().copied().min().unwrap_or(1).max(1);
    let bytes: Vec<u8> = image.iter().flatten().flat_map(|&n| colour(n, least)).collect();
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), SIZE as u32, SIZE as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    Ok(encoder.write_header()?.write_image_data(&bytes)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).map_or_else(|| PathBuf::from("target/mandelbrot.png"), PathBuf::from);
    std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;

    let start = Instant::now();
    let plain: Vec<Vec<u16>> = (0..SIZE).map(row).collect();
    let loop_time = start.elapsed();

    let threads = std::thread::available_parallelism()?.get();
    let pool = ThreadPool::new(threads);
    let start = Instant::now();
    let image = block_on(pmap(|j| pool.run(move || row(j)), 0..SIZE));
    let pool_time = start.elapsed();
    assert_eq!(image, plain, "equal pixel by pixel");

    let inside = image.iter().flatten().filter(|&&n| n == ITERATIONS).count();
    println!("{SIZE} x {SIZE} pixels about {CENTRE}, {:.1} % in the set", 100.0 * inside as f64 / (SIZE * SIZE) as f64);
    println!("plain loop        {:.2} s", loop_time.as_secs_f64());
    println!("pmap, {threads} threads   {:.2} s", pool_time.as_secs_f64());
    println!("speed-up          {:.2}", loop_time.div_duration_f64(pool_time));
    write_png(&path, &image)?;
    println!("written to {}", path.display());
    assert!(0 < inside && inside < SIZE * SIZE);
    Ok(())
}
