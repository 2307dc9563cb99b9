//! What an append and a read cost, in calls of the store to the file system.
//!
//! `docs/performance.md` explains these figures. A figure that changes here must be changed there.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use crv_io::store::files::{FileSystem, Lock, NewFile, OpenFile, OsFiles, Stat};
use crv_io::store::{EntryKind, LocalStore};
use crv_io::{AppendOptions, Dataset, Descriptor, IoSettings, TableId};

use crate::support::{EDGES, RUN, Root, edges, holdings};

pub(crate) type Counts = BTreeMap<&'static str, u64>;

/// The file system of this machine, with every call counted. Syncs are counted and not executed, because they take
/// long.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counting(Arc<Mutex<Counts>>);

#[derive(Debug)]
struct Counted<F>(F, Counting);

impl Counting {
    fn count(&self, call: &'static str, by: u64) {
        *self.0.lock().unwrap().entry(call).or_default() += by;
    }

    /// Returns the counts since the last call.
    pub(crate) fn take(&self) -> Counts {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn open(&self, root: &Root, settings: IoSettings) -> Dataset {
        let store = LocalStore::on(root.path().to_str().unwrap(), Arc::new(self.clone()));
        Dataset::with_store(settings, RUN, Arc::new(store)).unwrap()
    }
}

impl FileSystem for Counting {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        self.count("create", 1);
        Ok(Box::new(Counted(OsFiles.create_new(path)?, self.clone())))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.count("open", 1);
        Ok(Box::new(Counted(OsFiles.open(path)?, self.clone())))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.count("stat", 1);
        OsFiles.stat(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<(String, EntryKind)>> {
        self.count("list", 1);
        OsFiles.read_dir(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.count("make directory", 1);
        OsFiles.create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.count("rename", 1);
        OsFiles.rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.count("link", 1);
        OsFiles.hard_link(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.count("unlink", 1);
        OsFiles.remove_file(path)
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        self.count("sync directory", 1);
        Ok(())
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Lock>> {
        self.count("lock", 1);
        OsFiles.try_lock(path)
    }
}

impl NewFile for Counted<Box<dyn NewFile>> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1.count("write", 1);
        self.1.count("bytes written", bytes.len() as u64);
        self.0.write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.1.count("sync file", 1);
        Ok(())
    }

    fn stat(&self) -> io::Result<Stat> {
        self.1.count("stat", 1);
        self.0.stat()
    }
}

impl OpenFile for Counted<Box<dyn OpenFile>> {
    fn stat(&self) -> io::Result<Stat> {
        self.1.count("stat", 1);
        self.0.stat()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.1.count("read", 1);
        self.1.count("bytes read", buffer.len() as u64);
        self.0.read_exact_at(buffer, offset)
    }
}

/// Settings under which an append writes no checkpoint.
fn without_checkpoints(root: &Root) -> IoSettings {
    root.settings().with_write_manifest_every_n(Some(1_000_000)).unwrap()
}

fn append(dataset: &Dataset, tick: i64) {
    dataset.append(EDGES, edges([tick; 200]), AppendOptions::default()).unwrap();
}

fn calls(mut counts: Counts) -> Vec<(&'static str, u64)> {
    counts.retain(|call, _| !call.starts_with("bytes"));
    counts.into_iter().collect()
}

#[test]
fn an_append_costs_four_syncs_and_the_same_calls_however_long_the_run_is() {
    let root = Root::new();
    let counting = Counting::default();
    let dataset = counting.open(&root, without_checkpoints(&root));
    let cost = |ticks: std::ops::RangeInclusive<i64>| {
        for tick in ticks {
            counting.take();
            append(&dataset, tick);
        }
        counting.take()
    };
    // The tenth, and the thousandth: neither is the first in its bucket.
    let (early, late) = (cost(0..=9), cost(10..=1050));
    assert_eq!(
        calls(early.clone()),
        [
            ("create", 2),
            ("link", 1),
            ("rename", 1),
            ("stat", 3),
            ("sync directory", 2),
            ("sync file", 2),
            ("unlink", 1),
            ("write", 2),
        ]
    );
    assert_eq!(calls(late.clone()), calls(early.clone()));
    // The numbers have more digits, and compress differently.
    assert!(late["bytes written"].abs_diff(early["bytes written"]) < 64, "{early:?} {late:?}");
    // The first append to a bucket creates its directory, and makes it durable.
    let first = calls(cost(1100..=1100));
    assert!(first.contains(&("make directory", 1)) && first.contains(&("sync directory", 3)), "{first:?}");
}

fn syncs(counts: &Counts) -> u64 {
    counts.get("sync file").unwrap_or(&0) + counts.get("sync directory").unwrap_or(&0)
}

/// Three files, and the directory of each name that is new: in the root and below it. Nothing above a root that has runs.
#[test]
fn the_first_append_of_a_run_syncs_each_new_name_once_and_nothing_above_the_root() {
    let root = Root::new();
    let counting = Counting::default();
    fs_err::create_dir(root.path().join("runs")).unwrap();
    let dataset = counting.open(&root, without_checkpoints(&root));
    append(&dataset, 0);
    let counts = counting.take();
    assert_eq!((counts["sync file"], counts["sync directory"]), (3, 7), "{counts:?}");
    // A checkpoint is due after the second commit: the empty manifest and one commit are a short way to read.
    let other = Root::new();
    let dataset = counting.open(&other, other.settings());
    append(&dataset, 0);
    // The names of the root and of the directories above it as well: it had no runs.
    assert_eq!(syncs(&counting.take()), 10 + other.path().ancestors().count() as u64 - 1);
    append(&dataset, 1);
    assert_eq!(syncs(&counting.take()), 4 + 2);
}

/// The part, the commit, their directories; and the log, in which the commits of other processes may not be durable yet.
#[test]
fn the_first_append_of_a_fresh_handle_syncs_no_directory_that_a_commit_shows_to_be_durable() {
    let root = Root::new();
    let counting = Counting::default();
    let first = counting.open(&root, without_checkpoints(&root));
    (0..3).for_each(|tick| append(&first, tick));
    let fresh = counting.open(&root, without_checkpoints(&root));
    counting.take();
    append(&fresh, 3);
    assert_eq!(syncs(&counting.take()), 5);
    append(&fresh, 4);
    assert_eq!(syncs(&counting.take()), 4);
}

/// A declared table costs what a canonical one does, also with the state of the model.
#[test]
fn an_append_to_a_declared_table_makes_the_same_calls() {
    let root = Root::new();
    let counting = Counting::default();
    let dataset = counting.open(&root, without_checkpoints(&root));
    let frame = |tick: i64| holdings([tick; 200]);
    let declared = Descriptor::from_arrow(
        "stock".parse().unwrap(),
        &frame(0).schema(),
        &["agent_id", "token_id", "quantity"],
    );
    let declared = dataset.declare(&declared.unwrap()).unwrap().id();
    let cost = |table: TableId| {
        for tick in 0..10 {
            counting.take();
            dataset.append(table, frame(tick), AppendOptions::default()).unwrap();
        }
        counting.take()
    };
    let (canonical, declared) = (cost(TableId::HOLDINGS), cost(declared));
    assert_eq!(calls(declared.clone()), calls(canonical.clone()));
    // The part's footer has the declaration.
    assert!(declared["bytes written"] - canonical["bytes written"] < 600, "{declared:?} {canonical:?}");
}

#[test]
fn a_transaction_syncs_each_table_and_one_commit() {
    let root = Root::new();
    let counting = Counting::default();
    let dataset = counting.open(&root, without_checkpoints(&root));
    let tick = |tick: i64| {
        counting.take();
        let mut transaction = dataset.transaction();
        let frames: [(TableId, RecordBatch); 2] =
            [(EDGES, edges([tick; 9])), (TableId::HOLDINGS, holdings([tick; 9]))];
        for (table, frame) in frames {
            transaction.append(table, frame, AppendOptions::default()).unwrap();
        }
        transaction.commit().unwrap();
        counting.take()
    };
    tick(0);
    let counts = tick(1);
    let syncs = (counts["sync file"], counts["sync directory"], counts["link"]);
    assert_eq!(syncs, (2 + 1, 2 + 1, 1), "{counts:?}");
}

#[test]
fn checkpoints_cost_an_append_no_more_in_a_long_run() {
    let root = Root::new();
    let counting = Counting::default();
    let dataset = counting.open(&root, root.settings());
    let cost = |ticks: std::ops::Range<i64>| {
        counting.take();
        let appends = (ticks.end - ticks.start) as u64;
        ticks.for_each(|tick| append(&dataset, tick));
        let counts = counting.take();
        (counts["bytes written"] / appends, counts["sync file"] as f64 / appends as f64)
    };
    let (_, _) = cost(0..300);
    let (bytes, syncs) = cost(300..600);
    let (later_bytes, later_syncs) = cost(1200..2400);
    // The cost of an append is the same after each doubling: sixteen entries are rewritten for each new one.
    assert!(later_bytes * 10 < bytes * 13, "{bytes} bytes, and then {later_bytes}");
    assert!(later_syncs <= syncs && syncs < 2.1, "{syncs} files synced, and then {later_syncs}");
}

#[test]
fn a_fresh_handle_reads_the_manifest_and_the_last_part_and_writes_nothing() {
    let root = Root::new();
    let counting = Counting::default();
    let writer = counting.open(&root, root.settings());
    (0..200).for_each(|tick| append(&writer, tick));
    drop(writer);
    counting.take();
    let reader = counting.open(&root, root.settings());
    let batches = reader.scan(EDGES).unwrap().ticks(199..=199).batches();
    assert_eq!(batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 200);
    drop(reader);
    // Opened: the manifest, the next commit, which is not there, and the part.
    assert_eq!(calls(counting.take()), [("open", 3), ("read", 2), ("stat", 6)]);
    // A handle with a cached state checks for newer commits.
    let reader = counting.open(&root, root.settings());
    reader.scan(EDGES).unwrap();
    counting.take();
    reader.scan(EDGES).unwrap();
    assert_eq!(calls(counting.take()), [("open", 1), ("stat", 3)]);
}

/// The base holds the state of every table, and opening needs none of it: its cost does not grow with the run, before a
/// prune or after one.
#[test]
fn a_prune_makes_opening_cost_no_more_than_the_head_of_the_base() {
    let root = Root::new();
    let counting = Counting::default();
    let writer = counting.open(&root, root.settings());
    (0..1_100).for_each(|tick| append(&writer, tick));
    writer.close().unwrap();
    let opening = || {
        counting.take();
        let reader = counting.open(&root, root.settings());
        reader.scan(EDGES).unwrap();
        counting.take()
    };
    let before = opening();
    writer.prune(std::time::Duration::ZERO).unwrap();
    let base = fs_err::metadata(root.run_dir().join("_commits/base.json")).unwrap().len();
    let after = opening();
    assert_eq!(calls(after.clone()), [("open", 3), ("read", 2), ("stat", 6)]);
    let head = after["bytes read"] - before["bytes read"];
    assert!(head <= 64 * 1024 && base > 3 * head, "{head} of the {base} bytes of the base were read");
    // A later prune does not make a current handle read the base or the manifest again.
    let reader = counting.open(&root, root.settings());
    append(&writer, 1_100);
    reader.scan(EDGES).unwrap();
    writer.prune(std::time::Duration::ZERO).unwrap();
    counting.take();
    append(&reader, 1_101);
    let later = counting.take();
    assert!(later.get("bytes read").copied().unwrap_or(0) <= 64 * 1024, "{later:?}");
}

#[test]
fn a_handle_that_only_read_syncs_nothing_when_it_goes() {
    let root = Root::new();
    let counting = Counting::default();
    append(&counting.open(&root, root.settings()), 0);
    let reader = counting.open(&root, root.settings());
    reader.scan(EDGES).unwrap();
    counting.take();
    reader.close().unwrap();
    drop(reader);
    assert_eq!(counting.take(), Counts::new());
}
