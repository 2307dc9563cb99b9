//! Declared tables: what holds for a canonical table holds for them, on every path.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, Int32Array,
    Int64Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::{DataType, Field as ArrowField, SchemaRef, TimeUnit};
use arrow_select::concat::concat_batches;
use crv_io::schema::{Field, FieldType};
use crv_io::store::StoreError;
use crv_io::{
    AppendOptions, CheckOptions, CompactOptions, Dataset, Descriptor, ErrorKind, TableId, TickRange,
    VacuumOptions, WriterOptions,
};

use crate::hooked::{Hooked, Once, When};
use crate::support::{RUN, Root, edges, ticks_of};

fn id(name: &str) -> TableId {
    name.parse().unwrap()
}

/// Columns from `name type` pairs; `!` marks required ones.
fn columns(columns: &[(&str, &str)]) -> Vec<Field> {
    let column = |(name, ty): &(&str, &str)| {
        let (ty, required) = ty.strip_suffix('!').map_or((*ty, false), |ty| (ty, true));
        Field { name: (*name).to_owned(), ty: FieldType::parse(ty, name).unwrap(), required }
    };
    columns.iter().map(column).collect()
}

fn table(name: &str, of: &[(&str, &str)]) -> Descriptor {
    Descriptor::declared(id(name), columns(of)).unwrap()
}

fn agents() -> Descriptor {
    table("agents", &[("agent_id", "i64!"), ("wealth", "f64"), ("x", "f32"), ("state", "str")])
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

/// An agent at each of these ticks.
fn rows(ticks: &[i64]) -> RecordBatch {
    let floats: Vec<f64> = ticks.iter().map(|tick| *tick as f64 / 2.0).collect();
    batch(vec![
        ("tick", Arc::new(Int64Array::from(ticks.to_vec()))),
        ("agent_id", Arc::new(Int64Array::from(ticks.to_vec()))),
        ("wealth", Arc::new(Float64Array::from(floats.clone()))),
        ("x", Arc::new(Float32Array::from_iter_values(floats.iter().map(|float| *float as f32)))),
        ("state", Arc::new(StringArray::from(vec!["S"; ticks.len()]))),
    ])
}

fn add(dataset: &Dataset, ticks: &[i64]) {
    dataset.append(id("agents"), rows(ticks), AppendOptions::default()).unwrap();
}

fn read(dataset: &Dataset, table: TableId) -> RecordBatch {
    let scan = dataset.scan(table).unwrap();
    let schema = scan.schema();
    let batches: Vec<RecordBatch> = scan.batches().collect::<Result<_, _>>().unwrap();
    concat_batches(&schema, &batches).unwrap()
}

fn types(schema: &SchemaRef) -> Vec<String> {
    let one = |field: &Arc<ArrowField>| {
        format!("{} {}{}", field.name(), field.data_type(), if field.is_nullable() { "" } else { "!" })
    };
    schema.fields().iter().map(one).collect()
}

const TYPES: [&str; 6] =
    ["bucket Int64!", "tick Int64!", "agent_id Int64!", "wealth Float64", "x Float32", "state Utf8"];

/// Checks the table on an open handle and a fresh one, and that a deep check finds nothing.
fn holds(root: &Root, dataset: &Dataset, ticks: &[i64]) {
    for dataset in [dataset, &root.open()] {
        assert_eq!(types(&dataset.scan(id("agents")).unwrap().schema()), TYPES);
        assert_eq!(ticks_of(dataset, id("agents"), TickRange::ALL).unwrap(), ticks);
        assert_eq!(dataset.descriptor(id("agents")).unwrap(), agents());
        let report = dataset.check(CheckOptions { deep: true }).unwrap();
        assert!(report.ok, "{:?}", report.problems);
    }
}

#[test]
fn a_reader_needs_nothing_but_the_run() {
    let root = Root::new();
    let dataset = root.open();
    assert_eq!(dataset.declare(&agents()).unwrap(), agents());
    assert_eq!(dataset.tables().unwrap(), [id("agents")]);
    holds(&root, &dataset, &[]);
    add(&dataset, &[0, 1, 101]);
    holds(&root, &dataset, &[0, 1, 101]);
    let read = read(&root.open(), id("agents"));
    let buckets = read.column_by_name("bucket").unwrap();
    assert_eq!(buckets.as_ref(), &Int64Array::from(vec![0, 0, 1]));
    dataset.close().unwrap();
    holds(&root, &dataset, &[0, 1, 101]);
}

#[test]
fn the_same_declaration_makes_no_commit_and_growth_makes_one() {
    let root = Root::new();
    let dataset = root.open();
    dataset.declare(&agents()).unwrap();
    add(&dataset, &[0]);
    assert_eq!(root.commits().len(), 2);
    dataset.declare(&agents()).unwrap();
    root.open().declare(&agents()).unwrap();
    assert_eq!(root.commits().len(), 2);

    let mut wanted = agents().columns()[2..].to_vec();
    wanted.push(Field::nullable("mood", FieldType::Bool));
    let grown = Descriptor::declared(id("agents"), wanted).unwrap();
    assert_eq!(root.open().declare(&grown).unwrap(), grown);
    assert_eq!(root.commits().len(), 3);
    // The handle that was open knows of it as soon as it is needed.
    let mut wider = rows(&[1]);
    let mut fields: Vec<(&str, ArrayRef)> = vec![("mood", Arc::new(BooleanArray::from(vec![true])))];
    let names = ["tick", "agent_id", "wealth", "x", "state"];
    fields.extend(names.into_iter().zip(wider.columns().to_vec()));
    wider = batch(fields);
    dataset.append(id("agents"), wider, AppendOptions::default()).unwrap();
    let read = read(&dataset, id("agents"));
    let moods = read.column_by_name("mood").unwrap();
    assert_eq!(moods.as_ref(), &BooleanArray::from(vec![None, Some(true)]));
    let report = dataset.check(CheckOptions { deep: true }).unwrap();
    assert!(report.ok, "{:?}", report.problems);
    // Parts of both declarations are merged into one.
    dataset.compact(id("agents"), CompactOptions::default()).unwrap();
    assert_eq!(ticks_of(&root.open(), id("agents"), TickRange::ALL).unwrap(), [0, 1]);
    assert_eq!(dataset.descriptor(id("agents")).unwrap(), grown);
}

#[test]
fn another_declaration_is_refused_and_leaves_nothing() {
    let root = Root::new();
    let dataset = root.open();
    dataset.declare(&agents()).unwrap();
    let files = root.files();
    for (wanted, told) in [
        (
            table("agents", &[("agent_id", "i64!"), ("wealth", "i64"), ("x", "f32"), ("state", "str")]),
            "`wealth` is f64, and is declared i64 now",
        ),
        (
            table("agents", &[("agent_id", "i64!")]),
            "the declaration lacks column `wealth` (f64), which the table has",
        ),
    ] {
        let error = root.open().declare(&wanted).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Schema);
        assert_eq!(error.to_string(), format!("run `{RUN}`, table `agents`: {told}"));
        assert!(error.hint().is_some());
    }
    assert_eq!(root.files(), files);
}

