//! A cache's file of any bytes: opened, recovered or refused, never a panic; and a file that is opened holds no more
//! than it has room for.
//!
//! Bytes alone would hardly get past the checksums, so two of three inputs are put into a file whose checksums are right,
//! or damage one that is whole.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use coquad::{Durable, PointCache};
use crc::{CRC_32_ISCSI, Crc};
use libfuzzer_sys::fuzz_target;

static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// On a file system in memory, if there is one: it is the reading that is tested.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("coquad-fuzz-{}", std::process::id()))
});

fn header(value_type: &str) -> Vec<u8> {
    let mut bytes = b"coquad\x1a\n\x01\0\0\0".to_vec();
    bytes.extend((value_type.len() as u16).to_le_bytes());
    bytes.extend(1u16.to_le_bytes());
    bytes.extend(value_type.as_bytes());
    bytes.push(b'f');
    bytes.extend(CRC.checksum(&bytes).to_le_bytes());
    bytes
}

fn record(bytes: &mut Vec<u8>, kind: u8, body: &[u8]) {
    let mut record = vec![kind];
    record.extend((body.len() as u32).to_le_bytes());
    record.extend(body);
    let mut digest = CRC.digest();
    digest.update(&(bytes.len() as u64).to_le_bytes());
    digest.update(&record);
    bytes.extend(record);
    bytes.extend(digest.finalize().to_le_bytes());
}

fn check<T: Durable + Clone + Send + Sync + 'static>(bytes: &[u8]) {
    std::fs::write(&*FILE, bytes).expect("a file in memory");
    let opened = PointCache::<T>::open(&*FILE, "f");
    if let Ok(cache) = &opened {
        assert!(cache.len() * 17 <= bytes.len());
        let durability = cache.durability().expect("it has a file");
        assert!(durability.dropped <= bytes.len() as u64 && durability.failure.is_none());
    } else {
        assert_eq!(std::fs::read(&*FILE).expect("it is there"), bytes, "a file that was refused was changed");
        if let Ok(cache) = PointCache::<T>::recover(&*FILE, "f") {
            assert!(cache.len() * 17 <= bytes.len());
        }
    }
    drop(opened);
    let _ = std::fs::remove_file(&*FILE);
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, rest)) = data.split_first() else { return };
    let name = if how & 1 == 0 { "f64" } else { "[[f64]]" };
    let bytes = match how >> 1 & 3 {
        0 => rest.to_vec(),
        1 => {
            // Records of any kind and body, at their places.
            let mut bytes = header(name);
            for piece in rest.split(|&byte| byte == 0xfe) {
                if let Some((&kind, body)) = piece.split_first() {
                    record(&mut bytes, if kind < 128 { 0xc1 } else { kind }, body);
                }
            }
            bytes
        }
        _ => {
            // A whole file of ten points and two marks, with bytes of the input written over it or put in.
            let mut bytes = header("f64");
            for i in 0..10u8 {
                record(&mut bytes, 0xc1, &[i; 16]);
                if i % 5 == 4 {
                    let synced = (bytes.len() as u64).to_le_bytes();
                    record(&mut bytes, 0xc2, &synced);
                }
            }
            for piece in rest.chunks(6) {
                let [low, high, length, new @ ..] = piece else { continue };
                let at = usize::from(u16::from_le_bytes([*low, *high])) % (bytes.len() + 1);
                let end = (at + usize::from(*length) % 40).min(bytes.len());
                bytes.splice(at..end, new.iter().copied());
            }
            bytes
        }
    };
    if how & 1 == 0 { check::<f64>(&bytes) } else { check::<Vec<Vec<f64>>>(&bytes) }
});
