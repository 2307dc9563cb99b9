//! Integers that floats cannot hold: an append, a check and a rebuild apply the same rule to them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int64Builder, ListBuilder};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_schema::{DataType, Field};
use arrow_select::concat::concat_batches;
use crv_io::{AppendOptions, CheckOptions, Dataset, IoSettings, TableId};

use crate::check::copy;
use crate::support::{RUN, Root};

/// No float equals it.
const INEXACT: i64 = (1 << 53) + 1;
/// Larger than [`INEXACT`], and equal to a float.
const EXACT: i64 = 1 << 62;

fn texts(rows: usize) -> ArrayRef {
    Arc::new(StringArray::from(vec!["x"; rows]))
}

fn holdings(ticks: &[i64], quantities: &[i64]) -> RecordBatch {
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(ticks.to_vec())) as ArrayRef),
        ("agent_id", texts(ticks.len())),
        ("token_id", texts(ticks.len())),
        ("quantity", Arc::new(Int64Array::from(quantities.to_vec()))),
    ])
    .unwrap()
}

/// Trades whose payload has these values of `n`.
fn trades(values: ArrayRef) -> RecordBatch {
    let rows = values.len();
    let field = Arc::new(Field::new("n", values.data_type().clone(), true));
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from_iter_values(0..rows as i64)) as ArrayRef),
        ("venue_id", texts(rows)),
        ("token_id", texts(rows)),
        ("exchange_event_type", texts(rows)),
        ("additional_payload", Arc::new(StructArray::from(vec![(field, values)]))),
    ])
    .unwrap()
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn rows(dataset: &Dataset, table: TableId) -> RecordBatch {
    let batches: Vec<RecordBatch> = dataset.scan(table).unwrap().batches().collect::<Result<_, _>>().unwrap();
    concat_batches(&batches[0].schema(), &batches).unwrap()
}

/// Checks that both kinds of check find no problem.
fn assert_whole(dataset: &Dataset) {
    for deep in [false, true] {
        let report = dataset.check(CheckOptions { deep }).unwrap();
        assert!(report.ok && report.problems.is_empty(), "deep {deep}: {report:#?}");
    }
}

/// Removes everything of the table but its parts.
fn lose_log_and_manifest(root: &Root, table: TableId) {
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    fs_err::remove_file(root.manifest(table)).unwrap();
}

/// Appends and checks frames; then rebuilds the table from its parts alone, which gives the same rows and types.
fn written_checked_lost_and_rebuilt(
    settings: &IoSettings,
    root: &Root,
    table: TableId,
    frames: &[RecordBatch],
) {
    let open = || Dataset::open(settings.clone(), RUN).unwrap();
    let dataset = open();
    for frame in frames {
        dataset.append(table, frame.clone(), AppendOptions::default()).unwrap();
    }
    let written = rows(&dataset, table);
    assert_eq!(written.num_rows(), frames.iter().map(RecordBatch::num_rows).sum::<usize>());
    assert_whole(&dataset);
    drop(dataset);
    lose_log_and_manifest(root, table);
    let dataset = open();
    let report = dataset.rebuild_manifest(table).unwrap();
    assert_eq!(report.left_out.len() + report.missing.len(), 0, "{report:?}");
    let again = rows(&dataset, table);
    // Parts that no entry names are added in the order of their ticks.
    assert_eq!(sorted(&again), sorted(&written));
    assert_eq!(types(&again), types(&written));
    assert_whole(&dataset);
    drop(dataset);
    assert_whole(&open());
}

/// The values of each row, in an order that does not depend on that of the parts.
fn sorted(batch: &RecordBatch) -> Vec<String> {
    let row = |row: usize| format!("{:?}", batch.slice(row, 1).columns());
    let mut rows: Vec<String> = (0..batch.num_rows()).map(row).collect();
    rows.sort();
    rows
}

fn types(batch: &RecordBatch) -> Vec<(String, DataType)> {
    let schema = batch.schema();
    schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
}

#[test]
fn a_column_that_the_table_fixes_holds_any_integer() {
    for quantity in [INEXACT, -INEXACT, EXACT, i64::MAX, i64::MIN] {
        let root = Root::new();
        let frames = [holdings(&[0, 1], &[1, quantity]), holdings(&[2], &[7])];
        written_checked_lost_and_rebuilt(&root.settings(), &root, TableId::HOLDINGS, &frames);
    }
}