#[test]
fn an_undeclared_table_is_an_error_that_leaves_nothing() {
    let root = Root::new();
    let dataset = root.open();
    let error = dataset.append(id("agents"), rows(&[0]), AppendOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), format!("run `{RUN}` has no table `agents`"));
    assert!(root.files().is_empty(), "{:?}", root.files());

    dataset.declare(&agents()).unwrap();
    add(&dataset, &[0]);
    let files = root.files();
    let misspelt = id("agent");
    let mut writer = dataset.writer(WriterOptions::default());
    let mut transaction = dataset.transaction();
    let errors = [
        dataset.append(misspelt, rows(&[0]), AppendOptions::default()).map(drop).unwrap_err(),
        transaction.append(misspelt, rows(&[0]), AppendOptions::default()).unwrap_err(),
        writer.append(misspelt, rows(&[0]), AppendOptions::default()).map(drop).unwrap_err(),
        dataset.append(misspelt, rows(&[0]).slice(0, 0), AppendOptions::default()).map(drop).unwrap_err(),
        dataset.scan(misspelt).map(drop).unwrap_err(),
        dataset.manifest(misspelt).map(drop).unwrap_err(),
        dataset.files(misspelt).map(drop).unwrap_err(),
        dataset.descriptor(misspelt).map(drop).unwrap_err(),
        dataset.compact(misspelt, CompactOptions::default()).map(drop).unwrap_err(),
        dataset.rebuild_manifest(misspelt).map(drop).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let told = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(told.contains(&format!("run `{RUN}` has no table `agent`")), "{told}");
        assert!(told.contains("did you mean `agents`?"), "{told}");
    }
    assert_eq!(root.files(), files);
    let near = dataset.scan(id("holdngs")).unwrap_err();
    assert!(near.hint().unwrap().starts_with("did you mean `holdings`?"), "{near:?}");
}

