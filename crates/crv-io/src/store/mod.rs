//! [`Store`]: the few storage operations the commit protocol needs, and what each of them guarantees.
//!
//! [`LocalStore`] keeps them on a file system that honours `fsync`, through the calls of [`files`];
//! [`MemoryStore`] keeps them in memory. One conformance suite (`tests/it/store.rs`) runs against every
//! implementation.

pub mod files;
mod local;
mod memory;
mod os_files;

use std::fmt;
use std::io;

use bytes::Bytes;

use local::TempFile;

pub use local::LocalStore;
pub use memory::MemoryStore;

use crate::parallel;
use crate::paths::StorePath;

/// Where runs are kept.
///
/// What an implementation guarantees:
///
/// - **Whole or absent.** A reader of a path sees all the bytes of one `put` or `stage`, or nothing.
/// - **One winner.** Of several [`put`](Store::put)s of one path with [`PutMode::IfAbsent`], also by other
///   processes, at most one is [`PutOutcome::Stored`]. With [`PutMode::IfMatches`], an object is replaced
///   only if nobody replaced it since the tag was taken; it is also refused while somebody else is at it.
/// - **Durable.** What `put` stored survives power loss once it has returned `Ok`. What `stage` stored does
///   once [`settle`](Store::settle) has returned `Ok` for its path, and what `stage_all` stored once that has.
/// - **An error changes nothing**, and leaves nothing behind that could be removed, unless it says
///   [`unknown`](StoreError::is_unknown): then the bytes may or may not be there.
/// - **Nothing outside the root** is read or written.
pub trait Store: fmt::Debug + Send + Sync {
    /// The bytes at `path` and the tag of this version of them; `None` when there are none.
    fn read(&self, path: &StorePath) -> Result<Option<(Bytes, Tag)>, StoreError>;

    /// The tag of what is at `path` now; `None` when there is nothing.
    fn tag(&self, path: &StorePath) -> Result<Option<Tag>, StoreError>;

    /// When the bytes at `path` were written, in nanoseconds since 1970; `None` when there are none.
    fn modified(&self, path: &StorePath) -> Result<Option<u64>, StoreError>;

    /// Opens the object at `path` for reads of parts of it; `None` when there is none.
    fn open(&self, path: &StorePath) -> Result<Option<Box<dyn Blob>>, StoreError>;

    /// What lies directly in `dir`, sorted by name, only names greater than `after`. An absent directory is
    /// an empty one.
    fn list(&self, dir: &StorePath, after: Option<&str>) -> Result<Vec<Entry>, StoreError>;

