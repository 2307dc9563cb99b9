//! Compaction: fewer parts, the same rows in the same order, and no process blocks another.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_select::concat::concat_batches;
use crv_io::{
    AppendOptions, CheckOptions, CompactOptions, CompactReport, Dataset, ErrorKind, ProblemKind, TableId,
    TickRange,
};

use crate::support::{EDGES, Root, all_ticks, append, edges, ticks_of};

fn compact(dataset: &Dataset) -> CompactReport {
    dataset.compact(EDGES, CompactOptions::default()).unwrap()
}

/// All rows of a table, every column.
fn rows(dataset: &Dataset, table: TableId) -> RecordBatch {
    let scan = dataset.scan(table).unwrap();
    let schema = scan.schema();
    let batches: Vec<RecordBatch> = scan.batches().map(|batch| batch.unwrap()).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn parts(dataset: &Dataset) -> Vec<usize> {
    let manifest = dataset.manifest(EDGES).unwrap();
    manifest.partitions.values().map(|partition| partition.parts.len()).collect()
}

/// Three buckets, appended out of order, with rows that came late to the first.
fn history(dataset: &Dataset) {
    for ticks in [vec![0, 1], vec![5, 101], vec![3], vec![150], vec![2, 99, 200], vec![120]] {
        append(dataset, ticks);
    }
}

#[test]
fn every_bucket_becomes_one_part_with_its_rows_in_their_order() {
    let root = Root::new();
    let dataset = root.open();
    history(&dataset);
    let before = rows(&dataset, EDGES);
    assert_eq!(parts(&dataset), [4, 3, 1]);
    let report = compact(&dataset);
    assert_eq!((report.parts_before, report.parts_after, report.rows), (7, 2, 9), "{report:?}");
    assert_eq!((report.commits.len(), report.gave_way, report.left), (1, 0, 0));
    for dataset in [&dataset, &root.open()] {
        assert_eq!(parts(dataset), [1, 1, 1]);
        assert_eq!(rows(dataset, EDGES), before);
    }
    assert!(dataset.check(CheckOptions { deep: true }).unwrap().ok);
    let again = compact(&dataset);
    assert_eq!((again.parts_before, again.commits.len()), (0, 0), "there is nothing left to merge");
}

/// The merged part takes the place of the first of its parts, before what was appended meanwhile.
#[test]
fn rows_appended_after_a_merge_come_after_it_also_for_who_replays_the_log() {
    let root = Root::new();
    let dataset = root.open();
    let reader = root.open();
    append(&dataset, [0]);
    append(&dataset, [1]);
    assert_eq!(all_ticks(&reader), [0, 1]);
    let appender = root.open();
    let planned = std::sync::Mutex::new(false);
    dataset
        .compact_watched(EDGES, CompactOptions::default(), |_| {
            // Once, while the parts are being read: an append never conflicts.
            if !std::mem::replace(&mut *planned.lock().unwrap(), true) {
                append(&appender, [2]);
            }
        })
        .unwrap();
    append(&appender, [3]);
    for dataset in [&dataset, &reader, &appender, &root.open()] {
        assert_eq!(all_ticks(dataset), [0, 1, 2, 3]);
        assert_eq!(parts(dataset), [3]);
    }
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    root.open().repair().unwrap();
    assert_eq!(all_ticks(&root.open()), [0, 1, 2, 3], "from the log");
}

#[test]
fn of_two_who_merge_the_same_parts_one_gives_way() {
    let root = Root::new();
    let dataset = root.open();
    history(&dataset);
    let before = rows(&dataset, EDGES);
    let other = root.open();
    let merged = std::sync::Mutex::new(None);
    let report = dataset
        .compact_watched(EDGES, CompactOptions::default(), |_| {
            let mut merged = merged.lock().unwrap();
            if merged.is_none() {
                let ticks = (0..=99).into();
                let options = CompactOptions { ticks, ..CompactOptions::default() };
                *merged = Some(other.compact(EDGES, options).unwrap());
            }
        })
        .unwrap();
    let theirs = merged.into_inner().unwrap().unwrap();
    assert_eq!((theirs.parts_before, theirs.parts_after), (4, 1));
    assert_eq!((report.parts_before, report.parts_after, report.gave_way), (3, 1, 1), "{report:?}");
    assert_eq!(rows(&dataset, EDGES), before);
    let check = dataset.check(CheckOptions { deep: true }).unwrap();
    let kinds: Vec<ProblemKind> = check.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::MergedPart], "the dropped merge left no part: {:?}", check.problems);
    assert!(check.problems[0].message.ends_with("that merged parts replaced: 7"), "{:?}", check.problems);
}

