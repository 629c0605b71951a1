//! How points are hashed, by their bits.

use std::hash::{BuildHasher, Hasher};

/// Hashes a [`Key`](crate::point::Key) by the finalizer of splitmix64 (Steele, Lea and Flood 2014): points of one panel differ in few
/// bits, and the maps use both ends of the hash. Points are not an attacker's to choose, so no secret is mixed in.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct KeyHasher {
    hash: u64,
    region: u32,
}

/// Makes [`KeyHasher`]s.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct BuildKeyHasher {
    /// The binary logarithm of how many consecutive numbers are a region: all of them are in one shard of a map. At 0
    /// there are no regions.
    region: u32,
}

/// The bits of a hash that say in which shard of a map a key is: those below the seven that the tables of a shard use,
/// as many as there may be shards.
const SHARD: u64 = 0xffff << (64 - 7 - 16);

impl BuildKeyHasher {
    /// For a map with a shard for each region about as wide as so many times the distance of two numbers.
    pub(crate) fn with_regions((low, high): (f64, f64), times: u32) -> Self {
        let distance = low.to_bits().abs_diff(high.to_bits()).saturating_mul(u64::from(times));
        Self { region: distance.checked_ilog2().unwrap_or(0).min(f64::MANTISSA_DIGITS - 1) }
    }
}

impl BuildHasher for BuildKeyHasher {
    type Hasher = KeyHasher;

    fn build_hasher(&self) -> KeyHasher {
        KeyHasher { hash: 0, region: self.region }
    }
}

fn splitmix64(bits: u64) -> u64 {
    let mut z = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.hash
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.hash ^ u64::from(byte));
        }
    }

    fn write_u64(&mut self, bits: u64) {
        self.hash = splitmix64(bits);
        if self.region > 0 {
            self.hash = self.hash & !SHARD | splitmix64(bits >> self.region) & SHARD;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::Hash;

    use super::*;
    use crate::point::Key;

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

    #[test]
    fn points_of_a_region_are_in_one_shard_and_regions_in_all() {
        // Panels of a thousandth of the range; regions as wide as four of them.
        let build = BuildKeyHasher::with_regions((0.75, 0.751), 4);
        let shard = |x: f64| (build.hash_one(Key::new(x)) & SHARD) >> SHARD.trailing_zeros();
        let neighbours = (0..100_000).filter(|i| {
            let x = 0.5 + f64::from(*i) * 5e-6;
            shard(x) == shard(x + 1e-4)
        });
        assert!(neighbours.count() > 90_000, "a region is at least ten times as wide");
        let mut shards: Vec<u64> = (0..1000).map(|i| shard(0.5 + f64::from(i) * 5e-4) % 16).collect();
        shards.sort_unstable();
        shards.dedup();
        assert_eq!(shards.len(), 16, "whichever bits choose the shard");
        // The rest of the hash is that of the point alone.
        let plain = BuildKeyHasher::default();
        for i in 1..1000 {
            let key = Key::new(f64::from(i).sqrt());
            assert_eq!(build.hash_one(key) & !SHARD, plain.hash_one(key) & !SHARD);
        }
    }

    #[test]
    fn there_are_no_regions_where_two_numbers_are_one_and_none_wider_than_a_binade() {
        assert_eq!(BuildKeyHasher::with_regions((0.5, 0.5), 32).region, 0);
        for (low, high) in [(-1.0, 1.0), (0.0, f64::INFINITY), (1e-300, 1e300)] {
            assert_eq!(BuildKeyHasher::with_regions((low, high), 32).region, 52);
        }
    }
}
