//! The runs under a root as one dataset: listings, the index, scans of many runs.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow_select::concat::concat_batches;
use crv_io::catalog::RunCondition::{Damaged, Failed, Newer, Running, Succeeded};
use crv_io::catalog::{Catalog, ListingStats, Selection};
use crv_io::run::{IfExists, Outcome, RemoveOptions, RunError, RunOptions, Seed, remove_run, start_run};
use crv_io::{
    AppendOptions, CompactOptions, Dataset, ErrorKind, IoSettings, Result, RunId, TableId, TickRange,
};
use serde_json::{Value, json};

use crate::support::{EDGES, Root, append, holdings};

fn start(settings: &IoSettings, id: &str, params: &Value) -> crv_io::run::Run {
    let options = RunOptions {
        run_id: Some(id.to_owned()),
        params: params.as_object().unwrap().clone(),
        sweep: Some("s".to_owned()),
        seed: Some(Seed::from(7_u64)),
        tags: vec!["a".to_owned(), id.to_owned()],
        ..RunOptions::default()
    };
    start_run(settings, &options).unwrap()
}

/// `count` runs that succeeded, with a few rows each: run `w-0007` has density 0.07.
fn sweep(root: &Root, count: usize) -> Catalog {
    for number in 0..count {
        let params = json!({"density": number as f64 / 100.0, "size": number});
        let run = start(&root.settings(), &format!("w-{number:04}"), &params);
        append(run.dataset(), (0..3).map(|tick| tick + number as i64));
        run.finish(Outcome::Succeeded).unwrap();
    }
    Catalog::open(root.settings()).unwrap()
}

/// Makes every file and directory older: what was changed a moment ago is never put into the index.
fn age(path: &Path) {
    let is_dir = path.is_dir();
    if is_dir {
        for entry in fs_err::read_dir(path).unwrap() {
            age(&entry.unwrap().path());
        }
    }
    let file = fs_err::OpenOptions::new().read(is_dir).write(!is_dir).open(path).unwrap().into_file();
    let before = file.metadata().unwrap().modified().unwrap();
    file.set_modified(before - Duration::from_secs(60)).unwrap();
}

fn ids(catalog: &Catalog, selection: &Selection) -> Vec<String> {
    catalog.runs(selection).unwrap().into_iter().map(|run| run.run_id.to_string()).collect()
}

fn by(filter: &str) -> Selection {
    Selection::all().filter(filter.parse().unwrap())
}

