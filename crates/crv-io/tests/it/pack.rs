//! Packs: many runs in few files, which read as the runs did.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StructArray};
use arrow_select::concat::concat_batches;
use crv_io::catalog::{Catalog, Selection};
use crv_io::config::{Compression, VerifyReads};
use crv_io::digest::diff;
use crv_io::pack::{PackOptions, PackSummary};
use crv_io::run::{Outcome, RunError, RunOptions, start_run};
use crv_io::{
    AppendOptions, CheckOptions, CompactOptions, Dataset, ErrorKind, IoSettings, Result, TableId, TickRange,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::digest::{joined, trades};
use crate::support::{EDGES, Root, all_ticks, append, edges, names_in};

const TRADES: TableId = TableId::EXCHANGE;

fn own(name: &str) -> TableId {
    name.parse().unwrap()
}

fn options(id: &str, params: &Value) -> RunOptions {
    RunOptions {
        run_id: Some(id.to_owned()),
        params: params.as_object().unwrap().clone(),
        sweep: Some("s1".to_owned()),
        ..RunOptions::default()
    }
}

/// Adds rows to a table that is declared by its first frame.
fn add(dataset: &Dataset, table: &str, columns: Vec<(&str, ArrayRef)>) {
    let frame = RecordBatch::try_from_iter(columns).unwrap();
    dataset.declare_missing(own(table), &frame.schema()).unwrap();
    dataset.append(own(table), frame, AppendOptions::default()).unwrap();
}

fn integers(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Int64Array>())
}

/// Runs of every kind: of many parts, merged and pruned; with ticks out of order; with columns and fields that others do not
/// have; without rows; that failed; with artifacts; of another bucket size.
fn runs(root: &Root) -> Catalog {
    let settings = root.settings();
    let run = start_run(&settings, &options("a", &json!({"density": 0.5}))).unwrap();
    for tick in [0, 1, 2, 150, 151] {
        append(run.dataset(), [tick; 3]);
    }
    run.dataset().append(TRADES, joined(&[trades(0, 0..4, &["price"])]), AppendOptions::default()).unwrap();
    add(run.dataset(), "agents", vec![("tick", integers(0..4)), ("wealth", integers(0..4))]);
    let artifact = root.path().join("runs/a/artifacts/lab/tidy");
    fs_err::create_dir_all(&artifact).unwrap();
    fs_err::write(artifact.join("t.parquet"), b"bytes").unwrap();
    fs_err::write(root.path().join("runs/a/artifacts/empty"), b"").unwrap();
    run.finish(Outcome::Succeeded).unwrap();

    let run = start_run(&settings, &options("a-b", &json!({"density": 0.7, "mode": "x"}))).unwrap();
    for ticks in [vec![5, 3, 4, 3], vec![1, 0], vec![420, 410]] {
        append(run.dataset(), ticks);
    }
    let frame = joined(&[trades(0, 0..2, &["lot", "price"]), trades(1, 0..2, &["lot", "price"])]);
    run.dataset().append(TRADES, frame, AppendOptions::default()).unwrap();
    let wealth: ArrayRef = Arc::new(Float64Array::from(vec![0.5, f64::NAN]));
    add(
        run.dataset(),
        "agents",
        vec![("tick", integers([7, 7])), ("wealth", wealth), ("age", integers([1, 2]))],
    );
    run.dataset().compact(EDGES, CompactOptions::default()).unwrap();
    run.dataset().prune(Duration::ZERO).unwrap();
    run.finish(Outcome::Failed(RunError { kind: "E".into(), ..RunError::default() })).unwrap();

    // One sorted part, and the same columns as the others together: it is taken as it is.
    let run = start_run(&settings, &options("b", &json!({"density": 0.9}))).unwrap();
    append(run.dataset(), 0..1_000);
    run.finish(Outcome::Succeeded).unwrap();

    let sized = settings.clone().with_tick_bucket_size(1_000).unwrap();
    append(&Dataset::open(sized, "c").unwrap(), (0..3_000).rev());
    let declared = Dataset::open(settings.clone(), "d").unwrap();
    add(&declared, "agents", vec![("tick", integers([])), ("wealth", integers([]))]);
    start_run(&settings, &options("e", &json!({}))).unwrap().finish(Outcome::Aborted).unwrap();
    Catalog::open(settings).unwrap()
}

