//! What a file holds, found out when it is opened.

use std::io;

use super::format::{self, Header, Record, Window};
use super::storage::Storage;
use crate::point::Point;

/// Why a storage is not opened.
#[derive(Debug)]
pub(super) enum Refusal {
    Io(&'static str, io::Error),
    Foreign,
    Format(u32),
    ValueType(String),
    Identity(String),
    Corrupt(u64),
}

/// What was found, and what is to be left out.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    pub(super) points: usize,
    /// Where the next record goes.
    pub(super) end: u64,
    /// The bytes of a torn tail.
    pub(super) dropped: u64,
    /// The bytes passed over amid records.
    pub(super) skipped: u64,
    /// The arithmetic of the process that made the file, if the file tells.
    pub(super) arithmetic: Option<String>,
}

/// What to do with damage that is not a torn tail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum OnDamage {
    Refuse,
    Skip,
}

/// Reads all records; `point` takes a point and the bytes of its value, or says that it cannot. Nothing is changed.
pub(super) fn read<P: Point>(
    storage: &dyn Storage,
    value_type: &str,
    identity: &str,
    on_damage: OnDamage,
    mut point: impl FnMut(P, &[u8]) -> bool,
) -> Result<Found, Refusal> {
    let reading = |source| Refusal::Io("read", source);
    let mut window = Window::new(storage).map_err(reading)?;
    let header = format::header(value_type, identity, "");
    if is_unborn(&mut window, &header).map_err(reading)? {
        return Ok(Found { dropped: window.len, ..Found::default() });
    }
    let (arithmetic, length) = match format::read_header(&mut window).map_err(reading)? {
        Header::Ours { value_type: found, .. } if found != value_type => return Err(Refusal::ValueType(found)),
        Header::Ours { identity: found, .. } if found != identity => return Err(Refusal::Identity(found)),
        Header::Ours { arithmetic, length, .. } => (arithmetic, length),
        Header::Other { format } => return Err(Refusal::Format(format)),
        Header::Foreign => return Err(Refusal::Foreign),
        Header::Damaged => return Err(Refusal::Corrupt(0)),
    };

    let mut found = Found { end: length, arithmetic, ..Found::default() };
    // No record ends behind the file.
    while found.end != window.len {
        let at = found.end;
        let whole = match format::record(&mut window, at).map_err(reading)? {
            Some((Record::Point { body }, end)) => {
                format::split(body).is_some_and(|(x, value)| point(x, value)).then_some((end, true))
            }
            Some((Record::Mark { .. }, end)) => Some((end, false)),
            None => None,
        };
        if let Some((end, is_point)) = whole {
            found.end = end;
            found.points += usize::from(is_point);
            continue;
        }
        let Damage { next, was_synced } = look_behind(&mut window, at).map_err(reading)?;
        match (on_damage, next) {
            (OnDamage::Refuse, _) if was_synced => return Err(Refusal::Corrupt(at)),
            (OnDamage::Skip, Some(next)) => {
                found.skipped += next - at;
                found.end = next;
            }
            _ => {
                found.dropped = window.len - at;
                break;
            }
        }
    }
    Ok(found)
}

/// The arithmetic that the file tells, if it does.
pub(super) fn arithmetic(storage: &dyn Storage) -> Option<String> {
    match format::read_header(&mut Window::new(storage).ok()?).ok()? {
        Header::Ours { arithmetic, .. } => arithmetic,
        _ => None,
    }
}

/// Whether this is a file whose making was cut short: nothing in it but a part of the header, for a header is synced
/// before anything follows it. Whose arithmetic the maker had does not matter.
fn is_unborn(window: &mut Window<'_>, header: &[u8]) -> io::Result<bool> {
    if window.len > header.len() as u64 {
        return Ok(false);
    }
    let length = window.len as usize;
    let is_whole = matches!(format::read_header(window)?, Header::Ours { length: whole, .. } if whole == length as u64);
    let there = window.get(0, length)?.unwrap_or_default();
    let same = there.iter().zip(format::names_of(header)).all(|(there, byte)| there == byte || *there == 0);
    Ok(!is_whole && same)
}

/// What is behind damage.
struct Damage {
    /// The next whole record.
    next: Option<u64>,
    /// Whether the place of the damage was synced once.
    was_synced: bool,
}

/// Checksums may run over so many times the file's length in the search: records cannot overlap, but what looks like
/// the beginning of one can, if somebody made it so.
const PATIENCE: u64 = 64;

fn look_behind(window: &mut Window<'_>, damage: u64) -> io::Result<Damage> {
    let mut seen = Damage { next: None, was_synced: false };
    let mut patience = window.len.saturating_mul(PATIENCE);
    let mut at = damage + 1;
    while at != window.len && patience > 0 {
        let Some(claimed) = format::claimed_length(window, at)? else {
            at += 1;
            continue;
        };
        patience = patience.saturating_sub(claimed);
        match format::record(window, at)? {
            Some((record, end)) => {
                seen.next.get_or_insert(at);
                if matches!(record, Record::Mark { synced } if synced > damage) {
                    seen.was_synced = true;
                    break;
                }
                at = end;
            }
            None => at += 1,
        }
    }
    Ok(seen)
}
