//! Manifests on disk: damage, loss, and those an earlier implementation wrote.

use std::path::Path;
use std::time::Duration;

use crv_io::{
    AppendOptions, CheckOptions, Dataset, ErrorKind, IoSettings, TableId, TableManifest, TickRange,
    VacuumOptions,
};

use crate::support::{EDGES, Root, all_ticks, append, edges, holdings, ticks_of};

const EARLIER: &str = "20250925-000000";

/// A copy of a run that an earlier implementation wrote: manifests with the contract's keys, no log.
fn earlier() -> (Root, Dataset) {
    let root = Root::new();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/earlier-run");
    copy(&fixture, root.path());
    let dataset = Dataset::open(root.settings(), EARLIER).unwrap();
    (root, dataset)
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).unwrap();
        }
    }
}

fn manifest_of(root: &Root) -> std::path::PathBuf {
    root.path().join("runs").join(EARLIER).join("tables/identity_edges/manifest.json")
}

#[test]
fn a_run_of_the_earlier_implementation_reads_whole() {
    let (_root, dataset) = earlier();
    let rows = |table| ticks_of(&dataset, table, TickRange::ALL).unwrap().len();
    assert_eq!(rows(EDGES), 250);
    assert_eq!(rows(TableId::EXCHANGE), 10);
    assert_eq!(rows(TableId::HOLDINGS), 30);
    assert_eq!(all_ticks(&dataset), Vec::from_iter(0..250));
}

#[test]
fn it_can_be_appended_to_and_the_log_takes_its_parts_in() {
    let (root, dataset) = earlier();
    append(&dataset, [250, 5]);
    let mut expected = Vec::from_iter(0..100);
    expected.push(5);
    expected.extend(100..=250);
    assert_eq!(all_ticks(&dataset), expected);
    dataset.close().unwrap();
    // Losing the manifest now loses nothing: the first commit adopted the old parts.
    fs_err::remove_file(manifest_of(&root)).unwrap();
    let again = Dataset::open(root.settings(), EARLIER).unwrap();
    assert_eq!(again.scan(EDGES).unwrap_err().kind(), ErrorKind::Manifest);
    let report = again.rebuild_manifest(EDGES).unwrap();
    assert_eq!((report.rows, report.left_out.len(), report.missing.len()), (252, 0, 0));
    assert_eq!(all_ticks(&again), expected);
}

/// Adds tick 77 in an unlogged part, and a foreign manifest that names it.
fn another_implementation_appends(root: &Root, dataset: &Dataset) {
    let other = Root::new();
    append(&other.open(), [77]);
    let mut theirs = other.open().manifest(EDGES).unwrap();
    let part = theirs.partitions.remove("000000").unwrap().parts.remove(0);
    let bucket = |root: &Root| root.table_dir(EDGES).join("bucket=000000").join(&part.path);
    fs_err::copy(bucket(&other), bucket(root)).unwrap();
    let mut manifest = dataset.manifest(EDGES).unwrap();
    let partition = manifest.partitions.get_mut("000000").unwrap();
    partition.row_count += part.rows;
    partition.byte_size += part.bytes;
    partition.tick_max = 77;
    partition.parts.push(part);
    fs_err::write(root.manifest(EDGES), serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
}

/// The earlier implementation reads our manifest, appends, and writes it back with its own keys alone.
#[test]
fn a_manifest_written_back_without_our_keys_loses_and_doubles_nothing() {
    let root = Root::new();
    let dataset = root.open();
    for tick in 0..30 {
        append(&dataset, [tick]);
    }
    dataset.close().unwrap();
    another_implementation_appends(&root, &dataset);

    let mut expected = Vec::from_iter(0..30);
    expected.push(77);
    assert_eq!(all_ticks(&root.open()), expected);
    assert_eq!(all_ticks(&dataset), expected, "a handle that was open notices");
    append(&dataset, [30]);
    expected.push(30);
    assert_eq!(all_ticks(&root.open()), expected);
    dataset.close().unwrap();
    assert_eq!(all_ticks(&root.open()), expected);
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    assert_eq!(root.open().rebuild_manifest(EDGES).unwrap().rows, 32);
}

/// Their write came between two of ours, and our handle did not read it before its checkpoint.
#[test]
fn a_checkpoint_never_drops_what_another_implementation_put_in() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [0]);
    another_implementation_appends(&root, &dataset);
    append(&dataset, [1]);
    let mut seen = all_ticks(&root.open());
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 77]);
}