fn pack(root: &Root, name: &str) -> (PackSummary, PathBuf) {
    let path = root.path().join(name);
    let catalog = Catalog::open(root.settings()).unwrap();
    (catalog.pack(&Selection::all(), &path, &PackOptions::default()).unwrap(), path)
}

fn settings_of(pack: &Path) -> IoSettings {
    IoSettings::default().with_root_dir(pack.to_str().unwrap()).unwrap()
}

fn rows(catalog: &Catalog, table: TableId) -> RecordBatch {
    let scan = catalog.scan(table, &Selection::all()).unwrap();
    let batches: Vec<RecordBatch> = scan.batches().unwrap().map(Result::unwrap).collect();
    concat_batches(&scan.schema(), &batches).unwrap()
}

/// The rows of a Parquet file, as other tools read them.
fn rows_of_file(path: &Path) -> RecordBatch {
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(fs_err::File::open(path).unwrap().into_file()).unwrap();
    let schema = Arc::clone(builder.schema());
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(std::result::Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

#[test]
fn a_pack_reads_as_its_runs_do() {
    let root = Root::new();
    let catalog = runs(&root);
    let (summary, path) = pack(&root, "s1.crvpack");
    assert_eq!((summary.runs, summary.rows), (6, 15 + 4 + 4 + 8 + 4 + 2 + 1_000 + 3_000));
    let tables: Vec<(&str, usize)> =
        summary.tables.iter().map(|table| (table.table.as_str(), table.runs)).collect();
    assert_eq!(tables, [("exchange", 2), ("identity_edges", 4), ("agents", 3)]);
    let packed = Catalog::open(settings_of(&path)).unwrap();

    let (before, after) = (catalog.runs(&Selection::all()).unwrap(), packed.runs(&Selection::all()).unwrap());
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        let told = |run: &crv_io::catalog::RunRow| {
            let mut run = run.clone();
            run.bytes = 0;
            run.tables.iter_mut().for_each(|table| (table.bytes, table.parts) = (0, 0));
            run
        };
        assert_eq!(told(before), told(after));
    }
    for run in &before {
        let id = run.run_id.as_str();
        let (one, other) =
            (Dataset::open(root.settings(), id).unwrap(), Dataset::open(settings_of(&path), id).unwrap());
        assert_eq!(one.digest().unwrap(), other.digest().unwrap(), "run `{id}`");
        assert!(diff(&one, &other).unwrap().first.is_none());
        let report = other.check(CheckOptions { deep: true }).unwrap();
        assert_eq!(report.problems, [], "run `{id}`");
        if id == "a" {
            assert_eq!(other.read_artifact("lab/tidy/t.parquet").unwrap(), b"bytes".as_slice());
            assert_eq!(other.read_artifact("none").unwrap_err().kind(), ErrorKind::NotFound);
        }
        let artifacts = |dataset: &Dataset| serde_json::to_value(dataset.artifacts_index().unwrap()).unwrap();
        let places = |index: Value| index["lab"]["tidy"].as_array().map_or(0, Vec::len);
        assert_eq!(places(artifacts(&one)), places(artifacts(&other)), "run `{id}`");
        assert_eq!(one.tables().unwrap(), other.tables().unwrap());
        for table in one.tables().unwrap() {
            assert_eq!(one.descriptor(table).unwrap(), other.descriptor(table).unwrap());
        }
    }
    for table in [EDGES, TRADES, own("agents")] {
        let (before, after) = (rows(&catalog, table), rows(&packed, table));
        assert_eq!(before.schema(), after.schema());
        assert_eq!(before.num_rows(), after.num_rows());
    }
    // Rows of a run that was sorted are the same, in the same order.
    let of_b = Selection::all().glob("b").unwrap();
    let scanned = |catalog: &Catalog| -> Vec<RecordBatch> {
        catalog.scan(EDGES, &of_b).unwrap().ticks(10..=20).batches().unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(scanned(&catalog), scanned(&packed));
    let dense = Selection::all().filter("density > 0.6 and state = 'succeeded'".parse().unwrap());
    assert_eq!(packed.runs(&dense).unwrap().len(), 1);
}

#[test]
fn other_tools_read_one_table_sorted_by_run_and_tick() {
    let root = Root::new();
    let catalog = runs(&root);
    let (_, path) = pack(&root, "s1.crvpack");
    for table in [EDGES, TRADES, own("agents")] {
        let (file, scanned) =
            (rows_of_file(&path.join(format!("tables/{table}.parquet"))), rows(&catalog, table));
        let ids: Vec<&str> =
            file.column_by_name("run_id").unwrap().as_string::<i32>().iter().flatten().collect();
        let ticks = file.column_by_name("tick").unwrap().as_primitive::<Int64Type>().values().to_vec();
        let keys: Vec<(&str, i64)> = ids.into_iter().zip(ticks).collect();
        assert!(keys.is_sorted(), "{table}");
        assert_eq!(keys.len(), scanned.num_rows());
        let names = |batch: &RecordBatch| -> Vec<String> {
            batch.schema().fields().iter().map(|field| field.name().clone()).collect()
        };
        assert_eq!(names(&file), names(&scanned));
    }
    let file = rows_of_file(&path.join("tables/exchange.parquet"));
    let payload: &StructArray = file.column_by_name("additional_payload").unwrap().as_struct();
    assert_eq!(payload.column_by_name("lot").unwrap().null_count(), 4, "run `a` has no such field");
    assert_eq!(rows_of_file(&path.join("runs.parquet")).num_rows(), 6);
}

#[test]
fn a_sorted_part_with_all_columns_is_taken_as_it_is() {
    let root = Root::new();
    runs(&root);
    let (_, path) = pack(&root, "s1.crvpack");
    let parts = |settings: IoSettings| -> Vec<_> {
        let scan = Dataset::open(settings, "b").unwrap().scan(EDGES).unwrap();
        scan.parts().into_iter().map(|part| part.path.rsplit_once('/').unwrap().1.to_owned()).collect()
    };
    assert_eq!(parts(root.settings()), parts(settings_of(&path)));
    let file = fs_err::read(path.join("tables/identity_edges.parquet")).unwrap();
    let part = Dataset::open(root.settings(), "b").unwrap().files(EDGES).unwrap()[0].path.clone();
    let part = fs_err::read(part).unwrap();
    assert!(file.windows(part.len()).any(|window| window == part));
}

#[test]
fn nothing_in_a_pack_can_be_changed() {
    let root = Root::new();
    runs(&root);
    let (_, path) = pack(&root, "s1.crvpack");
    let before = names_in(&path);
    let dataset = Dataset::open(settings_of(&path), "a").unwrap();
    let refused = |outcome: Result<()>| {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Write, "{error}");
        assert!(error.to_string().contains("is a pack, and a pack is never changed"), "{error}");
    };
    refused(dataset.append(EDGES, edges([9]), AppendOptions::default()).map(drop));
    refused(
        dataset
            .compact(EDGES, CompactOptions::default())
            .map(drop)
            .and_then(|()| dataset.truncate(1).map(drop)),
    );
    refused(start_run(&settings_of(&path), &options("new", &json!({}))).map(drop));
    let error = dataset.files(EDGES).unwrap_err();
    assert!(error.hint().unwrap().contains("tables/identity_edges.parquet"), "{error}");
    assert_eq!(all_ticks(&dataset).len(), 15);
    assert_eq!(names_in(&path).len(), before.len());
}

/// What a refused pack leaves behind: nothing.
fn refused(
    root: &Root,
    name: &str,
    selection: &Selection,
    options: &PackOptions,
) -> (ErrorKind, String, String) {
    let before = root.files();
    let catalog = Catalog::open(root.settings()).unwrap();
    let error = catalog.pack(selection, root.path().join(name), options).unwrap_err();
    assert_eq!(root.files(), before);
    assert!(!names_in(root.path()).iter().any(|name| name.contains(".tmp")));
    (error.kind(), error.to_string(), error.hint().unwrap_or_default().to_owned())
}

#[test]
fn what_cannot_be_packed_is_refused_and_leaves_nothing() {
    let root = Root::new();
    runs(&root);
    let (all, default) = (Selection::all(), PackOptions::default());
    let (kind, _, hint) = refused(&root, "s1.zip", &all, &default);
    assert_eq!((kind, hint.contains(".crvpack")), (ErrorKind::Argument, true));
    fs_err::write(root.path().join("there.crvpack"), b"").unwrap();
    let (_, text, _) = refused(&root, "there.crvpack", &all, &default);
    assert!(text.ends_with("is there already"), "{text}");
    let none = Selection::all().filter("density > 9".parse().unwrap());
    assert_eq!(refused(&root, "s.crvpack", &none, &default).0, ErrorKind::NotFound);
    let mut some = PackOptions::default();
    some.tables = Some(vec![own("wages")]);
    let (kind, text, _) = refused(&root, "s.crvpack", &all, &some);
    assert_eq!((kind, text.as_str()), (ErrorKind::NotFound, "no selected run has a table `wages`"));

    let running = start_run(&root.settings(), &options("x", &json!({}))).unwrap();
    let (kind, text, hint) = refused(&root, "s.crvpack", &all, &default);
    assert_eq!(kind, ErrorKind::Conflict);
    assert!(text.starts_with("run `x` is running") && hint.contains("state != \"running\""), "{text} {hint}");
    drop(running);

    let clash = Dataset::open(root.settings(), "z").unwrap();
    let text: ArrayRef = Arc::new(arrow_array::StringArray::from(vec!["rich"]));
    add(&clash, "agents", vec![("tick", integers([1])), ("wealth", text)]);
    let (kind, text, _) = refused(&root, "s.crvpack", &all, &default);
    assert_eq!(kind, ErrorKind::Schema);
    assert!(text.contains("run `a`") && text.contains("run `z`") && text.contains("`wealth`"), "{text}");
    some.tables = Some(vec![EDGES]);
    let path = root.path().join("some.crvpack");
    let catalog = Catalog::open(root.settings()).unwrap();
    let packed = catalog.pack(&all, &path, &some).unwrap();
    assert_eq!(packed.tables.iter().map(|table| table.table).collect::<Vec<_>>(), [EDGES]);
}

#[test]
fn damaged_runs_are_refused_or_left_out_by_name() {
    let root = Root::new();
    runs(&root);
    let all = Selection::all();
    let part = Dataset::open(root.settings(), "c").unwrap();
    drop(part);
    let manifest = root.path().join("runs/a/tables/identity_edges/manifest.json");
    fs_err::write(&manifest, b"{").unwrap();
    let (kind, text, hint) = refused(&root, "s.crvpack", &all, &PackOptions::default());
    assert_eq!(kind, ErrorKind::Manifest);
    assert!(text.starts_with("run `a` cannot be read") && hint.contains("--skip-damaged"), "{text} {hint}");
    let mut skip = PackOptions::default();
    skip.skip_damaged = true;
    let catalog = Catalog::open(root.settings()).unwrap();
    let packed = catalog.pack(&all, root.path().join("s.crvpack"), &skip).unwrap();
    assert_eq!((packed.runs, packed.skipped.len(), packed.skipped[0].0.as_str()), (5, 1, "a"));

    // A part that is damaged is found while it is packed: every byte is checked.
    let part = Dataset::open(root.settings(), "b").unwrap().files(EDGES).unwrap()[0].path.clone();
    let mut bytes = fs_err::read(&part).unwrap();
    bytes[100] ^= 1;
    fs_err::write(&part, bytes).unwrap();
    let (kind, text, _) = refused(&root, "t.crvpack", &all, &skip);
    assert_eq!(kind, ErrorKind::Read);
    assert!(text.contains("run `b`, table `identity_edges`"), "{text}");
}

#[test]
fn a_damaged_pack_is_told_apart_from_none() {
    let root = Root::new();
    runs(&root);
    let (_, path) = pack(&root, "s1.crvpack");
    let open = || Catalog::open(settings_of(&path)).and_then(|catalog| catalog.runs(&Selection::all()));
    let refused = |kind: ErrorKind, told: &str| {
        let error = open().map(|runs| runs.len()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(told), "{error}");
    };
    assert_eq!(open().unwrap().len(), 6);
    let change = |name: &str, change: &dyn Fn(&mut Vec<u8>), kind: ErrorKind, told: &str| {
        let file = path.join(name);
        let bytes = fs_err::read(&file).unwrap();
        let mut changed = bytes.clone();
        change(&mut changed);
        fs_err::write(&file, changed).unwrap();
        // This process recognizes a pack that it has open by its document.
        let document = path.join("pack.json");
        let of_document = fs_err::read(&document).unwrap();
        fs_err::remove_file(&document).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        fs_err::write(&document, of_document).unwrap();
        refused(kind, told);
        fs_err::write(&file, bytes).unwrap();
    };
    let manifest = ErrorKind::Manifest;
    change("tables/exchange.parquet", &|bytes| bytes.truncate(90), manifest, "it has 90 bytes");
    change("files.parquet", &|bytes| bytes[200] ^= 4, manifest, "`files.parquet`: its checksum differs");
    change("pack.json", &|bytes| bytes.truncate(20), manifest, "`pack.json`");
    change("pack.json", &|bytes| *bytes = b"{\"format\": 2}".to_vec(), manifest, "has format 2");
    fs_err::rename(path.join("runs.parquet"), path.join("gone")).unwrap();
    let document = fs_err::read(path.join("pack.json")).unwrap();
    fs_err::remove_file(path.join("pack.json")).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    fs_err::write(path.join("pack.json"), &document).unwrap();
    refused(manifest, "`runs.parquet`: it is missing");
    fs_err::remove_file(path.join("pack.json")).unwrap();
    refused(ErrorKind::Config, "is no pack");
    fs_err::remove_dir_all(&path).unwrap();
    refused(ErrorKind::Config, "does not exist");

    // A byte of a part: its checksum is compared when it is read.
    let (_, path) = pack(&root, "s2.crvpack");
    let file = path.join("tables/identity_edges.parquet");
    let mut bytes = fs_err::read(&file).unwrap();
    bytes[40] ^= 1;
    fs_err::write(&file, bytes).unwrap();
    let error = Dataset::open(settings_of(&path), "a").unwrap().digest().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Read);
    assert!(error.to_string().contains("run `a`, table `identity_edges`"), "{error}");
}

