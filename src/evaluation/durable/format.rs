//! The file: a header that says whose values these are, then records, one after the other.
//!
//! Header: magic, format, length of the value type, length of the identity, value type, identity, arithmetic (32 bytes, the
//! rest zero), CRC. Format 1 has no arithmetic, and is read and continued as it is.
//! Record: kind, length of the body, body, CRC. The body of a point is the bits of its numbers and the value, that of a mark the
//! number of bytes that were on the disk, for sure, when it was written. All numbers are little-endian. The CRC is
//! CRC-32C, and that of a record covers its place in the file too, so bytes of a value can never pass for a record.
//!
//! INVARIANT: a record before a mark's number was synced before the mark was written. So damage there is corruption;
//! damage with no such mark behind it is a torn tail: a crash in the midst of writing.

use std::io;

use crc::{CRC_32_ISCSI, Crc, Table};

use super::storage::Storage;
use crate::point::Point;

pub(super) static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

const MAGIC: [u8; 8] = *b"coquad\x1a\n";
pub(super) const FORMAT: u32 = 2;
/// The format before, which this version reads and writes to.
const BEFORE: u32 = 1;
/// Magic, format, two lengths.
const FIXED: usize = 16;
/// How long the text of the arithmetic may be; what is longer is cut.
const ARITHMETIC: usize = 32;
const CHECKSUM: usize = 4;

const POINT: u8 = 0xc1;
const MARK: u8 = 0xc2;
/// Kind and length.
const PREFIX: usize = 5;
/// The bits of a number of a point, or a mark's number.
const NUMBER: usize = 8;

/// How much is read at once; more only for a record that is longer.
const CHUNK: usize = 1 << 20;

pub(super) fn header(value_type: &str, identity: &str, arithmetic: &str) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&FORMAT.to_le_bytes());
    for name in [value_type, identity] {
        header.extend_from_slice(&(name.len() as u16).to_le_bytes());
    }
    header.extend_from_slice(value_type.as_bytes());
    header.extend_from_slice(identity.as_bytes());
    let text = &arithmetic.as_bytes()[..arithmetic.len().min(ARITHMETIC)];
    header.extend_from_slice(text);
    header.resize(header.len() + ARITHMETIC - text.len(), 0);
    let crc = CRC.checksum(&header);
    header.extend_from_slice(&crc.to_le_bytes());
    header
}

/// The part of a header that the value type and the identity make, alone.
pub(super) fn names_of(header: &[u8]) -> &[u8] {
    &header[..header.len() - ARITHMETIC - CHECKSUM]
}

/// What a file says of itself.
#[derive(Debug, PartialEq)]
pub(super) enum Header {
    Ours { value_type: String, identity: String, arithmetic: Option<String>, length: u64 },
    Other { format: u32 },
    Foreign,
    Damaged,
}

