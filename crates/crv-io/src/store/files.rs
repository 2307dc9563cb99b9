//! [`FileSystem`]: the system calls that a [`LocalStore`](super::LocalStore) makes, one method for each.
//!
//! [`OsFiles`] makes them for real. Who wants to see what the store does when a call fails, or when the
//! machine stops between two of them, hands it another.

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
    /// Makes the file `path`, which must not exist, for writing (`O_EXCL`).
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;

    /// Opens the file `path` for reading. Links are followed.
    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;

    /// What lies at `path`. Links are followed.
    fn stat(&self, path: &Path) -> io::Result<Stat>;

    /// The names in the directory `path` that are text, in any order, and what each stands for. Links are not
    /// followed.
    fn read_dir(&self, path: &Path) -> io::Result<Vec<(String, EntryKind)>>;

    /// Makes the directory `path`; its parent must be there.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Gives the file `from` the name `to` in its place, replacing what has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives the file `from` the name `to` as well; fails when somebody has it (`EEXIST`).
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes the name `path` of a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in the directory `path` durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Locks the directory `path` for as long as the answer lives, or says that somebody else has it locked
    /// (`None`). The lock goes with the process that holds it.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>>;
}

/// A file that is being written.
pub trait NewFile: fmt::Debug + Send + Sync {
    /// Writes all of `bytes` at the end.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes the bytes durable. After an error they never can be: the file must be dropped.
    fn sync(&self) -> io::Result<()>;

    /// What it is now.
    fn stat(&self) -> io::Result<Stat>;
}

/// A file that is being read.
pub trait OpenFile: fmt::Debug + Send + Sync {
    /// What it is.
    fn stat(&self) -> io::Result<Stat>;

    /// Fills `buffer` with the bytes from `offset` on; an error when the file ends before.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// A lock that is held until it is dropped.
pub type Lock = Box<dyn fmt::Debug + Send>;

/// What a name stands for, and which version of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// A file of so many bytes, a directory, or something else.
    pub kind: EntryKind,
    /// The number of the inode.
    pub inode: u64,
    /// When its bytes last changed, in nanoseconds.
    pub modified: u64,
}
