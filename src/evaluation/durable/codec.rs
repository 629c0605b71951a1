//! How values become bytes.

use num_complex::Complex;

/// A value that a durable [`PointCache`](crate::PointCache) can keep in a file.
///
/// Ready for numbers, complex numbers, arrays and vectors of them; implement it for your own.
///
/// # Duties of implementors
///
/// `decode` takes from the front of `bytes` exactly what `encode` wrote, returns the same value to the bit, and `None`
/// where the bytes are no value. It must not panic, nor allocate by a length that it has read before it has seen the
/// bytes.
///
/// # Examples
///
/// ```
/// use coquad::Durable;
///
/// #[derive(Clone, Debug, PartialEq)]
/// struct Spin {
///     up: f64,
///     down: f64,
/// }
///
/// impl Durable for Spin {
///     fn encoding() -> String {
///         "spin".to_owned()
///     }
///     fn encode(&self, into: &mut Vec<u8>) {
///         self.up.encode(into);
///         self.down.encode(into);
///     }
///     fn decode(bytes: &mut &[u8]) -> Option<Self> {
///         Some(Self { up: f64::decode(bytes)?, down: f64::decode(bytes)? })
///     }
/// }
/// # let spin = Spin { up: 0.5, down: -0.0 };
/// # let mut bytes = Vec::new();
/// # spin.encode(&mut bytes);
/// # assert_eq!(Spin::decode(&mut bytes.as_slice()), Some(spin));
/// ```
pub trait Durable: Sized {
    /// Names the encoding. A file with values of another name is refused; at most 1 KiB.
    fn encoding() -> String;

    /// Appends the value's bytes.
    fn encode(&self, into: &mut Vec<u8>);

    /// Takes a value from the front of `bytes`.
    fn decode(bytes: &mut &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ident)*) => {$(
        // Little-endian on any machine; the payload of a NaN is kept.
        impl Durable for $number {
            fn encoding() -> String {
                stringify!($number).to_owned()
            }

            fn encode(&self, into: &mut Vec<u8>) {
                into.extend_from_slice(&self.to_le_bytes());
            }

            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                let (number, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(Self::from_le_bytes(*number))
            }
        }
    )*};
}

numbers! { f64 f32 u64 i64 u32 i32 u8 }

impl<T: Durable> Durable for Complex<T> {
    fn encoding() -> String {
        format!("complex {}", T::encoding())
    }

    fn encode(&self, into: &mut Vec<u8>) {
        self.re.encode(into);
        self.im.encode(into);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { re: T::decode(bytes)?, im: T::decode(bytes)? })
    }
}

impl<T: Durable, const N: usize> Durable for [T; N] {
    fn encoding() -> String {
        format!("[{}; {N}]", T::encoding())
    }

    fn encode(&self, into: &mut Vec<u8>) {
        self.iter().for_each(|item| item.encode(into));
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut items = Vec::with_capacity(N.min(bytes.len()));
        for _ in 0..N {
            items.push(T::decode(bytes)?);
        }
        items.try_into().ok()
    }
}

impl<T: Durable> Durable for Vec<T> {
    fn encoding() -> String {
        format!("[{}]", T::encoding())
    }

    fn encode(&self, into: &mut Vec<u8>) {
        (self.len() as u64).encode(into);
        self.iter().for_each(|item| item.encode(into));
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let length = u64::decode(bytes)?;
        // A length is only a claim: room is made as items turn out to be there.
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(T::decode(bytes)?);
        }
        Some(items)
    }
}
