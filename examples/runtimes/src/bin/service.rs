//! A web service that answers integrals: many at once, within a time limit, and not a moment longer than the client
//! stays on the line.
//!
//! `GET /bessel/{n}/{x}` is the Bessel function J_n(x), the integral of cos(nθ - x sin θ) / π over [0, π]. Each value
//! takes 5 ms of some backend, which serves 32 callers at once. The program serves on a free port and is its own client.

use std::f64::consts::PI;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use coquad::{Error, Integrator, Reason, evaluator_fn};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{AcquireError, Semaphore};
use tokio::time::sleep;

const BACKEND: usize = 32;
const PATIENCE: Duration = Duration::from_secs(2);

struct Backend {
    free: Semaphore,
    calls: AtomicUsize,
}

/// Nothing is said here of cancellation: axum drops this future when the client hangs up, and the integral with it.
async fn bessel(
    State(backend): State<Arc<Backend>>,
    Path((n, x)): Path<(u32, f64)>,
) -> Result<(StatusCode, String), StatusCode> {
    let integrand = evaluator_fn(16, move |theta| {
        let backend = backend.clone();
        async move {
            let _place = backend.free.acquire().await?;
            backend.calls.fetch_add(1, Ordering::Relaxed);
            sleep(Duration::from_millis(5)).await;
            Ok::<f64, AcquireError>((f64::from(n) * theta - x * theta.sin()).cos() / PI)
        }
    });
    match Integrator::new(integrand).time_limit(PATIENCE).integrate(0.0, PI, 1e-10).await {
        Ok(e) => Ok((StatusCode::OK, format!("{:?}", e.value))),
        // The best estimate is no answer, but better than none: it is told with its error.
        Err(Error::NotConverged { estimate, reason: Reason::Deadline, .. }) => {
            Ok((StatusCode::GATEWAY_TIMEOUT, format!("{:?} with an error of {:.1e}", estimate.value, estimate.error)))
        }
        Err(_) => Err(StatusCode::UNPROCESSABLE_ENTITY),
    }
}

async fn ask(server: SocketAddr, path: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    Ok(stream)
}

/// The status and the body.
async fn answer(server: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let (start, mut text) = (Instant::now(), String::new());
    ask(server, path).await?.read_to_string(&mut text).await?;
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let body = text.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
    println!("{:>4} ms  {path:<17} {status} {body}", start.elapsed().as_millis());
    Ok((status, body))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let backend = Arc::new(Backend { free: Semaphore::new(BACKEND), calls: AtomicUsize::new(0) });
    let app = Router::new().route("/bessel/{n}/{x}", get(bessel)).with_state(backend.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = listener.local_addr()?;
    tokio::spawn(async { axum::serve(listener, app).await });

    let paths = ["/bessel/0/1", "/bessel/1/2.5", "/bessel/2/10", "/bessel/0/NaN", "/bessel/0/10000"];
    let answers = coquad::try_pmap(|path| answer(server, path), paths).await?;
    for ((status, body), exact) in answers.iter().zip([0.765197686557967, 0.497094102464274, 0.254630313685121]) {
        assert!(*status == 200 && (body.parse::<f64>()? - exact).abs() <= 1e-10);
    }
    assert_eq!((answers[3].0, answers[4].0), (422, 504), "not a number; not in time");
    assert!(answers[4].1.contains(" with an error of "), "the best estimate so far");

    // Someone asks for more than can be had in time, and hangs up.
    let calls = || backend.calls.load(Ordering::Relaxed);
    let before = calls();
    let start = Instant::now();
    let stream = ask(server, "/bessel/0/10000").await?;
    sleep(Duration::from_millis(100)).await;
    assert!(calls() > before, "at work");
    drop(stream);
    while backend.free.available_permits() < BACKEND {
        sleep(Duration::from_millis(1)).await;
    }
    let (spent, last) = (start.elapsed(), calls());
    assert!(spent < PATIENCE, "stopped because nobody listened, not because the time was up");
    sleep(Duration::from_millis(50)).await;
    assert_eq!(calls(), last, "still at rest");
    println!("{:>4} ms  at rest after {} calls; the client had hung up at 100 ms", spent.as_millis(), last - before);
    Ok(())
}
