//! The picture of the example `evidence`.

use coquad::{Estimate, PointCache};
use pictures::{Area, Drawn, GUESS, INK, NEEDED, axes, frame, legend};
use plotters::prelude::*;

/// The boxes, the darker the more of the integral is in them for their size, and the points.
pub(crate) fn boxes<B: DrawingBackend<ErrorType: 'static>>(
    area: Area<B>,
    e: &Estimate<f64, [f64; 2]>,
    points: &PointCache<f64, [f64; 2]>,
) -> Drawn {
    area.fill(&WHITE)?;
    let title = format!("The likelihood of a line: {} boxes, {} evaluations", e.segments.len(), points.len());
    let titled = area.margin(10, 4, 4, 24).titled(&title, ("sans-serif", 22))?;
    let limit = |axis: usize, high: bool| {
        let pick = if high { f64::max } else { f64::min };
        e.segments.iter().map(|part| if high { part.b[axis] } else { part.a[axis] }).reduce(pick).unwrap_or(0.0)
    };
    let [x, y] = [0, 1].map(|axis| limit(axis, false)..limit(axis, true));
    let mut chart = frame(&titled).build_cartesian_2d(x, y)?;
    axes(&mut chart, ["value in the middle", "half the rise"], |y| format!("{y:.1}"))?;

    let height =
        |part: &coquad::Segment<f64, [f64; 2]>| part.value / ((part.b[0] - part.a[0]) * (part.b[1] - part.a[1]));
    let most = e.segments.iter().map(height).fold(f64::MIN_POSITIVE, f64::max);
    let corners = |part: &coquad::Segment<f64, [f64; 2]>| [(part.a[0], part.a[1]), (part.b[0], part.b[1])];
    let shades = e.segments.iter().map(|part| {
        // By the root: what is little is to be seen as well.
        let shade = 0.8 * (height(part) / most).max(0.0).sqrt();
        Rectangle::new(corners(part), NEEDED.mix(shade).filled())
    });
    let shades = chart.draw_series(shades)?;
    shades
        .label("the likelihood, on average")
        .legend(|(x, y)| Rectangle::new([(x, y - 6), (x + 20, y + 6)], NEEDED.mix(0.6).filled()));
    chart.draw_series(e.segments.iter().map(|part| Rectangle::new(corners(part), INK.stroke_width(1))))?;
    let dots = chart.draw_series(points.iter().map(|([x, y], _)| Circle::new((x, y), 1, GUESS.filled())))?;
    dots.label("evaluated").legend(|(x, y)| Circle::new((x + 10, y), 4, GUESS.filled()));
    legend(&mut chart, SeriesLabelPosition::UpperRight)?;
    Ok(area.present()?)
}
