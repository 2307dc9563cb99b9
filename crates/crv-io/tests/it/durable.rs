//! The order of syncs. The file of another process is visible a moment before its name is durable: nothing that could
//! outlive it may be built on it. Here names are *pending* until the handle under test syncs their directory.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crv_io::{AppendOptions, CompactOptions, Dataset, IoSettings, TableId, VacuumOptions};

use crate::hooked::{Call, Hooked, When, begin_table, unpoisoned};
use crate::support::{EDGES, RUN, Root, all_ticks, append, holdings};

const AT_ONCE: VacuumOptions = VacuumOptions { older_than: Duration::ZERO, dry_run: false };

/// Names that are not durable yet, and calls that must have waited for them.
#[derive(Default)]
struct Pending {
    names: Mutex<BTreeSet<String>>,
    broken: Mutex<Vec<String>>,
    /// The paths that were put, staged or removed.
    done: Mutex<Vec<String>>,
}

impl Pending {
    fn open(self: &Arc<Self>, root: &Root, settings: IoSettings) -> Dataset {
        let pending = Arc::clone(self);
        Hooked::open(root, settings, move |when, call| pending.note(when, call))
    }

    fn note(&self, when: When, call: Call<'_>) {
        match (when, call) {
            (When::After, Call::Sync(path)) => {
                let dir = path.parent().unwrap();
                unpoisoned(&self.names).retain(|name| name.rsplit_once('/').unwrap().0 != dir.as_str());
            }
            (When::Before, Call::Put(path) | Call::Stage(path) | Call::Remove(path)) => {
                let names = unpoisoned(&self.names);
                // A part waits for the manifest of its table only, and a put with the number that is taken is harmless.
                let waits = |name: &&String| match call {
                    Call::Stage(_) => name.ends_with("manifest.json"),
                    _ => name.as_str() != path.as_str(),
                };
                if names.iter().any(|name| waits(&name)) {
                    unpoisoned(&self.broken).push(format!("{call:?} while {names:?} is not durable"));
                }
                unpoisoned(&self.done).push(path.as_str().to_owned());
            }
            _ => {}
        }
    }

    /// Another process has just given this file of the run its name.
    fn seen(&self, name: &str) {
        unpoisoned(&self.done).clear();
        unpoisoned(&self.names).insert(format!("runs/{RUN}/{name}"));
    }

    /// Checks that a path with this ending was written or removed, and only after what was seen had become durable.
    #[track_caller]
    fn held(&self, ending: &str) {
        assert_eq!(*unpoisoned(&self.broken), Vec::<String>::new());
        let done = unpoisoned(&self.done);
        assert!(done.iter().any(|path| path.ends_with(ending)), "{ending} is not among {done:?}");
    }
}

fn commit(number: u64) -> String {
    format!("_commits/{number:020}.json")
}

/// Settings under which manifests are written only when a handle is closed.
fn lazily(root: &Root) -> IoSettings {
    root.settings().with_write_manifest_every_n(Some(1_000_000)).unwrap()
}

#[test]
fn a_commit_is_published_after_the_commits_before_it_are_durable() {
    for reads_first in [false, true] {
        let root = Root::new();
        let pending = Arc::new(Pending::default());
        let ours = pending.open(&root, lazily(&root));
        append(&ours, [0]);
        let theirs = Dataset::open(lazily(&root), RUN).unwrap();
        append(&theirs, [1]);
        pending.seen(&commit(2));
        if reads_first {
            // The next append then drafts its commit beside its parts.
            assert_eq!(all_ticks(&ours), [0, 1]);
        }
        append(&ours, [2]);
        pending.held(&commit(3));
    }
}

#[test]
fn a_manifest_is_written_after_the_commits_that_it_includes_are_durable() {
    let root = Root::new();
    let pending = Arc::new(Pending::default());
    let ours = pending.open(&root, lazily(&root));
    append(&ours, [0]);
    // Not closed before ours: it would write the manifest.
    let theirs = Dataset::open(lazily(&root), RUN).unwrap();
    append(&theirs, [1]);
    pending.seen(&commit(2));
    assert_eq!(all_ticks(&ours), [0, 1]);
    ours.close().unwrap();
    pending.held("identity_edges/manifest.json");
}

