//! Storage faults: every operation of an append fails in turn, in every way, and the caller gets the true outcome.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crv_io::store::{MemoryStore, Store, StoreError};
use crv_io::{AppendOptions, Dataset, Error, ErrorKind, IoSettings, TableId, TickRange};

use crate::hooked::{Call, Hooked, Reply, When};
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

/// Storage in memory whose write number `at` fails, once or from then on.
#[derive(Debug)]
pub(crate) struct Faulty {
    store: Arc<dyn Store>,
    /// Writes before the first that fails.
    pub(crate) left: Arc<AtomicI64>,
}

impl Faulty {
    pub(crate) fn new(at: i64, fault: Fault, forever: bool) -> Self {
        let left = Arc::new(AtomicI64::new(at));
        let counted = Arc::clone(&left);
        // The write that a hook before it chose to fail after it.
        let failing = AtomicBool::new(false);
        let store = Hooked::over(Arc::new(MemoryStore::new()), move |when, call| {
            if !call.is_write() || matches!(call, Call::Remove(_)) {
                return Ok(Reply::True);
            }
            let (Call::Prepare(path) | Call::Put(path) | Call::Stage(path) | Call::Sync(path)) = call else {
                return Ok(Reply::True);
            };
            let error = || StoreError::new("write", path.as_str(), io::ErrorKind::StorageFull.into());
            if when == When::After {
                return if failing.swap(false, Ordering::SeqCst) {
                    Err(error().unknown())
                } else {
                    Ok(Reply::True)
                };
            }
            let left = counted.fetch_sub(1, Ordering::SeqCst);
            if left != 0 && !(forever && left < 0) {
                return Ok(Reply::True);
            }
            match fault {
                Fault::Refused => Err(error()),
                Fault::UnknownAndNot => Err(error().unknown()),
                Fault::UnknownAndDone => {
                    failing.store(true, Ordering::SeqCst);
                    Ok(Reply::True)
                }
            }
        });
        Self { store, left }
    }

    pub(crate) fn mend(&self) {
        self.left.store(i64::MAX, Ordering::SeqCst);
    }
}

pub(crate) fn open(store: &Arc<Faulty>) -> Dataset {
    Dataset::with_store(IoSettings::default(), RUN, Arc::clone(&store.store)).unwrap()
}

/// Appends one tick to two tables.
fn tick(dataset: &Dataset, tick: i64) -> Result<(), Error> {
    let mut transaction = dataset.transaction();
    transaction.append(EDGES, edges([tick]), AppendOptions::default())?;
    transaction.append(TableId::HOLDINGS, holdings([tick]), AppendOptions::default())?;
    transaction.commit().map(drop)
}

/// Returns the ticks of both tables, which must be the same.
pub(crate) fn ticks(store: &Arc<Faulty>) -> Vec<i64> {
    let dataset = open(store);
    let read = |table| match ticks_of(&dataset, table, TickRange::ALL) {
        Ok(ticks) => ticks,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => panic!("{error}"),
    };
    let ticks = read(EDGES);
    assert_eq!(read(TableId::HOLDINGS), ticks, "a torn tick is visible");
    ticks
}

/// Returns the number of orphans.
pub(crate) fn orphans(store: &Arc<Faulty>) -> usize {
    let dataset = open(store);
    let paths = crv_io::paths::RunPaths::new(dataset.run_id().clone());
    let mut files = 0;
    let mut named = 0;
    for table in [EDGES, TableId::HOLDINGS] {
        let dir = store.store.list(&paths.bucket(table, crv_io::paths::BucketId::new(0)), None).unwrap();
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
            assert_eq!(error.kind(), ErrorKind::NotFound, "as if never tried");
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
