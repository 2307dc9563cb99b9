//! Truncation, checkpoints of a simulation's state, and runs that are continued from one.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use crv_io::store::StoreError;
use crv_io::{
    AppendOptions, CheckOptions, CheckpointOptions, CompactOptions, Dataset, Descriptor, ErrorKind,
    ModelState, TableId, TickRange, VacuumOptions,
};

use crate::hooked::{Call, Hooked, Once, When};
use crate::support::{EDGES, RUN, Root, all_ticks, append, edges, holdings, ticks_of};

const AT_ONCE: VacuumOptions = VacuumOptions { older_than: Duration::ZERO, dry_run: false };

/// Parts whose ticks overlap, in two buckets: some before, some after, and some on both sides of tick 5.
const PARTS: [&[i64]; 7] = [&[0, 1], &[4, 7, 5, 6], &[2], &[8, 9], &[3, 9, 5], &[6], &[100, 101]];
const KEPT: [i64; 7] = [0, 1, 4, 5, 2, 3, 5];

fn overlapping(root: &Root) -> Dataset {
    let dataset = root.open();
    for ticks in PARTS {
        append(&dataset, ticks.iter().copied());
    }
    dataset
}

fn is_whole(root: &Root) {
    let report = root.open().check(CheckOptions { deep: true }).unwrap();
    assert!(report.ok, "{:?}", report.problems);
}

#[test]
fn rows_beyond_the_tick_go_and_the_others_keep_their_order() {
    let root = Root::new();
    let dataset = overlapping(&root);
    dataset.append(TableId::HOLDINGS, holdings([3, 6, 101]), AppendOptions::default()).unwrap();
    let before = root.commits().len();
    let earlier = dataset.scan(EDGES).unwrap();
    let report = dataset.truncate(5).unwrap();
    assert_eq!(root.commits().len(), before + 1);
    assert_eq!(report.commit, Some(before as u64 + 1));
    assert_eq!((report.rows, report.parts_removed, report.parts_cut), (10, 4, 3));
    assert_eq!(report.tables, [EDGES, TableId::HOLDINGS]);
    let same = |dataset: &Dataset| {
        assert_eq!(all_ticks(dataset), KEPT);
        assert_eq!(ticks_of(dataset, TableId::HOLDINGS, TickRange::ALL).unwrap(), [3]);
        assert_eq!(dataset.last_tick().unwrap(), Some(5));
    };
    same(&dataset);
    same(&root.open());
    is_whole(&root);
    // A reader that began before is served to the end.
    let rows: usize = earlier.batches().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, PARTS.concat().len());
    dataset.close().unwrap();
    same(&root.open());
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    root.open().repair().unwrap();
    same(&root.open());
    dataset.prune(Duration::ZERO).unwrap();
    same(&root.open());
    let removed = dataset.vacuum(AT_ONCE).unwrap().removed;
    assert_eq!(removed.len(), 7, "{removed:?}");
    same(&root.open());
    is_whole(&root);
    // The simulation goes on.
    append(&dataset, [6, 7]);
    assert_eq!(all_ticks(&root.open())[7..], [6, 7]);
}

#[test]
fn a_truncation_of_nothing_is_no_commit_and_of_everything_leaves_empty_tables() {
    let root = Root::new();
    let dataset = root.open();
    assert_eq!(dataset.truncate(5).unwrap().commit, None);
    assert!(root.files().is_empty());
    assert_eq!(dataset.last_tick().unwrap(), None);
    append(&dataset, [0, 5]);
    let report = dataset.truncate(5).unwrap();
    assert_eq!((report.commit, report.rows), (None, 0));
    assert_eq!(root.commits().len(), 1);
    assert_eq!(dataset.truncate(-1).unwrap().rows, 2);
    assert_eq!(all_ticks(&root.open()), [0_i64; 0]);
    assert_eq!(root.open().tables().unwrap(), [EDGES]);
    assert_eq!(dataset.last_tick().unwrap(), None);
    assert_eq!(dataset.truncate(-2).unwrap_err().kind(), ErrorKind::Argument);
    is_whole(&root);
    append(&dataset, [0]);
    assert_eq!(all_ticks(&root.open()), [0]);
}

