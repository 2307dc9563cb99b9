//! Parts that cannot be merged: what is merged regardless, how often they are read, and what is reported.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crv_io::store::files::{FileSystem, Lock, NewFile, OpenFile, OsFiles, Stat};
use crv_io::store::{EntryKind, LocalStore, StoreError};
use crv_io::{AppendOptions, CheckOptions, CompactOptions, Dataset, ErrorKind, TableId};

use crate::support::{EDGES, RUN, Root, all_ticks, append, edges, holdings};

const HOLDINGS: TableId = TableId::HOLDINGS;

/// The file system of this machine. Opens are counted by file name, and fail for one name.
#[derive(Debug, Clone, Default)]
struct Watched(Arc<Mutex<Watch>>);

#[derive(Debug, Default)]
struct Watch {
    opened: BTreeMap<String, u64>,
    refused: Option<String>,
}

impl Watched {
    fn open(&self, root: &Root, seals: bool) -> Dataset {
        let store = LocalStore::on(root.path().to_str().unwrap(), Arc::new(self.clone()));
        let settings = root.settings().with_compact_sealed_buckets(seals);
        Dataset::with_store(settings, RUN, Arc::new(store)).unwrap()
    }

    /// How often the file of this path was opened.
    fn opened(&self, path: &str) -> u64 {
        self.0.lock().unwrap().opened.get(name(path)).copied().unwrap_or_default()
    }

    fn refuse(&self, path: Option<&str>) {
        self.0.lock().unwrap().refused = path.map(|path| name(path).to_owned());
    }
}