/// Whatever the bytes of the list and of a table are, with checksums that fit them: rows, or an error.
#[test]
fn hostile_packs_are_errors_and_no_panics() {
    let root = Root::new();
    runs(&root);
    let (_, path) = pack(&root, "s1.crvpack");
    let list = fs_err::read(path.join("files.parquet")).unwrap();
    assert!(crv_io::fuzzing::pack_list(&list).is_ok());
    let mut refused = 0;
    for at in 0..list.len() {
        for bit in [1_u8, 128] {
            let mut changed = list.clone();
            changed[at] ^= bit;
            refused += usize::from(crv_io::fuzzing::pack_list(&changed).is_err());
        }
    }
    assert!(refused > list.len() / 2, "{refused} of {} were refused", 2 * list.len());
    for length in 0..list.len() {
        assert!(crv_io::fuzzing::pack_list(&list[..length]).is_err());
    }
    // With its checksum in the document, such a list is opened, and read.
    let document = fs_err::read_to_string(path.join("pack.json")).unwrap();
    let sum = |bytes: &[u8]| format!("{:08x}", crc32c::crc32c(bytes));
    for at in (0..list.len()).step_by(list.len() / 60) {
        let mut changed = list.clone();
        changed[at] ^= 4;
        let other = root.path().join(format!("at-{at}.crvpack"));
        fs_err::create_dir_all(other.join("tables")).unwrap();
        for name in names_in(&path).into_iter().filter(|name| name.contains('.')) {
            fs_err::copy(path.join(&name), other.join(&name)).unwrap();
        }
        for name in names_in(&path.join("tables")) {
            fs_err::copy(path.join("tables").join(&name), other.join("tables").join(&name)).unwrap();
        }
        fs_err::write(other.join("files.parquet"), &changed).unwrap();
        fs_err::write(other.join("pack.json"), document.replace(&sum(&list), &sum(&changed))).unwrap();
        if let Ok(catalog) = Catalog::open(settings_of(&other)) {
            let _ = catalog.runs(&Selection::all());
            let _ = catalog
                .scan(EDGES, &Selection::all())
                .map(|scan| scan.skip_damaged().0.batches().map(|batches| batches.flatten().count()));
        }
    }
}

