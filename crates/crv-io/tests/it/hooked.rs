//! A store with a hook before and after each of its calls: to act as another process, to fail, to reply wrongly, or to
//! record the call. The only store of the tests that wraps another.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use bytes::Bytes;
use crv_io::paths::StorePath;
use crv_io::store::{Blob, Entry, PreparedPut, PutMode, PutOutcome, Store, StoreError, Tag};
use crv_io::{AppendOptions, Dataset, IoSettings, TableId};

use crate::support::{RUN, Root};

/// Whether the hook runs before the call or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

/// A call of a store, with its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call<'a> {
    Read(&'a StorePath),
    Tag(&'a StorePath),
    Open(&'a StorePath),
    List(&'a StorePath),
    /// The bytes of a document are written, for a later `publish`.
    Prepare(&'a StorePath),
    /// A document gets its name, by `put` or by `publish`.
    Put(&'a StorePath),
    /// A part gets its name, alone or with others.
    Stage(&'a StorePath),
    /// A part gets its name alone, as merged parts do; before `Stage`.
    StageAlone(&'a StorePath),
    Sync(&'a StorePath),
    Remove(&'a StorePath),
}

impl Call<'_> {
    /// Whether the call changes or syncs files.
    pub(crate) fn is_write(self) -> bool {
        !matches!(self, Self::Read(_) | Self::Tag(_) | Self::Open(_) | Self::List(_) | Self::StageAlone(_))
    }

    /// Whether a commit gets its name.
    pub(crate) fn is_commit(self) -> bool {
        matches!(self, Self::Put(path) if path.as_str().contains("/_commits/"))
    }
}

/// The reply to the caller of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// What the store says.
    True,
    /// That the condition of a `put` did not hold.
    Refused,
}

type Hook = Box<dyn Fn(When, Call<'_>) -> Result<Reply, StoreError> + Send + Sync>;

pub(crate) struct Hooked {
    inner: Arc<dyn Store>,
    hook: Hook,
}

impl fmt::Debug for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooked")
    }
}

impl Hooked {
    /// A local store whose calls fail where `hook` does.
    pub(crate) fn store(
        root: &Root,
        hook: impl Fn(When, Call<'_>) -> Result<(), StoreError> + Send + Sync + 'static,
    ) -> Arc<dyn Store> {
        Self::over(root.store(), move |when, call| hook(when, call).map(|()| Reply::True))
    }

    /// The store `inner`, whose calls fail where `hook` does, and whose puts reply as it says.
    pub(crate) fn over(
        inner: Arc<dyn Store>,
        hook: impl Fn(When, Call<'_>) -> Result<Reply, StoreError> + Send + Sync + 'static,
    ) -> Arc<dyn Store> {
        Arc::new(Self { inner, hook: Box::new(hook) })
    }

    /// A dataset on a store with a hook that never fails.
    pub(crate) fn open(
        root: &Root,
        settings: IoSettings,
        hook: impl Fn(When, Call<'_>) + Send + Sync + 'static,
    ) -> Dataset {
        let store = Self::store(root, move |when, call| {
            hook(when, call);
            Ok(())
        });
        Dataset::with_store(settings, RUN, store).unwrap()
    }

    /// A dataset, and the calls of its store that change or sync files, in order: `put`, `put_new`, `sync` and
    /// `remove`, each with its path.
    pub(crate) fn recording(root: &Root, settings: IoSettings) -> (Dataset, Arc<Mutex<Vec<String>>>) {
        let events = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&events);
        let dataset = Self::open(root, settings, move |when, call| {
            let event = match call {
                Call::Put(path) => format!("put {}", path.as_str()),
                Call::Stage(path) => format!("stage {}", path.as_str()),
                Call::Sync(path) => format!("sync {}", path.as_str()),
                Call::Remove(path) => format!("remove {}", path.as_str()),
                _ => return,
            };
            // A name counts once the call has returned; a removed file may be gone as soon as the call begins.
            if (when == When::Before) == matches!(call, Call::Remove(_)) {
                unpoisoned(&noted).push(event);
            }
        });
        (dataset, events)
    }

    fn around<T>(
        &self,
        call: Call<'_>,
        call_inner: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        (self.hook)(When::Before, call)?;
        let result = call_inner()?;
        (self.hook)(When::After, call)?;
        Ok(result)
    }

    fn around_put(
        &self,
        path: &StorePath,
        put: impl FnOnce() -> Result<PutOutcome, StoreError>,
    ) -> Result<PutOutcome, StoreError> {
        (self.hook)(When::Before, Call::Put(path))?;
        let outcome = put()?;
        Ok(match (self.hook)(When::After, Call::Put(path))? {
            Reply::True => outcome,
            Reply::Refused => PutOutcome::Refused,
        })
    }
}

impl Store for Hooked {
    fn read(&self, path: &StorePath) -> Result<Option<(Bytes, Tag)>, StoreError> {
        self.around(Call::Read(path), || self.inner.read(path))
    }

    fn tag(&self, path: &StorePath) -> Result<Option<Tag>, StoreError> {
        self.around(Call::Tag(path), || self.inner.tag(path))
    }

    fn modified(&self, path: &StorePath) -> Result<Option<u64>, StoreError> {
        self.inner.modified(path)
    }

    fn open(&self, path: &StorePath) -> Result<Option<Box<dyn Blob>>, StoreError> {
        self.around(Call::Open(path), || self.inner.open(path))
    }

    fn list(&self, dir: &StorePath, after: Option<&str>) -> Result<Vec<Entry>, StoreError> {
        self.around(Call::List(dir), || self.inner.list(dir, after))
    }

    fn put(&self, path: &StorePath, bytes: &[u8], mode: PutMode<'_>) -> Result<PutOutcome, StoreError> {
        self.around_put(path, || self.inner.put(path, bytes, mode))
    }

    fn prepare(&self, path: &StorePath, bytes: &[u8]) -> Result<PreparedPut, StoreError> {
        self.around(Call::Prepare(path), || self.inner.prepare(path, bytes))
    }

    fn publish(&self, ready: PreparedPut) -> Result<PutOutcome, StoreError> {
        let path = ready.path().clone();
        self.around_put(&path, || self.inner.publish(ready))
    }

    fn put_new(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError> {
        (self.hook)(When::Before, Call::StageAlone(path))?;
        self.around(Call::Stage(path), || self.inner.put_new(path, bytes))
    }

    fn put_prepared(&self, prepared: PreparedPut) -> Result<(), StoreError> {
        let path = prepared.path().clone();
        self.around(Call::Stage(&path), || self.inner.put_prepared(prepared))
    }

    fn expect(&self, path: &StorePath) {
        self.inner.expect(path);
    }

    fn trust(&self, path: &StorePath) {
        self.inner.trust(path);
    }

    fn sync(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        let each = |when| paths.iter().try_for_each(|path| (self.hook)(when, Call::Sync(path)).map(drop));
        each(When::Before)?;
        self.inner.sync(paths)?;
        each(When::After)
    }

    fn remove(&self, path: &StorePath) -> Result<(), StoreError> {
        self.around(Call::Remove(path), || self.inner.remove(path))
    }

    fn locate(&self, path: &StorePath) -> String {
        self.inner.locate(path)
    }
}

/// A first append to `table` that fails before any part has its name: an empty manifest stays.
pub(crate) fn begin_table(root: &Root, table: TableId, rows: RecordBatch) {
    let store = Hooked::store(root, |when, call| match (when, call) {
        (When::Before, Call::Stage(path)) => {
            Err(StoreError::new("write", path.as_str(), std::io::ErrorKind::StorageFull.into()))
        }
        _ => Ok(()),
    });
    let dataset = Dataset::with_store(root.settings(), RUN, store).unwrap();
    dataset.append(table, rows, AppendOptions::default()).unwrap_err();
}

/// Locks `mutex`, also when a test that held it has failed: its dataset is dropped after that.
pub(crate) fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something that another process does, once.
pub(crate) struct Once(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Once {
    pub(crate) fn new(act: impl FnOnce() + Send + 'static) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(Box::new(act)))))
    }

    pub(crate) fn act(&self) {
        // Taken first: the action may get here again.
        let act = self.0.lock().unwrap().take();
        if let Some(act) = act {
            act();
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.0.lock().unwrap().is_none()
    }
}
