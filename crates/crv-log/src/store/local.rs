//! A store on a local file system: durable, because every file and every name is synced before it counts.
//!
//! Replacing a file: a unique temporary file in the same directory, write, `fsync`, `rename`, `fsync` of the
//! directory. Publishing one if absent: the same with `link`, which fails when the name is taken, in place of
//! `rename`. A failed `fsync` is never retried on the same file: the file is dropped.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::files::{FileSystem, OpenFile, OsFiles, Stat};
use super::names::Names;
use super::{Blob, Entry, EntryKind, Held, PreparedPut, PutMode, PutOutcome, Store, StoreError, Tag};
use crate::buffers;
use crate::parallel;
use crate::paths::{StorePath, TMP_SUFFIX};

/// Runs under a directory of this machine.
#[derive(Debug)]
pub struct LocalStore {
    /// The root as in the settings, for messages and summaries.
    shown: String,
    root: PathBuf,
    files: Arc<dyn FileSystem>,
    names: Mutex<Names>,
    /// Held while the first directory in the root is created: one thread makes the root durable.
    first: Mutex<()>,
    /// Whether the file system is that of this machine.
    is_real: bool,
}

impl LocalStore {
    /// The store under `root`, which is created by the first write.
    pub fn new(root: &str) -> Self {
        Self { is_real: true, ..Self::on(root, Arc::new(OsFiles)) }
    }

    /// The same, with every system call made by `files`.
    pub fn on(root: &str, files: Arc<dyn FileSystem>) -> Self {
        let path = if root.is_empty() { "." } else { root };
        Self::at(root.to_owned(), PathBuf::from(path), files)
    }

    fn at(shown: String, root: PathBuf, files: Arc<dyn FileSystem>) -> Self {
        Self { shown, root, files, names: Mutex::default(), first: Mutex::default(), is_real: false }
    }

    /// A store of the directory that `path` lies in, and the path in it. `None` if `path` does not end in a
    /// UTF-8 name.
    pub fn beside(path: &Path) -> Option<(Self, StorePath)> {
        let name = StorePath::root().entry(path.file_name()?.to_str()?)?;
        let shown = path.parent()?.to_string_lossy().into_owned();
        Some((Self::at(shown, parent_dir(path)?, Arc::new(OsFiles)), name))
    }

    fn full(&self, path: &StorePath) -> PathBuf {
        if path.as_str().is_empty() { self.root.clone() } else { self.root.join(path.as_str()) }
    }

    fn error(&self, operation: &'static str, path: &StorePath, source: io::Error) -> StoreError {
        StoreError::new(operation, self.locate(path), source)
    }

    /// Writes and syncs a new temporary file beside `path`, and creates the directories it needs.
    /// Returns the tag that the file keeps when it is renamed or linked: a tag taken later could be that of a file
    /// that another writer put in its place.
    fn write_temp(&self, path: &StorePath, temp: &Path, bytes: &[u8]) -> Result<Tag, StoreError> {
        let failed = |source: io::Error| {
            // Also if creating it failed: it may be there, and no other writer uses this name.
            if source.kind() != io::ErrorKind::AlreadyExists {
                self.drop_temp(temp);
            }
            self.error("write", path, source)
        };
        let mut file = match self.files.create_new(temp) {
            Err(error) if is_absent(&error) => {
                self.make_parents(path)?;
                self.files.create_new(temp).map_err(failed)?
            }
            other => other.map_err(failed)?,
        };
        let written = file.write_all(bytes).and_then(|()| file.sync()).and_then(|()| file.stat());
        written.map(tag_of).map_err(failed)
    }

    /// Creates the directories above `path`; [`sync_names`](Self::sync_names) makes their entries durable.
    fn make_parents(&self, path: &StorePath) -> Result<(), StoreError> {
        self.make_dirs(path.parent())
    }

