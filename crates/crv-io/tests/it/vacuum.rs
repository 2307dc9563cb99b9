//! Vacuum: files that no snapshot needs are removed, others stay, and no writer commits a removed part.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crv_io::store::{LocalStore, Store};
use crv_io::{
    AppendOptions, CheckOptions, CompactOptions, Dataset, ErrorKind, GarbageKind, TableId, VacuumOptions,
    VacuumReport,
};

use crate::support::{EDGES, RUN, Root, all_ticks, append, edges, holdings};

const AT_ONCE: VacuumOptions = VacuumOptions { older_than: Duration::ZERO, dry_run: false };

fn vacuum(dataset: &Dataset) -> VacuumReport {
    dataset.vacuum(AT_ONCE).unwrap()
}

fn kinds(report: &VacuumReport) -> Vec<GarbageKind> {
    report.removed.iter().map(|garbage| garbage.kind).collect()
}

/// Sets the modification time of a file back by `by`.
#[expect(clippy::disallowed_methods, reason = "the times of files are those of the machine")]
pub(crate) fn age(path: &str, by: Duration) {
    let file = fs_err::OpenOptions::new().append(true).open(path).unwrap();
    file.into_file().set_modified(SystemTime::now() - by).unwrap();
}

pub(crate) const DAYS: Duration = Duration::from_secs(2 * 24 * 60 * 60);

fn merged_run(root: &Root) -> Dataset {
    let dataset = root.open();
    (0..5).for_each(|tick| append(&dataset, [tick, tick + 100]));
    dataset.compact(EDGES, CompactOptions::default()).unwrap();
    dataset
}

#[test]
fn merged_parts_are_removed_and_live_ones_are_not() {
    let root = Root::new();
    let dataset = merged_run(&root);
    let before = all_ticks(&dataset);
    let would = dataset.vacuum(VacuumOptions { dry_run: true, ..AT_ONCE }).unwrap();
    assert_eq!((would.dry_run, would.removed.len(), would.kept), (true, 10, 0));
    assert!(
        would.removed.iter().all(|garbage| fs_err::metadata(&garbage.path).unwrap().len() == garbage.bytes)
    );
    let report = vacuum(&dataset);
    assert_eq!(report.removed, would.removed);
    assert_eq!(report.bytes, report.removed.iter().map(|garbage| garbage.bytes).sum::<u64>());
    assert_eq!(kinds(&report), [GarbageKind::MergedPart; 10]);
    let parts = root.files().into_iter().filter(|file| file.ends_with(".parquet"));
    assert_eq!(parts.count(), 2);
    for dataset in [&dataset, &root.open()] {
        assert_eq!(all_ticks(dataset), before);
        let check = dataset.check(CheckOptions { deep: true }).unwrap();
        assert!(check.problems.is_empty(), "{:?}", check.problems);
    }
    assert_eq!(vacuum(&dataset).removed, []);
}

#[test]
fn what_readers_of_retained_snapshots_need_stays() {
    let root = Root::new();
    let dataset = merged_run(&root);
    let report = dataset.vacuum(VacuumOptions::default()).unwrap();
    assert_eq!((report.removed.len(), report.kept), (0, 10));
    assert!(report.kept_bytes > 0);
    // The parts are old, and were merged a moment ago: the time of the merge counts.
    for file in root.files().iter().filter(|file| file.ends_with(".parquet")) {
        age(root.path().join(file).to_str().unwrap(), DAYS);
    }
    dataset.prune(Duration::ZERO).unwrap();
    assert_eq!(dataset.vacuum(VacuumOptions::default()).unwrap().kept, 10);
}

/// Creates an orphan, and returns its path.
fn orphan(root: &Root) -> String {
    let name = "tables/identity_edges/bucket=000000/part-000000000000000000000000000000aa.parquet";
    let path = root.run_dir().join(name);
    let live = root.open().files(EDGES).unwrap().remove(0).path;
    fs_err::copy(live, &path).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A live part that cannot be read may hold the rows of the others: nothing of its bucket is removed, and the error names
/// it. It stays damaged, so that trying again would not end.
#[test]
fn a_live_part_that_cannot_be_read_stops_a_vacuum() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [0]);
    let orphan = orphan(&root);
    let live = dataset.scan(EDGES).unwrap().parts().remove(0).path;
    fs_err::write(&live, b"torn").unwrap();
    let error = root.open().vacuum(AT_ONCE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Read);
    assert!(error.to_string().contains(&live), "{error}");
    assert!(fs_err::metadata(orphan).is_ok());
}

