//! The commit log: several writers, lost and damaged checkpoints, growing schemas.

use std::sync::Arc;
use std::thread;

use arrow_array::builder::{Float64Builder, StringBuilder, StructBuilder};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field};
use crv_io::store::MemoryStore;
use crv_io::{AppendOptions, Dataset, ErrorKind, TableId, TickRange};

use crate::support::{EDGES, RUN, Root, all_ticks, append, edges, ticks_of};

#[test]
fn commit_numbers_are_dense_and_manifests_lag_at_most_a_sixteenth() {
    let root = Root::new();
    let dataset = root.open();
    for tick in 0..200 {
        append(&dataset, [tick]);
        let manifest: serde_json::Value =
            serde_json::from_slice(&fs_err::read(root.manifest(EDGES)).unwrap()).unwrap();
        let behind = tick as u64 + 1 - manifest["commit"].as_u64().unwrap();
        // The first commit is not followed by a checkpoint.
        let most = if tick == 0 { 1 } else { (tick as u64 + 1) / 16 };
        assert!(behind <= most, "{behind} commits behind at {tick}");
    }
    let expected: Vec<String> = (1..=200).map(|number| format!("{number:020}.json")).collect();
    assert_eq!(root.commits(), expected);
    dataset.close().unwrap();
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs_err::read(root.manifest(EDGES)).unwrap()).unwrap();
    assert_eq!(manifest["commit"], 200);
}

#[test]
fn an_explicit_n_is_taken_at_its_word() {
    let root = Root::new();
    let settings = root.settings().with_write_manifest_every_n(Some(5)).unwrap();
    let dataset = Dataset::open(settings, RUN).unwrap();
    let mut seen = Vec::new();
    for tick in 0..12 {
        append(&dataset, [tick]);
        let manifest: serde_json::Value =
            serde_json::from_slice(&fs_err::read(root.manifest(EDGES)).unwrap()).unwrap();
        seen.push(manifest["commit"].as_u64().unwrap());
    }
    assert_eq!(seen, [0, 0, 0, 0, 5, 5, 5, 5, 5, 10, 10, 10]);
}

/// Invariant 5, both ways: a checkpoint turned back, and one that is ahead of the cached state of a handle.
#[test]
fn a_checkpoint_turned_back_loses_nothing() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [1]);
    dataset.close().unwrap();
    let old = fs_err::read(root.manifest(EDGES)).unwrap();
    for tick in 2..40 {
        append(&dataset, [tick]);
    }
    dataset.close().unwrap();
    fs_err::write(root.manifest(EDGES), old).unwrap();
    assert_eq!(all_ticks(&root.open()), Vec::from_iter(1..40));
    assert_eq!(all_ticks(&dataset), Vec::from_iter(1..40), "an open handle notices as well");
    append(&dataset, [40]);
    assert_eq!(all_ticks(&root.open()), Vec::from_iter(1..=40));
}

#[test]
fn threads_on_one_handle_and_handles_of_one_run_lose_nothing() {
    let root = Root::new();
    let shared = root.open();
    thread::scope(|scope| {
        for writer in 0..8_i64 {
            let own = root.open();
            let dataset = if writer % 2 == 0 { shared.clone() } else { own };
            scope.spawn(move || {
                for step in 0..25 {
                    append(&dataset, [writer * 25 + step]);
                    let seen = all_ticks(&dataset);
                    let mine = seen.iter().filter(|tick| **tick / 25 == writer).count() as i64;
                    assert_eq!(mine, step + 1, "what was acknowledged is seen");
                }
            });
        }
    });
    let mut ticks = all_ticks(&root.open());
    ticks.sort_unstable();
    assert_eq!(ticks, Vec::from_iter(0..200));
    // Appends that wait at the same time are one commit.
    assert!(root.commits().len() <= 200);
    assert!(root.files().iter().all(|file| !file.ends_with(".tmp")));
}

#[test]
fn two_handles_that_make_a_table_at_once_agree() {
    for _ in 0..10 {
        let root = Root::new();
        thread::scope(|scope| {
            for tick in 0..4 {
                let dataset = root.open();
                scope.spawn(move || append(&dataset, [tick]));
            }
        });
        let mut ticks = all_ticks(&root.open());
        ticks.sort_unstable();
        assert_eq!(ticks, [0, 1, 2, 3]);
    }
}

#[test]
fn a_damaged_commit_is_an_error_that_names_the_file() {
    let root = Root::new();
    let dataset =
        Dataset::open(root.settings().with_write_manifest_every_n(Some(100)).unwrap(), RUN).unwrap();
    append(&dataset, [1]);
    append(&dataset, [2]);
    let file = root.run_dir().join("_commits/00000000000000000002.json");
    let whole = fs_err::read(&file).unwrap();
    for bytes in [whole[..10].to_vec(), Vec::new(), [b"x", &whole[1..]].concat()] {
        fs_err::write(&file, bytes).unwrap();
        let error = root.open().scan(EDGES).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Manifest);
        assert!(error.to_string().contains("00000000000000000002.json"), "{error}");
        let error = root.open().append(EDGES, edges([3]), AppendOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Manifest, "no commit follows it");
    }
    fs_err::write(&file, whole).unwrap();
    assert_eq!(all_ticks(&root.open()), [1, 2]);
}

