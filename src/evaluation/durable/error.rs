//! What can go wrong with a cache's file.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::evaluation::arithmetic::Arithmetic;

/// Why a durable cache cannot be opened, or has stopped writing.
///
/// # Examples
///
/// ```
/// use coquad::{DurableError, PointCache};
///
/// # let folder = std::env::temp_dir().join(format!("coquad-doc-error-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("points");
/// drop(PointCache::<f64>::open(&path, "model, version 1")?);
/// match PointCache::<f64>::open(&path, "model, version 2") {
///     Err(DurableError::Identity { found, .. }) => assert_eq!(found, "model, version 1"),
///     Err(DurableError::Corrupt { .. }) => println!("damaged: PointCache::recover saves what is whole"),
///     other => panic!("{other:?}"),
/// }
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DurableError {
    /// Another process, or another cache of this one, has the file open.
    #[non_exhaustive]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file belongs to another function, or another version of it.
    #[non_exhaustive]
    Identity {
        /// The file.
        path: PathBuf,
        /// Whose values it holds.
        found: String,
        /// Whose were asked for.
        expected: String,
    },
    /// The file holds values of another type.
    #[non_exhaustive]
    ValueType {
        /// The file.
        path: PathBuf,
        /// The [encoding](crate::Durable::encoding) of the values it holds.
        found: String,
        /// That of the values asked for.
        expected: String,
    },
    /// The file has the format of another version of this crate.
    #[non_exhaustive]
    Version {
        /// The file.
        path: PathBuf,
        /// The format's number.
        found: u32,
        /// The number of the format that this version reads and writes.
        expected: u32,
    },
    /// The file was made by a process of another arithmetic: see
    /// [`PointCache::same_arithmetic`](crate::PointCache::same_arithmetic).
    #[non_exhaustive]
    Arithmetic {
        /// The file.
        path: PathBuf,
        /// That of the process that made it.
        found: Arithmetic,
        /// That of this process.
        expected: Arithmetic,
    },
    /// The file is something else altogether.
    #[non_exhaustive]
    NotACache {
        /// The file.
        path: PathBuf,
    },
    /// The path names something other than a regular file: a directory, a device, or a symbolic link, which is not
    /// followed.
    #[non_exhaustive]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// What had been written and confirmed is damaged. [`PointCache::recover`](crate::PointCache::recover) reads the rest.
    #[non_exhaustive]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where the damage begins, in bytes.
        offset: u64,
    },
    /// The file was removed or replaced while it was open.
    #[non_exhaustive]
    Replaced {
        /// The file as it was named.
        path: PathBuf,
    },
    /// An identity or an encoding's name is too long for the file's header.
    #[non_exhaustive]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// [`Durable::encode`](crate::Durable::encode) panicked, or made a value of 4 GiB or more.
    #[non_exhaustive]
    Value {
        /// The file.
        path: PathBuf,
        /// The numbers of the point: one in one variable.
        x: Arc<[f64]>,
    },
    /// The operating system refused.
    #[non_exhaustive]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What it said.
        source: Arc<io::Error>,
    },
}

impl fmt::Display for DurableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { path } => write!(f, "{path:?} is open elsewhere"),
            Self::Identity { path, found, expected } => {
                write!(f, "{path:?} holds values of {found:?}, not of {expected:?}")
            }
            Self::ValueType { path, found, expected } => {
                write!(f, "{path:?} holds values of type {found:?}, not {expected:?}")
            }
            Self::Version { path, found, expected } => {
                write!(f, "{path:?} has format {found}, and this version reads format {expected}")
            }
            Self::Arithmetic { path, found, expected } => {
                write!(
                    f,
                    "{path:?} holds values of the arithmetic \"{found}\", and that of this process is \"{expected}\""
                )
            }
            Self::NotACache { path } => write!(f, "{path:?} is no point cache"),
            Self::NotAFile { path } => write!(f, "{path:?} is no regular file"),
            Self::Corrupt { path, offset } => write!(f, "{path:?} is damaged at byte {offset}"),
            Self::Replaced { path } => write!(f, "{path:?} was removed or replaced while it was open"),
            Self::TooLong { length, limit } => write!(f, "a name of {length} bytes, of at most {limit}"),
            Self::Value { path, x } => match **x {
                [x] => write!(f, "the value at x = {x:?} cannot be written to {path:?}"),
                ref x => write!(f, "the value at x = {x:?} cannot be written to {path:?}"),
            },
            Self::Io { path, action, source } => write!(f, "cannot {action} {path:?}: {source}"),
        }
    }
}

impl StdError for DurableError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            // Display shows the cause itself, so the chain goes on behind it.
            Self::Io { source, .. } => source.source(),
            _ => None,
        }
    }
}