pub(super) fn read_header(window: &mut Window<'_>) -> io::Result<Header> {
    let Some(fixed) = window.get(0, FIXED)? else { return Ok(Header::Foreign) };
    if fixed[..8] != MAGIC {
        return Ok(Header::Foreign);
    }
    let format = u32_at(fixed, 8);
    if format != FORMAT && format != BEFORE {
        return Ok(Header::Other { format });
    }
    let [type_length, identity_length] = [12, 14].map(|i| usize::from(u16::from_le_bytes([fixed[i], fixed[i + 1]])));
    let names = FIXED + type_length + identity_length;
    let length = names + if format == FORMAT { ARITHMETIC } else { 0 };
    let Some(whole) = window.get(0, length + CHECKSUM)? else { return Ok(Header::Damaged) };
    if CRC.checksum(&whole[..length]) != u32_at(whole, length) {
        return Ok(Header::Damaged);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (value_type, identity) = whole[FIXED..names].split_at(type_length);
    let arithmetic = text(&whole[names..length]).trim_end_matches('\0').to_owned();
    Ok(Header::Ours {
        value_type: text(value_type),
        identity: text(identity),
        arithmetic: (!arithmetic.is_empty()).then_some(arithmetic),
        length: (length + CHECKSUM) as u64,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn checksum(at: u64, bytes: &[u8]) -> u32 {
    let mut digest = CRC.digest();
    digest.update(&if planted!(25) { 0 } else { at }.to_le_bytes());
    digest.update(bytes);
    digest.finalize()
}

/// A point's record, but for its CRC, which depends on its place; `None` if the value is too long.
pub(super) fn point<P: Point>(x: P, encode: impl FnOnce(&mut Vec<u8>)) -> Option<Vec<u8>> {
    let mut record = Vec::with_capacity(PREFIX + NUMBER * P::AXES + 8 + CHECKSUM);
    record.extend_from_slice(&[POINT, 0, 0, 0, 0]);
    for number in x.numbers() {
        record.extend_from_slice(&number.to_bits().to_le_bytes());
    }
    encode(&mut record);
    let length = u32::try_from(record.len() - PREFIX).ok()?;
    record[1..PREFIX].copy_from_slice(&length.to_le_bytes());
    Some(record)
}

pub(super) fn mark(synced: u64) -> Vec<u8> {
    let mut record = vec![MARK, NUMBER as u8, 0, 0, 0];
    record.extend_from_slice(&synced.to_le_bytes());
    record
}

/// Completes a record for its place.
pub(super) fn seal(record: &mut Vec<u8>, at: u64) {
    let crc = checksum(at, record);
    record.extend_from_slice(&crc.to_le_bytes());
}

pub(super) enum Record<'a> {
    /// The bits of the point's numbers and the value: [`split`] tells them apart.
    Point {
        body: &'a [u8],
    },
    Mark {
        synced: u64,
    },
}

/// How long the record at `at` claims to be, if there is anything like one with room for it.
pub(super) fn claimed_length(window: &mut Window<'_>, at: u64) -> io::Result<Option<u64>> {
    let len = window.len;
    let Some(prefix) = window.get(at, PREFIX)? else { return Ok(None) };
    let (kind, length) = (prefix[0], u64::from(u32_at(prefix, 1)));
    let fits = match kind {
        POINT => length >= NUMBER as u64,
        MARK => length == NUMBER as u64,
        _ => false,
    };
    let size = length + (PREFIX + CHECKSUM) as u64;
    Ok((fits && size <= len - at).then_some(size))
}

/// The record at `at` and where it ends, if there is a whole one. Nothing is read, and no room made, for a length that
/// the file does not have.
pub(super) fn record<'w>(window: &'w mut Window<'_>, at: u64) -> io::Result<Option<(Record<'w>, u64)>> {
    let Some(size) = claimed_length(window, at)? else { return Ok(None) };
    let size = size as usize;
    let Some(whole) = window.get(at, size)? else { return Ok(None) };
    let (covered, _) = whole.split_at(size - CHECKSUM);
    if checksum(at, covered) != u32_at(whole, size - CHECKSUM) && !planted!(22) {
        return Ok(None);
    }
    let record = match covered[0] {
        POINT => Record::Point { body: &covered[PREFIX..] },
        _ => Record::Mark { synced: u64_at(covered, PREFIX) },
    };
    Ok(Some((record, at + size as u64)))
}

/// The point of a record's body, and the bytes of its value.
pub(super) fn split<P: Point>(body: &[u8]) -> Option<(P, &[u8])> {
    let (numbers, value) = body.split_at_checked(NUMBER * P::AXES)?;
    if P::AXES == 1 {
        return Some((P::from_numbers(&[f64::from_bits(u64_at(numbers, 0))])?, value));
    }
    let numbers: Vec<f64> = numbers.chunks_exact(NUMBER).map(|bits| f64::from_bits(u64_at(bits, 0))).collect();
    Some((P::from_numbers(&numbers)?, value))
}

/// A storage as seen through a window that moves forward.
pub(super) struct Window<'a> {
    storage: &'a dyn Storage,
    pub(super) len: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(super) fn new(storage: &'a dyn Storage) -> io::Result<Self> {
        Ok(Self { storage, len: storage.len()?, start: 0, bytes: Vec::new() })
    }

    /// The `n` bytes from `at` on, if there are as many.
    pub(super) fn get(&mut self, at: u64, n: usize) -> io::Result<Option<&[u8]>> {
        if self.len.saturating_sub(at) < n as u64 {
            return Ok(None);
        }
        let inside = at >= self.start && at - self.start + n as u64 <= self.bytes.len() as u64;
        if !inside {
            let room = (self.len - at).min(n.max(CHUNK) as u64) as usize;
            self.bytes.clear();
            self.bytes.resize(room, 0);
            self.storage.read(at, &mut self.bytes)?;
            self.start = at;
        }
        let from = (at - self.start) as usize;
        Ok(Some(&self.bytes[from..from + n]))
    }
}
