//! Scans of some rows, of some fields, and of large parts by several threads: the rows are those of a full read.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow_cast::cast;
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use crv_io::config::VerifyReads;
use crv_io::filter::Filter;
use crv_io::{AppendOptions, CompactOptions, Dataset, ErrorKind, Scan, TableId, TickRange};

use crate::support::{EDGES, RUN, Root, append, edges, forget_checksums};

const TRADES: TableId = TableId::EXCHANGE;

fn rows(scan: Scan) -> RecordBatch {
    let schema = scan.schema();
    let batches: Vec<RecordBatch> = scan.batches().map(|batch| batch.unwrap()).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn filtered(scan: &Scan, filter: &str) -> Scan {
    scan.clone().filter(filter.parse().unwrap()).unwrap()
}

/// Trades whose payload has a struct with other fields in every third tick, which is null for one agent.
fn trades(tick: i64) -> RecordBatch {
    let rows = 6;
    let texts =
        |of: &dyn Fn(usize) -> String| Arc::new((0..rows).map(|row| Some(of(row))).collect::<StringArray>());
    let side = texts(&|row| if row % 2 == 0 { "buy".into() } else { "sell".into() }) as ArrayRef;
    let lot = Arc::new(Int64Array::from_iter_values((0..rows as i64).map(|row| tick * 10 + row))) as ArrayRef;
    let leg = StructArray::try_from(vec![
        (
            "price",
            Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64 + 0.5))) as ArrayRef,
        ),
        ("note", texts(&|row| format!("leg {row} of {tick}")) as ArrayRef),
    ])
    .unwrap();
    let offsets = arrow_buffer::OffsetBuffer::from_lengths([0, 1, 2, 0, 3, 0]);
    let item = Arc::new(arrow_schema::Field::new_list_field(leg.data_type().clone(), true));
    let legs = Arc::new(ListArray::new(item, offsets, Arc::new(leg), None)) as ArrayRef;
    let members = match tick % 3 {
        0 => vec![("side", side)],
        1 => vec![("lot", lot), ("legs", legs)],
        _ => vec![("legs", legs), ("side", side), ("lot", lot)],
    };
    let (fields, columns, _) = StructArray::try_from(members).unwrap().into_parts();
    let nulls = (0..rows).map(|row| row != 4).collect::<Vec<_>>();
    let detail = StructArray::new(fields, columns, Some(nulls.into()));
    let payload = StructArray::try_from(vec![("of", Arc::new(detail) as ArrayRef)]).unwrap();
    RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from(vec![tick; rows])) as ArrayRef),
        ("venue_id", texts(&|row| format!("V{}", row % 3))),
        ("token_id", texts(&|_| "T".into())),
        ("exchange_event_type", texts(&|_| "trade".into())),
        ("additional_payload", Arc::new(payload) as ArrayRef),
    ])
    .unwrap()
}

/// Runs with the same rows: in small parts; merged into few; some of each; by an implementation without checksums.
fn layouts() -> Vec<(Root, Dataset)> {
    let run = |merged: i64, forget: bool| {
        let root = Root::new();
        let settings = root.settings().with_row_group_size(64).unwrap();
        let dataset = Dataset::open(settings, RUN).unwrap();
        for tick in 0..60 {
            if tick == merged {
                dataset.compact(TRADES, CompactOptions::default()).unwrap();
            }
            dataset.append(TRADES, trades(tick), AppendOptions::default()).unwrap();
        }
        if merged == 60 {
            dataset.compact(TRADES, CompactOptions::default()).unwrap();
        }
        if forget {
            let manifest = dataset.manifest(TRADES).unwrap();
            let mut empty = manifest.clone();
            empty.partitions.clear();
            dataset.replace_manifest(&empty).unwrap();
            dataset.replace_manifest(&manifest).unwrap();
        }
        (root, dataset)
    };
    vec![run(-1, false), run(60, false), run(45, false), run(45, true)]
}

