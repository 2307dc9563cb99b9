//! Appends to one table: what is written, what is refused, what is left behind.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use crv_io::{AppendOptions, Dataset, ErrorKind, TableId, TickRange};

use crate::support::{EDGES, RUN, Root, all_ticks, append, edges, ticks_of};

#[test]
fn an_append_makes_one_part_per_bucket_and_one_commit() {
    let root = Root::new();
    let dataset = root.open();
    let summary = dataset.append(EDGES, edges([0, 1, 2, 101]), AppendOptions::default()).unwrap();
    assert_eq!((summary.rows, summary.commit), (4, Some(1)));
    assert_eq!(summary.buckets, [0, 1]);
    let spans: Vec<_> = summary.parts.iter().map(|part| (part.rows, part.tick_min, part.tick_max)).collect();
    assert_eq!(spans, [(3, 0, 2), (1, 101, 101)]);
    for part in &summary.parts {
        assert_eq!(fs_err::metadata(&part.path).unwrap().len(), part.bytes);
    }
    let mut expected: Vec<String> = summary
        .parts
        .iter()
        .map(|part| {
            part.path.strip_prefix(&format!("{}/", root.path().to_str().unwrap())).unwrap().to_owned()
        })
        .collect();
    expected.push(format!("runs/{RUN}/_commits/00000000000000000001.json"));
    expected.push(format!("runs/{RUN}/tables/identity_edges/manifest.json"));
    expected.sort();
    assert_eq!(root.files(), expected);
}

#[test]
fn rows_come_in_bucket_order_then_in_the_order_they_were_appended() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [150, 20, 130]);
    append(&dataset, [10, 205, 140]);
    append(&dataset, [199, 100]);
    assert_eq!(all_ticks(&dataset), [20, 10, 150, 130, 140, 199, 100, 205]);
    assert_eq!(all_ticks(&root.open()), all_ticks(&dataset));
}

#[test]
fn no_rows_write_nothing() {
    let root = Root::new();
    let summary = root.open().append(EDGES, edges([]), AppendOptions::default()).unwrap();
    assert_eq!((summary.rows, summary.commit, summary.parts.len()), (0, None, 0));
    assert_eq!(root.files(), [] as [&str; 0]);
}

#[test]
fn rows_that_do_not_fit_are_refused_and_leave_nothing_behind() {
    let root = Root::new();
    let dataset = root.open();
    let only_ticks =
        RecordBatch::try_from_iter([("tick", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    for (frame, said) in [(only_ticks, "edge_weight"), (edges([3, -1]), "-1")] {
        let error = dataset.append(EDGES, frame, AppendOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Schema);
        let text = error.to_string();
        assert!(text.contains(RUN) && text.contains("identity_edges") && text.contains(said), "{text}");
    }
    assert_eq!(root.files(), [] as [&str; 0]);
    append(&dataset, [1]);
    let before = root.files();
    dataset.append(EDGES, edges([3, -1]), AppendOptions::default()).unwrap_err();
    assert_eq!(root.files(), before);
    assert_eq!(all_ticks(&dataset), [1]);
}

#[test]
fn a_table_that_was_never_written_has_no_manifest() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [1]);
    let error = dataset.scan(TableId::HOLDINGS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hint().unwrap().contains("rebuild_manifest"), "{error}");
}

#[test]
fn another_bucket_size_is_refused_and_both_are_named() {
    let root = Root::new();
    append(&root.open(), [1, 150]);
    let other = Dataset::open(root.settings().with_tick_bucket_size(50).unwrap(), RUN).unwrap();
    for error in [
        other.append(EDGES, edges([2]), AppendOptions::default()).unwrap_err(),
        other.scan(EDGES).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("50") && error.to_string().contains("100"), "{error}");
    }
}

#[test]
fn a_file_where_the_root_should_be_is_a_write_error_with_its_path() {
    let root = Root::new();
    let file = root.path().join("file");
    fs_err::write(&file, b"in the way").unwrap();
    let settings = root.settings().with_root_dir(file.to_str().unwrap()).unwrap();
    let dataset = Dataset::open(settings, RUN).unwrap();
    let error = dataset.append(EDGES, edges([1]), AppendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Write, "{error:?}");
    assert!(error.hint().unwrap().contains("root_dir"), "{error:?}");
    let text = error.to_string();
    assert_eq!(text.matches(file.to_str().unwrap()).count(), 1, "the path appears once: {text}");
    assert_eq!(root.files(), ["file"]);
}

#[test]
fn a_large_append_over_many_buckets_is_read_back_whole() {
    let root = Root::new();
    let dataset = root.open();
    // Not sorted: the rows of every bucket are spread over the whole frame.
    let ticks: Vec<i64> = (0..60_000).map(|row| row * 7919 % 6_000).collect();
    let summary = dataset.append(EDGES, edges(ticks.clone()), AppendOptions::default()).unwrap();
    assert_eq!(summary.parts.len(), 60);
    let mut expected = ticks.clone();
    expected.sort_by_key(|tick| tick / 100);
    assert_eq!(all_ticks(&dataset), expected);
    let range = TickRange::from(2_950..=3_049);
    expected.retain(|tick| range.contains(*tick));
    assert_eq!(ticks_of(&dataset, EDGES, range).unwrap(), expected);
}

#[test]
fn every_codec_is_read_back() {
    use crv_io::config::Compression;
    for codec in Compression::ALL {
        let root = Root::new();
        let settings = root.settings().with_compression(*codec).with_row_group_size(3).unwrap();
        let dataset = Dataset::open(settings, RUN).unwrap();
        append(&dataset, 0..10);
        assert_eq!(all_ticks(&dataset), Vec::from_iter(0..10));
    }
}
