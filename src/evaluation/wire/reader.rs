//! MessagePack read from bytes that nobody vouches for.
//!
//! INVARIANT: no recursion, and no allocation larger than a small multiple of the bytes that are there.

use rmp::Marker;

use super::WireError;

/// The rest of a message.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

const SHORT: WireError = WireError::malformed("it ends too early");

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(SHORT)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn marker(&mut self) -> Result<Marker, WireError> {
        let [byte] = self.fixed()?;
        Ok(Marker::from_u8(byte))
    }

    /// A length of 1, 2 or 4 bytes.
    fn length(&mut self, bytes: u8) -> Result<usize, WireError> {
        Ok(match bytes {
            1 => usize::from(u8::from_be_bytes(self.fixed()?)),
            2 => usize::from(u16::from_be_bytes(self.fixed()?)),
            _ => u32::from_be_bytes(self.fixed()?) as usize,
        })
    }

    /// The message is over.
    pub(super) fn end(&self) -> Result<(), WireError> {
        if self.rest.is_empty() || planted!(29) {
            Ok(())
        } else {
            Err(WireError::malformed("bytes follow the message"))
        }
    }

    /// The number of entries of a map.
    pub(super) fn map(&mut self) -> Result<usize, WireError> {
        match self.marker()? {
            Marker::FixMap(entries) => Ok(usize::from(entries)),
            Marker::Map16 => self.length(2),
            Marker::Map32 => self.length(4),
            _ => Err(WireError::malformed("it is not a map")),
        }
    }

    /// The number of elements of an array.
    pub(super) fn array(&mut self) -> Result<usize, WireError> {
        match self.marker()? {
            Marker::FixArray(length) => Ok(usize::from(length)),
            Marker::Array16 => self.length(2),
            Marker::Array32 => self.length(4),
            _ => Err(WireError::malformed("it is not an array")),
        }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, WireError> {
        let length = match self.marker()? {
            Marker::FixStr(length) => usize::from(length),
            Marker::Str8 => self.length(1)?,
            Marker::Str16 => self.length(2)?,
            Marker::Str32 => self.length(4)?,
            _ => return Err(WireError::malformed("a text is due")),
        };
        std::str::from_utf8(self.bytes(length)?).map_err(|_| WireError::malformed("a text is not UTF-8"))
    }

    pub(super) fn binary(&mut self) -> Result<&'a [u8], WireError> {
        let length = match self.marker()? {
            Marker::Bin8 => self.length(1)?,
            Marker::Bin16 => self.length(2)?,
            Marker::Bin32 => self.length(4)?,
            _ => return Err(WireError::malformed("bytes are due")),
        };
        self.bytes(length)
    }

    /// An integer that is not negative.
    pub(super) fn count(&mut self) -> Result<u64, WireError> {
        let signed = match self.marker()? {
            Marker::FixPos(n) => return Ok(u64::from(n)),
            Marker::U8 => return Ok(u64::from(u8::from_be_bytes(self.fixed()?))),
            Marker::U16 => return Ok(u64::from(u16::from_be_bytes(self.fixed()?))),
            Marker::U32 => return Ok(u64::from(u32::from_be_bytes(self.fixed()?))),
            Marker::U64 => return Ok(u64::from_be_bytes(self.fixed()?)),
            Marker::I8 => i64::from(i8::from_be_bytes(self.fixed()?)),
            Marker::I16 => i64::from(i16::from_be_bytes(self.fixed()?)),
            Marker::I32 => i64::from(i32::from_be_bytes(self.fixed()?)),
            Marker::I64 => i64::from_be_bytes(self.fixed()?),
            _ => -1,
        };
        u64::try_from(signed).map_err(|_| WireError::malformed("a count is due"))
    }

    /// A float, or an integer in its place.
    pub(super) fn number(&mut self) -> Result<f64, WireError> {
        Ok(match self.marker()? {
            Marker::F64 => f64::from_be_bytes(self.fixed()?),
            Marker::F32 => f64::from(f32::from_be_bytes(self.fixed()?)),
            Marker::FixPos(n) => f64::from(n),
            Marker::FixNeg(n) => f64::from(n),
            Marker::U8 => f64::from(u8::from_be_bytes(self.fixed()?)),
            Marker::U16 => f64::from(u16::from_be_bytes(self.fixed()?)),
            Marker::U32 => f64::from(u32::from_be_bytes(self.fixed()?)),
            Marker::U64 => u64::from_be_bytes(self.fixed()?) as f64,
            Marker::I8 => f64::from(i8::from_be_bytes(self.fixed()?)),
            Marker::I16 => f64::from(i16::from_be_bytes(self.fixed()?)),
            Marker::I32 => f64::from(i32::from_be_bytes(self.fixed()?)),
            Marker::I64 => i64::from_be_bytes(self.fixed()?) as f64,
            _ => return Err(WireError::malformed("a number is due")),
        })
    }

    /// Numbers as an array or as little-endian bytes; or one number alone.
    pub(super) fn numbers(&mut self) -> Result<Vec<f64>, WireError> {
        let before = self.rest;
        let length = match self.marker()? {
            Marker::FixArray(length) => usize::from(length),
            Marker::Array16 => self.length(2)?,
            Marker::Array32 => self.length(4)?,
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
                self.rest = before;
                let (floats, rest) = as_chunks(self.binary()?);
                if !rest.is_empty() {
                    return Err(WireError::malformed("its bytes are not whole numbers"));
                }
                return Ok(floats.map(f64::from_le_bytes).collect());
            }
            _ => {
                self.rest = before;
                return Ok(vec![self.number()?]);
            }
        };
        // Each takes a byte at least.
        if length > self.rest.len() {
            return Err(SHORT);
        }
        let mut numbers = Vec::with_capacity(length);
        for _ in 0..length {
            numbers.push(self.number()?);
        }
        Ok(numbers)
    }

    /// Passes over a value of any kind.
    pub(super) fn skip(&mut self) -> Result<(), WireError> {
        // A list of what is still to come would be as long as the nesting is deep; its length is enough.
        let mut values = 1usize;
        while values > 0 {
            values -= 1;
            // Each takes a byte at least, which also keeps the sum from overflowing.
            let inside = match self.marker()? {
                Marker::Null | Marker::True | Marker::False | Marker::FixPos(_) | Marker::FixNeg(_) => 0,
                Marker::U8 | Marker::I8 => self.over(1)?,
                Marker::U16 | Marker::I16 => self.over(2)?,
                Marker::U32 | Marker::I32 | Marker::F32 => self.over(4)?,
                Marker::U64 | Marker::I64 | Marker::F64 => self.over(8)?,
                Marker::FixStr(length) => self.over(usize::from(length))?,
                Marker::Str8 | Marker::Bin8 => self.over_sized(1, 0)?,
                Marker::Str16 | Marker::Bin16 => self.over_sized(2, 0)?,
                Marker::Str32 | Marker::Bin32 => self.over_sized(4, 0)?,
                Marker::FixExt1 => self.over(2)?,
                Marker::FixExt2 => self.over(3)?,
                Marker::FixExt4 => self.over(5)?,
                Marker::FixExt8 => self.over(9)?,
                Marker::FixExt16 => self.over(17)?,
                Marker::Ext8 => self.over_sized(1, 1)?,
                Marker::Ext16 => self.over_sized(2, 1)?,
                Marker::Ext32 => self.over_sized(4, 1)?,
                Marker::FixArray(length) => usize::from(length),
                Marker::Array16 => self.length(2)?,
                Marker::Array32 => self.length(4)?,
                Marker::FixMap(entries) => 2 * usize::from(entries),
                Marker::Map16 => 2 * self.length(2)?,
                Marker::Map32 => self.length(4)?.saturating_mul(2),
                Marker::Reserved => return Err(WireError::malformed("it is not MessagePack")),
            };
            values = values.saturating_add(inside);
            if values > self.rest.len() {
                return Err(SHORT);
            }
        }
        Ok(())
    }

    fn over(&mut self, count: usize) -> Result<usize, WireError> {
        self.bytes(count).map(|_| 0)
    }

    fn over_sized(&mut self, bytes: u8, and: usize) -> Result<usize, WireError> {
        let length = self.length(bytes)?;
        self.over(length.saturating_add(and))
    }
}

/// The whole groups of eight bytes, and what is left.
fn as_chunks(bytes: &[u8]) -> (impl Iterator<Item = [u8; 8]>, &[u8]) {
    let chunks = bytes.chunks_exact(8);
    let rest = chunks.remainder();
    (chunks.map(|chunk| chunk.try_into().expect("a chunk of eight has eight bytes")), rest)
}