#[test]
fn runs_are_a_table_with_their_parameters() {
    let root = Root::new();
    let settings = root.settings();
    let run = start(&settings, "a", &json!({"density": 1, "mode": "x", "of": [1, 2]}));
    append(run.dataset(), [3, 4]);
    run.dataset().append(TableId::HOLDINGS, holdings([9]), AppendOptions::default()).unwrap();
    run.finish(Outcome::Succeeded).unwrap();
    let run = start(&settings, "b", &json!({"density": 0.5, "mode": 3}));
    run.finish(Outcome::Failed(RunError { kind: "E".into(), ..RunError::default() })).unwrap();
    append(&Dataset::open(settings.clone(), "c").unwrap(), [1]);
    let _running = start(&settings, "d", &json!({}));
    append(&Dataset::open(settings.clone(), "e").unwrap(), [1]);
    let manifest = root.path().join("runs/e/tables/identity_edges/manifest.json");
    fs_err::write(&manifest, b"{").unwrap();
    append(&Dataset::open(settings.clone(), "f").unwrap(), [1]);
    let later = root.path().join("runs/f/run.json");
    fs_err::write(later, b"{\"format\": 99}").unwrap();
    append(&Dataset::open(settings.clone(), "g").unwrap(), [1]);
    let later = root.path().join("runs/g/_commits/00000000000000000002.json");
    fs_err::write(later, b"{\"format\": 99}").unwrap();
    let rows = Catalog::open(settings).unwrap().runs(&Selection::all()).unwrap();
    let states: Vec<_> = rows.iter().map(|row| row.state).collect();
    assert_eq!(states[..5], [Some(Succeeded), Some(Failed), None, Some(Running), Some(Damaged)]);
    assert!(rows[4].problem.as_ref().unwrap().contains("identity_edges"), "{:?}", rows[4].problem);
    assert!(rows[5].problem.is_some());
    assert_eq!(rows[6].state, Some(Newer), "{:?}", rows[6].problem);

    let frame = Catalog::frame(&rows[..3]).unwrap();
    let column = |name: &str| frame.column_by_name(name).unwrap_or_else(|| panic!("no column `{name}`"));
    let densities = column("params.density").as_primitive::<Float64Type>();
    assert_eq!(densities.iter().collect::<Vec<_>>(), [Some(1.0), Some(0.5), None]);
    let modes: Vec<Option<&str>> = column("params.mode").as_string::<i32>().iter().collect();
    assert_eq!(modes, [Some("\"x\""), Some("3"), None], "values of several types are JSON");
    assert_eq!(column("params.of").as_list::<i32>().value(0).len(), 2);
    assert_eq!(
        column("seed").as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
        [Some(7), Some(7), None]
    );
    assert_eq!(column("rows").as_primitive::<Int64Type>().values(), &[3, 0, 1]);
    assert_eq!(
        column("tick_max").as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
        [Some(9), None, Some(1)]
    );
    let tables = column("tables").as_list::<i32>().value(0);
    assert_eq!(
        tables.as_string::<i32>().iter().flatten().collect::<Vec<_>>(),
        ["identity_edges", "holdings"]
    );
    assert!(
        column("duration_s").as_primitive::<Float64Type>().value(0) >= 0.0 && column("duration_s").is_null(2)
    );
}

#[test]
fn runs_are_selected_by_pattern_id_and_filter() {
    let root = Root::new();
    let catalog = sweep(&root, 12);
    assert_eq!(ids(&catalog, &Selection::all().glob("w-*1*").unwrap()), ["w-0001", "w-0010", "w-0011"]);
    assert_eq!(ids(&catalog, &Selection::all().glob("w-000[45]").unwrap()), ["w-0004", "w-0005"]);
    let some = ["w-0009", "w-0002"].map(|id| RunId::new(id).unwrap());
    assert_eq!(ids(&catalog, &Selection::all().ids(some.clone())), ["w-0002", "w-0009"]);
    assert_eq!(ids(&catalog, &by("density > 0.095")), ["w-0010", "w-0011"]);
    assert_eq!(ids(&catalog, &by("params.density = 0.03 or size = 4")), ["w-0003", "w-0004"]);
    assert_eq!(ids(&catalog, &by("status = 'succeeded' and tick_min >= 11")), ["w-0011"]);
    assert_eq!(ids(&catalog, &by("created > '2020-01-01' and id < 'w-0001'")), ["w-0000"]);
    assert_eq!(ids(&catalog, &by("size < 3").glob("*1").unwrap().ids(some)), [""; 0]);
    assert_eq!(ids(&catalog, &by("state = 'failed'")), [""; 0]);

    let refused = |selection: Result<Selection>| {
        let error = selection.and_then(|selection| catalog.runs(&selection)).unwrap_err();
        (error.kind(), error.to_string(), error.hint().unwrap_or_default().to_owned())
    };
    let (kind, text, hint) = refused(Selection::all().glob("x-*"));
    assert_eq!((kind, text.as_str()), (ErrorKind::NotFound, "no run matches `x-*`"));
    assert_eq!(hint, "there are 12 runs, the first is `w-0000`");
    assert_eq!(refused(Selection::all().glob("w-[")).0, ErrorKind::Argument);
    let (kind, text, hint) = refused(Ok(Selection::all().ids([RunId::new("w-001").unwrap()])));
    assert_eq!((kind, text.as_str()), (ErrorKind::NotFound, "there is no run `w-001`"));
    assert!(hint.starts_with("did you mean `w-00"), "{hint}");
    let (kind, text, hint) = refused(Ok(by("densty > 1")));
    assert_eq!(kind, ErrorKind::Argument);
    assert!(text.contains("`densty`"), "{text}");
    assert_eq!(hint, "did you mean `density`?");
}