/// Every byte of a part that is merged is compared, also where reads compare sizes alone.
#[test]
fn a_damaged_part_is_never_merged_into_a_pack() {
    let root = Root::new();
    // Weights of which no codec makes less: a part is larger than those that are read whole.
    let large = || {
        let rows = edges((0..99).flat_map(|tick| std::iter::repeat_n(tick, 400)));
        let weights = (0..rows.num_rows() as u64)
            .map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15) as f64 / 2_f64.powi(64));
        let mut columns = rows.columns().to_vec();
        columns[3] = Arc::new(weights.map(Some).collect::<Float64Array>());
        RecordBatch::try_new(rows.schema(), columns).unwrap()
    };
    let settings = root.settings().with_verify_reads(VerifyReads::Size).with_compression(Compression::Snappy);
    let dataset = Dataset::open(settings.clone(), "r").unwrap();
    for _ in 0..2 {
        dataset.append(EDGES, large(), AppendOptions::default()).unwrap();
    }
    let part = dataset.files(EDGES).unwrap()[1].clone();
    assert!(part.bytes > 200_000, "{} bytes", part.bytes);
    let mut bytes = fs_err::read(&part.path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(&part.path, bytes).unwrap();
    let catalog = Catalog::open(settings).unwrap();
    let error =
        catalog.pack(&Selection::all(), root.path().join("s.crvpack"), &PackOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Read);
    assert!(error.to_string().contains("its checksum is"), "{error}");
}

