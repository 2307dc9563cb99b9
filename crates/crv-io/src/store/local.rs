//! A store on a local file system: durable, because every file and every name is synced before it counts.
//!
//! Replacing a file: a unique temporary file in the same directory, write, `fsync`, `rename`, `fsync` of the
//! directory. Publishing one if absent: the same with `link`, which fails when the name is taken, in place of
//! `rename`. A failed `fsync` is never tried again on the same file: the file is dropped.

use std::collections::BTreeSet;
use std::fs::TryLockError;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use fs_err as fs;

use super::{Blob, Entry, EntryKind, Held, PutMode, PutOutcome, Ready, Store, StoreError, Tag};
use crate::parallel;
use crate::paths::{StorePath, TMP_SUFFIX};

/// Runs under a directory of this machine.
#[derive(Debug)]
pub struct LocalStore {
    /// The root as the settings say it, for messages and summaries.
    shown: String,
    root: PathBuf,
    /// Directories whose own entry in their parent is known to be durable.
    durable: Mutex<BTreeSet<StorePath>>,
}

impl LocalStore {
    /// The store under `root`, which is made when the first thing is written.
    pub fn new(root: &str) -> Self {
        let path = if root.is_empty() { "." } else { root };
        Self { shown: root.to_owned(), root: PathBuf::from(path), durable: Mutex::default() }
    }

    fn full(&self, path: &StorePath) -> PathBuf {
        if path.as_str().is_empty() { self.root.clone() } else { self.root.join(path.as_str()) }
    }

    fn error(&self, operation: &'static str, path: &StorePath, source: io::Error) -> StoreError {
        StoreError::new(operation, self.locate(path), source)
    }

    /// Writes and syncs a new temporary file beside `path`, making the directories it needs.
    /// Gives the tag that the file keeps wherever it is renamed or linked to: taken any later, it could be that
    /// of a file somebody else put in its place.
    fn write_temp(&self, path: &StorePath, temp: &Path, bytes: &[u8]) -> Result<Tag, StoreError> {
        let failed = |source| self.error("write", path, source);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        let mut file = match options.open(temp) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_parents(path)?;
                options.open(temp).map_err(failed)?
            }
            other => other.map_err(failed)?,
        };
        let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| file.metadata());
        written.map(|metadata| tag_of(&metadata)).map_err(|source| {
            drop_temp(temp);
            failed(source)
        })
    }

    /// Makes the directories above `path`; their entries are made durable by [`sync_names`](Self::sync_names).
    fn make_parents(&self, path: &StorePath) -> Result<(), StoreError> {
        let mut missing = Vec::new();
        let mut dir = path.parent();
        while let Some(at) = dir {
            match fs::create_dir(self.full(&at)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound && !at.as_str().is_empty() => {
                    dir = at.parent();
                    missing.push(at);
                    continue;
                }
                // The root's own parents: whoever names a deep root wants it made.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir_all(&self.root)
                        .map_err(|source| self.error("make the directory", &at, source))?;
                    sync_created_ancestors(&self.root)
                        .map_err(|source| self.error("sync the directories above", &at, source))?;
                }
                Err(error) => return Err(self.error("make the directory", &at, error)),
            }
            self.forget(&at);
            break;
        }
        for at in missing.into_iter().rev() {
            match fs::create_dir(self.full(&at)) {
                Ok(()) => self.forget(&at),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(self.error("make the directory", &at, error)),
            }
        }
        Ok(())
    }

    /// A directory that was just made is not durable, whatever was known of an earlier one of its name.
    fn forget(&self, dir: &StorePath) {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner).remove(dir);
    }

    /// Syncs the directories that hold `paths`, and those that hold the entries of directories above them
    /// that are not known to be durable yet, side by side.
    fn sync_names(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        let mut to_sync = BTreeSet::new();
        let mut proven = BTreeSet::new();
        {
            let durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
            for path in paths {
                let mut dir = path.parent();
                to_sync.extend(dir.clone());
                while let Some(at) = dir {
                    if durable.contains(&at) || !proven.insert(at.clone()) {
                        break;
                    }
                    dir = at.parent();
                    to_sync.extend(dir.clone());
                }
            }
        }
        if proven.contains(&StorePath::root()) {
            // The root's entry lies in a directory that is not ours, and that we may not be allowed to open.
            if let Some(parent) = parent_dir(&self.root) {
                sync_dir_if_allowed(&parent)
                    .map_err(|source| self.error("sync the directory of", &StorePath::root(), source))?;
            }
        }
        let to_sync: Vec<StorePath> = to_sync.into_iter().collect();
        parallel::for_each(&to_sync, parallel::WAITING, |dir| {
            sync_dir(&self.full(dir)).map_err(|source| self.error("sync the directory", dir, source))
        })?;
        if !proven.is_empty() {
            self.durable.lock().unwrap_or_else(PoisonError::into_inner).extend(proven);
        }
        Ok(())
    }

    fn stored(&self, path: &StorePath, tag: Tag) -> Result<PutOutcome, StoreError> {
        self.sync_names(std::slice::from_ref(path)).map_err(StoreError::unknown)?;
        Ok(PutOutcome::Stored(tag))
    }

    fn replace(&self, path: &StorePath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        let full = self.full(path);
        let temp = unique_temp(&full);
        let tag = self.write_temp(path, &temp, bytes)?;
        fs::rename(&temp, &full).map_err(|source| {
            drop_temp(&temp);
            self.error("rename into place", path, source)
        })?;
        self.stored(path, tag)
    }

    /// Compare and swap: the directory is locked, so that of all who come with the same tag one wins. The
    /// lock is the kernel's, and goes with the process that held it.
    fn swap(&self, path: &StorePath, bytes: &[u8], expected: &Tag) -> Result<PutOutcome, StoreError> {
        let full = self.full(path);
        let Some(dir) = parent_dir(&full) else { return Ok(PutOutcome::Refused) };
        let lock = match fs::File::open(&dir) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(PutOutcome::Refused),
            Err(error) => return Err(self.error("open the directory of", path, error)),
        };
        match lock.file().try_lock() {
            Ok(()) => {}
            // Somebody is swapping just now. Nobody waits for a process that may have been stopped.
            Err(TryLockError::WouldBlock) => return Ok(PutOutcome::Refused),
            Err(TryLockError::Error(source)) => {
                return Err(self.error("lock the directory of", path, source));
            }
        }
        if self.tag(path)?.as_ref() != Some(expected) {
            return Ok(PutOutcome::Refused);
        }
        self.replace(path, bytes)
    }
}

