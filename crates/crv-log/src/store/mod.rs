//! [`Store`]: the few storage operations the commit protocol needs, and what each of them guarantees.
//!
//! [`LocalStore`] keeps them on a file system that honours `fsync`, through the calls of [`files`];
//! [`MemoryStore`] keeps them in memory. One conformance suite (`tests/it/store.rs`) runs against every
//! implementation.

pub mod files;
mod local;
mod memory;
mod names;
mod os_files;

use std::fmt;
use std::io;

use bytes::Bytes;

use local::TempFile;

pub use local::LocalStore;
pub use memory::MemoryStore;

use crate::paths::StorePath;

/// Where runs are kept.
///
/// What an implementation guarantees:
///
/// - **Whole or absent.** A reader of a path sees all the bytes of one `put` or `put_new`, or nothing.
/// - **One winner.** Of several [`put`](Store::put)s of one path with [`PutMode::IfAbsent`], also by other
///   processes, at most one is [`PutOutcome::Stored`]. With [`PutMode::IfMatches`], an object is replaced
///   only if it was not replaced since the tag was taken; the put is also refused while another writer replaces it.
/// - **Durable.** An object survives power loss once its `put` has returned `Ok`. An object that `put_new` stored does
///   once [`sync`](Store::sync) has returned `Ok` for its path.
/// - **An error changes nothing**, and leaves nothing behind that could be removed, unless its outcome is
///   [`unknown`](StoreError::is_unknown): then the bytes may or may not be there.
/// - **Nothing outside the root** is read or written.
///
/// The calls are those that file systems and object stores share: an object is written under a new name, or if its name is
/// free, or if it has not changed; ranges of it are read; names are listed after a name; it is removed. Where an object is
/// durable as soon as it is written, an implementation needs only [`read`](Store::read), [`tag`](Store::tag),
/// [`modified`](Store::modified), [`open`](Store::open), [`list`](Store::list), [`put`](Store::put),
/// [`remove`](Store::remove) and [`locate`](Store::locate):
///
/// | call | on a file system | on an object store |
/// |---|---|---|
/// | `put` if absent | `link` of a synced temporary file, `fsync` of the directory | `PUT` with `If-None-Match: *` |
/// | `put` if unchanged | under a lock: compare the tag, `rename` | `PUT` with `If-Match` |
/// | `prepare`, `publish` | the temporary file, then the `link` | the bytes are held, then put if absent |
/// | `put_new`, or `prepare` and `put_prepared` | `rename` of a synced temporary file | `PUT` |
/// | `sync` | `fsync` of each directory once | nothing |
/// | `open` | `pread` | `GET` of ranges |
/// | `put_unsynced` | `rename` of a temporary file | `PUT` |
/// | `rename_dir` | `rename`, `fsync` of the directory above | not there |
/// | `list` after a name | `readdir`, sorted | a listing with a start |
/// | `tag` | inode, modification time and length | the entity tag |
pub trait Store: fmt::Debug + Send + Sync {
    /// Reads the bytes at `path` and the tag of this version of them; `None` if there are none.
    fn read(&self, path: &StorePath) -> Result<Option<(Bytes, Tag)>, StoreError>;

    /// Returns the tag of the object at `path` now; `None` if there is none.
    fn tag(&self, path: &StorePath) -> Result<Option<Tag>, StoreError>;

    /// Returns when the bytes at `path` were written, in nanoseconds since 1970; `None` if there are none.
    fn modified(&self, path: &StorePath) -> Result<Option<u64>, StoreError>;

    /// Opens the object at `path` for reads of ranges of it; `None` if there is none.
    fn open(&self, path: &StorePath) -> Result<Option<Box<dyn Blob>>, StoreError>;

    /// Lists the names directly in `dir`, sorted, only those greater than `after`. An absent directory counts as
    /// an empty one.
    fn list(&self, dir: &StorePath, after: Option<&str>) -> Result<Vec<Entry>, StoreError>;