#[test]
fn every_type_is_kept_as_it_is_declared() {
    let root = Root::new();
    let dataset = root.open();
    let all = [
        ("a", "i8"),
        ("b", "i16"),
        ("c", "i32"),
        ("d", "u8"),
        ("e", "u16"),
        ("f", "u32"),
        ("g", "u64!"),
        ("h", "f32"),
        ("i", "bool"),
        ("j", "date"),
        ("k", "time"),
        ("l", "timestamp"),
        ("m", "timestamp[Europe/Berlin]"),
        ("n", "duration"),
        ("o", "decimal[9,2]"),
        ("p", "binary"),
        ("q", "list[i32]"),
        ("r", "list[list[f32]]"),
        ("s", "struct"),
        ("Gini Index", "f64"),
    ];
    let wide = table("every_type", &all);
    dataset.declare(&wide).unwrap();
    let expected = types(&wide.schema().to_arrow());
    let frame = batch(vec![
        ("tick", Arc::new(Int64Array::from(vec![0, 1]))),
        ("a", Arc::new(Int8Array::from(vec![Some(i8::MIN), None]))),
        ("c", Arc::new(Int64Array::from(vec![i64::from(i32::MIN), i64::from(i32::MAX)]))),
        ("g", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        ("h", Arc::new(Float64Array::from(vec![0.1, f64::INFINITY]))),
        ("j", Arc::new(Date32Array::from(vec![1, 2]))),
        ("m", Arc::new(TimestampMicrosecondArray::from(vec![1, 2]).with_timezone("Europe/Berlin"))),
        (
            "q",
            Arc::new(ListArray::from_iter_primitive::<Int8Type, _, _>([
                Some(vec![Some(1), None]),
                Some(vec![]),
            ])),
        ),
    ]);
    dataset.append(id("every_type"), frame, AppendOptions::default()).unwrap();
    dataset
        .append(
            id("every_type"),
            batch(vec![
                ("tick", Arc::new(Int64Array::from(vec![2]))),
                ("g", Arc::new(Int64Array::from(vec![7]))),
            ]),
            AppendOptions::default(),
        )
        .unwrap();
    let check = |dataset: &Dataset| {
        let read = read(dataset, id("every_type"));
        assert_eq!(types(&read.schema()), expected);
        let column = |name: &str| read.column_by_name(name).unwrap().clone();
        assert_eq!(column("a").as_ref(), &Int8Array::from(vec![Some(i8::MIN), None, None]));
        assert_eq!(column("c").as_ref(), &Int32Array::from(vec![Some(i32::MIN), Some(i32::MAX), None]));
        assert_eq!(column("g").as_ref(), &UInt64Array::from(vec![u64::MAX, 0, 7]));
        assert_eq!(column("h").as_ref(), &Float32Array::from(vec![Some(0.1), Some(f32::INFINITY), None]));
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
            Some(vec![Some(1), None]),
            Some(vec![]),
            None,
        ]);
        let lists: ArrayRef = Arc::new(lists);
        assert_eq!(format!("{:?}", column("q")), format!("{lists:?}"));
        let report = dataset.check(CheckOptions { deep: true }).unwrap();
        assert!(report.ok, "{:?}", report.problems);
    };
    check(&dataset);
    dataset.compact(id("every_type"), CompactOptions::default()).unwrap();
    check(&root.open());
    // From the parts alone.
    dataset.close().unwrap();
    drop(dataset);
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    fs_err::remove_file(root.manifest(id("every_type"))).unwrap();
    root.open().rebuild_manifest(id("every_type")).unwrap();
    assert_eq!(root.open().descriptor(id("every_type")).unwrap(), wide);
    check(&root.open());
}

