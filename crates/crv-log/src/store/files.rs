//! [`FileSystem`]: the system calls that a [`LocalStore`](super::LocalStore) makes, one method for each.
//!
//! [`OsFiles`] makes the real calls. A test that lets a call fail, or the machine stop between two calls, passes
//! another implementation.

use std::fmt;
use std::io;
use std::path::Path;

use super::EntryKind;

pub use super::os_files::OsFiles;

/// A file system, as far as the store uses one.
///
/// Only [`NewFile::sync`] makes the bytes of a file durable, and only [`sync_dir`](Self::sync_dir) the names in
/// a directory. An error names the path it is about.
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// Creates the file `path`, which must not exist, for writing (`O_EXCL`).
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;

    /// Opens the file `path` for reading. Links are followed.
    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;

    /// Returns what is at `path`. Links are followed.
    fn stat(&self, path: &Path) -> io::Result<Stat>;

    /// Lists the names in the directory `path` that are UTF-8, in any order, and what each stands for. Links are not
    /// followed.
    fn read_dir(&self, path: &Path) -> io::Result<Vec<(String, EntryKind)>>;

    /// Creates the directory `path`; its parent must exist.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Renames the file `from` to `to`, replacing a file that has this name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives the file `from` the name `to` as well; fails if the name is taken (`EEXIST`).
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes the name `path` of a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Renames the directory `from` to `to`, which must be absent.
    fn rename_dir(&self, from: &Path, to: &Path) -> io::Result<()> {
        let _ = (from, to);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Removes the directory `path`, which must be empty.
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let _ = path;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Makes the names in the directory `path` durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Locks the directory `path` until the returned lock is dropped; `None` if it is already locked. The kernel
    /// releases the lock when the process ends.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>>;
}

/// A file that is being written.
pub trait NewFile: fmt::Debug + Send + Sync {
    /// Writes all of `bytes` at the end.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes the bytes durable. After an error the file must be dropped: a second call may report success falsely.
    fn sync(&self) -> io::Result<()>;

    /// Returns its status now.
    fn stat(&self) -> io::Result<Stat>;
}

/// A file that is being read.
pub trait OpenFile: fmt::Debug + Send + Sync {
    /// Returns its status.
    fn stat(&self) -> io::Result<Stat>;

    /// Fills `buffer` with the bytes from `offset` on; an error if the file ends before.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A lock that is held until it is dropped.
pub type Lock = Box<dyn fmt::Debug + Send>;

/// What a name stands for, and which version of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// A file and its size, a directory, or something else.
    pub kind: EntryKind,
    /// The number of the inode.
    pub inode: u64,
    /// When its bytes last changed, in nanoseconds.
    pub modified: u64,
}