fn listed(catalog: &Catalog, selection: &Selection) -> ListingStats {
    let (rows, stats) = catalog.runs_with_stats(selection).unwrap();
    // Whatever the index says, it is what the runs say.
    let truth = crv_io::catalog::summarize_runs(catalog.settings()).unwrap();
    for row in rows {
        let info = truth.iter().find(|run| run.run_id == row.run_id).unwrap();
        assert_eq!(row, info.info.as_ref().unwrap().clone().into());
    }
    stats
}

#[test]
fn a_listing_reads_only_runs_that_changed() {
    let root = Root::new();
    let catalog = sweep(&root, 80);
    let all = Selection::all();
    assert_eq!(listed(&catalog, &all), ListingStats { runs: 80, read: 80 });
    assert!(!root.path().join("runs.index").exists(), "what was changed a moment ago is not kept");
    age(root.path());
    assert_eq!(listed(&catalog, &all).read, 80);
    assert!(root.path().join("runs.index").exists());
    assert_eq!(listed(&catalog, &all), ListingStats { runs: 80, read: 0 });

    // Whatever changes a run is seen: rows, a merge, a removal of rows, another state, a prune, a rebuild.
    let open = |number: usize| Dataset::open(root.settings(), &format!("w-{number:04}")).unwrap();
    append(&open(1), [50]);
    open(2).compact(EDGES, CompactOptions::default()).unwrap();
    open(3).truncate(3).unwrap();
    let options = RunOptions {
        run_id: Some("w-0004".to_owned()),
        if_exists: IfExists::Resume,
        ..RunOptions::default()
    };
    let resumed = start_run(&root.settings(), &options).unwrap();
    assert_eq!(listed(&catalog, &all).read, 3);
    assert_eq!(catalog.runs(&by("state = 'running'")).unwrap().len(), 1);
    resumed.finish(Outcome::Aborted).unwrap();
    assert_eq!(ids(&catalog, &by("state = 'aborted'")), ["w-0004"]);
    append(&open(5), (60..70).collect::<Vec<_>>());
    fs_err::remove_file(root.path().join("runs/w-0006/tables/identity_edges/manifest.json")).unwrap();
    open(6).rebuild_manifest(EDGES).unwrap();
    fs_err::remove_dir_all(root.path().join("runs/w-0007")).unwrap();
    let stats = listed(&catalog, &all);
    assert!(stats.runs == 79 && (3..=6).contains(&stats.read), "{stats:?}");
    // A table that an implementation without a log has added.
    let manifest = root.path().join("runs/w-0020/tables/identity_edges/manifest.json");
    let foreign = root.path().join("runs/w-0020/tables/holdings");
    fs_err::create_dir(&foreign).unwrap();
    fs_err::copy(manifest, foreign.join("manifest.json")).unwrap();
    assert!(catalog.runs_with_stats(&all).unwrap().1.read > stats.read);
    fs_err::remove_dir_all(&foreign).unwrap();
    // A run of the same name is another run.
    fs_err::rename(root.path().join("runs/w-0009"), root.path().join("aside")).unwrap();
    let run = start(&root.settings(), "w-0009", &json!({"density": 5}));
    run.finish(Outcome::Succeeded).unwrap();
    assert_eq!(ids(&catalog, &by("density = 5")), ["w-0009"]);
}

#[test]
fn an_index_that_is_damaged_or_cannot_be_written_changes_nothing() {
    let root = Root::new();
    let catalog = sweep(&root, 70);
    age(root.path());
    let all = Selection::all();
    listed(&catalog, &all);
    let path = root.path().join("runs.index");
    let index = fs_err::read(&path).unwrap();
    let mut other = index.clone();
    other[9] = b'2';
    let mut flipped = index.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [&b""[..], b"crv", &index[..index.len() / 2], &other, &flipped] {
        fs_err::write(&path, damaged).unwrap();
        assert_eq!(listed(&catalog, &all).read, 70);
        assert_eq!(fs_err::read(&path).unwrap(), index, "it is written again");
    }
    fs_err::remove_file(&path).unwrap();
    fs_err::create_dir(&path).unwrap();
    assert_eq!(listed(&catalog, &all).read, 70);
    // The index of another root, whose runs have the same names.
    fs_err::remove_dir(&path).unwrap();
    let copy = Root::new();
    let copied = sweep(&copy, 70);
    age(copy.path());
    fs_err::write(copy.path().join("runs.index"), &index).unwrap();
    assert_eq!(listed(&copied, &all).read, 70);
}

