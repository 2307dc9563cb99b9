//! Artifacts: written whole or not at all, found by their directory, and never outside their run.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use crv_io::paths::LabDir;
use crv_io::run::artifacts::{
    artifacts_root, collect_artifacts_index, file_stat, lab_dir, write_parquet_atomic, write_text_atomic,
};
use crv_io::store::{LocalStore, MemoryStore, Store};
use crv_io::{Dataset, ErrorKind, Frame, IoSettings};

use crate::support::{RUN, Root, edges, names_in};

/// Runs `check` with a run in each kind of store.
fn in_every_store(check: impl Fn(Dataset)) {
    let open = |store: Arc<dyn Store>| Dataset::with_store(IoSettings::default(), RUN, store).unwrap();
    check(open(Arc::new(MemoryStore::new())));
    let root = Root::new();
    check(open(Arc::new(LocalStore::new(root.path().to_str().unwrap()))));
}

fn frame(rows: i64) -> Frame {
    Frame::from(edges(0..rows))
}

#[test]
fn artifacts_are_listed_with_size_and_rows() {
    in_every_store(|run| {
        assert_eq!(run.artifacts_index().unwrap(), crv_io::run::artifacts::ArtifactsIndex::default());
        let rows = run.write_lab_parquet(LabDir::Tidy, "b.parquet", frame(3)).unwrap();
        let text = run.write_lab_text(LabDir::Tidy, "a.csv", "x\n").unwrap();
        run.write_lab_text(LabDir::Audit, "no.parquet", "not Parquet").unwrap();
        assert_eq!((rows.rows, text.bytes, text.wrote_text), (3, 2, true));
        let index = serde_json::to_value(run.artifacts_index().unwrap()).unwrap();
        assert_eq!(
            index,
            serde_json::json!({
                "lab": {
                    "tidy": [
                        {"path": "artifacts/lab/tidy/a.csv", "bytes": 2},
                        {"path": "artifacts/lab/tidy/b.parquet", "bytes": rows.bytes, "rows": 3},
                    ],
                    "probes": [],
                    "policy": [],
                    "audit": [{"path": "artifacts/lab/audit/no.parquet", "bytes": 11}],
                },
                "world": {},
                "mind": {},
            })
        );
    });
}

#[test]
fn an_artifact_written_again_is_the_new_one() {
    in_every_store(|run| {
        run.write_lab_parquet(LabDir::Policy, "p.parquet", frame(5)).unwrap();
        run.write_lab_parquet(LabDir::Policy, "p.parquet", frame(2)).unwrap();
        let index = run.artifacts_index().unwrap();
        assert_eq!(index.lab.get(LabDir::Policy)[0].rows, Some(2));
        assert_eq!(index.lab.policy.len(), 1);
    });
}

#[test]
fn no_name_of_an_artifact_leaves_its_directory() {
    in_every_store(|run| {
        for name in ["../x", "..", "/x", "a/b", "", "x.tmp"] {
            let error = run.write_lab_text(LabDir::Tidy, name, "").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Argument, "{name}");
        }
    });
}

#[test]
fn links_devices_and_unfinished_files_are_no_artifacts() {
    let root = Root::new();
    let dir = lab_dir(&root.settings(), RUN, "probes").unwrap();
    let dir = std::path::Path::new(&dir);
    fs_err::write(root.path().join("outside.csv"), "secret").unwrap();
    symlink(root.path().join("outside.csv"), dir.join("link.csv")).unwrap();
    symlink(root.path(), dir.join("loop")).unwrap();
    fs_err::write(dir.join("half.parquet.0123.tmp"), "half").unwrap();
    fs_err::create_dir_all(dir.join("deep/deeper")).unwrap();
    fs_err::write(dir.join("deep/deeper/a.txt"), "a").unwrap();
    let index = collect_artifacts_index(&root.settings(), RUN).unwrap();
    let paths: Vec<&str> = index.lab.probes.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["artifacts/lab/probes/deep/deeper/a.txt"]);
}

