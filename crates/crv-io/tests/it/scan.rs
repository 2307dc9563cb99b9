//! Scans: pruning, projection, limits, and damaged parts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use crv_io::store::{LocalStore, Store};
use crv_io::{Dataset, ErrorKind, TickRange};

use crate::calls::Counting;
use crate::support::{EDGES, RUN, Root, all_ticks, append, ticks_of};

fn three_buckets(root: &Root) -> Dataset {
    let dataset = root.open();
    append(&dataset, 0..50);
    append(&dataset, 50..150);
    append(&dataset, 150..300);
    dataset
}

#[test]
fn a_range_gives_just_its_rows_whatever_the_parts() {
    let root = Root::new();
    let dataset = three_buckets(&root);
    for (min, max) in [(0, 299), (49, 50), (99, 100), (120, 120), (149, 151), (250, 9_999)] {
        let expected: Vec<i64> = (min..=max.min(299)).collect();
        assert_eq!(ticks_of(&dataset, EDGES, TickRange::from(min..=max)).unwrap(), expected);
    }
    let open = TickRange::new(Some(290), None).unwrap();
    assert_eq!(ticks_of(&dataset, EDGES, open).unwrap(), Vec::from_iter(290..300));
    let open = TickRange::new(None, Some(3)).unwrap();
    assert_eq!(ticks_of(&dataset, EDGES, open).unwrap(), Vec::from_iter(0..=3));
}

#[test]
fn parts_outside_the_range_are_never_opened() {
    let root = Root::new();
    let dataset = three_buckets(&root);
    let all = dataset.scan(EDGES).unwrap().parts();
    assert_eq!(all.len(), 5);
    for part in all.iter().filter(|part| part.tick_max < 150) {
        fs_err::remove_file(&part.path).unwrap();
    }
    assert_eq!(dataset.scan(EDGES).unwrap().ticks(150..=299).parts().len(), 2);
    assert_eq!(ticks_of(&dataset, EDGES, (150..=299).into()).unwrap(), Vec::from_iter(150..300));
}

#[test]
fn the_schema_is_the_tables_also_when_nothing_matches() {
    let root = Root::new();
    let dataset = three_buckets(&root);
    let scan = dataset.scan(EDGES).unwrap().ticks(5_000..=6_000);
    let schema = scan.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let descriptor = dataset.descriptor(EDGES).unwrap();
    let descriptor: Vec<&str> = descriptor.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, descriptor);
    assert_eq!(scan.batches().count(), 0);
    for batch in dataset.scan(EDGES).unwrap().batches() {
        let batch = batch.unwrap();
        assert_eq!(batch.schema(), schema);
        assert_eq!(batch.column_by_name("token_id").unwrap().null_count(), batch.num_rows());
        let buckets = batch.column_by_name("bucket").unwrap().as_primitive::<Int64Type>();
        let ticks = batch.column_by_name("tick").unwrap().as_primitive::<Int64Type>();
        assert!(buckets.values().iter().zip(ticks.values()).all(|(bucket, tick)| *bucket == tick / 100));
    }
}

#[test]
fn columns_come_in_the_order_asked_for() {
    let root = Root::new();
    let dataset = three_buckets(&root);
    // `tick` is needed for the filter, and not selected.
    let scan = dataset.scan(EDGES).unwrap().ticks(10..=12).columns(&["edge_weight", "edge_kind"]).unwrap();
    let batches: Vec<_> = scan.batches().map(Result::unwrap).collect();
    let names: Vec<String> = batches[0].schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["edge_weight", "edge_kind"]);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
    let error = dataset.scan(EDGES).unwrap().columns(&["weight"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.to_string().contains("`weight`") && error.hint().unwrap().contains("edge_weight"));
    assert!(dataset.scan(EDGES).unwrap().columns(&["tick", "tick"]).is_err());
}

#[test]
fn a_limit_ends_the_scan() {
    let root = Root::new();
    let dataset = three_buckets(&root);
    for limit in [0, 1, 50, 51, 299, 300, 1_000] {
        let batches = dataset.scan(EDGES).unwrap().limit(limit).batches();
        let rows: usize = batches.map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(rows as u64, limit.min(300));
    }
}

