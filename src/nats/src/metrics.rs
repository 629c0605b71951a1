//! What an operator can see of a connection, as numbers and as OpenMetrics text.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::error::NatsReport;
use crate::names::Space;

/// What workers have done, by function and name.
pub(crate) type Workers = Arc<Mutex<HashMap<(String, String), Credit>>>;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Credit {
    pub(crate) evaluations: u64,
    pub(crate) worked: Duration,
}

/// What a worker has done for a connection: [`Nats::workers`](crate::Nats::workers).
///
/// # Examples
///
/// ```no_run
/// # fn f(nats: &coquad_nats::Nats) {
/// for worker in nats.workers() {
///     let rate = worker.evaluations as f64 / worker.worked.as_secs_f64();
///     println!("{} on {}: {rate:.0} a second and slot", worker.function, worker.worker);
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerReport {
    /// The function.
    pub function: String,
    /// The worker, as it calls itself: its machine and process.
    pub worker: String,
    /// Points that it has answered.
    pub evaluations: u64,
    /// How long that took it, as it says, all its slots together.
    pub worked: Duration,
}

/// In the order of functions and names.
pub(crate) fn workers(workers: &Workers) -> Vec<WorkerReport> {
    let workers = workers.lock().unwrap_or_else(PoisonError::into_inner);
    let report = |((function, worker), credit): (&(String, String), &Credit)| WorkerReport {
        function: function.clone(),
        worker: worker.clone(),
        evaluations: credit.evaluations,
        worked: credit.worked,
    };
    let mut all: Vec<_> = workers.iter().map(report).collect();
    all.sort_by(|a, b| (&a.function, &a.worker).cmp(&(&b.function, &b.worker)));
    all
}

/// The metrics in the text format of OpenMetrics 1.0 (section 3.1 of its specification). A crate for
/// it would be more code than this: there are two types of metrics, and no histogram.
pub(crate) fn text(space: &Space, report: &NatsReport, workers: &[WorkerReport], slots: &[(&str, usize)]) -> String {
    let mut page = Page { text: String::new(), space: &space.0 };
    let NatsReport { evaluations, republished, duplicates, conflicts, mixed, looked_up, dropped, .. } = *report;
    page.counter("evaluations", "Values that were taken.", evaluations as f64);
    page.counter("republished", "Jobs published again.", republished as f64);
    page.counter("duplicates", "Answers that came twice.", duplicates as f64);
    page.counter("conflicts", "Answers that came twice, with other bits.", conflicts as f64);
    page.counter("mixed", "Values of another arithmetic.", mixed as f64);
    page.counter("looked_up", "Jobs and answers that were looked for.", looked_up as f64);
    page.counter("dropped", "Answers that came faster than they were read.", dropped as f64);
    page.counter("waited_seconds", "How long values were waited for.", report.waited.as_secs_f64());
    page.counter("worked_seconds", "How long workers took.", report.worked.as_secs_f64());
    page.gauge("waiting_points", "Points that are waited for.", report.waiting);
    page.gauge("wanted_slots", "Slots that would be busy: jobs under way.", report.jobs);
    page.gauge("held_jobs", "Jobs that wait for their run's turn.", report.held);
    page.gauge("queued_jobs", "Jobs of all coordinators in the queue.", report.queued);
    page.gauge("queue_room_jobs", "Jobs that the queue may still take.", report.room);
    page.head("slots", "gauge", "Slots of the live workers.");
    for (function, slots) in slots {
        page.line("slots", &[("function", function)], &slots.to_string());
    }
    page.head("worker_evaluations", "counter", "Points that a worker has answered.");
    for worker in workers {
        let labels = [("function", &*worker.function), ("worker", &*worker.worker)];
        page.line("worker_evaluations_total", &labels, &worker.evaluations.to_string());
    }
    page.head("worker_worked_seconds", "counter", "How long a worker took for them.");
    for worker in workers {
        let labels = [("function", &*worker.function), ("worker", &*worker.worker)];
        page.line("worker_worked_seconds_total", &labels, &worker.worked.as_secs_f64().to_string());
    }
    page.text.push_str("# EOF\n");
    page.text
}

struct Page<'a> {
    text: String,
    space: &'a str,
}

impl Page<'_> {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# TYPE coquad_nats_{name} {kind}\n# HELP coquad_nats_{name} {help}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: &str) {
        let _ = write!(self.text, "coquad_nats_{name}{{space=\"{}\"", self.space);
        for (label, what) in labels {
            let what = what.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.text, ",{label}=\"{what}\"");
        }
        let _ = writeln!(self.text, "}} {value}");
    }

    fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, "counter", help);
        self.line(&format!("{name}_total"), &[], &value.to_string());
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head(name, "gauge", help);
        self.line(name, &[], &value.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_open_metrics() {
        let report = NatsReport { evaluations: 3, waited: Duration::from_millis(1500), ..NatsReport::default() };
        let all = Workers::default();
        let credit = Credit { evaluations: 3, worked: Duration::from_millis(250) };
        all.lock().unwrap().insert(("gap".into(), "a \"host\":7\\".into()), credit);
        let text = text(&Space("lab".into()), &report, &workers(&all), &[("gap", 8)]);
        assert!(text.ends_with("# EOF\n"));
        for line in [
            "# TYPE coquad_nats_evaluations counter",
            "coquad_nats_evaluations_total{space=\"lab\"} 3",
            "coquad_nats_waited_seconds_total{space=\"lab\"} 1.5",
            "# TYPE coquad_nats_slots gauge",
            "coquad_nats_slots{space=\"lab\",function=\"gap\"} 8",
            r#"coquad_nats_worker_evaluations_total{space="lab",function="gap",worker="a \"host\":7\\"} 3"#,
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in {text}");
        }
        // Each line is a comment or one sample, and a metric's lines are together.
        for line in text.lines() {
            let sample = || line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok());
            assert!(line.starts_with("# ") || sample(), "{line}");
        }
    }
}
