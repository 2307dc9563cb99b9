//! A check while another process commits, prunes or rebuilds, at the worst moment: it must not report the change as
//! damage.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crv_io::paths::StorePath;
use crv_io::store::{MemoryStore, Store as _};
use crv_io::{CheckOptions, Dataset, IoSettings};

use crate::hooked::{Call, Hooked, Reply, When, unpoisoned};
use crate::support::{EDGES, RUN, append};

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
    let at = if after { When::After } else { When::Before };
    let act = Arc::new(Mutex::new(Some(act)));
    let once = Arc::clone(&act);
    let store = Hooked::over(inner.clone(), move |when, call| {
        if let Call::Open(path) | Call::List(path) = call
            && when == at
            && path.as_str().ends_with(ending)
            && let Some(act) = unpoisoned(&once).take()
        {
            let other = Dataset::with_store(IoSettings::default(), RUN, inner.clone()).unwrap();
            act(&other, &inner, path);
        }
        Ok(Reply::True)
    });
    let dataset = Dataset::with_store(IoSettings::default(), RUN, store).unwrap();
    let report = dataset.check(CheckOptions { deep: true }).unwrap();
    assert!(unpoisoned(&act).is_none(), "no other process acted");
    assert!(report.ok && report.problems.is_empty(), "{report:#?}");
}

#[test]
fn commits_that_are_pruned_while_the_log_is_read_are_not_missing() {
    for after in [false, true] {
        for ending in ["_commits", "base.json", "00000000000000000002.json"] {
            well(ending, after, |other, _, _| {
                append(other, [4]);
                other.prune(Duration::ZERO).unwrap();
            });
        }
    }
}

#[test]
fn a_part_that_is_committed_before_names_are_listed_is_no_orphan() {
    well("bucket=000000", false, |other, _, _| append(other, [4]));
}

#[test]
fn a_part_that_is_taken_out_before_it_is_looked_at_is_not_missing() {
    well(".parquet", false, |other, store, part| {
        store.remove(part).unwrap();
        assert_eq!(other.rebuild_manifest(EDGES).unwrap().missing.len(), 1);
    });
}
