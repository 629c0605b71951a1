//! An evaluator that looks twice at some points.

use std::fmt::{self, Debug};
use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::{join, try_join};

use crate::error::EvaluationError;
use crate::evaluation::arithmetic::Arithmetic;
use crate::evaluation::evaluator::Evaluator;
use crate::evaluation::points::key::KeyHasher;
use crate::point::Point;

/// Two evaluations of one point have different values: the integrand is no function, or two workers compute it differently.
///
/// # Examples
///
/// See [`EvaluatorExt::verify`](crate::EvaluatorExt::verify).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Conflict<P: Point = f64> {
    /// The point.
    pub x: P,
    /// One value, as `{:?}` prints it.
    pub first: String,
    /// The other.
    pub second: String,
}

impl<P: Point> Conflict<P> {
    pub(crate) fn new(x: P, first: String, second: String) -> Self {
        Self { x, first, second }
    }
}

impl<P: Point> fmt::Display for Conflict<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "two evaluations at x = {:?} differ: {} and {}", self.x, self.first, self.second)
    }
}

impl<P: Point> std::error::Error for Conflict<P> {}

/// Whether the point is one of this share, by its bits alone.
pub(crate) fn is_chosen<P: Point>(x: P, share: f64) -> bool {
    // The finaliser of splitmix64 (Steele, Lea and Flood, 2014): neighbouring points are chosen independently.
    let z = BuildHasherDefault::<KeyHasher>::default().hash_one(x.key());
    ((z >> 11) as f64 + 0.5) / (1u64 << 53) as f64 <= share
}

/// An evaluator that looks twice: see [`EvaluatorExt::verify`](crate::EvaluatorExt::verify).
///
/// # Examples
///
/// ```
/// use coquad::{EvaluatorExt, Integrator, ThreadPool, Verify};
///
/// let checked: Verify<_> = ThreadPool::new(2).evaluator(f64::sqrt).verify(0.25);
/// assert!(Integrator::new(checked).integrate_blocking(0.0, 1.0, 1e-8).is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct Verify<E> {
    inner: E,
    share: f64,
    /// Second evaluations that are under way beside their first.
    beside: Arc<AtomicUsize>,
}

impl<E> Verify<E> {
    pub(super) fn new(inner: E, share: f64) -> Self {
        Self { inner, share, beside: Arc::default() }
    }
}

impl<E> Verify<E> {
    /// How much of the room inside is kept for second evaluations.
    fn kept<P: Point>(&self) -> usize
    where
        E: Evaluator<P>,
    {
        let (room, share) = (self.inner.concurrency(), self.share.clamp(0.0, 1.0));
        // Exact: nobody has more workers than a float can count. All of one call's room is the
        // first evaluation's.
        ((room as f64 * share / (1.0 + share)).round() as usize).min(room.saturating_sub(1))
    }

    /// Room for a second evaluation beside its first, if there is some.
    fn room<P: Point>(&self) -> Option<Beside<'_>>
    where
        E: Evaluator<P>,
    {
        let kept = self.kept::<P>();
        // Relaxed: a count, with nothing behind it.
        let one_more = |beside: usize| (beside < kept).then_some(beside + 1);
        self.beside.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Beside(&self.beside))
    }
}

/// A second evaluation is under way.
pub(crate) struct Beside<'a>(&'a AtomicUsize);

