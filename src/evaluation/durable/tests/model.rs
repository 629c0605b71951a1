//! A disk that loses power, and whose operations fail when told to.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use crate::evaluation::durable::storage::Storage;

const SECTOR: u64 = 512;

/// xorshift64* (Vigna 2016).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % n
    }
}

/// So many trials of a row of docs/TESTING.md, by seed: twenty times as many with `COQUAD_LONG`, only one with
/// `COQUAD_SEED`. Tells of them when dropped.
pub(super) struct Row {
    name: &'static str,
    pub(super) seeds: Range<u64>,
    started: Instant,
}

pub(super) fn row(name: &'static str, trials: u64) -> Row {
    let seed = std::env::var("COQUAD_SEED").ok().map(|seed| seed.parse::<u64>().expect("a number"));
    let all = if std::env::var_os("COQUAD_LONG").is_some() { 0..20 * trials } else { 0..trials };
    Row { name, seeds: seed.map_or(all, |seed| seed..seed + 1), started: Instant::now() }
}

impl Row {
    /// A row that tries every case there is.
    pub(super) fn all(name: &'static str, cases: usize) -> Self {
        Self { name, seeds: 0..cases as u64, started: Instant::now() }
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        let (trials, seconds) = (self.seeds.end - self.seeds.start, self.started.elapsed().as_secs_f64());
        if !std::thread::panicking() {
            println!("row {}: {trials} trials, 0 violations, {seconds:.1} s", self.name);
        }
    }
}

enum Pending {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

/// What happens to operation `at`, counted from 0.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// It fails, the rest work.
    Fails(usize),
    /// It is a write of which only half is done, or fails otherwise; the rest work.
    IsShort(usize),
    /// The power fails in the midst of it: it may or may not be done, and nothing works afterwards.
    PowerCut(usize),
}

#[derive(Default)]
pub(super) struct Disk {
    /// What a power cut leaves for sure.
    synced: Vec<u8>,
    /// What is read back without one.
    seen: Vec<u8>,
    pending: Vec<Pending>,
    pub(super) operations: usize,
    pub(super) reads: usize,
    pub(super) fault: Option<Fault>,
}

#[derive(Clone, Default)]
pub(super) struct Model(Arc<Mutex<Disk>>);

impl Model {
    pub(super) fn holding(bytes: &[u8]) -> Self {
        let model = Self::default();
        (model.disk().synced, model.disk().seen) = (bytes.to_vec(), bytes.to_vec());
        model
    }

    pub(super) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.disk().seen.clone()
    }

    /// Any part of what was not synced is lost, by sectors, whatever its order.
    pub(super) fn cut_power(&self, random: &mut Random) {
        let mut disk = self.disk();
        let mut left = std::mem::take(&mut disk.synced);
        for pending in std::mem::take(&mut disk.pending) {
            match pending {
                Pending::Truncate(len) if random.below(2) == 0 => left.resize(len as usize, 0),
                Pending::Truncate(_) => {}
                Pending::Write(at, bytes) => {
                    let (mut from, end) = (at, at + bytes.len() as u64);
                    while from < end {
                        let to = end.min((from / SECTOR + 1) * SECTOR);
                        if random.below(2) == 0 {
                            left.resize(left.len().max(to as usize), 0);
                            let piece = &bytes[(from - at) as usize..(to - at) as usize];
                            left[from as usize..to as usize].copy_from_slice(piece);
                        }
                        from = to;
                    }
                }
            }
        }
        disk.synced = left.clone();
        disk.seen = left;
        disk.fault = None;
    }

    /// Counts an operation that changes something, and does it unless it fails.
    fn change(&self, done: impl FnOnce(&mut Disk, bool)) -> io::Result<()> {
        let mut disk = self.disk();
        let number = disk.operations;
        disk.operations += 1;
        let failure = || Err(io::Error::from_raw_os_error(5));
        match disk.fault {
            Some(Fault::Fails(at)) if at == number => return failure(),
            Some(Fault::IsShort(at)) if at == number => {
                done(&mut disk, true);
                return failure();
            }
            Some(Fault::PowerCut(at)) if at == number => {
                done(&mut disk, false);
                return failure();
            }
            Some(Fault::PowerCut(at)) if at < number => return failure(),
            _ => done(&mut disk, false),
        }
        Ok(())
    }
}

impl Storage for Model {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk().seen.len() as u64)
    }

    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let mut disk = self.disk();
        disk.reads += 1;
        // The reader makes as much room as it reads at once.
        assert!(into.len() <= disk.seen.len(), "room for {} of {} bytes", into.len(), disk.seen.len());
        into.copy_from_slice(&disk.seen[at as usize..at as usize + into.len()]);
        Ok(())
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.change(|disk, short| {
            let bytes = if short { &bytes[..bytes.len() / 2] } else { bytes };
            let at = disk.seen.len() as u64;
            disk.seen.extend_from_slice(bytes);
            disk.pending.push(Pending::Write(at, bytes.to_vec()));
        })
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.change(|disk, short| {
            if !short {
                disk.seen.truncate(len as usize);
                disk.pending.push(Pending::Truncate(len));
            }
        })
    }

    fn sync(&self) -> io::Result<()> {
        let cut = |disk: &Disk| matches!(disk.fault, Some(Fault::PowerCut(at)) if at == disk.operations - 1);
        self.change(|disk, short| {
            if !short && !cut(disk) {
                disk.pending.clear();
                disk.synced = disk.seen.clone();
            }
        })
    }
}
