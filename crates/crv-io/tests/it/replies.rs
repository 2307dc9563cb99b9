//! Lost and wrong replies of storage: a commit is made once, and the caller gets its true outcome.

use crate::support::{EDGES, RUN, Root, all_ticks, append, edges};
use bytes::Bytes;
use crv_io::paths::StorePath;
use crv_io::store::{Blob, Entry, LocalStore, PutMode, PutOutcome, Ready, Store, StoreError, Tag};
use crv_io::{AppendOptions, Dataset, ErrorKind};
use std::io;
use std::sync::Arc;
use std::sync::Mutex;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// Stored, and the reply is an unknown outcome.
    StoredButUnknown,
    /// Stored, and the reply is a refusal, as if the reply to an earlier attempt was lost.
    LostReplyRefused,
    /// Stored, the reply is an unknown outcome, and the name cannot be synced.
    SettleFails,
}

#[derive(Debug)]
struct Faulty {
    inner: LocalStore,
    fault: Mutex<Option<Fault>>,
    settle_fails: Mutex<bool>,
}

impl Faulty {
    /// Stores a commit, and returns the reply of the fault, once.
    fn mistake(
        &self,
        path: &StorePath,
        store: impl FnOnce() -> Result<PutOutcome, StoreError>,
    ) -> Result<PutOutcome, StoreError> {
        let outcome = store()?;
        let is_commit = path.as_str().contains("_commits");
        match self.fault.lock().unwrap().take_if(|_| is_commit) {
            None => Ok(outcome),
            Some(Fault::LostReplyRefused) => Ok(PutOutcome::Refused),
            Some(Fault::StoredButUnknown) => Err(err(path).unknown()),
            Some(Fault::SettleFails) => {
                *self.settle_fails.lock().unwrap() = true;
                Err(err(path).unknown())
            }
        }
    }
}
fn err(path: &StorePath) -> StoreError {
    StoreError::new("do", path.as_str(), io::Error::other("injected"))
}
impl Store for Faulty {
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
        self.mistake(path, || self.inner.put(path, bytes, mode))
    }
    fn ready(&self, path: &StorePath, bytes: &[u8]) -> Result<Ready, StoreError> {
        self.inner.ready(path, bytes)
    }
    fn publish(&self, ready: Ready) -> Result<PutOutcome, StoreError> {
        let path = ready.path().clone();
        self.mistake(&path, || self.inner.publish(ready))
    }
    fn stage(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError> {
        self.inner.stage(path, bytes)
    }
    fn settle(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        if std::mem::take(&mut *self.settle_fails.lock().unwrap()) {
            return Err(err(&paths[0]));
        }
        self.inner.settle(paths)
    }
    fn remove(&self, path: &StorePath) -> Result<(), StoreError> {
        self.inner.remove(path)
    }
    fn locate(&self, path: &StorePath) -> String {
        self.inner.locate(path)
    }
}
fn faulty(root: &Root) -> (Arc<Faulty>, Dataset) {
    let store = Arc::new(Faulty {
        inner: LocalStore::new(root.path().to_str().unwrap()),
        fault: Mutex::default(),
        settle_fails: Mutex::default(),
    });
    let dataset = Dataset::with_store(root.settings(), RUN, Arc::clone(&store) as Arc<dyn Store>).unwrap();
    (store, dataset)
}

#[test]
fn a_commit_that_is_there_is_ours() {
    let root = Root::new();
    let (store, dataset) = faulty(&root);
    append(&dataset, [0]);
    *store.fault.lock().unwrap() = Some(Fault::StoredButUnknown);
    append(&dataset, [1]);
    assert_eq!(root.commits().len(), 2);
    assert_eq!(all_ticks(&dataset), [0, 1]);
}
#[test]
fn our_own_commit_is_not_taken_for_anothers() {
    let root = Root::new();
    let (store, dataset) = faulty(&root);
    append(&dataset, [0]);
    *store.fault.lock().unwrap() = Some(Fault::LostReplyRefused);
    append(&dataset, [1]);
    assert_eq!(all_ticks(&root.open()), [0, 1]);
    assert_eq!(root.commits().len(), 2, "{:?}", root.commits());
}
#[test]
fn a_name_that_cannot_be_made_durable_is_an_unknown_outcome_and_keeps_the_rows() {
    let root = Root::new();
    let (store, dataset) = faulty(&root);
    append(&dataset, [0]);
    *store.fault.lock().unwrap() = Some(Fault::SettleFails);
    let error = dataset.append(EDGES, edges([1]), AppendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    assert_eq!(all_ticks(&root.open()), [0, 1]);
    assert_eq!(all_ticks(&dataset), [0, 1]);
    append(&dataset, [2]);
    assert_eq!(all_ticks(&root.open()), [0, 1, 2]);
}
/// The commit of unknown outcome is the adoption of earlier parts, not the append: nothing of the append is there.
#[test]
fn an_unknown_adoption_is_not_told_as_the_appends_outcome() {
    let root = Root::new();
    let ds = root.open();
    append(&ds, [0]);
    let view = ds.manifest(EDGES).unwrap();
    drop(ds);
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    fs_err::write(root.manifest(EDGES), serde_json::to_vec(&view).unwrap()).unwrap();
    let (store, dataset) = faulty(&root);
    *store.fault.lock().unwrap() = Some(Fault::SettleFails);
    let error = dataset.append(EDGES, edges([1]), AppendOptions::default()).unwrap_err();
    assert_eq!((error.kind(), error.commit()), (ErrorKind::Write, None), "{error}");
    assert_eq!(all_ticks(&root.open()), [0]);
    append(&dataset, [1]);
    assert_eq!(all_ticks(&root.open()), [0, 1]);
}
