//! The cached state of a handle, and what others changed since it was read.

use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::Field;
use crv_io::{AppendOptions, Dataset, ErrorKind, TableId, TickRange, VacuumOptions};

use crate::hooked::{Hooked, begin_table, unpoisoned};
use crate::support::{EDGES, RUN, Root, all_ticks, append, holdings, ticks_of};
use crate::vacuum::{DAYS, age};

pub(crate) fn exchange(tick: i64, payload: ArrayRef) -> RecordBatch {
    let field = Arc::new(Field::new("x", payload.data_type().clone(), true));
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![tick])) as ArrayRef),
        ("venue_id", Arc::new(StringArray::from(vec!["V"]))),
        ("token_id", Arc::new(StringArray::from(vec!["T"]))),
        ("exchange_event_type", Arc::new(StringArray::from(vec!["trade"]))),
        ("additional_payload", Arc::new(StructArray::from(vec![(field, payload)]))),
    ])
    .unwrap()
}

/// While a commit of a handle is written, synced and published, and while manifests are rewritten after it, other threads
/// of the handle read: each write is held until a read has returned.
#[test]
fn reads_of_a_handle_do_not_wait_for_its_commits() {
    let root = Root::new();
    append(&root.open(), [0]);
    let handle: Arc<OnceLock<Dataset>> = Arc::default();
    let reads = Arc::new(Mutex::new(Vec::new()));
    let (reader, seen) = (Arc::clone(&handle), Arc::clone(&reads));
    let dataset = Hooked::open(&root, root.settings(), move |when, call| {
        if !call.is_write() {
            return;
        }
        let Some(reader) = reader.get().cloned() else { return };
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || sender.send((all_ticks(&reader), reader.tables().unwrap())));
        let (ticks, tables) =
            receiver.recv_timeout(Duration::from_secs(60)).expect("the read waits for the commit");
        assert_eq!(tables, [EDGES]);
        unpoisoned(&seen).push((format!("{when:?} {call:?}"), ticks));
    });
    all_ticks(&dataset);
    handle.set(dataset.clone()).unwrap();
    append(&dataset, [1]);
    let reads = unpoisoned(&reads);
    let seen = |wanted: &[i64]| reads.iter().filter(|(_, ticks)| ticks == wanted).count();
    assert!(seen(&[0]) > 0 && seen(&[0, 1]) > 0 && seen(&[0]) + seen(&[0, 1]) == reads.len(), "{reads:#?}");
}

