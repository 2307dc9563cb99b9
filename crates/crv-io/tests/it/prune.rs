//! Pruning the log: nothing is lost, and no number is used twice, however old the cached state of a handle is.

use std::time::Duration;

use crv_io::{AppendOptions, Dataset, ErrorKind, TableId, TickRange};

use crate::support::{EDGES, Root, all_ticks, edges, holdings, ticks_of};

fn prune(dataset: &Dataset) -> crv_io::PruneReport {
    dataset.prune(Duration::ZERO).unwrap()
}

fn tick(dataset: &Dataset, tick: i64) {
    let mut transaction = dataset.transaction();
    transaction.append(EDGES, edges([tick]), AppendOptions::default()).unwrap();
    transaction.append(TableId::HOLDINGS, holdings([tick]), AppendOptions::default()).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn a_pruned_run_reads_and_grows_as_before() {
    let root = Root::new();
    let dataset = root.open();
    (0..40).for_each(|number| tick(&dataset, number));
    let manifest = dataset.manifest(EDGES).unwrap();
    let report = prune(&dataset);
    assert_eq!((report.through, report.removed, report.left), (40, 40, 0));
    assert!(report.bytes > 40 * 300, "{report:?}");
    assert_eq!(root.commits(), ["base.json"]);
    for dataset in [&dataset, &root.open()] {
        assert_eq!(dataset.manifest(EDGES).unwrap(), manifest);
        assert!(all_ticks(dataset).iter().copied().eq(0..40));
    }
    tick(&dataset, 40);
    tick(&root.open(), 41);
    assert_eq!(root.commits().len(), 3, "numbers go on: {:?}", root.commits());
    let again = prune(&dataset);
    assert_eq!((again.through, again.removed), (42, 2));
    assert_eq!(prune(&dataset).removed, 0);
    assert!(ticks_of(&root.open(), TableId::HOLDINGS, TickRange::ALL).unwrap().into_iter().eq(0..42));
}

#[test]
fn commits_younger_than_the_retention_stay() {
    let root = Root::new();
    let dataset = root.open();
    (0..5).for_each(|number| tick(&dataset, number));
    let report = dataset.prune(Duration::from_secs(3600)).unwrap();
    assert_eq!((report.through, report.removed, report.left), (0, 0, 5));
    assert_eq!(root.commits().len(), 5, "and no base: {:?}", root.commits());
    assert_eq!(dataset.prune(Duration::MAX).unwrap().removed, 0, "no commit is that old");
}

/// A writer was stopped while others committed, checkpointed and pruned. The number that it believes to be next is
/// free again, and no reader would see a commit with that number.
#[test]
fn a_writer_with_an_old_view_does_not_take_a_pruned_number() {
    let root = Root::new();
    let late = root.open();
    tick(&late, 0);
    let busy = root.open();
    (1..10).for_each(|number| tick(&busy, number));
    prune(&busy);
    tick(&late, 100);
    assert_eq!(root.commits(), ["00000000000000000011.json", "base.json"]);
    for dataset in [&late, &busy, &root.open()] {
        assert_eq!(all_ticks(dataset).len(), 11, "{:?}", all_ticks(dataset));
    }
}

/// The same for a reader: the file with the next number is not the next commit.
#[test]
fn a_reader_with_an_old_view_sees_everything_after_a_prune() {
    let root = Root::new();
    let writer = root.open();
    tick(&writer, 0);
    let reader = root.open();
    assert_eq!(all_ticks(&reader), [0]);
    (1..10).for_each(|number| tick(&writer, number));
    prune(&writer);
    // As a writer leaves it that was killed after it took a pruned number and before it noticed.
    fs_err::write(root.run_dir().join("_commits/00000000000000000002.json"), b"void").unwrap();
    assert_eq!(all_ticks(&reader).len(), 10);
    tick(&reader, 10);
    assert_eq!(all_ticks(&root.open()).len(), 11);
    assert_eq!(prune(&writer).removed, 2, "the next prune removes the void file");
    assert_eq!(all_ticks(&root.open()).len(), 11);
}

#[test]
fn a_manifest_lost_or_turned_back_after_a_prune_loses_nothing() {
    let root = Root::new();
    let dataset = root.open();
    tick(&dataset, 0);
    let old = fs_err::read(root.manifest(EDGES)).unwrap();
    (1..10).for_each(|number| tick(&dataset, number));
    prune(&dataset);
    tick(&dataset, 10);
    fs_err::write(root.manifest(EDGES), old).unwrap();
    assert_eq!(all_ticks(&root.open()).len(), 11, "turned back");
    assert_eq!(all_ticks(&dataset).len(), 11, "turned back, for a handle with a newer cached state");
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    // An orphan: without the base, a rebuild would add its rows.
    let bucket = root.table_dir(EDGES).join("bucket=000000");
    let part = fs_err::read_dir(&bucket).unwrap().next().unwrap().unwrap().path();
    fs_err::copy(part, bucket.join("part-000000000000000000000000000000aa.parquet")).unwrap();
    let report = root.open().rebuild_manifest(EDGES).unwrap();
    assert_eq!((report.parts, report.left_out.len(), report.missing.len()), (11, 1, 0));
    assert_eq!(all_ticks(&root.open()).len(), 11, "lost");
}

#[test]
fn a_damaged_base_is_an_error_that_names_it_where_it_is_needed() {
    let root = Root::new();
    let dataset = root.open();
    (0..3).for_each(|number| tick(&dataset, number));
    prune(&dataset);
    drop(dataset);
    let base = root.run_dir().join("_commits/base.json");
    let mut bytes = fs_err::read(&base).unwrap();
    bytes[20] ^= 1;
    fs_err::write(&base, bytes).unwrap();
    let error = root.open().append(EDGES, edges([3]), AppendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Manifest);
    assert!(error.to_string().contains("base.json` is damaged"), "{error}");
    assert!(error.hint().unwrap().contains("restore"), "{error:?}");
}

#[test]
fn a_log_with_a_hole_is_not_pruned() {
    let root = Root::new();
    let dataset = root.open();
    (0..5).for_each(|number| tick(&dataset, number));
    fs_err::remove_file(root.run_dir().join("_commits/00000000000000000003.json")).unwrap();
    let error = dataset.prune(Duration::ZERO).unwrap_err();
    assert!(error.to_string().contains("00000000000000000003.json"), "{error}");
    assert_eq!(root.commits().len(), 4);
}
