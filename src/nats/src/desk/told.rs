//! The report as events of `tracing`: once a second as long as it changes, each number a field.

use super::*;

/// How often it is told.
const TELL: Duration = Duration::from_secs(1);

/// What was told last, and when.
#[derive(Default)]
pub(super) struct Told {
    report: NatsReport,
    at: Option<Instant>,
}

impl Desk {
    /// Tells the report if it has changed, and it is time or the end.
    pub(super) fn tell(&mut self, is_end: bool) {
        let is_time = self.told.at.is_none_or(|at| self.now.saturating_duration_since(at) >= TELL);
        if !(is_end || is_time) {
            return;
        }
        let report = *self.report.lock().unwrap_or_else(PoisonError::into_inner);
        if report == self.told.report {
            return;
        }
        self.told = Told { report, at: Some(self.now) };
        tracing::debug!(
            target: "coquad",
            space = &*self.space.0,
            evaluations = report.evaluations,
            republished = report.republished,
            duplicates = report.duplicates,
            conflicts = report.conflicts,
            mixed = report.mixed,
            looked_up = report.looked_up,
            dropped = report.dropped,
            waiting = report.waiting,
            jobs = report.jobs,
            held = report.held,
            queued = report.queued,
            room = report.room,
            waited = report.waited.as_secs_f64(),
            worked = report.worked.as_secs_f64(),
            "a connection to NATS"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event as Told, Metadata, Subscriber};

    use super::*;

    /// Keeps the fields of each event.
    #[derive(Clone, Default)]
    struct Recorder(Arc<Mutex<Vec<HashMap<&'static str, String>>>>);

    struct Fields(HashMap<&'static str, String>);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0.insert(field.name(), format!("{value:?}"));
        }
    }

    impl Subscriber for Recorder {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target() == "coquad"
        }

        fn new_span(&self, _span: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _span: &Id, _values: &Record<'_>) {}

        fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

        fn event(&self, event: &Told<'_>) {
            let mut fields = Fields(HashMap::new());
            event.record(&mut fields);
            self.0.lock().unwrap().push(fields.0);
        }

        fn enter(&self, _span: &Id) {}

        fn exit(&self, _span: &Id) {}
    }

    #[test]
    fn the_report_is_told_once_a_second_as_it_changes_and_in_the_end() {
        let recorder = Recorder::default();
        let report = Arc::<Mutex<NatsReport>>::default();
        let mut desk = Desk::new(Space("lab".into()), report.clone(), Workers::default());
        let begin = Instant::now();
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        let told = recorder.0.clone();
        tracing::subscriber::with_default(recorder, || {
            // Nothing has happened.
            desk.handle(Event::Tick, at(0));
            assert_eq!(told.lock().unwrap().len(), 0);
            let figures = NatsReport {
                evaluations: 1,
                republished: 2,
                duplicates: 3,
                conflicts: 4,
                mixed: 5,
                looked_up: 6,
                dropped: 7,
                waiting: 8,
                jobs: 9,
                held: 10,
                queued: 11,
                room: 12,
                waited: Duration::from_millis(1500),
                worked: Duration::from_millis(250),
            };
            *report.lock().unwrap() = figures;
            desk.handle(Event::Tick, at(250));
            let first = told.lock().unwrap()[0].clone();
            for (name, value) in [
                ("space", "\"lab\""),
                ("evaluations", "1"),
                ("republished", "2"),
                ("duplicates", "3"),
                ("conflicts", "4"),
                ("mixed", "5"),
                ("looked_up", "6"),
                ("dropped", "7"),
                ("waiting", "8"),
                ("jobs", "9"),
                ("held", "10"),
                ("queued", "11"),
                ("room", "12"),
                ("waited", "1.5"),
                ("worked", "0.25"),
            ] {
                assert_eq!(first.get(name).map(String::as_str), Some(value), "{name}");
            }
            // It changes, but the second is not over; then it is; then nothing has changed.
            report.lock().unwrap().evaluations = 2;
            for (time, count) in [(1000, 1), (1249, 1), (1250, 2), (3000, 2)] {
                desk.handle(Event::Tick, at(time));
                assert_eq!(told.lock().unwrap().len(), count, "at {time} ms");
            }
            report.lock().unwrap().evaluations = 3;
            desk.handle(Event::Tick, at(3010));
            report.lock().unwrap().evaluations = 4;
            desk.handle(Event::Close(None), at(3020));
            let told = told.lock().unwrap();
            let evaluations: Vec<_> = told.iter().map(|fields| &*fields["evaluations"]).collect();
            assert_eq!(evaluations, ["1", "2", "3", "4"]);
        });
    }
}
