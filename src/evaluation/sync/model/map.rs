//! A map with the interface of the concurrent one, as far as the cache uses it, behind one lock of the model.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use super::{Mutex, MutexGuard};

pub(crate) struct DashMap<K, V, S>(Mutex<HashMap<K, V, S>>);

type Guard<'a, K, V, S> = MutexGuard<'a, HashMap<K, V, S>>;

impl<K: Copy + Eq + Hash, V, S: BuildHasher> DashMap<K, V, S> {
    pub(crate) fn with_hasher(hasher: S) -> Self {
        Self(Mutex::new(HashMap::with_hasher(hasher)))
    }

    pub(crate) fn with_capacity_and_hasher_and_shard_amount(_: usize, hasher: S, _: usize) -> Self {
        Self::with_hasher(hasher)
    }

    pub(crate) fn with_hasher_and_shard_amount(hasher: S, _: usize) -> Self {
        Self::with_hasher(hasher)
    }

    fn lock(&self) -> Guard<'_, K, V, S> {
        self.0.lock().expect("no model panics under the lock")
    }

    pub(crate) fn get(&self, key: &K) -> Option<Ref<'_, K, V, S>> {
        let guard = self.lock();
        guard.contains_key(key).then(|| Ref { guard, key: *key })
    }

    /// All entries, each locked by itself.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Ref<'_, K, V, S>> {
        let keys: Vec<K> = self.lock().keys().copied().collect();
        keys.into_iter().filter_map(|key| self.get(&key))
    }

    pub(crate) fn remove_if(&self, key: &K, condition: impl FnOnce(&K, &V) -> bool) -> Option<(K, V)> {
        let mut guard = self.lock();
        if guard.get(key).is_some_and(|value| condition(key, value)) { guard.remove_entry(key) } else { None }
    }

    pub(crate) fn entry(&self, key: K) -> Entry<'_, K, V, S> {
        let guard = self.lock();
        if guard.contains_key(&key) {
            Entry::Occupied(Ref { guard, key })
        } else {
            Entry::Vacant(Vacancy { guard, key })
        }
    }
}

pub(crate) enum Entry<'a, K, V, S> {
    Occupied(Ref<'a, K, V, S>),
    Vacant(Vacancy<'a, K, V, S>),
}

/// A value in the map, which stays locked.
pub(crate) struct Ref<'a, K, V, S> {
    guard: Guard<'a, K, V, S>,
    key: K,
}

impl<K: Copy + Eq + Hash, V, S: BuildHasher> Ref<'_, K, V, S> {
    pub(crate) fn key(&self) -> &K {
        &self.key
    }

    pub(crate) fn value(&self) -> &V {
        &self.guard[&self.key]
    }

    pub(crate) fn get(&self) -> &V {
        self.value()
    }

    pub(crate) fn insert(&mut self, value: V) -> V {
        self.guard.insert(self.key, value).expect("there is a value")
    }
}

/// Room in the map, which stays locked.
pub(crate) struct Vacancy<'a, K, V, S> {
    guard: Guard<'a, K, V, S>,
    key: K,
}

impl<'a, K: Copy + Eq + Hash, V, S: BuildHasher> Vacancy<'a, K, V, S> {
    pub(crate) fn insert(mut self, value: V) -> Guard<'a, K, V, S> {
        self.guard.insert(self.key, value);
        self.guard
    }
}
