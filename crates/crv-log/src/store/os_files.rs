//! The file system of the operating system.

use std::fs::TryLockError;
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt as _;

use super::EntryKind;
use super::files::{FileSystem, Lock, NewFile, OpenFile, Stat};

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsFiles;

impl FileSystem for OsFiles {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Box::new(OsFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        // `O_NONBLOCK` changes nothing for files; without it, opening a pipe in place of one waits for a writer.
        let file = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        Ok(Box::new(OsFile(file)))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        fs::metadata(path).map(|metadata| stat_of(&metadata))
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // A name that is not UTF-8 is ignored: this crate writes none.
            let Ok(name) = entry.file_name().into_string() else { continue };
            // Removed since it was listed.
            let Some(kind) = unless_gone(entry.file_type())? else { continue };
            let kind = if kind.is_file() {
                let Some(metadata) = unless_gone(entry.metadata())? else { continue };
                EntryKind::Object(metadata.len())
            } else if kind.is_dir() {
                EntryKind::Directory
            } else {
                EntryKind::Other
            };
            names.push((name, kind));
        }
        Ok(names)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn rename_dir(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        let file = fs::File::open(path)?;
        match file.file().try_lock() {
            Ok(()) => Ok(Some(Box::new(OsLock(file)))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// A lock that is also released if a forked process has inherited the open directory.
#[derive(Debug)]
struct OsLock(fs::File);

impl Drop for OsLock {
    fn drop(&mut self) {
        // Error ignored: closing the directory unlocks it as well, unless a forked process has it open.
        let _ = self.0.file().unlock();
    }
}

fn unless_gone<T>(looked: io::Result<T>) -> io::Result<Option<T>> {
    match looked {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

#[derive(Debug)]
struct OsFile(fs::File);

impl NewFile for OsFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn stat(&self) -> io::Result<Stat> {
        self.0.metadata().map(|metadata| stat_of(&metadata))
    }
}

impl OpenFile for OsFile {
    fn stat(&self) -> io::Result<Stat> {
        NewFile::stat(self)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.file().read_exact_at(buffer, offset)
    }
}

fn stat_of(metadata: &std::fs::Metadata) -> Stat {
    let kind = if metadata.is_file() {
        EntryKind::Object(metadata.len())
    } else if metadata.is_dir() {
        EntryKind::Directory
    } else {
        EntryKind::Other
    };
    let modified = metadata.mtime().wrapping_mul(1_000_000_000).wrapping_add(metadata.mtime_nsec());
    Stat { kind, inode: metadata.ino(), modified: modified.cast_unsigned() }
}