#[test]
fn values_that_the_declared_type_cannot_hold_are_refused_by_row() {
    let root = Root::new();
    let dataset = root.open();
    let of = [
        ("a", "i8"),
        ("g", "u64"),
        ("h", "f32"),
        ("i", "bool"),
        ("q", "list[u8]"),
        ("when", "date"),
        ("at", "timestamp[UTC]"),
    ];
    dataset.declare(&table("narrow", &of)).unwrap();
    let ticks = || Arc::new(Int64Array::from(vec![0, 0])) as ArrayRef;
    let texts = |texts: [&str; 2]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
    let cases: Vec<(&str, ArrayRef, Option<&str>)> = vec![
        ("a", Arc::new(Int64Array::from(vec![127, -128])), None),
        ("a", Arc::new(Int64Array::from(vec![0, 128])), Some("128 at row 1 cannot become i8")),
        ("a", Arc::new(Float64Array::from(vec![1.0, 1.5])), Some("1.5 at row 1 cannot become i8")),
        ("a", texts(["7", "300"]), Some("\"300\" at row 1 cannot become i8")),
        ("g", Arc::new(Int64Array::from(vec![0, -1])), Some("-1 at row 1 cannot become u64")),
        ("h", Arc::new(Float64Array::from(vec![0.1, f64::NAN])), None),
        ("h", Arc::new(Float64Array::from(vec![0.1, 1e39])), Some("1e39 at row 1 cannot become f32")),
        (
            "h",
            Arc::new(Int64Array::from(vec![1 << 24, (1 << 24) + 1])),
            Some("16777217 at row 1 cannot become f32"),
        ),
        ("h", texts(["0.1", "1e39"]), Some("\"1e39\" at row 1 cannot become f32")),
        ("i", texts(["true", "false"]), Some("str")),
        ("when", texts(["2020-02-29", "1969-12-31"]), None),
        ("when", texts(["2020-02-29", "2021-02-29"]), Some("\"2021-02-29\" at row 1 cannot become date")),
        ("at", texts(["2020-01-01T00:00:00Z", "2020-01-01T01:00:00+01:00"]), None),
        (
            "at",
            texts(["2020-01-01T00:00:00Z", "2020-01-01"]),
            Some("\"2020-01-01\" at row 1 cannot become timestamp"),
        ),
        (
            "q",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([
                Some(vec![Some(1)]),
                Some(vec![Some(256)]),
            ])),
            Some("256 at row 1 cannot become u8"),
        ),
        ("q", Arc::new(Int64Array::from(vec![1, 2])), Some("list[u8]")),
    ];
    for (column, array, refused) in cases {
        let result = dataset.append(
            id("narrow"),
            batch(vec![("tick", ticks()), (column, array)]),
            AppendOptions::default(),
        );
        match (result, refused) {
            (Ok(_), None) => {}
            (Err(error), Some(told)) => {
                assert_eq!(error.kind(), ErrorKind::Schema);
                let text = error.to_string();
                assert!(text.contains(&format!("`{column}")) && text.contains(told), "{text}");
            }
            (result, refused) => panic!("{column}: {result:?}, expected {refused:?}"),
        }
    }
}

#[test]
fn payloads_keep_declared_fields_and_grow_by_others() {
    let root = Root::new();
    let dataset = root.open();
    let position = FieldType::Struct(vec![Field::nullable("x", FieldType::parse("f32", "x").unwrap())]);
    let nested = Descriptor::declared(id("moves"), vec![Field::nullable("at", position)]).unwrap();
    dataset.declare(&nested).unwrap();
    let at = |fields: Vec<(&str, ArrayRef)>| {
        let fields = fields
            .into_iter()
            .map(|(name, array)| (Arc::new(ArrowField::new(name, array.data_type().clone(), true)), array));
        let at: ArrayRef = Arc::new(StructArray::from(fields.collect::<Vec<_>>()));
        batch(vec![("tick", Arc::new(Int64Array::from(vec![0; at.len()]))), ("at", at)])
    };
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![3]));
    dataset
        .append(id("moves"), at(vec![("x", whole.clone()), ("n", whole)]), AppendOptions::default())
        .unwrap();
    let halves: ArrayRef = Arc::new(Float64Array::from(vec![0.5]));
    dataset
        .append(id("moves"), at(vec![("n", halves.clone()), ("x", halves)]), AppendOptions::default())
        .unwrap();
    let read = read(&root.open(), id("moves"));
    let at_type = read.schema().field_with_name("at").unwrap().data_type().to_string();
    assert_eq!(at_type, "Struct(\"x\": Float32, \"n\": Float64)");
    let error = dataset
        .append(
            id("moves"),
            at(vec![("x", Arc::new(StringArray::from(vec!["a"])))]),
            AppendOptions::default(),
        )
        .unwrap_err();
    assert!(error.to_string().contains("`at.x` is str") || error.to_string().contains("`at.x`"), "{error}");
    let report = dataset.check(CheckOptions { deep: true }).unwrap();
    assert!(report.ok, "{:?}", report.problems);
}