    fn make_dirs(&self, mut dir: Option<StorePath>) -> Result<(), StoreError> {
        let failed = |at: &StorePath, source| self.error("create the directory", at, source);
        let mut missing = Vec::new();
        while let Some(at) = dir {
            let parent = at.parent();
            let made = match &parent {
                None => self.make_root(),
                Some(root) if root.as_str().is_empty() => self.make_first(&at),
                Some(_) => self.make_one(&at),
            };
            match made {
                Err(error) if is_absent(&error) && parent.is_some() => {
                    dir = parent;
                    missing.push(at);
                }
                other => {
                    other.map_err(|source| failed(&at, source))?;
                    break;
                }
            }
        }
        missing.iter().rev().try_for_each(|at| self.make_one(at).map_err(|source| failed(at, source)))
    }

    /// Creates `dir`, whose parent must be there, unless it is there.
    fn make_one(&self, dir: &StorePath) -> io::Result<()> {
        match self.files.create_dir(&self.full(dir)) {
            Ok(()) => self.names().created(dir),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Creates `dir`, a directory in the root, unless it is there. Guard: the root is durable before. So a root with a
    /// directory in it is durable, whichever process created it, and nothing above it is synced again.
    fn make_first(&self, dir: &StorePath) -> io::Result<()> {
        let _first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if absent_is_none(self.files.stat(&self.full(dir)))?.is_some() {
            return Ok(());
        }
        self.make_root()?;
        self.make_one(dir)
    }

    /// Creates the root and the directories above it that are missing, and makes all of them durable: any may have been
    /// created a moment ago, by another process or by a call that failed.
    fn make_root(&self) -> io::Result<()> {
        let mut missing = vec![self.root.clone()];
        while let Some(dir) = missing.last().cloned() {
            match self.files.create_dir(&dir) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if is_absent(&error) => match parent_dir(&dir) {
                    Some(parent) if parent != dir => {
                        missing.push(parent);
                        continue;
                    }
                    _ => return Err(error),
                },
                Err(error) => return Err(error),
            }
            missing.pop();
        }
        self.root.ancestors().skip(1).try_for_each(|dir| {
            let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
            match self.files.sync_dir(dir) {
                // Skipped: a directory that this process may not open, or that cannot be synced, such as one of a
                // read-only or a virtual file system.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::PermissionDenied
                            | io::ErrorKind::ReadOnlyFilesystem
                            | io::ErrorKind::InvalidInput
                            | io::ErrorKind::Unsupported
                    ) =>
                {
                    Ok(())
                }
                other => other,
            }
        })
    }

    /// Removes a temporary file. Error ignored: readers never see it, and a check reports it as harmless.
    fn drop_temp(&self, temp: &Path) {
        let _ = self.files.remove_file(temp);
    }

    /// Renames a temporary file to `path`.
    fn rename(&self, temp: &Path, path: &StorePath) -> Result<(), StoreError> {
        self.files.rename(temp, &self.full(path)).map_err(|source| {
            self.drop_temp(temp);
            // Network storage may have renamed it and lost the reply.
            self.error("rename into place", path, source).unknown()
        })
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the names at `paths` durable, and those of the directories above them, in parallel.
    fn sync_names(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        let to_sync = self.names().to_sync(paths);
        parallel::for_each(&to_sync.dirs, parallel::WAITING, |dir| {
            let synced = self.files.sync_dir(&self.full(dir));
            synced.map_err(|source| self.error("sync the directory", dir, source))
        })?;
        self.names().synced(to_sync);
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
        self.rename(&temp, path)?;
        self.stored(path, tag)
    }

    /// Compare and swap: the directory is locked, so that of several writers with the same tag one wins. The
    /// kernel releases the lock when the process that holds it ends.
    fn swap(&self, path: &StorePath, bytes: &[u8], expected: &Tag) -> Result<PutOutcome, StoreError> {
        let full = self.full(path);
        let Some(dir) = parent_dir(&full) else { return Ok(PutOutcome::Refused) };
        let _lock = match self.files.try_lock(&dir) {
            Ok(Some(lock)) => lock,
            // Another writer holds the lock. Do not wait: its process may have been stopped.
            Ok(None) => return Ok(PutOutcome::Refused),
            Err(error) if is_absent(&error) => return Ok(PutOutcome::Refused),
            Err(error) => return Err(self.error("lock the directory of", path, error)),
        };
        // Guard: the tag is read under the lock, before the file is replaced.
        if self.tag(path)?.as_ref() != Some(expected) {
            return Ok(PutOutcome::Refused);
        }
        self.replace(path, bytes)
    }
}

impl Store for LocalStore {
    fn read(&self, path: &StorePath) -> Result<Option<(Bytes, Tag)>, StoreError> {
        let failed = |source| self.error("read", path, source);
        let Some(file) = absent_is_none(self.files.open(&self.full(path))).map_err(failed)? else {
            return Ok(None);
        };
        let stat = file.stat().map_err(failed)?;
        let EntryKind::Object(size) = stat.kind else {
            return Err(failed(io::Error::other("it is not a file")));
        };
        let length = usize::try_from(size).map_err(|_| failed(buffers::too_large()))?;
        let bytes = buffers::filled(length, |bytes| file.read_exact_at(bytes, 0)).map_err(failed)?;
        Ok(Some((bytes, tag_of(stat))))
    }