/// A table with too many row groups for one file has several.
#[test]
fn a_table_may_have_several_files() {
    let root = Root::new();
    let catalog = runs(&root);
    let mut options = PackOptions::default();
    options.row_groups = 3;
    let path = root.path().join("s.crvpack");
    let summary = catalog.pack(&Selection::all(), &path, &options).unwrap();
    let names = names_in(&path.join("tables"));
    let of_edges = names.iter().filter(|name| name.starts_with("identity_edges")).count();
    assert!(of_edges > 5 && names.contains(&"identity_edges.2.parquet".to_owned()), "{names:?}");
    let found: usize = (1..=of_edges)
        .map(|number| {
            if number == 1 {
                "identity_edges.parquet".to_owned()
            } else {
                format!("identity_edges.{number}.parquet")
            }
        })
        .map(|name| rows_of_file(&path.join("tables").join(name)).num_rows())
        .sum();
    assert_eq!(found as u64, summary.tables[1].rows);
    for id in ["a", "a-b", "b", "c"] {
        let (one, other) =
            (Dataset::open(root.settings(), id).unwrap(), Dataset::open(settings_of(&path), id).unwrap());
        assert_eq!(one.digest().unwrap(), other.digest().unwrap(), "run `{id}`");
    }
}

#[test]
fn empty_artifacts_empty_parameters_and_empty_runs() {
    let root = Root::new();
    let params = json!({"options": {}, "deep": {"of": [{}]}, "x": 1});
    start_run(&root.settings(), &options("a", &params)).unwrap().finish(Outcome::Succeeded).unwrap();
    fs_err::create_dir_all(root.path().join("runs/a/artifacts")).unwrap();
    fs_err::write(root.path().join("runs/a/artifacts/done"), b"").unwrap();
    fs_err::create_dir_all(root.path().join("runs/nothing/artifacts")).unwrap();
    let (summary, path) = pack(&root, "s/deep/er/s1.crvpack");
    assert_eq!((summary.runs, summary.skipped[0].0.as_str()), (1, "nothing"));
    let packed = Catalog::open(settings_of(&path)).unwrap().runs(&Selection::all()).unwrap();
    assert_eq!(Value::Object(packed[0].params.clone()), params);
    let runs = rows_of_file(&path.join("runs.parquet"));
    assert_eq!(runs.column_by_name("params.options").unwrap().as_string::<i32>().value(0), "{}");
    let artifact = Dataset::open(settings_of(&path), "a").unwrap().read_artifact("done").unwrap();
    assert_eq!(artifact, b"".as_slice());

    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("done", root.path().join("runs/a/artifacts/link")).unwrap();
        let (kind, text, _) = refused(&root, "t.crvpack", &Selection::all(), &PackOptions::default());
        assert_eq!(kind, ErrorKind::Argument);
        assert!(text.contains("run `a`") && text.contains("link` is no plain file"), "{text}");
    }
}

