//! The map of points, and each look into it.
//!
//! INVARIANT: no guard of the map lives across an `.await` or while user code runs, `T::clone` apart: the map is
//! touched only by the functions of [`Points`], which are not async and return owned values.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

#[cfg(feature = "durable")]
use crate::evaluation::durable::journal::Keeper;
use crate::evaluation::points::cell::Pending;
use crate::evaluation::points::flight::Seat;
use crate::evaluation::points::key::BuildKeyHasher;
use crate::evaluation::sync::{DashMap, Entry};
use crate::point::Point as At;

/// The map behind a cache.
pub(crate) struct Points<T, P: At = f64> {
    /// Made with the first point: an integral of a cheap function that keeps no values must not pay for a map.
    pub(super) map: OnceLock<DashMap<P::Key, Point<T, P>, BuildKeyHasher>>,
    /// How many points are `Known`. Relaxed: it is written under the lock of the point's shard, which whoever knows of
    /// the value has passed through after the writer.
    pub(super) finished: AtomicUsize,
    /// The file that new values go to.
    #[cfg(feature = "durable")]
    pub(super) keeper: Option<Keeper<T>>,
}

/// What the map holds for a point: 16 bytes for `f64`, which is what keeps a point at 25 bytes times the load.
pub(super) enum Point<T, P: At = f64> {
    /// Found. Final.
    Known(T),
    /// Being found, by one holder of the flight or another.
    Pending(Arc<Pending<T, P>>),
}

/// Of many points so many are in one shard of the map, as long as there are no more shards than this; and so many panels
/// beside each other.
const OF_SHARD: usize = 512;
const MOST: usize = 1 << 13;
const NEIGHBOURS: u32 = 32;

/// Fewer shards a map cannot have.
pub(super) const FEWEST: usize = 2;

/// A point has its value; the first is the one that stays.
struct AlreadyKnown;

/// What the map said about a point.
pub(super) enum Boarding<T, P: At = f64> {
    Known(T),
    First(Seat<T, P>),
    Joined { seat: Seat<T, P>, led: bool },
}

impl<T, P: At> Points<T, P> {
    pub(super) fn map(&self) -> &DashMap<P::Key, Point<T, P>, BuildKeyHasher> {
        self.map.get_or_init(|| DashMap::with_hasher(BuildKeyHasher::default()))
    }

    /// Makes room for so many points, if there are none yet: to move them again and again as the map grows would take
    /// longer than to find them. `panel` is the range of some that are asked for together.
    ///
    /// Points of neighbouring panels are in one shard, which is small enough for the processor's cache: of points that
    /// are evaluated on the spot, one after the other, most of the time would be spent on waiting for memory.
    pub(super) fn expect(&self, points: usize, panel: (f64, f64)) {
        self.map.get_or_init(|| {
            let shards = (points / OF_SHARD).next_power_of_two().clamp(FEWEST, MOST);
            let hasher = BuildKeyHasher::with_regions(panel, NEIGHBOURS);
            DashMap::with_capacity_and_hasher_and_shard_amount(points, hasher, shards)
        });
    }

    /// Takes a flight that has ended without a value out of the map, unless another has taken its place.
    pub(crate) fn forget(&self, key: P::Key, pending: &Arc<Pending<T, P>>) {
        let removed =
            self.map().remove_if(&key, |_, slot| matches!(slot, Point::Pending(there) if Arc::ptr_eq(there, pending)));
        drop(removed);
    }
}

impl<T: Clone, P: At> Points<T, P> {
    pub(crate) fn known(&self, key: P::Key) -> Option<T> {
        match self.map().get(&key)?.value() {
            Point::Known(value) => Some(value.clone()),
            Point::Pending(_) => None,
        }
    }

    /// All that is known, in no order.
    pub(super) fn all(&self) -> Vec<(P, T)> {
        let known = self.map().iter().filter_map(|point| match point.value() {
            Point::Known(value) => Some((P::of_key(*point.key()), value.clone())),
            Point::Pending(_) => None,
        });
        known.collect()
    }

    /// What there is at `key`.
    pub(super) fn look(&self, key: P::Key) -> Option<Point<T, P>> {
        Some(match self.map().get(&key)?.value() {
            Point::Known(value) => Point::Known(value.clone()),
            Point::Pending(pending) => Point::Pending(Arc::clone(pending)),
        })
    }

    /// Stores the value that `pending` found and returns the one to go by: that of the first to be stored.
    #[inline]
    pub(crate) fn store(&self, key: P::Key, pending: &Arc<Pending<T, P>>, value: T) -> T {
        let copy = value.clone();
        match self.put(key, copy) {
            Some(replaced) => {
                debug_assert!(Arc::ptr_eq(&replaced, pending), "two flights for one point");
                value
            }
            None => self.known(key).unwrap_or(value),
        }
    }

    /// Stores `value` unless there is one, and returns the flight that it replaces. What is stored is written to the
    /// file, if there is one, before anybody who waits for it is told.
    pub(super) fn put(&self, key: P::Key, value: T) -> Option<Arc<Pending<T, P>>> {
        #[cfg(feature = "durable")]
        if let Some(keeper) = &self.keeper {
            let record = keeper.journal.record(P::of_key(key), &value);
            let placed = self.place(key, value);
            if let (Some(record), true) = (record, placed.is_ok()) {
                keeper.journal.write(record);
            }
            return placed.unwrap_or_default();
        }
        self.place(key, value).unwrap_or_default()
    }

    /// Stores `value` unless there is one (`Err`), and returns the flight that it replaces.
    #[inline]
    fn place(&self, key: P::Key, value: T) -> Result<Option<Arc<Pending<T, P>>>, AlreadyKnown> {
        match self.map().entry(key) {
            Entry::Occupied(mut entry) => {
                if matches!(entry.get(), Point::Known(_)) && !planted!(15) {
                    drop(entry); // The guard first: `value` is the user's to drop.
                    drop(value);
                    return Err(AlreadyKnown);
                }
                self.finished.fetch_add(1, Ordering::Relaxed);
                match entry.insert(Point::Known(value)) {
                    Point::Pending(pending) => Ok(Some(pending)),
                    Point::Known(_) if planted!(15) => Ok(None),
                    Point::Known(_) => unreachable!("looked at under the same guard"),
                }
            }
            Entry::Vacant(entry) => {
                self.finished.fetch_add(1, Ordering::Relaxed);
                drop(entry.insert(Point::Known(value)));
                Ok(None)
            }
        }
    }

    /// The value at `key`, or a seat in its flight: that under way, or the one that `first` creates.
    pub(super) fn board(
        self: &Arc<Self>,
        key: P::Key,
        first: impl FnOnce(&Arc<Self>, P::Key) -> Seat<T, P>,
    ) -> Boarding<T, P> {
        let mut over = None;
        let boarding = match self.map().entry(key) {
            Entry::Occupied(mut entry) => {
                let joined = match entry.get() {
                    Point::Known(value) => return Boarding::Known(value.clone()),
                    Point::Pending(pending) => Seat::join(self, key, pending),
                };
                match joined {
                    Some((seat, led)) => Boarding::Joined { seat, led },
                    None => {
                        let seat = first(self, key);
                        over = Some(entry.insert(Point::Pending(Arc::clone(seat.pending()))));
                        Boarding::First(seat)
                    }
                }
            }
            Entry::Vacant(entry) => {
                let seat = first(self, key);
                drop(entry.insert(Point::Pending(Arc::clone(seat.pending()))));
                Boarding::First(seat)
            }
        };
        drop(over);
        boarding
    }
}