    fn tag(&self, path: &StorePath) -> Result<Option<Tag>, StoreError> {
        let stat = absent_is_none(self.files.stat(&self.full(path)));
        Ok(stat.map_err(|source| self.error("stat", path, source))?.map(tag_of))
    }

    fn modified(&self, path: &StorePath) -> Result<Option<u64>, StoreError> {
        let stat = absent_is_none(self.files.stat(&self.full(path)));
        Ok(stat.map_err(|source| self.error("stat", path, source))?.map(|stat| stat.modified))
    }

    fn open(&self, path: &StorePath) -> Result<Option<Box<dyn Blob>>, StoreError> {
        let failed = |source| self.error("open", path, source);
        let Some(file) = absent_is_none(self.files.open(&self.full(path))).map_err(failed)? else {
            return Ok(None);
        };
        let EntryKind::Object(size) = file.stat().map_err(failed)?.kind else {
            return Err(failed(io::Error::other("it is not a file")));
        };
        Ok(Some(Box::new(LocalBlob { file, size })))
    }

    fn list(&self, dir: &StorePath, after: Option<&str>) -> Result<Vec<Entry>, StoreError> {
        let names = absent_is_none(self.files.read_dir(&self.full(dir)));
        let names = names.map_err(|source| self.error("list", dir, source))?.unwrap_or_default();
        let names = names.into_iter().filter(|(name, _)| after.is_none_or(|after| name.as_str() > after));
        let mut entries: Vec<Entry> = names.map(|(name, kind)| Entry { name, kind }).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn put(&self, path: &StorePath, bytes: &[u8], mode: PutMode<'_>) -> Result<PutOutcome, StoreError> {
        match mode {
            PutMode::Replace => self.replace(path, bytes),
            PutMode::IfAbsent => self.publish(self.prepare(path, bytes)?),
            PutMode::IfMatches(expected) => self.swap(path, bytes, expected),
        }
    }

    fn prepare(&self, path: &StorePath, bytes: &[u8]) -> Result<PreparedPut, StoreError> {
        let temp = unique_temp(&self.full(path));
        let tag = self.write_temp(path, &temp, bytes)?;
        let temp = TempFile { files: Arc::clone(&self.files), path: temp };
        Ok(PreparedPut { path: path.clone(), held: Held::File { temp, tag } })
    }

    fn publish(&self, prepared: PreparedPut) -> Result<PutOutcome, StoreError> {
        let PreparedPut { path, held: Held::File { temp, tag } } = prepared else {
            return Err(StoreError::prepared_elsewhere(self.locate(prepared.path())));
        };
        let linked = self.files.hard_link(&temp.path, &self.full(&path));
        // Removes the temporary name before the directory is synced, so that one sync covers both.
        drop(temp);
        match linked {
            Ok(()) => self.stored(&path, tag),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(PutOutcome::Refused),
            // On a file system without hard links, Linux returns that they are not permitted, or not supported.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported) =>
            {
                Err(self.error("link into place", &path, io::Error::new(io::ErrorKind::Unsupported, error)))
            }
            // Network storage may have linked it and lost the reply.
            Err(error) => Err(self.error("link into place", &path, error).unknown()),
        }
    }

    fn put_new(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError> {
        let temp = with_suffix(&self.full(path), TMP_SUFFIX);
        self.write_temp(path, &temp, bytes)?;
        self.rename(&temp, path)
    }

    fn put_prepared(&self, prepared: PreparedPut) -> Result<(), StoreError> {
        let PreparedPut { path, held } = prepared;
        match held {
            Held::File { temp, .. } => self.rename(&temp.keep(), &path),
            Held::Memory(bytes) => self.put_new(&path, &bytes),
        }
    }

    fn sync(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        self.sync_names(paths)
    }

    fn expect(&self, path: &StorePath) {
        // Error ignored: the put meets it again, and reports it.
        let _ = self.make_parents(path);
    }

    fn trust(&self, path: &StorePath) {
        self.names().trust(path);
    }

    fn identity(&self) -> Option<String> {
        // As it is written: two spellings of a relative path may part ways when the process changes its directory.
        self.is_real.then(|| self.shown.clone())
    }

    fn remove(&self, path: &StorePath) -> Result<(), StoreError> {
        match self.files.remove_file(&self.full(path)) {
            Err(error) if !is_absent(&error) => Err(self.error("remove", path, error)),
            _ => Ok(()),
        }
    }

    fn put_unsynced(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError> {
        let temp = unique_temp(&self.full(path));
        let written = self.files.create_new(&temp).and_then(|mut file| file.write_all(bytes));
        written.map_err(|source| {
            self.drop_temp(&temp);
            self.error("write", path, source)
        })?;
        self.rename(&temp, path)
    }

    fn rename_dir(&self, from: &StorePath, to: &StorePath) -> Result<bool, StoreError> {
        match self.files.rename_dir(&self.full(from), &self.full(to)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(false),
            Err(error) => return Err(self.error("rename", from, error)),
        }
        self.names().removed(from);
        self.sync_names(&[from.clone(), to.clone()]).map_err(StoreError::unknown)?;
        Ok(true)
    }

    fn remove_dir(&self, dir: &StorePath) -> Result<(), StoreError> {
        self.names().removed(dir);
        match self.files.remove_dir(&self.full(dir)) {
            Err(error) if !is_absent(&error) && error.kind() != io::ErrorKind::Unsupported => {
                Err(self.error("remove the directory", dir, error))
            }
            _ => Ok(()),
        }
    }

    fn make_dir(&self, dir: &StorePath) -> Result<(), StoreError> {
        self.make_dirs(Some(dir.clone()))?;
        let found = self.files.stat(&self.full(dir));
        let found = found.map_err(|source| self.error("stat", dir, source))?;
        if found.kind != EntryKind::Directory {
            return Err(self.error("create the directory", dir, io::ErrorKind::NotADirectory.into()));
        }
        self.sync_names(std::slice::from_ref(dir))
    }

    fn has_files(&self) -> bool {
        true
    }

    fn locate(&self, path: &StorePath) -> String {
        crate::paths::join_root(&self.shown, path)
    }
}

#[derive(Debug)]
struct LocalBlob {
    file: Box<dyn OpenFile>,
    size: u64,
}

impl Blob for LocalBlob {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        // Checked against the size first, so that a damaged footer cannot cause a huge allocation.
        let end = offset.checked_add(length as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffers::filled(length, |bytes| self.file.read_exact_at(bytes, offset))
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

fn tag_of(stat: Stat) -> Tag {
    Tag([stat.inode, stat.modified, stat.kind.size()])
}

/// A synced temporary file, removed on drop.
#[derive(Debug)]
pub(super) struct TempFile {
    files: Arc<dyn FileSystem>,
    path: PathBuf,
}

impl TempFile {
    /// Returns its path. The file stays.
    fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // Error ignored: readers never see the file, and a check reports it as harmless.
            let _ = self.files.remove_file(&self.path);
        }
    }
}

/// A name beside `full` that no other writer uses: for files that several writers replace.
fn unique_temp(full: &Path) -> PathBuf {
    with_suffix(full, &format!(".{:016x}{TMP_SUFFIX}", crate::stamp::random()))
}

fn with_suffix(full: &Path, suffix: &str) -> PathBuf {
    let mut name = full.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn parent_dir(path: &Path) -> Option<PathBuf> {
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() })
}
