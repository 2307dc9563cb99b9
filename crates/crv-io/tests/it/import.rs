//! Rows of many runs that another program wrote.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use crv_io::catalog::{Catalog, Selection};
use crv_io::import::{ImportOptions, import_runs};
use crv_io::{Dataset, ErrorKind, TableId, TickRange};
use serde_json::json;

use crate::support::{Root, append, names_in, ticks_of};

fn integers(values: &[i64]) -> ArrayRef {
    Arc::new(values.iter().copied().collect::<Int64Array>())
}

/// Two runs, whose rows lie between each other.
fn rows() -> RecordBatch {
    RecordBatch::try_from_iter([
        ("run", integers(&[2, 1, 2, 1])),
        ("step", Arc::new(Float64Array::from(vec![0.0, 0.0, 1.0, 1.0])) as ArrayRef),
        ("density", Arc::new(Float64Array::from(vec![0.7, 0.5, 0.7, 0.5]))),
        ("note", Arc::new(StringArray::from(vec![Some("a"), None, None, Some("b")]))),
        ("count", integers(&[20, 10, 21, 11])),
    ])
    .unwrap()
}

fn options() -> ImportOptions {
    ImportOptions {
        run_column: "run".into(),
        tick_column: "step".into(),
        table: "counts".parse().unwrap(),
        params: vec!["density".into()],
        prefix: "fire-".into(),
        sweep: Some("fire".into()),
        model: Some("Fire".into()),
    }
}

#[test]
fn each_run_of_a_file_becomes_a_run() {
    let root = Root::new();
    let summary = import_runs(&root.settings(), &[rows(), rows().slice(0, 0)], &options()).unwrap();
    assert_eq!(summary.rows, 4);
    let ids: Vec<&str> = summary.runs.iter().map(|run| run.run_id.as_str()).collect();
    assert_eq!(ids, ["fire-2", "fire-1"]);
    let catalog = Catalog::open(root.settings()).unwrap();
    let runs = catalog.runs(&Selection::all().sweep("fire").unwrap()).unwrap();
    assert_eq!(
        runs.iter().map(|run| run.params["density"].clone()).collect::<Vec<_>>(),
        [json!(0.5), json!(0.7)]
    );
    assert_eq!(runs[0].model.as_deref(), Some("Fire"));
    let table: TableId = "counts".parse().unwrap();
    let scan = Dataset::open(root.settings(), "fire-2").unwrap().scan(table).unwrap();
    let names: Vec<String> = scan.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["bucket", "tick", "note", "count"]);
    let dataset = Dataset::open(root.settings(), "fire-1").unwrap();
    assert_eq!(ticks_of(&dataset, table, TickRange::ALL).unwrap(), [0, 1]);
    assert_eq!(dataset.info().unwrap().commit, 2, "a declaration, and one commit of rows");
}

#[test]
fn what_cannot_be_imported_leaves_no_run() {
    let root = Root::new();
    let refused = |batch: RecordBatch, options: &ImportOptions| {
        let error = import_runs(&root.settings(), &[batch], options).unwrap_err();
        assert!(names_in(&root.path().join("runs")).iter().all(|name| name == "fire-1"), "{error}");
        (error.kind(), format!("{error} {}", error.hint().unwrap_or_default()))
    };
    let with = |name: &str, column: ArrayRef| {
        let batch = rows();
        let columns = batch
            .schema()
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, known)| {
                (
                    field.name().clone(),
                    if field.name() == name { Arc::clone(&column) } else { Arc::clone(known) },
                )
            })
            .collect::<Vec<_>>();
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let argument = |(kind, text): (ErrorKind, String), told: &str| {
        assert_eq!(kind, ErrorKind::Argument, "{text}");
        assert!(text.contains(told), "{text}");
    };
    let asked = |change: &dyn Fn(&mut ImportOptions)| {
        let mut options = options();
        change(&mut options);
        options
    };
    argument(refused(rows(), &asked(&|options| options.run_column = "rnu".into())), "did you mean `run`?");
    argument(
        refused(rows(), &asked(&|options| options.params.push("x".into()))),
        "the rows have no column `x`",
    );
    argument(
        refused(rows(), &asked(&|options| options.params.push("count".into()))),
        "parameter `count` is 20 in one row, and 21 in row 2",
    );
    let nulls: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(1), Some(2)]));
    argument(refused(with("run", Arc::clone(&nulls)), &options()), "the run of row 1 is null");
    argument(refused(with("step", nulls), &options()), "the tick of row 1 is null");
    argument(
        refused(with("step", Arc::new(Float64Array::from(vec![0.0, 0.5, 1.0, 1.0]))), &options()),
        "the tick of row 1 is 0.5",
    );
    argument(refused(with("step", integers(&[0, 0, -1, 1])), &options()), "the tick of row 2 is negative");
    argument(refused(with("step", Arc::new(StringArray::from(vec!["a"; 4]))), &options()), "has no ticks");
    let blanks: ArrayRef = Arc::new(StringArray::from(vec!["a b", "a_b", "a b", "a_b"]));
    argument(refused(with("run", blanks), &options()), "would both be run `fire-a_b`");
    // Found when the rows are written: runs that were made before are removed.
    let canonical = asked(&|options| options.table = TableId::HOLDINGS);
    assert_eq!(refused(rows(), &canonical).0, ErrorKind::Schema);
    append(&Dataset::open(root.settings(), "fire-1").unwrap(), [1]);
    argument(refused(rows(), &options()), "there is a run `fire-1` already");
}
