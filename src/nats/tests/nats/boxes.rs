//! Points of several numbers: the bits of evaluations on the spot, whatever becomes of workers and server.

#![allow(clippy::result_large_err, reason = "an error carries the estimate, with its boxes")]

use std::thread;
use std::time::Duration;

use coquad::{BoxIntegrator, Error as Failure, Estimate, Evaluator, EvaluatorExt, Inline, ThreadPool};
use coquad_nats::{Error, Worker};
use futures::executor::block_on;

use crate::python;
use crate::support::worker::{WorkerProcess, hill, points};
use crate::support::{NatsServer, Random, until};

type Answer = Result<Estimate<f64, [f64; 2]>, Failure<f64, [f64; 2]>>;

fn integral<E: Evaluator<[f64; 2], Value = f64> + 'static>(evaluator: E) -> Answer {
    BoxIntegrator::new(evaluator).rtol(1e-4).integrate_blocking([0.0; 2], [1.0; 2], 0.0)
}

/// All that is promised to have the same bits.
fn bits(answer: &Answer) -> Vec<u64> {
    let e = answer.as_ref().unwrap_or_else(|error| panic!("{error}"));
    let parts = e.segments.iter().flat_map(|part| [part.a[0], part.a[1], part.b[0], part.b[1], part.value, part.error]);
    let whole = [e.value.to_bits(), e.error.to_bits(), e.evaluations as u64];
    whole.into_iter().chain(parts.map(f64::to_bits)).collect()
}

#[test]
fn boxes_have_the_same_bits_by_nats_and_inline() {
    let here = bits(&integral(Inline::over(hill)));
    let server = NatsServer::start();
    let _worker = Worker::new(server.server())
        .serve_over("hill", hill)
        .serve_with_over("scaled", |x: [f64; 2], scale: &[u8]| hill(x) * f64::from(scale.len() as u32))
        .serve_batch_over("batch", |xs: &[[f64; 2]]| xs.iter().map(|&x| hill(x)).collect::<Vec<f64>>())
        .serve_evaluator_over("asked", ThreadPool::new(2).evaluator_over(hill))
        .slots(2)
        .start()
        .unwrap();
    let nats = server.connect();
    for function in ["hill", "batch", "asked"] {
        let evaluator = nats.evaluator::<f64>(function).over();
        assert_eq!(bits(&integral(evaluator.clone())), here, "{function}");
        assert_eq!(bits(&integral(evaluator.verify(0.2).retry(2))), here, "{function}, some twice");
    }
    let scaled = nats.evaluator::<f64>("scaled").parameters([7]).over();
    assert_eq!(bits(&integral(scaled)), here);
    // A run with a name finds its answers again: by all numbers of a point.
    let named = || nats.evaluator::<f64>("hill").run("sweep").over();
    assert_eq!(bits(&integral(named())), here);
    drop(_worker);
    assert_eq!(bits(&integral(named())), here);
}

#[test]
fn a_worker_of_more_or_fewer_variables_says_so() {
    let server = NatsServer::start();
    let _worker = Worker::new(server.server())
        .serve("line", |x: f64| x)
        .serve_over("plane", hill)
        .serve_over("fails", |[_, y]: [f64; 2]| Err::<f64, _>(format!("no value at {y:?}")))
        .slots(1)
        .start()
        .unwrap();
    let nats = server.connect();
    let said = |error: &coquad::EvaluationError| match error.downcast_ref() {
        Some(Error::Message { reason, .. }) => reason.clone(),
        other => panic!("{other:?}"),
    };
    let plane = block_on(nats.evaluator::<f64>("line").over().evaluate([0.5, 0.25])).unwrap_err();
    assert_eq!(said(&plane), "a point of \"line\" has 1 numbers here, not 2");
    let line = block_on(nats.evaluator::<f64>("plane").evaluate(0.5)).unwrap_err();
    assert_eq!(said(&line), "a point of \"plane\" has 2 numbers here, not 1");
    match integral(nats.evaluator::<f64>("fails").over()) {
        Err(Failure::Evaluation { x, source, .. }) => assert_eq!(source.to_string(), format!("no value at {:?}", x[1])),
        other => panic!("{other:?}"),
    }
}

#[test]
fn workers_and_a_server_that_are_killed_change_no_bit_of_a_box() {
    let here = integral(Inline::over(hill));
    let count = here.as_ref().unwrap().evaluations;
    let mut random = Random(11);
    let mut server = NatsServer::start();
    let tally = server.folder.path().join("tally");
    let url = server.url();
    let mut workers: Vec<_> = (0..3).map(|_| WorkerProcess::tallied(&server, "hill", 1, &tally)).collect();
    let nats = server.connect();
    let evaluator = nats.evaluator::<f64>("hill").over::<[f64; 2]>();
    until("the workers are there", || evaluator.slots() == 3);
    thread::scope(|scope| {
        let work = scope.spawn(|| integral(evaluator.clone()));
        // Two workers, each after so many more points, and then the server.
        for fault in 0..3 {
            let after = points(&tally).len() + 50 + random.below(count as u64 / 8) as usize;
            until("more points are evaluated", || points(&tally).len() >= after || work.is_finished());
            let victim = random.below(3) as usize;
            if fault < 2 {
                workers[victim].kill();
                workers[victim] = WorkerProcess::tallied(&server, "hill", 1, &tally);
            } else {
                server.restart();
            }
        }
        assert_eq!(bits(&work.join().unwrap()), bits(&here), "{url}");
    });
}

#[test]
fn python_functions_of_two_variables_on_nats_give_the_same_bits() {
    let here = bits(&integral(Inline::over(hill)));
    let server = NatsServer::start();
    let f = "def f(x, y): return 1.0 / (1e-2 + (x - 0.3) * (x - 0.3) + (y - 0.8) * (y - 0.8))";
    let alone = format!("{f}\nserve_nats(URL, 'hill', f, slots=2, axes=2)");
    let together = "serve_nats(URL, 'batch', lambda points: [f(x, y) for x, y in points], batch=True, axes=2)";
    let _workers = [alone, format!("{f}\n{together}")].map(|program| python::worker(&server, &program, &[]));
    let nats = server.connect();
    for function in ["hill", "batch"] {
        let evaluator = nats.evaluator::<f64>(function).deadline(Duration::from_secs(60)).over();
        assert_eq!(bits(&integral(evaluator)), here, "{function}");
    }
    let line = block_on(nats.evaluator::<f64>("hill").deadline(Duration::from_secs(60)).evaluate(0.5)).unwrap_err();
    assert!(line.to_string().contains("has 2 numbers here, not 1"), "{line}");
}
