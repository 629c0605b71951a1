//! Where bytes are kept: a file, or in tests a model of one that loses power.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs4::FileExt;

use super::error::DurableError;

/// Bytes that grow at the end. What was written survives the process, what was synced a power cut; what was written
/// but not synced may be lost in any part and order.
pub(super) trait Storage: Send + Sync {
    fn len(&self) -> io::Result<u64>;
    /// Reads bytes that are there.
    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()>;
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    fn truncate(&self, len: u64) -> io::Result<()>;
    fn sync(&self) -> io::Result<()>;
    /// Whether it can still be found by its name.
    fn is_in_place(&self) -> bool {
        true
    }
    /// Lets others open it. Nothing is written afterwards.
    fn unlock(&self) {}
}

/// A locked file.
#[derive(Debug)]
pub(super) struct FileStorage {
    file: File,
    path: PathBuf,
}

/// How the file is opened: what is found in its place at that very moment is not followed if it is a link, nor waited for if it
/// is a pipe.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        use rustix::fs::OFlags;
        options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }
    options
}

impl FileStorage {
    /// Opens the file, or creates it for its owner alone; locks it at once or not at all.
    pub(super) fn open(path: &Path) -> Result<Self, DurableError> {
        let error = |action| move |source| DurableError::Io { path: path.to_owned(), action, source: Arc::new(source) };
        if std::fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(DurableError::NotAFile { path: path.to_owned() });
        }
        let file = options().open(path).map_err(error("open"))?;
        let metadata = file.metadata().map_err(error("inspect"))?;
        if !metadata.is_file() {
            return Err(DurableError::NotAFile { path: path.to_owned() });
        }
        match FileExt::try_lock(&file) {
            Ok(()) => {}
            Err(fs4::TryLockError::WouldBlock) if planted!(24) => {}
            Err(fs4::TryLockError::WouldBlock) => return Err(DurableError::Locked { path: path.to_owned() }),
            Err(fs4::TryLockError::Error(source)) => return Err(error("lock")(source)),
        }
        let storage = Self { file, path: path.to_owned() };
        if !storage.is_in_place() {
            // Between opening and locking: whoever had it locked replaced it.
            return Err(DurableError::Replaced { path: path.to_owned() });
        }
        if metadata.len() == 0 {
            storage.sync_directory().map_err(error("sync the directory of"))?;
        }
        Ok(storage)
    }

    /// Takes the place of the file at `path`.
    pub(super) fn rename(&mut self, path: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, path)?;
        self.path = path.to_owned();
        self.sync_directory()
    }

    /// Makes the file's name as durable as its content.
    fn sync_directory(&self) -> io::Result<()> {
        #[cfg(unix)]
        {
            let directory = match self.path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }
}

impl Storage for FileStorage {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, at: u64, into: &mut [u8]) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(into)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn is_in_place(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let (Ok(open), Ok(named)) = (self.file.metadata(), std::fs::symlink_metadata(&self.path)) else {
                return false;
            };
            (open.dev(), open.ino()) == (named.dev(), named.ino())
        }
        #[cfg(not(unix))]
        {
            self.path.exists()
        }
    }

    fn unlock(&self) {
        // Failing that, the lock goes with the last handle.
        let _ = FileExt::unlock(&self.file);
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed_though_nobody_looked() {
        let folder = std::env::temp_dir().join(format!("coquad-link-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (file, link) = (folder.join("file"), folder.join("link"));
        std::fs::write(&file, "").unwrap();
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(options().open(&file).is_ok() && options().open(&link).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_synced_is_an_error() {
        // To sync this file is refused.
        let storage = |path: &str| FileStorage { file: File::open("/dev/null").unwrap(), path: path.into() };
        assert!(storage("cache").sync().is_err());
        assert!(storage("cache").sync_directory().is_ok(), "a name alone is in the directory at work");
        assert!(storage("/no/such/folder/cache").sync_directory().is_err());
    }
}