#[test]
fn our_manifest_has_the_contracts_keys_and_ours_beside_them() {
    let root = Root::new();
    append(&root.open(), [0, 150]);
    let bytes = fs_err::read(root.manifest(EDGES)).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let keys =
        |value: &serde_json::Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    for key in ["table", "version", "created_at", "updated_at", "partitions"] {
        assert!(keys(&document).contains(&key.to_owned()));
    }
    let partition = &document["partitions"]["000001"];
    for key in ["bucket_id", "state", "tick_min", "tick_max", "row_count", "byte_size", "parts"] {
        assert!(keys(partition).contains(&key.to_owned()));
    }
    let mut part = keys(&partition["parts"][0]);
    part.sort();
    assert_eq!(part, ["bytes", "created_at", "path", "rows", "tick_max", "tick_min"], "exactly six");
    let plain: TableManifest = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(plain, root.open().manifest(EDGES).unwrap());
}

#[test]
fn a_missing_or_damaged_manifest_is_an_error_for_readers_and_writers() {
    let root = Root::new();
    append(&root.open(), [1]);
    let whole = fs_err::read(root.manifest(EDGES)).unwrap();
    let mut flipped = whole.clone();
    flipped[100] ^= 1;
    for bytes in [None, Some(Vec::new()), Some(whole[..whole.len() / 2].to_vec()), Some(flipped)] {
        match bytes {
            Some(bytes) => fs_err::write(root.manifest(EDGES), bytes).unwrap(),
            None => fs_err::remove_file(root.manifest(EDGES)).unwrap(),
        }
        let read = root.open().scan(EDGES).unwrap_err();
        let written = root.open().append(EDGES, edges([2]), AppendOptions::default()).unwrap_err();
        for error in [read, written] {
            assert_eq!(error.kind(), ErrorKind::Manifest, "{error}");
            assert!(error.to_string().contains(root.manifest(EDGES).to_str().unwrap()), "{error}");
            assert!(error.hint().unwrap().contains("rebuild_manifest"), "{error}");
        }
    }
    let report = root.open().rebuild_manifest(EDGES).unwrap();
    assert_eq!(report.rows, 1);
    assert_eq!(all_ticks(&root.open()), [1]);
}

/// The run was written before bases had a head, and before manifests named the parts that a commit removed.
#[test]
fn a_pruned_run_of_an_earlier_version_reads_and_goes_on() {
    let root = Root::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/pruned-run"), root.path());
    let settings = root.settings().with_tick_bucket_size(10).unwrap();
    let open = || Dataset::open(settings.clone(), "pruned").unwrap();
    let ticks = |dataset: &Dataset| ticks_of(dataset, TableId::HOLDINGS, TickRange::ALL).unwrap();
    assert_eq!(ticks(&open()), Vec::from_iter((0..8).chain([10, 11])));
    assert!(open().check(CheckOptions { deep: true }).unwrap().ok);
    let dataset = open();
    dataset.append(TableId::HOLDINGS, holdings([12]), AppendOptions::default()).unwrap();
    dataset.prune(Duration::ZERO).unwrap();
    dataset.close().unwrap();
    let base = fs_err::read_to_string(root.path().join("runs/pruned/_commits/base.json")).unwrap();
    assert!(base.contains("\"head_crc32c\""), "{base}");
    let report = open().vacuum(VacuumOptions { older_than: Duration::ZERO, dry_run: false }).unwrap();
    // Eight merged parts are removed. The one that a commit removed is kept: it has no time of removal, so it may
    // be about to be committed.
    assert_eq!((report.removed.len(), report.kept), (8, 1), "{report:?}");
    assert_eq!(ticks(&open()), Vec::from_iter((0..8).chain([10, 11, 12])));
}

#[test]
fn a_run_that_was_moved_reads_the_same() {
    let root = Root::new();
    append(&root.open(), 0..250);
    let moved = Root::new();
    copy(root.path(), moved.path());
    drop(root);
    assert_eq!(all_ticks(&moved.open()), Vec::from_iter(0..250));
}

#[test]
fn another_bucket_size_is_noticed_in_an_earlier_run_too() {
    let (root, _) = earlier();
    let settings: IoSettings = root.settings().with_tick_bucket_size(10).unwrap();
    let error = Dataset::open(settings, EARLIER).unwrap().scan(EDGES).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
}

#[test]
fn a_manifest_put_in_place_by_hand_becomes_the_state() {
    let root = Root::new();
    let dataset = root.open();
    append(&dataset, [1]);
    let one = dataset.manifest(EDGES).unwrap();
    append(&dataset, [2]);
    let two = dataset.manifest(EDGES).unwrap();
    dataset.replace_manifest(&one).unwrap();
    assert_eq!(all_ticks(&dataset), [1]);
    assert_eq!(all_ticks(&root.open()), [1]);
    dataset.replace_manifest(&two).unwrap();
    assert_eq!(all_ticks(&root.open()), [1, 2]);
    let mut missing = two;
    missing.partitions.get_mut("000000").unwrap().parts[0].path =
        "part-00000000000000000000000000000009.parquet".to_owned();
    assert!(dataset.replace_manifest(&missing).is_err());
    assert_eq!(all_ticks(&root.open()), [1, 2]);
}