#[test]
fn canonical_and_declared_rows_are_one_commit_and_one_flush() {
    let root = Root::new();
    let dataset = root.open();
    dataset.declare(&agents()).unwrap();
    let mut transaction = dataset.transaction();
    transaction.append(id("agents"), rows(&[0]), AppendOptions::default()).unwrap();
    transaction.append(TableId::IDENTITY_EDGES, edges([0]), AppendOptions::default()).unwrap();
    transaction.commit().unwrap();
    assert_eq!(root.commits().len(), 2);
    assert_eq!(dataset.tables().unwrap(), [TableId::IDENTITY_EDGES, id("agents")]);
    let mut writer = dataset.writer(WriterOptions::default());
    for tick in 1..5 {
        writer.append(id("agents"), rows(&[tick]), AppendOptions::default()).unwrap();
    }
    writer.close().unwrap();
    assert_eq!(root.commits().len(), 3);
    holds(&root, &dataset, &[0, 1, 2, 3, 4]);
}

/// Six parts in two buckets.
fn six_parts(root: &Root) -> Dataset {
    let dataset = root.open();
    dataset.declare(&agents()).unwrap();
    for tick in [0, 1, 2, 100, 101, 102] {
        add(&dataset, &[tick]);
    }
    dataset
}

const SIX: [i64; 6] = [0, 1, 2, 100, 101, 102];

#[test]
fn compaction_vacuum_prune_and_repair_keep_a_declared_table() {
    let root = Root::new();
    let dataset = six_parts(&root);
    dataset.compact(id("agents"), CompactOptions::default()).unwrap();
    assert_eq!(dataset.files(id("agents")).unwrap().len(), 2);
    holds(&root, &dataset, &SIX);
    let removed = dataset.vacuum(VacuumOptions { older_than: Duration::ZERO, dry_run: false }).unwrap();
    assert_eq!(removed.removed.len(), 6);
    holds(&root, &dataset, &SIX);
    dataset.prune(Duration::ZERO).unwrap();
    holds(&root, &dataset, &SIX);
    // The manifest is lost: the base of the log has the declaration.
    fs_err::remove_file(root.manifest(id("agents"))).unwrap();
    let report = root.open().repair().unwrap();
    assert!(report.left.is_empty(), "{report:?}");
    holds(&root, &dataset, &SIX);
}

#[test]
fn a_table_whose_directory_is_lost_is_reported() {
    let root = Root::new();
    let dataset = six_parts(&root);
    dataset.close().unwrap();
    fs_err::remove_dir_all(root.table_dir(id("agents"))).unwrap();
    let report = root.open().check(CheckOptions::default()).unwrap();
    assert!(!report.ok);
    let paths: Vec<&str> = report.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert!(paths.iter().any(|path| path.ends_with("tables/agents/manifest.json")), "{paths:?}");
    assert!(paths.iter().any(|path| path.contains("tables/agents/bucket=000001/part-")), "{paths:?}");
}

