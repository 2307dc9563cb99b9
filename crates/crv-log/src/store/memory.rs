//! A store in memory: for tests, and for runs that need not outlive the process.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Blob, Entry, EntryKind, PutMode, PutOutcome, Store, StoreError, Tag};
use crate::paths::StorePath;
use crate::stamp;

/// Objects in a map. Everything is "durable" for as long as the value lives.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Mutex<Objects>,
}

#[derive(Debug, Default)]
struct Objects {
    by_path: BTreeMap<String, Object>,
    versions: u64,
}

#[derive(Debug)]
struct Object {
    bytes: Bytes,
    version: u64,
    modified: u64,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// This process's store for `root`: every handle with that root shares it, as handles share a directory.
    pub fn of_root(root: &str) -> Arc<Self> {
        static STORES: Mutex<BTreeMap<String, Arc<MemoryStore>>> = Mutex::new(BTreeMap::new());
        let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(stores.entry(root.to_owned()).or_default())
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        // Every change below is a single insert or remove: a panic cannot leave it incomplete.
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tag(version: u64) -> Tag {
    Tag([version, 0, 0])
}

impl Store for MemoryStore {
    fn read(&self, path: &StorePath) -> Result<Option<(Bytes, Tag)>, StoreError> {
        let objects = self.objects();
        Ok(objects.by_path.get(path.as_str()).map(|object| (object.bytes.clone(), tag(object.version))))
    }

    fn tag(&self, path: &StorePath) -> Result<Option<Tag>, StoreError> {
        Ok(self.objects().by_path.get(path.as_str()).map(|object| tag(object.version)))
    }

    fn modified(&self, path: &StorePath) -> Result<Option<u64>, StoreError> {
        Ok(self.objects().by_path.get(path.as_str()).map(|object| object.modified))
    }

    fn open(&self, path: &StorePath) -> Result<Option<Box<dyn Blob>>, StoreError> {
        let found = self.objects().by_path.get(path.as_str()).map(|object| object.bytes.clone());
        Ok(found.map(|bytes| Box::new(MemoryBlob(bytes)) as Box<dyn Blob>))
    }

    fn list(&self, dir: &StorePath, after: Option<&str>) -> Result<Vec<Entry>, StoreError> {
        let prefix = if dir.as_str().is_empty() { String::new() } else { format!("{}/", dir.as_str()) };
        let mut entries: BTreeMap<String, EntryKind> = BTreeMap::new();
        for (path, object) in self.objects().by_path.range(prefix.clone()..) {
            let Some(rest) = path.strip_prefix(&prefix) else { break };
            let (name, kind) = match rest.split_once('/') {
                Some((name, _)) => (name, EntryKind::Directory),
                None => (rest, EntryKind::Object(object.bytes.len() as u64)),
            };
            if after.is_none_or(|after| name > after) {
                entries.insert(name.to_owned(), kind);
            }
        }
        Ok(entries.into_iter().map(|(name, kind)| Entry { name, kind }).collect())
    }

    fn put(&self, path: &StorePath, bytes: &[u8], mode: PutMode<'_>) -> Result<PutOutcome, StoreError> {
        let mut objects = self.objects();
        let now = objects.by_path.get(path.as_str()).map(|object| tag(object.version));
        let holds = match mode {
            PutMode::Replace => true,
            PutMode::IfAbsent => now.is_none(),
            PutMode::IfMatches(expected) => now.as_ref() == Some(expected),
        };
        if !holds {
            return Ok(PutOutcome::Refused);
        }
        objects.versions += 1;
        let version = objects.versions;
        let modified = u64::try_from(stamp::now().as_nanosecond()).unwrap_or(0);
        let object = Object { bytes: Bytes::copy_from_slice(bytes), version, modified };
        objects.by_path.insert(path.as_str().to_owned(), object);
        Ok(PutOutcome::Stored(tag(version)))
    }

    fn remove(&self, path: &StorePath) -> Result<(), StoreError> {
        self.objects().by_path.remove(path.as_str());
        Ok(())
    }

    fn rename_dir(&self, from: &StorePath, to: &StorePath) -> Result<bool, StoreError> {
        let mut objects = self.objects();
        let below = format!("{from}/");
        let paths: Vec<String> =
            objects.by_path.range(below.clone()..).map(|(path, _)| path.clone()).collect();
        for path in paths.into_iter().take_while(|path| path.starts_with(&below)) {
            if let Some(object) = objects.by_path.remove(&path) {
                objects.by_path.insert(format!("{to}/{}", &path[below.len()..]), object);
            }
        }
        Ok(true)
    }

    fn locate(&self, path: &StorePath) -> String {
        format!("memory:{path}")
    }
}

#[derive(Debug)]
struct MemoryBlob(Bytes);

impl Blob for MemoryBlob {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.checked_add(length).filter(|end| *end <= self.0.len());
        end.map(|end| self.0.slice(start..end)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
