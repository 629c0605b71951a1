//! What a subscriber of `tracing` is told. A program of its own: it has one subscriber, for all threads.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use coquad::wire::{Hello, frame};
use coquad::{
    Error, Evaluator, EvaluatorExt, GaussKronrod, Inline, Integrator, PointCache, Processes, Simpson, ThreadPool,
    evaluator_fn,
};
use futures::FutureExt;
use futures::executor::block_on;
use futures_timer::Delay;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

#[derive(Clone, Default, Debug)]
struct Fields(HashMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// An event, with the number of the span it happened in.
#[derive(Clone, Debug)]
struct Happened {
    level: Level,
    span: Option<u64>,
    fields: Fields,
}

#[derive(Default)]
struct Seen {
    spans: Vec<Fields>,
    events: Vec<Happened>,
}

/// Keeps all of the crate's spans and events.
struct Recorder;

fn seen() -> MutexGuard<'static, Seen> {
    static SEEN: OnceLock<Mutex<Seen>> = OnceLock::new();
    SEEN.get_or_init(Mutex::default).lock().unwrap()
}

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "coquad"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        assert_eq!((attributes.metadata().name(), *attributes.metadata().level()), ("integrate", Level::INFO));
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let spans = &mut seen().spans;
        spans.push(fields);
        Id::from_u64(spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        values.record(&mut seen().spans[span.into_u64() as usize - 1]);
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let span = ENTERED.with_borrow(|entered| entered.last().copied());
        seen().events.push(Happened { level: *event.metadata().level(), span, fields });
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        let left = ENTERED.with_borrow_mut(Vec::pop);
        assert_eq!(left, Some(span.into_u64()), "left in another order than entered");
    }
}

fn watch() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| tracing::subscriber::set_global_default(Recorder).expect("the only one"));
}

/// The one span whose upper limit is `b`, and its number. Each test has limits of its own.
fn span(b: f64) -> (u64, Fields) {
    let seen = seen();
    let mut found = seen.spans.iter().enumerate().filter(|(_, fields)| fields.get("b") == format!("{b:?}"));
    let (index, fields) = found.next().expect("there is a span");
    assert!(found.next().is_none());
    (index as u64 + 1, fields.clone())
}

fn events(fits: impl Fn(&Happened) -> bool) -> Vec<Happened> {
    seen().events.iter().filter(|event| fits(event)).cloned().collect()
}

#[test]
fn a_call_is_a_span_with_its_question_and_its_answer() {
    watch();
    for (b, pool) in [(1.25, false), (1.375, true)] {
        let e = if pool {
            let integrator = Integrator::new(ThreadPool::new(2).evaluator(f64::exp)).method(GaussKronrod::new(15));
            integrator.rtol(1e-3).integrate_blocking(0.5, b, 1e-9).unwrap()
        } else {
            let integrator = Integrator::new(Inline::new(f64::exp)).method(GaussKronrod::new(15));
            integrator.rtol(1e-3).integrate_blocking(0.5, b, 1e-9).unwrap()
        };
        let (_, fields) = span(b);
        for (name, value) in [
            ("a", "0.5".to_owned()),
            ("atol", "1e-9".to_owned()),
            ("rtol", "0.001".to_owned()),
            ("method", "\"GaussKronrod\"".to_owned()),
            ("outcome", "\"converged\"".to_owned()),
            ("error", format!("{:?}", e.error)),
            ("evaluations", e.evaluations.to_string()),
            ("performed", e.performed.to_string()),
        ] {
            assert_eq!(fields.get(name), value, "{name}");
        }
    }
}

#[test]
fn a_call_that_fails_says_how() {
    watch();
    let integrator = Integrator::new(Inline::new(f64::sqrt)).max_evaluations(50);
    let e = integrator.integrate_blocking(0.0, 2.25, 1e-14).unwrap_err();
    let (_, fields) = span(2.25);
    assert_eq!(fields.get("outcome"), e.to_string());
    assert!(
        matches!(e, Error::NotConverged { estimate, .. } if fields.get("evaluations") == estimate.evaluations.to_string())
    );

    let e = integrator.integrate_blocking(0.0, 2.375, -1.0).unwrap_err();
    let (_, fields) = span(2.375);
    assert_eq!((fields.get("outcome"), fields.get("error")), (e.to_string().as_str(), ""));
}

