//! Who waits for a point: one, as a rule, and nothing is allocated for that one.

use std::collections::BTreeMap;
use std::mem;
use std::task::Waker;

pub(super) struct Sleeper {
    pub(super) waker: Waker,
    /// It came to drive while another did: it is woken as soon as that one pauses.
    pub(super) turned_away: bool,
}

/// Those to be woken, by the numbers of their seats.
#[derive(Default)]
pub(super) struct Sleepers {
    /// Whoever came when this place was free.
    one: Option<(u32, Sleeper)>,
    /// None if there are none: even an empty map takes time to drop.
    others: Option<BTreeMap<u32, Sleeper>>,
}

impl Sleepers {
    pub(super) fn get_mut(&mut self, seat: u32) -> Option<&mut Sleeper> {
        match &mut self.one {
            Some((number, sleeper)) if *number == seat => Some(sleeper),
            _ => self.others.as_mut()?.get_mut(&seat),
        }
    }

    /// Registers a sleeper, and returns the one that had its seat.
    pub(super) fn insert(&mut self, seat: u32, sleeper: Sleeper) -> Option<Sleeper> {
        if let Some(place) = self.get_mut(seat) {
            return Some(mem::replace(place, sleeper));
        }
        if self.one.is_some() {
            return self.others.get_or_insert_default().insert(seat, sleeper);
        }
        self.one = Some((seat, sleeper));
        None
    }

    #[inline]
    pub(super) fn remove(&mut self, seat: u32) -> Option<Sleeper> {
        match &self.one {
            Some((number, _)) if *number == seat => self.one.take().map(|(_, sleeper)| sleeper),
            _ => self.others.as_mut()?.remove(&seat),
        }
    }

    /// Removes all. None if there are none: even to move an empty list takes time.
    pub(super) fn take(&mut self) -> Option<Self> {
        (self.one.is_some() || self.others.is_some()).then(|| mem::take(self))
    }

    /// Removes those who were turned away.
    pub(super) fn take_turned_away(&mut self) -> Self {
        let mut taken = Self::default();
        if self.one.as_ref().is_some_and(|(_, sleeper)| sleeper.turned_away) {
            taken.one = self.one.take();
        }
        if let Some(others) = &mut self.others {
            let (away, rest) = mem::take(others).into_iter().partition(|(_, sleeper)| sleeper.turned_away);
            (taken.others, *others) = (Some(away), rest);
        }
        taken
    }

    pub(super) fn wake(self) {
        if let Some((_, sleeper)) = self.one {
            sleeper.waker.wake();
        }
        if !planted!(9) {
            self.others.into_iter().flat_map(|others| others.into_values()).for_each(|sleeper| sleeper.waker.wake());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    struct Bell(Arc<AtomicUsize>, usize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(self.1, Ordering::Relaxed);
        }
    }

    #[test]
    fn each_seat_has_one_sleeper_and_all_are_woken_once() {
        let sum = Arc::new(AtomicUsize::new(0));
        let sleeper =
            |ring: usize, turned_away| Sleeper { waker: Waker::from(Arc::new(Bell(sum.clone(), ring))), turned_away };
        let mut all = Sleepers::default();
        for (seat, ring) in [(5, 1), (2, 10), (9, 100), (7, 1000)] {
            assert!(all.insert(seat, sleeper(ring, seat == 9 || seat == 5)).is_none());
        }
        assert!(all.insert(2, sleeper(20_000, false)).is_some_and(|old| !old.turned_away));
        assert!(all.insert(5, sleeper(300_000, true)).is_some_and(|old| old.turned_away));
        assert!(all.get_mut(2).is_some() && all.get_mut(5).is_some() && all.get_mut(3).is_none());
        assert!(all.remove(7).is_some() && all.remove(7).is_none());
        all.take_turned_away().wake();
        assert_eq!(sum.swap(0, Ordering::Relaxed), 300_100);
        assert!(all.remove(5).is_none() && all.insert(4, sleeper(4, false)).is_none() && all.remove(4).is_some());
        all.wake();
        assert_eq!(sum.load(Ordering::Relaxed), 20_000);
    }
}
