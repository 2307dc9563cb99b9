//! Mistakes of callers: each is an error with a hint, and none loses rows or creates files.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, NullArray, RecordBatch};
use arrow_schema::Schema;
use crv_io::catalog::list_runs;
use crv_io::config::FsProtocol;
use crv_io::{
    AppendOptions, CompactOptions, Dataset, Error, ErrorKind, Frame, IoSettings, TableId, TickRange,
    WriterOptions,
};

use crate::support::{EDGES, RUN, Root, append, edges, holdings, ticks_of};

fn assert_no_run(error: &Error, root: &Root, run: &str, hint: &str) {
    let expected = format!("there is no run `{run}` under `{}`", root.path().display());
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::NotFound, expected));
    assert!(error.hint().unwrap().contains(hint), "{error:?}");
}

#[test]
fn a_run_that_is_not_there_is_said_to_be_so_and_the_nearest_is_named() {
    let root = Root::new();
    append(&root.open(), [0]);
    let close = "20250101-00000";
    for (run, hint) in
        [(close, "did you mean `20250101-000000`?"), ("sweep", "check the run id and the root")]
    {
        let dataset = Dataset::open(root.settings(), run).unwrap();
        for read in [
            dataset.scan(EDGES).map(drop),
            dataset.manifest(EDGES).map(drop),
            dataset.files(EDGES).map(drop),
            dataset.compact(EDGES, CompactOptions::default()).map(drop),
            dataset.rebuild_manifest(EDGES).map(drop),
            dataset.check_exists(),
        ] {
            assert_no_run(&read.unwrap_err(), &root, run, hint);
        }
        assert!(!dataset.exists().unwrap());
    }
    // The run exists, the table does not.
    let error = root.open().scan(TableId::HOLDINGS).unwrap_err();
    assert!(error.to_string().contains("has no manifest: nothing was written to it"), "{error}");
    assert_eq!(root.files().iter().filter(|file| file.contains("sweep")).count(), 0);
}

#[test]
fn a_root_that_is_not_there_is_no_root_without_runs() {
    let root = Root::new();
    assert!(list_runs(&root.settings()).unwrap().is_empty());
    let absent = root.path().join("absent");
    let settings = IoSettings::default().with_root_dir(absent.to_str().unwrap()).unwrap();
    let error = list_runs(&settings).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(absent.to_str().unwrap()), "{error}");
    assert!(error.hint().unwrap().contains("root_dir"), "{error:?}");
    let file = root.path().join("file");
    fs_err::write(&file, "").unwrap();
    let settings = IoSettings::default().with_root_dir(file.to_str().unwrap()).unwrap();
    assert!(list_runs(&settings).is_err());
    let memory = settings.with_root_dir("slips").unwrap().with_fs_protocol(FsProtocol::Memory);
    assert!(list_runs(&memory).unwrap().is_empty());
}

#[test]
fn a_url_is_no_local_directory() {
    for (url, hint) in [
        ("s3://bucket/runs", "copy the finished run to s3"),
        ("gs://bucket", "copy the finished run to gs"),
        ("file:///tmp/runs", "write the path alone: `/tmp/runs`"),
    ] {
        let error = IoSettings::default().with_root_dir(url).unwrap_err();
        assert_eq!(error.key(), Some("root_dir"));
        let scheme = url.split("//").next().unwrap();
        assert!(
            error.to_string().contains(url) && error.to_string().contains(&format!("`{scheme}//`")),
            "{error}"
        );
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
    }
    // In memory a root is a name, not a path; the same settings on disk are refused before anything is created.
    let memory = IoSettings::default().with_fs_protocol(FsProtocol::Memory).with_root_dir("s3://x").unwrap();
    let disk = memory.clone().with_fs_protocol(FsProtocol::File);
    Dataset::open(memory, RUN).unwrap();
    assert_eq!(Dataset::open(disk.clone(), RUN).unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(list_runs(&disk).unwrap_err().kind(), ErrorKind::Config);
    for path in ["out", "./s3://x", "a:b", "/x/s3://y", "1s3://x"] {
        assert!(IoSettings::default().with_root_dir(path).is_ok(), "{path}");
    }
}

fn without_rows(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap().slice(0, 0)
}

#[test]
fn a_frame_without_rows_is_checked_as_any_other() {
    let root = Root::new();
    let dataset = root.open();
    let numbers = || Arc::new(Float64Array::from(vec![0.5])) as ArrayRef;
    let wrong: Vec<(Frame, &str)> = vec![
        (holdings([0]).slice(0, 0).into(), "observer_agent_id"),
        (without_rows(vec![("tick", numbers()), ("weight", numbers())]).into(), "weight"),
        (edges([0]).slice(0, 0).project(&[1, 2, 3]).unwrap().into(), "tick"),
        // No batch at all, as of a table without rows from another library.
        (Frame::new(holdings([0]).schema(), vec![]).unwrap(), "observer_agent_id"),
    ];
    for (frame, said) in wrong {
        let mut transaction = dataset.transaction();
        let mut writer = dataset.writer(WriterOptions::default());
        for refused in [
            dataset.append(EDGES, frame.clone(), AppendOptions::default()).map(drop),
            transaction.append(EDGES, frame.clone(), AppendOptions::default()),
            writer.append(EDGES, frame.clone(), AppendOptions::default()).map(drop),
        ] {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Schema);
            let text = error.to_string();
            assert!(text.contains(said) && text.contains(RUN) && text.contains("identity_edges"), "{text}");
        }
    }
    assert!(root.files().is_empty(), "{:?}", root.files());
}

#[test]
fn a_frame_without_rows_that_fits_writes_nothing() {
    let root = Root::new();
    let dataset = root.open();
    // Also one without any columns: an empty list of rows has none.
    let nothing: Frame = Frame::new(Arc::new(Schema::empty()), vec![]).unwrap();
    let untyped: ArrayRef = Arc::new(NullArray::new(0));
    let names = ["tick", "observer_agent_id", "edge_kind", "edge_weight"];
    let untyped = RecordBatch::try_from_iter(names.map(|name| (name, Arc::clone(&untyped)))).unwrap();
    for frame in [Frame::from(edges([])), nothing, Frame::from(untyped)] {
        let summary = dataset.append(EDGES, frame.clone(), AppendOptions::default()).unwrap();
        assert_eq!((summary.rows, summary.commit), (0, None));
        let mut writer = dataset.writer(WriterOptions::default());
        assert!(writer.append(EDGES, frame, AppendOptions::default()).unwrap().is_none());
        writer.close().unwrap();
    }
    assert!(root.files().is_empty(), "{:?}", root.files());
    append(&dataset, [3]);
    assert_eq!(ticks_of(&dataset, EDGES, TickRange::ALL).unwrap(), [3]);
}
