//! A cache that outlives its process: every point goes to a file, and is there again when the file is opened.

mod codec;
mod error;
mod format;
pub(crate) mod journal;
mod recovery;
mod storage;

use std::ffi::OsString;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::codec::Durable;
pub use self::error::DurableError;
use self::journal::{Journal, Keeper, Log};
use self::recovery::{Found, OnDamage, Refusal};
use self::storage::{FileStorage, Storage};
use super::arithmetic::Arithmetic;
use super::points::cache::PointCache;
use crate::point::Point;
use crate::trace;

/// How long an identity may be, and the name of a value type, in bytes.
const LONGEST_IDENTITY: usize = 4096;
const LONGEST_TYPE: usize = 1024;

/// What a durable cache's file has, had and lost: see [`PointCache::durability`].
///
/// # Examples
///
/// ```
/// use coquad::PointCache;
///
/// # let folder = std::env::temp_dir().join(format!("coquad-doc-durability-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("points");
/// let cache = PointCache::open(&path, "x squared")?;
/// # futures::executor::block_on(async {
/// cache.get_or_evaluate(3.0, || async { Ok(9.0) }).await?;
/// cache.sync().await?; // from here on it survives a power cut
/// let durability = cache.durability().expect("it has a file");
/// assert_eq!((durability.loaded, durability.written, durability.persisted), (0, 1, 1));
/// assert!(durability.failure.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Durability {
    /// How many points were in the file when it was opened.
    pub loaded: usize,
    /// How many points have been written to it, those loaded included: they survive the end of the process.
    pub written: usize,
    /// How many of those are acknowledged: they survive a power cut, too.
    pub persisted: usize,
    /// How many bytes were dropped from the end of the file when it was opened: what a crash cut short.
    pub dropped: u64,
    /// How many bytes amid others [`PointCache::recover`] has passed over.
    pub skipped: u64,
    /// Why nothing is written any more, if so.
    pub failure: Option<DurableError>,
    /// The [`Arithmetic`] of the process that made the file, if the file tells: files of older versions do not. Where
    /// it does not [agree](Arithmetic::agrees_with) with that of this process, values that are found from now on may
    /// have other bits than those in the file ([`PointCache::same_arithmetic`] refuses that).
    pub arithmetic: Option<Arithmetic>,
}

/// Durable caches, with the feature `durable`.
#[cfg_attr(docsrs, doc(cfg(feature = "durable")))]
impl<T: Durable + Clone + Send + Sync + 'static> PointCache<T> {
    /// Opens the cache in the file at `path`, or creates it. Every value found from now on is written to the file.
    ///
    /// `identity` names the integrand, its version and all its parameters, in up to 4 KiB of text. A file with another
    /// identity is refused and left as it is: its values are another function's.
    ///
    /// After a crash, run the same program again: the points that are in the file are not evaluated, and the answer has
    /// the bits of a run that never crashed.
    ///
    /// # Durability
    ///
    /// A value is *written* when whoever asked for it gets it: it survives the end of the process, SIGKILL included. It
    /// is *acknowledged* some milliseconds later, by a thread of the cache's own that has the system put everything
    /// written onto the disk: it then survives a power cut. [`sync`](Self::sync) waits for that, and
    /// [`durability`](Self::durability) counts. What a crash has cut short at the end of the file is dropped when it is opened.
    ///
    /// A checksum guards each record against accidents, not against people: whoever may write the file can put any value
    /// into it. The file is created for its owner alone.
    ///
    /// # Failures while running
    ///
    /// When the disk is full or fails, the integral goes on, in memory. The first failure is kept and nothing is written after it:
    /// [`durability`](Self::durability) and [`sync`](Self::sync) tell. The file as it is then can be opened again.
    ///
    /// # Cost
    ///
    /// Opening reads the whole file: well below a second for a million points. It blocks the calling thread meanwhile. A
    /// point takes 25 bytes in the file for `f64`, and a microsecond or so of whoever stores it.
    ///
    /// # Concurrency
    ///
    /// One cache at a time has the file open; clones share it. Another gets [`DurableError::Locked`] at once. The lock goes
    /// with the last clone, or with the process, however it ends.
    ///
    /// # Errors
    ///
    /// All of [`DurableError`].
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{Inline, Integrator, PointCache};
    ///
    /// # let folder = std::env::temp_dir().join(format!("coquad-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("sine.points");
    /// let run = || -> Result<_, Box<dyn std::error::Error>> {
    ///     let cache = PointCache::open(&path, "sine, version 1")?;
    ///     let integrator = Integrator::new(Inline::new(f64::sin)).with_cache(cache);
    ///     Ok(integrator.integrate_blocking(0.0, 1.0, 1e-10)?)
    /// };
    /// let first = run()?;
    /// let again = run()?;
    /// assert_eq!((first.performed, again.performed), (first.evaluations, 0));
    /// assert_eq!(first.value.to_bits(), again.value.to_bits());
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(path: impl AsRef<Path>, identity: impl AsRef<str>) -> Result<Self, DurableError> {
        Self::open_over(path, identity)
    }

    /// Opens a damaged file, all that is whole of it: what [`open`](Self::open) refuses with [`DurableError::Corrupt`].
    ///
    /// The file is replaced by one with what could be read, [`Durability::skipped`] says how much could not. A file
    /// whose first bytes, with its identity, are damaged stays lost.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn recover(path: impl AsRef<Path>, identity: impl AsRef<str>) -> Result<Self, DurableError> {
        Self::recover_over(path, identity)
    }
}