#[test]
fn orphans_and_temporary_files_go_when_nobody_can_be_about_to_use_them() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [0]);
    let orphan = orphan(&root);
    let temporary = format!("{orphan}.tmp");
    fs_err::write(&temporary, "half").unwrap();
    let report = vacuum(&dataset);
    assert_eq!((report.removed.len(), report.kept), (0, 2), "they may be in flight");
    age(&orphan, DAYS);
    age(&temporary, DAYS);
    let longer = VacuumOptions { older_than: 2 * DAYS, dry_run: false };
    assert_eq!(dataset.vacuum(longer).unwrap().kept, 2);
    let commits = root.commits().len();
    let report = vacuum(&dataset);
    assert_eq!(kinds(&report), [GarbageKind::OrphanPart, GarbageKind::TemporaryFile]);
    assert_eq!(root.commits().len(), commits + 1, "the removal of the orphan is logged");
    assert!(!fs_err::exists(&orphan).unwrap() && !fs_err::exists(&temporary).unwrap());
    assert_eq!(all_ticks(&root.open()), [0]);
    assert!(dataset.check(CheckOptions { deep: true }).unwrap().problems.is_empty());
    vacuum(&dataset);
    assert_eq!(root.commits().len(), commits + 1, "no commit where there is nothing to remove");
}

/// Makes every part of the run look old.
fn age_parts(root: &Root) {
    for file in root.files().iter().filter(|file| file.ends_with(".parquet")) {
        age(root.path().join(file).to_str().unwrap(), DAYS);
    }
}

/// A reader that began before the commit still needs the part, however old its file is.
#[test]
fn a_part_that_a_commit_took_out_a_moment_ago_stays_for_readers_of_earlier_snapshots() {
    for how in ["as it is", "pruned", "manifest lost"] {
        let root = Root::new();
        let dataset = root.open();
        append(&dataset, [0]);
        let one = dataset.manifest(EDGES).unwrap();
        append(&dataset, [1]);
        age_parts(&root);
        let before = dataset.scan(EDGES).unwrap();
        dataset.replace_manifest(&one).unwrap();
        match how {
            "pruned" => _ = dataset.prune(Duration::ZERO).unwrap(),
            "manifest lost" => {
                fs_err::remove_file(root.manifest(EDGES)).unwrap();
                root.open().repair().unwrap();
            }
            _ => {}
        }
        for dataset in [&dataset, &root.open()] {
            let report = dataset.vacuum(VacuumOptions::default()).unwrap();
            assert_eq!((report.removed.len(), report.kept), (0, 1), "{how}");
        }
        assert_eq!(before.batches().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 2, "{how}");
        // When no reader needs it, it is removed. The removal is logged first: no commit may name it again.
        let report = root.open().vacuum(AT_ONCE).unwrap();
        assert_eq!(kinds(&report), [GarbageKind::RemovedPart], "{how}");
        assert_eq!(vacuum(&root.open()).removed, []);
        assert_eq!(all_ticks(&root.open()), [0]);
        assert!(root.open().check(CheckOptions { deep: true }).unwrap().problems.is_empty(), "{how}");
    }
}

#[test]
fn a_part_that_was_put_back_in_its_table_is_not_vacuumed() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [0]);
    let one = dataset.manifest(EDGES).unwrap();
    append(&dataset, [1]);
    let two = dataset.manifest(EDGES).unwrap();
    dataset.replace_manifest(&one).unwrap();
    dataset.replace_manifest(&two).unwrap();
    assert_eq!(vacuum(&root.open()).removed, []);
    assert_eq!(all_ticks(&root.open()), [0, 1]);
    let text = fs_err::read_to_string(root.manifest(EDGES)).unwrap();
    assert!(!text.contains("removed_at"), "{text}");
}

/// Parts were merged a moment ago, and then the merged part was removed: no live part records the merge any more.
#[test]
fn what_a_part_that_was_taken_out_was_merged_from_is_as_young_as_that() {
    for damaged in [false, true] {
        let root = Root::new();
        let dataset = root.open();
        append(&dataset, [200]);
        let without = dataset.manifest(EDGES).unwrap();
        (0..3).for_each(|tick| append(&dataset, [tick]));
        let before = dataset.scan(EDGES).unwrap();
        dataset.compact(EDGES, CompactOptions::default()).unwrap();
        let merged = dataset.files(EDGES).unwrap().remove(0).path;
        dataset.replace_manifest(&without).unwrap();
        age_parts(&root);
        if damaged {
            fs_err::write(&merged, "damaged").unwrap();
        }
        let report = dataset.vacuum(VacuumOptions::default()).unwrap();
        assert_eq!((report.removed.len(), report.kept), (0, 4), "damaged: {damaged}");
        assert_eq!(before.batches().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 4);
        let older = VacuumOptions { older_than: Duration::from_nanos(1), dry_run: false };
        let removed = if damaged { 1 } else { 4 };
        assert_eq!(dataset.vacuum(older).unwrap().removed.len(), removed, "damaged: {damaged}");
    }
}

/// The merged part was encoded long before its commit was published.
#[test]
fn merged_parts_are_as_old_as_the_commit_that_let_them_go() {
    let root = Root::new();
    let writer = root.open();
    (0..3).for_each(|tick| append(&writer, [tick]));
    let wait = Duration::from_millis(300);
    let store = crate::interrupted::before_publish(&root, move || std::thread::sleep(wait));
    let merger = Dataset::with_store(root.settings(), RUN, store).unwrap();
    let encoded_before = std::time::Instant::now();
    merger.compact(EDGES, CompactOptions::default()).unwrap();
    assert!(encoded_before.elapsed() >= wait);
    let commit = fs_err::read_to_string(root.run_dir().join("_commits/00000000000000000004.json")).unwrap();
    let times: Vec<&str> = commit.split("\"created_at\":\"").skip(1).map(|rest| &rest[..32]).collect();
    assert_eq!(times.len(), 2, "{commit}");
    assert_eq!(times[0], times[1], "the merged part has the time of its commit");
}