#[test]
fn a_call_that_is_dropped_has_no_outcome() {
    watch();
    let never = evaluator_fn(4, |_: f64| std::future::pending::<Result<f64, String>>());
    assert!(Integrator::new(never).integrate(0.0, 3.25, 1e-9).now_or_never().is_none());
    assert_eq!(span(3.25).1.get("outcome"), "");
}

#[test]
fn integrals_that_take_turns_keep_their_events_apart() {
    watch();
    let integral = |b: f64| async move {
        let calls = AtomicUsize::new(0);
        let busy = evaluator_fn(4, move |x: f64| {
            let refused = calls.fetch_add(1, Ordering::Relaxed) % 3 == 0;
            async move {
                Delay::new(Duration::from_micros(100)).await; // lets the other have its turn
                if refused { Err(format!("busy, until {b}")) } else { Ok(x) }
            }
        });
        let busy = busy.retry(9).backoff(Duration::ZERO, Duration::ZERO);
        Integrator::new(busy).method(Simpson).integrate(0.0, b, 1e-3).await.unwrap();
    };
    block_on(async { futures::future::join(integral(4.25), integral(4.375)).await });
    for b in [4.25, 4.375] {
        let (number, _) = span(b);
        let retries = events(|event| event.fields.get("error") == format!("busy, until {b}"));
        assert!(!retries.is_empty());
        assert!(retries.iter().all(|event| event.span == Some(number) && event.level == Level::INFO));
    }
}

#[test]
fn a_failure_is_told_with_its_point_even_if_it_was_only_a_guess() {
    watch();
    let fails = evaluator_fn(4, |x: f64| async move { if x > 5.0 { Err("too far") } else { Ok(x) } });
    let e = Integrator::new(fails).integrate_blocking(0.0, 5.25, 1e-9).unwrap_err();
    let Error::Evaluation { x, .. } = e else { panic!("{e}") };
    let (number, _) = span(5.25);
    let failed = events(|event| event.span == Some(number) && event.fields.get("x") == format!("{x:?}"));
    assert_eq!((failed.len(), failed[0].level), (1, Level::DEBUG));
    assert_eq!(failed[0].fields.get("error"), "too far");
}

#[test]
fn a_straggler_is_told() {
    watch();
    static FINISHED: AtomicUsize = AtomicUsize::new(0);
    let begin = Instant::now();
    let slow = evaluator_fn(32, move |x: f64| async move {
        Delay::new(Duration::from_millis(1)).await;
        if x.to_bits() == 3.125f64.to_bits() {
            // The centre: until twenty others are known, and ten times as long again.
            while FINISHED.load(Ordering::Relaxed) < 20 {
                Delay::new(Duration::from_millis(1)).await;
            }
            Delay::new(10 * begin.elapsed()).await;
        }
        FINISHED.fetch_add(1, Ordering::Relaxed);
        Ok::<f64, String>(x.sin())
    });
    Integrator::new(slow).method(GaussKronrod::default()).integrate_blocking(0.0, 6.25, 1e-9).unwrap();
    let told = events(|event| event.fields.get("message") == "a straggler" && event.fields.get("x") == "3.125");
    assert_eq!((told.len(), told[0].level, told[0].span), (1, Level::DEBUG, Some(span(6.25).0)));
}

#[test]
fn a_time_limit_tells_what_it_was_spent_on() {
    watch();
    let hangs =
        evaluator_fn(
            64,
            |x: f64| async move { if x > 7.0 { std::future::pending().await } else { Ok::<f64, String>(x) } },
        );
    let integrator = Integrator::new(hangs).time_limit(Duration::from_millis(20));
    assert!(integrator.integrate_blocking(0.0, 7.25, 1e-9).is_err());
    let (number, _) = span(7.25);
    let late = events(|event| event.span == Some(number) && event.fields.get("message") == "the time limit has passed");
    assert_eq!(late.len(), 1);
    assert!(late[0].fields.get("x").parse::<f64>().unwrap() > 7.0);
    assert_ne!(late[0].fields.get("running"), "0");
}

#[test]
fn a_worker_process_that_is_lost_is_told() {
    watch();
    let hello = std::env::temp_dir().join(format!("coquad-tracing-hello-{}", std::process::id()));
    let mut bytes = Vec::new();
    frame(&mut bytes, |into| Hello { function: "lost", ..Default::default() }.encode(into)).unwrap();
    std::fs::write(&hello, bytes).unwrap();
    // Says that it is a worker, and dies of its first point; or dies at once.
    for (script, message) in [
        ("cat \"$0\"; head -c 1 >/dev/null; exit 71", "a worker process is lost"),
        ("exit 72", "a worker process did not start"),
    ] {
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(&hello);
        let integrator = Integrator::new(Processes::new(1, command));
        assert!(matches!(integrator.integrate_blocking(0.0, 8.25, 1e-9), Err(Error::Evaluation { .. })));
        let status = format!("exit status: {}", script.rsplit(' ').next().unwrap());
        let told = events(|event| {
            event.fields.get("message") == message
                && (event.fields.get("death").contains(&status) || event.fields.get("error").contains(&status))
        });
        assert!(told.len() >= 2 && told.iter().all(|event| event.level == Level::WARN), "{told:?}");
    }
    std::fs::remove_file(&hello).unwrap();
}

