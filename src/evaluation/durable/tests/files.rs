//! On real files. What needs other processes, or a full disk, is in tests/it/durable.rs.

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fmt, fs, io};

use futures::executor::block_on;

use super::*;

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let name = format!("coquad-files-{}-{}", std::process::id(), FOLDERS.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("points")
    }

    fn open(&self) -> Result<PointCache<f64>, DurableError> {
        PointCache::open(self.file(), "f 1")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_was_written_is_there_and_counted() {
    let folder = Folder::new();
    let cache = folder.open().unwrap();
    (0..100).for_each(|i| cache.insert(nth(i), f(nth(i))));
    block_on(cache.sync()).unwrap();
    let counted = |cache: &PointCache<f64>| {
        let Durability { loaded, written, persisted, dropped, skipped, failure, .. } = cache.durability().unwrap();
        assert!(failure.is_none());
        (loaded, written, persisted, dropped, skipped)
    };
    assert_eq!(counted(&cache), (0, 100, 100, 0, 0));
    assert!(matches!(folder.open(), Err(DurableError::Locked { path }) if path == folder.file()));
    // The lock goes with the last clone.
    let clone = cache.clone();
    drop(cache);
    assert!(folder.open().is_err());
    drop(clone);
    // A crash in the midst of a record.
    let mut bytes = fs::read(folder.file()).unwrap();
    let whole = bytes.len();
    bytes.extend([0xc1, 16, 0, 0, 0, 7]);
    fs::write(folder.file(), &bytes).unwrap();
    let cache = folder.open().unwrap();
    assert_eq!(check(&cache, 100), [true; 100]);
    assert_eq!(counted(&cache), (100, 100, 100, 6, 0));
    assert_eq!(fs::metadata(folder.file()).unwrap().len(), whole as u64);
}

#[test]
fn a_recovered_file_is_that_of_its_points() {
    let folder = Folder::new();
    let whole = file(100);
    // In one record, in several, and in front of a tail that was never synced.
    for (damaged, torn) in [(vec![700], 0), (vec![300, 310, 900, 1500], 0), (vec![700], 3)] {
        let mut bytes = whole.clone();
        damaged.iter().for_each(|&at| bytes[at] ^= 0x10);
        bytes.extend(std::iter::repeat_n(0xc1, torn));
        fs::write(folder.file(), &bytes).unwrap();
        let cut = *damaged.iter().min().unwrap() as u64;
        let error = folder.open().unwrap_err();
        assert!(matches!(error, DurableError::Corrupt { offset, .. } if offset <= cut && cut - offset < 25), "{error}");
        assert_eq!(fs::read(folder.file()).unwrap(), bytes, "a file that is refused was changed");
        // What is left of an attempt before counts for nothing.
        fs::write(folder.0.join("points.recovered"), "of no use").unwrap();

        let cache = PointCache::<f64>::recover(folder.file(), "f 1").unwrap();
        let there = check(&cache, 100);
        let Durability { loaded, skipped, dropped, .. } = cache.durability().unwrap();
        assert_eq!((loaded, dropped), (cache.len(), torn as u64));
        assert!(loaded < 100 && loaded + damaged.len() >= 100);
        assert!((17..=25 * damaged.len() as u64).contains(&skipped), "{skipped} skipped");
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
        // It goes on as any other.
        cache.insert(-1.0, f(-1.0));
        block_on(cache.sync()).unwrap();
        drop(cache);
        let cache = folder.open().unwrap();
        assert!((0..100).all(|i| cache.get(nth(i)).is_some() == there[i]));
        assert_eq!((cache.len(), cache.durability().unwrap().dropped), (loaded + 1, 0));
    }
    let error = PointCache::<f64>::recover(folder.file(), "f 2").unwrap_err();
    assert!(matches!(error, DurableError::Identity { .. }));
}

#[test]
fn values_of_another_length_are_no_points() {
    // Records that are whole, of a type that has the same name.
    #[derive(Clone)]
    struct Longer;
    impl Durable for Longer {
        fn encoding() -> String {
            f64::encoding()
        }
        fn encode(&self, into: &mut Vec<u8>) {
            into.extend([7; 9]);
        }
        fn decode(_: &mut &[u8]) -> Option<Self> {
            Some(Self)
        }
    }
    let folder = Folder::new();
    let cache = PointCache::<Longer>::open(folder.file(), "f 1").unwrap();
    cache.insert(0.5, Longer);
    block_on(cache.sync()).unwrap();
    drop(cache);
    assert!(matches!(folder.open(), Err(DurableError::Corrupt { .. })));
    let cache = PointCache::<f64>::recover(folder.file(), "f 1").unwrap();
    assert_eq!((cache.len(), cache.durability().unwrap().skipped), (0, 5 + 8 + 9 + 4));
}

#[test]
fn a_file_that_is_gone_or_another_is_noticed() {
    for replaced in [false, true] {
        let folder = Folder::new();
        let cache = folder.open().unwrap();
        fs::remove_file(folder.file()).unwrap();
        if replaced {
            fs::write(folder.file(), "another").unwrap();
        }
        cache.insert(0.5, f(0.5));
        assert!(matches!(block_on(cache.sync()), Err(DurableError::Replaced { .. })));
        assert!(matches!(cache.durability().unwrap().failure, Some(DurableError::Replaced { .. })));
        assert_eq!(cache.get(0.5), Some(f(0.5)));
    }
}

#[cfg(unix)]
#[test]
fn only_a_regular_file_will_do() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = Folder::new();
    drop(folder.open().unwrap());
    assert_eq!(fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);
    let link = folder.0.join("link");
    symlink(folder.file(), &link).unwrap();
    for path in [&link, &folder.0, Path::new("/dev/null")] {
        assert!(matches!(PointCache::<f64>::open(path, "f 1"), Err(DurableError::NotAFile { .. })), "{path:?}");
    }
    let nowhere = folder.0.join("no/such/folder");
    assert!(matches!(PointCache::<f64>::open(nowhere, "f 1"), Err(DurableError::Io { action: "open", .. })));
}