#[test]
fn the_store_in_memory_keeps_a_run_as_the_disk_does() {
    let store = Arc::new(MemoryStore::new());
    let settings = crv_io::IoSettings::default();
    let dataset = Dataset::with_store(settings.clone(), RUN, store.clone()).unwrap();
    for tick in 0..50 {
        append(&dataset, [tick]);
    }
    let other = Dataset::with_store(settings, RUN, store).unwrap();
    assert_eq!(all_ticks(&other), Vec::from_iter(0..50));
}

/// With the protocol `memory`, handles of one root share a run as they share a directory.
#[test]
fn handles_in_memory_share_their_root() {
    use crv_io::config::FsProtocol;
    let open = |root: &str| {
        let settings = crv_io::IoSettings::default().with_root_dir(root).unwrap();
        Dataset::open(settings.with_fs_protocol(FsProtocol::Memory), RUN).unwrap()
    };
    append(&open("one"), [1]);
    append(&open("one"), [2]);
    assert_eq!(all_ticks(&open("one")), [1, 2]);
    assert!(open("another").scan(EDGES).is_err());
}

/// An exchange with one payload field.
fn trade(tick: i64, field: &str, text: Option<&str>) -> RecordBatch {
    let data_type = if text.is_some() { DataType::Utf8 } else { DataType::Float64 };
    let fields = vec![Field::new(field, data_type, true)];
    let builder: Box<dyn arrow_array::builder::ArrayBuilder> =
        if text.is_some() { Box::new(StringBuilder::new()) } else { Box::new(Float64Builder::new()) };
    let mut payload = StructBuilder::new(fields, vec![builder]);
    match text {
        Some(text) => payload.field_builder::<StringBuilder>(0).unwrap().append_value(text),
        None => payload.field_builder::<Float64Builder>(0).unwrap().append_value(tick as f64),
    }
    payload.append(true);
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![tick])) as ArrayRef),
        ("venue_id", Arc::new(StringArray::from(vec!["V"]))),
        ("token_id", Arc::new(StringArray::from(vec!["T"]))),
        ("exchange_event_type", Arc::new(StringArray::from(vec!["trade"]))),
        ("additional_payload", Arc::new(payload.finish())),
    ])
    .unwrap()
}

#[test]
fn a_payloads_schema_is_the_union_of_what_was_written() {
    let root = Root::new();
    let dataset = root.open();
    let table = TableId::EXCHANGE;
    let options = AppendOptions::default();
    dataset.append(table, trade(1, "fee", None), options).unwrap();
    dataset.append(table, trade(2, "note", Some("hi")), options).unwrap();
    let error = dataset.append(table, trade(3, "fee", Some("free")), options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains("additional_payload.fee"), "{error}");
    for dataset in [dataset, root.open()] {
        let schema = dataset.scan(table).unwrap().schema();
        let DataType::Struct(fields) = schema.field_with_name("additional_payload").unwrap().data_type()
        else {
            panic!("not a struct");
        };
        let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["fee", "note"]);
        assert_eq!(ticks_of(&dataset, table, TickRange::ALL).unwrap(), [1, 2]);
    }
}

/// Two writers give a field two types at the same time: one of them is refused, without any effect.
#[test]
fn of_two_types_for_one_field_the_first_to_commit_wins() {
    let root = Root::new();
    let (first, second) = (root.open(), root.open());
    let table = TableId::EXCHANGE;
    let options = AppendOptions::default();
    first.append(table, trade(1, "other", None), options).unwrap();
    let mut late = second.transaction();
    late.append(table, trade(2, "fee", Some("free")), options).unwrap();
    first.append(table, trade(3, "fee", None), options).unwrap();
    let before = root.files();
    let error = late.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains("additional_payload.fee"), "{error}");
    assert_eq!(root.files(), before);
    assert_eq!(ticks_of(&second, table, TickRange::ALL).unwrap(), [1, 3]);
}

/// A commit file was lost, and the manifest was older: readers took the log to end before it, and silently returned
/// only some of the rows; a writer would have used its number again. Found by removing files of runs at random.
#[test]
fn a_commit_lost_before_the_newest_is_noticed_by_readers_and_writers() {
    let root = Root::new();
    let settings = root.settings().with_write_manifest_every_n(Some(100)).unwrap();
    let dataset = Dataset::open(settings, RUN).unwrap();
    for tick in 0..3 {
        append(&dataset, [tick]);
    }
    let copy = Root::new();
    // A copy from before the handle is closed, which would write a manifest that includes every commit.
    for file in root.files() {
        let place = copy.path().join(&file);
        fs_err::create_dir_all(place.parent().unwrap()).unwrap();
        fs_err::copy(root.path().join(&file), place).unwrap();
    }
    fs_err::remove_file(copy.run_dir().join("_commits/00000000000000000002.json")).unwrap();
    let fresh = copy.open();
    for error in [
        fresh.scan(EDGES).map(drop).unwrap_err(),
        fresh.append(EDGES, edges([3]), AppendOptions::default()).map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Manifest);
        assert!(error.to_string().contains("00000000000000000002.json"), "{error}");
        assert!(error.hint().unwrap().contains("crv check"), "{error:?}");
    }
    assert_eq!(copy.commits().len(), 2, "nothing was committed: {:?}", copy.commits());
}