impl<'a> Beside<'a> {
    /// One more, however many there are.
    #[cfg(all(unix, feature = "process"))]
    pub(crate) fn any(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[diagnostic::do_not_recommend]
impl<P: Point, E: Evaluator<P>> Evaluator<P> for Verify<E>
where
    E::Value: Debug,
{
    type Value = E::Value;

    // No call on a thread leaves its value in the cache by itself: first the two are compared.
    async fn evaluate(&self, x: P) -> Result<E::Value, EvaluationError> {
        if !is_chosen(x, self.share) {
            return self.inner.evaluate(x).await;
        }
        let (first, second) = match self.room::<P>() {
            Some(_room) => try_join(self.inner.evaluate(x), self.inner.evaluate(x)).await?,
            None => (self.inner.evaluate(x).await?, self.inner.evaluate(x).await?),
        };
        compare(x, first, &second)
    }

    async fn evaluate_batch(&self, xs: &[P]) -> Vec<Result<E::Value, EvaluationError>> {
        let chosen: Vec<P> = xs.iter().copied().filter(|&x| is_chosen(x, self.share)).collect();
        if chosen.is_empty() {
            return self.inner.evaluate_batch(xs).await;
        }
        let (first, second) = match self.room::<P>() {
            Some(_room) => join(self.inner.evaluate_batch(xs), self.inner.evaluate_batch(&chosen)).await,
            None => (self.inner.evaluate_batch(xs).await, self.inner.evaluate_batch(&chosen).await),
        };
        if first.len() != xs.len() || second.len() != chosen.len() {
            // It is no evaluator's batch, which whoever has asked for it says better.
            return first;
        }
        let mut second = second.into_iter();
        let compared = |(outcome, &x): (Result<E::Value, EvaluationError>, &P)| {
            let again = if is_chosen(x, self.share) { second.next() } else { None };
            match (outcome, again) {
                (Ok(first), Some(Ok(second))) => compare(x, first, &second),
                (Ok(_), Some(Err(error))) => Err(error),
                (outcome, _) => outcome,
            }
        };
        first.into_iter().zip(xs).map(compared).collect()
    }

    fn batch(&self) -> usize {
        self.inner.batch()
    }

    fn concurrency(&self) -> usize {
        self.inner.concurrency() - self.kept::<P>()
    }

    fn mixture(&self) -> Option<(Arithmetic, Arithmetic)> {
        self.inner.mixture()
    }
}

/// The first value, if the second one has the same bits.
fn compare<P: Point, V: Debug>(x: P, first: V, second: &V) -> Result<V, EvaluationError> {
    let (one, other) = (format!("{first:?}"), format!("{second:?}"));
    if one == other { Ok(first) } else { Err(EvaluationError::new(Conflict::new(x, one, other))) }
}

#[allow(clippy::float_cmp, reason = "bits are what is promised")]
#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::executor::block_on;

    use super::*;
    use crate::evaluation::{EvaluatorExt, evaluator_fn};

    #[test]
    fn a_share_is_a_share_and_the_same_each_time() {
        for (share, least, most) in [(0.0, 0, 0), (0.05, 4800, 5200), (0.5, 49_500, 50_500), (1.0, 100_000, 100_000)] {
            let chosen = |i: u32| is_chosen(f64::from(i) / 100_000.0, share);
            let count = (0..100_000).filter(|&i| chosen(i)).count();
            assert!((least..=most).contains(&count), "{share}: {count}");
        }
        assert!(!is_chosen(0.5, f64::NAN) && !is_chosen(0.5, -1.0) && is_chosen(0.5, 2.0));
    }

    /// How many calls an evaluator has at once, and the most there were.
    #[derive(Default)]
    struct Busy {
        now: AtomicUsize,
        most: AtomicUsize,
        /// Points that were looked at twice at once.
        beside: AtomicUsize,
        points: Mutex<Vec<f64>>,
    }

    impl Busy {
        async fn evaluate(&self, x: f64, turns: usize) -> Result<f64, String> {
            let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(now, Ordering::Relaxed);
            let beside = self.points.lock().unwrap().contains(&x);
            self.beside.fetch_add(usize::from(beside), Ordering::Relaxed);
            self.points.lock().unwrap().push(x);
            for _ in 0..turns {
                futures_util::pending!();
            }
            let mut points = self.points.lock().unwrap();
            let place = points.iter().position(|&other| other == x).expect("it is under way");
            points.swap_remove(place);
            self.now.fetch_sub(1, Ordering::Relaxed);
            Ok(x)
        }
    }

    /// Whoever keeps to what the wrapper allows keeps to what is allowed inside; and where there is
    /// room the two evaluations of a point are under way at once, so that they are two workers'.
    #[test]
    fn second_evaluations_have_room_of_their_own() {
        for (room, share) in [(1, 1.0), (2, 0.05), (2, 1.0), (3, 0.5), (8, 0.05), (21, 0.05), (64, 0.05), (64, 1.0)] {
            let busy: &Busy = Box::leak(Box::default());
            let inner = evaluator_fn(room, move |x: f64| busy.evaluate(x, 1 + x.to_bits() as usize % 7));
            let twice = inner.verify(share);
            let outside = twice.concurrency();
            assert!((1..=room).contains(&outside));
            let (mut under_way, mut next) = (Vec::new(), 0);
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            while next < 2000 || !under_way.is_empty() {
                while next < 2000 && under_way.len() < outside {
                    under_way.push(Box::pin(twice.evaluate(f64::from(next) / 2000.0)));
                    next += 1;
                }
                under_way.retain_mut(|evaluation| match evaluation.as_mut().poll(&mut cx) {
                    std::task::Poll::Ready(outcome) => outcome.is_err(),
                    std::task::Poll::Pending => true,
                });
            }
            let (most, beside) = (busy.most.load(Ordering::Relaxed), busy.beside.load(Ordering::Relaxed));
            assert!(most <= room, "{room}, {share}: {most} at once");
            assert_eq!(beside > 0, outside < room, "{room}, {share}: {beside} beside");
            assert!(share < 1.0 || room == 1 || beside >= 1000, "{room}, {share}: {beside} beside");
        }
    }

    #[test]
    fn batches_are_compared_point_by_point() {
        let calls: &AtomicUsize = Box::leak(Box::default());
        let batches = crate::evaluation::batch_fn(1, 100, move |xs: Vec<f64>| async move {
            let second = calls.fetch_add(1, Ordering::Relaxed) % 2 == 1;
            let value = |x: f64| if second && x == 7.0 { -x } else { x };
            Ok::<_, String>(xs.into_iter().map(value).collect::<Vec<f64>>())
        });
        let twice = batches.verify(1.0);
        assert_eq!(twice.batch(), 100);
        let xs: Vec<f64> = (0..20).map(f64::from).collect();
        for (x, outcome) in xs.iter().zip(block_on(twice.evaluate_batch(&xs))) {
            match outcome {
                Ok(value) => assert!(value == *x && *x != 7.0),
                Err(error) => assert_eq!(error.downcast_ref::<Conflict>().map(|conflict| conflict.x), Some(7.0)),
            }
        }
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn points_are_evaluated_once_or_twice_and_what_differs_is_told() {
        let calls: &AtomicUsize = Box::leak(Box::default());
        let count = move |x: f64| async move {
            calls.fetch_add(1, Ordering::Relaxed);
            if x < 0.0 { Err("no value") } else { Ok([x, f64::NAN]) }
        };
        let twice = evaluator_fn(4, count).verify(0.5);
        let chosen = (0..100).filter(|&i| is_chosen(f64::from(i), 0.5)).count();
        for i in 0..100 {
            assert!(block_on(twice.evaluate(f64::from(i))).is_ok());
        }
        assert_eq!(calls.load(Ordering::Relaxed), 100 + chosen);
        assert_eq!(block_on(twice.evaluate(-1.0)).unwrap_err().to_string(), "no value");

        let signs: &AtomicUsize = Box::leak(Box::default());
        let sign = move |_: f64| async move {
            let negative = signs.fetch_add(1, Ordering::Relaxed) % 2 == 1;
            Ok::<f64, String>(if negative { -0.0 } else { 0.0 })
        };
        let error = block_on(evaluator_fn(4, sign).verify(1.0).evaluate(0.25)).unwrap_err();
        let due = Conflict { x: 0.25, first: "0.0".into(), second: "-0.0".into() };
        assert_eq!(error.downcast_ref::<Conflict>(), Some(&due));
        assert_eq!(error.to_string(), "two evaluations at x = 0.25 differ: 0.0 and -0.0");
    }
}
