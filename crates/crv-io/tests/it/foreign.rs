//! Foreign manifests that are put back after parts were merged, removed or vacuumed: every row counts once, and removed
//! files are not read.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arrow_array::Int64Array;
use crv_io::run::bundle::collect_tables_index;
use crv_io::{
    AppendOptions, CheckOptions, CompactOptions, Dataset, ProblemKind, RepairKind, TableId, TableManifest,
    VacuumOptions,
};

use crate::handles::exchange;
use crate::hooked::{Hooked, Once, When};
use crate::support::{EDGES, RUN, Root, all_ticks, append, edges, holdings};

const AT_ONCE: VacuumOptions = VacuumOptions { older_than: Duration::ZERO, dry_run: false };

/// Ticks 0 to 8 in nine parts, and the manifest with the contract's keys alone.
fn nine_parts(root: &Root) -> (Dataset, TableManifest) {
    let dataset = root.open();
    (0..9).for_each(|tick| append(&dataset, [tick]));
    let manifest = dataset.manifest(EDGES).unwrap();
    (dataset, manifest)
}

fn put_back(root: &Root, manifest: &TableManifest) {
    fs_err::write(root.manifest(EDGES), serde_json::to_vec_pretty(manifest).unwrap()).unwrap();
}

fn merge_and_prune(dataset: &Dataset) {
    dataset.compact(EDGES, CompactOptions::default()).unwrap();
    dataset.prune(Duration::ZERO).unwrap();
}

/// Checks the rows on every path: an open handle, a fresh one, the index, a check; and again after an append.
fn rows_count_once(root: &Root, dataset: &Dataset) {
    let nine = Vec::from_iter(0..9);
    let indexed = |root: &Root| collect_tables_index(&root.settings(), RUN).unwrap()[&EDGES].rows;
    assert_eq!(all_ticks(&root.open()), nine, "a fresh handle");
    assert_eq!(all_ticks(dataset), nine, "a handle that was open");
    assert_eq!(indexed(root), 9, "the index");
    let check = root.open().check(CheckOptions { deep: true }).unwrap();
    assert!(check.ok, "{:?}", check.problems);
    append(dataset, [9]);
    let ten = Vec::from_iter(0..10);
    assert_eq!((all_ticks(dataset), all_ticks(&root.open())), (ten.clone(), ten.clone()), "after an append");
    dataset.close().unwrap();
    assert_eq!((all_ticks(&root.open()), indexed(root)), (ten.clone(), 10), "after a checkpoint");
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    root.open().repair().unwrap();
    assert_eq!(all_ticks(&root.open()), ten, "after a repair");
}

#[test]
fn a_manifest_put_back_after_a_compaction_and_a_prune_doubles_nothing() {
    let root = Root::new();
    let (dataset, manifest) = nine_parts(&root);
    merge_and_prune(&dataset);
    put_back(&root, &manifest);
    rows_count_once(&root, &dataset);
}

#[test]
fn a_manifest_put_back_after_its_parts_were_vacuumed_is_read() {
    let root = Root::new();
    let (dataset, manifest) = nine_parts(&root);
    merge_and_prune(&dataset);
    assert_eq!(dataset.vacuum(AT_ONCE).unwrap().removed.len(), 9);
    put_back(&root, &manifest);
    rows_count_once(&root, &dataset);
}

/// Merges of merges: the footer of the last names every part that its rows were ever in.
#[test]
fn a_manifest_put_back_after_two_compactions_doubles_nothing() {
    let root = Root::new();
    let dataset = root.open();
    (0..5).for_each(|tick| append(&dataset, [tick]));
    dataset.compact(EDGES, CompactOptions::default()).unwrap();
    let merged_once = dataset.manifest(EDGES).unwrap();
    (5..9).for_each(|tick| append(&dataset, [tick]));
    merge_and_prune(&dataset);
    put_back(&root, &merged_once);
    rows_count_once(&root, &dataset);
}

/// The earlier implementation rebuilds a manifest from every part on disk.
#[test]
fn a_manifest_that_names_merged_parts_beside_what_they_were_merged_from_doubles_nothing() {
    for log_is_lost in [false, true] {
        let root = Root::new();
        let (dataset, mut manifest) = nine_parts(&root);
        merge_and_prune(&dataset);
        let theirs = manifest.partitions.get_mut("000000").unwrap();
        let ours = dataset.manifest(EDGES).unwrap().partitions.remove("000000").unwrap();
        theirs.row_count += ours.row_count;
        theirs.byte_size += ours.byte_size;
        theirs.parts.extend(ours.parts);
        drop(dataset);
        if log_is_lost {
            fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
        }
        put_back(&root, &manifest);
        assert_eq!(all_ticks(&root.open()), Vec::from_iter(0..9));
        append(&root.open(), [9]);
        assert_eq!(all_ticks(&root.open()), Vec::from_iter(0..10));
    }
}

