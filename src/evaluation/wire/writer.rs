//! MessagePack written to the end of a buffer.

use rmp::encode::{
    ByteBuf, write_array_len, write_bin, write_bin_len, write_f64, write_map_len, write_str, write_uint,
};

/// The version of the protocol.
///
/// ```
/// assert_eq!(coquad::wire::VERSION, 1); // a message of another version is refused
/// ```
pub const VERSION: u64 = 1;

/// Beyond this, numbers travel as bytes: a third of the size, and no work.
const LONGEST_ARRAY: usize = 64;

/// Writes one map to the end of a buffer. Writing to memory cannot fail.
pub(super) struct Writer<'a> {
    into: &'a mut Vec<u8>,
    buffer: ByteBuf,
}

const INFALLIBLE: &str = "memory takes what is written";

impl<'a> Writer<'a> {
    pub(super) fn new(into: &'a mut Vec<u8>, entries: u32) -> Self {
        let buffer = ByteBuf::from_vec(std::mem::take(into));
        let mut writer = Self { into, buffer };
        write_map_len(&mut writer.buffer, entries).expect(INFALLIBLE);
        writer.key("v");
        writer.count(VERSION);
        writer
    }

    pub(super) fn key(&mut self, key: &str) {
        write_str(&mut self.buffer, key).expect(INFALLIBLE);
    }

    pub(super) fn count(&mut self, count: u64) {
        write_uint(&mut self.buffer, count).expect(INFALLIBLE);
    }

    pub(super) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        write_str(&mut self.buffer, text).expect(INFALLIBLE);
    }

    pub(super) fn map(&mut self, key: &str, entries: u32) {
        self.key(key);
        write_map_len(&mut self.buffer, entries).expect(INFALLIBLE);
    }

    /// An array of so many elements, which follow.
    pub(super) fn array(&mut self, key: &str, length: usize) {
        self.key(key);
        write_array_len(&mut self.buffer, u32::try_from(length).unwrap_or(u32::MAX)).expect(INFALLIBLE);
    }

    /// An element that is a map.
    pub(super) fn entries(&mut self, entries: u32) {
        write_map_len(&mut self.buffer, entries).expect(INFALLIBLE);
    }

    /// What an answer says of itself.
    pub(super) fn about(
        &mut self,
        seconds: Option<f64>,
        worker: Option<&str>,
        delivery: Option<u64>,
        arithmetic: Option<&str>,
    ) {
        if let Some(seconds) = seconds {
            self.number("dt", seconds);
        }
        if let Some(worker) = worker {
            self.text("w", worker);
        }
        if let Some(delivery) = delivery {
            self.key("n");
            self.count(delivery);
        }
        if let Some(arithmetic) = arithmetic {
            self.text("a", arithmetic);
        }
    }

    pub(super) fn binary(&mut self, key: &str, bytes: &[u8]) {
        self.key(key);
        write_bin(&mut self.buffer, bytes).expect(INFALLIBLE);
    }

    pub(super) fn number(&mut self, key: &str, number: f64) {
        self.key(key);
        write_f64(&mut self.buffer, number).expect(INFALLIBLE);
    }

    pub(super) fn numbers(&mut self, key: &str, numbers: &[f64]) {
        self.key(key);
        // A list too long for any message is cut, here: the message is over the limit all the same.
        let length = |factor: usize| u32::try_from(factor * numbers.len()).unwrap_or(u32::MAX);
        if numbers.len() <= LONGEST_ARRAY {
            write_array_len(&mut self.buffer, length(1)).expect(INFALLIBLE);
            for &number in numbers {
                write_f64(&mut self.buffer, number).expect(INFALLIBLE);
            }
        } else {
            write_bin_len(&mut self.buffer, length(8)).expect(INFALLIBLE);
            self.buffer.as_mut_vec().extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        }
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        *self.into = std::mem::take(&mut self.buffer).into_vec();
    }
}
