//! What the pictures have in common: size, colours, font, axes, legend.
#![allow(missing_docs, clippy::missing_errors_doc, clippy::missing_panics_doc, reason = "for the pictures here alone")]

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

pub const SIZE: (u32, u32) = (1000, 720);
pub const NEEDED: RGBColor = RGBColor(0, 95, 165);
pub const GUESS: RGBColor = RGBColor(240, 145, 30);
pub const INK: RGBColor = RGBColor(70, 70, 70);
pub const PALE: RGBColor = RGBColor(228, 228, 228);
pub const TEXT: (&str, u32) = ("sans-serif", 17);

pub type Area<B> = DrawingArea<B, Shift>;
pub type Drawn<T = ()> = Result<T, Box<dyn Error>>;

/// For the PNGs; an SVG only names its font.
pub fn register_font() {
    let font = plotters::style::register_font("sans-serif", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
    assert!(font.is_ok(), "a font that can be read");
}

/// Draws into a PNG. (plotters could write one, with a further crate.)
pub fn png(path: &Path, draw: impl FnOnce(Area<BitMapBackend<'_>>) -> Drawn) -> Drawn {
    let mut pixels = vec![0; 3 * (SIZE.0 * SIZE.1) as usize];
    draw(BitMapBackend::with_buffer(&mut pixels, SIZE).into_drawing_area())?;
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), SIZE.0, SIZE.1);
    encoder.set_color(png::ColorType::Rgb);
    Ok(encoder.write_header()?.write_image_data(&pixels)?)
}

/// Draws into an SVG.
pub fn svg(path: &Path, draw: impl FnOnce(Area<SVGBackend<'_>>) -> Drawn) -> Drawn {
    draw(SVGBackend::new(path, SIZE).into_drawing_area())
}

pub fn halves<B: DrawingBackend<ErrorType: 'static>>(area: &Area<B>, title: &str) -> Drawn<(Area<B>, Area<B>)> {
    area.fill(&WHITE)?;
    let titled = area.margin(10, 4, 4, 24).titled(title, ("sans-serif", 22))?;
    Ok(titled.split_vertically((50).percent_height()))
}

pub fn frame<B: DrawingBackend>(area: &Area<B>) -> ChartBuilder<'_, '_, B> {
    let mut builder = ChartBuilder::on(area);
    builder.margin(6).y_label_area_size(84).x_label_area_size(46);
    builder
}

/// The axes, named, with a formatter for the labels of the second.
pub fn axes<'a, B: DrawingBackend<ErrorType: 'static> + 'a, X, Y>(
    chart: &mut ChartContext<'a, B, Cartesian2d<X, Y>>,
    [x, y]: [&str; 2],
    label: fn(&f64) -> String,
) -> Drawn
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut mesh = chart.configure_mesh();
    mesh.max_light_lines(1)
        .light_line_style(WHITE)
        .bold_line_style(PALE)
        .axis_style(INK)
        .label_style(TEXT)
        .axis_desc_style(TEXT);
    Ok(mesh.x_desc(x).y_desc(y).x_labels(11).y_labels(6).y_label_formatter(&label).draw()?)
}

/// The legend, in a corner.
pub fn legend<'a, B: DrawingBackend<ErrorType: 'static> + 'a, X: Ranged, Y: Ranged>(
    chart: &mut ChartContext<'a, B, Cartesian2d<X, Y>>,
    corner: SeriesLabelPosition,
) -> Drawn {
    let mut labels = chart.configure_series_labels();
    Ok(labels
        .position(corner)
        .label_font(TEXT)
        .background_style(WHITE.mix(0.85))
        .border_style(PALE)
        .margin(8)
        .draw()?)
}