/// Parts that a commit removed stay removed, also when only the base records that commit.
#[test]
fn a_manifest_put_back_does_not_bring_back_parts_that_were_taken_out() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [0]);
    let one = dataset.manifest(EDGES).unwrap();
    append(&dataset, [1]);
    let two = dataset.manifest(EDGES).unwrap();
    dataset.replace_manifest(&one).unwrap();
    dataset.prune(Duration::ZERO).unwrap();
    put_back(&root, &two);
    assert_eq!(all_ticks(&root.open()), [0]);
    append(&dataset, [2]);
    assert_eq!(all_ticks(&root.open()), [0, 2]);
}

/// A run in which an earlier version adopted parts beside the part that they were merged into.
fn doubled(root: &Root) -> Dataset {
    let (dataset, before) = nine_parts(root);
    dataset.compact(EDGES, CompactOptions::default()).unwrap();
    let mut both = dataset.manifest(EDGES).unwrap();
    let partition = both.partitions.get_mut("000000").unwrap();
    let earlier = &before.partitions["000000"];
    partition.row_count += earlier.row_count;
    partition.byte_size += earlier.byte_size;
    partition.parts.extend(earlier.parts.iter().cloned());
    dataset.replace_manifest(&both).unwrap();
    assert_eq!(all_ticks(&dataset).len(), 18);
    dataset
}

fn doubled_parts(dataset: &Dataset) -> Vec<ProblemKind> {
    let report = dataset.check(CheckOptions::default()).unwrap();
    assert_eq!(report.ok, report.problems.iter().all(|problem| problem.harmless));
    let kinds = report.problems.iter().map(|problem| problem.kind);
    kinds.filter(|kind| !kind.is_harmless()).collect()
}

