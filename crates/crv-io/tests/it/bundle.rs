//! The run bundle: its contents, that it opens no part, and that it is written whole or not at all.

use std::sync::Arc;

use crv_io::paths::LabDir;
use crv_io::run::bundle::{
    BundleMeta, Versions, bundle_manifest_path, collect_tables_index, write_run_bundle_manifest,
};
use crv_io::store::{LocalStore, MemoryStore, Store};
use crv_io::{AppendOptions, Dataset, ErrorKind, IoSettings, TableId};
use serde_json::{Value, json};

use crate::support::{EDGES, RUN, Root, append, edges, holdings};

fn bundle_of(run: &Dataset) -> Value {
    serde_json::to_value(run.write_bundle(BundleMeta::default(), Versions::default()).unwrap()).unwrap()
}

fn on_disk(root: &Root) -> Value {
    serde_json::from_slice(&fs_err::read(root.run_dir().join("bundle.manifest.json")).unwrap()).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_bundle_says_what_is_in_a_run() {
    let root = Root::new();
    let run = root.open();
    append(&run, [0, 99, 250]);
    run.append(TableId::HOLDINGS, holdings([7]), AppendOptions::default()).unwrap();
    run.write_lab_text(LabDir::Audit, "a.txt", "a").unwrap();
    let meta = BundleMeta::parse(r#"{"seed":7}"#).unwrap();
    let bundle = write_run_bundle_manifest(&root.settings(), RUN, meta).unwrap();
    let bundle = serde_json::to_value(bundle).unwrap();
    assert_eq!(bundle, on_disk(&root));
    assert_eq!(
        keys(&bundle),
        ["artifacts", "env", "facts", "io", "meta", "run", "schema_version", "status", "tables"]
    );
    assert_eq!(bundle["schema_version"], 1);
    assert_eq!(keys(&bundle["run"]), ["core_schema_v", "created_at", "git", "run_id"]);
    assert_eq!(bundle["run"]["run_id"], RUN);
    assert_eq!(bundle["run"]["core_schema_v"], json!({"major": 0, "minor": 1, "date": "2025-09-20"}));
    assert_eq!(keys(&bundle["run"]["git"]), ["dirty", "sha"]);
    assert_eq!(bundle["env"]["python"], Value::Null);
    assert_eq!(bundle["env"]["crv"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        bundle["io"],
        json!({
            "root_dir": root.path(), "partitioning": "tick_buckets", "tick_bucket_size": 100,
            "row_group_size": 131_072, "compression": "zstd",
        })
    );
    let manifest = run.manifest(EDGES).unwrap();
    let bytes: u64 = manifest.partitions.values().map(|partition| partition.byte_size).sum();
    assert_eq!(
        bundle["tables"]["identity_edges"],
        json!({
            "rows": 3, "bytes": bytes, "total_rows": 3, "total_bytes": bytes,
            "tick_min": 0, "tick_max": 250, "buckets": [0, 2],
        })
    );
    assert_eq!(bundle["tables"]["holdings"]["rows"], 1);
    assert_eq!(bundle["artifacts"]["lab"]["audit"][0]["path"], "artifacts/lab/audit/a.txt");
    assert_eq!(bundle["meta"], json!({"seed": 7}));
}

#[test]
fn a_bundle_is_text_for_people_and_begins_with_its_version() {
    let root = Root::new();
    bundle_of(&root.open());
    let text = fs_err::read_to_string(root.run_dir().join("bundle.manifest.json")).unwrap();
    assert!(text.starts_with("{\n  \"schema_version\": 1,\n  \"run\": {\n    \"run_id\": "), "{text}");
    assert!(text.ends_with("}\n"));
}

#[test]
fn a_run_without_tables_has_an_empty_index_in_every_store() {
    let root = Root::new();
    let stores: [Arc<dyn Store>; 2] =
        [Arc::new(MemoryStore::new()), Arc::new(LocalStore::new(root.path().to_str().unwrap()))];
    for store in stores {
        let run = Dataset::with_store(IoSettings::default(), RUN, store).unwrap();
        assert!(!run.exists().unwrap());
        assert!(run.tables_index().unwrap().is_empty());
        assert_eq!(bundle_of(&run)["tables"], json!({}));
        assert!(run.exists().unwrap());
        append(&run, [5]);
        assert_eq!(bundle_of(&run)["tables"]["identity_edges"]["tick_max"], 5);
    }
    assert_eq!(root.files().iter().filter(|file| file.ends_with(".tmp")).count(), 0);
}

#[test]
fn commits_that_no_manifest_has_yet_count() {
    let root = Root::new();
    let settings = root.settings().with_write_manifest_every_n(Some(1000)).unwrap();
    let run = Dataset::open(settings.clone(), RUN).unwrap();
    for tick in 0..5 {
        append(&run, [tick]);
    }
    let index = collect_tables_index(&settings, RUN).unwrap();
    assert_eq!(index[&EDGES].rows, 5);
}

#[test]
fn no_part_is_opened_for_a_bundle() {
    let root = Root::new();
    let run = root.open();
    append(&run, [1, 100]);
    let manifest = run.manifest(EDGES).unwrap();
    run.close().unwrap();
    drop(run);
    let before = collect_tables_index(&root.settings(), RUN).unwrap();
    for file in root.files().iter().filter(|file| file.ends_with(".parquet")) {
        fs_err::write(root.path().join(file), "no Parquet").unwrap();
    }
    assert_eq!(collect_tables_index(&root.settings(), RUN).unwrap(), before);
    // The same with a foreign manifest, which has neither a schema nor a commit.
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    fs_err::write(root.manifest(EDGES), serde_json::to_string(&manifest).unwrap()).unwrap();
    assert_eq!(collect_tables_index(&root.settings(), RUN).unwrap(), before);
}

#[test]
fn a_manifest_written_back_by_another_counts_the_commits_after_it_once() {
    let root = Root::new();
    let run = root.open();
    append(&run, [1]);
    let manifest = run.manifest(EDGES).unwrap();
    append(&run, [2]);
    run.close().unwrap();
    drop(run);
    fs_err::write(root.manifest(EDGES), serde_json::to_string(&manifest).unwrap()).unwrap();
    assert_eq!(collect_tables_index(&root.settings(), RUN).unwrap()[&EDGES].rows, 2);
}

#[test]
fn a_table_whose_manifest_is_lost_or_damaged_is_an_error_and_the_bundle_stays() {
    let root = Root::new();
    let run = root.open();
    append(&run, [1]);
    run.close().unwrap();
    drop(run);
    bundle_of(&root.open());
    let before = on_disk(&root);
    for damage in ["{", ""] {
        fs_err::write(root.manifest(EDGES), damage).unwrap();
        let error = root.open().write_bundle(BundleMeta::default(), Versions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Manifest);
    }
    fs_err::remove_file(root.manifest(EDGES)).unwrap();
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    let error = root.open().tables_index().unwrap_err();
    assert!(error.hint().unwrap().contains("rebuild"), "{error}");
    assert_eq!(on_disk(&root), before);
}

#[test]
fn a_bundle_written_again_keeps_when_the_run_began() {
    let root = Root::new();
    let first = bundle_of(&root.open());
    append(&root.open(), [1]);
    let second = bundle_of(&root.open());
    assert_eq!(first["run"]["created_at"], second["run"]["created_at"]);
    // An invalid bundle is ignored: the tables' own time is used.
    for damage in ["{", "{\"run\":{\"created_at\":\"yesterday\"}}", "[]", "\u{0}"] {
        fs_err::write(root.run_dir().join("bundle.manifest.json"), damage).unwrap();
        let manifest = root.open().manifest(EDGES).unwrap();
        assert_eq!(bundle_of(&root.open())["run"]["created_at"], *manifest.created_at, "{damage}");
    }
}

#[test]
fn a_run_began_with_its_first_table() {
    let root = Root::new();
    let run = root.open();
    run.append(TableId::HOLDINGS, holdings([1]), AppendOptions::default()).unwrap();
    run.append(EDGES, edges([1]), AppendOptions::default()).unwrap();
    let began = run.manifest(TableId::HOLDINGS).unwrap().created_at;
    assert!(began <= run.manifest(EDGES).unwrap().created_at);
    assert_eq!(bundle_of(&run)["run"]["created_at"], *began);
}

#[test]
fn a_bundle_that_cannot_be_written_leaves_nothing() {
    let root = Root::new();
    append(&root.open(), [1]);
    let before = root.files();
    // A directory is in the place of the bundle: the rename fails, after the bytes were written.
    fs_err::create_dir_all(root.run_dir().join("bundle.manifest.json/x")).unwrap();
    let error = root.open().write_bundle(BundleMeta::default(), Versions::default()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Read | ErrorKind::Write), "{error}");
    assert!(error.to_string().contains("bundle.manifest.json"), "{error}");
    assert_eq!(root.files(), before);
}

#[test]
fn a_run_id_that_is_none_is_refused() {
    let root = Root::new();
    for run in ["..", ".", "", "a/b", "/a"] {
        let settings = root.settings();
        let path = bundle_manifest_path(&settings, run).unwrap_err();
        let write = write_run_bundle_manifest(&settings, run, BundleMeta::default()).unwrap_err();
        let index = collect_tables_index(&settings, run).unwrap_err();
        assert_eq!([path, write, index].map(|error| error.kind()), [ErrorKind::Argument; 3], "{run}");
    }
    assert_eq!(root.files(), [""; 0]);
    let path = bundle_manifest_path(&root.settings(), RUN).unwrap();
    assert_eq!(path, root.run_dir().join("bundle.manifest.json").to_str().unwrap());
}

#[test]
fn what_was_said_of_a_run_is_kept_until_something_else_is_said() {
    let root = Root::new();
    let run = root.open();
    let written = |meta: Option<BundleMeta>| {
        let bundle = run.write_bundle(meta, Versions::default()).unwrap();
        assert_eq!(serde_json::to_value(&bundle).unwrap(), on_disk(&root));
        on_disk(&root)["meta"].clone()
    };
    assert_eq!(written(None), json!({}));
    let said = r#"{"seed":7,"big":123456789012345678901234567890,"small":0.1000}"#;
    written(Some(BundleMeta::parse(said).unwrap()));
    let kept = written(None);
    assert_eq!(kept, serde_json::from_str::<Value>(said).unwrap());
    assert_eq!(written(Some(BundleMeta::parse(r#"{"seed":8}"#).unwrap())), json!({"seed": 8}));
    let again = write_run_bundle_manifest(&root.settings(), RUN, None).unwrap();
    assert_eq!(serde_json::to_value(again.meta).unwrap(), json!({"seed": 8}));
    assert_eq!(written(Some(BundleMeta::default())), json!({}));
}

#[test]
fn metadata_that_cannot_be_read_is_not_dropped_silently() {
    let root = Root::new();
    let run = root.open();
    run.write_bundle(None, Versions::default()).unwrap();
    let path = root.run_dir().join("bundle.manifest.json");
    let deep = format!(r#"{{"meta": {{"a": {}1{}}}}}"#, "[".repeat(70), "]".repeat(70));
    for damaged in ["", "{\"meta\": {\"seed\": 7}", "[]", r#"{"meta": 7}"#, &deep] {
        fs_err::write(&path, damaged).unwrap();
        let error = run.write_bundle(None, Versions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Read);
        assert!(error.to_string().contains(path.to_str().unwrap()) && error.hint().is_some(), "{error}");
        assert_eq!(fs_err::read_to_string(&path).unwrap(), damaged);
    }
    run.write_bundle(BundleMeta::default(), Versions::default()).unwrap();
    fs_err::write(&path, r#"{"run": {}}"#).unwrap();
    assert_eq!(run.write_bundle(None, Versions::default()).unwrap().meta, BundleMeta::default());
}
