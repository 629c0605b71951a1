//! What a worker serves: functions, evaluators and commands, of one variable or of several.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Arc;

use coquad::wire::Numbers;
use coquad::worker::Reply;
use coquad::{Evaluator, Point, Processes};
use futures::FutureExt;

use super::hand::{self, Progress, points};
use super::{By, Served, Worker};

impl Worker {
    /// Serves `f` under this name, on a thread per slot: a function of `f64` that returns a value, or a `Result` of one.
    ///
    /// A panic is an answer. What brings the process down is not: see [`serve_command`](Self::serve_command).
    #[must_use]
    pub fn serve<F, R>(self, name: &str, f: F) -> Self
    where
        F: Fn(f64) -> R + Send + Sync + 'static,
        R: Reply,
    {
        self.serve_over(name, f)
    }

    /// As [`serve`](Self::serve), for a function of several variables: of `[f64; 2]`, for two.
    #[must_use]
    pub fn serve_over<P, F, R>(self, name: &str, f: F) -> Self
    where
        P: Point,
        F: Fn(P) -> R + Send + Sync + 'static,
        R: Reply,
    {
        self.serve_with_over(name, move |x, _| f(x))
    }

    /// As [`serve`](Self::serve), with the parameters that the coordinator hands over
    /// ([`NatsEvaluator::parameters`](crate::NatsEvaluator::parameters)), empty if it has none. They are not to be trusted.
    #[must_use]
    pub fn serve_with<F, R>(self, name: &str, f: F) -> Self
    where
        F: Fn(f64, &[u8]) -> R + Send + Sync + 'static,
        R: Reply,
    {
        self.serve_with_over(name, f)
    }

    /// As [`serve_with`](Self::serve_with), for a function of several variables.
    #[must_use]
    pub fn serve_with_over<P, F, R>(self, name: &str, f: F) -> Self
    where
        P: Point,
        F: Fn(P, &[u8]) -> R + Send + Sync + 'static,
        R: Reply,
    {
        let call = move |numbers: &[f64], parameters: &[u8], progress: &Progress| {
            for x in points::<P>(numbers) {
                let outcome = hand::caught(|| {
                    let mut numbers = Vec::new();
                    f(x, parameters).reply(&mut numbers).map(|()| numbers)
                });
                if !progress.tell(outcome) {
                    break;
                }
            }
        };
        self.served::<P>(name, By::Call(Arc::new(call)))
    }

    /// As [`serve`](Self::serve), for a function of many points that returns one value for each, in
    /// their order.
    ///
    /// It is called with the points of a job, 64 at most: as many as take some milliseconds
    /// together. The values must not depend on which other points a call has. If it panics, or
    /// returns more or fewer values than there are points, it is called again for each of the
    /// points alone, and what it does then is told of that point.
    #[must_use]
    pub fn serve_batch<F, R>(self, name: &str, f: F) -> Self
    where
        F: Fn(&[f64]) -> Vec<R> + Send + Sync + 'static,
        R: Reply,
    {
        self.serve_batch_over(name, f)
    }

    /// As [`serve_batch`](Self::serve_batch), for a function of several variables.
    #[must_use]
    pub fn serve_batch_over<P, F, R>(self, name: &str, f: F) -> Self
    where
        P: Point,
        F: Fn(&[P]) -> Vec<R> + Send + Sync + 'static,
        R: Reply,
    {
        let values = move |xs: &[P]| {
            let values = f(xs);
            if values.len() != xs.len() {
                return Err(format!("a call for {} points returned {} values", xs.len(), values.len()));
            }
            Ok(values)
        };
        let told = |value: R| {
            let mut numbers = Vec::new();
            value.reply(&mut numbers).map(|()| numbers)
        };
        let call = move |numbers: &[f64], _: &[u8], progress: &Progress| {
            let xs = &*points::<P>(numbers);
            let together =
                if xs.len() > 1 { catch_unwind(AssertUnwindSafe(|| values(xs))) } else { Ok(Err(String::new())) };
            if let Ok(Ok(together)) = together {
                for value in together {
                    progress.tell(hand::caught(|| told(value)));
                }
                return;
            }
            // Whose fault it is shows when each is alone.
            for &x in xs {
                let one = || values(&[x])?.pop().map_or_else(|| Err(String::new()), told);
                if !progress.tell(hand::caught(one)) {
                    break;
                }
            }
        };
        self.served::<P>(name, By::Call(Arc::new(call)))
    }

    /// Serves any evaluator under this name: an async function, a queue of another system. Its future is dropped when the
    /// evaluation is no longer wanted or takes too long.
    #[must_use]
    pub fn serve_evaluator<E>(self, name: &str, evaluator: E) -> Self
    where
        E: Evaluator + 'static,
        E::Value: Numbers,
    {
        self.serve_evaluator_over(name, evaluator)
    }

    /// As [`serve_evaluator`](Self::serve_evaluator), for an evaluator of points of several numbers.
    #[must_use]
    pub fn serve_evaluator_over<P, E>(self, name: &str, evaluator: E) -> Self
    where
        P: Point,
        E: Evaluator<P> + 'static,
        E::Value: Numbers,
    {
        let evaluator = Arc::new(evaluator);
        let ask = move |numbers: Vec<f64>, progress: Arc<Progress>| {
            let evaluator = evaluator.clone();
            async move { hand::ask(&*evaluator, &points::<P>(&numbers), &progress).await }.boxed()
        };
        self.served::<P>(name, By::Ask(Arc::new(ask)))
    }

    /// Serves a command under this name, a process per slot, in any language: a worker of
    /// [`Processes`](coquad::Processes). What crashes or hangs there is no harm here: it is killed, and the evaluation
    /// begins again, three times at most.
    #[must_use]
    pub fn serve_command(self, name: &str, command: impl Fn() -> Command + Send + Sync + 'static) -> Self {
        self.serve_command_over::<f64, _>(name, command)
    }

    /// As [`serve_command`](Self::serve_command), for a worker of a function of several variables
    /// ([`Processes::over`](coquad::Processes::over)): `serve_command_over::<[f64; 2], _>`, of two.
    #[must_use]
    pub fn serve_command_over<P, F>(self, name: &str, command: F) -> Self
    where
        P: Point,
        F: Fn() -> Command + Send + Sync + 'static,
    {
        let start =
            move || -> Arc<dyn hand::Child> { Arc::new(Processes::new(1, command()).values::<Vec<f64>>().over::<P>()) };
        self.served::<P>(name, By::Start(Arc::new(start)))
    }

    fn served<P: Point>(mut self, name: &str, by: By) -> Self {
        const {
            assert!(P::AXES > 0, "a point has a number");
        }
        self.functions.push((name.to_owned(), Served { axes: P::AXES as u64, by }));
        self
    }
}