#[test]
fn rows_that_count_twice_are_found_by_a_check_and_mended_by_a_repair() {
    let root = Root::new();
    let dataset = doubled(&root);
    dataset.append(TableId::HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
    assert_eq!(doubled_parts(&dataset), [ProblemKind::DoubledPart; 9]);
    let report = dataset.repair().unwrap();
    assert_eq!((report.actions.len(), report.left.len()), (1, 0), "{report:?}");
    for dataset in [&dataset, &root.open()] {
        assert_eq!(all_ticks(dataset), Vec::from_iter(0..9));
        assert_eq!(doubled_parts(dataset), []);
    }
    assert!(dataset.repair().unwrap().actions.is_empty());
}

#[test]
fn a_rebuild_takes_rows_in_once() {
    let root = Root::new();
    let dataset = doubled(&root);
    let report = dataset.rebuild_manifest(EDGES).unwrap();
    assert_eq!((report.rows, report.parts, report.left_out.len(), report.missing.len()), (9, 1, 9, 0));
    assert_eq!(all_ticks(&root.open()), Vec::from_iter(0..9));
    append(&dataset, [9]);
    drop(dataset);
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    root.open().repair().unwrap();
    assert_eq!(all_ticks(&root.open()), Vec::from_iter(0..10), "it is in the log too");
}

/// A repair that would lose rows does nothing.
#[test]
fn doubled_rows_beside_a_missing_part_are_left_by_a_repair() {
    let root = Root::new();
    let dataset = doubled(&root);
    append(&dataset, [200]);
    let lost: Vec<PathBuf> = fs_err::read_dir(root.table_dir(EDGES).join("bucket=000002"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let bytes = fs_err::read(&lost[0]).unwrap();
    fs_err::remove_file(&lost[0]).unwrap();
    let report = dataset.repair().unwrap();
    assert!(report.actions.is_empty(), "{report:?}");
    assert_eq!(report.left.len(), 10);
    fs_err::write(&lost[0], bytes).unwrap();
    assert_eq!(dataset.repair().unwrap().left, []);
    assert_eq!(all_ticks(&dataset).len(), 10);
    assert!(dataset.append(EDGES, edges([9]), AppendOptions::default()).is_ok());
}

/// A run of the earlier implementation: ticks 0 to 8 in nine parts, a foreign manifest, no log.
fn foreign(root: &Root) -> TableManifest {
    let (dataset, manifest) = nine_parts(root);
    drop(dataset);
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    put_back(root, &manifest);
    manifest
}

/// A handle read a foreign manifest before another writer adopted its parts and merged them: its next append must not
/// adopt them again, beside the merged part that holds their rows.
#[test]
fn parts_that_another_writer_adopted_and_merged_are_not_adopted_again() {
    let root = Root::new();
    foreign(&root);
    let (ours, theirs) = (root.open(), root.open());
    assert_eq!(all_ticks(&ours).len(), 9);
    append(&theirs, [9]);
    theirs.compact(EDGES, CompactOptions::default()).unwrap();
    append(&ours, [10]);
    let eleven = Vec::from_iter(0..11);
    assert_eq!(
        (all_ticks(&ours), all_ticks(&theirs), all_ticks(&root.open())),
        (eleven.clone(), eleven.clone(), eleven)
    );
    assert!(root.open().check(CheckOptions { deep: true }).unwrap().ok);
}

/// The same between the refresh and the put of the adoption: the race is lost, and nothing is left to adopt.
#[test]
fn an_adoption_that_loses_a_race_determines_again_what_is_not_in_the_log() {
    let root = Root::new();
    foreign(&root);
    let theirs = root.open();
    let once = Once::new(move || {
        append(&theirs, [9]);
        theirs.compact(EDGES, CompactOptions::default()).unwrap();
    });
    let act = Arc::clone(&once);
    let ours = Hooked::open(&root, root.settings(), move |when, call| {
        if when == When::Before && call.is_commit() {
            act.act();
        }
    });
    append(&ours, [10]);
    assert!(once.is_done());
    let eleven = Vec::from_iter(0..11);
    assert_eq!((all_ticks(&ours), all_ticks(&root.open())), (eleven.clone(), eleven));
}

/// While a handle adopts, the earlier implementation adds a part, and another thread of the handle reads it: it is not in
/// the log yet, and no manifest of ours names it before it is.
#[test]
fn a_part_that_appears_while_others_are_adopted_is_adopted_before_a_manifest_names_it() {
    let root = Root::new();
    let whole = foreign(&root);
    let mut first = whole.clone();
    let bucket = first.partitions.get_mut("000000").unwrap();
    let last = bucket.parts.pop().unwrap();
    bucket.row_count -= last.rows;
    bucket.byte_size -= last.bytes;
    put_back(&root, &first);
    let handle: Arc<OnceLock<Dataset>> = Arc::default();
    let (reader, path) = (Arc::clone(&handle), root.manifest(EDGES));
    let once = Once::new(move || {
        fs_err::write(&path, serde_json::to_vec_pretty(&whole).unwrap()).unwrap();
        let reader = reader.get().unwrap().clone();
        assert_eq!(std::thread::spawn(move || all_ticks(&reader)).join().unwrap().len(), 9);
    });
    let ours = Hooked::open(&root, root.settings(), move |when, call| {
        if when == When::Before && call.is_commit() {
            once.act();
        }
    });
    assert_eq!(all_ticks(&ours).len(), 8);
    handle.set(ours.clone()).unwrap();
    append(&ours, [9]);
    append(&ours, [10]);
    ours.close().unwrap();
    let check = root.open().check(CheckOptions { deep: true }).unwrap();
    assert!(check.ok, "{:?}", check.problems);
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    root.open().repair().unwrap();
    assert_eq!(all_ticks(&root.open()).len(), 11);
}

/// The log has the payload fields of adopted parts: without the manifest it gives the same schema.
#[test]
fn an_adoption_takes_the_schema_into_the_log() {
    let root = Root::new();
    let exchange = |tick| exchange(tick, Arc::new(Int64Array::from(vec![tick])));
    let dataset = root.open();
    dataset.append(TableId::EXCHANGE, exchange(0), AppendOptions::default()).unwrap();
    let manifest = dataset.manifest(TableId::EXCHANGE).unwrap();
    drop(dataset);
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    let path = root.manifest(TableId::EXCHANGE);
    fs_err::write(&path, serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
    let dataset = root.open();
    dataset.append(TableId::EXCHANGE, exchange(1), AppendOptions::default()).unwrap();
    let schema = dataset.scan(TableId::EXCHANGE).unwrap().schema();
    assert!(format!("{schema:?}").contains("\"x\""), "{schema:?}");
    drop(dataset);
    fs_err::remove_file(&path).unwrap();
    let report = root.open().repair().unwrap();
    assert_eq!(
        report.actions.iter().map(|action| action.kind).collect::<Vec<_>>(),
        [RepairKind::WriteManifest]
    );
    assert_eq!(root.open().scan(TableId::EXCHANGE).unwrap().schema(), schema);
}
