//! The pictures of the example `plot`.

use coquad::Estimate;
use plotters::prelude::*;

use crate::{Record, TOLERANCE, WORKERS, f};
use pictures::{Area, Drawn, GUESS, NEEDED, PALE, axes, frame, halves, legend};

/// The integrand where it was evaluated, and the widths of the segments.
pub(crate) fn points<B: DrawingBackend<ErrorType: 'static>>(area: Area<B>, record: &Record, e: &Estimate) -> Drawn {
    let title = format!("{} evaluations, {} segments", record.jobs.len(), e.segments.len());
    let (upper, lower) = halves(&area, &title)?;

    let mut chart = frame(&upper).build_cartesian_2d(0.0..1.0, 0.0..2.0)?;
    axes(&mut chart, ["", "f(x)"], |y| format!("{y:.1}"))?;
    let curve = (0..=2000).map(|i| f64::from(i) / 2000.0).map(|x| (x, f(x)));
    chart.draw_series(LineSeries::new(curve, PALE.stroke_width(2)))?;
    for (guess, colour, name) in [(false, NEEDED, "evaluated for a decision"), (true, GUESS, "evaluated as a guess")] {
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

    // The error is what it was until the next decision.
    let pairs = record.errors.windows(2).flat_map(|pair| [pair[0], (pair[1].0, pair[0].1)]);
    let errors: Vec<_> = pairs.chain(record.errors.last().copied()).collect();
    let (least, most) = errors.iter().fold((TOLERANCE, TOLERANCE), |(l, m), &(_, e)| (e.min(l), e.max(m)));
    let mut chart = frame(&upper).build_cartesian_2d(0.0..end, (0.1 * least..10.0 * most).log_scale().base(10.0))?;
    axes(&mut chart, ["", "estimated error"], |y| format!("{y:.0e}"))?;
    let goal = vec![(0.0, TOLERANCE), (end, TOLERANCE)];
    for (line, colour, name) in [(errors, NEEDED, "after each decision"), (goal, GUESS, "tolerance")] {
        let line = chart.draw_series(LineSeries::new(line, colour.stroke_width(2)))?;
        line.label(name).legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)?;

    // Room above the workers for the legend.
    let mut chart = frame(&lower).build_cartesian_2d(0.0..end, WORKERS as f64 + 1.0..-0.4 * WORKERS as f64)?;
    axes(&mut chart, ["seconds", "worker"], |y| if *y > 0.0 { format!("{y:.0}") } else { String::new() })?;
    let bar = |worker: usize, from, to: f64| [(from, worker as f64 + 0.6), (to.min(end), worker as f64 + 1.4)];
    let jobs =
        |guess| record.jobs.iter().filter(move |job| job.guess == guess).map(|job| bar(job.worker, job.from, job.to));
    let idle = (0..WORKERS).map(|worker| bar(worker, 0.0, end)).collect();
    let bars = [
        (idle, PALE, "idle"),
        (jobs(false).collect(), NEEDED, "for a decision"),
        (jobs(true).collect(), GUESS, "a guess"),
    ];
    for (bars, colour, name) in bars {
        let bars: Vec<_> = bars;
        let series = chart.draw_series(bars.into_iter().map(|bar| Rectangle::new(bar, colour.filled())))?;
        series.label(name).legend(move |(x, y)| Rectangle::new([(x, y - 6), (x + 20, y + 6)], colour.filled()));
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)?;
    Ok(area.present()?)
}