impl Store for LocalStore {
    fn read(&self, path: &StorePath) -> Result<Option<(Bytes, Tag)>, StoreError> {
        let failed = |source| self.error("read", path, source);
        let Some(file) = absent_is_none(fs::File::open(self.full(path))).map_err(failed)? else {
            return Ok(None);
        };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::other("it is not a file")));
        }
        let mut bytes = vec![0; usize::try_from(metadata.len()).map_err(|_| failed(too_large()))?];
        file.file().read_exact_at(&mut bytes, 0).map_err(failed)?;
        Ok(Some((bytes.into(), tag_of(&metadata))))
    }

    fn tag(&self, path: &StorePath) -> Result<Option<Tag>, StoreError> {
        file_tag(&self.full(path)).map_err(|source| self.error("look at", path, source))
    }

    fn open(&self, path: &StorePath) -> Result<Option<Box<dyn Blob>>, StoreError> {
        let failed = |source| self.error("open", path, source);
        let Some(file) = absent_is_none(fs::File::open(self.full(path))).map_err(failed)? else {
            return Ok(None);
        };
        let size = file.metadata().map_err(failed)?.len();
        Ok(Some(Box::new(LocalBlob { file, size })))
    }

    fn list(&self, dir: &StorePath, after: Option<&str>) -> Result<Vec<Entry>, StoreError> {
        let failed = |source| self.error("list", dir, source);
        let Some(names) = absent_is_none(fs::read_dir(self.full(dir))).map_err(failed)? else {
            return Ok(Vec::new());
        };
        let mut entries = Vec::new();
        for name in names {
            let name = name.map_err(failed)?;
            // A name that is not text is none of ours.
            let Ok(text) = name.file_name().into_string() else { continue };
            if after.is_some_and(|after| text.as_str() <= after) {
                continue;
            }
            let kind = name.file_type().map_err(failed)?;
            let kind = if kind.is_dir() {
                EntryKind::Directory
            } else if kind.is_file() {
                match absent_is_none(name.metadata()).map_err(failed)? {
                    Some(metadata) => EntryKind::Object(metadata.len()),
                    None => continue,
                }
            } else {
                EntryKind::Other
            };
            entries.push(Entry { name: text, kind });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn put(&self, path: &StorePath, bytes: &[u8], mode: PutMode<'_>) -> Result<PutOutcome, StoreError> {
        match mode {
            PutMode::Replace => self.replace(path, bytes),
            PutMode::IfAbsent => self.publish(self.ready(path, bytes)?),
            PutMode::IfMatches(expected) => self.swap(path, bytes, expected),
        }
    }

    fn ready(&self, path: &StorePath, bytes: &[u8]) -> Result<Ready, StoreError> {
        let temp = unique_temp(&self.full(path));
        let tag = self.write_temp(path, &temp, bytes)?;
        Ok(Ready { path: path.clone(), held: Held::File { temp, tag } })
    }

    fn publish(&self, ready: Ready) -> Result<PutOutcome, StoreError> {
        let path = ready.path.clone();
        let Held::File { temp, tag } = &ready.held else {
            return Err(StoreError::readied_elsewhere(self.locate(&path)));
        };
        let tag = tag.clone();
        let linked = fs::hard_link(temp, self.full(&path));
        // Removes the temporary name, before the directory is synced.
        drop(ready);
        match linked {
            Ok(()) => self.stored(&path, tag),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(PutOutcome::Refused),
            // What Linux says where there are no hard links is that they are not permitted, or not supported.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) =>
            {
                Err(self.error("link into place", &path, io::Error::new(io::ErrorKind::Unsupported, error)))
            }
            // Storage that is reached through a wire may have done it, and lost the answer.
            Err(error) => Err(self.error("link into place", &path, error).unknown()),
        }
    }

    fn stage(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError> {
        let full = self.full(path);
        let temp = with_suffix(&full, TMP_SUFFIX);
        self.write_temp(path, &temp, bytes)?;
        fs::rename(&temp, &full).map_err(|source| {
            drop_temp(&temp);
            self.error("rename into place", path, source)
        })
    }

    fn settle(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        self.sync_names(paths)
    }

    fn remove(&self, path: &StorePath) -> Result<(), StoreError> {
        match fs::remove_file(self.full(path)) {
            Err(error) if !is_absent(&error) => Err(self.error("remove", path, error)),
            _ => Ok(()),
        }
    }

    fn locate(&self, path: &StorePath) -> String {
        crate::paths::join_root(&self.shown, path)
    }
}

#[derive(Debug)]
struct LocalBlob {
    file: fs::File,
    size: u64,
}

impl Blob for LocalBlob {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        // Checked against the size first, so that a lying footer cannot make us ask for a huge buffer.
        let end = offset.checked_add(length as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; length];
        self.file.file().read_exact_at(&mut bytes, offset)?;
        Ok(bytes.into())
    }
}

fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

fn absent_is_none<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn too_large() -> io::Error {
    io::Error::other("it does not fit into memory")
}

fn file_tag(full: &Path) -> io::Result<Option<Tag>> {
    Ok(absent_is_none(fs::metadata(full))?.map(|metadata| tag_of(&metadata)))
}

fn tag_of(metadata: &std::fs::Metadata) -> Tag {
    let nanos = metadata.mtime().wrapping_mul(1_000_000_000).wrapping_add(metadata.mtime_nsec());
    Tag([metadata.ino(), nanos.cast_unsigned(), metadata.len()])
}

/// A name beside `full` that nobody else makes: for files that several writers replace.
fn unique_temp(full: &Path) -> PathBuf {
    with_suffix(full, &format!(".{:016x}{TMP_SUFFIX}", crate::stamp::random()))
}

fn with_suffix(full: &Path, suffix: &str) -> PathBuf {
    let mut name = full.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Best effort: what cannot be removed is invisible, and named as harmless by a check.
pub(super) fn drop_temp(temp: &Path) {
    let _ = fs::remove_file(temp);
}

fn parent_dir(path: &Path) -> Option<PathBuf> {
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() })
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

fn sync_dir_if_allowed(dir: &Path) -> io::Result<()> {
    match sync_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}

/// After `create_dir_all(root)`: syncs every directory above the root that may be tried, up to the top.
fn sync_created_ancestors(root: &Path) -> io::Result<()> {
    root.ancestors().skip(1).try_for_each(|dir| {
        sync_dir_if_allowed(if dir.as_os_str().is_empty() { Path::new(".") } else { dir })
    })
}