#[test]
fn a_scan_reads_as_of_when_it_was_made() {
    let root = Root::new();
    let dataset = three_buckets(&root);
    let scan = dataset.scan(EDGES).unwrap();
    append(&dataset, [7]);
    assert_eq!(scan.batches().map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 300);
    assert_eq!(all_ticks(&dataset).len(), 301);
}

#[test]
fn a_missing_or_damaged_part_is_a_read_error_that_names_it() {
    let root = Root::new();
    let dataset = three_buckets(&root);
    let part = dataset.scan(EDGES).unwrap().parts().remove(2).path;
    let whole = fs_err::read(&part).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() - 20;
    damaged[middle] ^= 0xff;
    let cases: [(&str, Option<Vec<u8>>); 4] = [
        ("missing", None),
        ("bytes where its entry says", Some(whole[..whole.len() / 2].to_vec())),
        ("bytes where its entry says", Some(Vec::new())),
        ("could not read part", Some(damaged)),
    ];
    for (said, bytes) in cases {
        match bytes {
            Some(bytes) => fs_err::write(&part, bytes).unwrap(),
            None => fs_err::remove_file(&part).unwrap(),
        }
        let error = ticks_of(&dataset, EDGES, TickRange::ALL).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Read, "{error}");
        assert!(error.to_string().contains(&part) && error.to_string().contains(said), "{error}");
    }
    fs_err::write(&part, whole).unwrap();
    assert_eq!(all_ticks(&dataset).len(), 300);
}

#[test]
fn dropping_a_scan_in_the_middle_stops_it() {
    let root = Root::new();
    let calls = Counting::default();
    let files = LocalStore::on(root.path().to_str().unwrap(), Arc::new(calls.clone()));
    let store: Arc<dyn Store> = Arc::new(files);
    let dataset = Dataset::with_store(root.settings(), RUN, Arc::clone(&store)).unwrap();
    // The number of threads that read ahead, each of a run of 16 parts.
    let threads = std::thread::available_parallelism().unwrap().get() + 1;
    append(&dataset, (0..64 * threads as i64).map(|bucket| bucket * 100));
    let readers = Arc::strong_count(&store);
    let mut batches = dataset.scan(EDGES).unwrap().batches();
    assert!(batches.next().unwrap().is_ok());
    calls.take();
    drop(batches);
    let deadline = Instant::now() + Duration::from_secs(60);
    while Arc::strong_count(&store) > readers {
        assert!(Instant::now() < deadline, "the threads of the scan are still running");
        std::thread::sleep(Duration::from_millis(1));
    }
    // For each thread two batches wait and one is being read; with the next it notices that the receiver was dropped.
    let opened = calls.take().get("open").copied().unwrap_or_default();
    assert!(opened <= 5 * threads as u64, "{opened} parts were opened by {threads} threads");
}

#[test]
fn a_scan_reads_no_more_than_a_few_tasks_ahead_of_its_consumer() {
    let root = Root::new();
    let calls = Counting::default();
    let files = LocalStore::on(root.path().to_str().unwrap(), Arc::new(calls.clone()));
    let dataset = Dataset::with_store(root.settings(), RUN, Arc::new(files)).unwrap();
    append(&dataset, (0..2_000).map(|bucket| bucket * 100));
    calls.take();
    let mut batches = dataset.scan(EDGES).unwrap().batches();
    assert!(batches.next().unwrap().is_ok());
    // Long enough to read everything, if nothing held the threads back.
    std::thread::sleep(Duration::from_millis(500));
    let opened = calls.take().get("open").copied().unwrap_or_default();
    let threads = std::thread::available_parallelism().unwrap().get();
    let task = (2_000 / (2 * threads)).clamp(1, 128);
    assert!(opened as usize <= (threads + 2) * task + 10, "{opened} parts were opened");
    assert_eq!(batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>() + task, 2_000);
}
