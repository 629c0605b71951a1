//! An `Evaluator` of your own: the integrand is computed by a web service that takes few requests at once, answers in
//! any order and is sometimes too busy. The server here is a thread that speaks in paths and status codes.

use std::collections::HashSet;
use std::error::Error;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use coquad::{EvaluationError, Evaluator, Integrator};
use futures::channel::oneshot;

/// How many requests the service takes at once.
const LIMIT: usize = 16;

struct Request {
    path: String,
    reply: oneshot::Sender<(u16, String)>,
}

/// Starts the service, which computes √x. It ends when the last sender is dropped.
fn serve() -> mpsc::Sender<Request> {
    let (sender, inbox) = mpsc::channel::<Request>();
    thread::spawn(move || {
        let mut refused = HashSet::new();
        while let Ok(first) = inbox.recv() {
            thread::sleep(Duration::from_millis(2));
            // Whatever has arrived meanwhile is answered together, the last request first.
            let batch: Vec<Request> = [first].into_iter().chain(inbox.try_iter()).collect();
            assert!(batch.len() <= LIMIT, "the client keeps to the limit");
            for Request { path, reply } in batch.into_iter().rev() {
                let x = path.strip_prefix("/sqrt?x=").and_then(|x| x.parse::<f64>().ok());
                let response = match x {
                    None => (400, format!("not understood: {path}")),
                    Some(x) if x < 0.0 => (422, format!("{x} has no root")),
                    // Every fourth point is refused when it is asked for the first time.
                    Some(x) if (x.to_bits() >> 40) % 4 == 0 && refused.insert(x.to_bits()) => (503, "busy".into()),
                    Some(x) => (200, format!("{:?}", x.sqrt())), // {:?} writes a float so that the same bits are read
                };
                let _ = reply.send(response); // nobody listens if the integral was dropped
            }
        }
    });
    sender
}

struct Client {
    requests: mpsc::Sender<Request>,
    attempts: u32,
}

impl Client {
    async fn get(&self, path: String) -> Result<(u16, String), EvaluationError> {
        let (reply, response) = oneshot::channel();
        self.requests.send(Request { path, reply }).map_err(|_| EvaluationError::new("the service has ended"))?;
        response.await.map_err(EvaluationError::new)
    }
}

impl Evaluator for Client {
    type Value = f64;

    async fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
        for attempt in 1.. {
            match self.get(format!("/sqrt?x={x:?}")).await? {
                (200, body) => return body.parse().map_err(EvaluationError::new),
                (503, _) if attempt < self.attempts => smol::Timer::after(Duration::from_millis(1 << attempt)).await,
                (status, body) => return Err(EvaluationError::new(format!("{status} {body}"))),
            };
        }
        unreachable!("every attempt ends or is followed by another")
    }

    fn concurrency(&self) -> usize {
        LIMIT
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let integrator = Integrator::new(Client { requests: serve(), attempts: 4 });
    let e = smol::block_on(integrator.integrate(0.0, 1.0, 1e-9))?;
    println!("with up to 4 attempts    {e}");
    assert!((e.value - 2.0 / 3.0).abs() <= 1e-9);

    // A failure that lasts ends the integral, with the point at which it happened.
    for (attempts, a) in [(1, 0.0), (4, -1.0)] {
        let integrator = Integrator::new(Client { requests: serve(), attempts });
        let error = smol::block_on(integrator.integrate(a, 1.0, 1e-9)).expect_err("a point fails");
        println!("with {attempts} from {a:>2}           {error}");
        assert!(matches!(error, coquad::Error::Evaluation { .. }));
    }
    Ok(())
}