#[test]
fn a_reader_of_an_earlier_snapshot_reads_on() {
    let root = Root::new();
    let dataset = root.open();
    history(&dataset);
    let scan = dataset.scan(EDGES).unwrap();
    let parts = scan.parts().len();
    compact(&dataset);
    assert_eq!(scan.parts().len(), parts);
    let count: usize = scan.batches().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(count, 10);
}

#[test]
fn only_buckets_with_the_ticks_asked_for_and_only_so_many_bytes() {
    let root = Root::new();
    let dataset = root.open();
    history(&dataset);
    let options = CompactOptions { ticks: (100..=110).into(), ..CompactOptions::default() };
    assert_eq!(dataset.compact(EDGES, options).unwrap().parts_before, 3);
    append(&dataset, [130]);
    let options = CompactOptions { max_bytes: Some(1), ..CompactOptions::default() };
    let first = dataset.compact(EDGES, options).unwrap();
    assert_eq!((first.parts_before, first.left), (4, 1), "the first bucket is merged whatever its size");
    let second = dataset.compact(EDGES, options).unwrap();
    assert_eq!((second.parts_before, second.left), (2, 0));
    assert_eq!(parts(&dataset), [1, 1, 1]);
}

#[test]
fn a_bound_below_one_is_refused_and_an_unwritten_table_is_told() {
    let root = Root::new();
    let dataset = root.open();
    let options = CompactOptions { max_bytes: Some(0), ..CompactOptions::default() };
    let error = dataset.compact(EDGES, options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.to_string().contains("`max_bytes` is 0"), "{error}");
    let error = dataset.compact(EDGES, CompactOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("there is no run"), "{error}");
    assert!(root.files().is_empty());
}

/// A damaged byte that no statistic, count or page check covers: a scan would return it, and a merge would write it
/// with a new, valid checksum.
#[test]
fn a_damaged_part_is_named_and_nothing_of_its_bucket_changes() {
    let root = Root::new();
    let dataset = root.open();
    history(&dataset);
    let ticks = (100..=199).into();
    dataset.compact(EDGES, CompactOptions { ticks, ..CompactOptions::default() }).unwrap();
    let victim = dataset.files(EDGES).unwrap().remove(2).path;
    let bytes = fs_err::read(&victim).unwrap();
    let files = root.files();
    let manifest = dataset.manifest(EDGES).unwrap();
    for at in [8, bytes.len() / 2, bytes.len() - 12] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        fs_err::write(&victim, damaged).unwrap();
        let error = dataset.compact(EDGES, CompactOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Read, "{error}");
        let name = victim.rsplit('/').next().unwrap();
        assert!(error.to_string().contains(name) && error.to_string().contains("identity_edges"), "{error}");
        assert_eq!(root.files(), files);
        assert_eq!(dataset.manifest(EDGES).unwrap(), manifest);
    }
    fs_err::remove_file(&victim).unwrap();
    let error = dataset.compact(EDGES, CompactOptions::default()).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
}

fn exchange(tick: i64, field: &str, number: ArrayRef) -> RecordBatch {
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let payload = StructArray::try_from(vec![(field, number)]).unwrap();
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![tick])) as ArrayRef),
        ("venue_id", text("V0")),
        ("token_id", text("T0")),
        ("exchange_event_type", text("trade")),
        ("additional_payload", Arc::new(payload)),
    ])
    .unwrap()
}