impl FileSystem for Watched {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        OsFiles.create_new(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let mut watch = self.0.lock().unwrap();
        let name = name(path.to_str().unwrap()).to_owned();
        let is_refused = watch.refused.as_ref() == Some(&name);
        *watch.opened.entry(name).or_default() += 1;
        if is_refused { Err(io::ErrorKind::PermissionDenied.into()) } else { OsFiles.open(path) }
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        OsFiles.stat(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        OsFiles.read_dir(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        OsFiles.create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsFiles.rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsFiles.hard_link(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        OsFiles.remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsFiles.sync_dir(path)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        OsFiles.try_lock(path)
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// The number of parts of each bucket.
fn parts(dataset: &Dataset, table: TableId) -> Vec<usize> {
    let manifest = dataset.manifest(table).unwrap();
    manifest.partitions.values().map(|partition| partition.parts.len()).collect()
}

/// A part of the table, by its place in a scan.
fn part(dataset: &Dataset, table: TableId, at: usize) -> String {
    dataset.files(table).unwrap().remove(at).path
}

/// Changes a byte in the middle, and returns the bytes as they were.
fn damage(path: &str) -> Vec<u8> {
    let bytes = fs_err::read(path).unwrap();
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    fs_err::write(path, damaged).unwrap();
    bytes
}

/// Two parts in each of three buckets.
fn history(dataset: &Dataset) {
    for tick in [0, 1, 100, 101, 200, 201] {
        append(dataset, [tick]);
    }
}

/// Waits until background work makes `is_so` true.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// One damaged part stopped all merges of its batch, and the work done for them was discarded, every time.
#[test]
fn a_damaged_part_keeps_only_its_own_bucket_from_being_merged() {
    let root = Root::new();
    let dataset = root.open();
    history(&dataset);
    let victim = part(&dataset, EDGES, 2);
    let bytes = damage(&victim);
    let error = dataset.compact(EDGES, CompactOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Read);
    let text = error.to_string();
    assert!([name(&victim), RUN, "identity_edges"].iter().all(|said| text.contains(said)), "{text}");
    assert!(error.hint().is_some_and(|hint| hint.contains("restore")), "{error:?}");
    assert_eq!(parts(&dataset, EDGES), [1, 2, 1], "the others are merged, by one commit");
    assert_eq!(root.commits().len(), 7);
    // A second call changes nothing.
    let files = root.files();
    dataset.compact(EDGES, CompactOptions::default()).unwrap_err();
    assert_eq!(root.files(), files);
    fs_err::write(&victim, bytes).unwrap();
    dataset.compact(EDGES, CompactOptions::default()).unwrap();
    assert_eq!(parts(&dataset, EDGES), [1, 1, 1]);
    assert_eq!(all_ticks(&dataset), [0, 1, 100, 101, 200, 201]);
    assert!(dataset.check(CheckOptions { deep: true }).unwrap().ok);
}

#[test]
fn every_part_that_keeps_its_bucket_from_being_merged_is_named() {
    let root = Root::new();
    let dataset = root.open();
    history(&dataset);
    let (damaged, missing) = (part(&dataset, EDGES, 0), part(&dataset, EDGES, 5));
    damage(&damaged);
    fs_err::remove_file(&missing).unwrap();
    let text = dataset.compact(EDGES, CompactOptions::default()).unwrap_err().to_string();
    let said = ["2 merges failed", name(&damaged), "checksum", name(&missing), "missing"];
    assert!(said.iter().all(|said| text.contains(said)), "{text}");
    assert_eq!(parts(&dataset, EDGES), [2, 1, 2]);
}

/// Else each call with a bound would read the damaged part first, and never merge anything else.
#[test]
fn parts_that_cannot_be_merged_do_not_use_up_the_bound_on_bytes() {
    let root = Root::new();
    let dataset = root.open();
    history(&dataset);
    damage(&part(&dataset, EDGES, 0));
    let options = CompactOptions { max_bytes: Some(1), ..CompactOptions::default() };
    dataset.compact(EDGES, options).unwrap_err();
    assert_eq!(parts(&dataset, EDGES), [2, 1, 2], "one bucket, whatever its size");
    dataset.compact(EDGES, options).unwrap_err();
    assert_eq!(parts(&dataset, EDGES), [2, 1, 1]);
}

/// Background merges stopped at the first damaged part, for good: at each seal it was read again, and the buckets
/// behind it were merged and their merges discarded.
#[test]
fn in_the_background_a_damaged_part_is_read_once_and_the_buckets_behind_it_are_merged() {
    let root = Root::new();
    let files = Watched::default();
    let dataset = files.open(&root, true);
    append(&dataset, [0]);
    append(&dataset, [1]);
    let victim = part(&dataset, EDGES, 0);
    let bytes = damage(&victim);
    for bucket in 1..4 {
        append(&dataset, [100 * bucket]);
        append(&dataset, [100 * bucket + 1]);
        append(&dataset, [100 * (bucket + 1)]);
        let is_merged = || parts(&dataset, EDGES).get(bucket as usize) == Some(&1);
        until("the bucket that was sealed last is merged", is_merged);
        assert_eq!(files.opened(&victim), 1, "it was read when its own bucket was sealed");
    }
    let error = dataset.close().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Read);
    assert!(error.to_string().contains(name(&victim)), "{error}");
    dataset.close().unwrap();
    assert_eq!(parts(&dataset, EDGES), [2, 1, 1, 1, 1]);
    assert_eq!(files.opened(&victim), 1);
    // Once the damage was reported, the part is tried again.
    fs_err::write(&victim, bytes).unwrap();
    append(&dataset, [500]);
    dataset.close().unwrap();
    assert_eq!(parts(&dataset, EDGES), [1, 1, 1, 1, 1, 1]);
    assert!(dataset.check(CheckOptions { deep: true }).unwrap().ok);
}

/// A part that another handle has merged meanwhile is no longer reported.
#[test]
fn what_was_set_aside_is_not_reported_when_its_parts_were_replaced_since() {
    let root = Root::new();
    let dataset = Watched::default().open(&root, true);
    append(&dataset, [0]);
    append(&dataset, [1]);
    let victim = part(&dataset, EDGES, 0);
    let bytes = damage(&victim);
    append(&dataset, [100]);
    append(&dataset, [101]);
    append(&dataset, [200]);
    until("the second bucket is merged", || parts(&dataset, EDGES)[1] == 1);
    fs_err::write(&victim, bytes).unwrap();
    root.open().compact(EDGES, CompactOptions::default()).unwrap();
    append(&dataset, [300]);
    dataset.close().unwrap();
    assert_eq!(parts(&dataset, EDGES), [1, 1, 1, 1]);
}

/// One failed open does not mean that a part is damaged.
#[test]
fn in_the_background_a_part_that_could_not_be_opened_is_tried_again_with_the_next_bucket() {
    let root = Root::new();
    let files = Watched::default();
    let dataset = files.open(&root, true);
    append(&dataset, [0]);
    append(&dataset, [1]);
    let victim = part(&dataset, EDGES, 1);
    files.refuse(Some(&victim));
    append(&dataset, [100]);
    until("it was tried", || files.opened(&victim) == 1);
    files.refuse(None);
    append(&dataset, [200]);
    dataset.close().unwrap();
    assert_eq!((parts(&dataset, EDGES), files.opened(&victim)), (vec![1, 1, 1], 2));
}

#[test]
fn closing_reports_every_table_that_was_not_merged() {
    let root = Root::new();
    let dataset = Watched::default().open(&root, true);
    let tick = |tick: i64| {
        let mut transaction = dataset.transaction();
        transaction.append(EDGES, edges([tick]), AppendOptions::default()).unwrap();
        transaction.append(HOLDINGS, holdings([tick]), AppendOptions::default()).unwrap();
        transaction.commit().unwrap();
    };
    tick(0);
    tick(1);
    let (of_edges, of_holdings) = (part(&dataset, EDGES, 0), part(&dataset, HOLDINGS, 0));
    damage(&of_edges);
    fs_err::remove_file(&of_holdings).unwrap();
    tick(100);
    let error = dataset.close().unwrap_err();
    let text = error.to_string();
    let said =
        ["2 tables were not merged", "`identity_edges`", name(&of_edges), "`holdings`", name(&of_holdings)];
    assert!(said.iter().all(|said| text.contains(said)), "{text}");
    let hint = error.hint().unwrap();
    assert!(hint.contains("the file is damaged") && hint.contains("rebuilding the manifest"), "{hint}");
    assert!(error.source().is_some());
    dataset.close().unwrap();
}

/// Programs walk the chain of causes, and a hint must not break it.
#[test]
fn a_part_that_cannot_be_opened_has_a_hint_and_its_cause() {
    let root = Root::new();
    let files = Watched::default();
    let dataset = files.open(&root, false);
    append(&dataset, [0]);
    files.refuse(Some(&part(&dataset, EDGES, 0)));
    let error = dataset.scan(EDGES).unwrap().batches().find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::Read);
    assert!(error.hint().is_some(), "{error:?}");
    let cause = error.source().and_then(|cause| cause.downcast_ref::<StoreError>());
    assert_eq!(cause.map(|cause| cause.io().kind()), Some(io::ErrorKind::PermissionDenied), "{error:?}");
}