#[test]
fn a_filtered_scan_has_the_rows_that_pass() {
    for (_root, dataset) in layouts() {
        let all = dataset.scan(TRADES).unwrap();
        for range in [TickRange::ALL, (7..=41).into()] {
            let all = all.clone().ticks(range);
            let complete = rows(all.clone());
            for filter in [
                "venue_id = 'V1'",
                "tick >= 10 and tick < 20",
                "tick in (3, 44, 45) or venue_id = 'V0' and additional_payload.of.lot > 300",
                "additional_payload.of.side = 'sell'",
                "additional_payload.of.side is null",
                "not additional_payload.of.lot < 200",
                "additional_payload.of is null and tick != 4",
                "tick > 1000",
                "bucket = 0",
            ] {
                let keep = filter.parse::<Filter>().unwrap();
                let keep = keep.bind(complete.schema_ref().fields()).unwrap().rows(&complete).unwrap();
                let expected = filter_record_batch(&complete, &keep).unwrap();
                let scan = filtered(&all, filter);
                assert_eq!(rows(scan.clone()), expected, "{filter}");
                let venues = scan.clone().columns(&["venue_id"]).unwrap();
                assert_eq!(rows(venues.clone()), expected.project(&[venue(&expected)]).unwrap(), "{filter}");
                assert_eq!(rows(venues.columns::<&str>(&[]).unwrap()).num_rows(), expected.num_rows());
                for limit in [0, 1, 7, 1_000] {
                    let taken = expected.slice(0, limit.min(expected.num_rows()));
                    assert_eq!(rows(scan.clone().limit(limit as u64)), taken, "{filter}, {limit} rows");
                }
                for packed in [scan.clone().string_views(), scan.clone().string_dictionaries()] {
                    let (schema, packed) = (packed.schema(), rows(packed));
                    assert_eq!(packed.schema(), schema);
                    for (one, other) in packed.columns().iter().zip(expected.columns()) {
                        assert_eq!(*cast(one, other.data_type()).unwrap(), **other, "{filter}");
                    }
                }
            }
        }
    }
}

fn venue(rows: &RecordBatch) -> usize {
    rows.schema().index_of("venue_id").unwrap()
}

