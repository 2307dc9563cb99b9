//! Storage faults: every operation of an append fails in turn, in every way, and the caller gets the true outcome.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use crv_io::paths::StorePath;
use crv_io::store::{Blob, Entry, MemoryStore, PutMode, PutOutcome, Ready, Store, StoreError, Tag};
use crv_io::{AppendOptions, Dataset, Error, ErrorKind, IoSettings, TableName, TickRange};

use crate::support::{EDGES, RUN, all_ticks, append, edges, holdings, ticks_of};

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// An error, without effect.
    Refused,
    /// An unknown outcome, without effect.
    UnknownAndNot,
    /// An unknown outcome, with effect.
    UnknownAndDone,
}

/// A store whose operation number `at` fails, once or from then on.
#[derive(Debug)]
pub(crate) struct Faulty {
    inner: MemoryStore,
    /// Operations before the first that fails.
    pub(crate) left: AtomicI64,
    fault: Fault,
    forever: bool,
}

impl Faulty {
    pub(crate) fn new(at: i64, fault: Fault, forever: bool) -> Self {
        Self { inner: MemoryStore::new(), left: AtomicI64::new(at), fault, forever }
    }

    /// Counts an operation, and returns whether it fails.
    fn fails(&self) -> bool {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        left == 0 || (self.forever && left < 0)
    }

    pub(crate) fn mend(&self) {
        self.left.store(i64::MAX, Ordering::SeqCst);
    }

    fn error(&self, path: &StorePath) -> StoreError {
        let error = StoreError::new("write", self.locate(path), io::ErrorKind::StorageFull.into());
        if self.fault == Fault::Refused { error } else { error.unknown() }
    }

    /// Makes a write, unless it fails.
    fn write<T>(
        &self,
        path: &StorePath,
        write: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !self.fails() {
            return write();
        }
        if self.fault == Fault::UnknownAndDone {
            write()?;
        }
        Err(self.error(path))
    }
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
        self.write(path, || self.inner.put(path, bytes, mode))
    }

    fn ready(&self, path: &StorePath, bytes: &[u8]) -> Result<Ready, StoreError> {
        self.write(path, || self.inner.ready(path, bytes))
    }

    fn publish(&self, ready: Ready) -> Result<PutOutcome, StoreError> {
        let path = ready.path().clone();
        self.write(&path, || self.inner.publish(ready))
    }

    fn stage(&self, path: &StorePath, bytes: &[u8]) -> Result<(), StoreError> {
        // A part's name is unique: after an error the caller removes it, whatever the outcome.
        self.write(path, || self.inner.stage(path, bytes))
    }

    fn settle(&self, paths: &[StorePath]) -> Result<(), StoreError> {
        let Some(first) = paths.first() else { return Ok(()) };
        self.write(first, || self.inner.settle(paths))
    }

    fn remove(&self, path: &StorePath) -> Result<(), StoreError> {
        self.inner.remove(path)
    }

    fn locate(&self, path: &StorePath) -> String {
        self.inner.locate(path)
    }
}

pub(crate) fn open(store: &Arc<Faulty>) -> Dataset {
    Dataset::with_store(IoSettings::default(), RUN, Arc::clone(store) as Arc<dyn Store>).unwrap()
}

/// Appends one tick to two tables.
fn tick(dataset: &Dataset, tick: i64) -> Result<(), Error> {
    let mut transaction = dataset.transaction();
    transaction.append(EDGES, edges([tick]), AppendOptions::default())?;
    transaction.append(TableName::Holdings, holdings([tick]), AppendOptions::default())?;
    transaction.commit().map(drop)
}

/// Returns the ticks of both tables, which must be the same.
pub(crate) fn ticks(store: &Arc<Faulty>) -> Vec<i64> {
    let dataset = open(store);
    let read = |table| match ticks_of(&dataset, table, TickRange::ALL) {
        Ok(ticks) => ticks,
        Err(error) if error.kind() == ErrorKind::Manifest => Vec::new(),
        Err(error) => panic!("{error}"),
    };
    let ticks = read(EDGES);
    assert_eq!(read(TableName::Holdings), ticks, "a torn tick is visible");
    ticks
}