/// A rebuild of one table must not move the cached head past commits that the handle's other tables have not replayed:
/// their next checkpoint would include commits whose parts it lacks.
#[test]
fn a_rebuild_keeps_the_other_tables_of_the_handle_current() {
    let root = Root::new();
    let settings = root.settings().with_write_manifest_every_n(Some(1000)).unwrap();
    let ours = Dataset::open(settings.clone(), RUN).unwrap();
    let theirs = Dataset::open(settings.clone(), RUN).unwrap();
    ours.append(TableId::HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
    append(&ours, [0]);
    append(&theirs, [1]);
    fs_err::write(root.manifest(TableId::HOLDINGS), "damaged").unwrap();
    ours.rebuild_manifest(TableId::HOLDINGS).unwrap();
    let seen = all_ticks(&ours);
    append(&ours, [2]);
    ours.close().unwrap();
    let fresh = Dataset::open(settings, RUN).unwrap();
    assert_eq!((seen, all_ticks(&fresh)), (vec![0, 1], vec![0, 1, 2]));
}

/// Between a transaction's append and its commit, the load of another table empties the cache. The commit must still
/// be rebased on what others did to the table; else one field gets two types in the log.
#[test]
fn a_commit_is_rebased_also_when_the_view_was_emptied_meanwhile() {
    let root = Root::new();
    let theirs = root.open();
    let ours = root.open();
    theirs.append(TableId::HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
    let mut transaction = ours.transaction();
    transaction
        .append(
            TableId::EXCHANGE,
            exchange(0, Arc::new(StringArray::from(vec!["a"]))),
            AppendOptions::default(),
        )
        .unwrap();
    theirs
        .append(TableId::EXCHANGE, exchange(0, Arc::new(Int64Array::from(vec![1]))), AppendOptions::default())
        .unwrap();
    theirs.append(TableId::HOLDINGS, holdings([1]), AppendOptions::default()).unwrap();
    ours.scan(TableId::HOLDINGS).unwrap();
    let outcome = transaction.commit().map(drop);
    let read = root.open().scan(TableId::EXCHANGE).map(drop);
    assert!(outcome.is_err(), "{outcome:?} {read:?}");
    read.unwrap();
}

/// Integers that no float can hold are recognized also after a rebuild from footers.
#[test]
fn a_rebuild_learns_that_integers_are_wide() {
    let root = Root::new();
    let dataset = root.open();
    let big: ArrayRef = Arc::new(Int64Array::from(vec![(1 << 53) + 1]));
    dataset.append(TableId::EXCHANGE, exchange(0, big), AppendOptions::default()).unwrap();
    drop(dataset);
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    fs_err::remove_file(root.manifest(TableId::EXCHANGE)).unwrap();
    let dataset = root.open();
    dataset.rebuild_manifest(TableId::EXCHANGE).unwrap();
    let refused = dataset
        .append(
            TableId::EXCHANGE,
            exchange(1, Arc::new(Float64Array::from(vec![0.5]))),
            AppendOptions::default(),
        )
        .map(drop);
    let read: Result<Vec<_>, _> = dataset.scan(TableId::EXCHANGE).unwrap().batches().collect();
    assert!(refused.is_err(), "{refused:?}, {:?}", read.map(drop));
}

/// The log was lost: after the rebuild of one table the whole run can be read again.
#[test]
fn a_rebuild_without_a_log_leaves_a_run_that_can_be_read() {
    let root = Root::new();
    let dataset = root.open();
    for tick in 0..40 {
        append(&dataset, [tick]);
        if tick < 3 {
            dataset.append(TableId::HOLDINGS, holdings([tick]), AppendOptions::default()).unwrap();
        }
    }
    drop(dataset);
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    let dataset = root.open();
    assert_eq!(all_ticks(&dataset).len(), 40);
    let first = ticks_of(&dataset, TableId::HOLDINGS, TickRange::ALL);
    dataset.rebuild_manifest(TableId::HOLDINGS).unwrap();
    let fresh = root.open();
    let holdings = ticks_of(&fresh, TableId::HOLDINGS, TickRange::ALL);
    let edges = ticks_of(&fresh, EDGES, TickRange::ALL);
    let again = ticks_of(&fresh, TableId::HOLDINGS, TickRange::ALL);
    assert!(
        holdings.is_ok() && edges.is_ok() && again.is_ok(),
        "before {first:?}\n{holdings:?}\n{edges:?}\n{again:?}"
    );
}

/// Unlogged parts are added to the log before a manifest of ours names them.
#[test]
fn a_manifest_of_ours_never_names_parts_that_the_log_does_not() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [0]);
    // Another implementation appends: a copy of the part under another name, and a manifest without our keys.
    let manifest = dataset.manifest(EDGES).unwrap();
    let mut view = serde_json::to_value(&manifest).unwrap();
    let part = view["partitions"]["000000"]["parts"][0].clone();
    let mut other = part.clone();
    other["path"] = format!("part-{:032x}.parquet", 0xfe).into();
    let dir = root.table_dir(EDGES).join("bucket=000000");
    fs_err::copy(dir.join(part["path"].as_str().unwrap()), dir.join(other["path"].as_str().unwrap()))
        .unwrap();
    let bucket = &mut view["partitions"]["000000"];
    bucket["parts"].as_array_mut().unwrap().push(other);
    bucket["row_count"] = 2.into();
    bucket["byte_size"] = (2 * part["bytes"].as_u64().unwrap()).into();
    fs_err::write(root.manifest(EDGES), serde_json::to_vec(&view).unwrap()).unwrap();
    // Our handle, which has the table in its cache, appends and is closed.
    append(&dataset, [1]);
    drop(dataset);
    let fresh = root.open();
    assert_eq!(all_ticks(&fresh), [0, 0, 1]);
    append(&fresh, [2]);
    drop(fresh);
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    let fresh = root.open();
    let report = fresh.rebuild_manifest(EDGES).unwrap();
    let mut seen = all_ticks(&fresh);
    seen.sort_unstable();
    assert_eq!((seen, report.left_out.len()), (vec![0, 0, 1, 2], 0));
}

/// Closing a handle writes the manifests of what it changed, also when it read in between.
#[test]
fn a_read_does_not_make_a_handle_forget_what_it_changed() {
    let root = Root::new();
    let ours = Dataset::open(root.settings().with_write_manifest_every_n(Some(1000)).unwrap(), RUN).unwrap();
    append(&ours, [0]);
    let theirs =
        Dataset::open(root.settings().with_write_manifest_every_n(Some(1000)).unwrap(), RUN).unwrap();
    append(&theirs, [1]);
    theirs.close().unwrap();
    append(&ours, [2]);
    all_ticks(&ours);
    ours.close().unwrap();
    let text = fs_err::read_to_string(root.manifest(EDGES)).unwrap();
    assert!(text.contains("\"commit\": 3"), "{}", &text[..300]);
}

