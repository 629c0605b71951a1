//! Frames on a stream of bytes: where one message ends and the next begins.

use super::WireError;

/// The longest message, in bytes: 1 MiB.
///
/// ```
/// use coquad::wire::{MAX_FRAME, WireError, frame};
///
/// let mut pipe = Vec::new();
/// let error = frame(&mut pipe, |into| into.extend(vec![0; MAX_FRAME + 1])).unwrap_err();
/// assert!(matches!(error, WireError::TooLong { .. }) && pipe.is_empty());
/// ```
pub const MAX_FRAME: usize = 1 << 20;

/// Bytes of the length before a message.
const PREFIX: usize = 4;

/// Appends what `encode` writes to `into` as one frame.
///
/// # Errors
///
/// [`WireError::TooLong`] if that is more than [`MAX_FRAME`]; `into` is then as it was.
///
/// # Examples
///
/// ```
/// let mut pipe = Vec::new();
/// coquad::wire::frame(&mut pipe, |into| into.extend(b"abc"))?;
/// assert_eq!(pipe, b"\x03\0\0\0abc");
/// # Ok::<(), coquad::wire::WireError>(())
/// ```
pub fn frame(into: &mut Vec<u8>, encode: impl FnOnce(&mut Vec<u8>)) -> Result<(), WireError> {
    let start = into.len();
    into.extend_from_slice(&[0; PREFIX]);
    encode(into);
    let length = into.len() - start - PREFIX;
    if length > MAX_FRAME {
        into.truncate(start);
        return Err(WireError::TooLong { length });
    }
    // The limit is far below 4 GiB.
    into[start..start + PREFIX].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(())
}

/// The messages in a stream of bytes, however it is cut into pieces.
///
/// Memory is taken for bytes that have arrived, never for those that a length promises, and a length over [`MAX_FRAME`]
/// is refused as soon as its four bytes are there.
///
/// # Examples
///
/// ```
/// use coquad::wire::Frames;
///
/// let mut frames = Frames::default();
/// frames.extend(b"\x03\0\0\0ab");
/// assert!(frames.next()?.is_none() && frames.is_partial());
/// frames.extend(b"c");
/// assert_eq!(frames.next()?, Some(b"abc".as_slice()));
/// # Ok::<(), coquad::wire::WireError>(())
/// ```
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    /// Where the next frame starts in `bytes`.
    start: usize,
}

impl Frames {
    /// Appends bytes that have arrived.
    pub fn extend(&mut self, bytes: &[u8]) {
        // What was read is cut off in strokes, so that each byte is moved about once.
        if self.start == self.bytes.len() || self.start >= MAX_FRAME {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next message, or `None` until all of it has arrived.
    ///
    /// # Errors
    ///
    /// [`WireError::TooLong`]. There is no way on from there: the stream has lost its bounds.
    #[expect(clippy::should_implement_trait, reason = "it lends from itself, as no iterator can")]
    pub fn next(&mut self) -> Result<Option<&[u8]>, WireError> {
        let rest = &self.bytes[self.start..];
        let Some((prefix, rest)) = rest.split_first_chunk::<PREFIX>() else { return Ok(None) };
        let length = u32::from_le_bytes(*prefix) as usize;
        if length > MAX_FRAME && !planted!(28) {
            return Err(WireError::TooLong { length });
        }
        let Some(message) = rest.get(..length) else { return Ok(None) };
        self.start += PREFIX + length;
        Ok(Some(message))
    }

    /// Returns whether the bytes end within a message.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.start < self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_allocates_nothing() {
        for length in [1 << 16, MAX_FRAME, MAX_FRAME + 1, 1 << 24, 1 << 31, u32::MAX as usize] {
            let mut frames = Frames::default();
            frames.extend(&(length as u32).to_le_bytes());
            frames.extend(&[0; 100]);
            let _ = frames.next();
            assert!(frames.bytes.capacity() < 1024, "{length}");
        }
    }

    #[test]
    fn what_was_read_takes_no_room() {
        let mut stream = Vec::new();
        frame(&mut stream, |into| into.extend([7; 1000])).unwrap();
        let mut frames = Frames::default();
        for _ in 0..if cfg!(miri) { 100 } else { 10_000 } {
            frames.extend(&stream);
            assert_eq!(frames.next().unwrap().map(<[u8]>::len), Some(1000));
        }
        assert!(frames.bytes.capacity() < 1 << 16);
        // Nor if there is always a piece of the next one.
        let mut frames = Frames::default();
        frames.extend(&stream[..500]);
        for _ in 0..if cfg!(miri) { 20 } else { 5 * MAX_FRAME / 1000 } {
            frames.extend(&stream[500..]);
            frames.extend(&stream[..500]);
            assert_eq!(frames.next(), Ok(Some([7; 1000].as_slice())));
        }
        assert!(frames.bytes.len() < MAX_FRAME + 4000 && frames.bytes.capacity() <= 4 * MAX_FRAME);
    }
}