#[test]
fn a_filter_on_facts_reads_no_run_that_it_leaves_out() {
    let root = Root::new();
    let catalog = sweep(&root, 80);
    age(root.path());
    catalog.runs(&Selection::all()).unwrap();
    for number in 0..80 {
        append(&Dataset::open(root.settings(), &format!("w-{number:04}")).unwrap(), [90]);
    }
    for filter in ["params.density > 0.775", "density > 0.775", "sweep = 's' and size >= 78 and id > 'w'"] {
        let (rows, stats) = catalog.runs_with_stats(&by(filter)).unwrap();
        assert_eq!((rows.len(), stats), (2, ListingStats { runs: 80, read: 2 }), "{filter}");
        assert_eq!(rows[0].tick_max, Some(90));
    }
    // What may change in a run is read of each run that has changed.
    let (rows, stats) = catalog.runs_with_stats(&by("density > 0.775 and rows = 4")).unwrap();
    assert_eq!((rows.len(), stats), (2, ListingStats { runs: 80, read: 80 }));
}

fn all_rows(scan: &crv_io::catalog::CatalogScan) -> RecordBatch {
    let batches: Vec<RecordBatch> = scan.batches().unwrap().map(|batch| batch.unwrap()).collect();
    concat_batches(&scan.schema(), &batches).unwrap()
}

/// What the scan must return: the rows of each run, one run after the other.
fn one_by_one(root: &Root, runs: &[String], range: TickRange) -> RecordBatch {
    let each = runs.iter().map(|run| {
        let scan = Dataset::open(root.settings(), run).unwrap().scan(EDGES).unwrap().ticks(range);
        let schema = scan.schema();
        let batches: Vec<RecordBatch> = scan.batches().map(|batch| batch.unwrap()).collect();
        let rows = concat_batches(&schema, &batches).unwrap();
        let ids: ArrayRef = Arc::new(StringArray::from(vec![run.as_str(); rows.num_rows()]));
        let mut columns = vec![("run_id".to_owned(), ids, true)];
        let named =
            schema.fields().iter().map(|field| field.name().clone()).zip(rows.columns().iter().cloned());
        columns.extend(named.map(|(name, column)| (name, column, true)));
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    });
    let each: Vec<RecordBatch> = each.collect();
    concat_batches(each[0].schema_ref(), &each).unwrap()
}

#[test]
fn a_scan_of_many_runs_has_the_rows_of_each() {
    let root = Root::new();
    let catalog = sweep(&root, 40);
    // Runs of several parts, of a large part, and with merged parts.
    let open = |run: &str| Dataset::open(root.settings(), run).unwrap();
    (0..30).for_each(|tick| append(&open("w-0005"), [tick]));
    append(&open("w-0006"), (0..20_000).map(|tick| tick / 200));
    open("w-0005").compact(EDGES, CompactOptions::default()).unwrap();
    let runs = ids(&catalog, &Selection::all());
    for range in [TickRange::ALL, (5..=17).into(), (2_000..=3_000).into()] {
        let scan = catalog.scan(EDGES, &Selection::all()).unwrap().ticks(range);
        let (found, expected) = (all_rows(&scan), one_by_one(&root, &runs, range));
        assert_eq!(found.columns(), expected.columns(), "{range:?}");
        assert_eq!(found.schema().field(0).name(), "run_id");
        let filtered =
            scan.clone().filter("edge_weight < 9 and observer_agent_id != 'A3'".parse().unwrap()).unwrap();
        let filtered = all_rows(&filtered.columns(&["run_id", "tick"]).unwrap());
        let keep = |row: &usize| {
            let weight =
                expected.column_by_name("edge_weight").unwrap().as_primitive::<Float64Type>().value(*row);
            let agents = expected.column_by_name("observer_agent_id").unwrap().as_string::<i32>();
            weight < 9.0 && agents.value(*row) != "A3"
        };
        let kept: Vec<usize> = (0..expected.num_rows()).filter(keep).collect();
        assert_eq!(filtered.num_rows(), kept.len());
        for (row, place) in kept.iter().enumerate() {
            let id = |rows: &RecordBatch, row: usize| rows.column(0).as_string::<i32>().value(row).to_owned();
            assert_eq!(id(&filtered, row), id(&expected, *place));
        }
        let few = scan.limit(7);
        assert_eq!(all_rows(&few).columns(), expected.slice(0, expected.num_rows().min(7)).columns());
    }
}

