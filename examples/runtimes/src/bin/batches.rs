//! An integrand that is a service: 64 points at the price of one. Starts the service, on a socket, and integrates by it
//! twice: point by point, and in calls of up to 64 points.
//!
//!     cargo run --release -p runtimes --bin batches

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use coquad::{Estimate, GaussKronrod, Integrator, batch_fn, blocking_fn};

/// What the service takes for a request, however many points that is for.
const PRICE: Duration = Duration::from_millis(20);

fn f(x: f64) -> f64 {
    1.0 / (1e-4 + (x - 0.3) * (x - 0.3)) + (40.0 * x).sin()
}

/// Answers one request: a line with a list of points, and back a line with a list of values.
fn answer(stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let points: Vec<f64> = serde_json::from_str(&line)?;
    thread::sleep(PRICE);
    let values: Vec<f64> = points.into_iter().map(f).collect();
    writeln!(&stream, "{}", serde_json::to_string(&values)?)?;
    Ok(())
}

fn serve() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream).unwrap_or_else(|error| eprintln!("service: {error}")));
        }
    });
    Ok(address)
}

/// The client's side of a request.
fn ask(address: SocketAddr, points: &[f64]) -> Result<Vec<f64>, Box<dyn Error + Send + Sync>> {
    let stream = TcpStream::connect(address)?;
    writeln!(&stream, "{}", serde_json::to_string(points)?)?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

fn say(how: &str, e: &Estimate, requests: usize, time: Duration) {
    let (value, evaluations, paid) = (e.value, e.evaluations, e.performed);
    println!("{how}: {value:.10} by {evaluations} points ({paid} paid), {requests} requests, {time:.2?}");
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = serve()?;
    let requests = Arc::new(AtomicUsize::new(0));

    let count = requests.clone();
    let one_by_one = blocking_fn(4, move |x: f64| {
        count.fetch_add(1, Ordering::Relaxed);
        ask(address, &[x]).map(|values| values[0])
    });
    let start = Instant::now();
    let e = Integrator::new(one_by_one).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, 1e-8)?;
    say("one by one ", &e, requests.swap(0, Ordering::Relaxed), start.elapsed());

    // The client waits on a thread of its own, as `blocking_fn` has it: here by the crate `blocking`.
    let count = requests.clone();
    let many = batch_fn(4, 64, move |xs: Vec<f64>| {
        count.fetch_add(1, Ordering::Relaxed);
        smol::unblock(move || ask(address, &xs))
    });
    let start = Instant::now();
    let same = Integrator::new(many).method(GaussKronrod::new(21)).integrate_blocking(0.0, 1.0, 1e-8)?;
    say("64 at a time", &same, requests.load(Ordering::Relaxed), start.elapsed());
    assert_eq!(same.value.to_bits(), e.value.to_bits());
    Ok(())
}