/// Returns the number of orphans.
pub(crate) fn orphans(store: &Arc<Faulty>) -> usize {
    let dataset = open(store);
    let paths = crv_io::paths::RunPaths::new(dataset.run_id().clone());
    let mut files = 0;
    let mut named = 0;
    for table in [EDGES, TableName::Holdings] {
        let dir = store.list(&paths.bucket(table, crv_io::paths::BucketId::new(0)), None).unwrap();
        files += dir.len();
        named += dataset.scan(table).map_or(0, |scan| scan.parts().len());
    }
    files - named
}

#[test]
fn every_write_in_turn_fails_and_the_tick_is_whole_or_absent() {
    for fault in [Fault::Refused, Fault::UnknownAndNot, Fault::UnknownAndDone] {
        for forever in [false, true] {
            let mut operations = 0;
            for at in 0.. {
                let store = Arc::new(Faulty::new(i64::MAX, fault, forever));
                let dataset = open(&store);
                tick(&dataset, 0).unwrap();
                store.left.store(at, Ordering::SeqCst);
                let outcome = tick(&dataset, 1);
                let failed = store.left.load(Ordering::SeqCst) < 0;
                store.mend();
                let seen = ticks(&store);
                match outcome {
                    Ok(()) => assert_eq!(seen, [0, 1], "acknowledged: {fault:?} {forever} {at}"),
                    Err(error) => match error.kind() {
                        ErrorKind::Write => {
                            assert_eq!(seen, [0], "as if never tried: {fault:?} {forever} {at}");
                            assert_eq!(orphans(&store), 0, "{fault:?} {forever} {at}");
                            assert!(error.hint().is_some_and(|hint| hint.contains("room")), "{error:?}");
                        }
                        ErrorKind::UnknownOutcome => {
                            assert!(forever && fault != Fault::Refused, "{fault:?} {forever} {at}");
                            let (number, id) = error.commit().unwrap();
                            assert_eq!(number, 2);
                            assert!(!id.is_empty());
                            assert_eq!(seen.len() == 2, fault == Fault::UnknownAndDone);
                        }
                        kind => panic!("{kind:?}: {error}"),
                    },
                }
                // The fault is gone: the same handle works again.
                if !seen.contains(&1) {
                    tick(&dataset, 1).unwrap();
                }
                tick(&dataset, 2).unwrap();
                assert_eq!(ticks(&store), [0, 1, 2], "{fault:?} {forever} {at}");
                if !failed {
                    operations = at;
                    break;
                }
            }
            assert!(operations >= 6, "two parts, their names, the commit, two manifests: {operations}");
        }
    }
}

#[test]
fn the_first_append_of_a_run_fails_at_every_write() {
    for at in 0.. {
        let store = Arc::new(Faulty::new(at, Fault::Refused, false));
        let dataset = open(&store);
        let outcome = tick(&dataset, 0);
        let failed = store.left.load(Ordering::SeqCst) < 0;
        store.mend();
        let expected: &[i64] = if outcome.is_ok() { &[0] } else { &[] };
        assert_eq!(ticks(&store), expected);
        if outcome.is_err() {
            let error = open(&store).scan(EDGES).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Manifest, "as if never tried");
            tick(&dataset, 0).unwrap();
        }
        append(&dataset, [7]);
        assert_eq!(all_ticks(&open(&store)), [0, 7]);
        if !failed {
            return;
        }
    }
}

/// The reply to a commit that took effect was lost: the commit is recognized as ours, and not made twice.
#[test]
fn a_commit_whose_reply_was_lost_is_not_made_twice() {
    for at in 0..12 {
        let store = Arc::new(Faulty::new(i64::MAX, Fault::UnknownAndDone, false));
        let dataset = open(&store);
        append(&dataset, [0]);
        store.left.store(at, Ordering::SeqCst);
        let outcome = dataset.append(EDGES, edges([1]), AppendOptions::default());
        store.mend();
        let seen = all_ticks(&open(&store));
        assert_eq!(seen, if outcome.is_ok() { vec![0, 1] } else { vec![0] }, "at {at}");
    }
}