#[test]
fn an_append_meanwhile_is_a_conflict_that_removes_nothing() {
    let root = Root::new();
    drop(overlapping(&root));
    let other = root.open();
    let once = Once::new(move || append(&other, [7]));
    let dataset = Hooked::open(&root, root.settings(), move |when, call| {
        if when == When::Before && call.is_commit() {
            once.act();
        }
    });
    let error = dataset.truncate(5).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let told = format!("run `{RUN}`: commit 8 was published while the run was being truncated");
    assert_eq!(error.to_string(), told);
    let mut expected: Vec<i64> = PARTS[..6].concat();
    expected.extend([7, 100, 101]);
    assert_eq!(all_ticks(&root.open()), expected);
    let left = root.open().vacuum(VacuumOptions { dry_run: true, ..AT_ONCE }).unwrap().removed;
    assert!(left.is_empty(), "staged parts are left: {left:?}");
    // The caller may try again: then the other's rows are among those that go.
    assert_eq!(dataset.truncate(5).unwrap().rows, 9);
    assert_eq!(all_ticks(&root.open()), KEPT);
}

#[test]
fn maintenance_meanwhile_is_planned_around() {
    let root = Root::new();
    drop(overlapping(&root));
    let other = root.open();
    let once = Once::new(move || drop(other.compact(EDGES, CompactOptions::default()).unwrap()));
    let dataset = Hooked::open(&root, root.settings(), move |when, call| {
        if when == When::Before && call.is_commit() {
            once.act();
        }
    });
    assert_eq!(dataset.truncate(5).unwrap().rows, 8);
    assert_eq!(all_ticks(&root.open()), KEPT);
    is_whole(&root);
    let removed = dataset.vacuum(AT_ONCE).unwrap().removed;
    assert_eq!(root.open().files(EDGES).unwrap().len(), 1);
    assert!(removed.len() >= 8, "{removed:?}");
    assert_eq!(all_ticks(&root.open()), KEPT);
}

/// A table that another process first writes while the tables are listed has rows that go, too.
#[test]
fn a_table_that_is_first_written_meanwhile_is_truncated_or_a_conflict() {
    for before_commit in [false, true] {
        let root = Root::new();
        drop(overlapping(&root));
        let other = root.open();
        let once =
            Once::new(move || drop(other.append(TableId::HOLDINGS, holdings([9]), AppendOptions::default())));
        let dataset = Hooked::open(&root, root.settings(), move |when, call| {
            let is_it = match call {
                // The manifest of the only table is about to be loaded: the tables were listed.
                Call::Read(path) | Call::Open(path) if !before_commit => {
                    path.as_str().ends_with("/identity_edges/manifest.json")
                }
                call => before_commit && call.is_commit(),
            };
            if when == When::After && is_it && !before_commit || when == When::Before && is_it {
                once.act();
            }
        });
        match dataset.truncate(5) {
            Ok(report) => assert!(report.tables.contains(&TableId::HOLDINGS), "{report:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                dataset.truncate(5).unwrap();
            }
        }
        assert_eq!(root.open().last_tick().unwrap(), Some(5));
        is_whole(&root);
    }
}

#[test]
fn a_lost_manifest_is_named_and_nothing_is_removed() {
    let root = Root::new();
    let dataset = overlapping(&root);
    dataset.append(TableId::HOLDINGS, holdings([3, 6]), AppendOptions::default()).unwrap();
    dataset.close().unwrap();
    fs_err::remove_file(root.manifest(TableId::HOLDINGS)).unwrap();
    let before = root.commits().len();
    let error = root.open().truncate(5).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Manifest, "{error}");
    assert!(error.to_string().contains("table `holdings`"), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("crv repair")), "{error:?}");
    assert_eq!(root.commits().len(), before);
    root.open().repair().unwrap();
    root.open().truncate(5).unwrap();
    assert_eq!(ticks_of(&root.open(), TableId::HOLDINGS, TickRange::ALL).unwrap(), [3]);
}

/// After a prune only the base says that the parts were taken out; their files are still there.
#[test]
fn a_rebuild_after_a_prune_brings_nothing_back() {
    for after_tick in [5, -1] {
        let root = Root::new();
        let dataset = overlapping(&root);
        dataset.truncate(after_tick).unwrap();
        let expected = all_ticks(&dataset);
        dataset.prune(Duration::ZERO).unwrap();
        dataset.close().unwrap();
        fs_err::remove_file(root.manifest(EDGES)).unwrap();
        root.open().rebuild_manifest(EDGES).unwrap();
        assert_eq!(all_ticks(&root.open()), expected);
        is_whole(&root);
    }
}

