//! The open file: what is appended to it, and when that is on the disk.
//!
//! A point is written by whoever found it, at once: from then on it survives the end of the process, however that comes.
//! One thread syncs: everything written by the time it begins is on the disk when it is done (group commit), and a mark
//! says so to whoever reads the file.
//!
//! INVARIANT: the first failure is the last. What the system has lost it does not find by being asked again: after a failed
//! sync a second may well succeed without having written anything. So nothing is written after a failure.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use super::codec::Durable;
use super::error::DurableError;
use super::format;
use super::recovery::Found;
use super::storage::Storage;
use crate::evaluation::panics;
use crate::point::Point;
use crate::trace;

/// Where a cache's new points go.
pub(crate) struct Journal<T> {
    pub(super) log: Arc<Log>,
    encode: fn(&T, &mut Vec<u8>),
}

/// What a cache keeps of its file.
pub(crate) struct Keeper<T> {
    pub(crate) journal: Journal<T>,
    pub(super) found: Found,
}

impl<T: Durable> Journal<T> {
    pub(super) fn new(log: Arc<Log>) -> Self {
        Self { log, encode: T::encode }
    }
}

impl<T> Journal<T> {
    /// The record of a point, to be written if the point turns out to be new. Runs the user's code.
    pub(crate) fn record<P: Point>(&self, x: P, value: &T) -> Option<Vec<u8>> {
        if self.log.lock().failure.is_some() {
            return None;
        }
        let encoded = catch_unwind(AssertUnwindSafe(|| format::point(x, |bytes| (self.encode)(value, bytes))));
        let record = encoded.unwrap_or_else(|payload| {
            panics::dispose(payload);
            None
        });
        if record.is_none() {
            self.log.fail(DurableError::Value { path: self.log.path.clone(), x: x.numbers().into() });
        }
        record
    }

    pub(crate) fn write(&self, record: Vec<u8>) {
        self.log.write(record);
    }
}

impl<T> Drop for Journal<T> {
    fn drop(&mut self) {
        self.log.close();
    }
}

pub(super) struct Log {
    storage: Box<dyn Storage>,
    pub(super) path: PathBuf,
    state: Mutex<State>,
    /// Notified when there is something to sync, or no more to come.
    changed: Condvar,
}

pub(super) struct State {
    /// Where the next record goes.
    end: u64,
    /// How many points were written, and how many of them are on the disk.
    pub(super) written: usize,
    pub(super) persisted: usize,
    pub(super) failure: Option<DurableError>,
    closed: bool,
    /// Who waits for points to be on the disk.
    waiting: Vec<Waker>,
}

impl Log {
    /// A log of which all `end` bytes, with so many points, are on the disk.
    pub(super) fn new(storage: Box<dyn Storage>, path: PathBuf, end: u64, points: usize) -> Self {
        let state =
            State { end, written: points, persisted: points, failure: None, closed: false, waiting: Vec::new() };
        Self { storage, path, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Starts the thread that syncs. It ends when the log is closed, or has failed.
    pub(super) fn start(self: &Arc<Self>) -> io::Result<()> {
        let log = Arc::clone(self);
        thread::Builder::new().name("coquad-sync".to_owned()).spawn(move || while log.wait() && log.commit() {})?;
        Ok(())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to sync; `false` if there never will be.
    pub(super) fn wait(&self) -> bool {
        let mut state = self.lock();
        while state.failure.is_none() && state.persisted == state.written {
            if state.closed {
                return false;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.failure.is_none()
    }

    pub(super) fn write(&self, mut record: Vec<u8>) {
        let mut state = self.lock();
        if state.failure.is_some() || state.closed {
            return;
        }
        format::seal(&mut record, state.end);
        match self.storage.append(&record) {
            Ok(()) => {
                state.end += record.len() as u64;
                state.written += 1;
                drop(state);
                self.changed.notify_one();
            }
            Err(source) => self.latch(state, self.io("write to", source)),
        }
    }

    /// Syncs what is written by now; `false` after a failure.
    pub(super) fn commit(&self) -> bool {
        let (end, written) = {
            let state = self.lock();
            if state.failure.is_some() {
                return false;
            }
            (state.end, state.written)
        };
        let synced = if planted!(21) { Ok(()) } else { self.storage.sync() };
        let in_place = self.storage.is_in_place();
        let mut state = self.lock();
        if let Err(source) = synced {
            self.latch(state, self.io("sync", source));
            return false;
        }
        if !in_place {
            self.latch(state, DurableError::Replaced { path: self.path.clone() });
            return false;
        }
        state.persisted = written;
        if !state.closed && state.failure.is_none() {
            let mut mark = format::mark(end);
            format::seal(&mut mark, state.end);
            if let Err(source) = self.storage.append(&mark) {
                self.latch(state, self.io("write to", source));
                return false;
            }
            state.end += mark.len() as u64;
        }
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
        true
    }

    /// Waits until the first `points` points are on the disk.
    pub(super) fn poll_persisted(&self, points: usize, cx: &mut Context<'_>) -> Poll<Result<(), DurableError>> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if let Some(failure) = &state.failure {
            return Poll::Ready(Err(failure.clone()));
        }
        if state.persisted >= points {
            return Poll::Ready(Ok(()));
        }
        if !state.waiting.iter().any(|other| other.will_wake(&waker)) {
            state.waiting.push(waker);
        }
        Poll::Pending
    }

    fn io(&self, action: &'static str, source: io::Error) -> DurableError {
        DurableError::Io { path: self.path.clone(), action, source: Arc::new(source) }
    }

    fn fail(&self, failure: DurableError) {
        self.latch(self.lock(), failure);
    }

    fn latch(&self, mut state: MutexGuard<'_, State>, failure: DurableError) {
        let failure = state.failure.get_or_insert(failure).clone();
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        self.changed.notify_one();
        waiting.into_iter().for_each(Waker::wake);
        trace::nothing_is_kept(&failure);
    }

    // The lock is let go of here and not when the thread ends, so that the file can be opened again at once. What is still
    // to be synced is synced all the same, but nothing is written any more.
    fn close(&self) {
        self.lock().closed = true;
        self.storage.unlock();
        self.changed.notify_one();
    }
}