/// Set where this program is a worker process.
const WORKER: &str = "COQUAD_TRACING_WORKER";

/// Not a test of its own: this program as the worker of the next one.
#[test]
fn worker_process() {
    if std::env::var_os(WORKER).is_some() {
        let pipe = std::fs::File::options().write(true).open("/proc/self/fd/3").expect("the pipe");
        rustix::stdio::dup2_stdout(pipe).expect("the pipe");
        let served = coquad::worker::serve(f64::exp);
        std::process::exit(i32::from(served.is_err()));
    }
}

/// Waits until the report of worker processes has been told with so many evaluations; asked again and again, as guesses may
/// end after their integral.
fn told_report(evaluations: impl Fn() -> u64) -> Happened {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let evaluations = evaluations();
        let told = events(|event| {
            event.fields.get("message") == "worker processes"
                && event.fields.get("evaluations") == evaluations.to_string()
                && event.fields.get("running") == "0"
        });
        if let Some(told) = told.last() {
            return told.clone();
        }
        assert!(Instant::now() < patience, "a report of {evaluations} evaluations is never told");
        std::thread::yield_now();
    }
}

#[test]
fn the_report_of_worker_processes_is_told_field_by_field() {
    watch();
    let mut command = Command::new("sh");
    // What the harness prints before goes elsewhere.
    command.args(["-c", "exec 3>&1 1>&2; exec \"$0\" \"$@\""]).arg(std::env::current_exe().expect("this program"));
    command.args(["worker_process", "--exact", "--nocapture"]).env(WORKER, "1").stderr(Stdio::null());
    let processes = Arc::new(Processes::new(2, command));
    let integrator = Integrator::new(processes.clone()).method(Simpson);
    integrator.integrate_blocking(0.0, 10.25, 1e-3).unwrap();
    // While nothing happens, without being asked.
    let told = told_report(|| processes.report().evaluations);
    let report = processes.report();
    assert!(report.evaluations > 20 && report.worked > Duration::ZERO, "{report:?}");
    assert_eq!((told.level, told.span), (Level::DEBUG, None));
    for (name, value) in [
        ("starts", report.starts),
        ("deaths", report.deaths),
        ("timeouts", report.timeouts),
        ("requeues", report.requeues),
        ("protocol_errors", report.protocol_errors),
        ("conflicts", report.conflicts),
        ("mixed", report.mixed),
        ("other_builds", report.other_builds),
        ("workers", report.workers),
        ("capacity", report.capacity),
        ("waiting", report.waiting),
    ] {
        assert_eq!(told.fields.get(name), value.to_string(), "{name}");
    }
    for (name, value) in [("waited", report.waited), ("worked", report.worked)] {
        assert_eq!(told.fields.get(name), format!("{:?}", value.as_secs_f64()), "{name}");
    }
    // What changed last is told in the end.
    block_on(processes.evaluate(0.5)).unwrap();
    drop((integrator, processes));
    told_report(|| report.evaluations + 1);
}

#[test]
fn a_cache_that_loses_its_file_is_told_once() {
    watch();
    let path = std::env::temp_dir().join(format!("coquad-tracing-points-{}", std::process::id()));
    let cache = PointCache::open(&path, "tracing").unwrap();
    std::fs::remove_file(&path).unwrap();
    let integrator = Integrator::new(Inline::new(f64::exp)).with_cache(cache.clone());
    integrator.integrate_blocking(0.0, 9.25, 1e-9).unwrap();
    let failure = block_on(cache.sync()).unwrap_err();
    // Told after those who wait, so that they do not wait for the subscriber.
    let told = || events(|event| event.fields.get("failure") == failure.to_string());
    let patience = Instant::now() + Duration::from_secs(60);
    while told().is_empty() && Instant::now() < patience {
        std::thread::yield_now();
    }
    assert_eq!((told().len(), told()[0].level), (1, Level::ERROR));
}
