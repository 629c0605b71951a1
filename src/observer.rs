//! What a run tells those who watch.

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
pub trait Observer<T>: Send + Sync {
    /// The evaluation at `x` was started, because a decision needs it or as a guess that one will.
    fn started(&self, x: f64, guessed: bool) {
        let _ = (x, guessed);
    }

    /// An evaluation at `x` ended, well or not.
    fn finished(&self, x: f64) {
        let _ = x;
    }

    /// A decision was retired: the estimate as it stands.
    fn decided(&self, progress: &Progress<'_, T>) {
        let _ = progress;
    }
}

impl<T, O: Observer<T> + ?Sized> Observer<T> for std::sync::Arc<O> {
    fn started(&self, x: f64, guessed: bool) {
        (**self).started(x, guessed);
    }

    fn finished(&self, x: f64) {
        (**self).finished(x);
    }

    fn decided(&self, progress: &Progress<'_, T>) {
        (**self).decided(progress);
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
