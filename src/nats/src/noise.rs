//! Bytes that look like a message and are none, the same from each seed: for tests of what may arrive.

/// A sequence of numbers that its seed begins.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    /// `good` with a few bits flipped, bytes replaced, put in or taken out, or an end cut off; or random bytes.
    pub(crate) fn garbled(&mut self, good: &[u8]) -> Vec<u8> {
        if self.below(10) == 0 {
            return (0..self.below(200)).map(|_| self.below(256) as u8).collect();
        }
        let mut bytes = good.to_vec();
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                break;
            }
            let at = self.below(bytes.len());
            match self.below(6) {
                0 => bytes[at] = self.below(256) as u8,
                1 => bytes.insert(at, self.below(256) as u8),
                2 => drop(bytes.remove(at)),
                3 => bytes.truncate(at),
                // What claims to be long: an array, a map, bytes, a text of up to 4 GiB.
                4 => {
                    let claims = [0xdd, 0xdf, 0xc6, 0xdb];
                    bytes[at] = claims[self.below(claims.len())];
                }
                _ => bytes[at] ^= 1 << self.below(8),
            }
        }
        bytes
    }
}
