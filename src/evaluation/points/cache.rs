//! Every value that was found or is being found, by its point.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::{Error, EvaluationError};
#[cfg(feature = "durable")]
use crate::evaluation::durable::journal::Keeper;
use crate::evaluation::points::cell::{CallDriver, Outcome, Pending, SharedEvaluation};
use crate::evaluation::points::flight::{Flight, Lead, Seat};
use crate::evaluation::points::key::BuildKeyHasher;
use crate::evaluation::points::map::{Boarding, FEWEST, Point, Points};
use crate::evaluation::slots::Slot;
use crate::evaluation::sync::{DashMap, Entry};
use crate::point::Point as At;

/// The values of one integrand at the points where it was evaluated, each evaluated once however many ask for it.
/// Clones share the points.
///
/// # Numerics
///
/// Points are compared by their bits: `0.0` and `-0.0` are different points, and none is rounded to a neighbour.
///
/// # Cost
///
/// 42 bytes per finished `f64` point at 10^7 points, 45 at the peak (`cargo run --release --example cache_memory`).
/// The tables double, so it is between 29 and 57 bytes for any large number of points, half as much again for a part
/// of the points while they grow. Points are not forgotten while a clone lives.
///
/// # Examples
///
/// ```
/// # futures::executor::block_on(async {
/// let cache = coquad::PointCache::new();
/// assert_eq!(cache.get(2.0), None);
/// assert_eq!(cache.get_or_evaluate(2.0, || async { Ok(4.0) }).await?, 4.0);
/// assert_eq!(cache.get(2.0), Some(4.0));
/// assert_eq!(cache.clone().len(), 1);
/// # Ok::<(), coquad::Error>(()) }).unwrap();
/// ```
pub struct PointCache<T, P: At = f64> {
    points: Arc<Points<T, P>>,
}

/// What a caller got from [`PointCache::claim`].
pub(crate) enum Claim<T, P: At = f64> {
    /// The value was there.
    Known(T),
    /// Nobody was at it: the evaluation is new, and this caller's.
    Started(Flight<T, P>),
    /// Others are at it.
    Joined(Flight<T, P>),
}

/// What a caller got from [`PointCache::lead`].
pub(crate) enum There<T> {
    Known(T),
    UnderWay,
    /// Nothing: it is the caller's now.
    Vacant,
}

impl<T> PointCache<T> {
    /// Returns an empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::with(OnceLock::new())
    }
}