    /// Stores `bytes` at `path`, durably, under the condition of `mode`.
    fn put(&self, path: &StorePath, bytes: &[u8], mode: PutMode<'_>) -> Result<PutOutcome, StoreError>;

    /// Prepares `bytes` to be published at `path`: they are durable when this returns, under no name that readers
    /// know. So the slow half of a [`PutMode::IfAbsent`] can run in parallel with other work.
    fn prepare(&self, path: &StorePath, bytes: &[u8]) -> Result<PreparedPut, StoreError> {
        Ok(PreparedPut { path: path.clone(), held: Held::Memory(Bytes::copy_from_slice(bytes)) })
    }

    /// Publishes prepared bytes if nothing is at their path: the rest of a `put` with [`PutMode::IfAbsent`].
    fn publish(&self, prepared: PreparedPut) -> Result<PutOutcome, StoreError> {
        match &prepared.held {
            Held::Memory(bytes) => self.put(&prepared.path, bytes, PutMode::IfAbsent),
            Held::File { .. } => Err(StoreError::prepared_elsewhere(self.locate(&prepared.path))),
        }
    }

    /// Stores `bytes` at `path`, a name never used before. The bytes are durable when this returns; the name
    /// is once [`sync`](Store::sync) has returned. Many objects share the cost of one `sync`.
    fn put_new(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError> {
        match self.put(path, bytes, PutMode::IfAbsent)? {
            PutOutcome::Stored(_) => Ok(()),
            PutOutcome::Refused => {
                Err(StoreError::new("write", self.locate(path), io::ErrorKind::AlreadyExists.into()))
            }
        }
    }

    /// Stores prepared bytes at their path, a name never used before: the rest of a [`put_new`](Store::put_new).
    fn put_prepared(&self, prepared: PreparedPut) -> Result<(), StoreError> {
        match &prepared.held {
            Held::Memory(bytes) => self.put_new(&prepared.path, bytes),
            Held::File { .. } => Err(StoreError::prepared_elsewhere(self.locate(&prepared.path))),
        }
    }

    /// Makes the names of stored objects durable. Where they are durable already, there is nothing to do.
    fn sync(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        let _ = paths;
        Ok(())
    }

    /// Announces that an object will be put at `path` after others: its directories can be made durable together with
    /// theirs.
    fn expect(&self, path: &StorePath) {
        let _ = path;
    }

    /// Takes note that the name at `path` is durable, with the directories above it: [`sync`](Store::sync) need not sync
    /// these again. The caller must know it from what was read: a commit names only objects that are durable.
    fn trust(&self, path: &StorePath) {
        let _ = path;
    }

    /// What tells the objects of this store from those of others in this process: stores with the same identity hold
    /// the same objects. `None` if there is nothing that does.
    fn identity(&self) -> Option<String> {
        None
    }

    /// Removes the object at `path`, if there is one. Not durable: power loss may undo a removal.
    fn remove(&self, path: &StorePath) -> Result<(), StoreError>;

    /// Creates the directory `dir` if it is absent, for programs that write into it themselves. A store without
    /// directories does nothing.
    fn make_dir(&self, dir: &StorePath) -> Result<(), StoreError> {
        let _ = dir;
        Ok(())
    }

    /// Replaces the object at `path` as a [`put`](Store::put) does, whole or not at all for readers, but not durably: power
    /// loss may bring back the one before, or leave a damaged one. For reports that are written often.
    fn put_unsynced(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError> {
        self.put(path, bytes, PutMode::Replace).map(drop)
    }

    /// Renames the directory `from`, with all that is in it, to `to`, a name never used before, at once and durably.
    /// `false` if this store has no such operation, as object stores have none: nothing has changed then.
    fn rename_dir(&self, from: &StorePath, to: &StorePath) -> Result<bool, StoreError> {
        let _ = (from, to);
        Ok(false)
    }

    /// Removes the directory `dir`, which must be empty. A store without directories does nothing, and an absent
    /// directory is no error.
    fn remove_dir(&self, dir: &StorePath) -> Result<(), StoreError> {
        let _ = dir;
        Ok(())
    }

    /// Whether objects are files of their own on this machine, at [`locate`](Store::locate), for programs that read them
    /// themselves.
    fn has_files(&self) -> bool {
        false
    }

    /// Whether nothing in this store can be changed.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Returns `path` in full, as a user or another tool would write it.
    fn locate(&self, path: &StorePath) -> String;
}

/// Bytes prepared to be published. Dropped, they leave nothing behind.
#[derive(Debug)]
pub struct PreparedPut {
    path: StorePath,
    held: Held,
}

/// Where prepared bytes are.
#[derive(Debug)]
enum Held {
    Memory(Bytes),
    /// In a synced temporary file beside the path.
    File {
        temp: TempFile,
        tag: Tag,
    },
}

impl PreparedPut {
    /// Where they will be published.
    pub fn path(&self) -> &StorePath {
        &self.path
    }
}

/// An object open for reading.
pub trait Blob: fmt::Debug + Send + Sync {
    /// The size of the object in bytes.
    fn size(&self) -> u64;

    /// Reads `length` bytes from `offset`. An error if the object ends before.
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
    /// An object of this many bytes.
    Object(u64),
    /// A directory.
    Directory,
    /// Something else: a link, a device.
    Other,
}

impl EntryKind {
    /// The size of an object; 0 for anything else.
    pub fn size(self) -> u64 {
        match self {
            Self::Object(bytes) => bytes,
            Self::Directory | Self::Other => 0,
        }
    }
}

/// The condition under which [`Store::put`] stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode<'a> {
    /// Always.
    Replace,
    /// Only if nothing is there.
    IfAbsent,
    /// Only if what is there still has this tag.
    IfMatches(&'a Tag),
}

/// The result of a [`Store::put`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// Stored; the tag of this version.
    Stored(Tag),
    /// The condition did not hold. Nothing changed.
    Refused,
}

/// Identifies a version of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Tag(TagParts);

impl Tag {
    /// The tag of a version that these three numbers tell from all others at its path.
    pub fn new(parts: [u64; 3]) -> Self {
        Self(parts)
    }
}

/// A version: on a file system inode, time of change and length; elsewhere a counter.
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

    fn prepared_elsewhere(path: String) -> Self {
        Self::new("publish", path, io::Error::other("it was prepared by another store"))
    }

    /// The same error, for an operation that may have taken effect.
    #[must_use]
    pub fn unknown(mut self) -> Self {
        self.unknown = true;
        self
    }

    /// Whether the operation may have taken effect.
    pub fn is_unknown(&self) -> bool {
        self.unknown
    }

    /// The path of the operation, in full.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The operating system's error.
    pub fn io(&self) -> &io::Error {
        &self.source
    }

    /// What to do about it, if the cause is a common one.
    pub fn hint(&self) -> Option<&'static str> {
        use io::ErrorKind::{
            NotADirectory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull, Unsupported,
        };
        Some(match self.source.kind() {
            StorageFull | QuotaExceeded => "make room on the disk, then try again",
            PermissionDenied => "check the owner and the permissions of the directory",
            ReadOnlyFilesystem => "choose a root_dir on a writable file system",
            NotADirectory => "there is a file in place of a directory; choose another root_dir",
            Unsupported => "commits need hard links; choose a root_dir on a local file system that has them",
            _ => return None,
        })
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = self.source.to_string();
        // An error of the file system already names the path, or its temporary file, whose name begins with it.
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
