//! An `Evaluator` of your own: the integrand is computed by a service, which takes requests in batches and answers
//! each when it likes. Here the service is a thread; it could be a GPU queue or a machine far away.

use std::error::Error;
use std::sync::mpsc;
use std::thread;

use coquad::{EvaluationError, Evaluator, Integrator};
use futures::channel::oneshot;
use futures::executor::block_on;

/// A point to evaluate, and where to send the value.
type Request = (f64, oneshot::Sender<f64>);

/// A handle of the service.
struct Service {
    requests: mpsc::Sender<Request>,
}

impl Service {
    /// Starts the service. It ends when its last handle is dropped.
    fn start(f: fn(f64) -> f64) -> Self {
        let (requests, inbox) = mpsc::channel::<Request>();
        thread::spawn(move || {
            while let Ok(first) = inbox.recv() {
                // Whatever else has arrived meanwhile makes up the batch, answered last request first.
                let batch: Vec<Request> = [first].into_iter().chain(inbox.try_iter()).collect();
                for (x, reply) in batch.into_iter().rev() {
                    // Nobody waits any more if the integration was dropped.
                    let _ = reply.send(f(x));
                }
            }
        });
        Self { requests }
    }
}

impl Evaluator for Service {
    type Value = f64;

    async fn evaluate(&self, x: f64) -> Result<f64, EvaluationError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send((x, reply)).map_err(|_| EvaluationError::new("the service has ended"))?;
        answer.await.map_err(EvaluationError::new)
    }

    fn concurrency(&self) -> usize {
        32
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let integrator = Integrator::new(Service::start(|x| x.sqrt() * (1.0 - x)));
    let e = block_on(integrator.integrate(0.0, 1.0, 1e-9))?;
    println!("{} ± {:.1e} from {} evaluations", e.value, e.error, e.evaluations);
    assert!((e.value - 4.0 / 15.0).abs() <= 1e-9);
    Ok(())
}