impl<T, P: At> PointCache<T, P> {
    /// Returns an empty cache for points of any kind: those of an integrand of several variables.
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let cache = coquad::PointCache::over();
    /// assert_eq!(cache.get_or_evaluate([0.5, 0.25], || async { Ok(4.0) }).await?, 4.0);
    /// assert_eq!(cache.get([0.5, 0.25]), Some(4.0));
    /// # Ok::<(), coquad::Error<f64, [f64; 2]>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn over() -> Self {
        Self::with(OnceLock::new())
    }

    fn with(map: OnceLock<DashMap<P::Key, Point<T, P>, BuildKeyHasher>>) -> Self {
        Self {
            points: Arc::new(Points {
                map,
                finished: AtomicUsize::new(0),
                #[cfg(feature = "durable")]
                keeper: None,
            }),
        }
    }

    /// Returns the number of points whose value is known. Points still being evaluated do not count.
    #[must_use]
    pub fn len(&self) -> usize {
        self.points.finished.load(Ordering::Relaxed)
    }

    /// Tells whether no value is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Clone + Send + Sync + 'static, P: At> PointCache<T, P> {
    /// Returns an empty cache for a single integral, of which thousands may wait: a map has 128 bytes for each of its shards,
    /// and four shards for each processor.
    pub(crate) fn of_one_integral() -> Self {
        Self::with(DashMap::with_hasher_and_shard_amount(BuildKeyHasher::default(), FEWEST).into())
    }

    /// Returns the value at `x`, if it is known. Never waits for one that is being evaluated.
    ///
    /// # Examples
    ///
    /// ```
    /// let cache = coquad::PointCache::<f64>::new();
    /// assert_eq!(cache.get(0.5), None);
    /// ```
    #[must_use]
    pub fn get(&self, x: P) -> Option<T> {
        self.points.known(x.key())
    }

    /// Returns all points whose value is known, with their values, in ascending order of `x`: for plots and export.
    ///
    /// It is a copy: points that are found meanwhile may be in it or not, and later ones are not.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator, PointCache};
    ///
    /// let cache = PointCache::new();
    /// let integrator = Integrator::new(Inline::new(|x: f64| x * x)).with_cache(cache.clone());
    /// let e = integrator.integrate_blocking(0.0, 1.0, 1e-8)?;
    /// let points: Vec<(f64, f64)> = cache.iter().collect();
    /// assert_eq!(points.len(), e.evaluations);
    /// assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0));
    /// # Ok::<(), coquad::Error>(())
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (P, T)> + use<T, P> {
        let mut points = self.points.all();
        // DETERMINISM: the map has no order of its own that is the same each time. -0.0 comes before 0.0.
        points.sort_by(|(one, _), (other, _)| one.order(other));
        points.into_iter()
    }

    /// Returns the value at the point `x`, starting an evaluation only if no one has.
    ///
    /// The first caller for a point becomes its *leader* and drives `eval`; callers arriving meanwhile wait for the
    /// leader's result. A stored value is returned without suspending. An evaluation that an integral has begun is
    /// joined: whoever is polled drives it.
    ///
    /// # Numerics
    ///
    /// Points are compared by their bits: `0.0` and `-0.0` are different points, and none is rounded to a neighbour.
    ///
    /// # Cost
    ///
    /// One evaluation per distinct point, unless a leader is cancelled or fails.
    ///
    /// # Cancellation
    ///
    /// Dropping a waiter does not affect the others. Dropping the leader passes the lead to one waiter, the first
    /// that is polled, which starts its own `eval` from the beginning.
    ///
    /// # Errors
    ///
    /// [`Error::Evaluation`], given to the leader and every waiter. Failures are not stored: the next call evaluates
    /// the point again. An evaluation that awaits its own point on its own thread is told so by the same error; one
    /// that does it through another thread or task waits for ever.
    ///
    /// # Panics
    ///
    /// If `eval` panics the leader panics; one waiter then takes the lead. A panic in an evaluation that an integral
    /// has begun is [`Error::Panicked`].
    ///
    /// # Examples
    ///
    /// ```
    /// # futures::executor::block_on(async {
    /// let cache = coquad::PointCache::new();
    /// let first = cache.get_or_evaluate(0.5, || async { Ok(0.25_f64) }).await?;
    /// let known = cache.get_or_evaluate(0.5, || async { unreachable!() }).await?;
    /// assert_eq!(first.to_bits(), known.to_bits());
    /// # Ok::<(), coquad::Error>(()) }).unwrap();
    /// ```
    pub async fn get_or_evaluate<F, Fut>(&self, x: P, eval: F) -> Result<T, Error<T, P>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, EvaluationError>>,
    {
        let key = x.key();
        // Most requests are for known values: the shared lock is enough for them.
        if let Some(value) = self.points.known(key) {
            return Ok(value);
        }
        let seat = match self.points.board(key, Seat::vacant) {
            Boarding::Known(value) => return Ok(value),
            Boarding::First(seat) | Boarding::Joined { seat, .. } => seat,
        };
        let outcome = match poll_fn(|cx| seat.poll_waiting(cx)).await {
            Some(outcome) => outcome,
            None => {
                // CANCEL: `evaluation` is declared after `lead` and so dropped before it: the next leader starts only
                // when this one's evaluation is gone.
                let lead = Lead::new(seat);
                let mut evaluation = pin!(lead.inside(eval));
                let outcome = poll_fn(|cx| lead.inside(|| evaluation.as_mut().poll(cx))).await;
                lead.land(outcome)
            }
        };
        outcome.map_err(|source| Error::evaluation(x, source))
    }

    /// Returns the value at `x`, or the flight that will bring it: one under way, or a new one from `start`.
    ///
    /// `start` returns an evaluation that does nothing until it is polled. It is also called, and its evaluation kept
    /// in reserve, where the point is led by a caller of [`get_or_evaluate`](Self::get_or_evaluate), who may give up.
    /// If others may poll it, `slot` is the evaluation's.
    #[inline]
    pub(crate) fn claim(
        &self,
        x: P,
        slot: Option<Slot<P>>,
        start: impl FnOnce(&Seat<T, P>) -> SharedEvaluation<T>,
    ) -> Claim<T, P> {
        match self.points.board(x.key(), Seat::driven) {
            Boarding::Known(value) => Claim::Known(value),
            Boarding::First(seat) => Claim::Started(seat.launch(slot, None, start)),
            Boarding::Joined { seat, led } => {
                let spare = led.then(|| Box::new((start(&seat), slot)));
                Claim::Joined(Flight::new(seat, spare))
            }
        }
    }

    /// The same for a point of a call; `None` if the point is led by a caller of
    /// [`get_or_evaluate`](Self::get_or_evaluate).
    pub(crate) fn claim_part(
        &self,
        x: P,
        slot: Option<Slot<P>>,
        call: CallDriver,
        start: impl FnOnce() -> SharedEvaluation<T>,
    ) -> Option<Claim<T, P>> {
        Some(match self.points.board(x.key(), Seat::driven) {
            Boarding::Known(value) => Claim::Known(value),
            Boarding::First(seat) => Claim::Started(seat.launch(slot, Some(call), |_| start())),
            Boarding::Joined { led: true, .. } => return None,
            Boarding::Joined { seat, .. } => Claim::Joined(Flight::new(seat, None)),
        })
    }

    /// Returns the value at `x` if it is known or under way, without starting anything.
    pub(crate) fn join(&self, x: P) -> Option<Claim<T, P>> {
        let key = x.key();
        let pending = match self.points.look(key)? {
            Point::Known(value) => return Some(Claim::Known(value)),
            Point::Pending(pending) => pending,
        };
        let (seat, led) = Seat::join(&self.points, key, &pending)?;
        // A point led by a caller of `get_or_evaluate` may fall to us, and would then want an evaluation.
        (!led).then(|| Claim::Joined(Flight::new(seat, None)))
    }

    /// A seat in the flight at `x` for somebody who wants its end, not its value.
    pub(crate) fn help(&self, x: P) -> Option<Flight<T, P>> {
        let key = x.key();
        let Point::Pending(pending) = self.points.look(key)? else { return None };
        Some(Flight::new(Seat::helping(&self.points, key, &pending)?, None))
    }

    /// Makes room for so many points, if there are none yet; those between the ends of `panel` are asked for together.
    pub(crate) fn expect(&self, points: usize, panel: (f64, f64)) {
        self.points.expect(points, panel);
    }

    /// Whether no point was ever asked for, as far as that can be told at no cost.
    pub(crate) fn is_untouched(&self) -> bool {
        self.points.map.get().is_none()
    }

    /// Whether the value at `x` is known or under way.
    pub(crate) fn has(&self, x: P) -> bool {
        self.points.look(x.key()).is_some()
    }

    /// Claims `x` for a flight led by the caller, unless its value is known or others are at it.
    pub(crate) fn lead(&self, key: P::Key, pending: &Arc<Pending<T, P>>) -> There<T> {
        match self.points.map().entry(key) {
            Entry::Occupied(entry) => match entry.get() {
                Point::Known(value) => There::Known(value.clone()),
                Point::Pending(_) => There::UnderWay,
            },
            Entry::Vacant(entry) => {
                drop(entry.insert(Point::Pending(Arc::clone(pending))));
                There::Vacant
            }
        }
    }

    /// Takes such a flight out of the map, leaving its value if it brought one, and returns the outcome to go by.
    pub(crate) fn settle(&self, key: P::Key, pending: &Arc<Pending<T, P>>, outcome: Outcome<T>) -> Outcome<T> {
        match outcome {
            Ok(value) => Ok(self.points.store(key, pending, value)),
            Err(error) => {
                self.points.forget(key, pending);
                Err(error)
            }
        }
    }

    /// Stores a value found elsewhere. The first value wins; an evaluation under way ends with it.
    pub(crate) fn insert(&self, x: P, value: T) {
        if let Some(pending) = self.points.put(x.key(), value.clone()) {
            pending.land(|| Ok(value), 0);
        }
    }
}

#[cfg(feature = "durable")]
impl<T, P: At> PointCache<T, P> {
    /// The same points, with a file for further ones. Nobody else knows of the cache yet.
    pub(crate) fn kept(mut self, keeper: Keeper<T>) -> Self {
        let points = Arc::get_mut(&mut self.points).expect("a cache that is being opened has one owner");
        points.keeper = Some(keeper);
        self
    }

    pub(crate) fn keeper(&self) -> Option<&Keeper<T>> {
        self.points.keeper.as_ref()
    }

    pub(crate) fn keeper_mut(&mut self) -> Option<&mut Keeper<T>> {
        Arc::get_mut(&mut self.points)?.keeper.as_mut()
    }
}

impl<T, P: At> Clone for PointCache<T, P> {
    fn clone(&self) -> Self {
        Self { points: Arc::clone(&self.points) }
    }
}

impl<T> Default for PointCache<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, P: At> fmt::Debug for PointCache<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PointCache").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