#[test]
fn errors_say_what_is_wrong() {
    let path = PathBuf::from("p");
    let texts = |names: [&str; 2]| names.map(str::to_owned);
    let [found, expected] = texts(["a", "b"]);
    let cause = io::Error::other("no room");
    let all = [
        (DurableError::Locked { path: path.clone() }, "\"p\" is open elsewhere"),
        (DurableError::Identity { path: path.clone(), found, expected }, "\"p\" holds values of \"a\", not of \"b\""),
        (DurableError::NotACache { path: path.clone() }, "\"p\" is no point cache"),
        (DurableError::Corrupt { path: path.clone(), offset: 7 }, "\"p\" is damaged at byte 7"),
        (DurableError::TooLong { length: 9, limit: 8 }, "a name of 9 bytes, of at most 8"),
        (
            DurableError::Value { path: path.clone(), x: [0.5].into() },
            "the value at x = 0.5 cannot be written to \"p\"",
        ),
        (
            DurableError::Value { path: path.clone(), x: [0.5, 2.0].into() },
            "the value at x = [0.5, 2.0] cannot be written to \"p\"",
        ),
        (DurableError::Io { path, action: "sync", source: Arc::new(cause) }, "cannot sync \"p\": no room"),
    ];
    for (error, text) in all {
        assert_eq!(error.to_string(), text);
        // What Display shows is not told again; an error made of another goes on behind it.
        assert!(error.source().is_none());
    }
    let because = io::Error::other(Because(fmt::Error));
    let error = DurableError::Io { path: PathBuf::new(), action: "sync", source: Arc::new(because) };
    assert!(error.source().is_some_and(|cause| cause.is::<fmt::Error>()));
}

/// An error with a cause.
#[derive(Debug)]
struct Because(fmt::Error);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("because")
    }
}

impl std::error::Error for Because {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