#[test]
fn a_tick_is_any_integer_that_is_not_negative() {
    for tick in [EXACT, INEXACT, i64::MAX] {
        let root = Root::new();
        let frames = [holdings(&[tick], &[1]), holdings(&[0], &[2])];
        written_checked_lost_and_rebuilt(&root.settings(), &root, TableId::HOLDINGS, &frames);
    }
}

#[test]
fn large_integers_that_are_floats_may_meet_floats() {
    for values in [vec![EXACT], vec![-EXACT, 3, EXACT], vec![1 << 54, (1 << 54) + 4]] {
        let root = Root::new();
        let frames = [trades(ints(&values)), trades(floats(&[0.5])), trades(ints(&[EXACT]))];
        written_checked_lost_and_rebuilt(&root.settings(), &root, TableId::EXCHANGE, &frames);
    }
}

/// The extremes equal floats, a value between them does not: a rebuild that relied on the extremes would let floats in,
/// and make the rows unreadable.
#[test]
fn integers_that_are_no_floats_keep_floats_out_also_after_a_rebuild() {
    let lists: ArrayRef = {
        let mut lists = ListBuilder::new(Int64Builder::new());
        lists.append_value([Some(-EXACT), Some(INEXACT), None, Some(EXACT)]);
        lists.append_null();
        Arc::new(lists.finish())
    };
    let of_lists = |value: f64| -> ArrayRef {
        let mut lists = ListBuilder::new(Float64Builder::new());
        lists.append_value([Some(value)]);
        Arc::new(lists.finish())
    };
    let cases = [(ints(&[-EXACT, INEXACT, EXACT]), floats(&[0.5])), (lists, of_lists(0.5))];
    for (integers, float) in cases {
        let root = Root::new();
        written_checked_lost_and_rebuilt(&root.settings(), &root, TableId::EXCHANGE, &[trades(integers)]);
        let refused = root.open().append(TableId::EXCHANGE, trades(float), AppendOptions::default());
        let error = refused.map(drop).unwrap_err().to_string();
        assert!(error.contains("values that f64 cannot hold exactly"), "{error}");
        assert!(error.contains("additional_payload.n"), "{error}");
    }
}

/// A column that the table does not define: its type, too, comes from the producer.
#[test]
fn further_columns_go_by_the_same_rule() {
    let root = Root::new();
    let settings = root.settings().with_strict_schema(false);
    let with = |extra: ArrayRef| {
        let ticks: Vec<i64> = (0..extra.len() as i64).collect();
        let frame = holdings(&ticks, &ticks);
        let columns = frame.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        let columns = columns.iter().map(String::as_str).zip(frame.columns().iter().cloned());
        RecordBatch::try_from_iter(columns.chain([("n", extra)]).collect::<Vec<_>>()).unwrap()
    };
    let frames = [with(ints(&[-EXACT, 1, EXACT])), with(floats(&[0.5]))];
    written_checked_lost_and_rebuilt(&settings, &root, TableId::HOLDINGS, &frames);
}

/// The frames of the fixture: one case of each of the tests above.
fn fixture_frames() -> Vec<(TableId, RecordBatch)> {
    vec![
        (TableId::HOLDINGS, holdings(&[0, 1, EXACT], &[INEXACT, -EXACT, 3])),
        (TableId::EXCHANGE, trades(ints(&[-EXACT, 3, EXACT]))),
        (TableId::EXCHANGE, trades(floats(&[0.5]))),
    ]
}

/// Writes `tests/fixtures/large-integers` again; it was written by the version that judged footers by magnitude.
#[test]
#[ignore = "writes a fixture"]
fn write_the_fixture() {
    let root = fixture();
    let settings = IoSettings::default().with_root_dir(root.to_str().unwrap()).unwrap();
    let dataset = Dataset::open(settings, RUN).unwrap();
    for (table, frame) in fixture_frames() {
        dataset.append(table, frame, AppendOptions::default()).unwrap();
    }
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/large-integers")
}

#[test]
fn a_run_of_the_version_before_is_whole_and_can_be_rebuilt() {
    let root = Root::new();
    copy(&fixture(), root.path());
    let tables = [TableId::HOLDINGS, TableId::EXCHANGE];
    let written = tables.map(|table| sorted(&rows(&root.open(), table)));
    assert_eq!(written.each_ref().map(Vec::len), [3, 4]);
    assert_whole(&root.open());
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    for table in tables {
        fs_err::remove_file(root.manifest(table)).unwrap();
    }
    for table in tables {
        root.open().rebuild_manifest(table).unwrap();
    }
    assert_eq!(tables.map(|table| sorted(&rows(&root.open(), table))), written);
    assert_whole(&root.open());
}