#[test]
fn a_manifest_written_back_without_our_keys_keeps_the_declaration() {
    let root = Root::new();
    let dataset = six_parts(&root);
    let manifest = dataset.manifest(id("agents")).unwrap();
    for pruned in [false, true] {
        if pruned {
            dataset.prune(Duration::ZERO).unwrap();
        }
        fs_err::write(root.manifest(id("agents")), serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
        holds(&root, &dataset, &SIX);
    }
    // The log is lost as well: the parts have the declaration.
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    assert_eq!(types(&root.open().scan(id("agents")).unwrap().schema()), TYPES);
    add(&root.open(), &[103]);
    holds(&root, &root.open(), &[0, 1, 2, 100, 101, 102, 103]);
}

#[test]
fn a_part_alone_rebuilds_its_table() {
    let root = Root::new();
    drop(six_parts(&root));
    fs_err::remove_dir_all(root.run_dir().join("_commits")).unwrap();
    fs_err::remove_file(root.manifest(id("agents"))).unwrap();
    let report = root.open().rebuild_manifest(id("agents")).unwrap();
    assert_eq!((report.parts, report.rows), (6, 6));
    holds(&root, &root.open(), &SIX);
}

/// Kills a process between the manifest of the table and the commit that declares it.
fn half_declared(root: &Root) {
    let store = Hooked::store(root, |when, call| {
        if when == When::Before && call.is_commit() {
            return Err(StoreError::new("put", "a commit", std::io::Error::other("killed")));
        }
        Ok(())
    });
    Dataset::with_store(root.settings(), RUN, store).unwrap().declare(&agents()).unwrap_err();
}

#[test]
fn a_manifest_without_a_declaration_is_no_table() {
    let root = Root::new();
    half_declared(&root);
    assert!(root.manifest(id("agents")).exists() && root.commits().is_empty());
    let half = root.open();
    assert!(half.tables().unwrap().is_empty());
    assert_eq!(half.scan(id("agents")).map(drop).unwrap_err().kind(), ErrorKind::NotFound);
    let refused = half.append(id("agents"), rows(&[0]), AppendOptions::default());
    assert_eq!(refused.map(drop).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(half.check(CheckOptions::default()).unwrap().ok);
    half.declare(&agents()).unwrap();
    add(&half, &[0]);
    holds(&root, &half, &[0]);
}

/// The error for a table that is not there looks for the others, one of which a killed process left half made.
#[test]
fn a_table_that_is_not_there_is_an_error_of_every_call_and_none_waits_for_itself() {
    let root = Root::new();
    half_declared(&root);
    let (told, ended) = std::sync::mpsc::channel();
    let dataset = root.open();
    std::thread::spawn(move || {
        for name in ["agnets", "agents"] {
            let kinds = [
                dataset.compact(id(name), CompactOptions::default()).map(drop),
                dataset.scan(id(name)).map(drop),
                dataset.manifest(id(name)).map(drop),
                dataset.descriptor(id(name)).map(drop),
                dataset.rebuild_manifest(id(name)).map(drop),
                dataset.append(id(name), rows(&[0]), AppendOptions::default()).map(drop),
            ];
            told.send(kinds.map(|refused| refused.unwrap_err().kind())).unwrap();
        }
    });
    for _ in 0..2 {
        let kinds = ended.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(kinds, [ErrorKind::NotFound; 6]);
    }
}

/// Without rows there is no part that tells: only the log knows the declaration.
#[test]
fn a_lost_manifest_of_a_table_without_rows_is_an_error_and_repaired() {
    for pruned in [false, true] {
        let root = Root::new();
        let dataset = root.open();
        dataset.declare(&agents()).unwrap();
        if pruned {
            dataset.prune(Duration::ZERO).unwrap();
        }
        dataset.close().unwrap();
        fs_err::remove_file(root.manifest(id("agents"))).unwrap();
        let commits = root.commits();
        let other = table("agents", &[("name", "str")]);
        let open = || root.open();
        let refusals = [
            open().declare(&other).map(drop),
            open().declare(&agents()).map(drop),
            open().declare_missing(id("agents"), &rows(&[0]).schema()).map(drop),
            open().append(id("agents"), rows(&[0]), AppendOptions::default()).map(drop),
            open().scan(id("agents")).map(drop),
            open().descriptor(id("agents")).map(drop),
        ];
        for refusal in refusals {
            let error = refusal.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Manifest, "{error}");
            assert!(error.to_string().contains("table `agents` has no manifest"), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("crv rebuild")), "{error:?}");
        }
        assert_eq!(root.commits(), commits);
        root.open().rebuild_manifest(id("agents")).unwrap();
        holds(&root, &root.open(), &[]);
        add(&root.open(), &[7]);
        holds(&root, &root.open(), &[7]);
    }
}

#[test]
fn writers_that_each_declare_a_column_of_their_own_all_succeed() {
    let root = Root::new();
    std::thread::scope(|scope| {
        for at in 0..6 {
            let root = &root;
            scope.spawn(move || {
                let dataset = root.open();
                let name = format!("own_{at}");
                let frame = batch(vec![
                    ("tick", Arc::new(Int64Array::from(vec![at])) as ArrayRef),
                    (name.as_str(), Arc::new(Int64Array::from(vec![at])) as ArrayRef),
                ]);
                dataset.declare_missing(id("agents"), &frame.schema()).unwrap();
                dataset.append(id("agents"), frame, AppendOptions::default()).unwrap();
            });
        }
    });
    let read = read(&root.open(), id("agents"));
    assert_eq!((read.num_rows(), read.num_columns()), (6, 8));
    assert!(root.open().check(CheckOptions { deep: true }).unwrap().ok);
}