/// More small files than are kept in memory, and more runs than are open at a time.
#[test]
fn a_large_pack_has_every_file_of_every_run() {
    let root = Root::new();
    for run in 0..200 {
        let params = json!({"text": "x".repeat(4_000), "number": run});
        let run = start_run(&root.settings(), &options(&format!("w-{run:03}"), &params)).unwrap();
        append(run.dataset(), 0..3);
        run.finish(Outcome::Succeeded).unwrap();
    }
    let (summary, path) = pack(&root, "s1.crvpack");
    assert_eq!((summary.runs, summary.rows), (200, 600));
    let packed = Catalog::open(settings_of(&path)).unwrap();
    let (before, after) = (
        Catalog::open(root.settings()).unwrap().runs(&Selection::all()).unwrap(),
        packed.runs(&Selection::all()).unwrap(),
    );
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((&before.run_id, &before.params), (&after.run_id, &after.params));
    }
    let last = Dataset::open(settings_of(&path), "w-199").unwrap();
    assert_eq!(last.facts().unwrap().unwrap().params["number"], 199);
    assert_eq!(crate::support::ticks_of(&last, EDGES, TickRange::ALL).unwrap(), [0, 1, 2]);
    assert_eq!(rows(&packed, EDGES).num_rows(), 600);
    let names = names_in(&path);
    assert!(names.len() <= 5, "few files: {names:?}");
    // What the catalogue knows of each run is in the pack.
    let (_, stats) = packed.runs_with_stats(&Selection::all()).unwrap();
    assert_eq!((stats.runs, stats.read), (200, 0));
}