/// Durable caches of points of any kind, with the feature `durable`.
#[cfg_attr(docsrs, doc(cfg(feature = "durable")))]
impl<T: Durable + Clone + Send + Sync + 'static, P: Point> PointCache<T, P> {
    /// Opens a cache as [`open`](PointCache::open) does, for points of any kind: those of an integrand of several
    /// variables.
    ///
    /// A file knows how many numbers its points have, and is refused by a cache of others. A point takes 9 bytes, and 8
    /// for each of its numbers and each number of its value.
    ///
    /// # Errors
    ///
    /// As [`open`](PointCache::open); [`DurableError::ValueType`] for a file whose points have more or fewer numbers.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::{BoxIntegrator, Inline, PointCache};
    ///
    /// # let folder = std::env::temp_dir().join(format!("coquad-doc-over-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("product.points");
    /// let run = || -> Result<_, Box<dyn std::error::Error>> {
    ///     let cache = PointCache::open_over(&path, "product, version 1")?;
    ///     let integrator = BoxIntegrator::new(Inline::over(|[x, y]: [f64; 2]| x * y.exp())).with_cache(cache);
    ///     Ok(integrator.integrate_blocking([0.0, 0.0], [1.0, 1.0], 1e-10)?)
    /// };
    /// let (first, again) = (run()?, run()?);
    /// assert_eq!((first.performed, again.performed), (first.evaluations, 0));
    /// assert_eq!(first.value.to_bits(), again.value.to_bits());
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_over(path: impl AsRef<Path>, identity: impl AsRef<str>) -> Result<Self, DurableError> {
        let path = path.as_ref();
        let storage = FileStorage::open(path)?;
        Self::from_storage(Box::new(storage), path.to_owned(), identity.as_ref())
    }

    /// Opens a damaged file of points of any kind, as [`recover`](PointCache::recover) does.
    ///
    /// # Errors
    ///
    /// As [`open_over`](Self::open_over).
    pub fn recover_over(path: impl AsRef<Path>, identity: impl AsRef<str>) -> Result<Self, DurableError> {
        let (path, identity) = (path.as_ref(), identity.as_ref());
        let io = |action| move |source| DurableError::Io { path: path.to_owned(), action, source: Arc::new(source) };
        let names = Names::new::<T, P>(identity)?;
        let damaged = FileStorage::open(path)?;
        let mut whole = PathBuf::from({
            let mut name = OsString::from(path);
            name.push(".recovered");
            name
        });
        let mut copy = FileStorage::open(&whole)?;
        whole = path.to_owned();
        copy.truncate(0).map_err(io("truncate the copy of"))?;
        // Whose arithmetic these values are is part of what is saved.
        let header = names.header(&recovery::arithmetic(&damaged).unwrap_or_default());
        copy.append(&header).map_err(io("copy"))?;
        let mut end = header.len() as u64;
        let mut failed = None;
        let found = recovery::read(&damaged, &names.value_type, identity, OnDamage::Skip, |x: P, value| {
            if decode::<T>(value).is_none() {
                return false;
            }
            let Some(mut record) = format::point(x, |bytes| bytes.extend_from_slice(value)) else { return false };
            format::seal(&mut record, end);
            end += record.len() as u64;
            failed = failed.take().or(copy.append(&record).err());
            true
        });
        let found = found.map_err(|refusal| names.error(path, refusal))?;
        if let Some(source) = failed {
            return Err(io("copy")(source));
        }
        copy.sync().map_err(io("sync the copy of"))?;
        copy.rename(path).map_err(io("replace"))?;
        drop(damaged);
        let mut cache = Self::from_storage(Box::new(copy), whole, identity)?;
        if let Some(keeper) = cache.keeper_mut() {
            (keeper.found.dropped, keeper.found.skipped) = (found.dropped, found.skipped);
        }
        Ok(cache)
    }

    /// Refuses a cache whose file was made by a process of another [`Arithmetic`], as on another CPU or in another build:
    /// values that this process finds would have other bits than those in the file.
    ///
    /// [`open`](Self::open) and [`recover`](Self::recover) take such a file, and tell: by an event of `tracing`, and in
    /// [`Durability::arithmetic`]. A cache in memory, and a file that does not say who made it, are never refused.
    ///
    /// # Errors
    ///
    /// [`DurableError::Arithmetic`], with both. The file is left as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use coquad::PointCache;
    ///
    /// # let folder = std::env::temp_dir().join(format!("coquad-doc-same-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("points");
    /// let cache = PointCache::<f64>::open(&path, "model, version 1")?.same_arithmetic()?;
    /// # drop(cache);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn same_arithmetic(self) -> Result<Self, DurableError> {
        let other = self.keeper().and_then(|keeper| differs(&keeper.journal.log.path, &keeper.found));
        other.map_or(Ok(self), Err)
    }

    fn from_storage(storage: Box<dyn Storage>, path: PathBuf, identity: &str) -> Result<Self, DurableError> {
        let (cache, log, found) = Self::load(storage, path, identity)?;
        if let Some(error) = differs(&log.path, &found) {
            trace::arithmetic_differs(&error);
        }
        if let Err(source) = log.start() {
            return Err(DurableError::Io {
                path: log.path.clone(),
                action: "start a thread for",
                source: Arc::new(source),
            });
        }
        Ok(cache.kept(Keeper { journal: Journal::new(log), found }))
    }

    /// The points of a storage, and the log to write further ones to. All that was read is on the disk.
    fn load(storage: Box<dyn Storage>, path: PathBuf, identity: &str) -> Result<(Self, Arc<Log>, Found), DurableError> {
        let names = Names::new::<T, P>(identity)?;
        let cache = Self::over();
        let found = recovery::read(&*storage, &names.value_type, identity, OnDamage::Refuse, |x, value| {
            decode(value).map(|value| cache.insert(x, value)).is_some()
        });
        let mut found = found.map_err(|refusal| names.error(&path, refusal))?;
        let io = |action| {
            let path = path.clone();
            move |source| DurableError::Io { path, action, source: Arc::new(source) }
        };
        if found.dropped > 0 && !planted!(23) {
            storage.truncate(found.end).map_err(io("truncate"))?;
        }
        if found.end == 0 {
            let here = Arithmetic::here();
            let header = names.header(here.as_str());
            storage.append(&header).map_err(io("write to"))?;
            found.end = header.len() as u64;
            found.arithmetic = Some(here.as_str().to_owned());
        }
        // What a killed process wrote may not be on the disk yet; and nothing may follow a header that is not.
        storage.sync().map_err(io("sync"))?;
        let log = Log::new(storage, path, found.end, found.points);
        Ok((cache, Arc::new(log), found))
    }
}

