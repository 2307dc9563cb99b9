//! A local store in which another process acts just before, or just after, a commit is published; or whose disk fills
//! up before a merge.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use crv_io::paths::StorePath;
use crv_io::store::{Blob, Entry, LocalStore, PutMode, PutOutcome, Ready, Store, StoreError, Tag};

use crate::support::Root;

type Act = Box<dyn FnOnce() + Send>;

struct Interrupted {
    inner: LocalStore,
    after: bool,
    act: Mutex<Option<Act>>,
    /// Whether there is no room for merged parts.
    is_full: bool,
}

fn store(root: &Root, after: bool, act: impl FnOnce() + Send + 'static) -> Arc<dyn Store> {
    let inner = LocalStore::new(root.path().to_str().unwrap());
    Arc::new(Interrupted { inner, after, act: Mutex::new(Some(Box::new(act))), is_full: false })
}

/// A store that has room for appends, whose parts are staged together, and none for merged parts.
pub(crate) fn full_for_merges(root: &Root) -> Arc<dyn Store> {
    let inner = LocalStore::new(root.path().to_str().unwrap());
    Arc::new(Interrupted { inner, after: false, act: Mutex::default(), is_full: true })
}

/// A store in which `act` happens once, before its first commit is published.
pub(crate) fn before_publish(root: &Root, act: impl FnOnce() + Send + 'static) -> Arc<dyn Store> {
    store(root, false, act)
}

/// A store in which `act` happens once, after its first commit was published and before it is read back.
pub(crate) fn after_publish(root: &Root, act: impl FnOnce() + Send + 'static) -> Arc<dyn Store> {
    store(root, true, act)
}

impl fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interrupted")
    }
}

impl Interrupted {
    fn around<T>(&self, path: &StorePath, publish: impl FnOnce() -> T) -> T {
        let is_commit = path.as_str().contains("/_commits/");
        let act = self.act.lock().unwrap().take_if(|_| is_commit);
        let Some(act) = act else { return publish() };
        if self.after {
            let published = publish();
            act();
            return published;
        }
        act();
        publish()
    }
}

impl Store for Interrupted {
    fn read(&self, path: &StorePath) -> Result<Option<(Bytes, Tag)>, StoreError> {
        self.inner.read(path)
    }
    fn tag(&self, path: &StorePath) -> Result<Option<Tag>, StoreError> {
        self.inner.tag(path)
    }
    fn modified(&self, path: &StorePath) -> Result<Option<u64>, StoreError> {
        self.inner.modified(path)
    }
    fn open(&self, path: &StorePath) -> Result<Option<Box<dyn Blob>>, StoreError> {
        self.inner.open(path)
    }
    fn list(&self, dir: &StorePath, after: Option<&str>) -> Result<Vec<Entry>, StoreError> {
        self.inner.list(dir, after)
    }
    fn put(&self, path: &StorePath, bytes: &[u8], mode: PutMode<'_>) -> Result<PutOutcome, StoreError> {
        self.around(path, || self.inner.put(path, bytes, mode))
    }
    fn ready(&self, path: &StorePath, bytes: &[u8]) -> Result<Ready, StoreError> {
        self.inner.ready(path, bytes)
    }
    fn publish(&self, ready: Ready) -> Result<PutOutcome, StoreError> {
        let path = ready.path().clone();
        self.around(&path, || self.inner.publish(ready))
    }
    fn stage(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError> {
        if self.is_full {
            return Err(StoreError::new("write", self.locate(path), io::ErrorKind::StorageFull.into()));
        }
        self.inner.stage(path, bytes)
    }
    fn stage_all(&self, objects: &[(StorePath, Vec<u8>)], staged: &[StorePath]) -> Result<(), StoreError> {
        self.inner.stage_all(objects, staged)
    }
    fn settle(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        self.inner.settle(paths)
    }
    fn remove(&self, path: &StorePath) -> Result<(), StoreError> {
        self.inner.remove(path)
    }
    fn locate(&self, path: &StorePath) -> String {
        self.inner.locate(path)
    }
}