#[test]
fn parameters_come_as_columns_in_any_place() {
    let root = Root::new();
    let catalog = sweep(&root, 6);
    let scan = catalog.scan(EDGES, &by("size >= 2")).unwrap();
    let scan = scan.params(&["density", "params.size"]).unwrap().string_views();
    let names = |scan: &crv_io::catalog::CatalogScan| {
        scan.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&scan)[..4], ["run_id", "density", "params.size", "bucket"]);
    let narrow = scan.clone().columns(&["tick", "params.size", "edge_weight", "density"]).unwrap();
    let rows = all_rows(&narrow);
    assert_eq!(names(&narrow), ["tick", "params.size", "edge_weight", "density"]);
    assert_eq!(rows.num_rows(), 12);
    for row in 0..rows.num_rows() {
        let size = rows.column(1).as_primitive::<Int64Type>().value(row);
        let density = rows.column(3).as_primitive::<Float64Type>().value(row);
        assert!((density - size as f64 / 100.0).abs() < 1e-12);
        assert_eq!(size, 2 + row as i64 / 3);
    }
    let alone = all_rows(&scan.clone().columns(&["run_id"]).unwrap());
    assert_eq!((alone.num_columns(), alone.num_rows()), (1, 12));
    let error = scan.clone().params(&["densty"]).unwrap_err();
    assert_eq!(error.hint(), Some("did you mean `density`?"));
    assert!(scan.clone().params(&["tick"]).unwrap_err().to_string().contains("has a column `tick` already"));
    assert!(scan.columns(&["weight"]).unwrap_err().to_string().contains("no column `weight`"));
}

fn trade(payload: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let text = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("venue_id", text("V")),
        ("token_id", text("T")),
        ("exchange_event_type", text("trade")),
        ("additional_payload", Arc::new(StructArray::try_from(payload).unwrap()) as ArrayRef),
    ])
    .unwrap()
}

#[test]
fn the_schema_is_that_of_all_runs_and_a_conflict_names_two() {
    let root = Root::new();
    let ints = || Arc::new(Int64Array::from(vec![5])) as ArrayRef;
    let append = |run: &str, payload| {
        let dataset = Dataset::open(root.settings(), run).unwrap();
        dataset.append(TableId::EXCHANGE, trade(payload), AppendOptions::default()).unwrap();
    };
    append("a", vec![("lot", ints())]);
    append("b", vec![("lot", Arc::new(Float64Array::from(vec![0.5])) as ArrayRef)]);
    append("c", vec![("note", Arc::new(StringArray::from(vec!["n"])) as ArrayRef)]);
    let catalog = Catalog::open(root.settings()).unwrap();
    let rows = all_rows(&catalog.scan(TableId::EXCHANGE, &Selection::all()).unwrap());
    let payload = rows.column_by_name("additional_payload").unwrap().as_struct();
    let lots = payload.column_by_name("lot").unwrap().as_primitive::<Float64Type>();
    assert_eq!(lots.iter().collect::<Vec<_>>(), [Some(5.0), Some(0.5), None]);
    assert!(payload.column_by_name("note").unwrap().is_null(0));
    append("d", vec![("note", ints())]);
    let error = catalog.scan(TableId::EXCHANGE, &Selection::all()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    let text = error.to_string();
    assert!(
        text.contains("`additional_payload.note`") && text.contains("run `c`") && text.contains("run `d`"),
        "{text}"
    );
    let error = catalog.scan(TableId::HOLDINGS, &Selection::all()).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::NotFound, "no selected run has a table `holdings`")
    );
}