#[test]
fn the_manifest_of_a_new_table_is_written_after_the_commits_before_it_are_durable() {
    let root = Root::new();
    append(&root.open(), [0]);
    let pending = Arc::new(Pending::default());
    let ours = pending.open(&root, lazily(&root));
    pending.seen(&commit(1));
    ours.append(TableId::HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
    pending.held("holdings/manifest.json");
}

/// Another process has created the table and not committed to it: a loss of power must not keep our parts and lose the
/// manifest.
#[test]
fn a_part_is_written_after_the_manifest_of_its_table_is_durable() {
    for knows_table in [false, true] {
        let root = Root::new();
        begin_table(&root, TableId::HOLDINGS, holdings([0]));
        let pending = Arc::new(Pending::default());
        let ours = pending.open(&root, root.settings());
        if knows_table {
            // The manifest was read, and is not known to be durable.
            assert!(ours.scan(TableId::HOLDINGS).is_err());
        }
        pending.seen("tables/holdings/manifest.json");
        ours.append(TableId::HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
        pending.held(".parquet");
    }
}

#[test]
fn merged_parts_are_removed_after_the_commit_that_replaced_them_is_durable() {
    let root = Root::new();
    let theirs = root.open();
    (0..3).for_each(|tick| append(&theirs, [tick]));
    theirs.compact(EDGES, CompactOptions::default()).unwrap();
    let pending = Arc::new(Pending::default());
    let ours = pending.open(&root, root.settings());
    pending.seen(&commit(4));
    assert_eq!(ours.vacuum(AT_ONCE).unwrap().removed.len(), 3);
    pending.held(".parquet");
}

#[test]
fn a_base_is_written_after_the_commits_that_it_stands_for_are_durable() {
    let root = Root::new();
    let theirs = root.open();
    (0..3).for_each(|tick| append(&theirs, [tick]));
    let pending = Arc::new(Pending::default());
    let ours = pending.open(&root, root.settings());
    pending.seen(&commit(3));
    assert_eq!(ours.prune(Duration::ZERO).unwrap().removed, 3);
    pending.held("base.json");
}

/// Another process has just written the base, and not removed the commits yet that it replaces.
#[test]
fn commits_are_removed_after_the_base_is_durable() {
    let root = Root::new();
    let theirs = root.open();
    (0..3).for_each(|tick| append(&theirs, [tick]));
    let log = root.run_dir().join("_commits");
    let files: Vec<_> =
        root.commits().iter().map(|name| (log.join(name), fs_err::read(log.join(name)).unwrap())).collect();
    theirs.prune(Duration::ZERO).unwrap();
    for (path, bytes) in files {
        fs_err::write(path, bytes).unwrap();
    }
    let pending = Arc::new(Pending::default());
    let ours = pending.open(&root, root.settings());
    pending.seen("_commits/base.json");
    assert_eq!(ours.prune(Duration::ZERO).unwrap().removed, 3);
    pending.held(&commit(1));
}

#[test]
fn a_repair_writes_a_manifest_after_the_commits_that_it_includes_are_durable() {
    let root = Root::new();
    append(&root.open(), [0]);
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    let pending = Arc::new(Pending::default());
    let ours = pending.open(&root, root.settings());
    pending.seen(&commit(1));
    assert_eq!(ours.repair().unwrap().actions.len(), 1);
    pending.held("identity_edges/manifest.json");
}

#[test]
fn a_repair_writes_a_base_after_the_commits_that_it_stands_for_are_durable() {
    let root = Root::new();
    let theirs = root.open();
    (0..3).for_each(|tick| append(&theirs, [tick]));
    drop(theirs);
    fs_err::remove_file(root.run_dir().join(commit(2))).unwrap();
    let pending = Arc::new(Pending::default());
    let ours = pending.open(&root, root.settings());
    pending.seen(&commit(3));
    assert_eq!(ours.repair().unwrap().actions.len(), 1);
    pending.held("base.json");
}

#[test]
fn a_rebuild_writes_a_manifest_after_the_commits_that_it_includes_are_durable() {
    let root = Root::new();
    append(&root.open(), [0]);
    let pending = Arc::new(Pending::default());
    let ours = pending.open(&root, root.settings());
    pending.seen(&commit(1));
    ours.rebuild_manifest(EDGES).unwrap();
    pending.held("identity_edges/manifest.json");
}

/// Checks the order of calls of a handle that wrote, each given by its name and the end of its path.
#[track_caller]
fn in_order(events: &[String], expected: &[(&str, &str)]) {
    let mut rest = events.iter();
    for (call, ending) in expected {
        let is_it = |event: &String| event.starts_with(call) && event.ends_with(ending);
        assert!(rest.any(is_it), "{call} …{ending} is missing or out of order: {events:#?}");
    }
}

/// A number was used that the base replaces: without the base, the void commit would belong to the run.
#[test]
fn a_void_commit_is_removed_after_the_base_is_durable() {
    let root = Root::new();
    let (late, events) = Hooked::recording(&root, root.settings());
    append(&late, [0]);
    let busy = root.open();
    (1..4).for_each(|tick| append(&busy, [tick]));
    busy.prune(Duration::ZERO).unwrap();
    events.lock().unwrap().clear();
    append(&late, [100]);
    let void = commit(2);
    in_order(&events.lock().unwrap(), &[("put", &void), ("sync", "base.json"), ("remove", &void)]);
    assert_eq!(all_ticks(&root.open()).len(), 5);
}

#[test]
fn a_prune_writes_manifests_then_the_base_and_then_removes_commits() {
    let root = Root::new();
    let (dataset, events) = Hooked::recording(&root, lazily(&root));
    (0..3).for_each(|tick| append(&dataset, [tick]));
    events.lock().unwrap().clear();
    dataset.prune(Duration::ZERO).unwrap();
    let first = commit(1);
    let order = [("put", "manifest.json"), ("put", "base.json"), ("sync", "base.json"), ("remove", &first)];
    in_order(&events.lock().unwrap(), &order);
    let events = events.lock().unwrap();
    let removed = events.iter().position(|event| event.starts_with("remove")).unwrap();
    assert!(events[removed..].iter().all(|event| !event.starts_with("put")), "{events:#?}");
}

#[test]
fn a_vacuum_publishes_its_commit_before_it_removes_a_part() {
    let root = Root::new();
    let (dataset, events) = Hooked::recording(&root, root.settings());
    append(&dataset, [0]);
    let one = dataset.manifest(EDGES).unwrap();
    append(&dataset, [1]);
    dataset.replace_manifest(&one).unwrap();
    events.lock().unwrap().clear();
    assert_eq!(dataset.vacuum(AT_ONCE).unwrap().removed.len(), 1);
    in_order(&events.lock().unwrap(), &[("put", &commit(4)), ("remove", ".parquet")]);
}

#[test]
fn a_merge_is_published_after_its_part_is_durable() {
    let root = Root::new();
    let (dataset, events) = Hooked::recording(&root, root.settings());
    (0..3).for_each(|tick| append(&dataset, [tick]));
    events.lock().unwrap().clear();
    dataset.compact(EDGES, CompactOptions::default()).unwrap();
    in_order(&events.lock().unwrap(), &[("stage", ".parquet"), ("sync", ".parquet"), ("put", &commit(4))]);
}

#[test]
fn a_commit_is_published_after_its_parts_are_durable() {
    let root = Root::new();
    let (dataset, events) = Hooked::recording(&root, root.settings());
    append(&dataset, [0, 100, 200]);
    let parts = [("stage", ".parquet"); 3];
    let order: Vec<(&str, &str)> = parts.into_iter().chain([("sync", ".parquet")]).collect();
    in_order(&events.lock().unwrap(), &order);
    in_order(&events.lock().unwrap(), &[("sync", ".parquet"), ("put", &commit(1))]);
}