#[test]
fn of_two_writers_that_declare_at_once_the_second_is_compared_with_the_first() {
    let with = |name: &str| {
        let mut fields = agents().columns()[2..].to_vec();
        fields.push(Field::nullable(name, FieldType::Float));
        Descriptor::declared(id("agents"), fields).unwrap()
    };
    for (theirs, told) in [
        (agents(), None),
        (with("ours"), None),
        (with("theirs"), Some("the declaration lacks column `theirs` (f64), which the table has")),
    ] {
        let root = Root::new();
        let other = root.open();
        let declared = theirs.clone();
        let once = Once::new(move || drop(other.declare(&declared).unwrap()));
        let dataset = Hooked::open(&root, root.settings(), move |when, call| {
            if when == When::Before && call.is_commit() {
                once.act();
            }
        });
        match (dataset.declare(&with("ours")), told) {
            (Ok(declared), None) => assert_eq!(declared, with("ours")),
            (Err(error), Some(told)) => assert!(error.to_string().ends_with(told), "{error}"),
            (result, _) => panic!("{result:?}"),
        }
        let expected = if told.is_some() { theirs.clone() } else { with("ours") };
        assert_eq!(root.open().descriptor(id("agents")).unwrap(), expected);
        // Two equal declarations make one commit.
        assert_eq!(root.commits().len(), if theirs == agents() { 2 } else { 1 });
    }
}

/// Columns outside the declaration, which are kept when the schema is not strict, have the types of their rows.
#[test]
fn a_column_that_was_written_is_declared_with_its_type_or_refused() {
    let root = Root::new();
    let settings = root.settings().with_strict_schema(false);
    let dataset = Dataset::open(settings, RUN).unwrap();
    dataset.declare(&table("agents", &[("id", "i64")])).unwrap();
    let extra = |name: &'static str, array: ArrayRef| {
        batch(vec![("tick", Arc::new(Int64Array::from(vec![0]))), (name, array)])
    };
    let floats = extra("y", Arc::new(Float64Array::from(vec![0.5])));
    dataset.append(id("agents"), floats.clone(), AppendOptions::default()).unwrap();
    let whole = extra("n", Arc::new(Int64Array::from(vec![1])));
    dataset.append(id("agents"), whole, AppendOptions::default()).unwrap();
    for (columns, told) in [
        ([("id", "i64"), ("y", "i64")], "`y` is f64, and is declared i64 now"),
        ([("id", "i64"), ("y", "f32")], "`y` is f64, and is declared f32 now"),
        ([("id", "i64"), ("n", "i32")], "`n` is i64, and is declared i32 now"),
    ] {
        let error = dataset.declare(&table("agents", &columns)).unwrap_err();
        assert!(error.to_string().ends_with(told), "{error}");
    }
    dataset.declare(&table("agents", &[("id", "i64"), ("y", "f64"), ("n", "f64")])).unwrap();
    dataset.append(id("agents"), floats, AppendOptions::default()).unwrap();
    let read = read(&root.open(), id("agents"));
    assert_eq!(read.column_by_name("n").unwrap().as_ref(), &Float64Array::from(vec![None, Some(1.0), None]));
    assert!(root.open().check(CheckOptions { deep: true }).unwrap().ok);
}

#[test]
fn a_frame_can_declare_its_table() {
    let frame = rows(&[0]);
    let descriptor = Descriptor::from_arrow(id("agents"), &frame.schema(), &["agent_id"]).unwrap();
    assert_eq!(descriptor, agents());
    let error = Descriptor::from_arrow(id("agents"), &frame.schema(), &["agent"]).unwrap_err();
    assert_eq!(error.to_string(), "`agent` is required, and is no column of the declaration");
    let field = ArrowField::new("m", DataType::Timestamp(TimeUnit::Nanosecond, None), true);
    let schema = arrow_schema::Schema::new(vec![field]);
    let descriptor = Descriptor::from_arrow::<&str>(id("times"), &schema, &[]).unwrap();
    assert_eq!(descriptor.columns()[2].ty, FieldType::Timestamp { zone: None });
}
