//! The pictures of the example `plot`.

use coquad::Estimate;
use plotters::prelude::*;

use crate::style::{Area, Drawn, GUESS, NEEDED, PALE, axes, frame, halves, legend};
use crate::{Record, TOLERANCE, WORKERS, f};

/// The integrand where it was evaluated, and the widths of the segments.
pub(crate) fn points<B: DrawingBackend<ErrorType: 'static>>(area: Area<B>, record: &Record, e: &Estimate) -> Drawn {
    let title = format!("{} evaluations, {} segments", record.jobs.len(), e.segments.len());
    let (upper, lower) = halves(&area, &title)?;

    let mut chart = frame(&upper).build_cartesian_2d(0.0..1.0, 0.0..2.0)?;
    axes(&mut chart, ["", "f(x)"], |y| format!("{y:.1}"))?;
    let curve = (0..=2000).map(|i| f64::from(i) / 2000.0).map(|x| (x, f(x)));
    chart.draw_series(LineSeries::new(curve, PALE.stroke_width(2)))?;
    for (guess, colour, name) in [(true, GUESS, "evaluated as a guess"), (false, NEEDED, "evaluated for a decision")] {
        let jobs = record.jobs.iter().filter(|job| job.guess == guess);
        let dots = chart.draw_series(jobs.map(|job| Circle::new((job.x, f(job.x)), 3, colour.filled())))?;
        dots.label(name).legend(move |(x, y)| Circle::new((x + 10, y), 4, colour.filled()));
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)?;

    let narrowest = e.segments.iter().map(|s| s.b - s.a).fold(1.0, f64::min);
    let floor = 10.0_f64.powf(narrowest.log10().floor());
    let mut chart = frame(&lower).build_cartesian_2d(0.0..1.0, (floor..1.0).log_scale().base(10.0))?;
    axes(&mut chart, ["x", "width of the segment"], |y| format!("{y:.0e}"))?;
    for style in [NEEDED.mix(0.35).filled(), NEEDED.stroke_width(1)] {
        chart.draw_series(e.segments.iter().map(|s| Rectangle::new([(s.a, s.b - s.a), (s.b, floor)], style)))?;
    }
    Ok(area.present()?)
}

/// How the error fell, and what each worker did meanwhile.
pub(crate) fn workers<B: DrawingBackend<ErrorType: 'static>>(area: Area<B>, record: &Record) -> Drawn {
    let end = record.errors.last().map_or(0.0, |(time, _)| *time);
    let busy: f64 = record.jobs.iter().map(|job| job.to.min(end) - job.from).sum();
    let title = format!("{WORKERS} workers, busy {:.0} % of {end:.2} s", 100.0 * busy / (WORKERS as f64 * end));
    let (upper, lower) = halves(&area, &title)?;

    let errors = || record.errors.iter().copied().filter(|(_, error)| *error > 0.0);
    let (least, most) = errors().fold((TOLERANCE, 0.0), |(least, most), (_, e)| (e.min(least), e.max(most)));
    let mut chart = frame(&upper).build_cartesian_2d(0.0..end, (0.1 * least..10.0 * most).log_scale().base(10.0))?;
    axes(&mut chart, ["", "estimated error"], |y| format!("{y:.0e}"))?;
    chart
        .draw_series(LineSeries::new([(0.0, TOLERANCE), (end, TOLERANCE)], GUESS.stroke_width(2)))?
        .label("tolerance")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], GUESS.stroke_width(2)));
    chart
        .draw_series(LineSeries::new(errors(), NEEDED.stroke_width(2)))?
        .label("after each decision")
        .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], NEEDED.stroke_width(2)));
    legend(&mut chart, SeriesLabelPosition::UpperRight)?;

    let mut chart = frame(&lower).build_cartesian_2d(0.0..end, WORKERS as f64 + 0.5..0.5)?;
    axes(&mut chart, ["seconds", "worker"], |y| format!("{y:.0}"))?;
    for (guess, colour, name) in [(false, NEEDED, "for a decision"), (true, GUESS, "a guess")] {
        let jobs = record.jobs.iter().filter(|job| job.guess == guess);
        let bars = jobs.map(|job| {
            let lane = job.worker as f64 + 1.0;
            Rectangle::new([(job.from, lane - 0.4), (job.to.min(end), lane + 0.4)], colour.filled())
        });
        chart
            .draw_series(bars)?
            .label(name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 6), (x + 20, y + 6)], colour.filled()));
    }
    legend(&mut chart, SeriesLabelPosition::LowerRight)?;
    Ok(area.present()?)
}
