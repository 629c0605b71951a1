//! A worker that is asked how it is, by HTTP.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use coquad::Evaluator;
use coquad_nats::{Error, Worker};
use futures::executor::block_on;

use crate::support::{NatsServer, until};

/// The status and the body of what is said there; none if nobody listens.
fn get(address: SocketAddr, request: &str) -> Option<(u32, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut said = String::new();
    stream.read_to_string(&mut said).ok()?;
    let (head, body) = said.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

fn status(address: SocketAddr, path: &str) -> Option<u32> {
    Some(get(address, &format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n"))?.0)
}

/// Free for now.
fn free() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_worker_lives_before_it_is_ready_and_tells_what_it_has_done() {
    let mut server = NatsServer::start();
    let nats = server.connect();
    let evaluator = nats.evaluator::<f64>("f").deadline(Duration::from_secs(60));
    server.kill();
    let address = free();
    let module = concat!(env!("CARGO_MANIFEST_DIR"), "/../python");
    let script =
        "from coquad_worker import serve\ndef f(x):\n    if x == 2: raise ValueError('no')\n    return x\nserve(f)\n";
    let mut command = Command::new(env!("CARGO_BIN_EXE_coquad-worker"));
    command
        .args(["--server", &server.url(), "--serve", "f", "--slots", "2", "--metrics", &address.to_string()])
        .args(["--", "python3", "-c", script])
        .env("PYTHONPATH", module)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null());
    let _worker = Killed(command.spawn().unwrap());
    until("it lives", || status(address, "/live") == Some(200));
    assert_eq!(status(address, "/ready"), Some(503));
    server.restart();
    until("it is ready", || status(address, "/ready") == Some(200));
    assert_eq!(block_on(evaluator.evaluate(1.0)).unwrap().to_bits(), 1f64.to_bits());
    assert!(block_on(evaluator.evaluate(2.0)).is_err());
    let (code, text) = get(address, "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    assert_eq!(code, 200);
    for line in ["coquad_worker_slots 2", "coquad_worker_points_total 2", "coquad_worker_failures_total 1", "# EOF"] {
        assert!(text.lines().any(|one| one == line), "{line} in {text}");
    }
    server.kill();
    until("it is not ready", || status(address, "/ready") == Some(503));
    assert_eq!(status(address, "/live"), Some(200));
    // Whatever else is asked.
    assert_eq!(status(address, "/"), Some(404));
    let junk = "x".repeat(10_000);
    for request in ["POST /metrics HTTP/1.1\r\n\r\n", "\r\n\r\n", "\u{0}\u{1}\r\n\r\n", &junk] {
        let said = get(address, request);
        assert!(said.is_none_or(|(code, _)| code == 400), "{request:?}");
    }
    let silent = TcpStream::connect(address).unwrap();
    until("whoever says nothing is left", || status(address, "/live") == Some(200));
    drop(silent);
}

#[test]
fn a_worker_has_help() {
    for (words, well) in [(&["--help"][..], true), (&["--serve", "f", "-h"], true), (&["--serve", "f"], false)] {
        let output = Command::new(env!("CARGO_BIN_EXE_coquad-worker")).args(words).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success() == well && said.contains("--patience SECONDS"), "{words:?}: {said}");
    }
}

#[test]
fn an_address_that_is_taken_is_a_typed_error() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap();
    let refused = Worker::new("nats://127.0.0.1:1").serve("f", |x: f64| x).metrics(address).start().map(drop);
    assert!(matches!(refused, Err(Error::Metrics { address: there, .. }) if there == address), "{refused:?}");
}