/// Payloads whose fields differ, a field that is an int in one and a float in another, and one without any.
#[test]
fn payloads_of_many_kinds_become_one_that_reads_the_same() {
    let root = Root::new();
    let dataset = root.open();
    let ints = Arc::new(Int64Array::from(vec![Some(7)]));
    let floats = Arc::new(Float64Array::from(vec![Some(0.5)]));
    let none = Arc::new(arrow_array::NullArray::new(1));
    let batches = [
        exchange(0, "a", Arc::clone(&ints) as ArrayRef),
        exchange(1, "b", Arc::clone(&floats) as ArrayRef),
        exchange(2, "a", floats),
        exchange(3, "c", none),
        exchange(4, "d", Arc::new(StringArray::from(vec!["x"]))),
    ];
    for batch in batches {
        dataset.append(TableId::EXCHANGE, batch, AppendOptions::default()).unwrap();
    }
    let before = rows(&dataset, TableId::EXCHANGE);
    let report = dataset.compact(TableId::EXCHANGE, CompactOptions::default()).unwrap();
    assert_eq!((report.parts_before, report.parts_after), (5, 1));
    assert_eq!(rows(&dataset, TableId::EXCHANGE), before);
    assert_eq!(rows(&root.open(), TableId::EXCHANGE), before);
    let check = dataset.check(CheckOptions { deep: true }).unwrap();
    assert!(check.ok, "{:?}", check.problems);
}

/// Only the parts tell which of them are live: rows that were merged must not be read twice.
#[test]
fn a_rebuild_from_parts_alone_takes_no_row_twice() {
    let root = Root::new();
    let dataset = root.open();
    history(&dataset);
    compact(&dataset);
    append(&dataset, [4]);
    compact(&dataset);
    append(&dataset, [6]);
    let before = all_ticks(&dataset);
    drop(dataset);
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    let dataset = root.open();
    let report = dataset.rebuild_manifest(EDGES).unwrap();
    assert_eq!(report.left_out.len(), 7 + 2);
    assert_eq!(all_ticks(&dataset), before);
}

#[test]
fn a_merge_survives_a_prune_and_what_comes_after_it() {
    let root = Root::new();
    let dataset = root.open();
    history(&dataset);
    let before = rows(&dataset, EDGES);
    compact(&dataset);
    dataset.prune(Duration::ZERO).unwrap();
    for dataset in [&dataset, &root.open()] {
        assert_eq!(rows(dataset, EDGES), before);
    }
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    root.open().repair().unwrap();
    assert_eq!(rows(&root.open(), EDGES), before);
}

fn with_sealing(root: &Root) -> Dataset {
    Dataset::open(root.settings().with_compact_sealed_buckets(true), crate::support::RUN).unwrap()
}

#[test]
fn sealed_buckets_end_up_as_if_they_had_been_written_at_once() {
    let root = Root::new();
    let dataset = with_sealing(&root);
    for tick in 0..250 {
        append(&dataset, [tick]);
    }
    dataset.close().unwrap();
    assert_eq!(parts(&dataset), [1, 1, 50], "the last one is not sealed yet");
    assert!(all_ticks(&root.open()).into_iter().eq(0..250));
    // Late rows are merged once there are enough of them.
    append(&dataset, [7]);
    dataset.close().unwrap();
    assert_eq!(parts(&dataset), [2, 1, 50]);
    for tick in 8..16 {
        append(&dataset, [tick]);
    }
    append(&dataset, [250]);
    dataset.close().unwrap();
    assert_eq!(parts(&dataset), [1, 1, 51]);
    let late: Vec<i64> = ticks_of(&dataset, EDGES, TickRange::from(0..=99)).unwrap();
    assert!(late.into_iter().eq((0..100).chain(7..16)));
}