#[test]
fn a_damaged_part_on_both_sides_is_named_and_nothing_is_removed() {
    let root = Root::new();
    let dataset = overlapping(&root);
    let part = dataset.files(EDGES).unwrap()[1].path.clone();
    let mut bytes = fs_err::read(&part).unwrap();
    bytes[40] ^= 1;
    fs_err::write(&part, bytes).unwrap();
    let files = root.files();
    let error = root.open().truncate(5).unwrap_err();
    assert!(error.to_string().contains(&part), "{error}");
    assert_eq!(root.files(), files);
    // Parts that are taken out whole need not be readable.
    assert_eq!(root.open().truncate(7).unwrap().parts_removed, 2);
}

/// A failed write leaves the rows, and no staged part.
#[test]
fn a_commit_that_storage_refuses_removes_nothing() {
    let root = Root::new();
    drop(overlapping(&root));
    let files = root.files();
    let store = Hooked::store(&root, |when, call| match call {
        Call::Put(path) if when == When::Before && call.is_commit() => {
            Err(StoreError::new("put", path.as_str(), std::io::Error::other("full")))
        }
        _ => Ok(()),
    });
    let dataset = Dataset::with_store(root.settings(), RUN, store).unwrap();
    assert_eq!(dataset.truncate(5).unwrap_err().kind(), ErrorKind::Write);
    drop(dataset);
    assert_eq!(root.files(), files);
    assert_eq!(all_ticks(&root.open()).len(), PARTS.concat().len());
}

#[test]
fn a_truncation_is_published_after_its_parts_are_durable() {
    let root = Root::new();
    drop(overlapping(&root));
    let (dataset, events) = Hooked::recording(&root, root.settings());
    dataset.truncate(5).unwrap();
    let events = events.lock().unwrap().clone();
    let published = events.iter().position(|event| event.starts_with("put ") && event.contains("_commits/"));
    let before = &events[..published.unwrap()];
    let named = |what: &str| -> Vec<&str> {
        let parts = before.iter().filter_map(|event| event.strip_prefix(what));
        let mut parts: Vec<&str> = parts.filter(|path| path.ends_with(".parquet")).collect();
        parts.sort_unstable();
        parts
    };
    assert_eq!(named("stage ").len(), 2, "{events:?}");
    assert_eq!(named("sync "), named("stage "), "{events:?}");
}

#[test]
fn a_manifest_put_back_and_a_rebuild_double_nothing() {
    let root = Root::new();
    let dataset = overlapping(&root);
    let manifest = dataset.manifest(EDGES).unwrap();
    dataset.truncate(5).unwrap();
    fs_err::write(root.manifest(EDGES), serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
    assert_eq!(all_ticks(&root.open()), KEPT);
    append(&root.open(), [5]);
    assert_eq!(all_ticks(&root.open())[7..], [5]);
    is_whole(&root);
    root.open().rebuild_manifest(EDGES).unwrap();
    assert_eq!(all_ticks(&root.open())[7..], [5]);
    // From the parts alone: a part on both sides counts once, as it was cut.
    root.open().vacuum(AT_ONCE).unwrap();
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    root.open().rebuild_manifest(EDGES).unwrap();
    let mut ticks = all_ticks(&root.open());
    ticks.sort_unstable();
    assert_eq!(ticks, [0, 1, 2, 3, 4, 5, 5, 5]);
}

/// One tick of a simulation: rows, and its state.
fn step(dataset: &Dataset, tick: i64, keep: Option<u64>) {
    let mut transaction = dataset.transaction();
    transaction.append(EDGES, edges([tick]), AppendOptions::default()).unwrap();
    let options = CheckpointOptions { keep: keep.and_then(NonZeroU64::new), ..CheckpointOptions::default() };
    transaction.checkpoint(format!("state of {tick}").as_bytes(), options).unwrap();
    transaction.commit().unwrap();
}

fn state(tick: i64) -> ModelState {
    ModelState { tick, state: format!("state of {tick}").into_bytes() }
}

#[test]
fn a_checkpoint_comes_with_the_rows_of_its_tick() {
    let root = Root::new();
    let dataset = root.open();
    assert_eq!(dataset.latest_checkpoint().unwrap(), None);
    step(&dataset, 0, None);
    assert_eq!(root.commits().len(), 2, "the declaration, and one commit");
    assert_eq!(root.open().latest_checkpoint().unwrap(), Some(state(0)));
    step(&dataset, 101, None);
    append(&dataset, [102]);
    assert_eq!(root.open().latest_checkpoint().unwrap(), Some(state(101)));
    let mut aborted = dataset.transaction();
    aborted.append(EDGES, edges([103]), AppendOptions::default()).unwrap();
    aborted.checkpoint(b"never", CheckpointOptions::default()).unwrap();
    let twice = aborted.checkpoint(b"twice", CheckpointOptions::default()).unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::Argument);
    aborted.abort();
    let mut lonely = dataset.transaction();
    let error = lonely.checkpoint(b"x", CheckpointOptions::default()).unwrap_err();
    assert!(error.to_string().contains("belongs to no tick"), "{error}");
    lonely.checkpoint(b"given", CheckpointOptions { tick: Some(102), keep: None }).unwrap();
    lonely.commit().unwrap();
    let given = ModelState { tick: 102, state: b"given".to_vec() };
    assert_eq!(root.open().latest_checkpoint().unwrap(), Some(given));
    is_whole(&root);
}

