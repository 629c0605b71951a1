//! Which build of a program this process runs: a hash of its executable file, so that two copies of
//! one file are the same build and one that was replaced is not.

use std::fs::File;
use std::io::{self, Read};

/// A hash of the file of this process's program; none where it cannot be read.
pub(super) fn identity() -> Option<String> {
    // The file that was started, also when another has its name by now.
    let file = File::open("/proc/self/exe").or_else(|_| File::open(std::env::current_exe()?));
    Some(format!("{:016x}", hash(file.ok()?).ok()?))
}

/// FNV-1a over words of eight bytes instead of bytes: a few milliseconds for the largest program.
fn hash(mut file: impl Read) -> io::Result<u64> {
    let mut buffer = vec![0; 1 << 16];
    let (mut hash, mut length) = (0xcbf2_9ce4_8422_2325_u64, 0);
    let mut add = |word: u64| {
        hash = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        hash ^= hash >> 29;
    };
    loop {
        // Whole but for the last, so that words do not depend on how the file happens to be read.
        let mut filled = 0;
        while filled < buffer.len() {
            match file.read(&mut buffer[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        length += filled as u64;
        for word in buffer[..filled].chunks(8) {
            let mut bytes = [0; 8];
            bytes[..word.len()].copy_from_slice(word);
            add(u64::from_le_bytes(bytes));
        }
        if filled < buffer.len() {
            break;
        }
    }
    add(length);
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_is_the_bytes_of_its_file() {
        let bytes: Vec<u8> = (0..200_003u32).map(|i| (i % 251) as u8).collect();
        let whole = hash(&bytes[..]).unwrap();
        // However it is read.
        let in_two = (&bytes[..100_001]).chain(&bytes[100_001..]);
        assert_eq!(hash(in_two).unwrap(), whole);
        for at in [0, 7, 65_536, 200_002] {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_ne!(hash(&other[..]).unwrap(), whole);
        }
        // Zeros at the end are bytes, too.
        assert_ne!(hash(&[0; 9][..]).unwrap(), hash(&[0; 10][..]).unwrap());
        assert_eq!(identity(), identity());
        assert_eq!(identity().unwrap().len(), 16);
    }
}