#[test]
fn filters_are_all_applied_and_refused_by_name() {
    let root = Root::new();
    let dataset = root.open();
    (0..20).for_each(|tick| append(&dataset, [tick]));
    let scan = dataset.scan(EDGES).unwrap();
    let both = filtered(&filtered(&scan, "tick > 4"), "edge_weight < 8");
    assert_eq!(rows(both).column_by_name("tick").unwrap().as_primitive::<Int64Type>().values(), &[5, 6, 7]);
    let error = scan.clone().filter("edge_wieght > 1".parse().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    assert!(error.to_string().contains("table `identity_edges`"), "{error}");
    assert_eq!(error.hint(), Some("did you mean `edge_weight`?"));
}

#[test]
fn parts_of_other_ticks_are_not_opened() {
    let root = Root::new();
    let dataset = root.open();
    (0..20).for_each(|tick| append(&dataset, [tick]));
    let scan = filtered(&dataset.scan(EDGES).unwrap(), "tick >= 5 and tick < 7 and edge_weight > 0");
    let parts: Vec<i64> = scan.parts().iter().map(|part| part.tick_min).collect();
    assert_eq!(parts, [5, 6]);
    // The others may as well be gone.
    for part in dataset.scan(EDGES).unwrap().parts().iter().filter(|part| !parts.contains(&part.tick_min)) {
        fs_err::remove_file(&part.path).unwrap();
    }
    assert_eq!(rows(scan).num_rows(), 2);
}

/// A large part, whose pages are damaged but for one row group.
#[test]
fn row_groups_that_have_no_such_row_are_not_read() {
    let root = Root::new();
    let settings = root.settings().with_tick_bucket_size(1_000_000).unwrap();
    let settings = settings.with_row_group_size(20_000).unwrap();
    let dataset = Dataset::open(settings.clone(), RUN).unwrap();
    dataset.append(EDGES, edges(0..100_000), AppendOptions::default()).unwrap();
    // By size only, so that the damage is met where it is.
    let dataset = Dataset::open(settings.with_verify_reads(VerifyReads::Size), RUN).unwrap();
    let scan = dataset.scan(EDGES).unwrap().columns(&["edge_weight"]).unwrap();
    let path = scan.parts().remove(0).path;
    let bytes = fs_err::read(&path).unwrap();
    let filter = "edge_weight >= 41000 and edge_weight < 41010 or edge_weight = 59999";
    let found = rows(filtered(&scan, filter));
    assert_eq!(found.num_rows(), 11);
    // The first two row groups are about two fifths of the file.
    let mut damaged = bytes.clone();
    damaged[4..bytes.len() / 3].fill(0xff);
    fs_err::write(&path, damaged).unwrap();
    assert_eq!(rows(filtered(&scan, filter)), found);
    let unfiltered: Vec<_> = scan.clone().batches().collect();
    assert!(unfiltered.iter().any(Result::is_err), "the damage was not met");
    assert!(filtered(&scan, "edge_weight < 10").batches().any(|batch| batch.is_err()));
}

#[test]
fn a_field_alone_is_the_field_of_the_whole() {
    for (_root, dataset) in layouts() {
        let all = dataset.scan(TRADES).unwrap();
        let complete = rows(all.clone());
        let of = |rows: &RecordBatch| {
            let payload = rows.column_by_name("additional_payload").unwrap().as_struct();
            assert_eq!(payload.column_names(), ["of"]);
            payload.column(0).as_struct().clone()
        };
        let complete = of(&complete);
        let project = |names: &[&str]| rows(all.clone().columns(names).unwrap());
        for field in ["side", "lot", "legs"] {
            let found = project(&["tick", &format!("additional_payload.of.{field}")]);
            let found = of(&found);
            assert_eq!(found.column_names(), [field]);
            assert_eq!(found.nulls(), complete.nulls(), "a struct without the field is no null");
            assert_eq!(found.column(0), complete.column_by_name(field).unwrap());
        }
        let found =
            project(&["additional_payload.of.legs[].price", "venue_id", "additional_payload.of.side"]);
        assert_eq!(found.schema().fields()[0].name(), "additional_payload");
        let found = of(&found);
        assert_eq!(found.column_names(), ["legs", "side"]);
        let (some, legs) = (found.column(0).as_list::<i32>(), complete.column_by_name("legs").unwrap());
        let legs = legs.as_list::<i32>();
        assert_eq!((some.offsets(), some.nulls()), (legs.offsets(), legs.nulls()));
        let (some, legs) = (some.values().as_struct(), legs.values().as_struct());
        assert_eq!(some.column_names(), ["price"]);
        assert_eq!(some.column(0), legs.column_by_name("price").unwrap());
        let error = all.clone().columns(&["additional_payload.of.sides"]).unwrap_err();
        assert!(error.to_string().contains("has no column `additional_payload.of.sides`"), "{error}");
    }
}

#[test]
fn texts_as_dictionaries_are_the_same_texts_at_every_depth() {
    for (_root, dataset) in layouts() {
        let scan = dataset.scan(TRADES).unwrap();
        let (texts, packed) = (rows(scan.clone()), rows(scan.string_dictionaries()));
        let key_of = |column: &dyn Array| matches!(column.data_type(), DataType::Dictionary(..));
        assert!(key_of(packed.column_by_name("venue_id").unwrap()));
        let payload = packed.column_by_name("additional_payload").unwrap().as_struct();
        assert!(key_of(payload.column(0).as_struct().column_by_name("side").unwrap()));
        for (text, packed) in texts.columns().iter().zip(packed.columns()) {
            assert_eq!(*cast(packed, text.data_type()).unwrap(), **text);
        }
    }
}

/// A part that several threads read.
#[test]
fn a_large_part_comes_in_the_order_of_its_rows() {
    const ROWS: i64 = 600_000;
    let root = Root::new();
    let settings =
        root.settings().with_tick_bucket_size(1_000_000).unwrap().with_row_group_size(50_000).unwrap();
    let dataset = Dataset::open(settings, RUN).unwrap();
    let mut noise = fastrand::Rng::with_seed(7);
    let frame = edges(0..ROWS);
    let weights: ArrayRef = Arc::new((0..ROWS).map(|_| Some(noise.f64())).collect::<Float64Array>());
    let columns = frame.columns().iter().take(3).cloned().chain([Arc::clone(&weights)]).collect();
    let frame = RecordBatch::try_new(frame.schema(), columns).unwrap();
    dataset.append(EDGES, frame, AppendOptions::default()).unwrap();
    let scan = dataset.scan(EDGES).unwrap();
    assert!(scan.parts().len() == 1 && scan.parts()[0].bytes > 4 << 20);
    let ticks = |scan: Scan| -> Vec<i64> {
        let batches = scan.columns(&["tick"]).unwrap().batches().map(|batch| batch.unwrap());
        batches.flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
    };
    assert!(ticks(scan.clone()).into_iter().eq(0..ROWS));
    assert!(ticks(scan.clone().limit(123_456)).into_iter().eq(0..123_456));
    assert!(ticks(scan.clone().ticks(99_999..=250_001)).into_iter().eq(99_999..250_002));
    let found = rows(scan.clone().columns(&["edge_weight"]).unwrap());
    assert_eq!(found.column(0).as_primitive::<Float64Type>(), weights.as_primitive::<Float64Type>());
    let few = filtered(&scan, "edge_weight < 0.001 and tick >= 400000");
    let expected = weights.as_primitive::<Float64Type>().values().iter().skip(400_000);
    assert_eq!(rows(few).num_rows(), expected.filter(|weight| **weight < 0.001).count());
    assert_eq!(rows(scan.clone().columns::<&str>(&[]).unwrap()).num_rows(), ROWS as usize);
    // Damage is one error, wherever it is.
    let path = scan.parts()[0].path.clone();
    let bytes = fs_err::read(&path).unwrap();
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    fs_err::write(&path, damaged).unwrap();
    let settings = dataset.settings().clone();
    let fresh = Dataset::open(settings, RUN).unwrap().scan(EDGES).unwrap();
    let read: Vec<_> = fresh.batches().collect();
    assert!(matches!(&read[..], [Err(error)] if error.kind() == ErrorKind::Read), "{} results", read.len());
    fs_err::write(&path, bytes).unwrap();
    forget_checksums(&dataset);
    assert!(ticks(dataset.scan(EDGES).unwrap()).into_iter().eq(0..ROWS));
}

/// Names with dots beside structs with the same path.
#[test]
fn a_name_with_dots_is_not_taken_for_a_path() {
    let root = Root::new();
    let settings = root.settings().with_row_group_size(1).unwrap();
    let dataset = Dataset::open(settings, RUN).unwrap();
    let ints = |values: [i64; 2]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
    let inner = StructArray::try_from(vec![("b", ints([1, 1]))]).unwrap();
    let frame = RecordBatch::try_from_iter([
        ("tick", ints([0, 0])),
        ("a", Arc::new(inner) as ArrayRef),
        ("a.b", ints([7, 8])),
    ])
    .unwrap();
    let table = crv_io::paths::parse_table("dots").unwrap();
    dataset.declare_like(table, &frame.schema(), &[] as &[&str]).unwrap();
    dataset.append(table, frame, AppendOptions::default()).unwrap();
    let found = rows(filtered(&dataset.scan(table).unwrap(), "a.b = 8"));
    assert_eq!(found.num_rows(), 1);
    let runs = crv_io::catalog::Catalog::open(root.settings()).unwrap();
    let scan = runs.scan(table, &crv_io::catalog::Selection::all()).unwrap();
    let names: Vec<String> = scan.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["run_id", "bucket", "tick", "a", "a.b"]);
    let batches: Vec<RecordBatch> = scan.batches().unwrap().map(Result::unwrap).collect();
    assert_eq!(batches[0].column_by_name("a.b").unwrap().as_primitive::<Int64Type>().values()[0], 7);
}