/// Durable caches, with the feature `durable`.
#[cfg_attr(docsrs, doc(cfg(feature = "durable")))]
impl<T, P: Point> PointCache<T, P> {
    /// Waits until every value that was stored before the call is acknowledged: on the disk, and safe from a power cut. At
    /// once where the cache has no file.
    ///
    /// Works under any runtime.
    ///
    /// # Cost
    ///
    /// That of the disk, some milliseconds; shared by all who wait.
    ///
    /// # Cancellation
    ///
    /// Dropping the future only stops waiting.
    ///
    /// # Errors
    ///
    /// The failure after which nothing is written any more.
    pub async fn sync(&self) -> Result<(), DurableError> {
        let Some(keeper) = self.keeper() else { return Ok(()) };
        let log = &keeper.journal.log;
        let points = log.lock().written;
        poll_fn(|cx| log.poll_persisted(points, cx)).await
    }

    /// Returns what has become of the cache's file, or `None` for a cache in memory.
    #[must_use]
    pub fn durability(&self) -> Option<Durability> {
        let Keeper { journal, found } = self.keeper()?;
        let state = journal.log.lock();
        Some(Durability {
            loaded: found.points,
            written: state.written,
            persisted: state.persisted,
            dropped: found.dropped,
            skipped: found.skipped,
            failure: state.failure.clone(),
            arithmetic: found.arithmetic.as_deref().map(Arithmetic::from),
        })
    }
}

