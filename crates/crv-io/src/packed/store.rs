//! [`PackStore`]: a pack as a root that is read and never changed.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use bytes::Bytes;

use super::document::{DOCUMENT, FILES, INDEX, PackDocument};
use super::files::{At, FileEntry, Files};
use crate::error::{Error, ErrorKind, Result};
use crate::part::file::{PartFile, checksum};
use crate::paths::{self, RUNS_DIR, StorePath, join_root};
use crate::stamp;
use crate::store::{Blob, Entry, EntryKind, LocalStore, PutMode, PutOutcome, Store, StoreError, Tag};

/// The runs of a pack.
#[derive(Debug)]
pub(crate) struct PackStore {
    root: String,
    files: Files,
    /// The files that parts and artifacts lie in, in the order of [`Files::names`].
    open: Vec<Arc<dyn Blob>>,
    /// The index of the runs.
    index: Option<Arc<dyn Blob>>,
    /// When the pack was made, in nanoseconds since 1970.
    modified: u64,
}

/// The packs that this process has open, with the tag of their documents; and those that were opened last, which stay
/// open: a catalogue opens its root for each call.
#[derive(Debug, Default)]
struct Known {
    packs: BTreeMap<String, (Tag, Weak<PackStore>)>,
    last: VecDeque<Arc<PackStore>>,
}

/// How many packs stay open.
const STAY: usize = 4;

impl PackStore {
    /// Opens the pack in the directory `root`. Handles of one process share it.
    ///
    /// Errors are of kind [`Config`](ErrorKind::Config) if there is no pack, and of kind [`Manifest`](ErrorKind::Manifest)
    /// if it is damaged, was not copied whole, or was written by a later version.
    pub(crate) fn open(root: &str) -> Result<Arc<Self>> {
        static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
        let store = LocalStore::new(root);
        let path = path_of(DOCUMENT);
        let tag = store.tag(&path).map_err(|error| read_failed(&error))?;
        let Some(tag) = tag else { return Err(no_pack(root)) };
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let open = known().packs.get(root).filter(|(of, _)| *of == tag).and_then(|(_, pack)| pack.upgrade());
        if let Some(pack) = open {
            return Ok(pack);
        }
        // Not under the lock: it may take long. Of two that are opened at once, one is kept.
        let pack = Arc::new(Self::read(root, &store)?);
        let mut known = known();
        known.last.push_back(Arc::clone(&pack));
        let closed = if known.last.len() > STAY { known.last.pop_front() } else { None };
        known.packs.retain(|_, (_, pack)| pack.strong_count() > 0);
        known.packs.insert(root.to_owned(), (tag, Arc::downgrade(&pack)));
        drop(known);
        drop(closed);
        Ok(pack)
    }

    /// Opens the pack in the directory `root`, which no other handle shares.
    pub(crate) fn open_alone(root: &str) -> Result<Self> {
        Self::read(root, &LocalStore::new(root))
    }

    fn read(root: &str, store: &LocalStore) -> Result<Self> {
        let document = document(root, store)?;
        let blobs = document.files.iter().map(|(name, file)| {
            let damaged = |why: &str| damaged(root, name, why);
            let path = plain_path(name).ok_or_else(|| damaged("it has no valid name"))?;
            let blob = store.open(&path).map_err(|error| read_failed(&error))?;
            let blob: Arc<dyn Blob> = blob.ok_or_else(|| damaged("it is missing"))?.into();
            if blob.size() != file.bytes {
                return Err(damaged(&format!(
                    "it has {} bytes, and `{DOCUMENT}` says {}",
                    blob.size(),
                    file.bytes
                )));
            }
            Ok((name.as_str(), blob))
        });
        let blobs = blobs.collect::<Result<BTreeMap<&str, Arc<dyn Blob>>>>()?;
        let damaged = |why: &str| damaged(root, FILES, why);
        let list = blobs.get(FILES).ok_or_else(|| damaged(&format!("`{DOCUMENT}` does not name it")))?;
        let sum = checksum(&**list, |_| ()).map_err(|error| damaged(&error.to_string()))?;
        if document.files.get(FILES).is_none_or(|file| file.crc32c != format!("{sum:08x}")) {
            return Err(damaged("its checksum differs"));
        }
        let files = Files::read(PartFile::Ranges(Arc::clone(list))).map_err(|why| damaged(&why))?;
        let open = files.names().iter().map(|name| {
            let blob = blobs.get(name.as_str()).cloned();
            blob.ok_or_else(|| damaged(&format!("it names `{name}`, and `{DOCUMENT}` does not")))
        });
        let modified = stamp::parse(&document.created_at).map_or(0, jiff::Timestamp::as_nanosecond);
        Ok(Self {
            root: root.to_owned(),
            open: open.collect::<Result<_>>()?,
            index: blobs.get(INDEX).cloned(),
            files,
            modified: u64::try_from(modified).unwrap_or(0),
        })
    }

