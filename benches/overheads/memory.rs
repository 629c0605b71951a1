//! What an integral holds while it waits, and many at the peak.

use std::future::Future;

use super::*;

/// Bytes that the process has in memory, by a field of /proc/self/status (Linux).
fn bytes(field: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this bench needs Linux's /proc");
    let line = status.lines().find(|line| line.starts_with(field)).expect("a field of /proc/self/status");
    1024.0 * line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok()).expect("a number of kB")
}

fn resident() -> f64 {
    bytes("VmRSS:")
}

/// What many integrals at once have in memory at the peak, from the first poll to the end of the last.
pub(super) fn peaks() {
    println!(
        "\nbytes per integral at the peak, and seconds, of {MANY} integrals at once from the first poll to the last end"
    );
    // A process for each: none gets what another gave back.
    let program = std::env::current_exe().expect("it runs");
    for row in ["5 ns", "1 us", "20 us", "one"] {
        let status = std::process::Command::new(&program).args(["peak", row]).status().expect("it runs");
        assert!(status.success());
    }
}

/// One row of [`peaks`].
pub(super) fn peak_row() {
    let row = std::env::args().nth(2).expect("which row");
    let (short, long) = (busy(1_000), busy(20_000));
    match &*row {
        "5 ns" => all("integrate(f, ..), f of 5 ns", |b| integrate(f64::exp, 0.0, b, 1e-9)),
        "1 us" => all("integrate(f, ..), f of 1 us", |b| integrate(move |x| short(x + 2.0), 0.0, b, 1e-9)),
        "20 us" => all("integrate(f, ..), f of 20 us", |b| integrate(move |x| long(x + 2.0), 0.0, b, 1e-9)),
        _ => {
            let one = Integrator::new(ThreadPool::new(2).evaluator(f64::exp));
            all("one integrator on a pool of 2, f of 5 ns", |b| one.integrate(0.0, b, 1e-9));
        }
    }
}

fn all<F: Future>(name: &str, make: impl Fn(f64) -> F) {
    std::fs::write("/proc/self/clear_refs", "5").expect("this bench needs Linux's /proc");
    let before = bytes("VmHWM:");
    let took = time(|| drop(block_on(join_all((0..MANY).map(|i| make(1.0 + i as f64 / MANY as f64))))));
    println!("{name:44} {:10.0} {:10.3}", (bytes("VmHWM:") - before) / MANY as f64, took / 1e9);
}

/// Starts integrals, each to a limit of its own, and keeps them.
fn measure<F: Future>(name: &str, mut make: impl FnMut(f64) -> F) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut all: Vec<_> = Vec::with_capacity(MANY);
    let before = resident();
    for i in 0..MANY {
        let mut future = Box::pin(make(1.0 + i as f64));
        assert!(future.as_mut().poll(&mut cx).is_pending());
        all.push(future);
    }
    println!("{name:44} {:10.0}", (resident() - before) / MANY as f64);
    // Kept, so that the next does not get what this one gives back.
    std::mem::forget(all);
}

/// Bytes per integral that has been polled and is not finished.
pub(super) fn waiting() {
    println!("\nbytes per running integral of {MANY} (the future, and what it holds on the heap)");
    // Nothing gets done: what the threads take first stays at this gate.
    let (gate, mut cx) = (Arc::new(Mutex::new(())), Context::from_waker(Waker::noop()));
    let (shut, entrance) = (gate.lock().expect("nobody else has it"), gate.clone());
    let pool = ThreadPool::new(1);
    let mut busy = Box::pin(pool.run(move || drop(entrance.lock())));
    assert!(busy.as_mut().poll(&mut cx).is_pending());
    let shared = Integrator::new(pool.evaluator(f64::exp));
    let gauss = Integrator::new(pool.evaluator(f64::exp)).method(METHOD());
    measure("one integrator on a pool, Auto", |b| shared.integrate(0.0, b, 1e-9));
    measure("one integrator on a pool, GaussKronrod", |b| gauss.integrate(0.0, b, 1e-9));
    measure("a new integrator on a pool each, Auto", |b| {
        let evaluator = pool.evaluator(f64::exp);
        async move { Integrator::new(evaluator).integrate(0.0, b, 1e-9).await }
    });
    let entrance = gate.clone();
    let mut first = Box::pin(integrate(move |x| entrance.lock().map_or(f64::NAN, |_| x), 0.0, 1.0, 1e-9));
    assert!(first.as_mut().poll(&mut cx).is_pending());
    measure("integrate(f, ..)", |b| integrate(f64::exp, 0.0, b, 1e-9));
    drop(shut);
    block_on(busy);
    let future = integrate(f64::exp, 0.0, 1.0, 1e-9);
    println!("{:44} {:10}", "of which the future of integrate(f, ..)", size_of_val(&future));
}