#[test]
fn a_damaged_run_is_left_out_only_when_asked() {
    let root = Root::new();
    let catalog = sweep(&root, 4);
    fs_err::write(root.path().join("runs/w-0002/tables/identity_edges/manifest.json"), b"{").unwrap();
    let scan = catalog.scan(EDGES, &Selection::all()).unwrap();
    let error = scan.batches().err().unwrap();
    assert!(error.to_string().starts_with("run `w-0002` cannot be read"), "{error}");
    let (scan, skipped) = scan.skip_damaged();
    assert_eq!(skipped.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["w-0002"]);
    assert_eq!(all_rows(&scan).num_rows(), 9);
    // Its facts are read on their own: a selection by parameters finds it, and says that it cannot be read.
    let dense = catalog.scan(EDGES, &by("density > 0.015")).unwrap();
    assert_eq!(dense.damaged().iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["w-0002"]);
    // A run that is removed between the plan and the read is named.
    fs_err::remove_dir_all(root.path().join("runs/w-0003")).unwrap();
    let error = scan.batches().unwrap().find_map(Result::err).unwrap();
    assert!(error.to_string().contains("run `w-0003`"), "{error}");
}

/// Stops a thread when it is dropped.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs are created, removed and renamed while they are listed and scanned.
#[test]
fn runs_may_come_and_go_while_they_are_read() {
    let root = Root::new();
    let catalog = sweep(&root, 30);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                let id = format!("x-{:02}", number % 5);
                let run = start(&root.settings(), &id, &json!({"density": 9}));
                append(run.dataset(), 0..4);
                run.finish(Outcome::Succeeded).unwrap();
                drop(run);
                let dir = root.path().join("runs").join(&id);
                if number % 2 == 0 {
                    remove_run(&root.settings(), &id, RemoveOptions::default()).unwrap();
                } else {
                    fs_err::rename(&dir, root.path().join(format!("aside-{number}"))).unwrap();
                }
                number += 1;
            }
        });
        // Also when an assertion fails.
        let _stop = Stop(&stop);
        for _ in 0..60 {
            let rows = catalog.runs(&Selection::all()).unwrap();
            assert_eq!(rows.iter().filter(|row| row.run_id.as_str().starts_with("w-")).count(), 30);
            for row in &rows {
                let whole = [0, 3, 4].contains(&row.rows);
                assert!(row.is_damaged() || whole, "half a commit: {row:?}");
            }
            // The rows of runs that stay are all there, whatever happens to the others.
            let scan = catalog.scan(EDGES, &Selection::all().glob("w-*").unwrap()).unwrap();
            assert_eq!(all_rows(&scan).num_rows(), 90);
            let scan = catalog.scan(EDGES, &Selection::all()).unwrap().skip_damaged().0;
            for batch in scan.batches().unwrap() {
                match batch {
                    Ok(batch) => assert!(batch.num_rows() > 0),
                    Err(error) => assert!(error.to_string().contains("run `x-"), "{error}"),
                }
            }
        }
    });
}

#[test]
fn a_table_with_a_column_of_the_same_name_is_refused() {
    let root = Root::new();
    let dataset = Dataset::open(root.settings(), "r").unwrap();
    let column = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let frame = RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("run_id", column("its own")),
    ])
    .unwrap();
    let table = crv_io::paths::parse_table("t").unwrap();
    dataset.declare_like(table, &frame.schema(), &[] as &[&str]).unwrap();
    dataset.append(table, frame, AppendOptions::default()).unwrap();
    let error = Catalog::open(root.settings()).unwrap().scan(table, &Selection::all()).unwrap_err();
    assert!(error.to_string().contains("has a column `run_id` of its own"), "{error}");
}