    /// The file at `path`, if it is one of a run.
    fn find(&self, path: &StorePath) -> Option<&FileEntry> {
        let (run, path) = of_run(path.as_str())?;
        self.files.find(run, path)
    }

    fn error(&self, operation: &'static str, path: &StorePath, source: io::Error) -> StoreError {
        StoreError::new(operation, self.locate(path), source)
    }

    fn refused(&self, operation: &'static str, path: &StorePath) -> StoreError {
        let why = format!("`{}` is a pack, and a pack is never changed", self.root);
        self.error(operation, path, io::Error::new(io::ErrorKind::ReadOnlyFilesystem, why))
    }

    fn blob(&self, entry: &FileEntry) -> io::Result<Box<dyn Blob>> {
        let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        Ok(match entry.at {
            At::Row { group, row } => Box::new(Content(self.files.content(group, row).map_err(invalid)?)),
            At::Slice { file, offset } => {
                let blob = self.open.get(file as usize).cloned();
                let blob = blob.ok_or_else(|| invalid("its file is not in the pack".to_owned()))?;
                if offset.checked_add(entry.bytes).is_none_or(|end| end > blob.size()) {
                    return Err(invalid("it ends beyond its file in the pack".to_owned()));
                }
                Box::new(Slice { blob, offset, bytes: entry.bytes })
            }
        })
    }
}

/// Bytes of a file from an offset on.
#[derive(Debug)]
struct Slice {
    blob: Arc<dyn Blob>,
    offset: u64,
    bytes: u64,
}

