//! A check while another process commits, prunes or rebuilds, at the worst moment: it must not report the change as
//! damage.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use crv_io::paths::StorePath;
use crv_io::store::{Blob, Entry, MemoryStore, PutMode, PutOutcome, Ready, Store, StoreError, Tag};
use crv_io::{CheckOptions, Dataset, IoSettings};

use crate::support::{EDGES, RUN, append};

/// What another process does, once: to the run, or to the path that the check reads.
type Act = Box<dyn FnOnce(&Dataset, &MemoryStore, &StorePath) + Send>;

/// A store in which another process acts once, around the first read of a path with this ending.
struct Meddled {
    inner: Arc<MemoryStore>,
    ending: &'static str,
    /// Whether it acts after the read, which then returns the earlier state; else it acts before.
    after: bool,
    act: Mutex<Option<Act>>,
}

impl fmt::Debug for Meddled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meddled")
    }
}

impl Meddled {
    fn around<T>(&self, path: &StorePath, look: impl FnOnce() -> T) -> T {
        let is_it = path.as_str().ends_with(self.ending);
        let act = self.act.lock().unwrap().take_if(|_| is_it);
        let Some(act) = act else { return look() };
        let somebody = Dataset::with_store(IoSettings::default(), RUN, self.inner.clone()).unwrap();
        if self.after {
            let looked = look();
            act(&somebody, &self.inner, path);
            return looked;
        }
        act(&somebody, &self.inner, path);
        look()
    }
}

impl Store for Meddled {
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
        self.around(path, || self.inner.open(path))
    }
    fn list(&self, dir: &StorePath, after: Option<&str>) -> Result<Vec<Entry>, StoreError> {
        self.around(dir, || self.inner.list(dir, after))
    }
    fn put(&self, path: &StorePath, bytes: &[u8], mode: PutMode<'_>) -> Result<PutOutcome, StoreError> {
        self.inner.put(path, bytes, mode)
    }
    fn ready(&self, path: &StorePath, bytes: &[u8]) -> Result<Ready, StoreError> {
        self.inner.ready(path, bytes)
    }
    fn publish(&self, ready: Ready) -> Result<PutOutcome, StoreError> {
        self.inner.publish(ready)
    }
    fn stage(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError> {
        self.inner.stage(path, bytes)
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

/// Checks a run of three commits, while another process acts around the first read of `ending`. No problem is found.
#[track_caller]
fn well(
    ending: &'static str,
    after: bool,
    act: impl FnOnce(&Dataset, &MemoryStore, &StorePath) + Send + 'static,
) {
    let inner = Arc::new(MemoryStore::new());
    let writer = Dataset::with_store(IoSettings::default(), RUN, inner.clone()).unwrap();
    (1..4).for_each(|number| append(&writer, [number]));
    drop(writer);
    let store = Arc::new(Meddled { inner, ending, after, act: Mutex::new(Some(Box::new(act))) });
    let dataset = Dataset::with_store(IoSettings::default(), RUN, store.clone()).unwrap();
    let report = dataset.check(CheckOptions { deep: true }).unwrap();
    assert!(store.act.lock().unwrap().is_none(), "no other process acted");
    assert!(report.ok && report.problems.is_empty(), "{report:#?}");
}

#[test]
fn commits_that_are_pruned_while_the_log_is_read_are_not_missing() {
    for after in [false, true] {
        for ending in ["_commits", "base.json", "00000000000000000002.json"] {
            well(ending, after, |somebody, _, _| {
                append(somebody, [4]);
                somebody.prune(Duration::ZERO).unwrap();
            });
        }
    }
}

#[test]
fn a_part_that_is_committed_before_names_are_listed_is_no_orphan() {
    well("bucket=000000", false, |somebody, _, _| append(somebody, [4]));
}

#[test]
fn a_part_that_is_taken_out_before_it_is_looked_at_is_not_missing() {
    well(".parquet", false, |somebody, store, part| {
        store.remove(part).unwrap();
        assert_eq!(somebody.rebuild_manifest(EDGES).unwrap().missing.len(), 1);
    });
}