    /// Stores `bytes` at `path`, durably, under the condition of `mode`.
    fn put(&self, path: &StorePath, bytes: &[u8], mode: PutMode<'_>) -> Result<PutOutcome, StoreError>;

    /// Readies `bytes` to be published at `path`: they are durable when this returns, and under no name that
    /// anybody reads. So the slow half of a [`PutMode::IfAbsent`] can go on beside other work.
    fn ready(&self, path: &StorePath, bytes: &[u8]) -> Result<Ready, StoreError>;

    /// Publishes what was readied if nothing is there: the rest of a `put` with [`PutMode::IfAbsent`].
    fn publish(&self, ready: Ready) -> Result<PutOutcome, StoreError>;

    /// Stores `bytes` at `path`, a name never used before. The bytes are durable when this returns; the name
    /// is once [`settle`](Store::settle) says so. Many stages share the cost of one settle.
    fn stage(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError>;

    /// Stores every one of `objects` as [`stage`](Store::stage) does, and makes them durable, bytes and names, and with
    /// them the names of what was `staged` before. Where it fails, some of the objects may be there all the same: no
    /// name was used before, so the caller can remove them.
    fn stage_all(&self, objects: &[(StorePath, Vec<u8>)], staged: &[StorePath]) -> Result<(), StoreError> {
        parallel::for_each(objects, parallel::WAITING, |(path, bytes)| self.stage(path, bytes))?;
        let names = objects.iter().map(|(path, _)| path).chain(staged).cloned();
        self.settle(&names.collect::<Vec<_>>())
    }

    /// Makes the names of staged or stored objects durable.
    fn settle(&self, paths: &[StorePath]) -> Result<(), StoreError>;

    /// Removes what is at `path`; nothing there is fine. Not durable: a removal may come undone.
    fn remove(&self, path: &StorePath) -> Result<(), StoreError>;

    /// Makes sure that the directory `dir` is there, for programs that write into it themselves. Where there are
    /// no directories there is nothing to do.
    fn make_dir(&self, dir: &StorePath) -> Result<(), StoreError> {
        let _ = dir;
        Ok(())
    }

    /// The full name of `path`, as a person or another tool would write it.
    fn locate(&self, path: &StorePath) -> String;
}

/// Bytes that wait to be published. Dropped, they leave nothing behind.
#[derive(Debug)]
pub struct Ready {
    path: StorePath,
    held: Held,
}

/// Where readied bytes are.
#[derive(Debug)]
enum Held {
    Memory(Bytes),
    /// In a synced temporary file beside the path.
    File {
        temp: TempFile,
        tag: Tag,
    },
}

impl Ready {
    /// Where they are going to be published.
    pub fn path(&self) -> &StorePath {
        &self.path
    }
}

/// An object open for reading.
pub trait Blob: fmt::Debug + Send + Sync {
    /// How many bytes the object has.
    fn size(&self) -> u64;

    /// `length` bytes from `offset`. An error when the object ends before.
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes>;
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, without the directory.
    pub name: String,
    /// What the name stands for.
    pub kind: EntryKind,
}

/// What a name in a directory stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// An object of so many bytes.
    Object(u64),
    /// A directory.
    Directory,
    /// Something else: a link, a device.
    Other,
}

impl EntryKind {
    /// The size of an object; 0 for what is none.
    pub fn size(self) -> u64 {
        match self {
            Self::Object(bytes) => bytes,
            Self::Directory | Self::Other => 0,
        }
    }
}

/// Under which condition [`Store::put`] stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode<'a> {
    /// Whatever is there.
    Replace,
    /// Only if nothing is there.
    IfAbsent,
    /// Only if what is there still has this tag.
    IfMatches(&'a Tag),
}

/// What came of a [`Store::put`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// Stored; the tag of this version.
    Stored(Tag),
    /// The condition did not hold. Nothing changed.
    Refused,
}

/// Tells one version of an object from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag(TagParts);

/// What makes a version: on a file system its inode, time of change and length; elsewhere a counter.
type TagParts = [u64; 3];

/// A storage operation that failed.
#[derive(Debug)]
pub struct StoreError {
    operation: &'static str,
    path: String,
    source: io::Error,
    unknown: bool,
}

impl StoreError {
    /// `operation` on `path` failed with `source` and changed nothing.
    pub fn new(operation: &'static str, path: impl Into<String>, source: io::Error) -> Self {
        Self { operation, path: path.into(), source, unknown: false }
    }

    fn readied_elsewhere(path: String) -> Self {
        Self::new("publish", path, io::Error::other("it was readied by another store"))
    }

    /// The same, but it may have taken effect.
    #[must_use]
    pub fn unknown(mut self) -> Self {
        self.unknown = true;
        self
    }

    /// May the operation have taken effect?
    pub fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// The path it was about, in full.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The operating system's word.
    pub fn io(&self) -> &io::Error {
        &self.source
    }

    /// What to do about it, where the cause is a common one.
    pub fn hint(&self) -> Option<&'static str> {
        use io::ErrorKind::{
            NotADirectory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull, Unsupported,
        };
        Some(match self.source.kind() {
            StorageFull | QuotaExceeded => "make room on the disk, then try the same again",
            PermissionDenied => "check who owns the directory and who may write there",
            ReadOnlyFilesystem => "choose a root_dir on a file system that can be written",
            NotADirectory => "a file stands where a directory is needed; choose another root_dir",
            Unsupported => "commits need hard links; choose a root_dir on a local file system that has them",
            _ => return None,
        })
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = self.source.to_string();
        // An error of the file system names its path already: that of the temporary file, where it is one.
        if cause.contains(&self.path) {
            write!(f, "could not {}: {cause}", self.operation)
        } else {
            write!(f, "could not {} `{}`: {cause}", self.operation, self.path)
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