#[test]
fn the_last_checkpoints_are_kept_and_a_vacuum_removes_the_others() {
    let root = Root::new();
    let dataset = root.open();
    for tick in 0..10 {
        step(&dataset, tick, Some(3));
    }
    assert_eq!(root.commits().len(), 11, "no commit is made to take the older ones out");
    let kept = || ticks_of(&root.open(), TableId::MODEL_STATE, TickRange::ALL).unwrap();
    assert_eq!(kept(), [7, 8, 9]);
    assert_eq!(dataset.vacuum(AT_ONCE).unwrap().removed.len(), 7);
    assert_eq!(root.open().latest_checkpoint().unwrap(), Some(state(9)));
    // Merged checkpoints stay until all of them are older.
    dataset.compact(TableId::MODEL_STATE, CompactOptions::default()).unwrap();
    step(&dataset, 10, Some(3));
    assert_eq!(kept(), [7, 8, 9, 10]);
    step(&dataset, 11, Some(2));
    assert_eq!(kept(), [10, 11]);
    is_whole(&root);
}

#[test]
fn a_run_is_continued_from_its_newest_checkpoint() {
    let root = Root::new();
    let dataset = root.open();
    step(&dataset, 0, Some(2));
    step(&dataset, 1, Some(2));
    append(&dataset, [2, 3]);
    assert_eq!(root.open().resume().unwrap(), Some(state(1)));
    assert_eq!(all_ticks(&root.open()), [0, 1]);
    assert_eq!(root.open().resume().unwrap(), Some(state(1)), "again, nothing is to be removed");
    step(&dataset, 2, Some(2));
    assert_eq!(root.open().latest_checkpoint().unwrap(), Some(state(2)));
    root.open().truncate(0).unwrap();
    assert_eq!(root.open().latest_checkpoint().unwrap(), None, "kept were those of ticks 1 and 2");
    // Without a checkpoint the simulation begins again.
    assert_eq!(root.open().resume().unwrap(), None);
    assert_eq!(all_ticks(&root.open()), [0_i64; 0]);
    is_whole(&root);
}

#[test]
fn a_table_of_the_same_name_with_other_columns_is_an_error() {
    let root = Root::new();
    let dataset = root.open();
    let schema = RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![0])) as ArrayRef),
        ("x", Arc::new(Float64Array::from(vec![0.0]))),
    ]);
    let other = Descriptor::from_arrow::<&str>(TableId::MODEL_STATE, &schema.unwrap().schema(), &[]).unwrap();
    dataset.declare(&other).unwrap();
    let mut transaction = dataset.transaction();
    transaction.append(EDGES, edges([0]), AppendOptions::default()).unwrap();
    let error = transaction.checkpoint(b"x", CheckpointOptions::default()).unwrap_err();
    assert!(error.to_string().contains("table `model_state`: the declaration lacks column `x`"), "{error}");
}
