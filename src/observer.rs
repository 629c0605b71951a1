//! What a run tells those who watch.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::EvaluationError;
use crate::evaluation::Arithmetic;
use crate::point::Point;

/// Watches an integration: for progress bars, live plots, audits.
///
/// All methods do nothing by default. They are called while the future of `integrate` is polled, on whichever thread
/// that is, so they should be quick. Nothing they do can change the answer.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// #[derive(Default)]
/// struct Count(AtomicUsize);
///
/// impl coquad::Observer<f64> for Count {
///     fn finished(&self, _x: f64) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// let count = Arc::new(Count::default());
/// let integrator = coquad::Integrator::new(coquad::Inline::new(|x: f64| x.exp())).observer(count.clone());
/// let e = integrator.integrate_blocking(0.0, 1.0, 1e-8)?;
/// assert_eq!(count.0.load(Ordering::Relaxed), e.performed);
/// # Ok::<(), coquad::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an observer of values `{T}`",
    label = "not an observer",
    note = "is it a closure? write a type with `impl Observer<{T}> for ..`: each of its methods has a default"
)]
pub trait Observer<T, P: Point = f64>: Send + Sync {
    /// The evaluation at `x` was started, because a decision needs it or as a guess that one will.
    fn started(&self, x: P, guessed: bool) {
        let _ = (x, guessed);
    }

    /// An evaluation at `x` ended, well or not.
    fn finished(&self, x: P) {
        let _ = x;
    }

    /// What the evaluation at `x` came to, told after [`finished`](Self::finished): for plots and
    /// exports while an integral runs.
    ///
    /// The value is lent, so nothing is copied for an observer that does not keep it. Values are
    /// told in the order of their coming, those of guesses too. What a cache knew before is not
    /// told, nor is an evaluation that ends after its integral.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::{Arc, Mutex};
    /// use coquad::{EvaluationError, Inline, Integrator, Observer};
    ///
    /// #[derive(Default)]
    /// struct Plot(Mutex<Vec<(f64, f64)>>);
    ///
    /// impl Observer<f64> for Plot {
    ///     fn evaluated(&self, x: f64, outcome: Result<&f64, &EvaluationError>) {
    ///         if let Ok(&y) = outcome {
    ///             self.0.lock().unwrap().push((x, y));
    ///         }
    ///     }
    /// }
    ///
    /// let plot = Arc::new(Plot::default());
    /// let integrator = Integrator::new(Inline::new(|x: f64| x * x)).observer(plot.clone());
    /// let e = integrator.integrate_blocking(0.0, 1.0, 1e-8)?;
    /// let points = plot.0.lock().unwrap();
    /// assert_eq!(points.len(), e.performed);
    /// assert!(points.iter().all(|(x, y)| *y == x * x));
    /// # Ok::<(), coquad::Error>(())
    /// ```
    fn evaluated(&self, x: P, outcome: Result<&T, &EvaluationError>) {
        let _ = (x, outcome);
    }

    /// Those who evaluate compute elementary functions differently: `found` is not `expected`,
    /// which all are to agree with. Two runs may then differ in their last bits.
    ///
    /// Told once for each integrator and its clones, by the first of its integrals that comes to
    /// know ([`Evaluator::mixture`](crate::Evaluator::mixture)), before what that evaluation came
    /// to. Reports count every worker ([`Mixed`](crate::Mixed) has the other choices).
    fn mixed(&self, expected: &Arithmetic, found: &Arithmetic) {
        let _ = (expected, found);
    }

    /// A decision was retired: the estimate as it stands.
    fn decided(&self, progress: &Progress<'_, T>) {
        let _ = progress;
    }
}

impl<T, P: Point, O: Observer<T, P> + ?Sized> Observer<T, P> for std::sync::Arc<O> {
    fn started(&self, x: P, guessed: bool) {
        (**self).started(x, guessed);
    }

    fn finished(&self, x: P) {
        (**self).finished(x);
    }

    fn evaluated(&self, x: P, outcome: Result<&T, &EvaluationError>) {
        (**self).evaluated(x, outcome);
    }

    fn mixed(&self, expected: &Arithmetic, found: &Arithmetic) {
        (**self).mixed(expected, found);
    }

    fn decided(&self, progress: &Progress<'_, T>) {
        (**self).decided(progress);
    }
}

/// An observer, and whether it was told what is told once.
pub(crate) struct Watch<T, P: Point = f64> {
    observer: Box<dyn Observer<T, P>>,
    told_of_a_mixture: AtomicBool,
}

impl<T, P: Point> Watch<T, P> {
    pub(crate) fn new(observer: impl Observer<T, P> + 'static) -> Self {
        Self { observer: Box::new(observer), told_of_a_mixture: AtomicBool::new(false) }
    }

    /// The evaluation at `x` ended, on an evaluator that knows of this mixture.
    pub(crate) fn ended(
        &self,
        x: P,
        outcome: Result<&T, &EvaluationError>,
        mixture: impl FnOnce() -> Option<(Arithmetic, Arithmetic)>,
    ) {
        // Relaxed: one of those who see `false` makes it `true`, and nothing else depends on it.
        if !self.told_of_a_mixture.load(Ordering::Relaxed) {
            if let Some((expected, found)) = mixture() {
                if !self.told_of_a_mixture.swap(true, Ordering::Relaxed) {
                    self.observer.mixed(&expected, &found);
                }
            }
        }
        self.observer.finished(x);
        self.observer.evaluated(x, outcome);
    }
}

impl<T: 'static, P: Point> Deref for Watch<T, P> {
    type Target = dyn Observer<T, P>;

    fn deref(&self) -> &Self::Target {
        &*self.observer
    }
}

/// The state of an integration after a decision: the same sequence on any number of workers.
///
/// # Examples
///
/// ```
/// use coquad::{Observer, Progress};
///
/// /// Says when another digit is known.
/// #[derive(Default)]
/// struct Digits(std::sync::atomic::AtomicU32);
///
/// impl Observer<f64> for Digits {
///     fn decided(&self, progress: &Progress<'_, f64>) {
///         let digits = (-progress.error.log10()).clamp(0.0, 15.0) as u32;
///         if self.0.fetch_max(digits, std::sync::atomic::Ordering::Relaxed) < digits {
///             println!("{:.*} after {} points", digits as usize, progress.value, progress.evaluations);
///         }
///     }
/// }
///
/// let integrator = coquad::Integrator::new(coquad::Inline::new(|x: f64| x.abs().sqrt())).observer(Digits::default());
/// integrator.integrate_blocking(-1.0, 2.0, 1e-9)?;
/// # Ok::<(), coquad::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress<'a, T> {
    /// The integral so far, from the lesser to the greater limit.
    pub value: &'a T,
    /// Its estimated error.
    pub error: f64,
    /// The points that the decisions so far rest on.
    pub evaluations: usize,
}