/// Whether the file is another arithmetic's.
fn differs(path: &Path, found: &Found) -> Option<DurableError> {
    let found = Arithmetic::from(found.arithmetic.as_deref()?);
    let here = Arithmetic::here();
    let differs = !found.agrees_with(&here);
    differs.then(|| DurableError::Arithmetic { path: path.to_owned(), found, expected: here })
}

fn decode<T: Durable>(mut bytes: &[u8]) -> Option<T> {
    let value = T::decode(&mut bytes)?;
    bytes.is_empty().then_some(value)
}

/// What a file is asked for.
struct Names<'a> {
    value_type: String,
    identity: &'a str,
}

impl<'a> Names<'a> {
    fn new<T: Durable, P: Point>(identity: &'a str) -> Result<Self, DurableError> {
        // Of points of several numbers the header tells how many there are: a release that knows of one number refuses it.
        let value_type = match P::AXES {
            1 => T::encoding(),
            axes => format!("[f64; {axes}] -> {}", T::encoding()),
        };
        for (length, limit) in [(identity.len(), LONGEST_IDENTITY), (value_type.len(), LONGEST_TYPE)] {
            if length > limit {
                return Err(DurableError::TooLong { length, limit });
            }
        }
        Ok(Self { value_type, identity })
    }

    fn header(&self, arithmetic: &str) -> Vec<u8> {
        format::header(&self.value_type, self.identity, arithmetic)
    }

    fn error(&self, path: &Path, refusal: Refusal) -> DurableError {
        let path = path.to_owned();
        match refusal {
            Refusal::Io(action, source) => DurableError::Io { path, action, source: Arc::new(source) },
            Refusal::Foreign => DurableError::NotACache { path },
            Refusal::Format(found) => DurableError::Version { path, found, expected: format::FORMAT },
            Refusal::ValueType(found) => DurableError::ValueType { path, found, expected: self.value_type.clone() },
            Refusal::Identity(found) => DurableError::Identity { path, found, expected: self.identity.to_owned() },
            Refusal::Corrupt(offset) => DurableError::Corrupt { path, offset },
        }
    }
}

#[cfg(test)]
mod tests;