#[test]
fn temporary_files_beside_the_log_and_the_bundle_go_when_they_are_old() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [0]);
    let names = [
        "_commits/00000000000000000002.json.00c0ffee00c0ffee.tmp",
        "_commits/base.json.00c0ffee00c0ffee.tmp",
        "bundle.manifest.json.00c0ffee00c0ffee.tmp",
        "run.json.00c0ffee00c0ffee.tmp",
        "status.json.00c0ffee00c0ffee.tmp",
    ];
    let foreign = ["_commits/notes.tmp", "_commits/notes.00c0ffee00c0ffee.tmp", "mine.tmp"];
    let path = |name: &str| root.run_dir().join(name).to_str().unwrap().to_owned();
    names.iter().chain(&foreign).for_each(|name| fs_err::write(path(name), "half").unwrap());
    assert_eq!(vacuum(&dataset).removed, [], "they may be in flight");
    names.iter().chain(&foreign).for_each(|name| age(&path(name), DAYS));
    let longer = VacuumOptions { older_than: 2 * DAYS, dry_run: false };
    assert_eq!(dataset.vacuum(longer).unwrap().kept, names.len() as u64);
    let report = vacuum(&dataset);
    assert_eq!(kinds(&report), [GarbageKind::TemporaryFile; 5]);
    assert!(names.iter().all(|name| !fs_err::exists(path(name)).unwrap()));
    assert!(foreign.iter().all(|name| fs_err::exists(path(name)).unwrap()), "unrecognized files stay");
    assert_eq!(all_ticks(&root.open()), [0]);
}

/// A transaction took longer than the age limit of a vacuum: its parts are removed, and must not be committed.
#[test]
fn a_writer_whose_parts_were_vacuumed_is_refused_and_can_try_again() {
    for prune in [false, true] {
        let root = Root::new();
        let dataset = root.open();
        append(&dataset, [0]);
        let (other, path) = (root.open(), root.run_dir());
        let store = crate::interrupted::before_publish(&root, move || {
            for file in fs_err::read_dir(path.join("tables/identity_edges/bucket=000001")).unwrap() {
                age(file.unwrap().path().to_str().unwrap(), DAYS);
            }
            assert_eq!(kinds(&vacuum(&other)), [GarbageKind::OrphanPart]);
            if prune {
                other.prune(Duration::ZERO).unwrap();
            }
        });
        let writer = Dataset::with_store(root.settings(), RUN, store).unwrap();
        let error = writer.append(EDGES, edges([100]), AppendOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("a vacuum removed it"), "{error}");
        assert_eq!(all_ticks(&root.open()), [0]);
        append(&writer, [100]);
        assert_eq!(all_ticks(&root.open()), [0, 100]);
        assert!(dataset.check(CheckOptions { deep: true }).unwrap().ok);
    }
}

/// The reverse: a part is committed while a vacuum is running that took it for an orphan.
#[test]
fn a_part_that_is_committed_meanwhile_is_not_vacuumed() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [0]);
    let orphan = orphan(&root);
    age(&orphan, DAYS);
    let other = root.open();
    let store = crate::interrupted::before_publish(&root, move || {
        let mut manifest = other.manifest(EDGES).unwrap();
        let partition = manifest.partitions.get_mut("000000").unwrap();
        let mut part = partition.parts[0].clone();
        part.path = "part-000000000000000000000000000000aa.parquet".to_owned();
        partition.row_count += part.rows;
        partition.byte_size += part.bytes;
        partition.parts.push(part);
        other.replace_manifest(&manifest).unwrap();
    });
    let vacuumer = Dataset::with_store(root.settings(), RUN, store).unwrap();
    assert_eq!(vacuumer.vacuum(AT_ONCE).unwrap().removed, []);
    assert!(fs_err::exists(&orphan).unwrap());
    assert_eq!(all_ticks(&root.open()), [0, 0]);
}

#[test]
fn a_table_whose_manifest_is_lost_is_not_touched() {
    let root = Root::new();
    let dataset = merged_run(&root);
    dataset.append(TableId::HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
    drop(dataset);
    fs_err::remove_file(root.manifest(TableId::HOLDINGS)).unwrap();
    let files = root.files();
    let error = root.open().vacuum(AT_ONCE).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Manifest);
    assert!(error.to_string().contains("holdings"), "{error}");
    assert_eq!(root.files(), files, "no other table is touched either");
}

#[test]
fn a_run_that_is_not_there_has_nothing_to_remove() {
    let root = Root::new();
    assert_eq!(vacuum(&root.open()).removed, []);
    assert!(root.files().is_empty());
    let store: Arc<dyn Store> = Arc::new(LocalStore::new(root.path().to_str().unwrap()));
    assert_eq!(vacuum(&Dataset::with_store(root.settings(), RUN, store).unwrap()).kept, 0);
}