impl Blob for Slice {
    fn size(&self) -> u64 {
        self.bytes
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        if offset.checked_add(length as u64).is_none_or(|end| end > self.bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.blob.read_at(self.offset + offset, length)
    }
}

/// A small file, in memory.
#[derive(Debug)]
struct Content(Bytes);

impl Blob for Content {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.checked_add(length).filter(|end| *end <= self.0.len());
        end.map(|end| self.0.slice(start..end)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// A file of a pack never changes: where it lies tells it from every other.
fn tag(entry: &FileEntry) -> Tag {
    match entry.at {
        At::Slice { file, offset } => Tag::new([u64::from(file), offset, entry.bytes]),
        At::Row { group, row } => Tag::new([u64::MAX - u64::from(group), u64::from(row), entry.bytes]),
    }
}

impl Store for PackStore {
    fn read(&self, path: &StorePath) -> Result<Option<(Bytes, Tag)>, StoreError> {
        let failed = |error| self.error("read", path, error);
        if let Some(index) = self.index.as_ref().filter(|_| *path == paths::runs_index()) {
            let length = usize::try_from(index.size()).unwrap_or(usize::MAX);
            let bytes = index.read_at(0, length).map_err(failed)?;
            return Ok(Some((bytes, Tag::new([0, 0, index.size()]))));
        }
        let Some(entry) = self.find(path) else { return Ok(None) };
        let blob = self.blob(entry).map_err(failed)?;
        let length = usize::try_from(blob.size()).unwrap_or(usize::MAX);
        let bytes = blob.read_at(0, length).map_err(failed)?;
        Ok(Some((bytes, tag(entry))))
    }

    fn tag(&self, path: &StorePath) -> Result<Option<Tag>, StoreError> {
        Ok(self.find(path).map(tag))
    }

    fn modified(&self, path: &StorePath) -> Result<Option<u64>, StoreError> {
        Ok(self.find(path).map(|_| self.modified))
    }

    fn open(&self, path: &StorePath) -> Result<Option<Box<dyn Blob>>, StoreError> {
        let Some(entry) = self.find(path) else { return Ok(None) };
        self.blob(entry).map(Some).map_err(|error| self.error("open", path, error))
    }

    fn list(&self, dir: &StorePath, after: Option<&str>) -> Result<Vec<Entry>, StoreError> {
        let is_after = |name: &str| after.is_none_or(|after| name > after);
        let directory = |name: &str| Entry { name: name.to_owned(), kind: EntryKind::Directory };
        let (run, below) = match dir.as_str() {
            "" => {
                return Ok(Some(RUNS_DIR).filter(|name| is_after(name)).map(directory).into_iter().collect());
            }
            RUNS_DIR => return Ok(self.files.runs().filter(|run| is_after(run)).map(directory).collect()),
            path => match path.strip_prefix(RUNS_DIR).and_then(|rest| rest.strip_prefix('/')) {
                Some(path) => {
                    path.split_once('/').map_or((path, String::new()), |(run, dir)| (run, format!("{dir}/")))
                }
                None => return Ok(Vec::new()),
            },
        };
        let mut entries: BTreeMap<&str, EntryKind> = BTreeMap::new();
        for file in self.files.of_run(run) {
            let Some(rest) = file.path.strip_prefix(below.as_str()) else { continue };
            let (name, kind) = match rest.split_once('/') {
                Some((name, _)) => (name, EntryKind::Directory),
                None => (rest, EntryKind::Object(file.bytes)),
            };
            if is_after(name) {
                entries.insert(name, kind);
            }
        }
        Ok(entries.into_iter().map(|(name, kind)| Entry { name: name.to_owned(), kind }).collect())
    }

    fn put(&self, path: &StorePath, _: &[u8], _: PutMode<'_>) -> Result<PutOutcome, StoreError> {
        Err(self.refused("write", path))
    }

    fn remove(&self, path: &StorePath) -> Result<(), StoreError> {
        Err(self.refused("remove", path))
    }

    fn make_dir(&self, dir: &StorePath) -> Result<(), StoreError> {
        Err(self.refused("create", dir))
    }

    fn rename_dir(&self, from: &StorePath, _: &StorePath) -> Result<bool, StoreError> {
        Err(self.refused("rename", from))
    }

    fn remove_dir(&self, dir: &StorePath) -> Result<(), StoreError> {
        Err(self.refused("remove", dir))
    }

    fn is_read_only(&self) -> bool {
        true
    }

    fn locate(&self, path: &StorePath) -> String {
        join_root(&self.root, path)
    }
}

/// The run that `path` lies in, and the path in its directory.
fn of_run(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix(RUNS_DIR)?.strip_prefix('/')?.split_once('/')
}

/// The path of a file of the pack; `None` if it would leave the pack.
fn plain_path(name: &str) -> Option<StorePath> {
    name.split('/').try_fold(StorePath::root(), |dir, name| dir.entry(name))
}

fn path_of(name: &str) -> StorePath {
    plain_path(name).unwrap_or_else(StorePath::root)
}

fn document(root: &str, store: &LocalStore) -> Result<PackDocument> {
    let read = store.read(&path_of(DOCUMENT)).map_err(|error| read_failed(&error))?;
    let Some((bytes, _)) = read else { return Err(no_pack(root)) };
    let damaged = |why: String| damaged(root, DOCUMENT, &why);
    let value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    // Before the rest is read: a later version may have other members.
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if format > PackDocument::FORMAT.into() => {
            let text = format!(
                "pack `{root}` has format {format}, and this crv reads format {}",
                PackDocument::FORMAT
            );
            return Err(Error::manifest(text).with_hint("read it with a later version of crv"));
        }
        Some(_) => {}
        None => return Err(damaged("it has no `format`".to_owned())),
    }
    serde_json::from_value(value).map_err(|error| damaged(error.to_string()))
}

fn no_pack(root: &str) -> Error {
    let error = if std::path::Path::new(root).exists() {
        Error::new(ErrorKind::Config, format!("`{root}` is no pack: it has no `{DOCUMENT}`"))
    } else {
        Error::new(ErrorKind::Config, format!("the pack `{root}` does not exist"))
    };
    error.with_hint("`crv pack` makes one; a root of another name is a directory of runs")
}

fn damaged(root: &str, name: &str, why: &str) -> Error {
    Error::manifest(format!("pack `{root}`: `{name}`: {why}"))
        .with_hint("copy the pack again, or pack the runs again")
}

fn read_failed(error: &StoreError) -> Error {
    Error::new(ErrorKind::Read, error.to_string())
}