#[test]
fn a_directory_of_the_lab_is_made_and_another_is_refused() {
    let root = Root::new();
    let dir = lab_dir(&root.settings(), RUN, "tidy").unwrap();
    assert_eq!(dir, format!("{}/tidy", artifacts_root(&root.settings(), RUN).unwrap() + "/lab"));
    assert!(std::path::Path::new(&dir).is_dir());
    for subdir in ["", "Tidy", "../tidy", "world", "tidy/"] {
        let error = lab_dir(&root.settings(), RUN, subdir).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{subdir}");
        assert!(error.hint().unwrap().contains("tidy, probes, policy, audit"));
    }
    assert_eq!(lab_dir(&root.settings(), "..", "tidy").unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(artifacts_root(&root.settings(), "a/b").unwrap_err().kind(), ErrorKind::Argument);
}

#[test]
fn a_file_is_written_with_its_directories_and_nothing_else() {
    let root = Root::new();
    let path = root.path().join("new/dirs/a.txt");
    let written = write_text_atomic(&path, "größe").unwrap();
    assert_eq!((written.path.as_str(), written.bytes), (path.to_str().unwrap(), 7));
    assert_eq!(fs_err::read_to_string(&path).unwrap(), "größe");
    let stat = file_stat(&path).unwrap();
    assert_eq!((stat.path.as_str(), stat.bytes), (path.to_str().unwrap(), 7));
    assert!(stat.created_at.ends_with("+00:00"));
    assert_eq!(root.files(), ["new/dirs/a.txt"]);
    let rows = write_parquet_atomic(root.path().join("b.parquet"), &frame(4)).unwrap();
    assert_eq!(rows.rows, 4);
    assert_eq!(rows.bytes, file_stat(root.path().join("b.parquet")).unwrap().bytes);
}

#[test]
fn a_link_stays_a_link() {
    let root = Root::new();
    let (target, link) = (root.path().join("target.txt"), root.path().join("link.txt"));
    fs_err::write(&target, "old").unwrap();
    symlink(&target, &link).unwrap();
    write_text_atomic(&link, "new").unwrap();
    assert_eq!(fs_err::read_to_string(&target).unwrap(), "new");
    assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn what_is_no_file_is_not_replaced_and_nothing_is_left() {
    let root = Root::new();
    let dir = root.path().join("dir");
    fs_err::create_dir(&dir).unwrap();
    assert_eq!(write_text_atomic(&dir, "x").unwrap_err().kind(), ErrorKind::Write);
    assert_eq!(write_parquet_atomic("/dev/null", &frame(1)).unwrap_err().kind(), ErrorKind::Write);
    assert_eq!(write_text_atomic("..", "x").unwrap_err().kind(), ErrorKind::Write);
    assert_eq!(write_text_atomic("", "x").unwrap_err().kind(), ErrorKind::Argument);
    assert_eq!(file_stat(&dir).unwrap_err().kind(), ErrorKind::Read);
    let absent = file_stat(root.path().join("absent")).unwrap_err();
    assert!(absent.to_string().contains("absent"), "{absent}");
    let file = root.path().join("file");
    fs_err::write(&file, "x").unwrap();
    assert_eq!(write_text_atomic(file.join("below"), "x").unwrap_err().kind(), ErrorKind::Write);
    assert_eq!(root.files(), ["file"]);
}

#[test]
fn a_rename_that_fails_leaves_no_temporary_file() {
    let root = Root::new();
    let run = root.open();
    let dir = root.run_dir().join("artifacts/lab/tidy");
    fs_err::create_dir_all(dir.join("x")).unwrap();
    assert_eq!(run.write_lab_text(LabDir::Tidy, "x", "text").unwrap_err().kind(), ErrorKind::Write);
    assert_eq!(names_in(&dir), ["x"]);
}

#[test]
fn rows_that_parquet_cannot_hold_leave_the_file_as_it_was() {
    use arrow_array::{ArrayRef, RecordBatch, StructArray};
    let root = Root::new();
    let path = root.path().join("a.parquet");
    write_parquet_atomic(&path, &frame(1)).unwrap();
    let before = fs_err::read(&path).unwrap();
    let empty = Arc::new(StructArray::new_empty_fields(2, None)) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("nothing", empty)]).unwrap();
    let error = write_parquet_atomic(&path, &Frame::from(batch)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains("a.parquet"), "{error}");
    assert_eq!(fs_err::read(&path).unwrap(), before);
    assert_eq!(root.files(), ["a.parquet"]);
}

#[test]
fn a_directory_that_refuses_keeps_what_was_there() {
    let root = Root::new();
    let dir = root.path().join("locked");
    fs_err::create_dir(&dir).unwrap();
    let path = dir.join("a.txt");
    write_text_atomic(&path, "old").unwrap();
    fs_err::set_permissions(&dir, PermissionsExt::from_mode(0o555)).unwrap();
    let written = write_text_atomic(&path, "new");
    fs_err::set_permissions(&dir, PermissionsExt::from_mode(0o755)).unwrap();
    // The user root may write anyway. In any case no other file is left.
    let expected = if written.is_ok() { "new" } else { "old" };
    assert_eq!(fs_err::read_to_string(&path).unwrap(), expected);
    assert_eq!(names_in(&dir), ["a.txt"]);
}
