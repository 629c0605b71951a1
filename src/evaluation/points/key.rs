//! The identity of a point: the bits of its `f64`.
//!
//! INVARIANT: bits, not values. `0.0` and `-0.0` are two points; no point is rounded to a neighbour.

use std::hash::{BuildHasherDefault, Hash, Hasher};

/// A point, compared and hashed by its bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key(u64);

impl Key {
    pub(crate) fn new(x: f64) -> Self {
        Self(if planted!(16) { x + 0.0 } else { x }.to_bits())
    }

    pub(crate) fn point(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

/// Hashes a [`Key`] by the finalizer of splitmix64 (Steele, Lea and Flood 2014): points of one panel differ in few
/// bits, and the maps use both ends of the hash. Points are not an attacker's to choose, so no secret is mixed in.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct KeyHasher(u64);

pub(crate) type BuildKeyHasher = BuildHasherDefault<KeyHasher>;

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0 ^ u64::from(byte));
        }
    }

    fn write_u64(&mut self, bits: u64) {
        let mut z = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = z ^ (z >> 31);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_point_is_splitmix64_of_its_bits() {
        let hash = |bits| {
            let mut hasher = KeyHasher::default();
            Key::new(f64::from_bits(bits)).hash(&mut hasher);
            hasher.finish()
        };
        assert_eq!(hash(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(hash(1_234_567), 6_457_827_717_110_365_317);
    }

    #[test]
    fn bytes_are_hashed_one_after_the_other() {
        let hash = |bytes: &[u8]| {
            let mut hasher = KeyHasher::default();
            hasher.write(bytes);
            hasher.finish()
        };
        let word = |word| {
            let mut hasher = KeyHasher::default();
            hasher.write_u64(word);
            hasher.finish()
        };
        assert_eq!(hash(&[]), 0);
        assert_eq!(hash(&[7]), word(7));
        assert_eq!(hash(&[7, 200]), word(word(7) ^ 200));
    }
}