#[test]
fn without_the_setting_nothing_is_merged() {
    let root = Root::new();
    let dataset = root.open();
    for tick in 0..150 {
        append(&dataset, [tick]);
    }
    dataset.close().unwrap();
    assert_eq!(parts(&dataset), [100, 50]);
}

/// Merges run in the background: `close` returns their failures.
#[test]
fn a_merge_that_fails_never_fails_an_append() {
    let root = Root::new();
    let dataset = with_sealing(&root);
    append(&dataset, [0]);
    append(&dataset, [1]);
    let victim = dataset.files(EDGES).unwrap().remove(0).path;
    let bytes = fs_err::read(&victim).unwrap();
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    fs_err::write(&victim, damaged).unwrap();
    append(&dataset, [100]);
    let error = dataset.close().unwrap_err();
    assert!(error.to_string().contains(victim.rsplit('/').next().unwrap()), "{error}");
    append(&dataset, [101]);
    dataset.close().unwrap();
    fs_err::write(&victim, bytes).unwrap();
    append(&dataset, [200]);
    dataset.close().unwrap();
    assert_eq!(parts(&dataset), [1, 1, 1], "it is retried with the next bucket");
    assert_eq!(all_ticks(&dataset), [0, 1, 100, 101, 200]);
}

#[test]
fn a_disk_that_is_full_for_a_merge_fails_no_append_and_leaves_nothing() {
    let root = Root::new();
    let settings = root.settings().with_compact_sealed_buckets(true);
    let store = crate::interrupted::full_for_merges(&root);
    let dataset = Dataset::with_store(settings, crate::support::RUN, store).unwrap();
    for tick in 98..103 {
        append(&dataset, [tick]);
    }
    let error = dataset.close().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Write);
    assert!(error.hint().unwrap().contains("make room"), "{error}");
    assert_eq!(parts(&dataset), [2, 3]);
    assert!(all_ticks(&root.open()).into_iter().eq(98..103));
    assert!(dataset.check(CheckOptions { deep: true }).unwrap().problems.is_empty());
    // With room again, the merge is retried with the next bucket.
    let dataset = with_sealing(&root);
    append(&dataset, [200]);
    dataset.close().unwrap();
    assert_eq!(parts(&dataset), [1, 1, 1]);
}

#[test]
fn appends_by_many_beside_a_compaction_lose_nothing() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [0]);
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let root = &root;
            scope.spawn(move || {
                let dataset = with_sealing(root);
                for tick in 0..60 {
                    append(&dataset, [1 + writer + 3 * tick]);
                }
                dataset.close().unwrap();
            });
        }
        scope.spawn(|| {
            for _ in 0..20 {
                compact(&root.open());
            }
        });
    });
    let mut ticks = all_ticks(&root.open());
    ticks.sort_unstable();
    assert!(ticks.into_iter().eq(0..181));
    assert!(dataset.check(CheckOptions { deep: true }).unwrap().ok);
    // Everything is in the log, too.
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    root.open().repair().unwrap();
    assert_eq!(all_ticks(&root.open()).len(), 181);
}

/// A writer published its commit, and before it read it back, another process merged the part and pruned the log. The
/// base names the commit by its id: it took effect, and its rows are not written again.
#[test]
fn a_commit_that_was_merged_and_pruned_at_once_is_not_made_again() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [0]);
    let edges_of = edges([1]);
    let meddler = root.open();
    let store = crate::interrupted::after_publish(&root, move || {
        meddler.compact(EDGES, CompactOptions::default()).unwrap();
        meddler.prune(Duration::ZERO).unwrap();
    });
    let writer = Dataset::with_store(root.settings(), crate::support::RUN, store).unwrap();
    writer.append(EDGES, edges_of, AppendOptions::default()).unwrap();
    assert_eq!(all_ticks(&root.open()), [0, 1]);
    assert_eq!(parts(&root.open()), [1]);
}