/// The same beside a repair, which makes a handle load the run again.
#[test]
fn a_repair_does_not_make_a_handle_forget_what_it_changed() {
    let root = Root::new();
    let ours = Dataset::open(root.settings().with_write_manifest_every_n(Some(1000)).unwrap(), RUN).unwrap();
    append(&ours, [0]);
    ours.append(TableId::HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
    fs_err::remove_file(root.manifest(TableId::HOLDINGS)).unwrap();
    assert_eq!(ours.repair().unwrap().actions.len(), 1);
    ours.close().unwrap();
    let text = fs_err::read_to_string(root.manifest(EDGES)).unwrap();
    assert!(text.contains("\"commit\": 2"), "{}", &text[..300]);
}

#[test]
fn a_transaction_that_was_aborted_makes_no_table() {
    let root = Root::new();
    let ds = root.open();
    append(&ds, [0]);
    let mut t = ds.transaction();
    t.append(TableId::HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
    t.abort();
    assert_eq!(ds.tables().unwrap(), [EDGES]);
}

/// Its manifest is long nevertheless after a vacuum of its orphans, because it names them.
#[test]
fn a_table_that_was_never_written_is_none_however_long_its_manifest_is() {
    let root = Root::new();
    let ds = root.open();
    append(&ds, [0]);
    begin_table(&root, TableId::HOLDINGS, holdings([0]));
    let bucket = root.table_dir(TableId::HOLDINGS).join("bucket=000000");
    fs_err::create_dir_all(&bucket).unwrap();
    for orphan in 0..40 {
        let path = bucket.join(format!("part-{orphan:032x}.parquet"));
        fs_err::copy(&ds.files(EDGES).unwrap()[0].path, &path).unwrap();
        age(path.to_str().unwrap(), DAYS);
    }
    let vacuumed = ds.vacuum(VacuumOptions { older_than: Duration::ZERO, dry_run: false }).unwrap();
    assert_eq!(vacuumed.removed.len(), 40);
    ds.close().unwrap();
    drop(ds);
    let length = fs_err::metadata(root.manifest(TableId::HOLDINGS)).unwrap().len();
    assert!(length > 4096, "{length}");
    assert_eq!(root.open().tables().unwrap(), [EDGES]);
    assert_eq!(root.open().scan(TableId::HOLDINGS).unwrap_err().kind(), ErrorKind::NotFound);
    // It becomes one with its first rows.
    let ds = root.open();
    ds.append(TableId::HOLDINGS, holdings([0]), AppendOptions::default()).unwrap();
    assert_eq!(ds.tables().unwrap(), [EDGES, TableId::HOLDINGS]);
    ds.close().unwrap();
    assert_eq!(root.open().tables().unwrap(), [EDGES, TableId::HOLDINGS]);
}

#[test]
fn a_manifest_put_in_place_must_tell_the_truth() {
    let root = Root::new();
    let ds = root.open();
    append(&ds, [0, 50]);
    let manifest = ds.manifest(EDGES).unwrap();
    // A second part, with a wrong entry.
    let mut view = serde_json::to_value(&manifest).unwrap();
    let part = view["partitions"]["000000"]["parts"][0].clone();
    let mut other = part.clone();
    other["path"] = format!("part-{:032x}.parquet", 0xfe).into();
    other["tick_max"] = 0.into();
    let dir = root.table_dir(EDGES).join("bucket=000000");
    fs_err::copy(dir.join(part["path"].as_str().unwrap()), dir.join(other["path"].as_str().unwrap()))
        .unwrap();
    let bucket = &mut view["partitions"]["000000"];
    bucket["parts"].as_array_mut().unwrap().push(other);
    bucket["row_count"] = 4.into();
    bucket["byte_size"] = (2 * part["bytes"].as_u64().unwrap()).into();
    let commits = root.commits();
    let put = |view: &serde_json::Value| ds.replace_manifest(&serde_json::from_value(view.clone()).unwrap());
    let error = put(&view).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Manifest);
    assert!(error.to_string().contains("000000fe.parquet` disagrees with the part"), "{error}");
    assert_eq!((all_ticks(&ds), root.commits()), (vec![0, 50], commits));
    // The same part, with a correct entry.
    view["partitions"]["000000"]["parts"][1]["tick_max"] = 50.into();
    put(&view).unwrap();
    assert_eq!(ticks_of(&ds, EDGES, (50..=50).into()).unwrap(), [50, 50]);
}
